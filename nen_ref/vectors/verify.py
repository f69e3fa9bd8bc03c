"""Asking the providers about vectors that are read from files, and computing accumulated digests again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256

from nen_ref.vectors.accumulated import CHECKPOINTS
from nen_ref.vectors.build import Json
from nen_ref.vectors.generate import TRANSCRIPTS_AT_ONCE, Advance
from nen_ref.vectors.read import Folder
from nen_ref.vectors.tasks import Task, run_all
from nen_ref.vectors.witness import Judgement


@dataclass
class Findings:
    """What came of it: judgements by file, and lines about the accumulated digests, those that differ apart."""

    judgements: dict[str, list[Judgement]] = field(default_factory=dict)
    accumulated: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)

    def faults(self) -> list[str]:
        """A line for each disagreement that nobody has explained."""
        return [
            f"{id}: {text}"
            for judgements in self.judgements.values()
            for judgement in judgements
            for id, text in judgement.disagreed.items()
        ] + self.differing

    def known_faults(self) -> list[str]:
        """A line for each known fault of a witness, with how many vectors show it."""
        return [
            f"{judgement.witness.name} on {len(ids)} of {name}: {reason}"
            for name, judgements in self.judgements.items()
            for judgement in judgements
            for reason, ids in judgement.excepted.items()
        ]

    def as_json(self) -> Json:
        """For machines."""
        return {
            "files": {
                name: [
                    {
                        "witness": judgement.witness.name,
                        "version": judgement.witness.version,
                        "independent": judgement.witness.independent,
                        "agreed": sorted(judgement.agreed),
                        "unable": sorted(judgement.unable),
                        "disagreed": judgement.disagreed,
                        "known_faults": judgement.excepted,
                    }
                    for judgement in judgements
                ]
                for name, judgements in self.judgements.items()
            },
            "accumulated": self.accumulated,
            "faults": self.faults(),
        }


def verify_folder(
    folder: Folder,
    files: Mapping[str, Json],
    providers: Sequence[str],
    executor: Executor,
    advance: Advance,
    transcripts: int,
) -> Findings:
    """What each provider makes of these files of the folder, and of so many accumulated transcripts."""
    tasks = [Task("attest", (file, name)) for file in files.values() for name in providers]
    made = iter(run_all(executor, tasks, partial(advance, "asking the providers")))
    findings = Findings({name: [one for _ in providers if (one := next(made)) is not None] for name in files})
    if folder.accumulated is not None and folder.accumulated["seed"] is not None:
        _accumulate(folder.accumulated, providers, executor, advance, transcripts, findings)
    return findings


def _accumulate(
    accumulated: Json, providers: Sequence[str], executor: Executor, advance: Advance, transcripts: int, found: Findings
) -> None:
    """Compute the digests again, up to the last checkpoint within `transcripts`."""
    checkpoint = max((count for count in CHECKPOINTS if count <= transcripts), default=0)
    seed = bytes.fromhex(accumulated["seed"])
    # Only these two can compute whole transcripts: the others do not take randomness, or have no AEAD of their own.
    for name in (name for name in providers if name in ("reference", "pycryptodome")):
        for topic in accumulated["topics"]:
            published = {entry["transcripts"]: entry["sha256"] for entry in topic["digests"]}
            if checkpoint not in published:
                continue
            chunks = [
                range(first, min(first + TRANSCRIPTS_AT_ONCE, checkpoint))
                for first in range(0, checkpoint, TRANSCRIPTS_AT_ONCE)
            ]
            tasks = [Task("accumulate", (seed, topic["name"], chunk, name)) for chunk in chunks]
            digests = run_all(executor, tasks, partial(advance, f"accumulating {topic['name']} by {name}"))
            digest = sha256(b"".join(digests)).hexdigest()
            line = f"accumulated/{topic['name']}: {checkpoint} transcripts by {name}"
            if digest == published[checkpoint]:
                found.accumulated.append(f"{line} agree")
            else:
                found.differing.append(f"{line}: {digest}, not {published[checkpoint]}")
