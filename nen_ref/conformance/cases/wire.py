"""Sizes: V1-WIRE-06 and V1-WIRE-07."""

from __future__ import annotations

from nen_ref.conformance.model import ACCEPTED, REFUSED
from nen_ref.conformance.probe import Probe
from nen_ref.conformance.registry import case
from nen_ref.protocol.wire import dump_json

LIMIT = 10 * 1024 * 1024


@case(
    "v1/wire/answer-size",
    "V1-WIRE-06",
    ACCEPTED,
    why="encryption that multiplies traffic is turned off again",
    cause="bytes are sent as number arrays, in hex, or base64 of base64",
)
async def answer_size(probe: Probe) -> None:
    """Answers to payloads of 1, 4 and 64 KiB are below 1.4 times what they seal."""
    session = await probe.session()
    for size in (1024, 4096, 65536):
        reply = await probe.echo(session, dump_json("z" * size))
        probe.judge(reply, f"{size} bytes")
        if reply.accepted:
            sealed = len(dump_json(reply.value))
            ratio = len(reply.body) / sealed
            probe.ensure(ratio < 1.4, f"{len(reply.body)} bytes for {sealed}: {ratio:.2f} times")


@case(
    "v1/wire/body-over-limit",
    "V1-WIRE-07",
    REFUSED,
    why="a server without a bound can be filled up by one client",
    cause="the body is collected in memory before it is measured",
)
async def body_over_limit(probe: Probe) -> None:
    """A right request of a little more than 10 MiB is refused, and the server goes on serving."""
    session = await probe.session()
    payload = b'"' + b"x" * (LIMIT * 3 // 4) + b'"'  # base64 of it and its tag is a little over the limit
    draft = probe.draft(session, payload)
    assert draft.body is not None
    assert len(draft.body) > LIMIT
    probe.judge(await probe.send(draft, session), f"{len(draft.body)} bytes, right in every other respect")
    probe.accepted(await probe.echo(session), "the session afterwards")


@case(
    "v1/wire/handshake-over-limit",
    "V1-WIRE-07",
    REFUSED,
    why="a handshake needs no session: anyone can send it",
    cause="the limit is on application routes only",
)
async def handshake_over_limit(probe: Probe) -> None:
    """A handshake of two MiB is refused, and the server goes on serving."""
    body = b'{"pk":"' + b"A" * (2 * 1024 * 1024) + b'"}'
    probe.judge(await probe.handshake_bytes(body), f"{len(body)} bytes")
    probe.accepted(await probe.echo(await probe.session()), "the server afterwards")


@case(
    "v1/wire/handshake-over-its-own-limit",
    "V1-WIRE-07",
    REFUSED,
    why="a handshake needs no session: what it may cost the server, anyone may cost it",
    cause="a handshake is read up to the limit of a request",
)
async def handshake_over_its_own_limit(probe: Probe) -> None:
    """A right handshake of 16 KiB is taken; with a further member that makes it 70 000 bytes it is refused."""
    fits = await probe.handshake_with(more="x" * 14_000)
    probe.ensure(fits.accepted, f"16 KiB, with a further member: {fits.describe()}")
    probe.judge(await probe.handshake_with(more="x" * 70_000), "70 000 bytes, right in every other respect")
