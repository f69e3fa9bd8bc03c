"""Server cases of several versions: what a server does with messages of a version that it does not offer, or offers too.

Those that V2 brought up come first. No message is ever taken for one of an earlier version.
"""

from __future__ import annotations

from dataclasses import replace

from nen_ref.conformance.cases.v3_resumption import ticket_of
from nen_ref.conformance.harness.probe import ConfiguredProbe
from nen_ref.conformance.model import ACCEPTED
from nen_ref.conformance.peer import Answer, Draft, PeerSession, handshake_draft, hello, resume_draft
from nen_ref.conformance.probe import HELLO, Probe
from nen_ref.conformance.randomness import random_bytes
from nen_ref.conformance.registry import case
from nen_ref.protocol.handshake_v3 import SecurityMode
from nen_ref.protocol.messages import NONCE_HEADER, REKEY_PATH
from nen_ref.protocol.versions import V1, V2, V3, Version
from nen_ref.protocol.wire import dump_json, encode_base64

NEEDS = ("server.start", "protocols")
ALL = ["v1", "v2", "v3"]
DOWN = "whoever stands between chooses the weakest version that both sides know"
APART = "clients of the version that they were promised cannot connect"


def requests(server: Probe, session: PeerSession) -> dict[str, Draft]:
    """A request with a body and one without, in the version of the session."""
    return {
        f"{session.version.name} with a body": server.draft(session),
        f"{session.version.name} without a body": session.draft("GET", server.target.echo, None),
    }


def spoken(session: PeerSession, version: Version) -> PeerSession:
    """The same session, its requests in another version."""
    return replace(session, version=version)


async def serves(server: Probe, session: PeerSession, note: str) -> None:
    """Requests of the session are answered."""
    server.accepted(await server.echo(session), f"{note}: a request", body={"hello": "world"})
    server.accepted(await server.echo(session, None, "GET"), f"{note}: without a body", "GET", None)


# V1 and V2


@case(
    "v2/versions/v1-request-refused",
    "V2-AUTH-07",
    "ISO-3005",
    needs=NEEDS,
    only=("v2",),
    why=DOWN,
    cause="a nonce in the body is taken where the header is missing",
)
async def v1_request_refused(probe: ConfiguredProbe) -> None:
    """A server that offers V2 alone refuses requests of V1, with a body and without one."""
    async with probe.server(protocols=["v2"]) as server:
        session = await server.session()
        for note, draft in requests(server, spoken(session, V1)).items():
            server.judge(await server.send(draft, session), note)
        await serves(server, session, "V2")


@case(
    "v2/versions/v2-at-a-v1-server",
    "V1-AUTH-04",
    "ISO-3002",
    needs=NEEDS,
    only=("v2",),
    also=("ISO-6001",),
    why="a client of V2 would think that its requests cannot be repeated",
    cause="a header that V1 does not have is read by a server of V1",
)
async def v2_at_a_v1_server(probe: ConfiguredProbe) -> None:
    """A server that offers V1 alone refuses requests of V2: ISO-6001 with a body, ISO-3002 without one."""
    async with probe.server(protocols=["v1"]) as server:
        session = await server.session()
        server.judge(await server.send(session.draft("GET", server.target.echo, None), session), "without a body")
        reply = await server.send(server.draft(session), session)
        server.ensure(reply.code == "ISO-6001", f"with a body: {reply.describe()}")
        await serves(server, spoken(session, V1), "V1")


@case(
    "v2/versions/both-in-one-session",
    "V2-AUTH-06",
    ACCEPTED,
    needs=NEEDS,
    only=("v2",),
    why=APART,
    cause="the version is fixed by the first request, or by the handshake, which is the same",
)
async def both_in_one_session(probe: ConfiguredProbe) -> None:
    """A server that offers V1 and V2 reads a request as one of V2 if it has X-Nen-Nonce, in any order."""
    for protocols in (["v1", "v2"], ["v2", "v1"]):
        async with probe.server(protocols=protocols) as server:
            session = await server.session()
            for version in (V1, V2, V1, V2):
                for note, draft in requests(server, spoken(session, version)).items():
                    server.judge(await server.send(draft, session), f"offering {protocols}, {note}")


@case(
    "v2/versions/empty-nonce-is-v2",
    "V2-AUTH-06",
    "ISO-3005",
    needs=NEEDS,
    only=("v2",),
    why="emptying a header would be a way back to V1, in which a request without a body can be repeated",
    cause="an empty header counts as absent, and the request as one of V1",
)
async def empty_nonce_is_v2(probe: ConfiguredProbe) -> None:
    """A server that offers V1 and V2 takes a request with an empty X-Nen-Nonce for one of V2, and refuses it."""
    async with probe.server(protocols=["v1", "v2"]) as server:
        session = spoken(await server.session(), V1)
        for note, draft in requests(server, session).items():
            server.judge(await server.send(draft.with_header(NONCE_HEADER, ""), session), note)
        await serves(server, session, "V1")


