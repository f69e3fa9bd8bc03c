"""HTTP requests sent by hand, for what a proper client would never do: bodies cut short or in pieces."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import anyio
import h11

from nen_ref.conformance.peer import MAX_ANSWER_SIZE, TIMEOUT, Draft
from nen_ref.protocol.messages import Headers


async def _nothing() -> None:
    return None


async def raw_exchange(
    url: str,
    draft: Draft,
    body: bytes,
    *,
    cut: bool = False,
    pieces: int = 1,
    between: Callable[[], Awaitable[None]] = _nothing,
) -> tuple[int, Headers, bytes] | None:
    """Send `draft` with the length of its own body, but `body` as its bytes, in so many pieces.

    `between` is awaited after each piece. With `cut` the connection is closed after the last piece. None where no
    answer came.
    """
    parts = urlsplit(url)
    connection = h11.Connection(h11.CLIENT)
    length = len(draft.body or b"")
    headers = [("host", parts.netloc), *draft.headers, ("content-length", str(length)), ("connection", "close")]
    step = -(-len(body) // pieces)
    with anyio.move_on_after(TIMEOUT):
        async with await anyio.connect_tcp(parts.hostname or "localhost", parts.port or 80) as stream:
            request = h11.Request(method=draft.method, target=draft.target, headers=headers)
            await stream.send(connection.send(request) or b"")
            for start in range(0, len(body), step):
                await stream.send(body[start : start + step])
                await between()
            return None if cut else await _read(stream, connection, body)
    return None


async def _read(
    stream: anyio.abc.SocketStream, connection: h11.Connection, body: bytes
) -> tuple[int, Headers, bytes] | None:
    connection.send(h11.Data(data=body))  # the bytes are on their way already; h11 keeps count of them
    connection.send(h11.EndOfMessage())
    head: h11.Response | None = None
    content = b""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            try:
                connection.receive_data(await stream.receive())
            except anyio.EndOfStream:
                connection.receive_data(b"")
        elif isinstance(event, h11.Response):
            head = event
        elif isinstance(event, h11.Data):
            content += bytes(event.data)
            if len(content) > MAX_ANSWER_SIZE:
                return None
        elif head is None:
            return None
        else:
            pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers]
            return head.status_code, Headers(pairs), content
