"""Client cases of V3: rekey, resumption, and what terminate leaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from nen_ref.conformance.cases.client_handshake import HANDSHAKE, REQUEST, altered, members, sends_a_right_request
from nen_ref.conformance.cases.client_response import ANSWER
from nen_ref.conformance.cases.v3_client import DOWNGRADE, OTHER_KEYS, hellos, octets, resumes
from nen_ref.conformance.client_probe import Client, ClientProbe
from nen_ref.conformance.model import ACCEPTED, REFUSED
from nen_ref.conformance.randomness import random_bytes
from nen_ref.conformance.registry import case
from nen_ref.conformance.scripted import Response, Script, Seen, as_it_should, error_response, json_response
from nen_ref.protocol.errors import CATALOGUE
from nen_ref.protocol.messages import HANDSHAKE_PATH, JSON_TYPE, ROTATE_PATH, SESSION_HEADER
from nen_ref.protocol.tickets import TicketKeys
from nen_ref.protocol.wire import encode_base64

REKEY = (*REQUEST, "client.rekey")
RESUME = (*REQUEST, "client.resume")
LOST_STEP = "one side has moved on and the other has not: nothing of the session works any more, and nobody knows why"
SLOWER = "every new session costs public-key work, or fails where a full handshake would have worked"
LINKED = "whoever sees both knows that they are of one client; and one rn with one srn gives the same keys again"


async def rekeyed(probe: ClientProbe, client: Client, note: str = "rekey") -> None:
    """A rekey that goes well; the case ends here otherwise."""
    reply = await client.rekey()
    probe.need(reply.ok, f"{note}: {reply.describe()}")


def asking(probe: ClientProbe) -> list[dict[str, Any]]:
    """The bodies of the client's resumptions."""
    return [hello for hello in hellos(probe) if "resume" in hello]


def rotations(probe: ClientProbe) -> list[Seen]:
    return [seen for seen in probe.server.handshakes if seen.path == ROTATE_PATH]


# Rekey


@case(
    "v3/client-lifecycle/rekey",
    "V3-REKEY-01",
    ACCEPTED,
    needs=REKEY,
    why="a server refuses any other request for the next keys",
    cause="the request is not signed, has a body, or carries the keys",
)
async def rekey(probe: ClientProbe) -> None:
    """A rekey is a POST without a body, signed, with a nonce, under the session; no handshake is made."""
    client = await probe.established()
    sid = next(iter(probe.server.sessions))
    probe.judge(await client.rekey())
    probe.count("rekeys", len(probe.server.rekeys), 1)
    probe.right_requests("the rekey", probe.server.rekeys)
    for seen in probe.server.rekeys:
        probe.ensure(not seen.body, f"a body of {len(seen.body)} bytes")
        probe.ensure(seen.headers.get(SESSION_HEADER) == sid, "under another session")
    probe.count("handshakes", len(probe.server.handshakes), 1)


@case(
    "v3/client-lifecycle/rekey-moves-both-keys",
    "V3-REKEY-02",
    ACCEPTED,
    needs=(*REKEY, "client.stream"),
    why=LOST_STEP,
    cause="one of the two keys stays, both come of one, or the label is another",
)
async def rekey_moves_both_keys(probe: ClientProbe) -> None:
    """After one rekey and after two more, requests, answers and streams are under the next keys of the same session."""
    client = await probe.established()
    await sends_a_right_request(probe, client, "before")
    for turn in range(3):
        probe.judge(await client.rekey(), f"rekey {turn}")
        await sends_a_right_request(probe, client, f"after rekey {turn}")
        probe.gave(await client.request("GET"), "GET", payload={"method": "GET", "body": None})
        probe.gave(await client.chunks("a", "b"), "a stream", text="ab")
    probe.right_requests("all of them")
    probe.count("sessions", len({seen.headers.get(SESSION_HEADER) for seen in probe.server.requests}), 1)
    probe.count("handshakes", len(probe.server.handshakes), 1)


