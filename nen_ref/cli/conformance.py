"""`nen-ref conformance`: run the suite, or look at its cases."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import anyio
import click
from rich.console import Console

from nen_ref.conformance.embedded import ServerDidNotStart, embedded_server
from nen_ref.conformance.model import Case, Report
from nen_ref.conformance.probe import Target
from nen_ref.conformance.registry import all_cases
from nen_ref.conformance.report_json import report_json
from nen_ref.conformance.runner import CASE_TIMEOUT, Unreachable, run_cases
from nen_ref.conformance.terminal import LiveProgress, describe_case, list_cases, print_report, print_result

EXIT_FINDINGS, EXIT_USAGE = 1, 2
PROTOCOLS = ("v1",)


def target_options(command: Callable[..., Any]) -> Callable[..., Any]:
    options = (
        click.option("--protocol", type=click.Choice(PROTOCOLS), default="v1", show_default=True, help="Wire version."),
        click.option("--echo", default="/api/echo", show_default=True, help="Path of the echo route."),
        click.option(
            "--stream", default="/api/stream", show_default=True, help="Path of the stream route; '' if none."
        ),
        click.option(
            "--case-timeout", type=float, default=CASE_TIMEOUT, show_default=True, help="Seconds for each case."
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def report_options(command: Callable[..., Any]) -> Callable[..., Any]:
    options = (
        click.option(
            "--json",
            "json_file",
            type=click.Path(dir_okay=False, writable=True),
            metavar="FILE",
            help="Also write the report as JSON; '-' for standard output, and nothing else there.",
        ),
        click.option("--only", multiple=True, metavar="PREFIX", help="Only cases whose id begins so, e.g. v1/auth."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.group(invoke_without_command=True)
@report_options
@click.option("--case-timeout", type=float, default=CASE_TIMEOUT, show_default=True, help="Seconds for each case.")
@click.pass_context
def conformance(context: click.Context, json_file: str | None, only: tuple[str, ...], case_timeout: float) -> None:
    """Run the suite against the built-in reference server, over HTTP on the loopback.

    Exit code 0: no required case failed; 1: at least one did; 2: wrong usage, or the target cannot be reached.
    """
    if context.invoked_subcommand is not None:
        return
    try:
        with embedded_server() as url:
            _run(_select(all_cases(), only), Target(url), "v1", json_file, case_timeout)
    except ServerDidNotStart as fault:
        _give_up(str(fault))


@conformance.command()
@click.argument("url")
@target_options
@report_options
def server(
    url: str, protocol: str, echo: str, stream: str, case_timeout: float, json_file: str | None, only: tuple[str, ...]
) -> None:
    """Run all server cases against the Nen server at URL.

    The server has to offer two routes. Echo answers {"method": ..., "body": <the decrypted body, or null>} for any
    method; stream streams each string of body.chunks, or a, b, c without a body.
    """
    _run(_select(all_cases(protocol), only), _target(url, echo, stream), protocol, json_file, case_timeout)


@conformance.command("list")
@click.option("--protocol", type=click.Choice(PROTOCOLS), default="v1")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def list_command(protocol: str, as_json: bool) -> None:
    """List the cases."""
    cases = all_cases(protocol)
    if as_json:
        fields = ("id", "requirement", "level", "title", "acceptable")
        click.echo(json.dumps([{name: getattr(case, name) for name in fields} for case in cases], indent=2))
        return
    console = _console()
    if console.is_terminal:
        console.print(list_cases(cases))
        console.print(f"\n{len(cases)} cases", style="bold")
    else:
        for case in cases:
            click.echo(f"{case.id}\t{case.requirement}\t{case.level}\t{case.title}")


@conformance.command()
@click.argument("case_id", metavar="ID")
def show(case_id: str) -> None:
    """Show one case: what it checks, for which requirement, and why."""
    _console().print(describe_case(_find(case_id)))


@conformance.command("run")
@click.argument("case_id", metavar="ID")
@click.argument("url")
@target_options
def run_command(case_id: str, url: str, protocol: str, echo: str, stream: str, case_timeout: float) -> None:
    """Run the case ID against the server at URL, and show all that was found."""
    case = _find(case_id)
    target = _target(url, echo, stream)
    report = _report([case], target, protocol, case_timeout)
    print_result(_console(), report.results[0], target.url, protocol)
    sys.exit(0 if report.passed else EXIT_FINDINGS)


def _target(url: str, echo: str, stream: str) -> Target:
    if not url.startswith(("http://", "https://")):
        raise click.UsageError(f"{url} is not an http:// or https:// URL")
    return Target(url.rstrip("/"), echo, stream)


def _select(cases: list[Case], only: tuple[str, ...]) -> list[Case]:
    selected = [case for case in cases if not only or case.id.startswith(only)]
    if not selected:
        raise click.UsageError(f"no case begins with {', '.join(only)}; see `nen-ref conformance list`")
    return selected


def _find(case_id: str) -> Case:
    cases = {case.id: case for protocol in PROTOCOLS for case in all_cases(protocol)}
    if case_id not in cases:
        near = get_close_matches(case_id, cases, n=3)
        hint = f"; did you mean {', '.join(near)}?" if near else "; see `nen-ref conformance list`"
        raise click.UsageError(f"there is no case {case_id}{hint}")
    return cases[case_id]


def _run(cases: list[Case], target: Target, protocol: str, json_file: str | None, case_timeout: float) -> None:
    to_stdout = json_file == "-"
    if json_file and not to_stdout and not Path(json_file).parent.is_dir():
        raise click.UsageError(f"--json {json_file}: there is no folder {Path(json_file).parent}")
    console = _console(stderr=to_stdout)
    console.print(f"{len(cases)} cases of Nen {protocol.upper()} against {target.url}", highlight=False)
    with LiveProgress(console, len(cases)) as progress:
        report = _report(cases, target, protocol, case_timeout, progress)
    print_report(console, report)
    if to_stdout:
        click.echo(report_json(report), nl=False)
    elif json_file:
        Path(json_file).write_text(report_json(report), encoding="utf-8")
        console.print(f"report written to {json_file}", highlight=False)
    sys.exit(0 if report.passed else EXIT_FINDINGS)


def _report(
    cases: Sequence[Case], target: Target, protocol: str, case_timeout: float, progress: LiveProgress | None = None
) -> Report:
    async def run() -> Report:
        if progress is None:
            return await run_cases(cases, target, protocol, case_timeout=case_timeout)
        return await run_cases(
            cases, target, protocol, started=progress.started, finished=progress.finished, case_timeout=case_timeout
        )

    try:
        return anyio.run(run)
    except Unreachable as fault:
        _give_up(f"cannot reach {target.url}: {fault}")
        raise


def _console(stderr: bool = False) -> Console:
    """Colour and the width of the terminal on one; plain text of a fixed width where the output is piped."""
    console = Console(stderr=stderr, highlight=False)
    return console if console.is_terminal else Console(stderr=stderr, highlight=False, width=120)


def _give_up(message: str) -> None:
    click.echo(f"nen-ref: {message}", err=True)
    sys.exit(EXIT_USAGE)
