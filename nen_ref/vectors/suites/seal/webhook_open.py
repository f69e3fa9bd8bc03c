"""seal/webhook_open: what a webhook holds, for the one who expects signers and events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nen_ref.protocol.identity import Identity
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Found, Group, Test, VectorSuite
from nen_ref.vectors.suites.seal.webhook_seal import OWN as SEALING
from nen_ref.vectors.suites.seal_tools import (
    NOT_JSON,
    OPENING,
    SIGNER,
    SIGNER_SHAPE,
    Recipient,
    flags,
    right,
    signed,
    signer,
    unreadable,
    with_bit,
    without,
    wrong,
)

EVENT = "order.created"
HEADERS = {"content-type": "application/json", "x-nen-event": EVENT}
NO_EVENT = ("ISO-6001", "ISO-4001")  # SEAL-HOOK-04
UNREADABLE = ("empty-body", "body-null", "body-empty-array", "unclosed", "twice-last-is-right")
OWN = {
    "PayloadNotJson": SEALING["PayloadNotJson"],
    "Headers": Flag("edge case", "names of headers in any case, among other headers", "no framework's headers are read",
                    ("SEAL-HOOK-01",)),
    "EventMissing": Flag("missing check", "a webhook without an event", "an event is taken from what is not compared",
                         ("SEAL-HOOK-04",)),
    "EventUnexpected": Flag("missing check", "an event that is not expected, signed and sealed as it says",
                            "what was sent to another endpoint passes here", ("SEAL-HOOK-02",)),
    "EventRewritten": Flag("missing check", "a header that names another event than the one that was signed",
                           "the application does what the header says: a refund for an order", ("SEAL-HOOK-03",)),
    "Signer": Flag("missing check", "a webhook of somebody else, or of nobody, or altered",
                   "anyone sends webhooks", ("SEAL-SIG-02", "SEAL-SIG-03", "SEAL-SIG-05")),
}  # fmt: skip


def fixed(draw: Draw, found: Found) -> list[Group]:
    to, own, stranger = Recipient(draw), signer(draw), signer(draw, "stranger")
    shared = {"dk": to.dk, "signers": [own.pk], "events": [EVENT, "order.paid"]}
    stated = {**shared, "headers": HEADERS}
    made = webhook(to, "made", own)
    return [
        Group("webhooks that are expected", tuple(_expected(to, own)), shared),
        Group("headers", tuple(_headers(made)), shared),
        Group("events", tuple(_events(to, made, own)), shared),
        Group("signers", tuple(_signers(made, stranger)), stated),
        Group("payloads", tuple(_payloads(to, own)), stated),
        Group("bodies that are no JSON object", tuple(unreadable(made, UNREADABLE)), stated),
    ]


def webhook(
    to: Recipient, label: str, own: Identity, payload: bytes = b'{"order":7}', context: str | None = f"webhook:{EVENT}"
) -> dict[str, Any]:
    return signed(to.sealed(label, payload, context), own)


def _expected(to: Recipient, own: Identity) -> Iterator[Test]:
    for event in (EVENT, "order.paid"):
        made = webhook(to, event, own, context=f"webhook:{event}")
        yield right(event.replace(".", "-"), f"the event {event}", made, "Basic", headers={"x-nen-event": event})
    colon = webhook(to, "colon", own, context="webhook:a:b")
    yield right("colon", "an event with a colon", colon, "Basic", headers={"x-nen-event": "a:b"}, events=["a:b"])
    spaced = b' {"a" : [1, 2]}\n'
    yield right("white-space", "a payload as it was written", webhook(to, "white-space", own, spaced), "Basic",
                headers=HEADERS)  # fmt: skip
    further = {**made, "sentAt": 7, "event": "order.refunded"}
    yield right("further-members", "further members of the envelope", further, "FurtherMembers",
                headers={"x-nen-event": "order.paid"})  # fmt: skip


def _headers(made: dict[str, Any]) -> Iterator[Test]:
    for i, name in enumerate(("X-Nen-Event", "X-NEN-EVENT", "x-Nen-eVENT")):
        headers = {"Host": "x", name: EVENT, "X-Event": "order.paid"}
        yield right(f"header-{i}", f"the header {name}", made, "Headers", headers=headers)
    wrongs: tuple[tuple[str, str, dict[str, str]], ...] = (
        ("absent", "no header", {}), ("empty", "an empty header", {"x-nen-event": ""}),
        ("other-name", "X-Event in its place", {"x-event": EVENT}),
        ("underscores", "x_nen_event in its place", {"x_nen_event": EVENT}),
    )  # fmt: skip
    for id, comment, headers in wrongs:
        yield wrong(f"header-{id}", comment, made, "EventMissing", NO_EVENT, headers=headers)


def _events(to: Recipient, made: dict[str, Any], own: Identity) -> Iterator[Test]:
    yield wrong("rewritten", "the header names another expected event", made, "EventRewritten", OPENING,
                headers={"x-nen-event": "order.paid"})  # fmt: skip
    both = {**made, "ctx": "webhook:order.paid"}
    yield wrong("rewritten-both", "header and ctx name another expected event", both, "EventRewritten",
                (*SIGNER, *OPENING), headers={"x-nen-event": "order.paid"})  # fmt: skip
    again = signed({**without(made, "sig", "spk"), "ctx": "webhook:order.paid"}, own)
    yield wrong("rewritten-signed", "the same, and signed again", again, "EventRewritten", OPENING,
                headers={"x-nen-event": "order.paid"})  # fmt: skip
    for id, comment, event in (
        ("twice", "the header came twice", f"{EVENT}, order.paid"), ("case", "in another case", EVENT.upper()),
        ("whole", "the whole context", f"webhook:{EVENT}"), ("space", "with a space inside", "order. created"),
    ):  # fmt: skip
        yield wrong(f"event-{id}", f"the event in the header: {comment}", made, "EventRewritten", OPENING,
                    headers={"x-nen-event": event})  # fmt: skip
    other = webhook(to, "refunded", own, context="webhook:order.refunded")
    yield wrong("unexpected", "an event that is not expected", other, "EventUnexpected", OPENING,
                headers={"x-nen-event": "order.refunded"})  # fmt: skip
    yield wrong("none-expected", "no event is expected", made, "EventUnexpected", OPENING, headers=HEADERS, events=[])
    for id, context in (("none", None), ("bare", EVENT), ("prefix", "webhook:"), ("field", f"field:{EVENT}")):
        sealed = webhook(to, f"context-{id}", own, context=context)
        yield wrong(f"context-{id}", f"sealed for the context {context}", sealed, "EventRewritten", OPENING,
                    headers=HEADERS)  # fmt: skip


def _signers(made: dict[str, Any], stranger: Identity) -> Iterator[Test]:
    unsigned = without(made, "sig", "spk")
    yield wrong("unsigned", "nobody signed", unsigned, "Signer", SIGNER_SHAPE)
    yield wrong("sig-gone", "sig is gone", without(made, "sig"), "Signer", SIGNER_SHAPE)
    yield wrong("stranger", "a stranger signed", signed(unsigned, stranger), "Signer", SIGNER)
    yield wrong("forged", "a bit of sig is altered", {**made, "sig": with_bit(made["sig"], 60)}, "Signer", SIGNER)
    yield wrong("altered", "a bit of ct is altered", {**made, "ct": with_bit(made["ct"])}, "Signer", SIGNER)
    yield wrong("nobody", "no signer is expected", made, "Signer", SIGNER, signers=[])


def _payloads(to: Recipient, own: Identity) -> Iterator[Test]:
    for id, payload in (("empty", b""), ("unclosed", b'{"a":1'), ("twice", b'{"a":1,"a":2}'), ("not-utf-8", b'"\xff"')):
        made = webhook(to, f"payload-{id}", own, payload)
        yield wrong(f"payload-{id}", f"the payload {payload!a}", made, "PayloadNotJson", NOT_JSON)


SUITE = VectorSuite(
    name="seal/webhook_open",
    title="Opening a webhook",
    operation="seal.open_webhook",
    covers=("SEAL-HOOK-01", "SEAL-HOOK-02"),
    flags=flags("Basic", "FurtherMembers", "NotJson", "NotAnObject", "DuplicateMember", **OWN),
    fixed=fixed,
)
