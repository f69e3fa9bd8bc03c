"""Resumption tickets of V3: the `psk` of a session, sealed by the server for itself.

A ticket is opaque to clients. Its form here is the recorded one: b64(nonce) "." b64(sealed), what is sealed being the
JSON text {"psk", "exp"}. Every node that shares the ticket key opens it, and nothing is stored.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from nen_ref.primitives.errors import AuthenticationError, LengthError
from nen_ref.primitives.suite import REFERENCE, Suite
from nen_ref.protocol.key_schedule import KEY_SIZE
from nen_ref.protocol.payload import NONCE_SIZE
from nen_ref.protocol.wire import Malformed, decode_base64, dump_json, encode_base64, parse_json_object

TICKET_LIFE_MS = 600_000


@dataclass(frozen=True)
class TicketKeys:
    """The ticket keys that all nodes of a server share, 32 bytes each: `current` seals, the `previous` still open.

    A rotation makes a new key the current one, and keeps the old one for as long as a ticket lives. V3-TICKET-11.
    """

    current: bytes = field(repr=False)
    previous: tuple[bytes, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        for key in (self.current, *self.previous):
            LengthError.check("ticket key", key, KEY_SIZE)


def seal_ticket(psk: bytes, expires: int, key: bytes, nonce: bytes, *, suite: Suite = REFERENCE) -> str:
    """The ticket for a 32-byte `psk`, good before `expires` (ms), under a fresh 12-byte nonce. V3-TICKET-01, -17."""
    text = dump_json({"psk": encode_base64(psk), "exp": expires})
    return f"{encode_base64(nonce)}.{encode_base64(suite.aead_seal(key, nonce, text))}"


def open_ticket(ticket: str, keys: TicketKeys, now: int, *, suite: Suite = REFERENCE) -> bytes | None:
    """The `psk` of a ticket of ours that has not expired at `now` (ms); None for any other text.

    Whether its session lives does not matter. V3-TICKET-05, V3-TICKET-10 to V3-TICKET-12, V3-LIFE-02.
    """
    for key in (keys.current, *keys.previous):
        try:
            psk, expires = _opened(ticket, key, suite)
        except (Malformed, AuthenticationError):
            continue
        return psk if now < expires else None
    return None


def _opened(ticket: str, key: bytes, suite: Suite) -> tuple[bytes, int]:
    nonce_text, _, sealed = ticket.partition(".")
    nonce = decode_base64(nonce_text)
    if len(nonce) != NONCE_SIZE:
        raise Malformed("a nonce of another length")
    members = parse_json_object(suite.aead_open(key, nonce, decode_base64(sealed)))
    psk, expires = members.get("psk"), members.get("exp")
    if not isinstance(psk, str) or type(expires) is not int:
        raise Malformed("not a ticket")
    secret = decode_base64(psk)
    if len(secret) != KEY_SIZE:
        raise Malformed("a psk of another length")
    return secret, expires
