"""The nine steps: each fault with its code, all combinations of faults in the order of the table, and every edge."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nen_ref.protocol.messages import Headers, Request
from nen_ref.protocol.session import Session, SessionKeys
from nen_ref.protocol.verification import (
    LoadSession,
    NonceAnswer,
    RecordNonce,
    RequestPolicy,
    Verified,
    check_window,
    run,
    verify_request,
)
from tests.protocol.oracle import b64, code_of, leaks, mac, refused, seal, secret, signature, texts_of

NOW = 1_800_000_000_000
SID = "c49d8658-7231-4fa3-8621-0451d379cfa5"
ENC, MAC = secret("enc"), secret("mac")
NAMED, UNNAMED = secret("a named client", 1952), secret("another client", 1952)
N = secret("nonce", 12)
PAYLOAD = b'{"hello":"world"}'
DEFAULT = RequestPolicy()
LAX = RequestPolicy(unsigned_clients=frozenset([NAMED]))


@dataclass
class Store:
    """Sessions and nonces in two plain collections, and every question that was asked."""

    sessions: dict[str, Session] = field(default_factory=dict)
    used: set[tuple[str, bytes]] = field(default_factory=set)
    questions: list[LoadSession | RecordNonce] = field(default_factory=list)

    def load(self, question: LoadSession) -> Session | None:
        self.questions.append(question)
        return self.sessions.get(question.sid)

    def record(self, question: RecordNonce) -> NonceAnswer:
        self.questions.append(question)
        if (question.sid, question.nonce) in self.used:
            return NonceAnswer.USED
        self.used.add((question.sid, question.nonce))
        return NonceAnswer.NEW

    def verify(self, request: Request, now: int = NOW, policy: RequestPolicy = DEFAULT) -> Verified:
        return run(verify_request(request, now, policy), self.load, self.record)


def store(identity: bytes | None = None) -> Store:
    return Store({SID: Session(SID, SessionKeys(ENC, MAC), NOW, identity)})


def request(
    *,
    method: str = "POST",
    path: str = "/api/echo",
    timestamp: object = NOW,
    n: bytes = N,
    payload: bytes = PAYLOAD,
    key: bytes = ENC,
    mac_key: bytes = MAC,
    members: dict[str, object] | None = None,
    body: bytes | None = None,
    headers: dict[str, str | None] | None = None,
    more_headers: Iterable[tuple[str, str]] = (),
) -> Request:
    """A request that is right but for the arguments; `headers` replaces, and with None leaves out."""
    if body is None:
        envelope = {"ct": b64(seal(key, n, payload)), "n": b64(n)} | (members or {})
        body = json.dumps(envelope).encode()
    nonce_text = b64(n) if body else ""
    own: dict[str, str | None] = {
        "X-Nen-Session": SID,
        "X-Nen-Timestamp": str(timestamp),
        "X-Nen-Signature": signature(mac_key, method.upper(), path, str(timestamp), nonce_text),
    }
    pairs = [(name, value) for name, value in (own | (headers or {})).items() if value is not None]
    return Request(method, path, Headers([*pairs, *more_headers]), body)


def test_a_right_request_passes() -> None:
    s = store(UNNAMED)
    verified = s.verify(request())
    assert verified == Verified(s.sessions[SID], PAYLOAD, N, signed=True)
    assert s.questions == [LoadSession(SID), RecordNonce(SID, N, NOW + 30_000)]


@pytest.mark.parametrize("method", ["GET", "get", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "QUERY"])
def test_every_method_may_carry_a_body_or_none(method: str) -> None:
    """V1-REQ-01, V1-REQ-09, V1-STR-05."""
    assert store().verify(request(method=method)).payload == PAYLOAD
    s = store()
    assert s.verify(request(method=method, body=b"")) == Verified(s.sessions[SID], None, None, signed=True)
    assert s.questions == [LoadSession(SID)]


def test_a_request_without_a_body_has_no_nonce_to_replay() -> None:
    """V1-REQ-09: a security consideration, stated there."""
    s = store()
    for _ in range(2):
        assert s.verify(request(body=b"")).payload is None


@pytest.mark.parametrize("payload", [b"null", b"0", b'""', b"[]", b" {} ", b'"\xc3\xa9"', b"[" * 128 + b"]" * 128])
def test_any_json_may_be_sealed(payload: bytes) -> None:
    assert store().verify(request(payload=payload)).payload == payload


# Each step, and the order of the steps -----------------------------------------------------------------------

FAULTS: dict[str, tuple[int, str]] = {
    "no session header": (1, "ISO-2003"),
    "unknown session": (2, "ISO-2002"),
    "wrong shape": (3, "ISO-6001"),
    "not base64": (3, "ISO-6002"),
    "no signature": (4, "ISO-3001"),
    "wrong signature": (5, "ISO-3002"),
    "old": (6, "ISO-3003"),
    "replayed": (7, "ISO-5001"),
    "tampered": (8, "ISO-4001"),
    "not JSON": (9, "ISO-4003"),
}
EXCLUSIVE = [{"wrong shape", "not base64"}, {"no signature", "wrong signature"}]
COMBINATIONS = [
    faults
    for size in range(1, len(FAULTS) + 1)
    for faults in itertools.combinations(FAULTS, size)
    if not any(pair <= set(faults) for pair in EXCLUSIVE)
]


def faulty(faults: Iterable[str]) -> tuple[Store, Request]:
    """A request with just these faults, and a store in which it has them."""
    s = store()
    if "replayed" in faults:
        s.used.add((SID, N))
    sealed = seal(ENC, N, b"not JSON" if "not JSON" in faults else PAYLOAD)
    if "tampered" in faults:
        sealed = sealed[:-1] + bytes([sealed[-1] ^ 1])
    members: dict[str, object] = {"ct": b64(sealed)}
    if "wrong shape" in faults:
        members["ct"] = list(sealed)
    if "not base64" in faults:
        members["ct"] = "*" + b64(sealed)
    headers: dict[str, str | None] = {}
    if "no session header" in faults:
        headers["X-Nen-Session"] = None
    elif "unknown session" in faults:
        headers["X-Nen-Session"] = "another"
    if "no signature" in faults:
        headers["X-Nen-Signature"] = None
    mac_key = bytes(32) if "wrong signature" in faults else MAC
    timestamp = NOW - 30_001 if "old" in faults else NOW
    return s, request(members=members, headers=headers, mac_key=mac_key, timestamp=timestamp)


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_has_its_code(fault: str) -> None:
    s, bad = faulty([fault])
    refused(FAULTS[fault][1], s.verify, bad)


@pytest.mark.parametrize(
    ("first", "second"), [pair for pair in itertools.combinations(FAULTS, 2) if set(pair) not in EXCLUSIVE]
)
def test_of_two_faults_the_first_step_answers(first: str, second: str) -> None:
    """V1-AUTH-10."""
    s, bad = faulty([second, first])
    refused(FAULTS[first][1], s.verify, bad)


def test_of_all_combinations_of_faults_the_first_step_answers_and_asks_no_more_than_it_has_to() -> None:
    """V1-AUTH-10, V1-REPLAY-03, V1-REPLAY-04: the nonce is asked for after step 6, and spent from then on."""
    assert len(COMBINATIONS) == 9 * 64 - 1  # two exclusive pairs, 3 states each, and six free faults
    for faults in COMBINATIONS:
        s, bad = faulty(faults)
        step, code = min(FAULTS[fault] for fault in faults)
        before = set(s.used)
        assert code_of(s.verify, bad) == code, faults
        load, record = LoadSession(bad.headers.get("x-nen-session", "")), RecordNonce(SID, N, NOW + 30_000)
        assert s.questions == [load, record][: 0 if step == 1 else 1 if step < 7 else 2], faults
        assert s.used - before == ({(SID, N)} if step > 7 else set()), faults


def test_a_request_that_does_not_open_has_used_up_its_nonce() -> None:
    """V1-REPLAY-03."""
    s, bad = faulty(["tampered"])
    refused("ISO-4001", s.verify, bad)
    refused("ISO-5001", s.verify, bad)
    refused("ISO-5001", s.verify, request())


@pytest.mark.parametrize("fault", ["wrong shape", "no signature", "wrong signature", "old"])
def test_a_request_refused_before_the_replay_step_spends_nothing(fault: str) -> None:
    """V1-REPLAY-04."""
    s, bad = faulty([fault])
    code_of(s.verify, bad)
    assert s.verify(request()).payload == PAYLOAD


def test_a_session_that_ends_meanwhile_is_unknown() -> None:
    """V1-STORE-01: the third answer of a store."""
    s = store()
    steps = verify_request(request(), NOW)
    refused("ISO-2002", run, steps, s.load, lambda _: NonceAnswer.NO_SESSION)
    steps = verify_request(request(), NOW)
    refused("ISO-2002", run, steps, s.load, lambda _: None)


def test_a_store_that_cannot_answer_lets_nothing_through() -> None:
    """V1-STORE-01."""

    class Down(Exception):
        pass

    def down(_: object) -> Any:
        raise Down

    with pytest.raises(Down):
        run(verify_request(request(), NOW), down, down)
    with pytest.raises(Down):
        run(verify_request(request(), NOW), store().load, down)


def test_nonces_are_those_of_their_session() -> None:
    """V1-REPLAY-05, V1-LIFE-10."""
    s = store()
    s.sessions["other"] = Session("other", SessionKeys(secret("enc 2"), secret("mac 2")), NOW)
    s.verify(request())
    elsewhere: dict[str, str | None] = {"X-Nen-Session": "other"}
    s.verify(request(key=secret("enc 2"), mac_key=secret("mac 2"), headers=elsewhere))
    refused("ISO-3002", s.verify, request(n=bytes(12), headers=elsewhere))
    refused("ISO-4001", s.verify, request(n=bytes(12), headers=elsewhere, mac_key=secret("mac 2")))


# Headers -----------------------------------------------------------------------------------------------------


def test_header_names_are_read_in_any_case() -> None:
    good = request()
    pairs = [(name.swapcase(), value) for name, value in good.headers.items()]
    assert store().verify(Request(good.method, good.path, Headers(pairs), good.body)).signed


@pytest.mark.parametrize(
    ("name", "code"), [("X-Nen-Session", "ISO-2003"), ("X-Nen-Signature", "ISO-3001"), ("X-Nen-Timestamp", "ISO-3002")]
)
@pytest.mark.parametrize("value", [None, ""])
def test_a_header_absent_or_empty(name: str, code: str, value: str | None) -> None:
    """V1-AUTH-01, V1-AUTH-03, V1-AUTH-08."""
    refused(code, store().verify, request(headers={name: value}))


@pytest.mark.parametrize(
    ("name", "code"), [("x-nen-session", "ISO-2002"), ("x-nen-signature", "ISO-3002"), ("x-nen-timestamp", "ISO-3002")]
)
def test_a_repeated_header_fails_its_check(name: str, code: str) -> None:
    """V1-AUTH-14: neither the first of two values nor the last counts, equal ones included."""
    value = request().headers[name]
    for first, second in [(value, value), (value, "x"), ("x", value), (value, ""), ("", value)]:
        twice = request(headers={name.title(): None}, more_headers=[(name, first), (name.upper(), second)])
        refused(code, store().verify, twice)


def test_an_absent_timestamp_is_out_of_the_window_even_where_it_is_signed() -> None:
    """V1-AUTH-08: the canonical string has the empty text for it."""
    refused("ISO-3003", store().verify, request(timestamp="", headers={"X-Nen-Timestamp": None}))
    refused("ISO-3003", check_window, Request("GET", "/"), NOW)


def test_a_repeated_timestamp_is_out_of_the_window_even_where_it_is_signed() -> None:
    """V1-AUTH-14: joined by a comma and a space, it is what the client may have signed, and not a number."""
    joined = f"{NOW}, {NOW}"
    twice: list[tuple[str, str]] = [("X-Nen-Timestamp", str(NOW))] * 2
    repeated = request(timestamp=joined, headers={"X-Nen-Timestamp": None}, more_headers=twice)
    refused("ISO-3003", store().verify, repeated)


GOOD_SIGNATURE = signature(MAC, "POST", "/api/echo", str(NOW), b64(N))


@pytest.mark.parametrize(
    "value",
    [
        " ", "x", GOOD_SIGNATURE + " ", " " + GOOD_SIGNATURE, GOOD_SIGNATURE.rstrip("="), GOOD_SIGNATURE + "=",
        GOOD_SIGNATURE.lower(), GOOD_SIGNATURE[:-2] + chr(ord(GOOD_SIGNATURE[-2]) + 1) + "=", GOOD_SIGNATURE * 2,
        GOOD_SIGNATURE[:-1], GOOD_SIGNATURE.replace("+", "-").replace("/", "_").replace("=", ""), b64(bytes(32)),
        b64(secret("mac")), "é" * 44, "\xff", "null", GOOD_SIGNATURE + "\n", "\udcff", f'"{GOOD_SIGNATURE}"',
    ],
)  # fmt: skip
def test_a_signature_that_is_not_the_one_text_is_refused(value: str) -> None:
    """V1-AUTH-04, V1-AUTH-11."""
    refused("ISO-3002", store().verify, request(headers={"X-Nen-Signature": value}))


@pytest.mark.parametrize(
    "wrong",
    [
        {"method": "PUT"}, {"path": "/api/Echo"}, {"path": "/api/echo/"}, {"path": "/api/echo?"},
        {"path": "/api/ech%6F"}, {"path": "//api/echo"}, {"path": ""}, {"path": "/api/echo\n"}, {"timestamp": NOW + 1},
        {"timestamp": f"0{NOW}"}, {"n": bytes(12)}, {"body": b""},
    ],
)  # fmt: skip
def test_what_was_not_signed_so_is_refused(wrong: dict[str, Any]) -> None:
    """V1-AUTH-05, V1-AUTH-06: the signature of one request does not fit another."""
    refused("ISO-3002", store().verify, request(**wrong, headers={"X-Nen-Signature": GOOD_SIGNATURE}))


def test_the_signature_of_a_bodyless_request_does_not_fit_a_body() -> None:
    bodyless = request(body=b"").headers["x-nen-signature"]
    refused("ISO-3002", store().verify, request(headers={"X-Nen-Signature": bodyless}))


@pytest.mark.parametrize("path", ["/a%20b/%C3%A9", "/%2e%2E/x", "/a//b", "/caf\udce9", "/é", "*", "/;a=b,c"])
def test_a_path_is_signed_as_it_stands(path: str) -> None:
    """V1-AUTH-06."""
    good = request()
    tag = signature_of_bytes(b"POST\n" + path.encode("utf-8", "surrogateescape") + f"\n{NOW}\n{b64(N)}".encode())
    pairs = {**good.headers, "x-nen-signature": tag}
    assert store().verify(Request("POST", path, Headers(pairs.items()), good.body)).signed


def signature_of_bytes(canonical: bytes) -> str:
    return b64(mac(MAC, canonical))


# Window ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("window", [30_000, 1_000, 0])
@pytest.mark.parametrize("side", [-1, 1])
def test_the_edges_of_the_window(window: int, side: int) -> None:
    """V1-AUTH-07: exactly at the edge and 1 ms inside pass, 1 ms outside does not, on both sides."""
    policy = RequestPolicy(window_ms=window)
    for inside in sorted({window, max(window - 1, 0), 0}):
        assert store().verify(request(timestamp=NOW + side * inside), NOW, policy).signed
    for outside in (window + 1, window + 2, NOW // 1000, NOW):
        refused("ISO-3003", store().verify, request(timestamp=NOW + side * outside), NOW, policy)


def test_the_window_is_thirty_seconds_by_default() -> None:
    assert RequestPolicy().window_ms == 30_000


def test_a_nonce_is_kept_until_its_timestamp_can_no_longer_pass() -> None:
    """V1-REPLAY-06: at `keep_until` the request would still pass the window, 1 ms later it would not."""
    for offset in (-30_000, -1, 0, 30_000):
        s = store()
        s.verify(request(timestamp=NOW + offset))
        question = s.questions[1]
        assert isinstance(question, RecordNonce)
        assert question.keep_until == NOW + offset + 30_000
        assert store().verify(request(timestamp=NOW + offset), question.keep_until).signed
        refused("ISO-3003", store().verify, request(timestamp=NOW + offset), question.keep_until + 1)


@pytest.mark.parametrize(
    "text",
    [
        "", " ", f"+{NOW}", f"-{NOW}", f" {NOW}", f"{NOW} ", f"\t{NOW}", f"{NOW}\n", f"{NOW}.0", f"{NOW}.", "1.8e12",
        "18E11", "0x1A3185C5000", "1_800_000_000_000", "1,800,000,000,000", "NaN", "Infinity", "null", "now",
        "2027-01-15T08:00:00Z", "١٨٠٠٠٠٠٠٠٠٠٠٠", "１８０００００００００００", "1800000000000²", "²", "1" * 17,
        f"{NOW:017d}", f"{NOW}ms", f"{NOW}, {NOW}", "9" * 16, "9" * 5000, "0" * 16, "0", "-0",
        "--1", "é", "\x00", f"{NOW}\x00",
    ],
)  # fmt: skip
def test_a_timestamp_that_is_not_digits_inside_the_window_is_refused(text: str) -> None:
    """V1-AUTH-08, V1-AUTH-09, where the signature over that very text is right."""
    s = store()
    refused("ISO-3003", s.verify, request(timestamp=text))
    assert s.questions == [LoadSession(SID)]


@pytest.mark.parametrize("text", [f"{NOW}", f"0{NOW}", f"{NOW:016d}"])
def test_a_timestamp_is_one_to_sixteen_digits(text: str) -> None:
    """V1-AUTH-09."""
    assert store().verify(request(timestamp=text)).signed


def test_a_clock_of_one_digit() -> None:
    assert store().verify(request(timestamp=7), 0).signed
    assert store().verify(request(timestamp="9" * 16), 10**16).signed


# Shape -------------------------------------------------------------------------------------------------------

CT, N_TEXT = b64(seal(ENC, N, PAYLOAD)), b64(N)
SHAPES: dict[str, tuple[object, str]] = {
    "a blank": (b" ", "ISO-6001"),
    "not JSON": (b"{", "ISO-6001"),
    "plain payload": (PAYLOAD, "ISO-6001"),
    "not UTF-8": (b'{"ct":"\xff","n":""}', "ISO-6001"),
    "null": (None, "ISO-6001"),
    "a list": ([CT, N_TEXT], "ISO-6001"),
    "a text": (CT, "ISO-6001"),
    "empty object": ({}, "ISO-6001"),
    "no ct": ({"n": N_TEXT}, "ISO-6001"),
    "no n": ({"ct": CT}, "ISO-6001"),
    "other names": ({"CT": CT, "N": N_TEXT, "iv": N_TEXT}, "ISO-6001"),
    "ct null": ({"ct": None, "n": N_TEXT}, "ISO-6001"),
    "n null": ({"ct": CT, "n": None}, "ISO-6001"),
    "ct a list of numbers": ({"ct": [1, 2, 3], "n": N_TEXT}, "ISO-6001"),
    "n a list of numbers": ({"ct": CT, "n": list(N)}, "ISO-6001"),
    "ct a number": ({"ct": 5, "n": N_TEXT}, "ISO-6001"),
    "n true": ({"ct": CT, "n": True}, "ISO-6001"),
    "ct an object": ({"ct": {"data": CT}, "n": N_TEXT}, "ISO-6001"),
    "n of 11 bytes": ({"ct": CT, "n": b64(N[:-1])}, "ISO-6001"),
    "n of 13 bytes": ({"ct": CT, "n": b64(N + b"\0")}, "ISO-6001"),
    "n of 24 bytes": ({"ct": CT, "n": b64(N * 2)}, "ISO-6001"),
    "n empty": ({"ct": CT, "n": ""}, "ISO-6001"),
    "ct twice": (f'{{"ct":"{CT}","n":"{N_TEXT}","ct":"{CT}"}}'.encode(), "ISO-6001"),
    "n twice": (f'{{"ct":"{CT}","n":"{N_TEXT}","\\u006e":"{N_TEXT}"}}'.encode(), "ISO-6001"),
    "too deep": (f'{{"ct":"{CT}","n":"{N_TEXT}","x":{"[" * 128 + "]" * 128}}}'.encode(), "ISO-6001"),
    "a lone surrogate": (f'{{"ct":"{CT}","n":"{N_TEXT}","x":"\\udc00"}}'.encode(), "ISO-6001"),
    "a number too long": (f'{{"ct":"{CT}","n":"{N_TEXT}","x":{"1" * 4301}}}'.encode(), "ISO-6001"),
    "NaN": (f'{{"ct":"{CT}","n":"{N_TEXT}","x":NaN}}'.encode(), "ISO-6001"),
    "ct not base64": ({"ct": "*" + CT, "n": N_TEXT}, "ISO-6002"),
    "ct URL-safe": ({"ct": "-_-_", "n": N_TEXT}, "ISO-6002"),
    "ct with a line feed": ({"ct": CT + "\n", "n": N_TEXT}, "ISO-6002"),
    "n not base64": ({"ct": CT, "n": "*" * 16}, "ISO-6002"),
    "n hex": ({"ct": CT, "n": N.hex() + "0"}, "ISO-6002"),
    "n with a blank": ({"ct": CT, "n": N_TEXT + " "}, "ISO-6002"),
    "n in URL-safe letters": ({"ct": CT, "n": "-" + N_TEXT[1:]}, "ISO-6002"),
    "n without padding": ({"ct": CT, "n": "QQ"}, "ISO-6002"),
    "a fault in each": ({"ct": "*", "n": 5}, None),  # type: ignore[dict-item]
}


@pytest.mark.parametrize(("body", "code"), SHAPES.values(), ids=SHAPES)
def test_a_body_of_another_shape_is_refused(body: object, code: str | None) -> None:
    """V1-REQ-03, V1-REQ-04, V1-REQ-05, V1-WIRE-03, V1-WIRE-05. Where two members are wrong, either code will do."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    assert code_of(store().verify, request(body=raw)) in ([code] if code else ["ISO-6001", "ISO-6002"])


