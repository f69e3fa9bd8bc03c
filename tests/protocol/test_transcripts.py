"""Recorded traffic of an independently written client and server: everything opens, everything is made again.

The recordings are at `$NEN_EXTERNAL/protocol/transcripts/*.json`; their README says what the members are. Nothing else
about a recording is taken for granted: any number of runs, methods, paths, header-name case, member order.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from typing import Any

import pytest

from nen_ref.primitives.ml_dsa import ML_DSA_65, verify
from nen_ref.primitives.ml_dsa_keys import decode_pkcs8_seed, decode_spki
from nen_ref.primitives.ml_kem import ML_KEM_768, decaps, encaps_internal, k_pke_decrypt
from nen_ref.primitives.suite import REFERENCE
from nen_ref.protocol import handshake_v3, server_identity
from nen_ref.protocol.attestation import Attestation, attest, verify_attestation
from nen_ref.protocol.client import ClientSession
from nen_ref.protocol.handshake import Accepted, ClientHello, client_finish, respond
from nen_ref.protocol.handshake_v3 import HybridHello, NewTicket, Resumption, SecurityMode, ServerProof
from nen_ref.protocol.identity import Identity, verify_identity
from nen_ref.protocol.key_schedule import ratchet
from nen_ref.protocol.messages import Headers, Reply, Request
from nen_ref.protocol.payload import Envelope, dump_envelope, open_envelope, parse_envelope, seal
from nen_ref.protocol.responses import head_response
from nen_ref.protocol.resumption import answer_resume, resume_hello
from nen_ref.protocol.server_identity import ServerTrust
from nen_ref.protocol.session import Session, SessionKeys
from nen_ref.protocol.signing import canonical_string, sign
from nen_ref.protocol.stream import StreamOpener, StreamSealer, read_stream_head, stream_nonce
from nen_ref.protocol.tickets import TicketKeys, open_ticket
from nen_ref.protocol.verification import LoadSession, NonceAnswer, RecordNonce, Verified, run, verify_request
from nen_ref.protocol.versions import V3, VERSIONS, ClientTerms, Version
from nen_ref.protocol.wire import decode_base64, dump_json, encode_base64
from tests.primitives.vectors import external_root
from tests.protocol.oracle import refused, unb64

DK_PKE_SIZE = 1152  # of the 2400 bytes of dk, those of the K-PKE decryption key (FIPS 203, algorithm 16)


def cases() -> Iterator[Any]:
    """One item for each run."""
    folder = external_root() / "protocol" / "transcripts"
    files = sorted(folder.glob("*.json"))
    if not files:
        reason = f"no recorded transcripts: there is no {folder}/*.json; NEN_EXTERNAL names the folder that has them"
        yield pytest.param(None, None, id="none", marks=pytest.mark.skip(reason=reason))
    for file in files:
        recording = json.loads(file.read_bytes())
        version = VERSIONS[recording["version"]]
        assert recording["runs"], f"{file} holds no runs"
        for i, recorded in enumerate(recording["runs"]):
            yield pytest.param(version, recorded, id=f"{file.stem}-{i}-{recorded.get('kind', 'run')}")


@pytest.mark.parametrize(("version", "recorded"), list(cases()))
def test_transcripts(version: Version, recorded: dict[str, Any]) -> None:
    m = check_kem(recorded["kem"])
    if version is V3:
        check_server_handshake_v3(recorded, m)
        client = check_client_handshake_v3(recorded)
    else:
        check_server_handshake(recorded, m)
        check_identity(recorded)
        client = check_client_handshake(version, recorded)
    check_session(recorded, client, Server(version, recorded["sid"]))


def check_session(recorded: dict[str, Any], client: ClientSession, server: Server) -> None:
    for exchange in recorded.get("requests") or ():
        check_request(exchange, client, server)
        check_response(exchange, client)
    for exchange in recorded.get("streams") or ():
        check_request(exchange, client, server)
        check_stream(exchange, client)
    resumption = client.resumption
    for step in recorded.get("ratchet") or ():
        client = check_ratchet(step, client, server)
    for step in recorded.get("resume") or ():
        assert resumption is not None
        resumption = check_resume(step, resumption, client, server)


class Server:
    """A server that knows the one recorded session, and which nonces it has seen."""

    def __init__(self, version: Version, sid: str) -> None:
        self.version = version
        self.sid = sid
        self._used: set[tuple[str, bytes]] = set()

    def verify(self, request: Request, keys: SessionKeys, now: int) -> Verified:
        def load(question: LoadSession) -> Session | None:
            known = Session(self.sid, keys, now, family=self.version.family)
            return known if question.sid == self.sid else None

        def record(question: RecordNonce) -> NonceAnswer:
            answer = NonceAnswer.USED if (question.sid, question.nonce) in self._used else NonceAnswer.NEW
            self._used.add((question.sid, question.nonce))
            return answer

        return run(verify_request(request, now, versions=(self.version,)), load, record)


def check_kem(kem: dict[str, Any]) -> bytes:
    """Decapsulation gives the recorded secret; encapsulation of the recovered m, which is returned, the recorded ct."""
    ek, dk, ct, ss = (decode_base64(kem[name]) for name in ("client_pk", "client_sk", "ct", "ss"))
    assert decaps(ML_KEM_768, dk, ct) == ss
    assert kem["ss_client"] == kem["ss"]
    m = k_pke_decrypt(ML_KEM_768, dk[:DK_PKE_SIZE], ct)
    assert encaps_internal(ML_KEM_768, ek, m) == (ss, ct)
    return m


def check_server_handshake(recorded: dict[str, Any], m: bytes) -> None:
    """The server half, given the randomness of the recorded server, answers what it answered."""
    body = recorded["handshake"]["request"]["body"].encode()
    answer = recorded["handshake"]["response"]
    keys = session_keys(recorded["keys"])
    assert json.loads(body)["pk"] == recorded["kem"]["client_pk"]
    accepted = respond(body, m=m, mac_key=decode_base64(recorded["hmac_key"]), sid=recorded["sid"], now=0)
    assert accepted.session.keys == keys
    assert accepted.reply.status == answer["status"]
    ours, theirs = json.loads(accepted.reply.body), json.loads(answer["body"])
    assert ours == {name: theirs[name] for name in ("sid", "ct", "hmac")}
    if is_compact(answer["body"], ["sid", "ct", "hmac"]):
        assert accepted.reply.body == answer["body"].encode()


def check_identity(recorded: dict[str, Any]) -> None:
    """The identity of the handshake verifies, is that of the recorded key, and the recorded seed has that key."""
    members = json.loads(recorded["handshake"]["request"]["body"])
    ek = decode_base64(recorded["kem"]["client_pk"])
    identity = recorded.get("identity")
    pk = verify_identity(members, ek)
    if not identity:
        assert pk is None
        return
    assert (members["sigPk"], members["sigOfPk"]) == (identity["sigPk"], identity["sigOfPk"])
    assert decode_base64(identity["message"]) == ek
    assert pk == decode_spki(ML_DSA_65, decode_base64(identity["sigPk"]))
    xi = decode_pkcs8_seed(ML_DSA_65, decode_base64(identity["sigSk_pkcs8"]))
    assert Identity.from_seed(xi).pk == pk


def check_client_handshake(version: Version, recorded: dict[str, Any]) -> ClientSession:
    """The client half takes the recorded answer and has the recorded keys. Returns the client's session."""
    kem, answer = recorded["kem"], recorded["handshake"]["response"]
    body = recorded["handshake"]["request"]["body"].encode()
    hello = ClientHello(body, decode_base64(kem["client_pk"]), decode_base64(kem["client_sk"]))
    reply = Reply(answer["status"], Headers(answer["headers"].items()), answer["body"].encode())
    keys = session_keys(recorded["keys"])
    assert keys == SessionKeys(decode_base64(kem["ss"]), decode_base64(recorded["hmac_key"]))
    assert client_finish(hello, reply) == (recorded["sid"], keys)
    client = ClientSession(version=version)
    client.start_handshake(hello)
    client.finish_handshake(reply)
    return client


