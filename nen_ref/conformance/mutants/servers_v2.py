"""Broken servers of V2. Each function below is one fault; its docstring says which."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any

from nen_ref.conformance.mutants.model import mutant
from nen_ref.conformance.mutants.patch import around, instead_of, set_field
from nen_ref.protocol import responses, signing, verification, versions
from nen_ref.protocol.carriage import Carried, read_from_body, read_from_header
from nen_ref.protocol.errors import AUTH_NONCE_MISSING, WIRE_INVALID_PAYLOAD_FORMAT, NenError, failure
from nen_ref.protocol.messages import NONCE_HEADER, TIMESTAMP_HEADER, Reply, Request, json_reply
from nen_ref.protocol.payload import Envelope, parse_ciphertext
from nen_ref.protocol.session import Session
from nen_ref.protocol.verification import RecordNonce, Verified
from nen_ref.protocol.versions import V1, V2, V3, Version
from nen_ref.protocol.wire import Malformed, decode_base64, parse_json_object

Read = Callable[[Request], Carried]
AGAIN = "a recorded request without a body runs again and again"
BACK = "leaving a header out leads back to V1, where a request without a body can be repeated"


def reads(fault: Read) -> None:
    """The server reads requests of V2 and V3 so."""
    set_field(V2, "read_request", fault)
    set_field(V3, "read_request", fault)


def without_body(request: Request) -> bool:
    return not request.body


def records(change: Callable[[Request, RecordNonce], RecordNonce | None]) -> None:
    """The server records another nonce than that of the request, or none."""

    @around(verification.verify_request)
    def _(original: Any, request: Request, *args: Any, **options: Any) -> Generator[Any, Any, Verified]:
        steps, answer = original(request, *args, **options), None
        while True:
            try:
                question = steps.send(answer)
            except StopIteration as end:
                verified: Verified = end.value
                return verified
            changed = change(request, question) if isinstance(question, RecordNonce) else question
            answer = verification.NonceAnswer.NEW if changed is None else (yield changed)


# Where the nonce is


@mutant(
    "server/v2-nonce-from-the-body",
    "V2-AUTH-01",
    "v2/auth/order-nonce-before-signature",
    "v2/stream/get-without-nonce",
    "v2/versions/v1-request-refused",
    gains=BACK,
)
def _() -> None:
    """Where X-Nen-Nonce is missing the request is read as one of V1."""
    reads(lambda request: (read_from_header if NONCE_HEADER in request.headers else read_from_body)(request))


@mutant(
    "server/v2-no-nonce-needed-without-body",
    "V2-AUTH-01",
    "v2/auth/order-nonce-before-signature",
    "v2/stream/get-without-nonce",
    "v2/versions/v1-request-refused",
    gains=AGAIN,
)
def _() -> None:
    """A request without a body needs no X-Nen-Nonce: it has nothing to open."""

    def read(request: Request) -> Carried:
        if without_body(request) and NONCE_HEADER not in request.headers:
            return Carried(None, None)
        return read_from_header(request)

    reads(read)


@mutant(
    "server/v2-nonce-from-elsewhere",
    "V2-AUTH-01",
    gains="what stands before the server sees another nonce than the server",
)
def _() -> None:
    """Where X-Nen-Nonce is missing a cookie or another header with a nonce is taken."""

    def read(request: Request) -> Carried:
        text = request.headers.get(NONCE_HEADER) or request.headers.get("nonce", "")
        text = text or request.headers.get("cookie", "").partition(f"{NONCE_HEADER}=")[2]
        if not text:
            raise failure(AUTH_NONCE_MISSING)
        return Carried(decode_base64(text), parse_ciphertext(request.body) if request.body else None)

    def guarded(request: Request) -> Carried:
        return read_from_header(request) if request.headers.get(NONCE_HEADER) else read(request)

    reads(guarded)


@mutant(
    "server/v2-nonce-looked-for-late",
    "V2-AUTH-03",
    "v2/auth/nonce-missing",
    "v2/auth/nonce-elsewhere",
    "v2/stream/get-without-nonce",
    "v2/versions/",
    gains="a client that forgot a header is told that its signature is wrong, and looks in the wrong place",
)
def _() -> None:
    """A missing X-Nen-Nonce is noticed after the signature was checked over the empty NONCE."""

    def read(request: Request) -> Carried:
        if request.headers.get(NONCE_HEADER):
            return read_from_header(request)
        return Carried(None, parse_ciphertext(request.body) if request.body else None)

    reads(read)

    @around(verification.check_window)
    def _(original: Any, request: Request, *rest: Any) -> Any:
        if not request.headers.get(NONCE_HEADER):
            raise failure(AUTH_NONCE_MISSING)
        return original(request, *rest)


@mutant(
    "server/v2-nonce-before-the-session",
    "V2-AUTH-03",
    "v2/auth/order-session",
    "v2/auth/session-missing",
    "v2/stream/without-session",
    "v2/error/",
    "v2/request/options-and-unknown-route",
    "v2/versions/",
    gains="a client whose session is gone is told something else, and does not make a new one",
)
def _() -> None:
    """X-Nen-Nonce is looked for before the session."""

    @around(verification.verify_request)
    def _(original: Any, request: Request, *args: Any, **options: Any) -> Generator[Any, Any, Verified]:
        if not request.headers.get(NONCE_HEADER):
            raise failure(AUTH_NONCE_MISSING)
        verified: Verified = yield from original(request, *args, **options)
        return verified


@mutant("server/v2-empty-nonce-counts", "V2-AUTH-04", "v2/versions/empty-nonce-is-v2", gains=AGAIN)
def _() -> None:
    """An empty X-Nen-Nonce counts as there, and as nothing to remember."""

    def read(request: Request) -> Carried:
        if without_body(request) and request.headers.get(NONCE_HEADER) == "":
            return Carried(None, None)
        return read_from_header(request)

    reads(read)


@mutant(
    "server/v2-first-nonce-of-several",
    "V2-AUTH-05",
    gains="a proxy that looks at the last of two headers sees another nonce than the server",
)
def _() -> None:
    """Of several X-Nen-Nonce headers the first is taken."""
    reads(lambda request: read_from_header(_with_nonce(request, request.headers.get(NONCE_HEADER, "").split(", ")[0])))


@mutant(
    "server/v2-last-nonce-of-several",
    "V2-AUTH-05",
    gains="a proxy that looks at the first of two headers sees another nonce than the server",
)
def _() -> None:
    """Of several X-Nen-Nonce headers the last is taken."""
    reads(lambda request: read_from_header(_with_nonce(request, request.headers.get(NONCE_HEADER, "").split(", ")[-1])))


def _with_nonce(request: Request, text: str) -> Request:
    others = [(name, value) for name, value in request.headers.items() if name != NONCE_HEADER]
    more = [(NONCE_HEADER, text)] if NONCE_HEADER in request.headers else []
    return replace(request, headers=type(request.headers)([*others, *more]))


@mutant(
    "server/v2-nonce-not-signed-without-body",
    "V2-AUTH-02",
    gains="a recorded request without a body is sent again under any nonce",
)
def _() -> None:
    """The signature of a request without a body may be over the empty NONCE, as in V1."""

    @around(verification.check_signature)
    def _(original: Any, request: Request, carried: Carried, signature: str, session: Session, *rest: Any) -> None:
        timestamp = request.headers.get(TIMESTAMP_HEADER, "")
        empty = signing.canonical_string(request.method, request.path, timestamp, "")
        if carried.ct is not None or signature != signing.sign(session.keys.mac, empty):
            original(request, carried, signature, session, *rest)


@mutant(
    "server/v2-nonce-signed-in-hex",
    "V2-AUTH-02",
    gains="two texts are right for one request: what remembers signatures can be passed by",
)
def _() -> None:
    """A signature over the hexadecimal nonce is taken too, for clients that were written so."""

    @around(verification.check_signature)
    def _(original: Any, request: Request, carried: Carried, signature: str, session: Session, *rest: Any) -> None:
        timestamp = request.headers.get(TIMESTAMP_HEADER, "")
        odd = signing.canonical_string(request.method, request.path, timestamp, (carried.n or b"").hex())
        if signature != signing.sign(session.keys.mac, odd):
            original(request, carried, signature, session, *rest)


# Shape


@mutant(
    "server/v2-nonce-decoded-leniently",
    "V2-REQ-06",
    "v2/request/nonce-wrong-length-without-body",
    gains="a request runs again under another text of its nonce",
)
def _() -> None:
    """The nonce of a request without a body is remembered as the text that came, and never decoded."""

    def read(request: Request) -> Carried:
        text = request.headers.get(NONCE_HEADER, "")
        if not without_body(request) or not text:
            return read_from_header(request)
        try:
            return read_from_header(request)
        except NenError:
            return _Verbatim(text.encode(), None)

    reads(read)


class _Verbatim(Carried):
    @property
    def nonce_text(self) -> str:
        return (self.n or b"").decode()


@mutant(
    "server/v2-nonce-of-any-length",
    "V2-REQ-05",
    "v2/request/nonce-not-base64-without-body",
    gains="nonces of a byte repeat, and those of kilobytes fill the memory",
)
def _() -> None:
    """Without a body the length of the nonce is not looked at: nothing is opened with it."""

    def read(request: Request) -> Carried:
        text = request.headers.get(NONCE_HEADER, "")
        if not without_body(request) or not text:
            return read_from_header(request)
        try:
            return Carried(decode_base64(text), None)
        except Malformed:
            return read_from_header(request)

    reads(read)


@mutant(
    "server/v2-nonce-of-the-body-first",
    "V2-REQ-07",
    gains="the nonce that opens is not the one that is signed and remembered",
)
def _() -> None:
    """A payload that does not open under X-Nen-Nonce is opened under the n of the body."""

    @around(verification.check_payload)
    def _(original: Any, envelope: Envelope | None, *rest: Any) -> Any:
        try:
            return original(envelope, *rest)
        except NenError:
            if envelope is None or not inner:
                raise
            return original(Envelope(envelope.ct, inner[-1]), *rest)

    inner: list[bytes] = []

    def read(request: Request) -> Carried:
        carried = read_from_header(request)
        if request.body:
            text = parse_json_object(request.body).get("n")
            inner[:] = [decode_base64(text)] if isinstance(text, str) and len(text) == 16 and "!" not in text else []
        return carried

    reads(read)


@mutant(
    "server/v2-nonce-of-the-body-checked",
    "V2-REQ-07",
    gains="old clients that send more than they should get none of their requests through",
)
def _() -> None:
    """A body with a member n has to be one of V1."""

    def read(request: Request) -> Carried:
        carried = read_from_header(request)
        if request.body and "n" in parse_json_object(request.body):
            read_from_body(request)
        return carried

    reads(read)


@mutant(
    "server/v2-plain-body-is-none",
    "V2-REQ-03",
    "v2/request/",
    "v2/auth/",
    "v2/error/",
    "v2/replay/not-spent-by-malformed-body",
    gains="a plain body beside a right signature reaches what reads the body before the handler",
)
def _() -> None:
    """A body that is not sealed counts as none."""

    def read(request: Request) -> Carried:
        try:
            return read_from_header(request)
        except NenError as error:
            if error.entry is not WIRE_INVALID_PAYLOAD_FORMAT or without_body(request):
                raise
            return read_from_header(replace(request, body=b""))

    reads(read)


@mutant(
    "server/v2-body-by-content-type",
    "V2-REQ-01",
    gains="who changes a content type on the way takes the body off a request",
)
def _() -> None:
    """Only a body that says it is JSON counts as one."""

    def read(request: Request) -> Carried:
        named = request.headers.get("content-type", "").startswith("application/json")
        return read_from_header(request if named else replace(request, body=b""))

    reads(read)


@mutant(
    "server/v2-body-of-get-ignored",
    "V2-REQ-10",
    "v2/response/every-method-sealed",
    gains="whoever sees a GET puts a body to it that nobody verifies",
)
def _() -> None:
    """The body of a GET is not looked at."""

    def read(request: Request) -> Carried:
        return read_from_header(replace(request, body=b"") if request.method == "GET" else request)

    reads(read)


@mutant(
    "server/v2-bodyless-refused",
    "V2-REQ-09",
    "v2/",
    gains="no GET and no DELETE gets through",
)
def _() -> None:
    """A request without a body is refused as malformed, as the documents of V1 allow."""

    def read(request: Request) -> Carried:
        carried = read_from_header(request)
        if carried.ct is None:
            raise failure(WIRE_INVALID_PAYLOAD_FORMAT, "no body")
        return carried

    reads(read)


@mutant(
    "server/v2-bodyless-is-an-empty-object",
    "V2-REQ-09",
    "v2/replay/",
    "v2/response/",
    "v2/versions/",
    "v2/stream/",
    gains="who takes the body off a request has the handler act on an empty one",
)
def _() -> None:
    """The handler gets an empty object where no body came."""

    @around(verification.check_payload)
    def _(original: Any, envelope: Envelope | None, *rest: Any) -> Any:
        return b"{}" if envelope is None else original(envelope, *rest)


# Replay


@mutant(
    "server/v2-bodyless-nonce-forgotten",
    "V2-REPLAY-01",
    "v2/replay/without-body",
    "v2/request/body-stripped",
    "v2/response/head-verified",
    "v2/stream/get-replayed",
    gains=AGAIN,
)
def _() -> None:
    """Only the nonces of requests with a body are recorded."""
    records(lambda request, question: question if request.body else None)


@mutant(
    "server/v2-bodyless-nonces-apart",
    "V2-REPLAY-01",
    "v2/request/body-stripped",
    "v2/stream/get-replayed",
    gains="a request whose body was taken off runs once without it and once with it",
)
def _() -> None:
    """Requests without a body have a memory of used nonces of their own."""
    records(lambda request, question: question if request.body else replace(question, nonce=b"-" + question.nonce))


@mutant(
    "server/v2-nonces-apart-by-version",
    "V2-REPLAY-02",
    gains="a recorded request runs once more in the form of the other version",
)
def _() -> None:
    """The nonces of V1 and of V2 are remembered apart."""
    records(
        lambda request, question: (
            question if NONCE_HEADER in request.headers else replace(question, nonce=b"1" + question.nonce)
        )
    )


# Responses and streams


@mutant(
    "server/v2-answers-to-get-plain",
    "V2-RES-01",
    "v2/",
    gains="what a GET asks for is read where TLS ends",
)
def _() -> None:
    """The answer to a request without a body is not sealed."""

    @around(responses.seal_response)
    def _(original: Any, verified: Verified, status: int, plain: bytes, *rest: Any) -> Reply:
        if verified.payload is None:
            return json_reply(status, plain)
        reply: Reply = original(verified, status, plain, *rest)
        return reply


@mutant("server/v2-head-without-length", "V2-RES-02", gains="caches and clients have nothing to go by")
def _() -> None:
    """The answer to HEAD has no length, as in V1."""
    set_field(V2, "head_has_length", False)


@mutant(
    "server/v2-head-of-plain-length",
    "V2-RES-02",
    gains="the length of the plain answer is told where TLS ends, and the length of the sealed one is not",
)
def _() -> None:
    """The answer to HEAD has the length of the plain answer."""

    @instead_of(responses.head_response)
    def _(status: int, size: int) -> Reply:
        return Reply(status, {"content-type": "application/json", "content-length": str(size)})


@mutant(
    "server/v2-head-not-verified",
    "V2-RES-02",
    gains="an outsider who sees a session id learns what exists, and how long it is",
)
def _() -> None:
    """A HEAD is not verified beyond its session and its nonce."""

    @around(verification.check_signature_present)
    def _(original: Any, request: Request, *rest: Any) -> Any:
        return None if request.method == "HEAD" else original(request, *rest)


@mutant(
    "server/v2-stream-get-without-nonce",
    "V2-STR-01",
    gains="a recorded request has a stream produced again and again",
)
def _() -> None:
    """A GET that asks for a stream is read by the rules of V1."""

    def read(request: Request) -> Carried:
        if request.path == "/api/stream" and request.method == "GET" and NONCE_HEADER not in request.headers:
            return read_from_body(request)
        return read_from_header(request)

    reads(read)


# Several versions


@mutant(
    "server/v2-takes-v1-too",
    "V2-AUTH-07",
    "v2/auth/nonce-",
    "v2/auth/order-nonce-before-signature",
    "v2/stream/get-without-nonce",
    gains=BACK,
)
def _() -> None:
    """Requests of V1 are taken wherever V2 is offered: their handshake is the same."""

    @around(versions.speaking)
    def _(original: Any, offered: Any, session: Session, request: Request) -> Version:
        version: Version = original((*offered, V1), session, request)
        return version


@mutant("server/v2-empty-nonce-is-v1", "V2-AUTH-06", gains="emptying a header leads back to V1")
def _() -> None:
    """Where both are offered, a request with an empty X-Nen-Nonce is one of V1."""

    @around(versions.speaking)
    def _(original: Any, offered: Any, session: Session, request: Request) -> Version:
        version: Version = original(offered, session, request)
        return V1 if V1 in offered and not request.headers.get(NONCE_HEADER) else version


@mutant(
    "server/v2-version-of-the-first-request",
    "V2-AUTH-06",
    "v2/versions/one-set-of-nonces",
    gains="a client of one version locks out another that has the same session",
)
def _() -> None:
    """The version of a session is that of its first request."""
    known: dict[str, Version] = {}

    @around(versions.speaking)
    def _(original: Any, offered: Any, session: Session, request: Request) -> Version:
        return known.setdefault(session.sid, original(offered, session, request))
