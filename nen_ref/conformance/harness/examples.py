"""An example of the arguments of every operation, with real values: for `--check`, and for the page on harnesses.

Keys and texts follow from a fixed seed, so that the examples are the same each time; none of them is secret.
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Any

from nen_ref.conformance.harness.operations import OPERATIONS
from nen_ref.conformance.model import Kind
from nen_ref.primitives.ml_dsa import ML_DSA_65
from nen_ref.primitives.ml_dsa_keys import encode_spki
from nen_ref.primitives.suite import REFERENCE
from nen_ref.protocol.attestation import Attestation, attest
from nen_ref.protocol.carriage import write_to_header
from nen_ref.protocol.errors import AUTH_SIGNATURE_INVALID, error_body
from nen_ref.protocol.handshake import client_hello, respond
from nen_ref.protocol.handshake_v3 import NewTicket, Resumption, SecurityMode
from nen_ref.protocol.handshake_v3 import client_hello as client_hello_v3
from nen_ref.protocol.handshake_v3 import respond as respond_v3
from nen_ref.protocol.identity import Identity
from nen_ref.protocol.messages import SESSION_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER
from nen_ref.protocol.payload import dump_envelope, seal
from nen_ref.protocol.resumption import answer_resume, resume_hello
from nen_ref.protocol.seal import seal_to
from nen_ref.protocol.seal_fields import seal_fields
from nen_ref.protocol.seal_framed import seal_framed
from nen_ref.protocol.seal_media import seal_media
from nen_ref.protocol.seal_signed import sign as sign_envelope
from nen_ref.protocol.seal_webhook import seal_webhook
from nen_ref.protocol.signing import canonical_string, sign
from nen_ref.protocol.stream import StreamSealer
from nen_ref.protocol.tickets import TICKET_LIFE_MS, TicketKeys
from nen_ref.protocol.wire import dump_json, encode_base64, parse_json_object

NOW = 1_795_500_000_000
SID = "6f1ed002-ab55-4e8f-9c3a-2b1f7d0c9e11"


def some_bytes(label: str, size: int) -> bytes:
    return hashlib.shake_256(f"nen-ref harness example {label}".encode()).digest(size)


@cache
def examples() -> dict[str, dict[str, Any]]:
    """The arguments of every library operation; those of clients and servers name objects that only a run knows.

    Not to be changed: the values are made once.
    """
    d, z, m, xi = (some_bytes(label, 32) for label in ("d", "z", "m", "xi"))
    secret, hmac_key, n = some_bytes("secret", 32), some_bytes("hmac key", 32), some_bytes("n", 12)
    ek, dk = REFERENCE.ml_kem_768_keygen(d, z)
    pk, sk = REFERENCE.ml_dsa_65_keygen(xi)
    message = b"Nen"
    hello = client_hello(d, z)
    accepted = respond(hello.body, m=m, mac_key=hmac_key, sid=SID, now=NOW)
    body = dump_envelope(seal(secret, n, b'{"hello":"world"}')).decode()
    sealer = StreamSealer(secret, n)
    signature = sign(hmac_key, canonical_string("POST", "/api/echo", str(NOW), encode_base64(n)))
    signed = {SESSION_HEADER: SID, TIMESTAMP_HEADER: str(NOW), SIGNATURE_HEADER: signature}
    line = {"method": "POST", "target": "/api/echo?x=1", "timestamp": str(NOW), "nonce": encode_base64(n)}
    x, ticket_key = some_bytes("x", 32), some_bytes("ticket key", 32)
    hybrid = client_hello_v3(d, z, x)
    ticket = NewTicket(ticket_key, n, NOW + TICKET_LIFE_MS)
    answered = respond_v3(hybrid.body, m=m, x=x, sid=SID, now=NOW, ticket=ticket)
    sealed_ticket = ticket.seal(secret)
    asked = resume_hello(Resumption(sealed_ticket, secret), message * 8 + bytes(8))
    resumed = answer_resume(
        parse_json_object(asked.body), keys=TicketKeys(ticket_key), srn=x, sid=SID, now=NOW, ticket=ticket
    )
    attestation = Attestation("/api/echo", SecurityMode.HYBRID, "2026-11-24T02:12:05.894Z")
    written = write_to_header(n, seal(secret, n, b'{"hello":"world"}').ct)
    v3: dict[str, dict[str, Any]] = {
        "payload.seal_v2": {"secret": secret, "n": n, "payload": '{"hello":"world"}'},
        "payload.open_v2": {
            "secret": secret,
            "nonce_header": written.nonce_text,
            "body": (written.body or b"").decode(),
        },
        "v3.combine": {"x_ss": x, "kem_ss": secret},
        "v3.derive": {"ss": secret},
        "v3.ratchet": {"enc": secret, "mac": hmac_key},
        "v3.hello": {"d": d, "z": z, "x": x},
        "v3.respond": {
            "body": hybrid.body.decode(),
            "m": m,
            "x": x,
            "sid": SID,
            "ticket_key": ticket_key,
            "ticket_nonce": n,
            "ticket_expires": ticket.expires,
            "identity_seed": xi,
        },
        "v3.finish": {"d": d, "z": z, "x": x, "status": 200, "body": answered.reply.body.decode()},
        "v3.transcript_hash": {"pk_kem": ek, "pk_x": hybrid.pk_x, "server_nonce": secret, "sid": SID},
        "v3.bound_nonce": {"ct": some_bytes("ct", 1088), "pk_x_server": hybrid.pk_x},
        "v3.ticket_seal": {"psk": secret, "expires": ticket.expires, "key": ticket_key, "nonce": n},
        "v3.ticket_open": {"ticket": sealed_ticket, "keys": [ticket_key], "now": NOW},
        "v3.resume_hello": {"ticket": sealed_ticket, "rn": asked.rn},
        "v3.resume_respond": {
            "body": asked.body.decode(),
            "keys": [ticket_key],
            "now": NOW,
            "srn": x,
            "sid": SID,
            "ticket_nonce": n,
            "ticket_expires": ticket.expires,
        },
        "v3.resume_finish": {"psk": secret, "rn": asked.rn, "status": 200, "body": resumed.reply.body.decode()},
        "v3.attest": {
            "seed": xi,
            "endpoint": attestation.endpoint,
            "security_mode": attestation.mode.value,
            "issued_at": attestation.issued_at,
        },
        "v3.attest_verify": {
            "attestation": attestation.signed_text.decode(),
            "signature": attest(Identity.from_seed(xi), attestation).signature,
            "public_key": pk,
        },
    }
    found: dict[str, dict[str, Any]] = {
        **v3,
        "hmac_sha256": {"key": hmac_key, "message": message},
        "hkdf_sha256": {"ikm": secret, "info": b"nen/v3 enc", "length": 32},
        "x25519": {"k": d, "u": some_bytes("pk_x", 32)},
        "aead.seal": {"key": secret, "nonce": n, "plaintext": message},
        "aead.open": {"key": secret, "nonce": n, "ciphertext": REFERENCE.aead_seal(secret, n, message)},
        "ml_kem_768.keygen": {"d": d, "z": z},
        "ml_kem_768.encaps": {"ek": ek, "m": m},
        "ml_kem_768.decaps": {"dk": dk, "c": REFERENCE.ml_kem_768_encaps(ek, m)[1]},
        "ml_kem_768.new_key_pair": {},
        "ml_kem_768.encapsulate": {"ek": ek},
        "ml_dsa_65.keygen": {"xi": xi},
        "ml_dsa_65.sign": {"sk": sk, "message": message, "rnd": bytes(32)},
        "ml_dsa_65.new_key_pair": {},
        "ml_dsa_65.sign_hedged": {"sk": sk, "message": message},
        "ml_dsa_65.verify": {
            "pk": pk,
            "message": message,
            "signature": REFERENCE.ml_dsa_65_sign(sk, message, b"", bytes(32)),
        },
        "base64.encode": {"bytes": message},
        "base64.decode": {"text": encode_base64(message)},
        "spki.encode": {"pk": pk},
        "spki.decode": {"spki": encode_spki(ML_DSA_65, pk)},
        "canonical_string": line,
        "request.sign": {"hmac_key": hmac_key} | line,
        "request.verify": {
            "session": {"sid": SID, "secret": secret, "hmac_key": hmac_key},
            "now": NOW + 1000,
            "used_nonces": [],
            "request": {"method": "POST", "target": "/api/echo?x=1", "headers": signed, "body": body},
        },
        "payload.seal": {"secret": secret, "n": n, "payload": '{"hello":"world"}'},
        "payload.open": {"secret": secret, "body": body},
        "response.seal": {"secret": secret, "request_n": bytes(12), "n": n, "payload": '{"ok":true}'},
        "handshake.hello": {"d": d, "z": z},
        "handshake.respond": {"body": hello.body.decode(), "m": m, "hmac_key": hmac_key, "sid": SID},
        "handshake.finish": {"d": d, "z": z, "status": 200, "body": accepted.reply.body.decode()},
        "stream.nonce": {"base_nonce": n, "index": 257},
        "stream.seal": {"secret": secret, "base_nonce": n, "chunks": ["Once ", "upon"]},
        "stream.seal_at": {"secret": secret, "base_nonce": n, "index": 70000, "chunk": "Once"},
        "stream.open": {"secret": secret, "base_nonce": n, "pieces": [sealer.seal(b"Once "), sealer.finish()]},
        **envelopes(ek, dk, m, n, xi),
        "error.status": {"code": "ISO-3002"},
        "error.read": {"body": error_body(AUTH_SIGNATURE_INVALID).decode()},
    }
    assert set(found) == {name for name, op in OPERATIONS.items() if op.kind is Kind.LIBRARY}
    return found


def envelopes(ek: bytes, dk: bytes, m: bytes, n: bytes, xi: bytes) -> dict[str, dict[str, Any]]:
    """The examples of sealed envelopes."""
    identity = Identity.from_seed(xi)
    whole: dict[str, Any] = {"ek": ek, "payload": b"Nen", "context": "greeting", "m": m, "n": n}
    framed: dict[str, Any] = {"ek": ek, "payload": b"Nen", "m": m, "frame_size": 2}
    payload = '{"order":7}'
    value = {"user": {"ssn": "123"}}
    sealed = seal_to(ek, b"Nen", context="greeting", m=m, n=n)
    signed = sign_envelope(sealed, identity, bytes(32))
    frames = seal_framed(ek, b"Nen", context="greeting", m=m, frame_size=2)
    media = seal_media(ek, b"Nen", "text/plain", m=m, frame_size=2)
    fields = seal_fields(ek, value, {"user.ssn": (m, n)})
    webhook = seal_webhook(ek, identity, "order.created", payload.encode(), m=m, n=n, rnd=bytes(32))
    opening: dict[str, Any] = {"dk": dk, "context": "greeting"}
    return {
        "seal.seal": whole,
        "seal.open": opening | {"body": text_of(sealed)},
        "seal.sign": whole | {"signer_seed": xi},
        "seal.open_signed": opening | {"body": text_of(signed), "signers": [identity.pk]},
        "seal.frames": framed | {"context": "greeting"},
        "seal.open_frames": opening | {"body": text_of(frames), "size": 3, "size_in_context": False},
        "seal.fields": {"ek": ek, "body": text_of(value), "paths": ["user.ssn"], "draws": [{"m": m, "n": n}]},
        "seal.open_fields": {"dk": dk, "body": text_of(fields), "paths": ["user.ssn"]},
        "seal.webhook": {"ek": ek, "signer_seed": xi, "event": "order.created", "payload": payload, "m": m, "n": n},
        "seal.open_webhook": {
            "dk": dk,
            "headers": dict(webhook.headers),
            "body": webhook.body.decode(),
            "signers": [identity.pk],
            "events": ["order.created"],
        },
        "seal.media": framed | {"type": "text/plain"},
        "seal.open_media": {"dk": dk, "body": text_of(media), "types": ["text/plain"], "size": 3},
    }


def text_of(value: object) -> str:
    return dump_json(value).decode()
