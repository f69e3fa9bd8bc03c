"""Bodies `{"ct", "n"}`, right ones and wrong ones, for the suites of sealed payloads and of whole requests.

A wrong body is wrong in one way: whoever leaves out the check that it is meant for opens it and finds a payload.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple

from nen_ref.primitives.chacha20_poly1305 import aead_encrypt
from nen_ref.vectors.alter import flipped_bit
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag

PAYLOAD = b'{"hello":"world"}'
TAG_SIZE = 16
MAX_DEPTH = 128
MAX_DIGITS = 4300

SHAPE, DECODING, OPENING, NOT_JSON = ("ISO-6001",), ("ISO-6002",), ("ISO-4001",), ("ISO-4003",)
NONCE_SIZE = ("ISO-6001", "ISO-4001")  # V1-REQ-05 accepts both


def b64(data: bytes) -> str:
    return b64encode(data).decode()


@dataclass(frozen=True)
class Body:
    """A body and what has to come of it: `codes` of one that is wrong, None of a right one.

    `nonce` is the NONCE that a request with this body is signed for: the text of n as it is sent, or as a reader that
    lacks the check would take it. `strict_nonce` is the one base64 text of n, where that is another one.
    """

    id: str
    comment: str
    flag: str
    text: str
    nonce: str
    codes: tuple[str, ...] | None = None
    covers: tuple[str, ...] = ()
    strict_nonce: str = ""


class Sealed(NamedTuple):
    """What a body is made of."""

    ct: bytes
    n: bytes

    def written(self, template: str) -> str:
        """The template with the base64 texts of `ct` and `n` in the places of <ct> and <n>."""
        return template.replace("<ct>", b64(self.ct)).replace("<n>", b64(self.n))

    def text(self) -> str:
        return body_of(b64(self.ct), b64(self.n))


def body_of(ct: object, n: object) -> str:
    return json.dumps({"ct": ct, "n": n}, separators=(",", ":"))


def new_sealed(secret: bytes, draw: Draw, label: str, payload: bytes = PAYLOAD) -> Sealed:
    """The payload sealed under a nonce of its own."""
    n = draw(f"{label}/n", 12)
    return Sealed(aead_encrypt(secret, n, payload), n)


def both_url_characters(secret: bytes, draw: Draw, label: str) -> Sealed:
    """A sealed payload in whose base64 text + and / both stand: one try in four."""
    for i in count():
        sealed = new_sealed(secret, draw, f"{label}/{i}")
        if {"+", "/"} <= set(b64(sealed.ct)):
            return sealed
    raise AssertionError("count() does not end")


# The JSON of a body


class Template(NamedTuple):
    """A body by its text, with the right <ct> and <n> in it; `nonce` is what it is signed for."""

    id: str
    comment: str
    flag: str
    text: str
    nonce: str = "<n>"


def with_member(value: str) -> str:
    """A right body with a further member, whose value is this JSON."""
    return '{"ct":"<ct>","n":"<n>","v":' + value + "}"


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


RIGHT_BODIES = (
    Template("session-id-in-body", "old clients repeat the session id in the body", "FurtherMembers",
             '{"sessionId":"3f8a1c52","ct":"<ct>","n":"<n>"}'),
    Template("further-members", "further members of all kinds, in front, between and behind", "FurtherMembers",
             '{"v":2,"ct":"<ct>","aad":[null,{"ct":7}],"n":"<n>","x":{}}'),
    Template("further-member-proto", "a further member __proto__ is ignored like any other", "FurtherMembers",
             '{"ct":"<ct>","n":"<n>","__proto__":{"ct":7,"n":7}}'),
    Template("further-members-upper-case", "members CT and N beside ct and n: names have case", "FurtherMembers",
             '{"ct":"<ct>","CT":7,"N":7,"n":"<n>"}'),
    Template("n-in-front", "the members in the other order", "JsonValue", '{"n":"<n>","ct":"<ct>"}'),
    Template("white-space", "white space of all four kinds wherever JSON allows it", "JsonWhiteSpace",
             ' \t\r\n{ "ct" :\t"<ct>"\r\n,\n"n"\t: "<n>" }\n '),
    Template("escaped-names", "the names ct and n written with escapes", "JsonEscape",
             '{"\\u0063t":"<ct>","\\u006E":"<n>"}'),
    Template("nesting-128", "a further member that makes it 128 levels: the most that is allowed", "JsonAtTheLimit",
             with_member(nested(MAX_DEPTH - 1))),
    Template("digits-4300", "a number of 4300 digits in a further member: the most that is allowed", "JsonAtTheLimit",
             with_member("9" * MAX_DIGITS)),
    Template("surrogate-pair", "a further member with an escaped pair of surrogates", "JsonEscape",
             with_member('"\\ud83d\\ude00"')),
    Template("raw-unicode", "a further member with raw characters of two, three and four bytes", "JsonUnicode",
             with_member('"\u00fc\u4e16\U0001f510"')),
)  # fmt: skip

WRONG_JSON = (
    Template("twice-ct", "ct stands twice, with the same value", "JsonDuplicateMember",
             '{"ct":"<ct>","n":"<n>","ct":"<ct>"}'),
    Template("twice-n", "n stands twice, with the same value", "JsonDuplicateMember",
             '{"ct":"<ct>","n":"<n>","n":"<n>"}'),
    Template("twice-ct-first-wrong", "ct stands twice, the right one last", "JsonDuplicateMember",
             '{"ct":"AAAA","ct":"<ct>","n":"<n>"}'),
    Template("twice-ct-last-wrong", "ct stands twice, the right one first", "JsonDuplicateMember",
             '{"ct":"<ct>","ct":"AAAA","n":"<n>"}'),
    Template("twice-n-escaped", "n stands twice, once written with an escape", "JsonDuplicateMember",
             '{"ct":"<ct>","n":"<n>","\\u006e":"<n>"}'),
    Template("twice-further", "a further member stands twice", "JsonDuplicateMember",
             '{"ct":"<ct>","n":"<n>","v":1,"v":1}'),
    Template("twice-inside", "a member stands twice in an object inside a further member", "JsonDuplicateMember",
             with_member('[{"a":1,"b":2,"a":1}]')),
    Template("nan", "NaN in a further member", "JsonNaN", with_member("NaN")),
    Template("infinity", "Infinity in a further member", "JsonNaN", with_member("Infinity")),
    Template("minus-infinity", "-Infinity in a further member", "JsonNaN", with_member("-Infinity")),
    Template("byte-order-mark", "a byte order mark in front", "JsonByteOrderMark",
             '\ufeff{"ct":"<ct>","n":"<n>"}'),
    Template("nesting-129", "a further member that makes it 129 levels, one too many", "JsonDepth",
             with_member(nested(MAX_DEPTH))),
    Template("nesting-1000", "a further member that makes it 1001 levels", "JsonDepth", with_member(nested(1000))),
    Template("digits-4301", "a number of 4301 digits in a further member, one too many", "JsonDigits",
             with_member("9" * (MAX_DIGITS + 1))),
    Template("lone-high-surrogate", "a further member with a high surrogate alone", "JsonLoneSurrogate",
             with_member('"\\ud800"')),
    Template("lone-low-surrogate", "a further member with a low surrogate alone", "JsonLoneSurrogate",
             with_member('"\\udfff"')),
    Template("lone-surrogate-in-a-name", "a further member whose name is a lone surrogate", "JsonLoneSurrogate",
             '{"ct":"<ct>","n":"<n>","\\ud800":1}'),
    Template("trailing-comma", "a comma behind the last member", "JsonSyntax", '{"ct":"<ct>","n":"<n>",}'),
    Template("leading-comma", "a comma before the first member", "JsonSyntax", '{,"ct":"<ct>","n":"<n>"}'),
    Template("no-comma", "no comma between the members", "JsonSyntax", '{"ct":"<ct>" "n":"<n>"}'),
    Template("block-comment", "a comment between /* and */", "JsonSyntax", '{"ct":"<ct>",/* n */"n":"<n>"}'),
    Template("line-comment", "a comment behind //", "JsonSyntax", '{"ct":"<ct>","n":"<n>"} // end\n'),
    Template("single-quotes", "single quotes in place of double ones", "JsonSyntax", "{'ct':'<ct>','n':'<n>'}"),
    Template("bare-names", "names without quotes", "JsonSyntax", '{ct:"<ct>",n:"<n>"}'),
    Template("equals-signs", "equals signs in place of colons", "JsonSyntax", '{"ct"="<ct>","n"="<n>"}'),
    Template("unclosed", "the closing brace is missing", "JsonSyntax", '{"ct":"<ct>","n":"<n>"'),
    Template("text-behind", "a letter behind the object", "JsonSyntax", '{"ct":"<ct>","n":"<n>"}x'),
    Template("brace-behind", "one closing brace more", "JsonSyntax", '{"ct":"<ct>","n":"<n>"}}'),
    Template("two-objects", "two objects, one behind the other", "JsonSyntax",
             '{"ct":"<ct>","n":"<n>"}{"ct":"<ct>","n":"<n>"}'),
    Template("json-lines", "two objects, each in a line of its own", "JsonSyntax",
             '{"ct":"<ct>","n":"<n>"}\n{"ct":"<ct>","n":"<n>"}'),
    Template("zero-behind", "a character U+0000 behind the object", "JsonSyntax", '{"ct":"<ct>","n":"<n>"}\0'),
    Template("leading-zero", "a further member 01", "JsonSyntax", with_member("01")),
    Template("plus-sign", "a further member +1", "JsonSyntax", with_member("+1")),
    Template("python-true", "a further member True", "JsonSyntax", with_member("True")),
    Template("undefined", "a further member undefined", "JsonSyntax", with_member("undefined")),
    Template("hexadecimal", "a further member 0x10", "JsonSyntax", with_member("0x10")),
    Template("raw-line-feed", "a further member with a raw line feed in its text", "JsonSyntax", with_member('"a\nb"')),
    Template("unknown-escape", "a further member with the escape \\x41", "JsonSyntax", with_member('"\\x41"')),
    Template("no-break-space", "U+00A0 between the members, where only four characters are white space", "JsonSyntax",
             '{"ct":"<ct>",\u00a0"n":"<n>"}'),
    Template("xssi-prefix", "the prefix )]}' that some servers put before JSON", "JsonSyntax",
             ")]}'\n" '{"ct":"<ct>","n":"<n>"}'),
)  # fmt: skip

WRONG_MEMBERS = (
    Template("plain-payload", "a payload that nobody sealed", "PlainPayload", PAYLOAD.decode(), ""),
    Template("form", "the right values as a form", "PlainPayload", "ct=<ct>&n=<n>"),
    Template("space", "a body of one space", "JsonNotAnObject", " ", ""),
    Template("null", "null is a body, and no object", "JsonNotAnObject", "null", ""),
    Template("false", "false is a body, and no object", "JsonNotAnObject", "false", ""),
    Template("zero", "0 is a body, and no object", "JsonNotAnObject", "0", ""),
    Template("empty-text", "an empty JSON text is a body, and no object", "JsonNotAnObject", '""', ""),
    Template("empty-array", "an empty array", "JsonNotAnObject", "[]", ""),
    Template("array-of-texts", "the two values in an array", "JsonNotAnObject", '["<ct>","<n>"]'),
    Template("array-of-pairs", "an array of names and values, of which a map can be made", "JsonNotAnObject",
             '[["ct","<ct>"],["n","<n>"]]'),
    Template("object-in-array", "the right object inside an array", "JsonNotAnObject", '[{"ct":"<ct>","n":"<n>"}]'),
    Template("object-in-text", "the right object, written as JSON a second time", "JsonNotAnObject",
             '"{\\"ct\\":\\"<ct>\\",\\"n\\":\\"<n>\\"}"'),
    Template("object-in-object", "the right object inside another", "MemberMissing",
             '{"body":{"ct":"<ct>","n":"<n>"}}'),
    Template("object-in-proto", "the right object as __proto__ of another", "MemberMissing",
             '{"__proto__":{"ct":"<ct>","n":"<n>"}}'),
    Template("empty-object", "an object without members", "MemberMissing", "{}", ""),
    Template("without-ct", "ct is absent", "MemberMissing", '{"n":"<n>"}'),
    Template("without-n", "n is absent", "MemberMissing", '{"ct":"<ct>"}', ""),
    Template("upper-case-ct", "CT in place of ct", "MemberNameCase", '{"CT":"<ct>","n":"<n>"}'),
    Template("upper-case-n", "N in place of n", "MemberNameCase", '{"ct":"<ct>","N":"<n>"}'),
    Template("title-case-ct", "Ct in place of ct", "MemberNameCase", '{"Ct":"<ct>","n":"<n>"}'),
    Template("space-in-name", "a space behind the name ct", "MemberNameCase", '{"ct ":"<ct>","n":"<n>"}'),
    Template("long-names", "ciphertext and nonce in place of ct and n", "MemberMissing",
             '{"ciphertext":"<ct>","nonce":"<n>"}'),
    Template("ct-null", "ct is null", "MemberMistyped", '{"ct":null,"n":"<n>"}'),
    Template("ct-number", "ct is a number", "MemberMistyped", '{"ct":7,"n":"<n>"}'),
    Template("ct-true", "ct is true", "MemberMistyped", '{"ct":true,"n":"<n>"}'),
    Template("ct-object", "ct is an object with the right text inside", "MemberMistyped",
             '{"ct":{"data":"<ct>"},"n":"<n>"}'),
    Template("ct-array-of-text", "ct is an array of the right text", "MemberMistyped", '{"ct":["<ct>"],"n":"<n>"}'),
    Template("n-null", "n is null", "MemberMistyped", '{"ct":"<ct>","n":null}', ""),
    Template("n-number", "n is a number", "MemberMistyped", '{"ct":"<ct>","n":7}', "7"),
    Template("n-false", "n is false", "MemberMistyped", '{"ct":"<ct>","n":false}', ""),
    Template("n-object", "n is an object with the right text inside", "MemberMistyped",
             '{"ct":"<ct>","n":{"data":"<n>"}}'),
    Template("n-array-of-text", "n is an array of the right text, which some languages print as that text",
             "MemberMistyped", '{"ct":"<ct>","n":["<n>"]}'),
)  # fmt: skip


def from_templates(
    templates: tuple[Template, ...], secret: bytes, draw: Draw, codes: tuple[str, ...] | None, covers: str
) -> Iterator[Body]:
    for id, comment, flag, text, nonce in templates:
        sealed = new_sealed(secret, draw, f"body-{id}")
        yield Body(
            f"body-{id}", f"body: {comment}", flag, sealed.written(text), sealed.written(nonce), codes, (covers,)
        )


def right_bodies(secret: bytes, draw: Draw) -> list[Body]:
    """Bodies that open, written in all the ways that JSON allows."""
    return list(from_templates(RIGHT_BODIES, secret, draw, None, "V1-REQ-10"))


def wrong_json(secret: bytes, draw: Draw) -> list[Body]:
    """Bodies that are not JSON, or JSON that two parsers read differently."""
    return list(from_templates(WRONG_JSON, secret, draw, SHAPE, "V1-WIRE-05"))


def wrong_members(secret: bytes, draw: Draw) -> list[Body]:
    """Bodies that are no object with the texts ct and n."""
    bodies = list(from_templates(WRONG_MEMBERS, secret, draw, SHAPE, "V1-REQ-03"))
    for id, comment, write in NUMBER_ARRAYS:
        sealed = new_sealed(secret, draw, f"body-{id}")
        text = json.dumps(write(sealed), separators=(",", ":"))
        bodies.append(
            Body(f"body-{id}", f"body: {comment}", "NumberArray", text, b64(sealed.n), SHAPE, ("V1-WIRE-03",))
        )
    return bodies


def node_buffer(data: bytes) -> dict[str, object]:
    return {"type": "Buffer", "data": list(data)}


NUMBER_ARRAYS: tuple[tuple[str, str, Callable[[Sealed], Mapping[str, object]]], ...] = (
    ("ct-number-array", "ct is the array of its bytes", lambda s: {"ct": list(s.ct), "n": b64(s.n)}),
    ("n-number-array", "n is the array of its bytes", lambda s: {"ct": b64(s.ct), "n": list(s.n)}),
    ("both-number-arrays", "ct and n are arrays of their bytes", lambda s: {"ct": list(s.ct), "n": list(s.n)}),
    ("ct-node-buffer", "ct as Node writes a Buffer", lambda s: {"ct": node_buffer(s.ct), "n": b64(s.n)}),
    ("ct-numbered-object", "ct as JavaScript writes a Uint8Array: an object of its bytes by their places",
     lambda s: {"ct": {str(i): byte for i, byte in enumerate(s.ct)}, "n": b64(s.n)}),
)  # fmt: skip

# The base64 of ct and n


class Respelling(NamedTuple):
    """Another spelling of a base64 text; a lenient decoder finds the same bytes in most of them."""

    id: str
    comment: str
    flag: str
    of: Callable[[str], str]


def url_safe(text: str) -> str:
    return text.replace("+", "-").replace("/", "_")


def with_unused_bits(text: str) -> str:
    """The padded text with all bits set that its last character does not use."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    head = text.rstrip("=")
    padding = len(text) - len(head)
    return head[:-1] + alphabet[alphabet.index(head[-1]) | (4**padding - 1)] + "=" * padding


