"""The kill matrix: as a document for machines, and as a page of the documentation."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from nen_ref.conformance.model import Case, Kind
from nen_ref.conformance.mutants.matrix import COSTLY, Verdict
from nen_ref.conformance.registry import SECTIONS, declared_cases, every_case
from nen_ref.conformance.text import number

SHOWN = 8  # cases of one mutant in the table; a fault that breaks every answer is caught by most of them


def matrix_json(verdicts: Sequence[Verdict]) -> str:
    """`{"mutants": [...], "cases_without_mutant": [...]}`, sorted, and the same for the same verdicts."""
    document = {
        "mutants": [_entry(verdict) for verdict in sorted(verdicts, key=lambda verdict: verdict.mutant.id)],
        "cases_without_mutant": [case.id for case in cases_without_mutant(verdicts)],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _entry(verdict: Verdict) -> dict[str, Any]:
    mutant = verdict.mutant
    return {
        "id": mutant.id,
        "kind": mutant.kind.value,
        "requirement": mutant.requirement,
        "fault": mutant.fault,
        "gains": mutant.gains,
        "caught_by": [catch.case for catch in verdict.catches],
        "codes": list(verdict.codes),
        "complaint": verdict.complaint,
    }


def cases_without_mutant(verdicts: Iterable[Verdict]) -> list[Case]:
    """Cases that caught nothing, in no version: no failure, but nothing proves yet that they bite."""
    caught = _proven(verdicts)
    met = {(verdict.mutant.protocol, verdict.mutant.kind) for verdict in verdicts}
    return [case for case in declared_cases() if (case.protocol, case.kind) in met and case.run not in caught]


def _proven(verdicts: Iterable[Verdict]) -> set[Any]:
    """What the cases run that caught a mutant: in every version of such a case the same."""
    caught = {catch.case for verdict in verdicts for catch in verdict.catches}
    return {case.run for case in every_case() if case.id in caught}


def matrix_markdown(verdicts: Sequence[Verdict]) -> str:
    parts = [
        "# Kill matrix\n",
        "Written by `nen-ref conformance mutants --docs FILE`; do not edit.\n",
        "A mutant is the reference with one fault. Each was run against every case of its kind, in the version whose "
        "specification has the requirement that it breaks; a mutant has to be caught by a case of that requirement, "
        "and may fail no case that has nothing to do with it. A case that holds in several versions is counted once. "
        f"{number(len(COSTLY), 'case')} that take a second of computing and more ran only against the mutants they "
        f"are for: {', '.join(f'`{name}`' for name in sorted(COSTLY))}.\n",
        *_totals(verdicts),
        *(part for kind in Kind for part in _mutants(kind, verdicts)),
        *_by_case(verdicts),
        *_without_mutant(verdicts),
    ]
    return "\n".join(parts)


def _totals(verdicts: Sequence[Verdict]) -> Iterable[str]:
    yield "## Totals\n"
    yield "| kind | mutants | caught | cases | cases that caught a mutant |\n|---|---:|---:|---:|---:|"
    for kind in Kind:
        own = [verdict for verdict in verdicts if verdict.mutant.kind is kind]
        yield _total(kind.value, own, [case for case in declared_cases() if case.kind is kind])
    yield _total("all", verdicts, declared_cases()) + "\n"
    yield "| section | cases | that caught a mutant |\n|---|---:|---:|"
    caught = _proven(verdicts)
    for section in SECTIONS:
        cases = [case for case in declared_cases() if case.section == section]
        yield f"| {section} | {len(cases)} | {sum(case.run in caught for case in cases)} |"
    yield ""


def _total(name: str, verdicts: Sequence[Verdict], cases: Sequence[Case]) -> str:
    caught = _proven(verdicts)
    right = sum(not verdict.complaint for verdict in verdicts)
    return f"| {name} | {len(verdicts)} | {right} | {len(cases)} | {sum(case.run in caught for case in cases)} |"


def _mutants(kind: Kind, verdicts: Sequence[Verdict]) -> Iterable[str]:
    own = sorted((v for v in verdicts if v.mutant.kind is kind), key=lambda verdict: verdict.mutant.id)
    if not own:
        return
    yield f"## {'Libraries' if kind is Kind.LIBRARY else kind.value.capitalize() + 's'}\n"
    yield "| mutant | requirement | what an attacker gains | caught by | codes |\n|---|---|---|---|---|"
    for verdict in own:
        mutant = verdict.mutant
        yield (
            f"| `{mutant.id}`<br>{_cell(mutant.fault)} | {mutant.requirement} | {_cell(mutant.gains)} "
            f"| {_catchers(verdict)} | {', '.join(verdict.codes)} |"
        )
    yield ""


def _catchers(verdict: Verdict) -> str:
    """The cases of its requirement first."""
    ordered = sorted(verdict.catches, key=lambda catch: catch.requirement != verdict.mutant.requirement)
    rest = len(ordered) - SHOWN
    shown = "<br>".join(f"`{catch.case}`" for catch in ordered[:SHOWN])
    return shown + (f"<br>and {rest} more" if rest > 0 else "") if shown else "**nothing**"


def _by_case(verdicts: Sequence[Verdict]) -> Iterable[str]:
    yield "## By case\n"
    yield "| case | requirement | mutants that it catches |\n|---|---|---|"
    catchers: dict[str, list[Verdict]] = {}
    for verdict in sorted(verdicts, key=lambda verdict: verdict.mutant.id):
        for catch in verdict.catches:
            catchers.setdefault(catch.case, []).append(verdict)
    for case in every_case():
        if case.id in catchers:
            caught = sorted(catchers[case.id], key=lambda verdict: verdict.mutant.requirement != case.requirement)
            names = "<br>".join(f"`{verdict.mutant.id}`" for verdict in caught)
            yield f"| `{case.id}` | {case.requirement} | {names} |"
    yield ""


def _without_mutant(verdicts: Sequence[Verdict]) -> Iterable[str]:
    cases = cases_without_mutant(verdicts)
    yield "## Cases that caught no mutant\n"
    counts = Counter(case.section for case in cases)
    yield f"{len(cases)}. Most say what has to work, and are there for implementations that are not the reference.\n"
    for section in SECTIONS:
        if counts[section]:
            yield f"- **{section}**: " + ", ".join(f"`{case.id}`" for case in cases if case.section == section)
    yield ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
