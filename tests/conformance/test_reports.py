"""Reports: what each form holds, that it cannot be broken by what a target says, and that it can be read again."""

from __future__ import annotations

import base64
import hashlib
import io
import itertools
import json
import re
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from rich.console import Console, RenderableType

from nen_ref import __version__
from nen_ref.conformance.badge import GREEN, GREY, RED, badge_svg
from nen_ref.conformance.baseline import BaselineVerdict, Known
from nen_ref.conformance.compare import case_rows, columns, compare_html, compare_table, requirement_rows
from nen_ref.conformance.model import Exchange, Implementation, Kind, Outcome, Report, Result
from nen_ref.conformance.report_html import (
    FINDING_EXCHANGES,
    FINDING_LENGTH,
    PASS_EXCHANGES,
    PASS_LENGTH,
    report_html,
)
from nen_ref.conformance.report_json import (
    ReportDocument,
    ReportError,
    load_report,
    read_report,
    report_json,
    reproduce,
)
from nen_ref.conformance.report_junit import report_junit
from nen_ref.conformance.report_schema import report_schema
from nen_ref.conformance.requirements import requirements
from nen_ref.conformance.terminal import LiveProgress, describe_case, list_cases, print_report, print_result
from nen_ref.conformance.text import visible
from nen_ref.conformance.verdict import FAILED, NOTHING_EXAMINED, PASSED, verdict
from tests.conformance.reports import HARNESS, URL, every_outcome, large_report, make_case, make_report, make_result

AWKWARD = "\x00\x1b[31m]]>\ud800\udcff\ufffe\u202e<script>alert(1)</script>{{ 7*7 }}&amp;\"'\r\n[bold]x[/bold]"
BAD = make_report(
    make_result(Outcome.FAIL, observed=AWKWARD, divergence=AWKWARD, exchanges=(Exchange(AWKWARD, AWKWARD),))
)


def document(report: Report, name: str = "report.json") -> ReportDocument:
    return read_report(report_json(report), name)


# The verdict


@pytest.mark.parametrize(
    ("outcomes", "word"),
    [
        ([Outcome.PASS], PASSED),
        ([Outcome.PASS, Outcome.NOT_OFFERED], PASSED),
        ([Outcome.PASS, Outcome.SKIP], FAILED),
        ([Outcome.PASS, Outcome.HANG], FAILED),
        ([Outcome.NOT_OFFERED], NOTHING_EXAMINED),
        ([Outcome.SKIP, Outcome.NOT_OFFERED], NOTHING_EXAMINED),
        ([], NOTHING_EXAMINED),
    ],
)
def test_a_run_that_examined_nothing_has_not_passed(outcomes: list[Outcome], word: str) -> None:
    report = make_report(*(make_result(outcome, f"auth/x{index}") for index, outcome in enumerate(outcomes)))
    assert verdict(report).word == word
    assert verdict(report).ok is (word == PASSED)
    assert json.loads(report_json(report))["passed"] is (word == PASSED)


# Text


def test_unfit_characters_become_their_escapes() -> None:
    assert visible("a\tb\nc\x00\x1b\r\x9b\ud800\ufffe\u202eé€😀") == (
        "a\tb\nc\\x00\\x1b\\r\\x9b\\ud800\\ufffe\\u202eé€😀"
    )


# JSON


