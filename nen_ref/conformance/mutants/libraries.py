"""Broken libraries: primitives, and single steps of the protocol. Each function below is one fault."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from hmac import compare_digest
from typing import Any

from nen_ref.conformance.mutants.faults import lenient_hint
from nen_ref.conformance.mutants.model import mutant
from nen_ref.conformance.mutants.patch import around, instead_of, set_field
from nen_ref.primitives import chacha20_poly1305, hmac_sha256, ml_dsa, ml_dsa_keys, ml_kem
from nen_ref.primitives.chacha20_poly1305 import aead_decrypt, aead_encrypt, chacha20_encrypt
from nen_ref.primitives.errors import EncodingError, LengthError
from nen_ref.primitives.ml_dsa import ML_DSA_65
from nen_ref.primitives.ml_kem import ML_KEM_768
from nen_ref.primitives.suite import REFERENCE
from nen_ref.protocol import (
    errors,
    handshake,
    identity,
    messages,
    payload,
    responses,
    signing,
    sse,
    stream,
    verification,
    wire,
)
from nen_ref.protocol.errors import CATALOGUE, NenError, failure
from nen_ref.protocol.messages import TIMESTAMP_HEADER, Reply, Request
from nen_ref.protocol.session import WINDOW_MS, SessionKeys
from nen_ref.protocol.stream import StreamOpener, StreamSealer
from nen_ref.protocol.verification import NonceAnswer

KEM = (
    "v1/library-primitives/kem",
    "v1/library-primitives/encaps",
    "v1/library-primitives/implicit-rejection",
    "v1/library-handshake/",
)
DSA = ("v1/library-primitives/dsa", "v1/library-handshake/")
AEAD = ("v1/library-primitives/aead", "v1/library-request/", "v1/library-verification/", "v1/library-stream/")
HMAC = ("v1/library-primitives/hmac", "v1/library-request/", "v1/library-verification/")
STREAM = ("v1/library-stream/",)

# ML-KEM


@mutant("library/kem-message-hashed", "V1-PRIM-01", *KEM, gains="it agrees with Kyber of round 3, and with no ML-KEM")
def _() -> None:
    """Encapsulation hashes its randomness first, as the draft of Kyber did."""

    @around(REFERENCE.ml_kem_768_encaps)
    def _(original: Any, ek: bytes, m: bytes) -> Any:
        return original(ek, ml_kem.H(m))


@mutant("library/kem-seed-without-k", "V1-PRIM-01", *KEM, gains="one seed gives related keys in two parameter sets")
def _() -> None:
    """Key generation hashes the seed alone, without the parameter k: the draft of FIPS 203."""

    @around(ml_kem.G)
    def _(original: Any, c: bytes) -> Any:
        return original(c[:-1] if len(c) == 33 else c)


@mutant(
    "library/kem-sampling-bounded",
    "V1-PRIM-01",
    "v1/library-handshake/finish-further-members",
    "v1/library-handshake/hello",
    "v1/library-handshake/respond-identity-half",
    "v1/library-primitives/kem-new-key-pair",
    gains="one key in many fails, and nobody can say why",
)
def _() -> None:
    """The sampling of the matrix takes three blocks of SHAKE128 and fills up with zeros."""

    @around(ml_kem.sample_ntt)
    def _(original: Any, B: bytes) -> Any:
        candidates = ml_kem.twelve_bit_integers(hashlib.shake_128(B).digest(504))
        return [x for x in candidates if x < ml_kem.q][:256] + [0] * max(0, 256 - sum(x < ml_kem.q for x in candidates))


@mutant(
    "library/kem-key-by-length-only",
    "V1-PRIM-02",
    "v1/library-handshake/respond-key-check",
    gains="ciphertexts under malformed keys, outside of the proof",
)
def _() -> None:
    """Only the length of an encapsulation key is checked."""

    @instead_of(REFERENCE.ml_kem_768_check_ek)
    def _(ek: bytes) -> None:
        LengthError.check("ek", ek, ML_KEM_768.ek_size)


@mutant(
    "library/kem-explicit-rejection",
    "V1-PRIM-03",
    "v1/library-primitives/kem-accumulated",
    gains="an answer that tells good ciphertexts from bad gives the key away, bit by bit",
)
def _() -> None:
    """A ciphertext that was not made for the key is an error."""

    @around(compare_digest)
    def _(original: Any, c: bytes, c_prime: bytes) -> Any:
        if not original(c, c_prime):
            raise LengthError("c does not encapsulate anything")
        return True


@mutant(
    "library/kem-no-rejection",
    "V1-PRIM-03",
    "v1/library-primitives/kem-accumulated",
    gains="chosen ciphertexts give the key away: the attack that the transform is there for",
)
def _() -> None:
    """Decapsulation does not encrypt again, and rejects nothing."""

    @instead_of(compare_digest)
    def _(c: bytes, c_prime: bytes) -> bool:
        return True


@mutant(
    "library/kem-rejection-of-the-draft",
    "V1-PRIM-03",
    "v1/library-primitives/kem-accumulated",
    gains="an implementation by the standard gives another secret",
)
def _() -> None:
    """Implicit rejection hashes z and the hash of c, as in Kyber of round 3."""

    @around(ml_kem.J)
    def _(original: Any, s: bytes) -> Any:
        return original(s[:32] + ml_kem.H(s[32:]))


@mutant("library/kem-key-hash-unchecked", "V1-PRIM-04", gains="a key that was damaged or mixed up in storage is used")
def _() -> None:
    """The hash in a decapsulation key is not checked."""

    @instead_of(ml_kem.check_decapsulation_key)
    def _(params: Any, dk: bytes) -> None:
        LengthError.check("dk", dk, params.dk_size)


@mutant(
    "library/kem-ciphertext-cut",
    "V1-PRIM-04",
    gains="bytes after a ciphertext that nobody looked at",
)
def _() -> None:
    """Of a ciphertext that is too long the first 1088 bytes are taken."""

    @around(REFERENCE.ml_kem_768_decaps)
    def _(original: Any, dk: bytes, c: bytes) -> Any:
        return original(dk, c[: ML_KEM_768.ct_size])


@mutant(
    "library/random-seed-constant",
    "V1-PRIM-05",
    "v1/library-primitives/dsa-sign-hedged",
    gains="every key is known to who has the library",
)
def _() -> None:
    """The random bit generator begins with the same seed each time it is asked."""
    set_field(os, "urandom", lambda size: b"\x07" * size)


@mutant(
    "library/random-bytes-for-two",
    "V1-PRIM-05",
    "v1/library-primitives/dsa-sign-hedged",
    gains="what one seed gives away it gives away of the other",
)
def _() -> None:
    """The random bit generator gives the same bytes twice: both seeds of a key pair are one."""
    drawn: list[bytes] = []
    urandom = os.urandom

    def twice(size: int) -> bytes:
        if drawn and len(drawn[-1]) == size:
            return drawn.pop()
        drawn[:] = [urandom(size)]
        return drawn[-1]

    set_field(os, "urandom", twice)


# ML-DSA


@mutant(
    "library/dsa-norm-unchecked",
    "V1-PRIM-07",
    gains="signatures can be forged by anyone: any z will do",
)
def _() -> None:
    """Verification does not check the bound of z."""

    @instead_of(ml_dsa.verify_mu)
    def _(params: Any, pk: bytes, mu: bytes, sigma: bytes) -> bool:
        norm, ml_dsa.infinity_norm = ml_dsa.infinity_norm, lambda v: 0
        try:
            return VERIFY_MU(params, pk, mu, sigma)
        finally:
            ml_dsa.infinity_norm = norm


@mutant(
    "library/dsa-norm-off-by-one",
    "V1-PRIM-07",
    gains="signatures that no other implementation accepts",
)
def _() -> None:
    """The bound of z is allowed itself."""

    @instead_of(ml_dsa.verify_mu)
    def _(params: Any, pk: bytes, mu: bytes, sigma: bytes) -> bool:
        norm, ml_dsa.infinity_norm = ml_dsa.infinity_norm, lambda v: NORM(v) - 1
        try:
            return VERIFY_MU(params, pk, mu, sigma)
        finally:
            ml_dsa.infinity_norm = norm


VERIFY_MU = ml_dsa.verify_mu
NORM = ml_dsa.infinity_norm


@mutant(
    "library/dsa-hint-lenient",
    "V1-PRIM-07",
    gains="a second signature can be made out of one that was seen",
)
def _() -> None:
    """The hint of a signature may repeat an index, be unsorted, and have anything in its unused bytes."""
    instead_of(ml_dsa.hint_bit_unpack)(lenient_hint)


@mutant(
    "library/dsa-long-signature",
    "V1-PRIM-07",
    "v1/library-handshake/respond-identity-encoding",
    gains="a signature can be written in several ways",
)
def _() -> None:
    """Bytes after a signature are ignored."""

    @around(REFERENCE.ml_dsa_65_verify)
    def _(original: Any, pk: bytes, M: bytes, sigma: bytes, ctx: bytes) -> Any:
        return original(pk, M, sigma[: ML_DSA_65.sig_size], ctx)


@mutant(
    "library/dsa-any-context",
    "V1-PRIM-08",
    "v1/library-handshake/respond-identity-context",
    gains="a signature that the key gave elsewhere passes for an identity",
)
def _() -> None:
    """A signature under the internal interface, without the two bytes in front, is taken as well."""

    @around(REFERENCE.ml_dsa_65_verify)
    def _(original: Any, pk: bytes, M: bytes, sigma: bytes, ctx: bytes) -> Any:
        return original(pk, M, sigma, ctx) or ml_dsa.verify_internal(ML_DSA_65, pk, M, sigma)


@mutant("library/dsa-without-prefix", "V1-PRIM-06", *DSA, gains="signatures that no other implementation accepts")
def _() -> None:
    """Messages are signed and verified without the domain prefix, as Dilithium did."""

    @instead_of(ml_dsa.format_message)
    def _(M: bytes, ctx: bytes) -> bytes:
        return M


@mutant(
    "library/dsa-hedging-ignored", "V1-PRIM-06", gains="a fault of the machine while it signs twice gives the key away"
)
def _() -> None:
    """The randomness for a signature is ignored: each is deterministic."""

    @around(REFERENCE.ml_dsa_65_sign)
    def _(original: Any, sk: bytes, M: bytes, ctx: bytes, rnd: bytes) -> Any:
        return original(sk, M, ctx, bytes(32))


# AEAD and HMAC


@mutant(
    "library/aead-tag-by-its-beginning",
    "V1-PRIM-10",
    "v1/library-request/payload-altered",
    "v1/library-stream/altered",
    "v1/library-verification/order-opening-eighth",
    "v1/library-verification/payload-altered",
    gains="a forgery after 2^32 attempts instead of 2^128",
)
def _() -> None:
    """The first four bytes of the tag are compared."""

    @around(chacha20_poly1305._check_tag)
    def _(original: Any, expected: bytes, tag: bytes) -> None:
        original(expected[:4], tag[:4])


@mutant("library/aead-tag-not-checked", "V1-PRIM-10", *AEAD, gains="an attacker changes every payload, bit by bit")
def _() -> None:
    """The tag is not compared."""

    @instead_of(REFERENCE.aead_open)
    def _(key: bytes, nonce: bytes, sealed: bytes) -> bytes:
        return chacha20_encrypt(key, 1, nonce, sealed[:-16])


@mutant(
    "library/aead-with-aad",
    "V1-PRIM-09",
    *AEAD,
    "v1/library-primitives/",
    gains="no other implementation opens its payloads",
)
def _() -> None:
    """The nonce is sealed in as associated data."""

    @instead_of(REFERENCE.aead_seal)
    def _(key: bytes, nonce: bytes, plaintext: bytes) -> bytes:
        return aead_encrypt(key, nonce, plaintext, nonce)

    @instead_of(REFERENCE.aead_open)
    def _(key: bytes, nonce: bytes, sealed: bytes) -> bytes:
        return aead_decrypt(key, nonce, sealed, nonce)


@mutant(
    "library/poly1305-not-clamped",
    "V1-PRIM-09",
    *AEAD,
    "v1/library-primitives/",
    gains="tags that no other implementation accepts, and that can be forged",
)
def _() -> None:
    """The key of Poly1305 is not clamped."""

    @instead_of(chacha20_poly1305.clamp)
    def _(r: int) -> int:
        return r


@mutant(
    "library/chacha20-from-block-0",
    "V1-PRIM-09",
    *AEAD,
    "v1/library-primitives/",
    gains="the first block of ciphertext gives away the key of the tag",
)
def _() -> None:
    """The key stream begins with block 0, from which the one-time key is taken."""

    @around(chacha20_poly1305._one_time_key_and_cipher)
    def _(original: Any, key: bytes, nonce: bytes, length: int = 0) -> Any:
        otk, _ = original(key, nonce)
        return otk, chacha20_poly1305.ChaCha20(key, 0, nonce)


@mutant(
    "library/chacha20-counter-of-one-byte",
    "V1-PRIM-09",
    "v1/library-request/payload-open",
    "v1/library-request/payload-seal",
    "v1/library-stream/open",
    "v1/library-stream/seal",
    gains="after 16 KiB the key stream repeats, and the payload is laid bare",
)
def _() -> None:
    """The block counter is one byte and begins again after 255."""

    @around(chacha20_poly1305.chacha20_blocks)
    def _(original: Any, key: bytes, counter: int, nonce: bytes, n: int) -> bytes:
        first = original(key, 0, nonce, min(256, counter + n))
        places = (64 * ((counter + i) % 256) for i in range(n))
        return b"".join(first[place : place + 64] for place in places)


@mutant(
    "library/poly1305-not-reduced-at-the-end",
    "V1-PRIM-09",
    gains="one tag in 2^128 is wrong by chance, and as many as an attacker likes by choice",
)
def _() -> None:
    """The accumulator of Poly1305 is not brought below 2^130 - 5 in the end."""

    @around(chacha20_poly1305.Poly1305.digest)
    def _(original: Any, self: Any) -> Any:
        tag = original(self)
        if self._accumulator >= 5:
            return tag
        return ((self._accumulator + chacha20_poly1305.P + self._s) % 2**128).to_bytes(16, "little")


@mutant("library/hmac-long-key-cut", "V1-PRIM-11", gains="two long keys with one beginning are one key")
def _() -> None:
    """A key of more than 64 bytes is cut instead of hashed."""

    @around(hmac_sha256.block_sized_key)
    def _(original: Any, key: bytes) -> Any:
        return original(key[:64])


# Encodings


@mutant("library/base64-lenient", "V1-WIRE-02", "v1/library-", gains="one nonce has many texts")
def _() -> None:
    """Base64 is decoded by a function that skips every character it does not know."""

    @instead_of(wire.decode_base64)
    def _(text: str) -> bytes:
        return base64.b64decode(text.encode("ascii", "ignore") + b"==")


@mutant(
    "library/base64-in-lines",
    "V1-WIRE-01",
    "v1/library-",
    gains="long values have line ends in them, and strict receivers refuse them",
)
def _() -> None:
    """Base64 is written in lines of 76 characters."""

    @instead_of(wire.encode_base64)
    def _(data: bytes) -> str:
        return base64.encodebytes(data).decode("ascii").rstrip("\n")


@mutant(
    "library/spki-algorithm-unchecked",
    "V1-ID-02",
    "v1/library-handshake/respond-identity-encoding",
    "v1/library-wire/spki-not-der",
    gains="a key of another algorithm is taken for one of this",
)
def _() -> None:
    """Of a SubjectPublicKeyInfo the last 1952 bytes are the key, whatever its algorithm."""

    @instead_of(ml_dsa_keys.decode_spki)
    def _(params: Any, der: bytes) -> bytes:
        if len(der) != params.pk_size + 22:
            raise EncodingError("of another length")
        return der[-params.pk_size :]


@mutant(
    "library/json-duplicates",
    "V1-WIRE-05",
    "v1/library-handshake/finish-members-wrong",
    gains="a filter and the server read two different values",
)
def _() -> None:
    """Of a member that comes twice the last is taken."""
    instead_of(wire._object)(dict)


@mutant(
    "library/statuses-swapped",
    "V1-ERR-01",
    gains="clients do not make a new session when theirs has expired",
)
def _() -> None:
    """ISO-2002 and ISO-5001 have each other's status."""
    set_field(errors.SESSION_INVALID_OR_EXPIRED, "status", 409)
    set_field(errors.REPLAY_NONCE_REUSED, "status", 401)


