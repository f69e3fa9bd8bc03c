"""Write what is generated and kept in git, under docs/ and in spec/: `python docs/regenerate.py`. A test compares;
docs/mutants.md is made by `nen-ref conformance mutants --docs`."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # the repository, for docs.make

from docs.make.spec_blocks import pages
from nen_ref.conformance.coverage import coverage_page
from nen_ref.conformance.harness.examples import examples
from nen_ref.conformance.harness.messages import schema_document
from nen_ref.conformance.harness.operations import OPERATIONS, PRIMITIVES, STEPS, Operation
from nen_ref.conformance.model import Kind
from nen_ref.conformance.registry import all_cases
from nen_ref.conformance.report_schema import report_schema
from nen_ref.conformance.requirements import PROTOCOLS

DOCS = Path(__file__).parent
BEGIN, END = "<!-- operations: begin (made by docs/regenerate.py) -->\n", "<!-- operations: end -->"
SHOWN = 24  # characters of a long value


def generated() -> dict[str, str]:
    """The text of every generated file by its path in the repository."""
    return pages() | {
        **{_coverage(protocol): coverage_page(all_cases(protocol), protocol) for protocol in PROTOCOLS},
        "docs/harness.md": _with_operations((DOCS / "harness.md").read_text(encoding="utf-8")),
        "docs/schema/harness-1.json": _json(schema_document()),
        "docs/schema/report-2.json": _json(report_schema()),
    }


def _coverage(protocol: str) -> str:
    return "docs/coverage.md" if protocol == "v1" else f"docs/coverage-{protocol}.md"


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _with_operations(page: str) -> str:
    before, _, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    return before + BEGIN + operations_markdown() + END + after


def operations_markdown() -> str:
    """One paragraph for each operation: what it does, arguments, result, codes, and an example of the arguments."""
    groups = {
        "Primitives": PRIMITIVES,
        "Steps of the protocol": STEPS,
        "The client": [op for op in OPERATIONS.values() if op.kind is Kind.CLIENT],
        "The server": [op for op in OPERATIONS.values() if op.kind is Kind.SERVER],
    }
    found = examples()
    parts = [
        "`bytes(32)` is hexadecimal text of 32 bytes, `bytes` of any number; `?` marks what may be absent. Long values "
        "of the examples are shortened.\n\n"
    ]
    for title, operations in groups.items():
        parts.append(f"### {title}\n\n")
        for op in operations:
            parts.append(_operation(op, found.get(op.name)))
    return "".join(parts)


def _operation(op: Operation, example: Mapping[str, Any] | None) -> str:
    text = f"**`{op.name}`** {op.does}\n\n"
    text += f"- arguments: {_members(op.args, op.optional)}\n"
    text += f"- ok: {_members(op.result, op.optional_result)}\n"
    if op.errors:
        partial = f"; beside the code: {_members(op.partial, frozenset(op.partial))}" if op.partial else ""
        text += f"- error: {op.errors if op.errors != 'any' else 'whatever the specification says'}{partial}\n"
    if example:
        text += f"- example of `args`: `{json.dumps(_shortened(example), ensure_ascii=False)}`\n"
    return text + "\n"


def _members(schemas: Mapping[str, Mapping[str, Any]], optional: frozenset[str]) -> str:
    shown = [f"`{name}`{'?' if name in optional else ''}: {_type(schema)}" for name, schema in schemas.items()]
    return ", ".join(shown) or "none (an empty object)"


def _type(schema: Mapping[str, Any]) -> str:
    if "contentEncoding" in schema:
        digits = schema["pattern"].removeprefix("^[0-9a-f]{").removesuffix("}$")
        return f"bytes({int(digits) // 2})" if digits.isdigit() else "bytes"
    kind = schema.get("type", "any JSON value")
    if kind == "array":
        return f"list of {_type(schema['items'])}"
    if isinstance(kind, list):
        inner = {key: value for key, value in schema.items() if key != "type"} | {"type": kind[0]}
        return f"{_type(inner)} or null"
    if kind == "object" and "properties" in schema:
        return "{" + ", ".join(f"{name}: {_type(value)}" for name, value in schema["properties"].items()) + "}"
    if kind == "object":
        return "object of texts"
    return {"string": "text", "integer": "integer", "boolean": "true or false"}.get(kind, kind)


def _shortened(value: Any) -> Any:
    if isinstance(value, bytes):
        return _shortened(value.hex())
    if isinstance(value, str):
        return value if len(value) <= 64 else f"{value[:SHOWN]}...({len(value)})"
    if isinstance(value, Mapping):
        return {name: _shortened(entry) for name, entry in value.items()}
    return [_shortened(entry) for entry in value] if isinstance(value, list) else value


if __name__ == "__main__":
    for name, text in generated().items():
        (DOCS.parent / name).write_text(text, encoding="utf-8")
        print(name)
