"""Targets: the demonstration application behind NenMiddleware, by bytes over h11, by ASGI scopes, and under uvicorn.

Every input meets a fresh store with the same sessions, so that it replays by itself. There is a server that offers V1,
one that offers V2, one that offers V3, and one that offers all three at once.

Whatever arrives: no nonce is accepted twice in a session, in whatever version and under whatever keys; what is refused
leaves the store as it was, but for the nonce where the specification says that it is spent; and an answer is sealed
under the keys with which the request was.
"""

from __future__ import annotations

import asyncio
import re
import socket
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import cache, partial
from random import Random
from typing import Any
from urllib.parse import unquote

import h11
import uvicorn
from starlette.types import ASGIApp, Message

from nen_ref.http.demo_app import demo_app
from nen_ref.http.patience import ImpatientH11Protocol
from nen_ref.http.server import NenServer, ServerConfig
from nen_ref.protocol.errors import CATALOGUE, NenError, error_body
from nen_ref.protocol.handshake_v3 import HybridHello, Resumption, client_finish
from nen_ref.protocol.messages import (
    JSON_TYPE,
    NONCE_HEADER,
    SESSION_HEADER,
    STREAM_TYPE,
    Headers,
    Reply,
    Request,
    reported_code,
)
from nen_ref.protocol.payload import open_envelope, parse_envelope
from nen_ref.protocol.resumption import ResumeHello, finish_resume
from nen_ref.protocol.server_identity import MEMBERS as IDENTITY_MEMBERS
from nen_ref.protocol.server_identity import ServerTrust
from nen_ref.protocol.session import Session, SessionKeys
from nen_ref.protocol.stream import StreamOpener, read_stream_head
from nen_ref.protocol.tickets import open_ticket
from nen_ref.protocol.verification import NonceAnswer, RequestPolicy, run, verify_request
from nen_ref.protocol.versions import V1, V2, V3, Version
from nen_ref.protocol.wire import decode_base64, parse_json_object
from nen_ref.stores import MemoryStore
from tests.fuzz import messages
from tests.fuzz.material import (
    DK,
    EK,
    FAST,
    GOOD_TICKETS,
    IDENTITY,
    NOW,
    PK_X,
    PSK,
    TICKET_KEYS,
    X,
    drawing,
    tickets,
    vector_sessions,
)
from tests.fuzz.outcomes import Outcomes, Target, Unlawful, lawful, watching

ALL = (V1, V2, V3)
BODY_LIMIT = 40 * 1024  # beyond LARGE, so that threads are reached, and small enough to go beyond
MAX_NONCES = 3
POLICY = RequestPolicy(unsigned_clients=frozenset((IDENTITY.pk,)))
SERVED = frozenset(entry.code for entry in CATALOGUE.values() if entry.side in ("server", "both")) - {"ISO-9000"}

OF_REQUESTS = frozenset(
    ["ISO-2002", "ISO-2003", "ISO-3001", "ISO-3002", "ISO-3003", "ISO-4001", "ISO-4003", "ISO-6001", "ISO-6002"]
)  # fmt: skip
"""Of requests of V1; ISO-4002 and ISO-9000 have other causes than a request."""
OF_V2 = OF_REQUESTS | {"ISO-3005"}
OF_HANDSHAKES = frozenset(["ISO-1001", "ISO-1002", "ISO-3004", "ISO-6002"])


