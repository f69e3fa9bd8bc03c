"""Generation of vectors: the transcripts of accumulated.json, made by each provider that can make all of one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from nen_ref.bench.libraries import OURS, suites
from nen_ref.bench.measure import Contender, Subject
from nen_ref.primitives.suite import REFERENCE
from nen_ref.vectors.accumulated import TOPICS, Topic, transcript_digests
from nen_ref.vectors.draw import DEFAULT_SEED, Draw
from nen_ref.vectors.witness import kit_of

INPUTS = 40
NAMES = {REFERENCE.name: OURS, "pypi": "kyber-py, dilithium-py, pycryptodome", "pycryptodome": "pycryptodome"}


def subjects() -> Iterator[Subject]:
    draw = Draw(DEFAULT_SEED)
    kits = [name for name in suites() if name in NAMES]
    for topic in TOPICS:
        first = transcript_digests(draw, topic, range(1), kit_of(REFERENCE.name))
        yield Subject(
            f"transcript, {topic.name}",
            tuple(Contender(NAMES[name], _transcript(draw, topic, name)) for name in kits),
            first.__eq__,
            mean=True,
            inputs=INPUTS,
        )


def _transcript(draw: Draw, topic: Topic, name: str) -> Callable[[int], Any]:
    kit = kit_of(name)
    return lambda i: transcript_digests(draw, topic, range(i, i + 1), kit)
