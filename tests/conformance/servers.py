"""Servers for the suite to examine: the reference in this process, and peers that misbehave in every answer."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import uvicorn
from starlette.types import ASGIApp


@contextmanager
def asgi_server(app: ASGIApp) -> Iterator[str]:
    """`app` under uvicorn in a thread, on a free loopback port."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        listener.close()


@contextmanager
def constant_server(status: int, body: bytes, content_type: str = "application/json") -> Iterator[str]:
    """A server that gives one and the same answer to everything."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet, or each answer takes 40 ms

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            self.send_response(status)
            self.send_header("content-type", content_type)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = answer

        def log_message(self, *arguments: object) -> None:
            pass

    with _threaded(Handler) as url:
        yield url


@contextmanager
def closing_server() -> Iterator[str]:
    """A server that answers the status endpoint and closes the connection on everything else."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/api/nen/status"):
                self.send_response(401)
                self.end_headers()

        def do_POST(self) -> None:
            self.close_connection = True

        do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = do_POST

        def log_message(self, *arguments: object) -> None:
            pass

    with _threaded(Handler) as url:
        yield url


@contextmanager
def _threaded(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)
