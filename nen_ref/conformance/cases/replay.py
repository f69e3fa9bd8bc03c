"""Replay: section 6 of the specification."""

from __future__ import annotations

import asyncio

from nen_ref.conformance.model import ACCEPTED
from nen_ref.conformance.peer import now_ms
from nen_ref.conformance.probe import Probe
from nen_ref.conformance.randomness import random_bytes
from nen_ref.conformance.registry import case
from nen_ref.protocol.messages import SIGNATURE_HEADER
from nen_ref.protocol.payload import seal
from nen_ref.protocol.wire import decode_base64, encode_base64

REPLAY = "who records one request can have it carried out again: a payment twice, a message twice"
BURN = "anyone who sees a nonce could use it up before its owner's request arrives"


@case("v1/replay/same-request-twice", "V1-REPLAY-01", "ISO-5001", why=REPLAY, cause="nonces are not remembered")
async def same_request_twice(probe: Probe) -> None:
    """The same signed request sent a second and a third time is refused."""
    session = await probe.session()
    draft = probe.draft(session)
    probe.accepted(await probe.send(draft, session), "the first time", body={"hello": "world"})
    probe.judge(await probe.send(draft, session), "the second time")
    probe.judge(await probe.send(draft, session), "the third time")


@case(
    "v1/replay/after-other-requests",
    "V1-REPLAY-01",
    "ISO-5001",
    why=REPLAY,
    cause="only the last nonce, or the last few, are remembered",
)
async def after_other_requests(probe: Probe) -> None:
    """A request replayed after a hundred and fifty others is refused."""
    session = await probe.session()
    draft = probe.draft(session, timestamp=now_ms() + 20_000)  # the others may take a while
    probe.accepted(await probe.send(draft, session), "the first time")
    for _ in range(150):
        probe.accepted(await probe.echo(session), "one of the others")
    probe.judge(await probe.send(draft, session), "the replay")


@case(
    "v1/replay/simultaneous",
    "V1-REPLAY-02",
    "ISO-5001",
    ACCEPTED,
    why="between the look-up and the recording of a nonce a second copy slips through",
    cause="the check and the recording of a nonce are two steps with an await, a lock or a network between them",
)
async def simultaneous(probe: Probe) -> None:
    """Of twenty copies of one signed request sent at the same moment exactly one passes."""
    session = await probe.session()
    for _ in range(3):
        draft = probe.draft(session)
        replies = await asyncio.gather(*(probe.send(draft, session) for _ in range(20)))
        for reply in replies:
            probe.judge(reply)
        passed = sum(reply.accepted for reply in replies)
        probe.ensure(passed == 1, f"{passed} of 20 copies passed")


@case(
    "v1/replay/nonce-with-new-timestamp",
    "V1-REPLAY-01",
    "ISO-5001",
    why="a nonce used twice under one key gives away the payloads and the Poly1305 key",
    cause="replays are recognised by the signature or by the whole request instead of by the nonce",
)
async def nonce_with_new_timestamp(probe: Probe) -> None:
    """A used nonce with another payload and timestamp, rightly signed, is refused."""
    session = await probe.session()
    n = random_bytes(12)
    probe.accepted(await probe.send(probe.draft(session, n=n), session), "the first request")
    reply = await probe.send(probe.draft(session, b'{"other":1}', n=n, timestamp=now_ms() + 5), session)
    probe.judge(reply, "another payload, timestamp and signature")


@case(
    "v1/replay/nonce-with-other-method",
    "V1-REPLAY-01",
    "ISO-5001",
    why=REPLAY,
    cause="nonces are remembered for each method or path apart",
)
async def nonce_with_other_method(probe: Probe) -> None:
    """A nonce used in a POST is used for PUT and for other paths too."""
    session = await probe.session()
    n = random_bytes(12)
    probe.accepted(await probe.send(probe.draft(session, n=n), session), "POST")
    probe.judge(await probe.send(session.draft("PUT", probe.target.echo, n=n), session), "PUT")
    if probe.target.stream:
        draft = session.draft("POST", probe.target.stream, b'{"chunks":["a"]}', n=n)
        probe.judge((await probe.send_stream(draft, session)).answer, "the stream route")


