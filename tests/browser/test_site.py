"""The whole site in Chromium, built and served from loopback: quiet, offline, readable on a phone and by keyboard."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from docs.make import assemble, npm
from tests.browser.conftest import served

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
PHONE = {"width": 360, "height": 800}
DESKTOP = {"width": 1280, "height": 900}
# mkdocs has no option for the folder of the pages.
BUILD = """
import sys
from mkdocs.commands.build import build
from mkdocs.config import load_config
build(load_config(sys.argv[1], docs_dir=sys.argv[2], site_dir=sys.argv[3], strict=True))
"""
BUILD_SECONDS = 300
# One page of each kind at both widths and in the dark; every page is loaded once.
KINDS = (
    "", "spec/", "spec/v1/", "spec/security/", "errors/", "traceability/", "side-by-side/ml-kem/", "guides/deploy/",
    "vectors/", "mutants/", "harness/", "playground/", "reference/protocol/stream/",
)  # fmt: skip

# Empty where the page fits; otherwise what sticks out, but for what lies in a box that scrolls.
TOO_WIDE = """() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  const scrolls = (e) => e && (getComputedStyle(e).overflowX !== 'visible' || scrolls(e.parentElement));
  return [...document.querySelectorAll('body *')]
    .filter((e) => e.getBoundingClientRect().right > width + 1 && !scrolls(e.parentElement))
    .map((e) => e.outerHTML.slice(0, 120)).concat(['the page scrolls sideways']);
}"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` does."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed (apt-get install npm)")
    pytest.importorskip("material", reason="mkdocs-material is not installed (pip install nen-ref[docs])")
    place = tmp_path_factory.mktemp("site")
    made = assemble.write(place / "pages")
    assert made.problems == []
    built = subprocess.run(
        [sys.executable, "-c", BUILD, ROOT / "mkdocs.yml", place / "pages", place / "site"],
        capture_output=True, text=True, timeout=BUILD_SECONDS, cwd=ROOT, check=False,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    return place / "site"


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    with served(folder) as url:
        yield url


@pytest.fixture
def page(browser: Any, url: str) -> Iterator[Any]:
    """A page that fails its test where it says anything, or asks another host for anything."""
    context = browser.new_context(viewport=DESKTOP)
    page = context.new_page()
    said, asked = listen(page)
    yield page
    context.close()
    assert said == []
    assert [request for request in asked if not request.startswith((url, "data:", "blob:"))] == []


def listen(page: Any) -> tuple[list[str], list[str]]:
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(f"{page.url}: {message.text}"))
    page.on("pageerror", lambda error: said.append(f"{page.url}: {error}"))
    page.on("requestfailed", lambda request: said.extend(failed(page, request)))
    page.on("request", lambda request: asked.append(request.url))
    return said, asked


def failed(page: Any, request: Any) -> list[str]:
    """What failed, but for what was given up as the next page was asked for."""
    return [] if request.failure == "net::ERR_ABORTED" else [f"{page.url}: {request.url} {request.failure}"]


def test_every_page_loads_quietly(page: Any, url: str, folder: Path) -> None:
    """Every page that no other test loads; of those of code, all made alike, the overviews and one of each kind."""
    every = sorted(path.parent.relative_to(folder).as_posix() for path in folder.rglob("index.html"))
    shown = [path for path in every if not path.startswith(("source/", "reference/"))]
    shown += [path for path in every if path.startswith("reference/") and path.count("/") == 1]
    shown += ["reference/protocol/verification", next(path for path in every if path.startswith("source/"))]
    shown = [path for path in shown if f"{path}/" not in KINDS]
    assert len(shown) > 35
    for path in shown:
        answer = page.goto(url + ("" if path == "." else f"{path}/"), wait_until="load")
        assert answer.status == 200, path
        assert page.evaluate("document.querySelectorAll('h1').length") == 1, path