ANY_TEXT = (
    Respelling("space-inside", "a space inside", "Base64WhiteSpace", lambda t: f"{t[:8]} {t[8:]}"),
    Respelling("space-in-front", "a space in front", "Base64WhiteSpace", lambda t: f" {t}"),
    Respelling("space-behind", "a space behind", "Base64WhiteSpace", lambda t: f"{t} "),
    Respelling("line-feed-inside", "a line feed inside", "Base64WhiteSpace", lambda t: f"{t[:8]}\n{t[8:]}"),
    Respelling("line-feed-behind", "a line feed behind", "Base64WhiteSpace", lambda t: f"{t}\n"),
    Respelling("crlf-inside", "CR and LF inside, as in mail", "Base64WhiteSpace", lambda t: f"{t[:8]}\r\n{t[8:]}"),
    Respelling("tab-inside", "a tab inside", "Base64WhiteSpace", lambda t: f"{t[:8]}\t{t[8:]}"),
    Respelling("zero-behind", "a character U+0000 behind", "Base64Alphabet", lambda t: f"{t}\0"),
    Respelling("other-character", "an exclamation mark inside", "Base64Alphabet", lambda t: f"{t[:8]}!{t[8:]}"),
    Respelling("umlaut", "a letter inside that is not ASCII", "Base64Alphabet", lambda t: f"{t[:8]}\u00fc{t[8:]}"),
    Respelling("full-width", "its first character in full width, which normalisation makes ASCII", "Base64Alphabet",
               lambda t: chr(ord(t[0]) + 0xFEE0) + t[1:]),
    Respelling("url-safe", "the URL-safe alphabet", "Base64Alphabet", url_safe),
    Respelling("character-left-over", "one character more, which no byte comes of", "Base64Garbage", lambda t: f"{t}A"),
    Respelling("padding-inside", "an equals sign inside", "Base64Padding", lambda t: f"{t[:4]}={t[4:]}"),
    Respelling("padding-of-four", "four equals signs behind", "Base64Padding", lambda t: f"{t}===="),
)  # fmt: skip
ONLY_N = (
    Respelling("padding-needless", "an equals sign behind, where nothing is to be filled", "Base64Padding",
               lambda t: f"{t}="),
)  # fmt: skip
PAYLOAD_OF_18 = b'{"hello":"world" }'  # 34 bytes with the tag: two equals signs, and 4 bits unused
PAYLOAD_OF_19 = b'{"hello":"worlds!"}'  # 35 bytes with the tag: one equals sign, and 2 bits unused
ONLY_CT = (
    (PAYLOAD_OF_18, Respelling("unpadded", "without its two equals signs", "Base64Padding", lambda t: t.rstrip("="))),
    (PAYLOAD_OF_19, Respelling("unpadded-one", "without its equals sign", "Base64Padding", lambda t: t.rstrip("="))),
    (PAYLOAD_OF_18, Respelling("half-padded", "with one of its two equals signs", "Base64Padding", lambda t: t[:-1])),
    (PAYLOAD_OF_18, Respelling("unused-bits-4", "the four unused bits set", "Base64UnusedBits", with_unused_bits)),
    (PAYLOAD_OF_19, Respelling("unused-bits-2", "the two unused bits set", "Base64UnusedBits", with_unused_bits)),
    (PAYLOAD_OF_19, Respelling("percent-escape", "its equals sign as a percent escape", "Base64Alphabet",
                               lambda t: t.replace("=", "%3D"))),
    (PAYLOAD_OF_18, Respelling("text-behind-padding", "four characters behind the padding, where many decoders stop",
                               "Base64Garbage", lambda t: f"{t}AAAA")),
    (PAYLOAD, Respelling("two-texts", "the base64 texts of its two halves, each padded, one behind the other",
                         "Base64Padding", lambda t: b64(b64decode(t)[:16]) + b64(b64decode(t)[16:]))),
)  # fmt: skip
N_FOR_URL_SAFE = bytes.fromhex("fbefbeffffff")  # "++++////"


