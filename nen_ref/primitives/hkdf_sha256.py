"""RFC 5869, HKDF with SHA-256: the key derivation that extracts one strong key and expands it into many.

Start with `hkdf_sha256`, which is both steps in a row. Section numbers and names are those of the RFC. Not
constant-time.
"""

from nen_ref.primitives.errors import LengthError, LimitError
from nen_ref.primitives.hmac_sha256 import hmac_sha256

HASH_LENGTH = 32
"""HashLen (2.1): bytes of a SHA-256 hash."""
MAX_LENGTH = 255 * HASH_LENGTH
"""Bytes that one call can give, 8160: the number of a block is one byte (2.3)."""
NO_SALT = bytes(HASH_LENGTH)
"""What stands for a salt where none is given: HashLen zeros (2.2)."""


def hkdf_sha256(IKM: bytes, info: bytes, L: int, salt: bytes = NO_SALT) -> bytes:
    """2, HKDF: the output keying material (OKM), L bytes. IKM, info and salt of any length, also none.

    Raises LimitError unless 0 <= L <= 8160.
    """
    return hkdf_expand(hkdf_extract(salt, IKM), info, L)


def hkdf_extract(salt: bytes, IKM: bytes) -> bytes:
    """2.2, HKDF-Extract(salt, IKM): the pseudorandom key (PRK), 32 bytes.

    An empty salt is the same as NO_SALT, and so is any shorter run of zeros: HMAC pads its key with zeros.
    """
    return hmac_sha256(salt, IKM)


def hkdf_expand(PRK: bytes, info: bytes, L: int) -> bytes:
    """2.3, HKDF-Expand(PRK, info, L): the output keying material (OKM), L bytes.

    Raises LengthError if PRK is shorter than 32 bytes, LimitError unless 0 <= L <= 8160.
    """
    if len(PRK) < HASH_LENGTH:
        raise LengthError(f"PRK must be at least {HASH_LENGTH} bytes, not {len(PRK)}")
    if not 0 <= L <= MAX_LENGTH:
        raise LimitError(f"L must stay between 0 and {MAX_LENGTH} bytes")
    N = -(-L // HASH_LENGTH)  # ceil(L / HashLen)
    T = [b""]  # T(0), T(1), ..., T(N)
    for i in range(1, N + 1):
        T.append(hmac_sha256(PRK, T[i - 1] + info + bytes([i])))
    return b"".join(T)[:L]
