"""Server and store against a simple model, through any sequence of what clients, attackers and time may do.

The model knows sessions as numbers: when they end, which keys OpenSSL has for them, which nonces are remembered until
when. It decides every request from the recipe by which it was made, never by looking at the bytes, and it decides the
exact code. Whatever is no NenError fails the test by itself, so that no sequence reaches an answer of ISO-9000.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from nen_ref.http.server import NenServer, ServerConfig
from nen_ref.protocol.messages import Headers, Reply, Request
from nen_ref.protocol.verification import RequestPolicy
from nen_ref.stores import MemoryStore
from tests.protocol.oracle import (
    KemPeer,
    Signer,
    at_once,
    b64,
    code_of,
    refused,
    seal,
    secret,
    signature,
    unb64,
    unseal,
)

LIFE, WINDOW = 600_000, 30_000
MAX_SESSIONS, MAX_NONCES = 3, 4
FOREVER = float("inf")

PEERS = [KemPeer("a"), KemPeer("b")]
EXEMPT, ORDINARY = Signer("exempt"), Signer("ordinary")
IDENTITIES = {
    "none": (None, {}),
    "exempt": (EXEMPT.pk, {peer.ek: EXEMPT.members(peer.ek) for peer in PEERS}),
    "ordinary": (ORDINARY.pk, {peer.ek: ORDINARY.members(peer.ek) for peer in PEERS}),
}
NONCES = [secret(f"n{i}", 12) for i in range(9)]
PATHS = ["/api/echo", "/caf%C3%A9", "/"]
BAD_HANDSHAKES = [
    (b"", "ISO-1001"),
    (b'{"pk":5}', "ISO-1001"),
    (b'{"pk":"?"}', "ISO-6002"),
    (b'{"pk":"AAAA"}', "ISO-1002"),
    (json.dumps({"pk": b64(b"\xff" * 1184)}).encode(), "ISO-1002"),
    (json.dumps({"pk": b64(PEERS[0].ek), "sigPk": b64(EXEMPT.spki)}).encode(), "ISO-3004"),
    (json.dumps({"pk": b64(PEERS[0].ek), **EXEMPT.members(PEERS[1].ek)}).encode(), "ISO-3004"),
]


@dataclass
class Known:
    """What the model knows of a session: `ends` in ms, `remembered` the nonces and until when."""

    sid: str
    enc: bytes
    mac: bytes
    exempt: bool
    ends: int
    remembered: dict[bytes, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Recipe:
    """How a request was made. `header`: the session it names; `owner`: the session whose keys it uses."""

    header: str | None
    owner: Known
    n: bytes | None
    shape: str | None
    signature: str  # right, wrong, absent
    timestamp: int | None  # None is one that is no number
    tampered: bool
    payload: bytes


FAULTS = [
    "no session header", "unknown session", "another session's header", "wrong shape", "not base64", "no signature",
    "wrong signature", "no number", "too old", "too new", "oldest", "newest", "tampered", "not JSON",
    "empty", "no body",
]  # fmt: skip
ANY_SESSION = st.sampled_from([*range(12), *((i,) for i in range(4))])


class ServerMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.counter = itertools.count()
        self.now = 1_800_000_000_000
        self.model: dict[str, Known] = {}  # those that have not been dropped, the oldest first
        self.ever: list[Known] = []
        self.sent: list[tuple[Request, Recipe]] = []
        store = MemoryStore(max_sessions=MAX_SESSIONS, max_nonces=MAX_NONCES, clock=lambda: self.now)
        policy = RequestPolicy(unsigned_clients=frozenset([EXEMPT.pk]))
        config = ServerConfig(session_life_ms=LIFE, requests=policy)
        self.server = NenServer(store=store, config=config, clock=lambda: self.now, random_bytes=self.random_bytes)

    def random_bytes(self, size: int) -> bytes:
        return secret(f"server {next(self.counter)}", size)

    def ask(self, method: str, path: str, body: bytes = b"", sid: str | None = None) -> Reply:
        headers = Headers([] if sid is None else [("X-Nen-Session", sid)])
        reply = at_once(self.server.endpoint(Request(method, path, headers, body)))
        assert reply is not None
        return reply

    def alive(self, sid: str | None) -> Known | None:
        known = self.model.get(sid) if sid is not None else None
        return known if known is not None and self.now < known.ends else None

    def make_room(self) -> None:
        """V1-STORE-02."""
        living = [sid for sid in self.model if self.alive(sid)]
        if len(living) == MAX_SESSIONS:
            del self.model[living[0]]

    def learn(self, reply: Reply, peer: KemPeer, identity: str) -> None:
        members = json.loads(reply.body)
        sid = members["sid"]
        assert reply.status == 200
        assert sid not in self.model
        enc, mac = peer.decapsulate(unb64(members["ct"])), unb64(members["hmac"])
        known = Known(sid, enc, mac, identity == "exempt", self.now + LIFE)
        self.model[sid] = known
        self.ever.append(known)

    def pick(self, which: int | tuple[int]) -> Known:
        """One of the living sessions, by a number; or, by a number in a tuple, one of all that ever were."""
        living = [known for known in self.ever if self.alive(known.sid)]
        if isinstance(which, tuple) or not living:
            return self.ever[(which[0] if isinstance(which, tuple) else which) % len(self.ever)]
        return living[which % len(living)]

    @initialize()
    def first_session(self) -> None:
        self.handshake(0, "none")

    @rule(peer=st.integers(0, len(PEERS) - 1), identity=st.sampled_from(list(IDENTITIES)))
    def handshake(self, peer: int, identity: str) -> None:
        proof = IDENTITIES[identity][1].get(PEERS[peer].ek, {})
        reply = self.ask("POST", "/api/nen/handshake", json.dumps({"pk": b64(PEERS[peer].ek), **proof}).encode())
        self.make_room()
        self.learn(reply, PEERS[peer], identity)

    @precondition(lambda self: sum(self.alive(sid) is not None for sid in self.model) < MAX_SESSIONS)
    @rule(which=ANY_SESSION, peer=st.integers(0, len(PEERS) - 1))
    def rotate(self, which: int | tuple[int], peer: int) -> None:
        """V1-LIFE-04. (Not at the bound of the store: whether the old session makes room first is not specified.)"""
        old = self.pick(which)
        reply = self.ask("POST", "/api/nen/rotate", json.dumps({"pk": b64(PEERS[peer].ek)}).encode(), old.sid)
        self.model.pop(old.sid, None)
        self.learn(reply, PEERS[peer], "none")

    @rule(bad=st.integers(0, len(BAD_HANDSHAKES) - 1), path=st.sampled_from(["handshake", "rotate"]), which=ANY_SESSION)
    def refused_handshake(self, bad: int, path: str, which: int | tuple[int]) -> None:
        """V1-HS-14, V1-LIFE-05: nothing changes, which the following rules would notice."""
        body, code = BAD_HANDSHAKES[bad]
        refused(code, self.ask, "POST", f"/api/nen/{path}", body, self.pick(which).sid)

    @rule(which=ANY_SESSION)
    def terminate(self, which: int | tuple[int]) -> None:
        """V1-LIFE-02, V1-LIFE-03."""
        sid = self.pick(which).sid
        reply = self.ask("POST", "/api/nen/terminate", sid=sid)
        assert (reply.status, json.loads(reply.body)) == (200, {"success": True})
        self.model.pop(sid, None)

    @rule(which=st.none() | ANY_SESSION)
    def status(self, which: int | tuple[int] | None) -> None:
        """V1-LIFE-01."""
        sid = None if which is None else self.pick(which).sid
        reply = self.ask("GET", "/api/nen/status", sid=sid)
        valid = self.alive(sid) is not None
        assert (reply.status, json.loads(reply.body)) == (200 if valid else 401, {"valid": valid})

    @rule(by=st.sampled_from([1, 1, 999, WINDOW // 2, WINDOW, WINDOW + 1, 2 * WINDOW + 1, LIFE // 4]))
    def wait(self, by: int) -> None:
        self.now += by

    @rule(
        which=ANY_SESSION,
        other=ANY_SESSION,
        n=st.sampled_from(NONCES),
        faults=st.lists(st.sampled_from(FAULTS), max_size=1) | st.lists(st.sampled_from(FAULTS), max_size=3),
        path=st.sampled_from(PATHS),
    )
    def request(self, which: int | tuple[int], other: int | tuple[int], n: bytes, faults: list[str], path: str) -> None:
        """A request that is right but for up to three faults."""
        if not any(self.alive(sid) for sid in self.model):
            self.handshake(0, "none")
        owner = self.pick(which)
        recipe = Recipe(owner.sid, owner, n, None, "right", self.now, False, b'{"a":"\xc3\xa9"}')
        for fault in faults:
            recipe = replace(recipe, **self.change(fault, other))
        if recipe.n is None:
            recipe = replace(recipe, shape=None)
        self.send(recipe, "POST", path)

    def change(self, fault: str, other: int | tuple[int]) -> dict[str, Any]:
        changes: dict[str, dict[str, Any]] = {
            "no session header": {"header": None},
            "unknown session": {"header": "unknown"},
            "another session's header": {"header": self.pick(other).sid},
            "wrong shape": {"shape": "ISO-6001"},
            "not base64": {"shape": "ISO-6002"},
            "no signature": {"signature": "absent"},
            "wrong signature": {"signature": "wrong"},
            "no number": {"timestamp": None},
            "too old": {"timestamp": self.now - WINDOW - 1},
            "too new": {"timestamp": self.now + WINDOW + 1},
            "oldest": {"timestamp": self.now - WINDOW},
            "newest": {"timestamp": self.now + WINDOW},
            "tampered": {"tampered": True},
            "not JSON": {"payload": b"{"},
            "empty": {"payload": b""},
            "no body": {"n": None},
        }
        return changes[fault]

    @precondition(lambda self: self.sent)
    @rule(which=ANY_SESSION)
    def replay(self, which: int | tuple[int]) -> None:
        """The same bytes again, now or later; rather a request of a session that still lives."""
        living = [sent for sent in self.sent if self.alive(sent[1].header)]
        among = self.sent if isinstance(which, tuple) or not living else living
        self.check(*among[(which[0] if isinstance(which, tuple) else which) % len(among)])

    def send(self, recipe: Recipe, method: str, path: str) -> None:
        owner, n, body = recipe.owner, recipe.n, b""
        if n is not None:
            sealed = seal(owner.enc, n, recipe.payload)
            if recipe.tampered:
                sealed = bytes([sealed[0] ^ 1]) + sealed[1:]
            ct: object = {None: b64(sealed), "ISO-6001": list(sealed), "ISO-6002": b64(sealed) + "\n"}[recipe.shape]
            body = json.dumps({"sessionId": owner.sid, "ct": ct, "n": b64(n)}).encode()
        timestamp = "soon" if recipe.timestamp is None else str(recipe.timestamp)
        pairs = [("X-Nen-Timestamp", timestamp)]
        if recipe.header is not None:
            pairs.append(("X-Nen-Session", recipe.header))
        if recipe.signature != "absent":
            over = path if recipe.signature == "right" else path + "/more"
            pairs.append(("X-Nen-Signature", signature(owner.mac, method, over, timestamp, b64(n) if n else "")))
        request = Request(method, path, Headers(pairs), body)
        self.sent.append((request, recipe))
        self.check(request, recipe)

    def check(self, request: Request, recipe: Recipe) -> None:
        expected = self.predict(recipe)
        if expected is not None:
            assert code_of(lambda: at_once(self.server.verify(request))) == expected
            return
        verified = at_once(self.server.verify(request))
        assert verified.session.sid == recipe.header
        assert verified.payload == (recipe.payload if recipe.n is not None else None)
        assert verified.n == recipe.n
        assert verified.signed == (recipe.signature == "right")
        members = json.loads(at_once(self.server.seal(verified, 200, b"answer")).body)
        assert unb64(members["n"]) != recipe.n
        assert unseal(recipe.owner.enc, unb64(members["n"]), unb64(members["ct"])) == b"answer"

    def predict(self, recipe: Recipe) -> str | None:
        """The code with which the request is refused now, or None; and what it leaves behind."""
        if recipe.header is None:
            return "ISO-2003"
        session = self.alive(recipe.header)
        if session is None:
            return "ISO-2002"
        if recipe.shape is not None:
            return recipe.shape
        if recipe.signature == "absent":
            if not session.exempt or recipe.n is None:
                return "ISO-3001"
        elif recipe.signature == "wrong" or recipe.owner is not session:
            return "ISO-3002"
        if recipe.timestamp is None or not -WINDOW <= self.now - recipe.timestamp <= WINDOW:
            return "ISO-3003"
        if recipe.n is None:
            return None
        remembered = {n: until for n, until in session.remembered.items() if until >= self.now}
        if recipe.n in remembered:
            return "ISO-5001"
        if len(remembered) == MAX_NONCES:
            del self.model[session.sid]
            return "ISO-2002"
        until = FOREVER if session.exempt else recipe.timestamp + WINDOW
        session.remembered = {**remembered, recipe.n: until}
        if recipe.tampered or recipe.owner is not session:
            return "ISO-4001"
        try:
            json.loads(recipe.payload)
        except ValueError:
            return "ISO-4003"
        return None


TestServer = pytest.mark.bulk(ServerMachine.TestCase)
TestServer.settings = settings(max_examples=150, stateful_step_count=50)


def test_a_session_lives_for_an_hour_by_default() -> None:
    """V1-LIFE-06."""
    now = [0]
    server = NenServer(clock=lambda: now[0])
    body = json.dumps({"pk": b64(PEERS[0].ek)}).encode()
    created = at_once(server.endpoint(Request("POST", "/api/nen/handshake", Headers(), body)))
    assert created is not None
    status = Request("GET", "/api/nen/status", Headers([("X-Nen-Session", json.loads(created.body)["sid"])]))
    for age, valid in ((3_599_999, True), (3_600_000, False)):
        now[0] = age
        reply = at_once(server.endpoint(status))
        assert reply is not None
        assert json.loads(reply.body) == {"valid": valid}
