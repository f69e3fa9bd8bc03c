"""Session stores: where a server keeps its sessions and the nonces that were used in them.

`RedisStore` and `UpstashStore` stand in modules of their own, `nen_ref.stores.redis` and `nen_ref.stores.upstash`, for
they need packages that not everybody has.
"""

from nen_ref.stores.by_url import close_store, open_store
from nen_ref.stores.errors import PackageMissing, StoreUnavailable, StoreUrlError
from nen_ref.stores.interface import SessionStore
from nen_ref.stores.memory import MemoryStore

__all__ = [
    "MemoryStore",
    "PackageMissing",
    "SessionStore",
    "StoreUnavailable",
    "StoreUrlError",
    "close_store",
    "open_store",
]
