"""Thousands of seeded transcripts behind one hash each: `accumulated.json`.

Transcript i of a topic draws its inputs by the labels `accumulated/TOPIC/i/...`, computes, and appends values; what is
appended is the transcript. The digest of N transcripts is the SHA-256 of the SHA-256 digests of transcripts 0 to N - 1,
joined, so that any machine may compute any part of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256

from nen_ref.primitives.suite import Suite
from nen_ref.protocol.errors import NenError
from nen_ref.protocol.handshake import client_finish, client_hello, respond
from nen_ref.protocol.identity import Identity
from nen_ref.protocol.messages import SESSION_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, Headers, Request
from nen_ref.protocol.payload import dump_envelope, seal
from nen_ref.protocol.session import Session, SessionKeys
from nen_ref.protocol.signing import canonical_string, sign
from nen_ref.protocol.stream import StreamOpener, StreamSealer
from nen_ref.protocol.verification import NonceAnswer, run, verify_request
from nen_ref.vectors.draw import Draw

CHECKPOINTS = (100, 1000, 10_000)
"""How many transcripts each published digest covers."""

METHODS = ("POST", "PUT", "PATCH", "DELETE")
NOW = 1_767_225_600_000
"""The server's clock in every transcript: 2026-01-01T00:00:00Z in ms."""


@dataclass(frozen=True)
class Topic:
    """One kind of transcript: `steps` say in words what `transcript(draw, i, suite)` yields."""

    name: str
    covers: tuple[str, ...]
    steps: tuple[str, ...]
    transcript: Callable[[Draw, int, Suite], Iterator[bytes]] = field(repr=False)


def primitives(draw: Draw, i: int, suite: Suite) -> Iterator[bytes]:
    ek, dk = suite.ml_kem_768_keygen(draw("d"), draw("z"))
    K, c = suite.ml_kem_768_encaps(ek, draw("m"))
    yield from (ek, dk, K, c)
    yield suite.ml_kem_768_decaps(dk, draw("c", 1088))
    pk, sk = suite.ml_dsa_65_keygen(draw("xi"))
    M = draw("M", draw.below("size of M", 100))
    yield from (pk, sk, suite.ml_dsa_65_sign(sk, M, b"", draw("rnd")))
    plaintext = draw("plaintext", draw.below("size of plaintext", 300))
    yield suite.aead_seal(draw("key"), draw("nonce", 12), plaintext)
    yield suite.hmac_sha256(draw("mac key", draw.below("size of mac key", 100)), plaintext)


def handshake(draw: Draw, i: int, suite: Suite) -> Iterator[bytes]:
    identity = Identity.from_seed(draw("xi"), suite=suite) if i % 100 == 0 else None
    hello = client_hello(draw("d"), draw("z"), identity, suite=suite)
    sid = draw("sid", 16).hex()
    accepted = respond(hello.body, m=draw("m"), mac_key=draw("hmac key"), sid=sid, now=NOW, suite=suite)
    received, keys = client_finish(hello, accepted.reply, suite=suite)
    yield from (hello.body, accepted.reply.body, received.encode(), keys.enc, keys.mac)


def request(draw: Draw, i: int, suite: Suite) -> Iterator[bytes]:
    keys = SessionKeys(draw("secret"), draw("hmac key"))
    session = Session(draw("sid", 16).hex(), keys, NOW)
    method = METHODS[draw.below("method", len(METHODS))]
    path = f"/api/{draw('path', draw.below('size of path', 20)).hex()}"
    payload = f'{{"text":"{draw("payload", draw.below("size of payload", 200)).hex()}"}}'.encode()
    timestamp = str(NOW - 40_000 + draw.below("timestamp", 80_001))
    envelope = seal(keys.enc, draw("n", 12), payload, suite=suite)
    canonical = canonical_string(method, path, timestamp, envelope.nonce_text)
    signature = sign(keys.mac, canonical, suite=suite)
    yield from (envelope.ct, canonical, signature.encode())
    headers = Headers(
        [(SESSION_HEADER, session.sid), (TIMESTAMP_HEADER, timestamp), (SIGNATURE_HEADER, signature)],
    )
    body = bytearray(dump_envelope(envelope))
    if i % 4 == 3:
        body[draw.below("altered byte", len(body))] ^= 1
    try:
        verified = run(
            verify_request(Request(method, path, headers, bytes(body)), NOW, suite=suite),
            lambda question: session,
            lambda question: NonceAnswer.NEW,
        )
        yield verified.payload or b""
    except NenError as error:
        yield error.code.encode()


