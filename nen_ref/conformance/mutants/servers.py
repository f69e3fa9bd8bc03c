"""Broken servers. Each function below is one fault; its docstring says which."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import anyio

from nen_ref.conformance.mutants.faults import from_numbers
from nen_ref.conformance.mutants.model import EVERYTHING, mutant
from nen_ref.conformance.mutants.patch import around, instead_of, set_field
from nen_ref.http import asgi
from nen_ref.http.asgi import NenMiddleware
from nen_ref.http.server import NenServer
from nen_ref.primitives import ml_dsa
from nen_ref.primitives.chacha20_poly1305 import aead_decrypt, chacha20_encrypt
from nen_ref.primitives.errors import AuthenticationError, LengthError
from nen_ref.primitives.ml_kem import ML_KEM_768
from nen_ref.primitives.suite import REFERENCE
from nen_ref.protocol import errors, handshake, identity, messages, payload, responses, stream, verification, wire
from nen_ref.protocol.carriage import Carried
from nen_ref.protocol.errors import NenError, failure
from nen_ref.protocol.members import binary_member, ml_dsa_65_key
from nen_ref.protocol.messages import SESSION_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, Reply, Request
from nen_ref.protocol.payload import Envelope, open_envelope
from nen_ref.protocol.session import WINDOW_MS, Session, SessionKeys
from nen_ref.protocol.signing import canonical_string, sign
from nen_ref.protocol.stream import StreamSealer
from nen_ref.protocol.verification import (
    LoadSession,
    NonceAnswer,
    RecordNonce,
    RequestPolicy,
    Verified,
    check_payload,
    check_replay,
    check_session,
    check_session_header,
    check_shape,
    check_signature,
    check_signature_present,
    check_window,
)
from nen_ref.protocol.versions import Version, speaking
from nen_ref.protocol.wire import Malformed
from nen_ref.stores.memory import MemoryStore

Members = dict[str, object]


def checks_in_this_order(*steps: str) -> None:
    """The server makes the checks after the session's in this order: "spent?" asks only, "spend" records only."""
    used: set[tuple[str, bytes]] = set()

    @instead_of(verification.verify_request)
    def _(
        request: Request, now: int, policy: RequestPolicy, *, versions: Sequence[Version], suite: Any
    ) -> Generator[Any, Any, Verified]:
        sid = check_session_header(request)
        session = check_session((yield LoadSession(sid)))
        version = speaking(versions, session, request)
        carried, opened, signature = Carried(None, None), None, None
        for step in steps:
            if step == "shape":
                carried = check_shape(request, version)
            elif step == "signature":
                signature = check_signature_present(request, carried, session, policy)
                if signature is not None:
                    check_signature(request, carried, signature, session, suite)
            elif step == "window":
                check_window(request, now, policy)
            elif step == "replay" and carried.n is not None:
                check_replay((yield RecordNonce(sid, carried.n, now + 2 * WINDOW_MS)))
            elif step == "spent?" and carried.n is not None and (sid, carried.n) in used:
                check_replay(NonceAnswer.USED)
            elif step == "spend" and carried.n is not None:
                used.add((sid, carried.n))
            elif step == "payload":
                opened = check_payload(carried.envelope, session, suite)
        return Verified(session, opened, carried.n, signature is not None, version)


def nonces_known_by(key: Callable[[Request, Envelope], bytes]) -> None:
    """The server remembers something else of a request than its nonce."""

    @around(verification.verify_request)
    def _(original: Any, request: Request, *args: Any, **options: Any) -> Generator[Any, Any, Verified]:
        steps, answer = original(request, *args, **options), None
        while True:
            try:
                question = steps.send(answer)
            except StopIteration as end:
                verified: Verified = end.value
                return verified
            if isinstance(question, RecordNonce):
                question = replace(question, nonce=key(request, payload.parse_envelope(request.body)))
            answer = yield question


# Encoding


@mutant(
    "server/base64-lenient",
    "V1-WIRE-02",
    "v1/auth/order-decoding-before-signature",
    "v1/handshake/pk-not-base64",
    "v1/request/ct-not-base64",
    gains="one nonce has many texts, and two parties can read one message in two ways",
)
def _() -> None:
    """Base64 is decoded by a function that skips every character it does not know."""

    @instead_of(wire.decode_base64)
    def _(text: str) -> bytes:
        return base64.b64decode(text.encode("ascii", "ignore") + b"==")


@mutant(
    "server/base64-unused-bits", "V1-WIRE-02", gains="one value has up to sixteen texts, compared as text they differ"
)
def _() -> None:
    """The unused bits of the last base64 character are ignored, as most libraries do."""

    @instead_of(wire.decode_base64)
    def _(text: str) -> bytes:
        try:
            return base64.b64decode(text, validate=True)
        except ValueError:
            raise Malformed("not base64") from None


@mutant(
    "server/number-arrays-in-requests",
    "V1-WIRE-03",
    gains="each nonce has a second way to be written, which a filter before the server does not know",
)
def _() -> None:
    """A ct or n that is an array of numbers is taken, as JSON.stringify writes a Uint8Array."""

    @around(payload._binary)
    def _(original: Any, members: Members, name: str) -> Any:
        value = from_numbers(members.get(name))
        return original(members, name) if value is None else value


