"""The pages of the code: one for each module of the packages listed here, filled by mkdocstrings."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = (
    "nen_ref/primitives", "nen_ref/protocol", "nen_ref/providers", "nen_ref/stores", "nen_ref/http", "nen_ref/testing",
    "nen_ref/vectors", "nen_ref/conformance",
)  # fmt: skip
"""Without the packages in them: cases, mutants and suites have pages of their own, or are shown as source."""

QUIET = "---\nsearch:\n  exclude: true\n---\n\n"  # an index of all the source would be larger than the site


def modules(root: Path = ROOT) -> list[str]:
    """The modules that get a page, as paths in the repository, in the order of the packages."""
    return [path.relative_to(root).as_posix() for package in PACKAGES for path in sorted((root / package).glob("*.py"))]


def name_of(module: str) -> str:
    """`nen_ref/protocol/sse.py` is `nen_ref.protocol.sse`."""
    return module.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def page_of(module: str) -> str:
    """The path of its page in the site."""
    inner = module.removeprefix("nen_ref/").removesuffix(".py").removesuffix("/__init__")
    return f"reference/{inner}.md" if not module.endswith("__init__.py") else f"reference/{inner}/index.md"


def pages(root: Path = ROOT) -> dict[str, str]:
    """Every page of the reference by its path in the site."""
    found = modules(root)
    made = {page_of(module): f"{QUIET}# `{name_of(module)}`\n\n::: {name_of(module)}\n" for module in found}
    for package in PACKAGES:
        made[page_of(f"{package}/__init__.py")] += "\n" + _table(root, package, found)
    made["reference/index.md"] = _index(root, found)
    return made


def menu(root: Path = ROOT) -> str:
    """The part of mkdocs.yml that names the modules, its last."""
    lines = ["  - Code:", "      - reference/index.md"]
    found = modules(root)
    for package in PACKAGES:
        name = package.removeprefix("nen_ref/")
        lines += [f"      - {name}:", f"          - {page_of(f'{package}/__init__.py')}"]
        inside = [module for module in found if module.rpartition("/")[0] == package]
        lines += [
            f"          - {module.rpartition('/')[2].removesuffix('.py')}: {page_of(module)}"
            for module in inside
            if not module.endswith("__init__.py")
        ]
    return "\n".join(lines) + "\n"


def _table(root: Path, package: str, found: list[str]) -> str:
    inside = [module for module in found if module.rpartition("/")[0] == package and not module.endswith("__init__.py")]
    lines = ["| module | is about |", "|---|---|"]
    for module in inside:
        lines.append(f"| [`{name_of(module).rpartition('.')[2]}`]({module}) | {_says(root / module)} |")
    return "\n".join(lines) + "\n"


def _index(root: Path, found: list[str]) -> str:
    parts = [
        "# The code\n\nEach module with its docstrings and source. `nen_ref.primitives` and `nen_ref.protocol` need "
        "the standard library alone and do no I/O: time and randomness are arguments. It is a reference, **not "
        "constant-time**.\n"
    ]
    for package in PACKAGES:
        parts.append(f"## [`{name_of(package)}`]({package}/__init__.py)\n\n{_table(root, package, found)}")
    return "\n".join(parts)


def _says(path: Path) -> str:
    """The first sentence of a module's docstring, on one line, fit for a table."""
    says = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    paragraph = " ".join(says.partition("\n\n")[0].split())
    return paragraph.replace("|", "\\|")
