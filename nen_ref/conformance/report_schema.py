"""The JSON Schema (2020-12) of the report for machines, version 2: closed, every member described."""

from __future__ import annotations

from typing import Any

from nen_ref.conformance.model import LEVELS, Kind, Outcome

SCHEMA = "nen-conformance-report/2"
DIALECT = "https://json-schema.org/draft/2020-12/schema"

_SECONDS = {"type": ["number", "null"], "minimum": 0}


def report_schema() -> dict[str, Any]:
    """The schema of the whole document."""
    return {
        "$schema": DIALECT,
        "title": SCHEMA,
        "description": "One run of the Nen conformance suite against one implementation. A run with a seed, repeated "
        "against an implementation that behaves the same, gives the same bytes.",
        **_closed(
            {
                "schema": _of("Version of this form.", const=SCHEMA),
                "suite": {"description": "What examined.", **_closed(_suite())},
                "protocol": _of("Version of the protocol.", type="string", pattern="^v[0-9]+$"),
                "implementation": {"description": "What was examined.", **_closed(_implementation())},
                "seed": _of("Seed of the suite's randomness; null if it was not fixed.", type=["string", "null"]),
                "passed": _of(
                    "Whether at least one case came to a result and no required case has a finding. "
                    "A baseline of known findings is not applied.",
                    type="boolean",
                ),
                "counts": {"description": "Cases by outcome.", **_closed(_counts())},
                "seconds": _of("Duration of the run; null in a run with a seed.", **_SECONDS),
                "results": _of(
                    "One result for every case that was selected, in the order of the catalogue.",
                    type="array",
                    items=result_schema(),
                ),
            }
        ),
    }


def result_schema() -> dict[str, Any]:
    """The schema of one result. `why`, `cause` and `reproduce` stand in findings, and only there."""
    findings = [outcome.value for outcome in Outcome if outcome.is_finding]
    return {
        **_closed(_result() | _finding(), required=tuple(_result())),
        "if": {"properties": {"outcome": {"enum": findings}}},
        "then": {"required": list(_finding())},
        "else": {"not": {"anyOf": [{"required": [member]} for member in _finding()]}},
    }


def _suite() -> dict[str, Any]:
    return {"name": _text("Name of the suite."), "version": _text("Version of the suite.")}


def _implementation() -> dict[str, Any]:
    return {
        "target": _text("Its URL, or the command of its harness, as one writes it in a shell."),
        "name": _text("What it calls itself; empty if it did not say."),
        "version": _text("Its version; empty if it did not say."),
        "language": _text("Its language; empty if it did not say."),
    }


def _counts() -> dict[str, Any]:
    return {outcome.value: {"type": "integer", "minimum": 0} for outcome in Outcome}


def _result() -> dict[str, Any]:
    return {
        "id": _of("Permanent id of the case.", type="string", pattern="^v[0-9]+/[a-z-]+/[a-z0-9-]+$"),
        "kind": _of("What the case examines.", enum=[kind.value for kind in Kind]),
        "requirement": _of("Permanent id of the requirement.", type="string", pattern="^V[0-9]+-[A-Z]+-[0-9]{2}$"),
        "sentence": _text("The requirement's sentence in the specification."),
        "level": _of("Only findings of required cases fail a run.", enum=list(LEVELS)),
        "title": _text("What the case checks."),
        "outcome": _of("From good to bad; the worst check of the case.", enum=[outcome.value for outcome in Outcome]),
        "expected": _of("Any of these passes.", type="array", items={"type": "string"}, minItems=1),
        "observed": _text("What happened, in words."),
        "codes": _of(
            "The ISO codes that were observed, sorted.",
            type="array",
            items={"type": "string", "pattern": "^ISO-[0-9]{4}$"},
            uniqueItems=True,
        ),
        "divergence": _text("The first intermediate value that differs from the reference's; empty if not known."),
        "seconds": _of("Duration of the case; null in a run with a seed.", **_SECONDS),
    }


def _finding() -> dict[str, Any]:
    return {
        "why": _text("What goes wrong, or what an attacker gains."),
        "cause": _text("The likeliest bug; may be empty."),
        "reproduce": _text("The shell command that runs this case again."),
    }


def _closed(members: dict[str, Any], required: tuple[str, ...] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": members,
        "required": list(members if required is None else required),
        "additionalProperties": False,
    }


def _of(description: str, **schema: Any) -> dict[str, Any]:
    return {"description": description, **schema}


def _text(description: str) -> dict[str, Any]:
    return _of(description, type="string")