@case(
    "v1/replay/other-text-of-the-nonce",
    "V1-WIRE-02",
    "ISO-6002",
    "ISO-6001",
    "ISO-3002",
    "ISO-5001",
    why="a nonce with several texts is replayed under another text: the memory of used nonces is passed by",
    cause="the nonce is remembered as text and decoded leniently",
    only=("v1",),
)
async def other_text_of_the_nonce(probe: Probe) -> None:
    """A request replayed with another text for the same nonce, rightly signed, is refused."""
    session = await probe.session()
    draft = probe.draft(session)
    probe.accepted(await probe.send(draft, session), "the first time")
    text = draft.nonce_text
    for note, other in (
        ("line break", text + "\n"),
        ("space", " " + text),
        ("padding", text + "="),
        ("padding", text + "===="),
    ):
        again = probe.draft(session, envelope=draft.envelope, carried=other)
        probe.judge(await probe.send(again, session), note)


@case(
    "v1/replay/spent-by-failure-to-open",
    "V1-REPLAY-03",
    "ISO-5001",
    why="an attacker alters a recorded request until it opens; each try must cost the nonce",
    cause="the nonce is recorded only after the payload has opened",
)
async def spent_by_failure_to_open(probe: Probe) -> None:
    """A request that fails to open has used up its nonce."""
    session = await probe.session()
    draft = probe.draft(session)
    broken = draft.with_members(ct=encode_base64(random_bytes(40)))
    first = await probe.send(broken, session)
    probe.ensure(first.code == "ISO-4001", f"the altered request: {first.describe()}")
    probe.judge(await probe.send(draft, session), "the right request after it")


@case(
    "v1/replay/spent-by-payload-not-json",
    "V1-REPLAY-03",
    "ISO-5001",
    why=REPLAY,
    cause="the nonce is recorded only after the payload was parsed",
)
async def spent_by_payload_not_json(probe: Probe) -> None:
    """A request whose payload is no JSON has used up its nonce."""
    session = await probe.session()
    n = random_bytes(12)
    first = await probe.send(probe.draft(session, b"not json", n=n), session)
    probe.ensure(first.code == "ISO-4003", f"the first request: {first.describe()}")
    probe.judge(await probe.send(probe.draft(session, n=n), session), "the same nonce with a right payload")


@case(
    "v1/replay/not-spent-by-wrong-signature",
    "V1-REPLAY-04",
    ACCEPTED,
    why=BURN,
    cause="the nonce is recorded before the signature is checked",
)
async def not_spent_by_wrong_signature(probe: Probe) -> None:
    """A request with a wrong or missing signature has not used up its nonce."""
    session = await probe.session()
    draft = probe.draft(session)
    probe.refused(
        await probe.send(draft.with_header(SIGNATURE_HEADER, encode_base64(bytes(32))), session), "wrong signature"
    )
    probe.refused(await probe.send(draft.without(SIGNATURE_HEADER), session), "no signature")
    probe.judge(await probe.send(draft, session), "the right request after them")


@case(
    "v1/replay/not-spent-by-stale-timestamp",
    "V1-REPLAY-04",
    ACCEPTED,
    why=BURN,
    cause="the nonce is recorded before the window is checked",
)
async def not_spent_by_stale_timestamp(probe: Probe) -> None:
    """A request outside the window has not used up its nonce."""
    session = await probe.session()
    n = random_bytes(12)
    probe.refused(await probe.send(probe.draft(session, n=n, timestamp=now_ms() - 3_600_000), session), "stale")
    probe.judge(await probe.send(probe.draft(session, n=n), session), "the same nonce in time")


@case(
    "v1/replay/not-spent-by-malformed-body",
    "V1-REPLAY-04",
    ACCEPTED,
    why=BURN,
    cause="the nonce is recorded while the body is parsed",
)
async def not_spent_by_malformed_body(probe: Probe) -> None:
    """A request with a nonce but without ct has not used it up."""
    session = await probe.session()
    draft = probe.draft(session)
    probe.refused(await probe.send(draft.with_members(ct=None), session), "without ct")
    probe.judge(await probe.send(draft, session), "the right request after it")


@case(
    "v1/replay/other-session",
    "V1-REPLAY-05",
    ACCEPTED,
    why="nonces are random: a table shared by all sessions grows without end, and lets one client block another",
    cause="used nonces are kept for the whole server instead of for the session",
)
async def other_session(probe: Probe) -> None:
    """A nonce used in one session is new in another."""
    first, second = await probe.session(), await probe.session()
    n = random_bytes(12)
    probe.accepted(await probe.send(probe.draft(first, n=n), first), "the first session")
    probe.judge(await probe.send(probe.draft(second, n=n), second), "the second session")


