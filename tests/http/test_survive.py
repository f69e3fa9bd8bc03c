"""Clients that vanish or dawdle: `nen-ref serve` goes on, and keeps no connection of theirs."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from nen_ref.protocol.messages import HANDSHAKE_PATH, STATUS_PATH
from tests.http.live import TIMEOUT, connect
from tests.http.strained import cpu_seconds, descriptors, serving_with, within
from tests.stores.nodes import Member, Node, running_nodes

TIMES = 60
CHUNKS = 65
CHUNK = "x" * 100_000


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    with running_nodes(1, "memory:") as (one,):
        Member(one)
        yield one


def leave(connection: socket.socket, reset: bool) -> None:
    if reset:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def all_given_back(node: Node, before: int, patience: float = TIMEOUT) -> bool:
    return within(patience, lambda: descriptors(node) <= before)


# Clients that vanish -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("reset", [False, True], ids=["close", "reset"])
@pytest.mark.parametrize("when", ["upload", "request"])
def test_clients_that_vanish(node: Node, when: str, reset: bool) -> None:
    member = Member(node)
    before = descriptors(node)
    for _ in range(TIMES):
        connection = connect(node.url)
        data = member.prepare({"chunks": ["a"]}, "/api/stream").data
        connection.sendall(data[: len(data) - 30] if when == "upload" else data)
        leave(connection, reset)
    assert member.passes(member.prepare().to(node))
    assert all_given_back(node, before), f"{descriptors(node)} descriptors, {before} before"
    assert node.process.poll() is None
    assert node.log() == ""


@pytest.mark.parametrize("reset", [False, True], ids=["close", "reset"])
def test_clients_that_vanish_in_the_middle_of_a_stream(node: Node, reset: bool) -> None:
    """(That the handler is stopped too: tests/http/test_middleware.py.)"""
    buffers = int(Path("/proc/sys/net/ipv4/tcp_wmem").read_text().split()[2])
    assert CHUNKS * len(CHUNK) > 1.4 * buffers, "the kernel could hold all of it, and the stream be over at once"
    member = Member(node)
    before = descriptors(node)
    for _ in range(8):
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        connection.settimeout(TIMEOUT)
        connection.connect(("127.0.0.1", int(node.url.rpartition(":")[2])))
        connection.sendall(member.prepare({"chunks": [CHUNK] * CHUNKS}, "/api/stream").data)
        assert connection.recv(15) == b"HTTP/1.1 200 OK"
        leave(connection, reset)
    assert all_given_back(node, before), f"{descriptors(node)} descriptors, {before} before"
    assert member.chunks(member.prepare({"chunks": ["a"]}, "/api/stream").to(node)) == [b"a"]
    assert node.log() == ""


# Clients that dawdle -----------------------------------------------------------------------------------------

HEAD, BODY_PAUSE, BODY = 2.0, 2.0, 3.0  # seconds: for a head, between two pieces of a body, for all of a body
KEEP_ALIVE = 5.0  # between two requests; uvicorn's own default
SLACK = 10.0  # what a busy machine may add
EACH = 40  # connections of each kind, of five
PACE = 0.2  # seconds between two bytes that drip

IMPATIENT = f"""
import nen_ref.http.patience as patience
patience.HEAD_SECONDS = {HEAD}
serve.ServerConfig = partial(serve.ServerConfig, body_timeout={BODY_PAUSE}, body_deadline={BODY})
"""
PATIENT = "import nen_ref.http.patience as patience; patience.HEAD_SECONDS = 3600.0"

HEAD_OF_A_BODY = f"POST {HANDSHAKE_PATH} HTTP/1.1\r\nhost: x\r\ncontent-length: 5000\r\n\r\n".encode()


class Dawdler:
    """A connection that says `first`, and then `rest` byte by byte for as long as it is open."""

    def __init__(self, node: Node, first: bytes, rest: bytes, *, after_a_request: bool = False) -> None:
        self.connection = connect(node.url)
        self.received = b""
        self.lived: float | None = None  # seconds until it was closed
        if after_a_request:
            self.connection.sendall(f"GET {STATUS_PATH} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
            while b'{"valid":false}' not in self.received:
                self.received += self.connection.recv(4096)
            self.received = b""
        self.connection.setblocking(False)
        self._rest = rest
        self._at = 0
        self._begin = time.monotonic()
        self.connection.sendall(first)

    def drip(self) -> None:
        """The next byte, unless it is over."""
        try:
            with suppress(BlockingIOError):
                piece = self.connection.recv(4096)
                self.received += piece
                if not piece:
                    self._closed()
                    return
            if self._rest:
                self.connection.send(self._rest[self._at % len(self._rest)].to_bytes())
                self._at += 1
        except (BrokenPipeError, ConnectionResetError):
            self._closed()

    def _closed(self) -> None:
        self.lived = time.monotonic() - self._begin
        self.connection.close()


# Name: first bytes, what drips then, whether a request was answered before, and the seconds it is given.
KINDS: dict[str, tuple[bytes, bytes, bool, float]] = {
    "silent": (b"", b"", False, HEAD),
    "dripping head": (b"GET / HTTP/1.1\r\n", b"a: b\r\n", False, HEAD),
    "dripping head, second request": (b"G", b"E", True, HEAD),
    "silent, second request": (b"", b"", True, KEEP_ALIVE),
    "half a body": (HEAD_OF_A_BODY + b"{", b"", False, BODY_PAUSE + KEEP_ALIVE),
}
DRIPPING_BODY = (HEAD_OF_A_BODY, b" ", False, BODY)


def start(node: Node, kind: tuple[bytes, bytes, bool, float], count: int) -> list[Dawdler]:
    return [Dawdler(node, kind[0], kind[1], after_a_request=kind[2]) for _ in range(count)]


def drip_until_closed(dawdlers: list[Dawdler], seconds: float, meanwhile: Callable[[], None] = lambda: None) -> bool:
    """Whether all of them are closed in that time."""
    end = time.monotonic() + seconds
    while open_ones := [dawdler for dawdler in dawdlers if dawdler.lived is None]:
        if time.monotonic() > end:
            return False
        for dawdler in open_ones:
            dawdler.drip()
        meanwhile()
        time.sleep(PACE)
    return True


def close_all(dawdlers: list[Dawdler]) -> None:
    for dawdler in dawdlers:
        dawdler.connection.close()


@pytest.fixture(scope="module")
def impatient() -> Iterator[Node]:
    with serving_with(IMPATIENT) as node:
        Member(node)  # its event loop has descriptors of its own from the first request on
        yield node
        assert node.log() == ""


def test_two_hundred_that_dawdle_while_others_are_served(impatient: Node) -> None:
    member = Member(impatient)
    before = descriptors(impatient)
    slowest = 0.0
    answered = 0

    def a_good_request() -> None:
        nonlocal slowest, answered
        begin = time.monotonic()
        assert member.passes(member.prepare().to(impatient))
        slowest = max(slowest, time.monotonic() - begin)
        answered += 1

    dawdlers = {name: start(impatient, kind, EACH) for name, kind in KINDS.items()}
    everyone = [dawdler for some in dawdlers.values() for dawdler in some]
    try:
        assert within(HEAD / 2, lambda: descriptors(impatient) - before >= len(everyone) / 2)
        assert drip_until_closed(everyone, HEAD + KEEP_ALIVE + 2 * SLACK, a_good_request)
    finally:
        close_all(everyone)
    print(f"\n{len(everyone)} dawdlers; {answered} good requests meanwhile, the slowest {slowest * 1000:.0f} ms")
    for name, some in dawdlers.items():
        lives = [dawdler.lived or 0.0 for dawdler in some]
        bound = KINDS[name][3]
        print(f"{name}: closed after {min(lives):.2f} to {max(lives):.2f} s, bound {bound:.0f} s")
        assert min(lives) > 0.5 * HEAD, name  # a slow but honest client has its time
        assert max(lives) < bound + SLACK, name
        for dawdler in some:
            assert (b"ISO-6001" in dawdler.received) == (name == "half a body")
    assert answered >= 10
    assert slowest < SLACK
    assert all_given_back(impatient, before)


def test_bodies_that_drip_on_after_they_were_refused(impatient: Node) -> None:
    before = descriptors(impatient)
    dawdlers = start(impatient, DRIPPING_BODY, EACH)
    try:
        closed = drip_until_closed(dawdlers, BODY + SLACK)
        assert all(b"ISO-6001" in dawdler.received for dawdler in dawdlers)
        assert closed, f"{sum(dawdler.lived is None for dawdler in dawdlers)} of {EACH} are open {SLACK} s later"
    finally:
        close_all(dawdlers)
    assert all_given_back(impatient, before)


def test_the_bound_notices_a_server_that_waits_for_ever() -> None:
    with serving_with(PATIENT) as node:
        dawdlers = start(node, KINDS["dripping head"], 2) + start(node, KINDS["silent"], 2)
        try:
            assert not drip_until_closed(dawdlers, HEAD + 1)
            assert all(dawdler.lived is None for dawdler in dawdlers)
        finally:
            close_all(dawdlers)


# No descriptors left -----------------------------------------------------------------------------------------

DESCRIPTORS = 64
FEW = f"""
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, ({DESCRIPTORS}, {DESCRIPTORS}))
"""


def test_without_descriptors_it_waits_and_serves_again() -> None:
    with serving_with(IMPATIENT + FEW) as node, ExitStack() as stack:
        member = Member(node)
        before = descriptors(node)
        good = member.prepare()
        for _ in range(2 * DESCRIPTORS):
            stack.enter_context(connect(node.url))
        assert within(TIMEOUT, lambda: "Too many open files" in node.log()), "it never ran out"
        cpu, begin = cpu_seconds(node), time.monotonic()
        assert member.passes(good.to(node))  # once the idle ones that came before it are closed
        waited = time.monotonic() - begin
        share = (cpu_seconds(node) - cpu) / max(waited, 1.0)
        assert all_given_back(node, before)
        lines = node.log().count("\n")
        print(f"\nserved again after {waited:.1f} s with {share:.0%} of a core; {lines} lines of log")
        assert share < 0.7, "it spins"
        assert lines < 20_000
        assert node.process.poll() is None
        for _ in range(10):
            assert member.passes(member.prepare().to(node))
