"""`nen-ref conformance`: run the suite, or look at its cases."""

from __future__ import annotations

import json
import math
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
import click
from rich.console import Console

from nen_ref.conformance.baseline import (
    Baseline,
    BaselineError,
    BaselineVerdict,
    judge,
    read_baseline,
    read_text,
    updated_text,
)
from nen_ref.conformance.model import Case, Kind, Outcome, Report
from nen_ref.conformance.probe import Routes
from nen_ref.conformance.registry import all_cases, every_case
from nen_ref.conformance.report_html import report_html
from nen_ref.conformance.report_json import report_json
from nen_ref.conformance.report_junit import report_junit
from nen_ref.conformance.requirements import PROTOCOLS
from nen_ref.conformance.runner import CASE_TIMEOUT, run_cases
from nen_ref.conformance.targets import HarnessTarget, ReferenceTarget, Target, Unreachable, UrlTarget
from nen_ref.conformance.terminal import LiveProgress, describe_case, list_cases, print_report, print_result
from nen_ref.conformance.text import number, visible
from nen_ref.conformance.verdict import verdict

EXIT_FINDINGS, EXIT_USAGE = 1, 2
SECONDS = click.FloatRange(min=0.1, max=86400)
JOBS = 4  # most of a case is waiting, so that more than there are cores is of use


@dataclass(frozen=True)
class Wish:
    """What the options of a run ask for."""

    protocol: str
    only: tuple[str, ...]
    jobs: int
    seed: str | None
    case_timeout: float
    max_time: float
    json_file: str | None
    junit: str | None
    html: str | None
    baseline: str | None
    update_baseline: bool


