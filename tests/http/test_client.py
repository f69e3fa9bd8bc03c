"""NenClient and AsyncNenClient: one list of tests for both, against a real server and against servers that misbehave.

The fake servers hold up the protocol's other end themselves, so that each answer can be wrong in one thing.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler
from typing import Any

import anyio
import httpx2 as httpx
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

import nen_ref.http.client
from nen_ref.http import AsyncNenClient, ChunkResponse, NenClient, NenMiddleware, NenServer, ServerConfig
from nen_ref.protocol.errors import CATALOGUE, NenError, error_body
from nen_ref.protocol.handshake import IdentityPolicy, respond
from nen_ref.protocol.identity import Identity
from nen_ref.protocol.messages import HANDSHAKE_PATH, ROTATE_PATH, STATUS_PATH, TERMINATE_PATH
from nen_ref.protocol.payload import dump_envelope, open_envelope, parse_envelope, seal
from nen_ref.protocol.session import Session
from nen_ref.protocol.stream import StreamSealer
from nen_ref.protocol.wire import encode_base64
from nen_ref.stores import MemoryStore
from tests.http.live import TIMEOUT, ask, eventually, scripted

VERBS = ["get", "post", "put", "patch", "delete", "options"]
JSON = {"content-type": "application/json"}
EVENTS = {"content-type": "text/event-stream"}
IDENTITY = Identity.from_seed(bytes(range(32)))


# --- both clients under one hand -------------------------------------------------------------------------------------


class Blocking:
    """An AsyncNenClient that is called like a NenClient."""

    END = object()

    def __init__(self, portal: BlockingPortal, client: AsyncNenClient) -> None:
        self._portal = portal
        self.client = client

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            return self._portal.call(partial(getattr(self.client, name), *arguments, **options))

        return call

    def stream(self, *arguments: Any, **options: Any) -> Iterator[str]:
        chunks = self.client.stream(*arguments, **options)

        async def following() -> Any:
            return await anext(chunks, self.END)  # type: ignore[call-overload]

        try:
            while (chunk := self._portal.call(following)) is not self.END:
                yield chunk
        finally:
            self._portal.call(chunks.aclose)  # type: ignore[attr-defined]

    def close(self) -> None:
        self._portal.call(self.client.aclose)


Make = Callable[..., Any]


@pytest.fixture(scope="module")
def portal() -> Iterator[BlockingPortal]:
    with start_blocking_portal() as portal:
        yield portal


@pytest.fixture(params=["sync", "async"])
def make(request: pytest.FixtureRequest, portal: BlockingPortal) -> Iterator[Make]:
    """Makes a client of the one kind or the other; all are closed in the end.

    There is no TLS here, and to load the certificates for it would take longer than most of these tests.
    """
    with ExitStack() as stack:

        def make(base_url: str, **options: Any) -> Any:
            options.setdefault("verify", False)
            if request.param == "sync":
                return stack.enter_context(NenClient(base_url, **options))
            client = Blocking(portal, portal.call(partial(AsyncNenClient, base_url, **options)))
            stack.callback(client.close)
            return client

        yield make


def session_of(client: Any) -> Any:
    return getattr(client, "client", client)._flow.session


def code_of(action: Callable[[], Any]) -> str:
    with pytest.raises(NenError) as caught:
        action()
    return caught.value.code


# --- a real server ---------------------------------------------------------------------------------------------------


@dataclass
class Site:
    url: str = ""
    store: MemoryStore = field(default_factory=MemoryStore)
    calls: list[str] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)

    def drop(self, client: Any) -> None:
        """End the client's session behind its back."""
        ask(self.url, "POST", TERMINATE_PATH, {"x-nen-session": session_of(client).sid})


