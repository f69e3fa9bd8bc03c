"""One client of the load: sessions, traffic of every kind, and a check of every answer."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Awaitable, Callable, Iterator

from nen_ref.bench.connection import BadAnswer, Connection
from nen_ref.bench.model import CHUNKS, DECK, LARGE_SIZE, Kind
from nen_ref.primitives.suite import Suite
from nen_ref.protocol.client import ClientSession, refusal
from nen_ref.protocol.handshake import client_hello
from nen_ref.protocol.messages import HANDSHAKE_PATH, JSON_TYPE, SESSION_HEADER, STATUS_PATH, Reply
from nen_ref.protocol.payload import NONCE_SIZE
from nen_ref.protocol.wire import Malformed, dump_json, parse_json

ECHO_PATH = "/api/echo"
STREAM_PATH = "/api/stream"


def deal(seed: int) -> Iterator[Kind]:
    """Endless traffic in the mix of DECK: each round begins with the handshake, and its order comes from the seed."""
    order = random.Random(seed)
    rest = [kind for kind, count in DECK.items() if kind is not Kind.HANDSHAKE for _ in range(count)]
    while True:
        order.shuffle(rest)
        yield Kind.HANDSHAKE
        yield from rest


class Caller:
    """One session and one connection at a time.

    Each handshake is followed by a new connection, so that among several workers of a server the session is used with
    others than the one that made it. Every payload is new, so that no answer fits another request.
    """

    def __init__(self, host: str, port: int, suite: Suite, name: str) -> None:
        self._connection = Connection(host, port)
        self._suite = suite
        self._name = name
        self._count = 0
        self._session: ClientSession | None = None
        self._does: dict[Kind, Callable[[], Awaitable[float]]] = {
            Kind.HANDSHAKE: self._handshake,
            Kind.STATUS: self._status,
            Kind.SMALL: self._small,
            Kind.LARGE: self._large,
            Kind.STREAM: self._stream,
        }

    @property
    def has_session(self) -> bool:
        return self._session is not None

    async def does(self, kind: Kind) -> float:
        """Send one request of this kind and check its answer; the ms that it took. Raises BadAnswer, NenError, OSError.

        Computing of the client's own, before and after, is not counted.
        """
        return await self._does[kind]()

    async def probe(self) -> None:
        """One answer of any kind, to know that the server is there."""
        await self._connection.exchange("GET", STATUS_PATH, {})

    def start_over(self) -> None:
        """After an error: a new connection, and a new session."""
        self._connection.close()
        self._session = None

    def close(self) -> None:
        self._connection.close()

    async def _handshake(self) -> float:
        session = ClientSession(suite=self._suite)
        body = session.start_handshake(client_hello(os.urandom(32), os.urandom(32), suite=self._suite))
        reply, elapsed = await self._connection.exchange("POST", HANDSHAKE_PATH, {"content-type": JSON_TYPE}, body)
        session.finish_handshake(reply)
        self._session = session
        self._connection.close()
        return elapsed

    async def _status(self) -> float:
        sid = self._current().sid or ""
        reply, elapsed = await self._connection.exchange("GET", STATUS_PATH, {SESSION_HEADER: sid})
        if reply.status != 200 or _parsed(reply.body) != {"valid": True}:
            raise BadAnswer(f"status {reply.status} does not say that the session is valid")
        return elapsed

    async def _small(self) -> float:
        return await self._echo({"hello": self._fresh()})

    async def _large(self) -> float:
        value = {"hello": self._fresh(), "fill": ""}
        missing = LARGE_SIZE - len(dump_json(value))
        return await self._echo(value | {"fill": os.urandom(missing).hex()[:missing]})

    async def _echo(self, value: dict[str, str]) -> float:
        reply, elapsed = await self._signed(ECHO_PATH, dump_json(value))
        answer = _parsed(self._current().open_reply(reply))
        if reply.status != 200 or answer != {"method": "POST", "body": value}:
            raise BadAnswer("the echo is not what was sent")
        return elapsed

    async def _stream(self) -> float:
        chunks = [f"{self._fresh()} {i} €" for i in range(CHUNKS)]
        reply, elapsed = await self._signed(STREAM_PATH, dump_json({"chunks": chunks}))
        opener = self._current().open_stream(reply)
        received = [chunk.decode("utf-8", "replace") for chunk in opener.feed(reply.body)]
        opener.close()
        if received != chunks:
            raise BadAnswer("the chunks of the stream are not those asked for")
        return elapsed

    async def _signed(self, path: str, payload: bytes) -> tuple[Reply, float]:
        now = time.time_ns() // 1_000_000
        signed = self._current().request("POST", path, payload, n=os.urandom(NONCE_SIZE), timestamp=now)
        reply, elapsed = await self._connection.exchange("POST", path, signed.headers, signed.body)
        if reply.status != 200:
            raise refusal(reply) or BadAnswer(f"status {reply.status} without an ISO code")
        return reply, elapsed

    def _current(self) -> ClientSession:
        if self._session is None:
            raise BadAnswer("there is no session")
        return self._session

    def _fresh(self) -> str:
        self._count += 1
        return f"{self._name}-{self._count:09}"


def _parsed(text: bytes) -> object:
    try:
        return parse_json(text)
    except Malformed as fault:
        raise BadAnswer(f"the answer is {fault}") from None
