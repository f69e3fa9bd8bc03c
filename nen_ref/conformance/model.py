"""Cases, what they find, and the result of a run: one model for every report."""

from __future__ import annotations

import enum
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from nen_ref.conformance.requirements import version_of

ACCEPTED = "accepted"
REFUSED = "refused"  # any refusal, whatever its code
NOT_FOUND = "404"  # routed away before Nen looked at it

_CODE = re.compile(r"ISO-\d{4}")


class Kind(enum.StrEnum):
    """What is examined: a server at a URL, or a client or a library behind a harness."""

    SERVER = "server"
    CLIENT = "client"
    LIBRARY = "library"


class Outcome(enum.StrEnum):
    """From good to bad; the worst check of a case is the outcome of the case."""

    PASS = "pass"
    NOT_OFFERED = "not-offered"  # needs an optional capability that the target did not declare
    SKIP = "skip"  # the target offers it, and declined all the same
    WRONG_CODE = "wrong-code"  # refused, but with another code or status
    FAIL = "fail"
    CRASH = "crash"  # the target went down, closed the connection, or answered 5xx without a code
    HANG = "hang"
    ERROR = "error"  # no verdict: a check that never reported, or an answer outside of the harness protocol

    @property
    def rank(self) -> int:
        return list(Outcome).index(self)

    @property
    def is_finding(self) -> bool:
        """Whether somebody has to look at it: everything but a pass and what the target does not offer."""
        return self not in (Outcome.PASS, Outcome.NOT_OFFERED)


LEVELS = ("required", "recommended", "hardening")


@dataclass(frozen=True)
class Case:
    """One check of one requirement.

    `acceptable`: ISO codes, `ACCEPTED`, `REFUSED` or `NOT_FOUND`; any of them passes. `needs`: the operations of a
    harness, or the routes of a server, without which it cannot be run. `why`: what goes wrong, or what an attacker
    gains, where the check fails. `cause`: the bug that an implementer most likely has then. `also`: ISO codes that it
    checks beside, without judging the answer by `acceptable`.
    """

    id: str
    requirement: str
    level: str
    title: str
    acceptable: tuple[str, ...]
    why: str
    cause: str
    kind: Kind
    needs: tuple[str, ...]
    run: Callable[[Any], Awaitable[None]] = field(repr=False)
    also: tuple[str, ...] = ()

    @property
    def codes(self) -> tuple[str, ...]:
        """The ISO codes that it provokes: what this specification answers, and those of `also`."""
        return tuple(code for code in (self.acceptable[0], *self.also) if _CODE.fullmatch(code))

    @property
    def protocol(self) -> str:
        """The version whose wire it speaks; sealed envelopes are examined with V3."""
        return version_of(self.id.split("/")[0])

    @property
    def section(self) -> str:
        return self.id.split("/")[1]


@dataclass(frozen=True)
class Exchange:
    """One thing said to the target and its answer, as text to read: a request and its response, or an operation of a
    harness and its reply. Long values are shortened. Nothing in it is secret: the keys are made for the one case."""

    sent: str
    received: str


@dataclass(frozen=True)
class Result:
    """What one case found.

    `observed` says it in words; `divergence` names the first intermediate value in which the target and the reference
    differ, where that is known. `exchanges` is what was said, in order, the first few dozen at most.
    `blocked`: the case ended at a step that it builds on.
    """

    case: Case
    outcome: Outcome
    observed: str
    seconds: float = 0.0
    divergence: str = ""
    exchanges: tuple[Exchange, ...] = ()
    blocked: bool = False

    @property
    def cause(self) -> str:
        """The likely cause, where the target was judged at all: not for a crash, nor for a step before the case."""
        judged = self.outcome in (Outcome.WRONG_CODE, Outcome.FAIL) and not self.blocked
        return self.case.cause if judged else ""

    @property
    def gates(self) -> bool:
        """Whether it fails the run, unless a baseline knows it: any finding of a required case."""
        return self.case.level == "required" and self.outcome.is_finding

    @property
    def codes(self) -> tuple[str, ...]:
        """The ISO codes that were observed, sorted."""
        return tuple(sorted(set(_CODE.findall(self.observed))))


@dataclass(frozen=True)
class Implementation:
    """What a target says of itself; a server at a URL says nothing but its URL. `target` is the URL or the command of
    the harness, as it goes into the command that reproduces a case."""

    target: str
    name: str = ""
    version: str = ""
    language: str = ""

    @property
    def label(self) -> str:
        named = " ".join(part for part in (self.name, self.version) if part)
        return f"{named} ({self.language})" if named and self.language else named or self.target


@dataclass(frozen=True)
class Report:
    """A finished run: one result for every case that was selected, in the order of the catalogue.

    `seed` is that of the suite's randomness, None for a run that cannot be repeated byte by byte.
    """

    protocol: str
    implementation: Implementation
    results: tuple[Result, ...]
    seconds: float
    seed: str | None = None

    @property
    def passed(self) -> bool:
        """Whether no required case found anything. A baseline is applied apart (`baseline.py`)."""
        return not any(result.gates for result in self.results)

    @property
    def findings(self) -> tuple[Result, ...]:
        return tuple(result for result in self.results if result.outcome.is_finding)

    def count(self, outcome: Outcome) -> int:
        return sum(result.outcome is outcome for result in self.results)


class Skip(Exception):
    """Raised by a case whose target offers an operation and declines it all the same; the message is its reason."""
