"""The server's optional identity in the handshake of V3: a signature over the transcript, and what a client demands.

The transcript as it is published covers the client's keys, a nonce and the session id, and neither `ct` nor the
server's X25519 key. Whoever stands between can replace those two by its own and leave the signature as it is. Our
server closes that without another member on the wire: its nonce is the hash of both, so that the signature covers them
after all, and a client that is told to (`bound`) checks it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from nen_ref.primitives.ml_dsa import ML_DSA_65
from nen_ref.primitives.ml_dsa_keys import encode_spki
from nen_ref.primitives.suite import REFERENCE, Suite
from nen_ref.protocol.errors import AUTH_SERVER_IDENTITY_INVALID, AUTH_TRANSCRIPT_MISMATCH, failure
from nen_ref.protocol.identity import CONTEXT, Identity
from nen_ref.protocol.members import binary_member, ml_dsa_65_key
from nen_ref.protocol.wire import encode_base64

NONCE_SIZE = 32
BOUND = b"nen/v3 bound nonce"
MEMBERS = ("server_nonce", "server_sig", "server_id_pk")


@dataclass(frozen=True)
class ServerTrust:
    """What a client demands of the server's identity.

    `pinned`: the 1952-byte ML-DSA-65 key it must have, None for any or none. `bound`: the nonce must commit to `ct` and
    to the server's X25519 key, so that nobody stands between; not every server does that.
    """

    pinned: bytes | None = None
    bound: bool = False


@dataclass(frozen=True)
class Transcript:
    """What both sides have seen of a handshake. `pk_x` and `pk_x_server` are empty in pqc-only."""

    pk_kem: bytes
    pk_x: bytes
    sid: str
    ct: bytes
    pk_x_server: bytes

    def signed_hash(self, server_nonce: bytes) -> bytes:
        """The 32 bytes that the server signs."""
        return transcript_hash(self.pk_kem, self.pk_x, server_nonce, self.sid)

    def bound_nonce(self) -> bytes:
        """The nonce that commits to what the signature leaves out."""
        return bound_nonce(self.ct, self.pk_x_server)


def transcript_hash(pk_kem: bytes, pk_x: bytes, server_nonce: bytes, sid: str) -> bytes:
    """SHA-256 of f(pk_kem) f(pk_x) f(server_nonce) f(sid), f(x) being its length as u32 big-endian, then x.

    V3-ID-02.
    """
    return hashlib.sha256(b"".join(map(_framed, (pk_kem, pk_x, server_nonce, sid.encode("utf-8"))))).digest()


def bound_nonce(ct: bytes, pk_x_server: bytes) -> bytes:
    """SHA-256 of the label, f(ct), f(pk_x_server): as unpredictable as `ct`, which encapsulation draws afresh.

    V3-ID-07, V3-ID-09.
    """
    return hashlib.sha256(BOUND + _framed(ct) + _framed(pk_x_server)).digest()


def prove(
    identity: Identity, transcript: Transcript, server_nonce: bytes, rnd: bytes, *, suite: Suite = REFERENCE
) -> dict[str, str]:
    """The members `server_nonce`, `server_sig`, `server_id_pk`. `rnd`: 32 bytes. V3-ID-01."""
    signature = suite.ml_dsa_65_sign(identity.sk, transcript.signed_hash(server_nonce), CONTEXT, rnd)
    values = (server_nonce, signature, encode_spki(ML_DSA_65, identity.pk))
    return {name: encode_base64(value) for name, value in zip(MEMBERS, values, strict=True)}


def check(
    members: dict[str, object], transcript: Transcript, trust: ServerTrust, *, suite: Suite = REFERENCE
) -> bytes | None:
    """The server's proven 1952-byte key, None where it shows none and none is demanded.

    ISO-3006 for an identity that is absent or not the pinned one, ISO-3007 for a signature that is not of this
    handshake. One that is present is checked, also if nothing is demanded. V3-ID-03 to V3-ID-06, V3-ID-08.
    """
    if not any(name in members for name in MEMBERS):
        if trust.pinned is not None or trust.bound:
            raise failure(AUTH_SERVER_IDENTITY_INVALID, "the server shows no identity")
        return None
    absent, wrong = AUTH_SERVER_IDENTITY_INVALID, AUTH_TRANSCRIPT_MISMATCH
    pk = ml_dsa_65_key(binary_member(members, "server_id_pk", absent, absent), "server_id_pk", absent)
    if trust.pinned is not None and pk != trust.pinned:
        raise failure(AUTH_SERVER_IDENTITY_INVALID, "the server's identity is not the pinned one")
    server_nonce = binary_member(members, "server_nonce", wrong, wrong)
    signature = binary_member(members, "server_sig", wrong, wrong)
    if len(server_nonce) != NONCE_SIZE:
        raise failure(AUTH_TRANSCRIPT_MISMATCH, f"server_nonce is {len(server_nonce)} bytes, not {NONCE_SIZE}")
    if not suite.ml_dsa_65_verify(pk, transcript.signed_hash(server_nonce), signature, CONTEXT):
        raise failure(AUTH_TRANSCRIPT_MISMATCH, "server_sig does not verify over the transcript")
    if trust.bound and server_nonce != transcript.bound_nonce():
        raise failure(AUTH_TRANSCRIPT_MISMATCH, "server_nonce does not commit to ct and the server's X25519 key")
    return pk


def _framed(value: bytes) -> bytes:
    return len(value).to_bytes(4, "big") + value
