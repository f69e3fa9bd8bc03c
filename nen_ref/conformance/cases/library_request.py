"""Requests and answers as a library makes them: sections 4, 5 and 7 of the specification."""

from __future__ import annotations

from typing import Any

from nen_ref.conformance.cases.library_tools import GARBAGE, LAX, PAYLOAD, ends, same_members
from nen_ref.conformance.harness.driver import Reply
from nen_ref.conformance.harness.probe import HarnessProbe
from nen_ref.conformance.model import ACCEPTED
from nen_ref.conformance.randomness import random_bytes
from nen_ref.conformance.registry import case
from nen_ref.primitives.suite import REFERENCE
from nen_ref.protocol.payload import dump_envelope, seal
from nen_ref.protocol.wire import dump_json, encode_base64
from nen_ref.vectors.alter import flipped

CANONICAL, SIGN = "canonical_string", "request.sign"
PAYLOAD_SEAL, PAYLOAD_OPEN, RESPONSE_SEAL = "payload.seal", "payload.open", "response.seal"

TIME = "1760000000000"
NONCE = "AAECAwQFBgcICQoL"

STRANGERS = "the two sides sign different texts: every request is refused with ISO-3002"
TAMPERED = "altered payloads would reach the application"
SHAPE = "what is not sealed must never be taken for a payload: a plain body would be a downgrade"


async def _paths(probe: HarnessProbe, paths: dict[str, str]) -> None:
    """Targets, and PATH in the canonical string of each."""
    for target, path in paths.items():
        reply = await probe.call(CANONICAL, method="GET", target=target, timestamp=TIME, nonce=NONCE)
        probe.matches(reply, f"target {target!r}", {"canonical_string": f"GET\n{path}\n{TIME}\n{NONCE}"})


# The canonical string


@case(
    "v1/library-request/canonical-string",
    "V1-AUTH-05",
    ACCEPTED,
    why=STRANGERS,
    cause="another order, CRLF, a line feed at the end, or a nonce that is decoded or hexadecimal",
    needs=(CANONICAL,),
)
async def canonical_string(probe: HarnessProbe) -> None:
    """The canonical string is method, path, timestamp and nonce, joined by single line feeds, none at the end."""
    reply = await probe.call(CANONICAL, method="POST", target="/api/echo", timestamp=TIME, nonce=NONCE)
    text = "POST\n/api/echo\n1760000000000\nAAECAwQFBgcICQoL"
    probe.matches(reply, "POST", {"canonical_string": text})
    reply = await probe.call(CANONICAL, method="DELETE", target="/", timestamp="7", nonce="////////////////")
    probe.matches(reply, "the shortest path", {"canonical_string": "DELETE\n/\n7\n////////////////"})


@case(
    "v1/library-request/canonical-method",
    "V1-AUTH-05",
    ACCEPTED,
    why=STRANGERS,
    cause="the method is signed as the caller wrote it",
    needs=(CANONICAL,),
)
async def canonical_method(probe: HarnessProbe) -> None:
    """A method in lower or mixed case is signed in upper case."""
    for method in ("get", "Post", "pAtCh", "DELETE", "options", "propfind"):
        reply = await probe.call(CANONICAL, method=method, target="/x", timestamp=TIME, nonce=NONCE)
        probe.matches(reply, method, {"canonical_string": f"{method.upper()}\n/x\n{TIME}\n{NONCE}"})


@case(
    "v1/library-request/canonical-empty-nonce",
    "V1-REQ-09",
    ACCEPTED,
    why=STRANGERS,
    cause="the last line is left out, or holds null or undefined, where there is no body",
    needs=(CANONICAL,),
    only=("v1",),
)
async def canonical_empty_nonce(probe: HarnessProbe) -> None:
    """Without a body the string ends with the line feed in front of the empty nonce."""
    reply = await probe.call(CANONICAL, method="GET", target="/api/stream", timestamp=TIME, nonce="")
    probe.matches(reply, "GET", {"canonical_string": "GET\n/api/stream\n1760000000000\n"})