def test_no_page_has_an_address_of_another_host_in_what_it_loads(folder: Path) -> None:
    pattern = re.compile(r"<(?:script|img|link|iframe|source)\b[^>]*?\b(?:src|href)=[\"']?(?:https?:)?//[^\"' >]+")
    for file in folder.rglob("*.html"):
        assert pattern.findall(file.read_text(encoding="utf-8")) == [], file


def test_diagrams_are_drawn(page: Any, url: str) -> None:
    page.goto(f"{url}spec/v1/")
    page.wait_for_selector("div.mermaid", state="attached")
    assert page.evaluate("typeof window.mermaid.parse") == "function", "the real one has been loaded"


def test_a_page_without_diagrams_does_not_load_what_draws_them(page: Any, url: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{url}errors/")
    assert any("site.js" in request for request in asked)
    assert not any("mermaid" in request for request in asked)


def test_search_finds_a_code(page: Any, url: str) -> None:
    page.goto(url)
    page.keyboard.press("s")
    page.wait_for_function("document.activeElement.matches('[data-md-component=search-query]')")
    page.keyboard.type("ISO-3002")
    page.wait_for_selector(".md-search-result__item a[href*='errors/#iso-3002'], a[href*='errors/?h=']")
    texts = page.eval_on_selector_all(".md-search-result__link", "links => links.map(link => link.href)")
    assert any("/errors/" in text and "#iso-3002" in text for text in texts), texts


def entries(page: Any, selector: str = ".error-entry") -> list[str]:
    return page.eval_on_selector_all(  # type: ignore[no-any-return]
        f"{selector}:not([hidden])", "found => found.map(entry => entry.dataset.code ?? entry.id)"
    )


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("ISO-3002", ["ISO-3002"]),
        ("iso3002", ["ISO-3002"]),
        ("3002", ["ISO-3002"]),
        ('POST /api/pay 401 {"error":{"code":"ISO-3002","message":"x"}}', ["ISO-3002"]),
        ("AUTH_SIGNATURE_INVALID", ["ISO-3002"]),
        ("ISO-3099", []),
        ("no such words", []),
    ],
)
def test_the_box_of_the_error_page(page: Any, url: str, typed: str, expected: list[str]) -> None:
    page.goto(f"{url}errors/")
    assert len(entries(page)) == 23
    page.get_by_label("Code or words").fill(typed)
    assert entries(page) == expected
    assert page.inner_text("[role=status]") == f"{len(expected)} of 23 codes"


def test_the_box_by_keyboard(page: Any, url: str) -> None:
    page.goto(f"{url}errors/")
    box = page.get_by_label("Code or words")
    box.focus()
    page.keyboard.type("clock")
    found = entries(page)
    assert "ISO-3003" in found
    assert 0 < len(found) < 23
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == found[0].lower()
    box.focus()
    page.keyboard.press("Escape")
    assert len(entries(page)) == 23
    box.fill("ISO-1001")
    page.evaluate("location.hash = '#iso-9000'")
    page.wait_for_function("document.querySelectorAll('.error-entry[hidden]').length === 0")


def test_an_anchor_leads_to_its_code(page: Any, url: str) -> None:
    page.goto(f"{url}errors/#iso-3002")
    page.wait_for_function(
        "(() => { const box = document.getElementById('iso-3002').getBoundingClientRect();"
        " return box.top > 0 && box.top < innerHeight; })()"
    )


def test_the_box_of_the_traceability_page(page: Any, url: str) -> None:
    page.goto(f"{url}traceability/")
    total = len(entries(page, ".trace-entry"))
    assert total > 100
    page.get_by_label("Filter by words").fill("v1/auth/signature-altered")
    assert entries(page, ".trace-entry") == ["v1-auth-04"]
    assert page.inner_text("[role=status]") == f"1 of {total} requirements"


