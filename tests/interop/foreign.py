"""The implementations of tests/interop that share no code with ours, and what one of them cannot offer."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

HERE = Path(__file__).parent
NODE = HERE / "node"
WASM = HERE / "wasm"

# liboqs takes neither seeds nor randomness: these cannot be asked for.
SEEDED = {
    "ml_kem_768.keygen",
    "ml_kem_768.encaps",
    "ml_dsa_65.keygen",
    "ml_dsa_65.sign",
    "handshake.hello",
    "handshake.respond",
    "handshake.finish",
    "v3.hello",
    "v3.respond",
    "v3.finish",
    "v3.attest",
    "seal.seal",
    "seal.sign",
    "seal.frames",
    "seal.fields",
    "seal.webhook",
    "seal.media",
}


def needs(*folders: Path) -> list[pytest.MarkDecorator]:
    """The marks of tests that run these implementations."""
    installed = all((folder / "node_modules").is_dir() for folder in folders)
    return [
        pytest.mark.interop,
        pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed"),
        pytest.mark.skipif(not installed, reason="npm packages are missing: run `make interop`"),
    ]
