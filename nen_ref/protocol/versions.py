"""The versions of Nen: what each changed, on one page.

| | V1 | V2 | V3 |
|---|---|---|---|
| nonce of a request | in the body, `n`; none without a body | in `X-Nen-Nonce`, always | as V2 |
| body of a request | `{"ct", "n"}` | `{"ct"}` | as V2 |
| answer to HEAD | no length | the length of the sealed body | as V2 |
| handshake | ML-KEM-768, its secret is the key, an HMAC key is sent | as V1 | X25519 beside it, all keys derived |
| identity | the client's | as V1 | the server's |
| life of a session | | as V1 | ratchet, tickets |

A reader of the code finds each difference behind one member of `Version`. All else is the same code for all versions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from nen_ref.primitives.suite import Suite
from nen_ref.protocol import handshake, handshake_v3, resumption
from nen_ref.protocol.carriage import (
    Carried,
    Written,
    read_from_body,
    read_from_header,
    write_to_body,
    write_to_header,
)
from nen_ref.protocol.errors import SESSION_INVALID_OR_EXPIRED, failure
from nen_ref.protocol.handshake import MAC_KEY_SIZE, Accepted, ClientHello, IdentityPolicy, handshake_object
from nen_ref.protocol.handshake_v3 import Established, HybridHello, NewTicket, SecurityMode, ServerProof
from nen_ref.protocol.identity import Identity
from nen_ref.protocol.messages import NONCE_HEADER, Reply, Request
from nen_ref.protocol.payload import NONCE_SIZE
from nen_ref.protocol.resumption import Declined
from nen_ref.protocol.server_identity import ServerTrust
from nen_ref.protocol.session import Session
from nen_ref.protocol.tickets import TICKET_LIFE_MS, TicketKeys
from nen_ref.protocol.wire import Malformed, parse_json_object

Draw = Callable[[int], bytes]
"""A source of fresh random bytes, or a tape of them: n -> n bytes."""


class Hello(Protocol):
    """A handshake of any version on its way."""

    @property
    def body(self) -> bytes: ...


@dataclass(frozen=True)
class ClientTerms:
    """What a client brings to its handshakes: `identity` in V1 and V2, `mode` and `trust` in V3."""

    identity: Identity | None = None
    mode: SecurityMode = SecurityMode.HYBRID
    trust: ServerTrust = ServerTrust()


@dataclass(frozen=True)
class ServerTerms:
    """What a server brings to its handshakes: `policy` for the identities of clients; all else is V3's.

    `tickets`: the ticket keys, which nodes share; `bound`: whether the nonce of its identity commits to its part of the
    handshake (server_identity.py).
    """

    tickets: TicketKeys
    policy: IdentityPolicy = IdentityPolicy()
    identity: Identity | None = None
    bound: bool = True
    ticket_life_ms: int = TICKET_LIFE_MS


@dataclass(frozen=True)
class Version:
    """One version. `family`: the version whose handshake it has; V1 and V2 cannot be told apart by it."""

    name: str
    family: str
    nonce_in_header: bool
    """Whether the nonce of a request is in X-Nen-Nonce, and every request has one."""
    read_request: Callable[[Request], Carried] = field(repr=False)
    write_request: Callable[[bytes, bytes | None], Written] = field(repr=False)
    """(nonce 12, ciphertext or None)."""
    head_has_length: bool
    """Whether the answer to HEAD tells the length of the sealed body that it would have."""
    hello: Callable[[ClientTerms, Draw, Suite], Hello] = field(repr=False)
    respond: Callable[[bytes, ServerTerms, Draw, str, int, Suite], Accepted | Declined] = field(repr=False)
    """(body, terms, random bytes, a fresh session id, now in ms, suite)."""
    finish: Callable[[Hello, Reply, ClientTerms, Suite], Established] = field(repr=False)
    ratchets: bool
    """Whether a session can take its next keys (POST /api/nen/rekey)."""

    def __repr__(self) -> str:
        return self.name


# V1: what the introduction of Nen describes


def _hello(terms: ClientTerms, draw: Draw, suite: Suite) -> ClientHello:
    return handshake.client_hello(draw(32), draw(32), terms.identity, draw(32), suite=suite)


def _respond(body: bytes, terms: ServerTerms, draw: Draw, sid: str, now: int, suite: Suite) -> Accepted:
    m, mac_key = draw(32), draw(MAC_KEY_SIZE)
    return handshake.respond(body, m=m, mac_key=mac_key, sid=sid, now=now, policy=terms.policy, suite=suite)


def _finish(hello: Hello, reply: Reply, terms: ClientTerms, suite: Suite) -> Established:
    assert isinstance(hello, ClientHello)
    return Established(*handshake.client_finish(hello, reply, suite=suite))


V1 = Version(
    name="v1",
    family="v1",
    nonce_in_header=False,
    read_request=read_from_body,
    write_request=write_to_body,
    head_has_length=False,
    hello=_hello,
    respond=_respond,
    finish=_finish,
    ratchets=False,
)

# V2: the nonce moves into a header, so that a request without a body has one too and cannot be replayed

V2 = replace(
    V1,
    name="v2",
    nonce_in_header=True,
    read_request=read_from_header,
    write_request=write_to_header,
    head_has_length=True,
)

# V3: keys that are derived and never sent; a classical half beside ML-KEM; the server's identity; ratchet and tickets


def _hello_v3(terms: ClientTerms, draw: Draw, suite: Suite) -> HybridHello:
    d, z = draw(32), draw(32)
    x = draw(32) if terms.mode is SecurityMode.HYBRID else None
    return handshake_v3.client_hello(d, z, x, suite=suite)


def _respond_v3(body: bytes, terms: ServerTerms, draw: Draw, sid: str, now: int, suite: Suite) -> Accepted | Declined:
    members = handshake_object(body)
    ticket = NewTicket(terms.tickets.current, draw(NONCE_SIZE), now + terms.ticket_life_ms)
    if "resume" in members:  # whatever else is in it, V3-TICKET-14; and no client has an identity, V3-ID-10
        terms.policy.check(None)
        return resumption.answer_resume(
            members, keys=terms.tickets, srn=draw(32), sid=sid, now=now, ticket=ticket, suite=suite
        )
    return handshake_v3.respond(
        body,
        m=draw(32),
        x=draw(32),
        sid=sid,
        now=now,
        ticket=ticket,
        proof=_proof(terms, draw),
        policy=terms.policy,
        suite=suite,
    )


def _proof(terms: ServerTerms, draw: Draw) -> ServerProof | None:
    if terms.identity is None:
        return None
    return ServerProof(terms.identity, rnd=draw(32), server_nonce=None if terms.bound else draw(32))


def _finish_v3(hello: Hello, reply: Reply, terms: ClientTerms, suite: Suite) -> Established:
    assert isinstance(hello, HybridHello)
    return handshake_v3.client_finish(hello, reply, terms.trust, suite=suite)


V3 = replace(
    V2,
    name="v3",
    family="v3",
    hello=_hello_v3,
    respond=_respond_v3,
    finish=_finish_v3,
    ratchets=True,
)

VERSIONS: Mapping[str, Version] = {version.name: version for version in (V1, V2, V3)}


# A server may offer several. It never falls back from one to another: a message is of one version or is refused

V3_MEMBERS = frozenset(("pk_kem", "pk_x", "securityMode", "resume"))


def answering(offered: Sequence[Version], body: bytes) -> Version:
    """The version that a handshake is in: V3 if it names anything of V3. Not offered: the one that will refuse it.

    V3-VER-01, V3-VER-03, V3-VER-04.
    """
    if len(offered) == 1:
        return offered[0]
    try:
        of_v3 = not V3_MEMBERS.isdisjoint(parse_json_object(body))
    except Malformed:
        of_v3 = False
    fitting = [version for version in offered if (version.family == V3.family) == of_v3]
    return (fitting or offered)[0]


def speaking(offered: Sequence[Version], session: Session, request: Request) -> Version:
    """The version that a request is in: one of the session's family; ISO-2002 if none of it is offered (any more).

    V1 and V2 have one handshake, and whether X-Nen-Nonce is there tells them apart. Who moves the nonce of a request
    from body to header has the same request: canonical string and used nonces are the same. Or the same without its
    body, which V1 alone would notice (spec/security.md). V2-AUTH-06, V3-VER-01, V3-VER-02, V3-VER-06.
    """
    fitting = [version for version in offered if version.family == session.family]
    if not fitting:
        raise failure(SESSION_INVALID_OR_EXPIRED, f"a session of {session.family}, which is not offered")
    in_header = NONCE_HEADER in request.headers
    return next((version for version in fitting if version.nonce_in_header == in_header), fitting[0])
