"""What a server case is given: the target, sessions with it, and the judgement of what comes back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from nen_ref.conformance.checks import CannotBegin, Checks
from nen_ref.conformance.divergence import request_values
from nen_ref.conformance.model import ACCEPTED, Outcome
from nen_ref.conformance.peer import Answer, Begun, Draft, Peer, PeerSession, handshake_draft, hello
from nen_ref.primitives.errors import AuthenticationError
from nen_ref.primitives.suite import REFERENCE
from nen_ref.protocol.errors import NenError
from nen_ref.protocol.identity import Identity
from nen_ref.protocol.messages import STREAM_NONCE_HEADER, STREAM_TYPE, Headers, Request
from nen_ref.protocol.payload import NONCE_SIZE
from nen_ref.protocol.stream import FINAL, stream_nonce
from nen_ref.protocol.versions import VERSIONS, ClientTerms, Version
from nen_ref.protocol.wire import Malformed, decode_base64, dump_json

HELLO = b'{"hello":"world"}'


@dataclass(frozen=True)
class Routes:
    """A server under test: its base URL and the paths of its two demonstration routes, `stream` empty for none."""

    url: str
    echo: str = "/api/echo"
    stream: str = "/api/stream"


@dataclass(frozen=True)
class Stream:
    """A stream as it came: its answer, base nonce, and the opened chunks, the final one not among them.

    `trouble` says what is wrong with it, empty for a stream that is right in every respect.
    """

    answer: Answer
    base_nonce: bytes = b""
    events: tuple[str, ...] = ()
    chunks: tuple[bytes, ...] = ()
    trouble: str = ""

    @property
    def text(self) -> str:
        return b"".join(self.chunks).decode("utf-8", "replace")


@dataclass
class Probe(Checks):
    """One run of one case against one server."""

    target: Routes = field(kw_only=True)
    peer: Peer = field(kw_only=True)
    sessions: list[PeerSession] = field(default_factory=list)
    last: dict[str, Draft] = field(default_factory=dict)  # the last request of each session

    @property
    def version(self) -> Version:
        """The version that the case speaks."""
        return VERSIONS[self.case.protocol]

    # Doing

    def hello(self, identity: Identity | None = None, *, version: Version | None = None, **terms: Any) -> Begun:
        """A right handshake, not sent yet; `terms` as of `ClientTerms`, `version` for another than the case's."""
        return hello(version or self.version, ClientTerms(identity, **terms))

    async def session(
        self, identity: Identity | None = None, *, version: Version | None = None, **terms: Any
    ) -> PeerSession:
        """A fresh session; a target that does not make one ends the case."""
        begun = self.hello(identity, version=version, **terms)
        answer = await self.peer.send(handshake_draft(begun.body))
        try:
            if answer.accepted:
                session = begun.finish(answer)
                self.sessions.append(session)
                return session
            problem = f"the handshake before it was answered {answer.describe()}"
        except NenError as error:
            problem = f"the handshake before it cannot be used: {error.detail}"
        raise CannotBegin(answer.failure or Outcome.FAIL, problem)

    async def handshake(self, **members: object) -> Answer:
        """A handshake with these members and no others."""
        return await self.peer.send(handshake_draft(dump_json(members)))

    async def handshake_with_key(self, value: object) -> Answer:
        """A handshake whose ML-KEM key is this value, and that is right in everything else."""
        return await self.handshake_bytes(self.hello().with_key(value))

    async def handshake_with(self, **members: object) -> Answer:
        """A right handshake with these members changed or added."""
        return await self.handshake_bytes(dump_json(self.hello().members | members))

    async def handshake_bytes(self, body: bytes) -> Answer:
        return await self.peer.send(handshake_draft(body))

    async def rekey(self, session: PeerSession) -> PeerSession:
        """The session under its next keys; a target that does not take them ends the case."""
        answer = await self.send(session.rekey_draft())
        self.need(answer.accepted and answer.value == {"ok": True}, f"rekey: {answer.describe()}")
        self.sessions.append(session.ratcheted())
        return self.sessions[-1]

    async def send(self, draft: Draft, session: PeerSession | None = None) -> Answer:
        self._note(draft, session)
        return await self.peer.send(draft, session)

    def _note(self, draft: Draft, session: PeerSession | None) -> None:
        if session is not None:
            self.last[session.sid] = draft

    def values_of(self, session: PeerSession) -> dict[str, str]:
        """The intermediate values of the session's last request, by the specification."""
        draft = self.last.get(session.sid, Draft("GET", ""))
        request = Request(draft.method, draft.target.partition("?")[0], Headers(draft.headers), draft.body or b"")
        return request_values(request, session.version, session.keys)

    async def echo(self, session: PeerSession, payload: bytes | None = HELLO, method: str = "POST") -> Answer:
        """A request to the echo route that is right in every respect."""
        return await self.send(session.draft(method, self.target.echo, payload), session)

    def draft(self, session: PeerSession, payload: bytes | None = HELLO, **overrides: object) -> Draft:
        """A POST to the echo route with parts overridden, as `PeerSession.draft`."""
        return session.draft("POST", self.target.echo, payload, **overrides)  # type: ignore[arg-type]

    async def stream(self, session: PeerSession, value: object = None, method: str = "POST") -> Stream:
        """A stream, read to its end and opened; `value` is the request's payload, None for no body."""
        payload = None if value is None else dump_json(value)
        return await self.send_stream(session.draft(method, self.target.stream, payload), session)

    async def send_stream(self, draft: Draft, session: PeerSession) -> Stream:
        self._note(draft, session)
        raw = await self.peer.exchange(draft)
        if isinstance(raw, str):
            return Stream(Answer(trouble=raw), trouble=raw)
        status, headers, body = raw
        if status != 200 or headers.get("content-type", "").partition(";")[0].strip() != STREAM_TYPE:
            answer = session.read(status, headers, body)
            return Stream(answer, trouble=f"not a stream: {answer.describe()}, {headers.get('content-type')}")
        return open_stream(session, Answer(status, headers, body, ACCEPTED))

    # Judging

    def accepted(self, answer: Answer, note: str, method: str = "POST", body: object = ...) -> None:
        """A success is expected here; with `body` also the value that echo returns."""
        observed = f"{note}: {answer.describe()}"
        if answer.failure is not None:
            self.findings.append((answer.failure, observed))
        elif not answer.accepted:
            self.findings.append((Outcome.FAIL, observed))
        elif body is not ... and answer.value != {"method": method, "body": body}:
            self.findings.append((Outcome.FAIL, f"{note}: echoed another value than was sent"))
        else:
            self.findings.append((Outcome.PASS, observed))


