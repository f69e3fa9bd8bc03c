"""One session, step by step, from seeds and edits: every function called here is the reference's own."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace

from docs.playground.checks import LINES, verify
from docs.playground.sheet import Check, Sheet, Step, Unusable
from nen_ref.primitives.errors import PrimitiveError
from nen_ref.primitives.suite import REFERENCE
from nen_ref.protocol.client import ClientSession
from nen_ref.protocol.errors import NenError
from nen_ref.protocol.handshake import CIPHERTEXT_SIZE, ClientHello, client_finish, client_hello, respond
from nen_ref.protocol.messages import (
    JSON_TYPE,
    STREAM_NONCE_HEADER,
    TIMESTAMP_HEADER,
    Headers,
    Reply,
    Request,
    json_reply,
)
from nen_ref.protocol.payload import parse_envelope, seal
from nen_ref.protocol.responses import seal_response
from nen_ref.protocol.session import Session, SessionKeys
from nen_ref.protocol.signing import canonical_string, sign
from nen_ref.protocol.stream import StreamSealer, stream_head, stream_nonce
from nen_ref.protocol.verification import Verified
from nen_ref.protocol.wire import Malformed, decode_base64, dump_json, encode_base64, parse_json_object

NOW = 1_795_500_000_000
SID = "6f1ed002-ab55-4e8f-9c3a-2b1f7d0c9e11"
MAX_CHUNKS = 12
SEED_SIZES = {"d": 32, "z": 32, "m": 32, "mac_key": 32, "n": 12, "answer_n": 12, "base_nonce": 12}

STEPS = (
    ("keys", "Key generation", "client", "ML-KEM-768 makes a key pair from two seeds. dk never leaves the client."),
    ("hello", "Handshake request", "wire", "POST /api/nen/handshake carries the encapsulation key ek."),
    (
        "answer",
        "Server's answer",
        "server",
        "The server checks ek, encapsulates a secret to it, and draws an HMAC key and a session id.",
    ),
    (
        "finish",
        "Decapsulation",
        "client",
        "The client gets the same secret out of ct. It is the payload key, as it is.",
    ),
    ("seal", "Payload and nonce", "client", "The payload is sealed with ChaCha20-Poly1305 under a fresh nonce."),
    (
        "sign",
        "Canonical string",
        "client",
        "METHOD, PATH without query, TIMESTAMP and NONCE, joined by line feeds, are authenticated with HMAC-SHA256.",
    ),
    (
        "request",
        "Signed request",
        "wire",
        "What travels. Whoever sits between the two can change all of it. An empty header is one that is not sent.",
    ),
    ("verify", "Verification", "server", "Nine checks in this order; the first that fails decides the answer."),
    ("respond", "Response", "server", "The handler's answer is sealed under the same key and a nonce of its own."),
    ("open", "Opening the response", "client", "The client takes sealed answers only, and no nonce twice."),
    (
        "stream",
        "Stream",
        "server",
        "A handler that answers with server-sent events: one sealed event for each chunk, then the final one.",
    ),
    ("read", "Reading the stream", "client", "Each chunk is authentic when it is handed out; the end has to be said."),
)

# (step, code) -> the requirements that ask for this refusal.
REQUIREMENTS = {("verify", code): line.requirements for line in LINES for code in line.codes} | {
    ("answer", "ISO-1001"): ("V1-HS-02", "V1-HS-03"),
    ("answer", "ISO-1002"): ("V1-HS-05",),
    ("answer", "ISO-3004"): ("V1-ID-01", "V1-ID-03"),
    ("answer", "ISO-6002"): ("V1-HS-04",),
    ("finish", "ISO-1002"): ("V1-PRIM-04",),
    ("finish", "ISO-1004"): ("V1-HS-12", "V1-HS-13"),
    ("respond", "ISO-4002"): ("V1-RES-02",),
    ("open", "ISO-4001"): ("V1-RES-04", "V1-RES-07"),
    ("open", "ISO-6001"): ("V1-RES-03", "V1-RES-08"),
    ("open", "ISO-6002"): ("V1-RES-08",),
    ("read", "ISO-4001"): ("V1-STR-10", "V1-STR-17"),
    ("read", "ISO-7001"): ("V1-STR-12", "V1-STR-20"),
    ("read", "ISO-7002"): ("V1-STR-09", "V1-STR-19"),
}


def default_seeds() -> dict[str, bytes]:
    return {name: hashlib.shake_256(f"nen-ref playground {name}".encode()).digest(n) for name, n in SEED_SIZES.items()}


def random_seeds() -> dict[str, str]:
    """Edits that put fresh random bytes in the place of every default seed, and a fresh session id."""
    return {name: os.urandom(size).hex() for name, size in SEED_SIZES.items()} | {"sid": str(uuid.uuid4())}


def example() -> dict[str, str]:
    """For the paste box: the default session's request as a client sends it that signs the query too."""
    right = _values({})
    wrong = right["canonical"].replace(_path(right["target"]), right["target"])
    seen = _values({"canonical": wrong})
    keys = {"mac": seen["mac_key"], "enc": seen["server_enc"]}
    return keys | {"request": seen["raw"], "now": seen["now"], "canonical": wrong}


