"""The last word on a run: one verdict for the terminal, the page, the JSON document and the exit code."""

from __future__ import annotations

from dataclasses import dataclass

from nen_ref.conformance.baseline import BaselineVerdict
from nen_ref.conformance.model import LEVELS, Outcome, Report, Result
from nen_ref.conformance.text import number

PASSED = "PASSED"
FAILED = "FAILED"
NOTHING_EXAMINED = "NOTHING EXAMINED"

# The order in which findings are read: what the target did wrong first, what came to no verdict last.
_READING_ORDER = (
    Outcome.FAIL,
    Outcome.CRASH,
    Outcome.HANG,
    Outcome.WRONG_CODE,
    Outcome.ERROR,
    Outcome.SKIP,
)


@dataclass(frozen=True)
class Verdict:
    """`word` is `PASSED`, `FAILED` or `NOTHING_EXAMINED`; `sentence` is the reason, in figures."""

    word: str
    sentence: str

    @property
    def ok(self) -> bool:
        """Whether the exit code is 0. A run that examined nothing is not ok."""
        return self.word == PASSED


def examined(report: Report) -> bool:
    """Whether any case came to a result at all: not skipped, not unoffered."""
    return any(result.outcome not in (Outcome.SKIP, Outcome.NOT_OFFERED) for result in report.results)


def findings_to_read(report: Report) -> list[Result]:
    """The findings, those of required cases first."""
    return sorted(
        report.findings, key=lambda result: (LEVELS.index(result.case.level), _READING_ORDER.index(result.outcome))
    )


def verdict(report: Report, baseline: BaselineVerdict | None = None) -> Verdict:
    """What the run comes to; with a baseline, its findings that behave as recorded do not count."""
    count = len(report.results)
    if not count:
        return Verdict(NOTHING_EXAMINED, "no case was run")
    if not examined(report):
        return Verdict(NOTHING_EXAMINED, f"every one of {number(count, 'case')} was skipped or is not offered")
    passed = report.count(Outcome.PASS)
    offered = count - report.count(Outcome.NOT_OFFERED)
    figures = f"{passed} of {number(offered, 'case')} passed"
    if baseline is None:
        gating = sum(result.gates for result in report.results)
        if gating:
            return Verdict(FAILED, f"{number(gating, 'finding')} in required cases, {figures}")
    elif not baseline.ok:
        return Verdict(FAILED, f"{baseline.summary}, {figures}")
    if passed == offered:
        figures = f"all {number(offered, 'case')} passed"
    return Verdict(PASSED, ", ".join([figures, *_notes(report, baseline)]))


def _notes(report: Report, baseline: BaselineVerdict | None) -> list[str]:
    known = baseline.known_ids if baseline else frozenset()
    advisory = [result for result in report.findings if not result.gates and result.case.id not in known]
    skipped = sum(result.outcome is Outcome.SKIP for result in advisory)
    notes = {
        "known from the baseline": len(known),
        "recommended or hardening not met": len(advisory) - skipped,
        "skipped": skipped,
        "not offered": report.count(Outcome.NOT_OFFERED),
    }
    return [f"{figure} {note}" for note, figure in notes.items() if figure]
