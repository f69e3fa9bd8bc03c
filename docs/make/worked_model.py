"""What a worked example is: a vector, the values on the way, and final values that are those of the vector."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from nen_ref.vectors.answers import from_hex
from nen_ref.vectors.operations import OPERATIONS

VECTORS = Path(__file__).parents[2] / "vectors"
SHOWN_BYTES, SHOWN_TEXT, SHOWN_NUMBERS = 40, 90, 6

Value: TypeAlias = bytes | str | int | Sequence[int]
Json = dict[str, Any]


class WorkedError(Exception):
    """A page asks for what does not exist, or an example does not end with the values of its vector."""


class Step(NamedTuple):
    """A value on the way, and a word on what it is."""

    name: str
    value: Value
    note: str = ""


class Final(NamedTuple):
    """A value that the reference computed, the same value out of the vector, and where in the vector it stands."""

    name: str
    computed: Value
    given: Value
    where: str


@dataclass(frozen=True)
class Vector:
    """A vector: group input and its own together, with bytes where the operation has bytes."""

    id: str
    comment: str
    valid: bool
    input: Json
    output: Json
    partial: Json
    codes: tuple[str, ...]
    intermediate: Json
    steps: tuple[Json, ...] = ()

    @property
    def file(self) -> str:
        """The file under vectors/."""
        return self.id.rpartition("/")[0] + ".json"


@dataclass(frozen=True)
class Example:
    """A worked example, ready to be shown."""

    vector: Vector
    steps: Sequence[Step]
    finals: Sequence[Final] = field(default_factory=tuple)

    def checked(self, name: str) -> Example:
        """Itself, or WorkedError if it has no final value or one that is not the vector's."""
        if not self.finals:
            raise WorkedError(f"the example {name} ends with no value of its vector")
        for final in self.finals:
            if final.computed != final.given:
                raise WorkedError(f"the example {name}: {final.name} is not {final.where} of {self.vector.id}")
        return self


Make: TypeAlias = Callable[[], Example]


@cache
def _file(name: str) -> Json:
    document: Json = json.loads((VECTORS / name).read_text(encoding="utf-8"))
    return document


def vector(identifier: str) -> Vector:
    """The vector of that id. Raises WorkedError."""
    document = _file(identifier.rpartition("/")[0] + ".json")
    for group in document["groups"]:
        for test in group["tests"]:
            if test["id"] == identifier:
                return _read(document["operation"], group["input"], test)
    raise WorkedError(f"there is no vector {identifier}")


def _read(operation: str, shared: Json, test: Json) -> Vector:
    many = "steps" in test
    return Vector(
        id=test["id"],
        comment=test["comment"],
        valid=test["result"] == "valid",
        input={} if many else as_bytes(operation, "args", {**shared, **test.get("input", {})}),
        output={} if many else as_bytes(operation, "result", test.get("output", {})),
        partial=test.get("partial", {}),
        codes=tuple(test.get("codes", ())),
        intermediate=test.get("intermediate", {}),
        steps=tuple(test.get("steps", ())),
    )


def as_bytes(operation: str, side: str, values: Json) -> Json:
    """Arguments ("args") or results ("result") of an operation, with bytes in place of hexadecimal."""
    step = OPERATIONS[operation]
    members = step.takes if side == "args" else step.result
    return {name: from_hex(members.get(name, {}), value) for name, value in values.items()}


def table(example: Example) -> str:
    """The example as Markdown: which vector, its values, and which of them the vector confirms."""
    found = example.vector
    result = "valid" if found.valid else "invalid" + (f", {' or '.join(found.codes)}" if found.codes else "")
    rows = [_row(step.name, step.value, _escaped(step.note)) for step in example.steps]
    rows += [_row(final.name, final.computed, f"**= vector**, {_escaped(final.where)}") for final in example.finals]
    return (
        f"**Worked example** `{found.id}` ({found.comment}; {result}), file `vectors/{found.file}`\n\n"
        "| name | value | |\n| --- | --- | --- |\n" + "".join(rows)
    )


def _row(name: str, value: Value, note: str) -> str:
    return f"| {_escaped(name)} | {shown(value)} | {note} |\n"


def _escaped(text: str) -> str:
    """Plain text in Markdown: no emphasis, HTML or references (`A_hat[0][0]`) in it."""
    return text.replace("_", "\\_").replace("<", "&lt;").replace("[", "\\[")


def shown(value: Value) -> str:
    """A value in one line of a table, long ones shortened in their middle with their size behind them."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"`{value}`"
    if isinstance(value, bytes):
        return _shown_bytes(value)
    if isinstance(value, str):
        return _shown_text(value)
    return _shown_numbers(value)


def _shown_bytes(value: bytes) -> str:
    if not value:
        return "(no bytes)"
    size = f" ({len(value)} byte{'s' * (len(value) > 1)})"
    text = value.hex() if len(value) <= SHOWN_BYTES else f"{value[:16].hex()}…{value[-8:].hex()}"
    return f"`{text}`{size}"


def _shown_text(value: str) -> str:
    if not value:
        return "(empty)"
    text = json.dumps(value, ensure_ascii=True)[1:-1].replace('\\"', '"').replace("|", "&#124;").replace("`", "'")
    size = ""
    if len(text) > SHOWN_TEXT:
        text, size = f"{text[:48]}…{text[-24:]}", f" ({len(value)} characters)"
    return f"`{text}`{size}"


def _shown_numbers(value: Sequence[int]) -> str:
    numbers = [str(number) for number in value]
    if len(numbers) <= 2 * SHOWN_NUMBERS:
        return f"`{', '.join(numbers)}`"
    return f"`{', '.join(numbers[:SHOWN_NUMBERS])}, …, {numbers[-1]}` ({len(numbers)} numbers)"
