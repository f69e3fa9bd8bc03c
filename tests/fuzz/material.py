"""What every target starts from: fast primitives, fixed sessions, a clock that stands, and the published vectors.

The primitives are those of the package cryptography, so that a run is spent on our parsing. Keys are fixed, so that an
input replays; nothing here is secret.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey

from nen_ref.primitives.errors import LengthError
from nen_ref.primitives.ml_kem import Encapsulation
from nen_ref.primitives.suite import REFERENCE
from nen_ref.protocol.handshake import CIPHERTEXT_SIZE
from nen_ref.protocol.identity import Identity
from nen_ref.protocol.session import Session, SessionKeys
from nen_ref.protocol.tickets import TICKET_LIFE_MS, TicketKeys, seal_ticket
from nen_ref.providers import pyca
from nen_ref.vectors.published import published_folder

NOW = 1_760_000_000_000  # ms; the clock of every target


def _encaps(ek: bytes, m: bytes) -> Encapsulation:
    """It draws m itself; no outcome depends on it."""
    return Encapsulation(*MLKEM768PublicKey.from_public_bytes(ek).encapsulate())


def _decaps(dk: bytes, c: bytes) -> bytes:
    LengthError.check("c", c, CIPHERTEXT_SIZE)
    return (OTHER_DECAPSULATION_KEY if dk == OTHER_DK else DECAPSULATION_KEY).decapsulate(c)


def _sign(sk: bytes, message: bytes, context: bytes, rnd: bytes) -> bytes:
    """It draws rnd itself; no outcome depends on it."""
    return _SIGNING_KEYS[sk].sign(message, context)


DECAPSULATION_KEY = MLKEM768PrivateKey.from_seed_bytes(bytes(range(64)))
OTHER_DECAPSULATION_KEY = MLKEM768PrivateKey.from_seed_bytes(bytes(range(64, 128)))
DK, OTHER_DK = b"", b"other"
"""The names of the two keys, in the place of the bytes that cryptography does not take."""
EK = DECAPSULATION_KEY.public_key().public_bytes_raw()
X = bytes(range(1, 33))
PK_X = pyca.SUITE.x25519_public(X)
IDENTITY = Identity.from_seed(bytes(range(32)))
OTHER_IDENTITY = Identity.from_seed(bytes(range(32, 64)))
_SIGNING_KEYS = {
    IDENTITY.sk: MLDSA65PrivateKey.from_seed_bytes(bytes(range(32))),
    OTHER_IDENTITY.sk: MLDSA65PrivateKey.from_seed_bytes(bytes(range(32, 64))),
}

FAST = replace(
    pyca.SUITE,
    ml_kem_768_keygen=lambda d, z: (EK, b""),
    ml_kem_768_encaps=_encaps,
    ml_kem_768_decaps=_decaps,
    ml_dsa_65_sign=_sign,
    unsupported={},
)

REPEATABLE = replace(
    FAST, ml_kem_768_encaps=REFERENCE.ml_kem_768_encaps, ml_dsa_65_sign=REFERENCE.ml_dsa_65_sign, unsupported={}
)
"""For what inputs are made of: it draws nothing itself, so that an input is the same in the next run."""

PLAIN_SESSION = Session(
    "3f8a1c52-9be4-4d07-a6d1-5f0e7c2b9a34", SessionKeys(bytes(range(32)), bytes(range(32, 64))), NOW
)
NAMED_SESSION = Session("named", SessionKeys(bytes(range(64, 96)), bytes(range(96, 128))), NOW, IDENTITY.pk)
"""Of a client with an identity, which the policy lets send unsigned requests."""
V3_SESSION = Session("of-v3", SessionKeys(bytes(range(128, 160)), bytes(range(160, 192))), NOW, family="v3")
SESSIONS = {session.sid: session for session in (PLAIN_SESSION, NAMED_SESSION, V3_SESSION)}

PSK = bytes(range(192, 224))
TICKET_KEYS = TicketKeys(bytes(range(32)), (bytes(range(1, 33)),))


GOOD_TICKETS = ("right", "previous", "last moment")


@cache
def tickets() -> Mapping[str, str]:
    """A ticket of each kind, all for `PSK`. The sealing nonce is fixed: nobody seals anything else here."""
    current, (previous,) = TICKET_KEYS.current, TICKET_KEYS.previous
    later = NOW + TICKET_LIFE_MS
    kinds = {
        "right": (later, current),
        "previous": (later, previous),
        "last moment": (NOW + 1, current),
        "expired": (NOW, current),
        "foreign": (later, bytes(32)),
    }
    return {name: seal_ticket(PSK, expires, key, bytes(12), suite=pyca.SUITE) for name, (expires, key) in kinds.items()}


def drawing() -> Callable[[int], bytes]:
    """Random bytes that are the same in every run."""
    count = 0

    def draw(size: int) -> bytes:
        nonlocal count
        count += 1
        return (sha256(count.to_bytes(4, "big")).digest() * (size // 32 + 1))[:size]

    return draw


@cache
def vectors(name: str) -> tuple[Mapping[str, Any], ...]:
    """The inputs of one file of the published vectors (`v1/payload_open`), those of a group filled in."""
    document = json.loads((published_folder() / f"{name}.json").read_bytes())
    return tuple(
        {**group["input"], **test["input"]}
        for group in document["groups"]
        for test in group["tests"]
        if "input" in test
    )


def texts(name: str, member: str) -> Iterator[bytes]:
    """One text of each vector of a file, as bytes."""
    for given in vectors(name):
        value = given.get(member)
        if isinstance(value, str):
            yield value.encode("utf-8", "surrogatepass")


def octets(name: str, member: str) -> Iterator[bytes]:
    """One hexadecimal argument of each vector of a file, as bytes."""
    for given in vectors(name):
        yield bytes.fromhex(given[member])


@cache
def vector_sessions() -> Mapping[str, Session]:
    """The sessions of the vectors of request verification, by id: their requests are as good here as there."""
    found: dict[str, Session] = dict(SESSIONS)
    for given in (*vectors("v1/request_verification"), *vectors("v2/request_verification")):
        if entry := given["session"]:
            keys = SessionKeys(bytes.fromhex(entry["secret"]), bytes.fromhex(entry["hmac_key"]))
            family = "v3" if given.get("protocol") == "v3" else "v1"
            found.setdefault(entry["sid"], Session(entry["sid"], keys, NOW, family=family))
    return found
