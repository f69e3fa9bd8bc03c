"""The four endpoints and the verification of requests, joined to a session store.

`NenServer` is what every HTTP framework would need; `nen_ref.http.asgi` puts it in front of an ASGI application.
Clock and random bytes come from outside, so that a run can be replayed.
"""

from __future__ import annotations

import logging
import os
import time
import uuid
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar, TypeVarTuple

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar

from nen_ref.primitives.suite import REFERENCE, Suite
from nen_ref.protocol.handshake import MAC_KEY_SIZE, IdentityPolicy, respond
from nen_ref.protocol.messages import (
    HANDSHAKE_PATH,
    ROTATE_PATH,
    SESSION_HEADER,
    STATUS_PATH,
    TERMINATE_PATH,
    Reply,
    Request,
    json_reply,
)
from nen_ref.protocol.payload import NONCE_SIZE
from nen_ref.protocol.responses import seal_response
from nen_ref.protocol.session import SESSION_LIFE_MS
from nen_ref.protocol.stream import StreamSealer, stream_head
from nen_ref.protocol.verification import Answer, LoadSession, Question, RequestPolicy, Verified, verify_request
from nen_ref.protocol.wire import dump_json
from nen_ref.stores import MemoryStore, SessionStore

BODY_LIMIT = 10 * 1024 * 1024
HANDSHAKE_LIMIT = 64 * 1024  # seven times a handshake with an identity; anyone can send one
LARGE = 32 * 1024  # bodies beyond this many bytes are sealed and opened in a thread, while others are served
LARGE_AT_ONCE = 2  # of those; more would not be quicker, and JSON can take thirty times its size in memory

log = logging.getLogger("nen_ref.server")
T = TypeVar("T")
Ts = TypeVarTuple("Ts")


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True)
class ServerConfig:
    """`session_life_ms` and `body_limit` (bytes) bound what a client can hold; the policies say whom it serves."""

    session_life_ms: int = SESSION_LIFE_MS
    body_limit: int = BODY_LIMIT
    body_timeout: float = 30.0  # seconds without a further piece of a body
    body_deadline: float = 120.0  # seconds for all of a body, however steadily it drips
    bodies_limit: int = 256 * 1024 * 1024  # bytes of all large bodies that are in memory at one time
    identity: IdentityPolicy = field(default_factory=IdentityPolicy)
    requests: RequestPolicy = field(default_factory=RequestPolicy)


class NenServer:
    """Endpoints, verification and sealing over one session store."""

    def __init__(
        self,
        *,
        store: SessionStore | None = None,
        config: ServerConfig | None = None,
        clock: Callable[[], int] = now_ms,
        random_bytes: Callable[[int], bytes] = os.urandom,
        suite: Suite = REFERENCE,
    ) -> None:
        self.config = config or ServerConfig()
        self._store: SessionStore = store if store is not None else MemoryStore(clock=clock)
        self._clock = clock
        self._random_bytes = random_bytes
        self._suite = suite
        self._endpoints: dict[tuple[str, str], Callable[[Request], Awaitable[Reply]]] = {
            ("POST", HANDSHAKE_PATH): self._handshake,
            ("POST", ROTATE_PATH): self._rotate,
            ("POST", TERMINATE_PATH): self._terminate,
            ("GET", STATUS_PATH): self._status,
        }
        for client in self.config.requests.unsigned_clients:
            log.warning("unsigned requests are allowed for the client with the ML-DSA key %s...", client[:8].hex())

    async def endpoint(self, request: Request) -> Reply | None:
        """The answer of a Nen endpoint, or None for a request of the application's own routes."""
        handler = self._endpoints.get((request.method, request.path))
        return await handler(request) if handler else None

    def body_limit(self, request_path: str) -> int:
        """The longest body in bytes that is read for this path. V1-WIRE-07."""
        handshake = request_path in (HANDSHAKE_PATH, ROTATE_PATH)
        return min(HANDSHAKE_LIMIT, self.config.body_limit) if handshake else self.config.body_limit

    async def verify(self, request: Request) -> Verified:
        """Drive the nine steps of the specification over the store. Raises NenError."""
        steps = verify_request(request, self._clock(), self.config.requests, suite=self._suite)
        answer: Answer = None
        while True:
            outcome = await _compute(len(request.body), _step, steps, answer)
            if isinstance(outcome, Verified):
                return outcome
            answer = await self._ask(outcome)

    async def seal(self, verified: Verified, status: int, payload: bytes) -> Reply:
        """The sealed answer to a verified request."""
        n = self._random_bytes(NONCE_SIZE)
        return await _compute(len(payload), seal_response, verified, status, payload, n, self._suite)

    def open_stream(self, verified: Verified) -> tuple[Reply, StreamSealer]:
        """Head and sealer of an encrypted stream, under a fresh base nonce."""
        base_nonce = self._random_bytes(NONCE_SIZE)
        return stream_head(base_nonce), StreamSealer(verified.session.keys.enc, base_nonce, suite=self._suite)

    async def seal_chunk(self, stream: StreamSealer, chunk: bytes) -> bytes:
        """The event of one chunk."""
        return await _compute(len(chunk), stream.seal, chunk)

    async def _handshake(self, request: Request) -> Reply:
        """V1-HS-01, V1-HS-08, V1-HS-09: a new session, stored before its answer is sent."""
        work = partial(
            respond,
            request.body,
            m=self._random_bytes(32),
            mac_key=self._random_bytes(MAC_KEY_SIZE),
            sid=str(uuid.UUID(bytes=self._random_bytes(16), version=4)),
            now=self._clock(),
            policy=self.config.identity,
            suite=self._suite,
        )
        accepted = await _compute(len(request.body), work)
        await self._store.set(accepted.session, self.config.session_life_ms)
        return accepted.reply

    async def _rotate(self, request: Request) -> Reply:
        """V1-LIFE-04, V1-LIFE-05: the old session goes once the new one is stored: a fault leaves one of them."""
        reply = await self._handshake(request)
        await self._drop(request)
        return reply

    async def _terminate(self, request: Request) -> Reply:
        """V1-LIFE-02."""
        await self._drop(request)
        return json_reply(200, dump_json({"success": True}))

    async def _status(self, request: Request) -> Reply:
        """V1-LIFE-01."""
        sid = request.headers.get(SESSION_HEADER)
        valid = bool(sid) and await self._store.exists(sid or "")
        return json_reply(200 if valid else 401, dump_json({"valid": valid}))

    async def _drop(self, request: Request) -> None:
        if sid := request.headers.get(SESSION_HEADER):
            await self._store.delete(sid)

    async def _ask(self, question: Question) -> Answer:
        if isinstance(question, LoadSession):
            return await self._store.get(question.sid)
        return await self._store.record_nonce(question.sid, question.nonce, question.keep_until)


_large_bodies: RunVar[anyio.CapacityLimiter] = RunVar("nen_ref.large_bodies")


async def _compute(size: int, work: Callable[[*Ts], T], *args: *Ts) -> T:
    if size <= LARGE:
        return work(*args)
    limiter = _large_bodies.get(None)
    if limiter is None:
        limiter = anyio.CapacityLimiter(LARGE_AT_ONCE)
        _large_bodies.set(limiter)
    return await anyio.to_thread.run_sync(work, *args, limiter=limiter)


def _step(steps: Generator[Question, Answer, Verified], answer: Answer) -> Question | Verified:
    try:
        return steps.send(answer)
    except StopIteration as end:
        verified: Verified = end.value
        return verified
