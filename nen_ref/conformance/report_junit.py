"""A report as JUnit XML, in the form that CI systems read.

A finding fails the CI exactly where it fails the run: one of a recommended or hardening case, and one that the
baseline knows, is reported as skipped with a message that says so.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

from nen_ref import __version__
from nen_ref.conformance.baseline import BaselineVerdict
from nen_ref.conformance.model import Kind, Outcome, Report, Result
from nen_ref.conformance.report_json import reproduce
from nen_ref.conformance.requirements import rule
from nen_ref.conformance.text import visible

_NO_ANSWER = (Outcome.CRASH, Outcome.HANG, Outcome.ERROR)


def report_junit(report: Report, baseline: BaselineVerdict | None = None) -> str:
    """The report as XML text, one suite for each section.

    Times are left out of a run with a seed, so that its bytes are the same each time.
    """
    baseline = baseline or BaselineVerdict()
    root = ET.Element("testsuites", name=f"Nen {report.protocol.upper()}: {visible(report.implementation.label)}")
    sections: dict[tuple[Kind, str], list[Result]] = {}
    for result in report.results:
        sections.setdefault((result.case.kind, result.case.section), []).append(result)
    for (kind, section), results in sections.items():
        suite = ET.SubElement(root, "testsuite", name=f"{kind.value}/{section}")
        properties = ET.SubElement(suite, "properties")
        ET.SubElement(properties, "property", name="suite", value=f"nen-ref {__version__}")
        ET.SubElement(properties, "property", name="target", value=visible(report.implementation.target))
        if report.seed is not None:
            ET.SubElement(properties, "property", name="seed", value=visible(report.seed))
        for result in results:
            _add_case(suite, result, report, baseline)
        _count(suite, sum(result.seconds for result in results) if report.seed is None else None)
    _count(root, report.seconds if report.seed is None else None)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _add_case(suite: ET.Element, result: Result, report: Report, baseline: BaselineVerdict) -> None:
    case = result.case
    entry = ET.SubElement(
        suite, "testcase", classname=f"{case.protocol}.{case.kind.value}.{case.section}", name=case.id
    )
    if report.seed is None:
        entry.set("time", f"{result.seconds:.3f}")
    observed = f"{result.outcome.value}: {visible(result.observed)}"
    problem = baseline.problems.get(case.id, "")
    if problem or (result.gates and case.id not in baseline.known_ids):
        tag = "error" if result.outcome in _NO_ANSWER else "failure"
        message = f"{observed} (baseline: {problem})" if problem else observed
        _add(entry, tag, message, _body(result, report), result.outcome.value)
    elif result.outcome is Outcome.NOT_OFFERED:
        _add(entry, "skipped", f"not run: {visible(result.observed)}")
    elif result.outcome.is_finding:
        reason = "known from the baseline" if case.id in baseline.known_ids else case.level
        _add(entry, "skipped", f"{reason}, does not fail the run: {observed}")
        ET.SubElement(entry, "system-out").text = _body(result, report)


def _add(entry: ET.Element, tag: str, message: str, body: str = "", type: str = "") -> None:
    element = ET.SubElement(entry, tag, message=message)
    if type:
        element.set("type", type)
    element.text = body or None


def _body(result: Result, report: Report) -> str:
    case = result.case
    lines = {
        "requirement": f"{case.requirement}: {rule(case.requirement).sentence}",
        "level": case.level,
        "checked": case.title,
        "expected": " or ".join(case.acceptable),
        "observed": result.observed,
        "first divergence": result.divergence,
        "matters because": case.why,
        "likely cause": result.cause,
        "see it again": reproduce(case.id, report.implementation),
    }
    return visible("\n".join(f"{name}: {text}" for name, text in lines.items() if text))


def _count(element: ET.Element, seconds: float | None) -> None:
    """The sums that a reader expects as attributes, counted from what was written."""
    element.set("tests", str(len(list(element.iter("testcase")))))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        element.set(attribute, str(len(list(element.iter(tag)))))
    if seconds is not None:
        element.set("time", f"{seconds:.3f}")
