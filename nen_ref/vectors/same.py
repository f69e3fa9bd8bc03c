"""Whether a folder holds exactly what a seed gives.

Who attested a file, and with which version, is of the day on which it was attested, and not of the seed: it is left out
of the comparison. Accumulated digests are compared as far as both go.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nen_ref.vectors.build import Json
from nen_ref.vectors.files import ACCUMULATED, INDEX, dump

OF_THE_DAY = frozenset({"witnesses", "least_witnesses", "exceptions"})


def differences(folder: Path, files: Mapping[str, Json], whole: bool = True) -> Iterator[str]:
    """A line for each file that is not what was generated, or is missing, or, of a whole set, is too many."""
    for name, file in files.items():
        path = folder / f"{name}.json"
        if not path.is_file():
            yield f"{path} is missing"
        elif name != INDEX:
            yield from _differences(path, file)
    if not whole:
        return
    expected = {folder / f"{name}.json" for name in files}
    for path in sorted(folder.rglob("*.json")):
        if path not in expected:
            yield f"{path} is not part of the set"


def _differences(path: Path, file: Json) -> Iterator[str]:
    data = path.read_bytes()
    try:
        found = json.loads(data)
    except ValueError:
        yield f"{path} is not JSON"
        return
    if not isinstance(found, dict) or dump(found) != data:
        yield f"{path} is not in the one form of these files"
    elif _of_the_seed(found, file) != _of_the_seed(file, found):
        yield f"{path} differs: {_first(found, file)}"


def _of_the_seed(file: Mapping[str, Any], other: Mapping[str, Any]) -> Json:
    own = {name: value for name, value in file.items() if name not in OF_THE_DAY}
    if own.get("format", "").startswith(f"nen-{ACCUMULATED}"):
        common = {entry["transcripts"] for topic in other["topics"] for entry in topic["digests"]}
        own["topics"] = [
            {name: value for name, value in topic.items() if name not in OF_THE_DAY}
            | {"digests": [entry for entry in topic["digests"] if entry["transcripts"] in common]}
            for topic in own["topics"]
        ]
    return own


def _first(found: Mapping[str, Any], file: Mapping[str, Any]) -> str:
    """The first vector, or the first member, that is another."""
    tests = [{test["id"]: test for group in one.get("groups", ()) for test in group["tests"]} for one in (found, file)]
    for id in [*tests[1], *tests[0]]:
        if tests[0].get(id) != tests[1].get(id):
            return f"first at {id}"
    return next((f"in {name}" for name in file if found.get(name) != file[name] and name not in OF_THE_DAY), "")
