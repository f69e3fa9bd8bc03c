"""The floor: the hashing that a standard demands, and nothing else.

ML-KEM and ML-DSA spend a part of their time in SHA-3 and SHAKE, which Python has in C: no arrangement of the rest gets
below it. Which calls an operation makes is recorded while the reference does it, and then they are made again alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from nen_ref.primitives import ml_dsa, ml_kem

HASHES = ("sha3_256", "sha3_512", "shake_128", "shake_256")
MODULES = (ml_kem, ml_dsa)


@dataclass(frozen=True)
class Hashing:
    """One call: the function of hashlib, what it hashed, and for SHAKE how many bytes came out."""

    name: str
    function: Callable[[bytes], Any]
    data: bytes
    length: tuple[int, ...]


class _Recorded:
    """Stands for a hash object, and notes what is asked of it."""

    def __init__(self, calls: list[Hashing], name: str, function: Callable[[bytes], Any], data: bytes) -> None:
        self._calls, self._name, self._function, self._data = calls, name, function, data

    def update(self, data: bytes) -> None:
        self._data += data

    def copy(self) -> _Recorded:
        return _Recorded(self._calls, self._name, self._function, self._data)

    def digest(self, *length: int) -> bytes:
        self._calls.append(Hashing(self._name, self._function, self._data, length))
        digest: bytes = self._function(self._data).digest(*length)
        return digest


def hashing_of(work: Callable[[], object]) -> list[Hashing]:
    """The calls of SHA-3 and SHAKE that our ML-KEM and ML-DSA make while `work` runs."""
    calls: list[Hashing] = []
    with _recording(calls):
        work()
    return calls


def replay(calls: list[Hashing]) -> None:
    """Make the same calls again."""
    for call in calls:
        call.function(call.data).digest(*call.length)


@contextmanager
def _recording(calls: list[Hashing]) -> Iterator[None]:
    found = [(module, name, getattr(module, name)) for module in MODULES for name in HASHES if hasattr(module, name)]
    for module, name, function in found:
        setattr(module, name, _recorder(calls, name, function))
    try:
        yield
    finally:
        for module, name, function in found:
            setattr(module, name, function)


def _recorder(calls: list[Hashing], name: str, function: Callable[[bytes], Any]) -> Callable[..., _Recorded]:
    return lambda data=b"": _Recorded(calls, name, function, bytes(data))
