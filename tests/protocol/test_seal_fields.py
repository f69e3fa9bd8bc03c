"""Sealed fields: what opens where, and paths that lead nowhere."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from nen_ref.protocol.seal_fields import open_fields, seal_fields
from tests.protocol.oracle import JSON_VALUES, b64, refused, secret
from tests.protocol.seal_oracle import OTHER, RECIPIENT, M, N, field, opened, sealed
from tests.protocol.test_seal import DK, OTHER_DK, altered

PLAIN: dict[str, Any] = {"user": {"ssn": "123", "name": "A"}, "list": [{"s": 1}, {"s": 2}], "id": 1}
SSN = field("123", "user.ssn")
SEALED: dict[str, Any] = {**PLAIN, "user": {"ssn": SSN, "name": "A"}}


def opens(value: object, *paths: str) -> Any:
    return open_fields(DK, value, paths=set(paths))


def fails(code: str, value: object, *paths: str) -> None:
    refused(code, open_fields, DK, value, paths=set(paths))


def seals(value: object, *paths: str) -> Any:
    return seal_fields(RECIPIENT.ek, value, {path: (secret(f"m {path}"), secret(f"n {path}", 12)) for path in paths})


def test_a_field_is_an_envelope_of_its_json_with_the_mark() -> None:
    """SEAL-FLD-01, SEAL-FLD-02."""
    made = seals(PLAIN, "user.ssn", "list.1", "list.0.s")
    for place, path, value in (
        (made["user"]["ssn"], "user.ssn", "123"),
        (made["list"][1], "list.1", {"s": 2}),
        (made["list"][0]["s"], "list.0.s", 1),
    ):
        assert list(place) == ["$nenSealed", "v", "kem", "n", "ct", "ctx"]
        assert (place["$nenSealed"], place["ctx"]) == (True, f"field:{path}")
        assert json.loads(opened(place, f"field:{path}")) == value
    assert (made["user"]["name"], made["id"], list(made)) == ("A", 1, list(PLAIN))


def test_what_is_sealed_elsewhere_opens_here() -> None:
    """SEAL-FLD-03."""
    before = copy.deepcopy(SEALED)
    assert opens(SEALED, "user.ssn") == PLAIN
    assert before == SEALED
    assert opens([field({"a": [None]}, "0")], "0") == [{"a": [None]}]


@settings(max_examples=15, deadline=None)
@given(JSON_VALUES, st.text(st.characters(codec="utf-8", exclude_characters="."), min_size=1))
def test_a_value_comes_back_as_it_was(value: object, name: str) -> None:
    assume(name != "$nenSealed")
    document = {name: [value, value], "other": value} if name != "other" else {name: [value, value]}
    made = seals(document, f"{name}.1")
    assert json.loads(opened(made[name][1], f"field:{name}.1")) == value
    assert opens(made, f"{name}.1") == document


def test_a_field_that_stands_elsewhere_is_refused() -> None:
    """SEAL-FLD-03: moved whole, and with its context rewritten."""
    moved = {"user": {"ssn": field("A", "user.name"), "name": SSN}}
    fails("ISO-4001", moved, "user.ssn")
    fails("ISO-4001", moved, "user.name")
    fails("ISO-4001", {"user": {"ssn": {**field("A", "user.name"), "ctx": "field:user.ssn"}}}, "user.ssn")
    fails("ISO-4001", {"list": [field(2, "list.1"), field(1, "list.0")]}, "list.0")
    unmarked = {"$nenSealed": True, **sealed(b'"123"')}
    fails("ISO-4001", {"user": {"ssn": unmarked}}, "user.ssn")
    fails("ISO-4001", {"user": {"ssn": {**unmarked, "ctx": "user.ssn"}}}, "user.ssn")


@pytest.mark.parametrize(
    "plain",
    [
        "123",
        None,
        {},
        [],
        {"$nenSealed": False},
        {"$nenSealed": 1, **sealed(b"1", "field:user.ssn")},
        sealed(b"1", "field:user.ssn"),
    ],
)
def test_a_field_in_plain_is_refused_where_a_sealed_one_is_expected(plain: object) -> None:
    """SEAL-FLD-04."""
    fails("ISO-6001", {"user": {"ssn": plain}}, "user.ssn")


def test_which_fields_are_sealed_has_to_be_stated() -> None:
    """SEAL-FLD-04."""
    with pytest.raises(TypeError):
        open_fields(DK, SEALED)  # type: ignore[call-arg]


@pytest.mark.parametrize("content", [b"", b"123 4", b"{", b"\xff", b'{"a":1,"a":2}', b'"\\ud800"', b"NaN", b"[" * 200])
def test_a_field_that_holds_no_json_is_refused(content: bytes) -> None:
    """SEAL-FLD-05."""
    fails("ISO-4003", {"a": {"$nenSealed": True, **sealed(content, "field:a")}}, "a")


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("value", [float("nan"), float("-inf"), "\ud800", {"a": ["\udfff"]}, nested(129), nested(9999)])
def test_what_no_opener_takes_is_not_sealed(value: Any) -> None:
    """SEAL-FLD-05: what it holds would be lost."""
    refused("ISO-4003", seals, {"a": value}, "a")
    assert opens(seals({"a": nested(128)}, "a"), "a") == {"a": nested(128)}


def test_an_envelope_of_another_form_is_refused_as_everywhere() -> None:
    """SEAL-FLD-03, SEAL-ENV-04, -05, -06."""
    for change, code in (
        ({"v": 2}, "ISO-6001"),
        ({"ct": "?"}, "ISO-6002"),
        ({"kem": b64(bytes(3))}, "ISO-1002"),
        ({"ct": altered(SSN["ct"])}, "ISO-4001"),
    ):
        fails(code, {"user": {"ssn": {**SSN, **change}}}, "user.ssn")
    refused("ISO-4001", open_fields, OTHER_DK, SEALED, paths={"user.ssn"})


@pytest.mark.parametrize("path", ["", ".", "user.", ".user", "user..ssn"])
def test_a_path_has_no_empty_names(path: str) -> None:
    """SEAL-FLD-06."""
    fails("ISO-6001", SEALED, path)
    refused("ISO-6001", seals, {"": {"": 1}, "user": {"": 1}}, path)


@pytest.mark.parametrize("paths", [("user", "user.ssn"), ("list.1.s", "list.1"), ("list.1", "list.1.s.t", "id")])
def test_no_path_leads_into_another(paths: tuple[str, ...]) -> None:
    """SEAL-FLD-06."""
    refused("ISO-6001", seals, PLAIN, *paths)
    fails("ISO-6001", SEALED, *paths)
    inside = {"a": field({"b": field(1, "a.b")}, "a")}
    fails("ISO-6001", inside, "a", "a.b")
    assert opens(opens(inside, "a"), "a.b") == {"a": {"b": 1}}  # one after the other is another thing
    made = seals({"a": 1, "ab": 2, "a!": {"b": 3}}, "a", "ab", "a!.b")  # beginning alike is not leading into
    assert opens(made, "a", "ab", "a!.b") == {"a": 1, "ab": 2, "a!": {"b": 3}}


@pytest.mark.parametrize(
    "path",
    [
        "missing", "user.missing", "user.ssn.x", "user.name.0", "id.x",
        "list.2", "list.-1", "list.00", "list.01", "list.+1", "list.1.0", "list.x", "list.١", "list.1e0", "list.length",
        "list." + "9" * 5000,
        "__proto__", "__proto__.polluted", "constructor", "constructor.name", "user.__proto__", "toString", "user.keys",
    ],
)  # fmt: skip
def test_a_path_that_leads_nowhere_is_refused(path: str) -> None:
    """SEAL-FLD-07."""
    refused("ISO-6001", seals, PLAIN, path)
    fails("ISO-6001", SEALED, path)


def test_a_path_does_not_lead_through_a_sealed_field() -> None:
    """SEAL-FLD-07."""
    fails("ISO-6001", SEALED, "user.ssn.ct")
    refused("ISO-6001", seals, SEALED, "user.ssn.ct")


def test_a_name_is_just_a_name() -> None:
    """SEAL-FLD-07: members that an object has of its own, whatever they are called; one with a dot has no path."""
    for name in ("__proto__", "constructor", "0", "$nen", "ü"):
        assert opens({name: field(1, name)}, name) == {name: 1}
    fails("ISO-6001", {"a.b": field(1, "a.b")}, "a.b")
    assert opens({"a.b": 1, "a": {"b": field(2, "a.b")}}, "a.b") == {"a.b": 1, "a": {"b": 2}}


def test_other_sealed_fields_stay_as_they_are() -> None:
    """SEAL-FLD-08: also what a field held that looks like one."""
    theirs = {"$nenSealed": True, **sealed(b"1", "field:b", ek=OTHER.ek)}
    assert opens({"a": field(1, "a"), "b": theirs}, "a") == {"a": 1, "b": theirs}
    assert opens({"b": theirs}) == {"b": theirs}
    inner = field("x", "a")
    assert opens({"a": field(inner, "a")}, "a") == {"a": inner}


def test_as_published_a_field_can_be_moved_to_the_same_place_of_another_document() -> None:
    """A weakness of the published form (spec/seal.md): the context names the path alone."""
    documents = [{"id": id, "ssn": field(ssn, "ssn")} for id, ssn in ((1, "111"), (2, "222"))]
    swapped = {**documents[0], "ssn": documents[1]["ssn"]}
    assert opens(swapped, "ssn") == {"id": 1, "ssn": "222"}


def test_the_draws_of_each_field_are_its_own() -> None:
    """SEAL-ENV-02."""
    made = seal_fields(RECIPIENT.ek, {"a": 1, "b": 1}, {"a": (M, N), "b": (N + M[12:], N)})
    assert made["a"]["kem"] != made["b"]["kem"]  # type: ignore[index]
