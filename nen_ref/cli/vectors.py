"""`nen-ref vectors`: make, verify, list, show and export test vectors."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing import active_children
from pathlib import Path
from types import FrameType
from typing import Any

import anyio
import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from nen_ref.cli import vector_mutants
from nen_ref.cli.scheduler import SchedulerFault, check_address, dask_executor
from nen_ref.cli.vector_mutants import ReportFile
from nen_ref.conformance.harness.driver import HarnessFault
from nen_ref.conformance.mutants.vectors import WrongReference
from nen_ref.conformance.text import number, visible
from nen_ref.conformance.transcripts import accumulate
from nen_ref.conformance.witness import SameHarness, ask_harness
from nen_ref.providers import PROVIDERS, MissingLibraryError, provider
from nen_ref.vectors.accumulated import CHECKPOINTS
from nen_ref.vectors.build import Disagreement, Json
from nen_ref.vectors.draw import DEFAULT_SEED, SEED_SIZE
from nen_ref.vectors.files import INDEX, AnotherSet, check_target, merged, write
from nen_ref.vectors.generate import ORACLES, Advance, Plan, generate
from nen_ref.vectors.published import published_folder
from nen_ref.vectors.read import BadVectors, Folder, read_folder
from nen_ref.vectors.same import differences
from nen_ref.vectors.suites import all_suites
from nen_ref.vectors.verify import Findings, check_recorded, checkpoint, compare_accumulated, verify_folder
from nen_ref.vectors.witness import Accumulated, Judgement

EXIT_FINDINGS, EXIT_USAGE = 1, 2
FOLDER = click.Path(file_okay=False, path_type=Path)
SEED_VARIABLE = "NEN_VECTORS_SEED"
TOLD = (AnotherSet, BadVectors, HarnessFault, MissingLibraryError, SchedulerFault, WrongReference)
"""Exceptions whose text says in one line why a command cannot be done."""


class Refusal(click.ClickException):
    """Ends a command with one line and exit code 2."""

    exit_code = EXIT_USAGE

    def format_message(self) -> str:
        return _line(self.message)


class Guarded(click.Group):
    """Whatever keeps a command of the group from being done is told in one line, and nothing is left running."""

    def invoke(self, context: click.Context) -> Any:
        try:
            with _sigterm_ends():
                return super().invoke(context)
        except TOLD as fault:
            raise Refusal(str(fault)) from None
        except BrokenProcessPool:
            text = "a worker was killed, perhaps for want of memory: try fewer --jobs; nothing was written"
            raise Refusal(text) from None
        except KeyboardInterrupt:
            raise Refusal("interrupted; nothing was written") from None
        except BrokenPipeError:
            raise  # whoever reads our output has enough of it, which click deals with
        except OSError as fault:
            raise Refusal(_said(fault)) from None


def _harness_commands(context: click.Context, option: click.Parameter, values: Sequence[str]) -> list[list[str]]:
    """Each COMMAND as its words, by the rules of a shell."""
    commands = []
    for value in values:
        try:
            words = shlex.split(value)
        except ValueError as fault:
            raise click.UsageError(f"--harness {_line(value)}: {fault}") from None
        if not words or not words[0]:
            raise click.UsageError("--harness: the command is empty")
        if words in commands:
            raise click.UsageError(f"--harness {_line(value)} is given twice: it is one witness")
        commands.append(words)
    return commands


harness_option = click.option(
    "--harness",
    "harnesses",
    multiple=True,
    metavar="COMMAND",
    callback=_harness_commands,
    help="An implementation as one more witness, by its harness.",
)


@click.group(cls=Guarded)
def vectors() -> None:
    """Test vectors: JSON files that an implementation can be checked against without any of our Python.

    They come with this package: `nen-ref vectors export DIR` writes them out, DIR/README.md tells how to read them.
    """


@vectors.command("generate")
@click.option(
    "--seed",
    envvar=SEED_VARIABLE,
    metavar="HEX",
    help="32 bytes as 64 hexadecimal digits, for a private set; also from the environment variable NEN_VECTORS_SEED, "
    "which keeps it out of the history of your shell. Without it: the seed of the published set.",
)
@click.option("--suite", "suites", multiple=True, metavar="NAME", help="Only this file, e.g. v1/payload_open.")
@click.option(
    "--count", type=click.IntRange(0, 10_000), help="Random vectors of each file, in place of its own number."
)
@click.option("--out", type=FOLDER, help="Where to write; ./vectors for the published set. It is made if need be.")
@click.option("--jobs", type=click.IntRange(1, 256), default=os.cpu_count() or 1, help="Processes; else one a core.")
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="A Dask scheduler whose workers do it (pip install nen-ref[dask]), e.g. tls://10.0.0.1:8786. The seed travels "
    "to them: for a secret one use tls://.",
)
@harness_option
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
    harnesses: list[list[str]],
    transcripts: str,
    long_searches: bool,
    check: bool,
) -> None:
    """Make the vectors of a seed. The same seed gives the same bytes, with any number of processes or machines.

    Nothing is written before every witness agrees. With --check none is asked: `nen-ref vectors verify` does that.

    Exit code 0: written; 1: witnesses disagree, both answers are shown, or --check finds a difference; 2: wrong usage.
    """
    if seed is None and SEED_VARIABLE in os.environ:
        raise click.UsageError(f"{SEED_VARIABLE} is empty: unset it for the seed of the published set")
    secret = DEFAULT_SEED if seed is None else _seed(seed)
    if out is None and secret != DEFAULT_SEED:
        raise click.UsageError("say with --out where a private set goes: ./vectors is for the published one")
    if check and harnesses:
        raise click.UsageError("--check asks no witness: give --harness to `nen-ref vectors verify`")
    _check_suites(suites)
    if scheduler is not None:
        check_address(scheduler)
    folder = out or Path("vectors")
    console = _console()
    plan = Plan(
        secret,
        suites,
        count,
        () if check else ORACLES,
        searches=_known_searches(secret),
        long_searches=long_searches,
        transcripts=int(transcripts),
    )
    if not check:
        _check_writable(folder)
        check_target(folder, plan.shown_seed, not suites)
    for name in plan.providers:
        provider(name)
    try:
        with _progress(console) as advance, _executor(jobs, scheduler) as executor:
            files = generate(
                plan,
                executor,
                advance,
                lambda files: _ask_harnesses(harnesses, files, advance),
                lambda count: _accumulate(harnesses, secret, count, advance),
            )
        if not check:
            with _undisturbed():
                write(folder, merged(folder, files) if suites else files)
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
@harness_option
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
@click.option("--json", "json_file", type=ReportFile(), metavar="FILE", help="Also the result for machines.")
def verify_command(
    folder: Path | None,
    providers: tuple[str, ...],
    harnesses: list[list[str]],
    only: tuple[str, ...],
    transcripts: int,
    jobs: int,
    json_file: Path | None,
) -> None:
    """Ask every provider, and every harness that is named, each vector of FOLDER; else of those that came with nen-ref.

    Exit code 0: all who can answer agree; 1: somebody does not; 2: the files or a harness cannot be used.
    """
    console = _console()
    found = read_folder(folder or published_folder())
    files = {name: file for name, file in found.files.items() if not only or name.startswith(only)}
    if not files:
        raise Refusal(f"no file of {folder or 'the published set'} begins with {', '.join(only) or 'anything'}")
    names = providers or tuple(name for name in PROVIDERS if _installed(name))
    for name in names:
        provider(name)
    with _progress(console) as advance, _executor(jobs, None) as executor:
        # First, for it is here that somebody may be found who cannot be asked at all.
        asked = _ask_harnesses(harnesses, files, advance)
        findings = verify_folder(found, files, names, executor, advance, 0 if only else transcripts)
        _accumulate_again(harnesses, found, 0 if only else transcripts, advance, findings)
    for name, judgements in asked.items():
        findings.judgements[name] += judgements
    check_recorded(files, findings)
    if findings.empty:
        raise Refusal(f"nothing was verified: {', '.join(names)} can answer none of these vectors")
    _conclude(console, findings)
    if json_file:
        json_file.write_text(json.dumps(findings.as_json(), indent=2) + "\n", encoding="utf-8")
        console.print(f"written: {_line(str(json_file))}", markup=False, soft_wrap=True)
    sys.exit(EXIT_FINDINGS if findings.faults() else 0)


@vectors.command("list")
@click.argument("folder", type=FOLDER, required=False)
def list_command(folder: Path | None) -> None:
    """The files of FOLDER, else of the published set: what they are about, how many vectors, who attests them."""
    found = read_folder(folder or published_folder())
    table = Table(box=None, pad_edge=False)
    for column in ("file", "valid", "invalid", "witnesses", "title"):
        table.add_column(column, justify="right" if column in ("valid", "invalid") else "left")
    for name, file in found.files.items():
        witnesses = ", ".join(entry["name"] for entry in file["witnesses"] if entry["independent"])
        cells = (name, str(file["valid"]), str(file["invalid"]), witnesses, file["title"])
        table.add_row(*(Text(_line(cell)) for cell in cells))
    console = _console()
    console.print(table)
    totals = found.index["totals"]
    console.print(f"{totals['vectors']} vectors, {totals['invalid']} of them invalid, in {totals['files']} files")


@vectors.command("show")
@click.argument("id")
@click.option("--from", "folder", type=FOLDER, help="Another folder than the published set.")
def show_command(id: str, folder: Path | None) -> None:
    """One vector, whole, with its file, its group and what its flags mean, as one JSON document."""
    for name, file in read_folder(folder or published_folder()).files.items():
        for group in file["groups"]:
            for test in group["tests"]:
                if test["id"] == id:
                    flags = {flag: file["flags"][flag] for flag in test["flags"]}
                    whole = test | ({"input": group["input"] | test["input"]} if "input" in test else {})
                    shown = {"file": name, "group": group["comment"], "flags": flags, "test": whole}
                    click.echo(json.dumps(shown, indent=1))
                    return
    raise Refusal(f"there is no vector {id}; `nen-ref vectors list` names the files, an id is FILE/NAME")


@vectors.command("export")
@click.argument("folder", type=FOLDER)
def export_command(folder: Path) -> None:
    """Write the published vectors, their schemas and their README into FOLDER, which is made, or empty."""
    if folder.exists() and any(folder.iterdir()):
        raise Refusal(f"{folder} is not empty: nothing was written")
    _check_writable(folder)
    with _undisturbed():
        shutil.copytree(published_folder(), folder, dirs_exist_ok=True)
    totals = read_folder(folder).index["totals"]
    where = _line(str(folder))
    click.echo(f"{totals['vectors']} vectors in {totals['files']} files; begin with {where}/README.md")


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


def _check_writable(folder: Path) -> None:
    """Refuse a folder that cannot be made, or written into, before hours of work go into it."""
    nearest = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not nearest.is_dir():
        raise Refusal(f"{folder} cannot be made: {nearest} is not a folder")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise Refusal(f"{folder} cannot be written: no permission in {nearest}")


@contextmanager
def _executor(jobs: int, scheduler: str | None) -> Iterator[Executor]:
    if scheduler is not None:
        with dask_executor(scheduler) as executor:
            yield executor
        return
    others = set(active_children())
    pool = ProcessPoolExecutor(jobs, initializer=_signals_of_worker)
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        # What they are at may take minutes, and nobody waits for it any more.
        for process in set(active_children()) - others:
            process.kill()
        raise
    pool.shutdown()


def _signals_of_worker() -> None:
    """Ctrl-C reaches every process of a terminal: here the first one sees to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextmanager
