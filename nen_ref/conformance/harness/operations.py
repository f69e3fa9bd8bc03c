"""The operations of the harness protocol: names, arguments, results, and an example of each.

This table is the protocol: the JSON Schemas, the page for people who write a harness and `--check` are made from it.
Bytes are lower-case hexadecimal; a wire text stands as it is on the wire; `payload` of a client is any JSON value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nen_ref.conformance.model import Kind
from nen_ref.vectors import operations as vectors
from nen_ref.vectors.operations import ANY, BOOLEAN, INTEGER, OCTETS, TEXT, Schema, octets

VERSION = 1  # of the harness protocol


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


def _library(step: vectors.Step) -> Operation:
    return Operation(
        step.name,
        Kind.LIBRARY,
        step.does,
        step.args,
        step.result,
        step.optional,
        step.errors,
        step.partial,
        step.optional_result,
    )


def _client(name: str, does: str, args: dict[str, Schema], result: dict[str, Schema], **more: Any) -> Operation:
    return Operation(name, Kind.CLIENT, does, {"client": TEXT} | args, result, **more)


def _server(name: str, does: str, args: Mapping[str, Schema], result: dict[str, Schema], **more: Any) -> Operation:
    return Operation(name, Kind.SERVER, does, args, result, **more)


PROTOCOL: Schema = {"enum": ["v1", "v2", "v3"]}

PRIMITIVES = tuple(_library(step) for step in vectors.PRIMITIVES if step.harness)
STEPS = tuple(_library(step) for step in (*vectors.STEPS, *vectors.V2, *vectors.V3, *vectors.SEAL) if step.harness)

CLIENT_OPTIONS: Mapping[str, Schema] = {
    "identity_seed": octets(32),
    "protocol": PROTOCOL,
    "security_mode": {"enum": ["hybrid", "pqc-only"]},
    "server_identity": octets(1952),
    "bound": BOOLEAN,
}

CLIENT = (
    Operation(
        "client.new",
        Kind.CLIENT,
        "A client for the server at base_url, without a session yet. Every other argument is an option, which the "
        "harness names in `options` of its answer to start if it knows it. `identity_seed`: with the ML-DSA-65 "
        "identity of this seed (V1, V2). `protocol`: the version to speak, V1 where it is absent. `security_mode`: "
        "hybrid where it is absent (V3). `server_identity`: the ML-DSA-65 key that the server must have (V3). `bound`: "
        "the nonce of the server's identity must commit to its part of the handshake (V3).",
        {"base_url": TEXT, **CLIENT_OPTIONS},
        {"client": TEXT},
        optional=frozenset(CLIENT_OPTIONS),
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
    _client("client.rekey", "The session goes on under its next keys (V3).", {}, {}, errors="any"),
    _client(
        "client.resume",
        "A new session out of the ticket of the last one, without public-key work (V3). `resumed` is false where the "
        "server declined, and the client made a full handshake instead.",
        {},
        {"resumed": BOOLEAN},
        errors="any",
    ),
    _client("client.terminate", "The session ends, here and on the server.", {}, {}, errors="any"),
    _client("client.close", "The client is not needed any more.", {}, {}),
)

SERVER_OPTIONS: Mapping[str, Schema] = {
    "session_life_ms": INTEGER,
    "require_identity": BOOLEAN,
    "pinned_identities": {"type": "array", "items": octets(1952)},
    "unsigned_clients": {"type": "array", "items": octets(1952)},
    "failing_routes": BOOLEAN,
    "protocols": {"type": "array", "items": PROTOCOL, "minItems": 1, "uniqueItems": True},
    "server_identity_seed": octets(32),
    "ticket_keys": {"type": "array", "items": octets(32), "minItems": 1},
    "ticket_life_ms": INTEGER,
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
        "the chunk a, then b after 700 ms). `protocols`: the versions to offer, V1 alone where it is absent. "
        "`server_identity_seed`: with the ML-DSA-65 identity of this seed (V3). `ticket_keys`: these keys for tickets, "
        "of which the first seals, and all open (V3). `ticket_life_ms`: how long a ticket is good (V3).",
        SERVER_OPTIONS,
        {"server": TEXT, "url": TEXT},
        optional=frozenset(SERVER_OPTIONS),
    ),
    _server("server.stop", "It goes, with its sessions.", {"server": TEXT}, {}),
    _server(
        "server.session",
        "What the server holds of a session, to find where it and the suite diverge; the canonical string and the "
        "signature are those it computed for the last request of the session. In V3 `secret` is the payload key that "
        "was derived, and `hmac_key` the other one.",
        {"server": TEXT, "sid": TEXT},
        {"secret": octets(32), "hmac_key": octets(32), "canonical_string": TEXT, "signature": TEXT},
        optional_result=frozenset({"canonical_string", "signature"}),
        errors="ISO-2002",
    ),
)

# Arguments that an implementation need not know: a harness names those it does in `options` of its answer to start.
OPTIONS = (*CLIENT_OPTIONS, *SERVER_OPTIONS)

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
    "enc": octets(32),
    "mac": octets(32),
    "nonce": octets(12),
    "timestamp": TEXT,
    "canonical_string": TEXT,
    "signature": TEXT,
    "base_nonce": octets(12),
}
