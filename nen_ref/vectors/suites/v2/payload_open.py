"""v2/payload_open: what a server makes of X-Nen-Nonce and a body `{"ct"}`."""

from __future__ import annotations

from collections.abc import Iterator

from nen_ref.primitives.chacha20_poly1305 import aead_encrypt
from nen_ref.vectors.alter import flipped, flipped_bit
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Found, Group, Test, VectorSuite, invalid, valid
from nen_ref.vectors.suites.body_tools import PAYLOAD, Sealed, b64, both_url_characters, new_sealed, wrong_payloads
from nen_ref.vectors.suites.handshake_tools import (
    AMBIGUOUS_JSON,
    BASE64_FAULTS,
    JSON_FAULTS,
    accepted,
    ambiguous_json,
    base64_faults,
    json_forms,
    json_limits,
    mistyped,
    not_an_object,
    not_json,
    refused,
    resized,
    text_of,
)
from nen_ref.vectors.suites.handshake_tools import flags as shared_flags
from nen_ref.vectors.suites.v1.payload_open import FLAGS as V1_FLAGS

SHAPE, NOT_BASE64, TAG = ("ISO-6001",), ("ISO-6002",), ("ISO-4001",)
NO_NONCE = ("ISO-3005", "ISO-6001", "ISO-6002")  # V2-AUTH-04
NONCE_NOT_BASE64 = ("ISO-6002", "ISO-3002", "ISO-3005", "ISO-6001")  # V2-REQ-06
NONCE_SIZE = ("ISO-6001", "ISO-3002", "ISO-3005", "ISO-4001", "ISO-6002")  # V2-REQ-05

PAYLOAD_FAULTS = (
    "JsonEmpty", "JsonSyntax", "JsonNaN", "JsonByteOrderMark", "JsonDuplicateMember", "JsonDepth", "JsonDigits",
    "JsonLoneSurrogate", "JsonUtf8",
)  # fmt: skip
SPELLINGS = tuple(name for name in BASE64_FAULTS if name != "Base64UnusedBits")  # the lengths here need no padding

FLAGS = {
    **shared_flags(
        "JsonForms", "FurtherMembers", "CaseOfNames", "JsonLimits", *JSON_FAULTS, *AMBIGUOUS_JSON, "MemberMissing",
        "MemberMistyped", *SPELLINGS, "WrongLength",
    ),
    **{name: V1_FLAGS[name] for name in PAYLOAD_FAULTS},
    "Basic": Flag("basic", "a payload as it is sent every day", "no request of another implementation opens"),
    "NonceInBody": Flag("confusion", "a member n in the body, as V1 has it: a further member like any other",
                        "the nonce that is signed and the nonce that opens are two: a replay is not noticed",
                        ("V2-REQ-07",)),
    "NonceTwice": Flag("confusion", "the header is repeated: its values joined by a comma are no base64",
                       "of two readers each takes another nonce for the one that was signed", ("V2-AUTH-05",)),
    "NonceMissing": Flag("missing check", "the header is empty", "a request without a nonce can be replayed",
                         ("V2-AUTH-04",)),
    "CtAltered": Flag("missing check", "ct, its tag or the nonce altered", "whoever sits between alters payloads",
                      ("V1-REQ-06",)),
}  # fmt: skip


def fixed(draw: Draw, found: Found) -> list[Group]:
    secret = draw("secret")
    sealed = both_url_characters(secret, draw, "body")
    body, header = text_of({"ct": b64(sealed.ct)}), b64(sealed.n)
    shared = {"secret": secret, "nonce_header": header}
    return [
        Group("bodies written in all the ways that JSON allows", (
            valid("right", "a right body", {"body": body}, "Basic"),
            *_nonces_in_the_body(sealed),
            *accepted([*json_forms(body), *json_limits(body)], "body"),
        ), shared),
        Group("texts that are no object with the text ct", (
            *refused(not_json(body)[1:], "body", SHAPE),
            *refused(not_an_object(body), "body", SHAPE),
            *refused(ambiguous_json(body), "body", SHAPE),
            invalid("ct-missing", "without ct", {"body": "{}"}, "MemberMissing", codes=SHAPE),
            *(invalid(f"ct-{id}", f"ct is {comment}", {"body": text_of({"ct": value})}, "MemberMistyped", codes=SHAPE)
              for id, comment, value in mistyped(b64(sealed.ct))),
            *(invalid(f"ct-{fault.id}", f"ct: {fault.comment}", {"body": text_of({"ct": fault.text})}, fault.flag,
                      codes=NOT_BASE64)
              for fault in base64_faults(sealed.ct)),
        ), shared),
        Group("nonces that are none", tuple(_wrong_nonces(draw, secret)), {"secret": secret}),
        Group("ct that does not open", tuple(_damaged(sealed)), {"secret": secret}),
        Group("payloads that are not JSON", tuple(_wrong_payloads(secret, draw)), {"secret": secret}),
    ]  # fmt: skip


