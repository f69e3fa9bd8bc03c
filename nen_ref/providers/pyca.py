"""The primitives as cryptography has them (50 or later, OpenSSL).

It keeps secret keys as seeds and draws all randomness itself: it can check, verify, seal and open, but give
no answer that depends on a dk, an sk or randomness of ours.
"""

from collections.abc import Callable
from importlib.metadata import version
from types import MappingProxyType
from typing import NoReturn

from cryptography.exceptions import InvalidSignature, InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.poly1305 import Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from nen_ref.primitives.errors import AuthenticationError, EncodingError, KeyCheckError
from nen_ref.primitives.suite import Parts, Suite
from nen_ref.providers import unsupported
from nen_ref.providers.arguments import check_context, check_lengths, check_okm_length

UNSUPPORTED = MappingProxyType(
    {
        "ml_kem_768_keygen": "cryptography exports a decapsulation key as its 64-byte seed only, never as dk",
        "ml_kem_768_encaps": "encapsulate() draws m itself",
        "ml_kem_768_decaps": "cryptography imports a decapsulation key as its 64-byte seed only, never as dk",
        "ml_dsa_65_keygen": "cryptography exports a private key as its 32-byte seed only, never as sk",
        "ml_dsa_65_sign": "sign() draws rnd itself, and a private key is imported as its 32-byte seed only",
    }
)


def _unsupported(operation: str) -> Callable[..., NoReturn]:
    return unsupported(operation, UNSUPPORTED[operation])


def ml_kem_768_check_ek(ek: bytes) -> None:
    try:
        MLKEM768PublicKey.from_public_bytes(ek)
    except ValueError as error:
        check_lengths(ek=ek)
        raise KeyCheckError("ek fails a check of cryptography") from error


def ml_dsa_65_verify(pk: bytes, M: bytes, sigma: bytes, ctx: bytes) -> bool:
    check_lengths(pk=pk)
    try:
        MLDSA65PublicKey.from_public_bytes(pk).verify(sigma, M, ctx)
    except InvalidSignature:
        return False
    except ValueError:
        check_context(ctx)
        raise
    return True


def aead_seal(key: bytes, nonce: bytes, plaintext: bytes) -> bytes:
    check_lengths(key=key, nonce=nonce)
    return ChaCha20Poly1305(key).encrypt(nonce, plaintext, None)


def aead_open(key: bytes, nonce: bytes, sealed: bytes) -> bytes:
    check_lengths(key=key, nonce=nonce)
    try:
        return ChaCha20Poly1305(key).decrypt(nonce, sealed, None)
    except InvalidTag as error:
        raise AuthenticationError("the tag does not verify") from error


def hmac_sha256(key: bytes, text: bytes) -> bytes:
    mac = HMAC(key, SHA256())
    mac.update(text)
    return mac.finalize()


def hkdf_sha256(ikm: bytes, info: bytes, length: int) -> bytes:
    try:
        return HKDF(SHA256(), length, salt=None, info=info).derive(ikm)
    except (ValueError, OverflowError):
        check_okm_length(length)
        raise


def x25519(k: bytes, u: bytes) -> bytes:
    try:
        private_key, public_key = X25519PrivateKey.from_private_bytes(k), X25519PublicKey.from_public_bytes(u)
    except ValueError:
        check_lengths(k=k, u=u)
        raise
    try:
        return private_key.exchange(public_key)
    except ValueError:
        # OpenSSL computes X25519(k, u) and refuses exactly the result of 32 zero bytes.
        return bytes(32)


def chacha20_block(key: bytes, counter: int, nonce: bytes) -> bytes:
    check_lengths(key=key, nonce=nonce)
    # Its "nonce" of 16 bytes is the block counter, little-endian, and the nonce.
    cipher = Cipher(algorithms.ChaCha20(key, counter.to_bytes(4, "little") + nonce), mode=None)
    return cipher.encryptor().update(bytes(64))


def poly1305_mac(key: bytes, message: bytes) -> bytes:
    check_lengths(key=key)
    return Poly1305.generate_tag(key, message)


def ml_dsa_65_decode_spki(der: bytes) -> bytes:
    try:
        key = load_der_public_key(der)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise EncodingError("not a key that cryptography reads") from error
    if not isinstance(key, MLDSA65PublicKey):
        raise EncodingError("a key of another algorithm")
    return key.public_bytes_raw()


def ml_dsa_65_encode_spki(pk: bytes) -> bytes:
    check_lengths(pk=pk)
    return MLDSA65PublicKey.from_public_bytes(pk).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


PARTS_UNSUPPORTED = MappingProxyType({"ml_kem_768_check_dk": UNSUPPORTED["ml_kem_768_decaps"]})

SUITE = Suite(
    name="cryptography",
    version="cryptography " + version("cryptography"),
    ml_kem_768_keygen=_unsupported("ml_kem_768_keygen"),
    ml_kem_768_check_ek=ml_kem_768_check_ek,
    ml_kem_768_encaps=_unsupported("ml_kem_768_encaps"),
    ml_kem_768_decaps=_unsupported("ml_kem_768_decaps"),
    ml_dsa_65_keygen=_unsupported("ml_dsa_65_keygen"),
    ml_dsa_65_sign=_unsupported("ml_dsa_65_sign"),
    ml_dsa_65_verify=ml_dsa_65_verify,
    aead_seal=aead_seal,
    aead_open=aead_open,
    hmac_sha256=hmac_sha256,
    hkdf_sha256=hkdf_sha256,
    x25519=x25519,
    unsupported=UNSUPPORTED,
)

PARTS = Parts(
    chacha20_block=chacha20_block,
    poly1305_mac=poly1305_mac,
    ml_kem_768_check_dk=unsupported("ml_kem_768_check_dk", PARTS_UNSUPPORTED["ml_kem_768_check_dk"]),
    ml_dsa_65_decode_spki=ml_dsa_65_decode_spki,
    ml_dsa_65_encode_spki=ml_dsa_65_encode_spki,
    unsupported=PARTS_UNSUPPORTED,
)
