"""Who attests a vector: libraries behind the providers, and how an answer is judged.

A library is an independent witness of what it computes itself. Our protocol over its primitives is none of the
protocol: for that an implementation of Nen has to answer, through its harness (`nen_ref.conformance.witness`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from nen_ref import __version__
from nen_ref.protocol.wire import Malformed, parse_json
from nen_ref.providers import Unsupported, parts, provider
from nen_ref.vectors.answers import Kit
from nen_ref.vectors.build import Answer, Json, answer, calls
from nen_ref.vectors.exceptions import EXCEPTIONS

EVENT_STREAMS = frozenset({"stream.seal", "stream.seal_at"})
"""Operations whose `body` is no JSON."""


@dataclass(frozen=True)
class Witness:
    """Whose answers are compared, by name and version of the library. `independent`: none of the code is ours."""

    name: str
    version: str
    independent: bool


@dataclass
class Judgement:
    """What one witness makes of one file: ids of vectors that it agrees with or cannot answer, disagreements (as texts,
    by id), and those of them that are known to be faults of the witness."""

    witness: Witness
    agreed: set[str] = field(default_factory=set)
    unable: set[str] = field(default_factory=set)
    disagreed: dict[str, str] = field(default_factory=dict)

    @property
    def asked(self) -> int:
        """The number of vectors."""
        return len(self.agreed) + len(self.unable) + len(self.disagreed)

    @property
    def excepted(self) -> dict[str, list[str]]:
        """Ids by the reason of the exception, of the disagreements that have one."""
        found: dict[str, list[str]] = {}
        for id in self.disagreed:
            entry = next((entry for entry in EXCEPTIONS if entry.covers(self.witness.name, id)), None)
            if entry is not None:
                found.setdefault(entry.reason, []).append(id)
        return found

    @property
    def unexplained(self) -> dict[str, str]:
        """The disagreements that nobody has explained: with one of these a set is not published."""
        explained = {id for ids in self.excepted.values() for id in ids}
        return {id: text for id, text in self.disagreed.items() if id not in explained}


def witness_of(name: str, file: str) -> Witness | None:
    """Who answers for the vectors of `file` where the provider computes; None where it has nothing of its own."""
    if name == "reference":
        return Witness("reference", __version__, False)
    if not file.startswith("primitives/"):
        return Witness(f"our protocol over {name}", provider(name).version, False)
    if name != "pypi":
        return Witness(name, version(name), True)
    library = {"primitives/ml_kem": "kyber-py", "primitives/ml_dsa": "dilithium-py"}.get(file[:17])
    return Witness(library, version(library), True) if library else None


def kit_of(name: str) -> Kit:
    """The primitives of a provider. Raises as `providers.provider`."""
    return Kit(provider(name), parts(name))


def ask_provider(name: str, file: Mapping[str, Any]) -> list[Answer | None]:
    """The answers of a provider to every call of a file, None where it cannot do the operation."""
    kit = kit_of(name)
    answers: list[Answer | None] = []
    for _, operation, given, _ in calls(file):
        try:
            answers.append(answer(operation, given, kit))
        except Unsupported:
            answers.append(None)
    return answers


def judge(witness: Witness, file: Mapping[str, Any], answers: Iterable[Answer | None]) -> Judgement:
    """Compare the answers, one for each call of the file, with what the vectors say."""
    judgement = Judgement(witness)
    for (id, operation, _, claim), given in zip(calls(file), answers, strict=True):
        if given is None:
            judgement.unable.add(id)
        elif not agrees(operation, claim, given):
            judgement.disagreed.setdefault(
                id, f"{operation}: the vector {claimed(claim).text()}; {witness.name} {given.text()}"
            )
        else:
            judgement.agreed.add(id)
    judgement.agreed -= judgement.disagreed.keys() | judgement.unable
    judgement.unable -= judgement.disagreed.keys()
    return judgement


def claimed(claim: Mapping[str, Any]) -> Answer:
    """What a vector says, as an answer."""
    if claim["result"] == "valid":
        return Answer(claim["output"])
    return Answer(claim.get("partial", {}), True, " or ".join(claim.get("codes", ())))


def agrees(operation: str, claim: Mapping[str, Any], given: Answer) -> bool:
    """Whether an answer is what the vector says."""
    if claim["result"] == "valid":
        return not given.refused and _same(operation, claim["output"], given.values)
    codes, partial = claim.get("codes", ()), claim.get("partial", {})
    return given.refused and (not codes or given.code in codes) and _same(operation, partial, given.values)


def _same(operation: str, expected: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
    return expected.keys() == given.keys() and all(
        _comparable(operation, name, value) == _comparable(operation, name, given[name])
        for name, value in expected.items()
    )


def _comparable(operation: str, name: str, value: Any) -> Any:
    if name != "body" or operation in EVENT_STREAMS or not isinstance(value, str):
        return value
    try:
        return parse_json(value.encode())
    except Malformed:
        return value


def known(file: Json, judgements: Iterable[Judgement]) -> Json:
    """What stands in the file about its witnesses: `witnesses`, `exceptions`, and the least number of independent ones
    that any of its vectors has."""
    judgements = list(judgements)
    ids = list(dict.fromkeys(id for id, *_ in calls(file)))
    independent = [judgement for judgement in judgements if judgement.witness.independent]
    sources = {entry.reason: entry.source for entry in EXCEPTIONS}
    return {
        "witnesses": [
            {
                "name": judgement.witness.name,
                "version": judgement.witness.version,
                "independent": judgement.witness.independent,
                "agreed": len(judgement.agreed),
                "unable": len(judgement.unable),
            }
            for judgement in judgements
            if judgement.agreed or judgement.disagreed
        ],
        "least_witnesses": min((sum(id in judgement.agreed for judgement in independent) for id in ids), default=0),
        "exceptions": [
            {"witness": judgement.witness.name, "tests": tests, "reason": reason, "source": sources[reason]}
            for judgement in judgements
            for reason, tests in judgement.excepted.items()
        ],
    }
