"""docs/guides/: every command and every example is run as it stands there, page by page, in the order of the page.

A block of code is saved under the name that stands before it, an indented line is given to bash, and the lines of a
block of text have to be in what the last command wrote ("..." is any text). What makes a run quick, and nothing else,
differs from the page: ports, and what `SHORTER` replaces.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click
import pytest

from nen_ref.cli import main
from tests.stores.redis_server import free_port, needs_redis

ROOT = Path(__file__).parents[2]
GUIDES = ROOT / "docs" / "guides"
ALONE = [
    "test-your-server",
    "write-a-harness",
    "use-the-vectors",
    "read-a-report",
    "fastapi",
    "httpx",
    "versions",
    "seal",
]
PAGES = [*GUIDES.glob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"]

# Of a command that is right as it stands, and takes long: what is replaced, so that it runs fewer cases.
SERVER = "server http://localhost:8000"
ONE = "--only v1/auth/signature-missing"
SHORTER = {
    "nen-ref conformance server http://localhost:8000": (SERVER, f"{SERVER} {ONE}"),
    "nen-ref conformance server http://localhost:8000 --junit": (SERVER, f"{SERVER} {ONE}"),
    "nen-ref conformance server http://localhost:8001": ("8001", "8001 --only v1/response/s --only v1/stream/get"),
    "nen-ref conformance harness --only v1/replay --only v1/handshake": ("v1/handshake", "v1/response/no-store"),
    "nen-ref conformance --only v1/replay --only v1/handshake": ("v1/handshake", "v1/response/no-store"),
}
FEWER = ("--only v1/replay ", "--only v1/replay/same ")
# The same command with other arguments is run elsewhere; that its options exist is checked below.
PARSED = (
    "nen-ref vectors list",
    "nen-ref vectors verify --only v1/stream_nonces",
    "nen-ref conformance list --kind library",
    "nen-ref conformance show v1/library-request/canonical-query",
    "nen-ref conformance show v1/error/short",
)
EXITS = re.compile(r"# exits with (\d)")
NOT_RUN = ("pip install ", "source .venv/bin/activate")
START_SECONDS = 20.0

FENCE, LINES = r"^```(?P<language>\w+)\n(?P<code>.*?)^```$", r"(?P<lines>^    \S[^\n]*\n(?:^    [^\n]*\n)*)"
BLOCK = re.compile(f"{FENCE}|{LINES}", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"`([\w./-]+\.\w+)`")


@dataclass
class Reader:
    """Somebody who does what a page says, in `folder`."""

    folder: Path
    ports: dict[str, int] = field(default_factory=dict)
    output: str = ""
    servers: list[subprocess.Popen[str]] = field(default_factory=list)
    python_path: str = ""

    def ported(self, text: str) -> str:
        """With free ports in place of those of the page."""
        for number in re.findall(r"\b(?:800\d|6400)\b", text):
            self.ports.setdefault(number, free_port())
        return re.sub(r"\b(?:800\d|6400)\b", lambda match: str(self.ports[match[0]]), text)

    def environment(self) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return {**os.environ, "PATH": path, "PYTHONUNBUFFERED": "1", "PYTHONPATH": self.python_path}

    def save(self, name: str, code: str) -> None:
        (self.folder / name).write_text(self.ported(code), encoding="utf-8")

    def run(self, line: str) -> None:
        command = line.partition(" # ")[0]
        if command.startswith(NOT_RUN) or command in PARSED:
            return
        text = self.ported(shortened(command))
        if command.endswith("&"):
            self.start(text.strip().removesuffix("&"))
            return
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.output = done.stdout
        expected = int(found[1]) if (found := EXITS.search(line)) else 0
        assert done.returncode == expected, f"{line}\nexit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr, f"{line}\n{done.stderr}"

    def start(self, command: str) -> None:
        """A server, until the end of the page."""
        log = self.folder / f"server-{len(self.servers)}.log"
        with log.open("w") as output:
            process = subprocess.Popen(
                ["bash", "-c", f"exec env {command}"],
                cwd=self.folder,
                env=self.environment(),
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        self.servers.append(process)
        port = int(re.findall(r"--port (\d+)", command)[0])
        until = time.monotonic() + START_SECONDS
        while not listens(port):
            assert process.poll() is None, f"{command}\n{log.read_text()}"
            assert time.monotonic() < until, f"{command}\n{log.read_text()}"
            time.sleep(0.05)

    def check(self, expected: str) -> None:
        """The lines of a block of text, each whole, in their order, among those of the last output."""
        said = [" ".join(line.split()) for line in self.output.splitlines()]
        for line in filter(None, expected.splitlines()):
            parts = (re.escape(part) for part in " ".join(line.split()).split("..."))
            pattern = re.compile(".*".join(parts))
            assert any(pattern.match(one) for one in said), f"{line!r} is not in\n{self.output}"

    def close(self) -> None:
        for process in self.servers:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def shortened(command: str) -> str:
    for beginning, (old, new) in SHORTER.items():
        if command == beginning or command.startswith(f"{beginning} -"):
            assert old in command
            return command.replace(old, new).replace(*FEWER)
    return command


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def reading(folder: Path) -> Iterator[Reader]:
    reader = Reader(folder)
    try:
        yield reader
    finally:
        reader.close()


def follow(reader: Reader, page: str) -> int:
    """Do what the page says; the number of commands."""
    text = (GUIDES / f"{page}.md").read_text(encoding="utf-8")
    count = 0
    for block in BLOCK.finditer(text):
        if block["lines"]:
            for line in block["lines"].replace("\\\n", "").splitlines():
                reader.run(" ".join(line.split()))
                count += 1
        elif block["language"] == "text":
            reader.check(block["code"])
        else:
            before = text[: block.start()].rstrip().rpartition("\n\n")[2]
            name = FILE.findall(before)
            assert name, f"{page}: no name for\n{block['code']}"
            reader.save(name[-1], block["code"])
    return count


def first_example(page: str) -> str:
    found = re.search(r"```python\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("page", ALONE)
def test_a_page(page: str, tmp_path: Path) -> None:
    with reading(tmp_path) as reader:
        # What the pages ask their readers to copy from elsewhere.
        reader.save("harness.py", first_example("docs/harness.md"))
        reader.save("reader.py", first_example("vectors/README.md"))
        assert follow(reader, page) >= 3


@needs_redis
@pytest.mark.redis
def test_deploy(tmp_path: Path) -> None:
    with reading(tmp_path) as reader:
        follow(reader, "deploy")


def test_the_walk_through_of_extend(tmp_path: Path) -> None:
    """In a copy of the checkout; the blocks go to the ends of the files that they are for."""
    for name in ("nen_ref", "spec", "docs", "tests", "pyproject.toml"):
        copy(ROOT / name, tmp_path / name)
    (tmp_path / "vectors").symlink_to(ROOT / "vectors")

    class Writer(Reader):
        def save(self, name: str, code: str) -> None:
            file = self.folder / name
            old = file.read_text(encoding="utf-8")
            if file.suffix == ".md":  # behind the last requirement of the section
                last = old.rindex("**V1-ERR-")
                end = old.index("\n\n", last)
                new = f"{old[:end]}\n\n{code.rstrip()}{old[end:]}"
            else:
                new = f"{old}\n\n{code}"
            file.write_text(new, encoding="utf-8")

    writer = Writer(tmp_path, python_path=str(tmp_path))
    assert follow(writer, "extend") >= 8
    assert "v1/error/short" in (tmp_path / "docs" / "coverage.md").read_text(encoding="utf-8")
    assert " passed" in writer.output


def copy(source: Path, target: Path) -> None:
    if source.is_file():
        shutil.copy(source, target)
    else:
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "node_modules", "pictures"))


# Without running: commands in the text, packages, links.


def commands(text: str) -> list[str]:
    """Every `nen-ref ...`, in blocks and within sentences."""
    text = text.replace("\\\n", "")
    shown = re.findall(r"^    (?:NEN_\w+=\S+ )?(nen-ref .*?)(?:\s{2,}#.*| &.*)?$", text, re.MULTILINE)
    return [*shown, *re.findall(r"`(nen-ref [^`]+)`", text)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_and_options_exist(page: Path) -> None:
    for line in commands(page.read_text(encoding="utf-8")):
        words = re.sub(r'"?\$\(.*?\)"?', "X", line.partition(" -- ")[0].replace("...", "")).split()[1:]
        command: click.Command = main
        while isinstance(command, click.Group) and words and not words[0].startswith("-"):
            found = command.get_command(click.Context(command), words[0])
            if found is None:
                break
            command, words = found, words[1:]
        assert command is not main or words[:1] == ["--version"], f"{line}: no such command"
        known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
        used = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
        assert used <= known | {"--help"}, f"{line}: {used - known}"


def test_packages_to_install_exist() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for page in PAGES:
        for extra in re.findall(r"nen-ref\[(\w+)\]", page.read_text(encoding="utf-8")):
            assert extra in project["optional-dependencies"], page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", page.read_text(encoding="utf-8")):
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), f"{page.name}: {target}"
        if anchor:
            heads = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {slug(head) for head in heads}, f"{page.name}: {target}"


def slug(head: str) -> str:
    return re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-")


def test_every_guide_is_run() -> None:
    assert {page.stem for page in GUIDES.glob("*.md")} == {*ALONE, "deploy", "extend", "github-action"}
