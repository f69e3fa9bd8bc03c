"""Library mutants against the test vectors: which vector kills which mutant.

`python -m nen_ref.conformance.mutants.vectors ID CATALOGUE FOLDER [first]` is the process of one mutant: the fault is
applied, then every vector of the folder is answered by what is left of the reference; with `first`, until one is wrong.
Where ID is `reference` there is no fault: that has to answer every vector rightly, or no kill would mean anything.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from nen_ref.conformance.model import Kind
from nen_ref.conformance.mutants.model import CATALOGUE, Mutant, all_mutants

CONTROL = "reference"
SECONDS = 900.0  # for one mutant against all vectors, on a busy machine
DEAR = ("primitives/ml_kem", "v1/identity", "v1/handshake", "v1/sessions", "v3/", "seal/", "primitives/ml_dsa")
"""Files that cost the most computing, in ascending order: they come last where the first kill is enough."""


class WrongReference(Exception):
    """The reference without a fault answers a vector wrongly as well, or not at all."""


@dataclass(frozen=True)
class Kills:
    """The vectors that a mutant answers wrongly, by file; `trouble` says why its process gave no result."""

    mutant: Mutant
    by_file: Mapping[str, tuple[str, ...]]
    trouble: str = ""

    @property
    def count(self) -> int:
        return sum(map(len, self.by_file.values()))


def library_mutants(catalogue: str = CATALOGUE) -> list[Mutant]:
    return [mutant for mutant in all_mutants(catalogue) if mutant.kind is Kind.LIBRARY]


def run(
    mutants: Sequence[Mutant], folder: Path, jobs: int, first: bool, finished: Callable[[Kills], None], catalogue: str
) -> list[Kills]:
    """Every mutant in a process of its own, `jobs` at a time; in the order of `mutants`.

    The reference itself is one process more. Raises WrongReference as soon as it answers a vector wrongly.
    """
    processes = _Processes()
    found: dict[str, Kills] = {}
    with ThreadPoolExecutor(jobs) as pool:
        control = pool.submit(_ask, processes, CONTROL, folder, True, catalogue)
        futures = {pool.submit(_ask, processes, mutant.id, folder, first, catalogue): mutant for mutant in mutants}
        try:
            for future in as_completed([control, *futures]):
                by_file, trouble = future.result()
                if future is control:
                    _check_control(by_file, trouble)
                    continue
                kills = Kills(futures[future], by_file, trouble)
                found[kills.mutant.id] = kills
                finished(kills)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            processes.stop()
            raise
    return [found[mutant.id] for mutant in mutants]


def _check_control(by_file: Mapping[str, Sequence[str]], trouble: str) -> None:
    wrong = next((ids[0] for ids in by_file.values()), "")
    if wrong:
        raise WrongReference(f"the reference itself answers {wrong} wrongly: run nen-ref vectors verify")
    if trouble:
        raise WrongReference(f"the reference itself gives no result: {trouble}")


class _Processes:
    """Processes that are started by threads, and can be killed by another one."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._stopped = False

    def run(self, command: Sequence[str]) -> tuple[int, str, str]:
        """Exit code, standard output and standard error. Raises subprocess.TimeoutExpired after SECONDS."""
        with self._lock:
            if self._stopped:
                raise CancelledError
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            self._running.add(process)
        with process:
            try:
                output, errors = process.communicate(timeout=SECONDS)
            finally:
                process.kill()
                with self._lock:
                    self._running.discard(process)
        return process.returncode, output, errors

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            for process in self._running:
                process.kill()


def _ask(
    processes: _Processes, id: str, folder: Path, first: bool, catalogue: str
) -> tuple[Mapping[str, tuple[str, ...]], str]:
    """The vectors that a mutant answers wrongly, by file, and why there is no such result."""
    command = [sys.executable, "-m", f"{CATALOGUE}.vectors", id, catalogue, str(folder), *(["first"] if first else [])]
    try:
        code, output, errors = processes.run(command)
    except subprocess.TimeoutExpired:
        return {}, f"no end after {SECONDS:.0f} s"
    if code:
        return {}, (errors.strip().splitlines() or ["no output"])[-1]
    return {file: tuple(ids) for file, ids in json.loads(output).items()}, ""


def kills(folder: Path, first: bool, requirement: str = "") -> dict[str, list[str]]:
    """The ids of the vectors that this process answers wrongly, by file. Files that cite `requirement` come first."""
    found: dict[str, list[str]] = {}
    for file in _files(folder, requirement):
        for id in _wrong(file):
            ids = found.setdefault(file["name"], [])
            if id not in ids:
                ids.append(id)
            if first:
                return found
    return found


def _files(folder: Path, requirement: str) -> Iterator[dict[str, Any]]:
    index = json.loads((folder / "index.json").read_bytes())
    names = [entry["name"] for entry in index["files"]]
    rank = {name: next((i for i, dear in enumerate(DEAR, 1) if name.startswith(dear)), 0) for name in names}
    texts = {name: (folder / f"{name}.json").read_bytes() for name in names}
    for name in sorted(names, key=lambda name: (requirement.encode() not in texts[name], rank[name])):
        yield json.loads(texts[name])


def _wrong(file: Mapping[str, Any]) -> Iterator[str]:
    # Only now, so that they take everything from modules that are broken already.
    from nen_ref.vectors.build import answer, calls
    from nen_ref.vectors.witness import agrees

    for id, operation, given, claim in calls(file):
        try:
            right = agrees(operation, claim, answer(operation, given))
        except Exception:  # a broken implementation may raise anything
            right = False
        if not right:
            yield id


def main() -> None:
    id, catalogue, folder, *options = sys.argv[1:]
    requirement = ""
    if id != CONTROL:
        (mutant,) = (entry for entry in all_mutants(catalogue) if entry.id == id)
        mutant.apply()
        requirement = mutant.requirement
    print(json.dumps(kills(Path(folder), "first" in options, requirement)))


if __name__ == "__main__":
    main()
