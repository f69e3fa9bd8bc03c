"""The catalogue of cases against the specification."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from nen_ref.conformance.model import ACCEPTED, NOT_FOUND, REFUSED
from nen_ref.conformance.registry import SECTIONS, all_cases
from nen_ref.conformance.requirements import requirements
from nen_ref.protocol.errors import CATALOGUE

# Requirements on servers that no case tests, each with its reason.
NOT_TESTED = {
    "V1-HS-14": "a refused handshake has no session id to ask about; tests/http looks into the store",
    "V1-ID-06": "needs a server configured to require an identity; tests/protocol has one",
    "V1-STR-07": "2^32 events cannot be sent in a test; tests/protocol sets the counter",
    "V1-STR-15": "the demonstration route has all chunks at once; tests/http holds a stream open",
    "V1-STR-16": "needs a handler that fails; tests/http has one",
    "V1-LIFE-05": "the published order, drop and then handshake, allows either; tests/http checks ours",
    "V1-LIFE-06": "a session lives for an hour; tests/stores moves the clock",
    "V1-AUTH-13": "said in the specification",
    "V1-STORE-01": "a promise of the inside; tests/stores",
    "V1-STORE-02": "a promise of the inside; tests/stores",
}


def test_at_least_eighty_cases_over_all_sections() -> None:
    sections = Counter(case.section for case in all_cases())
    assert sum(sections.values()) >= 80
    assert set(sections) == set(SECTIONS)


def test_every_requirement_on_servers_has_a_case_or_a_reason() -> None:
    tested = {case.requirement for case in all_cases()}
    binding = {rule.id for rule in requirements().values() if rule.side in ("server", "both")}
    assert binding - tested == set(NOT_TESTED)


def test_requirements_without_a_case_are_tested_here() -> None:
    tests = Path(__file__).parents[1]
    ours = "".join(
        file.read_text(encoding="utf-8")
        for name in ("protocol", "stores", "http")
        for file in (tests / name).glob("*.py")
    )
    assert [id for id in NOT_TESTED if id not in ours] == ["V1-AUTH-13"]


def test_the_level_of_a_case_follows_its_requirement() -> None:
    """But where a case asks for more, or for less, than the sentence does for sure."""
    exceptions = {case.id for case in all_cases() if case.level != requirements()[case.requirement].level}
    assert exceptions == {
        "v1/response/nonces-random",
        "v1/error/message-is-constant",
        "v1/lifecycle/rotate-without-session",
        "v1/response/no-store",
        "v1/stream/base-nonces-random",
        "v1/stream/without-body",
        "v1/stream/fresh-base-nonce",
        "v1/stream/base-nonce-not-of-the-request",
    }


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
