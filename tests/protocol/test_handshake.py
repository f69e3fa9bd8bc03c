"""The handshake, both sides, against the ML-KEM of OpenSSL and of kyber-py."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from kyber_py.ml_kem import ML_KEM_768

from nen_ref.primitives.suite import REFERENCE
from nen_ref.protocol.handshake import Accepted, ClientHello, IdentityPolicy, client_finish, client_hello, respond
from nen_ref.protocol.identity import Identity
from nen_ref.protocol.messages import Reply, error_reply
from nen_ref.protocol.session import SessionKeys
from tests.protocol.oracle import (
    BASE64_TEXTS,
    JSON_VALUES,
    KemPeer,
    Signer,
    b64,
    code_of,
    encapsulate,
    leaks,
    refused,
    secret,
    texts_of,
    unb64,
)

PEER = KemPeer("client")
SIGNER, STRANGER = Signer("identity"), Signer("stranger")
M, MAC_KEY, SID, NOW = secret("m"), secret("mac key"), "c49d8658-7231-4fa3-8621-0451d379cfa5", 1_800_000_000_000
SIGNED = SIGNER.members(PEER.ek)
ANYONE = IdentityPolicy()
FURTHER = {"v": 1, "sid": "mine", "hmac": [1], "ct": None, "": {"pk": "x"}, "PK": "x", "securityMode": "hybrid"}


def answer(members: object, policy: IdentityPolicy = ANYONE) -> Accepted:
    """What the server makes of a handshake with these members, or this body."""
    body = members if isinstance(members, bytes) else json.dumps(members).encode()
    return respond(body, m=M, mac_key=MAC_KEY, sid=SID, now=NOW, policy=policy)


# Server ------------------------------------------------------------------------------------------------------


def test_the_server_answers_with_three_texts() -> None:
    """V1-HS-01: the ciphertext is that of kyber-py, and opens with OpenSSL to the key of the session."""
    accepted = answer({"pk": b64(PEER.ek)})
    reply = accepted.reply
    shared_secret, ct = ML_KEM_768._encaps_internal(PEER.ek, M)
    assert reply.status == 200
    assert dict(reply.headers) == {"content-type": "application/json"}
    assert json.loads(reply.body) == {"sid": SID, "ct": b64(ct), "hmac": b64(MAC_KEY)}
    assert len(ct) == 1088
    assert PEER.decapsulate(ct) == shared_secret == accepted.session.keys.enc  # V1-HS-06
    assert accepted.session.keys.mac == MAC_KEY
    assert (accepted.session.sid, accepted.session.created_at, accepted.session.identity) == (SID, NOW, None)


def test_the_same_arguments_give_the_same_bytes() -> None:
    members = {"pk": b64(PEER.ek), **SIGNED}
    assert answer(members) == answer(members)
    body = json.dumps(members).encode()
    others = [
        respond(body, m=secret("another m"), mac_key=MAC_KEY, sid=SID, now=NOW),
        respond(body, m=M, mac_key=secret("another mac key"), sid=SID, now=NOW),
        respond(body, m=M, mac_key=MAC_KEY, sid="another", now=NOW),
    ]
    bodies = {accepted.reply.body for accepted in [answer(members), *others]}
    assert len(bodies) == 4
    assert {accepted.session.keys.enc for accepted in others[1:]} == {answer(members).session.keys.enc}  # V1-HS-07


def test_further_members_are_ignored() -> None:
    """V1-WIRE-04."""
    assert answer({**FURTHER, "pk": b64(PEER.ek)}) == answer({"pk": b64(PEER.ek)})
    assert answer(json.dumps({"pk": b64(PEER.ek)}, indent=4).encode() + b"\r\n ") == answer({"pk": b64(PEER.ek)})


def with_coefficient(index: int, value: int) -> bytes:
    """PEER.ek with one of its 768 coefficients, 12 bits each, replaced."""
    start = index // 2 * 3
    pair = int.from_bytes(PEER.ek[start : start + 3], "little")
    shift = index % 2 * 12
    pair = pair & ~(0xFFF << shift) | value << shift
    return PEER.ek[:start] + pair.to_bytes(3, "little") + PEER.ek[start + 3 :]


PK = b64(PEER.ek)
REFUSALS: dict[str, tuple[object, str]] = {
    "empty body": (b"", "ISO-1001"),
    "form": (b"pk=" + PK.encode(), "ISO-1001"),
    "not UTF-8": (b'{"pk":"\xff"}', "ISO-1001"),
    "a list": ([{"pk": PK}], "ISO-1001"),
    "a text": (PK, "ISO-1001"),
    "null": (None, "ISO-1001"),
    "pk twice": (f'{{"pk":"{PK}","pk":"{PK}"}}'.encode(), "ISO-1001"),
    "another member twice": (f'{{"pk":"{PK}","x":{{"a":1,"a":1}}}}'.encode(), "ISO-1001"),
    "nested too deep": (f'{{"pk":"{PK}","x":{"[" * 128 + "]" * 128}}}'.encode(), "ISO-1001"),
    "a lone surrogate": (f'{{"pk":"{PK}","x":"\\ud800"}}'.encode(), "ISO-1001"),
    "a number too long": (f'{{"pk":"{PK}","x":{"1" * 4301}}}'.encode(), "ISO-1001"),
    "followed by more": (json.dumps({"pk": PK}).encode() + b"{}", "ISO-1001"),
    "no pk": ({}, "ISO-1001"),
    "another name": ({"PK": PK, "publicKey": PK, "ek": PK, "pk_kem": PK}, "ISO-1001"),
    "pk null": ({"pk": None}, "ISO-1001"),
    "pk empty": ({"pk": ""}, "ISO-1001"),
    "pk a number": ({"pk": 1184}, "ISO-1001"),
    "pk false": ({"pk": False}, "ISO-1001"),
    "pk a list of numbers": ({"pk": list(PEER.ek)}, "ISO-1001"),
    "pk a list of a text": ({"pk": [PK]}, "ISO-1001"),
    "pk an object": ({"pk": dict(enumerate(PEER.ek))}, "ISO-1001"),
    "pk hex": ({"pk": PEER.ek.hex()}, "ISO-1002"),  # hex of 1184 bytes happens to be base64 of 1776
    "pk with white space": ({"pk": PK[:64] + "\n" + PK[64:]}, "ISO-6002"),
    "pk followed by a line feed": ({"pk": PK + "\n"}, "ISO-6002"),
    "pk without padding": ({"pk": PK.rstrip("=")}, "ISO-6002"),
    "pk padded once more": ({"pk": PK + "===="}, "ISO-6002"),
    "pk URL-safe": ({"pk": PK.replace("+", "-").replace("/", "_")}, "ISO-6002"),
    "pk unused bits": ({"pk": PK[:-2] + chr(ord(PK[-2]) + 1) + "="}, "ISO-6002"),
    "pk a blank": ({"pk": " "}, "ISO-6002"),
    "pk not ASCII": ({"pk": PK[:-4] + "éééé"}, "ISO-6002"),
    "pk one byte": ({"pk": "AA=="}, "ISO-1002"),
    "pk short": ({"pk": b64(PEER.ek[:-1])}, "ISO-1002"),
    "pk long": ({"pk": b64(PEER.ek + b"\0")}, "ISO-1002"),
    "pk of ML-KEM-512": ({"pk": b64(bytes(800))}, "ISO-1002"),
    "pk of ML-KEM-1024": ({"pk": b64(bytes(1568))}, "ISO-1002"),
    "pk twice over": ({"pk": b64(PEER.ek * 2)}, "ISO-1002"),
    "first coefficient q": ({"pk": b64(with_coefficient(0, 3329))}, "ISO-1002"),
    "odd coefficient q": ({"pk": b64(with_coefficient(1, 3329))}, "ISO-1002"),
    "last coefficient 4095": ({"pk": b64(with_coefficient(767, 4095))}, "ISO-1002"),
    "all ones": ({"pk": b64(b"\xff" * 1184)}, "ISO-1002"),
    "identity before key check": ({"pk": b64(PEER.ek[:-1]), **SIGNED}, "ISO-3004"),
    "identity over a bad key": ({"pk": b64(PEER.ek[:-1]), **SIGNER.members(PEER.ek[:-1])}, "ISO-1002"),
    "pk before identity": ({"pk": "?", "sigPk": 5}, "ISO-6002"),
    "half an identity": ({"pk": PK, "sigPk": SIGNED["sigPk"]}, "ISO-3004"),
    "another's identity": ({"pk": PK, **SIGNED, "sigPk": b64(STRANGER.spki)}, "ISO-3004"),
}


@pytest.mark.parametrize(("members", "code"), REFUSALS.values(), ids=REFUSALS)
def test_the_server_refuses(members: object, code: str) -> None:
    refused(code, answer, members)


def test_a_key_with_every_coefficient_just_below_q_is_taken() -> None:
    """V1-HS-05 is a bound, not a guess at what looks random."""
    ek = with_coefficient(0, 3328)
    ct = unb64(json.loads(answer({"pk": b64(ek)}).reply.body)["ct"])
    assert ct == ML_KEM_768._encaps_internal(ek, M)[1]


@given(st.binary())
def test_any_bytes_are_answered_or_refused_by_code(body: bytes) -> None:
    assert code_of(answer, body) == "ISO-1001"


@given(JSON_VALUES | BASE64_TEXTS)
def test_any_value_of_pk_is_refused_by_code(value: object) -> None:
    code = code_of(answer, {"pk": value})
    if not isinstance(value, str) or not value:
        assert code == "ISO-1001"
    else:
        assert code in ("ISO-6002", "ISO-1002")


@given(st.sampled_from(["sigPk", "sigOfPk"]), JSON_VALUES | BASE64_TEXTS)
def test_any_value_of_the_identity_is_refused_by_code(name: str, value: object) -> None:
    assert code_of(answer, {"pk": PK, **SIGNED, name: value}) == "ISO-3004"


@given(st.dictionaries(st.sampled_from(["pk", "sigPk", "sigOfPk", "x"]), JSON_VALUES | st.sampled_from([PK])))
def test_any_object_is_answered_or_refused_by_code(members: dict[str, object]) -> None:
    allowed = {"ISO-1001", "ISO-1002", "ISO-3004", "ISO-6002"}
    if members.get("pk") == PK and not {"sigPk", "sigOfPk"} & set(members):
        allowed = {None}  # type: ignore[arg-type]
    assert code_of(answer, members) in allowed


REQUIRED = IdentityPolicy(required=True)
PINNED = IdentityPolicy(pinned=frozenset([SIGNER.pk]))
BOTH = IdentityPolicy(required=True, pinned=frozenset([SIGNER.pk, bytes(1952)]))


@pytest.mark.parametrize(
    ("policy", "identity", "code"),
    [
        (ANYONE, {}, None),
        (ANYONE, SIGNED, None),
        (ANYONE, STRANGER.members(PEER.ek), None),
        (REQUIRED, {}, "ISO-3004"),
        (REQUIRED, SIGNED, None),
        (REQUIRED, STRANGER.members(PEER.ek), None),
        (REQUIRED, {"sigPk": SIGNED["sigPk"]}, "ISO-3004"),
        (PINNED, {}, "ISO-3004"),
        (PINNED, SIGNED, None),
        (PINNED, {**SIGNED, "sigPk": b64(SIGNER.pk)}, None),
        (PINNED, STRANGER.members(PEER.ek), "ISO-3004"),
        (PINNED, {**STRANGER.members(PEER.ek), "sigPk": b64(SIGNER.spki)}, "ISO-3004"),
        (BOTH, {}, "ISO-3004"),
        (BOTH, SIGNED, None),
        (BOTH, STRANGER.members(PEER.ek), "ISO-3004"),
    ],
)
def test_a_policy_says_which_clients_are_served(
    policy: IdentityPolicy, identity: dict[str, str], code: str | None
) -> None:
    """V1-ID-06."""
    assert code_of(answer, {"pk": PK, **identity}, policy) == code


def test_a_session_carries_the_key_that_was_proven() -> None:
    assert answer({"pk": PK, **SIGNED}).session.identity == SIGNER.pk
    assert answer({"pk": PK}).session.identity is None


# Client ------------------------------------------------------------------------------------------------------


def hello(identity: Identity | None = None) -> ClientHello:
    return client_hello(PEER.d, PEER.z, identity)


HELLO = hello()
SHARED, CT = ML_KEM_768._encaps_internal(PEER.ek, M)
GOOD: dict[str, Any] = {"sid": SID, "ct": b64(CT), "hmac": b64(MAC_KEY)}


def finish(members: object, status: int = 200) -> tuple[str, SessionKeys]:
    body = members if isinstance(members, bytes) else json.dumps(members).encode()
    return client_finish(HELLO, Reply(status, {"content-type": "application/json"}, body))


def test_the_client_sends_its_key() -> None:
    assert json.loads(HELLO.body) == {"pk": b64(PEER.ek)}
    assert HELLO.ek == PEER.ek
    assert hello() == HELLO
    assert client_hello(PEER.z, PEER.d).ek != PEER.ek


def test_the_client_sends_its_identity() -> None:
    """V1-ID-01, V1-ID-02: the key as SubjectPublicKeyInfo, the signature over the raw bytes of ek."""
    body = hello(Identity.from_seed(SIGNER.seed)).body
    members = json.loads(body)
    assert members == {"pk": PK, "sigPk": b64(SIGNER.spki), "sigOfPk": members["sigOfPk"]}
    SIGNER.verifies(unb64(members["sigOfPk"]), PEER.ek)
    assert hello(Identity.from_seed(SIGNER.seed)).body == body
    hedged = client_hello(PEER.d, PEER.z, Identity.from_seed(SIGNER.seed), secret("rnd"))
    assert hedged.body != body
    SIGNER.verifies(unb64(json.loads(hedged.body)["sigOfPk"]), PEER.ek)


def test_the_client_has_the_keys_of_the_answer() -> None:
    assert finish(GOOD) == (SID, SessionKeys(SHARED, MAC_KEY))
    assert finish({"v": 2, "more": [], **dict(reversed(GOOD.items()))}) == (SID, SessionKeys(SHARED, MAC_KEY))
    shared, ct = encapsulate(PEER.ek)
    assert finish({**GOOD, "ct": b64(ct)}, 201) == (SID, SessionKeys(shared, MAC_KEY))
    assert finish(answer(HELLO.body).reply.body) == (SID, answer(HELLO.body).session.keys)


def test_a_tampered_ciphertext_gives_another_key_and_no_error() -> None:
    """Implicit rejection: FIPS 203, algorithm 18."""
    tampered = bytes([CT[0] ^ 1]) + CT[1:]
    _, keys = finish({**GOOD, "ct": b64(tampered)})
    assert keys == SessionKeys(PEER.decapsulate(tampered), MAC_KEY)
    assert keys.enc != SHARED


MALFORMED: dict[str, object] = {
    "empty body": b"",
    "a page": b"<!doctype html><title>404</title>",
    "not UTF-8": json.dumps(GOOD).encode() + b"\xff",
    "a list": [GOOD],
    "null": None,
    "a refusal": error_reply(refused("ISO-1002", answer, {"pk": "AA=="})).body,
    "sid twice": b'{"sid":"a",' + json.dumps(GOOD).encode()[1:],
    "no sid": {name: GOOD[name] for name in ("ct", "hmac")},
    "no ct": {name: GOOD[name] for name in ("sid", "hmac")},
    "no hmac": {name: GOOD[name] for name in ("sid", "ct")},
    "other names": {"sessionId": SID, "ciphertext": b64(CT), "hmacKey": b64(MAC_KEY)},
    "sid null": {**GOOD, "sid": None},
    "sid empty": {**GOOD, "sid": ""},
    "sid a number": {**GOOD, "sid": 5},
    "sid a list": {**GOOD, "sid": [SID]},
    "sid with a line feed": {**GOOD, "sid": "a\nx-nen-signature: b"},
    "sid with CRLF": {**GOOD, "sid": "a\r\n\r\nGET / HTTP/1.1"},
    "sid with a NUL": {**GOOD, "sid": "a\0"},
    "sid not ASCII": {**GOOD, "sid": "é"},
    "sid a blank": {**GOOD, "sid": " "},
    "sid in blanks": {**GOOD, "sid": " a "},
    "sid with a delete character": {**GOOD, "sid": "a\x7f"},
    "ct null": {**GOOD, "ct": None},
    "ct a list of numbers": {**GOOD, "ct": list(CT)},
    "ct empty": {**GOOD, "ct": ""},
    "ct short": {**GOOD, "ct": b64(CT[:-1])},
    "ct long": {**GOOD, "ct": b64(CT + b"\0")},
    "ct of ML-KEM-512": {**GOOD, "ct": b64(bytes(768))},
    "ct not base64": {**GOOD, "ct": "*" + b64(CT)[1:]},
    "ct hex": {**GOOD, "ct": CT.hex()},
    "ct without padding": {**GOOD, "ct": b64(CT).rstrip("=")},
    "ct with a line feed": {**GOOD, "ct": b64(CT) + "\n"},
    "hmac null": {**GOOD, "hmac": None},
    "hmac a list of numbers": {**GOOD, "hmac": list(MAC_KEY)},
    "hmac empty": {**GOOD, "hmac": ""},
    "hmac short": {**GOOD, "hmac": b64(MAC_KEY[:-1])},
    "hmac long": {**GOOD, "hmac": b64(MAC_KEY + b"\0")},
    "hmac hex": {**GOOD, "hmac": MAC_KEY.hex()},
    "hmac URL-safe": {**GOOD, "hmac": b64(b"\xff" * 32).replace("/", "_")},
}


@pytest.mark.parametrize("members", MALFORMED.values(), ids=MALFORMED)
def test_the_client_refuses_an_answer_it_cannot_use(members: object) -> None:
    """V1-HS-12, V1-HS-13."""
    refused("ISO-1004", finish, members)


@pytest.mark.parametrize("status", [100, 199, 300, 301, 400, 401, 404, 409, 500, 502, 503, 599])
def test_the_client_refuses_a_status_that_is_not_success(status: int) -> None:
    """V1-HS-12, whatever the body holds."""
    refused("ISO-1004", finish, GOOD, status)


def test_the_code_that_the_server_gave_is_in_the_detail() -> None:
    error = refused("ISO-1004", finish, MALFORMED["a refusal"], 500)
    assert "500" in error.detail
    assert "ISO-1002" in error.detail


@given(st.binary(), st.integers(200, 299))
def test_any_answer_is_refused_by_code(body: bytes, status: int) -> None:
    assert code_of(finish, body, status) == "ISO-1004"


@given(st.sampled_from(["sid", "ct", "hmac"]), JSON_VALUES | BASE64_TEXTS)
def test_any_value_in_an_answer_is_taken_or_refused_by_code(name: str, value: object) -> None:
    if name == "sid" and isinstance(value, str) and value.isascii() and value.isprintable():
        assume(value.strip() != value or not value)  # anything else is a usable sid
    if name == "hmac" and isinstance(value, str):
        assume(len(value) != 44)
    assert code_of(finish, {**GOOD, name: value}) == "ISO-1004"


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1))
def test_a_sid_is_opaque(sid: str) -> None:
    """V1-HS-09: anything that can stand in a header is a session id."""
    assert finish({**GOOD, "sid": sid})[0] == sid


@pytest.mark.parametrize("damaged", [HELLO.dk[:-1], b"", HELLO.dk[:2336] + bytes(32) + HELLO.dk[2368:]])
def test_a_damaged_decapsulation_key_fails_the_handshake(damaged: bytes) -> None:
    """FIPS 203, section 7.3: its length and its hash are checked."""
    reply = Reply(200, {}, json.dumps(GOOD).encode())
    refused("ISO-1002", client_finish, dataclasses.replace(HELLO, dk=damaged), reply)


@pytest.mark.parametrize("m", [b"", bytes(31), bytes(33)])
def test_randomness_of_another_length_makes_no_session(m: bytes) -> None:
    body = json.dumps({"pk": PK}).encode()
    assert code_of(respond, body, m=m, mac_key=MAC_KEY, sid=SID, now=NOW) == "ISO-1002"


# Secrets -----------------------------------------------------------------------------------------------------

DK_PKE = HELLO.dk[:1152]  # of dk; what follows is ek, its hash, and z
SECRETS = {
    "d": PEER.d,
    "z": PEER.z,
    "m": M,
    "dk": DK_PKE,
    "shared secret": SHARED,
    "mac key": MAC_KEY,
    "identity seed": SIGNER.seed,
    "identity sk": REFERENCE.ml_dsa_65_keygen(SIGNER.seed).sk[32:64],  # K; what precedes it, rho, is public
}


def test_the_search_for_secrets_finds_them() -> None:
    for shown in (MAC_KEY.hex(), MAC_KEY.hex(" "), b64(MAC_KEY), repr(MAC_KEY), f"x{MAC_KEY!r}", str(list(MAC_KEY))):
        assert leaks(shown, MAC_KEY)
    assert leaks(MAC_KEY[9:20].hex().upper(), MAC_KEY)
    assert leaks(repr(bytearray(MAC_KEY)), MAC_KEY)
    assert not leaks(repr(M) + M.hex() + b64(M), MAC_KEY)


def test_no_object_shows_a_secret() -> None:
    identity = Identity.from_seed(SIGNER.seed)
    accepted = answer({"pk": PK, **SIGNED})
    shown = [
        identity, hello(identity), accepted, accepted.reply, accepted.session, accepted.session.keys, finish(GOOD),
        dataclasses.replace(accepted), [accepted], {"a": accepted}, IdentityPolicy(pinned=frozenset([SIGNER.pk])),
    ]  # fmt: skip
    text = "\n".join(texts_of(value) for value in shown)
    assert {name: forms for name, value in SECRETS.items() if (forms := leaks(text, value))} == {}


def test_no_exception_shows_a_secret() -> None:
    errors = [refused(code, answer, members) for members, code in REFUSALS.values()]
    errors += [refused("ISO-1004", finish, members) for members in MALFORMED.values()]
    errors += [refused("ISO-1004", finish, GOOD, 500), refused("ISO-3004", answer, {"pk": PK}, PINNED)]
    reply = Reply(200, {}, json.dumps(GOOD).encode())
    errors.append(refused("ISO-1002", client_finish, dataclasses.replace(HELLO, dk=DK_PKE), reply))
    text = "\n".join(texts_of(error) for error in errors)
    assert {name: forms for name, value in SECRETS.items() if (forms := leaks(text, value))} == {}
