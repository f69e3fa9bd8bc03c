"""What every case has in its hands, whatever it examines: checks, and their sum."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Protocol

from nen_ref.conformance.model import ACCEPTED, NOT_FOUND, REFUSED, Case, Exchange, Outcome, Result

MAX_EXCHANGES = 40
SHOWN = 3000  # characters of one message in a report

_LONG = re.compile(r"[0-9A-Za-z+/=_-]{200,}")


class CannotBegin(Exception):
    """A step that the case builds on already failed; the message says which and how."""

    def __init__(self, outcome: Outcome, message: str) -> None:
        super().__init__(message)
        self.outcome = outcome


class Answered(Protocol):
    """An answer of a target: an HTTP response, or a harness's reply."""

    @property
    def outcome(self) -> str:
        """The answer in one word or code, to compare with what a case accepts."""

    @property
    def refused(self) -> bool: ...

    @property
    def failure(self) -> Outcome | None:
        """CRASH, HANG, ERROR or SKIP where there is no answer to judge."""

    def describe(self) -> str: ...


@dataclass
class Checks:
    """The checks of one run of one case. Each leaves a finding; a case that makes none has no verdict: an error."""

    case: Case
    findings: list[tuple[Outcome, str]] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)
    divergence: str = ""
    blocked: bool = False  # the case ended early, at a step that it builds on

    def judge(self, answer: Answered, note: str = "") -> None:
        """Compare an answer with what the case accepts."""
        observed = f"{note}: {answer.describe()}" if note else answer.describe()
        self.findings.append((judgement(answer, self.case.acceptable), observed))

    def refused(self, answer: Answered, note: str) -> None:
        """Any refusal is expected here."""
        outcome = answer.failure or (Outcome.PASS if answer.refused else Outcome.FAIL)
        self.findings.append((outcome, f"{note}: {answer.describe()}"))

    def ensure(self, condition: bool, observed: str) -> None:
        """A check of something else than an answer; `observed` says what was seen if it fails."""
        self.findings.append((Outcome.PASS, "") if condition else (Outcome.FAIL, observed))

    def need(self, condition: bool, observed: str) -> None:
        """As `ensure`, and the case ends here if it fails."""
        self.ensure(condition, observed)
        if not condition:
            raise CannotBegin(Outcome.FAIL, observed)

    async def finish(self) -> None:
        """Put away what the case made; what goes wrong then is a finding too."""

    def sound(self) -> None:
        """End the case here unless all was well so far: where what is right fails, a refusal of what is wrong says
        nothing."""
        outcome, _ = self._verdict()
        if outcome is not Outcome.PASS:
            raise CannotBegin(outcome, "what is right fails already: mend that first")

    def diverged(self, where: str) -> None:
        """Name the first intermediate value that differs; later ones follow from it."""
        self.divergence = self.divergence or where

    def record(self, sent: str, received: str) -> None:
        if len(self.exchanges) < MAX_EXCHANGES:
            self.exchanges.append(Exchange(_shortened(sent), _shortened(received)))

    def result(self, seconds: float) -> Result:
        outcome, observed = self._verdict()
        divergence = self.divergence if outcome.is_finding else ""
        return Result(self.case, outcome, observed, seconds, divergence, tuple(self.exchanges), self.blocked)

    def _verdict(self) -> tuple[Outcome, str]:
        if not self.findings:
            return Outcome.ERROR, "the case made no check"
        worst = max((outcome for outcome, _ in self.findings), key=lambda outcome: outcome.rank)
        texts = list(dict.fromkeys(text for outcome, text in self.findings if outcome is worst and text))
        if worst is Outcome.PASS:
            return worst, "; ".join(texts[-2:]) or "as the specification says"
        more = f"; and {len(texts) - 4} more" if len(texts) > 4 else ""
        return worst, "; ".join(texts[:4]) + more


def judgement(answer: Answered, acceptable: tuple[str, ...]) -> Outcome:
    """The outcome of an answer where `acceptable` are the ones that pass."""
    if answer.outcome in acceptable or (REFUSED in acceptable and answer.refused):
        return Outcome.PASS
    if answer.failure is not None:
        return answer.failure
    refusal_wanted = any(entry not in (ACCEPTED, NOT_FOUND) for entry in acceptable)
    return Outcome.WRONG_CODE if answer.refused and refusal_wanted else Outcome.FAIL


def _shortened(text: str) -> str:
    """Long keys and ciphertexts shortened, so that what stands around them can be read; then the whole."""
    text = _LONG.sub(lambda match: f"{match[0][:64]}...({len(match[0])} characters)...{match[0][-16:]}", text)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 200]} ... ({len(text)} characters) ... {text[-100:]}"
