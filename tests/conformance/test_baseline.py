"""Known findings: what a baseline excuses, what it does not, and how it is kept up to date."""

from __future__ import annotations

from pathlib import Path

import pytest

from nen_ref.conformance.baseline import (
    MAX_SIZE,
    NO_REASON_YET,
    Baseline,
    BaselineError,
    Known,
    judge,
    read_baseline,
    updated_text,
)
from nen_ref.conformance.model import Outcome
from nen_ref.conformance.verdict import FAILED, PASSED, verdict
from tests.conformance.reports import make_report, make_result

IDS = ("v1/auth/first", "v1/auth/second", "v1/auth/third")
ENTRY = """[[known]]
id = "v1/auth/first"
reason = "the proxy rewrites it"
outcome = "wrong-code"
"""


def read(tmp_path: Path, text: str) -> Baseline:
    file = tmp_path / "known.toml"
    file.write_text(text, encoding="utf-8")
    return read_baseline(file, IDS)


def test_an_entry_is_read_with_all_its_members(tmp_path: Path) -> None:
    text = ENTRY + 'link = "https://example.org/7"\ncodes = ["ISO-3003", "ISO-3002", "ISO-3003"]\n'
    assert read(tmp_path, text).known == {
        "v1/auth/first": Known(
            "v1/auth/first",
            "the proxy rewrites it",
            Outcome.WRONG_CODE,
            "https://example.org/7",
            ("ISO-3002", "ISO-3003"),
        )
    }


@pytest.mark.parametrize("text", ["", "# nothing known\n", "known = []\n"])
def test_a_file_without_entries_is_a_baseline(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text).known == {}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (ENTRY + ENTRY, "entry 2: v1/auth/first has an entry already"),
        (ENTRY.replace('reason = "the proxy rewrites it"\n', ""), "entry 1 (v1/auth/first): reason is missing"),
        (
            ENTRY.replace("the proxy rewrites it", "  "),
            "entry 1 (v1/auth/first): reason is not a text, or an empty one",
        ),
        (ENTRY.replace('"the proxy rewrites it"', "7"), "reason is not a text"),
        (ENTRY.replace('id = "v1/auth/first"\n', ""), "entry 1: id is missing"),
        (ENTRY.replace("first", "fourth"), "entry 1: there is no case v1/auth/fourth"),
        (ENTRY.replace("wrong-code", "pass"), "outcome 'pass' is none of skip, wrong-code"),
        (ENTRY.replace("wrong-code", "not-offered"), "outcome 'not-offered' is none of"),
        (ENTRY.replace("wrong-code", "FAIL"), "outcome 'FAIL' is none of"),
        (ENTRY + 'until = "spring"\n', "entry 1: unknown key until"),
        (ENTRY + "link = 7\n", "link is not a text"),
        (ENTRY + 'codes = "ISO-3002"\n', "codes is not a list"),
        (ENTRY + 'codes = ["ISO-9999"]\n', "ISO-9999 is not a code of the catalogue"),
        (ENTRY + "codes = [3002]\n", "3002 is not a code of the catalogue"),
        (ENTRY + "[other]\n", "unknown key other"),
        ("known = 7\n", "under a line [[known]]"),
        ('known = [{ id = "v1/auth/first" }]\n', "under a line [[known]]"),
        ("[[known]\n", "not TOML"),
        ('[[known]]\nid = "', "not TOML"),
        ("x = " + "[" * 100_000, "not TOML"),
        ("# " + "x" * MAX_SIZE, "larger than"),
    ],
)
def test_a_file_that_is_wrong_is_refused_and_the_place_named(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(BaselineError) as caught:
        read(tmp_path, text)
    assert complaint in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "known.toml"))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(BaselineError, match=r"absent\.toml: cannot be read"):
        read_baseline(tmp_path / "absent.toml", IDS)
    file = tmp_path / "latin.toml"
    file.write_bytes(b"# caf\xe9\n")
    with pytest.raises(BaselineError, match="not UTF-8, at byte 5"):
        read_baseline(file, IDS)


def known(outcome: Outcome = Outcome.FAIL, *codes: str, id: str = "v1/auth/first") -> Baseline:
    return Baseline({id: Known(id, "a reason", outcome, codes=codes or None)})


def test_a_finding_that_behaves_as_recorded_does_not_fail_the_run() -> None:
    report = make_report(make_result(Outcome.FAIL), make_result(name="auth/second"))
    assert verdict(report).word == FAILED
    judged = judge(report, known())
    assert judged.ok
    assert judged.known_ids == {"v1/auth/first"}
    assert verdict(report, judged).word == PASSED
    assert "1 known from the baseline" in verdict(report, judged).sentence


@pytest.mark.parametrize("outcome", [Outcome.PASS, Outcome.NOT_OFFERED])
def test_an_entry_that_no_longer_fails_fails_the_run(outcome: Outcome) -> None:
    report = make_report(make_result(outcome), make_result(name="auth/second"))
    assert verdict(report).word == PASSED
    judged = judge(report, known())
    assert not judged.ok
    assert judged.problems == {"v1/auth/first": f"stale: recorded as fail, now {outcome.value}; remove the entry"}
    assert verdict(report, judged).word == FAILED


@pytest.mark.parametrize("outcome", [entry for entry in Outcome if entry.is_finding and entry is not Outcome.FAIL])
def test_an_entry_that_fails_differently_fails_the_run(outcome: Outcome) -> None:
    judged = judge(make_report(make_result(outcome)), known())
    assert judged.problems == {"v1/auth/first": f"fails differently: recorded as fail, now {outcome.value}"}
    assert not judged.ok


