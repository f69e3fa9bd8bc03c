"""What the suites of the handshake share: texts that are wrong or unusual in exactly one way, and keys for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from nen_ref.primitives import ml_dsa, ml_kem
from nen_ref.primitives.errors import EncodingError, KeyCheckError, LengthError
from nen_ref.primitives.ml_dsa import ML_DSA_65
from nen_ref.primitives.ml_dsa_keys import decode_spki
from nen_ref.primitives.ml_kem import ML_KEM_768
from nen_ref.primitives.suite import REFERENCE
from nen_ref.protocol.wire import Malformed, decode_base64, dump_json, encode_base64, parse_json_object
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Test, invalid, valid

SID = "3f8a1c52-9be4-4d07-a6d1-5f0e7c2b9a34"
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


@dataclass(frozen=True)
class Altered:
    """A text with one thing wrong or unusual in it, the slug and the comment that say what, and the flag for it."""

    id: str
    comment: str
    text: str
    flag: str


FLAGS = {
    "Basic": Flag("basic", "keys and bodies as they always are", "no handshake with another implementation succeeds"),
    "JsonForms": Flag(
        "edge case",
        "the same members in another JSON text: white space, escapes, another order",
        "handshakes of clients and servers with another JSON writer fail",
        ("RFC 8259", "V1-WIRE-04"),
    ),
    "FurtherMembers": Flag(
        "edge case",
        "members that the specification does not name; they are ignored",
        "a peer of a later version cannot be talked to",
        ("V1-WIRE-04",),
    ),
    "CaseOfNames": Flag(
        "confusion",
        "members whose names differ from the right ones in upper and lower case only: they are other members",
        "two parties read two different keys out of one body; encoding/json of Go folds the case of names",
        ("RFC 8259, section 8.3", "V1-WIRE-04"),
    ),
    "JsonLimits": Flag(
        "edge case",
        "nesting and digits at the limit, which still pass",
        "bodies that every other implementation takes are refused",
        ("V1-WIRE-05",),
    ),
    "NotJson": Flag(
        "missing check",
        "a text that is no JSON text, though a lenient parser reads the right members out of it",
        "a filter and the server read two different things; or the parser's exception escapes, and the server fails",
        ("RFC 8259", "V1-WIRE-05"),
    ),
    "NotAnObject": Flag(
        "missing check",
        "a JSON text that is no object",
        "null or a text is asked for its members, and the request ends in a crash",
        ("V1-HS-03", "V1-HS-13"),
    ),
    "DuplicateMember": Flag(
        "malleability",
        "an object that names a member twice",
        "one parser takes the first and another the last: a proxy and the server speak of two different keys",
        ("V1-WIRE-05", "CVE-2017-12635 (CouchDB)"),
    ),
    "NestedTooDeep": Flag(
        "missing check",
        "more than 128 levels of arrays and objects",
        "a small body that anyone can send exhausts the stack of the server",
        ("V1-WIRE-05", "CWE-674"),
    ),
    "LongNumber": Flag(
        "missing check",
        "a number of more than 4300 digits",
        "reading it takes time that grows with the square of its length",
        ("V1-WIRE-05", "CVE-2020-10735 (CPython)"),
    ),
    "LoneSurrogate": Flag(
        "missing check",
        "an escape that is half of a surrogate pair: no Unicode text",
        "parsers replace it, drop it or keep it, and so read different texts; some fail later, when they write it",
        ("RFC 8259, section 8.2", "V1-WIRE-05"),
    ),
    "MemberMissing": Flag(
        "missing check",
        "a member is absent, under another name, or inside of another object",
        "what is absent is decoded to no bytes, or the server fails",
        ("V1-HS-02", "V1-HS-12", "V1-HS-13"),
    ),
    "MemberMistyped": Flag(
        "missing check",
        "a member that is no text: null, a number, a truth value, an array, an object",
        "values of another type reach the decoder: a crash, or a second way to write a key",
        ("V1-HS-03", "V1-HS-13", "V1-ID-05"),
    ),
    "NumberArray": Flag(
        "malleability",
        "the right bytes as an array of numbers, as JSON.stringify writes a Uint8Array",
        "one key has two ways to be written",
        ("V1-WIRE-03",),
    ),
    "Base64WhiteSpace": Flag(
        "malleability",
        "white space in or around base64 text",
        "one value has many texts, so that comparing texts and comparing bytes differ",
        ("RFC 4648, section 3.1", "V1-WIRE-02"),
    ),
    "Base64UrlSafe": Flag(
        "malleability",
        "the alphabet with - and _ in place of + and /",
        "one value has many texts, so that comparing texts and comparing bytes differ",
        ("RFC 4648, section 5", "V1-WIRE-02"),
    ),
    "Base64Padding": Flag(
        "malleability",
        "padding that is missing, too long, or in the wrong place",
        "one value has many texts, so that comparing texts and comparing bytes differ",
        ("RFC 4648, section 3.2", "V1-WIRE-02"),
    ),
    "Base64UnusedBits": Flag(
        "malleability",
        "unused bits of the last character that are not zero",
        "one value has up to sixteen texts; most decoders do not look at these bits",
        ("RFC 4648, section 3.5", "V1-WIRE-02"),
    ),
    "Base64Garbage": Flag(
        "malleability",
        "characters that are not of the alphabet, which a lenient decoder skips or folds",
        "one value has any number of texts",
        ("RFC 4648, section 3.3", "V1-WIRE-02"),
    ),
    "TextForm": Flag(
        "confusion",
        "the right bytes in another form: hexadecimal, DER, PEM, base64 twice",
        "a guess at the form gives one value several texts, or a wrong key is used as it is",
        ("V1-WIRE-01", "V1-HS-05"),
    ),
    "OtherParameterSet": Flag(
        "confusion",
        "a value of another parameter set or another algorithm, right in itself",
        "an attacker chooses a weaker algorithm, or bytes of one are used as those of another",
        ("FIPS 203, section 8", "FIPS 204, section 4"),
    ),
    "WrongLength": Flag(
        "missing check",
        "a value one byte and more too short or too long",
        "it is cut or filled up, so that one value has many forms; or memory behind it is read",
        ("FIPS 203, sections 7.2 and 7.3", "V1-HS-05", "V1-HS-13", "V1-ID-05"),
    ),
}  # fmt: skip
"""The flags of more than one suite."""


def flags(*names: str, **own: Flag) -> dict[str, Flag]:
    """The shared flags of these names, and the suite's own."""
    return {name: FLAGS[name] for name in names} | own


