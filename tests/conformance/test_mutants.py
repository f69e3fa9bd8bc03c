"""The mutants: their catalogue, that each applies, and what the command says of good ones and of bad ones."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from nen_ref.cli import mutants as command
from nen_ref.conformance.model import Case, Kind, Outcome, Result
from nen_ref.conformance.mutants.matrix import COSTLY, Catch, Verdict, cases_for, cases_of, is_costly
from nen_ref.conformance.mutants.model import Mutant, all_mutants
from nen_ref.conformance.mutants.patch import NothingToReplace, bind, set_field
from nen_ref.conformance.mutants.report import matrix_json, matrix_markdown
from nen_ref.conformance.registry import all_cases, every_case
from nen_ref.conformance.requirements import in_force
from nen_ref.protocol import errors

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs" / "mutants.md"
ODD = "tests.conformance.odd_mutants"


def mutants(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command as a program, whatever name it has among its siblings."""
    code = "from nen_ref.cli.mutants import mutants; mutants(prog_name='mutants')"
    line = [sys.executable, "-c", code, *arguments]
    root = HERE.parents[1]
    return subprocess.run(line, capture_output=True, text=True, timeout=900, check=False, cwd=root)


# The catalogue


def test_at_least_a_hundred_of_all_kinds() -> None:
    kinds = Counter(mutant.kind for mutant in all_mutants())
    assert sum(kinds.values()) >= 115
    assert kinds[Kind.SERVER] >= 60
    assert kinds[Kind.CLIENT] >= 30
    assert kinds[Kind.LIBRARY] >= 30
    servers = Counter(mutant.protocol for mutant in all_mutants() if mutant.kind is Kind.SERVER)
    assert servers["v2"] >= 30
    assert servers["v3"] >= 65


def test_ids_are_unique_and_permanent() -> None:
    """The list only ever grows."""
    known = (HERE / "published_mutants.txt").read_text(encoding="utf-8").split()
    ids = [mutant.id for mutant in all_mutants()]
    assert len(ids) == len(set(ids))
    assert set(known) <= set(ids)
    assert set(ids) <= set(known), "add the new mutant to published_mutants.txt"


@pytest.mark.parametrize("mutant", all_mutants(), ids=lambda mutant: mutant.id)
def test_it_says_what_is_wrong_and_what_for(mutant: Mutant) -> None:
    cases = all_cases(mutant.protocol, (mutant.kind,))
    own = [case for case in cases if case.requirement == mutant.requirement]
    assert mutant.requirement in in_force(mutant.protocol)
    assert own, "no case of its kind tests its requirement"
    assert re.fullmatch(r"[A-Z].{15,}\.", mutant.fault)
    assert len(mutant.gains) >= 10
    assert not mutant.gains.endswith(".")
    for prefix in mutant.related:
        assert any(case.id.startswith(prefix) for case in cases), f"nothing begins {prefix}"


def test_the_costly_cases_exist_and_run_against_their_mutants() -> None:
    assert {name for name in COSTLY if any(case.id == f"v1/{name}" for case in all_cases())} == set(COSTLY)
    ran = {case.id for mutant in all_mutants() for case in cases_for(mutant)}
    assert {case.id for case in met() if not is_costly(case)} <= ran <= {case.id for case in met()}
    for mutant in all_mutants():
        left_out = set(all_cases(mutant.protocol, (mutant.kind,))) - set(cases_for(mutant))
        assert all(map(is_costly, left_out))


def met() -> set[Case]:
    """The cases of the versions and kinds of which there are mutants."""
    groups = {(mutant.protocol, mutant.kind) for mutant in all_mutants()}
    return {case for case in every_case() if (case.protocol, case.kind) in groups}


def test_the_reference_has_to_pass_what_the_mutants_meet() -> None:
    libraries = [mutant for mutant in all_mutants() if mutant.kind is Kind.LIBRARY]
    assert set(cases_of(all_mutants())) == {case for case in met() if not is_idle(case)}
    assert {case.kind for case in cases_of(libraries)} == {Kind.LIBRARY}
    assert cases_of(libraries[:1], related=True) == cases_for(libraries[0], related=True)


def is_idle(case: Case) -> bool:
    """Whether it is too costly for every mutant."""
    own = [mutant for mutant in all_mutants() if mutant.protocol == case.protocol]
    names = {name for mutant in own for name in (mutant.requirement, *mutant.related)}
    return is_costly(case) and case.requirement not in names and case.id not in names


def test_related_cases_are_those_that_concern_the_mutant() -> None:
    for mutant in all_mutants():
        quick, whole = cases_for(mutant, related=True), cases_for(mutant)
        assert [case for case in whole if mutant.concerns(case)] == quick
        assert quick


# Applying


def applied(*catalogue: str) -> list[str]:
    line = [sys.executable, "-m", "tests.conformance.apply_mutants", *catalogue]
    done = subprocess.run(line, capture_output=True, text=True, timeout=120, check=True, cwd=HERE.parents[1])
    return done.stdout.splitlines()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_every_mutant_finds_what_it_replaces() -> None:
    assert applied() == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_one_that_does_not_is_told() -> None:
    assert [line.split()[0] for line in applied(ODD)] == ["library/does-not-apply"]


def test_replacing_nothing_is_an_error() -> None:
    with pytest.raises(NothingToReplace):
        bind(object(), len)
    with pytest.raises(NothingToReplace):
        set_field(errors.INTERNAL, "status", errors.INTERNAL.status)
    with pytest.raises(AttributeError):
        set_field(errors.INTERNAL, "no_such_field", 1)


# The command


