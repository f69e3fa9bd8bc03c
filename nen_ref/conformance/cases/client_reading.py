"""How a client reads what comes: JSON that parsers differ on, answers without a body, headers that come twice."""

from __future__ import annotations

from nen_ref.conformance.cases.client_handshake import HANDSHAKE, REQUEST, refused_handshake
from nen_ref.conformance.cases.client_lifecycle import STATUS
from nen_ref.conformance.cases.client_response import ANSWER, FORGED, judged
from nen_ref.conformance.cases.client_stream import STREAM
from nen_ref.conformance.client_probe import Client, ClientProbe
from nen_ref.conformance.model import ACCEPTED, REFUSED
from nen_ref.conformance.randomness import random_bytes
from nen_ref.conformance.registry import case
from nen_ref.conformance.scripted import Response, Seen, as_it_should, json_response
from nen_ref.protocol.messages import JSON_TYPE, STATUS_PATH, STREAM_NONCE_HEADER
from nen_ref.protocol.payload import seal
from nen_ref.protocol.wire import dump_json, encode_base64, parse_json_object

DIFFER = "what two parsers read differently can be used against one of them"
TEXT_SEARCHED = "the body is searched for a text in place of being parsed"


def twisted(right: bytes, name: str) -> dict[str, bytes]:
    """The JSON object `right` in forms that parsers read differently; `name` is one of its members."""
    inside = right[1:-1]
    again = dump_json({name: parse_json_object(right)[name]})[1:-1]
    return {
        f"{name} named twice": b"{%b,%b}" % (again, inside),
        "a further member named twice": b'{%b,"a":1,"a":1}' % inside,
        "129 levels": b'{%b,"a":%b%b}' % (inside, b"[" * 128, b"]" * 128),
        "a number of 4301 digits": b'{%b,"a":%b}' % (inside, b"9" * 4301),
        "a lone surrogate": b'{%b,"a":"\\ud800"}' % inside,
        "NaN": b'{%b,"a":NaN}' % inside,
        "a byte order mark": b"\xef\xbb\xbf" + right,
        "not UTF-8 in a further member": b'{%b,"a":"\xff"}' % inside,
        "text behind the end": right + b"{}",
    }


def at_the_limit(right: bytes) -> bytes:
    """The JSON object `right` with as many levels and digits as every parser has to take."""
    return b'{%b,"a":%b%b,"b":%b}' % (right[1:-1], b"[" * 127, b"]" * 127, b"9" * 4300)


# JSON


@case(
    "v1/client-response/ambiguous-json",
    "V1-WIRE-05",
    "ISO-6001",
    needs=REQUEST,
    why=DIFFER,
    cause="the JSON parser of the platform, as it is",
)
async def ambiguous_json(probe: ClientProbe) -> None:
    """A sealed answer that names a member twice, nests too deep, or is no JSON that all parsers read alike is ISO-6001."""
    client = await probe.established()
    names = twisted(b'{"ct":1}', "ct")
    await judged(
        probe, client, {note: lambda seen, note=note: json_response(_twisted_answer(seen)[note]) for note in names}
    )


def _twisted_answer(seen: Seen) -> dict[str, bytes]:
    return twisted(seen.sealed(ANSWER).body, "ct")


@case(
    "v1/client-response/json-at-the-limit",
    "V1-WIRE-05",
    ACCEPTED,
    needs=REQUEST,
    why="an answer that is within the limits is lost",
    cause="a limit of the platform that is narrower",
)
async def json_at_the_limit(probe: ClientProbe) -> None:
    """A sealed answer whose further members nest 128 levels deep and have 4300 digits opens."""
    client = await probe.established()
    probe.server.on_request = lambda seen: json_response(at_the_limit(seen.sealed(ANSWER).body))
    reply = await client.echo("hello")
    probe.judge(reply)
    probe.gave(reply, "opened", payload=ANSWER)


@case(
    "v1/client-handshake/ambiguous-json",
    "V1-WIRE-05",
    "ISO-1004",
    needs=HANDSHAKE,
    why=DIFFER,
    cause="the JSON parser of the platform, as it is",
)
async def ambiguous_handshake(probe: ClientProbe) -> None:
    """An answer to a handshake that parsers read differently is ISO-1004."""
    for note in twisted(b'{"sid":1}', "sid"):
        await refused_handshake(
            probe, note, lambda seen, note=note: json_response(twisted(probe.server.handshake(seen).body, "sid")[note])
        )


