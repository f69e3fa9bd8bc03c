"""Where something was measured: every result carries it."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def surroundings(packages: Sequence[str], busy: float | None) -> dict[str, object]:
    """The time, the machine, Python, and the versions of what is installed of `packages`.

    `busy` is the load average of the machine before the first run: what else it had to do.
    """
    return {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "cores": os.cpu_count(),
            "cores_usable": usable_cores(),
            "load_before": busy,
            "processor": _processor(),
            "system": platform.platform(),
        },
        "python": {"implementation": platform.python_implementation(), "version": platform.python_version()},
        "packages": _versions(packages),
    }


def usable_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def load_average() -> float | None:
    """Of the last minute; None where the system does not tell."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def _versions(packages: Sequence[str]) -> dict[str, str]:
    found = {}
    for name in packages:
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
