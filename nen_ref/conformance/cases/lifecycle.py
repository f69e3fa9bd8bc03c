"""Session lifecycle: section 9 of the specification."""

from __future__ import annotations

from nen_ref.conformance.cases.identity import identity, members
from nen_ref.conformance.model import ACCEPTED
from nen_ref.conformance.peer import Answer, Draft, PeerSession, handshake_draft
from nen_ref.conformance.probe import Probe
from nen_ref.conformance.registry import STREAM_ROUTE, case
from nen_ref.protocol.messages import ROTATE_PATH, SESSION_HEADER, STATUS_PATH, TERMINATE_PATH
from nen_ref.protocol.wire import Malformed, dump_json, encode_base64, parse_json_object

OUTLIVES = "a session that its client has ended can still be used by whoever holds its keys"
MIXED = "one client could read or speak for another"


async def status(probe: Probe, sid: str | None) -> Answer:
    return await probe.send(Draft("GET", STATUS_PATH, ((SESSION_HEADER, sid),) if sid is not None else ()))


async def terminate(probe: Probe, sid: str | None) -> Answer:
    return await probe.send(Draft("POST", TERMINATE_PATH, ((SESSION_HEADER, sid),) if sid is not None else ()))


async def rotate(probe: Probe, sid: str | None) -> PeerSession:
    started = probe.hello()
    answer = await probe.send(handshake_draft(started.body, ROTATE_PATH, sid))
    probe.need(answer.accepted, f"rotate: {answer.describe()}")
    return started.finish(answer)


def valid(probe: Probe, answer: Answer, expected: bool, note: str) -> None:
    """Record whether a status answer is the one expected, in status and body."""
    if answer.crashed:
        probe.judge(answer, note)
        return
    said = _member(answer.body, "valid")
    right = answer.status == (200 if expected else 401) and said is expected
    probe.ensure(right, f"{note}: status {answer.status}, valid: {said}")


def _member(body: bytes, name: str) -> object:
    try:
        return parse_json_object(body).get(name)
    except Malformed:
        return None


@case(
    "v1/lifecycle/status-of-live-session",
    "V1-LIFE-01",
    ACCEPTED,
    why="clients ask before they reuse a session",
    cause="the answer has another status or member",
)
async def status_of_live_session(probe: Probe) -> None:
    """The status of a live session is 200 {"valid": true}."""
    session = await probe.session()
    valid(probe, await status(probe, session.sid), True, "a live session")


@case(
    "v1/lifecycle/status-of-unknown-session",
    "V1-LIFE-01",
    "401",
    why="clients ask before they reuse a session",
    cause="the answer is 200 or 404",
)
async def status_of_unknown_session(probe: Probe) -> None:
    """The status of an unknown session is 401 {"valid": false}."""
    valid(probe, await status(probe, "00000000-0000-4000-8000-000000000000"), False, "an unknown session")
    valid(probe, await status(probe, "x" * 2000), False, "a long session id")


@case(
    "v1/lifecycle/status-without-session",
    "V1-LIFE-01",
    "401",
    why="an absent session is not a live one",
    cause="the missing header is answered as an error of another kind",
)
async def status_without_session(probe: Probe) -> None:
    """The status without X-Nen-Session is 401 {"valid": false}."""
    valid(probe, await status(probe, None), False, "no header")


@case(
    "v1/lifecycle/status-keeps-the-session",
    "V1-LIFE-01",
    ACCEPTED,
    why="asking must not change anything",
    cause="asking for the status uses up or renews the session",
)
async def status_keeps_the_session(probe: Probe) -> None:
    """Asking for the status leaves the session as it was."""
    session = await probe.session()
    for _ in range(3):
        valid(probe, await status(probe, session.sid), True, "status")
    probe.judge(await probe.echo(session))


@case(
    "v1/lifecycle/terminate",
    "V1-LIFE-02",
    ACCEPTED,
    why="clients wait for this answer",
    cause="the answer has another status or member",
)
async def terminate_live(probe: Probe) -> None:
    """Terminating a live session is answered 200 {"success": true}."""
    session = await probe.session()
    answer = await terminate(probe, session.sid)
    probe.judge(answer)
    probe.ensure(_member(answer.body, "success") is True, f"body {answer.body[:60]!r}")


