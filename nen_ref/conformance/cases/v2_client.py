"""Client cases of V2: the nonce in its header with every request, and what that means for answers."""

from __future__ import annotations

from nen_ref.conformance.cases.client_handshake import HANDSHAKE, REQUEST
from nen_ref.conformance.cases.client_response import ANSWER, REFLECTED, judged
from nen_ref.conformance.cases.client_stream import BOTH, STREAM
from nen_ref.conformance.client_probe import ClientProbe
from nen_ref.conformance.model import ACCEPTED, REFUSED
from nen_ref.conformance.randomness import random_bytes
from nen_ref.conformance.registry import case
from nen_ref.conformance.scripted import Response, Seen, error_response, json_response, stream_response
from nen_ref.protocol.errors import CATALOGUE
from nen_ref.protocol.messages import JSON_TYPE, NONCE_HEADER, SIGNATURE_HEADER
from nen_ref.protocol.wire import Malformed, decode_base64, encode_base64, parse_json_object

WITH_BODY = ("POST", "PUT", "PATCH", "DELETE")
WITHOUT_BODY = ("GET", "HEAD", "DELETE", "POST", "OPTIONS")
REPLAYED = "whoever records a request without a body sends it again, as often as he likes"
DOWNGRADE = "one refusal, which anybody on the way can make, takes the client back to what can be replayed"
FEW = 300


def nonce_fault(seen: Seen) -> str:
    """What is wrong with the nonce header of a request; empty if nothing is."""
    try:
        size = len(decode_base64(seen.headers.get(NONCE_HEADER, "")))
    except Malformed as fault:
        return f"X-Nen-Nonce is {fault}"
    return "" if size == 12 else f"X-Nen-Nonce is {size} bytes, or absent"


def carry_nonces(probe: ClientProbe) -> None:
    """Every request of the client has a nonce in its header, and is right by the specification."""
    for seen in probe.server.requests:
        fault = nonce_fault(seen)
        probe.ensure(not fault, f"{seen.method} {seen.target}: {fault}")
    probe.right_requests("signed and sealed")


@case(
    "v2/client-request/nonce-header",
    "V2-REQ-01",
    ACCEPTED,
    needs=REQUEST,
    why="a server refuses every request without it",
    cause="the header is sent with some methods only, or in another encoding",
)
async def nonce_header(probe: ClientProbe) -> None:
    """A request of any method with a payload carries X-Nen-Nonce, base64 of 12 bytes, and is sealed under it."""
    client = await probe.established()
    for method in WITH_BODY:
        reply = await client.request(method, payload={"method": method})
        probe.judge(reply, method)
        probe.gave(reply, method, payload={"method": method, "body": {"method": method}})
    carry_nonces(probe)
    probe.count("requests", len(probe.server.requests), len(WITH_BODY))


@case(
    "v2/client-request/without-body",
    "V2-AUTH-02",
    ACCEPTED,
    needs=REQUEST,
    why=REPLAYED,
    cause="the nonce is made where the payload is sealed, so that there is none without it",
)
async def without_body(probe: ClientProbe) -> None:
    """A request of any method without a payload has no body, carries a nonce, and is signed with it."""
    client = await probe.established()
    for method in WITHOUT_BODY:
        probe.judge(await client.request(method), method)
    carry_nonces(probe)
    for seen in probe.server.requests:
        probe.ensure(not seen.body, f"{seen.method}: a body of {len(seen.body)} bytes")
    probe.count("requests", len(probe.server.requests), len(WITHOUT_BODY))


@case(
    "v2/client-request/body-of-ct-alone",
    "V2-REQ-01",
    ACCEPTED,
    needs=REQUEST,
    why="of two places for one nonce, the server and what stands before it could each take another one",
    cause="the envelope of V1 is sent, with the header beside it",
)
async def body_of_ct_alone(probe: ClientProbe) -> None:
    """The body is an object with ct, strict base64, and without n."""
    client = await probe.established()
    for value in ({"a": 1}, None, "x" * 3000):
        probe.judge(await client.echo(value), f"{str(value)[:10]}")
    probe.right_requests("sealed")
    for seen in probe.server.requests:
        try:
            names = set(parse_json_object(seen.body))
        except Malformed as fault:
            probe.ensure(False, f"the body is {fault}")
            continue
        probe.ensure("ct" in names and "n" not in names, f"members {', '.join(sorted(names))}")


@case(
    "v2/client-request/nonce-signed-as-sent",
    "V2-AUTH-02",
    ACCEPTED,
    needs=REQUEST,
    why="a nonce that is not signed can be replaced, and every request sent again under new ones",
    cause="NONCE is left empty, or is the nonce of the request before",
)
async def nonce_signed_as_sent(probe: ClientProbe) -> None:
    """NONCE of the canonical string is the text of the header, with a body and without one, in turn."""
    client = await probe.established()
    for turn in range(3):
        probe.judge(await client.echo(turn), "with a body")
        probe.judge(await client.request("GET"), "without a body")
        probe.judge(await client.request("DELETE", payload=turn), "DELETE with a body")
    carry_nonces(probe)
    signatures = [seen.headers.get(SIGNATURE_HEADER) for seen in probe.server.requests]
    probe.count("different signatures", len(set(signatures)), 9)


