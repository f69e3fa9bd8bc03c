"""V1 as a whole, without a transport: handshake, request with its answer, stream. Both sides are in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from random import Random
from typing import Any

from nen_ref.bench.libraries import OURS, own, with_peer_aead
from nen_ref.bench.measure import Contender, Subject
from nen_ref.bench.primitives import contenders, with_floor
from nen_ref.primitives.suite import REFERENCE, Suite
from nen_ref.protocol.client import ClientSession
from nen_ref.protocol.handshake import client_finish, client_hello, respond
from nen_ref.protocol.identity import Identity
from nen_ref.protocol.messages import Headers, Request
from nen_ref.protocol.responses import seal_response
from nen_ref.protocol.session import Session
from nen_ref.protocol.stream import StreamOpener, StreamSealer
from nen_ref.protocol.verification import NonceAnswer, run, verify_request

NOW = 1_700_000_000_000  # ms
REQUEST_SIZES = (64, 1024, 64 * 1024)
LARGE_REQUEST = 10 * 1024 * 1024
CHUNK = 16 * 1024
CHUNKS = (1, 4, 16, 64, 256)
HANDSHAKES = 40


def handshakes() -> Iterator[Subject]:
    """Both sides: client_hello, respond, client_finish; then the same with an ML-DSA-65 identity."""
    libraries = {name: _without_second_check(name, suite) for name, suite in own("ml_kem_768_encaps").items()}
    random = Random("handshake")
    seeds = [random.randbytes(32) for _ in range(HANDSHAKES)]
    identity = Identity.from_seed(random.randbytes(32))

    def agreed(keys: tuple[object, object]) -> bool:
        return keys[0] == keys[1]

    def plain(suite: Suite) -> Callable[[int], Any]:
        return lambda i: _handshake(suite, seeds[i % HANDSHAKES], None)

    def identified(suite: Suite) -> Callable[[int], Any]:
        return lambda i: _handshake(suite, seeds[i % HANDSHAKES], identity)

    yield Subject("V1 handshake, both sides", with_floor(contenders(libraries, plain)), agreed)
    signing = {name: libraries[name] for name in libraries if name in (OURS, *_signing())}
    named = {"kyber-py": "kyber-py, dilithium-py"}
    both = tuple(Contender(named.get(c.name, c.name), c.call) for c in contenders(signing, identified))
    yield Subject("V1 handshake with identity", with_floor(both), agreed, mean=True, inputs=HANDSHAKES)


def requests() -> Iterator[Subject]:
    """Sealed and signed, verified and opened, answered with the same payload, opened. Sizes: bytes of JSON."""
    for size in REQUEST_SIZES:
        payload = _json(size)

        def make(suite: Suite, payload: bytes = payload) -> Callable[[int], Any]:
            exchange = exchange_of(suite)
            return lambda i: exchange(payload)

        yield Subject("request and answer", contenders(with_peer_aead(), make), payload.__eq__, size)


def streams() -> Iterator[Subject]:
    """Sealed and opened again, chunk by chunk. Sizes: chunks of 16 KiB."""
    for chunks in CHUNKS:

        def make(suite: Suite, chunks: int = chunks) -> Callable[[int], Any]:
            return lambda i: stream(suite, chunks)

        whole = chunks * CHUNK
        yield Subject("stream", contenders(with_peer_aead(), make), whole.__eq__, chunks)


def exchange_of(suite: Suite) -> Callable[[bytes], bytes]:
    """A function that sends a JSON text there and back through a session of this suite."""
    client = ClientSession(suite=suite)
    session = _establish(client, suite)
    nonces = count()

    def exchange(payload: bytes) -> bytes:
        n, answer_n = (next(nonces).to_bytes(12, "big") for _ in range(2))
        signed = client.request("POST", "/api/echo", payload, n=n, timestamp=NOW)
        request = Request("POST", "/api/echo", Headers(signed.headers.items()), signed.body or b"")
        steps = verify_request(request, NOW, suite=suite)
        verified = run(steps, lambda question: session, lambda question: NonceAnswer.NEW)
        return client.open_reply(seal_response(verified, 200, verified.payload or b"", answer_n, suite))

    return exchange


def stream(suite: Suite, chunks: int) -> int:
    """How many bytes of plaintext have come out at the other end."""
    key, base_nonce, chunk = bytes(range(32)), bytes(range(12)), bytes(CHUNK)
    sealer, opener = StreamSealer(key, base_nonce, suite=suite), StreamOpener(key, base_nonce, suite=suite)
    opened = 0
    for _ in range(chunks):
        opened += sum(len(piece) for piece in opener.feed(sealer.seal(chunk)))
    opened += sum(len(piece) for piece in opener.feed(sealer.finish()))
    opener.close()
    return opened


def large_request() -> None:
    """A request of 10 MiB and its answer, by the reference, for its memory."""
    exchange_of(REFERENCE)(_json(LARGE_REQUEST))


def _handshake(suite: Suite, seed: bytes, identity: Identity | None) -> tuple[object, object]:
    hello = client_hello(seed, seed, identity, suite=suite)
    accepted = respond(hello.body, m=seed, mac_key=seed, sid="s", now=NOW, suite=suite)
    _, keys = client_finish(hello, accepted.reply, suite=suite)
    return keys, accepted.session.keys


def _establish(client: ClientSession, suite: Suite) -> Session:
    hello = client_hello(bytes(32), bytes(32), suite=suite)
    body = client.start_handshake(hello)
    accepted = respond(body, m=bytes(32), mac_key=bytes(32), sid="s", now=NOW, suite=suite)
    client.finish_handshake(accepted.reply)
    return accepted.session


def _without_second_check(name: str, suite: Suite) -> Suite:
    """kyber-py checks a public key in its encapsulation and nowhere else: a second one would be our doing, not its."""
    return replace(suite, ml_kem_768_check_ek=lambda ek: None) if name == "kyber-py" else suite


def _signing() -> set[str]:
    """Of the libraries of ML-KEM those that sign as well, by the name that they have there."""
    return {"kyber-py" if name == "dilithium-py" else name for name in own("ml_dsa_65_sign")}


def _json(size: int) -> bytes:
    return b'"' + b"x" * (size - 2) + b'"'
