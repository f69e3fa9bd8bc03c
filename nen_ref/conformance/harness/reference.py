"""The harness of the reference: `python -m nen_ref.conformance.harness.reference`.

A complete harness, to be read by who writes one. It reads a JSON line, does what it says, and writes a JSON line:

    {"cmd": "start", "version": 1}                           -> what it is, and what it can do
    {"cmd": "run", "seq": 1, "op": "...", "args": {...}}     -> {"seq": 1, "ok": {...}} or "error", or "errored"
    {"cmd": "stop"}                                          -> it ends

Bytes are lower-case hexadecimal. Each operation is one short function below; an ISO code that the implementation raises
is `error`, any other exception is `errored` and the harness lives on.
"""

from __future__ import annotations

import json
import os
import ssl
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import anyio
import httpx2 as httpx
import uvicorn

from nen_ref import __version__
from nen_ref.conformance.harness.operations import OPERATIONS, OPTIONS, VERSION
from nen_ref.http.client import SEALED, NenClient
from nen_ref.http.demo_app import demo_app
from nen_ref.http.listen import listen
from nen_ref.http.server import NenServer, ServerConfig, now_ms
from nen_ref.primitives.suite import REFERENCE, REFERENCE_PARTS, Suite
from nen_ref.protocol import errors, key_schedule
from nen_ref.protocol.errors import NenError, failure
from nen_ref.protocol.handshake import IdentityPolicy
from nen_ref.protocol.handshake_v3 import SecurityMode
from nen_ref.protocol.identity import Identity
from nen_ref.protocol.session import SESSION_LIFE_MS
from nen_ref.protocol.tickets import TICKET_LIFE_MS, TicketKeys
from nen_ref.protocol.verification import RequestPolicy
from nen_ref.protocol.versions import VERSIONS
from nen_ref.protocol.wire import encode_base64
from nen_ref.stores import MemoryStore
from nen_ref.vectors.answers import ANSWERS, Arguments, Kit, Refused, Values, from_hex, releasing, to_hex

DERIVED_KEYS = {key_schedule.ENC: "enc", key_schedule.MAC: "mac"}


@dataclass
class Traced:
    """Intermediate values of one operation, taken where the protocol calls its primitives."""

    values: Values = field(default_factory=dict)
    by_mac_key: dict[bytes, Values] = field(default_factory=dict)  # the last request of each session

    def suite(self, base: Suite = REFERENCE) -> Suite:
        def encaps(ek: bytes, m: bytes) -> Any:
            made = base.ml_kem_768_encaps(ek, m)
            self.values |= {"ct": made.c.hex(), "secret": made.K.hex()}
            return made

        def decaps(dk: bytes, c: bytes) -> bytes:
            secret = base.ml_kem_768_decaps(dk, c)
            self.values |= {"ct": c.hex(), "secret": secret.hex()}
            return secret

        def sealed(key: bytes, nonce: bytes, plaintext: bytes) -> bytes:
            self.values |= {"secret": key.hex(), "nonce": nonce.hex()}
            return base.aead_seal(key, nonce, plaintext)

        def mac(key: bytes, text: bytes) -> bytes:
            tag = base.hmac_sha256(key, text)
            signed = {"canonical_string": text.decode("utf-8", "replace"), "signature": encode_base64(tag)}
            self.by_mac_key[key] = signed
            self.values |= {"hmac_key": key.hex()} | signed
            return tag

        def keygen(d: bytes, z: bytes) -> Any:
            made = base.ml_kem_768_keygen(d, z)
            self.values["ek"] = made.ek.hex()
            return made

        def hkdf(ikm: bytes, info: bytes, length: int) -> bytes:
            derived = base.hkdf_sha256(ikm, info, length)
            if info in DERIVED_KEYS:
                self.values[DERIVED_KEYS[info]] = derived.hex()
            return derived

        return replace(
            base,
            ml_kem_768_keygen=keygen,
            ml_kem_768_encaps=encaps,
            ml_kem_768_decaps=decaps,
            aead_seal=sealed,
            hmac_sha256=mac,
            hkdf_sha256=hkdf,
        )


