"""The error catalogue against the table of the published protocol, typed here once more."""

from __future__ import annotations

import json
import pickle
import re

import pytest

from nen_ref.protocol import errors
from nen_ref.protocol.errors import CATALOGUE, ErrorCode, NenError, error_body, failure
from nen_ref.protocol.messages import Headers, Reply, error_reply, reported_code
from tests.protocol.oracle import texts_of

TABLE = """
ISO-1001 400 HANDSHAKE_MISSING_PUBLIC_KEY
ISO-1002 500 HANDSHAKE_FAILED
ISO-1003 503 HANDSHAKE_NETWORK
ISO-1004 502 HANDSHAKE_BAD_RESPONSE
ISO-2001 409 SESSION_NOT_INITIALIZED
ISO-2002 401 SESSION_INVALID_OR_EXPIRED
ISO-2003 401 SESSION_HEADER_MISSING
ISO-3001 401 AUTH_SIGNATURE_MISSING
ISO-3002 401 AUTH_SIGNATURE_INVALID
ISO-3003 401 AUTH_TIMESTAMP_OUT_OF_WINDOW
ISO-3004 401 AUTH_IDENTITY_SIGNATURE_INVALID
ISO-3005 401 AUTH_NONCE_MISSING
ISO-3006 401 AUTH_SERVER_IDENTITY_INVALID
ISO-3007 401 AUTH_TRANSCRIPT_MISMATCH
ISO-4001 400 CRYPTO_DECRYPT_FAILED
ISO-4002 500 CRYPTO_ENCRYPT_FAILED
ISO-4003 400 CRYPTO_PAYLOAD_NOT_JSON
ISO-5001 409 REPLAY_NONCE_REUSED
ISO-6001 400 WIRE_INVALID_PAYLOAD_FORMAT
ISO-6002 400 WIRE_DECODE_FAILED
ISO-7001 502 STREAM_MISSING_NONCE_HEADER
ISO-7002 502 STREAM_REQUEST_FAILED
ISO-9000 500 INTERNAL
"""
ROWS = [tuple(line.split()) for line in TABLE.strip().splitlines()]
FAMILIES = {
    "1": "HandshakeError",
    "2": "SessionError",
    "3": "AuthError",
    "4": "CryptoError",
    "5": "ReplayError",
    "6": "WireError",
    "7": "StreamError",
    "9": "InternalError",
}
entries = pytest.mark.parametrize("entry", CATALOGUE.values(), ids=CATALOGUE)


def test_the_catalogue_is_the_published_table() -> None:
    assert [(entry.code, str(entry.status), entry.name) for entry in CATALOGUE.values()] == ROWS


def test_every_code_of_the_module_is_in_the_catalogue_under_its_own_name() -> None:
    defined = {name: value for name, value in vars(errors).items() if isinstance(value, ErrorCode)}
    assert list(defined) == [entry.name for entry in CATALOGUE.values()]
    assert len({entry.code for entry in defined.values()}) == len(defined) == 23
    assert all(code == entry.code for code, entry in CATALOGUE.items())


@entries
def test_an_entry_is_of_use_to_who_looks_it_up(entry: ErrorCode) -> None:
    assert entry.causes
    assert entry.tell
    for sentence in (entry.message, entry.hint, entry.fix, *entry.causes, *entry.tell):
        assert re.fullmatch(r"\S.*\.", sentence), sentence


def test_the_side_that_raises_a_code_is_the_published_one() -> None:
    """The published table; and "both" where a step that both sides take (opening, shape, base64) raises the code."""
    sides = {entry.code: entry.side for entry in CATALOGUE.values()}
    assert set(sides.values()) == {"server", "client", "both"}
    client = ["ISO-1003", "ISO-1004", "ISO-2001", "ISO-3006", "ISO-3007", "ISO-7001", "ISO-7002"]
    assert [code for code, side in sides.items() if side == "client"] == client
    assert [code for code, side in sides.items() if side == "both"] == ["ISO-1002", "ISO-4001", "ISO-6001", "ISO-6002"]