@mutant(
    "library/error-code-searched",
    "V1-ERR-04",
    gains="a text of the application, or in a page of a proxy, is taken for the word of the server",
)
def _() -> None:
    """The first thing in the body of a refusal that looks like a code of the catalogue is its code."""

    @instead_of(messages.reported_code)
    def _(body: bytes) -> str | None:
        found = re.search(r"ISO-\d{4}", body.decode("utf-8", "replace"))
        return found[0] if found and found[0] in CATALOGUE else None


@mutant(
    "library/error-code-of-no-catalogue",
    "V1-ERR-04",
    gains="whoever answers chooses a text that reaches the caller's program and its log",
)
def _() -> None:
    """Any text in the place of the code is one."""

    @instead_of(messages.reported_code)
    def _(body: bytes) -> str | None:
        with suppress(wire.Malformed):
            error = wire.parse_json_object(body).get("error")
            code = error.get("code") if isinstance(error, dict) else None
            return code if isinstance(code, str) else None
        return None


# Handshake


@mutant(
    "library/half-an-identity-is-none", "V1-ID-03", gains="an attacker on the way strips the signature and stays unseen"
)
def _() -> None:
    """A handshake with one of sigPk and sigOfPk is taken for one without identity."""

    @around(identity.verify_identity)
    def _(original: Any, members: dict[str, object], ek: bytes, **suite: Any) -> Any:
        return original(members, ek, **suite) if {"sigPk", "sigOfPk"} <= set(members) else None