def test_further_members_are_ignored() -> None:
    """V1-REQ-10, V1-WIRE-04."""
    further: dict[str, object] = {"sessionId": "another", "N": 1, "nonce": b64(bytes(12)), "ct2": [1], "": {"ct": "x"}}
    assert store().verify(request(members=further)).payload == PAYLOAD
    reordered = json.dumps({"x": 1, "n": N_TEXT, "ct": CT}, indent=2).encode()
    assert store().verify(request(body=reordered)).payload == PAYLOAD


@pytest.mark.parametrize("length", [0, 1, 15])
def test_a_ct_shorter_than_a_tag_does_not_open(length: int) -> None:
    """V1-REQ-06."""
    refused("ISO-4001", store().verify, request(members={"ct": b64(bytes(length))}))


SEALED = seal(ENC, N, PAYLOAD)


@pytest.mark.parametrize(
    "sealed",
    [
        bytes(16), SEALED[:-1], SEALED + b"\0", SEALED[1:], SEALED[:-16], SEALED[-16:] + SEALED[:-16],
        SEALED[:-16] + bytes(16), bytes([SEALED[0] ^ 1]) + SEALED[1:], SEALED[:-1] + bytes([SEALED[-1] ^ 0x80]),
        seal(ENC, bytes(12), PAYLOAD), seal(MAC, N, PAYLOAD), SEALED * 2,
    ],
)  # fmt: skip
def test_a_ct_that_does_not_open_is_refused(sealed: bytes) -> None:
    """V1-REQ-07."""
    refused("ISO-4001", store().verify, request(members={"ct": b64(sealed)}))