@mutant(
    "server/unknown-members-refused",
    "V1-WIRE-04",
    "v1/request/further-members",
    "v1/handshake/session-id-not-from-client",
    "v1/wire/handshake-over-its-own-limit",
    "v1/identity/",
    "v1/lifecycle/rotate-identity",
    "v1/configured/",
    gains="no later client can talk to this server",
)
def _() -> None:
    """A handshake or a request with a member beyond the two or three of V1 is refused."""

    @around(wire.parse_json_object)
    def _(original: Any, data: bytes) -> Any:
        members = original(data)
        if set(members) - {"pk", "ct", "n"}:
            raise Malformed("with members that are not known")
        return members


@mutant("server/duplicate-members-last-wins", "V1-WIRE-05", gains="a filter and the server read two different keys")
def _() -> None:
    """Of a member that comes twice the last is taken, as most JSON parsers do."""
    instead_of(wire._object)(dict)


@mutant(
    "server/answer-size-doubled",
    "V1-WIRE-06",
    gains="every answer costs twice its size in traffic and in the client's memory",
)
def _() -> None:
    """An answer carries its ciphertext a second time, in hex, for debugging."""

    @instead_of(payload.dump_envelope)
    def _(envelope: Envelope) -> bytes:
        members = {"ct": wire.encode_base64(envelope.ct), "n": envelope.nonce_text, "hex": envelope.ct.hex()}
        return wire.dump_json(members)


@mutant("server/body-unbounded", "V1-WIRE-07", gains="one client without a session fills the memory of the server")
def _() -> None:
    """A body of any size is read."""

    @instead_of(NenServer.body_limit)
    def _(self: NenServer, request_path: str) -> int:
        return 2**40


@mutant("server/handshake-as-large-as-a-request", "V1-WIRE-07", gains="anyone, without a session, makes it read 10 MiB")
def _() -> None:
    """A handshake may be as large as a request."""

    @instead_of(NenServer.body_limit)
    def _(self: NenServer, request_path: str) -> int:
        return self.config.body_limit


# Handshake


@mutant(
    "server/no-modulus-check",
    "V1-HS-05",
    "v1/error/message-is-constant",
    gains="ciphertexts under malformed keys, outside of the proof of FIPS 203",
)
def _() -> None:
    """Only the length of an encapsulation key is checked."""

    @instead_of(REFERENCE.ml_kem_768_check_ek)
    def _(ek: bytes) -> None:
        LengthError.check("ek", ek, ML_KEM_768.ek_size)


@mutant(
    "server/handshake-without-key-crashes",
    "V1-HS-02",
    "v1/error/codes-and-statuses",
    "v1/error/random-bodies",
    gains="anyone makes the server fail, and its log fill, with two bytes",
)
def _() -> None:
    """The member pk is read without asking whether it is there."""

    @around(handshake.public_key)
    def _(original: Any, members: Members) -> Any:
        return original({"pk": members["pk"]})


@mutant("server/key-derived-by-a-hash", "V1-HS-06", EVERYTHING, gains="it talks to no other implementation")
def _() -> None:
    """The payload key is SHA-256 of the shared secret."""

    @around(SessionKeys)
    def _(original: Any, enc: bytes, mac: bytes) -> Any:
        return original(hashlib.sha256(enc).digest(), mac)


@mutant(
    "server/one-hmac-key",
    "V1-HS-07",
    "v1/lifecycle/rotate",
    "v1/lifecycle/signature-of-another-session",
    gains="each client can sign for every other",
)
def _() -> None:
    """All sessions have one HMAC key, drawn when the server starts."""
    key = os.urandom(32)

    @around(handshake.respond)
    def _(original: Any, body: bytes, **options: Any) -> Any:
        return original(body, **options | {"mac_key": key})


@mutant("server/session-ids-counted", "V1-HS-08", gains="an attacker terminates the sessions of others by guessing")
def _() -> None:
    """Session ids count up behind a fixed beginning."""
    count = iter(range(2**32))

    @around(handshake.respond)
    def _(original: Any, body: bytes, **options: Any) -> Any:
        return original(body, **options | {"sid": f"5e551011-0000-4000-8000-{next(count) << 16:012x}"})


@mutant("server/session-id-of-the-client", "V1-HS-08", gains="session fixation: the attacker knows the id before")
def _() -> None:
    """A session id that the client proposes in its handshake is taken."""

    @around(handshake.respond)
    def _(original: Any, body: bytes, **options: Any) -> Any:
        proposed = wire.parse_json_object(body).get("sid") if b'"sid"' in body else None
        return original(body, **options | ({"sid": proposed} if isinstance(proposed, str) and proposed else {}))


@mutant("server/session-id-not-a-uuid", "V1-HS-09", gains="nothing but surprise: tools that expect a UUID fail")
def _() -> None:
    """The session id is 32 hexadecimal digits."""

    @around(handshake.respond)
    def _(original: Any, body: bytes, **options: Any) -> Any:
        return original(body, **options | {"sid": os.urandom(16).hex()})


# Identity


@mutant(
    "server/identity-ignored",
    "V1-ID-01",
    "v1/configured/identity-pinned",
    "v1/identity/signature-wrong-length",
    "v1/identity/undecodable",
    gains="anyone claims any identity",
)
def _() -> None:
    """The identity is read and never verified."""

    @instead_of(REFERENCE.ml_dsa_65_verify)
    def _(pk: bytes, M: bytes, sigma: bytes, ctx: bytes) -> bool:
        return True


