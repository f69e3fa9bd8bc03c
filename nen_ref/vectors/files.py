"""The files of a set: their members in order, their one form as text, and how they are written."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nen_ref.vectors.build import Json
from nen_ref.vectors.model import VectorSuite

if TYPE_CHECKING:
    from nen_ref.vectors.read import Folder

FILE_FORMAT, INDEX_FORMAT = "nen-vectors/1", "nen-vectors-index/1"
ACCUMULATED_FORMAT, SEARCHES_FORMAT = "nen-accumulated/1", "nen-searches/1"
ACCUMULATED, SEARCHES, INDEX = "accumulated", "searches", "index"
BESIDE = (ACCUMULATED, SEARCHES)
"""Names of the files beside those of vectors."""


def file_of(
    seed: str | None, suite: VectorSuite, found: Mapping[str, int], groups: list[Json], randoms: list[Json]
) -> Json:
    """One file, its witnesses still empty."""
    if randoms:
        groups = [*groups, {"comment": "random vectors", "input": {}, "tests": randoms}]
    tests = [test for group in groups for test in group["tests"]]
    used = {flag for test in tests for flag in test["flags"]}
    valid = sum(test["result"] == "valid" for test in tests)
    return {
        "format": FILE_FORMAT,
        "name": suite.name,
        "title": suite.title,
        "operation": suite.operation,
        "covers": list(suite.covers),
        **({"notes": suite.notes} if suite.notes else {}),
        "seed": seed,
        "flags": {
            name: {"kind": flag.kind, "says": flag.says, "effect": flag.effect, "references": list(flag.references)}
            for name, flag in suite.flags.items()
            if name in used
        },
        "events": {event.name: {"says": event.says, "found_at": found.get(event.name)} for event in suite.events},
        "witnesses": [],
        "least_witnesses": 0,
        "exceptions": [],
        "valid": valid,
        "invalid": len(tests) - valid,
        "groups": groups,
    }


def dump(document: Mapping[str, Any]) -> bytes:
    """The one form of a file: JSON in ASCII, indented by one, members in the order of the schema."""
    return (json.dumps(document, indent=1, ensure_ascii=True) + "\n").encode("ascii")


def index_of(files: Mapping[str, Json]) -> Json:
    """index.json: every file with its counts, flags, events and hash."""
    entries = [
        {
            "name": name,
            "path": f"{name}.json",
            "title": file["title"],
            "operation": file["operation"],
            "sha256": hash_of(file),
            "valid": file["valid"],
            "invalid": file["invalid"],
            "flags": flag_counts(file),
            "events": {event: entry["found_at"] for event, entry in file["events"].items()},
        }
        for name, file in files.items()
        if file.get("format") == FILE_FORMAT
    ]
    return index_of_entries(files, entries, {})


def index_of_entries(files: Mapping[str, Json], entries: list[Json], others: Mapping[str, Json]) -> Json:
    """index.json from the entries of its vector files; `others` are kept where `files` has no newer ones."""
    valid, invalid = (sum(entry[result] for entry in entries) for result in ("valid", "invalid"))
    beside = {name: {"path": f"{name}.json", "sha256": hash_of(files[name])} for name in BESIDE if name in files}
    return {
        "format": INDEX_FORMAT,
        "seed": files[SEARCHES]["seed"],
        "totals": {"files": len(entries), "vectors": valid + invalid, "valid": valid, "invalid": invalid},
        "files": entries,
        **others,
        **beside,
    }


def hash_of(file: Json) -> str:
    return sha256(dump(file)).hexdigest()


def flag_counts(file: Json) -> dict[str, int]:
    """How many vectors of a file have each of its flags."""
    tests = [test for group in file["groups"] for test in group["tests"]]
    return {flag: sum(flag in test["flags"] for test in tests) for flag in file["flags"]}


class AnotherSet(Exception):
    """A folder holds vectors of another seed, or something else."""


def check_target(folder: Path, seed: str | None, whole: bool) -> None:
    """Whether a set, or without `whole` a part of one, may be written into a folder; to be asked before the work.

    `seed` is that which the files will show, None for a private set. Raises AnotherSet unless the folder holds nothing
    but a README.md and schemas, or is a set of the same public seed. A whole set replaces even a damaged one of its
    seed; what a part joins has to be sound.
    """
    _target(folder, seed, whole)


def merged(folder: Path, files: Mapping[str, Json]) -> dict[str, Json]:
    """New files of some suites, with searches and an index that hold what the folder has of the others.

    Raises AnotherSet as check_target does.
    """
    old = _target(folder, files[INDEX]["seed"], whole=False)
    if old is None:
        return dict(files)
    found = {**(old.searches or {"found": {}})["found"], **files[SEARCHES]["found"]}
    entries = {entry["name"]: entry for entry in (*old.index["files"], *files[INDEX]["files"])}
    accumulated = {name: old.index[name] for name in (ACCUMULATED,) if name in old.index}
    both = dict(files) | {SEARCHES: files[SEARCHES] | {"found": dict(sorted(found.items()))}}
    return both | {
        INDEX: index_of_entries(both, sorted(entries.values(), key=lambda entry: entry["name"]), accumulated)
    }


def _target(folder: Path, seed: str | None, whole: bool) -> Folder | None:
    """The set that a part of one joins, if the folder has one. Raises AnotherSet."""
    # Not at the top: it takes the formats from here.
    from nen_ref.vectors.read import BadVectors, read_folder, seed_of_folder

    old = None
    try:
        if _is_free(folder):
            return None
        if whole:
            shown = seed_of_folder(folder)
        else:
            old = read_folder(folder)
            shown = old.index["seed"]
    except BadVectors as fault:
        raise AnotherSet(f"{fault}; name an empty folder") from None
    except OSError as fault:
        raise AnotherSet(f"{folder}: {fault.strerror or fault}; name an empty folder") from None
    if seed is None:
        raise AnotherSet(f"{folder} holds a set, which a private one does not replace: name an empty folder")
    if shown != seed:
        raise AnotherSet(f"{folder} holds another set, or a private one: name an empty folder")
    return old


def _is_free(folder: Path) -> bool:
    return not folder.exists() or all(entry.name in ("README.md", "schema") for entry in folder.iterdir())


def write(folder: Path, files: Mapping[str, Json]) -> None:
    """Write files by name, without one that is half written at any time: each is moved into place when it is whole,
    and the index, which holds the hashes of the others, comes last."""
    names = sorted(files, key=lambda name: name == INDEX)
    partial = {name: (folder / f"{name}.json").with_suffix(f".json.{os.getpid()}.part") for name in names}
    try:
        for name in names:
            partial[name].parent.mkdir(parents=True, exist_ok=True)
            partial[name].write_bytes(dump(files[name]))
        for name in names:
            partial[name].replace(folder / f"{name}.json")
    finally:
        for path in partial.values():
            path.unlink(missing_ok=True)