def test_codes_are_compared_where_they_are_recorded() -> None:
    report = make_report(make_result(Outcome.WRONG_CODE, observed="one: 401 ISO-3003; two: 401 ISO-3001"))
    assert judge(report, known(Outcome.WRONG_CODE)).ok
    assert judge(report, known(Outcome.WRONG_CODE, "ISO-3001", "ISO-3003")).ok
    judged = judge(report, known(Outcome.WRONG_CODE, "ISO-3003"))
    assert judged.problems == {
        "v1/auth/first": "fails differently: recorded as wrong-code (ISO-3003), now wrong-code (ISO-3001, ISO-3003)"
    }


def test_no_codes_is_a_recording_too() -> None:
    entry = Known("v1/auth/first", "a reason", Outcome.FAIL, codes=())
    report = make_report(make_result(Outcome.FAIL, observed="200, then 401 ISO-3003"))
    assert not judge(report, Baseline({entry.id: entry})).ok


def test_a_new_finding_of_a_required_case_fails_the_run() -> None:
    report = make_report(make_result(Outcome.FAIL), make_result(Outcome.CRASH, "auth/second"))
    judged = judge(report, known())
    assert judged.problems == {"v1/auth/second": "new: crash (ISO-3002), and the baseline has no entry"}
    assert verdict(report, judged).word == FAILED


def test_a_hardening_finding_needs_no_entry_and_may_have_one() -> None:
    report = make_report(make_result(Outcome.FAIL, level="hardening"), make_result(name="auth/second"))
    assert judge(report, Baseline({})).ok
    assert judge(report, known()).known_ids == {"v1/auth/first"}
    assert not judge(report, known(Outcome.HANG)).ok
    assert "1 recommended or hardening not met" in verdict(report, judge(report, Baseline({}))).sentence


def test_entries_of_cases_that_were_not_run_are_left_alone() -> None:
    report = make_report(make_result(name="auth/second"))
    judged = judge(report, known())
    assert judged.ok
    assert [entry.id for entry in judged.untouched] == ["v1/auth/first"]


COMMENTED = """# Our known findings.

# about the first
[[known]] # at the first
id = "v1/auth/first" # its id
reason = "the proxy"
outcome = "fail" # seen in June
codes = ["ISO-3003"] # both

# a word between

# about the second,
# in two lines
[[known]]
id = "v1/auth/second"
reason = \"\"\"
[[known]]
\"\"\"
link = "https://example.org"
outcome = "hang"

# the end
"""


def test_what_stays_is_kept_to_the_letter() -> None:
    report = make_report(make_result(Outcome.FAIL, observed="401 ISO-3003"), make_result(Outcome.HANG, "auth/second"))
    assert updated_text(COMMENTED, report) == COMMENTED
    assert updated_text(COMMENTED, make_report(make_result(name="auth/third"))) == COMMENTED


def test_a_stale_entry_goes_with_the_comment_above_it_and_no_other() -> None:
    report = make_report(make_result(observed="fine"), make_result(Outcome.HANG, "auth/second"))
    text = updated_text(COMMENTED, report)
    assert text == COMMENTED.replace(
        COMMENTED[COMMENTED.index("# about the first") : COMMENTED.index("# about the sec")], ""
    )
    report = make_report(
        make_result(Outcome.FAIL, observed="401 ISO-3003"), make_result(Outcome.NOT_OFFERED, "auth/second")
    )
    assert updated_text(COMMENTED, report) == COMMENTED[: COMMENTED.index("# about the second")]


def test_an_entry_that_fails_differently_follows_and_keeps_its_comments() -> None:
    report = make_report(make_result(Outcome.CRASH, observed="401 ISO-3001"), make_result(Outcome.HANG, "auth/second"))
    expected = COMMENTED.replace('"fail" # seen', '"crash" # seen').replace(
        '["ISO-3003"] # both', '["ISO-3001"] # both'
    )
    assert updated_text(COMMENTED, report) == expected


def test_new_findings_are_added_with_a_reason_to_be_written(tmp_path: Path) -> None:
    report = make_report(
        make_result(Outcome.WRONG_CODE, observed="401 ISO-3003"),
        make_result(name="auth/second"),
        make_result(Outcome.FAIL, "auth/third", level="hardening"),
    )
    text = updated_text("", report)
    assert text.startswith("# Known findings")
    assert text.count("[[known]]") == 1
    baseline = read(tmp_path, text)
    entry = baseline.known["v1/auth/first"]
    assert entry == Known("v1/auth/first", NO_REASON_YET, Outcome.WRONG_CODE, codes=("ISO-3003",))
    assert judge(report, baseline).ok


@pytest.mark.parametrize(
    "text", ["", COMMENTED, COMMENTED.rstrip(), "# only a comment", COMMENTED.replace("\n", "\r\n")]
)
def test_an_update_leaves_a_baseline_that_the_same_run_passes(tmp_path: Path, text: str) -> None:
    report = make_report(
        make_result(Outcome.HANG, observed="hang"),
        make_result(name="auth/second"),
        make_result(Outcome.ERROR, "auth/third", observed="no check"),
    )
    updated = updated_text(text, report)
    file = tmp_path / "known.toml"
    file.write_bytes(updated.encode())
    judged = judge(report, read_baseline(file, IDS))
    assert judged.ok
    assert judged.known_ids == {"v1/auth/first", "v1/auth/third"}
    assert updated_text(updated, report) == updated


def test_an_update_of_a_file_of_another_form_is_refused() -> None:
    with pytest.raises(BaselineError, match="not TOML"):
        updated_text("[[known]", make_report(make_result()))
