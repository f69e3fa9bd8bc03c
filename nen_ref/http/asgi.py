"""ASGI middleware: any Starlette or FastAPI application speaks Nen, its handlers unchanged.

A handler reads the decrypted JSON as its request body, and what it answers is sealed. An answer of type
`text/event-stream` becomes an encrypted stream: the data of each of its events is one chunk. `ChunkResponse` streams
chunks exactly as they are, with nothing lost to the framing of server-sent events.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote

import anyio
from starlette.responses import StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nen_ref.http.server import LARGE, NenServer
from nen_ref.protocol.errors import INTERNAL, WIRE_INVALID_PAYLOAD_FORMAT, NenError, failure
from nen_ref.protocol.messages import JSON_TYPE, STREAM_TYPE, Headers, Reply, Request, error_reply
from nen_ref.protocol.responses import head_response
from nen_ref.protocol.sse import EventReader
from nen_ref.protocol.stream import MAX_EVENT_SIZE, StreamSealer
from nen_ref.protocol.verification import Verified
from nen_ref.stores.errors import StoreUnavailable

CHUNKS_HEADER = b"x-nen-chunks"
CLOSE_SECONDS = 5.0  # for the clean-up of a stream that was given up

# Of a request: what would make the application compress, shorten or omit an answer that has to be sealed whole.
_REQUEST_HEADERS_DROPPED = frozenset(
    (
        b"accept-encoding",
        b"range",
        b"if-range",
        b"if-none-match",
        b"if-modified-since",
        b"transfer-encoding",
        b"expect",
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
        b"content-md5",
        b"digest",
        b"content-digest",
        b"repr-digest",
        CHUNKS_HEADER,
    )
)

log = logging.getLogger("nen_ref.asgi")


class ChunkResponse(StreamingResponse):
    """A streaming answer each of whose pieces is one chunk, whatever characters it holds."""

    media_type = STREAM_TYPE

    def init_headers(self, headers: Mapping[str, str] | None = None) -> None:
        super().init_headers({**(headers or {}), CHUNKS_HEADER.decode(): "exact"})

    async def stream_response(self, send: Send) -> None:
        """Ends its iterator with the answer, however that ends: one whose client went away may hold a model or a lock.

        Without that it would wait, in the middle of a `yield`, for the garbage collection.
        """
        try:
            await super().stream_response(send)
        finally:
            if isinstance(self.body_iterator, AsyncGenerator):
                with anyio.move_on_after(CLOSE_SECONDS, shield=True):
                    await self.body_iterator.aclose()


@dataclass
class _Bodies:
    """The memory for large bodies, `free` bytes of it, which all requests share.

    Many clients that each send a part of a long body would take all there is otherwise, without a session.
    """

    free: int

    @contextmanager
    def share(self) -> Iterator[_Share]:
        share = _Share(self)
        try:
            yield share
        finally:
            self.free += share.taken


@dataclass
class _Share:
    """What one request has `taken` of it; the first 32 KiB of a body are for nothing."""

    bodies: _Bodies
    taken: int = 0

    def grow(self, size: int) -> None:
        """For a body of `size` bytes up to now; ISO-6001 if there is no room."""
        more = max(0, size - LARGE) - self.taken
        if more > self.bodies.free:
            raise failure(WIRE_INVALID_PAYLOAD_FORMAT, "too many large bodies at one time")
        self.bodies.free -= more
        self.taken += more


class NenMiddleware:
    """Puts a `NenServer` in front of an ASGI application.

    A request for a stream is verified like every other (V1-STR-05), and so is one of another method or path under
    `/api/nen/` (V1-LIFE-12). Whatever a client sends ends in an answer of the catalogue, never in ISO-9000 (V1-ERR-03).

    Every HTTP route is protected but those whose exact path stands in `plain_paths` (health checks, static pages).
    WebSockets have no place in Nen: they are refused unless their path is plain. The application finds the session, and
    whether a body came, in `scope["nen"]`, a `Verified`. A route whose exact path stands in `body_paths` needs one:
    whoever takes the body off a signed request leaves a valid one without (V2-REQ-08).
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        server: NenServer | None = None,
        plain_paths: Collection[str] = (),
        body_paths: Collection[str] = (),
    ) -> None:
        self._app = app
        self._server = server or NenServer()
        self._plain_paths = _paths(plain_paths)
        self._body_paths = _paths(body_paths)
        self._bodies = _Bodies(self._server.config.bodies_limit)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope = _origin_form(scope)
        if scope["type"] == "lifespan" or _route(scope) in self._plain_paths:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": "not part of Nen"})
        else:
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            with self._bodies.share() as share:
                request = await self._read(scope, receive, share)
                if request is None:
                    return
                own = Request(request.method, _route(scope), request.headers, request.body)
                reply = await self._server.endpoint(own)
                if reply is not None:
                    await _send_reply(send, reply)
                    return
                verified = await self._server.verify(request)
                reply = await self._server.rekey(own, verified)
                if reply is not None:
                    await _send_reply(send, reply)
                    return
                if verified.payload is None and own.path in self._body_paths:
                    raise failure(WIRE_INVALID_PAYLOAD_FORMAT, "this route needs a body, and none came")
        except NenError as error:
            log.info("%s %r refused: %s (%s)", scope["method"], scope["path"], error, error.entry.hint)
            await _send_reply(send, error_reply(error))
        except StoreUnavailable as fault:  # never let through: nobody can say whether this request was here before
            log.error("%s %r refused: the session store does not answer: %s", scope["method"], scope["path"], fault)
            await _send_reply(send, error_reply(failure(INTERNAL)))
        except Exception:
            log.exception("%s %r: the session store failed", scope["method"], scope["path"])
            await _send_reply(send, error_reply(failure(INTERNAL)))
        else:
            await self._answer(scope, receive, send, verified)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, verified: Verified) -> None:
        """Run the application; whatever it raises, a NenError of another service too, is ISO-9000."""
        answer = _Answer(self._server, verified, scope["method"], send)
        try:
            await self._app(_application_scope(scope, verified), answer.receiving(receive), answer.send)
            await answer.finish()
        except Exception:
            if answer.started:
                raise  # the connection ends without the final event: V1-STR-16
            log.exception("%s %r failed", scope["method"], scope["path"])
            await _send_reply(send, error_reply(failure(INTERNAL)))

    async def _read(self, scope: Scope, receive: Receive, share: _Share) -> Request | None:
        """The whole request, None if the client went away. ISO-6001 for a body too long or too slow. V1-WIRE-07."""
        limit = self._server.body_limit(_route(scope))
        pieces: list[bytes] = []
        size, more = 0, True
        patience = 2 * self._server.config.body_limit
        end = anyio.current_time() + self._server.config.body_deadline
        while more and size <= patience:  # what is over the limit is read, so that the refusal is, but not kept
            with anyio.move_on_after(min(self._server.config.body_timeout, end - anyio.current_time())) as waiting:
                message = await receive()
            if waiting.cancelled_caught:
                raise failure(WIRE_INVALID_PAYLOAD_FORMAT, "the body did not arrive in time")
            if message["type"] == "http.disconnect":
                return None
            piece, more = message.get("body", b""), message.get("more_body", False)
            size += len(piece)
            if size <= limit:
                share.grow(size)
                pieces.append(piece)
        if size > limit:
            raise failure(WIRE_INVALID_PAYLOAD_FORMAT, f"a body of more than {limit} bytes")
        headers = Headers((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
        return Request(scope["method"], _raw_path(scope), headers, b"".join(pieces))


def _paths(paths: Collection[str]) -> frozenset[str]:
    if isinstance(paths, str):  # a collection too, of its characters: "/health" would leave "/" open
        raise TypeError(f"a collection of paths, and not one: [{paths!r}]")
    return frozenset(paths)


def _origin_form(scope: Scope) -> Scope:
    """The scope of a request whose target is in absolute form (RFC 9112, 3.2.2) as that of its path. V1-AUTH-16.

    uvicorn takes such a target apart with httptools, and not with h11.
    """
    path: str = scope.get("path", "/")
    if path.startswith("/") or "://" not in path:
        return scope
    raw: bytes = scope.get("raw_path") or path.encode()
    return {
        **scope,
        "path": _after_authority(path),
        "raw_path": _after_authority(raw.decode("latin-1")).encode("latin-1"),
    }


def _after_authority(target: str) -> str:
    return "/" + target.partition("://")[2].partition("/")[2]


def _route(scope: Scope) -> str:
    """The path as the application sees it, wherever it is mounted."""
    path: str = scope.get("path", "")
    return path.removeprefix(scope.get("root_path", ""))


def _raw_path(scope: Scope) -> str:
    """The path as it stands on the wire. V1-AUTH-06.

    A server that does not pass `raw_path` has lost the original escapes; the usual ones are the best guess then.
    """
    raw = scope.get("raw_path") or quote(scope["path"], safe="/:@!$&'()*+,;=~-._").encode()
    path: bytes = raw.partition(b"?")[0]
    return path.decode("utf-8", "surrogateescape")


def _application_scope(scope: Scope, verified: Verified) -> Scope:
    headers = [(name, value) for name, value in scope["headers"] if name.lower() not in _REQUEST_HEADERS_DROPPED]
    if verified.payload is not None:
        headers += [(b"content-type", JSON_TYPE.encode()), (b"content-length", str(len(verified.payload)).encode())]
    # Extensions such as pathsend would let the application answer around the sealing.
    return {**scope, "headers": headers, "extensions": {}, "nen": verified}


class _Answer:
    """The application's answer to one request on its way out: sealed whole, or as a stream; to `HEAD` none (V1-RES-10).

    The end of a stream is sent by `finish`, when the application has returned: middleware inside of it may complete an
    answer first and raise afterwards, and a stream that failed must not look complete (V1-STR-16).
    """

    def __init__(self, server: NenServer, verified: Verified, method: str, send: Send) -> None:
        self.started = False
        self._server = server
        self._verified = verified
        self._method = method
        self._send = send
        self._status = 200
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._stream: StreamSealer | None = None
        self._events: EventReader | None = None
        self._complete = False
        self._gone = False

    def receiving(self, receive: Receive) -> Receive:
        """What the application receives: the decrypted body once, then whether the client went away."""
        pending = [{"type": "http.request", "body": self._verified.payload or b"", "more_body": False}]

        async def next_message() -> Message:
            if pending:
                return pending.pop()
            message = await receive()
            self._gone = self._gone or (message["type"] == "http.disconnect" and not self._complete)
            return message

        return next_message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await self._start(message)
        elif message["type"] == "http.response.body" and not self._complete:
            body, more = bytes(message.get("body", b"")), message.get("more_body", False)
            await (self._send_chunks(body, more) if self._stream else self._collect(body, more))

    async def finish(self) -> None:
        """The application has returned: end the stream, or complain that the answer never came."""
        if self._gone:
            return
        if not self._complete:
            raise RuntimeError("the application returned without completing its answer")
        if self._stream:
            await self._send({"type": "http.response.body", "body": self._stream.finish(), "more_body": False})

    async def _start(self, message: Message) -> None:
        self._status = message["status"]
        headers = [(bytes(name).lower(), bytes(value)) for name, value in message.get("headers", ())]
        self._headers = [(name, value) for name, value in headers if name not in _ANSWER_HEADERS_DROPPED]
        content_type = dict(headers).get(b"content-type", b"").partition(b";")[0].strip().lower()
        if self._method == "HEAD":
            await self._start_head(dict(headers), content_type)
        elif content_type == STREAM_TYPE.encode() and 200 <= self._status < 300:
            head, self._stream = self._server.open_stream(self._verified)
            self._events = None if CHUNKS_HEADER in dict(headers) else EventReader(MAX_EVENT_SIZE)
            self.started = True
            await _send_start(self._send, head, self._headers)

    async def _start_head(self, headers: Mapping[bytes, bytes], content_type: bytes) -> None:
        """In V1, and for a stream, nothing is said of a length; else it is that of the sealed body. V2-RES-02.

        Where the application says how long its answer would be, its body is not waited for.
        """
        length = headers.get(b"content-length", b"")
        if not self._verified.version.head_has_length or content_type == STREAM_TYPE.encode():
            await self._send_whole(Reply(self._status, {"content-type": JSON_TYPE}))
        elif length.isdigit():
            await self._send_whole(head_response(self._status, int(length)))

    async def _send_chunks(self, body: bytes, more: bool) -> None:
        """Every chunk at once. V1-STR-02, V1-STR-15."""
        assert self._stream is not None
        self._complete = not more
        events = [await self._server.seal_chunk(self._stream, chunk) for chunk in self._chunks(body, more)]
        if events:
            await self._send({"type": "http.response.body", "body": b"".join(events), "more_body": True})

    def _chunks(self, body: bytes, more: bool) -> Iterable[bytes]:
        if self._events is not None:
            return self._events.feed(body)
        return [body] if body or more else []  # the last message of a streaming answer is empty, and no chunk

    async def _collect(self, body: bytes, more: bool) -> None:
        self._body.append(body)
        if more:
            return
        if self._method == "HEAD":
            await self._send_whole(head_response(self._status, sum(map(len, self._body))))
            return
        try:
            reply = await self._server.seal(self._verified, self._status, b"".join(self._body))
        except NenError as error:
            log.exception("the answer could not be sealed")
            reply, self._headers = error_reply(error), []
        await self._send_whole(reply)

    async def _send_whole(self, reply: Reply) -> None:
        self.started = self._complete = True
        await _send_reply(self._send, reply, self._headers)


async def _send_start(send: Send, reply: Reply, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
    own = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": [*headers, *own]})


async def _send_reply(send: Send, reply: Reply, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
    length = [(b"content-length", str(len(reply.body)).encode())] if reply.body else []
    await _send_start(send, reply, [*headers, *length])
    await send({"type": "http.response.body", "body": reply.body, "more_body": False})