class FreshStore:
    """A memory store that starts anew for each input, with the sessions of `material` in it."""

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        self._store = MemoryStore(max_sessions=20, max_nonces=MAX_NONCES, clock=lambda: NOW)
        self._asked: set[str] = set()

    async def _there(self, sid: str) -> MemoryStore:
        if sid not in self._asked:
            self._asked.add(sid)
            if session := vector_sessions().get(sid):
                await self._store.set(session, 60_000)
        return self._store

    async def get(self, sid: str) -> Session | None:
        return await (await self._there(sid)).get(sid)

    async def set(self, session: Session, life_ms: int) -> None:
        await self._store.set(session, life_ms)

    async def delete(self, sid: str) -> bool:
        return await (await self._there(sid)).delete(sid)

    async def exists(self, sid: str) -> bool:
        return await (await self._there(sid)).exists(sid)

    async def replace(self, old: Session, new: Session) -> bool:
        return await (await self._there(old.sid)).replace(old, new)

    async def record_nonce(self, sid: str, nonce: bytes, keep_until: int) -> NonceAnswer:
        return await (await self._there(sid)).record_nonce(sid, nonce, keep_until)

    async def session(self, sid: str | None) -> Session | None:
        """For whoever judges: the session as it is now."""
        return await self.get(sid) if sid else None

    def state(self) -> dict[str, tuple[Session, frozenset[bytes]]]:
        """All sessions, each with the nonces that are spent."""
        return {sid: (entry.session, frozenset(entry.used)) for sid, entry in self._store._entries.items()}


@dataclass
class Exchange:
    """One request under way, and what the application sends for it."""

    scope: dict[str, Any]
    status: int = 0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: list[bytes] = field(default_factory=list)
    started: bool = False
    complete: bool = False
    gone: bool = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            lawful(not self.started, "an answer began twice")
            self.started, self.status, self.headers = True, message["status"], list(message["headers"])
        elif message["type"] == "http.response.body":
            lawful(self.started and not self.complete, "a body outside of an answer")
            self.body.append(message.get("body", b""))
            self.complete = not message.get("more_body", False)
        else:
            raise Unlawful(f"sent {message['type']}")

    def reply(self) -> Reply | None:
        """The whole answer, None where the client went away before."""
        if self.gone and not self.complete:
            return None
        lawful(self.complete, "the answer is not complete")
        return Reply(self.status, _headers(self.headers), b"".join(self.body))


def _headers(pairs: Any) -> Headers:
    return Headers((name.decode("latin-1"), value.decode("latin-1")) for name, value in pairs)


def judge(method: str, session: Session | None, reply: Reply) -> str:
    """The outcome that an answer is; Unlawful for anything that the specification does not have.

    `session` is the one that the request named, as it was when the request arrived.
    """
    if method == "HEAD":
        return f"head {reply.status}"
    content_type = reply.headers.get("content-type", "")
    if content_type == STREAM_TYPE:
        return _judge_stream(session, reply)
    lawful(content_type == JSON_TYPE, f"content type {content_type!r} of {reply.body[:80]!r}")
    if code := reported_code(reply.body):
        lawful(code in SERVED, f"answered with {code}")
        lawful(reply.status == CATALOGUE[code].status, f"{code} with status {reply.status}")
        lawful(reply.body == error_body(CATALOGUE[code]), f"{code} with more than its body")
        return code
    members = parse_json_object(reply.body)
    match sorted(set(members) - set(IDENTITY_MEMBERS)):
        case ["ct", "n"]:
            open_envelope(_keys(session).enc, parse_envelope(reply.body), suite=FAST)
            return f"sealed {reply.status}"
        case ["ct", "hmac", "sid"]:
            return f"handshake {reply.status}"
        case ["ct", "pk_x_server", "sid", "ticket"]:
            return f"hybrid handshake {reply.status}"
        case ["ct", "sid", "ticket"]:
            return f"pqc-only handshake {reply.status}"
        case ["resumed", "sid", "srn", "ticket"]:
            return f"resumed {reply.status}"
        case ["valid"] | ["success"] | ["resumed"] | ["ok"] as names:
            return f"{names[0]} {reply.status}"
    raise Unlawful(f"status {reply.status} with {reply.body[:80]!r}")


def _judge_stream(session: Session | None, reply: Reply) -> str:
    opener = StreamOpener(_keys(session).enc, read_stream_head(reply), suite=FAST)
    for _ in opener.feed(reply.body):
        pass
    opener.close()
    return "stream"


def _keys(session: Session | None) -> SessionKeys:
    if session is None:
        raise Unlawful("a sealed answer to a request of no session")
    return session.keys