def parts(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield schema
    for member in schema.get("properties", {}).values():
        yield from parts(member)
    if "items" in schema:
        yield from parts(schema["items"])


def test_the_schema_is_closed_and_described() -> None:
    schema = report_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    objects = [part for part in parts(schema) if part.get("type") == "object"]
    assert len(objects) == 5
    for part in objects:
        assert part["additionalProperties"] is False
        for name, member in part["properties"].items():
            assert "description" in member or name in {outcome.value for outcome in Outcome}, name


@pytest.mark.parametrize("report", [every_outcome(), replace(every_outcome(), seed="7"), BAD, make_report()])
def test_reports_follow_the_schema(report: Report) -> None:
    jsonschema.validate(json.loads(report_json(report)), report_schema())
    report_json(report).encode()  # nothing that UTF-8 cannot hold


def test_members_of_a_report() -> None:
    written = json.loads(report_json(every_outcome()))
    assert written["schema"] == "nen-conformance-report/2"
    assert written["suite"] == {"name": "nen-ref", "version": __version__}
    assert written["implementation"] == {
        "target": "node 'my harness.mjs' --fast",
        "name": "acme-nen",
        "version": "2.4.0",
        "language": "TypeScript",
    }
    assert written["counts"] == {outcome.value: 3 for outcome in Outcome}
    assert written["passed"] is False
    assert written["seconds"] == 6.0
    by_outcome = {entry["outcome"]: entry for entry in written["results"] if entry["level"] == "required"}
    assert "reproduce" not in by_outcome["pass"]
    assert "reproduce" not in by_outcome["not-offered"]
    finding = by_outcome["wrong-code"]
    assert finding["requirement"] == "V1-AUTH-04"
    assert finding["sentence"] == requirements()["V1-AUTH-04"].sentence
    assert finding["codes"] == ["ISO-3003"]
    assert finding["expected"] == ["ISO-3002", "ISO-3001"]
    assert finding["why"] == "requests could be forged"
    assert finding["cause"] == "the comparison is left out"
    assert finding["seconds"] == 0.25


def test_a_seed_gives_the_same_bytes_whatever_the_clock_says() -> None:
    slow, fast = replace(every_outcome(9.0), seed="s"), replace(every_outcome(0.1), seed="s")
    assert report_json(slow) == report_json(fast)
    assert report_junit(slow) == report_junit(fast)
    assert json.loads(report_json(slow))["seconds"] is None
    assert report_json(every_outcome(9.0)) != report_json(every_outcome(0.1))


def test_exchanges_stay_out_of_the_json() -> None:
    result = make_result(Outcome.FAIL, exchanges=(Exchange("a random value sent", "a random value received"),))
    assert "random value" not in report_json(make_report(result))


@pytest.mark.parametrize(
    ("implementation", "arguments"),
    [
        (URL, ["http://127.0.0.1:3000"]),
        (Implementation("HTTPS://x.test/?a=1&b=$HOME"), ["HTTPS://x.test/?a=1&b=$HOME"]),
        (HARNESS, ["--", "node", "my harness.mjs", "--fast"]),
        (Implementation(""), []),
    ],
)
def test_the_command_that_reproduces_a_case_survives_a_shell(
    implementation: Implementation, arguments: list[str]
) -> None:
    command = reproduce("v1/auth/first", implementation).replace("nen-ref", "printf '%s\\n'", 1)
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=10, check=True)
    assert done.stdout.splitlines() == ["conformance", "run", "v1/auth/first", *arguments]


def test_a_report_is_read_as_it_was_written() -> None:
    report = every_outcome()
    read = document(report)
    assert read.protocol == "v1"
    assert read.suite == f"nen-ref {__version__}"
    assert read.implementation == HARNESS
    assert not read.passed
    for ours, theirs in zip(report.results, read.results, strict=True):
        assert (theirs.id, theirs.kind, theirs.outcome) == (ours.case.id, ours.case.kind, ours.outcome)
        assert (theirs.level, theirs.title, theirs.gates) == (ours.case.level, ours.case.title, ours.gates)


def edited(**members: object) -> str:
    return json.dumps(json.loads(report_json(every_outcome())) | members)


