"""The server's verification of a request, as a list of nine lines with ticks.

The verdict is that of `nen_ref.protocol.verification`; this module only says which of the nine steps gave it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from docs.playground.sheet import Check
from nen_ref.protocol.errors import NenError
from nen_ref.protocol.messages import Request
from nen_ref.protocol.session import Session
from nen_ref.protocol.verification import LoadSession, NonceAnswer, RecordNonce, Verified, run, verify_request


@dataclass(frozen=True)
class Line:
    question: str
    codes: tuple[str, ...]
    requirements: tuple[str, ...]


# The table of the specification, section 5; tests/docs/test_playground_driver.py compares the two.
LINES = (
    Line("Is there an X-Nen-Session header?", ("ISO-2003",), ("V1-AUTH-01",)),
    Line("Is the session known and alive?", ("ISO-2002",), ("V1-AUTH-02",)),
    Line("Has the body the expected shape?", ("ISO-6001", "ISO-6002"), ("V1-REQ-03", "V1-REQ-04", "V1-REQ-05")),
    Line("Is there an X-Nen-Signature header?", ("ISO-3001",), ("V1-AUTH-03",)),
    Line("Is it the HMAC of the canonical string?", ("ISO-3002",), ("V1-AUTH-04", "V1-AUTH-05", "V1-AUTH-06")),
    Line("Is the timestamp inside the window?", ("ISO-3003",), ("V1-AUTH-07", "V1-AUTH-09")),
    Line("Is the nonce new in this session?", ("ISO-5001",), ("V1-REPLAY-01",)),
    Line("Does the payload open?", ("ISO-4001",), ("V1-REQ-06", "V1-REQ-07")),
    Line("Is it JSON?", ("ISO-4003",), ("V1-REQ-08",)),
)
REPLAY = 6


class _Enough(Exception):
    """Seven steps have passed, and there is no key for the eighth."""


@dataclass(frozen=True)
class Verdict:
    """The nine lines, and the request that passed, the refusal, or neither where it went only half way."""

    checks: list[Check]
    verified: Verified | None = None
    error: NenError | None = None
    requirements: tuple[str, ...] = ()

    def verified_or_raise(self) -> Verified:
        if self.verified is None:
            raise self.error or AssertionError("nobody left the payload key out")
        return self.verified


def verify(
    request: Request, now: int, session: Session, used: Collection[bytes] = (), *, payload_key: bool = True
) -> Verdict:
    """What a server says that knows this one session, in which the nonces `used` came before.

    Without `payload_key` it goes no further than the replay step.
    """

    def load(question: LoadSession) -> Session | None:
        return session if question.sid == session.sid else None

    def record(question: RecordNonce) -> NonceAnswer:
        if question.nonce in used:
            return NonceAnswer.USED
        if not payload_key:
            raise _Enough
        return NonceAnswer.NEW

    try:
        verified = run(verify_request(request, now), load, record)
    except _Enough:
        return Verdict(_lines(REPLAY + 1, "skipped", "no payload key was given"))
    except NenError as error:
        at = next(i for i, line in enumerate(LINES) if error.code in line.codes)
        return Verdict(_lines(at, "unreached"), None, error, LINES[at].requirements)
    if verified.n is None:
        return Verdict(_lines(REPLAY, "skipped", "no body"), verified)
    return Verdict(_lines(len(LINES), ""), verified)


def _lines(passed: int, then: str, note: str = "") -> list[Check]:
    """So many lines that passed; the next one refused if those after it were not reached."""
    checks = [_line(line) for line in LINES[:passed]]
    rest = list(LINES[passed:])
    if then == "unreached":
        checks.append(_line(rest.pop(0), "refused"))
    return checks + [_line(line, then, note) for line in rest]


def _line(line: Line, state: str = "passed", note: str = "") -> Check:
    return Check(line.question, state, line.codes, line.requirements, note)
