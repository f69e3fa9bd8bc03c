"""Session stores: where a server keeps its sessions and the nonces that were used in them."""

from nen_ref.stores.interface import SessionStore
from nen_ref.stores.memory import MemoryStore

__all__ = ["MemoryStore", "SessionStore"]
