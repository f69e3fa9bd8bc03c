"""Computing on the terminal: the subject that is measured live, and what is measured already above it."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from nen_ref.bench.measure import Result, Timing
from nen_ref.bench.memory import Peak
from nen_ref.bench.speed import Part

COLUMNS = (("work", 34), ("by", 38))
NUMBERS = (("time", 9), ("middle half", 19), ("times ours", 10))


class Progress:
    """`show` what has been measured so far, `finish` a subject."""

    def __init__(self, console: Console, part: Part) -> None:
        self._console = console
        self._part = part
        self._live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None

    def __enter__(self) -> Self:
        self._console.print(Text(f"{self._part.name}: {self._part.help}", style="bold"))
        self._console.print(_table(header=True))
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def show(self, result: Result) -> None:
        if self._live:
            self._live.update(table(result, self._part.unit), refresh=True)

    def finish(self, result: Result) -> None:
        if self._live:
            self._live.update(Text(""), refresh=True)
        self._console.print(table(result, self._part.unit))


def table(result: Result, unit: str) -> Table:
    """A row for each contender, ours first."""
    subject = result.subject
    size = "" if subject.size is None else f", {subject.size} {unit if subject.size != 1 else unit.removesuffix('s')}"
    found = _table()
    for timing in result.timings:
        ours = timing is result.ours
        style = "bold" if ours else "dim" if timing.floor else None
        low, high = timing.quartiles
        ratio = f"{result.ratio(timing):.2f}"
        found.add_row(
            subject.name + size if ours else "",
            timing.name,
            _time(timing),
            f"{_us(low)} - {_us(high)}",
            ratio,
            style=style,
        )
    return found


def memory(peak: Peak) -> Text:
    times = f", {peak.peak / peak.size:.1f} times that" if peak.peak > peak.size else ""
    return Text(f"{peak.name}, {_bytes(peak.size)}: at most {_bytes(peak.peak)} allocated{times}")


def _table(header: bool = False) -> Table:
    found = Table(box=None, show_header=header, header_style="bold", pad_edge=False)
    for name, width in COLUMNS:
        found.add_column(name, width=width, no_wrap=True)
    for name, width in NUMBERS:
        found.add_column(name, width=width, no_wrap=True, justify="right")
    return found


def _time(timing: Timing) -> str:
    return _us(timing.us)


def _us(us: float) -> str:
    for limit, unit in ((1e3, "us"), (1e6, "ms"), (1e9, "s")):
        if us < limit:
            return (
                f"{us / (limit / 1e3):.3g} {unit}" if us / (limit / 1e3) < 100 else f"{us / (limit / 1e3):.0f} {unit}"
            )
    return f"{us / 1e6:.0f} s"


def _bytes(size: int) -> str:
    for limit, unit in ((2**10, "bytes"), (2**20, "KiB"), (2**30, "MiB")):
        if size < limit:
            return f"{size / (limit / 2**10):.3g} {unit}" if unit != "bytes" else f"{size} bytes"
    return f"{size / 2**30:.3g} GiB"
