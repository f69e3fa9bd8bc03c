"""Responses: section 7 of the specification."""

from __future__ import annotations

import asyncio

from nen_ref.conformance.model import ACCEPTED, NOT_FOUND
from nen_ref.conformance.peer import read_refusal
from nen_ref.conformance.probe import HELLO, Probe
from nen_ref.conformance.registry import STREAM_ROUTE, case
from nen_ref.protocol.messages import STREAM_TYPE
from nen_ref.protocol.wire import encode_base64

TWICE = "two payloads under one nonce give away their XOR and the key of Poly1305: everything can be forged then"


@case(
    "v1/response/sealed",
    "V1-RES-01",
    ACCEPTED,
    why="an answer in plain is what the whole protocol is there to prevent",
    cause="the answer is not sealed, or under another key than the request",
)
async def sealed(probe: Probe) -> None:
    """The answer is 200, application/json, {ct, n}, and opens under the key of the session."""
    session = await probe.session()
    reply = await probe.echo(session)
    probe.judge(reply)
    kind = reply.headers.get("content-type", "absent").partition(";")[0].strip()
    probe.ensure(kind == "application/json", f"content-type {kind}")
    probe.ensure(reply.status == 200, f"status {reply.status}")
    probe.ensure(b"world" not in reply.body, "the plain payload stands in the answer")
    headers = " ".join(reply.headers.values())
    secrets = ("world", encode_base64(session.keys.enc), session.keys.enc.hex(), encode_base64(session.keys.mac))
    probe.ensure(not any(text in headers for text in secrets), "payload or key in a header of the answer")


@case(
    "v1/response/handler-sees-the-payload",
    "V1-RES-01",
    ACCEPTED,
    why="the handler must see what the client sealed",
    cause="the handler gets the sealed body, or none",
)
async def handler_sees_the_payload(probe: Probe) -> None:
    """Echo returns exactly the payload that was sealed."""
    session = await probe.session()
    value = {"deep": {"a": [{"b": {"c": []}}], "empty": {}}, "n": [0, -1, 1.5, 10**15], "s": "\u2713"}
    reply = await probe.echo(
        session, b'{"deep":{"a":[{"b":{"c":[]}}],"empty":{}},"n":[0,-1,1.5,1000000000000000],"s":"\xe2\x9c\x93"}'
    )
    probe.judge(reply)
    probe.accepted(reply, "nested payload", body=value)


@case(
    "v1/response/fresh-nonce",
    "V1-RES-02",
    ACCEPTED,
    why=TWICE,
    cause="the nonce of answers is a constant, a counter that restarts, or derived from the payload",
)
async def fresh_nonce(probe: Probe) -> None:
    """Forty answers to one payload, and ten to requests without a body, carry fifty nonces and fifty ciphertexts."""
    session = await probe.session()
    envelopes = []
    for _ in range(40):
        reply = await probe.echo(session, HELLO)
        probe.judge(reply)
        if reply.envelope is not None:
            envelopes.append(reply.envelope)
    for _ in range(10):  # a server may refuse these; what it answers has to be fresh
        bare = await probe.echo(session, None, "GET")
        if bare.envelope is not None:
            envelopes.append(bare.envelope)
    nonces, ciphertexts = {e.n for e in envelopes}, {e.ct for e in envelopes}
    probe.ensure(len(nonces) == len(envelopes) > 0, f"{len(nonces)} nonces in {len(envelopes)} answers")
    probe.ensure(len(ciphertexts) == len(envelopes), f"{len(ciphertexts)} ciphertexts in {len(envelopes)} answers")


@case(
    "v1/response/nonce-not-of-the-request",
    "V1-RES-02",
    ACCEPTED,
    why=TWICE,
    cause="the answer is sealed under the nonce of the request",
)
async def nonce_not_of_the_request(probe: Probe) -> None:
    """The nonce of an answer is not that of its request, nor one that differs in a few bits."""
    session = await probe.session()
    for _ in range(10):
        draft = probe.draft(session)
        reply = await probe.send(draft, session)
        probe.judge(reply)
        if reply.envelope is not None:
            asked, answered = draft.n, reply.envelope.n
            differing = sum(x != y for x, y in zip(asked, answered, strict=True))
            probe.ensure(
                differing > 3,
                f"the nonces of request and answer {'are alike in most bytes' if differing <= 3 else 'differ'}",
            )


