"""What a run was of and what it measured, as JSON: `nen-bench-load/1`."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from urllib.parse import urlsplit

from nen_ref.bench.local_redis import redis_version
from nen_ref.bench.model import CHUNKS, DECK, LARGE_SIZE, PERCENTILES, Crowd, Limits, Measured, Tally
from nen_ref.providers import provider

SCHEMA = "nen-bench-load/1"
OWN_REDIS = "redis:"
SHARED = "clients and server share this machine, and its cores"
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
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "note": SHARED,
        "machine": {
            "cores": os.cpu_count(),
            "cores_usable": usable_cores(),
            "load_before": busy,
            "processor": _processor(),
            "system": platform.platform(),
        },
        "python": {"implementation": platform.python_implementation(), "version": platform.python_version()},
        "packages": _versions(),
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


def usable_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def load_average() -> float | None:
    """Of the last minute; None where the system does not tell."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


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


def _versions() -> dict[str, str]:
    """Of what is installed; uvicorn picks uvloop and httptools by itself where they are."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _processor() -> str | None:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or None
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or None
