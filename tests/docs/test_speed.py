"""docs/benchmarks.md: its tables come from the recorded run, and what it names is there."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from docs.make import speed as page
from nen_ref.bench import speed
from nen_ref.cli.bench import bench

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")

RUN: dict[str, Any] = {
    "made": "2026-11-30T12:00:00+00:00",
    "machine": {"processor": "Z80"},
    "python": {"implementation": "CPython", "version": "3.11.2"},
    "packages": {"nen-ref": "1", "kyber-py": "2"},
    "results": [
        {
            "part": "primitives",
            "name": "AEAD seal",
            "size": 64,
            "contenders": [
                {"name": "nen-ref", "floor": False, "us": 40.04, "quartiles_us": [39, 41.2], "ratio": 1},
                {"name": "chacha20poly1305", "floor": False, "us": 1200, "quartiles_us": [1100, 1300], "ratio": 29.97},
                {"name": "hashing alone", "floor": True, "us": 0.5, "quartiles_us": [0.4, 0.6], "ratio": 0.0125},
            ],
        }
    ],
    "peaks": [{"name": "stream", "size": 16384, "peak": 32768}, {"name": "stream", "size": 2**20, "peak": 32768}],
}


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "run", lambda: RUN)


@pytest.mark.usefixtures("recorded")
def test_a_table_shows_the_recorded_run() -> None:
    assert page.expand("before\n\n<!-- speed: primitives -->\n\nafter") == (
        "before\n\n"
        "| work | by | time | middle half | times ours |\n"
        "|---|---|---:|---:|---:|\n"
        "| AEAD seal, 64 bytes | nen-ref | 40 µs | 39 µs - 41.2 µs | 1.00 |\n"
        "|  | chacha20poly1305 | 1.2 ms | 1.1 ms - 1.3 ms | 29.97 |\n"
        "|  | *hashing alone* | 0.5 µs | 0.4 µs - 0.6 µs | 0.01 |\n"
        "\nafter"
    )
    assert page.expand("<!-- speed: peaks -->").splitlines()[2:] == [
        "| stream | 16 KiB | 32 KiB (2.0 times) |",
        "| stream | 1.0 MiB | 32 KiB |",
    ]
    assert page.expand("<!-- speed: made -->") == (
        "Recorded 2026-11-30 with CPython 3.11.2 on Z80: nen-ref 1, kyber-py 2."
    )


@pytest.mark.usefixtures("recorded")
def test_a_part_that_was_not_recorded_is_an_error() -> None:
    with pytest.raises(KeyError, match="vectors"):
        page.expand("<!-- speed: vectors -->")


@pytest.mark.usefixtures("recorded")
def test_bars_are_the_packages_in_pure_python() -> None:
    assert page.ratios() == [("AEAD seal, 64 bytes", "chacha20poly1305", 29.97)]


def test_the_recorded_run_has_every_part() -> None:
    run = page.run()
    assert run["schema"] == speed.SCHEMA
    assert {result["part"] for result in run["results"]} == {part.name for part in speed.PARTS}
    assert set(run["packages"]) == set(speed.PACKAGES)
    assert {by for _, by, _ in page.ratios()} == set(page.PURE_PYTHON)
    assert {contender["name"] for part in ("sizes", "streams") for contender in _contenders(part)} <= set(page.COLOURS)


def _contenders(part: str) -> list[Any]:
    return [contender for result in page.results(part) for contender in result["contenders"]]


def test_the_page_has_every_table_and_picture() -> None:
    expanded = page.expand(TEXT)
    assert "<!-- speed" not in expanded
    assert re.findall(r"\]\((benchmarks/\w+\.svg)\)", TEXT) == page.pictures()


def test_the_commands_of_the_page_exist() -> None:
    named = set(re.findall(r"nen-ref bench (\w+)", TEXT))
    assert named >= {"all", "load", "primitives"}
    assert named <= set(bench.commands)
    assert all(f"`{part.name}`" in TEXT or f"bench {part.name}`" in TEXT for part in speed.PARTS)


def test_pictures_are_drawn_of_the_recorded_run(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="of the extra docs")
    page.draw(tmp_path)
    for name in page.pictures():
        picture = (tmp_path / name).read_text(encoding="utf-8")
        assert ET.fromstring(picture).tag == "{http://www.w3.org/2000/svg}svg"
        assert "nen-ref" in picture
    once = {name: (tmp_path / name).read_bytes() for name in page.pictures()}
    page.draw(tmp_path)
    assert once == {name: (tmp_path / name).read_bytes() for name in page.pictures()}
