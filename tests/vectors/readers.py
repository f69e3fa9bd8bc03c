"""The readers of vectors/README.md, taken out of it, and implementations for them to ask: ours, and wrong ones.

As a program, `readers.py MODE`, it answers one question a line, which readers in other languages ask it.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from nen_ref.vectors.build import answer
from nen_ref.vectors.published import published_folder

VECTORS = published_folder()
README = VECTORS / "README.md"

Values = dict[str, Any]
Implementation = Callable[[str, Mapping[str, Any]], Values | None]


def code(language: str) -> str:
    """The one block of code under the heading of this language."""
    _, _, section = README.read_text().partition(f"\n### {language}\n")
    (block,) = re.findall(r"^```[a-z]+\n(.*?)^```$", section.partition("\n###")[0].partition("\n## ")[0], re.M | re.S)
    return str(block)


def right(operation: str, given: Mapping[str, Any]) -> Values:
    """What our reference answers, in the form that the readers want."""
    made = answer(operation, given)
    return {**made.values, "error": made.code} if made.refused else dict(made.values)


def rewritten(operation: str, given: Mapping[str, Any]) -> Values:
    """Right, with JSON in another order and with white space."""
    values = right(operation, given)
    if "body" in values and not operation.startswith("stream."):
        values["body"] = json.dumps(dict(reversed(json.loads(values["body"]).items())), indent=2)
    return values


def damaged(operation: str, given: Mapping[str, Any]) -> Values:
    """Accepts and refuses as it should, with wrong values."""
    values = right(operation, given)
    return values if "error" in values else {name: wrong(value) for name, value in values.items()}


def wrong(value: Any) -> Any:
    if isinstance(value, str):
        return value[:-1] + ',"more":0}' if value.startswith("{") else value + "0"
    if isinstance(value, dict):
        return value | {"more": ""}
    if isinstance(value, list):
        return [*value, ""]
    return "null" if value is None else value + 1


def talkative(operation: str, given: Mapping[str, Any]) -> Values:
    """Gives out more before it refuses than it may."""
    values = right(operation, given)
    more = {name: value + "more" for name, value in values.items() if "error" in values and name != "error"}
    return values | more


MODES: dict[str, Implementation] = {
    "right": right,
    "rewritten": rewritten,
    "damaged": damaged,
    "talkative": talkative,
    "accepting": lambda operation, given: {},
    "refusing": lambda operation, given: {"error": "ISO-0000"},
    "absent": lambda operation, given: None,
}


def fails(mode: str, step: Mapping[str, Any]) -> bool:
    """Whether an answer of this mode to this step is wrong."""
    match mode:
        case "damaged":
            return bool(step.get("output"))
        case "talkative":
            return "partial" in step
        case "accepting":
            return step["result"] == "invalid" or bool(step["output"])
        case "refusing":
            return step["result"] == "valid" or "codes" in step
    return False


def all_tests(folder: Path) -> Iterator[Values]:
    for entry in json.loads((folder / "index.json").read_bytes())["files"]:
        for group in json.loads((folder / entry["path"]).read_bytes())["groups"]:
            yield from group["tests"]


def verdict(folder: Path, mode: str) -> str:
    """The last line that a reader has to print."""
    every = list(all_tests(folder))
    failures = sum(any(fails(mode, step) for step in test.get("steps", [test])) for test in every)
    return f"{len(every)} vectors, {failures} failures, {len(every) if mode == 'absent' else 0} not offered"


def excerpt(folder: Path) -> Path:
    """Into `folder`, a few vectors of every published file: of each group the first of every kind of result."""
    index = json.loads((VECTORS / "index.json").read_bytes())
    for entry in index["files"]:
        file = json.loads((VECTORS / entry["path"]).read_bytes())
        for group in file["groups"]:
            kinds = {(test["result"], "partial" in test): test for test in reversed(group["tests"])}
            group["tests"] = list(kinds.values())
        target = folder / entry["path"]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(file))
    (folder / "index.json").write_text(json.dumps(index))
    return folder


def main() -> None:
    implementation = MODES[sys.argv[1]]
    for line in sys.stdin:
        question = json.loads(line)
        print(json.dumps(implementation(question["operation"], question["input"])), flush=True)


if __name__ == "__main__":
    main()
