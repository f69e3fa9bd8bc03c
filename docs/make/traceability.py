"""traceability.md and traceability.json: nen_ref.conformance.trace as a page, and for machines.

All documents of the specification that have requirements are on one page, one after the other.
"""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from pathlib import Path

from docs.make import links
from nen_ref.conformance.trace import Place, Trace, document, traces

PAGE = "traceability.md"
DOCUMENTS = {"v1": "Nen V1", "v2": "Nen V2", "v3": "Nen V3", "seal": "Sealed envelopes"}
ROOT = Path(__file__).parents[2]


@cache
def _found(name: str) -> list[Trace]:
    return traces(name)


def files() -> dict[str, str]:
    """`traceability.json` is that of V1, where it has always been; the others are beside it."""
    return {
        "traceability.json" if name == "v1" else f"traceability-{name}.json": (
            json.dumps(document(_found(name), name), indent=1, ensure_ascii=False) + "\n"
        )
        for name in DOCUMENTS
    }


def pages() -> dict[str, str]:
    """The page; its links are those of a file in docs/."""
    found = [trace for name in DOCUMENTS for trace in _found(name)]
    machines = ", ".join(f"[{name}]({name})" for name in files())
    parts = [
        "---\ntitle: Traceability\nhide:\n  - navigation\n---\n\n# Traceability\n",
        f"Each of the {len(found)} requirements of Nen: where the reference implements it, which cases and vectors "
        "test it, and which deliberately broken implementations prove that these tests bite. What V2 and V3 have from "
        f"an earlier version stands there. Made from the sources when the site is built; for machines: {machines}. A "
        "test fails on a MUST that neither a case nor a vector tests, unless the specification says why, and on a "
        "citation of an id that does not exist.\n",
        _summary(found),
        '<div class="filter" data-filter=".trace-entry" data-noun="requirements" hidden>\n'
        '<label for="trace-words">Filter by words, an id, a case or a file</label>\n'
        '<input id="trace-words" type="search" autocomplete="off" spellcheck="false" '
        'placeholder="auth constant time">\n'
        '<p class="filter-count" role="status"></p>\n</div>\n',
    ]
    section = ""
    for name, title in DOCUMENTS.items():
        for trace in _found(name):
            area = trace.rule.id.rpartition("-")[0]
            if area != section:
                section = area
                heading = " · ".join(filter(None, (title, AREAS.get(area.partition("-")[2], ""))))
                parts.append(f'## {heading} {{ #{area.lower()} data-section="{area}" }}\n')
            parts.append(_entry(trace))
    return {PAGE: "\n".join(parts)}


AREAS = {
    "WIRE": "Encoding", "HS": "Handshake", "ID": "Identity", "REQ": "Requests", "AUTH": "Verification",
    "REPLAY": "Replay", "RES": "Responses", "STR": "Streams", "LIFE": "Session lifecycle", "ERR": "Errors",
    "STORE": "Session stores", "PRIM": "Primitives", "KEY": "Key schedule", "REKEY": "Rekey", "TICKET": "Resumption",
    "ATT": "Attestation", "VER": "Several versions at once",
    "ENV": "Envelopes", "CTX": "Contexts", "SIG": "Signed envelopes", "FRM": "Framed envelopes", "FLD": "Sealed fields",
    "HOOK": "Webhooks", "MED": "Media",
}  # fmt: skip


def _summary(found: list[Trace]) -> str:
    rows = ["| level | requirements | with cases | with vectors | with mutants | not testable |",
            "|---|---|---|---|---|---|"]  # fmt: skip
    counted = Counter(trace.rule.level for trace in found)
    for level in ("required", "recommended", "hardening"):
        own = [trace for trace in found if trace.rule.level == level]
        numbers = (
            sum(bool(trace.cases) for trace in own),
            sum(bool(trace.vectors) for trace in own),
            sum(bool(trace.mutants) for trace in own),
            sum(bool(trace.rule.untested) for trace in own),
        )
        rows.append(f"| {level} | {counted[level]} | {' | '.join(map(str, numbers))} |")
    meaning = (
        "`required`: a published MUST; `recommended`: a published SHOULD; `hardening`: a decision of this project."
    )
    return "\n".join(rows) + f"\n\n{meaning}\n"


def _entry(trace: Trace) -> str:
    rule = trace.rule
    marks = f"{rule.key_word} · {rule.side} · {rule.level}"
    where = f"../spec/{_page_of_rule(rule.id)}#{rule.id.lower()}"
    lines = [
        f'<div class="trace-entry" id="{rule.id.lower()}" markdown>\n',
        f"### {rule.id} {{ #{rule.id.lower()}-title }}\n",
        f"{marks} · [in the specification]({where})\n{{ .trace-marks }}\n",
        f"{rule.sentence}\n",
    ]
    if rule.untested:
        lines.append(f"*Not tested from outside:* {rule.untested}\n")
    rows = [
        ("Code", [_place(place) for place in trace.code]),
        ("Tests", [_place(place) for place in trace.tests]),
        ("Cases", [f"`{case.id}`" for case in trace.cases]),
        ("Vectors", [f"`{name}` ({len(ids)})" for name, ids in trace.vectors.items()]),
        ("Mutants", [f"`{mutant.id}`" for mutant in trace.mutants]),
        ("Codes", list(trace.codes)),
    ]
    lines += [f"{name}\n:   {_listed(shown)}\n" for name, shown in rows if shown]
    return "\n".join([*lines, "</div>\n"])


@cache
def _pages_of_rules() -> dict[str, str]:
    texts = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "spec").glob("*.md")}
    return {id: name for name, text in texts.items() for id in links.requirement_ids(text)}


def _page_of_rule(id: str) -> str:
    return _pages_of_rules()[id]


def _listed(shown: list[str]) -> str:
    return ", ".join(shown)


def _place(place: Place) -> str:
    module = place.file.rpartition("/")[2].removesuffix(".py") if place.file.startswith("nen_ref") else place.file
    name = f"{module}.{place.name}" if place.name else place.file
    fragment = f"#{place.name}" if place.name else ""
    return f"[`{name}`](../{place.file}{fragment})"
