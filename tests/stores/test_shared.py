"""Real servers over one real Redis: what they promise together, and when the Redis or one of them dies.

The servers are four processes, the Redis is one that can be killed, stopped, filled or spoilt. An answer other than the
sealed one, or a refusal with a code of Nen, fails every test here.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from http.client import HTTPException
from pathlib import Path

import pytest

from nen_ref.http.demo_app import demo_app
from nen_ref.http.server import NenServer, ServerConfig
from nen_ref.protocol.messages import HANDSHAKE_PATH, ROTATE_PATH, TERMINATE_PATH
from tests.http.live import ask, connect, eventually, read_answer, serve
from tests.stores.nodes import (
    ECHO,
    Member,
    Node,
    Signed,
    another_hello,
    at_once,
    every_operation,
    is_safe,
    running_nodes,
    timed,
)
from tests.stores.redis_server import RedisServer, free_port, needs_redis, running_redis

pytestmark = needs_redis

COPIES = 200  # of each request, at once
ROUNDS, SLOW_ROUNDS = 20, 100
BOUND = 3.5  # seconds until a refusal when Redis does not answer; a call has 2
BURST_BOUND = 6.0  # for COPIES requests to one node: 50 at a time, one call after the other, would take 8
JSON = {"content-type": "application/json"}
PASSWORD, OTHER_PASSWORD = "first-Pa55word", "second-Pa55word"

# A server whose check of a nonce and its record are two steps, for the control of the count below.
TWO_STEPS = """
from nen_ref.cli import main
from nen_ref.protocol.verification import NonceAnswer
from nen_ref.stores.records import key_of, nonce_member
from nen_ref.stores.remote import RemoteStore

async def record_nonce(self, sid, nonce, keep_until):
    if await self._command("ZSCORE", key_of(sid), nonce_member(nonce)) is not None:
        return NonceAnswer.USED
    await self._command("ZADD", key_of(sid), str(keep_until), nonce_member(nonce))
    return NonceAnswer.NEW