TRACE = Traced()
SUITE = TRACE.suite()


def random_bytes(size: int) -> bytes:
    return os.urandom(size)


def clock() -> int:
    now = now_ms()
    TRACE.values["timestamp"] = str(now)
    return now


# Primitives with randomness of their own


def kem_new_key_pair(a: Arguments) -> Values:
    ek, dk = SUITE.ml_kem_768_keygen(random_bytes(32), random_bytes(32))
    return {"ek": ek, "dk": dk}


def kem_encapsulate(a: Arguments) -> Values:
    return ANSWERS["ml_kem_768.encaps"]({"ek": a["ek"], "m": random_bytes(32)}, Kit(SUITE, REFERENCE_PARTS))


def dsa_new_key_pair(a: Arguments) -> Values:
    pk, sk = SUITE.ml_dsa_65_keygen(random_bytes(32))
    return {"pk": pk, "sk": sk}


def dsa_sign_hedged(a: Arguments) -> Values:
    return {"signature": SUITE.ml_dsa_65_sign(a["sk"], a["message"], b"", random_bytes(32))}


# The client


@cache
def certificates() -> ssl.SSLContext:
    """For all clients: loading them takes a tenth of a second."""
    return ssl.create_default_context()


clients: dict[str, NenClient] = {}


def client_new(a: Arguments) -> Values:
    identity = Identity.from_seed(a["identity_seed"]) if "identity_seed" in a else None
    name = f"client-{len(clients) + 1}"
    clients[name] = NenClient(
        a["base_url"],
        version=VERSIONS[a.get("protocol", "v1")],
        identity=identity,
        security_mode=SecurityMode(a.get("security_mode", "hybrid")),
        server_identity=a.get("server_identity"),
        bound=a.get("bound", False),
        clock=clock,
        random_bytes=random_bytes,
        suite=SUITE,
        verify=certificates(),
    )
    return {"client": name}


def client_handshake(a: Arguments) -> Values:
    clients[a["client"]].handshake()
    return {}


def client_request(a: Arguments) -> Values:
    options = {"content": json.dumps(a["payload"]).encode()} if "payload" in a else {}
    answer = clients[a["client"]].request(a["method"], a["target"], **options)
    sealed = answer.extensions.get(SEALED) and answer.content
    return {"status": answer.status_code} | ({"payload": answer.json()} if sealed else {})


def client_stream(a: Arguments) -> Values:
    options = {"content": json.dumps(a["payload"]).encode()} if "payload" in a else {}
    released: list[bytes] = []
    with releasing(released):
        for text in clients[a["client"]].stream(a["method"], a["target"], **options):
            released.append(text.encode())
    return {"text": b"".join(released).decode()}


def client_status(a: Arguments) -> Values:
    return {"valid": clients[a["client"]].status()}


def client_rotate(a: Arguments) -> Values:
    clients[a["client"]].rotate()
    return {}


def client_rekey(a: Arguments) -> Values:
    clients[a["client"]].rekey()
    return {}


def client_resume(a: Arguments) -> Values:
    return {"resumed": clients[a["client"]].resume()}


def client_terminate(a: Arguments) -> Values:
    clients[a["client"]].terminate()
    return {}


def client_close(a: Arguments) -> Values:
    clients.pop(a["client"]).close()
    return {}


# The server


@dataclass
class Running:
    """A server in a thread of its own."""

    server: uvicorn.Server
    thread: threading.Thread
    store: MemoryStore
    traced: Traced


servers: dict[str, Running] = {}