def _values(edits: Mapping[str, str]) -> dict[str, str]:
    return {value.id: value.text for step in play(edits) for value in step.values}


def play(edits: Mapping[str, str]) -> list[Step]:
    """All steps of the session, up to the first that refuses, or cannot be computed with what the reader gave."""
    sheet = Sheet([Step(*step) for step in STEPS], edits)
    try:
        _play(sheet)
    except NenError as error:
        sheet.refused(error, REQUIREMENTS.get((sheet.step.id, error.code), ()))
    except Unusable as fault:
        sheet.unusable(fault)
    except PrimitiveError as fault:
        sheet.unusable(Unusable(f"{fault}."))
    return sheet.steps


@dataclass(frozen=True)
class _Sent:
    """A request as the client made it: what it signed, and the nonce it has to remember."""

    method: str
    target: str
    timestamp: str
    ct: str
    n: bytes
    signature: str


def _play(sheet: Sheet) -> None:
    seeds = default_seeds()
    hello = _keys(sheet, seeds)
    hello = _hello(sheet, hello)
    session, body = _answer(sheet, seeds, hello)
    sid, keys = _finish(sheet, hello, session, body)
    sent = _seal_and_sign(sheet, seeds, keys)
    request = _request(sheet, sid, sent)
    verified = _verify(sheet, session, request)
    client = _client_with(keys)
    client.request(sent.method, sent.target, b"" if sent.ct else None, n=sent.n, timestamp=0)  # it remembers n
    reply = _respond(sheet, seeds, verified)
    _open(sheet, client, reply)
    head, events = _stream(sheet, seeds, session)
    _read(sheet, client, head, events)
    sheet.finish()


def _keys(sheet: Sheet, seeds: Mapping[str, bytes]) -> ClientHello:
    sheet.next("keys")
    d = sheet.hex("d", "Seed d", seeds["d"], 32, seed=True)
    z = sheet.hex("z", "Seed z", seeds["z"], 32, seed=True)
    made = client_hello(d, z)
    ek = sheet.hex("ek", "Encapsulation key ek", made.ek)
    return replace(made, ek=ek, dk=sheet.hex("dk", "Decapsulation key dk", made.dk))


def _hello(sheet: Sheet, hello: ClientHello) -> ClientHello:
    sheet.next("hello")
    pk = sheet.base64("pk", "pk: base64 of ek", encode_base64(hello.ek))
    body = sheet.text("hello_body", "Body of the handshake", _json({"pk": pk}))
    return replace(hello, body=body.encode())


def _answer(sheet: Sheet, seeds: Mapping[str, bytes], hello: ClientHello) -> tuple[Session, bytes]:
    sheet.next("answer")
    m = sheet.hex("m", "Seed m of the encapsulation", seeds["m"], 32, seed=True)
    mac_key = sheet.hex("mac_key", "HMAC key", seeds["mac_key"], 32, seed=True)
    sid = sheet.text("sid", "Session id", SID, seed=True)
    accepted = respond(hello.body, m=m, mac_key=mac_key, sid=sid, now=NOW)
    enc = sheet.hex("server_enc", "Shared secret K, the server's", accepted.session.keys.enc, 32)
    ct = sheet.base64("kem_ct", "ct: the ciphertext of ML-KEM-768", _member(accepted.reply, "ct"))
    hmac = sheet.base64("hmac", "hmac: base64 of the HMAC key", encode_base64(mac_key))
    body = sheet.text("answer_body", "Body of the answer", _json({"sid": sid, "ct": ct, "hmac": hmac}))
    return replace(accepted.session, keys=SessionKeys(enc, mac_key)), body.encode()