def _sigterm_ends() -> Iterator[None]:
    """SIGTERM as an exception, so that it ends what was started too: workers and harnesses are other processes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """While the files are written, which is the matter of a moment, nobody may leave them half done."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ask_harnesses(
    commands: Sequence[Sequence[str]], files: Mapping[str, Json], advance: Advance
) -> dict[str, list[Judgement]]:
    judgements: dict[str, list[Judgement]] = {}
    taken: set[str] = set()
    for command in commands:
        told = partial(advance, "asking the harness")
        try:
            answered = anyio.run(ask_harness, command, files, told, frozenset(taken))
        except SameHarness as fault:
            raise click.UsageError(_line(str(fault))) from None
        for name, made in answered.items():
            judgements.setdefault(name, []).append(made)
            taken.add(made.witness.name)
    return judgements


def _accumulate(commands: Sequence[Sequence[str]], seed: bytes, count: int, advance: Advance) -> list[Accumulated]:
    told = partial(advance, "the harness accumulates")
    return [one for command in commands for one in anyio.run(accumulate, command, seed, count, told)]


def _accumulate_again(
    commands: Sequence[Sequence[str]], folder: Folder, transcripts: int, advance: Advance, findings: Findings
) -> None:
    """What the harnesses make of the accumulated transcripts of a set whose seed is known."""
    accumulated = folder.accumulated
    count = checkpoint(accumulated, transcripts) if accumulated is not None else 0
    if accumulated is not None and accumulated["seed"] is not None and count:
        made = _accumulate(commands, bytes.fromhex(accumulated["seed"]), count, advance)
        compare_accumulated(accumulated, made, findings)


