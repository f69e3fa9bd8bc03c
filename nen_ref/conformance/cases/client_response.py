"""Answers to requests, right and wrong: section 7 of the specification, on the client's side."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nen_ref.conformance.cases.client_handshake import REQUEST
from nen_ref.conformance.client_probe import Client, ClientProbe
from nen_ref.conformance.model import ACCEPTED, REFUSED
from nen_ref.conformance.peer import with_unused_bits
from nen_ref.conformance.randomness import random_bytes
from nen_ref.conformance.registry import case
from nen_ref.conformance.scripted import Response, Seen, as_it_should, error_response, json_response, stream_response
from nen_ref.protocol.errors import CATALOGUE
from nen_ref.protocol.payload import dump_envelope, seal
from nen_ref.protocol.wire import encode_base64, parse_json_object

FORGED = "whoever sits between the two can put words into the server's mouth"
REFLECTED = "both directions share one key: a proxy answers with the client's own words, and the client believes them"
ANSWER = {"forged": False}


def changed(seen: Seen, **members: object) -> Response:
    """The right answer with members of its body replaced; None leaves one out."""
    right = parse_json_object(seen.sealed(ANSWER).body)
    return json_response({name: value for name, value in (right | members).items() if value is not None})


def flipped(seen: Seen, name: str, at: int) -> Response:
    """The right answer with one bit of a member flipped."""
    n, payload = bytearray(random_bytes(12)), b'{"forged":false}'
    ct = bytearray(seal(seen.key, bytes(n), payload).ct)
    target = ct if name == "ct" else n
    target[at] ^= 0x10
    return json_response({"ct": encode_base64(bytes(ct)), "n": encode_base64(bytes(n))})


async def judged(probe: ClientProbe, client: Client, answers: Mapping[str, Callable[[Seen], Response]]) -> None:
    """Judge a request for each of these answers. The session is right before and after."""
    for note, answer in answers.items():
        probe.server.on_request = answer
        before = len(probe.server.requests)
        probe.judge(await client.echo(note), note)
        sent = len(probe.server.requests) - before
        probe.ensure(sent == 1, f"{note}: the request was sent {sent} times")
    probe.server.on_request = as_it_should
    afterwards = await client.echo("afterwards")
    probe.gave(afterwards, "a right answer afterwards", payload={"method": "POST", "body": "afterwards"})


@case(
    "v1/client-response/opens",
    "V1-RES-01",
    ACCEPTED,
    needs=REQUEST,
    why="the client would understand no server",
    cause="the answer is opened under another key, nonce or associated data",
)
async def opens(probe: ClientProbe) -> None:
    """Sealed answers of any JSON value open to that value."""
    client = await probe.established()
    values: tuple[object, ...] = ({"a": 1}, [], "", "\u00e9\U0001f98a", 0, False, None, "x" * 70_000)
    for value in values:
        probe.server.on_request = lambda seen, value=value: seen.sealed(value)
        reply = await client.echo("hello")
        probe.judge(reply, f"{str(value)[:20]!r}")
        probe.gave(reply, f"{str(value)[:20]!r}", status=200, payload=value)


@case(
    "v1/client-response/nonces-with-high-bits",
    "V1-RES-01",
    ACCEPTED,
    needs=REQUEST,
    why="one answer in a few would not open",
    cause="bytes of the nonce are taken for signed numbers, or for text",
)
async def nonces_with_high_bits(probe: ClientProbe) -> None:
    """Answers under nonces of all ones, all zeros and mixed high bits open."""
    client = await probe.established()
    nonces = (b"\xff" * 12, bytes(12), bytes.fromhex("80ff7f0001fe8000ff00ff80"), b"\x80" * 11 + b"\x00")
    for n in nonces:
        probe.server.on_request = lambda seen, n=n: seen.sealed({"n": n.hex()}, n)
        probe.gave(await client.echo("hello"), n.hex(), payload={"n": n.hex()})


@case(
    "v1/client-response/further-members",
    "V1-WIRE-04",
    ACCEPTED,
    needs=REQUEST,
    why="a server that adds a member would lose its clients",
    cause="the answer is checked against a closed schema",
)
async def further_members(probe: ClientProbe) -> None:
    """A sealed answer with further members, white space and a charset in its type opens."""
    client = await probe.established()

    def script(seen: Seen) -> Response:
        right = parse_json_object(seen.sealed(ANSWER).body)
        text = f'\n {{ "v":1, "n" : "{right["n"]}", "more":{{"ct":"no"}}, "ct":"{right["ct"]}" }}\r\n'
        return json_response(text.encode()).with_header("content-type", "application/json; charset=utf-8")

    probe.server.on_request = script
    reply = await client.echo("hello")
    probe.judge(reply)
    probe.gave(reply, "opened", payload=ANSWER)


@case(
    "v1/client-response/altered",
    "V1-RES-07",
    "ISO-4001",
    needs=REQUEST,
    why=FORGED,
    cause="the stream cipher alone is used, or the plaintext is handed out before the tag is checked",
)
async def altered(probe: ClientProbe) -> None:
    """A ct altered in its first, a middle or its last byte, or an n in its first or last, is ISO-4001."""
    client = await probe.established()
    places = (("ct", 0), ("ct", 8), ("ct", 16), ("ct", -1), ("n", 0), ("n", 11))
    await judged(
        probe, client, {f"{name}[{at}]": lambda seen, name=name, at=at: flipped(seen, name, at) for name, at in places}
    )


@case(
    "v1/client-response/cut",
    "V1-RES-07",
    "ISO-4001",
    "ISO-6001",
    needs=REQUEST,
    why=FORGED,
    cause="the tag is compared as far as it goes",
)
async def cut(probe: ClientProbe) -> None:
    """A ct without its last byte, of the tag alone, of 15 bytes or of none is refused."""
    client = await probe.established()

    def shortened(seen: Seen, size: int) -> Response:
        n = random_bytes(12)
        return json_response({"ct": encode_base64(seal(seen.key, n, b'{"a":1}').ct[:size]), "n": encode_base64(n)})

    await judged(
        probe,
        client,
        {f"cut to {size}": lambda seen, size=size: shortened(seen, size) for size in (22, 16, 15, 1, 0)},
    )


@case(
    "v1/client-response/plain-json",
    "V1-RES-03",
    "ISO-6001",
    needs=REQUEST,
    why="a proxy turns encryption off by answering in plain: a downgrade that nobody sees",
    cause="a fallback for servers without Nen",
)
async def plain_json(probe: ClientProbe) -> None:
    """A 200 with the answer in plain JSON is ISO-6001, whatever it looks like."""
    client = await probe.established()
    await judged(
        probe,
        client,
        {
            "what echo would say": lambda seen: json_response({"method": "POST", "body": seen.value}),
            "an empty object": lambda seen: json_response({}),
            "a list": lambda seen: json_response([]),
            "null": lambda seen: json_response(b"null"),
            "a text": lambda seen: json_response(b'"ok"'),
            "an error body with 200": lambda seen: json_response(error_response(CATALOGUE["ISO-9000"]).body),
        },
    )


@case(
    "v1/client-response/plain-page",
    "V1-RES-03",
    "ISO-6001",
    needs=REQUEST,
    why="a login page of a proxy is not an answer of the server",
    cause="whatever is not JSON is handed to the caller as text",
)
async def plain_page(probe: ClientProbe) -> None:
    """A 200 that is a page, plain text, empty or cut-off JSON is ISO-6001."""
    client = await probe.established()
    page = Response(200, (("content-type", "text/html"),), (b"<!doctype html><title>Log in</title>",))
    await judged(
        probe,
        client,
        {
            "a page": lambda seen: page,
            "plain text": lambda seen: Response(200, (("content-type", "text/plain"),), (b"ok",)),
            "empty": lambda seen: json_response(b""),
            "cut-off JSON": lambda seen: json_response(b'{"ct":"AAAA","n":"AA'),
            "not UTF-8": lambda seen: json_response(b'{"ct":"\xff","n":""}'),
        },
    )


@case(
    "v1/client-response/stream-in-place-of-an-answer",
    "V1-RES-03",
    REFUSED,
    needs=REQUEST,
    why="a client that reads a stream as an answer waits for its end, or hands out frames as text",
    cause="the content type is not looked at",
)
async def stream_in_place_of_an_answer(probe: ClientProbe) -> None:
    """A stream in answer to an ordinary request is refused."""
    client = await probe.established()

    def script(seen: Seen) -> Response:
        base_nonce = random_bytes(12)
        return stream_response(base_nonce, seen.events(["a"], base_nonce))

    await judged(probe, client, {"a stream": script})


@case(
    "v1/client-response/member-missing",
    "V1-RES-08",
    "ISO-6001",
    needs=REQUEST,
    why="half a sealed answer is none",
    cause="an absent member becomes the empty text, or crashes",
)
async def member_missing(probe: ClientProbe) -> None:
    """An answer without ct, or without n, is ISO-6001."""
    client = await probe.established()
    await judged(
        probe, client, {"no ct": lambda seen: changed(seen, ct=None), "no n": lambda seen: changed(seen, n=None)}
    )


@case(
    "v1/client-response/member-mistyped",
    "V1-RES-08",
    "ISO-6001",
    needs=REQUEST,
    why="an exception that nobody expects takes the application down",
    cause="values are decoded without a look at their type",
)
async def member_mistyped(probe: ClientProbe) -> None:
    """A ct or n that is a number, a list, an object, true or null is ISO-6001."""
    client = await probe.established()
    values = (7, [1, 2], {"a": 1}, True)
    await judged(
        probe,
        client,
        {
            f"{name} is {value!r}": lambda seen, name=name, value=value: changed(seen, **{name: value})
            for name in ("ct", "n")
            for value in values
        },
    )


@case(
    "v1/client-response/number-arrays",
    "V1-WIRE-03",
    "ISO-6001",
    "ISO-6002",
    needs=REQUEST,
    why="two ways to write one value",
    cause="arrays of numbers are taken for bytes",
)
async def number_arrays(probe: ClientProbe) -> None:
    """A right ct, or a right n, as an array of numbers is ISO-6001 (or ISO-6002)."""
    client = await probe.established()

    def as_numbers(seen: Seen, name: str) -> Response:
        n = random_bytes(12)
        ct = seal(seen.key, n, b'{"a":1}').ct
        members: dict[str, object] = {"ct": encode_base64(ct), "n": encode_base64(n)}
        return json_response(members | {name: list(ct if name == "ct" else n)})

    await judged(probe, client, {name: lambda seen, name=name: as_numbers(seen, name) for name in ("ct", "n")})


@case(
    "v1/client-response/undecodable",
    "V1-RES-08",
    "ISO-6002",
    "ISO-6001",
    needs=REQUEST,
    why="what a lenient decoder skips can carry a second reading",
    cause="the decoder skips what it does not know",
)
async def undecodable(probe: ClientProbe) -> None:
    """A ct that is not base64, unpadded, with white space or with unused bits set is ISO-6002."""
    client = await probe.established()

    changes: dict[str, Callable[[str], str]] = {
        "not base64": lambda text: "*" + text[1:],
        "unpadded": lambda text: text.rstrip("="),
        "white space": lambda text: text[:4] + " " + text[4:],
        "unused bits": with_unused_bits,
    }
    await judged(
        probe,
        client,
        {note: lambda seen, change=change: _with_ct(seen, change) for note, change in changes.items()},
    )


def _with_ct(seen: Seen, change: Callable[[str], str]) -> Response:
    """A right answer of 25 sealed bytes, so that its base64 is padded, whose ct is written in another way."""
    right = parse_json_object(seen.sealed({"abc": 1}).body)
    return json_response(right | {"ct": change(str(right["ct"]))})


@case(
    "v1/client-response/n-wrong-length",
    "V1-RES-08",
    "ISO-6001",
    "ISO-4001",
    needs=REQUEST,
    why="a nonce that is filled up or cut is another nonce",
    cause="the nonce is padded with zeros, or the exception of the cipher reaches the caller",
)
async def n_wrong_length(probe: ClientProbe) -> None:
    """An n of 0, 8, 11, 13 or 24 bytes is ISO-6001 (or ISO-4001)."""
    client = await probe.established()
    sizes = (0, 8, 11, 13, 24)
    await judged(
        probe,
        client,
        {f"n of {size}": lambda seen, size=size: changed(seen, n=encode_base64(bytes(size))) for size in sizes},
    )


@case(
    "v1/client-response/reflected",
    "V1-RES-04",
    "ISO-4001",
    needs=REQUEST,
    why=REFLECTED,
    cause="the nonce of the answer is not compared with that of the request",
)
async def reflected(probe: ClientProbe) -> None:
    """The client's own request, sent back as its answer, is ISO-4001."""
    client = await probe.established()

    def itself(seen: Seen) -> Response:
        return json_response(seen.body if seen.fault else dump_envelope(seen.envelope))

    await judged(probe, client, {"its own body": itself})