def wrong_base64(secret: bytes, draw: Draw) -> list[Body]:
    """Bodies of which one text is not the one base64 text of its bytes."""
    covers = ("V1-REQ-04", "V1-WIRE-02")
    bodies = []
    for id, comment, flag, of in (*ANY_TEXT, *ONLY_N):
        n = draw(f"n-{id}/n", 12)
        if of is url_safe:
            n = N_FOR_URL_SAFE + n[6:]
        text = of(b64(n))
        body = body_of(b64(aead_encrypt(secret, n, PAYLOAD)), text)
        bodies.append(Body(f"n-{id}", f"n: {comment}", flag, body, text, DECODING, covers, b64(n)))
    for payload, (id, comment, flag, of) in (*((PAYLOAD, respelling) for respelling in ANY_TEXT), *ONLY_CT):
        make = both_url_characters if of is url_safe else new_sealed
        sealed = make(secret, draw, f"ct-{id}") if payload == PAYLOAD else new_sealed(secret, draw, f"ct-{id}", payload)
        body = body_of(of(b64(sealed.ct)), b64(sealed.n))
        bodies.append(Body(f"ct-{id}", f"ct: {comment}", flag, body, b64(sealed.n), DECODING, covers))
    return bodies


# The bytes of ct and n


def wrong_nonce_sizes(secret: bytes, draw: Draw) -> list[Body]:
    """Bodies whose n has another length, sealed under the 12 bytes that a reader which cuts or fills it up finds."""
    bodies = []
    for size in (0, 1, 8, 11, 13, 16, 24, 32):
        n = draw(f"n-of-{size}/n", size)
        used = n[:12].ljust(12, b"\0")
        how = "cut to 12" if size > 12 else "filled up with zeros"
        text = body_of(b64(aead_encrypt(secret, used, PAYLOAD)), b64(n))
        comment = f"n of {size} bytes; ct is sealed under what becomes of it when it is {how}"
        bodies.append(Body(f"n-of-{size}", comment, "NonceSize", text, b64(n), NONCE_SIZE, ("V1-REQ-05",)))
    n = draw("n-in-hexadecimal/n", 12)
    text = body_of(b64(aead_encrypt(secret, n, PAYLOAD)), n.hex())
    comment = "n in hexadecimal, which is the base64 of 18 other bytes"
    bodies.append(Body("n-in-hexadecimal", comment, "NonceSize", text, n.hex(), NONCE_SIZE, ("V1-REQ-05",)))
    return bodies


