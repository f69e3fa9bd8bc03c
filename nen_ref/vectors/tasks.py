"""The units of work of generation: functions by name, with arguments that can be pickled, for a pool of processes or of
machines. What comes out depends on the arguments and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future, as_completed
from dataclasses import dataclass, field
from typing import Any

from nen_ref.vectors.accumulated import TOPICS, transcript_digests
from nen_ref.vectors.build import Json, build_groups, build_test
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.suites import all_suites
from nen_ref.vectors.witness import Judgement, ask_provider, judge, kit_of, witness_of


@dataclass(frozen=True)
class Task:
    """One unit of work: a function of this module by name, and its arguments, all of which can be pickled."""

    function: str
    arguments: tuple[Any, ...] = field(repr=False)

    def __call__(self) -> Any:
        return TASKS[self.function](*self.arguments)


def run_all(executor: Executor, tasks: Sequence[Task], told: Callable[[int, int], None]) -> list[Any]:
    """The results of the tasks in their order. The first exception ends it; what has not begun is cancelled."""
    futures: dict[Future[Any], int] = {executor.submit(task): i for i, task in enumerate(tasks)}
    results: list[Any] = [None] * len(tasks)
    try:
        for done, future in enumerate(as_completed(futures), 1):
            results[futures[future]] = future.result()
            told(done, len(tasks))
    except BaseException:
        for future in futures:
            future.cancel()
        raise
    return results


def search(seed: bytes, suite: str, event: str, first: int, last: int) -> int | None:
    """The first try in first .. last - 1 at which the event occurs."""
    found = all_suites()[suite]
    (wanted,) = (entry for entry in found.events if entry.name == event)
    draw = Draw(seed).under(suite)
    return next((i for i in range(first, last) if wanted.occurs(draw, i)), None)


def build_fixed(seed: bytes, name: str, found: Mapping[str, int]) -> list[Json]:
    suite = all_suites()[name]
    return build_groups(suite, suite.fixed(Draw(seed).under(name), found))


def build_random(seed: bytes, name: str, numbers: range) -> list[Json]:
    suite, draw = all_suites()[name], Draw(seed).under(name)
    assert suite.random is not None
    return [build_test(suite, {}, suite.random(draw.under(f"random/{i}"), i)) for i in numbers]


def attest(file: Json, name: str) -> Judgement | None:
    witness = witness_of(name, file["name"])
    return None if witness is None else judge(witness, file, ask_provider(name, file))


def accumulate(seed: bytes, topic: str, numbers: range, name: str) -> bytes:
    (wanted,) = (entry for entry in TOPICS if entry.name == topic)
    return transcript_digests(Draw(seed), wanted, numbers, kit_of(name))


TASKS: Mapping[str, Callable[..., Any]] = {
    "search": search,
    "fixed": build_fixed,
    "random": build_random,
    "attest": attest,
    "accumulate": accumulate,
}
