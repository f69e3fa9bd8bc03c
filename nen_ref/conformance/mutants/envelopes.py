"""Broken libraries: sealed envelopes. Each function below is one fault."""

from __future__ import annotations

import base64
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from nen_ref.conformance.mutants.model import mutant
from nen_ref.conformance.mutants.patch import around, instead_of, set_field
from nen_ref.primitives.chacha20_poly1305 import chacha20_encrypt
from nen_ref.primitives.ml_dsa import ML_DSA_65
from nen_ref.primitives.suite import REFERENCE, Suite
from nen_ref.protocol import seal, seal_fields, seal_framed, seal_media, seal_signed, seal_webhook
from nen_ref.protocol.errors import (
    AUTH_IDENTITY_SIGNATURE_INVALID,
    CRYPTO_DECRYPT_FAILED,
    WIRE_INVALID_PAYLOAD_FORMAT,
    NenError,
    failure,
)
from nen_ref.protocol.payload import Envelope, open_envelope
from nen_ref.protocol.seal import CEK
from nen_ref.protocol.seal_framed import NONCE, Layout, Size, frame_key, sized_context
from nen_ref.protocol.seal_signed import Signed
from nen_ref.protocol.wire import decode_base64, encode_base64

SEAL = ("seal/",)
ALONE = "it opens what nobody else seals, and nobody else opens what it seals"
EXCHANGED = "two envelopes are exchanged, and a refund is opened as an order"
BELIEVED = "anyone who has seen a public key is believed"
BEGINNING = "the beginning of a payload is taken for the whole"
CRASHES = "whoever sends an envelope decides whether the process goes on"
UNSEALED = "what somebody believes sealed goes out, or comes in, in plain"

Json = Any
Members = Mapping[str, Any]


# Envelopes


@mutant("library/seal-secret-as-key", "SEAL-ENV-02", *SEAL, gains=ALONE)
def _() -> None:
    """The shared secret is the content key as it is, without HKDF."""

    @around(seal.opening_key)
    def _(original: Any, dk: bytes, kem: bytes, info: bytes, *, suite: Suite = REFERENCE) -> Any:
        original(dk, kem, info, suite=suite)
        return suite.ml_kem_768_decaps(dk, kem)


@mutant("library/seal-version-not-checked", "SEAL-ENV-03", *SEAL, gains="a later version is read as this one")
def _() -> None:
    """The version, v, is not looked at."""

    @instead_of(seal.read_kem)
    def _(envelope: Members) -> bytes:
        return seal.member(envelope, "kem")


@mutant("library/seal-version-compared-loosely", "SEAL-ENV-03", *SEAL, gains="two readers do not agree on what it is")
def _() -> None:
    """The version, v, may be the text 1, or true."""

    @around(seal.read_kem)
    def _(original: Any, envelope: Members) -> Any:
        return original({**envelope, "v": 1} if str(envelope.get("v")) in ("1", "True") else envelope)


@mutant("library/seal-base64-lenient", "SEAL-ENV-04", *SEAL, gains="one envelope has any number of texts")
def _() -> None:
    """The members of an envelope are decoded by a function that skips what it does not know."""

    @around(seal.member)
    def _(original: Any, envelope: Members, name: str) -> Any:
        text = envelope.get(name)
        if isinstance(text, str) and text.isascii():
            with suppress(ValueError):
                return base64.b64decode(text + "==")
        return original(envelope, name)


@mutant("library/seal-nonce-fitted", "SEAL-ENV-04", *SEAL, gains="two nonces are one")
def _() -> None:
    """A nonce of another length is cut, or filled up with zeros."""

    @around(seal.read_sealed)
    def _(original: Any, envelope: Members) -> Any:
        n = envelope.get("n")
        with suppress(ValueError):
            if isinstance(n, str):
                return original({**envelope, "n": encode_base64(decode_base64(n)[:12].ljust(12, b"\0"))})
        return original(envelope)