def open_stream(session: PeerSession, answer: Answer) -> Stream:
    """Open every event by the letter of the specification: V1-STR-02, V1-STR-03, V1-STR-04."""
    try:
        base_nonce = decode_base64(answer.headers[STREAM_NONCE_HEADER])
    except KeyError:
        return Stream(answer, trouble="no X-Nen-Stream-Nonce")
    except Malformed as fault:
        return Stream(answer, trouble=f"X-Nen-Stream-Nonce is {fault}")
    if len(base_nonce) != NONCE_SIZE:
        return Stream(answer, base_nonce, trouble=f"a base nonce of {len(base_nonce)} bytes")
    blocks = answer.body.decode("utf-8", "replace").replace("\r\n", "\n").split("\n\n")
    events = tuple(_data(block) for block in blocks if _data(block))
    chunks: list[bytes] = []
    for i, data in enumerate(events):
        try:
            chunk = REFERENCE.aead_open(session.keys.enc, stream_nonce(base_nonce, i), decode_base64(data))
        except Malformed as fault:
            return Stream(answer, base_nonce, events, tuple(chunks), f"event {i} is {fault}")
        except AuthenticationError:
            return Stream(answer, base_nonce, events, tuple(chunks), f"event {i} does not open under nonce_{i}")
        if chunk == FINAL:
            late = "" if i == len(events) - 1 else f"{len(events) - 1 - i} events after the final one"
            return Stream(answer, base_nonce, events, tuple(chunks), late)
        chunks.append(chunk)
    return Stream(answer, base_nonce, events, tuple(chunks), "no final event")


def _data(block: str) -> str:
    lines = [line.removeprefix("data:").removeprefix(" ") for line in block.split("\n") if line.startswith("data:")]
    return "\n".join(lines)
