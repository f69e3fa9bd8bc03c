"""Faults that more than one kind of target can have."""

from __future__ import annotations

from nen_ref.primitives.ml_dsa import ParameterSet, Vector


def lenient_hint(params: ParameterSet, y: bytes) -> Vector | None:
    """FIPS 204, algorithm 21, without its checks: any order, repetitions, anything in the unused bytes."""
    hints, index = [], 0
    for end in y[params.omega :]:
        hints.append([int(place in y[index:end]) for place in range(256)])
        index = end
    return hints


def from_numbers(value: object) -> bytes | None:
    """The bytes of an array of numbers, None for anything else."""
    right = isinstance(value, list) and value and all(type(x) is int and 0 <= x < 256 for x in value)
    return bytes(value) if right and isinstance(value, list) else None