def run_options(command: Callable[..., Any]) -> Callable[..., Any]:
    report = click.Path(dir_okay=False, writable=True)
    options = (
        click.option("--protocol", type=click.Choice(PROTOCOLS), default="v1", show_default=True, help="Wire version."),
        click.option("--only", multiple=True, metavar="PREFIX", help="Only cases whose id begins so, e.g. v1/auth."),
        click.option("--jobs", type=click.IntRange(1, 64), default=JOBS, show_default=True, help="Cases at a time."),
        click.option(
            "--seed", metavar="TEXT", help="Repeatable randomness: the same bytes of JSON and JUnit each time."
        ),
        click.option(
            "--case-timeout", type=SECONDS, default=CASE_TIMEOUT, show_default=True, help="Seconds for each case."
        ),
        click.option("--max-time", type=SECONDS, default=86400, help="Seconds for the whole run."),
        click.option(
            "--json",
            "json_file",
            type=report,
            metavar="FILE",
            help="Also a report for machines; '-': on stdout, alone.",
        ),
        click.option("--junit", type=report, metavar="FILE", help="Also a report as JUnit XML, for CI systems."),
        click.option("--html", type=report, metavar="FILE", help="Also a report as one page, with all that was said."),
        click.option(
            "--baseline", type=report, metavar="FILE", help="Known findings (TOML), which do not fail the run."
        ),
        click.option("--update-baseline", is_flag=True, help="Write the findings of this run into the baseline."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def route_options(command: Callable[..., Any]) -> Callable[..., Any]:
    options = (
        click.option("--echo", default="/api/echo", show_default=True, help="Path of the echo route."),
        click.option(
            "--stream", default="/api/stream", show_default=True, help="Path of the stream route; '' if none."
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.group(invoke_without_command=True)
@run_options
@click.pass_context
def conformance(context: click.Context, /, **options: Any) -> None:
    """Run the suite against the built-in reference: its server over HTTP on the loopback, its client, its library.

    Exit code 0: no required case found anything; 1: at least one did; 2: wrong usage, or nobody to examine.
    """
    if context.invoked_subcommand is None:
        _run(ReferenceTarget(options["protocol"]), Wish(**options), tuple(Kind), "the built-in reference")
        return
    given = [name for name in options if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE]
    if given:
        flags = ", ".join("--" + name.replace("_file", "").replace("_", "-") for name in given)
        raise click.UsageError(f"{flags}: give options after `{context.invoked_subcommand}`, which they are meant for")


@conformance.command()
@click.argument("url")
@route_options
@run_options
def server(url: str, echo: str, stream: str, **options: Any) -> None:
    """Run the server cases against the Nen server at URL.

    The server has to offer two routes. Echo answers {"method": ..., "body": <the decrypted body, or null>} for any
    method; stream streams each string of body.chunks, or a, b, c without a body. For --protocol v2 it offers V2 without
    V1: a server of both reads a request without X-Nen-Nonce as one of V1, and not as one of V2 that lacks something.
    """
    routes = _routes(url, echo, stream)
    _run(UrlTarget(routes), Wish(**options), (Kind.SERVER,), routes.url)


@conformance.command()
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option(
    "--kind", "kinds", multiple=True, type=click.Choice([kind.value for kind in Kind]), help="Only this kind of target."
)
@click.option(
    "--check", is_flag=True, help="Try the harness itself: one message of each kind, and what is wrong with it."
)
@run_options
def harness(command: tuple[str, ...], kinds: tuple[str, ...], check: bool, **options: Any) -> None:
    """Run the cases for servers, clients and libraries against the harness COMMAND; write `--` before it.

    \b
    nen-ref conformance harness --check -- node harness.mjs    while you write the harness
    nen-ref conformance harness -- node harness.mjs            the whole suite
    """
    if check:
        from nen_ref.conformance.harness.check import check_harness

        sys.exit(anyio.run(check_harness, command, _console()))
    wanted = tuple(Kind(kind) for kind in kinds) or tuple(Kind)
    _run(HarnessTarget(command, options["protocol"]), Wish(**options), wanted, " ".join(command))


@conformance.command("list")
@click.option("--protocol", type=click.Choice(PROTOCOLS), default="v1", show_default=True, help="Wire version.")
@click.option(
    "--kind", "kinds", multiple=True, type=click.Choice([kind.value for kind in Kind]), help="Only this kind of target."
)
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def list_command(protocol: str, kinds: tuple[str, ...], as_json: bool) -> None:
    """List the cases."""
    cases = all_cases(protocol, tuple(Kind(kind) for kind in kinds) or tuple(Kind))
    if as_json:
        fields = ("id", "kind", "requirement", "level", "title", "acceptable", "needs")
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
@click.argument("target", nargs=-1, type=click.UNPROCESSED, metavar="[URL | -- COMMAND]")
@route_options
@click.option("--seed", metavar="TEXT", help="Repeatable randomness.")
@click.option("--case-timeout", type=SECONDS, default=CASE_TIMEOUT, show_default=True, help="Seconds for the case.")
def run_command(
    case_id: str, target: tuple[str, ...], echo: str, stream: str, seed: str | None, case_timeout: float
) -> None:
    """Run the case ID, and show all that was said and found.

    Against the server at URL, against the harness COMMAND (write `--` before it), or against the built-in reference.
    """
    case = _find(case_id)
    report = _report([case], _target(target, echo, stream, case.protocol), case.protocol, 1, seed, case_timeout)
    console = _console()
    for exchange in report.results[0].exchanges:
        console.print(f"> {visible(exchange.sent)}", style="dim", markup=False, soft_wrap=True)
        console.print(f"< {visible(exchange.received)}\n", markup=False, soft_wrap=True)
    print_result(console, report.results[0], report.implementation)
    if report.results[0].outcome is Outcome.NOT_OFFERED:
        sys.exit(EXIT_USAGE)
    sys.exit(0 if verdict(report).ok else EXIT_FINDINGS)


def _target(target: tuple[str, ...], echo: str, stream: str, protocol: str) -> Target:
    if not target:
        return ReferenceTarget(protocol)
    if len(target) == 1 and target[0].startswith(("http://", "https://")):
        return UrlTarget(_routes(target[0], echo, stream))
    return HarnessTarget(target, protocol)


def _routes(url: str, echo: str, stream: str) -> Routes:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise click.UsageError(f"{url} is not an http:// or https:// URL")
    with suppress(ValueError):
        if parts.port == 0:
            raise click.UsageError(f"{url}: nobody listens on port 0")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise click.UsageError(
            f"{url}: give the URL without a path; Nen's endpoints lie at /api/nen, for other routes see --echo"
        )
    for name, path in {"--echo": echo, "--stream": stream}.items():
        if path and not path.startswith("/"):
            raise click.UsageError(f"{name} {path}: a path begins with /")
    return Routes(url.rstrip("/"), echo, stream)


def _select(cases: list[Case], only: tuple[str, ...]) -> list[Case]:
    selected = [case for case in cases if not only or case.id.startswith(only)]
    for prefix in only:
        if not any(case.id.startswith(prefix) for case in cases):
            raise click.UsageError(f"no case begins with {prefix}; see `nen-ref conformance list`")
    return selected


def _find(case_id: str) -> Case:
    cases = {case.id: case for case in every_case()}
    if case_id not in cases:
        near = get_close_matches(case_id, cases, n=3)
        hint = f"; did you mean {', '.join(near)}?" if near else "; see `nen-ref conformance list`"
        raise click.UsageError(f"there is no case {case_id}{hint}")
    return cases[case_id]


def _run(target: Target, wish: Wish, kinds: tuple[Kind, ...], label: str) -> None:
    cases = _select(all_cases(wish.protocol, kinds), wish.only)
    baseline = _baseline(wish)
    _check_files(wish)
    console = _console(stderr=wish.json_file == "-")
    console.print(f"{number(len(cases), 'case')} of Nen {wish.protocol.upper()} against {label}", highlight=False)
    with LiveProgress(console, len(cases)) as progress:
        report = _report(cases, target, wish.protocol, wish.jobs, wish.seed, wish.case_timeout, wish.max_time, progress)
    if wish.baseline and wish.update_baseline:
        baseline = _update_baseline(Path(wish.baseline), report, console)
    compared = judge(report, baseline) if baseline is not None else None
    print_report(console, report, compared)
    _write_reports(wish, report, compared, console)
    sys.exit(0 if verdict(report, compared).ok else EXIT_FINDINGS)


def _report(
    cases: Sequence[Case],
    target: Target,
    protocol: str,
    jobs: int,
    seed: str | None,
    case_timeout: float,
    max_time: float = math.inf,
    progress: LiveProgress | None = None,
) -> Report:
    told: dict[str, Any] = {} if progress is None else {"started": progress.started, "finished": progress.finished}

    async def run() -> Report | None:
        async with anyio.create_task_group() as group:
            group.start_soon(_cancel_on_sigterm, group.cancel_scope)
            report = await run_cases(
                cases, target, protocol, jobs=jobs, seed=seed, case_timeout=case_timeout, max_time=max_time, **told
            )
            group.cancel_scope.cancel()
            return report
        return None

    try:
        report = anyio.run(run)
    except* Unreachable as faults:
        _give_up(f"cannot reach {target.implementation.target or 'the target'}: {faults.exceptions[0]}")
    if report is None:
        sys.exit(128 + signal.SIGTERM)
    return report


async def _cancel_on_sigterm(scope: anyio.CancelScope) -> None:
    """Told to end, end what was started too: harnesses and their servers are processes of their own."""
    with anyio.open_signal_receiver(signal.SIGTERM) as signals:
        async for _ in signals:
            scope.cancel()
            return


# Files are looked at before the run: nobody waits for a run whose report is then lost.


def _check_files(wish: Wish) -> None:
    if wish.update_baseline and not wish.baseline:
        raise click.UsageError("--update-baseline goes with --baseline FILE")
    files = [file for file in (wish.json_file, wish.junit, wish.html, wish.baseline) if file]
    if len({Path(file).absolute() for file in files}) < len(files):
        raise click.UsageError("two reports cannot go into one file")
    if "-" in (wish.junit, wish.html, wish.baseline):
        raise click.UsageError("only --json can go to standard output")
    for name, file in {
        "--json": wish.json_file,
        "--junit": wish.junit,
        "--html": wish.html,
        "--baseline": wish.baseline,
    }.items():
        if file and file != "-" and not Path(file).parent.is_dir():
            raise click.UsageError(f"{name} {file}: there is no folder {Path(file).parent}")
        if file and file != "-" and Path(file).exists() and not os.access(file, os.W_OK):
            raise click.UsageError(f"{name} {file}: cannot be written")


def _baseline(wish: Wish) -> Baseline | None:
    if not wish.baseline or (wish.update_baseline and not Path(wish.baseline).exists()):
        return None
    try:
        return read_baseline(Path(wish.baseline), [case.id for case in all_cases(wish.protocol)])
    except BaselineError as fault:
        raise click.UsageError(str(fault)) from None


def _update_baseline(path: Path, report: Report, console: Console) -> Baseline:
    text = read_text(path) if path.exists() else ""
    path.write_bytes(updated_text(text, report, str(path)).encode())  # as bytes, so that line ends stay as they are
    console.print(f"baseline written to {path}", highlight=False)
    return read_baseline(path, [case.id for case in all_cases(report.protocol)])


def _write_reports(wish: Wish, report: Report, compared: BaselineVerdict | None, console: Console) -> None:
    written = datetime.now(UTC) if wish.seed is None else None
    texts: dict[str | None, Callable[[], str]] = {
        wish.json_file: lambda: report_json(report),
        wish.junit: lambda: report_junit(report, compared),
        wish.html: lambda: report_html(report, compared, written),
    }
    for file, text in texts.items():
        if file == "-":
            click.echo(text(), nl=False)
        elif file:
            Path(file).write_text(text(), encoding="utf-8")
            console.print(f"report written to {file}", highlight=False)


def _console(stderr: bool = False) -> Console:
    """Colour and the width of the terminal on one; plain text of a fixed width where the output is piped."""
    console = Console(stderr=stderr, highlight=False)
    return console if console.is_terminal else Console(stderr=stderr, highlight=False, width=120)


def _give_up(message: str) -> None:
    click.echo(f"nen-ref: {message}", err=True)
    sys.exit(EXIT_USAGE)
