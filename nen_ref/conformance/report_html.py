"""A report as one HTML file without requests, to attach to a release."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from nen_ref.conformance.baseline import BaselineVerdict
from nen_ref.conformance.model import LEVELS, Exchange, Outcome, Report, Result
from nen_ref.conformance.pages import render
from nen_ref.conformance.report_json import reproduce
from nen_ref.conformance.requirements import Requirement, in_force, rule
from nen_ref.conformance.text import shortened, visible
from nen_ref.conformance.verdict import findings_to_read, verdict

# A pass needs little proof, a finding all of it: exchanges shown, and characters of each of their sides.
PASS_EXCHANGES, PASS_LENGTH = 3, 700
FINDING_EXCHANGES, FINDING_LENGTH = 24, 4000


@dataclass(frozen=True)
class CaseView:
    """One case as the page shows it."""

    result: Result
    rule: Requirement
    anchor: str
    observed: str
    divergence: str
    exchanges: tuple[Exchange, ...]
    left_out: int
    command: str
    baseline: str

    @property
    def is_finding(self) -> bool:
        return self.result.outcome.is_finding


@dataclass(frozen=True)
class RequirementView:
    """One row of the matrix."""

    rule: Requirement
    cases: tuple[CaseView, ...]

    @property
    def worst(self) -> Outcome:
        return max((view.result.outcome for view in self.cases), key=lambda outcome: outcome.rank)


def report_html(report: Report, baseline: BaselineVerdict | None = None, written: datetime | None = None) -> str:
    """The page as text. `written` is the time to show as that of the report; without it none is shown."""
    views = [_view(result, report, baseline) for result in report.results]
    by_id = {view.result.case.id: view for view in views}
    rules = in_force(report.protocol)
    rows = [
        RequirementView(entry, tuple(view for view in views if view.rule.id == entry.id)) for entry in rules.values()
    ]
    return render(
        "report.html.j2",
        report=report,
        verdict=verdict(report, baseline),
        baseline=baseline,
        untouched=[entry.id for entry in baseline.untouched] if baseline else [],
        written=f"{written:%Y-%m-%d %H:%M %Z}".strip() if written else "",
        counts={outcome: report.count(outcome) for outcome in Outcome},
        findings=[by_id[result.case.id] for result in findings_to_read(report)],
        sections=_sections([view for view in views if not view.is_finding]),
        rows=sorted((row for row in rows if row.cases), key=lambda row: not row.worst.is_finding),
        without_case=[row.rule.id for row in rows if not row.cases],
        kinds=list(dict.fromkeys(view.result.case.kind for view in views)),
        levels=LEVELS,
    )


def _view(result: Result, report: Report, baseline: BaselineVerdict | None) -> CaseView:
    count, length = (FINDING_EXCHANGES, FINDING_LENGTH) if result.outcome.is_finding else (PASS_EXCHANGES, PASS_LENGTH)
    return CaseView(
        result=result,
        rule=rule(result.case.requirement),
        anchor=result.case.id.replace("/", "-"),
        observed=visible(result.observed),
        divergence=visible(result.divergence),
        exchanges=tuple(_exchange(exchange, length) for exchange in result.exchanges[:count]),
        left_out=max(0, len(result.exchanges) - count),
        command=reproduce(result.case.id, report.implementation),
        baseline=_known(result, baseline),
    )


def _exchange(exchange: Exchange, length: int) -> Exchange:
    return Exchange(visible(shortened(exchange.sent, length)), visible(shortened(exchange.received, length)))


def _known(result: Result, baseline: BaselineVerdict | None) -> str:
    """What the baseline says to this result, in a sentence."""
    if baseline is None:
        return ""
    for entry, known in baseline.known:
        if known is result:
            return f"known: {entry.reason}" + (f" ({entry.link})" if entry.link else "")
    return baseline.problems.get(result.case.id, "")


def _sections(views: Sequence[CaseView]) -> dict[str, list[CaseView]]:
    sections: dict[str, list[CaseView]] = {}
    for view in views:
        case = view.result.case
        name = case.section if case.section.startswith(case.kind.value) else f"{case.kind.value}-{case.section}"
        sections.setdefault(name, []).append(view)
    return sections
