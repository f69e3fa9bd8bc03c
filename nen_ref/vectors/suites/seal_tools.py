"""What the suites of sealed envelopes share: keys, envelopes with one thing altered, flags.

A wrong envelope is wrong in one way: whoever leaves out the check that it is meant for opens it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from typing import Any

from nen_ref.primitives.ml_dsa import ML_DSA_65
from nen_ref.primitives.ml_dsa_keys import encode_spki
from nen_ref.primitives.suite import REFERENCE
from nen_ref.protocol.errors import NenError
from nen_ref.protocol.identity import Identity
from nen_ref.protocol.seal import read_envelope, read_kem, seal_to
from nen_ref.protocol.seal_signed import sign
from nen_ref.protocol.wire import decode_base64, dump_json, encode_base64
from nen_ref.vectors.alter import flipped_bit
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Test, invalid, valid
from nen_ref.vectors.suites.handshake_tools import (
    AMBIGUOUS_JSON,
    BASE64_FAULTS,
    Altered,
    ambiguous_json,
    base64_faults,
    json_limits,
    mistyped,
    not_an_object,
    not_json,
)
from nen_ref.vectors.suites.handshake_tools import FLAGS as HANDSHAKE_FLAGS

SHAPE, DECODING, OPENING = ("ISO-6001",), ("ISO-6002",), ("ISO-4001",)
KEY = ("ISO-1002",)
NOT_JSON = ("ISO-4003",)
NONCE_SIZE = ("ISO-6001", "ISO-4001")  # SEAL-ENV-04
KEM_SIZE = ("ISO-1002", "ISO-4001", "ISO-6001", "ISO-6002")  # SEAL-ENV-05
SIGNER = ("ISO-3004",)
SIGNER_SHAPE = ("ISO-3004", "ISO-6001", "ISO-6002")  # SEAL-SIG-03, SEAL-SIG-04

JSON_FORMS = ("JsonForms", "FurtherMembers", "CaseOfNames", "JsonLimits")
JSON_FAULTS = ("NotJson", *AMBIGUOUS_JSON)
UNDECODABLE = BASE64_FAULTS
SHARED = {name: HANDSHAKE_FLAGS[name] for name in (*JSON_FORMS, *JSON_FAULTS, *UNDECODABLE, "NumberArray")}
FLAGS = SHARED | {
    "Basic": Flag("basic", "an envelope as it is sealed every day", "no envelope of another implementation opens"),
    "PayloadSize": Flag(
        "edge case",
        "payloads of no bytes, of all bytes, and at the borders of the blocks of ChaCha20 and Poly1305",
        "payloads of some lengths do not open, or are taken for text",
        ("SEAL-ENV-01", "RFC 8439, section 2.4"),
    ),
    "Context": Flag(
        "edge case",
        "contexts of all kinds: they stand in the key as they are, in UTF-8",
        "two implementations have two keys for one context",
        ("SEAL-CTX-01",),
    ),
    "ContextMissing": Flag(
        "missing check",
        "an envelope of another context than the expected one, or of none, sealed as it says",
        "whoever exchanges two envelopes has one opened in the place of the other: a refund as an order",
        ("SEAL-CTX-02",),
    ),
    "ContextRewritten": Flag(
        "missing check",
        "an envelope whose ctx was rewritten to the expected one, or taken away, and whose key is for another",
        "what was sealed for one purpose opens for another",
        ("SEAL-CTX-01", "SEAL-CTX-02"),
    ),
    "ContextForm": Flag(
        "confusion",
        "a context that is the empty text, or no text",
        "no context and an empty one have one signature and two keys",
        ("SEAL-CTX-03",),
    ),
    "Version": Flag(
        "missing check",
        "v that is absent, another version, or 1 as another type",
        "an envelope of a later version is read by the rules of this one",
        ("SEAL-ENV-03",),
    ),
    "NotAnObject": Flag(
        "missing check",
        "a JSON text that is no object",
        "null or a text is asked for its members, and the operation ends in a crash",
        ("SEAL-ENV-04",),
    ),
    "MemberMissing": Flag(
        "missing check",
        "a member is absent, or under a name in another case",
        "what is absent is decoded to no bytes, or the operation ends in a crash",
        ("SEAL-ENV-04",),
    ),
    "MemberMistyped": Flag(
        "missing check",
        "a member that is no text: null, a number, a truth value, an array, an object",
        "values of another type reach the decoder: a crash, or a second way to write a value",
        ("SEAL-ENV-04",),
    ),
    "NonceLength": Flag(
        "missing check",
        "an n of another length than 12 bytes",
        "it is cut or filled up, so that two nonces are one",
        ("SEAL-ENV-04",),
    ),
    "KemLength": Flag(
        "missing check",
        "a kem of another length than 1088 bytes",
        "it is cut or filled up, or memory behind it is read",
        ("SEAL-ENV-05", "FIPS 203, section 7.3"),
    ),
    "RecipientKey": Flag(
        "missing check",
        "a recipient's key of another length, or with a coefficient that is not reduced",
        "data is sealed to a key that nobody checked",
        ("SEAL-ENV-05", "FIPS 203, section 7.2"),
    ),
    "Altered": Flag(
        "missing check",
        "one bit of kem, n or ct is altered, or the envelope is for somebody else",
        "whoever carries an envelope changes what is in it",
        ("SEAL-ENV-06",),
    ),
    "ShortCt": Flag(
        "missing check",
        "a ct without room for a tag",
        "lengths become negative, or no tag is compared",
        ("SEAL-ENV-06",),
    ),
    "SignatureUnread": Flag(
        "edge case",
        "a signature, right or wrong, where no signer is expected",
        "envelopes open or not by what anyone can add or take away",
        ("SEAL-ENV-07",),
    ),
}
"""The flags of more than one suite."""


def flags(*names: str, **own: Flag) -> dict[str, Flag]:
    """The shared flags of these names, and the suite's own."""
    return {name: FLAGS[name] for name in names} | own


