"""From a seed to the whole set: search for the events, build, have it attested, and give the texts of the files.

The work is cut into units that name everything they need (`Task`), so that a pool of processes or of machines may do
them in any order; what comes out depends on the seed and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path

from nen_ref.vectors.accumulated import CHECKPOINTS, TOPICS, Topic
from nen_ref.vectors.build import Disagreement, Json
from nen_ref.vectors.draw import DEFAULT_SEED
from nen_ref.vectors.files import ACCUMULATED, ACCUMULATED_FORMAT, INDEX, SEARCHES, SEARCHES_FORMAT, file_of, index_of
from nen_ref.vectors.schema import schemas
from nen_ref.vectors.suites import all_suites
from nen_ref.vectors.tasks import Task, run_all, search
from nen_ref.vectors.witness import Accumulated, Judgement, Witness, by_construction, known, witness_of

RANDOM_AT_ONCE = 25
TRANSCRIPTS_AT_ONCE = 50
TRIES_AT_ONCE = 200
TRIES_PER_EVENT = 20
"""A search ends after so many times the tries that an event takes on average; chance alone fails it once in 10^8."""
LONG_SEARCH = 5000
"""Events that take more tries are searched for only where that is asked for."""

ACCUMULATORS = ("reference", "pycryptodome")
"""Providers that compute whole transcripts: the others do not take randomness, or have no AEAD of their own."""

ORACLES = ("pypi", "pycryptodome", "cryptography")
"""The providers that have to agree."""

Advance = Callable[[str, int, int], None]
"""Told of progress: what is being done, how many units of it are done, of how many."""
Others = Callable[[Mapping[str, Json]], Mapping[str, list[Judgement]]]
"""Asks further witnesses, such as the harness of an implementation, about files."""
Accumulators = Callable[[int], Sequence[Accumulated]]
"""Has further witnesses accumulate so many transcripts."""


def nobody(files: Mapping[str, Json]) -> Mapping[str, list[Judgement]]:
    """No further witnesses."""
    return {}


def none_of_them(count: int) -> Sequence[Accumulated]:
    """No further witnesses."""
    return ()


@dataclass(frozen=True)
class Plan:
    """What to generate. `suites` are names, or all; `count` the random vectors of each file, where it is not its own;
    `searches` the tries at which events are known to occur; `transcripts` up to which checkpoint to accumulate."""

    seed: bytes = field(default=DEFAULT_SEED, repr=False)
    suites: tuple[str, ...] = ()
    count: int | None = None
    providers: tuple[str, ...] = ORACLES
    searches: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    long_searches: bool = False
    transcripts: int = CHECKPOINTS[-1]

    @property
    def shown_seed(self) -> str | None:
        """The seed as the files show it: a private one stays private."""
        return self.seed.hex() if self.seed == DEFAULT_SEED else None

    def names(self) -> list[str]:
        return [name for name in (*all_suites(), ACCUMULATED) if not self.suites or name in self.suites]


def generate(
    plan: Plan,
    executor: Executor,
    advance: Advance,
    others: Others = nobody,
    accumulators: Accumulators = none_of_them,
) -> dict[str, Json]:
    """The files of the set by name, the index among them. Raises Disagreement."""
    names = [name for name in plan.names() if name != ACCUMULATED]
    found = find_events(plan, names, executor, advance)
    files = build_files(plan, names, found, executor, advance)
    further = others(files)
    for name, judgements in attest_files(plan, files, executor, advance).items():
        judgements += further.get(name, [])
        check(judgements)
        files[name] |= known(files[name], judgements)
    if ACCUMULATED in plan.names():
        files[ACCUMULATED] = accumulate_all(plan, executor, advance, accumulators)
    files[SEARCHES] = {"format": SEARCHES_FORMAT, "seed": plan.shown_seed, "found": found}
    return (
        files | {INDEX: index_of(files)} | {f"schema/{Path(name).stem}": schema for name, schema in schemas().items()}
    )


def find_events(plan: Plan, names: Sequence[str], executor: Executor, advance: Advance) -> dict[str, dict[str, int]]:
    """The try of each event by suite. A try that is known is checked, not searched for. Raises Disagreement."""
    suites = all_suites()
    found: dict[str, dict[str, int]] = {}
    for name in names:
        for event in suites[name].events:
            i = plan.searches.get(name, {}).get(event.name)
            if i is not None:
                if search(plan.seed, name, event.name, i, i + 1) is None:
                    raise Disagreement(f"{name}: {event.name} does not occur at try {i}, as {SEARCHES} says")
            elif event.tries <= LONG_SEARCH or plan.long_searches:
                i = first_try(plan.seed, name, event.name, event.tries, executor, advance)
            if i is not None:
                found.setdefault(name, {})[event.name] = i
    return found


def first_try(seed: bytes, suite: str, event: str, tries: int, executor: Executor, advance: Advance) -> int:
    """The first try at which an event occurs, by whichever number of processes. Raises Disagreement if none does."""
    at_once = min(TRIES_AT_ONCE, tries)
    for first in range(0, tries * TRIES_PER_EVENT, 4 * at_once):
        starts = range(first, first + 4 * at_once, at_once)
        tasks = [Task("search", (seed, suite, event, start, start + at_once)) for start in starts]
        results = run_all(executor, tasks, lambda done, of: None)
        advance(f"searching {suite} for {event}", first, tries)
        hits = [i for i in results if i is not None]
        if hits:
            return int(min(hits))
    raise Disagreement(f"{suite}: {event} does not occur in {tries * TRIES_PER_EVENT} tries")


def build_files(
    plan: Plan, names: Sequence[str], found: Mapping[str, Mapping[str, int]], executor: Executor, advance: Advance
) -> dict[str, Json]:
    """The files by name, with inputs and the answers of the reference, but without witnesses."""
    suites = all_suites()
    tasks: list[Task] = []
    owners: list[str] = []
    for name in names:
        tasks.append(Task("fixed", (plan.seed, name, found.get(name, {}))))
        owners.append(name)
        count = suites[name].count if plan.count is None or suites[name].random is None else plan.count
        for first in range(1, count + 1, RANDOM_AT_ONCE):
            numbers = range(first, min(first + RANDOM_AT_ONCE, count + 1))
            tasks.append(Task("random", (plan.seed, name, numbers)))
            owners.append(name)
    results = run_all(executor, tasks, partial(advance, "computing the vectors"))
    files = {}
    for name in names:
        fixed, *parts = (result for owner, result in zip(owners, results, strict=True) if owner == name)
        randoms = [test for part in parts for test in part]
        files[name] = file_of(plan.shown_seed, suites[name], found.get(name, {}), fixed, randoms)
    return files


def attest_files(
    plan: Plan, files: Mapping[str, Json], executor: Executor, advance: Advance
) -> dict[str, list[Judgement]]:
    """What every provider makes of each file; the reference has computed it."""
    tasks = [Task("attest", (file, name)) for file in files.values() for name in plan.providers]
    results = run_all(executor, tasks, partial(advance, "asking the witnesses"))
    per_file = iter(results)
    return {
        name: [by_construction(file), *(made for _ in plan.providers if (made := next(per_file)) is not None)]
        for name, file in files.items()
    }


def check(judgements: Iterable[Judgement]) -> None:
    """Raise Disagreement where a witness says otherwise and nobody has explained it: such a set is not published."""
    faults = [text for judgement in judgements for text in lines(judgement)]
    if faults:
        raise Disagreement("\n".join(faults))


def lines(judgement: Judgement) -> Iterator[str]:
    """One line for each unexplained disagreement."""
    for id, text in judgement.disagreed.items():
        yield f"{id}: {text}"


def accumulate_all(plan: Plan, executor: Executor, advance: Advance, accumulators: Accumulators) -> Json:
    """accumulated.json: by the reference, by a provider that can, and by further witnesses. Raises Disagreement."""
    names = [name for name in ACCUMULATORS if name in ("reference", *plan.providers)]
    checkpoints = [count for count in CHECKPOINTS if count <= plan.transcripts]
    further = accumulators(checkpoints[-1])
    chunks = chunks_of(checkpoints[-1])
    tasks = [
        Task("accumulate", (plan.seed, topic.name, chunk, name))
        for topic in TOPICS
        for name in names
        for chunk in chunks
    ]
    results = iter(run_all(executor, tasks, partial(advance, "accumulating transcripts")))
    topics = []
    for topic in TOPICS:
        own, *others = (
            Accumulated(_accumulating(name, topic.name), topic.name, b"".join(next(results) for _ in chunks))
            for name in names
        )
        others += [one for one in further if one.topic == topic.name]
        for one in others:
            _same_transcripts(own, one)
        topics.append(_topic(topic, own, others, checkpoints))
    return {"format": ACCUMULATED_FORMAT, "seed": plan.shown_seed, "topics": topics}


def chunks_of(transcripts: int) -> list[range]:
    """The numbers of so many transcripts, cut into units of work."""
    starts = range(0, transcripts, TRANSCRIPTS_AT_ONCE)
    return [range(first, min(first + TRANSCRIPTS_AT_ONCE, transcripts)) for first in starts]


def _topic(topic: Topic, own: Accumulated, others: Sequence[Accumulated], checkpoints: Sequence[int]) -> Json:
    return {
        "name": topic.name,
        "covers": list(topic.covers),
        "transcript": list(topic.steps),
        "digests": [
            {"transcripts": count, "sha256": sha256(own.digests[: 32 * count]).hexdigest()} for count in checkpoints
        ],
        "witnesses": [
            {
                "name": one.witness.name,
                "version": one.witness.version,
                "independent": one.witness.independent,
                "transcripts": len(one.digests) // 32,
            }
            for one in (own, *others)
        ],
    }


def _accumulating(name: str, topic: str) -> Witness:
    """Who computes. Only the primitives are computed by a library alone."""
    witness = witness_of(name, f"{'primitives' if topic == 'primitives' else 'v1'}/")
    assert witness is not None
    return witness


def _same_transcripts(own: Accumulated, other: Accumulated) -> None:
    """Raise Disagreement at the first transcript that is another."""
    for i in range(len(own.digests) // 32):
        if own.digests[32 * i : 32 * i + 32] != other.digests[32 * i : 32 * i + 32]:
            raise Disagreement(f"accumulated/{own.topic}: transcript {i} is another by {other.witness.name}")
