"""Traceability: for each requirement, what implements it, what tests it, and what proves that the tests bite.

Code cites requirements by their ids in docstrings and comments, further ones of the same area by `, -nn`, and ranges by
`V1-AREA-nn to V1-AREA-nn`. Cases and mutants name the one requirement they are about, vectors all that they cover.
"""

from __future__ import annotations

import ast
import json
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nen_ref
from nen_ref.conformance.model import Case
from nen_ref.conformance.mutants.model import Mutant, all_mutants
from nen_ref.conformance.registry import first_cases
from nen_ref.conformance.requirements import Requirement, requirements
from nen_ref.vectors.published import published_folder

# These declare cases, mutants and vectors, and are counted as such.
CATALOGUES = ("nen_ref/conformance/cases/", "nen_ref/conformance/mutants/", "nen_ref/vectors/suites/")

_ID = re.compile(r"(?:V\d|SEAL)-[A-Z]+-\d\d")
_CITED = re.compile(
    r"(?P<area>(?:V\d|SEAL)-[A-Z]+)-(?P<first>\d\d)\b"
    r"(?P<more>(?:(?:,|,? and|,?\s+to)\s+-\d\d\b|\s+to\s+(?P=area)-\d\d\b)*)"
)
_MORE = re.compile(r"(?P<to>\bto\s+)?(?:(?:V\d|SEAL)-[A-Z]+)?-(?P<number>\d\d)")
_ISO = re.compile(r"ISO-\d{4}")


@dataclass(frozen=True)
class Place:
    """A place in the code: the file from the root of the repository, and the function, class or constant in it that
    cites a requirement, as `Class.method`; empty for the module itself."""

    file: str
    name: str


@dataclass(frozen=True)
class Trace:
    """One requirement with all that refers to it. `vectors` are ids by the name of their file; `tests` are those of
    the repository beside the suite, and empty where there is only the package."""

    rule: Requirement
    code: tuple[Place, ...]
    tests: tuple[Place, ...]
    cases: tuple[Case, ...]
    vectors: Mapping[str, tuple[str, ...]]
    mutants: tuple[Mutant, ...]
    codes: tuple[str, ...]

    @property
    def vector_count(self) -> int:
        return sum(map(len, self.vectors.values()))


def cited(text: str) -> Iterator[tuple[int, str]]:
    """The ids that a text cites, lists and ranges written out, each with its place in the text."""
    for match in _CITED.finditer(text):
        area, last = match["area"], int(match["first"])
        yield match.start(), f"{area}-{last:02}"
        for more in _MORE.finditer(match["more"]):
            number = int(more["number"])
            first = last + 1 if more["to"] else number
            for between in range(first, number + 1):
                yield match.start(), f"{area}-{between:02}"
            last = number


def unknown(text: str, document: str = "v1") -> list[str]:
    """The ids of one document of the specification in a text, which the document does not have."""
    known = requirements(document)
    return sorted({id for _, id in cited(text) if id.startswith(document.upper() + "-") and id not in known})


def places(file: str, source: str) -> Iterator[tuple[str, Place]]:
    """Each id that a Python source cites, with the innermost function, class or constant that a reader can look up."""
    starts = [0]  # where each line begins
    for text in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(text))
    named = list(_named(ast.parse(source).body, ""))
    for at, id in cited(source):
        line = bisect_right(starts, at)
        around = [name for name, first, last in named if first <= line <= last]
        yield id, Place(file, around[-1] if around else "")


def _named(body: Sequence[ast.stmt], outer: str) -> Iterator[tuple[str, int, int]]:
    """(name, first line, last line), the outer before the inner; functions inside of functions count as their outer."""
    for node in body:
        last = node.end_lineno or node.lineno
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            yield outer + node.name, first, last
            if isinstance(node, ast.ClassDef):
                yield from _named(node.body, f"{outer}{node.name}.")
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if isinstance(target, ast.Name):
                yield outer + target.id, node.lineno, last


def traces(document: str = "v1", vectors: Path | None = None) -> list[Trace]:
    """All requirements of one document in the order of the specification. `vectors`: a folder of vector files, the
    published one by default. A case counts once, in the first version in which it is about the requirement."""
    root = Path(nen_ref.__file__).parents[1]
    code = _scan(root, "nen_ref")
    tests = _scan(root, "tests")
    covered = covered_by(vectors or published_folder())
    cases, mutants = first_cases(), all_mutants()
    found = []
    for id, rule in requirements(document).items():
        own = tuple(case for case in cases if case.requirement == id)
        codes = {code for case in own for code in case.codes} | set(_ISO.findall(rule.sentence))
        found.append(
            Trace(
                rule, code[id], tests[id], own, covered.get(id, {}),
                tuple(mutant for mutant in mutants if mutant.requirement == id), tuple(sorted(codes)),
            )
        )  # fmt: skip
    return found


def _scan(root: Path, folder: str) -> defaultdict[str, tuple[Place, ...]]:
    found: defaultdict[str, tuple[Place, ...]] = defaultdict(tuple)
    for path in sorted((root / folder).rglob("*.py")):
        file = path.relative_to(root).as_posix()
        if file.startswith(CATALOGUES):
            continue
        for id, place in places(file, path.read_text(encoding="utf-8")):
            if place not in found[id]:
                found[id] += (place,)
    return found


def covered_by(folder: Path) -> dict[str, dict[str, tuple[str, ...]]]:
    """By requirement and file, the ids of the vectors that cover it; their sections of standards are left out."""
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    for entry in index["files"]:
        document = json.loads((folder / entry["path"]).read_text(encoding="utf-8"))
        for group in document["groups"]:
            for test in group["tests"]:
                covers = [*document["covers"], *group.get("covers", ()), *test.get("covers", ())]
                for id in dict.fromkeys(filter(_ID.fullmatch, covers)):
                    by_file = found.setdefault(id, {})
                    by_file[entry["name"]] = (*by_file.get(entry["name"], ()), test["id"])
    return found


def gaps(found: Iterable[Trace]) -> list[str]:
    """The MUSTs that neither a case nor a vector tests, though the specification does not say why."""
    return [
        trace.rule.id
        for trace in found
        if trace.rule.key_word == "MUST" and not (trace.cases or trace.vectors or trace.rule.untested)
    ]


def document(found: Iterable[Trace], protocol: str = "v1") -> dict[str, Any]:
    """The same for machines."""
    return {"format": "nen-traceability/1", "protocol": protocol, "requirements": [_entry(trace) for trace in found]}


def _entry(trace: Trace) -> dict[str, Any]:
    rule = trace.rule
    return {
        "id": rule.id,
        "key_word": rule.key_word,
        "level": rule.level,
        "side": rule.side,
        "decision": rule.decision,
        "sentence": rule.sentence,
        "why": rule.why,
        "untested": rule.untested,
        "code": [{"file": place.file, "name": place.name} for place in trace.code],
        "tests": [{"file": place.file, "name": place.name} for place in trace.tests],
        "cases": [case.id for case in trace.cases],
        "vectors": {name: list(ids) for name, ids in trace.vectors.items()},
        "mutants": [mutant.id for mutant in trace.mutants],
        "codes": list(trace.codes),
    }
