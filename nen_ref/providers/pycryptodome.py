"""The primitives as pycryptodome has them (4.4 or later, C).

It is stricter than the standards with secret keys that no keygen made: `ml_kem_768_decaps` refuses, with
KeyCheckError, also a dk that does not open what its own ek seals or whose ek has a coefficient
not below q, and `ml_dsa_65_sign` also an sk whose parts do not belong together.

It refuses the public keys of X25519 that have low order, from a list of the five. That is the check for
zeros of RFC 7748, 6.1: a clamped scalar is a multiple of 8, so that those five always give zeros, and a
multiple of no larger order of a point, so that nothing else does.
"""

from importlib.metadata import version

from Crypto.Cipher import ChaCha20, ChaCha20_Poly1305
from Crypto.Hash import HMAC, SHA256, Poly1305
from Crypto.Protocol import DH
from Crypto.Protocol.KDF import HKDF
from Crypto.PublicKey import MLDSA, MLKEM
from Crypto.Signature import mldsa

from nen_ref.primitives import ml_dsa, ml_kem
from nen_ref.primitives.errors import AuthenticationError, EncodingError, KeyCheckError
from nen_ref.primitives.suite import Parts, Suite
from nen_ref.providers.arguments import LENGTHS, check_context, check_lengths, check_okm_length


def ml_kem_768_keygen(d: bytes, z: bytes) -> ml_kem.KeyPair:
    check_lengths(d=d, z=z)
    key = MLKEM.construct(param_set=MLKEM.ML_KEM_768, seed=d + z)
    return ml_kem.KeyPair(ek=key.ek, dk=key.expanded_dk)


def ml_kem_768_check_ek(ek: bytes) -> None:
    _encapsulation_key(ek)


def ml_kem_768_encaps(ek: bytes, m: bytes) -> ml_kem.Encapsulation:
    check_lengths(m=m)
    # The public ways to encapsulate draw m themselves; only this method takes it.
    K, c = _encapsulation_key(ek)._encaps(m)
    return ml_kem.Encapsulation(K=K, c=c)


def ml_kem_768_decaps(dk: bytes, c: bytes) -> bytes:
    key = _decapsulation_key(dk)
    try:
        return key._decaps(c)
    except ValueError:
        check_lengths(c=c)
        raise


def ml_dsa_65_keygen(xi: bytes) -> ml_dsa.KeyPair:
    check_lengths(xi=xi)
    key = MLDSA.construct(param_set=MLDSA.ML_DSA_65, seed=xi)
    return ml_dsa.KeyPair(pk=key.pk, sk=key.sk)


def ml_dsa_65_sign(sk: bytes, M: bytes, ctx: bytes, rnd: bytes) -> bytes:
    check_lengths(sk=sk, rnd=rnd)
    try:
        key = MLDSA.construct(param_set=MLDSA.ML_DSA_65, sk=sk)
    except ValueError as error:
        raise KeyCheckError("sk fails a check of pycryptodome") from error
    try:
        return mldsa.new(key, ctx, randfunc=lambda _length: rnd).sign(M)
    except ValueError:
        check_context(ctx)
        raise


def ml_dsa_65_verify(pk: bytes, M: bytes, sigma: bytes, ctx: bytes) -> bool:
    check_lengths(pk=pk)
    try:
        scheme = mldsa.new(MLDSA.construct(param_set=MLDSA.ML_DSA_65, pk=pk), ctx)
    except ValueError:
        check_context(ctx)
        raise
    try:
        scheme.verify(M, sigma)
    except ValueError:
        return False
    return True


def aead_seal(key: bytes, nonce: bytes, plaintext: bytes) -> bytes:
    check_lengths(key=key, nonce=nonce)
    ciphertext, tag = ChaCha20_Poly1305.new(key=key, nonce=nonce).encrypt_and_digest(plaintext)
    return ciphertext + tag


def aead_open(key: bytes, nonce: bytes, sealed: bytes) -> bytes:
    check_lengths(key=key, nonce=nonce)
    cipher = ChaCha20_Poly1305.new(key=key, nonce=nonce)
    try:
        return cipher.decrypt_and_verify(sealed[:-16], sealed[-16:])
    except ValueError as error:
        raise AuthenticationError("the tag does not verify") from error


