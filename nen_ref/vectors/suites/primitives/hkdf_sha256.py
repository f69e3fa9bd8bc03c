"""primitives/hkdf_sha256: RFC 5869 with SHA-256, without a salt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nen_ref.primitives.hkdf_sha256 import HASH_LENGTH, MAX_LENGTH, NO_SALT, hkdf_extract
from nen_ref.protocol import key_schedule
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Found, Group, Test, VectorSuite, invalid, valid
from nen_ref.vectors.suites.symmetric_tools import octets_of

OTHER_KEYS = "both sides have the same shared secret and different keys: no request of another implementation verifies"

FLAGS = {
    "Basic": Flag("basic", "inputs of ordinary lengths", OTHER_KEYS),
    "Published": Flag(
        "basic",
        "A.3 of RFC 5869, which has no salt; and the inputs of A.1 and A.2, of which the salt is left out here",
        OTHER_KEYS,
        ("RFC 5869, appendix A",),
    ),
    "Label": Flag(
        "basic",
        "the labels of V3 as info, with an ikm of the size that it has there",
        OTHER_KEYS,
        ("V3-KEY-01", "V3-KEY-03"),
    ),
    "OneLetterOff": Flag(
        "confusion",
        "texts that are a label of V3 but for their case, an end, a space or an encoding: other keys",
        "a label that is trimmed, padded, or a text in UTF-16 gives keys that nobody else has; two labels that become "
        "one give one key for two purposes",
        ("V3-PRIM-01",),
    ),
    "NoSalt": Flag(
        "wrong computation",
        "an ikm that could be taken for a key already: the extraction is never left out, and keyed with 32 zero bytes, "
        "which is the same as the empty key",
        OTHER_KEYS,
        ("RFC 5869, 2.2", "V3-PRIM-01"),
    ),
    "IkmLength": Flag(
        "edge case",
        "input keying material around the borders of a block of SHA-256, the empty one, and a long one",
        OTHER_KEYS,
        ("RFC 5869, 2.2",),
    ),
    "InfoLength": Flag(
        "edge case",
        "info whose block, with or without the block before it, ends where SHA-256 needs one block more",
        "keys differ for some labels only",
        ("RFC 5869, 2.3",),
    ),
    "InfoBytes": Flag(
        "edge case",
        "info that is no text: zeros, ones, ill-formed UTF-8, and what could pass for the number of a block",
        "info that ends at its first zero byte, or is decoded and encoded, gives one key for two purposes",
        ("RFC 5869, 2.3",),
    ),
    "IkmBytes": Flag(
        "edge case",
        "input keying material of zeros, of ones, and with a zero byte at its beginning, in the middle or at its end",
        "an ikm that is taken for a number or for text loses bytes: secrets that ought to differ give the same keys",
        ("RFC 5869, 2.2",),
    ),
    "Border": Flag(
        "confusion",
        "the same bytes, cut in another place between ikm and info: every cut gives another result",
        "where both are joined before they are used, an attacker who chooses info chooses a part of the secret",
        ("RFC 5869, 2.2", "RFC 5869, 2.3"),
    ),
    "OutputLength": Flag(
        "edge case",
        "outputs around the borders of a block of 32 bytes, all of the same ikm and info: each is the beginning of the "
        "longest",
        "keys differ for outputs of some lengths only",
        ("RFC 5869, 2.3",),
    ),
    "ManyBlocks": Flag(
        "edge case",
        "outputs of more than 126 blocks, up to the 255th, which is the last: the number of a block is one byte "
        "without a sign",
        "a number that is signed, or begins anew too early, repeats or changes the end of a long output",
        ("RFC 5869, 2.3", "V3-PRIM-02"),
    ),
    "TooLong": Flag(
        "missing check",
        "an output of more than 255 blocks",
        "the number of a block begins anew, and what comes out is nothing that RFC 5869 defines; where a length is cut "
        "to 16 or 32 bits, a key comes out short",
        ("RFC 5869, 2.3", "V3-PRIM-02"),
    ),
}

IKM_SIZES = (0, 1, 16, 31, 32, 33, 48, 54, 55, 56, 57, 63, 64, 65, 80, 96, 118, 119, 120, 127, 128, 129, 1000, 4096)
INFO_SIZES = (
    0, 1, 2, 3, 10, 16, 21, 22, 23, 24, 29, 30, 31, 32, 33, 48, 53, 54, 55, 56, 61, 62, 63, 64, 65,
    85, 86, 87, 88, 94, 95, 117, 118, 119, 126, 127, 128, 255, 256, 257, 1024,
)  # fmt: skip
LENGTHS = (0, 1, 2, 12, 15, 16, 17, 24, 31, 32, 33, 42, 48, 63, 64, 65, 95, 96, 97, 128, 160, 255, 256, 257, 512, 1000)
LONG = (4063, 4064, 4065, 4095, 4096, 4097, 8127, 8128, 8129, 8159, 8160)
TOO_LONG = {
    "8161": (8161, "one byte more than 255 blocks"),
    "8191": (8191, "one byte less than 256 blocks"),
    "8192": (8192, "256 blocks: the number of the last would be 0"),
    "8193": (8193, "one byte more than 256 blocks"),
    "16320": (16320, "510 blocks, twice as many as there are"),
    "65535": (65535, "the greatest number of 16 bits"),
    "65536": (65536, "cut to 16 bits: 0"),
    "65568": (65568, "cut to 16 bits: 32"),
    "2-to-31": (2**31, "the smallest number that is negative in 32 bits"),
    "2-to-32": (2**32, "cut to 32 bits: 0"),
    "2-to-32-plus-32": (2**32 + 32, "cut to 32 bits: 32"),
    "2-to-53-minus-1": (2**53 - 1, "the greatest integer that JSON carries safely"),
}

RFC_5869 = (
    ("a-1", "the input of test case 1 without its salt", b"\x0b" * 22, bytes(range(0xF0, 0xFA)), 42),
    ("a-2", "the input of test case 2 without its salt", bytes(range(0x50)), bytes(range(0xB0, 0x100)), 82),
    ("a-3", "test case 3, neither salt nor info", b"\x0b" * 22, b"", 42),
)
LABELS = {
    "hybrid": (key_schedule.HYBRID, 64),
    "enc": (key_schedule.ENC, 32),
    "mac": (key_schedule.MAC, 32),
    "resume": (key_schedule.RESUME, 32),
    "resume-ss": (key_schedule.RESUME_SECRET, 96),
    "ratchet": (key_schedule.RATCHET, 32),
}
OFF = {
    "capital": (b"nen/v3 Enc", "a capital letter"),
    "upper-case": (b"NEN/V3 ENC", "upper case"),
    "zero-behind": (b"nen/v3 enc\0", "a zero byte behind it"),
    "line-behind": (b"nen/v3 enc\n", "a line feed behind it"),
    "space-behind": (b"nen/v3 enc ", "a space behind it"),
    "space-before": (b" nen/v3 enc", "a space before it"),
    "two-spaces": (b"nen/v3  enc", "two spaces"),
    "no-space": (b"nen/v3enc", "no space"),
    "colon": (b"nen/v3:enc", "a colon in place of the space"),
    "version": (b"nen/v2 enc", "another version"),
    "short": (b"nen/v3 en", "its last letter is missing"),
    "length-before": (b"\x0anen/v3 enc", "its length before it"),
    "quoted": (b'"nen/v3 enc"', "quotation marks around it"),
    "base64": (b"bmVuL3YzIGVuYw==", "in base64"),
    "hexadecimal": (b"6e656e2f763320656e63", "in hexadecimal"),
    "utf-16": ("nen/v3 enc".encode("utf-16-le"), "in UTF-16"),
    "utf-8-mark": (b"\xef\xbb\xbfnen/v3 enc", "a byte order mark before it"),
}


def okm(id: str, comment: str, ikm: bytes, info: bytes, length: int, *flags: str) -> Test:
    return valid(id, comment, {"ikm": ikm, "info": info, "length": length}, *flags)


def fixed(draw: Draw, found: Found) -> list[Group]:
    return [
        Group("published in RFC 5869", tuple(published())),
        Group("the labels of V3", tuple(labels(draw)), {"length": 32}),
        Group(
            "texts that are almost the label nen/v3 enc",
            tuple(valid(f"off-{name}", says, {"info": info}, "OneLetterOff") for name, (info, says) in OFF.items()),
            {"ikm": draw("off/ikm"), "length": 32},
        ),
        Group("what the extraction is keyed with", tuple(no_salt(draw)), {"info": b"nen/v3 enc", "length": 32}),
        Group("input keying material of many lengths", tuple(ikm_lengths(draw)), {"info": b"info", "length": 40}),
        Group("input keying material of particular bytes", tuple(ikm_bytes(draw)), {"info": b"info", "length": 32}),
        Group("info of many lengths", tuple(info_lengths(draw)), {"ikm": draw("info/ikm"), "length": 80}),
        Group("info of particular bytes", tuple(info_bytes(draw)), {"ikm": draw("bytes/ikm"), "length": 64}),
        Group("one text, cut between ikm and info", tuple(borders(draw)), {"length": 32}),
        Group("outputs of many lengths", tuple(output_lengths()), {"ikm": draw("length/ikm"), "info": b"nen"}),
        Group(
            "outputs that are too long",
            tuple(
                invalid(f"too-long-{name}", f"{length} bytes: {says}", {"length": length}, "TooLong")
                for name, (length, says) in TOO_LONG.items()
            ),
            {"ikm": draw("too-long/ikm"), "info": b"nen"},
        ),
    ]


def published() -> list[Test]:
    return [
        *(
            okm(f"rfc-5869-{name}", f"RFC 5869, appendix A: {says}", ikm, info, length, "Published")
            for name, says, ikm, info, length in RFC_5869
        ),
        okm(
            "rfc-5869-a-3-goes-on",
            "test case 3 of RFC 5869 with an output of 1200 bytes",
            b"\x0b" * 22,
            b"",
            1200,
            "OutputLength",
        ),
    ]


def labels(draw: Draw) -> list[Test]:
    of_drawn = (
        valid(
            f"label-{name}",
            f"{label.decode()}, with an ikm of {size} bytes",
            {"ikm": draw(f"label/{name}", size), "info": label},
            "Label",
        )
        for name, (label, size) in LABELS.items()
    )
    same = draw("label/same", 32)
    of_same = (
        valid(
            f"label-{name}-of-the-same",
            f"{label.decode()}, all of these with one ikm: no two are equal",
            {"ikm": same, "info": label},
            "Label",
        )
        for name, (label, _) in LABELS.items()
    )
    return [*of_drawn, *of_same]


def no_salt(draw: Draw) -> list[Test]:
    ikm = draw("salt/ikm")
    keys = {
        "ikm": ("an ikm of 32 bytes, which could be taken for a pseudorandom key", ikm),
        "extracted": (
            "the pseudorandom key of `salt-ikm` as ikm: whoever leaves the extraction out has the result of `salt-ikm`",
            hkdf_extract(NO_SALT, ikm),
        ),
        "zeros-before": ("the ikm of `salt-ikm` behind 32 zero bytes", bytes(32) + ikm),
        "zeros-behind": ("the ikm of `salt-ikm` with 32 zero bytes behind it", ikm + bytes(32)),
        "64-bytes": ("an ikm of a block", draw("salt/block", 64)),
    }
    return [valid(f"salt-{name}", says, {"ikm": key}, "NoSalt") for name, (says, key) in keys.items()]


def ikm_lengths(draw: Draw) -> list[Test]:
    return [
        valid(f"ikm-of-{size}", f"an ikm of {octets_of(size)}", {"ikm": draw(f"ikm/{size}", size)}, "IkmLength")
        for size in IKM_SIZES
    ]


def ikm_bytes(draw: Draw) -> list[Test]:
    head, tail = draw("ikm-bytes/head", 15), draw("ikm-bytes/tail", 16)
    keys = {
        "zeros-32": ("32 zero bytes", bytes(32)),
        "zeros-31": ("31 zero bytes: another result than that of 32", bytes(31)),
        "zeros-64": ("64 zero bytes: another result than that of 32", bytes(64)),
        "ones-32": ("32 bytes of ff", b"\xff" * 32),
        "zero-first": ("a zero byte first", b"\0" + head + tail),
        "zero-first-gone": ("the ikm of `ikm-zero-first` without its zero byte", head + tail),
        "zero-last": ("a zero byte last", head + tail + b"\0"),
        "zero-inside": ("a zero byte in the middle", head + b"\0" + tail),
        "zero-inside-other-rest": (
            "the ikm of `ikm-zero-inside` with other bytes behind the zero",
            head + b"\0" + draw("ikm-bytes/other", 16),
        ),
        "high-bit-first": ("a first byte of 80", b"\x80" + head + tail),
        "ascii": ("64 hexadecimal digits as a text", b"0123456789abcdef" * 4),
        "hexadecimal-bytes": (
            "the bytes that the text of `ikm-ascii` stands for",
            bytes.fromhex("0123456789abcdef" * 4),
        ),
    }
    return [valid(f"ikm-{name}", says, {"ikm": key}, "IkmBytes") for name, (says, key) in keys.items()]


def info_lengths(draw: Draw) -> list[Test]:
    return [
        valid(f"info-of-{size}", f"info of {octets_of(size)}", {"info": draw(f"info/{size}", size)}, "InfoLength")
        for size in INFO_SIZES
    ]


def info_bytes(draw: Draw) -> list[Test]:
    infos = {
        "zero": ("a single zero byte, which is not the empty info", b"\0"),
        "zeros-32": ("32 zero bytes", bytes(32)),
        "ones-32": ("32 bytes of ff", b"\xff" * 32),
        "zero-inside": ("a zero byte in the middle", b"nen\0v3"),
        "zero-inside-other-rest": ("the info of `info-zero-inside` with other bytes behind the zero", b"nen\0v4"),
        "one": ("a byte 01, the number of the first block", b"\x01"),
        "one-behind": ("a text and a byte 01 behind it", b"nen\x01"),
        "two": ("a byte 02, the number of the second block", b"\x02"),
        "ff": ("a byte ff, the number of the last block", b"\xff"),
        "digit": ("the digit 1, not the byte 01", b"1"),
        "not-utf-8": ("bytes that are no UTF-8", b"\xc3\x28\xff\xfe\xed\xa0\x80"),
        "utf-8": ("UTF-8 of two, three and four bytes", "é世🔐".encode()),
        "composed": ("one letter, composed (NFC)", "é".encode()),
        "decomposed": ("the letter of `info-composed` in two code points (NFD): other keys", "e\u0301".encode()),
    }
    return [valid(f"info-{name}", says, {"info": info}, "InfoBytes") for name, (says, info) in infos.items()]


def borders(draw: Draw) -> list[Test]:
    text = draw("border", 48)
    return [
        valid(
            f"border-{cut}",
            f"{octets_of(cut)} of ikm, {octets_of(48 - cut)} of info",
            {"ikm": text[:cut], "info": text[cut:]},
            "Border",
        )
        for cut in (0, 1, 16, 31, 32, 33, 47, 48)
    ]


def output_lengths() -> list[Test]:
    short = (
        valid(f"output-of-{length}", f"an output of {octets_of(length)}", {"length": length}, "OutputLength")
        for length in LENGTHS
    )
    long = (
        valid(
            f"output-of-{length}",
            f"an output of {length} bytes, {-(-length // HASH_LENGTH)} blocks",
            {"length": length},
            "ManyBlocks",
        )
        for length in LONG
    )
    return [*short, *long]


def random(draw: Draw, i: int) -> Test:
    ikm, info = draw("ikm", draw.below("ikm-size", 100)), draw("info", draw.below("info-size", 100))
    return okm(f"random-{i}", "a drawn ikm, info and length", ikm, info, draw.below("length", 200), "Basic")


def intermediate(a: dict[str, Any]) -> Mapping[str, Any]:
    """RFC 5869, 2.2 and 2.3: the pseudorandom key, and how many blocks are made of it."""
    if a["length"] > MAX_LENGTH:
        return {}
    return {"PRK": hkdf_extract(NO_SALT, a["ikm"]), "N": -(-a["length"] // HASH_LENGTH)}


SUITE = VectorSuite(
    name="primitives/hkdf_sha256",
    title="HKDF-SHA256 without a salt",
    operation="hkdf_sha256",
    covers=("RFC 5869", "V3-PRIM-01"),
    flags=FLAGS,
    fixed=fixed,
    random=random,
    count=25,
    intermediate=intermediate,
)
