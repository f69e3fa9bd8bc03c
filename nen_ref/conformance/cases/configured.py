"""Servers with options of their own, started through a harness: what a server at a URL cannot be asked to show."""

from __future__ import annotations

import time

import anyio

from nen_ref.conformance.cases.identity import members
from nen_ref.conformance.cases.lifecycle import status, valid
from nen_ref.conformance.harness.probe import ConfiguredProbe
from nen_ref.conformance.model import ACCEPTED
from nen_ref.conformance.peer import HANG, Answer, Draft, PeerSession, handshake_draft
from nen_ref.conformance.probe import HELLO, Probe, open_stream
from nen_ref.conformance.randomness import random_bytes
from nen_ref.conformance.registry import case
from nen_ref.protocol.identity import Identity
from nen_ref.protocol.messages import ROTATE_PATH, SIGNATURE_HEADER

START = ("server.start",)
LIFE_MS = 2000
LATE = "a session that does not end can be used for ever by whoever finds its keys"
ANYONE = "the server would serve clients that it was told to refuse"
UNSIGNED = "whoever sees a session id can send requests in it: the downgrade that the HMAC is there to stop"


def identity() -> Identity:
    return Identity.from_seed(random_bytes(32))


async def handshake(server: Probe, who: Identity | None = None, path: str = "/api/nen/handshake") -> Answer:
    started = server.hello(who)
    return await server.send(handshake_draft(started.body, path))


def unsigned(session: PeerSession, payload: bytes | None = HELLO) -> Draft:
    return session.draft("POST", "/api/echo", payload).without(SIGNATURE_HEADER)


@case(
    "v1/configured/session-expires",
    "V1-LIFE-06",
    "ISO-2002",
    needs=(*START, "session_life_ms"),
    why=LATE,
    cause="the life is set again by each request, or never looked at",
)
async def session_expires(probe: ConfiguredProbe) -> None:
    """A session is served during its life, and unknown after it, though it was used all the time."""
    async with probe.server(session_life_ms=LIFE_MS) as server:
        session = await server.session()
        begin = time.monotonic()
        while time.monotonic() - begin < LIFE_MS / 1000 * 0.6:
            answer = await server.echo(session)
            server.accepted(answer, "during its life")
            await anyio.sleep(0.1)
        await anyio.sleep(max(0.0, begin + LIFE_MS / 1000 + 0.3 - time.monotonic()))
        server.judge(await server.echo(session), "after its life")
        valid(server, await status(server, session.sid), False, "its status")
        server.accepted(await server.echo(await server.session()), "a new session")


@case(
    "v1/configured/identity-required",
    "V1-ID-06",
    "ISO-3004",
    needs=(*START, "require_identity"),
    why=ANYONE,
    cause="the option is only looked at where an identity came",
    only=("v1", "v2"),
)
async def identity_required(probe: ConfiguredProbe) -> None:
    """A server that requires an identity refuses a handshake without one, and serves one with any."""
    async with probe.server(require_identity=True) as server:
        server.judge(await handshake(server), "without an identity")
        server.accepted(await handshake(server, identity()), "with one")
        session = await server.session(identity())
        server.accepted(await server.echo(session), "a request")


@case(
    "v1/configured/identity-required-at-rotation",
    "V1-ID-06",
    "ISO-3004",
    needs=(*START, "require_identity"),
    why=ANYONE,
    cause="rotation has a handshake of its own, without the check",
    only=("v1", "v2"),
)
async def identity_required_at_rotation(probe: ConfiguredProbe) -> None:
    """A rotation without an identity is refused too."""
    async with probe.server(require_identity=True) as server:
        session = await server.session(identity())
        started = server.hello()
        server.judge(await server.send(handshake_draft(started.body, ROTATE_PATH, session.sid)))
        again = server.hello(identity())
        answer = await server.send(handshake_draft(again.body, ROTATE_PATH, session.sid))
        server.accepted(answer, "with an identity")


@case(
    "v1/configured/half-an-identity-where-one-is-required",
    "V1-ID-03",
    "ISO-3004",
    needs=(*START, "require_identity"),
    why="an identity key that anybody can copy from another handshake would be enough",
    cause="the requirement is satisfied by the key alone",
    only=("v1", "v2"),
)
async def half_an_identity(probe: ConfiguredProbe) -> None:
    """Where an identity is required, a key without a signature, and a signature without a key, are refused."""
    async with probe.server(require_identity=True) as server:
        ek = server.hello().ek
        both = members(ek, who=identity())
        for name in ("sigPk", "sigOfPk"):
            half = {key: value for key, value in both.items() if key != name}
            server.judge(await server.handshake(**half), f"without {name}")