def check_request(exchange: dict[str, Any], client: ClientSession, server: Server) -> None:
    """Signed, sealed and verified as recorded; a second time refused, if it carries a nonce at all."""
    keys, wire = session_keys(exchange["keys"]), exchange["request"]
    headers = Headers((name, value) for name, value in wire["headers"])
    body, plaintext = (wire.get("body") or "").encode(), (wire.get("plaintext") or "").encode()
    path = re.split("[?#]", wire["path"])[0]
    method, timestamp = wire["method"], headers["x-nen-timestamp"]
    assert headers["x-nen-session"] == server.sid

    in_body = json.loads(body)["n"] if body and not server.version.nonce_in_header else ""
    nonce_text = headers["x-nen-nonce"] if server.version.nonce_in_header else in_body
    if wire.get("nonce"):
        assert wire["nonce"] == nonce_text
    canonical = canonical_string(method, path, timestamp, nonce_text)
    assert canonical == exchange["canonical"].encode()
    assert sign(keys.mac, canonical) == headers["x-nen-signature"]

    n = unb64(nonce_text)
    signed = client.request(method, path, plaintext if body else None, n=n, timestamp=int(timestamp))
    for name in ("x-nen-session", "x-nen-timestamp", "x-nen-signature"):
        assert signed.headers[name] == headers[name]
    assert signed.headers.get("x-nen-nonce") == headers.get("x-nen-nonce")
    if body and server.version.nonce_in_header:
        assert signed.body == body
        assert open_envelope(keys.enc, Envelope(unb64(json.loads(body)["ct"]), n)) == plaintext
    elif body:
        check_sealed(keys.enc, body, plaintext)
        assert signed.body is not None
        ours, theirs = json.loads(signed.body), json.loads(body)
        assert ours == {name: theirs[name] for name in ("ct", "n")}
    else:
        assert signed.body is None

    request = Request(method, path, headers, body)
    verified = server.verify(request, keys, int(timestamp))
    assert verified.signed
    assert verified.payload == (plaintext if body else None)
    assert verified.n == (n or None)
    if n:
        refused("ISO-5001", server.verify, request, keys, int(timestamp))


