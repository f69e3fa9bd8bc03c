"""The catalogue of cases: `@case` declares one, `all_cases` lists them in the order of the specification."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from importlib import import_module
from typing import Any

from nen_ref.conformance.model import Case, Kind
from nen_ref.conformance.requirements import requirements

# The sections of each kind of target, which are the second part of a case's id; each is a module of `cases`.
SECTIONS: Mapping[str, Kind] = {
    "handshake": Kind.SERVER,
    "identity": Kind.SERVER,
    "request": Kind.SERVER,
    "wire": Kind.SERVER,
    "auth": Kind.SERVER,
    "replay": Kind.SERVER,
    "response": Kind.SERVER,
    "stream": Kind.SERVER,
    "lifecycle": Kind.SERVER,
    "error": Kind.SERVER,
    "configured": Kind.SERVER,
    "client-handshake": Kind.CLIENT,
    "client-request": Kind.CLIENT,
    "client-response": Kind.CLIENT,
    "client-stream": Kind.CLIENT,
    "client-lifecycle": Kind.CLIENT,
    "library-primitives": Kind.LIBRARY,
    "library-wire": Kind.LIBRARY,
    "library-handshake": Kind.LIBRARY,
    "library-request": Kind.LIBRARY,
    "library-verification": Kind.LIBRARY,
    "library-stream": Kind.LIBRARY,
}
STREAM_ROUTE = "stream route"  # the need of a server case that asks for a stream
STREAM_SECTION = "stream"  # all of whose cases do

_ID = re.compile(r"v[123]/[a-z-]+/[a-z0-9-]+")
_declared: dict[str, Case] = {}

Body = Callable[[Any], Awaitable[None]]


def case(
    id: str,
    requirement: str,
    *acceptable: str,
    why: str,
    cause: str = "",
    level: str | None = None,
    needs: tuple[str, ...] = (),
    also: tuple[str, ...] = (),
) -> Callable[[Body], Body]:
    """Declare a case; its docstring is its title. The level is that of the requirement unless stated.

    `needs` names the operations of a harness that it calls, or the options of `server.start`; a case of a target that
    does not offer them is not run. `also` names ISO codes that it checks apart from `acceptable`.
    """
    protocol, section = id.split("/")[:2]

    def declare(run: Body) -> Body:
        if not _ID.fullmatch(id) or id in _declared or section not in SECTIONS or not acceptable or not run.__doc__:
            raise ValueError(f"bad declaration of case {id}")
        title = " ".join(run.__doc__.split())
        rule = requirements(protocol)[requirement]
        all_needs = (STREAM_ROUTE, *needs) if section == STREAM_SECTION else needs
        _declared[id] = Case(
            id, requirement, level or rule.level, title, acceptable, why, cause, SECTIONS[section], all_needs, run, also
        )
        return run

    return declare


def all_cases(protocol: str = "v1", kinds: tuple[Kind, ...] = tuple(Kind)) -> list[Case]:
    """All cases of a protocol version for these kinds of target, in the order of `SECTIONS`."""
    for section in SECTIONS:
        import_module(f"nen_ref.conformance.cases.{section.replace('-', '_')}")
    return sorted(
        (entry for entry in _declared.values() if entry.protocol == protocol and entry.kind in kinds),
        key=lambda entry: list(SECTIONS).index(entry.section),
    )
