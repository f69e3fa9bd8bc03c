"""V1, V2 and V3 over real HTTP: each alone, all at once, and against one another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import anyio
import httpx2 as httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from nen_ref.http.asgi import NenMiddleware
from nen_ref.http.client import AsyncNenClient, NenClient
from nen_ref.http.demo_app import demo_app
from nen_ref.http.server import NenServer, ServerConfig, now_ms
from nen_ref.protocol.handshake_v3 import SecurityMode
from nen_ref.protocol.identity import Identity
from nen_ref.protocol.messages import reported_code
from nen_ref.protocol.tickets import TicketKeys
from nen_ref.protocol.versions import V1, V2, V3, VERSIONS, Version
from nen_ref.stores import MemoryStore
from tests.protocol.oracle import code_of, refused, secret

Start = Callable[..., str]
IDENTITY, OTHER = (Identity.from_seed(secret(name)) for name in ("server", "other"))
versions = pytest.mark.parametrize("version", VERSIONS.values(), ids=repr)


class Site:
    """A server with its store in reach."""

    def __init__(self, start: Start, *offered: Version, **config: Any) -> None:
        self.store = MemoryStore()
        self.server = NenServer(store=self.store, config=ServerConfig(versions=offered, **config))
        self.url = start(demo_app(self.server, failing_routes=True))


@pytest.fixture(scope="module")
def all_at_once(start: Start) -> Site:
    return Site(start, V1, V2, V3, server_identity=IDENTITY)


@pytest.fixture(scope="module")
def alone(start: Start) -> dict[str, Site]:
    return {name: Site(start, version, server_identity=IDENTITY) for name, version in VERSIONS.items()}


@pytest.mark.parametrize("offered", ["alone", "all at once"])
@versions
def test_every_version_is_spoken(version: Version, offered: str, alone: dict[str, Site], all_at_once: Site) -> None:
    """V2-REQ-01, V2-RES-01, V2-RES-02, V2-STR-01, V3-VER-01."""
    site = all_at_once if offered == "all at once" else alone[version.name]
    with NenClient(site.url, version=version) as client:
        for verb in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
            answer = client.request(verb, "/api/echo", json={"a": [1]})
            assert answer.json() == {"method": verb, "body": {"a": [1]}}
            assert answer.extensions["nen.sealed"]
        for verb in ("GET", "DELETE"):
            assert client.request(verb, "/api/echo?q=1").json() == {"method": verb, "body": None}
        assert "".join(client.stream("POST", "/api/stream", json={"chunks": ["x", "__FIN__"]})) == "x__FIN__"
        assert "".join(client.stream("GET", "/api/stream")) == "abc"
        head = client.head("/api/echo")
        # Of {"method":"HEAD","body":null}: 29 bytes, 45 with the tag, 60 in base64, 32 more for the envelope.
        assert head.headers.get("content-length") == (None if version is V1 else "92")
        assert head.content == b""
        assert client.status()
        client.rotate()
        assert client.post("/api/echo", json=1).json()["body"] == 1


@pytest.mark.anyio
@versions
async def test_the_asynchronous_client(version: Version, all_at_once: Site) -> None:
    async with AsyncNenClient(all_at_once.url, version=version) as client:
        assert (await client.post("/api/echo", json=1)).json()["body"] == 1
        if version is V3:
            assert await client.rekey() is True
            assert (await client.post("/api/echo", json=2)).json()["body"] == 2
            assert await client.resume() is True
            assert (await client.post("/api/echo", json=3)).json()["body"] == 3


REFUSALS = {
    ("v1", "v2"): "ISO-6001",  # {"ct"} without n
    ("v1", "v3"): "ISO-1004",  # no `pk`: the server says ISO-1001
    ("v2", "v1"): "ISO-3005",
    ("v2", "v3"): "ISO-1004",
    ("v3", "v1"): "ISO-1004",  # no `pk_x`: the server says ISO-1001
    ("v3", "v2"): "ISO-1004",
}


@pytest.mark.parametrize(("offered", "spoken"), REFUSALS)
def test_there_is_no_silent_downgrade(offered: str, spoken: str, alone: dict[str, Site]) -> None:
    """V3-VER-03 to V3-VER-05, V2-AUTH-07."""
    with NenClient(alone[offered].url, version=VERSIONS[spoken]) as client:
        error = refused(REFUSALS[offered, spoken], client.post, "/api/echo", json=1)
        assert "ISO-1001" in error.detail or error.code != "ISO-1004"


def test_a_session_of_a_version_that_is_withdrawn(start: Start) -> None:
    """V3-VER-06."""
    store = MemoryStore()
    before = start(demo_app(NenServer(store=store, config=ServerConfig(versions=(V1, V3)))))
    after = start(demo_app(NenServer(store=store, config=ServerConfig(versions=(V1,)))))
    with NenClient(before, version=V3) as client:
        client.post("/api/echo", json=1)
        session = client._flow.session
        assert session is not None
        signed = session.request("GET", "/api/echo", None, n=secret("n", 12), timestamp=now_ms())
    assert reported_code(httpx.get(after + "/api/echo", headers=dict(signed.headers)).content) == "ISO-2002"


@pytest.mark.parametrize("mode", SecurityMode)
def test_the_identity_of_the_server(mode: SecurityMode, all_at_once: Site, start: Start) -> None:
    """V3-ID-03, V3-ID-07, V3-ID-08."""
    options: dict[str, Any] = {"version": V3, "security_mode": mode}
    with NenClient(all_at_once.url, server_identity=IDENTITY.pk, bound=True, **options) as client:
        assert client.post("/api/echo", json=1).json()["body"] == 1
    with NenClient(all_at_once.url, server_identity=OTHER.pk, **options) as client:
        refused("ISO-3006", client.post, "/api/echo", json=1)
    without, published = Site(start, V3), Site(start, V3, server_identity=IDENTITY, bound=False)
    with NenClient(without.url, server_identity=IDENTITY.pk, **options) as client:
        refused("ISO-3006", client.post, "/api/echo", json=1)
    with NenClient(published.url, server_identity=IDENTITY.pk, **options) as client:
        assert client.post("/api/echo", json=1).json()["body"] == 1
    with NenClient(published.url, server_identity=IDENTITY.pk, bound=True, **options) as client:
        refused("ISO-3007", client.post, "/api/echo", json=1)


def test_what_is_not_of_v3() -> None:
    with pytest.raises(ValueError, match="identity of the client"):
        NenClient("http://127.0.0.1:1", version=V3, identity=IDENTITY)
    for version in (V1, V2):
        for trust in ({"server_identity": IDENTITY.pk}, {"bound": True}):
            with pytest.raises(ValueError, match="identity of the server"):
                NenClient("http://127.0.0.1:1", version=version, **trust)
        with NenClient("http://127.0.0.1:1", version=version) as client:
            assert code_of(client.rekey) == "ISO-2001"


@pytest.mark.parametrize("offered", [(), V3])
def test_a_server_offers_a_version_or_several(offered: Any) -> None:
    with pytest.raises(ValueError, match="one or more"):
        ServerConfig(versions=offered)


def test_a_version_without_a_ratchet_says_so(alone: dict[str, Site]) -> None:
    with NenClient(alone["v2"].url, version=V2) as client:
        client.handshake()
        with pytest.raises(ValueError, match="no ratchet"):
            client.rekey()
        assert client.post("/api/nen/rekey", json=1).status_code == 404  # an ordinary path: V3-REKEY-12


# The ratchet -----------------------------------------------------------------------------------------------------


@contextmanager
def client_of(site: Site, **options: Any) -> Iterator[NenClient]:
    with NenClient(site.url, version=V3, **options) as client:
        client.handshake()
        yield client


def signed_request(client: NenClient, method: str, path: str, n: bytes) -> dict[str, str]:
    session = client._flow.session
    assert session is not None
    return dict(session.request(method, path, None, n=n, timestamp=now_ms()).headers)


def send(site: Site, method: str, path: str, headers: dict[str, str]) -> tuple[int, str | None]:
    answer = httpx.request(method, site.url + path, headers=headers, trust_env=False)
    return answer.status_code, reported_code(answer.content)


def test_requests_from_before_a_rekey(all_at_once: Site) -> None:
    """V3-REKEY-03, V3-REKEY-04: the old keys are gone, and the nonces are not."""
    with client_of(all_at_once) as client:
        n = secret("before", 12)
        old = signed_request(client, "GET", "/api/echo", n)
        late = signed_request(client, "GET", "/api/echo", secret("late", 12))
        assert send(all_at_once, "GET", "/api/echo", old) == (200, None)
        assert send(all_at_once, "GET", "/api/echo", old) == (409, "ISO-5001")
        assert client.rekey() is True
        assert send(all_at_once, "GET", "/api/echo", old) == (401, "ISO-3002")
        assert send(all_at_once, "GET", "/api/echo", late) == (401, "ISO-3002")
        again = signed_request(client, "GET", "/api/echo", n)
        assert send(all_at_once, "GET", "/api/echo", again) == (409, "ISO-5001")
        assert client.post("/api/echo", json=1).json()["body"] == 1


def test_of_simultaneous_rekeys_one_takes_place(all_at_once: Site) -> None:
    """V3-REKEY-05: the others fail as requests under keys that are gone."""
    for _ in range(5):
        with client_of(all_at_once) as client:
            drafts = [signed_request(client, "POST", "/api/nen/rekey", secret(f"rekey {i}", 12)) for i in range(12)]
            with ThreadPoolExecutor(12) as pool:
                answers = list(pool.map(lambda headers: send(all_at_once, "POST", "/api/nen/rekey", headers), drafts))
            assert sorted(answers, key=str) == [(200, None)] + [(401, "ISO-3002")] * 11
            session = client._flow.session
            assert session is not None
            client._flow.session = session.ratchet()
            assert client.post("/api/echo", json=1).json()["body"] == 1


class Slow(MemoryStore):
    """It can let others run between a request's two questions, as a store on another machine does."""

    def __init__(self) -> None:
        super().__init__()
        self.hold = False
        self.loaded, self.go_on = threading.Event(), threading.Event()

    async def record_nonce(self, sid: str, nonce: bytes, keep_until: int) -> Any:
        if self.hold and nonce == secret("held", 12):
            self.loaded.set()
            while not self.go_on.is_set():  # noqa: ASYNC110 - it is set by another thread
                await anyio.sleep(0.01)
        return await super().record_nonce(sid, nonce, keep_until)


