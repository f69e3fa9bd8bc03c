"""What a client case is given: a scripted server, and the implementation's own client that is driven against it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from nen_ref.conformance.divergence import first_difference, key_values, request_values
from nen_ref.conformance.harness.driver import Harness, Reply
from nen_ref.conformance.harness.probe import Defaults, HarnessProbe
from nen_ref.conformance.model import Case, Outcome
from nen_ref.conformance.scripted import ScriptedServer, Seen, as_it_should
from nen_ref.protocol.versions import VERSIONS

ECHO = "/api/echo"
STREAM = "/api/stream"


@dataclass(frozen=True)
class Client:
    """One client of the implementation, by the name that its harness gave it."""

    probe: ClientProbe
    name: str

    async def handshake(self) -> Reply:
        return await self._call("client.handshake")

    async def request(self, method: str = "POST", target: str = ECHO, **payload: Any) -> Reply:
        """A request; its body is `payload=...`, and there is none without it."""
        return await self._call("client.request", method=method, target=target, **payload)

    async def echo(self, value: Any = "hello") -> Reply:
        return await self.request(payload=value)

    async def stream(self, method: str = "POST", target: str = STREAM, **payload: Any) -> Reply:
        return await self._call("client.stream", method=method, target=target, **payload)

    async def chunks(self, *chunks: str) -> Reply:
        """A stream of these chunks."""
        return await self.stream(payload={"chunks": list(chunks)})

    async def status(self) -> Reply:
        return await self._call("client.status")

    async def rotate(self) -> Reply:
        return await self._call("client.rotate")

    async def rekey(self) -> Reply:
        return await self._call("client.rekey")

    async def resume(self) -> Reply:
        return await self._call("client.resume")

    async def terminate(self) -> Reply:
        return await self._call("client.terminate")

    async def _call(self, op: str, **args: Any) -> Reply:
        before = len(self.probe.server.seen)
        reply = await self.probe.call(op, client=self.name, **args)
        self.probe.compare(reply, self.probe.server.seen[before:])
        return reply


@dataclass
class ClientProbe(HarnessProbe):
    """One run of one case against one client. `server` is the scripted server, made for this case alone."""

    server: ScriptedServer = field(init=False)
    _clients: list[str] = field(default_factory=list)

    @classmethod
    @asynccontextmanager
    async def ready(cls, case: Case, harness: Harness, defaults: Defaults) -> AsyncIterator[ClientProbe]:
        probe = cls(case, harness=harness, defaults=defaults)
        async with ScriptedServer(probe, VERSIONS[case.protocol]) as server:
            probe.server = server
            yield probe

    async def finish(self) -> None:
        for name in self._clients:
            await self.put_away("client.close", client=name)

    async def client(self, *, base_url: str = "", **options: Any) -> Client:
        """A new client of the scripted server; it has no session yet."""
        made = await self.done("client.new", base_url=base_url or self.server.url, **options)
        self._clients.append(made["client"])
        return Client(self, made["client"])

    async def established(self, **options: Any) -> Client:
        """A new client with a session."""
        client = await self.client(**options)
        reply = await client.handshake()
        self.need(reply.ok, f"the handshake before it: {reply.describe()}")
        return client

    def last_request(self, note: str) -> Seen:
        """The last request to a route of the application; the case ends here if none came."""
        self.need(bool(self.server.requests), f"{note}: no request came")
        return self.server.requests[-1]

    # Judging

    def gave(self, reply: Reply, note: str, **expected: Any) -> None:
        """The operation went well, with these values."""
        self.matches(reply, note, expected)

    def released(self, reply: Reply, note: str, *allowed: str) -> None:
        """What a stream handed out before it failed is one of these texts."""
        text = reply.values.get("released")
        if text is not None:
            self.ensure(text in allowed, f"{note}: {text[:60]!r} was handed out before the error")

    def right_requests(self, note: str, requests: list[Seen] | None = None) -> None:
        """Every request of the client is right by the specification."""
        for seen in self.server.requests if requests is None else requests:
            self.ensure(not seen.fault, f"{note}: {seen.method} {seen.target}: {seen.wrong or 'right'}")

    def count(self, what: str, found: int, expected: int | range) -> None:
        wanted = range(expected, expected + 1) if isinstance(expected, int) else expected
        said = str(expected) if isinstance(expected, int) else f"{wanted[0]} to {wanted[-1]}"
        self.findings.append((Outcome.PASS if found in wanted else Outcome.FAIL, f"{found} {what}, expected {said}"))

    def compare(self, reply: Reply, seen: list[Seen]) -> None:
        """Where the harness gives intermediate values, name the first that is not the suite's."""
        known = [values for values in map(self._values, seen) if values]
        if known and (found := first_difference(known[-1], reply.trace)):
            self.diverged(found)

    def _values(self, seen: Seen) -> dict[str, str]:
        """The intermediate values of a request, or of a handshake that was answered as it should be."""
        if seen.accepted is not None and self.server.on_handshake is as_it_should:
            return key_values(seen.version, seen.accepted.session.keys)
        if seen.session is None or seen.is_handshake:
            return {}
        return request_values(seen.request, seen.version, seen.session.keys)
