"""What a suite of vectors is made of. A suite states inputs and what has to come of them; the outputs are computed,
by the reference first and then by every witness.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nen_ref.vectors.draw import Draw

Input = Mapping[str, Any]
Found = Mapping[str, int]


@dataclass(frozen=True)
class Flag:
    """What a vector with this flag is about.

    `kind` is the kind of bug it finds, one of KINDS; `effect` what an attacker gains, or what goes wrong, where the bug
    is; `references` name standards, requirements, or descriptions of real cases.
    """

    kind: str
    says: str
    effect: str
    references: tuple[str, ...] = ()


KINDS = (
    "basic",  # what has to work
    "edge case",  # rare values of a right implementation
    "missing check",  # something is accepted that has to be refused
    "wrong computation",  # an arithmetic or encoding error
    "malleability",  # one value in several encodings
    "wrong order",  # the right checks, in another order: the wrong code, or a state that changes too early
    "confusion",  # of two values, of two versions or of two parameter sets
)


@dataclass(frozen=True)
class Step:
    """One operation of a vector that consists of several."""

    comment: str
    operation: str
    input: Input
    codes: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Test:
    """One vector.

    `id` is unique in its file and permanent; `codes` are the acceptable ISO codes of an invalid one of the protocol,
    and empty for one of the primitives, where no code is defined; None says that it is valid. `input` holds bytes where
    the table of operations says hexadecimal; members that it shares with its group stand there. `covers` are
    requirements and sections beyond those of the file. A vector of several operations has `steps` in place of an input.
    """

    id: str
    comment: str
    input: Input
    flags: tuple[str, ...] = ()
    codes: tuple[str, ...] | None = None
    covers: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()


def valid(id: str, comment: str, input: Input, *flags: str, covers: Sequence[str] = ()) -> Test:
    """A vector that has to be accepted."""
    return Test(id, comment, input, flags, None, tuple(covers))


def invalid(
    id: str, comment: str, input: Input, *flags: str, codes: Sequence[str] = (), covers: Sequence[str] = ()
) -> Test:
    """A vector that has to be refused; it needs a flag."""
    return Test(id, comment, input, flags, tuple(codes), tuple(covers))


@dataclass(frozen=True)
class Group:
    """Vectors that share something: `input` is what they have in common."""

    comment: str
    tests: tuple[Test, ...]
    input: Input = field(default_factory=dict)
    covers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Event:
    """Something rare that vectors are wanted for.

    `occurs(draw, i)` says whether it does at the i-th try, i from 0. The tests that show it have a flag of its name.
    `tries` is how many tries it takes, about.
    """

    name: str
    says: str
    occurs: Callable[[Draw, int], bool] = field(repr=False)
    tries: int = 1


@dataclass(frozen=True)
class VectorSuite:
    """One file of vectors. `notes` say what a reader of the file has to know, if anything.

    `fixed(draw, found)` gives the groups whose number is fixed; `found` holds the try at which each event occurs (an
    event that nobody has searched for is absent, and its tests are then left out). `random(draw, i)` gives the i-th
    random vector, i from 1, of which there are `count`. `intermediate(input)` gives the values on the way from an input
    to its output, of a vector that is valid, and of an invalid one as far as they exist.
    """

    name: str
    title: str
    operation: str
    covers: tuple[str, ...]
    flags: Mapping[str, Flag]
    fixed: Callable[[Draw, Found], list[Group]] = field(repr=False)
    notes: str = ""
    random: Callable[[Draw, int], Test] | None = field(default=None, repr=False)
    count: int = 0
    events: tuple[Event, ...] = ()
    intermediate: Callable[[dict[str, Any]], Mapping[str, Any]] | None = field(default=None, repr=False)

    @property
    def of_protocol(self) -> bool:
        return not self.name.startswith("primitives/")
