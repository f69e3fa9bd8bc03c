"""The suites of vectors, one module for each file of `vectors/`, which has its name."""

from __future__ import annotations

from importlib import import_module
from pkgutil import walk_packages

from nen_ref.vectors.model import VectorSuite


def all_suites() -> dict[str, VectorSuite]:
    """Every suite by the name of its file, such as `primitives/ml_kem_768_decaps`; a module's is its `SUITE`."""
    modules = [import_module(found.name) for found in walk_packages(__path__, f"{__name__}.")]
    suites = [module.SUITE for module in modules if hasattr(module, "SUITE")]
    return {suite.name: suite for suite in sorted(suites, key=lambda suite: suite.name)}
