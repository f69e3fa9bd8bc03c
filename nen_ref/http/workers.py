"""Several server processes behind one listening socket; one that dies is started again."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from types import FrameType

import uvicorn

RESTARTS, WITHIN = 10, 30.0
"""So many deaths within so many seconds are no accident: everything ends."""
STOP_SECONDS = 10.0
ORPHAN_SECONDS = 0.5  # between two looks for the process that started a worker
ENDING = (signal.SIGTERM, signal.SIGINT)

Make = Callable[[], uvicorn.Config]
"""Makes the application, in the process that is to run it: connections to a store are not shared between processes."""


def serve_alone(make: Make, listener: socket.socket, ready: Callable[[], None]) -> None:
    """Serve in this process until a signal ends it."""
    server = uvicorn.Server(make())
    ready()
    server.run(sockets=[listener])


def serve_by_several(make: Make, listener: socket.socket, count: int, ready: Callable[[], None]) -> bool:
    """Serve by `count` processes until SIGINT or SIGTERM; False if they died too often to go on."""
    context = multiprocessing.get_context("fork")
    stopping = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    def start() -> BaseProcess:
        process = context.Process(target=_work, args=(make, listener, os.getpid()))
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)  # until the new process has given up the handlers of this one
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
        return process

    for number in ENDING:
        signal.signal(number, stop)
    processes = [start() for _ in range(count)]
    ready()
    deaths: deque[float] = deque(maxlen=RESTARTS)
    try:
        while not stopping:
            wait([process.sentinel for process in processes], timeout=0.5)
            for i, process in enumerate(processes):
                if process.exitcode is not None and not stopping:
                    if len(deaths) == RESTARTS and time.monotonic() - deaths[0] < WITHIN:
                        return False
                    deaths.append(time.monotonic())
                    processes[i] = start()
    finally:
        _stop(processes)
    return True


def _work(make: Make, listener: socket.socket, parent: int) -> None:
    for number in ENDING:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    with suppress(KeyboardInterrupt):
        uvicorn.Server(make()).run(sockets=[listener])


def _end_with(parent: int) -> None:
    """End this process once `parent` has died without a word: an orphan would keep the port from its successor."""
    while os.getppid() == parent:
        time.sleep(ORPHAN_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)


def _stop(processes: list[BaseProcess]) -> None:
    """End all of them, by force those that take too long."""
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for process in processes:
        process.join(max(0.0, deadline - time.monotonic()))
        if process.exitcode is None:
            process.kill()
            process.join()
