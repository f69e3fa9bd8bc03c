"""What the suites of streams share: a sender of streams, and senders that count their events wrongly."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from nen_ref.primitives.suite import REFERENCE
from nen_ref.protocol.stream import stream_nonce
from nen_ref.protocol.wire import encode_base64
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Test, invalid, valid

FINAL = b"__FIN__"

Nonces = Callable[[bytes, int], bytes]
"""The nonce of an event out of the base nonce and the index, rightly or wrongly."""


def high_base_nonce(draw: Draw, label: str = "base_nonce") -> bytes:
    """A base nonce with the highest and the lowest bit set in each of its last four bytes: every sum carries."""
    drawn = draw(label, 12)
    return drawn[:8] + bytes(byte | 0x81 for byte in drawn[8:])


@dataclass(frozen=True)
class Sender:
    """Seals the events of one stream, each at the index that it is told. `nonces` makes it a wrong one."""

    secret: bytes = field(repr=False)
    base_nonce: bytes
    nonces: Nonces = stream_nonce

    @classmethod
    def drawn(cls, draw: Draw) -> Sender:
        return cls(draw("secret"), high_base_nonce(draw))

    def sealed(self, i: int, chunk: bytes | str) -> bytes:
        """Ciphertext and tag of the event at index `i`."""
        plain = chunk.encode() if isinstance(chunk, str) else chunk
        return REFERENCE.aead_seal(self.secret, self.nonces(self.base_nonce, i), plain)

    def event(self, i: int, chunk: bytes | str) -> bytes:
        return event_of(self.sealed(i, chunk))

    def events(self, *chunks: bytes | str) -> list[bytes]:
        """Every event of a stream, the final one included."""
        return [self.event(i, chunk) for i, chunk in enumerate((*chunks, FINAL))]


def event_of(sealed: bytes) -> bytes:
    return data_event(encode_base64(sealed).encode())


def data_event(data: bytes) -> bytes:
    """An event with this text in its one data line, whatever it is."""
    return b"data: " + data + b"\n\n"


BROKEN, CUT = "ISO-4001", "ISO-7002"
CHUNKS = ("one ", "two ", "three")


def opens(id: str, comment: str, body: bytes | Sequence[bytes], *flags: str) -> Test:
    """A stream that opens; `body` is one piece, or several."""
    return valid(id, comment, {"pieces": [body] if isinstance(body, bytes) else list(body)}, *flags)


def refused(id: str, comment: str, code: str, body: bytes | Sequence[bytes], *flags: str) -> Test:
    given = {"pieces": [body] if isinstance(body, bytes) else list(body)}
    return invalid(id, comment, given, *flags, codes=(code,))


def joined(*events: bytes) -> bytes:
    return b"".join(events)


def in_steps(body: bytes, size: int) -> list[bytes]:
    return [body[at : at + size] for at in range(0, len(body), size)]


def keys(sender: Sender) -> Mapping[str, Any]:
    return {"secret": sender.secret, "base_nonce": sender.base_nonce}


# Wrong counters, each as somebody would write it. The value is the flag of the vectors that tell it from the right one.


def _word(
    base_nonce: bytes,
    offset: int,
    change: Callable[[int], int],
    order: Literal["little", "big"] = "little",
    size: int = 4,
) -> bytes:
    """The base nonce with the integer of `size` bytes at `offset` changed, cut to its size."""
    old = int.from_bytes(base_nonce[offset : offset + size], order)
    new: bytes = (change(old) % 256**size).to_bytes(size, order)
    return base_nonce[:offset] + new + base_nonce[offset + size :]


WRONG_NONCES: dict[str, Nonces] = {
    "Addition": lambda base, i: _word(base, 8, lambda word: word + i),
    "BigEndian": lambda base, i: _word(base, 8, lambda word: word ^ i, "big"),
    "BigEndianAddition": lambda base, i: _word(base, 0, lambda word: word + i, "big", 12),
    "CounterOf64Bits": lambda base, i: _word(base, 4, lambda word: word + i, size=8),
    "CounterAtOffset0": lambda base, i: _word(base, 0, lambda word: word ^ i),
    "CounterAtOffset4": lambda base, i: _word(base, 4, lambda word: word ^ i),
    "CounterReplaces": lambda base, i: _word(base, 8, lambda word: i),
    "CounterOred": lambda base, i: _word(base, 8, lambda word: word | i),
    "CounterFromOne": lambda base, i: _word(base, 8, lambda word: word ^ (i + 1) % 2**32),
    "CounterOf8Bits": lambda base, i: _word(base, 8, lambda word: word ^ i % 2**8),
    "CounterOf16Bits": lambda base, i: _word(base, 8, lambda word: word ^ i % 2**16),
    "CounterOf31Bits": lambda base, i: _word(base, 8, lambda word: word ^ i % 2**31),
    "CounterIgnored": lambda base, i: base,
}

UNREADABLE = "the other side cannot open the events; if only for some base nonces, then only in some streams"
NONCE_TWICE = "two events under one key and nonce: the XOR of their texts is in the open, and tags can be forged"

NONCE_FLAGS = {
    "Addition": Flag(
        "wrong computation",
        "the index is added to the last four bytes modulo 2^32, not XORed",
        "right while no bit is carried, as with a base nonce of zeros in a test; streams then break at random",
        ("V1-STR-03",),
    ),
    "BigEndian": Flag(
        "wrong computation",
        "the last four bytes are XORed with the index in big-endian order, as TLS 1.3 and HPKE have it",
        UNREADABLE,
        ("V1-STR-03", "RFC 8446, 5.3", "RFC 9180, 5.2"),
    ),
    "BigEndianAddition": Flag(
        "wrong computation",
        "the base nonce is counted up as one big-endian integer of 96 bits",
        UNREADABLE,
        ("V1-STR-03",),
    ),
    "CounterOf64Bits": Flag(
        "wrong computation",
        "the index is added to the last eight bytes as one little-endian integer",
        UNREADABLE,
        ("V1-STR-03",),
    ),
    "CounterAtOffset0": Flag(
        "wrong computation", "the index is XORed into the first four bytes", UNREADABLE, ("V1-STR-03",)
    ),
    "CounterAtOffset4": Flag(
        "wrong computation",
        "the index is XORed into the bytes from 4 on, as a little-endian integer of 64 bits at offset 4 would be",
        UNREADABLE,
        ("V1-STR-03",),
    ),
    "CounterReplaces": Flag(
        "wrong computation",
        "the index stands in place of the last four bytes of the base nonce",
        "streams whose base nonces share eight bytes share all their nonces",
        ("V1-STR-03", "V1-STR-08"),
    ),
    "CounterOred": Flag("wrong computation", "the index is ORed into the last four bytes", NONCE_TWICE, ("V1-STR-03",)),
    "CounterFromOne": Flag("wrong computation", "events are counted from 1, not from 0", UNREADABLE, ("V1-STR-03",)),
    "CounterOf8Bits": Flag(
        "wrong computation", "of the index only the lowest byte counts", NONCE_TWICE, ("V1-STR-03", "V1-STR-07")
    ),
    "CounterOf16Bits": Flag(
        "wrong computation", "of the index only the lowest 16 bits count", NONCE_TWICE, ("V1-STR-03", "V1-STR-07")
    ),
    "CounterOf31Bits": Flag(
        "wrong computation",
        "the index is a signed integer whose sign is lost",
        NONCE_TWICE,
        ("V1-STR-03", "V1-STR-07"),
    ),
    "CounterIgnored": Flag("wrong computation", "every event has the base nonce itself", NONCE_TWICE, ("V1-STR-03",)),
}


def tells_apart(base_nonce: bytes, index: int, *wanted: str) -> tuple[str, ...]:
    """The wrong counters whose nonce for this pair is not the right one. ValueError where one of `wanted` is not."""
    right = stream_nonce(base_nonce, index)
    told = tuple(name for name, wrong in WRONG_NONCES.items() if wrong(base_nonce, index) != right)
    missed = [name for name in wanted if name not in told]
    if missed:
        raise ValueError(f"{base_nonce.hex()}, {index} does not tell {', '.join(missed)} from the right nonce")
    return told