@pytest.mark.parametrize(
    "payload",
    [
        b"", b" ", b"hello", b"a=1", b"{", b"{}{}", b"NaN", b"\xff", b"\xef\xbb\xbf{}", b'"\\ud800"', b'{"a":1,"a":1}',
        b"[" * 129 + b"]" * 129, b"1" * 4301, "{}".encode("utf-16"),
    ],
)  # fmt: skip
def test_a_payload_that_is_not_json_is_refused(payload: bytes) -> None:
    """V1-REQ-08, V1-WIRE-05."""
    s = store()
    refused("ISO-4003", s.verify, request(payload=payload))
    assert s.used == {(SID, N)}


# Clients that need not sign ----------------------------------------------------------------------------------

UNSIGNED: dict[str, str | None] = {"X-Nen-Signature": None}
FOREVER = 2**63 - 1


def test_nobody_is_exempt_by_default() -> None:
    """V1-AUTH-12."""
    for identity in (None, NAMED, b""):
        refused("ISO-3001", store(identity).verify, request(headers=UNSIGNED))
        refused("ISO-3001", store(identity).verify, request(headers=UNSIGNED, body=b""))
    assert RequestPolicy().unsigned_clients == frozenset()


def test_a_named_client_may_leave_the_signature_out_and_is_seen_to() -> None:
    """V1-AUTH-12: never silently."""
    s = store(NAMED)
    verified = s.verify(request(headers=UNSIGNED), policy=LAX)
    assert (verified.signed, verified.payload, verified.session.identity) == (False, PAYLOAD, NAMED)
    assert store(NAMED).verify(request(headers={"X-Nen-Signature": ""}), policy=LAX).signed is False
    assert store(NAMED).verify(request(), policy=LAX).signed is True


