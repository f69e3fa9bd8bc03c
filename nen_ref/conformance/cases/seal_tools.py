"""What the cases of sealed envelopes share: a recipient, envelopes for him, and what has to come of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nen_ref.conformance.divergence import difference
from nen_ref.conformance.harness.driver import Reply
from nen_ref.conformance.harness.probe import HarnessProbe, same_json
from nen_ref.conformance.randomness import random_bytes
from nen_ref.primitives.suite import REFERENCE
from nen_ref.protocol.identity import Identity
from nen_ref.protocol.seal import seal_to
from nen_ref.protocol.seal_framed import seal_framed
from nen_ref.protocol.seal_signed import sign
from nen_ref.protocol.wire import Malformed, parse_json
from nen_ref.vectors.suites.seal_tools import text_of

PAYLOAD = b"payload"
FRAMED_PAYLOAD = b"abcdefghijklmno"  # three frames of five

NOTHING_OPENS = "envelopes of other implementations do not open, and its own open nowhere else"
OTHER_CONTEXT = (
    "what was sealed for one purpose opens for another: whoever exchanges two envelopes decides what is done"
)
FORGED = "anyone is believed who has seen a public key"
CRASH = "an envelope that anyone can send ends the operation in a crash, or is read in two ways"
CUT = "the beginning of a payload is taken for the whole: half a log, half a list of revoked keys"
PLAIN = "whoever carries the value puts in what he likes, or reads what its owner believes sealed"


class Recipient:
    """A key pair, and envelopes for it with fresh draws."""

    def __init__(self) -> None:
        self.ek, self.dk = REFERENCE.ml_kem_768_keygen(random_bytes(32), random_bytes(32))

    def sealed(self, payload: bytes = PAYLOAD, context: str | None = None) -> dict[str, Any]:
        return dict(seal_to(self.ek, payload, context=context, **draws()))

    def framed(
        self, payload: bytes = FRAMED_PAYLOAD, frame_size: int = 5, context: str | None = None
    ) -> dict[str, Any]:
        return dict(seal_framed(self.ek, payload, context=context, m=random_bytes(32), frame_size=frame_size))

    def field(self, payload: bytes, path: str) -> dict[str, Any]:
        return {"$nenSealed": True, **self.sealed(payload, f"field:{path}")}


def draws() -> dict[str, Any]:
    """Fresh bytes for one envelope."""
    return {"m": random_bytes(32), "n": random_bytes(12)}


def new_signer() -> Identity:
    return Identity.from_seed(random_bytes(32))


def signed(envelope: Mapping[str, Any], identity: Identity) -> dict[str, Any]:
    return dict(sign(dict(envelope), identity, bytes(32)))


def same_body(probe: HarnessProbe, reply: Reply, note: str, expected: object) -> bool:
    """Check that a reply holds this JSON value as its body."""
    if not probe.matches(reply, note, {}):
        return False
    try:
        body = parse_json(reply["body"].encode("utf-8", "surrogatepass"))
    except Malformed as fault:
        probe.ensure(False, f"{note}: the body is {fault}")
        return False
    if not same_json(body, expected):
        first = _first_difference(body, expected)
        probe.diverged(f"{note}: {first}")
        probe.ensure(False, f"{note}: {first}")
        return False
    probe.ensure(True, f"{note}: the body as expected")
    return True


def _first_difference(body: object, expected: object) -> str:
    if not isinstance(body, dict) or not isinstance(expected, dict):
        return difference("body", text_of(expected), text_of(body))
    names = [*expected, *(name for name in body if name not in expected)]
    wrong = next(name for name in names if not same_json(body.get(name), expected.get(name)))
    return difference(wrong, expected.get(wrong), body.get(wrong))


class Opening:
    """One operation that opens, with the arguments that stay the same, and what comes of bodies."""

    def __init__(self, probe: HarnessProbe, operation: str, **stated: Any) -> None:
        self._probe, self._operation, self._stated = probe, operation, stated

    async def ask(self, body: object, **stated: Any) -> Reply:
        text = body if isinstance(body, str) else text_of(body)
        return await self._probe.call(self._operation, **{"body": text, **self._stated, **stated})

    async def opens(self, note: str, body: object, expected: Mapping[str, Any], **stated: Any) -> bool:
        return self._probe.matches(await self.ask(body, **stated), note, expected)

    async def first(self, body: object, expected: Mapping[str, Any], **stated: Any) -> None:
        """What is right opens: only then does a refusal of what is wrong say anything."""
        await self.opens("what is right", body, expected, **stated)
        self._probe.sound()

    async def refuses(self, bodies: Mapping[str, object], **stated: Any) -> None:
        for note, body in bodies.items():
            self._probe.judge(await self.ask(body, **stated), note)