def _finish(sheet: Sheet, hello: ClientHello, session: Session, body: bytes) -> tuple[str, SessionKeys]:
    sheet.next("finish")
    got_sid, got = client_finish(hello, json_reply(200, body))
    sid = sheet.text("client_sid", "Session id, the client's", got_sid)
    enc = sheet.hex("client_enc", "Shared secret K, the client's", got.enc, 32)
    if enc != session.keys.enc:
        sheet.note(
            "Not the server's secret. ML-KEM refuses nothing here: a wrong ct gives another secret (implicit "
            "rejection, V1-PRIM-03), and the first payload that does not open shows it."
        )
    mac = sheet.hex("client_mac", "HMAC key, the client's", got.mac, 32)
    if mac != session.keys.mac:
        sheet.note("Not the server's HMAC key.")
    return sid, SessionKeys(enc, mac)


def _seal_and_sign(sheet: Sheet, seeds: Mapping[str, bytes], keys: SessionKeys) -> _Sent:
    sheet.next("seal")
    method = sheet.text("method", "Method", "POST", seed=True)
    target = sheet.text("target", "Path and query", "/api/notes?draft=1", seed=True)
    payload = sheet.text("payload", "Payload", '{"note":"Buy milk"}', seed=True)
    n = sheet.hex("n", "Nonce n", seeds["n"], 12, seed=True)
    ct = encode_base64(seal(keys.enc, n, payload.encode()).ct) if payload else ""
    ct = sheet.base64("sealed", "Sealed payload: ciphertext and tag", ct)
    if not payload:
        sheet.note("No payload, so no body, and NONCE is empty in the canonical string (V1-REQ-09).")
    sheet.next("sign")
    timestamp = sheet.text("timestamp", "Client's time in ms", str(NOW), seed=True)
    canonical = canonical_string(method, _path(target), timestamp, encode_base64(n) if ct else "")
    signed = sheet.text("canonical", "Canonical string", canonical.decode())
    signature = sheet.base64("signature", "Signature: base64 of its HMAC", sign(keys.mac, signed.encode()))
    return _Sent(method, target, timestamp, ct, n, signature)


def _request(sheet: Sheet, sid: str, sent: _Sent) -> Request:
    sheet.next("request")
    method = sheet.text("wire_method", "Method on the wire", sent.method.upper())
    target = sheet.text("wire_target", "Path and query on the wire", sent.target)
    named = {
        "X-Nen-Session": sheet.text("wire_session", "X-Nen-Session", sid),
        "X-Nen-Timestamp": sheet.text("wire_timestamp", "X-Nen-Timestamp", sent.timestamp),
        "X-Nen-Signature": sheet.base64("wire_signature", "X-Nen-Signature", sent.signature),
    }
    ct = sheet.base64("wire_ct", "ct in the body", sent.ct)
    n = sheet.base64("wire_n", "n in the body", encode_base64(sent.n) if sent.ct else "")
    body = sheet.text("wire_body", "Body", _json({"ct": ct, "n": n}) if ct or n else "")
    pairs = [(name, value) for name, value in named.items() if value]
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in pairs), "", body]
    sheet.seen("raw", "The request as text", "\n".join(lines))
    return Request(method, _path(target), Headers(pairs), body.encode())


def _verify(sheet: Sheet, session: Session, request: Request) -> Verified:
    sheet.next("verify")
    now = sheet.number("now", "Server's time in ms", NOW)
    used = sheet.text("used", "Nonces used before, one a line", "", seed=True)
    verdict = verify(request, now, session, _nonces(used))
    sheet.step.checks = verdict.checks
    try:
        nonce = parse_envelope(request.body).nonce_text if request.body else ""
    except NenError:
        pass  # the shape is wrong: there is no nonce, and no canonical string
    else:
        canonical = canonical_string(request.method, request.path, request.headers.get(TIMESTAMP_HEADER, ""), nonce)
        sheet.seen("server_canonical", "Canonical string, the server's", canonical.decode())
        sheet.seen("expected", "Signature that belongs to it", sign(session.keys.mac, canonical))
    verified = verdict.verified_or_raise()
    if verified.payload is not None:
        sheet.seen("server_payload", "Payload, for the handler", verified.payload.decode())
    return verified


