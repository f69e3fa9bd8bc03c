"""Library cases of V2: payloads whose nonce is in a header, and what a server checks of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from nen_ref.conformance.cases.library_request import SHAPE, TAMPERED
from nen_ref.conformance.cases.library_tools import (
    GARBAGE,
    LAX,
    PAYLOAD,
    control,
    draft,
    ends,
    fresh_session,
    passes,
    verify,
)
from nen_ref.conformance.cases.library_verification import (
    HEADER,
    NO_NONCE,
    ORDER,
    REPLAYED,
    UNKNOWN,
    VERIFY,
    fits_a_header,
    order,
    refused,
)
from nen_ref.conformance.harness.driver import Reply
from nen_ref.conformance.harness.probe import HarnessProbe
from nen_ref.conformance.model import ACCEPTED
from nen_ref.conformance.peer import Draft
from nen_ref.conformance.randomness import random_bytes
from nen_ref.conformance.registry import case
from nen_ref.primitives.suite import REFERENCE
from nen_ref.protocol.messages import NONCE_HEADER, SIGNATURE_HEADER
from nen_ref.protocol.versions import V1
from nen_ref.protocol.wire import Malformed, dump_json, encode_base64, parse_json_object
from nen_ref.vectors.alter import flipped

SEAL, OPEN = "payload.seal_v2", "payload.open_v2"
TEXTS = (
    '{"hello":"world"}',
    "null",
    "false",
    "0",
    '""',
    "[]",
    ' { "a" : 1.0 } ',
    '"Grüße, 世界, 🔐"',
    f'"{"x" * 40_000}"',
)
TWO_PLACES = "of two places for one nonce, a server and what stands before it could each take another one"
TWO_TEXTS = "one nonce in two texts passes the replay check twice where nonces are compared as text"


def sealed(secret: bytes, n: bytes, payload: bytes = PAYLOAD) -> str:
    """The base64 text of the ciphertext, by the primitive alone."""
    return encode_base64(REFERENCE.aead_seal(secret, n, payload))


async def opened(probe: HarnessProbe, secret: bytes, nonce: str, body: bytes | str) -> Reply:
    text = body if isinstance(body, str) else body.decode()
    return await probe.call(OPEN, secret=secret, nonce_header=nonce, body=text)


async def refuses(probe: HarnessProbe, secret: bytes, wrong: Mapping[str, tuple[str, bytes | str]]) -> None:
    """A body that opens, and then these of a header and a body each, which must not."""
    n = random_bytes(12)
    right = dump_json({"ct": sealed(secret, n)})
    reply = await opened(probe, secret, encode_base64(n), right)
    probe.matches(reply, "the body before it was altered", {"payload": PAYLOAD.decode()})
    probe.sound()
    for note, (nonce, body) in wrong.items():
        probe.judge(await opened(probe, secret, nonce, body), note)


# payload.seal_v2, payload.open_v2


@case(
    "v2/library-request/payload-seal",
    "V2-REQ-01",
    ACCEPTED,
    why="the server cannot open what this client seals, or takes the nonce from another place",
    cause="n is left in the body, or the payload is encoded twice",
    needs=(SEAL,),
)
async def payload_seal(probe: HarnessProbe) -> None:
    """A payload becomes an object of ct alone, its bytes sealed as they are under the nonce of the header."""
    secret = random_bytes(32)
    for payload in TEXTS:
        n = random_bytes(12)
        reply = await probe.done(SEAL, secret=secret, n=n, payload=payload)
        try:
            found: object = parse_json_object(reply["body"].encode())
        except Malformed as fault:
            found = str(fault)
        right = found == {"ct": sealed(secret, n, payload.encode())}
        probe.ensure(right, f"{payload[:16]}: {'as expected' if right else str(found)[:80]}")


@case(
    "v2/library-request/payload-size",
    "V1-WIRE-06",
    ACCEPTED,
    why="bodies several times their size cost memory and money on both sides",
    cause="bytes are sent as arrays of numbers, as hexadecimal, or encoded twice",
    needs=(SEAL,),
)
async def payload_size(probe: HarnessProbe) -> None:
    """The body of a payload of 1024 bytes or more is smaller than 1.4 times the payload."""
    for size in (1024, 10_000, 60_000):
        payload = '"' + "x" * (size - 2) + '"'
        reply = await probe.done(SEAL, secret=random_bytes(32), n=random_bytes(12), payload=payload)
        body = len(reply["body"].encode())
        probe.ensure(size < body < 1.4 * size, f"{size} bytes of payload give a body of {body}")


@case(
    "v2/library-request/payload-open",
    "V2-REQ-01",
    ACCEPTED,
    why="payloads are any JSON text, and texts are mangled where bytes and characters are confused",
    cause="falsy payloads are taken for none, or UTF-8 for Latin-1",
    needs=(OPEN,),
)
async def payload_open(probe: HarnessProbe) -> None:
    """A sealed body opens to its payload under the nonce of the header, with white space and further members too."""
    secret = random_bytes(32)
    for payload in TEXTS:
        n = random_bytes(12)
        body = f' {{ "v": [null] ,\n"ct" : "{sealed(secret, n, payload.encode())}" , "aad": "n" }} '
        probe.matches(await opened(probe, secret, encode_base64(n), body), payload[:16], {"payload": payload})


@case(
    "v2/library-request/payload-member-n",
    "V2-REQ-07",
    ACCEPTED,
    why=TWO_PLACES,
    cause="the nonce is taken from the body where there is one, or has to be the same",
    needs=(OPEN,),
)
async def payload_member_n(probe: HarnessProbe) -> None:
    """A member n of the body is not looked at: another nonce, no base64, a number, null."""
    secret, n = random_bytes(32), random_bytes(12)
    for value in (encode_base64(random_bytes(12)), "garbage!", "", 7, None, [1], encode_base64(n)):
        body = dump_json({"ct": sealed(secret, n), "n": value})
        reply = await opened(probe, secret, encode_base64(n), body)
        probe.matches(reply, f"n {value!r}", {"payload": PAYLOAD.decode()})


@case(
    "v2/library-request/payload-altered",
    "V1-REQ-07",
    "ISO-4001",
    why=TAMPERED,
    cause="the exception of the cipher escapes under another code",
    needs=(OPEN,),
)
async def payload_altered(probe: HarnessProbe) -> None:
    """A ct or a header altered in one bit, or a payload sealed under another key or nonce, does not open."""
    secret, n = random_bytes(32), random_bytes(12)
    ct = REFERENCE.aead_seal(secret, n, PAYLOAD)
    nonce = encode_base64(n)
    wrong = {f"ct: {note}": (nonce, dump_json({"ct": encode_base64(text)})) for note, text in ends(ct).items()}
    wrong |= {
        f"header: {note}": (encode_base64(text), dump_json({"ct": encode_base64(ct)})) for note, text in ends(n).items()
    }
    other = encode_base64(random_bytes(12))
    wrong |= {
        "cut": (nonce, dump_json({"ct": encode_base64(ct[:-1])})),
        "another key": (nonce, dump_json({"ct": sealed(flipped(secret), n)})),
        "the right nonce in the body": (other, dump_json({"ct": encode_base64(ct), "n": nonce})),
    }
    await refuses(probe, secret, wrong)


@case(
    "v2/library-request/payload-short",
    "V1-REQ-06",
    "ISO-4001",
    why="a length below zero is a crash or worse",
    cause="the tag is cut off without looking at the length",
    needs=(OPEN,),
)
async def payload_short(probe: HarnessProbe) -> None:
    """A ct shorter than a tag does not open."""
    secret, n = random_bytes(32), random_bytes(12)
    tag = REFERENCE.aead_seal(secret, n, b"")
    bodies = {f"{size} bytes": dump_json({"ct": encode_base64(tag[:size])}) for size in (0, 1, 12, 15)}
    await refuses(probe, secret, {note: (encode_base64(n), body) for note, body in bodies.items()})


@case(
    "v2/library-request/payload-shape",
    "V2-REQ-03",
    "ISO-6001",
    why=SHAPE,
    cause="an absent or mistyped member is dereferenced, or a plain body passes",
    needs=(OPEN,),
)
async def payload_shape(probe: HarnessProbe) -> None:
    """Bodies that are no object with the text ct are refused, plain payloads and arrays of numbers among them."""
    secret, n = random_bytes(32), random_bytes(12)
    ct = sealed(secret, n)
    texts = ("[]", "null", "7", '"ct"', "{", "not json", "ct=AAAA", " ", PAYLOAD.decode(), "{}")
    bodies: dict[str, bytes | str] = {repr(text): text for text in texts}
    bodies |= {
        "CT in capitals": dump_json({"CT": ct}),
        "inside an array": dump_json([{"ct": ct}]),
        "inside another object": dump_json({"body": {"ct": ct}}),
        "an array of numbers": dump_json({"ct": list(ct.encode())}),
    }
    mistyped: tuple[Any, ...] = (None, 7, True, {}, {"data": ct})
    bodies |= {f"ct is {value!r}"[:24]: dump_json({"ct": value}) for value in mistyped}
    await refuses(probe, secret, {note: (encode_base64(n), body) for note, body in bodies.items()})


@case(
    "v2/library-request/payload-not-base64",
    "V2-REQ-04",
    "ISO-6002",
    why="a decoder that skips what it does not know reads one value out of many texts",
    cause="the decoder of the platform ignores unknown characters",
    needs=(OPEN,),
)
async def payload_not_base64(probe: HarnessProbe) -> None:
    """A ct that is not base64, or only to a lenient decoder, is refused."""
    nonce = encode_base64(random_bytes(12))
    texts = {note: "A" * 32 + text for note, text in (GARBAGE | LAX).items()}
    await refuses(probe, random_bytes(32), {note: (nonce, dump_json({"ct": text})) for note, text in texts.items()})


@case(
    "v2/library-request/payload-not-json",
    "V1-REQ-08",
    "ISO-4003",
    why="handlers expect JSON; what a lenient parser makes of anything else is anybody's guess",
    cause="the payload goes to the handler as text, or the empty one is taken for none",
    needs=(OPEN,),
)
async def payload_not_json(probe: HarnessProbe) -> None:
    """A payload that opens and is not JSON, or not to every parser, is refused with its own code."""
    secret, n = random_bytes(32), random_bytes(12)
    texts = (
        b"",
        b" ",
        b"{",
        b"hello",
        b"{'a':1}",
        b"undefined",
        b"\xff",
        b"01",
        b'{"a":1,"a":2}',
        b"[NaN]",
        b'"\\ud800"',
    )
    bodies = {repr(text): dump_json({"ct": sealed(secret, n, text)}) for text in texts}
    await refuses(probe, secret, {note: (encode_base64(n), body) for note, body in bodies.items()})


@case(
    "v2/library-request/payload-ambiguous-json",
    "V1-WIRE-05",
    "ISO-6001",
    why="what two parsers read differently can be used against one of them",
    cause="the JSON parser of the platform, as it is",
    needs=(OPEN,),
)
async def payload_ambiguous_json(probe: HarnessProbe) -> None:
    """A body that names ct twice, nests too deep, or is no JSON that all parsers read alike is refused."""
    secret, n = random_bytes(32), random_bytes(12)
    ct = f'"ct":"{sealed(secret, n)}"'
    bodies = {
        "ct twice": f"{{{ct},{ct}}}",
        "a further member twice": f'{{{ct},"a":1,"a":2}}',
        "129 levels": f'{{{ct},"a":{"[" * 128}{"]" * 128}}}',
        "4301 digits": f'{{{ct},"a":{"9" * 4301}}}',
        "NaN": f'{{{ct},"a":NaN}}',
        "a lone surrogate": f'{{{ct},"a":"\\ud800"}}',
        "text behind the end": f"{{{ct}}}{{}}",
    }
    await refuses(probe, secret, {note: (encode_base64(n), body) for note, body in bodies.items()})


@case(
    "v2/library-request/nonce-absent",
    "V2-AUTH-04",
    "ISO-3005",
    "ISO-3002",
    "ISO-6001",
    "ISO-6002",
    why="the way back to V1, where a request is replayed",
    cause="an empty header becomes a nonce of no bytes, or that of the body is taken",
    needs=(OPEN,),
)
async def nonce_absent(probe: HarnessProbe) -> None:
    """An empty header is refused, also where the body has an n."""
    secret, n = random_bytes(32), random_bytes(12)
    bodies = {"alone": {"ct": sealed(secret, n)}, "n in the body": {"ct": sealed(secret, n), "n": encode_base64(n)}}
    await refuses(probe, secret, {note: ("", dump_json(body)) for note, body in bodies.items()})


@case(
    "v2/library-request/nonce-not-base64",
    "V2-REQ-06",
    "ISO-6002",
    "ISO-3002",
    "ISO-3005",
    "ISO-4001",
    "ISO-6001",
    why=TWO_TEXTS,
    cause="the decoder of the platform is lenient",
    needs=(OPEN,),
)
async def nonce_not_base64(probe: HarnessProbe) -> None:
    """A header that is not base64, or only to a lenient decoder, is refused, whatever the body."""
    secret, n = random_bytes(32), random_bytes(12)
    wrong = {note: (text, dump_json({"ct": sealed(secret, n)})) for note, text in (GARBAGE | LAX).items()}
    right = encode_base64(n)
    for note, text in {
        "a space in front": f" {right}",
        "twice": f"{right}, {right}",
        "in quotes": f'"{right}"',
    }.items():
        wrong[f"the right one, {note}"] = (text, dump_json({"ct": sealed(secret, n)}))
    await refuses(probe, secret, wrong)


@case(
    "v2/library-request/nonce-length",
    "V2-REQ-05",
    "ISO-6001",
    "ISO-3002",
    "ISO-3005",
    "ISO-4001",
    "ISO-6002",
    why="a library that fills or cuts nonces of other lengths has fewer of them than it seems",
    cause="the length is left to the cipher, whose exception escapes",
    needs=(OPEN,),
)
async def nonce_length(probe: HarnessProbe) -> None:
    """A header of 8, 11, 13 or 24 bytes is refused, also where a nonce filled up with zeros, or cut, would open."""
    secret = random_bytes(32)
    wrong = {}
    for size in (8, 11, 13, 24):
        octets = random_bytes(size)
        n = (octets + bytes(12))[:12]
        wrong[f"{size} bytes"] = (encode_base64(octets), dump_json({"ct": sealed(secret, n)}))
    await refuses(probe, secret, wrong)


# request.verify


@case(
    "v2/library-verification/nonce-missing",
    "V2-AUTH-01",
    "ISO-3005",
    why="the way back to V1, where a request without a body is replayed",
    cause="a request without the header is verified with the empty NONCE",
    needs=VERIFY,
)
async def nonce_missing(probe: HarnessProbe) -> None:
    """A request without X-Nen-Nonce is refused, whatever its method and its body, and whatever was signed for it."""
    session = fresh_session(probe)
    drafts = {}
    for method in ("POST", "GET", "DELETE", "HEAD"):
        payload = PAYLOAD if method in ("POST", "DELETE") else None
        drafts[method] = draft(session, payload, method).without(NONCE_HEADER)
        drafts[f"{method}, signed without one"] = draft(session, payload, method, nonce="").without(NONCE_HEADER)
    await refused(probe, session, drafts)


@case(
    "v2/library-verification/nonce-empty",
    "V2-AUTH-04",
    "ISO-3005",
    "ISO-3002",
    "ISO-6001",
    "ISO-6002",
    why="the way back to V1, where a request without a body is replayed",
    cause="only the presence of the header is looked at",
    needs=VERIFY,
)
async def nonce_empty(probe: HarnessProbe) -> None:
    """An empty X-Nen-Nonce is refused though the signature is right for it, with a body and without one."""
    session = fresh_session(probe)
    drafts = {"GET": draft(session, None, "GET", carried=""), "POST": draft(session, carried="")}
    await refused(probe, session, drafts)


@case(
    "v2/library-verification/request-of-v1",
    "V2-AUTH-07",
    "ISO-3005",
    why="a silent downgrade: what V2 was made against is back",
    cause="the nonce is looked for in the body where the header is absent",
    needs=VERIFY,
)
async def request_of_v1(probe: HarnessProbe) -> None:
    """A request that is right in V1 is refused, with its nonce in the body, and without a body."""
    session = fresh_session(probe)
    as_v1 = replace(session, version=V1)
    drafts = {f"{method}, nonce in the body": draft(as_v1, method=method) for method in ("POST", "PUT", "DELETE")}
    drafts |= {f"{method}, without a body": draft(as_v1, None, method) for method in ("GET", "HEAD", "DELETE")}
    await refused(probe, session, drafts)


@case(
    "v2/library-verification/nonce-not-base64",
    "V2-REQ-06",
    "ISO-6002",
    "ISO-3002",
    "ISO-3005",
    "ISO-4001",
    "ISO-6001",
    why=TWO_TEXTS,
    cause="the decoder of the platform ignores what it does not know",
    needs=VERIFY,
)
async def verified_nonce_not_base64(probe: HarnessProbe) -> None:
    """An X-Nen-Nonce that is not base64 is refused though the signature is right for it, with a body and without one."""
    session = fresh_session(probe)
    texts = {note: text for note, text in GARBAGE.items() if fits_a_header(text)}
    drafts = {f"POST: {note}": draft(session, carried=text) for note, text in texts.items()}
    drafts |= {f"GET: {note}": draft(session, None, "GET", carried=text) for note, text in texts.items()}
    await refused(probe, session, drafts)


@case(
    "v2/library-verification/nonce-repeated",
    "V2-AUTH-05",
    "ISO-6002",
    "ISO-3002",
    "ISO-3005",
    "ISO-6001",
    why=TWO_PLACES,
    cause="the first, or the last, of several values is taken",
    needs=VERIFY,
)
async def nonce_repeated(probe: HarnessProbe) -> None:
    """An X-Nen-Nonce of two values joined is refused, whichever of them was signed, or both."""
    session = fresh_session(probe)
    drafts: dict[str, Draft] = {}
    for note, other in {"the same twice": None, "another behind it": random_bytes(12)}.items():
        given = draft(session)
        both = f"{given.nonce_text}, {encode_base64(other or given.n)}"
        drafts[f"{note}, one signed"] = given.with_header(NONCE_HEADER, both)
        drafts[f"{note}, both signed"] = draft(session, carried=both)
        drafts[f"{note}, without a body"] = draft(session, None, "GET", carried=both)
    await refused(probe, session, drafts)


@case(
    "v2/library-verification/member-n",
    "V2-REQ-07",
    ACCEPTED,
    why=TWO_PLACES,
    cause="the nonce of the body is recorded, or opened under, in place of that of the header",
    needs=VERIFY,
)
async def member_n(probe: HarnessProbe) -> None:
    """A member n of the body is not looked at: neither its form, nor whether it was used."""
    session = fresh_session(probe)
    used = random_bytes(12)
    values: tuple[object, ...] = (encode_base64(used), "garbage!", 7, [1, 2], {})
    for value in values:
        given = draft(session).with_members(n=value)
        reply = await verify(probe, session, given, used=[used])
        probe.matches(reply, f"n {value!r}", {"payload": PAYLOAD.decode()})


@case(
    "v2/library-verification/used-in-the-header",
    "V2-REPLAY-01",
    "ISO-5001",
    why=REPLAYED,
    cause="the nonce of the body is recorded in place of that of the header",
    needs=VERIFY,
)
async def used_in_the_header(probe: HarnessProbe) -> None:
    """A used nonce in the header is refused, also where a fresh one stands in the body."""
    session = fresh_session(probe)
    given = draft(session).with_members(n=encode_base64(random_bytes(12)))
    probe.matches(await verify(probe, session, given), "the first time", {"payload": PAYLOAD.decode()})
    probe.sound()
    probe.judge(await verify(probe, session, given, used=[given.n]), "the second time")


@case(
    "v2/library-verification/replay-without-body",
    "V2-REPLAY-01",
    "ISO-5001",
    why="a request without a body could be sent again until its timestamp is too old: what V2 was made against",
    cause="nonces are recorded where a payload is opened",
    needs=VERIFY,
)
async def replay_without_body(probe: HarnessProbe) -> None:
    """A request without a body whose nonce was used is refused, whatever its method, and passes with another one."""
    session = fresh_session(probe)
    for method in ("GET", "HEAD", "DELETE", "POST"):
        given = draft(session, None, method)
        near = list(ends(given.n).values())
        passes(probe, session, given, await verify(probe, session, given, used=near), f"{method}, new", None)
        probe.sound()
        probe.judge(await verify(probe, session, given, used=[*near, given.n]), f"{method}, used")


@case(
    "v2/library-verification/get-with-a-body",
    "V2-REQ-10",
    ACCEPTED,
    why="a second set of rules for what is not sent is where the holes are",
    cause="the body of a GET is dropped before it is verified, or is refused",
    needs=VERIFY,
)
async def get_with_a_body(probe: HarnessProbe) -> None:
    """A GET or HEAD that has a body all the same is verified and opened like every other request."""
    session = fresh_session(probe)
    for method in ("GET", "HEAD"):
        given = draft(session, method=method)
        passes(probe, session, given, await verify(probe, session, given), method)
        unsigned = given.without(SIGNATURE_HEADER)
        probe.refused(await verify(probe, session, unsigned), f"{method}, unsigned")


@case(
    "v2/library-verification/order-nonce-third",
    "V2-AUTH-03",
    "ISO-3005",
    why=ORDER,
    cause="the header is looked at only where the nonce is recorded",
    needs=VERIFY,
)
async def order_nonce_third(probe: HarnessProbe) -> None:
    """A missing nonce is told before a missing or wrong signature, an old timestamp and a payload that does not open."""
    await order(probe, NO_NONCE)


@case(
    "v2/library-verification/order-nonce-after-the-session",
    "V2-AUTH-03",
    "ISO-2002",
    "ISO-2003",
    why=ORDER,
    cause="the headers are read all at once, before the session is looked for",
    needs=VERIFY,
)
async def order_nonce_after_the_session(probe: HarnessProbe) -> None:
    """A missing session header, and an unknown session, are told before a missing nonce."""
    session = fresh_session(probe)
    await control(probe, session)
    bare = draft(session).without(NONCE_HEADER)
    probe.judge(await verify(probe, None, bare), UNKNOWN.name)
    probe.judge(await verify(probe, session, bare.without("x-nen-session")), HEADER.name)
