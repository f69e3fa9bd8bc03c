"""Broken servers of V3. Each function below is one fault; its docstring says which."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import anyio

from nen_ref.conformance.mutants.model import EVERYTHING, mutant
from nen_ref.conformance.mutants.patch import around, instead_of, set_field
from nen_ref.http.server import NenServer
from nen_ref.primitives.chacha20_poly1305 import chacha20_encrypt
from nen_ref.primitives.ml_dsa import ML_DSA_65
from nen_ref.primitives.ml_dsa_keys import decode_spki
from nen_ref.primitives.suite import REFERENCE
from nen_ref.protocol import (
    errors,
    handshake,
    handshake_v3,
    key_schedule,
    resumption,
    server_identity,
    tickets,
    verification,
    versions,
)
from nen_ref.protocol.errors import NenError, failure
from nen_ref.protocol.handshake import Accepted, IdentityPolicy
from nen_ref.protocol.identity import verify_identity
from nen_ref.protocol.key_schedule import combine, ratchet
from nen_ref.protocol.messages import NONCE_HEADER, REKEY_PATH, SESSION_HEADER, Reply, Request, json_reply
from nen_ref.protocol.payload import Envelope
from nen_ref.protocol.resumption import Declined
from nen_ref.protocol.session import Session, SessionKeys
from nen_ref.protocol.stream import StreamSealer
from nen_ref.protocol.tickets import TicketKeys
from nen_ref.protocol.verification import Verified
from nen_ref.protocol.versions import V1, V2, V3, ServerTerms
from nen_ref.protocol.wire import Malformed, decode_base64, dump_json, encode_base64, parse_json_object
from nen_ref.stores.memory import MemoryStore

Members = dict[str, Any]
P = 2**255 - 19
LOCKED_OUT = "the client is locked out of its session"
ONE_HALF = "whoever breaks the other half of the hybrid has the session"


def hellos(change: Callable[[Members], Members]) -> None:
    """The server reads another handshake than the one that came."""

    @around(handshake_v3.respond)
    def _(original: Any, body: bytes, **options: Any) -> Accepted:
        try:
            members = change(parse_json_object(body))
        except Malformed:
            return original(body, **options)  # type: ignore[no-any-return]
        return original(dump_json(members), **options)  # type: ignore[no-any-return]


def answers(change: Callable[[Members, Accepted], Members]) -> None:
    """The server answers a handshake otherwise."""

    @around(handshake_v3.respond)
    def _(original: Any, body: bytes, **options: Any) -> Accepted:
        accepted: Accepted = original(body, **options)
        members = change(parse_json_object(accepted.reply.body), accepted)
        return replace(accepted, reply=json_reply(200, dump_json(members)))


def accepts(change: Callable[[Members], Members]) -> None:
    """The server's half of the handshake gets other arguments."""

    @around(handshake_v3.respond)
    def _(original: Any, body: bytes, **options: Any) -> Any:
        return original(body, **change(options))


def resumes(change: Callable[[Members, Members], tuple[Members, Members]]) -> None:
    """The server's half of a resumption gets other members or arguments."""

    @around(resumption.answer_resume)
    def _(original: Any, members: Members, **options: Any) -> Any:
        members, options = change(dict(members), options)
        return original(members, **options)


def terms(change: Callable[[ServerTerms], ServerTerms]) -> None:
    """Servers start with other terms than they were given."""

    @around(NenServer.__init__)
    def _(original: Any, self: NenServer, **options: Any) -> None:
        original(self, **options)
        self._terms = change(self._terms)


# Handshake


@mutant(
    "server/v3-unknown-mode-is-pqc-only",
    "V3-HS-03",
    "v3/handshake/mode-not-understood-without-pk-x",
    "v3/versions/",
    gains=ONE_HALF,
)
def _() -> None:
    """Hybrid is made only where securityMode is exactly that."""
    hellos(lambda m: m if m.get("securityMode") == "hybrid" else m | {"securityMode": "pqc-only"})


@mutant(
    "server/v3-no-pk-x-is-pqc-only",
    "V3-HS-05",
    "v3/versions/",
    gains="who takes pk_x out of a handshake on its way makes the hybrid one that rests on ML-KEM alone",
)
def _() -> None:
    """A handshake without pk_x is one in pqc-only."""
    hellos(lambda m: m if "pk_x" in m else m | {"securityMode": "pqc-only"})


@mutant(
    "server/v3-pk-not-read",
    "V3-HS-04",
    "v3/versions/what-makes-a-handshake-v3",
    gains="clients that keep the name of V1 cannot connect",
)
def _() -> None:
    """Only pk_kem is read."""
    hellos(lambda m: {name: value for name, value in m.items() if name != "pk"})


