"""The suite's own side of the wire: a client that can be wrong in every detail, and the answers it gets.

It builds on the protocol layer and on nothing of `nen_ref.http`: a fault in our client cannot hide one of a target.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import anyio
import httpx2 as httpx

from nen_ref.conformance.model import ACCEPTED, NOT_FOUND, Outcome
from nen_ref.conformance.randomness import random_bytes
from nen_ref.primitives import hmac_sha256
from nen_ref.primitives.suite import REFERENCE
from nen_ref.protocol.errors import CATALOGUE, NenError
from nen_ref.protocol.handshake import ClientHello
from nen_ref.protocol.handshake_v3 import Established, HybridHello, Resumption
from nen_ref.protocol.key_schedule import ratchet
from nen_ref.protocol.messages import (
    HANDSHAKE_PATH,
    JSON_TYPE,
    NONCE_HEADER,
    REKEY_PATH,
    SESSION_HEADER,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    Headers,
    Reply,
    reported_code,
)
from nen_ref.protocol.payload import NONCE_SIZE, Envelope, open_envelope, parse_envelope, seal
from nen_ref.protocol.resumption import finish_resume, resume_hello
from nen_ref.protocol.session import SessionKeys
from nen_ref.protocol.signing import canonical_string
from nen_ref.protocol.versions import V1, ClientTerms, Version
from nen_ref.protocol.wire import Malformed, decode_base64, dump_json, encode_base64, parse_json, parse_json_object

TIMEOUT = 20.0
NOT_ROUTED = (301, 302, 303, 307, 308, 404, 405)
MAX_ANSWER_SIZE = 64 * 1024 * 1024
HANG = "hang: "


Record = Callable[[str, str], None]


def _forget(sent: str, received: str) -> None:
    pass


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True)
class Answer:
    """What came back, or `trouble` where no HTTP answer did.

    `outcome` is the answer in one word or code, to compare with what a case accepts; `value` the JSON value of an
    opened payload, or of a plain 2xx body of an endpoint.
    """

    status: int = 0
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""
    outcome: str = ""
    value: object = None
    envelope: Envelope | None = None
    trouble: str = ""

    @property
    def code(self) -> str | None:
        return reported_code(self.body)

    @property
    def accepted(self) -> bool:
        return self.outcome == ACCEPTED

    @property
    def refused(self) -> bool:
        return 400 <= self.status < 500 or (self.status >= 500 and self.code is not None)

    @property
    def crashed(self) -> bool:
        """No answer, or a server error without a code of the catalogue."""
        return self.failure is not None

    @property
    def failure(self) -> Outcome | None:
        """HANG or CRASH where there is no answer to judge; a server error without a code counts as a crash."""
        if self.trouble:
            return Outcome.HANG if self.trouble.startswith(HANG) else Outcome.CRASH
        return Outcome.CRASH if self.status >= 500 and self.code is None else None

    def describe(self) -> str:
        if self.trouble:
            return self.trouble
        if self.code:
            return f"{self.status} {self.code}"
        if self.accepted:
            return f"{self.status}, accepted"
        if self.outcome == NOT_FOUND:
            return f"{self.status}, not routed"
        return f"{self.status} {self.outcome}".rstrip()


def _is_page(headers: Headers) -> bool:
    """A web page in answer to an API request: the fallback of a router that did not find the route."""
    return headers.get("content-type", "").partition(";")[0].strip().lower() == "text/html"


def read_refusal(status: int, headers: Headers, body: bytes) -> Answer:
    """An answer that is not a success: its code if status and code agree with the catalogue."""
    code = reported_code(body)
    if code is None:
        outcome = NOT_FOUND if status in NOT_ROUTED or (status < 300 and _is_page(headers)) else "without an ISO code"
    elif CATALOGUE[code].status != status:
        outcome = f"{code} with status {status}, not {CATALOGUE[code].status}"
    else:
        outcome = code
    return Answer(status, headers, body, outcome)


@dataclass(frozen=True)
class Draft:
    """A request as it will be sent, every part of it open to tampering. `target` is the raw path and query.

    `chunked` sends the body in chunks, without Content-Length.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    chunked: bool = False

    def without(self, name: str) -> Draft:
        return replace(self, headers=tuple(pair for pair in self.headers if pair[0] != name))

    def header(self, name: str) -> str:
        return dict(self.headers)[name]

    def with_header(self, name: str, value: str) -> Draft:
        return replace(self, headers=(*self.without(name).headers, (name, value)))

    def also_header(self, name: str, value: str, *, first: bool = False) -> Draft:
        """The same header once more, before or after the one that is there."""
        pair = ((name, value),)
        return replace(self, headers=pair + self.headers if first else self.headers + pair)

    def with_body(self, body: bytes | None) -> Draft:
        return replace(self, body=body)

    def with_members(self, **members: Any) -> Draft:
        """The JSON body with some members replaced; a member given as None is left out."""
        merged = {name: member for name, member in (self.members | members).items() if member is not None}
        return self.with_body(dump_json(merged))

    @property
    def members(self) -> dict[str, Any]:
        """The members of the JSON body."""
        return parse_json_object(self.body or b"{}")

    # Nonce and ciphertext, wherever the version of the session carries them

    @property
    def nonce_text(self) -> str:
        """The nonce as it is carried, in the header or in the body; empty where there is none."""
        if NONCE_HEADER in dict(self.headers):
            return self.header(NONCE_HEADER)
        return str(self.members["n"]) if self.body else ""

    @property
    def n(self) -> bytes:
        return decode_base64(self.nonce_text)

    @property
    def ct(self) -> bytes:
        return decode_base64(str(self.members["ct"]))

    @property
    def envelope(self) -> Envelope:
        return Envelope(self.ct, self.n)

    def with_nonce(self, value: object) -> Draft:
        """With another value where the nonce is carried, under the signature of the right one."""
        if NONCE_HEADER in dict(self.headers):
            return self.with_header(NONCE_HEADER, str(value))
        return self.with_members(n=value)


