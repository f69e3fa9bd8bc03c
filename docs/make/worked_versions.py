"""Worked examples of V2 and V3: each ends with the answer that a vector has."""

from __future__ import annotations

from collections.abc import Callable

from docs.make.worked_model import Example, Final, Json, Make, Step, Vector, vector
from nen_ref.primitives.ml_dsa import ML_DSA_65
from nen_ref.primitives.ml_dsa_keys import decode_spki
from nen_ref.primitives.suite import REFERENCE
from nen_ref.protocol.attestation import Attestation, attest, read_attestation, verify_attestation
from nen_ref.protocol.carriage import read_from_body, read_from_header, write_to_body, write_to_header
from nen_ref.protocol.errors import NenError
from nen_ref.protocol.handshake import Accepted
from nen_ref.protocol.handshake_v3 import (
    BASE_POINT,
    Established,
    HybridHello,
    NewTicket,
    Resumption,
    SecurityMode,
    ServerProof,
    agree,
    client_finish,
    client_hello,
    respond,
)
from nen_ref.protocol.identity import Identity
from nen_ref.protocol.key_schedule import combine, derive, ratchet, resume_secret, session_keys
from nen_ref.protocol.messages import Headers, Reply, Request
from nen_ref.protocol.payload import open_envelope, seal, sealed_size
from nen_ref.protocol.responses import head_response
from nen_ref.protocol.resumption import Declined, answer_resume, finish_resume, resume_hello
from nen_ref.protocol.server_identity import ServerTrust, bound_nonce, transcript_hash
from nen_ref.protocol.session import Session, SessionKeys
from nen_ref.protocol.tickets import TicketKeys, open_ticket, seal_ticket
from nen_ref.protocol.verification import NonceAnswer, run, verify_request
from nen_ref.protocol.versions import V1, V2, V3, answering, speaking
from nen_ref.protocol.wire import decode_base64, parse_json_object


def version() -> Example:
    found = vector("v2/payload_seal/random-1")
    given = found.input
    ct = seal(given["secret"], given["n"], given["payload"].encode()).ct
    v1, v2 = V1.write_request(given["n"], ct), V2.write_request(given["n"], ct)
    steps = [
        Step("body of V1", (v1.body or b"").decode(), "ct and n"),
        Step("headers of V2", ", ".join(f"{name}: {value}" for name, value in v2.headers.items())),
        Step("V3 writes the same as V2", V3.write_request(given["n"], ct) == v2),
        Step("its handshake is of the family", V3.family, f"that of V2 is {V2.family}"),
    ]
    return Example(found, steps, [Final("body of V2", (v2.body or b"").decode(), found.output["body"], "body")])


def answering_v3() -> Example:
    found = vector("v3/server/hybrid")
    body = found.input["body"].encode()
    of_v1 = b'{"pk":"..."}'
    steps = [
        Step("members", ", ".join(parse_json_object(body))),
        Step("where V1 and V3 are offered", answering((V1, V3), body).name),
        Step("where V1 alone is offered", answering((V1,), body).name, "which refuses it: there is no pk"),
        Step("a handshake of V1, where both are offered", answering((V1, V3), of_v1).name),
        Step("and where V3 alone is", answering((V3,), of_v1).name, "which refuses it: there is no pk_x"),
        Step("with the code", _code(lambda: _respond({**found.input, "body": '{"pk":"AAAA"}'}))),
    ]
    made = _respond(found.input).reply.body.decode()
    return Example(found, steps, [Final("body of the answer", made, found.output["body"], "body")])


def speaking_refused() -> Example:
    found = vector("v2/request_verification/v2-of-v1")
    sent, given = found.input["request"], found.input["session"]
    body = (sent["body"] or "").encode()
    request = Request(sent["method"], sent["target"].partition("?")[0], Headers(sent["headers"].items()), body)
    session = Session(given["sid"], SessionKeys(given["secret"], given["hmac_key"]), 0)
    code = ""
    try:
        steps_of = verify_request(request, found.input["now"], versions=(V2,))
        run(steps_of, lambda _: session, lambda _: NonceAnswer.NEW)
    except NenError as error:
        code = error.code
    steps = [
        Step("headers", ", ".join(request.headers), "no x-nen-nonce"),
        Step("where V1 and V2 are offered", speaking((V1, V2), session, request).name),
        Step("where V2 alone is offered", speaking((V2,), session, request).name, "and refuses it:"),
    ]
    return Example(found, steps, [Final("code", code, found.codes[0], "codes")])


