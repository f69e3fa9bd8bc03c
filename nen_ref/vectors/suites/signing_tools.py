"""Requests as they are signed: targets of every kind, and the flags that two files share."""

from __future__ import annotations

from dataclasses import dataclass

from nen_ref.protocol.signing import canonical_string
from nen_ref.vectors.model import Flag

STRANGERS = "the two sides sign different texts: every such request is refused with ISO-3002"
OTHER_PLACE = STRANGERS + "; and a path that is changed after the check leads elsewhere than the one that was signed"

FLAGS = {
    "Basic": Flag("basic", "ordinary requests", STRANGERS, ("V1-AUTH-05",)),
    "Query": Flag(
        "wrong computation",
        "targets with a query: an implementation that signs it, or cuts at the last question mark, gives another text",
        STRANGERS,
        ("V1-AUTH-06", "RFC 3986, section 3.4"),
    ),
    "Escapes": Flag(
        "wrong computation",
        "percent escapes: an implementation that decodes them, rewrites them or changes their case gives another text",
        STRANGERS + "; and of two paths that decode to the same, one could be sent in place of the other",
        ("V1-AUTH-06", "RFC 3986, section 6.2.2"),
    ),
    "NonAscii": Flag(
        "wrong computation",
        "letters beyond ASCII, escaped or not: an implementation that unescapes, escapes or normalises them, or "
        "signs Latin-1 or UTF-16, gives another text",
        STRANGERS,
        ("V1-AUTH-05", "V1-AUTH-06"),
    ),
    "DotSegments": Flag(
        "wrong computation",
        "segments of one or two dots: an implementation that resolves them, as classes for URLs do, gives another text",
        OTHER_PLACE,
        ("V1-AUTH-06", "RFC 3986, section 5.2.4"),
    ),
    "EmptySegments": Flag(
        "wrong computation",
        "empty segments, a slash at the end: an implementation that merges or cuts slashes gives another text",
        OTHER_PLACE,
        ("V1-AUTH-06",),
    ),
    "PathSigns": Flag(
        "wrong computation",
        "signs that stand in a path as they are: an implementation that escapes them, ends at ;, takes + for a space "
        "or ignores case gives another text",
        STRANGERS,
        ("V1-AUTH-06", "RFC 3986, section 3.3"),
    ),
    "MethodCase": Flag(
        "wrong computation",
        "a method that is not in upper case: an implementation that signs it as it was written gives another text",
        STRANGERS,
        ("V1-AUTH-05",),
    ),
    "MethodLocale": Flag(
        "wrong computation",
        "a method with the letter i: upper case by the rules of Turkish, which a locale may bring in, gives U+0130",
        "requests of some machines are refused, by their language settings",
        ("V1-AUTH-05",),
    ),
    "EmptyNonce": Flag(
        "wrong computation",
        "no body, so an empty nonce: an implementation that leaves out the last line, or its line feed, or writes null "
        "gives another text",
        "every request without a body is refused with ISO-3002",
        ("V1-AUTH-05", "V1-REQ-09"),
    ),
    "NonceText": Flag(
        "wrong computation",
        "nonces with + and /, in lower case or of digits: an implementation that signs the bytes, hexadecimal, "
        "another alphabet or a number gives another text",
        STRANGERS,
        ("V1-AUTH-05",),
    ),
    "TimestampText": Flag(
        "wrong computation",
        "timestamps that are another text once they were a number: leading zeros, and beyond 2^53 or 2^31",
        STRANGERS + ", the longer or padded ones only",
        ("V1-AUTH-05", "V1-AUTH-09"),
    ),
    "Separators": Flag(
        "confusion",
        "two requests whose four parts, joined without line feeds or with another separator, would be one text",
        "a signature of one request passes for the other",
        ("V1-AUTH-05",),
    ),
    "LineFeed": Flag(
        "confusion",
        "escaped line feeds in a path, which must stay escaped: decoded, they would end the path and begin other lines",
        "a signature of one request passes for another one with other method, path or time",
        ("V1-AUTH-05", "V1-AUTH-06"),
    ),
}

TIME = "1760000000000"
NONCE = "AAECAwQFBgcICQoL"


