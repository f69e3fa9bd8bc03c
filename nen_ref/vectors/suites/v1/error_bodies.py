"""v1/error_bodies: the ISO code that a client takes from the body of a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nen_ref.protocol.errors import AUTH_NONCE_MISSING, AUTH_SIGNATURE_INVALID, CATALOGUE, INTERNAL, error_body
from nen_ref.protocol.wire import Malformed, dump_json, parse_json
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Found, Group, Test, VectorSuite, valid

CODE = AUTH_SIGNATURE_INVALID.code  # ISO-3002
RIGHT = error_body(AUTH_SIGNATURE_INVALID).decode()

FLAGS = {
    "Basic": Flag("basic", "bodies as servers send them", "the caller is not told what was refused", ("V1-ERR-01",)),
    "JsonForms": Flag(
        "edge case",
        "the same members in another JSON text, and members that the specification does not name",
        "the codes of servers with another JSON writer, or of a later version, are not seen",
        ("V1-WIRE-04",),
    ),
    "CaseOfNames": Flag(
        "confusion",
        "members whose names differ from the right ones in upper and lower case only: they are other members",
        "two parties read two different codes out of one body; encoding/json of Go folds the case of names",
        ("RFC 8259, section 8.3", "V1-WIRE-04"),
    ),
    "NotInCatalogue": Flag(
        "missing check",
        "a text that looks like a code and is none of the catalogue",
        "whoever answers chooses the text that reaches the caller's program and its log; nobody vouches for it",
        ("V1-ERR-04",),
    ),
    "NameOfTheLanguage": Flag(
        "missing check",
        "a text that every object of JavaScript has as a property, looked up in a catalogue that is such an object",
        "the lookup gives a function in place of an entry, and the client fails in the middle of its error handling",
        ("V1-ERR-04", "CWE-1321"),
    ),
    "NotText": Flag(
        "missing check",
        "a code that is no text",
        "the client fails on a value that is no text, or turns it into one",
        ("V1-ERR-01", "V1-ERR-04"),
    ),
    "WrongPlace": Flag(
        "confusion",
        "a code of the catalogue that does not stand in the member code of the member error",
        "data of an application, or of an attacker who gets a text into a page, is taken for the word of the server",
        ("V1-ERR-01", "V1-ERR-04"),
    ),
    "NotJson": Flag(
        "missing check",
        "a body that is no JSON text; most refusals on the way are pages of proxies",
        "the exception of the parser hides what happened",
        ("RFC 8259", "V1-ERR-04"),
    ),
}

Bodies = dict[str, tuple[str, str, str]]

CODES: Bodies = {
    "plain": ("the body of a server", RIGHT, "Basic"),
    "internal": ("an internal error", error_body(INTERNAL).decode(), "Basic"),
    "code-of-v2": ("a code that only V2 and V3 raise: it is in the catalogue", error_body(AUTH_NONCE_MISSING).decode(),
                   "Basic"),
    "without-message": ("an error without a message", f'{{"error":{{"code":"{CODE}"}}}}', "JsonForms"),
    "message-null": ("a message that is null", f'{{"error":{{"message":null,"code":"{CODE}"}}}}', "JsonForms"),
    "message-with-another-code": ("a message that names another code",
                                  f'{{"error":{{"code":"{CODE}","message":"not ISO-9000"}}}}', "JsonForms"),
    "further-members": ("further members on both levels, some of them codes",
                        f'{{"code":"ISO-9000","error":{{"id":7,"code":"{CODE}","details":[]}},"status":401}}',
                        "JsonForms"),
    "white-space": ("white space between the tokens", f'\r\n{{ "error" :\t{{ "code" : "{CODE}" }} }}\n', "JsonForms"),
    "escapes": ("name and code written with escapes", '{"\\u0065rror":{"c\\u006fde":"ISO\\u002D3002"}}', "JsonForms"),
    "members-in-upper-case-too": ("further members ERROR and CODE, which are not error and code",
                                  f'{{"error":{{"code":"{CODE}","CODE":"ISO-9000"}},"ERROR":{{"code":"ISO-9000"}}}}',
                                  "CaseOfNames"),
}  # fmt: skip

NO_CODES: dict[str, tuple[str, Any, str]] = {
    "next-number": ("a number that no code has", "ISO-3008", "NotInCatalogue"),
    "zeros": ("the number 0000", "ISO-0000", "NotInCatalogue"),
    "lower-case": ("lower case", "iso-3002", "NotInCatalogue"),
    "space-at-end": ("a space behind", "ISO-3002 ", "NotInCatalogue"),
    "line-feed-at-end": ("a line feed behind, where $ of a pattern still matches", "ISO-3002\n", "NotInCatalogue"),
    "zero-character": ("a U+0000 behind", "ISO-3002\0", "NotInCatalogue"),
    "digit-too-many": ("a digit too many", "ISO-30020", "NotInCatalogue"),
    "text-in-front": ("a text in front", "X-ISO-3002", "NotInCatalogue"),
    "number-alone": ("the number alone", "3002", "NotInCatalogue"),
    "name": ("its name", "AUTH_SIGNATURE_INVALID", "NotInCatalogue"),
    "full-width-digits": ("full-width digits", "ISO-\uff13\uff10\uff10\uff12", "NotInCatalogue"),
    "other-hyphen": ("a hyphen U+2010 in place of the minus", "ISO\u20103002", "NotInCatalogue"),
    "empty": ("the empty text", "", "NotInCatalogue"),
    "markup": ("markup for the page that shows it", "<script>alert(1)</script>", "NotInCatalogue"),
    "constructor": ("constructor", "constructor", "NameOfTheLanguage"),
    "proto": ("__proto__", "__proto__", "NameOfTheLanguage"),
    "to-string": ("toString", "toString", "NameOfTheLanguage"),
    "null": ("null", None, "NotText"),
    "number": ("a number", 3002, "NotText"),
    "true": ("true", True, "NotText"),
    "array": ("an array of the code", [CODE], "NotText"),
    "object": ("an object of the code", {"code": CODE}, "NotText"),
}

ELSEWHERE: Bodies = {
    "at-the-top": ("the code beside error", f'{{"code":"{CODE}","error":{{}}}}', "WrongPlace"),
    "flat": ("the members of error without it", f'{{"code":"{CODE}","message":"m"}}', "WrongPlace"),
    "error-is-the-code": ("error is the code", f'{{"error":"{CODE}"}}', "WrongPlace"),
    "error-in-an-array": ("error is an array", f'{{"error":[{{"code":"{CODE}"}}]}}', "WrongPlace"),
    "in-the-message": ("the code in the message", f'{{"error":{{"message":"{CODE}: not signed"}}}}', "WrongPlace"),
    "in-an-inner-error": ("an error inside of error", f'{{"error":{{"error":{{"code":"{CODE}"}}}}}}', "WrongPlace"),
    "in-a-wrapper": ("the body inside of another object", f'{{"detail":{RIGHT}}}', "WrongPlace"),
    "in-an-array": ("the body inside of an array", f"[{RIGHT}]", "WrongPlace"),
    "serialised-twice": ("the body inside of a text", dump_json(RIGHT).decode(), "WrongPlace"),
    "code-as-text": ("the code alone, a JSON text", f'"{CODE}"', "WrongPlace"),
    "name-in-upper-case": ("a member Error", f'{{"Error":{{"code":"{CODE}"}}}}', "CaseOfNames"),
    "code-in-upper-case": ("a member Code", f'{{"error":{{"Code":"{CODE}"}}}}', "CaseOfNames"),
    "error-null": ("error is null", '{"error":null}', "NotText"),
    "null": ("a body that is null", "null", "NotText"),
    "empty-body": ("an empty body", "", "NotJson"),
    "code-alone": ("the code alone, without quotes", CODE, "NotJson"),
    "page": ("a page with the code in it", f"<html><body>{CODE}</body></html>", "NotJson"),
    "page-around-the-body": ("a page around the right body", f"<pre>{RIGHT}</pre>", "NotJson"),
    "cut": ("the right body without its last brace", RIGHT[:-1], "NotJson"),
    "text-behind": ("a text behind the right body", f"{RIGHT} (truncated)", "NotJson"),
    "single-quotes": ("single quotes in place of double ones", RIGHT.replace('"', "'"), "NotJson"),
    "call": ("a call around the right body: JSONP", f"f({RIGHT})", "NotJson"),
}


def fixed(draw: Draw, found: Found) -> list[Group]:
    return [
        Group("bodies with a code", tuple(of_bodies("", CODES)), covers=("V1-ERR-01", "V1-WIRE-04")),
        Group(
            "codes of no catalogue: null",
            tuple(
                valid(f"code-{id}", f"a code that is {comment}" if flag == "NotText" else f"a code: {comment}",
                      {"body": dump_json({"error": {"code": code, "message": "m"}}).decode()}, flag)
                for id, (comment, code, flag) in NO_CODES.items()
            ),
        ),
        Group("codes elsewhere: null", tuple(of_bodies("elsewhere-", ELSEWHERE))),
    ]  # fmt: skip


def of_bodies(prefix: str, bodies: Bodies) -> list[Test]:
    return [valid(prefix + id, comment, {"body": body}, flag) for id, (comment, body, flag) in bodies.items()]


def random(draw: Draw, i: int) -> Test:
    code = f"ISO-{draw.below('thousands', 9) + 1}00{draw.below('units', 9) + 1}"
    body = dump_json({"error": {"code": code, "message": "m"}}).decode()
    known = code in CATALOGUE
    comment = f"the drawn code {code}, which {'is' if known else 'is not'} in the catalogue"
    return valid(f"random-{i}", comment, {"body": body}, "Basic" if known else "NotInCatalogue")


def intermediate(a: dict[str, Any]) -> Mapping[str, Any]:
    """What stands in the place of the code, if it is a text."""
    try:
        value = parse_json(a["body"].encode())
    except Malformed:
        return {}
    error = value.get("error") if isinstance(value, dict) else None
    code = error.get("code") if isinstance(error, dict) else None
    return {"code_in_body": code} if isinstance(code, str) else {}


SUITE = VectorSuite(
    name="v1/error_bodies",
    title="The ISO code in the body of a refusal",
    operation="error.read",
    covers=("V1-ERR-04",),
    flags=FLAGS,
    fixed=fixed,
    random=random,
    count=12,
    intermediate=intermediate,
)
