"""What a case is given that examines a library, a client or a configured server through its harness."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from nen_ref.conformance.checks import CannotBegin, Checks
from nen_ref.conformance.divergence import difference, first_difference
from nen_ref.conformance.harness.driver import Harness, Reply
from nen_ref.conformance.harness.operations import OPERATIONS, OPTIONS
from nen_ref.conformance.model import Kind, Outcome, Skip
from nen_ref.conformance.peer import Peer
from nen_ref.conformance.probe import Probe, Routes

Defaults = Mapping[str, Mapping[str, Any]]
"""Arguments of operations that go along with those of the case: the version that is spoken."""


@dataclass
class HarnessProbe(Checks):
    """One run of one case against one harness; also the probe of library cases."""

    harness: Harness = field(kw_only=True)
    defaults: Defaults = field(default_factory=dict, kw_only=True)

    async def call(self, op: str, **args: Any) -> Reply:
        """The answer to one operation, which the case has declared in its `needs`, options of it included.

        A step of a library has no options: it takes all of its arguments.
        """
        options = set(args) & set(OPTIONS) if OPERATIONS[op].kind is not Kind.LIBRARY else set()
        undeclared = {op, *options} - set(self.case.needs)
        if undeclared:
            raise ValueError(f"{self.case.id} uses {', '.join(undeclared)} without declaring it")
        args = {**self.defaults.get(op, {}), **args}
        reply = await self.harness.run(op, **args)
        if reply.failure is Outcome.SKIP:
            raise Skip(reply.trouble)
        self.record(f"{op} {json.dumps(args, default=_shown, ensure_ascii=False)}", reply.text())
        return reply

    async def put_away(self, op: str, **args: Any) -> None:
        """End what was made, unless it went down with its process; a failure of that is a finding."""
        if not self.harness.alive:
            return
        reply = await self.harness.run(op, **args)
        if reply.failure not in (None, Outcome.SKIP):
            self.findings.append((reply.failure or Outcome.FAIL, f"{op}: {reply.describe()}"))

    async def done(self, op: str, **args: Any) -> Reply:
        """As `call`, for a step that the case builds on: it ends here unless the answer is ok."""
        reply = await self.call(op, **args)
        if not reply.ok:
            raise CannotBegin(reply.failure or Outcome.FAIL, f"{op} before it: {reply.describe()}")
        return reply

    def matches(self, reply: Reply, note: str, expected: Mapping[str, Any], trace: Mapping[str, Any] = {}) -> bool:
        """Check that an operation gives these values; bytes stand for their hexadecimal text.

        `trace` are the intermediate values on the way. The first that the harness gives otherwise is the divergence.
        """
        earlier = first_difference({name: as_text(value) for name, value in trace.items()}, reply.trace)
        if earlier:
            self.diverged(f"{note}: {earlier}")
        if not reply.ok:
            self.findings.append((reply.failure or Outcome.FAIL, f"{note}: {reply.describe()}"))
            return False
        wrong = [
            name
            for name, value in expected.items()
            if name not in reply.values or not same_json(reply.values[name], as_text(value))
        ]
        if wrong:
            first = difference(wrong[0], as_text(expected[wrong[0]]), reply.values.get(wrong[0]))
            self.diverged(f"{note}: {first}")
            self.findings.append((Outcome.FAIL, f"{note}: {first}"))
        else:
            self.findings.append((Outcome.PASS, f"{note}: {', '.join(expected) or 'done'} as expected"))
        return not wrong


@dataclass
class ConfiguredProbe(HarnessProbe):
    """For cases that need a server with options of their own."""

    @asynccontextmanager
    async def server(self, **options: Any) -> AsyncIterator[Probe]:
        """A server with these options, for the time of the block; its checks are this case's."""
        started = await self.done("server.start", **options)
        try:
            async with Peer(started["url"], record=self.record) as peer:
                target = Routes(started["url"])
                yield Probe(self.case, self.findings, self.exchanges, target=target, peer=peer)
        finally:
            await self.put_away("server.stop", server=started["server"])


def same_json(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same. True is not 1, to JSON."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_json(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_json, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def as_text(value: Any) -> Any:
    """A value as it stands in a message: bytes in hexadecimal."""
    if isinstance(value, bytes):
        return value.hex()
    return [as_text(entry) for entry in value] if isinstance(value, list) else value


def _shown(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else repr(value)
