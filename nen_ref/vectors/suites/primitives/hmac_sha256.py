"""primitives/hmac_sha256: FIPS 198-1 with SHA-256."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from nen_ref.primitives.hmac_sha256 import IPAD, OPAD, block_sized_key, xor
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Found, Group, Test, VectorSuite, valid
from nen_ref.vectors.suites.symmetric_tools import octets_of

FLAGS = {
    "Basic": Flag("basic", "keys and messages of ordinary lengths", "no request of another implementation verifies"),
    "Published": Flag(
        "basic",
        "the keys and messages of RFC 4231; its test case 5 is cut to 128 bits there and is whole here",
        "no request of another implementation verifies",
        ("RFC 4231, section 4",),
    ),
    "KeyLength": Flag(
        "edge case",
        "keys shorter than, as long as and longer than a block of 64 bytes; the longer ones are hashed first",
        "two keys that ought to differ give the same tags, or nobody else's tags verify",
        ("FIPS 198-1, table 1",),
    ),
    "EqualKeys": Flag(
        "edge case",
        "different keys of one block K0: zeros behind a short key do not count, and a long key is its hash",
        "an implementation that pads or hashes keys in another way gives two tags here, and its own for every such key",
        ("FIPS 198-1, table 1",),
    ),
    "KeyBytes": Flag(
        "edge case",
        "keys of zeros, of ones, of the padding bytes 36 and 5c, and with a zero byte in the middle",
        "keys end at their first zero byte, or are taken for text: most of the key does not count",
        ("FIPS 198-1, section 4",),
    ),
    "MessageLength": Flag(
        "edge case",
        "messages around the borders of a block, where SHA-256 needs one block more for its padding",
        "tags differ for messages of some lengths only",
        ("FIPS 180-4, 5.1.1",),
    ),
    "MessageBytes": Flag(
        "edge case",
        "messages of bytes that are no text: zeros, ones, ill-formed UTF-8, line ends",
        "messages end at their first zero byte, or are decoded and encoded: two messages have one tag",
        ("FIPS 198-1, section 4",),
    ),
}

KEY_SIZES = (0, 1, 16, 31, 32, 33, 63, 64, 65, 127, 128, 129, 1000)
MESSAGE_SIZES = (0, 1, 54, 55, 56, 57, 63, 64, 65, 118, 119, 120, 127, 128, 129, 1000, 65536)
RFC_4231 = (
    ("a key of 20 bytes", b"\x0b" * 20, b"Hi There"),
    ("a key shorter than the tag", b"Jefe", b"what do ya want for nothing?"),
    ("key and message longer than 64 bytes together", b"\xaa" * 20, b"\xdd" * 50),
    ("as 3, with a key of bytes that differ", bytes(range(1, 26)), b"\xcd" * 50),
    ("the tag that the RFC cuts to 128 bits", b"\x0c" * 20, b"Test With Truncation"),
    ("a key longer than a block", b"\xaa" * 131, b"Test Using Larger Than Block-Size Key - Hash Key First"),
    (
        "key and message longer than a block",
        b"\xaa" * 131,
        b"This is a test using a larger than block-size key and a larger than block-size data. "
        b"The key needs to be hashed before being used by the HMAC algorithm.",
    ),
)


def mac(id: str, comment: str, key: bytes, message: bytes, *flags: str) -> Test:
    return valid(id, comment, {"key": key, "message": message}, *flags)


def fixed(draw: Draw, found: Found) -> list[Group]:
    published = (
        mac(f"rfc-4231-{i}", f"RFC 4231, test case {i}: {says}", key, message, "Published")
        for i, (says, key, message) in enumerate(RFC_4231, 1)
    )
    messages = (
        valid(
            f"message-of-{size}",
            f"a message of {octets_of(size)}",
            {"message": draw(f"message/{size}", size)},
            "MessageLength",
        )
        for size in MESSAGE_SIZES
    )
    return [
        Group("published in RFC 4231", tuple(published)),
        Group("keys of many lengths", tuple(of_key(draw, size) for size in KEY_SIZES)),
        Group("different keys with one tag", tuple(equal_keys(draw)), {"message": draw("equal/message", 40)}),
        Group("keys of particular bytes", tuple(key_bytes(draw)), {"message": draw("bytes/message", 40)}),
        Group("messages of many lengths under one key", tuple(messages), {"key": draw("key")}),
        Group("messages of particular bytes", tuple(message_bytes(draw)), {"key": draw("message-bytes/key")}),
    ]


def of_key(draw: Draw, size: int) -> Test:
    given = {"key": draw(f"key/{size}", size), "message": draw(f"message-of-key/{size}", 40)}
    return valid(f"key-of-{size}", f"a key of {octets_of(size)}", given, "KeyLength")


def equal_keys(draw: Draw) -> list[Test]:
    short, long = draw("equal/short", 32), draw("equal/long", 65)
    keys = {
        "short": ("a key of 32 bytes", short),
        "short-and-zero": ("the key of `equal-short` and a zero byte: the same tag", short + b"\0"),
        "short-filled": (
            "the key of `equal-short`, filled with zeros to a block: the same tag",
            short.ljust(64, b"\0"),
        ),
        "short-overfilled": (
            "the key of `equal-short`, filled with zeros to 65 bytes: hashed, so another tag",
            short.ljust(65, b"\0"),
        ),
        "long": ("a key of 65 bytes", long),
        "long-hashed": ("the SHA-256 of the key of `equal-long`: the same tag", sha256(long).digest()),
        "long-cut": ("the first 64 bytes of the key of `equal-long`: another tag", long[:64]),
        "empty": ("the empty key", b""),
        "zeros-of-32": ("32 zero bytes: the tag of the empty key", bytes(32)),
        "zeros-of-64": ("64 zero bytes: the tag of the empty key", bytes(64)),
        "zeros-of-65": ("65 zero bytes: hashed, so another tag", bytes(65)),
    }
    return [valid(f"equal-{name}", says, {"key": key}, "EqualKeys") for name, (says, key) in keys.items()]


def key_bytes(draw: Draw) -> list[Test]:
    head = draw("bytes/head", 8)
    keys = {
        "ones": ("32 bytes of ff", b"\xff" * 32),
        "ipad": ("64 bytes of 36, which the inner padding makes zeros", b"\x36" * 64),
        "opad": ("64 bytes of 5c, which the outer padding makes zeros", b"\x5c" * 64),
        "zero-first": ("a key that begins with a zero byte", b"\0" + draw("bytes/first", 31)),
        "zero-inside": ("a key with a zero byte in the middle", head + b"\0" + draw("bytes/rest", 23)),
        "zero-inside-other-rest": (
            "the key of `key-zero-inside`, with other bytes behind the zero",
            head + b"\0" + draw("bytes/other", 23),
        ),
        "ascii": ("a key that is text", b"0123456789abcdef0123456789abcdef"),
        "hexadecimal-bytes": (
            "the bytes that the text of `key-ascii` is the hexadecimal of",
            bytes.fromhex("0123456789abcdef" * 2),
        ),
        "line-feed": ("a key that ends in a line feed", draw("bytes/line", 31) + b"\n"),
    }
    return [valid(f"key-{name}", says, {"key": key}, "KeyBytes") for name, (says, key) in keys.items()]


def message_bytes(draw: Draw) -> list[Test]:
    head = draw("message-bytes/head", 8)
    messages = {
        "zero": ("a single zero byte", b"\0"),
        "zeros-64": ("a block of zeros", bytes(64)),
        "ones-64": ("a block of ff", b"\xff" * 64),
        "zero-inside": ("a message with a zero byte in the middle", head + b"\0abc"),
        "zero-inside-other-rest": ("the message of `message-zero-inside`, with other bytes behind", head + b"\0abd"),
        "not-utf-8": ("bytes that are no UTF-8", b"\xc3\x28\xff\xfe\xed\xa0\x80"),
        "utf-8": ("UTF-8 of two, three and four bytes", "é世🔐".encode()),
        "line-feed": ("four lines, as a canonical string has them", b"GET\n/a\n1760000000000\n"),
        "crlf": ("the lines of `message-line-feed` with CRLF: another tag", b"GET\r\n/a\r\n1760000000000\r\n"),
    }
    return [
        valid(f"message-{name}", says, {"message": text}, "MessageBytes") for name, (says, text) in messages.items()
    ]


def random(draw: Draw, i: int) -> Test:
    given = {"key": draw("key"), "message": draw("message", draw.below("size", 200))}
    return valid(f"random-{i}", "the key of a session, and a message of up to 199 bytes", given, "Basic")


def intermediate(a: dict[str, Any]) -> Mapping[str, Any]:
    """FIPS 198-1, table 1: the key as one block, and the hash of step 6."""
    k0 = block_sized_key(a["key"])
    return {
        "K0": k0,
        "K0_xor_ipad": xor(k0, IPAD),
        "K0_xor_opad": xor(k0, OPAD),
        "inner_hash": sha256(xor(k0, IPAD) + a["message"]).digest(),
    }


SUITE = VectorSuite(
    name="primitives/hmac_sha256",
    title="HMAC-SHA256",
    operation="hmac_sha256",
    covers=("FIPS 198-1, section 4", "V1-AUTH-04", "V1-PRIM-11"),
    flags=FLAGS,
    fixed=fixed,
    random=random,
    count=20,
    intermediate=intermediate,
)
