"""What the library cases of V3 compute for themselves: the key schedule and both sides of a handshake.

Out of the primitives and of Python's own hashlib and hmac, and of nothing in `nen_ref.protocol` but its JSON and base64:
an expected value that the code under test had made would say nothing.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nen_ref.conformance.cases.library_tools import NOW, SID, same_members
from nen_ref.conformance.harness.driver import Reply
from nen_ref.conformance.harness.probe import HarnessProbe
from nen_ref.conformance.randomness import random_bytes
from nen_ref.primitives.ml_dsa import ML_DSA_65
from nen_ref.primitives.ml_dsa_keys import encode_spki
from nen_ref.primitives.suite import REFERENCE
from nen_ref.primitives.x25519 import BASE_POINT
from nen_ref.protocol.wire import Malformed, decode_base64, dump_json, encode_base64, parse_json_object

RESPOND, FINISH = "v3.respond", "v3.finish"
EXPIRES = NOW + 600_000


def hkdf(ikm: bytes, label: str) -> bytes:
    """The first block of RFC 5869 without a salt."""
    prk = hmac.digest(bytes(32), ikm, "sha256")
    return hmac.digest(prk, label.encode() + b"\x01", "sha256")


def keys_of(ss: bytes) -> dict[str, bytes]:
    """The keys of a session by their names in a harness."""
    return {"enc": hkdf(ss, "nen/v3 enc"), "mac": hkdf(ss, "nen/v3 mac")}


def psk_of(ss: bytes) -> bytes:
    return hkdf(ss, "nen/v3 resume")


def framed(*fields: bytes) -> bytes:
    return b"".join(len(field).to_bytes(4, "big") + field for field in fields)


def signed_hash(pk_kem: bytes, pk_x: bytes, server_nonce: bytes, sid: str) -> bytes:
    return hashlib.sha256(framed(pk_kem, pk_x, server_nonce, sid.encode())).digest()


def committing_nonce(ct: bytes, pk_x_server: bytes) -> bytes:
    return hashlib.sha256(b"nen/v3 bound nonce" + framed(ct, pk_x_server)).digest()


def ticket_for(psk: bytes, key: bytes, expires: int = EXPIRES, nonce: bytes | None = None) -> str:
    """A ticket in the recorded form."""
    n = nonce or random_bytes(12)
    text = b'{"psk":"%b","exp":%d}' % (encode_base64(psk).encode(), expires)
    return f"{encode_base64(n)}.{encode_base64(REFERENCE.aead_seal(key, n, text))}"


def opened_ticket(ticket: object, key: bytes) -> object:
    """What is in a ticket of the recorded form; None where it is none of this key."""
    try:
        nonce, _, sealed = str(ticket).partition(".")
        return parse_json_object(REFERENCE.aead_open(key, decode_base64(nonce), decode_base64(sealed)))
    except (Malformed, ValueError):
        return None


def members_of(reply: Reply) -> dict[str, Any]:
    """The members of a JSON body in a reply, none where it has none."""
    try:
        return parse_json_object(reply["body"].encode()) if reply.ok else {}
    except (Malformed, UnicodeEncodeError):
        return {}


class Signer:
    """An ML-DSA-65 identity, of its seed."""

    def __init__(self) -> None:
        self.seed = random_bytes(32)
        self.pk, self.sk = REFERENCE.ml_dsa_65_keygen(self.seed)
        self.spki = encode_spki(ML_DSA_65, self.pk)

    def sign(self, text: bytes, context: bytes = b"") -> bytes:
        """Deterministically, rnd being zeros."""
        return REFERENCE.ml_dsa_65_sign(self.sk, text, context, bytes(32))


@dataclass(frozen=True)
class Proof:
    """What goes into a server's proof, each part open to tampering."""

    pk_kem: bytes
    pk_x: bytes
    server_nonce: bytes
    sid: str = SID

    def members(self, by: Signer, signed: bytes | None = None, context: bytes = b"") -> dict[str, str]:
        text = signed_hash(self.pk_kem, self.pk_x, self.server_nonce, self.sid) if signed is None else signed
        values = {"server_nonce": self.server_nonce, "server_id_pk": by.spki, "server_sig": by.sign(text, context)}
        return {name: encode_base64(value) for name, value in values.items()}