def check_response(exchange: dict[str, Any], client: ClientSession) -> None:
    """Opens to the recorded plaintext, for the bare key and for the client, and is sealed again to the same."""
    keys, wire = session_keys(exchange["keys"]), exchange["response"]
    body, plaintext = (wire.get("body") or "").encode(), (wire.get("plaintext") or "").encode()
    if not body:
        if "content-length" in wire["headers"]:  # HEAD of V2 and V3
            ours = head_response(200, len(plaintext))
            assert ours.headers["content-length"] == wire["headers"]["content-length"]
        return
    if wire.get("nonce"):
        assert json.loads(body)["n"] == wire["nonce"]
    check_sealed(keys.enc, body, plaintext)
    reply = Reply(wire["status"], Headers(wire["headers"].items()), body)
    assert client.open_reply(reply) == plaintext
    refused("ISO-4001", client.open_reply, reply)  # the same answer again is a replay


def check_sealed(key: bytes, body: bytes, plaintext: bytes) -> None:
    theirs = parse_envelope(body)
    assert open_envelope(key, theirs) == plaintext
    ours = seal(key, theirs.n, plaintext)
    assert ours == theirs
    assert encode_base64(ours.ct) == json.loads(body)["ct"]
    if is_compact(body.decode(), ["ct", "n"]):
        assert dump_envelope(ours) == body


def check_stream(exchange: dict[str, Any], client: ClientSession) -> None:
    keys, wire = session_keys(exchange["keys"]), exchange["response"]
    body, recorded_frames = wire["body"].encode(), exchange["frames"]
    base_nonce = decode_base64(exchange["base_nonce"])
    plaintexts = [frame["plaintext"].encode() for frame in recorded_frames]
    chunks = [chunk.encode() for chunk in exchange["chunks"]]

    head = Reply(wire["status"], Headers(wire["headers"].items()))
    assert read_stream_head(head) == base_nonce
    for frame in recorded_frames:
        assert stream_nonce(base_nonce, frame["index"]) == decode_base64(frame["nonce"])
        sealed = seal(keys.enc, decode_base64(frame["nonce"]), frame["plaintext"].encode())
        assert sealed.ct == decode_base64(frame["ct"])

    sealer = StreamSealer(keys.enc, base_nonce)
    # After a resumption the final event stands in the body alone.
    data = plaintexts[:-1] if plaintexts[-1] == b"__FIN__" else plaintexts
    events = [sealer.seal(plaintext) for plaintext in data] + [sealer.finish()]
    assert events[: len(plaintexts)] == [frame["sse"].encode() for frame in recorded_frames]
    assert b"".join(events) == body

    rng = random.Random(exchange["canonical"])
    cuts = [sorted(rng.choices(range(len(body) + 1), k=rng.randrange(1, 20))) for _ in range(10)]
    ways = [[body], [body[i : i + 1] for i in range(len(body))]] + [cut(body, places) for places in cuts]
    for pieces in ways:
        opener = StreamOpener(keys.enc, base_nonce)
        assert [chunk for piece in pieces for chunk in opener.feed(piece)] == chunks
        opener.close()
    opener = client.open_stream(head)
    assert list(opener.feed(body)) == chunks
    opener.close()
    refused("ISO-4001", client.open_stream, head)  # the same stream again is a replay


def cut(body: bytes, places: list[int]) -> list[bytes]:
    """`body` in pieces, cut at the sorted `places`."""
    return [body[start:end] for start, end in zip([0, *places], [*places, len(body)], strict=True)]