@case(
    "v2/versions/one-set-of-nonces",
    "V2-REPLAY-02",
    "ISO-5001",
    needs=NEEDS,
    only=("v2",),
    why="a recorded request would pass once more in the form of the other version: its signature is right there too",
    cause="each version remembers the nonces of its own requests",
)
async def one_set_of_nonces(probe: ConfiguredProbe) -> None:
    """A request of V1, sent again in the form of V2 under the same signature, is refused, and the other way round."""
    async with probe.server(protocols=["v1", "v2"]) as server:
        session = await server.session()
        for first, second in ((V1, V2), (V2, V1)):
            draft = server.draft(spoken(session, first))
            reply = await server.send(draft, session)
            server.accepted(reply, f"{first.name} first", body={"hello": "world"})
            written = second.write_request(draft.n, draft.ct)
            moved = draft.without(NONCE_HEADER).with_body(written.body)
            for name, value in written.headers.items():
                moved = moved.with_header(name, value)
            server.judge(await server.send(moved, session), f"in the form of {second.name}")


# V3 and the others


@case(
    "v3/versions/v1-client-at-a-v3-server",
    "V3-VER-03",
    "ISO-1001",
    needs=NEEDS,
    why=DOWN,
    cause="a handshake with pk alone is answered with a session of V1, or with one in pqc-only",
)
async def v1_client_at_a_v3_server(probe: ConfiguredProbe) -> None:
    """A server that offers V3 alone refuses a handshake of V1 or V2, with an identity and without one."""
    async with probe.server(protocols=["v3"]) as server:
        reply = await server.handshake_bytes(hello(V1).body)
        server.judge(reply, "{pk}")
        claimed = hello(V1).members | {"sigPk": encode_base64(bytes(1952)), "sigOfPk": encode_base64(bytes(3309))}
        server.judge(await server.handshake_bytes(dump_json(claimed)), "with an identity")
        await serves(server, await server.session(), "V3")


@case(
    "v3/versions/v3-client-at-an-older-server",
    "V3-VER-04",
    "ISO-1001",
    needs=NEEDS,
    why=DOWN,
    cause="pk_kem is taken for pk, and the rest ignored",
)
async def v3_client_at_an_older_server(probe: ConfiguredProbe) -> None:
    """A server that does not offer V3 refuses its handshakes, in both modes, and its resumptions."""
    for protocols in (["v1"], ["v2"], ["v1", "v2"]):
        async with probe.server(protocols=protocols) as server:
            for mode in SecurityMode:
                reply = await server.handshake_bytes(server.hello(mode=mode).body)
                server.judge(reply, f"{protocols}: {mode.value}")
            body = dump_json({"resume": "AAAA.AAAA", "rn": encode_base64(random_bytes(32))})
            server.judge(await server.handshake_bytes(body), f"{protocols}: a resumption")
            session = await server.session(version=V1 if "v1" in protocols else V2)
            await serves(server, session, f"{protocols}")


@case(
    "v3/versions/all-three",
    "V3-VER-01",
    ACCEPTED,
    needs=NEEDS,
    why=APART,
    cause="the newest version is taken for every handshake, or the first of the list",
)
async def all_three(probe: ConfiguredProbe) -> None:
    """A server that offers all three serves clients of each, whatever the order in which they are named."""
    for protocols in (ALL, ALL[::-1]):
        async with probe.server(protocols=protocols) as server:
            for version in (V1, V2, V3):
                session = await server.session(version=version)
                for note, draft in requests(server, session).items():
                    server.judge(await server.send(draft, session), f"offering {protocols}, {note}")


@case(
    "v3/versions/what-makes-a-handshake-v3",
    "V3-VER-01",
    ACCEPTED,
    needs=NEEDS,
    why=DOWN,
    cause="only pk_kem tells: a handshake of V3 that names its key pk is answered as one of V1",
)
async def what_makes_a_handshake_v3(probe: ConfiguredProbe) -> None:
    """Where V1 is offered too, any member of V3 makes a handshake one of V3, and nothing else does."""
    async with probe.server(protocols=ALL) as server:
        key = encode_base64(hello(V1).ek)
        whole = server.hello().members
        for note, members in {
            "pk and securityMode": {"pk": key, "securityMode": "pqc-only"},
            "pk, pk_x and securityMode": {"pk": key, "pk_x": whole["pk_x"], "securityMode": "hybrid"},
            "pk and pk_x": {"pk": key, "pk_x": whole["pk_x"]},
            "pk_kem beside pk": {"pk": key} | whole,
        }.items():
            reply = await server.handshake_bytes(dump_json(members))
            server.judge(reply, note)
            server.ensure(of_v3(reply), f"{note}: answered as a handshake of an earlier version")
        for note, members in {"pk alone": {"pk": key}, "a member of nobody": {"pk": key, "mode": "hybrid"}}.items():
            reply = await server.handshake_bytes(dump_json(members))
            server.judge(reply, note)
            server.ensure(not of_v3(reply), f"{note}: answered as a handshake of V3")


