"""The session store in Upstash, a Redis spoken to over HTTPS. Needs the extra `upstash`."""

from __future__ import annotations

import asyncio
import re
from urllib.parse import urlsplit
from urllib.request import getproxies

from nen_ref.stores.errors import PackageMissing, StoreUrlError
from nen_ref.stores.records import MAX_NONCES, TIMEOUT, Script, error_code, error_text, refusal
from nen_ref.stores.remote import RemoteStore, no_connection

try:
    import httpx
    from upstash_redis.asyncio import Redis
    from upstash_redis.errors import UpstashError
except ModuleNotFoundError as missing:
    if (missing.name or "").split(".")[0] not in ("upstash_redis", "httpx"):
        raise
    raise PackageMissing("a store in Upstash needs the package upstash-redis: pip install 'nen-ref[upstash]'") from None

BAD_URL = "not the URL of Upstash's REST API: https://HOST (http:// on the loopback only)"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
TOKEN_REFUSED = re.compile(r"(unauthorized|wrongpass)\b", re.IGNORECASE)
LIMIT_REACHED = re.compile(r"(ERR )?[a-z ]+ (limit|quota|size) exceeded", re.IGNORECASE)


class UpstashStore(RemoteStore):
    """Sessions in one database of Upstash, for all the servers that use it.

    The same keys and scripts as in a Redis (`nen_ref.stores.records`). `timeout` bounds each call, in seconds;
    `max_nonces` the nonces of each session; the memory of all sessions is bounded by the database's own limit.
    """

    def __init__(self, url: str, token: str, *, timeout: float = TIMEOUT, max_nonces: int = MAX_NONCES) -> None:
        """`url` is https://HOST, or http:// on the loopback, as Upstash's console shows it.

        Raises StoreUrlError, whose message repeats neither.
        """
        super().__init__(f"Upstash at {_host(url)}", timeout=timeout, max_nonces=max_nonces)
        if not token or not token.isascii() or not token.isprintable():
            raise StoreUrlError("a store in Upstash needs the token of its REST API")
        # All our texts are ASCII, which JSON carries as it is. A second try is the caller's to decide: the first one
        # may have run.
        self._client = Redis(url, token, rest_encoding=None, rest_retries=0, allow_telemetry=False)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def _script(self, script: Script, key: str, *arguments: str) -> object:
        return await self._command("EVAL", script.text, "1", key, *arguments)

    async def _command(self, *words: str) -> object:
        """The answer of Upstash, or StoreUnavailable. The client looks at no status: an answer is what it reads as."""
        try:
            async with asyncio.timeout(self._timeout):
                return await self._client.execute(list(words))
        except Exception as caught:  # it raises what httpx, JSON and its own assertions raise
            fault = caught
        if isinstance(fault, UpstashError) and error_code(str(fault)) == "WRONGTYPE":
            raise self._wrong_type()
        raise self._unavailable(self._reason(fault))

    def _reason(self, fault: Exception) -> str:
        """What went wrong, without the texts of Upstash: they may repeat a command and its arguments."""
        if isinstance(fault, TimeoutError):
            return f"no answer within {self._timeout:g} s"
        if isinstance(fault, httpx.HTTPError):
            return no_connection(fault)
        if not isinstance(fault, UpstashError):
            return f"an answer that cannot be read ({type(fault).__name__})"
        text = error_text(str(fault))
        if TOKEN_REFUSED.match(text):
            return "the token is refused"
        if LIMIT_REACHED.match(text):
            return "a limit of the database is reached"
        return refusal(text)


def _host(url: str) -> str:
    """The host of a URL that a token may be sent to."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise StoreUrlError(BAD_URL) from None
    plain = parts.scheme == "http" and host in LOOPBACK
    if not host or not (plain or parts.scheme == "https") or parts.path.strip("/") or parts.query or parts.fragment:
        raise StoreUrlError(BAD_URL)
    if parts.username is not None or parts.password is not None:
        raise StoreUrlError("the token of Upstash does not belong into the URL")
    if plain and _proxied(host):
        raise StoreUrlError(f"http_proxy is set, and would be sent the token: set NO_PROXY={host}, or use https://")
    return f"{host}:{port}" if port else host


def _proxied(host: str) -> bool:
    """Whether the client could send what is for `host` to a proxy of the environment, over plain http."""
    proxies = getproxies()
    direct = {name.strip().lower() for name in proxies.get("no", "").split(",")}
    return not proxies.keys().isdisjoint({"http", "all"}) and direct.isdisjoint({host, "*"})
