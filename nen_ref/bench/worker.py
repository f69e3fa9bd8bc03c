"""Several callers in a process of their own. It reports through a pipe, and ends when the other end is gone."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection as Pipe
from typing import Any

from nen_ref.bench.caller import Caller, deal
from nen_ref.bench.connection import BadAnswer
from nen_ref.bench.model import Kind
from nen_ref.protocol.errors import NenError
from nen_ref.providers.serving import calling_suite

REPORT_EVERY = 0.2  # seconds
PAUSE_AFTER_ERROR = 0.05  # seconds, so that a server that is down is not asked as fast as it refuses
START_PATIENCE = 30.0  # seconds until the server must have answered for the first time


@dataclass(frozen=True)
class Orders:
    """What one process has to do; `clients` are the numbers of its callers, `requests` its share of all."""

    host: str
    port: int
    clients: tuple[int, ...]
    requests: int
    seconds: float
    patience: float
    provider: str
    seed: int


@dataclass(frozen=True)
class Ready:
    """The process is there, and the server has answered it; or why not."""

    fault: str | None = None


@dataclass
class News:
    """What was measured since the last news; the last ones say for how long, and with how much CPU time (seconds)."""

    latencies: dict[Kind, list[float]] = field(default_factory=lambda: {kind: [] for kind in Kind})
    errors: dict[Kind, Counter[str]] = field(default_factory=lambda: {kind: Counter() for kind in Kind})
    last: bool = False
    seconds: float = 0.0
    cpu_seconds: float = 0.0


def work(pipe: Pipe[Any, Any], orders: Orders) -> None:
    """The whole life of the process: get ready, wait for the word, work, report."""
    with suppress(BrokenPipeError):  # nobody is there to report to
        asyncio.run(_Worker(pipe, orders).run())


class _Worker:
    def __init__(self, pipe: Pipe[Any, Any], orders: Orders) -> None:
        self._pipe = pipe
        self._orders = orders
        self._left = orders.requests
        self._news = News()
        self._begin = asyncio.Event()
        self._stopped = False
        suite = calling_suite(orders.provider)
        self._callers = {n: Caller(orders.host, orders.port, suite, f"client-{n}") for n in orders.clients}

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        fault = await self._probe()
        self._pipe.send(Ready(fault))
        if fault:
            return
        loop.add_reader(self._pipe.fileno(), self._told)
        await self._begin.wait()
        self._end = loop.time() + self._orders.seconds
        begin, cpu = time.perf_counter(), time.process_time()
        reporting = asyncio.create_task(self._report())
        try:
            async with asyncio.TaskGroup() as group:
                for n, caller in self._callers.items():
                    group.create_task(self._calls(caller, self._orders.seed * 1000 + n))
        finally:
            reporting.cancel()
            loop.remove_reader(self._pipe.fileno())
        self._news.last = True
        self._news.seconds = time.perf_counter() - begin
        self._news.cpu_seconds = time.process_time() - cpu
        self._pipe.send(self._news)

    def _told(self) -> None:
        """The first word is to begin, the second to stop; so is the end of the pipe."""
        try:
            self._pipe.recv()
        except (EOFError, OSError):
            self._stopped = True
            asyncio.get_running_loop().remove_reader(self._pipe.fileno())
        self._stopped = self._stopped or self._begin.is_set()
        self._begin.set()

    async def _probe(self) -> str | None:
        caller = next(iter(self._callers.values()))
        try:
            async with asyncio.timeout(START_PATIENCE):
                await caller.probe()
        except (OSError, BadAnswer, TimeoutError) as fault:
            return f"the server does not answer: {_said(fault, START_PATIENCE)}"
        finally:
            caller.close()
        return None

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(REPORT_EVERY)
            news, self._news = self._news, News()
            self._pipe.send(news)

    async def _calls(self, caller: Caller, seed: int) -> None:
        for card in deal(seed):
            if self._stopped or not self._left or asyncio.get_running_loop().time() >= self._end:
                break
            self._left -= 1
            kind = card if caller.has_session else Kind.HANDSHAKE
            try:
                async with asyncio.timeout(self._orders.patience):
                    elapsed = await caller.does(kind)
            except (OSError, BadAnswer, NenError, TimeoutError) as fault:
                self._news.errors[kind][_said(fault, self._orders.patience)] += 1
                caller.start_over()
                await asyncio.sleep(PAUSE_AFTER_ERROR)
            else:
                self._news.latencies[kind].append(elapsed)
        caller.close()


def _said(fault: Exception, patience: float) -> str:
    """What went wrong, in words of ours: whatever a server says stays out of terminals and files."""
    if isinstance(fault, TimeoutError):
        return f"no answer within {patience:g} s"
    if isinstance(fault, OSError):
        return f"the connection failed: {type(fault).__name__}"
    return str(fault)