@mutant("server/identity-not-verified-at-rotation", "V1-ID-01", gains="anyone takes an identity by rotating")
def _() -> None:
    """At a rotation the identity is read and not verified."""

    @around(NenServer._rotate)
    async def _(original: Any, self: NenServer, request: Request) -> Any:
        suite, self._suite = self._suite, replace(self._suite, ml_dsa_65_verify=lambda *_: True)
        try:
            return await original(self, request)
        finally:
            self._suite = suite


@mutant(
    "server/half-an-identity-is-none", "V1-ID-03", gains="an attacker on the way strips the signature and stays unseen"
)
def _() -> None:
    """A handshake with one of sigPk and sigOfPk is taken for one without identity."""

    @around(identity.verify_identity)
    def _(original: Any, members: Members, ek: bytes, **suite: Any) -> Any:
        return original(members, ek, **suite) if {"sigPk", "sigOfPk"} <= set(members) else None


@mutant(
    "server/identity-key-encoding-unchecked",
    "V1-ID-05",
    gains="one identity has many encodings",
)
def _() -> None:
    """Of sigPk the last 1952 bytes are the key, whatever stands before them."""

    @instead_of(ml_dsa_65_key)
    def _(sig_pk: bytes, name: str, wrong: Any) -> bytes:
        if len(sig_pk) < ml_dsa.ML_DSA_65.pk_size:
            raise failure(errors.AUTH_IDENTITY_SIGNATURE_INVALID)
        return sig_pk[-ml_dsa.ML_DSA_65.pk_size :]


@mutant("server/undecodable-identity-is-none", "V1-ID-05", gains="an attacker on the way garbles an identity away")
def _() -> None:
    """An identity that cannot be decoded is taken for none."""

    @around(binary_member)
    def _(original: Any, members: Members, name: str, *codes: Any) -> Any:
        try:
            return original(members, name, *codes)
        except NenError:
            if name in members and name in ("sigPk", "sigOfPk"):
                members.clear()
                raise _NoIdentity from None
            raise

    @around(identity.verify_identity)
    def _(original: Any, members: Members, ek: bytes, **suite: Any) -> Any:
        try:
            return original(members, ek, **suite)
        except _NoIdentity:
            return None


class _NoIdentity(Exception):
    pass


@mutant("server/identity-required-of-nobody", "V1-ID-06", gains="whoever leaves the identity out is let in")
def _() -> None:
    """The option that requires an identity is read and forgotten."""

    @around(handshake.IdentityPolicy.check)
    def _(original: Any, self: handshake.IdentityPolicy, known: bytes | None) -> None:
        if known is not None:
            original(self, known)


# Requests


@mutant(
    "server/plain-requests-accepted",
    "V1-REQ-03",
    "v1/auth/body-hidden-from-verification",
    "v1/error/codes-and-statuses",
    "v1/error/message-is-constant",
    "v1/error/random-bodies",
    "v1/request/body-deeply-nested",
    "v1/request/body-not-utf8",
    gains="a proxy reads and writes every payload, and nobody notices",
)
def _() -> None:
    """A request that is not sealed is handed to the handler as it is."""
    plain: list[bytes] = []

    @around(verification.check_shape)
    def _(original: Any, request: Request, *version: Any) -> Any:
        plain.clear()
        try:
            return original(request, *version)
        except NenError:
            if b'"ct"' in request.body or b'"n"' in request.body:
                raise
            wire.parse_json_object(request.body)
            plain.append(request.body)
            return Carried(None, None)

    @around(verification.check_payload)
    def _(original: Any, *args: Any) -> Any:
        return plain.pop() if plain else original(*args)


@mutant(
    "server/wrong-length-nonce-adjusted",
    "V1-REQ-05",
    gains="two texts for one nonce: a replay is not recognised",
)
def _() -> None:
    """A nonce of another length is padded with zeros, or cut."""

    @around(payload._binary)
    def _(original: Any, members: Members, name: str) -> Any:
        value = original(members, name)
        return value[:12].ljust(12, b"\0") if name == "n" else value


@mutant(
    "server/tag-not-checked",
    "V1-REQ-07",
    "v1/error/codes-and-statuses",
    "v1/lifecycle/payload-of-another-session",
    "v1/replay/spent-by-failure-to-open",
    "v1/request/ct-empty",
    "v1/request/ct-shorter-than-tag",
    gains="an attacker changes what the handler reads, bit by bit",
)
def _() -> None:
    """The payload is decrypted, and its tag is not compared."""

    @instead_of(REFERENCE.aead_open)
    def _(key: bytes, nonce: bytes, sealed: bytes) -> bytes:
        return chacha20_encrypt(key, 1, nonce, sealed[:-16])


@mutant("server/tag-compared-by-its-beginning", "V1-REQ-07", gains="a forgery after 2^32 attempts instead of 2^128")
def _() -> None:
    """The first four bytes of the tag are compared."""

    @instead_of(REFERENCE.aead_open)
    def _(key: bytes, nonce: bytes, sealed: bytes) -> bytes:
        plain = chacha20_encrypt(key, 1, nonce, sealed[:-16])
        if len(sealed) < 16 or REFERENCE.aead_seal(key, nonce, plain)[:-12] != sealed[:-12]:
            raise AuthenticationError("the tag does not verify")
        return plain


