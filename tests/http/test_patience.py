"""Connections that say nothing, or drip the head of a request, against a real server that waits for a second."""

from __future__ import annotations

import gc
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, suppress
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.routing import Route

from nen_ref.http import patience
from nen_ref.http.asgi import ChunkResponse, NenMiddleware
from nen_ref.http.patience import HEAD_SECONDS, WRITE_SECONDS
from tests.http.live import Caller, connect, serve
from tests.http.strained import serving_with
from tests.stores.nodes import Node

WAITS = 1.0
CONNECTIONS = 100
PATIENCE = 30.0
STATUS = b"GET /api/nen/status HTTP/1.1\r\nhost: x\r\n\r\n"


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    with serving_with(f"import nen_ref.http.patience as patience; patience.HEAD_SECONDS = {WAITS}") as running:
        yield running


def ends(connection: socket.socket, drip: bytes) -> bool:
    """Whether the other side closes, while `drip` is sent again and again."""
    connection.settimeout(0.05)
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            if drip:
                connection.sendall(drip)
            if connection.recv(4096) == b"":
                return True
        except TimeoutError:
            continue
        except OSError:
            return True
    return False


@pytest.mark.parametrize("first", [b"", STATUS], ids=["at once", "after a request"])
@pytest.mark.parametrize("drip", [b"", b"x"], ids=["silence", "a drip"])
def test_a_head_that_does_not_come_ends_the_connection(node: Node, first: bytes, drip: bytes) -> None:
    with connect(node.url) as connection:
        if first:
            connection.sendall(first)
            assert b"401" in connection.recv(4096)
            connection.sendall(b"GET /api")
        assert ends(connection, drip)


def test_many_silent_connections_keep_nobody_from_being_served(node: Node) -> None:
    caller = Caller(node.url)
    with ExitStack() as stack:
        silent = [stack.enter_context(connect(node.url)) for _ in range(CONNECTIONS)]
        for connection in silent[::2]:
            with suppress(OSError):
                connection.sendall(b"POST /api/echo HTTP/1.1\r\nx")
        assert caller.ask("POST", "/api/echo", b"{}").status == 200
        assert all(ends(connection, b"") for connection in silent)
    assert caller.ask("POST", "/api/echo", b"{}").status == 200


def test_a_handler_that_takes_longer_is_not_cut_off(node: Node) -> None:
    """The deadline is for the head alone: a body may take longer, and so may what is kept open between requests."""
    with connect(node.url) as connection:
        connection.sendall(b"POST /api/nen/handshake HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{")
        time.sleep(2 * WAITS)
        connection.sendall(b"}")
        assert connection.recv(4096).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_a_request_that_cannot_be_read_after_another_raises_nothing(node: Node, method: str) -> None:
    with connect(node.url) as connection:
        connection.sendall(f"{method} /api/echo HTTP/1.1\r\nhost: x\r\n\r\nno request\r\n\r\n".encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 401")
        assert ends(connection, b"")
    assert "Traceback" not in node.log()


def test_the_defaults() -> None:
    assert (HEAD_SECONDS, WRITE_SECONDS) == (10.0, 120.0)


def asking(url: str, path: str, holds: int = 4096) -> socket.socket:
    """A connection on which a request for a stream went out, and whose side of it holds so many bytes of the answer."""
    headers, _ = Caller(url).sign("POST", path)
    lines = [f"POST {path} HTTP/1.1", "host: x", *(f"{name}: {value}" for name, value in headers.items())]
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, holds)
    connection.settimeout(PATIENCE)
    connection.connect((urlsplit(url).hostname, urlsplit(url).port))
    connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
    return connection


@pytest.mark.parametrize("ending", ["reads nothing", "goes away"])
def test_a_stream_that_nobody_reads_ends_with_its_handler(ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The handler is told at once, and not by the garbage collection."""
    monkeypatch.setattr(patience, "WRITE_SECONDS", WAITS)
    ended = threading.Event()

    async def chunks() -> AsyncIterator[str]:
        try:
            while True:
                yield "x" * 100_000
        finally:
            ended.set()

    async def endless(request: Request) -> ChunkResponse:
        return ChunkResponse(chunks())

    app = Starlette(routes=[Route("/endless", endless, methods=["POST"])], middleware=[Middleware(NenMiddleware)])
    with serve(app, http=patience.ImpatientH11Protocol) as url, asking(url, "/endless") as connection:
        assert connection.recv(100).startswith(b"HTTP/1.1 200")
        gc.disable()
        try:
            if ending == "goes away":
                connection.close()
            assert ended.wait(PATIENCE)
        finally:
            gc.enable()


def test_a_stream_that_is_read_slowly_is_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each time that the client reads its patience begins anew."""
    monkeypatch.setattr(patience, "WRITE_SECONDS", WAITS)
    size = 100 * 200_000

    async def chunks() -> AsyncIterator[str]:
        for _ in range(100):
            yield "x" * 200_000

    async def long(request: Request) -> ChunkResponse:
        return ChunkResponse(chunks())

    app = Starlette(routes=[Route("/long", long, methods=["POST"])], middleware=[Middleware(NenMiddleware)])
    with serve(app, http=patience.ImpatientH11Protocol) as url:
        with asking(url, "/long", holds=200_000) as connection:
            begun, received = time.monotonic(), bytearray()
            while not received.endswith(b"0\r\n\r\n"):
                slowly = time.monotonic() < begun + 3 * WAITS
                piece = connection.recv(100_000 if slowly else 1_000_000)
                assert piece, "cut"
                received += piece
                if slowly:
                    time.sleep(WAITS / 50)
        assert len(received) > size