@case(
    "v3/client-lifecycle/old-keys-after-a-rekey",
    "V3-REKEY-02",
    "ISO-4001",
    needs=REKEY,
    why="who took the keys before would still be believed afterwards",
    cause="old keys are kept, and tried where the new ones do not open",
)
async def old_keys_after_a_rekey(probe: ClientProbe) -> None:
    """After a rekey an answer under the keys before it is ISO-4001."""
    client = await probe.established()
    for turn in range(2):
        old = next(iter(probe.server.sessions.values()))
        await rekeyed(probe, client, f"rekey {turn}")
        probe.server.on_request = lambda seen, old=old: replace(seen, session=old).sealed(ANSWER)
        probe.judge(await client.echo("x"), f"after rekey {turn}")
        probe.server.on_request = as_it_should
        await sends_a_right_request(probe, client, "a right answer afterwards")


@case(
    "v3/client-lifecycle/answer-before-a-rekey-again",
    "V1-RES-04",
    "ISO-4001",
    needs=REKEY,
    why="a rekey would open the way for everything that was recorded before it",
    cause="the nonces go with the keys, and the old keys are tried",
)
async def answer_before_a_rekey_again(probe: ClientProbe) -> None:
    """An answer that came before a rekey is ISO-4001 after it."""
    client = await probe.established()
    kept: list[Response] = []

    def keep(seen: Seen) -> Response:
        kept.append(seen.sealed(ANSWER))
        return kept[-1]

    probe.server.on_request = keep
    probe.gave(await client.echo("x"), "before", payload=ANSWER)
    await rekeyed(probe, client)
    probe.server.on_request = lambda seen: kept[0]
    probe.judge(await client.echo("x"), "the same once more")


@case(
    "v3/client-lifecycle/refused-rekey",
    "V3-REKEY-07",
    ACCEPTED,
    needs=REKEY,
    why=LOST_STEP,
    cause="a refusal is handed to the caller, and the session goes on as it was; or the rekey is sent again",
)
async def refused_rekey(probe: ClientProbe) -> None:
    """A rekey that is refused is followed by one rotation of the session, and what comes then is under the new one."""
    for code in ("ISO-3002", "ISO-5001", "ISO-2002", "ISO-9000"):
        probe.server.on_rekey = as_it_should
        client = await probe.established()
        await _rotates(probe, client, code, lambda seen, code=code: error_response(CATALOGUE[code]))


async def _rotates(probe: ClientProbe, client: Client, note: str, script: Script) -> None:
    """The client rotates after a rekey that is answered so, once, and goes on under the new session."""
    sid = list(probe.server.sessions)[-1]
    rotated, asked = len(rotations(probe)), len(probe.server.rekeys)
    probe.server.on_rekey = script
    probe.judge(await client.rekey(), note)
    probe.server.on_rekey = as_it_should
    probe.count(f"rotations: {note}", len(rotations(probe)) - rotated, 1)
    probe.count(f"rekeys: {note}", len(probe.server.rekeys) - asked, range(1, 3))
    if len(rotations(probe)) > rotated:
        named = rotations(probe)[-1].headers.get(SESSION_HEADER)
        probe.ensure(named == sid, f"{note}: the rotation names another session")
    await sends_a_right_request(probe, client, f"{note}: a request afterwards")
    used = probe.last_request(note).headers.get(SESSION_HEADER)
    probe.ensure(used != sid, f"{note}: the old session is used")


@case(
    "v3/client-lifecycle/rekey-answered-otherwise",
    "V3-REKEY-08",
    ACCEPTED,
    needs=REKEY,
    why=LOST_STEP,
    cause="any 2xx moves the keys on, or the answer is searched for a text",
)
async def rekey_answered_otherwise(probe: ClientProbe) -> None:
    """After any other answer than a 200 with {"ok": true} the client rotates."""
    answers = {
        "ok false": json_response({"ok": False}),
        "no ok": json_response({}),
        "ok as a text": json_response({"ok": "true"}),
        "ok as a number": json_response({"ok": 1}),
        "ok in a list": json_response([{"ok": True}]),
        "ok in a text": json_response({"note": '"ok":true'}),
        "ok inside": json_response({"ok": False, "inner": {"ok": True}}),
        "ok named twice": json_response(b'{"ok":false,"ok":true}'),
        "a page": Response(200, (("content-type", "text/html"),), (b"<p>ok</p>",)),
        "empty": json_response(b""),
        "202": json_response({"ok": True}, 202),
        "204": Response(204),
        "302": Response(302, (("location", "/api/nen/rekey"),)),
        "404": Response(404),
    }
    for note, answer in answers.items():
        client = await probe.established()
        await _rotates(probe, client, note, lambda seen, answer=answer: answer)