@mutant("library/seal-json-duplicates", "SEAL-ENV-04", *SEAL, gains="two parties read two envelopes out of one text")
def _() -> None:
    """Of a member that comes twice the last is taken."""
    import json

    @instead_of(seal.read_envelope)
    def _(text: bytes) -> Any:
        with suppress(ValueError, RecursionError):
            value = json.loads(text)
            if isinstance(value, dict):
                return value
        raise failure(WIRE_INVALID_PAYLOAD_FORMAT)


@mutant("library/seal-kem-fitted", "SEAL-ENV-05", *SEAL, gains="one ciphertext has many forms")
def _() -> None:
    """A kem that is too long is cut."""

    @around(seal.opening_key)
    def _(original: Any, dk: bytes, kem: bytes, info: bytes, **options: Any) -> Any:
        return original(dk, kem[:1088], info, **options)


@mutant("library/seal-recipient-key-unchecked", "SEAL-ENV-05", *SEAL, gains="data is sealed to what is no key")
def _() -> None:
    """The recipient's key is cut or filled up, and its coefficients are not looked at."""

    @instead_of(seal.new_key)
    def _(ek: bytes, context: str | None, m: bytes, *, suite: Suite = REFERENCE) -> Any:
        info = seal._info(context)
        shared_secret, ct = suite.ml_kem_768_encaps(ek[:1184].ljust(1184, b"\0"), m)
        return suite.hkdf_sha256(shared_secret, info, 32), encode_base64(ct)


@mutant("library/seal-tag-not-compared", "SEAL-ENV-06", *SEAL, gains="its carrier changes what is in it")
def _() -> None:
    """An envelope is decrypted without its tag."""

    @instead_of(seal.open_sealed)
    def _(dk: bytes, envelope: Members, *, context: str | None, suite: Suite = REFERENCE) -> Any:
        kem, sealed = seal.read_sealed(envelope)
        key = seal.opening_key(dk, kem, seal.expected_info(envelope, context), suite=suite)
        return chacha20_encrypt(key, 1, sealed.n, sealed.ct[:-16])


@mutant("library/seal-closed-schema", "SEAL-ENV-07", *SEAL, gains="envelopes of a careful sealer do not open")
def _() -> None:
    """An envelope with a member that is not of its form is refused."""

    @around(seal.open_sealed)
    def _(original: Any, dk: bytes, envelope: Members, **options: Any) -> Any:
        if not set(envelope) <= {"v", "kem", "n", "ct", "ctx", seal_fields.MARK}:
            raise failure(WIRE_INVALID_PAYLOAD_FORMAT)
        return original(dk, envelope, **options)


@mutant("library/seal-signature-where-none-expected", "SEAL-ENV-07", *SEAL, gains="anyone makes an envelope unreadable")
def _() -> None:
    """A signature is verified where no signer is expected."""

    @around(seal.open_sealed)
    def _(original: Any, dk: bytes, envelope: Members, **options: Any) -> Any:
        if "sig" in envelope or "spk" in envelope:
            seal_signed.verify(envelope, seal_signed.claimed_signer(envelope))
        return original(dk, envelope, **options)


# Contexts


@mutant("library/seal-context-without-bar", "SEAL-CTX-01", *SEAL, gains=ALONE)
def _() -> None:
    """The context follows the label without a bar."""

    @around(seal._info)
    def _(original: Any, context: str | None) -> Any:
        return original(context).replace(CEK + b"|", CEK, 1)


@mutant("library/seal-context-normalised", "SEAL-CTX-01", *SEAL, gains="two contexts are one")
def _() -> None:
    """The context is brought to a normal form of Unicode."""

    @around(seal._info)
    def _(original: Any, context: str | None) -> Any:
        return original(context if context is None else unicodedata.normalize("NFC", context))


