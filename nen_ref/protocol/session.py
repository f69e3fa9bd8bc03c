"""Sessions: their keys, and the life of a session on the client as one transition table.

Everything that affects the state of a client's session stands in `CLIENT_TRANSITIONS`; the documentation draws its
state diagram from it. Rotation, and the new handshake after a 401, are the life of another session: on the client a
session never changes its keys, and the ratchet of V3 makes a successor of the same id.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from nen_ref.protocol.errors import SESSION_NOT_INITIALIZED, failure

SESSION_LIFE_MS = 3_600_000
WINDOW_MS = 30_000


@dataclass(frozen=True)
class SessionKeys:
    """The two keys of a session, 32 bytes each: `enc` seals payloads, `mac` authenticates requests."""

    enc: bytes = field(repr=False)
    mac: bytes = field(repr=False)


@dataclass(frozen=True)
class Session:
    """What a server keeps of a session: `created_at` in ms, `identity` the ML-DSA-65 key it proved, or None.

    `family` names the handshake that made it: "v1" (V1 and V2, whose handshakes are the same) or "v3".
    """

    sid: str
    keys: SessionKeys
    created_at: int
    identity: bytes | None = field(default=None, repr=False)
    family: str = "v1"  # V3-LIFE-03


class ClientState(enum.Enum):
    NEW = "new"
    HANDSHAKING = "handshaking"
    ESTABLISHED = "established"
    CLOSED = "closed"


class ClientEvent(enum.Enum):
    SEND_HANDSHAKE = "send handshake"
    HANDSHAKE_OK = "handshake answered"
    HANDSHAKE_REFUSED = "handshake refused"
    SEND_REQUEST = "send request"
    TERMINATE = "terminate"


CLIENT_TRANSITIONS: dict[tuple[ClientState, ClientEvent], ClientState] = {
    (ClientState.NEW, ClientEvent.SEND_HANDSHAKE): ClientState.HANDSHAKING,
    (ClientState.HANDSHAKING, ClientEvent.HANDSHAKE_OK): ClientState.ESTABLISHED,
    (ClientState.HANDSHAKING, ClientEvent.HANDSHAKE_REFUSED): ClientState.NEW,
    (ClientState.ESTABLISHED, ClientEvent.SEND_REQUEST): ClientState.ESTABLISHED,
    (ClientState.NEW, ClientEvent.TERMINATE): ClientState.CLOSED,
    (ClientState.HANDSHAKING, ClientEvent.TERMINATE): ClientState.CLOSED,
    (ClientState.ESTABLISHED, ClientEvent.TERMINATE): ClientState.CLOSED,
    (ClientState.CLOSED, ClientEvent.TERMINATE): ClientState.CLOSED,
}


def next_state(state: ClientState, event: ClientEvent) -> ClientState:
    """The state after `event`; ISO-2001 for what the state does not allow. V1-LIFE-09."""
    if (state, event) not in CLIENT_TRANSITIONS:
        raise failure(SESSION_NOT_INITIALIZED, f"cannot {event.value}: the session is {state.value}")
    return CLIENT_TRANSITIONS[state, event]
