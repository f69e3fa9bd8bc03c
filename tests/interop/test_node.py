"""Our side against the Node implementation of tests/interop/node, which shares no code with it, both ways round."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import pytest

from nen_ref.conformance.embedded import embedded_server
from nen_ref.conformance.model import Kind, Report
from nen_ref.conformance.probe import Routes
from nen_ref.conformance.registry import all_cases
from nen_ref.conformance.runner import run_cases
from nen_ref.conformance.targets import UrlTarget
from nen_ref.http import AsyncNenClient, NenClient
from nen_ref.protocol.errors import NenError
from nen_ref.protocol.handshake_v3 import SecurityMode
from nen_ref.protocol.identity import Identity
from nen_ref.protocol.messages import TERMINATE_PATH
from nen_ref.protocol.versions import V2, V3
from tests.http.live import ask
from tests.interop.foreign import NODE, needs

pytestmark = needs(NODE)

SEED = bytes(range(32))
IDENTITY = Identity.from_seed(SEED)
EVERY = ("--protocol", "v1", "--protocol", "v2", "--protocol", "v3")
PINNED = {"server_identity": IDENTITY.pk, "bound": True}

# What a client of ours is told, and the same for the client of Node.
CLIENTS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "v1": ({}, ()),
    "v1-identity": ({"identity": IDENTITY}, ("--identity",)),
    "v2": ({"version": V2}, ("--protocol", "v2")),
    "v2-identity": ({"version": V2, "identity": IDENTITY}, ("--protocol", "v2", "--identity")),
    "v3": ({"version": V3}, ("--protocol", "v3")),
    "v3-pinned": (
        {"version": V3, **PINNED},
        ("--protocol", "v3", "--server-identity", IDENTITY.pk.hex(), "--bound"),
    ),
    "v3-pqc-only": (
        {"version": V3, "security_mode": SecurityMode.PQC_ONLY, **PINNED},
        ("--protocol", "v3", "--pqc-only", "--server-identity", IDENTITY.pk.hex(), "--bound"),
    ),
}
OUR_CLIENTS = pytest.mark.parametrize("options", [ours for ours, _ in CLIENTS.values()], ids=list(CLIENTS))
VALUES = [{"text": "Grüße, 世界, 🦊, \x00 \u2028"}, [1, -2.5, True, None, [], {}], "", 0, "x" * 100_000]
CHUNKS = ["Hello, ", "🦊", "", "世界", "__FIN__", "__FIN__ within", "\r\ndata: x\n\n", *map(str, range(300))]


@contextmanager
def node_server(*arguments: str) -> Iterator[str]:
    """The Node server on a free port."""
    command = ["node", "server.mjs", "--port", "0", *arguments]
    process = subprocess.Popen(command, cwd=NODE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("listening http://127.0.0.1:"), f"the Node server said {line!r}"
        yield line.split()[1]
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture(scope="module")
def node() -> Iterator[str]:
    with node_server(*EVERY, "--identity-seed", SEED.hex()) as url:
        yield url


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    seed = tmp_path_factory.mktemp("ours") / "seed"
    seed.write_text(SEED.hex())
    with embedded_server(*EVERY, "--server-identity", str(seed)) as url:
        yield url


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@OUR_CLIENTS
def test_our_client_against_node(node: str, options: dict[str, Any]) -> None:
    with NenClient(node, **options) as client:
        for value in VALUES:
            for method in ("POST", "PUT", "PATCH", "DELETE"):
                assert client.request(method, "/api/echo", json=value).json() == {"method": method, "body": value}
        assert client.get("/api/echo", params={"q": "é"}).json()["method"] == "GET"
        assert "".join(client.stream("POST", "/api/stream", json={"chunks": CHUNKS})) == "".join(CHUNKS)
        assert list(client.stream("GET", "/api/stream")) == ["a", "b", "c"]
        assert client.status()
        client.rotate()
        assert client.post("/api/echo", json="rotated").json()["body"] == "rotated"
        client.terminate()
        with pytest.raises(NenError) as caught:
            client.get("/api/echo")
        assert caught.value.code == "ISO-2001"


@pytest.mark.anyio
@OUR_CLIENTS
async def test_our_asynchronous_client_against_node(node: str, options: dict[str, Any]) -> None:
    async with AsyncNenClient(node, **options) as client:
        for value in VALUES:
            assert (await client.post("/api/echo", json=value)).json() == {"method": "POST", "body": value}
        chunks = [chunk async for chunk in client.stream("POST", "/api/stream", json={"chunks": CHUNKS})]
        assert "".join(chunks) == "".join(CHUNKS)
        assert [chunk async for chunk in client.stream("GET", "/api/stream")] == ["a", "b", "c"]
        await client.rotate()
        assert await client.status()

        async def echo(number: int) -> None:
            assert (await client.post("/api/echo", json=number)).json()["body"] == number

        async with anyio.create_task_group() as group:
            for number in range(10):
                group.start_soon(echo, number)
        await client.terminate()


@pytest.mark.parametrize("mode", list(SecurityMode))
def test_our_client_ratchets_and_resumes_at_node(node: str, mode: SecurityMode) -> None:
    with NenClient(node, version=V3, security_mode=mode, **PINNED) as client:
        client.handshake()
        for number in range(2):
            assert client.rekey()
            assert client.post("/api/echo", json=number).json()["body"] == number
        for number in range(2):
            assert client.resume()
            assert client.post("/api/echo", json=number).json()["body"] == number
            assert list(client.stream("GET", "/api/stream")) == ["a", "b", "c"]
        assert client.rekey()
        assert client.get("/api/echo").json()["body"] is None


def test_our_client_refuses_another_server_identity() -> None:
    with node_server(*EVERY, "--identity-seed", bytes(32).hex()) as url:
        with NenClient(url, version=V3, **PINNED) as client, pytest.raises(NenError, match="ISO-3006"):
            client.handshake()
        with NenClient(url, version=V3) as careless:
            assert careless.post("/api/echo", json=1).json()["body"] == 1


def test_our_client_makes_a_new_session_when_node_lost_the_old_one(node: str) -> None:
    with NenClient(node) as client:
        client.get("/api/echo")
        lost = client._flow.session
        assert lost is not None
        assert ask(node, "POST", TERMINATE_PATH, {"x-nen-session": lost.sid or ""}, b"").status == 200
        assert client.post("/api/echo", json=1).json()["body"] == 1
        assert client._flow.session is not None
        assert client._flow.session.sid != lost.sid


def test_our_identity_where_node_requires_one() -> None:
    with node_server("--require-identity") as url:
        with NenClient(url) as stranger, pytest.raises(NenError, match="ISO-3004"):
            stranger.handshake()
        with NenClient(url, identity=IDENTITY) as known:
            assert known.post("/api/echo", json=1).json()["body"] == 1


def node_client(*arguments: str) -> list[dict[str, object]]:
    """The steps of the Node client, which must all have gone well."""
    done = subprocess.run(
        ["node", "client.mjs", *arguments], cwd=NODE, capture_output=True, text=True, timeout=120, check=False
    )
    steps = [json.loads(line) for line in done.stdout.splitlines()]
    assert [step for step in steps if not step["ok"]] == [], done.stderr
    assert done.returncode == 0, done.stderr
    return steps


@pytest.mark.parametrize("options", [theirs for _, theirs in CLIENTS.values()], ids=list(CLIENTS))
def test_node_client_against_our_server(ours: str, options: tuple[str, ...]) -> None:
    steps = {step["step"] for step in node_client(ours, *options)}
    own = {"rekey, twice", "resume, twice"} if "v3" in options else {"identity handshake"}
    assert {"handshake", "echo POST", "stream POST", "rotate", "own terminate"} | own <= steps


def test_node_client_refuses_another_server_identity(ours: str) -> None:
    other = Identity.from_seed(bytes(32)).pk.hex()
    options = ("--protocol", "v3", "--server-identity", other)
    done = subprocess.run(
        ["node", "client.mjs", ours, *options], cwd=NODE, capture_output=True, text=True, timeout=120, check=False
    )
    first = json.loads(done.stdout.splitlines()[0])
    assert (first["step"], first["ok"]) == ("handshake", False)
    assert first["detail"].startswith("ISO-3006")


def test_node_identity_where_we_require_one() -> None:
    with embedded_server("--require-identity") as url:
        assert node_client(url, "--identity")


def test_node_client_says_when_it_fails() -> None:
    """The test of the test: against nothing that listens, its steps fail, and so would ours."""
    done = subprocess.run(
        ["node", "client.mjs", "http://127.0.0.1:1"], cwd=NODE, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 1
    assert not json.loads(done.stdout.splitlines()[0])["ok"]


def test_the_unit_tests_of_node() -> None:
    environment = os.environ | {"NEN_EXTERNAL": os.environ.get("NEN_EXTERNAL", str(NODE.parents[3] / "shared"))}
    done = subprocess.run(
        ["node", "--test"], cwd=NODE, capture_output=True, text=True, timeout=300, env=environment, check=False
    )
    assert done.returncode == 0, done.stdout
    counts = dict(line[2:].rsplit(" ", 1) for line in done.stdout.splitlines() if line.startswith("# "))
    assert counts["fail"] == counts["cancelled"] == "0"
    assert int(counts["pass"]) > 0


@pytest.mark.parametrize("protocol", ["v1", "v3"])
def test_the_conformance_suite_against_a_node_server_of_every_version(node: str, protocol: str) -> None:
    cases = [case for case in all_cases(protocol, (Kind.SERVER,)) if "server.start" not in case.needs]

    async def run() -> Report:
        return await run_cases(cases, UrlTarget(Routes(node)), protocol, jobs=4)

    report = anyio.run(run)
    assert len(report.results) == len(cases) > 200
    assert {result.case.id: f"{result.outcome} {result.observed}" for result in report.findings} == {}
