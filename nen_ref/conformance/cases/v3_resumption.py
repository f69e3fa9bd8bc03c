"""Server cases of V3: tickets, and the sessions that resume from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import anyio

from nen_ref.conformance.cases.lifecycle import status, terminate, valid
from nen_ref.conformance.cases.v3_handshake import sized
from nen_ref.conformance.harness.probe import ConfiguredProbe
from nen_ref.conformance.model import ACCEPTED
from nen_ref.conformance.peer import Answer, PeerSession, handshake_draft, resume_draft, resumed
from nen_ref.conformance.probe import Probe
from nen_ref.conformance.randomness import random_bytes
from nen_ref.conformance.registry import case
from nen_ref.protocol.handshake_v3 import Resumption, SecurityMode
from nen_ref.protocol.key_schedule import resume_secret
from nen_ref.protocol.messages import HANDSHAKE_PATH, ROTATE_PATH
from nen_ref.protocol.wire import Malformed, decode_base64, dump_json, encode_base64, parse_json_object

DECLINED = "declined"
SIZE = 32  # of rn and srn
OPENED = "whoever can make a ticket, or alter one, has sessions with the server in the name of its clients"
STATELESS = "a client that cannot resume makes a full handshake, and nobody notices why everything is slower"
KEYS = ("server.start", "ticket_keys")


def ticket_of(probe: Probe, session: PeerSession) -> Resumption:
    """What a session resumes from; the case ends without a ticket."""
    probe.need(session.resumption is not None, "the handshake gave no ticket")
    assert session.resumption is not None
    return session.resumption


async def resume(probe: Probe, session: PeerSession, path: str = HANDSHAKE_PATH, sid: str | None = None) -> Answer:
    """Ask to resume `session`, under a fresh rn."""
    return await probe.send(resume_draft(ticket_of(probe, session), random_bytes(SIZE), path, sid))


async def resumption(probe: Probe, session: PeerSession) -> PeerSession:
    """The session that resumes `session`; the case ends where none does."""
    rn = random_bytes(SIZE)
    reply = await probe.send(resume_draft(ticket_of(probe, session), rn))
    probe.need(reply.accepted, f"the resumption: {reply.describe()}")
    new = resumed(session, rn, reply)
    assert new is not None
    probe.sessions.append(new)
    return new


def declined(probe: Probe, reply: Answer, note: str) -> None:
    """The target declined: 409 {"resumed": false}, and no code."""
    if reply.crashed:
        probe.judge(reply, note)
        return
    try:
        said = parse_json_object(reply.body)
    except Malformed:
        said = {}
    right = reply.status == 409 and said.get("resumed") is False and reply.code is None
    probe.ensure(right, f"{note}: {reply.describe()}, resumed: {said.get('resumed')}")


def members_of(probe: Probe, reply: Answer) -> Mapping[str, Any]:
    probe.need(reply.accepted and isinstance(reply.value, dict), f"the resumption: {reply.describe()}")
    assert isinstance(reply.value, dict)
    return reply.value


@case(
    "v3/resumption/answer",
    "V3-TICKET-02",
    ACCEPTED,
    why=STATELESS,
    cause="a member is missing, named otherwise, or not base64 of the right length",
)
async def answer(probe: Probe) -> None:
    """A resumption is answered with sid, srn, ticket and resumed, under a fresh session id."""
    session = await probe.session()
    reply = await resume(probe, session)
    probe.judge(reply)
    members = members_of(probe, reply)
    sized(probe, members, {"srn": SIZE})
    probe.ensure(members.get("resumed") is True, f"resumed: {members.get('resumed')!r}")
    for name in ("sid", "ticket"):
        probe.ensure(isinstance(members.get(name), str) and bool(members[name]), f"{name}: {members.get(name)!r}"[:80])
    probe.ensure(members.get("sid") != session.sid, "the session id of the old session came again")
    kind = reply.headers.get("content-type", "absent").partition(";")[0].strip()
    probe.ensure(kind == "application/json", f"content-type {kind}")


@case(
    "v3/resumption/keys",
    "V3-TICKET-03",
    ACCEPTED,
    why="the two sides would hold different keys",
    cause="rn and srn are joined in the other order, or the keys of the old session are taken on",
)
async def keys(probe: Probe) -> None:
    """The keys of a resumed session come of psk, rn and srn; the old session lives on under its own."""
    for mode in SecurityMode:
        session = await probe.session(mode=mode)
        new = await resumption(probe, session)
        probe.judge(await probe.echo(new), f"{mode.value}: a request")
        probe.judge(await probe.echo(new, None, "GET"), f"{mode.value}: a request without a body")
        probe.accepted(await probe.echo(session), f"{mode.value}: the old session")


@case(
    "v3/resumption/old-keys",
    "V3-TICKET-03",
    "ISO-3002",
    why="one key for two sessions is one set of nonces for two, and neither server nor client keeps it so",
    cause="the keys of the old session, or psk itself, are taken for the new one",
)
async def old_keys(probe: Probe) -> None:
    """A request of a resumed session signed under the key of the old one, under psk or under ss is refused."""
    session = await probe.session()
    rn = random_bytes(SIZE)
    ticket = ticket_of(probe, session)
    reply = await probe.send(resume_draft(ticket, rn))
    srn = decode_base64(members_of(probe, reply)["srn"])
    new = resumed(session, rn, reply)
    assert new is not None
    wrong = {"the old key": session.keys.mac, "psk": ticket.psk, "ss": resume_secret(ticket.psk, rn, srn)}
    for note, key in wrong.items():
        probe.judge(await probe.send(probe.draft(new, key=key), new), f"under {note}")
    probe.accepted(await probe.echo(new), "under its own key")


@case(
    "v3/resumption/again-and-again",
    "V3-TICKET-04",
    ACCEPTED,
    why="a client could resume once and no more",
    cause="the new ticket stands for another psk, which the client does not have",
)
async def again_and_again(probe: Probe) -> None:
    """The ticket of a resumed session resumes again, from the same psk, three times in a row."""
    session = await probe.session()
    for i in range(3):
        session = await resumption(probe, session)
        probe.judge(await probe.echo(session), f"after resumption {i + 1}")


@case(
    "v3/resumption/repeated",
    "V3-TICKET-02",
    ACCEPTED,
    why="who sends a recorded resumption again would share the keys of its session, or end it",
    cause="sid and srn are derived from the ticket or from rn",
)
async def repeated(probe: Probe) -> None:
    """The same message, eight times, makes eight sessions with session ids, srn and tickets of their own."""
    session = await probe.session()
    rn = random_bytes(SIZE)
    draft = resume_draft(ticket_of(probe, session), rn)
    replies = [await probe.send(draft) for _ in range(8)]
    for reply in replies:
        probe.judge(reply)
    for name in ("sid", "srn", "ticket"):
        texts = {str(members_of(probe, reply).get(name)) for reply in replies}
        probe.ensure(len(texts) == 8, f"{len(texts)} values of {name} in 8 resumptions")
    first = resumed(session, rn, replies[0])
    assert first is not None
    probe.accepted(await probe.echo(first), "the first of them")


def altered(ticket: str) -> dict[str, str]:
    """Texts that are nearly a ticket, whatever form the target gives to its own."""
    middle = len(ticket) // 2
    found = {
        "cut by one character": ticket[:-1],
        "cut in half": ticket[:middle],
        "without its first character": ticket[1:],
        "doubled": ticket + ticket,
        "lengthened": ticket + "A",
        "its two halves exchanged": ticket[middle:] + ticket[:middle],
    }
    for place in (0, 1, 7, middle, middle + 9, len(ticket) - 12):
        other = "A" if ticket[place] != "A" else "B"
        found[f"character {place} changed"] = ticket[:place] + other + ticket[place + 1 :]
    return found


@case(
    "v3/resumption/altered",
    "V3-TICKET-05",
    DECLINED,
    why=OPENED,
    cause="the ticket is decoded, and not opened; or only a part of it is authentic",
)
async def ticket_altered(probe: Probe) -> None:
    """A ticket that was altered, cut or lengthened in any of twelve ways is declined with 409 {"resumed": false}."""
    session = await probe.session()
    ticket = ticket_of(probe, session)
    for note, text in altered(ticket.ticket).items():
        reply = await probe.send(resume_draft(Resumption(text, ticket.psk), random_bytes(SIZE)))
        declined(probe, reply, note)
    probe.accepted(await probe.echo(await resumption(probe, session)), "the right ticket after them")


@case(
    "v3/resumption/no-ticket",
    "V3-TICKET-05",
    DECLINED,
    why="the client makes a full handshake on a 409 and on nothing else; a server error leaves it without a session",
    cause="the exception of a decoder or of the cipher escapes",
)
async def no_ticket(probe: Probe) -> None:
    """Texts that are no ticket at all are declined with 409 {"resumed": false}."""
    texts = (
        "x",
        ".",
        "..",
        "!!!!.!!!!",
        "AAAA.AAAA",
        "A" * 16 + "." + "A" * 120,
        "null",
        "\u00e9\u00e9.\u00e9",
        "a" * 9000,
    )
    for text in texts:
        reply = await probe.send(resume_draft(Resumption(text, bytes(32)), random_bytes(SIZE)))
        declined(probe, reply, f"{text[:12]!r}, {len(text)} characters")


@case(
    "v3/resumption/ticket-mistyped",
    "V3-TICKET-06",
    DECLINED,
    why="an odd value must not become a server error, nor a handshake of another kind",
    cause="the value is split or decoded without a look at its type, or an empty one counts as absent",
)
async def ticket_mistyped(probe: Probe) -> None:
    """A resume that is empty, null, a number, a truth value, a list or an object is declined."""
    for value in ("", None, 0, 7, True, False, [], {}, ["a.b"], {"ticket": "a.b"}):
        body = dump_json({"resume": value, "rn": encode_base64(random_bytes(SIZE))})
        declined(probe, await probe.handshake_bytes(body), f"resume: {value!r}")


@case(
    "v3/resumption/key-beside",
    "V3-TICKET-14",
    ACCEPTED,
    why="of two readings of one message the two sides could take another one each",
    cause="a handshake with pk_kem is a full one, whatever else it has",
)
async def key_beside(probe: Probe) -> None:
    """A handshake with resume and a whole pk_kem beside it, right or wrong, is a resumption."""
    session = await probe.session()
    ticket = ticket_of(probe, session)
    beside: dict[str, dict[str, object]] = {
        "a whole handshake": probe.hello().members,
        "a garbled key": {"pk_kem": "!!!!", "pk_x": 7},
        "a mode": {"securityMode": "pqc-only"},
    }
    for note, members in beside.items():
        rn = random_bytes(SIZE)
        body = dump_json(members | {"resume": ticket.ticket, "rn": encode_base64(rn)})
        reply = await probe.peer.send(handshake_draft(body))
        probe.judge(reply, note)
        probe.ensure(members_of(probe, reply).get("resumed") is True, f"{note}: not a resumption")
        new = resumed(session, rn, reply)
        assert new is not None
        probe.accepted(await probe.echo(new), f"{note}: a request of the resumed session")


@case(
    "v3/resumption/rn-wrong",
    "V3-TICKET-13",
    "ISO-1001",
    "ISO-1002",
    "ISO-6001",
    "ISO-6002",
    DECLINED,
    why="without the client's part the keys of a resumed session are the server's choice, or come again",
    cause="a missing rn is taken for empty, or one of any length is taken",
)
async def rn_wrong(probe: Probe) -> None:
    """An rn that is absent, mistyped, garbled or of another length than 32 bytes is refused."""
    ticket = ticket_of(probe, await probe.session()).ticket
    values: dict[str, object] = {
        "absent": ...,
        "null": None,
        "a number": 7,
        "a list of numbers": list(random_bytes(SIZE)),
        "empty": "",
        "garbled": "!!!!",
        "hex": random_bytes(SIZE).hex() + "!",
        "unpadded": encode_base64(random_bytes(SIZE)).rstrip("="),
        "31 bytes": encode_base64(random_bytes(31)),
        "33 bytes": encode_base64(random_bytes(33)),
        "one byte": encode_base64(b"\x01"),
    }
    for note, value in values.items():
        members = {"resume": ticket} if value is ... else {"resume": ticket, "rn": value}
        reply = await probe.handshake_bytes(dump_json(members))
        if reply.status == 409:
            declined(probe, reply, note)
        else:
            probe.judge(reply, note)


@case(
    "v3/resumption/at-rotate",
    "V3-TICKET-15",
    "ISO-2002",
    why="the session that a client has given up can still be used by whoever holds its keys",
    cause="rotation drops the old session for full handshakes only",
)
async def at_rotate(probe: Probe) -> None:
    """A resumption at the rotate endpoint drops the session of X-Nen-Session; a declined one drops nothing."""
    first, old = await probe.session(), await probe.session()
    wrong = Resumption("no ticket", bytes(32))
    reply = await probe.send(resume_draft(wrong, random_bytes(SIZE), ROTATE_PATH, old.sid))
    declined(probe, reply, "no ticket")
    probe.accepted(await probe.echo(old), "the old session after a declined resumption")
    rn = random_bytes(SIZE)
    reply = await probe.send(resume_draft(ticket_of(probe, first), rn, ROTATE_PATH, old.sid))
    probe.need(reply.accepted, f"the resumption: {reply.describe()}")
    new = resumed(first, rn, reply)
    assert new is not None
    probe.accepted(await probe.echo(new), "the new session")
    probe.judge(await probe.echo(old), "the old session")
    probe.accepted(await probe.echo(first), "the session that the ticket is of")


@case(
    "v3/resumption/outlives-the-session",
    "V3-LIFE-02",
    ACCEPTED,
    why="a server that stores nothing for a ticket has nothing to take back: a client goes by that",
    cause="tickets are kept in a table with the sessions",
)
async def outlives_the_session(probe: Probe) -> None:
    """A ticket is good after its session was terminated, and after it was rotated."""
    session = await probe.session()
    await terminate(probe, session.sid)
    valid(probe, await status(probe, session.sid), False, "the terminated session")
    reply = await resume(probe, session)
    probe.judge(reply, "after terminate")
    other = await probe.session()
    rotated = await probe.send(handshake_draft(probe.hello().body, ROTATE_PATH, other.sid))
    probe.need(rotated.accepted, f"rotate: {rotated.describe()}")
    probe.judge(await resume(probe, other), "after rotate")


@case(
    "v3/resumption/nothing-secret-sent",
    "V3-HS-10",
    ACCEPTED,
    why="who reads the answer, wherever TLS ends, could read or sign everything",
    cause="psk or a key is sent along, for clients that have lost theirs",
)
async def nothing_secret_sent(probe: Probe) -> None:
    """Neither body nor headers of the answer to a resumption have an hmac, psk or a key."""
    session = await probe.session()
    ticket, rn = ticket_of(probe, session), random_bytes(SIZE)
    reply = await probe.send(resume_draft(ticket, rn))
    probe.judge(reply)
    probe.ensure("hmac" not in members_of(probe, reply), "hmac stands in the answer")
    new = resumed(session, rn, reply)
    assert new is not None
    everything = reply.body.decode("utf-8", "replace") + " ".join(reply.headers.values())
    secrets = {"psk": ticket.psk, "k_enc": new.keys.enc, "k_mac": new.keys.mac}
    for name, secret in secrets.items():
        found = secret.hex() in everything or encode_base64(secret).rstrip("=") in everything
        probe.ensure(not found, f"{name} {'stands' if found else 'does not stand'} in the answer")


@case(
    "v3/resumption/ticket-sealed",
    "V3-TICKET-01",
    ACCEPTED,
    why="who reads the answer to a handshake could resume the session of another, and read it",
    cause="the ticket is signed or encoded, and not sealed",
)
async def ticket_sealed(probe: Probe) -> None:
    """psk and the keys of the session cannot be read in the ticket, which is another text each time."""
    session = await probe.session()
    ticket = ticket_of(probe, session)
    secrets = {"psk": ticket.psk, "k_enc": session.keys.enc, "k_mac": session.keys.mac}
    for name, secret in secrets.items():
        forms = (secret, secret.hex().encode(), encode_base64(secret).rstrip("=").encode())
        readable = [ticket.ticket.encode(), *map(_decoded, (ticket.ticket, *ticket.ticket.split(".")))]
        found = any(form in text for form in forms for text in readable)
        probe.ensure(not found, f"{name} {'stands' if found else 'cannot be read'} in the ticket")
    replies = [await resume(probe, session) for _ in range(4)]
    for reply in replies:
        probe.judge(reply)
    texts = {ticket.ticket, *(str(members_of(probe, reply).get("ticket")) for reply in replies)}
    probe.ensure(len(texts) == 5, f"{len(texts)} tickets for one psk, of 5")


def _decoded(text: str) -> bytes:
    try:
        return decode_base64(text)
    except Malformed:
        return b""


# Ticket keys


@case(
    "v3/resumption/other-node",
    "V3-TICKET-10",
    ACCEPTED,
    needs=KEYS,
    why="behind a load balancer every second resumption would fail",
    cause="each process draws a ticket key of its own, whatever is configured",
)
async def other_node(probe: ConfiguredProbe) -> None:
    """A ticket of one node opens on another that shares its ticket key."""
    shared = random_bytes(SIZE)
    async with probe.server(ticket_keys=[shared]) as one, probe.server(ticket_keys=[shared]) as other:
        session = await one.session()
        rn = random_bytes(SIZE)
        reply = await other.send(resume_draft(ticket_of(one, session), rn))
        other.judge(reply)
        new = resumed(session, rn, reply)
        other.need(new is not None, "the other node declined")
        assert new is not None
        other.accepted(await other.echo(new), "a request on the other node")


@case(
    "v3/resumption/other-key",
    "V3-TICKET-05",
    DECLINED,
    needs=KEYS,
    why=OPENED,
    cause="all servers of an implementation have one ticket key, or none is asked for",
)
async def other_key(probe: ConfiguredProbe) -> None:
    """A ticket that was sealed under another ticket key is declined."""
    async with (
        probe.server(ticket_keys=[random_bytes(SIZE)]) as one,
        probe.server(ticket_keys=[random_bytes(SIZE)]) as other,
    ):
        session = await one.session()
        declined(other, await resume(other, session), "another ticket key")
        one.accepted(await resume(one, session), "its own server")


@case(
    "v3/resumption/key-rotation",
    "V3-TICKET-11",
    ACCEPTED,
    needs=KEYS,
    why="a rotation of the ticket key would end all tickets, or seal new ones under a key that is given up",
    cause="only the current key opens, or the last key of the list seals",
)
async def key_rotation(probe: ConfiguredProbe) -> None:
    """A ticket of a previous key opens, and what is sealed anew is sealed under the current one."""
    old, new = random_bytes(SIZE), random_bytes(SIZE)
    async with probe.server(ticket_keys=[old]) as before:
        session = await before.session()
    async with probe.server(ticket_keys=[new, random_bytes(SIZE), old]) as during:
        during.judge(await resume(during, session), "a ticket of a previous key")
        again = await resumption(during, session)
        fresh = await during.session()
    async with probe.server(ticket_keys=[new]) as after:
        after.judge(await resume(after, again), "the ticket of a resumption during the rotation")
        after.judge(await resume(after, fresh), "the ticket of a handshake during the rotation")
        declined(after, await resume(after, session), "the old ticket, once its key is gone")


@case(
    "v3/resumption/expired",
    "V3-TICKET-05",
    DECLINED,
    needs=("server.start", "ticket_life_ms"),
    why="a ticket that does not expire is a key that does not: who finds it has sessions for ever",
    cause="the time of expiry is sealed, and nobody looks at it",
)
async def expired(probe: ConfiguredProbe) -> None:
    """A ticket is good during its life and declined after it; a resumption begins the life of the new one only."""
    life = 1200
    async with probe.server(ticket_life_ms=life) as server:
        session = await server.session()
        server.accepted(await resume(server, session), "during its life")
        await anyio.sleep(life / 2000)
        later = await resumption(server, session)
        await anyio.sleep(life / 2000 + 0.3)
        declined(server, await resume(server, session), "after its life")
        server.accepted(await server.echo(session), "the session itself")
        server.accepted(await server.echo(later), "the resumed session")
