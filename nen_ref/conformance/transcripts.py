"""Accumulated transcripts, answered by an implementation through its harness."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nen_ref.conformance.harness.driver import Harness, HarnessFault
from nen_ref.conformance.witness import as_answer, witness_called
from nen_ref.vectors.accumulated import TOPICS, Transcript, digest
from nen_ref.vectors.build import Answer, as_json
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.witness import Accumulated


async def accumulate(
    command: Sequence[str], seed: bytes, count: int, told: Callable[[int, int], None]
) -> list[Accumulated]:
    """The digests of `count` transcripts of each topic that the harness can do. Raises HarnessFault."""
    found = []
    async with Harness(command) as harness:
        started = await harness.start()
        named = started.implementation
        witness = witness_called(named.name, named.version)
        for topic in TOPICS:
            digests = []
            for i in range(count):
                draw = Draw(seed).under(f"accumulated/{topic.name}/{i}")
                parts = await _played(harness, topic.transcript(draw, i), started.offers)
                if parts is None:
                    break
                digests.append(digest(parts))
                told(i + 1, count)
            else:
                found.append(Accumulated(witness, topic.name, b"".join(digests)))
    return found


async def _played(harness: Harness, transcript: Transcript, offers: frozenset[str]) -> list[bytes] | None:
    """What a transcript consists of, None where the harness lacks one of its operations."""
    given: Answer | None = None
    while True:
        try:
            operation, arguments = transcript.send(given)  # type: ignore[arg-type]
        except StopIteration as end:
            parts: list[bytes] = end.value
            return parts
        if operation not in offers:
            return None
        given = as_answer(await harness.run(operation, **as_json(arguments)))
        if given.trouble:
            raise HarnessFault(f"{operation}: {given.trouble}")
