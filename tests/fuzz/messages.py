"""HTTP requests of the protocol, drawn: right ones, and ones that are wrong in one place and signed or sealed over it.

Whatever is wrong inside of a right signature reaches the steps behind it; mutating bytes alone would never get there.
Each is of one of the versions that the server offers, and now and then of another one, or between two.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from random import Random

from nen_ref.protocol.errors import NenError
from nen_ref.protocol.identity import prove_identity
from nen_ref.protocol.key_schedule import ratchet
from nen_ref.protocol.messages import (
    HANDSHAKE_PATH,
    NONCE_HEADER,
    REKEY_PATH,
    ROTATE_PATH,
    SESSION_HEADER,
    SIGNATURE_HEADER,
    STATUS_PATH,
    TERMINATE_PATH,
)
from nen_ref.protocol.payload import NONCE_SIZE, parse_envelope, seal
from nen_ref.protocol.session import WINDOW_MS, Session
from nen_ref.protocol.signing import canonical_string, sign
from nen_ref.protocol.versions import V1, V2, V3, Version
from nen_ref.protocol.wire import Malformed, dump_json, encode_base64, parse_json_object
from tests.fuzz.material import (
    EK,
    FAST,
    IDENTITY,
    NAMED_SESSION,
    NOW,
    PK_X,
    PLAIN_SESSION,
    SESSIONS,
    V3_SESSION,
    texts,
    tickets,
    vectors,
)
from tests.fuzz.mutation import mutate, mutate_json

Header = tuple[bytes, bytes]

ENDPOINTS = tuple(path.encode() for path in (HANDSHAKE_PATH, ROTATE_PATH, TERMINATE_PATH, STATUS_PATH))
TARGETS = (
    b"/api/echo", b"/api/echo", b"/api/echo/a%20b?q=1", b"/api/echo/%E2%98%83/x;y=1", b"/api/echo/", b"/api/echo//..",
    b"/api/stream", b"/api/stream", b"/api/stream/", b"/nowhere", b"/", b"*",
)  # fmt: skip
METHODS = (b"POST", b"POST", b"POST", b"PUT", b"PATCH", b"DELETE", b"GET", b"OPTIONS", b"HEAD", b"get", b"TRACE")
TIMESTAMPS = (
    NOW, NOW, NOW, NOW + WINDOW_MS, NOW - WINDOW_MS, NOW - WINDOW_MS - 1, NOW + WINDOW_MS + 1, 0, "", "-1",
    "1.76e12", "+1",
    f"0{NOW}", f" {NOW}", "9" * 16, "9" * 17, "9" * 5000, "١٢٣", "²", f"{NOW}, {NOW}", "0x10",
)  # fmt: skip


@dataclass(frozen=True)
class Message:
    method: bytes
    target: bytes
    headers: tuple[Header, ...] = ()
    body: bytes | None = field(default=None, repr=False)


@cache
def handshakes() -> tuple[bytes, ...]:
    """Bodies of handshakes: all of the vectors, and ours with a right identity."""
    own = [{"pk": encode_base64(EK)}, {"pk": encode_base64(EK), **prove_identity(IDENTITY, EK, bytes(32))}]
    published = [*texts("v1/handshake_server", "body"), *texts("v1/identity", "body")]
    return (*(json.dumps(body).encode() for body in own), *published)


@cache
def payloads() -> tuple[bytes, ...]:
    """JSON texts that requests seal, what the demonstration routes read among them; and texts that are none."""
    chunks = [["a", "b"], [], ["__FIN__"], [""], ["\u2603\n\r"], [1], "abc", None]
    streams = [json.dumps({"chunks": value}).encode() for value in chunks]
    wrong = [
        b"",
        b"not json",
        b"{",
        b'{"a":1,"a":2}',
        b"\xff",
        b"NaN",
        b"\xef\xbb\xbf1",
        b'"\\ud800"',
        b"1 2",
        b"[" * 200,
    ]
    return (*texts("v1/payload_seal", "payload"), *streams, *wrong)


@cache
def handshakes_v3() -> tuple[bytes, ...]:
    """Bodies of handshakes of V3: ours in both modes and with every ticket, and those of the vectors."""
    kem, x, rn = encode_base64(EK), encode_base64(PK_X), encode_base64(bytes(32))
    low_order = encode_base64(bytes(32))
    own: list[dict[str, str]] = [
        {"pk_kem": kem, "securityMode": "hybrid", "pk_x": x},
        {"pk_kem": kem, "securityMode": "pqc-only"},
        *({"resume": ticket, "rn": rn, "securityMode": "hybrid"} for ticket in tickets().values()),
        {"pk": kem, "pk_x": x},
        {"pk_kem": kem, "pk_x": low_order},
        {"pk_kem": kem, "pk_x": x, "resume": tickets()["right"]},
    ]
    published = [*texts("v3/server", "body"), *texts("v3/resume_server", "body")]
    return (*map(dump_json, own), *published)


OWN_V3 = 10  # the first of `handshakes_v3`


@cache
def published_requests(name: str) -> tuple[Message, ...]:
    """The requests of the vectors of a version; those of V2 are V3's too."""
    requests = [given["request"] for given in vectors(f"{name}/request_verification")]
    return tuple(
        Message(
            _bytes(request["method"]),
            _bytes(request["target"]),
            tuple((_bytes(name), _bytes(value)) for name, value in request["headers"].items()),
            None if request["body"] is None else _bytes(request["body"]),
        )
        for request in requests
    )


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


