"""Nen over HTTP: ASGI middleware and server, and clients on httpx2."""

from nen_ref.http.asgi import ChunkResponse, NenMiddleware
from nen_ref.http.client import AsyncNenClient, NenClient
from nen_ref.http.server import NenServer, ServerConfig

__all__ = ["AsyncNenClient", "ChunkResponse", "NenClient", "NenMiddleware", "NenServer", "ServerConfig"]
