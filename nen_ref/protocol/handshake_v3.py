"""The handshake of V3, both sides: ML-KEM-768 with X25519 beside it, and keys that are derived and never sent.

client_hello(d, z, x)           ->  HybridHello   its `body` goes to POST /api/nen/handshake
respond(body, m, x, sid, ...)   ->  Accepted      its `reply` goes back, its `session` into the store
client_finish(hello, reply, ..) ->  Established   session id, keys, and what a later session resumes from
"""

from __future__ import annotations

import enum
import hmac
from dataclasses import dataclass, field

from nen_ref.primitives.errors import LengthError
from nen_ref.primitives.suite import REFERENCE, Suite
from nen_ref.protocol.errors import HANDSHAKE_FAILED, failure
from nen_ref.protocol.handshake import (
    CIPHERTEXT_SIZE,
    Accepted,
    IdentityPolicy,
    answer_binary,
    decapsulate,
    encapsulate,
    handshake_object,
    public_key,
    read_answer,
    unusable,
)
from nen_ref.protocol.identity import Identity
from nen_ref.protocol.key_schedule import combine, derive
from nen_ref.protocol.messages import Reply, json_reply
from nen_ref.protocol.server_identity import ServerTrust, Transcript, check, prove
from nen_ref.protocol.session import Session, SessionKeys
from nen_ref.protocol.tickets import seal_ticket
from nen_ref.protocol.wire import dump_json, encode_base64

X25519_SIZE = 32
BASE_POINT = (9).to_bytes(X25519_SIZE, "little")


class SecurityMode(enum.StrEnum):
    """Hybrid holds as long as either ML-KEM or X25519 does; pqc-only rests on ML-KEM alone."""

    HYBRID = "hybrid"
    PQC_ONLY = "pqc-only"


@dataclass(frozen=True)
class HybridHello:
    """A handshake on its way: the `body` to send, and what the client needs to finish. `x` is empty in pqc-only."""

    body: bytes
    ek: bytes = field(repr=False)
    dk: bytes = field(repr=False)
    pk_x: bytes = field(default=b"", repr=False)
    x: bytes = field(default=b"", repr=False)

    @property
    def mode(self) -> SecurityMode:
        return SecurityMode.HYBRID if self.x else SecurityMode.PQC_ONLY


@dataclass(frozen=True)
class Resumption:
    """What a client keeps for later: the opaque `ticket`, and the 32-byte `psk` that it stands for."""

    ticket: str = field(repr=False)
    psk: bytes = field(repr=False)


@dataclass(frozen=True)
class Established:
    """A session on the client: its id, its keys, and from what a later one may resume."""

    sid: str
    keys: SessionKeys
    resumption: Resumption | None = None


@dataclass(frozen=True)
class NewTicket:
    """With what the server seals a ticket: its ticket key, 12 fresh random bytes, and when the ticket expires (ms)."""

    key: bytes = field(repr=False)
    nonce: bytes
    expires: int

    def seal(self, psk: bytes, *, suite: Suite = REFERENCE) -> str:
        return seal_ticket(psk, self.expires, self.key, self.nonce, suite=suite)


@dataclass(frozen=True)
class ServerProof:
    """With what the server proves its identity: `rnd` is 32 bytes for the signature.

    `server_nonce`: 32 bytes, or None for the one that commits to the server's part of the handshake.
    """

    identity: Identity
    rnd: bytes = field(repr=False)
    server_nonce: bytes | None = None


def client_hello(d: bytes, z: bytes, x: bytes | None, *, suite: Suite = REFERENCE) -> HybridHello:
    """Begin a handshake with fresh keys: hybrid, or pqc-only where `x` is None. V3-HS-01, V3-HS-02, V3-HS-12.

    `d`, `z`: 32 random bytes each (FIPS 203, algorithm 16); `x`: 32 random bytes, the X25519 private key.
    """
    ek, dk = suite.ml_kem_768_keygen(d, z)
    if x is None:
        members = {"pk_kem": encode_base64(ek), "securityMode": SecurityMode.PQC_ONLY.value}
        return HybridHello(dump_json(members), ek, dk)
    pk_x = suite.x25519(x, BASE_POINT)
    members = {"pk_kem": encode_base64(ek), "securityMode": SecurityMode.HYBRID.value, "pk_x": encode_base64(pk_x)}
    return HybridHello(dump_json(members), ek, dk, pk_x, x)


