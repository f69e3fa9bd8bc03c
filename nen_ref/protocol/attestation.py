"""Attestations of V3: statements about an endpoint, signed with the server's identity key and bound to no session."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from nen_ref.primitives.suite import REFERENCE, Suite
from nen_ref.protocol.handshake_v3 import SecurityMode
from nen_ref.protocol.identity import CONTEXT, Identity

FORMAT = "NEN-ATTESTATION-1"
PROTOCOL = "NEN-PROTOCOL-V3"
SUITE = "ML-KEM-768 + X25519 / HKDF-SHA256 / ChaCha20-Poly1305 / HMAC-SHA256 / ML-DSA-65"


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
        named = {
            "v": FORMAT,
            "endpoint": self.endpoint,
            "protocol": PROTOCOL,
            "suite": SUITE,
            "securityMode": self.mode.value,
            "from": self.valid_from,
            "to": self.valid_to,
            "issuedAt": self.issued_at,
        }
        return {name: value for name, value in named.items() if value is not None}

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


def verify_attestation(signed: SignedAttestation, pinned: bytes, *, suite: Suite = REFERENCE) -> bool:
    """Whether it is signed by the 1952-byte key `pinned`, which the caller trusts: the key inside proves nothing.
    V3-ATT-05."""
    if signed.pk != pinned:
        return False
    return suite.ml_dsa_65_verify(pinned, signed.attestation.signed_text, signed.signature, CONTEXT)
