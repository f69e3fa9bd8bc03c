"""The reference server in a process of its own, on a free loopback port, for the time of a run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

READY = "listening on "


class ServerDidNotStart(RuntimeError):
    """The server process ended, or said nothing, before it was ready; the message is what it wrote."""


@contextmanager
def embedded_server(*arguments: str) -> Iterator[str]:
    """Start `nen-ref serve --port 0` with further arguments, give its base URL, and stop it in the end."""
    command = [sys.executable, "-m", "nen_ref", "serve", "--port", "0", "--log-level", "error", *arguments]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
    try:
        yield _wait_until_ready(process)
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        if line.startswith(READY):
            return line.removeprefix(READY).split()[0]
        said.append(line)
    raise ServerDidNotStart(f"the reference server did not start: {''.join(said).strip() or 'it said nothing'}")