@case(
    "v1/client-response/earlier-request-reflected",
    "V1-RES-04",
    "ISO-4001",
    needs=REQUEST,
    why=REFLECTED,
    cause="only the nonce of the last request is remembered",
)
async def earlier_request_reflected(probe: ClientProbe) -> None:
    """An earlier request of the session, sent back as an answer, is ISO-4001."""
    client = await probe.established()
    for i in range(3):
        probe.gave(await client.echo(i), f"request {i}", payload={"method": "POST", "body": i})
    old = dump_envelope(probe.server.requests[0].envelope)
    await judged(probe, client, {"the first of four requests": lambda seen: json_response(old)})


@case(
    "v1/client-response/earlier-answer",
    "V1-RES-04",
    "ISO-4001",
    needs=REQUEST,
    why="a proxy repeats yesterday's balance, and it opens",
    cause="nonces of answers are not remembered",
)
async def earlier_answer(probe: ClientProbe) -> None:
    """An answer that came before in the session, the last one or an older one, is ISO-4001."""
    client = await probe.established()
    sent: list[Response] = []

    def keep(seen: Seen) -> Response:
        sent.append(seen.sealed({"number": len(sent)}))
        return sent[-1]

    probe.server.on_request = keep
    for i in range(3):
        probe.gave(await client.echo(i), f"request {i}", payload={"number": i})
    await judged(probe, client, {"the last": lambda seen: sent[2], "the first": lambda seen: sent[0]})


