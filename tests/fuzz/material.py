"""What every target starts from: fast primitives, two fixed sessions, a clock that stands, and the published vectors.

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

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey

from nen_ref.primitives.ml_kem import Encapsulation
from nen_ref.protocol.identity import Identity
from nen_ref.protocol.session import Session, SessionKeys
from nen_ref.providers import pyca
from nen_ref.vectors.published import published_folder

NOW = 1_760_000_000_000  # ms; the clock of every target


def _encaps(ek: bytes, m: bytes) -> Encapsulation:
    """It draws m itself; no outcome depends on it."""
    return Encapsulation(*MLKEM768PublicKey.from_public_bytes(ek).encapsulate())


def _decaps(dk: bytes, c: bytes) -> bytes:
    return DECAPSULATION_KEY.decapsulate(c)


DECAPSULATION_KEY = MLKEM768PrivateKey.from_seed_bytes(bytes(range(64)))
EK = DECAPSULATION_KEY.public_key().public_bytes_raw()
IDENTITY = Identity.from_seed(bytes(range(32)))

FAST = replace(
    pyca.SUITE,
    ml_kem_768_keygen=lambda d, z: (EK, b""),
    ml_kem_768_encaps=_encaps,
    ml_kem_768_decaps=_decaps,
    unsupported={},
)

PLAIN_SESSION = Session(
    "3f8a1c52-9be4-4d07-a6d1-5f0e7c2b9a34", SessionKeys(bytes(range(32)), bytes(range(32, 64))), NOW
)
NAMED_SESSION = Session("named", SessionKeys(bytes(range(64, 96)), bytes(range(96, 128))), NOW, IDENTITY.pk)
"""Of a client with an identity, which the policy lets send unsigned requests."""
SESSIONS = {session.sid: session for session in (PLAIN_SESSION, NAMED_SESSION)}


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
    for given in vectors("v1/request_verification"):
        if entry := given["session"]:
            keys = SessionKeys(bytes.fromhex(entry["secret"]), bytes.fromhex(entry["hmac_key"]))
            found.setdefault(entry["sid"], Session(entry["sid"], keys, NOW))
    return found
