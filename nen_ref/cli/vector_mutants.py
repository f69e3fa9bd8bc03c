"""`nen-ref vectors mutants`: do the vectors kill every broken library?"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from nen_ref.conformance.mutants.model import CATALOGUE, Mutant
from nen_ref.conformance.mutants.vector_matrix import UNSEEN, kills_json, kills_markdown, unkilled
from nen_ref.conformance.mutants.vectors import Kills, library_mutants, run
from nen_ref.conformance.text import number, visible
from nen_ref.vectors.published import published_folder
from nen_ref.vectors.read import read_folder

EXIT_FINDINGS = 1


class ReportFile(click.Path):
    """A file that is written when the work is done; that it can be is looked at before."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, writable=True, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if not path.parent.is_dir():
            self.fail(f"{path}: there is no folder {path.parent}", param, ctx)
        if not path.exists() and not os.access(path.parent, os.W_OK):
            self.fail(f"{path}: the folder cannot be written", param, ctx)
        return path


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, exists=True, path_type=Path), required=False)
@click.option("--only", multiple=True, metavar="PREFIX", help="Only mutants whose id begins so, e.g. library/kem.")
@click.option(
    "--jobs", type=click.IntRange(1, 64), default=os.cpu_count() or 1, help="Mutants at a time; else one a core."
)
@click.option("--first", is_flag=True, help="Stop at the first vector that kills a mutant. Some ten times quicker.")
@click.option("--json", "json_file", type=ReportFile(), metavar="FILE", help="Also every kill, for machines.")
@click.option("--docs", "docs_file", type=ReportFile(), metavar="FILE", help="Also the matrix, as Markdown.")
def mutants(
    folder: Path | None, only: tuple[str, ...], jobs: int, first: bool, json_file: Path | None, docs_file: Path | None
) -> None:
    """Answer the vectors of FOLDER, else of the published set, by libraries with one fault each.

    The reference without a fault answers them as well: it has to be right, or a kill would mean nothing.

    Exit code 0: each is killed by a vector; 1: one is not, and nothing says why it cannot be; 2: wrong usage, or
    vectors that are bad or wrong themselves.
    """
    if first and (json_file or docs_file):
        raise click.UsageError("--first does not look for all kills, which the matrix is made of")
    selected = [mutant for mutant in library_mutants() if not only or mutant.id.startswith(only)]
    if not selected:
        raise click.UsageError(f"no mutant of libraries begins with {', '.join(only)}")
    console = Console(highlight=False)
    console = console if console.is_terminal else Console(highlight=False, width=160)
    vectors = read_folder(folder or published_folder()).path
    results = _run(console, selected, vectors, jobs, first)
    for file, text in ((json_file, kills_json), (docs_file, kills_markdown)):
        if file:
            file.write_text(text(results), encoding="utf-8")
            console.print(f"written: {visible(str(file))}", markup=False, soft_wrap=True)
    alive = unkilled(results)
    for kills in alive:
        why = visible(kills.trouble or kills.mutant.fault)
        console.print(f"NOT KILLED {kills.mutant.id}: {why}", style="bold red", markup=False, soft_wrap=True)
    spared = sum(kills.mutant.id in UNSEEN for kills in results)
    if alive:
        console.print(f"FAILED: {number(len(alive), 'mutant')} of {len(results)} not killed", style="bold red")
        sys.exit(EXIT_FINDINGS)
    console.print(
        f"PASSED: {number(len(results) - spared, 'mutant')} killed; {spared} concern what no vector can see",
        style="bold green",
    )


def _run(console: Console, selected: Sequence[Mutant], folder: Path, jobs: int, first: bool) -> list[Kills]:
    text = TextColumn("{task.description}", style="bold", markup=False)
    columns = (text, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("mutants", total=len(selected))

        def finished(kills: Kills) -> None:
            progress.advance(task)
            if not console.is_terminal:
                console.print(f"{kills.mutant.id}: {number(kills.count, 'vector')}", markup=False)

        return run(selected, folder, jobs, first, finished, CATALOGUE)
