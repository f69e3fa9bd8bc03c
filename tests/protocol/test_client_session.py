"""One session as its client sees it: its states, what it sends, and every answer that it has to refuse."""

from __future__ import annotations

import dataclasses
import gc
import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nen_ref.primitives.errors import LimitError
from nen_ref.primitives.suite import REFERENCE
from nen_ref.protocol import client as client_module
from nen_ref.protocol.client import ClientSession, refusal, stream_refusal
from nen_ref.protocol.errors import CATALOGUE, error_body, failure
from nen_ref.protocol.handshake import client_hello
from nen_ref.protocol.messages import Headers, Reply, error_reply
from nen_ref.protocol.responses import seal_response
from nen_ref.protocol.session import CLIENT_TRANSITIONS, ClientEvent, ClientState, Session, SessionKeys, next_state
from nen_ref.protocol.verification import Verified
from tests.protocol.oracle import (
    JSON_VALUES,
    KemPeer,
    b64,
    code_of,
    encapsulate,
    envelope,
    frame_nonce,
    frames,
    leaks,
    refused,
    seal,
    secret,
    signature,
    texts_of,
    unb64,
    unseal,
)

PEER = KemPeer("client")
SHARED, CT = encapsulate(PEER.ek)
MAC, SID, NOW = secret("mac"), "c49d8658-7231-4fa3-8621-0451d379cfa5", 1_800_000_000_000
N, ANSWER_N, BASE = secret("n", 12), secret("answer n", 12), secret("base", 12)
PAYLOAD = '{"a":"é"}'.encode()
HELLO = client_hello(PEER.d, PEER.z)
FIN = b"__FIN__"


def handshake_answer(**changes: object) -> Reply:
    members = {"sid": SID, "ct": b64(CT), "hmac": b64(MAC), **changes}
    return Reply(200, {"content-type": "application/json"}, json.dumps(members).encode())


def established() -> ClientSession:
    session = ClientSession()
    assert session.start_handshake(HELLO) == HELLO.body
    session.finish_handshake(handshake_answer())
    return session


def send(session: ClientSession, n: bytes = N, payload: bytes | None = PAYLOAD) -> Any:
    return session.request("POST", "/api/echo", payload, n=n, timestamp=NOW)


def answer(n: bytes = ANSWER_N, payload: bytes = PAYLOAD, key: bytes = SHARED, **more: object) -> Reply:
    return Reply(200, {"content-type": "application/json"}, envelope(key, n, payload, **more))


def stream(base: bytes = BASE, status: int = 200) -> Reply:
    return Reply(status, Headers([("Content-Type", "text/event-stream"), ("X-Nen-Stream-Nonce", b64(base))]))


# What is sent ------------------------------------------------------------------------------------------------


def test_a_request_is_sealed_and_signed() -> None:
    """V1-REQ-01, V1-AUTH-05."""
    session = established()
    signed = session.request("post", "/caf%C3%A9", PAYLOAD, n=N, timestamp=NOW)
    assert dict(signed.headers) == {
        "x-nen-session": SID,
        "x-nen-timestamp": str(NOW),
        "x-nen-signature": signature(MAC, "POST", "/caf%C3%A9", str(NOW), b64(N)),
        "content-type": "application/json",
    }
    assert signed.body is not None
    assert json.loads(signed.body) == {"ct": b64(seal(SHARED, N, PAYLOAD)), "n": b64(N)}
    assert list(json.loads(signed.body)) == ["ct", "n"]


def test_a_request_without_a_body_is_signed_with_an_empty_nonce() -> None:
    """V1-REQ-09; n is not used up by it."""
    session = established()
    signed = session.request("GET", "/", None, n=N, timestamp=NOW)
    assert dict(signed.headers) == {
        "x-nen-session": SID,
        "x-nen-timestamp": str(NOW),
        "x-nen-signature": signature(MAC, "GET", "/", str(NOW), ""),
    }
    assert signed.body is None
    assert session.open_reply(answer(N)) == PAYLOAD


def test_an_empty_payload_is_a_body() -> None:
    signed = send(established(), payload=b"")
    assert unseal(SHARED, N, unb64(json.loads(signed.body)["ct"])) == b""


@pytest.mark.parametrize("size", [1024, 1025, 4096, 100_000])
def test_a_sealed_body_is_smaller_than_1_4_times_the_payload(size: int) -> None:
    """V1-WIRE-06, of requests and of answers."""
    payload = b'"' + b"x" * (size - 2) + b'"'
    assert len(send(established(), payload=payload).body) < 1.4 * size
    verified = Verified(Session(SID, SessionKeys(SHARED, MAC), NOW), payload, N, signed=True)
    assert len(seal_response(verified, 200, payload, ANSWER_N).body) < 1.4 * size