@case(
    "v1/library-request/canonical-query",
    "V1-AUTH-06",
    ACCEPTED,
    why=STRANGERS,
    cause="the query is signed, or the path is cut at the last question mark",
    needs=(CANONICAL,),
)
async def canonical_query(probe: HarnessProbe) -> None:
    """PATH ends in front of the first question mark; an escaped one belongs to it."""
    await _paths(
        probe,
        {
            "/a?b=c": "/a",
            "/a?": "/a",
            "/a/?b": "/a/",
            "/a?b?c": "/a",
            "/a?b=/c/../d": "/a",
            "/a%3Fb?c": "/a%3Fb",
            "/?": "/",
        },
    )


@case(
    "v1/library-request/canonical-escapes",
    "V1-AUTH-06",
    ACCEPTED,
    why=STRANGERS + "; and of two paths that decode to the same, one could be sent in place of the other",
    cause="a framework hands out the decoded path, or an URL class writes escapes anew",
    needs=(CANONICAL,),
)
async def canonical_escapes(probe: HarnessProbe) -> None:
    """Percent escapes stay as they are: in either case, needless ones, of slashes, of non-ASCII, of half a character."""
    kept = (
        "/a%20b",
        "/a%2Fb",
        "/a%2fb",
        "/%41",
        "/%c3%A9",
        "/%E4%B8%96",
        "/%ff",
        "/100%25",
        "/%",
        "/%zz",
        "/a%0Ab",
        "/a+b",
    )
    await _paths(probe, {path: path for path in kept} | {"/%C3%A9?q=%C3%A9": "/%C3%A9"})


@case(
    "v1/library-request/canonical-segments",
    "V1-AUTH-06",
    ACCEPTED,
    why=STRANGERS + "; and a path resolved after the check leads elsewhere than the one that was signed",
    cause="the path is normalised: dots resolved, slashes merged, or one cut from its end",
    needs=(CANONICAL,),
)
async def canonical_segments(probe: HarnessProbe) -> None:
    """Dot segments, empty segments, a slash at the end, parameters and upper case stay as they are."""
    kept = (
        "/a/./b",
        "/a/../b",
        "/..",
        "/a//b",
        "//a",
        "/a/",
        "/a;p=1",
        "/A/b",
        "/a:b@c",
        "/a/%2E%2E/b",
        "/~a",
        "/a=b&c",
    )
    await _paths(probe, {path: path for path in kept})


@case(
    "v1/library-request/canonical-fragment",
    "V1-AUTH-06",
    ACCEPTED,
    level="hardening",
    why=STRANGERS,
    cause="the fragment that a caller left in an URL is signed though it never travels",
    needs=(CANONICAL,),
)
async def canonical_fragment(probe: HarnessProbe) -> None:
    """A fragment behind a query is no part of PATH."""
    await _paths(probe, {"/a?b#c": "/a", "/a?#/d": "/a"})


@case(
    "v1/library-request/sign",
    "V1-AUTH-04",
    ACCEPTED,
    why=STRANGERS,
    cause="the tag is written in hexadecimal, or the base64 text of the key is the key",
    needs=(SIGN,),
)
async def sign(probe: HarnessProbe) -> None:
    """The signature is the base64 of the HMAC-SHA256 of the canonical string, with and without a body."""
    key = random_bytes(32)
    requests = {
        "POST": ("POST", "/api/echo", NONCE, "POST\n/api/echo\n1760000000000\nAAECAwQFBgcICQoL"),
        "without a body": ("GET", "/api/stream", "", "GET\n/api/stream\n1760000000000\n"),
        "lower case": ("put", "/api/echo", NONCE, "PUT\n/api/echo\n1760000000000\nAAECAwQFBgcICQoL"),
        "with a query": ("POST", "/a%20b?c=d", NONCE, "POST\n/a%20b\n1760000000000\nAAECAwQFBgcICQoL"),
        "with dots": ("POST", "/a/../b//c/", NONCE, "POST\n/a/../b//c/\n1760000000000\nAAECAwQFBgcICQoL"),
    }
    for note, (method, target, nonce, text) in requests.items():
        signature = encode_base64(REFERENCE.hmac_sha256(key, text.encode()))
        reply = await probe.call(SIGN, hmac_key=key, method=method, target=target, timestamp=TIME, nonce=nonce)
        trace = {"hmac_key": key, "canonical_string": text, "signature": signature}
        probe.matches(reply, note, {"signature": signature}, trace)