@dataclass(frozen=True)
class Recipient:
    """Draws and the key pair that envelopes of a suite are for."""

    draw: Draw

    @cached_property
    def ek(self) -> bytes:
        return self._pair[0]

    @cached_property
    def dk(self) -> bytes:
        return self._pair[1]

    @cached_property
    def _pair(self) -> tuple[bytes, bytes]:
        return REFERENCE.ml_kem_768_keygen(self.draw("recipient/d"), self.draw("recipient/z"))

    def draws(self, label: str) -> dict[str, Any]:
        """The fresh bytes of one envelope."""
        return {"m": self.draw(f"{label}/m"), "n": self.draw(f"{label}/n", 12)}

    def respellable(self) -> dict[str, Any]:
        """An envelope in whose n and ct a character stands that the URL-safe alphabet has not."""
        for i in count():
            envelope = self.sealed(f"respellable/{i}")
            if all(set(envelope[name]) & set("+/") for name in ("n", "ct")):
                return envelope
        raise AssertionError("count() does not end")

    def sealed(self, label: str, payload: bytes = b"payload", context: str | None = None) -> dict[str, Any]:
        return dict(seal_to(self.ek, payload, context=context, **self.draws(label)))


def signer(draw: Draw, name: str = "signer") -> Identity:
    return Identity.from_seed(draw(f"{name}/seed"))


def signed(envelope: Mapping[str, Any], identity: Identity) -> dict[str, Any]:
    return dict(sign(dict(envelope), identity, bytes(32)))


def spki(pk: bytes) -> str:
    return encode_base64(encode_spki(ML_DSA_65, pk))


def text_of(value: object) -> str:
    return dump_json(value).decode()


def without(members: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in members.items() if name not in names}


def with_bit(text: str, position: int = 0, bit: int = 0) -> str:
    """Base64 text of the same bytes with one bit altered."""
    return encode_base64(flipped_bit(decode_base64(text), position, bit))


def resized(text: str, size: int) -> str:
    """Base64 text of the same bytes cut, or filled up with zeros."""
    return encode_base64(decode_base64(text)[:size].ljust(size, b"\0"))


# Vectors of one body


def right(id: str, comment: str, body: object, flag: str, **more: Any) -> Test:
    return valid(id, comment, {"body": body if isinstance(body, str) else text_of(body), **more}, flag)


def wrong(id: str, comment: str, body: object, flag: str, codes: tuple[str, ...], **more: Any) -> Test:
    given = {"body": body if isinstance(body, str) else text_of(body), **more}
    return invalid(id, comment, given, flag, codes=codes)


