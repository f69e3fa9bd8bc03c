"""Measuring by turns: contenders do the same work one after the other, round by round, in one process.

What else the machine does then hits all of them alike, and their ratio means more than their times. Time is the
process's own (CPU), so that waiting for a core does not count.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

SAMPLE_NS = 1_000_000  # quicker work is repeated for so long, and the clock read once
WARM_UP = 1  # and one more, which is timed to see how often to repeat
MAX_ROUNDS = 10_000


class WrongAnswer(Exception):
    """A contender computes something else: its time says nothing."""


@dataclass(frozen=True)
class Contender:
    """`call` does the work; its argument is the number of the round, so that inputs can differ.

    `floor`: no implementation, but a part of the work that no implementation can leave out. `prepare` is called before
    each round, and not timed.
    """

    name: str
    call: Callable[[int], Any]
    floor: bool = False
    prepare: Callable[[int], object] | None = None


@dataclass(frozen=True)
class Subject:
    """One kind of work. The first contender is ours.

    `size` is in the unit that the part names, where it matters. `right` says whether the answer of round 0 is right.
    `mean`: what counts is the mean of exactly `inputs` rounds, each with another input; otherwise the median counts.
    """

    name: str
    contenders: tuple[Contender, ...]
    right: Callable[[Any], bool]
    size: int | None = None
    mean: bool = False
    inputs: int = 0


@dataclass(frozen=True)
class Effort:
    """How long to measure: `seconds` for each subject, with at least `rounds` rounds; `inputs` at most where the mean
    of many inputs counts."""

    seconds: float = 2.0
    rounds: int = 5
    inputs: int = 200


@dataclass
class Timing:
    """Microseconds of one contender, a sample for each round."""

    name: str
    floor: bool
    mean: bool
    samples: list[float] = field(default_factory=list)

    @property
    def us(self) -> float:
        return statistics.fmean(self.samples) if self.mean else statistics.median(self.samples)

    @property
    def quartiles(self) -> tuple[float, float]:
        """The spread: a quarter of the samples is below the first, a quarter above the second."""
        if len(self.samples) < 2:
            return self.samples[0], self.samples[0]
        low, _, high = statistics.quantiles(self.samples, n=4, method="inclusive")
        return low, high


@dataclass
class Result:
    """What has been measured of a subject so far, and when it is over."""

    part: str
    subject: Subject
    timings: list[Timing]

    @property
    def ours(self) -> Timing:
        return self.timings[0]

    def ratio(self, timing: Timing) -> float:
        """How many times as long as ours it takes."""
        return timing.us / self.ours.us


def measure(part: str, subject: Subject, effort: Effort) -> Iterator[Result]:
    """The result after every round; the last one is final. Raises WrongAnswer."""
    repeats = [_warm_up(subject, contender) for contender in subject.contenders]
    result = Result(part, subject, [Timing(c.name, c.floor, subject.mean) for c in subject.contenders])
    work = list(zip(subject.contenders, result.timings, repeats, strict=True))
    end = time.monotonic() + effort.seconds
    for i in range(min(effort.inputs, subject.inputs) if subject.mean else MAX_ROUNDS):
        if not subject.mean and i >= effort.rounds and time.monotonic() > end:
            return
        for contender, timing, times in (*work[i % len(work) :], *work[: i % len(work)]):
            if contender.prepare:
                contender.prepare(i)
            timing.samples.append(_timed(contender.call, i, times) / times / 1000)
        yield result


def _warm_up(subject: Subject, contender: Contender) -> int:
    """Check the answer; how often the work has to be repeated for one sample."""
    if contender.prepare:
        contender.prepare(0)
    for _ in range(WARM_UP):
        answer = contender.call(0)
        if not contender.floor and not subject.right(answer):
            raise WrongAnswer(f"{subject.name}: {contender.name} gives a wrong answer")
    return 1 if subject.mean else max(1, SAMPLE_NS // max(1, _timed(contender.call, 0, 1)))


def _timed(call: Callable[[int], Any], i: int, times: int) -> int:
    """Nanoseconds."""
    begin = time.process_time_ns()
    for _ in range(times):
        call(i)
    return time.process_time_ns() - begin