# Sealed bodies


@case(
    "v1/library-request/payload-seal",
    "V1-REQ-01",
    ACCEPTED,
    why="the server cannot open what this client seals",
    cause="the payload is encoded twice, or the tag is sent apart",
    needs=(PAYLOAD_SEAL,),
    only=("v1",),
)
async def payload_seal(probe: HarnessProbe) -> None:
    """A payload becomes an object of ct and n, its bytes sealed as they are: objects, texts of all planes, 50 000 bytes."""
    secret = random_bytes(32)
    payloads = (
        '{"hello":"world"}',
        "null",
        '""',
        ' { "a" : [ 1.0, 1e3 ] } ',
        '"Grüße, 世界, 🔐"',
        '"' + "x" * 50_000 + '"',
    )
    for payload in payloads:
        n = random_bytes(12)
        reply = await probe.call(PAYLOAD_SEAL, secret=secret, n=n, payload=payload)
        ct = REFERENCE.aead_seal(secret, n, payload.encode())
        same_members(probe, reply, payload[:24], {"n": n, "ct": ct})


@case(
    "v1/library-request/payload-size",
    "V1-WIRE-06",
    ACCEPTED,
    why="bodies several times their size cost memory and money on both sides",
    cause="bytes are sent as arrays of numbers, as hexadecimal, or encoded twice",
    needs=(PAYLOAD_SEAL,),
    only=("v1",),
)
async def payload_size(probe: HarnessProbe) -> None:
    """The body of a payload of 1024 bytes or more is smaller than 1.4 times the payload."""
    for size in (1024, 10_000, 60_000):
        payload = '"' + "x" * (size - 2) + '"'
        reply = await probe.done(PAYLOAD_SEAL, secret=random_bytes(32), n=random_bytes(12), payload=payload)
        body = len(reply["body"].encode())
        probe.ensure(size < body < 1.4 * size, f"{size} bytes of payload give a body of {body}")


async def _open(probe: HarnessProbe, secret: bytes, body: str | bytes) -> Reply:
    text = body if isinstance(body, str) else body.decode()
    return await probe.call(PAYLOAD_OPEN, secret=secret, body=text)


async def _bodies(probe: HarnessProbe, secret: bytes, bodies: dict[str, str | bytes]) -> None:
    """A body that opens, and then those that must not."""
    right = dump_envelope(seal(secret, random_bytes(12), PAYLOAD))
    probe.matches(await _open(probe, secret, right), "the body before it was altered", {"payload": PAYLOAD.decode()})
    probe.sound()
    for note, body in bodies.items():
        probe.judge(await _open(probe, secret, body), note)


def _object(**members: Any) -> bytes:
    return dump_json(members)


@case(
    "v1/library-request/payload-open",
    "V1-REQ-01",
    ACCEPTED,
    why="payloads are any JSON text, and texts are mangled where bytes and characters are confused",
    cause="falsy payloads are taken for none, or UTF-8 for Latin-1",
    needs=(PAYLOAD_OPEN,),
    only=("v1",),
)
async def payload_open(probe: HarnessProbe) -> None:
    """A sealed body opens to its payload: all kinds of JSON, further members, members in another order."""
    secret = random_bytes(32)
    for payload in (
        '{"hello":"world"}',
        "null",
        "false",
        "0",
        '""',
        "[]",
        '"Grüße, 世界, 🔐"',
        '"' + "x" * 50_000 + '"',
    ):
        body = dump_envelope(seal(secret, random_bytes(12), payload.encode()))
        probe.matches(await _open(probe, secret, body), payload[:24], {"payload": payload})
    n = random_bytes(12)
    ct = encode_base64(REFERENCE.aead_seal(secret, n, PAYLOAD))
    text = f' {{ "v": 2 , "n" : "{encode_base64(n)}" , "aad": [null], "ct" : "{ct}" }} '
    probe.matches(await _open(probe, secret, text), "further members", {"payload": PAYLOAD.decode()})


