"""`nen-ref bench load`: runs of a second, with servers that answer rightly and servers that do not."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nen_ref.bench import load as load_module
from nen_ref.bench.caller import deal
from nen_ref.bench.load import LoadFailed, run_load
from nen_ref.bench.local_redis import installed, local_redis
from nen_ref.bench.model import (
    DECK,
    MAX_ERROR_TEXTS,
    MAX_REQUESTS,
    MAX_SECONDS,
    Crowd,
    Kind,
    Limits,
    Measured,
    NotLoopback,
    Tally,
    check_loopback,
)
from nen_ref.cli.bench import bench
from nen_ref.http.asgi import ChunkResponse, NenMiddleware
from nen_ref.http.demo_app import demo_app, echo, stream
from tests.http.live import scripted, serve

QUICK = ("--requests", "60", "--seconds", "20", "--clients", "2")
LIMITS = Limits(requests=60, seconds=20, patience=5)
CROWD = Crowd(clients=2)


def bench_load(*arguments: str) -> Result:
    return CliRunner().invoke(bench, ["load", *arguments])


def refused(*arguments: str) -> str:
    done = bench_load(*arguments)
    assert done.exit_code == 2, done.output
    assert "Traceback" not in done.output
    assert "Error: " in done.output
    return " ".join(done.output.replace("│", " ").split())


@pytest.fixture(scope="module")
def right() -> Iterator[str]:
    with serve(demo_app()) as url:
        yield url


# Runs of the command -------------------------------------------------------------------------------------------


def check_file(file: Path, answers: int) -> list[dict[str, Any]]:
    """What stands in every file, and that its numbers fit one another; its runs."""
    written = json.loads(file.read_text("utf-8"))
    assert written["schema"] == "nen-bench-load/1"
    assert written["machine"]["cores"] == os.cpu_count()
    assert written["python"]["version"] == ".".join(map(str, sys.version_info[:3]))
    assert {"nen-ref", "cryptography", "uvicorn", "h11"} <= set(written["packages"])
    assert "share this machine" in written["note"]
    assert written["clients"]["primitives"].startswith("cryptography ")
    runs: list[dict[str, Any]] = written["runs"]
    for run in runs:
        kinds = run["kinds"]
        assert set(kinds) == {kind.value for kind in Kind}
        assert sum(kind["answers"] for kind in kinds.values()) == run["all"]["answers"] == answers
        assert run["all"]["errors"] == 0
        for kind in kinds.values():
            assert 0 < kind["p50_ms"] <= kind["p90_ms"] <= kind["p99_ms"] <= kind["max_ms"] <= run["all"]["max_ms"]
            assert kind["per_second"] == pytest.approx(kind["answers"] / run["seconds"], rel=0.01)
    return runs


def test_a_server_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "load.json"
    done = bench_load(*QUICK, "--provider", "cryptography", "--json", str(file))
    assert done.exit_code == 0, done.output
    assert "computing with cryptography" in done.output
    assert "share this machine" in done.output
    assert re.search(r"^all +60 ", done.output, re.MULTILINE)
    (run,) = check_file(file, 60)
    assert run["server"] == {"store": "memory", "workers": 1, "provider": "cryptography"}


@pytest.mark.redis
@pytest.mark.skipif(not installed(), reason="there is no redis-server")
def test_the_matrix_of_what_is_not_given(tmp_path: Path) -> None:
    file = tmp_path / "load.json"
    done = bench_load(*QUICK, "--matrix", "--provider", "cryptography", "--json", str(file))
    assert done.exit_code == 0, done.output
    servers = [(run["server"]["store"], run["server"]["workers"]) for run in check_file(file, 60)]
    assert servers == [("memory", 1), ("redis", 1), ("redis", 4)]
    table = done.output[done.output.index("p50 / p99") :]
    assert [line.split()[:3] for line in table.splitlines()[2:5]] == [
        ["memory", "1", "cryptography"], ["redis", "1", "cryptography"], ["redis", "4", "cryptography"],
    ]  # fmt: skip


def test_a_server_that_runs_already(right: str, tmp_path: Path) -> None:
    file = tmp_path / "load.json"
    done = bench_load(*QUICK, "--url", right, "--json", str(file), "--processes", "2")
    assert done.exit_code == 0, done.output
    (run,) = check_file(file, 60)
    assert run["server"] == {"url": right}


def test_of_a_url_only_host_and_port_are_used_and_shown(right: str) -> None:
    done = bench_load(*QUICK, "--url", right.replace("127.", "me:secret-9@127.") + "/path?secret-9", "--json", "-")
    assert done.exit_code == 0, done.output
    assert "secret-9" not in done.output


def test_a_file_that_cannot_be_written_is_told_before_anything_is_measured() -> None:
    said = refused("--seconds", "1", "--json", "/proc/x")
    assert "--json /proc/x: " in said
    assert "answers" not in said


def test_json_on_standard_output_is_nothing_but_json(right: str) -> None:
    done = bench_load(*QUICK, "--url", right, "--json", "-")
    assert json.loads(done.stdout)["runs"][0]["all"]["answers"] == 60
    assert "share this machine" in done.stderr


def test_a_database_that_is_not_there_is_a_failure(tmp_path: Path) -> None:
    """Whether the server refuses to start or to answer."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    file = tmp_path / "load.json"
    done = bench_load(*QUICK, "--store", f"redis://127.0.0.1:{port}/0", "--timeout", "3", "--json", str(file))
    assert done.exit_code == 1, done.output
    (run,) = json.loads(file.read_text("utf-8"))["runs"]
    assert run["fault"] or run["all"]["errors"] > 0


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    done = bench_load(*QUICK, "--url", f"http://127.0.0.1:{port}")
    assert done.exit_code == 1
    assert "the server does not answer: the connection failed: ConnectionRefusedError" in done.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_what_it_started_ends_with_it(number: int) -> None:
    program = "from nen_ref.cli.bench import bench; bench()"
    command = [sys.executable, "-c", f"if __name__ == '__main__': {program}", "load", "--seconds", "60"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if "answers," in line:
            break
    started = descendants(process.pid)
    assert len(started) >= 2, "a server and a client"
    process.send_signal(number)
    _, error = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert "Traceback" not in error
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in started) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [pid for pid in started if Path(f"/proc/{pid}").exists()] == []