@mutant("library/seal-context-trimmed", "SEAL-CTX-01", *SEAL, gains="two contexts are one")
def _() -> None:
    """White space around the context is taken away."""

    @around(seal._info)
    def _(original: Any, context: str | None) -> Any:
        return original(context.strip() or context if context else context)


@mutant("library/seal-context-always-barred", "SEAL-ENV-02", *SEAL, gains=ALONE)
def _() -> None:
    """The label has its bar without a context too."""

    @around(seal._info)
    def _(original: Any, context: str | None) -> Any:
        return CEK + b"|" if context is None else original(context)


@mutant("library/seal-context-believed", "SEAL-CTX-02", *SEAL, gains=EXCHANGED)
def _() -> None:
    """The key is derived from the context that the envelope names, whatever is expected."""

    @around(seal.expected_info)
    def _(original: Any, envelope: Members, context: str | None) -> Any:
        return original(envelope, envelope.get("ctx"))


@mutant("library/seal-context-compared-only", "SEAL-CTX-02", *SEAL, gains=EXCHANGED)
def _() -> None:
    """The context is compared with ctx, and every envelope opens that was sealed for some context or none."""

    @around(seal.open_sealed)
    def _(original: Any, dk: bytes, envelope: Members, *, context: str | None, **options: Any) -> Any:
        with suppress(NenError):
            return original(dk, envelope, context=context, **options)
        seal.expected_info(envelope, context)
        for other in (None, "upload", "upload:photo", "upload:passport"):
            with suppress(NenError):
                renamed = {name: value for name, value in envelope.items() if name != "ctx"} | seal.named_context(other)
                return original(dk, renamed, context=other, **options)
        return original(dk, envelope, context=context, **options)


@mutant("library/seal-context-stripped", "SEAL-CTX-02", *SEAL, gains="what is named is not what is opened")
def _() -> None:
    """An envelope that names no context is opened with the expected one."""

    @around(seal.expected_info)
    def _(original: Any, envelope: Members, context: str | None) -> Any:
        return original(envelope, context) if "ctx" in envelope else seal._info(context)


@mutant("library/seal-context-none-is-any", "SEAL-CTX-02", *SEAL, gains=EXCHANGED)
def _() -> None:
    """Where no context is expected, any is."""

    @around(seal.expected_info)
    def _(original: Any, envelope: Members, context: str | None) -> Any:
        return original(envelope, envelope.get("ctx") if context is None else context)


@mutant("library/seal-context-empty-is-none", "SEAL-CTX-03", *SEAL, gains="one signature is good for two keys")
def _() -> None:
    """The empty text is taken for no context, where something is sealed and where it is opened."""

    @around(seal._info)
    def _(original: Any, context: str | None) -> Any:
        return original(context or None)

    @around(seal.expected_info)
    def _(original: Any, envelope: Members, context: str | None) -> Any:
        named = {name: value for name, value in envelope.items() if name != "ctx" or value not in ("", None)}
        return original(named, context or None)


# Signatures


@mutant("library/seal-signed-without-context", "SEAL-SIG-01", *SEAL, gains="the context can be exchanged")
def _() -> None:
    """The context is not in the text that is signed."""

    @around(seal_signed.signed_text)
    def _(original: Any, envelope: Members) -> Any:
        return original({**envelope, "ctx": ""})


@mutant("library/seal-signed-crlf", "SEAL-SIG-01", *SEAL, gains="no signature verifies elsewhere")
def _() -> None:
    """The lines of the text that is signed end in CR and LF."""

    @around(seal_signed.signed_text)
    def _(original: Any, envelope: Members) -> Any:
        return original(envelope).replace(b"\n", b"\r\n")


@mutant("library/seal-signer-believed", "SEAL-SIG-02", *SEAL, gains=BELIEVED)
def _() -> None:
    """The key that came with the envelope is the expected one."""

    @around(seal_signed.verify)
    def _(original: Any, envelope: Members, signer: Any, **options: Any) -> Any:
        return original(envelope, seal_signed.claimed_signer(envelope), **options)


