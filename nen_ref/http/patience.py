"""uvicorn's HTTP/1.1, which does not wait for ever for the head of a request, nor for who does not read its answer."""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 10.0
"""From a connection, or the first byte of a further request on it, to the end of the request's headers."""

WRITE_SECONDS = 120.0
"""For which nothing more can be written to a client. The system says that it can only after a third of its buffer went
out, up to a megabyte or two: a client may well read 20 KiB a second."""


class ImpatientH11Protocol(H11Protocol):
    """Closes a connection whose next request has no whole head within `HEAD_SECONDS`, however steadily it drips, or
    of which a refused body goes on for so long; and one whose client takes nothing for `WRITE_SECONDS`, so that
    the handler of a stream does not wait for it for ever.

    uvicorn bounds only the time between two requests, so that silent connections could take every descriptor there is.
    The bytes of a head are bounded by h11, the time of a body by the middleware (V1-WIRE-07).
    """

    _head_timer: asyncio.TimerHandle | None = None
    _write_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._between_requests():
            self._forget_timer()
        elif self._head_timer is None:
            self._wait_for_head()

    def send_400_response(self, msg: str) -> None:
        """To a request that cannot be read. uvicorn gives a HEAD a body too, which h11 refuses with an exception."""
        try:
            super().send_400_response(msg)
        except h11.LocalProtocolError:
            self.transport.close()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._write_timer is None:
            self._write_timer = self.loop.call_later(WRITE_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._forget_write_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_timer()
        self._forget_write_timer()
        super().connection_lost(exc)

    def _between_requests(self) -> bool:
        """No request is under way: what arrives belongs to a head, or to the rest of a body that was refused."""
        answered = self.cycle is not None and self.cycle.response_complete
        return self.conn.their_state is h11.IDLE or (self.conn.their_state is h11.SEND_BODY and answered)

    def _wait_for_head(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _forget_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _forget_write_timer(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None