def descendants(pid: int) -> list[int]:
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = dict(map(int, line.split()) for line in listed.splitlines())
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found[1:]


# What is refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    ["http://192.0.2.1:80", "http://example.com:80", "http://[2001:db8::1]:80", "http://0.0.0.0:80",
     "http://localhost.example.com:80", "http://127.0.0.1.example.com:80", "http://127.0.0.1@192.0.2.1:80"],
)  # fmt: skip
def test_other_machines_are_refused(url: str) -> None:
    assert "is not a loopback address" in refused("--url", url)
    assert "is not a loopback address" in refused("--store", url.replace("http", "redis").replace("127.0.0.1@", ""))
    with pytest.raises(NotLoopback):
        run_load(url, LIMITS, CROWD)


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1", "http://127.0.0.1", "http://:80", "http://127.0.0.1:99999", "http://["]
)
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        check_loopback(url)


def test_loopback_is_taken() -> None:
    assert check_loopback("http://127.0.0.1:80") == ("127.0.0.1", 80)
    assert check_loopback("http://127.1.2.3:80") == ("127.1.2.3", 80)
    assert check_loopback("http://[::1]:80") == ("::1", 80)
    assert check_loopback("http://localhost:80/x") == ("localhost", 80)


def test_memory_with_four_workers_is_refused() -> None:
    assert "each would have sessions that the others lack" in refused("--workers", "4")
    assert "each would have sessions" in refused("--workers", "4", "--store", "memory:", "--matrix")


@pytest.mark.parametrize(
    "store", ["redis://:secret-9@127.0.0.1:6379", "redis://me:secret-9", "mysql://root:secret-9@127.0.0.1:1"]
)
def test_a_password_is_refused_and_not_shown(store: str) -> None:
    assert "secret-9" not in refused("--store", store)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--requests", "0"),
        ("--requests", str(MAX_REQUESTS + 1)),
        ("--seconds", "0"),
        ("--seconds", str(MAX_SECONDS + 1)),
        ("--seconds", "nan"),
        ("--timeout", "nan"),
        ("--timeout", "61"),
        ("--clients", "257"),
        ("--clients", "2", "--processes", "3"),
        ("--workers", "2"),
        ("--provider", "openssl"),
        ("--url", "http://127.0.0.1:1", "--matrix"),
        ("--url", "http://127.0.0.1:1", "--workers", "1"),
        ("--url", "http://127.0.0.1"),
        ("--url", "https://127.0.0.1:443"),
        ("--url", "http://[::1"),
        ("--store", "redis://[::1"),
        ("--json", "/no/such/folder/load.json"),
        ("--store", "file:///tmp/x"),
        ("--store", "redis://127.0.0.1"),
    ],
    ids=" ".join,
)
def test_wrong_options(arguments: tuple[str, ...]) -> None:
    refused(*arguments)


# Servers that lie ----------------------------------------------------------------------------------------------


