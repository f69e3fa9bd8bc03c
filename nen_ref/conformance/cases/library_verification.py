"""`request.verify` of a library: the nine steps of section 5, one after the other, and their order."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from nen_ref.conformance.cases.library_tools import (
    ECHO,
    GARBAGE,
    LAX,
    NOW,
    PAYLOAD,
    control,
    draft,
    ends,
    fresh_session,
    passes,
    verify,
)
from nen_ref.conformance.harness.probe import HarnessProbe
from nen_ref.conformance.model import ACCEPTED
from nen_ref.conformance.peer import Draft, PeerSession, with_unused_bits
from nen_ref.conformance.randomness import random_bytes
from nen_ref.conformance.registry import case
from nen_ref.primitives.suite import REFERENCE
from nen_ref.protocol.messages import NONCE_HEADER, SESSION_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER
from nen_ref.protocol.payload import Envelope, seal
from nen_ref.protocol.session import SessionKeys
from nen_ref.protocol.wire import decode_base64, dump_json, encode_base64
from nen_ref.vectors.alter import flipped

VERIFY = ("request.verify",)

UNSIGNED = "whoever leaves the signature out is let in: the whole authentication can be stripped"
FORGED = "requests could be forged or altered by anyone who sees a session id"
MOVED = "a recorded request could be sent to another place than its client meant"
STALE = "a recorded request stays valid for as long as the attacker likes"
TURNED_AWAY = "sound requests are turned away"
REPLAYED = "a recorded request could be sent again: a payment made twice"
TAMPERED = "altered payloads would reach the application"
SHAPE = "what is not sealed must never be taken for a request: a plain body would be a downgrade"
ORDER = "a later check that answers first tells an outsider what only the owner of the session should learn, or spends what it should not"
DIGITS = "number parsers disagree on everything but digits: what one side signs as a time, the other reads as another"


def with_member(given: Draft, name: str, value: object) -> Draft:
    """The same request with one member of its body replaced; `...` leaves it out. What is signed stays."""
    members = {key: member for key, member in (given.members | {name: value}).items() if member is not ...}
    return given.with_body(dump_json(members))


def nonce_in_body(session: PeerSession) -> bool:
    """Whether the version carries the nonce in the body, where its own faults of shape are those of the body."""
    return "n" in draft(session).members


async def refused(probe: HarnessProbe, session: PeerSession, drafts: Mapping[str, Draft], **given: Any) -> None:
    """The request that is right passes, and none of these does."""
    await control(probe, session)
    for note, wrong in drafts.items():
        probe.judge(await verify(probe, session, wrong, **given), note)


# A request that is right


@case(
    "v1/library-verification/accepted",
    "V1-AUTH-10",
    ACCEPTED,
    why=TURNED_AWAY,
    cause="the method or the path is signed in another form than it was sent",
    needs=VERIFY,
)
async def accepted(probe: HarnessProbe) -> None:
    """A request that is right in everything passes, whatever its method, and its payload is handed out as it was."""
    session = fresh_session(probe)
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        given = draft(session, method=method)
        passes(probe, session, given, await verify(probe, session, given), method)
    for payload in (
        b"null",
        b"false",
        b"0",
        b'""',
        b"[]",
        b' { "a" : 1.0 } ',
        '"Grüße, 世界"'.encode(),
        b'"%s"' % (b"x" * 9000),
    ):
        given = draft(session, payload)
        passes(probe, session, given, await verify(probe, session, given), f"payload {payload[:16]!r}", payload)


@case(
    "v1/library-verification/without-body",
    "V1-REQ-09",
    ACCEPTED,
    "ISO-6001",
    why="a GET has no body and still has to be authenticated",
    cause="the body is parsed before it is known whether there is one, or NONCE is written as null",
    needs=VERIFY,
    cites={"v2": ("V2-REQ-09", ACCEPTED)},
)
async def without_body(probe: HarnessProbe) -> None:
    """A request without a body, or with an empty one, is verified like any other, and there is no payload."""
    session = fresh_session(probe)
    await control(probe, session)
    for method in ("GET", "DELETE", "POST"):
        given = draft(session, None, method)
        reply = await verify(probe, session, given)
        if reply.refused:
            probe.judge(reply, method)
        else:
            passes(probe, session, given, reply, method, None)
    empty = replace(draft(session, None), body=b"")
    reply = await verify(probe, session, empty)
    if reply.refused:
        probe.judge(reply, "the empty body")
    else:
        probe.matches(reply, "the empty body", {"payload": None})
    unsigned = draft(session, None, "GET").without(SIGNATURE_HEADER)
    probe.refused(await verify(probe, session, unsigned), "without a body and unsigned")


@case(
    "v1/library-verification/body-of-null",
    "V1-REQ-03",
    "ISO-6001",
    why="a body that a proxy put in place of the client's would pass as none",
    cause="whatever is falsy counts as no body",
    needs=VERIFY,
)
async def body_of_null(probe: HarnessProbe) -> None:
    """A body of null, false, 0, an empty text, array or object is a body, though signed as if there were none."""
    session = fresh_session(probe)
    texts = ("null", "false", "0", '""', "[]", "{}", " ", "\n")
    wrong = {repr(text): draft(session, body=text.encode(), nonce="") for text in texts}
    await refused(probe, session, wrong)


@case(
    "v1/library-verification/header-names",
    "V1-AUTH-01",
    ACCEPTED,
    level="hardening",
    why="header names have no case: HTTP/1.1 clients send X-Nen-Session, HTTP/2 sends x-nen-session",
    cause="headers are looked up in one spelling",
    needs=VERIFY,
)
async def header_names(probe: HarnessProbe) -> None:
    """The three headers are found in lower, upper and mixed case."""
    session = fresh_session(probe)
    for note, spell in {"lower": str.lower, "upper": str.upper, "title": str.title}.items():
        given = draft(session)
        headers = {spell(name): value for name, value in given.headers}
        passes(probe, session, given, await verify(probe, session, given, headers=headers), f"{note} case")


@case(
    "v1/library-verification/further-members",
    "V1-REQ-10",
    ACCEPTED,
    why="old clients repeat the session id in the body",
    cause="a closed schema on the request body",
    needs=VERIFY,
)
async def further_members(probe: HarnessProbe) -> None:
    """Further members of the body are ignored, and its members may come in any order."""
    session = fresh_session(probe)
    further: dict[str, dict[str, Any]] = {
        "session id": {"sessionId": session.sid},
        "others": {"aad": "x", "v": 2, "k": [None]},
    }
    for note, more in further.items():
        given = draft(session)
        probe.matches(await verify(probe, session, given.with_members(**more)), note, {"payload": PAYLOAD.decode()})
    given = draft(session)
    body = ",\n".join(f'"{name}" : "{value}"' for name, value in reversed(given.members.items()))
    reply = await verify(probe, session, given, body=f" {{ {body}\t}} ")
    probe.matches(reply, "in another order, with white space", {"payload": PAYLOAD.decode()})


# 1, 2: the session


@case(
    "v1/library-verification/session-header-missing",
    "V1-AUTH-01",
    "ISO-2003",
    why="a request without a session has no key to be checked with",
    cause="the lookup of an absent id fails with another code",
    needs=VERIFY,
)
async def session_header_missing(probe: HarnessProbe) -> None:
    """A request without X-Nen-Session is refused, also where the id stands in its body or another header."""
    session = fresh_session(probe)
    bare = draft(session).without(SESSION_HEADER)
    await refused(
        probe,
        session,
        {
            "with a body": bare,
            "without a body": draft(session, None, "GET").without(SESSION_HEADER),
            "the id in the body": bare.with_members(sid=session.sid, sessionId=session.sid),
            "the id in the query": replace(bare, target=f"{ECHO}?sid={session.sid}"),
            "the id in a cookie": bare.with_header("cookie", f"x-nen-session={session.sid}"),
            "the id as a bearer token": bare.with_header("authorization", f"Bearer {session.sid}"),
        },
    )


@case(
    "v1/library-verification/session-header-empty",
    "V1-AUTH-01",
    "ISO-2003",
    "ISO-2002",
    why="the empty id must not name a session",
    cause="the empty id is looked up like any other",
    needs=VERIFY,
)
async def session_header_empty(probe: HarnessProbe) -> None:
    """An empty X-Nen-Session is refused."""
    session = fresh_session(probe)
    await refused(probe, session, {"empty": draft(session).with_header(SESSION_HEADER, "")})


@case(
    "v1/library-verification/session-unknown",
    "V1-AUTH-02",
    "ISO-2002",
    why="clients handshake again on this code and no other",
    cause="an unknown session is answered with a code of its own, or its absence is dereferenced",
    needs=VERIFY,
)
async def session_unknown(probe: HarnessProbe) -> None:
    """A request under a session that is not known is refused, with and without a body."""
    session = fresh_session(probe)
    await control(probe, session)
    probe.judge(await verify(probe, None, draft(session)), "with a body")
    probe.judge(await verify(probe, None, draft(session, None, "GET")), "without a body")
    probe.judge(await verify(probe, None, draft(session).with_header(SESSION_HEADER, "__proto__")), "__proto__")


# 3: the shape


@case(
    "v1/library-verification/shape",
    "V1-REQ-03",
    "ISO-6001",
    why=SHAPE,
    cause="an absent or mistyped member is dereferenced, or a plain body passes",
    needs=VERIFY,
)
async def shape(probe: HarnessProbe) -> None:
    """Bodies that are no object with the members that are asked for, all texts, are refused, plain payloads among them."""
    session = fresh_session(probe)
    wrong = {
        repr(text): draft(session, body=text.encode(), nonce="")
        for text in ("[]", "7", '"ct"', "{", "not json", PAYLOAD.decode())
    }
    for note, value in {"absent": ..., "null": None, "a number": 7, "an object": {}, "true": True}.items():
        wrong[f"ct {note}"] = with_member(draft(session), "ct", value)
        if nonce_in_body(session):
            signed = "" if value in (..., None) else json.dumps(value)
            wrong[f"n {note}"] = with_member(draft(session, nonce=signed), "n", value)
    await refused(probe, session, wrong)


@case(
    "v1/library-verification/number-arrays",
    "V1-WIRE-03",
    "ISO-6001",
    why="it costs up to five times the size, and gives every value two ways to be written",
    cause="arrays of old clients are still taken for bytes",
    needs=VERIFY,
)
async def number_arrays(probe: HarnessProbe) -> None:
    """ct, and n where it is in the body, as arrays of numbers are refused, whatever text of n was signed."""
    session = fresh_session(probe)
    given = draft(session)
    arrays = with_member(given, "ct", list(given.ct))
    wrong = {"ct": arrays}
    if nonce_in_body(session):
        n = list(given.n)
        as_list = draft(session, n=given.n, nonce=",".join(map(str, n)))
        wrong |= {
            "both": with_member(arrays, "n", n),
            "n": with_member(given, "n", n),
            "n, signed as a list": with_member(as_list, "n", n),
        }
    await refused(probe, session, wrong)


@case(
    "v1/library-verification/not-base64",
    "V1-REQ-04",
    "ISO-6002",
    why="a decoder that skips what it does not know reads one value out of many texts",
    cause="the decoder of the platform ignores unknown characters",
    needs=VERIFY,
)
async def not_base64(probe: HarnessProbe) -> None:
    """A member of the body that is not base64 is refused, though the signature is right for the nonce."""
    session = fresh_session(probe)
    wrong = {f"ct: {note}": with_member(draft(session), "ct", "A" * 32 + text) for note, text in GARBAGE.items()}
    if nonce_in_body(session):
        wrong |= {f"n: {note}": draft(session, carried=text) for note, text in GARBAGE.items()}
    await refused(probe, session, wrong)


@case(
    "v1/library-verification/strict-base64",
    "V1-WIRE-02",
    "ISO-6002",
    why="one nonce in two texts passes the replay check twice where nonces are compared as text",
    cause="the decoder of the platform is lenient, and nothing compares the text with its encoding",
    needs=VERIFY,
)
async def strict_base64(probe: HarnessProbe) -> None:
    """A nonce that only a lenient decoder reads is refused, though the signature is right for its text."""
    session = fresh_session(probe)
    texts = LAX if nonce_in_body(session) else {note: text for note, text in LAX.items() if fits_a_header(text)}
    await refused(probe, session, {note: draft(session, carried=text) for note, text in texts.items()})


def fits_a_header(text: str) -> bool:
    """Whether a text comes through as it is: no control character, nothing beyond ASCII, no space at an end."""
    return text.isascii() and text.isprintable() and text == text.strip()


@case(
    "v1/library-verification/nonce-length",
    "V1-REQ-05",
    "ISO-6001",
    "ISO-4001",
    why="a library that fills or hashes nonces of other lengths has fewer of them than it seems",
    cause="the length is left to the cipher, whose exception escapes",
    needs=VERIFY,
    cites={"v2": ("V2-REQ-05", "ISO-6001", "ISO-3002", "ISO-3005", "ISO-4001", "ISO-6002")},
)
async def nonce_length(probe: HarnessProbe) -> None:
    """An n of 0, 8, 11, 13 or 24 bytes is refused."""
    session = fresh_session(probe)
    texts = {size: encode_base64(random_bytes(size)) for size in (0, 8, 11, 13, 24)}
    await refused(probe, session, {f"{size} bytes": draft(session, carried=text) for size, text in texts.items()})


# 4, 5: the signature


@case(
    "v1/library-verification/signature-missing",
    "V1-AUTH-03",
    "ISO-3001",
    why=UNSIGNED,
    cause="the signature is checked only if it is there",
    needs=VERIFY,
)
async def signature_missing(probe: HarnessProbe) -> None:
    """A request without X-Nen-Signature is refused, right in everything else."""
    session = fresh_session(probe)
    unsigned = draft(session).without(SIGNATURE_HEADER)
    await refused(
        probe,
        session,
        {
            "POST": unsigned,
            "DELETE": draft(session, method="DELETE").without(SIGNATURE_HEADER),
            "without a timestamp too": unsigned.without(TIMESTAMP_HEADER),
            "the signature in the body": unsigned.with_members(signature=draft(session).header(SIGNATURE_HEADER)),
        },
    )


@case(
    "v1/library-verification/signature-empty",
    "V1-AUTH-04",
    "ISO-3001",
    "ISO-3002",
    why=UNSIGNED,
    cause="the empty signature compares equal to a prefix",
    needs=VERIFY,
)
async def signature_empty(probe: HarnessProbe) -> None:
    """An empty X-Nen-Signature is refused."""
    session = fresh_session(probe)
    await refused(probe, session, {"empty": draft(session).with_header(SIGNATURE_HEADER, "")})


@case(
    "v1/library-verification/signature-altered",
    "V1-AUTH-04",
    "ISO-3002",
    why=FORGED,
    cause="only a part of the HMAC is compared, or its result is ignored",
    needs=VERIFY,
)
async def signature_altered(probe: HarnessProbe) -> None:
    """A signature with one bit changed in any of its 32 bytes, or cut, or lengthened, is refused."""
    session = fresh_session(probe)
    given = draft(session)
    tag = decode_base64(given.header(SIGNATURE_HEADER))
    tags = {f"byte {i}": flipped(tag, i, 1 << i % 8) for i in range(32)}
    tags |= {f"{size} bytes": (tag + b"\0")[:size] for size in (1, 16, 31, 33)}
    tags |= {"zeros": bytes(32), "twice": tag + tag}
    await refused(
        probe, session, {note: given.with_header(SIGNATURE_HEADER, encode_base64(t)) for note, t in tags.items()}
    )


@case(
    "v1/library-verification/signature-other-key",
    "V1-AUTH-04",
    "ISO-3002",
    why=FORGED,
    cause="requests are signed under the shared secret, an empty or a fixed key",
    needs=VERIFY,
)
async def signature_other_key(probe: HarnessProbe) -> None:
    """Signatures under the shared secret, the zero key, the empty key and another session's key are refused."""
    session = fresh_session(probe)
    keys = {
        "shared secret": session.keys.enc,
        "zeros": bytes(32),
        "empty": b"",
        "another session": random_bytes(32),
        "base64 text of the key": encode_base64(session.keys.mac).encode(),
        "hexadecimal text of the key": session.keys.mac.hex().encode(),
        "session id": session.sid.encode(),
    }
    await refused(probe, session, {note: draft(session, key=key) for note, key in keys.items()})


