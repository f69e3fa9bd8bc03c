"""Signed requests, for the suites that verify them. The canonical string is spelled out here, and not taken from the
protocol: what a request is signed for is what section 5 says, whatever the code under test makes of it.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from nen_ref.vectors.draw import Draw
from nen_ref.vectors.suites.body_tools import PAYLOAD, Sealed, b64, new_sealed

NOW = 1_760_000_000_000  # ms
TIME = str(NOW)
TARGET = "/api/echo"
SESSION, TIMESTAMP, SIGNATURE = "X-Nen-Session", "X-Nen-Timestamp", "X-Nen-Signature"

Json = dict[str, Any]


@dataclass(frozen=True)
class Keys:
    """A session, as client and server share it."""

    sid: str
    secret: bytes = field(repr=False)
    hmac_key: bytes = field(repr=False)

    def as_input(self) -> Json:
        return {"sid": self.sid, "secret": self.secret, "hmac_key": self.hmac_key}


def drawn_keys(draw: Draw) -> Keys:
    return Keys(str(UUID(bytes=draw("sid", 16), version=4)), draw("secret"), draw("hmac_key"))


def canonical(method: str, path: str, timestamp: str, nonce: str) -> str:
    """V1-AUTH-05."""
    return f"{method}\n{path}\n{timestamp}\n{nonce}"


def path_of(target: str) -> str:
    """V1-AUTH-06."""
    return target.partition("?")[0]


def mac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


def signed(
    keys: Keys,
    body: str | None,
    nonce: str,
    *,
    method: str = "POST",
    target: str = TARGET,
    timestamp: str = TIME,
    key: bytes | None = None,
    over: str | None = None,
) -> Json:
    """A request with its three headers. `key` and `over` are signed with and signed in place of what is right; in
    `over` <t> and <n> stand for the timestamp and the nonce."""
    text = canonical(method.upper(), path_of(target), timestamp, nonce)
    if over is not None:
        text = over.replace("<t>", timestamp).replace("<n>", nonce)
    signature = b64(mac(keys.hmac_key if key is None else key, text))
    headers = {SESSION: keys.sid, TIMESTAMP: timestamp, SIGNATURE: signature}
    return {"method": method, "target": target, "headers": headers, "body": body}


def with_headers(request: Json, **changes: str | None) -> Json:
    """The request with headers replaced or, for None, left out: `session`, `timestamp`, `signature`."""
    named = {SESSION: "session", TIMESTAMP: "timestamp", SIGNATURE: "signature"}
    headers = {name: changes.get(named.get(name, name), value) for name, value in request["headers"].items()}
    return request | {"headers": {name: value for name, value in headers.items() if value is not None}}


def further_headers(request: Json, headers: dict[str, str]) -> Json:
    return request | {"headers": request["headers"] | headers}


def signature_of(request: Json) -> str:
    text: str = request["headers"][SIGNATURE]
    return text


@dataclass(frozen=True)
class Client:
    """Makes requests of one session. Each has a nonce of its own, drawn by its label."""

    keys: Keys
    draw: Draw

    def sealed(self, label: str, payload: bytes = PAYLOAD) -> Sealed:
        return new_sealed(self.keys.secret, self.draw, label, payload)

    def request(self, label: str, payload: bytes = PAYLOAD, **how: Any) -> Json:
        """A request with a sealed payload; `how` is that of `signed`."""
        return self.carrying(self.sealed(label, payload), **how)

    def carrying(self, sealed: Sealed, **how: Any) -> Json:
        return signed(self.keys, sealed.text(), b64(sealed.n), **how)

    def bodyless(self, method: str = "GET", **how: Any) -> Json:
        """A request without a body."""
        return signed(self.keys, None, "", method=method, **how)
