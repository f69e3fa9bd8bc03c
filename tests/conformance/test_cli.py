"""The command line as people and scripts use it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from nen_ref.conformance.embedded import embedded_server
from nen_ref.conformance.model import Outcome
from nen_ref.conformance.registry import all_cases
from nen_ref.conformance.report_json import load_report
from nen_ref.conformance.report_schema import report_schema
from nen_ref.protocol.errors import CATALOGUE
from tests.conformance.servers import constant_server


def nen_ref(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "nen_ref", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


ALL_KINDS = ("v1/handshake/", "v1/configured/", "v1/client-lifecycle/", "v1/library-wire/")


def test_conformance_alone_examines_the_reference(tmp_path: Path) -> None:
    """The README's first command, with some cases of every kind; `make conformance` runs them all."""
    file = tmp_path / "report.json"
    only = [text for prefix in ALL_KINDS for text in ("--only", prefix)]
    done = nen_ref("conformance", *only, "--json", str(file), "--html", str(tmp_path / "r.html"))
    cases = [case.id for case in all_cases() if case.id.startswith(ALL_KINDS)]
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"PASSED: all {len(cases)} cases passed" in done.stdout
    report = json.loads(file.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(report_schema()).validate(report)
    assert load_report(file).count(Outcome.PASS) == len(cases)
    assert report["schema"] == "nen-conformance-report/2"
    assert report["implementation"]["name"] == "nen-ref"
    assert [result["id"] for result in report["results"]] == cases
    assert {result["outcome"] for result in report["results"]} == {"pass"}
    assert {result["kind"] for result in report["results"]} == {"server", "client", "library"}
    assert "<html" in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_a_server_at_a_url_is_examined_by_the_server_cases() -> None:
    with embedded_server() as url:
        done = nen_ref("conformance", "server", url, "--only", "v1/auth", "--only", "v1/configured")
    assert done.returncode == 0, done.stdout
    assert "not offered" in done.stdout
    assert "server.start" in done.stdout


def test_the_same_seed_gives_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    """Across sections of all three kinds, with one case at a time and with several."""
    sections = ("v1/handshake", "v1/stream", "v1/response", "v1/client-handshake/member", "v1/library-handshake")
    only = [text for section in sections for text in ("--only", section)]
    files = [tmp_path / "one.json", tmp_path / "four.json"]
    for file, jobs in zip(files, ("1", "4"), strict=True):
        done = nen_ref("conformance", "--seed", "abc", "--jobs", jobs, "--json", str(file), *only)
        assert done.returncode == 0, done.stdout + done.stderr
    assert files[0].read_bytes() == files[1].read_bytes()


def test_options_of_the_group_are_not_ignored() -> None:
    done = nen_ref("conformance", "--only", "v1/wire", "server", "http://127.0.0.1:1")
    assert done.returncode == 2
    assert "--only: give options after `server`" in done.stderr


def test_a_run_that_examined_nothing_does_not_pass() -> None:
    with embedded_server() as url:
        done = nen_ref("conformance", "server", url, "--only", "v1/configured")
    assert done.returncode == 1
    assert "PASSED" not in done.stdout


def test_a_baseline_is_written_used_and_stale(tmp_path: Path) -> None:
    file = tmp_path / "baseline.toml"
    arguments = ("--only", "v1/auth/signature-missing", "--baseline", str(file))
    with constant_server(200, b'{"body":null}') as url:
        written = nen_ref("conformance", "server", url, *arguments, "--update-baseline")
        again = nen_ref("conformance", "server", url, *arguments)
    assert written.returncode == 0, written.stdout
    assert 'id = "v1/auth/signature-missing"' in file.read_text(encoding="utf-8")
    assert again.returncode == 0, again.stdout
    with embedded_server() as url:
        stale = nen_ref("conformance", "server", url, *arguments)
    assert stale.returncode == 1
    assert "stale" in stale.stdout


def test_badge_compare_schema_and_coverage(tmp_path: Path) -> None:
    report, page = tmp_path / "report.json", tmp_path / "compare.html"
    with embedded_server() as url:
        assert nen_ref("conformance", "server", url, "--only", "v1/wire", "--json", str(report)).returncode == 0
    assert nen_ref("conformance", "badge", str(report)).stdout.startswith("<svg")
    compared = nen_ref("conformance", "compare", str(report), str(report), "--html", str(page))
    assert compared.returncode == 0, compared.stderr
    assert "<html" in page.read_text(encoding="utf-8")
    for name in ("report", "harness"):
        schema = json.loads(nen_ref("conformance", "schema", name).stdout)
        assert schema["$schema"].endswith("2020-12/schema")
    assert "| V1-AUTH-03 | required |" in nen_ref("conformance", "coverage").stdout
    report.write_text("{", encoding="utf-8")
    broken = nen_ref("conformance", "badge", str(report))
    assert broken.returncode == 2
    assert "Traceback" not in broken.stderr


def test_findings_exit_1_with_cause_and_reproduction() -> None:
    with constant_server(200, b'{"body":null}') as url:
        done = nen_ref("conformance", "server", url, "--only", "v1/handshake/pk-missing")
    assert done.returncode == 1
    assert "FAILED: 1 finding in required cases" in done.stdout
    for expected in ("V1-HS-02", "likely cause", f"nen-ref conformance run v1/handshake/pk-missing {url}"):
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
        ("conformance", "server", "http://127.0.0.1:1/nen"),
        ("conformance", "server", "http://127.0.0.1:1", "--echo", "echo"),
        ("conformance", "server", "http://127.0.0.1:1", "--update-baseline"),
        ("conformance", "server", "http://127.0.0.1:1", "--baseline", "/no/such/baseline.toml"),
        ("conformance", "server", "http://127.0.0.1:1", "--jobs", "0"),
        ("conformance", "harness"),
        ("conformance", "harness", "--", "/no/such/program"),
        ("conformance", "harness", "--check", "--", "/no/such/program"),
        ("conformance", "harness", "--", "true"),
        ("conformance", "harness", "--", "echo", "hello"),
        ("conformance", "badge", "/no/such/report.json"),
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
    assert done.returncode == 0, done.stdout
    assert "> POST /api/echo" in done.stdout
    assert "pass" in done.stdout
    reference = nen_ref("conformance", "run", "v1/library-request/canonical-query")
    assert reference.returncode == 0, reference.stdout
    assert "> canonical_string" in reference.stdout


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


def test_explain_says_in_which_versions_a_code_is() -> None:
    assert "raised by the server in V2, V3" in nen_ref("explain", "ISO-3005").stdout
    entries = {entry["code"]: entry["versions"] for entry in json.loads(nen_ref("explain", "--json").stdout)}
    assert entries["ISO-1001"] == ["v1", "v2", "v3"]
    assert entries["ISO-3006"] == entries["ISO-3007"] == ["v3"]


@pytest.mark.parametrize("protocol", ["v2", "v3"])
def test_a_server_of_each_version_is_examined(protocol: str, tmp_path: Path) -> None:
    sections = ("handshake/pk-", "auth/nonce", "replay/same", "lifecycle/rotate", "rekey/next")
    only = [argument for section in sections for argument in ("--only", f"{protocol}/{section}")]
    only = only if protocol == "v3" else only[:-2]
    report = tmp_path / "report.json"
    with embedded_server("--protocol", protocol) as url:
        done = nen_ref("conformance", "server", url, "--protocol", protocol, *only, "--json", str(report))
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads(report.read_text(encoding="utf-8"))
    assert document["protocol"] == protocol
    assert {entry["outcome"] for entry in document["results"]} == {"pass"}


def test_a_server_of_another_version_fails() -> None:
    with embedded_server() as url:
        done = nen_ref("conformance", "server", url, "--protocol", "v3", "--only", "v3/handshake/answer")
    assert done.returncode == 1
    assert "400 ISO-1001" in done.stdout


@pytest.mark.parametrize("protocol", ["v2", "v3"])
def test_cases_and_coverage_of_each_version(protocol: str) -> None:
    ids = [case.id for case in all_cases(protocol)]
    listed = nen_ref("conformance", "list", "--protocol", protocol).stdout
    assert [line.split("\t")[0] for line in listed.splitlines()] == ids
    page = nen_ref("conformance", "coverage", "--protocol", protocol).stdout
    assert f"{len(ids)} cases of Nen {protocol.upper()}" in page
    shown = nen_ref("conformance", "show", f"{protocol}/replay/without-body").stdout
    assert "V2-REPLAY-01" in shown


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
