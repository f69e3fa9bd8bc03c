"""Broken libraries of V3: keys, handshake, identity of the server, tickets, attestations. Each is one fault."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from nen_ref.conformance.mutants.model import mutant
from nen_ref.conformance.mutants.patch import around, instead_of, set_field
from nen_ref.primitives.hkdf_sha256 import hkdf_sha256
from nen_ref.primitives.suite import REFERENCE
from nen_ref.protocol import attestation, handshake, handshake_v3, key_schedule, resumption, server_identity, tickets
from nen_ref.protocol.attestation import Attestation
from nen_ref.protocol.errors import HANDSHAKE_MISSING_PUBLIC_KEY, failure
from nen_ref.protocol.handshake_v3 import Resumption, SecurityMode
from nen_ref.protocol.messages import Reply
from nen_ref.protocol.session import SessionKeys
from nen_ref.protocol.tickets import TicketKeys
from nen_ref.protocol.wire import Malformed, dump_json, encode_base64, parse_json_object

HANDSHAKE = "v3/library-handshake/"
RESUMPTION = "v3/library-resumption/"
ATTESTATION = "v3/library-attestation/"
OTHER_KEYS = "it has other keys than everybody else"
WEAKER = "the hybrid has one half only, and nobody notices"


def _reading(change: Any) -> None:
    """Every handshake body is read after `change` of its members."""

    @around(handshake.handshake_object)
    def _(original: Any, body: bytes) -> Any:
        return change(dict(original(body)))


def _said(reply: Reply, **members: Any) -> Reply:
    """The answer with members of its body replaced; `...` leaves one out."""
    found = parse_json_object(reply.body) | members
    return replace(reply, body=dump_json({name: value for name, value in found.items() if value is not ...}))


# Keys


@mutant("library/secrets-in-the-other-order", "V3-KEY-01", HANDSHAKE, gains=OTHER_KEYS)
def _() -> None:
    """The ML-KEM secret stands before the X25519 secret."""

    @around(key_schedule.combine)
    def _(original: Any, x_ss: bytes, kem_ss: bytes, **options: Any) -> Any:
        return original(kem_ss, x_ss, **options)


@mutant("library/x25519-result-thrown-away", "V3-KEY-01", HANDSHAKE, gains=WEAKER)
def _() -> None:
    """The secret of a hybrid handshake is that of ML-KEM alone, through the label."""

    @around(key_schedule.combine)
    def _(original: Any, x_ss: bytes, kem_ss: bytes, **options: Any) -> Any:
        return original(bytes(32), kem_ss, **options)


@mutant("library/labels-exchanged", "V3-KEY-03", HANDSHAKE, RESUMPTION, gains=OTHER_KEYS)
def _() -> None:
    """The two keys, k_enc and k_mac, are exchanged."""

    @around(key_schedule.session_keys)
    def _(original: Any, ss: bytes, **options: Any) -> Any:
        keys = original(ss, **options)
        return SessionKeys(keys.mac, keys.enc)


@mutant("library/pqc-only-through-the-label", "V3-KEY-02", HANDSHAKE, gains=OTHER_KEYS)
def _() -> None:
    """In pqc-only the ML-KEM secret goes through the label of the hybrid."""

    modes: list[bool] = []

    @around(key_schedule.combine)
    def _(original: Any, *args: Any, **options: Any) -> Any:
        modes.append(True)
        return original(*args, **options)

    @around(key_schedule.derive)
    def _(original: Any, ss: bytes, **options: Any) -> Any:
        hybrid = bool(modes)
        modes.clear()
        return original(ss if hybrid else hkdf_sha256(ss, key_schedule.HYBRID, 32), **options)


@mutant("library/next-keys-of-one", "V3-REKEY-02", gains="who has k_enc after a rekey has k_mac too")
def _() -> None:
    """Both next keys come of k_enc."""

    @around(key_schedule.ratchet)
    def _(original: Any, keys: SessionKeys, **options: Any) -> Any:
        return original(SessionKeys(keys.enc, keys.enc), **options)


# The server's half


@mutant("library/hmac-in-the-answer", "V3-HS-10", gains="who reads the answer to a handshake can sign")
def _() -> None:
    """The answer has k_mac as hmac, as that of V1."""

    @around(handshake_v3.respond)
    def _(original: Any, *args: Any, **options: Any) -> Any:
        accepted = original(*args, **options)
        return replace(accepted, reply=_said(accepted.reply, hmac=encode_base64(accepted.session.keys.mac)))


@mutant(
    "library/hybrid-only-by-its-name",
    "V3-HS-03",
    HANDSHAKE,
    gains="a mode changed on the way takes X25519 away",
)
def _() -> None:
    """A securityMode other than hybrid means pqc-only."""

    @instead_of(handshake_v3._mode)
    def _(members: dict[str, object]) -> SecurityMode:
        return SecurityMode.HYBRID if members.get("securityMode") == "hybrid" else SecurityMode.PQC_ONLY


@mutant("library/only-pk-kem", "V3-HS-04", gains="clients that name their key as V1 does are turned away")
def _() -> None:
    """A key that is named pk is not looked at."""
    _reading(lambda members: {name: value for name, value in members.items() if name != "pk"})


@mutant("library/pk-preferred", "V3-HS-06", HANDSHAKE, gains="of two keys each reader takes another one")
def _() -> None:
    """Where both are there, pk is taken."""
    _reading(lambda members: members | ({"pk_kem": members["pk"]} if "pk" in members else {}))


@mutant("library/no-pk-x-is-pqc-only", "V3-HS-05", HANDSHAKE, gains=WEAKER)
def _() -> None:
    """A handshake without pk_x is answered in pqc-only."""
    _reading(lambda members: members if "pk_x" in members else members | {"securityMode": "pqc-only"})


@mutant("library/pk-x-of-another-type-is-none", "V3-HS-07", HANDSHAKE, gains=WEAKER)
def _() -> None:
    """A pk_x that is no text is taken for none, and the handshake for one in pqc-only."""
    _reading(
        lambda members: (
            members | {"securityMode": "pqc-only"} if not isinstance(members.get("pk_x", ""), str) else members
        )
    )


@mutant("library/pk-x-cut", "V3-HS-08", gains="two keys lead to one session")
def _() -> None:
    """A pk_x that is too long is cut to 32 bytes."""

    @around(handshake_v3.agree)
    def _(original: Any, x: bytes, pk_x: bytes, **options: Any) -> Any:
        return original(x, pk_x[:32], **options)


@mutant(
    "library/pk-x-checked-in-pqc-only",
    "V3-HS-09",
    HANDSHAKE,
    RESUMPTION,
    gains="clients that say more are turned away",
)
def _() -> None:
    """In pqc-only too a pk_x has to be a key."""

    def checked(members: dict[str, Any]) -> dict[str, Any]:
        if "pk_x" in members:
            handshake.public_key(members, "pk_x")
        return members

    _reading(checked)


@mutant("library/low-order-accepted", "V3-HS-11", gains=WEAKER)
def _() -> None:
    """The result of X25519 is not compared with zero."""

    @around(handshake_v3.agree)
    def _(original: Any, x: bytes, pk_x: bytes, *, suite: Any = REFERENCE) -> Any:
        return suite.x25519(x, pk_x) if len(pk_x) == 32 else original(x, pk_x, suite=suite)


@mutant("library/ticket-of-ss", "V3-TICKET-01", HANDSHAKE, gains="a ticket that is broken gives the session away too")
def _() -> None:
    """The ticket of a handshake stands for k_enc."""

    @around(handshake_v3.respond)
    def _(original: Any, *args: Any, **options: Any) -> Any:
        accepted = original(*args, **options)
        sealed = options["ticket"].seal(accepted.session.keys.enc)
        return replace(accepted, reply=_said(accepted.reply, ticket=sealed))


# The client's half


@mutant("library/hmac-is-a-further-member", "V3-HS-14", gains="an answer of V1 with all else added passes")
def _() -> None:
    """A member hmac is ignored like any other that is not named."""

    @around(handshake.read_answer)
    def _(original: Any, reply: Reply) -> Any:
        sid, members = original(reply)
        return sid, {name: value for name, value in members.items() if name != "hmac"}


@mutant("library/half-a-hybrid", "V3-HS-15", gains=WEAKER)
def _() -> None:
    """An answer without pk_x_server makes a session of the ML-KEM secret alone."""

    @around(handshake_v3.client_finish)
    def _(original: Any, hello: Any, reply: Reply, *args: Any, **options: Any) -> Any:
        try:
            stripped = "pk_x_server" not in parse_json_object(reply.body)
        except Malformed:
            stripped = False
        return original(replace(hello, x=b"", pk_x=b"") if stripped else hello, reply, *args, **options)


@mutant("library/status-not-looked-at", "V3-HS-13", RESUMPTION, gains="an error page that looks right makes a session")
def _() -> None:
    """The status of the answer to a handshake is not looked at."""

    @around(handshake.read_answer)
    def _(original: Any, reply: Reply) -> Any:
        return original(replace(reply, status=200))


@mutant("library/ticket-required", "V3-HS-16", RESUMPTION, gains="servers that give no tickets have no clients")
def _() -> None:
    """An answer without a ticket is refused."""

    @around(handshake.read_answer)
    def _(original: Any, reply: Reply) -> Any:
        sid, members = original(reply)
        return sid, members if members.get("ticket") else {**members, "ticket": 7}


# The identity of the server


@mutant("library/lengths-little-endian", "V3-ID-02", HANDSHAKE, gains="its proofs verify nowhere")
def _() -> None:
    """The lengths in the transcript are little-endian."""

    @instead_of(server_identity._framed)
    def _(value: bytes) -> bytes:
        return len(value).to_bytes(4, "little") + value


@mutant("library/nonce-bound-to-ct-alone", "V3-ID-07", HANDSHAKE, gains="a relay replaces the X25519 half by its own")
def _() -> None:
    """The bound nonce commits to ct alone."""

    @around(server_identity.bound_nonce)
    def _(original: Any, ct: bytes, pk_x_server: bytes) -> Any:
        return original(ct, b"")


@mutant("library/pin-not-compared", "V3-ID-03", gains="whoever stands between answers in the server's place")
def _() -> None:
    """The signature is verified, and the key not compared with the pinned one."""

    @around(server_identity.check)
    def _(original: Any, answer: dict[str, object], transcript: Any, trust: Any, **options: Any) -> Any:
        there = any(name in answer for name in server_identity.MEMBERS)
        return original(answer, transcript, replace(trust, pinned=None) if there else trust, **options)


@mutant(
    "library/server-signature-not-verified",
    "V3-ID-04",
    HANDSHAKE,
    ATTESTATION,
    gains="anybody has the key",
)
def _() -> None:
    """Whatever stands for a signature is taken for one."""

    @instead_of(REFERENCE.ml_dsa_65_verify)
    def _(pk: bytes, M: bytes, sigma: bytes, ctx: bytes) -> bool:
        return True


@mutant("library/not-pinned-not-checked", "V3-ID-05", HANDSHAKE, gains="a proof that is wrong is taken for none")
def _() -> None:
    """Without a pin the identity is not looked at."""

    @around(server_identity.check)
    def _(original: Any, answer: dict[str, object], transcript: Any, trust: Any, **options: Any) -> Any:
        return None if trust == server_identity.ServerTrust() else original(answer, transcript, trust, **options)


@mutant("library/half-a-server-identity-is-none", "V3-ID-06", gains="who strips one member strips the identity")
def _() -> None:
    """An identity of which a member is missing counts as none."""

    @around(server_identity.check)
    def _(original: Any, answer: dict[str, object], *args: Any, **options: Any) -> Any:
        whole = all(name in answer for name in server_identity.MEMBERS)
        others = {name: value for name, value in answer.items() if name not in server_identity.MEMBERS}
        return original(answer if whole else others, *args, **options)


@mutant("library/bound-nonce-not-compared", "V3-ID-08", gains="a relay without any key reads and answers everything")
def _() -> None:
    """The bound nonce is asked for, and not computed."""

    @around(server_identity.check)
    def _(original: Any, answer: dict[str, object], transcript: Any, trust: Any, **options: Any) -> Any:
        there = any(name in answer for name in server_identity.MEMBERS)
        return original(answer, transcript, replace(trust, bound=trust.bound and not there), **options)


# Tickets


@mutant(
    "library/ticket-good-at-its-expiry",
    "V3-TICKET-12",
    RESUMPTION,
    gains="two nodes judge a ticket differently",
)
def _() -> None:
    """At the millisecond of its expiry a ticket is still good."""

    @around(tickets.open_ticket)
    def _(original: Any, ticket: str, keys: TicketKeys, now: int, **options: Any) -> Any:
        return original(ticket, keys, now - 1, **options)


@mutant("library/tickets-never-expire", "V3-TICKET-05", RESUMPTION, gains="a stolen ticket is good for ever")
def _() -> None:
    """The expiry of a ticket is not looked at."""

    @around(tickets.open_ticket)
    def _(original: Any, ticket: str, keys: TicketKeys, now: int, **options: Any) -> Any:
        return original(ticket, keys, -1, **options)


@mutant(
    "library/previous-ticket-keys-forgotten",
    "V3-TICKET-11",
    RESUMPTION,
    gains="a new ticket key ends all tickets",
)
def _() -> None:
    """Only the current ticket key opens."""

    @around(tickets.open_ticket)
    def _(original: Any, ticket: str, keys: TicketKeys, *args: Any, **options: Any) -> Any:
        return original(ticket, TicketKeys(keys.current), *args, **options)


@mutant(
    "library/ticket-mistyped-is-an-error",
    "V3-TICKET-06",
    gains="an error in place of a session",
)
def _() -> None:
    """A resume that is no text is refused with ISO-1001."""

    @around(resumption.answer_resume)
    def _(original: Any, members: dict[str, object], **options: Any) -> Any:
        if not isinstance(members.get("resume"), str):
            raise failure(HANDSHAKE_MISSING_PUBLIC_KEY)
        return original(members, **options)


@mutant("library/rn-optional", "V3-TICKET-13", gains="the server alone chooses the keys")
def _() -> None:
    """An rn that is absent or no text is taken for zeros."""

    @around(resumption.answer_resume)
    def _(original: Any, members: dict[str, object], **options: Any) -> Any:
        rn = members.get("rn")
        kept = members if isinstance(rn, str) and rn else members | {"rn": encode_base64(bytes(32))}
        return original(kept, **options)


@mutant("library/keys-beside-a-ticket-checked", "V3-TICKET-14", gains="a client that sends both is turned away")
def _() -> None:
    """A pk_kem or pk_x beside a ticket has to be a key."""

    @around(resumption.answer_resume)
    def _(original: Any, members: dict[str, object], **options: Any) -> Any:
        for name in ("pk_kem", "pk_x"):
            if name in members:
                handshake.public_key(members, name)
        return original(members, **options)


@mutant("library/psk-of-each-session", "V3-TICKET-04", gains="the second resumption fails")
def _() -> None:
    """The new ticket stands for a new psk."""

    @around(resumption.answer_resume)
    def _(original: Any, members: dict[str, object], **options: Any) -> Any:
        outcome = original(members, **options)
        if isinstance(outcome, resumption.Declined):
            return outcome
        sealed = options["ticket"].seal(outcome.session.keys.enc)
        return replace(outcome, reply=_said(outcome.reply, ticket=sealed))


@mutant("library/rn-and-srn-exchanged", "V3-TICKET-03", RESUMPTION, gains=OTHER_KEYS)
def _() -> None:
    """The two parts, rn and srn, are joined in the other order."""

    @around(key_schedule.resume_secret)
    def _(original: Any, psk: bytes, rn: bytes, srn: bytes, **options: Any) -> Any:
        return original(psk, srn, rn, **options)


@mutant("library/ticket-trimmed", "V3-TICKET-02", gains="it can resume with some servers and not with others")
def _() -> None:
    """White space around a ticket is dropped before it is sent."""

    @around(resumption.resume_hello)
    def _(original: Any, kept: Resumption, *args: Any) -> Any:
        return original(replace(kept, ticket=kept.ticket.strip()), *args)


@mutant("library/declined-is-an-error", "V3-TICKET-08", gains="a new ticket key costs all clients")
def _() -> None:
    """A 409 is ISO-1004."""

    @around(resumption.finish_resume)
    def _(original: Any, hello: Any, reply: Reply, **options: Any) -> Any:
        return original(hello, replace(reply, status=500 if reply.status == 409 else reply.status), **options)


@mutant("library/every-refusal-declines", "V3-TICKET-16", gains="everybody asks a broken server twice")
def _() -> None:
    """Every status of 400 and more counts as a 409."""

    @around(resumption.finish_resume)
    def _(original: Any, hello: Any, reply: Reply, **options: Any) -> Any:
        return original(hello, replace(reply, status=409 if reply.status >= 400 else reply.status), **options)


# Attestations


def _texts(change: Any) -> None:
    """The text of every attestation is what `change` makes of its members."""
    set_field(Attestation, "signed_text", property(lambda self: change(self.members)))


@mutant("library/attestation-with-spaces", "V3-ATT-01", ATTESTATION, gains="its attestations verify nowhere")
def _() -> None:
    """The text is written with a space after each comma and colon."""
    _texts(lambda members: json.dumps(members, ensure_ascii=False).encode())


@mutant("library/attestation-with-nulls", "V3-ATT-01", ATTESTATION, gains="its attestations verify nowhere")
def _() -> None:
    """A time that is absent stands as null."""

    def named(members: Mapping[str, str]) -> bytes:
        whole = {name: members.get(name) for name in attestation.MEMBERS}
        return json.dumps(whole, separators=(",", ":"), ensure_ascii=False).encode()

    _texts(named)


@mutant("library/attestation-of-another-suite", "V3-ATT-02", ATTESTATION, gains="nobody takes its attestations")
def _() -> None:
    """The suite is written without white space."""
    set_field(attestation, "SUITE", attestation.SUITE.replace(" ", ""))


@mutant("library/attestation-under-a-context", "V3-ATT-03", ATTESTATION, gains="its attestations verify nowhere")
def _() -> None:
    """An attestation is signed and verified under a context."""
    set_field(attestation, "CONTEXT", b"NEN-ATTESTATION-1")


@mutant(
    "library/attestation-in-ascii",
    "V3-ATT-04",
    ATTESTATION,
    gains="attestations in most scripts verify nowhere",
)
def _() -> None:
    """Every letter beyond ASCII is escaped."""
    _texts(lambda members: json.dumps(members, separators=(",", ":")).encode())


@mutant("library/attestation-of-another-protocol", "V3-ATT-05", gains="what the key signed for V2 passes for V3")
def _() -> None:
    """What v, protocol and suite say is not looked at: the signature alone decides."""

    @around(attestation.verify_attestation)
    def _(original: Any, members: Any, signature: bytes, pinned: bytes, *, suite: Any = REFERENCE) -> Any:
        text = json.dumps(dict(members), separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")
        if suite.ml_dsa_65_verify(pinned, text, signature, b""):
            return members
        return original(members, signature, pinned, suite=suite)


@mutant("library/attestation-mode-constant", "V3-ATT-06", gains="a pqc-only endpoint is attested as a hybrid one")
def _() -> None:
    """Every attestation says hybrid."""

    @around(attestation.attest)
    def _(original: Any, identity: Any, given: Attestation, *args: Any, **options: Any) -> Any:
        object.__setattr__(given, "mode", SecurityMode.HYBRID)
        return original(identity, given, *args, **options)
