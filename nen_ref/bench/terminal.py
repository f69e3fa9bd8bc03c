"""A run on the terminal: a live table while it lasts, a line now and then where the output is piped."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from nen_ref.bench.model import PERCENTILES, Kind, Measured, Tally
from nen_ref.bench.report import Configuration, Run

LINE_EVERY = 2.0  # seconds, where there is no live table
NONE = "-"


class Progress:
    """Shows what a run has measured so far; `finished` replaces it by the table that stays."""

    def __init__(self, console: Console, configuration: Configuration) -> None:
        self._console = console
        self._title = configuration.title
        self._said = 0.0
        self._live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None
        if self._live is None:
            console.print(f"measuring: {self._title}", highlight=False, markup=False)

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
            self._live.update(Text(f"{self._title}: starting"), refresh=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def show(self, measured: Measured) -> None:
        if self._live:
            self._live.update(kinds_table(self._title, measured), refresh=True)
        elif measured.seconds - self._said >= LINE_EVERY:
            self._said = measured.seconds
            rate = measured.per_second(measured.answered)
            line = f"  {measured.seconds:5.1f} s  {measured.answered} answers, {rate:.0f}/s, {measured.failed} errors"
            self._console.print(line, highlight=False)


def kinds_table(title: str, measured: Measured) -> Group:
    """A row for each kind of traffic, one for all together, and what was wrong."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("traffic")
    percentiles = [f"p{percent} ms" for percent in PERCENTILES]
    for column in ("answers", "per s", *percentiles, "max ms", "errors"):
        table.add_column(column, justify="right", no_wrap=True)
    for kind, tally in measured.tallies.items():
        table.add_row(kind.value, *_cells(tally, measured))
    table.add_row("all", *_cells(measured.together(), measured), style="bold")
    heading = Text.assemble((title, "bold"), f"  {measured.seconds:.1f} s")
    return Group(heading, table, *_errors(measured))


def _cells(tally: Tally, measured: Measured) -> list[str | Text]:
    answers = len(tally.latencies)
    times = [_ms(tally.percentile(percent)) for percent in (*PERCENTILES, 100)]
    errors = Text(str(tally.failed), style="bold red") if tally.failed else Text(NONE, style="dim")
    return [str(answers), f"{measured.per_second(answers):.0f}", *times, errors]


def _errors(measured: Measured) -> list[Text]:
    return [
        Text(f"  {count} x {kind.value}: {text}", style="red")
        for kind, tally in measured.tallies.items()
        for text, count in tally.errors.most_common()
    ]


def bottleneck(measured: Measured) -> Text:
    """How busy the clients were: what tells whether the server was measured, or they."""
    cores = measured.client_cores
    if cores is None:
        return Text("")
    said = f"each client process used {cores:.2f} of a core"
    if cores > 0.8:
        return Text(f"{said}: the clients were the bottleneck, the server may do better (--processes)", style="yellow")
    return Text(said, style="dim")


def comparison(runs: Sequence[Run]) -> Table:
    """One row for each configuration: the whole mix in answers per second, and p50 / p99 of each kind in ms."""
    table = Table(box=None, header_style="bold", pad_edge=False, title="p50 / p99 in ms", title_justify="left")
    for column in ("store", "workers", "provider"):
        table.add_column(column, no_wrap=True)
    for column in ("per s", "errors", *(_SHORT[kind] for kind in Kind)):
        table.add_column(column, justify="right", no_wrap=True)
    for run in runs:
        names = (run.configuration.store_name, str(run.configuration.workers), run.configuration.provider)
        if run.measured is None:
            table.add_row(*names, NONE, Text("failed", style="bold red"), *([NONE] * len(Kind)))
            continue
        measured = run.measured
        errors = Text(str(measured.failed), style="bold red") if measured.failed else Text(NONE, style="dim")
        pairs = [f"{_ms(tally.percentile(50))} / {_ms(tally.percentile(99))}" for tally in measured.tallies.values()]
        table.add_row(*names, f"{measured.per_second(measured.answered):.0f}", errors, *pairs)
    return table


_SHORT = {
    Kind.HANDSHAKE: "handshake",
    Kind.STATUS: "status",
    Kind.SMALL: "small",
    Kind.LARGE: "16 KiB",
    Kind.STREAM: "stream",
}


def _ms(value: float | None) -> str:
    if value is None:
        return NONE
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"