def _nonces_in_the_body(sealed: Sealed) -> Iterator[Test]:
    for id, n in (("the-same", b64(sealed.n)), ("another", b64(bytes(12))), ("garbled", "?"), ("a-number", 7)):
        yield valid(f"n-{id}", f"a member n: {id}", {"body": text_of({"ct": b64(sealed.ct), "n": n})}, "NonceInBody")


def _wrong_nonces(draw: Draw, secret: bytes) -> Iterator[Test]:
    n = bytes.fromhex("fbefbeffffff") + draw("n", 6)
    body = text_of({"ct": b64(new_sealed(secret, draw, "nonces").ct)})
    yield invalid(
        "nonce-empty", "the header is empty", {"nonce_header": "", "body": body}, "NonceMissing", codes=NO_NONCE
    )
    for fault in base64_faults(n):
        yield invalid(
            f"nonce-{fault.id}",
            f"the nonce: {fault.comment}",
            {"nonce_header": fault.text, "body": body},
            fault.flag,
            codes=NONCE_NOT_BASE64,
        )
    for size in (1, 8, 11, 13, 16, 24):
        given = {"nonce_header": b64(resized(n, size)), "body": body}
        yield invalid(f"nonce-of-{size}", f"a nonce of {size} bytes", given, "WrongLength", codes=NONCE_SIZE)
    # In these the nonce is right for who cuts it, fills it up, or takes the first of two.
    ends_in_zero = n[:11] + b"\0"
    for id, comment, key, text, flag, codes in (
        ("a-zero-longer", "a zero behind the right nonce", n, b64(n + b"\0"), "WrongLength", NONCE_SIZE),
        ("its-zero-left-out", "the last byte left out, a zero", ends_in_zero, b64(n[:11]), "WrongLength", NONCE_SIZE),
        ("twice", "the header repeated, another nonce second", n, f"{b64(n)}, {b64(bytes(12))}", "NonceTwice",
         NONCE_NOT_BASE64),
        ("twice-alike", "the header repeated, with one value", n, f"{b64(n)}, {b64(n)}", "NonceTwice",
         NONCE_NOT_BASE64),
    ):  # fmt: skip
        under = text_of({"ct": b64(aead_encrypt(secret, key, PAYLOAD))})
        yield invalid(f"nonce-{id}", comment, {"nonce_header": text, "body": under}, flag, codes=codes)


def _damaged(sealed: Sealed) -> Iterator[Test]:
    ct, header = sealed.ct, b64(sealed.n)
    for id, comment, wrong in (
        ("first-bit", "the first bit altered", flipped_bit(ct, 0)),
        ("tag", "a bit of the tag altered", flipped_bit(ct, -1)),
        ("cut", "a byte cut", ct[:-1]),
        ("longer", "a byte longer", ct + b"\0"),
        ("without-tag", "without its tag", ct[:-16]),
        ("empty", "no bytes at all", b""),
        ("shorter-than-a-tag", "shorter than a tag", ct[:15]),
    ):
        yield invalid(
            f"ct-{id}",
            f"ct: {comment}",
            {"nonce_header": header, "body": text_of({"ct": b64(wrong)})},
            "CtAltered",
            codes=TAG,
        )
    yield invalid("another-nonce", "another nonce in the header",
                  {"nonce_header": b64(flipped(sealed.n)), "body": text_of({"ct": b64(ct)})}, "CtAltered",
                  codes=TAG)  # fmt: skip


def _wrong_payloads(secret: bytes, draw: Draw) -> Iterator[Test]:
    for body in wrong_payloads(secret, draw):
        ct = body.text.split('"')[3]
        yield Test(body.id, body.comment, {"nonce_header": body.nonce, "body": text_of({"ct": ct})}, (body.flag,),
                   body.codes, body.covers)  # fmt: skip


def random(draw: Draw, i: int) -> Test:
    secret = draw("secret")
    plain = b'{"id":"%s"}' % draw("payload", 1 + draw.below("size", 60)).hex().encode()
    sealed = new_sealed(secret, draw, "body", plain)
    given = {"secret": secret, "nonce_header": b64(sealed.n), "body": text_of({"ct": b64(sealed.ct)})}
    return valid(f"random-{i}", "a drawn payload", given, "Basic")


SUITE = VectorSuite(
    name="v2/payload_open",
    title="Opening a sealed payload, its nonce in a header",
    operation="payload.open_v2",
    covers=("V2-REQ-03", "V2-REQ-04", "V2-REQ-05", "V2-REQ-06"),
    flags=FLAGS,
    fixed=fixed,
    random=random,
    count=6,
)
