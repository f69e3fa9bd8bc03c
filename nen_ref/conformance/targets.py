"""Targets: a server at a URL, or an implementation behind its harness. Each gives a case what it needs to run."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Protocol, Self

import anyio

from nen_ref.conformance.checks import CannotBegin, Checks
from nen_ref.conformance.client_probe import ClientProbe
from nen_ref.conformance.divergence import first_difference
from nen_ref.conformance.harness.driver import Harness, HarnessFault
from nen_ref.conformance.harness.operations import OPERATIONS, OPTIONS
from nen_ref.conformance.harness.probe import ConfiguredProbe, Defaults, HarnessProbe
from nen_ref.conformance.model import Case, Implementation, Kind, Outcome, Result
from nen_ref.conformance.peer import Draft, Peer
from nen_ref.conformance.probe import Probe, Routes
from nen_ref.conformance.registry import STREAM_ROUTE
from nen_ref.protocol.messages import STATUS_PATH


class Unreachable(Exception):
    """The target does not answer at all: no HTTP at its URL, or a harness that does not start."""


class Target(Protocol):
    """To be used as an async context manager; Unreachable on entering it where nobody answers."""

    implementation: Implementation

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_: object) -> None: ...

    def missing(self, case: Case) -> list[str]:
        """What the case needs and the target did not declare."""

    def probe(self, case: Case) -> AbstractAsyncContextManager[Checks]:
        """What the case runs with."""

    async def explain(self, checks: Checks, result: Result) -> Result:
        """The result of a finding, with the first divergence where the target can tell it."""


class UrlTarget:
    """The Nen server at a URL."""

    def __init__(self, routes: Routes) -> None:
        self.implementation = Implementation(routes.url)
        self._routes = routes
        self._peer = Peer(routes.url)

    async def __aenter__(self) -> Self:
        answer = await self._peer.send(Draft("GET", STATUS_PATH))
        if answer.trouble:
            await self._peer.__aexit__()
            raise Unreachable(answer.trouble)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._peer.__aexit__()

    def missing(self, case: Case) -> list[str]:
        absent = [need for need in case.needs if need != STREAM_ROUTE or not self._routes.stream]
        return absent if case.kind is Kind.SERVER else [*absent, "a harness"]

    @asynccontextmanager
    async def probe(self, case: Case) -> AsyncIterator[Checks]:
        checks = Probe(case, target=self._routes, peer=self._peer)
        checks.peer = self._peer.recording(checks.record)
        yield checks

    async def explain(self, checks: Checks, result: Result) -> Result:
        return result


class HarnessTarget:
    """An implementation behind the harness `command`: its library, its client, and a server that the harness starts.

    Client and library cases that run at the same time have a process of the harness each. All server cases share one
    process, and but for those with options of their own one server in it.
    """

    def __init__(self, command: Sequence[str], protocol: str = "v1") -> None:
        self.implementation = Implementation("")
        self._command = tuple(command)
        self._protocol = protocol
        self._offers: frozenset[str] = frozenset()
        self._defaults: Defaults = {}
        self._idle: list[Harness] = []
        self._running: list[Harness] = []
        self._starting = anyio.Lock()
        self._server: tuple[Harness, UrlTarget, str] | None = None
        self._no_server: CannotBegin | None = None

    async def __aenter__(self) -> Self:
        harness = Harness(self._command)
        try:
            started = await harness.start()
        except HarnessFault as fault:
            raise Unreachable(str(fault)) from None
        self._running.append(harness)
        if self._protocol not in started.protocols:
            await harness.stop()
            raise Unreachable(f"the harness speaks {', '.join(started.protocols)}, not {self._protocol}")
        self.implementation, self._offers = started.implementation, started.offers
        self._defaults = self._version_asked_for()
        self._idle.append(harness)
        return self

    async def __aexit__(self, *_: object) -> None:
        with anyio.CancelScope(shield=True):
            if self._server is not None:
                await self._server[1].__aexit__()
            for harness in self._running:
                await harness.stop()

    def missing(self, case: Case) -> list[str]:
        needs = ("server.start", *case.needs) if case.kind is Kind.SERVER else case.needs
        return [need for need in dict.fromkeys(needs) if need not in self._offers and need != STREAM_ROUTE]

    @asynccontextmanager
    async def probe(self, case: Case) -> AsyncIterator[Checks]:
        if case.kind is Kind.SERVER:
            harness, server, _ = await self._shared_server()
            if "server.start" in case.needs:
                yield ConfiguredProbe(case, harness=harness, defaults=self._defaults)
                return
            async with server.probe(case) as checks:
                yield checks
            return
        harness = self._idle.pop() if self._idle else await self._another()
        try:
            if case.kind is Kind.CLIENT:
                async with ClientProbe.ready(case, harness, self._defaults) as client:
                    yield client
            else:
                yield HarnessProbe(case, harness=harness, defaults=self._defaults)
        finally:
            self._idle.append(harness)

    async def explain(self, checks: Checks, result: Result) -> Result:
        """Compare what the server holds of the case's last session with what the suite holds of it."""
        if self._server is not None and result.outcome is Outcome.CRASH:
            await self._server[0].settle()
        if not isinstance(checks, Probe) or not checks.sessions or "server.session" not in self._offers:
            return result
        if self._server is None or result.divergence:
            return result
        harness, _, name = self._server
        session = checks.sessions[-1]
        held = await harness.run("server.session", server=name, sid=session.sid)
        keys = {"enc": held["secret"], "mac": held["hmac_key"]} if held.ok else {}
        found = first_difference(checks.values_of(session), {**held.values, **keys} if held.ok else {})
        return replace(result, divergence=found)

    def _version_asked_for(self) -> Defaults:
        """How a server, a client and a verification are told which version to speak. V1 goes without saying, where it
        has to."""
        named = {"protocol": self._protocol}
        asked: Defaults = {"server.start": {"protocols": [self._protocol]}, "client.new": named}
        if self._protocol != "v1":
            return {**asked, "request.verify": named}
        return {op: option for op, option in asked.items() if set(option) <= self._offers}

    async def _another(self) -> Harness:
        """One more process of the harness."""
        harness = Harness(self._command)
        self._running.append(harness)
        try:
            await harness.start()
        except HarnessFault as fault:
            raise CannotBegin(Outcome.CRASH, f"crash: the harness does not start once more: {fault}") from None
        return harness

    async def _shared_server(self) -> tuple[Harness, UrlTarget, str]:
        """The server of all ordinary cases. One that a case brought down is started again; one that never came is not
        waited for by every case."""
        async with self._starting:
            if self._no_server is not None:
                raise self._no_server
            if self._server is None or not self._server[0].alive:
                try:
                    harness = self._idle.pop() if self._idle else await self._another()
                    self._server = await self._start_server(harness)
                except CannotBegin as fault:
                    self._no_server = fault
                    raise
            return self._server

    async def _start_server(self, harness: Harness) -> tuple[Harness, UrlTarget, str]:
        reply = await harness.run("server.start", **self._defaults.get("server.start", {}))
        if not reply.ok:
            await harness.stop()
            raise CannotBegin(reply.failure or Outcome.FAIL, f"server.start: {reply.describe()}")
        server = UrlTarget(Routes(reply["url"]))
        try:
            await server.__aenter__()
        except Unreachable as fault:
            await harness.stop()
            raise CannotBegin(Outcome.CRASH, f"the server of server.start cannot be reached: {fault}") from None
        return harness, server, reply["server"]


class ReferenceTarget(HarnessTarget):
    """The reference itself, behind its own harness. Its commands to see a case again name no target."""

    def __init__(self, protocol: str = "v1", *arguments: str) -> None:
        super().__init__((sys.executable, "-m", "nen_ref.conformance.harness.reference", *arguments), protocol)

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self.implementation = replace(self.implementation, target="")
        return self


def known_needs() -> frozenset[str]:
    """Everything that a case may need."""
    return frozenset(OPERATIONS) | frozenset(OPTIONS) | {STREAM_ROUTE}
