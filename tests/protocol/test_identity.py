"""The client's ML-DSA-65 identity, against the ML-DSA of OpenSSL and of dilithium-py."""

from __future__ import annotations

import hashlib

import pytest
from dilithium_py.ml_dsa import ML_DSA_65
from hypothesis import given
from hypothesis import strategies as st

from nen_ref.protocol.identity import Identity, prove_identity, verify_identity
from tests.protocol.oracle import (
    BASE64_TEXTS,
    JSON_VALUES,
    KemPeer,
    Signer,
    b64,
    code_of,
    leaks,
    refused,
    secret,
    texts_of,
    unb64,
)

EK = KemPeer("client").ek
SIGNER, STRANGER = Signer("identity"), Signer("stranger")
SIGNATURE = SIGNER.sign(EK)
GOOD: dict[str, object] = {"sigPk": b64(SIGNER.spki), "sigOfPk": b64(SIGNATURE)}
OID = bytes.fromhex("0609608648016503040312")  # 2.16.840.1.101.3.4.3.18
PREFIX = bytes.fromhex("308207b2300b0609608648016503040312038207a100")


def test_the_prefix_of_a_public_key_is_that_of_rfc_9881() -> None:
    assert SIGNER.spki == PREFIX + SIGNER.pk
    assert len(SIGNER.spki) == 1974


def test_a_seed_has_the_key_pair_that_others_derive() -> None:
    identity = Identity.from_seed(SIGNER.seed)
    assert (identity.pk, identity.sk) == ML_DSA_65.key_derive(SIGNER.seed)
    assert identity.pk == SIGNER.pk


def test_a_deterministic_proof_is_that_of_dilithium_py() -> None:
    identity = Identity.from_seed(SIGNER.seed)
    expected = ML_DSA_65.sign(identity.sk, EK, ctx=b"", deterministic=True)
    assert prove_identity(identity, EK, bytes(32)) == {"sigPk": b64(SIGNER.spki), "sigOfPk": b64(expected)}


def test_a_hedged_proof_verifies_elsewhere_and_here() -> None:
    """V1-ID-01, V1-ID-02."""
    identity = Identity.from_seed(SIGNER.seed)
    proofs = [prove_identity(identity, EK, secret(name)) for name in ("rnd", "rnd", "another")]
    assert proofs[0] == proofs[1] != proofs[2]
    for proof in proofs:
        assert len(unb64(proof["sigOfPk"])) == 3309
        SIGNER.verifies(unb64(proof["sigOfPk"]), EK)
        assert verify_identity(dict(proof), EK) == SIGNER.pk


def test_an_identity_is_verified() -> None:
    assert verify_identity(GOOD, EK) == SIGNER.pk
    assert verify_identity({**GOOD, "pk": 1, "x": None}, EK) == SIGNER.pk


def test_the_bare_key_is_taken() -> None:
    """V1-ID-04."""
    assert verify_identity({**GOOD, "sigPk": b64(SIGNER.pk)}, EK) == SIGNER.pk


@pytest.mark.parametrize("members", [{}, {"pk": "x"}, {"sigpk": "x", "sigofpk": "x", "sig": "x"}])
def test_no_identity_is_none(members: dict[str, object]) -> None:
    assert verify_identity(members, EK) is None


def changed(data: bytes, i: int, by: int = 1) -> bytes:
    return data[:i] + bytes([data[i] ^ by]) + data[i + 1 :]


