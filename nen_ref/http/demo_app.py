"""The two demonstration routes that the conformance suite talks to, as an ordinary Starlette application."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import anyio
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from nen_ref.http.asgi import ChunkResponse, NenMiddleware
from nen_ref.http.server import NenServer

ECHO_PATH = "/api/echo"
STREAM_PATH = "/api/stream"
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
DEFAULT_CHUNKS = ["a", "b", "c"]
SLOW_STREAM_PAUSE = 0.7


async def echo(request: Request) -> Response:
    """`{"method": ..., "body": <decrypted body or null>}`; the body's own text, so that no number changes."""
    body = await request.body()
    method = json.dumps(request.method).encode()
    return Response(b'{"method":%s,"body":%s}' % (method, body or b"null"), media_type="application/json")


async def stream(request: Request) -> Response:
    """Each string of `body.chunks` as a chunk; `a`, `b`, `c` without a body."""
    body = await request.body()
    chunks = _chunks(json.loads(body)) if body else DEFAULT_CHUNKS
    if chunks is None:
        return JSONResponse({"detail": "chunks must be a list of strings"}, 422)
    return ChunkResponse(_each(chunks))


async def _each(chunks: list[str]) -> AsyncIterator[str]:
    for chunk in chunks:
        yield chunk


def _chunks(body: object) -> list[str] | None:
    chunks = body.get("chunks") if isinstance(body, dict) else None
    if isinstance(chunks, list) and all(isinstance(chunk, str) for chunk in chunks):
        return chunks
    return None


async def fail(request: Request) -> Response:
    """A handler that fails before it answers."""
    raise RuntimeError("this route always fails, with a detail that nobody may see")


async def fail_stream(request: Request) -> Response:
    """A handler that fails in the middle of its stream."""

    async def chunks() -> AsyncIterator[str]:
        yield "a"
        raise RuntimeError("this stream always fails")

    return ChunkResponse(chunks())


async def slow_stream(request: Request) -> Response:
    """`a`, and `b` after SLOW_STREAM_PAUSE seconds."""

    async def chunks() -> AsyncIterator[str]:
        yield "a"
        await anyio.sleep(SLOW_STREAM_PAUSE)
        yield "b"

    return ChunkResponse(chunks())


FAILING_ROUTES = [
    Route("/api/fail", fail, methods=METHODS),
    Route("/api/fail-stream", fail_stream, methods=["GET", "POST"]),
    Route("/api/slow-stream", slow_stream, methods=["GET", "POST"]),
]


def demo_app(server: NenServer | None = None, *, failing_routes: bool = False) -> Starlette:
    """The demonstration application behind the Nen middleware.

    Echo answers every path below its own too, so that clients can try escapes and odd paths. `failing_routes` adds what
    the conformance suite needs to see a handler fail, and a stream that takes its time.
    """
    return Starlette(
        routes=[
            Route(ECHO_PATH, echo, methods=METHODS),
            Route(ECHO_PATH + "/{rest:path}", echo, methods=METHODS),
            Route(STREAM_PATH, stream, methods=["GET", "POST"]),
            *(FAILING_ROUTES if failing_routes else ()),
        ],
        middleware=[Middleware(NenMiddleware, server=server or NenServer())],
    )