@case(
    "v1/response/nonces-random",
    "V1-RES-02",
    ACCEPTED,
    why="nonces that can be foreseen repeat after a restart or on a second node",
    cause="the nonce is a counter or a time stamp, padded to 12 bytes",
    level="recommended",
)
async def nonces_random(probe: Probe) -> None:
    """Each of the 12 bytes of the nonce varies over thirty answers of three sessions."""
    nonces: list[bytes] = []
    for _ in range(3):
        session = await probe.session()
        for _ in range(10):
            reply = await probe.echo(session)
            probe.judge(reply)
            nonces += [reply.envelope.n] if reply.envelope else []
    probe.need(len(nonces) == 30, f"{len(nonces)} of 30 answers were sealed")
    for position in range(12):
        values = {n[position] for n in nonces}
        probe.ensure(
            len(values) >= 10,
            f"byte {position} of 30 nonces: {'varies' if len(values) >= 10 else f'{len(values)} values'}",
        )


@case(
    "v1/response/bodyless-answer-sealed",
    "V1-RES-01",
    ACCEPTED,
    "ISO-6001",
    why="answers to GET hold as many secrets as others",
    cause="only requests with a body get sealed answers",
    cites={"v2": ("V2-RES-01", ACCEPTED)},
)
async def bodyless_answer_sealed(probe: Probe) -> None:
    """The answer to a GET without a body is sealed too, if such requests are allowed."""
    session = await probe.session()
    probe.judge(await probe.echo(session, None, "GET"))


@case(
    "v1/response/no-store",
    "V1-RES-06",
    ACCEPTED,
    why="an answer cached on the way is an answer replayed",
    cause="no Cache-Control on sealed answers",
    level="recommended",
)
async def no_store(probe: Probe) -> None:
    """A sealed answer forbids caches to keep it."""
    session = await probe.session()
    reply = await probe.echo(session)
    probe.judge(reply)
    control = reply.headers.get("cache-control", "absent")
    probe.ensure("no-store" in control, f"cache-control {control}")


@case(
    "v1/response/head",
    "V1-RES-10",
    ACCEPTED,
    "ISO-6001",
    NOT_FOUND,
    "a success that is not sealed",
    why="a HEAD that is not verified tells an outsider what exists",
    cause="HEAD is routed around the middleware",
    cites={"v2": ("V2-RES-02", "a success that is not sealed")},
)
async def head(probe: Probe) -> None:
    """A HEAD request is answered without a body, and refused without a signature."""
    session = await probe.session()
    reply = await probe.send(session.draft("HEAD", probe.target.echo, None), session)
    probe.judge(reply, "signed")
    probe.ensure(not reply.body, "a body came with the answer to HEAD")
    unsigned = await probe.send(session.draft("HEAD", probe.target.echo, None, key=bytes(32)), session)
    probe.refused(unsigned, "wrongly signed")


@case(
    "v1/response/error-of-the-handler-sealed",
    "V1-RES-05",
    ACCEPTED,
    why="an error page of the application holds its data, and is read past TLS",
    cause="only answers with a success are sealed",
    needs=(STREAM_ROUTE,),
)
async def error_of_the_handler_sealed(probe: Probe) -> None:
    """What the stream route says to chunks that are no list is sealed, a stream, or a refusal with an ISO code."""
    session = await probe.session()
    raw = await probe.peer.exchange(session.draft("POST", probe.target.stream, b'{"chunks":"no list"}'))
    probe.need(not isinstance(raw, str), str(raw))
    assert not isinstance(raw, str)
    status, headers, body = raw
    opened = session.opens(body) or headers.get("content-type", "").startswith(STREAM_TYPE)
    coded = read_refusal(status, headers, body).code is not None
    probe.ensure(opened or coded, f"{status}, neither sealed nor with an ISO code")


@case(
    "v1/response/concurrent-requests",
    "V1-LIFE-10",
    ACCEPTED,
    why="one client would get the answer of another",
    cause="session, nonce or payload are kept in a variable of the server instead of the request",
)
async def concurrent_requests(probe: Probe) -> None:
    """Forty requests of four sessions at the same moment are each answered with their own payload, under their own key."""
    sessions = [await probe.session() for _ in range(4)]
    replies = await asyncio.gather(*(probe.echo(sessions[i % 4], b"%d" % i) for i in range(40)))
    for i, reply in enumerate(replies):
        probe.accepted(reply, f"request {i}", body=i)
