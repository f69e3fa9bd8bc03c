"""Thousands of seeded transcripts behind one hash each: `accumulated.json`.

Transcript i of a topic draws its inputs by the labels `accumulated/TOPIC/i/...`, computes, and appends values; what is
appended is the transcript. The digest of N transcripts is the SHA-256 of the SHA-256 digests of transcripts 0 to N - 1,
joined, so that any machine may compute any part of it.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from hashlib import sha256

from nen_ref.protocol.wire import dump_json, parse_json_object
from nen_ref.vectors.answers import REFERENCE_KIT, Kit
from nen_ref.vectors.build import Answer, Json, answer, as_json
from nen_ref.vectors.draw import Draw

CHECKPOINTS = (100, 1000, 10_000)
"""How many transcripts each published digest covers."""

METHODS = ("POST", "PUT", "PATCH", "DELETE")
NOW = 1_767_225_600_000
"""The server's clock in every transcript: 2026-01-01T00:00:00Z in ms."""

Transcript = Generator[tuple[str, Json], Answer, list[bytes]]
"""Asks for operations with their inputs, is sent the answers, and returns what the transcript consists of."""


@dataclass(frozen=True)
class Topic:
    """One kind of transcript: `steps` say in words what `transcript(draw, i)` does."""

    name: str
    covers: tuple[str, ...]
    steps: tuple[str, ...]
    transcript: Callable[[Draw, int], Transcript] = field(repr=False)


def primitives(draw: Draw, i: int) -> Transcript:
    keys = yield "ml_kem_768.keygen", {"d": draw("d"), "z": draw("z")}
    sent = yield "ml_kem_768.encaps", {"ek": octets(keys, "ek"), "m": draw("m")}
    rejected = yield "ml_kem_768.decaps", {"dk": octets(keys, "dk"), "c": draw("c", 1088)}
    pair = yield "ml_dsa_65.keygen", {"xi": draw("xi")}
    M = draw("M", draw.below("size of M", 100))
    signed = yield "ml_dsa_65.sign", {"sk": octets(pair, "sk"), "message": M, "rnd": draw("rnd")}
    plaintext = draw("plaintext", draw.below("size of plaintext", 300))
    sealed = yield "aead.seal", {"key": draw("key"), "nonce": draw("nonce", 12), "plaintext": plaintext}
    mac_key = draw("mac key", draw.below("size of mac key", 100))
    mac = yield "hmac_sha256", {"key": mac_key, "message": plaintext}
    return [
        *(octets(keys, name) for name in ("ek", "dk")),
        *(octets(sent, name) for name in ("K", "c")),
        octets(rejected, "K"),
        *(octets(pair, name) for name in ("pk", "sk")),
        octets(signed, "signature"),
        octets(sealed, "ciphertext"),
        octets(mac, "mac"),
    ]


def handshake(draw: Draw, i: int) -> Transcript:
    seeds = {"d": draw("d"), "z": draw("z")}
    identity = {"identity_seed": draw("xi")} if i % 100 == 0 else {}
    hello = yield "handshake.hello", seeds | identity
    body = text(hello, "body")
    given = {"body": body, "m": draw("m"), "hmac_key": draw("hmac key"), "sid": draw("sid", 16).hex()}
    accepted = yield "handshake.respond", given
    finished = yield "handshake.finish", seeds | {"status": 200, "body": text(accepted, "body")}
    return [
        body.encode(),
        text(accepted, "body").encode(),
        text(finished, "sid").encode(),
        octets(finished, "secret"),
        octets(finished, "hmac_key"),
    ]