def respond(
    body: bytes,
    *,
    m: bytes,
    x: bytes,
    sid: str,
    now: int,
    ticket: NewTicket,
    proof: ServerProof | None = None,
    policy: IdentityPolicy = IdentityPolicy(),
    suite: Suite = REFERENCE,
) -> Accepted:
    """The server's half: keys, encapsulation, X25519, new session. Stores nothing itself.

    V3-HS-01 to V3-HS-12, V3-HS-18.

    `m`: 32 random bytes (FIPS 203, algorithm 17); `x`: 32 random bytes, the server's X25519 private key, unused in
    pqc-only; `sid`: a fresh session id; `now` in ms. Raises ISO-1001, 1002 or 6002; and ISO-3004 where `policy` demands
    an identity of the client, which V3 has not (V3-ID-10). The shared secrets are let go of (V3-KEY-05).
    """
    members = handshake_object(body)
    ek = public_key(members, "pk_kem" if "pk_kem" in members else "pk")
    mode = _mode(members)
    pk_x = public_key(members, "pk_x") if mode is SecurityMode.HYBRID else b""
    policy.check(None)
    kem_ss, ct = encapsulate(ek, m, suite=suite)
    ss, pk_x_server = kem_ss, b""
    if mode is SecurityMode.HYBRID:
        ss = combine(agree(x, pk_x, suite=suite), kem_ss, suite=suite)
        pk_x_server = suite.x25519(x, BASE_POINT)
    derived = derive(ss, suite=suite)
    answer = {"sid": sid, "ct": encode_base64(ct), "ticket": ticket.seal(derived.psk, suite=suite)}
    if pk_x_server:
        answer["pk_x_server"] = encode_base64(pk_x_server)
    if proof is not None:
        transcript = Transcript(ek, pk_x, sid, ct, pk_x_server)
        server_nonce = transcript.bound_nonce() if proof.server_nonce is None else proof.server_nonce
        answer |= prove(proof.identity, transcript, server_nonce, proof.rnd, suite=suite)
    session = Session(sid, derived.keys, now, family="v3")
    return Accepted(json_reply(200, dump_json(answer)), session)


def client_finish(
    hello: HybridHello, reply: Reply, trust: ServerTrust = ServerTrust(), *, suite: Suite = REFERENCE
) -> Established:
    """The session out of the server's answer; ISO-1002, 1004, 3006, 3007. The caller drops `hello` afterwards.

    V3-HS-10, V3-HS-13 to V3-HS-17, V3-KEY-02, V3-KEY-05.
    """
    sid, members = read_answer(reply)
    if "hmac" in members:
        raise unusable("one of V1 or V2: it carries a key")
    ct = answer_binary(members, "ct", CIPHERTEXT_SIZE)
    hybrid = hello.mode is SecurityMode.HYBRID
    pk_x_server = answer_binary(members, "pk_x_server", X25519_SIZE) if hybrid else b""
    ticket = answer_ticket(members)
    check(members, Transcript(hello.ek, hello.pk_x, sid, ct, pk_x_server), trust, suite=suite)
    ss = decapsulate(hello.dk, ct, suite=suite)
    if hybrid:
        ss = combine(agree(hello.x, pk_x_server, suite=suite), ss, suite=suite)
    derived = derive(ss, suite=suite)
    return Established(sid, derived.keys, Resumption(ticket, derived.psk) if ticket else None)


def answer_ticket(members: dict[str, object]) -> str:
    """The ticket in a server's answer, the empty text where there is none; or ISO-1004. V3-HS-16, V3-TICKET-16."""
    ticket = members.get("ticket")
    if ticket is not None and not isinstance(ticket, str):
        raise unusable("with a ticket that is not a text")
    return ticket or ""


def agree(x: bytes, pk_x: bytes, *, suite: Suite = REFERENCE) -> bytes:
    """The X25519 shared secret, 32 bytes. ISO-1002 for a key of another length, and for the all-zero result of a point
    of low order (RFC 7748, 6.1): whoever sends one fixes the secret. V3-HS-11."""
    try:
        shared = suite.x25519(x, pk_x)
    except LengthError as fault:
        raise failure(HANDSHAKE_FAILED, str(fault)) from None
    if hmac.compare_digest(shared, bytes(X25519_SIZE)):
        raise failure(HANDSHAKE_FAILED, "the X25519 key of the other side is a point of low order")
    return shared


def _mode(members: dict[str, object]) -> SecurityMode:
    """Anything but the text pqc-only means hybrid, the stronger of the two. V3-HS-03."""
    return SecurityMode.PQC_ONLY if members.get("securityMode") == SecurityMode.PQC_ONLY else SecurityMode.HYBRID
