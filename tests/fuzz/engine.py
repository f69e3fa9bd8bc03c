"""The seeded loop: an input is a function of target, seed and number, so that three words replay it."""

from __future__ import annotations

import resource
import signal
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from random import Random
from types import FrameType

from tests.fuzz.mutation import mutate
from tests.fuzz.outcomes import Outcomes, Target

CPU_SECONDS = 2.0  # of one input; the worst that we know, 40 KB that come byte by byte, needs 0.8
WALL_SECONDS = 20.0  # of one input, for what waits instead of working
MEMORY = 192 * 2**20  # bytes by which one input may raise the peak of the process
AS_IT_IS = 0.35  # of the inputs are taken as they were drawn


class OutOfTime(BaseException):
    """Raised into the middle of whatever runs; no `except Exception` holds it up."""


@dataclass(frozen=True)
class Failure:
    target: str
    seed: str
    number: int
    data: bytes = field(repr=False)
    what: str

    @property
    def replay(self) -> str:
        return f"python -m tests.fuzz --target {self.target} --seed {self.seed} --at {self.number}"


@dataclass
class Report:
    """What one target came to. `seconds` are of the whole loop, the making of inputs included."""

    target: str
    inputs: int = 0
    bytes: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    slowest: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)
    peak_rise: int = 0

    @property
    def rate(self) -> float:
        return self.inputs / self.seconds if self.seconds else 0.0


@cache
def seeds_of(target: Target) -> Sequence[bytes]:
    return tuple(target.seeds())


def make_input(target: Target, seed: str, number: int) -> bytes:
    """The input of this number."""
    return drawn_input(target, Random(f"{seed}/{target.name}/{number}"))


def drawn_input(target: Target, rng: Random) -> bytes:
    seeds = seeds_of(target)
    drawn = target.draw is not None and rng.random() < 0.7
    data = target.draw(rng) if target.draw and drawn else rng.choice(seeds)
    return data if rng.random() < AS_IT_IS else mutate(rng, data, seeds)


@contextmanager
def bounded() -> Iterator[None]:
    """CPU time, waiting time and memory of one input. In the main thread only."""
    peak = _peak()
    started = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    signal.setitimer(signal.ITIMER_REAL, WALL_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
    if time.process_time() - started > CPU_SECONDS:
        raise OutOfTime(f"more than {CPU_SECONDS} s of CPU time")
    if _peak() - peak > MEMORY:
        raise OutOfTime(f"the peak of memory rose by {(_peak() - peak) >> 20} MiB")


@contextmanager
def alarms() -> Iterator[None]:
    """The signals of `bounded` raise OutOfTime."""

    def stop(signum: int, frame: FrameType | None) -> None:
        raise OutOfTime(f"more than {CPU_SECONDS} s of CPU time, or {WALL_SECONDS} s of waiting")

    before = [(number, signal.signal(number, stop)) for number in (signal.SIGPROF, signal.SIGALRM)]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def run_one(target: Target, data: bytes) -> Outcomes | str:
    """The outcomes of an input, or, as one text, what is wrong with it."""
    try:
        with bounded():
            return target.run(data)
    except KeyboardInterrupt:
        raise
    except BaseException as fault:
        return "".join(traceback.format_exception(fault))


def fuzz(
    target: Target,
    inputs: int,
    seed: str,
    *,
    most_failures: int = 20,
    progress: Callable[[Report], None] = lambda report: None,
) -> Report:
    """Run inputs 0 to `inputs` - 1 of a target, or until there are too many failures to be of use."""
    report = Report(target.name)
    with alarms():
        run_one(target, seeds_of(target)[0])  # what is made only once belongs to no input
        peak, started, cpu = _peak(), time.monotonic(), time.process_time()
        for number in range(inputs):
            data = make_input(target, seed, number)
            before = time.process_time()
            outcome = run_one(target, data)
            report.slowest = max(report.slowest, time.process_time() - before)
            report.inputs += 1
            report.bytes += len(data)
            if isinstance(outcome, str):
                report.failures.append(Failure(target.name, seed, number, data, outcome))
                if len(report.failures) >= most_failures:
                    break
            else:
                report.outcomes.update(outcome)
            if report.inputs % 1000 == 0:
                progress(report)
        report.seconds = time.monotonic() - started
        report.cpu = time.process_time() - cpu
        report.peak_rise = _peak() - peak
    return report


def fingerprint(failure: Failure) -> str:
    """A name for the file that keeps the input."""
    return f"{failure.target}-{sha256(failure.data).hexdigest()[:12]}"