@pytest.mark.parametrize("identity", [None, UNNAMED, b"", NAMED[:-1], NAMED + b"\0"])
def test_others_are_not_exempt(identity: bytes | None) -> None:
    """V1-AUTH-12: never for others, and never for a session without an identity."""
    refused("ISO-3001", store(identity).verify, request(headers=UNSIGNED), NOW, LAX)
    both = RequestPolicy(unsigned_clients=frozenset([NAMED, b""]))
    if identity != b"":
        refused("ISO-3001", store(identity).verify, request(headers=UNSIGNED), NOW, both)


def test_a_session_without_an_identity_never_qualifies() -> None:
    """Not even where the list of names came out wrong."""
    wrong = RequestPolicy(unsigned_clients=frozenset([None]))  # type: ignore[list-item]
    refused("ISO-3001", store(None).verify, request(headers=UNSIGNED), NOW, wrong)


def test_the_nonce_of_an_unsigned_request_is_kept_for_the_session() -> None:
    """V1-AUTH-12: without a signature the timestamp proves nothing."""
    s = store(NAMED)
    s.verify(request(headers=UNSIGNED), policy=LAX)
    assert s.questions[1] == RecordNonce(SID, N, FOREVER)
    refused("ISO-5001", s.verify, request(headers=UNSIGNED, timestamp=NOW + 10**6), NOW + 10**6, LAX)


