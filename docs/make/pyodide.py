"""What the playground runs on: Pyodide from its npm package, and the reference as a zip."""

from __future__ import annotations

import io
import shutil
import zipfile
from pathlib import Path

FILES = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")
ROOT = Path(__file__).parents[2]
SOURCES = ("nen_ref/__init__.py", "nen_ref/primitives/*.py", "nen_ref/protocol/*.py", "docs/playground/*.py")


def reference_zip() -> bytes:
    """The primitives, the protocol and the playground's driver: the same bytes for the same sources."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(path for pattern in SOURCES for path in ROOT.glob(pattern)):
            # Without a date of its own the entry would carry that of the build.
            entry = zipfile.ZipInfo(path.relative_to(ROOT).as_posix(), (1980, 1, 1, 0, 0, 0))
            archive.writestr(entry, path.read_bytes())
    return buffer.getvalue()


def write_playground(folder: Path, package: Path) -> None:
    """Put `reference.zip` and `pyodide/` into the page's folder; `package` is the unpacked npm package pyodide."""
    (folder / "pyodide").mkdir(parents=True, exist_ok=True)
    for name in FILES:
        shutil.copyfile(package / name, folder / "pyodide" / name)
    (folder / "reference.zip").write_bytes(reference_zip())
