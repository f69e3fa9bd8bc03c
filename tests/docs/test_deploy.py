"""docs/deploy.md: its example on two nodes with one Redis, its settings, its log lines, and what it says of copies."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click
import pytest

from nen_ref.cli.serve import serve
from nen_ref.http import NenClient
from nen_ref.protocol.key_schedule import ratchet
from nen_ref.protocol.messages import HANDSHAKE_PATH, ROTATE_PATH, SESSION_HEADER
from nen_ref.protocol.verification import FOREVER, NonceAnswer
from nen_ref.stores.records import key_of
from nen_ref.stores.redis import RedisStore
from nen_ref.testing.store_suite import LIFE, a_session
from tests.http.live import Answer, Caller, ask, eventually
from tests.stores.redis_server import RedisServer, free_port, needs_redis, running_redis

PAGE = (Path(__file__).parents[2] / "docs" / "deploy.md").read_text(encoding="utf-8")
PAY = b'{"amount":42}'
START_SECONDS = 30.0


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@contextmanager
def node(directory: Path, store: str, log: Path) -> Iterator[str]:
    """The URL of the page's app.py in a uvicorn of its own, started as the page says; what it logs goes to `log`."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "app:app", "--host", "127.0.0.1", "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=directory, env={**os.environ, "NEN_STORE": store}, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        until = time.monotonic() + START_SECONDS
        while not _listens(port):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def logs(tmp_path: Path) -> list[Path]:
    return [tmp_path / "a.log", tmp_path / "b.log"]


@pytest.fixture
def nodes(tmp_path: Path, logs: list[Path], redis_server: RedisServer) -> Iterator[list[str]]:
    (example,) = blocks("python")
    (tmp_path / "app.py").write_text(example, encoding="utf-8")
    with ExitStack() as stack:
        yield [stack.enter_context(node(tmp_path, redis_server.url, log)) for log in logs]


def pay(caller: Caller, url: str) -> Answer:
    caller.url = url
    return caller.ask("POST", "/api/pay", PAY)


@needs_redis
def test_a_handshake_on_one_node_and_requests_on_the_other(nodes: list[str]) -> None:
    a, b = nodes
    caller = Caller(a)
    assert caller.json(pay(caller, b)) == {"paid": 42}
    assert caller.json(pay(caller, a)) == {"paid": 42}
    headers, body = caller.sign("POST", "/api/pay", PAY)
    assert ask(b, "POST", "/api/pay", headers, body).status == 200
    assert [ask(url, "POST", "/api/pay", headers, body).code for url in nodes] == ["ISO-5001", "ISO-5001"]
    with NenClient(b) as client:
        assert client.post("/api/pay", json={"amount": 42}).json() == {"paid": 42}


@needs_redis
def test_the_log_lines_of_the_page_are_those_of_the_nodes(
    nodes: list[str], logs: list[Path], redis_server: RedisServer
) -> None:
    """And Redis that is gone is a refusal; one that comes back empty makes clients make new sessions."""
    a, b = nodes
    caller = Caller(a)
    headers, body = caller.sign("POST", "/api/pay", PAY)
    assert ask(b, "POST", "/api/pay", headers, body).status == 200
    assert ask(a, "POST", "/api/pay", headers, body).code == "ISO-5001"
    redis_server.kill()
    for url in nodes:
        refused = pay(caller, url)
        assert (refused.status, refused.code) == (500, "ISO-9000")
    redis_server.start()
    assert pay(caller, a).code == "ISO-2002"
    other = Caller(a)
    sid = other.sign("POST", "/api/pay", PAY)[0][SESSION_HEADER]
    redis_server.command("SET", key_of(sid), "something else")
    assert pay(other, a).code == "ISO-2002"
    known = [("127.0.0.1:" + str(redis_server.port), "redis.internal:6379"), (sid, "SESSION")]

    def said() -> set[str]:
        text = logs[0].read_text()
        for mine, of_the_page in known:
            text = text.replace(mine, of_the_page)
        return set(text.splitlines())

    lines = [line for line in blocks("text")[1].splitlines() if line]
    assert len(lines) == 4
    assert eventually(lambda: said() >= set(lines)), f"{lines} are not all in\n{logs[0].read_text()}"


