"""Sets that were tampered with or damaged: `generate --check` has a line for each, and never a traceback."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nen_ref.vectors import read
from nen_ref.vectors.files import dump, index_of, write
from nen_ref.vectors.same import differences
from tests.vectors.test_read import MAC, OPENING, SEARCHES, SEED, Edit, drop, edited, in_test, put

Json = dict[str, Any]

WITNESS: Json = {"name": "reference", "version": "0.1.0", "independent": False, "transcripts": 10_000}
COUNTS = (100, 1000, 10_000)


def accumulated(*counts: int) -> Json:
    topics = [
        {
            "name": name,
            "covers": ["V1"],
            "transcript": ["draw"],
            "digests": [{"transcripts": count, "sha256": f"{count:064}"} for count in counts],
            "witnesses": [WITNESS],
        }
        for name in ("primitives", "stream")
    ]
    return {"format": "nen-accumulated/1", "seed": SEED, "topics": topics}


def set_of(*counts: int) -> dict[str, Json]:
    files: dict[str, Json] = {MAC["name"]: MAC, OPENING["name"]: OPENING}
    files |= {"accumulated": accumulated(*counts), "searches": SEARCHES}
    return copy.deepcopy(
        files | {"index": index_of(files), "schema/index-1": {"$id": "index-1.json", "type": "object"}}
    )


GENERATED = set_of(*COUNTS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, GENERATED)
    return tmp_path


def said(folder: Path, files: dict[str, Json] = GENERATED, whole: bool = True) -> list[str]:
    return [line.replace(f"{folder}{os.sep}", "") for line in differences(folder, files, whole)]


def test_a_set_is_the_same_as_itself(folder: Path) -> None:
    assert said(folder) == []


def test_who_attested_it_is_of_the_day(folder: Path) -> None:
    """The index has the hashes of the files as they are."""
    files = copy.deepcopy(GENERATED)
    files[MAC["name"]] |= {"witnesses": [], "least_witnesses": 7, "exceptions": [1]}
    for topic in files["accumulated"]["topics"]:
        topic["witnesses"] = []
    write(folder, files)
    stale = said(folder)
    assert stale == ["index.json differs: first in files/0/sha256"]
    write(folder, files | {"index": index_of(files)})
    assert said(folder) == []


def turned(document: Json) -> None:
    """Members in another order."""
    test = document["groups"][0]["tests"][0]
    test["comment"] = test.pop("comment")


TAMPERED: list[tuple[str, Edit, str]] = [
    (MAC["name"], put("valid", True), "primitives/mac.json differs: first in valid"),
    (MAC["name"], turned, "primitives/mac.json differs: first at primitives/mac/empty"),
    (MAC["name"], in_test(0, put("output", {"mac": "01" * 32})),
     "primitives/mac.json differs: first at primitives/mac/empty"),
    (MAC["name"], put("groups", 0, "tests", 0, True), "primitives/mac.json differs: first at primitives/mac/empty"),
    (MAC["name"], put("groups", 0, "tests", []), "primitives/mac.json differs: first in groups/0/tests"),
    (MAC["name"], put("groups", 5), "primitives/mac.json differs: first in groups"),
    (MAC["name"], put("groups", [5]), "primitives/mac.json differs: first in groups/0"),
    (MAC["name"], put("format", 5), "primitives/mac.json differs: first in format"),
    (MAC["name"], put("format", "nen-accumulated/1"), "primitives/mac.json differs: first in format"),
    (MAC["name"], put("more", 5), "primitives/mac.json differs: its members are others, or in another order"),
    (MAC["name"], drop("witnesses"), "primitives/mac.json differs: its members are others, or in another order"),
    (OPENING["name"], in_test(1, put("flags", [])),
     "v1/stream_opening.json differs: first at v1/stream_opening/cut"),
    ("searches", put("found", {"v1/x": {}}), "searches.json differs: first in found"),
    ("schema/index-1", put("type", ["object"]), "schema/index-1.json differs: first in type"),
    ("accumulated", put("format", 5), "accumulated.json differs: first in format"),
    ("accumulated", put("topics", 5), "accumulated.json differs: first in topics"),
    ("accumulated", put("topics", []), "accumulated.json differs: first in topics"),
    ("accumulated", drop("topics"), "accumulated.json differs: its members are others, or in another order"),
    ("accumulated", drop("topics", 1), "accumulated.json differs: first in topics"),
    ("accumulated", put("topics", 0, 5), "accumulated.json differs: first in topics/0"),
    ("accumulated", put("topics", 0, "name", "stream"), "accumulated.json differs: first in topics/0/name"),
    ("accumulated", put("topics", 1, "digests", 5), "accumulated.json differs: first in topics/1/digests"),
    ("accumulated", put("topics", 1, "digests", []), "accumulated.json differs: first in topics/1/digests"),
    ("accumulated", drop("topics", 1, "digests", 2), "accumulated.json differs: first in topics/1/digests"),
    ("accumulated", put("topics", 1, "digests", 2, 5), "accumulated.json differs: first in topics/1/digests/2"),
    ("accumulated", put("topics", 0, "digests", 0, "transcripts", 100.0),
     "accumulated.json, line 15: '100.0' is no integer, and vectors have no other numbers"),
    ("accumulated", put("topics", 0, "digests", 0, "sha256", "0" * 64),
     "accumulated.json differs: first in topics/0/digests/0/sha256"),
    ("accumulated", put("topics", 0, "digests", 2, "transcripts", 9999),
     "accumulated.json differs: first in topics/0/digests/2/transcripts"),
    ("index", put("totals", "vectors", 4), "index.json differs: first in totals/vectors"),
    ("index", put("files", 0, "valid", True), "index.json differs: first in files/0/valid"),
    ("index", put("files", 5), "index.json differs: first in files"),
    ("index", put("accumulated", "sha256", "0" * 64), "index.json differs: first in accumulated/sha256"),
    ("index", put("more", {}), "index.json differs: its members are others, or in another order"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "edit", "expected"), TAMPERED)
def test_a_tampered_file_has_a_line(folder: Path, name: str, edit: Edit, expected: str) -> None:
    (folder / f"{name}.json").write_bytes(dump(edited(GENERATED[name], edit)))
    assert said(folder) == [expected]


def test_a_part_is_compared_without_the_index(folder: Path) -> None:
    (folder / "index.json").write_text("5")
    (folder / "v1" / "more.json").write_text("{}")
    assert said(folder, {MAC["name"]: MAC}, whole=False) == []


@pytest.mark.parametrize("generated", [(100,), (100, 1000)])
def test_fewer_transcripts_are_compared_with_a_file_of_all(folder: Path, generated: tuple[int, ...]) -> None:
    """The whole of the file has to be there; what was computed of it has to be right."""
    files = set_of(*generated)
    assert said(folder, files) == []
    for edit in (
        drop("topics", 0, "digests", 2),
        drop("topics", 0, "digests", 0),
        put("topics", 0, "digests", 0, "sha256", "0" * 64),
        put("topics", 0, "digests", 2, "sha256", 5),
        put("topics", 0, "digests", 2, "more", 5),
        put("topics", 0, "digests", [{"transcripts": 10_000, "sha256": f"{10_000:064}"}]),
        put("topics", 0, "digests", [{"transcripts": 7, "sha256": "0" * 64}]),
    ):
        (folder / "accumulated.json").write_bytes(dump(edited(GENERATED["accumulated"], edit)))
        (line,) = said(folder, files)
        assert line.startswith("accumulated.json differs: first in topics/0/digests")
    write(folder, files)
    assert said(folder, files) == [
        "accumulated.json differs: first in topics/0/digests",
    ]


def test_nothing_to_compare_is_a_difference(folder: Path) -> None:
    files = set_of(7)
    write(folder, files)
    line = "accumulated.json: no digest of primitives was generated, so that there is none to compare"
    assert said(folder, files) == [line]


DAMAGED: dict[bytes, str] = {
    b"": "empty",
    b"[]\n": "not a JSON object",
    b"\xff{}\n": "not UTF-8: byte 0xff",
    b'{"format": 1': "cut off",
    b'{"a": 1, "a": 2}': "the member 'a' stands twice in its object",
    b'{"a": NaNx}': "'NaN' is no integer",
    b'{"a": %s}' % (b"9" * 5000): "a number of more than 640 digits",
    b'{"a": ' * 100_000: "nested deeper than 64 levels",
    b'{"a": 1}': "is not in the one form of these files",
    b" " * (2**20 + 1): "more than 1 MiB",
}


@pytest.mark.parametrize("data", DAMAGED, ids=list(DAMAGED.values()))
@pytest.mark.parametrize("name", ["primitives/mac", "accumulated", "schema/index-1", "index"])
def test_a_damaged_file_has_a_line(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, data: bytes) -> None:
    monkeypatch.setattr(read, "MAX_SIZE", 2**20)
    (folder / f"{name}.json").write_bytes(data)
    (line,) = said(folder)
    assert line.startswith(f"{name}.json")
    assert DAMAGED[data] in line


def folder_in_its_place(path: Path) -> None:
    path.mkdir()


def pipe(path: Path) -> None:
    os.mkfifo(path)


def loop(path: Path) -> None:
    path.symlink_to(path)


@pytest.mark.parametrize("make", [folder_in_its_place, pipe, loop])
@pytest.mark.parametrize("name", ["primitives/mac", "accumulated", "index"])
def test_what_is_no_file_has_a_line(folder: Path, name: str, make: Callable[[Path], None]) -> None:
    path = folder / f"{name}.json"
    path.unlink()
    make(path)
    (line,) = said(folder)
    assert line.startswith(f"{name}.json")


def test_missing_and_further_files(folder: Path) -> None:
    (folder / "index.json").rename(folder / "more.json")
    (folder / "primitives" / "mac.json").unlink()
    assert said(folder) == [
        "primitives/mac.json is missing",
        "index.json is missing",
        "more.json is not part of the set",
    ]
    nothing = said(folder / "nowhere")
    assert len(nothing) == len(GENERATED)
    assert all(line.endswith(" is missing") for line in nothing)


def test_the_published_set_is_the_same_as_its_files() -> None:
    """Real files, with schemas and all digests, against what they hold, and with one hash changed."""
    from nen_ref.vectors.published import published_folder

    paths = sorted(published_folder().rglob("*.json"))
    read = {path.relative_to(published_folder()).with_suffix("").as_posix(): path.read_bytes() for path in paths}
    files = {name: json.loads(data) for name, data in read.items()}
    assert list(differences(published_folder(), files)) == []
    files["accumulated"]["topics"][3]["digests"][0]["sha256"] = "0" * 64
    (line,) = differences(published_folder(), files)
    assert line.endswith("accumulated.json differs: first in topics/3/digests/0/sha256")
