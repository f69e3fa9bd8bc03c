"""Sealed envelopes: data for one recipient, without a session. SEAL-ENV-*, SEAL-CTX-*.

    seal_to(ek, payload, context=..., m, n)    ->  the envelope, a JSON object
    open_sealed(dk, envelope, context=...)     ->  the payload

An envelope says nothing about who sealed it: whoever has the public key can. `seal_signed` adds that. The context is a
text that both sides know beforehand, such as what the data is for; the key depends on it, and the one who opens states
it. Beside an envelope stand `seal_framed` (large payloads), `seal_fields`, `seal_webhook` and `seal_media`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeGuard

from nen_ref.primitives.suite import REFERENCE, Suite
from nen_ref.protocol.errors import (
    CRYPTO_DECRYPT_FAILED,
    WIRE_DECODE_FAILED,
    WIRE_INVALID_PAYLOAD_FORMAT,
    failure,
)
from nen_ref.protocol.handshake import decapsulate, encapsulate
from nen_ref.protocol.members import binary_member
from nen_ref.protocol.payload import NONCE_SIZE, Envelope, open_envelope, seal
from nen_ref.protocol.wire import Malformed, encode_base64, parse_json_object

VERSION = 1
CEK = b"nen/seal v1 cek"
KEY_SIZE = 32

Members = dict[str, object]
"""An envelope: the members of its JSON object, in the order in which they are sent."""


def seal_to(ek: bytes, payload: bytes, *, context: str | None, m: bytes, n: bytes, suite: Suite = REFERENCE) -> Members:
    """The envelope of `payload` for the 1184-byte key `ek`. SEAL-ENV-01, SEAL-ENV-02, SEAL-CTX-01.

    `m`: 32 random bytes (FIPS 203, algorithm 17), `n`: 12, both fresh. ISO-1002 for a key that fails its check, 6001
    for a context that is empty or has no UTF-8.
    """
    cek, kem = new_key(ek, context, m, suite=suite)
    sealed = seal(cek, n, payload, suite=suite)
    members: Members = {"v": VERSION, "kem": kem, "n": sealed.nonce_text, "ct": encode_base64(sealed.ct)}
    return members | named_context(context)


def open_sealed(dk: bytes, envelope: Mapping[str, object], *, context: str | None, suite: Suite = REFERENCE) -> bytes:
    """The payload of an envelope that was sealed with this context, None being none. SEAL-CTX-02.

    SEAL-ENV-06, -07, -08. Anyone may have sealed it: a signature is not looked at here. ISO-6001 and 6002 for the form,
    4001 for another context and for what does not open, 1002 for a `kem` that is not 1088 bytes.
    """
    kem, sealed = read_sealed(envelope)
    info = expected_info(envelope, context)
    return open_envelope(opening_key(dk, kem, info, suite=suite), sealed, suite=suite)


def read_envelope(text: bytes) -> Members:
    """The members of an envelope that came as a JSON text, or ISO-6001. SEAL-ENV-03."""
    try:
        return parse_json_object(text)
    except Malformed as fault:
        raise failure(WIRE_INVALID_PAYLOAD_FORMAT, f"the envelope is {fault}") from None


def read_sealed(envelope: Mapping[str, object]) -> tuple[bytes, Envelope]:
    """`kem`, and `ct` with `n`, of the plain form; the members are looked at in their order. SEAL-ENV-03, -04, -08."""
    kem, n = read_kem(envelope), member(envelope, "n")
    if len(n) != NONCE_SIZE:
        raise failure(WIRE_INVALID_PAYLOAD_FORMAT, f"n is {len(n)} bytes, not {NONCE_SIZE}")
    return kem, Envelope(member(envelope, "ct"), n)


def read_kem(envelope: Mapping[str, object]) -> bytes:
    """The KEM ciphertext of an envelope of this version; decapsulation checks its length. SEAL-ENV-05."""
    v = envelope.get("v")
    if not is_integer(v) or v != VERSION:
        raise failure(WIRE_INVALID_PAYLOAD_FORMAT, f"v is not {VERSION}")
    return member(envelope, "kem")


def expected_info(envelope: Mapping[str, object], context: str | None) -> bytes:
    """The info of the key's HKDF, from the context that is expected and never from `ctx`. SEAL-CTX-02, SEAL-CTX-03.

    ISO-4001 unless the envelope names this context.
    """
    info, named = _info(context), envelope.get("ctx")
    if "ctx" in envelope and (not isinstance(named, str) or not named):
        raise failure(WIRE_INVALID_PAYLOAD_FORMAT, "ctx is not a text, or empty")
    if named != context:
        raise failure(CRYPTO_DECRYPT_FAILED, "the envelope was sealed for another context")
    return info


def new_key(ek: bytes, context: str | None, m: bytes, *, suite: Suite = REFERENCE) -> tuple[bytes, str]:
    """A fresh 32-byte content key, and `kem`, the text that carries it to the recipient. SEAL-ENV-02."""
    info = _info(context)
    shared_secret, ct = encapsulate(ek, m, suite=suite)
    return suite.hkdf_sha256(shared_secret, info, KEY_SIZE), encode_base64(ct)


def opening_key(dk: bytes, kem: bytes, info: bytes, *, suite: Suite = REFERENCE) -> bytes:
    """The 32-byte content key that `kem` carries; ISO-1002 unless it is 1088 bytes. SEAL-ENV-02, SEAL-ENV-05."""
    return suite.hkdf_sha256(decapsulate(dk, kem, suite=suite), info, KEY_SIZE)


def named_context(context: str | None) -> Members:
    """The member `ctx`, absent where there is no context. SEAL-CTX-01."""
    return {} if context is None else {"ctx": context}


def member(envelope: Mapping[str, object], name: str) -> bytes:
    """A binary member of an envelope: ISO-6001 unless it is a text, 6002 unless it is base64. SEAL-ENV-04."""
    return binary_member(envelope, name, WIRE_INVALID_PAYLOAD_FORMAT, WIRE_DECODE_FAILED)


def is_integer(value: object) -> TypeGuard[int]:
    """Whether a JSON value is a number without fraction; true and false are none, though Python counts with them."""
    return isinstance(value, int) and not isinstance(value, bool)


def _info(context: str | None) -> bytes:
    """The label, and after a bar the context. SEAL-CTX-01, SEAL-CTX-03."""
    if context is None:
        return CEK
    try:
        text = context.encode("utf-8")
    except UnicodeEncodeError:
        raise failure(WIRE_INVALID_PAYLOAD_FORMAT, "a context with a lone surrogate") from None
    if not text:
        raise failure(WIRE_INVALID_PAYLOAD_FORMAT, "an empty context; no context is None")
    return CEK + b"|" + text
