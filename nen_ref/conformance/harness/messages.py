"""The messages of the harness protocol, as JSON Schemas made from the table of operations, and their check."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any

import jsonschema

from nen_ref.conformance.harness.operations import OPERATIONS, OPTIONS, TRACE, VERSION, Operation
from nen_ref.protocol.errors import CATALOGUE
from nen_ref.vectors.operations import TEXT, Schema

DIALECT = "https://json-schema.org/draft/2020-12/schema"

KINDS = ("ok", "error", "skipped", "errored")
_SEQ: Schema = {"type": "integer", "minimum": 1}


def closed(members: Mapping[str, Schema], optional: frozenset[str] = frozenset()) -> Schema:
    """An object of these members and no others."""
    return {
        "type": "object",
        "properties": dict(members),
        "required": [name for name in members if name not in optional],
        "additionalProperties": False,
    }


def start_command() -> Schema:
    return closed({"cmd": {"const": "start"}, "version": {"const": VERSION}})


def started_reply() -> Schema:
    return closed(
        {
            "version": {"const": VERSION},
            "name": TEXT,
            "implementation_version": TEXT,
            "language": TEXT,
            "homepage": TEXT,
            "protocols": {"type": "array", "items": {"enum": ["v1", "v2", "v3"]}, "minItems": 1, "uniqueItems": True},
            "operations": {"type": "array", "items": {"enum": list(OPERATIONS)}, "minItems": 1, "uniqueItems": True},
            "options": {"type": "array", "items": {"enum": list(OPTIONS)}, "uniqueItems": True},
        },
        optional=frozenset({"homepage", "options"}),
    )


def run_command(operation: Operation) -> Schema:
    arguments = closed(operation.args, operation.optional)
    return closed({"cmd": {"const": "run"}, "seq": _SEQ, "op": {"const": operation.name}, "args": arguments})


def run_reply(operation: Operation) -> Schema:
    """ok, error, skipped or errored; ok and error may carry a trace."""
    return {"oneOf": list(run_replies(operation).values())}


def run_replies(operation: Operation) -> dict[str, Schema]:
    """Each of the four by its kind."""
    error = closed(
        {"code": _ref("code"), "detail": TEXT, **operation.partial}, frozenset({"detail", *operation.partial})
    )
    choices = {
        "ok": closed(operation.result, operation.optional_result),
        "error": error,
        "skipped": _ref("skipped"),
        "errored": _ref("errored"),
    }
    return {
        kind: closed({"seq": _SEQ, kind: schema, "trace": _ref("trace")}, frozenset({"trace"}))
        for kind, schema in choices.items()
    }


def _shared() -> dict[str, Schema]:
    return {
        "code": {"enum": list(CATALOGUE)},
        "trace": closed(TRACE, frozenset(TRACE)),
        "skipped": closed({"message": TEXT, "issue_url": TEXT}, frozenset({"issue_url"})),
        "errored": closed({"message": TEXT, "context": {"type": "object"}}, frozenset({"context"})),
    }


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def stop_command() -> Schema:
    return closed({"cmd": {"const": "stop"}})


def schema_document() -> dict[str, Any]:
    """Every message of the protocol in one published document, each under `$defs`."""
    definitions = {"start": start_command(), "started": started_reply(), "stop": stop_command()} | _shared()
    for operation in OPERATIONS.values():
        definitions[f"run:{operation.name}"] = run_command(operation)
        definitions[f"reply:{operation.name}"] = run_reply(operation)
    return {
        "$schema": DIALECT,
        "$id": "urn:nen-ref:harness:1",
        "title": "Nen harness protocol, version 1",
        "description": "JSON lines on stdin and stdout. The definition follows from cmd and op: run:OP, reply:OP.",
        "$defs": definitions,
    }


@cache
def _validator(name: str, kind: str) -> Any:
    """For the answers of one kind, or for that to start. To try the schemas of all four kinds takes twice as long."""
    schema = started_reply() if name == "start" else run_replies(OPERATIONS[name])[kind] | {"$defs": _shared()}
    return jsonschema.Draft202012Validator(schema)


def complaint(name: str, message: object) -> str:
    """What is wrong with a harness's answer to `name` ("start", or an operation), or the empty text."""
    kind = KINDS[0]
    if name != "start" and isinstance(message, dict):
        given = [kind for kind in KINDS if kind in message]
        if len(given) != 1:
            return f"exactly one of {', '.join(KINDS)}; got {' and '.join(given) or 'none of them'}"
        (kind,) = given
    fault = jsonschema.exceptions.best_match(_validator(name, kind).iter_errors(message))
    if fault is None:
        return ""
    place = "/".join(map(str, fault.absolute_path)) or "the message"
    if fault.validator == "enum":  # not the whole list of what it could be
        near = get_close_matches(str(fault.instance), map(str, fault.validator_value), n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return f"{place}: {str(fault.instance)[:80]!r} is unknown{hint}"
    return f"{place}: {fault.message[:300]}"
