"""The whole suite against the foreign implementations, through their harnesses: server, client and library."""

from __future__ import annotations

import shutil
from pathlib import Path

import anyio
import pytest

from nen_ref.conformance.model import Kind, Outcome, Report
from nen_ref.conformance.registry import all_cases
from nen_ref.conformance.runner import run_cases
from nen_ref.conformance.targets import HarnessTarget

INTEROP = Path(__file__).parent

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed"),
    pytest.mark.skipif(
        not all((INTEROP / name / "node_modules").is_dir() for name in ("node", "wasm")),
        reason="npm packages are missing: run `make interop`",
    ),
]

# liboqs takes neither seeds nor randomness: these cannot be asked for.
SEEDED = {
    "ml_kem_768.keygen",
    "ml_kem_768.encaps",
    "ml_dsa_65.keygen",
    "ml_dsa_65.sign",
    "handshake.hello",
    "handshake.respond",
    "handshake.finish",
}


def examine(harness: Path) -> Report:
    async def run() -> Report:
        return await run_cases(all_cases(), HarnessTarget(("node", str(harness))), jobs=4)

    return anyio.run(run)


@pytest.mark.parametrize(("name", "lacking"), [("node", set()), ("wasm", SEEDED)])
def test_a_foreign_implementation_passes_everything_that_it_offers(name: str, lacking: set[str]) -> None:
    report = examine(INTEROP / name / "harness.mjs")
    assert {result.case.id: f"{result.outcome} {result.observed}" for result in report.findings} == {}
    unoffered = [result.case for result in report.results if result.outcome is Outcome.NOT_OFFERED]
    assert all(lacking & set(case.needs) for case in unoffered)
    assert {case.kind for case in unoffered} <= {Kind.LIBRARY}
    assert report.count(Outcome.PASS) == len(report.results) - len(unoffered)
    for kind, least in {Kind.SERVER: 230, Kind.CLIENT: 110, Kind.LIBRARY: 80}.items():
        assert sum(result.case.kind is kind and result.outcome is Outcome.PASS for result in report.results) >= least
