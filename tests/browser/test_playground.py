"""The playground in Chromium: the reference runs there, refuses what it should, and asks no other host for anything."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from docs.make.npm import fetch
from docs.make.pyodide import FILES, ROOT, write_playground
from tests.browser.conftest import served

pytestmark = pytest.mark.browser

# The page alone under the site's theme: what the assembler makes of the other pages is for test_site.py.
CONFIG = """
site_name: nen-ref
theme: {name: material, font: false, palette: {scheme: default}}
plugins: []
markdown_extensions: [admonition, attr_list]
nav: [{Playground: playground/index.md}, {Errors: errors.md}, {Specification: spec/v1.md}]
"""
STARTS_MS = 60_000
WAIT_MS = 10_000  # a second at most, on a machine with nothing else to do
SIZES = {"phone": {"width": 360, "height": 800}, "desktop": {"width": 1280, "height": 900}}


@pytest.fixture(scope="module")
def package() -> Path:
    """The npm package pyodide, unpacked: fetched once by the build of the site."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    return fetch("pyodide")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, package: Path) -> Iterator[str]:
    """The URL of a site of the playground and of empty pages where it links to."""
    pytest.importorskip("material", reason="mkdocs-material is not installed (pip install -e '.[docs]')")
    folder = tmp_path_factory.mktemp("site")
    source = ROOT / "docs" / "playground"
    pages = folder / "docs"
    shutil.copytree(source, pages / "playground", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    text = (source / "index.md").read_text(encoding="utf-8").replace("../../spec/v1.md", "../spec/v1.md")
    (pages / "playground" / "index.md").write_text(text, encoding="utf-8")
    (pages / "spec").mkdir()
    for name in ("errors.md", "spec/v1.md"):
        (pages / name).write_text("# A page\n", encoding="utf-8")
    (folder / "mkdocs.yml").write_text(CONFIG, encoding="utf-8")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet"]
    subprocess.run(command, cwd=folder, check=True, timeout=60)
    write_playground(folder / "site" / "playground", package)
    with served(folder / "site") as url:
        yield url


class Seen:
    """What a page said and asked for."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.requested: list[str] = []

    def watch(self, page: Any) -> None:
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        # Of the context, for the worker's own requests are not those of the page.
        page.context.on("request", lambda request: self.requested.append(request.url))


def summary(page: Any, text: str) -> None:
    page.wait_for_function("text => document.getElementById('pg-summary').textContent.includes(text)", arg=text)


@pytest.fixture(scope="module")
def seen() -> Seen:
    return Seen()


@pytest.fixture(scope="module")
def loaded(browser: Any, site: str, seen: Seen) -> Iterator[Any]:
    """One page for all tests that play: starting Python takes seconds. Each begins with a reset."""
    page = browser.new_page(viewport=SIZES["desktop"])
    page.set_default_timeout(WAIT_MS)
    seen.watch(page)
    page.goto(f"{site}playground/")
    page.click("#pg-load")
    page.wait_for_selector("#pg-step-read[data-state=done]", timeout=STARTS_MS)
    # The button is gone, and the focus is not back at the top of the page.
    page.wait_for_function("document.activeElement.id === 'pg-status'", timeout=WAIT_MS)
    yield page
    page.close()


@pytest.fixture
def page(loaded: Any) -> Any:
    if loaded.is_enabled("#pg-reset"):
        loaded.click("#pg-reset")
    summary(loaded, "All 12 steps pass.")
    return loaded


def test_nothing_is_loaded_before_it_is_asked_for(browser: Any, site: str) -> None:
    page = browser.new_page()
    seen = Seen()
    seen.watch(page)
    page.goto(f"{site}playground/", wait_until="networkidle")
    assert page.is_visible("#pg-load")
    assert page.is_hidden("#pg-bar")
    assert page.is_hidden("#pg-form")
    page.close()
    assert seen.said == []
    assert all(url.startswith(site) for url in seen.requested), seen.requested
    assert not [url for url in seen.requested if "pyodide" in url or url.endswith(".zip")]


def test_nothing_is_asked_of_another_host(page: Any, site: str, seen: Seen) -> None:
    page.click("#pg-example")
    page.wait_for_function("document.getElementById('pg-verdict').textContent !== ''")
    assert all(url.startswith(site) for url in seen.requested), seen.requested
    assert {f"{site}playground/pyodide/{name}" for name in FILES} <= set(seen.requested)
    assert seen.said == []


@pytest.mark.parametrize("scheme", ["slate", "default"])
@pytest.mark.parametrize("size", SIZES)
def test_the_page_fits(page: Any, size: str, scheme: str) -> None:
    page.set_viewport_size(SIZES[size])
    page.evaluate("scheme => document.body.setAttribute('data-md-color-scheme', scheme)", scheme)
    page.click("#pg-row-wire_signature >> text=Flip a bit")
    page.click("#pg-example")
    page.wait_for_selector("#pg-found mark")
    summary(page, "ISO-3002")
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size]["width"]
    if os.environ.get("NEN_PICTURES"):
        page.screenshot(path=Path(os.environ["NEN_PICTURES"], f"playground-{size}-{scheme}.png"), full_page=True)
    page.set_viewport_size(SIZES["desktop"])


def test_what_cannot_be_loaded_is_said(browser: Any, site: str) -> None:
    context = browser.new_context()
    context.route("**/reference.zip", lambda route: route.fulfill(status=404))
    page = context.new_page()
    page.goto(f"{site}playground/")
    page.click("#pg-load")
    failed = "document.getElementById('pg-status').textContent.includes('reference.zip: status 404')"
    page.wait_for_function(failed, timeout=STARTS_MS)
    context.close()


def test_the_page_says_how_much_it_loads(package: Path) -> None:
    megabytes = sum((package / name).stat().st_size for name in FILES) / 1e6
    assert f"About\n{megabytes:.1f} MB are loaded" in (ROOT / "docs/playground/index.md").read_text(encoding="utf-8")


def test_the_session_is_that_of_the_reference(page: Any) -> None:
    """The values of the page are those of the same seeds under this Python, by other code than the page's."""
    from nen_ref.protocol.handshake import client_hello

    d, z = (bytes.fromhex(page.input_value(f"#pg-value-{name}")) for name in ("d", "z"))
    assert page.input_value("#pg-value-hello_body").encode() == client_hello(d, z).body
    assert page.input_value("#pg-value-opened") == '{"saved":true}'
    assert page.locator("#pg-step-verify .pg-checks [data-state=passed]").count() == 9


def test_a_flipped_bit_of_the_sealed_payload_is_4001(page: Any) -> None:
    page.click("#pg-row-wire_ct >> text=Flip a bit")
    summary(page, "Step 8, Verification, refuses: ISO-4001 CRYPTO_DECRYPT_FAILED.")
    checks = page.locator("#pg-step-verify .pg-checks li")
    states = [checks.nth(i).get_attribute("data-state") for i in range(checks.count())]
    assert states == ["passed"] * 7 + ["refused", "unreached"]
    links = page.locator("#pg-step-verify .pg-refusal a")
    assert [link.rsplit("/", 2)[-2:] for link in (links.nth(i).get_attribute("href") for i in range(3))] == [
        ["errors", "#iso-4001"],
        ["v1", "#v1-req-06"],
        ["v1", "#v1-req-07"],
    ]
    assert page.get_attribute("#pg-step-respond", "data-state") == "unreached"
    page.click("#pg-row-wire_ct >> text=Flip a bit")
    summary(page, "All 12 steps pass.")


def test_a_flipped_bit_of_the_signature_is_3002(page: Any) -> None:
    page.click("#pg-row-wire_signature >> text=Flip a bit")
    summary(page, "Step 8, Verification, refuses: ISO-3002 AUTH_SIGNATURE_INVALID.")
    page.click("#pg-row-wire_signature >> text=Undo")
    summary(page, "All 12 steps pass.")
    assert page.evaluate("document.activeElement.id") == "pg-value-wire_signature"


def test_what_is_typed_is_computed_with(page: Any) -> None:
    page.fill("#pg-value-now", "1795500030001")
    summary(page, "ISO-3003 AUTH_TIMESTAMP_OUT_OF_WINDOW")
    page.fill("#pg-value-now", "soon")
    summary(page, "This has to be a whole number")
    assert page.get_attribute("#pg-value-now", "aria-invalid") == "true"
    page.fill("#pg-value-now", "1795500030000")
    summary(page, "All 12 steps pass.")
    page.fill("#pg-value-payload", '{"note":"Grüße"}')
    page.wait_for_function("document.getElementById('pg-value-server_payload').value.includes('Grüße')")


def test_random_seeds_make_another_session(page: Any) -> None:
    before = page.input_value("#pg-value-server_enc")
    page.click("#pg-random")
    page.wait_for_function("before => document.getElementById('pg-value-server_enc').value !== before", arg=before)
    summary(page, "All 12 steps pass.")
    page.click("#pg-reset")
    page.wait_for_function("before => document.getElementById('pg-value-server_enc').value === before", arg=before)


def test_the_paste_box_finds_where_a_canonical_string_differs(page: Any) -> None:
    page.click("#pg-example")
    page.wait_for_function("document.getElementById('pg-verdict').textContent.includes('ISO-3002')")
    found = page.inner_text("#pg-found")
    assert "when the canonical string was made with the query in PATH" in found
    assert "Line 2 (PATH), column 11" in found
    assert "byte 15: U+003F QUESTION MARK" in found
    assert page.inner_text("#pg-found mark >> nth=1") == "?draft=1"


def test_the_paste_box_opens_the_request_of_the_session(page: Any) -> None:
    page.click("text=Take it to the box below")
    page.wait_for_function("document.getElementById('pg-verdict').textContent === 'The request passes all checks.'")
    assert page.inner_text("#pg-found pre") == '{"note":"Buy milk"}'
    page.fill("#pg-in-mac", "secret")
    page.click("#pg-examine")
    page.wait_for_function("document.getElementById('pg-verdict').textContent.startsWith('The HMAC key has to be 32')")
    assert page.inner_text("#pg-found") == ""


def test_every_control_has_a_name(page: Any) -> None:
    unnamed = page.evaluate(
        "[...document.querySelectorAll('.pg input, .pg textarea')].filter(field => !field.labels.length).map(f => f.id)"
    )
    assert unnamed == []
    names = page.evaluate("[...document.querySelectorAll('.pg-row .pg-button')].map(button => button.textContent)")
    assert len(names) == len(set(names))