@dataclass(frozen=True)
class PeerSession:
    """The suite's side of one session of the target, in one version. `resumption`: what a later one resumes from."""

    sid: str
    keys: SessionKeys
    version: Version = V1
    resumption: Resumption | None = None

    def draft(
        self,
        method: str,
        target: str,
        payload: bytes | None = b'{"hello":"world"}',
        *,
        n: bytes | None = None,
        envelope: Envelope | None = None,
        body: bytes | None = None,
        carried: str | None = None,
        nonce: str | None = None,
        timestamp: str | int | None = None,
        signed: Mapping[str, str] | None = None,
        key: bytes | None = None,
    ) -> Draft:
        """A request that is right in everything that is not overridden.

        `payload` is sealed under `n`, or `envelope` is sent for it, or `body` as it is; `carried` is the text that is
        carried for the nonce, and signed; `nonce` replaces the NONCE of the canonical string; `timestamp` the time;
        `signed` any of method, path, timestamp, nonce in the canonical string alone; `key` the HMAC key.
        """
        if envelope is None and body is None and payload is not None:
            envelope = seal(self.keys.enc, n or random_bytes(NONCE_SIZE), payload)
        own, ct = (envelope.n, envelope.ct) if envelope is not None else (n or random_bytes(NONCE_SIZE), None)
        written = self.version.write_request(own, ct)
        content, own_nonce = (body if envelope is None else written.body), written.nonce_text
        text = str(now_ms() if timestamp is None else timestamp)
        content_type = {} if content is None else {"content-type": JSON_TYPE}
        headers = {SESSION_HEADER: self.sid, TIMESTAMP_HEADER: text, **written.headers, **content_type}
        draft = Draft(method, target, tuple(headers.items()), content)
        if carried is not None:
            draft, own_nonce = draft.with_nonce(carried), carried
        parts = {
            "method": method,
            "path": target.partition("?")[0],
            "timestamp": text,
            "nonce": own_nonce if nonce is None else nonce,
        } | dict(signed or {})
        tag = hmac_sha256.hmac_sha256(self.keys.mac if key is None else key, _canonical(**parts))
        return draft.with_header(SIGNATURE_HEADER, encode_base64(tag))

    def rekey_draft(self) -> Draft:
        """A request for the next keys."""
        return self.draft("POST", REKEY_PATH, None)

    def ratcheted(self) -> PeerSession:
        """The same session under its next keys."""
        return replace(self, keys=ratchet(self.keys))

    def opens(self, body: bytes) -> bool:
        """Whether it is a sealed body of this session."""
        try:
            open_envelope(self.keys.enc, parse_envelope(body))
        except NenError:
            return False
        return True

    def read(self, status: int, headers: Headers, body: bytes) -> Answer:
        """An answer as the owner of the session sees it: a 2xx is only `accepted` if it is sealed and opens."""
        if not 200 <= status < 300 or _is_page(headers):
            return read_refusal(status, headers, body)
        try:
            envelope = parse_envelope(body)
            value = parse_json(open_envelope(self.keys.enc, envelope))
        except NenError as error:
            said = "not sealed" if error.code.startswith("ISO-6") else "sealed, but it does not open"
            return Answer(status, headers, body, f"a success that is {said}")
        except Malformed as fault:
            return Answer(status, headers, body, f"a success whose payload is {fault}")
        return Answer(status, headers, body, ACCEPTED, value, envelope)


