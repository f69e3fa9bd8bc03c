"""`nen-ref demo`: one handshake, one request and one short stream, the wire beside what the two ends see."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from nen_ref.primitives.suite import REFERENCE
from nen_ref.protocol.client import ClientSession
from nen_ref.protocol.handshake import Accepted
from nen_ref.protocol.messages import HANDSHAKE_PATH, Headers, Request
from nen_ref.protocol.responses import seal_response
from nen_ref.protocol.session import Session
from nen_ref.protocol.stream import StreamOpener, StreamSealer, read_stream_head, stream_head, stream_nonce
from nen_ref.protocol.tickets import TicketKeys
from nen_ref.protocol.verification import NonceAnswer, run, verify_request
from nen_ref.protocol.versions import VERSIONS, ClientTerms, ServerTerms, Version

NOW = 1_795_500_000_000
SHOWN = 20  # characters of a long value


@click.command()
@click.option("--protocol", type=click.Choice(list(VERSIONS)), default="v1", show_default=True, help="Version of Nen.")
def demo(protocol: str) -> None:
    """Play one handshake, one request and one short stream, and show what is on the wire.

    Every value comes from a fixed seed: the demonstration is the same each time, and none of its keys is secret.
    """
    console = Console(highlight=False)
    tape = _Tape(hashlib.shake_256(b"nen-ref demo").digest(1024))
    version = VERSIONS[protocol]
    client = ClientSession(version=version)
    session = _handshake(console, tape, client, version)
    _request(console, tape, client, session, version)
    _stream(console, tape, session)


class _Tape:
    """Bytes handed out in order, in place of a source of randomness."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def take(self, size: int) -> bytes:
        taken, self._data = self._data[:size], self._data[size:]
        return taken


# What each side does in the handshake, by the family of the version.
CLIENT_MAKES = {"v1": "makes a key pair, keeps dk", "v3": "makes a key pair of ML-KEM and one of X25519"}
SERVER_MAKES = {
    "v1": "encapsulates to ek\nsecret {secret}...\ndraws an HMAC key apart from it",
    "v3": "encapsulates to ek, agrees by X25519\npayload key {secret}...\nderives an HMAC key, and a ticket for later",
}
CLIENT_TAKES = {
    "v1": "decapsulates ct\nsecret {secret}...",
    "v3": "decapsulates ct, agrees by X25519\npayload key {secret}...\nderives the HMAC key too: none was sent",
}


def _handshake(console: Console, tape: _Tape, client: ClientSession, version: Version) -> Session:
    body = client.start_handshake(version.hello(ClientTerms(), tape.take, REFERENCE))
    sid = "6f1ed002-ab55-4e8f-9c3a-2b1f7d0c9e11"
    terms = ServerTerms(TicketKeys(tape.take(32)))
    accepted = version.respond(body, terms, tape.take, sid, NOW, REFERENCE)
    assert isinstance(accepted, Accepted)
    client.finish_handshake(accepted.reply)
    secret = accepted.session.keys.enc.hex()[:12]
    family = version.family
    rows = _rows(console, "1  Handshake: the two agree on a secret that never travels")
    rows.add_row(CLIENT_MAKES[family], _message(f"-> POST {HANDSHAKE_PATH}", {}, body), "checks the key ek")
    rows.add_row(
        CLIENT_TAKES[family].format(secret=secret),
        _message("<- 200", {}, accepted.reply.body),
        SERVER_MAKES[family].format(secret=secret),
    )
    console.print(rows)
    return accepted.session


def _request(console: Console, tape: _Tape, client: ClientSession, session: Session, version: Version) -> None:
    payload = b'{"card":"4242 4242"}'
    signed = client.request("POST", "/api/echo", payload, n=tape.take(12), timestamp=NOW)
    request = Request("POST", "/api/echo", Headers(signed.headers.items()), signed.body or b"")
    steps = verify_request(request, NOW, versions=(version,))
    verified = run(steps, lambda _: session, lambda _: NonceAnswer.NEW)
    seen = (verified.payload or b"").decode()
    answer = f'{{"ok":true,"body":{seen}}}'
    reply = seal_response(verified, 200, answer.encode(), tape.take(12))
    opened = client.open_reply(reply).decode()
    rows = _rows(console, "2  Request: sealed both ways, signed, and good for one use")
    rows.add_row(
        f"seals\n{payload.decode()}",
        _message("-> POST /api/echo", signed.headers, signed.body or b""),
        f"checks session, shape, signature, window, replay; opens\n{seen}",
    )
    rows.add_row(f"opens\n{opened}", _message("<- 200", {}, reply.body), f"seals\n{answer}")
    console.print(rows)


def _stream(console: Console, tape: _Tape, session: Session) -> None:
    base_nonce = tape.take(12)
    head = stream_head(base_nonce)
    sealer = StreamSealer(session.keys.enc, base_nonce)
    opener = StreamOpener(session.keys.enc, read_stream_head(head))
    events = [(chunk, sealer.seal(chunk.encode())) for chunk in ("Once ", "upon ", "a time")]
    events.append(("__FIN__", sealer.finish()))
    rows = _rows(console, f"3  Stream: each chunk under its own nonce, base nonce {base_nonce.hex()}")
    for i, (chunk, event) in enumerate(events):
        read = b"".join(opener.feed(event)).decode()
        nonce = f"nonce_{i} ends in {stream_nonce(base_nonce, i)[8:].hex()}"
        rows.add_row(
            "complete" if opener.finished else f"yields {read!r}",
            Text(event.decode().strip(), overflow="fold"),
            f"seals {chunk!r}\n{nonce}",
        )
    opener.close()
    console.print(rows)


def _rows(console: Console, title: str) -> Table:
    console.print()
    console.print(title, style="bold")
    table = Table(box=None, expand=True, pad_edge=False, padding=(0, 2, 1, 0), header_style="dim")
    table.add_column("client sees", ratio=3, style="green", overflow="fold")
    table.add_column("on the wire", ratio=5, style="yellow", overflow="fold")
    table.add_column("server sees", ratio=3, style="green", overflow="fold")
    return table


def _message(line: str, headers: Mapping[str, str], body: bytes) -> Text:
    members = {name: _shortened(text) for name, text in json.loads(body).items()}
    lines = [f"{name}: {_shortened(value)}" for name, value in headers.items() if name.startswith("x-nen")]
    lines += [f'"{name}": "{text}"' for name, text in members.items()]
    return Text.assemble((line, "bold"), "\n", "\n".join(lines))


def _shortened(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}... ({len(text)})"
