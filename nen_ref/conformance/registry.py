"""The catalogue of cases: `@case` declares one, `all_cases` lists them in the order of the specification."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from importlib import import_module

from nen_ref.conformance.model import Case
from nen_ref.conformance.probe import Probe
from nen_ref.conformance.requirements import requirements

SECTIONS = ("handshake", "identity", "request", "wire", "auth", "replay", "response", "stream", "lifecycle", "error")

_ID = re.compile(r"v[123]/[a-z]+/[a-z0-9-]+")
_declared: dict[str, Case] = {}

Body = Callable[[Probe], Awaitable[None]]


def case(
    id: str, requirement: str, *acceptable: str, why: str, cause: str = "", level: str | None = None
) -> Callable[[Body], Body]:
    """Declare a case; its docstring is its title. The level is that of the requirement unless stated."""
    protocol = id.split("/")[0]

    def declare(run: Body) -> Body:
        if not _ID.fullmatch(id) or id in _declared or not acceptable or not run.__doc__:
            raise ValueError(f"bad declaration of case {id}")
        title = " ".join(run.__doc__.split())
        rule = requirements(protocol)[requirement]
        _declared[id] = Case(id, requirement, level or rule.level, title, acceptable, why, cause, run)
        return run

    return declare


def all_cases(protocol: str = "v1") -> list[Case]:
    for section in SECTIONS:
        import_module(f"nen_ref.conformance.cases.{section}")
    return [entry for entry in _declared.values() if entry.id.startswith(f"{protocol}/")]
