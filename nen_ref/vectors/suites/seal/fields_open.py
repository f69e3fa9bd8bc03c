"""seal/fields_open: a JSON value with the fields opened that have to be sealed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Found, Group, Test, VectorSuite
from nen_ref.vectors.suites.seal.fields_seal import INDICES, INHERITED, VALUES
from nen_ref.vectors.suites.seal.fields_seal import OWN as SEALING
from nen_ref.vectors.suites.seal_tools import (
    DECODING,
    KEM_SIZE,
    NOT_JSON,
    OPENING,
    SHAPE,
    Recipient,
    flags,
    resized,
    right,
    with_bit,
    without,
    wrong,
)

OWN = {
    **{name: SEALING[name] for name in ("Paths", "Nowhere", "Inherited", "Index", "EmptyName", "Nested")},
    "Values": Flag("edge case", "fields of every kind of JSON, also those that are false, empty or null",
                   "a value that is falsy is taken for one that is missing", ("SEAL-FLD-01",)),
    "Transplanted": Flag("missing check", "a field that was sealed for another path",
                         "one user's number, or another field's value, is taken for this one", ("SEAL-FLD-03",)),
    "Plain": Flag("missing check", "what stands in plain where a sealed field has to be",
                  "whoever carries the value puts in what he likes", ("SEAL-FLD-04",)),
    "PayloadNotJson": Flag("missing check", "a field that opens to what is no JSON, or what parsers read differently",
                           "two readers see two values, or the operation ends in a crash",
                           ("SEAL-FLD-05", "V1-WIRE-05")),
    "OthersField": Flag("edge case", "sealed fields at other paths, and inside of what was sealed",
                        "what is for somebody else keeps a value from being read, or data is opened as fields",
                        ("SEAL-FLD-08",)),
    "EnvelopeForm": Flag("missing check", "the envelope of a field is malformed",
                         "fields are read more leniently than envelopes",
                         ("SEAL-ENV-03", "SEAL-ENV-04", "SEAL-ENV-05")),
}  # fmt: skip


def fixed(draw: Draw, found: Found) -> list[Group]:
    to = Recipient(draw)
    shared = {"dk": to.dk}
    ssn = field(to, "ssn", b'"123"', "user.ssn")
    value = {"user": {"ssn": ssn, "name": "A"}, "list": [{"s": 1}], "id": 1}
    stated = {"dk": to.dk, "paths": ["user.ssn"]}
    return [
        Group("values", tuple(_values(to)), {"dk": to.dk, "paths": ["a"]}),
        Group("paths", tuple(_paths(to)), shared),
        Group("sealed fields elsewhere", tuple(_others(to, draw)), shared),
        Group("fields of another path", tuple(_transplanted(to, ssn)), stated),
        Group("fields in plain", tuple(_plain(to, ssn)), stated),
        Group("fields that are no JSON", tuple(_not_json(to)), {"dk": to.dk, "paths": ["a"]}),
        Group("envelopes that are malformed, or do not open", tuple(_envelopes(draw, ssn)), stated),
        Group("paths that lead nowhere", tuple(_nowhere(value)), shared),
        Group("paths into each other", tuple(_nested(to, value)), shared),
    ]


def field(to: Recipient, label: str, payload: bytes, path: str) -> dict[str, Any]:
    return {"$nenSealed": True, **to.sealed(label, payload, f"field:{path}")}


def _user(ssn: object, name: object = "A") -> dict[str, Any]:
    return {"user": {"ssn": ssn, "name": name}}


def _values(to: Recipient) -> Iterator[Test]:
    for id, value in VALUES:
        text = json.dumps(value, separators=(",", ":")).encode()
        yield right(f"value-{id}", f"a field: {id.replace('-', ' ')}", {"a": field(to, id, text, "a")}, "Values")
    spaced = b' \n{"b":\t[1 , 2]}\r\n'
    yield right("value-spaced", "JSON with white space", {"a": field(to, "spaced", spaced, "a")}, "Values")
    raw = '"\u00fc\u2603\U0001f510"'.encode()
    yield right("value-unicode", "JSON with raw characters", {"a": field(to, "unicode", raw, "a")}, "Values")


def _paths(to: Recipient) -> Iterator[Test]:
    two = {"list": [{"s": field(to, "s", b"1", "list.0.s")}, field(to, "one", b'{"s":2}', "list.1")], "id": 1}
    yield right("path-list", "an element, and what is inside of another", two, "Paths", paths=["list.1", "list.0.s"])
    yield right("path-none", "no path at all", {"a": 1}, "Paths", paths=[])
    yield right("path-top", "a value that is an array", [field(to, "top", b"7", "0")], "Paths", paths=["0"])
    for i, name in enumerate(("__proto__", "constructor", "0", "\u00fc")):
        value = {name: field(to, f"name-{i}", b"1", name)}
        yield right(f"name-{i}", f"a member of its own that is called {name!a}", value, "Paths", paths=[name])
    dotted = {"a.b": 1, "a": {"b": field(to, "dotted", b"2", "a.b")}}
    yield right("dotted", "a name with a dot beside the path", dotted, "Paths", paths=["a.b"])


def _others(to: Recipient, draw: Draw) -> Iterator[Test]:
    own, inner = field(to, "own", b"1", "a"), field(to, "inner", b"2", "a")
    theirs = field(Recipient(draw.under("other")), "theirs", b"3", "b")
    both = {"a": own, "b": theirs}
    yield right("other-key", "a field that is sealed for another key", both, "OthersField", paths=["a"])
    broken = {"a": own, "b": {"$nenSealed": True, "v": 9}}
    yield right("other-broken", "something that is marked and no envelope", broken, "OthersField", paths=["a"])
    text = json.dumps(inner, separators=(",", ":")).encode()
    twice = {"a": field(to, "twice", text, "a")}
    yield right("other-inside", "a field that holds a sealed field", twice, "OthersField", paths=["a"])


def _transplanted(to: Recipient, ssn: dict[str, Any]) -> Iterator[Test]:
    for id, path in (("name", "user.name"), ("parent", "user"), ("last", "ssn"), ("case", "user.SSN"),
                     ("index", "users.0.ssn"), ("longer", "user.ssn.x")):  # fmt: skip
        other = field(to, f"from-{id}", b'"999"', path)
        yield wrong(f"from-{id}", f"sealed for {path}", _user(other), "Transplanted", OPENING)
        renamed = _user({**other, "ctx": "field:user.ssn"})
        yield wrong(f"from-{id}-renamed", f"sealed for {path}, and ctx rewritten", renamed, "Transplanted", OPENING)
    swapped = {"user": {"ssn": field(to, "swapped", b'"A"', "user.name"), "name": ssn}}
    yield wrong("swapped", "two fields are exchanged", swapped, "Transplanted", OPENING)
    plain = {"$nenSealed": True, **to.sealed("no-context", b'"999"')}
    yield wrong("no-context", "an envelope without a context", _user(plain), "Transplanted", OPENING)
    named = {"$nenSealed": True, **to.sealed("bare-path", b'"999"', "user.ssn")}
    yield wrong("bare-path", "an envelope whose context is the path alone", _user(named), "Transplanted", OPENING)
    stripped = _user(without(ssn, "ctx"))
    yield wrong("ctx-stripped", "the right one, but ctx taken away", stripped, "Transplanted", OPENING)


def _plain(to: Recipient, ssn: dict[str, Any]) -> Iterator[Test]:
    values: tuple[tuple[str, str, object], ...] = (
        ("text", "a text", "123"), ("null", "null", None), ("number", "a number", 7), ("object", "an object", {}),
        ("array", "an array", []), ("array-of-field", "an array with the field in it", [ssn]),
        ("not-marked", "the envelope without its mark", without(ssn, "$nenSealed")),
        ("mark-false", "the mark is false", {**ssn, "$nenSealed": False}),
        ("mark-1", "the mark is 1", {**ssn, "$nenSealed": 1}),
        ("mark-text", "the mark is a text", {**ssn, "$nenSealed": "true"}),
        ("mark-null", "the mark is null", {**ssn, "$nenSealed": None}),
        ("mark-case", "the mark in another case", {"$nensealed": True, **without(ssn, "$nenSealed")}),
    )  # fmt: skip
    for id, comment, value in values:
        yield wrong(f"plain-{id}", f"in its place: {comment}", _user(value), "Plain", SHAPE)
    yield wrong("plain-gone", "the field is gone", {"user": {"name": "A"}}, "Nowhere", SHAPE)
    yield wrong("plain-parent-gone", "what it stands in is gone", {"id": 1}, "Nowhere", SHAPE)


def _not_json(to: Recipient) -> Iterator[Test]:
    texts = (
        ("empty", "no bytes", b""), ("unclosed", "an object that is not closed", b'{"a":1'),
        ("two", "two values", b"1 2"), ("not-utf-8", "bytes that are no UTF-8", b'"\xff"'),
        ("nan", "NaN", b"NaN"), ("twice", "a member comes twice", b'{"a":1,"a":2}'),
        ("surrogate", "half of a surrogate pair", b'"\\ud800"'), ("bom", "a byte order mark", b"\xef\xbb\xbf1"),
        ("deep", "129 levels", b"[" * 129 + b"]" * 129), ("digits", "a number of 4301 digits", b"1" * 4301),
    )  # fmt: skip
    for id, comment, payload in texts:
        value = {"a": field(to, f"not-json-{id}", payload, "a")}
        yield wrong(f"not-json-{id}", comment, value, "PayloadNotJson", NOT_JSON)


def _envelopes(draw: Draw, ssn: dict[str, Any]) -> Iterator[Test]:
    changes: tuple[tuple[str, str, dict[str, object], tuple[str, ...]], ...] = (
        ("v-2", "v is 2", {"v": 2}, SHAPE), ("ct-number", "ct is a number", {"ct": 7}, SHAPE),
        ("ct-base64", "ct is not base64", {"ct": "?"}, DECODING), ("ctx-null", "ctx is null", {"ctx": None}, SHAPE),
        ("kem-short", "kem of 1087 bytes", {"kem": resized(ssn["kem"], 1087)}, KEM_SIZE),
    )  # fmt: skip
    for id, comment, change, codes in changes:
        yield wrong(f"envelope-{id}", comment, _user({**ssn, **change}), "EnvelopeForm", codes)
    altered = _user({**ssn, "ct": with_bit(ssn["ct"])})
    yield wrong("envelope-altered", "a bit of ct is altered", altered, "Altered", OPENING)
    theirs = field(Recipient(draw.under("other")), "theirs", b'"123"', "user.ssn")
    yield wrong("envelope-for-another", "sealed for another key", _user(theirs), "Altered", OPENING)
    yield wrong("body-not-json", "the value is no JSON", '{"user":', "NotJson", SHAPE)


def _nowhere(value: dict[str, Any]) -> Iterator[Test]:
    paths = [("missing", "missing", "Nowhere"), ("inside-plain", "user.name.x", "Nowhere")]
    paths += [(path.replace("_", "").replace(".", "-").lower(), path, "Inherited") for path in INHERITED[:8]]
    paths += [(f"index-{i}", f"list.{index}", "Index") for i, index in enumerate(INDICES)]
    paths += [("empty", "", "EmptyName"), ("empty-inside", "user..ssn", "EmptyName")]
    for id, path, flag in paths:
        yield wrong(f"nowhere-{id}", f"the path {path!a}", value, flag, SHAPE, paths=[path])


def _nested(to: Recipient, value: dict[str, Any]) -> Iterator[Test]:
    inner = json.dumps({"b": field(to, "inside", b"1", "a.b")}).encode()
    nested = {"a": field(to, "outside", inner, "a")}
    yield wrong("nested", "the paths a and a.b", nested, "Nested", SHAPE, paths=["a", "a.b"])
    yield wrong("nested-last", "the paths a.b and a", nested, "Nested", SHAPE, paths=["a.b", "a"])
    yield wrong("nested-sealed", "a path into a sealed field", value, "Nested", SHAPE, paths=["user.ssn.ct"])
    yield wrong("nested-twice", "a path twice", value, "Nested", SHAPE, paths=["user.ssn", "user.ssn"])


def random(draw: Draw, i: int) -> Test:
    to = Recipient(draw)
    payload = b'"%s"' % draw("payload", 8).hex().encode()
    sealed = field(to, "field", payload, "a.0")
    given = {"dk": to.dk, "paths": ["a.0"]}
    if i % 2:
        return right(f"random-{i}", "a drawn field", {"a": [sealed, i]}, "Basic", **given)
    changed = {**sealed, "ct": with_bit(sealed["ct"], draw.below("place", 34), draw.below("bit", 8))}
    return wrong(f"random-{i}", "a drawn field with a bit of ct altered", {"a": [changed]}, "Altered", OPENING, **given)


SUITE = VectorSuite(
    name="seal/fields_open",
    title="Opening sealed fields",
    operation="seal.open_fields",
    covers=("SEAL-FLD-01", "SEAL-FLD-03", "SEAL-FLD-04"),
    flags=flags("Basic", "NotJson", "Altered", **OWN),
    fixed=fixed,
    random=random,
    count=4,
)
