"""The suite's own client in each version: right by the specification, and wrong where a case tampers with it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nen_ref.conformance.peer import Answer, Draft, PeerSession, hello, now_ms, resume_draft, resumed
from nen_ref.primitives.suite import REFERENCE
from nen_ref.protocol.errors import NenError
from nen_ref.protocol.handshake import Accepted
from nen_ref.protocol.handshake_v3 import SecurityMode
from nen_ref.protocol.identity import Identity
from nen_ref.protocol.messages import Headers, Reply, Request
from nen_ref.protocol.resumption import Declined
from nen_ref.protocol.session import Session, SessionKeys
from nen_ref.protocol.tickets import TicketKeys
from nen_ref.protocol.verification import LoadSession, NonceAnswer, Verified, run, verify_request
from nen_ref.protocol.versions import V3, VERSIONS, ClientTerms, ServerTerms, Version
from nen_ref.protocol.wire import encode_base64

KEYS = SessionKeys(bytes(range(32)), bytes(range(32, 64)))
TERMS = ServerTerms(TicketKeys(bytes(32)))

every_version = pytest.mark.parametrize("version", VERSIONS.values(), ids=str)


def session_in(version: Version) -> PeerSession:
    return PeerSession("sid", KEYS, version)


def verified(draft: Draft, version: Version) -> Verified:
    """What a server of the version makes of a draft; NenError if it refuses."""
    request = Request(draft.method, draft.target.partition("?")[0], Headers(draft.headers), draft.body or b"")

    def load(question: LoadSession) -> Session:
        return Session("sid", KEYS, now_ms(), family=version.family)

    return run(verify_request(request, now_ms(), versions=(version,)), load, lambda _: NonceAnswer.NEW)


def refusal(draft: Draft, version: Version) -> str:
    with pytest.raises(NenError) as caught:
        verified(draft, version)
    return caught.value.code


@every_version
def test_a_draft_is_right_in_the_version_of_its_session(version: Version) -> None:
    session = session_in(version)
    whole = session.draft("POST", "/api/echo?x=1", b'{"a":1}')
    assert verified(whole, version).payload == b'{"a":1}'
    assert verified(whole, version).n == whole.n
    assert verified(session.draft("GET", "/api/echo", None), version).payload is None


@every_version
def test_a_draft_of_another_version_is_refused(version: Version) -> None:
    for other in VERSIONS.values():
        if other.nonce_in_header != version.nonce_in_header:
            codes = {refusal(session_in(other).draft("POST", "/api/echo", body), version) for body in (b"{}", None)}
            assert codes == ({"ISO-3005"} if version.nonce_in_header else {"ISO-6001", "ISO-3002"})


@every_version
def test_nonce_and_ciphertext_are_found_again(version: Version) -> None:
    session, n = session_in(version), bytes(range(12))
    draft = session.draft("POST", "/api/echo", b"{}", n=n)
    assert (draft.n, draft.nonce_text) == (n, encode_base64(n))
    assert REFERENCE.aead_open(KEYS.enc, n, draft.ct) == b"{}"
    again = session.draft("POST", "/api/echo", envelope=draft.envelope)
    assert verified(again, version).payload == b"{}"
    assert again.body == draft.body


@every_version
def test_tampering_is_seen(version: Version) -> None:
    session = session_in(version)
    draft = session.draft("POST", "/api/echo", b"{}")
    assert refusal(draft.with_nonce(encode_base64(bytes(12))), version) == "ISO-3002"
    assert refusal(session.draft("POST", "/api/echo", b"{}", nonce="x"), version) == "ISO-3002"
    assert refusal(session.draft("POST", "/api/echo", b"{}", carried="!!!!"), version) == "ISO-6002"
    assert refusal(session.draft("POST", "/api/echo", b"{}", carried=encode_base64(bytes(11))), version) == "ISO-6001"
    assert refusal(session.draft("POST", "/api/echo", b"{}", key=bytes(32)), version) == "ISO-3002"
    assert refusal(draft.with_members(ct=encode_base64(bytes(20))), version) == "ISO-4001"
    assert refusal(session.draft("POST", "/api/echo", body=b"[]"), version) == "ISO-6001"


def answered(body: bytes, version: Version, terms: ServerTerms = TERMS) -> tuple[Answer, Session]:
    accepted = version.respond(body, terms, lambda size: bytes([7]) * size, "sid", now_ms(), REFERENCE)
    assert isinstance(accepted, Accepted)
    reply = accepted.reply
    return Answer(reply.status, Headers(reply.headers.items()), reply.body), accepted.session


@every_version
def test_a_handshake_ends_in_the_keys_of_the_server(version: Version) -> None:
    begun = hello(version)
    answer, session = answered(begun.body, version)
    assert begun.finish(answer).keys == session.keys
    assert begun.members[begun.key_member] == encode_base64(begun.ek)
    changed = begun.with_key("other")
    assert b'"other"' in changed
    assert encode_base64(begun.ek).encode() not in changed


def test_both_modes_the_ratchet_and_a_resumption() -> None:
    for mode in SecurityMode:
        begun = hello(V3, ClientTerms(mode=mode))
        answer, session = answered(begun.body, V3)
        ours = begun.finish(answer)
        assert ours.keys == session.keys
        assert ours.ratcheted().keys != ours.keys
        assert ours.ratcheted().sid == ours.sid
        assert ours.resumption is not None
        draft = resume_draft(ours.resumption, bytes(32))
        assert draft.body is not None
        again, resumed_session = answered(draft.body, V3)
        new = resumed(ours, bytes(32), again)
        assert new is not None
        assert new.keys == resumed_session.keys


def test_a_declined_resumption_is_none() -> None:
    begun = hello(V3)
    answer, _ = answered(begun.body, V3)
    ours = begun.finish(answer)
    assert ours.resumption is not None
    body = resume_draft(ours.resumption, bytes(32)).body or b""
    other = replace(TERMS, tickets=TicketKeys(bytes([1]) * 32))
    declined = V3.respond(body, other, lambda size: bytes(size), "sid", now_ms(), REFERENCE)
    assert isinstance(declined, Declined)
    reply: Reply = declined.reply
    assert resumed(ours, bytes(32), Answer(reply.status, Headers(reply.headers.items()), reply.body)) is None


def test_an_identity_of_the_server_is_checked_by_the_suite_too() -> None:
    identity = Identity.from_seed(bytes(32))
    begun = hello(V3)
    answer, session = answered(begun.body, V3, replace(TERMS, identity=identity))
    assert begun.finish(answer).keys == session.keys
    other = hello(V3)
    with pytest.raises(NenError):  # another client's transcript
        other.finish(answer)
