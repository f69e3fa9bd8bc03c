"""Running cases: one after another or several at a time, each within its time, none able to stop the others."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence

import anyio

from nen_ref.conformance.checks import CannotBegin, Checks
from nen_ref.conformance.model import Case, Outcome, Report, Result, Skip
from nen_ref.conformance.randomness import seeded
from nen_ref.conformance.targets import Target
from nen_ref.protocol.errors import NenError

CASE_TIMEOUT = 60.0

log = logging.getLogger("nen_ref.conformance")


async def run_cases(
    cases: Sequence[Case],
    target: Target,
    protocol: str = "v1",
    *,
    jobs: int = 1,
    seed: str | None = None,
    started: Callable[[Case], None] = lambda case: None,
    finished: Callable[[Result], None] = lambda result: None,
    case_timeout: float = CASE_TIMEOUT,
    max_time: float = math.inf,
) -> Report:
    """Run `cases`, up to `jobs` at a time; their results come in the order of `cases`.

    `started` and `finished` are told of each, for a progress display. `seed` makes the suite's randomness repeatable.
    Cases that `max_time` (seconds, for the whole run) leaves no time for have no verdict. Raises Unreachable.
    """
    begin = time.perf_counter()
    results: dict[str, Result] = {}
    limiter = anyio.CapacityLimiter(jobs)

    async def one(case: Case) -> None:
        async with limiter:
            started(case)
            with seeded(seed, case.id):
                results[case.id] = await run_case(case, target, case_timeout)
            finished(results[case.id])

    async with target:
        with anyio.move_on_after(max_time):
            async with anyio.create_task_group() as group:
                for case in cases:
                    group.start_soon(one, case)
    late = "not finished: the run was out of its time"
    ordered = tuple(results.get(case.id) or Result(case, Outcome.ERROR, late) for case in cases)
    return Report(protocol, target.implementation, ordered, time.perf_counter() - begin, seed)


async def run_case(case: Case, target: Target, case_timeout: float = CASE_TIMEOUT) -> Result:
    """The result of one case, whatever the target does."""
    absent = target.missing(case)
    if absent:
        return Result(case, Outcome.NOT_OFFERED, f"the target does not offer {', '.join(absent)}")
    begin = time.perf_counter()
    try:
        async with target.probe(case) as checks:
            await _checked(case, checks, case_timeout)
            result = checks.result(time.perf_counter() - begin)
            return await target.explain(checks, result) if result.outcome.is_finding else result
    except CannotBegin as fault:
        return Result(case, fault.outcome, str(fault), time.perf_counter() - begin)
    except Exception as fault:
        log.exception("%s", case.id)
        return Result(case, Outcome.ERROR, f"the suite itself failed: {fault!r}", time.perf_counter() - begin)


async def _checked(case: Case, checks: Checks, case_timeout: float) -> None:
    with anyio.move_on_after(case_timeout) as limit:
        await _run(case, checks)
        await checks.finish()
    if limit.cancelled_caught:
        checks.findings.append((Outcome.HANG, f"hang: not finished after {case_timeout:.0f} s"))


async def _run(case: Case, checks: Checks) -> None:
    try:
        await case.run(checks)
    except CannotBegin as fault:
        checks.blocked = True
        checks.findings.append((fault.outcome, str(fault)))
    except NenError as error:
        checks.findings.append((Outcome.FAIL, f"an answer cannot be used: {error.detail}"))
    except Skip as reason:
        checks.findings.append((Outcome.SKIP, str(reason)))
    except Exception as fault:
        log.exception("%s", case.id)
        checks.findings.append((Outcome.ERROR, f"the suite itself failed on this answer: {fault!r}"))
