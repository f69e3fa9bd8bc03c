"""Broken clients of V3. Each function below is one fault; its docstring says which."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from nen_ref.conformance.mutants.model import EVERYTHING, mutant
from nen_ref.conformance.mutants.patch import around, instead_of
from nen_ref.http import client as http_client
from nen_ref.primitives.hkdf_sha256 import hkdf_sha256
from nen_ref.primitives.suite import REFERENCE
from nen_ref.protocol import handshake_v3, key_schedule, members, resumption, server_identity
from nen_ref.protocol.client import ClientSession
from nen_ref.protocol.errors import NenError
from nen_ref.protocol.handshake_v3 import Resumption, SecurityMode
from nen_ref.protocol.messages import REKEY_PATH, Reply
from nen_ref.protocol.server_identity import MEMBERS, ServerTrust
from nen_ref.protocol.session import SessionKeys
from nen_ref.protocol.versions import V1
from nen_ref.protocol.wire import Malformed, dump_json, encode_base64, parse_json_object

HANDSHAKE = "v3/client-handshake/"
SESSION = "v3/client-lifecycle/"
IMPOSTOR = "whoever stands between answers in the server's place"
WEAKER = "the hybrid has one half only, and nobody notices"
OTHER_KEYS = "it has other keys than its server"


def _said(reply: Reply) -> dict[str, Any]:
    try:
        return parse_json_object(reply.body)
    except Malformed:
        return {}


def _changed(reply: Reply, **members: Any) -> Reply:
    """The answer with members of its body replaced, where it has a body; `...` leaves one out."""
    found = _said(reply)
    if not found:
        return reply
    kept = {name: value for name, value in (found | members).items() if value is not ...}
    return replace(reply, body=dump_json(kept))


def _in_pqc_only(hello: Any) -> Any:
    return replace(hello, x=b"", pk_x=b"")


# What it sends


@mutant(
    "client/one-x25519-key-for-all",
    "V3-HS-12",
    gains="who takes the key once has the classical half of every session",
)
def _() -> None:
    """The X25519 key is drawn once, and used for every handshake."""
    made: list[bytes] = []

    @around(handshake_v3.client_hello)
    def _(original: Any, d: bytes, z: bytes, x: bytes | None, **options: Any) -> Any:
        made.extend([x] if x and not made else [])
        return original(d, z, made[0] if x else None, **options)


@mutant("client/x25519-private-key-sent", "V3-HS-10", gains="who sees the handshake has its classical half")
def _() -> None:
    """The handshake carries the private X25519 key in a debug member."""

    @around(handshake_v3.client_hello)
    def _(original: Any, *args: Any, **options: Any) -> Any:
        hello = original(*args, **options)
        debug = dump_json({"debug": encode_base64(hello.x)})
        return replace(hello, body=hello.body[:-1] + b"," + debug[1:])


@mutant("client/psk-sent", "V3-HS-10", gains="who reads one resumption has every later session")
def _() -> None:
    """A resumption carries psk beside its ticket."""

    @around(resumption.resume_hello)
    def _(original: Any, kept: Resumption, *args: Any) -> Any:
        hello = original(kept, *args)
        psk = dump_json({"psk": encode_base64(kept.psk)})
        return replace(hello, body=hello.body[:-1] + b"," + psk[1:])


@mutant("client/pqc-only-not-told", "V3-HS-02", HANDSHAKE, gains="no server makes a pqc-only session with it")
def _() -> None:
    """In pqc-only the mode is left out of the handshake."""

    @around(handshake_v3.client_hello)
    def _(original: Any, *args: Any, **options: Any) -> Any:
        hello = original(*args, **options)
        if hello.mode is SecurityMode.HYBRID:
            return hello
        return replace(hello, body=dump_json({"pk_kem": encode_base64(hello.ek)}))


@mutant(
    "client/failed-handshake-leads-back-to-v1",
    "V3-VER-05",
    EVERYTHING,
    gains="whoever makes one handshake fail has the client speak V1",
)
def _() -> None:
    """A handshake that fails is tried once more as one of V1."""

    @around(http_client._Flow.handshake)
    def _(original: Any, self: Any, *args: Any) -> Any:
        try:
            return (yield from original(self, *args))
        except NenError:
            self._version = V1
            return (yield from original(self, *args))


@mutant(
    "client/failed-handshake-without-x25519",
    "V3-VER-05",
    HANDSHAKE,
    gains="whoever makes one handshake fail takes the classical half away",
)
def _() -> None:
    """A handshake that fails is tried once more in pqc-only."""

    @around(http_client._Flow.handshake)
    def _(original: Any, self: Any, *args: Any) -> Any:
        try:
            return (yield from original(self, *args))
        except NenError:
            self._terms = replace(self._terms, mode=SecurityMode.PQC_ONLY)
            return (yield from original(self, *args))


# What it takes for an answer


@mutant(
    "client/hmac-is-a-further-member",
    "V3-HS-14",
    gains="an answer of V1 with all else added passes, and the caller believes that no key was sent",
)
def _() -> None:
    """A member hmac is ignored like any other that is not named."""

    @around(handshake_v3.client_finish)
    def _(original: Any, hello: Any, reply: Reply, *args: Any, **options: Any) -> Any:
        return original(hello, _changed(reply, hmac=...) if "hmac" in _said(reply) else reply, *args, **options)


@mutant("client/hmac-in-a-resumption", "V3-HS-14", gains="the same, for whoever resumes")
def _() -> None:
    """In the answer to a resumption a member hmac is ignored."""

    @around(resumption.finish_resume)
    def _(original: Any, hello: Any, reply: Reply, **options: Any) -> Any:
        return original(hello, _changed(reply, hmac=...) if "hmac" in _said(reply) else reply, **options)


@mutant("client/half-a-hybrid", "V3-HS-15", HANDSHAKE, gains=WEAKER)
def _() -> None:
    """An answer without pk_x_server makes a session of the ML-KEM secret alone."""

    @around(handshake_v3.client_finish)
    def _(original: Any, hello: Any, reply: Reply, *args: Any, **options: Any) -> Any:
        stripped = "ct" in _said(reply) and not _said(reply).get("pk_x_server")
        return original(_in_pqc_only(hello) if stripped else hello, reply, *args, **options)


@mutant("client/mode-of-the-answer", "V3-HS-17", HANDSHAKE, gains=WEAKER)
def _() -> None:
    """Where the answer says pqc-only, the session is one."""

    @around(handshake_v3.client_finish)
    def _(original: Any, hello: Any, reply: Reply, *args: Any, **options: Any) -> Any:
        told = _said(reply).get("securityMode") == "pqc-only"
        return original(_in_pqc_only(hello) if told else hello, reply, *args, **options)


@mutant("client/low-order-accepted", "V3-HS-11", gains=WEAKER)
def _() -> None:
    """The result of X25519 is not compared with zero."""

    @instead_of(handshake_v3.agree)
    def _(x: bytes, pk_x: bytes, *, suite: Any = REFERENCE) -> bytes:
        return bytes(suite.x25519(x, pk_x))


@mutant("client/only-zero-is-of-low-order", "V3-HS-11", gains=WEAKER)
def _() -> None:
    """Of the points of low order only the one of zeros is refused."""

    @around(handshake_v3.agree)
    def _(original: Any, x: bytes, pk_x: bytes, *, suite: Any = REFERENCE) -> Any:
        return original(x, pk_x, suite=suite) if pk_x == bytes(32) else suite.x25519(x, pk_x)


@mutant("client/ticket-required", "V3-HS-16", SESSION, gains="servers that give no tickets have no clients")
def _() -> None:
    """An answer without a ticket is refused."""

    @around(handshake_v3.client_finish)
    def _(original: Any, hello: Any, reply: Reply, *args: Any, **options: Any) -> Any:
        ticket = _said(reply).get("ticket")
        return original(hello, reply if ticket else _changed(reply, ticket=7), *args, **options)


@mutant("client/ticket-of-any-type", "V3-HS-16", gains="it fails later, where nobody can tell why")
def _() -> None:
    """Whatever the ticket is, its text is kept."""

    @around(handshake_v3.client_finish)
    def _(original: Any, hello: Any, reply: Reply, *args: Any, **options: Any) -> Any:
        ticket = _said(reply).get("ticket")
        odd = ticket is not None and not isinstance(ticket, str)
        return original(hello, _changed(reply, ticket=str(ticket)) if odd else reply, *args, **options)


# Keys


@mutant("client/x25519-result-thrown-away", "V3-KEY-01", EVERYTHING, gains="the classical half protects nothing")
def _() -> None:
    """The secret of a hybrid handshake is that of ML-KEM alone."""

    @instead_of(key_schedule.combine)
    def _(x_ss: bytes, kem_ss: bytes, **options: Any) -> bytes:
        return kem_ss


@mutant("client/pqc-only-through-the-label", "V3-KEY-02", HANDSHAKE, gains=OTHER_KEYS)
def _() -> None:
    """In pqc-only the ML-KEM secret goes through the label of the hybrid."""

    modes: list[SecurityMode] = []

    @around(handshake_v3.client_finish)
    def _(original: Any, hello: Any, *args: Any, **options: Any) -> Any:
        modes.append(hello.mode)
        return original(hello, *args, **options)

    @around(key_schedule.derive)
    def _(original: Any, ss: bytes, **options: Any) -> Any:
        alone = modes[-1] is SecurityMode.PQC_ONLY
        return original(hkdf_sha256(ss, key_schedule.HYBRID, 32) if alone else ss, **options)


@mutant("client/answers-under-k-mac", "V3-KEY-04", gains="who has the HMAC key of a session writes its answers")
def _() -> None:
    """An answer that does not open under k_enc is tried under k_mac."""

    @around(ClientSession.open_reply)
    def _(original: Any, self: ClientSession, reply: Reply) -> Any:
        keys = self._require_keys()
        try:
            return original(self, reply)
        except NenError:
            self._keys = SessionKeys(keys.mac, keys.mac)
            try:
                return original(self, reply)
            finally:
                self._keys = keys


# The identity of the server


@mutant("client/absent-identity-passes", "V3-ID-03", "v3/client-handshake/bound-and-absent", gains=IMPOSTOR)
def _() -> None:
    """A pinned identity is checked where there is one."""

    @around(server_identity.check)
    def _(original: Any, answer: dict[str, object], transcript: Any, trust: ServerTrust, **options: Any) -> Any:
        absent = not any(name in answer for name in MEMBERS)
        return original(answer, transcript, ServerTrust() if absent else trust, **options)


@mutant("client/any-identity-passes", "V3-ID-03", gains=IMPOSTOR)
def _() -> None:
    """The signature is verified, and the key not compared with the pinned one."""

    @around(server_identity.check)
    def _(original: Any, answer: dict[str, object], transcript: Any, trust: ServerTrust, **options: Any) -> Any:
        there = any(name in answer for name in MEMBERS)
        return original(answer, transcript, replace(trust, pinned=None) if there else trust, **options)


@mutant("client/rotation-not-checked", "V3-ID-03", HANDSHAKE, gains=IMPOSTOR + ", from the first rotation on")
def _() -> None:
    """The pin holds for the first handshake of a client alone."""

    @around(http_client._Flow.handshake)
    def _(original: Any, self: Any, *args: Any) -> Any:
        session = yield from original(self, *args)
        self._terms = replace(self._terms, trust=ServerTrust())
        return session


@mutant("client/server-signature-not-verified", "V3-ID-04", HANDSHAKE, gains=IMPOSTOR + ": the key is public")
def _() -> None:
    """The key is compared with the pinned one, and the signature not verified."""

    @instead_of(REFERENCE.ml_dsa_65_verify)
    def _(pk: bytes, M: bytes, sigma: bytes, ctx: bytes) -> bool:
        return True


@mutant("client/transcript-without-lengths", "V3-ID-02", HANDSHAKE, "v3/client-request/after-", gains=OTHER_KEYS)
def _() -> None:
    """The transcript is hashed without the lengths of its fields."""

    @instead_of(server_identity._framed)
    def _(value: bytes) -> bytes:
        return value


@mutant("client/context-in-the-proof", "V3-ID-02", HANDSHAKE, "v3/client-request/after-", gains="no proof verifies")
def _() -> None:
    """The signature of the server is verified under a context."""

    @around(REFERENCE.ml_dsa_65_verify)
    def _(original: Any, pk: bytes, M: bytes, sigma: bytes, ctx: bytes) -> Any:
        return original(pk, M, sigma, b"nen/v3")


@mutant("client/not-pinned-not-checked", "V3-ID-05", HANDSHAKE, gains="a proof that is wrong is taken for none at all")
def _() -> None:
    """Without a pin the identity is not looked at."""

    @around(server_identity.check)
    def _(original: Any, answer: dict[str, object], transcript: Any, trust: ServerTrust, **options: Any) -> Any:
        return None if trust == ServerTrust() else original(answer, transcript, trust, **options)


@mutant("client/identity-required", "V3-ID-05", EVERYTHING, gains="it talks to no server without an identity")
def _() -> None:
    """An answer without an identity is refused though nothing was pinned."""

    @around(server_identity.check)
    def _(original: Any, answer: dict[str, object], transcript: Any, trust: ServerTrust, **options: Any) -> Any:
        if any(name in answer for name in MEMBERS):
            return original(answer, transcript, trust, **options)
        return original(answer, transcript, replace(trust, bound=True), **options)


@mutant("client/half-an-identity-is-none", "V3-ID-06", gains="who strips one member strips the identity")
def _() -> None:
    """An identity of which a member is missing counts as none."""

    @around(server_identity.check)
    def _(original: Any, answer: dict[str, object], *args: Any, **options: Any) -> Any:
        whole = all(name in answer for name in MEMBERS)
        kept = answer if whole else {name: value for name, value in answer.items() if name not in MEMBERS}
        return original(kept, *args, **options)


@mutant("client/bare-server-key-refused", "V3-ID-06", gains="it talks to no server that sends its key bare")
def _() -> None:
    """Only a SubjectPublicKeyInfo is taken for the key of an identity."""

    @around(members.ml_dsa_65_key)
    def _(original: Any, data: bytes, *args: Any) -> Any:
        return original(data[:-1] if len(data) == 1952 else data, *args)


@mutant("client/bound-nonce-not-compared", "V3-ID-08", gains="a relay without any key reads and answers everything")
def _() -> None:
    """The bound nonce is asked for, and not computed."""

    @around(server_identity.check)
    def _(original: Any, answer: dict[str, object], transcript: Any, trust: ServerTrust, **options: Any) -> Any:
        there = any(name in answer for name in MEMBERS)
        return original(answer, transcript, replace(trust, bound=trust.bound and not there), **options)


@mutant("client/nonce-bound-to-ct-alone", "V3-ID-08", gains="a relay replaces the X25519 half by its own")
def _() -> None:
    """Where the nonce commits to ct, its pk_x_server is not looked at."""

    @around(server_identity.check)
    def _(original: Any, answer: dict[str, object], transcript: Any, trust: ServerTrust, **options: Any) -> Any:
        alone = encode_base64(server_identity.bound_nonce(transcript.ct, b""))
        trust = replace(trust, bound=trust.bound and answer.get("server_nonce") != alone)
        return original(answer, transcript, trust, **options)


@mutant("client/bound-nonce-demanded", "V3-ID-08", HANDSHAKE, gains="it talks to no server that behaves as published")
def _() -> None:
    """The bound nonce is demanded of every identity."""

    @around(server_identity.check)
    def _(original: Any, answer: dict[str, object], transcript: Any, trust: ServerTrust, **options: Any) -> Any:
        there = any(name in answer for name in MEMBERS)
        return original(answer, transcript, replace(trust, bound=there or trust.bound), **options)


# Rekey


@mutant("client/rekey-with-a-body", "V3-REKEY-01", gains="servers that expect none refuse it")
def _() -> None:
    """A rekey has the sealed payload {}."""

    @around(http_client._Flow._attempt)
    def _(original: Any, self: Any, method: str, url: str, payload: bytes | None, *args: Any) -> Any:
        return original(self, method, url, b"{}" if url == REKEY_PATH else payload, *args)


@mutant("client/rekey-moves-one-key", "V3-REKEY-02", SESSION, gains="who has the HMAC key goes on signing")
def _() -> None:
    """Only k_enc moves on."""

    @around(key_schedule.ratchet)
    def _(original: Any, keys: SessionKeys, **options: Any) -> Any:
        return SessionKeys(original(keys, **options).enc, keys.mac)


@mutant("client/keys-before-a-rekey-tried", "V3-REKEY-02", SESSION, gains="who took the keys before is still believed")
def _() -> None:
    """An answer that does not open under the new keys is tried under the old ones."""
    before: dict[int, ClientSession] = {}

    @around(ClientSession.ratchet)
    def _(original: Any, self: ClientSession) -> Any:
        successor = original(self)
        before[id(successor)] = self
        return successor

    @around(ClientSession.open_reply)
    def _(original: Any, self: ClientSession, reply: Reply) -> Any:
        try:
            return original(self, reply)
        except NenError:
            if id(self) not in before:
                raise
            return original(before[id(self)], reply)


@mutant("client/refused-rekey-handed-out", "V3-REKEY-07", SESSION, gains="one refusal, and nothing works any more")
def _() -> None:
    """After a rekey that is refused the session goes on under the keys that it has."""

    @around(http_client._Flow.handshake)
    def _(original: Any, self: Any, *args: Any) -> Any:
        if rekeying:
            return self.session
        return (yield from original(self, *args))

    rekeying: list[bool] = []

    @around(http_client._Flow.rekey)
    def _(original: Any, self: Any) -> Any:
        rekeying.append(True)
        try:
            return (yield from original(self))
        finally:
            rekeying.clear()


@mutant("client/any-200-is-a-rekey", "V3-REKEY-08", gains="one side has moved on and the other has not")
def _() -> None:
    """The keys move on after every 200, whatever it says."""

    @around(http_client._says)
    def _(original: Any, body: bytes, name: str) -> Any:
        return name == "ok" or original(body, name)


@mutant("client/ticket-dropped-by-a-rekey", "V3-REKEY-11", gains="every new session costs public-key work again")
def _() -> None:
    """A rekey leaves no ticket."""

    @around(ClientSession.ratchet)
    def _(original: Any, self: ClientSession) -> Any:
        successor = original(self)
        successor.resumption = None
        return successor


# Resumption


@mutant("client/rn-in-hexadecimal", "V3-TICKET-02", SESSION, "v3/client-", gains="it can resume with no server")
def _() -> None:
    """The client's part of a resumption, rn, is written in hexadecimal."""

    @around(resumption.resume_hello)
    def _(original: Any, kept: Resumption, rn: bytes, *args: Any) -> Any:
        hello = original(kept, rn, *args)
        return replace(hello, body=hello.body.replace(encode_base64(rn).encode(), rn.hex().encode()))


