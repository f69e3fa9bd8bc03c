"""Requests, seen from the server: sections 4 and 5 of the specification, on the client's side."""

from __future__ import annotations

import anyio

from nen_ref.conformance.cases.client_handshake import REQUEST
from nen_ref.conformance.client_probe import ClientProbe
from nen_ref.conformance.model import ACCEPTED, REFUSED
from nen_ref.conformance.peer import now_ms
from nen_ref.conformance.registry import case
from nen_ref.conformance.scripted import Response, Seen, json_response
from nen_ref.protocol.messages import SESSION_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER
from nen_ref.protocol.wire import encode_base64, parse_json_object

MANY = 1000
NONCE_TWICE = "two payloads under one nonce give away the XOR of both, and the key that authenticates them"
PATH = "the server signs what stands on the wire; anything else is ISO-3002 for some paths and not for others"


@case(
    "v1/client-request/methods",
    "V1-REQ-01",
    ACCEPTED,
    needs=REQUEST,
    why="half of an API is not POST",
    cause="only POST is sealed",
)
async def methods(probe: ClientProbe) -> None:
    """POST, PUT, PATCH and DELETE with a payload are sealed and signed right."""
    client = await probe.established()
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        reply = await client.request(method, payload={"method": method})
        probe.judge(reply, method)
        probe.gave(reply, method, status=200, payload={"method": method, "body": {"method": method}})
    probe.right_requests("sealed and signed")
    probe.count("requests", len(probe.server.requests), 4)


@case(
    "v1/client-request/without-body",
    "V1-AUTH-05",
    ACCEPTED,
    needs=REQUEST,
    why="NONCE is empty where there is no body; anything else is ISO-3002",
    cause="a nonce is signed that nobody sends, or an empty body is sealed",
    only=("v1",),
)
async def without_body(probe: ClientProbe) -> None:
    """GET and DELETE without a payload have no body and are signed with the empty NONCE."""
    client = await probe.established()
    for method in ("GET", "DELETE"):
        reply = await client.request(method)
        probe.judge(reply, method)
        probe.gave(reply, method, payload={"method": method, "body": None})
    probe.right_requests("signed")
    for seen in probe.server.requests:
        probe.ensure(not seen.body, f"{seen.method}: a body of {len(seen.body)} bytes")


@case(
    "v1/client-request/json-values",
    "V1-REQ-01",
    ACCEPTED,
    needs=REQUEST,
    why="an application may send any JSON value",
    cause="only objects are sealed; null, false, 0 and the empty text are taken for no body",
)
async def json_values(probe: ClientProbe) -> None:
    """Objects, lists, texts, numbers, true, false and null arrive as they were given."""
    client = await probe.established()
    values: tuple[object, ...] = ({"a": {"b": [1, 2]}}, [], {}, "", "text", 0, -1.5, 12345678901, True, False, None)
    for value in values:
        reply = await client.echo(value)
        probe.judge(reply, f"{value!r}")
        last = probe.server.requests[-1] if probe.server.requests else None
        arrived = last is not None and bool(last.body) and last.value == value
        probe.ensure(arrived, f"{value!r}: {'arrived' if arrived else 'another value arrived'}")
        probe.gave(reply, f"{value!r}", payload={"method": "POST", "body": value})
    probe.right_requests("sealed and signed")


@case(
    "v1/client-request/unicode",
    "V1-WIRE-04",
    ACCEPTED,
    needs=REQUEST,
    why="text in other scripts would be lost",
    cause="strings are turned into bytes as Latin-1 or UTF-16",
)
async def unicode(probe: ClientProbe) -> None:
    """Text in any script, with control characters and beyond the basic plane, goes there and back."""
    client = await probe.established()
    value = {"Gr\u00fc\u00dfe": '\u4e16\u754c \U0001f98a \u0000 \u2028 e\u0301 \u00e9 \\ " \u007f'}
    reply = await client.echo(value)
    probe.judge(reply)
    probe.gave(reply, "unicode", payload={"method": "POST", "body": value})
    probe.right_requests("sealed and signed")


@case(
    "v1/client-request/size",
    "V1-WIRE-06",
    ACCEPTED,
    needs=REQUEST,
    why="encryption that multiplies traffic is turned off again",
    cause="bytes are sent as number arrays, in hex, or base64 of base64",
)
async def size(probe: ClientProbe) -> None:
    """Bodies for payloads of 1, 4, 64 and 512 KiB are below 1.4 times the payload, and arrive whole."""
    client = await probe.established()
    for length in (1024, 4096, 65536, 524288):
        text = "z" * length
        reply = await client.echo(text)
        probe.judge(reply, f"{length} bytes")
        last = probe.server.requests[-1] if probe.server.requests else None
        ratio = len(last.body) / (length + 2) if last else 0
        probe.ensure(0 < ratio < 1.4, f"{length} bytes: {ratio:.2f} times the payload")
        probe.ensure(last is not None and last.payload is not None and len(last.payload) >= length, f"{length}: whole")
    probe.right_requests("sealed and signed")