V1_HANDSHAKE, OF_V3 = "handshake 200", ("hybrid handshake 200", "pqc-only handshake 200", "resumed 200")
SPENT = ("ISO-4001", "ISO-4003")  # refused, and the nonce is spent: V1-REPLAY-03


@dataclass
class Book:
    """What one input has come to, on a server that offers these versions: what may not happen between its requests."""

    offered: Sequence[Version]
    accepted: set[tuple[str, bytes]] = field(default_factory=set)

    def check(self, request: Request, outcome: str, reply: Reply, before: Any, after: Any) -> None:
        sid = request.headers.get(SESSION_HEADER, "")
        lawful(outcome != V1_HANDSHAKE or V1 in self.offered or V2 in self.offered, "a key of a version not offered")
        if outcome in OF_V3:
            lawful(V3 in self.offered, "V3 on a server that does not offer it")
            _check_both_sides(request.body, reply, after)
        elif outcome.startswith(("sealed", "stream", "head 2", "ok")):
            self._check_accepted(sid, request)
            lawful(outcome != "ok 200" or after[sid][0].keys == _next_keys(before[sid][0]), "a rekey without new keys")
            lawful(outcome == "ok 200" or before[sid][0] == after[sid][0], "a request changed its session")
        elif outcome.startswith("ISO-") or outcome == "resumed 409":
            _check_unchanged(outcome, sid, before, after)

    def _check_accepted(self, sid: str, request: Request) -> None:
        nonce = self._nonce(request)
        if nonce is not None:
            lawful((sid, nonce) not in self.accepted, "a nonce was accepted twice in a session")
            self.accepted.add((sid, nonce))

    def _nonce(self, request: Request) -> bytes | None:
        text = request.headers.get(NONCE_HEADER) if V2 in self.offered or V3 in self.offered else None
        if text is None and request.body:
            text = str(parse_json_object(request.body).get("n"))
        return None if text is None else decode_base64(text)


def _next_keys(session: Session) -> SessionKeys:
    enc, mac = (FAST.hkdf_sha256(key, b"nen/v3 ratchet", 32) for key in (session.keys.enc, session.keys.mac))
    return SessionKeys(enc, mac)


def _check_unchanged(outcome: str, sid: str, before: Any, after: Any) -> None:
    """What is refused changes nothing. A nonce can be spent; one too many costs the session, which is ISO-2002."""
    if outcome == "ISO-2002":
        others = {name: kept for name, kept in before.items() if name != sid}
        lawful(after in (before, others), "ISO-2002 changed the store")
    elif outcome in SPENT:
        (session, used), (later, more) = before[sid], after[sid]
        lawful(session == later and used <= more and len(more - used) <= 1, f"{outcome} changed the session")
        lawful({**before, sid: None} == {**after, sid: None}, f"{outcome} changed another session")
    else:
        lawful(before == after, f"{outcome} changed the store")


def _check_both_sides(body: bytes, reply: Reply, after: Any) -> None:
    """A client of ours that gets this answer has the keys that are in the store, and a ticket that opens."""
    asked, answered = parse_json_object(body), parse_json_object(reply.body)
    lawful("hmac" not in answered, "a key was sent in V3")
    if "resume" in asked:
        hello = ResumeHello(body, decode_base64(str(asked["rn"])), Resumption("", PSK))
        lawful(asked["resume"] in [tickets()[name] for name in GOOD_TICKETS], "resumed from a wrong ticket")
        made = finish_resume(hello, reply, suite=FAST)
    else:
        hybrid = "pk_x_server" in answered
        ek = decode_base64(str(asked.get("pk_kem", asked.get("pk"))))
        if ek != EK or (hybrid and decode_base64(str(asked["pk_x"])) != PK_X):
            return
        keys = HybridHello(body, EK, DK, PK_X, X) if hybrid else HybridHello(body, EK, DK)
        made = client_finish(keys, reply, ServerTrust(IDENTITY.pk, bound=True), suite=FAST)
    lawful(made is not None and after[made.sid][0].keys == made.keys, "the two sides have other keys")
    resumption = made.resumption if made else None
    lawful(
        resumption is not None and open_ticket(resumption.ticket, TICKET_KEYS, NOW, suite=FAST) == resumption.psk,
        "a ticket that stands for another secret",
    )


