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
from nen_ref.protocol.errors import NenError
from nen_ref.protocol.identity import verify_identity
from nen_ref.protocol.wire import Malformed, decode_base64, parse_json
from nen_ref.providers import Unsupported, parts, provider
from nen_ref.vectors.answers import Kit
from nen_ref.vectors.build import Answer, Json, answer, calls
from nen_ref.vectors.exceptions import EXCEPTIONS, KnownFault

EVENT_STREAMS = frozenset({"stream.seal", "stream.seal_at"})
"""Operations whose `body` is no JSON."""


@dataclass(frozen=True)
class Witness:
    """Whose answers are compared, by name and version of the library. `independent`: none of the code is ours."""

    name: str
    version: str
    independent: bool


@dataclass(frozen=True)
class Accumulated:
    """The digests of transcripts of one topic, 32 bytes each, joined, as this witness has computed them."""

    witness: Witness
    topic: str
    digests: bytes


@dataclass
class Judgement:
    """What one witness makes of one file, each vector in one place.

    Ids of vectors that it agrees with, or cannot answer; disagreements, as texts by id, with one of which a set is not
    published; and ids by reason where it is known to be wrong.
    """

    witness: Witness
    agreed: set[str] = field(default_factory=set)
    unable: set[str] = field(default_factory=set)
    disagreed: dict[str, str] = field(default_factory=dict)
    excepted: dict[str, list[str]] = field(default_factory=dict)

    @property
    def asked(self) -> int:
        """The number of vectors."""
        return len(self.agreed) + len(self.unable) + len(self.disagreed) + sum(map(len, self.excepted.values()))

    def sort(self, id: str, how: str, did: str, fault: KnownFault | None) -> None:
        """Put a vector where it belongs: `how` the witness disagrees, empty where it agrees, and what it `did`."""
        if fault is not None and (fault.by_chance if not how else did == fault.wrongly):
            self.excepted.setdefault(fault.reason, []).append(id)
        elif how:
            self.disagreed[id] = how
        else:
            self.agreed.add(id)


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
        except Exception as fault:  # of a library: one that refuses does so by the errors of its provider
            answers.append(Answer({}, trouble=f"{type(fault).__name__}: {fault}"))
    return answers


def judge(witness: Witness, file: Mapping[str, Any], answers: Iterable[Answer | None]) -> Judgement:
    """Compare the answers, one for each call of the file, with what the vectors say."""
    judgement = Judgement(witness)
    flags = {test["id"]: test["flags"] for group in file["groups"] for test in group["tests"]}
    said: dict[str, str | None] = {}  # of a vector of several operations: the first that matters
    did: dict[str, str] = {}
    for (id, operation, _, claim), given in zip(calls(file), answers, strict=True):
        if given is None:
            said[id] = said.get(id) or None
        elif not agrees(operation, claim, given):
            how = f"{operation}: the vector {claimed(claim).text()}; {witness.name} {given.text()}"
            said[id] = said.get(id) or how
            did.setdefault(id, "failed" if given.trouble else "refuses" if given.refused else "accepts")
        else:
            said.setdefault(id, "")
    for id, outcome in said.items():
        if outcome is None:
            judgement.unable.add(id)
        else:
            faults = EXCEPTIONS if witness.independent else ()
            known_fault = (entry for entry in faults if entry.covers(witness.name, id, flags[id]))
            judgement.sort(id, outcome, did.get(id, ""), next(known_fault, None))
    return judgement


def by_construction(file: Mapping[str, Any]) -> Judgement:
    """That of the reference, which has computed the file."""
    witness = witness_of("reference", file["name"])
    assert witness is not None
    return Judgement(witness, agreed={id for id, *_ in calls(file)})


def claimed(claim: Mapping[str, Any]) -> Answer:
    """What a vector says, as an answer."""
    if claim["result"] == "valid":
        return Answer(claim["output"])
    return Answer(claim.get("partial", {}), True, " or ".join(claim.get("codes", ())))


def agrees(operation: str, claim: Mapping[str, Any], given: Answer) -> bool:
    """Whether an answer is what the vector says."""
    if given.trouble:
        return False
    if claim["result"] == "valid":
        if given.refused:
            return False
        return _same(operation, claim["output"], given.values) or _signed_otherwise(operation, claim["output"], given)
    codes, partial = claim.get("codes", ()), claim.get("partial", {})
    return given.refused and (not codes or given.code in codes) and _same(operation, partial, given.values)


def _signed_otherwise(operation: str, expected: Mapping[str, Any], given: Answer) -> bool:
    """Whether a handshake is as expected but for its signature, which may be hedged, and is a right one. V1-ID-01."""
    bodies = [_comparable(operation, "body", values.get("body")) for values in (expected, given.values)]
    if operation != "handshake.hello" or not all(isinstance(body, dict) and "sigOfPk" in body for body in bodies):
        return False
    right, other = bodies
    if not all(isinstance(value, str) for value in other.values()):
        return False
    try:
        verify_identity(other, decode_base64(other["pk"]))
    except (NenError, Malformed):
        return False
    return {**right, "sigOfPk": ""} == {**other, "sigOfPk": ""}


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
