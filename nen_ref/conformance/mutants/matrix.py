"""Every mutant against every case of its kind: what catches it, and what it should not have broken.

A run happens in a worker process, so that several use several cores. The suite's randomness has a fixed seed, and
nothing in a `Verdict` depends on time, so that a run can be compared with the next.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import anyio
import anyio.to_process

from nen_ref.conformance.checks import Checks
from nen_ref.conformance.model import Case, Kind, Outcome, Result
from nen_ref.conformance.mutants import quick
from nen_ref.conformance.mutants.harness import command
from nen_ref.conformance.mutants.model import CATALOGUE, Mutant, all_mutants
from nen_ref.conformance.registry import all_cases, every_case
from nen_ref.conformance.runner import run_cases
from nen_ref.conformance.targets import HarnessTarget, ReferenceTarget, Unreachable

SEED = "mutants"
# Within one run. One server case waits for six seconds; each at the same time may need a harness of its own.
CASES_AT_ONCE = {Kind.SERVER: 4, Kind.CLIENT: 3, Kind.LIBRARY: 1}
FEW = 25  # client cases that are done sooner by one harness than three harnesses are started
CASE_TIMEOUT = 60.0
BASELINE_TIMEOUT = 180.0  # nothing hangs in the reference, and a machine may be busy

# Cases that cost a second of computing and more. They run against the mutants that concern them, and not against all
# the others; the command says so.
COSTLY = (
    "lifecycle/many-sessions",
    "replay/after-other-requests",
    "stream/counter-beyond-a-byte",
    "wire/body-over-limit",
    "client-request/fresh-nonces",
    "library-primitives/dsa-accumulated",
    "library-primitives/kem-accumulated",
)


def is_costly(case: Case) -> bool:
    return case.id.partition("/")[2] in COSTLY


class MutantTarget(HarnessTarget):
    """As it is, but nobody asks it where it diverges: the fault is known."""

    async def explain(self, checks: Checks, result: Result) -> Result:
        return result


@dataclass(frozen=True)
class Catch:
    """A case that found something, and the ISO codes that it observed."""

    case: str
    requirement: str
    outcome: Outcome
    codes: tuple[str, ...]


@dataclass(frozen=True)
class Verdict:
    """What a mutant met: how many cases ran, which caught it; `trouble` says why nothing ran at all."""

    mutant: Mutant
    ran: int
    catches: tuple[Catch, ...]
    trouble: str = ""

    @property
    def codes(self) -> tuple[str, ...]:
        return tuple(sorted({code for catch in self.catches for code in catch.codes}))

    @property
    def unrelated(self) -> tuple[str, ...]:
        """Cases that fail and have nothing to do with the fault."""
        cases = {case.id: case for case in every_case()}
        return tuple(catch.case for catch in self.catches if not self.mutant.concerns(cases[catch.case]))

    @property
    def complaint(self) -> str:
        """Why the command fails over it, empty if it does not."""
        if self.trouble:
            return self.trouble
        if not self.catches:
            return "no case catches it"
        if not any(catch.requirement == self.mutant.requirement for catch in self.catches):
            return (
                f"no case of {self.mutant.requirement} catches it, only {_some(catch.case for catch in self.catches)}"
            )
        return f"fails cases unrelated to it: {_some(self.unrelated)}" if self.unrelated else ""


def cases_for(mutant: Mutant, related: bool = False) -> list[Case]:
    """All cases of its kind, but costly ones only where they test its requirement, or are named by it.

    With `related` only the cases that concern it: whether it fails others too is not looked at then.
    """
    named = (mutant.requirement, *mutant.related)
    return [
        case
        for case in all_cases(mutant.protocol, (mutant.kind,))
        if (not is_costly(case) or case.requirement in named or case.id in named)
        and (mutant.concerns(case) or not related)
    ]


def cases_of(mutants: Sequence[Mutant], related: bool = False) -> list[Case]:
    """The cases that run against at least one of them, each once, in the order of the suite."""
    ids = {case.id for mutant in mutants for case in cases_for(mutant, related)}
    return [case for case in every_case() if case.id in ids]


async def run_baseline(cases: Sequence[Case], finished: Callable[[Result], None] = lambda result: None) -> list[Result]:
    """The findings of the reference as it is; there should be none. Raises Unreachable."""
    found: list[Result] = []
    for protocol in dict.fromkeys(case.protocol for case in cases):
        report = await run_cases(
            [case for case in cases if case.protocol == protocol],
            ReferenceTarget(protocol),
            protocol,
            jobs=CASES_AT_ONCE[Kind.SERVER],
            seed=SEED,
            finished=finished,
            case_timeout=BASELINE_TIMEOUT,
        )
        found += [result for result in report.results if result.outcome is not Outcome.PASS]
    return found


async def run_mutants(
    mutants: Sequence[Mutant],
    jobs: int,
    catalogue: str = CATALOGUE,
    related: bool = False,
    started: Callable[[Mutant], None] = lambda mutant: None,
    finished: Callable[[Verdict], None] = lambda verdict: None,
) -> list[Verdict]:
    """The verdicts in the order of `mutants`, `jobs` at a time."""
    verdicts: dict[str, Verdict] = {}
    limiter = anyio.CapacityLimiter(jobs)
    workers = anyio.CapacityLimiter(jobs)

    async def one(mutant: Mutant) -> None:
        async with limiter:
            started(mutant)
            ran, catches, trouble = await anyio.to_process.run_sync(
                examine, mutant.id, catalogue, related, cancellable=True, limiter=workers
            )
            verdicts[mutant.id] = Verdict(mutant, ran, catches, trouble)
            finished(verdicts[mutant.id])

    async with anyio.create_task_group() as group:
        for mutant in mutants:
            group.start_soon(one, mutant)
    return [verdicts[mutant.id] for mutant in mutants]


def examine(id: str, catalogue: str = CATALOGUE, related: bool = False) -> tuple[int, tuple[Catch, ...], str]:
    """In a worker: run the cases against one mutant; how many ran, what caught it, and why it could not be run."""
    logging.disable(logging.CRITICAL)  # what a broken answer does to a case is in its result
    quick.for_the_suite()
    mutant = next(mutant for mutant in all_mutants(catalogue) if mutant.id == id)
    return anyio.run(_examine, mutant, catalogue, related)


async def _examine(mutant: Mutant, catalogue: str, related: bool) -> tuple[int, tuple[Catch, ...], str]:
    cases = cases_for(mutant, related)
    jobs = 1 if mutant.kind is Kind.CLIENT and len(cases) <= FEW else CASES_AT_ONCE[mutant.kind]

    async def findings(selected: list[Case], jobs: int) -> list[Result]:
        target = MutantTarget(command(mutant, catalogue), mutant.protocol)
        report = await run_cases(selected, target, mutant.protocol, jobs=jobs, seed=SEED, case_timeout=CASE_TIMEOUT)
        return [result for result in report.results if result.outcome.is_finding]

    try:
        found = await findings(cases, jobs)
        # A busy machine can make a case late. What is not of the mutant's requirement has to be found twice to count.
        doubtful = [result.case for result in found if result.case.requirement != mutant.requirement]
        confirmed = {result.case.id for result in await findings(doubtful, 1)} if doubtful else set()
    except Unreachable as fault:
        return 0, (), f"its harness does not start: {fault}"
    sure = [result for result in found if result.case not in doubtful or result.case.id in confirmed]
    catches = [_catch(result) for result in sure if mutant.counts(result.case)]
    return len(cases), tuple(catches), ""


def _catch(result: Result) -> Catch:
    return Catch(result.case.id, result.case.requirement, result.outcome, result.codes)


def _some(ids: Iterable[str]) -> str:
    names = list(ids)
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