def test_a_library_a_client_and_a_server_are_caught(tmp_path: Path) -> None:
    """By the cases that concern them; the next test has libraries run against all."""
    ids = ("library/window-exclusive", "client/truncation-silent", "server/replay-not-atomic")
    only = [argument for id in ids for argument in ("--only", id)]
    done = mutants(*only, "--related", "--json", str(tmp_path / "m.json"), "--docs", str(tmp_path / "m.md"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PASSED: all 3 mutants caught" in done.stdout
    assert "costly, and run only against" in done.stdout
    document = json.loads((tmp_path / "m.json").read_text(encoding="utf-8"))
    found = {entry["id"]: entry for entry in document["mutants"]}
    assert sorted(found) == sorted(ids)
    assert found["library/window-exclusive"]["caught_by"] == ["v1/library-verification/window-inside"]
    assert found["library/window-exclusive"]["codes"] == ["ISO-3003"]
    assert found["server/replay-not-atomic"]["caught_by"] == ["v1/replay/simultaneous"]
    assert found["client/truncation-silent"]["requirement"] == "V1-STR-09"
    assert {"id", "kind", "requirement", "fault", "gains", "caught_by", "codes"} <= set(document["mutants"][0])
    page = (tmp_path / "m.md").read_text(encoding="utf-8")
    for id in ids:
        assert f"| `{id}`<br>" in page
    assert "## Cases that caught no mutant" in page


def not_right(*arguments: str) -> dict[str, str]:
    """The complaint about each of these odd mutants; the command has one about every one of them."""
    done = mutants("--catalogue", ODD, *arguments)
    assert done.returncode == 1, done.stdout + done.stderr
    lines = {line.split()[2]: line for line in done.stdout.splitlines() if line.startswith("NOT RIGHT")}
    assert re.search(rf"FAILED: {len(lines)} mutants? of {len(lines)} not", done.stdout), done.stdout
    return lines


def test_bad_mutants_fail_the_command(tmp_path: Path) -> None:
    """Those that only all cases show are run against all, the others against the ones that concern them."""
    lines = not_right("--only", "library/breaks-something-else")
    assert "fails cases unrelated to it: v1/library-wire/error-status" in lines["library/breaks-something-else"]

    others = ("library/does-nothing", "library/cites-another-requirement", "library/does-not-apply")
    only = [argument for id in others for argument in ("--only", id)]
    lines = not_right(*only, "--related", "--json", str(tmp_path / "m.json"))
    assert "no case catches it" in lines["library/does-nothing"]
    assert "no case of V1-STR-06 catches it" in lines["library/cites-another-requirement"]
    assert "its harness does not start" in lines["library/does-not-apply"]
    document = json.loads((tmp_path / "m.json").read_text(encoding="utf-8"))
    assert all(entry["complaint"] for entry in document["mutants"])


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--only", "server/no-such"), "no mutant in nen_ref.conformance.mutants begins with server/no-such"),
        (("--catalogue", "no.such.module"), "No module named 'no'"),
        (("--json", "/no/such/folder/m.json"), "there is no folder /no/such/folder"),
        (("--jobs", "0"), "--jobs"),
    ],
)
def test_wrong_usage_is_told(arguments: tuple[str, ...], complaint: str) -> None:
    done = CliRunner().invoke(command.mutants, arguments)
    assert done.exit_code == 2
    assert complaint in done.output


def test_a_suite_that_fails_the_reference_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    case = next(iter(all_cases(kinds=(Kind.LIBRARY,))))

    async def baseline(*_: object) -> list[Result]:
        return [Result(case, Outcome.FAIL, "it answered otherwise")]

    monkeypatch.setattr(command, "run_baseline", baseline)
    done = CliRunner().invoke(command.mutants, ["--only", "library/"])
    assert done.exit_code == 1
    assert f"the reference itself: fail {case.id}: it answered otherwise" in done.output
    assert "caught" not in done.output


# Documents


def verdicts() -> list[Verdict]:
    catches = (Catch("v1/library-verification/window-inside", "V1-AUTH-07", Outcome.FAIL, ("ISO-3003",)),)
    return [Verdict(mutant, 10, catches if mutant.id == "library/window-exclusive" else ()) for mutant in all_mutants()]


def test_documents_do_not_depend_on_the_order_of_the_run() -> None:
    assert matrix_markdown(verdicts()) == matrix_markdown(verdicts()[::-1])
    assert matrix_json(verdicts()) == matrix_json(verdicts()[::-1])


def test_a_mutant_that_nothing_caught_is_told_in_the_page() -> None:
    page = matrix_markdown(verdicts())
    assert page.count("**nothing**") == len(all_mutants()) - 1
    assert "| library | " in page


@pytest.mark.skipif(not DOCS.is_file(), reason="not written yet")
def test_the_published_matrix_names_every_mutant_and_no_other() -> None:
    page = DOCS.read_text(encoding="utf-8")
    assert sorted(re.findall(r"^\| `([a-z0-9/-]+)`<br>", page, re.MULTILINE)) == sorted(m.id for m in all_mutants())
    assert "**nothing**" not in page


def test_the_parts_of_the_mutants_are_all_of_them() -> None:
    whole = all_mutants()
    parts = [command._part(whole, f"{i}/3") for i in (1, 2, 3)]
    assert sorted(mutant.id for part in parts for mutant in part) == sorted(mutant.id for mutant in whole)
    assert command._part(whole, None) == whole


@pytest.mark.parametrize("part", ["0/2", "3/2", "1", "a/b", "1/0", "1/100000", "-1/2"])
def test_a_part_that_is_none_is_told(part: str) -> None:
    result = CliRunner().invoke(command.mutants, ["--part", part])
    assert result.exit_code == 2
    assert "not I/N" in result.output
