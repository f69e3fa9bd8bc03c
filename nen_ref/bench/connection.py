"""One HTTP/1.1 connection of a client, on h11: leaner than a whole HTTP client, since the server is to be measured."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

import h11

from nen_ref.protocol.messages import Headers, Reply

MAX_ANSWER = 1024 * 1024  # bytes; the longest right one is some 22 KiB
READ_SIZE = 64 * 1024


class BadAnswer(Exception):
    """An answer that is wrong, or that never came whole. The message is ours, never the server's text."""


class Connection:
    """Opened at the first exchange, and opened again after one that failed or after the server has closed it."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._name = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._http = h11.Connection(h11.CLIENT)
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None

    async def exchange(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> tuple[Reply, float]:
        """The whole answer, and the ms from writing the request to its last byte. Raises BadAnswer, OSError."""
        if self._reader is None or self._writer is None:
            self._http = h11.Connection(h11.CLIENT)
            self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        whole = False
        try:
            data = self._written(method, path, headers, body)
            begin = time.perf_counter()
            self._writer.write(data)
            await self._writer.drain()
            reply = await self._read(self._reader)
            elapsed = (time.perf_counter() - begin) * 1000
            whole = True
        except h11.RemoteProtocolError:
            raise BadAnswer("the answer is not HTTP, or ended too soon") from None
        finally:
            if not whole or self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
                self.close()
        if self._writer is not None:
            self._http.start_next_cycle()
        return reply, elapsed

    def _written(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> bytes:
        length = {} if body is None else {"content-length": str(len(body))}
        pairs = [*{"host": self._name, **headers, **length}.items()]
        pieces = [self._http.send(h11.Request(method=method, target=path, headers=pairs))]
        if body is not None:
            pieces.append(self._http.send(h11.Data(data=body)))
        pieces.append(self._http.send(h11.EndOfMessage()))
        return b"".join(piece for piece in pieces if piece)

    async def _read(self, reader: asyncio.StreamReader) -> Reply:
        status, headers, received = 0, Headers(), False
        pieces: list[bytes] = []
        size = 0
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                data = await reader.read(READ_SIZE)
                if not data and not received:
                    raise BadAnswer("the server closed the connection without an answer")
                received = True
                self._http.receive_data(data)
            elif isinstance(event, h11.Response):
                status = event.status_code
                headers = Headers((name.decode("latin-1"), value.decode("latin-1")) for name, value in event.headers)
            elif isinstance(event, h11.Data):
                size += len(event.data)
                if size > MAX_ANSWER:
                    raise BadAnswer(f"the answer has more than {MAX_ANSWER} bytes")
                pieces.append(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                return Reply(status, headers, b"".join(pieces))
            elif not isinstance(event, h11.InformationalResponse):
                raise BadAnswer("the answer is not HTTP")
