"""What a client case is given: a scripted server, and the implementation's own client that is driven against it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from nen_ref.conformance.harness.driver import Harness, Reply
from nen_ref.conformance.harness.operations import TRACE
from nen_ref.conformance.harness.probe import HarnessProbe, difference
from nen_ref.conformance.model import Case, Outcome
from nen_ref.conformance.scripted import ScriptedServer, Seen
from nen_ref.protocol.errors import NenError
from nen_ref.protocol.messages import SIGNATURE_HEADER, TIMESTAMP_HEADER
from nen_ref.protocol.signing import canonical_string, sign
from nen_ref.protocol.wire import encode_base64

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
    async def ready(cls, case: Case, harness: Harness) -> AsyncIterator[ClientProbe]:
        probe = cls(case, harness=harness)
        async with ScriptedServer(probe) as server:
            probe.server = server
            try:
                yield probe
            finally:
                for name in probe._clients:
                    await harness.run("client.close", client=name)

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
        self.findings.append(
            (Outcome.PASS if found in wanted else Outcome.FAIL, f"{found} {what}, expected {said}")
        )

    def compare(self, reply: Reply, seen: list[Seen]) -> None:
        """Where the harness gives intermediate values, name the first that is not the suite's."""
        for request in reversed(seen):
            if request.session is None or not reply.trace:
                continue
            ours = _values(request)
            for name in TRACE:
                if name in ours and name in reply.trace and reply.trace[name] != ours[name]:
                    self.diverged(difference(name, ours[name], reply.trace[name]))
                    return
            return


def _values(seen: Seen) -> Mapping[str, str]:
    """The intermediate values of a request as the specification has them, from what came over the wire."""
    assert seen.session is not None
    keys = seen.session.keys
    values = {"secret": keys.enc.hex(), "hmac_key": keys.mac.hex()}
    if not seen.headers.get(SIGNATURE_HEADER):
        return values
    try:
        nonce = encode_base64(seen.n) if seen.n else ""
    except NenError:
        return values
    timestamp = seen.headers.get(TIMESTAMP_HEADER, "")
    canonical = canonical_string(seen.method, seen.path, timestamp, nonce)
    return values | {
        "timestamp": timestamp,
        "canonical_string": canonical.decode("utf-8", "replace"),
        "signature": sign(keys.mac, canonical),
    }
