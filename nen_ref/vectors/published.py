"""Where the published vectors are: inside of the package in a wheel, beside it in a checkout."""

from __future__ import annotations

from pathlib import Path


def published_folder() -> Path:
    """The folder `vectors/` that belongs to this package."""
    inside = Path(__file__).parent / "published"
    return inside if inside.is_dir() else Path(__file__).parents[2] / "vectors"