@pytest.mark.parametrize("replayed", [True, False])
def test_a_request_that_a_rekey_overtakes(replayed: bool, start: Start) -> None:
    """V3-REKEY-04, V3-REKEY-06: it was checked against the old keys, and its copies pass once in all."""
    site = Site(start, V3)
    store = Slow()
    site.server._store = store
    with client_of(site) as client, ThreadPoolExecutor(5) as pool:
        held = signed_request(client, "GET", "/api/echo", secret("held", 12))
        if replayed:
            assert send(site, "GET", "/api/echo", held) == (200, None)
        store.hold = True
        copies = [pool.submit(send, site, "GET", "/api/echo", held) for _ in range(4)]
        assert store.loaded.wait(10)
        assert client.rekey() is True
        store.go_on.set()
        answers = [copy.result(timeout=10) for copy in copies]
        assert answers.count((200, None)) == (0 if replayed else 1)
        assert set(answers) <= {(200, None), (409, "ISO-5001"), (401, "ISO-3002")}
        assert client.post("/api/echo", json=1).json()["body"] == 1


def test_a_stream_goes_on_under_the_keys_it_began_with(all_at_once: Site) -> None:
    """V3-REKEY-06, V3-REKEY-09."""
    with client_of(all_at_once) as client:
        chunks = client.stream("GET", "/api/slow-stream")
        assert next(chunks) == "a"
        assert client.rekey() is True
        assert client.post("/api/echo", json=1).json()["body"] == 1
        assert list(chunks) == ["b"]


