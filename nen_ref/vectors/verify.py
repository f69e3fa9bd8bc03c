"""Asking the providers about vectors that are read from files, and computing accumulated digests again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256

from nen_ref.vectors.build import Json
from nen_ref.vectors.generate import ACCUMULATORS, Advance, chunks_of, lines
from nen_ref.vectors.read import Folder
from nen_ref.vectors.tasks import Task, run_all
from nen_ref.vectors.witness import Accumulated, Judgement


@dataclass
class Findings:
    """What came of it: judgements by file, and lines about the accumulated digests: those that agree, those that
    differ, and why others were not computed."""

    judgements: dict[str, list[Judgement]] = field(default_factory=dict)
    accumulated: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)
    not_computed: list[str] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether nobody has answered anything, so that there is no agreement to speak of."""
        made = [judgement for judgements in self.judgements.values() for judgement in judgements]
        return not self.accumulated + self.differing and all(len(one.unable) == one.asked for one in made)

    def faults(self) -> list[str]:
        """A line for each disagreement that nobody has explained."""
        made = (judgement for judgements in self.judgements.values() for judgement in judgements)
        return [line for judgement in made for line in lines(judgement)] + self.differing

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
            "accumulated_not_computed": self.not_computed,
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
    why_not = _why_not(folder, providers, transcripts)
    if why_not:
        findings.not_computed.append(f"accumulated transcripts: none computed: {why_not}")
    elif folder.accumulated is not None:
        _accumulate(folder.accumulated, providers, executor, advance, transcripts, findings)
    return findings


def _why_not(folder: Folder, providers: Sequence[str], transcripts: int) -> str:
    """Why no digest can be computed again; empty where some can."""
    if transcripts == 0:
        return "none asked for"
    if folder.accumulated is None:
        return "the set has none"
    if folder.accumulated["seed"] is None:
        return "the set is a private one, which does not tell its seed"
    if not set(providers) & set(ACCUMULATORS):
        return f"of the providers only {' and '.join(ACCUMULATORS)} can"
    return ""


def _accumulate(
    accumulated: Json, providers: Sequence[str], executor: Executor, advance: Advance, transcripts: int, found: Findings
) -> None:
    """Compute the digests again, of each topic the one over the most transcripts within `transcripts`."""
    seed = bytes.fromhex(accumulated["seed"])
    for topic in accumulated["topics"]:
        name, published = topic["name"], {entry["transcripts"]: entry["sha256"] for entry in topic["digests"]}
        checkpoint = max((count for count in published if 0 < count <= transcripts), default=0)
        if not checkpoint:
            text = f"its least digest is over {min(published)} transcripts, {transcripts} were asked for"
            found.not_computed.append(f"accumulated/{name}: not computed: {text}")
            continue
        for provider in (provider for provider in providers if provider in ACCUMULATORS):
            told = partial(advance, f"accumulating {name} by {provider}")
            tasks = [Task("accumulate", (seed, name, chunk, provider)) for chunk in chunks_of(checkpoint)]
            digest = sha256(b"".join(run_all(executor, tasks, told))).hexdigest()
            line = f"accumulated/{name}: {checkpoint} transcripts by {provider}"
            if digest == published[checkpoint]:
                found.accumulated.append(f"{line} agree")
            else:
                found.differing.append(f"{line}: {digest}, not {published[checkpoint]}")


def compare_accumulated(accumulated: Json, made: Sequence[Accumulated], found: Findings) -> None:
    """Compare digests that others have computed, of as many transcripts as one that is published covers."""
    for one in made:
        (topic,) = (topic for topic in accumulated["topics"] if topic["name"] == one.topic)
        count = len(one.digests) // 32
        published = {entry["transcripts"]: entry["sha256"] for entry in topic["digests"]}[count]
        digest = sha256(one.digests).hexdigest()
        line = f"accumulated/{one.topic}: {count} transcripts by {one.witness.name}"
        if digest == published:
            found.accumulated.append(f"{line} agree")
        else:
            found.differing.append(f"{line}: {digest}, not {published}")


def checkpoint(accumulated: Json, transcripts: int) -> int:
    """The most transcripts within `transcripts` that all topics have a digest of; 0 if there is none."""
    counts = [{entry["transcripts"] for entry in topic["digests"]} for topic in accumulated["topics"]]
    return max((count for count in set.intersection(*counts) if count <= transcripts), default=0) if counts else 0


def check_recorded(files: Mapping[str, Json], found: Findings) -> None:
    """Compare who attests a file, by its own words, with what the same witness, of the same version, says today."""
    for name, judgements in found.judgements.items():
        file = files[name]
        recorded = {(entry["name"], entry["version"]): entry for entry in file["witnesses"]}
        for judgement in judgements:
            witness = judgement.witness
            entry = recorded.get((witness.name, witness.version))
            today = {
                "independent": witness.independent,
                "agreed": len(judgement.agreed),
                "unable": len(judgement.unable),
            }
            if entry and not judgement.disagreed and any(entry[member] != value for member, value in today.items()):
                found.differing.append(f"{name} says {_said(entry)} of {witness.name}; today it is {_said(today)}")
        independent = sum(entry["independent"] and entry["agreed"] > 0 for entry in file["witnesses"])
        if file["least_witnesses"] > independent:
            text = f"{name} says that every vector has {file['least_witnesses']} independent witnesses"
            found.differing.append(f"{text}, and names {independent}")


def _said(entry: Json) -> str:
    return f"{'independent' if entry['independent'] else 'ours'}, {entry['agreed']} agreed, {entry['unable']} unable"
