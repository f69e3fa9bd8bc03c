"""All targets by name."""

from __future__ import annotations

from tests.fuzz import clients, parsers, seals, servers
from tests.fuzz.outcomes import Target

TARGETS: dict[str, Target] = {
    target.name: target for target in (*servers.TARGETS, *parsers.TARGETS, *seals.TARGETS, *clients.TARGETS)
}
