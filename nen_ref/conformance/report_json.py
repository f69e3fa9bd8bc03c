"""A report for machines."""

from __future__ import annotations

import json
from typing import Any

from nen_ref import __version__
from nen_ref.conformance.model import Outcome, Report, Result
from nen_ref.conformance.requirements import requirements

SCHEMA = "nen-conformance-report/1"


def report_json(report: Report) -> str:
    """The report as JSON text, results in the order of the catalogue."""
    document = {
        "schema": SCHEMA,
        "suite": f"nen-ref {__version__}",
        "protocol": report.protocol,
        "target": report.target,
        "passed": report.passed,
        "counts": {outcome.value: report.count(outcome) for outcome in Outcome},
        "seconds": round(report.seconds, 3),
        "results": [_result(result, report) for result in report.results],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def reproduce(case_id: str, target: str) -> str:
    """The command that runs one case again."""
    return f"nen-ref conformance run {case_id} {target}"


def _result(result: Result, report: Report) -> dict[str, Any]:
    case = result.case
    failed = result.outcome not in (Outcome.PASS, Outcome.SKIP)
    return {
        "id": case.id,
        "requirement": case.requirement,
        "sentence": requirements(report.protocol)[case.requirement].sentence,
        "level": case.level,
        "title": case.title,
        "outcome": result.outcome.value,
        "expected": list(case.acceptable),
        "observed": result.observed,
        "seconds": round(result.seconds, 3),
    } | ({"why": case.why, "cause": case.cause, "reproduce": reproduce(case.id, report.target)} if failed else {})
