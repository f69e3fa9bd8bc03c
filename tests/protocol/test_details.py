"""What a refusal tells its own side: the `detail` of a NenError, whole sentences, typed by hand.

The other side sees the code and the message of the catalogue only (V1-ERR-02). The detail goes to the log, and whoever
reads it there has nothing else, so that it must name the member, the length or the step that is at fault.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from nen_ref.primitives.errors import LengthError, LimitError
from nen_ref.primitives.suite import REFERENCE
from nen_ref.protocol import stream as stream_module
from nen_ref.protocol.client import ClientSession, refusal, stream_refusal
from nen_ref.protocol.errors import CATALOGUE, NenError, error_body
from nen_ref.protocol.handshake import ClientHello, IdentityPolicy, client_finish, respond
from nen_ref.protocol.identity import verify_identity
from nen_ref.protocol.messages import Headers, Reply, Request
from nen_ref.protocol.payload import Envelope, open_envelope, parse_envelope, seal
from nen_ref.protocol.responses import seal_response
from nen_ref.protocol.session import ClientEvent, ClientState, Session, SessionKeys, next_state
from nen_ref.protocol.sse import EventReader, EventTooLarge
from nen_ref.protocol.stream import StreamOpener, StreamSealer, read_stream_head
from nen_ref.protocol.verification import NonceAnswer, Verified, check_payload, check_replay, check_window
from nen_ref.protocol.wire import Malformed, decode_base64, parse_json, parse_json_object
from tests.protocol import oracle
from tests.protocol.oracle import KemPeer, Signer, b64, encapsulate, frames, secret

PEER = KemPeer("client")
SHARED, CT = encapsulate(PEER.ek)
MAC, SID, NOW = secret("mac"), "a session", 1_800_000_000_000
N, OTHER_N, BASE = secret("n", 12), secret("answer n", 12), secret("base", 12)
KEYS = SessionKeys(SHARED, MAC)
SESSION = Session(SID, KEYS, NOW)
SIGNER = Signer("identity")
DK = REFERENCE.ml_kem_768_keygen(PEER.d, PEER.z).dk
JSON = {"content-type": "application/json"}
ANYONE = IdentityPolicy()


def body(**members: object) -> bytes:
    return json.dumps(members).encode()


def session() -> ClientSession:
    """An established session that has sent one request with the nonce N."""
    client = ClientSession()
    client.start_handshake(ClientHello(b"", PEER.ek, DK))
    client.finish_handshake(Reply(200, JSON, body(sid=SID, ct=b64(CT), hmac=b64(MAC))))
    client.request("POST", "/", b"{}", n=N, timestamp=NOW)
    return client


def hello(data: bytes, policy: IdentityPolicy = ANYONE) -> Any:
    return respond(data, m=secret("m"), mac_key=MAC, sid=SID, now=NOW, policy=policy)


def finish(status: int = 200, dk: bytes = DK, data: bytes | None = None, **changes: object) -> Any:
    members = {"sid": SID, "ct": b64(CT), "hmac": b64(MAC)} | changes
    kept = {name: value for name, value in members.items() if value is not None}
    return client_finish(ClientHello(b"", PEER.ek, dk), Reply(status, JSON, body(**kept) if data is None else data))


def identity(**changes: object) -> Any:
    members = SIGNER.members(PEER.ek) | changes
    return verify_identity({name: value for name, value in members.items() if value is not None}, PEER.ek)


def stream_head(status: int = 200, content_type: str = "text/event-stream", nonce: str | None = b64(BASE)) -> Any:
    nonces = [] if nonce is None else [("X-Nen-Stream-Nonce", nonce)]
    return read_stream_head(Reply(status, Headers([("Content-Type", content_type), *nonces])))


def opened(*pieces: bytes, max_event_size: int = 1000) -> Any:
    opener = StreamOpener(SHARED, BASE, max_event_size=max_event_size)
    for piece in pieces:
        list(opener.feed(piece))
    opener.close()


def fed_after_a_fault() -> Any:
    opener = StreamOpener(SHARED, BASE)
    with pytest.raises(NenError):
        list(opener.feed(b"data: !\n\n"))
    list(opener.feed(b""))


def fed_after_an_event_too_large() -> Any:
    opener = StreamOpener(SHARED, BASE, max_event_size=9)
    with pytest.raises(NenError):
        list(opener.feed(b"data: 1234"))
    list(opener.feed(b""))


def sealed_after_the_end() -> Any:
    sealer = StreamSealer(SHARED, BASE)
    sealer.finish()
    sealer.seal(b"x")


def beyond_the_limit(key: bytes, n: bytes, data: bytes) -> bytes:
    raise LimitError("too long")


SHORT = replace(REFERENCE, aead_seal=beyond_the_limit)
A_REPLAY = "the answer carries a nonce of this session: a reflection or a replay"

CASES: dict[str, tuple[str, str, Callable[[], Any]]] = {
    "no handshake": ("ISO-2001", "no handshake is under way", lambda: ClientSession().finish_handshake(Reply(200, {}))),
    "no keys": ("ISO-2001", "the session is new", lambda: ClientSession().open_reply(Reply(200, JSON, b""))),
    "transition": (
        "ISO-2001",
        "cannot send request: the session is closed",
        lambda: next_state(ClientState.CLOSED, ClientEvent.SEND_REQUEST),
    ),
    "nonce of a request used twice": (
        "ISO-4002",
        "the nonce was used before in this session",
        lambda: session().request("POST", "/", b"{}", n=N, timestamp=NOW),
    ),
    "answer not sealed": (
        "ISO-6001",
        "the answer is not application/json, so it is not sealed",
        lambda: session().open_reply(Reply(200, {"content-type": "text/html"}, b"<p>")),
    ),
    "answer reflected": (
        "ISO-4001",
        A_REPLAY,
        lambda: session().open_reply(Reply(200, JSON, oracle.envelope(SHARED, N, b"{}"))),
    ),
    "stream of a nonce of the session": (
        "ISO-4001",
        "the base nonce is one of this session: a replay, perhaps reordered",
        lambda: session().open_stream(
            Reply(200, Headers([("content-type", "text/event-stream"), ("x-nen-stream-nonce", b64(N))]))
        ),
    ),
    "identity required": (
        "ISO-3004",
        "this server requires an identity",
        lambda: hello(body(pk=b64(PEER.ek)), IdentityPolicy(required=True)),
    ),
    "identity not pinned": (
        "ISO-3004",
        "the identity is not one that this server pins",
        lambda: hello(body(pk=b64(PEER.ek), **SIGNER.members(PEER.ek)), IdentityPolicy(pinned=frozenset([b"other"]))),
    ),
    "handshake not JSON": ("ISO-1001", "the body is not JSON", lambda: hello(b"pk=")),
    "handshake not an object": ("ISO-1001", "the body is not a JSON object", lambda: hello(b"[]")),
    "pk absent": ("ISO-1001", "pk is absent", lambda: hello(b"{}")),
    "pk not a text": ("ISO-1001", "pk is not a text", lambda: hello(body(pk=[1, 2]))),
    "pk not base64": ("ISO-6002", "pk is not base64", lambda: hello(body(pk="!"))),
    "pk of another length": ("ISO-1002", "ek must be 1184 bytes, not 3", lambda: hello(body(pk="AAAA"))),
    "pk not reduced": (
        "ISO-1002",
        "ek fails the modulus check: a coefficient is not below 3329",
        lambda: hello(body(pk=b64(b"\xff" * 1184))),
    ),
    "handshake refused with a code": (
        "ISO-1004",
        "status 500, ISO-1002",
        lambda: finish(500, data=error_body(CATALOGUE["ISO-1002"])),
    ),
    "handshake refused without a code": ("ISO-1004", "status 302", lambda: finish(302, data=b"")),
    "answer to a handshake not JSON": ("ISO-1004", "the answer is not JSON", lambda: finish(data=b"<html>")),
    "no sid": ("ISO-1004", "the answer is without a sid", lambda: finish(sid=None)),
    "empty sid": ("ISO-1004", "the answer is without a sid", lambda: finish(sid="")),
    "sid of two lines": (
        "ISO-1004",
        "the answer is with a sid that cannot stand in a header",
        lambda: finish(sid="a\nb"),
    ),
    "no ct": ("ISO-1004", "the answer is without a text ct", lambda: finish(ct=None)),
    "no hmac": ("ISO-1004", "the answer is without a text hmac", lambda: finish(hmac=1)),
    "ct not base64": ("ISO-1004", "the answer is with a ct that is not base64", lambda: finish(ct="!")),
    "ct of another length": (
        "ISO-1004",
        "the answer is with a ct of 3 bytes, not 1088",
        lambda: finish(ct="AAAA"),
    ),
    "hmac of another length": (
        "ISO-1004",
        "the answer is with a hmac of 3 bytes, not 32",
        lambda: finish(hmac="AAAA"),
    ),
    "a key of another size": ("ISO-1002", "dk must be 2400 bytes, not 3", lambda: finish(dk=b"abc")),
    "half an identity": ("ISO-3004", "sigPk is absent, half an identity", lambda: identity(sigPk=None)),
    "the other half": ("ISO-3004", "sigOfPk is absent, half an identity", lambda: identity(sigOfPk=None)),
    "sigPk not a text": ("ISO-3004", "sigPk is not a text", lambda: identity(sigPk=7)),
    "sigOfPk not base64": ("ISO-3004", "sigOfPk is not base64", lambda: identity(sigOfPk="!")),
    "sigPk of another length": (
        "ISO-3004",
        "sigPk: a SubjectPublicKeyInfo of ML-DSA-65 is 1974 bytes, not 3",
        lambda: identity(sigPk="AAAA"),
    ),
    "signature over something else": (
        "ISO-3004",
        "sigOfPk does not verify over the raw bytes of pk",
        lambda: identity(sigOfPk=b64(SIGNER.sign(b"something else"))),
    ),
    "envelope not JSON": ("ISO-6001", "the body is not JSON", lambda: parse_envelope(b"x")),
    "ct of an envelope absent": ("ISO-6001", "ct is absent", lambda: parse_envelope(b"{}")),
    "ct of an envelope not a text": ("ISO-6001", "ct is not a text", lambda: parse_envelope(body(ct=[1]))),
    "n not base64": ("ISO-6002", "n is not base64", lambda: parse_envelope(body(ct="", n="!"))),
    "n of another length": ("ISO-6001", "n is 3 bytes, not 12", lambda: parse_envelope(body(ct="", n="AAAA"))),
    "payload too long": ("ISO-4002", "too long", lambda: seal(SHARED, N, b"", suite=SHORT)),
    "tag": (
        "ISO-4001",
        "the tag of 20 sealed bytes does not verify",
        lambda: open_envelope(SHARED, Envelope(bytes(20), N)),
    ),
    "nonce of an answer": (
        "ISO-4002",
        "the nonce of the answer is that of the request",
        lambda: seal_response(Verified(SESSION, b"{}", N, True), 200, b"{}", N),
    ),
    "timestamp": (
        "ISO-3003",
        "the timestamp is not one to sixteen decimal digits",
        lambda: check_window(Request("GET", "/", Headers([("x-nen-timestamp", "+1")])), NOW),
    ),
    "old timestamp": (
        "ISO-3003",
        "the timestamp is 30001 ms behind the server",
        lambda: check_window(Request("GET", "/", Headers([("x-nen-timestamp", str(NOW - 30_001))])), NOW),
    ),
    "session gone": (
        "ISO-2002",
        "the session ended while the request was checked",
        lambda: check_replay(NonceAnswer.NO_SESSION),
    ),
    "payload not JSON": (
        "ISO-4003",
        "the payload is not JSON",
        lambda: check_payload(Envelope(oracle.seal(SHARED, N, b"secret"), N), SESSION),
    ),
    "stream refused": ("ISO-7002", "status 500", lambda: stream_head(500)),
    "stream of another type": ("ISO-7002", "not text/event-stream", lambda: stream_head(content_type="text/html")),
    "no base nonce": ("ISO-7001", "", lambda: stream_head(nonce=None)),
    "base nonce not base64": ("ISO-7001", "the header is not base64", lambda: stream_head(nonce="!")),
    "base nonce of another length": (
        "ISO-7001",
        "the header holds 3 bytes, not 12",
        lambda: stream_head(nonce="AAAA"),
    ),
    "stream cut": (
        "ISO-7002",
        "the stream ended after 1 events without its final event",
        lambda: opened(*frames(SHARED, BASE, [b"a"])),
    ),
    "event of another stream": (
        "ISO-4001",
        "event 0 of the stream does not open",
        lambda: opened(*frames(SHARED, OTHER_N, [b"a"])),
    ),
    "event too large": ("ISO-7002", "an event of more than 9 bytes", lambda: opened(b"data: 1234", max_event_size=9)),
    "fed after a fault": ("ISO-7002", "the stream failed before", fed_after_a_fault),
    "fed after an event too large": ("ISO-7002", "the stream failed before", fed_after_an_event_too_large),
    "sealed after the end": ("ISO-4002", "the stream is finished", sealed_after_the_end),
}


@pytest.mark.parametrize(("code", "detail", "action"), CASES.values(), ids=CASES)
def test_the_detail_says_what_is_at_fault(code: str, detail: str, action: Callable[[], Any]) -> None:
    with pytest.raises(NenError) as caught:
        action()
    assert (caught.value.code, caught.value.detail) == (code, detail)


def test_the_details_of_a_stream_that_is_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """V1-STR-07, with two events instead of 2^32."""
    monkeypatch.setattr(stream_module, "MAX_EVENTS", 2)
    sealer = StreamSealer(SHARED, BASE)
    sealer.seal(b"a")
    with pytest.raises(NenError) as caught:
        sealer.seal(b"b")
    assert (caught.value.code, caught.value.detail) == ("ISO-4002", "a stream has at most 2 events")
    with pytest.raises(NenError) as caught:
        opened(*frames(SHARED, BASE, [b"a", b"b", b"c"]))
    assert (caught.value.code, caught.value.detail) == ("ISO-7002", "more than 2 events")


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_mac_key_of_another_size_is_a_fault_of_the_caller(size: int) -> None:
    """V1-HS-07: the size is not left to the caller."""
    with pytest.raises(LengthError, match=f"^mac_key must be 32 bytes, not {size}$"):
        respond(body(pk=b64(PEER.ek)), m=secret("m"), mac_key=bytes(size), sid=SID, now=NOW)


@pytest.mark.parametrize("kind", [StreamSealer, StreamOpener])
@pytest.mark.parametrize("size", [0, 8, 11, 13])
def test_a_base_nonce_of_another_size_is_a_fault_of_the_caller(kind: Callable[..., Any], size: int) -> None:
    with pytest.raises(LengthError, match=f"^base_nonce must be 12 bytes, not {size}$"):
        kind(SHARED, bytes(size))


def test_the_details_of_what_the_server_reports() -> None:
    error = refusal(Reply(401, JSON, error_body(CATALOGUE["ISO-2002"])))
    assert error is not None
    assert (error.code, error.remote, error.detail) == ("ISO-2002", True, "status 401")
    reported = stream_refusal(Reply(401, JSON, error_body(CATALOGUE["ISO-2002"])))
    assert (reported.code, reported.detail) == ("ISO-7002", "status 401, ISO-2002")


FAULTS: dict[str, tuple[str, Callable[[], Any]]] = {
    "not base64": ("not base64", lambda: decode_base64("!")),
    "unused bits": ("not the canonical base64 of its bytes", lambda: decode_base64("AB==")),
    "not UTF-8": ("not UTF-8", lambda: parse_json(b"\xff")),
    "not JSON": ("not JSON", lambda: parse_json(b"{")),
    "too deep": ("nested deeper than 128 levels", lambda: parse_json(b"[" * 129 + b"]" * 129)),
    "lone surrogate": ("a text with a lone surrogate", lambda: parse_json(rb'"\ud800"')),
    "array": ("not a JSON object", lambda: parse_json_object(b"[]")),
    "member twice": ("an object names a member twice", lambda: parse_json(b'{"a":1,"a":1}')),
    "NaN": ("NaN is not JSON", lambda: parse_json(b"NaN")),
    "Infinity": ("-Infinity is not JSON", lambda: parse_json(b"-Infinity")),
    "digits": ("a number of more than 4300 digits", lambda: parse_json(b"1" * 4301)),
    "decimals": ("a number of more than 4300 digits", lambda: parse_json(b"0." + b"1" * 4300)),
}


@pytest.mark.parametrize(("message", "action"), FAULTS.values(), ids=FAULTS)
def test_a_malformed_text_is_told_by_its_fault(message: str, action: Callable[[], Any]) -> None:
    with pytest.raises(Malformed) as caught:
        action()
    assert str(caught.value) == message


def test_an_event_that_is_too_large_is_told_by_the_limit() -> None:
    with pytest.raises(EventTooLarge) as caught:
        list(EventReader(4).feed(b"data:"))
    assert str(caught.value) == "an event of more than 4 bytes"


@pytest.mark.bulk
def test_headers_that_are_repeated_are_joined_in_linear_time() -> None:
    """V1-AUTH-14. With the square of their number this would not come back."""
    headers = Headers([("X", "a"), ("x", "b")] * 500_000)
    assert len(headers) == 1
    assert headers["x"] == ", ".join("ab" * 500_000)