@dataclass(frozen=True)
class Target:
    """A target on the wire, and a clause that says what is special about it."""

    id: str
    comment: str
    target: str
    flag: str


TARGETS = (
    Target("root", "the shortest path", "/", "Basic"),
    Target("deep", "a path of several segments", "/api/v1/users/42/items", "Basic"),
    Target("long", "a path of 2001 characters", "/" + "a" * 2000, "Basic"),
    # Query
    Target("query", "a query, which is no part of the path", "/a?b=c", "Query"),
    Target("query-empty", "an empty query", "/a?", "Query"),
    Target("query-behind-slash", "a query behind a slash", "/a/?b", "Query"),
    Target("query-two-marks", "a query with a question mark in it", "/a?b?c", "Query"),
    Target("query-two-marks-alone", "two question marks and nothing else", "/a??", "Query"),
    Target("query-with-slashes", "a query with slashes and dots", "/a?b=/c/../d", "Query"),
    Target("query-of-root", "a query behind the root", "/?", "Query"),
    Target("query-escaped-mark", "an escaped question mark in the path, and a query", "/a%3Fb?c", "Query"),
    Target("query-escaped-mark-alone", "an escaped question mark, and no query", "/a%3Fb", "Query"),
    Target("query-with-url", "a query that holds a URL", "/go?to=http://example.org/x?y", "Query"),
    Target("query-with-fragment", "a fragment behind a query", "/a?b#c", "Query"),
    Target("query-ampersand-in-path", "& and = in the path, and no query", "/a&b=c", "Query"),
    Target("query-escaped-hash", "an escaped #, which begins no fragment", "/a%23b", "Query"),
    Target("query-semicolon", "a semicolon, which begins no query", "/a;b=c", "Query"),
    # Escapes
    Target("escape-space", "an escaped space", "/a%20b", "Escapes"),
    Target("escape-plus", "an escaped +", "/a%2Bb", "Escapes"),
    Target("escape-slash-upper", "an escaped slash in upper case", "/a%2Fb", "Escapes"),
    Target("escape-slash-lower", "an escaped slash in lower case", "/a%2fb", "Escapes"),
    Target("escape-slash-mixed-case", "escapes of both cases", "/a%2fb%2Fc%aF", "Escapes"),
    Target("escape-needless", "an escaped letter, which needs no escape", "/%41", "Escapes"),
    Target("escape-unreserved", "escaped ~, - and _, which need no escape", "/%7Ea%2Db%5F", "Escapes"),
    Target("escape-percent", "an escaped percent sign", "/100%25", "Escapes"),
    Target("escape-twice", "an escape of an escape", "/a%252Fb", "Escapes"),
    Target("escape-broken", "a percent sign and no digits", "/%", "Escapes"),
    Target("escape-broken-digits", "a percent sign and no hexadecimal digits", "/%zz", "Escapes"),
    Target("escape-cut", "an escape cut behind its first digit", "/a%2", "Escapes"),
    Target("escape-backslash", "an escaped backslash", "/a%5Cb", "Escapes"),
    Target("escape-zero", "an escaped zero byte", "/a%00b", "Escapes"),
    Target("escape-and-query", "escapes in the path and in the query", "/%41?q=%41", "Escapes"),
    Target("escape-reserved", "escaped :, @, & and =", "/%3A%40%26%3D", "Escapes"),
    # Beyond ASCII
    Target("non-ascii-escaped-upper", "a letter of two bytes, escaped in upper case", "/%C3%A9", "NonAscii"),
    Target("non-ascii-escaped-lower", "the same letter, escaped in lower case", "/%c3%a9", "NonAscii"),
    Target("non-ascii-escaped-three", "a letter of three bytes, escaped", "/%E4%B8%96", "NonAscii"),
    Target("non-ascii-escaped-four", "an emoji of four bytes, escaped", "/%F0%9F%94%90", "NonAscii"),
    Target("non-ascii-latin-1", "an escaped byte that is no UTF-8", "/%E9", "NonAscii"),
    Target("non-ascii-half", "the first half of a letter, escaped", "/%c3", "NonAscii"),
    Target("non-ascii-decomposed", "e and a combining accent, escaped", "/e%CC%81", "NonAscii"),
    Target("non-ascii-overlong", "an overlong escape of a slash", "/a%C0%AFb", "NonAscii"),
    Target("non-ascii-raw", "a letter of two bytes, not escaped", "/\u00e9", "NonAscii"),
    Target("non-ascii-raw-three", "letters of three bytes, not escaped", "/\u4e16\u754c", "NonAscii"),
    Target("non-ascii-raw-four", "an emoji of four bytes, not escaped", "/\U0001f510", "NonAscii"),
    Target("non-ascii-raw-decomposed", "e and a combining accent, not escaped", "/e\u0301", "NonAscii"),
    Target("non-ascii-in-query", "a letter beyond ASCII in the query only", "/a?q=\u00e9", "NonAscii"),
    # Segments
    Target("dot", "a segment of one dot", "/a/./b", "DotSegments"),
    Target("dot-dot", "a segment of two dots", "/a/../b", "DotSegments"),
    Target("dot-dot-first", "two dots at the root", "/../a", "DotSegments"),
    Target("dot-dot-alone", "two dots and nothing else", "/..", "DotSegments"),
    Target("dot-last", "one dot at the end", "/a/.", "DotSegments"),
    Target("dot-dot-escaped", "two dots as escapes", "/a/%2E%2E/b", "DotSegments"),
    Target("dot-dot-escaped-lower", "two dots as escapes in lower case", "/a/%2e%2e/b", "DotSegments"),
    Target("dot-dot-escaped-slash", "two dots in front of an escaped slash", "/a/..%2Fb", "DotSegments"),
    Target("three-dots", "a segment of three dots", "/a/.../b", "DotSegments"),
    Target("dot-file", "a segment that begins with a dot", "/.well-known/nen", "DotSegments"),
    Target("empty-inside", "an empty segment", "/a//b", "EmptySegments"),
    Target("empty-first", "two slashes in front, which are no host", "//a/b", "EmptySegments"),
    Target("empty-many", "three slashes", "/a///b", "EmptySegments"),
    Target("empty-alone", "two slashes and nothing else", "//", "EmptySegments"),
    Target("slash-last", "a slash at the end", "/a/", "EmptySegments"),
    Target("slash-last-absent", "the path of `slash-last` without its slash", "/a", "EmptySegments"),
    Target("slashes-last", "two slashes at the end", "/a//", "EmptySegments"),
    # Signs
    Target("upper-case", "letters of both cases", "/API/Users/aBc", "PathSigns"),
    Target("parameters", "parameters of a segment", "/a;v=1/b;w", "PathSigns"),
    Target("plus", "a +, which is no space", "/a+b", "PathSigns"),
    Target("sub-delimiters", "all the delimiters that a segment may hold", "/!$&'()*+,;=:@", "PathSigns"),
    Target("unreserved", "all signs that need no escape", "/a-b.c_d~e", "PathSigns"),
    Target("colon-and-port", "a path that looks like host and port", "/example.org:8443/a", "PathSigns"),
    Target("fragment", "a fragment, which is no part of the path", "/a#b", "Query"),
    Target("braces", "signs that ought to be escaped and are not", "/{a}|b^c", "PathSigns"),
    Target("backslash", "a backslash, which is no slash", "/a\\b", "PathSigns"),
)


