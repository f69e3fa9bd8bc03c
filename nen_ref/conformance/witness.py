"""An implementation of Nen as a witness of the vectors, through its harness."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from nen_ref.conformance.harness.driver import Harness, HarnessFault, Reply
from nen_ref.conformance.harness.operations import OPTIONS
from nen_ref.conformance.model import Outcome
from nen_ref.providers import PROVIDERS
from nen_ref.vectors.build import Answer, Json, calls
from nen_ref.vectors.operations import OPERATIONS
from nen_ref.vectors.witness import Judgement, Witness, judge

# The checks of keys have no operation of their own: they are the beginning of these.
INSTEAD: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "ml_kem_768.check_ek": ("ml_kem_768.encaps", {"m": "00" * 32}),
    "ml_kem_768.check_dk": ("ml_kem_768.decaps", {"c": "00" * 1088}),
}
OURS = frozenset({"nen-ref", *PROVIDERS, "kyber-py", "dilithium-py"})
"""Names of what is asked without a harness: the reference, the providers, and the libraries behind them."""
PATIENCE = 3
"""Hangs or crashes in a row after which nobody waits for the next one: a hang costs `driver.TIMEOUT` seconds."""


class SameHarness(Exception):
    """Two harnesses have one name: they would count as two witnesses."""


async def ask_harness(
    command: Sequence[str], files: Mapping[str, Json], told: Callable[[int, int], None], taken: Collection[str] = ()
) -> dict[str, Judgement]:
    """What the harness makes of each file.

    One that names itself as what is asked anyhow is judged, but not independent. Raises SameHarness where its name is
    one of `taken`, and HarnessFault if it cannot be used: at all, or as it hangs or crashes time after time.
    """
    judgements = {}
    async with Harness(command) as harness:
        started = await harness.start()
        named = started.implementation
        if plain_name(named.name) in map(plain_name, taken):
            raise SameHarness(f"two harnesses name themselves {named.name}: they are one witness, give one of them")
        witness = witness_called(named.name, named.version)
        asker = _Asker(harness, started.offers)
        for done, (name, file) in enumerate(files.items(), 1):
            answers = [await asker.ask(id, operation, given) for id, operation, given, _ in calls(file)]
            judgements[name] = judge(witness, file, answers)
            told(done, len(files))
    return judgements


def witness_called(name: str, version: str) -> Witness:
    """The witness behind a harness: independent, unless it names itself as what is asked anyhow."""
    return Witness(name, version, independent=plain_name(name) not in OURS)


def plain_name(name: str) -> str:
    """A name as it is compared: `Kyber_Py ` is kyber-py."""
    return "-".join(name.casefold().replace("_", " ").replace("-", " ").split())


def can(offers: frozenset[str], operation: str, given: Mapping[str, Any]) -> bool:
    """Whether the harness knows the operation, and the harness protocol all of these arguments.

    An argument that may be absent is an option of its own only where the table of options has it.
    """
    asked, _ = INSTEAD.get(operation, (operation, {}))
    options = set(given) & OPERATIONS[operation].optional & set(OPTIONS)
    return asked in offers and options <= offers and not set(given) & set(OPERATIONS[operation].more)


class _Asker:
    """Asks one harness, until it has hung or crashed too often."""

    def __init__(self, harness: Harness, offers: frozenset[str]) -> None:
        self._harness = harness
        self._offers = offers
        self._failed = 0

    async def ask(self, id: str, operation: str, given: Mapping[str, Any]) -> Answer | None:
        """The answer to one call of the vector `id`, None where the harness cannot do that. Raises HarnessFault."""
        if not can(self._offers, operation, given):
            return None
        asked, more = INSTEAD.get(operation, (operation, {}))
        reply = await self._harness.run(asked, **given, **more)
        self._count(id, reply)
        if reply.failure is Outcome.SKIP:
            return None
        answer = as_answer(reply)
        return Answer({}) if asked != operation and answer.values and not answer.refused else answer

    def _count(self, id: str, reply: Reply) -> None:
        # One that says itself that something `errored` lives on, and is a finding like any other.
        lost = reply.failure in (Outcome.HANG, Outcome.CRASH) and not self._harness.alive
        self._failed = self._failed + 1 if lost else 0
        if self._failed == PATIENCE:
            raise HarnessFault(f"unusable: {PATIENCE} hangs or crashes in a row, the last at {id}: {reply.trouble}")


def as_answer(reply: Reply) -> Answer:
    if reply.failure is not None:  # a crash, a hang, nonsense: no answer that a vector could ask for
        return Answer({}, trouble=reply.trouble)
    if reply.code:
        beside = {name: value for name, value in reply.values.items() if name not in ("code", "detail")}
        return Answer(beside, True, reply.code)
    return Answer({}, reply.values["valid"] is False) if list(reply.values) == ["valid"] else Answer(reply.values)
