"""`nen-ref serve` as a process, as people and scripts start it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nen_ref.conformance.embedded import ServerDidNotStart, embedded_server
from nen_ref.http import NenClient
from nen_ref.protocol.errors import NenError
from nen_ref.protocol.identity import Identity
from nen_ref.protocol.messages import HANDSHAKE_PATH, STATUS_PATH
from tests.http.live import Caller, ask, connect, eventually

LINE = re.compile(r"listening on (http://\S+:\d+) \(routes /api/echo and /api/stream; stop with Ctrl-C\)\n")
PATIENCE = 6


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process, and the URL in the line that it prints."""
    command = [sys.executable, "-m", "nen_ref", "serve", "--port", "0", *arguments]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = LINE.fullmatch(line)
        assert found, f"it printed {line!r}"
        yield process, found[1]
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def refused(*arguments: str) -> str:
    """What a start that cannot go well writes as its error; it ends with exit code 2 and prints nothing else."""
    command = [sys.executable, "-m", "nen_ref", "serve", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    printed = process.stdout.readline()  # nothing, when the process ends
    if printed:
        process.kill()
    _, error = process.communicate()
    assert printed == ""
    assert process.returncode == 2, error
    assert "Traceback" not in error
    return error


@pytest.fixture(scope="module")
def plain() -> Iterator[str]:
    with serving() as (_, url):
        yield url


def test_the_server_answers_as_soon_as_the_line_is_there(plain: str) -> None:
    with NenClient(plain) as client:
        assert client.post("/api/echo", json=["hi"]).json() == {"method": "POST", "body": ["hi"]}
        assert list(client.stream("GET", "/api/stream")) == ["a", "b", "c"]
        with pytest.raises(NenError) as caught:
            list(client.stream("POST", "/api/stream", json={"chunks": [1]}))
        assert caught.value.code == "ISO-7002"
        assert client.post("/api/stream", json={"chunks": 7}).status_code == 422


def test_it_does_not_say_what_it_runs_on(plain: str) -> None:
    assert ask(plain, "GET", STATUS_PATH).header("server") is None


@pytest.mark.parametrize("level", ["debug", "error"])
def test_the_line_comes_first_at_every_log_level(level: str) -> None:
    with serving("--log-level", level) as (_, url):
        assert ask(url, "GET", STATUS_PATH).status == 401


def test_require_identity() -> None:
    with serving("--require-identity") as (_, url):
        with NenClient(url) as stranger, pytest.raises(NenError, match="ISO-3004"):
            stranger.handshake()
        with NenClient(url, identity=Identity.from_seed(bytes(32))) as known:
            assert known.get("/api/echo").status_code == 200


def test_body_limit() -> None:
    with serving("--body-limit", "3000") as (_, url):
        caller = Caller(url)
        for size, code in ((3000, None), (3001, "ISO-6001")):
            headers, body = caller.sign("POST", "/api/echo", b"1")
            assert body is not None
            assert ask(url, "POST", "/api/echo", headers, body.ljust(size)).code == code


def test_session_life(plain: str) -> None:
    def valid(caller: Caller) -> bool:
        headers = {"x-nen-session": caller.session.sid or ""}
        return bool(json.loads(ask(caller.url, "GET", STATUS_PATH, headers).body)["valid"])

    with serving("--session-life", "1") as (_, url):
        long, short = Caller(plain), Caller(url)
        assert valid(short)
        assert eventually(lambda: not valid(short))
        assert short.ask("GET", "/api/echo").code == "ISO-2002"
        assert valid(long)


def test_ipv6_loopback() -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    with serving("--host", "::1") as (_, url):
        assert url.startswith("http://[::1]:")
        with NenClient(url) as client:
            assert client.post("/api/echo", json=6).json()["body"] == 6


def test_host_by_name() -> None:
    with serving("--host", "localhost") as (_, url):
        assert ask(url, "GET", STATUS_PATH).status == 401


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_port_in_use(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, 0), family=family)
    except OSError:
        pytest.skip(f"this machine has no {host}")
    with listener:
        port = listener.getsockname()[1]
        error = refused("--host", host, "--port", str(port))
    assert f"cannot listen on {host}:{port}" in error or f"cannot listen on [{host}]:{port}" in error
    assert "in use" in error