Versions = Sequence[Version]


def draw(rng: Random, offered: Versions = (V1,)) -> Message:
    """One request to a server that offers these versions."""
    version = rng.choice(offered) if rng.random() < 0.95 else rng.choice((V1, V2, V3))
    dice = rng.random()
    if dice < 0.17:
        return rng.choice(published_requests("v2" if version.nonce_in_header else "v1"))
    if dice < 0.34:
        return _handshake(rng, version)
    if dice < 0.42:
        return _of_session(rng)
    message = sealed(rng, version, _session_for(rng, version))
    return moved(rng, message) if len(offered) > 1 and rng.random() < 0.15 else message


def _session_for(rng: Random, version: Version) -> Session:
    """One that the version has made; now and then another."""
    if rng.random() < 0.04:
        return rng.choice(tuple(SESSIONS.values()))
    if version.family == V3.family:
        return V3_SESSION
    return PLAIN_SESSION if rng.random() < 0.7 else NAMED_SESSION


def moved(rng: Random, message: Message) -> Message:
    """A request that its carrier makes one of another version: the signature stays, and the nonce goes elsewhere."""
    headers = {name.lower(): value for name, value in message.headers}
    nonce = headers.pop(NONCE_HEADER.encode(), None)
    members = {}
    with suppress(Malformed):
        members = parse_json_object(message.body or b"")
    if nonce is not None:
        body = dump_json({"ct": "", **members, "n": nonce.decode("latin-1")})
        kept = {NONCE_HEADER.encode(): nonce} if rng.random() < 0.3 else {}
        return replace(message, headers=tuple((headers | kept).items()), body=body)
    n = members.pop("n", None)
    if not isinstance(n, str):
        return message
    headers[NONCE_HEADER.encode()] = n.encode("utf-8", "surrogatepass")
    left = rng.choice((dump_json(members), message.body, None))
    return replace(message, headers=tuple(headers.items()), body=left)


def _handshake(rng: Random, version: Version) -> Message:
    bodies, own = (handshakes_v3(), OWN_V3) if version.family == V3.family else (handshakes(), 2)
    body = rng.choice(bodies) if rng.random() < 0.5 else rng.choice(bodies[:own])
    if rng.random() < 0.4:
        with suppress(ValueError, RecursionError):
            body = mutate_json(rng, json.loads(body))
    headers = [(b"content-type", b"application/json")]
    if rng.random() < 0.3:
        headers.append((SESSION_HEADER.encode(), _sid(rng)))
    return Message(b"POST", rng.choice(ENDPOINTS[:2]), tuple(headers), body)


def _of_session(rng: Random) -> Message:
    """Status and termination, sometimes by the wrong method."""
    method, target = rng.choice(((b"GET", ENDPOINTS[3]), (b"POST", ENDPOINTS[2]), (b"GET", ENDPOINTS[2])))
    headers = ((SESSION_HEADER.encode(), _sid(rng)),) if rng.random() < 0.8 else ()
    return Message(method, target, headers)


def _sid(rng: Random) -> bytes:
    ours = [session.sid.encode() for session in SESSIONS.values()]
    return rng.choice((*ours, ours[0], b"", b"other", b"\xff"))


