"""Vector files that are bad in every way, and the sentence a person gets about each."""

from __future__ import annotations

import copy
import json
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nen_ref.vectors import read
from nen_ref.vectors.files import dump, index_of, write
from nen_ref.vectors.read import BadVectors, read_file, read_folder
from nen_ref.vectors.schema import schemas

Json = dict[str, Any]

SEED = "6e656e2d7265662c20746865207075626c6963207465737420766563746f7273"
COMMON: Json = {
    "format": "nen-vectors/1",
    "seed": SEED,
    "events": {},
    "witnesses": [{"name": "reference", "version": "0.1.0", "independent": False, "agreed": 2, "unable": 0}],
    "least_witnesses": 0,
    "exceptions": [],
}
OPENING: Json = COMMON | {
    "name": "v1/stream_opening",
    "title": "Opening a stream",
    "operation": "stream.open",
    "covers": ["V1-STR-09"],
    "flags": {"Cut": {"kind": "missing check", "says": "the end is missing", "effect": "truncation", "references": []}},
    "valid": 1,
    "invalid": 1,
    "groups": [
        {
            "comment": "one key",
            "input": {"secret": "00" * 32, "base_nonce": "01" * 12},
            "tests": [
                {
                    "id": "v1/stream_opening/whole",
                    "comment": "all of it",
                    "flags": [],
                    "result": "valid",
                    "input": {"pieces": ["6162", "63"]},
                    "output": {"text": "abc"},
                },
                {
                    "id": "v1/stream_opening/cut",
                    "comment": "without its end",
                    "flags": ["Cut"],
                    "covers": ["V1-STR-10"],
                    "result": "invalid",
                    "input": {"pieces": ["6162"]},
                    "codes": ["ISO-7002"],
                    "partial": {"released": "ab"},
                    "intermediate": {"nonces": ["01" * 12]},
                },
            ],
        }
    ],
}
MAC: Json = COMMON | {
    "name": "primitives/mac",
    "title": "HMAC",
    "operation": "hmac_sha256",
    "covers": ["FIPS 198-1"],
    "flags": {},
    "valid": 1,
    "invalid": 0,
    "groups": [
        {
            "comment": "any",
            "input": {},
            "tests": [
                {
                    "id": "primitives/mac/empty",
                    "comment": "nothing",
                    "flags": [],
                    "result": "valid",
                    "input": {"key": "", "message": ""},
                    "output": {"mac": "00" * 32},
                }
            ],
        }
    ],
}
SEALED = {"secret": "00" * 32, "n": "01" * 12, "payload": "{}"}
SESSIONS: Json = COMMON | {
    "name": "v1/sessions",
    "title": "Whole sessions",
    "operation": "steps",
    "covers": ["V1"],
    "flags": {"Damaged": {"kind": "missing check", "says": "s", "effect": "e", "references": []}},
    "valid": 0,
    "invalid": 1,
    "groups": [
        {
            "comment": "any",
            "input": {},
            "tests": [
                {
                    "id": "v1/sessions/damaged",
                    "comment": "two steps",
                    "flags": ["Damaged"],
                    "result": "invalid",
                    "steps": [
                        {
                            "comment": "sealed",
                            "operation": "payload.seal",
                            "result": "valid",
                            "input": SEALED,
                            "output": {"body": "{}"},
                        },
                        {
                            "comment": "opened",
                            "operation": "payload.open",
                            "result": "invalid",
                            "input": {"secret": "00" * 32, "body": "{}"},
                            "codes": ["ISO-6001"],
                        },
                    ],
                }
            ],
        }
    ],
}
SEARCHES: Json = {"format": "nen-searches/1", "seed": SEED, "found": {}}
ACCUMULATED: Json = {"format": "nen-accumulated/1", "seed": SEED, "topics": []}

Edit = Callable[[Any], object]


def vector(document: Json, at: int) -> Json:
    found: Json = document["groups"][0]["tests"][at]
    return found


def put(*path: Any) -> Edit:
    """Sets a member: the last of `path` is its value."""

    def edit(document: Any) -> None:
        for part in path[:-2]:
            document = document[part]
        document[path[-2]] = path[-1]

    return edit


def drop(*path: Any) -> Edit:
    def edit(document: Any) -> None:
        for part in path[:-1]:
            document = document[part]
        del document[path[-1]]

    return edit


def in_test(at: int, edit: Edit) -> Edit:
    return lambda document: edit(vector(document, at))


def edited(document: Json, edit: Edit) -> Json:
    changed = copy.deepcopy(document)
    edit(changed)
    return changed


