"""`nen-ref conformance` with all that belongs to it."""

from __future__ import annotations

from nen_ref.cli import reports
from nen_ref.cli.conformance import conformance
from nen_ref.cli.mutants import mutants

for command in (*reports.COMMANDS, mutants):
    conformance.add_command(command)

__all__ = ["conformance"]