@case(
    "v3/client-lifecycle/rekey-and-no-answer",
    "V3-REKEY-08",
    ACCEPTED,
    needs=REKEY,
    why=LOST_STEP,
    cause="a connection that breaks leaves the session as it was",
)
async def rekey_and_no_answer(probe: ClientProbe) -> None:
    """Where the answer to a rekey breaks off, the client rotates, whether the server has moved on or not."""
    cut = Response(200, (("content-type", JSON_TYPE),), (b'{"o',), "cut")

    def moved_on(seen: Seen) -> Response:
        probe.server.rekey(seen)
        return cut

    for note, script in {"not moved on": lambda seen: cut, "moved on": moved_on}.items():
        client = await probe.established()
        await _rotates(probe, client, note, script)


@case(
    "v3/client-lifecycle/rekey-with-further-members",
    "V1-WIRE-04",
    ACCEPTED,
    needs=REKEY,
    why="a server that adds a member would be rotated at every rekey",
    cause="the answer is compared as a text",
)
async def rekey_with_further_members(probe: ClientProbe) -> None:
    """{"ok": true} with white space, further members and a charset is one too: the keys move on, and nothing is rotated."""
    client = await probe.established()

    def script(seen: Seen) -> Response:
        probe.server.rekey(seen)
        said = b'\n{ "generation" : 2, "ok" : true, "keys":[] }\n'
        return json_response(said).with_header("content-type", "application/json; charset=utf-8")

    probe.server.on_rekey = script
    probe.judge(await client.rekey())
    await sends_a_right_request(probe, client, "afterwards")
    probe.count("rotations", len(rotations(probe)), 0)


@case(
    "v3/client-lifecycle/rekey-of-a-lost-session",
    "V3-REKEY-07",
    ACCEPTED,
    needs=REKEY,
    why="a server that restarts would stop its clients for ever",
    cause="the 401 of a rekey is an error to the caller",
)
async def rekey_of_a_lost_session(probe: ClientProbe) -> None:
    """A rekey of a session that the server has lost leads to a new session, by one handshake or rotation."""
    client = await probe.established()
    probe.server.forget_sessions()
    probe.judge(await client.rekey())
    await sends_a_right_request(probe, client, "afterwards")
    probe.count("handshakes and rotations", len(probe.server.handshakes), 2)


@case(
    "v3/client-lifecycle/ticket-after-a-rekey",
    "V3-REKEY-11",
    ACCEPTED,
    needs=(*REKEY, "client.resume"),
    why=SLOWER,
    cause="psk moves on with the keys, or the ticket is dropped",
)
async def ticket_after_a_rekey(probe: ClientProbe) -> None:
    """After two rekeys the ticket of the handshake still resumes, and the new session works."""
    client = await probe.established()
    ticket = _ticket_given(probe, 0)
    for turn in range(2):
        await rekeyed(probe, client, f"rekey {turn}")
    reply = await client.resume()
    probe.judge(reply)
    probe.gave(reply, "resume", resumed=True)
    await sends_a_right_request(probe, client, "under the resumed session")
    probe.ensure([hello["resume"] for hello in asking(probe)] == [ticket], "another ticket than was given")


def _ticket_given(probe: ClientProbe, number: int) -> str:
    """The ticket in the right answer to this handshake."""
    accepted = probe.server.handshakes[number].accepted
    probe.need(accepted is not None, "the handshake was not right")
    assert accepted is not None
    return str(members(json_response(accepted.reply.body))["ticket"])


# Resumption


