"""The store in Upstash, through the official client, against a bridge of its REST protocol on a real Redis."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest
from upstash_redis.asyncio import Redis
from upstash_redis.errors import UpstashError

from nen_ref.protocol.session import Session
from nen_ref.protocol.verification import FOREVER, NonceAnswer
from nen_ref.stores import StoreUnavailable, StoreUrlError
from nen_ref.stores.records import key_of
from nen_ref.stores.redis import RedisStore
from nen_ref.stores.upstash import UpstashStore
from nen_ref.testing.store_suite import IDENTITY, LIFE, a_session, now, together
from tests.protocol.oracle import leaks, texts_of
from tests.stores.redis_server import needs_redis
from tests.stores.upstash_bridge import TOKEN, Fault, UpstashBridge, answering

pytestmark = needs_redis
NEW, USED, NO_SESSION = NonceAnswer.NEW, NonceAnswer.USED, NonceAnswer.NO_SESSION
BOUND = 1.0  # seconds that a call may take in these tests
SLACK = 1.0  # seconds on top for a busy machine
N = b"n" * 12

T = TypeVar("T")


def using(bridge: UpstashBridge, check: Callable[[UpstashStore], Awaitable[T]], **options: Any) -> T:
    async def run() -> T:
        arguments = {"url": bridge.url, "token": bridge.token, "timeout": BOUND, **options}
        async with UpstashStore(**arguments) as store:
            return await check(store)

    return asyncio.run(run())


async def refusals(store: UpstashStore, session: Session) -> set[str]:
    """Ask each question: each is refused with StoreUnavailable in time, and shows no key and no token. The reasons."""
    reasons = set()
    questions: list[Callable[[], Awaitable[object]]] = [
        lambda: store.get(session.sid),
        lambda: store.set(session, LIFE),
        lambda: store.delete(session.sid),
        lambda: store.exists(session.sid),
        lambda: store.record_nonce(session.sid, N, FOREVER),
    ]
    for question in questions:
        begun = time.monotonic()
        with pytest.raises(StoreUnavailable) as caught:
            await question()
        assert time.monotonic() - begun < BOUND + SLACK
        shown = texts_of(caught.value)
        assert not leaks(shown, session.keys.enc)
        assert not leaks(shown, session.keys.mac)
        assert TOKEN not in shown
        assert session.sid not in shown
        assert caught.value.__context__ is None
        reasons.add(str(caught.value).partition(": ")[2])
    return reasons


# The bridge itself -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["base64", None])
def test_the_bridge_speaks_the_protocol_of_the_official_client(upstash_bridge: UpstashBridge, encoding: Any) -> None:
    async def check() -> None:
        options: dict[str, Any] = {"rest_encoding": encoding, "rest_retries": 0, "allow_telemetry": False}
        async with Redis(upstash_bridge.url, upstash_bridge.token, **options) as client:
            assert await client.set("k", "v é", nx=True, ex=5) is True
            assert await client.set("k", "w", nx=True, ex=5) is False
            assert await client.get("k") == "v é"
            assert await client.get("other") is None
            assert await client.incr("n") == 1
            assert await client.zadd("z", {"a": 1.5, "b": 2}) == 2
            assert await client.zrange("z", 0, -1, withscores=True) == [("a", 1.5), ("b", 2.0)]
            assert await client.eval("return {KEYS[1], ARGV[1], 7}", ["k"], ["v"]) == ["k", "v", 7]
            with pytest.raises(UpstashError, match="WRONGTYPE"):
                await client.incr("z")
            pipeline = client.pipeline().set("p", "1")
            assert await pipeline.incr("p").get("p").exec() == [True, 2, "2"]
            assert await client.multi().set("m", "1").incr("m").exec() == [True, 2]

    asyncio.run(check())
    assert {headers.get("upstash-encoding") for headers in upstash_bridge.requests} == {encoding}


# What is sent and what lies there ----------------------------------------------------------------------------


def test_what_is_stored_is_what_the_store_in_redis_reads(upstash_bridge: UpstashBridge) -> None:
    """One layout: who has an Upstash may speak to it over TCP as well."""
    session = a_session(identity=IDENTITY)

    async def check(store: UpstashStore) -> None:
        await store.set(session, LIFE)
        assert await store.record_nonce(session.sid, N, now() + LIFE) is NEW
        async with RedisStore.from_url(upstash_bridge.redis.url) as other:
            assert await other.get(session.sid) == session
            assert await other.record_nonce(session.sid, N, now() + LIFE) is USED
            assert await other.record_nonce(session.sid, b"m" * 12, now() + LIFE) is NEW
            assert await store.record_nonce(session.sid, b"m" * 12, now() + LIFE) is USED
            assert await other.delete(session.sid) is True
            assert await store.get(session.sid) is None

    using(upstash_bridge, check)


def test_nothing_is_told_about_the_machine(upstash_bridge: UpstashBridge) -> None:
    using(upstash_bridge, lambda store: store.exists("a"))
    (headers,) = upstash_bridge.requests
    assert not [name for name in headers if "telemetry" in name]


def test_the_token_is_not_shown(upstash_bridge: UpstashBridge, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    shown = [using(upstash_bridge, lambda store: asyncio.sleep(0, texts_of(store)))]
    using(upstash_bridge, lambda store: store.exists("a"))
    shown += map(logging.Formatter().format, caplog.records)
    assert "127.0.0.1" in shown[0]
    assert not [text for text in shown if TOKEN in text]


def test_a_life_is_that_of_the_key(upstash_bridge: UpstashBridge) -> None:
    session = a_session()
    using(upstash_bridge, lambda store: store.set(session, LIFE))
    assert LIFE - 5000 < upstash_bridge.redis.command("PTTL", key_of(session.sid)) <= LIFE


@pytest.mark.parametrize(
    "command",
    [
        ("SET", "nen:a", "x"),
        ("ZADD", "nen:a", "inf", "s{", 0, "f"),
        ("ZADD", "nen:a", "inf", b"s\xff\xfe", 0, "f"),
        ("ZADD", "nen:a", 5, "nAAAA", 0, "f"),
    ],
    ids=["another type", "half written", "no text", "nonces alone"],
)
def test_a_value_that_cannot_be_read_is_no_session(
    upstash_bridge: UpstashBridge, command: tuple[Any, ...], caplog: pytest.LogCaptureFixture
) -> None:
    upstash_bridge.redis.command(*command)

    async def check(store: UpstashStore) -> None:
        assert await store.get("a") is None
        assert await store.exists("a") is False
        await store.set(Session("a", a_session().keys, now()), LIFE)
        assert await store.exists("a")

    using(upstash_bridge, check)
    assert "under nen:a is no session" in caplog.text


# Faults ------------------------------------------------------------------------------------------------------

FAULTS: dict[str, tuple[Fault, str]] = {
    "401": (answering(401, {"error": "Unauthorized"}), "the token is refused"),
    "WRONGPASS": (answering(401, {"error": "WRONGPASS invalid or missing auth token"}), "the token is refused"),
    "429": (
        answering(429, {"error": "ERR max requests limit exceeded. Limit: 10000, Usage: 10000."}),
        "a limit of the database is reached",
    ),
    "500": (answering(500, {"error": "ERR internal error"}), "refused with ERR"),
    "502 in HTML": (
        answering(502, b"<html>Bad Gateway</html>"),
        "an answer that cannot be read (JSONDecodeError)",
    ),
    "malformed JSON": (answering(200, b'{"result": "NEW nbm5'), "an answer that cannot be read (JSONDecodeError)"),
    "no text": (answering(200, b"\xff\xfe\xfd"), "an answer that cannot be read (UnicodeDecodeError)"),
    "nothing": (answering(200, b""), "an answer that cannot be read (JSONDecodeError)"),
    "null": (answering(200, None), "an answer that cannot be read (AssertionError)"),
    "a list": (answering(200, []), "an answer that cannot be read (AttributeError)"),
    "no result": (answering(200, {}), "an answer that cannot be read (KeyError)"),
    "another result": (answering(200, {"result": "OK"}), "an answer that is not the answer to the question"),
    "an object as result": (answering(200, {"result": {}}), "an answer that is not the answer to the question"),
    "a result of null": (answering(200, {"result": None}), "an answer that is not the answer to the question"),
    "NEW of another nonce": (
        answering(200, {"result": "NEW nAAAA"}),
        "an answer that is not the answer to the question",
    ),
    "READONLY": (answering(400, {"error": "READONLY only a replica"}), "refused with READONLY"),
    "an error that repeats the command": (
        answering(400, {"error": 'ERR wrong, command was: ["ZADD", "nen:secret"]'}),
        "refused with ERR",
    ),
    "an error without a code": (answering(400, {"error": "nen:secret is not what you think"}), "refused with an error"),
    "a script in the error": (
        answering(400, {"error": "OOM used too much, command was: [\"EVAL\", \"... 'LIMIT', 0, 1)\"]"}),
        "refused with OOM",
    ),
    "a session id in the error": (
        answering(400, {"error": 'ERR loading, command was: ["ZRANGE", "nen:WRONGTYPE unauthorized limit"]'}),
        "refused with ERR",
    ),
    "redirect": (answering(302, b""), "an answer that cannot be read (JSONDecodeError)"),
    "too slow": (answering(200, {"result": []}, after=3), f"no answer within {BOUND:g} s"),
}  # fmt: skip


@pytest.mark.parametrize(("fault", "reason"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_a_refusal(upstash_bridge: UpstashBridge, fault: Fault, reason: str) -> None:
    """V1-STORE-01: whatever comes back, nothing is let through; and the next answer is taken again."""
    session = a_session()

    async def check(store: UpstashStore) -> None:
        await store.set(session, LIFE)
        upstash_bridge.fault = fault
        before = len(upstash_bridge.requests)
        assert await refusals(store, session) == {reason}
        assert len(upstash_bridge.requests) == before + 5  # none was tried twice
        upstash_bridge.fault = None
        assert await store.get(session.sid) == session
        assert await store.record_nonce(session.sid, N, FOREVER) is NEW

    using(upstash_bridge, check)


def test_an_empty_answer_is_no_session_and_nothing_more(upstash_bridge: UpstashBridge) -> None:
    upstash_bridge.fault = answering(200, {"result": []})

    async def check(store: UpstashStore) -> None:
        assert await store.get("a") is None
        for refused in (store.set(a_session(), LIFE), store.record_nonce("a", N, FOREVER), store.delete("a")):
            with pytest.raises(StoreUnavailable):
                await refused

    using(upstash_bridge, check)


def test_a_key_of_another_type_is_no_answer_where_a_session_is_set(upstash_bridge: UpstashBridge) -> None:
    upstash_bridge.fault = answering(400, {"error": "WRONGTYPE Operation against a key"})

    async def check(store: UpstashStore) -> None:
        assert await store.get("a") is None
        assert await store.record_nonce("a", N, FOREVER) is NO_SESSION
        for refused in (store.set(a_session(), LIFE), store.delete("a")):
            with pytest.raises(StoreUnavailable, match="WRONGTYPE"):
                await refused

    using(upstash_bridge, check)


def test_a_token_is_not_sent_to_a_proxy_in_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain http is for the machine itself, and a proxy is another one."""
    monkeypatch.setenv("http_proxy", "http://proxy.invalid:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with pytest.raises(StoreUrlError, match=r"NO_PROXY=127\.0\.0\.1"):
        UpstashStore("http://127.0.0.1:9", "token")
    UpstashStore("https://example.invalid", "token")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    UpstashStore("http://127.0.0.1:9", "token")


def test_a_wrong_token(upstash_bridge: UpstashBridge) -> None:
    reasons = using(upstash_bridge, lambda store: refusals(store, a_session()), token="wrong")
    assert reasons == {"the token is refused"}


def test_a_redis_behind_it_that_is_gone(upstash_bridge: UpstashBridge) -> None:
    session = a_session()

    async def check(store: UpstashStore) -> None:
        await store.set(session, LIFE)
        upstash_bridge.redis.kill()
        assert await refusals(store, session) == {"refused with ERR"}
        upstash_bridge.redis.start()
        assert await store.record_nonce(session.sid, N, FOREVER) is NO_SESSION

    using(upstash_bridge, check)


def test_no_bridge_at_all(upstash_bridge: UpstashBridge) -> None:
    reasons = using(upstash_bridge, lambda store: refusals(store, a_session()), url="http://127.0.0.1:9")
    assert reasons == {"no connection (ConnectError)"}


def test_many_slow_calls_leave_nothing_behind(upstash_bridge: UpstashBridge) -> None:
    sessions = [a_session() for _ in range(10)]

    async def check(store: UpstashStore) -> None:
        await together(*(store.set(session, LIFE) for session in sessions))
        upstash_bridge.fault = answering(200, {"result": []}, after=4)
        begun = time.monotonic()
        calls = [store.get(session.sid) for session in sessions * 15]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        assert {type(answer) for answer in answers} == {StoreUnavailable}
        assert time.monotonic() - begun < BOUND + 2 * SLACK
        upstash_bridge.fault = None
        assert await together(*(store.get(session.sid) for session in sessions * 3)) == sessions * 3

    using(upstash_bridge, check)


# URLs --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "", "host", "ftp://host", "http://host", "http://127.0.0.1.example.org", "https://", "https://:secret@host",
        "https://host/path", "https://host?token=secret", "https://host#x", "https://host:port", "https://[::1",
    ],
)  # fmt: skip
def test_a_url_that_no_token_is_sent_to(url: str) -> None:
    with pytest.raises(StoreUrlError) as caught:
        UpstashStore(url, TOKEN)
    assert "secret" not in texts_of(caught.value)
    assert TOKEN not in texts_of(caught.value)


@pytest.mark.parametrize("token", ["", "a\nb", "a\u00e9"])
def test_a_token_that_is_none(token: str) -> None:
    with pytest.raises(StoreUrlError, match="needs the token"):
        UpstashStore("https://host", token)


@pytest.mark.parametrize("url", ["https://a.upstash.io", "https://a.upstash.io/", "https://a:8443", "http://[::1]:80"])
def test_urls_of_upstash(url: str) -> None:
    assert "Upstash at " in repr(UpstashStore(url, TOKEN))
