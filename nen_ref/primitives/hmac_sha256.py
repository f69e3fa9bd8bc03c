"""FIPS 198-1, HMAC with SHA-256: the keyed-hash message authentication code.

Start with `hmac_sha256`, which is table 1 of the standard; `HmacSha256` is the same for a text in pieces.
The MAC is always the whole 32 bytes: truncation (section 5) is left to the caller. Not constant-time, but
`verify` compares without telling where two MACs differ.
"""

from hashlib import sha256
from hmac import compare_digest

# Section 2.3
B = 64  # block size of SHA-256 in bytes
IPAD = 0x36
OPAD = 0x5C


def hmac_sha256(key: bytes, text: bytes) -> bytes:
    """Section 4, HMAC(K, text): the MAC, 32 bytes. A key of any length, also none."""
    K0 = block_sized_key(key)
    inner = sha256(xor(K0, IPAD) + text).digest()  # steps 4 to 6
    return sha256(xor(K0, OPAD) + inner).digest()  # steps 7 to 9


class HmacSha256:
    """Section 4, HMAC(K, text) of a text that comes in pieces of any size."""

    def __init__(self, key: bytes) -> None:
        K0 = block_sized_key(key)
        self._inner = sha256(xor(K0, IPAD))
        self._outer = sha256(xor(K0, OPAD))

    def update(self, text: bytes) -> None:
        """Take the next bytes of the text."""
        self._inner.update(text)

    def digest(self) -> bytes:
        """The MAC of the text so far, 32 bytes. The text may go on afterwards."""
        outer = self._outer.copy()
        outer.update(self._inner.digest())
        return outer.digest()


def verify(key: bytes, text: bytes, tag: bytes) -> bool:
    """Whether tag is the MAC of text. A tag of another length than 32 bytes is not."""
    return compare_digest(hmac_sha256(key, text), tag)


def block_sized_key(key: bytes) -> bytes:
    """Table 1, steps 1 to 3: K0, the key as one block of 64 bytes."""
    if len(key) > B:
        key = sha256(key).digest()
    return key.ljust(B, b"\x00")


def xor(K0: bytes, pad: int) -> bytes:
    """K0 XOR ipad, K0 XOR opad: the pad is one byte, repeated."""
    return bytes([byte ^ pad for byte in K0])
