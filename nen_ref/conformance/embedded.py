"""The reference server in a process of its own, on a free loopback port, for the time of a run."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

READY = "listening on "


class ServerDidNotStart(RuntimeError):
    """The server process ended, or said nothing, before it was ready; the message is what it wrote."""


@contextmanager
def embedded_server(*arguments: str) -> Iterator[str]:
    """Start `nen-ref serve --port 0` with further arguments, give its base URL, and stop it in the end."""
    command = [sys.executable, "-m", "nen_ref", "serve", "--port", "0", "--log-level", "error", *arguments]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment)
        try:
            yield _wait_until_ready(process, errors)
        finally:
            if process.poll() is not None:  # nobody stopped it
                print(f"the reference server ended by itself: {_said(errors)}", file=sys.stderr)
            _stop(process)


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    assert process.stdout is not None
    process.stdout.close()


def _wait_until_ready(process: subprocess.Popen[str], errors: IO[str]) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(READY):
            return line.removeprefix(READY).split()[0]
    raise ServerDidNotStart(f"the reference server did not start: {_said(errors)}")


def _said(errors: IO[str]) -> str:
    errors.seek(0)
    return errors.read().strip() or "it said nothing"
