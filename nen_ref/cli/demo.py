"""`nen-ref demo`: one handshake, one request and one short stream, the wire beside what the two ends see."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from nen_ref.protocol.client import ClientSession
from nen_ref.protocol.handshake import client_hello, respond
from nen_ref.protocol.messages import HANDSHAKE_PATH, Headers, Request
from nen_ref.protocol.responses import seal_response
from nen_ref.protocol.session import Session
from nen_ref.protocol.stream import StreamOpener, StreamSealer, read_stream_head, stream_head, stream_nonce
from nen_ref.protocol.verification import NonceAnswer, run, verify_request

NOW = 1_795_500_000_000
SHOWN = 20  # characters of a long value


@click.command()
def demo() -> None:
    """Play one handshake, one request and one short stream, and show what is on the wire.

    Every value comes from a fixed seed: the demonstration is the same each time, and none of its keys is secret.
    """
    console = Console(highlight=False)
    tape = _Tape(hashlib.shake_256(b"nen-ref demo").digest(1024))
    client = ClientSession()
    session = _handshake(console, tape, client)
    _request(console, tape, client, session)
    _stream(console, tape, session)


class _Tape:
    """Bytes handed out in order, in place of a source of randomness."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def take(self, size: int) -> bytes:
        taken, self._data = self._data[:size], self._data[size:]
        return taken


def _handshake(console: Console, tape: _Tape, client: ClientSession) -> Session:
    hello = client_hello(tape.take(32), tape.take(32))
    body = client.start_handshake(hello)
    sid = "6f1ed002-ab55-4e8f-9c3a-2b1f7d0c9e11"
    accepted = respond(body, m=tape.take(32), mac_key=tape.take(32), sid=sid, now=NOW)
    client.finish_handshake(accepted.reply)
    secret = accepted.session.keys.enc.hex()
    rows = _rows(console, "1  Handshake: the two agree on a secret that never travels")
    rows.add_row("makes a key pair, keeps dk", _message(f"-> POST {HANDSHAKE_PATH}", {}, body), "checks the key ek")
    rows.add_row(
        f"decapsulates ct\nsecret {secret[:12]}...",
        _message("<- 200", {}, accepted.reply.body),
        f"encapsulates to ek\nsecret {secret[:12]}...\ndraws an HMAC key apart from it",
    )
    console.print(rows)
    return accepted.session


def _request(console: Console, tape: _Tape, client: ClientSession, session: Session) -> None:
    payload = b'{"card":"4242 4242"}'
    signed = client.request("POST", "/api/echo", payload, n=tape.take(12), timestamp=NOW)
    request = Request("POST", "/api/echo", Headers(signed.headers.items()), signed.body or b"")
    verified = run(verify_request(request, NOW), lambda _: session, lambda _: NonceAnswer.NEW)
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
