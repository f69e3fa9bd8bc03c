"""The server that client cases talk to: right in everything, until a case tells it to misbehave.

It speaks HTTP through h11 on a socket of its own, so that a body can be cut, dripped or never ended. Every request that
comes is kept and verified by the steps of the specification; what is wrong with it is kept beside it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Self

import anyio
import anyio.abc
import h11

from nen_ref.conformance.checks import Checks
from nen_ref.conformance.model import Outcome
from nen_ref.conformance.peer import now_ms
from nen_ref.conformance.randomness import random_bytes
from nen_ref.primitives.suite import REFERENCE
from nen_ref.protocol.errors import ErrorCode, NenError, error_body
from nen_ref.protocol.handshake import Accepted
from nen_ref.protocol.key_schedule import ratchet
from nen_ref.protocol.messages import (
    HANDSHAKE_PATH,
    JSON_TYPE,
    REKEY_PATH,
    ROTATE_PATH,
    SESSION_HEADER,
    STATUS_PATH,
    STREAM_NONCE_HEADER,
    STREAM_TYPE,
    TERMINATE_PATH,
    Headers,
    Reply,
    Request,
)
from nen_ref.protocol.payload import NONCE_SIZE, Envelope, dump_envelope, seal
from nen_ref.protocol.resumption import Declined
from nen_ref.protocol.session import Session
from nen_ref.protocol.sse import event
from nen_ref.protocol.stream import FINAL, stream_nonce
from nen_ref.protocol.tickets import TicketKeys
from nen_ref.protocol.verification import LoadSession, NonceAnswer, RecordNonce, run, verify_request
from nen_ref.protocol.versions import V1, ServerTerms, Version
from nen_ref.protocol.wire import dump_json, encode_base64, parse_json

log = logging.getLogger("nen_ref.conformance")

MAX_BODY = 16 * 1024 * 1024
MAX_REQUESTS = 5000  # of one case
MAX_TOTAL = 64 * 1024 * 1024  # bytes of all their bodies
DRIP = 0.002  # seconds between two pieces of a body, so that they arrive apart


@dataclass(frozen=True)
class Response:
    """An answer as it will be written. The body goes out piece by piece.

    `ending`: "complete", as HTTP wants it; "cut", the connection ends before the body does; "hang", nothing more comes
    until the client gives up.
    """

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    pieces: tuple[bytes, ...] = ()
    ending: str = "complete"

    def with_header(self, name: str, value: str | None) -> Response:
        """With one header replaced, or left out for None."""
        kept = tuple(pair for pair in self.headers if pair[0] != name)
        return replace(self, headers=kept if value is None else (*kept, (name, value)))

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)


def json_response(value: object, status: int = 200) -> Response:
    body = value if isinstance(value, bytes) else dump_json(value)
    return Response(status, (("content-type", JSON_TYPE),), (body,))


def error_response(entry: ErrorCode) -> Response:
    return json_response(error_body(entry), entry.status)


def stream_response(base_nonce: bytes, events: Iterable[bytes], ending: str = "complete") -> Response:
    headers = (("content-type", STREAM_TYPE), (STREAM_NONCE_HEADER, encode_base64(base_nonce)))
    return Response(200, headers, tuple(events), ending)


@dataclass(frozen=True)
class Seen:
    """A request of the client; `fault` is the refusal that it deserves by the specification, if any.

    `accepted` is the session that a right handshake makes, `declined` the answer to a ticket that does not open.
    """

    method: str
    target: str
    headers: Headers
    body: bytes
    session: Session | None = None
    payload: bytes | None = None
    accepted: Accepted | None = None
    declined: Reply | None = None
    fault: NenError | None = None
    version: Version = V1

    @property
    def request(self) -> Request:
        return Request(self.method, self.path, self.headers, self.body)

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def is_handshake(self) -> bool:
        return self.path in (HANDSHAKE_PATH, ROTATE_PATH)

    @property
    def wrong(self) -> str:
        """What is wrong with it by the specification, in words; empty if nothing is."""
        return f"{self.fault.code}: {self.fault.detail or self.fault.entry.hint}" if self.fault else ""

    @property
    def value(self) -> Any:
        """The opened payload, None without a body."""
        return None if self.payload is None else parse_json(self.payload)

    @property
    def n(self) -> bytes | None:
        """The nonce that it carries, wherever its version carries it."""
        return self.version.read_request(self.request).n

    @property
    def envelope(self) -> Envelope:
        """Its ciphertext and nonce, wherever its version carries them."""
        found = self.version.read_request(self.request).envelope
        assert found is not None, "a request without a body"
        return found

    # What a right server would answer

    def sealed(self, value: object, n: bytes | None = None, status: int = 200) -> Response:
        """The answer `value`, sealed under the session of the request."""
        payload = value if isinstance(value, bytes) else dump_json(value)
        return json_response(dump_envelope(seal(self.key, n or random_bytes(NONCE_SIZE), payload)), status)

    def events(self, chunks: Iterable[str | bytes], base_nonce: bytes, *, final: bool = True) -> list[bytes]:
        """The events of a stream of these chunks, as they are: a chunk that is the marker is not split."""
        texts = [chunk.encode() if isinstance(chunk, str) else chunk for chunk in chunks]
        whole = [*texts, FINAL] if final else texts
        return [
            event(encode_base64(seal(self.key, stream_nonce(base_nonce, i), text).ct)) for i, text in enumerate(whole)
        ]

    def streamed(self, chunks: Iterable[str | bytes]) -> Response:
        base_nonce = random_bytes(NONCE_SIZE)
        return stream_response(base_nonce, self.events(chunks, base_nonce))

    @property
    def key(self) -> bytes:
        """The payload key of the request's session; a request that names none gets one that opens nothing."""
        return self.session.keys.enc if self.session else bytes(32)