JSON_FAULTS = ("NotJson", "NotAnObject")
AMBIGUOUS_JSON = ("DuplicateMember", "NestedTooDeep", "LongNumber", "LoneSurrogate")
BASE64_FAULTS = ("Base64WhiteSpace", "Base64UrlSafe", "Base64Padding", "Base64UnusedBits", "Base64Garbage")


# JSON


def text_of(members: Mapping[str, Any]) -> str:
    """An object as compact JSON."""
    return dump_json(members).decode()


def inserted(body: str, members: str) -> str:
    """An object with further members behind its own; both are JSON texts, and `members` may be wrong."""
    return f"{body[:-1]},{members}}}"


def json_forms(body: str) -> list[Altered]:
    """JSON texts of an object that mean the same to its reader."""
    name = body.split('"', 2)[1]
    escaped = f"{name[:-1]}\\u{ord(name[-1]):04x}"
    odd = (
        '"x":"\\ud83d\\ude00 \\u0000 \\"{[","":{"'
        + name
        + '":null},"__proto__":{"'
        + name
        + '":1},"n":[-0,1E+2,1.5e-7]'
    )
    return [
        Altered("white-space", "white space wherever JSON allows it", _spaced(body), "JsonForms"),
        Altered("line-feed-at-end", "a line feed after the object", body + "\n", "JsonForms"),
        Altered("escaped-slashes", "every / of a text written as \\/, as json_encode of PHP does",
                body.replace("/", "\\/"), "JsonForms"),
        Altered("escaped-plus", "every + of a text written as \\u002B", body.replace("+", "\\u002B"), "JsonForms"),
        Altered("escaped-name", f"the name of the member {name} written with an escape",
                body.replace(f'"{name}"', f'"{escaped}"', 1), "JsonForms"),
        Altered("further-members", "further members, one of them named __proto__, some with members of the right names",
                inserted(body, odd), "FurtherMembers"),
        Altered("further-members-in-front", "further members in front of the right ones",
                '{"v":2,"client":null,' + body[1:], "FurtherMembers"),
        Altered("unescaped-unicode", "a further member with characters beyond ASCII that are not escaped",
                inserted(body, '"\u540d":"\u00e9\u4e16\U0001f600"'), "FurtherMembers"),
        Altered("name-in-upper-case-too", f"a further member {name.upper()}, which is not {name}",
                inserted(body, f'"{name.upper()}":"AAAA"'), "CaseOfNames"),
        Altered("name-in-upper-case-in-front", f"a further member {name.upper()} in front, which is not {name}",
                f'{{"{name.upper()}":null,' + body[1:], "CaseOfNames"),
    ]  # fmt: skip


