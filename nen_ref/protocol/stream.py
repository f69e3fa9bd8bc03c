"""Encrypted streams: a sealer for the server, an opener for the client, both incremental."""

from __future__ import annotations

from collections.abc import Iterator

from nen_ref.primitives.errors import AuthenticationError, LengthError
from nen_ref.primitives.suite import REFERENCE, Suite
from nen_ref.protocol.errors import (
    CRYPTO_DECRYPT_FAILED,
    CRYPTO_ENCRYPT_FAILED,
    STREAM_MISSING_NONCE_HEADER,
    STREAM_REQUEST_FAILED,
    failure,
)
from nen_ref.protocol.messages import STREAM_NONCE_HEADER, STREAM_TYPE, Reply
from nen_ref.protocol.payload import NONCE_SIZE, seal
from nen_ref.protocol.responses import NO_STORE
from nen_ref.protocol.sse import EventReader, EventTooLarge, event
from nen_ref.protocol.wire import Malformed, decode_base64, encode_base64

FINAL = b"__FIN__"
MAX_EVENTS = 2**32
MAX_EVENT_SIZE = 16 * 1024 * 1024


def stream_nonce(base_nonce: bytes, i: int) -> bytes:
    """nonce_i: the last four bytes of the base nonce, a little-endian u32 at offset 8, XORed with i. V1-STR-03."""
    counter = int.from_bytes(base_nonce[8:], "little") ^ i
    return base_nonce[:8] + counter.to_bytes(4, "little")


def stream_head(base_nonce: bytes) -> Reply:
    """Status and headers of a stream; the events follow. V1-STR-01."""
    headers = {"content-type": STREAM_TYPE, STREAM_NONCE_HEADER: encode_base64(base_nonce)}
    return Reply(200, headers | NO_STORE)


class StreamSealer:
    """Chunks in, events out, in constant memory.

    `key`: the session's payload key, 32 bytes; `base_nonce`: 12 fresh random bytes, never used before under this key
    (V1-STR-08).
    """

    def __init__(self, key: bytes, base_nonce: bytes, *, suite: Suite = REFERENCE) -> None:
        LengthError.check("base_nonce", base_nonce, NONCE_SIZE)
        self._key = key
        self._base_nonce = base_nonce
        self._suite = suite
        self._next = 0
        self._finished = False

    def seal(self, chunk: bytes) -> bytes:
        """The event of one chunk; two events for the one chunk that would read as the end. V1-STR-02, -06, -21.

        ISO-4002 when only the final event has a counter left (V1-STR-07).
        """
        parts = (FINAL[:5], FINAL[5:]) if chunk == FINAL else (chunk,)
        if self._next + len(parts) > MAX_EVENTS - 1:
            raise failure(CRYPTO_ENCRYPT_FAILED, f"a stream has at most {MAX_EVENTS} events")
        return b"".join([self._event(part) for part in parts])

    def finish(self) -> bytes:
        """The final event. V1-STR-04."""
        final = self._event(FINAL)
        self._finished = True
        return final

    def _event(self, chunk: bytes) -> bytes:
        if self._finished:
            raise failure(CRYPTO_ENCRYPT_FAILED, "the stream is finished")
        nonce = stream_nonce(self._base_nonce, self._next)
        self._next += 1
        return event(encode_base64(seal(self._key, nonce, chunk, suite=self._suite).ct))


def read_stream_head(reply: Reply) -> bytes:
    """The base nonce of a stream's answer, or ISO-7001, ISO-7002. V1-STR-12, -13, -19, -20."""
    if not 200 <= reply.status < 300:
        raise failure(STREAM_REQUEST_FAILED, f"status {reply.status}")
    content_type = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != STREAM_TYPE:
        raise failure(STREAM_REQUEST_FAILED, f"not {STREAM_TYPE}")
    try:
        base_nonce = decode_base64(reply.headers[STREAM_NONCE_HEADER])
    except KeyError:
        raise failure(STREAM_MISSING_NONCE_HEADER) from None
    except Malformed as fault:
        raise failure(STREAM_MISSING_NONCE_HEADER, f"the header is {fault}") from None
    if len(base_nonce) != NONCE_SIZE:
        raise failure(STREAM_MISSING_NONCE_HEADER, f"the header holds {len(base_nonce)} bytes, not {NONCE_SIZE}")
    return base_nonce


class StreamOpener:
    """Bytes in as they arrive, authentic chunks out at once.

    A stream is complete only when `close` returns: it raises ISO-7002 for one that ended without its final event.
    """

    def __init__(
        self, key: bytes, base_nonce: bytes, *, max_event_size: int = MAX_EVENT_SIZE, suite: Suite = REFERENCE
    ) -> None:
        LengthError.check("base_nonce", base_nonce, NONCE_SIZE)
        self._key = key
        self._base_nonce = base_nonce
        self._suite = suite
        self._events = EventReader(max_event_size)
        self._next = 0
        self._broken = False
        self.finished = False

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """The chunks that `piece` completes, each authentic when it is yielded. V1-STR-10, V1-STR-11.

        To be iterated to its end before the next piece. Raises ISO-4001 for a chunk that does not open and ISO-7002 for
        an event beyond the limit; after either the stream is broken for good.
        """
        if self.finished:
            return
        if self._broken:
            raise failure(STREAM_REQUEST_FAILED, "the stream failed before")
        try:
            for data in self._events.feed(piece):
                chunk = self._open(data)
                if chunk == FINAL:
                    self.finished = True
                    return
                yield chunk
        except EventTooLarge as fault:
            self._broken = True
            raise failure(STREAM_REQUEST_FAILED, str(fault)) from None

    def close(self) -> None:
        """The transport has ended: ISO-7002 unless the final event came before. V1-STR-09."""
        if not self.finished:
            raise failure(STREAM_REQUEST_FAILED, f"the stream ended after {self._next} events without its final event")

    def _open(self, data: bytes) -> bytes:
        i = self._next
        if i == MAX_EVENTS:
            raise failure(STREAM_REQUEST_FAILED, f"more than {MAX_EVENTS} events")
        try:
            sealed = decode_base64(data.decode("ascii"))
            chunk = self._suite.aead_open(self._key, stream_nonce(self._base_nonce, i), sealed)
        except (Malformed, UnicodeDecodeError, AuthenticationError):
            self._broken = True
            raise failure(CRYPTO_DECRYPT_FAILED, f"event {i} of the stream does not open") from None
        self._next += 1
        return chunk
