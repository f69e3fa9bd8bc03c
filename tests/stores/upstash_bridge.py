"""Upstash's REST protocol in front of a real Redis, as far as a client with commands, pipelines and transactions goes.

with upstash_bridge(redis_server) as bridge:
    Redis(bridge.url, bridge.token)
    bridge.fault = answering(429, {"error": "ERR max requests limit exceeded"})
"""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import anyio.to_thread
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.http.live import serve
from tests.stores.redis_server import RedisError, RedisServer, running_redis

TOKEN = "dG9rZW4gb2YgdGhlIGJyaWRnZQ"
Fault = Callable[[], Awaitable[Response]]


class UpstashBridge:
    """`fault`, while it is set, gives every answer; `requests` are the headers of all requests that came."""

    def __init__(self, redis: RedisServer, token: str = TOKEN) -> None:
        self.redis = redis
        self.token = token
        self.url = ""
        self.fault: Fault | None = None
        self.requests: list[Mapping[str, str]] = []
        paths = {"/": self._command, "/pipeline": self._pipeline, "/multi-exec": self._transaction}
        self.app = Starlette(routes=[Route(path, self._guarded(act), methods=["POST"]) for path, act in paths.items()])

    def _guarded(self, act: Callable[[Any, bool], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            self.requests.append(request.headers)
            if self.fault:
                return await self.fault()
            if request.headers.get("authorization") != f"Bearer {self.token}":
                return JSONResponse({"error": "Unauthorized"}, 401)
            try:
                body = await request.json()
            except ValueError:
                body = None
            if not isinstance(body, list):
                return JSONResponse({"error": "ERR failed to parse command"}, 400)
            try:
                return await act(body, request.headers.get("upstash-encoding") == "base64")
            except OSError:
                return JSONResponse({"error": "ERR internal error"}, 500)

        return endpoint

    async def _replies(self, commands: list[list[Any]]) -> list[Any]:
        return await anyio.to_thread.run_sync(self.redis.commands, commands)

    async def _command(self, command: list[Any], encoded: bool) -> Response:
        answer = _answer((await self._replies([command]))[0], encoded, command)
        return JSONResponse(answer, 400 if "error" in answer else 200, headers={"upstash-sync-token": "1"})

    async def _pipeline(self, commands: list[list[Any]], encoded: bool) -> Response:
        replies = await self._replies(commands)
        return JSONResponse([_answer(r, encoded, c) for r, c in zip(replies, commands, strict=True)])

    async def _transaction(self, commands: list[list[Any]], encoded: bool) -> Response:
        done = (await self._replies([["MULTI"], *commands, ["EXEC"]]))[-1]
        if isinstance(done, RedisError):
            return JSONResponse({"error": str(done)}, 400)
        return JSONResponse([_answer(r, encoded, c) for r, c in zip(done, commands, strict=True)])


def _answer(reply: Any, encoded: bool, command: list[Any]) -> dict[str, Any]:
    """An error repeats the command, as that of Upstash does."""
    if isinstance(reply, RedisError):
        return {"error": f"{reply}, command was: {json.dumps(command)}"}
    return {"result": _encoded(reply) if encoded else _plain(reply)}


def _encoded(reply: Any) -> Any:
    if isinstance(reply, list):
        return [_encoded(part) for part in reply]
    return base64.b64encode(reply).decode() if isinstance(reply, bytes) and reply != b"OK" else _plain(reply)


def _plain(reply: Any) -> Any:
    if isinstance(reply, list):
        return [_plain(part) for part in reply]
    return reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply


def answering(status: int, body: object, *, after: float = 0) -> Fault:
    """A fault: this status, and this body as JSON, or as it is if it is bytes; `after` so many seconds."""

    async def answer() -> Response:
        await anyio.sleep(after)
        return Response(body if isinstance(body, bytes) else json.dumps(body), status, media_type="application/json")

    return answer


@contextmanager
def running_bridge(redis: RedisServer) -> Iterator[UpstashBridge]:
    bridge = UpstashBridge(redis)
    with serve(bridge.app) as bridge.url:
        yield bridge


@pytest.fixture
def upstash_bridge() -> Iterator[UpstashBridge]:
    """A bridge in front of a fresh Redis of its own, `bridge.redis`."""
    with running_redis() as redis, running_bridge(redis) as bridge:
        yield bridge