def with_result(index: int, **members: object) -> str:
    written = json.loads(report_json(every_outcome()))
    written["results"][index] |= members
    return json.dumps(written)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "x.json: empty"),
        ("<html>", "x.json: not JSON at line 1, column 1"),
        (report_json(every_outcome())[:2000], "x.json: cut off at line "),
        ("[" * 100_000, "x.json: not a report: nested too deeply"),
        ("[]", "not a report of the Nen conformance suite"),
        ('{"schema": 2}', "not a report of the Nen conformance suite"),
        ('{"schema": "https://example.org/other"}', "not a report of the Nen conformance suite"),
        (edited(schema="nen-conformance-report/3"), "update nen-ref to read it"),
        (edited(schema="nen-conformance-report/10"), "update nen-ref to read it"),
        (edited(schema="nen-conformance-report/1"), "run the suite again"),
        (edited(seed=7), "x.json: $.seed: 7 is not"),
        (edited(more=1), "x.json: $: Additional properties"),
        (with_result(1, outcome="great"), "x.json: $.results[1].outcome: 'great' is not one of"),
        (with_result(3, id="../etc"), "x.json: $.results[3].id: "),
        (with_result(0, why="w", cause="c", reproduce="r"), "x.json: $.results[0]: "),
        (with_result(4, id="v1/client-part/required-not-offered"), "stands there 2 times"),
        (with_result(0, outcome="not-offered"), "$.counts.pass: not 2"),
        (edited(passed=True), "$.passed: the results say otherwise"),
        (edited(results=[]), "$.counts.pass: not 0"),
    ],
)
def test_what_is_not_a_report_is_refused_and_the_place_named(text: str, complaint: str) -> None:
    with pytest.raises(ReportError) as caught:
        read_report(text, "x.json")
    assert complaint in str(caught.value)
    assert len(str(caught.value)) < 400


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match=r"absent\.json: cannot be read"):
        load_report(tmp_path / "absent.json")
    with pytest.raises(ReportError, match="cannot be read"):
        load_report(tmp_path)
    file = tmp_path / "latin.json"
    file.write_bytes(b'{"caf\xe9"')
    with pytest.raises(ReportError, match="not UTF-8, at byte 5"):
        load_report(file)
    file.write_text(report_json(every_outcome()), encoding="utf-8")
    assert load_report(file).name == str(file)


# JUnit


def junit(report: Report, baseline: BaselineVerdict | None = None) -> ET.Element:
    return ET.fromstring(report_junit(report, baseline))


def test_junit_counts_what_it_holds() -> None:
    root = junit(every_outcome())
    # Of each level eight outcomes; only the required ones fail: skip, wrong-code, fail; crash, hang, error.
    assert root.attrib.items() >= {"tests": "24", "failures": "3", "errors": "3", "skipped": "15"}.items()
    suites = root.findall("testsuite")
    assert [suite.get("name") for suite in suites] == [
        "server/server-part",
        "client/client-part",
        "library/library-part",
    ]
    for attribute in ("tests", "failures", "errors", "skipped"):
        assert sum(int(suite.attrib[attribute]) for suite in suites) == int(root.attrib[attribute])


@pytest.mark.parametrize("level", ["required", "recommended", "hardening"])
@pytest.mark.parametrize("outcome", Outcome)
def test_junit_fails_exactly_where_the_run_does(outcome: Outcome, level: str) -> None:
    report = make_report(make_result(outcome, level=level))
    case = junit(report).find(".//testcase")
    assert case is not None
    failing = case.find("failure") is not None or case.find("error") is not None
    assert failing is not report.passed
    assert (case.find("skipped") is not None) is (report.passed and outcome is not Outcome.PASS)
    if report.passed and outcome.is_finding:
        assert case.find("skipped").get("message").startswith(f"{level}, does not fail the run: {outcome.value}")  # type: ignore[union-attr]
        assert "see it again: nen-ref" in case.findtext("system-out", "")


def test_junit_says_what_a_finding_is() -> None:
    case = junit(make_report(make_result(Outcome.FAIL, divergence="canonical string"))).find(".//testcase")
    assert case is not None
    assert (case.get("classname"), case.get("name")) == ("v1.server.auth", "v1/auth/first")
    failure = case.find("failure")
    assert failure is not None
    assert failure.get("message") == "fail: 401 ISO-3002"
    body = failure.text or ""
    for line in (
        "requirement: V1-AUTH-04: ",
        "expected: ISO-3002 or ISO-3001",
        "observed: 401 ISO-3002",
        "first divergence: canonical string",
        "matters because: requests could be forged",
        "likely cause: the comparison is left out",
        "see it again: nen-ref conformance run v1/auth/first http://127.0.0.1:3000",
    ):
        assert line in body


