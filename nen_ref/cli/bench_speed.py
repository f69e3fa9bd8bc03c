"""`nen-ref bench primitives`, `handshake`, ...: how long computing takes, ours beside other libraries."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

import click
from rich.console import Console

from nen_ref.bench.machine import load_average, usable_cores
from nen_ref.bench.measure import Effort, Result, WrongAnswer, measure
from nen_ref.bench.memory import Peak
from nen_ref.bench.speed import NOTE, PARTS, Part, as_json
from nen_ref.bench.speed_terminal import Progress, memory
from nen_ref.cli.results import INTERRUPTED, check_json, console_beside, json_option, write_json

DETAILS = """

    The libraries take turns in one process, so that what else the machine does hits all of them; every answer is
    checked once, and the exit code is 1 if one is wrong. Time is CPU time: the median of the rounds, and the quartiles
    beside it. Install the extras `oracles` and `bench` to have all of them."""


def commands() -> list[click.Command]:
    """One for each part, and one for all of them."""
    made = [_command(part.name, part.help, [part]) for part in PARTS]
    return [*made, _command("all", "All of the above, one after the other: some minutes.", PARTS)]


def _command(name: str, text: str, parts: Sequence[Part]) -> click.Command:
    @click.command(name, help=text + DETAILS, short_help=text)
    @click.option(
        "--seconds",
        type=click.FloatRange(0.001, 600),
        default=Effort.seconds,
        show_default=True,
        help="For each row of the table.",
    )
    @click.option(
        "--rounds", type=click.IntRange(1, 1000), default=Effort.rounds, show_default=True, help="At the least."
    )
    @click.option(
        "--inputs",
        type=click.IntRange(1, 200),
        default=Effort.inputs,
        show_default=True,
        help="At most, where the mean over different inputs counts: signatures, transcripts.",
    )
    @json_option
    def run(seconds: float, rounds: int, inputs: int, json_file: str | None) -> None:
        check_json(json_file)
        console = console_beside(json_file)
        busy = load_average()
        if busy is not None and busy > usable_cores() / 2:
            console.print(f"the machine is busy with something else already: load average {busy}", style="yellow")
        console.print(NOTE)
        effort = Effort(seconds, rounds, inputs)
        results: list[Result] = []
        peaks: list[Peak] = []
        code = 0
        try:
            for part in parts:
                _run(console, part, effort, results, peaks)
        except WrongAnswer as fault:
            console.print(str(fault), style="red", markup=False)
            code = 1
        except KeyboardInterrupt:
            console.print("interrupted", style="yellow")
            code = INTERRUPTED
        write_json(json_file, json.dumps(as_json(results, peaks, effort, busy), indent=2) + "\n")
        sys.exit(code)

    return run


def _run(console: Console, part: Part, effort: Effort, results: list[Result], peaks: list[Peak]) -> None:
    """What is finished is in `results` and `peaks`, whatever comes after it."""
    console.print()
    with Progress(console, part) as progress:
        for subject in part.subjects():
            for result in measure(part.name, subject, effort):
                progress.show(result)
            progress.finish(result)
            results.append(result)
    if part.peaks is None:
        return
    console.print("memory, which takes a while: every allocation is counted", style="dim")
    for peak in part.peaks():
        console.print(memory(peak))
        peaks.append(peak)
