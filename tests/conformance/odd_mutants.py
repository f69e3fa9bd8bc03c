"""Mutants that the command has to complain about."""

from __future__ import annotations

from nen_ref.conformance.mutants.model import mutant
from nen_ref.conformance.mutants.patch import instead_of, set_field
from nen_ref.protocol import errors, signing, stream


@mutant("library/does-nothing", "V1-STR-06", gains="nothing")
def _() -> None:
    """There is no fault."""


@mutant("library/breaks-something-else", "V1-STR-06", gains="two faults, of which one is not told")
def _() -> None:
    """The marker is not split, and an expired session has the status of a replay."""

    @instead_of(stream.StreamSealer.seal)
    def _(self: stream.StreamSealer, chunk: bytes) -> bytes:
        return self._event(chunk)

    set_field(errors.SESSION_INVALID_OR_EXPIRED, "status", 409)


@mutant("library/cites-another-requirement", "V1-STR-06", "v1/library-wire/", gains="caught, and not for what it says")
def _() -> None:
    """An expired session has the status of a replay."""
    set_field(errors.SESSION_INVALID_OR_EXPIRED, "status", 409)


@mutant("library/does-not-apply", "V1-AUTH-05", gains="nothing")
def _() -> None:
    """What it wants to replace is not there."""
    instead_of(object())(signing.sign)