@case(
    "v1/library-request/payload-altered",
    "V1-REQ-07",
    "ISO-4001",
    why=TAMPERED,
    cause="the exception of the cipher escapes under another code",
    needs=(PAYLOAD_OPEN,),
    only=("v1",),
)
async def payload_altered(probe: HarnessProbe) -> None:
    """A ct or n altered in one bit, or sealed under another key, does not open."""
    secret, n = random_bytes(32), random_bytes(12)
    ct = REFERENCE.aead_seal(secret, n, PAYLOAD)
    bodies: dict[str, str | bytes] = {
        f"ct: {note}": _object(ct=encode_base64(wrong), n=encode_base64(n)) for note, wrong in ends(ct).items()
    }
    bodies |= {f"n: {note}": _object(ct=encode_base64(ct), n=encode_base64(wrong)) for note, wrong in ends(n).items()}
    bodies["cut"] = _object(ct=encode_base64(ct[:-1]), n=encode_base64(n))
    bodies["another key"] = dump_envelope(seal(flipped(secret), n, PAYLOAD))
    await _bodies(probe, secret, bodies)


@case(
    "v1/library-request/payload-short",
    "V1-REQ-06",
    "ISO-4001",
    why="a length below zero is a crash or worse",
    cause="the tag is cut off without looking at the length",
    needs=(PAYLOAD_OPEN,),
    only=("v1",),
)
async def payload_short(probe: HarnessProbe) -> None:
    """A ct shorter than a tag does not open."""
    secret, n = random_bytes(32), random_bytes(12)
    tag = REFERENCE.aead_seal(secret, n, b"")
    await _bodies(
        probe,
        secret,
        {f"{size} bytes": _object(ct=encode_base64(tag[:size]), n=encode_base64(n)) for size in (0, 1, 12, 15)},
    )


@case(
    "v1/library-request/payload-shape",
    "V1-REQ-03",
    "ISO-6001",
    why=SHAPE,
    cause="an absent or mistyped member is dereferenced, or a plain body passes",
    needs=(PAYLOAD_OPEN,),
    only=("v1",),
)
async def payload_shape(probe: HarnessProbe) -> None:
    """Bodies that are no object with the texts ct and n are refused, plain payloads among them."""
    text, n = encode_base64(bytes(40)), NONCE
    bodies: dict[str, str | bytes] = {
        repr(body): body for body in ("[]", "null", "7", '"ct"', "true", "{", "not json", "ct=AAAA&n=AAAA", " ")
    }
    bodies |= {
        "a plain payload": PAYLOAD,
        "empty object": b"{}",
        "without ct": _object(n=n),
        "without n": _object(ct=text),
        "members in upper case": _object(CT=text, N=n),
        "inside an array": dump_json([{"ct": text, "n": n}]),
        "inside another object": _object(body={"ct": text, "n": n}),
    }
    for wrong in (None, 7, True, {}, {"data": text}):
        bodies[f"ct is {wrong!r}"[:24]] = _object(ct=wrong, n=n)
        bodies[f"n is {wrong!r}"[:24]] = _object(ct=text, n=wrong)
    await _bodies(probe, random_bytes(32), bodies)


