"""`nen-ref conformance mutants`: does every deliberately broken implementation get caught?"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import anyio
import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from nen_ref.conformance.model import Case, Kind, Result
from nen_ref.conformance.mutants.matrix import Verdict, cases_of, is_costly, run_baseline, run_mutants
from nen_ref.conformance.mutants.model import CATALOGUE, Mutant, all_mutants
from nen_ref.conformance.mutants.report import cases_without_mutant, matrix_json, matrix_markdown
from nen_ref.conformance.registry import all_cases, every_case
from nen_ref.conformance.requirements import PROTOCOLS
from nen_ref.conformance.targets import Unreachable
from nen_ref.conformance.text import number, visible

EXIT_FINDINGS, EXIT_USAGE = 1, 2


@click.command()
@click.option(
    "--protocol",
    "protocols",
    multiple=True,
    type=click.Choice(PROTOCOLS),
    help="Only mutants of this version's own requirements; all versions without.",
)
@click.option("--only", multiple=True, metavar="PREFIX", help="Only mutants whose id begins so, e.g. server/replay.")
@click.option(
    "--jobs", type=click.IntRange(1, 64), default=os.cpu_count() or 1, help="Mutants at a time; else one a core."
)
@click.option(
    "--json", "json_file", type=click.Path(dir_okay=False), metavar="FILE", help="Also the matrix for machines."
)
@click.option(
    "--docs", "docs_file", type=click.Path(dir_okay=False), metavar="FILE", help="Also the matrix as Markdown."
)
@click.option(
    "--related",
    is_flag=True,
    help="Only the cases that concern a mutant; whether it fails others too is not looked at. Some four times quicker.",
)
@click.option("--part", metavar="I/N", help="Only every N-th mutant, from the I-th on: 1/2 and 2/2 are all of them.")
@click.option(
    "--catalogue", default=CATALOGUE, metavar="MODULE", help="Another module that declares mutants, by its import name."
)
def mutants(
    protocols: tuple[str, ...],
    only: tuple[str, ...],
    jobs: int,
    json_file: str | None,
    docs_file: str | None,
    related: bool,
    part: str | None,
    catalogue: str,
) -> None:
    """Run every case against deliberately broken servers, clients and libraries.

    Each mutant is the reference with one fault. It has to be caught by a case of the requirement that it breaks, and
    may fail no case that has nothing to do with it; the reference as it is has to pass all these cases first.

    Exit code 0: so it is; 1: a mutant was not caught, or not by the right cases; 2: wrong usage.
    """
    selected = _part(_select(catalogue, only, protocols), part)
    for file in (json_file, docs_file):
        if file and not Path(file).parent.is_dir():
            raise click.UsageError(f"{file}: there is no folder {Path(file).parent}")
    console = Console(highlight=False)
    console = console if console.is_terminal else Console(highlight=False, width=160)
    _introduce(console, selected, related)
    if not _baseline_passes(console, cases_of(selected, related)):
        sys.exit(EXIT_FINDINGS)
    verdicts = _run(console, selected, jobs, catalogue, related)
    _conclude(console, verdicts)
    for file, text in ((json_file, matrix_json), (docs_file, matrix_markdown)):
        if file:
            Path(file).write_text(text(verdicts), encoding="utf-8")
            console.print(f"written: {file}")
    sys.exit(EXIT_FINDINGS if any(verdict.complaint for verdict in verdicts) else 0)


def _select(catalogue: str, only: tuple[str, ...], protocols: tuple[str, ...]) -> list[Mutant]:
    try:
        known = all_mutants(catalogue)
    except ImportError as fault:
        raise click.UsageError(f"--catalogue {catalogue}: {fault}") from None
    wanted = [mutant for mutant in known if not protocols or mutant.protocol in protocols]
    selected = [mutant for mutant in wanted if not only or mutant.id.startswith(only)]
    if not selected:
        version = f" of {', '.join(protocols)}" if protocols else ""
        begins = ", ".join(only) or "anything: it is empty"
        raise click.UsageError(f"no mutant{version} in {catalogue} begins with {begins}")
    return selected


def _part(selected: list[Mutant], part: str | None) -> list[Mutant]:
    if part is None:
        return selected
    first, _, every = part.partition("/")
    if not (first.isdecimal() and every.isdecimal() and 1 <= int(first) <= int(every) <= len(selected)):
        raise click.UsageError(f"--part {part}: not I/N, such as 1/2")
    return selected[int(first) - 1 :: int(every)]


def _introduce(console: Console, selected: Sequence[Mutant], related: bool) -> None:
    groups = Counter((mutant.protocol, mutant.kind) for mutant in selected)
    counts = ", ".join(
        f"{count} {kind.value} of {protocol.upper()} ({len(all_cases(protocol, (kind,)))} cases)"
        for (protocol, kind), count in groups.items()
    )
    console.print(f"{number(len(selected), 'mutant')}: {counts}")
    if related:
        console.print("only the cases that concern each; the whole run is without --related", style="dim")
    costly = [case.id for case in every_case() if is_costly(case) and (case.protocol, case.kind) in groups]
    console.print(f"costly, and run only against the mutants they are for: {', '.join(costly)}", style="dim")


def _baseline_passes(console: Console, cases: Sequence[Case]) -> bool:
    """Whether the reference passes the cases; a suite that finds something in it proves nothing about mutants."""
    with _progress(console) as progress:
        task = progress.add_task("reference", total=len(cases), running="")

        def finished(result: Result) -> None:
            progress.update(task, advance=1, running=result.case.id)

        try:
            found = anyio.run(run_baseline, cases, finished)
        except Unreachable as fault:
            console.print(f"the reference does not start: {visible(str(fault))}", style="bold red")
            return False
    for result in found:
        console.print(
            f"the reference itself: {result.outcome.value} {result.case.id}: {visible(result.observed)[:200]}"
        )
    if found:
        console.print(
            f"FAILED: the reference without a fault does not pass {number(len(found), 'case')}", style="bold red"
        )
    else:
        console.print(f"the reference without a fault passes all {number(len(cases), 'case')} that are run")
    return not found


def _run(console: Console, selected: Sequence[Mutant], jobs: int, catalogue: str, related: bool) -> list[Verdict]:
    running: list[str] = []
    right = 0
    with _progress(console) as progress:
        task = progress.add_task("mutants", total=len(selected), running="")

        def show() -> None:
            progress.update(task, description=f"mutants, {right} caught", running=", ".join(running[:3]))

        def started(mutant: Mutant) -> None:
            running.append(mutant.id)
            show()

        def finished(verdict: Verdict) -> None:
            nonlocal right
            right += not verdict.complaint
            running.remove(verdict.mutant.id)
            progress.advance(task)
            show()
            if verdict.complaint or not console.is_terminal:
                progress.console.print(_line(verdict), soft_wrap=True)

        async def run() -> list[Verdict]:
            return await run_mutants(selected, jobs, catalogue, related, started, finished)

        return anyio.run(run)


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}", style="bold"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[running]}", style="dim", markup=False),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _line(verdict: Verdict) -> Text:
    mutant = verdict.mutant
    if verdict.complaint:
        return Text.assemble(
            ("NOT RIGHT ", "bold red"), mutant.id, f" ({mutant.requirement}): {visible(verdict.complaint)}"
        )
    return Text.assemble(
        ("caught    ", "green"), mutant.id, f" ({mutant.requirement}) by {number(len(verdict.catches), 'case')}"
    )


def _conclude(console: Console, verdicts: Sequence[Verdict]) -> None:
    for kind in Kind:
        own = [verdict for verdict in verdicts if verdict.mutant.kind is kind]
        if own:
            console.print(f"{kind.value}: {sum(not verdict.complaint for verdict in own)} of {len(own)} mutants caught")
    without = cases_without_mutant(verdicts)
    console.print(f"{number(len(without), 'case')} of these kinds caught no mutant (--docs lists them)", style="dim")
    wrong = [verdict for verdict in verdicts if verdict.complaint]
    if wrong:
        console.print(
            f"FAILED: {number(len(wrong), 'mutant')} of {len(verdicts)} not caught as they should be", style="bold red"
        )
    else:
        console.print(
            f"PASSED: all {number(len(verdicts), 'mutant')} caught by cases of their requirement", style="bold green"
        )
