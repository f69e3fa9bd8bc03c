"""The whole suite against the foreign implementations, through their harnesses: server, client and library.

The WebAssembly is not examined in V2, of which nothing is post-quantum that V1 has not: it is the code of Node alone.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import anyio
import pytest

from nen_ref.conformance.model import Kind, Outcome, Report
from nen_ref.conformance.registry import all_cases
from nen_ref.conformance.runner import run_cases
from nen_ref.conformance.targets import HarnessTarget
from tests.interop.foreign import NODE, SEEDED, WASM, needs

pytestmark = needs(NODE, WASM)

# At least so many cases of each kind are passed: servers, clients, libraries.
LEAST = {"v1": (230, 130, 80), "v2": (260, 140, 80), "v3": (300, 200, 150)}


def examine(harness: Path, protocol: str) -> Report:
    async def run() -> Report:
        target = HarnessTarget(("node", str(harness)), protocol)
        return await run_cases(all_cases(protocol), target, protocol, jobs=4)

    return anyio.run(run)


@pytest.mark.parametrize(
    ("folder", "protocol"),
    [(NODE, "v1"), (NODE, "v2"), (NODE, "v3"), (WASM, "v1"), (WASM, "v3")],
    ids=lambda value: value.name if isinstance(value, Path) else value,
)
def test_a_foreign_implementation_passes_everything_that_it_offers(folder: Path, protocol: str) -> None:
    report = examine(folder / "harness.mjs", protocol)
    assert {result.case.id: f"{result.outcome} {result.observed}" for result in report.findings} == {}
    unoffered = [result.case for result in report.results if result.outcome is Outcome.NOT_OFFERED]
    lacking = SEEDED if folder == WASM else set()
    assert all(lacking & set(case.needs) for case in unoffered)
    assert {case.kind for case in unoffered} <= {Kind.LIBRARY}
    assert report.count(Outcome.PASS) == len(report.results) - len(unoffered)
    passed = Counter(result.case.kind for result in report.results if result.outcome is Outcome.PASS)
    kinds = (Kind.SERVER, Kind.CLIENT, Kind.LIBRARY)
    assert all(passed[kind] >= least for kind, least in zip(kinds, LEAST[protocol], strict=True))