def json_limits(body: str) -> list[Altered]:
    """Objects at the limits of V1-WIRE-05, which pass."""
    return [
        Altered("levels-128", "128 levels: the object and 127 arrays",
                inserted(body, '"x":' + "[" * 127 + "]" * 127), "JsonLimits"),
        Altered("brackets-in-a-text", "200 brackets inside of a text, which are no levels",
                inserted(body, f'"x":"{"[" * 200}"'), "JsonLimits"),
        Altered("digits-4300", "a number of 4300 digits", inserted(body, '"x":0.' + "1" * 4299), "JsonLimits"),
    ]  # fmt: skip


def _spaced(body: str) -> str:
    """An object of texts without brackets and colons in them, with white space between all tokens."""
    return " \t\r\n" + body.replace("{", "{ \n").replace(":", "\t: ").replace(",", " ,\r\n").replace("}", " \t}\n")


def not_json(body: str) -> list[Altered]:
    """Texts that are no JSON; a lenient parser reads the members of the object out of nearly all."""
    name = body.split('"', 2)[1]
    wrong = {
        "empty-body": ("an empty body", ""),
        "white-space-alone": ("nothing but white space", " \r\n"),
        "unclosed": ("the object without the closing brace", body[:-1]),
        "cut-in-a-text": ("cut inside of a text", body[:40]),
        "brace-too-many": ("a closing brace too many", body + "}"),
        "second-value": ("an empty object after the object", body + "{}"),
        "text-after-the-end": ("a semicolon after the object", body + ";"),
        "zero-character-at-end": ("a character U+0000 after the object", body + "\0"),
        "comma-at-end": ("a comma after the last member", body[:-1] + ",}"),
        "comma-missing": ("no comma between two members", body[:-1] + ' "x":1}'),
        "single-quotes": ("single quotes in place of double ones", body.replace('"', "'")),
        "name-without-quotes": ("a member name without quotes", body.replace(f'"{name}"', name, 1)),
        "comment": ("a comment in front", "/* */" + body),
        "byte-order-mark": ("a byte order mark in front", "\ufeff" + body),
        "no-break-space": ("a no-break space in front, which is no white space of JSON", "\u00a0" + body),
        "line-feed-in-a-text": ("a line feed in a text, not escaped", inserted(body, '"x":"a\nb"')),
        "escape-x": ("an escape of another language, \\x41", inserted(body, '"x":"\\x41"')),
        "escape-too-short": ("an escape \\u with three digits", inserted(body, '"x":"\\u041"')),
        "leading-zero": ("a number with a leading zero", inserted(body, '"x":01')),
        "plus-sign": ("a number with a plus sign", inserted(body, '"x":+1')),
        "no-digit-before-the-point": ("a number that begins with its point", inserted(body, '"x":.5')),
        "hexadecimal-number": ("a hexadecimal number", inserted(body, '"x":0x1F')),
        "not-a-number": ("a further member that is NaN", inserted(body, '"x":NaN')),
        "infinity": ("a further member that is -Infinity", inserted(body, '"x":-Infinity')),
        "undefined": (
            "a further member that is undefined, which JavaScript has and JSON has not",
            inserted(body, '"x":undefined'),
        ),
        "call": ("a call around the object: JSONP", f"f({body})"),
        "page": ("a page of a proxy", "<html><body>502 Bad Gateway</body></html>"),
    }
    return [Altered(id, comment, text, "NotJson") for id, (comment, text) in wrong.items()]


def not_an_object(body: str) -> list[Altered]:
    """JSON texts of other values."""
    wrong = {
        "null": ("null", "null"),
        "true": ("true", "true"),
        "number": ("a number", "7"),
        "text": ("a text", '"ok"'),
        "empty-array": ("an empty array", "[]"),
        "in-an-array": ("the object inside of an array", f"[{body}]"),
        "json-in-a-text": ("the object as a JSON text inside of a text: serialised twice", dump_json(body).decode()),
    }
    return [
        Altered(f"body-{id}", f"a body that is no object: {comment}", text, "NotAnObject")
        for id, (comment, text) in wrong.items()
    ]