@case(
    "v1/client-response/ambiguous-refusal",
    "V1-ERR-04",
    REFUSED,
    ACCEPTED,
    needs=REQUEST,
    why=DIFFER + ": a proxy that logs one code, and a client that acts upon another",
    cause="the last of two members is taken",
)
async def ambiguous_refusal(probe: ClientProbe) -> None:
    """A refusal whose body parsers read differently carries no code: neither of those in it is reported."""
    client = await probe.established()
    codes = ("ISO-4003", "ISO-5001")
    bodies = {
        "code named twice": b'{"error":{"code":"ISO-4003","code":"ISO-5001","message":"x"}}',
        "error named twice": b'{"error":{"code":"ISO-4003"},"error":{"code":"ISO-5001"}}',
        "129 levels": b'{"error":{"code":"ISO-4003"},"a":%b%b}' % (b"[" * 128, b"]" * 128),
        "a byte order mark": b'\xef\xbb\xbf{"error":{"code":"ISO-4003","message":"x"}}',
    }
    for note, body in bodies.items():
        probe.server.on_request = lambda seen, body=body: json_response(body, 409)
        reply = await client.echo(note)
        probe.judge(reply, note)
        probe.ensure(reply.code not in codes, f"{note}: reported as {reply.describe()}")
        probe.ensure(not reply.ok or reply["status"] == 409, f"{note}: 409 became a success")


@case(
    "v1/client-response/sealed-error-forms",
    "V1-RES-09",
    ACCEPTED,
    needs=REQUEST,
    why="an authentic answer of the application is thrown away for words that anybody could have written",
    cause="the body is searched for the text ct, or a member error decides before the seal",
)
async def sealed_error_forms(probe: ClientProbe) -> None:
    """A sealed 409 opens also where a member error stands beside the seal, or escapes stand in the names of its members."""
    client = await probe.established()
    refusal = {"error": {"code": "ISO-5001", "message": "x"}}

    def beside(seen: Seen) -> Response:
        return json_response({**parse_json_object(seen.sealed(ANSWER).body), **refusal}, 409)

    def escaped(seen: Seen) -> Response:
        right = parse_json_object(seen.sealed(ANSWER).body)
        return json_response(f'{{"\\u0063t":"{right["ct"]}","\\u006e":"{right["n"]}"}}'.encode(), 409)

    for note, script in {"a member error": beside, "escapes": escaped}.items():
        probe.server.on_request = script
        reply = await client.echo(note)
        probe.judge(reply, note)
        probe.gave(reply, note, status=409, payload=ANSWER)


# Content types and statuses


@case(
    "v1/client-response/content-type",
    "V1-RES-03",
    "ISO-6001",
    needs=REQUEST,
    why="two readers of one answer, of which one takes it for a page and the other for a seal",
    cause="the content type is not looked at",
)
async def content_type(probe: ClientProbe) -> None:
    """A sealed body of any other type than application/json is ISO-6001."""
    client = await probe.established()
    types = ("text/html", "text/plain", "application/problem+json", "application/jsonx", "text/json", "", None)
    await judged(
        probe,
        client,
        {f"{kind}": lambda seen, kind=kind: seen.sealed(ANSWER).with_header("content-type", kind) for kind in types},
    )


@case(
    "v1/client-response/content-type-forms",
    "V1-RES-01",
    ACCEPTED,
    needs=REQUEST,
    why="servers and proxies write the type in their own way",
    cause="the content type is compared as a whole, or with its case",
)
async def content_type_forms(probe: ClientProbe) -> None:
    """A sealed body whose type is written in capitals, or with parameters, opens."""
    client = await probe.established()
    for kind in ("Application/JSON", "application/json; charset=utf-8", "application/json;charset=UTF-8;v=1"):
        probe.server.on_request = lambda seen, kind=kind: seen.sealed(ANSWER).with_header("content-type", kind)
        reply = await client.echo("hello")
        probe.judge(reply, kind)
        probe.gave(reply, kind, payload=ANSWER)


