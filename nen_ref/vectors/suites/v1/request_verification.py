"""v1/request_verification: the nine steps of a server, each way to fail each of them, and their order (section 5).

Every wrong request is right in all other steps, so that the server that leaves a check out accepts it. Those that are
wrong in two steps at once have to be refused with the code of the earlier one.
"""

from __future__ import annotations

import hmac
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import count
from typing import Any

from nen_ref.primitives.chacha20_poly1305 import aead_decrypt, aead_encrypt
from nen_ref.primitives.errors import AuthenticationError
from nen_ref.protocol.errors import NenError
from nen_ref.protocol.messages import Headers
from nen_ref.protocol.payload import Envelope, parse_envelope
from nen_ref.vectors.alter import flipped_bit
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Found, Group, Test, VectorSuite, invalid, valid
from nen_ref.vectors.suites.body_tools import (
    BASE64_FLAGS,
    JSON_FLAGS,
    OPENING,
    OPENING_FLAGS,
    PAYLOAD,
    PAYLOAD_FLAGS,
    SHAPE_FLAGS,
    Body,
    Sealed,
    b64,
    body_of,
    damaged,
    right_bodies,
    right_payloads,
    short_cts,
    url_safe,
    with_unused_bits,
    wrong_base64,
    wrong_json,
    wrong_members,
    wrong_nonce_sizes,
    wrong_payloads,
)
from nen_ref.vectors.suites.request_tools import (
    NOW,
    SESSION,
    SIGNATURE,
    TARGET,
    TIME,
    TIMESTAMP,
    Client,
    Json,
    canonical,
    drawn_keys,
    further_headers,
    mac,
    path_of,
    signature_of,
    signed,
    with_headers,
)

WINDOW = 30_000

NO_HEADER, UNKNOWN = ("ISO-2003",), ("ISO-2002",)
UNSIGNED, FORGED = ("ISO-3001",), ("ISO-3002",)
OUTSIDE, USED = ("ISO-3003",), ("ISO-5001",)
EMPTY_SESSION = ("ISO-2003", "ISO-2002")  # V1-AUTH-01 does not say whether an empty header is one
EMPTY_SIGNATURE = ("ISO-3001", "ISO-3002")  # nor does V1-AUTH-03
NO_TIME = ("ISO-3003", "ISO-3002")  # V1-AUTH-08: where no signature can be right for it

FORGERY = "whoever sees a session id makes requests in its name"
MOVED = "a recorded request is sent to another place than its client meant"
STALE = "a recorded request stays good for as long as its attacker likes"
TWICE = "a recorded request is sent again: a payment made twice"
TURNED_AWAY = "sound requests are turned away: the two sides sign different texts"
NOBODY_ELSE = "the two sides sign different texts: no other implementation takes these signatures"

FLAGS = {
    "Basic": Flag("basic", "a request as it is sent every day", "no request of another implementation passes"),
    "Method": Flag("basic", "a method with or without a body", "an API has to do without it", ("V1-REQ-01",)),
    "MethodCase": Flag("edge case", "a method in lower or mixed case, signed in upper case", TURNED_AWAY,
                       ("V1-AUTH-05",)),
    "NoBody": Flag("edge case", "a request without a body, signed with the empty NONCE",
                   "no GET passes: the body is parsed before it is known whether there is one", ("V1-REQ-09",)),
    "HeaderCase": Flag("edge case", "names of headers in lower, upper or mixed case",
                       "HTTP/1.1 clients send X-Nen-Session, HTTP/2 clients x-nen-session; one of them is turned away",
                       ("RFC 9110, section 5.1",)),
    "HeaderRepeated": Flag("malleability", "a header that is there twice: it is read as its values, joined by comma "
                           "and space", "of two values a proxy checks one and the server takes the other",
                           ("V1-AUTH-14", "RFC 9110, section 5.3")),
    "OtherHeaders": Flag("basic", "further headers, which are nothing to the verification", "sound requests fail"),
    "PathQuery": Flag("edge case", "a target with a query, which is not signed", TURNED_AWAY, ("V1-AUTH-06",)),
    "PathEscapes": Flag("edge case", "percent escapes, signed as they stand on the wire", TURNED_AWAY,
                        ("V1-AUTH-06", "RFC 3986, section 2.1")),
    "PathNonAscii": Flag("edge case", "a path with characters that are not ASCII, escaped or raw, signed in UTF-8",
                         TURNED_AWAY, ("V1-AUTH-05", "V1-AUTH-06")),
    "PathDots": Flag("edge case", "dot segments, which nobody resolves before the check",
                     TURNED_AWAY + "; or the path that is checked is not the one that is served",
                     ("V1-AUTH-06", "RFC 3986, section 5.2.4")),
    "PathEmptySegments": Flag("edge case", "empty segments, and a slash at the end", TURNED_AWAY, ("V1-AUTH-06",)),
    "PathCharacters": Flag("edge case", "characters of a path that some libraries escape, cut at or change",
                           TURNED_AWAY, ("V1-AUTH-06", "RFC 3986, section 3.3")),
    "PathRewritten": Flag("malleability", "signed for the path as a framework hands it out: decoded, normalised, "
                          "or with its query", "of two paths that become the same, one is sent in place of the other",
                          ("V1-AUTH-06",)),
    "SessionHeaderMissing": Flag("missing check", "no X-Nen-Session, or an empty one",
                                 "the session is taken from a place that an attacker writes to, or the server fails",
                                 ("V1-AUTH-01",)),
    "SessionUnknown": Flag("missing check", "the server does not know the session, or knows one of a similar id",
                           "whoever has ended lives on, or one session goes by several ids", ("V1-AUTH-02",)),
    "SignatureMissing": Flag("missing check", "no X-Nen-Signature, or an empty one",
                             "whoever leaves the signature out is let in: a downgrade", ("V1-AUTH-03",)),
    "SignatureAltered": Flag("missing check", "one bit of the signature changed",
                             "a signature that is compared in part is found by trying", ("V1-AUTH-04",)),
    "SignatureLength": Flag("missing check", "the signature cut or lengthened",
                            "a comparison as long as the shorter text lets a signature of one byte, or of none, pass",
                            ("V1-AUTH-04", "V1-AUTH-11")),
    "SignatureEncoding": Flag("malleability", "the right signature in another encoding than its one base64 text",
                              "a signature with several texts defeats whatever remembers signatures", ("V1-AUTH-11",)),
    "SignatureKey": Flag("confusion", "signed under another key than the HMAC key of the session", FORGERY,
                         ("V1-AUTH-04", "V1-LIFE-10")),
    "SignatureHash": Flag("confusion", "another function of the same key and text than HMAC-SHA256",
                          "hash functions over key and text can be extended: a longer text is signed without the key",
                          ("V1-AUTH-04", "FIPS 198-1")),
    "OtherMethod": Flag("missing check", "signed for another method than was sent", MOVED, ("V1-AUTH-05",)),
    "OtherPath": Flag("missing check", "signed for another path than was sent", MOVED, ("V1-AUTH-05",)),
    "OtherTimestamp": Flag("missing check", "signed for another timestamp than was sent", STALE, ("V1-AUTH-05",)),
    "OtherNonce": Flag("missing check", "signed or sealed under another nonce than was sent",
                       "the body of a recorded request is exchanged, or its nonce, which makes it new again",
                       ("V1-AUTH-05", "V1-REQ-07")),
    "CanonicalForm": Flag("wrong computation", "the four parts, joined in another way", NOBODY_ELSE, ("V1-AUTH-05",)),
    "WindowEdge": Flag("edge case", "a timestamp exactly 30 000 ms behind or before the server",
                       "clients whose clock is half a minute off are turned away", ("V1-AUTH-07",)),
    "WindowInside": Flag("edge case", "a timestamp just inside of the window",
                         "clients whose clock is half a minute off are turned away", ("V1-AUTH-07",)),
    "WindowOutside": Flag("missing check", "a timestamp outside of the window, by a millisecond or more", STALE,
                          ("V1-AUTH-07",)),
    "TimestampWraps": Flag("wrong computation", "timestamps that differ by about a power of two, or servers near the "
                           "time 0, where differences without a sign wrap around", STALE, ("V1-AUTH-07",)),
    "TimestampUnit": Flag("confusion", "the right time in another unit than milliseconds", STALE, ("V1-AUTH-07",)),
    "TimestampMissing": Flag("missing check", "no X-Nen-Timestamp, or an empty one", STALE, ("V1-AUTH-08",)),
    "TimestampNotANumber": Flag("missing check", "a timestamp that is no number",
                                "NaN is neither too old nor too new: " + STALE, ("V1-AUTH-08",)),
    "TimestampForm": Flag("malleability", "the right time in another form than one to sixteen decimal digits",
                          "number parsers disagree: what one side signs as a time, the other reads as another",
                          ("V1-AUTH-09",)),
    "TimestampDigits": Flag("edge case", "a timestamp of up to sixteen digits, zeros in front among them",
                            TURNED_AWAY, ("V1-AUTH-09",)),
    "NonceUsed": Flag("missing check", "a nonce that the session has used", TWICE, ("V1-REPLAY-01",)),
    "NonceNew": Flag("edge case", "a nonce that only resembles those that were used",
                     "nonces are compared by a part of them, or as texts without case, and sound requests fail",
                     ("V1-REPLAY-01",)),
    "WrongOrder": Flag("wrong order", "a request wrong in two steps: the code of the earlier one has to come",
                       "a later check that answers first tells an outsider what only the owner of the session should "
                       "learn, or spends a nonce that it should not", ("V1-AUTH-10", "V1-REPLAY-04")),
    **{name: flag for name, flag in (SHAPE_FLAGS | JSON_FLAGS | PAYLOAD_FLAGS | BASE64_FLAGS | OPENING_FLAGS).items()
       if name != "OtherNonce"},
}  # fmt: skip