def hmac_sha256(key: bytes, text: bytes) -> bytes:
    return HMAC.new(key, text, digestmod=SHA256).digest()


def hkdf_sha256(ikm: bytes, info: bytes, length: int) -> bytes:
    if length < 0:
        check_okm_length(length)  # HKDF would give no bytes
    try:
        okm: bytes = HKDF(ikm, length, None, SHA256, context=info)
    except ValueError:
        check_okm_length(length)
        raise
    return okm


def x25519(k: bytes, u: bytes) -> bytes:
    try:
        private_key, public_key = DH.import_x25519_private_key(k), DH.import_x25519_public_key(u)
    except ValueError:
        check_lengths(k=k, u=u)
        # u is one of the five of low order: every clamped scalar makes 32 zero bytes of them.
        return bytes(32)
    return DH.key_agreement(static_priv=private_key, static_pub=public_key, kdf=bytes)


def chacha20_block(key: bytes, counter: int, nonce: bytes) -> bytes:
    check_lengths(key=key, nonce=nonce)
    cipher = ChaCha20.new(key=key, nonce=nonce)
    cipher.seek(64 * counter)
    return cipher.encrypt(bytes(64))


def poly1305_mac(key: bytes, message: bytes) -> bytes:
    check_lengths(key=key)
    # Poly1305.new takes the key of a cipher; only this class takes r and s.
    return Poly1305.Poly1305_MAC(key[:16], key[16:], message).digest()


def ml_kem_768_check_dk(dk: bytes) -> None:
    _decapsulation_key(dk)


def ml_dsa_65_decode_spki(der: bytes) -> bytes:
    if not der.startswith(b"\x30"):
        raise EncodingError("no SEQUENCE: import_key reads PEM as well")
    try:
        key = MLDSA.import_key(der)
    except (ValueError, IndexError) as error:  # IndexError: a length that leads beyond the end
        raise EncodingError("not a key that pycryptodome reads") from error
    if key.has_private() or len(key.pk) != LENGTHS["pk"]:
        raise EncodingError("another key than a public one of ML-DSA-65")
    return key.pk


def ml_dsa_65_encode_spki(pk: bytes) -> bytes:
    check_lengths(pk=pk)
    return MLDSA.construct(param_set=MLDSA.ML_DSA_65, pk=pk).export_key(format="DER")


def _decapsulation_key(dk: bytes) -> MLKEM.MLKEMKey:
    try:
        return MLKEM.construct(param_set=MLKEM.ML_KEM_768, expanded_dk=dk)
    except ValueError as error:
        check_lengths(dk=dk)
        raise KeyCheckError("dk fails a check of pycryptodome") from error


def _encapsulation_key(ek: bytes) -> MLKEM.MLKEMKey:
    try:
        return MLKEM.construct(param_set=MLKEM.ML_KEM_768, ek=ek)
    except ValueError as error:
        check_lengths(ek=ek)
        raise KeyCheckError("ek fails a check of pycryptodome") from error


SUITE = Suite(
    name="pycryptodome",
    version="pycryptodome " + version("pycryptodome"),
    ml_kem_768_keygen=ml_kem_768_keygen,
    ml_kem_768_check_ek=ml_kem_768_check_ek,
    ml_kem_768_encaps=ml_kem_768_encaps,
    ml_kem_768_decaps=ml_kem_768_decaps,
    ml_dsa_65_keygen=ml_dsa_65_keygen,
    ml_dsa_65_sign=ml_dsa_65_sign,
    ml_dsa_65_verify=ml_dsa_65_verify,
    aead_seal=aead_seal,
    aead_open=aead_open,
    hmac_sha256=hmac_sha256,
    hkdf_sha256=hkdf_sha256,
    x25519=x25519,
)

PARTS = Parts(
    chacha20_block=chacha20_block,
    poly1305_mac=poly1305_mac,
    ml_kem_768_check_dk=ml_kem_768_check_dk,
    ml_dsa_65_decode_spki=ml_dsa_65_decode_spki,
    ml_dsa_65_encode_spki=ml_dsa_65_encode_spki,
)
