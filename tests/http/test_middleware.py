"""Ordinary Starlette and FastAPI applications behind NenMiddleware, under a real uvicorn.

What the application does is written as its author would write it without Nen; what stands on the wire is looked at
with a caller that shares nothing with our client.
"""

from __future__ import annotations

import base64
import gzip
import json
import logging
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import anyio
import httpx2 as httpx
import pytest
from fastapi import BackgroundTasks, Body, Cookie, Depends, FastAPI, Header, HTTPException, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from nen_ref.http import AsyncNenClient, ChunkResponse, NenClient, NenMiddleware, NenServer, ServerConfig
from nen_ref.protocol.errors import INTERNAL, SESSION_INVALID_OR_EXPIRED, NenError, error_body, failure
from nen_ref.protocol.handshake import client_hello
from nen_ref.protocol.identity import Identity
from nen_ref.protocol.messages import Reply
from nen_ref.protocol.session import Session
from nen_ref.protocol.verification import NonceAnswer, Verified
from nen_ref.stores import MemoryStore
from tests.http.live import TIMEOUT, Answer, Caller, ask, connect, eventually, now_ms, read_answer

BINARY = bytes(range(256))
LARGE_TEXT = "Grüße 世界 🦊 " * 16_000  # more than 300 000 bytes: sealed and opened in a thread
SECRET_DETAIL = "postgres://user:hunter2@db"
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


@dataclass
class Site:
    """A running application, and what its handlers did."""

    url: str = ""
    calls: list[str] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)
    folder: Path = Path()

    async def opened(self) -> bool:
        """Whether the gate was opened in time."""
        for _ in range(int(TIMEOUT / 0.01)):
            if self.gate.is_set():
                return True
            await anyio.sleep(0.01)
        return False


# --- an ordinary Starlette application -------------------------------------------------------------------------------


class Tag(BaseHTTPMiddleware):
    """A middleware as applications have them, inside of Nen."""

    async def dispatch(self, request: Request, call_next: Any) -> Response:
        response: Response = await call_next(request)
        response.headers["x-tag"] = "tagged"
        return response


def starlette_app(site: Site, **options: Any) -> Starlette:
    async def mirror(request: Request) -> Response:
        site.calls.append("mirror")
        body = await request.body()
        return JSONResponse(
            {
                "method": request.method,
                "body": json.loads(body) if body else None,
                "length": len(body),
                "path": request.url.path,
                "query": request.query_params.multi_items(),
                "headers": dict(request.headers),
            }
        )

    async def item(request: Request) -> Response:
        site.calls.append("item")
        return JSONResponse({"name": request.path_params["name"], "q": request.query_params.getlist("q")})

    async def verified(request: Request) -> Response:
        nen = request.scope["nen"]
        assert isinstance(nen, Verified)
        payload = None if nen.payload is None else nen.payload.decode()
        return JSONResponse({"payload": payload, "signed": nen.signed, "sid": nen.session.sid})

    async def boom(request: Request) -> Response:
        site.calls.append("boom")
        raise RuntimeError(SECRET_DETAIL)

    async def half(request: Request) -> Response:
        async def text() -> AsyncIterator[str]:
            yield "the first half"
            raise RuntimeError(SECRET_DETAIL)

        return StreamingResponse(text(), media_type="text/plain")

    async def denied(request: Request) -> Response:
        raise StarletteHTTPException(403, "not yours", headers={"x-reason": "owner"})

    async def cookies(request: Request) -> Response:
        response = JSONResponse(request.cookies)
        response.set_cookie("a", "1")
        response.set_cookie("b", "2", httponly=True)
        return response

    async def background(request: Request) -> Response:
        async def later() -> None:
            if await site.opened():
                site.done.set()

        return JSONResponse({"accepted": True}, background=BackgroundTask(later))

    async def background_boom(request: Request) -> Response:
        async def later() -> None:
            raise RuntimeError(SECRET_DETAIL)

        return JSONResponse({"accepted": True}, background=BackgroundTask(later))

    async def gzipped(request: Request) -> Response:
        headers = {"content-encoding": "gzip", "etag": '"abc"', "last-modified": "now", "cache-control": "public"}
        return Response(gzip.compress(b'{"packed":true}'), media_type="application/json", headers=headers)

    async def state(request: Request) -> Response:
        return JSONResponse({"from_lifespan": request.state.value})

    async def upstream(request: Request) -> Response:
        """A handler that is a Nen client itself, and does not catch what that raises."""
        site.calls.append("upstream")
        raise failure(SESSION_INVALID_OR_EXPIRED, "of the other service", remote=True)

    def answer(response: Callable[[], Response]) -> Callable[[Request], Response]:
        def handler(request: Request) -> Response:
            return response()

        return handler

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Any]]:
        yield {"value": "kept"}

    file = site.folder / "report.csv"
    return Starlette(
        lifespan=lifespan,
        routes=[
            Route("/mirror", mirror, methods=METHODS),
            Route("/mirror/{rest:path}", mirror, methods=METHODS),
            Route("/items/{name}", item),
            Route("/verified", verified, methods=METHODS),
            Route("/boom", boom, methods=METHODS),
            Route("/half", half),
            Route("/denied", denied),
            Route("/cookies", cookies),
            Route("/background", background),
            Route("/background-boom", background_boom),
            Route("/gzipped", gzipped),
            Route("/state", state),
            Route("/upstream", upstream, methods=["POST"]),
            Route("/json", answer(lambda: JSONResponse({"ok": True}))),
            Route("/created", answer(lambda: JSONResponse({"id": 7}, 201))),
            Route("/text", answer(lambda: PlainTextResponse("naïve"))),
            Route("/html", answer(lambda: HTMLResponse("<p>hi"))),
            Route("/binary", answer(lambda: Response(BINARY, media_type="application/octet-stream"))),
            Route("/no-content", answer(lambda: Response(status_code=204))),
            Route("/reset-content", answer(lambda: Response(status_code=205))),
            Route("/not-modified", answer(lambda: Response(status_code=304))),
            Route("/empty", answer(lambda: Response())),
            Route("/moved", answer(lambda: RedirectResponse("/json", 307))),
            Route("/gone", answer(lambda: JSONResponse({"gone": True}, 410))),
            Route("/login", answer(lambda: JSONResponse({"detail": "wrong password"}, 401))),
            Route("/unavailable", answer(lambda: PlainTextResponse("later", 503, {"retry-after": "7"}))),
            Route("/large", answer(lambda: PlainTextResponse(LARGE_TEXT))),
            Route("/pieces", answer(lambda: StreamingResponse(iter(["a", "", "b", "c"]), media_type="text/plain"))),
            Route("/file", answer(lambda: FileResponse(file, media_type="text/csv"))),
            Mount("/mounted", Starlette(routes=[Route("/mirror", mirror, methods=METHODS)])),
            Mount("/static", Mount("/deep", routes=[Route("/mirror/{rest:path}", mirror, methods=METHODS)])),
            *stream_routes(site),
        ],
        **options,
    )