@case(
    "v1/client-response/unsealed-204",
    "V1-RES-03",
    "ISO-6001",
    needs=REQUEST,
    why="a proxy turns every answer into a success that says nothing, and nobody notices",
    cause="an empty answer is taken for an empty payload",
)
async def unsealed_204(probe: ClientProbe) -> None:
    """A 204, and a 200 or 202 without a body, are ISO-6001: an empty answer is sealed too."""
    client = await probe.established()
    await judged(
        probe,
        client,
        {
            "204": lambda seen: Response(204),
            "204 as JSON": lambda seen: Response(204, (("content-type", JSON_TYPE),)),
            "200 without a body": lambda seen: Response(200, (("content-type", JSON_TYPE),)),
            "202 without a type": lambda seen: Response(202),
        },
    )


@case(
    "v1/client-response/empty-payload",
    "V1-RES-01",
    ACCEPTED,
    needs=REQUEST,
    why="a handler that answers nothing would be an error to its callers",
    cause="a sealed payload of no bytes is parsed as JSON",
)
async def empty_payload(probe: ClientProbe) -> None:
    """A sealed empty payload is an answer without a payload."""
    client = await probe.established()
    probe.server.on_request = lambda seen: seen.sealed(b"")
    reply = await client.echo("hello")
    probe.judge(reply)
    probe.gave(reply, "the answer", status=200)
    probe.ensure("payload" not in reply.values, "a payload was made up")


@case(
    "v1/client-response/head",
    "V1-RES-03",
    ACCEPTED,
    needs=REQUEST,
    why="half of the tools that look whether something is there ask with HEAD",
    cause="every 2xx has to be sealed, also where HTTP forbids a body",
)
async def head(probe: ClientProbe) -> None:
    """The answer to HEAD is taken as it is, without a body, whatever its status and its length; it is signed like any."""
    client = await probe.established()
    for status, length in ((200, None), (200, "84"), (204, None), (404, None), (404, "62")):
        right = Response(status, (("content-type", JSON_TYPE),)).with_header("content-length", length)
        probe.server.on_request = lambda seen, right=right: right
        note = f"{status}, Content-Length {length}"
        reply = await client.request("HEAD")
        probe.judge(reply, note)
        probe.gave(reply, note, status=status)
        probe.ensure("payload" not in reply.values, f"{note}: a payload was made up")
    probe.right_requests("signed")
    for seen in probe.server.requests:
        probe.ensure(seen.method == "HEAD" and not seen.body, f"{seen.method} with {len(seen.body)} bytes")
    probe.server.on_request = as_it_should
    probe.gave(await client.echo("x"), "a request afterwards", payload={"method": "POST", "body": "x"})


@case(
    "v1/client-lifecycle/401-on-head",
    "V1-LIFE-07",
    ACCEPTED,
    needs=REQUEST,
    why="a server that restarts would stop its clients for ever",
    cause="the answer to HEAD is handed out before its status is looked at",
)
async def head_401(probe: ClientProbe) -> None:
    """A HEAD of a session that the server has lost is sent once more under a new session."""
    client = await probe.established()
    probe.server.forget_sessions()
    reply = await client.request("HEAD")
    probe.judge(reply)
    probe.gave(reply, "the retry", status=200)
    probe.count("requests", len(probe.server.requests), 2)
    probe.count("handshakes", len(probe.server.handshakes), 2)


# Nonces


@case(
    "v1/client-response/nonce-of-a-forgery",
    "V1-RES-04",
    ACCEPTED,
    needs=REQUEST,
    why="who sends one wrong answer in advance makes the right one be refused",
    cause="the nonce of an answer is remembered before the answer has opened",
)
async def nonce_of_a_forgery(probe: ClientProbe) -> None:
    """An answer opens although a forgery that did not open had used its nonce before."""
    client = await probe.established()
    n = random_bytes(12)
    for note, ct in {"a ct of zeros": bytes(40), "no ct to speak of": b"x", "an altered ct": None}.items():

        def forgery(seen: Seen, ct: bytes | None = ct) -> Response:
            made = ct or bytes((octet ^ 1) for octet in seal(seen.key, n, b'{"forged":true}').ct)
            return json_response({"ct": encode_base64(made), "n": encode_base64(n)})

        probe.server.on_request = forgery
        reply = await client.echo(note)
        probe.ensure(reply.code == "ISO-4001", f"{note}: {reply.describe()}")
    probe.server.on_request = lambda seen: seen.sealed(ANSWER, n)
    reply = await client.echo("the right one")
    probe.judge(reply, "the right one under the same nonce")
    probe.gave(reply, "the right one", payload=ANSWER)