@case(
    "v1/lifecycle/terminate-unknown",
    "V1-LIFE-02",
    ACCEPTED,
    why="an answer that differs would tell which session ids exist",
    cause="terminating an unknown session is an error",
)
async def terminate_unknown(probe: Probe) -> None:
    """Terminating an unknown session, twice, or without a header is answered 200 {"success": true} too."""
    session = await probe.session()
    sids = {
        "the first time": session.sid,
        "the second time": session.sid,
        "unknown": "no-such-session",
        "no header": None,
    }
    for note, sid in sids.items():
        answer = await terminate(probe, sid)
        probe.judge(answer, note)
        probe.ensure(_member(answer.body, "success") is True, f"{note}: body {answer.body[:60]!r}")


@case(
    "v1/lifecycle/terminated-request",
    "V1-LIFE-03",
    "ISO-2002",
    why=OUTLIVES,
    cause="terminate answers without dropping the session, or another cache still holds it",
)
async def terminated_request(probe: Probe) -> None:
    """A request under a terminated session is refused."""
    session = await probe.session()
    probe.accepted(await probe.echo(session), "before")
    await terminate(probe, session.sid)
    probe.judge(await probe.echo(session), "after, with a body")
    probe.judge(await probe.echo(session, None, "GET"), "after, without a body")


@case(
    "v1/lifecycle/terminated-status",
    "V1-LIFE-03",
    "401",
    why=OUTLIVES,
    cause="the status is answered from another place than requests",
)
async def terminated_status(probe: Probe) -> None:
    """The status of a terminated session is 401 {"valid": false}."""
    session = await probe.session()
    await terminate(probe, session.sid)
    valid(probe, await status(probe, session.sid), False, "after terminate")


@case(
    "v1/lifecycle/terminated-stream",
    "V1-LIFE-03",
    "ISO-2002",
    why=OUTLIVES,
    cause="the stream route keeps sessions of its own",
    needs=(STREAM_ROUTE,),
)
async def terminated_stream(probe: Probe) -> None:
    """A request for a stream under a terminated session is refused."""
    session = await probe.session()
    await terminate(probe, session.sid)
    probe.judge((await probe.stream(session, {"chunks": ["x"]})).answer)


@case(
    "v1/lifecycle/terminate-others-live",
    "V1-LIFE-10",
    ACCEPTED,
    why="one client's farewell must not end another's session",
    cause="all sessions of a client, an address or a key are dropped",
)
async def terminate_others_live(probe: Probe) -> None:
    """Terminating one session leaves another as it was."""
    first, second = await probe.session(), await probe.session()
    await terminate(probe, first.sid)
    probe.judge(await probe.echo(second))


@case(
    "v1/lifecycle/rotate",
    "V1-LIFE-04",
    ACCEPTED,
    why="clients renew their keys with it",
    cause="the answer is not that of a handshake",
)
async def rotate_live(probe: Probe) -> None:
    """Rotation is answered like a handshake, and the new session works."""
    session = await probe.session()
    renewed = await rotate(probe, session.sid)
    probe.ensure(
        renewed.sid != session.sid,
        "the session id stayed the same" if renewed.sid == session.sid else "a new session id",
    )
    probe.ensure(
        renewed.keys.enc != session.keys.enc,
        "the secret stayed the same" if renewed.keys.enc == session.keys.enc else "a new secret",
    )
    probe.ensure(
        renewed.keys.mac != session.keys.mac,
        "the HMAC key stayed the same" if renewed.keys.mac == session.keys.mac else "a new HMAC key",
    )
    probe.judge(await probe.echo(renewed))


@case(
    "v1/lifecycle/rotate-drops-the-old",
    "V1-LIFE-04",
    "ISO-2002",
    why=OUTLIVES,
    cause="rotation adds a session without dropping the old one",
)
async def rotate_drops_the_old(probe: Probe) -> None:
    """After rotation the old session is unknown, and another one lives."""
    session, other = await probe.session(), await probe.session()
    await rotate(probe, session.sid)
    probe.judge(await probe.echo(session), "the old session")
    probe.accepted(await probe.echo(other), "another session")
    valid(probe, await status(probe, session.sid), False, "its status")