@mutant("server/associated-data-tried", "V1-REQ-07", gains="what was sealed for another purpose is taken as a request")
def _() -> None:
    """A payload that does not open is tried again with the method as associated data."""

    @around(REFERENCE.aead_open)
    def _(original: Any, key: bytes, nonce: bytes, sealed: bytes) -> Any:
        for aad in (b"POST", b"nen", b"/api/echo"):
            try:
                return aead_decrypt(key, nonce, sealed, aad)
            except ValueError:
                continue
        return original(key, nonce, sealed)


@mutant(
    "server/payload-may-be-anything",
    "V1-REQ-08",
    "v1/replay/spent-by-payload-not-json",
    "v1/request/payload-deeply-nested",
    "v1/request/payload-loose-json",
    "v1/request/payload-not-utf8",
    gains="a handler gets what its parser was never meant to see",
)
def _() -> None:
    """An opened payload is handed on without a look whether it is JSON."""

    @instead_of(verification.check_payload)
    def _(envelope: Envelope | None, session: Session, suite: Any = REFERENCE) -> bytes | None:
        return None if envelope is None else open_envelope(session.keys.enc, envelope, suite=suite)


# Verification


@mutant(
    "server/signature-optional",
    "V1-AUTH-03",
    "v1/auth/signature-and-timestamp-missing",
    "v1/auth/signature-missing-without-body",
    "v1/auth/signature-empty",
    "v1/auth/order-missing-signature-before-window",
    "v1/stream/get-unsigned",
    "v1/replay/not-spent-by-wrong-signature",
    "v1/error/",
    "v1/configured/",
    gains="an attacker strips the signature and sets another path, method and time",
)
def _() -> None:
    """A request without X-Nen-Signature is not checked for one."""

    @instead_of(verification.check_signature_present)
    def _(request: Request, *_: Any) -> str | None:
        return request.headers.get(SIGNATURE_HEADER) or None


@mutant(
    "server/signature-optional-without-body",
    "V1-REQ-09",
    "v1/configured/unsigned-without-body",
    "v1/stream/get-unsigned",
    gains="anyone who sees a session id calls every GET route in its name",
)
def _() -> None:
    """Only requests with a body have to be signed."""

    @around(verification.check_signature_present)
    def _(original: Any, request: Request, carried: Carried, *rest: Any) -> Any:
        return request.headers.get(SIGNATURE_HEADER) if carried.n is None else original(request, carried, *rest)


@mutant(
    "server/signature-compared-by-its-beginning",
    "V1-AUTH-04",
    "v1/auth/signature-encoding",
    gains="a forgery after 256 attempts",
)
def _() -> None:
    """As many bytes of the signature are compared as were sent."""

    @around(verification.check_signature)
    def _(original: Any, request: Request, carried: Carried, signature: str, session: Session, *suite: Any) -> None:
        nonce = carried.nonce_text
        canonical = canonical_string(request.method, request.path, request.headers.get(TIMESTAMP_HEADER, ""), nonce)
        expected = REFERENCE.hmac_sha256(session.keys.mac, canonical)
        try:
            sent = base64.b64decode(signature, validate=True)
        except ValueError:
            sent = b""
        if not sent or not expected.startswith(sent):
            original(request, carried, signature, session, *suite)


@mutant(
    "server/method-not-signed",
    "V1-AUTH-05",
    "v1/auth/method-covered-without-body",
    gains="an attacker turns a GET into a DELETE",
)
def _() -> None:
    """The signature of a request is taken under any method."""
    methods = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD")

    @around(verification.check_signature)
    def _(original: Any, request: Request, *rest: Any) -> None:
        for method in methods:
            with suppress(NenError):
                original(replace(request, method=method), *rest)
                return
        original(request, *rest)


@mutant(
    "server/nonce-not-signed",
    "V1-AUTH-05",
    gains="the sealed body of one request is put under the signature of another",
)
def _() -> None:
    """A signature over the empty nonce is taken for every request."""

    @around(verification.check_signature)
    def _(original: Any, request: Request, carried: Carried, signature: str, session: Session, *suite: Any) -> None:
        bare = canonical_string(request.method, request.path, request.headers.get(TIMESTAMP_HEADER, ""), "")
        if signature != sign(session.keys.mac, bare):
            original(request, carried, signature, session, *suite)


@mutant(
    "server/path-not-signed",
    "V1-AUTH-05",
    "v1/auth/path-escapes-decoded",
    "v1/auth/path-signed-in-another-form",
    gains="an attacker sends a request to another route than it was made for",
)
def _() -> None:
    """A signature for any of the server's routes is taken on every other."""

    @around(verification.check_signature)
    def _(original: Any, request: Request, *rest: Any) -> None:
        for path in ("/api/echo", "/api/stream", "/api/other"):
            with suppress(NenError):
                original(replace(request, path=path), *rest)
                return
        original(request, *rest)


@mutant("server/path-decoded", "V1-AUTH-06", gains="two different requests have one signature")
def _() -> None:
    """The path is signed with its percent escapes decoded."""

    @around(verification.check_signature)
    def _(original: Any, request: Request, *rest: Any) -> None:
        original(replace(request, path=unquote(request.path)), *rest)


