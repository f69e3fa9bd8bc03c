"""v1/base64_decode: the bytes of a text, if it is the one text that they have."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator

from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Found, Group, Test, VectorSuite, invalid, valid
from nen_ref.vectors.suites.symmetric_tools import octets_of

RFC = "RFC 4648, section 4"
TWICE = "one nonce in two texts passes the replay check twice where nonces are compared as text"
MANY = "a decoder that skips what it does not know reads one value out of many texts: " + TWICE
CUT = "what follows is lost: two texts have one value, and a value is not the one that was sent"

FLAGS = {
    "Basic": Flag("basic", "texts of ordinary lengths", "what every other implementation sends cannot be read", (RFC,)),
    "Published": Flag(
        "basic", "the test vectors of RFC 4648", "what others send cannot be read", ("RFC 4648, section 10",)
    ),
    "Padding": Flag(
        "basic",
        "texts with one =, two or none",
        "what others send cannot be read, for some lengths",
        (RFC, "V1-WIRE-01"),
    ),
    "Alphabet": Flag(
        "basic", "texts with + and /", "what others send cannot be read, now and then", (RFC, "V1-WIRE-01")
    ),
    "WhiteSpace": Flag(
        "malleability",
        "a right text with a space, a tab or a line end in front, inside or behind",
        "decoders for mail skip white space: " + TWICE,
        ("RFC 4648, section 3.1", "V1-WIRE-02"),
    ),
    "UnicodeSpace": Flag(
        "malleability",
        "a right text with a space, separator or mark from beyond ASCII",
        "a text that is trimmed before it is decoded has many forms: " + TWICE,
        ("V1-WIRE-02",),
    ),
    "UrlSafe": Flag(
        "malleability",
        "- in place of +, _ in place of /",
        "decoders that take both alphabets give every such value several texts: " + TWICE,
        ("RFC 4648, section 5", "V1-WIRE-02"),
    ),
    "OtherAlphabet": Flag(
        "missing check",
        "a character that other alphabets have, or that stands beside the letters and digits in ASCII",
        MANY,
        ("RFC 4648, section 3.3", "V1-WIRE-02"),
    ),
    "PaddingMissing": Flag(
        "malleability",
        "a right text without its padding, or with a part of it",
        TWICE,
        ("RFC 4648, section 3.2", "V1-WIRE-02"),
    ),
    "PaddingExtra": Flag(
        "malleability",
        "more padding than belongs to the text, or padding alone",
        TWICE,
        ("RFC 4648, section 3.2", "V1-WIRE-02"),
    ),
    "PaddingInside": Flag(
        "missing check",
        "= in front of or between other characters, also as two right texts one behind the other",
        "decoders that stop at the first = drop the rest: " + CUT,
        ("RFC 4648, section 3.3", "V1-WIRE-02"),
    ),
    "UnusedBits": Flag(
        "malleability",
        "the last character has bits set that belong to no byte",
        "up to sixteen texts for one value: " + TWICE,
        ("RFC 4648, section 3.5", "V1-WIRE-02"),
    ),
    "LeftOver": Flag(
        "missing check",
        "a character too many, so that the last four are incomplete: 6 bits make no byte",
        "a decoder that drops the rest takes 64 texts for one value",
        (RFC, "V1-WIRE-02"),
    ),
    "LookAlike": Flag(
        "missing check",
        "a letter, digit or sign of another script that looks like one of the alphabet",
        "a text that is normalised (NFKC) or folded before it is decoded has many forms: " + TWICE,
        ("V1-WIRE-02",),
    ),
    "LowByte": Flag(
        "missing check",
        "a character beyond ASCII of whose number the lower 7 or 8 bits are a character of the alphabet",
        "a decoder that looks at the lower byte only, or at a table without a bound, reads it as that character",
        ("V1-WIRE-02",),
    ),
    "Control": Flag(
        "missing check",
        "a zero byte or another control character",
        "a text that ends at its zero byte for one reader goes on for another: " + CUT,
        ("RFC 4648, section 12", "V1-WIRE-02"),
    ),
    "Wrapped": Flag(
        "confusion",
        "the right text inside something: a data URL, PEM, quotes, a percent escape, a list",
        MANY,
        ("V1-WIRE-02",),
    ),
    "OtherEncoding": Flag(
        "confusion",
        "the bytes in hexadecimal, base32 or another encoding",
        "a value is read as another one, or one value has two encodings",
        ("V1-WIRE-01",),
    ),
}

PLAIN = "AAECAwQFBgcICQoL"  # 00 01 .. 0b, the size of a nonce: no padding
ONE = "AAECAwQFBgcICQoLDA0="
TWO = "AAECAwQFBgcICQoLDA=="

ASCII_SPACES = {
    "space": " ",
    "tab": "\t",
    "line-feed": "\n",
    "carriage-return": "\r",
    "crlf": "\r\n",
    "vertical-tab": "\v",
    "form-feed": "\f",
}
UNICODE_SPACES = {
    "no-break-space": "\u00a0",
    "next-line": "\u0085",
    "em-space": "\u2003",
    "line-separator": "\u2028",
    "ideographic-space": "\u3000",
    "zero-width-space": "\u200b",
    "byte-order-mark": "\ufeff",
    "soft-hyphen": "\u00ad",
}
SIGNS = {
    "exclamation-mark": "!",
    "dollar": "$",
    "percent": "%",
    "ampersand": "&",
    "asterisk": "*",
    "comma": ",",
    "full-stop": ".",
    "colon": ":",
    "semicolon": ";",
    "less-than": "<",
    "at": "@",
    "bracket": "[",
    "backslash": "\\",
    "caret": "^",
    "grave": "`",
    "brace": "{",
    "tilde": "~",
    "question-mark": "?",
    "hash": "#",
    "quote": '"',
}
LOOK_ALIKES = {
    "fullwidth-a": "\uff21",
    "cyrillic-a": "\u0410",
    "greek-alpha": "\u0391",
    "fullwidth-zero": "\uff10",
    "arabic-indic-zero": "\u0660",
    "mathematical-a": "\U0001d400",
    "fullwidth-plus": "\uff0b",
    "division-slash": "\u2215",
    "kelvin-sign": "\u212a",
    "dotless-i": "\u0131",
    "long-s": "\u017f",
    "a-with-ring": "\u00c5",
    "combining-ring": "A\u030a",
}
LOW_BYTES = {
    "0141": "\u0141",
    "0241": "\u0241",
    "2b41": "\u2b41",
    "ff41": "\uff41",
    "00c1": "\u00c1",
    "012b": "\u012b",
    "1f441": "\U0001f441",
}


def decode(id: str, comment: str, text: str, *flags: str) -> Test:
    return valid(id, comment, {"text": text}, *flags)


def refused(id: str, comment: str, text: str, flag: str, requirement: str = "V1-WIRE-02") -> Test:
    return invalid(id, comment, {"text": text}, flag, codes=("ISO-6002",), covers=(requirement,))


def said(name: str) -> str:
    return f"U+{name.upper()}" if name in LOW_BYTES else name.replace("-", " ")


def accepted(draw: Draw) -> list[Test]:
    word = b"foobar"
    tests = [
        decode(
            f"rfc-4648-{n}",
            "RFC 4648, section 10: " + (f"{n} letters" if n else "the empty text, for no bytes"),
            b64encode(word[:n]).decode(),
            "Published",
            "Padding",
        )
        for n in range(7)
    ]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return [
        *tests,
        decode("plain", "12 bytes, no padding: what most others of this file are made of", PLAIN, "Padding"),
        decode("one-pad", "14 bytes, one =", ONE, "Padding"),
        decode("two-pads", "13 bytes, two =", TWO, "Padding"),
        decode("alphabet", "all 64 characters, in order", alphabet, "Alphabet"),
        decode("alphabet-reversed", "all 64 characters, backwards", alphabet[::-1], "Alphabet"),
        decode("pluses", "+ alone", "++++", "Alphabet"),
        decode("slashes", "/ alone: bytes of ff", "/" * 16, "Alphabet"),
        decode(
            "plus-and-pad",
            "the last character in front of the padding has 4 unused bits, all zero",
            "/w==",
            "Padding",
            "Alphabet",
        ),
        decode(
            "slash-and-pad",
            "the last character in front of the padding has 2 unused bits, both zero",
            "//8=",
            "Padding",
            "Alphabet",
        ),
        decode("zeros", "A alone: zero bytes", "A" * 16, "Basic"),
        decode("zero-byte", "a single zero byte", "AA==", "Padding"),
        decode("not-utf-8", "bytes that are no UTF-8", "/+j/", "Basic", "Alphabet"),
        decode("looks-like-hexadecimal", "a text of hexadecimal digits is base64 all the same", "deadbeef", "Basic"),
        decode("looks-like-a-word", "a text that reads null is base64 all the same", "null", "Basic"),
        decode("long", "400 characters in one line", b64encode(draw("long", 300)).decode(), "Basic"),
        *(
            decode(f"bytes-{n}", f"the text of {octets_of(n)}", b64encode(draw(f"size/{n}", n)).decode(), "Basic")
            for n in (16, 31, 32, 33, 1088)
        ),
    ]


def white_space() -> Iterator[Test]:
    for name, sign in ASCII_SPACES.items():
        yield refused(f"{name}-in-front", f"a {said(name)} in front", sign + PLAIN, "WhiteSpace")
        yield refused(f"{name}-inside", f"a {said(name)} inside", PLAIN[:8] + sign + PLAIN[8:], "WhiteSpace")
        yield refused(f"{name}-behind", f"a {said(name)} behind", PLAIN + sign, "WhiteSpace")
    yield refused("space-before-padding", "a space in front of the padding", TWO[:-2] + " ==", "WhiteSpace")
    yield refused("line-feed-in-padding", "a line feed between two =", TWO[:-1] + "\n=", "WhiteSpace")
    yield refused("spaces-alone", "four spaces", "    ", "WhiteSpace")
    yield refused("line-feed-alone", "a line feed alone, not the empty text", "\n", "WhiteSpace")
    yield refused(
        "four-spaces-inside",
        "four spaces inside, so that the length is still a multiple of four",
        PLAIN[:8] + "    " + PLAIN[8:],
        "WhiteSpace",
    )
    text = "A" * 76
    yield refused("lines-of-mail", "lines of 76 characters with CRLF", f"{text}\r\n{text}", "WhiteSpace")
    yield refused(
        "lines-of-pem", "lines of 64 characters with a line feed", f"{text[:64]}\n{text[:64]}\n", "WhiteSpace"
    )
    for name, sign in UNICODE_SPACES.items():
        yield refused(f"{name}-in-front", f"a {said(name)} in front", sign + PLAIN, "UnicodeSpace")
        yield refused(f"{name}-behind", f"a {said(name)} behind", PLAIN + sign, "UnicodeSpace")


def alphabets() -> Iterator[Test]:
    yield refused("url-safe-minus", "- in place of +", "A-AA", "UrlSafe")
    yield refused("url-safe-underscore", "_ in place of /", "A_AA", "UrlSafe")
    yield refused("url-safe-both", "- and _", "-_-_-_-_-_-_-_-_", "UrlSafe")
    yield refused("url-safe-one-of-many", "+, / and a single -", "+/+/-/+/", "UrlSafe")
    yield refused("url-safe-padded", "- in front of the padding", urlsafe_b64encode(b"\xfa").decode(), "UrlSafe")
    yield refused("url-safe-unpadded", "URL-safe and without padding, as in tokens", "-_8", "UrlSafe")
    for name, sign in SIGNS.items():
        yield refused(
            f"sign-{name}", f"the sign {sign} in place of a character", PLAIN[:6] + sign + PLAIN[7:], "OtherAlphabet"
        )
    yield refused(
        "sign-added", "four signs that a lenient decoder skips, inside", PLAIN[:8] + "!!!!" + PLAIN[8:], "OtherAlphabet"
    )
    yield refused("sign-behind", "a sign behind the right text", PLAIN + "!", "OtherAlphabet")
    yield refused("sign-in-front", "a sign in front of the right text", "!" + PLAIN, "OtherAlphabet")
    yield refused("sign-behind-padding", "a sign behind the padding", TWO + "!", "OtherAlphabet")
    yield refused("signs-alone", "four signs and nothing else", "!!!!", "OtherAlphabet")


def paddings() -> Iterator[Test]:
    yield refused("one-pad-missing", "the one = missing", ONE[:-1], "PaddingMissing")
    yield refused("two-pads-missing", "both = missing", TWO[:-2], "PaddingMissing")
    yield refused("second-pad-missing", "the second = missing", TWO[:-1], "PaddingMissing")
    yield refused("zero-byte-unpadded", "a single zero byte, without padding", "AA", "PaddingMissing")
    yield refused("zero-byte-half-padded", "a single zero byte, one = missing", "AA=", "PaddingMissing")
    for n in (1, 2, 3, 4):
        yield refused(f"pads-{n}-too-many", f"{n} = behind a text that needs none", PLAIN + "=" * n, "PaddingExtra")
        yield refused(f"pads-alone-{n}", f"{n} = and nothing else", "=" * n, "PaddingExtra")
    yield refused("pad-one-more-than-one", "two = where one belongs", ONE + "=", "PaddingExtra")
    yield refused("pad-one-more-than-two", "three = where two belong", TWO + "=", "PaddingExtra")
    yield refused("pad-four-more", "the right padding and four = more", TWO + "====", "PaddingExtra")
    yield refused("one-letter-three-pads", "one character and three =", "A===", "PaddingExtra")
    yield refused("pad-in-front", "= in front", "=" + PLAIN[1:], "PaddingInside")
    yield refused("pads-in-front", "four = in front of a right text", "====" + PLAIN, "PaddingInside")
    yield refused("pad-inside", "= in place of a character", PLAIN[:4] + "=" + PLAIN[5:], "PaddingInside")
    yield refused("pad-third-only", "= at the third place, a character at the fourth", "AA=A", "PaddingInside")
    yield refused("pad-second", "= at the second place", "A=AA", "PaddingInside")
    yield refused("pads-second-and-third", "= at the second and third place", "A==A", "PaddingInside")
    yield refused("text-behind-two-pads", "four characters behind the padding", TWO + "AAAA", "PaddingInside")
    yield refused("text-behind-one-pad", "four characters behind one =", ONE + "AAAA", "PaddingInside")
    yield refused("two-texts", "two padded texts, one behind the other", "Zg==Zg==", "PaddingInside")
    yield refused("one-letter-behind-padding", "one character behind the padding", TWO + "A", "PaddingInside")


def unused_bits() -> Iterator[Test]:
    alphabet = "ABCDEFGHIJKLMNOP"  # the values 0 to 15
    for bits in (1, 2, 4, 8, 15):
        yield refused(
            f"four-unused-bits-{bits}", f"unused bits {bits:04b}, with two =", f"A{alphabet[bits]}==", "UnusedBits"
        )
    for bits in (1, 2, 3):
        yield refused(
            f"two-unused-bits-{bits}", f"unused bits {bits:02b}, with one =", f"AA{alphabet[bits]}=", "UnusedBits"
        )
    yield refused(
        "unused-bits-of-a-long-text",
        "the lowest unused bit of a longer text, with two =",
        TWO[:-3] + "B==",
        "UnusedBits",
    )
    yield refused(
        "unused-bits-of-a-long-text-one-pad",
        "the lowest unused bit of a longer text, with one =",
        ONE[:-2] + "1=",
        "UnusedBits",
    )


def incomplete(draw: Draw) -> Iterator[Test]:
    yield refused("one-character", "a single character", "A", "LeftOver")
    yield refused("one-left-over", "one character behind a right text", PLAIN + "A", "LeftOver")
    yield refused("one-missing-of-a-zero-byte", "one character and two =: 6 bits", "A==", "LeftOver")
    yield refused("one-left-over-and-pad", "one character behind a right text, and one =", PLAIN + "A=", "LeftOver")
    yield refused("five-characters", "five characters", "Zm9vY", "LeftOver")
    data = draw("other-encoding", 13)
    yield refused("hexadecimal-odd", "26 hexadecimal digits", data.hex(), "OtherEncoding", "V1-WIRE-01")
    yield refused(
        "hexadecimal-0x", "hexadecimal with 0x in front", "0x" + bytes(12).hex(), "OtherEncoding", "V1-WIRE-01"
    )
    yield refused("hexadecimal-colons", "hexadecimal with colons", data.hex(":"), "OtherEncoding", "V1-WIRE-01")
    yield refused("base32", "base32 of 12 bytes", "AAAQEAYEAUDAOCAJBIFQ====", "OtherEncoding", "V1-WIRE-01")
    yield refused(
        "multibase", "base64 with the letter m of multibase in front", "m" + PLAIN, "OtherEncoding", "V1-WIRE-01"
    )
    yield refused("numbers", "an array of numbers, as text", "[0,1,2]", "OtherEncoding", "V1-WIRE-01")


def beyond_ascii() -> Iterator[Test]:
    for name, sign in LOOK_ALIKES.items():
        yield refused(
            f"look-alike-{name}", f"a {said(name)} in place of a character", PLAIN[:6] + sign + PLAIN[7:], "LookAlike"
        )
    yield refused("look-alike-fullwidth-equals", "a fullwidth = behind a right =", TWO[:-1] + "\uff1d", "LookAlike")
    yield refused("look-alike-added", "a Cyrillic letter behind a right text", PLAIN + "\u0410", "LookAlike")
    yield refused("look-alike-all", "a right text all in fullwidth letters", "\uff21" * 4, "LookAlike")
    yield refused(
        "emoji",
        "an emoji behind a right text: two units of UTF-16, four bytes of UTF-8",
        PLAIN + "\U0001f510",
        "LookAlike",
    )
    for name, sign in LOW_BYTES.items():
        yield refused(
            f"low-byte-{name}", f"{said(name)} in place of a character", PLAIN[:6] + sign + PLAIN[7:], "LowByte"
        )


def controls() -> Iterator[Test]:
    yield refused("zero-in-front", "a zero byte in front", "\0" + PLAIN, "Control")
    yield refused("zero-inside", "a zero byte inside", PLAIN[:8] + "\0" + PLAIN[8:], "Control")
    yield refused("zero-behind", "a zero byte behind", PLAIN + "\0", "Control")
    yield refused("zero-and-more-behind", "a zero byte and four more characters behind", PLAIN + "\0AAA", "Control")
    yield refused("zero-alone", "a zero byte alone, not the empty text", "\0", "Control")
    yield refused("zero-for-padding", "zero bytes in place of the padding", TWO[:-2] + "\0\0", "Control")
    yield refused(
        "control-01", "a control character 01 in place of a character", PLAIN[:6] + "\x01" + PLAIN[7:], "Control"
    )
    yield refused("backspace", "a backspace behind a character too many", PLAIN + "A\b", "Control")
    yield refused("escape", "an escape inside", PLAIN[:8] + "\x1b" + PLAIN[8:], "Control")
    yield refused("delete", "the control character 7f behind", PLAIN + "\x7f", "Control")


def wrapped() -> Iterator[Test]:
    texts = {
        "data-url": ("a data URL", f"data:;base64,{PLAIN}"),
        "data-url-with-type": ("a data URL with a type", f"data:application/octet-stream;base64,{PLAIN}"),
        "pem": ("PEM", f"-----BEGIN NONCE-----\n{PLAIN}\n-----END NONCE-----\n"),
        "prefix": ("a prefix base64:", f"base64:{PLAIN}"),
        "quotes": ("quotation marks around it", f'"{PLAIN}"'),
        "single-quotes": ("single quotation marks around it", f"'{PLAIN}'"),
        "python-bytes": ("written as Python prints bytes", f"b'{PLAIN}'"),
        "colons": ("colons around it, as in a structured header", f":{PLAIN}:"),
        "list": ("two texts with a comma", f"{PLAIN}, {PLAIN}"),
        "percent-padding": ("the padding as percent escapes", TWO.replace("=", "%3D")),
        "percent-plus": ("a + as percent escape", "A%2BAA"),
        "plus-as-space": ("a + that a form decoder made a space", "A AA"),
        "entity": ("a = as an entity of HTML", TWO.replace("=", "&#61;")),
        "json-escape": ("a / escaped as in JSON, and not unescaped", "A\\/AA"),
        "unicode-escape": ("a character as an escape of JSON, and not unescaped", "\\u0041AAA"),
    }
    for name, (says, text) in texts.items():
        yield refused(f"wrapped-{name}", says, text, "Wrapped")


def fixed(draw: Draw, found: Found) -> list[Group]:
    return [
        Group("texts that are right", tuple(accepted(draw)), covers=("V1-WIRE-01",)),
        Group("white space", tuple(white_space())),
        Group("characters of other alphabets", tuple(alphabets())),
        Group("padding", tuple(paddings())),
        Group("bits that belong to no byte", tuple(unused_bits())),
        Group("incomplete texts and other encodings", tuple(incomplete(draw))),
        Group("characters beyond ASCII", tuple(beyond_ascii())),
        Group("control characters", tuple(controls())),
        Group("a right text inside something", tuple(wrapped())),
    ]


def random(draw: Draw, i: int) -> Test:
    return decode(f"random-{i}", "drawn", b64encode(draw("bytes", 6 + i)).decode(), "Basic")


SUITE = VectorSuite(
    name="v1/base64_decode",
    title="Base64 as Nen reads it: the one text of its bytes, or none",
    operation="base64.decode",
    covers=("V1-WIRE-01", "V1-WIRE-02", RFC),
    flags=FLAGS,
    fixed=fixed,
    random=random,
    count=10,
)