def ambiguous_json(body: str) -> list[Altered]:
    """Objects that parsers are known to read differently (V1-WIRE-05)."""
    name, rest = body.split('"', 2)[1], body[1:]
    escaped = f"{name[:-1]}\\u{ord(name[-1]):04x}"
    deep = '"x":' + "[" * 128 + "]" * 128
    return [
        Altered("twice-last-is-right", f"{name} comes twice, and the last is right", f'{{"{name}":null,{rest}',
                "DuplicateMember"),
        Altered("twice-first-is-right", f"{name} comes twice, and the first is right", inserted(body, f'"{name}":null'),
                "DuplicateMember"),
        Altered("twice-once-escaped", f"{name} comes twice, its name once written with an escape",
                inserted(body, f'"{escaped}":null'), "DuplicateMember"),
        Altered("another-member-twice", "a further member comes twice, with the same value",
                inserted(body, '"x":1,"x":1'), "DuplicateMember"),
        Altered("twice-in-a-further-member", "an object inside of a further member names a member twice",
                inserted(body, '"x":[{"a":1,"b":2,"a":3}]'), "DuplicateMember"),
        Altered("levels-129", "129 levels: the object and 128 arrays", inserted(body, deep), "NestedTooDeep"),
        Altered("levels-of-objects-129", "129 levels, all of them objects",
                inserted(body, '"x":' + '{"a":' * 127 + "{}" + "}" * 127), "NestedTooDeep"),
        Altered("brackets-unclosed-3000", "3000 brackets that nobody closes", body[:-1] + ',"x":' + "[" * 3000,
                "NestedTooDeep"),
        Altered("digits-4301", "a number of 4301 digits", inserted(body, '"x":0.' + "1" * 4300), "LongNumber"),
        Altered("integer-of-4301-digits", "an integer of 4301 digits", inserted(body, '"x":' + "1" * 4301),
                "LongNumber"),
        Altered("high-surrogate", "a high surrogate alone", inserted(body, '"x":"\\ud83d"'), "LoneSurrogate"),
        Altered("low-surrogate", "a low surrogate alone", inserted(body, '"x":"\\uDE00a"'), "LoneSurrogate"),
        Altered("surrogates-swapped", "a pair of surrogates in the wrong order",
                inserted(body, '"x":["\\ude00\\ud83d"]'), "LoneSurrogate"),
        Altered("surrogate-in-a-name", "a surrogate in the name of a member", inserted(body, '"\\ud800":1'),
                "LoneSurrogate"),
    ]  # fmt: skip


def mistyped(right: str) -> list[tuple[str, str, Any]]:
    """Values in place of a text: slug, comment and value."""
    return [
        ("null", "null", None),
        ("number", "a number", 7),
        ("true", "true", True),
        ("empty-array", "an empty array", []),
        ("array-of-text", "an array with the right text in it", [right]),
        ("object", "an object with the right text in it", {"data": right}),
    ]


# Base64