async def other_echo(request: Request) -> Response:
    """Answers each with the body of nobody."""
    return JSONResponse({"method": "POST", "body": {"hello": "somebody else"}})


async def failed_echo(request: Request) -> Response:
    return JSONResponse({"method": "POST", "body": await request.json()}, 500)


async def short_stream(request: Request) -> Response:
    chunks: list[str] = (await request.json())["chunks"]

    async def all_but_one() -> Any:
        for chunk in chunks[1:]:
            yield chunk

    return ChunkResponse(all_but_one())


async def broken_stream(request: Request) -> Response:
    async def one() -> Any:
        yield "a"
        raise RuntimeError("in the middle")

    return ChunkResponse(one())


class Rewriting:
    """Rewrites whole answers outside of the middleware, as a broken server would have made them."""

    def __init__(self, app: ASGIApp, path: str, rewrite: Callable[[bytes], bytes]) -> None:
        self._app, self._path, self._rewrite = app, path, rewrite

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != self._path:
            await self._app(scope, receive, send)
            return
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        await self._app(scope, receive, keep)
        body = self._rewrite(b"".join(message.get("body", b"") for message in messages))
        start = messages[0]
        headers = [pair for pair in start["headers"] if pair[0] != b"content-length"]
        await send({**start, "headers": [*headers, (b"content-length", str(len(body)).encode())]})
        await send({"type": "http.response.body", "body": body})


def app(echo: Any = echo, stream: Any = stream) -> Starlette:
    routes = [Route("/api/echo", echo, methods=["POST"]), Route("/api/stream", stream, methods=["POST"])]
    return Starlette(routes=routes, middleware=[Middleware(NenMiddleware)])


def rewriting(path: str, rewrite: Callable[[bytes], bytes]) -> ASGIApp:
    return Rewriting(demo_app(), path, rewrite)


def another_digit(body: bytes) -> bytes:
    """Another character in the middle of the ciphertext."""
    middle = body.index(b'"ct":"') + 10
    return body[:middle] + (b"B" if body[middle : middle + 1] == b"A" else b"A") + body[middle + 1 :]


