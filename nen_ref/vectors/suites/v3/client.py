"""v3/client: the client's session out of a server's answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nen_ref.primitives.ml_dsa import ML_DSA_65
from nen_ref.primitives.ml_dsa_keys import encode_spki
from nen_ref.primitives.suite import REFERENCE
from nen_ref.protocol.identity import Identity
from nen_ref.protocol.server_identity import Transcript, prove
from nen_ref.protocol.wire import encode_base64
from nen_ref.vectors.alter import flipped
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
    LOW_ORDER,
    SID,
    UNUSABLE,
    flags,
    garbled,
    public,
    slug,
    u_text,
    with_both_characters,
    with_members,
    without,
)

FLAGS = shared_flags(
    "JsonForms", "FurtherMembers", "CaseOfNames", *JSON_FAULTS, *AMBIGUOUS_JSON, "MemberMissing", "MemberMistyped",
    *BASE64_FAULTS, "WrongLength",
) | flags(
    "Basic", "LowOrder", "OtherVersion",
    PqcOnly=Flag("basic", "pqc-only", "clients in pqc-only cannot connect", ("V3-KEY-02", "V3-HS-17")),
    NoTicket=Flag("edge case", "an answer without a ticket: a session that cannot be resumed",
                  "servers without resumption cannot be talked to", ("V3-HS-16",)),
    Status=Flag("missing check", "a status other than 2xx", "a refusal is taken for an answer", ("V3-HS-13",)),
    Tampered=Flag("edge case", "a ciphertext that was altered: another secret, and no error",
                  "decapsulation tells whether a ciphertext was right, and so the key in time",
                  ("FIPS 203, section 6.3",)),
    Identity=Flag("basic", "a proof of the server that is right", "clients that pin a server cannot connect",
                  ("V3-ID-03", "V3-ID-05")),
    NoIdentity=Flag("missing check", "the proof is absent, or of another key than the pinned one",
                    "everybody can answer in the place of the server", ("V3-ID-03", "V3-ID-06")),
    WrongProof=Flag("missing check", "a signature that is not of this handshake",
                    "a proof that was recorded once stands for every later handshake", ("V3-ID-04", "V3-ID-05")),
    Published=Flag("edge case", "the handshake of a relay, which the published signature does not cover: who demands "
                   "no bound nonce takes it",
                   "servers that behave as published and no more cannot be talked to; "
                   "it is V3-ID-08 that tells them apart",
                   ("V3-ID-03", "V3-ID-05")),
    NotBound=Flag("missing check", "a nonce that does not commit to ct and to the server's X25519 key",
                  "a relay without the identity's key puts its own keys in the place of the server's",
                  ("V3-ID-08",)),
)  # fmt: skip

BAD_KEY, NO_PROOF, WRONG_PROOF = ("ISO-1002",), ("ISO-3006",), ("ISO-3007",)


class Handshake:
    """Both sides of one handshake."""

    def __init__(self, draw: Draw) -> None:
        self.seeds = {"d": draw("d"), "z": draw("z"), "x": draw("x")}
        self.ek = REFERENCE.ml_kem_768_keygen(self.seeds["d"], self.seeds["z"]).ek
        self.pk_x, self.pk_x_server = public(self.seeds["x"]), public(with_both_characters(draw, "server x", public))
        self.ct = REFERENCE.ml_kem_768_encaps(self.ek, draw("m")).c
        self.identity = Identity.from_seed(draw("identity"))
        self.other = Identity.from_seed(draw("other identity"))
        self.nonce = draw("server_nonce")
        self.members: dict[str, Any] = {
            "sid": SID, "ct": encode_base64(self.ct), "ticket": "QQ==.QQ==",
            "pk_x_server": encode_base64(self.pk_x_server),
        }  # fmt: skip

    def proof(
        self, nonce: bytes | None = None, *, identity: Identity | None = None, pqc: bool = False, **seen: Any
    ) -> dict[str, str]:
        """The members of a proof; `seen` is what the server has seen otherwise than it was."""
        mode = {"pk_x": b"", "pk_x_server": b""} if pqc else {"pk_x": self.pk_x, "pk_x_server": self.pk_x_server}
        transcript = Transcript(**({"pk_kem": self.ek, "sid": SID, "ct": self.ct} | mode | seen))
        return prove(identity or self.identity, transcript, nonce or transcript.bound_nonce(), bytes(32))


def fixed(draw: Draw, found: Found) -> list[Group]:
    shake = Handshake(draw)
    members, body = shake.members, with_members(shake.members)
    pqc = {name: shake.seeds[name] for name in ("d", "z")}
    pqc_members = {name: value for name, value in members.items() if name != "pk_x_server"}
    hybrid = shake.seeds | {"status": 200}
    return [
        Group("sound answers", (
            valid("hybrid", "hybrid", {"body": body}, "Basic"),
            valid("no-ticket", "without a ticket", {"body": with_members(members, ticket=LEFT_OUT)}, "NoTicket"),
            valid("empty-ticket", "the ticket is the empty text", {"body": with_members(members, ticket="")},
                  "NoTicket"),
            valid("tampered-ct", "one bit of ct altered",
                  {"body": with_members(members, ct=encode_base64(flipped(shake.ct)))}, "Tampered"),
            *accepted(json_forms(body), "body"),
        ), hybrid),
        Group("pqc-only", (
            valid("pqc-only", "pqc-only", {"body": with_members(pqc_members)}, "PqcOnly"),
            valid("pqc-only-with-a-key", "an X25519 key that nobody asked for", {"body": body}, "PqcOnly"),
            valid("pqc-only-with-a-garbled-key", "and one that is no base64",
                  {"body": with_members(members, pk_x_server="?")}, "PqcOnly"),
            valid("pqc-only-identity", "with a proof",
                  {"body": with_members(pqc_members, **shake.proof(pqc=True)), "pinned": shake.identity.pk,
                   "bound": True}, "Identity"),
        ), pqc | {"status": 200}),
        Group("status", tuple(_status(shake, body))),
        Group("texts that are no JSON object", (
            *refused(not_json(body), "body", UNUSABLE),
            *refused(not_an_object(body), "body", UNUSABLE),
            *refused(ambiguous_json(body), "body", UNUSABLE),
        ), hybrid),
        Group("members that are wrong", (
            *(test for name in ("sid", "ct", "pk_x_server")
              for test in without(members, name, UNUSABLE, empty=UNUSABLE)),
            *garbled(members, "ct", base64_faults(shake.ct), UNUSABLE),
            *garbled(members, "pk_x_server", base64_faults(shake.pk_x_server), UNUSABLE),
            *(invalid(f"ticket-{id}", f"ticket is {comment}", {"body": with_members(members, ticket=value)},
                      "MemberMistyped", codes=UNUSABLE)
              for id, comment, value in mistyped("a") if value is not None),
            *_lengths(shake),
        ), hybrid),
        Group("answers of another version", tuple(_other_versions(draw, members)), hybrid),
        Group("X25519 keys of low order", tuple(
            invalid(f"low-order-{id}", f"pk_x_server is of low order: {id}",
                    {"body": with_members(members, pk_x_server=u_text(u))}, "LowOrder", codes=BAD_KEY)
            for id, u in LOW_ORDER.items()
        ), hybrid),
        Group("identity", tuple(_identities(shake)), hybrid),
        Group("identity, bound", tuple(_bound(shake, draw)), hybrid | {"pinned": shake.identity.pk, "bound": True}),
        Group("identity, bound, of anyone", (
            valid("bound-unpinned", "nothing pinned", {"body": with_members(members, **shake.proof())}, "Identity"),
            invalid("bound-unpinned-absent", "nothing pinned, and no proof", {"body": body}, "NoIdentity",
                    codes=NO_PROOF),
        ), hybrid | {"bound": True}),
    ]  # fmt: skip


def _status(shake: Handshake, body: str) -> Iterator[Test]:
    for status in (201, 299):
        yield valid(f"status-{status}", f"status {status}", shake.seeds | {"status": status, "body": body}, "Basic")
    for status in (100, 199, 300, 302, 400, 401, 404, 409, 500):
        yield invalid(f"status-{status}", f"status {status} with a right body",
                      shake.seeds | {"status": status, "body": body}, "Status", codes=UNUSABLE)  # fmt: skip


def _lengths(shake: Handshake) -> Iterator[Test]:
    for name, data, sizes in (
        ("ct", shake.ct, (1, 768, 1087, 1089, 1568)),
        ("pk_x_server", shake.pk_x_server, (1, 31, 33, 64)),
    ):
        for size in sizes:
            body = with_members(shake.members, **{name: encode_base64(resized(data, size))})
            yield invalid(f"{slug(name)}-of-{size}", f"{name} of {size} bytes", {"body": body}, "WrongLength",
                          codes=UNUSABLE)  # fmt: skip


def _other_versions(draw: Draw, members: dict[str, Any]) -> Iterator[Test]:
    key = encode_base64(draw("hmac"))
    for id, comment, changes in (
        ("v1", "the answer of V1", {"hmac": key, "ticket": LEFT_OUT, "pk_x_server": LEFT_OUT}),
        ("hmac", "an HMAC key beside all that V3 has", {"hmac": key}),
        ("hmac-null", "hmac is null", {"hmac": None}),
        ("hmac-empty", "hmac is the empty text", {"hmac": ""}),
    ):
        yield invalid(f"other-version-{id}", comment, {"body": with_members(members, **changes)}, "OtherVersion",
                      codes=UNUSABLE)  # fmt: skip


def _identities(shake: Handshake) -> Iterator[Test]:
    def body(**members: Any) -> str:
        return with_members(shake.members, **members)

    right, pinned = shake.proof(shake.nonce), shake.identity.pk
    other = shake.proof(shake.nonce, identity=shake.other)
    bare = right | {"server_id_pk": encode_base64(pinned)}
    for id, comment, proof in (("spki", "the key as SubjectPublicKeyInfo", right), ("bare", "the bare key", bare)):
        yield valid(f"identity-{id}", f"pinned: {comment}", {"body": body(**proof), "pinned": pinned}, "Identity")
        yield valid(f"identity-{id}-unpinned", f"not pinned: {comment}", {"body": body(**proof)}, "Identity")
    yield valid("identity-of-anyone", "another key, and nothing pinned", {"body": body(**other)}, "Identity")
    spki = encode_spki(ML_DSA_65, pinned)
    for id, comment, members in (
        ("absent", "no proof", {}),
        ("of-another", "the proof of another key", other),
        (
            "key-of-another",
            "the right signature, and another key beside it",
            right | {"server_id_pk": other["server_id_pk"]},
        ),
        ("key-absent", "without server_id_pk", {name: right[name] for name in ("server_nonce", "server_sig")}),
        ("key-null", "server_id_pk is null", right | {"server_id_pk": None}),
        ("key-garbled", "server_id_pk is no base64", right | {"server_id_pk": "?"}),
        ("key-cut", "server_id_pk is cut", right | {"server_id_pk": encode_base64(spki[:-1])}),
        ("key-longer", "server_id_pk with a byte behind it", right | {"server_id_pk": encode_base64(spki + b"\0")}),
    ):
        yield invalid(f"identity-{id}", f"pinned: {comment}", {"body": body(**members), "pinned": pinned}, "NoIdentity",
                      codes=NO_PROOF)  # fmt: skip
    signature = shake.proof(shake.nonce)["server_sig"]
    for id, comment, members in (
        (
            "signed-by-another",
            "the pinned key named, signed by another",
            other | {"server_id_pk": right["server_id_pk"]},
        ),
        ("signature-absent", "without server_sig", {n: right[n] for n in ("server_nonce", "server_id_pk")}),
        ("signature-null", "server_sig is null", right | {"server_sig": None}),
        ("signature-garbled", "server_sig is no base64", right | {"server_sig": "?"}),
        ("signature-empty", "server_sig is empty", right | {"server_sig": ""}),
        ("signature-cut", "server_sig is cut", right | {"server_sig": encode_base64(bytes(3308))}),
        ("nonce-absent", "without server_nonce", {n: right[n] for n in ("server_id_pk", "server_sig")}),
        ("nonce-garbled", "server_nonce is no base64", right | {"server_nonce": "?"}),
        (
            "nonce-of-another",
            "another nonce beside the signature",
            right | {"server_nonce": encode_base64(flipped(shake.nonce))},
        ),
        ("nonce-short", "a nonce of 31 bytes, and signed so", shake.proof(shake.nonce[:31])),
        ("nonce-long", "a nonce of 33 bytes, and signed so", shake.proof(shake.nonce + b"\0")),
        ("of-another-session", "signed for another session id", shake.proof(shake.nonce, sid="other")),
        ("of-another-pk-x", "signed for another pk_x", shake.proof(shake.nonce, pk_x=shake.pk_x_server)),
        ("of-pqc-only", "signed for pqc-only", shake.proof(shake.nonce, pqc=True)),
        ("of-another-pk-kem", "signed for another pk_kem", shake.proof(shake.nonce, pk_kem=flipped(shake.ek))),
    ):
        assert id != "signature-cut" or signature
        yield invalid(f"identity-{id}", f"pinned: {comment}", {"body": body(**members), "pinned": pinned}, "WrongProof",
                      codes=WRONG_PROOF)  # fmt: skip
        if id in ("nonce-of-another", "of-another-session", "signature-empty"):
            yield invalid(f"identity-{id}-unpinned", f"not pinned: {comment}", {"body": body(**members)}, "WrongProof",
                          codes=WRONG_PROOF)  # fmt: skip


def _bound(shake: Handshake, draw: Draw) -> Iterator[Test]:
    right = shake.proof()
    relayed = REFERENCE.ml_kem_768_encaps(shake.ek, draw("relay m")).c
    relay_x = public(draw("relay x"))
    yield valid("bound", "the nonce commits to all of the handshake", {"body": with_members(shake.members, **right)},
                "Identity")  # fmt: skip
    for id, comment, changes in (
        ("nonce-drawn", "a drawn nonce, as it was published", shake.proof(shake.nonce)),
        ("ct-of-a-relay", "ct was replaced by a relay", right | {"ct": encode_base64(relayed)}),
        ("key-of-a-relay", "pk_x_server was replaced by a relay", right | {"pk_x_server": encode_base64(relay_x)}),
        ("both-of-a-relay", "both were", right | {"ct": encode_base64(relayed), "pk_x_server": encode_base64(relay_x)}),
    ):
        yield invalid(f"bound-{id}", comment, {"body": with_members(shake.members, **changes)}, "NotBound",
                      codes=WRONG_PROOF)  # fmt: skip
        if "relay" in id:
            # What is published takes them all: the signature does not cover what was replaced.
            given = {"body": with_members(shake.members, **changes), "bound": False}
            yield valid(f"unbound-{id}", f"{comment}, and nobody asks", given, "Published")
    yield invalid("bound-absent", "no proof at all", {"body": with_members(shake.members)}, "NoIdentity",
                  codes=NO_PROOF)  # fmt: skip


def random(draw: Draw, i: int) -> Test:
    shake = Handshake(draw)
    pqc = i % 3 == 0
    seeds = {name: value for name, value in shake.seeds.items() if name != "x" or not pqc}
    given = seeds | {"status": 200, "body": with_members(shake.members)}
    return valid(f"random-{i}", "drawn keys", given, "PqcOnly" if pqc else "Basic")


SUITE = VectorSuite(
    name="v3/client",
    title="The client's session out of the server's answer",
    operation="v3.finish",
    covers=("V3-HS-13", "V3-HS-15", "V3-KEY-01", "V3-KEY-03"),
    flags=FLAGS,
    fixed=fixed,
    random=random,
    count=9,
)