def test_the_same_arguments_give_the_same_request() -> None:
    assert send(established()) == send(established())


# States ------------------------------------------------------------------------------------------------------

S, E = ClientState, ClientEvent
TABLE = {
    (S.NEW, E.SEND_HANDSHAKE): S.HANDSHAKING,
    (S.HANDSHAKING, E.HANDSHAKE_OK): S.ESTABLISHED,
    (S.HANDSHAKING, E.HANDSHAKE_REFUSED): S.NEW,
    (S.ESTABLISHED, E.SEND_REQUEST): S.ESTABLISHED,
} | {(state, E.TERMINATE): S.CLOSED for state in S}


@pytest.mark.parametrize("state", ClientState)
@pytest.mark.parametrize("event", ClientEvent)
def test_every_transition_is_one_of_the_table(state: ClientState, event: ClientEvent) -> None:
    """V1-LIFE-09: what a state does not allow is ISO-2001."""
    assert dict(CLIENT_TRANSITIONS) == TABLE
    if (state, event) in TABLE:
        assert next_state(state, event) is TABLE[state, event]
    else:
        refused("ISO-2001", next_state, state, event)


def new() -> ClientSession:
    return ClientSession()


def handshaking() -> ClientSession:
    session = ClientSession()
    session.start_handshake(HELLO)
    return session


def refused_handshake() -> ClientSession:
    session = handshaking()
    refused("ISO-1004", session.finish_handshake, Reply(500, {}, b""))
    return session


def closed() -> ClientSession:
    session = established()
    session.close()
    return session


def closed_twice() -> ClientSession:
    session = closed()
    session.close()
    return session


def closed_while_new() -> ClientSession:
    session = new()
    session.close()
    return session


def closed_while_handshaking() -> ClientSession:
    session = handshaking()
    session.close()
    return session


WITHOUT_KEYS = [
    new, handshaking, refused_handshake, closed, closed_twice, closed_while_new, closed_while_handshaking,
]  # fmt: skip


@pytest.mark.parametrize("make", WITHOUT_KEYS)
def test_without_a_session_nothing_is_sent(make: Callable[[], ClientSession]) -> None:
    """V1-LIFE-07, V1-LIFE-09."""
    session = make()
    assert not session.established
    refused("ISO-2001", send, session)
    refused("ISO-2001", send, session, payload=None)


@pytest.mark.parametrize("make", WITHOUT_KEYS)
def test_without_keys_nothing_is_opened(make: Callable[[], ClientSession]) -> None:
    """V1-LIFE-08. (Whether answers still under way can be opened after a 401 to another request is left open.)"""
    session = make()
    refused("ISO-2001", session.open_reply, answer())
    refused("ISO-2001", session.open_stream, stream())


@pytest.mark.parametrize("make", [new, refused_handshake])
def test_a_handshake_may_begin_and_give_new_keys(make: Callable[[], ClientSession]) -> None:
    session = make()
    other = KemPeer("other")
    shared, ct = encapsulate(other.ek)
    session.start_handshake(client_hello(other.d, other.z))
    assert not session.established
    refused("ISO-2001", send, session)
    session.finish_handshake(handshake_answer(sid="another", ct=b64(ct)))
    assert session.established
    assert session.sid == "another"
    n = secret("fresh", 12)
    signed = send(session, n)
    assert signed.headers["x-nen-session"] == "another"
    assert unseal(shared, n, unb64(json.loads(signed.body)["ct"])) == PAYLOAD
    assert session.open_reply(answer(secret("n2", 12), key=shared)) == PAYLOAD
    refused("ISO-4001", session.open_reply, answer(secret("n3", 12)))


@pytest.mark.parametrize("make", [established, closed, closed_twice, closed_while_new, closed_while_handshaking])
def test_a_session_never_changes_its_keys(make: Callable[[], ClientSession]) -> None:
    """Rotation is the life of another session, and what is closed stays closed."""
    session = make()
    before = repr(session)
    refused("ISO-2001", session.start_handshake, HELLO)
    refused("ISO-2001", session.finish_handshake, handshake_answer(sid="another"))
    assert repr(session) == before
    if make is established:
        assert session.open_reply(answer()) == PAYLOAD


