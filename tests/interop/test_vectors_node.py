"""A person with only Node: the reader of vectors/README.md asks the Node implementation, none of whose code is ours."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.interop.foreign import NODE, needs
from tests.vectors.readers import VECTORS, all_tests, code

pytestmark = needs(NODE)


@pytest.fixture
def reader(tmp_path: Path) -> Path:
    """The TypeScript of the README without its types, as it says."""
    file = tmp_path / "reader.mjs"
    file.write_text(code("TypeScript").replace(": any", ""))
    return file


def read_by_node(reader: Path, folder: Path) -> list[str]:
    done = subprocess.run(
        ["node", "vectors.mjs", str(reader), str(folder)],
        cwd=NODE, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert lines, done.stderr
    assert done.returncode == (0 if " 0 failures" in lines[-1] else 1)
    return lines


def test_node_reads_and_passes_every_vector(reader: Path) -> None:
    count = json.loads((VECTORS / "index.json").read_bytes())["totals"]["vectors"]
    assert read_by_node(reader, VECTORS) == [f"{count} vectors, 0 failures, 0 not offered"]
    assert count == len(list(all_tests(VECTORS)))


def test_node_fails_where_a_vector_is_wrong(reader: Path, tmp_path: Path) -> None:
    """The test of the test: one digit of one output."""
    folder = tmp_path / "vectors"
    file = json.loads((VECTORS / "primitives" / "hmac_sha256.json").read_bytes())
    output = file["groups"][0]["tests"][0]["output"]
    output["mac"] = output["mac"][:-1] + ("0" if output["mac"][-1] != "0" else "1")
    (folder / "primitives").mkdir(parents=True)
    (folder / "primitives" / "hmac_sha256.json").write_text(json.dumps(file))
    (folder / "index.json").write_text(json.dumps({"files": [{"path": "primitives/hmac_sha256.json"}]}))
    *failures, last = read_by_node(reader, folder)
    assert last == f"{file['valid']} vectors, 1 failures, 0 not offered"
    assert failures[0].startswith(f"FAIL {file['groups'][0]['tests'][0]['id']} ")
