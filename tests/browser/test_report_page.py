"""The report and the comparison in Chromium, from file://: no request, no error, nothing wider than a phone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nen_ref.conformance.compare import compare_html
from nen_ref.conformance.model import Exchange, Outcome
from nen_ref.conformance.report_html import report_html
from nen_ref.conformance.report_json import read_report, report_json
from tests.conformance.reports import HARNESS, every_outcome, large_report, make_report, make_result

pytestmark = pytest.mark.browser

LONG = "x" * 3000
SIZES = {"phone": {"width": 360, "height": 800}, "desktop": {"width": 1280, "height": 900}}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The pages by name, as file:// URLs; the names and values in them are as long as a target can make them."""
    folder = tmp_path_factory.mktemp("pages")
    wide = make_report(
        make_result(Outcome.FAIL, observed=LONG, divergence=LONG, exchanges=(Exchange(LONG, LONG),)),
        make_result(Outcome.WRONG_CODE, "auth/second", observed="401 ISO-3003"),
        make_result(name="auth/third", level="hardening"),
        implementation=HARNESS,
    )
    documents = [read_report(report_json(report), LONG[:200]) for report in (every_outcome(), wide)]
    texts = {
        "report": report_html(wide),
        "large": report_html(large_report(450)),
        "compare": compare_html(documents),
    }
    for name, text in texts.items():
        Path(folder, f"{name}.html").write_text(text, encoding="utf-8")
    return {name: Path(folder, f"{name}.html").as_uri() for name in texts}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["report", "compare"])
def test_a_page_is_quiet_and_fits(browser: Any, files: dict[str, str], name: str, size: str, scheme: str) -> None:
    page = browser.new_page(viewport=SIZES[size], color_scheme=scheme)
    said: list[str] = []
    requested: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: requested.append(request.url))
    page.goto(files[name])
    page.evaluate("for (const entry of document.querySelectorAll('details')) entry.open = true")
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size]["width"]
    assert page.evaluate("document.querySelector('.filter').hidden") is False, "the script has not run"
    page.close()
    assert said == []
    assert [url for url in requested if not url.startswith("data:")] == [files[name]]


def visible_cases(page: Any) -> list[str]:
    return page.eval_on_selector_all("details.case:not([hidden])", "entries => entries.map(entry => entry.id)")  # type: ignore[no-any-return]


def test_search_and_filters(browser: Any, files: dict[str, str]) -> None:
    page = browser.new_page()
    page.goto(files["report"])
    assert visible_cases(page) == ["v1-auth-first", "v1-auth-second", "v1-auth-third"]
    page.fill("#words", "iso-3003 AUTH/second")
    assert visible_cases(page) == ["v1-auth-second"]
    assert page.inner_text("#shown") == "1 of 3 cases"
    assert page.eval_on_selector_all("a.mark:not([hidden])", "marks => marks.length") == 1
    page.fill("#words", "no such word")
    assert visible_cases(page) == []
    assert page.eval_on_selector_all("table.matrix tbody tr:not([hidden])", "rows => rows.length") == 0
    page.fill("#words", "")
    page.select_option("#outcome", "findings")
    assert visible_cases(page) == ["v1-auth-first", "v1-auth-second"]
    page.select_option("#outcome", "pass")
    assert visible_cases(page) == ["v1-auth-third"]
    page.select_option("#outcome", "")
    page.select_option("#level", "required")
    assert visible_cases(page) == ["v1-auth-first", "v1-auth-second"]
    page.select_option("#kind", "server")
    assert len(visible_cases(page)) == 2
    page.close()


def test_a_mark_opens_its_case(browser: Any, files: dict[str, str]) -> None:
    page = browser.new_page()
    page.goto(files["report"])
    assert page.evaluate("document.getElementById('v1-auth-third').open") is False
    page.click('a.mark[href="#v1-auth-third"]')
    page.wait_for_function("document.getElementById('v1-auth-third').open")
    page.close()


def test_the_command_is_copied(browser: Any, files: dict[str, str]) -> None:
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(files["report"])
    page.click("#v1-auth-first button.copy")
    page.wait_for_function("document.querySelector('#v1-auth-first button.copy').textContent === 'Copied'")
    expected = "nen-ref conformance run v1/auth/first -- node 'my harness.mjs' --fast"
    assert page.evaluate("navigator.clipboard.readText()") == expected
    context.close()


def test_the_report_can_be_read_without_scripts(browser: Any, files: dict[str, str]) -> None:
    context = browser.new_context(java_script_enabled=False, viewport=SIZES["phone"])
    page = context.new_page()
    page.goto(files["report"])
    assert page.is_visible("#v1-auth-first dd.observed")
    assert not page.is_visible("button.copy")
    assert not page.is_visible(".filter")
    context.close()


def test_a_large_report_answers_a_search_at_once(browser: Any, files: dict[str, str]) -> None:
    page = browser.new_page()
    page.goto(files["large"])
    page.fill("#words", "number-449")
    assert visible_cases(page) == ["v1-auth-number-449"]
    took = page.evaluate(
        "() => { const begin = performance.now();"
        " document.getElementById('words').dispatchEvent(new Event('input')); return performance.now() - begin; }"
    )
    assert took < 1000, f"{took} ms for 450 cases"
    page.close()


def test_the_comparison_filters_rows(browser: Any, files: dict[str, str]) -> None:
    page = browser.new_page()
    page.goto(files["compare"])
    everything = page.eval_on_selector_all("tr.row:not([hidden])", "rows => rows.length")
    page.fill("#words", "client-part/required-not-offered")
    assert page.eval_on_selector_all("tr.row:not([hidden])", "rows => rows.length") == 1 < everything
    page.fill("#words", "")
    page.select_option("#which", "differs")
    differing = page.eval_on_selector_all("tr.row:not([hidden])", "rows => rows.map(row => row.dataset.differs)")
    assert set(differing) == {"true"}
    page.close()