@mutant(
    "library/secret-hashed",
    "V1-HS-06",
    "v1/library-handshake/respond",
    "v1/library-handshake/finish",
    gains="it talks to no other implementation",
)
def _() -> None:
    """The payload key is SHA-256 of the shared secret."""

    @around(handshake.respond)
    def _(original: Any, *args: Any, **options: Any) -> Any:
        made = original(*args, **options)
        return replace(made, session=replace(made.session, keys=_hashed(made.session.keys)))

    @around(handshake.client_finish)
    def _(original: Any, *args: Any, **options: Any) -> Any:
        sid, keys = original(*args, **options)
        return sid, _hashed(keys)


def _hashed(keys: SessionKeys) -> SessionKeys:
    return SessionKeys(hashlib.sha256(keys.enc).digest(), keys.mac)


# Requests


@mutant("library/canonical-with-a-line-feed", "V1-AUTH-05", *HMAC, gains="no other implementation takes its signatures")
def _() -> None:
    """The canonical string ends in a line feed."""

    @around(signing.canonical_string)
    def _(original: Any, *args: str) -> Any:
        return original(*args) + b"\n"


@mutant(
    "library/canonical-method-as-given",
    "V1-AUTH-05",
    "v1/library-request/sign",
    gains="a method in lower case is signed otherwise",
)
def _() -> None:
    """The method is signed as it was given, not in upper case."""

    @instead_of(signing.canonical_string)
    def _(method: str, path: str, timestamp: str, nonce: str) -> bytes:
        return "\n".join((method, path, timestamp, nonce)).encode("utf-8", "surrogateescape")


