"""Kinds of traffic, limits, and what a run has measured."""

from __future__ import annotations

import enum
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

LARGE_SIZE = 16 * 1024
CHUNKS = 5
PERCENTILES = (50, 90, 99)
MAX_REQUESTS = 1_000_000  # a float of each is kept
MAX_SECONDS = 600
MAX_CLIENTS = 256
MAX_PROCESSES = 16
MAX_ERROR_TEXTS = 20  # different ones that are kept; all are counted


class Kind(enum.Enum):
    """A kind of traffic; the value is its name in tables and files."""

    HANDSHAKE = "handshake"
    STATUS = "status"
    SMALL = "small request"
    LARGE = "16 KiB request"
    STREAM = "stream"


DECK: Mapping[Kind, int] = {Kind.HANDSHAKE: 1, Kind.STATUS: 3, Kind.SMALL: 10, Kind.LARGE: 4, Kind.STREAM: 2}
"""The mix: every client deals itself these cards, a handshake first and the rest shuffled, again and again."""


class NotLoopback(ValueError):
    """An address that is not this machine: load is never sent to another one."""


def check_loopback(url: str) -> tuple[str, int]:
    """Host and port of a URL whose host is a loopback address. Raises NotLoopback; ValueError for what is no URL.

    `localhost` is the only name that is taken; any other could lead anywhere.
    """
    host = port = None
    with suppress(ValueError):  # its messages repeat the URL, which may hold a password
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    if not host or not port:
        raise ValueError("a URL with a host and a port is needed, such as http://127.0.0.1:8765")
    try:
        loopback = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise NotLoopback(f"{host} is not a loopback address: load goes to this machine only")
    return host, port


@dataclass(frozen=True)
class Limits:
    """What ends a run, whichever comes first; and for how long one answer is awaited (seconds)."""

    requests: int = 5_000
    seconds: float = 10.0
    patience: float = 10.0

    def __post_init__(self) -> None:
        if not 1 <= self.requests <= MAX_REQUESTS:
            raise ValueError(f"requests: 1 to {MAX_REQUESTS}")
        if not 0 < self.seconds <= MAX_SECONDS:
            raise ValueError(f"seconds: up to {MAX_SECONDS}")
        if not 0 < self.patience <= MAX_SECONDS:
            raise ValueError(f"patience: up to {MAX_SECONDS}")


@dataclass(frozen=True)
class Crowd:
    """`clients` callers, each with one request under way at a time, spread over `processes`.

    `provider` names the primitives that they compute with, and `seed` fixes the order of their traffic.
    """

    clients: int = 8
    processes: int = 1
    provider: str = "cryptography"
    seed: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.clients <= MAX_CLIENTS:
            raise ValueError(f"clients: 1 to {MAX_CLIENTS}")
        if not 1 <= self.processes <= min(MAX_PROCESSES, self.clients):
            raise ValueError(f"processes: 1 to {MAX_PROCESSES}, and no more than clients")


@dataclass
class Tally:
    """The answers of one kind: latencies of the right ones in ms, in ascending order; the others by what was wrong."""

    latencies: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)

    def add(self, latencies: Iterable[float], errors: Mapping[str, int]) -> None:
        self.latencies += latencies
        self.latencies.sort()  # a few new ones behind many sorted ones: about linear
        for text, count in errors.items():
            known = text in self.errors or len(self.errors) < MAX_ERROR_TEXTS
            self.errors[text if known else "further errors"] += count

    @property
    def failed(self) -> int:
        return self.errors.total()

    def percentile(self, percent: float) -> float | None:
        """The nearest-rank percentile: the smallest latency that `percent` of all do not exceed. None without any."""
        if not self.latencies:
            return None
        return self.latencies[max(math.ceil(percent / 100 * len(self.latencies)), 1) - 1]


@dataclass
class Measured:
    """What one run has measured, while it goes on and when it is over.

    `seconds` since the first request; `client_cores` is the CPU time that the clients used for each second and process,
    known in the end only: near 1 the clients were the bottleneck.
    """

    tallies: dict[Kind, Tally] = field(default_factory=lambda: {kind: Tally() for kind in Kind})
    seconds: float = 0.0
    client_cores: float | None = None

    @property
    def answered(self) -> int:
        return sum(len(tally.latencies) for tally in self.tallies.values())

    @property
    def failed(self) -> int:
        return sum(tally.failed for tally in self.tallies.values())

    def per_second(self, answers: int) -> float:
        return answers / self.seconds if self.seconds else 0.0

    def together(self) -> Tally:
        """All kinds as one, for the row that sums up."""
        everything = Tally()
        for tally in self.tallies.values():
            everything.add(tally.latencies, tally.errors)
        return everything
