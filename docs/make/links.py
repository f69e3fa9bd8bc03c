"""Links: what authors write for the tree in git becomes what the site needs.

A relative link is resolved against the repository path of the page that holds it, and points to the page of the site
that was made of that file. Ids of requirements and error codes, written plain, become links; in the specification the
paragraph of a requirement gets its anchor. Nothing inside of code is touched.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import groupby

_RULE = r"(?:V\d-[A-Z]+|SEAL(?:-[A-Z]+)?)-\d\d"
ID = re.compile(rf"\b(?:{_RULE}|ISO-\d{{4}})\b")
_FENCE = re.compile(r"[ >]*(`{3,}|~{3,})")
_SPAN = re.compile(r"((?<!`)(`+)(?!`)(?:(?!\n\s*\n).)+?(?<!`)\2(?!`))", re.DOTALL)
_COMMENT = re.compile(
    r"(<!--.*?-->|<script\b.*?</script>|<style\b.*?</style>|<pre\b.*?</pre>|<code\b.*?</code>)", re.DOTALL
)
_TARGET = re.compile(
    r"(?P<before>\]\(<?|^[ ]{0,3}\[[^\]\n]+\]:\s*|\b(?:href|src)=\")(?P<target>[^)\s\">]+)", re.MULTILINE
)
# A link, an HTML tag, a definition or an attribute list is left alone when ids are linked.
_LINK_OR_ID = re.compile(
    r"!?\[[^\]]*\](?:\([^)]*\)|\[[^\]]*\])|<a\b.*?</a>|<[^<>\n]+>|\{ ?[:#.][^}\n]*\}|(?P<id>" + ID.pattern + ")",
    re.DOTALL,
)
_REQUIREMENT = re.compile(
    rf"^\*\*(?P<id>{_RULE})\*\* (?P<rest>\((?:MUST|SHOULD|MAY), .+?)(?=\n[ ]*\n|\n*\Z)", re.MULTILINE | re.DOTALL
)
_HOLDS_BLOCKS = re.compile(r"([-*+]|\d+[.)])\s|!!!|\?\?\?|===|\[\^")

Rewrite = Callable[[str], str]


class LinkError(Exception):
    """A link that leads nowhere."""


def pieces(text: str) -> Iterator[tuple[bool, str]]:
    """The text in order, as (is it code, piece): fences, indented blocks, code spans, comments and `<pre>` are code."""
    for is_code, lines in groupby(_marked_lines(text), key=lambda marked: marked[0]):
        block = "".join(line for _, line in lines)
        if is_code:
            yield True, block
            continue
        for number, part in enumerate(_COMMENT.split(block)):
            if number % 2:
                yield True, part
                continue
            # `_SPAN` has two groups: plain text, the span, its back ticks.
            spans = _SPAN.split(part)
            for at in range(0, len(spans), 3):
                yield False, spans[at]
                if at + 1 < len(spans):
                    yield True, spans[at + 1]


def _marked_lines(text: str) -> Iterator[tuple[bool, str]]:
    fence = ""
    blank, outer, indented = True, "", False
    for line in text.splitlines(keepends=True):
        mark = _FENCE.match(line)
        if fence:
            closes = mark is not None and mark[1].startswith(fence) and not line.strip(" >`~\n")
            yield True, line
            fence = "" if closes else fence
            continue
        if mark:
            fence = mark[1]
            yield True, line
            blank = False
            continue
        if not line.strip():
            yield indented, line
            blank = True
            continue
        # Four spaces are code after an empty line, unless they continue a list, an admonition or the like.
        indented = line.startswith("    ") and (indented or blank) and not _HOLDS_BLOCKS.match(outer)
        if not line.startswith(" "):
            outer = line
        yield indented, line
        blank = False


def outside_code(text: str, rewrite: Rewrite) -> str:
    return "".join(piece if is_code else rewrite(piece) for is_code, piece in pieces(text))


def rewrite_targets(text: str, target: Rewrite, in_html: Rewrite | None = None) -> str:
    """Every relative target of a link or picture, given to `target`; one in an HTML tag to `in_html`, if there is one.
    External ones and mere anchors stay."""

    def one(match: re.Match[str]) -> str:
        found = match["target"]
        if re.match(r"[a-z][a-z0-9+.-]*:|[#/]", found, re.IGNORECASE):
            return match[0]
        html = match["before"].endswith('="')
        return match["before"] + (in_html if html and in_html else target)(found)

    return outside_code(text, lambda piece: _TARGET.sub(one, piece))


def link_ids(text: str, url: Callable[[str], str | None]) -> str:
    """Ids as links, where `url(id)` knows one; not in code, headings, links and tags."""

    def one(match: re.Match[str]) -> str:
        id = match["id"]
        found = url(id) if id else None
        return f"[{id}]({found})" if found else match[0]

    def lines(piece: str) -> str:
        # Headings are lines of their own; everything between them is looked at as a whole, as links may be wrapped.
        parts = re.split(r"(^#{1,6} [^\n]*$)", piece, flags=re.MULTILINE)
        return "".join(part if number % 2 else _LINK_OR_ID.sub(one, part) for number, part in enumerate(parts))

    return outside_code(text, lines)


def requirement_ids(text: str) -> list[str]:
    return [match["id"] for match in _REQUIREMENT.finditer(text)]


def anchor_requirements(text: str, trace: Callable[[str], str]) -> str:
    """Each requirement's paragraph gets the anchor `v1-hs-01`, a link to itself and one to its row of `trace(id)`."""

    def one(match: re.Match[str]) -> str:
        id, anchor = match["id"], match["id"].lower()
        return (
            f'[**{id}**](#{anchor}){{ .rule-id title="Link to this requirement" }} {match["rest"].rstrip()} '
            f'[trace]({trace(id)}){{ .rule-trace title="Code, cases, vectors and mutants of {id}" }}\n'
            f"{{ #{anchor} .rule }}"
        )

    return _REQUIREMENT.sub(one, text)


