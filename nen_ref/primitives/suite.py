"""The primitives that Nen calls, under one name, so that another implementation can stand in as witness.

The protocol takes a `Suite` and calls nothing else. `REFERENCE` is made of our own modules;
`nen_ref.providers` builds the same record from independent libraries. All randomness is an argument:
whoever calls draws it, which is what makes every answer reproducible.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType

from nen_ref import __version__
from nen_ref.primitives import chacha20_poly1305, hkdf_sha256, hmac_sha256, ml_dsa, ml_dsa_keys, ml_kem, x25519


@dataclass(frozen=True)
class Suite:
    """One implementation of the primitives. Lengths in bytes; the errors are those of `primitives.errors`.

    Every operation raises LengthError when an argument of fixed size has another one. An operation named
    in `unsupported` raises `nen_ref.providers.Unsupported` whenever it is called; every other one works.
    """

    name: str
    version: str

    ml_kem_768_keygen: Callable[[bytes, bytes], ml_kem.KeyPair]
    """(d 32, z 32) -> (ek 1184, dk 2400), from fresh seeds. FIPS 203, algorithm 16; V1-PRIM-01, V1-PRIM-05."""

    ml_kem_768_check_ek: Callable[[bytes], None]
    """(ek). FIPS 203, 7.2: LengthError unless 1184 bytes, KeyCheckError unless every coefficient < q.
    V1-PRIM-02."""

    ml_kem_768_encaps: Callable[[bytes, bytes], ml_kem.Encapsulation]
    """(ek 1184, already checked; m 32) -> (K 32, c 1088). FIPS 203, algorithm 17; V1-PRIM-01."""

    ml_kem_768_decaps: Callable[[bytes, bytes], bytes]
    """(dk 2400, c 1088) -> K 32. FIPS 203, algorithm 21; KeyCheckError if dk fails the hash check of 7.3.
    A tampered c of the right length gives another K, not an error (implicit rejection). V1-PRIM-03, V1-PRIM-04."""

    ml_dsa_65_keygen: Callable[[bytes], ml_dsa.KeyPair]
    """(xi 32) -> (pk 1952, sk 4032). FIPS 204, algorithm 6; V1-PRIM-06."""

    ml_dsa_65_sign: Callable[[bytes, bytes, bytes, bytes], bytes]
    """(sk 4032, M, ctx up to 255, rnd 32) -> sigma 3309. FIPS 204, algorithm 2, with rnd from the caller;
    32 zero bytes make it deterministic. ContextError if ctx is longer than 255. What happens with an sk that
    no keygen made is the implementation's own: KeyCheckError, or a signature that does not verify. V1-PRIM-06."""

    ml_dsa_65_verify: Callable[[bytes, bytes, bytes, bytes], bool]
    """(pk 1952, M, sigma, ctx up to 255) -> valid or not. FIPS 204, algorithm 3. A sigma of another length
    than 3309 is not valid; ContextError if ctx is longer than 255. V1-PRIM-07, V1-PRIM-08."""

    aead_seal: Callable[[bytes, bytes, bytes], bytes]
    """(key 32, nonce 12, plaintext) -> ciphertext || tag 16, with empty AAD. RFC 8439, 2.8; V1-PRIM-09."""

    aead_open: Callable[[bytes, bytes, bytes], bytes]
    """(key 32, nonce 12, ciphertext || tag 16) -> plaintext, with empty AAD. RFC 8439, 2.8.
    AuthenticationError if the tag is wrong, or there is no room for one. V1-PRIM-10."""

    hmac_sha256: Callable[[bytes, bytes], bytes]
    """(key of any length, text) -> MAC 32. FIPS 198-1 with SHA-256; V1-PRIM-11."""

    hkdf_sha256: Callable[[bytes, bytes, int], bytes]
    """(ikm, info, length) -> okm of that length, without a salt. RFC 5869 with SHA-256; LimitError unless
    0 <= length <= 8160. V3-PRIM-01, V3-PRIM-02."""

    x25519: Callable[[bytes, bytes], bytes]
    """(k 32, u 32) -> u-coordinate 32. RFC 7748, section 5: any k and any u, and all zeros from a u of low order
    (the protocol refuses those). V3-PRIM-03, V3-PRIM-04, V3-PRIM-05, V3-PRIM-06."""

    unsupported: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """The operations that this implementation cannot do: field name -> the reason."""

    def x25519_public(self, k: bytes) -> bytes:
        """(k 32) -> its public key 32: X25519(k, 9). RFC 7748, 6.1."""
        return self.x25519(k, x25519.BASE_POINT)


REFERENCE = Suite(
    name="reference",
    version=__version__,
    ml_kem_768_keygen=partial(ml_kem.keygen_internal, ml_kem.ML_KEM_768),
    ml_kem_768_check_ek=partial(ml_kem.check_encapsulation_key, ml_kem.ML_KEM_768),
    ml_kem_768_encaps=partial(ml_kem.encaps_internal, ml_kem.ML_KEM_768),
    ml_kem_768_decaps=partial(ml_kem.decaps, ml_kem.ML_KEM_768),
    ml_dsa_65_keygen=partial(ml_dsa.keygen_internal, ml_dsa.ML_DSA_65),
    ml_dsa_65_sign=partial(ml_dsa.sign, ml_dsa.ML_DSA_65),
    ml_dsa_65_verify=partial(ml_dsa.verify, ml_dsa.ML_DSA_65),
    aead_seal=chacha20_poly1305.aead_encrypt,
    aead_open=chacha20_poly1305.aead_decrypt,
    hmac_sha256=hmac_sha256.hmac_sha256,
    hkdf_sha256=hkdf_sha256.hkdf_sha256,
    x25519=x25519.x25519,
)


@dataclass(frozen=True)
class Parts:
    """What stands inside of the operations of a `Suite`, and is worth a comparison of its own.

    The protocol calls none of these; test vectors do. Errors and `unsupported` as in `Suite`.
    """

    chacha20_block: Callable[[bytes, int, bytes], bytes]
    """(key 32, counter, nonce 12) -> key stream 64. RFC 8439, 2.3."""

    poly1305_mac: Callable[[bytes, bytes], bytes]
    """(one-time key 32, message) -> tag 16. RFC 8439, 2.5."""

    ml_kem_768_check_dk: Callable[[bytes], None]
    """(dk). FIPS 203, 7.3: LengthError unless 2400 bytes, KeyCheckError unless it holds the hash of its ek."""

    ml_dsa_65_decode_spki: Callable[[bytes], bytes]
    """(SubjectPublicKeyInfo in DER) -> pk 1952; EncodingError. RFC 9881."""

    ml_dsa_65_encode_spki: Callable[[bytes], bytes]
    """(pk 1952) -> SubjectPublicKeyInfo in DER, 1974 bytes. RFC 9881."""

    unsupported: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


REFERENCE_PARTS = Parts(
    chacha20_block=chacha20_poly1305.chacha20_block,
    poly1305_mac=chacha20_poly1305.poly1305_mac,
    ml_kem_768_check_dk=partial(ml_kem.check_decapsulation_key, ml_kem.ML_KEM_768),
    ml_dsa_65_decode_spki=lambda der: ml_dsa_keys.decode_spki(ml_dsa.ML_DSA_65, der),
    ml_dsa_65_encode_spki=lambda pk: ml_dsa_keys.encode_spki(ml_dsa.ML_DSA_65, pk),
)