SPKI = SIGNER.spki
KEYS: dict[str, object] = {
    "null": None,
    "a list of numbers": list(SPKI),
    "an object": {"data": b64(SPKI)},
    "a number": 1974,
    "empty": "",
    "not base64": "*" * 2632,
    "without padding": b64(SIGNER.pk + b"\0").rstrip("="),
    "with a line feed": b64(SPKI) + "\n",
    "URL-safe": b64(SPKI).replace("+", "-").replace("/", "_"),
    "hex": SPKI.hex(),
    "PEM": f"-----BEGIN PUBLIC KEY-----\n{b64(SPKI)}\n-----END PUBLIC KEY-----\n",
    "short": b64(SPKI[:-1]),
    "long": b64(SPKI + b"\0"),
    "bare and short": b64(SIGNER.pk[:-1]),
    "bare and long": b64(SIGNER.pk + b"\0"),
    "bare of ML-DSA-44": b64(bytes(1312)),
    "bare of ML-DSA-87": b64(bytes(2592)),
    "of ML-DSA-44 by its name": b64(SPKI.replace(OID, OID[:-1] + b"\x11")),
    "of ML-DSA-87 by its name": b64(SPKI.replace(OID, OID[:-1] + b"\x13")),
    "HashML-DSA-65 by its name": b64(SPKI.replace(OID, OID[:-1] + b"\x21")),
    "with NULL parameters": b64(bytes.fromhex("308207b4300d06096086480165030403120500038207a100") + SIGNER.pk),
    "with unused bits": b64(SPKI[:21] + b"\1" + SIGNER.pk),
    "with a long form of a length": b64(bytes.fromhex("308207b330810b0609608648016503040312038207a100") + SIGNER.pk),
    "with an indefinite length": b64(b"\x30\x80" + SPKI[4:] + b"\0\0"),
    "another key": b64(STRANGER.spki),
    "another key, bare": b64(STRANGER.pk),
    "one bit of rho": b64(changed(SPKI, 22)),
    "one bit of t1": b64(changed(SPKI, 1973, 0x80)),
    "zero": b64(PREFIX + bytes(1952)),
}
SIGNATURES: dict[str, object] = {
    "null": None,
    "a list of numbers": list(SIGNATURE),
    "empty": "",
    "not base64": "*" * 4412,
    "without padding": b64(SIGNATURE + b"\0").rstrip("="),
    "hex": SIGNATURE.hex(),
    "short": b64(SIGNATURE[:-1]),
    "long": b64(SIGNATURE + b"\0"),
    "zero": b64(bytes(3309)),
    "all ones": b64(b"\xff" * 3309),
    "by another": b64(STRANGER.sign(EK)),
    "over the base64 text": b64(SIGNER.sign(b64(EK).encode())),
    "over the hash": b64(SIGNER.sign(hashlib.sha256(EK).digest())),
    "over the body": b64(SIGNER.sign(b'{"pk":"' + b64(EK).encode() + b'"}')),
    "over another key": b64(SIGNER.sign(KemPeer("other").ek)),
    "in a context": b64(SIGNER.sign(EK, b"nen")),
    "in a context of one zero byte": b64(SIGNER.sign(EK, b"\0")),
}


@pytest.mark.parametrize("value", KEYS.values(), ids=KEYS)
def test_a_key_that_is_not_the_one_encoding_is_refused(value: object) -> None:
    """V1-ID-02, V1-ID-05."""
    refused("ISO-3004", verify_identity, {**GOOD, "sigPk": value}, EK)


@pytest.mark.parametrize("value", SIGNATURES.values(), ids=SIGNATURES)
def test_a_signature_that_does_not_verify_is_refused(value: object) -> None:
    """V1-ID-01, V1-ID-05."""
    refused("ISO-3004", verify_identity, {**GOOD, "sigOfPk": value}, EK)


@pytest.mark.parametrize("name", ["sigPk", "sigOfPk"])
def test_half_an_identity_is_refused(name: str) -> None:
    """V1-ID-03."""
    error = refused("ISO-3004", verify_identity, {name: GOOD[name]}, EK)
    assert "half" in error.detail
    refused("ISO-3004", verify_identity, {name: None}, EK)


def test_one_changed_bit_anywhere_is_refused() -> None:
    """All parts of a signature: c_tilde (48 bytes), z (3200), h (61)."""
    for i in (0, 47, 48, 49, 1648, 3247, 3248, 3300, 3303, 3308):
        refused("ISO-3004", verify_identity, {**GOOD, "sigOfPk": b64(changed(SIGNATURE, i))}, EK)
    for i in (0, 383, 384, 1151, 1152, 1183):
        refused("ISO-3004", verify_identity, GOOD, changed(EK, i))
    refused("ISO-3004", verify_identity, GOOD, EK[:-1])
    refused("ISO-3004", verify_identity, GOOD, EK + b"\0")
    refused("ISO-3004", verify_identity, GOOD, b"")


@given(st.sampled_from(["sigPk", "sigOfPk"]), JSON_VALUES | BASE64_TEXTS)
def test_any_value_is_refused_by_code(name: str, value: object) -> None:
    assert code_of(verify_identity, {**GOOD, name: value}, EK) == "ISO-3004"


@given(st.integers())
def test_any_key_and_signature_of_the_right_length_are_refused_by_code(name: int) -> None:
    random_pk, random_signature = secret(f"pk {name}", 1952), secret(f"signature {name}", 3309)
    for sig_pk in (random_pk, PREFIX + random_pk, SIGNER.pk):
        assert code_of(verify_identity, {"sigPk": b64(sig_pk), "sigOfPk": b64(random_signature)}, EK) == "ISO-3004"


@given(st.binary(min_size=61, max_size=61))
def test_any_hint_is_refused_by_code(hint: bytes) -> None:
    """The hint is the part of a signature whose decoding can fail (FIPS 204, algorithm 21)."""
    assert hint != SIGNATURE[-61:]
    assert code_of(verify_identity, {**GOOD, "sigOfPk": b64(SIGNATURE[:-61] + hint)}, EK) == "ISO-3004"


def test_an_identity_does_not_show_its_secret_key() -> None:
    identity = Identity.from_seed(SIGNER.seed)
    shown = texts_of(identity) + texts_of([identity])
    assert leaks(shown, SIGNER.pk[:64])  # the public key is shown, so the search would find the other
    for name, value in {"seed": SIGNER.seed, "K": identity.sk[32:64], "s1": identity.sk[128:228]}.items():
        assert not leaks(shown, value), name
