"""`nen-ref explain ISO-3002`: what a code means and how to get rid of it."""

from __future__ import annotations

import json
import re

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from nen_ref.conformance.coverage import NOT_IN
from nen_ref.conformance.requirements import PROTOCOLS
from nen_ref.protocol.errors import CATALOGUE, ErrorCode


@click.command()
@click.argument("code", required=False)
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def explain(code: str | None, as_json: bool) -> None:
    """Explain an error CODE (ISO-3002, iso3002, 3002, or its name): cause and fix. Without one, list all codes."""
    if code is None:
        entries = list(CATALOGUE.values())
        click.echo(json.dumps([_members(entry) for entry in entries], indent=2)) if as_json else _print_all(entries)
        return
    entry = _find(code)
    if as_json:
        click.echo(json.dumps(_members(entry), indent=2))
    else:
        _print(entry)


def _find(text: str) -> ErrorCode:
    digits = re.search(r"\d{4}", text)
    wanted = f"ISO-{digits[0]}" if digits else text.upper()
    for entry in CATALOGUE.values():
        if wanted in (entry.code, entry.name):
            return entry
    raise click.UsageError(f"there is no code {text}; `nen-ref explain` lists all {len(CATALOGUE)}")


def _members(entry: ErrorCode) -> dict[str, object]:
    names = ("code", "status", "name", "side", "message", "hint", "causes", "tell", "fix")
    return {name: getattr(entry, name) for name in names} | {"versions": _versions(entry)}


def _versions(entry: ErrorCode) -> list[str]:
    return [protocol for protocol in PROTOCOLS if entry.code not in NOT_IN[protocol]]


def _print(entry: ErrorCode) -> None:
    console = Console(highlight=False)
    where = ", ".join(_versions(entry)).upper()
    console.print(f"[bold]{entry.code}[/] {entry.name}  [dim]HTTP {entry.status}, raised by {_by(entry)} in {where}[/]")
    console.print()
    console.print(entry.hint)
    console.print()
    console.print("[bold]Usual causes[/], the likeliest first")
    grid = Table.grid(padding=(0, 1))
    grid.add_column(justify="right", style="dim")
    grid.add_column()
    for number, cause in enumerate(entry.causes, 1):
        grid.add_row(f"{number}.", Text(cause))
    console.print(grid)
    console.print()
    console.print("[bold]How to tell them apart[/]")
    tell = Table.grid(padding=(0, 1))
    tell.add_column(justify="right", style="dim")
    tell.add_column()
    for sentence in entry.tell:
        tell.add_row(" -", Text(sentence))
    console.print(tell)
    console.print()
    console.print("[bold]Fix[/]")
    console.print(f"   {entry.fix}", markup=False)
    console.print()
    console.print(f'[dim]The other side only sees: "{entry.message}"[/]')


def _by(entry: ErrorCode) -> str:
    return "either side" if entry.side == "both" else f"the {entry.side}"


def _print_all(entries: list[ErrorCode]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("code", "HTTP", "name", "raised by", "from"):
        table.add_column(column, no_wrap=True)
    table.add_column("message")
    for entry in entries:
        first = _versions(entry)[0].upper()
        table.add_row(entry.code, str(entry.status), entry.name, _by(entry), first, entry.message)
    Console(highlight=False).print(table)