@case(
    "v1/library-request/payload-number-arrays",
    "V1-WIRE-03",
    "ISO-6001",
    why="it costs up to five times the size, and gives every value two ways to be written",
    cause="arrays of old clients are still taken for bytes",
    needs=(PAYLOAD_OPEN,),
    only=("v1",),
)
async def payload_number_arrays(probe: HarnessProbe) -> None:
    """The right ct or n as an array of numbers, or as an object of them, is refused."""
    secret, n = random_bytes(32), random_bytes(12)
    ct = REFERENCE.aead_seal(secret, n, PAYLOAD)
    numbered = {str(i): byte for i, byte in enumerate(ct)}
    await _bodies(
        probe,
        secret,
        {
            "both": _object(ct=list(ct), n=list(n)),
            "ct": _object(ct=list(ct), n=encode_base64(n)),
            "n": _object(ct=encode_base64(ct), n=list(n)),
            "ct as an object": _object(ct=numbered, n=encode_base64(n)),
            "ct as Node writes a Buffer": _object(ct={"type": "Buffer", "data": list(ct)}, n=encode_base64(n)),
        },
    )


@case(
    "v1/library-request/payload-not-base64",
    "V1-REQ-04",
    "ISO-6002",
    why="a decoder that skips what it does not know reads one value out of many texts",
    cause="the decoder of the platform ignores unknown characters",
    needs=(PAYLOAD_OPEN,),
    only=("v1",),
)
async def payload_not_base64(probe: HarnessProbe) -> None:
    """A ct or an n that is not base64 is refused."""
    bodies: dict[str, str | bytes] = {}
    for note, text in GARBAGE.items():
        bodies[f"ct: {note}"] = _object(ct="A" * 32 + text, n=NONCE)
        bodies[f"n: {note}"] = _object(ct=encode_base64(bytes(40)), n=text)
    await _bodies(probe, random_bytes(32), bodies)


@case(
    "v1/library-request/payload-strict-base64",
    "V1-WIRE-02",
    "ISO-6002",
    why="one nonce in two texts passes the replay check twice where nonces are compared as text",
    cause="the decoder of the platform is lenient, and nothing compares the text with its encoding",
    needs=(PAYLOAD_OPEN,),
    only=("v1",),
)
async def payload_strict_base64(probe: HarnessProbe) -> None:
    """An n that only a lenient decoder reads is refused, and so is such a ct though it would open."""
    secret, n = random_bytes(32), random_bytes(12)
    ct = encode_base64(REFERENCE.aead_seal(secret, n, PAYLOAD + b" "))
    assert ct.endswith("==")  # 34 bytes with the tag: 4 bits are unused
    bodies: dict[str, str | bytes] = {
        f"n: {note}": _object(ct=encode_base64(bytes(40)), n=text) for note, text in LAX.items()
    }
    bodies |= {
        "ct: without its padding": _object(ct=ct.rstrip("="), n=encode_base64(n)),
        "ct: a line feed at its end": _object(ct=ct + "\n", n=encode_base64(n)),
        "ct: a space inside": _object(ct=ct[:8] + " " + ct[8:], n=encode_base64(n)),
    }
    await _bodies(probe, secret, bodies)


@case(
    "v1/library-request/payload-nonce-length",
    "V1-REQ-05",
    "ISO-6001",
    "ISO-4001",
    why="a library that fills or hashes nonces of other lengths has fewer of them than it seems",
    cause="the length is left to the cipher, whose exception escapes",
    needs=(PAYLOAD_OPEN,),
    only=("v1",),
)
async def payload_nonce_length(probe: HarnessProbe) -> None:
    """An n of 0, 8, 11, 13 or 24 bytes is refused."""
    secret = random_bytes(32)
    ct = encode_base64(REFERENCE.aead_seal(secret, bytes(12), PAYLOAD))
    await _bodies(
        probe, secret, {f"{size} bytes": _object(ct=ct, n=encode_base64(bytes(size))) for size in (0, 8, 11, 13, 24)}
    )