@case(
    "v1/client-stream/two-nonce-headers",
    "V1-STR-20",
    "ISO-7001",
    "ISO-6002",
    needs=STREAM,
    why=FORGED + ": of two base nonces each reader could take another one",
    cause="the first, or the last, of two headers is taken",
)
async def two_nonce_headers(probe: ClientProbe) -> None:
    """A stream with two X-Nen-Stream-Nonce headers is ISO-7001, whichever of them is right."""
    client = await probe.established()
    for note, place in {"the right one first": 1, "the right one last": 0}.items():

        def script(seen: Seen, place: int = place) -> Response:
            right = seen.streamed(["a", "b"])
            headers = list(right.headers)
            headers.insert(len(headers) - 1 + place, (STREAM_NONCE_HEADER, encode_base64(random_bytes(12))))
            return Response(right.status, tuple(headers), right.pieces)

        probe.server.on_request = script
        reply = await client.chunks("a")
        probe.judge(reply, note)
        probe.released(reply, note, "")


# The other endpoints


@case(
    "v1/client-lifecycle/status-of-other-answers",
    "V1-LIFE-01",
    ACCEPTED,
    REFUSED,
    needs=STATUS,
    why="an application shows what needs a session to whoever answers anything",
    cause=TEXT_SEARCHED,
)
async def status_of_other_answers(probe: ClientProbe) -> None:
    """Status is true for a 200 with {"valid": true} and for nothing else that comes."""
    client = await probe.established()
    bodies = {
        "false": b'{"valid":false}',
        "a text": b'{"valid":"true"}',
        "one": b'{"valid":1}',
        "null": b'{"valid":null}',
        "in another object": b'{"valid":false,"session":{"valid":true}}',
        "in a text": b'{"note":"\\"valid\\":true"}',
        "in a list": b'[{"valid":true}]',
        "another name": b'{"Valid":true,"invalid":true}',
        "named twice": b'{"valid":false,"valid":true}',
        "a page": b'<p>"valid":true</p>',
        "empty": b"",
    }
    for note, body in bodies.items():
        await _not_valid(probe, client, note, json_response(body))
    for status in (401, 404, 500):
        await _not_valid(probe, client, f"status {status}", json_response(b'{"valid":true}', status))
    spaced = json_response(b'\n{ "since": [1], "valid" : true }\n')
    probe.server.on_plain = lambda seen: spaced if seen.path == STATUS_PATH else None
    probe.gave(await client.status(), "true with white space and further members", valid=True)


async def _not_valid(probe: ClientProbe, client: Client, note: str, answer: Response) -> None:
    probe.server.on_plain = lambda seen: answer if seen.path == STATUS_PATH else None
    reply = await client.status()
    probe.judge(reply, note)
    probe.ensure(not reply.ok or reply["valid"] is False, f"{note}: taken for valid")


@case(
    "v1/client-handshake/headers-of-the-answer",
    "V1-WIRE-04",
    ACCEPTED,
    needs=REQUEST,
    why="proxies add headers of their own",
    cause="a session id or a key is taken from a header",
)
async def headers_of_the_answer(probe: ClientProbe) -> None:
    """Headers of an answer to a handshake that look like those of a request change nothing."""
    client = await probe.client()

    def script(seen: Seen) -> Response:
        right = probe.server.handshake(seen)
        others = (("x-nen-session", "other"), ("x-nen-nonce", "AAAA"), ("x-nen-signature", "AAAA"), ("x-hmac", "AAAA"))
        return Response(right.status, (*right.headers, *others), right.pieces)

    probe.server.on_handshake = script
    probe.judge(await client.handshake())
    probe.gave(await client.echo("x"), "a request", payload={"method": "POST", "body": "x"})
    probe.right_requests("under the session of the body")