@case(
    "v1/client-response/of-another-session",
    "V1-LIFE-10",
    "ISO-4001",
    needs=REQUEST,
    why="one client would read what belongs to another",
    cause="keys are kept in a global",
)
async def of_another_session(probe: ClientProbe) -> None:
    """An answer sealed under another client's session is ISO-4001."""
    client = await probe.established()
    other = await probe.established()
    probe.server.on_request = lambda seen: seen.sealed(ANSWER)
    probe.gave(await other.echo("x"), "the other client", payload=ANSWER)
    foreign = probe.server.requests[-1]
    await judged(probe, client, {"another's answer": lambda seen: foreign.sealed(ANSWER)})


@case(
    "v1/client-response/under-the-hmac-key",
    "V1-HS-06",
    "ISO-4001",
    needs=REQUEST,
    why="the HMAC key is visible wherever TLS ends: whoever reads it there would seal answers",
    cause="a second key is tried when the first does not open",
)
async def under_the_hmac_key(probe: ClientProbe) -> None:
    """An answer sealed under the HMAC key of the session, or under a key of zeros, is ISO-4001."""
    client = await probe.established()

    def under(seen: Seen, key: bytes) -> Response:
        return json_response(dump_envelope(seal(key, random_bytes(12), b'{"a":1}')))

    await judged(
        probe,
        client,
        {
            "the HMAC key": lambda seen: under(seen, seen.session.keys.mac if seen.session else bytes(32)),
            "zeros": lambda seen: under(seen, bytes(32)),
        },
    )


