"""The checked-in vectors: complete, permanent, attested, and of the one form."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from nen_ref.conformance.requirements import requirements
from nen_ref.protocol.errors import CATALOGUE
from nen_ref.vectors.accumulated import CHECKPOINTS
from nen_ref.vectors.build import calls
from nen_ref.vectors.draw import DEFAULT_SEED
from nen_ref.vectors.exceptions import EXCEPTIONS
from nen_ref.vectors.files import dump
from nen_ref.vectors.model import KINDS
from nen_ref.vectors.published import published_folder
from nen_ref.vectors.read import Folder, read_folder
from nen_ref.vectors.schema import schemas
from nen_ref.vectors.suites import all_suites

REQUIREMENT = re.compile(r"(?:V[123]|SEAL)-[A-Z]+-\d\d")
IDS = Path(__file__).with_name("published_ids.txt")


@pytest.fixture(scope="module")
def published() -> Folder:
    return read_folder(published_folder())


def _tests_of(file: dict[str, Any]) -> list[dict[str, Any]]:
    return [test for group in file["groups"] for test in group["tests"]]


def test_there_is_a_file_for_every_suite(published: Folder) -> None:
    assert published.index["seed"] == DEFAULT_SEED.hex()
    assert list(published.files) == list(all_suites())
    assert published.accumulated is not None
    assert published.searches is not None


def test_there_are_enough_and_enough_of_them_are_negative(published: Folder) -> None:
    totals = published.index["totals"]
    assert totals["vectors"] >= 1500
    assert totals["invalid"] >= 0.4 * totals["vectors"]


def test_ids_are_permanent(published: Folder) -> None:
    """An id that was published stays, with the file that it is in; a new one is added to the list."""
    ids = [id for file in published.files.values() for id in (test["id"] for test in _tests_of(file))]
    listed = IDS.read_text(encoding="utf-8").split()
    assert sorted(set(listed) - set(ids)) == [], "published vectors are gone"
    assert sorted(set(ids) - set(listed)) == [], f"add these to {IDS.name}"


def test_every_event_that_is_named_occurs_and_has_vectors(published: Folder) -> None:
    for entry in published.index["files"]:
        for event, found_at in entry["events"].items():
            assert isinstance(found_at, int), f"{entry['name']}: {event} was not searched for"
            assert entry["flags"].get(event, 0) >= 1, f"{entry['name']}: no vector has the flag {event}"


def test_every_vector_is_attested_by_others_than_ourselves(published: Folder) -> None:
    for name, file in published.files.items():
        needed = 2 if name.startswith("primitives/") else 1
        assert file["least_witnesses"] >= needed, (
            f"{name}: a vector has {file['least_witnesses']} independent witnesses"
        )
        for witness in file["witnesses"]:
            excepted = {
                id for entry in file["exceptions"] if entry["witness"] == witness["name"] for id in entry["tests"]
            }
            assert witness["agreed"] + witness["unable"] + len(excepted) == len(_tests_of(file)), (name, witness)


def test_accumulated_digests_go_to_ten_thousand_by_two(published: Folder) -> None:
    assert published.accumulated is not None
    topics = published.accumulated["topics"]
    assert [topic["name"] for topic in topics] == ["primitives", "handshake", "request", "stream"]
    for topic in topics:
        assert [entry["transcripts"] for entry in topic["digests"]] == list(CHECKPOINTS)
        assert any(witness["independent"] for witness in topic["witnesses"])
        assert {witness["transcripts"] for witness in topic["witnesses"]} == {CHECKPOINTS[-1]}


def test_every_known_fault_of_a_witness_is_shown_by_a_vector(published: Folder) -> None:
    shown = {(entry["witness"], entry["reason"]) for file in published.files.values() for entry in file["exceptions"]}
    assert shown == {(fault.witness, fault.reason) for fault in EXCEPTIONS}


def test_requirements_and_codes_exist(published: Folder) -> None:
    known = {id for document in ("v1", "v2", "v3", "seal") for id in requirements(document)}
    for name, file in published.files.items():
        cited = {*file["covers"]}
        for group in file["groups"]:
            cited |= {*group.get("covers", ())}
            for test in group["tests"]:
                cited |= {*test.get("covers", ())}
        for flag in file["flags"].values():
            assert flag["kind"] in KINDS
            cited |= {*flag["references"]}
        unknown = {id for text in cited for id in REQUIREMENT.findall(text)} - known
        assert not unknown, f"{name} cites {unknown}"
        for *_, claim in calls(file):
            assert set(claim.get("codes", ())) <= set(CATALOGUE)


def test_comments_say_something_and_are_not_copies(published: Folder) -> None:
    """Within one group, two vectors with the same comment would be one for whoever reads it."""
    for name, file in published.files.items():
        for group in file["groups"]:
            if group["comment"] == "random vectors":
                continue
            double = [text for text, count in Counter(test["comment"] for test in group["tests"]).items() if count > 1]
            assert not double, f"{name}: {double[:3]}"


def test_no_input_stands_twice_in_a_file(published: Folder) -> None:
    for name, file in published.files.items():
        if file["operation"] == "steps":
            continue
        seen: dict[str, str] = {}
        for id, _, given, _ in calls(file):
            text = repr(sorted(given.items()))
            assert text not in seen, f"{name}: {id} is {seen.get(text)}"
            seen[text] = id


def test_schemas_are_what_the_code_gives() -> None:
    folder = published_folder() / "schema"
    expected = {name: dump(schema) for name, schema in schemas().items()}
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        Path(name).name: text for name, text in expected.items()
    }


def test_every_file_is_in_its_one_form() -> None:
    import json

    for path in published_folder().rglob("*.json"):
        data = path.read_bytes()
        assert dump(json.loads(data)) == data, path