def test_the_nonce_of_a_signed_request_of_an_exempt_client_is_kept_for_the_session() -> None:
    """V1-AUTH-12: whoever recorded it can strip the signature later and set a fresh timestamp.

    A nonce that is forgotten with its window is new again then, and the request passes a second time, unsigned.
    """
    s = store(NAMED)
    s.verify(request(), policy=LAX)
    question = s.questions[1]
    assert isinstance(question, RecordNonce)
    later = NOW + 31_000
    if question.keep_until < later:
        s.used.clear()  # as a store may, which need not remember longer than it was asked to
    stripped = request(headers=UNSIGNED | {"X-Nen-Timestamp": str(later)})
    refused("ISO-5001", s.verify, stripped, later, LAX)


def test_an_unsigned_request_without_a_body_is_refused() -> None:
    """V1-AUTH-12."""
    s = store(NAMED)
    refused("ISO-3001", s.verify, request(headers=UNSIGNED, body=b""), NOW, LAX)
    assert s.questions == [LoadSession(SID)]


@pytest.mark.parametrize("value", ["x", " ", b64(bytes(32)), GOOD_SIGNATURE + " "])
def test_a_wrong_signature_of_a_named_client_is_wrong(value: str) -> None:
    """Only what is absent may be absent."""
    refused("ISO-3002", store(NAMED).verify, request(headers={"X-Nen-Signature": value}), NOW, LAX)