@case(
    "v1/client-request/envelope",
    "V1-WIRE-01",
    ACCEPTED,
    needs=REQUEST,
    why="a strict server refuses the body",
    cause="the body is form-encoded, or holds hex, number arrays or unpadded base64",
    only=("v1",),
)
async def envelope(probe: ClientProbe) -> None:
    """A body is an object with the texts ct and n, strict base64, n of 12 bytes."""
    client = await probe.established()
    probe.judge(await client.echo("x" * 100))
    for seen in probe.server.requests:
        probe.ensure(
            seen.n is not None and len(seen.n) == 12 if not seen.fault else False, f"n: {seen.wrong or 'right'}"
        )


@case(
    "v1/client-request/content-type",
    "V1-REQ-11",
    ACCEPTED,
    needs=REQUEST,
    why="frameworks and firewalls drop, or parse as a form, what does not say that it is JSON",
    cause="the HTTP library's own default goes out",
)
async def content_type(probe: ClientProbe) -> None:
    """The bodies of a handshake and of a request are said to be application/json."""
    client = await probe.established()
    probe.judge(await client.echo("x"))
    for seen in (*probe.server.handshakes, *probe.server.requests):
        said = seen.headers.get("content-type", "").partition(";")[0].strip().lower()
        probe.ensure(said == "application/json", f"{seen.target}: content type {said!r}")


@case(
    "v1/client-request/fresh-nonces",
    "V1-REQ-02",
    ACCEPTED,
    needs=REQUEST,
    why=NONCE_TWICE,
    cause="a counter that restarts, a generator seeded with the time, or a nonce made once for each session",
)
async def fresh_nonces(probe: ClientProbe) -> None:
    """A thousand requests carry a thousand different nonces, no two alike in their first eight bytes, and timestamps that
    never go backwards."""
    client = await probe.established()
    for i in range(MANY):
        reply = await client.echo(i)
        if not reply.ok:
            probe.judge(reply, f"request {i}")
            return
    probe.judge(reply, "the last request")
    probe.right_requests("all of them")
    nonces = [seen.n for seen in probe.server.requests if seen.n]
    probe.count("different nonces", len(set(nonces)), MANY)
    times = [seen.headers.get(TIMESTAMP_HEADER, "") for seen in probe.server.requests]
    probe.ensure(times == sorted(times), "timestamps go backwards")
    probe.ensure(len(set(times)) > 1, "one and the same timestamp for all")
    probe.count("different beginnings of eight bytes", len({n[:8] for n in nonces}), MANY)


@case(
    "v1/client-request/nonces-random",
    "V1-REQ-02",
    ACCEPTED,
    needs=REQUEST,
    why="a nonce that can be foretold can be used up by somebody else, and two clients of one key collide",
    cause="the nonce is a counter or a clock",
    level="recommended",
)
async def nonces_random(probe: ClientProbe) -> None:
    """Every bit of the nonces of two hundred requests is one in a quarter to three quarters of them."""
    client = await probe.established()
    for i in range(200):
        probe.judge(await client.echo(i), "requests")
    nonces = [int.from_bytes(seen.n, "big") for seen in probe.server.requests if seen.n]
    counts = [sum(n >> bit & 1 for n in nonces) for bit in range(96)]
    probe.ensure(len(nonces) == 200 and all(50 <= count <= 150 for count in counts), "bits that hardly ever change")


@case(
    "v1/client-request/timestamps",
    "V1-AUTH-09",
    ACCEPTED,
    needs=REQUEST,
    level="required",
    why="a server refuses any other timestamp",
    cause="seconds, a date, a fraction, or the time of the handshake",
)
async def timestamps(probe: ClientProbe) -> None:
    """Timestamps are decimal digits, milliseconds since 1970, and those of the moment, a second later too."""
    client = await probe.established()
    for i in range(4):
        await anyio.sleep(0.3)
        before = now_ms()
        probe.judge(await client.echo(i), "requests")
        text = probe.last_request("a request").headers.get(TIMESTAMP_HEADER, "")
        probe.need(text.isascii() and text.isdigit(), f"the timestamp has {len(text)} characters, not all digits")
        probe.ensure(before - 150 <= int(text) <= now_ms() + 50, "the timestamp is not of the moment: seconds, or old")


