"""Server cases of V2: the nonce of every request stands in X-Nen-Nonce, with a body and without one."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from nen_ref.conformance.model import ACCEPTED
from nen_ref.conformance.peer import Draft, PeerSession, now_ms
from nen_ref.conformance.probe import HELLO, Probe
from nen_ref.conformance.randomness import random_bytes
from nen_ref.conformance.registry import case
from nen_ref.protocol.messages import NONCE_HEADER, SESSION_HEADER, SIGNATURE_HEADER
from nen_ref.protocol.payload import NONCE_SIZE
from nen_ref.protocol.wire import encode_base64

REPEATED = "who records a request without a body can have it carried out again and again, as in V1"
BACK = "leaving a header out would be a way back to V1, in which a request without a body can be repeated"
TWO_PLACES = "of two places for one nonce a server and what stands before it could each take another one"
BODYLESS = ("GET", "DELETE", "POST")


def bare(probe: Probe, session: PeerSession, method: str = "GET", **overrides: object) -> Draft:
    """A request without a body to the echo route, as `PeerSession.draft`."""
    return session.draft(method, probe.target.echo, None, **overrides)  # type: ignore[arg-type]


# Verification


@case("v2/auth/nonce-missing", "V2-AUTH-01", "ISO-3005", why=BACK, cause="the nonce is looked for in the body too")
async def nonce_missing(probe: Probe) -> None:
    """A request without X-Nen-Nonce is refused, with a body and without one, whatever it was signed with."""
    session = await probe.session()
    for nonce in (None, ""):
        note = "signed with a nonce" if nonce is None else "signed with the empty NONCE"
        draft = probe.draft(session, nonce=nonce).without(NONCE_HEADER)
        probe.judge(await probe.send(draft, session), f"POST, {note}")
        for method in BODYLESS:
            draft = bare(probe, session, method, nonce=nonce).without(NONCE_HEADER)
            probe.judge(await probe.send(draft, session), f"{method} without a body, {note}")


@case(
    "v2/auth/nonce-elsewhere",
    "V2-AUTH-01",
    "ISO-3005",
    why=TWO_PLACES,
    cause="a missing header is made up for from the body, the query or a cookie",
)
async def nonce_elsewhere(probe: Probe) -> None:
    """A request whose nonce stands in the body, in the query or in a cookie, and not in X-Nen-Nonce, is refused."""
    session = await probe.session()
    draft = probe.draft(session)
    text = draft.nonce_text
    without = draft.without(NONCE_HEADER)
    variants = {
        "in the body": without.with_members(n=text),
        "in the query": replace(without, target=f"{without.target}?n={text}&x-nen-nonce={text}"),
        "in a cookie": without.with_header("cookie", f"{NONCE_HEADER}={text}"),
        "in a header of another name": without.with_header("x-nonce", text).with_header("nonce", text),
    }
    for note, variant in variants.items():
        probe.judge(await probe.send(variant, session), note)


@case(
    "v2/auth/order-nonce-before-signature",
    "V2-AUTH-03",
    "ISO-3005",
    why="one fault has one code: clients and people find the cause by it",
    cause="the signature is computed with an empty nonce before anybody looks whether there is one",
)
async def order_nonce_before_signature(probe: Probe) -> None:
    """A request without X-Nen-Nonce is refused for that, whether its signature is missing or wrong, or it is stale."""
    session = await probe.session()
    for note, draft in {"a body": probe.draft(session), "no body": bare(probe, session)}.items():
        without = draft.without(NONCE_HEADER)
        probe.judge(await probe.send(without.without(SIGNATURE_HEADER), session), f"{note}, unsigned")
        wrong = without.with_header(SIGNATURE_HEADER, encode_base64(bytes(32)))
        probe.judge(await probe.send(wrong, session), f"{note}, wrongly signed")
    stale = probe.draft(session, timestamp=1000).without(NONCE_HEADER)
    probe.judge(await probe.send(stale, session), "stale")


@case(
    "v2/auth/order-session-before-nonce",
    "V2-AUTH-03",
    "ISO-2002",
    also=("ISO-2003",),
    why="clients handshake again on ISO-2002; another code for a session that is gone leaves them without one",
    cause="the headers are checked before the session is looked up",
)
async def order_session_before_nonce(probe: Probe) -> None:
    """A request without X-Nen-Nonce is refused for its session first: an unknown one, or none."""
    session = await probe.session()
    for note, draft in {"a body": probe.draft(session), "no body": bare(probe, session)}.items():
        without = draft.without(NONCE_HEADER)
        probe.judge(await probe.send(without.with_header(SESSION_HEADER, "no-such-session")), f"{note}, unknown")
        answer = await probe.send(without.without(SESSION_HEADER))
        probe.ensure(answer.code == "ISO-2003", f"{note}, no session: {answer.describe()}")


@case(
    "v2/auth/nonce-empty-without-body",
    "V2-AUTH-04",
    "ISO-3005",
    "ISO-3002",
    "ISO-6001",
    "ISO-6002",
    why=REPEATED,
    cause="an empty header counts as there, and the empty nonce as new each time",
)
async def nonce_empty_without_body(probe: Probe) -> None:
    """A request without a body and with an empty X-Nen-Nonce, signed with the empty NONCE, is refused."""
    session = await probe.session()
    for method in BODYLESS:
        probe.judge(await probe.send(bare(probe, session, method, carried=""), session), method)


@case(
    "v2/auth/nonce-repeated",
    "V2-AUTH-05",
    "ISO-6002",
    "ISO-3002",
    "ISO-3005",
    "ISO-6001",
    why="of two values a proxy may look at one and the server at the other",
    cause="the first or the last of several values is taken",
)
async def nonce_repeated(probe: Probe) -> None:
    """A request with two different X-Nen-Nonce headers, one of them right, is refused."""
    session = await probe.session()
    other = encode_base64(random_bytes(NONCE_SIZE))
    for first in (True, False):
        place = "first" if first else "last"
        draft = probe.draft(session).also_header(NONCE_HEADER, other, first=first)
        probe.judge(await probe.send(draft, session), f"the wrong one {place}")
        draft = bare(probe, session).also_header(NONCE_HEADER, other, first=first)
        probe.judge(await probe.send(draft, session), f"without a body, the wrong one {place}")


@case(
    "v2/auth/nonce-exchanged",
    "V2-AUTH-02",
    "ISO-3002",
    why="a recorded request would pass again under a new nonce",
    cause="NONCE of requests without a body is still the empty text of V1, or the header is not signed",
)
async def nonce_exchanged(probe: Probe) -> None:
    """A request whose X-Nen-Nonce was exchanged after it was signed is refused, with a body and without one."""
    session = await probe.session()
    for method in ("GET", "DELETE", "POST", "PUT"):
        draft = bare(probe, session, method).with_nonce(encode_base64(random_bytes(NONCE_SIZE)))
        probe.judge(await probe.send(draft, session), f"{method} without a body")
    draft = probe.draft(session).with_nonce(encode_base64(random_bytes(NONCE_SIZE)))
    probe.judge(await probe.send(draft, session), "POST with a body")


@case(
    "v2/auth/nonce-never-empty-in-signature",
    "V2-AUTH-02",
    "ISO-3002",
    why="one signature would be right for every nonce",
    cause="NONCE of requests without a body is still the empty text of V1",
)
async def nonce_never_empty_in_signature(probe: Probe) -> None:
    """A request with X-Nen-Nonce, signed with the empty NONCE, is refused."""
    session = await probe.session()
    for method in BODYLESS:
        probe.judge(await probe.send(bare(probe, session, method, nonce=""), session), f"{method} without a body")
    probe.judge(await probe.send(probe.draft(session, nonce=""), session), "POST with a body")


@case(
    "v2/auth/nonce-signed-as-text",
    "V2-AUTH-02",
    "ISO-3002",
    why="implementations that sign different texts do not understand each other",
    cause="NONCE is the hex form of the nonce, or its base64 without padding or case",
)
async def nonce_signed_as_text(probe: Probe) -> None:
    """A signature over another form of the nonce than the text of X-Nen-Nonce is refused."""
    session = await probe.session()
    n = random_bytes(NONCE_SIZE - 1) + b"\xfb"
    text = encode_base64(n)
    forms = {"hex": n.hex(), "URL-safe": text[:-1] + "_", "lower case": text.lower(), "quoted": f'"{text}"'}
    for note, form in forms.items():
        if form != text:
            probe.judge(await probe.send(bare(probe, session, n=n, nonce=form), session), note)


# Shape


@case(
    "v2/request/nonce-not-base64-without-body",
    "V2-REQ-06",
    "ISO-6002",
    "ISO-3002",
    "ISO-3005",
    "ISO-4001",
    "ISO-6001",
    why="one nonce has one text: what is remembered as used must be what came",
    cause="without a body nothing is opened, and so nobody decodes the nonce",
)
async def nonce_not_base64_without_body(probe: Probe) -> None:
    """A request without a body whose X-Nen-Nonce is no base64, signed as it stands, is refused."""
    session = await probe.session()
    for text in ("!!!!!!!!!!!!!!!!", "no nonce at all", "null", "\u00e9\u00e8\u00e9\u00e8"):
        probe.judge(await probe.send(bare(probe, session, carried=text), session), repr(text))


@case(
    "v2/request/nonce-wrong-length-without-body",
    "V2-REQ-05",
    "ISO-6001",
    "ISO-3002",
    "ISO-3005",
    "ISO-4001",
    "ISO-6002",
    why="short nonces repeat, and long ones fill the memory of used nonces",
    cause="without a body nothing is opened, and so nobody looks at the length of the nonce",
)
async def nonce_wrong_length_without_body(probe: Probe) -> None:
    """A request without a body whose X-Nen-Nonce is 1, 11, 13, 24 or 3000 bytes, signed as it stands, is refused."""
    session = await probe.session()
    for size in (1, 11, 13, 24, 3000):
        draft = bare(probe, session, carried=encode_base64(random_bytes(size)))
        probe.judge(await probe.send(draft, session), f"{size} bytes")


@case(
    "v2/request/nonce-in-body-ignored",
    "V2-REQ-07",
    ACCEPTED,
    why=TWO_PLACES,
    cause="a member n of the body is taken before the header, or checked like that of V1",
)
async def nonce_in_body_ignored(probe: Probe) -> None:
    """A member n in the body, another nonce or no nonce at all, changes nothing."""
    session = await probe.session()
    values: tuple[object, ...] = (encode_base64(random_bytes(12)), "!!!!", "", "AAAA", 7, [1, 2], {"n": 1}, True)
    for value in values:
        draft = probe.draft(session).with_members(n=value)
        probe.accepted(await probe.send(draft, session), f"n: {value!r}", body={"hello": "world"})


@case(
    "v2/request/sealed-under-nonce-in-body",
    "V2-REQ-07",
    "ISO-4001",
    why="the nonce that opens would not be the one that is signed and remembered",
    cause="the payload is opened under the n of the body, as in V1",
)
async def sealed_under_nonce_in_body(probe: Probe) -> None:
    """A payload sealed under the n of the body, with another nonce in X-Nen-Nonce, is refused."""
    session = await probe.session()
    inner = probe.draft(session)
    outer = probe.draft(session).with_members(ct=encode_base64(inner.ct), n=inner.nonce_text)
    probe.judge(await probe.send(outer, session))


@case(
    "v2/request/get-with-body",
    "V2-REQ-10",
    ACCEPTED,
    why="a body that nobody opens is a body that anybody can put there",
    cause="the body of a GET is not read",
)
async def get_with_body(probe: Probe) -> None:
    """A GET that has a sealed body all the same is opened like every other request."""
    session = await probe.session()
    reply = await probe.send(session.draft("GET", probe.target.echo), session)
    probe.judge(reply)
    probe.accepted(reply, "GET with a body", "GET", {"hello": "world"})


@case(
    "v2/request/get-with-wrong-body",
    "V2-REQ-10",
    "ISO-4001",
    also=("ISO-6001",),
    why="a body that nobody opens is a body that anybody can put there",
    cause="the body of a GET is not verified, and reaches the handler or the log",
)
async def get_with_wrong_body(probe: Probe) -> None:
    """A GET with a body that does not open, or that is plain JSON, is refused."""
    session = await probe.session()
    draft = session.draft("GET", probe.target.echo).with_members(ct=encode_base64(random_bytes(40)))
    probe.judge(await probe.send(draft, session), "a ct that does not open")
    plain = session.draft("GET", probe.target.echo, body=HELLO)
    answer = await probe.send(plain, session)
    probe.ensure(answer.code == "ISO-6001", f"plain JSON: {answer.describe()}")


@case(
    "v2/request/body-of-any-type",
    "V2-REQ-01",
    ACCEPTED,
    why="a body that the verification does not see is taken away, and the handler is told that none came",
    cause="bodies of other content types, or chunked ones, are taken for no body",
)
async def body_of_any_type(probe: Probe) -> None:
    """A sealed body is opened whatever its content type and transfer coding: the handler sees it."""
    session = await probe.session()
    for kind in ("application/json", "text/plain", "application/x-www-form-urlencoded", ""):
        for chunked in (False, True):
            draft = replace(probe.draft(session).without("content-type"), chunked=chunked)
            draft = draft.with_header("content-type", kind) if kind else draft
            note = f"content-type {kind or 'absent'}{', chunked' * chunked}"
            probe.accepted(await probe.send(draft, session), note, body={"hello": "world"})


@case(
    "v2/request/body-stripped",
    "V2-REQ-09",
    ACCEPTED,
    also=("ISO-5001",),
    why="the signature does not say whether there is a body: the handler must be told that none came, and the nonce "
    "must be spent",
    cause="the handler gets an empty object, or the nonce of a request without a body is not recorded",
)
async def body_stripped(probe: Probe) -> None:
    """A request whose body was taken away is a request without one: the handler sees null, and its nonce is spent."""
    session = await probe.session()
    draft = probe.draft(session)
    stripped = draft.with_body(None).without("content-type")
    reply = await probe.send(stripped, session)
    probe.judge(reply, "stripped")
    probe.accepted(reply, "stripped", body=None)
    whole = await probe.send(draft, session)
    probe.ensure(whole.code == "ISO-5001", f"the whole request after it: {whole.describe()}")


# Replay


@case(
    "v2/replay/without-body",
    "V2-REPLAY-01",
    "ISO-5001",
    why=REPEATED,
    cause="only requests with a body are tracked, as in V1",
)
async def replay_without_body(probe: Probe) -> None:
    """A GET, DELETE or POST without a body is refused the second and the third time."""
    session = await probe.session()
    for method in BODYLESS:
        draft = bare(probe, session, method)
        probe.accepted(await probe.send(draft, session), f"{method}, the first time", method, None)
        for time in ("second", "third"):
            probe.judge(await probe.send(draft, session), f"{method}, the {time} time")


@case(
    "v2/replay/without-body-simultaneous",
    "V1-REPLAY-02",
    "ISO-5001",
    ACCEPTED,
    why="between the look-up and the recording of a nonce a second copy slips through",
    cause="requests without a body are recorded on another way, in two steps",
)
async def replay_without_body_simultaneous(probe: Probe) -> None:
    """Of twenty copies of one GET sent at the same moment exactly one passes."""
    session = await probe.session()
    draft = bare(probe, session)
    replies = await asyncio.gather(*(probe.send(draft, session) for _ in range(20)))
    for reply in replies:
        probe.judge(reply)
    passed = sum(reply.accepted for reply in replies)
    probe.ensure(passed == 1, f"{passed} of 20 copies passed")


@case(
    "v2/replay/nonce-with-and-without-body",
    "V2-REPLAY-01",
    "ISO-5001",
    why="a nonce used for a body opens the way to its key stream if it is used for another one",
    cause="requests with and without a body have a memory of used nonces each",
)
async def nonce_with_and_without_body(probe: Probe) -> None:
    """A nonce used without a body is used for requests with one too, and the other way round."""
    session = await probe.session()
    n = random_bytes(NONCE_SIZE)
    probe.accepted(await probe.send(bare(probe, session, n=n), session), "GET", "GET", None)
    probe.judge(await probe.send(probe.draft(session, n=n), session), "POST with a body under it")
    probe.judge(await probe.send(bare(probe, session, "DELETE", n=n), session), "DELETE without a body under it")
    n = random_bytes(NONCE_SIZE)
    probe.accepted(await probe.send(probe.draft(session, n=n), session), "POST with a body")
    probe.judge(await probe.send(bare(probe, session, n=n), session), "GET under its nonce")


@case(
    "v2/replay/not-spent-without-body",
    "V1-REPLAY-04",
    ACCEPTED,
    why="anyone who sees a nonce could use it up before its owner's request arrives",
    cause="the nonce of a request without a body is recorded as soon as the header is read",
)
async def not_spent_without_body(probe: Probe) -> None:
    """A GET that is refused for its signature or its timestamp has not used up its nonce."""
    session = await probe.session()
    n = random_bytes(NONCE_SIZE)
    probe.refused(await probe.send(bare(probe, session, n=n, key=bytes(32)), session), "wrong signature")
    unsigned = bare(probe, session, n=n).without(SIGNATURE_HEADER)
    probe.refused(await probe.send(unsigned, session), "no signature")
    stale = bare(probe, session, n=n, timestamp=now_ms() - 3_600_000)
    probe.refused(await probe.send(stale, session), "stale")
    probe.judge(await probe.send(bare(probe, session, n=n), session), "the right request after them")


@case(
    "v2/replay/other-text-of-the-nonce",
    "V2-REQ-06",
    "ISO-6002",
    "ISO-3002",
    "ISO-3005",
    "ISO-5001",
    "ISO-6001",
    why="a nonce with several texts is replayed under another text: the memory of used nonces is passed by",
    cause="the nonce is remembered as text and decoded leniently",
)
async def other_text_of_the_nonce(probe: Probe) -> None:
    """A request replayed with another text for the same nonce in X-Nen-Nonce, rightly signed, is refused."""
    session = await probe.session()
    n = random_bytes(NONCE_SIZE - 1) + b"\xff"
    first = bare(probe, session, n=n)
    probe.accepted(await probe.send(first, session), "the first time", "GET", None)
    text = first.nonce_text
    others = {
        "padding": text + "=",
        "more padding": text + "====",
        "URL-safe": text.replace("+", "-").replace("/", "_"),
        "an inner space": f"{text[:8]} {text[8:]}",
        "quotes": f'"{text}"',
    }
    for note, other in others.items():
        probe.judge(await probe.send(bare(probe, session, carried=other), session), note)


# Responses and streams


@case(
    "v2/response/every-method-sealed",
    "V2-RES-01",
    ACCEPTED,
    why="answers to GET and DELETE hold as many secrets as others",
    cause="only the answers to requests with a body are sealed",
)
async def every_method_sealed(probe: Probe) -> None:
    """The answers to GET, DELETE, POST, PUT and PATCH are sealed, with a body and without one."""
    session = await probe.session()
    for method in ("GET", "DELETE", "POST", "PUT", "PATCH"):
        for payload, body in ((None, None), (HELLO, {"hello": "world"})):
            reply = await probe.echo(session, payload, method)
            probe.judge(reply, method)
            probe.accepted(reply, f"{method}, body {body}", method, body)


@case(
    "v2/response/nonce-not-of-a-bodyless-request",
    "V1-RES-02",
    ACCEPTED,
    why="a client refuses an answer under the nonce of its request: it could be a reflection",
    cause="the answer to a request without a body is sealed under the nonce that it brought",
)
async def nonce_not_of_a_bodyless_request(probe: Probe) -> None:
    """The nonce of the answer to a GET is not the one of its X-Nen-Nonce."""
    session = await probe.session()
    for _ in range(5):
        draft = bare(probe, session)
        reply = await probe.send(draft, session)
        probe.judge(reply)
        if reply.envelope is not None:
            alike = reply.envelope.n == draft.n
            probe.ensure(not alike, "the answer is sealed under the nonce of the request" if alike else "another nonce")


@case(
    "v2/response/head-length",
    "V2-RES-02",
    "a success that is not sealed",
    why="a HEAD asks how long the answer to the GET would be, and caches and clients go by it",
    cause="the length is that of the plain answer, or there is none",
)
async def head_length(probe: Probe) -> None:
    """A HEAD is answered 200, without a body, and with the Content-Length of the sealed answer to a GET."""
    session = await probe.session()
    get = await probe.echo(session, None, "GET")
    probe.accepted(get, "GET", "GET", None)
    probe.need(get.envelope is not None, "the answer to GET is not sealed")
    assert get.envelope is not None
    reply = await probe.send(bare(probe, session, "HEAD"), session)
    probe.judge(reply, "HEAD")
    probe.ensure(reply.status == 200, f"status {reply.status}")
    probe.ensure(not reply.body, "a body came with the answer to HEAD")
    around = len(get.body) - _base64_length(len(get.envelope.ct))
    # Echo names the method: its answer to HEAD is one byte longer, where it does not make a GET of it.
    possible = {str(around + _base64_length(len(get.envelope.ct) + more)) for more in (0, 1)}
    length = reply.headers.get("content-length", "absent")
    probe.ensure(length in possible, f"content-length {length}, the sealed answer to GET has {len(get.body)} bytes")


def _base64_length(size: int) -> int:
    return 4 * -(-size // 3)


@case(
    "v2/response/head-verified",
    "V2-RES-02",
    "a success that is not sealed",
    why="a HEAD that is not verified tells an outsider what exists, and how long it is",
    cause="HEAD is routed around the verification, or its nonce is not recorded",
)
async def head_verified(probe: Probe) -> None:
    """A HEAD is refused without a signature, without X-Nen-Nonce, and the second time; it has no body then either."""
    session = await probe.session()
    draft = bare(probe, session, "HEAD")
    refused = {
        "unsigned": (draft.without(SIGNATURE_HEADER), 401),
        "wrongly signed": (bare(probe, session, "HEAD", key=bytes(32)), 401),
        "without a nonce": (draft.without(NONCE_HEADER), 401),
        "signed as a GET": (bare(probe, session, "HEAD", signed={"method": "GET"}), 401),
    }
    for note, (wrong, status) in refused.items():
        answer = await probe.send(wrong, session)
        probe.ensure(answer.status == status and not answer.body, f"{note}: {answer.describe()}")
    probe.judge(await probe.send(draft, session), "the first time")
    again = await probe.send(draft, session)
    probe.ensure(again.status == 409 and not again.body, f"the second time: {again.describe()}")


@case(
    "v2/stream/get",
    "V2-STR-01",
    ACCEPTED,
    why="browsers and tools ask for a stream with a GET",
    cause="a stream needs a body, as in other protocols",
)
async def stream_get(probe: Probe) -> None:
    """A signed GET without a body streams a, b and c, sealed and complete."""
    session = await probe.session()
    stream = await probe.stream(session, None, "GET")
    probe.judge(stream.answer)
    probe.ensure(not stream.trouble, stream.trouble or "complete")
    probe.ensure(stream.chunks == (b"a", b"b", b"c"), f"chunks {stream.chunks!r}")


@case(
    "v2/stream/get-without-nonce",
    "V2-STR-01",
    "ISO-3005",
    why="a recorded request would have the stream produced again and again",
    cause="a GET that streams is verified by the rules of V1",
)
async def stream_get_without_nonce(probe: Probe) -> None:
    """A GET for a stream without X-Nen-Nonce is refused, signed with the empty NONCE or with one."""
    session = await probe.session()
    for nonce in (None, ""):
        draft = session.draft("GET", probe.target.stream, None, nonce=nonce).without(NONCE_HEADER)
        probe.judge((await probe.send_stream(draft, session)).answer, f"NONCE {nonce!r}")


@case(
    "v2/stream/get-replayed",
    "V2-STR-01",
    "ISO-5001",
    why="a recorded request would have the whole stream produced again",
    cause="nonces are recorded for requests with a body only",
)
async def stream_get_replayed(probe: Probe) -> None:
    """The same signed GET for a stream is refused the second time."""
    session = await probe.session()
    draft = session.draft("GET", probe.target.stream, None)
    first = await probe.send_stream(draft, session)
    probe.ensure(not first.trouble, f"the first time: {first.trouble or 'complete'}")
    probe.judge((await probe.send_stream(draft, session)).answer, "the second time")
    again = session.draft("POST", probe.target.stream, b'{"chunks":["x"]}', n=draft.n)
    probe.judge((await probe.send_stream(again, session)).answer, "a POST under its nonce")


@case(
    "v2/stream/base-nonce-not-of-a-bodyless-request",
    "V1-STR-08",
    ACCEPTED,
    level="required",
    why="a client refuses a stream under the nonce of its request, and the nonce of a stream is fresh",
    cause="X-Nen-Nonce is taken for the base nonce",
)
async def base_nonce_not_of_a_bodyless_request(probe: Probe) -> None:
    """The base nonce of a stream that a GET asked for is not the nonce of the request."""
    session = await probe.session()
    draft = session.draft("GET", probe.target.stream, None)
    stream = await probe.send_stream(draft, session)
    probe.judge(stream.answer)
    probe.ensure(not stream.trouble, stream.trouble or "complete")
    alike = stream.base_nonce[:8] == draft.n[:8]
    probe.ensure(not alike, "the base nonce is the nonce of the request" if alike else "another nonce")
