"""The store in Redis against real servers: what lies in it, what its faults become, how much it takes."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Any, TypeVar

import pytest

from nen_ref.protocol.session import Session
from nen_ref.protocol.verification import FOREVER, NonceAnswer
from nen_ref.stores import StoreUnavailable
from nen_ref.stores.records import key_of
from nen_ref.stores.redis import RedisStore
from nen_ref.testing.store_suite import IDENTITY, LIFE, a_session, now, together
from tests.protocol.oracle import leaks, texts_of
from tests.stores.redis_server import RedisServer, needs_redis, running_redis

pytestmark = needs_redis
NEW, USED, NO_SESSION = NonceAnswer.NEW, NonceAnswer.USED, NonceAnswer.NO_SESSION
BOUND = 0.5  # seconds that a call may take in these tests
SLOW = {"no answer in time", f"no answer within {BOUND:g} s"}
SLACK = 1.0  # seconds on top for a busy machine
N = b"n" * 12

T = TypeVar("T")
Check = Callable[[RedisStore], Awaitable[T]]


def using(server: RedisServer | str, check: Check[T], **options: Any) -> T:
    async def run() -> T:
        url = server if isinstance(server, str) else server.url
        async with RedisStore.from_url(url, **{"timeout": BOUND, **options}) as store:
            return await check(store)

    return asyncio.run(run())


QUESTIONS: dict[str, Callable[[RedisStore, Session], Awaitable[object]]] = {
    "get": lambda store, session: store.get(session.sid),
    "set": lambda store, session: store.set(session, LIFE),
    "delete": lambda store, session: store.delete(session.sid),
    "exists": lambda store, session: store.exists(session.sid),
    "record": lambda store, session: store.record_nonce(session.sid, N, FOREVER),
}
WRITES = ("set", "delete", "record")


async def refusals(store: RedisStore, session: Session, questions: Any = QUESTIONS) -> set[str]:
    """Ask each question: each is refused with StoreUnavailable in time, without a key. The reasons it gave."""
    reasons = set()
    for question in questions:
        begun = time.monotonic()
        with pytest.raises(StoreUnavailable) as caught:
            await QUESTIONS[question](store, session)
        assert time.monotonic() - begun < BOUND + SLACK, question
        shown = texts_of(caught.value)
        assert not leaks(shown, session.keys.enc)
        assert not leaks(shown, session.keys.mac)
        assert caught.value.__context__ is None, question
        assert session.sid not in shown
        name, _, reason = str(caught.value).partition(": ")
        assert name.startswith("Redis at 127.0.0.1:")
        reasons.add(reason)
    return reasons


# What lies in Redis ------------------------------------------------------------------------------------------


def test_a_session_is_one_key_with_a_life(redis_server: RedisServer) -> None:
    """So that its nonces cannot be evicted, or end, without it."""
    session = a_session(identity=IDENTITY)

    async def check(store: RedisStore) -> None:
        await store.set(session, LIFE)
        assert await store.record_nonce(session.sid, N, 2_000_000_000_000) is NEW

    using(redis_server, check)
    assert redis_server.command("KEYS", "*") == [key_of(session.sid).encode()] == [f"nen:{session.sid}".encode()]
    assert LIFE - 5000 < redis_server.command("PTTL", key_of(session.sid)) <= LIFE
    members = redis_server.command("ZRANGE", key_of(session.sid), 0, -1, "WITHSCORES")
    assert members[:4] == [b"f", b"0", b"nbm5ubm5ubm5ubm5u", b"2000000000000"]
    assert members[4].startswith(b"s{")
    assert members[5] == b"inf"
    assert set(json.loads(members[4][1:])) == {"v", "sid", "enc", "mac", "created_at", "identity"}


def test_nonces_of_the_past_do_not_stay(redis_server: RedisServer) -> None:
    """The memory of a session is that of its window."""
    session = a_session()

    async def check(store: RedisStore) -> None:
        await store.set(session, LIFE)
        for i in range(100):
            assert await store.record_nonce(session.sid, i.to_bytes(12, "big"), now() - 10_000 + i) is NEW

    using(redis_server, check)
    assert redis_server.command("ZCARD", key_of(session.sid)) == 3


def test_scripts_that_redis_has_forgotten_are_sent_again(redis_server: RedisServer) -> None:
    session = a_session()

    async def check(store: RedisStore) -> None:
        await store.set(session, LIFE)
        assert await store.record_nonce(session.sid, N, FOREVER) is NEW
        redis_server.command("SCRIPT", "FLUSH")
        assert await store.record_nonce(session.sid, N, FOREVER) is USED
        redis_server.command("SCRIPT", "FLUSH")
        await store.set(session, LIFE)
        assert await store.record_nonce(session.sid, N, FOREVER) is NEW

    using(redis_server, check)
    assert redis_server.command("INFO", "commandstats").count(b"cmdstat_evalsha:") == 1


def test_a_socket_of_unix(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = str(tmp_path_factory.mktemp("s") / "r")
    session = a_session()

    async def check(store: RedisStore) -> None:
        await store.set(session, LIFE)
        assert await store.get(session.sid) == session
        assert repr(store) == f"<RedisStore: Redis at {path}>"

    with running_redis("--unixsocket", path) as server:
        using(f"unix://{path}?db=3", check)
        assert server.command("INFO", "keyspace").count(b"db3:keys=1") == 1


# Values that are none ----------------------------------------------------------------------------------------

TEXT = (
    '{"v":1,"sid":"a","enc":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",'
    '"mac":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","created_at":5,"identity":null}'
)
VALUES = {
    "empty": b"s",
    "half written": b"s" + TEXT[:100].encode(),
    "not JSON": b"s" + TEXT[:-1].encode() + b",}",
    "bytes that are no text": b"s\xff\xfe" + TEXT.encode(),
    "a lone surrogate": b"s" + TEXT.replace("null", '"\\ud800"').encode(),
    "no object": b"s[]",
    "a member twice": b"s" + TEXT.replace('"v":1,', '"v":1,"v":1,').encode(),
    "a member too many": b"s" + TEXT.replace('"v":1,', '"v":1,"w":1,').encode(),
    "a member too few": b"s" + TEXT.replace(',"identity":null', "").encode(),
    "another version": b"s" + TEXT.replace('"v":1', '"v":2').encode(),
    "another session": b"s" + TEXT.replace('"sid":"a"', '"sid":"b"').encode(),
    "a short key": b"s" + TEXT.replace("AAAA=", "A=", 1).encode(),
    "a key that is no base64": b"s" + TEXT.replace("AAA=", "AA*=", 1).encode(),
    "a key that is no text": b"s" + TEXT.replace('"mac":"', '"mac":1,"x":"').replace(',"identity":null', "").encode(),
    "a key of null": b"s" + TEXT.replace('"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="', "null", 1).encode(),
    "a time that is no number": b"s" + TEXT.replace(":5,", ':"5",').encode(),
    "a time that is true": b"s" + TEXT.replace(":5,", ":true,").encode(),
    "an identity that is no base64": b"s" + TEXT.replace("null", '"="').encode(),
    "an identity that is a number": b"s" + TEXT.replace("null", "7").encode(),
    "a short identity": b"s" + TEXT.replace("null", '"AAAA"').encode(),
    "no mark before it": TEXT.encode(),
    "deep": b"s" + b"[" * 100_000,
    "a long number": b"s" + TEXT.replace(":5,", f":{'5' * 5000},").encode(),
}  # fmt: skip


def test_the_value_that_the_others_are_made_of_can_be_read(redis_server: RedisServer) -> None:
    redis_server.command("ZADD", "nen:a", "inf", "s" + TEXT, 0, "f")
    session = using(redis_server, lambda store: store.get("a"))
    assert session is not None
    assert (session.sid, session.keys.enc, session.keys.mac, session.created_at) == ("a", bytes(32), bytes(32), 5)
    assert using(redis_server, lambda store: store.record_nonce("a", N, FOREVER)) is NEW


@pytest.fixture(scope="module")
def one_redis() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
def test_a_value_that_cannot_be_read_is_no_session(
    one_redis: RedisServer, value: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Its client is told ISO-2002, and makes a new one; the log says so, without the value."""
    caplog.set_level(logging.DEBUG)
    one_redis.command("FLUSHALL")
    one_redis.command("ZADD", "nen:a", "inf", value, 0, "f")

    async def check(store: RedisStore) -> None:
        assert await store.get("a") is None
        assert await store.exists("a") is False
        session = Session("a", a_session().keys, now())
        await store.set(session, LIFE)
        assert await store.get("a") == session

    using(one_redis, check)
    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(errors) == 2
    assert "nen:a" in errors[0].getMessage()
    shown = "\n".join(map(logging.Formatter().format, caplog.records))
    assert "AAAAAA" not in shown
    assert len(shown) < 5000


