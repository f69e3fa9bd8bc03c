"""Signed envelopes: an ML-DSA-65 signature over what is sealed. SEAL-SIG-*.

    seal_signed(ek, identity, payload, ...)        ->  the envelope with `sig` and `spk`
    open_signed(dk, envelope, signer=..., ...)     ->  the payload, and which of the expected keys signed

The signature is over ciphertext: it proves that the signer had the envelope in hand, and not that he knew what is in
it. Whoever may sign too can put his own signature in its place: where several may, the context names the signer.
SEAL-SIG-07.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field

from nen_ref.primitives.errors import LengthError
from nen_ref.primitives.ml_dsa import ML_DSA_65
from nen_ref.primitives.ml_dsa_keys import encode_spki
from nen_ref.primitives.suite import REFERENCE, Suite
from nen_ref.protocol.errors import AUTH_IDENTITY_SIGNATURE_INVALID, failure
from nen_ref.protocol.identity import CONTEXT, Identity
from nen_ref.protocol.members import binary_member, ml_dsa_65_key
from nen_ref.protocol.payload import open_envelope
from nen_ref.protocol.seal import VERSION, Members, expected_info, opening_key, read_sealed, seal_to
from nen_ref.protocol.wire import encode_base64


@dataclass(frozen=True)
class Signed:
    """What a signed envelope held: the payload, and the 1952-byte key of its signer, one of those expected."""

    payload: bytes = field(repr=False)
    signer: bytes = field(repr=False)


def seal_signed(
    ek: bytes,
    identity: Identity,
    payload: bytes,
    *,
    context: str | None,
    m: bytes,
    n: bytes,
    rnd: bytes,
    suite: Suite = REFERENCE,
) -> Members:
    """As `seal_to`, and signed. SEAL-SIG-01. `rnd`: 32 random bytes, or all zero for the deterministic variant."""
    return sign(seal_to(ek, payload, context=context, m=m, n=n, suite=suite), identity, rnd, suite=suite)


def sign(envelope: Members, identity: Identity, rnd: bytes, *, suite: Suite = REFERENCE) -> Members:
    """The envelope with the members `sig` and `spk`. SEAL-SIG-01."""
    signature = suite.ml_dsa_65_sign(identity.sk, signed_text(envelope), CONTEXT, rnd)
    spk = encode_spki(ML_DSA_65, identity.pk)
    return envelope | {"sig": encode_base64(signature), "spk": encode_base64(spk)}


def open_signed(
    dk: bytes,
    envelope: Mapping[str, object],
    *,
    context: str | None,
    signer: bytes | Set[bytes],
    suite: Suite = REFERENCE,
) -> Signed:
    """The payload of an envelope that this key, or one of these, has signed. SEAL-SIG-02, -06.

    `signer`: 1952 bytes, or a set of such keys; the empty set admits nobody. ISO-3004 unless one of them signed,
    otherwise as `open_sealed`; nothing is decapsulated before the signature is verified.
    """
    kem, sealed = read_sealed(envelope)
    info = expected_info(envelope, context)
    signed_by = verify(envelope, signer, suite=suite)
    return Signed(open_envelope(opening_key(dk, kem, info, suite=suite), sealed, suite=suite), signed_by)


def verify(envelope: Mapping[str, object], signer: bytes | Set[bytes], *, suite: Suite = REFERENCE) -> bytes:
    """Which of the expected keys signed an envelope whose form has been checked; ISO-3004 if none did. SEAL-SIG-05."""
    expected = {signer} if isinstance(signer, bytes) else signer
    for pk in expected:
        LengthError.check("signer", pk, ML_DSA_65.pk_size)
    signed_by = claimed_signer(envelope)
    if signed_by not in expected:
        raise failure(AUTH_IDENTITY_SIGNATURE_INVALID, "the signer is not the expected one")
    if not suite.ml_dsa_65_verify(signed_by, signed_text(envelope), _member(envelope, "sig"), CONTEXT):
        raise failure(AUTH_IDENTITY_SIGNATURE_INVALID, "sig does not verify over the envelope")
    return signed_by


def claimed_signer(envelope: Mapping[str, object]) -> bytes:
    """The 1952-byte key that an envelope claims to be signed by, which proves nothing yet; or ISO-3004. SEAL-SIG-04."""
    return ml_dsa_65_key(_member(envelope, "spk"), "spk", AUTH_IDENTITY_SIGNATURE_INVALID)


def signed_text(envelope: Mapping[str, object]) -> bytes:
    """What is signed: v, kem, n, ct and ctx, or nothing for it, as they stand, joined by line feeds. SEAL-SIG-01.

    Only the context can have a line feed in it, and it comes last: no two envelopes have the same text.
    """
    kem, n, ct, ctx = (envelope.get(name, "") for name in ("kem", "n", "ct", "ctx"))
    return f"{VERSION}\n{kem}\n{n}\n{ct}\n{ctx}".encode()


def _member(envelope: Mapping[str, object], name: str) -> bytes:
    """SEAL-SIG-03, SEAL-SIG-04."""
    wrong = AUTH_IDENTITY_SIGNATURE_INVALID
    return binary_member(envelope, name, wrong, wrong)
