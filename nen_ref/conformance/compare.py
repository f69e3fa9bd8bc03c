"""Several reports side by side: implementation by requirement, as a page and as a table for the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from nen_ref.conformance.model import LEVELS, Outcome
from nen_ref.conformance.pages import render
from nen_ref.conformance.report_json import CaseResult, ReportDocument
from nen_ref.conformance.text import number, visible
from nen_ref.conformance.words import STYLES, WORDS

NOT_RUN = "not run"


@dataclass(frozen=True)
class Cell:
    """What one implementation does with one requirement, or with one case; no outcome where nothing was run."""

    outcome: Outcome | None
    counts: tuple[tuple[Outcome, int], ...] = ()

    @property
    def total(self) -> int:
        return sum(count for _, count in self.counts)

    @property
    def counts_but_passes(self) -> tuple[tuple[Outcome, int], ...]:
        return tuple(pair for pair in self.counts if pair[0] is not Outcome.PASS)

    @property
    def word(self) -> str:
        return WORDS[self.outcome] if self.outcome else NOT_RUN

    @property
    def detail(self) -> str:
        """All outcomes in figures, the worst first."""
        return ", ".join(f"{count} {WORDS[outcome]}" for outcome, count in self.counts) or NOT_RUN

    @property
    def short(self) -> str:
        """The worst outcome, and how many of the cases have it unless all do."""
        if self.outcome is None or self.counts[0][1] == self.total:
            return self.word
        return f"{self.word} {self.counts[0][1]} of {self.total}"


@dataclass(frozen=True)
class Row:
    """One requirement, or one case, over all implementations."""

    id: str
    sentence: str
    level: str
    cells: tuple[Cell, ...]

    @property
    def differs(self) -> bool:
        """Another worst outcome, or another number of anything but passes: a newer suite has more of those."""
        return len({(cell.outcome, cell.counts_but_passes) for cell in self.cells}) > 1

    @property
    def contradicts(self) -> bool:
        """Whether two implementations that were both examined differ."""
        return len({cell.outcome for cell in self.cells if cell.outcome}) > 1

    @property
    def has_finding(self) -> bool:
        return any(cell.outcome is not None and cell.outcome.is_finding for cell in self.cells)


@dataclass(frozen=True)
class Column:
    """One report: `label` is unlike that of every other column."""

    label: str
    document: ReportDocument

    @property
    def figures(self) -> str:
        offered = len(self.document.results) - self.document.count(Outcome.NOT_OFFERED)
        return f"{self.document.count(Outcome.PASS)}/{offered}"

    @property
    def word(self) -> str:
        failing = sum(result.gates for result in self.document.results)
        if failing:
            return f"failing {failing}"
        return "passed" if self.document.passed else "nothing examined"


def compare_html(documents: Sequence[ReportDocument]) -> str:
    """The page as text: one file without requests, as the report."""
    rows = requirement_rows(documents)
    return render(
        "compare.html.j2",
        columns=columns(documents),
        rows=sorted(rows, key=lambda row: not row.differs),
        cases=sorted((row for row in case_rows(documents) if row.differs), key=lambda row: not row.contradicts),
        differing=sum(row.differs for row in rows),
        protocols=", ".join(sorted({document.protocol.upper() for document in documents})),
    )


def compare_table(documents: Sequence[ReportDocument]) -> RenderableType:
    """Requirements with a difference or a finding, one line each, and the sums of all."""
    rows = requirement_rows(documents)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("requirement", no_wrap=True)
    table.add_column("", no_wrap=True)
    for column in columns(documents):
        table.add_column(Text(column.label), overflow="fold")
    for row in sorted(rows, key=lambda row: not row.differs):
        if row.differs or row.has_finding:
            mark = "differs" if row.differs else ""
            cells = [Text(cell.short, style=STYLES[cell.outcome] if cell.outcome else "dim") for cell in row.cells]
            table.add_row(row.id, Text(mark, style="bold"), *cells)
    sums = [Text(f"{column.figures} {column.word}") for column in columns(documents)]
    table.add_row("all cases", "", *sums, style="bold")
    alike = sum(not row.differs and not row.has_finding for row in rows)
    return Group(table, Text(f"{number(alike, 'requirement')} alike and without a finding", style="dim"))


def columns(documents: Sequence[ReportDocument]) -> list[Column]:
    """Labels by name and version; where two have the same, also the suite's version, or else the file."""
    return [Column(visible(_label(document, documents)), document) for document in documents]


def _label(document: ReportDocument, documents: Sequence[ReportDocument]) -> str:
    name = document.implementation.label
    namesakes = [other for other in documents if other.implementation.label == name]
    if len(namesakes) == 1:
        return name
    suites = [other.suite for other in namesakes]
    return f"{name}, {document.suite if len(set(suites)) == len(suites) else document.name}"


def requirement_rows(documents: Sequence[ReportDocument]) -> list[Row]:
    """A row for each requirement that any of the reports has a case of."""
    by_requirement = [_grouped(document, "requirement") for document in documents]
    return _rows(by_requirement, title="sentence")


def case_rows(documents: Sequence[ReportDocument]) -> list[Row]:
    """A row for each case that any of the reports holds."""
    by_case = [_grouped(document, "id") for document in documents]
    return _rows(by_case, title="title")


def _grouped(document: ReportDocument, key: str) -> dict[str, list[CaseResult]]:
    groups: dict[str, list[CaseResult]] = {}
    for result in document.results:
        groups.setdefault(getattr(result, key), []).append(result)
    return groups


def _rows(groups: Sequence[dict[str, list[CaseResult]]], title: str) -> list[Row]:
    rows = []
    for id in dict.fromkeys(id for group in groups for id in group):
        latest = next(group[id] for group in reversed(groups) if id in group)
        level = min((result.level for result in latest), key=LEVELS.index)
        rows.append(Row(id, getattr(latest[0], title), level, tuple(_cell(group.get(id, [])) for group in groups)))
    return rows


def _cell(results: Sequence[CaseResult]) -> Cell:
    counts = Counter(result.outcome for result in results)
    ordered = sorted(counts.items(), key=lambda pair: -_weight(pair[0]))
    return Cell(ordered[0][0] if ordered else None, tuple(ordered))


def _weight(outcome: Outcome) -> int:
    """As the rank, but what is not offered comes after what was examined: it says nothing about the requirement."""
    return -1 if outcome is Outcome.NOT_OFFERED else outcome.rank
