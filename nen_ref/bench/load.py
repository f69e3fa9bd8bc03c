"""A run: the processes of the clients, started together, and what they report gathered while it lasts."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection as Pipe
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import Any, TypeAlias

from nen_ref.bench.model import Crowd, Limits, Measured, check_loopback
from nen_ref.bench.worker import START_PATIENCE, News, Orders, Ready, work

SHOW_EVERY = 0.5  # seconds
START_LIMIT = START_PATIENCE + 30  # seconds until every process must be ready
SLACK = 20  # seconds that a run may take beyond what its limits and the patience with the last answers allow


class LoadFailed(RuntimeError):
    """The load could not be made: the server was never there, or a client process of ours failed."""


Pipes: TypeAlias = "dict[Pipe[Any, Any], BaseProcess]"


def run_load(url: str, limits: Limits, crowd: Crowd, show: Callable[[Measured], None] = lambda _: None) -> Measured:
    """Send load to the server at `url` until a limit is reached, and count what it answers.

    `show` is called about twice a second. Raises NotLoopback and ValueError for the URL, LoadFailed.
    """
    host, port = check_loopback(url)
    with _processes(_orders(host, port, limits, crowd)) as pipes:
        _await_ready(pipes)
        for pipe in pipes:
            pipe.send("begin")
        return _gather(pipes, limits, show)


def _orders(host: str, port: int, limits: Limits, crowd: Crowd) -> list[Orders]:
    """One for each process: every one gets its share of the clients and of the requests."""
    shares = [limits.requests // crowd.processes] * crowd.processes
    for i in range(limits.requests % crowd.processes):
        shares[i] += 1
    return [
        Orders(
            host=host,
            port=port,
            clients=tuple(range(i, crowd.clients, crowd.processes)),
            requests=share,
            seconds=limits.seconds,
            patience=limits.patience,
            provider=crowd.provider,
            seed=crowd.seed,
        )
        for i, share in enumerate(shares)
    ]


@contextmanager
def _processes(orders: list[Orders]) -> Iterator[Pipes]:
    context = get_context("spawn")  # nothing inherited: neither threads nor the terminal's state
    pipes: Pipes = {}
    try:
        for order in orders:
            ours, theirs = context.Pipe()
            process: BaseProcess = context.Process(target=work, args=(theirs, order), daemon=True)
            with _without_interrupts():
                process.start()
            theirs.close()
            pipes[ours] = process
        yield pipes
    finally:
        for pipe in pipes:
            pipe.close()  # whoever still works stops then
        for process in pipes.values():
            process.join(2)
            if process.is_alive():
                process.kill()
                process.join()
            process.close()


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """What is started meanwhile never sees Ctrl-C, not even while it imports: the terminal sends it to all processes,
    and ours is the one to decide."""
    resource_tracker.ensure_running()  # which `start` would do, and unblock the signal with it
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _await_ready(pipes: Pipes) -> None:
    deadline = time.monotonic() + START_LIMIT
    waiting = set(pipes)
    while waiting:
        ready = wait(list(waiting), max(deadline - time.monotonic(), 0))
        if not ready:
            raise LoadFailed(f"the client processes were not ready within {START_LIMIT:g} s")
        for pipe in waiting.intersection(ready):
            message = _received(pipe)
            if isinstance(message, Ready) and message.fault:
                raise LoadFailed(message.fault)
            waiting.discard(pipe)


def _gather(pipes: Pipes, limits: Limits, show: Callable[[Measured], None]) -> Measured:
    measured = Measured()
    begin = shown = time.monotonic()
    deadline = begin + limits.seconds + limits.patience + SLACK
    working = set(pipes)
    seconds = cpu_seconds = 0.0
    while working:
        if time.monotonic() > deadline:
            raise LoadFailed("the client processes did not end in time")
        for pipe in working.intersection(wait(list(working), SHOW_EVERY)):
            news = _received(pipe)
            assert isinstance(news, News)
            for kind, tally in measured.tallies.items():
                tally.add(news.latencies[kind], news.errors[kind])
            if news.last:
                working.discard(pipe)
                seconds, cpu_seconds = max(seconds, news.seconds), cpu_seconds + news.cpu_seconds
        measured.seconds = time.monotonic() - begin
        if time.monotonic() - shown >= SHOW_EVERY:
            shown = time.monotonic()
            show(measured)
    measured.seconds = seconds
    measured.client_cores = cpu_seconds / seconds / len(pipes) if seconds else None
    return measured


def _received(pipe: Pipe[Any, Any]) -> object:
    with suppress(EOFError, ConnectionError):
        return pipe.recv()
    raise LoadFailed("a client process ended before its time")