class World:
    """One application for many inputs, on one event loop."""

    def __init__(self, offered: Sequence[Version] = (V1,)) -> None:
        self.loop = asyncio.new_event_loop()
        self.store = FreshStore()
        self.offered = tuple(offered)
        self._server = NenServer(
            store=self.store,
            config=ServerConfig(
                body_limit=BODY_LIMIT,
                body_timeout=5.0,
                requests=POLICY,
                versions=self.offered,
                server_identity=IDENTITY,
                ticket_keys=TICKET_KEYS,
            ),
            clock=lambda: NOW,
            suite=FAST,
        )
        self.app: ASGIApp = demo_app(self._server)
        self.start()

    def start(self) -> None:
        self.store.start()
        self.book = Book(self.offered)
        self._server._random_bytes = drawing()

    async def answer(self, exchange: Exchange, receive: Any) -> str:
        headers = _headers(exchange.scope["headers"])
        session = await self.store.session(headers.get(SESSION_HEADER))
        before, body = self.store.state(), bytearray()

        async def receive_and_keep() -> Message:
            message: Message = await receive()
            body.extend(message.get("body", b""))
            return message

        await self.app(exchange.scope, receive_and_keep, exchange.send)
        reply = exchange.reply()
        if reply is None:
            return "gone"
        outcome = judge(exchange.scope["method"], session, reply)
        request = Request(exchange.scope["method"], exchange.scope["path"], headers, bytes(body))
        self.book.check(request, outcome, reply, before, self.store.state())
        return outcome


@cache
def _world(offered: tuple[Version, ...]) -> World:
    with watching("nen_ref"):
        return World(offered)


# --- bytes over h11, as uvicorn does it ------------------------------------------------------------------------------


