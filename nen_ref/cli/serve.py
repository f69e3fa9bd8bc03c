"""`nen-ref serve`: the reference server with its two demonstration routes."""

from __future__ import annotations

import logging

import click
import uvicorn

from nen_ref.conformance.embedded import READY
from nen_ref.http.demo_app import ECHO_PATH, STREAM_PATH, demo_app
from nen_ref.http.listen import listen
from nen_ref.http.server import BODY_LIMIT, NenServer, ServerConfig
from nen_ref.protocol.handshake import IdentityPolicy
from nen_ref.protocol.session import SESSION_LIFE_MS

GRACE = 2  # seconds that clients have to finish when the server is told to stop
LEVELS = ("debug", "info", "warning", "error")


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8765,
    show_default=True,
    help="Port to listen on; 0 takes a free one.",
)
@click.option(
    "--session-life",
    type=click.IntRange(min=1),
    default=SESSION_LIFE_MS // 1000,
    show_default=True,
    help="Seconds a session lives.",
)
@click.option(
    "--body-limit",
    type=click.IntRange(min=1),
    default=BODY_LIMIT,
    show_default=True,
    help="Largest request body in bytes.",
)
@click.option("--require-identity", is_flag=True, help="Refuse handshakes without an ML-DSA-65 identity (ISO-3004).")
@click.option("--log-level", type=click.Choice(LEVELS), default="info", show_default=True)
def serve(host: str, port: int, session_life: int, body_limit: int, require_identity: bool, log_level: str) -> None:
    """Serve Nen V1 with the routes /api/echo and /api/stream.

    This is a reference for reading and testing: it is written in Python and is not constant-time.
    """
    logging.basicConfig(level=log_level.upper(), format="%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    config = ServerConfig(
        session_life_ms=session_life * 1000, body_limit=body_limit, identity=IdentityPolicy(required=require_identity)
    )
    app = demo_app(NenServer(config=config))
    try:
        listener = listen(host, port)
    except OSError as fault:
        raise click.UsageError(f"cannot listen on {host}:{port}: {fault.strerror}") from None
    bound = listener.getsockname()
    name = f"[{bound[0]}]" if ":" in bound[0] else bound[0]
    click.echo(f"{READY}http://{name}:{bound[1]} (routes {ECHO_PATH} and {STREAM_PATH}; stop with Ctrl-C)")
    options = uvicorn.Config(
        app,
        log_level=log_level,
        access_log=log_level in ("debug", "info"),
        server_header=False,
        timeout_graceful_shutdown=GRACE,
    )
    uvicorn.Server(options).run(sockets=[listener])
