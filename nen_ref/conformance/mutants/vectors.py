"""Library mutants against the test vectors: which vector kills which mutant.

`python -m nen_ref.conformance.mutants.vectors ID CATALOGUE FOLDER [first]` is the process of one mutant: the fault is
applied, then every vector of the folder is answered by what is left of the reference; with `first`, until one is wrong.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nen_ref.conformance.model import Kind
from nen_ref.conformance.mutants.model import CATALOGUE, Mutant, all_mutants

SECONDS = 900.0  # for one mutant against all vectors, on a busy machine
DEAR = ("primitives/ml_kem", "v1/identity", "v1/handshake", "v1/sessions", "primitives/ml_dsa")
"""Files that cost the most computing, in ascending order: they come last where the first kill is enough."""


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
    """Every mutant in a process of its own, `jobs` at a time; in the order of `mutants`."""
    with ThreadPoolExecutor(jobs) as pool:
        futures = {pool.submit(_run_one, mutant, folder, first, catalogue): mutant for mutant in mutants}
        found: dict[str, Kills] = {}
        for future in as_completed(futures):
            kills = future.result()
            found[kills.mutant.id] = kills
            finished(kills)
    return [found[mutant.id] for mutant in mutants]


def _run_one(mutant: Mutant, folder: Path, first: bool, catalogue: str) -> Kills:
    command = [sys.executable, "-m", f"{CATALOGUE}.vectors", mutant.id, catalogue, str(folder)]
    try:
        done = subprocess.run(
            [*command, *(["first"] if first else [])], capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return Kills(mutant, {}, f"no end after {SECONDS:.0f} s")
    if done.returncode:
        return Kills(mutant, {}, (done.stderr.strip().splitlines() or ["no output"])[-1])
    return Kills(mutant, {file: tuple(ids) for file, ids in json.loads(done.stdout).items()})


def kills(folder: Path, first: bool) -> dict[str, list[str]]:
    """The ids of the vectors that this process answers wrongly, by file."""
    found: dict[str, list[str]] = {}
    for file in _files(folder):
        for id in _wrong(file):
            ids = found.setdefault(file["name"], [])
            if id not in ids:
                ids.append(id)
            if first:
                return found
    return found


def _files(folder: Path) -> Iterator[dict[str, Any]]:
    index = json.loads((folder / "index.json").read_bytes())
    names = [entry["name"] for entry in index["files"]]
    rank = {name: next((i for i, dear in enumerate(DEAR, 1) if name.startswith(dear)), 0) for name in names}
    for name in sorted(names, key=lambda name: rank[name]):
        yield json.loads((folder / f"{name}.json").read_bytes())


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
    (mutant,) = (entry for entry in all_mutants(catalogue) if entry.id == id)
    mutant.apply()
    print(json.dumps(kills(Path(folder), "first" in options)))


if __name__ == "__main__":
    main()
