"""Broken libraries of V2: the nonce in its header. Each function below is one fault."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

from nen_ref.conformance.mutants.model import mutant
from nen_ref.conformance.mutants.patch import around
from nen_ref.protocol import carriage, payload, verification
from nen_ref.protocol.carriage import Carried
from nen_ref.protocol.errors import AUTH_SIGNATURE_INVALID, NenError, failure
from nen_ref.protocol.messages import NONCE_HEADER, Headers, Request
from nen_ref.protocol.payload import Envelope, dump_envelope
from nen_ref.protocol.wire import Malformed, encode_base64, parse_json_object

VERIFICATION = "v2/library-verification/"
REPLAYED = "a recorded request without a body passes again until its timestamp is too old"
TWO_PLACES = "of two places for one nonce, each reader takes another one"


def _with_nonce(request: Request, text: str) -> Request:
    """The request with another X-Nen-Nonce."""
    others = [pair for pair in request.headers.items() if pair[0].lower() != NONCE_HEADER]
    return replace(request, headers=Headers([*others, (NONCE_HEADER, text)]))


def _n_of_body(request: Request) -> str:
    try:
        n = parse_json_object(request.body).get("n")
    except Malformed:
        return ""
    return n if isinstance(n, str) else ""


@mutant(
    "library/nonce-of-the-body-taken", "V2-AUTH-07", VERIFICATION, "v2/library-request/", gains="the way back to V1"
)
def _() -> None:
    """Where the header is absent the nonce of the body is taken, as in V1."""

    @around(carriage.read_from_header)
    def _(original: Any, request: Request) -> Any:
        if request.headers.get(NONCE_HEADER) or not _n_of_body(request):
            return original(request)
        return original(_with_nonce(request, _n_of_body(request)))


@mutant("library/no-nonce-without-a-body", "V2-AUTH-07", VERIFICATION, gains=REPLAYED)
def _() -> None:
    """A request without a body and without the header is verified as one of V1."""

    @around(carriage.read_from_header)
    def _(original: Any, request: Request) -> Any:
        return Carried(None, None) if not request.body and NONCE_HEADER not in request.headers else original(request)


@mutant("library/empty-nonce-passes", "V2-AUTH-04", "v2/library-", gains=REPLAYED)
def _() -> None:
    """An empty header is a nonce that is not recorded."""

    @around(carriage.read_from_header)
    def _(original: Any, request: Request) -> Any:
        if request.headers.get(NONCE_HEADER) == "":
            return Carried(None, None)
        return original(request)


@mutant("library/missing-nonce-told-as-a-signature", "V2-AUTH-01", VERIFICATION, gains="clients of V1 cannot tell why")
def _() -> None:
    """A request without the header is refused as one with a wrong signature."""

    @around(carriage.read_from_header)
    def _(original: Any, request: Request) -> Any:
        if NONCE_HEADER not in request.headers:
            raise failure(AUTH_SIGNATURE_INVALID)
        return original(request)


@mutant("library/nonces-without-a-body-not-recorded", "V2-REPLAY-01", gains=REPLAYED)
def _() -> None:
    """Whether a nonce was used is asked for requests with a body alone."""

    @around(verification.check_shape)
    def _(original: Any, *args: Any) -> Any:
        carried = original(*args)
        bodies.append(carried.ct is not None)
        return carried

    bodies: list[bool] = []

    @around(verification.check_replay)
    def _(original: Any, answer: Any) -> Any:
        return original(answer) if bodies[-1] else None


@mutant(
    "library/nonce-decoded-leniently",
    "V2-REQ-06",
    "v2/library-verification/strict-base64",
    "v2/library-verification/nonce-",
    "v2/library-request/nonce-",
    gains="one nonce has many texts, and passes the replay check once for each",
)
def _() -> None:
    """The header is decoded by a function that skips what it does not know."""

    @around(carriage.read_from_header)
    def _(original: Any, request: Request) -> Any:
        text = request.headers.get(NONCE_HEADER) or ""
        try:
            octets = base64.b64decode(text.encode("ascii", "ignore").replace(b"-", b"+").replace(b"_", b"/") + b"==")
        except ValueError:
            return original(request)
        return original(_with_nonce(request, encode_base64(octets)) if text else request)


@mutant("library/nonce-filled-up", "V2-REQ-05", gains="there are fewer nonces than it seems")
def _() -> None:
    """A nonce of another length is cut, or filled up with zeros."""

    @around(carriage.read_from_header)
    def _(original: Any, request: Request) -> Any:
        try:
            return original(request)
        except NenError as error:
            if error.code != "ISO-6001":
                raise
            octets = base64.b64decode(request.headers.get(NONCE_HEADER) or "")
            carried = original(_with_nonce(request, encode_base64((octets + bytes(12))[:12])))
            return carried if len(octets) != 12 else original(request)


@mutant("library/first-of-two-nonces", "V2-AUTH-05", "v2/library-request/nonce-not-base64", gains=TWO_PLACES)
def _() -> None:
    """Of a header that is repeated the first value is taken."""

    @around(carriage.read_from_header)
    def _(original: Any, request: Request) -> Any:
        text = request.headers.get(NONCE_HEADER) or ""
        return original(_with_nonce(request, text.partition(", ")[0]) if ", " in text else request)


@mutant("library/nonce-of-the-body-preferred", "V2-REQ-07", VERIFICATION, "v2/library-request/", gains=TWO_PLACES)
def _() -> None:
    """Where the body has an n, it is taken in place of the header."""

    @around(carriage.read_from_header)
    def _(original: Any, request: Request) -> Any:
        original(request)
        return original(_with_nonce(request, _n_of_body(request)) if _n_of_body(request) else request)


@mutant("library/nonce-of-the-body-checked", "V2-REQ-07", "v2/library-", gains="clients that send both are turned away")
def _() -> None:
    """An n in the body has to be the nonce of the header."""

    @around(carriage.read_from_header)
    def _(original: Any, request: Request) -> Any:
        carried = original(request)
        if _n_of_body(request) and _n_of_body(request) != carried.nonce_text:
            raise failure(AUTH_SIGNATURE_INVALID, "two nonces")
        return carried


@mutant("library/n-left-in-the-body", "V2-REQ-01", gains=TWO_PLACES)
def _() -> None:
    """A payload is sealed as in V1, with n beside ct."""

    @around(carriage.write_to_header)
    def _(original: Any, n: bytes, ct: bytes | None) -> Any:
        written = original(n, ct)
        return written if ct is None else replace(written, body=dump_envelope(Envelope(ct, n)))


@mutant("library/ct-left-out-is-no-body", "V2-REQ-03", "v2/library-", gains="a plain body passes for none")
def _() -> None:
    """A body without ct counts as none."""

    @around(payload.parse_ciphertext)
    def _(original: Any, body: bytes) -> Any:
        try:
            return original(body) if "ct" in parse_json_object(body) else None
        except Malformed:
            return original(body)


@mutant("library/body-of-a-get-dropped", "V2-REQ-10", gains="what was signed and sealed does not reach the handler")
def _() -> None:
    """The body of a GET or HEAD is dropped before it is looked at."""

    @around(carriage.read_from_header)
    def _(original: Any, request: Request) -> Any:
        return original(replace(request, body=b"") if request.method in ("GET", "HEAD") else request)


@mutant("library/nonce-sought-before-the-session", "V2-AUTH-03", gains="an outsider learns the version of a server")
def _() -> None:
    """A missing nonce is told before a missing or unknown session."""

    @around(verification.check_session)
    def _(original: Any, session: Any) -> Any:
        if missing[-1]:
            raise missing[-1]
        return original(session)

    missing: list[NenError | None] = [None]

    @around(verification.check_session_header)
    def _(original: Any, request: Request) -> Any:
        missing[:] = [None]
        if NONCE_HEADER not in request.headers:
            try:
                carriage.read_from_header(request)
            except NenError as error:
                missing[:] = [error]
        return original(request)
