"""The catalogue of cases against the specification."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from nen_ref.conformance.coverage import NOT_IN, UNPROVOKED, cases_by_code, uncovered
from nen_ref.conformance.model import ACCEPTED, NOT_FOUND, REFUSED, Kind
from nen_ref.conformance.registry import SECTIONS, all_cases, declared_cases, every_case
from nen_ref.conformance.requirements import PROTOCOLS, in_force, replaced, requirements, rule
from nen_ref.conformance.targets import known_needs
from nen_ref.protocol.errors import CATALOGUE

HERE = Path(__file__).parent
DOCUMENTS = (*PROTOCOLS, "seal")


def test_enough_cases_over_all_sections() -> None:
    sections = Counter(case.section for case in every_case())
    assert set(sections) == set(SECTIONS)
    kinds = Counter(case.kind for case in all_cases())
    assert kinds[Kind.SERVER] >= 230
    assert kinds[Kind.CLIENT] >= 110
    assert kinds[Kind.LIBRARY] >= 80
    own = Counter((case.kind, case.id.partition("/")[0]) for case in declared_cases())
    assert own[Kind.SERVER, "v2"] >= 30
    assert own[Kind.SERVER, "v3"] >= 65
    assert own[Kind.CLIENT, "v2"] >= 14
    assert own[Kind.CLIENT, "v3"] >= 60
    assert own[Kind.LIBRARY, "v2"] >= 24
    assert own[Kind.LIBRARY, "v3"] >= 80


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_requirement_has_a_case_or_says_why_not(protocol: str) -> None:
    without = uncovered(all_cases(protocol), protocol)
    assert [rule.id for rule in without if not rule.untested] == []
    excused = {rule.id for rule in in_force(protocol).values() if rule.untested}
    assert excused == {rule.id for rule in without}, "a case tests what is said not to be testable"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_both_sides_of_a_requirement_are_tested(protocol: str) -> None:
    """A rule for clients has a case that a client or a library can fail, and one for servers alike."""
    tested = {kind: {case.requirement for case in all_cases(protocol) if case.kind is kind} for kind in Kind}
    rules = [rule for rule in in_force(protocol).values() if not rule.untested]
    client = {rule.id for rule in rules if rule.side == "client"}
    server = {rule.id for rule in rules if rule.side == "server"}
    assert client - tested[Kind.CLIENT] - tested[Kind.LIBRARY] == set()
    assert server - tested[Kind.SERVER] - tested[Kind.LIBRARY] == set()


def test_requirements_without_a_case_are_tested_here() -> None:
    tests = HERE.parent
    ours = "".join(
        file.read_text(encoding="utf-8")
        for name in ("protocol", "stores", "http")
        for file in (tests / name).glob("*.py")
    )
    assert [rule.id for rule in uncovered(all_cases(), "v1") if rule.id not in ours] == ["V1-AUTH-13"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("code", CATALOGUE)
def test_every_error_code_is_provoked_on_each_side_where_it_can_occur(protocol: str, code: str) -> None:
    found = cases_by_code(all_cases(protocol), code)
    side = CATALOGUE[code].side
    if code in NOT_IN[protocol]:
        assert not any(found.values())
        return
    sides = {"server": (Kind.SERVER,), "client": (Kind.CLIENT,), "both": (Kind.SERVER, Kind.CLIENT)}[side]
    for kind in sides:
        excused = (code, kind) in UNPROVOKED[protocol]
        assert bool(found[kind]) != excused, f"no case provokes it on a {kind}, or it is excused"
    assert any(found.values())


def test_a_case_that_opens_a_stream_or_calls_an_operation_says_so() -> None:
    known = known_needs()
    for case in every_case():
        assert set(case.needs) <= known, case.id
        assert case.kind is Kind.SERVER or case.needs, case.id


def test_the_level_of_a_case_follows_its_requirement() -> None:
    """But where a case asks for more, or for less, than the sentence does for sure; it does so in every version."""
    exceptions = {case.id for case in declared_cases() if case.level != rule(case.requirement).level}
    known = (HERE / "level_exceptions.txt").read_text(encoding="utf-8").split()
    assert exceptions == set(known)


def test_cases_are_complete() -> None:
    for case in every_case():
        assert case.title.endswith("."), case.id
        assert case.why, case.id
        for entry in case.acceptable:
            known = entry in CATALOGUE or entry in (ACCEPTED, REFUSED, NOT_FOUND, "401", "declined")
            assert known or entry in ("without an ISO code", "a success that is not sealed"), (case.id, entry)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_requirements_have_one_form(document: str) -> None:
    text = (HERE.parents[1] / "spec" / f"{document}.md").read_text(encoding="utf-8")
    ids = re.findall(rf"^\*\*({document.upper()}-[A-Z]+-\d\d)\*\*", text, re.MULTILINE)
    assert ids == list(requirements(document))
    must = re.findall(r"\b(?:MUST|SHOULD)\b", text)
    assert len(must) == len(ids), "a key word stands outside of a numbered requirement"


def test_published_case_ids_still_exist() -> None:
    """Case ids are permanent: this list only ever grows."""
    known = (HERE / "published_cases.txt").read_text(encoding="utf-8").split()
    ids = [case.id for case in every_case()]
    assert len(known) == len(set(known))
    assert set(known) <= set(ids)
    assert set(ids) <= set(known), "add the new case to published_cases.txt"


# Versions


def by_id() -> dict[str, str]:
    return {case.id: case.requirement for case in every_case()}


def test_a_case_holds_in_every_later_version_that_keeps_its_requirement() -> None:
    found = by_id()
    assert found["v1/auth/session-unknown"] == found["v3/auth/session-unknown"] == "V1-AUTH-02"
    assert found["v2/replay/without-body"] == found["v3/replay/without-body"] == "V2-REPLAY-01"
    runs = {case.id: case.run for case in every_case()}
    assert runs["v1/auth/session-unknown"] is runs["v2/auth/session-unknown"] is runs["v3/auth/session-unknown"]


def test_a_case_follows_its_requirement_to_the_one_in_its_place() -> None:
    found = by_id()
    assert [found[f"{version}/auth/method-covered"] for version in PROTOCOLS] == [
        "V1-AUTH-05",
        "V2-AUTH-02",
        "V2-AUTH-02",
    ]
    assert found["v3/handshake/pk-missing"] == "V3-HS-05"


def test_a_case_ends_where_it_says_so() -> None:
    found = by_id()
    assert "v1/auth/nonce-empty-without-body" in found
    assert "v2/auth/nonce-empty-without-body" in found  # one of its own, for another requirement
    assert found["v2/auth/nonce-empty-without-body"] == "V2-AUTH-04"
    assert "v2/identity/accepted" in found
    assert "v3/identity/accepted" not in found


def test_what_is_acceptable_can_change_with_the_version() -> None:
    cases = {case.id: case for case in every_case()}
    assert "ISO-6001" in cases["v1/request/without-body"].acceptable
    assert cases["v2/request/without-body"].acceptable == cases["v3/request/without-body"].acceptable == (ACCEPTED,)
    assert cases["v2/request/without-body"].level == "required"
    assert cases["v1/request/without-body"].level == "hardening"


@pytest.mark.parametrize("protocol", ["v2", "v3"])
def test_no_case_cites_a_requirement_that_its_version_has_not(protocol: str) -> None:
    """But those about another version: how a server of V1 treats a client of V2."""
    known = set(in_force(protocol))
    assert {case.id: case.requirement for case in all_cases(protocol) if case.requirement not in known} == {}


@pytest.mark.parametrize("protocol", ["v2", "v3"])
def test_what_a_version_replaces_was_there_and_what_takes_its_place_is(protocol: str) -> None:
    before = in_force(PROTOCOLS[PROTOCOLS.index(protocol) - 1])
    assert replaced(protocol)
    for old, new in replaced(protocol).items():
        assert old in before
        assert not new or new in requirements(protocol)
        assert old not in in_force(protocol)
