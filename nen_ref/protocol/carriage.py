"""Where a request carries its nonce and its ciphertext: in the body (V1), or the nonce in a header (V2, V3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nen_ref.protocol.errors import AUTH_NONCE_MISSING, WIRE_DECODE_FAILED, WIRE_INVALID_PAYLOAD_FORMAT, failure
from nen_ref.protocol.messages import NONCE_HEADER, Request
from nen_ref.protocol.payload import (
    NONCE_SIZE,
    Envelope,
    dump_ciphertext,
    dump_envelope,
    parse_ciphertext,
    parse_envelope,
)
from nen_ref.protocol.wire import Malformed, decode_base64, encode_base64


@dataclass(frozen=True)
class Carried:
    """What a request carries: `n`, its 12-byte nonce, and `ct`, its ciphertext, each None where there is none."""

    n: bytes | None
    ct: bytes | None = field(repr=False)

    @property
    def nonce_text(self) -> str:
        """NONCE of the canonical string. V1-REQ-09, V2-AUTH-02."""
        return "" if self.n is None else encode_base64(self.n)

    @property
    def envelope(self) -> Envelope | None:
        return None if self.n is None or self.ct is None else Envelope(self.ct, self.n)


@dataclass(frozen=True)
class Written:
    """The same on its way out: the headers it adds, and the body, None where there is none."""

    nonce_text: str
    headers: Mapping[str, str]
    body: bytes | None = field(repr=False)


def read_from_body(request: Request) -> Carried:
    """V1: `{"ct", "n"}`, and neither without a body. V1-REQ-03, V1-REQ-04, V1-REQ-09."""
    if not request.body:
        return Carried(None, None)
    envelope = parse_envelope(request.body)
    return Carried(envelope.n, envelope.ct)


def read_from_header(request: Request) -> Carried:
    """V2: `X-Nen-Nonce` whatever the method, and `{"ct"}` if there is a body. V2-REQ-03 to V2-REQ-11, V2-AUTH-05.

    ISO-3005 without the header, or with an empty one (V2-AUTH-01, V2-AUTH-04, V2-AUTH-07); ISO-6002 if it does not
    decode, ISO-6001 if it is not 12 bytes. A member `n` of the body is not looked at.
    """
    text = request.headers.get(NONCE_HEADER)
    if not text:
        raise failure(AUTH_NONCE_MISSING)
    try:
        n = decode_base64(text)
    except Malformed as fault:
        raise failure(WIRE_DECODE_FAILED, f"{NONCE_HEADER} is {fault}") from None
    if len(n) != NONCE_SIZE:
        raise failure(WIRE_INVALID_PAYLOAD_FORMAT, f"{NONCE_HEADER} is {len(n)} bytes, not {NONCE_SIZE}")
    return Carried(n, parse_ciphertext(request.body) if request.body else None)


def write_to_body(n: bytes, ct: bytes | None) -> Written:
    """V1: a request without a body has no nonce. V1-REQ-01, V1-REQ-09."""
    if ct is None:
        return Written("", {}, None)
    envelope = Envelope(ct, n)
    return Written(envelope.nonce_text, {}, dump_envelope(envelope))


def write_to_header(n: bytes, ct: bytes | None) -> Written:
    """V2: the nonce goes into the header, also without a body. V2-REQ-01; V2-REQ-02 is the caller's."""
    text = encode_base64(n)
    return Written(text, {NONCE_HEADER: text}, None if ct is None else dump_ciphertext(ct))