class Connection:
    """The server's end of one connection: all that the client sends is here, in pieces."""

    def __init__(self, world: World, data: bytes) -> None:
        self._world = world
        self._h11 = h11.Connection(h11.SERVER)
        step = (1 << 16, 1 << 16, 1 + zlib.crc32(data) % 997)[zlib.crc32(data) % 3]
        self._pieces = iter([data[at : at + step] for at in range(0, len(data), step)])

    async def serve(self) -> list[str]:
        outcomes: list[str] = []
        while True:
            try:
                event = self._next()
            except h11.RemoteProtocolError:
                return [*outcomes, "not HTTP"]
            if event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
                return outcomes or ["nothing"]
            lawful(isinstance(event, h11.Request), f"out of step: {event!r}")
            outcomes.append(await self._serve(event))
            if self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE:
                self._h11.start_next_cycle()
            else:
                return outcomes

    def _next(self) -> Any:
        while (event := self._h11.next_event()) is h11.NEED_DATA:
            self._h11.receive_data(next(self._pieces, b""))
        return event

    async def _serve(self, request: h11.Request) -> str:
        raw_path, _, query = request.target.partition(b"?")
        exchange = Exchange(
            {
                "type": "http",
                "asgi": {"version": "3.0", "spec_version": "2.3"},
                "http_version": request.http_version.decode("ascii"),
                "server": ("127.0.0.1", 80),
                "client": ("127.0.0.1", 1),
                "scheme": "http",
                "method": request.method.decode("ascii"),
                "root_path": "",
                "path": unquote(raw_path.decode("ascii")),
                "raw_path": raw_path,
                "query_string": query,
                "headers": [(name.lower(), value) for name, value in request.headers],
                "state": {},
            }
        )
        reading = True

        async def receive() -> Message:
            nonlocal reading
            if exchange.gone:
                return {"type": "http.disconnect"}
            if not reading:
                await asyncio.Event().wait()  # the client stays and waits; whoever listens for its end is cancelled
            try:
                if self._h11.they_are_waiting_for_100_continue:
                    self._h11.send(h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue"))
                event = self._next()
            except h11.RemoteProtocolError:
                reading, exchange.gone = False, True
                return {"type": "http.disconnect"}
            reading = isinstance(event, h11.Data)
            return {"type": "http.request", "body": bytes(event.data) if reading else b"", "more_body": reading}

        outcome = await self._world.answer(exchange, receive)
        if exchange.complete:
            self._put_out(exchange)
        with suppress(h11.RemoteProtocolError):
            while reading and self._h11.their_state is h11.SEND_BODY:
                self._next()
        return outcome

    def _put_out(self, exchange: Exchange) -> None:
        """h11 refuses headers and bodies that would not be HTTP: a LocalProtocolError is a failure of ours."""
        if self._h11.our_state is h11.ERROR or self._h11.their_state is h11.ERROR:
            return
        self._h11.send(h11.Response(status_code=exchange.status, headers=exchange.headers))
        if exchange.scope["method"] != "HEAD":
            self._h11.send(h11.Data(data=b"".join(exchange.body)))
        self._h11.send(h11.EndOfMessage())


def run_http(data: bytes, offered: tuple[Version, ...] = (V1,)) -> Outcomes:
    world = _world(offered)
    world.start()
    with watching("nen_ref") as complaints:
        try:
            return world.loop.run_until_complete(Connection(world, data).serve())
        finally:
            complaints.check()


# --- scopes ----------------------------------------------------------------------------------------------------------

NO_RAW_PATH, MOUNTED, WEBSOCKET, CUT, IMPATIENT = 1, 2, 4, 8, 16


def run_scope(data: bytes, offered: tuple[Version, ...] = (V1,)) -> Outcomes:
    """The application called by hand, with headers, methods and paths of any bytes."""
    world = _world(offered)
    world.start()
    with watching("nen_ref") as complaints:
        try:
            return [world.loop.run_until_complete(_call(world, messages.read_scope(data)))]
        finally:
            complaints.check()


async def _call(world: World, given: messages.Scope) -> str:
    raw_path = given.target.partition(b"?")[0]
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "http",
        "method": given.method.decode("latin-1"),
        "path": unquote(raw_path.decode("utf-8", "replace")),
        "raw_path": raw_path,
        "query_string": given.target.partition(b"?")[2],
        "root_path": "/api" if given.flags & MOUNTED else "",
        "headers": [(name.lower(), value) for name, value in given.headers],
    }
    if given.flags & NO_RAW_PATH:
        del scope["raw_path"]
    exchange = Exchange(scope)
    pieces = list(given.pieces) or [b""]
    arriving: Iterator[bytes] = iter(pieces[:1] if given.flags & CUT else pieces)
    left = len(pieces)

    async def receive() -> Message:
        nonlocal left
        piece = next(arriving, None)
        if piece is None:
            if left == 0 and not given.flags & IMPATIENT:
                await asyncio.Event().wait()
            exchange.gone = True
            return {"type": "http.disconnect"}
        left -= 1
        return {"type": "http.request", "body": piece, "more_body": left > 0}

    if given.flags & WEBSOCKET:
        scope["type"] = "websocket"
        closed: list[Message] = []

        async def send(message: Message) -> None:
            closed.append(message)

        await world.app(scope, receive, send)
        lawful([message["type"] for message in closed] == ["websocket.close"], f"a websocket got {closed}")
        return "websocket refused"
    return await world.answer(exchange, receive)


# --- the nine steps alone --------------------------------------------------------------------------------------------


