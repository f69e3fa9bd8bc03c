"""An outcome as reports call it, and as the terminal colours it."""

from __future__ import annotations

from nen_ref.conformance.model import Outcome

WORDS = {
    Outcome.PASS: "pass",
    Outcome.NOT_OFFERED: "not offered",
    Outcome.SKIP: "skipped",
    Outcome.WRONG_CODE: "wrong code",
    Outcome.FAIL: "fail",
    Outcome.CRASH: "crash",
    Outcome.HANG: "hang",
    Outcome.ERROR: "error",
}
STYLES = {
    Outcome.PASS: "green",
    Outcome.NOT_OFFERED: "dim",
    Outcome.SKIP: "cyan",
    Outcome.WRONG_CODE: "yellow",
    Outcome.FAIL: "red",
    Outcome.CRASH: "bold red",
    Outcome.HANG: "bold magenta",
    Outcome.ERROR: "bold red",
}
