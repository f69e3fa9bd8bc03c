"""A Redis for tests: a real server, started on a free port of the loopback, that can be killed and started again.

from tests.stores.redis_server import RedisServer, needs_redis, redis_server

@needs_redis
def test_something(redis_server: RedisServer) -> None:
    redis_server.url, redis_server.kill(), redis_server.start(), redis_server.command("FLUSHALL")
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

REDIS_SERVER = shutil.which("redis-server")
START_SECONDS = 10.0


Word = str | bytes | int


class RedisError(Exception):
    """What Redis answers with a minus."""


needs_redis = pytest.mark.redis  # on a test, or as a module's `pytestmark`


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class RedisServer:
    """One redis-server. `options` are its own: `RedisServer("--maxmemory", "3mb")`; nothing is kept on a disk."""

    def __init__(self, *options: str, password: str = "") -> None:
        self.port = free_port()
        self.password = password
        self.options = [*options, *(["--requirepass", password] if password else [])]
        self.directory = tempfile.TemporaryDirectory(prefix="nen-redis-")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://{f':{self.password}@' if self.password else ''}127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, again on the same port, and wait until it answers."""
        if REDIS_SERVER is None:
            pytest.skip("needs redis-server (apt-get install redis-server)")
        own = ["--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--appendonly", "no"]
        log = Path(self.directory.name, "redis.log")
        own += ["--dir", self.directory.name, "--logfile", str(log)]
        self._process = subprocess.Popen([REDIS_SERVER, *own, *self.options], stdout=subprocess.DEVNULL)
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if self._process.poll() is not None:
                break
            try:
                if self.command("PING") == b"PONG":
                    return
            except (OSError, RedisError):  # not listening yet, or loading
                pass
            time.sleep(0.02)
        self.stop(remove=False)
        raise RuntimeError(f"redis-server does not start:\n{log.read_text() if log.exists() else 'no log'}")

    def kill(self) -> None:
        """SIGKILL: what it held is gone, its connections break."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def restart(self) -> None:
        self.kill()
        self.start()

    def stop(self, *, remove: bool = True) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        if remove:
            self.directory.cleanup()

    def command(self, *words: Word) -> Any:
        """One command over a connection of its own, without any client library; an error of Redis is raised."""
        reply = self.commands([words])[0]
        if isinstance(reply, RedisError):
            raise reply
        return reply

    def commands(self, commands: Sequence[Sequence[Word]]) -> list[Any]:
        """The replies to commands sent one after the other over one connection; a RedisError stands for an error."""
        before = [("AUTH", self.password)] if self.password else []
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=START_SECONDS)
        with connection, connection.makefile("rwb") as stream:
            for words in [*before, *commands]:
                _send(stream, words)
            stream.flush()
            return [_reply(stream) for _ in [*before, *commands]][len(before) :]


def _send(stream: Any, words: Sequence[Word]) -> None:
    encoded = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    stream.write(b"*%d\r\n" % len(encoded) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded))


def _reply(stream: Any) -> Any:
    line = stream.readline()
    kind, rest = line[:1], line[1:-2]
    if kind == b"+":
        return rest
    if kind == b":":
        return int(rest)
    if kind == b"$":
        return stream.read(int(rest) + 2)[:-2] if int(rest) >= 0 else None
    if kind == b"*":
        return [_reply(stream) for _ in range(int(rest))] if int(rest) >= 0 else None
    if kind == b"-":
        return RedisError(rest.decode("utf-8", "replace"))
    raise ConnectionError("no answer")


@contextmanager
def running_redis(*options: str, password: str = "") -> Iterator[RedisServer]:
    """A Redis of one's own, with other options than the shared one."""
    server = RedisServer(*options, password=password)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """A fresh Redis for one test (it takes some 30 ms to start); it may be killed."""
    with running_redis() as server:
        yield server
