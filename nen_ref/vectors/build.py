"""From a suite to the groups of its file: every output computed by the reference, every claim of the suite checked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nen_ref.primitives.errors import PrimitiveError
from nen_ref.protocol.errors import NenError
from nen_ref.vectors.answers import ANSWERS, REFERENCE_KIT, Kit, Refused, from_hex, to_hex
from nen_ref.vectors.model import Group, Input, Test, VectorSuite
from nen_ref.vectors.operations import OPERATIONS

SEVERAL = "steps"
"""The operation of a file whose vectors consist of several operations."""

REQUIREMENT = re.compile(r"(?:V\d|SEAL)-[A-Z]+-\d\d")

Json = dict[str, Any]


class Disagreement(Exception):
    """An answer is not what a vector says. The text shows both."""


@dataclass(frozen=True)
class Answer:
    """What an implementation makes of one input.

    `values` (hexadecimal), or a refusal with its `code` and what was given beside it. A refusal that no ISO code exists
    for has an empty code. `trouble` is what went wrong where there is no answer: nothing agrees with that.
    """

    values: Mapping[str, Any]
    refused: bool = False
    code: str = ""
    trouble: str = ""

    def text(self) -> str:
        """For people, long values shortened."""
        if self.trouble:
            return f"failed: {self.trouble}"
        shown = ", ".join(f"{name} {_short(value)}" for name, value in self.values.items())
        return f"refused {self.code} {shown}".strip() if self.refused else f"accepted {shown}".strip()


def answer(operation: str, given: Mapping[str, Any], kit: Kit = REFERENCE_KIT) -> Answer:
    """What our protocol with these primitives answers to an input of hexadecimal texts.

    Raises providers.Unsupported.
    """
    arguments = arguments_of(operation, given)
    try:
        values = to_hex(ANSWERS[operation](arguments, kit))
    except NenError as error:
        return Answer({}, True, error.code)
    except Refused as refused:
        return Answer(to_hex(refused.values), True, refused.error.code)
    except PrimitiveError:
        return Answer({}, True)
    return Answer({}, values["valid"] is False) if list(values) == ["valid"] else Answer(values)


def arguments_of(operation: str, given: Mapping[str, Any]) -> Json:
    """The arguments of an operation, with bytes where they are hexadecimal."""
    takes = OPERATIONS[operation].takes
    return {name: from_hex(takes[name], value) for name, value in given.items()}


def as_json(value: Any) -> Any:
    """Bytes as hexadecimal, wherever they stand."""
    if isinstance(value, bytes | bytearray):
        return value.hex()
    if isinstance(value, Mapping):
        return {name: as_json(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(entry) for entry in value]
    return value


def build_groups(suite: VectorSuite, groups: Sequence[Group]) -> list[Json]:
    """The groups as they stand in the file. Raises Disagreement where the reference does otherwise than they claim."""
    return [
        {
            "comment": group.comment,
            **({"covers": list(group.covers)} if group.covers else {}),
            "input": as_json(group.input),
            "tests": [build_test(suite, group.input, test) for test in group.tests],
        }
        for group in groups
    ]


def covered(suite: VectorSuite, test: Test) -> list[str]:
    """What a vector tests beside what the file says of all: its own, and the requirements that its flags refer to."""
    of_flags = (text for flag in test.flags for text in suite.flags[flag].references if REQUIREMENT.fullmatch(text))
    return list(dict.fromkeys(text for text in (*test.covers, *of_flags) if text not in suite.covers))


def build_test(suite: VectorSuite, shared: Input, test: Test) -> Json:
    """One vector as it stands in the file."""
    covers = covered(suite, test)
    head: Json = {
        "id": f"{suite.name}/{test.id}",
        "comment": test.comment,
        "flags": list(test.flags),
        **({"covers": covers} if covers else {}),
    }
    if suite.operation == SEVERAL:
        invalid = any(step.codes is not None for step in test.steps)
        steps = [
            {"comment": step.comment, "operation": step.operation}
            | _outcome(f"{head['id']}: {step.comment}", step.operation, as_json(step.input), as_json(step.input), step)
            for step in test.steps
        ]
        return head | {"result": "invalid" if invalid else "valid", "steps": steps}
    own, whole = as_json(test.input), as_json({**shared, **test.input})
    record = head | _outcome(head["id"], suite.operation, own, whole, test)
    if suite.intermediate is not None:
        between = as_json(suite.intermediate(arguments_of(suite.operation, whole)))
        record |= {"intermediate": between} if between else {}
    return record


def _outcome(id: str, operation: str, own: Json, whole: Json, claim: Any) -> Json:
    given = answer(operation, whole)
    codes = claim.codes
    if codes is None:
        if given.refused:
            raise Disagreement(f"{id} is said to be valid; the reference: {given.text()}")
        return {"result": "valid", "input": own, "output": dict(given.values)}
    if not given.refused or (codes and given.code not in codes):
        raise Disagreement(f"{id} is said to be invalid ({', '.join(codes)}); the reference: {given.text()}")
    released = {"partial": dict(given.values)} if given.values else {}
    return {"result": "invalid", "input": own} | ({"codes": list(codes)} if codes else {}) | released


def calls(file: Mapping[str, Any]) -> Iterator[tuple[str, str, Json, Json]]:
    """Every operation that the vectors of a file ask for.

    The id of the vector, the operation, the whole input, and what has to come of it (`result`, `output`, `codes`,
    `partial`).
    """
    for group in file["groups"]:
        for test in group["tests"]:
            if file["operation"] == SEVERAL:
                for step in test["steps"]:
                    yield test["id"], step["operation"], step["input"], step
            else:
                yield test["id"], file["operation"], group["input"] | test["input"], test


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 80 else f"{text[:64]}... ({len(text)} characters)"