@case(
    "v2/client-request/fresh-without-body",
    "V1-REQ-02",
    ACCEPTED,
    needs=REQUEST,
    why="the second of two is refused as a replay, and a nonce that comes twice is no protection",
    cause="a nonce is drawn for payloads alone; without one it is constant, or that of the last payload",
)
async def fresh_without_body(probe: ClientProbe) -> None:
    """Three hundred requests, two thirds of them without a body, carry three hundred different nonces."""
    client = await probe.established()
    for i in range(FEW // 3):
        probe.judge(await client.request("GET"), "GET")
        probe.judge(await client.request("HEAD"), "HEAD")
        probe.judge(await client.echo(i), "POST")
    carry_nonces(probe)
    probe.count("different nonces", len({seen.headers.get(NONCE_HEADER) for seen in probe.server.requests}), FEW)


@case(
    "v2/client-request/streams-carry-it",
    "V2-REQ-01",
    ACCEPTED,
    needs=STREAM,
    why="every stream would be refused",
    cause="streams are asked for by code of their own",
)
async def streams_carry_it(probe: ClientProbe) -> None:
    """Streams asked for with POST and with GET carry a nonce each, and are read."""
    client = await probe.established()
    probe.gave(await client.chunks("a", "b"), "POST", text="ab")
    reply = await client.stream("GET")
    probe.judge(reply, "GET")
    probe.gave(reply, "GET", text="abc")
    carry_nonces(probe)


@case(
    "v2/client-request/no-way-back",
    "V2-AUTH-02",
    REFUSED,
    needs=REQUEST,
    why=DOWNGRADE,
    cause="a refused request is sent once more as V1 has it",
)
async def no_way_back(probe: ClientProbe) -> None:
    """A server that refuses as one of V1 does sees the nonce in its header each time, and none in a body."""
    client = await probe.established()
    for code in ("ISO-6001", "ISO-3002", "ISO-6002", "ISO-3005"):
        probe.server.on_request = lambda seen, code=code: error_response(CATALOGUE[code])
        probe.judge(await client.echo(code), f"{code}, with a body")
        probe.judge(await client.request("GET"), f"{code}, without one")
    for seen in probe.server.requests:
        fault = nonce_fault(seen)
        probe.ensure(not fault, f"{seen.method}: {fault}")
        probe.ensure(b'"n"' not in seen.body, f"{seen.method}: a nonce in the body")


# Answers


@case(
    "v2/client-response/head-with-length",
    "V1-RES-03",
    ACCEPTED,
    needs=REQUEST,
    why="HEAD fails, or waits for a body that never comes",
    cause="the Content-Length of a HEAD is taken for that of a body",
)
async def head_with_length(probe: ClientProbe) -> None:
    """The answer to HEAD with the length of a sealed body is taken without one, and the next request goes well."""
    client = await probe.established()
    for status, length in ((200, 56), (200, 1 << 20), (404, 60)):
        right = Response(status, (("content-type", JSON_TYPE), ("content-length", str(length))))
        probe.server.on_request = lambda seen, right=right: right if seen.method == "HEAD" else None
        reply = await client.request("HEAD")
        probe.judge(reply, f"{status}, {length} bytes")
        probe.gave(reply, f"{status}, {length} bytes", status=status)
        probe.ensure("payload" not in reply.values, "a payload was made up")
        probe.gave(await client.echo("x"), "the next request", payload={"method": "POST", "body": "x"})


@case(
    "v2/client-response/nonce-of-a-request-without-body",
    "V2-RES-03",
    "ISO-4001",
    needs=REQUEST,
    why="one nonce for two payloads under one key gives both away",
    cause="only the nonces of sealed payloads are remembered",
)
async def nonce_of_a_request_without_body(probe: ClientProbe) -> None:
    """An answer to a request without a body, under the nonce of that very request, is ISO-4001."""
    client = await probe.established()

    def under_its_nonce(seen: Seen) -> Response | None:
        return None if seen.fault else seen.sealed(ANSWER, seen.n)

    for method in ("GET", "DELETE", "POST"):
        probe.server.on_request = under_its_nonce
        probe.judge(await client.request(method), method)


@case(
    "v2/client-response/nonce-of-an-earlier-request",
    "V2-RES-03",
    "ISO-4001",
    needs=REQUEST,
    why=REFLECTED,
    cause="only the nonces of sealed payloads are remembered, or only the last nonce",
)
async def nonce_of_an_earlier_request(probe: ClientProbe) -> None:
    """An answer under the nonce of an earlier GET or HEAD of the session is ISO-4001."""
    client = await probe.established()
    for method in ("GET", "HEAD", "GET"):
        reply = await client.request(method)
        probe.ensure(reply.ok, f"{method} before: {reply.describe()}")
    probe.right_requests("before")
    probe.sound()
    earlier = [seen.n for seen in probe.server.requests]
    await judged(
        probe,
        client,
        {f"request {i} of three": lambda seen, n=n: seen.sealed(ANSWER, n) for i, n in enumerate(earlier)},
    )


@case(
    "v2/client-stream/nonce-of-a-request-without-body",
    "V2-RES-03",
    "ISO-4001",
    needs=BOTH,
    why="one nonce for two texts under one key gives both away",
    cause="only the nonces of sealed payloads are remembered",
)
async def stream_under_a_nonce(probe: ClientProbe) -> None:
    """A stream whose base nonce begins with the eight bytes of a GET's nonce, this one's or an earlier one's, is ISO-4001."""
    client = await probe.established()
    reply = await client.request("GET")
    probe.ensure(reply.ok, f"the GET before: {reply.describe()}")
    probe.right_requests("before")
    probe.sound()
    earlier = probe.server.requests[-1].n or b""

    def under(seen: Seen, n: bytes) -> Response:
        base_nonce = n[:8] + random_bytes(4)
        return stream_response(base_nonce, seen.events(["x"], base_nonce))

    def under_its_own(seen: Seen) -> Response | None:
        return None if seen.fault else under(seen, seen.n or b"")

    for note, script in {"of an earlier GET": lambda seen: under(seen, earlier), "its own": under_its_own}.items():
        probe.server.on_request = script
        reply = await client.stream("GET")
        probe.judge(reply, note)
        probe.released(reply, note, "")


@case(
    "v2/client-response/nonce-in-a-header",
    "V1-RES-08",
    "ISO-6001",
    needs=REQUEST,
    why="of two places for one nonce, each reader could take another one",
    cause="answers are read as requests are written",
)
async def nonce_in_a_header(probe: ClientProbe) -> None:
    """An answer with ct alone, its nonce in an X-Nen-Nonce header, is ISO-6001: answers carry theirs in the body."""
    client = await probe.established()

    def script(seen: Seen) -> Response:
        right = parse_json_object(seen.sealed(ANSWER).body)
        return json_response({"ct": right["ct"]}).with_header(NONCE_HEADER, str(right["n"]))

    await judged(probe, client, {"ct alone": script})


@case(
    "v2/client-response/header-beside-the-nonce",
    "V1-RES-01",
    ACCEPTED,
    needs=REQUEST,
    why="a proxy that repeats headers of the request would break every answer",
    cause="the header of an answer is preferred to its body",
)
async def header_beside_the_nonce(probe: ClientProbe) -> None:
    """An X-Nen-Nonce header beside a right answer is not looked at, whatever is in it."""
    client = await probe.established()
    for text in (encode_base64(random_bytes(12)), "garbage", ""):
        probe.server.on_request = lambda seen, text=text: seen.sealed(ANSWER).with_header(NONCE_HEADER, text)
        reply = await client.echo("hello")
        probe.judge(reply, f"{text!r}")
        probe.gave(reply, f"{text!r}", payload=ANSWER)


@case(
    "v2/client-lifecycle/retry-without-body",
    "V1-LIFE-07",
    ACCEPTED,
    needs=REQUEST,
    why="a nonce that comes twice under two keys, or none, is refused where it should have helped",
    cause="the request is sent again as it was built",
)
async def retry_without_body(probe: ClientProbe) -> None:
    """A GET that was answered 401 is sent again under a new session with another nonce, right by the specification."""
    client = await probe.established()
    probe.server.forget_sessions()
    probe.judge(await client.request("GET"))
    probe.count("requests", len(probe.server.requests), 2)
    nonces = {seen.headers.get(NONCE_HEADER, "") for seen in probe.server.requests}
    probe.ensure(len(nonces) == 2 and "" not in nonces, f"{len(nonces)} different nonces for two requests")
    probe.right_requests("the retry", probe.server.requests[1:])


@case(
    "v2/client-request/before-a-handshake",
    "V2-REQ-01",
    ACCEPTED,
    "ISO-2001",
    needs=REQUEST,
    why="a request that makes its session first is built by other code",
    cause="the header is added where a session is there already",
)
async def before_a_handshake(probe: ClientProbe) -> None:
    """A GET before any handshake is ISO-2001, or makes a session and carries its nonce."""
    client = await probe.client()
    probe.judge(await client.request("GET"))
    carry_nonces(probe)


@case(
    "v2/client-handshake/no-nonce",
    "V1-HS-01",
    ACCEPTED,
    needs=HANDSHAKE,
    level="hardening",
    why="a nonce that nobody checks looks like a protection",
    cause="the header is added to whatever is sent",
)
async def handshake_as_ever(probe: ClientProbe) -> None:
    """A handshake has no signature and no nonce: there is no key yet to bind one."""
    client = await probe.client()
    probe.judge(await client.handshake())
    for seen in probe.server.handshakes:
        names = [name for name in (NONCE_HEADER, SIGNATURE_HEADER) if seen.headers.get(name)]
        probe.ensure(not names, f"a handshake with {', '.join(names)}")
