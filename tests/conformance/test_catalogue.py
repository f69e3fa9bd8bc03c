"""The catalogue of cases against the specification."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from nen_ref.conformance.coverage import NOT_IN, UNPROVOKED, cases_by_code, uncovered
from nen_ref.conformance.model import ACCEPTED, NOT_FOUND, REFUSED, Kind
from nen_ref.conformance.registry import SECTIONS, all_cases
from nen_ref.conformance.requirements import requirements
from nen_ref.conformance.targets import known_needs
from nen_ref.protocol.errors import CATALOGUE


def test_enough_cases_over_all_sections() -> None:
    sections = Counter(case.section for case in all_cases())
    assert set(sections) == set(SECTIONS)
    kinds = Counter(case.kind for case in all_cases())
    assert kinds[Kind.SERVER] >= 230
    assert kinds[Kind.CLIENT] >= 110
    assert kinds[Kind.LIBRARY] >= 80


def test_every_requirement_has_a_case_or_says_why_not() -> None:
    without = uncovered(all_cases(), "v1")
    assert [rule.id for rule in without if not rule.untested] == []
    excused = {rule.id for rule in requirements().values() if rule.untested}
    assert excused == {rule.id for rule in without}, "a case tests what is said not to be testable"


def test_both_sides_of_a_requirement_are_tested() -> None:
    """A rule for clients has a case that a client or a library can fail, and one for servers alike."""
    tested = {kind: {case.requirement for case in all_cases() if case.kind is kind} for kind in Kind}
    rules = [rule for rule in requirements().values() if not rule.untested]
    client = {rule.id for rule in rules if rule.side == "client"}
    server = {rule.id for rule in rules if rule.side == "server"}
    assert client - tested[Kind.CLIENT] - tested[Kind.LIBRARY] == set()
    assert server - tested[Kind.SERVER] - tested[Kind.LIBRARY] == set()


def test_requirements_without_a_case_are_tested_here() -> None:
    tests = Path(__file__).parents[1]
    ours = "".join(
        file.read_text(encoding="utf-8")
        for name in ("protocol", "stores", "http")
        for file in (tests / name).glob("*.py")
    )
    assert [rule.id for rule in uncovered(all_cases(), "v1") if rule.id not in ours] == ["V1-AUTH-13"]


@pytest.mark.parametrize("code", CATALOGUE)
def test_every_error_code_is_provoked_on_each_side_where_it_can_occur(code: str) -> None:
    found = cases_by_code(all_cases(), code)
    side = CATALOGUE[code].side
    if code in NOT_IN["v1"]:
        assert not any(found.values())
        return
    sides = {"server": (Kind.SERVER,), "client": (Kind.CLIENT,), "both": (Kind.SERVER, Kind.CLIENT)}[side]
    for kind in sides:
        assert bool(found[kind]) != ((code, kind) in UNPROVOKED), f"no case provokes it on a {kind}, or it is excused"
    assert any(found.values())


def test_a_case_that_opens_a_stream_or_calls_an_operation_says_so() -> None:
    known = known_needs()
    for case in all_cases():
        assert set(case.needs) <= known, case.id
        assert case.kind is Kind.SERVER or case.needs, case.id


def test_the_level_of_a_case_follows_its_requirement() -> None:
    """But where a case asks for more, or for less, than the sentence does for sure."""
    exceptions = {case.id for case in all_cases() if case.level != requirements()[case.requirement].level}
    known = (Path(__file__).parent / "level_exceptions.txt").read_text(encoding="utf-8").split()
    assert exceptions == set(known)


def test_cases_are_complete() -> None:
    for case in all_cases():
        assert case.title.endswith("."), case.id
        assert case.why, case.id
        for entry in case.acceptable:
            known = entry in CATALOGUE or entry in (ACCEPTED, REFUSED, NOT_FOUND, "401")
            assert known or entry in ("without an ISO code", "a success that is not sealed"), (case.id, entry)


def test_requirements_have_one_form() -> None:
    text = (Path(__file__).parents[2] / "spec" / "v1.md").read_text(encoding="utf-8")
    ids = re.findall(r"^\*\*(V1-[A-Z]+-\d\d)\*\*", text, re.MULTILINE)
    assert ids == list(requirements())
    must = re.findall(r"\b(?:MUST|SHOULD)\b", text)
    assert len(must) == len(ids), "a key word stands outside of a numbered requirement"


def test_published_case_ids_still_exist() -> None:
    """Case ids are permanent: this list only ever grows."""
    known = (Path(__file__).parent / "published_cases.txt").read_text(encoding="utf-8").split()
    ids = [case.id for case in all_cases()]
    assert set(known) <= set(ids)
    assert set(ids) <= set(known), "add the new case to published_cases.txt"