def fixed(draw: Draw, found: Found) -> list[Group]:
    client = Client(drawn_keys(draw), draw)
    return [
        *right_requests(client),
        *session_groups(client),
        *shape_groups(client),
        *signature_groups(client),
        *window_groups(client),
        *replay_groups(client),
        *payload_groups(client),
        *order_groups(client),
    ]


def group(client: Client, comment: str, tests: Iterable[Test], *covers: str) -> Group:
    """Requests to a server that knows the session and has seen no nonce, at the time NOW."""
    return Group(comment, tuple(tests), {"session": client.keys.as_input(), "now": NOW, "used_nonces": []}, covers)


def accepted(id: str, comment: str, flag: str, request: Json, **given: Any) -> Test:
    return valid(id, comment, {"request": request} | given, flag)


def refused(id: str, comment: str, flag: str, codes: tuple[str, ...], request: Json, **given: Any) -> Test:
    return invalid(id, comment, {"request": request} | given, flag, codes=codes)


# Requests that are right

BODY_METHODS = ("POST", "PUT", "PATCH", "DELETE", "GET", "OPTIONS", "QUERY", "PROPFIND")
BODYLESS_METHODS = ("GET", "HEAD", "DELETE", "OPTIONS", "POST", "PUT")

TARGETS = (
    ("root", "the shortest path", "PathCharacters", "/"),
    ("query", "a query", "PathQuery", "/a?b=c"),
    ("query-empty", "an empty query", "PathQuery", "/a?"),
    ("query-after-slash", "a query behind a slash", "PathQuery", "/a/?b"),
    ("query-two-marks", "a query with a question mark and a path in it", "PathQuery", "/a?b?c=/d"),
    ("query-dots", "a query with dot segments", "PathQuery", "/a?b=/../c"),
    ("escaped-space", "an escaped space", "PathEscapes", "/a%20b"),
    ("escaped-slash", "an escaped slash", "PathEscapes", "/a%2Fb"),
    ("escaped-lower-case", "an escape in lower case", "PathEscapes", "/a%2fb"),
    ("escaped-needlessly", "an escaped letter", "PathEscapes", "/%41"),
    ("escaped-question-mark", "an escaped question mark, and a query", "PathEscapes", "/a%3Fb?c"),
    ("escaped-percent", "an escaped percent sign", "PathEscapes", "/100%25"),
    ("escaped-twice", "an escape, escaped", "PathEscapes", "/a%252Fb"),
    ("escaped-line-feed", "an escaped line feed, which separates nothing", "PathEscapes", "/a%0Ab"),
    ("escaped-zero", "an escaped U+0000", "PathEscapes", "/a%00b"),
    ("escaped-umlaut", "an escaped character of two bytes, in mixed case", "PathNonAscii", "/%c3%A9"),
    ("escaped-cjk", "an escaped character of three bytes, and a query with half of one", "PathNonAscii",
     "/%E4%B8%96?q=%E7"),
    ("escaped-half-character", "an escaped byte that is no UTF-8", "PathNonAscii", "/%ff"),
    ("raw-umlaut", "a raw character of two bytes", "PathNonAscii", "/gr\u00fc\u00dfe"),
    ("raw-decomposed", "a letter and its combining mark, raw: they are not composed", "PathNonAscii", "/u\u0308"),
    ("raw-emoji", "a raw character of four bytes", "PathNonAscii", "/\U0001f510"),
    ("dot-segment", "a dot segment", "PathDots", "/a/./b"),
    ("dots-segment", "a segment of two dots", "PathDots", "/a/../b"),
    ("dots-first", "two dots above the root", "PathDots", "/../a"),
    ("dots-last", "two dots at the end", "PathDots", "/a/.."),
    ("dots-escaped", "escaped dots", "PathDots", "/a/%2E%2e/b"),
    ("three-dots", "a segment of three dots, which is an ordinary one", "PathDots", "/a/.../b"),
    ("slash-at-end", "a slash at the end", "PathEmptySegments", "/a/"),
    ("two-slashes", "an empty segment", "PathEmptySegments", "/a//b"),
    ("two-slashes-first", "an empty first segment, which is no host", "PathEmptySegments", "//a/b"),
    ("slashes-at-end", "empty segments at the end", "PathEmptySegments", "/a///"),
    ("upper-case", "upper case", "PathCharacters", "/API/Echo"),
    ("semicolon", "a parameter behind a semicolon", "PathCharacters", "/a;p=1;q/b"),
    ("plus", "a plus sign, which is no space", "PathCharacters", "/a+b"),
    ("colon-at", "a colon and an at sign", "PathCharacters", "/a:b@c"),
    ("sub-delims", "the other characters that need no escape", "PathCharacters", "/-._~!$&'()*,="),
    ("long", "a path of 1000 characters", "PathCharacters", "/" + "a" * 999),
)  # fmt: skip


def right_requests(client: Client) -> Iterator[Group]:
    yield group(client, "right requests: methods", (
        *(
            accepted(f"method-{method.lower()}", f"{method} with a payload", "Method",
                     client.request(f"method-{method}", method=method))
            for method in BODY_METHODS
        ),
        *(
            accepted(f"bodyless-{method.lower()}", f"{method} without a body", "NoBody", client.bodyless(method))
            for method in BODYLESS_METHODS
        ),
        accepted("bodyless-empty", "an empty body is none", "NoBody", client.bodyless("POST") | {"body": ""}),
        accepted("method-in-lower-case", "post, signed as POST", "MethodCase",
                 client.request("method-in-lower-case", method="post")),
        accepted("method-in-mixed-case", "Patch, signed as PATCH", "MethodCase",
                 client.request("method-in-mixed-case", method="Patch")),
        accepted("bodyless-in-lower-case", "get without a body, signed as GET", "MethodCase", client.bodyless("get")),
    ), "V1-REQ-01", "V1-REQ-09")  # fmt: skip
    yield group(client, "right requests: headers", header_tests(client), "V1-AUTH-01")
    yield group(client, "right requests: paths", (
        accepted(f"path-{id}", f"{comment}: {target[:40]}", flag, client.request(f"path-{id}", target=target))
        for id, comment, flag, target in TARGETS
    ), "V1-AUTH-06")  # fmt: skip
    yield group(client, "right requests: paths without a body", (
        accepted(f"bodyless-path-{id}", f"{comment}, without a body: {target}", flag, client.bodyless(target=target))
        for id, comment, flag, target in TARGETS
        if id in ("query", "escaped-slash", "escaped-cjk", "dots-segment", "two-slashes")
    ), "V1-AUTH-06")  # fmt: skip


def renamed(request: Json, rename: Callable[[str], str]) -> Json:
    return request | {"headers": {rename(name): value for name, value in request["headers"].items()}}


def header_tests(client: Client) -> Iterator[Test]:
    cases: tuple[tuple[str, Callable[[str], str]], ...] = (
        ("lower", str.lower), ("upper", str.upper), ("mixed", str.swapcase))  # fmt: skip
    for name, rename in cases:
        request = renamed(client.request(f"headers-{name}-case"), rename)
        yield accepted(f"headers-{name}-case", f"the names of headers in {name} case", "HeaderCase", request)
    backwards = client.request("headers-backwards")
    backwards["headers"] = dict(reversed(list(backwards["headers"].items())))
    yield accepted("headers-backwards", "the headers in another order", "OtherHeaders", backwards)
    others = {"Content-Type": "application/json", "Cookie": "X-Nen-Session=other", "X-Nen-Sessions": "other",
              "X-Nen": "other", "Authorization": "Bearer other"}  # fmt: skip
    request = further_headers(client.request("headers-others"), others)
    yield accepted("headers-others", "further headers, some of similar names", "OtherHeaders", request)


