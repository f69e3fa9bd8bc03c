"""Putting one thing in the place of another in the modules of this process."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import is_dataclass
from typing import Any, TypeVar

from nen_ref.primitives.suite import REFERENCE, REFERENCE_PARTS
from nen_ref.protocol.versions import VERSIONS

F = TypeVar("F", bound=Callable[..., Any])


class NothingToReplace(LookupError):
    """What a mutant wants to replace is bound nowhere, or is what it wants to put there already."""


def instead_of(original: object) -> Callable[[F], F]:
    """Decorates a function that takes the place of `original` (a function, a method or a field of REFERENCE)."""

    def replace(replacement: F) -> F:
        bind(original, replacement)
        return replacement

    return replace


def around(original: Callable[..., Any]) -> Callable[[F], F]:
    """As `instead_of`, for a function whose first argument is the original, so that it can call it."""

    def replace(replacement: F) -> F:
        def call(*args: Any, **options: Any) -> Any:
            return replacement(original, *args, **options)

        bind(original, call)
        return replacement

    return replace


def bind(original: object, replacement: object) -> None:
    """Bind `replacement` wherever a module or a class of nen_ref, REFERENCE, REFERENCE_PARTS or a Version has it."""
    places = [(holder, name) for holder in _holders() for name, value in vars(holder).items() if value is original]
    if not places:
        raise NothingToReplace(repr(original))
    for holder, name in places:
        set_field(holder, name, replacement)


def set_field(holder: Any, name: str, value: object) -> None:
    """Set an attribute that exists, of a frozen dataclass too."""
    if getattr(holder, name) is value:
        raise NothingToReplace(f"{name} is {value!r} already")
    if is_dataclass(holder) and not isinstance(holder, type):
        object.__setattr__(holder, name, value)
    else:
        setattr(holder, name, value)


def _holders() -> Iterator[Any]:
    yield REFERENCE
    yield REFERENCE_PARTS
    yield from VERSIONS.values()
    for name, module in list(sys.modules.items()):
        if name.startswith("nen_ref.") and not name.startswith(__package__):
            yield module
            yield from (value for value in list(vars(module).values()) if _is_own_class(value, name))


def _is_own_class(value: object, module: str) -> bool:
    return isinstance(value, type) and value.__module__ == module
