"""What the site is assembled by: links, anchors and ids; the error page, the reference, and the menu."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from docs.make import assemble, errors, links, npm, reference
from nen_ref.protocol.errors import CATALOGUE

ROOT = Path(__file__).parents[2]

URLS = {"V1-HS-01": "spec/v1.md#v1-hs-01", "ISO-3002": "errors.md#iso-3002"}


@pytest.fixture(scope="module")
def site() -> assemble.Site:
    return assemble.site()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("See V1-HS-01.", "See [V1-HS-01](spec/v1.md#v1-hs-01)."),
        ("(ISO-3002)", "([ISO-3002](errors.md#iso-3002))"),
        ("| ISO-3002 | V1-HS-01 |", "| [ISO-3002](errors.md#iso-3002) | [V1-HS-01](spec/v1.md#v1-hs-01) |"),
        ("**V1-HS-01**", "**[V1-HS-01](spec/v1.md#v1-hs-01)**"),
        ("- a list\n\n    with V1-HS-01", "- a list\n\n    with [V1-HS-01](spec/v1.md#v1-hs-01)"),
    ],
)
def test_ids_become_links(text: str, expected: str) -> None:
    assert links.link_ids(text, URLS.get) == expected


@pytest.mark.parametrize(
    "text",
    [
        "`ISO-3002`",
        "``a ` ISO-3002``",
        "a span `that is\nwrapped ISO-3002` here",
        "```text\nISO-3002\n```",
        "~~~~\n```\nISO-3002\n```\n~~~~",
        "text\n\n    indented ISO-3002\n\n    and V1-HS-01\n",
        "# ISO-3002 and V1-HS-01",
        "[the code ISO-3002](other.md)",
        "[wrapped\nISO-3002](other.md)",
        '<div id="ISO-3002">',
        '<a href="x">ISO-3002</a>',
        "<!-- ISO-3002 -->",
        '[trace](x){ .rule-trace title="what tests V1-HS-01" }',
        "<pre>\nISO-3002\n</pre>",
        # In two parts, as tests/docs/test_trace.py looks for ids that do not exist.
        "ISO-99990 ISO-8601 V1-" + "HS-99 XISO-3002",
    ],
)
def test_what_is_not_linked(text: str) -> None:
    assert links.link_ids(text, URLS.get) == text


def test_targets_are_rewritten_outside_of_code() -> None:
    text = (
        "[a](x.md#y) ![b](p.png) [`c`](x.md) [d](https://example.org/x.md) [e](#here) [f](mailto:a@b.c)\n\n"
        "`[g](x.md)`\n\n```\n[h](x.md)\n```\n\n[ref]: x.md\n"
    )
    assert links.rewrite_targets(text, lambda target: f"<{target}>") == (
        "[a](<x.md#y>) ![b](<p.png>) [`c`](<x.md>) [d](https://example.org/x.md) [e](#here) [f](mailto:a@b.c)\n\n"
        "`[g](x.md)`\n\n```\n[h](x.md)\n```\n\n[ref]: <x.md>\n"
    )


def test_targets_in_html_are_those_of_the_folder_that_is_served() -> None:
    assert links.in_html("guides/a.md", "../pictures/p.svg") == "../../pictures/p.svg"
    assert links.in_html("guides/a.md", "b.md#c") == "../b/#c"
    assert links.in_html("index.md", "pictures/p.svg") == "pictures/p.svg"
    assert links.in_html("playground/index.md", "playground.css") == "playground.css"
    assert links.in_html("a.md", "index.md") == "../"


def test_a_link_is_resolved_against_its_file() -> None:
    there = {"spec/v1.md", "spec/README.md", "nen_ref/protocol/__init__.py", "docs/a.md"}.__contains__
    assert links.resolve("docs/guides/x.md", "../../spec/v1.md#v1-hs-01", there) == ("spec/v1.md", "#v1-hs-01")
    assert links.resolve("docs/x.md", "../spec/", there) == ("spec/README.md", "")
    assert links.resolve("README.md", "nen_ref/protocol/", there) == ("nen_ref/protocol/__init__.py", "")
    for wrong in ("nowhere.md", "../../outside.md"):
        with pytest.raises(links.LinkError, match=re.escape(wrong)):
            links.resolve("docs/x.md", wrong, there)


def test_a_requirement_gets_its_anchor() -> None:
    text = "**V1-HS-01** (MUST, server) The sentence,\nin two lines.\n\nAnother paragraph.\n"
    made = links.anchor_requirements(text, lambda id: f"trace#{id}")
    assert made.startswith("[**V1-HS-01**](#v1-hs-01){ .rule-id")
    assert "in two lines. [trace](trace#V1-HS-01){ .rule-trace" in made
    assert re.search(r"\n\{ #v1-hs-01 \.rule \}\n\nAnother paragraph\.\n$", made)
    assert links.requirement_ids("As V1-HS-01 says.\n") == []


def test_every_link_leads_somewhere(site: assemble.Site) -> None:
    assert site.problems == []


def test_links_to_code_and_to_other_files(site: assemble.Site) -> None:
    page = "guides/extend.md"
    stream = "../reference/protocol/stream.md"
    assert site.url(page, "../../nen_ref/protocol/stream.py") == stream
    assert site.url(page, "../../nen_ref/protocol/stream.py#L12") == stream
    assert site.url(page, "../../nen_ref/protocol/stream.py#nonce") == f"{stream}#nen_ref.protocol.stream.nonce"
    assert site.url(page, "../../vectors/README.md") == "../vectors.md"
    assert site.url(page, "../../README.md#use-it") == "../index.md"
    assert site.url(page, "../schema/report-2.json") == "../schema/report-2.json"


def test_a_link_that_leads_nowhere_is_a_problem() -> None:
    made = assemble.Site(ROOT)
    made.add("a.md", "docs/a.md", "")
    assert made.url("a.md", "no-such.md") == "no-such.md"
    assert made.problems == ["docs/a.md: no-such.md is not there (docs/no-such.md)"]


def test_the_menu_names_every_page(site: assemble.Site) -> None:
    settings = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert settings.endswith(reference.menu()), "run: python -m docs.make --menu"
    menu = settings.partition("\nnav:\n")[2]
    named = re.findall(r"[\w./-]+\.md\b", menu)
    assert sorted(named) == sorted(page for page in site.pages if not page.startswith("source/"))


def test_no_page_asks_another_host_for_anything(site: assemble.Site) -> None:
    """Links may lead elsewhere; pictures, scripts and styles may not."""
    pattern = re.compile(r"!\[[^\]]*\]\(https?:|\bsrc=[\"']?(?:https?:)?//|<link[^>]*https?:|@import")
    for page, text in site.pages.items():
        found = [match[0] for is_code, piece in links.pieces(text) if not is_code for match in pattern.finditer(piece)]
        assert found == [], page


def test_the_number_of_vectors_on_the_home_page() -> None:
    totals = json.loads((ROOT / "vectors" / "index.json").read_text(encoding="ascii"))["totals"]
    home = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    assert f"{totals['vectors']} of them as JSON, more than half to be refused" in " ".join(home.split())
    assert totals["invalid"] > totals["vectors"] / 2


def test_every_code_has_an_entry_with_all_that_explain_says() -> None:
    page = errors.pages()["errors.md"]
    entries = page.split('<div class="error-entry"')[1:]
    assert len(entries) == len(CATALOGUE)
    for text, entry in zip(entries, CATALOGUE.values(), strict=True):
        assert f"{{ #{entry.code.lower()} }}" in text
        for sentence in (entry.hint, entry.fix, *entry.causes, *entry.tell):
            assert errors._escaped(sentence) in text
        assert f"HTTP {entry.status}" in text
        assert entry.message in text


@pytest.mark.parametrize("code", CATALOGUE)
def test_what_is_shown_to_provoke_a_code_does(code: str) -> None:
    """A vector whose first code is this one; where there is none, the page says why."""
    assert (code in errors.PROVOKED) != (code in errors.WHY_NO_MESSAGE)
    if code in errors.PROVOKED:
        vector = errors.vector(errors.PROVOKED[code])
        assert vector["result"] == "invalid"
        assert vector["codes"][0] == code


def test_the_reference_has_every_module_of_its_packages() -> None:
    found = reference.modules()
    assert {"nen_ref/protocol/stream.py", "nen_ref/primitives/ml_kem.py"} <= set(found)
    assert len({reference.page_of(module) for module in found}) == len(found)
    assert reference.page_of("nen_ref/protocol/__init__.py") == "reference/protocol/index.md"
    assert "::: nen_ref.protocol.stream\n" in reference.pages()["reference/protocol/stream.md"]


def test_without_npm_there_is_a_clear_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(npm.NpmError, match="npm is not installed"):
        npm.fetch("mermaid", cache=tmp_path)


def test_a_package_that_is_there_is_not_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    (tmp_path / "mermaid-1.0.0").mkdir()
    assert npm.fetch("mermaid", "1.0.0", cache=tmp_path) == tmp_path / "mermaid-1.0.0"
