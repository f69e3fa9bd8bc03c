"""Broken clients of V2. Each function below is one fault; its docstring says which."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from nen_ref.conformance.mutants.model import EVERYTHING, mutant
from nen_ref.conformance.mutants.patch import around, instead_of
from nen_ref.http import client as http_client
from nen_ref.protocol import carriage, signing
from nen_ref.protocol.carriage import Written
from nen_ref.protocol.client import ClientSession
from nen_ref.protocol.messages import NONCE_HEADER
from nen_ref.protocol.payload import Envelope, dump_envelope
from nen_ref.protocol.versions import V1
from nen_ref.protocol.wire import encode_base64

REFUSED = "no server takes its requests"
REPLAYED = "whoever records a request without a body sends it again"


@mutant("client/no-nonce-without-a-body", "V2-AUTH-02", EVERYTHING, gains=REPLAYED)
def _() -> None:
    """A request without a body has no nonce, as in V1."""

    @around(carriage.write_to_header)
    def _(original: Any, n: bytes, ct: bytes | None) -> Any:
        return Written("", {}, None) if ct is None else original(n, ct)


@mutant("client/nonce-not-signed", "V2-AUTH-02", EVERYTHING, gains="the nonce of a request can be exchanged on the way")
def _() -> None:
    """The canonical string has an empty NONCE where there is no body, though the header has one."""

    @around(signing.canonical_string)
    def _(original: Any, method: str, path: str, timestamp: str, nonce: str) -> Any:
        return original(method, path, timestamp, nonce if method in ("POST", "PUT", "PATCH") else "")


@mutant(
    "client/refusal-leads-back-to-v1",
    "V2-AUTH-02",
    "v2/client-request/no-way-back",
    "v2/client-response/error-codes",
    "v2/client-lifecycle/other-refusals-not-retried",
    gains="one refusal, which anybody on the way can make, takes the client back to what can be replayed",
)
def _() -> None:
    """A request that is refused with a 400 is sent once more in the form of V1."""

    @around(http_client._Flow._signed)
    def _(original: Any, self: Any, *args: Any) -> Any:
        response, session = yield from original(self, *args)
        if response.status_code != 400 or http_client._looks_sealed(response):
            return response, session
        session._version = V1
        return (yield from self._attempt(*args))


@mutant(
    "client/nonce-in-the-body-too",
    "V2-REQ-01",
    "v2/client-request/no-way-back",
    gains="of two places for one nonce, the server and what stands before it could each take another one",
)
def _() -> None:
    """The body is the envelope of V1, and the header stands beside it."""

    @around(carriage.write_to_header)
    def _(original: Any, n: bytes, ct: bytes | None) -> Any:
        written = original(n, ct)
        return written if ct is None else replace(written, body=dump_envelope(Envelope(ct, n)))


@mutant("client/nonce-with-post-alone", "V2-REQ-01", EVERYTHING, gains=REFUSED)
def _() -> None:
    """Only a POST carries X-Nen-Nonce."""

    @around(ClientSession.request)
    def _(original: Any, self: ClientSession, method: str, *args: Any, **options: Any) -> Any:
        signed = original(self, method, *args, **options)
        if method == "POST":
            return signed
        return replace(signed, headers={name: text for name, text in signed.headers.items() if name != NONCE_HEADER})


@mutant("client/nonce-in-hexadecimal", "V2-REQ-01", EVERYTHING, gains=REFUSED)
def _() -> None:
    """The nonce is written in hexadecimal, and signed so."""

    @around(carriage.write_to_header)
    def _(original: Any, n: bytes, ct: bytes | None) -> Any:
        return replace(original(n, ct), nonce_text=n.hex(), headers={NONCE_HEADER: n.hex()})


@mutant("client/header-of-another-nonce", "V2-REQ-01", EVERYTHING, gains="no server opens its requests")
def _() -> None:
    """The payload is sealed under another nonce than the header tells."""

    @around(carriage.write_to_header)
    def _(original: Any, n: bytes, ct: bytes | None) -> Any:
        other = encode_base64(n[::-1])
        return replace(original(n, ct), nonce_text=other, headers={NONCE_HEADER: other})


@mutant(
    "client/nonces-without-a-body-forgotten",
    "V2-RES-03",
    gains="an answer, or a stream, under a nonce that the client has sent passes: one nonce for two texts",
)
def _() -> None:
    """Only the nonces of sealed payloads are remembered."""

    @around(ClientSession.request)
    def _(original: Any, self: ClientSession, method: str, path: str, sealed: bytes | None, **options: Any) -> Any:
        signed = original(self, method, path, sealed, **options)
        if sealed is None:
            self._seen.discard(options["n"])
            self._seen_heads.discard(options["n"][:8])
        return signed


@mutant(
    "client/only-the-last-nonce",
    "V2-RES-03",
    "v2/client-response/earlier-request-reflected",
    "v2/client-response/earlier-answer",
    "v2/client-stream/",
    gains="an attacker answers with what the client sent a moment ago",
)
def _() -> None:
    """Of all nonces only the last is remembered."""

    @instead_of(ClientSession._remember)
    def _(self: ClientSession, n: bytes) -> None:
        self._seen = {n}
        self._seen_heads = {n[:8]}