@pytest.mark.parametrize(
    "arguments",
    [
        ("--port", "99999"),
        ("--port", "-1"),
        ("--port", "http"),
        ("--host", "no-such-host.invalid"),
        ("--host", "192.0.2.1"),
        ("--port", "0", "--session-life", "-1"),
        ("--port", "0", "--session-life", "0"),
        ("--port", "0", "--session-life", str(30 * 24 * 3600 + 1)),
        ("--port", "0", "--host", ""),
        ("--port", "0", "--host", "ä" * 100),
        ("--port", "0", "--store", ""),
        ("--port", "0", "--body-limit", "-1"),
        ("--port", "0", "--log-level", "loud"),
        ("--port", "0", "surplus"),
    ],
    ids=" ".join,
)
def test_wrong_options_exit_2_with_a_message(arguments: tuple[str, ...]) -> None:
    assert "Error: " in refused(*arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--server-identity", "right"), "add --protocol v3"),
        (("--protocol", "v2", "--ticket-key", "right"), "add --protocol v3"),
        (("--protocol", "v3", "--require-identity"), "no client of V3 has one"),
        (("--protocol", "v1", "--protocol", "v3", "--require-identity"), "no client of V3 has one"),
        (("--protocol", "v3", "--server-identity", "absent"), "does not exist"),
        (("--protocol", "v3", "--server-identity", "binary"), "binary: not a file of hexadecimal digits"),
        (
            ("--protocol", "v3", "--ticket-key", "right", "--ticket-key", "words"),
            "words: not a file of hexadecimal digits",
        ),
        (("--protocol", "v3", "--ticket-key", "short"), "short: 31 bytes, not 32"),
        (("--protocol", "v3", "--ticket-key", "empty"), "empty: 0 bytes, not 32"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_is_wrong_with_the_secrets_of_v3(arguments: tuple[str, ...], message: str, tmp_path: Path) -> None:
    """And nothing of what the files hold is said."""
    files = {"right": "5e" * 32, "short": "5e" * 31, "words": "5ecret" * 9, "empty": ""}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "binary").write_bytes(b"\x5e\xff" * 16)
    places = [str(tmp_path / word) if word in (*files, "binary", "absent") else word for word in arguments]
    error = refused("--port", "0", *places)
    assert message in error
    assert "5e5e" not in error
    assert "5ecret" not in error


def idle(url: str) -> socket.socket:
    return connect(url)


def kept_alive(url: str) -> socket.socket:
    connection = connect(url)
    connection.sendall(f"GET {STATUS_PATH} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
    got = b""
    while b'{"valid":false}' not in got:
        got += connection.recv(65536)
    return connection


def half_a_head(url: str) -> socket.socket:
    connection = connect(url)
    connection.sendall(f"POST {HANDSHAKE_PATH} HTTP/1.1\r\nho".encode())
    return connection


def half_a_body(url: str) -> socket.socket:
    connection = connect(url)
    connection.sendall(f"POST {HANDSHAKE_PATH} HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{{".encode())
    assert ask(url, "GET", STATUS_PATH).status == 401  # so that the server has seen the other
    return connection


def a_stream_that_nobody_reads(url: str) -> socket.socket:
    caller = Caller(url)
    headers, body = caller.sign("POST", "/api/stream", json.dumps({"chunks": ["x" * 100_000] * 60}).encode())
    assert body is not None
    connection = connect(url)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    connection.sendall(
        f"POST /api/stream HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n{lines}\r\n".encode() + body
    )
    assert connection.recv(15) == b"HTTP/1.1 200 OK"
    return connection


@pytest.mark.parametrize(
    "open_connection",
    [idle, kept_alive, half_a_head, half_a_body, a_stream_that_nobody_reads],
    ids=lambda function: function.__name__,
)
def test_sigterm_ends_it_whatever_its_clients_do(open_connection: Callable[[str], socket.socket]) -> None:
    """Within a few seconds: a supervisor kills what takes longer, as our own embedded server does after ten."""
    with serving("--log-level", "error") as (process, url), open_connection(url):
        process.terminate()
        try:
            assert process.wait(PATIENCE) in (0, -signal.SIGTERM, 128 + signal.SIGTERM)
        except subprocess.TimeoutExpired:
            pytest.fail(f"it still runs {PATIENCE} s later")
        assert process.stdout is not None
        assert process.stdout.read() == "speaks v1; primitives by reference; sessions in memory; 1 process\n"


def test_ctrl_c_ends_it_without_a_traceback() -> None:
    command = [sys.executable, "-m", "nen_ref", "serve", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    url = process.stdout.readline().split()[2]
    assert ask(url, "GET", STATUS_PATH).status == 401
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=2 * PATIENCE)
    assert "Traceback" not in error


def test_embedded_server_gives_a_url_and_ends_with_its_block() -> None:
    with embedded_server("--body-limit", "5000") as url:
        assert ask(url, "GET", STATUS_PATH).status == 401
    with pytest.raises(ConnectionError):
        connect(url)


def test_embedded_server_that_does_not_start_says_why() -> None:
    with pytest.raises(ServerDidNotStart, match="no-such-host"), embedded_server("--host", "no-such-host.invalid"):
        pass
