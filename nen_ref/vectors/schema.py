"""JSON Schemas (2020-12) of the files under `vectors/`, made from the table of operations.

`vectors-1.json` is that of every vector file: the members around the inputs and outputs, all closed. Which inputs and
outputs an operation has is in a small schema of its own, `vectors-1.OPERATION.json`, which it applies by the member
`operation`. References are relative file names, so that a folder of these files is all that a validator needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from nen_ref.protocol.errors import CATALOGUE
from nen_ref.vectors.accumulated import TOPICS
from nen_ref.vectors.answers import ANSWERS
from nen_ref.vectors.build import SEVERAL
from nen_ref.vectors.files import ACCUMULATED_FORMAT, FILE_FORMAT, INDEX_FORMAT, SEARCHES_FORMAT
from nen_ref.vectors.model import KINDS
from nen_ref.vectors.operations import OPERATIONS, Schema, octets
from nen_ref.vectors.operations import Step as Operation

DIALECT = "https://json-schema.org/draft/2020-12/schema"
FRAME = "vectors-1.json"
FILES = {
    FILE_FORMAT: FRAME,
    INDEX_FORMAT: "index-1.json",
    ACCUMULATED_FORMAT: "accumulated-1.json",
    SEARCHES_FORMAT: "searches-1.json",
}
"""Of each format the file that has its schema."""

TEXT: Schema = {"type": "string", "minLength": 1}
TEXTS: Schema = {"type": "array", "items": TEXT, "minItems": 1, "uniqueItems": True}
COUNT: Schema = {"type": "integer", "minimum": 0}
BOOLEAN: Schema = {"type": "boolean"}
FILE_NAME: Schema = {"type": "string", "pattern": "^[a-z0-9]+/[a-z0-9_]+$"}
FLAG_NAME: Schema = {"type": "string", "pattern": "^[A-Z][A-Za-z0-9]*$"}
# The length comes first: a group that repeats costs some readers a hundred times the memory of a long text.
ID: Schema = {"type": "string", "maxLength": 200, "pattern": "^[a-z0-9]+/[a-z0-9_]+/[a-z0-9]+(-[a-z0-9]+)*$"}
OPERATION: Schema = {"enum": sorted(ANSWERS)}
RESULT: Schema = {"enum": ["valid", "invalid"]}
CODES: Schema = {"type": "array", "items": {"enum": sorted(CATALOGUE)}, "minItems": 1, "uniqueItems": True}
SEED: Schema = {"description": "null where the set is private"} | octets(32) | {"type": ["string", "null"]}
SHA256: Schema = octets(32)
ANYTHING: Schema = {"type": "object"}
ABSENT: Schema = {"not": {}}

ANSWERS_NO = [name for name, step in OPERATIONS.items() if list(step.result) == ["valid"]]
"""Operations that say whether something is valid: a no is no refusal, and has no code."""


def schemas() -> dict[str, Schema]:
    """Every schema by its file name under `vectors/schema/`."""
    documents = {
        FRAME: frame(),
        FILES[INDEX_FORMAT]: index(),
        FILES[ACCUMULATED_FORMAT]: accumulated(),
        FILES[SEARCHES_FORMAT]: searches(),
        file_of(SEVERAL): several(),
    } | {file_of(name): of_operation(OPERATIONS[name]) for name in ANSWERS}
    return {name: {"$schema": DIALECT, "$id": name} | documents[name] for name in sorted(documents)}


def file_of(operation: str) -> str:
    """The schema that closes inputs and outputs of this operation; `steps` is one too."""
    return f"vectors-1.{operation}.json"


def closed(members: Mapping[str, Any], optional: Iterable[str] = ()) -> Schema:
    """An object of these members and no others."""
    required = [name for name in members if name not in set(optional)]
    return {"type": "object", "properties": dict(members), "additionalProperties": False, "required": required}


def by_name(entry: Schema, names: Schema = FLAG_NAME) -> Schema:
    """An object that maps names to such entries."""
    return {"type": "object", "propertyNames": names, "additionalProperties": entry}


def array(entry: Schema, least: int = 0) -> Schema:
    return {"type": "array", "items": entry} | ({"minItems": least} if least else {})


def ref(name: str, file: str = "") -> Schema:
    return {"$ref": f"{file}#/$defs/{name}"}


def where(member: str, value: str, then: Schema, otherwise: Schema | None = None) -> Schema:
    """A condition on the value of one member."""
    condition = {"if": {"properties": {member: {"const": value}}}, "then": then}
    return condition if otherwise is None else condition | {"else": otherwise}


def frame() -> Schema:
    """A vector file, whatever its operation."""
    members = {
        "format": {"const": FILE_FORMAT},
        "name": FILE_NAME,
        "title": TEXT,
        "operation": {"enum": [*sorted(ANSWERS), SEVERAL]},
        "covers": TEXTS,
        "notes": TEXT,
        "seed": SEED,
        "flags": by_name(ref("flag")),
        "events": by_name(closed({"says": TEXT, "found_at": {"type": ["integer", "null"], "minimum": 0}})),
        "witnesses": array(closed(
            {"name": TEXT, "version": {"type": "string"}, "independent": BOOLEAN, "agreed": COUNT, "unable": COUNT}
        )),
        "least_witnesses": COUNT,
        "exceptions": array(closed({"witness": TEXT, "tests": array(ID, 1), "reason": TEXT, "source": TEXT})),
        "valid": COUNT,
        "invalid": COUNT,
        "groups": array(ref("group"), 1),
    }  # fmt: skip
    without_codes = where_tests({"properties": {"codes": ABSENT}})
    of_protocol = where_tests(where("result", "invalid", {"required": ["codes"]}))
    for name in ANSWERS_NO:
        of_protocol = where("operation", name, without_codes, of_protocol)
    return {
        "title": "A file of Nen test vectors",
        **closed(members, {"notes"}),
        "allOf": [
            {
                "if": {"properties": {"name": {"pattern": "^primitives/"}}},
                "then": without_codes,
                # A sequence has its codes step by step.
                "else": where("operation", SEVERAL, {}, of_protocol),
            },
            *(where("operation", name, {"$ref": file_of(name)}) for name in [*sorted(ANSWERS), SEVERAL]),
        ],
        "$defs": {"flag": flag(), "group": group(), "test": test(), "test_of_steps": test_of_steps(), "step": step()},
    }


def where_tests(entry: Schema) -> Schema:
    """What holds for every test of a file, beside what the frame says of it."""
    return {"properties": {"groups": {"items": {"properties": {"tests": {"items": entry}}}}}}


def flag() -> Schema:
    return closed({"kind": {"enum": list(KINDS)}, "says": TEXT, "effect": TEXT, "references": array(TEXT)})


def group() -> Schema:
    return closed({"comment": TEXT, "covers": TEXTS, "input": {}, "tests": array({}, 1)}, {"covers"})


def head() -> Schema:
    return {"id": ID, "comment": TEXT, "flags": array(FLAG_NAME) | {"uniqueItems": True}, "covers": TEXTS}


def outcome() -> Schema:
    return {"result": RESULT, "input": {}, "output": {}, "codes": CODES, "partial": {}}


def test() -> Schema:
    """One operation."""
    members = head() | outcome() | {"intermediate": ANYTHING}
    optional = {"covers", "output", "codes", "partial", "intermediate"}
    refused = {"properties": {"output": ABSENT, "flags": {"minItems": 1}}}
    return closed(members, optional) | where("result", "valid", accepted(), refused)


def test_of_steps() -> Schema:
    """A sequence of operations."""
    members = head() | {"result": RESULT, "steps": array(ref("step"), 1)}
    return closed(members, {"covers"}) | where("result", "invalid", {"properties": {"flags": {"minItems": 1}}})


def step() -> Schema:
    """One operation of a sequence. They are operations of the protocol: a refusal has its code."""
    members = {"comment": TEXT, "operation": OPERATION} | outcome()
    refused = {"properties": {"output": ABSENT}, "required": ["codes"]}
    return closed(members, {"output", "codes", "partial"}) | where("result", "valid", accepted(), refused)


def accepted() -> Schema:
    return {"properties": {"codes": ABSENT, "partial": ABSENT}, "required": ["output"]}


def of_operation(operation: Operation) -> Schema:
    """Inputs and outputs. `shared` is the part of an input that stands in a group or in a test: any of its members."""
    arguments = {**operation.args, **operation.more}
    optional = operation.optional | set(operation.more)
    # Of an operation that gives nothing but whether it is valid, the member `result` has said it all.
    output = {} if list(operation.result) == ["valid"] else operation.result
    own = {name: ref(name) for name in ("input", "output", "partial")} | {"input": ref("shared")}
    tests = {"items": ref("test", FRAME) | {"properties": own}}
    return {
        "title": operation.name,
        "description": operation.does,
        "properties": {"groups": {"items": {"properties": {"input": ref("shared"), "tests": tests}}}},
        "$defs": {
            "input": closed(arguments, optional),
            "shared": closed(arguments, arguments),
            "output": closed(output, operation.optional_result),
            "partial": closed(operation.partial) if operation.partial else ABSENT,
        },
    }


def several() -> Schema:
    """Tests that are sequences, each step with the input and output of its operation."""
    parts = ("input", "output", "partial")
    steps = [
        where("operation", name, {"properties": {part: ref(part, file_of(name)) for part in parts}})
        for name in sorted(ANSWERS)
    ]
    tests = {"items": ref("test_of_steps", FRAME) | {"properties": {"steps": {"items": {"allOf": steps}}}}}
    return {
        "title": "Sequences of operations",
        "properties": {"groups": {"items": {"properties": {"input": closed({}), "tests": tests}}}},
    }


def beside() -> Schema:
    return closed({"path": {"type": "string", "pattern": "^[a-z]+\\.json$"}, "sha256": SHA256})


def index() -> Schema:
    file = {
        "name": FILE_NAME,
        "path": {"type": "string", "pattern": "^[a-z0-9]+/[a-z0-9_]+\\.json$"},
        "title": TEXT,
        "operation": {"enum": [*sorted(ANSWERS), SEVERAL]},
        "sha256": SHA256,
        "valid": COUNT,
        "invalid": COUNT,
        "flags": by_name(COUNT),
        "events": by_name({"type": ["integer", "null"], "minimum": 0}),
    }
    members = {
        "format": {"const": INDEX_FORMAT},
        "seed": SEED,
        "totals": closed(dict.fromkeys(("files", "vectors", "valid", "invalid"), COUNT)),
        "files": array(closed(file)),
        "accumulated": beside(),
        "searches": beside(),
    }
    return {"title": "The index of a folder of Nen test vectors", **closed(members, {"accumulated", "searches"})}


def accumulated() -> Schema:
    topic = {
        "name": {"enum": [topic.name for topic in TOPICS]},
        "covers": TEXTS,
        "transcript": array(TEXT, 1),
        "digests": array(closed({"transcripts": COUNT, "sha256": SHA256}), 1),
        "witnesses": array(
            closed({"name": TEXT, "version": {"type": "string"}, "independent": BOOLEAN, "transcripts": COUNT})
        ),
    }
    members = {"format": {"const": ACCUMULATED_FORMAT}, "seed": SEED, "topics": array(closed(topic))}
    return {"title": "Digests over many transcripts", **closed(members)}


def searches() -> Schema:
    found = by_name(by_name(COUNT), FILE_NAME)
    members = {"format": {"const": SEARCHES_FORMAT}, "seed": SEED, "found": found}
    return {"title": "The try at which each rare event occurs", **closed(members)}
