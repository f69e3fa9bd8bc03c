"""Reports to test with: every kind, level and outcome, made by hand."""

from __future__ import annotations

from itertools import cycle

from nen_ref.conformance.model import Case, Exchange, Implementation, Kind, Outcome, Report, Result
from nen_ref.conformance.requirements import requirements

URL = Implementation("http://127.0.0.1:3000")
HARNESS = Implementation("node 'my harness.mjs' --fast", "acme-nen", "2.4.0", "TypeScript")


async def _never_run(probe: object) -> None:
    raise AssertionError("not a case to run")


def make_case(
    name: str = "auth/first",
    level: str = "required",
    kind: Kind = Kind.SERVER,
    requirement: str = "V1-AUTH-04",
    needs: tuple[str, ...] = (),
) -> Case:
    return Case(
        f"v1/{name}",
        requirement,
        level,
        f"Check {name}.",
        ("ISO-3002", "ISO-3001"),
        "requests could be forged",
        "the comparison is left out",
        kind,
        needs,
        _never_run,
    )


def make_result(
    outcome: Outcome = Outcome.PASS,
    name: str = "auth/first",
    level: str = "required",
    observed: str = "401 ISO-3002",
    kind: Kind = Kind.SERVER,
    exchanges: tuple[Exchange, ...] = (),
    divergence: str = "",
) -> Result:
    return Result(make_case(name, level, kind), outcome, observed, 0.25, divergence, exchanges)


def make_report(*results: Result, implementation: Implementation = URL, seed: str | None = None) -> Report:
    return Report("v1", implementation, results, 1.5, seed)


def every_outcome(seconds: float = 0.25) -> Report:
    """Each outcome once at each level, over the three kinds, on a harness."""
    results = []
    kinds = cycle(Kind)
    for level in ("required", "recommended", "hardening"):
        for outcome in Outcome:
            kind = next(kinds)
            case = make_case(f"{kind.value}-part/{level}-{outcome.value}", level, kind)
            results.append(Result(case, outcome, f"observed {outcome.value} ISO-3003", seconds))
    return Report("v1", HARNESS, tuple(results), seconds * len(results), None)


def large_report(count: int = 450, exchanges: int = 40, length: int = 5000) -> Report:
    """As many cases as the suite may have one day, over all requirements, each with more to show than fits."""
    rules = cycle(requirements("v1"))
    said = tuple(
        Exchange(f"SENT {index} " + "s" * length, f"BACK {index} " + "r" * length) for index in range(exchanges)
    )
    results = []
    for index, rule in zip(range(count), rules, strict=False):
        outcome = Outcome.FAIL if index % 45 == 0 else Outcome.PASS
        case = make_case(f"auth/number-{index}", requirement=rule)
        results.append(Result(case, outcome, "200, accepted", 0.1, "", said))
    return Report("v1", HARNESS, tuple(results), 20.0, None)