Script = Callable[[Seen], Response | None]


def as_it_should(seen: Seen) -> Response | None:
    """The script that leaves everything to the right server."""
    return None


@dataclass
class ScriptedServer:
    """Use as an async context manager. A script that answers None leaves the answer to the right server.

    `on_handshake` answers handshakes, rotations and resumptions, `on_request` everything but the endpoints, `on_rekey`
    a rekey, `on_plain` the other two. What it brings to its handshakes (an identity, ticket keys) are its `terms`.
    """

    checks: Checks
    version: Version = V1
    terms: ServerTerms = field(default_factory=lambda: ServerTerms(TicketKeys(random_bytes(32))))
    seen: list[Seen] = field(default_factory=list)
    sessions: dict[str, Session] = field(default_factory=dict)
    on_handshake: Script = as_it_should
    on_request: Script = as_it_should
    on_rekey: Script = as_it_should
    on_plain: Script = as_it_should
    url: str = ""
    _size: int = 0
    _nonces: set[tuple[str, bytes]] = field(default_factory=set)
    _group: anyio.abc.TaskGroup | None = None

    async def __aenter__(self) -> Self:
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
        port = listener.extra(anyio.abc.SocketAttribute.local_port)
        self.url = f"http://127.0.0.1:{port}"
        self._group = await anyio.create_task_group().__aenter__()
        self._group.start_soon(listener.serve, self._connection)
        return self

    async def __aexit__(self, *exc: Any) -> None:
        assert self._group is not None
        self._group.cancel_scope.cancel()
        await self._group.__aexit__(None, None, None)

    # What came

    @property
    def requests(self) -> list[Seen]:
        """The requests to routes of the application."""
        return [seen for seen in self.seen if _is_application(seen)]

    @property
    def rekeys(self) -> list[Seen]:
        return [seen for seen in self.seen if _is_rekey(seen)]

    @property
    def handshakes(self) -> list[Seen]:
        return [seen for seen in self.seen if seen.is_handshake]

    def forget_sessions(self) -> None:
        """As after a restart with the store in memory."""
        self.sessions.clear()

    # Answering

    def answer(self, seen: Seen) -> Response:
        """The answer of the script, or the right one."""
        if seen.method == "POST" and seen.is_handshake:
            if seen.declined is not None:
                return json_response(seen.declined.body, seen.declined.status)
            if seen.accepted is None:  # scripts change a right answer: a wrong handshake is none of theirs
                return self.right(seen)
            return self.on_handshake(seen) or self.handshake(seen)
        if _is_rekey(seen):
            return self.on_rekey(seen) or self.rekey(seen)
        if not _is_application(seen):
            return self.on_plain(seen) or self._endpoint(seen)
        return self.on_request(seen) or self.right(seen)

    def handshake(self, seen: Seen) -> Response:
        """The right answer to a right handshake or rotation, whose session is kept from now on."""
        assert seen.accepted is not None
        if seen.path == ROTATE_PATH:
            self.sessions.pop(seen.headers.get(SESSION_HEADER, ""), None)
        self.sessions[seen.accepted.session.sid] = seen.accepted.session
        return json_response(seen.accepted.reply.body)

    def rekey(self, seen: Seen) -> Response:
        """The right answer to a rekey: the session goes on under its next keys."""
        if seen.fault or seen.session is None:
            return self.right(seen)
        self.sessions[seen.session.sid] = replace(seen.session, keys=ratchet(seen.session.keys))
        return json_response({"ok": True})

    def right(self, seen: Seen) -> Response:
        """What the demonstration routes answer to a request that passed; the refusal of whatever did not."""
        if seen.fault:
            return error_response(seen.fault.entry)
        if seen.path.startswith("/api/stream"):
            return seen.streamed(seen.value["chunks"] if isinstance(seen.value, dict) else ["a", "b", "c"])
        return seen.sealed({"method": seen.method, "body": seen.value})

    def _endpoint(self, seen: Seen) -> Response:
        sid = seen.headers.get(SESSION_HEADER, "")
        if seen.path == STATUS_PATH:
            return json_response({"valid": sid in self.sessions}, 200 if sid in self.sessions else 401)
        self.sessions.pop(sid, None)
        return json_response({"success": True})

    def _look(self, seen: Seen) -> Seen:
        """The request with its session, its payload, and what is wrong with it."""
        session = self.sessions.get(seen.headers.get(SESSION_HEADER, ""))
        seen = replace(seen, version=self.version)
        if seen.is_handshake:
            return self._look_at_handshake(replace(seen, session=session))
        if not (_is_application(seen) or _is_rekey(seen)):
            return replace(seen, session=session)
        try:
            verified = run(verify_request(seen.request, now_ms(), versions=(self.version,)), self._load, self._record)
        except NenError as error:
            return replace(seen, session=session, fault=error)
        return replace(seen, session=session, payload=verified.payload)

    def _look_at_handshake(self, seen: Seen) -> Seen:
        sid = f"{random_bytes(4).hex()}-0000-4000-8000-{random_bytes(6).hex()}"
        try:
            answer = self.version.respond(seen.body, self.terms, random_bytes, sid, now_ms(), REFERENCE)
        except NenError as error:
            return replace(seen, fault=error)
        if isinstance(answer, Declined):
            return replace(seen, declined=answer.reply)
        return replace(seen, accepted=answer)

    def _load(self, question: LoadSession) -> Session | None:
        return self.sessions.get(question.sid)

    def _record(self, question: RecordNonce) -> NonceAnswer:
        known = (question.sid, question.nonce) in self._nonces
        self._nonces.add((question.sid, question.nonce))
        return NonceAnswer.USED if known else NonceAnswer.NEW

    def _answer(self, seen: Seen) -> Response:
        """As `answer`; a script that breaks down is a fault of the suite, and costs the case alone."""
        try:
            return self.answer(seen)
        except Exception as fault:
            log.exception("%s", self.checks.case.id)
            self.checks.findings.append((Outcome.ERROR, f"the suite itself failed on this request: {fault!r}"))
            return Response(500)

    # HTTP

    async def _connection(self, stream: anyio.abc.SocketStream) -> None:
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError, h11.ProtocolError):
            async with stream:
                connection = h11.Connection(h11.SERVER)
                while True:
                    seen = await _read(stream, connection)
                    if seen is None or len(self.seen) >= MAX_REQUESTS or self._size > MAX_TOTAL:
                        return
                    self._size += len(seen.body)
                    seen = self._look(seen)
                    self.seen.append(seen)
                    response = self._answer(seen)
                    self.checks.record(f"the client sent {_shown(seen)}", f"the suite answered {_written(response)}")
                    if not await _write(stream, connection, seen, response):
                        return
                    if not (connection.our_state is connection.their_state is h11.DONE):
                        return
                    connection.start_next_cycle()