@mutant(
    "server/v3-pk-first",
    "V3-HS-06",
    "v3/versions/half-a-handshake",
    gains="of two keys the two sides take another one each",
)
def _() -> None:
    """Where both are there, pk is taken."""
    hellos(lambda m: m | {"pk_kem": m["pk"]} if "pk" in m else m)


@mutant("server/v3-pk-x-cut-or-padded", "V3-HS-08", gains="many texts stand for one key, and the transcript for none")
def _() -> None:
    """An X25519 key of another length is cut or padded with zeros."""

    @around(handshake_v3.agree)
    def _(original: Any, x: bytes, pk_x: bytes, **options: Any) -> Any:
        return original(x, pk_x[:32].ljust(32, b"\0"), **options)


@mutant("server/v3-pk-x-decoded-leniently", "V3-HS-08", gains="many texts stand for one key")
def _() -> None:
    """The base64 of pk_x may be unpadded, broken into lines, or have unused bits set."""

    def strict(members: Members) -> Members:
        text = members.get("pk_x")
        if not isinstance(text, str) or not text:
            return members
        data = base64.b64decode(text.encode("ascii", "ignore") + b"==")
        return members | {"pk_x": encode_base64(data)} if len(data) == 32 else members

    hellos(strict)


@mutant("server/v3-zero-secret-taken", "V3-HS-11", gains=ONE_HALF)
def _() -> None:
    """The all-zero X25519 result is taken for a secret."""

    @around(handshake_v3.agree)
    def _(original: Any, x: bytes, pk_x: bytes, **options: Any) -> Any:
        return REFERENCE.x25519(x, pk_x) if len(pk_x) == 32 else original(x, pk_x, **options)


@mutant("server/v3-low-order-by-a-list", "V3-HS-11", gains=ONE_HALF)
def _() -> None:
    """Only 0, 1 and p - 1 in their canonical form are refused as keys of the client."""

    @around(handshake_v3.agree)
    def _(original: Any, x: bytes, pk_x: bytes, **options: Any) -> Any:
        known = int.from_bytes(pk_x, "little") in (0, 1, P - 1)
        return original(x, pk_x, **options) if known or len(pk_x) != 32 else REFERENCE.x25519(x, pk_x)


@mutant("server/v3-non-canonical-refused", "V3-PRIM-04", gains="some clients cannot connect, by the library they use")
def _() -> None:
    """An X25519 key that is not below the prime is refused."""

    @around(handshake_v3.agree)
    def _(original: Any, x: bytes, pk_x: bytes, **options: Any) -> Any:
        if len(pk_x) == 32 and int.from_bytes(pk_x, "little") >= P:
            raise failure(errors.HANDSHAKE_FAILED, "not canonical")
        return original(x, pk_x, **options)


@mutant("server/v3-pk-x-read-in-pqc-only", "V3-HS-09", gains="what is not named decides whether a handshake works")
def _() -> None:
    """In pqc-only a pk_x that is there is decoded all the same."""

    def read(members: Members) -> Members:
        if "pk_x" in members and members.get("securityMode") == "pqc-only":
            handshake.public_key(members, "pk_x")
        return members

    hellos(read)


@mutant(
    "server/v3-x25519-key-of-the-process", "V3-HS-12", gains="who takes one key opens the X25519 half of everything"
)
def _() -> None:
    """The server's X25519 key is drawn at its start."""
    x = os.urandom(32)
    accepts(lambda options: options | {"x": x})


@mutant(
    "server/v3-hmac-still-sent",
    "V3-HS-10",
    "v3/",
    gains="who reads the handshake, wherever TLS ends, signs what he likes",
)
def _() -> None:
    """The answer has the HMAC key, as in V1."""
    answers(lambda members, accepted: members | {"hmac": encode_base64(accepted.session.keys.mac)})


@mutant(
    "server/v3-payload-key-in-a-debug-member",
    "V3-HS-10",
    "v3/handshake/secret-not-in-answer",
    gains="who reads the handshake, wherever TLS ends, reads everything",
)
def _() -> None:
    """A member that was left in for debugging has the payload key."""
    answers(lambda members, accepted: members | {"debug": accepted.session.keys.enc.hex()})


# Keys


@mutant(
    "server/v3-signed-under-either-key",
    "V3-KEY-03",
    "v3/auth/signature-other-key",
    "v3/rekey/old-hmac-key",
    gains="a key that serves for two is as strong as its weaker use",
)
def _() -> None:
    """A signature under the payload key is taken too."""

    @around(verification.check_signature)
    def _(original: Any, request: Request, carried: Any, signature: str, session: Session, *rest: Any) -> None:
        try:
            original(request, carried, signature, session, *rest)
        except NenError:
            other = replace(session, keys=SessionKeys(session.keys.enc, session.keys.enc))
            original(request, carried, signature, other, *rest)


