"""What v1/sessions tells its stories with: two parties, what travels between them, and the steps written down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from nen_ref.protocol.messages import HANDSHAKE_PATH
from nen_ref.protocol.payload import Envelope, dump_envelope, parse_envelope
from nen_ref.protocol.wire import encode_base64
from nen_ref.vectors.alter import flipped_bit
from nen_ref.vectors.answers import ANSWERS, REFERENCE_KIT, Values
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Step


@dataclass(frozen=True)
class Keys:
    """What both sides hold of a session, and the nonces that its server has recorded."""

    sid: str
    secret: bytes = field(repr=False)
    hmac_key: bytes = field(repr=False)
    used: list[bytes] = field(default_factory=list)

    @property
    def known(self) -> Mapping[str, Any]:
        """As the server's store has it."""
        return {"sid": self.sid, "secret": self.secret, "hmac_key": self.hmac_key}


@dataclass(frozen=True)
class Sent:
    """A request on the wire."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: str | None = None

    @property
    def wire(self) -> Mapping[str, Any]:
        return {"method": self.method, "target": self.target, "headers": self.headers, "body": self.body}


class Story:
    """The steps of one vector, written down while they happen. `now` is the time of the server in ms."""

    def __init__(self, draw: Draw) -> None:
        self.steps: list[Step] = []
        self.now = 1_767_225_600_000 + draw.below("now", 10**9)  # some day of January 2026
        self._draw = draw
        self._drawn = 0

    def fresh(self, what: str, size: int = 32) -> bytes:
        """Random bytes, others each time."""
        self._drawn += 1
        return self._draw(f"{self._drawn}/{what}", size)

    def does(self, comment: str, operation: str, **given: Any) -> Values:
        """A step that succeeds, and what comes out of it."""
        self.steps.append(Step(comment, operation, given))
        return ANSWERS[operation](dict(given), REFERENCE_KIT)

    def refuses(self, comment: str, code: str, operation: str, **given: Any) -> None:
        self.steps.append(Step(comment, operation, given, (code,)))

    # The handshake

    def handshake(self, who: str = "client", path: str = HANDSHAKE_PATH) -> Keys:
        d, z = self.fresh("d"), self.fresh("z")
        hello = self.does(f"{who}: a key pair, and the body of POST {path}", "handshake.hello", d=d, z=z)
        return self.finish(who, self.respond(hello["body"]), d, z)

    def respond(self, body: str) -> str:
        given = {"m": self.fresh("m"), "hmac_key": self.fresh("hmac_key"), "sid": self.session_id()}
        comment = "server: encapsulates to the key of the client; the body of its answer, and its secret"
        answer: str = self.does(comment, "handshake.respond", body=body, **given)["body"]
        return answer

    def finish(self, who: str, answer: str, d: bytes, z: bytes) -> Keys:
        comment = f"{who}: decapsulates, and has the same session id and the same keys"
        return Keys(**self.does(comment, "handshake.finish", d=d, z=z, status=200, body=answer))

    def session_id(self) -> str:
        return str(UUID(bytes=self.fresh("sid", 16), version=4))

    # Requests

    def asks(
        self,
        keys: Keys,
        method: str,
        target: str,
        payload: str | None,
        *,
        clock: int = 0,
        n: bytes = b"",
        who: str = "client",
    ) -> Sent:
        """The client's request, its clock `clock` ms ahead of the server's. None as payload: without a body."""
        timestamp = str(self.now + clock)
        body, nonce = None, ""
        if payload is not None:
            n = n or self.fresh("n", 12)
            comment = f"{who}: seals the payload of {method} {target}; the body of the request"
            sealed = self.does(comment, "payload.seal", secret=keys.secret, n=n, payload=payload)
            body, nonce = sealed["body"], encode_base64(n)
        signed = {"method": method, "target": target, "timestamp": timestamp, "nonce": nonce}
        without = "" if body else ", with an empty NONCE, for there is no body"
        self.does(f"{who}: the canonical string of {method} {target}{without}", "canonical_string", **signed)
        signature = self.does(f"{who}: its HMAC, X-Nen-Signature", "request.sign", hmac_key=keys.hmac_key, **signed)
        headers = {"X-Nen-Session": keys.sid, "X-Nen-Timestamp": timestamp, "X-Nen-Signature": signature["signature"]}
        return Sent(method, target, headers, body)

    def passes(
        self, keys: Keys, sent: Sent, comment: str = "server: all nine checks pass; the payload for the handler"
    ) -> None:
        self.does(comment, "request.verify", **self.at_server(keys, sent))
        self.spend(keys, sent)

    def fails(self, keys: Keys, sent: Sent, code: str, comment: str, *, gone: bool = False) -> None:
        """The server refuses; what failed only after the replay step has spent its nonce. `gone`: no such session."""
        given = self.at_server(keys, sent)
        self.refuses(comment, code, "request.verify", **{**given, **({"session": None} if gone else {})})
        if code in ("ISO-4001", "ISO-4003"):
            self.spend(keys, sent)

    def at_server(self, keys: Keys, sent: Sent) -> Mapping[str, Any]:
        return {"session": keys.known, "now": self.now, "used_nonces": list(keys.used), "request": sent.wire}

    def spend(self, keys: Keys, sent: Sent) -> None:
        if sent.body is not None:
            keys.used.append(nonce_of(sent))

    def answers(self, keys: Keys, sent: Sent, payload: str, who: str = "client") -> str:
        """The server's answer, opened by the client; its body."""
        body = self.sealed_answer(keys, sent, payload)
        self.does(f"{who}: opens the answer", "payload.open", secret=keys.secret, body=body)
        return body

    def sealed_answer(self, keys: Keys, sent: Sent, payload: str) -> str:
        n = self.fresh("answer_n", 12)
        if sent.body is None:
            comment = "server: seals its answer, whose request had no nonce, under a fresh one"
            body: str = self.does(comment, "payload.seal", secret=keys.secret, n=n, payload=payload)["body"]
        else:
            given = {"secret": keys.secret, "request_n": nonce_of(sent), "n": n, "payload": payload}
            body = self.does("server: seals its answer under a fresh nonce", "response.seal", **given)["body"]
        return body

    def exchange(
        self, keys: Keys, method: str, target: str, payload: str | None, answer: str, who: str = "client"
    ) -> Sent:
        """A request that passes, and its answer."""
        sent = self.asks(keys, method, target, payload, who=who)
        self.later(20)
        self.passes(keys, sent)
        self.answers(keys, sent, answer, who)
        self.later(700)
        return sent

    # Streams

    def streams(self, keys: Keys, chunks: Sequence[str]) -> tuple[bytes, list[bytes]]:
        """A stream on the wire: its base nonce, and its events."""
        base_nonce = self.fresh("base_nonce", 12)
        comment = "server: the body of the stream; its base nonce goes into X-Nen-Stream-Nonce"
        body = self.does(comment, "stream.seal", secret=keys.secret, base_nonce=base_nonce, chunks=list(chunks))["body"]
        return base_nonce, [event.encode() + b"\n\n" for event in body.split("\n\n")[:-1]]

    def reads(self, keys: Keys, base_nonce: bytes, pieces: Sequence[bytes]) -> None:
        given = {"secret": keys.secret, "base_nonce": base_nonce, "pieces": list(pieces)}
        self.does("client: opens the events as they arrive", "stream.open", **given)

    def later(self, ms: int) -> None:
        self.now += ms


def nonce_of(sent: Sent) -> bytes:
    """The n of a request with a body."""
    return parse_envelope((sent.body or "").encode()).n


def altered_ct(body: str) -> str:
    """A sealed body with one bit of its ciphertext changed."""
    sealed = parse_envelope(body.encode())
    return dump_envelope(Envelope(flipped_bit(sealed.ct, 0), sealed.n)).decode()