def complaint(path: Path) -> str:
    """What reading this file or folder says, its own path shortened to its name."""
    reader = read_folder if path.is_dir() else read_file
    with pytest.raises(BadVectors) as caught:
        reader(path)
    return str(caught.value).replace(f"{path}{os.sep}" if path.is_dir() else str(path.parent) + os.sep, "")


def of_text(folder: Path, text: str | bytes) -> str:
    file = folder / "x.json"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return complaint(file)


def folder_of(folder: Path, *documents: Json, index: Edit = lambda index: None) -> Path:
    files: dict[str, Json] = {document["name"]: document for document in documents}
    files |= {"accumulated": ACCUMULATED, "searches": SEARCHES}
    made = index_of(files)
    index(made)
    write(folder, files | {"index": made})
    return folder


def test_good_files_are_read(tmp_path: Path) -> None:
    folder = read_folder(folder_of(tmp_path, MAC, OPENING, SESSIONS))
    assert folder.files == {document["name"]: document for document in (MAC, OPENING, SESSIONS)}
    assert folder.index["totals"] == {"files": 3, "vectors": 4, "valid": 2, "invalid": 2}
    assert (folder.searches, folder.accumulated) == (SEARCHES, ACCUMULATED)
    assert read_file(tmp_path / "v1" / "sessions.json") == SESSIONS


def test_a_folder_needs_no_accumulated_digests(tmp_path: Path) -> None:
    files = {"primitives/mac": MAC, "searches": SEARCHES}
    write(tmp_path, files | {"index": index_of(files)})
    assert read_folder(tmp_path).accumulated is None


NO_JSON = {
    "": "x.json: empty",
    " \n\n": "x.json: empty",
    "[]": "x.json, line 1: not a JSON object",
    "{}": "x.json, line 1: the member format has to be nen-vectors/1; there is none",
    '{\n "a": [1,\n': "x.json, line 3: cut off at column 1: Expecting value",
    '{\n "a": "bc': "x.json, line 2: cut off at column 7: Unterminated string starting at",
    '{\n "a": 1,}': "x.json, line 2: not JSON at column 9: Expecting property name enclosed in double quotes",
    "\n\n# vectors": "x.json, line 3: not JSON at column 1: Expecting value",
    '{"a": 1,\n "a": 2}': "x.json, line 2: the member 'a' stands twice in its object",
    '{"b": {"a": 1},\n "c": [{"a": 1,\n "\\u0061": 2}]}': "x.json, line 3: the member 'a' stands twice in its object",
    '{"a": 1,\n "b": 1.0}': "x.json, line 2: '1.0' is no integer, and vectors have no other numbers",
    '{"a": 1e9}': "x.json, line 1: '1e9' is no integer, and vectors have no other numbers",
    '{"a":\n NaN}': "x.json, line 2: 'NaN' is no integer, and vectors have no other numbers",
    '{"a":\n\n -Infinity}': "x.json, line 3: '-Infinity' is no integer, and vectors have no other numbers",
    '{"a":\n "x\\ud83e"}': "x.json, line 2: half of a surrogate pair, which no UTF-8 text has",
    '{"a":\n "\\udd8a\\ud83e"}': "x.json, line 2: half of a surrogate pair, which no UTF-8 text has",
    '{"a\\uDFFF":\n 1}': "x.json, line 1: half of a surrogate pair, which no UTF-8 text has",
    '{"a": "\\ud83e\\udd8a \\\\ud83e"}': "x.json, line 1: the member format has to be nen-vectors/1; there is none",
    '{"a":\n' + "9" * 5000 + "}": "x.json, line 2: a number of more than 640 digits",
    '{"a":\n' + "9" * 5000 + "x}": "x.json, line 2: a number of more than 640 digits",
    '{"a": ' + "9" * 640 + ',\n"b": -' + "9" * 641 + "}": "x.json, line 2: a number of more than 640 digits",
    '{"a": -' + "9" * 640 + "}": "x.json, line 1: the member format has to be nen-vectors/1; there is none",
    "[1.5x]": "x.json, line 1: '1.5' is no integer, and vectors have no other numbers",
    '["1.5",\n1.5x]': "x.json, line 2: '1.5' is no integer, and vectors have no other numbers",
    '{"a": NaNx}': "x.json, line 1: 'NaN' is no integer, and vectors have no other numbers",
    "[\n-Infinity5]": "x.json, line 2: '-Infinity' is no integer, and vectors have no other numbers",
    '{"a": {"b": 1},\n "c": {"b": 1}, "a":\n 2}': "x.json, line 2: the member 'a' stands twice in its object",
    '{"a":' * 70 + '{"b":1,"b":1}' + "}" * 70: "x.json, line 1: nested deeper than 64 levels",
    '{"a":\n' + "[" * 64 + "]" * 64 + "}": "x.json, line 1: the member format has to be nen-vectors/1; there is none",
    '{"a":\n' + "[" * 64 + "0" + "]" * 64 + "}": "x.json, line 2: nested deeper than 64 levels",
    '{"a":\n' + "[" * 100_000: "x.json, line 2: nested deeper than 64 levels",
    '{"a":\n' + '{"a":' * 100_000: "x.json, line 2: nested deeper than 64 levels",
}


