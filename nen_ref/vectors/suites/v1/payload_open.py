"""v1/payload_open: what a server makes of a body `{"ct", "n"}`, steps 3, 8 and 9 of section 5."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from nen_ref.primitives.chacha20_poly1305 import aead_decrypt, poly1305_key_gen
from nen_ref.primitives.errors import AuthenticationError
from nen_ref.protocol.errors import NenError
from nen_ref.protocol.payload import parse_envelope
from nen_ref.vectors.alter import flipped_bit
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Found, Group, Test, VectorSuite, invalid, valid
from nen_ref.vectors.suites.body_tools import (
    BASE64_FLAGS,
    JSON_FLAGS,
    OPENING,
    OPENING_FLAGS,
    PAYLOAD_FLAGS,
    SHAPE,
    SHAPE_FLAGS,
    Body,
    Sealed,
    damaged,
    new_sealed,
    right_bodies,
    right_payloads,
    short_cts,
    wrong_base64,
    wrong_json,
    wrong_members,
    wrong_nonce_sizes,
    wrong_payloads,
)

FLAGS = {
    "Basic": Flag("basic", "a payload as it is sent every day", "no request of another implementation opens"),
    "PayloadSize": Flag(
        "edge case",
        "payloads at the borders of the blocks of ChaCha20 and Poly1305, and beyond block 255",
        "payloads of some lengths do not open, or a counter of one byte repeats the key stream after 16 KiB",
        ("RFC 8439, section 2.4",),
    ),
    **SHAPE_FLAGS,
    **JSON_FLAGS,
    **PAYLOAD_FLAGS,
    **BASE64_FLAGS,
    **OPENING_FLAGS,
}

SIZES = (1, 15, 16, 17, 48, 63, 64, 65, 128, 1024, 16_400)


def fixed(draw: Draw, found: Found) -> list[Group]:
    secret = draw("secret")
    shared = {"secret": secret}

    def group(comment: str, bodies: Iterable[Body]) -> Group:
        return Group(comment, tuple(test_of(body) for body in bodies), shared)

    empty = Body("body-empty", "body: none at all, which is no JSON", "JsonNotAnObject", "", "", SHAPE, ("V1-REQ-03",))
    return [
        Group("payloads of many sizes", tuple(of_size(secret, draw, size) for size in SIZES), shared),
        group("payloads of all kinds of JSON", right_payloads(secret, draw)),
        group("bodies written in all the ways that JSON allows", right_bodies(secret, draw)),
        group("bodies that are not JSON, or that parsers read differently", wrong_json(secret, draw)),
        group("bodies that are no object with the texts ct and n", [empty, *wrong_members(secret, draw)]),
        group("texts that are not the base64 of their bytes", wrong_base64(secret, draw)),
        group("nonces of other lengths", wrong_nonce_sizes(secret, draw)),
        group("ct too short for a tag", short_cts(secret, draw)),
        group("ct that does not open", damaged(secret, draw)),
        group("payloads that are not JSON, or that parsers read differently", wrong_payloads(secret, draw)),
    ]


def test_of(body: Body) -> Test:
    return Test(body.id, body.comment, {"body": body.text}, (body.flag,), body.codes, body.covers)


def text_of_size(size: int) -> bytes:
    """A JSON value of this many bytes."""
    return b"7" if size == 1 else b'"' + b"x" * (size - 2) + b'"'


def of_size(secret: bytes, draw: Draw, size: int) -> Test:
    sealed = new_sealed(secret, draw, f"size-{size}", text_of_size(size))
    return valid(f"size-{size}", f"a payload of {size} bytes", {"body": sealed.text()}, "PayloadSize")


def random(draw: Draw, i: int) -> Test:
    secret = draw("secret")
    plain = b'{"id":"%s"}' % draw("payload", 1 + draw.below("size", 60)).hex().encode()
    sealed = new_sealed(secret, draw, "body", plain)
    if i % 2:
        return valid(f"random-{i}", "a drawn payload", {"secret": secret, "body": sealed.text()}, "Basic")
    place = draw.below("place", 8 * len(sealed.ct))
    wrong = Sealed(flipped_bit(sealed.ct, place // 8, place % 8), sealed.n)
    comment = f"a drawn payload, bit {place % 8} of byte {place // 8} of its ct changed"
    flag = "CtAltered" if place // 8 < len(plain) else "TagAltered"
    return invalid(f"random-{i}", comment, {"secret": secret, "body": wrong.text()}, flag, codes=OPENING)


def intermediate(a: dict[str, Any]) -> Mapping[str, Any]:
    """What can be read of a body, as far as it can: bytes of ct and n, one-time key, plaintext."""
    try:
        envelope = parse_envelope(a["body"].encode())
    except NenError:
        return {}
    read = {"nonce": envelope.n, "poly1305_key": poly1305_key_gen(a["secret"], envelope.n)}
    try:
        plain = aead_decrypt(a["secret"], envelope.n, envelope.ct)
    except AuthenticationError:
        return read
    return read | {"plaintext_length": len(plain)} | ({"plaintext": plain} if len(plain) <= 256 else {})


SUITE = VectorSuite(
    name="v1/payload_open",
    title="Opening a sealed payload",
    operation="payload.open",
    covers=("V1-REQ-01", "V1-REQ-03", "V1-REQ-04", "V1-REQ-05", "V1-REQ-06", "V1-REQ-07", "V1-REQ-08", "V1-WIRE-05"),
    flags=FLAGS,
    fixed=fixed,
    random=random,
    count=10,
    intermediate=intermediate,
)
