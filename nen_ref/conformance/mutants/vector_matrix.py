"""Which vector kills which mutant: as a document for machines, and as a page of the documentation."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from nen_ref.conformance.mutants.vectors import Kills
from nen_ref.conformance.text import number

SHOWN = 3  # vectors of one file in the table

UNSEEN = {
    "library/random-seed-constant": "the library's own randomness: vectors give all of it",
    "library/random-bytes-for-two": "the library's own randomness: vectors give all of it",
}
"""Mutants that no vector can kill, and why; the cases of the conformance suite do."""


def unkilled(results: Sequence[Kills]) -> list[Kills]:
    """Mutants that no vector killed, without an excuse; those that have one, and were killed all the same; and those
    whose process gave no result."""
    return [kills for kills in results if kills.trouble or (kills.count == 0) != (kills.mutant.id in UNSEEN)]


def kills_json(results: Sequence[Kills]) -> str:
    """`{"mutants": [{"id", "requirement", "fault", "killed_by": {file: [ids]}}]}`, sorted."""
    entries = [
        {
            "id": kills.mutant.id,
            "requirement": kills.mutant.requirement,
            "fault": kills.mutant.fault,
            "killed_by": {file: list(kills.by_file[file]) for file in sorted(kills.by_file)},
        }
        for kills in sorted(results, key=lambda kills: kills.mutant.id)
    ]
    return json.dumps({"mutants": entries}, indent=1) + "\n"


def kills_markdown(results: Sequence[Kills]) -> str:
    """The page."""
    killers = {id for kills in results for ids in kills.by_file.values() for id in ids}
    killed = [kills for kills in results if kills.count]
    return "".join(
        [
            "# Vectors against broken libraries\n\n",
            "Written by `nen-ref vectors mutants --docs FILE`; do not edit.\n\n",
            "A mutant is the reference with one fault; each answered every vector. ",
            f"{len(killed)} of {number(len(results), 'mutant')} are killed, ",
            f"{number(len(killers), 'vector')} kill at least one. "
            "Of each file the number of vectors that kill the mutant, and the first of them.\n\n",
            "| mutant | requirement | fault | killed by |\n|---|---|---|---|\n",
            *(_row(kills) for kills in results),
        ]
    )


def _row(kills: Kills) -> str:
    mutant = kills.mutant
    by = "; ".join(_files(kills)) or f"none: {UNSEEN.get(mutant.id, 'NOT KILLED')}"
    return f"| `{mutant.id}` | {mutant.requirement} | {mutant.fault} | {by} |\n"


def _files(kills: Kills) -> Iterator[str]:
    for file in sorted(kills.by_file):
        ids = kills.by_file[file]
        shown = ", ".join(f"`{id.removeprefix(f'{file}/')}`" for id in ids[:SHOWN])
        yield f"{file} {len(ids)} ({shown}{', ...' if len(ids) > SHOWN else ''})"