def site_app(site: Site) -> Starlette:
    async def mirror(request: Request) -> Response:
        site.calls.append(request.method)
        nen = request.scope["nen"]
        answer = JSONResponse(
            {
                "method": request.method,
                "payload": None if nen.payload is None else nen.payload.decode(),
                "target": request.scope["raw_path"].decode(),
                "query": request.scope["query_string"].decode(),
                "headers": dict(request.headers),
                "identified": nen.session.identity == IDENTITY.pk,
            },
            headers={"x-own": "kept"},
        )
        answer.set_cookie("seen", "yes")
        return answer

    async def status(request: Request) -> Response:
        return JSONResponse({"detail": "by the handler"}, request.path_params["code"])

    async def gated(request: Request) -> Response:
        site.calls.append("gated")
        await opened()
        return JSONResponse({"in": "time"})

    async def opened() -> None:
        for _ in range(int(TIMEOUT / 0.01)):
            if site.gate.is_set():
                return
            await anyio.sleep(0.01)

    async def chunks(request: Request) -> Response:
        body = await request.body()
        return ChunkResponse(json.loads(body) if body else ["a", "é", "🦊", ""])

    async def slow_chunks(request: Request) -> Response:
        async def each() -> AsyncIterator[str]:
            yield "first"
            await opened()
            yield "second"

        return ChunkResponse(each())

    return Starlette(
        routes=[
            Route("/mirror", mirror, methods=["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]),
            Route("/mirror/{rest:path}", mirror, methods=["GET", "POST"]),
            Route("/status/{code:int}", status, methods=["GET", "POST"]),
            Route("/gated", gated),
            Route("/chunks", chunks, methods=["GET", "POST", "PUT"]),
            Route("/slow-chunks", slow_chunks),
        ],
        middleware=[Middleware(NenMiddleware, server=NenServer(store=site.store))],
    )


@pytest.fixture(scope="module")
def running(start: Callable[..., str]) -> Site:
    site = Site()
    app = site_app(site)
    site.url = start(Starlette(routes=[Mount("/below", app), Mount("", app)]))
    return site


@pytest.fixture
def site(running: Site) -> Iterator[Site]:
    running.calls.clear()
    running.gate.clear()
    yield running
    running.gate.set()


@pytest.fixture
def client(make: Make, site: Site) -> Any:
    return make(site.url)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("value", [{"a": [1, None, "é🦊"]}, [], "text", 0, False, 2.5, ""])
def test_each_verb_with_json(client: Any, verb: str, value: object) -> None:
    answer = getattr(client, verb)("/mirror", json=value)
    assert answer.status_code == 200
    assert answer.json()["method"] == verb.upper()
    assert json.loads(answer.json()["payload"]) == value


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_without_a_body(client: Any, verb: str) -> None:
    seen = getattr(client, verb)("/mirror").json()
    assert (seen["method"], seen["payload"]) == (verb.upper(), None)


def test_head(client: Any) -> None:
    answer = client.head("/mirror")
    assert (answer.status_code, answer.content, answer.headers["x-own"]) == (200, b"", "kept")
    assert client.head("/status/404").status_code == 404


def test_request_with_any_method(client: Any) -> None:
    assert client.request("put", "/mirror", json=1).json()["method"] == "PUT"
    assert client.request("PROPFIND", "/mirror").status_code == 405


def test_content_is_a_json_text_sent_as_it_is(client: Any) -> None:
    for text in (b'{ "big": 12345678901234567890, "e": 1E400 }', b"null", b' "x" ', '{"é":1}'.encode()):
        assert client.post("/mirror", content=text).json()["payload"] == text.decode()


def test_content_that_is_no_json_is_refused_by_the_server(client: Any, site: Site) -> None:
    for text in (b"", b"plain text", b"{'a':1}", b"\xff"):
        with pytest.raises(NenError) as caught:
            client.post("/mirror", content=text)
        assert (caught.value.code, caught.value.remote) == ("ISO-4003", True)
    assert site.calls == []


def test_json_null_is_a_body_only_as_content(client: Any) -> None:
    assert client.post("/mirror", json=None).json()["payload"] is None
    assert client.post("/mirror", content=b"null").json()["payload"] == "null"


def test_json_and_content_together_are_refused_before_anything_is_sent(client: Any) -> None:
    with pytest.raises(TypeError):
        client.post("/mirror", json=1, content=b"1")
    assert session_of(client) is None


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), object(), {1, 2}, b"bytes"], ids=["nan", "inf", "object", "set", "bytes"]
)
def test_what_json_cannot_say_is_refused_before_anything_is_sent(client: Any, value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        client.post("/mirror", json=value)
    assert session_of(client) is None


@pytest.mark.parametrize("option", ["data", "files"])
def test_a_body_that_would_not_be_sealed_is_not_dropped_in_silence(client: Any, site: Site, option: str) -> None:
    """httpx knows form data and files; Nen does not, and has to say so."""
    with pytest.raises(TypeError):
        client.post("/mirror", **{option: {"amount": b"100"}})
    assert site.calls == []


def test_params_headers_and_cookies_are_those_of_httpx(client: Any) -> None:
    seen = client.get(
        "/mirror",
        params={"q": ["1", "é x"], "empty": ""},
        headers={"x-a": "b", "authorization": "Bearer t"},
        cookies={"c": "d"},
    ).json()
    assert seen["query"] == str(httpx.QueryParams({"q": ["1", "é x"], "empty": ""}))
    assert (seen["headers"]["x-a"], seen["headers"]["authorization"]) == ("b", "Bearer t")
    assert seen["headers"]["cookie"] == "c=d"
    again = client.get("/mirror").json()
    assert again["query"] == ""
    assert "x-a" not in again["headers"]


def test_cookies_of_an_answer_are_kept(client: Any) -> None:
    assert client.get("/mirror").cookies["seen"] == "yes"
    assert client.get("/mirror").json()["headers"]["cookie"] == "seen=yes"


def test_defaults_of_the_client(make: Make, site: Site) -> None:
    client = make(site.url, headers={"x-a": "default"}, cookies={"c": "d"}, params={"tenant": "acme"})
    seen = client.get("/mirror").json()
    assert (seen["headers"]["x-a"], seen["headers"]["cookie"], seen["query"]) == ("default", "c=d", "tenant=acme")
    assert client.get("/mirror", headers={"x-a": "own"}).json()["headers"]["x-a"] == "own"


@pytest.mark.parametrize("how", ["params", "in the URL"])
def test_default_params_do_not_replace_those_of_the_request(make: Make, site: Site, how: str) -> None:
    """What httpx makes of both is what has to arrive."""
    client = make(site.url, params={"tenant": "acme"})
    url, options = ("/mirror", {"params": {"q": "1"}}) if how == "params" else ("/mirror?q=1", {})
    with httpx.Client(base_url=site.url, params={"tenant": "acme"}, verify=False) as plain:
        expected = plain.build_request("GET", url, **options).url.query.decode()
    assert client.get(url, **options).json()["query"] == expected


def test_a_header_of_nen_cannot_be_overridden(client: Any) -> None:
    for name in ("X-Nen-Session", "X-NEN-SIGNATURE", "x-nen-timestamp", "Content-Type", "Content-Length"):
        assert client.post("/mirror", json=1, headers={name: "7"}).json()["payload"] == "1"


def test_timeout_of_one_request(client: Any, site: Site) -> None:
    client.handshake()
    with pytest.raises(httpx.TimeoutException):
        client.get("/gated", timeout=0.1)
    site.gate.set()
    assert client.get("/gated").json() == {"in": "time"}


PATHS = [
    "/mirror/é", "/mirror/世界", "/mirror/🦊", "/mirror/a b", "/mirror/a%20b", "/mirror/a%2fb", "/mirror/a%2Fb",
    "/mirror/%c3%a9", "/mirror/%7E~", "/mirror/./x", "/mirror/y/../x", "/mirror/%2e%2e/x", "/mirror/x/", "/mirror/",
    "/mirror//x", "/mirror/a:b@c!$&'()*+,;=", "/mirror/\"<>`{|}\\^", "/mirror/100%", "/mirror/%zz", "mirror/relative",
    "/mirror/x?q=1&r=%C3%A9#part", "/mirror/x#part", "/mirror/x?q=é/ä?&s", "/mirror?", "/mirror/x;v=1",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_paths_and_queries_go_out_as_httpx_sends_them(client: Any, site: Site, path: str) -> None:
    """The signature is over what stands on the wire, whatever the way there."""
    with httpx.Client(base_url=site.url, verify=False) as plain:
        raw = plain.build_request("POST", path).url.raw_path
    for attempt in (lambda: client.get(path), lambda: client.post(path, json=1)):
        seen = attempt().json()
        assert (seen["target"], seen["query"]) == tuple(raw.decode().partition("?")[::2])


def test_absolute_url_and_url_object(client: Any, site: Site) -> None:
    assert client.get(f"{site.url}/mirror/abs").json()["target"] == "/mirror/abs"
    assert client.get(httpx.URL(f"{site.url}/mirror/é")).json()["target"] == "/mirror/%C3%A9"


def test_base_url_with_a_path(make: Make, site: Site) -> None:
    for base in (site.url + "/below", site.url + "/below/"):
        client = make(base)
        for url in ("/mirror/x", "mirror/x"):
            assert client.post(url, json=1).json()["target"] == "/below/mirror/x"
        assert client.status()
        client.rotate()
        client.terminate()


def test_the_response_is_usable_as_one_of_httpx(client: Any, site: Site) -> None:
    answer = client.post("/mirror", json={"x": 1})
    assert isinstance(answer, httpx.Response)
    assert (answer.status_code, answer.reason_phrase, answer.is_success, answer.http_version) == (
        200, "OK", True, "HTTP/1.1",
    )  # fmt: skip
    assert answer.json() == json.loads(answer.text) == json.loads(answer.content) == json.loads(answer.read())
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-own"] == "kept"
    assert answer.headers["content-length"] == str(len(answer.content))
    assert not {"content-encoding", "transfer-encoding"} & set(answer.headers)
    assert (answer.request.method, str(answer.url)) == ("POST", f"{site.url}/mirror")
    assert answer.raise_for_status() is answer
    assert answer.is_closed
    assert answer.history == []
    assert b"".join(answer.iter_bytes()) == answer.content


def test_the_response_knows_how_long_it_took(client: Any) -> None:
    assert client.get("/mirror").elapsed.total_seconds() > 0


@pytest.mark.parametrize("code", [201, 302, 400, 403, 404, 409, 418, 422, 500, 503])
def test_statuses_of_the_handler(client: Any, code: int) -> None:
    answer = client.get(f"/status/{code}")
    assert (answer.status_code, answer.json()) == (code, {"detail": "by the handler"})
    if code >= 400:
        with pytest.raises(httpx.HTTPStatusError):
            answer.raise_for_status()


def test_a_401_of_the_handler_is_opened_too(client: Any) -> None:
    """By V1-LIFE-07 it costs a new handshake and a second attempt; what comes of it is the handler's sealed answer."""
    answer = client.get("/status/401")
    assert (answer.status_code, answer.json()) == (401, {"detail": "by the handler"})
    assert client.get("/mirror").status_code == 200


def test_streams(client: Any) -> None:
    assert list(client.stream("GET", "/chunks")) == ["a", "é", "🦊", ""]
    for chunks in ([], [""], ["x" * 100_000], ["a\r\n", "\n", "data: b\n\n"], [str(i) for i in range(300)]):
        assert list(client.stream("POST", "/chunks", json=chunks)) == chunks
    assert list(client.stream("PUT", "/chunks", content=b'["c"]', params={"q": "1"}, headers={"x-a": "b"})) == ["c"]
    assert client.get("/mirror").status_code == 200


def test_a_stream_that_is_not_read_is_not_asked_for(client: Any, site: Site) -> None:
    client.stream("GET", "/chunks")
    assert session_of(client) is None


def test_a_stream_arrives_as_it_is_sent(client: Any, site: Site) -> None:
    stream = client.stream("GET", "/slow-chunks", timeout=2 * TIMEOUT)
    assert next(stream) == "first"
    site.gate.set()
    assert list(stream) == ["second"]


def test_a_stream_that_falls_silent_is_7002(client: Any) -> None:
    client.handshake()
    stream = client.stream("GET", "/slow-chunks", timeout=0.2)
    assert next(stream) == "first"
    assert code_of(lambda: next(stream)) == "ISO-7002"


def test_a_stream_closed_early_gives_its_connection_back(make: Make, site: Site) -> None:
    client = make(site.url, limits=httpx.Limits(max_connections=1), timeout=httpx.Timeout(TIMEOUT, pool=2))
    for _ in range(3):
        stream = client.stream("GET", "/slow-chunks")
        assert next(stream) == "first"
        stream.close()
        assert client.get("/mirror").status_code == 200
    assert list(client.stream("GET", "/chunks")) == ["a", "é", "🦊", ""]
    assert client.get("/mirror").status_code == 200


class Watched(httpx.SyncByteStream, httpx.AsyncByteStream):
    """The body of an answer, one event at a time, which knows whether it was closed."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._pieces = pieces
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        yield from self._pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece

    def close(self) -> None:
        self.closed = True

    async def aclose(self) -> None:
        self.closed = True


@pytest.mark.parametrize("how", ["read to the end", "closed early", "cut", "tampered", "never right", "refused"])
def test_the_answer_of_a_stream_is_closed_whatever_happens(make: Make, how: str) -> None:
    watched: list[Watched] = []

    def application(fake: Fake, request: httpx.Request, session: Session) -> httpx.Response:
        pieces = {"cut": three(session)[:2], "tampered": [three(session)[0], three(session)[0]]}
        watched.append(Watched(pieces.get(how, three(session))))
        headers = EVENTS if how == "never right" else {**EVENTS, "x-nen-stream-nonce": encode_base64(BASE)}
        return httpx.Response(503 if how == "refused" else 200, headers=headers, stream=watched[-1])

    client, _ = faked(make, application)
    if how == "closed early":
        stream = client.stream("GET", "/x")
        assert next(stream) == "one"
        assert not watched[0].closed
        stream.close()
    else:
        drained(client)
    assert [each.closed for each in watched] == [True]


@pytest.mark.parametrize("attempt", ["get", "stream"])
def test_the_answer_of_a_first_attempt_is_closed(make: Make, attempt: str) -> None:
    """Of a 401 that calls itself a stream, nothing is read; its connection must not be held for ever."""
    watched: list[Watched] = []

    def application(fake: Fake, request: httpx.Request, session: Session) -> httpx.Response:
        watched.append(Watched([b"data: x\n\n"]))
        return httpx.Response(401, headers=EVENTS, stream=watched[-1])

    client, _ = faked(make, application)
    with suppress(NenError, httpx.ResponseNotRead):
        ATTEMPTS[attempt](client)
    assert [each.closed for each in watched] == [True, True]


@pytest.mark.anyio
async def test_an_async_stream_left_in_the_middle(site: Site) -> None:
    async with AsyncNenClient(site.url, limits=httpx.Limits(max_connections=1)) as client:
        async for chunk in (stream := client.stream("GET", "/slow-chunks")):
            assert chunk == "first"
            break
        await stream.aclose()  # type: ignore[attr-defined]
        assert (await client.get("/mirror")).status_code == 200


@pytest.mark.anyio
async def test_a_cancelled_request_leaves_the_client_usable(site: Site) -> None:
    async with AsyncNenClient(site.url, limits=httpx.Limits(max_connections=1)) as client:
        await client.handshake()
        with anyio.move_on_after(0.1) as scope:
            await client.get("/gated")
        assert scope.cancelled_caught
        assert (await client.get("/mirror")).status_code == 200


@pytest.mark.anyio
async def test_many_tasks_on_one_client(site: Site) -> None:
    async with AsyncNenClient(site.url) as client:
        got: dict[int, object] = {}

        async def work(number: int) -> None:
            if number % 3:
                got[number] = json.loads((await client.post("/mirror", json=number)).json()["payload"])
            else:
                got[number] = [chunk async for chunk in client.stream("POST", "/chunks", json=[str(number)])]

        async with anyio.create_task_group() as group:
            for number in range(30):
                group.start_soon(work, number)
    assert got == {number: number if number % 3 else [str(number)] for number in range(30)}


def test_many_threads_on_one_client(site: Site) -> None:
    with NenClient(site.url) as client:
        wrong = in_threads(8, lambda number: client.post("/mirror", json=number).json()["payload"] == str(number))
    assert wrong == []


def in_threads(count: int, work: Callable[[int], object]) -> list[object]:
    """What went wrong: a false result, or an exception."""
    wrong: list[object] = []
    together = threading.Barrier(count)

    def run(number: int) -> None:
        together.wait()
        try:
            if not work(number):
                wrong.append(number)
        except Exception as fault:
            wrong.append(fault)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return wrong


# --- identity and the life of a session ------------------------------------------------------------------------------


def test_identity(make: Make, site: Site) -> None:
    assert make(site.url, identity=IDENTITY).get("/mirror").json()["identified"] is True
    assert make(site.url).get("/mirror").json()["identified"] is False


@pytest.mark.parametrize(
    "policy", [IdentityPolicy(required=True), IdentityPolicy(pinned=frozenset([IDENTITY.pk]))], ids=["any", "pinned"]
)
def test_a_server_that_requires_an_identity(make: Make, start: Callable[..., str], policy: IdentityPolicy) -> None:
    app = Starlette(routes=[Route("/hello", lambda request: JSONResponse("hi"))])
    url = start(NenMiddleware(app, server=NenServer(config=ServerConfig(identity=policy))))
    known = make(url, identity=IDENTITY)
    assert known.get("/hello").json() == "hi"
    known.rotate()
    assert known.get("/hello").json() == "hi"
    strangers = [make(url)]
    if policy.pinned:
        strangers.append(make(url, identity=Identity.from_seed(bytes(32))))
    for stranger in strangers:
        with pytest.raises(NenError, match="ISO-3004") as caught:
            stranger.get("/hello")
        assert caught.value.code == "ISO-1004"


def test_rotate(client: Any, site: Site) -> None:
    client.get("/mirror")
    before = session_of(client).sid
    client.rotate()
    assert session_of(client).sid != before
    assert client.status() is True
    assert json.loads(ask(site.url, "GET", STATUS_PATH, {"x-nen-session": before}).body) == {"valid": False}
    assert client.get("/mirror").status_code == 200


def test_terminate(client: Any, site: Site) -> None:
    client.get("/mirror")
    sid = session_of(client).sid
    client.terminate()
    assert json.loads(ask(site.url, "GET", STATUS_PATH, {"x-nen-session": sid}).body) == {"valid": False}
    for action in (
        lambda: client.get("/mirror"),
        lambda: list(client.stream("GET", "/chunks")),
        client.status,
        client.rotate,
        client.terminate,
    ):
        assert code_of(action) == "ISO-2001"
    client.handshake()
    assert client.get("/mirror").status_code == 200


def test_before_the_first_handshake(client: Any) -> None:
    for action in (client.status, client.rotate, client.terminate):
        assert code_of(action) == "ISO-2001"


def test_after_close(client: Any) -> None:
    client.get("/mirror")
    client.close()
    for action in (lambda: client.get("/mirror"), lambda: list(client.stream("GET", "/chunks")), client.status):
        assert code_of(action) == "ISO-2001"
    client.close()


def test_status_of_a_session_that_is_gone(client: Any, site: Site) -> None:
    client.handshake()
    assert client.status() is True
    site.drop(client)
    assert client.status() is False


@pytest.mark.parametrize(
    ("status", "body", "valid"),
    [
        (200, b' {"valid" : true, "more": 1}', True),
        (200, b'[{"valid":true}]', False),
        (200, b'{"valid":false,"session":{"valid":true}}', False),
        (200, b'{"valid":false,"valid":true}', False),
        (200, b'<p>"valid":true</p>', False),
        (200, b'{"valid":1}', False),
        (401, b'{"valid":true}', False),
    ],
)
def test_what_counts_as_a_valid_session(make: Make, status: int, body: bytes, valid: bool) -> None:
    client, _ = faked(make, lambda fake, request, session: httpx.Response(status, headers=JSON, content=body))
    client.handshake()
    assert client.status() is valid


def test_a_session_that_the_server_lost_is_renewed(client: Any, site: Site) -> None:
    client.get("/mirror")
    for attempt in (
        lambda: client.post("/mirror", json=1).json()["payload"] == "1",
        lambda: list(client.stream("GET", "/chunks")) == ["a", "é", "🦊", ""],
        lambda: client.head("/mirror").status_code == 200,
    ):
        site.drop(client)
        before = session_of(client).sid
        site.calls.clear()
        assert attempt()
        assert session_of(client).sid != before
        assert len(site.calls) <= 1


def test_no_key_in_any_text(client: Any, site: Site) -> None:
    client.get("/mirror")
    session = session_of(client)
    keys = [session._keys.enc, session._keys.mac]
    flow = getattr(client, "client", client)._flow
    texts = [repr(each) + str(each) for each in (client, flow, session, session._keys, IDENTITY)]
    with pytest.raises(NenError) as caught:
        client.post("/mirror", content=b"")
    texts += [repr(caught.value), str(caught.value)]
    client.terminate()
    texts += [repr(vars(flow)), repr(vars(session))]
    for key in [*keys, IDENTITY.sk[:32]]:
        for form in (encode_base64(key)[:-1], key.hex(), repr(key)[2:-1]):
            assert not [text for text in texts if form in text]


# --- a server that can be wrong in every answer ----------------------------------------------------------------------


def sealed(session: Session, payload: bytes, n: bytes | None = None) -> bytes:
    return dump_envelope(seal(session.keys.enc, os.urandom(12) if n is None else n, payload))


def answer(session: Session, payload: bytes = b"{}", status: int = 200) -> httpx.Response:
    return httpx.Response(status, headers=JSON, content=sealed(session, payload))


def events(session: Session, chunks: Sequence[bytes], base: bytes) -> list[bytes]:
    sealer = StreamSealer(session.keys.enc, base)
    return [*(sealer.seal(chunk) for chunk in chunks), sealer.finish()]


def refusing(code: str, status: int | None = None) -> httpx.Response:
    entry = CATALOGUE[code]
    return httpx.Response(entry.status if status is None else status, headers=JSON, content=error_body(entry))


Application = Callable[["Fake", httpx.Request, Session], httpx.Response]


class Fake:
    """The other end of the protocol behind a MockTransport: `application` makes each answer, wrong as it may be."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self.paths: list[str] = []
        self.sessions: dict[str, Session] = {}
        self.transport = httpx.MockTransport(self)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.paths.append(request.url.path)
        if request.url.path in (HANDSHAKE_PATH, ROTATE_PATH):
            number = len(self.sessions)
            accepted = respond(
                request.content, m=bytes([number]) * 32, mac_key=bytes([number + 100]) * 32, sid=f"s{number}", now=0
            )
            self.sessions[accepted.session.sid] = accepted.session
            return httpx.Response(200, headers=JSON, content=accepted.reply.body)
        return self._application(self, request, self.sessions[request.headers["x-nen-session"]])

    @property
    def handshakes(self) -> int:
        return self.paths.count(HANDSHAKE_PATH)

    @property
    def requests(self) -> int:
        return len(self.paths) - self.handshakes


def faked(make: Make, application: Application, **options: Any) -> tuple[Any, Fake]:
    fake = Fake(application)
    return make("http://fake.example", transport=fake.transport, **options), fake


ATTEMPTS: dict[str, Callable[[Any], Any]] = {
    "get": lambda client: client.get("/x"),
    "post": lambda client: client.post("/x", json={"a": 1}),
    "stream": lambda client: list(client.stream("POST", "/x", json={"a": 1})),
}


@pytest.mark.parametrize("attempt", ATTEMPTS)
@pytest.mark.parametrize(
    "refuse",
    [lambda: refusing("ISO-2002"), lambda: refusing("ISO-3003"), lambda: httpx.Response(401, html="<p>log in")],
    ids=["ISO-2002", "ISO-3003", "page"],
)
def test_401_for_ever(make: Make, attempt: str, refuse: Callable[[], httpx.Response]) -> None:
    """Exactly one more handshake and two attempts, each with a nonce and a signature of its own. V1-LIFE-07."""
    sent: list[httpx.Request] = []

    def application(fake: Fake, request: httpx.Request, session: Session) -> httpx.Response:
        sent.append(request)
        return refuse()

    client, fake = faked(make, application)
    client.handshake()
    with suppress(NenError):
        assert ATTEMPTS[attempt](client).status_code == 401
    assert (fake.handshakes, fake.requests) == (2, 2)
    assert [request.headers["x-nen-session"] for request in sent] == ["s0", "s1"]
    assert sent[0].headers["x-nen-signature"] != sent[1].headers["x-nen-signature"]
    if attempt != "get":
        assert json.loads(sent[0].content)["n"] != json.loads(sent[1].content)["n"]


@pytest.mark.parametrize("attempt", ["get", "post"])
def test_401_once(make: Make, attempt: str) -> None:
    def application(fake: Fake, request: httpx.Request, session: Session) -> httpx.Response:
        return refusing("ISO-2002") if session.sid == "s0" else answer(session, b'"good"')

    client, fake = faked(make, application)
    assert ATTEMPTS[attempt](client).json() == "good"
    assert (fake.handshakes, fake.requests) == (2, 2)
    assert ATTEMPTS[attempt](client).json() == "good"
    assert (fake.handshakes, fake.requests) == (2, 3)


def test_401_once_and_then_another_refusal(make: Make) -> None:
    def application(fake: Fake, request: httpx.Request, session: Session) -> httpx.Response:
        return refusing("ISO-2002") if session.sid == "s0" else refusing("ISO-5001")

    client, fake = faked(make, application)
    assert code_of(lambda: client.get("/x")) == "ISO-5001"
    assert (fake.handshakes, fake.requests) == (2, 2)


@pytest.mark.parametrize("code", ["ISO-4001", "ISO-4003", "ISO-5001", "ISO-6001", "ISO-6002", "ISO-9000"])
def test_other_refusals_are_raised_once_and_the_session_stays(make: Make, code: str) -> None:
    client, fake = faked(make, lambda fake, request, session: refusing(code))
    for count in (1, 2):
        with pytest.raises(NenError) as caught:
            client.post("/x", json=1)
        assert (caught.value.code, caught.value.remote) == (code, True)
        assert (fake.handshakes, fake.requests) == (1, count)


def test_a_second_handshake_that_fails_is_the_error_of_the_request(make: Make) -> None:
    def transport(request: httpx.Request) -> httpx.Response:
        if request.url.path == HANDSHAKE_PATH and fake.handshakes == 1:
            fake.paths.append(HANDSHAKE_PATH)
            return httpx.Response(503)
        return fake(request)

    fake = Fake(lambda fake, request, session: refusing("ISO-2002"))
    client = make("http://fake.example", transport=httpx.MockTransport(transport))
    assert code_of(lambda: client.get("/x")) == "ISO-1004"
    assert code_of(client.status) == "ISO-2001"  # the old session is over, and no new one came about
    assert code_of(lambda: client.get("/x")) == "ISO-2002"  # the next request makes one


def test_a_run_can_be_replayed(make: Make) -> None:
    """With clock and random bytes from outside, the same bytes go out."""

    def record() -> list[tuple[str, bytes, bytes]]:
        sent = []

        def application(fake: Fake, request: httpx.Request, session: Session) -> httpx.Response:
            n = bytes([len(sent)]) * 12
            sent.append((str(request.url), request.content, request.headers["x-nen-signature"].encode()))
            return httpx.Response(200, headers=JSON, content=sealed(session, b"1", n))

        counter = iter(range(1000))

        def random_bytes(size: int) -> bytes:
            return bytes([0x80 | next(counter)]) * size

        client, _ = faked(make, application, clock=lambda: 1_800_000_000_000, random_bytes=random_bytes)
        client.post("/a", json=[1])
        client.get("/b?c=d")
        client.rotate()
        client.put("/e", json={})
        return sent

    assert record() == record()


# --- handshakes that fail --------------------------------------------------------------------------------------------

TRIGGERS: dict[str, Callable[[Any], Any]] = {
    "handshake": lambda client: client.handshake(),
    "request": lambda client: client.post("/x", json={"secret": 1}),
    "stream": lambda client: list(client.stream("POST", "/x", json={"secret": 1})),
}


def handshake_answered(make: Make, respond_with: Callable[[dict[str, Any]], httpx.Response]) -> tuple[Any, Fake]:
    """A client whose handshakes are answered by what becomes of a right answer's members."""
    fake = Fake(lambda fake, request, session: httpx.Response(500))

    def transport(request: httpx.Request) -> httpx.Response:
        right = fake(request)
        return respond_with(right.json()) if request.url.path == HANDSHAKE_PATH else right

    return make("http://fake.example", transport=httpx.MockTransport(transport)), fake


def of_length(size: int) -> str:
    return base64.b64encode(bytes(size)).decode()


BAD_HANDSHAKES: dict[str, Callable[[dict[str, Any]], httpx.Response]] = {
    "400": lambda right: refusing("ISO-1001"),
    "500": lambda right: refusing("ISO-1002"),
    "401": lambda right: refusing("ISO-3004"),
    "404-page": lambda right: httpx.Response(404, html="<h1>Not Found"),
    "502-empty": lambda right: httpx.Response(502),
    "500-with-the-right-answer": lambda right: httpx.Response(500, json=right),
    "301": lambda right: httpx.Response(301, headers={"location": "/elsewhere"}),
    "307": lambda right: httpx.Response(307, headers={"location": HANDSHAKE_PATH}),
    "302-to-login": lambda right: httpx.Response(302, headers={"location": "http://login.example/"}, json=right),
    "html": lambda right: httpx.Response(200, html="<p>welcome"),
    "empty": lambda right: httpx.Response(200),
    "204": lambda right: httpx.Response(204),
    "array": lambda right: httpx.Response(200, json=[right]),
    "text": lambda right: httpx.Response(200, json="right"),
    "null": lambda right: httpx.Response(200, json=None),
    "not-utf8": lambda right: httpx.Response(200, content=b'{"sid":"\xff"}'),
    "cut": lambda right: httpx.Response(200, content=json.dumps(right).encode()[:-5]),
    "duplicate": lambda right: httpx.Response(200, content=json.dumps(right).encode()[:-1] + b',"sid":"b"}'),
    "v3": lambda right: httpx.Response(200, json={"sid": "a", "ct": right["ct"], "ticket": "t"}),
    "other-type": lambda right: httpx.Response(200, headers=EVENTS, content=b"data: x\n\n"),
    **{
        f"{name}-{label}": lambda right, name=name, value=value: httpx.Response(200, json={**right, name: value})
        for name in ("sid", "ct", "hmac")
        for label, value in {"null": None, "number": 7, "list": [1, 2], "object": {}, "true": True, "": ""}.items()
    },
    **{
        f"no-{name}": lambda right, name=name: httpx.Response(
            200, json={key: value for key, value in right.items() if key != name}
        )
        for name in ("sid", "ct", "hmac")
    },
    **{
        f"ct-{size}": lambda right, size=size: httpx.Response(200, json={**right, "ct": of_length(size)})
        for size in (0, 32, 1087, 1089, 768, 1568)
    },
    **{
        f"hmac-{size}": lambda right, size=size: httpx.Response(200, json={**right, "hmac": of_length(size)})
        for size in (0, 31, 33, 64)
    },
    "ct-array": lambda right: httpx.Response(200, json={**right, "ct": list(bytes(1088))}),
    "ct-urlsafe": lambda right: httpx.Response(200, json={**right, "ct": "-_" + right["ct"][2:]}),
    "ct-unpadded": lambda right: httpx.Response(200, json={**right, "ct": right["ct"].rstrip("=")}),
    "hmac-spaces": lambda right: httpx.Response(200, json={**right, "hmac": right["hmac"] + " "}),
    "hmac-hex": lambda right: httpx.Response(200, json={**right, "hmac": bytes(32).hex()}),
    "sid-line-feed": lambda right: httpx.Response(200, json={**right, "sid": "a\r\nx-evil: 1"}),
    "sid-nul": lambda right: httpx.Response(200, json={**right, "sid": "a\x00"}),
    "sid-emoji": lambda right: httpx.Response(200, json={**right, "sid": "🦊"}),
    "sid-blank": lambda right: httpx.Response(200, json={**right, "sid": " "}),
    "not-gzip": lambda right: httpx.Response(
        200, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(b"this is not gzip")
    ),
}


@pytest.mark.parametrize("trigger", TRIGGERS)
@pytest.mark.parametrize("bad", BAD_HANDSHAKES)
def test_a_handshake_answer_that_cannot_be_used_is_1004(make: Make, bad: str, trigger: str) -> None:
    """No session comes of it, nothing else is sent, and the next attempt begins anew. V1-HS-12, V1-HS-13."""
    client, fake = handshake_answered(make, BAD_HANDSHAKES[bad])
    assert code_of(lambda: TRIGGERS[trigger](client)) == "ISO-1004"
    assert fake.paths == [HANDSHAKE_PATH]
    assert code_of(client.status) == "ISO-2001"
    assert code_of(lambda: TRIGGERS[trigger](client)) == "ISO-1004"


def test_the_code_of_the_server_is_in_the_detail(make: Make) -> None:
    client, _ = handshake_answered(make, BAD_HANDSHAKES["401"])
    with pytest.raises(NenError, match="ISO-3004") as caught:
        client.handshake()
    assert caught.value.remote is False


def test_further_members_of_a_handshake_answer_are_ignored(make: Make) -> None:
    client, _ = handshake_answered(make, lambda right: httpx.Response(201, json={**right, "more": [1], "ticket": 2}))
    client.handshake()
    assert session_of(client).sid == "s0"


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_a_handshake_answer_beyond_the_limit_is_1004(make: Make, trigger: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nen_ref.http.client, "MAX_ANSWER_SIZE", 5000)
    client, fake = handshake_answered(make, lambda right: httpx.Response(200, json={**right, "more": "x" * 5000}))
    assert code_of(lambda: TRIGGERS[trigger](client)) == "ISO-1004"
    assert fake.paths == [HANDSHAKE_PATH]


FAULTS = [
    httpx.ConnectError, httpx.ConnectTimeout, httpx.ReadTimeout, httpx.ReadError, httpx.WriteError,
    httpx.RemoteProtocolError, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol,
]  # fmt: skip


@pytest.mark.parametrize("trigger", TRIGGERS)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_handshake_that_the_transport_fails_is_1003(
    make: Make, fault: type[httpx.TransportError], trigger: str
) -> None:
    def transport(request: httpx.Request) -> httpx.Response:
        raise fault("no", request=request)

    client = make("http://fake.example", transport=httpx.MockTransport(transport))
    with pytest.raises(NenError, match=fault.__name__) as caught:
        TRIGGERS[trigger](client)
    assert caught.value.code == "ISO-1003"
    assert isinstance(caught.value.__cause__, fault)


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_nobody_listens(make: Make, trigger: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert code_of(lambda: TRIGGERS[trigger](make(f"http://127.0.0.1:{port}"))) == "ISO-1003"


def says_nothing(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.settimeout(TIMEOUT)
    with suppress(OSError):
        handler.connection.recv(1)  # until the client has had enough


def hangs_in_the_body(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{")
    handler.wfile.flush()
    says_nothing(handler)


def drops_the_body(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{")


def drops_the_head(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-ty")


def hangs_up(handler: BaseHTTPRequestHandler) -> None:
    pass


def speaks_something_else(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"220 mail.example ESMTP\r\n")


@pytest.mark.parametrize("trigger", TRIGGERS)
@pytest.mark.parametrize(
    "behaviour",
    [says_nothing, hangs_in_the_body, drops_the_body, drops_the_head, hangs_up, speaks_something_else],
    ids=lambda behaviour: behaviour.__name__,
)
def test_a_server_that_fails_the_handshake_on_the_wire_is_1003(
    make: Make, behaviour: Callable[[BaseHTTPRequestHandler], None], trigger: str
) -> None:
    with scripted(behaviour) as url:
        client = make(url, timeout=0.15)
        assert code_of(lambda: TRIGGERS[trigger](client)) == "ISO-1003"
        client.close()


def test_terminate_forgets_the_keys_when_the_server_cannot_be_reached(make: Make) -> None:
    def transport(request: httpx.Request) -> httpx.Response:
        if request.url.path == TERMINATE_PATH:
            raise httpx.ConnectError("no")
        return fake(request)

    fake = Fake(lambda fake, request, session: answer(session))
    client = make("http://fake.example", transport=httpx.MockTransport(transport))
    client.handshake()
    session = session_of(client)
    with pytest.raises((httpx.ConnectError, NenError)):
        client.terminate()
    assert session._keys is None
    assert code_of(lambda: client.get("/x")) == "ISO-2001"


def test_a_rotation_that_is_refused_leaves_the_session(make: Make) -> None:
    def transport(request: httpx.Request) -> httpx.Response:
        return httpx.Response(503) if request.url.path == ROTATE_PATH else fake(request)

    fake = Fake(lambda fake, request, session: answer(session, b'"still"'))
    client = make("http://fake.example", transport=httpx.MockTransport(transport))
    client.handshake()
    assert code_of(client.rotate) == "ISO-1004"
    assert client.get("/x").json() == "still"
    assert fake.handshakes == 1


# --- answers that are refused ----------------------------------------------------------------------------------------


def changed(session: Session, **members: Any) -> bytes:
    value = json.loads(sealed(session, b'{"balance":1000}'))
    return json.dumps({**value, **{name: change(value[name]) for name, change in members.items()}}).encode()


def flip(text: str) -> str:
    data = bytearray(base64.b64decode(text))
    data[-1] ^= 1
    return base64.b64encode(data).decode()


Body = Callable[[httpx.Request, Session], bytes]
BAD_BODIES: dict[str, tuple[str, Body]] = {
    "plain": ("ISO-6001", lambda request, session: b'{"balance":1000}'),
    "plain-null": ("ISO-6001", lambda request, session: b"null"),
    "empty": ("ISO-6001", lambda request, session: b""),
    "not-json": ("ISO-6001", lambda request, session: b"<p>"),
    "list": ("ISO-6001", lambda request, session: b"[" + sealed(session, b"1") + b"]"),
    "error-with-200": ("ISO-6001", lambda request, session: error_body(CATALOGUE["ISO-5001"])),
    "no-ct": ("ISO-6001", lambda request, session: b'{"n":"AAAAAAAAAAAAAAAA"}'),
    "no-n": ("ISO-6001", lambda request, session: b'{"ct":"AAAA"}'),
    "ct-list": ("ISO-6001", lambda request, session: changed(session, ct=lambda ct: list(base64.b64decode(ct)))),
    "n-list": ("ISO-6001", lambda request, session: changed(session, n=lambda n: list(base64.b64decode(n)))),
    "n-short": ("ISO-6001", lambda request, session: changed(session, n=lambda n: n[:-4])),
    "n-long": ("ISO-6001", lambda request, session: changed(session, n=lambda n: n + "AAAA")),
    "ct-not-base64": ("ISO-6002", lambda request, session: changed(session, ct=lambda ct: "*" + ct[1:])),
    "n-not-base64": ("ISO-6002", lambda request, session: changed(session, n=lambda n: n[:-1] + "-")),
    "duplicate": ("ISO-6001", lambda request, session: sealed(session, b"1")[:-1] + b',"n":"AAAAAAAAAAAAAAAA"}'),
    "ct-flipped": ("ISO-4001", lambda request, session: changed(session, ct=flip)),
    "n-flipped": ("ISO-4001", lambda request, session: changed(session, n=flip)),
    "ct-short": ("ISO-4001", lambda request, session: changed(session, ct=lambda ct: "AAAA")),
    "ct-empty": ("ISO-4001", lambda request, session: changed(session, ct=lambda ct: "")),
    "other-key": ("ISO-4001", lambda request, session: dump_envelope(seal(bytes(32), bytes(12), b"1"))),
    "reflected": ("ISO-4001", lambda request, session: request.content),
    "reflected-nonce": (
        "ISO-4001",
        lambda request, session: sealed(session, b"1", parse_envelope(request.content).n),
    ),
}


NOT_EVEN_SEALED = {"plain", "plain-null", "empty", "not-json", "error-with-200", "list", "no-ct", "no-n", "duplicate"}


@pytest.mark.parametrize(
    ("bad", "status"),
    [(bad, status) for bad in BAD_BODIES for status in (200, 201, 404) if status < 400 or bad not in NOT_EVEN_SEALED],
)
def test_an_answer_that_is_not_sealed_right_is_refused(make: Make, bad: str, status: int) -> None:
    """Whatever its status, nothing that was sealed wrong is handed out, and the session goes on. V1-RES-03, -04.

    A refusal that is not even sealed may come from something in between: other tests are of those.
    """
    code, body = BAD_BODIES[bad]
    good = False

    def application(fake: Fake, request: httpx.Request, session: Session) -> httpx.Response:
        if good:
            return answer(session, b'"good"')
        return httpx.Response(status, headers=JSON, content=body(request, session))

    client, fake = faked(make, application)
    assert code_of(lambda: client.post("/x", json={"a": 1})) == code
    good = True
    assert client.post("/x", json={"a": 1}).json() == "good"
    assert fake.handshakes == 1


@pytest.mark.parametrize("content_type", ["text/html", "text/plain", "application/problem+json", "", "text/json"])
def test_an_answer_of_another_type_is_6001(make: Make, content_type: str) -> None:
    def application(fake: Fake, request: httpx.Request, session: Session) -> httpx.Response:
        headers = {"content-type": content_type} if content_type else {}
        return httpx.Response(200, headers=headers, content=sealed(session, b"1"))

    client, _ = faked(make, application)
    assert code_of(lambda: client.get("/x")) == "ISO-6001"


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON", "application/json "])
def test_an_answer_of_the_right_type_however_written(make: Make, content_type: str) -> None:
    def application(fake: Fake, request: httpx.Request, session: Session) -> httpx.Response:
        return httpx.Response(200, headers={"content-type": content_type}, content=sealed(session, b"1"))

    client, _ = faked(make, application)
    assert client.get("/x").json() == 1


def test_an_answer_of_events_to_a_plain_request_is_6001(make: Make) -> None:
    def application(fake: Fake, request: httpx.Request, session: Session) -> httpx.Response:
        base = bytes(12)
        headers = {**EVENTS, "x-nen-stream-nonce": encode_base64(base)}
        return httpx.Response(200, headers=headers, content=b"".join(events(session, [b"x"], base)))

    client, _ = faked(make, application)
    assert code_of(lambda: client.get("/x")) == "ISO-6001"


def test_an_endless_stream_of_events_to_a_plain_request_is_not_read(make: Make, site: Site) -> None:
    client = make(site.url)
    client.handshake()
    assert code_of(lambda: client.get("/slow-chunks")) == "ISO-6001"
    assert client.get("/mirror").status_code == 200


def test_replayed_answers_are_4001(make: Make) -> None:
    """Each answer of the session opens once, under whichever request and status it comes again."""
    kept: list[bytes] = []
    replay: list[int] = []

    def application(fake: Fake, request: httpx.Request, session: Session) -> httpx.Response:
        if replay:
            return httpx.Response(replay[0], headers=JSON, content=kept[0])
        kept.append(sealed(session, b'"once"'))
        return httpx.Response(200, headers=JSON, content=kept[-1])

    client, _ = faked(make, application)
    for _ in range(3):
        assert client.get("/x").json() == "once"
    for status in (200, 404):
        replay[:] = [status]
        for attempt in ("get", "post"):
            assert code_of(lambda attempt=attempt: ATTEMPTS[attempt](client)) == "ISO-4001"
    replay.clear()
    assert client.get("/x").json() == "once"


def test_an_earlier_request_reflected_is_4001(make: Make) -> None:
    sent: list[bytes] = []

    def application(fake: Fake, request: httpx.Request, session: Session) -> httpx.Response:
        sent.append(request.content)
        return answer(session) if len(sent) == 1 else httpx.Response(200, headers=JSON, content=sent[0])

    client, _ = faked(make, application)
    client.post("/x", json={"a": 1})
    for attempt in ("get", "post"):
        assert code_of(lambda attempt=attempt: ATTEMPTS[attempt](client)) == "ISO-4001"


def test_an_answer_of_another_session_is_4001(make: Make) -> None:
    def application(fake: Fake, request: httpx.Request, session: Session) -> httpx.Response:
        return answer(fake.sessions["s0"])

    client, _ = faked(make, application)
    client.get("/x")
    client.rotate()
    assert code_of(lambda: client.get("/x")) == "ISO-4001"


def test_the_request_is_sealed_and_nothing_of_it_is_in_the_clear(make: Make) -> None:
    def application(fake: Fake, request: httpx.Request, session: Session) -> httpx.Response:
        assert b"very secret" not in request.content + str(request.headers).encode() + str(request.url).encode()
        assert set(json.loads(request.content)) == {"ct", "n"}
        assert request.headers["content-length"] == str(len(request.content))
        assert request.headers["content-type"] == "application/json"
        opened = open_envelope(session.keys.enc, parse_envelope(request.content))
        return answer(session, opened)

    client, _ = faked(make, application)
    assert client.post("/x", json="very secret").json() == "very secret"


@pytest.mark.parametrize("status", [403, 404, 429, 500, 502, 503, 302])
def test_a_refusal_of_a_proxy_is_returned_as_it_is(make: Make, status: int) -> None:
    client, fake = faked(make, lambda fake, request, session: httpx.Response(status, html="<h1>nginx"))
    got = client.get("/x")
    assert (got.status_code, got.text) == (status, "<h1>nginx")
    assert code_of(lambda: list(client.stream("GET", "/x"))) == "ISO-7002"
    assert fake.handshakes == 1


@pytest.mark.parametrize("content_type", ["text/html", "application/json"])
def test_a_page_that_mentions_ct_is_not_sealed(make: Make, content_type: str) -> None:
    page = b'<p>no "ct" here</p>'
    client, _ = faked(
        make, lambda fake, request, session: httpx.Response(502, headers={"content-type": content_type}, content=page)
    )
    got = client.get("/x")
    assert (got.status_code, got.content, got.extensions.get("nen.sealed")) == (502, page, None)


def test_a_sealed_refusal_is_sealed_whatever_stands_beside_the_seal(make: Make) -> None:
    """V1-RES-09: its names may hold escapes, and a code in plain beside it is a further member."""

    def application(fake: Fake, request: httpx.Request, session: Session) -> httpx.Response:
        right = sealed(session, b'"mine"').decode()
        twisted = right.replace('"ct"', '"\\u0063t"').replace("}", ',"error":{"code":"ISO-5001"}}')
        return httpx.Response(409, headers=JSON, content=twisted.encode())

    client, _ = faked(make, application)
    got = client.get("/x")
    assert (got.status_code, got.json(), got.extensions["nen.sealed"]) == (409, "mine", True)


def test_a_code_that_is_not_in_the_catalogue_is_no_code(make: Make) -> None:
    body = {"error": {"code": "ISO-8888", "message": "?"}}
    client, _ = faked(make, lambda fake, request, session: httpx.Response(400, json=body))
    assert client.get("/x").json() == body


def test_an_answer_beyond_the_limit_is_6001(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = iter([10_000, 10_001])

    def application(fake: Fake, request: httpx.Request, session: Session) -> httpx.Response:
        body = sealed(session, b"1")
        return httpx.Response(200, headers=JSON, content=body + b" " * (next(sizes) - len(body)))

    monkeypatch.setattr(nen_ref.http.client, "MAX_ANSWER_SIZE", 10_000)
    client, _ = faked(make, application)
    assert client.get("/x").json() == 1
    assert code_of(lambda: client.get("/x")) == "ISO-6001"


def test_a_compressed_answer_counts_as_what_it_unpacks_to(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nen_ref.http.client, "MAX_ANSWER_SIZE", 10_000)

    def application(fake: Fake, request: httpx.Request, session: Session) -> httpx.Response:
        packed = gzip.compress(sealed(session, b"1") + b" " * (10_000_000 if request.url.path == "/bomb" else 100))
        return httpx.Response(200, headers={**JSON, "content-encoding": "gzip"}, stream=httpx.ByteStream(packed))

    client, _ = faked(make, application)
    assert client.get("/x").json() == 1
    assert code_of(lambda: client.get("/bomb")) == "ISO-6001"


def test_a_coding_that_does_not_decode_is_an_error_of_nen(make: Make) -> None:
    """httpx's DecodingError is no TransportError; the caller has one kind of exception for an answer that is wrong."""

    def application(fake: Fake, request: httpx.Request, session: Session) -> httpx.Response:
        return httpx.Response(
            200, headers={**JSON, "content-encoding": "gzip"}, stream=httpx.ByteStream(b"this is not gzip")
        )

    client, _ = faked(make, application)
    assert code_of(lambda: client.get("/x")) == "ISO-6001"


# --- streams that are refused ----------------------------------------------------------------------------------------

BASE = bytes(range(12))


def streaming(make: Make, body: Callable[[Session], bytes], **headers: str) -> Any:
    """A client whose streams have the given body; headers are those of a right stream but for the given ones."""

    def application(fake: Fake, request: httpx.Request, session: Session) -> httpx.Response:
        all_headers = {**EVENTS, "x-nen-stream-nonce": encode_base64(BASE), **headers}
        sent = {name: value for name, value in all_headers.items() if value}
        return httpx.Response(200, headers=sent, stream=httpx.ByteStream(body(session)))

    return faked(make, application)[0]


def drained(client: Any) -> tuple[list[str], str | None]:
    """The chunks that were handed out, and the code of the error that ended them."""
    got: list[str] = []
    try:
        for chunk in client.stream("GET", "/x"):
            got.append(chunk)
    except NenError as error:
        return got, error.code
    return got, None


def three(session: Session) -> list[bytes]:
    return events(session, [b"one", b"two", b"three"], BASE)


STREAMS: dict[str, tuple[Callable[[Session], bytes], list[str], str | None]] = {
    "whole": (lambda s: b"".join(three(s)), ["one", "two", "three"], None),
    "nothing-but-the-end": (lambda s: b"".join(events(s, [], BASE)), [], None),
    "comments-and-crlf": (
        lambda s: b"\xef\xbb\xbf: hi\r\n\r\n" + b"".join(three(s)).replace(b"\n", b"\r\n") + b": bye",
        ["one", "two", "three"],
        None,
    ),
    "after-the-end": (lambda s: b"".join(three(s)) + b"data: AAAA\n\n", ["one", "two", "three"], None),
    "whole-again-after-the-end": (lambda s: b"".join(three(s) * 2), ["one", "two", "three"], None),
    "empty": (lambda s: b"", [], "ISO-7002"),
    "cut": (lambda s: b"".join(three(s)[:2]), ["one", "two"], "ISO-7002"),
    "cut-before-the-end": (lambda s: b"".join(three(s)[:3]), ["one", "two", "three"], "ISO-7002"),
    "end-without-its-empty-line": (lambda s: b"".join(three(s))[:-1], ["one", "two", "three"], "ISO-7002"),
    "swapped": (lambda s: b"".join([three(s)[0], three(s)[2], three(s)[1]]), ["one"], "ISO-4001"),
    "dropped": (lambda s: b"".join([three(s)[0], three(s)[2]]), ["one"], "ISO-4001"),
    "repeated": (lambda s: b"".join([three(s)[0], three(s)[0]]), ["one"], "ISO-4001"),
    "early-end": (lambda s: b"".join([three(s)[0], three(s)[3]]), ["one"], "ISO-4001"),
    "tampered": (lambda s: three(s)[0] + three(s)[1].replace(b"data: ", b"data: AAAA"), ["one"], "ISO-4001"),
    "not-base64": (lambda s: three(s)[0] + b"data: hello!\n\n", ["one"], "ISO-4001"),
    "not-ascii": (lambda s: three(s)[0] + "data: é\n\n".encode(), ["one"], "ISO-4001"),
    "plain-end": (lambda s: three(s)[0] + b"data: __FIN__\n\n", ["one"], "ISO-4001"),
    "plain": (lambda s: b"data: hello\n\n", [], "ISO-4001"),
    "json": (lambda s: sealed(s, b"1"), [], "ISO-7002"),
    "other-base": (lambda s: b"".join(events(s, [b"one"], bytes(12))), [], "ISO-4001"),
}


@pytest.mark.parametrize("name", STREAMS)
def test_streams_right_and_wrong(make: Make, name: str) -> None:
    """What was handed out before an error is authentic; an end that is not authentic is never silent success."""
    body, chunks, code = STREAMS[name]
    assert drained(streaming(make, body)) == (chunks, code)


@pytest.mark.parametrize("nonce", ["", "AAAA", encode_base64(bytes(11)), encode_base64(bytes(13)), "*" * 16, "A" * 15])
def test_a_stream_without_a_usable_nonce_is_7001(make: Make, nonce: str) -> None:
    client = streaming(make, lambda s: b"".join(three(s)), **{"x-nen-stream-nonce": nonce})
    assert drained(client) == ([], "ISO-7001")


def test_a_stream_of_another_type_is_7002(make: Make) -> None:
    for content_type in ("application/json", "text/plain", "text/event-stream-x", ""):
        client = streaming(make, lambda s: b"".join(three(s)), **{"content-type": content_type})
        assert drained(client) == ([], "ISO-7002")


def test_a_sealed_answer_to_a_stream_request_is_7002(make: Make) -> None:
    client, _ = faked(make, lambda fake, request, session: answer(session))
    assert drained(client) == ([], "ISO-7002")


def test_a_replayed_stream_is_4001(make: Make) -> None:
    """V1-STR-17: it would open."""
    client = streaming(make, lambda s: b"".join(three(s)))
    assert drained(client) == (["one", "two", "three"], None)
    assert drained(client) == ([], "ISO-4001")


def test_a_stream_under_the_nonce_of_an_earlier_answer_is_4001(make: Make) -> None:
    def application(fake: Fake, request: httpx.Request, session: Session) -> httpx.Response:
        if request.url.path == "/plain":
            return httpx.Response(200, headers=JSON, content=sealed(session, b"1", BASE))
        headers = {**EVENTS, "x-nen-stream-nonce": encode_base64(BASE)}
        return httpx.Response(200, headers=headers, content=b"".join(three(session)))

    client, _ = faked(make, application)
    client.get("/plain")
    assert drained(client) == ([], "ISO-4001")


def test_a_stream_that_is_refused_is_7002_with_the_code_in_the_detail(make: Make) -> None:
    client, _ = faked(make, lambda fake, request, session: refusing("ISO-5001"))
    with pytest.raises(NenError, match="ISO-5001") as caught:
        list(client.stream("GET", "/x"))
    assert caught.value.code == "ISO-7002"


def test_an_event_beyond_the_limit_is_7002(make: Make) -> None:
    def body(session: Session) -> bytes:
        return three(session)[0] + b"data: " + b"A" * (17 * 1024 * 1024)

    assert drained(streaming(make, body)) == (["one"], "ISO-7002")


def test_a_stream_that_does_not_decode_is_7002(make: Make) -> None:
    client = streaming(make, lambda s: b"this is not gzip", **{"content-encoding": "gzip"})
    assert drained(client) == ([], "ISO-7002")


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_stream_that_the_transport_fails_is_7002(make: Make, fault: type[httpx.TransportError]) -> None:
    def application(fake: Fake, request: httpx.Request, session: Session) -> httpx.Response:
        raise fault("no", request=request)

    client, _ = faked(make, application)
    client.handshake()
    assert drained(client) == ([], "ISO-7002")


def hand_written(first: bytes, *, status: str = "200 OK", length: str = "transfer-encoding: chunked") -> Any:
    """A server of real handshakes that answers everything else with a stream begun and given up."""
    sessions: dict[str, Session] = {}

    def behave(handler: BaseHTTPRequestHandler) -> None:
        if handler.path == HANDSHAKE_PATH:
            accepted = respond(
                handler.request_body, m=os.urandom(32), mac_key=os.urandom(32), sid=f"s{len(sessions)}", now=0
            )  # type: ignore[attr-defined]
            sessions[accepted.session.sid] = accepted.session
            body = accepted.reply.body
            handler.wfile.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
                % len(body)
                + body
            )
            return
        session = sessions[handler.headers["x-nen-session"]]
        head = (
            f"HTTP/1.1 {status}\r\ncontent-type: text/event-stream\r\nconnection: close\r\n{length}\r\n"
            f"x-nen-stream-nonce: {encode_base64(BASE)}\r\n\r\n"
        )
        body = first or three(session)[0]
        framed = b"%x\r\n%s\r\n" % (len(body), body) if "chunked" in length else body
        handler.wfile.write(head.encode() + framed)

    return scripted(behave)


@pytest.mark.parametrize("length", ["transfer-encoding: chunked", "content-length: 5000", "x-none: 1"])
def test_a_connection_dropped_in_the_middle_of_a_stream_is_7002(make: Make, length: str) -> None:
    with hand_written(b"", length=length) as url:
        client = make(url)
        assert drained(client) == (["one"], "ISO-7002")
        client.close()


@pytest.mark.parametrize("status", ["500 Oops", "401 Unauthorized", "404 Not Found", "302 Found"])
@pytest.mark.parametrize("wanted", ["stream", "answer"])
def test_a_refusal_that_calls_itself_a_stream(make: Make, status: str, wanted: str) -> None:
    """Its body may never end and is not read; what the caller gets is still no exception of httpx."""
    with hand_written(b": nothing\n\n", status=status, length="content-length: 11") as url:
        client = make(url, limits=httpx.Limits(max_connections=1), timeout=httpx.Timeout(TIMEOUT, pool=2))
        for _ in range(2):
            if wanted == "stream":
                assert drained(client) == ([], "ISO-7002")
            else:
                assert client.get("/x").status_code == int(status[:3])
        client.close()


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_a_handshake_that_calls_itself_a_stream_is_1004(make: Make, trigger: str) -> None:
    def behave(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 3\r\n\r\n: x")

    with scripted(behave) as url:
        client = make(url)
        assert code_of(lambda: TRIGGERS[trigger](client)) == "ISO-1004"
        client.close()


# --- several at once, and a 401 --------------------------------------------------------------------------------------


@pytest.mark.anyio
async def test_tasks_that_meet_a_401_together_all_get_their_answer(site: Site) -> None:
    async with AsyncNenClient(site.url) as client:
        await client.handshake()
        site.drop(client)
        before = len(site.store)
        got: dict[int, str] = {}

        async def work(number: int) -> None:
            got[number] = (await client.post("/mirror", json=number)).json()["payload"]

        async with anyio.create_task_group() as group:
            for number in range(10):
                group.start_soon(work, number)
        assert got == {number: str(number) for number in range(10)}
        assert len(site.calls) == 10
        assert len(site.store) - before <= 10  # at most one handshake each


def test_threads_that_meet_a_401_together_all_get_their_answer(site: Site) -> None:
    """Ten rounds, with threads that change place as often as they can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with NenClient(site.url) as client:
            for _ in range(10):
                client.handshake()
                site.drop(client)
                wrong = in_threads(
                    6, lambda number: client.post("/mirror", json=number).json()["payload"] == str(number)
                )
                assert wrong == []
    finally:
        sys.setswitchinterval(interval)


def test_a_thread_about_to_send_survives_the_401_of_another(site: Site) -> None:
    """The 401 comes between the moment when a thread took the session and the moment when it signs with it."""
    taken, renewed = threading.Event(), threading.Event()
    result: list[object] = []

    def random_bytes(size: int) -> bytes:
        if threading.current_thread().name == "late" and size == 12 and not taken.is_set():
            taken.set()
            renewed.wait(TIMEOUT)
        return os.urandom(size)

    def late() -> None:
        try:
            result.append(client.post("/mirror", json=1).json()["payload"])
        except Exception as fault:
            result.append(fault)

    with NenClient(site.url, random_bytes=random_bytes) as client:
        client.handshake()
        thread = threading.Thread(target=late, name="late")
        thread.start()
        assert taken.wait(TIMEOUT)
        site.drop(client)
        assert client.get("/mirror").status_code == 200
        renewed.set()
        thread.join()
    assert result == ["1"]


@pytest.mark.anyio
async def test_a_401_of_one_request_does_not_lose_the_answer_of_another(site: Site) -> None:
    """The other was accepted and served under the old session, and its answer opens under it.

    A 401 is not always the end of a session: a handler may answer one, and a clock may be off once.
    """
    got: list[object] = []
    async with AsyncNenClient(site.url) as client:
        await client.handshake()

        async def slow() -> None:
            got.append((await client.get("/gated")).json())

        async with anyio.create_task_group() as group:
            group.start_soon(slow)
            await anyio.to_thread.run_sync(lambda: eventually(lambda: "gated" in site.calls))
            assert (await client.get("/status/401")).status_code == 401
            site.gate.set()
    assert got == [{"in": "time"}]


@pytest.mark.anyio
async def test_a_rotation_during_a_request_does_not_lose_its_answer(site: Site) -> None:
    got: list[object] = []
    async with AsyncNenClient(site.url) as client:
        await client.handshake()

        async def slow() -> None:
            got.append((await client.get("/gated")).json())

        async with anyio.create_task_group() as group:
            group.start_soon(slow)
            await anyio.to_thread.run_sync(lambda: eventually(lambda: "gated" in site.calls))
            await client.rotate()
            site.gate.set()
    assert got == [{"in": "time"}]
