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
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar, TypeVarTuple

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar

from nen_ref.primitives.suite import REFERENCE, Suite
from nen_ref.protocol.errors import AUTH_SIGNATURE_INVALID, SESSION_INVALID_OR_EXPIRED, failure
from nen_ref.protocol.handshake import Accepted, IdentityPolicy
from nen_ref.protocol.identity import Identity
from nen_ref.protocol.key_schedule import KEY_SIZE, ratchet
from nen_ref.protocol.messages import (
    HANDSHAKE_PATH,
    REKEY_PATH,
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
from nen_ref.protocol.resumption import Declined
from nen_ref.protocol.session import SESSION_LIFE_MS
from nen_ref.protocol.stream import StreamSealer, stream_head
from nen_ref.protocol.tickets import TICKET_LIFE_MS, TicketKeys
from nen_ref.protocol.verification import Answer, LoadSession, Question, RequestPolicy, Verified, verify_request
from nen_ref.protocol.versions import V1, ServerTerms, Version, answering
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
    """`session_life_ms` and `body_limit` (bytes) bound what a client can hold; the policies say whom it serves.

    `versions` are all that it speaks; a client of another one is refused. The rest is for V3: `server_identity` and
    whether its nonce is `bound` to the handshake (server_identity.py), and the `ticket_keys` that all nodes of a server
    share; without them each process draws one of its own.
    """

    session_life_ms: int = SESSION_LIFE_MS
    body_limit: int = BODY_LIMIT
    body_timeout: float = 30.0  # seconds without a further piece of a body
    body_deadline: float = 120.0  # seconds for all of a body, however steadily it drips
    bodies_limit: int = 256 * 1024 * 1024  # bytes of all large bodies that are in memory at one time
    identity: IdentityPolicy = field(default_factory=IdentityPolicy)
    requests: RequestPolicy = field(default_factory=RequestPolicy)
    versions: tuple[Version, ...] = (V1,)
    server_identity: Identity | None = None
    bound: bool = True
    ticket_keys: TicketKeys | None = None
    ticket_life_ms: int = TICKET_LIFE_MS

    def __post_init__(self) -> None:
        if isinstance(self.versions, Version) or not self.versions:
            raise ValueError("versions: a tuple of one or more, such as (V1, V3)")


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
        self._terms = ServerTerms(
            tickets=self.config.ticket_keys or TicketKeys(random_bytes(KEY_SIZE)),
            policy=self.config.identity,
            identity=self.config.server_identity,
            bound=self.config.bound,
            ticket_life_ms=self.config.ticket_life_ms,
        )
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
        steps = verify_request(
            request, self._clock(), self.config.requests, versions=self.config.versions, suite=self._suite
        )
        answer: Answer = None
        while True:
            outcome = await _compute(len(request.body), _step, steps, answer)
            if isinstance(outcome, Verified):
                return outcome
            answer = await self._ask(outcome)

    async def rekey(self, request: Request, verified: Verified) -> Reply | None:
        """The answer of the rekey endpoint to a verified request, None for any other request. V3-REKEY-01, V3-REKEY-04.

        Of several under the same keys one is first; for the others the keys they were signed with are gone
        (V3-REKEY-05; V3-REKEY-03 for what comes later). A request that was verified before keeps its session, and with
        it the keys of its answer (V3-REKEY-06). A payload is not looked at (V3-REKEY-10), and a session of V1 or V2 has
        no such endpoint (V3-REKEY-12).
        """
        if (request.method, request.path) != ("POST", REKEY_PATH) or not verified.version.ratchets:
            return None
        session = verified.session
        keys = ratchet(session.keys, suite=self._suite)
        if not await self._store.replace(session, replace(session, keys=keys)):
            alive = await self._store.exists(session.sid)
            raise failure(AUTH_SIGNATURE_INVALID if alive else SESSION_INVALID_OR_EXPIRED, "the keys changed meanwhile")
        return json_reply(200, dump_json({"ok": True}))

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
        """V1-HS-01, V1-HS-08, V1-HS-09: a new session, stored before its answer is sent. What is refused is not stored:
        V1-HS-14, V3-TICKET-07."""
        return (await self._accept(request)).reply

    async def _accept(self, request: Request) -> Accepted | Declined:
        version = answering(self.config.versions, request.body)
        sid = str(uuid.UUID(bytes=self._random_bytes(16), version=4))
        work = partial(version.respond, request.body, self._terms, self._random_bytes, sid, self._clock(), self._suite)
        outcome = await _compute(len(request.body), work)
        if isinstance(outcome, Accepted):
            await self._store.set(outcome.session, self.config.session_life_ms)
        return outcome

    async def _rotate(self, request: Request) -> Reply:
        """The old session goes once the new one is stored: a fault leaves one of them.

        V1-LIFE-04, V1-LIFE-05, V3-TICKET-15.
        """
        outcome = await self._accept(request)
        if isinstance(outcome, Accepted):
            await self._drop(request)
        return outcome.reply

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
