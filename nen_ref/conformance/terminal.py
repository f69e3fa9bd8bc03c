"""A run on the terminal: progress while it lasts, a table of sections, and the findings one can act on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from nen_ref.conformance.baseline import BaselineVerdict
from nen_ref.conformance.compare import STYLES
from nen_ref.conformance.model import Case, Implementation, Kind, Outcome, Report, Result
from nen_ref.conformance.pages import WORDS
from nen_ref.conformance.report_json import reproduce
from nen_ref.conformance.requirements import rule
from nen_ref.conformance.text import number, visible
from nen_ref.conformance.verdict import FAILED, PASSED, findings_to_read, verdict

_VERDICT_STYLES = {PASSED: "bold green", FAILED: "bold red"}


class LiveProgress:
    """A bar with the running cases, on a terminal; nothing where the output is piped. Several may run at once."""

    def __init__(self, console: Console, total: int) -> None:
        self._running: dict[str, None] = {}
        self._progress = Progress(
            TextColumn("conformance", style="bold"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[running]}", style="dim", markup=False),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("conformance", total=total, running="")

    def __enter__(self) -> LiveProgress:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def started(self, case: Case) -> None:
        self._running[case.id] = None
        self._show()

    def finished(self, result: Result) -> None:
        self._running.pop(result.case.id, None)
        self._progress.advance(self._task)
        self._show()
        if result.outcome.is_finding:
            self._progress.console.print(_headline(result))

    def _show(self) -> None:
        """The case that has run for longest: if the bar stands still, it is the one to look at."""
        longest = next(iter(self._running), "")
        others = len(self._running) - 1
        self._progress.update(self._task, running=f"{longest} and {number(others, 'other')}" if others > 0 else longest)


def print_report(console: Console, report: Report, baseline: BaselineVerdict | None = None) -> None:
    """Sections, findings in the order to read them, what is not offered, the baseline, the verdict."""
    console.print()
    console.print(_sections(report))
    known = baseline.known_ids if baseline else frozenset()
    for result in findings_to_read(report):
        if result.outcome is not Outcome.SKIP and result.case.id not in known:
            console.print()
            print_result(console, result, report.implementation)
    console.print()
    for result in report.results:
        if result.outcome is Outcome.SKIP and result.case.id not in known:
            said = Text(f"skipped {result.case.id} ({result.case.level}): {visible(result.observed)}", style="cyan")
            console.print(said)
    for line in _not_offered(report.results):
        console.print(line)
    if baseline is not None:
        _print_baseline(console, baseline)
    outcome = verdict(report, baseline)
    style = _VERDICT_STYLES.get(outcome.word, "bold yellow")
    console.print(Text(f"{outcome.word}: {outcome.sentence}, in {report.seconds:.1f} s", style=style))


def describe_case(case: Case) -> RenderableType:
    """Everything there is to know of a case before it is run."""
    tested = rule(case.requirement)
    binding = f"{tested.key_word}{', our decision' if tested.decision else ''}"
    rows = {
        "checks": case.title,
        "examines": f"a {case.kind.value}",
        "requirement": f"{case.requirement} ({binding}): {tested.sentence}",
        "level": case.level,
        "accepts": ", ".join(case.acceptable),
        "needs": ", ".join(case.needs),
        "if it fails": case.why,
        "likely cause": case.cause,
    }
    return Group(Text(case.id, style="bold"), Padding(_grid(rows), (0, 0, 0, 2)))


def print_result(console: Console, result: Result, implementation: Implementation) -> None:
    """What was asked, what came back; for a finding also why it matters, its likely cause, and how to see it again."""
    case = result.case
    rows: dict[str, str | Text] = {
        "requirement": f"{case.requirement}: {rule(case.requirement).sentence}",
        "checked": case.title,
        "expected": " or ".join(case.acceptable),
        "observed": Text(visible(result.observed), style=STYLES[result.outcome]),
        "first divergence": Text(visible(result.divergence), style="bold"),
    }
    if result.outcome.is_finding:
        rows |= {"matters because": case.why, "likely cause": result.cause}
    console.print(_headline(result))
    console.print(Padding(_grid(rows), (0, 0, 0, 2)))
    if result.outcome.is_finding:  # on a line of its own and never wrapped, so that it can be copied
        command = reproduce(case.id, implementation)
        console.print(Text.assemble(("  see it again  ", "dim"), (command, "bold")), soft_wrap=True)


def list_cases(cases: Sequence[Case]) -> RenderableType:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("case", "requirement", "level"):
        table.add_column(column, no_wrap=True)
    table.add_column("checks")
    for case in cases:
        table.add_row(case.id, case.requirement, case.level, Text(case.title))
    return table


def _grid(rows: dict[str, str] | dict[str, str | Text]) -> Table:
    """Names and values in two columns; a row without a value is left out."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in rows.items():
        if value:
            grid.add_row(name, value if isinstance(value, Text) else Text(value))
    return grid


def _headline(result: Result) -> Text:
    return Text.assemble(
        (f"{WORDS[result.outcome]:<11}", STYLES[result.outcome]),
        " ",
        (result.case.id, "bold"),
        f"  ({result.case.level})",
    )


def _sections(report: Report) -> Table:
    """Cases by section and outcome, grouped by kind where there are several; only outcomes that occur have a column."""
    shown = [outcome for outcome in Outcome if outcome is Outcome.PASS or report.count(outcome)]
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("section")
    for outcome in shown:
        table.add_column(WORDS[outcome], justify="right")
    sections: dict[Kind, dict[str, list[Result]]] = {}
    for result in report.results:
        sections.setdefault(result.case.kind, {}).setdefault(result.case.section, []).append(result)
    for kind, by_section in sections.items():
        if len(sections) > 1:
            everything = [result for results in by_section.values() for result in results]
            table.add_row(kind.value, *_cells(everything, shown), style="bold")
        indent = "  " if len(sections) > 1 else ""
        for section, results in by_section.items():
            table.add_row(indent + section, *_cells(results, shown))
    table.add_row("all", *_cells(report.results, shown), style="bold")
    return table


def _cells(results: Iterable[Result], shown: Sequence[Outcome]) -> list[Text]:
    counts = Counter(result.outcome for result in results)
    return [
        Text(str(counts[outcome]) if counts[outcome] else "-", style=STYLES[outcome] if counts[outcome] else "dim")
        for outcome in shown
    ]


def _not_offered(results: Iterable[Result]) -> list[Text]:
    """One line for each capability that the target does not declare, not one for each case that needs it."""
    lacking = Counter(
        visible(result.observed) or f"the target does not offer {', '.join(result.case.needs)}"
        for result in results
        if result.outcome is Outcome.NOT_OFFERED
    )
    return [
        Text(f"not run: {what} ({number(count, 'case')})", style=STYLES[Outcome.NOT_OFFERED])
        for what, count in lacking.items()
    ]


def _print_baseline(console: Console, baseline: BaselineVerdict) -> None:
    for entry, result in baseline.known:
        console.print(
            Text(f"known {entry.id} ({result.outcome.value}): {visible(entry.reason)}", style="dim"), soft_wrap=True
        )
    for entry, _ in (*baseline.stale, *baseline.changed):  # the new ones stand above, as findings
        console.print(Text(f"baseline {entry.id}: {baseline.problems[entry.id]}", style="red"), soft_wrap=True)
    console.print(Text(baseline.summary, style="green" if baseline.ok else "red"))
