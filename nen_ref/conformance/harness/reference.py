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
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
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
from nen_ref.primitives.errors import AuthenticationError, EncodingError, KeyCheckError, LengthError
from nen_ref.primitives.ml_dsa import ML_DSA_65
from nen_ref.primitives.ml_dsa_keys import decode_spki, encode_spki
from nen_ref.primitives.suite import REFERENCE, Suite
from nen_ref.protocol import errors
from nen_ref.protocol.errors import CATALOGUE, ErrorCode, NenError, failure
from nen_ref.protocol.handshake import IdentityPolicy, client_finish, client_hello, respond
from nen_ref.protocol.identity import Identity
from nen_ref.protocol.messages import Headers, Reply, Request
from nen_ref.protocol.payload import dump_envelope, parse_envelope, seal
from nen_ref.protocol.responses import seal_response
from nen_ref.protocol.session import SESSION_LIFE_MS, Session, SessionKeys
from nen_ref.protocol.signing import canonical_string, sign
from nen_ref.protocol.stream import StreamOpener, StreamSealer, stream_nonce
from nen_ref.protocol.verification import NonceAnswer, RequestPolicy, Verified, check_payload, run, verify_request
from nen_ref.protocol.wire import Malformed, decode_base64, encode_base64
from nen_ref.stores import MemoryStore

Arguments = dict[str, Any]
Values = dict[str, Any]


class Refused(Exception):
    """An ISO code with what else belongs into the answer."""

    def __init__(self, error: NenError, **values: Any) -> None:
        super().__init__(error)
        self.error = error
        self.values = values


@contextmanager
def raising(entry: ErrorCode, *faults: type[Exception]) -> Iterator[None]:
    """The exceptions of a primitive, as the protocol reports them."""
    try:
        yield
    except faults as fault:
        raise failure(entry, str(fault)) from None


@contextmanager
def releasing(released: list[bytes]) -> Iterator[None]:
    """An error in the middle of a stream, with the text that was handed out before it."""
    try:
        yield
    except NenError as error:
        raise Refused(error, released=b"".join(released).decode("utf-8", "replace")) from None


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

        return replace(
            base,
            ml_kem_768_keygen=keygen,
            ml_kem_768_encaps=encaps,
            ml_kem_768_decaps=decaps,
            aead_seal=sealed,
            hmac_sha256=mac,
        )


TRACE = Traced()
SUITE = TRACE.suite()


def random_bytes(size: int) -> bytes:
    return os.urandom(size)


def clock() -> int:
    now = now_ms()
    TRACE.values["timestamp"] = str(now)
    return now


# Primitives


def hmac_sha256(a: Arguments) -> Values:
    return {"mac": SUITE.hmac_sha256(a["key"], a["message"])}


def aead_seal(a: Arguments) -> Values:
    return {"ciphertext": SUITE.aead_seal(a["key"], a["nonce"], a["plaintext"])}


def aead_open(a: Arguments) -> Values:
    with raising(errors.CRYPTO_DECRYPT_FAILED, AuthenticationError):
        return {"plaintext": SUITE.aead_open(a["key"], a["nonce"], a["ciphertext"])}


def kem_keygen(a: Arguments) -> Values:
    ek, dk = SUITE.ml_kem_768_keygen(a["d"], a["z"])
    return {"ek": ek, "dk": dk}


def kem_encaps(a: Arguments) -> Values:
    with raising(errors.HANDSHAKE_FAILED, LengthError, KeyCheckError):
        SUITE.ml_kem_768_check_ek(a["ek"])
        K, c = SUITE.ml_kem_768_encaps(a["ek"], a["m"])
    return {"K": K, "c": c}


def kem_decaps(a: Arguments) -> Values:
    with raising(errors.HANDSHAKE_FAILED, LengthError, KeyCheckError):
        return {"K": SUITE.ml_kem_768_decaps(a["dk"], a["c"])}


def kem_new_key_pair(a: Arguments) -> Values:
    return kem_keygen({"d": random_bytes(32), "z": random_bytes(32)})


def kem_encapsulate(a: Arguments) -> Values:
    return kem_encaps({"ek": a["ek"], "m": random_bytes(32)})


