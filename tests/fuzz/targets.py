"""All targets by name."""

from __future__ import annotations

from tests.fuzz import clients, parsers, servers
from tests.fuzz.outcomes import Target

TARGETS: dict[str, Target] = {target.name: target for target in (*servers.TARGETS, *parsers.TARGETS, *clients.TARGETS)}
