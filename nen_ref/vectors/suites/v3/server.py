"""v3/server: a server's answer to a handshake body."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nen_ref.protocol.wire import encode_base64
from nen_ref.vectors.alter import with_coefficient
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
    key_pair,
    not_an_object,
    not_json,
    refused,
    resized,
)
from nen_ref.vectors.suites.handshake_tools import flags as shared_flags
from nen_ref.vectors.suites.v3_tools import (
    LEFT_OUT,
    LOW_ORDER,
    NOT_BASE64,
    NOW,
    SHAPE,
    SID,
    P,
    flags,
    garbled,
    public,
    u_text,
    with_both_characters,
    with_members,
    without,
)

FLAGS = shared_flags(
    "JsonForms", "FurtherMembers", "CaseOfNames", *JSON_FAULTS, *AMBIGUOUS_JSON, "MemberMissing", "MemberMistyped",
    *BASE64_FAULTS, "WrongLength",
) | flags(
    "Basic", "AllBitsAlike", "LowOrder", "NonCanonical",
    Mode=Flag("confusion", "a securityMode that is nearly pqc-only: hybrid",
              "whoever alters one letter of the mode takes the classical half away", ("V3-HS-03",)),
    PqcOnly=Flag("basic", "pqc-only; whatever pk_x holds is not looked at", "clients in pqc-only cannot connect",
                 ("V3-HS-02", "V3-HS-09")),
    OldName=Flag("edge case", "pk in place of pk_kem, and beside it",
                 "clients with the old name cannot connect; or two readers take two keys", ("V3-HS-04", "V3-HS-06")),
    Identity=Flag("basic", "the server proves its identity", "clients that pin it cannot connect",
                  ("V3-ID-01", "V3-ID-02", "V3-ID-07")),
    CoefficientTooLarge=Flag("missing check", "a coefficient of the key is 3329 or more",
                             "keys that nobody generates are used, and what they lead to is not analysed",
                             ("FIPS 203, section 7.2",)),
    OrderOfChecks=Flag("wrong order", "two faults at once: the first check speaks", "the order tells what was checked",
                       ("V3-HS-18",)),
)  # fmt: skip

BAD_KEY = ("ISO-1002",)
NO_KEY = ("ISO-1001",)


def fixed(draw: Draw, found: Found) -> list[Group]:
    ek, pk_x = key_pair(draw).ek, public(with_both_characters(draw, "client x", public))
    members = {"pk_kem": encode_base64(ek), "securityMode": "hybrid", "pk_x": encode_base64(pk_x)}
    pqc = {"pk_kem": encode_base64(ek), "securityMode": "pqc-only"}
    body, pqc_body = with_members(members), with_members(pqc)
    shared = {
        "m": draw("m"), "x": draw("x"), "sid": SID,
        "ticket_key": draw("ticket_key"), "ticket_nonce": draw("ticket_nonce", 12), "ticket_expires": NOW,
    }  # fmt: skip
    return [
        Group("sound handshakes", (
            valid("hybrid", "hybrid", {"body": body}, "Basic"),
            valid("pqc-only", "pqc-only", {"body": pqc_body}, "PqcOnly"),
            *_pqc_only(pqc),
            *_modes(members),
            valid("pk", "pk in place of pk_kem", {"body": with_members(members, pk=members["pk_kem"], pk_kem=LEFT_OUT)},
                  "OldName"),
            valid("pk-beside-pk-kem", "pk_kem is taken, and pk not looked at", {"body": with_members(members, pk="?")},
                  "OldName"),
            *accepted(json_forms(body), "body"),
        ), shared),
        Group("identity of the server", tuple(_identities(draw, body, pqc_body)), shared),
        Group("randomness all of whose bits are alike", tuple(_alike(body, shared))),
        Group("X25519 keys that are not reduced", tuple(_not_reduced(members, pk_x)), shared),
        Group("X25519 keys of low order", tuple(
            invalid(f"low-order-{id}", f"pk_x is of low order: {id}", {"body": with_members(members, pk_x=u_text(u))},
                    "LowOrder", codes=BAD_KEY)
            for id, u in LOW_ORDER.items()
        ), shared),
        Group("texts that are no JSON object", (
            *refused(not_json(body), "body", SHAPE),
            *refused(not_an_object(body), "body", SHAPE),
            *refused(ambiguous_json(body), "body", NO_KEY),
        ), shared),
        Group("members that are wrong", (
            *without(members, "pk_kem", NO_KEY, empty=NO_KEY),
            *without(members, "pk_x", NO_KEY, empty=NO_KEY),
            *garbled(members, "pk_kem", base64_faults(ek), NOT_BASE64),
            *garbled(members, "pk_x", base64_faults(pk_x), NOT_BASE64),
        ), shared),
        Group("keys that are wrong", tuple(_bad_keys(members, ek, pk_x)), shared),
        Group("two faults", tuple(_two_faults(members, ek)), shared),
    ]  # fmt: skip


def _pqc_only(pqc: dict[str, Any]) -> Iterator[Test]:
    for id, comment, value in (
        ("a-key", "a key", u_text(9)),
        ("zero", "a key of low order", u_text(0)),
        ("garbled", "no base64", "?"),
        ("a-number", "a number", 7),
        ("null", "null", None),
    ):
        yield valid(f"pqc-only-pk-x-{id}", f"in pqc-only pk_x is {comment}", {"body": with_members(pqc, pk_x=value)},
                    "PqcOnly")  # fmt: skip


def _modes(members: dict[str, Any]) -> Iterator[Test]:
    for id, value in (
        ("absent", LEFT_OUT),
        ("null", None),
        ("empty", ""),
        ("upper-case", "PQC-ONLY"),
        ("space", "pqc-only "),
        ("underscore", "pqc_only"),
        ("classical", "classical"),
        ("array", ["pqc-only"]),
        ("number", 1),
        ("true", True),
        ("zero-character", "pqc-only\0"),
    ):
        yield valid(f"mode-{id}", f"securityMode: {id}", {"body": with_members(members, securityMode=value)},
                    "Mode")  # fmt: skip


def _identities(draw: Draw, body: str, pqc_body: str) -> Iterator[Test]:
    seed, nonce = draw("identity_seed"), draw("server_nonce")
    for mode, text in (("hybrid", body), ("pqc-only", pqc_body)):
        yield valid(
            f"identity-bound-{mode}",
            f"{mode}, under the bound nonce",
            {"body": text, "identity_seed": seed},
            "Identity",
        )
        yield valid(f"identity-free-{mode}", f"{mode}, under a drawn nonce",
                    {"body": text, "identity_seed": seed, "server_nonce": nonce}, "Identity")  # fmt: skip


def _alike(body: str, shared: dict[str, Any]) -> Iterator[Test]:
    for word, byte in (("zeros", 0), ("ones", 0xFF)):
        for name in ("m", "x", "ticket_key", "ticket_nonce"):
            size = len(shared[name])
            yield valid(f"{name}-{word}".replace("_", "-"), f"{name} is {word}",
                        shared | {"body": body, name: bytes([byte]) * size}, "AllBitsAlike")  # fmt: skip


def _not_reduced(members: dict[str, Any], pk_x: bytes) -> Iterator[Test]:
    high = int.from_bytes(pk_x, "little") | 1 << 255
    for id, comment, u in (
        ("high-bit", "the highest bit set", high),
        ("2", "2, not reduced", P + 2),
        ("largest", "2^255 - 1", 2**255 - 1),
        ("all-ones", "all bits set", 2**256 - 1),
    ):
        yield valid(f"not-reduced-{id}", f"pk_x: {comment}", {"body": with_members(members, pk_x=u_text(u))},
                    "NonCanonical")  # fmt: skip


def _bad_keys(members: dict[str, Any], ek: bytes, pk_x: bytes) -> Iterator[Test]:
    for size in (0 + 1, 800, 1183, 1185, 1568):
        text = encode_base64(resized(ek, size))
        yield invalid(f"pk-kem-of-{size}", f"pk_kem of {size} bytes", {"body": with_members(members, pk_kem=text)},
                      "WrongLength", codes=BAD_KEY)  # fmt: skip
    for size in (1, 31, 33, 64):
        text = encode_base64(resized(pk_x, size))
        yield invalid(f"pk-x-of-{size}", f"pk_x of {size} bytes", {"body": with_members(members, pk_x=text)},
                      "WrongLength", codes=BAD_KEY)  # fmt: skip
    for index, value in ((0, 3329), (0, 4095), (383, 3329), (767, 3329)):
        text = encode_base64(with_coefficient(ek, index, value))
        yield invalid(f"coefficient-{index}-is-{value}", f"coefficient {index} is {value}",
                      {"body": with_members(members, pk_kem=text)}, "CoefficientTooLarge", codes=BAD_KEY)  # fmt: skip


def _two_faults(members: dict[str, Any], ek: bytes) -> Iterator[Test]:
    short = encode_base64(ek[:-1])
    yield invalid(
        "no-pk-x-and-a-short-pk-kem",
        "without pk_x, and pk_kem is short",
        {"body": with_members(members, pk_x=LEFT_OUT, pk_kem=short)},
        "OrderOfChecks",
        codes=NO_KEY,
    )
    yield invalid("a-short-pk-kem-and-a-garbled-pk-x", "pk_kem is short, and pk_x is no base64",
                  {"body": with_members(members, pk_x="?", pk_kem=short)}, "OrderOfChecks",
                  codes=("ISO-6002", "ISO-1002"))  # fmt: skip


def random(draw: Draw, i: int) -> Test:
    hybrid = {"securityMode": "hybrid", "pk_x": encode_base64(public(draw("client x")))}
    members = {"pk_kem": encode_base64(key_pair(draw).ek)} | (hybrid if i % 3 else {"securityMode": "pqc-only"})
    given: dict[str, Any] = {
        "body": with_members(members), "m": draw("m"), "x": draw("x"), "sid": draw("sid", 16).hex(),
        "ticket_key": draw("ticket_key"), "ticket_nonce": draw("ticket_nonce", 12), "ticket_expires": NOW + i,
    }  # fmt: skip
    return valid(f"random-{i}", "drawn keys", given, "Basic" if i % 3 else "PqcOnly")


SUITE = VectorSuite(
    name="v3/server",
    title="The server's answer to a handshake",
    operation="v3.respond",
    covers=("V3-HS-01", "V3-KEY-01", "V3-KEY-03"),
    flags=FLAGS,
    fixed=fixed,
    random=random,
    count=9,
)