class Exchange:
    """Both halves of one handshake of V3, and what comes of it; `hybrid` or pqc-only."""

    def __init__(self, *, hybrid: bool = True) -> None:
        self.d, self.z, self.m = random_bytes(32), random_bytes(32), random_bytes(32)
        self.x, self.y = random_bytes(32), random_bytes(32)
        self.hybrid = hybrid
        self.ek, self.dk = REFERENCE.ml_kem_768_keygen(self.d, self.z)
        made = REFERENCE.ml_kem_768_encaps(self.ek, self.m)
        self.kem_ss, self.ct = made.K, made.c
        self.pk_x = REFERENCE.x25519(self.x, BASE_POINT)
        self.pk_x_server = REFERENCE.x25519(self.y, BASE_POINT)
        self.ticket_key, self.ticket_nonce = random_bytes(32), random_bytes(12)

    def ss(self, pk_x_server: bytes | None = None) -> bytes:
        """The shared secret, by the client's half where another key of the server is given."""
        if not self.hybrid:
            return self.kem_ss
        x_ss = REFERENCE.x25519(self.x, self.pk_x_server if pk_x_server is None else pk_x_server)
        return hkdf(x_ss + self.kem_ss, "nen/v3 hybrid")

    @property
    def keys(self) -> dict[str, bytes]:
        return keys_of(self.ss())

    # The client's body, and the server's half by the harness

    def hello(self, **changes: Any) -> bytes:
        """The client's body with members replaced; `...` leaves one out."""
        right: dict[str, Any] = {"pk_kem": encode_base64(self.ek), "securityMode": "pqc-only"}
        if self.hybrid:
            right |= {"securityMode": "hybrid", "pk_x": encode_base64(self.pk_x)}
        return dump_json({name: value for name, value in (right | changes).items() if value is not ...})

    async def answered(self, probe: HarnessProbe, body: bytes | str, **more: Any) -> Reply:
        return await probe.call(
            RESPOND,
            body=body if isinstance(body, str) else body.decode(),
            m=self.m,
            x=self.y,
            sid=SID,
            ticket_key=self.ticket_key,
            ticket_nonce=self.ticket_nonce,
            ticket_expires=EXPIRES,
            **more,
        )

    async def accepted(self, probe: HarnessProbe, body: bytes | str, note: str, **more: Any) -> Reply:
        """Check that the body is answered as it should be: the keys, and the members of the answer."""
        reply = await self.answered(probe, body, **more)
        expected = self.keys | {"psk": psk_of(self.ss())}
        if probe.matches(reply, note, expected):
            x = {"pk_x_server": self.pk_x_server} if self.hybrid else {}
            same_members(probe, reply, note, {"sid": SID, "ct": self.ct, **x})
        return reply

    async def refused(self, probe: HarnessProbe, bodies: Mapping[str, bytes | str]) -> None:
        """The right body is accepted, and each of these is not."""
        await self.accepted(probe, self.hello(), "the body before it was altered")
        probe.sound()
        for note, body in bodies.items():
            probe.judge(await self.answered(probe, body), note)

    # The server's answer, and the client's half by the harness

    def answer(self, **changes: Any) -> bytes:
        """The server's body with members replaced; `...` leaves one out."""
        right: dict[str, Any] = {"sid": SID, "ct": encode_base64(self.ct), "ticket": "a ticket"}
        if self.hybrid:
            right["pk_x_server"] = encode_base64(self.pk_x_server)
        return dump_json({name: value for name, value in (right | changes).items() if value is not ...})

    async def finished(self, probe: HarnessProbe, body: bytes, status: int = 200, **more: Any) -> Reply:
        x = {"x": self.x} if self.hybrid else {}
        return await probe.call(FINISH, d=self.d, z=self.z, status=status, body=body.decode(), **x, **more)

    async def gives(self, probe: HarnessProbe, body: bytes, note: str, **more: Any) -> None:
        """The answer gives the keys of this exchange."""
        reply = await self.finished(probe, body, **more)
        probe.matches(reply, note, {"sid": SID, **self.keys, "psk": psk_of(self.ss()), "ticket": "a ticket"})

    async def declines(
        self, probe: HarnessProbe, bodies: Mapping[str, bytes], right: bytes | None = None, **more: Any
    ) -> None:
        """The right answer gives keys, and none of these does. `more`: what the client demands."""
        await self.gives(probe, self.answer() if right is None else right, "the answer before it was altered", **more)
        probe.sound()
        for note, body in bodies.items():
            probe.judge(await self.finished(probe, body, **more), note)
