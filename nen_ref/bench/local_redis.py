"""A redis-server for the time of a run: on a free loopback port, with nothing written to disk."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

PROGRAM = "redis-server"
MEMORY = "256mb"  # some 100 000 sessions; a run makes fewer, and beyond it Redis refuses
START_PATIENCE = 10.0  # seconds
ATTEMPTS = 3  # a port that was free may be taken by another process meanwhile


class RedisDidNotStart(RuntimeError):
    """There is no redis-server, or it ended at once; the message is what it wrote."""


def installed() -> bool:
    return shutil.which(PROGRAM) is not None


def redis_version() -> str:
    """What `redis-server --version` says, such as `7.0.15`; `unknown` if it says nothing of the kind."""
    if not installed():
        return "unknown"
    done = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, timeout=10, check=False)
    words = [word for word in done.stdout.split() if word.startswith("v=")]
    return words[0].removeprefix("v=") if words else "unknown"


@contextmanager
def local_redis() -> Iterator[str]:
    """The `redis://` URL of a fresh, empty server that ends with the block. Raises RedisDidNotStart."""
    if not installed():
        raise RedisDidNotStart(f"{PROGRAM} is not installed (Debian: apt-get install redis-server)")
    with tempfile.TemporaryDirectory() as directory:
        process, port = _started(directory)
        try:
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            _stop(process)


def _started(directory: str) -> tuple[subprocess.Popen[str], int]:
    said = ""
    for _ in range(ATTEMPTS):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port: int = free.getsockname()[1]
        options = {
            "--bind": "127.0.0.1",
            "--port": str(port),
            "--dir": directory,
            "--save": "",
            "--appendonly": "no",
            "--maxmemory": MEMORY,
            "--maxmemory-policy": "noeviction",
        }
        command = [PROGRAM, *(word for pair in options.items() for word in pair)]
        with tempfile.TemporaryFile("w+") as output:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, text=True)
            if _answers(process, port):
                return process, port
            _stop(process)
            output.seek(0)
            said = output.read()[-500:].strip()
    raise RedisDidNotStart(f"{PROGRAM} did not start: {said or 'it said nothing'}")


def _answers(process: subprocess.Popen[str], port: int) -> bool:
    deadline = time.monotonic() + START_PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            if connection.recv(16).startswith(b"+PONG"):
                return True
        time.sleep(0.02)
    return False


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
