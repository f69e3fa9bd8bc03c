"""Mutants: the reference with one deliberate fault each, and their catalogue.

`@mutant` declares one, in the style of `@case`; its docstring is the fault, its body applies it to the process it runs
in, with the helpers of `patch.py`. It never runs in the suite's own process: `harness.py` starts a process for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module

from nen_ref.conformance.model import Case, Kind
from nen_ref.conformance.requirements import rule, version_of

CATALOGUE = "nen_ref.conformance.mutants"
EVERYTHING = ""  # as `related`: nothing works between an implementation with this fault and a right one

_ID = re.compile(r"(server|client|library)/[a-z0-9-]+")
_declared: dict[str, Mutant] = {}


@dataclass(frozen=True)
class Mutant:
    """One broken implementation.

    `requirement` is the one that it breaks, `fault` what was done wrong, `gains` what an attacker gains or what goes
    wrong for its users. The cases of that requirement have to catch it; `related` are beginnings of the ids of further
    cases that may, `chance` of those that may or may not, by the random numbers of the target: they are not counted.
    It runs against the cases of the version whose specification has its requirement.
    """

    id: str
    requirement: str
    fault: str
    gains: str
    related: tuple[str, ...]
    apply: Callable[[], None] = field(repr=False)
    module: str = field(repr=False)
    chance: tuple[str, ...] = ()

    @property
    def kind(self) -> Kind:
        return Kind(self.id.partition("/")[0])

    @property
    def protocol(self) -> str:
        return version_of(self.requirement.partition("-")[0].lower())

    def counts(self, case: Case) -> bool:
        """Whether a finding of the case says something, or came by chance."""
        return case.requirement == self.requirement or not (self.chance and case.id.startswith(self.chance))

    def concerns(self, case: Case) -> bool:
        """Whether the case is one that may catch it."""
        return case.requirement == self.requirement or case.id.startswith(self.related)


def mutant(
    id: str, requirement: str, *related: str, gains: str, chance: tuple[str, ...] = ()
) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Declare a mutant. The id is permanent; its first part is the kind of the target."""

    def declare(apply: Callable[[], None]) -> Callable[[], None]:
        if not _ID.fullmatch(id) or id in _declared or not apply.__doc__ or not gains:
            raise ValueError(f"bad declaration of mutant {id}")
        rule(requirement)  # KeyError unless the specification has it
        fault = " ".join(apply.__doc__.split())
        _declared[id] = Mutant(id, requirement, fault, gains, (*related, *chance), apply, apply.__module__, chance)
        return apply

    return declare


def all_mutants(catalogue: str = CATALOGUE) -> list[Mutant]:
    """The mutants that `catalogue`, a module or package, declares: servers, clients, libraries.

    Raises ImportError if there is no such module.
    """
    import_module(catalogue)
    kinds = list(Kind)
    found = [entry for entry in _declared.values() if f"{entry.module}.".startswith(f"{catalogue}.")]
    return sorted(found, key=lambda entry: kinds.index(entry.kind))