def forms(envelope: Mapping[str, Any]) -> Iterator[Test]:
    """The envelope, which has no context, in all the ways that JSON allows."""
    body = text_of(envelope)
    more = {"ek": None, "to": {"v": 2, "ctx": 7}, "__proto__": {"ctx": 7, "v": 2}, "frames": [1.5, -0]}
    spaced = body.replace("{", " \t\r\n{ \n").replace(":", "\t: ").replace(",", " ,\r\n").replace("}", " \t}\n")
    written = (
        ("backwards", "the members in the other order", text_of({name: envelope[name] for name in [*envelope][::-1]})),
        ("white-space", "white space wherever JSON allows it", spaced),
        ("escaped-slashes", "every / of a text written as \\/", body.replace("/", "\\/")),
        ("escaped-names", "names written with escapes", body.replace('"v"', '"\\u0076"').replace('"ct"', '"c\\u0074"')),
    )
    for id, comment, text in written:
        yield right(f"json-{id}", comment, text, "JsonForms")
    yield right("json-further", "further members behind, of all kinds", {**envelope, **more}, "FurtherMembers")
    yield right("json-further-in-front", "further members in front", {**more, **envelope}, "FurtherMembers")
    upper = {name.upper(): None for name in (*envelope, "ctx")}
    yield right("json-upper-case-too", "the names in upper case too", {**upper, **envelope}, "CaseOfNames")
    for form in json_limits(body):
        yield right(f"json-{form.id}", form.comment, form.text, form.flag)


def unreadable(envelope: Mapping[str, Any], ids: tuple[str, ...] | None = None) -> Iterator[Test]:
    """Texts that are no JSON object, or that parsers read differently; those of these ids, where some are named."""
    body = text_of(envelope)
    for fault in (*not_json(body), *not_an_object(body), *ambiguous_json(body)):
        if ids is None or fault.id in ids:
            yield wrong(f"json-{fault.id}", fault.comment, fault.text, fault.flag, SHAPE)


def versions(envelope: Mapping[str, Any]) -> Iterator[Test]:
    others: tuple[tuple[str, str, object], ...] = (
        ("0", "0", 0), ("2", "2", 2), ("text", 'the text "1"', "1"), ("true", "true", True), ("null", "null", None),
        ("array", "an array of 1", [1]), ("minus-1", "-1", -1),
    )  # fmt: skip
    yield wrong("v-absent", "v is absent", without(envelope, "v"), "Version", SHAPE)
    for id, comment, value in others:
        yield wrong(f"v-{id}", f"v is {comment}", {**envelope, "v": value}, "Version", SHAPE)


def members(
    envelope: Mapping[str, Any], names: tuple[str, ...], codes: tuple[str, ...], undecodable: tuple[str, ...]
) -> Iterator[Test]:
    """Each of these members absent, under another name, of another type, and not base64."""
    for name in names:
        text = envelope[name]
        rest = without(envelope, name)
        yield wrong(f"{name}-absent", f"{name} is absent", rest, "MemberMissing", codes)
        upper = {**rest, name.upper(): text}
        yield wrong(f"{name}-upper-case", f"{name.upper()} in place of {name}", upper, "MemberMissing", codes)
        for id, comment, value in mistyped(text):
            yield wrong(f"{name}-{id}", f"{name} is {comment}", {**envelope, name: value}, "MemberMistyped", codes)
        numbers = {**envelope, name: list(decode_base64(text))}
        yield wrong(f"{name}-numbers", f"{name} is the array of its bytes", numbers, "NumberArray", codes)
        for fault in _some(base64_faults(decode_base64(text))):
            changed = {**envelope, name: fault.text}
            yield wrong(f"{name}-{fault.id}", f"{name}: {fault.comment}", changed, fault.flag, undecodable)


def _some(faults: list[Altered]) -> list[Altered]:
    """Each kind of fault once or twice: decoders were examined by v1/base64_decode."""
    ids = {"space-inside", "line-feed-at-end", "url-safe", "padding-inside", "exclamation-mark", "zero-character",
           "unpadded", "unused-bits", "padding-not-needed"}  # fmt: skip
    return [fault for fault in faults if fault.id in ids]


def key_values(dk: bytes, body: str, info: bytes) -> Mapping[str, Any]:
    """The shared secret and the content key of an envelope, as far as it has them."""
    try:
        kem = read_kem(read_envelope(body.encode("utf-8", "surrogatepass")))
    except NenError:
        return {}
    if len(kem) != 1088:
        return {"kem_bytes": len(kem)}
    shared_secret = REFERENCE.ml_kem_768_decaps(dk, kem)
    return {"ss": shared_secret, "cek": REFERENCE.hkdf_sha256(shared_secret, info, 32)}


def info_of(context: str | None) -> bytes:
    """The info of the content key, by the words of SEAL-CTX-01."""
    return b"nen/seal v1 cek" + (b"" if context is None else b"|" + context.encode())