async def _read(stream: anyio.abc.SocketStream, connection: h11.Connection) -> Seen | None:
    """The next request of a connection, None when there is none."""
    head: h11.Request | None = None
    body = bytearray()
    while len(body) <= MAX_BODY:
        item = connection.next_event()
        if item is h11.NEED_DATA:
            try:
                connection.receive_data(await stream.receive())
            except anyio.EndOfStream:
                connection.receive_data(b"")
        elif isinstance(item, h11.Request):
            head = item
        elif isinstance(item, h11.Data):
            body += item.data
        elif isinstance(item, h11.EndOfMessage) and head is not None:
            headers = Headers((name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers)
            target = head.target.decode("latin-1")
            return Seen(head.method.decode("latin-1"), target, headers, bytes(body))
        else:
            return None
    return None


async def _write(stream: anyio.abc.SocketStream, connection: h11.Connection, seen: Seen, response: Response) -> bool:
    """Write the answer; whether the connection can be used again."""
    bodiless = seen.method == "HEAD" or response.status in (204, 304)
    whole = response.ending == "complete" and len(response.pieces) <= 1
    framing = [("content-length", str(len(response.body)))] if whole else [("transfer-encoding", "chunked")]
    headers = [*response.headers, *([] if bodiless else framing)]
    await stream.send(connection.send(h11.Response(status_code=response.status, headers=headers)) or b"")
    for piece in response.pieces if not bodiless else ():
        await stream.send(connection.send(h11.Data(data=piece)) or b"")
        if len(response.pieces) > 1:
            await anyio.sleep(DRIP)
    if response.ending == "hang":
        await _until_gone(stream)
        return False
    if response.ending == "cut":
        return False
    await stream.send(connection.send(h11.EndOfMessage()) or b"")
    return True


async def _until_gone(stream: anyio.abc.SocketStream) -> None:
    with suppress(anyio.EndOfStream):
        while True:
            await stream.receive()


def _is_rekey(seen: Seen) -> bool:
    return seen.version.ratchets and (seen.method, seen.path) == ("POST", REKEY_PATH)


def _is_application(seen: Seen) -> bool:
    return seen.path not in (HANDSHAKE_PATH, ROTATE_PATH, TERMINATE_PATH, STATUS_PATH) and not _is_rekey(seen)


def _shown(seen: Seen) -> str:
    lines = [f"{seen.method} {seen.target}", *(f"{name}: {value}" for name, value in seen.headers.items())]
    body = seen.body[:2000].decode("utf-8", "backslashreplace")
    fault = f"\n\n(wrong by the specification: {seen.wrong})" if seen.fault else ""
    return "\n".join(lines) + (f"\n\n{body}" if body else "") + fault


def _written(response: Response) -> str:
    lines = [str(response.status), *(f"{name}: {value}" for name, value in response.headers)]
    body = response.body[:2000].decode("utf-8", "backslashreplace")
    ending = "" if response.ending == "complete" else f"\n\n({response.ending})"
    return "\n".join(lines) + (f"\n\n{body}" if body else "") + ending