@mutant(
    "server/query-signed",
    "V1-AUTH-06",
    "v1/auth/override-headers",
    gains="right clients are refused as soon as they send a query",
)
def _() -> None:
    """The query is part of the signed path."""

    @instead_of(asgi._raw_path)
    def _(scope: Any) -> str:
        path, query = scope["raw_path"].decode("latin-1"), scope["query_string"].decode("latin-1")
        return f"{path}?{query}" if query else path


@mutant(
    "server/window-absent",
    "V1-AUTH-07",
    "v1/auth/timestamp-huge",
    "v1/auth/order-window-before-replay",
    "v1/auth/order-",
    "v1/stream/get-stale",
    "v1/replay/not-spent-by-stale-timestamp",
    "v1/replay/",
    "v1/error/",
    gains="a recorded request is good for ever",
)
def _() -> None:
    """The timestamp has to be a number, and may be any."""

    @around(verification.check_window)
    def _(original: Any, request: Request, now: int, policy: RequestPolicy) -> Any:
        return original(request, now, replace(policy, window_ms=10**17))


@mutant(
    "server/window-open-to-the-future",
    "V1-AUTH-07",
    "v1/auth/timestamp-huge",
    gains="a request dated far ahead can be replayed for years",
)
def _() -> None:
    """Only timestamps in the past are checked."""

    @around(verification.check_window)
    def _(original: Any, request: Request, now: int, policy: RequestPolicy) -> Any:
        return original(request, max(now, _number(request)), policy)


@mutant("server/timestamp-optional", "V1-AUTH-08", gains="a request without a timestamp is good for ever")
def _() -> None:
    """A request without X-Nen-Timestamp is not checked for one."""

    @around(verification.check_window)
    def _(original: Any, request: Request, now: int, policy: RequestPolicy) -> Any:
        return original(request, now, policy) if request.headers.get(TIMESTAMP_HEADER) else now


@mutant(
    "server/nan-passes-the-window",
    "V1-AUTH-08",
    "v1/auth/timestamp-digits-only",
    gains="a signed request with a timestamp of NaN is good for ever",
)
def _() -> None:
    """The timestamp is read as a float and compared so that NaN passes."""

    @instead_of(verification.check_window)
    def _(request: Request, now: int, policy: RequestPolicy) -> int:
        try:
            sent = float(request.headers.get(TIMESTAMP_HEADER, ""))
        except ValueError:
            sent = float("nan")
        if abs(now - sent) > policy.window_ms:
            raise failure(errors.AUTH_TIMESTAMP_OUT_OF_WINDOW)
        return now


@mutant("server/timestamp-of-any-script", "V1-AUTH-09", gains="one time has many texts, which two parsers read apart")
def _() -> None:
    """The timestamp is read by Python's int: signs, underscores, white space and digits of all scripts pass."""

    @instead_of(verification.check_window)
    def _(request: Request, now: int, policy: RequestPolicy) -> int:
        text = request.headers.get(TIMESTAMP_HEADER, "").encode("latin-1").decode("utf-8", "replace")
        try:
            sent = int(text) if len(text) < 40 else 0
        except ValueError:
            sent = 0
        if abs(now - sent) > policy.window_ms:
            raise failure(errors.AUTH_TIMESTAMP_OUT_OF_WINDOW)
        return sent


def _dated(request: Request, timestamp: str) -> Request:
    return replace(request, headers=messages.Headers({**request.headers, TIMESTAMP_HEADER: timestamp}.items()))


