"""Two canonical strings side by side: the lines in which they differ, and where in each."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

PARTS = ("METHOD", "PATH", "TIMESTAMP", "NONCE")
MAX_LINES = 8


@dataclass(frozen=True)
class Difference:
    """One line that differs. `line` and `column` count from 1, `byte` from 0 and over the whole of each string.

    `ours` and `theirs` are the line in three pieces: equal, different, equal; None where there is no such line.
    `our_code` and `their_code` say what stands at `column`.
    """

    line: int
    part: str
    column: int
    our_byte: int
    their_byte: int
    ours: tuple[str, str, str] | None
    theirs: tuple[str, str, str] | None
    our_code: str
    their_code: str


def differences(ours: str, theirs: str) -> list[Difference]:
    """The first lines that differ, at most `MAX_LINES` of them; none when the strings are equal."""
    our_lines, their_lines = ours.split("\n"), theirs.split("\n")
    found: list[Difference] = []
    our_start = their_start = 0
    for i in range(max(len(our_lines), len(their_lines))):
        our = our_lines[i] if i < len(our_lines) else None
        their = their_lines[i] if i < len(their_lines) else None
        if our != their:
            part = PARTS[i] if i < len(PARTS) else "beyond the end"
            found.append(_difference(i + 1, part, our, their, our_start, their_start))
        our_start += len((our or "").encode()) + 1
        their_start += len((their or "").encode()) + 1
    return found[:MAX_LINES]


def _difference(
    line: int, part: str, ours: str | None, theirs: str | None, our_start: int, their_start: int
) -> Difference:
    same = common_start(ours or "", theirs or "")
    tail = common_start((ours or "")[same:][::-1], (theirs or "")[same:][::-1])
    return Difference(
        line=line,
        part=part,
        column=same + 1,
        our_byte=our_start + len((ours or "")[:same].encode()),
        their_byte=their_start + len((theirs or "")[:same].encode()),
        ours=_pieces(ours, same, tail),
        theirs=_pieces(theirs, same, tail),
        our_code=_code(ours, same),
        their_code=_code(theirs, same),
    )


def common_start(a: str, b: str) -> int:
    """How many characters two texts have in common from the start."""
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def visible(text: str) -> str:
    """The text with a picture for each character that would not be seen; line feeds stay."""
    return "".join(_picture(char) for char in text)


def _pieces(text: str | None, same: int, tail: int) -> tuple[str, str, str] | None:
    if text is None:
        return None
    end = len(text) - tail
    return visible(text[:same]), visible(text[same:end]), visible(text[end:])


def _picture(char: str) -> str:
    if char == "\n":
        return char
    if ord(char) < 0x20:
        return chr(0x2400 + ord(char))  # Unicode's control pictures, in the order of the controls
    if char == "\x7f":
        return "\u2421"
    hidden = unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp") or (char != " " and char.isspace())
    return f"[U+{ord(char):04X}]" if hidden else char


def _code(text: str | None, at: int) -> str:
    if text is None:
        return "no such line"
    if at >= len(text):
        return "the end of the line"
    char = text[at]
    name = unicodedata.name(char, "")
    return f"U+{ord(char):04X}" + (f" {name}" if name else "")
