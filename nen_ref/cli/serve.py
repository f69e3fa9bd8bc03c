"""`nen-ref serve`: the reference server with its two demonstration routes."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import click
import uvicorn

from nen_ref.conformance.embedded import READY
from nen_ref.http.demo_app import ECHO_PATH, STREAM_PATH, demo_app
from nen_ref.http.listen import BACKLOG, listen
from nen_ref.http.patience import ImpatientH11Protocol
from nen_ref.http.server import BODY_LIMIT, NenServer, ServerConfig
from nen_ref.http.workers import serve_alone, serve_by_several
from nen_ref.protocol.handshake import IdentityPolicy
from nen_ref.protocol.identity import Identity
from nen_ref.protocol.key_schedule import KEY_SIZE
from nen_ref.protocol.session import SESSION_LIFE_MS
from nen_ref.protocol.tickets import TicketKeys
from nen_ref.protocol.versions import VERSIONS
from nen_ref.providers import MissingLibraryError
from nen_ref.providers.serving import serving_suite
from nen_ref.stores import PackageMissing, StoreUrlError, open_store

GRACE = 2  # seconds that clients have to finish when the server is told to stop
MEMORY = "memory:"
MAX_SESSION_LIFE = 30 * 24 * 3600  # seconds
SERVING = ("reference", "pycryptodome", "cryptography")
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
    type=click.IntRange(1, MAX_SESSION_LIFE),
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
@click.option(
    "--protocol",
    "protocols",
    type=click.Choice(list(VERSIONS)),
    multiple=True,
    default=("v1",),
    show_default=True,
    help="Version to speak; give it several times to offer several. A client of another version is refused. V3 is the "
    "one to choose where nothing else binds you.",
)
@click.option(
    "--server-identity",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with the 32-byte ML-DSA-65 seed of the server's identity in hexadecimal (V3).",
)
@click.option(
    "--ticket-key",
    "ticket_keys",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    help="File with a 32-byte ticket key in hexadecimal, the same on all nodes (V3). The first seals; further ones, "
    "the keys before a rotation, still open. Without it one is drawn, and tickets end with this server.",
)
@click.option("--require-identity", is_flag=True, help="Refuse handshakes without an ML-DSA-65 identity (V1, V2).")
@click.option(
    "--store",
    envvar="NEN_STORE",
    default=MEMORY,
    show_default=True,
    metavar="URL",
    help="Where sessions are: memory:, redis://HOST, rediss://HOST, unix:///PATH or upstash+https://HOST, whose token "
    "is taken from UPSTASH_REDIS_REST_TOKEN or NEN_STORE_TOKEN. Also from the environment variable NEN_STORE, which "
    "keeps a password out of the list of processes.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Processes; several need a shared store.",
)
@click.option(
    "--provider",
    "provider_name",
    type=click.Choice(SERVING),
    default="reference",
    show_default=True,
    help="Who computes the primitives.",
)
@click.option("--log-level", type=click.Choice(LEVELS), default="info", show_default=True)
def serve(
    host: str,
    port: int,
    session_life: int,
    body_limit: int,
    protocols: tuple[str, ...],
    server_identity: Path | None,
    ticket_keys: tuple[Path, ...],
    require_identity: bool,
    store: str,
    workers: int,
    provider_name: str,
    log_level: str,
) -> None:
    """Serve Nen with the routes /api/echo and /api/stream.

    This is a reference for reading and testing: it is written in Python and is not constant-time.
    """
    if not store:
        raise click.UsageError("--store (or NEN_STORE) is empty: say memory: where that is meant")
    if workers > 1 and store.lower().startswith(MEMORY):
        raise click.UsageError("several --workers need a --store that they share: memory: is each process's own")
    logging.basicConfig(level=log_level.upper(), format="%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    if (server_identity or ticket_keys) and "v3" not in protocols:
        raise click.UsageError("--server-identity and --ticket-key are for V3: add --protocol v3")
    if require_identity and "v3" in protocols:
        raise click.UsageError("--require-identity is for V1 and V2: no client of V3 has one")
    try:
        suite = serving_suite(provider_name)
        seed = _secret(server_identity) if server_identity else None
        config = ServerConfig(
            session_life_ms=session_life * 1000,
            body_limit=body_limit,
            identity=IdentityPolicy(required=require_identity),
            versions=tuple(VERSIONS[name] for name in dict.fromkeys(protocols)),
            server_identity=None if seed is None else Identity.from_seed(seed, suite=suite),
            ticket_keys=_ticket_keys(ticket_keys),
        )
        # What is wrong with it is told at once; each process opens its own.
        opened = repr(open_store(store))
        known = "memory" if store.lower().startswith(MEMORY) else opened
    except (MissingLibraryError, PackageMissing, StoreUrlError) as fault:
        raise click.UsageError(str(fault)) from None
    if not host:
        raise click.UsageError("--host is empty: say 0.0.0.0 where every address is meant")
    try:
        listener = listen(host, port)
    except (OSError, TypeError, UnicodeError) as fault:  # the last two for a name that is none
        reason = fault.strerror if isinstance(fault, OSError) else "not the name of a host"
        raise click.UsageError(f"cannot listen on {host[:100]}:{port}: {reason}") from None
    bound = listener.getsockname()
    name = f"[{bound[0]}]" if ":" in bound[0] else bound[0]

    def make() -> uvicorn.Config:
        return uvicorn.Config(
            demo_app(NenServer(store=open_store(store), config=config, suite=suite)),
            http=ImpatientH11Protocol,
            backlog=BACKLOG,
            log_level=log_level,
            access_log=log_level in ("debug", "info"),
            server_header=False,
            timeout_graceful_shutdown=GRACE,
        )

    spoken = ", ".join(version.name for version in config.versions)

    def ready() -> None:
        click.echo(
            f"{READY}http://{name}:{bound[1]} (routes {ECHO_PATH} and {STREAM_PATH}; stop with Ctrl-C)\n"
            f"speaks {spoken}; primitives by {suite.name}; sessions in {known}; {workers} process{'es' * (workers > 1)}"
        )

    if workers == 1:
        serve_alone(make, listener, ready)
    elif not serve_by_several(make, listener, workers, ready):
        raise click.ClickException("the server processes died again and again: see the log")


def _ticket_keys(files: tuple[Path, ...]) -> TicketKeys:
    """Those of the files, or a fresh one, which all processes of this server then have."""
    current, *previous = [_secret(file) for file in files] or [os.urandom(KEY_SIZE)]
    return TicketKeys(current, tuple(previous))


def _secret(file: Path) -> bytes:
    """32 bytes in hexadecimal. What the file holds is never repeated."""
    try:
        secret = bytes.fromhex(file.read_text(encoding="ascii").strip())
    except (OSError, ValueError):
        raise click.UsageError(f"{file}: not a file of hexadecimal digits") from None
    if len(secret) != KEY_SIZE:
        raise click.UsageError(f"{file}: {len(secret)} bytes, not {KEY_SIZE}")
    return secret
