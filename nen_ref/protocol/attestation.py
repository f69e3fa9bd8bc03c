"""Attestations of V3: statements about an endpoint, signed with the server's identity key and bound to no session."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from nen_ref.primitives.suite import REFERENCE, Suite
from nen_ref.protocol.handshake_v3 import SecurityMode
from nen_ref.protocol.identity import CONTEXT, Identity

FORMAT = "NEN-ATTESTATION-1"
PROTOCOL = "NEN-PROTOCOL-V3"
SUITE = "ML-KEM-768 + X25519 / HKDF-SHA256 / ChaCha20-Poly1305 / HMAC-SHA256 / ML-DSA-65"
MEMBERS = ("v", "endpoint", "protocol", "suite", "securityMode", "from", "to", "issuedAt")
OPTIONAL = {"from", "to"}


@dataclass(frozen=True)
class Attestation:
    """What is attested. Times are texts as they stand in it (RFC 3339, UTC); `valid_from`, `valid_to` may be absent."""

    endpoint: str
    mode: SecurityMode
    issued_at: str
    valid_from: str | None = None
    valid_to: str | None = None

    @property
    def members(self) -> dict[str, str]:
        """Its members, in the order in which they are signed. V3-ATT-01, V3-ATT-02, V3-ATT-06."""
        mode = self.mode.value
        values = (FORMAT, self.endpoint, PROTOCOL, SUITE, mode, self.valid_from, self.valid_to, self.issued_at)
        return {name: value for name, value in zip(MEMBERS, values, strict=True) if value is not None}

    @property
    def signed_text(self) -> bytes:
        """The exact text that is signed: JSON without spaces, in UTF-8 and with no escape that JSON does not need.
        V3-ATT-04."""
        return json.dumps(self.members, separators=(",", ":"), ensure_ascii=False).encode("utf-8")


@dataclass(frozen=True)
class SignedAttestation:
    """An attestation with its signature (3309 bytes) and the key that made it (1952 bytes)."""

    attestation: Attestation
    signature: bytes = field(repr=False)
    pk: bytes = field(repr=False)


def attest(
    identity: Identity, attestation: Attestation, rnd: bytes = bytes(32), *, suite: Suite = REFERENCE
) -> SignedAttestation:
    """Sign an attestation. `rnd`: 32 bytes; all zero is the deterministic variant of FIPS 204. V3-ATT-03."""
    signature = suite.ml_dsa_65_sign(identity.sk, attestation.signed_text, CONTEXT, rnd)
    return SignedAttestation(attestation, signature, identity.pk)


def read_attestation(members: Mapping[str, object]) -> Attestation | None:
    """The attestation in the members of a JSON object, None if it is none of V3. V3-ATT-02, V3-ATT-05, V3-ATT-06.

    Members that are not named are not signed, and are left out.
    """
    texts = {name: members[name] for name in MEMBERS if name in members}
    if not OPTIONAL | texts.keys() >= set(MEMBERS) or not all(isinstance(text, str) for text in texts.values()):
        return None
    mode = texts["securityMode"]
    if (texts["v"], texts["protocol"], texts["suite"]) != (FORMAT, PROTOCOL, SUITE) or mode not in set(SecurityMode):
        return None
    named = {name: str(text) for name, text in texts.items()}
    return Attestation(
        named["endpoint"], SecurityMode(named["securityMode"]), named["issuedAt"], named.get("from"), named.get("to")
    )


def verify_attestation(
    members: Mapping[str, object], signature: bytes, pinned: bytes, *, suite: Suite = REFERENCE
) -> Attestation | None:
    """The attestation, if the 1952-byte key `pinned` signed it, and None otherwise. V3-ATT-03, V3-ATT-05.

    The caller trusts that key already: one that comes with the attestation proves nothing.
    """
    attestation = read_attestation(members)
    if attestation is None or not suite.ml_dsa_65_verify(pinned, attestation.signed_text, signature, CONTEXT):
        return None
    return attestation