@case(
    "v1/client-response/connection-cut",
    "V1-RES-07",
    REFUSED,
    needs=REQUEST,
    why="half an answer taken for a whole one",
    cause="the end of the connection is taken for the end of the answer",
)
async def connection_cut(probe: ClientProbe) -> None:
    """An answer that breaks off with the connection is an error, not a success and not a crash."""
    client = await probe.established()

    def script(seen: Seen) -> Response:
        right = seen.sealed({"text": "z" * 300})
        return Response(right.status, right.headers, (right.body[:200],), "cut")

    probe.server.on_request = script
    probe.judge(await client.echo("hello"))
    probe.server.on_request = as_it_should
    probe.gave(await client.echo("x"), "the next request", payload={"method": "POST", "body": "x"})


@case(
    "v1/client-response/error-codes",
    "V1-ERR-04",
    REFUSED,
    needs=REQUEST,
    why="a caller that cannot tell a replay from a bad payload cannot do the right thing",
    cause="every refusal becomes one and the same error",
)
async def error_codes(probe: ClientProbe) -> None:
    """A refusal is reported with the server's code; it is sent once and not retried."""
    client = await probe.established()
    for code in ("ISO-4001", "ISO-4003", "ISO-5001", "ISO-6001", "ISO-6002", "ISO-9000", "ISO-4002"):
        probe.server.on_request = lambda seen, code=code: error_response(CATALOGUE[code])
        before = len(probe.server.requests)
        reply = await client.echo(code)
        probe.judge(reply, code)
        probe.ensure(reply.code == code, f"the server said {code}, the client reports {reply.describe()}")
        probe.count(f"requests for {code}", len(probe.server.requests) - before, 1)


