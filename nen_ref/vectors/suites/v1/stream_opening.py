"""v1/stream_opening: the text of a stream out of the bytes that arrive, or its refusal and what was handed out before.

Every invalid vector is a right stream with one thing changed. `partial.released` is as much a part of it as the code:
exactly the text of the events before the fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nen_ref.primitives.errors import AuthenticationError
from nen_ref.primitives.suite import REFERENCE
from nen_ref.protocol.sse import EventReader
from nen_ref.protocol.stream import stream_nonce
from nen_ref.protocol.wire import Malformed, decode_base64
from nen_ref.vectors.alter import flipped_bit
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Found, Group, Test, VectorSuite, invalid, valid
from nen_ref.vectors.suites import stream_opening_right as right
from nen_ref.vectors.suites import stream_opening_wrong as wrong
from nen_ref.vectors.suites.stream_opening_flags import FLAGS
from nen_ref.vectors.suites.stream_tools import BROKEN, FINAL, Sender, event_of, in_steps, joined, keys


def fixed(draw: Draw, found: Found) -> list[Group]:
    groups = (
        right.contents,
        right.base_nonces,
        right.pieces,
        right.line_ends,
        right.fields,
        right.after_the_end,
        wrong.truncated,
        wrong.end_is_no_event,
        wrong.shuffled,
        wrong.foreign,
        wrong.altered,
        wrong.forged,
        wrong.wrong_senders,
        wrong.not_the_base64,
        wrong.empty_data,
        wrong.framing,
    )
    return [group(draw.under(group.__name__)) for group in groups]


def random(draw: Draw, i: int) -> Test:
    """A right stream of a few chunks, cut anywhere; every second one with a bit of one event changed."""
    sender = Sender(draw("secret"), draw("base_nonce", 12))
    chunks = [draw(f"chunk/{k}", draw.below(f"size/{k}", 12)).hex() for k in range(1 + draw.below("chunks", 4))]
    events = sender.events(*chunks)
    place = draw.below("place", len(events))
    if i % 2 == 0:
        sealed = decode_base64(events[place][6:-2].decode())
        events[place] = event_of(flipped_bit(sealed, draw.below("byte", len(sealed)), draw.below("bit", 8)))
    size = 1 + draw.below("piece", 40)
    given = {**keys(sender), "pieces": in_steps(joined(*events), size)}
    cut = f"a stream of {len(chunks)} chunks in pieces of {size} bytes"
    if i % 2:
        return valid(f"random-{i}", cut, given, "Basic", "Pieces")
    return invalid(f"random-{i}", f"{cut}, a bit of event {place} changed", given, "Released", codes=(BROKEN,))


def intermediate(a: dict[str, Any]) -> Mapping[str, Any]:
    """Each event that the body holds up to the end or the fault: its data, its nonce, and its chunk if it opens."""
    events: list[Mapping[str, Any]] = []
    for data in EventReader(2**24).feed(joined(*a["pieces"])):
        nonce = stream_nonce(a["base_nonce"], len(events))
        event = {"data": data.decode("utf-8", "replace"), "nonce": nonce}
        try:
            chunk = REFERENCE.aead_open(a["secret"], nonce, decode_base64(data.decode("ascii")))
        except (Malformed, UnicodeDecodeError, AuthenticationError):
            events.append(event)
            break
        events.append(event | {"chunk": chunk})
        if chunk == FINAL:
            break
    return {"events": events} if events else {}


SUITE = VectorSuite(
    name="v1/stream_opening",
    title="Opening a stream",
    operation="stream.open",
    covers=("V1-STR-03", "V1-STR-04", "V1-STR-09", "V1-STR-10", "V1-STR-14"),
    flags=FLAGS,
    fixed=fixed,
    random=random,
    count=20,
    intermediate=intermediate,
)
