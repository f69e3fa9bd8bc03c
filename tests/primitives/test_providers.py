"""The providers: every library agrees with the reference on every operation it can do, refusals included."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from hashlib import sha3_256, shake_256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from dilithium_py.ml_dsa import ML_DSA_65  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st
from kyber_py.ml_kem import ML_KEM_768  # type: ignore[import-untyped]

import nen_ref
from nen_ref import providers
from nen_ref.primitives import ml_dsa, ml_kem
from nen_ref.primitives.errors import (
    AuthenticationError,
    ContextError,
    KeyCheckError,
    LengthError,
    LimitError,
    PrimitiveError,
)
from nen_ref.primitives.suite import REFERENCE, Suite
from nen_ref.providers import PROVIDERS, MissingLibraryError, UnknownProviderError, Unsupported, provider

Q = 3329

OPERATIONS = {
    "ml_kem_768_keygen",
    "ml_kem_768_check_ek",
    "ml_kem_768_encaps",
    "ml_kem_768_decaps",
    "ml_dsa_65_keygen",
    "ml_dsa_65_sign",
    "ml_dsa_65_verify",
    "aead_seal",
    "aead_open",
    "hmac_sha256",
    "hkdf_sha256",
    "x25519",
}

CAN_DO = {
    "reference": OPERATIONS,
    "pypi": OPERATIONS,
    "pycryptodome": OPERATIONS,
    "cryptography": {
        "ml_kem_768_check_ek",
        "ml_dsa_65_verify",
        "aead_seal",
        "aead_open",
        "hmac_sha256",
        "hkdf_sha256",
        "x25519",
    },
}

seeds = st.binary(min_size=32, max_size=32)
nonces = st.binary(min_size=12, max_size=12)
messages = st.binary(max_size=300)
contexts = st.binary(max_size=255)

quick = settings(derandomize=True, deadline=None, max_examples=100)
kem = settings(derandomize=True, deadline=None, max_examples=30)
dsa = settings(derandomize=True, deadline=None, max_examples=10)

SEED = bytes(range(32))
EK, DK = REFERENCE.ml_kem_768_keygen(SEED, SEED)
PK, SK = REFERENCE.ml_dsa_65_keygen(SEED)
C = REFERENCE.ml_kem_768_encaps(EK, SEED).c
SIGMA = REFERENCE.ml_dsa_65_sign(SK, b"M", b"ctx", SEED)
SEALED = REFERENCE.aead_seal(SEED, bytes(12), b"plaintext")


def who_can(operation: str) -> pytest.MarkDecorator:
    """The test takes a `suite`: each one, the reference included, that can do the operation."""
    suites = [provider(name) for name, operations in CAN_DO.items() if operation in operations]
    return pytest.mark.parametrize("suite", suites, ids=lambda suite: suite.name)


def flip(data: bytes, bit: int) -> bytes:
    return bytes(byte ^ (1 << bit % 8 if i == bit // 8 else 0) for i, byte in enumerate(data))


# What there is ---------------------------------------------------------------------------------------------


def test_the_names() -> None:
    assert PROVIDERS == ("reference", "pypi", "pycryptodome", "cryptography")
    assert [provider(name).name for name in PROVIDERS] == list(PROVIDERS)
    assert provider("reference") is REFERENCE


def test_the_versions_name_the_libraries() -> None:
    assert REFERENCE.version == nen_ref.__version__
    for name, libraries in {
        "pypi": ["kyber-py 1.", "dilithium-py 1.", "pycryptodome 4."],
        "pycryptodome": ["pycryptodome 4."],
        "cryptography": ["cryptography "],
    }.items():
        assert all(library in provider(name).version for library in libraries)


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UnknownProviderError, match=r"'openssl'.*reference, pypi, pycryptodome, cryptography"):
        provider("openssl")


def test_every_operation_is_a_field_of_the_suite() -> None:
    assert {field.name for field in fields(Suite)} == OPERATIONS | {"name", "version", "unsupported"}


@pytest.mark.parametrize("name", PROVIDERS)
def test_what_is_declared_unsupported(name: str) -> None:
    suite = provider(name)
    assert set(suite.unsupported) == OPERATIONS - CAN_DO[name]
    assert all(suite.unsupported.values()), "every one has a reason"


VALID_ARGUMENTS: dict[str, tuple[bytes, ...]] = {
    "ml_kem_768_keygen": (SEED, SEED),
    "ml_kem_768_encaps": (EK, SEED),
    "ml_kem_768_decaps": (DK, C),
    "ml_dsa_65_keygen": (SEED,),
    "ml_dsa_65_sign": (SK, b"M", b"ctx", SEED),
}


@pytest.mark.parametrize("operation", sorted(OPERATIONS - CAN_DO["cryptography"]))
def test_what_is_declared_unsupported_raises(operation: str) -> None:
    suite = provider("cryptography")
    call: Callable[..., object] = getattr(suite, operation)
    with pytest.raises(Unsupported) as raised:
        call(*VALID_ARGUMENTS[operation])
    assert (raised.value.operation, raised.value.reason) == (operation, suite.unsupported[operation])
    assert isinstance(raised.value, NotImplementedError)
    assert not isinstance(raised.value, PrimitiveError)


# Missing libraries -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["pypi", "pycryptodome", "cryptography"])
def test_a_missing_library_is_named_with_the_extra(name: str) -> None:
    # -S: an interpreter without site-packages, as after `pip install nen-ref` for the primitives alone.
    program = f"""