def _respond(sheet: Sheet, seeds: Mapping[str, bytes], verified: Verified) -> Reply:
    sheet.next("respond")
    said = '{"saved":true}' if verified.payload is not None else '{"notes":[]}'
    payload = sheet.text("answer_payload", "Answer of the handler", said, seed=True)
    n = sheet.hex("answer_n", "Nonce of the answer", seeds["answer_n"], 12, seed=True)
    reply = seal_response(verified, 200, payload.encode(), n)
    content_type = sheet.text("answer_type", "Content-Type", JSON_TYPE)
    ct = sheet.base64("answer_ct", "ct: ciphertext and tag", _member(reply, "ct"))
    wire_n = sheet.base64("answer_wire_n", "n: the nonce of the answer", encode_base64(n))
    body = sheet.text("reply_body", "Body of the response", _json({"ct": ct, "n": wire_n}))
    return Reply(200, {"content-type": content_type}, body.encode())


def _open(sheet: Sheet, client: ClientSession, reply: Reply) -> None:
    sheet.next("open")
    opened = client.open_reply(reply)
    sheet.seen("opened", "Payload, for the application", opened.decode("utf-8", "replace"))


def _stream(sheet: Sheet, seeds: Mapping[str, bytes], session: Session) -> tuple[Reply, bytes]:
    sheet.next("stream")
    base_nonce = sheet.hex("base_nonce", "Base nonce", seeds["base_nonce"], 12, seed=True)
    text = sheet.text("chunks", "Chunks, one a line", "Once \nupon \na time", seed=True)
    chunks = text.split("\n")
    if len(chunks) > MAX_CHUNKS:
        raise Unusable(f"The playground takes at most {MAX_CHUNKS} chunks; these are {len(chunks)}.")
    head = stream_head(base_nonce)
    nonce = sheet.base64("stream_nonce", "X-Nen-Stream-Nonce", head.headers[STREAM_NONCE_HEADER])
    sealer = StreamSealer(session.keys.enc, base_nonce)
    events = b"".join([sealer.seal(chunk.encode()) for chunk in chunks]) + sealer.finish()
    sealed = [event.removeprefix("data: ") for event in events.decode().split("\n\n") if event]
    datas = []
    for i, data in enumerate(sealed):
        last = i == len(sealed) - 1
        datas.append(sheet.base64(f"event_{i}", "Final event, __FIN__" if last else f"Event {i}", data))
        sheet.note(f"nonce {stream_nonce(base_nonce, i).hex()}")
    body = sheet.text("events", "The stream as it travels", "".join(f"data: {data}\n\n" for data in datas))
    headers = {**head.headers, STREAM_NONCE_HEADER: nonce}
    if not nonce:
        del headers[STREAM_NONCE_HEADER]
    return replace(head, headers=headers), body.encode()


def _read(sheet: Sheet, client: ClientSession, head: Reply, events: bytes) -> None:
    sheet.next("read")
    opener = client.open_stream(head)
    checks = sheet.step.checks
    try:
        for chunk in opener.feed(events):
            checks.append(Check(f"Event {len(checks)} opens", "passed", note=repr(chunk.decode("utf-8", "replace"))))
        opener.close()
    except NenError as error:
        wanted = f"Event {len(checks)} opens" if error.code == "ISO-4001" else "The final event ends the stream"
        checks.append(Check(wanted, "refused", (error.code,)))
        raise
    checks.append(Check(f"Event {len(checks)} is the final one: the stream is complete", "passed"))


def _client_with(keys: SessionKeys) -> ClientSession:
    """A client session that holds these keys, edited or not: its suite gives K where decapsulation would."""
    client = ClientSession(suite=replace(REFERENCE, ml_kem_768_decaps=lambda dk, ct: keys.enc))
    client.start_handshake(ClientHello(b"", b"", b""))
    answer = {"sid": SID, "ct": encode_base64(bytes(CIPHERTEXT_SIZE)), "hmac": encode_base64(keys.mac)}
    client.finish_handshake(json_reply(200, dump_json(answer)))
    return client


def _path(target: str) -> str:
    """What of a request's target is signed. V1-AUTH-06."""
    return target.partition("#")[0].partition("?")[0]


def _json(members: Mapping[str, str]) -> str:
    return dump_json(members).decode()


def _member(reply: Reply, name: str) -> str:
    return str(parse_json_object(reply.body)[name])


def _nonces(text: str) -> set[bytes]:
    try:
        return {decode_base64(line) for line in text.split()}
    except Malformed as fault:
        raise Unusable(f"Nonces used before: a line is {fault}.") from None
