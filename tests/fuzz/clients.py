"""Targets: the client against hostile answers: a session by itself, its streams, and both HTTP clients over raw bytes.

A client raises NenError with a code of clients, or with any code that the server named (`remote`); where the transport
itself fails it may raise httpx's TransportError. Nothing else.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from random import Random
from typing import Any

import httpcore2 as httpcore
import httpx2 as httpx

from nen_ref.http import AsyncNenClient, NenClient
from nen_ref.protocol.client import ClientSession
from nen_ref.protocol.errors import CATALOGUE, NenError, error_body
from nen_ref.protocol.handshake import ClientHello, client_finish
from nen_ref.protocol.messages import STREAM_NONCE_HEADER, Headers, Reply
from nen_ref.protocol.payload import dump_envelope, seal
from nen_ref.protocol.stream import FINAL, StreamOpener, StreamSealer
from nen_ref.protocol.wire import encode_base64
from tests.fuzz.material import EK, FAST, NOW, PLAIN_SESSION, drawing, texts
from tests.fuzz.mutation import mutate_json
from tests.fuzz.outcomes import Outcomes, Target, Unlawful, lawful
from tests.fuzz.parsers import error_seeds, pieces, sse_seeds

KEY = PLAIN_SESSION.keys.enc
# The specification has ISO-6002 for an answer too (with V1-RES-03), though the catalogue gives it to servers.
OF_CLIENTS = frozenset(entry.code for entry in CATALOGUE.values() if entry.side in ("client", "both")) | {"ISO-6002"}
FIELDS, PAIR, PIECES = b"\x1e", b"\x1f", b"\x1d"
EVENT_LIMIT = 4000
_FIXED = replace(FAST, ml_kem_768_decaps=lambda dk, c: KEY)
BOMB = gzip.compress(bytes(300_000))
MODES = ("handshake", "post", "get", "head", "stream", "status", "terminate", "rotate", "first post")


def established() -> ClientSession:
    """A session whose payload key is `KEY`."""
    session = ClientSession(suite=_FIXED)
    session.start_handshake(ClientHello(b"{}", EK, b""))
    answer = {"sid": PLAIN_SESSION.sid, "ct": encode_base64(bytes(1088)), "hmac": encode_base64(PLAIN_SESSION.keys.mac)}
    session.finish_handshake(Reply(200, {}, json.dumps(answer).encode()))
    return session


def _code(error: NenError) -> str:
    lawful(error.code in OF_CLIENTS or (error.remote and error.code in CATALOGUE), f"a client raised {error!r}")
    lawful(str(error).isprintable(), f"a message that is not one line: {error!r}")
    return f"{error.code}{' of the server' if error.remote else ''}"


# --- a session by itself ---------------------------------------------------------------------------------------------


def run_answer(data: bytes) -> Outcomes:
    """One answer, taken as that to a handshake, to a request, and as the head of a stream."""
    head, _, body = data.partition(PIECES)
    status, *headers = head.split(FIELDS)
    pairs = [
        (name.decode("latin-1"), value.decode("latin-1")) for name, _, value in (h.partition(PAIR) for h in headers)
    ]
    reply = Reply(int(status) if status.isdigit() and len(status) < 4 else 200, Headers(pairs), body)
    return [_finish(reply), _open(reply), _open_stream(reply)]


def _finish(reply: Reply) -> str:
    try:
        sid, keys = client_finish(ClientHello(b"", EK, b""), reply, suite=FAST)
    except NenError as error:
        lawful(error.code == "ISO-1004", f"an answer to a handshake refused with {error.code}")
        return f"handshake {_code(error)}"
    lawful(sid.isascii() and sid.isprintable() and sid == sid.strip() != "", f"a sid that no header can hold: {sid!r}")
    lawful(len(keys.enc) == len(keys.mac) == 32, "keys of another size")
    return "handshake done"


def _open(reply: Reply) -> str:
    session = established()
    try:
        session.open_reply(reply)
    except NenError as error:
        lawful(error.code in ("ISO-6001", "ISO-6002", "ISO-4001"), f"an answer refused with {error.code}")
        return f"answer {error.code}"
    try:
        session.open_reply(reply)
    except NenError as error:
        lawful(error.code == "ISO-4001", f"a replayed answer refused with {error.code}")
        return "answer opened"
    raise Unlawful("an answer opened twice")


def _open_stream(reply: Reply) -> str:
    try:
        established().open_stream(reply)
    except NenError as error:
        lawful(error.code in ("ISO-7001", "ISO-7002"), f"a stream refused with {error.code}")
        return f"stream {_code(error)}"
    return "stream begins"


def draw_answer(rng: Random) -> bytes:
    body = _body(rng)
    headers = [
        (b"content-type", rng.choice((b"application/json", b"application/json; charset=utf-8", b"text/html", b"")))
    ]
    if rng.random() < 0.3:
        nonce = rng.choice((encode_base64(rng.randbytes(12)).encode(), b"", b"AAAA", b"\xff", b"x" * 16))
        headers = [(b"content-type", b"text/event-stream"), (STREAM_NONCE_HEADER.encode(), nonce)][
            : rng.choice((1, 2, 2))
        ]
    status = rng.choice((b"200", b"200", b"200", b"201", b"204", b"401", b"500", b"302", b"100", b"999"))
    return FIELDS.join([status, *(name + PAIR + value for name, value in headers)]) + PIECES + body


def _body(rng: Random) -> bytes:
    """A body that an answer may have: of a handshake, sealed, of an error; right, or changed as JSON."""
    match rng.randrange(4):
        case 0:
            body = rng.choice(handshake_answers())
        case 1:
            body = rng.choice(error_seeds())
        case _:
            payload = rng.choice((b"{}", b'"x"', b"", b"not json", bytes(300)))
            body = dump_envelope(seal(KEY, rng.randbytes(12), payload, suite=FAST))
    if rng.random() < 0.3:
        try:
            return mutate_json(rng, json.loads(body))
        except (ValueError, RecursionError):
            return body
    return body


@cache
def handshake_answers() -> tuple[bytes, ...]:
    return tuple(texts("v1/handshake_client", "body"))


def answer_seeds() -> list[bytes]:
    rng = Random("answers")
    return [draw_answer(rng) for _ in range(300)]


# --- streams ---------------------------------------------------------------------------------------------------------


def run_stream(data: bytes) -> Outcomes:
    """The bytes of a stream under a base nonce, which stands before them: the same however they are cut."""
    base_nonce, body = data[:12].ljust(12, b"\0"), data[12:]
    (whole, first), (cut, second) = _stream(base_nonce, [body]), _stream(base_nonce, pieces(body))
    lawful((whole, first) == (cut, second), f"{first} in one piece, {second} in many")
    return [first]


def _stream(base_nonce: bytes, parts: Iterable[bytes]) -> tuple[list[bytes], str]:
    opener = StreamOpener(KEY, base_nonce, max_event_size=EVENT_LIMIT, suite=FAST)
    chunks: list[bytes] = []
    try:
        for part in parts:
            for chunk in opener.feed(part):
                lawful(chunk != FINAL, "the final event as a chunk")
                chunks.append(chunk)
        opener.close()
    except NenError as error:
        lawful(error.code in ("ISO-4001", "ISO-7002"), f"a stream broke with {error.code}")
        lawful(not opener.finished, "finished and broken")
        return chunks, error.code
    return chunks, "complete"


def draw_events(rng: Random, base_nonce: bytes) -> bytes:
    """The events of a right stream, or with one of them lost, twice, moved, or of another stream; and foreign lines."""
    sealer = StreamSealer(KEY, base_nonce, suite=FAST)
    chunks = [rng.choice((b"a", b"", b"__FIN__", b"x" * 200, "☃".encode()[:2])) for _ in range(rng.randint(0, 6))]
    events = [sealer.seal(chunk) for chunk in chunks] + [sealer.finish()]
    match rng.randrange(8):
        case 0:
            events.pop(rng.randrange(len(events)))
        case 1:
            events.insert(rng.randint(0, len(events)), rng.choice(events))
        case 2:
            rng.shuffle(events)
        case 3:
            events[rng.randrange(len(events))] = StreamSealer(KEY, rng.randbytes(12), suite=FAST).seal(b"other")
        case 4:
            events.insert(
                rng.randint(0, len(events)),
                rng.choice((b": comment\n", b"id: 1\n\n", b"data\n\n", b"data: %s\n\n" % (b"A" * 5000))),
            )
    body = b"".join(events)
    return body.replace(b"\n", rng.choice((b"\r", b"\r\n"))) if rng.random() < 0.2 else body


def draw_stream(rng: Random) -> bytes:
    base_nonce = rng.randbytes(12)
    return base_nonce + draw_events(rng, base_nonce)


def stream_seeds() -> list[bytes]:
    rng = Random("streams")
    return [draw_stream(rng) for _ in range(200)] + [bytes(12) + seed for seed in sse_seeds()[:100]]


# --- NenClient and AsyncNenClient over raw bytes ----------------------------------------------------------------------


class Wire(httpcore.NetworkBackend):
    """Connections whose other end says what it was told to, whatever it is asked; each connection the next of it."""

    def __init__(self, answers: Iterator[bytes]) -> None:
        self._answers = answers

    def connect_tcp(self, *arguments: Any, **options: Any) -> httpcore.NetworkStream:
        return _Stream(next(self._answers, b""))


class _Stream(httpcore.NetworkStream):
    def __init__(self, data: bytes) -> None:
        self._pieces = iter([piece for piece in pieces(data) if piece])

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return next(self._pieces, b"")

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        pass

    def close(self) -> None:
        self._pieces = iter(())

    def get_extra_info(self, info: str) -> Any:
        return None


class AsyncWire(httpcore.AsyncNetworkBackend):
    """The same for the asynchronous client."""

    def __init__(self, answers: Iterator[bytes]) -> None:
        self._answers = answers

    async def connect_tcp(self, *arguments: Any, **options: Any) -> httpcore.AsyncNetworkStream:
        return _AsyncStream(_Stream(next(self._answers, b"")))


class _AsyncStream(httpcore.AsyncNetworkStream):
    def __init__(self, stream: _Stream) -> None:
        self._stream = stream

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        return self._stream.read(max_bytes)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        pass

    async def aclose(self) -> None:
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        return None


@dataclass(frozen=True)
class _Made:
    http: httpx.HTTPTransport
    client: NenClient
    async_http: httpx.AsyncHTTPTransport
    async_client: AsyncNenClient
    loop: asyncio.AbstractEventLoop


@cache
def _made() -> _Made:
    transport, async_transport = httpx.HTTPTransport(verify=False), httpx.AsyncHTTPTransport(verify=False)
    options: dict[str, Any] = {"suite": _FIXED, "clock": lambda: NOW, "trust_env": False}
    return _Made(
        transport,
        NenClient("http://x", transport=transport, **options),
        async_transport,
        AsyncNenClient("http://x", transport=async_transport, **options),
        asyncio.new_event_loop(),
    )


def run_client(data: bytes) -> Outcomes:
    """First what the client does, then what each of its connections is answered. Both clients come to the same."""
    mode = MODES[data[0] % len(MODES)] if data else MODES[0]
    answers = data[1:].split(PIECES)
    made = _made()
    for client in (made.client, made.async_client):
        flow = client._flow
        flow.session, flow._terminated, flow._random_bytes = established(), False, drawing()
        if mode in ("handshake", "first post"):
            flow.session = None
        client._http.cookies.clear()
    made.http._pool = httpcore.ConnectionPool(network_backend=Wire(iter(answers)))
    made.async_http._pool = httpcore.AsyncConnectionPool(network_backend=AsyncWire(iter(answers)))
    try:
        outcome = _outcome(mode, lambda: _act(made.client, mode))
        work = _act_async(made.async_client, mode)
        twin = _outcome(mode, lambda: made.loop.run_until_complete(work))
        lawful(outcome == twin, f"{outcome}, and of the asynchronous client: {twin}")
        return [outcome]
    finally:
        made.http._pool.close()
        made.loop.run_until_complete(made.async_http._pool.aclose())


def _outcome(mode: str, act: Callable[[], str]) -> str:
    try:
        return f"{mode}: {act()}"
    except NenError as error:
        return f"{mode}: {_code(error)}"
    except httpx.TransportError as fault:
        lawful(mode in ("post", "get", "head", "status", "terminate", "first post"), f"{mode} raised {fault!r}")
        return f"{mode}: transport"


VERBS = {
    "post": ("POST", "/api/echo", {"a": 1}),
    "first post": ("POST", "/api/echo", {"a": 1}),
    "get": ("GET", "/api/echo/a%20b?q=1", None),
    "head": ("HEAD", "/api/echo", None),
}


def _act(client: NenClient, mode: str) -> str:
    if mode in VERBS:
        method, path, payload = VERBS[mode]
        return _answered(client.request(method, path, json=payload), mode)
    if mode == "stream":
        for text in client.stream("POST", "/api/stream", json={}):
            lawful(isinstance(text, str), "a chunk that is no text")
        return "complete"
    actions: dict[str, Callable[[], bool | None]] = {
        "handshake": client.handshake,
        "rotate": client.rotate,
        "status": client.status,
        "terminate": client.terminate,
    }
    return _done(actions[mode]())


async def _act_async(client: AsyncNenClient, mode: str) -> str:
    if mode in VERBS:
        method, path, payload = VERBS[mode]
        return _answered(await client.request(method, path, json=payload), mode)
    if mode == "stream":
        async for text in client.stream("POST", "/api/stream", json={}):
            lawful(isinstance(text, str), "a chunk that is no text")
        return "complete"
    actions: dict[str, Callable[[], Awaitable[bool | None]]] = {
        "handshake": client.handshake,
        "rotate": client.rotate,
        "status": client.status,
        "terminate": client.terminate,
    }
    return _done(await actions[mode]())


def _done(result: bool | None) -> str:
    return "done" if result is None else str(result)


def _answered(answer: httpx.Response, mode: str) -> str:
    sealed = answer.extensions.get("nen.sealed", False)
    lawful(sealed or mode == "head" or not answer.is_success, "an answer that was not sealed, as a success")
    return "opened" if sealed else "as it is"


def draw_client(rng: Random) -> bytes:
    mode = rng.randrange(len(MODES))
    answers = [_http_answer(rng, MODES[mode]) for _ in range(rng.choice((1, 1, 1, 2, 3)))]
    if MODES[mode] == "first post" or rng.random() < 0.05:
        answers.insert(
            0, _as_http(rng, b"200 OK", [(b"content-type", b"application/json")], rng.choice(handshake_answers()[:3]))
        )
    return bytes([mode]) + PIECES.join(answers)


def _http_answer(rng: Random, mode: str) -> bytes:
    if mode == "stream" and rng.random() < 0.8:
        base_nonce = rng.randbytes(12)
        headers = [
            (b"content-type", b"text/event-stream"),
            (STREAM_NONCE_HEADER.encode(), encode_base64(base_nonce).encode()),
        ]
        return _as_http(rng, b"200 OK", headers[: rng.choice((1, 2, 2, 2, 2))], draw_events(rng, base_nonce))
    body = rng.choice(handshake_answers()[:3]) if mode in ("handshake", "rotate") and rng.random() < 0.6 else _body(rng)
    if rng.random() < 0.15:
        body = error_body(rng.choice(tuple(CATALOGUE.values())))
    if mode == "status" and rng.random() < 0.5:
        body = b'{"valid":true}'
    status = rng.choice(
        (b"200 OK", b"200 OK", b"200 OK", b"401 X", b"401 X", b"500 X", b"302 X", b"204 X", b"101 X", b"100 X", b"99 X")
    )
    headers = [
        (
            b"content-type",
            rng.choice((b"application/json", b"application/json", b"application/json", b"text/html", b"\xff")),
        )
    ]
    if rng.random() < 0.1:
        headers.append(
            rng.choice(
                ((b"location", b"http://[::"), (b"set-cookie", b"a=b; expires=\xff; path"), (b"x" * 50, b"\xff"))
            )
        )
    return _as_http(rng, status, headers, body)


def _as_http(rng: Random, status: bytes, headers: list[tuple[bytes, bytes]], body: bytes) -> bytes:
    headers = list(headers)
    match rng.randrange(12):
        case 0:
            headers.append((b"content-encoding", b"gzip"))
            body = rng.choice((gzip.compress(body), body))
        case 1:
            headers.append(
                (b"content-encoding", rng.choice((b"gzip, deflate", b"br", b"zstd", b"gzip, gzip", b"\xff")))
            )
            body = rng.choice((zlib.compress(body), gzip.compress(gzip.compress(body)), BOMB))
    match rng.randrange(6):
        case 0:
            headers.append((b"transfer-encoding", b"chunked"))
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        case 1:
            headers.append((b"connection", b"close"))
        case _:
            headers.append((b"content-length", str(len(body)).encode()))
    return b"\r\n".join([b"HTTP/1.1 " + status, *(b"%s: %s" % header for header in headers)]) + b"\r\n\r\n" + body


def client_seeds() -> list[bytes]:
    rng = Random("clients")
    return [draw_client(rng) for _ in range(300)]


TARGETS = (
    Target(
        "answer",
        run_answer,
        answer_seeds,
        frozenset(
            ("handshake ISO-1004", "handshake done", "answer ISO-6001", "answer ISO-6002", "answer ISO-4001",
            "answer opened",
             "stream ISO-7001", "stream ISO-7002", "stream begins")
        ),
        8,
        draw_answer,
    ),
    Target("stream", run_stream, stream_seeds, frozenset(("ISO-4001", "ISO-7002", "complete")), 8, draw_stream),
    Target(
        "client",
        run_client,
        client_seeds,
        frozenset(
            ("handshake: done", "handshake: ISO-1003", "handshake: ISO-1004", "rotate: done", "post: opened",
            "post: transport",
             "post: ISO-6001", "post: ISO-6002", "post: ISO-4001", "post: as it is", "get: ISO-1003",
             "get: opened", "head: as it is", "stream: complete", "stream: ISO-7001", "stream: ISO-7002",
             "stream: ISO-4001",
             "status: True", "status: False", "terminate: done", "first post: opened", "first post: ISO-1004")
        ),
        4,
        draw_client,
    ),
)  # fmt: skip
