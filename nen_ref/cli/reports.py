"""`nen-ref conformance badge | compare | schema`: what becomes of reports after a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from nen_ref.conformance.badge import badge_svg
from nen_ref.conformance.compare import compare_html, compare_table
from nen_ref.conformance.coverage import coverage_page
from nen_ref.conformance.harness.messages import schema_document
from nen_ref.conformance.registry import all_cases
from nen_ref.conformance.report_json import ReportDocument, ReportError, load_report
from nen_ref.conformance.report_schema import report_schema
from nen_ref.conformance.requirements import PROTOCOLS

SCHEMAS = {"report": report_schema, "harness": schema_document}


def _load(files: tuple[Path, ...]) -> list[ReportDocument]:
    try:
        return [load_report(file) for file in files]
    except ReportError as fault:
        raise click.UsageError(str(fault)) from None


def _write(file: Path | None, text: str) -> None:
    if file is None:
        click.echo(text, nl=False)
        return
    if not file.parent.is_dir():
        raise click.UsageError(f"{file}: there is no folder {file.parent}")
    file.write_text(text, encoding="utf-8")
    click.echo(f"written to {file}", err=True)


report_file = click.Path(exists=True, dir_okay=False, path_type=Path)
out_file = click.Path(dir_okay=False, writable=True, path_type=Path)


@click.command()
@click.argument("report", type=report_file)
@click.option("--out", "-o", type=out_file, help="File to write; standard output without.")
def badge(report: Path, out: Path | None) -> None:
    """Make an SVG badge of a JSON REPORT."""
    _write(out, badge_svg(_load((report,))[0]))


@click.command()
@click.argument("reports", nargs=-1, required=True, type=report_file)
@click.option("--html", type=out_file, help="Also as a page.")
def compare(reports: tuple[Path, ...], html: Path | None) -> None:
    """Compare JSON REPORTS: implementations by requirement."""
    documents = _load(reports)
    console = Console(highlight=False)
    console = console if console.is_terminal else Console(highlight=False, width=120)
    console.print(compare_table(documents))
    if html is not None:
        _write(html, compare_html(documents))


@click.command()
@click.argument("name", type=click.Choice(list(SCHEMAS)))
@click.option("--out", "-o", type=out_file, help="File to write; standard output without.")
def schema(name: str, out: Path | None) -> None:
    """Print a JSON Schema: of the JSON report, or of the harness protocol."""
    document: dict[str, Any] = SCHEMAS[name]()
    _write(out, json.dumps(document, indent=2, ensure_ascii=False) + "\n")


@click.command()
@click.option("--protocol", type=click.Choice(PROTOCOLS), default="v1", show_default=True, help="Wire version.")
@click.option("--out", "-o", type=out_file, help="File to write; standard output without.")
def coverage(protocol: str, out: Path | None) -> None:
    """Print which cases cover which requirement and which error code, as Markdown."""
    _write(out, coverage_page(all_cases(protocol), protocol))


COMMANDS = (badge, compare, schema, coverage)