def check_server_handshake_v3(recorded: dict[str, Any], m: bytes) -> None:
    """As `check_server_handshake`, for V3: all of the answer, byte for byte."""
    answer = recorded["handshake"]["response"]
    theirs = json.loads(answer["body"])
    ticket = recorded["ticket"]
    accepted = handshake_v3.respond(
        recorded["handshake"]["request"]["body"].encode(),
        m=m,
        x=unb64(recorded["x25519"]["server_sk"]) if "x25519" in recorded else bytes(32),
        sid=recorded["sid"],
        now=0,
        ticket=new_ticket(ticket),
        proof=server_proof(recorded.get("identity")),
    )
    assert accepted.session.keys == session_keys(recorded["keys"])
    assert accepted.session.family == "v3"
    assert accepted.reply.status == answer["status"]
    if "identity" in recorded:
        check_server_proof(recorded, theirs)
        # The recorded signature is a hedged one: another than ours, and as right.
        ours = json.loads(accepted.reply.body) | {"server_sig": theirs["server_sig"]}
        assert list(ours) == list(theirs)
        assert dump_json(ours) == answer["body"].encode()
    else:
        assert accepted.reply.body == answer["body"].encode()
    derived = recorded["derived"]
    keys = TicketKeys(bytes(32), (unb64(ticket["ticket_key"]),))  # the key before a rotation
    assert open_ticket(ticket["ticket"], keys, json.loads(ticket["plaintext"])["exp"] - 1) == unb64(derived["psk"])
    assert open_ticket(ticket["ticket"], keys, json.loads(ticket["plaintext"])["exp"]) is None


def check_server_proof(recorded: dict[str, Any], theirs: dict[str, Any]) -> None:
    identity = recorded["identity"]
    inputs = {name: unb64(text) for name, text in identity["transcript_inputs"].items()}
    transcript = server_identity.transcript_hash(
        inputs["client_pk_kem"], inputs["client_pk_x"], inputs["server_nonce"], inputs["sid_utf8"].decode()
    )
    assert transcript == unb64(identity["transcript_hash"])
    pk = decode_spki(ML_DSA_65, unb64(identity["server_id_pk"]))
    assert pk == server_proof(identity).identity.pk
    assert verify(ML_DSA_65, pk, transcript, unb64(theirs["server_sig"]), b"")


def check_client_handshake_v3(recorded: dict[str, Any]) -> ClientSession:
    """As `check_client_handshake`, for V3, with the recorded identity pinned; another pin refuses."""
    kem, answer = recorded["kem"], recorded["handshake"]["response"]
    body = recorded["handshake"]["request"]["body"].encode()
    x25519 = {name: unb64(text) for name, text in recorded.get("x25519", {}).items()}
    pk_x, x = x25519.get("client_pk", b""), x25519.get("client_sk", b"")
    hello = HybridHello(body, unb64(kem["client_pk"]), unb64(kem["client_sk"]), pk_x, x)
    if x25519:
        assert REFERENCE.x25519(hello.x, handshake_v3.BASE_POINT) == hello.pk_x
        assert handshake_v3.agree(hello.x, x25519["server_pk"]) == x25519["ss"]
    reply = Reply(answer["status"], Headers(answer["headers"].items()), answer["body"].encode())
    pinned = server_proof(recorded["identity"]).identity.pk if "identity" in recorded else None
    derived = recorded["derived"]
    established = handshake_v3.client_finish(hello, reply, ServerTrust(pinned))
    assert established.keys == session_keys(derived) == session_keys(recorded["keys"])
    assert established.sid == recorded["sid"]
    assert established.resumption == Resumption(recorded["ticket"]["ticket"], unb64(derived["psk"]))
    refused("ISO-3006", handshake_v3.client_finish, hello, reply, ServerTrust(bytes(1952)))
    bound = ServerTrust(pinned, bound=True)  # what was recorded binds nothing
    refused("ISO-3007" if pinned else "ISO-3006", handshake_v3.client_finish, hello, reply, bound)
    client = ClientSession(version=V3, terms=ClientTerms(trust=ServerTrust(pinned)))
    client.start_handshake(hello)
    assert client.finish_handshake(reply)
    return client


def check_ratchet(step: dict[str, Any], client: ClientSession, server: Server) -> ClientSession:
    """A rekey that verifies under the keys before it, and a request under those after."""
    before, after = session_keys(step["before"]), session_keys(step["after"])
    exchange = {**step["wire"], "keys": step["before"], "canonical": step["canonical"]}
    check_request(exchange, client, server)
    assert dump_json({"ok": True}) == step["wire"]["response"]["body"].encode()
    assert ratchet(before) == after
    successor = client.ratchet()
    check_request(step["request_after"], successor, server)
    check_response(step["request_after"], successor)
    return successor


