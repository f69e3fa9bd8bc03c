"""What a relay without any identity key does to the signed handshake of V3 as it is published, and what closes it.

The relay stands between our own client and our own server. It computes with OpenSSL alone: it is somebody else, and has
nothing of either side. spec/v3.md, section 4, tells the attack; V3-ID-07 and V3-ID-08 are the hardening.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from nen_ref.primitives.suite import REFERENCE
from nen_ref.protocol.client import ClientSession, SignedRequest
from nen_ref.protocol.handshake import Accepted
from nen_ref.protocol.handshake_v3 import SecurityMode
from nen_ref.protocol.identity import Identity
from nen_ref.protocol.messages import Headers, Reply, Request
from nen_ref.protocol.responses import seal_response
from nen_ref.protocol.server_identity import ServerTrust
from nen_ref.protocol.session import Session
from nen_ref.protocol.tickets import TicketKeys
from nen_ref.protocol.verification import NonceAnswer, Verified, run, verify_request
from nen_ref.protocol.versions import V3, ClientTerms, ServerTerms
from tests.protocol.oracle import b64, encapsulate, hkdf, refused, seal, secret, signature, unb64, unseal

NOW = 1_800_000_000_000
SERVER_IDENTITY = Identity.from_seed(secret("the server's identity"))
STRANGER = Identity.from_seed(secret("another identity"))
PLAIN = {"content-type": "application/json"}
modes = pytest.mark.parametrize("mode", SecurityMode)


@dataclass
class Server:
    """The true server. `bound` False: behaving exactly as published."""

    bound: bool
    sessions: dict[str, Session] = field(default_factory=dict)

    def handshake(self, body: bytes) -> Reply:
        terms = ServerTerms(TicketKeys(secret("ticket key")), identity=SERVER_IDENTITY, bound=self.bound)
        sid = os.urandom(8).hex()
        accepted = V3.respond(body, terms, os.urandom, sid, NOW, REFERENCE)
        assert isinstance(accepted, Accepted)
        self.sessions[sid] = accepted.session
        return accepted.reply

    def answer(self, request: Request) -> Reply:
        """What was asked for is in the answer, so that one sees who spoke to whom."""
        steps = verify_request(request, NOW, versions=(V3,))
        verified: Verified = run(steps, lambda q: self.sessions.get(q.sid), lambda q: NonceAnswer.NEW)
        return seal_response(verified, 200, b'{"paid":' + (verified.payload or b"null") + b"}", os.urandom(12))


@dataclass
class Client:
    """Our client, with the pin of the true server."""

    mode: SecurityMode
    trust: ServerTrust

    def __post_init__(self) -> None:
        self.terms = ClientTerms(mode=self.mode, trust=self.trust)
        self.session = ClientSession(version=V3, terms=self.terms)

    def hello(self) -> bytes:
        return self.session.start_handshake(V3.hello(self.terms, os.urandom, REFERENCE))

    def ask(self, payload: bytes) -> SignedRequest:
        return self.session.request("POST", "/pay", payload, n=os.urandom(12), timestamp=NOW)


class Relay:
    """Somebody in between, without an identity key: `take_over` is the attack, `keys` what it gains."""

    def __init__(self) -> None:
        self.keys: dict[str, bytes] = {}
        self.sid = ""

    def take_over(self, hello: bytes, reply: Reply, **changes: str) -> Reply:
        """The server's answer with the relay's own `ct` and `pk_x_server`; everything that is signed as it came."""
        asked, answered = json.loads(hello), json.loads(reply.body)
        ss, ct = encapsulate(unb64(asked["pk_kem"]))
        own = {"ct": b64(ct)}
        if "pk_x" in asked:
            y = X25519PrivateKey.generate()
            own["pk_x_server"] = b64(y.public_key().public_bytes_raw())
            shared = y.exchange(X25519PublicKey.from_public_bytes(unb64(asked["pk_x"])))
            ss = hkdf(shared + ss, "nen/v3 hybrid")
        self.keys = {"enc": hkdf(ss, "nen/v3 enc"), "mac": hkdf(ss, "nen/v3 mac")}
        self.sid = answered["sid"]
        return Reply(reply.status, PLAIN, json.dumps({**answered, **own, **changes}).encode())

    def read(self, request: SignedRequest) -> Any:
        """What the client sealed for its server."""
        ct = unb64(json.loads(request.body or b"")["ct"])
        return json.loads(unseal(self.keys["enc"], unb64(request.headers["x-nen-nonce"]), ct))

    def answer(self, value: object) -> Reply:
        n = os.urandom(12)
        sealed = seal(self.keys["enc"], n, json.dumps(value).encode())
        return Reply(200, PLAIN, json.dumps({"ct": b64(sealed), "n": b64(n)}).encode())


def request_of(headers: Mapping[str, str], body: bytes | None) -> Request:
    return Request("POST", "/pay", Headers(headers.items()), body or b"")


def pinned(bound: bool) -> ServerTrust:
    return ServerTrust(pinned=SERVER_IDENTITY.pk, bound=bound)


@modes
@pytest.mark.parametrize("server_binds", [False, True])
def test_a_relay_reads_and_answers_everything(mode: SecurityMode, server_binds: bool) -> None:
    """The published protocol: the pin holds, the signature verifies, and the client talks to the relay.

    A server that binds its nonce does not help a client that does not ask for it.
    """
    server, client, relay = Server(bound=server_binds), Client(mode, pinned(bound=False)), Relay()
    hello = client.hello()
    client.session.finish_handshake(relay.take_over(hello, server.handshake(hello)))
    asked = client.ask(b'{"to":"alice","amount":10}')
    assert relay.read(asked) == {"to": "alice", "amount": 10}
    answer = client.session.open_reply(relay.answer({"paid": {"to": "alice", "amount": 10}}))
    assert json.loads(answer) == {"paid": {"to": "alice", "amount": 10}}


@modes
def test_the_relay_gets_a_true_answer_by_a_session_of_its_own(mode: SecurityMode) -> None:
    """It has no session of the client's on the server, whose keys are other ones; it makes one, as anyone may."""
    server, client, relay = Server(bound=False), Client(mode, pinned(bound=False)), Relay()
    hello = client.hello()
    client.session.finish_handshake(relay.take_over(hello, server.handshake(hello)))
    asked = client.ask(b'{"to":"alice","amount":10}')
    refused("ISO-3002", server.answer, request_of(asked.headers, asked.body))
    own = Client(mode, pinned(bound=False))
    own.session.finish_handshake(server.handshake(own.hello()))
    changed = json.dumps(relay.read(asked) | {"to": "mallory"}).encode()
    sent = own.ask(changed)
    paid = json.loads(own.session.open_reply(server.answer(request_of(sent.headers, sent.body))))
    assert paid == {"paid": {"to": "mallory", "amount": 10}}
    told = client.session.open_reply(relay.answer({"paid": {"to": "alice", "amount": 10}}))
    assert json.loads(told)["paid"]["to"] == "alice"


