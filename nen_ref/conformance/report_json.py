"""A report for machines: written from a run, and read again for the badge and the comparison."""

from __future__ import annotations

import json
import re
import shlex
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

from nen_ref import __version__
from nen_ref.conformance.model import Implementation, Kind, Outcome, Report, Result
from nen_ref.conformance.report_schema import SCHEMA, report_schema
from nen_ref.conformance.requirements import rule
from nen_ref.conformance.text import shortened, visible
from nen_ref.conformance.verdict import verdict

MAX_SIZE = 64 * 1024 * 1024  # bytes of a report that is read

_NAME = re.compile(r"nen-conformance-report/(\d+)")
_URL = re.compile(r"https?://", re.IGNORECASE)


class ReportError(ValueError):
    """The text is not a report that this version can read; the message names the file, the place and the trouble."""


@dataclass(frozen=True)
class CaseResult:
    """One result as it stands in a report."""

    id: str
    kind: Kind
    requirement: str
    sentence: str
    level: str
    title: str
    outcome: Outcome
    observed: str

    @property
    def gates(self) -> bool:
        return self.level == "required" and self.outcome.is_finding


@dataclass(frozen=True)
class ReportDocument:
    """A report that was read, whole and without contradiction. `name` is that of its file."""

    name: str
    suite: str
    protocol: str
    implementation: Implementation
    passed: bool
    results: tuple[CaseResult, ...]

    def count(self, outcome: Outcome) -> int:
        return sum(result.outcome is outcome for result in self.results)


def report_json(report: Report) -> str:
    """The report as JSON text, results in the order of the catalogue; with a seed it holds nothing that varies."""
    timed = report.seed is None
    document = {
        "schema": SCHEMA,
        "suite": {"name": "nen-ref", "version": __version__},
        "protocol": report.protocol,
        "implementation": {
            "target": visible(report.implementation.target),
            "name": visible(report.implementation.name),
            "version": visible(report.implementation.version),
            "language": visible(report.implementation.language),
        },
        "seed": report.seed,
        "passed": verdict(report).ok,
        "counts": {outcome.value: report.count(outcome) for outcome in Outcome},
        "seconds": round(report.seconds, 3) if timed else None,
        "results": [_result(result, report.implementation, timed) for result in report.results],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def reproduce(case_id: str, implementation: Implementation) -> str:
    """The command that runs one case again; without a target it examines the reference itself."""
    target = visible(implementation.target)
    command = f"nen-ref conformance run {case_id}"
    if not target:
        return command
    return f"{command} {shlex.quote(target)}" if _URL.match(target) else f"{command} -- {target}"


def load_report(path: Path) -> ReportDocument:
    """`read_report` of a file; `ReportError` also if it cannot be read."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_SIZE + 1)
    except OSError as fault:
        raise ReportError(f"{path}: cannot be read: {fault.strerror}") from fault
    if len(content) > MAX_SIZE:
        raise ReportError(f"{path}: larger than {MAX_SIZE} bytes: not a report")
    try:
        return read_report(content.decode("utf-8"), str(path))
    except UnicodeDecodeError as fault:
        raise ReportError(f"{path}: not UTF-8, at byte {fault.start}") from fault


def read_report(text: str, name: str = "report") -> ReportDocument:
    """Read a report of this schema, written by any version of the suite; `ReportError` for anything else."""
    document = _parse(text, name)
    _check_schema(document, name)
    results = tuple(_read_result(entry) for entry in document["results"])
    _check_sums(document, results, name)
    return ReportDocument(
        name=name,
        suite=f"{document['suite']['name']} {document['suite']['version']}",
        protocol=document["protocol"],
        implementation=Implementation(**document["implementation"]),
        passed=document["passed"],
        results=results,
    )


def _result(result: Result, implementation: Implementation, timed: bool) -> dict[str, Any]:
    case = result.case
    members = {
        "id": case.id,
        "kind": case.kind.value,
        "requirement": case.requirement,
        "sentence": rule(case.requirement).sentence,
        "level": case.level,
        "title": case.title,
        "outcome": result.outcome.value,
        "expected": list(case.acceptable),
        "observed": visible(result.observed),
        "codes": list(result.codes),
        "divergence": visible(result.divergence),
        "seconds": round(result.seconds, 3) if timed else None,
    }
    if result.outcome.is_finding:
        members |= {"why": case.why, "cause": result.cause, "reproduce": reproduce(case.id, implementation)}
    return members


def _parse(text: str, name: str) -> Any:
    if not text.strip():
        raise ReportError(f"{name}: empty")
    try:
        return json.loads(text)
    except json.JSONDecodeError as fault:
        cut = "cut off" if fault.pos >= len(text.rstrip()) or fault.msg.startswith("Unterminated") else "not JSON"
        raise ReportError(f"{name}: {cut} at line {fault.lineno}, column {fault.colno}: {fault.msg}") from fault
    except (RecursionError, ValueError) as fault:
        raise ReportError(f"{name}: not a report: nested too deeply, or a number too long") from fault


def _check_schema(document: Any, name: str) -> None:
    written = document.get("schema") if isinstance(document, dict) else None
    match = _NAME.fullmatch(written) if isinstance(written, str) else None
    if match is None:
        raise ReportError(f"{name}: not a report of the Nen conformance suite: its member schema is not {SCHEMA}")
    if written != SCHEMA:
        known = _NAME.fullmatch(SCHEMA)
        newer = known is not None and int(match[1]) > int(known[1])
        advice = "update nen-ref to read it" if newer else "written by an older nen-ref: run the suite again"
        raise ReportError(f"{name}: its schema is {written}, this version reads {SCHEMA}: {advice}")
    fault = jsonschema.exceptions.best_match(_validator().iter_errors(document))
    if fault is not None:
        raise ReportError(f"{name}: {fault.json_path}: {shortened(visible(fault.message), 200)}")


def _check_sums(document: Mapping[str, Any], results: tuple[CaseResult, ...], name: str) -> None:
    """A report that was edited by hand, or put together from two, contradicts itself."""
    for id, times in Counter(result.id for result in results).items():
        if times > 1:
            raise ReportError(f"{name}: $.results: {id} stands there {times} times")
    for outcome in Outcome:
        counted = sum(result.outcome is outcome for result in results)
        if document["counts"][outcome.value] != counted:
            raise ReportError(f"{name}: $.counts.{outcome.value}: not {counted}, the number of such results")
    came_to_a_result = any(result.outcome not in (Outcome.SKIP, Outcome.NOT_OFFERED) for result in results)
    if document["passed"] != (came_to_a_result and not any(result.gates for result in results)):
        raise ReportError(f"{name}: $.passed: the results say otherwise")


def _read_result(entry: Mapping[str, Any]) -> CaseResult:
    return CaseResult(
        id=entry["id"],
        kind=Kind(entry["kind"]),
        requirement=entry["requirement"],
        sentence=entry["sentence"],
        level=entry["level"],
        title=entry["title"],
        outcome=Outcome(entry["outcome"]),
        observed=entry["observed"],
    )


@cache
def _validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(report_schema())
