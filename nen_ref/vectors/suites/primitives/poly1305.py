"""primitives/poly1305: the one-time authenticator of RFC 8439, 2.5."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nen_ref.primitives.chacha20_poly1305 import P
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Found, Group, Test, VectorSuite, valid
from nen_ref.vectors.suites.symmetric_tools import (
    ACCUMULATORS,
    SUNSCREEN,
    OneTimeKey,
    little,
    octets_of,
    poly1305_values,
    slug,
)

RARE = "the tag is wrong where the sums end here: practically never by chance, at will for whoever has the key"
UNREADABLE = "nothing that this implementation seals can be opened elsewhere"

FLAGS = {
    "Basic": Flag("basic", "keys and messages of ordinary values", UNREADABLE, ("RFC 8439, section 2.5",)),
    "Published": Flag("basic", "the inputs that RFC 8439 itself gives", UNREADABLE, ("RFC 8439, 2.5.2 and A.3",)),
    "MessageLength": Flag(
        "edge case",
        "messages around the borders of a block of 16 bytes, the empty one, and a long one",
        "tags differ for messages of some lengths only",
        ("RFC 8439, section 2.5",),
    ),
    "BlockEnd": Flag(
        "wrong computation",
        "a message and the same with zeros behind it: the 1 bit stands behind the last byte, not behind a filled block",
        "zeros can be added to a message, or taken away, and the tag stays",
        ("RFC 8439, section 2.5.1",),
    ),
    "Clamp": Flag(
        "wrong computation",
        "keys with bits set that clamping clears, and the same keys without them: one tag",
        "tags that no other implementation accepts; without the clamp the sums also overflow in other code",
        ("RFC 8439, section 2.5",),
    ),
    "ZeroR": Flag(
        "edge case",
        "r is zero after clamping: the tag is s, whatever the message",
        "an implementation that divides by r or refuses it stops on a key that RFC 8439 allows",
        ("RFC 8439, A.3, test vector 2",),
    ),
    "ExtremeR": Flag("edge case", "the smallest and the greatest r, and single bits of it", RARE, ("RFC 8439, 2.5",)),
    "FinalReduction": Flag(
        "wrong computation",
        "the accumulator ends at 0 to 6, which may be p or a little more before the last reduction, or just below p, "
        "where it must stay as it is",
        RARE,
        ("RFC 8439, A.3, test vectors 5, 8, 9 and 11",),
    ),
    "LimbBorder": Flag(
        "wrong computation",
        "the accumulator ends at a border of 26, 32, 44, 52, 64, 78, 88, 104, 128, 129 or 130 bits",
        RARE,
        ("RFC 8439, A.3, test vectors 7 and 10",),
    ),
    "InnerEdge": Flag(
        "wrong computation",
        "the accumulator passes an edge of its range in the middle of a message, and the message goes on",
        RARE,
        ("RFC 8439, section 2.5.1",),
    ),
    "FinalAddition": Flag(
        "wrong computation",
        "the sum of accumulator and s is exactly 2^128, one less or one more, or carries through all words",
        RARE,
        ("RFC 8439, A.3, test vector 6",),
    ),
    "AllOnes": Flag(
        "edge case", "blocks of ff bytes under a great r: every product and carry is as great as it gets", RARE
    ),
}

R_MAX = 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
# The bytes of r of which the clamp clears bits, and these bits.
CLAMPED = {3: 0xF0, 4: 0x03, 7: 0xF0, 8: 0x03, 11: 0xF0, 12: 0x03, 15: 0xF0}
REDUCTION = ("0", "1", "2", "3", "4", "5", "6", "p-minus-5", "p-minus-4", "p-minus-3", "p-minus-2", "p-minus-1")
SIZES = (0, 1, 2, 15, 16, 17, 31, 32, 33, 47, 48, 49, 63, 64, 65, 255, 256, 257, 65536)


def mac(id: str, comment: str, key: bytes, message: bytes, *flags: str) -> Test:
    return valid(id, comment, {"key": key, "message": message}, *flags)


def published() -> list[Test]:
    """RFC 8439, 2.5.2 and A.3; vectors 2 and 3 of A.3 are long, and left to the files of the RFC."""
    example = bytes.fromhex("85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b")
    one, two, ten = little(1, 16), little(2, 16), bytes.fromhex("01000000000000000400000000000000")
    zero, ones = bytes(16), b"\xff" * 16
    carried = bytes.fromhex("e33594d7505e43b900000000000000003394d7505e4379cd0100000000000000") + zero
    return [
        mac("rfc-8439-2-5-2", "the example of 2.5.2", example, b"Cryptographic Forum Research Group", "Published"),
        mac("rfc-8439-a-3-1", "A.3, test vector 1: everything zero", bytes(32), bytes(64), "Published", "ZeroR"),
        mac(
            "rfc-8439-a-3-5",
            "A.3, test vector 5: the product passes p, and stays below 2^130",
            two + zero,
            ones,
            "Published",
            "FinalReduction",
        ),
        mac(
            "rfc-8439-a-3-6",
            "A.3, test vector 6: the addition of s passes 2^128",
            two + ones,
            two,
            "Published",
            "FinalAddition",
        ),
        mac(
            "rfc-8439-a-3-7",
            "A.3, test vector 7: a carry through all limbs",
            one + zero,
            ones + b"\xf0" + ones[1:] + b"\x11" + zero[1:],
            "Published",
            "LimbBorder",
        ),
        mac(
            "rfc-8439-a-3-8",
            "A.3, test vector 8: the sum is exactly p",
            one + zero,
            ones + b"\xfb" + b"\xfe" * 15 + b"\x01" * 16,
            "Published",
            "FinalReduction",
        ),
        mac(
            "rfc-8439-a-3-9",
            "A.3, test vector 9: the accumulator is p - 1",
            two + zero,
            b"\xfd" + ones[1:],
            "Published",
            "FinalReduction",
        ),
        mac(
            "rfc-8439-a-3-10",
            "A.3, test vector 10: a carry between words of r of which others are zero",
            ten + zero,
            carried + one,
            "Published",
            "LimbBorder",
        ),
        mac(
            "rfc-8439-a-3-11",
            "A.3, test vector 11: as 10, without its last block",
            ten + zero,
            carried,
            "Published",
            "LimbBorder",
        ),
    ]


def lengths(draw: Draw) -> Group:
    return Group(
        "messages of many lengths",
        tuple(
            valid(
                f"message-of-{size}",
                f"a message of {octets_of(size)}",
                {"message": draw(f"message/{size}", size)},
                "MessageLength",
            )
            for size in SIZES
        ),
        {"key": draw("lengths/key")},
    )


def ends(draw: Draw) -> Group:
    text = draw("ends/message", 5)
    messages = {
        "five-bytes": ("a message of 5 bytes", text),
        "five-bytes-and-a-zero": ("the message of `end-five-bytes` and a zero byte", text + bytes(1)),
        "five-bytes-filled": ("the message of `end-five-bytes`, filled with zeros to 16", text + bytes(11)),
        "five-bytes-and-0x01": ("the message of `end-five-bytes` and a byte 01", text + b"\x01"),
        "five-bytes-and-0x80": ("the message of `end-five-bytes` and a byte 80", text + b"\x80"),
        "one-zero": ("a single zero byte, not the empty message", bytes(1)),
        "15-zeros": ("15 zero bytes", bytes(15)),
        "16-zeros": ("16 zero bytes", bytes(16)),
        "17-zeros": ("17 zero bytes", bytes(17)),
        "32-zeros": ("32 zero bytes", bytes(32)),
        "block-then-zero": ("a block, and a zero byte behind it", draw("ends/block", 16) + bytes(1)),
    }
    return Group(
        "where a message ends",
        tuple(
            valid(f"end-{name}", says, {"message": message}, "BlockEnd") for name, (says, message) in messages.items()
        ),
        {"key": draw("ends/key")},
    )


def clamping(draw: Draw) -> Group:
    clean = little(OneTimeKey.of(draw("clamp/key")).r, 16)
    s = draw("clamp/s", 16)
    every = little(int.from_bytes(clean, "little") | (2**128 - 1) & ~R_MAX, 16)
    tests = [
        valid("clamp-nothing-to-clear", "r has none of the bits that clamping clears", {"key": clean + s}, "Clamp"),
        valid(
            "clamp-all-bits",
            "all 22 bits set that clamping clears: the tag of `clamp-nothing-to-clear`",
            {"key": every + s},
            "Clamp",
        ),
    ]
    for place, bits in CLAMPED.items():
        r = clean[:place] + bytes([clean[place] | bits]) + clean[place + 1 :]
        says = f"the bits {bits:02x} of byte {place} set, which clamping clears: the tag of `clamp-nothing-to-clear`"
        tests.append(valid(f"clamp-byte-{place}", says, {"key": r + s}, "Clamp"))
    return Group("bits of r that do not count", tuple(tests), {"message": draw("clamp/message", 40)})


def special_r(draw: Draw) -> list[Test]:
    message, s = draw("r/message", 50), draw("r/s", 16)
    zero_after = little((2**128 - 1) & ~R_MAX, 16)
    named = {
        "r-one": ("r is 1: the accumulator is the sum of the blocks", 1),
        "r-two": ("r is 2", 2),
        "r-four-in-second-word": ("only the lowest bit of the second word that clamping leaves", 4 << 32),
        "r-four-in-third-word": ("only the lowest bit of the third word that clamping leaves", 4 << 64),
        "r-four-in-fourth-word": ("only the lowest bit of the fourth word that clamping leaves", 4 << 96),
        "r-highest-bit": ("only the highest bit that clamping leaves, 2^123", 1 << 123),
        "r-greatest": ("the greatest r", R_MAX),
        "r-first-word": ("all bits of the first word that clamping leaves, and no others", 0x0FFFFFFF),
    }
    return [
        mac("r-zero", "r is zero: the tag is s", bytes(16) + s, message, "ZeroR"),
        mac(
            "r-zero-after-clamp",
            "r is zero once it is clamped: the tag is s",
            zero_after + s,
            message,
            "ZeroR",
            "Clamp",
        ),
        mac("r-zero-s-zero", "r and s are zero: the tag is zero", bytes(32), message, "ZeroR"),
        mac("r-zero-empty", "r is zero, and the message empty", bytes(16) + s, b"", "ZeroR", "MessageLength"),
        mac(
            "all-ones-key-empty",
            "a key of ff bytes, and the empty message: the tag is s",
            b"\xff" * 32,
            b"",
            "MessageLength",
            "Clamp",
        ),
        *(mac(id, says, little(r, 16) + s, message, "ExtremeR") for id, (says, r) in named.items()),
    ]


def edges(draw: Draw) -> Group:
    key = draw("edges/key")
    one_time = OneTimeKey.of(key)
    tests = [
        valid(
            f"accumulator-{slug(name)}",
            f"the accumulator ends at {name.replace('-', ' ')}",
            {"message": one_time.two_blocks(wanted)},
            "FinalReduction" if name in REDUCTION else "LimbBorder",
        )
        for name, wanted in ACCUMULATORS.items()
    ]
    for name in ("0", "4", "5", "2^128-minus-1", "2^128", "2^129", "p-minus-2", "p-minus-1"):
        for rest, says in ((bytes(16), "a block of zeros"), (b"\xff" * 17, "17 bytes of ff")):
            message = one_time.two_blocks(ACCUMULATORS[name]) + rest
            tests.append(
                valid(
                    f"inner-{slug(name)}-then-{len(rest)}",
                    f"the accumulator is {name.replace('-', ' ')} after two blocks, then comes {says}",
                    {"message": message},
                    "InnerEdge",
                )
            )
    return Group("accumulators at the edges of their range; s added behind", tuple(tests), {"key": key})


def final_additions(draw: Draw) -> list[Test]:
    r = draw("addition/r", 16)
    drawn = int.from_bytes(draw("addition/s", 16), "little")
    wanted = {
        "2-to-128-minus-1": ("2^128 - 1: the tag is all ones", drawn, 2**128 - 1 - drawn),
        "2-to-128": ("2^128: the tag is zero", drawn, 2**128 - drawn),
        "2-to-128-plus-1": ("2^128 + 1: the tag is 1", drawn, 2**128 + 1 - drawn),
        "2-to-129": ("2^129: the tag is zero", drawn, 2**129 - drawn),
        "greatest": ("as great as it gets, p - 1 and s of ones", 2**128 - 1, P - 1),
        "zero-and-ones": ("0 + (2^128 - 1): no carry", 2**128 - 1, 0),
        "one-and-ones": ("1 + (2^128 - 1): a carry through every word", 2**128 - 1, 1),
        "carry-32": ("a carry out of the first word of 32 bits, and no other", 2**32 - 1, 1),
        "carry-64": ("a carry out of the first word of 64 bits", 2**64 - 1, 1),
        "carry-96": ("a carry through three words of 32 bits, into the last", 2**96 - 1, 1),
        "s-zero": ("an accumulator of 2^128 - 1 and s of zero", 0, 2**128 - 1),
    }
    return [
        mac(
            f"addition-{name}",
            f"the sum of accumulator and s is {says}" if "2-to" in name else f"accumulator and s: {says}",
            r + little(s, 16),
            OneTimeKey.of(r + little(s, 16)).two_blocks(a),
            "FinalAddition",
        )
        for name, (says, s, a) in wanted.items()
    ]


def ones(draw: Draw) -> list[Test]:
    greatest = little(R_MAX, 16) + b"\xff" * 16
    drawn = draw("ones/key")
    return [
        *(
            mac(f"ones-{size}", f"the greatest key and {octets_of(size)} of ff", greatest, b"\xff" * size, "AllOnes")
            for size in (1, 15, 16, 17, 32, 48, 64, 128, 1024)
        ),
        *(
            mac(f"ones-{size}-drawn-key", f"a drawn key and {octets_of(size)} of ff", drawn, b"\xff" * size, "AllOnes")
            for size in (16, 48, 257)
        ),
    ]


def fixed(draw: Draw, found: Found) -> list[Group]:
    return [
        Group("published in RFC 8439", tuple(published())),
        lengths(draw),
        ends(draw),
        clamping(draw),
        Group("special values of r", tuple(special_r(draw))),
        edges(draw),
        Group("the last addition, of s", tuple(final_additions(draw))),
        Group("blocks of ones", tuple(ones(draw))),
    ]


def random(draw: Draw, i: int) -> Test:
    message = SUNSCREEN if i == 1 else draw("message", draw.below("size", 100))
    says = "a drawn key, and the plaintext of RFC 8439, 2.4.2" if i == 1 else "a drawn key and message"
    return mac(f"random-{i}", says, draw("key"), message, "Basic")


def intermediate(a: dict[str, Any]) -> Mapping[str, Any]:
    return poly1305_values(a["key"], a["message"])


SUITE = VectorSuite(
    name="primitives/poly1305",
    title="Poly1305",
    notes="The intermediate values r (clamped), s and the accumulator (before s is added) are little-endian.",
    operation="poly1305.mac",
    covers=("RFC 8439, section 2.5", "V1-PRIM-09"),
    flags=FLAGS,
    fixed=fixed,
    random=random,
    count=16,
    intermediate=intermediate,
)
