"""Everything in the protocol calculates with the suite it is given, and with no other.

The suite of these tests calculates nothing: every operation answers with a constant that no real one would give.
"""

from __future__ import annotations

import base64
import json

from nen_ref.primitives import ml_dsa, ml_kem
from nen_ref.primitives.suite import Suite
from nen_ref.protocol.client import ClientSession
from nen_ref.protocol.handshake import ClientHello, client_finish, client_hello, respond
from nen_ref.protocol.identity import Identity, prove_identity, verify_identity
from nen_ref.protocol.messages import Headers, Reply, Request
from nen_ref.protocol.payload import Envelope, open_envelope, seal
from nen_ref.protocol.responses import seal_response
from nen_ref.protocol.session import Session, SessionKeys
from nen_ref.protocol.signing import sign
from nen_ref.protocol.stream import StreamOpener, StreamSealer
from nen_ref.protocol.verification import LoadSession, NonceAnswer, RecordNonce, Verified, run, verify_request
from tests.protocol.oracle import b64

EK, DK, K, C, PK, SIGMA = b"ek", b"dk", b"K" * 32, b"c" * 1088, b"p" * 1952, b"sigma"
MAC, SEALED, OPENED = b"mac", b"sealed", b'"opened"'


def check_ek(ek: bytes) -> None:
    if ek != EK:
        raise AssertionError("another key")


CONSTANT = Suite(
    name="constant",
    version="1",
    ml_kem_768_keygen=lambda d, z: ml_kem.KeyPair(EK, DK),
    ml_kem_768_check_ek=check_ek,
    ml_kem_768_encaps=lambda ek, m: ml_kem.Encapsulation(K, C),
    ml_kem_768_decaps=lambda dk, c: K,
    ml_dsa_65_keygen=lambda xi: ml_dsa.KeyPair(PK, b"sk"),
    ml_dsa_65_sign=lambda sk, M, ctx, rnd: SIGMA,
    ml_dsa_65_verify=lambda pk, M, sigma, ctx: (pk, M, sigma, ctx) == (PK, EK, SIGMA, b""),
    aead_seal=lambda key, n, plaintext: SEALED,
    aead_open=lambda key, n, sealed: OPENED,
    hmac_sha256=lambda key, text: MAC,
    hkdf_sha256=lambda ikm, info, length: b"o" * length,
    x25519=lambda k, u: b"s" * 32,
)

N, N2, BASE, NOW = b"nnnnnnnnnnnn", b"mmmmmmmmmmmm", b"bbbbbbbbbbbb", 1_800_000_000_000
KEYS = SessionKeys(K, b"m" * 32)
SESSION = Session("a session", KEYS, NOW)
IDENTITY = Identity(PK, b"sk")
JSON = {"content-type": "application/json"}
SPKI = bytes.fromhex("308207b2300b0609608648016503040312038207a100") + PK
"""RFC 9881, section 4, by hand: SEQUENCE of 1970 bytes, the algorithm, BIT STRING of 1953 bytes, no unused bits."""
PROOF = {"sigPk": b64(SPKI), "sigOfPk": b64(SIGMA)}
ENVELOPE = {"ct": b64(SEALED), "n": b64(N)}


def members(body: bytes | None) -> dict[str, str]:
    return dict(json.loads(body or b"null"))


def test_handshake() -> None:
    assert members(client_hello(b"", b"", suite=CONSTANT).body) == {"pk": b64(EK)}
    assert members(client_hello(b"", b"", IDENTITY, suite=CONSTANT).body) == {"pk": b64(EK), **PROOF}
    hello = json.dumps({"pk": b64(EK), **PROOF}).encode()
    accepted = respond(hello, m=b"", mac_key=KEYS.mac, sid="s", now=NOW, suite=CONSTANT)
    assert accepted.session == Session("s", KEYS, NOW, PK)
    assert members(accepted.reply.body)["ct"] == b64(C)
    assert client_finish(ClientHello(b"", EK, DK), accepted.reply, suite=CONSTANT) == ("s", KEYS)


def test_identity() -> None:
    assert Identity.from_seed(b"", suite=CONSTANT) == IDENTITY
    assert prove_identity(IDENTITY, EK, b"", suite=CONSTANT) == PROOF
    assert verify_identity(dict(PROOF), EK, suite=CONSTANT) == PK


def test_payload_and_signature() -> None:
    assert seal(K, N, b"", suite=CONSTANT) == Envelope(SEALED, N)
    assert open_envelope(K, Envelope(b"", N), suite=CONSTANT) == OPENED
    assert sign(KEYS.mac, b"", suite=CONSTANT) == b64(MAC)


def test_client_session() -> None:
    client = ClientSession(suite=CONSTANT)
    client.start_handshake(ClientHello(b"", EK, DK))
    client.finish_handshake(Reply(200, JSON, json.dumps({"sid": "s", "ct": b64(C), "hmac": b64(KEYS.mac)}).encode()))
    signed = client.request("POST", "/", b"{}", n=N, timestamp=NOW)
    assert members(signed.body) == ENVELOPE
    assert signed.headers["x-nen-signature"] == b64(MAC)
    assert client.open_reply(Reply(200, JSON, json.dumps({"ct": "", "n": b64(N2)}).encode())) == OPENED
    head = Headers([("content-type", "text/event-stream"), ("x-nen-stream-nonce", b64(BASE))])
    assert list(client.open_stream(Reply(200, head)).feed(b"data: AAAA\n\n")) == [OPENED]


def test_server() -> None:
    signed = Headers([("x-nen-session", "s"), ("x-nen-timestamp", str(NOW)), ("x-nen-signature", b64(MAC))])
    request = Request("POST", "/", signed, json.dumps(ENVELOPE).encode())

    def load(question: LoadSession) -> Session:
        return SESSION

    def record(question: RecordNonce) -> NonceAnswer:
        return NonceAnswer.NEW

    verified = run(verify_request(request, NOW, suite=CONSTANT), load, record)
    assert verified == Verified(SESSION, OPENED, N, True)
    assert members(seal_response(verified, 200, b"{}", N2, suite=CONSTANT).body) == {"ct": b64(SEALED), "n": b64(N2)}


def test_streams() -> None:
    event = b"data: " + base64.b64encode(SEALED) + b"\n\n"
    sealer = StreamSealer(K, BASE, suite=CONSTANT)
    assert (sealer.seal(b"x"), sealer.finish()) == (event, event)
    assert list(StreamOpener(K, BASE, suite=CONSTANT).feed(event)) == [OPENED]