def test_the_other_steps_are_made_for_a_named_client_too() -> None:
    for faults in COMBINATIONS:
        if "no signature" not in faults or len(faults) < 2:
            continue
        s, bad = faulty(faults)
        s.sessions = store(NAMED).sessions
        code = min(FAULTS[fault] for fault in faults if fault != "no signature")[1]
        assert code_of(s.verify, bad, NOW, LAX) == code, faults


# Anything at all ---------------------------------------------------------------------------------------------

HEADER = st.text(st.characters(max_codepoint=0xFF)) | st.sampled_from([SID, str(NOW), GOOD_SIGNATURE, ""])
NAMES = st.sampled_from(["X-Nen-Session", "x-nen-session", "X-Nen-Timestamp", "X-Nen-Signature", "x-nen-nonce", "x"])
PATHS = st.binary().map(lambda path: path.decode("utf-8", "surrogateescape"))
BODIES = st.binary() | st.sampled_from([request().body, b"", b"{}", b'{"ct":"","n":""}'])


@pytest.mark.bulk
@settings(max_examples=300)
@given(st.sampled_from(["GET", "POST", "get", ""]), PATHS, st.lists(st.tuples(NAMES, HEADER)), BODIES, st.integers())
def test_any_request_is_refused_by_code(
    method: str, path: str, headers: list[tuple[str, str]], body: bytes, now: int
) -> None:
    """V1-ERR-03. None of these is signed, but for chance."""
    for policy in (DEFAULT, LAX):
        code = code_of(store(NAMED).verify, Request(method, path, Headers(headers), body), now, policy)
        assert code in {"ISO-2003", "ISO-2002", "ISO-6001", "ISO-6002", "ISO-3001", "ISO-3002", "ISO-3003", None}
        assert code is not None or (policy is LAX and body == request().body)


def test_neither_what_passed_nor_what_was_refused_shows_a_key_or_a_payload() -> None:
    private = {"enc": ENC, "mac": MAC, "payload": PAYLOAD}
    shown: list[object] = []
    for faults in COMBINATIONS[:60]:
        s, bad = faulty(faults)
        shown += [s.sessions, s.questions, bad, bad.headers, refused(min(FAULTS[f] for f in faults)[1], s.verify, bad)]
    shown += [store().verify(request()), verify_request(request(), NOW)]
    text = "\n".join(texts_of(value) for value in shown)
    assert {name: forms for name, value in private.items() if (forms := leaks(text, value))} == {}
