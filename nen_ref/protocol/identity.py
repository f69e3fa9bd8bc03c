"""The client's optional ML-DSA-65 identity in the handshake."""

from __future__ import annotations

from dataclasses import dataclass, field

from nen_ref.primitives.ml_dsa import ML_DSA_65
from nen_ref.primitives.ml_dsa_keys import encode_spki
from nen_ref.primitives.suite import REFERENCE, Suite
from nen_ref.protocol.errors import AUTH_IDENTITY_SIGNATURE_INVALID, failure
from nen_ref.protocol.members import binary_member, ml_dsa_65_key
from nen_ref.protocol.wire import encode_base64

CONTEXT = b""  # pure ML-DSA with the empty context


@dataclass(frozen=True)
class Identity:
    """A client's key pair: `pk` 1952 bytes, `sk` 4032 bytes."""

    pk: bytes
    sk: bytes = field(repr=False)

    @classmethod
    def from_seed(cls, xi: bytes, *, suite: Suite = REFERENCE) -> Identity:
        """The identity of a 32-byte ML-DSA-65 seed."""
        return cls(*suite.ml_dsa_65_keygen(xi))


def prove_identity(identity: Identity, ek: bytes, rnd: bytes, *, suite: Suite = REFERENCE) -> dict[str, str]:
    """The members `sigPk` and `sigOfPk` for the raw 1184 bytes of `ek`. V1-ID-01, V1-ID-02.

    `rnd`: 32 random bytes for hedged signing, or 32 zero bytes for the deterministic variant of FIPS 204.
    """
    signature = suite.ml_dsa_65_sign(identity.sk, ek, CONTEXT, rnd)
    return {"sigPk": encode_base64(encode_spki(ML_DSA_65, identity.pk)), "sigOfPk": encode_base64(signature)}


def verify_identity(members: dict[str, object], ek: bytes, *, suite: Suite = REFERENCE) -> bytes | None:
    """The proven 1952-byte public key, None where no identity is present, or ISO-3004. V1-ID-01 to V1-ID-05."""
    absent = [name for name in ("sigPk", "sigOfPk") if name not in members]
    if len(absent) == 2:
        return None
    wrong = AUTH_IDENTITY_SIGNATURE_INVALID
    if absent:
        raise failure(wrong, f"{absent[0]} is absent, half an identity")
    pk = ml_dsa_65_key(binary_member(members, "sigPk", wrong, wrong), "sigPk", wrong)
    signature = binary_member(members, "sigOfPk", wrong, wrong)
    if not suite.ml_dsa_65_verify(pk, ek, signature, CONTEXT):
        raise failure(AUTH_IDENTITY_SIGNATURE_INVALID, "sigOfPk does not verify over the raw bytes of pk")
    return pk