def target(id: str) -> Target:
    return next(one for one in TARGETS if one.id == id)


def path_of(target: str) -> str:
    """V1-AUTH-06: the path as it stands on the wire."""
    return target.partition("?")[0]


def text_of(a: dict[str, str]) -> bytes:
    """The canonical string of the arguments of an operation."""
    return canonical_string(a["method"], path_of(a["target"]), a["timestamp"], a["nonce"])


@dataclass(frozen=True)
class Parts:
    """The four parts that are signed."""

    id: str
    comment: str
    method: str
    target: str
    timestamp: str
    nonce: str
    flag: str

    @property
    def given(self) -> dict[str, str]:
        return {"method": self.method, "target": self.target, "timestamp": self.timestamp, "nonce": self.nonce}


DIGITS = "1234567890123456"
"""The base64 text of a nonce that could also be a timestamp."""

CONFUSED = (
    Parts("digit-of-the-time", "a time that begins with 1", "GET", "/b", TIME, NONCE, "Separators"),
    Parts(
        "digit-of-the-path",
        "the first digit of `confused-digit-of-the-time` stands at the end of the path: one text without separators",
        "GET",
        "/b1",
        TIME[1:],
        NONCE,
        "Separators",
    ),
    Parts("nonce-of-digits", "a nonce that looks like a time", "GET", "/a", TIME, DIGITS, "Separators"),
    Parts(
        "time-of-these-digits",
        "no body; path and time of `confused-nonce-of-digits` joined, its nonce as time: one text without separators",
        "GET",
        f"/a{TIME}",
        DIGITS,
        "",
        "Separators",
    ),
    Parts(
        "time-behind-a-slash",
        "no body; as `confused-time-of-these-digits`, with a slash between path and time: the text of "
        "`confused-nonce-of-digits` where slashes separate and an empty nonce is left out",
        "GET",
        f"/a/{TIME}",
        DIGITS,
        "",
        "Separators",
    ),
    Parts(
        "path-like-a-request",
        "a path that holds the last two lines of another request, with escaped line feeds",
        "GET",
        f"/a%0A{TIME}%0A{NONCE}",
        TIME,
        NONCE,
        "LineFeed",
    ),
    Parts("line-feed", "an escaped line feed in the path", "GET", "/a%0Ab", TIME, NONCE, "LineFeed"),
    Parts("line-feed-lower", "an escaped line feed in lower case", "GET", "/a%0ab", TIME, NONCE, "LineFeed"),
    Parts("crlf", "an escaped CRLF in the path", "GET", "/a%0D%0Ab", TIME, NONCE, "LineFeed"),
    Parts(
        "line-feed-last",
        "an escaped line feed at the end of the path, and no body",
        "GET",
        "/a%0A",
        TIME,
        "",
        "LineFeed",
    ),
    Parts("backslash-n", "a backslash and the letter n in the path", "GET", "/a\\nb", TIME, NONCE, "LineFeed"),
    Parts("next-line", "an escaped U+0085, a line end of Unicode", "GET", "/a%C2%85b", TIME, NONCE, "LineFeed"),
)

