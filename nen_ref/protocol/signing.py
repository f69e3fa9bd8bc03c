"""Request authentication: the canonical string and its HMAC."""

from __future__ import annotations

from nen_ref.primitives.suite import REFERENCE, Suite
from nen_ref.protocol.wire import encode_base64


def canonical_string(method: str, path: str, timestamp: str, nonce: str) -> bytes:
    """METHOD \\n PATH \\n TIMESTAMP \\n NONCE in UTF-8. V1-AUTH-05, V1-AUTH-06, V1-REQ-09.

    `path` is the raw path on the wire without query; `timestamp` and `nonce` are the texts as sent; `nonce` is empty
    when there is no body.
    """
    return "\n".join((method.upper(), path, timestamp, nonce)).encode("utf-8", "surrogateescape")


def sign(mac_key: bytes, canonical: bytes, *, suite: Suite = REFERENCE) -> str:
    """The text of X-Nen-Signature: b64 of HMAC-SHA256 under the session's 32-byte HMAC key. V1-AUTH-04."""
    return encode_base64(suite.hmac_sha256(mac_key, canonical))