@case(
    "v1/library-verification/signature-encoding",
    "V1-AUTH-11",
    "ISO-3002",
    "ISO-6002",
    why="a signature with several texts defeats whatever remembers signatures",
    cause="hex and URL-safe base64 are accepted too, or padding is optional",
    needs=VERIFY,
)
async def signature_encoding(probe: HarnessProbe) -> None:
    """The right signature in hexadecimal, URL-safe, unpadded, with unused bits or white space, and garbage are refused."""
    session = fresh_session(probe)
    given = draft(session)
    while not set("+/") & set(given.header(SIGNATURE_HEADER)):
        given = draft(session)
    text = given.header(SIGNATURE_HEADER)
    texts = {
        "hexadecimal": decode_base64(text).hex(),
        "URL-safe": text.replace("+", "-").replace("/", "_"),
        "unpadded": text.rstrip("="),
        "unused bits": with_unused_bits(text),
        "a space inside": text[:10] + " " + text[10:],
        "with a scheme": f"HMAC {text}",
        "twice": f"{text}, {text}",
        "garbage": "!!!!",
        "null": "null",
        "a long text": "a" * 4000,
        "beyond ASCII": "\u00e9\u00e9",
    }
    await refused(probe, session, {note: given.with_header(SIGNATURE_HEADER, wrong) for note, wrong in texts.items()})


@case(
    "v1/library-verification/covers-method-and-path",
    "V1-AUTH-05",
    "ISO-3002",
    why=MOVED,
    cause="METHOD or PATH is not part of the canonical string",
    needs=VERIFY,
)
async def covers_method_and_path(probe: HarnessProbe) -> None:
    """A request with another method or path than was signed is refused."""
    session = fresh_session(probe)
    drafts = {
        f"sent as {sent}, signed as {signed}": draft(session, method=sent, signed={"method": signed})
        for sent, signed in (("PUT", "POST"), ("DELETE", "PUT"), ("POST", "post"), ("POST", ""))
    }
    for path in ("", "/", "/api/other", f"{ECHO}/", ECHO.upper(), ECHO[:-1], f"http://localhost{ECHO}", f"/{ECHO}"):
        drafts[f"signed for {path!r}"] = draft(session, signed={"path": path})
    await refused(probe, session, drafts)


@case(
    "v1/library-verification/covers-time-and-nonce",
    "V1-AUTH-05",
    "ISO-3002",
    why=REPLAYED,
    cause="TIMESTAMP or NONCE is not part of the canonical string, or is not the text that was sent",
    needs=VERIFY,
)
async def covers_time_and_nonce(probe: HarnessProbe) -> None:
    """A request with another timestamp or nonce than was signed, or with parts shifted or joined otherwise, is refused."""
    session = fresh_session(probe)
    given = draft(session)
    n = given.nonce_text
    await refused(
        probe,
        session,
        {
            "one millisecond later": given.with_header(TIMESTAMP_HEADER, str(NOW + 1)),
            "a zero in front of the time": given.with_header(TIMESTAMP_HEADER, f"0{NOW}"),
            "signed without the time": draft(session, signed={"timestamp": ""}),
            "signed with the time in seconds": draft(session, signed={"timestamp": str(NOW // 1000)}),
            "signed with another nonce": draft(session, nonce=encode_base64(random_bytes(12))),
            "signed without a nonce": draft(session, nonce=""),
            "signed with the nonce in hexadecimal": draft(session, n=given.n, nonce=given.n.hex()),
            "signed with ct for the nonce": draft(session, n=given.n, nonce=encode_base64(given.ct)),
            "a line feed at the end": draft(session, n=given.n, nonce=n + "\n"),
            "joined by CRLF": draft(session, n=given.n, signed={"method": "POST\r"}),
            "method and path merged": draft(session, n=given.n, signed={"method": "", "path": f"POST{ECHO}"}),
        },
    )


@case(
    "v1/library-verification/nonce-put-in",
    "V1-REQ-09",
    "ISO-3002",
    "ISO-6001",
    why="two readings of a missing nonce make two canonical strings",
    cause="an absent nonce is written as null or undefined",
    needs=VERIFY,
    cites={"v2": ("V2-AUTH-02", "ISO-3002")},
)
async def nonce_put_in(probe: HarnessProbe) -> None:
    """A request without a body that was signed with a nonce that it does not carry is refused."""
    session = fresh_session(probe)
    nonces = (encode_base64(random_bytes(12)), "null", "undefined", "None", "0", "AAAAAAAAAAAAAAAA")
    await refused(
        probe, session, {f"NONCE {nonce[:9]!r}": draft(session, None, "GET", nonce=nonce) for nonce in nonces}
    )


@case(
    "v1/library-verification/paths",
    "V1-AUTH-06",
    ACCEPTED,
    why=TURNED_AWAY + ": the two sides sign different texts",
    cause="the path is decoded, normalised, or taken with its query",
    needs=VERIFY,
)
async def paths(probe: HarnessProbe) -> None:
    """Paths are verified as they stand on the wire: queries apart, escapes, dots and empty segments kept."""
    session = fresh_session(probe)
    for target in (
        "/a?b=c",
        "/a?b?c=/d",
        "/a%20b",
        "/a%2Fb",
        "/%c3%A9",
        "/a/../b",
        "/a//b/",
        "/a;p=1",
        "/%E4%B8%96?q=%E7",
    ):
        given = draft(session, target=target)
        passes(probe, session, given, await verify(probe, session, given), target)


@case(
    "v1/library-verification/paths-rewritten",
    "V1-AUTH-06",
    "ISO-3002",
    why="of two paths that decode to the same, one could be sent in place of the other",
    cause="the path is decoded, normalised, or taken with its query",
    needs=VERIFY,
)
async def paths_rewritten(probe: HarnessProbe) -> None:
    """A request signed over its query, or over a decoded or normalised path, is refused."""
    session = fresh_session(probe)
    rewritten = {
        "/a?b=c": "/a?b=c",
        "/a?": "/a?",
        "/a%20b": "/a b",
        "/a%2Fb": "/a/b",
        "/%c3%a9": "/%C3%A9",
        "/%C3%A9": "/\u00e9",
        "/%41": "/A",
        "/a/../b": "/b",
        "/a/./b": "/a/b",
        "/a//b": "/a/b",
        "/a/": "/a",
        "/A": "/a",
    }
    await refused(
        probe,
        session,
        {
            f"sent {target!r}, signed {path!r}": draft(session, target=target, signed={"path": path})
            for target, path in rewritten.items()
        },
    )


# 6: the window


@case(
    "v1/library-verification/window-inside",
    "V1-AUTH-07",
    ACCEPTED,
    why=TURNED_AWAY + ", those of clients whose clock is half a minute off",
    cause="the window is compared with < in place of <=, in one direction only, or in seconds",
    needs=VERIFY,
)
async def window_inside(probe: HarnessProbe) -> None:
    """A request up to 30 000 ms old or early passes, the two edges included."""
    session = fresh_session(probe)
    for offset in (0, 1, -1, 29_999, -29_999, 30_000, -30_000):
        given = draft(session, timestamp=NOW + offset)
        passes(probe, session, given, await verify(probe, session, given), f"{offset:+} ms")
    for now in (0, 30_000):
        given = draft(session, timestamp=0)
        passes(probe, session, given, await verify(probe, session, given, now=now), f"timestamp 0 at {now}")


@case(
    "v1/library-verification/window-outside",
    "V1-AUTH-07",
    "ISO-3003",
    why=STALE,
    cause="no window, a window in one direction only, or one in seconds",
    needs=VERIFY,
)
async def window_outside(probe: HarnessProbe) -> None:
    """A request 30 001 ms old or early, or more, is refused."""
    session = fresh_session(probe)
    offsets = (30_001, -30_001, 30_999, -30_999, 60_000, -60_000, 3_600_000, -3_600_000, 86_400_000, -86_400_000)
    wrong = {f"{offset:+} ms": draft(session, timestamp=NOW + offset) for offset in offsets}
    wrong |= {
        "the time 0": draft(session, timestamp=0),
        "in seconds": draft(session, timestamp=NOW // 1000),
        "in microseconds": draft(session, timestamp=NOW * 1000),
        "2^32 ms early": draft(session, timestamp=NOW + 2**32),
        "2^32 ms late": draft(session, timestamp=NOW - 2**32),
    }
    await refused(probe, session, wrong)


@case(
    "v1/library-verification/timestamp-no-number",
    "V1-AUTH-08",
    "ISO-3003",
    "ISO-3002",
    why=STALE,
    cause="NaN compares false with everything: neither too old nor too new",
    needs=VERIFY,
)
async def timestamp_no_number(probe: HarnessProbe) -> None:
    """A timestamp that is absent, empty or no number is refused, though the signature is right for its text."""
    session = fresh_session(probe)
    texts = ("", "abc", "NaN", "now", "null", "undefined", "2025-10-09T08:53:20Z", "Infinity", "-", "1760000000000,1")
    wrong = {repr(text): draft(session, timestamp=text) for text in texts}
    wrong |= {
        "absent, signed as empty": draft(session, timestamp="").without(TIMESTAMP_HEADER),
        "absent": draft(session).without(TIMESTAMP_HEADER),
    }
    await refused(probe, session, wrong)


@case(
    "v1/library-verification/timestamp-forms",
    "V1-AUTH-09",
    "ISO-3003",
    why=DIGITS,
    cause="the number parser of the platform",
    needs=VERIFY,
)
async def timestamp_forms(probe: HarnessProbe) -> None:
    """The right time with a sign, a fraction, an exponent, white space, separators or other digits is refused."""
    session = fresh_session(probe)
    text = str(NOW)
    forms = (
        f"+{text}",
        f" {text}",
        f"{text} ",
        f"{text}.0",
        f"{text}.",
        f"{text}e0",
        "1.76e12",
        "176e10",
        f"{text}n",
        f"{text}L",
        hex(NOW),
        "1_760_000_000_000",
        "1,760,000,000,000",
        f"{text}ms",
        f"0000{text}",
        "".join(chr(0x0660 + int(digit)) for digit in text),
        "".join(chr(0xFF10 + int(digit)) for digit in text),
    )
    wrong = {ascii(form): draft(session, timestamp=form) for form in forms}
    wrong |= {
        "-1": draft(session, timestamp=-1),
        "17 digits": draft(session, timestamp=10**16),
        "400 digits": draft(session, timestamp="9" * 400),
    }
    await refused(probe, session, wrong)
    zeros = draft(session, timestamp=f"000{text}")
    passes(probe, session, zeros, await verify(probe, session, zeros), "sixteen digits, three of them zeros in front")


# 7: the replay


@case(
    "v1/library-verification/replay",
    "V1-REPLAY-01",
    "ISO-5001",
    why=REPLAYED,
    cause="nonces are compared in another form than they are stored, or only the last one is kept",
    needs=VERIFY,
)
async def replay(probe: HarnessProbe) -> None:
    """A nonce that the session has used is refused, wherever it stands among those used."""
    session = fresh_session(probe)
    others = [random_bytes(12) for _ in range(40)]
    given = draft(session)
    n = given.n
    await control(probe, session, given)
    for note, used in {
        "the only one": [n],
        "the first": [n, *others],
        "the last": [*others, n],
        "among others": [*others[:20], n, *others[20:]],
        "twice": [n, n],
    }.items():
        probe.judge(await verify(probe, session, given, used=used), note)
    again = draft(session, n=n, timestamp=NOW + 1)
    probe.judge(await verify(probe, session, again, used=[n]), "under another timestamp")
    other = draft(session, b'{"other":1}', n=n)
    probe.judge(await verify(probe, session, other, used=[n]), "with another payload")
    edge = bytes(12)
    probe.judge(await verify(probe, session, draft(session, n=edge), used=[edge]), "the nonce of zeros")


@case(
    "v1/library-verification/replay-other-nonces",
    "V1-REPLAY-01",
    ACCEPTED,
    why=TURNED_AWAY,
    cause="nonces are compared by a prefix, as C strings, or without case in their text",
    needs=VERIFY,
)
async def replay_other_nonces(probe: HarnessProbe) -> None:
    """A nonce that differs in one bit from those used is new."""
    session = fresh_session(probe)
    n = bytes([0, *random_bytes(11)])
    near = [*ends(n).values(), n[1:] + n[:1], n[::-1], bytes(12)]
    given = draft(session, n=n)
    passes(probe, session, given, await verify(probe, session, given, used=near), "a zero byte in front")
    given = draft(session, n=decode_base64("abcdefghijklmnop"))
    used = [decode_base64("ABCDEFGHIJKLMNOP"), decode_base64("aBcDeFgHiJkLmNoP")]
    passes(probe, session, given, await verify(probe, session, given, used=used), "other case in the text")


@case(
    "v1/library-verification/replay-without-body",
    "V1-REQ-09",
    ACCEPTED,
    "ISO-6001",
    why=TURNED_AWAY + ": every GET of a session but the first",
    cause="the empty nonce is recorded like any other",
    needs=VERIFY,
    only=("v1",),
)
async def replay_without_body(probe: HarnessProbe) -> None:
    """A request without a body has no nonce: none that was used can stand against it."""
    session = fresh_session(probe)
    await control(probe, session)
    given = draft(session, None, "GET")
    reply = await verify(probe, session, given, used=[b"", bytes(12), random_bytes(12)])
    if reply.refused:
        probe.judge(reply, "GET")
    else:
        passes(probe, session, given, reply, "GET", None)


# 8, 9: the payload


def resealed(session: PeerSession, envelope: Envelope) -> Draft:
    """A request that carries exactly this envelope, signed rightly for it."""
    return draft(session, envelope=envelope)


@case(
    "v1/library-verification/payload-altered",
    "V1-REQ-07",
    "ISO-4001",
    why=TAMPERED,
    cause="the exception of the cipher escapes under another code",
    needs=VERIFY,
)
async def payload_altered(probe: HarnessProbe) -> None:
    """A ct altered in one bit, cut, or sealed under another key or nonce is refused, though the signature is right."""
    session = fresh_session(probe)
    right = draft(session).envelope
    cts = ends(right.ct) | {"cut": right.ct[:-1], "lengthened": right.ct + b"\0", "without its tag": right.ct[:-16]}
    wrong = {note: resealed(session, replace(right, ct=ct)) for note, ct in cts.items()}
    wrong |= {
        "another nonce": resealed(session, replace(right, n=random_bytes(12))),
        "under another secret": resealed(session, seal(random_bytes(32), random_bytes(12), PAYLOAD)),
        "under the HMAC key": resealed(session, seal(session.keys.mac, random_bytes(12), PAYLOAD)),
        "not sealed at all": resealed(session, Envelope(PAYLOAD, random_bytes(12))),
    }
    await refused(probe, session, wrong)


@case(
    "v1/library-verification/payload-short",
    "V1-REQ-06",
    "ISO-4001",
    why="a length below zero is a crash or worse",
    cause="the tag is cut off without looking at the length",
    needs=VERIFY,
)
async def payload_short(probe: HarnessProbe) -> None:
    """A ct shorter than a tag is refused."""
    session = fresh_session(probe)
    n = random_bytes(12)
    tag = REFERENCE.aead_seal(session.keys.enc, n, b"")
    await refused(
        probe, session, {f"{size} bytes": resealed(session, Envelope(tag[:size], n)) for size in (0, 1, 12, 15)}
    )


@case(
    "v1/library-verification/payload-not-json",
    "V1-REQ-08",
    "ISO-4003",
    why="handlers expect JSON; what a lenient parser makes of anything else is anybody's guess",
    cause="the payload goes to the handler as text, or the empty one is taken for none",
    needs=VERIFY,
)
async def payload_not_json(probe: HarnessProbe) -> None:
    """A payload that opens but is not JSON is refused with its own code."""
    session = fresh_session(probe)
    texts = (b"", b" ", b"{", b"hello", b"{'a':1}", b'{"a":1,}', b"undefined", b"\xff\xfe", b"01", b"\0")
    await refused(probe, session, {repr(text): draft(session, text) for text in texts})


@case(
    "v1/library-verification/payload-ambiguous-json",
    "V1-WIRE-05",
    "ISO-4003",
    why="what two parsers read differently can be used against one of them",
    cause="the parser of the platform takes the last of two members, NaN, or a lone surrogate",
    needs=VERIFY,
)
async def payload_ambiguous_json(probe: HarnessProbe) -> None:
    """Payloads that parsers read differently are refused: members named twice, NaN, lone surrogates, deep nesting."""
    session = fresh_session(probe)
    texts = {
        "a member named twice": b'{"a":1,"a":2}',
        "NaN": b"[NaN]",
        "a lone surrogate": b'"\\udfff"',
        "a byte order mark": b"\xef\xbb\xbf{}",
        "129 levels": b"[" * 129 + b"]" * 129,
    }
    await refused(probe, session, {note: draft(session, text) for note, text in texts.items()})


@case(
    "v1/library-verification/sessions-independent",
    "V1-LIFE-10",
    "ISO-3002",
    "ISO-4001",
    why="a client of the same server could speak in the name of another",
    cause="keys are shared between sessions, or the session of the header is not the one that verifies",
    needs=VERIFY,
)
async def sessions_independent(probe: HarnessProbe) -> None:
    """What is signed or sealed under one session is refused under another, each key for itself."""
    one, two = fresh_session(probe), fresh_session(probe)
    await control(probe, one)
    probe.judge(await verify(probe, two, draft(one)), "signed and sealed under another")
    mac_of_two = replace(one, keys=SessionKeys(one.keys.enc, two.keys.mac))
    probe.judge(await verify(probe, one, draft(mac_of_two)), "signed under another")
    enc_of_two = replace(one, keys=SessionKeys(two.keys.enc, one.keys.mac))
    probe.judge(await verify(probe, one, draft(enc_of_two)), "sealed under another")


# The order of the steps


@dataclass(frozen=True)
class Fault:
    """One way to fail one step."""

    step: int
    name: str


HEADER = Fault(1, "no session header")
UNKNOWN = Fault(2, "an unknown session")
NO_NONCE = Fault(3, "no nonce header")
MISTYPED = Fault(3, "ct is no text")
UNDECODABLE = Fault(3, "ct is not base64")
NO_SIGNATURE = Fault(4, "no signature")
WRONG_SIGNATURE = Fault(5, "a wrong signature")
OLD = Fault(6, "an old timestamp")
NO_TIME = Fault(6, "a timestamp that is no number")
USED = Fault(7, "a used nonce")
SEALED_WRONG = Fault(8, "a ct that does not open")
NOT_JSON = Fault(9, "a payload that is not JSON")
FAULTS = (
    HEADER,
    UNKNOWN,
    MISTYPED,
    UNDECODABLE,
    NO_SIGNATURE,
    WRONG_SIGNATURE,
    OLD,
    NO_TIME,
    USED,
    SEALED_WRONG,
    NOT_JSON,
)


async def order(probe: HarnessProbe, *earlier: Fault) -> None:
    """Each of these faults together with each fault of a later step, and with all of them: the earlier one decides."""
    session = fresh_session(probe)
    await control(probe, session)
    for first in earlier:
        later = [fault for fault in FAULTS if fault.step > first.step]
        sets = [[fault] for fault in later] + ([later] if len(later) > 1 else [])
        for others in sets:
            note = f"{first.name}, and " + ("all later faults" if len(others) > 1 else others[0].name)
            await _judged(probe, session, {first, *others}, note)


async def _judged(probe: HarnessProbe, session: PeerSession, faults: set[Fault], note: str) -> None:
    envelope = seal(session.keys.enc, random_bytes(12), b"not json" if NOT_JSON in faults else PAYLOAD)
    ct: object = encode_base64(flipped(envelope.ct, -1) if SEALED_WRONG in faults else envelope.ct)
    if UNDECODABLE in faults:
        ct = f"!{ct}"
    if MISTYPED in faults:
        ct = 7
    timestamp: str | int = NOW - 30_001 if OLD in faults else NOW
    if NO_TIME in faults:
        timestamp = "soon"
    key = random_bytes(32) if WRONG_SIGNATURE in faults else None
    given = with_member(draft(session, envelope=envelope, timestamp=timestamp, key=key), "ct", ct)
    if NO_SIGNATURE in faults:
        given = given.without(SIGNATURE_HEADER)
    if NO_NONCE in faults:
        given = given.without(NONCE_HEADER)
    if HEADER in faults:
        given = given.without(SESSION_HEADER)
    known = None if UNKNOWN in faults else session
    used = [envelope.n] if USED in faults else []
    probe.judge(await verify(probe, known, given, used=used), note)


@case(
    "v1/library-verification/order-header-first",
    "V1-AUTH-10",
    "ISO-2003",
    why=ORDER,
    cause="the body is parsed before the session is looked for",
    needs=VERIFY,
)
async def order_header_first(probe: HarnessProbe) -> None:
    """A missing session header is told before every later fault."""
    await order(probe, HEADER)


@case(
    "v1/library-verification/order-session-second",
    "V1-AUTH-10",
    "ISO-2002",
    why=ORDER,
    cause="the body is parsed, or the signature looked for, before the session",
    needs=VERIFY,
)
async def order_session_second(probe: HarnessProbe) -> None:
    """An unknown session is told before every later fault."""
    await order(probe, UNKNOWN)


@case(
    "v1/library-verification/order-shape-third",
    "V1-AUTH-10",
    "ISO-6001",
    why=ORDER,
    cause="the body is parsed only after the signature was checked",
    needs=VERIFY,
)
async def order_shape_third(probe: HarnessProbe) -> None:
    """A body of another shape is told before a missing or wrong signature, an old timestamp and a used nonce."""
    await order(probe, MISTYPED)


@case(
    "v1/library-verification/order-decoding-third",
    "V1-AUTH-10",
    "ISO-6002",
    why=ORDER,
    cause="ct is decoded only when it is opened",
    needs=VERIFY,
)
async def order_decoding_third(probe: HarnessProbe) -> None:
    """A ct that is not base64 is told before a missing or wrong signature, an old timestamp and a used nonce."""
    await order(probe, UNDECODABLE)


@case(
    "v1/library-verification/order-unsigned-fourth",
    "V1-AUTH-10",
    "ISO-3001",
    why=ORDER,
    cause="the window or the nonce is checked before it is known who sent them",
    needs=VERIFY,
)
async def order_unsigned_fourth(probe: HarnessProbe) -> None:
    """A missing signature is told before every fault of window, nonce and payload."""
    await order(probe, NO_SIGNATURE)


@case(
    "v1/library-verification/order-signature-fifth",
    "V1-AUTH-10",
    "ISO-3002",
    why=ORDER,
    cause="the window, the nonce or the payload is checked before it is known who sent them",
    needs=VERIFY,
)
async def order_signature_fifth(probe: HarnessProbe) -> None:
    """A wrong signature is told before every fault of window, nonce and payload."""
    await order(probe, WRONG_SIGNATURE)


@case(
    "v1/library-verification/order-window-sixth",
    "V1-AUTH-10",
    "ISO-3003",
    why=ORDER + ": an old request would burn its nonce",
    cause="the nonce is recorded, or the payload opened, before the time is looked at",
    needs=VERIFY,
)
async def order_window_sixth(probe: HarnessProbe) -> None:
    """A timestamp outside of the window is told before a used nonce and every fault of the payload."""
    await order(probe, OLD)


@case(
    "v1/library-verification/order-replay-seventh",
    "V1-AUTH-10",
    "ISO-5001",
    why=ORDER + ": whoever replays a request learns whether its payload opens",
    cause="the nonce is recorded only after the payload was opened",
    needs=VERIFY,
)
async def order_replay_seventh(probe: HarnessProbe) -> None:
    """A used nonce is told before every fault of the payload."""
    await order(probe, USED)


@case(
    "v1/library-verification/order-opening-eighth",
    "V1-AUTH-10",
    "ISO-4001",
    why="unauthenticated plaintext went through a parser",
    cause="the payload is decrypted and parsed before its tag is checked",
    needs=VERIFY,
)
async def order_opening_eighth(probe: HarnessProbe) -> None:
    """A payload that does not open is told as such, though what is in it is not JSON."""
    await order(probe, SEALED_WRONG)