def check_resume(step: dict[str, Any], resumption: Resumption, client: ClientSession, server: Server) -> Resumption:
    """Both halves of a resumption, and what was said under its keys. Gives what the next one resumes from."""
    wire, new = step["wire"], step["new_ticket"]
    assert resumption == Resumption(step["ticket"], unb64(step["before"]["psk"]))
    mode = SecurityMode(json.loads(wire["request"]["body"])["securityMode"])
    hello = resume_hello(resumption, unb64(step["rn"]), mode)
    assert hello.body == wire["request"]["body"].encode()
    accepted = answer_resume(
        json.loads(hello.body),
        keys=TicketKeys(unb64(new["ticket_key"])),
        srn=unb64(step["srn"]),
        sid=step["sid"],
        now=0,
        ticket=new_ticket(new),
    )
    assert isinstance(accepted, Accepted)
    assert accepted.reply.body == wire["response"]["body"].encode()
    assert accepted.reply.status == wire["response"]["status"]
    assert accepted.session.keys == session_keys(step)
    resumed = ClientSession(version=V3)
    resumed.start_handshake(hello)
    reply = Reply(wire["response"]["status"], Headers(wire["response"]["headers"].items()), accepted.reply.body)
    assert resumed.finish_handshake(reply)
    assert resumed.sid == step["sid"]
    after = Server(V3, step["sid"])
    check_request(step["request_after"], resumed, after)
    check_response(step["request_after"], resumed)
    check_request(step["stream_after"], resumed, after)
    check_stream(step["stream_after"], resumed)
    assert resumed.resumption is not None
    return resumed.resumption


def attestations() -> list[dict[str, Any]]:
    file = external_root() / "protocol" / "transcripts" / "v3.json"
    return list(json.loads(file.read_bytes())["attestations"]) if file.exists() else []


@pytest.mark.skipif(not attestations(), reason="no recorded transcripts: NEN_EXTERNAL names the folder that has them")
def test_attestations() -> None:
    for recorded in attestations():
        said = recorded["attestation"]
        attestation = Attestation(
            said["endpoint"], SecurityMode(said["securityMode"]), said["issuedAt"], said.get("from"), said.get("to")
        )
        assert attestation.members == said
        assert attestation.signed_text == recorded["signed_message"].encode()
        pk = decode_spki(ML_DSA_65, unb64(recorded["publicKey"]))
        signature = unb64(recorded["signature"])
        assert recorded["verify"] is True
        assert verify_attestation(said, signature, pk) == attestation
        assert verify_attestation({**said, "further": 1}, signature, pk) == attestation
        assert verify_attestation(said, signature, bytes(1952)) is None
        for name in said:
            changed = {"from": "x", "to": "x"} if name in ("from", "to") else {name: said[name] + " "}
            assert verify_attestation({**said, **changed}, signature, pk) is None
            assert verify_attestation({**said, name: 7}, signature, pk) is None
            assert verify_attestation({k: v for k, v in said.items() if k != name}, signature, pk) is None
        xi = decode_pkcs8_seed(ML_DSA_65, unb64(recorded["secret_key_pkcs8"]))
        ours = attest(Identity.from_seed(xi), attestation)
        assert ours.pk == pk
        assert verify_attestation(ours.attestation.members, ours.signature, pk) == attestation


def new_ticket(recorded: dict[str, Any]) -> NewTicket:
    return NewTicket(unb64(recorded["ticket_key"]), unb64(recorded["nonce"]), json.loads(recorded["plaintext"])["exp"])


def server_proof(identity: dict[str, Any] | None) -> Any:
    if identity is None:
        return None
    xi = decode_pkcs8_seed(ML_DSA_65, unb64(identity["server_id_sk_pkcs8"]))
    return ServerProof(Identity.from_seed(xi), bytes(32), unb64(identity["server_nonce"]))


def session_keys(keys: dict[str, str]) -> SessionKeys:
    enc, mac = ("k_enc", "k_mac") if "k_enc" in keys else ("ss", "hmac_key")
    return SessionKeys(decode_base64(keys[enc]), decode_base64(keys[mac]))


def is_compact(body: str, names: list[str]) -> bool:
    """Whether a recorded body has the members that ours has, in our order and without white space."""
    members = json.loads(body)
    return list(members) == names and json.dumps(members, separators=(",", ":")) == body