def server_start(a: Arguments) -> Values:
    pinned = frozenset(a["pinned_identities"]) if "pinned_identities" in a else None
    config = ServerConfig(
        session_life_ms=a.get("session_life_ms", SESSION_LIFE_MS),
        identity=IdentityPolicy(required=a.get("require_identity", False), pinned=pinned),
        requests=RequestPolicy(unsigned_clients=frozenset(a.get("unsigned_clients", ()))),
        versions=tuple(VERSIONS[name] for name in a.get("protocols", ["v1"])),
        server_identity=Identity.from_seed(a["server_identity_seed"]) if "server_identity_seed" in a else None,
        ticket_life_ms=a.get("ticket_life_ms", TICKET_LIFE_MS),
        ticket_keys=TicketKeys(a["ticket_keys"][0], tuple(a["ticket_keys"][1:])) if "ticket_keys" in a else None,
    )
    traced, store = Traced(), MemoryStore()
    nen = NenServer(store=store, config=config, suite=traced.suite())
    app = demo_app(nen, failing_routes=a.get("failing_routes", False))
    listener = listen("127.0.0.1", 0)
    # Without a log: uvicorn's goes to standard output, which is for answers alone.
    options = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", server_header=False)
    server = uvicorn.Server(options)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    name = f"server-{len(servers) + 1}"
    servers[name] = Running(server, thread, store, traced)
    return {"server": name, "url": f"http://127.0.0.1:{listener.getsockname()[1]}"}


def server_stop(a: Arguments) -> Values:
    running = servers[a["server"]]
    running.server.should_exit = running.server.force_exit = True
    running.thread.join(timeout=10)
    return {}


def server_session(a: Arguments) -> Values:
    running = servers[a["server"]]
    session = anyio.run(running.store.get, a["sid"])
    if session is None:
        raise failure(errors.SESSION_INVALID_OR_EXPIRED)
    signed = running.traced.by_mac_key.get(session.keys.mac, {})
    return {"secret": session.keys.enc, "hmac_key": session.keys.mac} | signed


def of_kit(step: Callable[[Arguments, Kit], Values]) -> Callable[[Arguments], Values]:
    return lambda a: step(a, Kit(SUITE, REFERENCE_PARTS))


OPERATION: Mapping[str, Callable[[Arguments], Values]] = {
    **{name: of_kit(step) for name, step in ANSWERS.items() if name in OPERATIONS},
    "ml_kem_768.new_key_pair": kem_new_key_pair,
    "ml_kem_768.encapsulate": kem_encapsulate,
    "ml_dsa_65.new_key_pair": dsa_new_key_pair,
    "ml_dsa_65.sign_hedged": dsa_sign_hedged,
    "client.new": client_new,
    "client.handshake": client_handshake,
    "client.request": client_request,
    "client.stream": client_stream,
    "client.status": client_status,
    "client.rotate": client_rotate,
    "client.rekey": client_rekey,
    "client.resume": client_resume,
    "client.terminate": client_terminate,
    "client.close": client_close,
    "server.start": server_start,
    "server.stop": server_stop,
    "server.session": server_session,
}


# Messages


def started() -> Values:
    return {
        "version": VERSION,
        "name": "nen-ref",
        "implementation_version": __version__,
        "language": "Python",
        "protocols": list(VERSIONS),
        "operations": list(OPERATION),
        "options": list(OPTIONS),
    }


def answer(command: Values) -> Values:
    """The answer to one `run`."""
    name, args = command["op"], command["args"]
    TRACE.values.clear()
    try:
        arguments = {key: from_hex(OPERATIONS[name].args[key], value) for key, value in args.items()}
        outcome: Values = {"ok": to_hex(OPERATION[name](arguments))}
    except NenError as error:
        outcome = {"error": {"code": error.code, "detail": error.detail}}
    except httpx.TransportError as fault:  # of a request: the specification has a code for handshakes and streams only
        outcome = {"error": {"code": errors.INTERNAL.code, "detail": type(fault).__name__}}
    except Refused as refused:
        outcome = {"error": {"code": refused.error.code, "detail": refused.error.detail} | refused.values}
    except Exception as fault:
        outcome = {"errored": {"message": f"{type(fault).__name__}: {fault}", "context": {"op": name}}}
    trace = {"trace": dict(TRACE.values)} if TRACE.values and "errored" not in outcome else {}
    return {"seq": command["seq"]} | outcome | trace


def main() -> None:
    for line in sys.stdin:
        command = json.loads(line)
        if command["cmd"] == "stop":
            break
        reply = started() if command["cmd"] == "start" else answer(command)
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
