"""Running cases: one after another, each within its time, none able to stop the others."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

import anyio

from nen_ref.conformance.model import Case, Outcome, Report, Result, Skip
from nen_ref.conformance.peer import Answer, Draft, Peer
from nen_ref.conformance.probe import CannotBegin, Probe, Target
from nen_ref.protocol.errors import NenError
from nen_ref.protocol.messages import STATUS_PATH

CASE_TIMEOUT = 60.0

log = logging.getLogger("nen_ref.conformance")


class Unreachable(Exception):
    """The target does not answer HTTP at all."""


async def run_cases(
    cases: Sequence[Case],
    target: Target,
    protocol: str = "v1",
    *,
    started: Callable[[Case], None] = lambda case: None,
    finished: Callable[[Result], None] = lambda result: None,
    case_timeout: float = CASE_TIMEOUT,
) -> Report:
    """Run `cases` in order. `started` and `finished` are told of each, for a progress display."""
    begin = time.perf_counter()
    results: list[Result] = []
    async with Peer(target.url) as peer:
        await check_reachable(peer)
        for case in cases:
            started(case)
            result = await run_case(case, target, peer, case_timeout)
            finished(result)
            results.append(result)
    return Report(protocol, target.url, tuple(results), time.perf_counter() - begin)


async def check_reachable(peer: Peer) -> None:
    answer: Answer = await peer.send(Draft("GET", STATUS_PATH))
    if answer.trouble:
        raise Unreachable(answer.trouble)


async def run_case(case: Case, target: Target, peer: Peer, case_timeout: float = CASE_TIMEOUT) -> Result:
    probe = Probe(case, target, peer)
    begin = time.perf_counter()
    with anyio.move_on_after(case_timeout) as limit:
        try:
            await case.run(probe)
        except CannotBegin as fault:
            probe.findings.append((fault.outcome, str(fault)))
        except NenError as error:
            probe.findings.append((Outcome.FAIL, f"an answer cannot be used: {error.detail}"))
        except Skip as reason:
            return Result(case, Outcome.SKIP, str(reason), time.perf_counter() - begin)
        except Exception as fault:
            log.exception("%s", case.id)
            probe.findings.append((Outcome.ERROR, f"the suite itself failed on this answer: {fault!r}"))
    if limit.cancelled_caught:
        probe.findings.append((Outcome.ERROR, f"hang: not finished after {case_timeout:.0f} s"))
    return probe.result(time.perf_counter() - begin)
