"""Mutate the reference with mutmut and compare what survives with survivors.toml, beside this file.

    python tests/mutation/check.py              the sample of CI: three mutants of ten in some modules (see SAMPLE)
    python tests/mutation/check.py --modules    every mutant of these modules
    python tests/mutation/check.py --all        every mutant of every module
    python tests/mutation/check.py --no-run     compare the last run again

mutmut makes small changes in the functions of nen_ref/primitives and nen_ref/protocol, one at a time, and runs the
tests that call the changed function, quickest first, until one fails. A mutant that no test notices has survived:
either a test is missing, or the change makes no difference, and then survivors.toml says why. Constants, tables,
properties and dataclass fields are not mutated: mutmut changes only what a function does when it is called.

The tests are those of tests/primitives and tests/protocol but for the ones marked `bulk` or `slow` ([tool.mutmut] in
pyproject.toml), and for a mutant those of its own module, where there are some (tests/conftest.py). Nothing under
NEN_EXTERNAL is read, so that the result is the same on every machine.

Exit code 0: the survivors are those of the list. 1: one is not in the list, or a listed one does not survive any more,
or a mutant ran out of time or ended in a way that is neither a pass nor a failure. 2: mutmut itself failed.
"""

from __future__ import annotations

import argparse
import fnmatch
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
LIST = Path(__file__).with_name("survivors.toml")
EVERYTHING = ("nen_ref.*",)
MODULES = (
    "nen_ref.protocol.*",
    "nen_ref.primitives.errors.*",
    "nen_ref.primitives.hkdf_sha256.*",
    "nen_ref.primitives.hmac_sha256.*",
    "nen_ref.primitives.ml_dsa_keys.*",
    "nen_ref.primitives.x25519.*",
)
"""The modules whose tests take milliseconds, with a third of all mutants. Those of ML-KEM, ML-DSA and ChaCha20 with
Poly1305 would take more time than CI has; `--all` has them too, and is to be run when one of the three changes."""
SAMPLE = tuple(f"{module}__mutmut_*[147]" for module in MODULES)
"""What CI runs: the mutants of each function whose numbers end in 1, 4 or 7, so that every function has one. A change
can let a mutant outside of the sample survive: `--modules` is to be run before a release."""

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
    if patterns != EVERYTHING:
        environment["NEN_MUTATED"] = "MODULES"  # tests/conftest.py leaves out the tests of the other modules
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
            if sys.stdout.isatty():
                print(f"\r\033[K{status}", end="", flush=True)
            else:
                print(status, flush=True)
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


def zip_without_strict(text: str) -> str:
    return re.sub(r", (strict=(True|False|None))?\)", ")", text)


def only_zip_strict(change: Change) -> bool:
    """Whether nothing but the argument `strict` of a zip() is changed or taken away."""
    return "strict=True" in change.was and zip_without_strict(change.was) == zip_without_strict(change.now)


def only_codec_name(change: Change) -> bool:
    """Whether nothing but the case of a codec's name is changed."""
    names = {'"ASCII"': '"ascii"', '"UTF-8"': '"utf-8"'}
    return any(change.now.replace(upper, lower) == change.was for upper, lower in names.items())


PATTERNS = {"zip strict": only_zip_strict, "codec name": only_codec_name}
"""Kinds of change that survivors.toml explains with one reason for all, by the name they have there."""


class Explained:
    """What survivors.toml says."""

    def __init__(self) -> None:
        content = tomllib.loads(LIST.read_text("utf-8"))
        self.changes: Counter[Change] = Counter()
        for group in content["explained"]:
            if not group["reason"].strip():
                raise SystemExit(f"{LIST.name}: a group has no reason")
            for entry in group["mutants"]:
                change = Change(entry["in"], entry["was"], entry["now"], entry.get("outcome", "survived"))
                self.changes[change] += entry.get("times", 1)
        self.patterns = {pattern["name"]: PATTERNS[pattern["name"]] for pattern in content["pattern"]}

    def pattern(self, change: Change) -> str | None:
        """The name of the pattern that explains the change, if one does."""
        if change.outcome != "survived":
            return None
        return next((name for name, explains in self.patterns.items() if explains(change)), None)


def not_run(patterns: tuple[str, ...], functions: set[str]) -> Counter[Change]:
    """The mutants of these functions that are outside of the patterns, without an outcome."""
    return Counter(
        described(name, path, "").change
        for name, path, _ in mutants()
        if function_of(name) in functions and not matches(name, patterns)
    )


def matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatch(name, pattern) for pattern in patterns)


def compare(patterns: tuple[str, ...]) -> int:
    """Print every difference between the last run and the list. 0 if there is none."""
    explained = Explained()
    outcomes: Counter[str] = Counter()
    seen: Counter[Change] = Counter()
    matched: Counter[str] = Counter()
    new: list[Mutant] = []
    functions: set[str] = set()
    for name, path, outcome in mutants():
        if not matches(name, patterns):
            continue
        outcomes[outcome] += 1
        functions.add(function_of(name))
        if outcome == "killed":
            continue
        mutant = described(name, path, outcome)
        pattern = explained.pattern(mutant.change)
        if pattern:
            matched[pattern] += 1
            continue
        seen[mutant.change] += 1
        if seen[mutant.change] > explained.changes[mutant.change]:
            new.append(mutant)

    for mutant in new:
        print(f"\n{mutant.change.outcome}, and not in {LIST.name}: mutmut show {mutant.name}")
        print(mutant.diff)
        print(f"  {mutant.change.toml()}")
    whole = patterns == EVERYTHING
    left_out = Counter() if whole else not_run(patterns, functions & {change.function for change in explained.changes})
    of_this_run = [change for change in explained.changes if whole or change.function in functions]
    expected = {change: explained.changes[change] - left_out[replace(change, outcome="")] for change in of_this_run}
    stale = [change for change in of_this_run if seen[change] < expected[change]]
    for change in stale:
        times = f"{seen[change]} of {expected[change]} times"
        print(f"\nlisted in {LIST.name}, but it {change.outcome} only {times}:\n  {change.toml()}")
    idle = [name for name in explained.patterns if whole and not matched[name]]
    for name in idle:
        print(f"\nthe pattern {name!r} of {LIST.name} explains nothing")

    counts = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common())
    by_pattern = "".join(f", {count} by the pattern {name!r}" for name, count in matched.items())
    print(
        f"\n{outcomes.total()} mutants: {counts}; explained: {(seen & explained.changes).total()} by name{by_pattern}"
    )
    if not whole:
        total = sum(1 for _ in mutants())
        print(f"a part of all {total} mutants: those of {', '.join(patterns)}; the others were not run")
    if not outcomes:
        print("there are no mutants: nothing was run")
        return 2
    return 1 if new or stale or idle else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--all", action="store_true", help="every mutant, not the sample of CI")
    which.add_argument("--modules", action="store_true", help="every mutant of the modules of the sample")
    parser.add_argument("--no-run", action="store_true", help="compare the last run again")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="mutants at a time (default: one per core)"
    )
    arguments = parser.parse_args()
    patterns = EVERYTHING if arguments.all else MODULES if arguments.modules else SAMPLE
    start = time.monotonic()
    if not arguments.no_run:
        run_mutmut(patterns, arguments.jobs)
    result = compare(patterns)
    print(f"{time.monotonic() - start:.0f} s")
    return result


if __name__ == "__main__":
    sys.exit(main())
