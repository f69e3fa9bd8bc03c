"""What the operations of V2 and V3 answer, as `answers` for all others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from nen_ref.protocol import handshake_v3, key_schedule, resumption, server_identity
from nen_ref.protocol.attestation import Attestation, attest, verify_attestation
from nen_ref.protocol.carriage import read_from_header, write_to_header
from nen_ref.protocol.handshake import Accepted, handshake_object
from nen_ref.protocol.handshake_v3 import NewTicket, Resumption, SecurityMode, ServerProof
from nen_ref.protocol.identity import Identity
from nen_ref.protocol.messages import NONCE_HEADER, Headers, Reply, Request
from nen_ref.protocol.payload import seal
from nen_ref.protocol.server_identity import ServerTrust
from nen_ref.protocol.session import Session, SessionKeys
from nen_ref.protocol.tickets import TicketKeys, open_ticket, seal_ticket
from nen_ref.protocol.verification import check_payload
from nen_ref.protocol.wire import Malformed, parse_json_object

if TYPE_CHECKING:
    from nen_ref.vectors.answers import Arguments, Kit, Values

DETERMINISTIC = bytes(32)


def payload_seal(a: Arguments, kit: Kit) -> Values:
    sealed = seal(a["secret"], a["n"], a["payload"].encode(), suite=kit.suite)
    return {"body": (write_to_header(a["n"], sealed.ct).body or b"").decode()}


def payload_open(a: Arguments, kit: Kit) -> Values:
    body = a["body"].encode("utf-8", "surrogatepass")
    carried = read_from_header(Request("POST", "/", Headers([(NONCE_HEADER, a["nonce_header"])]), body))
    opened = check_payload(carried.envelope, Session("", SessionKeys(a["secret"], b""), 0), kit.suite)
    return {"payload": (opened or b"").decode()}


def combine(a: Arguments, kit: Kit) -> Values:
    return {"ss": key_schedule.combine(a["x_ss"], a["kem_ss"], suite=kit.suite)}


def derive(a: Arguments, kit: Kit) -> Values:
    derived = key_schedule.derive(a["ss"], suite=kit.suite)
    return _keys(derived.keys) | {"psk": derived.psk}


def ratchet(a: Arguments, kit: Kit) -> Values:
    return _keys(key_schedule.ratchet(SessionKeys(a["enc"], a["mac"]), suite=kit.suite))


def hello(a: Arguments, kit: Kit) -> Values:
    return {"body": handshake_v3.client_hello(a["d"], a["z"], a.get("x"), suite=kit.suite).body.decode()}


def respond(a: Arguments, kit: Kit) -> Values:
    accepted = handshake_v3.respond(
        a["body"].encode("utf-8", "surrogatepass"),
        m=a["m"],
        x=a["x"],
        sid=a["sid"],
        now=0,
        ticket=NewTicket(a["ticket_key"], a["ticket_nonce"], a["ticket_expires"]),
        proof=_proof(a, kit),
        suite=kit.suite,
    )
    ticket = str(parse_json_object(accepted.reply.body)["ticket"])
    psk = open_ticket(ticket, TicketKeys(a["ticket_key"]), a["ticket_expires"] - 1, suite=kit.suite)
    return {"body": accepted.reply.body.decode(), **_keys(accepted.session.keys), "psk": psk}


def _proof(a: Arguments, kit: Kit) -> ServerProof | None:
    if "identity_seed" not in a:
        return None
    identity = Identity.from_seed(a["identity_seed"], suite=kit.suite)
    return ServerProof(identity, DETERMINISTIC, a.get("server_nonce"))


def finish(a: Arguments, kit: Kit) -> Values:
    sent = handshake_v3.client_hello(a["d"], a["z"], a.get("x"), suite=kit.suite)
    reply = Reply(a["status"], {}, a["body"].encode("utf-8", "surrogatepass"))
    trust = ServerTrust(a.get("pinned"), a.get("bound", False))
    established = handshake_v3.client_finish(sent, reply, trust, suite=kit.suite)
    session = {"sid": established.sid, **_keys(established.keys)}
    kept = established.resumption
    return session | ({} if kept is None else {"psk": kept.psk, "ticket": kept.ticket})


def transcript_hash(a: Arguments, kit: Kit) -> Values:
    return {"hash": server_identity.transcript_hash(a["pk_kem"], a["pk_x"], a["server_nonce"], a["sid"])}


def bound_nonce(a: Arguments, kit: Kit) -> Values:
    return {"server_nonce": server_identity.bound_nonce(a["ct"], a["pk_x_server"])}


def ticket_seal(a: Arguments, kit: Kit) -> Values:
    return {"ticket": seal_ticket(a["psk"], a["expires"], a["key"], a["nonce"], suite=kit.suite)}


def ticket_open(a: Arguments, kit: Kit) -> Values:
    return {"psk": open_ticket(a["ticket"], _ticket_keys(a), a["now"], suite=kit.suite)}


def resume_hello(a: Arguments, kit: Kit) -> Values:
    mode = SecurityMode(a.get("security_mode", SecurityMode.HYBRID))
    return {"body": resumption.resume_hello(Resumption(a["ticket"], b""), a["rn"], mode).body.decode()}


def resume_respond(a: Arguments, kit: Kit) -> Values:
    keys = _ticket_keys(a)
    outcome = resumption.answer_resume(
        handshake_object(a["body"].encode("utf-8", "surrogatepass")),
        keys=keys,
        srn=a["srn"],
        sid=a["sid"],
        now=a["now"],
        ticket=NewTicket(keys.current, a["ticket_nonce"], a["ticket_expires"]),
        suite=kit.suite,
    )
    said = {"status": outcome.reply.status, "body": outcome.reply.body.decode()}
    return said | _keys(outcome.session.keys) if isinstance(outcome, Accepted) else said


def resume_finish(a: Arguments, kit: Kit) -> Values:
    asked = resumption.resume_hello(Resumption("", a["psk"]), a["rn"])
    reply = Reply(a["status"], {}, a["body"].encode("utf-8", "surrogatepass"))
    established = resumption.finish_resume(asked, reply, suite=kit.suite)
    if established is None:
        return {"resumed": False}
    ticket = {} if established.resumption is None else {"ticket": established.resumption.ticket}
    return {"resumed": True, "sid": established.sid, **_keys(established.keys), **ticket}


def attest_(a: Arguments, kit: Kit) -> Values:
    identity = Identity.from_seed(a["seed"], suite=kit.suite)
    mode = SecurityMode(a["security_mode"])
    attestation = Attestation(a["endpoint"], mode, a["issued_at"], a.get("from"), a.get("to"))
    signed = attest(identity, attestation, DETERMINISTIC, suite=kit.suite)
    return {
        "attestation": attestation.signed_text.decode(),
        "signature": signed.signature,
        "public_key": kit.parts.ml_dsa_65_encode_spki(signed.pk),
    }


def attest_verify(a: Arguments, kit: Kit) -> Values:
    try:
        members = parse_json_object(a["attestation"].encode("utf-8", "surrogatepass"))
    except Malformed:
        return {"valid": False}
    return {"valid": verify_attestation(members, a["signature"], a["public_key"], suite=kit.suite) is not None}


def _keys(keys: SessionKeys) -> Values:
    return {"enc": keys.enc, "mac": keys.mac}


def _ticket_keys(a: Arguments) -> TicketKeys:
    current, *previous = a["keys"]
    return TicketKeys(current, tuple(previous))


V3_ANSWERS: Mapping[str, Callable[[Any, Any], Any]] = {
    "payload.seal_v2": payload_seal,
    "payload.open_v2": payload_open,
    "v3.combine": combine,
    "v3.derive": derive,
    "v3.ratchet": ratchet,
    "v3.hello": hello,
    "v3.respond": respond,
    "v3.finish": finish,
    "v3.transcript_hash": transcript_hash,
    "v3.bound_nonce": bound_nonce,
    "v3.ticket_seal": ticket_seal,
    "v3.ticket_open": ticket_open,
    "v3.resume_hello": resume_hello,
    "v3.resume_respond": resume_respond,
    "v3.resume_finish": resume_finish,
    "v3.attest": attest_,
    "v3.attest_verify": attest_verify,
}
