"""Worked examples of the steps of protocol V1: each ends with the answer that a vector has."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from docs.make.worked_model import Example, Final, Make, Step, Vector, as_bytes, vector
from nen_ref.primitives import chacha20_poly1305, ml_kem
from nen_ref.primitives.ml_dsa import ML_DSA_65
from nen_ref.protocol.client import ClientSession, SignedRequest, refusal, stream_refusal
from nen_ref.protocol.errors import NenError
from nen_ref.protocol.handshake import ClientHello, IdentityPolicy, client_finish, client_hello, respond
from nen_ref.protocol.identity import Identity, prove_identity, verify_identity
from nen_ref.protocol.messages import Headers, Reply, Request, error_reply, reported_code
from nen_ref.protocol.payload import dump_envelope, open_envelope, parse_envelope, seal
from nen_ref.protocol.responses import seal_response
from nen_ref.protocol.session import Session, SessionKeys
from nen_ref.protocol.signing import canonical_string, sign
from nen_ref.protocol.sse import EventReader, event
from nen_ref.protocol.stream import FINAL, StreamOpener, StreamSealer, read_stream_head, stream_head, stream_nonce
from nen_ref.protocol.verification import (
    LoadSession,
    NonceAnswer,
    RecordNonce,
    RequestPolicy,
    Verified,
    check_payload,
    check_replay,
    check_session,
    check_session_header,
    check_shape,
    check_signature,
    check_signature_present,
    check_window,
    run,
    verify_request,
)
from nen_ref.protocol.wire import Malformed, decode_base64, dump_json, encode_base64, parse_json, parse_json_object


def base64_encode() -> Example:
    found = vector("v1/base64_encode/rfc-4648-5")
    data = found.input["bytes"]
    bits = "".join(f"{byte:08b}" for byte in data)
    sextets = [int(bits[i : i + 6].ljust(6, "0"), 2) for i in range(0, len(bits), 6)]
    steps = [Step("bytes", data), Step("groups of 6 bits", sextets, "the last one filled with zeros; then =")]
    return Example(found, steps, [Final("text", encode_base64(data), found.output["text"], "text")])


def base64_decode() -> Example:
    found = vector("v1/base64_decode/url-safe-one-of-many")
    text = found.input["text"]
    try:
        decode_base64(text)
        said = ""
    except Malformed as fault:
        said = str(fault)
    wrong = "".join(sorted({sign for sign in text if sign in "-_"}))
    steps = [Step("text", text), Step("character of another alphabet", wrong), Step("error", said)]
    return Example(found, steps, [Final("refused", bool(said), not found.valid, "result: invalid")])


def json_refused() -> Example:
    found = vector("v1/payload_open/body-twice-ct")
    body = found.input["body"]
    try:
        parse_json(body.encode())
        said = ""
    except Malformed as fault:
        said = str(fault)
    try:
        parse_envelope(body.encode())
        code = ""
    except NenError as error:
        code = error.code
    steps = [
        Step("text", body),
        Step(
            "members that Python's json would give",
            ", ".join(json.loads(body)),
            "of two values the last wins, silently",
        ),
        Step("error of parse_json", said),
    ]
    return Example(found, steps, [Final("code, in a request body", code, found.codes[0], "codes")])


def hello() -> Example:
    found = vector("v1/handshake_hello/plain")
    made = client_hello(found.input["d"], found.input["z"])
    steps = [
        Step("d", found.input["d"], "32 random bytes"),
        Step("z", found.input["z"], "32 random bytes"),
        Step("ek", made.ek, "goes out"),
        Step("dk", made.dk, "stays, until the answer is there"),
        Step("pk", encode_base64(made.ek), "ek as base64"),
    ]
    return Example(found, steps, [Final("body", made.body.decode(), found.output["body"], "body")])


def server() -> Example:
    found = vector("v1/handshake_server/plain")
    given = found.input
    ek = decode_base64(str(parse_json_object(given["body"].encode())["pk"]))
    made = respond(given["body"].encode(), m=given["m"], mac_key=given["hmac_key"], sid=given["sid"], now=0)
    _, ct = ml_kem.encaps_internal(ml_kem.ML_KEM_768, ek, given["m"])
    steps = [
        Step("body", given["body"], "what the client sent"),
        Step("ek", ek, "1184 bytes, every coefficient below 3329"),
        Step("m", given["m"], "32 random bytes for the encapsulation"),
        Step("ct", ct, "the ciphertext"),
        Step("HMAC key", given["hmac_key"], "32 more random bytes"),
        Step("sid", given["sid"], "a fresh random UUID"),
        Step("status", made.reply.status),
    ]
    finals = [
        Final("secret of the session", made.session.keys.enc, found.output["secret"], "secret"),
        Final("body", made.reply.body.decode(), found.output["body"], "body"),
    ]
    return Example(found, steps, finals)


def finish() -> Example:
    found = vector("v1/handshake_client/plain")
    given = found.input
    body = given["body"].encode()
    sid, keys = client_finish(client_hello(given["d"], given["z"]), Reply(given["status"], {}, body))
    ct = decode_base64(str(parse_json_object(body)["ct"]))
    steps = [
        Step("status", given["status"]),
        Step("body", given["body"], "what the server sent"),
        Step("ct", ct, "1088 bytes, decapsulated with dk"),
    ]
    finals = [
        Final("sid", sid, found.output["sid"], "sid"),
        Final("secret", keys.enc, found.output["secret"], "secret"),
        Final("HMAC key", keys.mac, found.output["hmac_key"], "hmac_key"),
    ]
    return Example(found, steps, finals)


def identity_prove() -> Example:
    found = vector("v1/handshake_hello/identity")
    given = found.input
    identity = Identity.from_seed(given["identity_seed"])
    made = client_hello(given["d"], given["z"], identity)
    members = prove_identity(identity, made.ek, bytes(32))
    steps = [
        Step("seed of the identity", given["identity_seed"]),
        Step("public key", identity.pk),
        Step("what is signed", made.ek, "the raw bytes of ek, in the empty context"),
        Step("sigPk", members["sigPk"], "22 bytes of prefix and the public key, as base64"),
        Step("sigOfPk", members["sigOfPk"], "3309 bytes, as base64; deterministic here"),
    ]
    return Example(found, steps, [Final("body", made.body.decode(), found.output["body"], "body")])


def identity_verify() -> Example:
    found = vector("v1/identity/deterministic")
    given = found.input
    members = parse_json_object(given["body"].encode())
    ek = decode_base64(str(members["pk"]))
    pk = verify_identity(members, ek)
    accepted = respond(given["body"].encode(), m=given["m"], mac_key=given["hmac_key"], sid=given["sid"], now=0)
    assert pk is not None, "the vector has an identity"
    steps = [
        Step("sigPk, decoded", decode_base64(str(members["sigPk"])), "1974 bytes of DER"),
        Step("public key in it", pk, f"{ML_DSA_65.pk_size} bytes"),
        Step("sigOfPk, decoded", decode_base64(str(members["sigOfPk"]))),
        Step("signed bytes", ek, "pk, decoded"),
        Step("identity of the session", accepted.session.identity == pk, "the proven key stands in it"),
    ]
    return Example(found, steps, [Final("secret", accepted.session.keys.enc, found.output["secret"], "secret")])


def identity_refused() -> Example:
    found = vector("v1/identity/key-alone")
    given = found.input
    members = parse_json_object(given["body"].encode())

    def refused(body: bytes, policy: IdentityPolicy) -> NenError | None:
        try:
            respond(body, m=given["m"], mac_key=given["hmac_key"], sid=given["sid"], now=0, policy=policy)
        except NenError as error:
            return error
        return None

    half = refused(given["body"].encode(), IdentityPolicy())
    none = refused(dump_json({"pk": members["pk"]}), IdentityPolicy(required=True))
    assert half is not None, "half an identity is refused"
    assert none is not None, "this policy requires an identity"
    steps = [
        Step("members", ", ".join(members), "no sigOfPk"),
        Step("detail, for the log", half.detail or ""),
        Step("without any identity, where one is required", none.code, none.detail or ""),
    ]
    return Example(found, steps, [Final("code", half.code, found.codes[0], "codes")])


def canonical() -> Example:
    found = vector("v1/canonical_string/method-mixed")
    given = found.input
    made = canonical_string(given["method"], given["target"], given["timestamp"], given["nonce"])
    steps = [
        Step("method", given["method"], "becomes upper case"),
        Step("path", given["target"], "as on the wire"),
        Step("timestamp", given["timestamp"], "the text of the header"),
        Step("nonce", given["nonce"], "the text of n in the body"),
        Step("UTF-8", made),
    ]
    return Example(
        found, steps, [Final("canonical string", made.decode(), found.output["canonical_string"], "canonical_string")]
    )


def signing() -> Example:
    found = vector("v1/request_signing/post")
    given = found.input
    text = canonical_string(given["method"], given["target"], given["timestamp"], given["nonce"])
    made = sign(given["hmac_key"], text)
    steps = [
        Step("HMAC key", given["hmac_key"]),
        Step("canonical string", text.decode()),
        Step("HMAC-SHA256", decode_base64(made)),
    ]
    return Example(found, steps, [Final("X-Nen-Signature", made, found.output["signature"], "signature")])


def sealing() -> Example:
    found = vector("v1/payload_seal/null")
    given = found.input
    envelope = seal(given["secret"], given["n"], given["payload"].encode())
    steps = [
        Step("payload", given["payload"]),
        Step("secret", given["secret"], "from the handshake, as it is"),
        Step("n", given["n"], "12 fresh random bytes"),
        Step("one-time key", chacha20_poly1305.poly1305_key_gen(given["secret"], given["n"])),
        Step("ct", envelope.ct, "4 bytes and the tag of 16"),
        Step("n as text", envelope.nonce_text, "this text is signed too"),
    ]
    return Example(found, steps, [Final("body", dump_envelope(envelope).decode(), found.output["body"], "body")])


def opening() -> Example:
    found = vector("v1/payload_open/payload-ordered-members")
    envelope = parse_envelope(found.input["body"].encode())
    payload = open_envelope(found.input["secret"], envelope)
    steps = [
        Step("body", found.input["body"]),
        Step("ct", envelope.ct),
        Step("n", envelope.n),
        Step("tag", envelope.ct[-16:], "right, so the payload is given out"),
    ]
    return Example(found, steps, [Final("payload", payload.decode(), found.output["payload"], "payload")])


def _session_steps() -> tuple[Vector, list[dict[str, Any]], list[dict[str, Any]]]:
    """A whole session: inputs and outputs of its steps."""
    found = vector("v1/sessions/one-exchange")
    inputs = [as_bytes(step["operation"], "args", step["input"]) for step in found.steps]
    outputs = [as_bytes(step["operation"], "result", step["output"]) for step in found.steps]
    return found, inputs, outputs


def _client(inputs: list[dict[str, Any]], states: list[Step] | None = None) -> ClientSession:
    """The client of that session, after its handshake; its states on the way go to `states`."""
    noted = states if states is not None else []
    client = ClientSession()
    noted.append(Step("at first", repr(client)))
    body = client.start_handshake(client_hello(inputs[0]["d"], inputs[0]["z"]))
    noted.append(Step("after start_handshake", repr(client), f"{len(body)} bytes to send"))
    client.finish_handshake(Reply(200, {}, inputs[2]["body"].encode()))
    noted.append(Step("after finish_handshake", repr(client)))
    return client


def _request(client: ClientSession, inputs: list[dict[str, Any]]) -> SignedRequest:
    """The request of that session."""
    sent, payload = inputs[4], inputs[3]
    return client.request(
        sent["method"],
        sent["target"],
        payload["payload"].encode(),
        n=payload["n"],
        timestamp=int(sent["timestamp"]),
    )


def client_request() -> Example:
    found, inputs, outputs = _session_steps()
    made = _request(_client(inputs), inputs)
    steps = [
        Step("payload", inputs[3]["payload"]),
        Step("n", inputs[3]["n"]),
        Step("canonical string", outputs[4]["canonical_string"]),
        *[Step(name, value) for name, value in made.headers.items()],
    ]
    finals = [
        Final("body", (made.body or b"").decode(), outputs[3]["body"], "output of payload.seal"),
        Final("x-nen-signature", made.headers["x-nen-signature"], outputs[5]["signature"], "output of request.sign"),
    ]
    return Example(found, steps, finals)


def _verifying(identifier: str) -> tuple[Vector, Request, Session]:
    found = vector(identifier)
    sent, given = found.input["request"], found.input["session"]
    body = (sent["body"] or "").encode()
    request = Request(sent["method"], sent["target"].partition("?")[0], Headers(sent["headers"].items()), body)
    return found, request, Session(given["sid"], SessionKeys(given["secret"], given["hmac_key"]), 0)


def _verified(found: Vector, request: Request, session: Session) -> tuple[NenError | None, bytes | None, list[str]]:
    """The refusal or the payload, and the questions that the store was asked."""
    asked: list[str] = []
    used = set(found.input["used_nonces"])

    def load(question: LoadSession) -> Session | None:
        asked.append("LoadSession")
        return session if session.sid == question.sid else None

    def record(question: RecordNonce) -> NonceAnswer:
        asked.append("RecordNonce")
        return NonceAnswer.USED if question.nonce in used else NonceAnswer.NEW

    try:
        return None, run(verify_request(request, found.input["now"]), load, record).payload, asked
    except NenError as error:
        return error, None, asked


def verification() -> Example:
    found, request, session = _verifying("v1/request_verification/method-post")
    now = found.input["now"]
    carried = check_shape(request)
    assert carried.ct is not None, "the vector has a body"
    assert carried.n is not None, "and with it a nonce"
    signature = check_signature_present(request, carried, session, RequestPolicy())
    check_signature(request, carried, signature or "", session)
    check_replay(NonceAnswer.NEW)
    payload = check_payload(carried.envelope, session)
    text = canonical_string(request.method, request.path, request.headers["x-nen-timestamp"], carried.nonce_text)
    steps = [
        Step("1 X-Nen-Session", check_session_header(request), "there, else ISO-2003"),
        Step("2 session", check_session(session).sid, "known and alive, else ISO-2002"),
        Step("3 ct", carried.ct, "shape of the body, else ISO-6001 or ISO-6002"),
        Step("3 n", carried.n, "12 bytes"),
        Step("4 X-Nen-Signature", signature or "", "there, else ISO-3001"),
        Step("5 canonical string", text.decode()),
        Step("5 its HMAC", sign(session.keys.mac, text), "the same text, else ISO-3002"),
        Step("6 age in ms", now - check_window(request, now), "-30 000 to 30 000, else ISO-3003"),
        Step("7 nonce", carried.n, "new, and recorded, else ISO-5001"),
        Step("8 payload", (payload or b"").decode(), "opens, else ISO-4001"),
        Step("9 is it JSON", True, "else ISO-4003"),
    ]
    _, opened, asked = _verified(found, request, session)
    steps.append(Step("asked of the store", ", ".join(asked), "by verify_request"))
    return Example(found, steps, [Final("payload", (opened or b"").decode(), found.output["payload"], "payload")])


def _refused(name: str, describe: Callable[[Vector, Request, Session], list[Step]]) -> Example:
    """A request that is refused: steps of its own, then what the store was asked, the detail and the code."""
    found, request, session = _verifying(f"v1/request_verification/{name}")
    error, _, asked = _verified(found, request, session)
    steps = describe(found, request, session)
    steps.append(Step("asked of the store", ", ".join(asked) or "nothing", "before it was refused"))
    if error is not None:
        steps += [Step("status", error.status)] + ([Step("detail, for the log", error.detail)] if error.detail else [])
    return Example(found, steps, [Final("code", "" if error is None else error.code, found.codes[0], "codes")])


def session_refused() -> Example:
    return _refused(
        "session-other-id",
        lambda _, request, session: [
            Step("X-Nen-Session", request.headers["x-nen-session"]),
            Step("the session that lives", session.sid),
        ],
    )


def shape_refused() -> Example:
    return _refused("body-twice-ct", lambda _, request, __: [Step("body", request.body.decode())])


def signature_refused() -> Example:
    def describe(_: Vector, request: Request, session: Session) -> list[Step]:
        envelope = parse_envelope(request.body)
        text = canonical_string(request.method, request.path, request.headers["x-nen-timestamp"], envelope.nonce_text)
        return [
            Step("canonical string", text.decode()),
            Step("its HMAC", sign(session.keys.mac, text)),
            Step("X-Nen-Signature", request.headers["x-nen-signature"], "one bit differs"),
        ]

    return _refused("signature-byte-31", describe)


def window_refused() -> Example:
    return _refused(
        "old-30001",
        lambda found, request, _: [
            Step("X-Nen-Timestamp", request.headers["x-nen-timestamp"]),
            Step("time of the server", found.input["now"]),
            Step("age in ms", found.input["now"] - int(request.headers["x-nen-timestamp"]), "30 000 would pass"),
        ],
    )


def replay_refused() -> Example:
    return _refused(
        "replay-new-timestamp",
        lambda found, request, _: [
            Step("n", parse_envelope(request.body).n, "the signature is right: the client made it anew"),
            Step("nonces used before", ", ".join(nonce.hex() for nonce in found.input["used_nonces"])),
            Step("kept until", int(request.headers["x-nen-timestamp"]) + 30_000, "timestamp and 30 000 ms"),
        ],
    )


def payload_refused() -> Example:
    return _refused(
        "not-json-nan",
        lambda _, request, session: [
            Step("ct", parse_envelope(request.body).ct),
            Step("what it opens to", open_envelope(session.keys.enc, parse_envelope(request.body)).decode()),
        ],
    )


def response() -> Example:
    found = vector("v1/response_seal/object")
    given = found.input
    verified = Verified(Session("", SessionKeys(given["secret"], b""), 0), b"", given["request_n"], True)
    payload = given["payload"].encode()
    reply = seal_response(verified, 200, payload, given["n"])
    try:
        seal_response(verified, 200, payload, given["request_n"])
        said = ""
    except NenError as error:
        said = f"{error.code}: {error.detail}"
    steps = [
        Step("payload", given["payload"]),
        Step("nonce of the request", given["request_n"]),
        Step("n", given["n"], "12 fresh random bytes"),
        Step("status 204 becomes", seal_response(verified, 204, b"", given["n"]).status, "with a sealed empty payload"),
        Step("headers", ", ".join(f"{name}: {value}" for name, value in reply.headers.items())),
        Step("with the nonce of the request", said),
    ]
    return Example(found, steps, [Final("body", reply.body.decode(), found.output["body"], "body")])


def open_reply() -> Example:
    found, inputs, outputs = _session_steps()
    client = _client(inputs)
    request = _request(client, inputs)
    headers = {"content-type": "application/json"}
    answer = Reply(200, headers, inputs[8]["body"].encode())

    def refused(reply: Reply) -> str:
        try:
            client.open_reply(reply)
        except NenError as error:
            return f"{error.code}: {error.detail}"
        return ""

    steps = [
        Step(
            "its own request, reflected",
            refused(Reply(200, headers, request.body or b"")),
            "both directions share one key",
        ),
        Step("an answer that is not sealed", refused(Reply(200, {"content-type": "text/html"}, b"hello"))),
        Step("body of the answer", inputs[8]["body"]),
    ]
    payload = client.open_reply(answer).decode()
    steps.append(Step("the same answer again", refused(answer)))
    return Example(found, steps, [Final("payload", payload, outputs[8]["payload"], "output of payload.open")])


def refusals() -> Example:
    found = vector("v1/error_bodies/plain")
    reply = Reply(401, {}, found.input["body"].encode())
    error, stream_error = refusal(reply), stream_refusal(reply)
    assert error is not None, "the body holds a code"
    steps = [
        Step("body", found.input["body"]),
        Step("refusal", f"{error.code}: {error.detail}", "of a request: the code of the server"),
        Step(
            "stream_refusal",
            f"{stream_error.code}: {stream_error.detail}",
            "of a stream: the server's code in the detail",
        ),
        Step("what a server sends", error_reply(error).body.decode(), "error_reply of the same code: no detail"),
    ]
    code = reported_code(found.input["body"].encode()) or ""
    return Example(found, steps, [Final("code", code, found.output["code"], "code")])


def nonce() -> Example:
    found = vector("v1/stream_nonces/index-256")
    base, index = found.input["base_nonce"], found.input["index"]
    counter = int.from_bytes(base[8:], "little")
    steps = [
        Step("base nonce", base),
        Step("its last four bytes", base[8:]),
        Step("as a little-endian number", f"{counter:08x}"),
        Step("i", f"{index:08x}"),
        Step("XOR", f"{counter ^ index:08x}"),
    ]
    return Example(found, steps, [Final("nonce", stream_nonce(base, index), found.output["nonce"], "nonce")])


def stream_sealing() -> Example:
    found = vector("v1/stream_sealing/two-chunks")
    key, base = found.input["secret"], found.input["base_nonce"]
    sealer = StreamSealer(key, base)
    steps = [Step(name, value, "header") for name, value in stream_head(base).headers.items()]
    events = []
    for i, chunk in enumerate(found.input["chunks"]):
        events.append(sealer.seal(chunk.encode()))
        steps += [
            Step(f"chunk {i}", chunk),
            Step(f"nonce {i}", stream_nonce(base, i)),
            Step(f"event {i}", events[-1].decode()),
        ]
    last = len(events)
    events.append(sealer.finish())
    steps += [
        Step("final chunk", FINAL.decode()),
        Step(f"nonce {last}", stream_nonce(base, last)),
        Step("final event", events[-1].decode()),
    ]
    return Example(found, steps, [Final("all of it", b"".join(events).decode(), found.output["body"], "body")])


def stream_split() -> Example:
    found = vector("v1/stream_sealing_at/last-chunk")
    base, index, chunk = found.input["base_nonce"], found.input["index"], found.input["chunk"]
    sealer = StreamSealer(found.input["secret"], base)
    split = sealer.seal(FINAL)
    sealer._next = index  # nobody seals four thousand million chunks to get there
    made = sealer.seal(chunk.encode())
    try:
        sealer.seal(b"x")
        said = ""
    except NenError as error:
        said = f"{error.code}: {error.detail}"
    steps = [
        Step("events of a chunk that is the final mark", split.count(b"data: "), "it is sent in two"),
        Step("index", index, "2^32 - 2, the last one for a chunk"),
        Step("nonce", stream_nonce(base, index)),
        Step("one chunk more", said, "only the final event has a counter left"),
    ]
    return Example(found, steps, [Final("event", made.decode(), found.output["body"], "body")])


def _released(found: Vector) -> tuple[list[bytes], str]:
    """The chunks that an opener hands out, and the code with which it ends."""
    opener = StreamOpener(found.input["secret"], found.input["base_nonce"])
    chunks: list[bytes] = []
    try:
        for piece in found.input["pieces"]:
            for chunk in opener.feed(piece):
                chunks.append(chunk)  # one by one: an error must not lose what came before it
        opener.close()
    except NenError as error:
        return chunks, error.code
    return chunks, ""


def stream_opening() -> Example:
    found = vector("v1/stream_opening/three-chunks")
    base = found.input["base_nonce"]
    head = read_stream_head(stream_head(base))
    data = list(EventReader(1000).feed(b"".join(found.input["pieces"])))
    chunks, _ = _released(found)
    steps = [Step("base nonce", head, "from X-Nen-Stream-Nonce")]
    for i, text in enumerate(data):
        plain = chunks[i] if i < len(chunks) else FINAL
        steps += [
            Step(f"data {i}", text.decode()),
            Step(f"nonce {i}", stream_nonce(base, i)),
            Step(f"chunk {i}", plain.decode()),
        ]
    return Example(found, steps, [Final("text", b"".join(chunks).decode(), found.output["text"], "text")])


def stream_cut() -> Example:
    found = vector("v1/stream_opening/cut-after-one")
    chunks, code = _released(found)
    steps = [
        Step("pieces that came", len(found.input["pieces"])),
        Step("chunks handed out", len(chunks), "authentic, each of them"),
    ]
    finals = [
        Final("text handed out before", b"".join(chunks).decode(), found.partial["released"], "released"),
        Final("code at the end", code, found.codes[0], "codes"),
    ]
    return Example(found, steps, finals)


def sse() -> Example:
    found = vector("v1/stream_opening/cut-in-crlf")
    reader = EventReader(1000)
    steps = []
    for i, piece in enumerate(found.input["pieces"]):
        data = [entry.decode() for entry in reader.feed(piece)]
        steps.append(Step(f"piece {i}", piece.decode()))
        steps.append(Step("data of events it completes", ", ".join(data) or "none"))
    steps.append(Step("event('YQ==')", event("YQ==").decode(), "what a sender writes"))
    chunks, _ = _released(found)
    return Example(found, steps, [Final("text, opened", b"".join(chunks).decode(), found.output["text"], "text")])


def states() -> Example:
    found, inputs, outputs = _session_steps()
    steps: list[Step] = []
    unready = ClientSession()
    try:
        unready.request("GET", "/", None, n=bytes(12), timestamp=0)
        said = ""
    except NenError as error:
        said = f"{error.code}: {error.detail}"
    steps.append(Step("a request before the handshake", said))
    client = _client(inputs, steps)
    sid = client.sid or ""
    client.request("GET", "/", None, n=bytes(12), timestamp=0)
    steps.append(Step("after a request", repr(client), "as before"))
    client.close()
    steps.append(Step("after close", repr(client), "the keys are gone"))
    return Example(found, steps, [Final("sid", sid, outputs[2]["sid"], "output of handshake.finish")])


def hello_value() -> Example:
    found, inputs, outputs = _session_steps()
    made: ClientHello = client_hello(inputs[0]["d"], inputs[0]["z"])
    keys = client_finish(made, Reply(200, {}, inputs[2]["body"].encode()))[1]
    headers = Headers([("X-Nen-Session", "a"), ("x-nen-session", "b")])
    steps = [
        Step("repr of the keys", repr(keys), "no secret is printed"),
        Step("X-Nen-Session sent twice, a and b", headers["x-nen-session"], "read as one value, which is no session"),
        Step("a body that is no error", reported_code(b"[]") or "no code"),
    ]
    return Example(found, steps, [Final("secret", keys.enc, outputs[2]["secret"], "output of handshake.finish")])


EXAMPLES: dict[str, Make] = {
    "wire.base64_encode": base64_encode,
    "wire.base64_decode": base64_decode,
    "wire.json": json_refused,
    "handshake.hello": hello,
    "handshake.respond": server,
    "handshake.finish": finish,
    "identity.prove": identity_prove,
    "identity.verify": identity_verify,
    "identity.refused": identity_refused,
    "request.canonical": canonical,
    "request.sign": signing,
    "request.seal": sealing,
    "request.open": opening,
    "request.client": client_request,
    "verification": verification,
    "verification.session": session_refused,
    "verification.shape": shape_refused,
    "verification.signature": signature_refused,
    "verification.window": window_refused,
    "verification.replay": replay_refused,
    "verification.payload": payload_refused,
    "response.seal": response,
    "response.open": open_reply,
    "response.refusals": refusals,
    "stream.nonce": nonce,
    "stream.seal": stream_sealing,
    "stream.limits": stream_split,
    "stream.open": stream_opening,
    "stream.cut": stream_cut,
    "stream.sse": sse,
    "session.states": states,
    "session.values": hello_value,
}