@mutant(
    "library/canonical-without-empty-nonce",
    "V1-REQ-09",
    "v1/library-request/sign",
    gains="no other implementation takes its signatures of requests without a body",
)
def _() -> None:
    """Without a nonce the line feed before it is left out, too."""

    @around(signing.canonical_string)
    def _(original: Any, method: str, path: str, timestamp: str, nonce: str) -> Any:
        whole = original(method, path, timestamp, nonce)
        return whole if nonce else whole[:-1]


@mutant(
    "library/answer-under-the-nonce-of-the-request",
    "V1-RES-02",
    gains="request and answer under one key and nonce: both laid bare",
)
def _() -> None:
    """An answer may have the nonce of its request."""

    @around(responses.seal_response)
    def _(original: Any, verified: Any, status: int, plain: bytes, n: bytes, *suite: Any) -> Any:
        body = payload.dump_envelope(payload.seal(verified.session.keys.enc, n, plain))
        return Reply(status, {}, body)


# Verification


@mutant(
    "library/window-exclusive",
    "V1-AUTH-07",
    gains="a request at the edge of the window is refused by one side and taken by another",
)
def _() -> None:
    """A request that is exactly 30 000 ms old or early is refused."""

    @around(verification.check_window)
    def _(original: Any, request: Request, now: int, *policy: Any) -> Any:
        sent = original(request, now, *policy)
        if abs(now - sent) == WINDOW_MS:
            raise failure(errors.AUTH_TIMESTAMP_OUT_OF_WINDOW)
        return sent