@case(
    "v1/client-request/session-id-as-given",
    "V1-HS-09",
    ACCEPTED,
    needs=REQUEST,
    level="required",
    why="session ids are opaque: another server makes other ones",
    cause="the client parses the id as a UUID, or changes its case",
)
async def session_id_as_given(probe: ClientProbe) -> None:
    """Session ids that are no UUIDs, short, long and with punctuation, come back as they were given."""
    for sid in ("s", "ABC-def_123.~", "x" * 200, "a/b+c==", "6F1ED002-AB55-4E8F-9C3A-2B1F7D0C9E11"):
        client = await probe.client()

        def script(seen: Seen, sid: str = sid) -> Response:
            right = parse_json_object(probe.server.handshake(seen).body)
            probe.server.sessions[sid] = probe.server.sessions.pop(str(right["sid"]))
            return json_response(right | {"sid": sid})

        probe.server.on_handshake = script
        handshake = await client.handshake()
        probe.ensure(handshake.ok, f"the handshake with {sid[:20]!r}: {handshake.describe()}")
        probe.judge(await client.echo("hello"), f"{sid[:20]!r}")
        sent = probe.last_request("a request").headers.get(SESSION_HEADER)
        probe.ensure(sent == sid, f"{sid[:20]!r}: {'as given' if sent == sid else 'another id came back'}")
    probe.right_requests("under it")


@case(
    "v1/client-request/keys-not-sent",
    "V1-LIFE-08",
    ACCEPTED,
    needs=REQUEST,
    why="whoever sees one request could forge and read all others",
    cause="the keys travel in a header for debugging",
)
async def keys_not_sent(probe: ClientProbe) -> None:
    """No request holds the secret or the HMAC key, in base64 or in hex."""
    client = await probe.established()
    probe.judge(await client.echo("hello"))
    probe.judge(await client.request("GET"))
    keys = [key for session in probe.server.sessions.values() for key in (session.keys.enc, session.keys.mac)]
    forms = [form for key in keys for form in (encode_base64(key), key.hex(), encode_base64(key).rstrip("="))]
    for seen in probe.server.requests:
        text = " ".join((seen.target, *seen.headers.values(), seen.body.decode("utf-8", "replace")))
        probe.ensure(not any(form in text for form in forms), f"a key in {seen.method} {seen.target}")


@case(
    "v1/client-request/payload-sealed",
    "V1-REQ-01",
    ACCEPTED,
    needs=REQUEST,
    why="the payload would be plain to everything past TLS, which is all that Nen is for",
    cause="a fallback to plain JSON, for a method or a header that was forgotten",
)
async def payload_sealed(probe: ClientProbe) -> None:
    """Nothing of the payload stands in the request in plain, whatever the method."""
    client = await probe.established()
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        probe.judge(await client.request(method, payload={"secret": "plaintext-marker"}), method)
    for seen in probe.server.requests:
        whole = seen.target.encode() + seen.body + " ".join(seen.headers.values()).encode()
        probe.ensure(b"plaintext-marker" not in whole, f"{seen.method}: the payload in plain")


@case(
    "v1/client-request/query-not-signed",
    "V1-AUTH-06",
    ACCEPTED,
    needs=REQUEST,
    why=PATH,
    cause="the whole URL, or path and query, is signed",
)
async def query_not_signed(probe: ClientProbe) -> None:
    """A query stands outside of the canonical string, in whatever form it is sent."""
    client = await probe.established()
    for target in ("/api/echo?x=1", "/api/echo?x=%2F&y=%C3%A9&z=a+b", "/api/echo?", "/api/echo?a=b?c=d"):
        probe.judge(await client.request("POST", target, payload="q"), target)
    probe.right_requests("signed")


@case(
    "v1/client-request/query-sent-as-given",
    "V1-AUTH-06",
    ACCEPTED,
    needs=REQUEST,
    level="hardening",
    why="the application behind the server sees another query than was asked for",
    cause="the URL library parses the query and writes it anew",
)
async def query_sent_as_given(probe: ClientProbe) -> None:
    """A query goes out as it was given, escapes and all."""
    client = await probe.established()
    for target in ("/api/echo?x=1", "/api/echo?x=%2F&y=%C3%A9&z=a+b", "/api/echo?a=b?c=d"):
        probe.judge(await client.request("POST", target, payload="q"), target)
        sent = probe.last_request(target).target
        probe.ensure(sent == target, f"{target}: sent as {sent}")