def carriage_write() -> Example:
    found = vector("v2/payload_seal/random-1")
    given = found.input
    envelope = seal(given["secret"], given["n"], given["payload"].encode())
    made, without = write_to_header(given["n"], envelope.ct), write_to_header(given["n"], None)
    steps = [
        Step("payload", given["payload"]),
        Step("n", given["n"], "12 fresh random bytes"),
        Step("X-Nen-Nonce, and NONCE of the canonical string", made.nonce_text),
        Step("ct", envelope.ct),
        Step("without a payload", ", ".join(f"{name}: {value}" for name, value in without.headers.items()), "no body"),
        Step("NONCE of V1 without a payload", write_to_body(given["n"], None).nonce_text, "nothing"),
    ]
    return Example(found, steps, [Final("body", (made.body or b"").decode(), found.output["body"], "body")])


def carriage_read() -> Example:
    found = vector("v2/payload_open/right")
    given = found.input
    request = Request("POST", "/", Headers([("X-Nen-Nonce", given["nonce_header"])]), given["body"].encode())
    carried = read_from_header(request)
    assert carried.envelope is not None, "the vector has a body"
    payload = open_envelope(given["secret"], carried.envelope)
    without = read_from_header(Request("GET", "/", request.headers))
    bare = Request("POST", "/", Headers(), request.body)
    steps = [
        Step("X-Nen-Nonce", given["nonce_header"]),
        Step("n", carried.n or b""),
        Step("body", given["body"]),
        Step("ct", carried.ct or b""),
        Step("ct without a body", without.ct or b"", "that is no fault"),
        Step("without the header", _code(lambda: read_from_header(bare))),
        Step("the same read by V1", _code(lambda: read_from_body(request)), "there is no n in the body"),
    ]
    return Example(found, steps, [Final("payload", payload.decode(), found.output["payload"], "payload")])


