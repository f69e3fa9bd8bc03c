from tests.stores.redis_server import redis_server
from tests.stores.upstash_bridge import upstash_bridge

__all__ = ["redis_server", "upstash_bridge"]
