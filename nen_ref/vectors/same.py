"""Whether a folder holds exactly what a seed gives.

Who attested a file, and with which version, is of the day on which it was attested, and not of the seed: what these
members hold is left out of the comparison, and nothing else. Of accumulated digests, those that were computed are
compared; the file has to have all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nen_ref.vectors.accumulated import CHECKPOINTS
from nen_ref.vectors.build import Json
from nen_ref.vectors.files import ACCUMULATED, INDEX, dump, index_of
from nen_ref.vectors.read import BadVectors, bytes_of, object_of

OF_THE_DAY = frozenset({"witnesses", "least_witnesses", "exceptions"})


class _Differs(Exception):
    """In what a file differs."""


def differences(folder: Path, files: Mapping[str, Json], whole: bool = True) -> Iterator[str]:
    """A line for each file that is not what was generated, or is missing, or, of a whole set, is too many.

    The index of a whole set holds hashes of its files: where these are right, it has to be the index of them.
    """
    own: dict[str, Json] = {}
    for name, file in files.items():
        if name != INDEX:
            try:
                own[name] = _found(folder / f"{name}.json", name, file)
            except (BadVectors, _Differs) as fault:
                yield str(fault)
    if INDEX in files:
        # Another file that differs has its line: then it is enough that the index is there.
        right = index_of(own) if whole and len(own) == len(files) - 1 else None
        try:
            _check_index(folder / f"{INDEX}.json", right)
        except (BadVectors, _Differs) as fault:
            yield str(fault)
    if not whole:
        return
    expected = {folder / f"{name}.json" for name in files}
    for path in sorted(folder.rglob("*.json")):
        if path not in expected:
            yield f"{path} is not part of the set"


def _found(path: Path, name: str, file: Json) -> Json:
    """What the folder has in the place of this file. Raises _Differs, and BadVectors where it cannot be read."""
    data = _bytes(path)
    if data == dump(file) and name != ACCUMULATED:
        return file
    found = _in_form(path, data)
    wanted = _all_digests(path, found, file) if name == ACCUMULATED else _for_ever(file)
    is_ = _of_topics(found) if name == ACCUMULATED else _for_ever(found)
    if dump(is_) != dump(wanted):
        raise _Differs(f"{path} differs: {_first(is_, wanted)}")
    return found


def _check_index(path: Path, right: Json | None) -> None:
    data = _bytes(path)
    if right is not None and data != dump(right):
        raise _Differs(f"{path} differs: {_first(_in_form(path, data), right)}")


def _bytes(path: Path) -> bytes:
    try:
        missing = not path.exists()
    except OSError as fault:
        raise _Differs(f"{path}: {fault.strerror or fault}") from None
    if missing:
        raise _Differs(f"{path} is missing")
    return bytes_of(path, str(path))


def _in_form(path: Path, data: bytes) -> Json:
    found = object_of(data, str(path))
    if dump(found) != data:
        raise _Differs(f"{path} is not in the one form of these files")
    return found


def _for_ever(value: Mapping[str, Any]) -> Json:
    """Without what the members of the day hold; that they are there, and where, is of the seed."""
    return {name: None if name in OF_THE_DAY else entry for name, entry in value.items()}


def _of_topics(file: Mapping[str, Any]) -> Json:
    """accumulated.json without what the members of the day hold, which its topics have."""
    topics = file.get("topics")
    if not isinstance(topics, list):
        return dict(file)
    return {**file, "topics": [_for_ever(topic) if isinstance(topic, dict) else topic for topic in topics]}


def _all_digests(path: Path, found: Mapping[str, Any], file: Mapping[str, Any]) -> Json:
    """accumulated.json as it has to be: with the digests that were generated, and of the others those it has."""
    wanted = _of_topics(file)
    for at, topic in enumerate(wanted["topics"]):
        generated = {entry["transcripts"]: entry["sha256"] for entry in topic["digests"]}
        if not generated.keys() & set(CHECKPOINTS):
            raise _Differs(f"{path}: no digest of {topic['name']} was generated, so that there is none to compare")
        topic["digests"] = [
            {"transcripts": count, "sha256": generated.get(count) or _sha256(found, at, place)}
            for place, count in enumerate(CHECKPOINTS)
        ]
    return wanted


def _sha256(found: Mapping[str, Any], topic: int, place: int) -> str:
    """The digest that stands there, or no digest."""
    try:
        text = found["topics"][topic]["digests"][place]["sha256"]
    except (LookupError, TypeError):
        return ""
    return text if isinstance(text, str) else ""


def _first(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """Of two objects that differ, the first vector, or else the first member, that is another."""
    path = _first_path(found, wanted)
    if path[:1] == ("groups",) and len(path) > 3:
        vector = wanted["groups"][path[1]]["tests"][path[3]]
        return f"first at {vector['id']}"
    return f"first in {'/'.join(map(str, path))}" if path else "its members are others, or in another order"


def _first_path(found: Any, wanted: Any) -> tuple[str | int, ...]:
    """Where two values differ first; an object or a list as a whole where its members are others."""
    if isinstance(found, dict) and isinstance(wanted, dict) and list(found) == list(wanted):
        names: list[Any] = list(wanted)
    elif isinstance(found, list) and isinstance(wanted, list):
        names = list(range(min(len(found), len(wanted))))
    else:
        return ()
    for name in names:
        if not _same(found[name], wanted[name]):
            return (name, *_first_path(found[name], wanted[name]))
    return ()


def _same(found: Any, wanted: Any) -> bool:
    """Unlike ==, with the order of members, and without 1 for true."""
    return dump({"": found}) == dump({"": wanted})
