"""What is generated under docs/ is what the code gives; and the harnesses on the page work."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import jsonschema
import pytest

DOCS = Path(__file__).parents[2] / "docs"
CODE = re.compile(r"```(python|javascript)\n(.*?)```", re.DOTALL)


def regenerate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("regenerate", DOCS / "regenerate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_files_are_up_to_date() -> None:
    for name, text in regenerate().generated().items():
        assert (DOCS.parent / name).read_text(encoding="utf-8") == text, f"{name}: run python docs/regenerate.py"


def test_published_schemas_are_schemas() -> None:
    import json

    for file in (DOCS / "schema").glob("*.json"):
        jsonschema.Draft202012Validator.check_schema(json.loads(file.read_text(encoding="utf-8")))


def blocks() -> dict[str, str]:
    return dict(CODE.findall((DOCS / "harness.md").read_text(encoding="utf-8")))


@pytest.mark.parametrize("language", ["python", "javascript"])
def test_the_harnesses_of_the_page_pass(language: str, tmp_path: Path) -> None:
    """Saved as they stand, they are of the protocol, and pass every case that they can do."""
    if language == "javascript" and shutil.which("node") is None:
        pytest.skip("Node is not installed")
    file = tmp_path / {"python": "harness.py", "javascript": "harness.mjs"}[language]
    file.write_text(blocks()[language], encoding="utf-8")
    command = [{"python": sys.executable, "javascript": "node"}[language], str(file)]
    tool = [sys.executable, "-m", "nen_ref", "conformance", "harness"]
    checked = subprocess.run(
        [*tool, "--check", "--", *command], capture_output=True, text=True, timeout=60, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    run = subprocess.run(
        [*tool, "--kind", "library", "--", *command], capture_output=True, text=True, timeout=120, check=False
    )
    assert run.returncode == 0, run.stdout
    verdict = re.search(r"PASSED: all (\d+) cases passed", run.stdout)
    assert verdict is not None, run.stdout
    assert int(verdict[1]) >= 10


def test_every_operation_is_on_the_page() -> None:
    from nen_ref.conformance.harness.operations import OPERATIONS, OPTIONS, TRACE

    page = (DOCS / "harness.md").read_text(encoding="utf-8")
    for name in OPERATIONS:
        assert f"**`{name}`**" in page
    for name in (*OPTIONS, *TRACE):
        assert f"`{name}`" in page


def test_the_examples_of_the_specification_work() -> None:
    """The nonces that its tables show open the events beside them, and the layouts cut at the right places."""
    import base64

    from docs.make import spec_blocks
    from nen_ref.primitives.chacha20_poly1305 import aead_decrypt

    row = re.compile(r"^\| (\d) \| `([0-9a-f]{24})` \| `([0-9a-f]*|\(none\))` \|.*\| `([^`]+)` \|$", re.MULTILINE)
    secret = bytes.fromhex(spec_blocks.step(spec_blocks.vector(spec_blocks.STREAM), "stream.seal")["input"]["secret"])
    rows = row.findall(spec_blocks.example_stream())
    assert [int(i) for i, *_ in rows] == [0, 1, 2, 3]
    for _, nonce, chunk, event in rows:
        opened = aead_decrypt(secret, bytes.fromhex(nonce), base64.b64decode(event))
        assert opened == (b"" if chunk == "(none)" else bytes.fromhex(chunk))


def test_a_block_without_its_markers_is_an_error() -> None:
    from docs.make.spec_blocks import filled

    begin, end = "<!-- a: begin (made by docs/regenerate.py) -->\n", "<!-- a: end -->"
    assert filled(f"x\n{begin}old\n{end}\ny\n", {"a": lambda: "new\n"}) == f"x\n{begin}new\n{end}\ny\n"
    for page in ("", begin, end, begin + end + begin + end, begin + end + begin.replace("a:", "b:")):
        with pytest.raises(ValueError, match="the page"):
            filled(page, {"a": str})


def test_the_diagrams_are_those_of_the_tables() -> None:
    """Every transition and every step is in its picture; the codes of the steps are those that the functions raise."""
    import inspect

    from docs.make import diagrams
    from nen_ref.protocol import verification
    from nen_ref.protocol.session import CLIENT_TRANSITIONS

    assert diagrams.client_states().count(" --> ") == len(CLIENT_TRANSITIONS) + 2
    steps = diagrams.steps()
    assert [number for number, *_ in steps] == list("123456789")
    functions = ("session_header", "session", "shape", "signature_present", "signature", "window", "replay")
    for (_, _, codes), name in zip(steps, (*functions, "payload", "payload"), strict=True):
        told = inspect.getdoc(getattr(verification, f"check_{name}")) or ""
        assert all(code in told for code in codes.split(", ")), name


def test_no_value_of_an_example_is_typed_by_hand() -> None:
    """Every long value of the specification stands inside of a block."""
    spec = DOCS.parent / "spec"
    block = re.compile(r"<!-- (\S+): begin .*?<!-- \1: end -->", re.DOTALL)
    for page in spec.glob("*.md"):
        rest = block.sub("", page.read_text(encoding="utf-8"))
        assert re.findall(r"\b[0-9a-f]{24,}\b|[A-Za-z0-9+/]{40,}=*", rest) == [], page.name
