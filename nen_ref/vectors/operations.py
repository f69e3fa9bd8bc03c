"""The operations that have vectors: names, arguments, results. One primitive or one step of the protocol each.

Bytes in, values out, no state: what a vector file records is `input` and `output` of one of these. The harness protocol
of the conformance suite asks for the same operations, so that whoever has a harness has a reader of the vectors.
Bytes are lower-case hexadecimal; a wire text stands as it is on the wire.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Schema = dict[str, Any]


def octets(size: int | None = None) -> Schema:
    """Bytes as lower-case hexadecimal, of a fixed `size` where one is given."""
    pattern = "^([0-9a-f]{2})*$" if size is None else f"^[0-9a-f]{{{2 * size}}}$"
    return {"type": "string", "pattern": pattern, "contentEncoding": "base16"}


TEXT: Schema = {"type": "string"}
INTEGER: Schema = {"type": "integer", "minimum": 0, "maximum": 2**53 - 1}
U32: Schema = {"type": "integer", "minimum": 0, "maximum": 2**32 - 1}
BOOLEAN: Schema = {"type": "boolean"}
ANY: Schema = {}
TEXTS: Schema = {"type": "array", "items": TEXT}
HEADERS: Schema = {"type": "object", "additionalProperties": TEXT}
OCTETS: Schema = octets()
OCTETS_LIST: Schema = {"type": "array", "items": OCTETS}
TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
OCTETS_OR_NULL: Schema = {**OCTETS, "type": ["string", "null"]}

SESSION: Schema = {
    "type": ["object", "null"],
    "properties": {"sid": TEXT, "secret": octets(32), "hmac_key": octets(32)},
    "required": ["sid", "secret", "hmac_key"],
    "additionalProperties": False,
}
REQUEST: Schema = {
    "type": "object",
    "properties": {"method": TEXT, "target": TEXT, "headers": HEADERS, "body": TEXT_OR_NULL},
    "required": ["method", "target", "headers", "body"],
    "additionalProperties": False,
}


@dataclass(frozen=True)
class Step:
    """One operation. `optional` names arguments that may be absent; `result` the members of its output, of which
    those of `optional_result` may be absent.

    `errors` are the ISO codes that it may end with; `partial` what it gives beside its code. `harness` says whether the
    harness protocol has it, `more` the arguments that only vectors give it.
    """

    name: str
    does: str
    args: Mapping[str, Schema]
    result: Mapping[str, Schema]
    optional: frozenset[str] = frozenset()
    optional_result: frozenset[str] = frozenset()
    errors: str = ""
    partial: Mapping[str, Schema] = field(default_factory=dict)
    harness: bool = True
    more: Mapping[str, Schema] = field(default_factory=dict)

    @property
    def takes(self) -> dict[str, Schema]:
        """All arguments that a vector may give it."""
        return {**self.args, **self.more}


PRIMITIVES = (
    Step(
        "hmac_sha256",
        "HMAC-SHA256 of the message.",
        {"key": OCTETS, "message": OCTETS},
        {"mac": octets(32)},
    ),
    Step(
        "hkdf_sha256",
        "HKDF-SHA256 without a salt: RFC 5869. A length of more than 8160 is refused, with ISO-9000, as there is no "
        "other code.",
        {"ikm": OCTETS, "info": OCTETS, "length": INTEGER},
        {"okm": OCTETS},
        errors="ISO-9000",
    ),
    Step(
        "x25519",
        "X25519 of a private key and a u-coordinate: RFC 7748, section 5. The result of 32 zero bytes is given like "
        "any other; a k or u of another length than 32 bytes is refused (ISO-1002).",
        {"k": OCTETS, "u": OCTETS},
        {"shared": octets(32)},
        errors="ISO-1002",
    ),
    Step(
        "chacha20.block",
        "The 64 bytes of key stream of one block: RFC 8439, 2.3.",
        {"key": octets(32), "counter": U32, "nonce": octets(12)},
        {"block": octets(64)},
        harness=False,
    ),
    Step(
        "poly1305.mac",
        "The tag of a message under a one-time key, r and s: RFC 8439, 2.5.",
        {"key": octets(32), "message": OCTETS},
        {"tag": octets(16)},
        harness=False,
    ),
    Step(
        "aead.seal",
        "ChaCha20-Poly1305 with empty AAD: ciphertext and tag.",
        {"key": octets(32), "nonce": octets(12), "plaintext": OCTETS},
        {"ciphertext": OCTETS},
    ),
    Step(
        "aead.open",
        "The inverse; ISO-4001 if it does not open.",
        {"key": octets(32), "nonce": octets(12), "ciphertext": OCTETS},
        {"plaintext": OCTETS},
        errors="ISO-4001",
    ),
    Step(
        "ml_kem_768.keygen",
        "Key pair from the seed (d, z): FIPS 203, algorithm 16.",
        {"d": octets(32), "z": octets(32)},
        {"ek": octets(1184), "dk": octets(2400)},
    ),
    Step(
        "ml_kem_768.encaps",
        "Encapsulation with given randomness m: FIPS 203, algorithm 17, after the check of 7.2 (ISO-1002).",
        {"ek": OCTETS, "m": octets(32)},
        {"K": octets(32), "c": octets(1088)},
        errors="ISO-1002",
    ),
    Step(
        "ml_kem_768.decaps",
        "Decapsulation: FIPS 203, algorithm 21. A c of another length, or a dk that fails the checks of 7.3: ISO-1002.",
        {"dk": OCTETS, "c": OCTETS},
        {"K": octets(32)},
        errors="ISO-1002",
    ),
    Step(
        "ml_kem_768.check_ek",
        "The check of an encapsulation key: FIPS 203, 7.2.",
        {"ek": OCTETS},
        {},
        harness=False,
    ),
    Step(
        "ml_kem_768.check_dk",
        "The check of a decapsulation key: FIPS 203, 7.3, steps 2 and 3.",
        {"dk": OCTETS},
        {},
        harness=False,
    ),
    Step(
        "ml_kem_768.new_key_pair",
        "A key pair from the library's own randomness.",
        {},
        {"ek": octets(1184), "dk": octets(2400)},
    ),
    Step(
        "ml_kem_768.encapsulate",
        "Encapsulation with the library's own randomness, after the check of 7.2 (ISO-1002).",
        {"ek": OCTETS},
        {"K": octets(32), "c": octets(1088)},
        errors="ISO-1002",
    ),
    Step(
        "ml_dsa_65.keygen",
        "Key pair from the seed xi: FIPS 204, algorithm 6.",
        {"xi": octets(32)},
        {"pk": octets(1952), "sk": octets(4032)},
    ),
    Step(
        "ml_dsa_65.sign",
        "Signature with given rnd (32 zero bytes: deterministic) and the empty context (vectors may have another, "
        "`ctx`, which no harness is asked for): FIPS 204, algorithm 2.",
        {"sk": octets(4032), "message": OCTETS, "rnd": octets(32)},
        {"signature": octets(3309)},
        more={"ctx": OCTETS},
    ),
    Step(
        "ml_dsa_65.new_key_pair",
        "A key pair from the library's own randomness.",
        {},
        {"pk": octets(1952), "sk": octets(4032)},
    ),
    Step(
        "ml_dsa_65.sign_hedged",
        "Signature with the empty context and the library's own randomness.",
        {"sk": octets(4032), "message": OCTETS},
        {"signature": octets(3309)},
    ),
    Step(
        "ml_dsa_65.verify",
        "Whether the signature is valid, with the empty context (vectors may have another, `ctx`, which no harness is "
        "asked for): FIPS 204, algorithm 3.",
        {"pk": octets(1952), "message": OCTETS, "signature": OCTETS},
        {"valid": BOOLEAN},
        more={"ctx": OCTETS},
    ),
)

STEPS = (
    Step("base64.encode", "Padded standard base64.", {"bytes": OCTETS}, {"text": TEXT}),
    Step(
        "base64.decode",
        "The bytes of a base64 text; ISO-6002 if it is not the one text of its bytes.",
        {"text": TEXT},
        {"bytes": OCTETS},
        errors="ISO-6002",
    ),
    Step("spki.encode", "SubjectPublicKeyInfo of an ML-DSA-65 key.", {"pk": octets(1952)}, {"spki": octets(1974)}),
    Step(
        "spki.decode",
        "The key in a SubjectPublicKeyInfo; ISO-3004 if it is not the one encoding.",
        {"spki": OCTETS},
        {"pk": octets(1952)},
        errors="ISO-3004",
    ),
    Step(
        "canonical_string",
        "The canonical string of a request. `target` is path and query as they stand on the wire, `nonce` base64 text.",
        {"method": TEXT, "target": TEXT, "timestamp": TEXT, "nonce": TEXT},
        {"canonical_string": TEXT},
    ),
    Step(
        "request.sign",
        "X-Nen-Signature for a request, as base64 text.",
        {"hmac_key": octets(32), "method": TEXT, "target": TEXT, "timestamp": TEXT, "nonce": TEXT},
        {"signature": TEXT},
    ),
    Step(
        "request.verify",
        "All nine steps of a server, at the time `now` in milliseconds, with the nonces (bytes) the session has used. "
        "`session` is null for one that is unknown. Gives the opened payload, null without a body, or the code of the "
        "first step that fails. `protocol` is v1, v2 or v3, and v1 where it is absent.",
        {"session": SESSION, "now": INTEGER, "used_nonces": OCTETS_LIST, "request": REQUEST, "protocol": TEXT},
        {"payload": TEXT_OR_NULL},
        optional=frozenset({"protocol"}),
        errors="any",
    ),
    Step(
        "payload.seal",
        "The body {ct, n} of a payload (a JSON text) under the nonce n.",
        {"secret": octets(32), "n": octets(12), "payload": TEXT},
        {"body": TEXT},
    ),
    Step(
        "response.seal",
        "A server's answer {ct, n} under the nonce n to a request whose nonce was request_n: ISO-4002 if they are the "
        "same.",
        {"secret": octets(32), "request_n": octets(12), "n": octets(12), "payload": TEXT},
        {"body": TEXT},
        errors="ISO-4002",
    ),
    Step(
        "payload.open",
        "The payload of a request body: ISO-6001, ISO-6002, ISO-4001, ISO-4003.",
        {"secret": octets(32), "body": TEXT},
        {"payload": TEXT},
        errors="ISO-6001, ISO-6002, ISO-4001, ISO-4003",
    ),
    Step(
        "handshake.hello",
        "The client's handshake body for the ML-KEM-768 seed (d, z), with an ML-DSA-65 identity of the seed "
        "`identity_seed` where it is given.",
        {"d": octets(32), "z": octets(32), "identity_seed": octets(32)},
        {"body": TEXT},
        optional=frozenset({"identity_seed"}),
    ),
    Step(
        "handshake.respond",
        "The server's answer to a handshake body, with given encapsulation randomness m, HMAC key and session id.",
        {"body": TEXT, "m": octets(32), "hmac_key": octets(32), "sid": TEXT},
        {"body": TEXT, "secret": octets(32)},
        errors="ISO-1001, ISO-1002, ISO-3004, ISO-6001, ISO-6002",
    ),
    Step(
        "handshake.finish",
        "The client's keys out of the server's answer, for the seed (d, z) of its hello; ISO-1002, ISO-1004.",
        {"d": octets(32), "z": octets(32), "status": INTEGER, "body": TEXT},
        {"sid": TEXT, "secret": octets(32), "hmac_key": octets(32)},
        errors="ISO-1002, ISO-1004",
    ),
    Step(
        "stream.nonce",
        "nonce_i for the index i of an event.",
        {"base_nonce": octets(12), "index": U32},
        {"nonce": octets(12)},
    ),
    Step(
        "stream.seal",
        "The whole body of a stream of these chunks, its final event included.",
        {"secret": octets(32), "base_nonce": octets(12), "chunks": TEXTS},
        {"body": TEXT},
    ),
    Step(
        "stream.seal_at",
        "The event of one chunk at the index i (two for the chunk that is the marker). ISO-4002 where only the final "
        "event has a counter left: i of 2^32 - 1 "
        "and more.",
        {"secret": octets(32), "base_nonce": octets(12), "index": INTEGER, "chunk": TEXT},
        {"body": TEXT},
        errors="ISO-4002",
    ),
    Step(
        "stream.open",
        "The text of a stream whose body arrives in these pieces (bytes, cut anywhere). On an error, `released` is the "
        "text that was handed out before it.",
        {"secret": octets(32), "base_nonce": octets(12), "pieces": OCTETS_LIST},
        {"text": TEXT},
        errors="ISO-4001, ISO-7002",
        partial={"released": TEXT},
    ),
    Step("error.status", "The HTTP status of an ISO code.", {"code": TEXT}, {"status": INTEGER}),
    Step(
        "error.read",
        "The ISO code in the body of a refusal, null where there is none of the catalogue.",
        {"body": TEXT},
        {"code": TEXT_OR_NULL},
    ),
)

DRAWS: Schema = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"m": octets(32), "n": octets(12)},
        "required": ["m", "n"],
        "additionalProperties": False,
    },
}
KEYS: Schema = {"type": "array", "items": octets(1952)}
SIGNED: Schema = {"type": "integer", "minimum": 1 - 2**53, "maximum": 2**53 - 1}
SIZE_OR_NULL: Schema = {"type": ["integer", "null"], "minimum": 0, "maximum": 2**53 - 1}
OPENING_ERRORS = "ISO-1002, ISO-4001, ISO-6001, ISO-6002"

SEAL = (
    Step(
        "seal.seal",
        "The envelope of a payload for a recipient's key, with a context or, where it is null, without: ISO-1002, "
        "ISO-6001.",
        {"ek": OCTETS, "payload": OCTETS, "context": TEXT_OR_NULL, "m": octets(32), "n": octets(12)},
        {"body": TEXT},
        errors="ISO-1002, ISO-6001",
    ),
    Step(
        "seal.open",
        "The payload of an envelope whose context has to be this one, or none where it is null.",
        {"dk": octets(2400), "body": TEXT, "context": TEXT_OR_NULL},
        {"payload": OCTETS},
        errors=OPENING_ERRORS,
    ),
    Step(
        "seal.sign",
        "As seal.seal, and signed by the ML-DSA-65 identity of this seed, deterministically (rnd of 32 zero bytes).",
        {
            "ek": OCTETS,
            "signer_seed": octets(32),
            "payload": OCTETS,
            "context": TEXT_OR_NULL,
            "m": octets(32),
            "n": octets(12),
        },
        {"body": TEXT},
        errors="ISO-1002, ISO-6001",
    ),
    Step(
        "seal.open_signed",
        "The payload of an envelope that one of these ML-DSA-65 keys has to have signed (ISO-3004), and which did.",
        {"dk": octets(2400), "body": TEXT, "context": TEXT_OR_NULL, "signers": KEYS},
        {"payload": OCTETS, "signer": octets(1952)},
        errors=f"{OPENING_ERRORS}, ISO-3004",
    ),
    Step(
        "seal.frames",
        "The framed envelope of a payload, in pieces of `frame_size` bytes: ISO-1002, ISO-6001.",
        {"ek": OCTETS, "payload": OCTETS, "context": TEXT_OR_NULL, "m": octets(32), "frame_size": SIGNED},
        {"body": TEXT},
        errors="ISO-1002, ISO-6001",
    ),
    Step(
        "seal.open_frames",
        "The whole payload of a framed envelope. `size` is the number of bytes that it has to have, or null where "
        "nothing is known of it; with `size_in_context` true the context has to be the given one and the size "
        "(SEAL-FRM-09), and `size` is null.",
        {
            "dk": octets(2400),
            "body": TEXT,
            "context": TEXT_OR_NULL,
            "size": SIZE_OR_NULL,
            "size_in_context": BOOLEAN,
        },
        {"payload": OCTETS},
        errors=OPENING_ERRORS,
    ),
    Step(
        "seal.fields",
        "A JSON text with the fields at these paths sealed, each as JSON without white space and with the draws of the "
        "same index: ISO-1002, ISO-6001.",
        {"ek": OCTETS, "body": TEXT, "paths": TEXTS, "draws": DRAWS},
        {"body": TEXT},
        errors="ISO-1002, ISO-6001",
    ),
    Step(
        "seal.open_fields",
        "A JSON text with the fields at these paths opened, all of which have to be sealed.",
        {"dk": octets(2400), "body": TEXT, "paths": TEXTS},
        {"body": TEXT},
        errors=f"{OPENING_ERRORS}, ISO-4003",
    ),
    Step(
        "seal.webhook",
        "Headers and body of a webhook whose payload is this JSON text: ISO-1002, ISO-4003, ISO-6001. Signed as "
        "seal.sign.",
        {
            "ek": OCTETS,
            "signer_seed": octets(32),
            "event": TEXT,
            "payload": TEXT,
            "m": octets(32),
            "n": octets(12),
        },
        {"headers": HEADERS, "body": TEXT},
        errors="ISO-1002, ISO-4003, ISO-6001",
    ),
    Step(
        "seal.open_webhook",
        "Event and payload (a JSON text) of a webhook of one of these events that one of these keys has to have "
        "signed. Names of headers are in any case.",
        {"dk": octets(2400), "headers": HEADERS, "body": TEXT, "signers": KEYS, "events": TEXTS},
        {"event": TEXT, "payload": TEXT},
        errors=f"{OPENING_ERRORS}, ISO-3004, ISO-4003",
    ),
    Step(
        "seal.media",
        "A file as sealed media, in pieces of `frame_size` bytes: ISO-1002, ISO-6001.",
        {"ek": OCTETS, "payload": OCTETS, "type": TEXT, "m": octets(32), "frame_size": SIGNED},
        {"body": TEXT},
        errors="ISO-1002, ISO-6001",
    ),
    Step(
        "seal.open_media",
        "The payload of sealed media that have to be of one of these types. `size` as in seal.open_frames.",
        {"dk": octets(2400), "body": TEXT, "types": TEXTS, "size": SIZE_OR_NULL},
        {"payload": OCTETS},
        errors=OPENING_ERRORS,
    ),
)

TICKET_KEYS: Schema = {"type": "array", "items": octets(32), "minItems": 1}

V2 = (
    Step(
        "payload.seal_v2",
        "The body {ct} of a request in V2 and V3, whose nonce n is in X-Nen-Nonce.",
        {"secret": octets(32), "n": octets(12), "payload": TEXT},
        {"body": TEXT},
    ),
    Step(
        "payload.open_v2",
        "The payload of a request in V2 and V3, by the text of X-Nen-Nonce and the body: ISO-3005 for an empty text, "
        "ISO-6001, ISO-6002, ISO-4001, ISO-4003.",
        {"secret": octets(32), "nonce_header": TEXT, "body": TEXT},
        {"payload": TEXT},
        errors="ISO-3005, ISO-6001, ISO-6002, ISO-4001, ISO-4003",
    ),
)

V3 = (
    Step(
        "v3.combine",
        "The shared secret of the hybrid mode out of those of X25519 and ML-KEM.",
        {"x_ss": octets(32), "kem_ss": octets(32)},
        {"ss": octets(32)},
    ),
    Step(
        "v3.derive",
        "The keys of a session, and the psk, out of its shared secret.",
        {"ss": octets(32)},
        {"enc": octets(32), "mac": octets(32), "psk": octets(32)},
    ),
    Step(
        "v3.ratchet",
        "The next keys of a session.",
        {"enc": octets(32), "mac": octets(32)},
        {"enc": octets(32), "mac": octets(32)},
    ),
    Step(
        "v3.hello",
        "The client's handshake body for the ML-KEM-768 seed (d, z) and the X25519 private key x; pqc-only without x.",
        {"d": octets(32), "z": octets(32), "x": octets(32)},
        {"body": TEXT},
        optional=frozenset({"x"}),
    ),
    Step(
        "v3.respond",
        "The server's answer to a handshake body, with given encapsulation randomness m, X25519 private key x (unused "
        "in pqc-only), session id, ticket key, ticket nonce and expiry of the ticket (ms). With the identity of "
        "`identity_seed`, signed deterministically, under `server_nonce` or, without one, under the bound nonce.",
        {
            "body": TEXT,
            "m": octets(32),
            "x": octets(32),
            "sid": TEXT,
            "ticket_key": octets(32),
            "ticket_nonce": octets(12),
            "ticket_expires": INTEGER,
            "identity_seed": octets(32),
            "server_nonce": octets(32),
        },
        {"body": TEXT, "enc": octets(32), "mac": octets(32), "psk": octets(32)},
        optional=frozenset({"identity_seed", "server_nonce"}),
        errors="ISO-1001, ISO-1002, ISO-6001, ISO-6002",
    ),
    Step(
        "v3.finish",
        "The client's session out of the server's answer, for the seed (d, z) and the private key x of its hello. "
        "`pinned`: the ML-DSA-65 key that the server must prove; `bound`: whether its nonce must be the bound one. "
        "`psk` and `ticket` are absent where the answer has no ticket.",
        {
            "d": octets(32),
            "z": octets(32),
            "x": octets(32),
            "status": INTEGER,
            "body": TEXT,
            "pinned": octets(1952),
            "bound": BOOLEAN,
        },
        {"sid": TEXT, "enc": octets(32), "mac": octets(32), "psk": octets(32), "ticket": TEXT},
        optional=frozenset({"x", "pinned", "bound"}),
        optional_result=frozenset({"psk", "ticket"}),
        errors="ISO-1002, ISO-1004, ISO-3006, ISO-3007",
    ),
    Step(
        "v3.transcript_hash",
        "What the server signs; `pk_x` is empty in pqc-only.",
        {"pk_kem": OCTETS, "pk_x": OCTETS, "server_nonce": OCTETS, "sid": TEXT},
        {"hash": octets(32)},
    ),
    Step(
        "v3.bound_nonce",
        "The server nonce that commits to ct and the server's X25519 key, which is empty in pqc-only.",
        {"ct": OCTETS, "pk_x_server": OCTETS},
        {"server_nonce": octets(32)},
    ),
    Step(
        "v3.ticket_seal",
        "A ticket in the recorded form, good before `expires` (ms).",
        {"psk": octets(32), "expires": INTEGER, "key": octets(32), "nonce": octets(12)},
        {"ticket": TEXT},
    ),
    Step(
        "v3.ticket_open",
        "The psk of a ticket at the time `now` (ms), by the current ticket key and those before it; null if it is not "
        "good.",
        {"ticket": TEXT, "keys": TICKET_KEYS, "now": INTEGER},
        {"psk": OCTETS_OR_NULL},
    ),
    Step(
        "v3.resume_hello",
        "The body that asks to resume; `security_mode` is hybrid where it is absent.",
        {"ticket": TEXT, "rn": octets(32), "security_mode": TEXT},
        {"body": TEXT},
        optional=frozenset({"security_mode"}),
    ),
    Step(
        "v3.resume_respond",
        "The server's answer to a body that asks to resume; the first of `keys` seals the new ticket. `enc` and `mac` "
        "are absent where the answer is 409.",
        {
            "body": TEXT,
            "keys": TICKET_KEYS,
            "now": INTEGER,
            "srn": octets(32),
            "sid": TEXT,
            "ticket_nonce": octets(12),
            "ticket_expires": INTEGER,
        },
        {"status": INTEGER, "body": TEXT, "enc": octets(32), "mac": octets(32)},
        optional_result=frozenset({"enc", "mac"}),
        errors="ISO-1001, ISO-1002, ISO-6001, ISO-6002",
    ),
    Step(
        "v3.resume_finish",
        "The client's session out of the answer; `resumed` alone, false, where the server declined.",
        {"psk": octets(32), "rn": octets(32), "status": INTEGER, "body": TEXT},
        {"resumed": BOOLEAN, "sid": TEXT, "enc": octets(32), "mac": octets(32), "ticket": TEXT},
        optional_result=frozenset({"sid", "enc", "mac", "ticket"}),
        errors="ISO-1004",
    ),
    Step(
        "v3.attest",
        "An attestation by the identity of a seed, signed deterministically: its text, and the key as "
        "SubjectPublicKeyInfo.",
        {
            "seed": octets(32),
            "endpoint": TEXT,
            "security_mode": TEXT,
            "from": TEXT,
            "to": TEXT,
            "issued_at": TEXT,
        },
        {"attestation": TEXT, "signature": octets(3309), "public_key": octets(1974)},
        optional=frozenset({"from", "to"}),
    ),
    Step(
        "v3.attest_verify",
        "Whether a JSON text is an attestation of V3 that this ML-DSA-65 key signed.",
        {"attestation": TEXT, "signature": OCTETS, "public_key": octets(1952)},
        {"valid": BOOLEAN},
    ),
)

OPERATIONS: Mapping[str, Step] = {step.name: step for step in (*PRIMITIVES, *STEPS, *V2, *V3, *SEAL)}
