"""Sealed fields: members of a JSON value, each replaced by an envelope of its own. SEAL-FLD-*.

    seal_fields(ek, {"user": {"ssn": "123"}}, {"user.ssn": (m, n)})  ->  {"user": {"ssn": {"$nenSealed": true, ...}}}
    open_fields(dk, value, paths={"user.ssn"})                       ->  the value as it was

A path is names and indices joined by dots, and the context of a field names it, so that a field cannot be opened where
another one stood. The one who opens states which fields have to be sealed: nothing in the value itself can say that a
field is missing, or stands in plain because somebody put it there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Set
from itertools import pairwise

from nen_ref.primitives.suite import REFERENCE, Suite
from nen_ref.protocol.errors import CRYPTO_PAYLOAD_NOT_JSON, WIRE_INVALID_PAYLOAD_FORMAT, failure
from nen_ref.protocol.seal import open_sealed, seal_to
from nen_ref.protocol.wire import Malformed, dump_json, parse_json

MARK = "$nenSealed"
_INDEX = re.compile(r"0|[1-9][0-9]{0,15}")

Json = object
Path = tuple[str, ...]


def seal_fields(ek: bytes, value: Json, draws: Mapping[str, tuple[bytes, bytes]], *, suite: Suite = REFERENCE) -> Json:
    """A copy of a JSON value with these fields sealed. SEAL-FLD-01, SEAL-FLD-02, SEAL-FLD-06, SEAL-FLD-07.

    `draws`: for each path the fresh random bytes (`m` 32, `n` 12) of its envelope. ISO-6001 for a path that is none,
    leads nowhere, or into another one, 4003 for a value that is no JSON, such as NaN; otherwise as `seal_to`.
    """
    for path in split_paths(draws.keys()):
        m, n = draws[".".join(path)]
        value = _replace(value, path, _sealer(ek, context_of(path), m, n, suite))
    return value


def open_fields(dk: bytes, value: Json, *, paths: Set[str], suite: Suite = REFERENCE) -> Json:
    """A copy of a JSON value with these fields opened, all of which have to be sealed. SEAL-FLD-03, -04, -08.

    ISO-6001 for a path that is none or leads nowhere, for a field in plain and the form of an envelope; 4001 for a
    field that was sealed for another path, 4003 for one that holds no JSON; otherwise as `open_sealed`. Other sealed
    fields stay as they are: they may be for somebody else.
    """
    for path in split_paths(paths):
        value = _replace(value, path, _opener(dk, context_of(path), suite))
    return value


def context_of(path: Path) -> str:
    """The context of the field at a path. SEAL-FLD-01."""
    return "field:" + ".".join(path)


def split_paths(texts: Set[str]) -> list[Path]:
    """The paths as names and indices, in order; ISO-6001 for an empty name, or a path into another. SEAL-FLD-06."""
    paths = sorted(tuple(text.split(".")) for text in texts)
    for path in paths:
        if not all(path):
            raise failure(WIRE_INVALID_PAYLOAD_FORMAT, "a path with an empty name")
    for path, following in pairwise(paths):
        if following[: len(path)] == path:
            raise failure(WIRE_INVALID_PAYLOAD_FORMAT, "a path that leads into another one")
    return paths


def _sealer(ek: bytes, context: str, m: bytes, n: bytes, suite: Suite) -> Callable[[Json], Json]:
    def seal_field(field: Json) -> Json:
        return {MARK: True, **seal_to(ek, _json_text(field), context=context, m=m, n=n, suite=suite)}

    return seal_field


def _json_text(field: Json) -> bytes:
    """The JSON text of a field. Not one that no opener takes: what it holds would be lost. SEAL-FLD-05, V1-WIRE-05."""
    try:
        text = dump_json(field)
        parse_json(text)
    except (ValueError, RecursionError):
        raise failure(CRYPTO_PAYLOAD_NOT_JSON, "a field to be sealed has no JSON text") from None
    return text


def _opener(dk: bytes, context: str, suite: Suite) -> Callable[[Json], Json]:
    def open_field(field: Json) -> Json:
        """SEAL-FLD-04, SEAL-FLD-05."""
        if not isinstance(field, dict) or field.get(MARK) is not True:
            raise failure(WIRE_INVALID_PAYLOAD_FORMAT, "a field that has to be sealed is not")
        try:
            return parse_json(open_sealed(dk, field, context=context, suite=suite))
        except Malformed as fault:
            raise failure(CRYPTO_PAYLOAD_NOT_JSON, f"a sealed field is {fault}") from None

    return open_field


def _replace(value: Json, path: Path, change: Callable[[Json], Json]) -> Json:
    """A copy of `value` in which what stands at `path` is changed. SEAL-FLD-07.

    A name is one of the object's own members and an index one of the array's own places; nothing else leads on.
    """
    if not path:
        return change(value)
    step, rest = path[0], path[1:]
    if isinstance(value, dict) and step in value and value.get(MARK) is not True:
        return {**value, step: _replace(value[step], rest, change)}
    if isinstance(value, list) and _INDEX.fullmatch(step) and int(step) < len(value):
        i = int(step)
        return [*value[:i], _replace(value[i], rest, change), *value[i + 1 :]]
    raise failure(WIRE_INVALID_PAYLOAD_FORMAT, "a path that leads nowhere")
