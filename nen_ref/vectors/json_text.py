"""Strict JSON, and where in a text something stands: `json` tells no places of what it has read.

Refused beyond what `json` refuses, as parsers of other languages do not agree on it: a member that stands twice in an
object, numbers that are not integers or longer than MAX_DIGITS, halves of a surrogate pair, and nesting deeper than
MAX_DEPTH.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

MAX_DEPTH = 64
MAX_DIGITS = 640
"""As many as Python turns into a number whatever its own limit is set to."""

Path = tuple[str | int, ...]

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
# Possessive, as re otherwise keeps 100 bytes for each escape of a string, to come back to.
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[][{},:]|[^][{},:"\s]+')


class BadText(Exception):
    """What is wrong, and in which line, from 1."""

    def __init__(self, text: str, line: int) -> None:
        super().__init__(text)
        self.line = line


class _Twice(Exception):
    pass


class _BadNumber(Exception):
    """The text of a number, and what is wrong with it."""

    def __init__(self, number: str, text: str) -> None:
        super().__init__(text)
        self.number = number


def loads(text: str) -> Any:
    """The value of a JSON text. Raises BadText."""
    try:
        value = json.loads(
            text, object_pairs_hook=_members, parse_int=_integer, parse_float=_no_number, parse_constant=_no_number
        )
    except json.JSONDecodeError as fault:
        cut = fault.pos >= len(text.rstrip()) or fault.msg.startswith("Unterminated string")
        kind = "cut off" if cut else "not JSON"
        raise BadText(f"{kind} at column {fault.colno}: {fault.msg}", fault.lineno) from None
    except _Twice:
        raise _first_twice(text) from None
    except _BadNumber as fault:
        # What follows a number has not been looked at: it is the beginning of a token, such as 1.5x.
        starts = (token.start() for token in _TOKEN.finditer(text) if token[0].startswith(fault.number))
        raise BadText(str(fault), line_at(text, next(starts))) from None
    except RecursionError:
        raise _too_deep(text) from None
    if _depth_exceeds(value, MAX_DEPTH):
        raise _too_deep(text)
    if _SURROGATE.search(text):
        _refuse_lone_surrogates(text)
    return value


def line_of(text: str, path: Iterable[str | int]) -> int:
    """The line in which the value at this path begins, from 1; 1 where there is none."""
    wanted = tuple(path)
    return next((line_at(text, place) for found, place, is_key in places(text) if found == wanted and not is_key), 1)


def line_at(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1


def shown(value: object) -> str:
    """For people: quoted, printable, and not longer than 80 characters."""
    text = ascii(value)
    return text if len(text) <= 80 else f"{text[:64]}... ({len(text)} characters)"


def places(text: str) -> Iterator[tuple[Path, int, bool]]:
    """Of every member name and every value of a JSON text: its path, where it begins, and whether it is a name."""
    path: list[str | int] = []
    in_object: list[bool] = []
    name_next = False
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if mark in ("}", "]"):
            path.pop()
            in_object.pop()
            name_next = False
        elif mark == ",":
            name_next = in_object[-1]
            if not in_object[-1]:
                path[-1] = int(path[-1]) + 1
        elif mark == ":":
            name_next = False
        elif name_next:
            path[-1] = json.loads(mark)
            yield tuple(path), token.start(), True
        else:
            yield tuple(path), token.start(), False
            if mark in ("{", "["):
                path.append("" if mark == "{" else 0)
                in_object.append(mark == "{")
                name_next = mark == "{"


def _members(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise _Twice
    return members


def _integer(text: str) -> int:
    if len(text.lstrip("-")) > MAX_DIGITS:
        raise _BadNumber(text, f"a number of more than {MAX_DIGITS} digits")
    return int(text)


def _no_number(text: str) -> Any:
    raise _BadNumber(text, f"{shown(text)} is no integer, and vectors have no other numbers")


def _first_twice(text: str) -> BadText:
    """About the first member name that its object already has."""
    names: dict[int, set[str | int]] = {}  # of the open object at each depth
    for path, place, is_key in places(text):
        if len(path) > MAX_DEPTH:
            return _too_deep(text)
        if not is_key:
            names[len(path) + 1] = set()
        elif path[-1] in names[len(path)]:
            return BadText(f"the member {shown(path[-1])} stands twice in its object", line_at(text, place))
        else:
            names[len(path)].add(path[-1])
    raise AssertionError("json has found a member that stands twice")


def _refuse_lone_surrogates(text: str) -> None:
    for token in _TOKEN.finditer(text):
        if token[0][0] == '"' and _SURROGATE.search(token[0]):
            try:
                json.loads(token[0]).encode()
            except UnicodeEncodeError:
                raise BadText(
                    "half of a surrogate pair, which no UTF-8 text has", line_at(text, token.start())
                ) from None


def _too_deep(text: str) -> BadText:
    # 0 where the stack was nearly used up before: nothing is wrong with the text then.
    place = next((place for path, place, _ in places(text) if len(path) > MAX_DEPTH), 0)
    return BadText(f"nested deeper than {MAX_DEPTH} levels", line_at(text, place))


def _depth_exceeds(value: Any, most: int) -> bool:
    level = [value]
    for _ in range(most + 1):
        level = [
            entry
            for outer in level
            if isinstance(outer, dict | list)
            for entry in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return bool(level)
