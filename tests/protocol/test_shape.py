"""What may import what, and that every requirement that is cited exists. Read off the source, by `ast`."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGE = REPOSITORY / "nen_ref"
FILES = sorted(PACKAGE.rglob("*.py"))
LAYERS = ("primitives", "protocol", "stores", "providers", "vectors", "testing", "http", "bench", "conformance", "cli")

# A layer may import itself and these, and the package itself (`__version__`).
MAY_IMPORT = {
    "primitives": set(),
    "protocol": {"primitives"},
    "stores": {"primitives", "protocol"},
    "providers": {"primitives", "protocol"},
    "vectors": {"primitives", "protocol", "providers"},
    "testing": {"primitives", "protocol", "stores"},
    "bench": {"primitives", "protocol", "providers", "vectors"},
    "http": {"primitives", "protocol", "stores", "providers"},
    "conformance": {"primitives", "protocol", "stores", "providers", "vectors"},  # HTTP by itself, not ours
    "cli": set(LAYERS),
}
STANDARD_LIBRARY_ONLY = ("primitives", "protocol")
FORBIDDEN = {
    "time", "datetime", "random", "secrets", "uuid",  # a clock, or chance
    "socket", "asyncio", "threading", "subprocess", "importlib", "ctypes",  # the world outside
}  # fmt: skip


def layer(file: Path) -> str:
    """`primitives`, `protocol`, ...; the empty text for the modules of the package itself."""
    parts = file.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else ""


def imports(file: Path) -> Iterator[str]:
    """The full names of the modules that a file imports, wherever in it; `from a import b` counts as a and as a.b."""
    package = ("nen_ref", *file.relative_to(PACKAGE).parts[:-1])
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join((*above, node.module) if node.module else above)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def imported_layers(file: Path) -> set[str]:
    names = [name.split(".") for name in imports(file) if name.split(".")[0] == "nen_ref"]
    return {name[1] for name in names if len(name) > 1 and (PACKAGE / name[1]).is_dir()}


in_layers = pytest.mark.parametrize(
    "file", [file for file in FILES if layer(file)], ids=lambda file: str(file.relative_to(PACKAGE))
)
in_pure_layers = pytest.mark.parametrize(
    "file",
    [file for file in FILES if layer(file) in STANDARD_LIBRARY_ONLY],
    ids=lambda file: str(file.relative_to(PACKAGE)),
)


def test_every_layer_is_one_that_is_known_here() -> None:
    assert {layer(file) for file in FILES} == {"", *LAYERS}


# The reference as a target of the suite: in processes of their own, with our server and our client in them.
TARGETS = frozenset(
    file
    for pattern in ("harness/reference.py", "mutants/clients*.py", "mutants/servers*.py")
    for file in (PACKAGE / "conformance").glob(pattern)
)


@in_layers
def test_arrows_point_inwards_only(file: Path) -> None:
    allowed = {layer(file)} | MAY_IMPORT[layer(file)] | ({"http"} if file in TARGETS else set())
    assert imported_layers(file) <= allowed


def test_the_suite_does_not_import_its_targets() -> None:
    """But for the catalogue of mutants, and what the process of a mutant runs."""
    harness = PACKAGE / "conformance" / "harness"
    for file in FILES:
        importing = "nen_ref.conformance.harness.reference" in set(imports(file))
        assert not importing or file.parent == PACKAGE / "conformance" / "mutants", file
    assert (harness / "reference.py") in TARGETS


def test_the_search_for_imports_finds_them() -> None:
    assert "http" in imported_layers(PACKAGE / "cli" / "serve.py")
    assert imported_layers(PACKAGE / "protocol" / "handshake.py") == {"primitives", "protocol"}
    assert "httpx2" in {name.split(".")[0] for file in FILES if layer(file) == "http" for name in imports(file)}


@in_pure_layers
def test_primitives_and_protocol_need_the_standard_library_alone(file: Path) -> None:
    outside = {name.split(".")[0] for name in imports(file)} - set(sys.stdlib_module_names) - {"nen_ref"}
    assert outside == set()


@in_pure_layers
def test_primitives_and_protocol_have_no_clock_and_no_chance(file: Path) -> None:
    """All time and all randomness is an argument, so that every answer can be made again."""
    assert {name.split(".")[0] for name in imports(file)} & FORBIDDEN == set()
    if layer(file) == "protocol":
        assert "os" not in {name.split(".")[0] for name in imports(file)}


@in_pure_layers
def test_the_randomness_of_the_system_is_only_ever_the_default_of_random_bytes(file: Path) -> None:
    tree = ast.parse(file.read_bytes())
    defaults: list[ast.expr] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            named = [*node.args.posonlyargs, *node.args.args]
            pairs = [*zip(reversed(named), reversed(node.args.defaults), strict=False)]
            pairs += [(a, d) for a, d in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True) if d is not None]
            defaults += [default for argument, default in pairs if argument.arg == "random_bytes"]
    uses = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == "os"]
    as_default = [d for d in defaults if ast.unparse(d) == "os.urandom"]
    assert len(uses) == len(as_default)
    assert "urandom" not in {name.split(".")[-1] for name in imports(file)}


@in_pure_layers
def test_results_cannot_be_changed(file: Path) -> None:
    """Every dataclass is frozen: what was verified stays what it was."""
    decorators = [
        ast.unparse(decorator)
        for node in ast.walk(ast.parse(file.read_bytes()))
        if isinstance(node, ast.ClassDef)
        for decorator in node.decorator_list
    ]
    assert [decorator for decorator in decorators if "dataclass" in decorator and "frozen=True" not in decorator] == []


# Requirements ------------------------------------------------------------------------------------------------

ID = re.compile(r"\b(?:V[123]|SEAL)-[A-Z]+-\d+\b")
FURTHER = re.compile(r"(\b(?:V[123]|SEAL)-[A-Z]+)-\d+((?:,\s*(?:and\s+)?-\d+)+)")  # V1-AUTH-04, -05, -11
DOCUMENTS = ("v1.md", "v2.md", "v3.md", "seal.md")


def defined() -> list[str]:
    text = "\n".join((REPOSITORY / "spec" / name).read_text("utf-8") for name in DOCUMENTS)
    return re.findall(rf"^\*\*({ID.pattern})\*\*", text, re.MULTILINE)


def cited(text: str) -> set[str]:
    found = set(ID.findall(text))
    for family, numbers in FURTHER.findall(text):
        found |= {f"{family}-{number}" for number in re.findall(r"\d+", numbers)}
    return found


def test_citations_are_found() -> None:
    v1 = "V1"  # so that the examples below are none themselves
    assert cited(f"{v1}-AUTH-04, -05, -11, -13.") == {f"{v1}-AUTH-{n}" for n in ("04", "05", "11", "13")}
    assert cited(f"({v1}-ID-01 to {v1}-ID-05)") == {f"{v1}-ID-01", f"{v1}-ID-05"}


def test_requirements_have_ids_of_their_own() -> None:
    ids = defined()
    assert len(ids) > 80
    assert len(set(ids)) == len(ids)


SOURCES = [*FILES, *sorted((REPOSITORY / "tests").rglob("*.py"))]


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(REPOSITORY)))
def test_every_requirement_that_is_cited_exists(file: Path) -> None:
    assert cited(file.read_text("utf-8")) - set(defined()) == set()


def test_the_specification_cites_what_it_defines() -> None:
    for document in sorted((REPOSITORY / "spec").glob("*.md")):
        assert cited(document.read_text("utf-8")) - set(defined()) == set(), document