# Steps 1 and 2: the session


def session_groups(client: Client) -> Iterator[Group]:
    sid = client.keys.sid

    def bare(label: str) -> Json:
        return with_headers(client.request(f"no-session-{label}"), session=None)

    def missing(id: str, comment: str, request: Json) -> Test:
        return refused(f"no-session-{id}", comment, "SessionHeaderMissing", NO_HEADER, request)

    def inside(label: str, name: str) -> Json:
        request = bare(label)
        return request | {"body": request["body"][:-1] + f',"{name}":"{sid}"}}'}

    yield group(client, "step 1: there is no X-Nen-Session header", (
        missing("with-body", "no X-Nen-Session", bare("with-body")),
        missing("bodyless", "no X-Nen-Session, and no body", with_headers(client.bodyless(), session=None)),
        missing("in-body", "the session id in the body, as sid", inside("in-body", "sid")),
        missing("in-body-old", "the session id in the body, as sessionId", inside("in-body-old", "sessionId")),
        missing("in-query", "the session id in the query", bare("in-query") | {"target": f"{TARGET}?sid={sid}"}),
        missing("in-cookie", "the session id in a cookie",
                further_headers(bare("in-cookie"), {"Cookie": f"{SESSION}={sid}"})),
        missing("as-bearer", "the session id as a bearer token",
                further_headers(bare("as-bearer"), {"Authorization": f"Bearer {sid}"})),
        missing("without-x", "the session id in Nen-Session",
                further_headers(bare("without-x"), {"Nen-Session": sid})),
        missing("underscores", "the session id in X_Nen_Session, which CGI takes for the same name",
                further_headers(bare("underscores"), {"X_Nen_Session": sid})),
        refused("no-session-empty", "X-Nen-Session is empty", "SessionHeaderMissing", EMPTY_SESSION,
                with_headers(client.request("no-session-empty"), session="")),
    ), "V1-AUTH-01")  # fmt: skip

    def named(id: str, comment: str, name: str, flag: str = "SessionUnknown") -> Test:
        request = with_headers(client.request(f"session-{id}"), session=name)
        return refused(f"session-{id}", comment, flag, UNKNOWN, request)

    other = drawn_keys(client.draw.under("another session"))
    theirs = Client(other, client.draw.under("another client"))
    repeated = client.request("session-repeated")
    yield group(client, "step 2: the session is unknown", (
        refused("session-null", "the server knows no session", "SessionUnknown", UNKNOWN,
                client.request("session-null"), session=None),
        refused("session-null-bodyless", "the server knows no session; there is no body", "SessionUnknown", UNKNOWN,
                client.bodyless(), session=None),
        named("other-id", "the id of another session, all else right for the session that the server knows", other.sid),
        refused("session-other", "a right request of another session", "SessionUnknown", UNKNOWN,
                theirs.request("session-other")),
        named("upper-case", "the session id in upper case", sid.upper()),
        named("cut", "the session id without its last character", sid[:-1]),
        named("lengthened", "the session id and one character more", f"{sid}0"),
        named("last-character", "the session id with another last character", sid[:-1] + "10"[sid[-1] == "1"]),
        named("without-hyphens", "the session id without its hyphens, the same UUID", sid.replace("-", "")),
        named("braces", "the session id in braces, the same UUID", f"{{{sid}}}"),
        named("urn", "the session id as an URN, the same UUID", f"urn:uuid:{sid}"),
        named("quoted", "the session id in quotation marks", f'"{sid}"'),
        named("space-inside", "the session id with a space inside", f"{sid[:8]} {sid[8:]}"),
        named("wildcard", "an asterisk for the session id", "*"),
        named("proto", "__proto__, which every JavaScript object has", "__proto__"),
        named("null-text", "the text null", "null"),
        named("list", "the session id in a list of two", f"{sid}, {other.sid}", "HeaderRepeated"),
        refused("session-repeated", "X-Nen-Session twice, with the same value", "HeaderRepeated", UNKNOWN,
                further_headers(repeated, {SESSION.lower(): sid})),
    ), "V1-AUTH-02")  # fmt: skip


# Step 3: the shape of the body


def carrying(client: Client, body: Body) -> Test:
    """A request with this body, signed for its NONCE."""
    request = signed(client.keys, body.text, body.nonce)
    return Test(body.id, body.comment, {"request": request}, (body.flag,), body.codes, body.covers)