ECHO = {Kind.SMALL, Kind.LARGE}
LIES: dict[str, tuple[ASGIApp, set[Kind], str]] = {
    "the echo of another": (app(echo=other_echo), ECHO, "the echo is not what was sent"),
    "an echo with status 500": (app(echo=failed_echo), ECHO, "status 500 without an ISO code"),
    "a stream that lacks a chunk": (app(stream=short_stream), {Kind.STREAM}, "not those asked for"),
    "a stream that breaks off": (app(stream=broken_stream), {Kind.STREAM}, "ended too soon"),
    "a stream without its end": (
        rewriting("/api/stream", lambda body: body[: body.rindex(b"data:")]), {Kind.STREAM}, "ISO-7002",
    ),
    "an answer that is changed": (rewriting("/api/echo", another_digit), ECHO, "ISO-4001"),
    "an answer that is not sealed": (rewriting("/api/echo", lambda _: b'{"method":"POST"}'), ECHO, "ISO-6001"),
    "an answer that has no end": (rewriting("/api/echo", lambda _: b" " * 2**21), ECHO, "more than 1048576 bytes"),
    "a session that is not valid": (
        rewriting("/api/nen/status", lambda _: b'{"valid":false}'), {Kind.STATUS}, "does not say that",
    ),
    "a status that is no JSON": (rewriting("/api/nen/status", lambda _: b"\x1b[2J"), {Kind.STATUS}, "not JSON"),
    "another shared secret": (rewriting("/api/nen/handshake", another_digit), ECHO | {Kind.STREAM}, "ISO-4001"),
    "no handshake": (rewriting("/api/nen/handshake", lambda _: b"{}"), {Kind.HANDSHAKE}, "ISO-1004"),
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_an_error_of_its_kind_and_of_no_other(lie: str) -> None:
    server, kinds, said = LIES[lie]
    with serve(server) as url:
        measured = run_load(url, Limits(requests=80, seconds=20, patience=5), CROWD)
    assert measured.answered + measured.failed == 80
    assert {kind for kind, tally in measured.tallies.items() if tally.failed} == kinds
    for kind in kinds:
        assert measured.tallies[kind].latencies == []
        assert all(said in text for text in measured.tallies[kind].errors)


def test_errors_are_shown_and_the_exit_code_is_one(tmp_path: Path) -> None:
    file = tmp_path / "load.json"
    with serve(app(stream=short_stream)) as url:
        done = bench_load(*QUICK, "--url", url, "--json", str(file))
    assert done.exit_code == 1
    assert re.search(r"\d+ x stream: the chunks of the stream are not those asked for", done.output)
    kinds = json.loads(file.read_text("utf-8"))["runs"][0]["kinds"]
    assert kinds["stream"]["errors"] > 0
    assert kinds["stream"]["p50_ms"] is None
    assert kinds["small request"]["errors"] == 0


def raw(text: bytes) -> Callable[[BaseHTTPRequestHandler], None]:
    """A server whose status can be asked, and that writes `text` to everything else."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n" if handler.command == "GET" else text)

    return answer


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "closed the connection without an answer"),
        (b"220 mail ready\r\n", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{", "ended too soon"),
        (b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n", "ISO-1004 HANDSHAKE_BAD_RESPONSE: status 503"),
    ],
)
def test_servers_that_speak_badly(text: bytes, said: str) -> None:
    with scripted(raw(text)) as url:
        measured = run_load(url, Limits(requests=4, seconds=20, patience=5), Crowd(clients=1))
    assert measured.answered == 0
    (error,) = measured.tallies[Kind.HANDSHAKE].errors
    assert said in error
    assert measured.failed == 4


def test_an_answer_that_does_not_come() -> None:
    def silent(handler: BaseHTTPRequestHandler) -> None:
        raw(b"")(handler) if handler.command == "GET" else time.sleep(3)

    with scripted(silent) as url:
        measured = run_load(url, Limits(requests=2, seconds=20, patience=0.3), Crowd(clients=1))
    assert measured.tallies[Kind.HANDSHAKE].errors == {"no answer within 0.3 s": 2}


# Limits --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("processes", [1, 2])
def test_exactly_so_many_requests(right: str, processes: int) -> None:
    measured = run_load(right, Limits(requests=45, seconds=20), Crowd(clients=3, processes=processes))
    assert measured.answered == 45


def test_no_longer_than_so_long(right: str) -> None:
    shown: list[float] = []
    measured = run_load(
        right, Limits(requests=MAX_REQUESTS, seconds=1.5), CROWD, lambda measured: shown.append(measured.seconds)
    )
    assert 1.5 <= measured.seconds < 3
    assert measured.answered > 20
    assert measured.client_cores is not None
    assert 0 < measured.client_cores <= 1.1
    assert len(shown) >= 2, "it is shown while it runs"
    assert shown == sorted(shown)


def test_a_client_process_that_dies_is_not_taken_for_an_end(right: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def kill(_: Measured) -> None:
        for process in multiprocessing.active_children():
            process.kill()

    monkeypatch.setattr(load_module, "SHOW_EVERY", 0.1)
    with pytest.raises(LoadFailed, match="ended before its time"):
        run_load(right, Limits(requests=MAX_REQUESTS, seconds=20), CROWD, kill)


# The parts -----------------------------------------------------------------------------------------------------


def test_the_mix() -> None:
    dealt = deal(7)
    rounds = [[next(dealt) for _ in range(sum(DECK.values()))] for _ in range(3)]
    for one in rounds:
        assert one[0] is Kind.HANDSHAKE
        assert {kind: one.count(kind) for kind in Kind} == DECK
    assert rounds[0] != rounds[1]
    again = deal(7)
    assert [next(again) for _ in rounds[0]] == rounds[0]


def test_percentiles_are_those_of_the_nearest_rank() -> None:
    tally = Tally()
    assert tally.percentile(50) is None
    tally.add([5.0, 3.0], {})
    tally.add([1.0, 4.0, 2.0], {})
    assert [tally.percentile(p) for p in (1, 20, 21, 50, 90, 99, 100)] == [1.0, 1.0, 2.0, 3.0, 5.0, 5.0, 5.0]
    hundred = Tally(latencies=[float(i) for i in range(1, 101)])
    assert [hundred.percentile(p) for p in (50, 90, 99, 100)] == [50.0, 90.0, 99.0, 100.0]


def test_many_different_errors_are_counted_but_not_all_kept() -> None:
    tally = Tally()
    for i in range(1000):
        tally.add([], {f"error {i}": 2})
    assert tally.failed == 2000
    assert len(tally.errors) == MAX_ERROR_TEXTS + 1


@pytest.mark.redis
@pytest.mark.skipif(not installed(), reason="there is no redis-server")
def test_the_local_redis_is_empty_and_ends_with_its_block() -> None:
    with local_redis() as url:
        host, port = check_loopback(url)
        with socket.create_connection((host, port), timeout=5) as connection:
            connection.sendall(b"DBSIZE\r\n")
            assert connection.recv(64) == b":0\r\n"
    with pytest.raises(ConnectionError):
        socket.create_connection((host, port), timeout=5)