@mutant("client/rn-and-srn-exchanged", "V3-TICKET-03", "v3/client-", gains=OTHER_KEYS)
def _() -> None:
    """The two parts, rn and srn, are joined in the other order."""

    @around(key_schedule.resume_secret)
    def _(original: Any, psk: bytes, rn: bytes, srn: bytes, **options: Any) -> Any:
        return original(psk, srn, rn, **options)


@mutant(
    "client/psk-of-each-session",
    "V3-TICKET-04",
    SESSION,
    gains="its second resumption fails",
)
def _() -> None:
    """With each resumption psk is derived anew."""

    @around(resumption.finish_resume)
    def _(original: Any, hello: Any, reply: Reply, **options: Any) -> Any:
        established = original(hello, reply, **options)
        if established is None or established.resumption is None:
            return established
        psk = hkdf_sha256(hello.resumption.psk, key_schedule.RESUME, 32)
        return replace(established, resumption=replace(established.resumption, psk=psk))


@mutant(
    "client/declined-is-an-error",
    "V3-TICKET-08",
    "v3/client-",
    gains="a new ticket key costs all clients",
)
def _() -> None:
    """A 409 is an error to the caller, and no full handshake follows."""

    @around(resumption.finish_resume)
    def _(original: Any, hello: Any, reply: Reply, **options: Any) -> Any:
        return original(hello, replace(reply, status=500 if reply.status == 409 else reply.status), **options)


