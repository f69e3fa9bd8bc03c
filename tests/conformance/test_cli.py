"""The command line as people and scripts use it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from nen_ref.conformance.embedded import embedded_server
from nen_ref.conformance.registry import all_cases
from nen_ref.protocol.errors import CATALOGUE
from tests.conformance.servers import constant_server


def nen_ref(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "nen_ref", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_conformance_alone_examines_the_reference(tmp_path: Path) -> None:
    """The README's first command: every case passes over HTTP, and the JSON report says so."""
    file = tmp_path / "report.json"
    done = nen_ref("conformance", "--json", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"PASSED: all {len(all_cases())} cases passed over HTTP" in done.stdout
    report = json.loads(file.read_text(encoding="utf-8"))
    assert report["schema"] == "nen-conformance-report/1"
    assert report["protocol"] == "v1"
    assert report["target"].startswith("http://127.0.0.1:")
    assert [result["id"] for result in report["results"]] == [case.id for case in all_cases()]
    assert {result["outcome"] for result in report["results"]} == {"pass"}
    for result in report["results"]:
        assert {"id", "requirement", "level", "outcome", "expected", "observed", "sentence"} <= set(result)


def test_findings_exit_1_with_cause_and_reproduction() -> None:
    with constant_server(200, b'{"body":null}') as url:
        done = nen_ref("conformance", "server", url, "--only", "v1/auth/signature-missing")
    assert done.returncode == 1
    assert "FAILED: 2 required cases" in done.stdout or "FAILED: 1 required cases" in done.stdout
    for expected in ("V1-AUTH-03", "likely cause", f"nen-ref conformance run v1/auth/signature-missing {url}"):
        assert expected in done.stdout


def test_json_to_standard_output_is_json_alone() -> None:
    with embedded_server() as url:
        done = nen_ref("conformance", "server", url, "--only", "v1/lifecycle", "--json", "-")
    assert done.returncode == 0
    assert json.loads(done.stdout)["passed"] is True


def test_unreachable_target_exits_2() -> None:
    done = nen_ref("conformance", "server", "http://127.0.0.1:1")
    assert done.returncode == 2
    assert "cannot reach http://127.0.0.1:1" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("conformance", "server", "not-a-url"),
        ("conformance", "server"),
        ("conformance", "run", "v1/no/such-case", "http://127.0.0.1:1"),
        ("conformance", "show", "v1/no/such-case"),
        ("conformance", "server", "http://127.0.0.1:1", "--only", "v9"),
        ("conformance", "server", "http://127.0.0.1:1", "--protocol", "v9"),
        ("conformance", "server", "http://127.0.0.1:1", "--json", "/no/such/folder/report.json"),
        ("explain", "ISO-0000"),
        ("explain", "nonsense"),
        ("no-such-command",),
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_2(arguments: tuple[str, ...]) -> None:
    done = nen_ref(*arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr


def test_a_report_that_cannot_be_written_is_refused_before_the_run() -> None:
    with embedded_server() as url:
        done = nen_ref("conformance", "server", url, "--only", "v1/lifecycle", "--json", "/no/such/folder/report.json")
    assert done.returncode == 2
    assert "there is no folder /no/such/folder" in done.stderr
    assert done.stdout == ""


def test_list_and_show() -> None:
    listed = nen_ref("conformance", "list")
    assert [line.split("\t")[0] for line in listed.stdout.splitlines()] == [case.id for case in all_cases()]
    as_json = json.loads(nen_ref("conformance", "list", "--json").stdout)
    assert [entry["id"] for entry in as_json] == [case.id for case in all_cases()]
    shown = nen_ref("conformance", "show", "v1/auth/signature-missing")
    assert "V1-AUTH-03" in shown.stdout
    assert "ISO-3001" in shown.stdout


def test_run_one_case() -> None:
    with embedded_server() as url:
        done = nen_ref("conformance", "run", "v1/auth/signature-missing", url)
    assert done.returncode == 0
    assert done.stdout.startswith("pass")


def test_piped_output_is_plain_text() -> None:
    with embedded_server() as url:
        outputs = [
            nen_ref("conformance", "server", url, "--only", "v1/wire").stdout,
            nen_ref("conformance", "list").stdout,
            nen_ref("explain", "3002").stdout,
            nen_ref("demo").stdout,
        ]
    assert all("\x1b" not in output and "\r" not in output for output in outputs)


def test_explain_prints_causes_and_fix() -> None:
    done = nen_ref("explain", "ISO-3002")
    entry = CATALOGUE["ISO-3002"]
    words = " ".join(done.stdout.split())
    assert entry.name in words
    assert entry.fix in words
    assert all(" ".join(cause.split()) in words for cause in entry.causes)


def test_explain_takes_the_code_in_any_form() -> None:
    texts = {nen_ref("explain", form).stdout for form in ("ISO-3002", "iso3002", "3002", "auth_signature_invalid")}
    assert len(texts) == 1
    assert len(json.loads(nen_ref("explain", "--json").stdout)) == len(CATALOGUE)


def test_demo_is_the_same_each_time() -> None:
    first, second = nen_ref("demo"), nen_ref("demo")
    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout
    assert "Once" in first.stdout
    assert "complete" in first.stdout
