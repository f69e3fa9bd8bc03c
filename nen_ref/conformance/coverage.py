"""What the catalogue of cases covers: requirements, and error codes on each side where they can occur."""

from __future__ import annotations

from nen_ref.conformance.model import Case, Kind
from nen_ref.conformance.requirements import Requirement, in_force
from nen_ref.protocol.errors import CATALOGUE

# Codes that a wire version does not have, each with its reason.
_NO_SERVER_IDENTITY = dict.fromkeys(("ISO-3006", "ISO-3007"), "no server identity; V3 has one")
NOT_IN: dict[str, dict[str, str]] = {
    "v1": {"ISO-3005": "V1 has no X-Nen-Nonce; V2 and V3 do"} | _NO_SERVER_IDENTITY,
    "v2": _NO_SERVER_IDENTITY,
    "v3": {},
}

# Sides on which no case provokes a code, though the catalogue lets it occur there, each with its reason.
UNPROVOKED = {
    ("ISO-1002", Kind.CLIENT): "a client's own key passes its checks, and a ct of another length is ISO-1004",
    ("ISO-4002", Kind.SERVER): "a server draws its nonces itself; the library cases give them",
}


def cases_by_requirement(cases: list[Case], protocol: str) -> dict[str, list[Case]]:
    """The cases of every requirement in force, in the order of the specification; an empty list where there is none."""
    found: dict[str, list[Case]] = {id: [] for id in in_force(protocol)}
    for case in cases:
        found[case.requirement].append(case)
    return found


def uncovered(cases: list[Case], protocol: str) -> list[Requirement]:
    """The requirements without a case. Each has to say why (`untested`)."""
    rules = in_force(protocol)
    return [rules[id] for id, tested in cases_by_requirement(cases, protocol).items() if not tested]


def cases_by_code(cases: list[Case], code: str) -> dict[Kind, list[Case]]:
    """The cases that provoke a code, by what they examine."""
    return {kind: [case for case in cases if case.kind is kind and code in case.codes] for kind in Kind}


def coverage_page(cases: list[Case], protocol: str) -> str:
    """The page for the documentation, as Markdown."""
    lines = [
        "# What the suite covers" + ("" if protocol == "v1" else f" of {protocol.upper()}"),
        "",
        "Made by `nen-ref conformance coverage`; a test compares it.",
        "",
        f"{len(cases)} cases of Nen {protocol.upper()}: "
        + ", ".join(f"{sum(case.kind is kind for case in cases)} {kind.value}" for kind in Kind)
        + ".",
        "",
        "## Error codes",
        "",
        "Cases that provoke each code, by what they examine. A library case provokes it in one step of a server or a "
        "client, without the network.",
        "",
        "| code | name | raised by | server | client | library |",
        "|---|---|---|---|---|---|",
    ]
    for code, entry in CATALOGUE.items():
        found = cases_by_code(cases, code)
        note = NOT_IN[protocol].get(code)
        cells = [note, "", ""] if note else [_shown(found[kind], UNPROVOKED.get((code, kind), "-")) for kind in Kind]
        lines.append(f"| {code} | {entry.name} | {entry.side} | {' | '.join(cells)} |")
    lines += ["", "## Requirements", "", "| requirement | level | cases |", "|---|---|---|"]
    rules = in_force(protocol)
    for id, tested in cases_by_requirement(cases, protocol).items():
        shown = "<br>".join(f"`{case.id}`" for case in tested) or f"none: {rules[id].untested}"
        lines.append(f"| {id} | {rules[id].level} | {shown} |")
    return "\n".join(lines) + "\n"


def _shown(cases: list[Case], otherwise: str) -> str:
    return f"{len(cases)}, e.g. `{cases[0].id}`" if cases else otherwise