def relative(page: str, target: str) -> str:
    """The link from one page to another; both are paths in the site, `target` perhaps with a fragment."""
    return posixpath.relpath(target, posixpath.dirname(page) or ".") if target else page


def in_html(page: str, link: str) -> str:
    """A link of `page` for an HTML tag, which mkdocs leaves alone: pages are folders, `a/b.md` is served as `a/b/`."""
    path, hash, fragment = link.partition("#")
    target = posixpath.normpath(posixpath.join(posixpath.dirname(page), path))
    found = posixpath.relpath((_served(target) if target.endswith(".md") else target) or ".", _served(page) or ".")
    return found + ("/" if target.endswith(".md") else "") + hash + fragment


def _served(page: str) -> str:
    folder, _, name = page.rpartition("/")
    return folder if name in ("index.md", "README.md") else page.removesuffix(".md")


def resolve(source: str, target: str, exists: Callable[[str], bool]) -> tuple[str, str]:
    """The repository path that a link in the file `source` means, and its fragment with `#`, if any.

    A folder is the README.md, index.md or __init__.py in it. Raises LinkError.
    """
    path, hash, fragment = target.partition("#")
    found = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
    if found.startswith("..") or posixpath.isabs(found):
        raise LinkError(f"{source}: {target} leads out of the repository")
    for candidate in (found, *(f"{found}/{name}" for name in ("README.md", "index.md", "__init__.py"))):
        if exists(candidate):
            return candidate, hash + fragment
    raise LinkError(f"{source}: {target} is not there ({found})")


def site_path(source: str) -> str | None:
    """Where a Markdown file of the repository lies in the site; None for one that has no place of its own."""
    if source == "README.md":
        return "index.md"  # the home page says the same, for the site
    if source == "vectors/README.md":
        return "vectors.md"
    if source.startswith("docs/"):
        return source.removeprefix("docs/")
    if source.startswith("spec/"):
        return source
    return source.lower() if source in ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md") else None


def anchors(pages: Mapping[str, str]) -> dict[str, str]:
    """Where each requirement stands: id to `spec/v1.md#v1-hs-01`. `pages`: the texts of spec/ by path in the site."""
    return {id: f"{page}#{id.lower()}" for page, text in pages.items() for id in requirement_ids(text)}