@case(
    "v1/configured/identity-pinned",
    "V1-ID-06",
    "ISO-3004",
    needs=(*START, "pinned_identities"),
    why=ANYONE,
    cause="the key is compared before, and not after, its signature is checked; or not at all",
    only=("v1", "v2"),
)
async def identity_pinned(probe: ConfiguredProbe) -> None:
    """A server that pins two identities serves both, and refuses every other key and none."""
    known, second, stranger = identity(), identity(), identity()
    async with probe.server(pinned_identities=[known.pk, second.pk]) as server:
        server.accepted(await handshake(server, known), "a pinned identity")
        server.accepted(await handshake(server, second), "the other pinned identity")
        server.judge(await handshake(server, stranger), "another identity")
        server.judge(await handshake(server), "without an identity")
        ek = server.hello(stranger).ek
        forged = members(ek, who=stranger) | {"sigPk": members(ek, who=known)["sigPk"]}
        server.judge(await server.handshake(**forged), "a pinned key with another's signature")


@case(
    "v1/configured/pinned-and-empty",
    "V1-ID-06",
    "ISO-3004",
    needs=(*START, "pinned_identities"),
    why="a list that was emptied to lock everybody out lets everybody in",
    cause="an empty list counts as no list",
    level="hardening",
    only=("v1", "v2"),
)
async def pinned_and_empty(probe: ConfiguredProbe) -> None:
    """An empty list of pinned identities admits nobody."""
    async with probe.server(pinned_identities=[]) as server:
        server.judge(await handshake(server), "without an identity")
        server.judge(await handshake(server, identity()), "with an identity")


@case(
    "v1/configured/unsigned-client-named",
    "V1-AUTH-12",
    ACCEPTED,
    needs=(*START, "unsigned_clients"),
    why="a legacy client that was promised service gets none",
    cause="the option is not wired to the check",
    level="hardening",
    only=("v1", "v2"),
)
async def unsigned_client_named(probe: ConfiguredProbe) -> None:
    """A client that the server names may leave the signature out of a request with a body."""
    legacy = identity()
    async with probe.server(unsigned_clients=[legacy.pk]) as server:
        session = await server.session(legacy)
        server.judge(await server.send(unsigned(session), session), "unsigned")
        server.accepted(await server.echo(session), "signed")


@case(
    "v1/configured/unsigned-client-not-named",
    "V1-AUTH-12",
    "ISO-3001",
    needs=(*START, "unsigned_clients"),
    why=UNSIGNED,
    cause="strict mode is a switch for all clients",
    only=("v1", "v2"),
)
async def unsigned_client_not_named(probe: ConfiguredProbe) -> None:
    """With one client named, an unsigned request of any other, with another identity or none, is ISO-3001."""
    async with probe.server(unsigned_clients=[identity().pk]) as server:
        for note, who in {"no identity": None, "another identity": identity()}.items():
            session = await server.session(who)
            server.judge(await server.send(unsigned(session), session), note)
            server.accepted(await server.echo(session), f"{note}, signed")


@case(
    "v1/configured/unsigned-without-body",
    "V1-AUTH-12",
    "ISO-3001",
    needs=(*START, "unsigned_clients"),
    why="without signature and without body nothing at all proves who asks",
    cause="the exception is made before the body is looked at",
    only=("v1", "v2"),
)
async def unsigned_without_body(probe: ConfiguredProbe) -> None:
    """The named client's unsigned request without a body is refused."""
    legacy = identity()
    async with probe.server(unsigned_clients=[legacy.pk]) as server:
        session = await server.session(legacy)
        draft = session.draft("GET", "/api/echo", None).without(SIGNATURE_HEADER)
        server.judge(await server.send(draft, session))


@case(
    "v1/configured/unsigned-wrongly-signed",
    "V1-AUTH-12",
    "ISO-3002",
    needs=(*START, "unsigned_clients"),
    why="a wrong signature is an attack, also on a client that may leave it out",
    cause="a signature that fails is treated as one that is absent",
    only=("v1", "v2"),
)
async def unsigned_wrongly_signed(probe: ConfiguredProbe) -> None:
    """The named client's request with a wrong signature is ISO-3002."""
    legacy = identity()
    async with probe.server(unsigned_clients=[legacy.pk]) as server:
        session = await server.session(legacy)
        server.judge(await server.send(server.draft(session, key=bytes(32)), session))


