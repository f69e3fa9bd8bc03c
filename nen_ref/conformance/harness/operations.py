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
        step.name, Kind.LIBRARY, step.does, step.args, step.result, step.optional, step.errors, step.partial
    )


def _client(name: str, does: str, args: dict[str, Schema], result: dict[str, Schema], **more: Any) -> Operation:
    return Operation(name, Kind.CLIENT, does, {"client": TEXT} | args, result, **more)


def _server(name: str, does: str, args: Mapping[str, Schema], result: dict[str, Schema], **more: Any) -> Operation:
    return Operation(name, Kind.SERVER, does, args, result, **more)


PRIMITIVES = tuple(_library(step) for step in vectors.PRIMITIVES if step.harness)
STEPS = tuple(_library(step) for step in vectors.STEPS if step.harness)

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
