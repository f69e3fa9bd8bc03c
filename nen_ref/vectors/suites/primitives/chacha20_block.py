"""primitives/chacha20_block: the block function of RFC 8439, 2.3."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nen_ref.primitives.chacha20_poly1305 import initial_state, inner_block
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Found, Group, Test, VectorSuite, valid

RFC = "RFC 8439, section 2.3"
UNREADABLE = "nothing that this implementation seals can be opened elsewhere"

FLAGS = {
    "Basic": Flag("basic", "keys, counters and nonces of ordinary values", UNREADABLE, (RFC,)),
    "Published": Flag("basic", "the inputs that RFC 8439 itself gives", UNREADABLE, ("RFC 8439, 2.3.2 and A.1",)),
    "Counter": Flag(
        "edge case",
        "counters where a block counter of 8, 16 or 24 bits starts anew; it is one word of 32 bits",
        "key stream repeats within a long message: the XOR of its parts is laid bare",
        (RFC,),
    ),
    "SignedCounter": Flag(
        "edge case",
        "counters from 2^31 - 1 to 2^32 - 1, which are negative in a signed word",
        "a long message ends in an error, or in key stream that nobody else has",
        (RFC,),
    ),
    "ByteOrder": Flag(
        "wrong computation",
        "bytes that all differ, so that big-endian words and words in another order give another block",
        UNREADABLE,
        (RFC,),
    ),
    "WordPlace": Flag(
        "wrong computation",
        "a single word of the key or the nonce is not zero, so that one that is left out or put elsewhere shows",
        "a part of the key or the nonce does not count: two nonces share one key stream",
        (RFC,),
    ),
    "Extremes": Flag(
        "edge case",
        "words of zeros, of ones and of single high bits: the first additions carry out of every word, or out of none",
        "the block is wrong for rare keys only, where words are signed or wider than 32 bits",
        ("RFC 8439, section 2.1",),
    ),
}

COUNTERS = {
    "0": 0,
    "1": 1,
    "255": 255,
    "256": 256,
    "65535": 65535,
    "65536": 65536,
    "2-to-24-minus-1": 2**24 - 1,
    "2-to-24": 2**24,
}
SIGNED_COUNTERS = {
    "2-to-31-minus-1": 2**31 - 1,
    "2-to-31": 2**31,
    "2-to-31-plus-1": 2**31 + 1,
    "2-to-32-minus-2": 2**32 - 2,
    "2-to-32-minus-1": 2**32 - 1,
}
ASCENDING = bytes(range(32))
NONCE = bytes(range(0x41, 0x4D))


def block(id: str, comment: str, key: bytes, counter: int, nonce: bytes, *flags: str) -> Test:
    return valid(id, comment, {"key": key, "counter": counter, "nonce": nonce}, *flags)


def published() -> list[Test]:
    zeros, one = bytes(32), bytes(31) + b"\x01"
    return [
        block(
            "rfc-8439-2-3-2",
            "the example of 2.3.2",
            ASCENDING,
            1,
            bytes.fromhex("000000090000004a00000000"),
            "Published",
        ),
        block("rfc-8439-a-1-1", "A.1, test vector 1: everything zero", zeros, 0, bytes(12), "Published", "Extremes"),
        block("rfc-8439-a-1-2", "A.1, test vector 2: counter 1", zeros, 1, bytes(12), "Published"),
        block("rfc-8439-a-1-3", "A.1, test vector 3: the last byte of the key is 1", one, 1, bytes(12), "Published"),
        block(
            "rfc-8439-a-1-4",
            "A.1, test vector 4: the second byte of the key is ff",
            b"\0\xff" + bytes(30),
            2,
            bytes(12),
            "Published",
        ),
        block(
            "rfc-8439-a-1-5",
            "A.1, test vector 5: the last byte of the nonce is 2",
            zeros,
            0,
            bytes(11) + b"\x02",
            "Published",
        ),
    ]


def counters(draw: Draw) -> Group:
    given = {"key": draw("counter/key"), "nonce": draw("counter/nonce", 12)}
    tests = [
        valid(f"counter-{name}", f"block {value}", {"counter": value}, flag)
        for flag, some in (("Counter", COUNTERS), ("SignedCounter", SIGNED_COUNTERS))
        for name, value in some.items()
    ]
    ordered = valid("counter-01020304", "a counter whose four bytes differ", {"counter": 0x01020304}, "ByteOrder")
    return Group("counters, under one key and nonce", (*tests, ordered), given)


def byte_order(draw: Draw) -> list[Test]:
    key = draw("order/key")
    return [
        block("ascending", "key and nonce with bytes that ascend", ASCENDING, 0x01020304, NONCE, "ByteOrder"),
        block(
            "descending", "key and nonce with bytes that descend", ASCENDING[::-1], 0x04030201, NONCE[::-1], "ByteOrder"
        ),
        block(
            "nonce-words-exchanged",
            "the nonce of `ascending` with its outer words exchanged",
            ASCENDING,
            0x01020304,
            NONCE[8:] + NONCE[4:8] + NONCE[:4],
            "ByteOrder",
        ),
        block(
            "nonce-high-bits",
            "every byte of the nonce has its high bit set, and all differ",
            key,
            1,
            bytes(range(0xF0, 0xFC)),
            "ByteOrder",
            "Extremes",
        ),
        block("counter-or-nonce-counter-5", "counter 5 and a nonce of zeros", key, 5, bytes(12), "ByteOrder"),
        block(
            "counter-or-nonce-nonce-5",
            "counter 0 and a nonce whose first word is 5",
            key,
            0,
            b"\x05" + bytes(11),
            "ByteOrder",
        ),
        block(
            "nonce-of-64-bits",
            "a nonce whose first word is 1, which a counter of 64 bits would count",
            key,
            0,
            b"\x01" + bytes(11),
            "ByteOrder",
        ),
    ]


def single_words() -> list[Test]:
    word = b"\x01\x02\x03\x84"
    keys = [
        block(
            f"key-word-{i}",
            f"only word {i} of the key is not zero",
            bytes(4 * i) + word + bytes(28 - 4 * i),
            0,
            bytes(12),
            "WordPlace",
        )
        for i in range(8)
    ]
    nonces = [
        block(
            f"nonce-word-{i}",
            f"only word {i} of the nonce is not zero",
            bytes(32),
            0,
            bytes(4 * i) + word + bytes(8 - 4 * i),
            "WordPlace",
        )
        for i in range(3)
    ]
    return keys + nonces


def extremes() -> list[Test]:
    patterns = {"00": 0x00, "ff": 0xFF}
    crossed = [
        block(
            f"key-{key}-nonce-{nonce}-counter-{name}",
            f"key of {key}, nonce of {nonce} bytes, counter {counter}",
            bytes([patterns[key]]) * 32,
            counter,
            bytes([patterns[nonce]]) * 12,
            "Extremes",
        )
        for key in patterns
        for nonce in patterns
        for name, counter in (("first", 0), ("last", 2**32 - 1))
        if (key, nonce, counter) != ("00", "00", 0)  # test vector 1 of the RFC
    ]
    high, low = b"\0\0\0\x80", b"\xff\xff\xff\x7f"
    return [
        *crossed,
        block(
            "words-high-bit", "every word has its high bit set and nothing else", high * 8, 2**31, high * 3, "Extremes"
        ),
        block("words-all-but-high-bit", "every word is 2^31 - 1", low * 8, 2**31 - 1, low * 3, "Extremes"),
        block("words-one", "every word is 1", b"\x01\0\0\0" * 8, 1, b"\x01\0\0\0" * 3, "Extremes"),
        block("bytes-55", "every byte is 55, every second bit", b"\x55" * 32, 0x55555555, b"\x55" * 12, "Extremes"),
        block("bytes-aa", "every byte is aa, the other bits", b"\xaa" * 32, 0xAAAAAAAA, b"\xaa" * 12, "Extremes"),
    ]


def fixed(draw: Draw, found: Found) -> list[Group]:
    return [
        Group("published in RFC 8439", tuple(published())),
        counters(draw),
        Group("the order of bytes and words", tuple(byte_order(draw))),
        Group("words alone", tuple(single_words())),
        Group("extreme words", tuple(extremes())),
    ]


def random(draw: Draw, i: int) -> Test:
    return block(f"random-{i}", "drawn", draw("key"), draw.below("counter", 2**32), draw("nonce", 12), "Basic")


def intermediate(a: dict[str, Any]) -> Mapping[str, Any]:
    """The state before and after the rounds, as the RFC prints it: sixteen words."""
    state = initial_state(a["key"], a["counter"], a["nonce"])
    working = list(state)
    inner_block(working)
    first = words(working)
    for _ in range(9):
        inner_block(working)
    return {"state": words(state), "after_2_rounds": first, "after_20_rounds": words(working)}


def words(state: list[int]) -> str:
    return " ".join(f"{word:08x}" for word in state)


SUITE = VectorSuite(
    name="primitives/chacha20_block",
    title="ChaCha20, one block of key stream",
    operation="chacha20.block",
    covers=(RFC, "V1-PRIM-09"),
    flags=FLAGS,
    fixed=fixed,
    random=random,
    count=12,
    intermediate=intermediate,
)
