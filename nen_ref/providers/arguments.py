"""What libraries raise, told apart by the arguments.

Where an argument may have any length (keys and ciphertexts of ML-KEM, keys of X25519, contexts), the library sees it
first and has to refuse it by itself: as a witness it would else attest our own check. Where a length is fixed, we check
before, for libraries differ in what they do with another one.
"""

from nen_ref.primitives.errors import ContextError, LengthError, LimitError

LENGTHS = {
    "d": 32,
    "z": 32,
    "m": 32,
    "ek": 1184,
    "dk": 2400,
    "c": 1088,
    "xi": 32,
    "rnd": 32,
    "pk": 1952,
    "sk": 4032,
    "key": 32,
    "nonce": 12,
    "k": 32,
    "u": 32,
}
"""Bytes: ML-KEM-768 (FIPS 203, table 3), ML-DSA-65 (FIPS 204, table 2), the AEAD (RFC 8439, 2.8), X25519 (RFC 7748, 5).
"""


def check_lengths(**arguments: bytes) -> None:
    """Raise LengthError unless every argument has the length that LENGTHS gives for its name."""
    for name, value in arguments.items():
        LengthError.check(name, value, LENGTHS[name])


def check_context(ctx: bytes) -> None:
    """Once a library has refused: raise ContextError if ctx is longer than 255 bytes (FIPS 204, algorithms 2 and 3)."""
    if len(ctx) > 255:
        raise ContextError(f"ctx must be at most 255 bytes, not {len(ctx)}")


def check_okm_length(length: int) -> None:
    """Raise LimitError unless HKDF-SHA256 can derive so many bytes, 0 to 8160 (RFC 5869, 2.3)."""
    if not 0 <= length <= 255 * 32:
        raise LimitError("an okm must stay between 0 and 8160 bytes")