def short_cts(secret: bytes, draw: Draw) -> list[Body]:
    """Bodies whose ct has no room for a tag."""
    bodies = []
    for size in range(TAG_SIZE):
        ct, n = new_sealed(secret, draw, f"ct-of-{size}", b"")
        comment = f"ct of {size} bytes: the beginning of the tag of an empty payload"
        text = body_of(b64(ct[:size]), b64(n))
        bodies.append(Body(f"ct-of-{size}", comment, "CtTooShort", text, b64(n), OPENING, ("V1-REQ-06",)))
    return bodies


DIGITS = b"1" * 17  # stays JSON when a bit of it changes


class Damage(NamedTuple):
    """What is done to a sealed payload so that it does not open."""

    id: str
    comment: str
    flag: str
    of: Callable[[bytes, Sealed], Sealed]  # of the secret and the right one


DAMAGES = (
    Damage("first-byte", "a bit of the first byte of ct changed: 3 in place of 1", "CtAltered",
           lambda k, s: Sealed(flipped_bit(s.ct, 0, 1), s.n)),
    Damage("middle-byte", "a bit in the middle of the ciphertext changed: 9 in place of 1", "CtAltered",
           lambda k, s: Sealed(flipped_bit(s.ct, 8, 3), s.n)),
    Damage("last-byte-of-ciphertext", "a bit of the last byte before the tag changed: 0 in place of 1", "CtAltered",
           lambda k, s: Sealed(flipped_bit(s.ct, -17), s.n)),
    Damage("first-bit-of-tag", "the first bit of the tag changed", "TagAltered",
           lambda k, s: Sealed(flipped_bit(s.ct, -16, 7), s.n)),
    Damage("fifth-byte-of-tag", "a bit of the fifth byte of the tag changed", "TagAltered",
           lambda k, s: Sealed(flipped_bit(s.ct, -12), s.n)),
    Damage("ninth-byte-of-tag", "a bit of the ninth byte of the tag changed", "TagAltered",
           lambda k, s: Sealed(flipped_bit(s.ct, -8), s.n)),
    Damage("last-bit-of-tag", "the last bit of the tag changed", "TagAltered",
           lambda k, s: Sealed(flipped_bit(s.ct, -1), s.n)),
    Damage("tag-of-zeros", "a tag of zeros", "TagAltered", lambda k, s: Sealed(s.ct[:-16] + bytes(16), s.n)),
    Damage("cut-by-one", "the last byte of ct missing", "CtTruncated", lambda k, s: Sealed(s.ct[:-1], s.n)),
    Damage("tag-of-12", "a tag of 12 bytes", "CtTruncated", lambda k, s: Sealed(s.ct[:-4], s.n)),
    Damage("without-tag", "the ciphertext without its tag", "CtTruncated", lambda k, s: Sealed(s.ct[:-16], s.n)),
    Damage("without-first-byte", "the first byte of ct missing", "CtTruncated", lambda k, s: Sealed(s.ct[1:], s.n)),
    Damage("only-tag", "the tag without its ciphertext", "CtTruncated", lambda k, s: Sealed(s.ct[-16:], s.n)),
    Damage("lengthened", "a zero byte behind the tag", "CtTruncated", lambda k, s: Sealed(s.ct + b"\0", s.n)),
    Damage("tag-in-front", "the tag in front of the ciphertext", "TagPlace",
           lambda k, s: Sealed(s.ct[-16:] + s.ct[:-16], s.n)),
    Damage("not-sealed", "the payload itself with 16 zero bytes behind", "PlainPayload",
           lambda k, s: Sealed(DIGITS + bytes(16), s.n)),
    Damage("other-nonce-first-bit", "n differs from the nonce of sealing in its first bit", "OtherNonce",
           lambda k, s: Sealed(s.ct, flipped_bit(s.n, 0, 7))),
    Damage("other-nonce-last-bit", "n differs from the nonce of sealing in its last bit", "OtherNonce",
           lambda k, s: Sealed(s.ct, flipped_bit(s.n, -1))),
    Damage("nonce-reversed", "n has the bytes of the nonce of sealing in the other order", "OtherNonce",
           lambda k, s: Sealed(s.ct, s.n[::-1])),
    Damage("other-key-first-bit", "sealed under a key that differs in its first bit", "OtherKey",
           lambda k, s: Sealed(aead_encrypt(flipped_bit(k, 0, 7), s.n, DIGITS), s.n)),
    Damage("other-key-last-bit", "sealed under a key that differs in its last bit", "OtherKey",
           lambda k, s: Sealed(aead_encrypt(flipped_bit(k, -1), s.n, DIGITS), s.n)),
    Damage("key-of-zeros", "sealed under the key of zeros", "OtherKey",
           lambda k, s: Sealed(aead_encrypt(bytes(32), s.n, DIGITS), s.n)),
    Damage("aad-of-nonce", "sealed with n as associated data, where there is none", "AssociatedData",
           lambda k, s: Sealed(aead_encrypt(k, s.n, DIGITS, s.n), s.n)),
)  # fmt: skip


