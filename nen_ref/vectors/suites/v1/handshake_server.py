"""v1/handshake_server: a server's answer to a handshake body."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from nen_ref.primitives import ml_kem
from nen_ref.primitives.ml_dsa import ML_DSA_65
from nen_ref.primitives.ml_dsa_keys import encode_spki
from nen_ref.primitives.ml_kem import ML_KEM_512, ML_KEM_1024
from nen_ref.primitives.suite import REFERENCE
from nen_ref.protocol.wire import encode_base64
from nen_ref.vectors.alter import flipped, with_coefficient
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Found, Group, Test, VectorSuite, invalid, valid
from nen_ref.vectors.suites.handshake_tools import (
    AMBIGUOUS_JSON,
    BASE64_FAULTS,
    JSON_FAULTS,
    SID,
    Altered,
    accepted,
    ambiguous_json,
    base64_faults,
    coefficients,
    flags,
    json_forms,
    json_limits,
    key_pair,
    mistyped,
    not_an_object,
    not_json,
    refused,
    resized,
    server_values,
    text_of,
)

NO_KEY = ("ISO-1001", "ISO-6001")  # V1-HS-03
AMBIGUOUS = ("ISO-1001",)  # V1-WIRE-05
NOT_BASE64 = ("ISO-6002", "ISO-1001")  # V1-HS-04
BAD_KEY = ("ISO-1002",)  # V1-HS-05
ENDS = (0, 1, 383, 384, 766, 767)  # of the key, of its three bytes for two coefficients, and of the key again

FLAGS = flags(
    "Basic", "JsonForms", "FurtherMembers", "CaseOfNames", "JsonLimits", *JSON_FAULTS, *AMBIGUOUS_JSON, "MemberMissing",
    "MemberMistyped", "NumberArray", *BASE64_FAULTS, "TextForm", "OtherParameterSet", "WrongLength",
    Identity=Flag(
        "basic",
        "a sound identity beside the key",
        "clients with an identity cannot connect",
        ("V1-ID-01", "V1-ID-04"),
    ),
    IdentityOverWrongKey=Flag(
        "wrong order",
        "the signature is valid, and the key that it signs fails the check of FIPS 203",
        "whoever has an identity sends keys that nobody else may: the check is thought to be made by the signature",
        ("V1-ID-01", "V1-HS-05"),
    ),
    TwoFaults=Flag(
        "wrong order",
        "key and identity are both wrong; the specification leaves it open which is seen first",
        "each check is left to the other",
        ("V1-ID-01", "V1-HS-05"),
    ),
    RandomnessOfZerosOrOnes=Flag(
        "edge case",
        "randomness m, HMAC key and keys all of whose bits are alike",
        "zeros are taken for an absent value, and random bytes are used in their place",
        ("FIPS 203, algorithm 17",),
    ),
    LargestCoefficient=Flag(
        "edge case",
        "a coefficient is 3328, the largest that there is",
        "one key in five is refused",
        ("FIPS 203, section 7.2",),
    ),
    CoefficientTooLarge=Flag(
        "missing check",
        "a coefficient of the key is 3329 and more",
        "one key has several encodings, and two libraries that reduce it otherwise end with two secrets",
        ("FIPS 203, section 7.2", "V1-HS-05"),
    ),
    CoefficientNotReduced=Flag(
        "malleability",
        "a coefficient of the key with q added: a decoder that reduces it reads the very same key",
        "one key has many forms, and H(ek) tells them apart: two sides that differ in when they reduce get two secrets",
        ("FIPS 203, section 7.2", "V1-HS-05"),
    ),
)  # fmt: skip


def body_of(ek: bytes, **more: Any) -> str:
    return text_of({"pk": encode_base64(ek)} | more)


def fixed(draw: Draw, found: Found) -> list[Group]:
    ek, dk = key_pair(draw)
    shared = {"m": draw("m"), "hmac_key": draw("hmac_key"), "sid": SID}
    body = body_of(ek)
    return [
        Group("bodies that are right", (*right(draw, ek), *accepted(json_forms(body), "body"),
              *accepted(json_limits(body), "body")), shared),
        Group("bodies that are no JSON object", (*refused(not_json(body), "body", NO_KEY),
              *refused(not_an_object(body), "body", NO_KEY), *refused(other_forms(ek), "body", NO_KEY)), shared,
              ("V1-HS-03", "V1-WIRE-05")),
        Group("JSON that parsers read differently", tuple(refused(ambiguous_json(body), "body", AMBIGUOUS)), shared,
              ("V1-WIRE-05",)),
        Group("without a text pk", tuple(without_key(ek)), shared, ("V1-HS-02", "V1-HS-03")),
        Group("a pk that is not base64", tuple(not_base64(ek)), shared, ("V1-HS-04", "V1-WIRE-02")),
        Group("keys that fail the check of FIPS 203", (*other_keys(draw, ek, dk), *too_large(ek)), shared,
              ("V1-HS-05",)),
        Group("keys at the edge of the check", tuple(largest(ek)), shared, ("V1-HS-05",)),
        Group("with an identity", tuple(identities(draw, ek)), shared, ("V1-ID-01",)),
    ]  # fmt: skip


def right(draw: Draw, ek: bytes) -> Iterator[Test]:
    body = body_of(ek)
    yield valid("plain", "a drawn key", {"body": body}, "Basic")
    yield valid("another-m", "the body of the vector plain with other randomness: another secret",
                {"body": body, "m": draw("m/2")}, "Basic")  # fmt: skip
    yield valid("m-of-zeros", "32 zero bytes as m", {"body": body, "m": bytes(32)}, "RandomnessOfZerosOrOnes")
    yield valid("m-of-ones", "32 bytes of ff as m", {"body": body, "m": b"\xff" * 32}, "RandomnessOfZerosOrOnes")
    yield valid("hmac-key-of-zeros", "32 zero bytes as HMAC key", {"body": body, "hmac_key": bytes(32)},
                "RandomnessOfZerosOrOnes")  # fmt: skip
    yield valid("key-of-zeros", "a key of 1184 zero bytes: nobody's, and in range", {"body": body_of(bytes(1184))},
                "RandomnessOfZerosOrOnes")  # fmt: skip
    yield valid("identity-names-in-lower-case", "members sigpk and sigofpk, which are no identity",
                {"body": body_of(ek, sigpk="AAAA", sigofpk="AAAA")}, "CaseOfNames")  # fmt: skip


def other_forms(ek: bytes) -> list[Altered]:
    """The key in a body that is no JSON."""
    text = encode_base64(ek)
    return [
        Altered("form", "a form, as a body without its content type is read", f"pk={quote(text, safe='')}", "NotJson"),
        Altered("bare-base64", "the base64 text of the key alone", text, "NotJson"),
        Altered("base64-in-quotes", "the base64 text of the key alone, as a JSON text", f'"{text}"', "NotAnObject"),
        Altered("xml", "XML", f"<pk>{text}</pk>", "NotJson"),
    ]


def without_key(ek: bytes) -> Iterator[Test]:
    text = encode_base64(ek)
    names: dict[str, tuple[str, dict[str, Any], str]] = {
        "empty-object": ("an empty object", {}, "MemberMissing"),
        "upper-case": ("the key under the name PK", {"PK": text}, "CaseOfNames"),
        "ek": ("the key under the name ek", {"ek": text}, "MemberMissing"),
        "public-key": ("the key under the name publicKey", {"publicKey": text}, "MemberMissing"),
        "space-in-the-name": ("the key under the name pk with a space behind", {"pk ": text}, "MemberMissing"),
        "zero-in-the-name": ("the key under the name pk with a U+0000 behind", {"pk\0": text}, "MemberMissing"),
        "empty-name": ("the key under the empty name", {"": text}, "MemberMissing"),
        "in-an-object": ("the members inside of another object", {"handshake": {"pk": text}}, "MemberMissing"),
    }
    for id, (comment, members, flag) in names.items():
        yield invalid(f"key-missing-{id}", comment, {"body": text_of(members)}, flag, codes=("ISO-1001",))
    for id, comment, value in mistyped(text):
        yield invalid(f"key-{id}", f"pk is {comment}", {"body": text_of({"pk": value})}, "MemberMistyped", codes=NO_KEY)
    yield invalid(
        "key-empty-text", "pk is the empty text", {"body": text_of({"pk": ""})}, "MemberMissing", codes=NO_KEY
    )
    yield invalid("key-array-of-numbers", "pk is the array of the bytes of the key",
                  {"body": text_of({"pk": list(ek)})}, "NumberArray", codes=NO_KEY, covers=("V1-WIRE-03",))  # fmt: skip


def not_base64(ek: bytes) -> Iterator[Test]:
    bodies = [Altered(fault.id, fault.comment, text_of({"pk": fault.text}), fault.flag) for fault in base64_faults(ek)]
    yield from refused(bodies, "body", NOT_BASE64, "base64-", "pk: ")
    pem = f"-----BEGIN PUBLIC KEY-----\n{encode_base64(ek)}\n-----END PUBLIC KEY-----\n"
    yield invalid("pem", "pk is PEM", {"body": text_of({"pk": pem})}, "TextForm", codes=NOT_BASE64)
    yield invalid(
        "key-a-space", "pk is one space", {"body": text_of({"pk": " "})}, "Base64WhiteSpace", codes=NOT_BASE64
    )


def other_keys(draw: Draw, ek: bytes, dk: bytes) -> Iterator[Test]:
    spki = bytes.fromhex("308204b2300b0609608648016503040402038204a100") + ek  # id-alg-ml-kem-768
    small = ml_kem.keygen_internal(ML_KEM_512, draw("ml-kem-512/d"), draw("ml-kem-512/z")).ek
    large = ml_kem.keygen_internal(ML_KEM_1024, draw("ml-kem-1024/d"), draw("ml-kem-1024/z")).ek
    wrong = {
        "bytes-1": ("the first byte of the key", ek[:1], "WrongLength"),
        "bytes-32": ("the first 32 bytes of the key", ek[:32], "WrongLength"),
        "bytes-1152": ("the key without its last 32 bytes, rho", ek[:1152], "WrongLength"),
        "bytes-1183": ("the key without its last byte", ek[:-1], "WrongLength"),
        "bytes-1185": ("the key and a zero byte", ek + b"\0", "WrongLength"),
        "byte-in-front": ("a zero byte and the key", b"\0" + ek, "WrongLength"),
        "bytes-1216": ("the key and 32 bytes of X25519: a hybrid key share", ek + draw("x25519"), "OtherParameterSet"),
        "ml-kem-512": ("a key of ML-KEM-512", small, "OtherParameterSet"),
        "ml-kem-1024": ("a key of ML-KEM-1024", large, "OtherParameterSet"),
        "padded-ml-kem-512": ("a key of ML-KEM-512, ones behind it up to 1184 bytes", small.ljust(1184, b"\xff"),
                              "OtherParameterSet"),
        "spki": ("the key as SubjectPublicKeyInfo in DER", spki, "TextForm"),
        "octet-string": ("the key as an OCTET STRING in DER", bytes.fromhex("048204a0") + ek, "TextForm"),
        "base64-twice": ("the base64 text of the key, encoded once more", encode_base64(ek).encode(), "TextForm"),
        "decapsulation-key": ("the decapsulation key, which has the key inside", dk, "TextForm"),
    }  # fmt: skip
    for id, (comment, key, flag) in wrong.items():
        yield invalid(id, f"pk is {comment}", {"body": body_of(key)}, flag, codes=BAD_KEY)
    yield invalid("hexadecimal", "pk is hexadecimal, which is also base64, of 1776 other bytes",
                  {"body": text_of({"pk": ek.hex()})}, "TextForm", codes=BAD_KEY)  # fmt: skip


def too_large(ek: bytes) -> Iterator[Test]:
    for index in ENDS:
        for value in (3329, 4095):
            yield invalid(f"coefficient-{index}-is-{value}", f"coefficient {index} is {value}",
                          {"body": body_of(with_coefficient(ek, index, value))}, "CoefficientTooLarge",
                          codes=BAD_KEY)  # fmt: skip
    small = [(i, x) for i, x in enumerate(coefficients(ek)) if x < 4096 - ml_kem.q]
    for id, (index, x) in {"first": small[0], "last": small[-1]}.items():
        yield invalid(f"not-reduced-{id}", f"coefficient {index}, which is {x}, is written as {x + ml_kem.q}",
                      {"body": body_of(with_coefficient(ek, index, x + ml_kem.q))}, "CoefficientNotReduced",
                      codes=BAD_KEY)  # fmt: skip
    yield invalid("all-coefficients-4095", "all coefficients are 4095", {"body": body_of(b"\xff" * 1152 + ek[1152:])},
                  "CoefficientTooLarge", codes=BAD_KEY)  # fmt: skip


def largest(ek: bytes) -> Iterator[Test]:
    for index in (0, 1, 383, 767):
        yield valid(f"coefficient-{index}-is-3328", f"coefficient {index} is 3328",
                    {"body": body_of(with_coefficient(ek, index, 3328))}, "LargestCoefficient")  # fmt: skip
    whole = ek
    for index in range(768):
        whole = with_coefficient(whole, index, 3328)
    yield valid("all-coefficients-3328", "all coefficients are 3328", {"body": body_of(whole)}, "LargestCoefficient")


def identities(draw: Draw, ek: bytes) -> Iterator[Test]:
    pk, sk = REFERENCE.ml_dsa_65_keygen(draw("xi"))
    spki = encode_spki(ML_DSA_65, pk)

    def signed(key: bytes, signature: bytes | None = None, sig_pk: bytes = spki) -> str:
        sigma = REFERENCE.ml_dsa_65_sign(sk, key, b"", bytes(32)) if signature is None else signature
        return body_of(key, sigPk=encode_base64(sig_pk), sigOfPk=encode_base64(sigma))

    outside = with_coefficient(ek, 767, 3329)
    yield valid("identity", "a sound identity", {"body": signed(ek)}, "Identity")
    yield valid("identity-bare-key", "a sound identity, its key as the bare 1952 bytes", {"body": signed(ek, None, pk)},
                "Identity", covers=("V1-ID-04",))  # fmt: skip
    yield invalid("identity-over-wrong-key", "the last coefficient is 3329, and the signature over that key is valid",
                  {"body": signed(outside)}, "IdentityOverWrongKey", codes=BAD_KEY, covers=("V1-HS-05",))  # fmt: skip
    sigma = flipped(REFERENCE.ml_dsa_65_sign(sk, outside, b"", bytes(32)), 0)
    yield invalid("wrong-key-wrong-identity", "the last coefficient is 3329, and the signature is altered too",
                  {"body": signed(outside, sigma)}, "TwoFaults", codes=("ISO-1002", "ISO-3004"))  # fmt: skip


def random(draw: Draw, i: int) -> Test:
    ek, _ = key_pair(draw)
    given = {"body": body_of(ek), "m": draw("m"), "hmac_key": draw("hmac_key"), "sid": f"sid-{draw('sid', 16).hex()}"}
    if i % 3:
        return valid(f"random-{i}", "a drawn key", given, "Basic")
    if i % 2:
        index, value = draw.below("index", 768), 3329 + draw.below("value", 767)
        given["body"] = body_of(with_coefficient(ek, index, value))
        return invalid(f"random-{i}", f"coefficient {index} is {value}", given, "CoefficientTooLarge", codes=BAD_KEY)
    size = draw.below("size", 1183) + 1
    given["body"] = body_of(resized(ek, size))
    return invalid(f"random-{i}", f"a key cut to {size} bytes", given, "WrongLength", codes=BAD_KEY)


SUITE = VectorSuite(
    name="v1/handshake_server",
    title="The server's side of a handshake",
    operation="handshake.respond",
    covers=("V1-HS-01", "V1-HS-06"),
    flags=FLAGS,
    fixed=fixed,
    random=random,
    count=15,
    intermediate=server_values,
)