def sealed(rng: Random, version: Version, session: Session, n: bytes | None = None) -> Message:
    """A request under a session, with or without a body, and with a flaw or two in any of the steps."""
    method, target = rng.choice(METHODS), rng.choice(TARGETS)
    if rng.random() < 0.05:
        target = b"/api/echo/" + rng.randbytes(4)
    if rng.random() < 0.1:
        method, target = b"POST", b"/api/stream"
    if version.ratchets and rng.random() < 0.1:
        method, target = b"POST", REKEY_PATH.encode()
    timestamp = str(rng.choice(TIMESTAMPS) if rng.random() < 0.25 else NOW + rng.randint(-5, 5))
    n = rng.randbytes(NONCE_SIZE) if n is None else n
    bare = rng.random() < (0.4 if version.nonce_in_header else 0.15)
    envelope = None if bare else _envelope(rng, version, session, n)
    if version.nonce_in_header:
        nonce = encode_base64(n)
        sent_nonce = nonce if rng.random() < 0.9 else _wrong_nonce(rng, nonce)
    else:
        nonce, sent_nonce = "", None
        with suppress(NenError):
            nonce = parse_envelope(envelope).nonce_text if envelope else ""
    return _signed(rng, session, method, target, timestamp, nonce, sent_nonce, envelope)


def right(version: Version, session: Session, target: bytes, n: bytes, payload: bytes | None = b"{}") -> Message:
    """A request without a flaw."""
    ct = None if payload is None else seal(session.keys.enc, n, payload, suite=FAST).ct
    written = version.write_request(n, ct)
    headers = (
        *_credentials(session, b"POST", target, str(NOW), written.nonce_text),
        *((name.encode(), value.encode()) for name, value in written.headers.items()),
        (b"content-type", b"application/json"),
    )
    return Message(b"POST", target, headers, written.body)


def _credentials(session: Session, method: bytes, target: bytes, timestamp: str, nonce: str) -> list[Header]:
    signed_path = target.partition(b"?")[0].decode("utf-8", "surrogateescape")
    signature = sign(session.keys.mac, canonical_string(method.decode(), signed_path, timestamp, nonce), suite=FAST)
    return [
        (SESSION_HEADER.encode(), session.sid.encode()),
        (b"x-nen-timestamp", timestamp.encode()),
        (SIGNATURE_HEADER.encode(), signature.encode()),
    ]


def _signed(
    rng: Random,
    session: Session,
    method: bytes,
    target: bytes,
    timestamp: str,
    nonce: str,
    sent_nonce: str | None,
    body: bytes | None,
) -> Message:
    (sid_name, sid), stamp, (name, signature) = _credentials(session, method, target, timestamp, nonce)
    if rng.random() < 0.1:
        signature = rng.choice((mutate(rng, signature)[:200], signature.swapcase(), b"", b"\xff\xfe", bytes(32)))
    if session.identity is not None and rng.random() < 0.1:
        signature = b""  # which its client may leave out
    headers = [
        (sid_name, sid if rng.random() < 0.93 else _sid(rng)),
        stamp,
        (name, signature),
        (b"content-type", b"application/json"),
    ]
    if sent_nonce is not None:
        headers.insert(0, (NONCE_HEADER.encode(), sent_nonce.encode("latin-1")))
    match rng.randrange(12):
        case 0:
            headers.pop(rng.randrange(len(headers) - 1))
        case 1:
            headers.append(rng.choice(headers))
        case 2:
            rng.shuffle(headers)
            headers = [(name.title(), value) for name, value in headers]
        case 3:
            headers.append((b"x-other", mutate(rng, b"value")[:100]))
    return Message(method, target, tuple(headers), body)


def _wrong_nonce(rng: Random, nonce: str) -> str:
    return rng.choice(
        ("", nonce[:-1], nonce + "=", nonce[:12], nonce + nonce, " " + nonce, "\xff", nonce.swapcase(), "not base64")
    )


def _envelope(rng: Random, version: Version, session: Session, n: bytes) -> bytes:
    payload = rng.choice(payloads()) if rng.random() < 0.6 else b'{"chunks":["a"]}'
    if rng.random() < 0.25:
        payload = mutate(rng, payload)[:2000]
    ct = seal(session.keys.enc, n, payload, suite=FAST).ct
    if 0.7 < (dice := rng.random()) < 0.8:
        ct = mutate(rng, ct)[:2000]
    body = version.write_request(n, ct).body or b""
    if dice < 0.8:
        return body
    if dice < 0.9:
        return mutate_json(rng, json.loads(body))
    return rng.choice(published_requests("v2" if version.nonce_in_header else "v1")).body or body


# --- as bytes on a connection ----------------------------------------------------------------------------------------


