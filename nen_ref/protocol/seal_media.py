"""Sealed media: a file as a framed envelope of the context `media`, its type and size beside it. SEAL-MED-*.

Neither type nor size is sealed or signed: whoever carries a file can say that it is of another type, and the type is
what a browser acts on. So the one who opens states which types he takes, and what he knows of the size.
"""

from __future__ import annotations

from collections.abc import Mapping, Set

from nen_ref.primitives.suite import REFERENCE, Suite
from nen_ref.protocol.errors import CRYPTO_DECRYPT_FAILED, WIRE_INVALID_PAYLOAD_FORMAT, failure
from nen_ref.protocol.seal import Members, is_integer
from nen_ref.protocol.seal_framed import FRAME_SIZE, Size, open_framed, seal_framed, sized_context

CONTEXT = "media"


def seal_media(
    ek: bytes,
    data: bytes,
    media_type: str,
    *,
    m: bytes,
    frame_size: int = FRAME_SIZE,
    size_in_context: bool = False,
    suite: Suite = REFERENCE,
) -> Members:
    """`{"envelope", "type", "size"}` of a file. SEAL-MED-01. Errors as `seal_framed`.

    `size_in_context`: with a context that the published readers of media do not expect, for those who do. SEAL-FRM-08.
    """
    context = sized_context(CONTEXT, len(data)) if size_in_context else CONTEXT
    envelope = seal_framed(ek, data, context=context, m=m, frame_size=frame_size, suite=suite)
    return {"envelope": envelope, "type": media_type, "size": len(data)}


def open_media(
    dk: bytes,
    media: Mapping[str, object],
    *,
    types: str | Set[str],
    size: int | Size,
    suite: Suite = REFERENCE,
) -> bytes:
    """The data of a file that is said to be of one of these types. SEAL-MED-02, SEAL-MED-03. `size` as `open_frames`.

    ISO-6001 for its form, 4001 for another type or a size that the envelope has not; otherwise as `open_framed`.
    """
    envelope, said_type, said_size = media.get("envelope"), media.get("type"), media.get("size")
    if not isinstance(envelope, dict) or not isinstance(said_type, str) or not is_integer(said_size):
        raise failure(WIRE_INVALID_PAYLOAD_FORMAT, "not an object of an envelope, a type and a size")
    if said_type not in ({types} if isinstance(types, str) else types):
        raise failure(CRYPTO_DECRYPT_FAILED, "the file is not of an expected type")
    if said_size != envelope.get("size"):
        raise failure(CRYPTO_DECRYPT_FAILED, "the size of the file is not that of its envelope")
    return open_framed(dk, envelope, context=CONTEXT, size=size, suite=suite)