@case(
    "v1/replay/oldest-of-the-window",
    "V1-REPLAY-06",
    "ISO-5001",
    why="a request dated ahead outlives a nonce that is remembered from its arrival on",
    cause="nonces are forgotten too early, or only remembered for requests dated in the past",
)
async def oldest_of_the_window(probe: Probe) -> None:
    """Requests dated 25 seconds ahead and 25 seconds back are remembered too."""
    session = await probe.session()
    for offset in (25_000, -25_000):
        draft = probe.draft(session, timestamp=now_ms() + offset)
        probe.accepted(await probe.send(draft, session), f"{offset / 1000:+.0f} s, the first time")
        probe.judge(await probe.send(draft, session), f"{offset / 1000:+.0f} s, the second time")


@case(
    "v1/replay/of-an-answer",
    "V1-AUTH-05",
    "ISO-3002",
    why="both directions share one key: an answer of the server would open as a request",
    cause="the signature is not checked over the nonce that opens the payload",
)
async def of_an_answer(probe: Probe) -> None:
    """An answer of the server, sent back to it under the signature of its request, is refused."""
    session = await probe.session()
    draft = probe.draft(session)
    reply = await probe.send(draft, session)
    probe.accepted(reply, "the request")
    if reply.envelope is not None:
        returned = draft.with_body(reply.body).with_nonce(reply.envelope.nonce_text)
        probe.judge(await probe.send(returned, session), "its answer, sent back")


@case(
    "v1/replay/key-not-changed-by-refusals",
    "V1-REPLAY-04",
    ACCEPTED,
    why="an attacker could end sessions by sending rubbish under their id",
    cause="a session is dropped after failed requests",
)
async def key_not_changed_by_refusals(probe: Probe) -> None:
    """A session survives thirty refused requests of every kind under its id."""
    session = await probe.session()
    for i in range(10):
        probe.refused(await probe.send(probe.draft(session, key=bytes(32)), session), "wrong signature")
        probe.refused(await probe.send(probe.draft(session, timestamp=i), session), "stale")
        envelope = seal(random_bytes(32), random_bytes(12), b"{}")
        probe.refused(await probe.send(probe.draft(session, envelope=envelope), session), "wrong key")
    probe.judge(await probe.echo(session), "a right request after them")


@case(
    "v1/replay/every-method",
    "V1-REPLAY-01",
    "ISO-5001",
    why=REPLAY,
    cause="the nonce is checked for POST only",
)
async def every_method(probe: Probe) -> None:
    """PUT, PATCH and DELETE with a body are refused the second time too."""
    session = await probe.session()
    for method in ("PUT", "PATCH", "DELETE"):
        draft = session.draft(method, probe.target.echo)
        probe.accepted(await probe.send(draft, session), f"{method}, the first time")
        probe.judge(await probe.send(draft, session), f"{method}, the second time")


@case(
    "v1/replay/similar-nonces",
    "V1-REPLAY-01",
    ACCEPTED,
    why="honest requests would be refused at random",
    cause="nonces are compared by a part of their bytes, or without regard to the case of their base64 text",
)
async def similar_nonces(probe: Probe) -> None:
    """Nonces that differ in one bit, or whose texts differ in case alone, are different nonces."""
    session = await probe.session()
    n = random_bytes(12)
    probe.accepted(await probe.send(probe.draft(session, n=n), session), "the first nonce")
    for position in range(12):
        other = n[:position] + bytes([n[position] ^ 0x80]) + n[position + 1 :]
        probe.accepted(await probe.send(probe.draft(session, n=other), session), f"byte {position} differs")
    for text in ("AbcdEfghIjklMnop", "aBCDeFGHiJKLmNOP", "ABCDEFGHIJKLMNOP"):
        reply = await probe.send(probe.draft(session, n=decode_base64(text)), session)
        probe.accepted(reply, f"the nonce {text}")


@case(
    "v1/replay/after-a-while",
    "V1-REPLAY-06",
    "ISO-5001",
    why="who waits until the nonce is forgotten can replay for the rest of the window",
    cause="nonces are kept for some seconds instead of for as long as their timestamps pass",
)
async def after_a_while(probe: Probe) -> None:
    """A request replayed six seconds later is refused, and its session still lives."""
    session = await probe.session()
    draft = probe.draft(session, timestamp=now_ms() + 20_000)
    first = await probe.send(draft, session)
    probe.accepted(first, "the first time")
    if not first.accepted:
        return
    await asyncio.sleep(6)
    probe.judge(await probe.send(draft, session), "six seconds later")
    probe.accepted(await probe.echo(session), "another request of the session")
