"""A store by its URL, as the command line and a deployment name it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TypeAlias

from nen_ref.stores.errors import StoreUrlError
from nen_ref.stores.memory import MAX_NONCES, MemoryStore
from nen_ref.stores.records import TIMEOUT
from nen_ref.stores.remote import RemoteStore

TOKEN_VARIABLES = ("UPSTASH_REDIS_REST_TOKEN", "NEN_STORE_TOKEN")
FORMS = "memory:, redis://HOST, rediss://HOST, unix:///PATH or upstash+https://HOST"

AnyStore: TypeAlias = MemoryStore | RemoteStore


def open_store(
    url: str,
    *,
    token: str | None = None,
    timeout: float = TIMEOUT,
    max_nonces: int = MAX_NONCES,
    environment: Mapping[str, str] = os.environ,
) -> AnyStore:
    """The store that `url` names; nothing is connected yet. Close it with `close_store`.

    `token` is that of Upstash's REST API; without it, the first of `TOKEN_VARIABLES` that is set. `timeout` is in
    seconds. Raises StoreUrlError, which repeats nothing of the URL, and PackageMissing.
    """
    scheme, colon, rest = url.partition(":")
    scheme = scheme.lower()
    if scheme == "memory":
        if not colon or rest not in ("", "//"):
            raise StoreUrlError("a store in memory takes no address: memory:")
        return MemoryStore(max_nonces=max_nonces)
    if scheme in ("redis", "rediss", "unix"):
        from nen_ref.stores.redis import RedisStore

        return RedisStore.from_url(url, timeout=timeout, max_nonces=max_nonces)
    if scheme in ("upstash+https", "upstash+http"):
        from nen_ref.stores.upstash import UpstashStore

        known = token or next((environment[name] for name in TOKEN_VARIABLES if environment.get(name)), "")
        if not known:
            raise StoreUrlError(f"a store in Upstash needs its token in {' or '.join(TOKEN_VARIABLES)}")
        return UpstashStore(f"{scheme.removeprefix('upstash+')}:{rest}", known, timeout=timeout, max_nonces=max_nonces)
    raise StoreUrlError(f"no store is named so; there are {FORMS}")


async def close_store(store: AnyStore) -> None:
    """Close the connections of a store, if it has any."""
    if isinstance(store, RemoteStore):
        await store.aclose()
