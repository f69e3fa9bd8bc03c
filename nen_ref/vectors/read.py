"""Vector files from outside: read, and refused with a sentence that names file, line and vector where they are bad."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

import jsonschema
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from nen_ref.vectors import json_text
from nen_ref.vectors.build import SEVERAL
from nen_ref.vectors.files import ACCUMULATED_FORMAT, FILE_FORMAT, INDEX_FORMAT, SEARCHES_FORMAT
from nen_ref.vectors.json_text import BadText, shown
from nen_ref.vectors.operations import OCTETS, OPERATIONS
from nen_ref.vectors.schema import FILES, schemas

MAX_SIZE, MAX_FOLDER_SIZE = 256 * 2**20, 2**30
"""Bytes of a file, and of all files of a folder. Those of the default seed have 2 MiB at most, and 12 in all; ten
thousand random vectors of one operation, as many as `generate` makes, have 160 MiB at most."""
MAX_VALUES, MAX_FOLDER_VALUES = 2_500_000, 10_000_000
"""Commas and opening brackets: memory is taken by values, of some 100 bytes each, more than by text. Those of the
default seed have one in 100 bytes."""
INDEX_FILE = "index.json"

Json = dict[str, Any]


class BadVectors(Exception):
    """The text says which file, line and vector, and what is wrong there."""


@dataclass(frozen=True)
class Folder:
    """A folder of vectors: its index, its files by name (`v1/payload_open`), and what the index names beside them."""

    path: Path
    index: Json
    files: Mapping[str, Json]
    accumulated: Json | None = None
    searches: Json | None = None


@dataclass
class _Room:
    """What the files of one folder may still take."""

    folder: str
    size: int = field(default_factory=lambda: MAX_FOLDER_SIZE)
    values: int = field(default_factory=lambda: MAX_FOLDER_VALUES)

    def take(self, data: bytes) -> None:
        self.size -= len(data)
        self.values -= _values(data)
        if self.size < 0:
            raise BadVectors(f"{self.folder}: its files have more than {MAX_FOLDER_SIZE // 2**20} MiB")
        if self.values < 0:
            raise BadVectors(f"{self.folder}: its files have more than {MAX_FOLDER_VALUES} commas and brackets")


@dataclass(frozen=True)
class _Document:
    """One file that has been read, and what its people know it by."""

    name: str
    data: bytes
    value: Json

    def bad(self, text: str, *path: str | int) -> BadVectors:
        """Something wrong at this path. In a vector, the line of its id where it is the whole vector that is bad."""
        vector = self._vector(path)
        inner = path[4:] if vector else path
        place = (*path, "id") if vector and not inner and self._has_id(path) else path
        line = json_text.line_of(self.data.decode(), place)
        where = [f"{self.name}, line {line}"]
        where += [vector] if vector else []
        where += ["/".join(str(part) if isinstance(part, int) else _plain(part) for part in inner)] if inner else []
        return BadVectors(": ".join([*where, text]))

    def _vector(self, path: tuple[str | int, ...]) -> str:
        """The id of the vector that a path leads into, or the empty text."""
        if len(path) < 4 or path[0] != "groups" or path[2] != "tests":
            return ""
        id = self._at(path[:4]).get("id") if self._has_id(path) else None
        return _plain(id) if isinstance(id, str) else f"vector {path[3]} of group {path[1]}"

    def _has_id(self, path: tuple[str | int, ...]) -> bool:
        found = self._at(path[:4])
        return isinstance(found, dict) and "id" in found

    def _at(self, path: tuple[str | int, ...]) -> Any:
        found: Any = self.value
        for part in path:
            found = found[part]
        return found


def read_file(path: Path | str) -> Json:
    """One file of vectors, all of it checked but for what only an implementation can say. Raises BadVectors."""
    path = Path(path)
    return _read_vectors(path, str(path)).value


def read_folder(path: Path | str) -> Folder:
    """A folder of vectors as its index describes it. Raises BadVectors."""
    try:
        return _read_folder(Path(path))
    except OSError as fault:
        raise BadVectors(f"{path}: {fault.strerror or fault}") from None


def _read_folder(path: Path) -> Folder:
    if not path.is_dir():
        raise BadVectors(f"{path}: not a folder")
    if not (path / INDEX_FILE).exists():
        raise BadVectors(f"{path}: no {INDEX_FILE}: not a folder of vectors")
    room = _Room(str(path))
    index = _read(path / INDEX_FILE, str(path / INDEX_FILE), INDEX_FORMAT, room)
    _check_names(path, index)
    documents: dict[str, _Document] = {}
    for i, entry in enumerate(index.value["files"]):
        documents[entry["name"]] = document = _read_vectors(path / entry["path"], str(path / entry["path"]), room)
        _check_entry(index, ("files", i), document)
    _check_ids(documents.values())
    _check_totals(index)
    beside = {}
    for name, format in (("accumulated", ACCUMULATED_FORMAT), ("searches", SEARCHES_FORMAT)):
        if name in index.value:
            file = path / index.value[name]["path"]
            document = _read(file, str(file), format, room)
            _check_digest(index, (name,), document)
            _check_seed(index, document)
            if format == ACCUMULATED_FORMAT:
                _check_topics(document)
            beside[name] = document.value
    files = {name: document.value for name, document in documents.items()}
    return Folder(path, index.value, files, beside.get("accumulated"), beside.get("searches"))


def seed_of_folder(path: Path | str) -> str | None:
    """The seed of the set that a folder holds, which its index names; the rest is not looked at. Raises BadVectors."""
    file = Path(path) / INDEX_FILE
    if not file.exists():
        raise BadVectors(f"{path}: no {INDEX_FILE}: not a folder of vectors")
    document = _parsed(file, str(file))
    _check_format(document, INDEX_FORMAT)
    seed = document.value.get("seed", 0)
    if seed is None or isinstance(seed, str):
        return seed
    raise document.bad("the member seed has to be a text or null")


def _read_vectors(path: Path, name: str, room: _Room | None = None) -> _Document:
    document = _read(path, name, FILE_FORMAT, room)
    for check in (_check_name, _check_flags, _check_inputs, _check_results):
        check(document)
    _check_ids([document])
    return document


def _read(path: Path, name: str, format: str, room: _Room | None = None) -> _Document:
    """A JSON file of this format, in its schema."""
    document = _parsed(path, name, room)
    _check_format(document, format)
    for violation in _validator(format).iter_errors(document.value):
        raise document.bad(_complaint(violation), *violation.absolute_path)
    return document


def _parsed(path: Path, name: str, room: _Room | None = None) -> _Document:
    data = bytes_of(path, name)
    if room is not None:
        room.take(data)
    return _Document(name, data, object_of(data, name))


def object_of(data: bytes, name: str) -> Json:
    """The JSON object that a file of this name holds. Raises BadVectors."""
    if _values(data) > MAX_VALUES:
        raise BadVectors(f"{name}: more than {MAX_VALUES} commas and brackets")
    try:
        text = data.decode()
    except UnicodeDecodeError as fault:
        line = data.count(b"\n", 0, fault.start) + 1
        raise BadVectors(f"{name}, line {line}: not UTF-8: byte 0x{data[fault.start]:02x}") from None
    if not text.strip():
        raise BadVectors(f"{name}: empty")
    try:
        value = json_text.loads(text)
    except BadText as fault:
        raise BadVectors(f"{name}, line {fault.line}: {fault}") from None
    if not isinstance(value, dict):
        raise BadVectors(f"{name}, line 1: not a JSON object")
    return value


def _values(data: bytes) -> int:
    """No less than there are values in a JSON text, but for one."""
    return sum(data.count(mark) for mark in b",[{")


def bytes_of(path: Path, name: str) -> bytes:
    """What a file holds, if it is one and not too large. Raises BadVectors, which calls it by this name."""
    try:
        if not path.exists():
            raise BadVectors(f"{name}: no such file")
        if not path.is_file():
            raise BadVectors(f"{name}: not a file")
        with path.open("rb") as file:
            # Python sets aside as many bytes as it is asked to read.
            data = file.read(min(path.stat().st_size, MAX_SIZE) + 1)
    except OSError as fault:
        raise BadVectors(f"{name}: {fault.strerror or fault}") from None
    if len(data) > MAX_SIZE:
        raise BadVectors(f"{name}: more than {MAX_SIZE // 2**20} MiB")
    return data


def _check_format(document: _Document, format: str) -> None:
    written = document.value.get("format")
    kind, number = format.rsplit("/", 1)
    match = re.fullmatch(r"([a-z-]+)/([0-9]{1,9})", written) if isinstance(written, str) else None
    if match is None or match[1] != kind:
        said = "there is none" if "format" not in document.value else f"it is {shown(written)}"
        path = ("format",) if "format" in document.value else ()
        raise document.bad(f"the member format has to be {format}; {said}", *path)
    if int(match[2]) > int(number):
        raise document.bad(f"written in {written}, this reads {format}: a newer nen-ref is needed", "format")


def _check_name(document: _Document) -> None:
    value = document.value
    for g, t, test in _tests(value):
        if not test["id"].startswith(f"{value['name']}/"):
            raise document.bad(f"an id of this file begins with {value['name']}/", "groups", g, "tests", t)


def _check_flags(document: _Document) -> None:
    value = document.value
    for event, entry in value["events"].items():
        if entry["found_at"] is not None and event not in value["flags"]:
            raise document.bad(f"the event {event} has no flag of its name", "events", event)
    for g, t, test in _tests(value):
        for f, flag in enumerate(test["flags"]):
            if flag not in value["flags"]:
                text = f"this file has no flag {flag}{_hint(flag, value['flags'])}"
                raise document.bad(text, *_at(g, t, "flags", f))
    ids = {test["id"] for _, _, test in _tests(value)}
    for e, exception in enumerate(value["exceptions"]):
        for t, id in enumerate(exception["tests"]):
            if id not in ids:
                raise document.bad(f"no vector of this file has the id {id}", "exceptions", e, "tests", t)


def _check_inputs(document: _Document) -> None:
    """What an input lacks is only known when that of its group is added; a step has all of its own (in the schema)."""
    value = document.value
    if value["operation"] == SEVERAL:
        return
    operation = OPERATIONS[value["operation"]]
    needed = set(operation.args) - operation.optional
    for g, t, test in _tests(value):
        for name in sorted(needed - value["groups"][g]["input"].keys() - test["input"].keys()):
            raise document.bad(f"no {name}, neither here nor in the group", *_at(g, t, "input"))


def _check_results(document: _Document) -> None:
    value = document.value
    for g, t, test in _tests(value):
        if value["operation"] == SEVERAL:
            refused = any(step["result"] == "invalid" for step in test["steps"])
            if refused != (test["result"] == "invalid"):
                ought = "some step is invalid" if refused else "no step is invalid"
                raise document.bad(f"{test['result']}, but {ought}", *_at(g, t, "result"))
    for result in ("valid", "invalid"):
        counted = sum(test["result"] == result for _, _, test in _tests(value))
        if value[result] != counted:
            raise document.bad(f"{value[result]}, but there are {counted}", result)


def _check_ids(documents: Iterable[_Document]) -> None:
    seen: dict[str, str] = {}
    for document in documents:
        for g, t, test in _tests(document.value):
            if test["id"] in seen:
                other = seen[test["id"]]
                there = "in this file" if other == document.name else f"in {other}"
                raise document.bad(f"this id stands already {there}", "groups", g, "tests", t)
            seen[test["id"]] = document.name


def _check_names(path: Path, index: _Document) -> None:
    """The index and the folder name the same files."""
    seen: set[str] = set()
    for i, entry in enumerate(index.value["files"]):
        if entry["path"] != f"{entry['name']}.json":
            raise index.bad(f"the path of {entry['name']} has to be {entry['name']}.json", "files", i, "path")
        if entry["name"] in seen:
            raise index.bad(f"{entry['name']} stands here twice", "files", i, "name")
        seen.add(entry["name"])
        if not (path / entry["path"]).exists():
            raise index.bad(f"{entry['path']} is not in the folder", "files", i, "path")
    for name in ("accumulated", "searches"):
        if name in index.value and not (path / index.value[name]["path"]).exists():
            raise index.bad(f"{index.value[name]['path']} is not in the folder", name, "path")
    named = {entry["path"] for entry in index.value["files"]} | {INDEX_FILE}
    named |= {index.value[name]["path"] for name in ("accumulated", "searches") if name in index.value}
    for file in sorted(path.rglob("*.json")):
        relative = file.relative_to(path)
        if relative.parts[0] != "schema" and relative.as_posix() not in named:
            raise BadVectors(f"{file}: not in {INDEX_FILE}")


def _check_entry(index: _Document, place: tuple[str | int, ...], document: _Document) -> None:
    """One file against what the index says of it."""
    entry = index.value["files"][place[1]]
    value = document.value
    if value["name"] != entry["name"]:
        raise document.bad(f"{value['name']}, but the file is that of {entry['name']}", "name")
    _check_digest(index, place, document)
    flags = Counter(flag for _, _, test in _tests(value) for flag in test["flags"])
    there = {
        **{name: value[name] for name in ("title", "operation", "valid", "invalid")},
        "flags": {name: flags[name] for name in value["flags"]},
        "events": {name: event["found_at"] for name, event in value["events"].items()},
    }
    for member, found in there.items():
        if entry[member] != found:
            said, is_ = _first_difference(entry[member], found)
            raise index.bad(f"{said}, but {entry['path']} has {is_}", *place, member)
    _check_seed(index, document)


def _check_seed(index: _Document, document: _Document) -> None:
    if index.value["seed"] != document.value["seed"]:
        raise document.bad("not the seed of the index", "seed")


def _check_topics(document: _Document) -> None:
    """Neither a topic nor a checkpoint of one stands twice."""
    topics: set[str] = set()
    for t, topic in enumerate(document.value["topics"]):
        if topic["name"] in topics:
            raise document.bad(f"{topic['name']} stands here twice", "topics", t, "name")
        topics.add(topic["name"])
        counts: set[int] = set()
        for d, entry in enumerate(topic["digests"]):
            if entry["transcripts"] in counts:
                place = ("topics", t, "digests", d, "transcripts")
                raise document.bad(f"{entry['transcripts']} stands here twice", *place)
            counts.add(entry["transcripts"])


def _first_difference(said: Any, found: Any) -> tuple[str, str]:
    if not isinstance(said, dict):
        return shown(said), shown(found)
    name = min(name for name in said | found if said.get(name, "") != found.get(name, ""))
    both = [f"{name} {values[name]}" if name in values else f"no {name}" for values in (said, found)]
    return both[0], both[1]


def _check_digest(index: _Document, place: tuple[str | int, ...], document: _Document) -> None:
    entry: Any = index.value
    for part in place:
        entry = entry[part]
    found = sha256(document.data).hexdigest()
    if entry["sha256"] != found:
        text = f"{entry['path']} has the SHA-256 {found}: it was changed, or the index is of others"
        raise index.bad(text, *place, "sha256")


def _check_totals(index: _Document) -> None:
    files = index.value["files"]
    counted = {name: sum(entry[name] for entry in files) for name in ("valid", "invalid")}
    counted |= {"files": len(files), "vectors": counted["valid"] + counted["invalid"]}
    for name, said in index.value["totals"].items():
        if said != counted[name]:
            raise index.bad(f"{said}, but the files of the index come to {counted[name]}", "totals", name)


def _tests(value: Json) -> Iterator[tuple[int, int, Json]]:
    for g, group in enumerate(value["groups"]):
        for t, test in enumerate(group["tests"]):
            yield g, t, test


def _at(group: int, test: int, *inner: str | int) -> tuple[str | int, ...]:
    return ("groups", group, "tests", test, *inner)


@cache
def _validator(format: str) -> Any:
    # A schema that names its dialect would be taken from our validator to that of the dialect.
    documents = {
        name: {key: part for key, part in schema.items() if key != "$schema"} for name, schema in schemas().items()
    }
    resources = [(name, DRAFT202012.create_resource(schema)) for name, schema in documents.items()]
    registry: Any = Registry().with_resources(resources)
    return _Validator(documents[FILES[format]], registry=registry)


def _pattern(validator: Any, pattern: str, instance: Any, schema: Mapping[str, Any]) -> Iterator[Any]:
    """As ECMA 262 reads it, where $ is the end and not also the place before a last line end."""
    if not isinstance(instance, str):
        return
    if pattern == OCTETS["pattern"]:  # a group that repeats, which takes 40 times the memory of the text
        good = _is_octets(instance)
    else:
        good = re.search(re.sub(r"\$$", r"\\Z", pattern), instance) is not None
    if not good:
        yield jsonschema.ValidationError("")


def _is_octets(text: str) -> bool:
    """As the pattern of OCTETS asks for it."""
    return len(text) % 2 == 0 and re.fullmatch("[0-9a-f]*", text) is not None


_extend: Any = jsonschema.validators.extend
_Validator = _extend(jsonschema.Draft202012Validator, {"pattern": _pattern})


def _complaint(fault: Any) -> str:
    """What is wrong with a value, for people."""
    value, schema = fault.instance, fault.schema
    match fault.validator:
        case "not":
            return "must not be there"
        case "pattern" if "contentEncoding" in schema:
            size = re.search(r"\{(\d+)\}\$$", schema["pattern"])
            wanted = _bytes(int(size[1]) // 2) if size else "bytes"
            given = f" ({_bytes(len(value) // 2)})" if _is_octets(value) else ""
            return f"{shown(value)}{given} is not {wanted} in lower-case hexadecimal"
        case "pattern":
            return f"{shown(value)} does not match {schema['pattern']}"
        case "enum":
            choice = list(map(str, fault.validator_value))
            known = f"; known: {', '.join(choice)}" if len(choice) <= 8 else ""
            return f"{shown(value)} is unknown{_hint(value, choice) or known}"
        case "required":
            missing = sorted(name for name in fault.validator_value if name not in value)
            return f"lacks {', '.join(missing)}"
        case "additionalProperties":
            extra = sorted(name for name in value if name not in schema["properties"])
            return f"has no member {shown(extra[0])}{_hint(extra[0], schema['properties'])}"
        case "type":
            kinds = [fault.validator_value] if isinstance(fault.validator_value, str) else fault.validator_value
            return f"{shown(value)} is no {' or '.join(kinds)}"
        case "minItems" | "minLength":
            return "is empty"
        case "maxLength":
            return f"{shown(value)} is longer than {fault.validator_value} characters"
        case "uniqueItems":
            return "has an entry twice"
        case "minimum":
            return f"{shown(value)} is less than {fault.validator_value}"
        case "const":
            return f"{shown(value)} is not {shown(fault.validator_value)}"
    return _plain(fault.message)[:200]


def _bytes(size: int) -> str:
    return f"{size} byte{'s' if size != 1 else ''}"


def _hint(name: object, known: Iterable[str]) -> str:
    near = get_close_matches(str(name)[:100], list(islice(known, 1000)), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _plain(text: str) -> str:
    """Printable, and not too long."""
    return text if text.isascii() and text.isprintable() and len(text) <= 200 else shown(text)