@mutant(
    "library/signature-by-its-beginning",
    "V1-AUTH-04",
    "v1/library-verification/signature-encoding",
    gains="a forgery after 2^32 attempts",
)
def _() -> None:
    """The first eight characters of the signature are compared."""

    @around(verification.check_signature)
    def _(original: Any, request: Request, carried: Any, signature: str, known: Any, suite: Any = REFERENCE) -> None:
        nonce = carried.nonce_text
        sent = request.headers.get(TIMESTAMP_HEADER, "")
        canonical = signing.canonical_string(request.method, request.path, sent, nonce)
        if not signature.startswith(signing.sign(known.keys.mac, canonical, suite=suite)[:8]):
            original(request, carried, signature, known, suite)


@mutant(
    "library/replay-ignored",
    "V1-REPLAY-01",
    "v1/library-verification/order-replay-seventh",
    gains="a recorded request runs again and again",
)
def _() -> None:
    """A used nonce is no reason to refuse a request."""

    @around(verification.check_replay)
    def _(original: Any, answer: Any) -> None:
        original(NonceAnswer.NEW if answer is NonceAnswer.USED else answer)


@mutant(
    "library/replay-before-window",
    "V1-AUTH-10",
    gains="a stale request has spent a nonce",
)
def _() -> None:
    """A used nonce is told before a timestamp outside of the window."""

    @around(verification.check_window)
    def _(original: Any, request: Request, now: int, *policy: Any) -> Any:
        try:
            return original(request, now, *policy)
        except NenError as error:
            _stale[:] = [error]
            return now

    @around(verification.check_replay)
    def _(original: Any, answer: Any) -> None:
        original(answer)
        if _stale:
            raise _stale.pop()