@mutant("library/seal-no-signer-is-any", "SEAL-SIG-02", *SEAL, gains=BELIEVED)
def _() -> None:
    """Where nobody is expected, anybody is."""

    @around(seal_signed.verify)
    def _(original: Any, envelope: Members, signer: Any, **options: Any) -> Any:
        return original(envelope, signer or seal_signed.claimed_signer(envelope), **options)


@mutant("library/seal-first-signer-told", "SEAL-SIG-02", *SEAL, gains="one partner is taken for another")
def _() -> None:
    """Of several expected keys one is told, and not the one that signed."""

    @around(seal_signed.verify)
    def _(original: Any, envelope: Members, signer: Any, **options: Any) -> Any:
        original(envelope, signer, **options)
        return min(signer) if isinstance(signer, frozenset) else signer


@mutant("library/seal-unsigned-passes", "SEAL-SIG-03", *SEAL, gains="who takes the signature away is believed")
def _() -> None:
    """An envelope without a signature is opened as one that is expected to have none."""

    @around(seal_signed.open_signed)
    def _(original: Any, dk: bytes, envelope: Members, *, context: str | None, signer: Any, **options: Any) -> Any:
        if "sig" in envelope or not signer:
            return original(dk, envelope, context=context, signer=signer, **options)
        expected = signer if isinstance(signer, bytes) else min(signer)
        return Signed(seal.open_sealed(dk, envelope, context=context, **options), expected)


@mutant("library/seal-signer-in-any-der", "SEAL-SIG-04", *SEAL, gains="one key has any number of encodings")
def _() -> None:
    """The last 1952 bytes of spk are the key, whatever stands in front."""

    @around(seal_signed.claimed_signer)
    def _(original: Any, envelope: Members) -> Any:
        with suppress(ValueError):
            der = decode_base64(str(envelope.get("spk")))
            if len(der) > ML_DSA_65.pk_size:
                return der[-ML_DSA_65.pk_size :]
        return original(envelope)


@mutant("library/seal-bare-key-refused", "SEAL-SIG-04", *SEAL, gains="some signers cannot be verified")
def _() -> None:
    """The key of the signer, spk, has to be a SubjectPublicKeyInfo."""

    @around(seal_signed.claimed_signer)
    def _(original: Any, envelope: Members) -> Any:
        pk = original(envelope)
        if len(str(envelope.get("spk"))) < 2632:
            raise failure(AUTH_IDENTITY_SIGNATURE_INVALID)
        return pk


@mutant("library/seal-signature-not-verified", "SEAL-SIG-05", *SEAL, gains=BELIEVED)
def _() -> None:
    """The signer is compared, and the signature is not verified."""

    @around(seal_signed.verify)
    def _(original: Any, envelope: Members, signer: Any, **options: Any) -> Any:
        with suppress(NenError):
            return original(envelope, signer, **options)
        signed_by = seal_signed.claimed_signer(envelope)
        seal_signed._member(envelope, "sig")
        if signed_by not in signer:
            raise failure(AUTH_IDENTITY_SIGNATURE_INVALID)
        return signed_by


# Frames


@mutant("library/seal-frames-share-a-key", "SEAL-FRM-01", *SEAL, gains="frames can be put in another order")
def _() -> None:
    """The index of a frame is not in its key."""

    @around(seal_framed.frame_key)
    def _(original: Any, cek: bytes, i: int, **options: Any) -> Any:
        return original(cek, 0, **options)


@mutant("library/seal-frame-index-hexadecimal", "SEAL-FRM-01", *SEAL, gains=ALONE)
def _() -> None:
    """The index of a frame is written in hexadecimal, which shows from the eleventh on."""

    @instead_of(seal_framed.frame_key)
    def _(cek: bytes, i: int, *, suite: Suite = REFERENCE) -> bytes:
        return suite.hkdf_sha256(cek, seal_framed.FRAME + f"{i:x}".encode(), 32)