@mutant(
    "server/v3-sealed-under-either-key",
    "V3-KEY-04",
    "v3/request/other-key",
    "v3/rekey/old-hmac-key",
    gains="who has the HMAC key alone writes payloads too",
)
def _() -> None:
    """A payload sealed under the HMAC key opens too."""

    @around(verification.check_payload)
    def _(original: Any, envelope: Envelope | None, session: Session, *rest: Any) -> Any:
        try:
            return original(envelope, session, *rest)
        except NenError as error:
            if error.entry is not errors.CRYPTO_DECRYPT_FAILED:
                raise
            other = replace(session, keys=SessionKeys(session.keys.mac, session.keys.mac))
            return original(envelope, other, *rest)


@mutant("server/v3-secrets-the-other-way-round", "V3-KEY-01", EVERYTHING, gains="it talks to no other implementation")
def _() -> None:
    """The secret of ML-KEM stands before that of X25519."""

    @around(key_schedule.combine)
    def _(original: Any, x_ss: bytes, kem_ss: bytes, **options: Any) -> Any:
        return original(kem_ss, x_ss, **options)


@mutant("server/v3-hybrid-of-ml-kem-alone", "V3-KEY-01", EVERYTHING, gains=ONE_HALF)
def _() -> None:
    """In hybrid the secret is that of ML-KEM, and X25519 is for show."""

    @instead_of(key_schedule.combine)
    def _(x_ss: bytes, kem_ss: bytes, *, suite: Any = REFERENCE) -> bytes:
        return kem_ss


@mutant(
    "server/v3-pqc-only-through-hybrid",
    "V3-KEY-02",
    "v3/handshake/",
    "v3/resumption/keys",
    "v3/server-identity/",
    gains="it talks to no other implementation in pqc-only",
)
def _() -> None:
    """In pqc-only the secret goes through the derivation of hybrid, with zeros for that of X25519."""
    in_pqc_only: list[bool] = []

    def note(members: Members) -> Members:
        in_pqc_only[:] = [members.get("securityMode") == "pqc-only"]
        return members

    hellos(note)

    @around(handshake.encapsulate)
    def _(original: Any, *args: Any, **options: Any) -> Any:
        kem_ss, ct = original(*args, **options)
        derived = in_pqc_only and in_pqc_only.pop()  # what asks next may be a handshake of V1
        return (combine(bytes(32), kem_ss) if derived else kem_ss), ct


# Identities


@mutant(
    "server/v3-identity-of-the-client-checked",
    "V3-ID-10",
    "v3/configured/unsigned-never",
    "v3/versions/v1-client-at-a-v3-server",
    gains="a client that sends what V1 had cannot connect",
)
def _() -> None:
    """The identity that V1 has is still checked where its members are there."""

    def check(members: Members) -> Members:
        verify_identity(members, handshake.public_key(members, "pk_kem" if "pk_kem" in members else "pk"))
        return members

    hellos(check)


@mutant(
    "server/v3-identity-required-in-v1-alone",
    "V3-ID-10",
    gains="clients that the server was told to refuse are served, if they ask in V3",
)
def _() -> None:
    """A server that requires an identity of its clients asks for none in handshakes of V3."""
    accepts(lambda options: options | {"policy": IdentityPolicy()})


@mutant(
    "server/v3-resumption-without-the-requirement",
    "V3-ID-10",
    gains="clients that the server was told to refuse are served, if they have an old ticket",
)
def _() -> None:
    """A server that requires an identity of its clients resumes sessions all the same."""
    right = V3.respond

    def respond(body: bytes, own: ServerTerms, *rest: Any) -> Any:
        lax = b'"resume"' in body
        return right(body, replace(own, policy=IdentityPolicy()) if lax else own, *rest)

    set_field(V3, "respond", respond)


@mutant("server/v3-unsigned-by-a-claim", "V3-ID-11", gains="who sees a session id sends requests in it")
def _() -> None:
    """The identity that a client claims is taken for its own, and may be one that need not sign."""

    @around(handshake_v3.respond)
    def _(original: Any, body: bytes, **options: Any) -> Accepted:
        accepted: Accepted = original(body, **options)
        claimed = parse_json_object(body).get("sigPk")
        if not isinstance(claimed, str):
            return accepted
        return replace(accepted, session=replace(accepted.session, identity=decode_base64(claimed)))