def _canonical(method: str, path: str, timestamp: str, nonce: str) -> bytes:
    """As the protocol's, but the method stays as it is given, so that a case can sign a wrong one."""
    tail = canonical_string("", path, timestamp, nonce)
    return method.encode() + tail


@dataclass
class Raw:
    """An answer as it came: its pieces with the time of each (seconds), and `trouble` where it is not whole."""

    status: int = 0
    headers: Headers = field(default_factory=Headers)
    pieces: list[tuple[float, bytes]] = field(default_factory=list)
    trouble: str = ""

    @property
    def body(self) -> bytes:
        return b"".join(piece for _, piece in self.pieces)

    async def take(self, pieces: AsyncIterator[bytes]) -> None:
        size = 0
        async for piece in pieces:
            size += len(piece)
            if size > MAX_ANSWER_SIZE:
                self.trouble = f"an answer of more than {MAX_ANSWER_SIZE} bytes"
                return
            self.pieces.append((time.monotonic(), piece))


@cache
def _certificates() -> ssl.SSLContext:
    """One for all: loading the certificates takes a tenth of a second."""
    return ssl.create_default_context()


class Peer:
    """HTTP to one target. Never raises for what the target does: it answers with an `Answer`."""

    def __init__(self, base_url: str, timeout: float = TIMEOUT, record: Record = _forget) -> None:
        self.base_url = httpx.URL(base_url)
        self._timeout = timeout
        self._record = record
        # Each request on a connection of its own: a server may close an idle one at any time, and a request sent again
        # for that would be a replay.
        limits = httpx.Limits(max_connections=64, max_keepalive_connections=0)
        self._http = httpx.AsyncClient(timeout=timeout, limits=limits, trust_env=False, verify=_certificates())

    def recording(self, record: Record) -> Peer:
        """The same peer, telling `record` of each request and its answer; it must not be closed."""
        twin = copy(self)
        twin._record = record
        return twin

    async def __aenter__(self) -> Peer:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def exchange(self, draft: Draft) -> tuple[int, Headers, bytes] | str:
        """Status, headers and body as they came, or what went wrong in words."""
        raw = await self.read(draft)
        return raw.trouble or (raw.status, raw.headers, raw.body)

    async def read(self, draft: Draft) -> Raw:
        """All that came, also of an answer that broke off."""
        raw = Raw()
        try:
            with anyio.fail_after(self._timeout):
                response = await self._http.send(self._request(draft), stream=True)
                raw.status, raw.headers = response.status_code, Headers(response.headers.multi_items())
                try:
                    await raw.take(response.aiter_bytes())
                finally:
                    await response.aclose()
        except (TimeoutError, httpx.TimeoutException):
            raw.trouble = f"{HANG}no complete answer after {self._timeout:.0f} s"
        except (httpx.TransportError, httpx.DecodingError) as fault:
            raw.trouble = f"no HTTP answer: {type(fault).__name__}"
        self._record(describe_draft(draft), raw.trouble or describe_raw(raw.status, raw.headers, raw.body))
        return raw

    def _request(self, draft: Draft) -> httpx.Request:
        return self._http.build_request(
            draft.method,
            self.base_url,
            headers=_pairs(draft.headers),
            content=_in_chunks(draft.body) if draft.chunked and draft.body else draft.body,
            extensions={"target": draft.target.encode("latin-1")},  # as it is: httpx would normalise the path
        )

    async def send(self, draft: Draft, session: PeerSession | None = None) -> Answer:
        """The answer, read with the keys of `session`; without one a 2xx with a JSON body counts as accepted."""
        raw = await self.exchange(draft)
        if isinstance(raw, str):
            return Answer(trouble=raw)
        status, headers, body = raw
        if session is not None:
            return session.read(status, headers, body)
        if not 200 <= status < 300 or _is_page(headers):
            return read_refusal(status, headers, body)
        try:
            return Answer(status, headers, body, ACCEPTED, parse_json(body))
        except Malformed as fault:
            return Answer(status, headers, body, f"a success whose body is {fault}")