@pytest.mark.parametrize(
    "command",
    [
        ("SET", "nen:a", "s" + TEXT),
        ("HSET", "nen:a", "s", TEXT),
        ("RPUSH", "nen:a", "s" + TEXT),
        ("SADD", "nen:a", "s" + TEXT),
        ("ZADD", "nen:a", 5, "f"),
        ("ZADD", "nen:a", 2_000_000_000_000, "nAAAA", 0, "f"),
    ],
    ids=lambda command: " ".join(map(str, command))[:20],
)
def test_what_is_no_session_at_all(one_redis: RedisServer, command: tuple[str | int, ...]) -> None:
    """A key of another type, or nonces without their session."""
    one_redis.command("FLUSHALL")
    one_redis.command(*command)

    async def check(store: RedisStore) -> None:
        assert await store.get("a") is None
        assert await store.exists("a") is False
        assert await store.record_nonce("a", N, FOREVER) is NO_SESSION
        session = Session("a", a_session().keys, now())
        await store.set(session, LIFE)
        assert await store.get("a") == session
        assert await store.record_nonce("a", N, FOREVER) is NEW

    using(one_redis, check)


def test_a_session_without_its_watermark_takes_no_nonce(one_redis: RedisServer) -> None:
    """What was forgotten is unknown then."""
    one_redis.command("FLUSHALL")
    one_redis.command("ZADD", "nen:a", "inf", "s" + TEXT)
    assert using(one_redis, lambda store: store.record_nonce("a", N, FOREVER)) is NO_SESSION


