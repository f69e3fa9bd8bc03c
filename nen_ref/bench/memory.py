"""What long streams and large requests take in memory: the most bytes that Python had allocated at one moment."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from nen_ref.bench.protocol import CHUNK, CHUNKS, LARGE_REQUEST, large_request, stream
from nen_ref.primitives.suite import REFERENCE


@dataclass(frozen=True)
class Peak:
    """`peak` bytes beyond those before, while `size` bytes of plaintext passed."""

    name: str
    size: int
    peak: int


def of_streams() -> Iterator[Peak]:
    for chunks in CHUNKS:
        yield Peak("stream", chunks * CHUNK, peak_of(partial(stream, REFERENCE, chunks)))


def of_requests() -> Iterator[Peak]:
    yield Peak("request and answer", LARGE_REQUEST, peak_of(large_request))


def peak_of(work: Callable[[], object]) -> int:
    """Bytes. tracemalloc makes everything slower: nothing is timed meanwhile."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
