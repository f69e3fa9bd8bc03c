"""Stores by their URLs: which they are, what is refused, and that nothing secret is repeated."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from nen_ref.stores import MemoryStore, StoreUrlError, close_store, open_store
from nen_ref.stores.redis import RedisStore
from nen_ref.stores.upstash import UpstashStore
from tests.protocol.oracle import at_once, texts_of

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("url", "kind", "shown"),
    [
        ("memory:", MemoryStore, "<MemoryStore of 0 sessions>"),
        ("memory://", MemoryStore, "<MemoryStore of 0 sessions>"),
        ("MEMORY:", MemoryStore, "<MemoryStore of 0 sessions>"),
        ("redis://host", RedisStore, "<RedisStore: Redis at host:6379>"),
        ("redis://host:7000/3", RedisStore, "<RedisStore: Redis at host:7000>"),
        ("redis://user:s%2Fcret@host/0", RedisStore, "<RedisStore: Redis at host:6379>"),
        ("redis://[::1]:7000", RedisStore, "<RedisStore: Redis at [::1]:7000>"),
        ("rediss://host?ssl_ca_certs=/a/b.pem", RedisStore, "<RedisStore: Redis at host:6379>"),
        ("unix:///run/redis.sock?db=2", RedisStore, "<RedisStore: Redis at /run/redis.sock>"),
        ("unix://:secret@/run/redis.sock", RedisStore, "<RedisStore: Redis at /run/redis.sock>"),
        ("upstash+https://a.upstash.io", UpstashStore, "<UpstashStore: Upstash at a.upstash.io>"),
        ("UPSTASH+HTTPS://a.upstash.io", UpstashStore, "<UpstashStore: Upstash at a.upstash.io>"),
        ("upstash+http://127.0.0.1:80", UpstashStore, "<UpstashStore: Upstash at 127.0.0.1:80>"),
    ],
)
def test_a_store_by_its_url(url: str, kind: type, shown: str) -> None:
    store = open_store(url, token="token", environment={})
    assert type(store) is kind
    assert repr(store) == shown
    asyncio.run(close_store(store))


@pytest.mark.parametrize(
    "url",
    [
        "", "memory", "memory:5", "memory://host", "redis", "http://secret@host", "https://host", "sqlite://secret",
        "redis:/host", "redis:///0", "redis://", "redis://:secret@", "redis://:se/cret@host", "redis://:se#cret@host",
        "redis://:se?cret@host", "redis://host:secret", "redis://host:99999", "redis://host/secret", "redis://host/-1",
        "redis://host?timeout=secret", "redis://host?socket_timeout=99", "rediss://host?ssl_cert_reqs=none",
        "rediss://host?ssl_check_hostname=false", "redis://host?db=secret", "redis://host?protocol=3",
        "redis://host#secret", "unix://", "unix:///", "unix:secret", "redis://[::1",
        "upstash+https://", "upstash+https://secret@host", "upstash+http://host", "upstash+https://host/secret",
        "upstash://host",
    ],
)  # fmt: skip
def test_a_url_that_names_no_store(url: str) -> None:
    with pytest.raises(StoreUrlError) as caught:
        open_store(url, token="token", environment={})
    assert "secret" not in texts_of(caught.value)
    assert "cret" not in texts_of(caught.value).replace("secret", "")


@pytest.mark.parametrize("name", ["UPSTASH_REDIS_REST_TOKEN", "NEN_STORE_TOKEN"])
def test_the_token_comes_from_the_environment(name: str) -> None:
    store = open_store("upstash+https://host", environment={name: "abc"})
    assert isinstance(store, UpstashStore)
    assert "abc" not in texts_of(store)


def test_upstash_without_a_token() -> None:
    for environment in ({}, {"NEN_STORE_TOKEN": ""}):
        with pytest.raises(StoreUrlError, match="UPSTASH_REDIS_REST_TOKEN or NEN_STORE_TOKEN"):
            open_store("upstash+https://host", environment=environment)


def test_the_bound_of_nonces_reaches_the_store() -> None:
    from tests.stores.test_memory import session

    store = open_store("memory:", max_nonces=1)
    at_once(store.set(session("a"), 1000))
    answers = [at_once(store.record_nonce("a", nonce, 2**60)).value for nonce in (b"1", b"2")]
    assert answers == ["new", "no session"]


@pytest.mark.parametrize(
    ("url", "package", "extra"),
    [("redis://host", "redis", "nen-ref[redis]"), ("upstash+https://host", "upstash_redis", "nen-ref[upstash]")],
)
def test_a_package_that_is_missing_is_named(url: str, package: str, extra: str) -> None:
    """And the stores that need it not can be used."""
    program = f"""
import sys
sys.modules[{package!r}] = None
from nen_ref.stores import PackageMissing, open_store
open_store("memory:")
try:
    open_store({url!r}, token="t")
except PackageMissing as missing:
    print(missing)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=REPOSITORY, timeout=60)
    assert extra in done.stdout, done.stderr


def test_neither_package_is_imported_unasked() -> None:
    program = "import sys, nen_ref.http.server; print(sorted({'redis', 'upstash_redis', 'httpx'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=REPOSITORY, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr
