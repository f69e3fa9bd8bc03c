"""The command line: `nen-ref`."""

from __future__ import annotations

import logging

import click

from nen_ref import __version__
from nen_ref.cli import reports
from nen_ref.cli.conformance import conformance
from nen_ref.cli.demo import demo
from nen_ref.cli.explain import explain
from nen_ref.cli.mutants import mutants as mutants_command
from nen_ref.cli.serve import serve
from nen_ref.cli.vectors import vectors


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="nen-ref")
def main() -> None:
    """Nen: readable reference implementation and conformance suite.

    Begin with `nen-ref conformance` (the suite against the built-in reference server) or `nen-ref demo`.
    """
    # A harness that was killed may be gone before asyncio looks for it, which it thinks worth a warning.
    logging.getLogger("asyncio").setLevel(logging.ERROR)


for command in (*reports.COMMANDS, mutants_command):
    conformance.add_command(command)

for command in (conformance, vectors, serve, demo, explain):
    main.add_command(command)