def of_v3(reply: Answer) -> bool:
    return isinstance(reply.value, dict) and "hmac" not in reply.value and "ticket" in reply.value


@case(
    "v3/versions/half-a-handshake",
    "V3-VER-01",
    "ISO-1001",
    needs=NEEDS,
    why=DOWN,
    cause="a handshake of V3 that fails is tried again as one of V1",
)
async def half_a_handshake(probe: ConfiguredProbe) -> None:
    """Where V1 is offered too, a handshake that is one of V3 and lacks something is refused as such."""
    async with probe.server(protocols=ALL) as server:
        key = encode_base64(hello(V1).ek)
        for note, members in {
            "hybrid without pk_x": {"pk": key, "securityMode": "hybrid"},
            "a null pk_x": {"pk": key, "pk_x": None},
            "a null securityMode": {"pk": key, "securityMode": None},
            "a null pk_kem": {"pk": key, "pk_kem": None, "securityMode": "pqc-only"},
        }.items():
            server.judge(await server.handshake_bytes(dump_json(members)), note)


@case(
    "v3/versions/v1-request-in-a-v3-session",
    "V3-VER-02",
    "ISO-3005",
    needs=NEEDS,
    why="a session that was made in V3 would be read by the weaker rules of V1",
    cause="the version of a request is guessed from the request alone",
)
async def v1_request_in_a_v3_session(probe: ConfiguredProbe) -> None:
    """Under a session of V3 requests of V1 are refused, though the server offers V1 too."""
    for protocols in (ALL, ["v3"]):
        async with probe.server(protocols=protocols) as server:
            session = await server.session()
            for note, draft in requests(server, spoken(session, V1)).items():
                server.judge(await server.send(draft, session), f"offering {protocols}, {note}")
            await serves(server, session, "V3")


@case(
    "v3/versions/rekey-of-an-older-session",
    "V3-REKEY-12",
    ACCEPTED,
    needs=NEEDS,
    why="a client of V1 or V2 has no ratchet: its session would be lost",
    cause="the endpoint does not ask in which version the session was made",
)
async def rekey_of_an_older_session(probe: ConfiguredProbe) -> None:
    """For a session of V1 or V2 the path of the rekey is one of the application: sealed, and the keys stay."""
    async with probe.server(protocols=ALL) as server:
        for version in (V1, V2):
            session = await server.session(version=version)
            raw = await server.peer.exchange(session.draft("POST", REKEY_PATH, HELLO))
            server.need(not isinstance(raw, str), str(raw))
            assert not isinstance(raw, str)
            status, _, body = raw
            server.ensure(status == 404 and session.opens(body), f"{version.name}: {status}, {body[:40]!r}")
            server.judge(await server.echo(session), f"{version.name}: a request after it")


@case(
    "v3/versions/rotation-to-another",
    "V1-LIFE-04",
    ACCEPTED,
    needs=NEEDS,
    why="a client that was updated could not take its place",
    cause="the new session is made in the version of the old one",
)
async def rotation_to_another(probe: ConfiguredProbe) -> None:
    """A rotation makes a session in the version of its own handshake, and drops the old one, whatever that was."""
    async with probe.server(protocols=ALL) as server:
        for before, after in ((V1, V3), (V3, V1)):
            old = await server.session(version=before)
            begun = hello(after)
            reply = await server.peer.send(handshake_draft(begun.body, "/api/nen/rotate", old.sid))
            server.judge(reply, f"{before.name} to {after.name}")
            if reply.accepted:
                await serves(server, begun.finish(reply), f"{before.name} to {after.name}")
            gone = await server.echo(old)
            server.ensure(gone.code == "ISO-2002", f"the old session: {gone.describe()}")


@case(
    "v3/versions/ticket-makes-v3",
    "V3-VER-01",
    ACCEPTED,
    needs=NEEDS,
    why="a client that resumes would be answered in another version, or not at all",
    cause="a resumption has no key, and is refused as a handshake of V1",
)
async def ticket_makes_v3(probe: ConfiguredProbe) -> None:
    """Where V1 is offered too, a ticket resumes a session of V3, also beside a pk of V1."""
    async with probe.server(protocols=ALL) as server:
        ticket = ticket_of(server, await server.session())
        server.judge(await server.send(resume_draft(ticket, random_bytes(32))), "a resumption")
        members = {"resume": ticket.ticket, "rn": encode_base64(random_bytes(32)), "pk": encode_base64(hello(V1).ek)}
        reply = await server.handshake_bytes(dump_json(members))
        server.judge(reply, "beside a pk")
        resumed = isinstance(reply.value, dict) and reply.value.get("resumed") is True
        server.ensure(resumed and of_v3(reply), "beside a pk: not a resumption")