def dsa_keygen(a: Arguments) -> Values:
    pk, sk = SUITE.ml_dsa_65_keygen(a["xi"])
    return {"pk": pk, "sk": sk}


def dsa_sign(a: Arguments) -> Values:
    return {"signature": SUITE.ml_dsa_65_sign(a["sk"], a["message"], b"", a["rnd"])}


def dsa_new_key_pair(a: Arguments) -> Values:
    return dsa_keygen({"xi": random_bytes(32)})


def dsa_sign_hedged(a: Arguments) -> Values:
    return dsa_sign(a | {"rnd": random_bytes(32)})


def dsa_verify(a: Arguments) -> Values:
    return {"valid": SUITE.ml_dsa_65_verify(a["pk"], a["message"], a["signature"], b"")}


# Steps of the protocol


def base64_encode(a: Arguments) -> Values:
    return {"text": encode_base64(a["bytes"])}


def base64_decode(a: Arguments) -> Values:
    with raising(errors.WIRE_DECODE_FAILED, Malformed):
        return {"bytes": decode_base64(a["text"])}


def spki_encode(a: Arguments) -> Values:
    return {"spki": encode_spki(ML_DSA_65, a["pk"])}


def spki_decode(a: Arguments) -> Values:
    with raising(errors.AUTH_IDENTITY_SIGNATURE_INVALID, EncodingError):
        return {"pk": decode_spki(ML_DSA_65, a["spki"])}


def canonical(a: Arguments) -> Values:
    path = a["target"].partition("?")[0]
    return {"canonical_string": canonical_string(a["method"], path, a["timestamp"], a["nonce"]).decode()}


def request_sign(a: Arguments) -> Values:
    text = canonical_string(a["method"], a["target"].partition("?")[0], a["timestamp"], a["nonce"])
    return {"signature": sign(a["hmac_key"], text, suite=SUITE)}


def session_of(given: Values | None) -> Session | None:
    return None if given is None else Session(given["sid"], SessionKeys(given["secret"], given["hmac_key"]), 0)


def request_verify(a: Arguments) -> Values:
    sent = a["request"]
    body = (sent["body"] or "").encode("utf-8", "surrogatepass")
    request = Request(sent["method"], sent["target"].partition("?")[0], Headers(sent["headers"].items()), body)
    session = session_of(a["session"])
    used = set(a["used_nonces"])
    verified = run(
        verify_request(request, a["now"], suite=SUITE),
        lambda question: session if session is not None and session.sid == question.sid else None,
        lambda question: NonceAnswer.USED if question.nonce in used else NonceAnswer.NEW,
    )
    return {"payload": None if verified.payload is None else verified.payload.decode()}


def payload_seal(a: Arguments) -> Values:
    return {"body": dump_envelope(seal(a["secret"], a["n"], a["payload"].encode(), suite=SUITE)).decode()}


def payload_open(a: Arguments) -> Values:
    session = Session("", SessionKeys(a["secret"], b""), 0)
    opened = check_payload(parse_envelope(a["body"].encode()), session, SUITE)
    return {"payload": (opened or b"").decode()}


def response_seal(a: Arguments) -> Values:
    verified = Verified(Session("", SessionKeys(a["secret"], b""), 0), b"", a["request_n"], True)
    return {"body": seal_response(verified, 200, a["payload"].encode(), a["n"], SUITE).body.decode()}


def handshake_hello(a: Arguments) -> Values:
    identity = Identity.from_seed(a["identity_seed"]) if "identity_seed" in a else None
    return {"body": client_hello(a["d"], a["z"], identity, suite=SUITE).body.decode()}


def handshake_respond(a: Arguments) -> Values:
    accepted = respond(
        a["body"].encode(), m=a["m"], mac_key=a["hmac_key"], sid=a["sid"], now=0, policy=IdentityPolicy(), suite=SUITE
    )
    return {"body": accepted.reply.body.decode(), "secret": accepted.session.keys.enc}


def handshake_finish(a: Arguments) -> Values:
    hello = client_hello(a["d"], a["z"], suite=SUITE)
    sid, keys = client_finish(hello, Reply(a["status"], {}, a["body"].encode()), suite=SUITE)
    return {"sid": sid, "secret": keys.enc, "hmac_key": keys.mac}


