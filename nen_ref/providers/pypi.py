"""The primitives in the pure Python of PyPI: kyber-py and dilithium-py.

Neither has an AEAD, HMAC, HKDF or X25519: those are pycryptodome's, so for them this suite is no further witness.

kyber-py is stricter than FIPS 203: `ml_kem_768_decaps` refuses, with KeyCheckError, also a dk whose ek has a
coefficient not below q. dilithium-py is laxer: `ml_dsa_65_sign` does not check sk beyond its length.
"""

from collections.abc import Callable
from copy import copy
from importlib.metadata import version
from types import MappingProxyType
from typing import NoReturn

from dilithium_py.ml_dsa import ML_DSA_65  # type: ignore[import-untyped]
from kyber_py.ml_kem import ML_KEM_768  # type: ignore[import-untyped]

from nen_ref.primitives import ml_dsa, ml_kem
from nen_ref.primitives.errors import KeyCheckError
from nen_ref.primitives.suite import Parts, Suite
from nen_ref.providers import pycryptodome, unsupported
from nen_ref.providers.arguments import check_context, check_lengths


def ml_kem_768_keygen(d: bytes, z: bytes) -> ml_kem.KeyPair:
    check_lengths(d=d, z=z)
    ek, dk = ML_KEM_768.key_derive(d + z)
    return ml_kem.KeyPair(ek=ek, dk=dk)


def ml_kem_768_check_ek(ek: bytes) -> None:
    # The check has no function of its own: it is a part of encapsulation.
    ml_kem_768_encaps(ek, bytes(32))


def ml_kem_768_encaps(ek: bytes, m: bytes) -> ml_kem.Encapsulation:
    check_lengths(m=m)
    # A copy, for the randomness hangs on an object that all of the process shares.
    kem = copy(ML_KEM_768)
    kem.random_bytes = lambda _length: m
    try:
        K, c = kem.encaps(ek)
    except ValueError as error:
        check_lengths(ek=ek)
        raise KeyCheckError("ek fails a check of kyber-py") from error
    return ml_kem.Encapsulation(K=K, c=c)


def ml_kem_768_decaps(dk: bytes, c: bytes) -> bytes:
    try:
        K: bytes = ML_KEM_768.decaps(dk, c)
    except ValueError as error:
        check_lengths(dk=dk, c=c)
        raise KeyCheckError("dk fails a check of kyber-py") from error
    return K


def ml_dsa_65_keygen(xi: bytes) -> ml_dsa.KeyPair:
    check_lengths(xi=xi)
    pk, sk = ML_DSA_65.key_derive(xi)
    return ml_dsa.KeyPair(pk=pk, sk=sk)


def ml_dsa_65_sign(sk: bytes, M: bytes, ctx: bytes, rnd: bytes) -> bytes:
    check_lengths(sk=sk, rnd=rnd)
    dsa = copy(ML_DSA_65)
    dsa.random_bytes = lambda _length: rnd
    try:
        sigma: bytes = dsa.sign(sk, M, ctx)
    except ValueError:
        check_context(ctx)
        raise
    return sigma


def ml_dsa_65_verify(pk: bytes, M: bytes, sigma: bytes, ctx: bytes) -> bool:
    check_lengths(pk=pk)
    try:
        valid: bool = ML_DSA_65.verify(pk, M, sigma, ctx)
    except ValueError:
        check_context(ctx)
        raise
    return valid


def ml_kem_768_check_dk(dk: bytes) -> None:
    # The check has no function of its own: it is a part of decapsulation.
    ml_kem_768_decaps(dk, bytes(1088))


PARTS_UNSUPPORTED = MappingProxyType(
    {
        "ml_dsa_65_decode_spki": "dilithium-py has no SubjectPublicKeyInfo",
        "ml_dsa_65_encode_spki": "dilithium-py has no SubjectPublicKeyInfo",
    }
)


def _unsupported(operation: str) -> Callable[..., NoReturn]:
    return unsupported(operation, PARTS_UNSUPPORTED[operation])


SUITE = Suite(
    name="pypi",
    version=", ".join(f"{name} {version(name)}" for name in ("kyber-py", "dilithium-py", "pycryptodome")),
    ml_kem_768_keygen=ml_kem_768_keygen,
    ml_kem_768_check_ek=ml_kem_768_check_ek,
    ml_kem_768_encaps=ml_kem_768_encaps,
    ml_kem_768_decaps=ml_kem_768_decaps,
    ml_dsa_65_keygen=ml_dsa_65_keygen,
    ml_dsa_65_sign=ml_dsa_65_sign,
    ml_dsa_65_verify=ml_dsa_65_verify,
    aead_seal=pycryptodome.aead_seal,
    aead_open=pycryptodome.aead_open,
    hmac_sha256=pycryptodome.hmac_sha256,
    hkdf_sha256=pycryptodome.hkdf_sha256,
    x25519=pycryptodome.x25519,
)

PARTS = Parts(
    chacha20_block=pycryptodome.chacha20_block,
    poly1305_mac=pycryptodome.poly1305_mac,
    ml_kem_768_check_dk=ml_kem_768_check_dk,
    ml_dsa_65_decode_spki=_unsupported("ml_dsa_65_decode_spki"),
    ml_dsa_65_encode_spki=_unsupported("ml_dsa_65_encode_spki"),
    unsupported=PARTS_UNSUPPORTED,
)
