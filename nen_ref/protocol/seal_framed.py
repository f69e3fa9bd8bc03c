"""Framed envelopes: a large payload in pieces, each sealed on its own, opened in constant memory. SEAL-FRM-*.

    seal_framed(ek, payload, ...)                          ->  the envelope
    open_framed(dk, envelope, size=..., ...)               ->  the payload
    open_frames(dk, head, frames, size=..., ...)           ->  the pieces of the payload, one by one

Position is in the key of a frame, so that frames cannot be exchanged, repeated or taken from elsewhere. But nothing in
the published form says how many there are: `size` and `frameSize` stand in plain beside them. Who drops frames at the
end and writes a smaller `size` leaves an envelope that opens. So the one who opens states what he knows of the size:

    size=5000              known from elsewhere
    size=Size.IN_CONTEXT   sealed with `sized_context`: the size is part of the key, and a changed one opens nothing
    size=Size.UNPROVEN     as published: what was cut off at the end is not noticed
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from nen_ref.primitives.chacha20_poly1305 import TAG_LENGTH
from nen_ref.primitives.suite import REFERENCE, Suite
from nen_ref.protocol.errors import CRYPTO_DECRYPT_FAILED, WIRE_INVALID_PAYLOAD_FORMAT, NenError, failure
from nen_ref.protocol.payload import NONCE_SIZE, Envelope, open_envelope, seal
from nen_ref.protocol.seal import (
    KEY_SIZE,
    VERSION,
    Members,
    expected_info,
    is_integer,
    member,
    named_context,
    new_key,
    opening_key,
    read_kem,
)
from nen_ref.protocol.wire import encode_base64

FRAME = b"nen/seal v1 frame:"
NONCE = bytes(NONCE_SIZE)  # the same for every frame: each has a key of its own
FRAME_SIZE = 262_144
MAX_FRAME_SIZE = 16 * 1024 * 1024
MAX_SIZE = 2**53 - 1


class Size(Enum):
    """Where the size of a payload is known from, if it is not a number."""

    IN_CONTEXT = "the context of the envelope names it"
    UNPROVEN = "nowhere"


@dataclass(frozen=True)
class Layout:
    """How a payload of `size` bytes lies in frames: all but the last are full, and an empty one has one empty frame."""

    frame_size: int
    size: int

    @property
    def count(self) -> int:
        return max(1, -(-self.size // self.frame_size))

    def length(self, i: int) -> int:
        """The bytes of frame i, of a frame that there is."""
        return min(self.frame_size, self.size - i * self.frame_size)


def sized_context(context: str | None, size: int) -> str:
    """The context of a payload whose size shall be part of the key: `context|size:5000`. SEAL-FRM-08."""
    return f"size:{size}" if context is None else f"{context}|size:{size}"


def seal_framed(
    ek: bytes,
    payload: bytes,
    *,
    context: str | None,
    m: bytes,
    frame_size: int = FRAME_SIZE,
    suite: Suite = REFERENCE,
) -> Members:
    """The framed envelope of `payload`. SEAL-FRM-01, SEAL-FRM-02. `m`: 32 fresh random bytes.

    Errors as `seal_to`, and ISO-6001 for a frame size that is not from 1 to 16 MiB.
    """
    layout = Layout(_frame_size(frame_size), len(payload))
    cek, kem = new_key(ek, context, m, suite=suite)
    frames = [
        encode_base64(seal(frame_key(cek, i, suite=suite), NONCE, _piece(payload, layout, i), suite=suite).ct)
        for i in range(layout.count)
    ]
    members: Members = {"v": VERSION, "kem": kem, "frameSize": frame_size, "size": len(payload), "frames": frames}
    return members | named_context(context)


def open_framed(
    dk: bytes,
    envelope: Mapping[str, object],
    *,
    context: str | None,
    size: int | Size,
    suite: Suite = REFERENCE,
) -> bytes:
    """The whole payload of a framed envelope, or nothing of it. Arguments and errors as `open_frames`. SEAL-FRM-05."""
    frames = envelope.get("frames")
    if not isinstance(frames, list):
        raise failure(WIRE_INVALID_PAYLOAD_FORMAT, "frames is not an array")
    return b"".join(open_frames(dk, envelope, frames, context=context, size=size, suite=suite))


def open_frames(
    dk: bytes,
    head: Mapping[str, object],
    frames: Iterable[object],
    *,
    context: str | None,
    size: int | Size,
    suite: Suite = REFERENCE,
) -> Iterator[bytes]:
    """The frames opened one by one: each that is yielded is authentic and in its place. SEAL-FRM-07, -09, -10.

    `head` is the envelope, with or without its `frames`, which may come one after the other. The payload is complete
    when the iteration ends without an error, and not before. Checked at once: ISO-6001 and 6002 for the form of the
    head, 4001 for another context or size, 1002 for `kem`. A frame is ISO-6001 or 6002 for its form, 4001 if it does
    not open or is not as long as it has to be; 4001 also if there are more of them or fewer than `size` takes.
    """
    kem, layout = read_kem(head), _layout(head)
    if size is Size.IN_CONTEXT:
        context = sized_context(context, layout.size)
    elif size is not Size.UNPROVEN and size != layout.size:
        raise failure(CRYPTO_DECRYPT_FAILED, "the payload is not of the expected size")
    info = expected_info(head, context)
    return _open_each(opening_key(dk, kem, info, suite=suite), layout, frames, suite)


def frame_key(cek: bytes, i: int, *, suite: Suite = REFERENCE) -> bytes:
    """The 32-byte key of frame i: its index is in the label. SEAL-FRM-01."""
    return suite.hkdf_sha256(cek, FRAME + str(i).encode("ascii"), KEY_SIZE)


def _open_each(cek: bytes, layout: Layout, frames: Iterable[object], suite: Suite) -> Iterator[bytes]:
    """SEAL-FRM-05, SEAL-FRM-06, SEAL-FRM-10."""
    opened = 0
    for i, frame in enumerate(frames):
        if i == layout.count:
            raise _wrong_number(layout)
        ct = member({f"frame {i}": frame}, f"frame {i}")
        if len(ct) != layout.length(i) + TAG_LENGTH:
            raise failure(CRYPTO_DECRYPT_FAILED, f"frame {i} does not hold {layout.length(i)} bytes")
        yield open_envelope(frame_key(cek, i, suite=suite), Envelope(ct, NONCE), suite=suite)
        opened += 1
    if opened != layout.count:
        raise _wrong_number(layout)


def _wrong_number(layout: Layout) -> NenError:
    return failure(CRYPTO_DECRYPT_FAILED, f"more or fewer frames than the {layout.count} of {layout.size} bytes")


def _layout(head: Mapping[str, object]) -> Layout:
    """SEAL-FRM-03, SEAL-FRM-04."""
    frame_size, size = _frame_size(head.get("frameSize")), head.get("size")
    if not is_integer(size) or not 0 <= size <= MAX_SIZE:
        raise failure(WIRE_INVALID_PAYLOAD_FORMAT, f"size is not from 0 to {MAX_SIZE}")
    return Layout(frame_size, size)


def _frame_size(value: object) -> int:
    if not is_integer(value) or not 1 <= value <= MAX_FRAME_SIZE:
        raise failure(WIRE_INVALID_PAYLOAD_FORMAT, f"frameSize is not from 1 to {MAX_FRAME_SIZE}")
    return value


def _piece(payload: bytes, layout: Layout, i: int) -> bytes:
    start = i * layout.frame_size
    return payload[start : start + layout.frame_size]
