"""v1/base64_encode: bytes to the one text that they have on the wire."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Found, Group, Test, VectorSuite, valid
from nen_ref.vectors.suites.symmetric_tools import octets_of

REFUSED = "strict receivers refuse what this implementation sends"
RFC = "RFC 4648, section 4"

FLAGS = {
    "Basic": Flag("basic", "bytes of ordinary lengths", REFUSED, (RFC,)),
    "Published": Flag("basic", "the test vectors of RFC 4648", REFUSED, ("RFC 4648, section 10",)),
    "Padding": Flag(
        "wrong computation",
        "lengths that leave one byte, two bytes or none for the last four characters",
        REFUSED + ", for two lengths in three",
        (RFC, "V1-WIRE-01"),
    ),
    "Alphabet": Flag(
        "confusion",
        "bytes whose text has + and /, where the URL-safe alphabet has - and _",
        REFUSED + ", now and then",
        (RFC, "V1-WIRE-02"),
    ),
    "OneLine": Flag(
        "confusion",
        "bytes whose text is longer than a line of mail (76 characters) or of PEM (64)",
        REFUSED + ", the long ones",
        ("RFC 4648, section 3.1", "V1-WIRE-02"),
    ),
    "HighBytes": Flag(
        "wrong computation",
        "bytes from 80 on and zeros, which are no text of their own",
        "bytes that are taken for text on the way are mangled",
        (RFC,),
    ),
}

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
WIRE_SIZES = {
    12: "a nonce",
    16: "an empty sealed payload",
    32: "a key or a signature",
    1088: "a ciphertext of ML-KEM-768",
}


def encode(id: str, comment: str, data: bytes, *flags: str) -> Test:
    return valid(id, comment, {"bytes": data}, *flags)


def fixed(draw: Draw, found: Found) -> list[Group]:
    word = b"foobar"
    published = [
        encode(
            f"rfc-4648-{n}",
            f"RFC 4648, section 10: {word[:n].decode()!r}" if n else "RFC 4648, section 10: no bytes",
            word[:n],
            "Published",
            "Padding",
        )
        for n in range(7)
    ]
    sizes = [encode(f"bytes-{n}", octets_of(n), draw(f"size/{n}", n), "Padding") for n in (1, 2, 3, 4, 5)]
    sizes += [
        encode(f"bytes-{n}", f"{n} bytes, {says}", draw(f"size/{n}", n), "Basic") for n, says in WIRE_SIZES.items()
    ]
    lines = [
        encode(f"bytes-{n}", f"{n} bytes, whose text is {says}", draw(f"size/{n}", n), "OneLine")
        for n, says in (
            (48, "one line of PEM"),
            (49, "more than a line of PEM"),
            (57, "one line of mail"),
            (58, "more than a line of mail"),
            (300, "400 characters long"),
        )
    ]
    alphabet = [
        encode("alphabet", "all 64 characters, in order", b64decode(ALPHABET), "Alphabet"),
        encode("plus", "a text of + alone", b64decode("++++"), "Alphabet"),
        encode("slash", "a text of / alone", b64decode("////"), "Alphabet"),
        encode("plus-and-slash", "+ and / in turn", b64decode("+/+/+/+/"), "Alphabet"),
        encode("plus-before-padding", "a text that ends in +g==", b64decode("AAAA+g=="), "Alphabet", "Padding"),
        encode("slash-before-padding", "a text that ends in /+8=", b64decode("AAAA/+8="), "Alphabet", "Padding"),
    ]
    high = [
        encode("zeros-1", "a single zero byte", bytes(1), "HighBytes"),
        encode("zeros-12", "12 zero bytes", bytes(12), "HighBytes"),
        encode("ones-1", "a single byte of ff", b"\xff", "HighBytes"),
        encode("ones-32", "32 bytes of ff", b"\xff" * 32, "HighBytes"),
        encode("every-byte", "all 256 bytes, in order", bytes(range(256)), "HighBytes", "Alphabet", "OneLine"),
        encode("not-utf-8", "bytes that are no UTF-8", b"\xc3\x28\x80\xfe\xff", "HighBytes"),
        encode("utf-8", "the UTF-8 of a letter that is not ASCII", "é".encode(), "HighBytes"),
        encode("latin-1", "the same letter in Latin-1", "é".encode("latin-1"), "HighBytes"),
    ]
    return [
        Group("published in RFC 4648", tuple(published)),
        Group("lengths", tuple(sizes)),
        Group("texts longer than a line", tuple(lines)),
        Group("the alphabet", tuple(alphabet)),
        Group("bytes that are no text", tuple(high)),
    ]


def random(draw: Draw, i: int) -> Test:
    return encode(f"random-{i}", "drawn", draw("bytes", 6 + i), "Basic")


def intermediate(a: dict[str, Any]) -> Mapping[str, Any]:
    """The values of the characters in front of the padding, six bits each, of inputs that are short."""
    data: bytes = a["bytes"]
    if len(data) > 12:
        return {}
    bits = "".join(f"{byte:08b}" for byte in data)
    return {"sextets": [int(bits[i : i + 6].ljust(6, "0"), 2) for i in range(0, len(bits), 6)]}


SUITE = VectorSuite(
    name="v1/base64_encode",
    title="Base64 as Nen sends it: standard alphabet, padded, one line",
    operation="base64.encode",
    covers=("V1-WIRE-01", RFC),
    flags=FLAGS,
    fixed=fixed,
    random=random,
    count=10,
    intermediate=intermediate,
)
