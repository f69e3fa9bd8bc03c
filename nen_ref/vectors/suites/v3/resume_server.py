"""v3/resume_server: a server's answer to a request to resume."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nen_ref.protocol.wire import encode_base64
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Found, Group, Test, VectorSuite, invalid, valid
from nen_ref.vectors.suites.handshake_tools import (
    BASE64_FAULTS,
    accepted,
    base64_faults,
    json_forms,
    mistyped,
    resized,
)
from nen_ref.vectors.suites.handshake_tools import flags as shared_flags
from nen_ref.vectors.suites.v3.ticket_open import Tickets
from nen_ref.vectors.suites.v3_tools import (
    NOT_BASE64,
    NOW,
    SID,
    flags,
    garbled,
    with_both_characters,
    with_members,
    without,
)

FLAGS = shared_flags(
    "JsonForms", "FurtherMembers", "CaseOfNames", "MemberMissing", "MemberMistyped", *BASE64_FAULTS, "WrongLength"
) | flags("Basic", "AllBitsAlike", "Ticket", "Expired", "Rotation")

NO_NONCE = ("ISO-1001", "ISO-1002", "ISO-6001", "ISO-6002")  # V3-TICKET-13 accepts any
WRONG_LENGTH = ("ISO-1002", "ISO-6001")


def _given(draw: Draw, tickets: Tickets) -> dict[str, Any]:
    return {
        "keys": [tickets.key], "now": NOW, "srn": draw("srn"), "sid": SID,
        "ticket_nonce": draw("ticket_nonce", 12), "ticket_expires": NOW + 600_000,
    }  # fmt: skip


def fixed(draw: Draw, found: Found) -> list[Group]:
    tickets, rn = Tickets(draw), with_both_characters(draw, "rn")
    given = _given(draw, tickets)
    members = {"resume": tickets.good(), "rn": encode_base64(rn), "securityMode": "hybrid"}
    body = with_members(members)
    new = draw("new key")
    return [
        Group("sound requests", (
            valid("right", "a resumption", {"body": body}, "Basic"),
            valid("pqc-only", "a mode, which decides nothing", {"body": with_members(members, securityMode="pqc-only")},
                  "Basic"),
            valid("with-keys", "beside the keys of a full handshake, which are not looked at",
                  {"body": with_members(members, pk_kem="?", pk_x="?")}, "Basic"),
            *accepted(json_forms(body), "body"),
        ), given),
        Group("ticket keys", (
            valid("rotated", "the ticket is of the key before; the new one is of the current key",
                  {"body": body, "keys": [new, tickets.key]}, "Rotation"),
            valid("key-gone", "its key is there no more: 409", {"body": body, "keys": [new]}, "Ticket"),
        ), {name: value for name, value in given.items() if name != "keys"}),
        Group("randomness all of whose bits are alike", tuple(
            valid(f"srn-{word}", f"srn is {word}", given | {"body": body, "srn": bytes([byte]) * 32}, "AllBitsAlike")
            for word, byte in (("zeros", 0), ("ones", 0xFF))
        )),
        Group("tickets that are not good: 409", tuple(_declined(tickets, members)), given),
        Group("nonces of the client that are wrong", (
            *without(members, "rn", NO_NONCE, empty=NO_NONCE),
            *garbled(members, "rn", base64_faults(rn), NOT_BASE64),
            *(invalid(f"rn-of-{size}", f"rn of {size} bytes",
                      {"body": with_members(members, rn=encode_base64(resized(rn, size)))}, "WrongLength",
                      codes=WRONG_LENGTH)
              for size in (1, 16, 31, 33, 64)),
        ), given),
    ]  # fmt: skip


def _declined(tickets: Tickets, members: dict[str, Any]) -> Iterator[Test]:
    for id, text, flag in (
        ("expired", tickets.good(expires=NOW), "Expired"),
        ("empty", "", "Ticket"),
        ("no-dot", tickets.good().replace(".", ""), "Ticket"),
        ("garbled", "?.?", "Ticket"),
        ("tampered", tickets.good()[:-4] + "AAAA", "Ticket"),
        ("no-ticket", tickets.of("{}"), "Ticket"),
    ):
        yield valid(f"declined-{id}", f"resume: {id}", {"body": with_members(members, resume=text)}, flag)
    for id, comment, value in mistyped(tickets.good()):
        yield valid(f"declined-{id}", f"resume is {comment}", {"body": with_members(members, resume=value)}, "Ticket")


def random(draw: Draw, i: int) -> Test:
    tickets = Tickets(draw)
    body = with_members({"resume": tickets.good(), "rn": encode_base64(draw("rn")), "securityMode": "hybrid"})
    return valid(f"random-{i}", "drawn values", _given(draw, tickets) | {"body": body}, "Basic")


SUITE = VectorSuite(
    name="v3/resume_server",
    title="The server's answer to a resumption",
    operation="v3.resume_respond",
    covers=("V3-TICKET-02", "V3-TICKET-03", "V3-TICKET-05", "V3-TICKET-13"),
    flags=FLAGS,
    fixed=fixed,
    random=random,
    count=6,
)