def run_verify(data: bytes, offered: tuple[Version, ...] = (V1,)) -> Outcomes:
    """`verify_request` without HTTP, twice: what passed the first time is a replay the second.

    And a third time with its nonce moved to where another version has it: that never passes.
    """
    given = messages.read_scope(data)
    sent = messages.Message(given.method, given.target, tuple(given.headers), b"".join(given.pieces) or None)
    used: set[tuple[str, bytes]] = set()

    def record(question: Any) -> NonceAnswer:
        lawful(len(question.nonce) == 12 and abs(question.keep_until) < 2**63, "a nonce that no store could keep")
        spent = (question.sid, question.nonce)
        if spent in used:
            return NonceAnswer.USED
        used.add(spent)
        return NonceAnswer.NEW

    def verify(message: messages.Message) -> str:
        request = Request(
            message.method.decode("latin-1"),
            message.target.partition(b"?")[0].decode("utf-8", "surrogateescape"),
            Headers((name.decode("latin-1"), value.decode("latin-1")) for name, value in message.headers),
            message.body or b"",
        )
        try:
            steps = verify_request(request, NOW, POLICY, versions=offered, suite=FAST)
            verified = run(steps, lambda question: vector_sessions().get(question.sid), record)
        except NenError as error:
            return error.code
        lawful(verified.version in offered, "verified as a version that is not offered")
        lawful(verified.version.family == verified.session.family, "verified as another version than its session's")
        carried = "a body" if verified.payload is not None else "a nonce" if verified.n else "neither"
        return f"passed {'signed' if verified.signed else 'unsigned'}, with {carried}"

    first, second = verify(sent), verify(sent)
    lawful(first in OF_V2 or first.startswith("passed"), f"verification answered {first}")
    lawful(second == ("ISO-5001" if used else first), f"{first}, then {second}")
    outcomes = [first, second]
    if used and len(offered) > 1:
        third = verify(messages.moved(Random(zlib.crc32(data)), sent))
        lawful(not third.startswith("passed"), f"{third}, with the nonce of a request that had passed before")
        outcomes.append(f"moved: {third}")
    return outcomes


# --- uvicorn over loopback -------------------------------------------------------------------------------------------

QUIET = 12  # turns of the loop without a byte or a task
_STATUS_LINE = re.compile(rb"HTTP/1\.1 (\d{3}) ")
_CODE = re.compile(rb'\{"error":\{"code":"(ISO-\d{4})"')


