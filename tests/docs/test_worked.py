"""The pages side by side: nothing is missing, the code is the source, and every example ends with a vector's values."""

from __future__ import annotations

import enum
import importlib
import inspect
import json
import re
from collections.abc import Iterator
from dataclasses import is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from docs.make import worked, worked_model
from docs.make.worked import EXAMPLES, directives, example, expand, source
from docs.make.worked_model import Final, WorkedError, shown

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "side-by-side"
PAGES = {path.stem: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.md"))}
CODE = {name: page for page, text in PAGES.items() for name in directives(text, "code")}

PRIMITIVES = (
    "ml_kem", "ml_dsa", "ml_dsa_lanes", "ml_dsa_plain", "ml_dsa_keys", "chacha20_poly1305", "hmac_sha256",
    "hkdf_sha256", "x25519",
)  # fmt: skip
PROTOCOL = (
    "attestation", "carriage", "client", "handshake", "handshake_v3", "identity", "key_schedule", "members", "messages",
    "payload", "responses", "resumption", "server_identity", "session", "signing", "sse", "stream", "tickets",
    "verification", "versions", "wire",
)  # fmt: skip
SECTION = re.compile(r"^## (?P<title>.+?) \{ #(?P<anchor>[\w-]+) \}$", re.MULTILINE)


def sections() -> list[Any]:
    found = []
    for page, text in PAGES.items():
        starts = [*SECTION.finditer(text)]
        ends = [match.start() for match in starts[1:]] + [len(text)]
        for this, end in zip(starts, ends[: len(starts)], strict=True):
            body = text[this.end() : end]
            found.append(pytest.param(body, id=f"{page}#{this['anchor']}"))
    return found


# Examples


def raw_test(identifier: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The vector as it stands in its file, and the input of its group; read without any code of the project."""
    path = ROOT / "vectors" / (identifier.rpartition("/")[0] + ".json")
    for group in json.loads(path.read_text(encoding="utf-8"))["groups"]:
        for test in group["tests"]:
            if test["id"] == identifier:
                return test, group["input"]
    raise AssertionError(f"no vector {identifier}")


def texts(value: Any) -> Iterator[str]:
    """Every text in a value of JSON."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for entry in value.values():
            yield from texts(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from texts(entry)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_ends_with_what_its_vector_says(name: str) -> None:
    made = example(name)
    test, shared = raw_test(made.vector.id)
    # Not `intermediate`: those values are the reference's own, and no witness confirms them.
    agreed = list(texts([shared, *(test.get(part) for part in ("input", "output", "partial", "codes", "steps"))]))
    assert made.finals
    for final in made.finals:
        assert final.computed == final.given
        if isinstance(final.given, bool):
            assert final.given == (test["result"] == ("valid" if final.name == "valid" else "invalid"))
        else:
            text = final.given.hex() if isinstance(final.given, bytes) else final.given
            assert isinstance(text, str)
            assert len(text) >= 4, "so short a value is found by chance"
            assert any(text in other for other in agreed), f"{final.name} stands nowhere in {made.vector.id}"


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_shows_values_on_the_way(name: str) -> None:
    steps = example(name).steps
    assert len(steps) >= 2
    assert all(step.name for step in steps)


def test_another_result_is_an_error() -> None:
    made = example("ml_kem.keygen")
    with pytest.raises(WorkedError, match="ek"):
        replace(made, finals=[Final("ek", b"1", b"2", "ek")]).checked("ml_kem.keygen")
    with pytest.raises(WorkedError, match="no value of its vector"):
        replace(made, finals=[]).checked("ml_kem.keygen")


def test_another_vector_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "primitives/hmac_sha256.json"
    (tmp_path / "primitives").mkdir()
    text = (ROOT / "vectors" / name).read_text(encoding="utf-8")
    right = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert right in text
    (tmp_path / name).write_text(text.replace(right, right.replace("5bdc", "5bdd")), encoding="utf-8")
    monkeypatch.setattr(worked_model, "VECTORS", tmp_path)
    worked_model._file.cache_clear()
    example.cache_clear()
    try:
        with pytest.raises(WorkedError, match="mac"):
            expand("<!-- worked: hmac_sha256 -->\n")
    finally:
        worked_model._file.cache_clear()
        example.cache_clear()


def test_long_values_are_shortened() -> None:
    assert shown(bytes(1000)) == f"`{'00' * 16}…{'00' * 8}` (1000 bytes)"
    assert shown(b"\x01") == "`01` (1 byte)"
    assert shown(list(range(256))) == "`0, 1, 2, 3, 4, 5, …, 255` (256 numbers)"
    assert shown('a|"b"\n') == '`a&#124;"b"\\n`'
    assert len(shown("x" * 5000)) < 120


# Directives


@pytest.mark.parametrize("page", PAGES)
def test_every_directive_of_a_page_is_replaced(page: str) -> None:
    made = expand(PAGES[page])
    for kind in ("code", "worked", "algorithm", "contents"):
        assert f"<!-- {kind}" not in made
    assert made.count("<div") == made.count("</div>")
    assert made.count("```python\n") == len(directives(PAGES[page], "code"))
    assert made.count("**Worked example**") == len(directives(PAGES[page], "worked"))
    for name in directives(PAGES[page], "code"):
        assert f"```python\n{source(name)}\n```" in made


@pytest.mark.parametrize("name", CODE)
def test_the_code_is_the_source(name: str) -> None:
    module_name = max((f"nen_ref.{part}" for part in (*_modules(),) if name.startswith(f"nen_ref.{part}.")), key=len)
    found: Any = importlib.import_module(module_name)
    for part in name.removeprefix(module_name + ".").split("."):
        found = inspect.unwrap(getattr(found, part))  # of functools.cache
    if inspect.isfunction(found) or inspect.isclass(found):
        assert source(name) == inspect.cleandoc("\n" + inspect.getsource(found))
    else:
        assert re.match(rf"{name.rpartition('.')[2]}\b.*=", source(name))


def _modules() -> list[str]:
    return [f"primitives.{name}" for name in PRIMITIVES] + [f"protocol.{name}" for name in PROTOCOL]


def test_a_page_without_directives_stays() -> None:
    text = "# Title\n\n<!-- a comment -->\n\ntext"
    assert expand(text) == text


@pytest.mark.parametrize(
    "line",
    [
        "<!-- worked: no.such -->",
        "<!-- code: nen_ref.primitives.ml_kem.no_such -->",
        "<!-- code: nen_ref.primitives.no_such.keygen -->",
        "<!-- code: nen_ref.primitives.ml_kem -->",
        "<!-- code: os.path.join -->",
        "<!-- code: nen_ref.protocol.stream.StreamSealer.no_such -->",
    ],
)
def test_a_name_that_does_not_exist_is_an_error(line: str) -> None:
    with pytest.raises(WorkedError):
        expand(line + "\n")


def test_a_mistyped_directive_is_an_error() -> None:
    for line in (
        "<!-- code nen_ref.primitives.ml_kem.keygen -->",
        "<!-- worked -->",
        "  <!-- algorithm -->",
        "<!-- cod: a.b -->",
    ):
        with pytest.raises(WorkedError, match="directive"):
            expand(f"<!-- contents -->\n{line}\n")


# Nothing is missing


@pytest.mark.parametrize("module_name", _modules())
def test_everything_public_is_on_a_page(module_name: str) -> None:
    module = importlib.import_module(f"nen_ref.{module_name}")
    public = {
        name: entry
        for name, entry in vars(module).items()
        if not name.startswith("_") and getattr(entry, "__module__", "") == module.__name__
        and (inspect.isfunction(entry) or inspect.isclass(entry))
    }  # fmt: skip
    assert public
    if module_name.startswith("primitives"):
        public = {name: entry for name, entry in public.items() if not _is_record(entry)}
    assert {f"{module.__name__}.{name}" for name in public} <= set(CODE)


def _is_record(entry: Any) -> bool:
    """Whether it only holds values: a dataclass, a named tuple, an enumeration, an exception."""
    if not inspect.isclass(entry):
        return False
    return is_dataclass(entry) or issubclass(entry, tuple | enum.Enum | Exception)


def test_every_example_is_on_a_page() -> None:
    assert {name for text in PAGES.values() for name in directives(text, "worked")} == set(EXAMPLES)


def test_the_index_has_every_page() -> None:
    assert {f"{page}.md" for page in PAGES if page != "index"} == set(re.findall(r"\]\(([\w-]+\.md)\)", PAGES["index"]))


@pytest.mark.parametrize("body", sections())
def test_a_section_has_algorithm_code_and_example(body: str) -> None:
    before, mark, rest = body.partition("<!-- algorithm -->")
    assert mark
    algorithm = rest.partition("<!-- code: ")[0]
    assert before.strip() == ""
    assert re.search(r"\*\*.*(Algorithm|Equation|Section|[Ss]ection|FIPS|RFC|V\d-).*\*\*", algorithm), (
        "no source is named"
    )
    assert re.findall(r"^\d\. ", algorithm, re.MULTILINE)[:2] == ["1. ", "2. "]
    assert directives(body, "code")
    assert directives(body, "worked")


def test_every_heading_has_an_anchor_of_its_own() -> None:
    for page, text in PAGES.items():
        if page != "index":
            anchors = [match["anchor"] for match in SECTION.finditer(text)]
            assert len(anchors) == len(set(anchors)) == len(re.findall(r"^## ", text, re.MULTILINE)) > 0
            assert "<!-- contents -->" in text


def test_requirements_exist() -> None:
    spec = "".join((ROOT / "spec" / f"{document}.md").read_text(encoding="utf-8") for document in ("v1", "v2", "v3"))
    defined = set(re.findall(r"\*\*(V\d-[A-Z]+-\d\d)\*\*", spec))
    cited = {name for text in PAGES.values() for name in re.findall(r"V\d-[A-Z]+-\d\d", text)}
    assert cited
    assert cited <= defined


def test_links_lead_somewhere() -> None:
    for page, text in PAGES.items():
        for target in re.findall(r"\]\(([^)]+)\)", expand(text)):
            path, _, anchor = target.partition("#")
            if not path:
                assert f"{{ #{anchor} }}" in text, f"{page}: {target}"
                continue
            assert (FOLDER / path).is_file(), f"{page}: {target}"
            if anchor and path.removesuffix(".md") in PAGES:
                assert f"{{ #{anchor} }}" in PAGES[path.removesuffix(".md")], f"{page}: {target}"
            elif anchor and path.endswith(".md"):
                heads = re.findall(r"^#+ (.*)$", (FOLDER / path).read_text(encoding="utf-8"), re.MULTILINE)
                assert anchor in {head.lower().replace(" ", "-") for head in heads}, f"{page}: {target}"


def test_the_columns_close_where_the_code_ends() -> None:
    made = expand("<!-- algorithm -->\n\nleft\n\n<!-- code: nen_ref.primitives.hmac_sha256.B -->\n\nbelow\n")
    assert [line for line in made.splitlines() if line] == [
        '<div class="side-by-side" markdown>',
        '<div class="side-algorithm" markdown>',
        "left",
        "</div>",
        '<div class="side-code" markdown>',
        "[`B`](../../nen_ref/primitives/hmac_sha256.py#B) · `hmac_sha256.py`, line 12",
        "{ .side-source }",
        "```python",
        "B = 64  # block size of SHA-256 in bytes",
        "```",
        "</div>",
        "</div>",
        "below",
    ]
    assert worked.ROOT == ROOT