# What the streaming handlers yield; and the chunks that a receiver has to see.
EVENTS = {
    "simple": ([b"data: one\n\n", b"data: two\n\n"], [b"one", b"two"]),
    "multi-line": ([b"data: one\ndata: two\ndata:\ndata:  three\n\n"], [b"one\ntwo\n\n three"]),
    "comments": ([b": ping\n\n", b"data: a\n: in between\ndata: b\n\n", b": the end\n\n"], [b"a\nb"]),
    "fields": ([b"event: token\nid: 7\nretry: 10\ndata: x\nother: y\nnocolon\n\n", b"id: 8\n\n"], [b"x"]),
    "line-ends": ([b"data: cr\r\rdata: crlf\r\n\r\ndata: lf\n\n"], [b"cr", b"crlf", b"lf"]),
    "empty-data": ([b"data\n\n", b"data:\n\n", b"data: \n\n"], [b"", b"", b""]),
    "cut-anywhere": ([b"da", b"ta: o", b"ne\r", b"\n\r", b"\ndata: t", b"wo\n", b"\n"], [b"one", b"two"]),
    "many-in-one": ([b"data: 1\n\ndata: 2\n\ndata: 3\n\n"], [b"1", b"2", b"3"]),
    "unfinished": ([b"data: whole\n\ndata: cut"], [b"whole"]),
    "emoji": (["data: 🦊 Grüße\n\n".encode()], ["🦊 Grüße".encode()]),
    "nothing": ([], []),
    "only-comments": ([b": a\n\n", b": b\n\n"], []),
    "json": ([b'data: {"a": 1,\ndata: "b": 2}\n\n'], [b'{"a": 1,\n"b": 2}']),
}
CHUNKS = [
    "", "a", "a\r\nb", "\n", "\r", "\n\n", "data: x\n\n", ": comment", "__FIN__", "__FIN", "__FIN____FIN__", "__fin__",
    "🦊", "\x00\u2028", " lead", "", "{}", "é" * 5000, "",
]  # fmt: skip


def stream_routes(site: Site) -> list[Route]:
    async def events(request: Request) -> Response:
        site.calls.append("events")
        name = request.path_params["name"]
        pieces = [b"data: __FIN__\n\n", b"data: after\n\n"] if name == "marker" else EVENTS[name][0]

        async def each() -> AsyncIterator[bytes]:
            for piece in pieces:
                yield piece

        return StreamingResponse(each(), status_code=201, media_type="text/event-stream; charset=utf-8")

    async def chunks(request: Request) -> Response:
        site.calls.append("chunks")
        body = await request.body()
        return ChunkResponse(json.loads(body) if body else CHUNKS, headers={"x-model": "m1"})

    async def cut_character(request: Request) -> Response:
        fox = "🦊".encode()
        return ChunkResponse([b"a" + fox[:1], fox[1:3], b"", fox[3:] + b"b"])

    async def views(request: Request) -> Response:
        exact = request.path_params["kind"] == "chunks"
        pieces = [memoryview(b"one"), b"two"] if exact else [memoryview(b"data: one\n\n"), b"data: two\n\n"]
        return ChunkResponse(pieces) if exact else StreamingResponse(pieces, media_type="text/event-stream")

    def framed(kind: str, text: str) -> str:
        return text if kind == "chunks" else f"data: {text}\n\n"

    def streaming(kind: str, pieces: AsyncIterator[str]) -> Response:
        if kind == "chunks":
            return ChunkResponse(pieces)
        return StreamingResponse(pieces, media_type="text/event-stream")

    async def fails(request: Request) -> Response:
        kind = request.path_params["kind"]

        async def each() -> AsyncIterator[str]:
            yield framed(kind, "one")
            yield framed(kind, "two")
            raise RuntimeError(SECRET_DETAIL)

        return streaming(kind, each())

    async def gated(request: Request) -> Response:
        kind = request.path_params["kind"]

        async def each() -> AsyncIterator[str]:
            yield framed(kind, "first")
            yield framed(kind, "in time" if await site.opened() else "too late")

        return streaming(kind, each())

    async def endless(request: Request) -> Response:
        kind = request.path_params["kind"]

        async def each() -> AsyncIterator[str]:
            try:
                while True:
                    yield framed(kind, "again")
                    await anyio.sleep(0.01)
            finally:
                site.done.set()

        return streaming(kind, each())

    async def slow_answer(request: Request) -> Response:
        site.calls.append("slow")
        await site.opened()
        return JSONResponse({})

    async def slow_pieces(request: Request) -> Response:
        async def each() -> AsyncIterator[str]:
            site.calls.append("slow")
            await site.opened()
            yield "late"

        return StreamingResponse(each(), media_type="text/plain")

    async def chunks_and_background(request: Request) -> Response:
        async def later() -> None:
            if await site.opened():
                site.done.set()

        return ChunkResponse(["a", "b"], background=BackgroundTask(later))

    async def refused(request: Request) -> Response:
        return StreamingResponse(iter([b"data: no\n\n"]), status_code=503, media_type="text/event-stream")

    return [
        Route("/events/{name}", events, methods=["GET", "POST", "DELETE"]),
        Route("/chunks", chunks, methods=["GET", "POST"]),
        Route("/cut-character", cut_character),
        Route("/views/{kind}", views),
        Route("/fails/{kind}", fails),
        Route("/gated/{kind}", gated),
        Route("/endless/{kind}", endless),
        Route("/refused-stream", refused),
        Route("/slow-answer", slow_answer),
        Route("/slow-pieces", slow_pieces),
        Route("/chunks-and-background", chunks_and_background),
    ]


@pytest.fixture(scope="module")
def site(start: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Site:
    site = Site(folder=tmp_path_factory.mktemp("files"))
    (site.folder / "report.csv").write_bytes(b"a,b\n1,2\n" * 30_000)
    site.url = start(starlette_app(site, middleware=[Middleware(NenMiddleware, plain_paths=["/json"])]))
    return site


@pytest.fixture(scope="module")
def tagged(start: Callable[..., str], site: Site) -> Site:
    """The same application with a middleware of its own, of Starlette's usual kind, inside of Nen."""
    tagged = Site(folder=site.folder)
    tagged.url = start(starlette_app(tagged, middleware=[Middleware(NenMiddleware), Middleware(Tag)]))
    return tagged


@pytest.fixture(scope="module")
def caller(site: Site) -> Caller:
    return Caller(site.url)


@pytest.fixture(autouse=True)
def fresh_gates(site: Site, tagged: Site) -> Iterator[None]:
    for each in (site, tagged):
        each.gate.clear()
        each.done.clear()
    yield
    for each in (site, tagged):
        each.gate.set()


def sealed(answer: Answer) -> None:
    """The answer is a sealed one: nothing but `ct` and `n`, and headers that tell nothing about the plain body."""
    assert set(json.loads(answer.body)) == {"ct", "n"}
    names = [name.lower() for name, _ in answer.pairs]
    assert names.count("content-type") == names.count("cache-control") == 1
    assert answer.header("content-type") == "application/json"
    assert answer.header("cache-control") == "no-store"
    assert answer.header("content-length") == str(len(answer.body))
    assert not {"content-encoding", "etag", "last-modified", "transfer-encoding"} & set(names)


# --- what the handler sees -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "payload", [b'{"a": [1, 2.50, null], "b": "\xc3\xa9"}', b"null", b'""', b"0", b'[ "x" ]'], ids=lambda p: p.decode()
)
def test_the_handler_sees_the_decrypted_json(caller: Caller, method: str, payload: bytes) -> None:
    answer = caller.ask(method, "/mirror", payload)
    sealed(answer)
    seen = caller.json(answer)
    assert seen["method"] == method
    assert seen["body"] == json.loads(payload)
    assert seen["length"] == len(payload)
    assert seen["headers"]["content-type"] == "application/json"
    assert seen["headers"]["content-length"] == str(len(payload))


@pytest.mark.parametrize("method", METHODS)
def test_a_request_without_a_body_has_none(caller: Caller, method: str) -> None:
    seen = caller.json(caller.ask(method, "/mirror"))
    assert (seen["method"], seen["body"], seen["length"]) == (method, None, 0)
    assert "content-type" not in seen["headers"]
    assert seen["headers"].get("content-length", "0") == "0"