@pytest.mark.parametrize("make", [new, refused_handshake, closed, established])
def test_an_answer_to_no_handshake_is_refused(make: Callable[[], ClientSession]) -> None:
    session = make()
    was = session.established
    refused("ISO-2001", session.finish_handshake, handshake_answer())
    assert session.established is was


def test_a_handshake_is_answered_once() -> None:
    session = established()
    refused("ISO-2001", session.finish_handshake, handshake_answer(sid="another"))
    assert session.sid == SID
    again = refused_handshake()
    refused("ISO-2001", again.finish_handshake, handshake_answer())
    assert not again.established


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (Reply(404, {}, b""), "ISO-1004"),
        (Reply(500, {}, error_body(CATALOGUE["ISO-1002"])), "ISO-1004"),
        (Reply(200, {}, b"{}"), "ISO-1004"),
        (handshake_answer(ct=b64(bytes(10))), "ISO-1004"),
        (handshake_answer(hmac=None), "ISO-1004"),
    ],
)
def test_a_refused_handshake_may_be_begun_again(reply: Reply, code: str) -> None:
    """V1-HS-12, V1-HS-13: no session comes of it."""
    session = handshaking()
    refused(code, session.finish_handshake, reply)
    assert (session.established, session.sid) == (False, None)
    session.start_handshake(HELLO)
    session.finish_handshake(handshake_answer())
    assert session.established


def test_a_session_that_is_closed_while_its_handshake_is_under_way_stays_closed() -> None:
    """V1-LIFE-08: `close` forgets the keys, those on their way too. The answer that comes later revives nothing."""
    session = closed_while_handshaking()
    refused("ISO-2001", session.finish_handshake, handshake_answer())
    assert not session.established
    refused("ISO-2001", send, session)


def test_the_state_is_shown_and_nothing_else() -> None:
    shown = [repr(make()) for make in (new, handshaking, established, closed)]
    assert shown == [f"<ClientSession {state}>" for state in ("new", "handshaking", "established", "closed")]


# Answers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 201, 400, 404, 500])
@pytest.mark.parametrize(
    "content_type", ["application/json", "Application/JSON; charset=utf-8", "application/json ;a=b"]
)
def test_a_sealed_answer_is_opened(status: int, content_type: str) -> None:
    """V1-RES-01, V1-RES-05: whatever its status."""
    session = established()
    send(session)
    reply = Reply(status, Headers([("CONTENT-TYPE", content_type)]), answer(more=1).body)
    assert session.open_reply(reply) == PAYLOAD


@pytest.mark.parametrize("payload", [b"", b"plain text", b"\xff\x00"])
def test_what_is_sealed_in_an_answer_is_the_applications(payload: bytes) -> None:
    assert established().open_reply(answer(payload=payload)) == payload


UNSEALED: dict[str, Reply] = {
    "plain": Reply(200, {"content-type": "application/json"}, PAYLOAD),
    "empty": Reply(200, {"content-type": "application/json"}, b""),
    "an empty object": Reply(200, {"content-type": "application/json"}, b"{}"),
    "no content": Reply(204, {}, b""),
    "no content type": Reply(200, {}, answer().body),
    "text": Reply(200, {"content-type": "text/plain"}, answer().body),
    "a page": Reply(200, {"content-type": "text/html"}, b"<p>"),
    "a stream": Reply(200, {"content-type": "text/event-stream"}, b"data: x\n\n"),
    "two types": Reply(200, Headers([("content-type", "application/json")] * 2), answer().body),
    "problem": Reply(200, {"content-type": "application/problem+json"}, answer().body),
    "a list": Reply(200, {"content-type": "application/json"}, b"[" + answer().body + b"]"),
    "no n": Reply(200, {"content-type": "application/json"}, json.dumps({"ct": "AAAA"}).encode()),
    "no ct": Reply(200, {"content-type": "application/json"}, json.dumps({"n": b64(ANSWER_N)}).encode()),
    "n short": Reply(200, {"content-type": "application/json"}, json.dumps({"ct": "AAAA", "n": "AAAA"}).encode()),
    "numbers": Reply(200, {"content-type": "application/json"}, json.dumps({"ct": [1], "n": [2]}).encode()),
    "a refusal": error_reply(failure(CATALOGUE["ISO-2002"])),
}


@pytest.mark.parametrize("reply", UNSEALED.values(), ids=UNSEALED)
def test_an_answer_that_is_not_sealed_is_refused(reply: Reply) -> None:
    """V1-RES-03."""
    refused("ISO-6001", established().open_reply, reply)