def a_few(bodies: list[Body]) -> list[Body]:
    """Of each flag four at most, the first and the last among them: v1/payload_open has them all."""
    kept: list[Body] = []
    for flag in dict.fromkeys(body.flag for body in bodies):
        same = [body for body in bodies if body.flag == flag]
        last = len(same) - 1
        kept += [same[i] for i in sorted({0, last // 3, last * 2 // 3, last})]
    return kept


def shape_groups(client: Client) -> Iterator[Group]:
    parts = client.keys.secret, client.draw
    groups = (
        ("right bodies, written in all the ways that JSON allows", right_bodies(*parts)),
        ("step 3: bodies that are not JSON, or that parsers read differently", a_few(wrong_json(*parts))),
        ("step 3: bodies that are no object with the texts ct and n", a_few(wrong_members(*parts))),
        ("step 3: texts that are not the base64 of their bytes", a_few(wrong_base64(*parts))),
        ("step 3: nonces of other lengths", wrong_nonce_sizes(*parts)),
    )
    for comment, bodies in groups:
        yield group(client, comment, (carrying(client, body) for body in bodies), "V1-REQ-03")
    yield group(client, "step 3: an n that is not strict base64, signed for the strict text of its bytes", (
        carrying(client, replace(body, id=f"strictly-signed-{body.id}", nonce=body.strict_nonce))
        for body in wrong_base64(*parts)
        if body.id in ("n-space-inside", "n-line-feed-behind", "n-url-safe", "n-padding-needless", "n-zero-behind")
    ), "V1-WIRE-02")  # fmt: skip


# Steps 4 and 5: the signature

SIGNED_TEXTS = (
    ("other-method", "sent as POST, signed for PUT", "OtherMethod", "PUT\n/api/echo\n<t>\n<n>"),
    ("method-in-lower-case", "signed for the method in lower case", "OtherMethod", "post\n/api/echo\n<t>\n<n>"),
    ("no-method", "signed without the method", "OtherMethod", "\n/api/echo\n<t>\n<n>"),
    ("other-path", "signed for another path", "OtherPath", "POST\n/api/other\n<t>\n<n>"),
    ("path-shorter", "signed for a path that is the beginning of the one sent", "OtherPath", "POST\n/api\n<t>\n<n>"),
    ("path-longer", "signed for a path that begins with the one sent", "OtherPath", "POST\n/api/echo/x\n<t>\n<n>"),
    ("path-with-slash", "signed for the path with a slash at its end", "OtherPath", "POST\n/api/echo/\n<t>\n<n>"),
    ("path-in-upper-case", "signed for the path in upper case", "OtherPath", "POST\n/API/ECHO\n<t>\n<n>"),
    ("path-without-slash", "signed for the path without its first slash", "OtherPath", "POST\napi/echo\n<t>\n<n>"),
    ("path-with-origin", "signed for the whole URL", "OtherPath", "POST\nhttp://localhost/api/echo\n<t>\n<n>"),
    ("no-path", "signed without the path", "OtherPath", "POST\n\n<t>\n<n>"),
    ("other-time", "signed for one millisecond later", "OtherTimestamp", f"POST\n/api/echo\n{NOW + 1}\n<n>"),
    ("time-in-seconds", "signed for the time in seconds", "OtherTimestamp", f"POST\n/api/echo\n{NOW // 1000}\n<n>"),
    ("no-time", "signed without the timestamp", "OtherTimestamp", "POST\n/api/echo\n\n<n>"),
    ("time-with-zero", "signed for the timestamp with a zero in front", "OtherTimestamp", "POST\n/api/echo\n0<t>\n<n>"),
    ("other-nonce", "signed for another nonce", "OtherNonce", "POST\n/api/echo\n<t>\nAAECAwQFBgcICQoL"),
    ("no-nonce", "signed as if there were no body", "OtherNonce", "POST\n/api/echo\n<t>\n"),
    ("nonce-null", "signed for the nonce null", "OtherNonce", "POST\n/api/echo\n<t>\nnull"),
    ("line-feed-behind", "signed with a line feed at the end", "CanonicalForm", "POST\n/api/echo\n<t>\n<n>\n"),
    ("line-feed-in-front", "signed with a line feed in front", "CanonicalForm", "\nPOST\n/api/echo\n<t>\n<n>"),
    ("crlf", "signed for the parts joined by CR and LF", "CanonicalForm", "POST\r\n/api/echo\r\n<t>\r\n<n>"),
    ("spaces", "signed for the parts joined by spaces", "CanonicalForm", "POST /api/echo <t> <n>"),
    ("unjoined", "signed for the parts without a separator", "CanonicalForm", "POST/api/echo<t><n>"),
    (
        "backslash-n",
        "signed for the parts joined by a backslash and n",
        "CanonicalForm",
        "POST\\n/api/echo\\n<t>\\n<n>",
    ),
    ("request-line", "signed for method and path as in a request line", "CanonicalForm", "POST /api/echo\n<t>\n<n>"),
    ("path-in-front", "signed for the path in front of the method", "CanonicalForm", "/api/echo\nPOST\n<t>\n<n>"),
    ("time-behind", "signed for the timestamp behind the nonce", "CanonicalForm", "POST\n/api/echo\n<n>\n<t>"),
    ("n-and-ct", "signed for one part more", "CanonicalForm", "POST\n/api/echo\n<t>\n<n>\nct"),
    ("only-nonce", "signed for the nonce alone", "CanonicalForm", "<n>"),
    ("nothing", "signed for the empty text", "CanonicalForm", ""),
)

REWRITTEN = (
    ("query", "signed with its query", "/a?b=c", "/a?b=c"),
    ("query-empty", "signed with its empty query", "/a?", "/a?"),
    ("escaped-space", "signed decoded", "/a%20b", "/a b"),
    ("escaped-slash", "signed decoded", "/a%2Fb", "/a/b"),
    ("escaped-letter", "signed decoded", "/%41", "/A"),
    ("escaped-umlaut", "signed decoded", "/%C3%A9", "/\u00e9"),
    ("escaped-dots", "signed decoded", "/a/%2E%2E/b", "/a/../b"),
    ("escape-in-lower-case", "signed with its escape in upper case", "/%c3%a9", "/%C3%A9"),
    ("escaped-twice", "signed decoded once", "/a%252Fb", "/a%2Fb"),
    ("raw-umlaut", "signed escaped", "/\u00e9", "/%C3%A9"),
    ("raw-decomposed", "signed composed", "/u\u0308", "/\u00fc"),
    ("dots", "signed without its dot segments", "/a/../b", "/b"),
    ("dot", "signed without its dot segment", "/a/./b", "/a/b"),
    ("two-slashes", "signed with one slash for two", "/a//b", "/a/b"),
    ("slash-at-end", "signed without the slash at its end", "/a/", "/a"),
    ("upper-case", "signed in lower case", "/A", "/a"),
    ("semicolon", "signed without its parameter", "/a;p=1", "/a"),
    ("plus", "signed with a space for its plus sign", "/a+b", "/a b"),
)


def signature_groups(client: Client) -> Iterator[Group]:
    def unsigned(label: str, **how: Any) -> Json:
        return with_headers(client.request(f"unsigned-{label}", **how), signature=None)

    def missing(id: str, comment: str, request: Json) -> Test:
        return refused(f"unsigned-{id}", comment, "SignatureMissing", UNSIGNED, request)

    in_body = client.request("unsigned-in-body")
    in_query = client.request("unsigned-in-query")
    other_name = client.request("unsigned-other-name")
    yield group(client, "step 4: there is no X-Nen-Signature header", (
        missing("post", "POST without X-Nen-Signature", unsigned("post")),
        missing("delete", "DELETE without X-Nen-Signature", unsigned("delete", method="DELETE")),
        missing("bodyless", "GET without X-Nen-Signature, and without a body",
                with_headers(client.bodyless(), signature=None)),
        missing("bodyless-head", "HEAD without X-Nen-Signature", with_headers(client.bodyless("HEAD"), signature=None)),
        missing("bodyless-options", "OPTIONS without X-Nen-Signature, as browsers send it by themselves",
                with_headers(client.bodyless("OPTIONS"), signature=None)),
        missing("in-body", "the right signature in the body", with_headers(in_body, signature=None) | {
            "body": in_body["body"][:-1] + f',"signature":"{signature_of(in_body)}"}}'}),
        missing("in-query", "the right signature in the query", with_headers(in_query, signature=None) | {
            "target": f"{TARGET}?signature={signature_of(in_query)}"}),
        missing("other-name", "the right signature in X-Nen-Hmac",
                further_headers(with_headers(other_name, signature=None), {"X-Nen-Hmac": signature_of(other_name)})),
        refused("unsigned-empty", "X-Nen-Signature is empty", "SignatureMissing", EMPTY_SIGNATURE,
                with_headers(client.request("unsigned-empty"), signature="")),
    ), "V1-AUTH-03")  # fmt: skip
    yield group(client, "step 5: another signature", altered_signatures(client), "V1-AUTH-04", "V1-AUTH-11")
    yield group(client, "step 5: another key or function", other_keys(client), "V1-AUTH-04")
    yield group(client, "step 5: signed for another text", (
        refused(f"signed-{id}", comment, flag, FORGED, client.request(f"signed-{id}", over=text))
        for id, comment, flag, text in SIGNED_TEXTS
    ), "V1-AUTH-05")  # fmt: skip
    yield group(client, "step 5: requests without a body, signed for another text", (
        refused(f"bodyless-signed-{id}", comment, flag, FORGED, client.bodyless(over=text))
        for id, comment, flag, text in (
            ("three-parts", "signed without the last line feed", "CanonicalForm", "GET\n/api/echo\n<t>"),
            ("null", "signed for the nonce null", "OtherNonce", "GET\n/api/echo\n<t>\nnull"),
            ("undefined", "signed for the nonce undefined", "OtherNonce", "GET\n/api/echo\n<t>\nundefined"),
            ("none", "signed for the nonce None", "OtherNonce", "GET\n/api/echo\n<t>\nNone"),
            ("zeros", "signed for the nonce of zeros", "OtherNonce", "GET\n/api/echo\n<t>\nAAAAAAAAAAAAAAAA"),
            ("two-line-feeds", "signed with a line feed more at the end", "CanonicalForm", "GET\n/api/echo\n<t>\n\n"),
            ("head", "sent as GET, signed for HEAD", "OtherMethod", "HEAD\n/api/echo\n<t>\n"),
            ("other-path", "signed for another path", "OtherPath", "GET\n/api/other\n<t>\n"),
            ("other-time", "signed for another timestamp", "OtherTimestamp", f"GET\n/api/echo\n{NOW + 1}\n"),
        )
    ), "V1-REQ-09")  # fmt: skip
    yield group(client, "step 5: signed for a path that was rewritten", (
        refused(f"rewritten-{id}", f"sent to {sent}, {comment}: {path}", "PathRewritten", FORGED,
                client.request(f"rewritten-{id}", target=sent, over=canonical("POST", path, "<t>", "<n>")))
        for id, comment, sent, path in REWRITTEN
    ), "V1-AUTH-06")  # fmt: skip
    yield group(
        client, "step 5: bodies that were put in, taken out or exchanged", exchanged_bodies(client), "V1-AUTH-05"
    )


def altered_signatures(client: Client) -> Iterator[Test]:
    def another(id: str, comment: str, flag: str, of: Callable[[bytes], str], request: Json | None = None) -> Test:
        request = request or client.request(f"signature-{id}")
        tag = mac(client.keys.hmac_key, signed_text(request))
        return refused(
            f"signature-{id}", f"the right signature, {comment}", flag, FORGED, with_headers(request, signature=of(tag))
        )

    for i, bit in ((0, 7), (1, 0), (4, 2), (8, 1), (15, 5), (16, 0), (20, 6), (24, 4), (30, 3), (31, 0)):
        yield another(f"byte-{i}", f"bit {bit} of byte {i} changed", "SignatureAltered", with_bit_changed(i, bit))
    yield another("zeros", "replaced by 32 zero bytes", "SignatureAltered", lambda tag: b64(bytes(32)))
    for size in (1, 16, 20, 31):
        yield another(f"of-{size}", f"cut to its first {size} bytes", "SignatureLength", cut_to(size))
    yield another("of-33", "and a zero byte more", "SignatureLength", lambda tag: b64(tag + b"\0"))
    yield another("text-cut", "its text cut by four characters", "SignatureLength", lambda tag: b64(tag)[:-4])
    yield another("text-of-4", "its text cut to four characters", "SignatureLength", lambda tag: b64(tag)[:4])
    yield another("bytes-twice", "its bytes twice", "SignatureLength", lambda tag: b64(tag + tag))
    yield another("text-twice", "its text twice", "SignatureLength", lambda tag: b64(tag) * 2)
    yield another("hexadecimal", "in hexadecimal", "SignatureEncoding", lambda tag: tag.hex())
    yield another(
        "hexadecimal-upper", "in hexadecimal, in upper case", "SignatureEncoding", lambda tag: tag.hex().upper()
    )
    yield another("hexadecimal-in-base64", "in base64 of its hexadecimal", "SignatureEncoding",
                  lambda tag: b64(tag.hex().encode()))  # fmt: skip
    yield another("base64-twice", "in base64 of its base64", "SignatureEncoding", lambda tag: b64(b64(tag).encode()))
    yield another("url-safe", "in the URL-safe alphabet", "SignatureEncoding", lambda tag: url_safe(b64(tag)),
                  with_url_characters(client))  # fmt: skip
    yield another("unpadded", "without its equals sign", "SignatureEncoding", lambda tag: b64(tag).rstrip("="))
    yield another("padded-twice", "with two equals signs", "SignatureEncoding", lambda tag: b64(tag) + "=")
    yield another("unused-bits", "with its two unused bits set", "SignatureEncoding",
                  lambda tag: with_unused_bits(b64(tag)))  # fmt: skip
    yield another("upper-case", "in upper case", "SignatureEncoding", lambda tag: b64(tag).upper())
    yield another("lower-case", "in lower case", "SignatureEncoding", lambda tag: b64(tag).lower())
    yield another("space-inside", "with a space inside", "SignatureEncoding",
                  lambda tag: f"{b64(tag)[:10]} {b64(tag)[10:]}")  # fmt: skip
    yield another("quoted", "in quotation marks", "SignatureEncoding", lambda tag: f'"{b64(tag)}"')
    yield another("colons", "between colons, as structured fields write bytes", "SignatureEncoding",
                  lambda tag: f":{b64(tag)}:")  # fmt: skip
    yield another("scheme", "behind the name of its scheme", "SignatureEncoding", lambda tag: f"HMAC-SHA256 {b64(tag)}")
    yield another("percent-escape", "with its equals sign as a percent escape", "SignatureEncoding",
                  lambda tag: b64(tag).replace("=", "%3D"))  # fmt: skip
    yield another("garbage", "replaced by what is no base64 at all", "SignatureEncoding", lambda tag: "!!!!")
    yield another("word-null", "replaced by the word null", "SignatureEncoding", lambda tag: "null")
    yield another(
        "not-ascii", "replaced by letters that are not ASCII", "SignatureEncoding", lambda tag: "\u00e9\u00e9"
    )
    yield another("long", "replaced by 4000 letters", "SignatureEncoding", lambda tag: "a" * 4000)
    yield another("joined", "twice, joined by a comma", "HeaderRepeated", lambda tag: f"{b64(tag)}, {b64(tag)}")
    request = client.request("signature-repeated")
    yield refused("signature-repeated", "X-Nen-Signature twice, with the same value", "HeaderRepeated", FORGED,
                  further_headers(request, {SIGNATURE.lower(): signature_of(request)}))  # fmt: skip


def with_bit_changed(i: int, bit: int) -> Callable[[bytes], str]:
    return lambda tag: b64(flipped_bit(tag, i, bit))


def cut_to(size: int) -> Callable[[bytes], str]:
    return lambda tag: b64(tag[:size])


def signed_text(request: Json) -> str:
    """The canonical string of a request that is right."""
    nonce = b64(parse_envelope(request["body"].encode()).n)
    return canonical(request["method"], path_of(request["target"]), request["headers"][TIMESTAMP], nonce)


def with_url_characters(client: Client) -> Json:
    """A request in whose signature + and / both stand: one try in four."""
    for i in count():
        request = client.request(f"signature-url-safe/{i}")
        if {"+", "/"} <= set(signature_of(request)):
            return request
    raise AssertionError("count() does not end")


def other_keys(client: Client) -> Iterator[Test]:
    keys = client.keys
    wrong = (
        ("secret", "under the key of payloads", keys.secret),
        ("zeros", "under the key of zeros, which HMAC makes of the empty key, too", bytes(32)),
        ("first-bit", "under a key that differs in its first bit", flipped_bit(keys.hmac_key, 0, 7)),
        ("last-bit", "under a key that differs in its last bit", flipped_bit(keys.hmac_key, -1)),
        ("half", "under the first half of the key", keys.hmac_key[:16]),
        ("base64", "under the base64 text of the key", b64(keys.hmac_key).encode()),
        ("hexadecimal", "under the hexadecimal text of the key", keys.hmac_key.hex().encode()),
        ("hashed", "under the hash of the key", sha256(keys.hmac_key).digest()),
        ("session-id", "under the session id", keys.sid.encode()),
        ("other-session", "under the key of another session", client.draw("another hmac_key")),
    )
    for id, comment, key in wrong:
        request = client.request(f"key-{id}", key=key)
        yield refused(f"key-{id}", f"signed {comment}", "SignatureKey", FORGED, request)
    yield refused("key-secret-bodyless", "signed under the key of payloads, without a body", "SignatureKey", FORGED,
                  client.bodyless(key=keys.secret))  # fmt: skip
    functions: tuple[tuple[str, str, Callable[[bytes, bytes], bytes]], ...] = (
        ("key-and-text", "SHA-256 of key and text", lambda key, text: sha256(key + text).digest()),
        ("text-and-key", "SHA-256 of text and key", lambda key, text: sha256(text + key).digest()),
        ("text-alone", "SHA-256 of the text alone", lambda key, text: sha256(text).digest()),
        ("swapped", "HMAC-SHA256 with text and key exchanged", lambda key, text: hmac.digest(text, key, "sha256")),
        (
            "twice",
            "HMAC-SHA256 of the HMAC-SHA256",
            lambda key, text: hmac.digest(key, hmac.digest(key, text, "sha256"), "sha256"),
        ),
        (
            "hashed-text",
            "HMAC-SHA256 of the hash of the text",
            lambda key, text: hmac.digest(key, sha256(text).digest(), "sha256"),
        ),
        ("sha512", "HMAC-SHA512, cut to 32 bytes", lambda key, text: hmac.digest(key, text, "sha512")[:32]),
        ("sha3", "HMAC-SHA3-256", lambda key, text: hmac.digest(key, text, "sha3_256")),
    )
    for id, comment, of in functions:
        request = client.request(f"function-{id}")
        signature = b64(of(keys.hmac_key, signed_text(request).encode()))
        yield refused(
            f"function-{id}",
            f"signed by {comment}",
            "SignatureHash",
            FORGED,
            with_headers(request, signature=signature),
        )


def exchanged_bodies(client: Client) -> Iterator[Test]:
    one, two = client.request("exchange-one"), client.request("exchange-two")
    yield refused("body-exchanged", "the signature of one request, the body of another", "OtherNonce", FORGED,
                  one | {"body": two["body"]})  # fmt: skip
    yield refused("body-taken-out", "the body taken out of a request that was signed with one", "OtherNonce", FORGED,
                  one | {"body": None})  # fmt: skip
    bodyless = client.bodyless("POST")
    yield refused("body-put-in", "a body put into a request that was signed without one", "OtherNonce", FORGED,
                  bodyless | {"body": one["body"]})  # fmt: skip
    yield refused("timestamp-renewed", "a recorded request with a new timestamp", "OtherTimestamp", FORGED,
                  with_headers(one, timestamp=str(NOW + 60_000)), now=NOW + 60_000)  # fmt: skip
    yield refused("timestamp-with-zero", "a zero put in front of the timestamp: the same time in another text",
                  "OtherTimestamp", FORGED, with_headers(one, timestamp=f"0{TIME}"))  # fmt: skip
    yield refused(
        "method-exchanged", "a recorded POST sent as DELETE", "OtherMethod", FORGED, one | {"method": "DELETE"}
    )
    yield refused("target-exchanged", "a recorded request sent to another path", "OtherPath", FORGED,
                  one | {"target": "/api/other"})  # fmt: skip


# Step 6: the window

INSIDE = (0, 1, -1, 1000, -1000, 29_999, -29_999)
BEYOND = (30_001, -30_001, 30_999, -30_999, 31_000, 60_000, -60_000, 3_600_000, -3_600_000, 86_400_000, -86_400_000)


def aged(age: int) -> str:
    """How long before the server's time, for people."""
    return "at the server's own time" if age == 0 else f"{abs(age)} ms {'old' if age > 0 else 'early'}"


def age_id(age: int) -> str:
    return "age-0" if age == 0 else f"{'old' if age > 0 else 'early'}-{abs(age)}"


NO_NUMBERS = (
    ("word", "a word", "now"),
    ("nan", "NaN", "NaN"),
    ("infinity", "Infinity", "Infinity"),
    ("null", "null", "null"),
    ("true", "true", "true"),
    ("iso-8601", "the right time in ISO 8601", "2025-10-09T08:53:20.000Z"),
    ("http-date", "the right time as an HTTP date", "Thu, 09 Oct 2025 08:53:20 GMT"),
    ("minus-alone", "a minus sign", "-"),
    ("point-alone", "a decimal point", "."),
)
FORMS = (
    ("plus", "a plus sign in front", f"+{TIME}"),
    ("minus", "a minus sign in front", f"-{TIME}"),
    ("point-zero", "a fraction of zero", f"{TIME}.0"),
    ("point", "a decimal point at the end", f"{TIME}."),
    ("fraction", "a fraction of half a millisecond", f"{TIME}.5"),
    ("exponent-zero", "an exponent of zero", f"{TIME}e0"),
    ("exponent", "digits and an exponent", "176e10"),
    ("fraction-and-exponent", "a fraction and an exponent", "1.76e12"),
    ("hexadecimal", "hexadecimal with its prefix", hex(NOW)),
    ("hexadecimal-bare", "hexadecimal", f"{NOW:x}"),
    ("octal", "octal with its prefix", oct(NOW)),
    ("underscores", "underscores between thousands", f"{NOW:_}"),
    ("commas", "commas between thousands", f"{NOW:,}"),
    ("spaces", "spaces between thousands", f"{NOW:,}".replace(",", " ")),
    ("space-inside", "a space inside", f"{TIME[:6]} {TIME[6:]}"),
    ("no-break-space", "U+00A0 in front", f"\u00a0{TIME}"),
    ("unit", "its unit behind", f"{TIME}ms"),
    ("letter-n", "n behind, as JavaScript writes big integers", f"{TIME}n"),
    ("letter-l", "L behind, as Java writes long integers", f"{TIME}L"),
    ("text-behind", "a word behind", f"{TIME} now"),
    ("quoted", "in quotation marks", f'"{TIME}"'),
    ("arabic-digits", "Arabic-Indic digits", "".join(chr(0x0660 + int(digit)) for digit in TIME)),
    ("devanagari-digits", "Devanagari digits", "".join(chr(0x0966 + int(digit)) for digit in TIME)),
    ("full-width-digits", "full-width digits", "".join(chr(0xFF10 + int(digit)) for digit in TIME)),
    ("one-full-width-digit", "one full-width digit at the end", TIME[:-1] + chr(0xFF10 + int(TIME[-1]))),
    ("superscript", "a superscript zero at the end", TIME[:-1] + "\u2070"),
    ("17-digits", "17 digits, four of them zeros in front", f"0000{TIME}"),
    ("40-digits", "40 digits, most of them zeros in front", TIME.zfill(40)),
    ("400-digits", "400 digits, most of them zeros in front", TIME.zfill(400)),
    ("list", "the right time twice, joined by a comma", f"{TIME}, {TIME}"),
)


def window_groups(client: Client) -> Iterator[Group]:
    def at(id: str, age: int, **how: Any) -> Json:
        return client.request(id, timestamp=str(NOW - age), **how)

    yield group(client, "step 6: inside of the window, and on its edges", (
        *(accepted(age_id(age), aged(age), "WindowInside", at(age_id(age), age)) for age in INSIDE),
        *(
            accepted(age_id(age), f"{aged(age)}: the edge", "WindowEdge", at(age_id(age), age))
            for age in (WINDOW, -WINDOW)
        ),
        *(
            accepted(f"bodyless-{age_id(age)}", f"{aged(age)}: the edge, without a body", "WindowEdge",
                     client.bodyless(timestamp=str(NOW - age)))
            for age in (WINDOW, -WINDOW)
        ),
    ), "V1-AUTH-07")  # fmt: skip
    yield group(client, "step 6: outside of the window", (
        *(refused(age_id(age), aged(age), "WindowOutside", OUTSIDE, at(age_id(age), age)) for age in BEYOND),
        *(
            refused(f"bodyless-{age_id(age)}", f"{aged(age)}, without a body", "WindowOutside", OUTSIDE,
                    client.bodyless(timestamp=str(NOW - age)))
            for age in (30_001, -30_001, 3_600_000)
        ),
        refused("time-zero", "the time 0", "WindowOutside", OUTSIDE, client.request("time-zero", timestamp="0")),
        refused("time-in-seconds", "the right time in seconds", "TimestampUnit", OUTSIDE,
                client.request("time-in-seconds", timestamp=str(NOW // 1000))),
        refused("time-in-microseconds", "the right time in microseconds, of 16 digits", "TimestampUnit", OUTSIDE,
                client.request("time-in-microseconds", timestamp=str(NOW * 1000))),
        refused("largest", "the largest number of 16 digits", "WindowOutside", OUTSIDE,
                client.request("largest", timestamp="9" * 16)),
        *(
            refused(f"wraps-{power}-{name}", f"2^{power} ms {name}", "TimestampWraps", OUTSIDE,
                    at(f"wraps-{power}-{name}", sign * 2**power))
            for power in (16, 31, 32, 40)
            for name, sign in (("old", 1), ("early", -1))
        ),
        refused("wraps-32-and-edge", "2^32 + 30 000 ms old", "TimestampWraps", OUTSIDE,
                at("wraps-32-and-edge", 2**32 + WINDOW)),
        refused("server-at-0-early", "30 001 ms early, for a server at the time 0", "TimestampWraps", OUTSIDE,
                client.request("server-at-0-early", timestamp="30001"), now=0),
    ), "V1-AUTH-07")  # fmt: skip
    yield group(client, "step 6: servers at unusual times", (
        accepted("server-at-0", "a server at the time 0", "TimestampWraps",
                 client.request("server-at-0", timestamp="0"), now=0),
        accepted("server-at-0-edge", "30 000 ms early, for a server at the time 0", "TimestampWraps",
                 client.request("server-at-0-edge", timestamp="30000"), now=0),
        accepted("server-at-edge", "the time 0, for a server at 30 000 ms", "TimestampWraps",
                 client.request("server-at-edge", timestamp="0"), now=WINDOW),
        accepted("server-at-2-31", "sent before 2^31 ms, for a server behind them", "TimestampWraps",
                 client.request("server-at-2-31", timestamp=str(2**31 - 1)), now=2**31 + 10),
        accepted("server-at-2-32", "sent before 2^32 ms, for a server behind them", "TimestampWraps",
                 client.request("server-at-2-32", timestamp=str(2**32 - 1)), now=2**32 + 10),
        accepted("server-at-16-digits", "a timestamp of 16 digits, for a server of the year 33658", "TimestampDigits",
                 client.request("server-at-16-digits", timestamp=str(10**15)), now=10**15 + WINDOW),
        refused("server-at-16-digits-old", "a timestamp of 16 digits, 30 001 ms old", "WindowOutside", OUTSIDE,
                client.request("server-at-16-digits-old", timestamp=str(10**15)), now=10**15 + WINDOW + 1),
    ), "V1-AUTH-07")  # fmt: skip
    yield group(client, "step 6: timestamps in other forms, signed as they are sent", form_tests(client), "V1-AUTH-09")


def form_tests(client: Client) -> Iterator[Test]:
    for zeros in (1, 3):
        text = "0" * zeros + TIME
        comment = f"timestamp: {len(text)} digits, {zeros} of them zeros in front"
        request = client.request(f"form-zeros-{zeros}", timestamp=text)
        yield accepted(f"form-zeros-{zeros}", comment, "TimestampDigits", request)
    for id, comment, text in FORMS:
        yield refused(
            f"form-{id}",
            f"timestamp: {comment}",
            "TimestampForm",
            OUTSIDE,
            client.request(f"form-{id}", timestamp=text),
        )
    for id, comment, text in (
        ("space-in-front", "a space in front: HTTP drops it, and then no signature is right", f" {TIME}"),
        ("space-behind", "a space behind: HTTP drops it, and then no signature is right", f"{TIME} "),
        ("tab-behind", "a tab behind: HTTP drops it, and then no signature is right", f"{TIME}\t"),
    ):
        yield refused(
            f"form-{id}",
            f"timestamp: {comment}",
            "TimestampForm",
            NO_TIME,
            client.request(f"form-{id}", timestamp=text),
        )
    for id, comment, text in NO_NUMBERS:
        request = client.request(f"no-number-{id}", timestamp=text)
        yield refused(f"no-number-{id}", f"timestamp: {comment}", "TimestampNotANumber", OUTSIDE, request)
    yield refused("form-plus-bodyless", "timestamp: a plus sign in front, without a body", "TimestampForm", OUTSIDE,
                  client.bodyless(timestamp=f"+{TIME}"))  # fmt: skip
    minus_one = client.request("form-minus-one", timestamp="-1")
    yield refused(
        "form-minus-one", "timestamp: -1, for a server at the time 0", "TimestampForm", OUTSIDE, minus_one, now=0
    )
    yield refused("timestamp-empty", "X-Nen-Timestamp is empty, and signed so", "TimestampMissing", NO_TIME,
                  client.request("timestamp-empty", timestamp=""))  # fmt: skip
    yield refused("timestamp-missing", "no X-Nen-Timestamp; signed as if it were empty", "TimestampMissing", NO_TIME,
                  with_headers(client.request("timestamp-missing", timestamp=""), timestamp=None))  # fmt: skip
    yield refused("timestamp-missing-bodyless", "no X-Nen-Timestamp, and no body; signed as if it were empty",
                  "TimestampMissing", NO_TIME,
                  with_headers(client.bodyless(timestamp=""), timestamp=None))  # fmt: skip
    at_zero = with_headers(client.request("timestamp-missing-zero", timestamp=""), timestamp=None)
    yield refused("timestamp-missing-zero", "no X-Nen-Timestamp, for a server at the time 0", "TimestampMissing",
                  NO_TIME, at_zero, now=0)  # fmt: skip
    in_date = further_headers(with_headers(client.request("timestamp-in-date"), timestamp=None),
                              {"Date": "Thu, 09 Oct 2025 08:53:20 GMT"})  # fmt: skip
    yield refused("timestamp-in-date", "no X-Nen-Timestamp: the time is in Date", "TimestampMissing", NO_TIME, in_date)
    repeated = client.request("timestamp-repeated", over=f"POST\n{TARGET}\n<t>, <t>\n<n>")
    yield refused("timestamp-repeated", "X-Nen-Timestamp twice, with the same value; signed as HTTP joins them",
                  "HeaderRepeated", OUTSIDE, further_headers(repeated, {TIMESTAMP.lower(): TIME}))  # fmt: skip
    once = client.request("timestamp-repeated-signed-once")
    yield refused("timestamp-repeated-signed-once", "X-Nen-Timestamp twice, with the same value; signed for one",
                  "HeaderRepeated", FORGED, further_headers(once, {TIMESTAMP.lower(): TIME}))  # fmt: skip


# Step 7: the replay


def replay_groups(client: Client) -> Iterator[Group]:
    others = [client.draw(f"other nonce/{i}", 12) for i in range(6)]
    n = b"\0" + client.draw("replay/n", 11)
    once = Sealed(aead_encrypt(client.keys.secret, n, PAYLOAD), n)
    again = Sealed(aead_encrypt(client.keys.secret, n, b'{"other":1}'), n)

    def used(id: str, comment: str, nonces: list[bytes], request: Json) -> Test:
        return refused(f"replay-{id}", comment, "NonceUsed", USED, request, used_nonces=nonces)

    def of_nonce(nonce: bytes) -> Json:
        return client.carrying(Sealed(aead_encrypt(client.keys.secret, nonce, PAYLOAD), nonce))

    yield group(client, "step 7: the nonce was used", (
        used("only", "the same request again", [n], client.carrying(once)),
        used("first", "its nonce is the first of those used", [n, *others], client.carrying(once)),
        used("last", "its nonce is the last of those used", [*others, n], client.carrying(once)),
        used("among", "its nonce stands among those used", [*others[:3], n, *others[3:]], client.carrying(once)),
        used("new-timestamp", "the same body, signed anew with a new timestamp", [n],
             client.carrying(once, timestamp=str(NOW + 1))),
        used("other-payload", "another payload under the same nonce", [n], client.carrying(again)),
        used("other-path", "the same body, signed for another path", [n], client.carrying(once, target="/api/other")),
        used("other-method", "the same body, signed for another method", [n], client.carrying(once, method="PUT")),
        used("other-spelling", "the same nonce, its text written with escapes in JSON", [n],
             client.carrying(once) | {"body": escaped_n(once)}),
        used("at-the-edge", "the same request again, 30 000 ms old", [n],
             client.carrying(once, timestamp=str(NOW - WINDOW))),
        used("zeros", "the nonce of zeros", [bytes(12)], of_nonce(bytes(12))),
        used("ones", "the nonce of ff bytes", [b"\xff" * 12], of_nonce(b"\xff" * 12)),
        used("url-characters", "a nonce whose text is all plus signs and slashes", [bytes.fromhex("fbefbeffffff") * 2],
             of_nonce(bytes.fromhex("fbefbeffffff") * 2)),
    ), "V1-REPLAY-01")  # fmt: skip

    def new(id: str, comment: str, nonces: list[bytes], request: Json) -> Test:
        return accepted(f"new-{id}", comment, "NonceNew", request, used_nonces=nonces)

    lower, upper, mixed = (b64decode(text) for text in ("abcdefghijklmnop", "ABCDEFGHIJKLMNOP", "aBcDeFgHiJkLmNoP"))
    yield group(client, "step 7: the nonce is new", (
        new("others-used", "other nonces were used", others, client.carrying(once)),
        new("first-bit", "a nonce that differs in its first bit was used", [flipped_bit(n, 0, 7)],
            client.carrying(once)),
        new("middle-bit", "a nonce that differs in one bit of its middle was used", [flipped_bit(n, 6, 3)],
            client.carrying(once)),
        new("last-bit", "a nonce that differs in its last bit was used", [flipped_bit(n, -1)], client.carrying(once)),
        new("same-beginning", "a nonce with the same eight bytes in front was used", [n[:8] + others[0][:4]],
            client.carrying(once)),
        new("same-end", "a nonce with the same eight bytes at its end was used", [others[0][:4] + n[4:]],
            client.carrying(once)),
        new("reversed", "the nonce in the other order was used", [n[::-1]], client.carrying(once)),
        new("zero-in-front", "nonces with a zero byte in front, where texts of C end, were used",
            [bytes(12), b"\0" + others[0][:11]], client.carrying(once)),
        new("case", "nonces whose texts differ in case alone were used", [upper, mixed], of_nonce(lower)),
        new("twice-used", "one other nonce was used, and told twice", [others[0], others[0]], client.carrying(once)),
    ), "V1-REPLAY-01")  # fmt: skip
    yield group(client, "step 7: without a body there is no nonce", (
        accepted("replay-bodyless", "a request without a body, whatever was used", "NoBody", client.bodyless(),
                 used_nonces=[bytes(12), *others]),
        accepted("replay-bodyless-delete", "DELETE without a body, whatever was used", "NoBody",
                 client.bodyless("DELETE"), used_nonces=[bytes(12)]),
    ), "V1-REQ-09")  # fmt: skip


def escaped_n(sealed: Sealed) -> str:
    """The body with every character of the text of n as a JSON escape."""
    escaped = "".join(f"\\u{ord(character):04x}" for character in b64(sealed.n))
    return f'{{"ct":"{b64(sealed.ct)}","n":"{escaped}"}}'


# Steps 8 and 9: the payload


def payload_groups(client: Client) -> Iterator[Group]:
    parts = client.keys.secret, client.draw
    yield group(client, "steps 8 and 9: payloads of all kinds of JSON",
                (carrying(client, body) for body in a_few(right_payloads(*parts))), "V1-REQ-01")  # fmt: skip
    under_hmac_key = client.draw("opening-hmac-key/n", 12)
    confused = Sealed(aead_encrypt(client.keys.hmac_key, under_hmac_key, PAYLOAD), under_hmac_key)
    yield group(client, "step 8: ct that does not open", (
        *(carrying(client, body) for body in (*short_cts(*parts), *damaged(*parts))),
        refused("opening-hmac-key", "sealed under the HMAC key", "OtherKey", OPENING, client.carrying(confused)),
    ), "V1-REQ-07")  # fmt: skip
    yield group(client, "step 9: payloads that are not JSON, or that parsers read differently",
                (carrying(client, body) for body in a_few(wrong_payloads(*parts))), "V1-REQ-08")  # fmt: skip


# The order of the steps


@dataclass(frozen=True)
class Fault:
    """One way to fail a step; `codes` is what the step answers."""

    step: int
    id: str
    says: str
    codes: tuple[str, ...]


NO_SESSION_HEADER = Fault(1, "no-session-header", "no X-Nen-Session", NO_HEADER)
UNKNOWN_SESSION = Fault(2, "unknown-session", "an unknown session", UNKNOWN)
MEMBER_TWICE = Fault(3, "member-twice", "a body that names a member twice", ("ISO-6001",))
LAX_NONCE = Fault(3, "lax-nonce", "an n with a line feed behind its base64", ("ISO-6002",))
NO_SIGNATURE = Fault(4, "no-signature", "no X-Nen-Signature", UNSIGNED)
WRONG_SIGNATURE = Fault(5, "wrong-signature", "a signature under another key", FORGED)
OLD = Fault(6, "old", "a timestamp 30 001 ms old", OUTSIDE)
NO_DIGITS = Fault(6, "no-digits", "a timestamp with a plus sign", OUTSIDE)
USED_NONCE = Fault(7, "used-nonce", "a used nonce", USED)
NOT_OPENING = Fault(8, "not-opening", "a ct that does not open", OPENING)
NOT_A_JSON = Fault(9, "not-json", "a payload that is not JSON", ("ISO-4003",))
FAULTS = (NO_SESSION_HEADER, UNKNOWN_SESSION, MEMBER_TWICE, LAX_NONCE, NO_SIGNATURE, WRONG_SIGNATURE, OLD, NO_DIGITS,
          USED_NONCE, NOT_OPENING, NOT_A_JSON)  # fmt: skip
OF_BODYLESS = (NO_SESSION_HEADER, UNKNOWN_SESSION, NO_SIGNATURE, WRONG_SIGNATURE, OLD)


def order_groups(client: Client) -> Iterator[Group]:
    yield group(client, "the order: wrong in two steps, the code of the earlier one", (
        out_of_order(client, first, second, bodyless=False) for first, second in pairs(FAULTS)
    ), "V1-AUTH-10")  # fmt: skip
    yield group(client, "the order: wrong in two steps, without a body", (
        out_of_order(client, first, second, bodyless=True) for first, second in pairs(OF_BODYLESS)
    ), "V1-AUTH-10")  # fmt: skip
    yield group(client, "the order: wrong in all steps from one on", (
        all_later(client, first) for first in FAULTS if first.step < 8
    ), "V1-AUTH-10")  # fmt: skip


def pairs(faults: tuple[Fault, ...]) -> Iterator[tuple[Fault, Fault]]:
    """Every pair of different steps; a signature that is missing cannot be wrong, too."""
    for first in faults:
        for second in faults:
            if first.step < second.step and (first, second) != (NO_SIGNATURE, WRONG_SIGNATURE):
                yield first, second


def out_of_order(client: Client, first: Fault, second: Fault, *, bodyless: bool) -> Test:
    id = f"order-{first.id}-{second.id}" + ("-bodyless" if bodyless else "")
    comment = f"steps {first.step} and {second.step}: {first.says}, and {second.says}"
    given = wrong_in(client, id, {first, second}, bodyless=bodyless)
    return invalid(id, comment, given, "WrongOrder", codes=first.codes)


def all_later(client: Client, first: Fault) -> Test:
    id = f"order-{first.id}-all-later"
    given = wrong_in(client, id, {first, *(fault for fault in FAULTS if fault.step > first.step)})
    comment = f"step {first.step} and all later ones: {first.says}, and every fault of theirs that can be at once"
    return invalid(id, comment, given, "WrongOrder", codes=first.codes)


def wrong_in(client: Client, label: str, faults: set[Fault], *, bodyless: bool = False) -> Json:
    """The input of a request with these faults and no others."""
    sealed = client.sealed(label, b"hello" if NOT_A_JSON in faults else PAYLOAD)
    if NOT_OPENING in faults:
        sealed = Sealed(flipped_bit(sealed.ct, -1), sealed.n)
    n = b64(sealed.n) + ("\n" if LAX_NONCE in faults else "")
    body = body_of(b64(sealed.ct), n)
    if MEMBER_TWICE in faults:
        body = body[:-1] + ',"v":1,"v":1}'
    timestamp = str(NOW - WINDOW - 1) if OLD in faults else TIME
    request = signed(
        client.keys,
        None if bodyless else body,
        "" if bodyless else n,
        method="GET" if bodyless else "POST",
        timestamp=f"+{timestamp}" if NO_DIGITS in faults else timestamp,
        key=client.draw(f"{label}/key") if WRONG_SIGNATURE in faults else None,
    )
    headers = {
        **({"session": None} if NO_SESSION_HEADER in faults else {}),
        **({"signature": None} if NO_SIGNATURE in faults else {}),
    }
    return {
        "request": with_headers(request, **headers),
        **({"session": None} if UNKNOWN_SESSION in faults else {}),
        **({"used_nonces": [sealed.n]} if USED_NONCE in faults else {}),
    }


# Random requests


def random(draw: Draw, i: int) -> Test:
    keys = drawn_keys(draw)
    client = Client(keys, draw)
    now = draw.below("now", 2 * NOW)
    method = BODY_METHODS[draw.below("method", 4)]
    target = f"/{draw('path', 1 + draw.below('path size', 12)).hex()}?{draw('query', 4).hex()}"
    payload = b'{"id":"%s"}' % draw("payload", 1 + draw.below("size", 40)).hex().encode()
    sealed = client.sealed("request", payload)
    how = {
        "method": method,
        "target": target,
        "timestamp": str(max(0, now - WINDOW + draw.below("age", 2 * WINDOW + 1))),
    }
    shared = {"session": keys.as_input(), "now": now, "used_nonces": [draw("used", 12)]}
    if i % 2:
        return accepted(f"random-{i}", "a drawn request", "Basic", client.carrying(sealed, **how), **shared)
    place, of_ct = draw.below("place", 256), i % 4 == 0
    if of_ct:
        place %= 8 * len(payload)
        sealed = Sealed(flipped_bit(sealed.ct, place // 8, place % 8), sealed.n)
    request = client.carrying(sealed, **how)
    if not of_ct:
        text = canonical(method, path_of(target), how["timestamp"], b64(sealed.n))
        request = with_headers(request, signature=b64(flipped_bit(mac(keys.hmac_key, text), place // 8, place % 8)))
    comment = f"a drawn request, bit {place % 8} of byte {place // 8} of its {'ct' if of_ct else 'signature'} changed"
    flag, codes = ("CtAltered", OPENING) if of_ct else ("SignatureAltered", FORGED)
    return refused(f"random-{i}", comment, flag, codes, request, **shared)


# What lies between


def intermediate(a: dict[str, Any]) -> Mapping[str, Any]:
    """What a server computes on its way through the steps, as far as the input lets it, whatever the outcome."""
    sent, session = a["request"], a["session"]
    headers = Headers(sent["headers"].items())
    timestamp = headers.get(TIMESTAMP, "")
    between: Json = {}
    if timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 16:
        between["age_ms"] = a["now"] - int(timestamp)
    envelope: Envelope | None = None
    if sent["body"]:
        try:
            envelope = parse_envelope(sent["body"].encode())
        except NenError:
            return between
        between["nonce"] = envelope.n
    nonce = "" if envelope is None else b64(envelope.n)
    text = canonical(sent["method"].upper(), path_of(sent["target"]), timestamp, nonce)
    between["canonical_string"] = text
    if session is None or headers.get(SESSION) != session["sid"]:
        return between
    between["signature"] = b64(mac(session["hmac_key"], text))
    if envelope is not None:
        try:
            plain = aead_decrypt(session["secret"], envelope.n, envelope.ct)
        except AuthenticationError:
            return between
        between["plaintext_length"] = len(plain)
    return between


SUITE = VectorSuite(
    name="v1/request_verification",
    title="Verification of a request, step by step",
    operation="request.verify",
    notes="Two members of `headers` whose names differ only in case are one header sent twice: its value is both, "
    "joined by a comma and a space. `session` is the only one that the server knows; an empty body is none. Some "
    "targets and header values are beyond what an HTTP client can send.",
    covers=("V1-AUTH-04", "V1-AUTH-10", "V1-REQ-01", "V1-REPLAY-01"),
    flags=FLAGS,
    fixed=fixed,
    random=random,
    count=24,
    intermediate=intermediate,
)
