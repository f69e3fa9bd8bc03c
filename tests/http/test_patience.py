"""Connections that say nothing, or drip the head of a request, against a real server that waits for a second."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

from nen_ref.http.patience import HEAD_SECONDS
from tests.http.live import Caller, connect
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


def test_the_default_is_ten_seconds() -> None:
    assert HEAD_SECONDS == 10.0
