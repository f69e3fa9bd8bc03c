"""Servers that live as long as a module of tests, and what they log."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from starlette.types import ASGIApp

from nen_ref.http.demo_app import demo_app
from nen_ref.http.server import NenServer
from tests.http.live import serve


class Complaints(logging.Handler):
    """Whatever is logged as an error, or with an exception, wherever in the process."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR or record.exc_info:
            self.said.append(f"{record.name}: {record.getMessage()} {record.exc_info}")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def start() -> Iterator[Callable[..., str]]:
    """Start an ASGI application under uvicorn until the end of the module; gives its URL."""
    with ExitStack() as stack:

        def start(app: ASGIApp, **options: Any) -> str:
            return stack.enter_context(serve(app, **options))

        yield start


@pytest.fixture(scope="module")
def demo(start: Callable[..., str]) -> str:
    """The URL of the demonstration application."""
    return start(demo_app(NenServer()))


@pytest.fixture(scope="module")
def complaints() -> Iterator[Complaints]:
    handler = Complaints()
    root = logging.getLogger()
    root.addHandler(handler)
    yield handler
    root.removeHandler(handler)