def test_no_body_and_the_payload_null_are_told_apart(caller: Caller) -> None:
    assert caller.json(caller.ask("POST", "/verified"))["payload"] is None
    seen = caller.json(caller.ask("POST", "/verified", b"null"))
    assert seen == {"payload": "null", "signed": True, "sid": caller.session.sid}


def test_query_cookies_and_headers_reach_the_handler(caller: Caller) -> None:
    headers = {"cookie": "a=1; b=2", "authorization": "Bearer t", "x-own": "v"}
    seen = caller.json(caller.ask("GET", "/mirror?q=1&q=%C3%A9+x&empty=", headers=headers))
    assert seen["query"] == [["q", "1"], ["q", "é x"], ["empty", ""]]
    assert {name: seen["headers"][name] for name in headers} == headers


def test_headers_about_the_sealed_body_do_not_reach_the_handler(caller: Caller) -> None:
    """Ranges, validators and codings would make the application shorten or omit what has to be sealed whole."""
    dropped = {
        "accept-encoding": "gzip", "range": "bytes=0-1", "if-range": '"x"', "if-none-match": "*",
        "if-modified-since": "Tue, 24 Nov 2026 11:00:00 GMT",
    }  # fmt: skip
    seen = caller.json(caller.ask("POST", "/mirror", b"{}", headers=dropped))
    assert not set(dropped) & set(seen["headers"])


def test_a_chunked_request_is_one_body_to_the_handler(caller: Caller) -> None:
    """The handler gets a content-length; the transfer coding was that of the sealed body and is gone."""
    headers, body = caller.sign("POST", "/mirror", b'{"chunked":true}')
    assert body is not None
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    parts = [body[:5], body[5:6], body[6:]]
    with connect(caller.url) as connection:
        start = f"POST /mirror HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n{head}\r\n"
        connection.sendall(start.encode())
        for part in parts:
            connection.sendall(b"%x\r\n%s\r\n" % (len(part), part))
        connection.sendall(b"0\r\n\r\n")
        seen = caller.json(read_answer(connection))
    assert seen["body"] == {"chunked": True}
    assert "transfer-encoding" not in seen["headers"]


@pytest.mark.parametrize("target", ["/items/plain", "/items/a%20b", "/items/%C3%A9", "/items/%F0%9F%A6%8A?q=1&q=2"])
def test_path_parameters_arrive_decoded(caller: Caller, target: str) -> None:
    path, _, query = target.partition("?")
    seen = caller.json(caller.ask("GET", target))
    assert seen["name"] == httpx.URL(path).path.removeprefix("/items/")
    assert seen["q"] == (["1", "2"] if query else [])


def test_large_bodies_both_ways(caller: Caller) -> None:
    seen = caller.json(caller.ask("POST", "/mirror", json.dumps(LARGE_TEXT).encode()))
    assert seen["body"] == LARGE_TEXT
    assert caller.open(caller.ask("GET", "/large")).decode() == LARGE_TEXT


def test_the_state_of_the_lifespan_is_there(caller: Caller) -> None:
    assert caller.json(caller.ask("GET", "/state")) == {"from_lifespan": "kept"}


@pytest.mark.parametrize("target", ["/mounted/mirror", "/static/deep/mirror/a%2Fb"])
def test_mounted_applications(caller: Caller, target: str) -> None:
    assert caller.json(caller.ask("POST", target, b"1"))["body"] == 1


# --- what the client sees --------------------------------------------------------------------------------------------

ANSWERS = {
    "/created": (201, b'{"id":7}'),
    "/text": (200, "naïve".encode()),
    "/html": (200, b"<p>hi"),
    "/binary": (200, BINARY),
    "/empty": (200, b""),
    "/moved": (307, b""),
    "/gone": (410, b'{"gone":true}'),
    "/login": (401, b'{"detail":"wrong password"}'),
    "/unavailable": (503, b"later"),
    "/denied": (403, b"not yours"),
    "/nowhere": (404, b"Not Found"),
    "/pieces": (200, b"abc"),
    "/refused-stream": (503, b"data: no\n\n"),
    # A status that has no body becomes 200 with an empty payload.
    "/no-content": (200, b""),
    "/reset-content": (200, b""),
    "/not-modified": (200, b""),
}


@pytest.mark.parametrize("target", ANSWERS)
def test_each_answer_is_sealed_whatever_its_status(caller: Caller, target: str) -> None:
    answer = caller.ask("GET", target)
    sealed(answer)
    assert (answer.status, caller.open(answer)) == ANSWERS[target]


def test_a_method_that_the_route_has_not_is_405_sealed(caller: Caller) -> None:
    answer = caller.ask("DELETE", "/items/x")
    sealed(answer)
    assert answer.status == 405
    assert "GET" in (answer.header("allow") or "")


def test_headers_of_the_answer_pass(caller: Caller) -> None:
    assert caller.ask("GET", "/moved").header("location") == "/json"
    assert caller.ask("GET", "/unavailable").header("retry-after") == "7"
    assert caller.ask("GET", "/denied").header("x-reason") == "owner"


def test_each_cookie_passes(caller: Caller) -> None:
    answer = caller.ask("GET", "/cookies", headers={"cookie": "c=3"})
    assert caller.json(answer) == {"c": "3"}
    assert [value.partition(";")[0] for name, value in answer.pairs if name == "set-cookie"] == ["a=1", "b=2"]


def test_a_file_is_sealed_whole(caller: Caller, site: Site) -> None:
    answer = caller.ask("GET", "/file", headers={"range": "bytes=0-3", "if-none-match": "*"})
    sealed(answer)
    assert answer.status == 200
    assert caller.open(answer) == (site.folder / "report.csv").read_bytes()


@pytest.mark.parametrize(("target", "status"), [("/text", 200), ("/nowhere", 404), ("/no-content", 204)])
def test_head_runs_the_handler_and_has_no_body(caller: Caller, target: str, status: int) -> None:
    answer = caller.ask("HEAD", target)
    assert (answer.status, answer.body) == (status, b"")


def test_head_of_a_refused_request_has_no_body(site: Site) -> None:
    answer = ask(site.url, "HEAD", "/text")
    assert (answer.status, answer.body) == (401, b"")


def test_head_of_a_stream_does_not_wait_for_its_end(caller: Caller) -> None:
    """There is nothing to seal for HEAD, so nothing to collect: an endless stream would never be answered."""
    headers, _ = caller.sign("HEAD", "/gated/events")
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with connect(caller.url) as connection:
        connection.settimeout(2)
        connection.sendall(f"HEAD /gated/events HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{head}\r\n".encode())
        assert read_answer(connection, "HEAD").status == 200


def test_a_background_task_runs_after_the_answer(caller: Caller, site: Site) -> None:
    """The task waits for a gate that opens only when the answer is here."""
    assert caller.json(caller.ask("GET", "/background")) == {"accepted": True}
    assert not site.done.is_set()
    site.gate.set()
    assert site.done.wait(TIMEOUT)


