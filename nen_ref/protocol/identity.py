"""The client's optional ML-DSA-65 identity in the handshake."""

from __future__ import annotations

from dataclasses import dataclass, field

from nen_ref.primitives.errors import EncodingError
from nen_ref.primitives.ml_dsa import ML_DSA_65
from nen_ref.primitives.ml_dsa_keys import decode_spki, encode_spki
from nen_ref.primitives.suite import REFERENCE, Suite
from nen_ref.protocol.errors import AUTH_IDENTITY_SIGNATURE_INVALID, failure
from nen_ref.protocol.wire import Malformed, decode_base64, encode_base64

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
    if "sigPk" not in members and "sigOfPk" not in members:
        return None
    pk = _public_key(_member(members, "sigPk"))
    signature = _member(members, "sigOfPk")
    if not suite.ml_dsa_65_verify(pk, ek, signature, CONTEXT):
        raise failure(AUTH_IDENTITY_SIGNATURE_INVALID, "sigOfPk does not verify over the raw bytes of pk")
    return pk


def _member(members: dict[str, object], name: str) -> bytes:
    text = members.get(name)
    if not isinstance(text, str):
        fault = "not a text" if name in members else "absent, half an identity"
        raise failure(AUTH_IDENTITY_SIGNATURE_INVALID, f"{name} is {fault}")
    try:
        return decode_base64(text)
    except Malformed as fault:
        raise failure(AUTH_IDENTITY_SIGNATURE_INVALID, f"{name} is {fault}") from None


def _public_key(sig_pk: bytes) -> bytes:
    """SubjectPublicKeyInfo, or the bare key. V1-ID-02, V1-ID-04."""
    if len(sig_pk) == ML_DSA_65.pk_size:
        return sig_pk
    try:
        return decode_spki(ML_DSA_65, sig_pk)
    except EncodingError as fault:
        raise failure(AUTH_IDENTITY_SIGNATURE_INVALID, f"sigPk: {fault}") from None