@pytest.mark.parametrize("text", NO_JSON, ids=[ascii(text)[:40] for text in NO_JSON])
def test_text_that_is_no_file_of_vectors(tmp_path: Path, text: str) -> None:
    assert of_text(tmp_path, text) == NO_JSON[text]


def test_bytes_that_are_not_utf8(tmp_path: Path) -> None:
    assert of_text(tmp_path, b'{\n "a": "\xff"}') == "x.json, line 2: not UTF-8: byte 0xff"
    assert of_text(tmp_path, b'{\n "a": "\xed\xa0\x80"}') == "x.json, line 2: not UTF-8: byte 0xed"
    utf16 = dump(MAC).decode().encode("utf-16")
    assert of_text(tmp_path, utf16) == "x.json, line 1: not UTF-8: byte 0xff"


def test_places_that_are_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadVectors, match=r"x\.json: no such file$"):
        read_file(tmp_path / "x.json")
    with pytest.raises(BadVectors, match=r"not a file$"):
        read_file(tmp_path)
    os.mkfifo(tmp_path / "pipe.json")
    assert complaint(tmp_path / "pipe.json") == "pipe.json: not a file"  # and does not wait for somebody to write
    with pytest.raises(BadVectors, match=r"nowhere: not a folder$"):
        read_folder(tmp_path / "nowhere")
    with pytest.raises(BadVectors, match=r"no index\.json: not a folder of vectors$"):
        read_folder(tmp_path)
    for reader in (read_file, read_folder):
        with pytest.raises(BadVectors, match=r": File name too long$"):
            reader(tmp_path / ("x" * 5000))
    monkeypatch.setattr(read, "MAX_SIZE", 2**20)
    assert of_text(tmp_path, b" " * 2**20) == "x.json: empty"
    assert of_text(tmp_path, b" " * (2**20 + 1)) == "x.json: more than 1 MiB"


def test_the_files_of_a_folder_have_a_bound_in_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folder_of(tmp_path, MAC, OPENING)
    texts = [path.read_text() for path in folder.rglob("*.json")]
    size, values = sum(map(len, texts)), sum(text.count(mark) for text in texts for mark in ",[{")
    with monkeypatch.context() as patched:
        patched.setattr(read, "MAX_FOLDER_SIZE", size)
        patched.setattr(read, "MAX_FOLDER_VALUES", values)
        assert len(read_folder(folder).files) == 2
        patched.setattr(read, "MAX_FOLDER_VALUES", values - 1)
        assert complaint_of(folder) == f"its files have more than {values - 1} commas and brackets"
        patched.setattr(read, "MAX_FOLDER_SIZE", size - 1)
        assert complaint_of(folder) == "its files have more than 0 MiB"


def complaint_of(folder: Path) -> str:
    with pytest.raises(BadVectors) as caught:
        read_folder(folder)
    return str(caught.value).removeprefix(f"{folder}: ")


def peak(read: Callable[[], object]) -> int:
    """The memory that reading takes at most, in bytes."""
    tracemalloc.start()
    try:
        read()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


