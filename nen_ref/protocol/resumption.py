"""Resumption in V3: a new session out of a ticket, without public-key work.

resume_hello(resumption, rn)       ->  ResumeHello   its `body` goes to POST /api/nen/handshake
answer_resume(members, keys, ...)  ->  Accepted, or Declined: the client makes a full handshake then
finish_resume(hello, reply)        ->  Established, or None where the server declined
"""

from __future__ import annotations

from dataclasses import dataclass, field

from nen_ref.primitives.suite import REFERENCE, Suite
from nen_ref.protocol.errors import HANDSHAKE_FAILED, failure
from nen_ref.protocol.handshake import Accepted, answer_binary, public_key, read_answer, unusable
from nen_ref.protocol.handshake_v3 import Established, NewTicket, Resumption, SecurityMode, answer_ticket
from nen_ref.protocol.key_schedule import resume_secret, session_keys
from nen_ref.protocol.messages import Reply, json_reply
from nen_ref.protocol.session import Session
from nen_ref.protocol.tickets import TicketKeys, open_ticket
from nen_ref.protocol.wire import dump_json, encode_base64

NONCE_SIZE = 32
DECLINED = 409


@dataclass(frozen=True)
class ResumeHello:
    """A resumption on its way: the `body` to send, and what the client needs to finish. `rn`: 32 bytes."""

    body: bytes = field(repr=False)
    rn: bytes
    resumption: Resumption


@dataclass(frozen=True)
class Declined:
    """A ticket that does not open, or no more: the client makes a full handshake. No error, and nothing is stored."""

    reply: Reply


def resume_hello(resumption: Resumption, rn: bytes, mode: SecurityMode = SecurityMode.HYBRID) -> ResumeHello:
    """Ask to resume; `rn`: 32 fresh random bytes. `mode` is told as in a full handshake, and decides nothing.

    V3-TICKET-02, V3-TICKET-09.
    """
    members = {"resume": resumption.ticket, "rn": encode_base64(rn), "securityMode": mode.value}
    return ResumeHello(dump_json(members), rn, resumption)


def answer_resume(
    members: dict[str, object],
    *,
    keys: TicketKeys,
    srn: bytes,
    sid: str,
    now: int,
    ticket: NewTicket,
    suite: Suite = REFERENCE,
) -> Accepted | Declined:
    """The server's half. `srn`: 32 fresh random bytes; `sid`: a fresh session id; `now` in ms.

    The new session gets a new ticket for the same `psk`. Raises ISO-1001, 1002 or 6002 for an `rn` that is none.
    V3-TICKET-02 to V3-TICKET-07, V3-TICKET-13.
    """
    rn = public_key(members, "rn")
    if len(rn) != NONCE_SIZE:
        raise failure(HANDSHAKE_FAILED, f"rn is {len(rn)} bytes, not {NONCE_SIZE}")
    text = members.get("resume")
    psk = open_ticket(text, keys, now, suite=suite) if isinstance(text, str) else None
    if psk is None:
        return Declined(json_reply(DECLINED, dump_json({"resumed": False})))
    secret = resume_secret(psk, rn, srn, suite=suite)
    session = Session(sid, session_keys(secret, suite=suite), now, family="v3")
    answer = {"sid": sid, "srn": encode_base64(srn), "ticket": ticket.seal(psk, suite=suite), "resumed": True}
    return Accepted(json_reply(200, dump_json(answer)), session)


def finish_resume(hello: ResumeHello, reply: Reply, *, suite: Suite = REFERENCE) -> Established | None:
    """The resumed session, None where the server declined with a 409; ISO-1004 for any other answer. V3-TICKET-16."""
    if reply.status == DECLINED:
        return None
    sid, members = read_answer(reply)
    if members.get("resumed") is not True or "hmac" in members:
        raise unusable("not that of a resumption")
    srn = answer_binary(members, "srn", NONCE_SIZE)
    ticket = answer_ticket(members)
    psk = hello.resumption.psk
    keys = session_keys(resume_secret(psk, hello.rn, srn, suite=suite), suite=suite)
    return Established(sid, keys, Resumption(ticket, psk) if ticket else None)