def test_a_requirement_links_to_itself_and_to_its_tests(page: Any, url: str) -> None:
    page.goto(f"{url}spec/v1/#v1-auth-03")
    rule = page.locator("#v1-auth-03")
    assert rule.evaluate("rule => rule.tagName") == "P"
    rule.get_by_role("link", name="trace").click()
    page.wait_for_url("**/traceability/#v1-auth-03")
    assert page.evaluate("document.getElementById('v1-auth-03').matches(':target')")


def test_without_scripts_the_error_page_is_whole(browser: Any, url: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{url}errors/")
    assert not page.is_visible(".filter")
    assert page.locator(".error-entry").count() == 23
    context.close()


@pytest.mark.parametrize("path", KINDS)
def test_a_page_of_each_kind_is_sane_and_fits(page: Any, url: str, path: str) -> None:
    page.goto(url + path)
    found = page.evaluate(
        "() => ({lang: document.documentElement.lang, title: document.title,"
        " main: document.querySelectorAll('main').length, nav: document.querySelectorAll('nav').length,"
        " levels: [...document.querySelectorAll('article :is(h1,h2,h3,h4,h5,h6)')].map(h => Number(h.tagName[1])),"
        " nameless: [...document.querySelectorAll('article :is(input, button, select, textarea, img)')].filter(e =>"
        " !e.labels?.length && !e.ariaLabel && !e.title && !e.textContent.trim() && !e.alt"
        " && !e.getAttribute('aria-labelledby') && e.type !== 'hidden').map(e => e.outerHTML),"
        " twice: [...document.querySelectorAll('article [id]')].map(e => e.id)"
        ".filter((id, at, all) => all.indexOf(id) !== at)})"
    )
    assert found["lang"] == "en"
    assert "nen-ref" in found["title"]
    assert found["main"] == 1
    assert found["nav"] >= 1
    assert found["levels"][0] == 1
    deeper = [at for at in range(1, len(found["levels"])) if found["levels"][at] > found["levels"][at - 1] + 1]
    assert deeper == [], "a heading skips a level"
    assert found["nameless"] == []
    assert found["twice"] == []
    page.evaluate("for (const entry of document.querySelectorAll('article details')) entry.open = true")
    for size in (PHONE, DESKTOP):
        page.set_viewport_size(size)
        assert page.evaluate(TOO_WIDE) == [], size


def test_dark_is_shown_to_who_prefers_it(browser: Any, url: str) -> None:
    for scheme, expected in (("light", "default"), ("dark", "slate")):
        context = browser.new_context(color_scheme=scheme)
        page = context.new_page()
        page.goto(f"{url}errors/")
        assert page.evaluate("document.body.dataset.mdColorScheme") == expected
        context.close()


def test_the_keyboard_reaches_menu_search_and_text(page: Any, url: str) -> None:
    page.goto(f"{url}spec/v1/")
    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                "(() => { const e = document.activeElement; return e.closest('.md-skip') ? 'skip'"
                " : e.closest('.md-search') ? 'search' : e.closest('.md-tabs') ? 'tabs'"
                " : e.closest('.md-sidebar') ? 'menu' : e.closest('article') ? 'text' : e.tagName; })()"
            )
        )
    assert reached[0] == "skip"
    assert {"search", "tabs", "menu", "text"} <= set(reached), reached


def test_light_and_dark_are_switched_by_hand(browser: Any, url: str) -> None:
    context = browser.new_context(viewport=DESKTOP, color_scheme="light")
    page = context.new_page()
    page.goto(url)
    page.click("label[title='Switch to dark']")
    page.wait_for_function("document.body.dataset.mdColorScheme === 'slate'")
    page.goto(f"{url}errors/")
    assert page.evaluate("document.body.dataset.mdColorScheme") == "slate"
    context.close()


def test_npm_gives_what_is_pinned() -> None:
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed (apt-get install npm)")
    for package, version in npm.VERSIONS.items():
        text = (npm.fetch(package) / "package.json").read_text(encoding="utf-8")
        assert f'"version": "{version}"' in text or f'"version":"{version}"' in text
