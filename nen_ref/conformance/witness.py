"""An implementation of Nen as a witness of the vectors, through its harness."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nen_ref.conformance.harness.driver import Harness, Reply
from nen_ref.conformance.model import Outcome
from nen_ref.vectors.build import Answer, Json, calls
from nen_ref.vectors.operations import OPERATIONS
from nen_ref.vectors.witness import Judgement, Witness, judge

# The checks of keys have no operation of their own: they are the beginning of these.
INSTEAD: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "ml_kem_768.check_ek": ("ml_kem_768.encaps", {"m": "00" * 32}),
    "ml_kem_768.check_dk": ("ml_kem_768.decaps", {"c": "00" * 1088}),
}


async def ask_harness(
    command: Sequence[str], files: Mapping[str, Json], told: Callable[[int, int], None], independent: bool = True
) -> dict[str, Judgement]:
    """What the harness makes of each file. Raises HarnessFault if it cannot be used at all."""
    judgements = {}
    async with Harness(command) as harness:
        started = await harness.start()
        named = started.implementation
        witness = Witness(named.name, named.version, independent)
        for done, (name, file) in enumerate(files.items(), 1):
            answers = [
                await _ask(harness, operation, given) if can(started.offers, operation, given) else None
                for _, operation, given, _ in calls(file)
            ]
            judgements[name] = judge(witness, file, answers)
            told(done, len(files))
    return judgements


def can(offers: frozenset[str], operation: str, given: Mapping[str, Any]) -> bool:
    """Whether the harness knows the operation, and the harness protocol all of these arguments."""
    asked, _ = INSTEAD.get(operation, (operation, {}))
    options = set(given) & OPERATIONS[operation].optional
    return asked in offers and options <= offers and not set(given) & set(OPERATIONS[operation].more)


async def _ask(harness: Harness, operation: str, given: Mapping[str, Any]) -> Answer | None:
    asked, more = INSTEAD.get(operation, (operation, {}))
    reply = await harness.run(asked, **given, **more)
    if reply.failure is Outcome.SKIP:
        return None
    answer = _answer(reply)
    return Answer({}) if asked != operation and answer.values and not answer.refused else answer


def _answer(reply: Reply) -> Answer:
    if reply.failure is not None:  # a crash, a hang, nonsense: no answer that a vector could ask for
        return Answer({}, trouble=reply.trouble)
    if reply.code:
        beside = {name: value for name, value in reply.values.items() if name not in ("code", "detail")}
        return Answer(beside, True, reply.code)
    return Answer({}, reply.values["valid"] is False) if list(reply.values) == ["valid"] else Answer(reply.values)
