"""v1/request_signing: X-Nen-Signature, the HMAC of the canonical string as base64 text."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any

from nen_ref.primitives.hmac_sha256 import hmac_sha256
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Event, Flag, Found, Group, Test, VectorSuite, valid
from nen_ref.vectors.suites.signing_tools import (
    CONFUSED,
    FLAGS,
    METHODS,
    NONCE,
    NONCES,
    STRANGERS,
    TIME,
    TIMES,
    target,
    text_of,
)

OWN_FLAGS = {
    "KeyBytes": Flag(
        "edge case",
        "HMAC keys of zeros, of ones, with a zero byte, or that look like text: an implementation that takes the key "
        "for text, or signs under its base64 or hexadecimal text, gives another signature",
        STRANGERS,
        ("V1-AUTH-04", "V1-HS-07"),
    ),
    "LeadingZeroByte": Flag(
        "edge case",
        "the HMAC begins with a zero byte: an implementation that takes it for a number loses the byte",
        "one request in 256 is refused",
        ("V1-AUTH-04",),
    ),
    "TrailingZeroByte": Flag(
        "edge case",
        "the HMAC ends with a zero byte: an implementation that takes it for text loses the byte",
        "one request in 256 is refused",
        ("V1-AUTH-04",),
    ),
    "PlusAndSlash": Flag(
        "edge case",
        "the signature has both + and /: an implementation with the URL-safe alphabet gives another text",
        "most requests are refused, but not all",
        ("V1-AUTH-04", "V1-WIRE-01"),
    ),
    "AlphanumericSignature": Flag(
        "edge case",
        "the signature has neither + nor /, as one in four: both alphabets give the same text, padding apart",
        "an implementation without padding is refused here too",
        ("V1-WIRE-01",),
    ),
}

REQUEST = {"method": "POST", "target": "/api/echo", "timestamp": TIME, "nonce": NONCE}
# One or two of each kind of path; v1/canonical_string has them all.
PATHS = (
    "query",
    "query-two-marks",
    "query-escaped-mark",
    "escape-slash-upper",
    "escape-slash-lower",
    "escape-needless",
    "escape-twice",
    "escape-broken",
    "non-ascii-escaped-lower",
    "non-ascii-raw",
    "non-ascii-raw-three",
    "non-ascii-raw-four",
    "non-ascii-raw-decomposed",
    "dot-dot",
    "dot-dot-escaped",
    "empty-inside",
    "empty-first",
    "slash-last",
    "slash-last-absent",
    "upper-case",
    "plus",
    "sub-delimiters",
)


def mac_of(draw: Draw, i: int) -> bytes:
    """The HMAC at the i-th try of an event: of an ordinary request, the path having the number of the try."""
    return hmac_sha256(draw("event/key"), text_of(REQUEST | {"target": f"/{i}"}))


def has(shape: Callable[[bytes], bool]) -> Callable[[Draw, int], bool]:
    return lambda draw, i: shape(mac_of(draw, i))


EVENTS = (
    Event("LeadingZeroByte", "the HMAC begins with a zero byte", has(lambda mac: mac[0] == 0), 256),
    Event("TrailingZeroByte", "the HMAC ends with a zero byte", has(lambda mac: mac[-1] == 0), 256),
    Event("PlusAndSlash", "the signature has both + and /", has(lambda mac: {*b"+/"} <= {*b64encode(mac)}), 4),
    Event(
        "AlphanumericSignature", "the signature has neither + nor /", has(lambda mac: b64encode(mac)[:-1].isalnum()), 4
    ),
)

SHAPES = {
    "LeadingZeroByte": "leading-zero-byte",
    "TrailingZeroByte": "trailing-zero-byte",
    "PlusAndSlash": "plus-and-slash",
    "AlphanumericSignature": "alphanumeric",
}
"""The ids of the vectors that show an event."""


def sign(id: str, comment: str, changed: Mapping[str, Any], *flags: str) -> Test:
    return valid(id, comment, {**REQUEST, **changed}, *flags)


def keys(draw: Draw) -> Group:
    named = {
        "zeros": ("a key of zeros", bytes(32)),
        "ones": ("a key of ff bytes", b"\xff" * 32),
        "ascending": ("a key of bytes that ascend", bytes(range(32))),
        "zero-first": ("a key that begins with a zero byte", b"\0" + draw("keys/first", 31)),
        "zero-last": ("a key that ends with a zero byte", draw("keys/last", 31) + b"\0"),
        "zero-inside": ("a key with a zero byte in the middle", draw("keys/head", 15) + b"\0" + draw("keys/tail", 16)),
        "text": ("a key that is hexadecimal text", b"0123456789abcdef" * 2),
        "base64-text": ("a key that is base64 text", b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"),
        "not-utf-8": ("a key of bytes that are no UTF-8", b"\xc3\x28\x80\xff" * 8),
        "ipad": ("a key of bytes 36, the inner padding of HMAC", b"\x36" * 32),
        "opad": ("a key of bytes 5c, the outer padding of HMAC", b"\x5c" * 32),
    }
    tests = [valid(f"key-{name}", says, {"hmac_key": key}, "KeyBytes") for name, (says, key) in named.items()]
    return Group("HMAC keys", tuple(tests), dict(REQUEST))


def shapes(draw: Draw, found: Found) -> Group:
    tests = [
        sign(f"signature-{SHAPES[event.name]}", event.says, {"target": f"/{found[event.name]}"}, event.name)
        for event in EVENTS
        if event.name in found
    ]
    return Group("signatures of a particular form", tuple(tests), {"hmac_key": draw("event/key")})


def requests(draw: Draw) -> Group:
    paths = [target(id) for id in PATHS]
    tests = [
        sign("post", "an ordinary request", {}, "Basic"),
        sign(
            "empty-nonce",
            "no body: the text ends with the line feed behind the timestamp",
            {"method": "GET", "nonce": ""},
            "EmptyNonce",
        ),
        sign("empty-nonce-post", "no body, with a method that usually has one", {"nonce": ""}, "EmptyNonce"),
        *(sign(f"path-{one.id}", one.comment, {"target": one.target}, one.flag) for one in paths),
        *(sign(f"method-{name}", says, {"method": method}, flag) for name, (says, method, flag) in METHODS.items()),
        *(sign(f"time-{name}", says, {"timestamp": time}, "TimestampText") for name, (says, time) in TIMES.items()),
        *(sign(f"nonce-{name}", says, {"nonce": nonce}, "NonceText") for name, (says, nonce) in NONCES.items()),
        *(sign(f"confused-{one.id}", one.comment, one.given, one.flag) for one in CONFUSED),
    ]
    return Group("requests under one key", tuple(tests), {"hmac_key": draw("requests/key")})


def fixed(draw: Draw, found: Found) -> list[Group]:
    return [requests(draw), keys(draw), shapes(draw, found)]


def random(draw: Draw, i: int) -> Test:
    given = {
        "hmac_key": draw("key"),
        "method": ("GET", "POST", "PUT", "PATCH", "DELETE")[draw.below("method", 5)],
        "target": f"/{draw('path', 4).hex()}?page={draw.below('page', 100)}",
        "timestamp": str(1_700_000_000_000 + draw.below("timestamp", 10**11)),
        "nonce": b64encode(draw("nonce", 12)).decode(),
    }
    return valid(f"random-{i}", "drawn", given, "Basic", "Query")


def intermediate(a: dict[str, Any]) -> Mapping[str, Any]:
    text = text_of(a)
    return {"canonical_string": text.decode(), "utf8": text, "mac": hmac_sha256(a["hmac_key"], text)}


SUITE = VectorSuite(
    name="v1/request_signing",
    title="The signature of a request",
    operation="request.sign",
    covers=("V1-AUTH-04", "V1-AUTH-05", "V1-AUTH-06", "V1-REQ-09"),
    flags=FLAGS | OWN_FLAGS,
    fixed=fixed,
    random=random,
    count=12,
    intermediate=intermediate,
    events=EVENTS,
)