@case(
    "v3/client-lifecycle/resume",
    "V3-TICKET-02",
    ACCEPTED,
    needs=RESUME,
    why=SLOWER,
    cause="a member is missing, named otherwise, or not base64 of the right length",
)
async def resume(probe: ClientProbe) -> None:
    """A resumption posts the ticket and an rn of 32 bytes to the handshake, and no key."""
    client = await probe.established()
    reply = await client.resume()
    probe.judge(reply)
    probe.gave(reply, "resume", resumed=True)
    probe.count("handshakes", len(probe.server.handshakes), 2)
    probe.ensure(probe.server.handshakes[-1].path == HANDSHAKE_PATH, f"to {probe.server.handshakes[-1].path}")
    for hello in asking(probe):
        probe.ensure(len(octets(hello, "rn")) == 32, f"rn: {len(octets(hello, 'rn'))} bytes of strict base64")
        keys = {"pk", "pk_kem", "pk_x"} & hello.keys()
        probe.ensure(not keys, f"with {', '.join(keys)}")
    probe.count("resumptions", len(asking(probe)), 1)


@case(
    "v3/client-lifecycle/resumed-keys",
    "V3-TICKET-03",
    ACCEPTED,
    needs=(*RESUME, "client.stream", "client.rekey"),
    why=OTHER_KEYS,
    cause="rn and srn are joined in the other order, or the keys of the old session are taken on",
)
async def resumed_keys(probe: ClientProbe) -> None:
    """Requests, streams and a rekey of a resumed session are right, under its own id."""
    client = await probe.established()
    old = next(iter(probe.server.sessions))
    probe.judge(await client.resume())
    await sends_a_right_request(probe, client, "a request")
    probe.gave(await client.chunks("a", "b"), "a stream", text="ab")
    await rekeyed(probe, client)
    await sends_a_right_request(probe, client, "after a rekey")
    used = {seen.headers.get(SESSION_HEADER) for seen in probe.server.requests}
    probe.ensure(old not in used and len(used) == 1, f"{len(used)} sessions were used, the old one perhaps")


@case(
    "v3/client-lifecycle/resumes-again",
    "V3-TICKET-04",
    ACCEPTED,
    needs=RESUME,
    why=SLOWER + ", from the second resumption on",
    cause="psk is derived anew with each session, or the first ticket is used again",
)
async def resumes_again(probe: ClientProbe) -> None:
    """Three resumptions, each of the ticket that the one before gave, are resumed, and each session works."""
    client = await probe.established()
    for turn in range(3):
        reply = await client.resume()
        probe.judge(reply, f"resumption {turn}")
        probe.gave(reply, f"resumption {turn}", resumed=True)
        await sends_a_right_request(probe, client, f"after resumption {turn}")
    given = [_ticket_given(probe, number) for number in range(3)]
    probe.ensure([hello["resume"] for hello in asking(probe)] == given, "not each time the last ticket that was given")


@case(
    "v3/client-lifecycle/fresh-rn",
    "V3-TICKET-09",
    ACCEPTED,
    needs=RESUME,
    why=LINKED,
    cause="rn is drawn once for each ticket, or for each client",
)
async def fresh_rn(probe: ClientProbe) -> None:
    """Each resumption has an rn of its own, also of one and the same ticket."""
    first, second = await probe.established(), await probe.established()
    same = _ticket_given(probe, 0)
    probe.server.on_handshake = altered(probe, ticket=same)
    for client in (first, first, second, second):
        probe.judge(await client.resume(), "resume")
    probe.count("different rn", len({octets(hello, "rn") for hello in asking(probe)}), 4)


@case(
    "v3/client-lifecycle/declined",
    "V3-TICKET-08",
    ACCEPTED,
    needs=RESUME,
    why="a server that changed its ticket key would have no clients until they begin anew",
    cause="the 409 is an error to the caller, or is answered with another resumption",
)
async def declined(probe: ClientProbe) -> None:
    """A resumption answered 409 is followed by one full handshake, and the session works."""
    client = await probe.established()
    for turn in range(2):
        probe.server.terms = replace(probe.server.terms, tickets=TicketKeys(random_bytes(32)))
        before = len(probe.server.handshakes)
        reply = await client.resume()
        probe.judge(reply, f"turn {turn}")
        probe.gave(reply, f"turn {turn}", resumed=False)
        probe.count("a resumption and a handshake", len(probe.server.handshakes) - before, 2)
        full = hellos(probe)[-1]
        probe.ensure({"pk_kem", "pk_x"} <= full.keys() and "resume" not in full, f"members {', '.join(full)}")
        await sends_a_right_request(probe, client, f"afterwards, turn {turn}")