def test_junit_and_a_baseline() -> None:
    excused, stale, fresh = (
        make_result(Outcome.FAIL),
        make_result(name="auth/second"),
        make_result(Outcome.HANG, "auth/third"),
    )
    entries = [Known(result.case.id, "r", Outcome.FAIL) for result in (excused, stale)]
    judged = BaselineVerdict(known=((entries[0], excused),), stale=((entries[1], stale),), new=(fresh,))
    one, two, three = junit(make_report(excused, stale, fresh), judged).iter("testcase")
    assert one.find("failure") is None
    assert one.find("skipped").get("message").startswith("known from the baseline")  # type: ignore[union-attr]
    assert "stale" in two.find("failure").get("message")  # type: ignore[union-attr, operator]
    assert "new: hang" in three.find("error").get("message")  # type: ignore[union-attr, operator]


def test_junit_holds_what_xml_cannot() -> None:
    text = report_junit(BAD)
    text.encode()
    failure = junit(BAD).find(".//failure")
    assert failure is not None
    assert visible(AWKWARD) in (failure.text or "")
    assert "]]>" in (failure.text or "")


# HTML


class Page(HTMLParser):
    """What the tests ask of a page: its tags, the text of its scripts, the order of its headings."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self._in_script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._in_script = tag == "script"

    def handle_endtag(self, tag: str) -> None:
        self._in_script = False

    def handle_data(self, data: str) -> None:
        if self._in_script:
            self.scripts.append(data)

    def values(self, name: str) -> list[str]:
        return [attributes[name] or "" for _, attributes in self.tags if name in attributes]


def pages() -> list[str]:
    documents = [document(every_outcome(), "a.json"), document(make_report(make_result()), "b.json")]
    return [report_html(every_outcome()), report_html(BAD), report_html(make_report()), compare_html(documents)]


@pytest.mark.parametrize("text", pages(), ids=["report", "awkward", "empty", "compare"])
def test_a_page_loads_nothing_and_runs_one_script(text: str) -> None:
    page = Page(text)
    assert not page.values("src")
    assert all(href == "data:," or href.startswith("#") for href in page.values("href"))
    assert "url(" not in text
    assert "@import" not in text
    assert len(page.scripts) == 1
    digest = base64.b64encode(hashlib.sha256(page.scripts[0].encode()).digest()).decode()
    policy = next(
        attributes["content"] or "" for tag, attributes in page.tags if tag == "meta" and "http-equiv" in attributes
    )
    assert policy.startswith("default-src 'none';")
    assert f"script-src 'sha256-{digest}'" in policy


@pytest.mark.parametrize("text", pages(), ids=["report", "awkward", "empty", "compare"])
def test_links_lead_somewhere_and_headings_are_in_order(text: str) -> None:
    page = Page(text)
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert {href[1:] for href in page.values("href") if href.startswith("#")} <= set(ids)
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_what_a_target_says_is_text_on_the_page() -> None:
    text = report_html(BAD)
    text.encode()
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert "{{ 7*7 }}" in text
    assert "\\x00\\x1b[31m]]&gt;\\ud800\\udcff\\ufffe\\u202e" in text


def test_findings_come_first_and_open_and_passes_are_folded() -> None:
    page = Page(report_html(every_outcome()))
    cases = [attributes for tag, attributes in page.tags if tag == "details" and "data-outcome" in attributes]
    assert len(cases) == 24
    opened = ["open" in attributes for attributes in cases]
    assert opened == sorted(opened, reverse=True)
    assert sum(opened) == 18
    assert [attributes["data-level"] for attributes in cases[:6]] == ["required"] * 6
    assert cases[0]["data-outcome"] == "fail"


def test_a_page_says_all_there_is_to_a_finding() -> None:
    result = make_result(
        Outcome.FAIL, divergence="the canonical string", exchanges=(Exchange("POST /api/echo", "200 fine"),)
    )
    report = make_report(result, implementation=HARNESS)
    seeded = report_html(replace(report, seed="seed 9"))
    assert "seed 9" in seeded
    assert "1.5 s" not in seeded
    entry = Known("v1/auth/first", "fixed in June", Outcome.FAIL, "https://example.org/7")
    text = report_html(report, BaselineVerdict(known=((entry, result),)), datetime(2026, 11, 24, 9, 30, tzinfo=UTC))
    for part in (
        "acme-nen 2.4.0 (TypeScript)",
        f"nen-ref {__version__}",
        "1.5 s, written 2026-11-24 09:30 UTC",
        "V1-AUTH-04",
        "Check auth/first.",
        "POST /api/echo",
        "200 fine",
        "ISO-3002 or ISO-3001",
        "401 ISO-3002",
        "the canonical string",
        "requests could be forged",
        "the comparison is left out",
        "nen-ref conformance run v1/auth/first -- node &#39;my harness.mjs&#39; --fast",
        "known: fixed in June (https://example.org/7)",
    ):
        assert part in text, part


def test_a_large_report_stays_small_enough_to_attach() -> None:
    text = report_html(large_report(450))
    assert len(text.encode()) < 6 * 1024 * 1024
    assert text.count("SENT 0 ") == 450
    assert text.count(f"SENT {PASS_EXCHANGES} ") == text.count(f"SENT {FINDING_EXCHANGES - 1} ") == 10
    assert f"SENT {FINDING_EXCHANGES} " not in text
    assert "s" * PASS_LENGTH not in text.split('id="others"')[1]
    assert "s" * FINDING_LENGTH not in text


def test_colours_have_enough_contrast() -> None:
    css = (Path(report_html.__code__.co_filename).parent / "templates" / "style.css.j2").read_text(encoding="utf-8")
    palettes = [
        dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6});", block))
        for block in re.findall(r":root \{(.*?)\}", css, re.S)
    ]
    assert len(palettes) == 2
    for palette in palettes:
        for name in ("text", "quiet", "link", *(outcome.value for outcome in Outcome)):
            for ground in ("surface", "ground", "code"):
                assert contrast(palette[name], palette[ground]) >= 4.5, (name, ground)
    for colour in (GREEN, RED, GREY, "#444"):
        assert contrast("#fff", colour) >= 4.5


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, contrast ratio."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    channels = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


# Badge

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize(
    ("outcomes", "level", "message", "colour"),
    [
        ([Outcome.PASS] * 3 + [Outcome.NOT_OFFERED], "required", "3/3", GREEN),
        ([Outcome.PASS, Outcome.FAIL], "hardening", "1/2", GREEN),
        ([Outcome.PASS, Outcome.FAIL, Outcome.SKIP, Outcome.ERROR], "required", "failing 3", RED),
        ([Outcome.NOT_OFFERED], "required", "nothing examined", GREY),
    ],
)
def test_badge(outcomes: list[Outcome], level: str, message: str, colour: str) -> None:
    results = (make_result(outcome, f"auth/x{index}", level) for index, outcome in enumerate(outcomes))
    root = ET.fromstring(badge_svg(document(make_report(*results))))
    assert [text.text for text in root.iter(f"{SVG}text")] == ["Nen V1", message]
    assert [rect.get("fill") for rect in root.findall(f"{SVG}g/{SVG}rect")] == ["#444", colour]
    title = root.findtext(f"{SVG}title", "")
    assert title.startswith(f"Nen V1 conformance of http://127.0.0.1:3000: {message} (")
    width = float(root.attrib["width"])
    for text in root.iter(f"{SVG}text"):
        half = float(text.attrib["textLength"]) / 2
        assert float(text.attrib["x"]) - half >= 5
        assert float(text.attrib["x"]) + half <= width - 5


def test_a_badge_of_an_awkward_name_is_well_formed() -> None:
    report = make_report(make_result(), implementation=Implementation("x", AWKWARD * 20, "1", "C"))
    ET.fromstring(badge_svg(document(report)))


# Comparison


def compared() -> list[ReportDocument]:
    ours = make_report(
        make_result(), make_result(name="auth/second"), make_result(name="auth/new"), implementation=HARNESS
    )
    theirs = make_report(
        make_result(), make_result(Outcome.HANG, "auth/second"), make_result(Outcome.NOT_OFFERED, "auth/other")
    )
    return [document(ours, "ours.json"), document(theirs, "theirs.json")]


def test_a_cell_is_the_worst_outcome_with_its_figures() -> None:
    (row,) = requirement_rows(compared())
    assert row.id == "V1-AUTH-04"
    assert row.differs
    assert [cell.short for cell in row.cells] == ["pass", "hang 1 of 3"]
    assert [cell.detail for cell in row.cells] == ["3 pass", "1 hang, 1 pass, 1 not offered"]


def test_cases_of_another_suite_are_not_run() -> None:
    rows = {row.id: [cell.word for cell in row.cells] for row in case_rows(compared())}
    assert rows == {
        "v1/auth/first": ["pass", "pass"],
        "v1/auth/second": ["pass", "hang"],
        "v1/auth/new": ["pass", "not run"],
        "v1/auth/other": ["not run", "not offered"],
    }


def test_a_suite_with_more_passing_cases_does_not_differ() -> None:
    one, two = make_report(make_result()), make_report(make_result(), make_result(name="auth/new"))
    (row,) = requirement_rows([document(one), document(two)])
    assert not row.differs


def test_columns_have_labels_of_their_own() -> None:
    one = document(make_report(make_result(), implementation=HARNESS), "one.json")
    two = replace(one, name="two.json")
    older = replace(one, suite="nen-ref 0.0.9")
    label = "acme-nen 2.4.0 (TypeScript)"
    assert [column.label for column in columns([one])] == [label]
    assert [column.label for column in columns([one, two])] == [f"{label}, one.json", f"{label}, two.json"]
    assert [column.label for column in columns([one, older])][1] == f"{label}, nen-ref 0.0.9"


def test_the_comparison_page_shows_differing_rows_first() -> None:
    alike = make_case(requirement="V1-AUTH-03")
    ours, theirs = (
        make_report(Result(alike, Outcome.PASS, "fine"), make_result(outcome, "auth/second"), implementation=by)
        for outcome, by in ((Outcome.PASS, HARNESS), (Outcome.CRASH, URL))
    )
    text = compare_html([document(ours), document(theirs)])
    assert text.index('class="id">V1-AUTH-04') < text.index('class="id">V1-AUTH-03')
    assert text.count("http://127.0.0.1:3000") > 3
    assert "failing 1" in text
    table = shown(compare_table([document(ours), document(theirs)]))
    assert re.search(r"V1-AUTH-04 +differs +pass +crash", table)
    assert "V1-AUTH-03" not in table
    assert "1 requirement alike and without a finding" in table


# Terminal


def piped() -> Console:
    return Console(file=io.StringIO(), width=100, highlight=False)


def shown(*things: RenderableType) -> str:
    console = piped()
    for thing in things:
        console.print(thing)
    return written(console)


def written(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def printed(report: Report, baseline: BaselineVerdict | None = None) -> str:
    console = piped()
    print_report(console, report, baseline)
    return written(console)


def test_a_piped_report_is_plain_and_holds_nothing_that_commands_a_terminal() -> None:
    text = printed(BAD)
    assert "\x1b" not in text
    assert "\x00" not in text
    assert "[bold]x[/bold]" in text, "what a target says is not markup"
    assert "see it again  nen-ref conformance run v1/auth/first http://127.0.0.1:3000\n" in text
    assert "FAILED: 1 finding in required cases, 0 of 1 case passed, in 1.5 s\n" in text


def test_sections_are_grouped_by_kind() -> None:
    results = [
        make_result(name="auth/first"),
        make_result(name="client-stream/first", kind=Kind.CLIENT),
        make_result(Outcome.FAIL, "client-request/first", kind=Kind.CLIENT),
    ]
    lines = [re.sub(r" +", " ", line).strip() for line in printed(make_report(*results)).splitlines()]
    assert lines[1:9] == [
        "section pass fail",
        "server 1 -",
        "auth 1 -",
        "client 1 1",
        "client-stream 1 -",
        "client-request - 1",
        "all 2 1",
        "",
    ]


def test_what_is_not_offered_is_summed_up_by_capability() -> None:
    results = [
        make_result(Outcome.NOT_OFFERED, f"auth/x{index}", observed="the target does not offer stream.open")
        for index in range(40)
    ]
    results.append(Result(make_case("auth/y", needs=("server.start",)), Outcome.NOT_OFFERED, ""))
    text = printed(make_report(make_result(), *results))
    assert "not run: the target does not offer stream.open (40 cases)" in text
    assert "not run: the target does not offer server.start (1 case)" in text
    assert "auth/x7" not in text
    assert "PASSED: all 1 case passed, 41 not offered" in text


def test_a_run_without_any_result_does_not_say_passed() -> None:
    text = printed(make_report(make_result(Outcome.NOT_OFFERED), make_result(Outcome.SKIP, "auth/x", "hardening")))
    assert "PASSED" not in text
    assert "NOTHING EXAMINED: every one of 2 cases was skipped or is not offered" in text


def test_the_baseline_has_a_line_and_its_known_findings_no_details() -> None:
    result, stale = make_result(Outcome.FAIL), make_result(name="auth/second")
    entries = [Known(id, "fixed in June", Outcome.FAIL) for id in ("v1/auth/first", "v1/auth/second")]
    text = printed(
        make_report(result, stale), BaselineVerdict(known=((entries[0], result),), stale=((entries[1], stale),))
    )
    assert "known v1/auth/first (fail): fixed in June" in text
    assert "matters because" not in text
    assert "baseline v1/auth/second: stale: recorded as fail, now pass; remove the entry" in text
    assert "\nbaseline: 1 stale, 1 known\n" in text
    assert "FAILED: baseline: 1 stale, 1 known" in text


def test_one_result_and_one_case() -> None:
    console = piped()
    print_result(console, make_result(divergence="the nonce"), URL)
    assert "first divergence  the nonce" in written(console)
    assert "see it again" not in written(console)
    case = replace(make_case(kind=Kind.CLIENT, needs=("client.open",)), why="numbers such as [red] are taken")
    assert "numbers such as [red] are taken" in shown(describe_case(case))
    assert "a client" in shown(describe_case(case))
    assert "client.open" in shown(describe_case(case))
    assert "v1/auth/first" in shown(list_cases([case]))


def test_progress_shows_the_case_that_runs_longest_and_prints_findings_at_once() -> None:
    console = Console(file=io.StringIO(), width=100, force_terminal=True, color_system=None)
    one, two = make_case("auth/first"), make_case("auth/second")
    with LiveProgress(console, 2) as progress:
        progress.started(one)
        progress.started(two)
        progress._progress.refresh()
        progress.finished(Result(two, Outcome.FAIL, "x"))
        progress._progress.refresh()
        progress.finished(Result(one, Outcome.PASS, "x"))
    text = written(console)
    assert "v1/auth/first and 1 other" in text
    assert re.search(r"1/2[^\n]*v1/auth/first(?! and)", text)
    assert "fail        v1/auth/second  (required)" in text


def test_progress_is_silent_where_it_is_piped() -> None:
    console = piped()
    with LiveProgress(console, 1) as progress:
        progress.started(make_case())
        progress.finished(make_result())
    assert written(console) == ""
