"""Real servers for these tests, and a caller that can get every detail of a request wrong.

The caller stands on the protocol layer, not on `nen_ref.http.client`: a fault there cannot hide one of the server.
"""

from __future__ import annotations

import http.client
import json
import logging
import os
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from starlette.types import ASGIApp

from nen_ref.protocol.client import ClientSession
from nen_ref.protocol.handshake import client_hello
from nen_ref.protocol.messages import HANDSHAKE_PATH, JSON_TYPE, Headers, Reply, reported_code
from nen_ref.protocol.stream import StreamOpener

TIMEOUT = 20.0


def _name_exception(record: logging.LogRecord) -> bool:
    """Log an exception without its traceback: to print one, Python 3.11 parses, which it cannot in two threads."""
    if record.exc_info and record.exc_info[1]:
        record.exc_text = "".join(traceback.format_exception_only(record.exc_info[1]))
    return True


for _name in ("uvicorn.error", "nen_ref.asgi"):
    logging.getLogger(_name).addFilter(_name_exception)


@contextmanager
def serve(app: ASGIApp, **options: Any) -> Iterator[str]:
    """`app` under uvicorn in a thread, on a free loopback port; its logs go to the root logger, so that tests see them.

    The protocol of the socket is named because asyncio sets TCP_NODELAY only then.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    settings = {"log_config": None, "access_log": False, "timeout_graceful_shutdown": 1, **options}
    server = uvicorn.Server(uvicorn.Config(app, **settings))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=TIMEOUT)
        listener.close()


@contextmanager
def scripted(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """A server each of whose answers `answer` writes by hand, down to a connection dropped in the middle."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            self.close_connection = True
            self.request_body = self.rfile.read(int(self.headers.get("content-length") or 0))
            answer(self)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = handle_any

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=TIMEOUT)


def connect(url: str) -> socket.socket:
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname, parts.port), timeout=TIMEOUT)


@dataclass(frozen=True)
class Answer:
    """What came back over the socket: the reply, and its headers as they stood there, repeated ones and all."""

    reply: Reply
    pairs: list[tuple[str, str]] = field(default_factory=list)

    @property
    def status(self) -> int:
        return self.reply.status

    @property
    def body(self) -> bytes:
        return self.reply.body

    @property
    def code(self) -> str | None:
        return reported_code(self.reply.body)

    def header(self, name: str) -> str | None:
        return self.reply.headers.get(name)


def read_answer(connection: socket.socket, method: str = "POST") -> Answer:
    response = http.client.HTTPResponse(connection, method=method)
    try:
        response.begin()
        body = response.read()
        pairs = response.getheaders()
        return Answer(Reply(response.status, Headers(pairs), body), pairs)
    finally:
        response.close()


def ask(
    url: str,
    method: str,
    target: str,
    headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
    body: bytes | None = None,
) -> Answer:
    """One request on a connection of its own, written to the socket as it is: nothing is normalised or added."""
    pairs = list(headers.items()) if isinstance(headers, Mapping) else list(headers)
    lines = [f"{method} {target} HTTP/1.1", f"host: {urlsplit(url).netloc}", "connection: close"]
    lines += [f"{name}: {value}" for name, value in pairs]
    if body is not None:
        lines.append(f"content-length: {len(body)}")
    with connect(url) as connection:
        connection.sendall("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b""))
        return read_answer(connection, method)


def eventually(condition: Callable[[], bool]) -> bool:
    """Whether `condition` comes true before we lose patience."""
    for _ in range(int(TIMEOUT / 0.01)):
        if condition():
            return True
        time.sleep(0.01)
    return condition()


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Caller:
    """One session with the server at `url`, and its requests part by part."""

    def __init__(self, url: str, path: str = HANDSHAKE_PATH) -> None:
        self.url = url
        self.session = ClientSession()
        hello = client_hello(os.urandom(32), os.urandom(32))
        answer = ask(url, "POST", path, {"content-type": JSON_TYPE}, self.session.start_handshake(hello))
        self.session.finish_handshake(answer.reply)

    def sign(
        self, method: str, path: str, payload: bytes | None = None, *, timestamp: int | None = None
    ) -> tuple[dict[str, str], bytes | None]:
        signed = self.session.request(
            method, path, payload, n=os.urandom(12), timestamp=now_ms() if timestamp is None else timestamp
        )
        return dict(signed.headers), signed.body

    def ask(
        self,
        method: str,
        target: str,
        payload: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        signed_path: str | None = None,
    ) -> Answer:
        own, body = self.sign(method, signed_path or target.partition("?")[0], payload)
        return ask(self.url, method, target, {**(headers or {}), **own}, body)

    def open(self, answer: Answer) -> bytes:
        assert answer.code is None, answer.body
        return self.session.open_reply(answer.reply)

    def json(self, answer: Answer) -> Any:
        return json.loads(self.open(answer))

    def chunks(self, answer: Answer) -> list[bytes]:
        """The chunks of a whole stream, which must be complete."""
        opener: StreamOpener = self.session.open_stream(answer.reply)
        chunks = list(opener.feed(answer.body))
        opener.close()
        return chunks
