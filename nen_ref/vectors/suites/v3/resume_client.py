"""v3/resume_client: the client's session out of the answer to a resumption."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nen_ref.protocol.wire import encode_base64
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Found, Group, Test, VectorSuite, invalid, valid
from nen_ref.vectors.suites.handshake_tools import (
    AMBIGUOUS_JSON,
    BASE64_FAULTS,
    JSON_FAULTS,
    accepted,
    ambiguous_json,
    base64_faults,
    json_forms,
    mistyped,
    not_an_object,
    not_json,
    refused,
    resized,
)
from nen_ref.vectors.suites.handshake_tools import flags as shared_flags
from nen_ref.vectors.suites.v3_tools import (
    LEFT_OUT,
    SID,
    UNUSABLE,
    flags,
    garbled,
    with_both_characters,
    with_members,
    without,
)

FLAGS = shared_flags(
    "JsonForms", "FurtherMembers", "CaseOfNames", *JSON_FAULTS, *AMBIGUOUS_JSON, "MemberMissing", "MemberMistyped",
    *BASE64_FAULTS, "WrongLength",
) | flags(
    "Basic", "AllBitsAlike", "OtherVersion",
    Declined=Flag("basic", "409: the client makes a full handshake",
                  "a client whose ticket has expired never comes back", ("V3-TICKET-08",)),
    NotResumed=Flag("missing check", "an answer that does not say that it resumes",
                    "a client takes for its own what was said to another request", ("V3-TICKET-16",)),
    Status=Flag("missing check", "a status that is neither 2xx nor 409", "a refusal is taken for an answer, or for a "
                "ticket that is no more", ("V3-TICKET-16",)),
)  # fmt: skip


def _members(draw: Draw) -> dict[str, Any]:
    return {"sid": SID, "srn": encode_base64(with_both_characters(draw, "srn")), "ticket": "QQ==.QQ==", "resumed": True}


def fixed(draw: Draw, found: Found) -> list[Group]:
    members, srn = _members(draw), with_both_characters(draw, "srn")
    body = with_members(members)
    given = {"psk": draw("psk"), "rn": draw("rn"), "status": 200}
    return [
        Group("sound answers", (
            valid("right", "a resumption", {"body": body}, "Basic"),
            valid("no-ticket", "without a ticket", {"body": with_members(members, ticket=LEFT_OUT)}, "Basic"),
            *accepted(json_forms(body), "body"),
        ), given),
        Group("bits that are all alike", tuple(
            valid(f"{name}-{word}", f"{name} is {word}", given | {"body": body, name: bytes([byte]) * 32},
                  "AllBitsAlike")
            for name in ("psk", "rn") for word, byte in (("zeros", 0), ("ones", 0xFF))
        )),
        Group("status", tuple(_status(given, body))),
        Group("texts that are no JSON object", (
            *refused(not_json(body), "body", UNUSABLE),
            *refused(not_an_object(body), "body", UNUSABLE),
            *refused(ambiguous_json(body), "body", UNUSABLE),
        ), given),
        Group("members that are wrong", (
            *(test for name in ("sid", "srn") for test in without(members, name, UNUSABLE, empty=UNUSABLE)),
            *garbled(members, "srn", base64_faults(srn), UNUSABLE),
            *(invalid(f"srn-of-{size}", f"srn of {size} bytes",
                      {"body": with_members(members, srn=encode_base64(resized(srn, size)))}, "WrongLength",
                      codes=UNUSABLE)
              for size in (1, 31, 33, 64)),
            *(invalid(f"ticket-{id}", f"ticket is {comment}", {"body": with_members(members, ticket=value)},
                      "MemberMistyped", codes=UNUSABLE)
              for id, comment, value in mistyped("a") if value is not None),
            *_not_resumed(members),
        ), given),
    ]  # fmt: skip


def _status(given: dict[str, Any], body: str) -> Iterator[Test]:
    for id, text in (("declined", '{"resumed":false}'), ("declined-empty", ""), ("declined-body", body)):
        yield valid(id, f"409 with the body {id}", given | {"status": 409, "body": text}, "Declined")
    for status in (100, 300, 302, 400, 401, 404, 408, 410, 500):
        yield invalid(f"status-{status}", f"status {status} with a right body",
                      given | {"status": status, "body": body}, "Status", codes=UNUSABLE)  # fmt: skip


def _not_resumed(members: dict[str, Any]) -> Iterator[Test]:
    for id, value in (("false", False), ("absent", LEFT_OUT), ("text", "true"), ("one", 1), ("null", None)):
        yield invalid(
            f"resumed-{id}",
            f"resumed: {id}",
            {"body": with_members(members, resumed=value)},
            "NotResumed",
            codes=UNUSABLE,
        )
    yield invalid("hmac", "an HMAC key in it", {"body": with_members(members, hmac=members["srn"])}, "OtherVersion",
                  codes=UNUSABLE)  # fmt: skip


def random(draw: Draw, i: int) -> Test:
    given = {"psk": draw("psk"), "rn": draw("rn"), "status": 200, "body": with_members(_members(draw))}
    return valid(f"random-{i}", "drawn values", given, "Basic")


SUITE = VectorSuite(
    name="v3/resume_client",
    title="The client's resumed session",
    operation="v3.resume_finish",
    covers=("V3-TICKET-03", "V3-TICKET-08", "V3-TICKET-16"),
    flags=FLAGS,
    fixed=fixed,
    random=random,
    count=6,
)