@mutant("library/seal-empty-payload-without-frame", "SEAL-FRM-02", *SEAL, gains="empty payloads open nowhere else")
def _() -> None:
    """An empty payload has no frame."""
    set_field(Layout, "count", property(lambda layout: -(-layout.size // layout.frame_size)))


@mutant("library/seal-full-frame-and-an-empty-one", "SEAL-FRM-02", *SEAL, gains="some payloads open nowhere else")
def _() -> None:
    """A payload that fills its last frame has an empty one behind it."""
    set_field(Layout, "count", property(lambda layout: layout.size // layout.frame_size + 1))


@mutant("library/seal-frame-size-not-checked", "SEAL-FRM-03", *SEAL, gains=CRASHES)
def _() -> None:
    """A frame size is whatever number comes, or a text or a truth value that is one."""

    @instead_of(seal_framed._frame_size)
    def _(value: Any) -> int:
        try:
            return int(value)
        except (TypeError, ValueError):
            raise failure(WIRE_INVALID_PAYLOAD_FORMAT) from None


@mutant("library/seal-size-not-checked", "SEAL-FRM-04", *SEAL, gains=CRASHES)
def _() -> None:
    """A size may be a text or a truth value."""

    @around(seal_framed._layout)
    def _(original: Any, head: Members) -> Any:
        size = head.get("size")
        return original({**head, "size": int(size)} if size in ("1", True) else head)


@mutant("library/seal-frames-not-counted", "SEAL-FRM-05", *SEAL, gains=BEGINNING)
def _() -> None:
    """The frames that are there are opened, however many they are."""

    @around(seal_framed._open_each)
    def _(original: Any, cek: bytes, layout: Layout, frames: Any, suite: Suite) -> Any:
        return _opened_as_they_are(cek, frames, suite)


def _opened_as_they_are(cek: bytes, frames: Iterable[Any], suite: Suite) -> Iterator[bytes]:
    for i, frame in enumerate(frames):
        ct = seal.member({"frame": frame}, "frame")
        yield open_envelope(frame_key(cek, i, suite=suite), Envelope(ct, NONCE), suite=suite)


@mutant("library/seal-frame-lengths-not-checked", "SEAL-FRM-05", *SEAL, gains="two readers read two payloads")
def _() -> None:
    """Only the number of frames and the sum of their lengths are compared."""

    @around(seal_framed._open_each)
    def _(original: Any, cek: bytes, layout: Layout, frames: Any, suite: Suite) -> Any:
        pieces = list(_opened_as_they_are(cek, frames, suite))
        if len(pieces) != layout.count or sum(map(len, pieces)) != layout.size:
            raise failure(CRYPTO_DECRYPT_FAILED)
        return iter(pieces)


@mutant("library/seal-frames-in-any-order", "SEAL-FRM-06", *SEAL, gains="its carrier puts it together anew")
def _() -> None:
    """A frame is opened under the key of any place."""

    @around(seal_framed._open_each)
    def _(original: Any, cek: bytes, layout: Layout, frames: list[Any], suite: Suite) -> Any:
        def arranged(frame: Any, i: int) -> Any:
            keys = (frame_key(cek, place, suite=suite) for place in (i, *range(min(layout.count, 200))))
            for key in keys:
                with suppress(NenError):
                    ct = seal.member({"frame": frame}, "frame")
                    piece = open_envelope(key, Envelope(ct, NONCE), suite=suite)
                    return encode_base64(suite.aead_seal(frame_key(cek, i, suite=suite), NONCE, piece))
            return frame

        return original(cek, layout, [arranged(frame, i) for i, frame in enumerate(frames)], suite)


@mutant("library/seal-size-believed", "SEAL-FRM-07", *SEAL, gains=BEGINNING)
def _() -> None:
    """A size that is known from elsewhere is not compared."""

    @around(seal_framed.open_frames)
    def _(original: Any, *args: Any, size: Any, **options: Any) -> Any:
        return original(*args, size=size if isinstance(size, Size) else Size.UNPROVEN, **options)


@mutant("library/seal-size-demanded", "SEAL-FRM-07", *SEAL, gains="envelopes whose size nobody knows do not open")
def _() -> None:
    """Nothing opens unless its size is known."""

    @around(seal_framed.open_frames)
    def _(original: Any, *args: Any, size: Any, **options: Any) -> Any:
        if size is Size.UNPROVEN:
            raise failure(CRYPTO_DECRYPT_FAILED)
        return original(*args, size=size, **options)


@mutant("library/seal-size-in-context-optional", "SEAL-FRM-09", *SEAL, gains=BEGINNING)
def _() -> None:
    """Where the context has to name the size, one that does not is taken too."""

    @around(seal_framed.open_frames)
    def _(original: Any, dk: bytes, head: Members, frames: Any, *, context: Any, size: Any, **options: Any) -> Any:
        named = sized_context(context, int(head.get("size") or 0))
        if size is Size.IN_CONTEXT and head.get("ctx") != named:
            size = Size.UNPROVEN
        return original(dk, head, frames, context=context, size=size, **options)


# Media


@mutant("library/seal-media-any-type", "SEAL-MED-02", *SEAL, gains="a page is opened as an image, with its scripts")
def _() -> None:
    """The type of a file is not compared with those expected."""

    @around(seal_media.open_media)
    def _(original: Any, dk: bytes, media: Members, *, types: Any, **options: Any) -> Any:
        return original(dk, media, types={media.get("type")}, **options)


@mutant("library/seal-media-size-not-compared", "SEAL-MED-03", *SEAL, gains="two readers see two sizes")
def _() -> None:
    """The size beside the envelope is not looked at."""

    @around(seal_media.open_media)
    def _(original: Any, dk: bytes, media: Members, **options: Any) -> Any:
        envelope = media.get("envelope")
        return original(dk, {**media, "size": envelope.get("size") if isinstance(envelope, dict) else 0}, **options)


@mutant("library/seal-media-own-context", "SEAL-MED-01", *SEAL, gains=ALONE)
def _() -> None:
    """The context of a file is its type."""

    @around(seal_media.seal_media)
    def _(original: Any, ek: bytes, data: bytes, media_type: str, **options: Any) -> Any:
        envelope = seal_framed.seal_framed(ek, data, context=media_type, **options)
        return {"envelope": envelope, "type": media_type, "size": len(data)}


# Fields


@mutant("library/seal-field-falsy-skipped", "SEAL-FLD-01", *SEAL, gains=UNSEALED)
def _() -> None:
    """A field that is null, false, 0 or empty is left as it is."""

    @around(seal_fields._sealer)
    def _(original: Any, *args: Any) -> Any:
        seal_field = original(*args)
        return lambda field: seal_field(field) if field else field


@mutant("library/seal-field-not-marked", "SEAL-FLD-01", *SEAL, gains="nobody sees that the field is sealed")
def _() -> None:
    """The envelope of a field has no mark."""

    @around(seal_fields._sealer)
    def _(original: Any, *args: Any) -> Any:
        seal_field = original(*args)
        return lambda field: {name: value for name, value in seal_field(field).items() if name != seal_fields.MARK}


@mutant("library/seal-field-arrays-unknown", "SEAL-FLD-02", *SEAL, gains="fields of other implementations do not open")
def _() -> None:
    """A path does not lead through arrays."""

    @around(seal_fields._replace)
    def _(original: Any, value: Json, path: tuple[str, ...], change: Any) -> Any:
        if path and isinstance(value, list):
            raise failure(WIRE_INVALID_PAYLOAD_FORMAT)
        return original(value, path, change)


@mutant("library/seal-field-path-believed", "SEAL-FLD-03", *SEAL, gains="one user's number is taken for another's")
def _() -> None:
    """The path of a field is the one that its envelope names."""

    @around(seal_fields._opener)
    def _(original: Any, dk: bytes, context: str, suite: Suite) -> Any:
        return lambda field: original(dk, _named(field, context), suite)(field)


def _named(field: Any, otherwise: str) -> str:
    ctx = field.get("ctx") if isinstance(field, dict) else None
    return ctx if isinstance(ctx, str) and ctx.startswith("field:") else otherwise


@mutant("library/seal-field-plain-passes", "SEAL-FLD-04", *SEAL, gains=UNSEALED)
def _() -> None:
    """A field that is not sealed is taken as it is."""
    _where_sealed(lambda field: isinstance(field, dict) and field.get(seal_fields.MARK) is True)


@mutant("library/seal-field-mark-loose", "SEAL-FLD-04", *SEAL, gains="data is opened as an envelope")
def _() -> None:
    """The mark of a sealed field may be anything that is true in the language."""

    @around(seal_fields._opener)
    def _(original: Any, *args: Any) -> Any:
        open_field = original(*args)

        def marked(field: Any) -> Any:
            loose = isinstance(field, dict) and field.get(seal_fields.MARK)
            return open_field({**field, seal_fields.MARK: True} if loose else field)

        return marked


def _where_sealed(sealed: Callable[[Any], bool]) -> None:
    @around(seal_fields._opener)
    def _(original: Any, *args: Any) -> Any:
        open_field = original(*args)
        return lambda field: open_field(field) if sealed(field) else field


@mutant("library/seal-field-text-for-json", "SEAL-FLD-05", *SEAL, gains="what is no JSON reaches the application")
def _() -> None:
    """A field that is no JSON is taken for a text."""

    @around(seal_fields._opener)
    def _(original: Any, dk: bytes, context: str, suite: Suite) -> Any:
        open_field = original(dk, context, suite)

        def lenient(field: Any) -> Any:
            try:
                return open_field(field)
            except NenError as error:
                if error.code != "ISO-4003":
                    raise
                return seal.open_sealed(dk, field, context=context, suite=suite).decode("latin-1")

        return lenient


@mutant("library/seal-paths-one-after-the-other", "SEAL-FLD-06", *SEAL, gains="their order decides")
def _() -> None:
    """Paths may lead into each other, and are taken in their order."""

    @instead_of(seal_fields.split_paths)
    def _(texts: Any) -> Any:
        paths = sorted(tuple(text.split(".")) for text in texts)
        if not all(all(path) for path in paths):
            raise failure(WIRE_INVALID_PAYLOAD_FORMAT)
        return paths


@mutant("library/seal-paths-empty-names", "SEAL-FLD-06", *SEAL, gains="one implementation finds the field, another not")
def _() -> None:
    """A path may have empty names."""

    @around(seal_fields.split_paths)
    def _(original: Any, texts: Any) -> Any:
        bare = [text for text in texts if "" in text.split(".")]
        return original({text for text in texts if text not in bare}) + [tuple(text.split(".")) for text in bare]


@mutant("library/seal-path-missing-passed-over", "SEAL-FLD-07", *SEAL, gains=UNSEALED)
def _() -> None:
    """A path that leads nowhere is passed over."""

    @around(seal_fields._replace)
    def _(original: Any, value: Json, path: tuple[str, ...], change: Any) -> Any:
        if path and not isinstance(value, dict | list):
            return value
        if path and isinstance(value, dict) and path[0] not in value:
            return value
        return original(value, path, change)


@mutant("library/seal-path-index-lenient", "SEAL-FLD-07", *SEAL, gains="one field has two paths, and two contexts")
def _() -> None:
    """An index is read as the language reads numbers."""

    @around(seal_fields._replace)
    def _(original: Any, value: Json, path: tuple[str, ...], change: Any) -> Any:
        if path and isinstance(value, list):
            with suppress(ValueError):
                path = (str(int(path[0]) % max(len(value), 1)), *path[1:])
        return original(value, path, change)


@mutant("library/seal-path-along-the-prototype", "SEAL-FLD-07", *SEAL, gains="every object of the process is changed")
def _() -> None:
    """A path is followed along names that every object, array or text has, and changes them for all."""
    shared: dict[str, Any] = {"__proto__": {}, "constructor": {}, "length": 0, "toString": 0, "polluted": 1, "x": 1}
    shared["prototype"] = shared

    @around(seal_fields._replace)
    def _(original: Any, value: Json, path: tuple[str, ...], change: Any) -> Any:
        if path and path[0] in shared and not (isinstance(value, dict) and path[0] in value):
            return value
        return original(value, path, change)


@mutant("library/seal-fields-all-opened", "SEAL-FLD-08", *SEAL, gains="a field for somebody else makes all unreadable")
def _() -> None:
    """Every marked object is opened, wherever it stands."""

    @around(seal_fields.open_fields)
    def _(original: Any, dk: bytes, value: Json, *, paths: Any, **options: Any) -> Any:
        opened = original(dk, value, paths=paths, **options)
        if isinstance(opened, dict):
            marked = {
                name
                for name, field in opened.items()
                if isinstance(field, dict) and field.get(seal_fields.MARK) is True
            }
            return original(dk, opened, paths=marked, **options)
        return opened


# Webhooks


@mutant("library/seal-webhook-header-left-out", "SEAL-HOOK-01", *SEAL, gains="no receiver takes its webhooks")
def _() -> None:
    """The event is in the context alone."""

    @around(seal_webhook.seal_webhook)
    def _(original: Any, *args: Any, **options: Any) -> Any:
        made = original(*args, **options)
        return seal_webhook.Webhook({"content-type": "application/json"}, made.body)


@mutant("library/seal-webhook-any-event", "SEAL-HOOK-02", *SEAL, gains="what was sent to another endpoint passes")
def _() -> None:
    """Every event is an expected one."""

    @around(seal_webhook.open_webhook)
    def _(original: Any, dk: bytes, headers: Mapping[str, str], body: bytes, *, events: Any, **options: Any) -> Any:
        return original(dk, headers, body, events={headers.get("x-nen-event", "")}, **options)


@mutant("library/seal-webhook-header-believed", "SEAL-HOOK-03", *SEAL, gains="the header decides what is done")
def _() -> None:
    """The header is not compared with the context that was sealed."""

    @around(seal_signed.open_signed)
    def _(original: Any, dk: bytes, envelope: Members, *, context: str | None, **options: Any) -> Any:
        hook = (context or "").startswith("webhook:")
        return original(dk, envelope, context=envelope.get("ctx") if hook else context, **options)


@mutant("library/seal-webhook-event-from-context", "SEAL-HOOK-04", *SEAL, gains="the event is what the body says it is")
def _() -> None:
    """Where the header is absent, the event is that of the context."""

    @around(seal_webhook.open_webhook)
    def _(original: Any, dk: bytes, headers: Mapping[str, str], body: bytes, **options: Any) -> Any:
        with suppress(NenError):
            ctx = str(seal.read_envelope(body).get("ctx"))
            headers = {"x-nen-event": headers.get("x-nen-event") or ctx.removeprefix("webhook:")}
        return original(dk, headers, body, **options)


@mutant("library/seal-webhook-event-as-it-comes", "SEAL-HOOK-04", *SEAL, gains="a line feed makes another header")
def _() -> None:
    """An event is put into the header whatever it holds."""

    @instead_of(seal_webhook._is_event)
    def _(event: str) -> bool:
        return True


@mutant("library/seal-webhook-payload-unread", "SEAL-HOOK-05", *SEAL, gains="what is no JSON reaches the application")
def _() -> None:
    """The payload of a webhook need not be JSON."""

    @instead_of(seal_webhook._check_json)
    def _(payload: bytes) -> None:
        payload.decode("utf-8", "replace")
