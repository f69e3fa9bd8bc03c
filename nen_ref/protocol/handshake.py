"""The handshake, both sides, as functions from bytes to bytes and typed values.

client_hello(d, z)            ->  ClientHello   its `body` goes to POST /api/nen/handshake
respond(body, m, mac_key, sid) -> Accepted      its `reply` goes back, its `session` into the store
client_finish(hello, reply)   ->  (sid, keys)
"""

from __future__ import annotations

from dataclasses import dataclass, field

from nen_ref.primitives.errors import KeyCheckError, LengthError
from nen_ref.primitives.suite import REFERENCE, Suite
from nen_ref.protocol.errors import (
    AUTH_IDENTITY_SIGNATURE_INVALID,
    HANDSHAKE_BAD_RESPONSE,
    HANDSHAKE_FAILED,
    HANDSHAKE_MISSING_PUBLIC_KEY,
    WIRE_DECODE_FAILED,
    NenError,
    failure,
)
from nen_ref.protocol.identity import Identity, prove_identity, verify_identity
from nen_ref.protocol.messages import Reply, json_reply, reported_code
from nen_ref.protocol.session import Session, SessionKeys
from nen_ref.protocol.wire import Malformed, decode_base64, dump_json, encode_base64, parse_json_object

MAC_KEY_SIZE = 32
CIPHERTEXT_SIZE = 1088


@dataclass(frozen=True)
class IdentityPolicy:
    """Which clients a server accepts: anyone, anyone with an identity, or the pinned keys only. V1-ID-06.

    `pinned` holds 1952-byte public keys; pinning implies that an identity is required, and an empty set admits nobody.
    """

    required: bool = False
    pinned: frozenset[bytes] | None = None

    def check(self, identity: bytes | None) -> None:
        if identity is None and (self.required or self.pinned is not None):
            raise failure(AUTH_IDENTITY_SIGNATURE_INVALID, "this server requires an identity")
        if self.pinned is not None and identity not in self.pinned:
            raise failure(AUTH_IDENTITY_SIGNATURE_INVALID, "the identity is not one that this server pins")


@dataclass(frozen=True)
class ClientHello:
    """A handshake on its way: the `body` to send, and what the client needs to finish."""

    body: bytes
    ek: bytes = field(repr=False)
    dk: bytes = field(repr=False)


@dataclass(frozen=True)
class Accepted:
    """A handshake that the server accepts: `reply` to send, `session` to store before it."""

    reply: Reply
    session: Session


def client_hello(
    d: bytes, z: bytes, identity: Identity | None = None, rnd: bytes = bytes(32), *, suite: Suite = REFERENCE
) -> ClientHello:
    """Begin a handshake with a fresh ML-KEM-768 key pair. V1-HS-01, V1-HS-10, V1-ID-01.

    `d`, `z`: 32 random bytes each (FIPS 203, algorithm 16). `rnd`: 32 bytes for the identity's signature; all zero is
    the deterministic variant.
    """
    ek, dk = suite.ml_kem_768_keygen(d, z)
    members = {"pk": encode_base64(ek)}
    if identity is not None:
        members |= prove_identity(identity, ek, rnd, suite=suite)
    return ClientHello(dump_json(members), ek, dk)


def respond(
    body: bytes,
    *,
    m: bytes,
    mac_key: bytes,
    sid: str,
    now: int,
    policy: IdentityPolicy = IdentityPolicy(),
    suite: Suite = REFERENCE,
) -> Accepted:
    """The server's half: public key, identity, encapsulation, new session. Stores nothing itself. V1-HS-14, V1-HS-17.

    `m`: 32 random bytes (FIPS 203, algorithm 17); `mac_key`: 32 random bytes, independent of `m` (V1-HS-07); `sid`: a
    fresh session id (V1-HS-08); `now` in ms. Raises ISO-1001, 1002, 3004 or 6002; LengthError for `mac_key`.
    """
    LengthError.check("mac_key", mac_key, MAC_KEY_SIZE)
    members = handshake_object(body)
    ek = public_key(members)
    identity = verify_identity(members, ek, suite=suite)
    policy.check(identity)
    shared_secret, ct = encapsulate(ek, m, suite=suite)
    # The shared secret is the payload key as it is: no key derivation. V1-HS-06.
    session = Session(sid, SessionKeys(shared_secret, mac_key), now, identity)
    answer = {"sid": sid, "ct": encode_base64(ct), "hmac": encode_base64(mac_key)}
    return Accepted(json_reply(200, dump_json(answer)), session)