class Uvicorn:
    """uvicorn as `nen-ref serve` runs it, on the same loop as its client: so it is known when nothing is left to do."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._stack = ExitStack()
        listener = self._stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP))
        listener.bind(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        config = uvicorn.Config(
            world.app, lifespan="off", log_config=None, access_log=False, ws="none", http=ImpatientH11Protocol
        )
        config.load()
        self.server = uvicorn.Server(config)
        self.server.lifespan = config.lifespan_class(config)
        world.loop.run_until_complete(self.server.startup(sockets=[listener]))

    def close(self) -> None:
        self.world.loop.run_until_complete(self.server.shutdown())
        self._stack.close()

    async def exchange(self, data: bytes) -> bytes:
        """All that comes back until the server is at rest."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        got = bytearray()
        try:
            step = max(1, len(data) // 3)
            for at in range(0, len(data), step):
                writer.write(data[at : at + step])
                await asyncio.sleep(0)
            with suppress(ConnectionError):
                await writer.drain()
            await self._listen(reader, got)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
        await self._at_rest()
        return bytes(got)

    async def _listen(self, reader: asyncio.StreamReader, got: bytearray) -> None:
        quiet = 0
        while quiet < QUIET and not reader.at_eof():
            reading = asyncio.ensure_future(reader.read(1 << 16))
            while not reading.done() and quiet < QUIET:
                await asyncio.sleep(0.0005 if self.server.server_state.tasks else 0)
                quiet += 1
            if not reading.done():
                reading.cancel()
                return
            with suppress(ConnectionError):
                got += reading.result()
                quiet = 0

    async def _at_rest(self) -> None:
        """The client is gone: every task of the server ends, well within the time that bodies have."""
        for _ in range(2000):
            if not self.server.server_state.tasks:
                return
            await asyncio.sleep(0.0005)
        raise Unlawful("the server still works on a request of a client that has gone")


@cache
def _uvicorn() -> Uvicorn:
    with watching("nen_ref"):
        return Uvicorn(World(ALL))


def run_uvicorn(data: bytes) -> Outcomes:
    server = _uvicorn()
    server.world.start()
    with watching("nen_ref", "uvicorn", "uvicorn.error", "asyncio") as complaints:
        got = server.world.loop.run_until_complete(server.exchange(data))
        complaints.check()
    codes = [code.decode() for code in _CODE.findall(got)]
    lawful(not codes or set(codes) <= SERVED, f"answered with {codes}")
    lawful(b"\r\n\r\nInternal Server Error" not in got, "uvicorn had to answer for us")
    statuses = [f"status {status.decode()}" for status in _STATUS_LINE.findall(got)]
    return [*codes, *statuses] or ["nothing"]


def _http_seeds(offered: tuple[Version, ...] = (V1,)) -> list[bytes]:
    rng = Random("seeds")
    return [messages.draw_http(rng, offered) for _ in range(300)]


def _scope_seeds(offered: tuple[Version, ...] = (V1,)) -> list[bytes]:
    rng = Random("seeds")
    return [messages.draw_scope(rng, offered) for _ in range(300)]


ANSWERS = frozenset(("sealed 200", "stream", "success 200", "valid 200", "valid 401"))
WRONG_ROUTES = frozenset(("sealed 404", "sealed 405", "sealed 422"))
HANDSHAKES_V3 = frozenset((*OF_V3, "resumed 409"))
OF_ALL = OF_V2 | OF_HANDSHAKES | {"ISO-5001", "ok 200", V1_HANDSHAKE}


def _http(name: str, offered: tuple[Version, ...], reached: frozenset[str], share: int) -> Target:
    return Target(
        name,
        partial(run_http, offered=offered),
        partial(_http_seeds, offered),
        reached | ANSWERS | WRONG_ROUTES | {"not HTTP", "gone"},
        share,
        partial(messages.draw_http, offered=offered),
    )


def _scopes(name: str, run: Any, offered: tuple[Version, ...], reached: frozenset[str], share: int) -> Target:
    return Target(
        name,
        partial(run, offered=offered),
        partial(_scope_seeds, offered),
        reached,
        share,
        partial(messages.draw_scope, offered=offered),
    )


OF_SCOPES = ANSWERS | {"websocket refused", "gone"}
SIGNED = frozenset(("ISO-5001", "passed signed, with a body"))
UNSIGNED = frozenset(("passed unsigned, with a body",))
BARE = frozenset(("passed signed, with a nonce",))

TARGETS = (
    _http("http", (V1,), OF_REQUESTS | OF_HANDSHAKES | {"ISO-5001", V1_HANDSHAKE}, 12),
    _http("http_v2", (V2,), OF_V2 | OF_HANDSHAKES | {"ISO-5001", V1_HANDSHAKE}, 8),
    _http("http_v3", (V3,), (OF_ALL | HANDSHAKES_V3) - {"ISO-3004", V1_HANDSHAKE}, 8),
    _http("http_all", ALL, OF_ALL | HANDSHAKES_V3, 12),
    _scopes("asgi", run_scope, (V1,), OF_REQUESTS | OF_HANDSHAKES | OF_SCOPES | {V1_HANDSHAKE}, 10),
    _scopes("asgi_all", run_scope, ALL, ((OF_ALL | HANDSHAKES_V3) - {"ISO-5001"}) | OF_SCOPES, 10),
    _scopes("verify", run_verify, (V1,), OF_REQUESTS | SIGNED | UNSIGNED | {"passed signed, with neither"}, 12),
    _scopes("verify_v2", run_verify, (V2,), OF_V2 | SIGNED | UNSIGNED | BARE, 6),
    _scopes("verify_v3", run_verify, (V3,), OF_V2 | SIGNED | BARE, 6),
    _scopes("verify_all", run_verify, ALL, OF_V2 | SIGNED | UNSIGNED | BARE | {"moved: ISO-5001"}, 10),
    Target(
        "uvicorn",
        run_uvicorn,
        partial(_http_seeds, ALL),
        frozenset(("status 200", "status 400", "status 401")),
        1,
        partial(messages.draw_http, offered=ALL),
    ),
)