def damaged(secret: bytes, draw: Draw) -> list[Body]:
    """Right objects whose ct does not open under n."""
    bodies = []
    for id, comment, flag, of in DAMAGES:
        wrong = of(secret, new_sealed(secret, draw, f"opening-{id}", DIGITS))
        bodies.append(Body(f"opening-{id}", comment, flag, wrong.text(), b64(wrong.n), OPENING, ("V1-REQ-07",)))
    return bodies


# The payload inside


class Payload(NamedTuple):
    """A payload by its bytes."""

    id: str
    comment: str
    flag: str
    plain: bytes


RIGHT_PAYLOADS = (
    Payload("null", "null is a payload", "JsonValue", b"null"),
    Payload("false", "false is a payload", "JsonValue", b"false"),
    Payload("true", "true is a payload", "JsonValue", b"true"),
    Payload("zero", "0 is a payload", "JsonValue", b"0"),
    Payload("minus-zero", "-0 stays as it is written", "JsonValue", b"-0"),
    Payload("numbers", "numbers stay as they are written", "JsonValue", b"[1.0, 1e3, 1E+2, -0.50, 9007199254740993]"),
    Payload("empty-text", "the empty text is a payload", "JsonValue", b'""'),
    Payload("empty-array", "the empty array is a payload", "JsonValue", b"[]"),
    Payload("empty-object", "the empty object is a payload", "JsonValue", b"{}"),
    Payload("ordered-members", "members stay in their order, and names that differ in case are two", "JsonValue",
            b'{"b":1,"a":2,"A":3,"":4}'),
    Payload("same-names-apart", "the same name in two objects", "JsonValue", b'[{"a":1},{"a":{"a":2}}]'),
    Payload("looks-sealed", "a payload that looks like a sealed body is handed out as it is", "JsonValue",
            b'{"ct":"AAAA","n":"AAAA"}'),
    Payload("looks-final", "the text __FIN__, which ends a stream, is an ordinary payload", "JsonValue", b'"__FIN__"'),
    Payload("white-space", "white space of all four kinds stays as it is", "JsonWhiteSpace", b' \t{ "a" :\r\n1 } \n'),
    Payload("raw-unicode", "raw characters of two, three and four bytes", "JsonUnicode",
            '{"\u00fc":"\u4e16\u754c \U0001f510"}'.encode()),
    Payload("decomposed", "a letter and its combining mark are not composed", "JsonUnicode", '"u\u0308"'.encode()),
    Payload("last-code-point", "U+10FFFF and the noncharacter U+FFFF", "JsonUnicode", '"\U0010ffff\uffff"'.encode()),
    Payload("line-separator", "U+2028, U+2029, U+007F and U+FEFF stand raw in a text", "JsonUnicode",
            '"\u2028\u2029\x7f\ufeff"'.encode()),
    Payload("escapes", "every short escape, and U+0000 as an escape", "JsonEscape", rb'"\"\\\/\b\f\n\r\t\u0000\u00FF"'),
    Payload("surrogate-pair", "an escaped pair of surrogates", "JsonEscape", rb'"\ud83d\ude00"'),
    Payload("escaped-backslash", "an escaped backslash, and then ud800, which is no surrogate", "JsonEscape",
            rb'"\\ud800"'),
    Payload("arrays-128", "arrays of 128 levels: the most that is allowed", "JsonAtTheLimit",
            nested(MAX_DEPTH).encode()),
    Payload("objects-128", "objects of 128 levels: the most that is allowed", "JsonAtTheLimit",
            b'{"a":' * (MAX_DEPTH - 1) + b"{}" + b"}" * (MAX_DEPTH - 1)),
    Payload("brackets-in-text", "200 brackets in a text are no levels", "JsonAtTheLimit", b'"\\"' + b"[" * 200 + b'"'),
    Payload("digits-4300", "a number of 4300 digits: the most that is allowed", "JsonAtTheLimit", b"7" * MAX_DIGITS),
    Payload("digits-in-text", "5000 digits in a text are no number", "JsonAtTheLimit", b'"' + b"7" * 5000 + b'"'),
)  # fmt: skip

