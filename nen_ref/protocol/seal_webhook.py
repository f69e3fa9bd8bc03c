"""Sealed webhooks: a signed envelope in the body of an HTTP request, its event in a header. SEAL-HOOK-*.

    seal_webhook(ek, identity, "order.created", payload, ...)               ->  headers and body
    open_webhook(dk, headers, body, signer=..., events={"order.created"})   ->  event, payload, id

The context `webhook:<event>` is signed, the header is not, so the two have to agree. A webhook carries no time and no
nonce that anybody counts: whoever has one can deliver it again. `WebhookEvent.id` is for the receiver to remember.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Set
from dataclasses import dataclass, field

from nen_ref.primitives.suite import REFERENCE, Suite
from nen_ref.protocol.errors import (
    CRYPTO_DECRYPT_FAILED,
    CRYPTO_PAYLOAD_NOT_JSON,
    WIRE_INVALID_PAYLOAD_FORMAT,
    failure,
)
from nen_ref.protocol.identity import Identity
from nen_ref.protocol.messages import JSON_TYPE
from nen_ref.protocol.seal import read_envelope, read_kem
from nen_ref.protocol.seal_signed import open_signed, seal_signed
from nen_ref.protocol.wire import Malformed, dump_json, parse_json

EVENT_HEADER = "x-nen-event"


@dataclass(frozen=True)
class Webhook:
    """What to POST to the receiver."""

    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class WebhookEvent:
    """What a webhook held: `payload` is a JSON text, `signer` the 1952-byte key, one of those expected.

    `id` is the same for every delivery of one webhook, and no two have the same: 64 hexadecimal digits. A receiver that
    must not act twice remembers it in one atomic step, as a server does the nonce of a request. SEAL-HOOK-06.
    """

    event: str
    payload: bytes = field(repr=False)
    signer: bytes = field(repr=False)
    id: str


def seal_webhook(
    ek: bytes,
    identity: Identity,
    event: str,
    payload: bytes,
    *,
    m: bytes,
    n: bytes,
    rnd: bytes,
    suite: Suite = REFERENCE,
) -> Webhook:
    """A webhook with a JSON text as payload. SEAL-HOOK-01. Random bytes and errors as `seal_signed`.

    ISO-6001 for an event that cannot stand in a header, 4003 for a payload that is no JSON.
    """
    if not _is_event(event):
        raise failure(WIRE_INVALID_PAYLOAD_FORMAT, "an event that cannot stand in a header")
    _check_json(payload)
    envelope = seal_signed(ek, identity, payload, context=context_of(event), m=m, n=n, rnd=rnd, suite=suite)
    return Webhook({"content-type": JSON_TYPE, EVENT_HEADER: event}, dump_json(envelope))


def open_webhook(
    dk: bytes,
    headers: Mapping[str, str],
    body: bytes,
    *,
    signer: bytes | Set[bytes],
    events: str | Set[str],
    suite: Suite = REFERENCE,
) -> WebhookEvent:
    """The event of a webhook of one of these kinds that one of these keys signed. SEAL-HOOK-02, -03, -04, -05.

    `headers` by lower-case name, as `messages.Headers`. ISO-6001 without an event header and for the form of the body,
    4001 for an event that is not expected, or not the one that was signed, 4003 for a payload that is no JSON;
    otherwise as `open_signed`.
    """
    event = headers.get(EVENT_HEADER)
    if not event:
        raise failure(WIRE_INVALID_PAYLOAD_FORMAT, f"no {EVENT_HEADER}")
    if event not in ({events} if isinstance(events, str) else events):
        raise failure(CRYPTO_DECRYPT_FAILED, "the event is not an expected one")
    envelope = read_envelope(body)
    opened = open_signed(dk, envelope, context=context_of(event), signer=signer, suite=suite)
    _check_json(opened.payload)
    return WebhookEvent(event, opened.payload, opened.signer, hashlib.sha256(read_kem(envelope)).hexdigest())


def context_of(event: str) -> str:
    """The context of a webhook. SEAL-HOOK-01."""
    return "webhook:" + event


def _is_event(event: str) -> bool:
    return bool(event) and event.isascii() and event.isprintable() and event == event.strip()


def _check_json(payload: bytes) -> None:
    try:
        parse_json(payload)
    except Malformed as fault:
        raise failure(CRYPTO_PAYLOAD_NOT_JSON, f"the payload is {fault}") from None