def test_a_rekey_that_is_refused_makes_a_new_session(all_at_once: Site) -> None:
    """V3-REKEY-07, V3-REKEY-08."""
    with client_of(all_at_once) as client:
        before = client._flow.session
        assert before is not None
        with client_of(all_at_once) as thief:
            # Somebody else has taken the ratchet a step further, as after an answer that was lost.
            thief._flow.session = before
            assert thief.rekey() is True
        assert client.rekey() is False
        assert client._flow.session is not before
        assert client.post("/api/echo", json=1).json()["body"] == 1


class Overtaken(httpx.HTTPTransport):
    """Something else of the same client takes place, from beginning to end, while its next request is on its way."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[], object] | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return super().handle_request(request)


@pytest.mark.parametrize("other", ["rekey", "rotate"])
def test_a_refusal_of_keys_that_the_client_has_left_ends_nothing(other: str, all_at_once: Site) -> None:
    """The session by which others of the client go on meanwhile is not rotated away under their hands."""
    transport = Overtaken()
    with client_of(all_at_once, transport=transport) as client:
        after: list[object] = []

        def meanwhile() -> None:
            getattr(client, other)()
            after.append(client._flow.session)

        transport.meanwhile = meanwhile
        assert client.rekey() is False
        assert after == [client._flow.session]
        assert client.status()
        assert client.post("/api/echo", json=1).json()["body"] == 1


def test_a_rekey_with_a_body(all_at_once: Site) -> None:
    """V3-REKEY-10: verified like any other, and not looked at."""
    with client_of(all_at_once) as client:
        session = client._flow.session
        assert session is not None
        signed = session.request("POST", "/api/nen/rekey", b'{"a":1}', n=secret("n", 12), timestamp=now_ms())
        answer = httpx.post(all_at_once.url + "/api/nen/rekey", headers=dict(signed.headers), content=signed.body)
        assert (answer.status_code, answer.json()) == (200, {"ok": True})


# Resumption ------------------------------------------------------------------------------------------------------


def test_a_ticket_opens_on_every_node_that_has_the_key(start: Start) -> None:
    """V3-TICKET-10, V3-TICKET-11."""
    old, new = secret("old key"), secret("new key")
    one = Site(start, V3, ticket_keys=TicketKeys(old))
    other = Site(start, V3, ticket_keys=TicketKeys(old))
    rotated = Site(start, V3, ticket_keys=TicketKeys(new, (old,)))
    stranger = Site(start, V3)
    for site, resumes in ((one, True), (other, True), (rotated, True), (stranger, False)):
        with client_of(one) as client:
            client._http.base_url = httpx.URL(site.url)
            assert client.resume() is resumes
            assert client.post("/api/echo", json=1).json()["body"] == 1
            assert client.resume() is True  # from the ticket of the new session


def test_a_ticket_outlives_its_session_and_not_itself(start: Start) -> None:
    """V3-LIFE-02, V3-TICKET-12."""
    site = Site(start, V3, ticket_life_ms=1500)
    with client_of(site) as client:
        session = client._flow.session
        assert session is not None
        assert session.sid is not None
        assert send(site, "POST", "/api/nen/terminate", {"x-nen-session": session.sid}) == (200, None)
        assert client.resume() is True
        assert client.post("/api/echo", json=1).json()["body"] == 1
        threading.Event().wait(1.6)
        assert client.resume() is False
        assert client.post("/api/echo", json=1).json()["body"] == 1


def test_terminate_forgets_the_ticket(all_at_once: Site) -> None:
    """V3-LIFE-01."""
    with client_of(all_at_once) as client:
        client.terminate()
        assert client.resume() is False


@pytest.mark.parametrize("operation", ["handshake", "rotate", "resume"])
def test_terminate_while_a_new_session_is_made(operation: str, all_at_once: Site) -> None:
    """V1-LIFE-08, V3-LIFE-01: what was under way does not bring keys back."""
    transport = Overtaken()
    with client_of(all_at_once, transport=transport) as client:
        transport.meanwhile = client.terminate
        assert code_of(getattr(client, operation)) == "ISO-2001"
        assert client._flow.session is None
        assert code_of(client.get, "/api/echo") == "ISO-2001"
        assert client.resume() is False
        assert client.post("/api/echo", json=1).json()["body"] == 1


def test_terminate_forgets_the_ticket_of_a_session_that_is_gone(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """V3-LIFE-01: after a 401 the old session is given up, and no new one can be made; the ticket is still there."""
    site = Site(start, V3)
    with client_of(site) as client:
        session = client._flow.session
        assert session is not None
        assert session.sid is not None
        assert send(site, "POST", "/api/nen/terminate", {"x-nen-session": session.sid}) == (200, None)
        with monkeypatch.context() as patch:
            patch.setattr(site.store, "set", None)
            refused("ISO-1004", client.get, "/api/echo")
        assert client._flow.session is None
        assert code_of(client.terminate) == "ISO-2001"
        assert client.resume() is False


# Bodies ----------------------------------------------------------------------------------------------------------


@versions
def test_a_route_may_require_a_body(version: Version, start: Start) -> None:
    """V2-REQ-08, V2-REQ-09: refused after the checks, so that its nonce is spent."""

    async def told(request: Request) -> Response:
        return JSONResponse({"came": request.scope["nen"].payload is not None})

    routes = [Route(path, told, methods=["POST"]) for path in ("/pay", "/free")]
    server = NenServer(config=ServerConfig(versions=(version,)))
    middleware = [Middleware(NenMiddleware, server=server, body_paths=["/pay"])]
    url = start(Starlette(routes=routes, middleware=middleware))
    with NenClient(url, version=version) as client:
        assert client.post("/pay", json=1).json() == {"came": True}
        assert client.post("/free").json() == {"came": False}
        refused("ISO-6001", client.post, "/pay")


@pytest.mark.parametrize("version", [V2, V3], ids=repr)
@pytest.mark.parametrize("size", [0, 1, 2, 3, 1000])
def test_head_has_the_length_of_the_sealed_body(version: Version, size: int, start: Start) -> None:
    """V2-RES-02: whether the handler sends a body or only says how long it would be."""

    async def sends(request: Request) -> Response:
        return PlainTextResponse("x" * size)

    async def says(request: Request) -> Response:
        return Response(headers={"content-length": str(size)}) if request.method == "HEAD" else await sends(request)

    routes = [Route(f"/{handler.__name__}", handler) for handler in (sends, says)]
    server = NenServer(config=ServerConfig(versions=(version,)))
    url = start(Starlette(routes=routes, middleware=[Middleware(NenMiddleware, server=server)]))
    with NenClient(url, version=version) as client:
        for path in ("/sends", "/says"):
            seen: list[int] = []
            client._http.event_hooks = {
                "response": [lambda answer, seen=seen: seen.append(int(answer.headers["content-length"]))]
            }
            client.get(path)
            head = client.head(path)
            assert seen[-1] == seen[-2] == int(head.headers["content-length"])
