"""What the suites of HMAC, ChaCha20, Poly1305 and the AEAD share: values on the way, and messages made to measure."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count

from nen_ref.primitives.chacha20_poly1305 import P, clamp, inner_block, poly1305_key_gen

SUNSCREEN = (
    b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
    b"sunscreen would be it."
)
"""The plaintext of RFC 8439, 2.4.2 and 2.8.2."""

ACCUMULATORS = {
    "0": 0,
    "1": 1,
    "2": 2,
    "3": 3,
    "4": 4,
    "5": 5,
    "6": 6,
    "2^26-minus-1": 2**26 - 1,
    "2^26": 2**26,
    "2^32-minus-1": 2**32 - 1,
    "2^32": 2**32,
    "2^44": 2**44,
    "2^52": 2**52,
    "2^64-minus-1": 2**64 - 1,
    "2^64": 2**64,
    "2^78": 2**78,
    "2^88": 2**88,
    "2^104": 2**104,
    "2^128-minus-6": 2**128 - 6,
    "2^128-minus-5": 2**128 - 5,
    "2^128-minus-1": 2**128 - 1,
    "2^128": 2**128,
    "2^128-plus-1": 2**128 + 1,
    "2^129-minus-1": 2**129 - 1,
    "2^129": 2**129,
    "3-times-2^128-minus-1": 3 * 2**128 - 1,
    "3-times-2^128": 3 * 2**128,
    "p-minus-5": P - 5,
    "p-minus-4": P - 4,
    "p-minus-3": P - 3,
    "p-minus-2": P - 2,
    "p-minus-1": P - 1,
}
"""Values of Poly1305's accumulator at the borders of its range, of words of 32 and 64 bits, and of the limbs of 26 and
44 bits that implementations split it into. P - 1 is the greatest; 0 to 4 are the ones that also fit into 130 bits when
p is added, so that only the last reduction tells."""


def slug(name: str) -> str:
    """A name of ACCUMULATORS as a part of an id."""
    return name.replace("^", "-to-")


def octets_of(size: int) -> str:
    """How one says it: "1 byte", "17 bytes"."""
    return "1 byte" if size == 1 else f"{size} bytes"


def xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


@dataclass(frozen=True)
class OneTimeKey:
    """r, clamped, and s of Poly1305: RFC 8439, 2.5."""

    r: int
    s: int

    @classmethod
    def of(cls, key: bytes) -> OneTimeKey:
        return cls(clamp(int.from_bytes(key[:16], "little")), int.from_bytes(key[16:], "little"))

    def accumulator(self, message: bytes, start: int = 0) -> int:
        """The accumulator after all of the message, below p, before s is added."""
        a = start
        for i in range(0, len(message), 16):
            block = message[i : i + 16]
            a = (a + int.from_bytes(block + b"\x01", "little")) * self.r % P
        return a

    def tag(self, accumulator: int) -> bytes:
        """The tag that an accumulator gives, whether or not it is below p."""
        return little(accumulator + self.s, 16)

    def before(self, accumulator: int, message: bytes) -> int:
        """The accumulator that is `accumulator` after the message: `accumulator` backwards."""
        inverse = pow(self.r, -1, P)
        for i in reversed(range(0, len(message), 16)):
            block = message[i : i + 16]
            accumulator = (accumulator * inverse - int.from_bytes(block + b"\x01", "little")) % P
        return accumulator

    def two_blocks(self, wanted: int) -> bytes:
        """Two whole blocks after which the accumulator is `wanted`: about one first block in four has a second."""
        for first in _first_blocks():
            second = self.before(wanted, b"") * pow(self.r, -1, P) - self.accumulator(first)
            if second % P >> 128 == 1:
                return first + little(second % P, 16)
        raise AssertionError("there are more first blocks than anyone tries")


def _first_blocks() -> Iterator[bytes]:
    for i in count():
        yield b"\xff" * 12 + struct.pack("<L", i)


def little(number: int, size: int) -> bytes:
    """The number modulo 2^(8 size), little-endian."""
    return (number % (1 << 8 * size)).to_bytes(size, "little")


def poly1305_values(key: bytes, message: bytes) -> dict[str, bytes]:
    """r after clamping, s, and the accumulator before s is added (17 bytes), all little-endian."""
    one_time = OneTimeKey.of(key)
    return {
        "r": little(one_time.r, 16),
        "s": little(one_time.s, 16),
        "accumulator": little(one_time.accumulator(message), 17),
    }


def pad16(data: bytes) -> bytes:
    """RFC 8439, 2.8.1: the zeros that fill the last block."""
    return bytes(-len(data) % 16)


def mac_data(ciphertext: bytes, aad: bytes = b"") -> bytes:
    """RFC 8439, 2.8: what the tag covers."""
    return aad + pad16(aad) + ciphertext + pad16(ciphertext) + struct.pack("<QQ", len(aad), len(ciphertext))


LONGEST_MAC_DATA = 512
"""A longer one is left out of the intermediate values: it is the ciphertext once more."""


def aead_values(key: bytes, nonce: bytes, ciphertext: bytes) -> Mapping[str, bytes]:
    """The values on the way to the tag of a ciphertext with empty AAD."""
    one_time_key = poly1305_key_gen(key, nonce)
    covered = mac_data(ciphertext)
    shown = {"mac_data": covered} if len(covered) <= LONGEST_MAC_DATA else {}
    return {"one_time_key": one_time_key} | shown | poly1305_values(one_time_key, covered)


def ciphertext_for(one_time: OneTimeKey, accumulator: int) -> bytes:
    """A ciphertext of 32 bytes under which the accumulator ends at `accumulator`."""
    return one_time.two_blocks(one_time.before(accumulator, struct.pack("<QQ", 0, 32)))


def chacha_block_of(initial: list[int], rounds: int = 20) -> bytes:
    """The ChaCha block of a state after another number of rounds than 20."""
    working = list(initial)
    for _ in range(rounds // 2):
        inner_block(working)
    return struct.pack("<16L", *((s + w) % 2**32 for s, w in zip(initial, working, strict=True)))
