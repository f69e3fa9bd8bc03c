"""What a run was of and what it measured, as JSON: `nen-bench-load/1`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit

from nen_ref.bench.local_redis import redis_version
from nen_ref.bench.machine import surroundings
from nen_ref.bench.model import CHUNKS, DECK, LARGE_SIZE, PERCENTILES, Crowd, Limits, Measured, Tally
from nen_ref.providers import provider

SCHEMA = "nen-bench-load/1"
OWN_REDIS = "redis:"
SHARED = "clients and server share this machine, and its cores"
# uvicorn picks uvloop and httptools by itself where they are.
PACKAGES = ("nen-ref", "anyio", "cryptography", "h11", "redis", "starlette", "uvicorn", "uvloop", "httptools")


@dataclass(frozen=True)
class Configuration:
    """A server to measure: `store` as `nen-ref serve --store` takes it, `redis:` for one of our own.

    With `url` it is one that runs already, of which nothing else is known.
    """

    store: str = "memory:"
    workers: int = 1
    provider: str = "reference"
    url: str | None = None

    @property
    def store_name(self) -> str:
        """`memory` or `redis`; never the URL, which may hold a password."""
        return "unknown" if self.url else urlsplit(self.store).scheme

    @property
    def own_redis(self) -> bool:
        return not self.url and self.store == OWN_REDIS

    @property
    def title(self) -> str:
        if self.url:
            return f"server at {self.url}"
        workers = "1 worker" if self.workers == 1 else f"{self.workers} workers"
        return f"store {self.store_name}, {workers}, provider {self.provider}"


@dataclass(frozen=True)
class Run:
    """A configuration with what was measured, or why it could not be."""

    configuration: Configuration
    measured: Measured | None = None
    fault: str | None = None

    @property
    def ok(self) -> bool:
        return self.measured is not None and self.measured.answered > 0 and not self.measured.failed


def as_json(runs: Sequence[Run], limits: Limits, crowd: Crowd, busy: float | None = None) -> dict[str, object]:
    """`busy` is the load average of the machine before the first run: what else it had to do."""
    return {
        "schema": SCHEMA,
        "note": SHARED,
        **surroundings(PACKAGES, busy),
        "redis_server": redis_version() if any(run.configuration.own_redis for run in runs) else None,
        "limits": asdict(limits),
        "clients": {**asdict(crowd), "primitives": provider(crowd.provider).version},
        "traffic": {
            "share": {kind.value: count for kind, count in DECK.items()},
            "large_bytes": LARGE_SIZE,
            "stream_chunks": CHUNKS,
        },
        "runs": [_run(run) for run in runs],
    }


def _run(run: Run) -> dict[str, object]:
    configuration = run.configuration
    server: dict[str, object] = {
        "store": configuration.store_name,
        "workers": configuration.workers,
        "provider": configuration.provider,
    }
    if configuration.url:
        server = {"url": configuration.url}
    measured = run.measured
    if measured is None:
        return {"server": server, "fault": run.fault}
    return {
        "server": server,
        "fault": None,
        "seconds": round(measured.seconds, 3),
        "client_cores": None if measured.client_cores is None else round(measured.client_cores, 3),
        "all": _tally(measured.together(), measured),
        "kinds": {kind.value: _tally(tally, measured) for kind, tally in measured.tallies.items()},
    }


def _tally(tally: Tally, measured: Measured) -> dict[str, object]:
    answers = len(tally.latencies)
    percentiles = {f"p{percent}_ms": _rounded(tally.percentile(percent)) for percent in PERCENTILES}
    return {
        "answers": answers,
        "per_second": round(measured.per_second(answers), 2),
        **percentiles,
        "max_ms": _rounded(tally.percentile(100)),
        "errors": tally.failed,
        "error_texts": dict(tally.errors.most_common()),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