@pytest.mark.parametrize(
    "members", [{"ct": "*", "n": b64(ANSWER_N)}, {"ct": "AAAA", "n": "*"}, {"ct": "AA", "n": b64(ANSWER_N)}]
)
def test_an_answer_that_is_not_base64_is_refused(members: dict[str, str]) -> None:
    reply = Reply(200, {"content-type": "application/json"}, json.dumps(members).encode())
    assert code_of(established().open_reply, reply) in ("ISO-6001", "ISO-6002")


@pytest.mark.bulk
@given(st.sampled_from(["ct", "n"]), JSON_VALUES, st.binary())
def test_any_answer_is_refused_by_code(name: str, value: object, body: bytes) -> None:
    session = established()
    members = {**json.loads(answer().body), name: value}
    for raw in (json.dumps(members).encode(), body):
        reply = Reply(200, {"content-type": "application/json"}, raw)
        assert code_of(session.open_reply, reply) in ("ISO-4001", "ISO-6001", "ISO-6002")
    assert session.open_reply(answer()) == PAYLOAD  # and nothing of it has spent a nonce


def test_an_answer_that_does_not_open_is_refused_and_spends_nothing() -> None:
    """Otherwise whoever can guess or delay an answer could burn its nonce before it arrives."""
    session = established()
    for bad in (answer(key=MAC), answer(key=bytes(32)), Reply(200, answer().headers, answer(BASE).body.replace(
        b64(BASE).encode(), b64(ANSWER_N).encode()))):  # fmt: skip
        refused("ISO-4001", session.open_reply, bad)
    assert session.open_reply(answer()) == PAYLOAD


def test_the_clients_own_request_reflected_is_refused() -> None:
    """V1-RES-04: it would open, for both directions share one key."""
    session = established()
    earlier, latest = send(session, secret("first", 12)), send(session)
    for signed in (earlier, latest):
        refused("ISO-4001", session.open_reply, Reply(200, {"content-type": "application/json"}, signed.body))
    refused("ISO-4001", session.open_stream, stream(N))


def test_an_earlier_answer_is_refused() -> None:
    """V1-RES-04, of all answers of the session, not of the last alone."""
    session = established()
    replies = [answer(secret(f"answer {i}", 12)) for i in range(5)]
    for reply in replies:
        assert session.open_reply(reply) == PAYLOAD
    for reply in replies:
        refused("ISO-4001", session.open_reply, reply)
        refused("ISO-4001", session.open_reply, Reply(200, reply.headers, b" " + reply.body))


def test_an_earlier_stream_is_refused() -> None:
    """V1-STR-17, and an answer under the base nonce of a stream or the other way round."""
    session = established()
    session.open_stream(stream())
    refused("ISO-4001", session.open_stream, stream())
    refused("ISO-4001", session.open_reply, answer(BASE))
    session.open_reply(answer())
    refused("ISO-4001", session.open_stream, stream(ANSWER_N))


CHUNKS = [b"one", b'{"two":2}', b"three"]
EVENTS = frames(SHARED, BASE, [*CHUNKS, FIN])


def received(session: ClientSession, base: bytes, events: Iterable[bytes]) -> tuple[list[bytes], str | None]:
    """What the session hands out of a stream, and the code with which it is refused or ends."""
    out: list[bytes] = []

    def drain() -> None:
        opener = session.open_stream(stream(base))
        for event in events:
            out.extend(opener.feed(event))
        opener.close()

    code = code_of(drain)
    return out, code


@pytest.mark.parametrize("k", [1, 2, 3])
def test_an_earlier_stream_under_a_shifted_base_nonce_is_refused(k: int) -> None:
    """V1-STR-17: nonce_i is an XOR, so that under the base nonce XOR k the old event (i XOR k) opens as event i.

    Whoever recorded a stream can answer a later request with it, its events in another order: with k = 3 as an empty
    stream that ends well, with k = 2 as its third chunk alone. The base nonce itself was never seen.
    """
    session = established()
    assert received(session, BASE, EVENTS) == (CHUNKS, None)
    shifted = frame_nonce(BASE, k)
    assert received(session, shifted, [EVENTS[i ^ k] for i in range(4)]) == ([], "ISO-4001")


