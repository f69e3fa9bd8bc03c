"""What V2 changes, step by step: where the nonce is, HEAD, several versions at once; and attestations of V3.

Expected values are typed by hand, or come from OpenSSL and the standard library.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from nen_ref.protocol.attestation import Attestation, attest, read_attestation, verify_attestation
from nen_ref.protocol.carriage import Carried, read_from_header, write_to_body, write_to_header
from nen_ref.protocol.client import ClientSession
from nen_ref.protocol.handshake import client_hello
from nen_ref.protocol.handshake_v3 import SecurityMode
from nen_ref.protocol.identity import Identity
from nen_ref.protocol.messages import Headers, Request, json_reply
from nen_ref.protocol.responses import head_response
from nen_ref.protocol.session import Session, SessionKeys
from nen_ref.protocol.verification import NonceAnswer, Verified, run, verify_request
from nen_ref.protocol.versions import V1, V2, V3, Version, answering, speaking
from tests.protocol.oracle import KemPeer, Signer, b64, encapsulate, leaks, refused, seal, secret, signature

NOW = 1_800_000_000_000
KEYS = SessionKeys(secret("enc"), secret("mac"))
N = secret("n", 12)
PAYLOAD = b'{"a":1}'
SEALED = seal(KEYS.enc, N, PAYLOAD)
versions = pytest.mark.parametrize("version", [V2, V3], ids=repr)


def request(
    method: str = "POST",
    *,
    ct: bytes | None = SEALED,
    nonce: str | None = b64(N),
    body: bytes | None = None,
    **more: str,
) -> Request:
    """A request of V2 signed by the standard library; `nonce` None leaves the header out."""
    signed = signature(KEYS.mac, method, "/api/echo", str(NOW), nonce or "")
    headers = {"x-nen-session": "s", "x-nen-timestamp": str(NOW), "x-nen-signature": signed} | more
    if nonce is not None:
        headers["X-Nen-Nonce"] = nonce
    if body is None:
        body = b"" if ct is None else json.dumps({"ct": b64(ct)}).encode()
    return Request(method, "/api/echo", Headers(headers.items()), body)


def verify(sent: Request, *offered: Version, family: str = "v1", used: bool = False) -> Verified:
    session = Session("s", KEYS, 0, family=family)
    answer = NonceAnswer.USED if used else NonceAnswer.NEW
    return run(verify_request(sent, NOW, versions=offered), lambda _: session, lambda _: answer)


@versions
@pytest.mark.parametrize("method", ["POST", "GET", "HEAD", "DELETE"])
def test_a_request_passes_with_a_body_and_without(version: Version, method: str) -> None:
    """V2-REQ-01, V2-REQ-09, V2-REQ-10."""
    verified = verify(request(method), version, family=version.family)
    assert (verified.payload, verified.n, verified.signed, verified.version) == (PAYLOAD, N, True, version)
    verified = verify(request(method, ct=None), version, family=version.family)
    assert (verified.payload, verified.n, verified.version) == (None, N, version)


@versions
def test_a_replay_is_refused_without_a_body_too(version: Version) -> None:
    """V2-REPLAY-01."""
    for ct in (SEALED, None):
        refused("ISO-5001", verify, request(ct=ct), version, family=version.family, used=True)


BAD = {
    "no nonce": ("ISO-3005", {"nonce": None}, "not"),
    "an empty nonce": ("ISO-3005", {"nonce": ""}, ""),
    "no nonce, and a body that is none": ("ISO-3005", {"nonce": None, "body": b"{"}, ""),
    "no base64": ("ISO-6002", {"nonce": "?" * 16}, "x-nen-nonce is not base64"),
    "not canonical": ("ISO-6002", {"nonce": b64(N) + "\n"}, "x-nen-nonce is"),
    "eleven bytes": ("ISO-6001", {"nonce": b64(N[:11])}, "x-nen-nonce is 11 bytes, not 12"),
    "thirteen bytes": ("ISO-6001", {"nonce": b64(N + b"n")}, "x-nen-nonce is 13 bytes, not 12"),
    "another nonce": ("ISO-4001", {"nonce": b64(secret("other", 12))}, ""),
    "a body that is no object": ("ISO-6001", {"body": b"[]"}, ""),
    "a body without ct": ("ISO-6001", {"body": b'{"n":"AAAA"}'}, "ct is absent"),
    "ct is no base64": ("ISO-6002", {"body": b'{"ct":"?"}'}, "ct is not base64"),
    "no signature": ("ISO-3001", {"x-nen-signature": ""}, ""),
}  # fmt: skip


@versions
@pytest.mark.parametrize(("code", "changes", "detail"), BAD.values(), ids=list(BAD))
def test_bad_requests(version: Version, code: str, changes: dict[str, Any], detail: str) -> None:
    """V2-REQ-03 to V2-REQ-06, V2-AUTH-01, V2-AUTH-03, V2-AUTH-04."""
    error = refused(code, verify, request(**changes), version, family=version.family)
    assert detail == "not" or detail in error.detail


def test_a_nonce_in_the_body_is_a_member_like_any_other() -> None:
    """V2-REQ-07."""
    sent = request(body=json.dumps({"ct": b64(SEALED), "n": b64(bytes(12))}).encode())
    assert read_from_header(sent) == Carried(N, SEALED)
    assert verify(sent, V2).payload == PAYLOAD


def test_what_is_carried_shows_nothing_of_itself() -> None:
    carried = Carried(N, SEALED)
    assert not leaks(repr(carried), SEALED)
    assert (carried.nonce_text, Carried(None, None).nonce_text) == (b64(N), "")
    assert Carried(N, None).envelope is None
    assert Carried(N, SEALED).envelope is not None


def test_writing() -> None:
    """V1-REQ-01, V2-REQ-01."""
    written = write_to_header(N, SEALED)
    assert (written.nonce_text, dict(written.headers)) == (b64(N), {"x-nen-nonce": b64(N)})
    assert json.loads(written.body or b"") == {"ct": b64(SEALED)}
    assert write_to_header(N, None).body is None
    assert write_to_header(N, None).nonce_text == b64(N)
    assert json.loads(write_to_body(N, SEALED).body or b"") == {"ct": b64(SEALED), "n": b64(N)}
    assert (write_to_body(N, None).nonce_text, dict(write_to_body(N, None).headers), write_to_body(N, None).body) == (
        "", {}, None
    )  # fmt: skip


def test_the_client() -> None:
    """V2-REQ-01, V2-RES-03: without a body the nonce is spent too, and an answer under it is a reflection."""
    client = ClientSession(version=V2)
    peer = KemPeer("v2")
    client.start_handshake(client_hello(peer.d, peer.z))
    ss, ct = encapsulate(peer.ek)
    mac = secret("mac")
    assert client.finish_handshake(json_reply(200, json.dumps({"sid": "s", "ct": b64(ct), "hmac": b64(mac)}).encode()))
    signed = client.request("GET", "/api/echo", None, n=N, timestamp=NOW)
    assert signed.body is None
    assert dict(signed.headers) == {
        "x-nen-session": "s",
        "x-nen-timestamp": str(NOW),
        "x-nen-signature": signature(mac, "GET", "/api/echo", str(NOW), b64(N)),
        "x-nen-nonce": b64(N),
    }
    refused("ISO-4002", client.request, "GET", "/api/echo", None, n=N, timestamp=NOW)
    reflected = json.dumps({"ct": b64(seal(ss, N, b"1")), "n": b64(N)}).encode()
    refused("ISO-4001", client.open_reply, json_reply(200, reflected))


@pytest.mark.parametrize(("status", "told"), [(200, 200), (404, 404), (204, 200), (205, 200), (304, 200)])
@pytest.mark.parametrize(("size", "length"), [(0, 56), (1, 56), (2, 56), (3, 60), (29, 92)])
def test_head(status: int, told: int, size: int, length: int) -> None:
    """V2-RES-02: 32 bytes around the text of `ct`, which is 4/3 of the payload and its tag."""
    reply = head_response(status, size)
    assert (reply.status, reply.body) == (told, b"")
    assert dict(reply.headers) == {
        "content-type": "application/json",
        "content-length": str(length),
        "cache-control": "no-store",
    }


def test_which_version_a_request_is_in() -> None:
    """V2-AUTH-06, V3-VER-02, V3-VER-06."""
    of_v1, of_v3 = Session("s", KEYS, 0), Session("s", KEYS, 0, family="v3")
    with_header, without = request(), request(nonce=None)
    everything = (V1, V2, V3)
    assert speaking(everything, of_v1, with_header) is V2
    assert speaking(everything, of_v1, without) is V1
    assert speaking(everything, of_v3, without) is V3
    assert speaking((V1,), of_v1, with_header) is V1
    assert speaking((V2,), of_v1, without) is V2
    assert "v3" in refused("ISO-2002", speaking, (V1, V2), of_v3, with_header).detail
    refused("ISO-2002", speaking, (V3,), of_v1, without)


@pytest.mark.parametrize("name", ["pk_kem", "pk_x", "securityMode", "resume"])
def test_which_version_a_handshake_is_in(name: str) -> None:
    """V3-VER-01, V3-VER-03, V3-VER-04."""
    of_v3, of_v1 = json.dumps({name: None}).encode(), b'{"pk":"AAAA"}'
    for body in (of_v1, b"{", b"[]", b""):
        assert answering((V1, V2, V3), body) is V1
        assert answering((V3, V2), body) is V2
        assert answering((V3,), body) is V3
    assert answering((V1, V2, V3), of_v3) is V3
    assert answering((V1,), of_v3) is V1


SIGNER = Signer("attester")
SAID = Attestation("/api/echo", SecurityMode.HYBRID, "2026-11-24T02:12:05.894Z", valid_to="2027-01-01T00:00:00.000Z")
TEXT = (
    b'{"v":"NEN-ATTESTATION-1","endpoint":"/api/echo","protocol":"NEN-PROTOCOL-V3","suite":"ML-KEM-768 + X25519 / '
    b'HKDF-SHA256 / ChaCha20-Poly1305 / HMAC-SHA256 / ML-DSA-65","securityMode":"hybrid",'
    b'"to":"2027-01-01T00:00:00.000Z","issuedAt":"2026-11-24T02:12:05.894Z"}'
)


def test_an_attestation() -> None:
    """V3-ATT-01 to V3-ATT-06."""
    assert SAID.signed_text == TEXT
    members = json.loads(TEXT)
    assert read_attestation({**members, "further": 1}) == SAID
    theirs = SIGNER.sign(TEXT)
    assert verify_attestation(members, theirs, SIGNER.pk) == SAID
    assert verify_attestation(members, theirs, Signer("another").pk) is None
    assert verify_attestation({**members, "endpoint": "/api/other"}, theirs, SIGNER.pk) is None
    ours = attest(Identity.from_seed(SIGNER.seed), SAID)
    assert (ours.attestation, ours.pk) == (SAID, SIGNER.pk)
    SIGNER.verifies(ours.signature, TEXT)
    hedged = attest(Identity.from_seed(SIGNER.seed), SAID, secret("rnd"))
    SIGNER.verifies(hedged.signature, TEXT)
    assert hedged.signature != ours.signature


@pytest.mark.parametrize("name", [name for name in json.loads(TEXT) if name != "to"])
def test_a_member_that_is_wrong_makes_none(name: str) -> None:
    """V3-ATT-05: absent, or not a text; of those that are fixed, also another text."""
    members = json.loads(TEXT)
    assert read_attestation({k: v for k, v in members.items() if k != name}) is None
    assert read_attestation({**members, name: 7}) is None
    if name in ("v", "protocol", "suite", "securityMode"):
        assert read_attestation({**members, name: members[name] + "x"}) is None


def test_an_attestation_with_both_ends() -> None:
    both = replace(SAID, valid_from="2026-01-01T00:00:00.000Z", mode=SecurityMode.PQC_ONLY)
    assert read_attestation(both.members) == both
    assert list(both.members) == ["v", "endpoint", "protocol", "suite", "securityMode", "from", "to", "issuedAt"]
    assert both.members["securityMode"] == "pqc-only"