def test_a_background_task_that_fails_is_logged_and_the_answer_stands(
    caller: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    assert caller.json(caller.ask("GET", "/background-boom")) == {"accepted": True}
    assert caller.json(caller.ask("GET", "/mirror"))["method"] == "GET"
    assert SECRET_DETAIL in caplog.text


def test_an_answer_that_the_handler_compressed(caller: Caller) -> None:
    """The sealed body is not compressed, and what is in it is what the handler wrote."""
    answer = caller.ask("GET", "/gzipped")
    sealed(answer)
    assert gzip.decompress(caller.open(answer)) == b'{"packed":true}'


@pytest.mark.parametrize("name", ["content-md5", "digest", "content-digest", "repr-digest"])
def test_a_digest_of_the_plain_body_is_not_told(name: str) -> None:
    """It would be wrong for the sealed body, and tell anyone who can guess the payload whether the guess is right."""

    async def digested(request: Request) -> Response:
        return JSONResponse({"vote": "yes"}, headers={name: "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"})

    answer = direct(Starlette(routes=[Route("/", digested)]), "GET", "/")
    assert name not in answer.headers


# --- what never reaches the handler ----------------------------------------------------------------------------------


def tampered(caller: Caller, method: str, how: str) -> tuple[dict[str, str], bytes | None]:
    late = now_ms() - 31_000
    headers, body = caller.sign(method, "/mirror", b'{"x":1}', timestamp=late if how == "ISO-3003 late" else None)
    assert body is not None
    value = json.loads(body)
    flipped = base64.b64decode(value["ct"])
    flipped = bytes([flipped[0] ^ 1]) + flipped[1:]
    other, _ = caller.sign(method, "/mirror")
    changes: dict[str, Callable[[], tuple[dict[str, str], bytes | None]]] = {
        "ISO-2003 no session": lambda: (without(headers, "x-nen-session"), body),
        "ISO-2003 plain": lambda: ({"content-type": "application/json"}, b'{"x":1}'),
        "ISO-2002 other session": lambda: (headers | {"x-nen-session": "nobody"}, body),
        "ISO-6001 plain body": lambda: (headers, b'{"x":1}'),
        "ISO-6001 not JSON": lambda: (headers, b"x=1"),
        "ISO-6002 not base64": lambda: (headers, json.dumps(value | {"ct": "*"}).encode()),
        "ISO-3001 no signature": lambda: (without(headers, "x-nen-signature"), body),
        "ISO-3002 other signature": lambda: (headers | {"x-nen-signature": other["x-nen-signature"]}, body),
        "ISO-3002 other timestamp": lambda: (headers | {"x-nen-timestamp": str(now_ms() + 1)}, body),
        "ISO-3002 body stripped": lambda: (headers, None),
        "ISO-3003 late": lambda: (headers, body),
        "ISO-4001 flipped": lambda: (
            headers,
            json.dumps(value | {"ct": base64.b64encode(flipped).decode()}).encode(),
        ),
        "ISO-4001 cut": lambda: (headers, json.dumps(value | {"ct": base64.b64encode(flipped[:9]).decode()}).encode()),
        "ISO-4003 not JSON": lambda: caller.sign(method, "/mirror", b"{'x':1}"),
        "ISO-4003 empty": lambda: caller.sign(method, "/mirror", b""),
    }
    return changes[how]()


def without(headers: dict[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in headers.items() if key != name}


TAMPERINGS = [
    "ISO-2003 no session", "ISO-2003 plain", "ISO-2002 other session", "ISO-6001 plain body", "ISO-6001 not JSON",
    "ISO-6002 not base64", "ISO-3001 no signature", "ISO-3002 other signature", "ISO-3002 other timestamp",
    "ISO-3002 body stripped", "ISO-3003 late", "ISO-4001 flipped", "ISO-4001 cut", "ISO-4003 not JSON",
    "ISO-4003 empty",
]  # fmt: skip


@pytest.mark.parametrize("method", [*METHODS, "PROPFIND"])
@pytest.mark.parametrize("how", TAMPERINGS)
def test_an_unverified_request_never_reaches_the_handler(caller: Caller, site: Site, method: str, how: str) -> None:
    before = len(site.calls)
    headers, body = tampered(caller, method, how)
    answer = ask(site.url, method, "/mirror", headers, body)
    assert answer.code == how.split()[0]
    assert site.calls[before:] == []


def test_a_replayed_request_never_reaches_the_handler(caller: Caller, site: Site) -> None:
    headers, body = caller.sign("POST", "/mirror", b"{}")
    before = len(site.calls)
    assert ask(site.url, "POST", "/mirror", headers, body).status == 200
    assert ask(site.url, "POST", "/mirror", headers, body).code == "ISO-5001"
    assert len(site.calls) == before + 1


def test_a_signature_is_for_one_method_and_one_path(caller: Caller, site: Site) -> None:
    before = len(site.calls)
    for method, target in [("PUT", "/mirror"), ("POST", "/mirror/"), ("POST", "/mirror/x"), ("POST", "/boom")]:
        headers, body = caller.sign("POST", "/mirror", b"{}")
        assert ask(site.url, method, target, headers, body).code == "ISO-3002"
    assert site.calls[before:] == []


def test_a_header_that_comes_twice_is_refused(caller: Caller, site: Site) -> None:
    codes = {"x-nen-session": "ISO-2002", "x-nen-signature": "ISO-3002", "x-nen-timestamp": "ISO-3002"}
    for name, code in codes.items():
        headers, body = caller.sign("POST", "/mirror", b"{}")
        pairs = [*headers.items(), (name.upper(), headers[name])]
        assert ask(site.url, "POST", "/mirror", pairs, body).code == code


def test_plain_paths_are_the_exact_ones_and_no_others(site: Site) -> None:
    plain = ask(site.url, "GET", "/json")
    assert (plain.status, plain.body) == (200, b'{"ok":true}')
    assert ask(site.url, "GET", "/%6Ason").body == b'{"ok":true}'  # the same path to the application, so to Nen
    for target in ("/json/", "//json", "/JSON", "/json%20", "/text", "/json/../text", "/json;x", "/mounted/json"):
        assert ask(site.url, "GET", target).code == "ISO-2003"


@pytest.mark.parametrize("name", ["plain_paths", "body_paths"])
def test_one_path_is_no_collection_of_paths(name: str) -> None:
    """Python takes a text for the collection of its characters: "/" would be plain, and "/health" would not."""
    options: dict[str, Any] = {name: "/health"}
    with pytest.raises(TypeError, match="collection of paths"):
        NenMiddleware(Starlette(), **options)


def test_plain_paths_below_a_mount_are_those_of_the_application(start: Callable[..., str]) -> None:
    """The application knows nothing of where it is mounted, as its endpoints know nothing of it either."""
    app = Starlette(routes=[Route("/health", lambda request: PlainTextResponse("fine"))])
    url = start(Starlette(routes=[Mount("/v1", NenMiddleware(app, plain_paths=["/health"]))]))
    Caller(url, "/v1/api/nen/handshake")
    assert ask(url, "GET", "/v1/health").body == b"fine"


# --- the path --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/mirror/a%2Fb", "/mirror/%7e", "/mirror/~", "/mirror/%c3%a9", "/mirror//x", "/mirror/a:b@c!$&'()*+,;=",
             "/%6dirror", "/mirror/%25", "/mirror/%2e%2e", "/mirror/%ff%00"],
)  # fmt: skip
def test_the_path_is_signed_as_it_stands_on_the_wire(caller: Caller, path: str) -> None:
    assert caller.json(caller.ask("POST", path, b"1"))["body"] == 1


@pytest.mark.parametrize(
    ("sent", "signed"),
    [
        ("/mirror/a%2Fb", "/mirror/a/b"),
        ("/mirror/%7E", "/mirror/~"),
        ("/mirror/%c3%a9", "/mirror/%C3%A9"),
        ("/mirror/x?q=1", "/mirror/x?q=1"),
        ("/mirror/x", "/mirror/x/"),
    ],
)
def test_a_path_that_only_means_the_same_is_refused(caller: Caller, sent: str, signed: str) -> None:
    assert caller.ask("POST", sent, b"1", signed_path=signed).code == "ISO-3002"


