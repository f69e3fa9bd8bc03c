"""The handshake of V3, its tickets, resumptions and server identity, each beside the wire written once more.

What is expected is computed with OpenSSL (`cryptography`) and the standard library.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from nen_ref.primitives.errors import LengthError
from nen_ref.protocol import attestation, handshake_v3, key_schedule, resumption, server_identity
from nen_ref.protocol.client import ClientSession
from nen_ref.protocol.handshake import Accepted, IdentityPolicy
from nen_ref.protocol.handshake_v3 import Established, HybridHello, NewTicket, Resumption, SecurityMode, ServerProof
from nen_ref.protocol.identity import Identity
from nen_ref.protocol.messages import Reply, json_reply
from nen_ref.protocol.resumption import Declined
from nen_ref.protocol.server_identity import ServerTrust
from nen_ref.protocol.session import SessionKeys
from nen_ref.protocol.tickets import TicketKeys, open_ticket, seal_ticket
from nen_ref.protocol.versions import V3
from tests.protocol.oracle import (
    KemPeer,
    Signer,
    b64,
    encapsulate,
    hkdf,
    leaks,
    refused,
    seal,
    secret,
    texts_of,
    unb64,
    unseal,
)

NOW = 1_800_000_000_000
SID = "3b1f0f8e-6a1e-4f0e-9b9c-0c7c2f1d5a11"
PEER = KemPeer("client")
X_CLIENT, X_SERVER = secret("client x"), secret("server x")
TICKET_KEY = secret("ticket key")
TICKET = NewTicket(TICKET_KEY, secret("ticket nonce", 12), NOW + 600_000)
SERVER = Signer("server identity")
IDENTITY = Identity.from_seed(SERVER.seed)
LOW_ORDER = [
    bytes(32),
    (1).to_bytes(32, "little"),
    (2**255 - 19).to_bytes(32, "little"),
    (2**255 - 18).to_bytes(32, "little"),
]


def public(x: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(x).public_key().public_bytes_raw()


def agreed(x: bytes, pk_x: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(x).exchange(X25519PublicKey.from_public_bytes(pk_x))


def hello(mode: SecurityMode = SecurityMode.HYBRID) -> HybridHello:
    return handshake_v3.client_hello(PEER.d, PEER.z, X_CLIENT if mode is SecurityMode.HYBRID else None)


def body(**changes: Any) -> bytes:
    """A right hybrid handshake with some members replaced; None leaves one out."""
    members = {"pk_kem": b64(PEER.ek), "securityMode": "hybrid", "pk_x": b64(public(X_CLIENT))} | changes
    return json.dumps({name: value for name, value in members.items() if value is not None}).encode()


def respond(sent: bytes, **options: Any) -> Accepted:
    given = {"m": secret("m"), "x": X_SERVER, "sid": SID, "now": NOW, "ticket": TICKET} | options
    return handshake_v3.respond(sent, **given)


def answer(**changes: Any) -> Reply:
    """A right answer to `hello()`, made by OpenSSL, with some members replaced; None leaves one out."""
    members = {"sid": SID, "ct": b64(CT), "ticket": "a.b", "pk_x_server": b64(public(X_SERVER))} | changes
    return json_reply(200, json.dumps({name: value for name, value in members.items() if value is not None}).encode())


KEM_SS, CT = encapsulate(PEER.ek)


def expected(ss: bytes) -> tuple[SessionKeys, bytes]:
    return SessionKeys(hkdf(ss, "nen/v3 enc"), hkdf(ss, "nen/v3 mac")), hkdf(ss, "nen/v3 resume")


# The handshake ---------------------------------------------------------------------------------------------------


def test_hello() -> None:
    """V3-HS-01, V3-HS-02."""
    assert json.loads(hello().body) == {
        "pk_kem": b64(PEER.ek),
        "securityMode": "hybrid",
        "pk_x": b64(public(X_CLIENT)),
    }
    pqc = hello(SecurityMode.PQC_ONLY)
    assert json.loads(pqc.body) == {"pk_kem": b64(PEER.ek), "securityMode": "pqc-only"}
    assert (hello().mode, pqc.mode) == (SecurityMode.HYBRID, SecurityMode.PQC_ONLY)


def test_the_server_in_hybrid() -> None:
    """V3-HS-01, V3-KEY-01, V3-KEY-03: the keys are those that OpenSSL derives from what was answered."""
    accepted = respond(body())
    members = json.loads(accepted.reply.body)
    assert list(members) == ["sid", "ct", "ticket", "pk_x_server"]
    assert unb64(members["pk_x_server"]) == public(X_SERVER)
    x_ss = agreed(X_CLIENT, public(X_SERVER))
    keys, psk = expected(hkdf(x_ss + PEER.decapsulate(unb64(members["ct"])), "nen/v3 hybrid"))
    assert accepted.session.keys == keys
    assert (accepted.session.sid, accepted.session.family, accepted.session.identity) == (SID, "v3", None)
    nonce, sealed = members["ticket"].split(".")
    assert unb64(nonce) == TICKET.nonce
    assert json.loads(unseal(TICKET_KEY, unb64(nonce), unb64(sealed))) == {"psk": b64(psk), "exp": TICKET.expires}


@pytest.mark.parametrize("changes", [{"pk_x": None}, {}, {"pk_x": 7}, {"pk_x": "?"}, {"pk_x": b64(bytes(32))}])
def test_the_server_in_pqc_only(changes: dict[str, Any]) -> None:
    """V3-HS-02, V3-HS-09, V3-KEY-02: what `pk_x` holds does not matter."""
    accepted = respond(body(securityMode="pqc-only", **changes))
    members = json.loads(accepted.reply.body)
    assert list(members) == ["sid", "ct", "ticket"]
    assert accepted.session.keys == expected(PEER.decapsulate(unb64(members["ct"])))[0]


@pytest.mark.parametrize("mode", ["hybrid", "", "PQC-ONLY", "pqc-only ", "classical", None, 1, ["pqc-only"], True])
def test_every_other_mode_is_hybrid(mode: object) -> None:
    """V3-HS-03."""
    assert "pk_x_server" in json.loads(respond(body(securityMode=mode)).reply.body)


def test_pk_in_place_of_pk_kem() -> None:
    """V3-HS-04, V3-HS-06."""
    assert respond(body(pk_kem=None, pk=b64(PEER.ek))).session.keys == respond(body()).session.keys
    assert respond(body(pk="not looked at")).session.keys == respond(body()).session.keys
    refused("ISO-1001", respond, body(pk_kem="", pk=b64(PEER.ek)))


BAD_HELLOS = {
    "not JSON": ("ISO-1001", b"{"),
    "not an object": ("ISO-1001", b"[]"),
    "no pk_kem": ("ISO-1001", body(pk_kem=None)),
    "pk_kem is a number": ("ISO-1001", body(pk_kem=7)),
    "pk_kem is no base64": ("ISO-6002", body(pk_kem="?")),
    "pk_kem is short": ("ISO-1002", body(pk_kem=b64(PEER.ek[:-1]))),
    "pk_kem fails the modulus check": ("ISO-1002", body(pk_kem=b64(b"\xff\xff\xff" + PEER.ek[3:]))),
    "no pk_x": ("ISO-1001", body(pk_x=None)),
    "pk_x is empty": ("ISO-1001", body(pk_x="")),
    "pk_x is a list": ("ISO-1001", body(pk_x=list(public(X_CLIENT)))),
    "pk_x is no base64": ("ISO-6002", body(pk_x="A" * 43)),
    "pk_x is short": ("ISO-1002", body(pk_x=b64(bytes(31)))),
    "pk_x is long": ("ISO-1002", body(pk_x=b64(bytes(33)))),
    **{f"pk_x has low order {i}": ("ISO-1002", body(pk_x=b64(u))) for i, u in enumerate(LOW_ORDER)},
}


@pytest.mark.parametrize(("code", "sent"), BAD_HELLOS.values(), ids=list(BAD_HELLOS))
def test_bad_hellos(code: str, sent: bytes) -> None:
    """V3-HS-05, V3-HS-07, V3-HS-08, V3-HS-11."""
    refused(code, respond, sent)


@pytest.mark.parametrize("policy", [IdentityPolicy(required=True), IdentityPolicy(pinned=frozenset({SERVER.pk}))])
def test_a_server_that_requires_an_identity_lets_no_client_of_v3_in(policy: IdentityPolicy) -> None:
    """V3-ID-10: whatever the handshake carries."""
    refused("ISO-3004", respond, body(), policy=policy)
    refused("ISO-3004", respond, body(**SERVER.members(PEER.ek)), policy=policy)


def test_the_client() -> None:
    """V3-KEY-01, V3-KEY-02, V3-KEY-03."""
    keys, psk = expected(hkdf(agreed(X_SERVER, public(X_CLIENT)) + KEM_SS, "nen/v3 hybrid"))
    assert handshake_v3.client_finish(hello(), answer()) == Established(SID, keys, Resumption("a.b", psk))
    keys, psk = expected(KEM_SS)
    pqc = handshake_v3.client_finish(hello(SecurityMode.PQC_ONLY), answer(pk_x_server="not looked at"))
    assert pqc == Established(SID, keys, Resumption("a.b", psk))
    assert handshake_v3.client_finish(hello(), answer(ticket=None)).resumption is None
    assert handshake_v3.client_finish(hello(), answer(ticket="")).resumption is None


BAD_ANSWERS = {
    "refused": ("ISO-1004", Reply(400, {}, b'{"error":{"code":"ISO-1001","message":""}}')),
    "not JSON": ("ISO-1004", json_reply(200, b"<html>")),
    "no sid": ("ISO-1004", answer(sid=None)),
    "a sid that is no header": ("ISO-1004", answer(sid="a\nb")),
    "no ct": ("ISO-1004", answer(ct=None)),
    "ct is short": ("ISO-1004", answer(ct=b64(CT[:-1]))),
    "V1's": ("ISO-1004", answer(hmac=b64(bytes(32)))),
    "V1's, without what V3 has": ("ISO-1004", answer(hmac=b64(bytes(32)), ticket=None, pk_x_server=None)),
    "hmac is null": ("ISO-1004", json_reply(200, answer().body[:-1] + b',"hmac":null}')),
    "no pk_x_server": ("ISO-1004", answer(pk_x_server=None)),
    "pk_x_server is short": ("ISO-1004", answer(pk_x_server=b64(bytes(31)))),
    "pk_x_server is no base64": ("ISO-1004", answer(pk_x_server="?")),
    "ticket is no text": ("ISO-1004", answer(ticket=7)),
    **{f"pk_x_server has low order {i}": ("ISO-1002", answer(pk_x_server=b64(u))) for i, u in enumerate(LOW_ORDER)},
}


@pytest.mark.parametrize(("code", "reply"), BAD_ANSWERS.values(), ids=list(BAD_ANSWERS))
def test_bad_answers(code: str, reply: Reply) -> None:
    """V3-HS-11, V3-HS-13 to V3-HS-16; the client is as it was before."""
    refused(code, handshake_v3.client_finish, hello(), reply)
    client = ClientSession(version=V3)
    client.start_handshake(hello())
    refused(code, client.finish_handshake, reply)
    assert not client.established
    client.start_handshake(hello())
    assert client.finish_handshake(answer())


# The server's identity -------------------------------------------------------------------------------------------


def framed(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def proof(server_nonce: bytes, *, signer: Signer = SERVER, sid: str = SID, pk_x: bytes | None = None) -> dict[str, str]:
    """The three members, made by OpenSSL."""
    own_x = public(X_CLIENT) if pk_x is None else pk_x
    signed = hashlib.sha256(framed(PEER.ek, own_x, server_nonce, sid.encode())).digest()
    return {
        "server_nonce": b64(server_nonce),
        "server_sig": b64(signer.sign(signed)),
        "server_id_pk": b64(signer.spki),
    }


BOUND = hashlib.sha256(b"nen/v3 bound nonce" + framed(CT, public(X_SERVER))).digest()
PINNED, PINNED_AND_BOUND = ServerTrust(SERVER.pk), ServerTrust(SERVER.pk, bound=True)


def test_the_server_proves_its_identity() -> None:
    """V3-ID-01, V3-ID-02, V3-ID-07: OpenSSL verifies it; the nonce is the bound one unless another is given."""
    for chosen, mode in ((None, "hybrid"), (secret("server nonce"), "hybrid"), (None, "pqc-only")):
        accepted = respond(body(securityMode=mode), proof=ServerProof(IDENTITY, secret("rnd"), chosen))
        members = json.loads(accepted.reply.body)
        assert list(members)[-3:] == ["server_nonce", "server_sig", "server_id_pk"]
        hybrid = mode == "hybrid"
        pk_x_server = public(X_SERVER) if hybrid else b""
        bound = hashlib.sha256(b"nen/v3 bound nonce" + framed(unb64(members["ct"]), pk_x_server)).digest()
        server_nonce = unb64(members["server_nonce"])
        assert server_nonce == (chosen or bound)
        pk_x = public(X_CLIENT) if hybrid else b""
        signed = hashlib.sha256(framed(PEER.ek, pk_x, server_nonce, SID.encode())).digest()
        SERVER.verifies(unb64(members["server_sig"]), signed)
        assert unb64(members["server_id_pk"]) == SERVER.spki


@pytest.mark.parametrize("trust", [ServerTrust(), PINNED, PINNED_AND_BOUND, ServerTrust(bound=True)])
def test_a_right_identity(trust: ServerTrust) -> None:
    """V3-ID-03, V3-ID-08; the bare key is taken too."""
    assert handshake_v3.client_finish(hello(), answer(**proof(BOUND)), trust).sid == SID
    bare = proof(BOUND) | {"server_id_pk": b64(SERVER.pk)}
    assert handshake_v3.client_finish(hello(), answer(**bare), trust).sid == SID


OTHER = Signer("another identity")
ANY_NONCE = secret("server nonce")
BAD_PROOFS: dict[str, tuple[str, ServerTrust, dict[str, Any]]] = {
    "none, pinned": ("ISO-3006", PINNED, {}),
    "none, bound": ("ISO-3006", ServerTrust(bound=True), {}),
    "another key": ("ISO-3006", PINNED, proof(BOUND, signer=OTHER)),
    "another key named": ("ISO-3006", PINNED, proof(BOUND) | {"server_id_pk": b64(OTHER.spki)}),
    "signed by another": ("ISO-3007", PINNED, proof(BOUND, signer=OTHER) | {"server_id_pk": b64(SERVER.spki)}),
    "key absent": ("ISO-3006", ServerTrust(), proof(BOUND) | {"server_id_pk": None}),
    "key is no text": ("ISO-3006", ServerTrust(), proof(BOUND) | {"server_id_pk": 7}),
    "key is no base64": ("ISO-3006", ServerTrust(), proof(BOUND) | {"server_id_pk": "?"}),
    "key is no key": ("ISO-3006", ServerTrust(), proof(BOUND) | {"server_id_pk": b64(SERVER.spki[:-1])}),
    "signature absent": ("ISO-3007", ServerTrust(), proof(BOUND) | {"server_sig": None}),
    "signature is no base64": ("ISO-3007", ServerTrust(), proof(BOUND) | {"server_sig": "?"}),
    "signature is short": ("ISO-3007", ServerTrust(), proof(BOUND) | {"server_sig": b64(bytes(3308))}),
    "signature is of nothing": ("ISO-3007", ServerTrust(), proof(BOUND) | {"server_sig": b64(bytes(3309))}),
    "nonce absent": ("ISO-3007", ServerTrust(), proof(BOUND) | {"server_nonce": None}),
    "nonce is another": ("ISO-3007", ServerTrust(), proof(BOUND) | {"server_nonce": b64(ANY_NONCE)}),
    "nonce is short": ("ISO-3007", ServerTrust(), proof(BOUND[:-1])),
    "of another session": ("ISO-3007", PINNED, proof(BOUND, sid="other")),
    "of another pk_x": ("ISO-3007", PINNED, proof(BOUND, pk_x=public(X_SERVER))),
    "of pqc-only": ("ISO-3007", PINNED, proof(BOUND, pk_x=b"")),
    "not bound": ("ISO-3007", PINNED_AND_BOUND, proof(ANY_NONCE)),
}  # fmt: skip


@pytest.mark.parametrize(("code", "trust", "members"), BAD_PROOFS.values(), ids=list(BAD_PROOFS))
def test_a_wrong_identity(code: str, trust: ServerTrust, members: dict[str, Any]) -> None:
    """V3-ID-03 to V3-ID-06, V3-ID-08."""
    refused(code, handshake_v3.client_finish, hello(), answer(**members), trust)


@pytest.mark.parametrize("pin", [SERVER.spki, SERVER.pk[:-1], b""])
def test_a_pin_that_no_server_can_meet(pin: bytes) -> None:
    with pytest.raises(LengthError, match="pinned must be 1952 bytes"):
        ServerTrust(pin)


def test_a_nonce_that_binds_nothing_is_taken_by_who_does_not_ask() -> None:
    """V3-ID-08."""
    assert handshake_v3.client_finish(hello(), answer(**proof(ANY_NONCE)), PINNED).sid == SID


@pytest.mark.parametrize("part", ["ct", "pk_x_server"])
def test_the_bound_nonce_commits_to_each_part(part: str) -> None:
    """V3-ID-07: the signature as it is published still verifies."""
    changed = {"ct": b64(encapsulate(PEER.ek)[1]), "pk_x_server": b64(public(secret("relay")))}[part]
    reply = answer(**proof(BOUND), **{part: changed})
    assert handshake_v3.client_finish(hello(), reply, PINNED).sid == SID
    refused("ISO-3007", handshake_v3.client_finish, hello(), reply, PINNED_AND_BOUND)


def test_where_one_part_ends_and_the_next_begins_matters() -> None:
    """V3-ID-02."""
    hashes = {
        server_identity.transcript_hash(b"ab", b"c", b"", ""),
        server_identity.transcript_hash(b"a", b"bc", b"", ""),
        server_identity.transcript_hash(b"abc", b"", b"", ""),
        server_identity.transcript_hash(b"ab", b"", b"c", ""),
        server_identity.transcript_hash(b"ab", b"", b"", "c"),
    }
    assert len(hashes) == 5
    assert server_identity.bound_nonce(b"ab", b"c") != server_identity.bound_nonce(b"a", b"bc")


# Tickets and resumption ------------------------------------------------------------------------------------------

PSK = secret("psk")
KEYS = TicketKeys(TICKET_KEY)


def ticket(plaintext: object, *, key: bytes = TICKET_KEY, nonce: bytes = secret("ticket nonce", 12)) -> str:
    """A ticket sealed by OpenSSL."""
    text = plaintext if isinstance(plaintext, bytes) else json.dumps(plaintext).encode()
    return f"{b64(nonce)}.{b64(seal(key, nonce, text))}"


GOOD = ticket({"psk": b64(PSK), "exp": NOW + 1})


@given(st.binary(min_size=32, max_size=32), st.integers(0, 2**53), st.binary(min_size=12, max_size=12))
def test_tickets(psk: bytes, expires: int, nonce: bytes) -> None:
    """V3-TICKET-12: good until the millisecond before it expires."""
    made = seal_ticket(psk, expires, TICKET_KEY, nonce)
    first, second = made.split(".")
    assert unb64(first) == nonce
    assert json.loads(unseal(TICKET_KEY, nonce, unb64(second))) == {"psk": b64(psk), "exp": expires}
    assert open_ticket(made, KEYS, expires - 1) == psk
    assert open_ticket(made, KEYS, expires) is None


BAD_TICKETS = {
    "empty": "",
    "no dot": GOOD.replace(".", ""),
    "two dots": GOOD.replace(".", ".."),
    "nonce alone": GOOD.partition(".")[0] + ".",
    "not base64": "?.?",
    "not ASCII": "é.é",
    "a long nonce": b64(bytes(13)) + "." + GOOD.partition(".")[2],
    "tampered": GOOD[:-2] + ("A" if GOOD[-2] != "A" else "B") + GOOD[-1],
    "of another key": ticket({"psk": b64(PSK), "exp": NOW + 1}, key=secret("another")),
    "expired": ticket({"psk": b64(PSK), "exp": NOW}),
    "not JSON": ticket(b"psk"),
    "not an object": ticket([b64(PSK), NOW + 1]),
    "no psk": ticket({"exp": NOW + 1}),
    "a short psk": ticket({"psk": b64(PSK[:-1]), "exp": NOW + 1}),
    "psk is no base64": ticket({"psk": "?", "exp": NOW + 1}),
    "no exp": ticket({"psk": b64(PSK)}),
    "exp is a text": ticket({"psk": b64(PSK), "exp": str(NOW + 1)}),
    "exp is true": ticket({"psk": b64(PSK), "exp": True}),
    "exp is a float": ticket({"psk": b64(PSK), "exp": NOW + 1.5}),
}


@pytest.mark.parametrize("text", BAD_TICKETS.values(), ids=list(BAD_TICKETS))
def test_bad_tickets_open_to_nothing(text: str) -> None:
    """V3-TICKET-05."""
    assert open_ticket(GOOD, KEYS, NOW) == PSK
    assert open_ticket(text, KEYS, NOW) is None


def test_the_keys_before_a_rotation_still_open() -> None:
    """V3-TICKET-10, V3-TICKET-11."""
    fresh = secret("fresh key")
    assert open_ticket(GOOD, TicketKeys(fresh, (secret("older"), TICKET_KEY)), NOW) == PSK
    assert open_ticket(GOOD, TicketKeys(fresh), NOW) is None
    for wrong in (b"", bytes(31), bytes(33)):
        with pytest.raises(LengthError):
            TicketKeys(wrong)
        with pytest.raises(LengthError):
            TicketKeys(fresh, (wrong,))


RN, SRN = secret("rn"), secret("srn")


def answer_resume(**changes: Any) -> Accepted | Declined:
    members = {"resume": GOOD, "rn": b64(RN)} | changes
    given = {name: value for name, value in members.items() if value is not None}
    return resumption.answer_resume(given, keys=KEYS, srn=SRN, sid=SID, now=NOW, ticket=TICKET)


def test_a_resumption() -> None:
    """V3-TICKET-02, V3-TICKET-03, V3-TICKET-04."""
    accepted = answer_resume()
    assert isinstance(accepted, Accepted)
    members = json.loads(accepted.reply.body)
    assert list(members) == ["sid", "srn", "ticket", "resumed"]
    assert (members["sid"], members["srn"], members["resumed"]) == (SID, b64(SRN), True)
    assert open_ticket(members["ticket"], KEYS, NOW) == PSK
    keys = expected(hkdf(PSK + RN + SRN, "nen/v3 resume-ss"))[0]
    assert accepted.session.keys == keys
    assert (accepted.session.family, accepted.session.created_at) == ("v3", NOW)
    asked = resumption.resume_hello(Resumption(GOOD, PSK), RN)
    assert json.loads(asked.body) == {"resume": GOOD, "rn": b64(RN), "securityMode": "hybrid"}
    finished = resumption.finish_resume(asked, accepted.reply)
    assert finished == Established(SID, keys, Resumption(members["ticket"], PSK))


@pytest.mark.parametrize("value", [*BAD_TICKETS.values(), 7, True, [GOOD], {"ticket": GOOD}])
def test_a_ticket_that_is_none_is_declined(value: object) -> None:
    """V3-TICKET-05, V3-TICKET-06."""
    declined = answer_resume(resume=value)
    assert isinstance(declined, Declined)
    assert (declined.reply.status, json.loads(declined.reply.body)) == (409, {"resumed": False})


BAD_RN: list[tuple[str, object]] = [
    ("ISO-1001", None),
    ("ISO-1001", ""),
    ("ISO-1001", 7),
    ("ISO-6002", "?"),
    ("ISO-1002", b64(bytes(31))),
    ("ISO-1002", b64(bytes(33))),
]


@pytest.mark.parametrize(("code", "rn"), BAD_RN)
def test_an_rn_that_is_none_is_refused(code: str, rn: object) -> None:
    """V3-TICKET-13."""
    refused(code, answer_resume, rn=rn)


RESUMED: dict[str, Any] = {"sid": SID, "srn": b64(SRN), "ticket": "a.b", "resumed": True}
BAD_RESUMED = {
    "refused": Reply(400, {}, b'{"error":{"code":"ISO-1001","message":""}}'),
    "a full handshake's": answer(),
    **{
        name: json_reply(200, json.dumps({k: v for k, v in (RESUMED | change).items() if v is not None}).encode())
        for name, change in {
            "not resumed": {"resumed": False},
            "resumed is a text": {"resumed": "true"},
            "no sid": {"sid": None},
            "no srn": {"srn": None},
            "a short srn": {"srn": b64(bytes(31))},
            "with a key": {"hmac": b64(bytes(32))},
            "ticket is no text": {"ticket": 7},
        }.items()
    },
}


@pytest.mark.parametrize("reply", BAD_RESUMED.values(), ids=list(BAD_RESUMED))
def test_bad_answers_to_a_resumption(reply: Reply) -> None:
    """V3-TICKET-16."""
    refused("ISO-1004", resumption.finish_resume, resumption.resume_hello(Resumption(GOOD, PSK), RN), reply)


def test_a_client_whose_resumption_is_declined_is_as_it_was() -> None:
    """V3-TICKET-08."""
    client = ClientSession(version=V3)
    client.start_handshake(resumption.resume_hello(Resumption(GOOD, PSK), RN))
    assert client.finish_handshake(json_reply(409, b'{"resumed":false}')) is False
    assert not client.established
    client.start_handshake(hello())
    assert client.finish_handshake(answer()) is True


# The ratchet -----------------------------------------------------------------------------------------------------


def test_the_ratchet() -> None:
    """V3-REKEY-02, V3-REKEY-09, V3-REKEY-11."""
    client = ClientSession(version=V3)
    client.start_handshake(hello())
    client.finish_handshake(answer())
    keys = handshake_v3.client_finish(hello(), answer()).keys
    after = SessionKeys(hkdf(keys.enc, "nen/v3 ratchet"), hkdf(keys.mac, "nen/v3 ratchet"))
    assert key_schedule.ratchet(keys) == after
    successor = client.ratchet()
    assert (successor.sid, successor.resumption) == (client.sid, client.resumption)
    n = secret("n", 12)
    sealed = json_reply(200, json.dumps({"ct": b64(seal(after.enc, n, b"1")), "n": b64(n)}).encode())
    assert successor.open_reply(sealed) == b"1"
    refused("ISO-4001", client.open_reply, sealed)
    under_way = json_reply(200, json.dumps({"ct": b64(seal(keys.enc, n, b"2")), "n": b64(n)}).encode())
    assert client.open_reply(under_way) == b"2"
    successor.close()
    assert successor.resumption is None


@pytest.mark.parametrize("name", ["endpoint", "from", "to", "issuedAt"])
def test_an_attestation_that_nobody_can_have_signed(name: str) -> None:
    """V3-ATT-04: `json.loads` lets a lone surrogate in."""
    members = {
        **attestation.Attestation("/api", SecurityMode.HYBRID, "2026-01-01T00:00:00.000Z").members,
        name: "\ud800",
    }
    assert attestation.verify_attestation(members, bytes(3309), IDENTITY.pk) is None


def test_nothing_shows_its_secrets() -> None:
    """repr, str and errors of all that V3 has."""
    established = handshake_v3.client_finish(hello(), answer())
    assert established.resumption is not None
    values: list[tuple[object, bytes]] = [
        (hello(), X_CLIENT),
        (hello(), hello().dk[:1152]),  # what follows is the public key
        (established, established.keys.enc),
        (established, established.resumption.psk),
        (replace(established), established.keys.mac),
        (KEYS, TICKET_KEY),
        (TicketKeys(bytes(32), (TICKET_KEY,)), TICKET_KEY),
        (TICKET, TICKET_KEY),
        (key_schedule.derive(PSK), key_schedule.derive(PSK).psk),
        (ServerProof(IDENTITY, secret("rnd")), IDENTITY.sk[32:]),  # what comes before is of the public key
        (
            refused("ISO-3007", handshake_v3.client_finish, hello(), answer(**proof(ANY_NONCE)), PINNED_AND_BOUND),
            X_CLIENT,
        ),
    ]
    for value, key in values:
        assert not leaks(texts_of(value), key)
