"""`nen-ref vectors verify`, `list`, `show`, `export`, `mutants`: what a person sees, and the exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from nen_ref.cli import main
from nen_ref.vectors.draw import DEFAULT_SEED
from nen_ref.vectors.files import index_of, write
from nen_ref.vectors.generate import Plan, generate
from nen_ref.vectors.published import published_folder
from tests.vectors.test_generate import Here, untold

NAMES = ("primitives/hmac_sha256", "v1/payload_open")


@pytest.fixture(scope="module")
def files() -> dict[str, Any]:
    return generate(Plan(DEFAULT_SEED, NAMES, 2, ("pycryptodome",)), Here(), untold)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["vectors", *map(str, arguments)])


def written(folder: Path, files: dict[str, Any], name: str = "", **changes: Any) -> Path:
    """The files, with changes to the first vector of one of them, and an index that fits."""
    whole: dict[str, Any] = json.loads(json.dumps(files))
    if name:
        whole[name]["groups"][0]["tests"][0] |= changes
    write(folder, whole | {"index": index_of({key: value for key, value in whole.items() if key != "index"})})
    return folder


def test_verify_passes(tmp_path: Path, files: dict[str, Any]) -> None:
    result = run("verify", written(tmp_path, files))
    assert result.exit_code == 0, result.output
    assert "PASSED" in result.output
    assert "cryptography" in result.output


def test_verify_asks_whom_it_is_told_to(tmp_path: Path, files: dict[str, Any]) -> None:
    result = run("verify", written(tmp_path, files), "--provider", "reference", "--only", "primitives")
    assert "reference" in result.output
    assert "pycryptodome" not in result.output
    assert "payload_open" not in result.output


def test_a_wrong_output_is_a_finding_and_names_the_vector(tmp_path: Path, files: dict[str, Any]) -> None:
    folder = written(tmp_path, files, NAMES[0], output={"mac": "00" * 32})
    result = run("verify", folder, "--json", tmp_path / "out.json")
    assert result.exit_code == 1
    first = files[NAMES[0]]["groups"][0]["tests"][0]
    assert f"{first['id']}: hmac_sha256: the vector accepted mac 0000" in result.output
    assert f"reference accepted mac {first['output']['mac']}"[:60] in result.output
    document = json.loads((tmp_path / "out.json").read_text())
    by = {entry["witness"]: entry for entry in document["files"][NAMES[0]]}
    assert list(by["reference"]["disagreed"]) == [first["id"]]
    assert document["faults"]


def test_a_refused_vector_that_is_accepted_is_a_finding(tmp_path: Path, files: dict[str, Any]) -> None:
    first = files[NAMES[1]]["groups"][0]["tests"][0]
    assert first["result"] == "valid"
    whole: dict[str, Any] = json.loads(json.dumps(files))
    test = whole[NAMES[1]]["groups"][0]["tests"][0]
    del test["output"]
    test |= {"result": "invalid", "codes": ["ISO-4001"]}
    test["flags"] = test["flags"] or [next(iter(whole[NAMES[1]]["flags"]))]
    whole[NAMES[1]]["valid"] -= 1
    whole[NAMES[1]]["invalid"] += 1
    result = run("verify", written(tmp_path, whole), "--provider", "reference")
    assert result.exit_code == 1, result.output
    assert "the vector refused ISO-4001; reference accepted payload" in result.output


def test_wrong_code_is_a_finding(tmp_path: Path, files: dict[str, Any]) -> None:
    whole: dict[str, Any] = json.loads(json.dumps(files))
    tests = [test for group in whole[NAMES[1]]["groups"] for test in group["tests"] if test["result"] == "invalid"]
    test = next(test for test in tests if test["codes"] == ["ISO-4001"])
    test["codes"] = ["ISO-4003"]
    result = run("verify", written(tmp_path, whole), "--provider", "reference")
    assert result.exit_code == 1
    assert "the vector refused ISO-4003; reference refused ISO-4001" in result.output


def test_bad_files_exit_with_2_and_one_line(tmp_path: Path, files: dict[str, Any]) -> None:
    folder = written(tmp_path, files)
    path = folder / f"{NAMES[0]}.json"
    path.write_bytes(path.read_bytes()[:-100])
    for command in (("verify", folder), ("list", folder), ("show", "x", "--from", folder)):
        result = run(*command)
        assert result.exit_code == 2, command
        assert "hmac_sha256.json" in result.output
        assert len(result.output.strip().splitlines()) == 1


def test_list_and_show(tmp_path: Path, files: dict[str, Any]) -> None:
    folder = written(tmp_path, files)
    listed = run("list", folder)
    assert listed.exit_code == 0
    assert "primitives/hmac_sha256" in listed.output
    assert f"{files['index']['totals']['vectors']} vectors" in listed.output
    id = files[NAMES[1]]["groups"][0]["tests"][0]["id"]
    shown = run("show", id, "--from", folder)
    assert shown.exit_code == 0
    assert f'"id": "{id}"' in shown.output
    assert '"secret"' in shown.output, "the members that the group shares are part of what is shown"
    missing = run("show", "v1/nothing", "--from", folder)
    assert missing.exit_code == 2
    assert "there is no vector v1/nothing" in missing.output


def test_export_gives_a_folder_that_reads(tmp_path: Path) -> None:
    result = run("export", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "out" / "README.md").is_file()
    assert (tmp_path / "out" / "schema" / "vectors-1.json").is_file()
    ours = {path.relative_to(published_folder()) for path in published_folder().rglob("*")}
    assert {path.relative_to(tmp_path / "out") for path in (tmp_path / "out").rglob("*")} == ours
    again = run("export", tmp_path / "out")
    assert again.exit_code == 2
    assert "is not empty: nothing was written" in again.output


def test_a_harness_that_is_none_exits_with_2(tmp_path: Path, files: dict[str, Any]) -> None:
    result = run("verify", written(tmp_path, files), "--harness", "false")
    assert result.exit_code == 2
    assert "Traceback" not in result.output


@pytest.mark.parametrize("mutant", ["library/hmac-long-key-cut", "library/aead-tag-not-checked"])
def test_a_broken_library_is_killed(mutant: str, tmp_path: Path, files: dict[str, Any]) -> None:
    result = run("mutants", written(tmp_path, files), "--only", mutant, "--docs", tmp_path / "page.md")
    assert result.exit_code == 0, result.output
    assert f"| `{mutant}` |" in (tmp_path / "page.md").read_text()


def test_a_mutant_that_no_vector_kills_is_a_finding(tmp_path: Path, files: dict[str, Any]) -> None:
    result = run("mutants", written(tmp_path, files), "--only", "library/stream-counter-added", "--first")
    assert result.exit_code == 1
    assert "NOT KILLED library/stream-counter-added" in result.output
