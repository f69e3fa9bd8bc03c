"""`nen-ref demo`: one handshake, one request and one short stream, the wire beside what the two ends see."""

from __future__ import annotations

import hashlib
import json

import click
from rich.columns import Columns
from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from nen_ref.protocol.client import ClientSession
from nen_ref.protocol.handshake import client_hello, respond
from nen_ref.protocol.messages import HANDSHAKE_PATH, Headers, Reply, Request
from nen_ref.protocol.responses import seal_response
from nen_ref.protocol.session import Session
from nen_ref.protocol.stream import StreamOpener, StreamSealer, read_stream_head, stream_head, stream_nonce
from nen_ref.protocol.verification import NonceAnswer, run, verify_request

WIDTH = 44


@click.command()
def demo() -> None:
    """Play one handshake, one request and one short stream, and show what is on the wire.

    Every value is made from a fixed seed: the demonstration is the same each time, and none of its keys is secret.
    """
    console = Console(highlight=False)
    source = hashlib.shake_256(b"nen-ref demo")
    random = _Tape(source.digest(1024))
    now = 1_795_500_000_000

    console.rule("[bold]1  Handshake")
    client = ClientSession()
    hello = client_hello(random.take(32), random.take(32))
    body = client.start_handshake(hello)
    sid = "6f1ed002-ab55-4e8f-9c3a-2b1f7d0c9e11"
    accepted = respond(body, m=random.take(32), mac_key=random.take(32), sid=sid, now=now)
    client.finish_handshake(accepted.reply)
    session = accepted.session
    _show(
        console,
        ("client", ["makes an ML-KEM-768 key pair", f"ek {_short(hello.ek)}", "keeps dk to itself"]),
        [("->", f"POST {HANDSHAKE_PATH}", body), ("<-", "200", accepted.reply.body)],
        (
            "server",
            ["checks ek, encapsulates to it", f"secret {_short(session.keys.enc)}", "draws a separate HMAC key"],
        ),
    )

    console.rule("[bold]2  Request")
    payload = b'{"card":"4242 4242 4242 4242"}'
    signed = client.request("POST", "/api/echo", payload, n=random.take(12), timestamp=now)
    request = Request("POST", "/api/echo", Headers(signed.headers.items()), signed.body or b"")
    verified = run(verify_request(request, now), lambda _: session, lambda _: NonceAnswer.NEW)
    answer = b'{"method":"POST","body":' + (verified.payload or b"") + b"}"
    reply = seal_response(verified, 200, answer, random.take(12))
    opened = client.open_reply(Reply(reply.status, reply.headers, reply.body))
    headers = "\n".join(f"{name}: {value}" for name, value in signed.headers.items())
    _show(
        console,
        ("client", ["seals", payload.decode(), "opens", opened.decode()]),
        [("->", f"POST /api/echo\n{headers}", signed.body or b""), ("<-", "200", reply.body)],
        (
            "server",
            [
                "checks session, shape, signature, window, replay; opens",
                (verified.payload or b"").decode(),
                "seals",
                answer.decode(),
            ],
        ),
    )

    console.rule("[bold]3  Stream")
    _show_stream(console, session, random.take(12), ["Once ", "upon ", "a time"])


class _Tape:
    """Bytes handed out in order, in place of a source of randomness."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def take(self, size: int) -> bytes:
        taken, self._data = self._data[:size], self._data[size:]
        return taken


def _show(
    console: Console,
    client: tuple[str, list[str]],
    wire: list[tuple[str, str, bytes]],
    server: tuple[str, list[str]],
) -> None:
    texts = [Text.assemble((f"{arrow} ", "bold"), (head, "bold"), "\n", _json(body)) for arrow, head, body in wire]
    panels = [
        _ends(*client),
        Panel(Group(*texts), title="on the wire", border_style="yellow", width=WIDTH + 8),
        _ends(*server),
    ]
    console.print(Columns(panels) if console.width >= 3 * WIDTH + 12 else Group(*panels))


def _ends(title: str, lines: list[str]) -> Panel:
    return Panel(Text("\n".join(lines)), title=title, border_style="green", width=WIDTH)


def _show_stream(console: Console, session: Session, base_nonce: bytes, chunks: list[str]) -> None:
    head = stream_head(base_nonce)
    sealer = StreamSealer(session.keys.enc, base_nonce)
    opener = StreamOpener(session.keys.enc, read_stream_head(head))
    table = Table(title=f"X-Nen-Stream-Nonce: {head.headers['x-nen-stream-nonce']}", title_justify="left")
    table.add_column("server says", style="green")
    table.add_column("nonce_i", style="dim", no_wrap=True)
    table.add_column("on the wire", style="yellow", no_wrap=True, overflow="ellipsis")
    table.add_column("client reads", style="green")
    events = [(chunk, sealer.seal(chunk.encode())) for chunk in chunks]
    events.append(("(end) __FIN__", sealer.finish()))
    for i, (chunk, event) in enumerate(events):
        read = b"".join(opener.feed(event)).decode()
        table.add_row(
            chunk, stream_nonce(base_nonce, i).hex(), event.decode().strip(), "(complete)" if opener.finished else read
        )
    opener.close()
    console.print(table)


def _short(data: bytes) -> str:
    return f"{data[:6].hex()}... ({len(data)} bytes)"


def _json(body: bytes) -> str:
    members = json.loads(body)
    return "\n".join(
        f'  "{name}": "{text if len(text) <= 36 else text[:30] + "..."}"{_size(text)}' for name, text in members.items()
    )


def _size(text: str) -> str:
    return f" ({len(text)} characters)" if len(text) > 36 else ""
