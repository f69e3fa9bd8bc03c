"""seal/signed_seal: the signed envelope of a payload, by the deterministic signature."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nen_ref.protocol.seal import seal_to
from nen_ref.protocol.seal_signed import signed_text
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Found, Group, Test, VectorSuite, invalid, valid
from nen_ref.vectors.suites.seal_tools import KEY, SHAPE, Recipient, flags

CONTEXTS = (
    ("none", "no context: the signed text ends in a line feed", None),
    ("purpose", "a purpose", "order"),
    ("lines", "a context of two lines", "two\nlines"),
    ("unicode", "a context beyond ASCII", "\u00fcn\u00ef|\u2603"),
)


def fixed(draw: Draw, found: Found) -> list[Group]:
    to = Recipient(draw)
    shared = {"ek": to.ek, "signer_seed": draw("signer/seed")}
    return [
        Group("contexts", tuple(_contexts(to)), shared),
        Group("payloads", (
            valid("empty", "no bytes at all", _given(to, "empty", b""), "PayloadSize"),
            valid("long", "3000 bytes", _given(to, "long", draw("long", 3000)), "PayloadSize"),
        ), shared),
        Group("what cannot be sealed", (
            invalid("context-empty", "an empty context", _given(to, "context-empty", b"x", ""), "ContextForm",
                    codes=SHAPE),
            invalid("key-short", "a key without its last byte", {**_given(to, "short", b"x"), "ek": to.ek[:-1]},
                    "RecipientKey", codes=KEY),
        ), {"signer_seed": draw("signer/seed"), "ek": to.ek}),
    ]  # fmt: skip


def _given(to: Recipient, label: str, payload: bytes, context: str | None = None) -> dict[str, Any]:
    return {"payload": payload, "context": context, **to.draws(label)}


def _contexts(to: Recipient) -> Iterator[Test]:
    for id, comment, context in CONTEXTS:
        yield valid(f"context-{id}", comment, _given(to, f"context-{id}", b"payload", context), "Context")


def random(draw: Draw, i: int) -> Test:
    to = Recipient(draw)
    given = {"ek": to.ek, "signer_seed": draw("signer/seed"), **_given(to, "envelope", draw("payload", 20), f"c{i}")}
    return valid(f"random-{i}", "a drawn signer", given, "Basic")


def intermediate(a: dict[str, Any]) -> Mapping[str, Any]:
    """The bytes that are signed, of what can be sealed."""
    if a["context"] == "" or len(a["ek"]) != 1184:
        return {}
    envelope = seal_to(a["ek"], a["payload"], context=a["context"], m=a["m"], n=a["n"])
    text = signed_text(envelope)
    return {"signed_bytes": len(text), "signed_ends": text[-40:]}


SUITE = VectorSuite(
    name="seal/signed_seal",
    title="Sealing and signing an envelope",
    operation="seal.sign",
    covers=("SEAL-SIG-01",),
    flags=flags("Basic", "PayloadSize", "Context", "ContextForm", "RecipientKey"),
    fixed=fixed,
    random=random,
    count=3,
    intermediate=intermediate,
)