def base64_faults(data: bytes) -> list[Altered]:
    """Texts that are not the base64 of these bytes, though one lenient decoder or another takes them for it."""
    text = encode_base64(data)
    half = len(text) // 8 * 4
    first, second = text[:half], text[half:]
    url_safe = text.replace("+", "-").replace("/", "_")
    joined = encode_base64(data[: half // 4 * 3 + 1]) + encode_base64(data[half // 4 * 3 + 1 :])
    wrong = [
        ("space-in-front", "a space in front", " " + text, "Base64WhiteSpace"),
        ("space-at-end", "a space at the end", text + " ", "Base64WhiteSpace"),
        ("space-inside", "a space inside", f"{first} {second}", "Base64WhiteSpace"),
        ("line-feed-at-end", "a line feed at the end, as the tool base64 writes one", text + "\n", "Base64WhiteSpace"),
        ("crlf-inside", "two lines, as in a mail", f"{first}\r\n{second}", "Base64WhiteSpace"),
        ("url-safe", "the URL-safe alphabet", url_safe, "Base64UrlSafe"),
        ("padding-inside", "a = inside", f"{first}={second}", "Base64Padding"),
        ("padding-too-long", "four = after the text", text + "====", "Base64Padding"),
        ("two-texts", "two texts one after the other, each with its padding", joined, "Base64Padding"),
        ("exclamation-mark", "a ! inside", f"{first}!{second}", "Base64Garbage"),
        ("zero-character", "a character U+0000 at the end", text + "\0", "Base64Garbage"),
        ("not-ascii", "a letter beyond ASCII inside", f"{first}\u00e9{second}", "Base64Garbage"),
        ("code-point-cut", "the first character with 0x100 added to its code point: right again, if cut to a byte",
         chr(0x100 + ord(text[0])) + text[1:], "Base64Garbage"),
        ("data-url", "a data URL", "data:;base64," + text, "Base64Garbage"),
    ]  # fmt: skip
    if text.endswith("="):
        bare = text.rstrip("=")
        last = ALPHABET[ALPHABET.index(bare[-1]) | 1]
        wrong += [
            ("unpadded", "without padding", bare, "Base64Padding"),
            ("padding-escaped", "its = as a percent escape", bare + "%3D" * (len(text) - len(bare)), "Base64Garbage"),
            ("unused-bits", "the lowest unused bit set", bare[:-1] + last + text[len(bare) :], "Base64UnusedBits"),
        ]
    else:
        wrong.append(("padding-not-needed", "a = after a text that needs none", text + "=", "Base64Padding"))
    assert text not in {altered for _, _, altered, _ in wrong}, "an alteration that alters nothing"
    return [Altered(*entry) for entry in wrong]


def refused(
    faults: Sequence[Altered], member: str, codes: Sequence[str], prefix: str = "", of: str = "", **covers: Any
) -> Iterator[Test]:
    """A vector of each, its text as the argument `member`."""
    for fault in faults:
        yield invalid(prefix + fault.id, of + fault.comment, {member: fault.text}, fault.flag, codes=codes, **covers)


def accepted(forms: Sequence[Altered], member: str, **covers: Any) -> Iterator[Test]:
    """A vector of each, its text as the argument `member`."""
    for form in forms:
        yield valid(form.id, form.comment, {member: form.text}, form.flag, **covers)


# Keys


def key_pair(draw: Draw, label: str = "key") -> ml_kem.KeyPair:
    return REFERENCE.ml_kem_768_keygen(draw(f"{label}/d"), draw(f"{label}/z"))


def coefficients(ek: bytes) -> tuple[int, ...]:
    """The 768 coefficients of t_hat as they stand in a key, not reduced."""
    return ml_kem.twelve_bit_integers(ek[:1152])


def resized(data: bytes, size: int) -> bytes:
    """The bytes cut, or filled up with zeros."""
    return data[:size].ljust(size, b"\0")


# Intermediate values


def _member(members: Mapping[str, object], name: str) -> bytes | None:
    text = members.get(name)
    try:
        return decode_base64(text) if isinstance(text, str) and text else None
    except Malformed:
        return None


def server_values(a: dict[str, Any]) -> Mapping[str, Any]:
    """What a server computes between a body and its answer, as far as the body allows.

    `ek_bytes`: length of the decoded `pk`. `H_ek`, `r`: FIPS 203, algorithm 17, line 1; K is the output `secret`.
    `tr`, `mu`: FIPS 204, algorithm 8, lines 6 and 7, over M' = 00 00 || ek.
    """
    try:
        members = parse_json_object(a["body"].encode("utf-8", "surrogatepass"))
    except Malformed:
        return {}
    ek, sig_pk, signature = (_member(members, name) for name in ("pk", "sigPk", "sigOfPk"))
    if ek is None:
        return {}
    found: dict[str, Any] = {"ek_bytes": len(ek)} | _identity_values(ek, sig_pk, signature)
    try:
        ml_kem.check_encapsulation_key(ML_KEM_768, ek)
    except KeyCheckError:
        index, value = next((i, x) for i, x in enumerate(coefficients(ek)) if x >= ml_kem.q)
        return found | {"wrong_coefficient_index": index, "wrong_coefficient": value}
    except LengthError:
        return found
    H_ek = ml_kem.H(ek)
    r = ml_kem.G(a["m"] + H_ek)[1]
    return found | {"H_ek": H_ek, "r": r, "c_sha256": sha256(ml_kem.k_pke_encrypt(ML_KEM_768, ek, a["m"], r)).digest()}


def _identity_values(ek: bytes, sig_pk: bytes | None, signature: bytes | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if signature is not None:
        found["sigOfPk_bytes"] = len(signature)
    if sig_pk is None:
        return found
    found["sigPk_bytes"] = len(sig_pk)
    try:
        pk = sig_pk if len(sig_pk) == ML_DSA_65.pk_size else decode_spki(ML_DSA_65, sig_pk)
    except EncodingError:
        return found | {"sigPk_begins": sig_pk[:26]}
    tr = ml_dsa.H(pk, 64)
    return found | {"tr": tr, "mu": ml_dsa.message_representative(tr, ml_dsa.format_message(ek, b""))}
