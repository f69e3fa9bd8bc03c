"""v1/payload_seal: the body `{"ct", "n"}` of a payload, as a client sends it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nen_ref.primitives.chacha20_poly1305 import aead_encrypt, poly1305_key_gen
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Found, Group, Test, VectorSuite, valid
from nen_ref.vectors.suites.body_tools import JSON_FLAGS

FLAGS = {
    "Basic": Flag("basic", "a payload as it is sent every day", "no server opens what this client seals"),
    "PayloadSize": Flag(
        "edge case",
        "payloads at the borders of the blocks of ChaCha20 and Poly1305, and beyond block 255",
        "payloads of some lengths do not open, or a counter of one byte repeats the key stream after 16 KiB",
        ("RFC 8439, section 2.4", "V1-WIRE-06"),
    ),
    "Base64Length": Flag(
        "edge case",
        "three lengths of ct in a row, so that its base64 text ends in no, one and two equals signs",
        "padding is left out, or written where it does not belong: strict servers refuse the body",
        ("V1-WIRE-01",),
    ),
    "NonceBytes": Flag(
        "edge case",
        "nonces of special bytes: zeros, ones, a zero in front, and those whose base64 text is all + and /",
        "the nonce is taken for a text or a number and changed, or written in the URL-safe alphabet",
        ("V1-REQ-01", "V1-WIRE-01"),
    ),
    **{name: JSON_FLAGS[name] for name in ("JsonValue", "JsonWhiteSpace", "JsonUnicode", "JsonEscape")},
}

PAYLOADS = (
    ("null", "null", "JsonValue"),
    ("false", "false", "JsonValue"),
    ("empty-text", '""', "JsonValue"),
    ("empty-object", "{}", "JsonValue"),
    ("numbers-as-written", "[1.0, 1e3, 1E+2, -0, 9007199254740993]", "JsonValue"),
    ("members-in-their-order", '{"b":1,"a":2,"A":3}', "JsonValue"),
    ("white-space", ' \t{ "a" :\r\n1 } \n', "JsonWhiteSpace"),
    ("raw-unicode", '"Gr\u00fc\u00dfe, \u4e16\u754c \U0001f510"', "JsonUnicode"),
    ("decomposed", '"u\u0308"', "JsonUnicode"),
    ("last-code-point", '"\U0010ffff"', "JsonUnicode"),
    ("escapes", r'"\"\\\/\b\f\n\r\t\u0000\u00FC\ud83d\ude00"', "JsonEscape"),
)
NONCES = (
    ("nonce-of-zeros", "a nonce of zeros", bytes(12)),
    ("nonce-of-ones", "a nonce of ff bytes: its base64 text is all slashes", b"\xff" * 12),
    ("nonce-of-plus-signs", "a nonce whose base64 text is all plus signs", bytes.fromhex("fbefbe") * 4),
    ("nonce-counting", "the nonce 000102 ... 0b: its order shows", bytes(range(12))),
    ("nonce-zero-in-front", "a nonce of zeros and a one at its end", bytes(11) + b"\x01"),
)


def fixed(draw: Draw, found: Found) -> list[Group]:
    shared = {"secret": draw("secret")}
    padded = (("17", "no equals sign"), ("18", "two equals signs"), ("19", "one equals sign"))
    return [
        Group("payloads of all kinds of JSON, sealed as they are written", tuple(
            valid(id, f"the payload {text.strip()[:20]!a}", {"n": draw(f"{id}/n", 12), "payload": text}, flag)
            for id, text, flag in PAYLOADS
        ), shared),
        Group("nonces of special bytes", tuple(
            valid(id, comment, {"n": n, "payload": '{"hello":"world"}'}, "NonceBytes") for id, comment, n in NONCES
        ), shared),
        Group("payloads at the borders of base64", tuple(
            of_size(draw, int(size), f"a payload of {size} bytes: ct ends in {ending}", "Base64Length")
            for size, ending in padded
        ), shared),
        Group("payloads of many sizes", tuple(
            of_size(draw, size, f"a payload of {size} bytes", "PayloadSize")
            for size in (1, 15, 16, 63, 64, 65, 128, 1024, 16_400)
        ), shared),
    ]  # fmt: skip


def of_size(draw: Draw, size: int, comment: str, flag: str) -> Test:
    text = "7" if size == 1 else '"' + "x" * (size - 2) + '"'
    return valid(f"size-{size}", comment, {"n": draw(f"size-{size}/n", 12), "payload": text}, flag)


def random(draw: Draw, i: int) -> Test:
    payload = f'{{"id":"{draw("payload", 1 + draw.below("size", 60)).hex()}"}}'
    given = {"secret": draw("secret"), "n": draw("n", 12), "payload": payload}
    return valid(f"random-{i}", "a drawn payload", given, "Basic")


def intermediate(a: dict[str, Any]) -> Mapping[str, Any]:
    plain = a["payload"].encode()
    return {
        "plaintext_length": len(plain),
        "poly1305_key": poly1305_key_gen(a["secret"], a["n"]),
        "tag": aead_encrypt(a["secret"], a["n"], plain)[-16:],
    }


SUITE = VectorSuite(
    name="v1/payload_seal",
    title="Sealing a payload",
    operation="payload.seal",
    covers=("V1-REQ-01", "V1-WIRE-01", "V1-WIRE-06", "V1-PRIM-09"),
    flags=FLAGS,
    fixed=fixed,
    random=random,
    count=10,
    intermediate=intermediate,
)
