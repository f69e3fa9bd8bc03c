"""The catalogue of cases: `@case` declares one, `all_cases` lists them in the order of the specification.

A case is declared once, for the version in which its requirement came up, and holds in every later version:
`v1/auth/method-covered` is `v2/auth/method-covered` and `v3/auth/method-covered` too.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from nen_ref.conformance import cases
from nen_ref.conformance.model import Case, Kind
from nen_ref.conformance.requirements import PROTOCOLS, replaced, rule

# The sections of each kind of target, which are the second part of a case's id.
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
    "server-identity": Kind.SERVER,
    "rekey": Kind.SERVER,
    "resumption": Kind.SERVER,
    "versions": Kind.SERVER,
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
    "library-resumption": Kind.LIBRARY,
    "library-attestation": Kind.LIBRARY,
    "envelope": Kind.LIBRARY,
    "signed": Kind.LIBRARY,
    "framed": Kind.LIBRARY,
    "fields": Kind.LIBRARY,
    "webhook": Kind.LIBRARY,
    "media": Kind.LIBRARY,
}
STREAM_ROUTE = "stream route"  # the need of a server case that asks for a stream
STREAM_SECTION = "stream"  # all of whose cases do

_ID = re.compile(r"(v[123]|seal)/[a-z-]+/[a-z0-9-]+")
Body = Callable[[Any], Awaitable[None]]


@dataclass(frozen=True)
class _Declared:
    """A case in the version it was declared for, and what becomes of it in later ones."""

    case: Case
    level: str | None
    only: tuple[str, ...]
    cites: Mapping[str, tuple[str, ...]]

    def versions(self) -> Iterator[Case]:
        """The case in each version in which it holds."""
        yield self.case
        latest = self.case
        for version in _after(self.case.id):
            requirement = replaced(version).get(latest.requirement, latest.requirement)
            requirement, *acceptable = self.cites.get(version, (requirement,))
            if not requirement or (self.only and version not in self.only):
                return
            latest = replace(
                latest,
                id=f"{version}/{self.case.id.partition('/')[2]}",
                requirement=requirement,
                level=self.level or rule(requirement).level,
                acceptable=tuple(acceptable) or latest.acceptable,
            )
            yield latest


_declared: dict[str, _Declared] = {}


def case(
    id: str,
    requirement: str,
    *acceptable: str,
    why: str,
    cause: str = "",
    level: str | None = None,
    needs: tuple[str, ...] = (),
    also: tuple[str, ...] = (),
    only: tuple[str, ...] = (),
    cites: Mapping[str, tuple[str, ...]] = {},
) -> Callable[[Body], Body]:
    """Declare a case; its docstring is its title. The level is that of the requirement unless stated.

    `needs` names the operations of a harness that it calls, or the options of `server.start`; a case of a target that
    does not offer them is not run. `also` names ISO codes that it checks apart from `acceptable`.

    In a later version that replaces the requirement by another, the case tests the other one; where it is withdrawn,
    the case ends. `only` names the versions in which it holds, where those are fewer, the first among them. `cites`
    names for a later version another requirement than that, and after it what is acceptable there, if that differs.
    """
    section = id.split("/")[1]

    def declare(run: Body) -> Body:
        later = {*only, *cites} - {id.split("/")[0]}
        wrong = not _ID.fullmatch(id) or section not in SECTIONS or not acceptable or not run.__doc__
        if wrong or id in _declared or not later <= set(_after(id)):
            raise ValueError(f"bad declaration of case {id}")
        title = " ".join((run.__doc__ or "").split())
        all_needs = (STREAM_ROUTE, *needs) if section == STREAM_SECTION else needs
        made = Case(
            id,
            requirement,
            level or rule(requirement).level,
            title,
            acceptable,
            why,
            cause,
            SECTIONS[section],
            all_needs,
            run,
            also,
        )
        _declared[id] = _Declared(made, level, only, cites)
        return run

    return declare


def all_cases(protocol: str = "v1", kinds: tuple[Kind, ...] = tuple(Kind)) -> list[Case]:
    """All cases of a protocol version for these kinds of target, in the order of `SECTIONS`."""
    return [entry for entry in every_case() if entry.protocol == protocol and entry.kind in kinds]


@cache
def every_case() -> tuple[Case, ...]:
    """The cases of every version, one version after another. ValueError where one has two cases of one id."""
    for module in iter_modules(cases.__path__, f"{cases.__name__}."):
        import_module(module.name)
    found = [entry for declared in _declared.values() for entry in declared.versions()]
    if len({entry.id for entry in found}) < len(found):
        raise ValueError("a case is declared for a version that inherits one of the same id")
    order = list(SECTIONS)
    return tuple(sorted(found, key=lambda entry: (entry.protocol, order.index(entry.section))))


def declared_cases() -> list[Case]:
    """Each case once, in the version that it was declared for; those of other versions have the same `run`."""
    return [entry for entry in every_case() if entry.id in _declared]


def first_cases() -> list[Case]:
    """Each case once for each requirement that it cites, in the first version in which it does."""
    found: dict[tuple[Body, str], Case] = {}
    for entry in every_case():
        found.setdefault((entry.run, entry.requirement), entry)
    return list(found.values())


def _after(id: str) -> tuple[str, ...]:
    """The versions after the one that an id is of."""
    protocol = id.split("/")[0]
    return PROTOCOLS[PROTOCOLS.index(protocol) + 1 :] if protocol in PROTOCOLS else ()
