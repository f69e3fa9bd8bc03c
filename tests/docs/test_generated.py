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
        assert (DOCS / name).read_text(encoding="utf-8") == text, f"docs/{name}: run python docs/regenerate.py"


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