RemoteStore.record_nonce = record_nonce
main()
"""


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with running_redis(password=PASSWORD) as server:
        yield server


@pytest.fixture(scope="module")
def nodes(redis: RedisServer) -> Iterator[list[Node]]:
    with running_nodes(4, redis.url) as four:
        yield four
        for node in four:
            log = node.log()
            assert "Traceback" not in log
            assert PASSWORD not in log
            assert node.process.poll() is None, log


def settings(redis: RedisServer, **values: str | int) -> None:
    for name, value in values.items():
        redis.command("CONFIG", "SET", name.replace("_", "-"), value)


@contextmanager
def set_for_now(redis: RedisServer, **values: str | int) -> Iterator[None]:
    before = {name: redis.command("CONFIG", "GET", name.replace("_", "-"))[1].decode() for name in values}
    settings(redis, **values)
    try:
        yield
    finally:
        settings(redis, **before)


def all_well(nodes: list[Node]) -> None:
    """A new session on one node, and a request under it on each."""
    member = Member(nodes[0])
    for node in nodes:
        assert member.passes(member.prepare().to(node))


def accepted_once(nodes: list[Node]) -> tuple[Member, Signed]:
    """A session, and a request of it that has passed."""
    member = Member(nodes[0])
    signed = member.prepare()
    assert member.passes(signed.to(nodes[1]))
    return member, signed


def refused_everywhere(signed: Signed, nodes: list[Node], code: str) -> None:
    for node in nodes:
        assert signed.to(node).code == code


# One request, many copies ------------------------------------------------------------------------------------


def count_passes(nodes: list[Node], rounds: int) -> Counter[str]:
    """Send COPIES copies of one request at once, `rounds` times; what became of them, "passed" or a code."""
    outcomes: Counter[str] = Counter()
    with ExitStack() as stack:
        connections = [stack.enter_context(connect(nodes[i % len(nodes)].url)) for i in range(COPIES)]
        member = Member(nodes[0])
        for i in range(rounds):
            payload = {"round": i}
            for answer in at_once([member.prepare(payload)] * COPIES, connections):
                if answer.code is None and outcomes["passed"] == i:
                    assert member.passes(answer, payload)
                outcomes[answer.code or "passed"] += 1
    return outcomes


@pytest.mark.parametrize("rounds", [ROUNDS, pytest.param(SLOW_ROUNDS, marks=pytest.mark.slow)])
def test_of_two_hundred_copies_one_passes(nodes: list[Node], rounds: int) -> None:
    begin = time.monotonic()
    outcomes = count_passes(nodes, rounds)
    print(f"\n{outcomes.total()} requests in {rounds} rounds, {time.monotonic() - begin:.1f} s: {dict(outcomes)}")
    assert outcomes == {"passed": rounds, "ISO-5001": rounds * (COPIES - 1)}


def test_the_count_notices_a_check_that_is_not_one_step(redis: RedisServer) -> None:
    with running_nodes(4, redis.url, program=("-c", TWO_STEPS)) as nodes:
        assert count_passes(nodes, 3)["passed"] > 3


# What one node does is done ----------------------------------------------------------------------------------


def test_terminate_on_one_node_is_seen_by_all(nodes: list[Node]) -> None:
    member, signed = accepted_once(nodes)
    assert ask(nodes[0].url, "POST", TERMINATE_PATH, member.named).status == 200
    refused_everywhere(member.prepare(), nodes, "ISO-2002")
    refused_everywhere(signed, nodes, "ISO-2002")
    for node in nodes:
        assert ask(node.url, "GET", "/api/nen/status", member.named).status == 401


def test_rotate_on_one_node_is_seen_by_all(nodes: list[Node]) -> None:
    member, signed = accepted_once(nodes)
    new = member.rotated(nodes[2])
    refused_everywhere(member.prepare(), nodes, "ISO-2002")
    refused_everywhere(signed, nodes, "ISO-2002")
    for node in nodes:
        assert new.passes(new.prepare().to(node))


# A Redis in trouble ------------------------------------------------------------------------------------------


def test_redis_killed_between_requests(redis: RedisServer, nodes: list[Node]) -> None:
    member, signed = accepted_once(nodes)
    redis.kill()
    try:
        for node in nodes:
            answer, seconds = timed(member.prepare(), node)
            assert is_safe(answer)
            assert seconds < BOUND
            assert is_safe(signed.to(node))
        for operation, answer in every_operation(member, nodes[0]).items():
            assert is_safe(answer), operation
    finally:
        redis.start()
    # It is empty now: nobody knows the session, so that nothing of it can pass again.
    refused_everywhere(signed, nodes, "ISO-2002")
    refused_everywhere(member.prepare(), nodes, "ISO-2002")
    all_well(nodes)


def test_redis_killed_under_load(redis: RedisServer, nodes: list[Node]) -> None:
    """Copies that are under way when it goes: at most one passes, all others are refused with a code."""
    with ExitStack() as stack:
        connections = [stack.enter_context(connect(nodes[i % 4].url)) for i in range(COPIES)]
        met: Counter[str | None] = Counter()
        for delay in (0.01, 0.03, 0.06):
            member = Member(nodes[0])
            killer = threading.Timer(0.01 + delay, redis.kill)
            killer.start()
            try:
                outcomes = Counter(answer.code for answer in at_once([member.prepare()] * COPIES, connections))
            finally:
                killer.join()
                redis.start()
            assert outcomes[None] <= 1
            assert outcomes.keys() <= {None, "ISO-5001", "ISO-9000"}
            met += outcomes
    assert met["ISO-9000"] > 0, "it was killed too late each time"
    all_well(nodes)


def test_redis_killed_in_the_middle_of_a_stream(redis: RedisServer, nodes: list[Node]) -> None:
    """A stream has asked the store all that it has to ask before it begins: it goes on to its end."""
    chunks = [str(i % 10) * 100_000 for i in range(65)]
    buffers = int(Path("/proc/sys/net/ipv4/tcp_wmem").read_text().split()[2])
    assert sum(map(len, chunks)) > 1.4 * buffers, "the kernel could hold all of it, and the stream be over at once"
    member = Member(nodes[0])
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        connection.settimeout(20)
        connection.connect(("127.0.0.1", int(nodes[0].url.rpartition(":")[2])))
        connection.sendall(member.prepare({"chunks": chunks}, "/api/stream").data)
        assert connection.recv(15, socket.MSG_PEEK) == b"HTTP/1.1 200 OK"
        redis.kill()
        try:
            assert is_safe(member.prepare().to(nodes[0]))
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            assert member.chunks(read_answer(connection)) == [chunk.encode() for chunk in chunks]
        finally:
            redis.start()
    all_well(nodes)


def test_redis_stopped(redis: RedisServer, nodes: list[Node]) -> None:
    """It takes connections and does not answer."""
    member, signed = accepted_once(nodes)
    late = [member.prepare() for _ in nodes]
    os.kill(redis.pid, signal.SIGSTOP)
    try:
        with ExitStack() as stack:  # some, and then for one node more than a store has connections
            bursts = ((late, nodes, BOUND), ([signed] * COPIES, nodes[:1] * COPIES, BURST_BOUND))
            for requests, asked, bound in bursts:
                connections = [stack.enter_context(connect(node.url)) for node in asked]
                begin = time.monotonic()
                assert all(is_safe(answer) for answer in at_once(requests, connections))
                assert time.monotonic() - begin < bound
    finally:
        os.kill(redis.pid, signal.SIGCONT)
    refused_everywhere(signed, nodes, "ISO-5001")
    for request in late:  # refused before it was recorded, so that it may pass, once
        answers = [request.to(node) for node in nodes]
        assert sum(member.passes(answer) for answer in answers) <= 1
        assert {answer.code for answer in answers} <= {None, "ISO-5001"}
    all_well(nodes)


def test_redis_full_without_eviction(redis: RedisServer, nodes: list[Node]) -> None:
    member, signed = accepted_once(nodes)
    fresh = member.prepare()
    with set_for_now(redis, maxmemory=1, maxmemory_policy="noeviction"):
        for node in nodes:
            assert is_safe(ask(node.url, "POST", HANDSHAKE_PATH, JSON, another_hello()))
            assert is_safe(fresh.to(node))  # its nonce cannot be recorded
            assert member.ask("GET", ECHO).status == 200
        refused_everywhere(signed, nodes, "ISO-5001")
    refused_everywhere(signed, nodes, "ISO-5001")
    assert member.passes(fresh.to(nodes[0]))
    refused_everywhere(fresh, nodes, "ISO-5001")
    all_well(nodes)


def test_redis_that_evicts(redis: RedisServer, nodes: list[Node]) -> None:
    """A session goes with its nonces, so that there is no moment at which a replay passes."""
    member, signed = accepted_once(nodes)
    used = int(redis.command("INFO", "memory").decode().partition("used_memory:")[2].split()[0])
    # Clients count too: their buffers take turns with the fillers, so that the bound is well above both.
    with set_for_now(redis, maxmemory=used + 2_000_000, maxmemory_policy="allkeys-lru"):
        refusals: Counter[str | None] = Counter()
        for i in range(400):
            redis.commands([("SET", f"filler:{i}:{j}", "x" * 10_000) for j in range(20)])
            answer = signed.to(nodes[i % 4])
            refusals[answer.code] += 1
            if answer.code == "ISO-2002":
                break
        assert refusals.keys() == {"ISO-5001", "ISO-2002"}, refusals
        refused_everywhere(signed, nodes, "ISO-2002")
        refused_everywhere(member.prepare(), nodes, "ISO-2002")
        all_well(nodes)
    redis.command("FLUSHALL")


@pytest.mark.parametrize("how", ["replica", "no replicas"])
def test_redis_that_is_read_only(redis: RedisServer, nodes: list[Node], how: str) -> None:
    member, signed = accepted_once(nodes)
    fresh = member.prepare()
    if how == "replica":
        redis.command("REPLICAOF", "127.0.0.1", free_port())
    else:
        settings(redis, min_replicas_to_write=1)
    try:
        for node in nodes:
            assert is_safe(ask(node.url, "POST", HANDSHAKE_PATH, JSON, another_hello()))
            assert is_safe(ask(node.url, "POST", ROTATE_PATH, JSON | member.named, another_hello()))
            assert is_safe(fresh.to(node))
            assert signed.to(node).code in ("ISO-5001", "ISO-9000")
    finally:
        redis.command("REPLICAOF", "NO", "ONE")
        settings(redis, min_replicas_to_write=0)
    refused_everywhere(signed, nodes, "ISO-5001")
    assert member.passes(fresh.to(nodes[0]))
    all_well(nodes)


def test_redis_with_another_password(redis: RedisServer, nodes: list[Node]) -> None:
    member, signed = accepted_once(nodes)
    settings(redis, requirepass=OTHER_PASSWORD)
    redis.password = OTHER_PASSWORD
    try:
        redis.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        for node in nodes:
            assert is_safe(signed.to(node))
        for operation, answer in every_operation(member, nodes[1]).items():
            assert is_safe(answer), operation
    finally:
        settings(redis, requirepass=PASSWORD)
        redis.password = PASSWORD
    refused_everywhere(signed, nodes, "ISO-5001")
    all_well(nodes)


SPOILT = {
    "text": [("DEL", "KEY"), ("SET", "KEY", "x")],
    "half a session": [("ZREMRANGEBYRANK", "KEY", -1, -1), ("ZADD", "KEY", "+inf", 's{"v":1,"sid":')],
    "no JSON": [("ZREMRANGEBYRANK", "KEY", -1, -1), ("ZADD", "KEY", "+inf", b"s\xff\xfe\x00")],
    "nonces alone": [("ZREMRANGEBYRANK", "KEY", -1, -1)],
    "no watermark": [("ZREM", "KEY", "f")],
    "empty": [("DEL", "KEY")],
}


@pytest.mark.parametrize("commands", SPOILT.values(), ids=SPOILT.keys())
def test_a_session_that_is_spoilt_in_redis(
    redis: RedisServer, nodes: list[Node], commands: list[tuple[str | bytes | int, ...]]
) -> None:
    member, signed = accepted_once(nodes)
    for words in commands:
        redis.command(*(member.key if word == "KEY" else word for word in words))
    refused_everywhere(signed, nodes, "ISO-2002")
    refused_everywhere(member.prepare(), nodes, "ISO-2002")
    all_well(nodes)


# Servers that die --------------------------------------------------------------------------------------------


def test_a_server_killed_under_load(redis: RedisServer) -> None:
    with running_nodes(2, redis.url) as (dies, lives):
        members = [Member(dies) for _ in range(6)]
        passed: list[tuple[Member, Signed]] = []
        unknown: list[tuple[Member, Signed]] = []
        odd: list[object] = []

        def keep_asking(member: Member) -> None:
            while True:
                signed = member.prepare()
                try:
                    answer = signed.to(dies)
                except (OSError, HTTPException):  # the connection, or the answer, was cut
                    unknown.append((member, signed))
                    return
                if member.passes(answer):
                    passed.append((member, signed))
                else:
                    odd.append(answer.body)

        threads = [threading.Thread(target=keep_asking, args=(member,)) for member in members]
        for thread in threads:
            thread.start()
        assert eventually(lambda: len(passed) >= 60)
        dies.kill()
        for thread in threads:
            thread.join(20)
        assert not odd
        assert len(unknown) == len(members)
        for _, signed in passed[-120:]:
            assert signed.to(lives).code == "ISO-5001"
        for _, signed in unknown:  # perhaps recorded before the end, perhaps not; never twice
            assert signed.to(lives).code in (None, "ISO-5001")
            assert signed.to(lives).code == "ISO-5001"
        for member in members:
            assert member.passes(member.prepare().to(lives))


def children(pid: int) -> set[int]:
    return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def has_a_new_child(pid: int, before: set[int]) -> bool:
    return len(children(pid) - before) == 1


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_worker_that_is_killed_is_started_again(redis: RedisServer) -> None:
    with running_nodes(1, redis.url, "--workers", "3") as (node,):
        assert eventually(lambda: len(children(node.process.pid)) == 3)
        member, signed = accepted_once([node, node])
        for _ in range(3):
            before = children(node.process.pid)
            os.kill(min(before), signal.SIGKILL)
            assert eventually(partial(has_a_new_child, node.process.pid, before))
            assert len(children(node.process.pid)) == 3
            for _ in range(6):
                assert signed.to(node).code == "ISO-5001"
                assert member.passes(member.prepare().to(node))
        workers = children(node.process.pid)
        node.process.terminate()
        assert node.process.wait(10) == 0
        assert not any(is_alive(pid) for pid in workers)


def test_workers_end_with_the_process_that_started_them(redis: RedisServer) -> None:
    """Orphans would hold the port, so that the next start fails."""
    with running_nodes(1, redis.url, "--workers", "3") as (node,):
        assert eventually(lambda: len(children(node.process.pid)) == 3)
        workers = children(node.process.pid)
        node.kill()
        try:
            assert eventually(lambda: not any(is_alive(pid) for pid in workers))
        finally:
            for pid in workers:
                if is_alive(pid):
                    os.kill(pid, signal.SIGKILL)


# A body that drips -------------------------------------------------------------------------------------------


def test_a_body_that_drips_is_ended() -> None:
    """Each byte comes in time, but all of them would take a minute."""
    config = ServerConfig(body_timeout=5.0, body_deadline=0.6)
    pause = threading.Event()
    with serve(demo_app(NenServer(config=config))) as url, connect(url) as connection:
        connection.sendall(f"POST {HANDSHAKE_PATH} HTTP/1.1\r\nhost: nen\r\ncontent-length: 1000\r\n\r\n".encode())
        connection.settimeout(0.05)
        begin = time.monotonic()
        while not pause.wait(0.01):
            assert time.monotonic() - begin < 5, "it still waits for the rest"
            connection.sendall(b" ")
            try:
                if connection.recv(1, socket.MSG_PEEK):
                    break
            except TimeoutError:
                pass
        assert time.monotonic() - begin >= 0.6
        connection.settimeout(5)
        assert read_answer(connection).code == "ISO-6001"