def nonce_of_event(a: Arguments) -> Values:
    return {"nonce": stream_nonce(a["base_nonce"], a["index"])}


def stream_seal(a: Arguments) -> Values:
    sealer = StreamSealer(a["secret"], a["base_nonce"], suite=SUITE)
    events = [sealer.seal(chunk.encode()) for chunk in a["chunks"]]
    return {"body": b"".join([*events, sealer.finish()]).decode()}


def stream_seal_at(a: Arguments) -> Values:
    sealer = StreamSealer(a["secret"], a["base_nonce"], suite=SUITE)
    sealer._next = a["index"]  # nobody seals four thousand million chunks to get there
    return {"body": sealer.seal(a["chunk"].encode()).decode()}


def stream_open(a: Arguments) -> Values:
    opener = StreamOpener(a["secret"], a["base_nonce"], suite=SUITE)
    released: list[bytes] = []
    with releasing(released):
        for piece in a["pieces"]:
            for chunk in opener.feed(piece):
                released.append(chunk)  # one by one: an error in the middle must not lose what came before it
        opener.close()
    return {"text": b"".join(released).decode("utf-8", "replace")}


def error_status(a: Arguments) -> Values:
    return {"status": CATALOGUE[a["code"]].status}


# The client

CERTIFICATES = ssl.create_default_context()  # for all clients: loading them takes a tenth of a second
clients: dict[str, NenClient] = {}


def client_new(a: Arguments) -> Values:
    identity = Identity.from_seed(a["identity_seed"]) if "identity_seed" in a else None
    name = f"client-{len(clients) + 1}"
    clients[name] = NenClient(
        a["base_url"], identity=identity, clock=clock, random_bytes=random_bytes, suite=SUITE, verify=CERTIFICATES
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


OPERATION: Mapping[str, Callable[[Arguments], Values]] = {
    "hmac_sha256": hmac_sha256,
    "aead.seal": aead_seal,
    "aead.open": aead_open,
    "ml_kem_768.keygen": kem_keygen,
    "ml_kem_768.encaps": kem_encaps,
    "ml_kem_768.decaps": kem_decaps,
    "ml_kem_768.new_key_pair": kem_new_key_pair,
    "ml_kem_768.encapsulate": kem_encapsulate,
    "ml_dsa_65.keygen": dsa_keygen,
    "ml_dsa_65.sign": dsa_sign,
    "ml_dsa_65.new_key_pair": dsa_new_key_pair,
    "ml_dsa_65.sign_hedged": dsa_sign_hedged,
    "ml_dsa_65.verify": dsa_verify,
    "base64.encode": base64_encode,
    "base64.decode": base64_decode,
    "spki.encode": spki_encode,
    "spki.decode": spki_decode,
    "canonical_string": canonical,
    "request.sign": request_sign,
    "request.verify": request_verify,
    "payload.seal": payload_seal,
    "payload.open": payload_open,
    "response.seal": response_seal,
    "handshake.hello": handshake_hello,
    "handshake.respond": handshake_respond,
    "handshake.finish": handshake_finish,
    "stream.nonce": nonce_of_event,
    "stream.seal": stream_seal,
    "stream.seal_at": stream_seal_at,
    "stream.open": stream_open,
    "error.status": error_status,
    "client.new": client_new,
    "client.handshake": client_handshake,
    "client.request": client_request,
    "client.stream": client_stream,
    "client.status": client_status,
    "client.rotate": client_rotate,
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
        "protocols": ["v1"],
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


def from_hex(schema: Values, value: Any) -> Any:
    """An argument, with bytes where its schema says that its text is hexadecimal."""
    if value is None:
        return None
    if "contentEncoding" in schema:
        return bytes.fromhex(value)
    if "items" in schema:
        return [from_hex(schema["items"], entry) for entry in value]
    if "properties" in schema:
        return {name: from_hex(schema["properties"].get(name, {}), entry) for name, entry in value.items()}
    return value


def to_hex(values: Values) -> Values:
    return {name: value.hex() if isinstance(value, bytes) else value for name, value in values.items()}


def main() -> None:
    for line in sys.stdin:
        command = json.loads(line)
        if command["cmd"] == "stop":
            break
        reply = started() if command["cmd"] == "start" else answer(command)
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
