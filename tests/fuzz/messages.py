"""HTTP requests of the protocol, drawn: right ones, and ones that are wrong in one place and signed or sealed over it.

Whatever is wrong inside of a right signature reaches the steps behind it; mutating bytes alone would never get there.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from random import Random

from nen_ref.protocol.errors import NenError
from nen_ref.protocol.identity import prove_identity
from nen_ref.protocol.messages import (
    HANDSHAKE_PATH,
    ROTATE_PATH,
    SESSION_HEADER,
    SIGNATURE_HEADER,
    STATUS_PATH,
    TERMINATE_PATH,
)
from nen_ref.protocol.payload import dump_envelope, parse_envelope, seal
from nen_ref.protocol.session import WINDOW_MS, Session
from nen_ref.protocol.signing import canonical_string, sign
from nen_ref.protocol.wire import encode_base64
from tests.fuzz.material import EK, FAST, IDENTITY, NAMED_SESSION, NOW, PLAIN_SESSION, texts, vectors
from tests.fuzz.mutation import mutate, mutate_json

Header = tuple[bytes, bytes]

ENDPOINTS = tuple(path.encode() for path in (HANDSHAKE_PATH, ROTATE_PATH, TERMINATE_PATH, STATUS_PATH))
TARGETS = (
    b"/api/echo", b"/api/echo", b"/api/echo/a%20b?q=1", b"/api/echo/%E2%98%83/x;y=1", b"/api/echo/", b"/api/echo//..",
    b"/api/stream", b"/api/stream", b"/api/stream/", b"/nowhere", b"/", b"*",
)  # fmt: skip
METHODS = (b"POST", b"POST", b"POST", b"PUT", b"PATCH", b"DELETE", b"GET", b"OPTIONS", b"HEAD", b"get", b"TRACE")
TIMESTAMPS = (
    NOW, NOW, NOW, NOW + WINDOW_MS, NOW - WINDOW_MS, NOW - WINDOW_MS - 1, NOW + WINDOW_MS + 1, 0, "", "-1",
    "1.76e12", "+1",
    f"0{NOW}", f" {NOW}", "9" * 16, "9" * 17, "9" * 5000, "١٢٣", "²", f"{NOW}, {NOW}", "0x10",
)  # fmt: skip


@dataclass(frozen=True)
class Message:
    method: bytes
    target: bytes
    headers: tuple[Header, ...] = ()
    body: bytes | None = field(default=None, repr=False)


@cache
def handshakes() -> tuple[bytes, ...]:
    """Bodies of handshakes: all of the vectors, and ours with a right identity."""
    own = [{"pk": encode_base64(EK)}, {"pk": encode_base64(EK), **prove_identity(IDENTITY, EK, bytes(32))}]
    published = [*texts("v1/handshake_server", "body"), *texts("v1/identity", "body")]
    return (*(json.dumps(body).encode() for body in own), *published)


@cache
def payloads() -> tuple[bytes, ...]:
    """JSON texts that requests seal, what the demonstration routes read among them; and texts that are none."""
    chunks = [["a", "b"], [], ["__FIN__"], [""], ["\u2603\n\r"], [1], "abc", None]
    streams = [json.dumps({"chunks": value}).encode() for value in chunks]
    wrong = [
        b"",
        b"not json",
        b"{",
        b'{"a":1,"a":2}',
        b"\xff",
        b"NaN",
        b"\xef\xbb\xbf1",
        b'"\\ud800"',
        b"1 2",
        b"[" * 200,
    ]
    return (*texts("v1/payload_seal", "payload"), *streams, *wrong)


@cache
def published_requests() -> tuple[Message, ...]:
    requests = [given["request"] for given in vectors("v1/request_verification")]
    return tuple(
        Message(
            _bytes(request["method"]),
            _bytes(request["target"]),
            tuple((_bytes(name), _bytes(value)) for name, value in request["headers"].items()),
            None if request["body"] is None else _bytes(request["body"]),
        )
        for request in requests
    )


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def draw(rng: Random) -> Message:
    """One request."""
    dice = rng.random()
    if dice < 0.17:
        return rng.choice(published_requests())
    if dice < 0.34:
        return _handshake(rng)
    if dice < 0.42:
        return _of_session(rng)
    return _sealed(rng)


def _handshake(rng: Random) -> Message:
    body = rng.choice(handshakes()) if rng.random() < 0.5 else rng.choice(handshakes()[:2])
    if rng.random() < 0.4:
        with suppress(ValueError, RecursionError):
            body = mutate_json(rng, json.loads(body))
    headers = [(b"content-type", b"application/json")]
    if rng.random() < 0.3:
        headers.append((SESSION_HEADER.encode(), _sid(rng)))
    return Message(b"POST", rng.choice(ENDPOINTS[:2]), tuple(headers), body)


def _of_session(rng: Random) -> Message:
    """Status and termination, sometimes by the wrong method."""
    method, target = rng.choice(((b"GET", ENDPOINTS[3]), (b"POST", ENDPOINTS[2]), (b"GET", ENDPOINTS[2])))
    headers = ((SESSION_HEADER.encode(), _sid(rng)),) if rng.random() < 0.8 else ()
    return Message(method, target, headers)


def _sid(rng: Random) -> bytes:
    return rng.choice(
        (PLAIN_SESSION.sid.encode(), PLAIN_SESSION.sid.encode(), NAMED_SESSION.sid.encode(), b"", b"other", b"\xff")
    )


def _sealed(rng: Random) -> Message:
    """A request under one of our sessions, with or without a body, and with a flaw or two in any of the steps."""
    session = PLAIN_SESSION if rng.random() < 0.8 else NAMED_SESSION
    method, target = rng.choice(METHODS), rng.choice(TARGETS)
    if rng.random() < 0.05:
        target = b"/api/echo/" + rng.randbytes(4)
    if rng.random() < 0.1:
        method, target = b"POST", b"/api/stream"
    timestamp = str(rng.choice(TIMESTAMPS) if rng.random() < 0.25 else NOW + rng.randint(-5, 5))
    body = None if rng.random() < 0.15 else _envelope(rng, session)
    nonce = ""
    with suppress(NenError):
        nonce = parse_envelope(body).nonce_text if body else ""
    signed_path = target.partition(b"?")[0].decode("utf-8", "surrogateescape")
    signature = sign(
        session.keys.mac, canonical_string(method.decode(), signed_path, timestamp, nonce), suite=FAST
    ).encode()
    if rng.random() < 0.1:
        signature = rng.choice((mutate(rng, signature)[:200], signature.swapcase(), b"", b"\xff\xfe", bytes(32)))
    headers = [
        (SESSION_HEADER.encode(), session.sid.encode() if rng.random() < 0.93 else _sid(rng)),
        (b"x-nen-timestamp", timestamp.encode()),
        (SIGNATURE_HEADER.encode(), signature),
        (b"content-type", b"application/json"),
    ]
    match rng.randrange(12):
        case 0:
            headers.pop(rng.randrange(3))
        case 1:
            headers.append(rng.choice(headers))
        case 2:
            rng.shuffle(headers)
            headers = [(name.title(), value) for name, value in headers]
        case 3:
            headers.append((b"x-other", mutate(rng, b"value")[:100]))
    return Message(method, target, tuple(headers), body)


def _envelope(rng: Random, session: Session) -> bytes:
    payload = rng.choice(payloads()) if rng.random() < 0.6 else b'{"chunks":["a"]}'
    if rng.random() < 0.25:
        payload = mutate(rng, payload)[:2000]
    envelope = seal(session.keys.enc, rng.randbytes(12), payload, suite=FAST)
    dice = rng.random()
    if dice < 0.7:
        return dump_envelope(envelope)
    if dice < 0.8:
        ct = mutate(rng, envelope.ct)[:2000]
        return json.dumps({"ct": encode_base64(ct), "n": envelope.nonce_text}).encode()
    if dice < 0.9:
        return mutate_json(rng, json.loads(dump_envelope(envelope)))
    published = rng.choice(published_requests()).body
    return dump_envelope(envelope) if published is None else published


# --- as bytes on a connection ----------------------------------------------------------------------------------------


def draw_http(rng: Random) -> bytes:
    """One to four requests as they stand on a connection; now and then one of them twice, which is a replay."""
    messages = [draw(rng) for _ in range(rng.choice((1, 1, 1, 1, 2, 2, 3)))]
    if rng.random() < 0.15:
        messages += [messages[0]] * rng.choice((1, 1, 3))
    return b"".join([to_http(rng, message) for message in messages])


def to_http(rng: Random, message: Message) -> bytes:
    headers = [(b"host", b"x"), *message.headers]
    body = message.body or b""
    if message.body is not None and rng.random() < 0.25:
        headers.append((b"transfer-encoding", b"chunked"))
        body = _chunked(rng, body)
    elif message.body is not None:
        headers.append((b"content-length", str(len(body)).encode()))
    if rng.random() < 0.03:
        headers.append((b"expect", b"100-continue"))
    lines = [b"%s %s HTTP/1.1" % (message.method, message.target), *(b"%s: %s" % header for header in headers)]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def _chunked(rng: Random, body: bytes) -> bytes:
    step = rng.choice((1000, 7, 3000))
    pieces = [body[at : at + step] for at in range(0, len(body), step)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


# --- as an ASGI scope, which can say what no HTTP parser lets through ------------------------------------------------

FIELDS, PAIR, PIECES = b"\x1e", b"\x1f", b"\x1d"
"""A scope as bytes: flags; method, raw path and headers after FIELDS each; pieces of the body after PIECES each."""


def draw_scope(rng: Random) -> bytes:
    message = draw(rng)
    flags = 0 if rng.random() < 0.8 else rng.randrange(32)
    headers = [name + PAIR + value for name, value in message.headers]
    step = rng.choice((1 << 30, 1 << 30, 500, 0))
    body = message.body or b""
    pieces = [body] if not step else [body[at : at + step] for at in range(0, max(1, len(body)), step)]
    if not step:
        pieces = [b"", *pieces, b""]
    return (
        bytes([flags])
        + FIELDS.join([b"", message.method, message.target, *headers])
        + b"".join(PIECES + piece for piece in pieces)
    )


@dataclass(frozen=True)
class Scope:
    flags: int
    method: bytes
    target: bytes
    headers: Sequence[Header]
    pieces: Sequence[bytes]


def read_scope(data: bytes) -> Scope:
    """Any bytes are a scope."""
    flags, rest = (data[0], data[1:]) if data else (0, b"")
    head, *pieces = rest.split(PIECES)
    _, method, target, *headers = [*head.split(FIELDS), b"", b"", b""][: max(3, head.count(FIELDS) + 1)]
    pairs = [(name, value) for name, _, value in (line.partition(PAIR) for line in headers) if name]
    return Scope(flags, method, target, pairs, pieces)
