"""seal/fields_seal: a JSON value with some of its fields sealed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Found, Group, Test, VectorSuite, invalid, valid
from nen_ref.vectors.suites.seal_tools import KEY, SHAPE, Recipient, flags, text_of

VALUE: dict[str, Any] = {"user": {"ssn": "123", "name": "A"}, "list": [{"s": 1}, {"s": 2}], "id": 1, "": {"": 0}}
OWN = {
    "Values": Flag("edge case", "fields of every kind of JSON, also those that are false, empty or null",
                   "a value that is falsy is passed over, and stays in plain", ("SEAL-FLD-01",)),
    "Paths": Flag("edge case", "paths through objects and arrays, and names that are just names",
                  "a field has another context, or another one is sealed", ("SEAL-FLD-02", "SEAL-FLD-07")),
    "Nowhere": Flag("missing check", "a path that leads nowhere",
                    "what the caller believes sealed goes out in plain", ("SEAL-FLD-07",)),
    "Inherited": Flag("missing check", "a path along names that objects and arrays of some languages inherit",
                      "the prototype of all objects is changed", ("SEAL-FLD-07", "CWE-1321")),
    "Index": Flag("malleability", "an index that is written in another way, or is none",
                  "one field has two paths, and so two contexts", ("SEAL-FLD-07",)),
    "EmptyName": Flag("missing check", "a path with an empty name", "one implementation finds the field, another not",
                      ("SEAL-FLD-06",)),
    "Nested": Flag("missing check", "a path into a field that is sealed, or stated as well",
                   "the order in which paths are taken decides what comes out", ("SEAL-FLD-06", "SEAL-FLD-07")),
}  # fmt: skip
VALUES: tuple[tuple[str, object], ...] = (
    ("null", None), ("false", False), ("zero", 0), ("empty-text", ""), ("empty-array", []), ("empty-object", {}),
    ("text", "123"), ("object", {"b": [1, "2"], "a": None}), ("escape", 'a"b\\c'), ("marked", {"$nenSealed": True}),
)  # fmt: skip
NOWHERE = (
    ("missing", "missing"), ("missing-inside", "user.missing"), ("text", "user.ssn.x"), ("text-index", "user.ssn.0"),
    ("number", "id.x"), ("case", "User.ssn"), ("space", "user.ssn "), ("slash", "user/ssn"), ("whole", "user.ssn.name"),
)  # fmt: skip
INHERITED = (
    "__proto__", "__proto__.polluted", "constructor", "constructor.prototype", "user.__proto__", "toString",
    "list.length", "list.__proto__", "user.ssn.length", "list.at",
)  # fmt: skip
INDICES = ("2", "-1", "00", "01", "1.0", "+1", "1e0", "x", " 1", "0x1", "4294967296", "\u0661")
EMPTY = (("nothing", ""), ("dot", "."), ("behind", "user."), ("in-front", ".user"), ("inside", "user..ssn"))
NESTED = (
    ("object", ["user", "user.ssn"]), ("object-last", ["user.ssn", "user"]), ("array", ["list.1.s", "list"]),
    ("twice", ["user.ssn", "user.ssn"]),
)  # fmt: skip


def fixed(draw: Draw, found: Found) -> list[Group]:
    to = Recipient(draw)
    shared = {"ek": to.ek}
    whole = text_of(VALUE)
    return [
        Group("values", tuple(_values(to)), shared),
        Group("paths", tuple(_paths(to, whole)), shared),
        Group("paths that lead nowhere", tuple(_wrong(to, whole)), shared),
        Group("paths into each other", tuple(_nested(to, whole)), shared),
        Group("what cannot be sealed", (
            invalid("not-json", "a text that is no JSON", given(to, "not-json", '{"a":1', ["a"]), "NotJson",
                    codes=SHAPE),
            invalid("key-short", "a key without its last byte",
                    {**given(to, "key-short", whole, ["id"]), "ek": to.ek[:-1]}, "RecipientKey", codes=KEY),
        ), shared),
    ]  # fmt: skip


def given(to: Recipient, label: str, body: str, paths: list[str]) -> dict[str, Any]:
    return {"body": body, "paths": paths, "draws": [to.draws(f"{label}/{i}") for i in range(len(paths))]}


def _values(to: Recipient) -> Iterator[Test]:
    for id, value in VALUES:
        own = given(to, f"value-{id}", text_of({"a": value}), ["a"])
        yield valid(f"value-{id}", f"a field: {id.replace('-', ' ')}", own, "Values")


def _paths(to: Recipient, whole: str) -> Iterator[Test]:
    several: tuple[tuple[str, str, list[str]], ...] = (
        ("none", "no path at all", []), ("member", "one member", ["id"]), ("inside", "a member inside", ["user.ssn"]),
        ("list", "an element and what is inside of another", ["list.0.s", "list.1"]), ("object", "an object", ["user"]),
        ("order", "several, not in the order of the value", ["list.1.s", "id", "user.name"]),
        ("array", "a whole array", ["list"]),
    )  # fmt: skip
    for id, comment, paths in several:
        yield valid(f"path-{id}", comment, given(to, f"path-{id}", whole, paths), "Paths")
    names = ("__proto__", "constructor", "0", "length", "$nenSealed ", "\u00fc", "a b")
    for i, name in enumerate(names):
        own = given(to, f"name-{i}", text_of({name: {"x": 1}}), [f"{name}.x"])
        yield valid(f"name-{i}", f"a member of its own that is called {name!a}", own, "Paths")
    dotted = given(to, "dotted", '{"a.b":1,"a":{"b":2}}', ["a.b"])
    yield valid("dotted", "a member whose name has a dot beside the one that the path leads to", dotted, "Paths")
    at_top = given(to, "at-top", '[[1,2],{"a":3}]', ["0.1", "1.a"])
    yield valid("array-at-top", "a value that is an array", at_top, "Paths")


def _wrong(to: Recipient, whole: str) -> Iterator[Test]:
    paths = [(id, path, "Nowhere") for id, path in NOWHERE]
    paths += [(path.replace("_", "").replace(".", "-").lower(), path, "Inherited") for path in INHERITED]
    paths += [(f"index-{i}", f"list.{index}", "Index") for i, index in enumerate(INDICES)]
    paths += [(f"empty-{id}", path, "EmptyName") for id, path in EMPTY]
    for id, path, flag in paths:
        own = given(to, f"nowhere-{id}", whole, [path])
        yield invalid(f"nowhere-{id}", f"the path {path!a}", own, flag, codes=SHAPE)


def _nested(to: Recipient, whole: str) -> Iterator[Test]:
    for id, paths in NESTED:
        own = given(to, f"nested-{id}", whole, paths)
        yield invalid(f"nested-{id}", f"the paths {' and '.join(paths)}", own, "Nested", codes=SHAPE)
    sealed = text_of({"a": {"$nenSealed": True, **to.sealed("inside", b"1", "field:a")}})
    yield invalid("nested-sealed", "a path into a sealed field", given(to, "nested-sealed", sealed, ["a.ct"]), "Nested",
                  codes=SHAPE)  # fmt: skip


def random(draw: Draw, i: int) -> Test:
    to = Recipient(draw)
    body = text_of({"a": draw("a", 8).hex(), "b": [draw.below("b", 1000), {"c": i}]})
    paths = [["a"], ["b.0", "b.1.c"], ["b"]][i % 3]
    return valid(f"random-{i}", "a drawn value", {"ek": to.ek, **given(to, "value", body, paths)}, "Basic")


SUITE = VectorSuite(
    name="seal/fields_seal",
    title="Sealing fields",
    operation="seal.fields",
    covers=("SEAL-FLD-01", "SEAL-FLD-02"),
    flags=flags("Basic", "NotJson", "RecipientKey", **OWN),
    fixed=fixed,
    random=random,
    count=4,
    notes="What is sealed is the JSON of a field without white space, its members in the order in which they stand.",
)
