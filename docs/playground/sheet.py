"""The sheet of a session: its steps, and in each the values, computed or put there by the reader.

An edit stands in the place of what would have been computed; everything after it is computed from the edit.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field

from nen_ref.protocol.errors import NenError
from nen_ref.protocol.messages import error_reply
from nen_ref.protocol.wire import Malformed, decode_base64, encode_base64

MAX_TEXT = 65_536  # characters of one value
MAX_DIGITS = 16


class Unusable(ValueError):
    """The reader gave something that cannot be computed with. The message is for the reader."""


@dataclass
class Value:
    """One value as the page shows it. `kind`: hex, base64, text, number, or seen for what is not edited."""

    id: str
    label: str
    kind: str
    text: str
    size: str = ""
    seed: bool = False
    edited: bool = False
    note: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Check:
    """One line of a list of checks. `state`: passed, refused, skipped or unreached."""

    text: str
    state: str
    codes: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    note: str = ""


@dataclass
class Step:
    """One step. `state`: done, refused (with `error`), unusable (with `problem`) or unreached."""

    id: str
    title: str
    side: str
    says: str
    state: str = "unreached"
    values: list[Value] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    error: dict[str, object] | None = None
    problem: str = ""

    def as_json(self) -> dict[str, object]:
        return asdict(self)


class Sheet:
    """The values of one run. Each reader of a value adds it to the step at hand and returns what counts."""

    def __init__(self, steps: list[Step], edits: Mapping[str, str]) -> None:
        self.steps = steps
        self.edits = edits
        self._at = -1

    @property
    def step(self) -> Step:
        return self.steps[self._at]

    def next(self, id: str) -> None:
        """Go on to the step `id`, which has to be the next one."""
        if self._at >= 0:
            self.step.state = "done"
        self._at += 1
        if self.step.id != id:
            raise AssertionError(f"{id} is not the step after {self.steps[self._at - 1].id}")

    def hex(self, id: str, label: str, computed: bytes, size: int | None = None, *, seed: bool = False) -> bytes:
        """Bytes, shown in hexadecimal; `size` where no other length can be computed with."""
        value = self._add(id, label, "hex", computed.hex(), seed)
        try:
            data = bytes.fromhex(value.text)
        except ValueError:
            raise self._unusable(value, "This is not hexadecimal.") from None
        value.size = _bytes(len(data))
        if size is not None and len(data) != size:
            raise self._unusable(value, f"This has to be {size} bytes; it is {len(data)}.")
        return data

    def base64(self, id: str, label: str, computed: str) -> str:
        """Base64 text as it travels: whatever the reader makes of it."""
        value = self._add(id, label, "base64", computed)
        try:
            value.size = _bytes(len(decode_base64(value.text)))
        except Malformed as fault:
            value.size = str(fault)
        return value.text

    def text(self, id: str, label: str, computed: str, *, seed: bool = False) -> str:
        value = self._add(id, label, "text", computed, seed)
        value.size = _bytes(len(value.text.encode()))
        return value.text

    def number(self, id: str, label: str, computed: int) -> int:
        value = self._add(id, label, "number", str(computed), True)
        if not (value.text.isascii() and value.text.isdigit() and len(value.text) <= MAX_DIGITS):
            raise self._unusable(value, f"This has to be a whole number of at most {MAX_DIGITS} digits.")
        return int(value.text)

    def seen(self, id: str, label: str, text: str) -> None:
        """A value that one side sees, and that nobody edits."""
        self.step.values.append(Value(id, label, "seen", text))

    def note(self, text: str) -> None:
        """Say something about the value added last."""
        self.step.values[-1].note = text

    def refused(self, error: NenError, requirements: tuple[str, ...]) -> None:
        self.step.state = "refused"
        self.step.error = describe(error, requirements)

    def unusable(self, fault: Unusable) -> None:
        self.step.state = "unusable"
        self.step.problem = str(fault)

    def finish(self) -> None:
        self.step.state = "done"

    def _add(self, id: str, label: str, kind: str, computed: str, seed: bool = False) -> Value:
        edited = id in self.edits and self.edits[id] != computed
        value = Value(id, label, kind, self.edits.get(id, computed), seed=seed, edited=edited)
        self.step.values.append(value)
        return value

    @staticmethod
    def _unusable(value: Value, problem: str) -> Unusable:
        value.problem = problem
        return Unusable(f"{value.label}: {problem}")


def describe(error: NenError, requirements: tuple[str, ...] = ()) -> dict[str, object]:
    """A refusal as the page shows it: the code, the diagnosis, and what the other side gets to see of it."""
    return {
        "code": error.code,
        "name": error.entry.name,
        "status": error.status,
        "message": error.entry.message,
        "hint": error.entry.hint,
        "detail": error.detail,
        "body": error_reply(error).body.decode() if error.entry.side != "client" else "",
        "requirements": requirements,
    }


def flip(kind: str, text: str) -> str:
    """The value with one bit changed: the lowest of the first byte, or of the last character of a text."""
    if not text:
        raise Unusable("There is nothing in it to flip.")
    with suppress(ValueError):
        if kind == "hex":
            return _flip_first(bytes.fromhex(text)).hex()
        if kind == "base64":
            return encode_base64(_flip_first(decode_base64(text)))
    return text[:-1] + chr(ord(text[-1]) ^ 1)


def _flip_first(data: bytes) -> bytes:
    return bytes([data[0] ^ 1]) + data[1:]


def _bytes(size: int) -> str:
    return "1 byte" if size == 1 else f"{size} bytes"