@mutant(
    "server/v3-server-nonce-constant",
    "V3-ID-09",
    "v3/server-identity/bound-nonce",
    gains="one signature is good for every handshake with these keys",
)
def _() -> None:
    """The nonce of the identity, server_nonce, is drawn at the start of the server."""
    nonce = os.urandom(32)
    accepts(lambda o: o | {"proof": o["proof"] and replace(o["proof"], server_nonce=nonce)})


@mutant("server/v3-server-nonce-random", "V3-ID-07", gains="who stands between a client and a server has the session")
def _() -> None:
    """The nonce of the identity, server_nonce, is random, and commits to nothing."""
    accepts(lambda o: o | {"proof": o["proof"] and replace(o["proof"], server_nonce=os.urandom(32))})


@mutant(
    "server/v3-server-key-bare",
    "V3-ID-01",
    "v3/server-identity/",
    gains="clients that read SubjectPublicKeyInfo refuse its answers",
)
def _() -> None:
    """The key of the identity, server_id_pk, is sent bare."""

    def bare(members: Members, accepted: Accepted) -> Members:
        if "server_id_pk" not in members:
            return members
        key = decode_spki(ML_DSA_65, decode_base64(members["server_id_pk"]))
        return members | {"server_id_pk": encode_base64(key)}

    answers(bare)


@mutant(
    "server/v3-no-identity-at-rotation",
    "V3-ID-01",
    gains="whoever stands between has a session at the first rotation",
)
def _() -> None:
    """The answer to a rotation has no identity."""

    @around(NenServer._rotate)
    async def _(original: Any, self: NenServer, request: Request) -> Any:
        own = self._terms
        self._terms = replace(own, identity=None)
        try:
            return await original(self, request)
        finally:
            self._terms = own


@mutant(
    "server/v3-transcript-little-endian",
    "V3-ID-02",
    "v3/server-identity/",
    gains="clients that pin the server's key refuse every answer",
)
def _() -> None:
    """The lengths in the transcript are little-endian."""

    @instead_of(server_identity._framed)
    def _(value: bytes) -> bytes:
        return len(value).to_bytes(4, "little") + value


@mutant(
    "server/v3-transcript-without-session-id", "V3-ID-02", "v3/server-identity/", gains="a session can be exchanged"
)
def _() -> None:
    """The transcript does not cover the session id."""

    @around(server_identity.transcript_hash)
    def _(original: Any, pk_kem: bytes, pk_x: bytes, server_nonce: bytes, sid: str) -> Any:
        return original(pk_kem, pk_x, server_nonce, "")


@mutant("server/v3-transcript-with-pk-x-of-pqc-only", "V3-ID-02", gains="clients of pqc-only refuse the answer")
def _() -> None:
    """In pqc-only the transcript covers a pk_x that is there all the same."""
    sent: list[bytes] = []

    def note(members: Members) -> Members:
        text = members.get("pk_x")
        sent[:] = [decode_base64(text)] if isinstance(text, str) and text.endswith("=") else []
        return members

    hellos(note)

    @around(server_identity.Transcript)
    def _(original: Any, pk_kem: bytes, pk_x: bytes, *rest: Any) -> Any:
        return original(pk_kem, pk_x or b"".join(sent), *rest)


# Rekey


@mutant(
    "server/v3-rekey-by-the-session-id",
    "V3-REKEY-01",
    "v3/rekey/",
    gains="whoever sees a session id locks its client out",
)
def _() -> None:
    """A rekey asks for the session id alone, as terminate does."""

    @around(NenServer.endpoint)
    async def _(original: Any, self: NenServer, request: Request) -> Any:
        session = await self._store.get(request.headers.get(SESSION_HEADER, ""))
        if (request.method, request.path) != ("POST", REKEY_PATH) or session is None or session.family != "v3":
            return await original(self, request)
        await self._store.replace(session, replace(session, keys=ratchet(session.keys)))
        return json_reply(200, dump_json({"ok": True}))


@mutant("server/v3-rekey-answered-sealed", "V3-REKEY-01", "v3/rekey/", gains="clients take the answer for a refusal")
def _() -> None:
    """The answer to a rekey is sealed like any other."""

    @around(NenServer.rekey)
    async def _(original: Any, self: NenServer, request: Request, verified: Verified) -> Reply | None:
        reply: Reply | None = await original(self, request, verified)
        return None if reply is None else await self.seal(verified, 200, reply.body)


@mutant(
    "server/v3-rekey-of-the-hmac-key-alone",
    "V3-REKEY-02",
    "v3/rekey/",
    gains="who takes the payload key reads everything, before the rekey and after it",
)
def _() -> None:
    """Only the HMAC key moves on."""

    @around(key_schedule.ratchet)
    def _(original: Any, keys: SessionKeys, **options: Any) -> Any:
        return replace(original(keys, **options), enc=keys.enc)