WRONG_PAYLOADS = (
    Payload("empty", "no bytes at all", "JsonEmpty", b""),
    Payload("space", "one space", "JsonEmpty", b" "),
    Payload("word", "a word", "JsonSyntax", b"hello"),
    Payload("undefined", "undefined", "JsonSyntax", b"undefined"),
    Payload("python-none", "None", "JsonSyntax", b"None"),
    Payload("upper-case-null", "NULL", "JsonSyntax", b"NULL"),
    Payload("half-null", "nul", "JsonSyntax", b"nul"),
    Payload("unclosed-object", "an object that is not closed", "JsonSyntax", b'{"hello":"world"'),
    Payload("unclosed-array", "an array that is not closed", "JsonSyntax", b"[1,2"),
    Payload("unclosed-text", "a text that is not closed", "JsonSyntax", b'"hello'),
    Payload("bracket-behind", "one closing bracket more", "JsonSyntax", b"[1]]"),
    Payload("mixed-brackets", "an array that a brace closes", "JsonSyntax", b"[1}"),
    Payload("two-values", "two values", "JsonSyntax", b"1 2"),
    Payload("zero-behind", "a zero byte behind the value", "JsonSyntax", b"{}\0"),
    Payload("trailing-comma", "a comma behind the last member", "JsonSyntax", b'{"a":1,}'),
    Payload("trailing-comma-array", "a comma behind the last entry", "JsonSyntax", b"[1,]"),
    Payload("no-comma", "no comma between two entries", "JsonSyntax", b"[1 2]"),
    Payload("no-colon", "no colon behind a name", "JsonSyntax", b'{"a" 1}'),
    Payload("no-value", "no value behind a colon", "JsonSyntax", b'{"a":}'),
    Payload("number-for-name", "a number for a name", "JsonSyntax", b"{1:2}"),
    Payload("bare-name", "a name without quotes", "JsonSyntax", b"{a:1}"),
    Payload("single-quotes", "single quotes in place of double ones", "JsonSyntax", b"{'a':1}"),
    Payload("block-comment", "a comment between /* and */", "JsonSyntax", b"/* a */1"),
    Payload("line-comment", "a comment behind //", "JsonSyntax", b"1 // a"),
    Payload("leading-zero", "a number with a zero in front", "JsonSyntax", b"01"),
    Payload("plus-sign", "a number with a plus sign", "JsonSyntax", b"+1"),
    Payload("no-digit-before-point", "a number without a digit before its point", "JsonSyntax", b".5"),
    Payload("no-digit-behind-point", "a number without a digit behind its point", "JsonSyntax", b"1."),
    Payload("no-exponent", "a number without digits in its exponent", "JsonSyntax", b"1e"),
    Payload("minus-alone", "a minus sign alone", "JsonSyntax", b"-"),
    Payload("hexadecimal", "a hexadecimal number", "JsonSyntax", b"0x10"),
    Payload("underscore", "a number with an underscore", "JsonSyntax", b"1_000"),
    Payload("full-width-digit", "a number with a digit in full width", "JsonSyntax", "1\uff12".encode()),
    Payload("raw-line-feed", "a raw line feed in a text", "JsonSyntax", b'"a\nb"'),
    Payload("raw-tab", "a raw tab in a text", "JsonSyntax", b'"a\tb"'),
    Payload("raw-zero", "a raw zero byte in a text", "JsonSyntax", b'"a\0b"'),
    Payload("raw-1f", "the last control character, 1f, raw in a text", "JsonSyntax", b'"\x1f"'),
    Payload("unknown-escape", "the escape \\x41", "JsonSyntax", rb'"\x41"'),
    Payload("escape-of-quote", "the escape of a single quote", "JsonSyntax", rb'"\'"'),
    Payload("escape-of-three", "an escape of three hexadecimal digits", "JsonSyntax", rb'"\u12f"'),
    Payload("form-feed", "a form feed for white space", "JsonSyntax", b"\f1"),
    Payload("no-break-space", "U+00A0 for white space", "JsonSyntax", "\u00a01".encode()),
    Payload("line-separator", "U+2028 for white space", "JsonSyntax", "1\u2028".encode()),
    Payload("nan", "NaN", "JsonNaN", b"NaN"),
    Payload("infinity", "Infinity in an array", "JsonNaN", b"[Infinity]"),
    Payload("minus-infinity", "-Infinity in an object", "JsonNaN", b'{"a":-Infinity}'),
    Payload("byte-order-mark", "a byte order mark in front", "JsonByteOrderMark", b"\xef\xbb\xbf" + PAYLOAD),
    Payload("twice", "a member named twice", "JsonDuplicateMember", b'{"a":1,"a":2}'),
    Payload("twice-same", "a member named twice with the same value", "JsonDuplicateMember", b'{"a":1,"a":1}'),
    Payload("twice-escaped", "a member named twice, once written with an escape", "JsonDuplicateMember",
            rb'{"a":1,"\u0061":2}'),
    Payload("twice-inside", "a member named twice, deep inside", "JsonDuplicateMember", b'[{"x":{"a":1,"b":2,"a":1}}]'),
    Payload("twice-empty", "the empty name twice", "JsonDuplicateMember", b'{"":1,"":2}'),
    Payload("twice-proto", "__proto__ named twice", "JsonDuplicateMember", b'{"__proto__":1,"__proto__":2}'),
    Payload("arrays-129", "arrays of 129 levels, one too many", "JsonDepth", nested(MAX_DEPTH + 1).encode()),
    Payload("objects-129", "objects of 129 levels, one too many", "JsonDepth",
            b'{"a":' * MAX_DEPTH + b"{}" + b"}" * MAX_DEPTH),
    Payload("mixed-129", "arrays and objects of 129 levels together", "JsonDepth",
            b'[{"a":' * 64 + b"[]" + b"}]" * 64),
    Payload("digits-4301", "a number of 4301 digits, one too many", "JsonDigits", b"7" * (MAX_DIGITS + 1)),
    Payload("digits-4301-fraction", "a number of 4301 digits, all but one of them behind its point", "JsonDigits",
            b"0." + b"7" * MAX_DIGITS),
    Payload("lone-high-surrogate", "an escaped high surrogate alone", "JsonLoneSurrogate", rb'"\ud800"'),
    Payload("lone-low-surrogate", "an escaped low surrogate alone", "JsonLoneSurrogate", rb'"\uDFFF"'),
    Payload("reversed-surrogates", "an escaped pair of surrogates in the wrong order", "JsonLoneSurrogate",
            rb'"\udc00\ud800"'),
    Payload("parted-surrogates", "an escaped pair of surrogates with a letter between", "JsonLoneSurrogate",
            rb'"\ud800x\udc00"'),
    Payload("lone-surrogate-and-pair", "a lone surrogate in front of a pair", "JsonLoneSurrogate",
            rb'"\ud800\ud83d\ude00"'),
    Payload("lone-surrogate-in-a-name", "a lone surrogate in the name of a member", "JsonLoneSurrogate",
            rb'{"a\udc00":1}'),
    Payload("latin-1", "a letter in Latin-1", "JsonUtf8", b'"\xfc"'),
    Payload("cut-character", "a character of three bytes without its last", "JsonUtf8", b'"\xe4\xb8"'),
    Payload("overlong", "a slash in two bytes where one is enough", "JsonUtf8", b'"\xc0\xaf"'),
    Payload("surrogate-bytes", "a surrogate in three bytes", "JsonUtf8", b'"\xed\xa0\x80"'),
    Payload("surrogate-pair-bytes", "a pair of surrogates in six bytes, as CESU-8 has it", "JsonUtf8",
            b'"\xed\xa0\xbd\xed\xb8\x80"'),
    Payload("beyond-unicode", "U+110000, beyond the last character", "JsonUtf8", b'"\xf4\x90\x80\x80"'),
    Payload("continuation-alone", "a continuation byte alone", "JsonUtf8", b'"\x80"'),
    Payload("utf-16-le", "UTF-16, little-endian", "JsonUtf8", '{"a":1}'.encode("utf-16-le")),
    Payload("utf-16-be-mark", "UTF-16, big-endian, with its byte order mark", "JsonUtf8",
            b"\xfe\xff" + '{"a":1}'.encode("utf-16-be")),
)  # fmt: skip