@case(
    "v3/client-lifecycle/declined-by-any-409",
    "V3-TICKET-08",
    ACCEPTED,
    needs=RESUME,
    why=SLOWER,
    cause="the body of the 409 has to be exactly so",
)
async def declined_by_any_409(probe: ClientProbe) -> None:
    """A 409 is one whatever its body: further members, none, or a page."""
    bodies = (b'{"resumed":false,"why":"expired"}', b"", b"<p>Conflict</p>", b'{"resumed":true}')
    for body in bodies:
        client = await probe.established()

        def script(seen: Seen, body: bytes = body) -> Response | None:
            return json_response(body, 409) if b'"resume"' in seen.body else None

        probe.server.on_handshake = script
        reply = await client.resume()
        probe.judge(reply, f"{body[:20]!r}")
        probe.gave(reply, f"{body[:20]!r}", resumed=False)
        probe.server.on_handshake = as_it_should
        await sends_a_right_request(probe, client, f"{body[:20]!r}: afterwards")


async def _refused(probe: ClientProbe, client: Client, answers: Mapping[str, Script]) -> None:
    """Judge a resumption for each of these answers; a full handshake would go well, and afterwards the client works."""
    for note, script in answers.items():
        probe.server.on_handshake = lambda seen, script=script: script(seen) if b'"resume"' in seen.body else None
        probe.judge(await client.resume(), note)
        probe.server.on_handshake = as_it_should
        probe.gave(await client.echo("x"), f"{note}: a request afterwards", payload={"method": "POST", "body": "x"})
    probe.right_requests("all of them")


@case(
    "v3/client-lifecycle/resumption-answered-badly",
    "V3-TICKET-16",
    "ISO-1004",
    needs=RESUME,
    why="a client that takes half an answer has keys that nobody else has",
    cause="a member is read without a look whether it is there, or what it is",
)
async def resumption_answered_badly(probe: ClientProbe) -> None:
    """An answer whose resumed is not true, or whose sid or srn is absent, mistyped, undecodable or of another length, is ISO-1004."""
    client = await probe.established()
    changes: dict[str, dict[str, Any]] = {
        "resumed false": {"resumed": False},
        "resumed absent": {"resumed": None},
        "resumed as a text": {"resumed": "true"},
        "resumed as a number": {"resumed": 1},
        "no sid": {"sid": None},
        "sid a number": {"sid": 7},
        "sid empty": {"sid": ""},
        "sid with a line end": {"sid": "a\r\nb: c"},
        "no srn": {"srn": None},
        "srn a number": {"srn": 7},
        "srn empty": {"srn": ""},
        "srn an array": {"srn": [0] * 32},
        "srn not base64": {"srn": "*" * 44},
        "srn unpadded": {"srn": encode_base64(random_bytes(32)).rstrip("=")},
    }
    changes |= {f"srn of {size} bytes": {"srn": encode_base64(random_bytes(size))} for size in (0, 16, 31, 33, 64)}
    await _refused(probe, client, {note: altered(probe, **change) for note, change in changes.items()})


@case(
    "v3/client-lifecycle/resumption-refused",
    "V3-TICKET-16",
    "ISO-1004",
    needs=RESUME,
    why="a client that goes on after a refusal has no session, and does not know it",
    cause="the status is not looked at, or every refusal counts as a 409",
)
async def resumption_refused(probe: ClientProbe) -> None:
    """A resumption answered with any other status than 2xx or 409, or with no JSON object, is ISO-1004."""
    client = await probe.established()
    answers: dict[str, Script] = {
        code: lambda seen, code=code: error_response(CATALOGUE[code]) for code in ("ISO-1001", "ISO-1002", "ISO-2002")
    }
    for status in (400, 403, 404, 410, 500, 503):
        answers[f"{status}"] = lambda seen, status=status: replace(probe.server.handshake(seen), status=status)
    answers["a redirect"] = lambda seen: Response(307, (("location", "/api/nen/handshake"),))
    for body in (b"", b"[]", b"null", b'"ok"', b"<p>", b'{"sid":"a","sid":"b"}'):
        answers[f"{body!r}"] = lambda seen, body=body: json_response(body)
    await _refused(probe, client, answers)