@case(
    "v1/configured/unsigned-replayed",
    "V1-AUTH-12",
    "ISO-5001",
    needs=(*START, "unsigned_clients"),
    why="whoever recorded a request strips its signature, sets a new timestamp, and sends it again",
    cause="only signed requests are tracked, or their nonces are forgotten with the window",
    only=("v1", "v2"),
)
async def unsigned_replayed(probe: ConfiguredProbe) -> None:
    """The named client's request, replayed unsigned with another timestamp or none, is ISO-5001."""
    legacy = identity()
    async with probe.server(unsigned_clients=[legacy.pk]) as server:
        session = await server.session(legacy)
        draft = server.draft(session)
        server.accepted(await server.send(draft, session), "the first time")
        server.judge(await server.send(draft.without(SIGNATURE_HEADER), session), "its signature stripped")
        again = unsigned(session)
        server.accepted(await server.send(again, session), "an unsigned request")
        server.judge(await server.send(again, session), "the unsigned request again")


@case(
    "v1/configured/handler-fails",
    "V1-ERR-01",
    "ISO-9000",
    needs=(*START, "failing_routes"),
    why="a trace of the stack tells an attacker what runs there, and clients cannot read a page",
    cause="the framework's error page answers instead",
)
async def handler_fails(probe: ConfiguredProbe) -> None:
    """A handler that fails is answered with ISO-9000 and its one message; nothing of the failure shows."""
    async with probe.server(failing_routes=True) as server:
        session = await server.session()
        texts = set()
        for method in ("POST", "GET"):
            draft = session.draft(method, "/api/fail", HELLO if method == "POST" else None)
            answer = await server.send(draft, session)
            server.judge(answer, method)
            texts.add(answer.body)
            shown = answer.body + " ".join(answer.headers.values()).encode()
            leaks = [word for word in (b"Traceback", b".py", b".js", b"always fails") if word in shown]
            server.ensure(not leaks, f"{method}: {leaks or 'nothing of the failure'} shows")
        server.ensure(len(texts) == 1, f"{len(texts)} different bodies")
        server.accepted(await server.echo(session), "the session afterwards")


@case(
    "v1/configured/handler-fails-in-a-stream",
    "V1-STR-16",
    ACCEPTED,
    needs=(*START, "failing_routes"),
    why="half an answer that looks whole",
    cause="the final event is sent in a finally block",
)
async def handler_fails_in_a_stream(probe: ConfiguredProbe) -> None:
    """A handler that fails in the middle of its stream leaves it without the final event."""
    async with probe.server(failing_routes=True) as server:
        session = await server.session()
        raw = await server.peer.read(session.draft("GET", "/api/fail-stream", None))
        server.ensure(not raw.trouble.startswith(HANG), raw.trouble)
        server.ensure(b"always fails" not in raw.body and b"Traceback" not in raw.body, "the failure shows")
        stream = open_stream(session, Answer(raw.status, raw.headers, raw.body))
        server.ensure(
            raw.status == 200 and stream.chunks == (b"a",), f"{raw.status}, {len(stream.chunks)} chunks before"
        )
        server.ensure(
            stream.trouble == "no final event", f"the stream: {stream.trouble or 'complete, with its final event'}"
        )
        server.accepted(await server.echo(session), "the session afterwards")


@case(
    "v1/configured/events-sent-at-once",
    "V1-STR-15",
    ACCEPTED,
    needs=(*START, "failing_routes"),
    why="tokens of a model that come all at once at the end are no stream",
    cause="the events are collected, or a compressing layer holds them back",
)
async def events_sent_at_once(probe: ConfiguredProbe) -> None:
    """The first event of a slow stream is there before the second one is made."""
    async with probe.server(failing_routes=True) as server:
        session = await server.session()
        raw = await server.peer.read(session.draft("GET", "/api/slow-stream", None))
        arrivals = [at for at, piece in raw.pieces if b"data:" in piece]
        stream = open_stream(session, Answer(raw.status, raw.headers, raw.body))
        server.ensure(stream.chunks == (b"a", b"b"), stream.trouble or f"{len(stream.chunks)} chunks")
        server.need(len(arrivals) >= 2, f"{len(arrivals)} pieces with events arrived")
        server.ensure(arrivals[-1] - arrivals[0] > 0.35, "everything arrived together, at the end")


@case(
    "v1/configured/servers-apart",
    "V1-LIFE-10",
    "ISO-2002",
    needs=START,
    why="a test server and a real one in one process would share their sessions",
    cause="sessions are kept in a global",
    level="hardening",
)
async def servers_apart(probe: ConfiguredProbe) -> None:
    """A session of one server is unknown to another of the same implementation."""
    async with probe.server() as one, probe.server() as other:
        session = await one.session()
        one.accepted(await one.echo(session), "on its own server")
        other.judge(await other.echo(session), "on the other")