def test_the_query_is_not_signed(caller: Caller, site: Site) -> None:
    headers, body = caller.sign("POST", "/mirror", b"1")
    assert caller.json(ask(site.url, "POST", "/mirror?changed=1", headers, body))["query"] == [["changed", "1"]]


@pytest.mark.anyio
@pytest.mark.parametrize("rest", ["plain", "é x", "世", "a-b_c.d~e", "a:b@c,d+e"])
async def test_a_server_without_raw_path(rest: str) -> None:
    """The escapes that clients make are put back."""
    path = f"/mirror/{rest}"
    app = NenMiddleware(starlette_app(Site()))

    async def stripped(scope: Scope, receive: Receive, send: Send) -> None:
        await app({name: value for name, value in scope.items() if name != "raw_path"}, receive, send)

    async with AsyncNenClient("http://test", transport=httpx.ASGITransport(stripped)) as client:
        answer = await client.post(path, json=1)
        assert answer.json()["path"] == path


@pytest.mark.anyio
async def test_a_raw_path_with_a_query_as_some_servers_give_it() -> None:
    app = NenMiddleware(starlette_app(Site()))

    async def with_query(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "raw_path": scope["raw_path"] + b"?" + scope["query_string"]}, receive, send)

    async with AsyncNenClient("http://test", transport=httpx.ASGITransport(with_query)) as client:
        assert (await client.post("/mirror", json=1, params={"q": "é"})).json()["query"] == [["q", "é"]]


def test_root_path_of_the_server(start: Callable[..., str]) -> None:
    """Behind a proxy that strips /pre the client signs the path that it sees, and uvicorn puts it together again."""
    url = start(starlette_app(Site(), middleware=[Middleware(NenMiddleware)]), root_path="/pre")
    caller = Caller(url)
    assert caller.json(caller.ask("POST", "/mirror", b"1", signed_path="/pre/mirror"))["body"] == 1
    assert caller.ask("POST", "/mirror", b"1").code == "ISO-3002"


def test_mounted_with_its_endpoints(start: Callable[..., str]) -> None:
    url = start(Starlette(routes=[Mount("/v1", NenMiddleware(starlette_app(Site())))]))
    with NenClient(url + "/v1") as client:
        assert client.post("/mirror", json=1).json()["body"] == 1
        assert client.status()
        client.rotate()
        assert client.get("/mirror").json()["path"] == "/v1/mirror"


# --- streams ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EVENTS)
def test_events_become_chunks(caller: Caller, name: str) -> None:
    answer = caller.ask("GET", f"/events/{name}")
    assert answer.status == 200
    assert (answer.header("content-type"), answer.header("cache-control")) == ("text/event-stream", "no-store")
    assert len(base64.b64decode(answer.header("x-nen-stream-nonce") or "")) == 12
    assert caller.chunks(answer) == EVENTS[name][1]


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("payload", [None, b"{}"])
def test_a_stream_is_verified_like_every_request(
    caller: Caller, site: Site, method: str, payload: bytes | None
) -> None:
    before = len(site.calls)
    headers, body = caller.sign(method, "/events/simple", payload)
    assert ask(site.url, method, "/events/simple", without(headers, "x-nen-signature"), body).code == "ISO-3001"
    assert ask(site.url, method, "/events/marker", headers, body).code == "ISO-3002"
    assert site.calls[before:] == []
    assert caller.chunks(ask(site.url, method, "/events/simple", headers, body)) == [b"one", b"two"]


def test_an_event_that_reads_like_the_end(caller: Caller) -> None:
    got = caller.chunks(caller.ask("GET", "/events/marker"))
    assert b"__FIN__" not in got
    assert got[-1] == b"after"
    assert b"".join(got) == b"__FIN__after"


def test_chunk_response_is_exact(caller: Caller) -> None:
    answer = caller.ask("GET", "/chunks")
    got = caller.chunks(answer)
    split = CHUNKS.index("__FIN__")  # comes as two, since a chunk that is exactly the marker would read as the end
    assert b"".join(got[split : split + 2]) == b"__FIN__"
    assert b"__FIN__" not in got
    got[split : split + 2] = [b"__FIN__"]
    assert [chunk.decode() for chunk in got] == CHUNKS
    assert answer.header("x-model") == "m1"
    assert answer.header("x-nen-chunks") is None


@pytest.mark.parametrize("chunks", [[], [""], ["", "", ""], ["__FIN__"], ["__FIN__", "__FIN__"], ["x" * 200_000]])
def test_chunk_response_of(caller: Caller, chunks: list[str]) -> None:
    got = caller.chunks(caller.ask("POST", "/chunks", json.dumps(chunks).encode()))
    assert b"".join(got).decode() == "".join(chunks)
    assert b"__FIN__" not in got
    if "__FIN__" not in chunks:
        assert len(got) == len(chunks)


def test_a_thousand_chunks(caller: Caller) -> None:
    """More than 256, so that the counter reaches its second byte."""
    chunks = [str(i) for i in range(1000)]
    got = caller.chunks(caller.ask("POST", "/chunks", json.dumps(chunks).encode()))
    assert [chunk.decode() for chunk in got] == chunks


def test_a_character_cut_between_chunks(caller: Caller, site: Site) -> None:
    fox = "🦊".encode()
    assert caller.chunks(caller.ask("GET", "/cut-character")) == [b"a" + fox[:1], fox[1:3], b"", fox[3:] + b"b"]
    with NenClient(site.url) as client:
        texts = list(client.stream("GET", "/cut-character"))
    assert "".join(texts) == "a🦊b"
    assert "\ufffd" not in "".join(texts)


@pytest.mark.parametrize("kind", ["events", "chunks"])
def test_pieces_may_be_memoryviews_as_starlette_allows(caller: Caller, kind: str) -> None:
    assert caller.chunks(caller.ask("GET", f"/views/{kind}")) == [b"one", b"two"]


def interrupted(url: str, kind: str) -> tuple[list[str], str | None]:
    """What arrived of a stream whose handler failed in the middle, and the code of the error if there was one."""
    got: list[str] = []
    with NenClient(url) as client:
        try:
            for chunk in client.stream("GET", f"/fails/{kind}"):
                got.append(chunk)
        except NenError as error:
            return got, error.code
        finally:
            assert client.get("/mirror").json()["method"] == "GET"
    return got, None