def _installed(name: str) -> bool:
    try:
        provider(name)
    except MissingLibraryError:
        return False
    return True


def _tell(console: Console, folder: Path, files: Mapping[str, Json]) -> None:
    totals = files[INDEX]["totals"]
    made = f"{number(totals['vectors'], 'vector')}, {totals['invalid']} invalid, in {_line(str(folder))}"
    console.print(made, style="bold green", markup=False, soft_wrap=True)
    alone = [name for name, file in files.items() if file.get("least_witnesses", 2) < (2 if _primitive(name) else 1)]
    if alone:
        text = f"too few independent witnesses: {', '.join(alone)}; an implementation's --harness is one"
        console.print(text, style="yellow", markup=False)
    absent = [
        f"{name} {event}"
        for name, file in files.items()
        for event, entry in file.get("events", {}).items()
        if entry["found_at"] is None
    ]
    if absent:
        text = f"not searched for, as it takes long (--long-searches): {', '.join(absent)}"
        console.print(text, style="yellow", markup=False)


def _compare(console: Console, folder: Path, files: Mapping[str, Json], suites: Sequence[str]) -> None:
    """Say whether the folder holds these files, or what was generated of a part of the suites."""
    own = {name: file for name, file in files.items() if not suites or name in suites}
    found = list(differences(folder, own, whole=not suites))
    for line in found:
        console.print(_line(line), markup=False, soft_wrap=True)
    if found:
        console.print(f"FAILED: {number(len(found), 'difference')}", style="bold red")
        sys.exit(EXIT_FINDINGS)
    text = f"{_line(str(folder))} is what this seed gives: {number(len(own), 'file')}"
    console.print(text, style="bold green", markup=False, soft_wrap=True)