def _sealing(
    payloads: tuple[Payload, ...], secret: bytes, draw: Draw, codes: tuple[str, ...] | None, kind: str, covers: str
) -> list[Body]:
    bodies = []
    for id, comment, flag, plain in payloads:
        sealed = new_sealed(secret, draw, f"{kind}-{id}", plain)
        bodies.append(Body(f"{kind}-{id}", f"payload: {comment}", flag, sealed.text(), b64(sealed.n), codes, (covers,)))
    return bodies


def right_payloads(secret: bytes, draw: Draw) -> list[Body]:
    """Payloads of all kinds of JSON."""
    return _sealing(RIGHT_PAYLOADS, secret, draw, None, "payload", "V1-REQ-01")


def wrong_payloads(secret: bytes, draw: Draw) -> list[Body]:
    """Payloads that open and are not JSON, or JSON that two parsers read differently."""
    return _sealing(WRONG_PAYLOADS, secret, draw, NOT_JSON, "not-json", "V1-REQ-08")


TWO_READINGS = "what checks a request and what acts on it read two values, and the one that was not checked is used"
LENIENT = "a proxy or a log reads the text in another way than the application, or refuses what it has let pass"
EXHAUSTED = "anyone makes a parser use up its stack or its time with a small body"
ALTERED = "whoever sits between client and server alters payloads as they like"
DOWNGRADE = "what nobody sealed passes for a sealed payload: an attacker sends plain text"
SEVERAL_TEXTS = "one value has several texts: a nonce that is compared as text passes the replay check once more"

