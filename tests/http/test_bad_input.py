"""Whatever arrives on the socket: the server refuses it with a catalogued code or hangs up, and goes on.

After each of these tests a right request is served, no session or nonce has come or gone, and nothing was logged as an
error. V1-ERR-03, V1-WIRE-07, V1-HS-14, V1-REPLAY-04.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import h11
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nen_ref.http import NenServer, ServerConfig
from nen_ref.http.demo_app import demo_app
from nen_ref.http.server import HANDSHAKE_LIMIT
from nen_ref.primitives.suite import REFERENCE
from nen_ref.protocol.errors import CATALOGUE
from nen_ref.protocol.handshake import client_hello
from nen_ref.protocol.identity import Identity
from nen_ref.protocol.messages import (
    HANDSHAKE_PATH,
    ROTATE_PATH,
    STATUS_PATH,
    TERMINATE_PATH,
    Headers,
    Reply,
    json_reply,
    reported_code,
)
from nen_ref.protocol.session import Session
from nen_ref.protocol.verification import NonceAnswer
from nen_ref.stores import MemoryStore
from tests.http.conftest import Complaints
from tests.http.live import Answer, Caller, ask, connect, eventually, read_answer

LIMIT = 16 * 1024
TIMEOUT = 0.4  # of the server, for a body that does not arrive
ENDPOINTS = [HANDSHAKE_PATH, ROTATE_PATH, TERMINATE_PATH]
TARGETS = [*ENDPOINTS, "/api/echo", "/api/echo/below", "/api/stream", "/nowhere"]


class WatchedStore(MemoryStore):
    """What was ever stored or dropped, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.changes: list[tuple[object, ...]] = []

    async def set(self, session: Session, life_ms: int) -> None:
        await super().set(session, life_ms)
        self.changes.append(("set", session.sid))

    async def delete(self, sid: str) -> bool:
        dropped = await super().delete(sid)
        if dropped:
            self.changes.append(("delete", sid))
        return dropped

    async def record_nonce(self, sid: str, nonce: bytes, keep_until: int) -> NonceAnswer:
        answer = await super().record_nonce(sid, nonce, keep_until)
        if answer is NonceAnswer.NEW:
            self.changes.append(("nonce", sid, nonce))
        return answer


@dataclass
class Target:
    url: str
    store: WatchedStore
    caller: Caller
    complaints: Complaints

    def echo(self) -> None:
        """A right request, served."""
        answer = self.caller.ask("POST", "/api/echo", b'{"still":"here"}')
        assert self.caller.json(answer) == {"method": "POST", "body": {"still": "here"}}


@pytest.fixture(scope="module")
def target(start: Callable[..., str], complaints: Complaints) -> Target:
    store = WatchedStore()
    server = NenServer(store=store, config=ServerConfig(body_limit=LIMIT, body_timeout=TIMEOUT))
    url = start(demo_app(server), backlog=512)
    return Target(url, store, Caller(url), complaints)


@pytest.fixture
def unharmed(target: Target) -> Iterator[Target]:
    """The target, which must be as it was when the test is over."""
    target.complaints.said.clear()
    before = list(target.store.changes)
    yield target
    assert target.store.changes == before
    target.echo()
    assert target.complaints.said == []


def head(method: str, path: str, *lines: str) -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "host: x", "connection: close", *lines, "", ""]).encode("latin-1")


def exchange(url: str, data: bytes, *, end: bool = False) -> bytes:
    """Everything that comes back for `data`, until the server hangs up; `end` closes our side of the connection."""
    got = b""
    with connect(url) as connection, suppress(OSError):  # the server may hang up at any time
        connection.sendall(data)
        if end:
            connection.shutdown(socket.SHUT_WR)
        while piece := connection.recv(65536):
            got += piece
    return got


def hello(**more: object) -> bytes:
    return json.dumps({**json.loads(client_hello(os.urandom(32), os.urandom(32)).body), **more}).encode()