@case(
    "v3/client-lifecycle/resumption-with-hmac",
    "V3-HS-14",
    "ISO-1004",
    needs=RESUME,
    why=DOWNGRADE,
    cause="the check is made for full handshakes alone",
)
async def resumption_with_hmac(probe: ClientProbe) -> None:
    """An answer to a resumption with a member hmac is ISO-1004, right in all else, and so is one of V1."""
    client = await probe.established()
    values: tuple[object, ...] = (encode_base64(random_bytes(32)), "", 0, False)
    answers: dict[str, Script] = {f"hmac {value!r}"[:20]: altered(probe, hmac=value) for value in values}
    v1: dict[str, Any] = {"srn": None, "resumed": None, "ct": encode_base64(bytes(1088)), "hmac": values[0]}
    answers["as V1 has it"] = altered(probe, **v1)
    await _refused(probe, client, answers)


@case(
    "v3/client-lifecycle/resumption-without-a-ticket",
    "V3-TICKET-16",
    ACCEPTED,
    needs=RESUME,
    why=SLOWER,
    cause="the new ticket is required, or the old one is used again in its place",
)
async def resumption_without_a_ticket(probe: ClientProbe) -> None:
    """A resumption whose answer has no ticket, or an empty one, works; the next one is a full handshake."""
    for note, ticket in {"absent": None, "empty": ""}.items():
        client = await probe.established()
        probe.server.on_handshake = altered(probe, ticket=ticket)
        await resumes(probe, client, note, True)
        probe.server.on_handshake = as_it_should
        await sends_a_right_request(probe, client, f"{note}: a request")
        reply = await client.resume()
        probe.judge(reply, f"{note}: the next one")
        probe.gave(reply, f"{note}: the next one", resumed=False)
        await sends_a_right_request(probe, client, f"{note}: a request under it")
    probe.count("resumptions", len(asking(probe)), 2)


@case(
    "v3/client-lifecycle/resumption-ticket-mistyped",
    "V3-TICKET-16",
    "ISO-1004",
    needs=RESUME,
    why="a client that keeps what it does not understand fails later, where nobody can tell why",
    cause="the ticket is kept without a look at its type",
)
async def resumption_ticket_mistyped(probe: ClientProbe) -> None:
    """A ticket in the answer to a resumption that is a number, a list, an object, true or false is ISO-1004."""
    client = await probe.established()
    values: tuple[object, ...] = (7, 0, [1], {"a": 1}, True, False)
    await _refused(probe, client, {f"{value!r}": altered(probe, ticket=value) for value in values})


@case(
    "v3/client-lifecycle/resumption-and-no-answer",
    "V1-HS-11",
    "ISO-1003",
    "ISO-1004",
    needs=RESUME,
    why="the caller cannot tell a dead network from a broken server",
    cause="the exception of the HTTP library reaches the caller",
)
async def resumption_and_no_answer(probe: ClientProbe) -> None:
    """A resumption whose answer breaks off is ISO-1003, or ISO-1004."""
    client = await probe.established()
    cut = Response(200, (("content-type", JSON_TYPE),), (b'{"sid":"s","srn":"',), "cut")
    await _refused(probe, client, {"cut in the body": lambda seen: cut})


@case(
    "v3/client-lifecycle/resume-after-a-401",
    "V1-LIFE-07",
    ACCEPTED,
    needs=RESUME,
    why="a server that restarts would stop its clients for ever",
    cause="what a lost session left is kept, in a state that nothing leads out of",
)
async def resume_after_a_401(probe: ClientProbe) -> None:
    """A client whose session was lost gets a new one, by its ticket or by a handshake, and can resume that one."""
    client = await probe.established()
    for turn in range(2):
        probe.server.forget_sessions()
        reply = await client.echo(turn)
        probe.judge(reply, f"turn {turn}")
        probe.gave(reply, f"turn {turn}", payload={"method": "POST", "body": turn})
        await resumes(probe, client, f"resume, turn {turn}", True)
        probe.gave(await client.echo("x"), f"afterwards, {turn}", payload={"method": "POST", "body": "x"})
        probe.right_requests(f"afterwards, turn {turn}", probe.server.requests[-1:])


