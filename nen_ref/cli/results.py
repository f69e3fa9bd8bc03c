"""Where a command writes its results."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

WIDTH = 120  # where the output is piped
INTERRUPTED = 130  # exit code after Ctrl-C, as shells have it

json_option = click.option("--json", "json_file", help="Write the results to this file; - is standard output.")


def console_beside(json_file: str | None) -> Console:
    """For people: standard error where standard output carries the JSON."""
    to_stderr = json_file == "-"
    console = Console(stderr=to_stderr, highlight=False)
    return console if console.is_terminal else Console(stderr=to_stderr, highlight=False, width=WIDTH)


def check_json(file: str | None) -> None:
    """Before minutes of measuring, not after them."""
    if file and file != "-":
        try:
            with Path(file).open("a", encoding="utf-8"):
                pass
        except OSError as fault:
            raise click.UsageError(f"--json {file}: {fault.strerror}") from None


def write_json(file: str | None, text: str) -> None:
    if file == "-":
        click.echo(text, nl=False)
    elif file:
        try:
            Path(file).write_text(text, encoding="utf-8")
        except OSError as fault:
            raise click.UsageError(f"--json {file}: {fault.strerror}") from None
        click.echo(f"written to {file}", err=True)