def stream(draw: Draw, i: int, suite: Suite) -> Iterator[bytes]:
    key, base_nonce = draw("secret"), draw("base nonce", 12)
    count = draw.below("chunks", 6)
    chunks = [draw(f"chunk/{n}", draw.below(f"size of chunk/{n}", 100)).hex() for n in range(count)]
    sealer = StreamSealer(key, base_nonce, suite=suite)
    body = bytearray(b"".join([sealer.seal(chunk.encode()) for chunk in chunks]) + sealer.finish())
    yield bytes(body)
    if i % 4 == 2:
        del body[draw.below("end", len(body)) :]
    if i % 4 == 3:
        body[draw.below("altered byte", len(body))] ^= 1
    opener = StreamOpener(key, base_nonce, suite=suite)
    try:
        yield from opener.feed(bytes(body))
        opener.close()
        yield b"complete"
    except NenError as error:
        yield error.code.encode()


TOPICS = (
    Topic(
        "primitives",
        ("FIPS 203", "FIPS 204", "RFC 8439", "FIPS 198-1"),
        (
            "draw d, z, m (32 bytes each) and c (1088); append ek, dk of ML-KEM-768 key generation from d and z",
            "append the shared secret and the ciphertext of encapsulation to ek with m",
            "append the secret that dk gives for the drawn c",
            "draw xi, rnd (32 each) and M, whose size is drawn as 'size of M' below 100",
            "append pk, sk of ML-DSA-65 key generation from xi, and the signature of M, empty context, with rnd",
            "draw key (32), nonce (12) and plaintext ('size of plaintext' below 300); append ciphertext and tag of "
            "ChaCha20-Poly1305 with empty AAD",
            "draw 'mac key' ('size of mac key' below 100); append HMAC-SHA256 of the plaintext under it",
        ),
        primitives,
    ),
    Topic(
        "handshake",
        ("V1-HS-01", "V1-HS-06", "V1-HS-10", "V1-ID-01"),
        (
            "where i is a multiple of 100, draw xi: the client has the ML-DSA-65 identity of this seed, and signs "
            "deterministically",
            "draw d, z; append the client's handshake body: compact JSON, members pk, sigPk, sigOfPk in this order",
            "draw m, 'hmac key' (32 each) and sid (16 bytes, as lower-case hexadecimal text)",
            "append the server's answer: compact JSON, members sid, ct, hmac in this order",
            "append what the client makes of it: sid, shared secret, HMAC key",
        ),
        handshake,
    ),
    Topic(
        "request",
        ("V1-REQ-01", "V1-AUTH-05", "V1-AUTH-10"),
        (
            "draw secret, 'hmac key' (32 each), sid (16 bytes, as hexadecimal text), method below 4 of "
            "POST, PUT, PATCH, DELETE",
            "draw path ('size of path' below 20): the path is /api/ and its hexadecimal text",
            'draw payload (\'size of payload\' below 200): the JSON text {"text":"HEX"}; n (12); '
            "timestamp below 80001, sent as the text of 1767225600000 - 40000 + timestamp",
            "append the sealed payload (ciphertext and tag), the canonical string, the text of the signature",
            "the body is compact JSON, members ct, n; where i mod 4 is 3, flip the lowest bit of the byte at 'altered "
            "byte' below its length",
            "append the opened payload, or the ISO code, of the server's verification at 1767225600000",
        ),
        request,
    ),
    Topic(
        "stream",
        ("V1-STR-02", "V1-STR-03", "V1-STR-09", "V1-STR-10"),
        (
            "draw secret (32), 'base nonce' (12), the number of chunks below 6, and each 'chunk/N' ('size of chunk/N' "
            "below 100), whose text is its hexadecimal",
            "append the body of the stream: for each chunk and the end `data: BASE64` and two line feeds",
            "where i mod 4 is 2, cut the body off at 'end' below its length; where it is 3, flip the lowest bit of the "
            "byte at 'altered byte' below its length",
            "append the text that the client is given, then `complete` or the ISO code",
        ),
        stream,
    ),
)


def transcript_digests(draw: Draw, topic: Topic, numbers: range, suite: Suite) -> bytes:
    """The digests of these transcripts, 32 bytes each, joined. `draw` is that of the seed, without a prefix."""
    own = draw.under(f"accumulated/{topic.name}")
    return b"".join(sha256(b"".join(topic.transcript(own.under(str(i)), i, suite))).digest() for i in numbers)