SHAPE_FLAGS = {
    "FurtherMembers": Flag("basic", "members of a body beside ct and n", "clients that send more are turned away",
                           ("V1-REQ-10", "V1-WIRE-04")),
    "PlainPayload": Flag("missing check", "something that was never sealed in place of a body, or of ct", DOWNGRADE,
                         ("V1-REQ-03",)),
    "MemberMissing": Flag("missing check", "ct or n is not a member of the object", DOWNGRADE, ("V1-REQ-03",)),
    "MemberMistyped": Flag("missing check", "ct or n is not a text",
                           "what a language makes of it (the text null, an empty value) is taken for bytes, or the "
                           "server crashes", ("V1-REQ-03",)),
    "MemberNameCase": Flag("confusion", "a name that differs from ct or n in case, or in a space",
                           "two members go by one name, and readers that know case take the other one; encoding/json "
                           "of Go matches names without case", ("V1-REQ-03",)),
    "NumberArray": Flag("malleability", "bytes as an array or an object of numbers",
                        "a value has two ways to be written, one of them of five times the size", ("V1-WIRE-03",)),
    "JsonNotAnObject": Flag("missing check", "a JSON value that is no object, in place of a body",
                            "a body that a proxy put in place of the client's passes as none", ("V1-REQ-03",)),
}  # fmt: skip

JSON_FLAGS = {
    "JsonValue": Flag("basic", "JSON values of all kinds, handed out as they are written",
                      "falsy payloads are taken for none, or payloads are written anew and changed by it",
                      ("V1-REQ-01",)),
    "JsonWhiteSpace": Flag("edge case", "white space wherever JSON allows it", "sound requests are turned away",
                           ("RFC 8259, section 2",)),
    "JsonUnicode": Flag("edge case", "characters of all planes, raw in UTF-8",
                        "texts are mangled where bytes and characters are confused", ("RFC 8259, section 8.1",)),
    "JsonEscape": Flag("edge case", "characters written as escapes", "sound requests are turned away",
                       ("RFC 8259, section 7",)),
    "JsonAtTheLimit": Flag("edge case", "JSON exactly at the limits of depth and digits, or only seemingly beyond them",
                           "what one side sends the other refuses", ("V1-WIRE-05",)),
    "JsonSyntax": Flag("missing check", "text that only a lenient parser takes for JSON", LENIENT, ("RFC 8259",)),
    "JsonNaN": Flag("missing check", "NaN and infinities, which are no JSON",
                    "a comparison with NaN is always false: limits that the application checks do not hold",
                    ("RFC 8259, section 6", "V1-WIRE-05")),
    "JsonByteOrderMark": Flag("malleability", "a byte order mark in front of JSON", LENIENT,
                              ("V1-WIRE-05", "RFC 8259, section 8.1")),
    "JsonDuplicateMember": Flag("malleability", "an object that names a member twice", TWO_READINGS,
                                ("V1-WIRE-05", "RFC 8259, section 4", "CVE-2017-12635")),
    "JsonDepth": Flag("missing check", "JSON nested deeper than 128 levels", EXHAUSTED, ("V1-WIRE-05",)),
    "JsonDigits": Flag("missing check", "a number of more than 4300 digits", EXHAUSTED,
                       ("V1-WIRE-05", "CVE-2020-10735")),
    "JsonLoneSurrogate": Flag("malleability", "an escaped surrogate without its other half",
                              "parsers replace it, drop it or keep it: " + TWO_READINGS,
                              ("V1-WIRE-05", "RFC 8259, section 8.2")),
}  # fmt: skip

PAYLOAD_FLAGS = {
    "JsonEmpty": Flag("missing check", "a payload of nothing, or of white space alone",
                      "an empty payload is taken for none: the application sees a request that its client never sent",
                      ("V1-REQ-08",)),
    "JsonUtf8": Flag("malleability", "a payload that is not UTF-8",
                     "a lenient decoder finds characters in it that no filter has seen", ("RFC 3629, section 10",)),
}  # fmt: skip

BASE64_FLAGS = {
    "Base64WhiteSpace": Flag("malleability", "base64 with white space inside or around it", SEVERAL_TEXTS,
                             ("V1-WIRE-02", "RFC 4648, section 3.3")),
    "Base64Alphabet": Flag("malleability", "base64 with characters that are not of the standard alphabet",
                           SEVERAL_TEXTS, ("V1-WIRE-02", "RFC 4648, section 3.3")),
    "Base64Padding": Flag("malleability", "base64 with less, more or other padding than it has", SEVERAL_TEXTS,
                          ("V1-WIRE-02", "RFC 4648, section 3.2")),
    "Base64UnusedBits": Flag("malleability", "base64 whose last bits, which no byte comes of, are not zero",
                             "a sealed payload has up to 16 texts", ("V1-WIRE-02", "RFC 4648, section 3.5")),
    "Base64Garbage": Flag("missing check", "a base64 text with something behind it", SEVERAL_TEXTS, ("V1-WIRE-02",)),
}  # fmt: skip

OPENING_FLAGS = {
    "NonceSize": Flag("missing check", "an n of another length than 12 bytes",
                      "nonces that are cut or filled up come twice, and with them the key stream", ("V1-REQ-05",)),
    "CtTooShort": Flag("missing check", "a ct of fewer bytes than a tag has",
                       "a length below zero crashes the server, or a tag of a few bytes is guessed", ("V1-REQ-06",)),
    "CtAltered": Flag("missing check", "one bit of the ciphertext changed", ALTERED, ("V1-REQ-07", "V1-PRIM-10")),
    "TagAltered": Flag("missing check", "one bit of the tag changed, or all of it replaced",
                       "a tag that is compared in part is found by trying", ("V1-PRIM-10",)),
    "CtTruncated": Flag("missing check", "a ct that is cut, or longer than it was", ALTERED,
                        ("V1-REQ-07", "V1-PRIM-10")),
    "TagPlace": Flag("wrong computation", "the tag stands in front of the ciphertext",
                     "nothing that another implementation seals opens here", ("V1-PRIM-09",)),
    "OtherNonce": Flag("missing check", "sealed under another nonce than n",
                       "a part of the nonce is ignored, and nonces come twice", ("V1-REQ-07",)),
    "OtherKey": Flag("missing check", "sealed under another key than that of the session",
                     "what is sealed under one session opens in another, or anyone can seal", ("V1-LIFE-10",)),
    "AssociatedData": Flag("wrong computation", "sealed with associated data, where the protocol has none",
                           "nothing that another implementation seals opens here", ("V1-PRIM-09",)),
}  # fmt: skip
