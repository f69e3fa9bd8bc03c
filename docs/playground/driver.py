"""What the playground's page calls: JSON text in, JSON text out, the same under CPython and in the browser.

{"do": "session", "edits": {...}}               -> {"steps": [...], "edits": {...}}
{"do": "flip", "edits": {...}, "id": "wire_ct"} -> the same, with one bit of that value changed
{"do": "random", "edits": {...}}                -> the same, with fresh seeds in the place of all edits
{"do": "examine", "fields": {...}}              -> what can be said about a pasted request
{"do": "example"}                               -> {"fields": {...}}, a request to examine that goes wrong
Anything that cannot be done                    -> {"problem": "..."}, never an exception
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from docs.playground.paste import examine
from docs.playground.session import example, play, random_seeds
from docs.playground.sheet import MAX_TEXT, Step, Unusable, flip
from nen_ref.protocol.wire import Malformed, parse_json_object

MAX_ORDER = 1_048_576  # characters
MAX_EDITS = 100


def call(order: str) -> str:
    """Do what the order says. Every failure is a message; the last resort names the exception, not its content."""
    try:
        result = _do(order)
    except Unusable as fault:
        result = {"problem": str(fault)}
    except Exception as fault:
        result = {"problem": f"The playground failed ({type(fault).__name__}). Please report what you did."}
    return json.dumps(result)


def _do(order: str) -> dict[str, object]:
    if len(order) > MAX_ORDER:
        raise Unusable("That is too long for the playground.")
    try:
        members = parse_json_object(order.encode("utf-8", "surrogatepass"))
    except Malformed as fault:
        raise Unusable(f"The order is {fault}.") from None
    match members.get("do"):
        case "session":
            return _session(_texts(members, "edits"))
        case "flip":
            return _flip(_texts(members, "edits"), members.get("id"))
        case "random":
            return _session(random_seeds())
        case "examine":
            return examine(_texts(members, "fields"))
        case "example":
            return {"fields": example()}
    raise Unusable("There is nothing of that name to do.")


def _session(edits: Mapping[str, str]) -> dict[str, object]:
    steps = play(edits)
    return {"edits": dict(edits), "steps": [step.as_json() for step in steps], "summary": _summary(steps)}


def _flip(edits: Mapping[str, str], id: object) -> dict[str, object]:
    values = [value for step in play(edits) for value in step.values if value.id == id and value.kind != "seen"]
    if not values:
        raise Unusable("There is no such value at the moment.")
    (value,) = values
    return _session({**edits, value.id: flip(value.kind, value.text)})


def _texts(members: Mapping[str, object], name: str) -> dict[str, str]:
    """The texts by name that the page sent, each of a bounded length."""
    given = members.get(name, {})
    if not isinstance(given, dict) or len(given) > MAX_EDITS:
        raise Unusable(f"{name} has to be an object of at most {MAX_EDITS} texts.")
    texts: dict[str, str] = {}
    for key, value in given.items():
        if not isinstance(value, str):
            raise Unusable(f"{key[:40]} is not a text.")
        if len(value) > MAX_TEXT:
            raise Unusable(f"{key[:40]} is longer than {MAX_TEXT} characters.")
        texts[key] = value.replace("\r\n", "\n")
    return texts


def _summary(steps: list[Step]) -> str:
    for number, step in enumerate(steps, 1):
        if step.error is not None:
            return f"Step {number}, {step.title}, refuses: {step.error['code']} {step.error['name']}."
        if step.problem:
            return f"Step {number}, {step.title}, cannot be computed. {step.problem}"
    return f"All {len(steps)} steps pass."