_stale: list[NenError] = []

# Streams


@mutant(
    "library/stream-counter-added",
    "V1-STR-03",
    *STREAM,
    gains="some streams break somewhere: the bug that nobody can reproduce",
)
def _() -> None:
    """The counter is added to the base nonce instead of XORed."""

    @instead_of(stream.stream_nonce)
    def _(base_nonce: bytes, i: int) -> bytes:
        return base_nonce[:8] + ((int.from_bytes(base_nonce[8:], "little") + i) % 2**32).to_bytes(4, "little")


@mutant("library/stream-counter-wraps", "V1-STR-07", gains="event 2^32 repeats the nonce of event 0")
def _() -> None:
    """A stream has no last event."""
    set_field(stream, "MAX_EVENTS", 2**40)

    @around(stream.stream_nonce)
    def _(original: Any, base_nonce: bytes, i: int) -> Any:
        return original(base_nonce, i % 2**32)


@mutant(
    "library/stream-marker-not-split",
    "V1-STR-06",
    "v1/library-stream/seal-at-the-end",
    gains="who chooses the text of a chunk ends the stream of another",
)
def _() -> None:
    """A chunk that is the final marker is sealed as it is."""

    @instead_of(StreamSealer.seal)
    def _(self: StreamSealer, chunk: bytes) -> bytes:
        return self._event(chunk)