@mutant(
    "server/v3-rekey-of-the-payload-key-alone",
    "V3-REKEY-02",
    "v3/rekey/",
    gains="who takes the HMAC key signs for ever",
)
def _() -> None:
    """Only the payload key moves on."""

    @around(key_schedule.ratchet)
    def _(original: Any, keys: SessionKeys, **options: Any) -> Any:
        return replace(original(keys, **options), mac=keys.mac)


@mutant("server/v3-rekey-moves-nothing", "V3-REKEY-02", "v3/rekey/", gains="keys that were taken stay good")
def _() -> None:
    """A rekey is answered, and the keys stay."""

    @instead_of(MemoryStore.replace)
    async def _(self: MemoryStore, old: Session, new: Session) -> bool:
        return self._alive(old.sid) is not None


@mutant("server/v3-old-keys-still-sign", "V3-REKEY-03", "v3/rekey/", gains="keys that were taken stay good")
def _() -> None:
    """A signature under the keys before a rekey is taken, for requests that are late."""
    earlier: dict[str, list[Session]] = {}

    @around(MemoryStore.replace)
    async def _(original: Any, self: MemoryStore, old: Session, new: Session) -> Any:
        earlier.setdefault(old.sid, []).append(old)
        return await original(self, old, new)

    @around(verification.check_signature)
    def _(original: Any, request: Request, carried: Any, signature: str, session: Session, *rest: Any) -> None:
        for known in earlier.get(session.sid, []):
            try:
                return original(request, carried, signature, known, *rest)  # type: ignore[no-any-return]
            except NenError:
                continue
        return original(request, carried, signature, session, *rest)  # type: ignore[no-any-return]


@mutant(
    "server/v3-refused-rekey-moves-on", "V3-REKEY-03", "v3/rekey/", gains=f"anyone sends one message, and {LOCKED_OUT}"
)
def _() -> None:
    """The keys move on before the rekey is verified."""

    @around(NenServer.verify)
    async def _(original: Any, self: NenServer, request: Request) -> Any:
        try:
            return await original(self, request)
        except NenError:
            session = await self._store.get(request.headers.get(SESSION_HEADER, ""))
            if request.path == REKEY_PATH and session is not None and session.family == "v3":
                await self._store.replace(session, replace(session, keys=ratchet(session.keys)))
            raise


@mutant("server/v3-rekey-forgets-nonces", "V3-REKEY-04", gains="what was recorded before a rekey passes again after it")
def _() -> None:
    """The session is stored anew, without its used nonces."""

    @around(MemoryStore.replace)
    async def _(original: Any, self: MemoryStore, old: Session, new: Session) -> Any:
        replaced = await original(self, old, new)
        if replaced:
            self._entries[old.sid].used.clear()
        return replaced


@mutant("server/v3-rekey-prolongs-the-life", "V3-REKEY-04", gains="a session that rekeys never ends")
def _() -> None:
    """The session is stored anew, with a whole life."""

    @around(MemoryStore.replace)
    async def _(original: Any, self: MemoryStore, old: Session, new: Session) -> Any:
        replaced = await original(self, old, new)
        if replaced:
            self._entries[old.sid].expires_at += 3_600_000
        return replaced


@mutant("server/v3-rekey-in-three-steps", "V3-REKEY-05", "v3/rekey/beside-requests", gains=f"by a race {LOCKED_OUT}")
def _() -> None:
    """The keys are read, moved on, and written, whatever is there by then."""

    @instead_of(MemoryStore.replace)
    async def _(self: MemoryStore, old: Session, new: Session) -> bool:
        await anyio.sleep(0.05)
        entry = self._alive(old.sid)
        if entry is not None:
            entry.session = replace(entry.session, keys=ratchet(entry.session.keys))
        return entry is not None


@mutant(
    "server/v3-stream-changes-keys",
    "V3-REKEY-06",
    gains="a client that rekeys loses the streams that are under way",
)
def _() -> None:
    """Each event of a stream is sealed under the keys of its moment."""
    later: dict[bytes, bytes] = {}

    @around(MemoryStore.replace)
    async def _(original: Any, self: MemoryStore, old: Session, new: Session) -> Any:
        later[old.keys.enc] = new.keys.enc
        return await original(self, old, new)

    @around(StreamSealer._event)
    def _(original: Any, self: StreamSealer, chunk: bytes) -> Any:
        self._key = later.get(self._key, self._key)
        return original(self, chunk)


