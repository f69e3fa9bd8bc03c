"""A Dask cluster in place of the processes of this machine: the optional extra `nen-ref[dask]`."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import CancelledError, Executor
from contextlib import contextmanager
from pkgutil import resolve_name
from typing import Any
from urllib.parse import urlsplit

import anyio

from nen_ref import __version__
from nen_ref.conformance.text import shortened
from nen_ref.providers import MissingLibraryError

CONNECT_SECONDS = 10
SCHEMES = ("tcp", "tls", "ws", "inproc")


class SchedulerFault(Exception):
    """The cluster cannot be used; the text says why."""


@contextmanager
def dask_executor(address: str) -> Iterator[Executor]:
    """The executor of the cluster at `address`, such as tls://10.0.0.1:8786, which has a worker at least.

    The seed travels to the scheduler and its workers, so that a secret one asks for tls://, with the certificates in
    the configuration of Dask. Workers need nen-ref[oracles] of this version. Raises MissingLibraryError without the
    package distributed, SchedulerFault where there is no cluster that can do the work, or it fails on the way.
    """
    check_address(address)
    try:
        from distributed import Client, KilledWorker  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        raise MissingLibraryError("--scheduler needs the package distributed: pip install nen-ref[dask]") from None
    _quiet()
    try:
        anyio.run(_connect, address)
        client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, TimeoutError, ValueError, TypeError, RuntimeError) as fault:
        hint = "; tls:// needs certificates in the configuration of Dask" if isinstance(fault, TypeError) else ""
        raise SchedulerFault(f"{address}: no Dask scheduler answers there ({type(fault).__name__}){hint}") from None
    with client:
        try:
            _check_workers(client, address)
            executor: Executor = client.get_executor()
            yield executor
        except (KilledWorker, CancelledError) as fault:
            raise SchedulerFault(f"{address}: the cluster gave up the work ({type(fault).__name__})") from None


def check_address(address: str) -> None:
    """Raise SchedulerFault unless it is SCHEME://HOST: Dask itself takes anything, and guesses."""
    scheme, separator, rest = address.partition("://")
    if not separator or scheme not in SCHEMES or not rest:
        known = ", ".join(f"{scheme}://" for scheme in SCHEMES)
        raise SchedulerFault(f"--scheduler {address}: the address begins with one of {known}")
    try:
        _ = urlsplit(address).port
    except ValueError:
        raise SchedulerFault(f"--scheduler {address}: the port is no number below 65536") from None


async def _connect(address: str) -> None:
    """Connect once, and no more: a Client whose first connection fails waits in its destructor, and prints a
    traceback."""
    from distributed import Security  # type: ignore[import-untyped, unused-ignore]
    from distributed.comm.core import connect  # type: ignore[import-untyped, unused-ignore]

    comm = await connect(address, timeout=CONNECT_SECONDS, **Security().get_connection_args("client"))
    await comm.close()


def _check_workers(client: Any, address: str) -> None:
    """Raise SchedulerFault unless there are workers, each with this version of nen-ref."""
    try:
        client.wait_for_workers(1, timeout=CONNECT_SECONDS)
    except TimeoutError:
        raise SchedulerFault(
            f"{address}: the scheduler has no workers, {CONNECT_SECONDS} s long: dask worker {address}"
        ) from None
    # A function of the standard library, which can be named to a worker that has no nen-ref.
    for worker, found in client.run(resolve_name, "nen_ref:__version__", on_error="return").items():
        if found != __version__:
            has = f"nen-ref {found}" if isinstance(found, str) else f"no nen-ref ({shortened(repr(found), 100)})"
            raise SchedulerFault(f"worker {worker} has {has}; it needs nen-ref[oracles] {__version__}")


def _quiet() -> None:
    """What goes wrong is told in one line, by an exception: Dask would log each try, with tracebacks."""
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