@mutant("client/one-rn-for-all", "V3-TICKET-09", gains="whoever sees two resumptions knows that they are of one client")
def _() -> None:
    """Only one rn is drawn, and sent with every resumption."""
    made: list[bytes] = []

    @around(resumption.resume_hello)
    def _(original: Any, kept: Resumption, rn: bytes, *args: Any) -> Any:
        made.extend([] if made else [rn])
        return original(kept, made[0], *args)


@mutant("client/ticket-trimmed", "V3-TICKET-09", gains="it can resume with some servers and not with others")
def _() -> None:
    """White space around a ticket is dropped."""

    @around(resumption.resume_hello)
    def _(original: Any, kept: Resumption, *args: Any) -> Any:
        return original(replace(kept, ticket=kept.ticket.strip()), *args)


@mutant("client/every-refusal-declines", "V3-TICKET-16", gains="everybody asks a broken server twice")
def _() -> None:
    """Every status of 400 and more counts as a 409."""

    @around(resumption.finish_resume)
    def _(original: Any, hello: Any, reply: Reply, **options: Any) -> Any:
        return original(hello, replace(reply, status=409 if reply.status >= 400 else reply.status), **options)


@mutant("client/resumed-not-looked-at", "V3-TICKET-16", gains="half an answer makes a session that is none")
def _() -> None:
    """Whether the answer says that the session was resumed is not looked at."""

    @around(resumption.finish_resume)
    def _(original: Any, hello: Any, reply: Reply, **options: Any) -> Any:
        said = "srn" in _said(reply)
        return original(hello, _changed(reply, resumed=True) if said else reply, **options)


@mutant("client/ticket-kept-after-terminate", "V3-LIFE-01", gains="whoever finds it resumes what was ended")
def _() -> None:
    """Terminate clears the keys, and keeps ticket and psk."""

    @around(http_client._Flow.forget)
    def _(original: Any, self: Any) -> Any:
        kept = self.session.resumption if self.session else self._resumption
        original(self)
        self._resumption = kept
