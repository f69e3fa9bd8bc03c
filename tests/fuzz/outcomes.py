"""What a target may answer, and what counts as a failure."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random

Outcomes = Sequence[str]


class Unlawful(AssertionError):
    """An outcome that is neither success nor a code that belongs there."""


@dataclass(frozen=True)
class Target:
    """One way in: `run` takes any bytes and gives what came of them, or raises, which is a failure.

    `draw` makes an input from scratch; `seeds` are whole inputs to start from, and to splice with. `reached` are the
    outcomes that a run of some thousand inputs has to have seen, or it tests less than it says. `share` is its part of
    a run; 0 is a very small one.
    """

    name: str
    run: Callable[[bytes], Outcomes]
    seeds: Callable[[], Sequence[bytes]]
    reached: frozenset[str]
    share: int
    draw: Callable[[Random], bytes] | None = None


def lawful(right: bool, complaint: str) -> None:
    if not right:
        raise Unlawful(complaint)


class Complaints(logging.Handler):
    """Whatever is logged as an error. Every other record is formatted too: that must not fail either."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = f"{record.name}: {record.getMessage()}"
        if record.exc_info and record.exc_info[1]:
            text += "\n" + "".join(traceback.format_exception(record.exc_info[1]))
        if record.levelno >= logging.ERROR or record.exc_info:
            self.said.append(text)

    def check(self) -> None:
        said, self.said = self.said, []
        lawful(not said, "logged as an error: " + "\n".join(said))


@contextmanager
def watching(*names: str) -> Iterator[Complaints]:
    """The loggers of these names, listened to; nothing of it is printed."""
    handler = Complaints()
    loggers = [logging.getLogger(name) for name in names]
    before = [(logger.level, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
    try:
        yield handler
    finally:
        for logger, (level, propagate) in zip(loggers, before, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(level)
            logger.propagate = propagate