@mutant(
    "server/v3-rekey-with-a-body-refused",
    "V3-REKEY-10",
    "v3/versions/rekey-of-an-older-session",
    gains="clients that send a body cannot rekey",
)
def _() -> None:
    """A rekey with a body is refused."""

    @around(NenServer.rekey)
    async def _(original: Any, self: NenServer, request: Request, verified: Verified) -> Any:
        if request.path == REKEY_PATH and request.body:
            raise failure(errors.WIRE_INVALID_PAYLOAD_FORMAT, "no body here")
        return await original(self, request, verified)


@mutant(
    "server/v3-body-of-a-rekey-not-read",
    "V3-REKEY-10",
    "v3/versions/rekey-of-an-older-session",
    "v3/rekey/",
    gains="anyone puts a body to a rekey",
)
def _() -> None:
    """The body of a rekey is not looked at."""

    @around(NenServer.verify)
    async def _(original: Any, self: NenServer, request: Request) -> Any:
        return await original(self, replace(request, body=b"") if request.path == REKEY_PATH else request)


@mutant("server/v3-rekey-ends-the-ticket", "V3-REKEY-11", gains="a client that rekeys cannot resume, and is not told")
def _() -> None:
    """A rekey withdraws the ticket of its session."""
    withdrawn = tickets_withdrawn_by()

    @around(MemoryStore.replace)
    async def _(original: Any, self: MemoryStore, old: Session, new: Session) -> Any:
        withdrawn(old.sid)
        return await original(self, old, new)


@mutant("server/v3-rekey-for-every-session", "V3-REKEY-12", gains="a client of V1 or V2 is locked out of its session")
def _() -> None:
    """Sessions of V1 and V2 have a rekey too."""

    @around(NenServer.rekey)
    async def _(original: Any, self: NenServer, request: Request, verified: Verified) -> Any:
        return await original(self, request, replace(verified, version=V3))


# Tickets


def tickets_withdrawn_by() -> Callable[[str], None]:
    """Remember which ticket a session got; what is given back withdraws that of a session."""
    issued: dict[str, str] = {}
    dead: set[str] = set()

    @around(handshake_v3.respond)
    def _(original: Any, body: bytes, **options: Any) -> Accepted:
        accepted: Accepted = original(body, **options)
        issued[accepted.session.sid] = str(parse_json_object(accepted.reply.body)["ticket"])
        return accepted

    @around(tickets.open_ticket)
    def _(original: Any, ticket: str, *args: Any, **options: Any) -> Any:
        return None if ticket in dead else original(ticket, *args, **options)

    return lambda sid: dead.add(issued.get(sid, ""))


@mutant(
    "server/v3-ticket-not-sealed", "V3-TICKET-01", "v3/resumption/", gains="who reads a handshake resumes its session"
)
def _() -> None:
    """A ticket is signed, and can be read by anyone."""

    @instead_of(tickets.seal_ticket)
    def _(psk: bytes, expires: int, key: bytes, nonce: bytes, *, suite: Any = REFERENCE) -> str:
        text = dump_json({"psk": encode_base64(psk), "exp": expires, "nonce": nonce.hex()})
        return f"{encode_base64(text)}.{encode_base64(hashlib.sha256(key + text).digest())}"

    @instead_of(tickets.open_ticket)
    def _(ticket: str, keys: TicketKeys, now: int, *, suite: Any = REFERENCE) -> bytes | None:
        try:
            text, tag = (decode_base64(part) for part in ticket.split("."))
            members = parse_json_object(text)
            known = [hashlib.sha256(key + text).digest() for key in (keys.current, *keys.previous)]
            good = tag in known and now < int(str(members["exp"]))
            return decode_base64(str(members["psk"])) if good else None
        except (ValueError, KeyError, Malformed):
            return None


@mutant("server/v3-ticket-not-authentic", "V3-TICKET-05", gains="who alters a ticket chooses the keys of a session")
def _() -> None:
    """The tag of a ticket is not checked."""

    @around(tickets.open_ticket)
    def _(original: Any, ticket: str, keys: TicketKeys, now: int, **options: Any) -> Any:
        found = original(ticket, keys, now, **options)
        if found is not None:
            return found
        try:
            nonce, sealed = (decode_base64(part) for part in ticket.split("."))
            text = chacha20_encrypt(keys.current, 1, nonce, sealed[:-16])
            return decode_base64(str(parse_json_object(text)["psk"]))
        except (ValueError, KeyError, Malformed):
            return None


@mutant("server/v3-ticket-for-ever", "V3-TICKET-05", gains="who finds a ticket and its psk has sessions for ever")
def _() -> None:
    """Nobody looks at the time of expiry."""

    @around(tickets.open_ticket)
    def _(original: Any, ticket: str, keys: TicketKeys, now: int, **options: Any) -> Any:
        return original(ticket, keys, 0, **options)


