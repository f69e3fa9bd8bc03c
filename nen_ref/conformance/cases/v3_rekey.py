"""Server cases of V3: the ratchet, POST /api/nen/rekey."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import anyio

from nen_ref.conformance.cases.lifecycle import status, terminate, valid
from nen_ref.conformance.harness.probe import ConfiguredProbe
from nen_ref.conformance.model import ACCEPTED
from nen_ref.conformance.peer import Answer, Draft, PeerSession, now_ms, resume_draft, resumed
from nen_ref.conformance.probe import HELLO, Probe, open_stream
from nen_ref.conformance.randomness import random_bytes
from nen_ref.conformance.registry import STREAM_ROUTE, case
from nen_ref.protocol.messages import NONCE_HEADER, REKEY_PATH, SESSION_HEADER, SIGNATURE_HEADER
from nen_ref.protocol.wire import encode_base64

START = ("server.start",)
ANYONE = "anyone who sees a session id could move its keys on, and lock its client out"
OLD_KEYS = "a rekey is there so that keys that were taken are of no use any more"
TWICE = "the two sides are a step apart, and understand each other never again"
REOPENED = "what was recorded before the rekey could be sent again after it"


def moved(probe: Probe, answer: Answer, note: str = "") -> None:
    """The answer to a rekey that passed."""
    probe.judge(answer, note)
    probe.ensure(answer.value == {"ok": True}, f"{note or 'the answer'}: {answer.value!r}"[:80])


@case(
    "v3/rekey/answer",
    "V3-REKEY-01",
    ACCEPTED,
    why="clients wait for exactly this answer, and make a new session otherwise",
    cause="the answer is sealed, or has another member",
)
async def answer(probe: Probe) -> None:
    """A rekey is answered 200, application/json, {"ok": true}, in plain."""
    session = await probe.session()
    reply = await probe.send(session.rekey_draft())
    moved(probe, reply)
    probe.ensure(reply.status == 200, f"status {reply.status}")
    kind = reply.headers.get("content-type", "absent").partition(";")[0].strip()
    probe.ensure(kind == "application/json", f"content-type {kind}")


@case(
    "v3/rekey/next-keys",
    "V3-REKEY-02",
    ACCEPTED,
    why=TWICE,
    cause="both keys come of one of them, or of the shared secret; or another label is used",
)
async def next_keys(probe: Probe) -> None:
    """After each of three rekeys requests and answers are under the next keys, and the session id is the same."""
    session = await probe.session()
    for i in range(3):
        session = await probe.rekey(session)
        probe.judge(await probe.echo(session, b"%d" % i), f"after rekey {i + 1}")
        probe.judge(await probe.echo(session, None, "GET"), f"after rekey {i + 1}, without a body")
    valid(probe, await status(probe, session.sid), True, "its status")


@case(
    "v3/rekey/stream-under-next-keys",
    "V3-REKEY-02",
    ACCEPTED,
    needs=(STREAM_ROUTE,),
    why=TWICE,
    cause="streams keep the keys of the handshake",
)
async def stream_under_next_keys(probe: Probe) -> None:
    """A stream that is asked for after a rekey is sealed under the next keys."""
    session = await probe.rekey(await probe.session())
    stream = await probe.stream(session, {"chunks": ["one", "two"]})
    probe.judge(stream.answer)
    probe.ensure(not stream.trouble and stream.text == "onetwo", stream.trouble or f"text {stream.text!r}")


@case(
    "v3/rekey/signed-under-old-keys",
    "V3-REKEY-03",
    "ISO-3002",
    why=OLD_KEYS,
    cause="the keys before are kept for a while, for requests that are late",
)
async def signed_under_old_keys(probe: Probe) -> None:
    """After a rekey a request under the keys before it is refused, with a body and without one."""
    old = await probe.session()
    late = probe.draft(old)
    new = await probe.rekey(old)
    probe.judge(await probe.send(late, old), "signed before the rekey")
    probe.judge(await probe.echo(old), "signed after it")
    probe.judge(await probe.echo(old, None, "GET"), "without a body")
    probe.accepted(await probe.echo(new), "under the next keys")
    newer = await probe.rekey(new)
    probe.judge(await probe.echo(old), "two rekeys back")
    probe.judge(await probe.echo(new), "one rekey back")
    probe.accepted(await probe.echo(newer), "under the keys after that")


@case(
    "v3/rekey/sealed-under-old-keys",
    "V3-REKEY-02",
    "ISO-4001",
    why=OLD_KEYS,
    cause="only the HMAC key moves on",
)
async def sealed_under_old_keys(probe: Probe) -> None:
    """After a rekey a payload sealed under the old key, signed under the new one, is refused."""
    old = await probe.session()
    new = await probe.rekey(old)
    probe.judge(await probe.send(probe.draft(new, envelope=probe.draft(old).envelope), new))


@case(
    "v3/rekey/old-hmac-key",
    "V3-REKEY-02",
    "ISO-3002",
    why=OLD_KEYS,
    cause="only the payload key moves on",
)
async def old_hmac_key(probe: Probe) -> None:
    """After a rekey a payload sealed under the new key, signed under the old one, is refused."""
    old = await probe.session()
    new = await probe.rekey(old)
    probe.judge(await probe.send(probe.draft(new, key=old.keys.mac), new), "under the old HMAC key")
    crossed = replace(new.keys, enc=new.keys.mac, mac=new.keys.enc)
    probe.judge(await probe.send(probe.draft(replace(new, keys=crossed)), new), "under each other's key")


def wrong_rekeys(session: PeerSession) -> dict[str, tuple[Draft, str]]:
    """Rekeys that have to be refused, with the code of each."""
    right = session.rekey_draft()
    return {
        "unsigned": (right.without(SIGNATURE_HEADER), "ISO-3001"),
        "wrongly signed": (right.with_header(SIGNATURE_HEADER, encode_base64(bytes(32))), "ISO-3002"),
        "signed for another path": (session.draft("POST", REKEY_PATH, None, signed={"path": "/api/echo"}), "ISO-3002"),
        "without a nonce": (right.without(NONCE_HEADER), "ISO-3005"),
        "stale": (session.draft("POST", REKEY_PATH, None, timestamp=now_ms() - 3_600_000), "ISO-3003"),
        "with plain JSON": (session.draft("POST", REKEY_PATH, body=b"{}"), "ISO-6001"),
    }


@case(
    "v3/rekey/verified",
    "V3-REKEY-01",
    "ISO-3001",
    also=("ISO-3002", "ISO-3003", "ISO-3005", "ISO-6001", "ISO-2002", "ISO-2003"),
    why=ANYONE,
    cause="the endpoint asks for the session id alone, as terminate does",
)
async def verified(probe: Probe) -> None:
    """A rekey is verified as any request: session, nonce, shape, signature and time."""
    session = await probe.session()
    wrong = wrong_rekeys(session)
    probe.judge(await probe.send(wrong.pop("unsigned")[0]), "unsigned")
    right = session.rekey_draft()
    wrong["unknown session"] = (right.with_header(SESSION_HEADER, "no-such-session"), "ISO-2002")
    wrong["no session"] = (right.without(SESSION_HEADER), "ISO-2003")
    for note, (draft, code) in wrong.items():
        reply = await probe.send(draft)
        probe.ensure(reply.code == code, f"{note}: {reply.describe()}, expected {code}")


@case(
    "v3/rekey/refused-changes-nothing",
    "V3-REKEY-03",
    ACCEPTED,
    why=ANYONE,
    cause="the keys are moved on before the request is verified",
)
async def refused_changes_nothing(probe: Probe) -> None:
    """After rekeys that were refused, of every kind, the keys are the same."""
    session = await probe.session()
    for note, (draft, _) in wrong_rekeys(session).items():
        probe.refused(await probe.send(draft), note)
        probe.judge(await probe.echo(session), f"a request after a rekey {note}")
    moved(probe, await probe.send(session.rekey_draft()), "a right rekey")
    probe.judge(await probe.echo(session.ratcheted()), "a request after it")


@case(
    "v3/rekey/again",
    "V3-REKEY-03",
    "ISO-3002",
    why="a recorded rekey, sent again, would move the keys on alone, and lock the client out",
    cause="the rekey is not verified under the keys of the moment",
)
async def again(probe: Probe) -> None:
    """A rekey that was answered is refused when it comes again, and the keys have moved on once."""
    session = await probe.session()
    draft = session.rekey_draft()
    first = await probe.send(draft)
    probe.need(first.accepted, f"the rekey: {first.describe()}")
    probe.judge(await probe.send(draft), "the same message")
    probe.judge(await probe.send(session.rekey_draft()), "another one under the old keys")
    probe.accepted(await probe.echo(session.ratcheted()), "a request under the next keys")


@case(
    "v3/rekey/nonces-kept",
    "V3-REKEY-04",
    "ISO-5001",
    why=REOPENED,
    cause="the session is stored anew, and its used nonces are forgotten",
)
async def nonces_kept(probe: Probe) -> None:
    """A nonce used before a rekey is used after it, and so is that of the rekey."""
    session = await probe.session()
    n, bare = random_bytes(12), random_bytes(12)
    probe.accepted(await probe.send(probe.draft(session, n=n), session), "a request")
    get = session.draft("GET", probe.target.echo, None, n=bare)
    probe.accepted(await probe.send(get, session), "a request without a body", "GET", None)
    draft = session.rekey_draft()
    reply = await probe.send(draft)
    probe.need(reply.accepted, f"the rekey: {reply.describe()}")
    new = session.ratcheted()
    for note, used in {"a request": n, "a request without a body": bare, "the rekey": draft.n}.items():
        probe.judge(await probe.send(probe.draft(new, n=used), new), f"the nonce of {note}")
    probe.accepted(await probe.echo(new), "a fresh nonce")


@case(
    "v3/rekey/simultaneous",
    "V3-REKEY-05",
    "ISO-3002",
    ACCEPTED,
    why=TWICE,
    cause="the keys are read, moved on and written in three steps, or written without a look at what is there",
)
async def simultaneous(probe: Probe) -> None:
    """Of eight rekeys under the same keys at the same moment one is answered, and the keys move on once."""
    session = await probe.session()
    for i in range(3):
        drafts = [session.rekey_draft() for _ in range(8)]
        replies = await asyncio.gather(*(probe.send(draft) for draft in drafts))
        for reply in replies:
            probe.judge(reply, f"round {i + 1}")
        passed = sum(reply.accepted for reply in replies)
        probe.need(passed == 1, f"round {i + 1}: {passed} of 8 rekeys were answered")
        session = session.ratcheted()
        probe.accepted(await probe.echo(session), f"round {i + 1}: a request under the next keys")


@case(
    "v3/rekey/beside-requests",
    "V3-REKEY-06",
    ACCEPTED,
    "ISO-3002",
    why="a client that rekeys would lose the answers that are under way",
    cause="the answer is sealed under the keys of the moment at which it is ready",
)
async def beside_requests(probe: Probe) -> None:
    """Requests that arrive beside a rekey are answered under the keys they came with, or refused as late."""
    session = await probe.session()
    requests = [probe.echo(session, b"%d" % i) for i in range(12)]
    half = [*requests[:6], probe.send(session.rekey_draft()), *requests[6:]]
    replies = await asyncio.gather(*half)
    rekey = replies.pop(6)
    probe.need(rekey.accepted, f"the rekey: {rekey.describe()}")
    for i, reply in enumerate(replies):
        probe.judge(reply, f"request {i}")
    probe.accepted(await probe.echo(session.ratcheted()), "a request under the next keys")


@case(
    "v3/rekey/running-stream",
    "V3-REKEY-06",
    ACCEPTED,
    needs=(*START, "failing_routes"),
    why="a client that rekeys would lose the streams that are under way",
    cause="each chunk is sealed under the keys of its moment",
)
async def running_stream(probe: ConfiguredProbe) -> None:
    """A stream that runs while its session rekeys is sealed to its end under the keys that it began with."""
    async with probe.server(failing_routes=True) as server:
        session = await server.session()
        late: list[PeerSession] = []

        async def meanwhile() -> None:
            await anyio.sleep(0.25)
            late.append(await server.rekey(session))

        async with anyio.create_task_group() as group:
            group.start_soon(meanwhile)
            raw = await server.peer.read(session.draft("GET", "/api/slow-stream", None))
        answer = Answer(raw.status, raw.headers, raw.body, ACCEPTED if raw.status == 200 else f"status {raw.status}")
        server.judge(answer)
        stream = open_stream(session, answer)
        server.ensure(not stream.trouble, stream.trouble or "complete")
        server.ensure(stream.chunks == (b"a", b"b"), f"{len(stream.chunks)} chunks under the old keys")
        server.accepted(await server.echo(late[0]), "a request under the next keys")


@case(
    "v3/rekey/with-a-body",
    "V3-REKEY-10",
    ACCEPTED,
    also=("ISO-4001", "ISO-4003"),
    why="a body that nobody opens is a body that anybody can put there",
    cause="the endpoint does not read its body, or refuses one",
)
async def with_a_body(probe: Probe) -> None:
    """A rekey with a sealed body passes; one whose body does not open, or to no JSON, is refused."""
    session = await probe.session()
    for payload, code in ((b"no json", "ISO-4003"), (None, "ISO-4001")):
        draft = session.draft("POST", REKEY_PATH, payload or HELLO)
        wrong = draft if payload else draft.with_members(ct=encode_base64(random_bytes(40)))
        reply = await probe.send(wrong)
        probe.ensure(reply.code == code, f"{payload!r}: {reply.describe()}, expected {code}")
    moved(probe, await probe.send(session.draft("POST", REKEY_PATH, HELLO)), "a sealed body")
    probe.accepted(await probe.echo(session.ratcheted()), "a request under the next keys")


@case(
    "v3/rekey/ticket-stays",
    "V3-REKEY-11",
    ACCEPTED,
    why="a client whose ticket went with a rekey makes a full handshake, and does not know why",
    cause="psk is moved on with the keys",
)
async def ticket_stays(probe: Probe) -> None:
    """A ticket is good after a rekey, and stands for the same psk."""
    session = await probe.session()
    await probe.rekey(session)
    probe.need(session.resumption is not None, "the handshake gave no ticket")
    assert session.resumption is not None
    rn = random_bytes(32)
    reply = await probe.send(resume_draft(session.resumption, rn))
    probe.judge(reply)
    again = resumed(session, rn, reply)
    if again is not None:
        probe.accepted(await probe.echo(again), "a request of the resumed session")


@case(
    "v3/rekey/other-session",
    "V1-LIFE-10",
    ACCEPTED,
    why="one client's rekey must not disturb another",
    cause="keys are moved on for all sessions of a client, or in a global",
)
async def other_session(probe: Probe) -> None:
    """A rekey of one session leaves another as it was."""
    first, second = await probe.session(), await probe.session()
    renewed = await probe.rekey(first)
    probe.judge(await probe.echo(second), "the other session")
    probe.accepted(await probe.echo(renewed), "its own session")


@case(
    "v3/rekey/life-not-prolonged",
    "V3-REKEY-04",
    "ISO-2002",
    needs=(*START, "session_life_ms"),
    why="a session that does not end can be used for ever by whoever finds its keys",
    cause="the session is stored anew, with a whole life",
)
async def life_not_prolonged(probe: ConfiguredProbe) -> None:
    """A session that rekeys again and again ends when it would have ended without."""
    life = 1.5
    async with probe.server(session_life_ms=int(life * 1000)) as server:
        session = await server.session()
        begin = time.monotonic()
        while time.monotonic() - begin < life * 0.6:
            session = await server.rekey(session)
            await anyio.sleep(0.2)
        server.accepted(await server.echo(session), "during its life")
        await anyio.sleep(max(0.0, begin + life + 0.3 - time.monotonic()))
        server.judge(await server.echo(session), "after its life")
        server.judge(await server.send(session.rekey_draft()), "a rekey after it")


@case(
    "v3/rekey/terminated",
    "V1-LIFE-03",
    "ISO-2002",
    why="a session that its client has ended would come to life again",
    cause="the new keys are written without a look whether the session is still there",
)
async def terminated(probe: Probe) -> None:
    """A rekey of a terminated session is refused, and it stays unknown."""
    session = await probe.session()
    await terminate(probe, session.sid)
    probe.judge(await probe.send(session.rekey_draft()), "the rekey")
    probe.judge(await probe.echo(session.ratcheted()), "under the next keys")
    valid(probe, await status(probe, session.sid), False, "its status")