def head() -> Example:
    found = vector("v1/response_seal/object")
    payload = found.input["payload"].encode()
    body = found.output["body"]
    made = head_response(200, len(payload))
    steps = [
        Step("size of the payload", len(payload)),
        Step("with its tag", len(payload) + 16),
        Step("in base64", (len(payload) + 16 + 2) // 3 * 4),
        Step("and the rest of the object", sealed_size(len(payload)), "32 more"),
        Step("content-length of HEAD", made.headers["content-length"]),
        Step("length of the body that GET has", len(body)),
    ]
    fits = made.headers["content-length"] == str(len(body)) and not made.body
    return Example(found, steps, [Final("valid", fits, found.valid, "result: valid")])


def _hello(given: Json) -> HybridHello:
    return client_hello(given["d"], given["z"], given.get("x"))


def hello() -> Example:
    found = vector("v3/client_hello/hybrid")
    given = found.input
    made = _hello(given)
    pqc_only = client_hello(given["d"], given["z"], None)
    steps = [
        Step("d", given["d"], "32 random bytes"),
        Step("z", given["z"], "32 random bytes"),
        Step("x", given["x"], "32 random bytes"),
        Step("ek", made.ek),
        Step("X25519(x, 9)", made.pk_x, "the public key"),
        Step("members in pqc-only", ", ".join(parse_json_object(pqc_only.body))),
    ]
    return Example(found, steps, [Final("body", made.body.decode(), found.output["body"], "body")])


def _respond(given: Json) -> Accepted:
    seed = given.get("identity_seed")
    proof = None if seed is None else ServerProof(Identity.from_seed(seed), bytes(32), given.get("server_nonce"))
    return respond(
        given["body"].encode(),
        m=given["m"],
        x=given["x"],
        sid=given["sid"],
        now=0,
        ticket=NewTicket(given["ticket_key"], given["ticket_nonce"], given["ticket_expires"]),
        proof=proof,
    )


def _refusal(found: Vector) -> NenError:
    try:
        _respond(found.input)
    except NenError as error:
        return error
    raise AssertionError(f"{found.id} is to be refused")


def server() -> Example:
    found = vector("v3/server/hybrid")
    given = found.input
    asked = parse_json_object(given["body"].encode())
    made = _respond(given)
    answer = parse_json_object(made.reply.body)
    shared = agree(given["x"], decode_base64(str(asked["pk_x"])))
    steps = [
        Step("body", given["body"], "what the client sent"),
        Step("m", given["m"], "32 random bytes for the encapsulation"),
        Step("ct", decode_base64(str(answer["ct"]))),
        Step("x", given["x"], "32 random bytes, the server's private key"),
        Step("pk_x_server", decode_base64(str(answer["pk_x_server"])), "X25519(x, 9)"),
        Step("secret of X25519", shared),
        Step("ticket", str(answer["ticket"])),
    ]
    finals = [
        Final("k_enc", made.session.keys.enc, found.output["enc"], "enc"),
        Final("k_mac", made.session.keys.mac, found.output["mac"], "mac"),
        Final("body", made.reply.body.decode(), found.output["body"], "body"),
    ]
    return Example(found, steps, finals)


def low_order() -> Example:
    found = vector("v3/server/low-order-order-8")
    given = found.input
    pk_x = decode_base64(str(parse_json_object(given["body"].encode())["pk_x"]))
    steps = [
        Step("pk_x", pk_x, "a point of low order"),
        Step("X25519(x, pk_x)", REFERENCE.x25519(given["x"], pk_x), "whatever x is"),
        Step("X25519(x, 9)", REFERENCE.x25519(given["x"], BASE_POINT), "of the point that is meant, for comparison"),
    ]
    error = _refusal(found)
    steps.append(Step("detail, for the log", error.detail))
    return Example(found, steps, [Final("code", error.code, found.codes[0], "codes")])


def _finish(given: Json) -> Established:
    trust = ServerTrust(given.get("pinned"), given.get("bound", False))
    return client_finish(_hello(given), Reply(given["status"], {}, given["body"].encode()), trust)


def finish() -> Example:
    found = vector("v3/client/hybrid")
    given = found.input
    answer = parse_json_object(given["body"].encode())
    made = _finish(given)
    steps = [
        Step("status", given["status"]),
        Step("members", ", ".join(answer), "and no hmac"),
        Step("ct", decode_base64(str(answer["ct"])), "decapsulated with dk"),
        Step("pk_x_server", decode_base64(str(answer["pk_x_server"]))),
    ]
    finals = [
        Final("sid", made.sid, found.output["sid"], "sid"),
        Final("k_enc", made.keys.enc, found.output["enc"], "enc"),
        Final("k_mac", made.keys.mac, found.output["mac"], "mac"),
        Final("psk", made.resumption.psk if made.resumption else b"", found.output["psk"], "psk"),
    ]
    return Example(found, steps, finals)


def key_combine() -> Example:
    found = vector("v3/combine/random-1")
    given = found.input
    steps = [
        Step("secret of X25519", given["x_ss"], "first"),
        Step("secret of ML-KEM", given["kem_ss"], "second"),
        Step("the other way round", combine(given["kem_ss"], given["x_ss"]), "is another secret"),
    ]
    return Example(found, steps, [Final("ss", combine(given["x_ss"], given["kem_ss"]), found.output["ss"], "ss")])


def key_derive() -> Example:
    found = vector("v3/derive/random-1")
    ss = found.input["ss"]
    made = derive(ss)
    steps = [
        Step("ss", ss),
        Step("HKDF under nen/v3 enc", REFERENCE.hkdf_sha256(ss, b"nen/v3 enc", 32)),
    ]
    finals = [
        Final("k_enc", made.keys.enc, found.output["enc"], "enc"),
        Final("k_mac", made.keys.mac, found.output["mac"], "mac"),
        Final("psk", made.psk, found.output["psk"], "psk"),
    ]
    return Example(found, steps, finals)


def key_ratchet() -> Example:
    found = vector("v3/ratchet/random-1")
    before = SessionKeys(found.input["enc"], found.input["mac"])
    made = ratchet(before)
    steps = [
        Step("k_enc before", before.enc),
        Step("k_mac before", before.mac),
        Step("k_enc after one more", ratchet(made).enc, "each from its own predecessor"),
    ]
    finals = [
        Final("k_enc", made.enc, found.output["enc"], "enc"),
        Final("k_mac", made.mac, found.output["mac"], "mac"),
    ]
    return Example(found, steps, finals)


def key_resume() -> Example:
    found = vector("v3/resume_client/right")
    given = found.input
    srn = decode_base64(str(parse_json_object(given["body"].encode())["srn"]))
    secret = resume_secret(given["psk"], given["rn"], srn)
    keys = session_keys(secret)
    steps = [
        Step("psk", given["psk"], "of the first session"),
        Step("rn", given["rn"], "of the client"),
        Step("srn", srn, "of the server"),
        Step("ss", secret, "of the new session"),
    ]
    finals = [
        Final("k_enc", keys.enc, found.output["enc"], "enc"),
        Final("k_mac", keys.mac, found.output["mac"], "mac"),
    ]
    return Example(found, steps, finals)


def transcript() -> Example:
    found = vector("v3/transcript_hash/random-1")
    given = found.input
    values = (given["pk_kem"], given["pk_x"], given["server_nonce"], given["sid"].encode())
    text = b"".join(len(value).to_bytes(4, "big") + value for value in values)
    steps = [
        Step("pk_kem", given["pk_kem"]),
        Step("pk_x", given["pk_x"]),
        Step("server_nonce", given["server_nonce"]),
        Step("sid", given["sid"]),
        Step("lengths before them", ", ".join(len(value).to_bytes(4, "big").hex() for value in values)),
        Step("all of it", text),
    ]
    made = transcript_hash(given["pk_kem"], given["pk_x"], given["server_nonce"], given["sid"])
    return Example(found, steps, [Final("SHA-256, which is signed", made, found.output["hash"], "hash")])


def bound() -> Example:
    found = vector("v3/bound_nonce/random-1")
    given = found.input
    steps = [
        Step("label", "nen/v3 bound nonce"),
        Step("ct", given["ct"]),
        Step("pk_x_server", given["pk_x_server"]),
        Step("with another ct", bound_nonce(bytes(len(given["ct"])), given["pk_x_server"]), "as a relay has"),
    ]
    made = bound_nonce(given["ct"], given["pk_x_server"])
    return Example(found, steps, [Final("server_nonce", made, found.output["server_nonce"], "server_nonce")])


def proving() -> Example:
    found = vector("v3/server/identity-bound-hybrid")
    made = _respond(found.input)
    answer = parse_json_object(made.reply.body)
    spki = decode_base64(str(answer["server_id_pk"]))
    steps = [
        Step("seed of the identity", found.input["identity_seed"]),
        Step("server_nonce", decode_base64(str(answer["server_nonce"]))),
        Step("server_id_pk", spki, "22 bytes of prefix and the public key"),
        Step("public key in it", decode_spki(ML_DSA_65, spki)),
        Step("server_sig", decode_base64(str(answer["server_sig"])), "deterministic here"),
    ]
    return Example(found, steps, [Final("body", made.reply.body.decode(), found.output["body"], "body")])


def checking() -> Example:
    found = vector("v3/client/bound-both-of-a-relay")
    given = found.input
    answer = parse_json_object(given["body"].encode())
    ct = decode_base64(str(answer["ct"]))
    pk_x_server = decode_base64(str(answer.get("pk_x_server", "")))
    try:
        _finish(given)
        raise AssertionError("the vector is to be refused")
    except NenError as error:
        refused = error
    plain = _finish({**given, "bound": False})
    steps = [
        Step("without bound", plain.sid, "the pin and the signature are right, and a session comes of it"),
        Step("server_nonce that was signed", decode_base64(str(answer["server_nonce"]))),
        Step("bound nonce of ct and pk_x_server", bound_nonce(ct, pk_x_server), "of what came: another"),
        Step("detail, for the log", refused.detail),
    ]
    return Example(found, steps, [Final("code, with bound", refused.code, found.codes[0], "codes")])


def ticket_seal() -> Example:
    found = vector("v3/ticket_seal/random-1")
    given = found.input
    made = seal_ticket(given["psk"], given["expires"], given["key"], given["nonce"])
    sealed = decode_base64(made.partition(".")[2])
    steps = [
        Step("psk", given["psk"]),
        Step("expires", given["expires"], "ms"),
        Step("ticket key", given["key"], "of the server alone"),
        Step("nonce", given["nonce"], "12 fresh random bytes"),
        Step("what is sealed", REFERENCE.aead_open(given["key"], given["nonce"], sealed).decode()),
    ]
    return Example(found, steps, [Final("ticket", made, found.output["ticket"], "ticket")])


def ticket_open() -> Example:
    found = vector("v3/ticket_open/key-previous")
    given = found.input
    current, *previous = given["keys"]
    keys = TicketKeys(current, tuple(previous))
    psk = open_ticket(given["ticket"], keys, given["now"])
    steps = [
        Step("ticket", given["ticket"]),
        Step("keys that are tried", len(given["keys"])),
        Step("now", given["now"], "ms"),
        Step("ten minutes later", open_ticket(given["ticket"], keys, given["now"] + 600_000) or b"", "expired"),
        Step("under another key", open_ticket(given["ticket"], TicketKeys(bytes(32)), given["now"]) or b"", "nothing"),
    ]
    return Example(found, steps, [Final("psk", psk or b"", found.output["psk"], "psk")])


def resumption_hello() -> Example:
    found = vector("v3/resume_hello/random-1")
    given = found.input
    made = resume_hello(Resumption(given["ticket"], b""), given["rn"])
    steps = [Step("ticket", given["ticket"], "as it came"), Step("rn", given["rn"], "32 fresh random bytes")]
    return Example(found, steps, [Final("body", made.body.decode(), found.output["body"], "body")])


def _answer_resume(given: Json) -> Accepted | Declined:
    current, *previous = given["keys"]
    return answer_resume(
        parse_json_object(given["body"].encode()),
        keys=TicketKeys(current, tuple(previous)),
        srn=given["srn"],
        sid=given["sid"],
        now=given["now"],
        ticket=NewTicket(current, given["ticket_nonce"], given["ticket_expires"]),
    )


def resumption_answer() -> Example:
    found = vector("v3/resume_server/right")
    given = found.input
    made = _answer_resume(given)
    assert isinstance(made, Accepted), "the ticket is good"
    late = _answer_resume({**given, "now": given["now"] + 600_000})
    steps = [
        Step("body", given["body"]),
        Step("srn", given["srn"], "32 random bytes"),
        Step("sid", given["sid"], "a fresh one"),
        Step("ten minutes later", f"{late.reply.status} {late.reply.body.decode()}"),
    ]
    finals = [
        Final("k_enc", made.session.keys.enc, found.output["enc"], "enc"),
        Final("body", made.reply.body.decode(), found.output["body"], "body"),
    ]
    return Example(found, steps, finals)


def resumption_finish() -> Example:
    found = vector("v3/resume_client/right")
    given = found.input
    resuming = resume_hello(Resumption("", given["psk"]), given["rn"])
    made = finish_resume(resuming, Reply(given["status"], {}, given["body"].encode()))
    assert made is not None, "the server has resumed"
    declined = finish_resume(resuming, Reply(409, {}, b'{"resumed":false}'))
    steps = [
        Step("body", given["body"]),
        Step("rn", given["rn"], "that was sent"),
        Step("a 409 gives", str(declined), "make a full handshake"),
    ]
    finals = [
        Final("sid", made.sid, found.output["sid"], "sid"),
        Final("k_enc", made.keys.enc, found.output["enc"], "enc"),
        Final("k_mac", made.keys.mac, found.output["mac"], "mac"),
    ]
    return Example(found, steps, finals)


def _attestation(given: Json) -> Attestation:
    mode, dates = SecurityMode(given["security_mode"]), (given.get("from"), given.get("to"))
    return Attestation(given["endpoint"], mode, given["issued_at"], *dates)


def attestation_text() -> Example:
    found = vector("v3/attest/from-to")
    made = _attestation(found.input)
    steps = [Step(name, value) for name, value in made.members.items()]
    text = made.signed_text
    return Example(found, steps, [Final("what is signed", text.decode(), found.output["attestation"], "attestation")])


def attestation_signed() -> Example:
    found = vector("v3/attest/hybrid")
    identity = Identity.from_seed(found.input["seed"])
    attestation = _attestation(found.input)
    signature = attest(identity, attestation).signature
    weaker = {**attestation.members, "securityMode": "pqc-only"}
    further = {**attestation.members, "note": "trust me"}
    steps = [
        Step("text", attestation.signed_text.decode()),
        Step("public key", identity.pk, "known to whoever verifies"),
        Step("it verifies", verify_attestation(attestation.members, signature, identity.pk) == attestation),
        Step("with pqc-only in it", verify_attestation(weaker, signature, identity.pk) is not None),
        Step("with a further member", read_attestation(further) == attestation, "which is not handed out"),
    ]
    return Example(found, steps, [Final("signature", signature, found.output["signature"], "signature")])


def _code(action: Callable[[], object]) -> str:
    """The code with which it is refused, empty if it is not."""
    try:
        action()
    except NenError as error:
        return f"{error.code}: {error.detail}" if error.detail else error.code
    return ""


EXAMPLES: dict[str, Make] = {
    "versions.version": version,
    "versions.answering": answering_v3,
    "versions.speaking": speaking_refused,
    "carriage.write": carriage_write,
    "carriage.read": carriage_read,
    "responses.head": head,
    "handshake_v3.hello": hello,
    "handshake_v3.respond": server,
    "handshake_v3.low_order": low_order,
    "handshake_v3.finish": finish,
    "key_schedule.combine": key_combine,
    "key_schedule.derive": key_derive,
    "key_schedule.ratchet": key_ratchet,
    "key_schedule.resume": key_resume,
    "server_identity.transcript": transcript,
    "server_identity.bound": bound,
    "server_identity.prove": proving,
    "server_identity.check": checking,
    "tickets.seal": ticket_seal,
    "tickets.open": ticket_open,
    "resumption.hello": resumption_hello,
    "resumption.answer": resumption_answer,
    "resumption.finish": resumption_finish,
    "attestation.text": attestation_text,
    "attestation.verify": attestation_signed,
}
