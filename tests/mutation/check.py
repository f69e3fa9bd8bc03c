"""Mutate the reference with mutmut and compare what survives with survivors.toml, beside this file.

    python tests/mutation/check.py              the subset of CI (see SUBSET)
    python tests/mutation/check.py --all        every mutant
    python tests/mutation/check.py --no-run     compare the last run again

mutmut makes small changes in the functions of nen_ref/primitives and nen_ref/protocol, one at a time, and runs the tests
that call the changed function, quickest first, until one fails. A mutant that no test notices has survived: either a
test is missing, or the change makes no difference, and then survivors.toml says why. Constants, tables, properties and
dataclass fields are not mutated: mutmut changes only what a function does when it is called.

The tests are those of tests/primitives and tests/protocol but for the ones marked `bulk` or `slow` ([tool.mutmut] in
pyproject.toml). Nothing under NEN_EXTERNAL is read, so that the result is the same on every machine.

Exit code 0: the survivors are those of the list. 1: one is not in the list, or a listed one does not survive any more,
or a mutant ran out of time or ended in a way that is neither a pass nor a failure. 2: mutmut itself failed.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import fnmatch
import os
import shutil
import subprocess
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
LIST = Path(__file__).with_name("survivors.toml")
SUBSET = ("nen_ref.protocol.*",)
"""What CI runs."""

sys.path.insert(0, str(REPOSITORY))
os.chdir(REPOSITORY)  # mutmut reads pyproject.toml of the current folder when it is imported

from mutmut.mutation.data import SourceFileMutationData  # noqa: E402
from mutmut.mutation.diff_apply import get_diff_for_mutant  # noqa: E402
from mutmut.stats import status_by_exit_code  # noqa: E402
from mutmut.utils.file_utils import walk_mutatable_files  # noqa: E402
from mutmut.utils.format_utils import get_module_from_key, orig_function_and_class_names_from_key  # noqa: E402


@dataclass(frozen=True)
class Change:
    """What a mutant does, said so that it stays true when mutmut numbers its mutants anew."""

    function: str
    """As in `nen_ref.protocol.sse.EventReader.feed`."""
    was: str
    """The lines that the mutant replaces, each stripped, joined by a space."""
    now: str
    """What they are in the mutant."""
    outcome: str = "survived"

    def toml(self) -> str:
        """The line for survivors.toml."""
        outcome = "" if self.outcome == "survived" else f", outcome = {quoted(self.outcome)}"
        return f"{{ in = {quoted(self.function)}, was = {quoted(self.was)}, now = {quoted(self.now)}{outcome} }},"


@dataclass(frozen=True)
class Mutant:
    """One mutant of the last run. `name` is mutmut's."""

    name: str
    change: Change
    diff: str


def quoted(text: str) -> str:
    """A TOML string: literal where possible."""
    if "'" not in text:
        return f"'{text}'"
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


# Running


def run_mutmut(patterns: tuple[str, ...], children: int) -> None:
    """A run from scratch: mutmut keeps results of functions that have not changed, though the tests may have."""
    shutil.rmtree("mutants", ignore_errors=True)
    environment = {name: value for name, value in os.environ.items() if name != "NEN_EXTERNAL"}
    command = [str(Path(sys.executable).with_name("mutmut")), "run", "--max-children", str(children), *patterns]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment)
    assert process.stdout is not None
    tail = show_progress(process.stdout.fileno())
    if process.wait() != 0:
        print(tail)
        print(f"mutmut failed: {' '.join(command)}")
        sys.exit(2)


def show_progress(descriptor: int) -> str:
    """Pass mutmut's status line on, every ten seconds where nobody watches a terminal; the end of its output."""
    pause = 0.2 if sys.stdout.isatty() else 10.0
    tail, shown = "", 0.0
    while piece := os.read(descriptor, 65536):
        tail = (tail + piece.decode("utf-8", "replace"))[-20000:]
        if time.monotonic() - shown >= pause:
            shown = time.monotonic()
            status = tail.replace("\r", "\n").rstrip("\n").rpartition("\n")[2]
            print(f"\r\033[K{status}" if sys.stdout.isatty() else status, end="" if sys.stdout.isatty() else "\n", flush=True)
    print()
    return tail


# Comparing


def mutants() -> Iterator[tuple[str, Path, str]]:
    """Name, file and outcome of every mutant of the last run."""
    for path in walk_mutatable_files():
        data = SourceFileMutationData(path=path)
        data.load()
        for name, exit_code in data.exit_code_by_key.items():
            yield name, path, status_by_exit_code[exit_code]


def function_of(name: str) -> str:
    function, class_name = orig_function_and_class_names_from_key(name)
    return ".".join(part for part in (get_module_from_key(name), class_name, function) if part)


def described(name: str, path: Path, outcome: str) -> Mutant:
    diff = get_diff_for_mutant(name, path=path)
    lines = diff.split("\n")[2:]
    was = " ".join(line[1:].strip() for line in lines if line.startswith("-"))
    now = " ".join(line[1:].strip() for line in lines if line.startswith("+"))
    return Mutant(name, Change(function_of(name), was, now, outcome), "\n".join(lines))


def listed() -> Counter[Change]:
    """The changes that survivors.toml explains. Each group needs a reason."""
    explained: Counter[Change] = Counter()
    for group in tomllib.loads(LIST.read_text())["explained"]:
        if not group["reason"].strip():
            raise SystemExit(f"{LIST.name}: a group has no reason")
        for entry in group["mutants"]:
            change = Change(entry["in"], entry["was"], entry["now"], entry.get("outcome", "survived"))
            explained[change] += entry.get("times", 1)
    return explained