TIMES = {
    "zero": ("the time 0", "0"),
    "one-digit": ("a time of one digit", "7"),
    "leading-zero": ("a leading zero", "01760000000000"),
    "leading-zeros-to-16": ("filled with zeros to 16 digits", "0001760000000000"),
    "zeros-alone": ("sixteen zeros", "0" * 16),
    "beyond-2-to-31": ("2^31, one more than a signed word holds", "2147483648"),
    "beyond-2-to-32": ("2^32, one more than a word holds", "4294967296"),
    "beyond-2-to-53": ("2^53 + 1, which no double holds", "9007199254740993"),
    "greatest": ("sixteen nines, the greatest there is", "9" * 16),
    "trailing-zeros": ("a time that some print as 1e+15", "1000000000000000"),
}
NONCES = {
    "plus-and-slash": ("a nonce with + and /", "+/+/+/+/+/+/+/+/"),
    "slashes": ("a nonce of ff bytes", "/" * 16),
    "zeros": ("a nonce of zero bytes", "A" * 16),
    "digits": ("a nonce that looks like a number", "1234567890123456"),
    "lower-case": ("a nonce in lower case, which must not be put in upper case as the method is", "abcdefghijklmnop"),
}
METHODS = {
    "get": ("a method in lower case", "get", "MethodCase"),
    "mixed": ("a method in mixed case", "pAtCh", "MethodCase"),
    "capital": ("a method with a capital letter first", "Post", "MethodCase"),
    "delete": ("another method in lower case", "delete", "MethodCase"),
    "options": ("an i in lower case", "options", "MethodLocale"),
    "propfind": ("an i in lower case, in a method of WebDAV", "propfind", "MethodLocale"),
    "unlink-mixed": ("an i in lower case, in a method of mixed case", "UnLiNk", "MethodLocale"),
    "head": ("HEAD, which some sign as GET", "HEAD", "Basic"),
    "put": ("PUT", "PUT", "Basic"),
    "hyphen": ("a method with a hyphen", "m-search", "MethodCase"),
}
