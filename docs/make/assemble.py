"""Assembles every page of the site into one folder, which mkdocs reads."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path

from docs.make import errors, links, npm, pyodide, reference, speed, traceability, worked

ROOT = Path(__file__).parents[2]
NOT_PAGES = ("docs/make/", "docs/regenerate.py", "docs/pictures/.")
FURTHER = ("vectors/README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
# What is shown as a page of source when a page links to it; anything else is handed out as the file that it is.
SHOWN = {
    ".py": "python", ".mjs": "javascript", ".js": "javascript", ".ts": "typescript", ".toml": "toml", ".yml": "yaml",
    ".yaml": "yaml", ".sh": "bash", ".go": "go", ".c": "c", ".txt": "text", "": "text",
}  # fmt: skip
LARGEST_SHOWN = 200_000


@dataclass
class Site:
    """What is assembled, by path in the site: the text of pages and of other files that are made, the pictures that are
    drawn, and, the other way round, where a file of the repository is copied to."""

    root: Path
    pages: dict[str, str] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    copies: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    drawn: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    def add(self, page: str, source: str, text: str) -> None:
        """A page, as it is meant to be read at `source`, a path in the repository that need not exist."""
        self.pages[page] = text
        self.sources[page] = source

    def exists(self, path: str) -> bool:
        made = path in self.sources.values() or path.removeprefix("docs/") in (*self.files, *self.drawn)
        return made or (self.root / path).is_file()

    def url(self, page: str, target: str) -> str:
        """The target of a link on `page`, for the site; a file that has no place yet is given one."""
        try:
            path, fragment = links.resolve(self.sources[page], target, self.exists)
        except links.LinkError as error:
            self.problems.append(str(error))
            return target
        if path in reference.modules(self.root):
            # `stream.py#seal` is an anchor that mkdocstrings makes; a line of a git host has none.
            name = fragment.removeprefix("#")
            known = name and not (name.startswith("L") and name[1:2].isdigit())
            module = reference.name_of(path)
            anchor = f"#{name if name.startswith(module + '.') else f'{module}.{name}'}" if known else ""
            return links.relative(page, reference.page_of(path)) + anchor
        place = self.place(path)
        # The home page has not the sections of the README, nor a page of source those of a module.
        kept = "" if path == "README.md" or place.startswith("source/") else fragment
        return links.relative(page, place) + kept

    def place(self, path: str) -> str:
        """Where a file of the repository lies in the site."""
        for page, source in self.sources.items():
            if source == path:
                return page
        if path.removeprefix("docs/") in (*self.files, *self.drawn):
            return path.removeprefix("docs/")
        home = links.site_path(path) if path.endswith(".md") else None
        if home is not None and home in self.pages:
            return home
        file = self.root / path
        if path.endswith(".md"):
            self.add(f"source/{path}", path, file.read_text(encoding="utf-8"))
            return f"source/{path}"
        language = SHOWN.get(file.suffix)
        if language is None or file.stat().st_size > LARGEST_SHOWN:
            self.copies[path] = path.removeprefix("docs/") if path.startswith("docs/") else f"files/{path}"
            return self.copies[path]
        text = file.read_text(encoding="utf-8").rstrip("\n")
        self.add(f"source/{path}.md", path, f"{reference.QUIET}# `{path}`\n\n~~~~~~{language}\n{text}\n~~~~~~\n")
        return f"source/{path}.md"


def site(root: Path = ROOT) -> Site:
    """Everything but the npm packages and the pictures. What is wrong with it is in `problems`."""
    made = Site(root, drawn=set(speed.pictures()))
    for path in sorted((root / "docs").rglob("*")):
        name = path.relative_to(root).as_posix()
        if not path.is_file() or name.startswith(NOT_PAGES) or "__pycache__" in name:
            continue
        if path.suffix == ".md":
            text = speed.expand(worked.expand(path.read_text(encoding="utf-8")))
            made.add(str(links.site_path(name)), name, text)
        else:
            made.copies[name] = name.removeprefix("docs/")
    for name in (*sorted(f"spec/{path.name}" for path in (root / "spec").glob("*.md")), *FURTHER):
        if (root / name).is_file():
            made.add(str(links.site_path(name)), name, (root / name).read_text(encoding="utf-8"))
    made.files.update(traceability.files())
    for page, text in (errors.pages() | traceability.pages()).items():
        made.add(page, f"docs/{page}", text)
    for page, text in reference.pages(root).items():
        made.add(page, page.replace("/", " "), text)  # its links are paths in the repository, from its root
    specification = {page: text for page, text in made.pages.items() if page.startswith("spec/")}
    rules = links.anchors(specification)
    codes = errors.anchors()
    done: set[str] = set()
    # Rewriting a page may give a place to files that it links to, and these are pages with links of their own.
    while waiting := [page for page in made.pages if page not in done]:
        for page in waiting:
            done.add(page)
            made.pages[page] = _finished(made, page, rules, codes)
    return made


def _finished(made: Site, page: str, rules: dict[str, str], codes: dict[str, str]) -> str:
    text = links.rewrite_targets(
        made.pages[page],
        lambda target: made.url(page, target),
        lambda target: links.in_html(page, made.url(page, target)),
    )
    if page.startswith("spec/"):
        text = links.anchor_requirements(text, lambda id: links.relative(page, f"traceability.md#{id.lower()}"))

    def url(id: str) -> str | None:
        target = rules.get(id) or codes.get(id)
        if target is None:
            return None
        same, _, fragment = target.partition("#")
        return f"#{fragment}" if same == page else links.relative(page, same) + f"#{fragment}"

    return links.link_ids(text, url)


def write(folder: Path, root: Path = ROOT, packages: bool = True) -> Site:
    """Write the site's sources into `folder`, anew. Raises npm.NpmError; whoever calls looks at `problems`."""
    made = site(root)
    if packages:
        mermaid, runtime = npm.fetch("mermaid"), npm.fetch("pyodide")
    shutil.rmtree(folder, ignore_errors=True)
    for page, text in made.pages.items():
        _write(folder / page, text)
    for source, target in made.copies.items():
        (folder / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / source, folder / target)
    for name, text in made.files.items():
        _write(folder / name, text)
    if packages:
        speed.draw(folder)
        (folder / "assets").mkdir(exist_ok=True)
        shutil.copyfile(mermaid / "dist" / "mermaid.min.js", folder / "assets" / "mermaid.min.js")
        pyodide.write_playground(folder / "playground", runtime)
    return made


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
