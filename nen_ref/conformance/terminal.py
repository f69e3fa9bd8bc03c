"""A run on the terminal: progress while it lasts, a table of sections, and the findings one can act on."""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from nen_ref.conformance.model import Case, Outcome, Report, Result
from nen_ref.conformance.registry import SECTIONS
from nen_ref.conformance.report_json import reproduce
from nen_ref.conformance.requirements import requirements

STYLES = {
    Outcome.PASS: "green",
    Outcome.SKIP: "cyan",
    Outcome.WRONG_CODE: "yellow",
    Outcome.FAIL: "red",
    Outcome.ERROR: "bold red",
}
LEVEL_ORDER = ("required", "recommended", "hardening")


class LiveProgress:
    """A bar with the running case, on a terminal; nothing where the output is piped."""

    def __init__(self, console: Console, total: int) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", style="bold"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[case]}", style="dim"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("conformance", total=total, case="")

    def __enter__(self) -> LiveProgress:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def started(self, case: Case) -> None:
        self._progress.update(self._task, case=case.id)

    def finished(self, result: Result) -> None:
        self._progress.advance(self._task)
        if result.outcome not in (Outcome.PASS, Outcome.SKIP):
            self._progress.console.print(_headline(result))


def print_report(console: Console, report: Report) -> None:
    """Sections, findings in order of weight, verdict."""
    console.print()
    console.print(_sections(report))
    findings = [result for result in report.results if result.outcome not in (Outcome.PASS, Outcome.SKIP)]
    for result in sorted(findings, key=lambda result: LEVEL_ORDER.index(result.case.level)):
        console.print()
        print_result(console, result, report.target, report.protocol)
    for result in report.results:
        if result.outcome is Outcome.SKIP:
            console.print(f"skipped {result.case.id}: {result.observed}", style="cyan")
    console.print()
    console.print(_verdict(report))


def describe_case(case: Case, protocol: str = "v1") -> RenderableType:
    """Everything there is to know of a case before it is run."""
    rule = requirements(protocol)[case.requirement]
    rows = _grid()
    rows.add_row("checks", case.title)
    rows.add_row(
        "requirement",
        f"{case.requirement} ({rule.key_word}{', our decision' if rule.decision else ''}): {rule.sentence}",
    )
    rows.add_row("level", case.level)
    rows.add_row("accepts", ", ".join(case.acceptable))
    rows.add_row("if it fails", case.why)
    if case.cause:
        rows.add_row("likely cause", case.cause)
    return Group(Text(case.id, style="bold"), Padding(rows, (0, 0, 0, 2)))


def print_result(console: Console, result: Result, target: str, protocol: str = "v1") -> None:
    """A finding: what was asked, what came back, why it matters, the likely cause, and how to see it again."""
    case = result.case
    failed = result.outcome not in (Outcome.PASS, Outcome.SKIP)
    rows = _grid()
    rows.add_row("requirement", f"{case.requirement}: {requirements(protocol)[case.requirement].sentence}")
    rows.add_row("checked", case.title)
    rows.add_row("expected", " or ".join(case.acceptable))
    rows.add_row("observed", Text(result.observed, style=STYLES[result.outcome]))
    if failed:
        rows.add_row("matters because", case.why)
        if case.cause:
            rows.add_row("likely cause", case.cause)
    console.print(_headline(result))
    console.print(Padding(rows, (0, 0, 0, 2)))
    if failed:  # on a line of its own and never wrapped, so that it can be copied
        console.print(Text.assemble(("  see it again  ", "dim"), (reproduce(case.id, target), "bold")), soft_wrap=True)


def list_cases(cases: list[Case]) -> RenderableType:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("case", "requirement", "level"):
        table.add_column(column, no_wrap=True)
    table.add_column("checks")
    for case in cases:
        table.add_row(case.id, case.requirement, case.level, case.title)
    return table


def _grid() -> Table:
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style="dim", no_wrap=True)
    rows.add_column()
    return rows


def _headline(result: Result) -> Text:
    return Text.assemble(
        (f"{result.outcome.value:<10}", STYLES[result.outcome]),
        " ",
        (result.case.id, "bold"),
        f"  ({result.case.level})",
    )


def _sections(report: Report) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("section")
    for outcome in Outcome:
        table.add_column(outcome.value, justify="right")
    for section in SECTIONS:
        results = [result for result in report.results if result.case.section == section]
        if results:
            counts = [sum(result.outcome is outcome for result in results) for outcome in Outcome]
            table.add_row(section, *_cells(counts))
    table.add_row("all", *_cells([report.count(outcome) for outcome in Outcome]), style="bold")
    return table


def _cells(counts: list[int]) -> list[Text]:
    return [
        Text(str(count) if count else "-", style=STYLES[outcome] if count else "dim")
        for outcome, count in zip(Outcome, counts, strict=True)
    ]


def _verdict(report: Report) -> Text:
    gating = sum(result.gates for result in report.results)
    advisory = sum(not result.gates and result.outcome not in (Outcome.PASS, Outcome.SKIP) for result in report.results)
    count, passed = len(report.results), report.count(Outcome.PASS)
    time = f"in {report.seconds:.1f} s"
    if gating:
        return Text(
            f"FAILED: {gating} required cases failed, {passed} of {count} cases passed, {time}", style="bold red"
        )
    note = f", {advisory} recommended or hardening cases did not" if advisory else ""
    skipped = report.count(Outcome.SKIP)
    note += f", {skipped} skipped" if skipped else ""
    if passed == count:
        return Text(f"PASSED: all {count} cases passed over HTTP, {time}", style="bold green")
    return Text(f"PASSED: {passed} of {count} cases passed{note}, {time}", style="bold green")
