"""The command line: `nen-ref`."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from nen_ref import __version__

COMMANDS = {
    "conformance": "nen_ref.cli.conformance",
    "vectors": "nen_ref.cli.vectors",
    "serve": "nen_ref.cli.serve",
    "demo": "nen_ref.cli.demo",
    "explain": "nen_ref.cli.explain",
    "bench": "nen_ref.cli.bench",
}
"""Each command by its name, and the module that has it under the same name."""


class OnDemand(click.Group):
    """Imports a command when it is asked for: all of them together take longer than most of what they do.

    `elsewhere` are the commands that stand in modules of their own, by name.
    """

    def __init__(self, *arguments: Any, elsewhere: Mapping[str, str], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._elsewhere = elsewhere

    def list_commands(self, context: click.Context) -> list[str]:
        return [*super().list_commands(context), *self._elsewhere]

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in self._elsewhere:
            return super().get_command(context, name)
        command: click.Command = getattr(import_module(self._elsewhere[name]), name)
        return command


@click.group(
    cls=OnDemand,
    elsewhere=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="nen-ref")
def main() -> None:
    """Nen: readable reference implementation, test vectors and conformance suite.

    Begin with `nen-ref conformance` (the suite against the built-in reference server) or `nen-ref demo`.
    """
    # A harness that was killed may be gone before asyncio looks for it, which it thinks worth a warning.
    logging.getLogger("asyncio").setLevel(logging.ERROR)
