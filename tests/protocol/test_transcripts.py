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

from nen_ref.primitives.ml_dsa import ML_DSA_65
from nen_ref.primitives.ml_dsa_keys import decode_pkcs8_seed, decode_spki
from nen_ref.primitives.ml_kem import ML_KEM_768, decaps, encaps_internal, k_pke_decrypt
from nen_ref.protocol.client import ClientSession
from nen_ref.protocol.handshake import ClientHello, client_finish, respond
from nen_ref.protocol.identity import Identity, verify_identity
from nen_ref.protocol.messages import Headers, Reply, Request
from nen_ref.protocol.payload import dump_envelope, open_envelope, parse_envelope, seal
from nen_ref.protocol.session import Session, SessionKeys
from nen_ref.protocol.signing import canonical_string, sign
from nen_ref.protocol.stream import StreamOpener, StreamSealer, read_stream_head, stream_nonce
from nen_ref.protocol.verification import LoadSession, NonceAnswer, RecordNonce, Verified, run, verify_request
from nen_ref.protocol.wire import decode_base64, encode_base64
from tests.primitives.vectors import external_root
from tests.protocol.oracle import refused, unb64

IMPLEMENTED = ("v1",)
DK_PKE_SIZE = 1152  # of the 2400 bytes of dk, those of the K-PKE decryption key (FIPS 203, algorithm 16)


def cases() -> Iterator[Any]:
    """One item for each run of a version that is implemented, one skipped item for each other file."""
    folder = external_root() / "protocol" / "transcripts"
    files = sorted(folder.glob("*.json"))
    if not files:
        reason = f"no recorded transcripts: there is no {folder}/*.json; NEN_EXTERNAL names the folder that has them"
        yield pytest.param(None, id="none", marks=pytest.mark.skip(reason=reason))
    for file in files:
        recording = json.loads(file.read_bytes())
        version = str(recording["version"]).lower()
        if version not in IMPLEMENTED:
            reason = f"{file.name} is a recording of {version}, which nen_ref does not implement yet"
            yield pytest.param(None, id=file.stem, marks=pytest.mark.skip(reason=reason))
            continue
        assert recording["runs"], f"{file} holds no runs"
        for i, recorded in enumerate(recording["runs"]):
            yield pytest.param(recorded, id=f"{file.stem}-{i}-{recorded.get('kind', 'run')}")


@pytest.mark.parametrize("recorded", list(cases()))
def test_transcripts(recorded: dict[str, Any]) -> None:
    m = check_kem(recorded["kem"])
    check_server_handshake(recorded, m)
    check_identity(recorded)
    client = check_client_handshake(recorded)
    server = Server(recorded)
    for exchange in recorded.get("requests") or ():
        check_request(exchange, client, server)
        check_response(exchange, client)
    for exchange in recorded.get("streams") or ():
        check_request(exchange, client, server)
        check_stream(exchange, client)


class Server:
    """A server that knows the one recorded session, and which nonces it has seen."""

    def __init__(self, recorded: dict[str, Any]) -> None:
        self.sid: str = recorded["sid"]
        self._used: set[tuple[str, bytes]] = set()

    def verify(self, request: Request, keys: SessionKeys, now: int) -> Verified:
        def load(question: LoadSession) -> Session | None:
            return Session(self.sid, keys, now) if question.sid == self.sid else None

        def record(question: RecordNonce) -> NonceAnswer:
            answer = NonceAnswer.USED if (question.sid, question.nonce) in self._used else NonceAnswer.NEW
            self._used.add((question.sid, question.nonce))
            return answer

        return run(verify_request(request, now), load, record)


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


def check_client_handshake(recorded: dict[str, Any]) -> ClientSession:
    """The client half takes the recorded answer and has the recorded keys. Returns the client's session."""
    kem, answer = recorded["kem"], recorded["handshake"]["response"]
    body = recorded["handshake"]["request"]["body"].encode()
    hello = ClientHello(body, decode_base64(kem["client_pk"]), decode_base64(kem["client_sk"]))
    reply = Reply(answer["status"], Headers(answer["headers"].items()), answer["body"].encode())
    keys = session_keys(recorded["keys"])
    assert keys == SessionKeys(decode_base64(kem["ss"]), decode_base64(recorded["hmac_key"]))
    assert client_finish(hello, reply) == (recorded["sid"], keys)
    client = ClientSession()
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

    nonce_text = json.loads(body)["n"] if body else ""
    if wire.get("nonce"):
        assert wire["nonce"] == nonce_text
    canonical = canonical_string(method, path, timestamp, nonce_text)
    assert canonical == exchange["canonical"].encode()
    assert sign(keys.mac, canonical) == headers["x-nen-signature"]

    n = unb64(nonce_text)
    signed = client.request(method, path, plaintext if body else None, n=n, timestamp=int(timestamp))
    for name in ("x-nen-session", "x-nen-timestamp", "x-nen-signature"):
        assert signed.headers[name] == headers[name]
    if body:
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
    assert verified.n == (n if body else None)
    if body:
        refused("ISO-5001", server.verify, request, keys, int(timestamp))


def check_response(exchange: dict[str, Any], client: ClientSession) -> None:
    """Opens to the recorded plaintext, for the bare key and for the client, and is sealed again to the same."""
    keys, wire = session_keys(exchange["keys"]), exchange["response"]
    body, plaintext = (wire.get("body") or "").encode(), (wire.get("plaintext") or "").encode()
    if not body:
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
    events = [sealer.seal(plaintext) for plaintext in plaintexts[:-1]] + [sealer.finish()]
    assert events == [frame["sse"].encode() for frame in recorded_frames]
    assert b"".join(events) == body
    assert plaintexts[-1] == b"__FIN__"

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


def session_keys(keys: dict[str, str]) -> SessionKeys:
    return SessionKeys(decode_base64(keys["ss"]), decode_base64(keys["hmac_key"]))


def is_compact(body: str, names: list[str]) -> bool:
    """Whether a recorded body has the members that ours has, in our order and without white space."""
    members = json.loads(body)
    return list(members) == names and json.dumps(members, separators=(",", ":")) == body
