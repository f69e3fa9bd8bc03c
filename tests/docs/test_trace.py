"""Traceability: every MUST is tested or says why not, and nobody cites a requirement that does not exist.

That every requirement has a case, and both sides of it, is for tests/conformance/test_catalogue.py.
"""

from __future__ import annotations

import dataclasses
import json
import re
from functools import cache
from pathlib import Path

import pytest

from nen_ref.conformance.mutants.model import all_mutants
from nen_ref.conformance.requirements import requirements
from nen_ref.conformance.trace import Place, Trace, cited, covered_by, document, gaps, places, traces, unknown
from nen_ref.vectors.published import published_folder

ROOT = Path(__file__).parents[2]
TEXTS = (".py", ".md", ".mjs", ".js", ".toml", ".txt", ".go", ".c", ".h", ".json")
# Built from parts, so that this file does not itself cite what does not exist.
DOCUMENTS = ("v1", "v2", "v3", "seal")
AREA = "V1-" + "HS"
NOWHERE = f"{AREA}-99"
EXAMPLES_OF_UNKNOWN = {"docs/guides/extend.md": ["V1-" + "ERR-99"]}
"""Where an id that does not exist is the example of a new one."""


@cache
def traced(document: str) -> list[Trace]:
    return traces(document)


@pytest.fixture(scope="module")
def found() -> list[Trace]:
    return traced("v1")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_must_has_a_case_or_a_vector_or_says_why_not(document: str) -> None:
    assert [trace.rule.id for trace in traced(document)] == list(requirements(document))
    assert gaps(traced(document)) == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_code_names_every_requirement(document: str) -> None:
    assert [trace.rule.id for trace in traced(document) if not trace.code] == []


def test_a_must_that_nothing_tests_is_found(found: list[Trace]) -> None:
    tested = next(trace for trace in found if trace.rule.key_word == "MUST" and trace.cases and trace.vectors)
    bare = dataclasses.replace(tested, cases=(), vectors={})
    assert gaps([tested, bare]) == [tested.rule.id]
    assert gaps([dataclasses.replace(bare, cases=tested.cases)]) == []
    assert gaps([dataclasses.replace(bare, vectors=tested.vectors)]) == []
    excused = dataclasses.replace(tested.rule, untested="nobody can see it")
    assert gaps([dataclasses.replace(bare, rule=excused)]) == []


@pytest.mark.parametrize("folder", ["nen_ref", "tests", "docs", "spec", "vectors"])
def test_nobody_cites_a_requirement_that_does_not_exist(folder: str) -> None:
    """Code, comments, docstrings, tests, pages, and the vectors with their flags."""
    wrong = {}
    for path in sorted((ROOT / folder).rglob("*")):
        if path.suffix in TEXTS and path.is_file() and "node_modules" not in path.parts:
            name = path.relative_to(ROOT).as_posix()
            text = path.read_text(encoding="utf-8")
            ids = [id for document in DOCUMENTS for id in unknown(text, document)]
            if ids != EXAMPLES_OF_UNKNOWN.get(name, []):
                wrong[name] = ids
    assert wrong == {}


def test_an_unknown_id_is_found() -> None:
    assert unknown(f'"""Something. {NOWHERE}."""') == [NOWHERE]
    assert unknown(f"{AREA}-01, -99") == [NOWHERE]
    assert unknown(f"{AREA}-01 and V2-" + "REQ-77") == []
    assert unknown("V2-" + "REQ-77 and V2-REQ-01", "v2") == ["V2-" + "REQ-77"]
    assert unknown("SEAL-ENV-01 and SEAL-" + "ENV-77", "seal") == ["SEAL-" + "ENV-77"]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("-01", [1]),
        ("-10, -12, -13.", [10, 12, 13]),
        ("-10 and -12", [10, 12]),
        (f"-01 to {AREA}-05", [1, 2, 3, 4, 5]),
        (f"-01 to\n{AREA}-03", [1, 2, 3]),
        ("-01 to -03, -07", [1, 2, 3, 7]),
        (f"-01, {AREA}-03", [1, 3]),
        ("-01, 12 to 14", [1]),
        ("-01-02", [1]),
    ],
)
def test_lists_and_ranges(text: str, numbers: list[int]) -> None:
    assert [id for _, id in cited(AREA + text)] == [f"{AREA}-{number:02}" for number in numbers]


def test_the_place_of_a_citation() -> None:
    source = f'''"""The module. {AREA}-01."""

LIMIT = 5  # {AREA}-02


class Server:
    """{AREA}-03."""

    @decorated  # {AREA}-04
    def answer(self):
        def inner():
            return 1  # {AREA}-05

        return inner


async def ask():
    pass  # {AREA}-06
'''
    names = {int(id[-2:]): place for id, place in places("nen_ref/x.py", source)}
    expected = ["", "LIMIT", "Server", "Server.answer", "Server.answer", "ask"]
    assert names == {number: Place("nen_ref/x.py", name) for number, name in enumerate(expected, 1)}


def test_what_is_known_to_implement_a_requirement_is_found(found: list[Trace]) -> None:
    by_id = {trace.rule.id: trace for trace in found}
    signature = by_id["V1-AUTH-04"]
    assert Place("nen_ref/protocol/verification.py", "check_signature") in signature.code
    assert "v1/auth/signature-altered" in [case.id for case in signature.cases]
    assert "v1/request_verification/signature-byte-0" in signature.vectors["v1/request_verification"]
    assert "ISO-3002" in signature.codes


def test_nothing_is_lost_on_the_way() -> None:
    every = [trace for document in DOCUMENTS for trace in traced(document)]
    assert sum(len(trace.mutants) for trace in every) == len(all_mutants())
    ids = {trace.rule.id for trace in every}
    for id, by_file in covered_by(published_folder()).items():
        assert id in ids
        for name, tests in by_file.items():
            text = (published_folder() / f"{name}.json").read_text(encoding="ascii")
            assert (
                len(set(tests))
                == len(tests)
                <= len(re.findall(r'^ *"id": "', text, re.MULTILINE)) + text.count('{"id"')
            )


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_document_for_machines(name: str) -> None:
    made = json.loads(json.dumps(document(traced(name), name)))
    entries = made["requirements"]
    assert made["protocol"] == name
    assert [entry["id"] for entry in entries] == list(requirements(name))
    assert {entry["level"] for entry in entries} <= {"required", "recommended", "hardening"}
    for entry in entries:
        for place in entry["code"] + entry["tests"]:
            assert (ROOT / place["file"]).is_file()
