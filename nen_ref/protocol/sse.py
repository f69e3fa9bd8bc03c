"""Server-sent events: the HTML Standard, section 9.2, as far as Nen needs it.

Nen's events hold nothing but `data`; a receiver still has to read everything that is legal. V1-STR-14.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_LINE_END = re.compile(rb"\r\n|\r|\n")
_BOM = b"\xef\xbb\xbf"


class EventTooLarge(ValueError):
    """An event grew beyond the limit of its reader."""


class EventReader:
    """Bytes in as they arrive, the data of each event out as soon as its empty line is there.

    `limit` bounds the bytes kept for one event. Lines may end in CR, LF or CRLF, in any mixture; a CR at the end of a
    piece ends its line at once, and an LF that begins the next piece belongs to it.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._line: list[bytes] = []  # the pieces of the line that has not ended yet
        self._data: list[bytes] = []  # the data lines of the event that has not ended yet
        self._kept = 0
        self._after_cr = False
        self._first_line = True

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """The data of every event that `piece` completes, in order. Raises EventTooLarge."""
        if not piece:
            return
        if self._after_cr:
            piece = piece.removeprefix(b"\n")
        *lines, rest = _LINE_END.split(piece)
        for line in lines:
            self._keep(line)
            yield from self._end_line()
        self._after_cr = piece.endswith(b"\r")
        self._keep(rest)

    def _keep(self, part: bytes) -> None:
        self._kept += len(part)
        if self._kept > self._limit:
            raise EventTooLarge(f"an event of more than {self._limit} bytes")
        if part:
            self._line.append(part)

    def _end_line(self) -> Iterator[bytes]:
        line = b"".join(self._line)
        self._line.clear()
        if self._first_line:
            line = line.removeprefix(_BOM)
            self._first_line = False
        if not line:
            yield from self._dispatch()
            return
        name, _, value = line.partition(b":")  # a comment begins with a colon: its field name is empty
        if name == b"data":
            self._data.append(value.removeprefix(b" "))
        else:
            self._kept -= len(line)

    def _dispatch(self) -> Iterator[bytes]:
        data, self._data, self._kept = self._data, [], 0
        if data:
            yield b"\n".join(data)


def event(data: str) -> bytes:
    """One event whose data is a text without line ends, such as base64."""
    return b"data: " + data.encode("ascii") + b"\n\n"