def draw_http(rng: Random, offered: Versions = (V1,)) -> bytes:
    """One to four requests as they stand on a connection; now and then one of them twice, which is a replay."""
    if any(version.ratchets for version in offered) and rng.random() < 0.2:
        messages = _around_a_rekey(rng, offered)
    elif len(offered) > 1 and rng.random() < 0.15:
        messages = _in_two_versions(rng)
    else:
        messages = [draw(rng, offered) for _ in range(rng.choice((1, 1, 1, 1, 2, 2, 3)))]
        if rng.random() < 0.15:
            messages += [messages[0]] * rng.choice((1, 1, 3))
    return b"".join([to_http(rng, message) for message in messages])


def _around_a_rekey(rng: Random, offered: Versions) -> list[Message]:
    """A rekey, and requests under the keys before it and after it, some with a nonce that was there already."""
    after = replace(V3_SESSION, keys=ratchet(V3_SESSION.keys, suite=FAST))
    nonces = [rng.randbytes(NONCE_SIZE) for _ in range(2)]
    rekey = REKEY_PATH.encode()

    def one(session: Session) -> Message:
        target = rng.choice((b"/api/echo", b"/api/stream", rekey))
        payload = None if rng.random() < 0.3 else b'{"chunks":["a"]}'
        return right(V3, session, target, rng.choice(nonces), payload)

    turn = right(V3, V3_SESSION, rekey, rng.choice(nonces), rng.choice((None, b"{}", b"1")))
    before, later = rng.choice(((), (V3_SESSION,))), [rng.choice((after, after, V3_SESSION)) for _ in range(2)]
    return [*map(one, before), turn, *map(one, later)]


def _in_two_versions(rng: Random) -> list[Message]:
    """A request of V1 or V2, and the same one made one of the other version, or sealed again under its nonce."""
    session, n = rng.choice((PLAIN_SESSION, NAMED_SESSION)), rng.randbytes(NONCE_SIZE)
    versions = rng.sample((V1, V2), 2)
    first = right(versions[0], session, b"/api/echo", n)
    again = right(rng.choice(versions), session, b"/api/echo", n, rng.choice((b"{}", None)))
    return [first, rng.choice((moved(rng, first), again))]


def to_http(rng: Random, message: Message) -> bytes:
    headers = [(b"host", b"x"), *message.headers]
    body = message.body or b""
    if message.body is not None and rng.random() < 0.25:
        headers.append((b"transfer-encoding", b"chunked"))
        body = _chunked(rng, body)
    elif message.body is not None:
        headers.append((b"content-length", str(len(body)).encode()))
    if rng.random() < 0.03:
        headers.append((b"expect", b"100-continue"))
    lines = [b"%s %s HTTP/1.1" % (message.method, message.target), *(b"%s: %s" % header for header in headers)]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def _chunked(rng: Random, body: bytes) -> bytes:
    step = rng.choice((1000, 7, 3000))
    pieces = [body[at : at + step] for at in range(0, len(body), step)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


# --- as an ASGI scope, which can say what no HTTP parser lets through ------------------------------------------------

FIELDS, PAIR, PIECES = b"\x1e", b"\x1f", b"\x1d"
"""A scope as bytes: flags; method, raw path and headers after FIELDS each; pieces of the body after PIECES each."""


def draw_scope(rng: Random, offered: Versions = (V1,)) -> bytes:
    message = draw(rng, offered)
    flags = 0 if rng.random() < 0.8 else rng.randrange(32)
    headers = [name + PAIR + value for name, value in message.headers]
    step = rng.choice((1 << 30, 1 << 30, 500, 0))
    body = message.body or b""
    pieces = [body] if not step else [body[at : at + step] for at in range(0, max(1, len(body)), step)]
    if not step:
        pieces = [b"", *pieces, b""]
    return (
        bytes([flags])
        + FIELDS.join([b"", message.method, message.target, *headers])
        + b"".join(PIECES + piece for piece in pieces)
    )


@dataclass(frozen=True)
class Scope:
    flags: int
    method: bytes
    target: bytes
    headers: Sequence[Header]
    pieces: Sequence[bytes]


def read_scope(data: bytes) -> Scope:
    """Any bytes are a scope."""
    flags, rest = (data[0], data[1:]) if data else (0, b"")
    head, *pieces = rest.split(PIECES)
    _, method, target, *headers = [*head.split(FIELDS), b"", b"", b""][: max(3, head.count(FIELDS) + 1)]
    pairs = [(name, value) for name, _, value in (line.partition(PAIR) for line in headers) if name]
    return Scope(flags, method, target, pairs, pieces)
