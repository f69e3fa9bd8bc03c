"""A listening socket for uvicorn."""

from __future__ import annotations

import socket

BACKLOG = 128
"""Connections that wait to be accepted. Without descriptors asyncio of Python 3.11 logs as many errors each second."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket, so that its port is known, and answers, before the server runs.

    The protocol is named because asyncio sets TCP_NODELAY only then; without it every answer waits 40 ms.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    listener.listen(BACKLOG)
    return listener
