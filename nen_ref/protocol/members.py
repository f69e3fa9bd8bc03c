"""Binary members of a JSON object, each place with the ISO codes that it has for what is not right."""

from __future__ import annotations

from collections.abc import Mapping

from nen_ref.primitives.errors import EncodingError
from nen_ref.primitives.ml_dsa import ML_DSA_65
from nen_ref.primitives.ml_dsa_keys import decode_spki
from nen_ref.protocol.errors import ErrorCode, failure
from nen_ref.protocol.wire import Malformed, decode_base64


def binary_member(members: Mapping[str, object], name: str, shape: ErrorCode, undecodable: ErrorCode) -> bytes:
    """The bytes of a base64 member: `shape` if it is absent or no text, `undecodable` for other texts. V1-WIRE-03."""
    text = members.get(name)
    if not isinstance(text, str):
        raise failure(shape, f"{name} is {'not a text' if name in members else 'absent'}")
    try:
        return decode_base64(text)
    except Malformed as fault:
        raise failure(undecodable, f"{name} is {fault}") from None


def ml_dsa_65_key(der: bytes, name: str, wrong: ErrorCode) -> bytes:
    """The 1952-byte key of a SubjectPublicKeyInfo, or the bare key itself; otherwise `wrong`. V1-ID-02, V1-ID-04."""
    if len(der) == ML_DSA_65.pk_size:
        return der
    try:
        return decode_spki(ML_DSA_65, der)
    except EncodingError as fault:
        raise failure(wrong, f"{name}: {fault}") from None