@needs_redis
def test_the_settings_of_the_page() -> None:
    """Redis takes them, their user can do all that the store does, and nothing else."""
    lines = blocks("text")[0].splitlines()
    assert lines[-1] == "user default off"
    options = [word for line in lines[:-1] for word in (f"--{line.split()[0]}", *line.split()[1:])]
    with running_redis(*["" if word == '""' else word for word in options]) as server:
        url = server.url.replace("redis://", "redis://nen:CHANGE-ME@")

        async def use(store: RedisStore) -> None:
            session = a_session()
            await store.set(session, LIFE)
            await store.set(session, LIFE)
            assert await store.get(session.sid) == session
            for nonce, until in [(b"p" * 12, 1), (b"n" * 12, FOREVER)]:
                assert await store.record_nonce(session.sid, nonce, until) is NonceAnswer.NEW
            assert await store.record_nonce(session.sid, b"p" * 12, 1) is NonceAnswer.USED
            ratcheted = dataclasses.replace(session, keys=ratchet(session.keys))
            assert await store.replace(session, ratcheted)
            assert await store.get(session.sid) == ratcheted
            assert await store.delete(session.sid)

        assert server.command("CONFIG", "GET", "maxmemory-policy")[1] == b"volatile-ttl"
        assert server.command("CONFIG", "GET", "save")[1] == b""
        using(url, use)
        replies = server.commands([("ACL", "SETUSER", "default", "off"), ("AUTH", "nen", "CHANGE-ME"), ("KEYS", "*")])
        assert replies[:2] == [b"OK", b"OK"]
        assert str(replies[2]).startswith("NOPERM")
        using(url, use)


def using(url: str, check: Callable[[RedisStore], Awaitable[None]]) -> None:
    async def run() -> None:
        async with RedisStore.from_url(url) as store:
            await check(store)

    asyncio.run(run())


@needs_redis
def test_an_old_copy_lets_the_requests_of_the_lost_seconds_pass_once(redis_server: RedisServer) -> None:
    """The limit that the page warns of is real; without a copy the session is gone."""
    session, ended = a_session(), a_session()

    async def before(store: RedisStore) -> None:
        for each in (session, ended):
            await store.set(each, LIFE)
        assert await store.record_nonce(session.sid, b"a" * 12, FOREVER) is NonceAnswer.NEW
        redis_server.command("SAVE")
        assert await store.record_nonce(session.sid, b"b" * 12, FOREVER) is NonceAnswer.NEW
        assert await store.delete(ended.sid)

    async def after(store: RedisStore) -> None:
        assert await store.record_nonce(session.sid, b"a" * 12, FOREVER) is NonceAnswer.USED
        assert await store.record_nonce(session.sid, b"b" * 12, FOREVER) is NonceAnswer.NEW
        assert await store.record_nonce(session.sid, b"b" * 12, FOREVER) is NonceAnswer.USED
        assert await store.exists(ended.sid)

    async def without(store: RedisStore) -> None:
        assert await store.record_nonce(session.sid, b"a" * 12, FOREVER) is NonceAnswer.NO_SESSION

    using(redis_server.url, before)
    redis_server.restart()
    using(redis_server.url, after)
    Path(redis_server.directory.name, "dump.rdb").unlink()
    redis_server.restart()
    using(redis_server.url, without)


def test_the_example_is_short() -> None:
    (example,) = blocks("python")
    assert len([line for line in example.splitlines() if line]) <= 12


def test_the_page_names_what_there_is() -> None:
    options = {name for parameter in serve.params if isinstance(parameter, click.Option) for name in parameter.opts}
    section = PAGE.partition("## `nen-ref serve`")[2].partition("\n## ")[0]
    assert set(re.findall(r"--[a-z][a-z-]*", section)) == options
    for path in (HANDSHAKE_PATH, ROTATE_PATH):
        assert f"`POST {path}`" in PAGE or f"`{path}`" in PAGE
