"""`nen-ref vectors`: make, verify, list, show and export test vectors."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import anyio
import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from nen_ref.cli import vector_mutants
from nen_ref.cli.scheduler import dask_executor
from nen_ref.conformance.harness.driver import HarnessFault
from nen_ref.conformance.text import number, visible
from nen_ref.conformance.witness import ask_harness
from nen_ref.providers import PROVIDERS, MissingLibraryError, provider
from nen_ref.vectors.accumulated import CHECKPOINTS
from nen_ref.vectors.build import Disagreement, Json
from nen_ref.vectors.draw import DEFAULT_SEED, SEED_SIZE
from nen_ref.vectors.files import INDEX, AnotherSet, merged, write
from nen_ref.vectors.generate import ORACLES, Advance, Plan, generate
from nen_ref.vectors.published import published_folder
from nen_ref.vectors.read import BadVectors, Folder, read_folder
from nen_ref.vectors.same import differences
from nen_ref.vectors.suites import all_suites
from nen_ref.vectors.verify import Findings, verify_folder
from nen_ref.vectors.witness import Judgement

EXIT_FINDINGS, EXIT_USAGE = 1, 2
FOLDER = click.Path(file_okay=False, path_type=Path)


@click.group()
def vectors() -> None:
    """Test vectors: JSON files that an implementation can be checked against without any of our Python.

    They come with this package: `nen-ref vectors export DIR` writes them out, DIR/README.md tells how to read them.
    """


@vectors.command("generate")
@click.option(
    "--seed",
    envvar="NEN_VECTORS_SEED",
    metavar="HEX",
    help="32 bytes as 64 hexadecimal digits, for a private set; also from the environment variable NEN_VECTORS_SEED, "
    "which keeps it out of the history of your shell. Without it: the seed of the published set.",
)
@click.option("--suite", "suites", multiple=True, metavar="NAME", help="Only this file, e.g. v1/payload_open.")
@click.option(
    "--count", type=click.IntRange(0, 1_000_000), help="Random vectors of each file, in place of its own number."
)
@click.option("--out", type=FOLDER, help="Where to write; ./vectors for the published set. It is made if need be.")
@click.option("--jobs", type=click.IntRange(1, 256), default=os.cpu_count() or 1, help="Processes; else one a core.")
@click.option("--scheduler", metavar="ADDRESS", help="A Dask scheduler that does the work (pip install nen-ref[dask]).")
@click.option("--harness", "harnesses", multiple=True, metavar="COMMAND", help="An implementation as one more witness.")
@click.option(
    "--transcripts",
    type=click.Choice([str(count) for count in CHECKPOINTS]),
    default=str(CHECKPOINTS[-1]),
    help="How far to accumulate.",
)
@click.option("--long-searches", is_flag=True, help="Search for events that take many minutes, too.")
@click.option("--check", is_flag=True, help="Write nothing, ask no witness: compare with what --out holds.")
def generate_command(
    seed: str | None,
    suites: tuple[str, ...],
    count: int | None,
    out: Path | None,
    jobs: int,
    scheduler: str | None,
    harnesses: tuple[str, ...],
    transcripts: str,
    long_searches: bool,
    check: bool,
) -> None:
    """Make the vectors of a seed. The same seed gives the same bytes, with any number of processes or machines.

    Nothing is written before every witness agrees. With --check none is asked: `nen-ref vectors verify` does that.

    Exit code 0: written; 1: witnesses disagree, both answers are shown, or --check finds a difference; 2: wrong usage.
    """
    secret = DEFAULT_SEED if seed is None else _seed(seed)
    if out is None and secret != DEFAULT_SEED:
        raise click.UsageError("say with --out where a private set goes: ./vectors is for the published one")
    folder = out or Path("vectors")
    _check_suites(suites)
    console = _console()
    try:
        plan = Plan(
            secret,
            suites,
            count,
            () if check else ORACLES,
            searches=_known_searches(secret),
            long_searches=long_searches,
            transcripts=int(transcripts),
        )
        for name in plan.providers:
            provider(name)
        with _progress(console) as advance, _executor(jobs, scheduler) as executor:
            files = generate(plan, executor, advance, lambda files: _ask_harnesses(harnesses, files, advance))
        if not check:
            write(folder, merged(folder, files) if suites else files)
    except (MissingLibraryError, HarnessFault, BadVectors, AnotherSet) as fault:
        _refuse(str(fault))
    except OSError as fault:
        _refuse(f"{fault.filename or folder}: {fault.strerror}")
    except BrokenProcessPool:
        _refuse("a worker was killed, perhaps for want of memory: try fewer --jobs; nothing was written")
    except Disagreement as disagreement:
        console.print(visible(str(disagreement)), markup=False, soft_wrap=True)
        console.print("FAILED: the witnesses disagree, so nothing was written", style="bold red")
        sys.exit(EXIT_FINDINGS)
    if check:
        _compare(console, folder, files, suites)
    else:
        _tell(console, folder, files)


@vectors.command("verify")
@click.argument("folder", type=FOLDER, required=False)
@click.option(
    "--provider", "providers", multiple=True, type=click.Choice(PROVIDERS), help="Else each that is installed."
)
@click.option("--harness", "harnesses", multiple=True, metavar="COMMAND", help="An implementation, by its harness.")
@click.option(
    "--only", "only", multiple=True, metavar="PREFIX", help="Only files whose name begins so, e.g. v1/stream."
)
@click.option(
    "--transcripts",
    type=click.IntRange(0, CHECKPOINTS[-1]),
    default=CHECKPOINTS[0],
    help="Accumulated transcripts to compute again, of each topic.",
)
@click.option("--jobs", type=click.IntRange(1, 256), default=os.cpu_count() or 1, help="Processes; else one a core.")
@click.option(
    "--json", "json_file", type=click.Path(dir_okay=False), metavar="FILE", help="Also the result for machines."
)
def verify_command(
    folder: Path | None,
    providers: tuple[str, ...],
    harnesses: tuple[str, ...],
    only: tuple[str, ...],
    transcripts: int,
    jobs: int,
    json_file: str | None,
) -> None:
    """Ask every provider, and every harness that is named, each vector of FOLDER; else of those that came with nen-ref.

    Exit code 0: all who can answer agree; 1: somebody does not; 2: the files or a harness cannot be used.
    """
    console = _console()
    try:
        found = read_folder(folder or published_folder())
        files = {name: file for name, file in found.files.items() if not only or name.startswith(only)}
        if not files:
            _refuse(f"no file of {folder or 'the published set'} begins with {', '.join(only) or 'anything'}")
        names = providers or tuple(name for name in PROVIDERS if _installed(name))
        with _progress(console) as advance, _executor(jobs, None) as executor:
            findings = verify_folder(found, files, names, executor, advance, 0 if only else transcripts)
            for name, judgements in _ask_harnesses(harnesses, files, advance).items():
                findings.judgements[name] += judgements
    except (BadVectors, HarnessFault, MissingLibraryError) as fault:
        _refuse(str(fault))
    _conclude(console, findings, names)
    if json_file:
        Path(json_file).write_text(json.dumps(findings.as_json(), indent=2) + "\n", encoding="utf-8")
        console.print(f"written: {json_file}")
    sys.exit(EXIT_FINDINGS if findings.faults() else 0)


@vectors.command("list")
@click.argument("folder", type=FOLDER, required=False)
def list_command(folder: Path | None) -> None:
    """The files of FOLDER, else of the published set: what they are about, how many vectors, who attests them."""
    found = _read(folder)
    table = Table(box=None, pad_edge=False)
    for column in ("file", "valid", "invalid", "witnesses", "title"):
        table.add_column(column, justify="right" if column in ("valid", "invalid") else "left")
    for name, file in found.files.items():
        witnesses = ", ".join(entry["name"] for entry in file["witnesses"] if entry["independent"])
        table.add_row(name, str(file["valid"]), str(file["invalid"]), witnesses, file["title"])
    console = _console()
    console.print(table)
    totals = found.index["totals"]
    console.print(f"{totals['vectors']} vectors, {totals['invalid']} of them invalid, in {totals['files']} files")


@vectors.command("show")
@click.argument("id")
@click.option("--from", "folder", type=FOLDER, help="Another folder than the published set.")
def show_command(id: str, folder: Path | None) -> None:
    """One vector, with what its flags mean, as JSON."""
    for name, file in _read(folder).files.items():
        for group in file["groups"]:
            for test in group["tests"]:
                if test["id"] == id:
                    flags = {flag: file["flags"][flag] for flag in test["flags"]}
                    click.echo(json.dumps({"file": name, "group": group["comment"], "flags": flags}, indent=1))
                    click.echo(json.dumps(test | {"input": group["input"] | test.get("input", {})}, indent=1))
                    return
    _refuse(f"there is no vector {id}; `nen-ref vectors list` names the files, an id is FILE/NAME")


@vectors.command("export")
@click.argument("folder", type=FOLDER)
def export_command(folder: Path) -> None:
    """Write the published vectors, their schemas and their README into FOLDER, which is made, or empty."""
    if folder.exists() and any(folder.iterdir()):
        _refuse(f"{folder} is not empty: nothing was written")
    try:
        shutil.copytree(published_folder(), folder, dirs_exist_ok=True)
    except OSError as fault:
        _refuse(f"{folder}: {fault}")
    totals = _read(folder).index["totals"]
    click.echo(f"{totals['vectors']} vectors in {totals['files']} files; begin with {folder}/README.md")


def _seed(text: str) -> bytes:
    try:
        seed = bytes.fromhex(text)
    except ValueError:
        raise click.UsageError("--seed is not hexadecimal") from None
    if len(seed) != SEED_SIZE:
        raise click.UsageError(f"--seed is {len(seed)} bytes, not {SEED_SIZE}; make one with `openssl rand -hex 32`")
    return seed


def _check_suites(suites: Sequence[str]) -> None:
    known = [*all_suites(), "accumulated"]
    for name in suites:
        if name not in known:
            raise click.UsageError(f"--suite {name}: there is no such file; there are {', '.join(known)}")


def _known_searches(seed: bytes) -> Mapping[str, Mapping[str, int]]:
    """The tries that are known for the published set; a private one is searched."""
    file = published_folder() / "searches.json"
    if seed != DEFAULT_SEED or not file.is_file():
        return {}
    try:
        found: Mapping[str, Mapping[str, int]] = json.loads(file.read_bytes())["found"]
    except (ValueError, KeyError, TypeError):
        raise BadVectors(f"{file}: not a file of searches") from None
    return found


@contextmanager
def _executor(jobs: int, scheduler: str | None) -> Iterator[Executor]:
    if scheduler is not None:
        with dask_executor(scheduler) as executor:
            yield executor
        return
    pool = ProcessPoolExecutor(jobs)
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


def _ask_harnesses(commands: Sequence[str], files: Mapping[str, Json], advance: Advance) -> dict[str, list[Judgement]]:
    judgements: dict[str, list[Judgement]] = {}
    for command in commands:
        told = partial(advance, "asking the harness")
        for name, made in anyio.run(ask_harness, shlex.split(command), files, told).items():
            judgements.setdefault(name, []).append(made)
    return judgements


def _installed(name: str) -> bool:
    try:
        provider(name)
    except MissingLibraryError:
        return False
    return True


def _read(folder: Path | None) -> Folder:
    try:
        return read_folder(folder or published_folder())
    except BadVectors as fault:
        _refuse(str(fault))


def _tell(console: Console, folder: Path, files: Mapping[str, Json]) -> None:
    totals = files[INDEX]["totals"]
    console.print(
        f"{number(totals['vectors'], 'vector')}, {totals['invalid']} invalid, in {folder}", style="bold green"
    )
    alone = [name for name, file in files.items() if file.get("least_witnesses", 2) < (2 if _primitive(name) else 1)]
    if alone:
        console.print(
            f"too few independent witnesses: {', '.join(alone)}; an implementation's --harness is one", style="yellow"
        )
    absent = [
        f"{name} {event}"
        for name, file in files.items()
        for event, entry in file.get("events", {}).items()
        if entry["found_at"] is None
    ]
    if absent:
        console.print(f"not searched for, as it takes long (--long-searches): {', '.join(absent)}", style="yellow")


def _compare(console: Console, folder: Path, files: Mapping[str, Json], suites: Sequence[str]) -> None:
    """Say whether the folder holds these files, or what was generated of a part of the suites."""
    own = {name: file for name, file in files.items() if not suites or name in suites}
    found = list(differences(folder, own, whole=not suites))
    for line in found:
        console.print(visible(line), markup=False, soft_wrap=True)
    if found:
        console.print(f"FAILED: {number(len(found), 'difference')}", style="bold red")
        sys.exit(EXIT_FINDINGS)
    console.print(f"{folder} is what this seed gives: {number(len(own), 'file')}", style="bold green")


def _primitive(name: str) -> bool:
    return name.startswith("primitives/")


def _conclude(console: Console, findings: Findings, providers: Sequence[str]) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("file")
    table.add_column("vectors", justify="right")
    table.add_column("agree (unable)")
    for name, judgements in findings.judgements.items():
        table.add_row(name, str(judgements[0].asked), "; ".join(_agreement(judgement) for judgement in judgements))
    console.print(table)
    for line in findings.known_faults():
        console.print(f"known: {line}", style="dim", markup=False, soft_wrap=True)
    for line in findings.accumulated:
        console.print(line, markup=False)
    missing = [name for name in PROVIDERS if not _installed(name)]
    if missing:
        console.print(
            f"not installed, and not asked: {', '.join(missing)} (pip install nen-ref[oracles])", style="yellow"
        )
    faults = findings.faults()
    for line in faults[:50]:
        console.print(visible(line), style="red", markup=False, soft_wrap=True)
    if faults:
        console.print(f"FAILED: {number(len(faults), 'disagreement')}", style="bold red")
    else:
        console.print("PASSED: all who can answer agree", style="bold green")


def _agreement(judgement: Judgement) -> str:
    unable = f" ({len(judgement.unable)})" if judgement.unable else ""
    return f"{judgement.witness.name.removeprefix('our protocol ')} {len(judgement.agreed)}{unable}"


def _console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=160)


@contextmanager
def _progress(console: Console) -> Iterator[Advance]:
    """A line that says what is being done; nothing where nobody watches."""
    columns: Any = (
        TextColumn("{task.description}", style="bold"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("starting", total=None)
        yield lambda doing, done, of: progress.update(task, description=doing, completed=done, total=of)


def _refuse(message: str) -> NoReturn:
    click.echo(f"Error: {visible(message)}", err=True)
    sys.exit(EXIT_USAGE)


vectors.add_command(vector_mutants.mutants)
