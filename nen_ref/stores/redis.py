"""The session store in Redis: any number of server processes share it. Needs the extra `redis`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import parse_qs, urlsplit

from nen_ref.stores.errors import PackageMissing, StoreUrlError
from nen_ref.stores.records import MAX_NONCES, RIGHTS_MISSING, TIMEOUT, Script, error_code, refusal
from nen_ref.stores.remote import RemoteStore, no_connection

try:
    import redis.asyncio
    from redis import exceptions
    from redis.asyncio.connection import BlockingConnectionPool, parse_url
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff
except ModuleNotFoundError as missing:
    if (missing.name or "").split(".")[0] != "redis":
        raise
    raise PackageMissing("a store in Redis needs the package redis: pip install 'nen-ref[redis]'") from None

MAX_CONNECTIONS = 50
# The rest is ours to decide: an option could let a call wait for ever, or switch off the check of a certificate.
OPTIONS = {"db", "username", "password", "ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile"}

BAD_URL = (
    "not the URL of a Redis: redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE], rediss:// for TLS, or unix:///PATH; "
    "escape what is special in a password (%2F for a slash)"
)


class RedisStore(RemoteStore):
    """Sessions in one Redis, for all the servers that use it.

    `timeout` bounds each call, in seconds; `max_nonces` the nonces of each session. The memory of all sessions is
    bounded by Redis's own `maxmemory`: with `volatile-ttl` the oldest session goes first (V1-STORE-02), with
    `noeviction` new ones are refused. A Redis that was restored from an older copy of its data, or replaced by a
    replica that lagged behind, has forgotten nonces: keep no copy (`save ""`, `appendonly no`), or accept replays
    of the seconds that were lost.
    """

    def __init__(self, client: redis.asyncio.Redis, name: str, *, timeout: float, max_nonces: int) -> None:
        super().__init__(name, timeout=timeout, max_nonces=max_nonces)
        self._client = client
        self._execute: Callable[..., Coroutine[Any, Any, object]] = client.execute_command
        self._running: set[asyncio.Task[Any]] = set()

    @classmethod
    def from_url(
        cls,
        url: str,
        *,
        timeout: float = TIMEOUT,
        max_nonces: int = MAX_NONCES,
        max_connections: int = MAX_CONNECTIONS,
    ) -> RedisStore:
        """The store at `redis://`, `rediss://` (TLS) or `unix://`. Connects at the first call, not here.

        Raises StoreUrlError, whose message repeats no part of the URL that could be a password.
        """
        name, options = _parse(url)
        pool = BlockingConnectionPool(
            max_connections=max_connections,
            timeout=timeout,
            **options,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            protocol=2,
            retry=Retry(NoBackoff(), 0),
        )
        return cls(redis.asyncio.Redis.from_pool(pool), name, timeout=timeout, max_nonces=max_nonces)

    async def aclose(self) -> None:
        """Close all connections. Calls that are under way fail."""
        await self._client.aclose()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _command(self, *words: str) -> object:
        return await self._ask(self._execute(*words))

    async def _script(self, script: Script, key: str, *arguments: str) -> object:
        return await self._ask(self._run(script, key, *arguments))

    async def _run(self, script: Script, key: str, *arguments: str) -> object:
        """Run a script by its hash, and with its text where Redis does not have it. Nothing ran in the first case."""
        try:
            return await self._execute("EVALSHA", script.sha1, 1, key, *arguments)
        except exceptions.NoScriptError:
            return await self._execute("EVAL", script.text, 1, key, *arguments)

    async def _ask(self, work: Coroutine[Any, Any, object]) -> object:
        """The answer of Redis, or StoreUnavailable. There is no second try.

        A command goes on in a task of its own when its caller is cancelled or waits no longer: a client that is
        stopped between a command and its answer would leave the connection, or its place in the pool, to nobody.
        """
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)
        done, _ = await asyncio.wait({task}, timeout=self._timeout)
        if not done:
            raise self._unavailable(f"no answer within {self._timeout:g} s")
        fault = task.exception()
        if fault is None:
            return task.result()
        if isinstance(fault, exceptions.ResponseError) and error_code(str(fault)) == "WRONGTYPE":
            raise self._wrong_type()
        if not isinstance(fault, Exception):
            raise fault
        raise self._unavailable(_reason(fault))

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # taken, so that asyncio does not print it where the caller waits no longer


def _reason(fault: Exception) -> str:
    """What went wrong, without the texts of Redis and of its client: they may repeat a command and its arguments."""
    if isinstance(fault, exceptions.AuthenticationError | exceptions.AuthorizationError):
        return "the password or the user is refused"
    if isinstance(fault, exceptions.TimeoutError):
        return "no answer in time"
    if isinstance(fault, exceptions.BusyLoadingError):
        return "still loading its data"
    if isinstance(fault, exceptions.ConnectionError | OSError):
        return no_connection(fault)
    if isinstance(fault, exceptions.NoPermissionError):
        return RIGHTS_MISSING
    if type(fault) is exceptions.ResponseError:
        return refusal(str(fault))
    return f"{'refused' if isinstance(fault, exceptions.ResponseError) else 'failed'} ({type(fault).__name__})"


def _parse(url: str) -> tuple[str, dict[str, Any]]:
    """A name that can be shown, and the options of the connection."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or 6379
        unknown = parse_qs(parts.query, keep_blank_values=True).keys() - OPTIONS
        options: dict[str, Any] = dict(parse_url(url))
    except ValueError:
        raise StoreUrlError(BAD_URL) from None
    if unknown:
        raise StoreUrlError(f"the URL of a Redis takes no option besides {', '.join(sorted(OPTIONS))}")
    path = parts.path.strip("/")
    if parts.scheme == "unix" and path and parts.path.startswith("/") and not parts.fragment:
        return f"Redis at {parts.path}", options
    if parts.scheme in ("redis", "rediss") and host and not parts.fragment and (not path or path.isdecimal()):
        return f"Redis at {f'[{host}]' if ':' in host else host}:{port}", {**options, "socket_keepalive": True}
    raise StoreUrlError(BAD_URL)
