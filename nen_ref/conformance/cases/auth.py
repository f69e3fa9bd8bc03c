"""Verification of a request: section 5 of the specification."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime

from nen_ref.conformance.model import ACCEPTED, NOT_FOUND, REFUSED
from nen_ref.conformance.peer import Draft, now_ms, with_unused_bits
from nen_ref.conformance.probe import Probe
from nen_ref.conformance.randomness import random_bytes
from nen_ref.conformance.registry import case
from nen_ref.protocol.messages import SESSION_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER
from nen_ref.protocol.wire import decode_base64, encode_base64

UNSIGNED = "whoever leaves the signature out is let in: the whole authentication can be stripped"
FORGED = "requests could be forged or altered by anyone who sees a session id"
MOVED = "a recorded request could be sent to another place than its client meant"
STALE = "a recorded request stays valid for as long as the attacker likes"
ORDER = "a later check that answers first tells an outsider what only the owner of the session should learn, or spends what it should not"
DIGITS = "number parsers disagree on everything but digits: what one side signs as a time, the other reads as another"


@case(
    "v1/auth/session-missing",
    "V1-AUTH-01",
    "ISO-2003",
    why="a request without a session has no key to be checked with",
    cause="the lookup of an absent id fails with another code",
)
async def session_missing(probe: Probe) -> None:
    """A request without X-Nen-Session is refused."""
    session = await probe.session()
    probe.judge(await probe.send(probe.draft(session).without(SESSION_HEADER)), "right in everything else")
    probe.judge(await probe.send(Draft("POST", probe.target.echo)), "no header at all")
    probe.judge(await probe.send(Draft("GET", probe.target.echo)), "GET, no header at all")
    bare = probe.draft(session).without(SESSION_HEADER)
    elsewhere = {
        "in the body": bare.with_members(sessionId=session.sid, sid=session.sid),
        "in the query": replace(bare, target=f"{bare.target}?sid={session.sid}&X-Nen-Session={session.sid}"),
        "in a cookie": bare.with_header("cookie", f"x-nen-session={session.sid}; sid={session.sid}"),
        "as a bearer token": bare.with_header("authorization", f"Bearer {session.sid}"),
    }
    for note, draft in elsewhere.items():
        probe.judge(await probe.send(draft), f"the session id {note}")


@case(
    "v1/auth/session-empty",
    "V1-AUTH-15",
    "ISO-2003",
    "ISO-2002",
    why="the empty id must not name a session",
    cause="the empty id is looked up like any other",
)
async def session_empty(probe: Probe) -> None:
    """An empty X-Nen-Session is refused."""
    session = await probe.session()
    probe.judge(await probe.send(probe.draft(session).with_header(SESSION_HEADER, "")))


@case(
    "v1/auth/session-unknown",
    "V1-AUTH-02",
    "ISO-2002",
    why="clients handshake again on this code and no other",
    cause="an unknown session is answered with 404, 403 or a code of its own",
)
async def session_unknown(probe: Probe) -> None:
    """A session id that the server never gave is refused."""
    session = await probe.session()
    for sid in (
        "00000000-0000-4000-8000-000000000000",
        "x",
        "../../etc/passwd",
        "a" * 4000,
        "nen:session:*",
        "__proto__",
    ):
        probe.judge(await probe.send(probe.draft(session).with_header(SESSION_HEADER, sid)), sid[:24])


@case(
    "v1/auth/session-id-altered",
    "V1-AUTH-02",
    "ISO-2002",
    why="ids that are nearly right must not be right",
    cause="ids are compared without case, by prefix, or after a clean-up",
)
async def session_id_altered(probe: Probe) -> None:
    """The session id cut short, lengthened, in other case, without its dashes or altered at its end is unknown."""
    session = await probe.session()
    last = "0" if session.sid[-1] != "0" else "1"
    altered = {
        "cut short": session.sid[:-1],
        "lengthened": session.sid + "0",
        "another last character": session.sid[:-1] + last,
        "other case": session.sid.swapcase(),
        "without dashes": session.sid.replace("-", ""),
        "in quotes": f'"{session.sid}"',
    }
    for note, sid in altered.items():
        if sid != session.sid:
            probe.judge(await probe.send(probe.draft(session).with_header(SESSION_HEADER, sid)), note)


@case(
    "v1/auth/signature-missing",
    "V1-AUTH-03",
    "ISO-3001",
    why=UNSIGNED,
    cause="the signature is checked only if it is there",
)
async def signature_missing(probe: Probe) -> None:
    """A request that is right in everything but carries no X-Nen-Signature is refused."""
    session = await probe.session()
    probe.judge(await probe.send(probe.draft(session).without(SIGNATURE_HEADER), session), "POST")
    put = session.draft("PUT", probe.target.echo).without(SIGNATURE_HEADER)
    probe.judge(await probe.send(put, session), "PUT")
    chunked = replace(probe.draft(session).without(SIGNATURE_HEADER), chunked=True)
    probe.judge(await probe.send(chunked, session), "with a chunked body")


@case(
    "v1/auth/signature-missing-without-body",
    "V1-REQ-09",
    "ISO-3001",
    "ISO-6001",
    why=UNSIGNED,
    cause="requests without a body are not verified at all",
    cites={"v2": ("V2-REQ-09", "ISO-3001")},
)
async def signature_missing_without_body(probe: Probe) -> None:
    """A GET, POST or DELETE without a body and without X-Nen-Signature is refused."""
    session = await probe.session()
    for method in ("GET", "POST", "DELETE"):
        draft = session.draft(method, probe.target.echo, None).without(SIGNATURE_HEADER)
        probe.judge(await probe.send(draft, session), method)


@case(
    "v1/auth/signature-and-timestamp-missing",
    "V1-AUTH-12",
    "ISO-3001",
    why=UNSIGNED,
    cause="requests with none of the headers pass as those of old clients",
)
async def signature_and_timestamp_missing(probe: Probe) -> None:
    """A request with neither signature nor timestamp is refused as unsigned."""
    session = await probe.session()
    probe.judge(await probe.send(probe.draft(session).without(SIGNATURE_HEADER).without(TIMESTAMP_HEADER), session))


@case(
    "v1/auth/signature-empty",
    "V1-AUTH-04",
    "ISO-3001",
    "ISO-3002",
    why=UNSIGNED,
    cause="the empty signature compares equal to a prefix",
)
async def signature_empty(probe: Probe) -> None:
    """An empty X-Nen-Signature is refused."""
    session = await probe.session()
    probe.judge(await probe.send(probe.draft(session).with_header(SIGNATURE_HEADER, ""), session))


@case(
    "v1/auth/signature-altered",
    "V1-AUTH-04",
    "ISO-3002",
    why=FORGED,
    cause="only a part of the HMAC is compared, or its result is ignored",
)
async def signature_altered(probe: Probe) -> None:
    """A signature with one bit changed, in any of five places, is refused."""
    session = await probe.session()
    for position in (0, 7, 15, 16, 31):
        draft = probe.draft(session)
        tag = bytearray(decode_base64(draft.header(SIGNATURE_HEADER)))
        tag[position] ^= 1
        wrong = draft.with_header(SIGNATURE_HEADER, encode_base64(bytes(tag)))
        probe.judge(await probe.send(wrong, session), f"byte {position}")
    draft = probe.draft(session)
    swapped = draft.with_header(SIGNATURE_HEADER, draft.header(SIGNATURE_HEADER).swapcase())
    probe.judge(await probe.send(swapped, session), "upper and lower case exchanged")


@case(
    "v1/auth/signature-cut",
    "V1-AUTH-04",
    "ISO-3002",
    why="a short tag can be guessed",
    cause="the comparison stops at the shorter of the two",
)
async def signature_cut(probe: Probe) -> None:
    """The first 1, 16 and 31 bytes of the right signature, or 33 bytes, are refused."""
    session = await probe.session()
    for size in (1, 16, 31, 33):
        draft = probe.draft(session)
        tag = (decode_base64(draft.header(SIGNATURE_HEADER)) + b"\0")[:size]
        probe.judge(await probe.send(draft.with_header(SIGNATURE_HEADER, encode_base64(tag)), session), f"{size} bytes")


@case(
    "v1/auth/signature-other-key",
    "V1-AUTH-04",
    "ISO-3002",
    why=FORGED,
    cause="requests are signed under the shared secret, an empty or a fixed key",
)
async def signature_other_key(probe: Probe) -> None:
    """Signatures under the shared secret, the zero key, the empty key and a random key are refused."""
    session = await probe.session()
    keys = {
        "shared secret": session.keys.enc,
        "zero": bytes(32),
        "empty": b"",
        "random": random_bytes(32),
        "base64 text of the HMAC key": encode_base64(session.keys.mac).encode(),
        "session id": session.sid.encode(),
    }
    for note, key in keys.items():
        probe.judge(await probe.send(probe.draft(session, key=key), session), note)


@case(
    "v1/auth/signature-encoding",
    "V1-AUTH-11",
    "ISO-3002",
    "ISO-6002",
    why="a signature with several texts defeats whatever remembers signatures",
    cause="hex and URL-safe base64 are accepted too, or padding is optional",
)
async def signature_encoding(probe: Probe) -> None:
    """The right signature in hex, in URL-safe or unpadded base64, or with unused bits set is refused."""
    session = await probe.session()
    draft = probe.draft(session)
    while not set("+/") & set(draft.header(SIGNATURE_HEADER)):
        draft = probe.draft(session)
    text = draft.header(SIGNATURE_HEADER)
    variants = {
        "hex": decode_base64(text).hex(),
        "URL-safe": text.replace("+", "-").replace("/", "_"),
        "unpadded": text.rstrip("="),
        "unused bits": with_unused_bits(text),
        "inner space": text[:10] + " " + text[10:],
    }
    for note, variant in variants.items():
        probe.judge(await probe.send(draft.with_header(SIGNATURE_HEADER, variant), session), note)


@case(
    "v1/auth/signature-not-base64",
    "V1-AUTH-11",
    "ISO-3002",
    "ISO-6002",
    why="the decoder's exception must not become a crash",
    cause="the decoder's exception escapes",
)
async def signature_not_base64(probe: Probe) -> None:
    """A signature that is no base64 is refused."""
    session = await probe.session()
    for text in ("!!!!", "null", "undefined", "\u00e9\u00e9", "a" * 4000, "Bearer x"):
        probe.judge(await probe.send(probe.draft(session).with_header(SIGNATURE_HEADER, text), session), text[:12])


@case(
    "v1/auth/method-covered",
    "V1-AUTH-05",
    "ISO-3002",
    why="a recorded PUT could be sent as DELETE",
    cause="METHOD is not part of the canonical string",
)
async def method_covered(probe: Probe) -> None:
    """A request sent with another method than was signed is refused."""
    session = await probe.session()
    for sent, signed in (("PUT", "POST"), ("DELETE", "PUT"), ("PATCH", "PUT")):
        draft = session.draft(sent, probe.target.echo, signed={"method": signed})
        probe.judge(await probe.send(draft, session), f"signed as {signed}, sent as {sent}")


@case("v1/auth/path-covered", "V1-AUTH-05", "ISO-3002", why=MOVED, cause="PATH is not part of the canonical string")
async def path_covered(probe: Probe) -> None:
    """A request sent to another path than was signed is refused."""
    session = await probe.session()
    for path in (
        probe.target.url + probe.target.echo,
        "/api/other",
        "",
        "/",
        probe.target.echo + "/",
        probe.target.echo.upper(),
        probe.target.stream or "/x",
    ):
        probe.judge(await probe.send(probe.draft(session, signed={"path": path}), session), f"signed for {path!r}")


@case(
    "v1/auth/timestamp-covered",
    "V1-AUTH-05",
    "ISO-3002",
    why=STALE,
    cause="TIMESTAMP is not part of the canonical string",
)
async def timestamp_covered(probe: Probe) -> None:
    """A request whose timestamp was changed after signing is refused."""
    session = await probe.session()
    draft = probe.draft(session)
    later = str(int(draft.header(TIMESTAMP_HEADER)) + 1)
    probe.judge(await probe.send(draft.with_header(TIMESTAMP_HEADER, later), session), "one millisecond later")
    probe.judge(await probe.send(probe.draft(session, signed={"timestamp": ""}), session), "signed without it")
    zero = "0" + draft.header(TIMESTAMP_HEADER)
    probe.judge(await probe.send(draft.with_header(TIMESTAMP_HEADER, zero), session), "with a zero in front")


@case(
    "v1/auth/nonce-covered",
    "V1-AUTH-05",
    "ISO-3002",
    why="a recorded request could be replayed under a new nonce",
    cause="NONCE is not part of the canonical string, or is taken from elsewhere than the body",
)
async def nonce_covered(probe: Probe) -> None:
    """A request signed with another nonce than it carries, or with none, is refused."""
    session = await probe.session()
    for note, nonce in (("another", encode_base64(random_bytes(12))), ("none", ""), ("null", "null")):
        probe.judge(await probe.send(probe.draft(session, nonce=nonce), session), note)


@case(
    "v1/auth/nonce-empty-without-body",
    "V1-REQ-09",
    "ISO-3002",
    "ISO-6001",
    why="two readings of a missing nonce make two canonical strings",
    cause="an absent nonce is written as null or undefined",
    only=("v1",),
)
async def nonce_empty_without_body(probe: Probe) -> None:
    """A request without a body that was signed with a nonce is refused."""
    session = await probe.session()
    for nonce in (encode_base64(random_bytes(12)), "null", "undefined", "0"):
        draft = session.draft("GET", probe.target.echo, None, nonce=nonce)
        probe.judge(await probe.send(draft, session), f"NONCE {nonce[:9]!r}")


@case(
    "v1/auth/canonical-method-case",
    "V1-AUTH-05",
    "ISO-3002",
    why="implementations that sign different texts do not understand each other",
    cause="the method is lower-cased before signing",
)
async def canonical_method_case(probe: Probe) -> None:
    """A signature over the method in lower case is refused."""
    session = await probe.session()
    probe.judge(await probe.send(probe.draft(session, signed={"method": "post"}), session))


@case(
    "v1/auth/canonical-separator",
    "V1-AUTH-05",
    "ISO-3002",
    why="without the separator, parts can be shifted into one another",
    cause="the parts are joined by CRLF, a space or nothing",
)
async def canonical_separator(probe: Probe) -> None:
    """Signatures over parts joined by CRLF, by nothing, or followed by a line feed are refused."""
    session = await probe.session()
    probe.judge(await probe.send(probe.draft(session, signed={"method": "POST\r"}), session), "CRLF")
    draft = probe.draft(session)
    nonce = draft.nonce_text
    fed = probe.draft(session, envelope=draft.envelope, nonce=nonce + "\n")
    probe.judge(await probe.send(fed, session), "line feed at the end")
    merged = {"method": "POST" + probe.target.echo, "path": "", "nonce": nonce}
    probe.judge(await probe.send(probe.draft(session, envelope=draft.envelope, signed=merged), session), "parts merged")


@case(
    "v1/auth/query-not-signed",
    "V1-AUTH-06",
    ACCEPTED,
    why="clients that sign the path alone could not use a query",
    cause="the query is part of PATH",
)
async def query_not_signed(probe: Probe) -> None:
    """A request with a query, signed over the path alone, is accepted."""
    session = await probe.session()
    draft = session.draft("POST", probe.target.echo + "?x=1&y=%2Fz")
    probe.accepted(await probe.send(draft, session), "with a query", body={"hello": "world"})


@case(
    "v1/auth/query-in-signature",
    "V1-AUTH-06",
    "ISO-3002",
    why="implementations that sign the query and those that do not do not understand each other",
    cause="the query is part of PATH",
)
async def query_in_signature(probe: Probe) -> None:
    """A request with a query, signed over path and query, is refused."""
    session = await probe.session()
    target = probe.target.echo + "?x=1"
    probe.judge(await probe.send(session.draft("POST", target, signed={"path": target}), session))


def _escaped(path: str) -> str:
    """The path with its last character written as a percent escape: another text for the same resource.

    In upper case (%6F for the last of /api/echo), so that lower-casing the path is seen too.
    """
    return f"{path[:-1]}%{ord(path[-1]):02X}"


@case(
    "v1/auth/path-escapes-kept",
    "V1-AUTH-06",
    ACCEPTED,
    NOT_FOUND,
    why="proxies and frameworks decode at different moments: only the wire is common to both sides",
    cause="PATH is taken from the decoded path of the framework",
)
async def path_escapes_kept(probe: Probe) -> None:
    """A path with a percent escape, signed as it stands on the wire, is accepted (or not routed at all)."""
    session = await probe.session()
    reply = await probe.send(session.draft("POST", _escaped(probe.target.echo)), session)
    probe.judge(reply)


@case(
    "v1/auth/path-escapes-decoded",
    "V1-AUTH-06",
    "ISO-3002",
    NOT_FOUND,
    why="two paths that decode alike would share one signature",
    cause="PATH is taken from the decoded path of the framework",
)
async def path_escapes_decoded(probe: Probe) -> None:
    """A path with a percent escape, signed in its decoded form, is refused."""
    session = await probe.session()
    draft = session.draft("POST", _escaped(probe.target.echo), signed={"path": probe.target.echo})
    probe.judge(await probe.send(draft, session))


@case(
    "v1/auth/timestamp-inside",
    "V1-AUTH-07",
    ACCEPTED,
    why="clocks differ: a narrower window locks honest clients out",
    cause="the window is too narrow, or open to one side only",
)
async def timestamp_inside(probe: Probe) -> None:
    """Timestamps 25 seconds in the past and in the future are accepted (clocks may differ by some seconds)."""
    session = await probe.session()
    for offset in (-25_000, 25_000):
        reply = await probe.send(probe.draft(session, timestamp=now_ms() + offset), session)
        probe.accepted(reply, f"{offset / 1000:+.0f} s", body={"hello": "world"})


@case(
    "v1/auth/timestamp-past",
    "V1-AUTH-07",
    "ISO-3003",
    why=STALE,
    cause="the window is not checked, or only towards the future",
)
async def timestamp_past(probe: Probe) -> None:
    """Timestamps 36 seconds, an hour and a year in the past, and zero, are refused."""
    session = await probe.session()
    for age in (36_000, 3_600_000, 31_536_000_000):
        reply = await probe.send(probe.draft(session, timestamp=now_ms() - age), session)
        probe.judge(reply, f"{age // 1000} s old")
    probe.judge(await probe.send(probe.draft(session, timestamp="0"), session), "zero")


@case(
    "v1/auth/timestamp-future",
    "V1-AUTH-07",
    "ISO-3003",
    why="a request dated ahead stays valid for longer than its nonce is remembered",
    cause="the window is only checked towards the past",
)
async def timestamp_future(probe: Probe) -> None:
    """Timestamps 36 seconds, an hour and a thousand years in the future are refused."""
    session = await probe.session()
    for lead in (36_000, 3_600_000, 31_536_000_000_000):
        probe.judge(
            await probe.send(probe.draft(session, timestamp=now_ms() + lead), session), f"{lead // 1000} s ahead"
        )


@case(
    "v1/auth/timestamp-unit",
    "V1-AUTH-07",
    "ISO-3003",
    why=STALE,
    cause="seconds are accepted as well, by a guess at the size of the number",
)
async def timestamp_unit(probe: Probe) -> None:
    """The right time in seconds and in microseconds is refused."""
    session = await probe.session()
    probe.judge(await probe.send(probe.draft(session, timestamp=now_ms() // 1000), session), "seconds")
    probe.judge(await probe.send(probe.draft(session, timestamp=now_ms() * 1000), session), "microseconds")


@case(
    "v1/auth/timestamp-missing",
    "V1-AUTH-08",
    "ISO-3003",
    "ISO-3002",
    why=STALE,
    cause="a missing timestamp compares as neither too old nor too new",
)
async def timestamp_missing(probe: Probe) -> None:
    """A request without X-Nen-Timestamp, signed over the empty text, is refused."""
    session = await probe.session()
    draft = probe.draft(session, timestamp="")
    probe.judge(await probe.send(draft.without(TIMESTAMP_HEADER), session), "no header")
    probe.judge(await probe.send(probe.draft(session, timestamp=""), session), "empty header")
    for text in ("undefined", "null"):
        absent = probe.draft(session, timestamp=text).without(TIMESTAMP_HEADER)
        probe.judge(await probe.send(absent, session), f"no header, signed as {text}")


@case(
    "v1/auth/timestamp-not-a-number",
    "V1-AUTH-08",
    "ISO-3003",
    "ISO-3002",
    why=STALE,
    cause="NaN compares as neither too old nor too new",
)
async def timestamp_not_a_number(probe: Probe) -> None:
    """Timestamps that are no numbers, rightly signed, are refused."""
    session = await probe.session()
    date = datetime.now(UTC).isoformat()
    for text in ("now", "NaN", "null", "undefined", "-", date, "true", "[]", "12:00"):
        probe.judge(await probe.send(probe.draft(session, timestamp=text), session), repr(text[:20]))


@case(
    "v1/auth/timestamp-digits-only",
    "V1-AUTH-09",
    "ISO-3003",
    why=DIGITS,
    cause="the text goes through Number(), float() or parseInt()",
)
async def timestamp_digits_only(probe: Probe) -> None:
    """The right time written with a sign, fraction, exponent, in hex, with letters after it, or spaced is refused."""
    session = await probe.session()
    now = now_ms()
    for note, text in {
        "a sign": f"+{now}",
        "a fraction": f"{now}.0",
        "an exponent": f"{now / 1e12:.12f}e12",
        "hexadecimal": hex(now),
        "ms behind it": f"{now}ms",
        "n behind it": f"{now}n",
        "twice": f"{now}, {now}",
        "an underscore": f"{now // 1000}_000",
    }.items():
        probe.judge(await probe.send(probe.draft(session, timestamp=text), session), note)


@case(
    "v1/auth/timestamp-other-script",
    "V1-AUTH-09",
    "ISO-3003",
    "ISO-3002",
    why=DIGITS,
    cause="isdigit() and int() know the digits of every script",
)
async def timestamp_other_script(probe: Probe) -> None:
    """The right time in Arabic-Indic or full-width digits is refused."""
    session = await probe.session()
    for zero in ("\u0660", "\uff10"):
        text = "".join(chr(ord(zero) + int(digit)) for digit in str(now_ms()))
        probe.judge(await probe.send(probe.draft(session, timestamp=text), session), f"digits from U+{ord(zero):04X}")


@case(
    "v1/auth/timestamp-huge",
    "V1-AUTH-08",
    "ISO-3003",
    "ISO-3002",
    why="a number too large for its type wraps around or crashes",
    cause="the text is parsed into a fixed-size integer, or without a bound",
)
async def timestamp_huge(probe: Probe) -> None:
    """Timestamps of 20, 400 and 5000 digits, and negative ones, are refused."""
    session = await probe.session()
    for text in (
        "9" * 20,
        "1" * 400,
        "7" * 5000,
        "-1",
        f"-{now_ms()}",
        str(now_ms() + 2**64),
        str(now_ms() + 2**32 * 1000),
    ):
        probe.judge(
            await probe.send(probe.draft(session, timestamp=text), session), f"{text[:6]}..., {len(text)} characters"
        )


@case(
    "v1/auth/order-session-first", "V1-AUTH-10", "ISO-2003", why=ORDER, cause="the body is validated before the session"
)
async def order_session_first(probe: Probe) -> None:
    """A request wrong in everything, without a session header, is refused for the header."""
    probe.judge(
        await probe.send(Draft("POST", probe.target.echo, (("content-type", "application/json"),), b"{")), "bad JSON"
    )
    stale = ((TIMESTAMP_HEADER, "0"), (SIGNATURE_HEADER, "AAAA"), ("content-type", "application/json"))
    probe.judge(await probe.send(Draft("POST", probe.target.echo, stale, b'{"ct":1,"n":2}')), "all wrong")


@case(
    "v1/auth/order-session-before-shape",
    "V1-AUTH-10",
    "ISO-2002",
    why=ORDER,
    cause="the body is validated before the session is looked up",
)
async def order_session_before_shape(probe: Probe) -> None:
    """A malformed, unsigned request under an unknown session is refused for the session."""
    session = await probe.session()
    draft = probe.draft(session, body=b'{"ct":1}').with_header(SESSION_HEADER, "no-such-session")
    probe.judge(await probe.send(draft), "malformed")
    probe.judge(await probe.send(draft.without(SIGNATURE_HEADER).without(TIMESTAMP_HEADER)), "malformed and unsigned")


@case(
    "v1/auth/order-shape-before-signature",
    "V1-AUTH-10",
    "ISO-6001",
    why=ORDER,
    cause="the signature is looked for before the body is parsed",
)
async def order_shape_before_signature(probe: Probe) -> None:
    """A malformed body is refused for its shape, whether the signature is missing, wrong or stale."""
    session = await probe.session()
    draft = probe.draft(session, body=b'{"n":"AAAAAAAAAAAAAAAA"}')
    probe.judge(await probe.send(draft.without(SIGNATURE_HEADER), session), "unsigned")
    probe.judge(await probe.send(draft.with_header(SIGNATURE_HEADER, "AAAA"), session), "wrong signature")


@case(
    "v1/auth/order-decoding-before-signature",
    "V1-AUTH-10",
    "ISO-6002",
    why=ORDER,
    cause="base64 is decoded only when the payload is opened",
)
async def order_decoding_before_signature(probe: Probe) -> None:
    """Undecodable base64 is refused as such, whether the signature is missing or wrong."""
    session = await probe.session()
    draft = probe.draft(session).with_members(ct="!!!!")
    probe.judge(await probe.send(draft.without(SIGNATURE_HEADER), session), "unsigned")
    probe.judge(
        await probe.send(draft.with_header(SIGNATURE_HEADER, encode_base64(bytes(32))), session), "wrong signature"
    )


@case(
    "v1/auth/order-signature-before-window",
    "V1-AUTH-10",
    "ISO-3002",
    why=ORDER,
    cause="the window is checked before the signature",
)
async def order_signature_before_window(probe: Probe) -> None:
    """A wrongly signed request with a stale timestamp is refused for the signature."""
    session = await probe.session()
    draft = probe.draft(session, timestamp=1000, key=bytes(32))
    probe.judge(await probe.send(draft, session))


@case(
    "v1/auth/order-missing-signature-before-window",
    "V1-AUTH-10",
    "ISO-3001",
    why=ORDER,
    cause="the window is checked before the signature",
)
async def order_missing_signature_before_window(probe: Probe) -> None:
    """An unsigned request with a stale timestamp is refused for the missing signature."""
    session = await probe.session()
    probe.judge(await probe.send(probe.draft(session, timestamp=1000).without(SIGNATURE_HEADER), session))


@case(
    "v1/auth/order-window-before-replay",
    "V1-AUTH-10",
    "ISO-3003",
    why=ORDER,
    cause="the nonce is checked before the window",
)
async def order_window_before_replay(probe: Probe) -> None:
    """A rightly signed, stale request with a used nonce is refused for the timestamp."""
    session = await probe.session()
    n = random_bytes(12)
    probe.accepted(await probe.send(probe.draft(session, n=n), session), "the first request")
    probe.judge(
        await probe.send(probe.draft(session, n=n, timestamp=now_ms() - 3_600_000), session), "stale, nonce used"
    )


@case(
    "v1/auth/order-signature-before-replay",
    "V1-AUTH-10",
    "ISO-3002",
    why="an outsider could ask which nonces a session has used",
    cause="the nonce is checked before the signature",
)
async def order_signature_before_replay(probe: Probe) -> None:
    """A wrongly signed request with a used nonce is refused for the signature."""
    session = await probe.session()
    n = random_bytes(12)
    probe.accepted(await probe.send(probe.draft(session, n=n), session), "the first request")
    probe.judge(await probe.send(probe.draft(session, n=n, key=bytes(32)), session), "wrong key, nonce used")


@case(
    "v1/auth/order-replay-before-opening",
    "V1-AUTH-10",
    "ISO-5001",
    why="answers to replays with altered ciphertexts would make the server an oracle",
    cause="the payload is opened before the nonce is checked",
)
async def order_replay_before_opening(probe: Probe) -> None:
    """A replay whose ct was altered is refused as a replay."""
    session = await probe.session()
    draft = probe.draft(session)
    probe.accepted(await probe.send(draft, session), "the first request")
    probe.judge(await probe.send(draft.with_members(ct=encode_base64(random_bytes(40))), session), "the altered replay")


@case(
    "v1/auth/order-signature-before-opening",
    "V1-AUTH-10",
    "ISO-3002",
    why="whoever cannot sign could feed the cipher and the parser, and learn from the answers",
    cause="the payload is opened before the HMAC is compared",
)
async def order_signature_before_opening(probe: Probe) -> None:
    """A wrongly signed request whose ct does not open, or opens to no JSON, is refused for the signature."""
    session = await probe.session()
    for note, draft in (
        ("a ct that does not open", probe.draft(session).with_members(ct=encode_base64(random_bytes(40)))),
        ("a payload that is no JSON", probe.draft(session, b"no json")),
    ):
        wrong = draft.with_header(SIGNATURE_HEADER, encode_base64(random_bytes(32)))
        probe.judge(await probe.send(wrong, session), note)


@case(
    "v1/auth/repeated-header",
    "V1-AUTH-14",
    "ISO-3002",
    "ISO-2002",
    "ISO-3003",
    "ISO-2003",
    "ISO-3001",
    "without an ISO code",
    why="of two values a proxy may look at one and the server at the other",
    cause="the first or the last of several values is taken",
)
async def repeated_header(probe: Probe) -> None:
    """A session, timestamp or signature header that comes twice with different values is refused."""
    session = await probe.session()
    for name, value in (
        (SESSION_HEADER, "other"),
        (TIMESTAMP_HEADER, "0"),
        (SIGNATURE_HEADER, encode_base64(bytes(32))),
    ):
        for first in (True, False):
            draft = probe.draft(session).also_header(name, value, first=first)
            probe.judge(await probe.send(draft, session), f"{name}, the wrong one {'first' if first else 'last'}")


@case(
    "v1/auth/header-names-any-case",
    "V1-AUTH-01",
    ACCEPTED,
    why="header names have no case, and proxies change it",
    cause="headers are read from a case-sensitive table",
)
async def header_names_any_case(probe: Probe) -> None:
    """Header names in upper and mixed case are the same headers."""
    session = await probe.session()
    draft = probe.draft(session)
    upper = Draft(draft.method, draft.target, tuple((name.upper(), value) for name, value in draft.headers), draft.body)
    probe.accepted(await probe.send(upper, session), "upper case", body={"hello": "world"})


@case(
    "v1/auth/signature-plain-hash",
    "V1-AUTH-04",
    "ISO-3002",
    why="SHA-256 of key and text can be continued by who does not know the key",
    cause="the signature is a hash of key and text instead of an HMAC",
)
async def signature_plain_hash(probe: Probe) -> None:
    """SHA-256 over the HMAC key and the canonical string, in either order or without the key, is refused."""
    session = await probe.session()
    for note, before, after in (
        ("key first", session.keys.mac, b""),
        ("key last", b"", session.keys.mac),
        ("no key", b"", b""),
    ):
        draft = probe.draft(session)
        text = f"POST\n{probe.target.echo}\n{draft.header(TIMESTAMP_HEADER)}\n{draft.nonce_text}".encode()
        digest = hashlib.sha256(before + text + after).digest()
        probe.judge(await probe.send(draft.with_header(SIGNATURE_HEADER, encode_base64(digest)), session), note)


@case(
    "v1/auth/method-covered-without-body",
    "V1-REQ-09",
    "ISO-3002",
    "ISO-6001",
    why="a recorded GET could be sent as DELETE",
    cause="METHOD is not part of the canonical string of requests without a body",
    cites={"v2": ("V2-REQ-09", "ISO-3002")},
)
async def method_covered_without_body(probe: Probe) -> None:
    """A request without a body sent with another method than was signed is refused."""
    session = await probe.session()
    for sent, signed in (("DELETE", "GET"), ("GET", "HEAD"), ("POST", "GET")):
        draft = session.draft(sent, probe.target.echo, None, signed={"method": signed})
        probe.judge(await probe.send(draft, session), f"signed as {signed}, sent as {sent}")


def _unusual(path: str) -> dict[str, str]:
    """Paths that a helpful router takes for `path`."""
    head, _, tail = path.rpartition("/")
    return {
        "trailing slash": path + "/",
        "double slash": f"{head}//{tail}",
        "dot segment": f"{head}/./{tail}",
        "dot dot segment": f"{head}/x/../{tail}",
        "semicolon": path + ";v=1",
    }


@case(
    "v1/auth/path-not-normalised",
    "V1-AUTH-06",
    ACCEPTED,
    NOT_FOUND,
    why="client and server must sign the same text, and only the wire is common to both",
    cause="the path is cleaned (slashes, dots) before it is signed",
)
async def path_not_normalised(probe: Probe) -> None:
    """Paths with a trailing or double slash or dot segments, signed as they stand, are accepted or not routed."""
    session = await probe.session()
    for note, path in _unusual(probe.target.echo).items():
        probe.judge(await probe.send(session.draft("POST", path), session), note)


@case(
    "v1/auth/path-signed-in-another-form",
    "V1-AUTH-06",
    "ISO-3002",
    NOT_FOUND,
    why="two paths that are cleaned alike would share one signature",
    cause="the path is cleaned (slashes, dots) before it is signed",
)
async def path_signed_in_another_form(probe: Probe) -> None:
    """Paths with a trailing or double slash or dot segments, signed in their plain form, are refused."""
    session = await probe.session()
    for note, path in _unusual(probe.target.echo).items():
        draft = session.draft("POST", path, signed={"path": probe.target.echo})
        probe.judge(await probe.send(draft, session), note)


@case(
    "v1/auth/unsigned-in-another-form",
    "V1-AUTH-03",
    REFUSED,
    NOT_FOUND,
    why=UNSIGNED,
    cause="only JSON bodies, or only the exact paths of a table, go through the verification",
)
async def unsigned_in_another_form(probe: Probe) -> None:
    """Unsigned requests with other content types, paths or transfer headers are refused like any other."""
    session = await probe.session()
    for kind in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/octet-stream",
        "",
    ):
        draft = probe.draft(session).without(SIGNATURE_HEADER).without("content-type")
        draft = draft.with_header("content-type", kind) if kind else draft
        probe.judge(await probe.send(draft, session), f"content-type {kind or 'absent'}")
    for target in (probe.target.echo + "/", probe.target.echo + "?x=1", _escaped(probe.target.echo)):
        draft = session.draft("POST", target).without(SIGNATURE_HEADER)
        probe.judge(await probe.send(draft, session), target)
    for name, value in (("upgrade", "websocket"), ("x-nen-version", "0"), ("x-requested-with", "XMLHttpRequest")):
        draft = probe.draft(session).without(SIGNATURE_HEADER).with_header(name, value)
        probe.judge(await probe.send(draft, session), f"{name}: {value}")


@case(
    "v1/auth/body-hidden-from-verification",
    "V1-AUTH-05",
    REFUSED,
    why="a body that the verification does not see is a body that anyone can put there",
    cause="bodies of other content types, or chunked ones, are taken for no body and verified with the empty NONCE",
    only=("v1",),
)
async def body_hidden_from_verification(probe: Probe) -> None:
    """A request with a body, signed as if it had none, is refused whatever its content type and transfer coding."""
    session = await probe.session()
    for kind in ("application/json", "text/plain", "application/x-www-form-urlencoded", ""):
        for chunked in (False, True):
            draft = replace(probe.draft(session, nonce="").without("content-type"), chunked=chunked)
            draft = draft.with_header("content-type", kind) if kind else draft
            probe.judge(await probe.send(draft, session), f"content-type {kind or 'absent'}{', chunked' * chunked}")
    for body in (b"{}", b"null", b" "):
        probe.judge(await probe.send(probe.draft(session, body=body, nonce=""), session), f"body {body.decode()!r}")


@case(
    "v1/auth/chunked-body",
    "V1-REQ-01",
    ACCEPTED,
    why="proxies and streaming clients send bodies in chunks",
    cause="only bodies with a Content-Length are read",
)
async def chunked_body(probe: Probe) -> None:
    """A right request whose body comes in chunks, without Content-Length, is accepted."""
    session = await probe.session()
    draft = replace(probe.draft(session), chunked=True)
    probe.accepted(await probe.send(draft, session), "chunked", body={"hello": "world"})


@case(
    "v1/auth/override-headers",
    "V1-AUTH-05",
    ACCEPTED,
    why="headers that are not signed could turn one request into another",
    cause="method or path are taken from X-HTTP-Method-Override, X-Original-URL and the like",
)
async def override_headers(probe: Probe) -> None:
    """Headers and parameters that name another method, path or type change neither verification, handler nor sealing."""
    session = await probe.session()
    names = ("x-http-method-override", "x-http-method", "x-method-override")
    overrides = [(name, "DELETE") for name in names]
    overrides += [(name, "/api/other") for name in ("x-original-url", "x-rewrite-url", "x-forwarded-path")]
    overrides += [("x-forwarded-prefix", "/prefix"), ("x-forwarded-host", "other.example")]
    for name, value in overrides:
        reply = await probe.send(probe.draft(session).with_header(name, value), session)
        probe.accepted(reply, f"{name}: {value}", body={"hello": "world"})
    for kind in ("text/plain", "text/html", "text/event-stream", "application/json; nen=off"):
        reply = await probe.send(probe.draft(session).with_header("accept", kind), session)
        probe.accepted(reply, f"accept: {kind}", body={"hello": "world"})
    reply = await probe.send(session.draft("POST", probe.target.echo + "?_method=DELETE"), session)
    probe.accepted(reply, "?_method=DELETE", body={"hello": "world"})


@case(
    "v1/auth/options-unsigned",
    "V1-REQ-09",
    REFUSED,
    "without an ISO code",
    "a success that is not sealed",
    NOT_FOUND,
    why="a handler that answers OPTIONS to anyone answers anyone",
    cause="OPTIONS is let through to the handler for the sake of CORS",
)
async def options_unsigned(probe: Probe) -> None:
    """An unsigned OPTIONS request does not reach the handler (a preflight answer without a body is fine)."""
    session = await probe.session()
    for draft in (Draft("OPTIONS", probe.target.echo), session.draft("OPTIONS", probe.target.echo, key=bytes(32))):
        reply = await probe.send(draft, session)
        probe.judge(reply, "with a session" if draft.body else "bare")
        echoed = 200 <= reply.status < 300 and (b"OPTIONS" in reply.body or b'"ct"' in reply.body)
        probe.ensure(not echoed, "the handler answered" if echoed else "the handler did not answer")