def _primitive(name: str) -> bool:
    return name.startswith("primitives/")


def _conclude(console: Console, findings: Findings) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("file")
    table.add_column("vectors", justify="right")
    table.add_column("agree (unable)")
    for name, judgements in findings.judgements.items():
        asked = str(judgements[0].asked) if judgements else ""
        agreed = "; ".join(_agreement(judgement) for judgement in judgements) or "nobody can"
        table.add_row(*(Text(_line(cell)) for cell in (name, asked, agreed)))
    console.print(table)
    for line in findings.known_faults():
        console.print(f"known: {_line(line)}", style="dim", markup=False, soft_wrap=True)
    for line in findings.accumulated:
        console.print(_line(line), markup=False, soft_wrap=True)
    for line in findings.not_computed:
        console.print(_line(line), style="yellow", markup=False, soft_wrap=True)
    missing = [name for name in PROVIDERS if not _installed(name)]
    if missing:
        text = f"not installed, and not asked: {', '.join(missing)} (pip install nen-ref[oracles])"
        console.print(text, style="yellow", markup=False)
    faults = findings.faults()
    for line in faults[:50]:
        console.print(_line(line), style="red", markup=False, soft_wrap=True)
    if faults:
        console.print(f"FAILED: {number(len(faults), 'disagreement')}", style="bold red")
    else:
        console.print("PASSED: all who can answer agree", style="bold green")


def _agreement(judgement: Judgement) -> str:
    unable = f" ({len(judgement.unable)})" if judgement.unable else ""
    return f"{judgement.witness.name.removeprefix('our protocol ')} {len(judgement.agreed)}{unable}"


def _line(text: str) -> str:
    """Text of somebody else as one line that commands no terminal: it cannot pass for a line of ours."""
    return visible(text).replace("\n", "\\n")


def _said(fault: OSError) -> str:
    """Why a file could not be read or written, in one line."""
    try:
        sys.stdout.flush()
    except OSError:
        # It stays in the buffer: at its end Python would try once more, and print a traceback.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return f"standard output: {fault.strerror or fault}"
    if isinstance(fault, shutil.Error):
        _, path, why = fault.args[0][0]
        return f"{path}: {why}"
    where = fault.filename or "input or output failed"
    return f"{where}: {fault.strerror or fault}"


def _console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=160)


@contextmanager
def _progress(console: Console) -> Iterator[Advance]:
    """A line that says what is being done; nothing where nobody watches."""
    columns: Any = (
        TextColumn("{task.description}", style="bold", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("starting", total=None)
        yield lambda doing, done, of: progress.update(task, description=doing, completed=done, total=of)


vectors.add_command(vector_mutants.mutants)
