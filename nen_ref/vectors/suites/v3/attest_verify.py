"""v3/attest_verify: which attestations are valid."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from nen_ref.primitives.suite import REFERENCE
from nen_ref.protocol.attestation import Attestation, attest
from nen_ref.protocol.handshake_v3 import SecurityMode
from nen_ref.protocol.identity import CONTEXT, Identity
from nen_ref.vectors.alter import flipped
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Found, Group, Test, VectorSuite, invalid, valid
from nen_ref.vectors.suites.handshake_tools import mistyped
from nen_ref.vectors.suites.v3.attest import TIME
from nen_ref.vectors.suites.v3_tools import flags, slug

FLAGS = flags(
    "Basic",
    Form=Flag("edge case", "the same members in another JSON text, and further ones, which nobody signed",
              "attestations are refused that passed through another JSON writer", ("V3-ATT-05",)),
    Altered=Flag("missing check", "a member was altered after it was signed",
                 "what a server attested is turned into something else", ("V3-ATT-03",)),
    OtherStatement=Flag("confusion", "a right signature over a text that is no attestation of V3",
                        "whatever the key ever signed passes for an attestation", ("V3-ATT-02", "V3-ATT-05")),
    WrongSignature=Flag("missing check", "a signature that is not one of this key over this text",
                        "anyone can attest", ("V3-ATT-03", "V3-ATT-05")),
)  # fmt: skip


def fixed(draw: Draw, found: Found) -> list[Group]:
    identity, other = Identity.from_seed(draw("seed")), Identity.from_seed(draw("other"))
    attestation = Attestation("/api/echo", SecurityMode.HYBRID, TIME, "2026-01-01T00:00:00.000Z")
    signed = attest(identity, attestation)
    members, signature = dict(attestation.members), signed.signature
    key = {"public_key": identity.pk}
    right = key | {"signature": signature}
    text = attestation.signed_text.decode()
    return [
        Group("valid ones", (
            valid("right", "as it was signed", {"attestation": text}, "Basic"),
            valid("reordered", "its members in another order",
                  {"attestation": json.dumps(dict(reversed(members.items())))}, "Form"),
            valid("spaced", "with white space", {"attestation": json.dumps(members, indent=2)}, "Form"),
            valid("further", "with a further member", {"attestation": json.dumps({**members, "note": "trust me"})},
                  "Form"),
        ), right),
        Group("altered ones", tuple(_altered(members)), right),
        Group("texts that are none", tuple(
            invalid(f"text-{id}", f"the text is {comment}", {"attestation": wrong}, "OtherStatement")
            for id, comment, wrong in (
                ("empty", "empty", ""), ("cut", "cut", text[:-1]), ("null", "null", "null"),
                ("array", "an array", "[]"), ("text", "a JSON text", '"x"'), ("two", "two of them", text + text),
            )
        ), right),
        Group("signed, and no attestation of V3", tuple(_others(identity, members)), key),
        Group("signatures", (
            invalid("signature-altered", "a bit altered", key | {"signature": flipped(signature)}, "WrongSignature"),
            invalid("signature-empty", "empty", key | {"signature": b""}, "WrongSignature"),
            invalid("signature-cut", "cut", key | {"signature": signature[:-1]}, "WrongSignature"),
            invalid("signature-longer", "a byte longer", key | {"signature": signature + b"\0"}, "WrongSignature"),
            invalid("signature-of-another", "of another key",
                    key | {"signature": attest(other, attestation).signature}, "WrongSignature"),
            invalid("another-key", "another key expected", {"public_key": other.pk, "signature": signature},
                    "WrongSignature"),
            invalid("signature-with-context", "under a context", key | {
                "signature": REFERENCE.ml_dsa_65_sign(identity.sk, attestation.signed_text, b"x", bytes(32))
            }, "WrongSignature"),
        ), {"attestation": text}),
    ]  # fmt: skip


def _altered(members: dict[str, Any]) -> Iterator[Test]:
    for name, value in members.items():
        cut = {other: kept for other, kept in members.items() if other != name}
        yield invalid(f"without-{slug(name)}", f"without {name}", {"attestation": json.dumps(cut)}, "Altered")
        other = json.dumps({**members, name: value + "x"})
        yield invalid(f"other-{slug(name)}", f"another {name}", {"attestation": other}, "Altered")  # fmt: skip
    yield invalid("to-added", "a member to added", {"attestation": json.dumps({**members, "to": TIME})}, "Altered")
    weaker = json.dumps({**members, "securityMode": "pqc-only"})
    yield invalid("mode-altered", "pqc-only in place of hybrid", {"attestation": weaker}, "Altered")
    for id, comment, wrong in mistyped("/api/echo"):
        altered = json.dumps({**members, "endpoint": wrong})
        yield invalid(f"endpoint-{id}", f"endpoint is {comment}", {"attestation": altered}, "Altered")  # fmt: skip


def _others(identity: Identity, members: dict[str, Any]) -> Iterator[Test]:
    for id, changes in (
        ("v", {"v": "NEN-ATTESTATION-2"}),
        ("protocol", {"protocol": "NEN-PROTOCOL-V2"}),
        ("suite", {"suite": "RSA"}),
        ("mode", {"securityMode": "classical"}),
        ("endpoint-number", {"endpoint": 7}),
        ("from-null", {"from": None}),
    ):
        said = json.dumps({**members, **changes}, separators=(",", ":"), ensure_ascii=False)
        signature = REFERENCE.ml_dsa_65_sign(identity.sk, said.encode(), CONTEXT, bytes(32))
        yield invalid(f"signed-{id}", f"signed with another {id}", {"attestation": said, "signature": signature},
                      "OtherStatement")  # fmt: skip


def random(draw: Draw, i: int) -> Test:
    identity = Identity.from_seed(draw("seed"))
    attestation = Attestation(f"/api/{draw('endpoint', 8).hex()}", SecurityMode.PQC_ONLY, TIME)
    signature = attest(identity, attestation).signature
    given = {"attestation": attestation.signed_text.decode(), "signature": signature, "public_key": identity.pk}
    return valid(f"random-{i}", "a drawn attestation", given, "Basic")


SUITE = VectorSuite(
    name="v3/attest_verify",
    title="Verifying an attestation",
    operation="v3.attest_verify",
    covers=("V3-ATT-03", "V3-ATT-05"),
    flags=FLAGS,
    fixed=fixed,
    notes="Nothing is said of its times: `from`, `to` and `issuedAt` are for the reader to judge.",
    random=random,
    count=4,
)