@case(
    "v1/library-request/payload-not-json",
    "V1-REQ-08",
    "ISO-4003",
    why="handlers expect JSON; what a lenient parser makes of anything else is anybody's guess",
    cause="the payload goes to the handler as text, or the empty one is taken for none",
    needs=(PAYLOAD_OPEN,),
    only=("v1",),
)
async def payload_not_json(probe: HarnessProbe) -> None:
    """A payload that opens but is not JSON is refused with its own code."""
    secret = random_bytes(32)
    texts = (b"", b" ", b"{", b"hello", b"{'a':1}", b'{"a":1,}', b"[1 2]", b"undefined", b'"a" "b"', b"\xff\xfe", b"01")
    await _bodies(probe, secret, {repr(text): dump_envelope(seal(secret, random_bytes(12), text)) for text in texts})


@case(
    "v1/library-request/payload-ambiguous-json",
    "V1-WIRE-05",
    "ISO-4003",
    why="what two parsers read differently can be used against one of them",
    cause="the parser of the platform takes the last of two members, NaN, or a lone surrogate",
    needs=(PAYLOAD_OPEN,),
    only=("v1",),
)
async def payload_ambiguous_json(probe: HarnessProbe) -> None:
    """Payloads that parsers read differently are refused: members named twice, NaN, lone surrogates, deep nesting."""
    secret = random_bytes(32)
    texts = {
        "a member named twice": b'{"a":1,"a":2}',
        "a member named twice, once escaped": b'{"a":1,"\\u0061":2}',
        "a member named twice, deep inside": b'[{"x":{"a":1,"b":2,"a":1}}]',
        "NaN": b"NaN",
        "minus infinity": b"[-Infinity]",
        "a lone surrogate": b'"\\ud800"',
        "a lone surrogate in a name": b'{"\\udc00":1}',
        "a byte order mark": b"\xef\xbb\xbf{}",
        "not UTF-8": b'"\xe9"',
        "a surrogate in UTF-8": b'"\xed\xa0\x80"',
        "UTF-16": '{"a":1}'.encode("utf-16-le"),
        "129 levels": b"[" * 129 + b"]" * 129,
        "a number of 4301 digits": b"1" * 4301,
    }
    await _bodies(
        probe, secret, {note: dump_envelope(seal(secret, random_bytes(12), text)) for note, text in texts.items()}
    )


@case(
    "v1/library-request/response-seal",
    "V1-RES-01",
    ACCEPTED,
    why="clients cannot open the answers",
    cause="answers are sealed in another form than requests",
    needs=(RESPONSE_SEAL,),
)
async def response_seal(probe: HarnessProbe) -> None:
    """An answer is an object of ct and n under the given nonce, the empty payload included."""
    secret = random_bytes(32)
    for payload in ('{"hello":"world"}', "", "null", '"Grüße, 世界"'):
        n = random_bytes(12)
        reply = await probe.call(RESPONSE_SEAL, secret=secret, request_n=random_bytes(12), n=n, payload=payload)
        ct = REFERENCE.aead_seal(secret, n, payload.encode())
        same_members(probe, reply, f"payload {payload!r}", {"n": n, "ct": ct})


@case(
    "v1/library-request/response-nonce",
    "V1-RES-02",
    "ISO-4002",
    why="two payloads under one key and nonce: their XOR is in the open, and tags can be forged",
    cause="the nonce of the request is used again for its answer",
    needs=(RESPONSE_SEAL,),
    level="hardening",
)
async def response_nonce(probe: HarnessProbe) -> None:
    """An answer is never sealed under the nonce of its request; one that differs in one bit is fine."""
    secret, n = random_bytes(32), random_bytes(12)
    for note, near in ends(n).items():
        reply = await probe.call(RESPONSE_SEAL, secret=secret, request_n=n, n=near, payload="{}")
        same_members(probe, reply, note, {"n": near, "ct": REFERENCE.aead_seal(secret, near, b"{}")})
    for same in (n, bytes(12)):
        reply = await probe.call(RESPONSE_SEAL, secret=secret, request_n=same, n=same, payload="{}")
        probe.judge(reply, "the nonce of the request")
