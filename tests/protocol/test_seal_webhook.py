"""Webhooks: the signer, the event, and a delivery that comes twice."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from nen_ref.protocol.identity import Identity
from nen_ref.protocol.messages import Headers
from nen_ref.protocol.seal_webhook import open_webhook, seal_webhook
from tests.protocol.oracle import leaks, refused, secret, texts_of, unb64
from tests.protocol.seal_oracle import RECIPIENT, SIGNER, STRANGER, M, N, opened, sealed, signed, signed_text
from tests.protocol.test_seal import DK, altered

PAYLOAD = b'{"order": 7}'
ENVELOPE = signed(sealed(PAYLOAD, "webhook:order.created"))
HEADERS = Headers([("X-Nen-Event", "order.created")])
EVENTS = frozenset({"order.created", "order.paid"})


def opens(envelope: dict[str, Any], headers: Any = HEADERS, events: Any = EVENTS, signer: Any = SIGNER.pk) -> Any:
    return open_webhook(DK, headers, json.dumps(envelope).encode(), signer=signer, events=events)


def fails(code: str, envelope: dict[str, Any], headers: Any = HEADERS, events: Any = EVENTS) -> None:
    refused(code, opens, envelope, headers, events)


@pytest.mark.parametrize("event", ["order.created", "x", "a:b"])
def test_a_webhook_is_a_signed_envelope_whose_context_is_the_event(event: str) -> None:
    """SEAL-HOOK-01."""
    identity = Identity.from_seed(SIGNER.seed)
    made = seal_webhook(RECIPIENT.ek, identity, event, PAYLOAD, m=M, n=N, rnd=bytes(32))
    assert made.headers == {"content-type": "application/json", "x-nen-event": event}
    envelope = json.loads(made.body)
    assert list(envelope) == ["v", "kem", "n", "ct", "ctx", "sig", "spk"]
    assert envelope["ctx"] == f"webhook:{event}"
    SIGNER.verifies(unb64(envelope["sig"]), signed_text(envelope))
    assert opened(envelope, f"webhook:{event}") == PAYLOAD


def test_what_is_made_elsewhere_opens_here() -> None:
    """SEAL-HOOK-02."""
    for events in (EVENTS, "order.created", {"order.created"}):
        result = opens(ENVELOPE, events=events)
        assert (result.event, result.payload, result.signer) == ("order.created", PAYLOAD, SIGNER.pk)


def test_signer_and_events_have_to_be_stated() -> None:
    """SEAL-HOOK-02."""
    for stated in ({"signer": SIGNER.pk}, {"events": EVENTS}):
        with pytest.raises(TypeError):
            open_webhook(DK, HEADERS, b"{}", **stated)  # type: ignore[arg-type]


def test_an_event_that_is_not_expected_is_refused() -> None:
    """SEAL-HOOK-02."""
    for events in ("order.paid", frozenset(), {"order"}, "order.created.x"):
        fails("ISO-4001", ENVELOPE, events=events)


def test_a_header_that_is_not_the_signed_event_is_refused() -> None:
    """SEAL-HOOK-03."""
    fails("ISO-4001", ENVELOPE, {"x-nen-event": "order.paid"})
    fails("ISO-3004", {**ENVELOPE, "ctx": "webhook:order.paid"}, {"x-nen-event": "order.paid"})
    twice = Headers([("x-nen-event", "order.created"), ("x-nen-event", "order.paid")])
    fails("ISO-4001", ENVELOPE, twice)
    fails("ISO-4001", signed(sealed(PAYLOAD, "order.created")))
    fails("ISO-4001", signed(sealed(PAYLOAD)))


@pytest.mark.parametrize("headers", [{}, {"x-nen-event": ""}, {"x-nen-events": "order.created"}])
def test_a_webhook_without_an_event_is_refused(headers: dict[str, str]) -> None:
    """SEAL-HOOK-04."""
    fails("ISO-6001", ENVELOPE, headers)


@pytest.mark.parametrize("event", ["", " ", "a\nb", "ü", " a", "a ", "a\x7f"])
def test_an_event_that_cannot_stand_in_a_header_is_not_sent(event: str) -> None:
    """SEAL-HOOK-04."""
    identity = Identity.from_seed(SIGNER.seed)
    refused("ISO-6001", seal_webhook, RECIPIENT.ek, identity, event, PAYLOAD, m=M, n=N, rnd=bytes(32))


def test_a_webhook_of_somebody_else_is_refused() -> None:
    """SEAL-SIG-02, SEAL-SIG-03, SEAL-SIG-05."""
    unsigned = {name: value for name, value in ENVELOPE.items() if name not in ("sig", "spk")}
    for envelope in (unsigned, signed(unsigned, STRANGER), {**ENVELOPE, "ct": altered(ENVELOPE["ct"])}):
        fails("ISO-3004", envelope)


@pytest.mark.parametrize("body", [b"", b"[]", b"x", b'{"v":1,"v":1}'])
def test_a_body_that_is_no_envelope_is_refused(body: bytes) -> None:
    """SEAL-ENV-04."""
    refused("ISO-6001", open_webhook, DK, HEADERS, body, signer=SIGNER.pk, events=EVENTS)


@pytest.mark.parametrize("payload", [b"", b"{", b"\xff", b'{"a":1,"a":1}'])
def test_a_payload_that_is_no_json_is_refused(payload: bytes) -> None:
    """SEAL-HOOK-05."""
    fails("ISO-4003", signed(sealed(payload, "webhook:order.created")))
    identity = Identity.from_seed(SIGNER.seed)
    refused("ISO-4003", seal_webhook, RECIPIENT.ek, identity, "x", payload, m=M, n=N, rnd=bytes(32))


def test_as_published_a_webhook_can_be_delivered_again_and_its_id_is_the_same() -> None:
    """SEAL-HOOK-06, a weakness of the published form (spec/seal.md): nothing in a webhook says when it was made."""
    first, again = opens(ENVELOPE), opens(json.loads(json.dumps(ENVELOPE, indent=2)))
    assert first.id == again.id == hashlib.sha256(unb64(ENVELOPE["kem"])).hexdigest()
    signed_again = signed({name: value for name, value in ENVELOPE.items() if name not in ("sig", "spk")})
    assert signed_again["sig"] != ENVELOPE["sig"]
    assert opens(signed_again).id == first.id
    assert opens(signed(sealed(PAYLOAD, "webhook:order.created"))).id != first.id


def test_no_payload_in_a_repr() -> None:
    payload = json.dumps({"secret": secret("a payload that nobody may see").hex()}).encode()
    identity = Identity.from_seed(SIGNER.seed)
    made = seal_webhook(RECIPIENT.ek, identity, "x", payload, m=M, n=N, rnd=bytes(32))
    result = open_webhook(DK, made.headers, made.body, signer=SIGNER.pk, events="x")
    assert result.payload == payload
    assert not leaks(texts_of(result) + texts_of(made), secret("a payload that nobody may see"))