def padded(body: bytes, size: int) -> bytes:
    """A JSON object of exactly `size` bytes, by one more member, which a server ignores."""
    room = size - len(body) - len(b',"pad":""')
    result = body[:-1] + b',"pad":"' + b"x" * room + b'"}'
    assert len(result) == size
    return result


def chunked(body: bytes, step: int = 1000) -> bytes:
    pieces = [body[i : i + step] for i in range(0, len(body), step)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def send(url: str, path: str, headers: dict[str, str], body: bytes, coding: str) -> Answer:
    if coding == "content-length":
        return ask(url, "POST", path, headers, body)
    lines = [f"{name}: {value}" for name, value in headers.items()]
    with connect(url) as connection:
        connection.sendall(head("POST", path, "transfer-encoding: chunked", *lines) + chunked(body))
        return read_answer(connection)


# --- the limit of a body ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("coding", ["content-length", "chunked"])
def test_a_request_at_the_limit_and_beyond(target: Target, coding: str) -> None:
    """One byte too many spends nothing: the same request, shorter, passes."""
    caller = target.caller
    headers, body = caller.sign("POST", "/api/echo", b'"x"')
    assert body is not None
    before = len(target.store.changes)
    refused = send(target.url, "/api/echo", headers, padded(body, LIMIT + 1), coding)
    assert refused.code == "ISO-6001"
    assert len(target.store.changes) == before
    assert caller.json(send(target.url, "/api/echo", headers, padded(body, LIMIT), coding))["body"] == "x"
    assert send(target.url, "/api/echo", headers, body, coding).code == "ISO-5001"


@pytest.mark.parametrize("coding", ["content-length", "chunked"])
@pytest.mark.parametrize("path", [HANDSHAKE_PATH, ROTATE_PATH])
def test_a_handshake_at_the_limit_and_beyond(target: Target, path: str, coding: str) -> None:
    before = len(target.store.changes)
    refused = send(target.url, path, {}, padded(hello(), LIMIT + 1), coding)
    assert refused.code == "ISO-6001"
    assert len(target.store.changes) == before
    assert send(target.url, path, {}, padded(hello(), LIMIT), coding).status == 200
    assert len(target.store.changes) == before + 1


@pytest.mark.parametrize("path", TARGETS)
@pytest.mark.parametrize("size", [LIMIT + 1, 2 * LIMIT, 2 * LIMIT + 1, 100 * LIMIT])
@pytest.mark.parametrize("coding", ["content-length", "chunked"])
def test_a_body_far_beyond_the_limit(unharmed: Target, path: str, size: int, coding: str) -> None:
    """What is far beyond it is not even read to its end; the refusal arrives all the same."""
    sid = {"x-nen-session": unharmed.caller.session.sid or ""}
    data = chunked(b"x" * size) if coding == "chunked" else b"x" * size
    length = "transfer-encoding: chunked" if coding == "chunked" else f"content-length: {size}"
    lines = [f"{name}: {value}" for name, value in sid.items()]
    with connect(unharmed.url) as connection:
        sender = threading.Thread(target=send_all, args=(connection, head("POST", path, length, *lines) + data))
        sender.start()
        answer = read_answer(connection)
        sender.join()
    assert answer.code == "ISO-6001"


def send_all(connection: socket.socket, data: bytes) -> None:
    with suppress(OSError):  # the server may have hung up
        connection.sendall(data)


def test_a_body_without_end_is_refused_while_it_comes(unharmed: Target) -> None:
    answered = threading.Event()

    def go_on() -> None:
        with suppress(OSError):
            while not answered.wait(TIMEOUT / 20):
                connection.sendall(b"x" * (LIMIT // 4))

    with connect(unharmed.url) as connection:
        connection.settimeout(5)
        connection.sendall(head("POST", HANDSHAKE_PATH, f"content-length: {10**15}"))
        sender = threading.Thread(target=go_on)
        sender.start()
        try:
            assert read_answer(connection).code == "ISO-6001"
        finally:
            answered.set()
            sender.join()


# --- bodies that do not arrive ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [HANDSHAKE_PATH, ROTATE_PATH, "/api/echo"])
@pytest.mark.parametrize("arrived", [b"", b'{"pk": "'])
@pytest.mark.parametrize("length", ["content-length: 100", "transfer-encoding: chunked"])
def test_a_body_that_stops_coming(unharmed: Target, path: str, arrived: bytes, length: str) -> None:
    data = arrived if "content" in length or not arrived else b"%x\r\n%s\r\n" % (len(arrived), arrived)
    sid = f"x-nen-session: {unharmed.caller.session.sid}"
    with connect(unharmed.url) as connection:
        connection.sendall(head("POST", path, length, sid) + data)
        assert read_answer(connection).code == "ISO-6001"


def test_a_slow_body_that_keeps_coming_is_served(start: Callable[..., str]) -> None:
    """It takes longer in all than a server waits for any one piece of it."""
    url = start(demo_app(NenServer(config=ServerConfig(body_timeout=1.0))))
    body = hello()
    pause = threading.Event()
    with connect(url) as connection:
        connection.sendall(head("POST", HANDSHAKE_PATH, f"content-length: {len(body)}"))
        for part in (body[:1], body[1:7], body[7:100], body[100:-1], body[-1:]):
            pause.wait(0.3)
            connection.sendall(part)
        assert read_answer(connection).status == 200


def test_large_bodies_share_a_bound(start: Callable[..., str]) -> None:
    """V1-WIRE-07: clients that each hold a part of a long body take no more than the bound; small ones are served."""
    url = start(demo_app(NenServer(config=ServerConfig(bodies_limit=100_000))))
    caller = Caller(url)
    large = json.dumps({"text": "x" * 70_000}).encode()
    for _ in range(3):
        with connect(url) as holding:
            holding.sendall(head("POST", "/api/echo", "content-length: 200000") + bytes(110_000))
            assert eventually(lambda: caller.ask("POST", "/api/echo", large).code == "ISO-6001")
            assert caller.ask("POST", "/api/echo", b'{"small":1}').status == 200
        assert eventually(lambda: caller.ask("POST", "/api/echo", large).status == 200)


@pytest.mark.parametrize("absolute", ["http://host:1/api/echo?q=1", "https://[::1]/api/echo", "HTTP://a/api/echo"])
def test_a_target_in_absolute_form_is_signed_by_its_path(target: Target, absolute: str) -> None:
    """V1-AUTH-16; the same bytes under another path are refused."""
    headers, body = target.caller.sign("POST", "/api/echo", b'{"a":1}')
    assert body is not None
    lines = [f"{name}: {value}" for name, value in headers.items()]
    for wrong, right in (("/api/other", False), ("/api/echo", True)):
        with connect(target.url) as connection:
            path = absolute.replace("/api/echo", wrong)
            connection.sendall(head("POST", path, f"content-length: {len(body)}", *lines) + body)
            assert read_answer(connection).code == (None if right else "ISO-3002")


def test_the_rest_of_a_body_that_came_too_late_is_no_request(unharmed: Target) -> None:
    """What was refused stays a body: on a connection that is kept, its rest is not read as the next request."""
    inner = head("POST", TERMINATE_PATH, f"x-nen-session: {unharmed.caller.session.sid}", "content-length: 0")
    with connect(unharmed.url) as connection:
        start = head("POST", "/api/echo", f"content-length: {len(inner)}").replace(b"connection: close\r\n", b"")
        connection.sendall(start)
        first = http.client.HTTPResponse(connection, method="POST")
        first.begin()
        assert reported_code(first.read()) == "ISO-6001"
        send_all(connection, inner)
        connection.shutdown(socket.SHUT_WR)
        with suppress(ConnectionError):
            assert connection.recv(65536) == b""


@pytest.mark.parametrize("path", TARGETS)
@pytest.mark.parametrize("reset", [False, True], ids=["end", "reset"])
@pytest.mark.parametrize("part", [0.1, 0.6, 0.99])
def test_half_a_request(unharmed: Target, path: str, reset: bool, part: float) -> None:
    """Cut in the request line, in the headers and in the body, by an end of file or by a reset."""
    headers, body = unharmed.caller.sign("POST", path, b'{"a":"request that is cut in the middle of its body"}')
    assert body is not None
    lines = [f"{name}: {value}" for name, value in headers.items()]
    whole = head("POST", path, f"content-length: {len(body)}", *lines) + body
    with connect(unharmed.url) as connection:
        connection.sendall(whole[: int(len(whole) * part)])
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize("path", TARGETS)
def test_a_body_shorter_than_its_length(unharmed: Target, path: str) -> None:
    got = exchange(unharmed.url, head("POST", path, "content-length: 5000") + hello()[:50], end=True)
    assert got == b"" or b" 400 " in got.splitlines()[0]


# --- what is not HTTP, or hardly -------------------------------------------------------------------------------------

GARBAGE = {
    "nothing": b"",
    "line-ends": b"\r\n" * 50,
    "zeros": bytes(1000),
    "random": bytes((i * 131 + i // 7) % 256 for i in range(5000)),
    "tls": bytes.fromhex("16030100f5010000f10303") + bytes(range(200)),
    "http2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "socks": b"\x05\x01\x00",
    "version": b"GET / HTTP/9.9\r\nhost: x\r\n\r\n",
    "old-version": b"GET /api/echo\r\n\r\n",
    "http10": b"GET /api/echo HTTP/1.0\r\n\r\n",
    "no-host": b"GET /api/echo HTTP/1.1\r\nconnection: close\r\n\r\n",
    "two-hosts": b"GET /api/echo HTTP/1.1\r\nhost: a\r\nhost: b\r\nconnection: close\r\n\r\n",
    "no-colon": b"GET /api/echo HTTP/1.1\r\nhost: x\r\nno colon here\r\n\r\n",
    "folded": b"GET /api/echo HTTP/1.1\r\nhost: x\r\nx-a: b\r\n c\r\nconnection: close\r\n\r\n",
    "nul-in-header": b"GET /api/echo HTTP/1.1\r\nhost: x\r\nx-nen-session: a\x00b\r\n\r\n",
    "space-before-colon": b"GET /api/echo HTTP/1.1\r\nhost: x\r\nx-nen-session : a\r\n\r\n",
    "bare-lf": b"GET /api/echo HTTP/1.1\nhost: x\nconnection: close\n\n",
    "bytes-in-path": b"GET /api/\xff\xfe HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    "space-in-path": b"GET /api/a b HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    "absolute": b"GET http://other.example/api/echo HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    "authority": b"CONNECT other.example:443 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    "asterisk": b"OPTIONS * HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    "no-slash": b"GET api/echo HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    "escapes": b"GET /%zz/%/%e HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    "not-utf8-path": b"GET /api/echo/%ff%fe%00 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    "lower-case-method": b"get /api/nen/status HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    "long-method": b"A" * 5000 + b" /api/echo HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    "upgrade": b"GET /api/echo HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
    "h2c": b"GET /api/echo HTTP/1.1\r\nhost: x\r\nupgrade: h2c\r\nconnection: close, upgrade\r\n"
    b"http2-settings: A\r\n\r\n",
    "negative-length": b"POST /api/echo HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
    "length-in-words": b"POST /api/echo HTTP/1.1\r\nhost: x\r\ncontent-length: ten\r\n\r\n",
    "absurd-length": b"POST /api/echo HTTP/1.1\r\nhost: x\r\ncontent-length: " + b"9" * 100 + b"\r\n\r\n",
    "two-lengths": b"POST /api/echo HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
    "both-framings": b"POST /api/echo HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 3\r\n"
    b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunk-size": b"POST /api/echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    "huge-chunk": b"POST /api/echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
    + b"f" * 40 + b"\r\n",
    "other-coding": b"POST /api/echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip\r\n\r\n",
    "long-header": b"GET /api/echo HTTP/1.1\r\nhost: x\r\nx-a: " + b"y" * 200_000 + b"\r\n\r\n",
    "endless-header": b"GET /api/echo HTTP/1.1\r\nhost: x\r\nx-a: " + b"y" * 200_000,
    "many-headers": b"GET /api/echo HTTP/1.1\r\nhost: x\r\n"
    + b"".join(b"x-%d: y\r\n" % i for i in range(20_000)) + b"\r\n",
    "long-path": b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n",
}  # fmt: skip


def answers(data: bytes) -> Iterator[Answer]:
    """The HTTP answers in what came over a connection."""
    connection = h11.Connection(h11.CLIENT)
    while data:
        connection.send(h11.Request(method="GET", target="/", headers=[("host", "x")]))
        connection.send(h11.EndOfMessage())
        connection.receive_data(data)
        status, body, pairs = 0, b"", []
        while not isinstance(event := connection.next_event(), h11.EndOfMessage | h11.ConnectionClosed):
            if event is h11.NEED_DATA:
                connection.receive_data(b"")
            elif isinstance(event, h11.Response):
                status, pairs = event.status_code, [(name.decode(), value.decode()) for name, value in event.headers]
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
        yield Answer(Reply(status, Headers(pairs), body))
        data = connection.trailing_data[0]
        connection = h11.Connection(h11.CLIENT)


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_on_the_socket(unharmed: Target, name: str) -> None:
    """Refused by the HTTP server itself, or by Nen with one of its codes; never a server error, never let through."""
    got = exchange(unharmed.url, GARBAGE[name], end=True)
    for number, answer in enumerate(answers(got)):
        assert answer.status == 400 or (answer.code is not None and CATALOGUE[answer.code].status == answer.status)
        assert answer.code != "ISO-9000"
        assert number < 2


def test_long_header_values_up_to_what_http_allows(unharmed: Target) -> None:
    right, body = unharmed.caller.sign("POST", "/api/echo", b"1")
    for name, code in {
        "x-nen-session": "ISO-2002",
        "x-nen-timestamp": "ISO-3002",
        "x-nen-signature": "ISO-3002",
    }.items():
        for value in ("9" * 50_000, "\xff" * 50_000, "a, b", "é"):
            assert ask(unharmed.url, "POST", "/api/echo", right | {name: value}, body).code == code


def test_hundreds_of_headers(unharmed: Target) -> None:
    pairs = [(f"x-{i}", "y" * 50) for i in range(500)]
    right, _ = unharmed.caller.sign("GET", "/api/echo")
    assert ask(unharmed.url, "GET", "/api/echo", [*pairs, *right.items()]).status == 200


def test_the_same_header_hundreds_of_times(unharmed: Target) -> None:
    right, _ = unharmed.caller.sign("GET", "/api/echo")
    pairs = [("x-nen-signature", right["x-nen-signature"])] * 500
    assert ask(unharmed.url, "GET", "/api/echo", [*right.items(), *pairs]).code == "ISO-3002"


def test_requests_in_one_packet_are_answered_in_order(target: Target) -> None:
    caller = target.caller
    data = b""
    for number in range(3):
        headers, body = caller.sign("POST", "/api/echo", b"%d" % number)
        assert body is not None
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        data += f"POST /api/echo HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n{lines}\r\n".encode() + body
    with connect(target.url) as connection:
        connection.sendall(data)
        stream = connection.makefile("rb")
        for number in range(3):
            length = 0
            while (line := stream.readline()) != b"\r\n":
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            opened = caller.session.open_reply(json_reply(200, stream.read(length)))
            assert json.loads(opened)["body"] == number


def test_expect_100_continue(target: Target) -> None:
    body = hello()
    with connect(target.url) as connection:
        connection.sendall(head("POST", HANDSHAKE_PATH, f"content-length: {len(body)}", "expect: 100-continue"))
        assert connection.recv(65536).startswith(b"HTTP/1.1 100")
        connection.sendall(body)
        assert read_answer(connection).status == 200


# --- many at once ----------------------------------------------------------------------------------------------------


def test_many_idle_and_stalled_connections_keep_nobody_from_being_served(unharmed: Target) -> None:
    idle = [connect(unharmed.url) for _ in range(150)]
    try:
        for number, connection in enumerate(idle):
            if number % 3 == 1:
                connection.sendall(b"POST /api/nen/handshake HTTP/1.1\r\nhost")
            if number % 3 == 2:
                connection.sendall(head("POST", HANDSHAKE_PATH, "content-length: 2000") + b"{")
        answer = unharmed.caller.ask("GET", "/api/echo")
        assert unharmed.caller.json(answer) == {"method": "GET", "body": None}
    finally:
        for connection in idle:
            connection.close()


def test_many_requests_at_once_in_many_sessions(target: Target) -> None:
    """Each caller gets its own answer, sealed for its own session."""
    wrong: list[object] = []

    def work(number: int) -> None:
        try:
            caller = Caller(target.url)
            for turn in range(5):
                value = [number, turn]
                answer = caller.json(caller.ask("POST", "/api/echo", json.dumps(value).encode()))
                if answer["body"] != value:
                    wrong.append(answer)
        except Exception as fault:
            wrong.append(fault)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("copies", [2, 12])
def test_of_identical_requests_at_once_exactly_one_passes(target: Target, copies: int) -> None:
    headers, body = target.caller.sign("POST", "/api/echo", b"1")
    assert body is not None
    lines = [f"{name}: {value}" for name, value in headers.items()]
    data = head("POST", "/api/echo", f"content-length: {len(body)}", *lines) + body
    connections = [connect(target.url) for _ in range(copies)]
    for connection in connections:
        connection.sendall(data[:-1])
    for connection in connections:
        connection.sendall(data[-1:])
    codes = []
    for connection in connections:
        codes.append(read_answer(connection).code)
        connection.close()
    assert sorted(codes, key=str) == ["ISO-5001"] * (copies - 1) + [None]


LARGE = 200_000


class Held:
    """Work on something large that goes on only when another request was served; `results` says whether it was."""

    def __init__(self) -> None:
        self.begun, self.served = threading.Event(), threading.Event()
        self.results: list[bool] = []

    def during(self, work: Callable[..., Any]) -> Callable[..., Any]:
        def held(*arguments: Any, **options: Any) -> Any:
            if any(isinstance(argument, bytes) and len(argument) >= LARGE for argument in arguments):
                self.begun.set()
                self.results.append(self.served.wait(3))
            return work(*arguments, **options)

        return held


@pytest.mark.parametrize("what", ["opening a request", "sealing an answer", "sealing a chunk"])
def test_something_large_keeps_nobody_from_being_served(start: Callable[..., str], what: str) -> None:
    """V1-ERR-03."""
    held = Held()
    changes = {"opening a request": {"aead_open": held.during(REFERENCE.aead_open)}}
    if what.startswith("sealing"):
        changes[what] = {"aead_seal": held.during(REFERENCE.aead_seal)}
    url = start(demo_app(NenServer(suite=replace(REFERENCE, **changes.get(what, {})))))
    caller, other = Caller(url), Caller(url)
    text = json.dumps("x" * LARGE).encode()
    actions: dict[str, Callable[[], Answer]] = {
        "opening a request": lambda: caller.ask("POST", "/api/echo", text),
        "sealing an answer": lambda: caller.ask("POST", "/api/echo", text),
        "sealing a chunk": lambda: caller.ask("POST", "/api/stream", b'{"chunks":[%s]}' % text),
    }
    statuses: list[int] = []
    thread = threading.Thread(target=lambda: statuses.append(actions[what]().status))
    thread.start()
    assert held.begun.wait(5)
    assert other.json(other.ask("GET", "/api/echo"))["method"] == "GET"
    held.served.set()
    thread.join()
    assert (statuses, held.results[:1]) == ([200], [True])


@pytest.mark.parametrize("path", [HANDSHAKE_PATH, ROTATE_PATH])
def test_a_handshake_has_a_limit_of_its_own(start: Callable[..., str], path: str) -> None:
    """V1-WIRE-07: anyone can send one, and parsing ten megabytes would hold up everybody else."""
    url, body = start(demo_app()), hello(more="")
    for size, code in ((HANDSHAKE_LIMIT, None), (HANDSHAKE_LIMIT + 1, "ISO-6001")):
        assert ask(url, "POST", path, {}, body.ljust(size)).code == code


# --- anything at all -------------------------------------------------------------------------------------------------

PLAIN = {  # what the endpoints answer when they do not refuse
    (TERMINATE_PATH, 200): b'{"success":true}',
    (STATUS_PATH, 200): b'{"valid":true}',
    (STATUS_PATH, 401): b'{"valid":false}',
}

# What may stand in a header: visible characters and bytes beyond ASCII, blanks inside.
header_values = st.one_of(
    st.binary(max_size=60).map(
        lambda value: bytes(byte for byte in value if byte in b" \t" or 33 <= byte < 127 or byte >= 128).strip()
    ),
    st.sampled_from([b"", b"0", b"-1", b"1e3", b"NaN", b"A" * 44, b"AAAA", b"null", b"\xc3\xa9", b"\xd9\xa1"]),
)
names = ["x-nen-session", "x-nen-timestamp", "x-nen-signature", "content-type", "accept-encoding", "content-encoding"]
headers_ = st.dictionaries(st.sampled_from(names), header_values, max_size=5)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["pk", "sigPk", "sigOfPk", "ct", "n", "x"]), inner, max_size=5)
    ),
    max_leaves=12,
)
base64_texts = st.binary(max_size=40).map(lambda data: base64.b64encode(data).decode())
envelopes = st.fixed_dictionaries(
    {"ct": json_values | base64_texts, "n": json_values | base64_texts | st.just(base64.b64encode(bytes(12)).decode())}
)
bodies = st.one_of(
    st.binary(max_size=200),
    json_values.map(lambda value: json.dumps(value).encode("utf-8", "surrogatepass")),
    json_values.map(lambda value: json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")),
    envelopes.map(lambda value: json.dumps(value).encode()),
)
EXAMPLES = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


def converse(
    connection: http.client.HTTPConnection, method: str, path: str, headers: Mapping[str, Any], body: bytes | None
) -> Answer:
    connection.putrequest(method, path, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name, value)
    if body is not None:
        connection.putheader("content-length", str(len(body)))
    connection.endheaders(body)
    response = connection.getresponse()
    return Answer(Reply(response.status, Headers(response.getheaders()), response.read()))


@pytest.fixture(scope="module")
def kept(target: Target) -> Iterator[http.client.HTTPConnection]:
    """One connection for thousands of requests."""
    connection = http.client.HTTPConnection(target.url.removeprefix("http://"), timeout=20)
    yield connection
    connection.close()


def catalogued(path: str, answer: Answer) -> None:
    if PLAIN.get((path, answer.status)) == answer.body:
        return
    code = answer.code
    assert code is not None, answer.body
    assert code != "ISO-9000"
    assert CATALOGUE[code].status == answer.status
    assert json.loads(answer.body) == {"error": {"code": code, "message": CATALOGUE[code].message}}


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", path) for path in [*TARGETS, STATUS_PATH]]
    + [("GET", STATUS_PATH), ("GET", "/api/echo"), ("DELETE", "/api/echo"), ("HEADERS", "/api/echo")],
)
@EXAMPLES
@given(headers=headers_, body=st.none() | bodies)
def test_any_bytes_with_any_headers(
    unharmed: Target, kept: http.client.HTTPConnection, method: str, path: str, headers: Any, body: bytes | None
) -> None:
    catalogued(path, converse(kept, method, path, headers, body))


@pytest.mark.parametrize("path", ["/api/echo", "/api/stream", ROTATE_PATH])
@EXAMPLES
@given(headers=headers_, body=st.none() | bodies, keep=st.sets(st.sampled_from(names[:3])))
def test_any_bytes_in_a_living_session(
    unharmed: Target, kept: http.client.HTTPConnection, path: str, headers: Any, body: bytes | None, keep: set[str]
) -> None:
    """Some headers of a right request, the rest arbitrary; the signature is for a path that is not asked for.

    A rotation that is refused leaves the session: V1-LIFE-05.
    """
    right, _ = unharmed.caller.sign("POST", "/elsewhere", None)
    mixed = {**headers, **{name: right[name].encode() for name in keep}}
    catalogued(path, converse(kept, "POST", path, mixed, body))


IDENTITY = Identity.from_seed(bytes(32))
WITH_IDENTITY = json.loads(client_hello(bytes(32), bytes(32), IDENTITY).body)
changes = st.lists(st.tuples(st.integers(0, 10_000), st.integers(1, 255)), min_size=1, max_size=3)


@EXAMPLES
@given(changes=changes, of=st.sampled_from(["pk", "sigPk", "sigOfPk"]))
def test_a_handshake_with_changed_bytes(
    unharmed: Target, kept: http.client.HTTPConnection, changes: list[tuple[int, int]], of: str
) -> None:
    """The identity signs every byte of the key, so that no change makes another handshake that is right."""
    data = bytearray(base64.b64decode(WITH_IDENTITY[of]))
    for position, change in changes:
        data[position % len(data)] ^= change
    text = base64.b64encode(data).decode()
    if text != WITH_IDENTITY[of]:  # two changes may undo each other
        body = json.dumps({**WITH_IDENTITY, of: text}).encode()
        catalogued(HANDSHAKE_PATH, converse(kept, "POST", HANDSHAKE_PATH, {}, body))


@EXAMPLES
@given(payload=st.binary(max_size=60) | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_payload_sealed_and_signed(target: Target, kept: http.client.HTTPConnection, payload: bytes) -> None:
    """It is the handler's if it is JSON, and ISO-4003 otherwise; the codec of the standard library decides which."""
    headers, body = target.caller.sign("POST", "/api/echo", payload)
    answer = converse(kept, "POST", "/api/echo", headers, body)
    if answer.status == 200:
        seen = target.caller.open(answer)
        assert seen == b'{"method":"POST","body":' + payload + b"}"
        json.loads(seen.decode("utf-8", "strict"))
    else:
        assert answer.code == "ISO-4003"


@EXAMPLES
@given(value=json_values)
def test_any_json_value_comes_back(target: Target, kept: http.client.HTTPConnection, value: object) -> None:
    try:
        payload = json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8", "strict")
    except ValueError:  # NaN or a lone surrogate: no JSON
        return
    headers, body = target.caller.sign("POST", "/api/echo", payload)
    answer = converse(kept, "POST", "/api/echo", headers, body)
    assert target.caller.open(answer) == b'{"method":"POST","body":' + payload + b"}"


@EXAMPLES
@given(
    path=st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="?"), max_size=60),
    query=st.none() | st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20),
)
def test_any_path_rightly_signed(
    target: Target, kept: http.client.HTTPConnection, path: str, query: str | None
) -> None:
    """Whatever characters stand in it, it is signed as it is; what the application makes of it is its own business."""
    path = "/api/echo/" + path
    headers, body = target.caller.sign("POST", path, b"1")
    answer = converse(kept, "POST", path if query is None else f"{path}?{query}", headers, body)
    assert answer.code is None, answer.body
    assert answer.status in (200, 404)
    target.caller.open(answer)


def test_after_all_that_nothing_was_logged_as_an_error(target: Target) -> None:
    target.echo()
    assert target.complaints.said == []
