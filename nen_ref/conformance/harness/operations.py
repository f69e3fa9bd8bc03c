"""The operations of the harness protocol: names, arguments, results, and an example of each.

This table is the protocol: the JSON Schemas, the page for people who write a harness and `--check` are made from it.
Bytes are lower-case hexadecimal; a wire text stands as it is on the wire; `payload` of a client is any JSON value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nen_ref.conformance.model import Kind

Schema = dict[str, Any]

VERSION = 1  # of the harness protocol


def octets(size: int | None = None) -> Schema:
    """Bytes as lower-case hexadecimal, of a fixed `size` where one is given."""
    pattern = "^([0-9a-f]{2})*$" if size is None else f"^[0-9a-f]{{{2 * size}}}$"
    return {"type": "string", "pattern": pattern, "contentEncoding": "base16"}


TEXT: Schema = {"type": "string"}
INTEGER: Schema = {"type": "integer", "minimum": 0}
BOOLEAN: Schema = {"type": "boolean"}
ANY: Schema = {}
TEXTS: Schema = {"type": "array", "items": TEXT}
HEADERS: Schema = {"type": "object", "additionalProperties": TEXT}
OCTETS: Schema = octets()
OCTETS_LIST: Schema = {"type": "array", "items": OCTETS}
TEXT_OR_NULL: Schema = {"type": ["string", "null"]}

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
class Operation:
    """One operation. `optional` names arguments that may be absent; `result` the members of `ok`.

    `errors` are the ISO codes that a harness may answer with; `partial` the members of `error` beside its code.
    """

    name: str
    kind: Kind
    does: str
    args: Mapping[str, Schema]
    result: Mapping[str, Schema]
    optional: frozenset[str] = frozenset()
    errors: str = ""
    partial: Mapping[str, Schema] = field(default_factory=dict)
    optional_result: frozenset[str] = frozenset()


def _library(name: str, does: str, args: dict[str, Schema], result: dict[str, Schema], **more: Any) -> Operation:
    return Operation(name, Kind.LIBRARY, does, args, result, **more)


def _client(name: str, does: str, args: dict[str, Schema], result: dict[str, Schema], **more: Any) -> Operation:
    return Operation(name, Kind.CLIENT, does, {"client": TEXT} | args, result, **more)


def _server(name: str, does: str, args: Mapping[str, Schema], result: dict[str, Schema], **more: Any) -> Operation:
    return Operation(name, Kind.SERVER, does, args, result, **more)


PRIMITIVES = (
    _library(
        "hmac_sha256",
        "HMAC-SHA256 of the message.",
        {"key": OCTETS, "message": OCTETS},
        {"mac": octets(32)},
    ),
    _library(
        "aead.seal",
        "ChaCha20-Poly1305 with empty AAD: ciphertext and tag.",
        {"key": octets(32), "nonce": octets(12), "plaintext": OCTETS},
        {"ciphertext": OCTETS},
    ),
    _library(
        "aead.open",
        "The inverse; ISO-4001 if it does not open.",
        {"key": octets(32), "nonce": octets(12), "ciphertext": OCTETS},
        {"plaintext": OCTETS},
        errors="ISO-4001",
    ),
    _library(
        "ml_kem_768.keygen",
        "Key pair from the seed (d, z): FIPS 203, algorithm 16.",
        {"d": octets(32), "z": octets(32)},
        {"ek": octets(1184), "dk": octets(2400)},
    ),
    _library(
        "ml_kem_768.encaps",
        "Encapsulation with given randomness m: FIPS 203, algorithm 17, after the check of 7.2 (ISO-1002).",
        {"ek": OCTETS, "m": octets(32)},
        {"K": octets(32), "c": octets(1088)},
        errors="ISO-1002",
    ),
    _library(
        "ml_kem_768.decaps",
        "Decapsulation: FIPS 203, algorithm 21. A c of another length, or a dk that fails the checks of 7.3: ISO-1002.",
        {"dk": OCTETS, "c": OCTETS},
        {"K": octets(32)},
        errors="ISO-1002",
    ),
    _library(
        "ml_kem_768.new_key_pair",
        "A key pair from the library's own randomness.",
        {},
        {"ek": octets(1184), "dk": octets(2400)},
    ),
    _library(
        "ml_kem_768.encapsulate",
        "Encapsulation with the library's own randomness, after the check of 7.2 (ISO-1002).",
        {"ek": OCTETS},
        {"K": octets(32), "c": octets(1088)},
        errors="ISO-1002",
    ),
    _library(
        "ml_dsa_65.keygen",
        "Key pair from the seed xi: FIPS 204, algorithm 6.",
        {"xi": octets(32)},
        {"pk": octets(1952), "sk": octets(4032)},
    ),
    _library(
        "ml_dsa_65.sign",
        "Signature with the empty context and given rnd (32 zero bytes: deterministic): FIPS 204, algorithm 2.",
        {"sk": octets(4032), "message": OCTETS, "rnd": octets(32)},
        {"signature": octets(3309)},
    ),
    _library(
        "ml_dsa_65.new_key_pair",
        "A key pair from the library's own randomness.",
        {},
        {"pk": octets(1952), "sk": octets(4032)},
    ),
    _library(
        "ml_dsa_65.sign_hedged",
        "Signature with the empty context and the library's own randomness.",
        {"sk": octets(4032), "message": OCTETS},
        {"signature": octets(3309)},
    ),
    _library(
        "ml_dsa_65.verify",
        "Whether the signature is valid, with the empty context: FIPS 204, algorithm 3.",
        {"pk": octets(1952), "message": OCTETS, "signature": OCTETS},
        {"valid": BOOLEAN},
    ),
)

STEPS = (
    _library("base64.encode", "Padded standard base64.", {"bytes": OCTETS}, {"text": TEXT}),
    _library(
        "base64.decode",
        "The bytes of a base64 text; ISO-6002 if it is not the one text of its bytes.",
        {"text": TEXT},
        {"bytes": OCTETS},
        errors="ISO-6002",
    ),
    _library("spki.encode", "SubjectPublicKeyInfo of an ML-DSA-65 key.", {"pk": octets(1952)}, {"spki": octets(1974)}),
    _library(
        "spki.decode",
        "The key in a SubjectPublicKeyInfo; ISO-3004 if it is not the one encoding.",
        {"spki": OCTETS},
        {"pk": octets(1952)},
        errors="ISO-3004",
    ),
    _library(
        "canonical_string",
        "The canonical string of a request. `target` is path and query as they stand on the wire, `nonce` base64 text.",
        {"method": TEXT, "target": TEXT, "timestamp": TEXT, "nonce": TEXT},
        {"canonical_string": TEXT},
    ),
    _library(
        "request.sign",
        "X-Nen-Signature for a request, as base64 text.",
        {"hmac_key": octets(32), "method": TEXT, "target": TEXT, "timestamp": TEXT, "nonce": TEXT},
        {"signature": TEXT},
    ),
    _library(
        "request.verify",
        "All nine steps of a server, at the time `now` in milliseconds, with the nonces (bytes) the session has used. "
        "`session` is null for one that is unknown. Gives the opened payload, null without a body, or the code of the "
        "first step that fails.",
        {"session": SESSION, "now": INTEGER, "used_nonces": OCTETS_LIST, "request": REQUEST},
        {"payload": TEXT_OR_NULL},
        errors="any",
    ),
    _library(
        "payload.seal",
        "The body {ct, n} of a payload (a JSON text) under the nonce n.",
        {"secret": octets(32), "n": octets(12), "payload": TEXT},
        {"body": TEXT},
    ),
    _library(
        "response.seal",
        "A server's answer {ct, n} under the nonce n to a request whose nonce was request_n: ISO-4002 if they are the "
        "same.",
        {"secret": octets(32), "request_n": octets(12), "n": octets(12), "payload": TEXT},
        {"body": TEXT},
        errors="ISO-4002",
    ),
    _library(
        "payload.open",
        "The payload of a request body: ISO-6001, ISO-6002, ISO-4001, ISO-4003.",
        {"secret": octets(32), "body": TEXT},
        {"payload": TEXT},
        errors="ISO-6001, ISO-6002, ISO-4001, ISO-4003",
    ),
    _library(
        "handshake.hello",
        "The client's handshake body for the ML-KEM-768 seed (d, z), with an ML-DSA-65 identity of the seed "
        "`identity_seed` where it is given.",
        {"d": octets(32), "z": octets(32), "identity_seed": octets(32)},
        {"body": TEXT},
        optional=frozenset({"identity_seed"}),
    ),
    _library(
        "handshake.respond",
        "The server's answer to a handshake body, with given encapsulation randomness m, HMAC key and session id.",
        {"body": TEXT, "m": octets(32), "hmac_key": octets(32), "sid": TEXT},
        {"body": TEXT, "secret": octets(32)},
        errors="ISO-1001, ISO-1002, ISO-3004, ISO-6001, ISO-6002",
    ),
    _library(
        "handshake.finish",
        "The client's keys out of the server's answer, for the seed (d, z) of its hello; ISO-1002, ISO-1004.",
        {"d": octets(32), "z": octets(32), "status": INTEGER, "body": TEXT},
        {"sid": TEXT, "secret": octets(32), "hmac_key": octets(32)},
        errors="ISO-1002, ISO-1004",
    ),
    _library(
        "stream.nonce",
        "nonce_i for the index i of an event.",
        {"base_nonce": octets(12), "index": INTEGER},
        {"nonce": octets(12)},
    ),
    _library(
        "stream.seal",
        "The whole body of a stream of these chunks, its final event included.",
        {"secret": octets(32), "base_nonce": octets(12), "chunks": TEXTS},
        {"body": TEXT},
    ),
    _library(
        "stream.seal_at",
        "The event of one chunk at the index i (two for the chunk that is the marker). ISO-4002 where only the final "
        "event has a counter left: i of 2^32 - 1 "
        "and more.",
        {"secret": octets(32), "base_nonce": octets(12), "index": INTEGER, "chunk": TEXT},
        {"body": TEXT},
        errors="ISO-4002",
    ),
    _library(
        "stream.open",
        "The text of a stream whose body arrives in these pieces (bytes, cut anywhere). On an error, `released` is the "
        "text that was handed out before it.",
        {"secret": octets(32), "base_nonce": octets(12), "pieces": OCTETS_LIST},
        {"text": TEXT},
        errors="ISO-4001, ISO-7002",
        partial={"released": TEXT},
    ),
    _library("error.status", "The HTTP status of an ISO code.", {"code": TEXT}, {"status": INTEGER}),
)

CLIENT = (
    Operation(
        "client.new",
        Kind.CLIENT,
        "A client for the server at base_url, without a session yet; with the ML-DSA-65 identity of a seed where one "
        "is given.",
        {"base_url": TEXT, "identity_seed": octets(32)},
        {"client": TEXT},
        optional=frozenset({"identity_seed"}),
    ),
    _client("client.handshake", "A handshake.", {}, {}, errors="any"),
    _client(
        "client.request",
        "A request with a sealed payload (any JSON value), without a body where `payload` is absent. Gives the status "
        "and the opened payload, which is absent where the answer has no body.",
        {"method": TEXT, "target": TEXT, "payload": ANY},
        {"status": INTEGER, "payload": ANY},
        optional=frozenset({"payload"}),
        optional_result=frozenset({"payload"}),
        errors="any",
    ),
    _client(
        "client.stream",
        "A request answered by a stream, read to its end. On an error, `released` is the text handed out before it.",
        {"method": TEXT, "target": TEXT, "payload": ANY},
        {"text": TEXT},
        optional=frozenset({"payload"}),
        errors="any",
        partial={"released": TEXT},
    ),
    _client("client.status", "Whether the server still knows the session.", {}, {"valid": BOOLEAN}, errors="any"),
    _client("client.rotate", "A new session in place of the old one.", {}, {}, errors="any"),
    _client("client.terminate", "The session ends, here and on the server.", {}, {}, errors="any"),
    _client("client.close", "The client is not needed any more.", {}, {}),
)

SERVER_OPTIONS: Mapping[str, Schema] = {
    "session_life_ms": INTEGER,
    "require_identity": BOOLEAN,
    "pinned_identities": {"type": "array", "items": octets(1952)},
    "unsigned_clients": {"type": "array", "items": octets(1952)},
    "failing_routes": BOOLEAN,
}

SERVER = (
    _server(
        "server.start",
        "A server on a free loopback port with the routes /api/echo and /api/stream. Every argument is an option of "
        "its own: the harness names the ones it knows in `options` of its answer to start, and is asked for no "
        "other. `session_life_ms`: how long a session lives. `require_identity`: no handshake without an identity. "
        "`pinned_identities`: handshakes only with one of these ML-DSA-65 keys. `unsigned_clients`: strict mode is off "
        "for these ML-DSA-65 keys and no other. `failing_routes`: three more routes, /api/fail (the handler fails "
        "before it answers), /api/fail-stream (it streams the chunk a, then fails) and /api/slow-stream (it streams "
        "the chunk a, then b after 700 ms).",
        SERVER_OPTIONS,
        {"server": TEXT, "url": TEXT},
        optional=frozenset(SERVER_OPTIONS),
    ),
    _server("server.stop", "It goes, with its sessions.", {"server": TEXT}, {}),
    _server(
        "server.session",
        "What the server holds of a session, to find where it and the suite diverge; the canonical string and the "
        "signature are those it computed for the last request of the session.",
        {"server": TEXT, "sid": TEXT},
        {"secret": octets(32), "hmac_key": octets(32), "canonical_string": TEXT, "signature": TEXT},
        optional_result=frozenset({"canonical_string", "signature"}),
        errors="ISO-2002",
    ),
)

# Arguments that an implementation need not know: a harness names those it does in `options` of its answer to start.
OPTIONS = ("identity_seed", *SERVER_OPTIONS)

OPERATIONS: Mapping[str, Operation] = {
    operation.name: operation for operation in (*PRIMITIVES, *STEPS, *CLIENT, *SERVER)
}

# Intermediate values that a harness may add to any answer as `trace`, in the order in which they come about: the first
# that differs is where the two diverge.
TRACE: Mapping[str, Schema] = {
    "ek": octets(1184),
    "ct": octets(1088),
    "secret": octets(32),
    "hmac_key": OCTETS,
    "nonce": octets(12),
    "timestamp": TEXT,
    "canonical_string": TEXT,
    "signature": TEXT,
    "base_nonce": octets(12),
}
