"""v1/canonical_string: the text that a request's signature covers."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Found, Group, Test, VectorSuite, valid
from nen_ref.vectors.suites.signing_tools import (
    CONFUSED,
    FLAGS,
    METHODS,
    NONCE,
    NONCES,
    TARGETS,
    TIME,
    TIMES,
    path_of,
    text_of,
)


def fixed(draw: Draw, found: Found) -> list[Group]:
    get: dict[str, str] = {"method": "GET", "target": "/api/echo", "timestamp": TIME, "nonce": NONCE}
    basic = [
        valid("post", "method, path, timestamp and nonce, no line feed at the end", get | {"method": "POST"}, "Basic"),
        valid(
            "empty-nonce",
            "no body: the text ends with the line feed behind the timestamp",
            get | {"nonce": ""},
            "EmptyNonce",
        ),
        valid(
            "empty-nonce-post",
            "no body, with a method that usually has one",
            get | {"method": "POST", "nonce": ""},
            "EmptyNonce",
        ),
        valid("empty-nonce-root", "no body, and the shortest path", get | {"target": "/", "nonce": ""}, "EmptyNonce"),
    ]
    methods = [
        valid(f"method-{name}", says, {"method": method}, flag) for name, (says, method, flag) in METHODS.items()
    ]
    targets = [valid(f"path-{one.id}", one.comment, {"target": one.target}, one.flag) for one in TARGETS]
    times = [valid(f"time-{name}", says, {"timestamp": time}, "TimestampText") for name, (says, time) in TIMES.items()]
    nonces = [valid(f"nonce-{name}", says, {"nonce": nonce}, "NonceText") for name, (says, nonce) in NONCES.items()]
    confused = [valid(f"confused-{one.id}", one.comment, one.given, one.flag) for one in CONFUSED]
    return [
        Group("whole requests", tuple(basic)),
        Group("methods", tuple(methods), without(get, "method")),
        Group("paths", tuple(targets), without(get, "target"), covers=("V1-AUTH-06",)),
        Group("timestamps", tuple(times), without(get, "timestamp")),
        Group("nonces", tuple(nonces), without(get, "nonce")),
        Group("requests that a wrong separator or a decoded path would confuse", tuple(confused)),
    ]


def without(given: dict[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in given.items() if key != name}


def random(draw: Draw, i: int) -> Test:
    given = {
        "method": ("GET", "POST", "PUT", "PATCH", "DELETE")[draw.below("method", 5)],
        "target": f"/{draw('path', 4).hex()}/{draw.below('number', 1000)}",
        "timestamp": str(1_700_000_000_000 + draw.below("timestamp", 10**11)),
        "nonce": b64encode(draw("nonce", 12)).decode(),
    }
    return valid(f"random-{i}", "drawn", given, "Basic")


def intermediate(a: dict[str, Any]) -> Mapping[str, Any]:
    return {"METHOD": a["method"].upper(), "PATH": path_of(a["target"]), "utf8": text_of(a)}


SUITE = VectorSuite(
    name="v1/canonical_string",
    title="The canonical string of a request",
    operation="canonical_string",
    covers=("V1-AUTH-05", "V1-AUTH-06", "V1-REQ-09"),
    flags=FLAGS,
    fixed=fixed,
    random=random,
    count=10,
    intermediate=intermediate,
)