from nen_ref.providers import MissingLibraryError, provider
assert provider("reference").aead_seal(bytes(32), bytes(12), b"")
try:
    provider({name!r})
except MissingLibraryError as error:
    print(error)
"""
    answer = subprocess.run(
        [sys.executable, "-S", "-c", program],
        env={"PYTHONPATH": str(Path(nen_ref.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert f"provider {name!r}" in answer
    assert "No module named" in answer
    assert "pip install nen-ref[oracles]" in answer


def test_a_library_that_is_too_old_counts_as_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "nen_ref.providers.pyca", raising=False)
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric.mlkem", None)
    with pytest.raises(MissingLibraryError, match=r"mlkem.*pip install nen-ref\[oracles\]"):
        provider("cryptography")


def test_a_fault_of_ours_does_not_pass_for_a_missing_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(providers._MODULES, "pypi", "nen_ref.providers.absent")
    with pytest.raises(ModuleNotFoundError) as raised:
        provider("pypi")
    assert not isinstance(raised.value, MissingLibraryError)


# ML-KEM-768 ------------------------------------------------------------------------------------------------


@who_can("ml_kem_768_keygen")
@kem
@given(d=seeds, z=seeds)
def test_ml_kem_keygen(suite: Suite, d: bytes, z: bytes) -> None:
    # cryptography's private key from the same seed: the encapsulation key of a third hand.
    expected = MLKEM768PrivateKey.from_seed_bytes(d + z).public_key().public_bytes_raw()
    pair = suite.ml_kem_768_keygen(d, z)
    assert isinstance(pair, ml_kem.KeyPair)
    assert pair.ek == expected
    assert pair == REFERENCE.ml_kem_768_keygen(d, z)
    suite.ml_kem_768_check_ek(pair.ek)


@who_can("ml_kem_768_encaps")
@kem
@given(d=seeds, m=seeds)
def test_ml_kem_encaps_and_decaps(suite: Suite, d: bytes, m: bytes) -> None:
    ek, dk = REFERENCE.ml_kem_768_keygen(d, m)
    encapsulation = suite.ml_kem_768_encaps(ek, m)
    assert isinstance(encapsulation, ml_kem.Encapsulation)
    assert encapsulation == REFERENCE.ml_kem_768_encaps(ek, m)
    assert suite.ml_kem_768_decaps(dk, encapsulation.c) == encapsulation.K
    assert MLKEM768PrivateKey.from_seed_bytes(d + m).decapsulate(encapsulation.c) == encapsulation.K


@who_can("ml_kem_768_decaps")
@kem
@given(bit=st.integers(0, 8 * 1088 - 1))
def test_ml_kem_implicit_rejection(suite: Suite, bit: int) -> None:
    private_key = MLKEM768PrivateKey.from_seed_bytes(SEED + SEED)
    tampered = flip(C, bit)
    K = suite.ml_kem_768_decaps(DK, tampered)
    assert private_key.decapsulate(tampered) == K
    assert suite.ml_kem_768_decaps(DK, C) != K


@who_can("ml_kem_768_check_ek")
@quick
@given(index=st.integers(0, 767), value=st.integers(Q, 4095))
def test_ml_kem_modulus_check(suite: Suite, index: int, value: int) -> None:
    suite.ml_kem_768_check_ek(EK)
    suite.ml_kem_768_check_ek(with_coefficient(EK, index, Q - 1))
    with pytest.raises(KeyCheckError):
        suite.ml_kem_768_check_ek(with_coefficient(EK, index, value))


def with_coefficient(ek: bytes, index: int, value: int) -> bytes:
    """`ek` with another coefficient: 12 bits each, little-endian."""
    number = int.from_bytes(ek, "little")
    number += (value - (number >> 12 * index) % 4096) << 12 * index
    return number.to_bytes(1184, "little")


@who_can("ml_kem_768_decaps")
@kem
@given(bit=st.integers(8 * 1152, 8 * 2368 - 1))
def test_ml_kem_hash_check(suite: Suite, bit: int) -> None:
    # From ek to H(ek); what precedes them (dk_PKE) and follows (z) the check does not cover.
    with pytest.raises(KeyCheckError):
        suite.ml_kem_768_decaps(flip(DK, bit), C)


def test_the_reference_opens_what_cryptography_encapsulated() -> None:
    secret, ciphertext = MLKEM768PublicKey.from_public_bytes(EK).encapsulate()
    assert REFERENCE.ml_kem_768_decaps(DK, ciphertext) == secret


def test_an_unpaired_dk_is_where_the_libraries_differ() -> None:
    # FIPS 203, 7.3 asks for the hash check only; RFC 9935, C.4 mentions the further check of pycryptodome.
    unpaired = flip(DK, 0)
    assert REFERENCE.ml_kem_768_decaps(unpaired, C) == provider("pypi").ml_kem_768_decaps(unpaired, C)
    with pytest.raises(KeyCheckError):
        provider("pycryptodome").ml_kem_768_decaps(unpaired, C)


@pytest.mark.parametrize("name", ["pypi", "pycryptodome"])
def test_the_libraries_check_the_ek_inside_dk_too(name: str) -> None:
    ek = with_coefficient(EK, 0, Q)
    dk = DK[:1152] + ek + sha3_256(ek).digest() + DK[-32:]
    with pytest.raises(KeyCheckError):
        provider(name).ml_kem_768_decaps(dk, C)
    # FIPS 203 does not ask for it: the changed H(ek) alone leads to implicit rejection, J(z || c).
    assert REFERENCE.ml_kem_768_decaps(dk, C) == shake_256(DK[-32:] + C).digest(32)


# ML-DSA-65 -------------------------------------------------------------------------------------------------


@who_can("ml_dsa_65_keygen")
@dsa
@given(xi=seeds)
def test_ml_dsa_keygen(suite: Suite, xi: bytes) -> None:
    pair = suite.ml_dsa_65_keygen(xi)
    assert isinstance(pair, ml_dsa.KeyPair)
    assert pair.pk == MLDSA65PrivateKey.from_seed_bytes(xi).public_key().public_bytes_raw()
    assert pair == REFERENCE.ml_dsa_65_keygen(xi)


@who_can("ml_dsa_65_sign")
@dsa
@given(M=messages, ctx=contexts, rnd=st.just(bytes(32)) | seeds)
def test_ml_dsa_sign(suite: Suite, M: bytes, ctx: bytes, rnd: bytes) -> None:
    sigma = suite.ml_dsa_65_sign(SK, M, ctx, rnd)
    assert sigma == REFERENCE.ml_dsa_65_sign(SK, M, ctx, rnd)
    MLDSA65PrivateKey.from_seed_bytes(SEED).public_key().verify(sigma, M, ctx)


@who_can("ml_dsa_65_verify")
@dsa
@given(M=messages, ctx=contexts)
def test_ml_dsa_verify(suite: Suite, M: bytes, ctx: bytes) -> None:
    sigma = MLDSA65PrivateKey.from_seed_bytes(SEED).sign(M, ctx)
    assert suite.ml_dsa_65_verify(PK, M, sigma, ctx) is True
    assert suite.ml_dsa_65_verify(PK, M + b"x", sigma, ctx) is False
    assert suite.ml_dsa_65_verify(PK, M, sigma, ctx[:-1] if ctx else b"x") is False


@who_can("ml_dsa_65_verify")
@settings(dsa, max_examples=25)
@given(bit=st.integers(0, 8 * 3309 - 1))
def test_ml_dsa_tampered_signature(suite: Suite, bit: int) -> None:
    assert suite.ml_dsa_65_verify(PK, b"M", flip(SIGMA, bit), b"ctx") is False


@who_can("ml_dsa_65_verify")
@pytest.mark.parametrize("bit", [0, 255, 256, 8 * 1952 - 1], ids=lambda bit: f"bit {bit}")
def test_ml_dsa_another_public_key(suite: Suite, bit: int) -> None:
    assert suite.ml_dsa_65_verify(PK, b"M", SIGMA, b"ctx") is True
    assert suite.ml_dsa_65_verify(flip(PK, bit), b"M", SIGMA, b"ctx") is False


@who_can("ml_dsa_65_verify")
def test_ml_dsa_signature_of_another_length(suite: Suite) -> None:
    for sigma in (b"", SIGMA[:-1], SIGMA[1:], SIGMA + b"\x00", SIGMA * 2):
        assert suite.ml_dsa_65_verify(PK, b"M", sigma, b"ctx") is False


def test_a_malformed_sk_is_where_the_libraries_differ() -> None:
    out_of_range = SK[:128] + b"\xff" + SK[129:]  # two coefficients of s1 are -11, eta is 4
    wrong_tr = flip(SK, 8 * 64)
    with pytest.raises(KeyCheckError):
        REFERENCE.ml_dsa_65_sign(out_of_range, b"M", b"", SEED)
    for sk in (out_of_range, wrong_tr):
        with pytest.raises(KeyCheckError):
            provider("pycryptodome").ml_dsa_65_sign(sk, b"M", b"", SEED)
    sigma = provider("pypi").ml_dsa_65_sign(wrong_tr, b"M", b"", SEED)
    assert sigma == REFERENCE.ml_dsa_65_sign(wrong_tr, b"M", b"", SEED)


# AEAD and HMAC ---------------------------------------------------------------------------------------------


@who_can("aead_seal")
@quick
@given(key=seeds, nonce=nonces, plaintext=messages)
def test_aead(suite: Suite, key: bytes, nonce: bytes, plaintext: bytes) -> None:
    sealed = suite.aead_seal(key, nonce, plaintext)
    assert sealed == provider("cryptography").aead_seal(key, nonce, plaintext)
    assert suite.aead_open(key, nonce, sealed) == plaintext


@who_can("aead_open")
@quick
@given(key=seeds, nonce=nonces, plaintext=messages, data=st.data())
def test_aead_tampered(suite: Suite, key: bytes, nonce: bytes, plaintext: bytes, data: st.DataObject) -> None:
    sealed = REFERENCE.aead_seal(key, nonce, plaintext)
    bit = data.draw(st.integers(0, 8 * len(sealed) - 1))
    with pytest.raises(AuthenticationError):
        suite.aead_open(key, nonce, flip(sealed, bit))


@who_can("aead_open")
def test_aead_without_room_for_a_tag(suite: Suite) -> None:
    for length in range(len(SEALED)):
        with pytest.raises(AuthenticationError):
            suite.aead_open(SEED, bytes(12), SEALED[:length])


@who_can("hmac_sha256")
@quick
@given(key=st.binary(max_size=200), text=messages)
def test_hmac(suite: Suite, key: bytes, text: bytes) -> None:
    mac = suite.hmac_sha256(key, text)
    assert mac == provider("cryptography").hmac_sha256(key, text) == REFERENCE.hmac_sha256(key, text)


@who_can("hmac_sha256")
@pytest.mark.parametrize("length", [0, 1, 63, 64, 65, 127, 128, 129])
def test_hmac_keys_around_the_block_size(suite: Suite, length: int) -> None:
    key = bytes(range(length))
    assert suite.hmac_sha256(key, b"text") == provider("cryptography").hmac_sha256(key, b"text")


# HKDF and X25519 -------------------------------------------------------------------------------------------


@who_can("hkdf_sha256")
@quick
@given(ikm=messages, info=messages, length=st.integers(0, 300))
def test_hkdf(suite: Suite, ikm: bytes, info: bytes, length: int) -> None:
    okm = suite.hkdf_sha256(ikm, info, length)
    assert okm == provider("cryptography").hkdf_sha256(ikm, info, length) == REFERENCE.hkdf_sha256(ikm, info, length)
    assert len(okm) == length


@who_can("hkdf_sha256")
def test_hkdf_has_a_longest_output(suite: Suite) -> None:
    assert suite.hkdf_sha256(SEED, b"info", 8160) == REFERENCE.hkdf_sha256(SEED, b"info", 8160)
    for length in (-1, 8161, 2**31, 2**64, 2**70):
        with pytest.raises(LimitError):
            suite.hkdf_sha256(SEED, b"info", length)


@who_can("x25519")
@quick
@given(k=seeds, u=seeds)
def test_x25519(suite: Suite, k: bytes, u: bytes) -> None:
    shared = suite.x25519(k, u)
    assert shared == provider("cryptography").x25519(k, u) == REFERENCE.x25519(k, u)
    assert suite.x25519(k, suite.x25519_public(u)) == suite.x25519(u, suite.x25519_public(k))


LOW_ORDER = (
    0,
    1,
    2**255 - 20,
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
)


@who_can("x25519")
@pytest.mark.parametrize("point", LOW_ORDER, ids=lambda point: f"{point % 2**32:x}")
def test_x25519_of_low_order_is_zeros(suite: Suite, point: int) -> None:
    """As they are, not canonical where that is possible, and with the top bit. Both libraries refuse them."""
    for u in (point, point + 2**255 - 19):
        for top_bit in (0, 2**255) if u < 2**255 else ():
            for k in (bytes(32), SEED, b"\xff" * 32):
                assert suite.x25519(k, (u | top_bit).to_bytes(32, "little")) == bytes(32)


@who_can("x25519")
@pytest.mark.parametrize("u", [2**255 - 19 + i for i in range(2, 19)] + [2**255 + 9, 2**256 - 1])
def test_x25519_takes_a_u_that_is_not_canonical(suite: Suite, u: int) -> None:
    canonical = u % 2**255 % (2**255 - 19)
    shared = suite.x25519(SEED, u.to_bytes(32, "little"))
    assert shared == REFERENCE.x25519(SEED, canonical.to_bytes(32, "little")) != bytes(32)


# The errors ------------------------------------------------------------------------------------------------

WRONG_LENGTHS: list[tuple[str, str, tuple[bytes, ...]]] = [
    ("ml_kem_768_keygen", "d", (SEED[1:], SEED)),
    ("ml_kem_768_keygen", "z", (SEED, SEED + b"x")),
    ("ml_kem_768_check_ek", "ek", (EK[1:],)),
    ("ml_kem_768_check_ek", "ek", (EK + b"x",)),
    ("ml_kem_768_check_ek", "ek", (b"",)),
    ("ml_kem_768_encaps", "ek", (EK[1:], SEED)),
    ("ml_kem_768_encaps", "m", (EK, SEED[1:])),
    ("ml_kem_768_encaps", "m", (EK, b"")),
    ("ml_kem_768_decaps", "dk", (DK[1:], C)),
    ("ml_kem_768_decaps", "dk", (SEED + SEED, C)),
    ("ml_kem_768_decaps", "c", (DK, C[1:])),
    ("ml_kem_768_decaps", "c", (DK, C + b"x")),
    ("ml_dsa_65_keygen", "xi", (SEED[1:],)),
    ("ml_dsa_65_sign", "sk", (SK[1:], b"M", b"ctx", SEED)),
    ("ml_dsa_65_sign", "sk", (SEED, b"M", b"ctx", SEED)),
    ("ml_dsa_65_sign", "rnd", (SK, b"M", b"ctx", b"")),
    ("ml_dsa_65_verify", "pk", (PK[1:], b"M", SIGMA, b"ctx")),
    ("ml_dsa_65_verify", "pk", (PK + b"x", b"M", SIGMA, b"ctx")),
    ("aead_seal", "key", (SEED[1:], bytes(12), b"")),
    ("aead_seal", "nonce", (SEED, bytes(8), b"")),
    ("aead_seal", "nonce", (SEED, bytes(24), b"")),
    ("aead_open", "key", (SEED[1:], bytes(12), SEALED)),
    ("aead_open", "nonce", (SEED, bytes(8), SEALED)),
    ("aead_open", "nonce", (SEED, bytes(24), SEALED)),
    ("x25519", "k", (SEED[1:], SEED)),
    ("x25519", "k", (SEED + b"x", SEED)),
    ("x25519", "u", (SEED, SEED[1:])),
    ("x25519", "u", (SEED, SEED + b"x")),
    ("x25519", "u", (SEED, b"")),
]


@pytest.mark.parametrize("name", PROVIDERS)
def test_wrong_lengths_raise_the_same_everywhere(name: str) -> None:
    for operation, argument, arguments in WRONG_LENGTHS:
        if operation in CAN_DO[name]:
            call: Callable[..., object] = getattr(provider(name), operation)
            with pytest.raises(LengthError, match=f"^{argument} must be"):
                call(*arguments)


@who_can("ml_dsa_65_verify")
def test_a_context_of_255_bytes_is_the_longest(suite: Suite) -> None:
    longest = bytes(255)
    sigma = REFERENCE.ml_dsa_65_sign(SK, b"M", longest, SEED)
    assert suite.ml_dsa_65_verify(PK, b"M", sigma, longest) is True
    with pytest.raises(ContextError):
        suite.ml_dsa_65_verify(PK, b"M", sigma, longest + b"\x00")


@who_can("ml_dsa_65_sign")
def test_signing_with_a_context_that_is_too_long(suite: Suite) -> None:
    with pytest.raises(ContextError):
        suite.ml_dsa_65_sign(SK, b"M", bytes(256), SEED)


def test_given_randomness_stays_in_the_call() -> None:
    provider("pypi").ml_kem_768_encaps(EK, SEED)
    provider("pypi").ml_dsa_65_sign(SK, b"M", b"", SEED)
    assert ML_KEM_768.random_bytes is os.urandom
    assert ML_DSA_65.random_bytes is os.urandom
