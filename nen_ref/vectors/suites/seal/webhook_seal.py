"""seal/webhook_seal: headers and body of a webhook."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Found, Group, Test, VectorSuite, invalid, valid
from nen_ref.vectors.suites.seal_tools import KEY, NOT_JSON, SHAPE, Recipient, flags

OWN = {
    "Event": Flag("edge case", "events with colons, dots and spaces inside", "the header and the context differ",
                  ("SEAL-HOOK-01",)),
    "EventForm": Flag("missing check", "an event that cannot stand in a header",
                      "a line feed in an event makes another header", ("SEAL-HOOK-04", "CWE-93")),
    "PayloadNotJson": Flag("missing check", "a payload that is no JSON, or that parsers read differently",
                           "receivers see two values, or none", ("SEAL-HOOK-05", "V1-WIRE-05")),
}  # fmt: skip
EVENTS = ("order.created", "x", "a:b", "order created", "ORDER", '"', "~", "webhook:x")
WRONG_EVENTS = (
    ("empty", "no character", ""), ("space", "a space", " "), ("space-in-front", "a space in front", " x"),
    ("space-behind", "a space behind", "x "), ("line-feed", "a line feed and another header", "x\nx-admin: 1"),
    ("crlf", "CR and LF at the end", "x\r\n"), ("tab", "a tab", "a\tb"), ("delete", "a character U+007F", "a\x7f"),
    ("umlaut", "a letter beyond ASCII", "\u00fc"),
)  # fmt: skip


def fixed(draw: Draw, found: Found) -> list[Group]:
    to = Recipient(draw)
    shared = {"ek": to.ek, "signer_seed": draw("signer/seed")}
    return [
        Group("events", tuple(
            valid(f"event-{i}", f"the event {event}", given(to, f"event-{i}", event), "Event")
            for i, event in enumerate(EVENTS)
        ), shared),
        Group("payloads", tuple(
            valid(f"payload-{i}", f"the payload {text!a}", given(to, f"payload-{i}", "x", text), "Basic")
            for i, text in enumerate(("null", "[]", ' {"a" : 1}\n', '"\u2603"'))
        ), shared),
        Group("what cannot be sealed", tuple(_refused(to)), shared),
    ]  # fmt: skip


def given(to: Recipient, label: str, event: str, payload: str = '{"order":7}') -> dict[str, Any]:
    return {"event": event, "payload": payload, **to.draws(label)}


def _refused(to: Recipient) -> Iterator[Test]:
    for id, comment, event in WRONG_EVENTS:
        own = given(to, f"event-{id}", event)
        yield invalid(f"event-{id}", f"an event: {comment}", own, "EventForm", codes=SHAPE)
    for id, text in (("empty", ""), ("unclosed", '{"a":1'), ("twice", '{"a":1,"a":2}'), ("nan", "NaN")):
        own = given(to, f"not-json-{id}", "x", text)
        yield invalid(f"not-json-{id}", f"the payload {text!a}", own, "PayloadNotJson", codes=NOT_JSON)
    short = {**given(to, "key-short", "x"), "ek": to.ek[:-1]}
    yield invalid("key-short", "a key without its last byte", short, "RecipientKey", codes=KEY)


SUITE = VectorSuite(
    name="seal/webhook_seal",
    title="Sealing a webhook",
    operation="seal.webhook",
    covers=("SEAL-HOOK-01",),
    flags=flags("Basic", "RecipientKey", **OWN),
    fixed=fixed,
)
