"""Cases, what they find, and the result of a run: one model for every report."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nen_ref.conformance.probe import Probe

ACCEPTED = "accepted"
REFUSED = "refused"  # any refusal, whatever its code
NOT_FOUND = "404"  # routed away before Nen looked at it


class Outcome(enum.StrEnum):
    """From good to bad; the worst check of a case is the outcome of the case."""

    PASS = "pass"
    SKIP = "skip"
    WRONG_CODE = "wrong-code"  # refused, but with another code or status
    FAIL = "fail"
    ERROR = "error"  # crash, hang, no HTTP answer

    @property
    def rank(self) -> int:
        return list(Outcome).index(self)


@dataclass(frozen=True)
class Case:
    """One check of one requirement.

    `acceptable`: ISO codes, `ACCEPTED`, `REFUSED` or `NOT_FOUND`; any of them passes. `why`: what goes wrong, or what
    an attacker gains, where the check fails. `cause`: the bug that an implementer most likely has then.
    """

    id: str
    requirement: str
    level: str
    title: str
    acceptable: tuple[str, ...]
    why: str
    cause: str
    run: Callable[[Probe], Awaitable[None]] = field(repr=False)

    @property
    def section(self) -> str:
        return self.id.split("/")[1]


@dataclass(frozen=True)
class Result:
    """What one case found. `observed` says it in words; `reason` is given for a skip."""

    case: Case
    outcome: Outcome
    observed: str
    seconds: float = 0.0

    @property
    def gates(self) -> bool:
        """Whether it fails the run: anything but a pass or a skip of a required case."""
        return self.case.level == "required" and self.outcome not in (Outcome.PASS, Outcome.SKIP)


@dataclass(frozen=True)
class Report:
    """A finished run."""

    protocol: str
    target: str
    results: tuple[Result, ...]
    seconds: float

    @property
    def passed(self) -> bool:
        return not any(result.gates for result in self.results)

    def count(self, outcome: Outcome) -> int:
        return sum(result.outcome is outcome for result in self.results)


class Skip(Exception):
    """Raised by a case that cannot be run against this target; the message is the reason."""