def client_finish(hello: ClientHello, reply: Reply, *, suite: Suite = REFERENCE) -> tuple[str, SessionKeys]:
    """The session id and keys out of the server's answer, or ISO-1004. V1-HS-12, V1-HS-13.

    The caller drops `hello` afterwards (V1-HS-10). Python cannot wipe immutable bytes: the reference only lets go.
    """
    sid, members = read_answer(reply)
    ct = answer_binary(members, "ct", CIPHERTEXT_SIZE)
    mac_key = answer_binary(members, "hmac", MAC_KEY_SIZE)
    return sid, SessionKeys(decapsulate(hello.dk, ct, suite=suite), mac_key)


def handshake_object(body: bytes) -> dict[str, object]:
    """V1-HS-03: what is not an object carries no public key."""
    try:
        return parse_json_object(body)
    except Malformed as fault:
        raise failure(HANDSHAKE_MISSING_PUBLIC_KEY, f"the body is {fault}") from None


def public_key(members: dict[str, object], name: str = "pk") -> bytes:
    """V1-HS-02, V1-HS-03, V1-HS-04; its length is the encapsulation-key check's."""
    pk = members.get(name)
    if not isinstance(pk, str) or not pk:
        raise failure(HANDSHAKE_MISSING_PUBLIC_KEY, f"{name} is {'not a text' if pk is not None else 'absent'}")
    try:
        return decode_base64(pk)
    except Malformed as fault:
        raise failure(WIRE_DECODE_FAILED, f"{name} is {fault}") from None


def encapsulate(ek: bytes, m: bytes, *, suite: Suite = REFERENCE) -> tuple[bytes, bytes]:
    """The shared secret and `ct` for a client's key; ISO-1002 if the key fails the check of FIPS 203, 7.2. V1-HS-05."""
    try:
        suite.ml_kem_768_check_ek(ek)
        return suite.ml_kem_768_encaps(ek, m)
    except (LengthError, KeyCheckError) as fault:
        raise failure(HANDSHAKE_FAILED, str(fault)) from None


def decapsulate(dk: bytes, ct: bytes, *, suite: Suite = REFERENCE) -> bytes:
    """The shared secret on the client, or ISO-1002. V1-HS-10."""
    try:
        return suite.ml_kem_768_decaps(dk, ct)
    except (LengthError, KeyCheckError) as fault:
        raise failure(HANDSHAKE_FAILED, str(fault)) from None


def read_answer(reply: Reply) -> tuple[str, dict[str, object]]:
    """The session id and all members of a server's answer, or ISO-1004. V1-HS-12, V1-HS-13."""
    if not 200 <= reply.status < 300:
        code = reported_code(reply.body)
        raise failure(HANDSHAKE_BAD_RESPONSE, f"status {reply.status}" + (f", {code}" if code else ""))
    try:
        members = parse_json_object(reply.body)
    except Malformed as fault:
        raise unusable(fault) from None
    sid = members.get("sid")
    if not isinstance(sid, str) or not sid:
        raise unusable("without a sid")
    if not (sid.isascii() and sid.isprintable()) or sid != sid.strip():
        raise unusable("with a sid that cannot stand in a header")
    return sid, members


def answer_binary(members: dict[str, object], name: str, size: int) -> bytes:
    """A binary member of a server's answer, of `size` bytes, or ISO-1004."""
    text = members.get(name)
    if not isinstance(text, str):
        raise unusable(f"without a text {name}")
    try:
        data = decode_base64(text)
    except Malformed as fault:
        raise unusable(f"with a {name} that is {fault}") from None
    if len(data) != size:
        raise unusable(f"with a {name} of {len(data)} bytes, not {size}")
    return data


def unusable(fault: object) -> NenError:
    """ISO-1004 for an answer that is not what it should be."""
    return failure(HANDSHAKE_BAD_RESPONSE, f"the answer is {fault}")
