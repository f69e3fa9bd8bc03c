"""Responses: sealing on the server, and what a client refuses."""

from __future__ import annotations

from nen_ref.primitives.suite import REFERENCE, Suite
from nen_ref.protocol.errors import CRYPTO_ENCRYPT_FAILED, failure
from nen_ref.protocol.messages import JSON_TYPE, Reply
from nen_ref.protocol.payload import dump_envelope, seal, sealed_size
from nen_ref.protocol.verification import Verified

NO_STORE = {"cache-control": "no-store"}  # V1-RES-06


def seal_response(verified: Verified, status: int, payload: bytes, n: bytes, suite: Suite = REFERENCE) -> Reply:
    """The handler's answer, sealed. V1-RES-01, V1-RES-02, V1-RES-05, V2-RES-01.

    `n`: 12 fresh random bytes; ISO-4002 if it is the nonce of the request. A status that has no body becomes 200.
    """
    if n == verified.n:
        raise failure(CRYPTO_ENCRYPT_FAILED, "the nonce of the answer is that of the request")
    body = dump_envelope(seal(verified.session.keys.enc, n, payload, suite=suite))
    return Reply(with_body(status), {"content-type": JSON_TYPE} | NO_STORE, body)


def head_response(status: int, size: int) -> Reply:
    """The answer to HEAD in V2 and V3: the length of the sealed body that GET would have had, and no body. V2-RES-02.

    `size`: of the payload in bytes.
    """
    length = {"content-length": str(sealed_size(size))}
    return Reply(with_body(status), {"content-type": JSON_TYPE} | length | NO_STORE)


def with_body(status: int) -> int:
    """The status of an answer that has a body, whatever the handler meant: one that has none becomes 200. V1-RES-05."""
    return 200 if status in (204, 205, 304) else status
