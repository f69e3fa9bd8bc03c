"""v1/stream_nonces: the nonce of an event out of the base nonce of its stream and its index.

The flags of a vector are exactly the wrong computations that give another nonce for it: they are computed, too. So an
implementation with one of these faults, and no other, fails exactly the vectors that have the flag.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nen_ref.protocol.stream import stream_nonce
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Found, Group, Test, VectorSuite, valid
from nen_ref.vectors.suites.stream_tools import NONCE_FLAGS, high_base_nonce, tells_apart

INDICES: Mapping[str, int] = {
    "0": 0,
    "1": 1,
    "127": 127,
    "128": 128,
    "255": 255,
    "256": 256,
    "65535": 2**16 - 1,
    "65536": 2**16,
    "2-24": 2**24,
    "2-31-less-1": 2**31 - 1,
    "2-31": 2**31,
    "2-32-less-2": 2**32 - 2,
    "2-32-less-1": 2**32 - 1,
}

# What an index has to tell apart under a base nonce whose last four bytes have their high and low bits set.
UNDER_HIGH_BITS: Mapping[str, tuple[str, ...]] = {
    "0": ("CounterReplaces", "CounterFromOne"),
    "1": ("Addition", "BigEndian", "BigEndianAddition", "CounterOf64Bits", "CounterAtOffset0", "CounterOred"),
    "127": ("Addition", "CounterAtOffset4", "CounterIgnored"),
    "128": ("Addition", "BigEndian"),
    "255": ("Addition", "CounterOf64Bits"),
    "256": ("Addition", "BigEndian", "CounterOf8Bits"),
    "65535": ("Addition", "CounterOf8Bits"),
    "65536": ("Addition", "BigEndian", "CounterOf8Bits", "CounterOf16Bits"),
    "2-24": ("Addition", "BigEndian", "CounterOf16Bits"),
    "2-31-less-1": ("Addition", "CounterOf16Bits"),
    "2-31": ("BigEndian", "CounterOf64Bits", "CounterOf31Bits"),  # adding 2^31 modulo 2^32 is XORing it
    "2-32-less-2": ("Addition", "CounterOf31Bits"),
    "2-32-less-1": ("Addition", "CounterOf31Bits", "CounterFromOne"),
}

COUNTERS: Mapping[str, str] = {
    "00000000": "no bit of the counter word set: XOR, addition and OR are one, the byte order is not",
    "ffffffff": "every bit of the counter word set: any sum carries out of it",
    "80000000": "the highest bit of the first byte alone",
    "00000080": "the highest bit of the last byte alone, which is the highest of the word",
    "01000000": "the lowest bit of the first byte alone, which is the lowest of the word",
    "00000001": "the lowest bit of the last byte alone",
    "ffffff7f": "the largest word that is positive as a signed integer",
    "feffffff": "the largest word but one",
    "55555555": "every second bit set",
    "ff00ff00": "every second byte full",
}


def fixed(draw: Draw, found: Found) -> list[Group]:
    high, front = high_base_nonce(draw), draw("front", 8)
    fill = draw("front of the full word", 8) + b"\xff\xff\xff\xff"
    return [
        Group(
            "every index under a base nonce that has high and low bits set in each of its last four bytes",
            tuple(
                pair(f"index-{name}", f"index {shown(index)}", high, index, *UNDER_HIGH_BITS[name])
                for name, index in INDICES.items()
            ),
        ),
        Group(
            "every index under a base nonce that ends in four bytes ff, out of which every sum carries",
            tuple(
                pair(f"full-counter-index-{name}", f"index {shown(index)}, last four bytes ff", fill, index)
                for name, index in INDICES.items()
            ),
        ),
        Group(
            "words of the counter with few bits, or many, XORed with 1 and with 2^31 + 255",
            tuple(
                pair(
                    f"counter-{word}-index-{index}", f"{says}; index {shown(index)}", front + bytes.fromhex(word), index
                )
                for word, says in COUNTERS.items()
                for index in (1, 2**31 + 255)
            ),
        ),
        Group(
            "one byte of the index, and the same byte of the counter word", tuple(of_byte(draw, k) for k in range(4))
        ),
        Group(
            "indices made from the counter word",
            (
                pair("index-is-counter", "the index is the counter word: their XOR is zero", high, counter(high)),
                pair(
                    "index-is-complement",
                    "the index is the complement of the counter word: their XOR has every bit set",
                    high,
                    counter(high) ^ 0xFFFFFFFF,
                ),
            ),
        ),
        Group(
            "the first eight bytes, which no index changes",
            tuple(
                pair(f"front-{byte:02x}", f"the first eight bytes {byte:02x}", bytes([byte]) * 8 + high[8:], 0x01020304)
                for byte in (0x00, 0xFF, 0x80)
            ),
        ),
    ]


def of_byte(draw: Draw, k: int) -> Test:
    """Both full in the byte `k` alone: it becomes zero, while a sum carries into the next byte."""
    base_nonce = draw(f"front-of-byte-{k}", 8) + bytes(0xFF if place == k else 0 for place in range(4))
    wanted = ("Addition",) if k < 3 else ("BigEndian",)
    comment = (
        f"ff in byte {8 + k} of the base nonce and in byte {k} of the index, counted from the lowest, zero elsewhere"
    )
    return pair(f"byte-{k}-full", comment, base_nonce, 0xFF << 8 * k, *wanted)


def random(draw: Draw, i: int) -> Test:
    return pair(f"random-{i}", "any base nonce and any index", draw("base_nonce", 12), draw.below("index", 2**32))


def pair(id: str, comment: str, base_nonce: bytes, index: int, *wanted: str) -> Test:
    return valid(id, comment, {"base_nonce": base_nonce, "index": index}, *tells_apart(base_nonce, index, *wanted))


def counter(base_nonce: bytes) -> int:
    return int.from_bytes(base_nonce[8:], "little")


def shown(index: int) -> str:
    return f"{index} (hexadecimal {index:08x})"


def intermediate(a: dict[str, Any]) -> Mapping[str, Any]:
    """The last four bytes as little-endian integers, before and after."""
    nonce = stream_nonce(a["base_nonce"], a["index"])
    return {"base_counter": counter(a["base_nonce"]), "counter": counter(nonce)}


SUITE = VectorSuite(
    name="v1/stream_nonces",
    title="Nonces of the events of a stream",
    operation="stream.nonce",
    covers=("V1-STR-03",),
    flags=NONCE_FLAGS,
    fixed=fixed,
    random=random,
    count=12,
    intermediate=intermediate,
)