@mutant(
    "server/v3-declined-with-a-code",
    "V3-TICKET-05",
    "v3/resumption/",
    gains="clients take it for a failed handshake and give up",
)
def _() -> None:
    """A ticket that is not good is answered with ISO-2002."""

    @around(resumption.answer_resume)
    def _(original: Any, *args: Any, **options: Any) -> Any:
        outcome = original(*args, **options)
        if isinstance(outcome, Declined):
            raise failure(errors.SESSION_INVALID_OR_EXPIRED, "not a good ticket")
        return outcome


@mutant(
    "server/v3-one-ticket-key-for-all",
    "V3-TICKET-05",
    "v3/resumption/key-rotation",
    gains="who runs the same software opens the tickets of every server",
)
def _() -> None:
    """The ticket key is a constant of the software."""
    terms(lambda own: replace(own, tickets=TicketKeys(bytes(32))))


@mutant("server/v3-odd-ticket-crashes", "V3-TICKET-06", "v3/resumption/", gains="anyone fills the log with one message")
def _() -> None:
    """A resume of any type is taken apart like a text."""

    @around(resumption.answer_resume)
    def _(original: Any, members: Members, **options: Any) -> Any:
        members["resume"].partition(".")
        return original(members, **options)


@mutant(
    "server/v3-empty-ticket-is-none", "V3-TICKET-06", gains="a client that lost its ticket is told of a missing key"
)
def _() -> None:
    """A resume that is empty or null counts as absent."""
    right = V3.respond

    def respond(body: bytes, *rest: Any) -> Any:
        members = parse_json_object(body) if b'"resume"' in body else {"resume": 1}
        return right(body if members["resume"] else b"{}", *rest)

    set_field(V3, "respond", respond)


@mutant(
    "server/v3-srn-constant",
    "V3-TICKET-02",
    gains="who sends a resumption again shares the keys of its session",
)
def _() -> None:
    """The part of the server in a resumption, srn, is drawn when it starts."""
    srn = os.urandom(32)
    resumes(lambda members, options: (members, options | {"srn": srn}))


@mutant(
    "server/v3-rn-and-srn-exchanged",
    "V3-TICKET-03",
    "v3/resumption/",
    "v3/rekey/ticket-stays",
    gains="it resumes with no other implementation",
)
def _() -> None:
    """The server's part stands before the client's."""

    @around(key_schedule.resume_secret)
    def _(original: Any, psk: bytes, rn: bytes, srn: bytes, **options: Any) -> Any:
        return original(psk, srn, rn, **options)


@mutant("server/v3-new-ticket-of-another-psk", "V3-TICKET-04", gains="a client resumes once and no more")
def _() -> None:
    """The ticket of a resumed session stands for a psk that the client does not have."""

    @around(tickets.seal_ticket)
    def _(original: Any, psk: bytes, *args: Any, **options: Any) -> Any:
        return original(hashlib.sha256(psk).digest() if resuming else psk, *args, **options)

    resuming: list[bool] = []

    @around(resumption.answer_resume)
    def _(original: Any, *args: Any, **options: Any) -> Any:
        resuming.append(True)
        try:
            return original(*args, **options)
        finally:
            resuming.clear()


@mutant("server/v3-rn-of-any-length", "V3-TICKET-13", gains="the client's part of the keys can be a byte")
def _() -> None:
    """An rn of another length is cut or padded with zeros."""

    def fit(members: Members, options: Members) -> tuple[Members, Members]:
        text = members.get("rn")
        if isinstance(text, str) and text.isascii() and len(text) % 4 == 0 and "!" not in text and text:
            members["rn"] = encode_base64(decode_base64(text)[:32].ljust(32, b"\0"))
        return members, options

    resumes(fit)


@mutant("server/v3-rn-optional", "V3-TICKET-13", gains="without the client's part the server chooses the keys")
def _() -> None:
    """Without an rn the zeros are taken."""
    resumes(lambda members, options: ({"rn": encode_base64(bytes(32))} | members, options))


@mutant(
    "server/v3-key-beside-a-ticket-wins",
    "V3-TICKET-14",
    gains="of two readings of one message the two sides take another one each",
)
def _() -> None:
    """A handshake with pk_kem is a full one, whatever else it has."""
    right = V3.respond

    def respond(body: bytes, *rest: Any) -> Any:
        try:
            members = parse_json_object(body)
        except Malformed:
            return right(body, *rest)
        if "pk_kem" in members:
            members.pop("resume", None)
        return right(dump_json(members), *rest)

    set_field(V3, "respond", respond)