@case(
    "v1/lifecycle/rotate-without-session",
    "V1-LIFE-04",
    ACCEPTED,
    "ISO-2003",
    why="the old session may have expired meanwhile: its client must be able to go on",
    cause="rotation of an unknown session fails",
    level="recommended",
)
async def rotate_without_session(probe: Probe) -> None:
    """Rotation of an unknown session makes a new one all the same; so does one without a session (or ISO-2003)."""
    probe.accepted(await probe.echo(await rotate(probe, "no-such-session")), "an unknown session")
    probe.judge(await probe.send(handshake_draft(probe.hello().body, ROTATE_PATH)), "no header")


@case(
    "v1/lifecycle/rotate-refused",
    "V1-HS-02",
    "ISO-1001",
    why="rotation is a handshake and has to check like one",
    cause="rotation has a handshake of its own with fewer checks",
)
async def rotate_refused(probe: Probe) -> None:
    """A rotation without a public key is refused."""
    session = await probe.session()
    probe.judge(await probe.send(handshake_draft(b"{}", ROTATE_PATH, session.sid)))


@case(
    "v1/lifecycle/rotate-key-check",
    "V1-HS-05",
    "ISO-1002",
    why="rotation is a handshake and has to check like one",
    cause="rotation has a handshake of its own with fewer checks",
)
async def rotate_key_check(probe: Probe) -> None:
    """A rotation with a key that fails the modulus check is refused."""
    session = await probe.session()
    body = probe.hello().with_key(encode_base64(b"\xff" * 1152 + bytes(32)))
    probe.judge(await probe.send(handshake_draft(body, ROTATE_PATH, session.sid)))


@case(
    "v1/lifecycle/signature-of-another-session",
    "V1-LIFE-10",
    "ISO-3002",
    why=MIXED,
    cause="all sessions share one HMAC key",
)
async def signature_of_another_session(probe: Probe) -> None:
    """A request under one session id, signed with the key of another session, is refused."""
    first, second = await probe.session(), await probe.session()
    probe.judge(await probe.send(probe.draft(first, key=second.keys.mac), first))


@case(
    "v1/lifecycle/payload-of-another-session",
    "V1-LIFE-10",
    "ISO-4001",
    why=MIXED,
    cause="all sessions share one secret",
)
async def payload_of_another_session(probe: Probe) -> None:
    """A payload sealed under the secret of another session, rightly signed, is refused."""
    first, second = await probe.session(), await probe.session()
    probe.judge(await probe.send(probe.draft(first, envelope=probe.draft(second).envelope), first))


@case(
    "v1/lifecycle/answer-of-its-own-session",
    "V1-LIFE-10",
    ACCEPTED,
    why=MIXED,
    cause="answers are sealed under the newest session of the server",
)
async def answer_of_its_own_session(probe: Probe) -> None:
    """Requests of three sessions in turn are each answered under their own keys."""
    sessions = [await probe.session() for _ in range(3)]
    for i in range(6):
        session = sessions[i % 3]
        probe.accepted(await probe.echo(session, b"%d" % i), f"session {i % 3}", body=i)


@case(
    "v1/lifecycle/many-sessions",
    "V1-LIFE-10",
    ACCEPTED,
    why="a few handshakes would end the sessions of everyone else",
    cause="the store holds a handful of sessions and drops the oldest",
)
async def many_sessions(probe: Probe) -> None:
    """A session lives on after a hundred further handshakes."""
    session = await probe.session()
    for _ in range(100):
        await probe.session()
    probe.judge(await probe.echo(session))


@case(
    "v1/lifecycle/rotate-identity",
    "V1-ID-01",
    "ISO-3004",
    why="an identity that is checked once and not at rotation can be exchanged at rotation",
    cause="rotation has a handshake of its own with fewer checks",
    only=("v1", "v2"),
)
async def rotate_identity(probe: Probe) -> None:
    """A rotation whose identity does not verify is refused."""
    session = await probe.session(identity())
    wrong = members(probe.hello().ek, message=b"something else")
    probe.judge(await probe.send(handshake_draft(dump_json(wrong), ROTATE_PATH, session.sid)))