@pytest.mark.parametrize("arrived", [4, 0])
def test_an_event_of_a_stream_as_a_sealed_answer_is_refused(arrived: int) -> None:
    """V1-STR-17: what was a chunk, or was to be one, would open as the answer to another request."""
    session = established()
    opener = session.open_stream(stream())
    list(opener.feed(b"".join(EVENTS[:arrived])))
    for i, event in enumerate(EVENTS):
        ct = event.decode().removeprefix("data: ").strip()
        body = json.dumps({"ct": ct, "n": b64(frame_nonce(BASE, i))}).encode()
        refused("ISO-4001", session.open_reply, Reply(200, {"content-type": "application/json"}, body))


@pytest.mark.parametrize("i", [0, 1, 255, 256, 2**16, 2**32 - 1])
def test_all_nonces_that_a_stream_could_use_are_taken(i: int) -> None:
    """V1-STR-17: by the first eight bytes, whether the stream was that long or not."""
    session = established()
    session.open_stream(stream())
    taken = frame_nonce(BASE, i)
    refused("ISO-4001", session.open_stream, stream(taken))
    refused("ISO-4001", session.open_reply, answer(taken))
    other = BASE[:7] + bytes([BASE[7] ^ 1]) + BASE[8:]
    assert session.open_reply(answer(other)) == PAYLOAD
    refused("ISO-4001", session.open_stream, stream(frame_nonce(other, i)))


def test_a_stream_may_not_run_into_a_nonce_that_was_sent() -> None:
    """V1-STR-17: the request, reflected as a later event of the stream that answers it."""
    session = established()
    send(session)
    for i in (0, 1, 2**32 - 1):
        refused("ISO-4001", session.open_stream, stream(frame_nonce(N, i)))


def test_a_sealed_answer_as_a_later_event_of_a_stream_is_refused() -> None:
    """The other way round: an answer's nonce is event 0 of that base nonce, and of no other that could be made up."""
    session = established()
    session.open_reply(answer())
    event = b"data: " + json.loads(answer().body)["ct"].encode() + b"\n\n"
    assert received(session, ANSWER_N, [event]) == ([], "ISO-4001")
    assert received(session, frame_nonce(ANSWER_N, 1), [event]) == ([], "ISO-4001")


def test_sessions_are_independent() -> None:
    """V1-LIFE-10: the nonces of one are new in another, its keys are not."""
    one, other = established(), established()
    assert one.open_reply(answer()) == other.open_reply(answer()) == PAYLOAD
    foreign = ClientSession()
    shared, ct = encapsulate(PEER.ek)
    foreign.start_handshake(HELLO)
    foreign.finish_handshake(handshake_answer(ct=b64(ct)))
    refused("ISO-4001", foreign.open_reply, answer())
    assert foreign.open_reply(answer(key=shared)) == PAYLOAD


def test_a_stream_is_opened_with_the_keys_of_the_session() -> None:
    session = established()
    send(session)
    assert received(session, BASE, EVENTS) == (CHUNKS, None)


@pytest.mark.parametrize(
    ("head", "code"),
    [
        (stream(status=500), "ISO-7002"),
        (answer(), "ISO-7002"),
        (Reply(200, {"content-type": "text/event-stream"}), "ISO-7001"),
        (stream(bytes(11)), "ISO-7001"),
    ],
)
def test_a_head_that_is_none_is_refused(head: Reply, code: str) -> None:
    refused(code, established().open_stream, head)