@mutant("library/stream-truncation-silent", "V1-STR-09", gains="an attacker cuts an answer where it suits them")
def _() -> None:
    """A stream that ends without its final event is a success."""

    @instead_of(StreamOpener.close)
    def _(self: StreamOpener) -> None:
        pass


@mutant(
    "library/stream-end-without-its-empty-line",
    "V1-STR-09",
    gains="two receivers see the end of one stream in two places",
)
def _() -> None:
    """The final event counts as soon as its line is there, without the empty line."""

    @around(StreamOpener.close)
    def _(original: Any, self: StreamOpener) -> None:
        line = b"".join(self._events._line) or b"".join(b"data: " + data for data in self._events._data)
        with suppress(NenError):
            self.finished = self.finished or (bool(line) and self._open(line.removeprefix(b"data: ")) == stream.FINAL)
        original(self)


@mutant(
    "library/stream-released-before-checked",
    "V1-STR-10",
    gains="the caller acts on what an attacker wrote before it is told so",
)
def _() -> None:
    """A chunk is decrypted and handed out, and its tag compared afterwards."""

    @around(StreamOpener.feed)
    def _(original: Any, self: StreamOpener, piece: bytes) -> Iterator[bytes]:
        for data in () if self.finished else self._events.feed(piece):
            nonce = stream.stream_nonce(self._base_nonce, self._next)
            early = chacha20_encrypt(self._key, 1, nonce, base64.b64decode(data + b"==")[:-16])
            if early == stream.FINAL and self._open(data):
                self.finished = True
                return
            yield early
            self._open(data)


@mutant(
    "library/stream-bad-events-skipped",
    "V1-STR-10",
    gains="an attacker drops the event they do not like",
)
def _() -> None:
    """An event that does not open is skipped, without counting it."""

    @around(StreamOpener._open)
    def _(original: Any, self: StreamOpener, data: bytes) -> Any:
        try:
            return original(self, data)
        except NenError:
            self._broken = False
            return b""


@mutant("library/sse-carriage-return-unknown", "V1-STR-14", gains="a proxy that rewrites line ends breaks every stream")
def _() -> None:
    """A CR alone does not end a line."""
    set_field(sse, "_LINE_END", re.compile(rb"\r\n|\n"))


@mutant("library/sse-bom", "V1-STR-14", gains="the first event of a stream with a byte order mark is lost")
def _() -> None:
    """A byte order mark at the beginning of a stream is taken for part of the first field."""
    set_field(sse, "_BOM", b"\xff\xff\xff")