@dataclass(frozen=True)
class Begun:
    """A handshake of the suite on its way: its `body`, and how it ends."""

    version: Version
    hello: ClientHello | HybridHello
    terms: ClientTerms

    @property
    def body(self) -> bytes:
        return self.hello.body

    @property
    def ek(self) -> bytes:
        return self.hello.ek

    @property
    def members(self) -> dict[str, Any]:
        """The members of the body, to be tampered with."""
        return parse_json_object(self.body)

    @property
    def key_member(self) -> str:
        """The name of the member that holds the ML-KEM key: the first."""
        return next(iter(self.members))

    def with_key(self, value: object) -> bytes:
        """The body with another ML-KEM key, right in everything else."""
        return dump_json(self.members | {self.key_member: value})

    def finish(self, answer: Answer) -> PeerSession:
        """The session of an accepted handshake; NenError if the answer cannot be used."""
        reply = Reply(answer.status, answer.headers, answer.body)
        return _session(self.version.finish(self.hello, reply, self.terms, REFERENCE), self.version)


def hello(version: Version, terms: ClientTerms = ClientTerms()) -> Begun:
    begun = version.hello(terms, random_bytes, REFERENCE)
    assert isinstance(begun, ClientHello | HybridHello)
    return Begun(version, begun, terms)


def resume_draft(resumption: Resumption, rn: bytes, path: str = HANDSHAKE_PATH, sid: str | None = None) -> Draft:
    """A request to resume; `rn`: 32 bytes."""
    return handshake_draft(resume_hello(resumption, rn).body, path, sid)


def resumed(session: PeerSession, rn: bytes, answer: Answer) -> PeerSession | None:
    """The session that an answer to `resume_draft` makes of `session`, None where the target declined."""
    assert session.resumption is not None
    reply = Reply(answer.status, answer.headers, answer.body)
    established = finish_resume(resume_hello(session.resumption, rn), reply)
    return None if established is None else _session(established, session.version)


def _session(established: Established, version: Version) -> PeerSession:
    return PeerSession(established.sid, established.keys, version, established.resumption)


def handshake_draft(body: bytes, path: str = HANDSHAKE_PATH, sid: str | None = None) -> Draft:
    session = ((SESSION_HEADER, sid),) if sid else ()
    return Draft("POST", path, (("content-type", JSON_TYPE), *session), body)


def describe_draft(draft: Draft) -> str:
    """A request as text to read."""
    body = draft.body or b""
    return _message(f"{draft.method} {draft.target}", draft.headers, body)


def describe_raw(status: int, headers: Headers, body: bytes) -> str:
    """A response as text to read."""
    return _message(str(status), headers.items(), body)


def _message(line: str, headers: Iterable[tuple[str, str]], body: bytes) -> str:
    lines = [line, *(f"{name}: {value}" for name, value in headers)]
    # Enough for a report; the recorder shortens what is left.
    return "\n".join(lines) + ("\n\n" + body[:4000].decode("utf-8", "backslashreplace") if body else "")


def with_unused_bits(text: str) -> str:
    """Padded base64 text with an unused bit of its last character set: the same bytes to a lenient decoder."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    bare = text.rstrip("=")
    return bare[:-1] + alphabet[alphabet.index(bare[-1]) | 1] + text[len(bare) :]


async def _in_chunks(body: bytes) -> AsyncIterator[bytes]:
    step = max(1, len(body) // 3)
    for start in range(0, len(body), step):
        yield body[start : start + step]


def _pairs(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("ascii"), value.encode("utf-8", "surrogateescape")) for name, value in headers]