def _number(request: Request) -> int:
    text = request.headers.get(TIMESTAMP_HEADER, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 16 else 0


@mutant(
    "server/window-before-signature",
    "V1-AUTH-10",
    "v1/auth/signature-and-timestamp-missing",
    gains="the server's clock answers to those who cannot sign",
)
def _() -> None:
    """The window is checked before the signature."""
    checks_in_this_order("shape", "window", "signature", "replay", "payload")


@mutant(
    "server/decrypted-before-authenticated",
    "V1-AUTH-10",
    "v1/replay/spent-by-failure-to-open",
    "v1/replay/spent-by-payload-not-json",
    gains="unauthenticated bytes reach the cipher and the parser: an oracle, and work for free",
)
def _() -> None:
    """The payload is opened first, and the HMAC compared afterwards."""
    checks_in_this_order("shape", "payload", "signature", "window", "replay")


@mutant(
    "server/first-of-repeated-headers",
    "V1-AUTH-14",
    gains="a filter checks the last header, the server takes the first",
)
def _() -> None:
    """Of a repeated header the first value is taken."""

    @around(messages.Headers)
    def _(original: Any, pairs: Iterable[tuple[str, str]]) -> Any:
        return original({name.lower(): value for name, value in reversed(list(pairs))}.items())


@mutant(
    "server/unsigned-clients-without-name",
    "V1-AUTH-12",
    gains="strict mode, off for one client, is off for everybody",
)
def _() -> None:
    """As soon as one client may send unsigned requests, every client may."""

    @around(verification.check_signature_present)
    def _(original: Any, request: Request, carried: Carried, session: Session, policy: RequestPolicy) -> Any:
        some = next(iter(policy.unsigned_clients), None)
        return original(request, carried, replace(session, identity=some or session.identity), policy)


# Replay


@mutant(
    "server/replay-not-checked",
    "V1-REPLAY-01",
    "v1/replay/",
    "v1/auth/order-replay-before-opening",
    "v1/error/",
    "v1/configured/unsigned-replayed",
    gains="a recorded request runs as often as the attacker likes, for thirty seconds",
)
def _() -> None:
    """Nonces are recorded and never compared."""

    @around(MemoryStore.record_nonce)
    async def _(original: Any, *args: Any) -> Any:
        await original(*args)
        return NonceAnswer.NEW


@mutant(
    "server/replay-not-atomic", "V1-REPLAY-02", gains="two copies at the same moment both pass: money is moved twice"
)
def _() -> None:
    """A nonce is looked up, something is awaited, and then it is recorded."""

    @around(MemoryStore.record_nonce)
    async def _(original: Any, self: MemoryStore, sid: str, nonce: bytes, keep_until: int) -> Any:
        known = sid in self._entries and nonce in self._entries[sid].used
        await anyio.sleep(0.05)
        answer = await original(self, sid, nonce, keep_until)
        return answer if known else NonceAnswer.NEW


@mutant(
    "server/replay-known-by-ciphertext",
    "V1-REPLAY-01",
    "v1/auth/order-replay-before-opening",
    "v1/replay/spent-by-failure-to-open",
    "v1/replay/spent-by-payload-not-json",
    gains="a nonce is used twice under one key: two payloads are laid bare and tags are forged",
)
def _() -> None:
    """The server remembers ciphertexts instead of nonces."""
    nonces_known_by(lambda request, envelope: envelope.ct)


@mutant(
    "server/nonce-spent-late",
    "V1-REPLAY-03",
    gains="a request that fails to open can be tried again and again: an oracle",
)
def _() -> None:
    """A nonce is recorded when the payload was opened."""
    checks_in_this_order("shape", "signature", "window", "spent?", "payload", "spend")


@mutant(
    "server/nonce-spent-before-the-signature",
    "V1-REPLAY-04",
    "v1/auth/canonical-separator",
    "v1/auth/order-signature-before-replay",
    "v1/auth/order-window-before-replay",
    "v1/auth/signature-encoding",
    "v1/auth/timestamp-covered",
    gains="who sees a nonce burns it before its owner's request arrives",
)
def _() -> None:
    """A nonce is recorded before the signature is checked."""
    checks_in_this_order("shape", "replay", "signature", "window", "payload")


@mutant(
    "server/session-ended-by-a-wrong-signature",
    "V1-REPLAY-04",
    "v1/auth/",
    "v1/error/",
    gains="who sees a session id ends the session with one bad request",
)
def _() -> None:
    """A wrong signature ends the session, to be on the safe side."""

    @around(NenServer.verify)
    async def _(original: Any, self: NenServer, request: Request) -> Any:
        try:
            return await original(self, request)
        except NenError as error:
            if error.code == "ISO-3002":
                await self._store.delete(request.headers.get(SESSION_HEADER, ""))
            raise


@mutant("server/one-nonce-set-for-all", "V1-REPLAY-05", gains="one client burns the nonces of another")
def _() -> None:
    """The nonces of all sessions are kept in one set."""
    used: set[bytes] = set()

    @around(MemoryStore.record_nonce)
    async def _(original: Any, self: MemoryStore, sid: str, nonce: bytes, keep_until: int) -> Any:
        answer = NonceAnswer.USED if nonce in used else await original(self, sid, nonce, keep_until)
        used.add(nonce)
        return answer


@mutant(
    "server/nonces-forgotten-after-five-seconds",
    "V1-REPLAY-06",
    gains="a recorded request runs again after five seconds",
)
def _() -> None:
    """A nonce is remembered for five seconds."""

    @around(MemoryStore.record_nonce)
    async def _(original: Any, self: MemoryStore, sid: str, nonce: bytes, keep_until: int) -> Any:
        return await original(self, sid, nonce, self._clock() + 5000)


@mutant(
    "server/nonces-forgotten-at-their-timestamp",
    "V1-REPLAY-06",
    gains="a request dated back a little can be replayed at once",
)
def _() -> None:
    """A nonce is remembered until its timestamp, not until the end of its window."""

    @around(MemoryStore.record_nonce)
    async def _(original: Any, self: MemoryStore, sid: str, nonce: bytes, keep_until: int) -> Any:
        answer = await original(self, sid, nonce, keep_until)
        if answer is NonceAnswer.NEW and keep_until - WINDOW_MS < self._clock() - 20_000:
            self._entries[sid].used.discard(nonce)
        return answer


# Responses


@mutant("server/answers-plain", "V1-RES-01", EVERYTHING, gains="every answer is read and written on the way")
def _() -> None:
    """Answers are sent as the handler made them."""

    @instead_of(responses.seal_response)
    def _(verified: Verified, status: int, plain: bytes, n: bytes, suite: Any = REFERENCE) -> Reply:
        return Reply(status, {"content-type": "application/json"} | responses.NO_STORE, plain)


@mutant(
    "server/answer-under-the-nonce-of-the-request",
    "V1-RES-02",
    "v1/replay/of-an-answer",
    gains="request and answer under one key and nonce: their XOR is the XOR of the payloads, and tags are forged",
)
def _() -> None:
    """The answer is sealed under the nonce of its request."""

    @instead_of(responses.seal_response)
    def _(verified: Verified, status: int, plain: bytes, n: bytes, suite: Any = REFERENCE) -> Reply:
        body = payload.dump_envelope(payload.seal(verified.session.keys.enc, verified.n or n, plain))
        return Reply(status, {"content-type": "application/json"} | responses.NO_STORE, body)


@mutant("server/answer-nonce-constant", "V1-RES-02", gains="all answers of a session under one nonce: all laid bare")
def _() -> None:
    """Every answer is sealed under the nonce of twelve zeros."""

    @around(responses.seal_response)
    def _(original: Any, verified: Verified, status: int, plain: bytes, n: bytes, *rest: Any) -> Any:
        return original(verified, status, plain, bytes(12), *rest)


@mutant("server/answer-cacheable", "V1-RES-06", gains="a cache on the way keeps answers, and replays them")
def _() -> None:
    """A sealed answer says nothing to caches."""

    @around(responses.seal_response)
    def _(original: Any, *args: Any) -> Any:
        reply = original(*args)
        return replace(reply, headers={"content-type": reply.headers["content-type"]})


@mutant(
    "server/errors-of-handlers-plain",
    "V1-RES-05",
    gains="error pages of the application, with its data, are read on the way",
)
def _() -> None:
    """An answer of a handler with an error status is not sealed."""

    @around(responses.seal_response)
    def _(original: Any, verified: Verified, status: int, plain: bytes, *rest: Any) -> Any:
        return original(verified, status, plain, *rest) if status < 400 else messages.json_reply(status, plain)


# Streams


@mutant(
    "server/stream-counter-big-endian",
    "V1-STR-03",
    "v1/stream/",
    "v1/configured/",
    gains="no other client reads its streams",
)
def _() -> None:
    """The counter is a big-endian number."""

    @instead_of(stream.stream_nonce)
    def _(base_nonce: bytes, i: int) -> bytes:
        return base_nonce[:8] + (int.from_bytes(base_nonce[8:], "big") ^ i).to_bytes(4, "big")


@mutant(
    "server/stream-counter-added",
    "V1-STR-03",
    gains="most streams break somewhere, others never: the bug that nobody can reproduce",
    chance=("v1/stream/", "v1/configured/", "v1/lifecycle/"),
)
def _() -> None:
    """The counter is added to the base nonce instead of XORed."""

    @instead_of(stream.stream_nonce)
    def _(base_nonce: bytes, i: int) -> bytes:
        return base_nonce[:8] + ((int.from_bytes(base_nonce[8:], "little") + i) % 2**32).to_bytes(4, "little")


@mutant(
    "server/stream-counter-of-one-byte",
    "V1-STR-03",
    "v1/configured/",
    gains="event 256 repeats the nonce of event 0",
)
def _() -> None:
    """The counter is one byte and begins again after 255."""

    @around(stream.stream_nonce)
    def _(original: Any, base_nonce: bytes, i: int) -> Any:
        return original(base_nonce, i % 256)


@mutant(
    "server/stream-without-final-event",
    "V1-STR-04",
    "v1/stream/",
    gains="a stream that was cut looks like one that is complete",
)
def _() -> None:
    """A stream ends without its final event."""

    @instead_of(StreamSealer.finish)
    def _(self: StreamSealer) -> bytes:
        return b""


@mutant(
    "server/stream-final-event-plain",
    "V1-STR-04",
    "v1/stream/",
    gains="an attacker ends a stream where they like",
)
def _() -> None:
    """The final event is sent as it is, not sealed."""

    @instead_of(StreamSealer.finish)
    def _(self: StreamSealer) -> bytes:
        return b"data: __FIN__\n\n"


@mutant(
    "server/stream-marker-not-split", "V1-STR-06", gains="who chooses the text of a chunk ends the stream of another"
)
def _() -> None:
    """A chunk that is the final marker is sealed as it is."""

    @instead_of(StreamSealer.seal)
    def _(self: StreamSealer, chunk: bytes) -> bytes:
        return self._event(chunk)


@mutant(
    "server/stream-base-nonce-of-the-session",
    "V1-STR-08",
    gains="the first chunks of two streams under one nonce: their XOR is laid bare",
)
def _() -> None:
    """All streams of a session have one base nonce, a hash of its key."""

    @instead_of(NenServer.open_stream)
    def _(self: NenServer, verified: Verified) -> tuple[Reply, StreamSealer]:
        base_nonce = hashlib.sha256(verified.session.keys.enc).digest()[:12]
        return stream.stream_head(base_nonce), StreamSealer(verified.session.keys.enc, base_nonce, suite=self._suite)


@mutant(
    "server/stream-base-nonce-of-the-request",
    "V1-STR-08",
    gains="request and first chunk under one key and nonce: both laid bare",
)
def _() -> None:
    """The base nonce of a stream is the nonce of the request for it."""

    @instead_of(NenServer.open_stream)
    def _(self: NenServer, verified: Verified) -> tuple[Reply, StreamSealer]:
        base_nonce = verified.n or os.urandom(12)
        return stream.stream_head(base_nonce), StreamSealer(verified.session.keys.enc, base_nonce, suite=self._suite)


@mutant(
    "server/stream-by-get-not-verified",
    "V1-STR-05",
    gains="anyone who sees a session id starts streams in its name",
)
def _() -> None:
    """A GET of the stream route is not verified beyond its session."""

    @around(verification.check_signature)
    def _(original: Any, request: Request, *rest: Any) -> None:
        if request.method != "GET" or request.path != "/api/stream":
            original(request, *rest)


@mutant(
    "server/stream-held-back",
    "V1-STR-15",
    "v1/configured/",
    gains="the first word of an answer comes with its last",
)
def _() -> None:
    """The events of a stream are sent together when it ends."""

    @around(asgi._Answer._send_chunks)
    async def _(original: Any, self: Any, body: bytes, more: bool) -> None:
        earlier = getattr(self, "_held", [])
        self._held = [*earlier, body]
        if not more:
            for held in earlier:
                await original(self, held, True)
            await original(self, body, False)


@mutant(
    "server/stream-failure-looks-complete",
    "V1-STR-16",
    gains="half an answer is taken for a whole one",
)
def _() -> None:
    """A stream whose handler fails is ended with the final event."""

    @instead_of(NenMiddleware._answer)
    async def _(self: NenMiddleware, scope: Any, receive: Any, send: Any, verified: Verified) -> None:
        answer = asgi._Answer(self._server, verified, scope["method"], send)
        try:
            await self._app(asgi._application_scope(scope, verified), answer.receiving(receive), answer.send)
        except Exception:
            if answer._stream is None:
                await asgi._send_reply(send, messages.error_reply(failure(errors.INTERNAL)))
                return
            answer._complete = True
        await answer.finish()


# Lifecycle


@mutant(
    "server/status-always-valid",
    "V1-LIFE-01",
    "v1/configured/session-expires",
    "v1/lifecycle/rotate-drops-the-old",
    "v1/lifecycle/terminated-status",
    gains="clients keep using a session that is gone",
)
def _() -> None:
    """The status of every session is valid."""

    @instead_of(NenServer._status)
    async def _(self: NenServer, request: Request) -> Reply:
        return messages.json_reply(200, wire.dump_json({"valid": True}))


@mutant(
    "server/terminate-ends-nothing",
    "V1-LIFE-03",
    gains="a session that was ended on purpose goes on",
)
def _() -> None:
    """Terminating is answered, and the session lives on."""

    @instead_of(NenServer._terminate)
    async def _(self: NenServer, request: Request) -> Reply:
        return messages.json_reply(200, wire.dump_json({"success": True}))


@mutant(
    "server/rotate-keeps-the-old",
    "V1-LIFE-04",
    gains="a key that was given up still opens and signs",
)
def _() -> None:
    """A rotation makes a new session and keeps the old one."""
    set_field(NenServer, "_rotate", NenServer._handshake)


@mutant(
    "server/session-lives-for-ever",
    "V1-LIFE-06",
    gains="a key that leaked is good for ever",
)
def _() -> None:
    """The life of a session is not looked at."""

    @instead_of(MemoryStore._alive)
    def _(self: MemoryStore, sid: str) -> Any:
        return self._entries.get(sid)


@mutant("server/keys-shared-between-sessions", "V1-LIFE-10", gains="each client can sign for every other")
def _() -> None:
    """The HMAC keys of all sessions are kept in one place, and a signature under any of them is taken."""
    keys: list[bytes] = []

    @around(MemoryStore.set)
    async def _(original: Any, self: MemoryStore, session: Session, life_ms: int) -> None:
        keys.append(session.keys.mac)
        await original(self, session, life_ms)

    @around(verification.check_signature)
    def _(original: Any, request: Request, carried: Carried, signature: str, session: Session, *suite: Any) -> None:
        nonce = carried.nonce_text
        canonical = canonical_string(request.method, request.path, request.headers.get(TIMESTAMP_HEADER, ""), nonce)
        if signature not in [wire.encode_base64(hmac.digest(key, canonical, "sha256")) for key in keys]:
            original(request, carried, signature, session, *suite)


# Errors


@mutant(
    "server/statuses-swapped",
    "V1-ERR-01",
    EVERYTHING,
    gains="clients do not make a new session when theirs has expired",
)
def _() -> None:
    """An unknown session is answered with the status 403."""
    set_field(errors.SESSION_INVALID_OR_EXPIRED, "status", 403)


@mutant(
    "server/hint-in-the-error-body",
    "V1-ERR-02",
    gains="an attacker is told which of their guesses came nearer",
)
def _() -> None:
    """The error body carries the hint that is meant for the log."""

    @instead_of(errors.error_body)
    def _(entry: errors.ErrorCode) -> bytes:
        return wire.dump_json({"error": {"code": entry.code, "message": entry.message, "hint": entry.hint}})


@mutant(
    "server/deep-nesting-crashes",
    "V1-ERR-03",
    gains="one small body makes the server fail",
)
def _() -> None:
    """The depth of a JSON text is not looked at before it is parsed."""

    @instead_of(wire._depth)
    def _(text: str) -> int:
        return 0


@mutant(
    "server/malformed-is-internal",
    "V1-ERR-03",
    "v1/request/",
    "v1/auth/",
    "v1/error/",
    gains="monitoring cannot tell bad input from a fault of the server",
)
def _() -> None:
    """A body that is malformed is answered with ISO-9000."""
    set_field(payload, "WIRE_INVALID_PAYLOAD_FORMAT", errors.INTERNAL)
