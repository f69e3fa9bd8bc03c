"""The pictures of the README, from real runs: `python -m docs.make.pictures` (needs Chromium and playwright).

Made by hand and kept in git, for the README shows them where nothing is built. The suite examines a server that does
not remember nonces, one of its own mutants; what it then prints becomes docs/pictures/terminal.svg, and the page of
the same run docs/pictures/report.png.
"""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from nen_ref.conformance.model import Kind, Report
from nen_ref.conformance.probe import Routes
from nen_ref.conformance.registry import all_cases
from nen_ref.conformance.report_html import report_html
from nen_ref.conformance.runner import run_cases
from nen_ref.conformance.targets import UrlTarget
from nen_ref.conformance.terminal import print_report

PICTURES = Path(__file__).parents[1] / "pictures"
MUTANT = "server/replay-not-checked"
SECTIONS = ("v1/handshake", "v1/replay/same")  # of which one case finds the fault
WIDTH = 108  # columns
PAGE = {"width": 1100, "height": 820}  # CSS pixels
MOST_BYTES = 200_000

THEME = TerminalTheme(
    (24, 26, 32),
    (222, 225, 230),
    [
        (60, 64, 72),
        (240, 110, 110),
        (120, 200, 120),
        (230, 190, 100),
        (110, 160, 240),
        (200, 140, 220),
        (100, 200, 210),
        (222, 225, 230),
    ],
)

# As rich's own, without the fonts that it takes from another host.
SVG = """<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" role="img">
<title>A run of nen-ref conformance in a terminal</title>
<style>
.{unique_id}-matrix {{
font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", "Liberation Mono", monospace;
font-size: {char_height}px; line-height: {line_height}px; font-variant-east-asian: full-width;
}}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


@contextmanager
def broken_server() -> Iterator[str]:
    """The URL of the mutant, which its harness starts."""
    command = [sys.executable, "-m", "nen_ref.conformance.mutants.harness", MUTANT]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for message in (
            {"cmd": "start", "version": 1},
            {"cmd": "run", "seq": 1, "op": "server.start", "args": {}},
        ):
            process.stdin.write(json.dumps(message) + "\n")
            process.stdin.flush()
            answer = json.loads(process.stdout.readline())
        yield answer["ok"]["url"]
        process.stdin.write('{"cmd": "stop"}\n')
        process.stdin.flush()


def run(url: str) -> Report:
    cases = [case for case in all_cases(kinds=(Kind.SERVER,)) if case.id.startswith(SECTIONS)]

    async def examined() -> Report:
        return await run_cases(cases, UrlTarget(Routes(url, "/api/echo", "/api/stream")), "v1", jobs=4)

    return anyio.run(examined)


def terminal_svg(report: Report) -> str:
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, highlight=False)
    only = " ".join(f"--only {section}" for section in SECTIONS)
    console.print(Text(f"$ nen-ref conformance server {report.implementation.target} {only}", style="bold"))
    print_report(console, report)
    svg = console.export_svg(title="nen-ref conformance", theme=THEME, code_format=SVG, unique_id="nen")
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"


def report_png(report: Report, file: Path) -> None:
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("Chromium is not installed (apt-get install chromium)")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page_file = Path(folder, "report.html")
        page_file.write_text(report_html(report), encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport=PAGE, color_scheme="light")  # type: ignore[arg-type]
        page.goto(page_file.as_uri())
        page.screenshot(path=str(file))
        browser.close()


def main() -> None:
    with broken_server() as url:
        report = run(url)
    PICTURES.mkdir(exist_ok=True)
    (PICTURES / "terminal.svg").write_text(terminal_svg(report), encoding="utf-8")
    report_png(report, PICTURES / "report.png")
    for file in sorted(PICTURES.iterdir()):
        size = file.stat().st_size
        print(f"docs/pictures/{file.name}: {size} bytes")
        if size > MOST_BYTES:
            sys.exit(f"{file.name} is too large: at most {MOST_BYTES} bytes")


if __name__ == "__main__":
    main()
