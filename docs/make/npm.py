"""npm packages that the site serves from itself, by npm's own client: `fetch("mermaid")` gives a folder.

The versions of all of them stand here. A package is fetched once and kept in build/npm/, which is not in git.
"""

from __future__ import annotations

import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

VERSIONS = {"mermaid": "12.3.0", "pyodide": "314.0.7"}
CACHE = Path(__file__).parents[2] / "build" / "npm"
SECONDS = 300.0


class NpmError(Exception):
    """npm is not there, or does not give the package; the message says what to do."""


def fetch(package: str, version: str = "", cache: Path = CACHE) -> Path:
    """The folder of the unpacked package, in the version of VERSIONS unless another is named. Raises NpmError."""
    version = version or VERSIONS[package]
    folder = cache / f"{package}-{version}"
    if folder.is_dir():
        return folder
    npm = shutil.which("npm")
    if npm is None:
        raise NpmError("npm is not installed, and the site needs it for diagrams and playground (apt-get install npm)")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as place:
        command = [npm, "pack", f"{package}@{version}", "--pack-destination", place, "--loglevel=error"]
        try:
            packed = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        except subprocess.TimeoutExpired:
            raise NpmError(f"npm has not fetched {package}@{version} within {SECONDS:.0f} s") from None
        archives = list(Path(place).glob("*.tgz"))
        if packed.returncode or not archives:
            raise NpmError(f"npm pack {package}@{version} failed: {packed.stderr.strip() or 'no archive'}")
        with tarfile.open(archives[0]) as archive:
            archive.extractall(place, filter="data")
        try:
            # Renamed when it is complete, so that a run that was interrupted leaves nothing half unpacked.
            Path(place, "package").rename(folder)
        except OSError:
            if not folder.is_dir():  # unless another run was quicker
                raise
    return folder