def request(draw: Draw, i: int) -> Transcript:
    secret, hmac_key, sid = draw("secret"), draw("hmac key"), draw("sid", 16).hex()
    method = METHODS[draw.below("method", len(METHODS))]
    target = f"/api/{draw('path', draw.below('size of path', 20)).hex()}"
    payload = f'{{"text":"{draw("payload", draw.below("size of payload", 200)).hex()}"}}'
    timestamp = str(NOW - 40_000 + draw.below("timestamp", 80_001))
    sealed = yield "payload.seal", {"secret": secret, "n": draw("n", 12), "payload": payload}
    envelope = parse_json_object(text(sealed, "body").encode())
    ct, n = str(envelope["ct"]), str(envelope["n"])
    given = {"method": method, "target": target, "timestamp": timestamp, "nonce": n}
    canonical = yield "canonical_string", given
    signed = yield "request.sign", {"hmac_key": hmac_key} | given
    body = bytearray(dump_json({"ct": ct, "n": n}))
    if i % 4 == 3:
        body[draw.below("altered byte", len(body))] ^= 1
    headers = {
        "X-Nen-Session": sid,
        "X-Nen-Timestamp": timestamp,
        "X-Nen-Signature": text(signed, "signature"),
    }
    verified = yield (
        "request.verify",
        {
            "session": {"sid": sid, "secret": secret, "hmac_key": hmac_key},
            "now": NOW,
            "used_nonces": [],
            "request": {"method": method, "target": target, "headers": headers, "body": body.decode()},
        },
    )
    outcome = verified.code if verified.refused else text(verified, "payload")
    texts = (text(canonical, "canonical_string"), text(signed, "signature"), outcome)
    return [b64decode(ct), *(one.encode() for one in texts)]


def stream(draw: Draw, i: int) -> Transcript:
    keys = {"secret": draw("secret"), "base_nonce": draw("base nonce", 12)}
    count = draw.below("chunks", 6)
    chunks = [draw(f"chunk/{n}", draw.below(f"size of chunk/{n}", 100)).hex() for n in range(count)]
    sealed = yield "stream.seal", keys | {"chunks": chunks}
    body = bytearray(text(sealed, "body").encode())
    parts = [bytes(body)]
    if i % 4 == 2:
        del body[draw.below("end", len(body)) :]
    if i % 4 == 3:
        body[draw.below("altered byte", len(body))] ^= 1
    opened = yield "stream.open", keys | {"pieces": [bytes(body)]}
    if opened.refused:
        return [*parts, text(opened, "released").encode(), opened.code.encode()]
    return [*parts, text(opened, "text").encode(), b"complete"]


def octets(given: Answer, name: str) -> bytes:
    return bytes.fromhex(given.values[name])


def text(given: Answer, name: str) -> str:
    value: str = given.values[name]
    return value


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
            "draw secret (32), 'base nonce' (12), 'chunks' below 6, which is their number, and each 'chunk/N' "
            "('size of chunk/N' below 100), whose text is its hexadecimal",
            "append the body of the stream: for each chunk and the end `data: BASE64` and two line feeds",
            "where i mod 4 is 2, cut the body off at 'end' below its length; where it is 3, flip the lowest bit of the "
            "byte at 'altered byte' below its length",
            "append the text that the client is given, then `complete` or the ISO code",
        ),
        stream,
    ),
)


def digest(parts: list[bytes]) -> bytes:
    """That of one transcript, 32 bytes."""
    return sha256(b"".join(parts)).digest()


def played(transcript: Transcript, kit: Kit) -> list[bytes]:
    """A transcript whose operations our protocol answers, over the primitives of a provider."""
    given: Answer | None = None
    while True:
        try:
            operation, arguments = transcript.send(given)  # type: ignore[arg-type]
        except StopIteration as end:
            parts: list[bytes] = end.value
            return parts
        given = answer(operation, as_json(arguments), kit)


def transcript_digests(draw: Draw, topic: Topic, numbers: range, kit: Kit = REFERENCE_KIT) -> bytes:
    """The digests of these transcripts, 32 bytes each, joined. `draw` is that of the seed, without a prefix."""
    own = draw.under(f"accumulated/{topic.name}")
    return b"".join(digest(played(topic.transcript(own.under(str(i)), i), kit)) for i in numbers)