@mutant("server/v3-resumption-keeps-the-old", "V3-TICKET-15", gains="a key that was given up still opens and signs")
def _() -> None:
    """A resumption at the rotate endpoint leaves the old session as it is."""

    @around(NenServer._rotate)
    async def _(original: Any, self: NenServer, request: Request) -> Any:
        return await (self._handshake(request) if b'"resume"' in request.body else original(self, request))


@mutant(
    "server/v3-declined-rotation-drops", "V3-TICKET-15", gains="a client without a good ticket loses its session too"
)
def _() -> None:
    """A rotation drops the old session, also where it declines to resume."""

    @instead_of(NenServer._rotate)
    async def _(self: NenServer, request: Request) -> Reply:
        outcome = await self._accept(request)
        await self._drop(request)
        return outcome.reply


@mutant(
    "server/v3-ticket-key-of-the-process",
    "V3-TICKET-10",
    "v3/resumption/key-rotation",
    "v3/configured/client-identity-required",
    gains="behind a load balancer most resumptions fail, and nobody knows why",
)
def _() -> None:
    """Each server draws its ticket key, whatever is configured."""
    terms(lambda own: replace(own, tickets=TicketKeys(os.urandom(32))))


@mutant("server/v3-previous-ticket-keys-unused", "V3-TICKET-11", gains="a rotation of the key ends all tickets")
def _() -> None:
    """Only the current ticket key opens."""
    terms(lambda own: replace(own, tickets=TicketKeys(own.tickets.current)))


@mutant("server/v3-previous-ticket-key-seals", "V3-TICKET-11", gains="a key that was given up goes on sealing tickets")
def _() -> None:
    """The last of several ticket keys seals."""

    def turned(own: ServerTerms) -> ServerTerms:
        known = (own.tickets.current, *own.tickets.previous)[::-1]
        return replace(own, tickets=TicketKeys(known[0], known[1:]))

    terms(turned)


@mutant("server/v3-ticket-ends-with-its-session", "V3-LIFE-02", gains="a server has to remember every ticket")
def _() -> None:
    """Terminate and rotate withdraw the ticket of the session."""
    withdrawn = tickets_withdrawn_by()

    @around(MemoryStore.delete)
    async def _(original: Any, self: MemoryStore, sid: str) -> Any:
        withdrawn(sid)
        return await original(self, sid)


# Several versions


@mutant("server/v3-takes-handshakes-of-v1", "V3-VER-03", "v3/versions/", gains="who stands between makes V3 out of V1")
def _() -> None:
    """A handshake with pk alone is one in pqc-only."""
    hellos(lambda m: m if versions.V3_MEMBERS & m.keys() or "pk" not in m else m | {"securityMode": "pqc-only"})


@mutant("server/v3-older-server-takes-pk-kem", "V3-VER-04", gains="a client of V3 is answered with a key in plain")
def _() -> None:
    """A server of V1 or V2 takes pk_kem for pk."""
    right = V1.respond

    def respond(body: bytes, *rest: Any) -> Any:
        return right(body.replace(b'"pk_kem"', b'"pk"'), *rest)

    set_field(V1, "respond", respond)
    set_field(V2, "respond", respond)


@mutant("server/v3-only-pk-kem-tells", "V3-VER-01", "v3/versions/", gains="a handshake of V3 is answered as one of V1")
def _() -> None:
    """Where V1 is offered too, only pk_kem makes a handshake one of V3."""
    set_field(versions, "V3_MEMBERS", frozenset(("pk_kem",)))


@mutant(
    "server/v3-falls-back-to-v1", "V3-VER-01", "v3/versions/", gains="who spoils a handshake of V3 makes it one of V1"
)
def _() -> None:
    """A handshake of V3 that fails, and has a pk, is tried again as one of V1."""
    right = V3.respond

    def respond(body: bytes, *rest: Any) -> Any:
        try:
            return right(body, *rest)
        except NenError:
            if b'"pk":' not in body or (b"pqc-only" in body and b"null" not in body):
                raise
            return V1.respond(body, *rest)

    set_field(V3, "respond", respond)


@mutant("server/v3-newest-for-all", "V3-VER-01", "v3/versions/", gains="clients of V1 and V2 cannot connect")
def _() -> None:
    """Where V3 is offered every handshake is one of V3."""

    @around(versions.answering)
    def _(original: Any, offered: Any, body: bytes) -> Any:
        return V3 if V3 in offered else original(offered, body)


@mutant("server/v3-session-read-as-v1", "V3-VER-02", "v3/versions/", gains="a session of V3 is read by the rules of V1")
def _() -> None:
    """The version of a request is guessed from the request alone."""

    @around(versions.speaking)
    def _(original: Any, offered: Any, session: Session, request: Request) -> Any:
        in_body = V1 in offered and NONCE_HEADER not in request.headers
        return V1 if in_body else original(offered, session, request)
