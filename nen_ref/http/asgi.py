"""ASGI middleware: any Starlette or FastAPI application speaks Nen, its handlers unchanged.

A handler reads the decrypted JSON as its request body, and what it answers is sealed. An answer of type
`text/event-stream` becomes an encrypted stream: the data of each of its events is one chunk. `ChunkResponse` streams
chunks exactly as they are, with nothing lost to the framing of server-sent events.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from urllib.parse import quote

import anyio
from starlette.responses import StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nen_ref.http.server import NenServer
from nen_ref.protocol.errors import INTERNAL, WIRE_INVALID_PAYLOAD_FORMAT, NenError, failure
from nen_ref.protocol.messages import JSON_TYPE, STREAM_TYPE, Headers, Reply, Request, error_reply
from nen_ref.protocol.sse import EventReader
from nen_ref.protocol.stream import MAX_EVENT_SIZE, StreamSealer
from nen_ref.protocol.verification import Verified

CHUNKS_HEADER = b"x-nen-chunks"

# Of a request: what would make the application compress, shorten or omit an answer that has to be sealed whole.
_REQUEST_HEADERS_DROPPED = frozenset(
    (
        b"accept-encoding",
        b"range",
        b"if-range",
        b"if-none-match",
        b"if-modified-since",
        b"content-length",
        b"content-type",
    )
)
# Of an answer: what describes the plain body and would be wrong, or would tell about it, on the sealed one.
_ANSWER_HEADERS_DROPPED = frozenset(
    (
        b"content-length",
        b"content-type",
        b"content-encoding",
        b"etag",
        b"last-modified",
        b"cache-control",
        CHUNKS_HEADER,
    )
)

log = logging.getLogger("nen_ref.asgi")


class ChunkResponse(StreamingResponse):
    """A streaming answer each of whose pieces is one chunk, whatever characters it holds."""

    media_type = STREAM_TYPE

    def init_headers(self, headers: Mapping[str, str] | None = None) -> None:
        super().init_headers({**(headers or {}), CHUNKS_HEADER.decode(): "exact"})


class NenMiddleware:
    """Puts a `NenServer` in front of an ASGI application.

    Every HTTP route is protected but those whose exact path stands in `plain_paths` (health checks, static pages).
    WebSockets have no place in Nen: they are refused unless their path is plain. The application finds the session, and
    whether a body came, in `scope["nen"]`, a `Verified`.
    """

    def __init__(self, app: ASGIApp, *, server: NenServer | None = None, plain_paths: Collection[str] = ()) -> None:
        self._app = app
        self._server = server or NenServer()
        self._plain_paths = frozenset(plain_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or scope.get("path") in self._plain_paths:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": "not part of Nen"})
        else:
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = _Answer(self._server, scope["method"], send)
        try:
            request = await self._read(scope, receive)
            if request is None:
                return
            route = scope["path"].removeprefix(scope.get("root_path", ""))
            reply = await self._server.endpoint(Request(request.method, route, request.headers, request.body))
            if reply is not None:
                await _send_reply(send, reply)
                return
            answer.verified = await self._server.verify(request)
            await self._app(
                _application_scope(scope, answer.verified), _application_receive(answer.verified, receive), answer.send
            )
        except NenError as error:
            log.info("%s %r refused: %s (%s)", scope["method"], scope["path"], error, error.entry.hint)
            await answer.refuse(error)
        except Exception:
            if answer.started:
                raise  # the connection ends without the final event: V1-STR-16
            log.exception("%s %r failed", scope["method"], scope["path"])
            await answer.refuse(failure(INTERNAL))

    async def _read(self, scope: Scope, receive: Receive) -> Request | None:
        """The whole request, None if the client went away. ISO-6001 for a body too long or too slow. V1-WIRE-07."""
        limit = self._server.config.body_limit
        pieces: list[bytes] = []
        size, more = 0, True
        while more and size <= 2 * limit:  # what is over the limit is read, so that the refusal is, but not kept
            with anyio.move_on_after(self._server.config.body_timeout) as waiting:
                message = await receive()
            if waiting.cancelled_caught:
                raise failure(WIRE_INVALID_PAYLOAD_FORMAT, "the body did not arrive in time")
            if message["type"] == "http.disconnect":
                return None
            piece, more = message.get("body", b""), message.get("more_body", False)
            size += len(piece)
            if size <= limit:
                pieces.append(piece)
        if size > limit:
            raise failure(WIRE_INVALID_PAYLOAD_FORMAT, f"a body of more than {limit} bytes")
        headers = Headers((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
        return Request(scope["method"], _raw_path(scope), headers, b"".join(pieces))


def _raw_path(scope: Scope) -> str:
    """The path as it stands on the wire. V1-AUTH-06.

    A server that does not pass `raw_path` has lost the original escapes; the usual ones are the best guess then.
    """
    raw = scope.get("raw_path") or quote(scope["path"]).encode()
    path: bytes = raw.partition(b"?")[0]
    return path.decode("utf-8", "surrogateescape")


def _application_scope(scope: Scope, verified: Verified) -> Scope:
    headers = [(name, value) for name, value in scope["headers"] if name.lower() not in _REQUEST_HEADERS_DROPPED]
    if verified.payload is not None:
        headers += [(b"content-type", JSON_TYPE.encode()), (b"content-length", str(len(verified.payload)).encode())]
    return {**scope, "headers": headers, "nen": verified}


def _application_receive(verified: Verified, receive: Receive) -> Receive:
    """The decrypted body once, then whatever the server has to say (the client going away)."""
    pending = [{"type": "http.request", "body": verified.payload or b"", "more_body": False}]

    async def next_message() -> Message:
        return pending.pop() if pending else await receive()

    return next_message


class _Answer:
    """The application's answer to one request on its way out: sealed whole, or as a stream."""

    def __init__(self, server: NenServer, method: str, send: Send) -> None:
        self.verified: Verified | None = None
        self.started = False
        self._server = server
        self._method = method
        self._send = send
        self._status = 200
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._stream: StreamSealer | None = None
        self._events: EventReader | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await self._start(message)
        elif message["type"] == "http.response.body":
            body, more = message.get("body", b""), message.get("more_body", False)
            await (self._send_chunks(body, more) if self._stream else self._collect(body, more))

    async def refuse(self, error: NenError) -> None:
        if self.started:
            raise error
        self.started = True
        await _send_reply(self._send, error_reply(error))

    async def _start(self, message: Message) -> None:
        assert self.verified is not None
        self._status = message["status"]
        headers = [(bytes(name).lower(), bytes(value)) for name, value in message.get("headers", ())]
        self._headers = [(name, value) for name, value in headers if name not in _ANSWER_HEADERS_DROPPED]
        content_type = dict(headers).get(b"content-type", b"").partition(b";")[0].strip().lower()
        if content_type == STREAM_TYPE.encode() and self._method != "HEAD" and 200 <= self._status < 300:
            head, self._stream = self._server.open_stream(self.verified)
            self._events = None if CHUNKS_HEADER in dict(headers) else EventReader(MAX_EVENT_SIZE)
            self.started = True
            await _send_start(self._send, head, self._headers)

    async def _send_chunks(self, body: bytes, more: bool) -> None:
        """V1-STR-02, V1-STR-04, V1-STR-15: every chunk at once, the final event at the end."""
        assert self._stream is not None
        events = [self._stream.seal(chunk) for chunk in self._chunks(body, more)]
        if not more:
            events.append(self._stream.finish())
        if events:
            await self._send({"type": "http.response.body", "body": b"".join(events), "more_body": more})

    def _chunks(self, body: bytes, more: bool) -> Iterable[bytes]:
        if self._events is not None:
            return self._events.feed(body)
        return [body] if body or more else []  # the last message of a streaming answer is empty, and no chunk

    async def _collect(self, body: bytes, more: bool) -> None:
        assert self.verified is not None
        self._body.append(body)
        if more:
            return
        if self._method == "HEAD":
            reply = Reply(self._status, {"content-type": JSON_TYPE})
        else:
            reply = await self._server.seal(self.verified, self._status, b"".join(self._body))
        self.started = True
        await _send_reply(self._send, reply, self._headers)


async def _send_start(send: Send, reply: Reply, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
    own = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": [*headers, *own]})


async def _send_reply(send: Send, reply: Reply, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
    length = [(b"content-length", str(len(reply.body)).encode())] if reply.body else []
    await _send_start(send, reply, [*headers, *length])
    await send({"type": "http.response.body", "body": reply.body, "more_body": False})