def test_a_session_is_worn_out_by_its_nonces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every request with a body, every answer and every stream is one more; refused ones are not."""
    monkeypatch.setattr(client_module, "MAX_NONCES", 4)
    session = established()
    send(session)
    send(session, payload=None)
    code_of(session.open_reply, answer(key=bytes(32)))
    session.open_reply(answer())
    code_of(session.open_reply, answer())
    session.open_stream(stream())
    assert not session.worn_out
    send(session, secret("fourth", 12))
    assert session.worn_out
    assert session.open_reply(answer(secret("fifth", 12))) == PAYLOAD  # what is under way still arrives


# Refusals of the server --------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", CATALOGUE)
def test_a_refusal_is_told_as_it_was(code: str) -> None:
    entry = CATALOGUE[code]
    reply = error_reply(failure(entry))
    error = refusal(reply)
    assert error is not None
    assert (error.code, error.remote, error.detail) == (code, True, f"status {entry.status}")
    streamed = stream_refusal(reply)
    assert (streamed.code, streamed.remote) == ("ISO-7002", False)  # V1-STR-13
    assert code in streamed.detail
    assert str(entry.status) in streamed.detail


@pytest.mark.parametrize("body", [b"", b"<p>", b"{}", b'{"error":"x"}', b'{"error":{"code":"ISO-0000"}}'])
def test_an_answer_without_a_code_is_no_refusal(body: bytes) -> None:
    assert refusal(Reply(502, {}, body)) is None
    assert stream_refusal(Reply(502, {}, body)).detail == "status 502"


# Answers as the server makes them ----------------------------------------------------------------------------

VERIFIED = Verified(Session(SID, SessionKeys(SHARED, MAC), NOW), PAYLOAD, N, signed=True)


@pytest.mark.parametrize(
    ("status", "sent"), [(200, 200), (201, 201), (404, 404), (500, 500), (204, 200), (205, 200), (304, 200)]
)
def test_the_server_seals_every_answer(status: int, sent: int) -> None:
    """V1-RES-01, V1-RES-05, V1-RES-06: what has no body becomes 200 with a sealed empty payload."""
    for payload in (PAYLOAD, b""):
        reply = seal_response(VERIFIED, status, payload, ANSWER_N)
        assert reply.status == sent
        assert dict(reply.headers) == {"content-type": "application/json", "cache-control": "no-store"}
        assert json.loads(reply.body) == {"ct": b64(seal(SHARED, ANSWER_N, payload)), "n": b64(ANSWER_N)}
        assert established().open_reply(reply) == payload


def test_beyond_the_limit_of_the_cipher_nothing_is_sealed_or_opened() -> None:
    """RFC 8439 has a limit of 256 GiB, which a suite reports by an error of its own."""

    def too_much(*_: bytes) -> bytes:
        raise LimitError

    suite = dataclasses.replace(REFERENCE, aead_seal=too_much, aead_open=too_much)
    refused("ISO-4002", seal_response, VERIFIED, 200, PAYLOAD, ANSWER_N, suite)
    session = ClientSession(suite=suite)
    session.start_handshake(HELLO)
    session.finish_handshake(handshake_answer())
    refused("ISO-4002", send, session)
    refused("ISO-4001", session.open_reply, answer())


def test_the_server_does_not_seal_under_the_nonce_of_the_request() -> None:
    """V1-RES-02."""
    refused("ISO-4002", seal_response, VERIFIED, 200, PAYLOAD, N)


# Secrets -----------------------------------------------------------------------------------------------------


def holds(root: object, key: bytes) -> bool:
    """Whether `key` can be reached from an object through what Python keeps alive."""
    seen: set[int] = set()
    pending: list[object] = [root]
    while pending:
        value = pending.pop()
        if id(value) in seen or isinstance(value, type | type(json) | type(holds)):
            continue
        seen.add(id(value))
        if isinstance(value, bytes | bytearray) and key in bytes(value):
            return True
        pending += gc.get_referents(value)
    return False


def test_the_keys_are_gone_after_the_end() -> None:
    """V1-LIFE-08, V1-HS-10."""
    dk = HELLO.dk[:1152]
    session = handshaking()
    assert holds(session, dk)
    session.finish_handshake(handshake_answer())
    assert not holds(session, dk)
    assert holds(session, SHARED)
    assert holds(session, MAC)
    send(session)
    session.open_reply(answer())
    session.close()
    assert not holds(session, SHARED)
    assert not holds(session, MAC)


@pytest.mark.parametrize("make", WITHOUT_KEYS)
def test_a_session_without_keys_holds_none(make: Callable[[], ClientSession]) -> None:
    session = make()
    assert not holds(session, SHARED)
    assert not holds(session, MAC)


def test_closing_drops_the_decapsulation_key_too() -> None:
    """V1-HS-10, V1-LIFE-08: of a handshake that was never answered."""
    assert not holds(closed_while_handshaking(), HELLO.dk[:1152])


def test_nothing_shows_a_key_or_a_payload() -> None:
    session = established()
    shown: list[object] = [HELLO, session, send(session), answer(), session.open_stream(stream())]
    shown += [refused("ISO-6001", session.open_reply, reply) for reply in UNSEALED.values()]
    shown += [refused("ISO-4001", session.open_reply, bad) for bad in (answer(N), answer(key=MAC))]
    shown += [seal_response(VERIFIED, 200, PAYLOAD, ANSWER_N), VERIFIED]
    text = "\n".join(texts_of(value) for value in shown)
    private = {"enc": SHARED, "mac": MAC, "dk": HELLO.dk[:1152], "payload": PAYLOAD}
    assert {name: forms for name, value in private.items() if (forms := leaks(text, value))} == {}