# Faults ------------------------------------------------------------------------------------------------------


def test_a_redis_that_is_not_there(redis_server: RedisServer) -> None:
    redis_server.stop()
    assert using(redis_server, lambda store: refusals(store, a_session())) == {"no connection (ConnectionError)"}


def test_a_host_that_does_not_answer_at_all() -> None:
    """A port that takes connections and never says a word."""

    async def check(store: RedisStore) -> None:
        assert await refusals(store, a_session()) <= SLOW

    async def run() -> None:
        silent = await asyncio.start_server(lambda reader, writer: asyncio.sleep(60), "127.0.0.1", 0)
        async with silent:
            port = silent.sockets[0].getsockname()[1]
            async with RedisStore.from_url(f"redis://127.0.0.1:{port}", timeout=BOUND) as store:
                await check(store)

    asyncio.run(run())


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 400 Bad Request\r\n\r\n", bytes(100), b"$5\r\nab", b"*-5\r\n", b":1\r\n" * 3, b"+OK\r\n" * 20],
    ids=["HTTP", "zeros", "half a text", "minus five", "numbers", "OK"],
)
def test_something_that_is_no_redis(answer: bytes) -> None:
    """Whatever it says, it never says that a session is there, is kept, or that a nonce is new."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while await reader.read(10_000):
                writer.write(answer)
                await writer.drain()
        writer.close()

    async def run() -> None:
        async with await asyncio.start_server(speak, "127.0.0.1", 0) as other:
            port = other.sockets[0].getsockname()[1]
            async with RedisStore.from_url(f"redis://127.0.0.1:{port}", timeout=BOUND) as store:
                assert await refusals(store, a_session(), ["set", "record"])
                with suppress(StoreUnavailable):
                    assert await store.get("a") is None
                with suppress(StoreUnavailable):
                    assert await store.exists("a") is False

    asyncio.run(run())


def test_a_redis_that_is_killed_and_comes_back(redis_server: RedisServer) -> None:
    """Its sessions are gone and nothing is let through meanwhile; then the same store works again, at once."""
    session = a_session()

    async def check(store: RedisStore) -> None:
        await store.set(session, LIFE)
        assert await store.record_nonce(session.sid, N, FOREVER) is NEW
        await together(*(store.get(session.sid) for _ in range(100)))  # all connections of the pool
        redis_server.kill()
        assert await refusals(store, session) <= {"no connection (ConnectionError)"}
        redis_server.start()
        answers = await together(*(store.get(session.sid) for _ in range(100)))
        assert answers == [None] * 100
        assert await store.record_nonce(session.sid, N, FOREVER) is NO_SESSION
        await store.set(session, LIFE)
        assert await store.get(session.sid) == session

    using(redis_server, check)


def test_a_redis_that_writes_everything_down_loses_nothing() -> None:
    """`appendfsync always`: what was acknowledged before it was killed is there, the nonces with their sessions."""
    sessions = [a_session() for _ in range(20)]

    async def before(store: RedisStore) -> None:
        for session in sessions:
            await store.set(session, LIFE)
            assert await store.record_nonce(session.sid, N, FOREVER) is NEW
        assert await store.delete(sessions[0].sid)

    async def after(store: RedisStore) -> None:
        assert await store.get(sessions[0].sid) is None
        for session in sessions[1:]:
            assert await store.get(session.sid) == session
            assert await store.record_nonce(session.sid, N, FOREVER) is USED

    with running_redis("--appendonly", "yes", "--appendfsync", "always") as server:
        using(server, before)
        server.restart()
        using(server, after)


def test_a_redis_that_is_killed_in_the_middle_of_calls(redis_server: RedisServer) -> None:
    """Each of them is answered or refused in time."""
    session = a_session()

    async def check(store: RedisStore) -> None:
        await store.set(session, LIFE)
        redis_server.command("CLIENT", "PAUSE", 60_000)
        calls = [asyncio.create_task(store.record_nonce(session.sid, N, FOREVER)) for _ in range(40)]
        await asyncio.sleep(BOUND / 2)
        await asyncio.to_thread(redis_server.kill)
        done, pending = await asyncio.wait(calls, timeout=BOUND + SLACK)
        assert not pending
        assert {type(call.exception()) for call in done} == {StoreUnavailable}

    using(redis_server, check)


def test_a_redis_that_is_slow(redis_server: RedisServer) -> None:
    """Every call ends in time, whatever their number; afterwards none gets the late answer of another."""
    sessions = [a_session() for _ in range(20)]

    async def check(store: RedisStore) -> None:
        await together(*(store.set(session, LIFE) for session in sessions))
        redis_server.command("CLIENT", "PAUSE", 2500)
        begun = time.monotonic()
        calls = [store.get(session.sid) for session in sessions * 20]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        assert time.monotonic() - begun < BOUND + SLACK
        assert {type(answer) for answer in answers} == {StoreUnavailable}
        assert await refusals(store, sessions[0], ["get", "record"]) <= {
            "no answer in time",
            f"no answer within {BOUND:g} s",
        }
        await asyncio.sleep(2.5)
        for _ in range(5):
            assert await together(*(store.get(s.sid) for s in sessions[1:] * 5)) == sessions[1:] * 5
        assert await together(*(store.record_nonce(s.sid, N, FOREVER) for s in sessions[1:])) == [NEW] * 19
        connections = redis_server.command("INFO", "clients").split(b"connected_clients:")[1].split(b"\r")[0]
        assert int(connections) <= 51

    using(redis_server, check)


def test_a_redis_that_stops_for_a_moment(redis_server: RedisServer) -> None:
    """Within the bound a slow answer is an answer."""
    session = a_session()

    async def check(store: RedisStore) -> None:
        await store.set(session, LIFE)
        redis_server.command("CLIENT", "PAUSE", 200)
        assert await store.get(session.sid) == session

    using(redis_server, check)


def test_a_script_that_holds_redis_up(redis_server: RedisServer) -> None:
    """BUSY is all that Redis says meanwhile."""
    holding = threading.Thread(target=lambda: redis_server.command("EVAL", LOOP, 0))
    redis_server.command("CONFIG", "SET", "lua-time-limit", 100)

    async def check(store: RedisStore) -> None:
        session = a_session()
        await store.set(session, LIFE)
        holding.start()
        await asyncio.sleep(0.3)
        reasons = await refusals(store, session)
        assert reasons <= {"refused with BUSY", *SLOW}
        await asyncio.to_thread(holding.join)
        assert await store.get(session.sid) == session

    using(redis_server, check)


LOOP = """
local begun = redis.call('TIME')
while redis.call('TIME')[1] - begun[1] < 4 do end
"""


@pytest.mark.parametrize("password", ["", "wrong", "x" * 1000])
def test_a_wrong_password(password: str) -> None:
    with running_redis(password="right one") as server:
        session = a_session()
        reasons = using(
            f"redis://{f':{password}@' if password else ''}127.0.0.1:{server.port}",
            lambda store: refusals(store, session),
        )
        assert reasons == {"the password or the user is refused"}
        url = f"redis://:right%20one@127.0.0.1:{server.port}"
        using(url, lambda store: store.set(session, LIFE))
        assert using(url, lambda store: store.get(session.sid)) == session
        assert "right" not in repr(RedisStore.from_url(url))


def test_a_user_without_rights(redis_server: RedisServer) -> None:
    redis_server.command("ACL", "SETUSER", "reader", "on", ">pw", "~*", "+zrange")
    session = a_session()
    using(redis_server, lambda store: store.set(session, LIFE))
    url = f"redis://reader:pw@127.0.0.1:{redis_server.port}"
    assert using(url, lambda store: store.get(session.sid)) == session
    lacking = "the user lacks a right that the store needs (docs/deploy.md lists them)"
    assert using(url, lambda store: refusals(store, session, WRITES)) == {lacking}


def test_a_session_whose_life_cannot_be_set_does_not_stay(redis_server: RedisServer) -> None:
    """Without a life it would never end, and no policy would ever evict it."""
    rights = ["+zrange", "+unlink", "+eval", "+evalsha", "+exists", "+zadd"]
    redis_server.command("ACL", "SETUSER", "timeless", "on", ">pw", "~*", *rights)
    session = a_session()
    url = f"redis://timeless:pw@127.0.0.1:{redis_server.port}"

    async def check(store: RedisStore) -> None:
        with pytest.raises(StoreUnavailable, match="lacks a right"):
            await store.set(session, LIFE)
        assert await store.get(session.sid) is None

    using(url, check)
    assert redis_server.command("EXISTS", key_of(session.sid)) == 0


def test_a_replica_that_only_reads(redis_server: RedisServer) -> None:
    """It may say that a session is there and that a nonce was used; it never says NEW."""
    session = a_session()

    async def fill(store: RedisStore) -> None:
        await store.set(session, LIFE)
        assert await store.record_nonce(session.sid, N, FOREVER) is NEW

    using(redis_server, fill)
    with running_redis(
        "--replicaof", "127.0.0.1", str(redis_server.port), "--repl-diskless-sync-delay", "0"
    ) as replica:
        until = time.monotonic() + 10
        while not replica.command("EXISTS", key_of(session.sid)) and time.monotonic() < until:
            time.sleep(0.05)

        async def check(store: RedisStore) -> None:
            assert await store.get(session.sid) == session
            assert await store.record_nonce(session.sid, N, FOREVER) is USED
            with pytest.raises(StoreUnavailable, match=r"READONLY|ReadOnlyError"):
                await store.record_nonce(session.sid, b"m" * 12, FOREVER)
            assert await refusals(store, session, ["set", "delete"]) <= {
                "refused (ReadOnlyError)",
                "refused with READONLY",
            }

        using(replica, check)


def test_a_redis_that_misses_its_replicas(redis_server: RedisServer) -> None:
    session = a_session()
    using(redis_server, lambda store: store.set(session, LIFE))
    redis_server.command("CONFIG", "SET", "min-replicas-to-write", 1)
    assert using(redis_server, lambda store: refusals(store, session, WRITES)) == {"refused with NOREPLICAS"}


def filler(i: int) -> Session:
    return a_session(f"{i:06}-", identity=IDENTITY)


def fill(server: RedisServer, count: int) -> list[str]:
    """Set sessions, the oldest first; the ids of those that Redis took."""

    async def check(store: RedisStore) -> list[str]:
        taken = []
        for i in range(count):
            session = filler(i)
            try:
                await store.set(session, LIFE + i)
            except StoreUnavailable:
                continue
            taken.append(session.sid)
        return taken

    return using(server, check)


def test_a_full_redis_refuses_new_sessions() -> None:
    """noeviction: nothing that was acknowledged is lost, and no nonce passes unrecorded."""
    with running_redis("--maxmemory", "3mb", "--maxmemory-policy", "noeviction") as server:
        taken = fill(server, 1500)
        assert 100 < len(taken) < 1500

        async def check(store: RedisStore) -> None:
            for sid in taken:
                assert await store.exists(sid)
            assert await refusals(store, a_session(), ["set"]) <= {"refused (OutOfMemoryError)", "refused with OOM"}
            with pytest.raises(StoreUnavailable, match=r"OutOfMemory|OOM"):
                await store.record_nonce(taken[0], N, FOREVER)
            for sid in taken[1:200]:
                assert await store.delete(sid)
            assert await store.record_nonce(taken[0], N, FOREVER) is NEW
            assert await store.record_nonce(taken[0], N, FOREVER) is USED

        using(server, check)


def test_a_full_redis_that_may_evict_drops_whole_sessions() -> None:
    """allkeys-lru: a session that was evicted is unknown, never one without its nonces."""
    with running_redis("--maxmemory", "3mb", "--maxmemory-policy", "allkeys-lru") as server:

        async def check(store: RedisStore) -> None:
            sessions = [filler(i) for i in range(1500)]
            for session in sessions:
                await store.set(session, LIFE)
                assert await store.record_nonce(session.sid, N, FOREVER) is NEW
            answers = [await store.record_nonce(session.sid, N, FOREVER) for session in sessions]
            assert set(answers) == {USED, NO_SESSION}
            assert answers.count(USED) > 100

        using(server, check)


def test_the_oldest_sessions_go_first() -> None:
    """volatile-ttl: V1-STORE-02, as well as a sample of ten keys can tell which is the oldest."""
    options = ("--maxmemory", "3mb", "--maxmemory-policy", "volatile-ttl", "--maxmemory-samples", "10")
    with running_redis(*options) as server:
        taken = fill(server, 1500)
        assert len(taken) == 1500

        async def check(store: RedisStore) -> list[bool]:
            return [await store.exists(sid) for sid in taken]

        alive = using(server, check)
        kept = alive.count(True)
        assert 100 < kept < 1400
        assert alive[-kept // 2 :].count(True) > 0.95 * (kept // 2)
        assert alive[: (1500 - kept) // 2].count(True) < 0.05 * (1500 - kept)


def test_a_bound_of_nonces_bounds_the_memory(redis_server: RedisServer) -> None:
    session = a_session()

    async def check(store: RedisStore) -> None:
        await store.set(session, LIFE)
        for i in range(50):
            assert await store.record_nonce(session.sid, i.to_bytes(12, "big"), FOREVER) is NEW
        assert await store.record_nonce(session.sid, N, FOREVER) is NO_SESSION

    using(redis_server, check, max_nonces=50)
    assert redis_server.command("DBSIZE") == 0


def test_a_few_connections_serve_many_tasks(redis_server: RedisServer) -> None:
    sessions = [a_session() for _ in range(300)]

    async def check(store: RedisStore) -> None:
        await together(*(store.set(session, LIFE) for session in sessions))
        assert await together(*(store.get(session.sid) for session in sessions)) == sessions
        clients = redis_server.command("INFO", "clients")
        assert b"connected_clients:4\r\n" in clients  # three, and the one that asks

    using(redis_server, check, max_connections=3, timeout=10)


def test_calls_that_are_cancelled_disturb_no_other(redis_server: RedisServer) -> None:
    """Whenever a call is cancelled, every other is answered, and each of the few connections is back in the pool."""
    sessions = [a_session() for _ in range(20)]
    chance = random.Random(1)

    async def check(store: RedisStore) -> None:
        await together(*(store.set(session, LIFE) for session in sessions))
        for _ in range(60):
            calls = [asyncio.create_task(store.get(session.sid)) for session in sessions * 3]
            for call in calls:
                if chance.random() < 0.7:
                    asyncio.get_running_loop().call_later(chance.random() * 0.02, call.cancel)
            answers = await asyncio.gather(*calls, return_exceptions=True)
            for session, answer in zip(sessions * 3, answers, strict=True):
                assert answer == session or isinstance(answer, asyncio.CancelledError)
        assert await together(*(store.record_nonce(s.sid, N, FOREVER) for s in sessions)) == [NEW] * 20

    using(redis_server, check, max_connections=4, timeout=3)


# Bytes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("nonces", "most"), [(0, 4_500), (100, 18_000), (10_000, 1_300_000)])
def test_bytes_of_a_session(redis_server: RedisServer, nonces: int, most: int) -> None:
    """Those that the documentation states, with an identity."""
    session = a_session(identity=IDENTITY)

    async def check(store: RedisStore) -> None:
        await store.set(session, LIFE)
        for begin in range(0, nonces, 100):
            work = (
                store.record_nonce(session.sid, i.to_bytes(12, "big"), now() + LIFE) for i in range(begin, begin + 100)
            )
            assert await together(*work) == [NEW] * 100

    using(redis_server, check, timeout=20)
    assert redis_server.command("ZCARD", key_of(session.sid)) == nonces + 2
    taken = redis_server.command("MEMORY", "USAGE", key_of(session.sid), "SAMPLES", 0)
    print(f"{nonces} nonces: {taken} bytes")
    assert most / 2 < taken < most
