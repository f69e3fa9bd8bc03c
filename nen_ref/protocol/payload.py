"""Sealed payloads: the `{"ct", "n"}` object of requests and responses."""

from __future__ import annotations

from dataclasses import dataclass

from nen_ref.primitives.errors import AuthenticationError, LimitError
from nen_ref.primitives.suite import REFERENCE, Suite
from nen_ref.protocol.errors import (
    CRYPTO_DECRYPT_FAILED,
    CRYPTO_ENCRYPT_FAILED,
    WIRE_DECODE_FAILED,
    WIRE_INVALID_PAYLOAD_FORMAT,
    failure,
)
from nen_ref.protocol.members import binary_member
from nen_ref.protocol.wire import Malformed, dump_json, encode_base64, parse_json_object

NONCE_SIZE = 12
TAG_SIZE = 16


@dataclass(frozen=True)
class Envelope:
    """A sealed payload: `ct` the ciphertext with its 16-byte tag, `n` the 12-byte nonce."""

    ct: bytes
    n: bytes

    @property
    def nonce_text(self) -> str:
        """`n` as it stands in the body, and as NONCE in the canonical string."""
        return encode_base64(self.n)


def parse_envelope(body: bytes) -> Envelope:
    """The envelope in a body: ISO-6001 for its shape, ISO-6002 for undecodable text.

    V1-REQ-03, -04, -05, -10, -12; of an answer V1-RES-08.
    """
    members = _object(body)
    ct, n = _binary(members, "ct"), _binary(members, "n")
    if len(n) != NONCE_SIZE:
        raise failure(WIRE_INVALID_PAYLOAD_FORMAT, f"n is {len(n)} bytes, not {NONCE_SIZE}")
    return Envelope(ct, n)


def sealed_size(size: int) -> int:
    """The size of the body of an envelope whose payload has `size` bytes, for an answer that is not sent."""
    return len(dump_envelope(Envelope(b"", bytes(NONCE_SIZE)))) + 4 * -(-(size + TAG_SIZE) // 3)


def parse_ciphertext(body: bytes) -> bytes:
    """The ciphertext in the body of a request whose nonce is elsewhere: ISO-6001, ISO-6002 as `parse_envelope`."""
    return _binary(_object(body), "ct")


def dump_envelope(envelope: Envelope) -> bytes:
    """The body of an envelope; 4/3 of the payload and some 60 bytes. V1-REQ-01, V1-WIRE-06."""
    return dump_json({"ct": encode_base64(envelope.ct), "n": envelope.nonce_text})


def dump_ciphertext(ct: bytes) -> bytes:
    """The body of a request whose nonce is elsewhere."""
    return dump_json({"ct": encode_base64(ct)})


def seal(key: bytes, n: bytes, payload: bytes, *, suite: Suite = REFERENCE) -> Envelope:
    """Seal `payload` under the 32-byte key and the fresh 12-byte nonce; ISO-4002 beyond the limit of RFC 8439."""
    try:
        return Envelope(suite.aead_seal(key, n, payload), n)
    except LimitError as fault:
        raise failure(CRYPTO_ENCRYPT_FAILED, str(fault)) from None


def open_envelope(key: bytes, envelope: Envelope, *, suite: Suite = REFERENCE) -> bytes:
    """The payload, or ISO-4001; a `ct` shorter than a tag is refused the same way. V1-REQ-06, V1-REQ-07."""
    try:
        return suite.aead_open(key, envelope.n, envelope.ct)
    except (AuthenticationError, LimitError):
        raise failure(CRYPTO_DECRYPT_FAILED, f"the tag of {len(envelope.ct)} sealed bytes does not verify") from None


def _object(body: bytes) -> dict[str, object]:
    try:
        return parse_json_object(body)
    except Malformed as fault:
        raise failure(WIRE_INVALID_PAYLOAD_FORMAT, f"the body is {fault}") from None


def _binary(members: dict[str, object], name: str) -> bytes:
    return binary_member(members, name, WIRE_INVALID_PAYLOAD_FORMAT, WIRE_DECODE_FAILED)
