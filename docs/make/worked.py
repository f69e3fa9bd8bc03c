"""The pages side by side: `expand` puts the reference's source and worked examples where a page asks for them.

A page asks by a line of its own:

    <!-- contents -->                                   a list of links to the sections of the page
    <!-- algorithm -->                                  what follows stands left of the code that follows it
    <!-- code: nen_ref.primitives.ml_kem.sample_ntt --> the source of a function, class or constant
    <!-- worked: ml_kem.sample_ntt -->                  a worked example, computed while the page is built

The source is read from the file, so that a page cannot show another; an example whose final values are not those of
its vector raises `WorkedError`, and so does a name that does not exist.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

from docs.make import worked_dsa, worked_kem, worked_protocol, worked_symmetric, worked_v3_primitives, worked_versions
from docs.make.worked_model import Example, Make, WorkedError, table

ROOT = Path(__file__).parents[2]
UP = "../.."  # from a page, docs/side-by-side/NAME.md, to the root of the repository

EXAMPLES: dict[str, Make] = (
    worked_kem.EXAMPLES
    | worked_dsa.EXAMPLES
    | worked_symmetric.EXAMPLES
    | worked_v3_primitives.EXAMPLES
    | worked_protocol.EXAMPLES
    | worked_versions.EXAMPLES
)
"""Every worked example by its name."""

_DIRECTIVE = re.compile(r"<!-- (?P<kind>contents|algorithm|code|worked)(?:: (?P<name>[\w.]+))? -->")
_ATTEMPT = re.compile(r"<!--\s*(?:contents|algorithm|code|worked)\b|<!-- [a-z]+: [\w.]+ -->")
_SECTION = re.compile(r"^## (?P<title>.+?) \{ #(?P<anchor>[\w-]+) \}$", re.MULTILINE)
_FENCE = re.compile(r"^(```|~~~)", re.MULTILINE)


def expand(text: str) -> str:
    """The page with every directive replaced; a page without any comes back as it is. Raises WorkedError."""
    if not _DIRECTIVE.search(text):
        return text
    _check(text)
    parts: list[str] = []
    column = ""  # of the two columns, the one that is open: "", "algorithm" or "code"
    for line in text.splitlines():
        found = _DIRECTIVE.fullmatch(line)
        kind, name = (found["kind"], found["name"] or "") if found else ("", "")
        if column == "code" and kind != "code" and line:
            parts.append("</div>\n</div>\n")
            column = ""
        if kind == "algorithm":
            parts.append('<div class="side-by-side" markdown>\n<div class="side-algorithm" markdown>\n')
            column = "algorithm"
        elif kind == "code":
            if column == "algorithm":
                parts.append('</div>\n<div class="side-code" markdown>\n')
                column = "code"
            parts.append(code_block(name))
        elif kind == "worked":
            parts.append(worked_block(name))
        elif kind == "contents":
            parts.append(contents(text))
        else:
            parts.append(line)
    if column:
        parts.append("</div>\n</div>\n")
    return "\n".join(parts) + "\n"


def _check(text: str) -> None:
    """A mistyped directive would vanish from the page as a comment. Raises WorkedError."""
    for line in text.splitlines():
        found = _DIRECTIVE.fullmatch(line)
        named = found is not None and (found["name"] is not None) == (found["kind"] in ("code", "worked"))
        if _ATTEMPT.search(line) and not named:
            raise WorkedError(f"not a directive: {line!r}")


def directives(text: str, kind: str) -> list[str]:
    """The names that a page asks for by directives of one kind."""
    found = [_DIRECTIVE.fullmatch(line) for line in text.splitlines()]
    return [match["name"] or "" for match in found if match and match["kind"] == kind]


def contents(text: str) -> str:
    """Links to the sections of a page. Each has its anchor behind its title: `## Title { #anchor }`."""
    links = [f"[{match['title']}](#{match['anchor']})" for match in _SECTION.finditer(text)]
    return '<div class="side-contents" markdown>\n\n' + " · ".join(links) + "\n\n</div>\n"


def worked_block(name: str) -> str:
    """A worked example as a table. Raises WorkedError."""
    if name not in EXAMPLES:
        raise WorkedError(f"no worked example {name!r}")
    return f'<div class="side-worked" markdown>\n\n{table(example(name))}\n</div>\n'


@cache
def example(name: str) -> Example:
    """The example of that name, computed. Raises WorkedError unless its final values are those of its vector."""
    return EXAMPLES[name]().checked(name)


def code_block(name: str) -> str:
    """The source of `nen_ref.package.module.name` as a fenced block, and a link to its page of the reference."""
    path, lines, first = _found(name)
    short = name.removeprefix(_module_name(path) + ".")
    link = f"[`{short}`]({UP}/{path.relative_to(ROOT)}#{short})"
    return f"{link} · `{path.name}`, line {first}\n{{ .side-source }}\n\n```python\n{lines}\n```\n"


def source(name: str) -> str:
    """The source of a function, method, class or constant, as it stands in its file. Raises WorkedError."""
    return _found(name)[1]


def _found(name: str) -> tuple[Path, str, int]:
    """The file, the source and the number of its first line."""
    path, names = _file_of(name)
    text, body = _parsed(path)
    node: ast.stmt | None = None
    for part in names:
        matches = [entry for entry in body if part in _names(entry)]
        if not matches:
            raise WorkedError(f"there is no {name} in {path.relative_to(ROOT)}")
        node = matches[0]
        body = getattr(node, "body", [])
    assert node is not None, "a name has at least one part behind its module"
    decorators = getattr(node, "decorator_list", [])
    first = min([node.lineno, *[entry.lineno for entry in decorators]])
    lines = text.splitlines()[first - 1 : node.end_lineno]
    indent = len(lines[0]) - len(lines[0].lstrip())
    if _FENCE.search("\n".join(lines)):
        raise WorkedError(f"{name} holds a code fence and cannot stand in one")
    return path, "\n".join(line[indent:] for line in lines), first


@cache
def _parsed(path: Path) -> tuple[str, list[ast.stmt]]:
    text = path.read_text(encoding="utf-8")
    return text, ast.parse(text).body


def _file_of(name: str) -> tuple[Path, list[str]]:
    """The file of a dotted name and the names inside of it."""
    parts = name.split(".")
    for end in range(len(parts) - 1, 0, -1):
        path = ROOT.joinpath(*parts[:end]).with_suffix(".py")
        if parts[0] == "nen_ref" and path.is_file():
            return path, parts[end:]
    raise WorkedError(f"no module of nen_ref holds {name!r}")


def _module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def _names(node: ast.stmt) -> list[str]:
    """What a statement defines."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]
