"""Server processes that share one Redis, and a client that can talk to any of them, for tests/stores/test_shared.py."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from nen_ref.conformance.embedded import READY
from nen_ref.protocol.client import ClientSession
from nen_ref.protocol.handshake import client_hello
from nen_ref.protocol.messages import HANDSHAKE_PATH, JSON_TYPE, ROTATE_PATH, SESSION_HEADER
from nen_ref.providers.serving import calling_suite
from tests.http.live import Answer, Caller, ask, read_answer

PROVIDER = "cryptography"
ECHO = "/api/echo"
SAFE_BODY = {"error": {"code": "ISO-9000", "message": "Something went wrong on the server."}}


class Node:
    """One `nen-ref serve`, with what it writes to its log."""

    def __init__(self, store: str, *arguments: str, program: Sequence[str] = ("-m", "nen_ref")) -> None:
        options = ["--port", "0", "--store", store, "--provider", PROVIDER, "--log-level", "warning", *arguments]
        self._directory = tempfile.TemporaryDirectory(prefix="nen-node-")
        self._log = Path(self._directory.name, "log")
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, *program, "serve", *options],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=os.environ | {"PYTHONUNBUFFERED": "1"},
            )
        self.url = ""

    def wait_until_ready(self) -> None:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith(READY), f"it printed {line!r} and logged {self.log()}"
        self.url = line.removeprefix(READY).split()[0]

    def log(self) -> str:
        return self._log.read_text()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._directory.cleanup()


@contextmanager
def running_nodes(
    count: int, store: str, *arguments: str, program: Sequence[str] = ("-m", "nen_ref")
) -> Iterator[list[Node]]:
    """Started at the same time, each on a port of its own."""
    nodes = [Node(store, *arguments, program=program) for _ in range(count)]
    try:
        for node in nodes:
            node.wait_until_ready()
        yield nodes
    finally:
        for node in nodes:
            node.stop()


class Member(Caller):
    """A `Caller` whose session counts on every node; its requests are values that can be sent again."""

    def __init__(self, node: Node, path: str = HANDSHAKE_PATH, old: Member | None = None) -> None:
        suite = calling_suite(PROVIDER)
        self.url = node.url
        self.session = ClientSession(suite=suite)
        hello = client_hello(os.urandom(32), os.urandom(32), suite=suite)
        headers = {"content-type": JSON_TYPE} | (old.named if old else {})
        answer = ask(node.url, "POST", path, headers, self.session.start_handshake(hello))
        self.session.finish_handshake(answer.reply)

    @property
    def named(self) -> dict[str, str]:
        return {SESSION_HEADER: self.session.sid or ""}

    @property
    def key(self) -> str:
        """Of its session in Redis."""
        return f"nen:{self.session.sid}"

    def rotated(self, node: Node) -> Member:
        return Member(node, ROTATE_PATH, self)

    def prepare(self, payload: object = 1, path: str = ECHO) -> Signed:
        headers, body = self.sign("POST", path, json.dumps(payload).encode())
        assert body is not None
        return Signed(path, headers, body)

    def passes(self, answer: Answer, payload: object = 1) -> bool:
        """Whether this is the sealed answer of the echo; anything but that and a refusal is an error."""
        if answer.status != 200:
            assert answer.code is not None, answer.body
            return False
        return bool(self.json(answer) == {"method": "POST", "body": payload})


class Signed:
    """A signed request with a body, to be sent once or again."""

    def __init__(self, path: str, headers: dict[str, str], body: bytes) -> None:
        self.path, self.headers, self.body = path, headers, body
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"POST {path} HTTP/1.1\r\nhost: nen\r\ncontent-length: {len(body)}\r\n{lines}\r\n"
        self.data = head.encode() + body

    def to(self, node: Node) -> Answer:
        return ask(node.url, "POST", self.path, self.headers, self.body)


def another_hello() -> bytes:
    """The body of one more handshake."""
    return client_hello(os.urandom(32), os.urandom(32), suite=calling_suite(PROVIDER)).body


def at_once(requests: Sequence[Signed], connections: Sequence[socket.socket]) -> list[Answer]:
    """One over each connection: all but the last byte of all of them first, then the last bytes in one go."""
    pairs = list(zip(requests, connections, strict=True))
    for signed, connection in pairs:
        connection.sendall(signed.data[:-1])
    time.sleep(0.01)
    for signed, connection in pairs:
        connection.sendall(signed.data[-1:])
    return [read_answer(connection) for connection in connections]


def timed(signed: Signed, node: Node) -> tuple[Answer, float]:
    begin = time.monotonic()
    answer = signed.to(node)
    return answer, time.monotonic() - begin


def is_safe(answer: Answer) -> bool:
    """Whether this is ISO-9000 and says nothing more. V1-ERR-01, V1-ERR-02."""
    body: Any = None
    with suppress(ValueError):
        body = json.loads(answer.body)
    return answer.status == 500 and body == SAFE_BODY and answer.header("content-type") == JSON_TYPE


def every_operation(member: Member, node: Node) -> dict[str, Answer]:
    """What a client can ask of a server, each under the session of `member`."""
    headers, _ = member.sign("GET", ECHO)
    hello = {"content-type": JSON_TYPE}
    return {
        "handshake": ask(node.url, "POST", HANDSHAKE_PATH, hello, another_hello()),
        "signed": member.prepare().to(node),
        "without a body": ask(node.url, "GET", ECHO, headers),
        "stream": member.prepare({"chunks": ["a"]}, "/api/stream").to(node),
        "status": ask(node.url, "GET", "/api/nen/status", member.named),
        "rotate": ask(node.url, "POST", ROTATE_PATH, hello | member.named, another_hello()),
        "terminate": ask(node.url, "POST", "/api/nen/terminate", member.named),
    }