def test_messages_are_safe_texts_of_their_own() -> None:
    """V1-ERR-02: one text for one code, and nothing in it that could be filled in."""
    messages = [entry.message for entry in CATALOGUE.values()]
    assert len(set(messages)) == len(messages)
    assert not [message for message in messages if re.search(r"[{}%`\\<>]|\d", message)]


@entries
def test_the_body_of_a_refusal_holds_code_and_message_only(entry: ErrorCode) -> None:
    """V1-ERR-01, V1-ERR-02."""
    plain, detailed = (error_reply(failure(entry, detail)) for detail in ("", "secret detail"))
    assert plain == detailed
    assert plain.status == entry.status
    assert dict(plain.headers) == {"content-type": "application/json"}
    assert json.loads(plain.body) == {"error": {"code": entry.code, "message": entry.message}}
    assert plain.body == error_body(entry)
    for private in (entry.hint, entry.fix, *entry.causes):
        assert private.encode() not in plain.body


def test_the_body_of_a_refusal_byte_by_byte() -> None:
    """Compact, like every other body."""
    expected = b'{"error":{"code":"ISO-2003","message":"The request names no session."}}'
    assert error_body(CATALOGUE["ISO-2003"]) == expected


@entries
def test_an_error_is_of_the_class_of_its_family(entry: ErrorCode) -> None:
    error = failure(entry, "the detail", remote=True)
    assert type(error).__name__ == FAMILIES[entry.code[4]]
    assert isinstance(error, NenError)
    assert (error.code, error.status, error.detail, error.remote) == (entry.code, entry.status, "the detail", True)
    assert str(error) == f"{entry.code} {entry.name} (answered by the server): the detail"
    assert str(failure(entry)) == f"{entry.code} {entry.name}"
    assert not failure(entry).remote
    assert repr(error) == f"{FAMILIES[entry.code[4]]}({entry.code}, 'the detail')"
    assert entry.code in texts_of(error)


@entries
def test_an_error_goes_through_pickle(entry: ErrorCode) -> None:
    """As between the processes of pytest-xdist, or of a server's workers."""
    error = failure(entry, "the detail", remote=True)
    assert error.args == (entry, "the detail")
    copied = pickle.loads(pickle.dumps(error))
    assert type(copied) is type(error)
    assert (copied.entry, copied.detail, copied.remote) == (entry, "the detail", True)


def test_an_error_of_ones_own_has_no_detail_by_default() -> None:
    error = NenError(CATALOGUE["ISO-2003"])
    assert (error.detail, error.remote) == ("", False)
    assert str(error) == "ISO-2003 SESSION_HEADER_MISSING"


@entries
def test_the_code_of_a_refusal_is_read_back(entry: ErrorCode) -> None:
    assert reported_code(error_body(entry)) == entry.code
    further = {"error": {"message": 5, "code": entry.code, "more": []}, "more": None}
    assert reported_code(json.dumps(further).encode()) == entry.code


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b"{}", b"ISO-2002", b'"ISO-2002"', b'{"code":"ISO-2002"}', b'{"error":"ISO-2002"}',
        b'{"error":null}', b'{"error":["ISO-2002"]}', b'{"error":{}}', b'{"error":{"code":2002}}',
        b'{"error":{"code":null}}', b'{"error":{"code":["ISO-2002"]}}', b'{"error":{"code":{"ISO-2002":1}}}',
        b'{"error":{"code":"iso-2002"}}', b'{"error":{"code":"ISO-2004"}}', b'{"error":{"code":"ISO-2002 "}}',
        b'{"error":{"code":"ISO-2002"},"error":{"code":"ISO-2002"}}', b'\xff{"error":{"code":"ISO-2002"}}',
    ],
)  # fmt: skip
def test_what_is_no_refusal_has_no_code(body: bytes) -> None:
    assert reported_code(body) is None


def test_headers_show_their_names_only() -> None:
    assert repr(Headers([("X-Nen-Session", "secret"), ("Content-Type", "x")])) == "Headers(x-nen-session, content-type)"
    assert repr(Headers()) == "Headers()"


def test_a_reply_does_not_show_its_body() -> None:
    assert "secret" not in texts_of(Reply(200, {}, b"secret"))