# What terminate leaves


@case(
    "v3/client-lifecycle/terminate-forgets-the-ticket",
    "V3-LIFE-01",
    ACCEPTED,
    REFUSED,
    also=("ISO-2001",),
    needs=(*RESUME, "client.terminate"),
    why="whoever finds the ticket and psk resumes what was ended",
    cause="the ticket is kept apart from the session, so that it can be used later",
)
async def terminate_forgets_the_ticket(probe: ClientProbe) -> None:
    """After terminate no resumption goes out: the client refuses, or makes a full handshake."""
    client = await probe.established()
    reply = await client.terminate()
    probe.ensure(reply.ok, f"terminate: {reply.describe()}")
    await _not_resumed(probe, client, "after a handshake")
    again = await client.handshake()
    probe.ensure(again.ok, f"a handshake afterwards: {again.describe()}")
    await resumes(probe, client, "its own ticket", True)
    before = len(asking(probe))
    reply = await client.terminate()
    probe.ensure(reply.ok, f"terminate: {reply.describe()}")
    await _not_resumed(probe, client, "after a resumption", before)


async def _not_resumed(probe: ClientProbe, client: Client, note: str, before: int = 0) -> None:
    reply = await client.resume()
    probe.judge(reply, note)
    probe.ensure(not reply.ok or reply["resumed"] is False, f"{note}: resumed")
    probe.count(f"resumptions sent {note}", len(asking(probe)) - before, 0)


@case(
    "v3/client-lifecycle/terminate-fails-and-forgets",
    "V3-LIFE-01",
    ACCEPTED,
    REFUSED,
    needs=(*RESUME, "client.terminate"),
    why="whoever finds the ticket and psk resumes what was ended",
    cause="the ticket is cleared when the answer has come",
)
async def terminate_fails_and_forgets(probe: ClientProbe) -> None:
    """The ticket is gone also where the server fails to terminate."""
    client = await probe.established()
    probe.server.on_plain = lambda seen: Response(503)
    await client.terminate()
    await _not_resumed(probe, client, "after a 503")


@case(
    "v3/client-lifecycle/ticket-of-the-last-session",
    "V3-TICKET-09",
    ACCEPTED,
    needs=(*RESUME, "client.rotate"),
    why=OTHER_KEYS,
    cause="the ticket of one session is kept beside the psk of another",
)
async def ticket_of_the_last_session(probe: ClientProbe) -> None:
    """After a second handshake, and after a rotation, the ticket that is sent is that of the last session, and resumes it."""
    client = await probe.established()
    for note in ("handshake", "rotate"):
        reply = await (client.handshake() if note == "handshake" else client.rotate())
        probe.ensure(reply.ok, f"{note}: {reply.describe()}")
        given = _ticket_given(probe, len(probe.server.handshakes) - 1)
        again = await client.resume()
        probe.judge(again, f"after {note}")
        probe.gave(again, f"after {note}", resumed=True)
        probe.ensure(asking(probe)[-1]["resume"] == given, f"after {note}: another ticket than was given last")
        await sends_a_right_request(probe, client, f"after {note}")


@case(
    "v3/client-handshake/no-keys-of-others",
    "V1-LIFE-10",
    ACCEPTED,
    needs=(*RESUME, "client.rekey", *HANDSHAKE),
    why="one client would go on under the keys of another",
    cause="tickets or keys are kept in a global",
)
async def no_keys_of_others(probe: ClientProbe) -> None:
    """Rekey and resumption of one client leave the session and the ticket of another as they were."""
    one, other = await probe.established(), await probe.established()
    given = _ticket_given(probe, 1)
    await rekeyed(probe, one)
    probe.judge(await one.resume(), "one resumes")
    await sends_a_right_request(probe, other, "the other's request")
    probe.judge(await other.resume(), "the other resumes")
    probe.ensure(asking(probe)[-1]["resume"] == given, "another ticket than its own")
    for client in (one, other):
        await sends_a_right_request(probe, client, "a request of each")