@case(
    "v1/client-request/escapes-kept",
    "V1-AUTH-06",
    ACCEPTED,
    needs=REQUEST,
    why=PATH,
    cause="the decoded path is signed, or escapes are written in another form than is sent",
)
async def escapes_kept(probe: ClientProbe) -> None:
    """Percent escapes in a path are signed as they stand on the wire, in either case and where not needed."""
    client = await probe.established()
    for path in ("/api/echo/%C3%A9", "/api/echo/%c3%a9", "/api/echo/a%2Fb", "/api/echo/%41", "/api/echo/a%20b%25"):
        probe.judge(await client.request("POST", path, payload="p"), path)
    probe.right_requests("signed as sent")


@case(
    "v1/client-request/non-ascii-path",
    "V1-AUTH-06",
    ACCEPTED,
    REFUSED,
    needs=REQUEST,
    why=PATH,
    cause="the text of the caller is signed, and the URL library sends its escaped form",
)
async def non_ascii_path(probe: ClientProbe) -> None:
    """A path with letters outside of ASCII, spaces or quotes is signed in the form in which it is sent."""
    client = await probe.established()
    for path in ("/api/echo/\u00e9", "/api/echo/\u4e16\u754c", "/api/echo/a b", '/api/echo/a"b', "/api/echo/{x}|y"):
        probe.judge(await client.request("POST", path, payload="p"), path)
    probe.right_requests("signed as sent")


@case(
    "v1/client-request/dot-segments",
    "V1-AUTH-06",
    ACCEPTED,
    REFUSED,
    needs=REQUEST,
    why=PATH,
    cause="the path is signed before the URL library removes its dots",
)
async def dot_segments(probe: ClientProbe) -> None:
    """A path with dot segments, empty segments or a last slash is signed in the form in which it is sent."""
    client = await probe.established()
    for path in ("/api/x/../echo", "/api/./echo", "/api/echo/..", "/api//echo", "/api/echo/", "/api/echo/a;b=c"):
        probe.judge(await client.request("POST", path, payload="p"), path)
    probe.right_requests("signed as sent")


@case(
    "v1/client-request/fragment-not-signed",
    "V1-AUTH-06",
    ACCEPTED,
    REFUSED,
    needs=REQUEST,
    why=PATH,
    cause="everything behind the host is signed",
)
async def fragment_not_signed(probe: ClientProbe) -> None:
    """A fragment is neither sent nor signed."""
    client = await probe.established()
    probe.judge(await client.request("POST", "/api/echo#part", payload="p"))
    probe.right_requests("signed as sent")
    for seen in probe.server.requests:
        probe.ensure("#" not in seen.target, f"sent as {seen.target}")


@case(
    "v1/client-request/signature-form",
    "V1-AUTH-04",
    ACCEPTED,
    needs=REQUEST,
    why="a strict server refuses any other text",
    cause="hex, unpadded or URL-safe base64",
)
async def signature_form(probe: ClientProbe) -> None:
    """The signature of fifty requests is 44 characters of standard base64 each time."""
    client = await probe.established()
    for i in range(50):
        probe.judge(await client.echo(i), "requests")
    probe.right_requests("signed")
    for seen in probe.server.requests:
        probe.ensure(len(seen.headers.get(SIGNATURE_HEADER, "")) == 44, "a signature of another length")


@case(
    "v1/client-request/before-handshake",
    "V1-LIFE-09",
    "ISO-2001",
    ACCEPTED,
    needs=REQUEST,
    why="a request without keys goes out in plain, or under a key of zeros",
    cause="the absence of keys is not looked at",
)
async def before_handshake(probe: ClientProbe) -> None:
    """A request before a handshake is ISO-2001, or makes a session first; nothing goes out in plain."""
    client = await probe.client()
    probe.judge(await client.echo({"secret": "plaintext-marker"}))
    probe.right_requests("what went out")
    for seen in probe.server.seen:
        probe.ensure(b"plaintext-marker" not in seen.body, "the payload in plain")


@case(
    "v1/client-request/answers-of-many",
    "V1-REQ-01",
    ACCEPTED,
    needs=REQUEST,
    why="one client would read the answers of another",
    cause="keys are kept in a global",
)
async def answers_of_many(probe: ClientProbe) -> None:
    """Three clients in turn, each under its own session, send and read right."""
    clients = [await probe.established() for _ in range(3)]
    for turn in range(2):
        for number, client in enumerate(clients):
            value = {"client": number, "turn": turn}
            reply = await client.echo(value)
            probe.judge(reply, f"client {number}")
            probe.gave(reply, f"client {number}", payload={"method": "POST", "body": value})
    probe.right_requests("all of them")
    probe.count("sessions", len({seen.session.sid for seen in probe.server.requests if seen.session}), 3)
