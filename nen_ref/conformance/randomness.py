"""The suite's randomness: that of the system, or for a run with a seed a stream of its own for each case.

A case draws from its own stream, so that what it sends does not depend on the cases beside it, nor on their order.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_source: ContextVar[Callable[[int], bytes]] = ContextVar("nen_ref.conformance.randomness", default=os.urandom)


def random_bytes(size: int) -> bytes:
    return _source.get()(size)


@contextmanager
def seeded(seed: str | None, case_id: str) -> Iterator[None]:
    """Within, `random_bytes` repeats itself for the same seed and case; None leaves the system's randomness."""
    source = os.urandom if seed is None else random.Random(f"{seed}/{case_id}").randbytes
    token = _source.set(source)
    try:
        yield
    finally:
        _source.reset(token)
