"""The key schedule of V3: every key comes out of HKDF-SHA256 under a label of its own, and none is ever sent."""

from __future__ import annotations

from dataclasses import dataclass, field

from nen_ref.primitives.suite import REFERENCE, Suite
from nen_ref.protocol.session import SessionKeys

KEY_SIZE = 32

HYBRID = b"nen/v3 hybrid"
ENC = b"nen/v3 enc"
MAC = b"nen/v3 mac"
RESUME = b"nen/v3 resume"
RESUME_SECRET = b"nen/v3 resume-ss"
RATCHET = b"nen/v3 ratchet"


@dataclass(frozen=True)
class Derived:
    """What a shared secret gives: the two keys of a session, and `psk` (32 bytes), from which later sessions resume."""

    keys: SessionKeys
    psk: bytes = field(repr=False)


def combine(x_ss: bytes, kem_ss: bytes, *, suite: Suite = REFERENCE) -> bytes:
    """The shared secret of the hybrid mode out of those of X25519 and ML-KEM, 32 bytes each: safe if either is.

    V3-KEY-01.
    """
    return suite.hkdf_sha256(x_ss + kem_ss, HYBRID, KEY_SIZE)


def derive(ss: bytes, *, suite: Suite = REFERENCE) -> Derived:
    """All keys of the 32-byte shared secret of a handshake. V3-KEY-03."""
    return Derived(session_keys(ss, suite=suite), suite.hkdf_sha256(ss, RESUME, KEY_SIZE))


def session_keys(ss: bytes, *, suite: Suite = REFERENCE) -> SessionKeys:
    """The two keys of a session, of a handshake or of a resumption. V3-KEY-03, V3-KEY-04."""
    return SessionKeys(suite.hkdf_sha256(ss, ENC, KEY_SIZE), suite.hkdf_sha256(ss, MAC, KEY_SIZE))


def resume_secret(psk: bytes, rn: bytes, srn: bytes, *, suite: Suite = REFERENCE) -> bytes:
    """The shared secret of a resumed session; `rn` and `srn` are 32 random bytes of the client and of the server.

    V3-TICKET-03, V3-TICKET-04.
    """
    return suite.hkdf_sha256(psk + rn + srn, RESUME_SECRET, KEY_SIZE)


def ratchet(keys: SessionKeys, *, suite: Suite = REFERENCE) -> SessionKeys:
    """The next keys of a session. Nothing leads back: who takes these has not the ones before.

    V3-REKEY-02, V3-REKEY-11.
    """
    return SessionKeys(suite.hkdf_sha256(keys.enc, RATCHET, KEY_SIZE), suite.hkdf_sha256(keys.mac, RATCHET, KEY_SIZE))