@case(
    "v1/client-response/unknown-error-codes",
    "V1-ERR-04",
    REFUSED,
    needs=REQUEST,
    why="a code of a proxy's invention steers the caller",
    cause="the code is taken from the body as it is",
)
async def unknown_error_codes(probe: ClientProbe) -> None:
    """A refusal without a code of the catalogue is handed out with its status, or is an error with a code of it."""
    client = await probe.established()
    bodies: dict[str, tuple[int, bytes]] = {
        "an unknown code": (400, b'{"error":{"code":"ISO-1234","message":"x"}}'),
        "a code that is a number": (400, b'{"error":{"code":3002}}'),
        "error is a text": (500, b'{"error":"ISO-3002"}'),
        "a page": (502, b"<html>Bad gateway</html>"),
        "nothing": (503, b""),
        "a list": (418, b"[[[[]]]]"),
    }
    for note, (status, body) in bodies.items():
        probe.server.on_request = lambda seen, status=status, body=body: json_response(body, status)
        reply = await client.echo(note)
        if reply.ok:  # a client may hand out a bare refusal as it is, by its status
            probe.ensure(reply["status"] == status, f"{note}: status {status} was given as {reply['status']}")
        else:
            probe.judge(reply, note)


@case(
    "v1/client-response/sealed-error",
    "V1-RES-09",
    ACCEPTED,
    needs=REQUEST,
    why="the application's own errors are lost to the caller",
    cause="whatever is not 2xx is taken for a refusal of Nen",
)
async def sealed_error(probe: ClientProbe) -> None:
    """Sealed answers with status 201, 404, 409 and 422 are opened, and handed out with their status."""
    client = await probe.established()
    for status in (201, 404, 409, 422, 500):
        probe.server.on_request = lambda seen, status=status: seen.sealed({"status": status}, status=status)
        reply = await client.echo("hello")
        probe.judge(reply, f"{status}")
        probe.gave(reply, f"{status}", status=status, payload={"status": status})


@case(
    "v1/client-response/redirect",
    "V1-HS-16",
    REFUSED,
    ACCEPTED,
    needs=REQUEST,
    why="a redirect carries session id and signature to a host of the attacker's choice",
    cause="the HTTP library follows redirects unless told not to",
)
async def redirect(probe: ClientProbe) -> None:
    """A redirect in answer to a request is not followed."""
    client = await probe.established()
    for status in (301, 302, 303, 307, 308):
        location = f"{probe.server.url}/api/moved"
        probe.server.on_request = lambda seen, status=status, location=location: Response(
            status, (("location", location),)
        )
        reply = await client.echo("hello")
        probe.judge(reply, f"{status}")
        if reply.ok:
            probe.ensure(reply["status"] == status, f"{status} was handed out as {reply['status']}")
    moved = [seen for seen in probe.server.seen if "moved" in seen.target]
    probe.ensure(not moved, f"followed {len(moved)} times" if moved else "not followed")
