"""RFC 9881, ML-DSA keys in DER: public keys as SubjectPublicKeyInfo, private keys as PKCS#8 holding the seed.

Start with `spki_prefix` and `pkcs8_seed_prefix`. Both structures end with the key and have no optional part
in the form we use, so a parameter set has exactly one prefix each: encoding puts it in front of the key, and
decoding compares it and the length, which is stricter and shorter than a parser. Of the three forms that the
RFC has for a private key only the seed is taken; expanded keys ("expandedKey", "both") are refused.

Not constant-time.
"""

from nen_ref.primitives.errors import EncodingError, LengthError
from nen_ref.primitives.ml_dsa import ML_DSA_44, ML_DSA_65, ML_DSA_87, ParameterSet

# Identifier octets of DER (X.690, 8.1.2).
INTEGER = b"\x02"
BIT_STRING = b"\x03"
OCTET_STRING = b"\x04"
OBJECT_IDENTIFIER = b"\x06"
SEQUENCE = b"\x30"
CONTEXT_0 = b"\x80"  # [0] IMPLICIT, primitive

SIG_ALGS = bytes.fromhex("60 86 48 01 65 03 04 03")
"""2.16.840.1.101.3.4.3, sigAlgs of NIST: 60 is 2 * 40 + 16, 86 48 is 840 = 6 * 128 + 72, the others as is."""

OIDS = {
    ML_DSA_44: SIG_ALGS + bytes([17]),
    ML_DSA_65: SIG_ALGS + bytes([18]),
    ML_DSA_87: SIG_ALGS + bytes([19]),
}
"""id-ml-dsa-44, id-ml-dsa-65 and id-ml-dsa-87 (section 2), without tag and length."""

SEED_SIZE = 32


def header(tag: bytes, length: int) -> bytes:
    """Tag and definite length of an element with `length` bytes of content (X.690, 8.1.3 and 10.1)."""
    if length < 128:
        return tag + bytes([length])
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return tag + bytes([128 | len(octets)]) + octets


def element(tag: bytes, content: bytes) -> bytes:
    """A whole DER element."""
    return header(tag, len(content)) + content


def algorithm_identifier(params: ParameterSet) -> bytes:
    """Section 2: AlgorithmIdentifier with the object identifier alone; parameters are absent, not NULL."""
    return element(SEQUENCE, element(OBJECT_IDENTIFIER, OIDS[params]))


def spki_prefix(params: ParameterSet) -> bytes:
    """Section 4: all of a SubjectPublicKeyInfo in front of the public key; 22 bytes.

    SEQUENCE {
        SEQUENCE { OBJECT IDENTIFIER id-ml-dsa-* }    algorithm
        BIT STRING                                    subjectPublicKey: an octet for the count of unused
    }                                                 bits, 0, and pk
    """
    algorithm = algorithm_identifier(params)
    subject_public_key = header(BIT_STRING, 1 + params.pk_size) + b"\x00"
    content = algorithm + subject_public_key
    return header(SEQUENCE, len(content) + params.pk_size) + content


def pkcs8_seed_prefix(params: ParameterSet) -> bytes:
    """Section 6: all of a PKCS#8 PrivateKeyInfo (RFC 5958 version 0) in front of the seed; 22 bytes.

    SEQUENCE {
        INTEGER 0                                     version
        SEQUENCE { OBJECT IDENTIFIER id-ml-dsa-* }    privateKeyAlgorithm
        OCTET STRING {                                privateKey
            [0] IMPLICIT OCTET STRING                 the choice "seed" of ML-DSA-*-PrivateKey: xi
        }
    }
    """
    version = element(INTEGER, b"\x00")
    algorithm = algorithm_identifier(params)
    seed = header(CONTEXT_0, SEED_SIZE)
    private_key = header(OCTET_STRING, len(seed) + SEED_SIZE) + seed
    content = version + algorithm + private_key
    return header(SEQUENCE, len(content) + SEED_SIZE) + content


def encode_spki(params: ParameterSet, pk: bytes) -> bytes:
    """A public key as SubjectPublicKeyInfo: 22 bytes and pk. Raises LengthError."""
    LengthError.check("pk", pk, params.pk_size)
    return spki_prefix(params) + pk


def decode_spki(params: ParameterSet, der: bytes) -> bytes:
    """The public key (`pk_size` bytes) in a SubjectPublicKeyInfo. Raises EncodingError for other bytes."""
    return split(der, spki_prefix(params), params.pk_size, f"SubjectPublicKeyInfo of {params.name}")


def encode_pkcs8_seed(params: ParameterSet, xi: bytes) -> bytes:
    """The seed of a key pair (32 bytes) as PKCS#8: 54 bytes. Raises LengthError."""
    LengthError.check("xi", xi, SEED_SIZE)
    return pkcs8_seed_prefix(params) + xi


def decode_pkcs8_seed(params: ParameterSet, der: bytes) -> bytes:
    """The seed (32 bytes) in the PKCS#8 form that holds it alone. Raises EncodingError for other bytes."""
    return split(der, pkcs8_seed_prefix(params), SEED_SIZE, f"PKCS#8 seed of {params.name}")


def split(der: bytes, prefix: bytes, size: int, what: str) -> bytes:
    """The `size` bytes that follow the prefix and end the encoding. Raises EncodingError."""
    if len(der) != len(prefix) + size:
        raise EncodingError(f"a {what} is {len(prefix) + size} bytes, not {len(der)}")
    if der[: len(prefix)] != prefix:
        raise EncodingError(f"not the DER encoding of a {what}")
    return der[len(prefix) :]
