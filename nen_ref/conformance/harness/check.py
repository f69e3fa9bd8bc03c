"""`nen-ref conformance harness --check`: one message of every kind to a harness, and what is wrong with the answers."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.lowlevel
from rich.console import Console
from rich.table import Table
from rich.text import Text

from nen_ref.conformance.checks import Checks
from nen_ref.conformance.harness.driver import Harness, HarnessFault, Reply, Started
from nen_ref.conformance.harness.examples import examples, some_bytes
from nen_ref.conformance.harness.operations import OPERATIONS
from nen_ref.conformance.model import Case, Kind, Outcome
from nen_ref.conformance.peer import Peer, handshake_draft, hello
from nen_ref.conformance.scripted import ScriptedServer
from nen_ref.conformance.text import number
from nen_ref.protocol.versions import VERSIONS, Version

UNKNOWN = "no.such.operation"
FINE, FINDINGS, UNUSABLE = 0, 1, 2
V3_ALONE = ("client.rekey", "client.resume")


async def check_harness(command: Sequence[str], console: Console) -> int:
    """Show what each operation answers; 0 if every answer is of the protocol, 1 if not, 2 if there is no harness."""
    async with Harness(command) as harness:
        try:
            started = await harness.start()
        except HarnessFault as fault:
            print(f"nen-ref: not usable: {fault}", file=sys.stderr)
            return UNUSABLE
        console.print(f"{started.implementation.label} speaks {', '.join(started.protocols)}", style="bold")
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("operation", no_wrap=True)
        table.add_column("answer", no_wrap=True)
        table.add_column("remark", overflow="fold")
        problems = 0
        for name in OPERATIONS:
            if name in started.offers:
                with console.status(name):
                    reply = await _tried(harness, name, _version(started, name))
                problems += not reply.ok and reply.failure is not Outcome.SKIP
                table.add_row(name, *_shown(reply))
            else:
                table.add_row(Text(name, style="dim"), Text("not offered", style="dim"), "")
        for name, (word, remark) in (await _manners(harness, started)).items():
            problems += word != "ok"
            table.add_row(name, Text(word, style="green" if word == "ok" else "red"), remark)
        console.print(table)
    verdict = "every answer is of the harness protocol" if not problems else f"{number(problems, 'answer')} to mend"
    console.print(verdict, style="bold red" if problems else "bold green")
    if not problems:
        console.print("whether they are right, the suite itself says: leave --check out")
    return FINDINGS if problems else FINE


def _shown(reply: Reply) -> tuple[Text, Text]:
    if reply.failure is Outcome.SKIP:
        return Text("skipped", style="cyan"), Text(reply.trouble)
    if reply.failure is not None:
        return Text(reply.failure.value, style="red"), Text(reply.trouble)
    if reply.code:
        said = f": {reply.values['detail']}" if reply.values.get("detail") else ""
        return Text(reply.code, style="red"), Text(f"this example is right and should be ok{said}")
    return Text("ok", style="green"), Text(f"trace: {', '.join(reply.trace)}" if reply.trace else "", style="dim")


def _version(started: Started, name: str) -> Version:
    """The version in which an operation is tried: the first that the harness speaks, or the one that has it."""
    return VERSIONS["v3" if name in V3_ALONE else started.protocols[0]]


async def _tried(harness: Harness, name: str, version: Version) -> Reply:
    """One operation, with what it needs made before it and ended after it."""
    if name in examples():
        return await harness.run(name, **examples()[name])
    if name.startswith("client."):
        async with _scripted(version) as server:
            return await _tried_client(harness, name, server)
    return await _tried_server(harness, name, version)


def _named(option: str, value: object, version: Version) -> dict[str, Any]:
    """The option that asks for a version; V1 goes without saying."""
    return {} if version is VERSIONS["v1"] else {option: value}


async def _tried_client(harness: Harness, name: str, server: ScriptedServer) -> Reply:
    spoken = _named("protocol", server.version.name, server.version)
    made = await harness.run("client.new", base_url=server.url, **spoken)
    if name == "client.new" or not made.ok:
        return made
    client = {"client": made["client"]}
    if name not in ("client.handshake", "client.close"):
        handshake = await harness.run("client.handshake", **client)
        if not handshake.ok:
            return handshake
    further: dict[str, dict[str, Any]] = {
        "client.request": {"method": "POST", "target": "/api/echo", "payload": {"hello": "world"}},
        "client.stream": {"method": "POST", "target": "/api/stream", "payload": {"chunks": ["a", "b"]}},
    }
    reply = await harness.run(name, **client, **further.get(name, {}))
    if name != "client.close":
        await harness.run("client.close", **client)
    return reply


async def _tried_server(harness: Harness, name: str, version: Version) -> Reply:
    started = await harness.run("server.start", **_named("protocols", [version.name], version))
    if name == "server.start" or not started.ok:
        if started.ok:
            await harness.run("server.stop", server=started["server"])
        return started
    reply = started
    if name == "server.session":
        begun = hello(version)
        async with Peer(started["url"]) as peer:
            session = begun.finish(await peer.send(handshake_draft(begun.body)))
            await peer.send(session.draft("POST", "/api/echo"), session)
        reply = await harness.run(name, server=started["server"], sid=session.sid)
    stopped = await harness.run("server.stop", server=started["server"])
    return stopped if name == "server.stop" else reply


async def _manners(harness: Harness, started: Started) -> dict[str, tuple[str, str]]:
    """What a harness owes beside its operations."""
    known = next((name for name in examples() if name in started.offers), None)
    found: dict[str, tuple[str, str]] = {}
    answer = await harness.raw({"cmd": "run", "seq": 1_000_000, "op": UNKNOWN, "args": {}})
    polite = isinstance(answer, dict) and "errored" in answer and answer.get("seq") == 1_000_000
    found["an unknown operation"] = (
        ("ok", "") if polite else ("wrong", f"expected errored with its seq, got {answer!r:.200}")
    )
    if known is not None:
        reply = await harness.run(known, **examples()[known])
        found["an operation after that"] = ("ok", "") if reply.failure is None else ("wrong", reply.trouble)
    large = some_bytes("large", 200_000)
    if "hmac_sha256" in started.offers:
        reply = await harness.run("hmac_sha256", key=large[:32], message=large)
        found["a line of 400 kB"] = ("ok", "") if reply.ok else ("wrong", reply.describe())
    code = await harness.stop()
    ended = "it still runs" if code is None else f"got {code}"
    found["stop"] = ("ok", "exit code 0") if code == 0 else ("wrong", f"expected exit code 0 within 5 s; {ended}")
    return found


@asynccontextmanager
async def _scripted(version: Version) -> AsyncIterator[ScriptedServer]:
    nothing = Case("", "", "required", "", (), "", "", Kind.CLIENT, (), lambda checks: anyio.lowlevel.checkpoint())
    async with ScriptedServer(Checks(nothing), version) as server:
        yield server