LONG = 2**20
COSTLY: dict[str, Edit] = {
    "hexadecimal": lambda document: put("groups", 0, "tests", 0, "input", "message", "ab" * (LONG // 2))(document),
    "no hexadecimal": lambda document: put("groups", 0, "tests", 0, "input", "message", "a" * LONG + "g")(document),
    "odd": lambda document: put("groups", 0, "tests", 0, "input", "message", "a" * (LONG + 1))(document),
    "id": lambda document: put("groups", 0, "tests", 0, "id", "primitives/mac/a" + "-a" * (LONG // 2))(document),
    "escapes": lambda document: put("groups", 0, "tests", 0, "comment", "\n" * LONG + "\U0001f98a")(document),
}


@pytest.mark.parametrize("kind", COSTLY)
def test_reading_takes_some_times_the_memory_of_the_text(tmp_path: Path, kind: str) -> None:
    """Python's re keeps 84 bytes and more for each repetition of a group."""
    file = tmp_path / "x.json"
    file.write_bytes(dump(edited(MAC, COSTLY[kind])))

    def reading() -> None:
        if kind in ("hexadecimal", "escapes"):
            read_file(file)
        else:
            assert len(complaint(file)) < 300

    read_file_of_nothing(tmp_path)
    assert peak(reading) < 20 * file.stat().st_size


def read_file_of_nothing(folder: Path) -> None:
    """So that schemas and patterns are there already."""
    (folder / "nothing.json").write_bytes(dump(MAC))
    read_file(folder / "nothing.json")


def test_many_small_values_are_refused_before_they_are_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "MAX_VALUES", 500_000)
    file = tmp_path / "x.json"
    for text in ("[],", "{},", '["a"],'):
        file.write_text('{"format": "nen-vectors/1", "a": [' + text * 600_000 + "0]}")
        assert peak(lambda: complaint(file)) < 4 * file.stat().st_size
        assert complaint(file) == "x.json: more than 500000 commas and brackets"
    file.write_text('{"a": [' + "0," * 499_998 + "0]}")  # two brackets and these commas: the most there may be
    assert complaint(file).startswith("x.json, line 1: the member format has to be")


def test_a_folder_without_vector_files_is_read(tmp_path: Path) -> None:
    """As `generate --suite accumulated` makes it."""
    folder = read_folder(folder_of(tmp_path))
    assert (folder.files, folder.index["files"]) == ({}, [])
    assert (folder.searches, folder.accumulated) == (SEARCHES, ACCUMULATED)


WHOLE, CUT = "v1/stream_opening/whole", "v1/stream_opening/cut"
LONG_ID = f"v1/stream_opening/{'x' * 183}"
SHOWN_ID = f"'v1/stream_opening/{'x' * 45}... (203 characters)"
BAD_FILES: list[tuple[Json, Edit, str]] = [
    (OPENING, put("format", "nen-vectors/2"),
     "line 2: format: written in nen-vectors/2, this reads nen-vectors/1: a newer nen-ref is needed"),
    (OPENING, put("format", "nen-vectors-index/1"),
     "line 2: format: the member format has to be nen-vectors/1; it is 'nen-vectors-index/1'"),
    (OPENING, put("format", 1), "line 2: format: the member format has to be nen-vectors/1; it is 1"),
    (OPENING, put("format", "nen-vectors/0"), "line 2: format: 'nen-vectors/0' is not 'nen-vectors/1'"),
    (OPENING, put("name", "stream"), "line 16: name: 'stream' does not match ^[a-z0-9]+/[a-z0-9_]+$"),
    (OPENING, put("name", "v1/opening"), f"line 41: {WHOLE}: an id of this file begins with v1/opening/"),
    (OPENING, put("operation", "stream.opne"),
     "line 18: operation: 'stream.opne' is unknown; did you mean stream.open?"),
    (OPENING, put("seed", "00"), "line 3: seed: '00' (1 byte) is not 32 bytes in lower-case hexadecimal"),
    (OPENING, put("seed", "\u2028"), "line 3: seed: '\\u2028' is not 32 bytes in lower-case hexadecimal"),
    (OPENING, put("note", 1), "line 1: has no member 'note'; did you mean notes?"),
    (OPENING, put("valdi", 1), "line 1: has no member 'valdi'; did you mean valid?"),
    (OPENING, drop("valid"), "line 1: lacks valid"),
    (OPENING, put("valid", 2), "line 30: valid: 2, but there are 1"),
    (OPENING, put("invalid", 0), "line 31: invalid: 0, but there are 1"),
    (OPENING, put("invalid", -1), "line 31: invalid: -1 is less than 0"),
    (OPENING, put("flags", "Cut", "kind", "odd"),
     "line 24: flags/Cut/kind: 'odd' is unknown; known: basic, edge case, missing check, wrong computation, "
     "malleability, wrong order, confusion"),
    (OPENING, put("flags", "cut", {}), "line 22: flags: 'cut' does not match ^[A-Z][A-Za-z0-9]*$"),
    (OPENING, put("events", {"Rare": {"says": "s", "found_at": 3}}),
     "line 5: events/Rare: the event Rare has no flag of its name"),
    (OPENING, put("exceptions", [{"witness": "w", "tests": [f"{CUT}-off"], "reason": "r", "source": "s"}]),
     f"line 19: exceptions/0/tests/0: no vector of this file has the id {CUT}-off"),
    (OPENING, put("groups", []), "line 32: groups: is empty"),
    (OPENING, put("groups", 0, "tests", []), "line 39: groups/0/tests: is empty"),
    (OPENING, put("groups", 0, "input", "key", ""), "line 35: groups/0/input: has no member 'key'"),
    (OPENING, put("groups", 0, "input", "base_nonce", "01" * 13),
     "line 37: groups/0/input/base_nonce: '01010101010101010101010101' (13 bytes) is not 12 bytes in lower-case "
     "hexadecimal"),
    (OPENING, put("groups", 0, "input", "secret", "00" * 32 + "\n"),
     f"line 36: groups/0/input/secret: '{'00' * 32}\\n' is not 32 bytes in lower-case hexadecimal"),
    (OPENING, in_test(0, put("id", CUT)), f"line 56: {CUT}: this id stands already in this file"),
    (OPENING, in_test(0, put("id", "Whole")),
     "line 41: Whole: id: 'Whole' does not match ^[a-z0-9]+/[a-z0-9_]+/[a-z0-9]+(-[a-z0-9]+)*$"),
    (OPENING, in_test(0, put("id", LONG_ID)), f"line 41: {SHOWN_ID}: id: {SHOWN_ID} is longer than 200 characters"),
    (OPENING, in_test(0, put("id", 7)), "line 41: vector 0 of group 0: id: 7 is no string"),
    (OPENING, put("groups", 0, "tests", 1, 0), "line 55: vector 1 of group 0: 0 is no object"),
    (OPENING, in_test(1, put("flags", ["Cutt"])),
     f"line 59: {CUT}: flags/0: this file has no flag Cutt; did you mean Cut?"),
    (OPENING, in_test(1, put("flags", [])), f"line 58: {CUT}: flags: is empty"),
    (OPENING, in_test(1, put("flags", ["Cut", "Cut"])), f"line 58: {CUT}: flags: has an entry twice"),
    (OPENING, in_test(1, put("result", "acceptable")),
     f"line 64: {CUT}: result: 'acceptable' is unknown; known: valid, invalid"),
    (OPENING, in_test(1, put("result", "valid")), f"line 70: {CUT}: codes: must not be there"),
    (OPENING, in_test(1, put("codes", ["ISO-9999"])),
     f"line 71: {CUT}: codes/0: 'ISO-9999' is unknown; did you mean ISO-9000?"),
    (OPENING, in_test(1, put("codes", [])), f"line 70: {CUT}: codes: is empty"),
    (OPENING, in_test(1, drop("codes")), f"line 56: {CUT}: lacks codes"),
    (OPENING, in_test(1, put("output", {"text": "ab"})), f"line 81: {CUT}: output: must not be there"),
    (OPENING, in_test(1, put("partial", {"text": "ab"})), f"line 73: {CUT}: partial: has no member 'text'"),
    (OPENING, in_test(1, put("intermediate", "none")), f"line 76: {CUT}: intermediate: 'none' is no object"),
    (OPENING, in_test(0, put("reuslt", "valid")), f"line 41: {WHOLE}: has no member 'reuslt'; did you mean result?"),
    (OPENING, in_test(0, drop("output")), f"line 41: {WHOLE}: lacks output"),
    (OPENING, in_test(0, put("output", {})), f"line 51: {WHOLE}: output: lacks text"),
    (OPENING, in_test(0, put("output", {"text": "abc", "more": 1})), f"line 51: {WHOLE}: output: has no member 'more'"),
    (OPENING, in_test(0, put("partial", {"released": "ab"})), f"line 54: {WHOLE}: partial: must not be there"),
    (OPENING, in_test(0, put("input", {})), f"line 45: {WHOLE}: input: no pieces, neither here nor in the group"),
    (OPENING, in_test(0, put("input", "pieces", [1])), f"line 47: {WHOLE}: input/pieces/0: 1 is no string"),
    (OPENING, in_test(0, put("input", "pieces", ["6162", "6G"])),
     f"line 48: {WHOLE}: input/pieces/1: '6G' is not bytes in lower-case hexadecimal"),
    (OPENING, in_test(0, put("input", "pieces", ["AB"])),
     f"line 47: {WHOLE}: input/pieces/0: 'AB' is not bytes in lower-case hexadecimal"),
    (OPENING, in_test(0, put("steps", [])), f"line 41: {WHOLE}: has no member 'steps'"),
    (MAC, in_test(0, put("result", "invalid")), "line 39: primitives/mac/empty: output: must not be there"),
    (MAC, in_test(0, lambda test: test.update(result="invalid", flags=["Bad"], codes=["ISO-3002"])),
     "line 44: primitives/mac/empty: codes: must not be there"),
    (SESSIONS, in_test(0, put("result", "valid")),
     "line 43: v1/sessions/damaged: result: valid, but some step is invalid"),
    (SESSIONS, in_test(0, put("steps", 1, "operation", "payload.opne")),
     "line 60: v1/sessions/damaged: steps/1/operation: 'payload.opne' is unknown; did you mean payload.open?"),
    (SESSIONS, in_test(0, drop("steps", 0, "input", "n")), "line 49: v1/sessions/damaged: steps/0/input: lacks n"),
    (SESSIONS, in_test(0, put("steps", 0, "input", "n", "01")),
     "line 51: v1/sessions/damaged: steps/0/input/n: '01' (1 byte) is not 12 bytes in lower-case hexadecimal"),
    (SESSIONS, in_test(0, drop("steps", 1, "codes")), "line 58: v1/sessions/damaged: steps/1: lacks codes"),
    (SESSIONS, in_test(0, put("input", {})), "line 38: v1/sessions/damaged: has no member 'input'"),
    (SESSIONS, put("groups", 0, "input", {"n": ""}), "line 35: groups/0/input: has no member 'n'"),
]  # fmt: skip


@pytest.mark.parametrize(("document", "edit", "expected"), BAD_FILES, ids=[expected for _, _, expected in BAD_FILES])
def test_a_bad_file(tmp_path: Path, document: Json, edit: Edit, expected: str) -> None:
    assert of_text(tmp_path, dump(edited(document, edit))) == f"x.json, {expected}"


OTHER = edited(MAC, put("name", "primitives/other"))
ZERO = "0" * 64
BAD_INDEXES: list[tuple[Edit, str]] = [
    (put("format", "nen-vectors-index/9"), "index.json, line 2: format: written in nen-vectors-index/9, this reads "
     "nen-vectors-index/1: a newer nen-ref is needed"),
    (put("seed", None), "primitives/mac.json, line 3: seed: not the seed of the index"),
    (put("totals", "vectors", 9), "index.json, line 6: totals/vectors: 9, but the files of the index come to 3"),
    (put("totals", "invalid", 0), "index.json, line 8: totals/invalid: 0, but the files of the index come to 1"),
    (put("files", 1, "name", "primitives/mac"),
     "index.json, line 24: files/1/path: the path of primitives/mac has to be primitives/mac.json"),
    (put("files", 1, "path", "../../stream.json"),
     "index.json, line 24: files/1/path: '../../stream.json' does not match ^[a-z0-9]+/[a-z0-9_]+\\.json$"),
    (lambda index: index["files"].append(index["files"][0]),
     "index.json, line 36: files/2/name: primitives/mac stands here twice"),
    (lambda index: index["files"].append(index["files"][0] | {"name": "v1/no", "path": "v1/no.json"}),
     "index.json, line 37: files/2/path: v1/no.json is not in the folder"),
    (drop("files", 1), "v1/stream_opening.json: not in index.json"),
    (put("files", 1, "valid", 5), "index.json, line 28: files/1/valid: 5, but v1/stream_opening.json has 1"),
    (put("files", 1, "title", "Other"),
     "index.json, line 25: files/1/title: 'Other', but v1/stream_opening.json has 'Opening a stream'"),
    (put("files", 1, "operation", "payload.open"),
     "index.json, line 26: files/1/operation: 'payload.open', but v1/stream_opening.json has 'stream.open'"),
    (put("files", 1, "flags", "Cut", 4),
     "index.json, line 30: files/1/flags: Cut 4, but v1/stream_opening.json has Cut 1"),
    (put("files", 1, "flags", {}), "index.json, line 30: files/1/flags: no Cut, but v1/stream_opening.json has Cut 1"),
    (put("files", 1, "events", {"Rare": 4}),
     "index.json, line 33: files/1/events: Rare 4, but v1/stream_opening.json has no Rare"),
    (put("searches", "path", "found.json"), "index.json, line 41: searches/path: found.json is not in the folder"),
    (drop("searches"), "searches.json: not in index.json"),
    (drop("totals"), "index.json, line 1: lacks totals"),
]  # fmt: skip


@pytest.mark.parametrize(("edit", "expected"), BAD_INDEXES, ids=[expected for _, expected in BAD_INDEXES])
def test_a_bad_index(tmp_path: Path, edit: Edit, expected: str) -> None:
    assert complaint(folder_of(tmp_path, MAC, OPENING, index=edit)) == expected


def test_a_file_that_was_changed(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, MAC, OPENING)
    changed = dump(edited(MAC, in_test(0, put("comment", "something else"))))
    (folder / "primitives" / "mac.json").write_bytes(changed)
    said = complaint(folder)
    assert said.startswith("index.json, line 16: files/0/sha256: primitives/mac.json has the SHA-256 ")
    assert said.endswith(": it was changed, or the index is of others")
    for name, line in (("accumulated", 38), ("searches", 42)):
        folder_of(tmp_path, MAC, OPENING)
        (folder / f"{name}.json").write_bytes(b" " + (folder / f"{name}.json").read_bytes())
        assert complaint(folder).startswith(f"index.json, line {line}: {name}/sha256: {name}.json has the SHA-256 ")


def test_a_file_in_the_place_of_another(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, MAC, OPENING)
    (folder / "primitives" / "mac.json").write_bytes((folder / "v1" / "stream_opening.json").read_bytes())
    expected = "primitives/mac.json, line 16: name: v1/stream_opening, but the file is that of primitives/mac"
    assert complaint(folder) == expected


def test_a_bad_file_in_a_folder_is_named(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, MAC, OPENING)
    text = (folder / "v1" / "stream_opening.json").read_text()
    (folder / "v1" / "stream_opening.json").write_text(text[: text.index('"codes"')])
    expected = "v1/stream_opening.json, line 70: cut off at column 6: Expecting property name enclosed in double quotes"
    assert complaint(folder) == expected
    (folder / "v1" / "stream_opening.json").unlink()
    assert complaint(folder) == "index.json, line 24: files/1/path: v1/stream_opening.json is not in the folder"


def test_an_id_in_two_files(tmp_path: Path) -> None:
    """An id begins with the name of its file, so that this needs two files of one name."""
    twin = edited(MAC, put("name", "primitives/mac"))
    folder = folder_of(tmp_path, MAC)
    (folder / "primitives" / "twin.json").write_bytes(dump(twin))
    assert complaint(folder) == "primitives/twin.json: not in index.json"
    documents = [read._read_vectors(folder / "primitives" / f"{name}.json", name) for name in ("mac", "twin")]
    with pytest.raises(BadVectors) as caught:
        read._check_ids(documents)
    assert str(caught.value) == "twin, line 31: primitives/mac/empty: this id stands already in mac"


def test_accumulated_digests_and_searches_have_schemas_too(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, MAC)
    (folder / "searches.json").write_bytes(dump(SEARCHES | {"found": {"v1/x": {"Rare": -1}}}))
    assert complaint(folder) == "searches.json, line 6: found/v1/x/Rare: -1 is less than 0"
    folder_of(tmp_path, MAC)
    (folder / "accumulated.json").write_bytes(dump(ACCUMULATED | {"format": "nen-accumulated/3"}))
    assert complaint(folder).endswith("this reads nen-accumulated/1: a newer nen-ref is needed")


TOPIC: Json = {
    "name": "stream",
    "covers": ["V1"],
    "transcript": ["draw"],
    "digests": [{"transcripts": 100, "sha256": "00" * 32}, {"transcripts": 1000, "sha256": "01" * 32}],
    "witnesses": [],
}
BAD_TOPICS: list[tuple[Edit, str]] = [
    (put("topics", 0, "name", "straem"), "line 6: topics/0/name: 'straem' is unknown; did you mean stream?"),
    (put("topics", 1, "name", "stream"), "line 26: topics/1/name: stream stands here twice"),
    (put("topics", 0, "digests", 1, "transcripts", 100),
     "line 19: topics/0/digests/1/transcripts: 100 stands here twice"),
    (put("seed", None), "line 3: seed: not the seed of the index"),
]  # fmt: skip


@pytest.mark.parametrize(("edit", "expected"), BAD_TOPICS, ids=[expected for _, expected in BAD_TOPICS])
def test_bad_accumulated_digests(tmp_path: Path, edit: Edit, expected: str) -> None:
    accumulated = ACCUMULATED | {"topics": [TOPIC, TOPIC | {"name": "request"}]}
    for document in (accumulated, edited(accumulated, edit)):
        files = {MAC["name"]: MAC, "accumulated": document, "searches": SEARCHES}
        write(tmp_path, files | {"index": index_of(files)})
        if document is accumulated:
            assert read_folder(tmp_path).accumulated == accumulated
    assert complaint(tmp_path) == f"accumulated.json, {expected}"


def test_long_and_unprintable_values_do_not_flood_the_terminal(tmp_path: Path) -> None:
    for value in ("x" * 10_000, "\x1b[2J" * 1000, "\ud800" * 1000, ["x" * 100] * 100):
        for edit in (put("title", [value]), put("\x1b" * 1000, value), in_test(0, put("id", value))):
            said = of_text(tmp_path, dump(edited(MAC, edit)))
            assert len(said) < 500
            assert said.isprintable()
            assert said.isascii()


TEXT = dump(OPENING)


def read_or_refused(folder: Path, data: bytes) -> None:
    file = folder / "x.json"
    file.write_bytes(data)
    said = f"{file}"
    try:
        read_file(file)
    except BadVectors as fault:
        said = str(fault)
    assert said.startswith(f"{file}")
    assert said.isprintable()


@settings(max_examples=500)
@given(st.integers(0, len(TEXT) - 2))
def test_every_truncation_is_refused(tmp_path_factory: pytest.TempPathFactory, size: int) -> None:
    """But for that of the line end, which is not JSON's."""
    file = tmp_path_factory.mktemp("cut") / "x.json"
    file.write_bytes(TEXT[:size])
    with pytest.raises(BadVectors):
        read_file(file)


@settings(max_examples=500)
@given(st.integers(0, len(TEXT) - 1), st.integers(1, 255))
def test_no_changed_byte_gives_another_exception(
    tmp_path_factory: pytest.TempPathFactory, place: int, change: int
) -> None:
    data = bytearray(TEXT)
    data[place] ^= change
    read_or_refused(tmp_path_factory.mktemp("flip"), bytes(data))


@settings(max_examples=500)
@given(st.lists(st.sampled_from(['{"a":', "}", "[", "]", ",", '"a":', '"', "\\", "1", "1.5", "-", "e", "x", "NaN",
                                 "-Infinity", "9" * 700, "\\ud83e", "true", "\n", " "]), max_size=12))  # fmt: skip
def test_no_tokens_give_another_exception(tmp_path_factory: pytest.TempPathFactory, tokens: list[str]) -> None:
    read_or_refused(tmp_path_factory.mktemp("tokens"), "".join(tokens).encode())


@given(st.binary(max_size=200))
def test_no_bytes_give_another_exception(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    read_or_refused(tmp_path_factory.mktemp("any"), data)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.data())
def test_no_value_anywhere_gives_another_exception(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    document: Any = copy.deepcopy(data.draw(st.sampled_from([OPENING, SESSIONS])))
    place = document
    while True:
        key = data.draw(st.sampled_from(list(place) if isinstance(place, dict) else range(len(place))))
        if not isinstance(place[key], dict | list) or not place[key] or data.draw(st.integers(0, 3)) == 0:
            break
        place = place[key]
    place[key] = data.draw(ANYTHING)
    read_or_refused(tmp_path_factory.mktemp("value"), dump(document))


def test_the_schemas_are_schemas_and_closed() -> None:
    for name, schema in schemas().items():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert json.loads(json.dumps(schema))["$id"] == name
        assert list(open_objects(schema, name)) in ([], ["vectors-1.json/$defs/test/properties/intermediate"])


def open_objects(schema: Any, path: str) -> list[str]:
    """Objects of a schema that may have members it does not name."""
    if isinstance(schema, list):
        return [found for i, entry in enumerate(schema) for found in open_objects(entry, f"{path}/{i}")]
    if not isinstance(schema, dict):
        return []
    own = [path] if schema.get("type") == "object" and schema.get("additionalProperties", True) is True else []
    return own + [found for name, entry in schema.items() for found in open_objects(entry, f"{path}/{name}")]


def test_references_between_schemas_lead_somewhere() -> None:
    documents = schemas()

    def references(schema: Any) -> list[str]:
        if isinstance(schema, list):
            return [found for entry in schema for found in references(entry)]
        if not isinstance(schema, dict):
            return []
        own = [schema["$ref"]] if isinstance(schema.get("$ref"), str) else []
        return own + [found for entry in schema.values() for found in references(entry)]

    for name, schema in documents.items():
        for reference in references(schema):
            file, _, pointer = reference.partition("#/$defs/")
            target = documents[file or name]
            assert not pointer or pointer in target["$defs"], (name, reference)
