"""Texts on the wire: strict base64 and strict JSON.

These two readers raise `Malformed` and know no ISO code, for the same fault has different codes in different places.
"""

from __future__ import annotations

import base64
import json
import re
from contextlib import suppress
from itertools import accumulate

MAX_DEPTH = 128
MAX_DIGITS = 4300

# A string, or the rest of the text where one is never closed: it always matches, so that the scan stays linear.
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_BRACKET = re.compile(r"[\[\]{}]")
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")


class Malformed(ValueError):
    """A text that is not what it should be. The message names the fault, never the content."""


def encode_base64(data: bytes) -> str:
    """Base64 text of `data`: RFC 4648 section 4, standard alphabet, padded. V1-WIRE-01."""
    return base64.b64encode(data).decode("ascii")


def decode_base64(text: str) -> bytes:
    """The bytes of a base64 text, if it is the one text that they have; otherwise `Malformed`. V1-WIRE-02.

    One rule covers white space, other alphabets, padding and unused bits: the text is its own re-encoding.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        raise Malformed("not base64") from None
    if encode_base64(data) != text:
        raise Malformed("not the canonical base64 of its bytes")
    return data


def parse_json(data: bytes) -> object:
    """The value of a JSON text in UTF-8, or `Malformed`. V1-WIRE-05.

    Refuses what parsers are known to read differently: duplicate members, NaN and Infinity, lone surrogates, byte order
    marks, nesting beyond `MAX_DEPTH` and numbers of more than `MAX_DIGITS` digits.
    """
    text = _decode(data)
    if _depth(text) > MAX_DEPTH:
        raise Malformed(f"nested deeper than {MAX_DEPTH} levels")
    value = _load(text)
    if _SURROGATE_ESCAPE.search(text) and _has_lone_surrogate(value):
        raise Malformed("a text with a lone surrogate")
    return value


def parse_json_object(data: bytes) -> dict[str, object]:
    """As `parse_json`, but the value is an object, of which the caller takes the members that it knows. V1-WIRE-04."""
    value = parse_json(data)
    if not isinstance(value, dict):
        raise Malformed("not a JSON object")
    return value


def dump_json(value: object) -> bytes:
    """Compact JSON in ASCII, which every reader takes for the same UTF-8. ValueError for NaN and infinities."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")


# The exceptions of the standard library hold the text that they complain of, perhaps an opened payload. So `Malformed`
# is raised after they are gone, and not from within their handlers, where it would carry them as its context.


def _decode(data: bytes) -> str:
    with suppress(UnicodeDecodeError):
        return data.decode("utf-8")
    raise Malformed("not UTF-8")


def _load(text: str) -> object:
    own: Malformed | None = None
    try:
        return json.loads(
            text, object_pairs_hook=_object, parse_constant=_constant, parse_int=_integer, parse_float=_decimal
        )
    except Malformed as fault:
        own = fault
    except ValueError:
        pass
    raise own or Malformed("not JSON")


def _depth(text: str) -> int:
    """The deepest nesting of brackets outside of strings; a parser would need as much of its stack."""
    brackets = _BRACKET.findall(_STRING.sub("", text))
    return max(accumulate(1 if bracket in "[{" else -1 for bracket in brackets), default=0)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Malformed("an object names a member twice")
    return members


def _constant(name: str) -> object:
    raise Malformed(f"{name} is not JSON")


def _integer(text: str) -> int:
    _check_digits(text)
    return int(text)


def _decimal(text: str) -> float:
    _check_digits(text)
    return float(text)


def _check_digits(text: str) -> None:
    if len(text) > MAX_DIGITS and sum(map(str.isdigit, text)) > MAX_DIGITS:
        raise Malformed(f"a number of more than {MAX_DIGITS} digits")


def _has_lone_surrogate(value: object) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False
