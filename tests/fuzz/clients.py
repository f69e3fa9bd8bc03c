"""Targets: the client against hostile answers: a session by itself, its streams, and both HTTP clients over raw bytes.

A client raises NenError with a code of clients, or with any code that the server named (`remote`); where the transport
itself fails it may raise httpx's TransportError. Nothing else. Where a new session does not come about, the old one is
still there, with the keys that it had.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache, partial
from random import Random
from typing import Any

import httpcore2 as httpcore
import httpx2 as httpx

from nen_ref.http import AsyncNenClient, NenClient
from nen_ref.protocol.client import ClientSession
from nen_ref.protocol.errors import CATALOGUE, NenError, error_body
from nen_ref.protocol.handshake import ClientHello, client_finish
from nen_ref.protocol.handshake_v3 import HybridHello, NewTicket, Resumption, ServerProof, respond
from nen_ref.protocol.handshake_v3 import client_finish as client_finish_v3
from nen_ref.protocol.key_schedule import derive, ratchet
from nen_ref.protocol.messages import STREAM_NONCE_HEADER, Headers, Reply
from nen_ref.protocol.payload import dump_envelope, seal
from nen_ref.protocol.resumption import ResumeHello, answer_resume, finish_resume
from nen_ref.protocol.server_identity import ServerTrust
from nen_ref.protocol.stream import FINAL, StreamOpener, StreamSealer
from nen_ref.protocol.versions import V1, V3, ClientTerms, Version
from nen_ref.protocol.wire import dump_json, encode_base64, parse_json_object
from tests.fuzz.material import (
    DK,
    EK,
    FAST,
    IDENTITY,
    NOW,
    OTHER_IDENTITY,
    PLAIN_SESSION,
    PSK,
    REPEATABLE,
    TICKET_KEYS,
    drawing,
    texts,
    tickets,
)
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
MODES_V3 = (*MODES, "resume", "resume", "rekey", "rekey")
KEYS_V3 = derive(KEY, suite=FAST).keys


def established(version: Version = V1) -> ClientSession:
    """A session whose payload key is `KEY`, or, in V3, that of `KEYS_V3`."""
    session = ClientSession(version=version, suite=_FIXED)
    if version.family == V3.family:
        session.start_handshake(HybridHello(b"{}", EK, DK))
        members = {"sid": PLAIN_SESSION.sid, "ct": encode_base64(bytes(1088)), "ticket": tickets()["right"]}
        session.finish_handshake(Reply(200, {}, dump_json(members)))
        return session
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


def _body(rng: Random, version: Version = V1, key: bytes = KEY) -> bytes:
    """A body that an answer may have: of a handshake, sealed, of an error; right, or changed as JSON."""
    match rng.randrange(4):
        case 0:
            body = rng.choice(answers_v3() if version.family == V3.family else handshake_answers())
        case 1:
            body = rng.choice(error_seeds())
        case _:
            payload = rng.choice((b"{}", b'"x"', b"", b"not json", bytes(300)))
            body = dump_envelope(seal(key, rng.randbytes(12), payload, suite=FAST))
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


# --- answers to a handshake of V3 ------------------------------------------------------------------------------------


@cache
def _tape(number: int) -> bytes:
    """The 32 random bytes that a client draws as its first, second, ..."""
    draw = drawing()
    return [draw(32) for _ in range(number)][-1]


def hello_of(number: int) -> HybridHello:
    """The hello of a client that has its X25519 key from this draw. An input that is answered right has been drawn so:
    third in a handshake by itself, fourth after a resumption or a rekey that was refused."""
    x = _tape(number)
    pk_x = FAST.x25519_public(x)
    members = {"pk_kem": encode_base64(EK), "securityMode": "hybrid", "pk_x": encode_base64(pk_x)}
    return HybridHello(dump_json(members), EK, DK, pk_x, x)


PQC_ONLY = HybridHello(dump_json({"pk_kem": encode_base64(EK), "securityMode": "pqc-only"}), EK, DK)
RESUME = ResumeHello(b"", bytes(32), Resumption(tickets()["right"], PSK))
SERVER_X = bytes(range(2, 34))
UNBOUND = bytes(range(32))  # a server_nonce that commits to nothing
TRUSTS = (ServerTrust(), ServerTrust(IDENTITY.pk), ServerTrust(bound=True), ServerTrust(IDENTITY.pk, bound=True))
PROOFS = (
    None,
    ServerProof(IDENTITY, bytes(32)),
    ServerProof(IDENTITY, bytes(32), UNBOUND),
    ServerProof(OTHER_IDENTITY, bytes(32)),
)


@cache
def right_answers(number: int) -> tuple[bytes, ...]:
    """To `hello_of(number)`, or to `PQC_ONLY` as number 0: without an identity, and with each kind of one."""
    hello = hello_of(number) if number else PQC_ONLY
    return tuple(
        respond(
            hello.body, m=bytes(32), x=SERVER_X, sid=PLAIN_SESSION.sid, now=NOW,
            ticket=NewTicket(TICKET_KEYS.current, bytes(12), NOW), proof=proof, suite=REPEATABLE,
        ).reply.body
        for proof in PROOFS
    )  # fmt: skip


@cache
def right_resumptions() -> tuple[bytes, ...]:
    ticket = NewTicket(TICKET_KEYS.current, bytes(12), NOW)
    members: dict[str, object] = {"resume": RESUME.resumption.ticket, "rn": encode_base64(RESUME.rn)}
    accepted = answer_resume(
        members, keys=TICKET_KEYS, srn=bytes(32), sid=PLAIN_SESSION.sid, now=NOW, ticket=ticket, suite=FAST
    )
    without_ticket = {"sid": "s", "srn": encode_base64(bytes(32)), "resumed": True}
    return accepted.reply.body, dump_json(without_ticket), b'{"resumed":false}'


@cache
def answers_v3() -> tuple[bytes, ...]:
    low_order = parse_json_object(right_answers(3)[0]) | {"pk_x_server": encode_base64(bytes(32))}
    own = (*right_answers(3), *right_answers(0), *right_resumptions(), dump_json(low_order))
    return (*own, *texts("v3/client", "body"), *texts("v3/resume_client", "body"))


OWN_V3 = 12  # the first of `answers_v3`


@cache
def _bound_parts() -> frozenset[tuple[object, ...]]:
    """What somebody has signed here under a nonce that commits to it."""
    return frozenset(_parts(right_answers(number)[i]) for number in (3, 4, 0) for i in (1, 3))


def _parts(body: bytes) -> tuple[object, ...]:
    members = parse_json_object(body)
    return tuple(members.get(name) for name in ("sid", "ct", "pk_x_server"))


def run_answer_v3(data: bytes) -> Outcomes:
    """One answer, after its status, to a hybrid and to a pqc-only handshake under each trust, and to a resumption."""
    status, _, body = data.partition(PIECES)
    reply = Reply(int(status) if status.isdigit() and len(status) < 4 else 200, {}, body)
    outcomes = [_finish_v3(hello, trust, reply) for hello in (hello_of(3), PQC_ONLY) for trust in TRUSTS]
    return [*outcomes, _finish_resume(reply)]


def _finish_v3(hello: HybridHello, trust: ServerTrust, reply: Reply) -> str:
    try:
        made = client_finish_v3(hello, reply, trust, suite=FAST)
    except NenError as error:
        lawful(error.code in ("ISO-1002", "ISO-1004", "ISO-3006", "ISO-3007"), f"an answer refused with {error.code}")
        return f"{hello.mode}: {_code(error)}"
    lawful(made.sid.isascii() and made.sid.isprintable() and made.sid.strip() == made.sid != "", "a sid for no header")
    members = parse_json_object(reply.body)
    lawful("hmac" not in members, "a key that was sent is accepted")
    demanding = trust != ServerTrust()
    if demanding:
        lawful("server_sig" in members, "a server without an identity passes for one that has")
        lawful(members["sid"] == PLAIN_SESSION.sid, "a session id that nobody has signed")
        lawful(not trust.bound or _parts(reply.body) in _bound_parts(), "an answer that nobody has bound")
    return f"{hello.mode}: {'proven' if demanding else 'done'}, {'with' if made.resumption else 'without'} a ticket"


def _finish_resume(reply: Reply) -> str:
    try:
        made = finish_resume(RESUME, reply, suite=FAST)
    except NenError as error:
        lawful(error.code == "ISO-1004", f"an answer to a resumption refused with {error.code}")
        return f"resume: {_code(error)}"
    lawful((made is None) == (reply.status == 409), "declined without a 409, or resumed with one")
    return "resume: declined" if made is None else "resume: done"


def draw_answer_v3(rng: Random) -> bytes:
    answers = answers_v3()
    body = rng.choice(answers[:OWN_V3]) if rng.random() < 0.7 else rng.choice(answers)
    if rng.random() < 0.5:
        with suppress(ValueError, RecursionError):
            body = mutate_json(rng, json.loads(body))
    return rng.choice((b"200", b"200", b"200", b"200", b"201", b"409", b"401", b"302")) + PIECES + body


def answer_v3_seeds() -> list[bytes]:
    return [b"200" + PIECES + body for body in answers_v3()] + [b"409" + PIECES + body for body in right_resumptions()]


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


def draw_events(rng: Random, base_nonce: bytes, key: bytes = KEY) -> bytes:
    """The events of a right stream, or with one of them lost, twice, moved, or of another stream; and foreign lines."""
    sealer = StreamSealer(key, base_nonce, suite=FAST)
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
            events[rng.randrange(len(events))] = StreamSealer(key, rng.randbytes(12), suite=FAST).seal(b"other")
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
def _made(version: Version) -> _Made:
    transport, async_transport = httpx.HTTPTransport(verify=False), httpx.AsyncHTTPTransport(verify=False)
    options: dict[str, Any] = {"version": version, "suite": _FIXED, "clock": lambda: NOW, "trust_env": False}
    return _Made(
        transport,
        NenClient("http://x", transport=transport, **options),
        async_transport,
        AsyncNenClient("http://x", transport=async_transport, **options),
        asyncio.new_event_loop(),
    )


def run_client(data: bytes, version: Version = V1) -> Outcomes:
    """First what the client does, then what each of its connections is answered. Both clients come to the same."""
    first = data[0] if data else 0
    modes = _modes(version)
    mode, trust = modes[first % len(modes)], TRUSTS[first // len(modes) % len(TRUSTS)]
    answers = data[1:].split(PIECES)
    made = _made(version)
    for client in (made.client, made.async_client):
        flow = client._flow
        flow.session, flow._terminated, flow._random_bytes = established(version), False, drawing()
        flow._resumption = None
        if version.family == V3.family:
            flow._terms = ClientTerms(trust=trust)
        if mode in ("handshake", "first post"):
            flow.session = None
        client._http.cookies.clear()
    made.http._pool = httpcore.ConnectionPool(network_backend=Wire(iter(answers)))
    made.async_http._pool = httpcore.AsyncConnectionPool(network_backend=AsyncWire(iter(answers)))
    before = [client._flow.session for client in (made.client, made.async_client)]
    try:
        outcome = _outcome(mode, lambda: _act(made.client, mode))
        work = _act_async(made.async_client, mode)
        twin = _outcome(mode, lambda: made.loop.run_until_complete(work))
        lawful(outcome == twin, f"{outcome}, and of the asynchronous client: {twin}")
        for flow, old in zip((made.client._flow, made.async_client._flow), before, strict=True):
            _check_session(outcome, old, flow.session)
        return [outcome]
    finally:
        made.http._pool.close()
        made.loop.run_until_complete(made.async_http._pool.aclose())


def _modes(version: Version) -> tuple[str, ...]:
    return MODES_V3 if version.family == V3.family else MODES


def _check_session(outcome: str, old: ClientSession | None, new: ClientSession | None) -> None:
    """The session after an operation: another one, the next of the same, or the old one where none came about."""
    mode, _, came_of_it = outcome.partition(": ")
    if mode not in ("handshake", "rotate", "resume", "rekey"):
        return
    if came_of_it.startswith("ISO-"):
        lawful(new is old, f"{outcome}, and the session is another one")
        lawful(old is None or old.established, f"{outcome}, and the session is lost")
        return
    lawful(new is not None and new is not old and new.established, f"{outcome}, without a new session")
    if outcome == "rekey: True":
        lawful(new is not None and new._keys == ratchet(KEYS_V3, suite=FAST), "other keys than the next ones")


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
        "resume": client.resume,
        "rekey": client.rekey,
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
        "resume": client.resume,
        "rekey": client.rekey,
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


def draw_client(rng: Random, version: Version = V1) -> bytes:
    modes = _modes(version)
    mode = rng.randrange(len(modes))
    key = _payload_key(version, modes[mode])
    answers = [_http_answer(rng, version, modes[mode], key) for _ in range(rng.choice((1, 1, 1, 2, 3)))]
    if modes[mode] == "first post" or rng.random() < 0.05:
        answers.insert(0, _as_http(rng, b"200 OK", LAST_OF_ITS_CONNECTION, rng.choice(_hellos(version, 3))))
    elif modes[mode] in ("resume", "rekey") and rng.random() < 0.8:
        answers = _and_then(rng, version, modes[mode])
    trust = 0 if rng.random() < 0.5 else rng.randrange(len(TRUSTS))
    return bytes([mode + len(modes) * trust]) + PIECES.join(answers)


# After it the client needs another connection, on which the next answer is.
LAST_OF_ITS_CONNECTION = [(b"content-type", b"application/json"), (b"connection", b"close")]


def _payload_key(version: Version, mode: str) -> bytes:
    """Under which key the answers are sealed: that of the session, or of the one that is made first."""
    if version.family != V3.family:
        return KEY
    if mode != "first post":
        return KEYS_V3.enc
    hello = Reply(200, {}, right_answers(3)[0])
    return client_finish_v3(hello_of(3), hello, suite=_FIXED).keys.enc


def _hellos(version: Version, number: int) -> tuple[bytes, ...]:
    """Answers to the handshake of a client that has its X25519 key from this draw."""
    return right_answers(number) if version.family == V3.family else handshake_answers()[:3]


def _and_then(rng: Random, version: Version, mode: str) -> list[bytes]:
    """A resumption or a rekey that is taken, or refused, and what the client does after that."""
    if mode == "resume":
        body = rng.choice((*right_resumptions(), b'{"resumed":false}'))
        status = b"409 X" if body == b'{"resumed":false}' else b"200 OK"
    else:
        status, body = rng.choice(
            ((b"200 OK", b'{"ok":true}'), (b"200 OK", b'{"ok":1}'), (b"201 X", b'{"ok":true}'), (b"401 X", b"{}"))
        )
    first = _as_http(rng, status, LAST_OF_ITS_CONNECTION, body)
    return [first, *(_as_http(rng, b"200 OK", LAST_OF_ITS_CONNECTION, rng.choice(_hellos(version, n))) for n in (4, 4))]


def _http_answer(rng: Random, version: Version, mode: str, key: bytes) -> bytes:
    if mode == "stream" and rng.random() < 0.8:
        base_nonce = rng.randbytes(12)
        headers = [
            (b"content-type", b"text/event-stream"),
            (STREAM_NONCE_HEADER.encode(), encode_base64(base_nonce).encode()),
        ]
        events = draw_events(rng, base_nonce, key)
        return _as_http(rng, b"200 OK", headers[: rng.choice((1, 2, 2, 2, 2))], events)
    if mode in ("handshake", "rotate") and rng.random() < 0.6:
        body = rng.choice(_hellos(version, 3))
    else:
        body = _body(rng, version, key)
    if rng.random() < 0.15:
        body = error_body(rng.choice(tuple(CATALOGUE.values())))
    if mode == "status" and rng.random() < 0.5:
        body = b'{"valid":true}'
    others = (b"401 X", b"401 X", b"500 X", b"302 X", b"204 X", b"101 X", b"100 X", b"99 X")
    status = b"200 OK" if rng.random() < 0.6 else rng.choice(others)
    content_type = b"application/json" if rng.random() < 0.8 else rng.choice((b"text/html", b"\xff"))
    headers = [(b"content-type", content_type)]
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


def client_seeds(version: Version = V1) -> list[bytes]:
    rng = Random("clients")
    return [draw_client(rng, version) for _ in range(300)]


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
    Target(
        "answer_v3",
        run_answer_v3,
        answer_v3_seeds,
        frozenset(
            ("hybrid: ISO-1002", "hybrid: ISO-1004", "hybrid: ISO-3006", "hybrid: ISO-3007",
             "hybrid: done, with a ticket", "hybrid: done, without a ticket", "hybrid: proven, with a ticket",
             "pqc-only: ISO-1004", "pqc-only: ISO-3006", "pqc-only: ISO-3007", "pqc-only: done, with a ticket",
             "pqc-only: proven, with a ticket", "resume: ISO-1004", "resume: done", "resume: declined")
        ),
        8,
        draw_answer_v3,
    ),
    Target(
        "client_v3",
        partial(run_client, version=V3),
        partial(client_seeds, V3),
        frozenset(
            ("handshake: done", "handshake: ISO-1003", "handshake: ISO-1004", "handshake: ISO-3006",
             "handshake: ISO-3007", "rotate: done", "resume: True", "resume: False", "resume: ISO-1004",
             "resume: ISO-3006", "resume: ISO-3007", "rekey: True", "rekey: False", "rekey: ISO-1003",
             "rekey: ISO-3006", "rekey: ISO-3007", "post: opened", "post: ISO-6001",
             "first post: opened", "first post: ISO-3006", "get: opened", "head: as it is", "stream: complete",
             "stream: ISO-4001", "stream: ISO-7002", "status: True", "terminate: done")
        ),
        6,
        partial(draw_client, version=V3),
    ),
)  # fmt: skip
