"""`nen-ref bench`, and of it `load`: load on a server over loopback, its latencies live, its answers checked."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from typing import NoReturn
from urllib.parse import SplitResult, urlsplit

import click
from rich.console import Console

from nen_ref.bench.load import LoadFailed, run_load
from nen_ref.bench.local_redis import PROGRAM, RedisDidNotStart, installed, local_redis
from nen_ref.bench.machine import load_average, usable_cores
from nen_ref.bench.model import (
    DECK,
    MAX_CLIENTS,
    MAX_PROCESSES,
    MAX_REQUESTS,
    MAX_SECONDS,
    Crowd,
    Limits,
    check_loopback,
)
from nen_ref.bench.report import OWN_REDIS, SHARED, Configuration, Run, as_json
from nen_ref.bench.terminal import Progress, bottleneck, comparison, kinds_table
from nen_ref.cli.bench_speed import commands
from nen_ref.cli.results import INTERRUPTED, check_json, console_beside, json_option, write_json
from nen_ref.conformance.embedded import ServerDidNotStart, embedded_server
from nen_ref.providers import MissingLibraryError, provider

MEMORY = "memory:"
WORKERS = ("1", "4")
PROVIDERS = ("reference", "cryptography")


@click.group()
def bench() -> None:
    """Measure how long computing takes, and what a server bears."""


for command in commands():
    bench.add_command(command)


@bench.command()
@click.option("--store", help="memory: (default), redis: (starts a redis-server), or redis://127.0.0.1:PORT.")
@click.option("--workers", type=click.Choice(WORKERS), help="Processes of the server (default 1).")
@click.option("--provider", "provider_name", type=click.Choice(PROVIDERS), help="Of the server (default reference).")
@click.option("--matrix", is_flag=True, help="One configuration after another: every value of what is not given.")
@click.option("--url", help="Measure the server that runs at this loopback URL, with /api/echo and /api/stream.")
@click.option(
    "--requests",
    type=click.IntRange(1, MAX_REQUESTS),
    default=Limits.requests,
    show_default=True,
    help="A run ends after so many,",
)
@click.option(
    "--seconds",
    type=click.FloatRange(0.1, MAX_SECONDS),
    default=Limits.seconds,
    show_default=True,
    help="or after so long.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(0.1, 60),
    default=Limits.patience,
    show_default=True,
    help="Seconds after which a missing answer is an error.",
)
@click.option(
    "--clients",
    type=click.IntRange(1, MAX_CLIENTS),
    default=Crowd.clients,
    show_default=True,
    help="Each has one request under way.",
)
@click.option(
    "--processes",
    type=click.IntRange(1, MAX_PROCESSES),
    help="That the clients are spread over (default: half of the cores, at most 4).",
)
@click.option(
    "--client-provider",
    type=click.Choice(PROVIDERS),
    default=Crowd.provider,
    show_default=True,
    help="Primitives of the clients.",
)
@json_option
def load(
    store: str | None,
    workers: str | None,
    provider_name: str | None,
    matrix: bool,
    url: str | None,
    requests: int,
    seconds: float,
    timeout: float,
    clients: int,
    processes: int | None,
    client_provider: str,
    json_file: str | None,
) -> None:
    """Start a server, send it mixed traffic, and show throughput and latencies while they are measured.

    Every client makes a session and sends handshakes, status questions, signed requests with small and with 16 KiB
    bodies, and streams; each waits for an answer before it sends the next request. Every answer is checked: a wrong
    one is an error, and the exit code is then 1. Latency is from writing a request to the last byte of its answer.

    Everything stays on this machine: any other host is refused.
    """
    if url:
        if store or workers or provider_name or matrix:
            raise click.UsageError("--url measures a server as it runs: leave out --store, --workers, --provider")
        if _split(url).scheme != "http":
            raise click.UsageError("--url: http://127.0.0.1:PORT")
        host, port = _loopback(url)
        configurations = [Configuration(url=f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")]
    else:
        configurations = _configurations(store, workers, provider_name, matrix)
    try:
        limits = Limits(requests, seconds, timeout)
        default = min(max(usable_cores() // 2, 1), 4, clients)
        crowd = Crowd(clients, default if processes is None else processes, client_provider)
        computing = provider(client_provider).version
    except (ValueError, MissingLibraryError) as fault:
        raise click.UsageError(str(fault)) from None
    check_json(json_file)
    console = console_beside(json_file)
    plural = "" if crowd.processes == 1 else "es"
    console.print(
        f"{crowd.clients} clients in {crowd.processes} process{plural}, computing with {computing}; {SHARED}.",
        markup=False,
    )
    mix = ", ".join(f"{count} {kind.value}" for kind, count in DECK.items())
    console.print(f"of {sum(DECK.values())} requests: {mix}; ends after {requests} of them or {seconds:g} s")
    busy = load_average()
    if busy is not None and busy > usable_cores() / 2:
        console.print(f"the machine is busy with something else already: load average {busy}", style="yellow")
    runs: list[Run] = []
    interrupted = False
    with _ending_in_order():
        try:
            for configuration in configurations:
                runs.append(_measure(console, configuration, limits, crowd))
        except KeyboardInterrupt:
            interrupted = True
            console.print("interrupted", style="yellow")
    if len(runs) > 1:
        console.print()
        console.print(comparison(runs))
    write_json(json_file, json.dumps(as_json(runs, limits, crowd, busy), indent=2) + "\n")
    if interrupted:
        sys.exit(INTERRUPTED)
    sys.exit(0 if all(run.ok for run in runs) else 1)


def _configurations(store: str | None, workers: str | None, name: str | None, matrix: bool) -> list[Configuration]:
    """What is given, and for the matrix every value of the rest. UsageError for what cannot be."""
    stores = [store or MEMORY] if store or not matrix else [MEMORY, OWN_REDIS]
    counts = [workers or "1"] if workers or not matrix else WORKERS
    names = [name or PROVIDERS[0]] if name or not matrix else PROVIDERS
    for each in stores:
        _check_store(each)
    chosen = [
        Configuration(one, int(count), of)
        for one, count, of in product(stores, counts, names)
        if one != MEMORY or count == "1"
    ]
    if not chosen:
        raise click.UsageError("memory: with more than one worker: each would have sessions that the others lack")
    return chosen


def _check_store(store: str) -> None:
    if store == MEMORY:
        return
    if store == OWN_REDIS:
        if not installed():
            raise click.UsageError(f"{PROGRAM} is not installed (Debian: apt-get install redis-server)")
        return
    parts = _split(store)
    if parts.scheme != "redis":  # not shown: it may hold a password
        raise click.UsageError("--store: memory:, redis:, or redis://127.0.0.1:PORT/DATABASE")
    if parts.username is not None or parts.password is not None:
        raise click.UsageError("--store: without a password, which everyone would see in the list of processes")
    _loopback(store)


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:  # its message repeats the URL
        raise click.UsageError("not a URL") from None


def _loopback(url: str) -> tuple[str, int]:
    try:
        return check_loopback(url)
    except ValueError as fault:
        raise click.UsageError(str(fault)) from None


def _measure(console: Console, configuration: Configuration, limits: Limits, crowd: Crowd) -> Run:
    console.print()
    try:
        with _server(configuration) as url, Progress(console, configuration) as progress:
            measured = run_load(url, limits, crowd, progress.show)
    except (ServerDidNotStart, RedisDidNotStart, LoadFailed) as fault:
        console.print(f"{configuration.title}: {fault}", style="red", markup=False)
        return Run(configuration, fault=str(fault))
    console.print(kinds_table(configuration.title, measured))
    console.print(bottleneck(measured))
    return Run(configuration, measured)


@contextmanager
def _server(configuration: Configuration) -> Iterator[str]:
    """The URL of a server of this configuration, which ends with the block."""
    if configuration.url:
        yield configuration.url
    elif configuration.own_redis:
        with local_redis() as store, embedded_server(*_arguments(configuration, store)) as url:
            yield url
    else:
        with embedded_server(*_arguments(configuration, configuration.store)) as url:
            yield url


def _arguments(configuration: Configuration, store: str) -> Sequence[str]:
    return ("--store", store, "--workers", str(configuration.workers), "--provider", configuration.provider)


@contextmanager
def _ending_in_order() -> Iterator[None]:
    """SIGTERM and SIGHUP end us as an exception, so that what we have started ends too: Redis does not by itself."""

    def leave(number: int, _frame: object) -> NoReturn:
        sys.exit(128 + number)

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