@pytest.mark.parametrize("kind", ["events", "chunks"])
def test_a_handler_that_fails_in_the_middle(site: Site, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    """The client has what came before, and learns that it is not all: ISO-7002. V1-STR-16."""
    assert interrupted(site.url, kind) == (["one", "two"], "ISO-7002")
    assert SECRET_DETAIL in caplog.text


@pytest.mark.parametrize("kind", ["events", "chunks"])
def test_a_handler_that_fails_in_the_middle_inside_of_another_middleware(tagged: Site, kind: str) -> None:
    """Starlette's BaseHTTPMiddleware (FastAPI's @app.middleware("http")) completes the answer, and raises after it."""
    assert interrupted(tagged.url, kind) == (["one", "two"], "ISO-7002")


def test_inside_of_another_middleware(tagged: Site) -> None:
    caller = Caller(tagged.url)
    answer = caller.ask("POST", "/mirror", b"[1]")
    assert (answer.header("x-tag"), caller.json(answer)["body"]) == ("tagged", [1])
    stream = caller.ask("GET", "/events/multi-line")
    assert (stream.header("x-tag"), caller.chunks(stream)) == ("tagged", EVENTS["multi-line"][1])
    with NenClient(tagged.url, timeout=2 * TIMEOUT) as client:
        chunks = client.stream("GET", "/gated/chunks")
        assert next(chunks) == "first"
        tagged.gate.set()
        assert list(chunks) == ["in time"]


@pytest.mark.parametrize("kind", ["events", "chunks"])
def test_events_arrive_as_they_are_produced(site: Site, kind: str) -> None:
    """The handler goes on only when the first chunk is here. V1-STR-15."""
    with NenClient(site.url, timeout=2 * TIMEOUT) as client:
        stream = client.stream("GET", f"/gated/{kind}")
        assert next(stream) == "first"
        site.gate.set()
        assert list(stream) == ["in time"]


@pytest.mark.parametrize("kind", ["events", "chunks"])
@pytest.mark.parametrize("inside", [False, True], ids=["alone", "inside-of-middleware"])
def test_a_client_that_goes_away_ends_the_handler(
    site: Site, tagged: Site, kind: str, inside: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """And it is nobody's error, so that none is logged."""
    site = tagged if inside else site
    caller = Caller(site.url)
    headers, _ = caller.sign("GET", f"/endless/{kind}")
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with connect(site.url) as connection:
        connection.sendall(f"GET /endless/{kind} HTTP/1.1\r\nhost: x\r\n{head}\r\n".encode())
        while b"data: " not in connection.recv(65536):
            pass
        assert not site.done.is_set()
    assert site.done.wait(TIMEOUT)
    assert caller.json(caller.ask("GET", "/mirror"))["method"] == "GET"
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_a_client_that_goes_away_before_its_answer_is_nobodys_error(
    caller: Caller, site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    for target in ("/slow-answer", "/slow-pieces"):
        site.gate.clear()
        headers, _ = caller.sign("GET", target)
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        before = len(site.calls)
        with connect(site.url) as connection:
            connection.sendall(f"GET {target} HTTP/1.1\r\nhost: x\r\n{head}\r\n".encode())
            assert eventually(lambda before=before: len(site.calls) > before)
        assert caller.json(caller.ask("GET", "/mirror"))["method"] == "GET"
        site.gate.set()
        assert caller.json(caller.ask("GET", "/mirror"))["method"] == "GET"
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_a_stream_with_a_background_task_is_complete_when_the_task_is_done(site: Site) -> None:
    """The chunks do not wait for it; what says that they are all does, or a failure could not be told."""
    with NenClient(site.url, timeout=2 * TIMEOUT) as client:
        stream = client.stream("GET", "/chunks-and-background")
        assert [next(stream), next(stream)] == ["a", "b"]
        site.gate.set()
        assert list(stream) == []
    assert site.done.wait(TIMEOUT)


def test_a_stream_that_is_refused_by_its_handler_is_an_answer_like_others(site: Site) -> None:
    with NenClient(site.url) as client, pytest.raises(NenError) as caught:
        list(client.stream("GET", "/refused-stream"))
    assert caught.value.code == "ISO-7002"


# --- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["/boom", "/half"])
def test_an_error_of_the_application_is_9000_without_detail(
    caller: Caller, target: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = caller.ask("GET", target)
    assert (answer.status, answer.body) == (500, error_body(INTERNAL))
    records = [record for record in caplog.records if record.name == "nen_ref.asgi" and record.exc_info]
    assert [record.levelname for record in records] == ["ERROR"]
    assert SECRET_DETAIL in caplog.text
    assert caller.json(caller.ask("GET", "/mirror"))["method"] == "GET"


def test_an_error_code_raised_by_the_application_is_not_one_of_this_request(
    caller: Caller, site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """A handler that calls another Nen service and lets its error go: this session is as good as before."""
    answer = caller.ask("POST", "/upstream", b"{}")
    assert answer.code == "ISO-9000"
    assert any(record.levelno >= logging.ERROR for record in caplog.records)


def test_an_error_code_raised_by_the_application_does_not_run_it_twice(site: Site) -> None:
    before = len(site.calls)
    with NenClient(site.url) as client, pytest.raises(NenError):
        client.post("/upstream", json={"amount": 100})
    assert site.calls[before:] == ["upstream"]


def test_middleware_around_the_application_seals_its_own_error_page(
    start: Callable[..., str], caplog: pytest.LogCaptureFixture
) -> None:
    """Starlette's own 500, and the handler that an application has for it, are answers, so they are sealed."""

    async def explain(request: Request, fault: Exception) -> Response:
        return JSONResponse({"sorry": str(fault)}, 500)

    plain = Caller(start(NenMiddleware(starlette_app(Site()))))
    answer = plain.ask("GET", "/boom")
    sealed(answer)
    assert (answer.status, plain.open(answer)) == (500, b"Internal Server Error")
    custom = Caller(start(NenMiddleware(starlette_app(Site(), exception_handlers={Exception: explain}))))
    assert custom.json(custom.ask("GET", "/boom")) == {"sorry": SECRET_DETAIL}
    assert "Exception in ASGI application" in caplog.text


@pytest.mark.parametrize("more", [None, True], ids=["nothing", "half"])
def test_an_application_that_never_finishes_its_answer(more: bool | None) -> None:
    """It is an error of the application like any other, not silence."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if more:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"half", "more_body": True})

    answer = direct(app, "GET", "/")
    assert (answer.status, answer.body) == (500, error_body(INTERNAL))


class BrokenStore(MemoryStore):
    """A store of which one method can be broken, as a database that went away."""

    broken = ""

    def _check(self, name: str) -> None:
        if self.broken == name:
            raise ConnectionError(SECRET_DETAIL)

    async def get(self, sid: str) -> Session | None:
        self._check("get")
        return await super().get(sid)

    async def set(self, session: Session, life_ms: int) -> None:
        self._check("set")
        await super().set(session, life_ms)

    async def delete(self, sid: str) -> bool:
        self._check("delete")
        return await super().delete(sid)

    async def exists(self, sid: str) -> bool:
        self._check("exists")
        return await super().exists(sid)

    async def record_nonce(self, sid: str, nonce: bytes, keep_until: int) -> NonceAnswer:
        self._check("record_nonce")
        return await super().record_nonce(sid, nonce, keep_until)


@pytest.mark.parametrize("broken", ["get", "set", "delete", "exists", "record_nonce"])
def test_a_store_that_raises_lets_nothing_through(
    start: Callable[..., str], broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    store, behind = BrokenStore(), Site()
    app = starlette_app(behind, middleware=[Middleware(NenMiddleware, server=NenServer(store=store))])
    url = start(app)
    caller = Caller(url)
    sid = {"x-nen-session": caller.session.sid or ""}
    hello = Caller(url)  # its session makes one more
    store.broken = broken
    requests = {
        "get": lambda: caller.ask("POST", "/mirror", b"{}"),
        "record_nonce": lambda: caller.ask("POST", "/mirror", b"{}"),
        "delete": lambda: ask(url, "POST", "/api/nen/terminate", sid),
        "exists": lambda: ask(url, "GET", "/api/nen/status", sid),
        "set": lambda: ask(url, "POST", "/api/nen/handshake", body=HELLO),
    }
    before = len(store)
    answer = requests[broken]()
    assert (answer.status, answer.body) == (500, error_body(INTERNAL))
    assert SECRET_DETAIL in caplog.text
    assert (len(store), behind.calls) == (before, [])
    store.broken = ""
    assert caller.ask("POST", "/mirror", b"{}").status == hello.ask("POST", "/mirror", b"{}").status == 200


HELLO = client_hello(bytes(range(32)), bytes(range(32))).body


@pytest.mark.parametrize("broken", ["set", "delete"])
def test_a_rotation_that_the_store_breaks_leaves_the_old_session(start: Callable[..., str], broken: str) -> None:
    store, behind = BrokenStore(), Site()
    app = starlette_app(behind, middleware=[Middleware(NenMiddleware, server=NenServer(store=store))])
    url = start(app)
    caller = Caller(url)
    store.broken = broken
    answer = ask(url, "POST", "/api/nen/rotate", {"x-nen-session": caller.session.sid or ""}, HELLO)
    assert (answer.status, answer.body) == (500, error_body(INTERNAL))
    assert caller.ask("POST", "/mirror", b"{}").status == 200


@pytest.mark.parametrize("answer", [NonceAnswer.NO_SESSION, None, "new", True])
def test_only_the_answer_new_of_a_store_lets_a_request_pass(start: Callable[..., str], answer: Any) -> None:
    class Odd(MemoryStore):
        async def record_nonce(self, sid: str, nonce: bytes, keep_until: int) -> NonceAnswer:
            return answer  # type: ignore[no-any-return]

    behind = Site()
    app = starlette_app(behind, middleware=[Middleware(NenMiddleware, server=NenServer(store=Odd()))])
    assert Caller(start(app)).ask("POST", "/mirror", b"{}").code == "ISO-2002"
    assert behind.calls == []


def test_no_secret_is_ever_logged(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """Keys, session ids and payloads, in none of the forms in which they could be written."""
    caplog.set_level(logging.DEBUG)
    payload = "a payload that nobody may read in a log"
    secrets: list[bytes] = []
    identity = Identity.from_seed(os.urandom(32))
    with NenClient(site.url, identity=identity) as client:

        def remember() -> None:
            session = client._flow.session
            assert session is not None
            assert session._keys is not None
            assert session.sid is not None
            secrets.extend([session._keys.enc, session._keys.mac, session.sid.encode()])

        client.post("/mirror", json={"x": payload})
        remember()
        list(client.stream("POST", "/chunks", json=[payload, payload]))
        for target in ("/boom", "/upstream", "/denied"):
            client_error(lambda target=target: client.post(target, json={"x": payload}))
        for kind in ("events", "chunks"):
            client_error(lambda kind=kind: list(client.stream("GET", f"/fails/{kind}")))
        client.rotate()
        remember()
        client.status()
        client.terminate()
    caller = Caller(site.url)
    secrets += [(caller.session.sid or "").encode()]
    for how in TAMPERINGS:
        headers, body = tampered(caller, "POST", how)
        ask(site.url, "POST", "/mirror", headers, body)
    ask(site.url, "POST", "/api/nen/handshake", body=HELLO[:-20])
    secrets += [identity.sk[:32], identity.sk[32:64], payload.encode()]
    logged = caplog.text + repr([(record.msg, record.args) for record in caplog.records])
    assert "refused" in logged
    assert SECRET_DETAIL in logged
    for secret in secrets:
        forms = [base64.b64encode(secret).decode().rstrip("="), secret.hex(), repr(secret)[2:-1], str(list(secret))]
        assert not [form for form in forms if form in logged]


def client_error(action: Callable[[], Any]) -> None:
    with suppress(NenError):
        action()


# --- inner and outer middleware --------------------------------------------------------------------------------------


def test_compression_and_cors_inside(start: Callable[..., str]) -> None:
    behind = Site()
    url = start(
        starlette_app(
            behind,
            middleware=[
                Middleware(NenMiddleware),
                Middleware(GZipMiddleware, minimum_size=1),
                Middleware(CORSMiddleware, allow_origins=["https://app.example"], expose_headers=["x-model"]),
                Middleware(Tag),
            ],
        )
    )
    caller = Caller(url)
    browser = {"accept-encoding": "gzip, br", "origin": "https://app.example"}
    answer = caller.ask("GET", "/large", headers=browser)
    sealed(answer)
    assert caller.open(answer).decode() == LARGE_TEXT
    assert answer.header("access-control-allow-origin") == "https://app.example"
    stream = caller.ask("GET", "/chunks", headers=browser)
    assert b"".join(caller.chunks(stream)).decode() == "".join(CHUNKS)
    assert stream.header("x-tag") == "tagged"
    events = caller.ask("GET", "/events/multi-line", headers=browser)
    assert caller.chunks(events) == EVENTS["multi-line"][1]


def test_cors_outside_answers_the_preflight_and_marks_refusals(start: Callable[..., str]) -> None:
    behind = Site()
    cors = Middleware(
        CORSMiddleware,
        allow_origins=["https://app.example"],
        allow_methods=["POST"],
        allow_headers=["x-nen-session", "x-nen-timestamp", "x-nen-signature"],
        expose_headers=["x-nen-stream-nonce"],
    )
    url = start(starlette_app(behind, middleware=[cors, Middleware(NenMiddleware)]))
    caller = Caller(url)
    origin = {"origin": "https://app.example"}
    preflight = ask(
        url,
        "OPTIONS",
        "/mirror",
        {**origin, "access-control-request-method": "POST", "access-control-request-headers": "x-nen-session"},
    )
    assert preflight.status == 200
    assert behind.calls == []
    for answer in (caller.ask("POST", "/mirror", b"{}", headers=origin), ask(url, "POST", "/mirror", origin)):
        assert answer.header("access-control-allow-origin") == "https://app.example"
    stream = caller.ask("GET", "/chunks", headers=origin)
    assert stream.header("access-control-expose-headers") == "x-nen-stream-nonce"


def test_compression_outside_is_undone_by_clients(start: Callable[..., str]) -> None:
    compression = Middleware(GZipMiddleware, minimum_size=1)
    url = start(starlette_app(Site(), middleware=[compression, Middleware(NenMiddleware)]))
    with NenClient(url) as client:
        assert client.get("/large").text == LARGE_TEXT
        assert "".join(client.stream("GET", "/chunks")) == "".join(CHUNKS)


def test_websockets_are_refused_unless_plain() -> None:
    reached = []

    async def socket(websocket: WebSocket) -> None:
        reached.append(websocket.url.path)
        await websocket.accept()
        await websocket.send_text("hello")
        await websocket.close()

    app = Starlette(
        routes=[WebSocketRoute("/ws", socket), WebSocketRoute("/plain", socket)],
        middleware=[Middleware(NenMiddleware, plain_paths=["/plain"])],
    )
    with TestClient(app) as client:
        with pytest.raises(WebSocketDisconnect) as caught, client.websocket_connect("/ws"):
            pass
        assert caught.value.code == 1008
        assert reached == []
        with client.websocket_connect("/plain") as websocket:
            assert websocket.receive_text() == "hello"
    assert reached == ["/plain"]


# --- directly over ASGI, for what uvicorn does not do ----------------------------------------------------------------


@dataclass(frozen=True)
class Direct:
    status: int
    headers: dict[str, str]
    body: bytes
    payload: bytes | None


def direct(app: Any, method: str, path: str, extensions: dict[str, Any] | None = None) -> Direct:
    """One signed request to `app` behind the middleware, without a server; payload None where it is not sealed."""

    async def run() -> Direct:
        wrapped = NenMiddleware(app)

        async def extended(scope: Scope, receive: Receive, send: Send) -> None:
            await wrapped({**scope, "extensions": extensions or {}}, receive, send)

        async with AsyncNenClient("http://test", transport=httpx.ASGITransport(extended)) as client:
            await client.handshake()
            session = client._flow.session
            assert session is not None
            signed = session.request(method, path, None, n=os.urandom(12), timestamp=now_ms())
            sent: list[Message] = []

            async def send(message: Message) -> None:
                sent.append(message)

            async def receive() -> Message:
                return {"type": "http.request", "body": b"", "more_body": False}

            headers = [(name.encode(), value.encode()) for name, value in signed.headers.items()]
            scope = {
                "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"",
                "headers": headers, "root_path": "", "asgi": {"version": "3.0", "spec_version": "2.4"},
            }  # fmt: skip
            await extended(scope, receive, send)
            assert sent, "nothing was answered"
            pairs = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
            body = b"".join(message.get("body", b"") for message in sent[1:])
            payload = None
            if b'"ct"' in body:
                payload = session.open_reply(Reply(sent[0]["status"], pairs, body))
            return Direct(sent[0]["status"], pairs, body, payload)

    return anyio.run(run)


def test_a_file_where_the_server_could_send_it_by_itself(site: Site) -> None:
    """Granian and others offer http.response.pathsend; a file sent around the middleware could not be sealed."""
    file = site.folder / "report.csv"

    async def report(request: Request) -> Response:
        return FileResponse(file)

    app = Starlette(routes=[Route("/file", report)])
    answer = direct(app, "GET", "/file", {"http.response.pathsend": {}})
    assert answer.payload == file.read_bytes()


# --- an ordinary FastAPI application ---------------------------------------------------------------------------------


class Order(BaseModel):
    item: str
    quantity: int = 1
    note: str | None = None


def settings(request: Request, x_tenant: Annotated[str, Header()] = "nobody") -> Iterator[dict[str, str]]:
    request.app.state.calls.append("enter")
    yield {"tenant": x_tenant}
    request.app.state.calls.append("leave")


def fastapi_app(site: Site) -> FastAPI:
    app = FastAPI(title="shop")
    app.state.calls = site.calls

    @app.post("/orders", status_code=201)
    def create(order: Order, tenant: Annotated[dict[str, str], Depends(settings)]) -> dict[str, Any]:
        site.calls.append("create")
        return {"order": order.model_dump(), **tenant}

    @app.get("/orders/{number}")
    async def read(number: int, fields: Annotated[list[str] | None, Query()] = None) -> dict[str, Any]:
        if number == 404:
            raise HTTPException(404, {"missing": number})
        return {"number": number, "fields": fields}

    @app.get("/files/{path:path}")
    async def files(path: str, token: Annotated[str | None, Cookie()] = None) -> dict[str, Any]:
        return {"path": path, "token": token}

    @app.put("/number")
    async def number(value: Annotated[int | None, Body()] = None) -> dict[str, Any]:
        return {"value": value}

    @app.delete("/orders/{number}", status_code=204)
    async def remove(number: int, tasks: BackgroundTasks) -> None:
        tasks.add_task(site.done.set)

    @app.get("/events", response_class=EventSourceResponse)
    async def events() -> AsyncIterator[ServerSentEvent]:
        yield ServerSentEvent(data={"token": "a"}, event="token", id="1")
        yield ServerSentEvent(raw_data="two\nlines", comment="ping")
        yield ServerSentEvent(data="🦊")

    @app.get("/crash")
    def crash() -> None:
        raise KeyError(SECRET_DETAIL)

    @app.get("/server-side")
    def server_side() -> Order:
        return Order.model_construct(item=3)  # type: ignore[arg-type]

    app.add_middleware(NenMiddleware, plain_paths=["/openapi.json", "/docs"])
    return app


@pytest.fixture(scope="module")
def shop(start: Callable[..., str]) -> Iterator[tuple[Site, NenClient]]:
    site = Site()
    site.url = start(fastapi_app(site))
    with NenClient(site.url) as client:
        yield site, client


def test_fastapi_model_body_and_dependency(shop: tuple[Site, NenClient]) -> None:
    site, client = shop
    answer = client.post("/orders", json={"item": "tea ☕", "quantity": 2}, headers={"x-tenant": "acme"})
    assert answer.status_code == 201
    assert answer.json() == {"order": {"item": "tea ☕", "quantity": 2, "note": None}, "tenant": "acme"}
    assert eventually(lambda: site.calls[-3:] == ["enter", "create", "leave"])


@pytest.mark.parametrize(
    ("payload", "fault"),
    [({"quantity": 1}, "missing"), ({"item": "x", "quantity": "many"}, "int_parsing"), ([], "model_attributes_type"),
     (None, "missing")],
)  # fmt: skip
def test_fastapi_validation_errors_are_sealed_answers(
    shop: tuple[Site, NenClient], payload: object, fault: str
) -> None:
    answer = shop[1].post("/orders", json=payload)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["type"] == fault


def test_fastapi_path_and_query_parameters(shop: tuple[Site, NenClient]) -> None:
    client = shop[1]
    assert client.get("/orders/7", params={"fields": ["a", "é"]}).json() == {"number": 7, "fields": ["a", "é"]}
    assert client.get("/orders/x").status_code == 422
    for path in ("a/b c/ü.txt", "世界", "a%2Fb", "100%25"):
        assert client.get(f"/files/{path}").json()["path"] == httpx.URL(f"/{path}").path[1:]
    assert client.get("/files/x", cookies={"token": "t"}).json()["token"] == "t"


def test_fastapi_errors_keep_their_status(shop: tuple[Site, NenClient]) -> None:
    client = shop[1]
    missing = client.get("/orders/404")
    assert (missing.status_code, missing.json()) == (404, {"detail": {"missing": 404}})
    assert client.get("/nowhere").json() == {"detail": "Not Found"}
    assert client.put("/orders/7").status_code == 405


def test_fastapi_bare_value_and_null(shop: tuple[Site, NenClient]) -> None:
    client = shop[1]
    assert client.put("/number", json=5).json() == {"value": 5}
    assert client.put("/number", content=b"null").json() == {"value": None}
    assert client.put("/number").json() == {"value": None}


def test_fastapi_no_content_with_a_background_task(shop: tuple[Site, NenClient]) -> None:
    site, client = shop
    site.done.clear()
    answer = client.delete("/orders/7")
    assert (answer.status_code, answer.content) == (200, b"")
    assert site.done.wait(TIMEOUT)


def test_fastapi_server_sent_events(shop: tuple[Site, NenClient]) -> None:
    assert list(shop[1].stream("GET", "/events")) == ['{"token": "a"}', "two\nlines", r'"\ud83e\udd8a"']


def test_fastapi_documentation_on_plain_paths(shop: tuple[Site, NenClient]) -> None:
    site, _ = shop
    assert json.loads(ask(site.url, "GET", "/openapi.json").body)["info"]["title"] == "shop"
    assert ask(site.url, "GET", "/redoc").code == "ISO-2003"


def test_fastapi_exceptions_are_9000(shop: tuple[Site, NenClient]) -> None:
    for target in ("/crash", "/server-side"):
        with pytest.raises(NenError) as caught:
            shop[1].get(target)
        assert (caught.value.code, caught.value.remote) == ("ISO-9000", True)
        assert SECRET_DETAIL not in str(caught.value)


def test_fastapi_with_a_body_limit_of_its_own(start: Callable[..., str]) -> None:
    server = NenServer(config=ServerConfig(body_limit=2000))
    app = FastAPI()

    @app.post("/echo")
    async def echo(value: Annotated[Any, Body()]) -> Any:
        return value

    app.add_middleware(NenMiddleware, server=server)
    with NenClient(start(app)) as client:
        assert client.post("/echo", json="x" * 1000).json() == "x" * 1000
        with pytest.raises(NenError) as caught:
            client.post("/echo", json="x" * 3000)
        assert caught.value.code == "ISO-6001"