@modes
def test_the_relay_can_do_what_the_client_can(mode: SecurityMode) -> None:
    """It has the HMAC key of the client's session too."""
    server, client, relay = Server(bound=False), Client(mode, pinned(bound=False)), Relay()
    hello = client.hello()
    client.session.finish_handshake(relay.take_over(hello, server.handshake(hello)))
    asked = client.ask(b"{}").headers
    expected = signature(relay.keys["mac"], "POST", "/pay", asked["x-nen-timestamp"], asked["x-nen-nonce"])
    assert asked["x-nen-signature"] == expected
    assert asked["x-nen-session"] == relay.sid


@modes
def test_the_bound_nonce_gives_the_relay_away(mode: SecurityMode) -> None:
    """V3-ID-07, V3-ID-08."""
    server, client, relay = Server(bound=True), Client(mode, pinned(bound=True)), Relay()
    hello = client.hello()
    error = refused("ISO-3007", client.session.finish_handshake, relay.take_over(hello, server.handshake(hello)))
    assert "server_nonce does not commit" in error.detail
    refused("ISO-2001", client.ask, b"{}")


@modes
def test_without_a_relay_the_bound_client_and_server_agree(mode: SecurityMode) -> None:
    """So that the test before does not pass for another reason."""
    server, client = Server(bound=True), Client(mode, pinned(bound=True))
    client.session.finish_handshake(server.handshake(client.hello()))
    asked = client.ask(b'{"to":"alice"}')
    answer = client.session.open_reply(server.answer(request_of(asked.headers, asked.body)))
    assert json.loads(answer) == {"paid": {"to": "alice"}}


@modes
def test_a_nonce_that_commits_to_the_relays_own_keys_is_not_signed(mode: SecurityMode) -> None:
    """It can compute what the client wants to see, and nobody signs it."""
    server, client, relay = Server(bound=True), Client(mode, pinned(bound=True)), Relay()
    hello = client.hello()
    honest = server.handshake(hello)
    own = json.loads(relay.take_over(hello, honest).body)
    hashed = b"nen/v3 bound nonce"
    for member in ("ct", "pk_x_server"):
        value = unb64(own.get(member, ""))
        hashed += len(value).to_bytes(4, "big") + value
    own["server_nonce"] = b64(hashlib.sha256(hashed).digest())
    error = refused("ISO-3007", client.session.finish_handshake, Reply(200, PLAIN, json.dumps(own).encode()))
    assert "does not verify" in error.detail


@modes
def test_a_client_that_demands_the_bound_nonce_refuses_a_server_as_published(mode: SecurityMode) -> None:
    """It cannot tell it from a relay: hence it demands nothing of the kind unless it is told to."""
    server = Server(bound=False)
    strict, plain = Client(mode, pinned(bound=True)), Client(mode, pinned(bound=False))
    refused("ISO-3007", strict.session.finish_handshake, server.handshake(strict.hello()))
    assert plain.session.finish_handshake(server.handshake(plain.hello()))


@modes
def test_the_pin_and_the_signature_are_checked_all_the_while(mode: SecurityMode) -> None:
    """What the relay may not touch: the identity, the nonce, the session id, and the keys of the client."""
    server = Server(bound=False)
    other = Client(mode, ServerTrust(pinned=STRANGER.pk))
    refused("ISO-3006", other.session.finish_handshake, server.handshake(other.hello()))
    for changes in ({"sid": "another"}, {"server_nonce": b64(bytes(32))}, {"server_sig": b64(bytes(3309))}):
        client = Client(mode, pinned(bound=False))
        hello = client.hello()
        changed = Relay().take_over(hello, server.handshake(hello), **changes)
        refused("ISO-3007", client.session.finish_handshake, changed)
    client, elsewhere = Client(mode, pinned(bound=False)), Client(mode, pinned(bound=False))
    hello = client.hello()
    signed_for_another = server.handshake(elsewhere.hello())
    refused("ISO-3007", client.session.finish_handshake, Relay().take_over(hello, signed_for_another))
