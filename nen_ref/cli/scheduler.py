"""A Dask cluster in place of the processes of this machine: the optional extra `nen-ref[dask]`."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager

from nen_ref.providers import MissingLibraryError

CONNECT_SECONDS = 10


@contextmanager
def dask_executor(address: str) -> Iterator[Executor]:
    """The executor of the cluster at `address`, such as tcp://10.0.0.1:8786.

    Its workers need nen-ref[oracles] of the same version. Raises MissingLibraryError without
    the package distributed, OSError where nobody answers.
    """
    try:
        from distributed import Client  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        raise MissingLibraryError("--scheduler needs the package distributed: pip install nen-ref[dask]") from None
    try:
        client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as fault:
        raise OSError(0, f"no Dask scheduler answers there ({type(fault).__name__})", address) from None
    with client:
        executor: Executor = client.get_executor()
        yield executor
