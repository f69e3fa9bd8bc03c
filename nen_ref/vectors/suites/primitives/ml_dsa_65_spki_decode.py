"""primitives/ml_dsa_65_spki_decode: RFC 9881, section 4, in DER.

Of each key there is one encoding, 1974 bytes. Every invalid vector differs from it in one thing, and holds a whole key
where that allows it.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator

from nen_ref.primitives.ml_dsa import ML_DSA_44, ML_DSA_65, ML_DSA_87
from nen_ref.primitives.ml_dsa_keys import (
    BIT_STRING,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    OIDS,
    SEQUENCE,
    SIG_ALGS,
    element,
)
from nen_ref.primitives.ml_dsa_keys import encode_pkcs8_seed as pkcs8
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Found, Group, Test, VectorSuite, invalid, valid
from nen_ref.vectors.suites.ml_dsa_tools import key_pair
from nen_ref.vectors.suites.primitives.ml_dsa_65_spki_encode import special_keys

DER = ("X.690, section 10", "RFC 5280, section 4.1.2.7")
SECOND_ENCODING = "one key has several encodings: a ban, a pin or a log by its bytes is got around"

FLAGS = {
    "Basic": Flag("basic", "the encoding of a key", "no identity of a peer is accepted"),
    "SpecialKey": Flag(
        "edge case",
        "keys that begin or end with bytes such as 00 and 30",
        "the key is cut, or read as DER itself",
        ("RFC 9881, section 4",),
    ),
    "WrongAlgorithm": Flag(
        "confusion",
        "another object identifier than id-ml-dsa-65",
        "a key of another algorithm is taken for one of this",
        ("RFC 9881, section 2", "V1-ID-02"),
    ),
    "ObjectIdentifierForm": Flag(
        "malleability", "id-ml-dsa-65 with an arc written at greater length", SECOND_ENCODING, ("X.690, 8.19.2",)
    ),
    "Parameters": Flag(
        "malleability",
        "an AlgorithmIdentifier with parameters, which have to be absent",
        SECOND_ENCODING,
        ("RFC 9881, section 2",),
    ),
    "UnusedBits": Flag(
        "malleability",
        "a BIT STRING whose first octet, the count of unused bits, is not 0 or is missing",
        SECOND_ENCODING,
        ("X.690, 8.6.2", "RFC 9881, section 4"),
    ),
    "LongLength": Flag(
        "malleability", "a length in more octets than it needs, which BER allows", SECOND_ENCODING, ("X.690, 10.1",)
    ),
    "IndefiniteLength": Flag(
        "malleability", "the indefinite form of a length, which BER allows", SECOND_ENCODING, ("X.690, 10.1",)
    ),
    "WrongLength": Flag(
        "missing check",
        "a length that does not fit what is there",
        "bytes behind the key are read, or part of it is not",
        DER,
    ),
    "Constructed": Flag("malleability", "a BIT STRING in pieces, which BER allows", SECOND_ENCODING, ("X.690, 10.2",)),
    "WrongTag": Flag("missing check", "another tag where one is fixed", "what is no key is taken for one", DER),
    "Trailing": Flag(
        "malleability", "bytes behind the end, or elements that do not belong there", SECOND_ENCODING, DER
    ),
    "Truncated": Flag("missing check", "bytes missing at the end or in front", "memory behind the input is read", DER),
    "WrongKeySize": Flag(
        "missing check",
        "a well-formed encoding around a key of another size",
        "the key is padded or cut, or memory behind it is read",
        ("FIPS 204, table 2",),
    ),
    "OtherFormat": Flag(
        "confusion",
        "keys in other formats",
        "what is no SubjectPublicKeyInfo of this algorithm is guessed at",
        ("V1-ID-02",),
    ),
}


def long_form(octets: int) -> Callable[[int], bytes]:
    """A length in exactly so many octets after the first."""
    return lambda size: bytes([0x80 | octets]) + size.to_bytes(octets, "big")


def off_by(change: int) -> Callable[[int], bytes]:
    """The length in DER of a content that is longer than it is."""
    return lambda size: length(size + change)


def length(size: int) -> bytes:
    """The length in DER."""
    return element(b"", bytes(size))[: -size or None]


def tlv(tag: bytes, content: bytes, encode: Callable[[int], bytes] = length) -> bytes:
    return tag + encode(len(content)) + content


def indefinite(tag: bytes, content: bytes) -> bytes:
    return tag + b"\x80" + content + b"\0\0"


OID = element(OBJECT_IDENTIFIER, OIDS[ML_DSA_65])
ALGORITHM = element(SEQUENCE, OID)


def spki(pk: bytes, algorithm: bytes = ALGORITHM, unused: bytes = b"\0") -> bytes:
    """A SubjectPublicKeyInfo of these parts; with an algorithm and count of unused bits as they are, a right one."""
    return element(SEQUENCE, algorithm + element(BIT_STRING, unused + pk))


def with_oid(pk: bytes, content: bytes) -> bytes:
    return spki(pk, element(SEQUENCE, element(OBJECT_IDENTIFIER, content)))


Wrong = tuple[str, str, bytes, str]
"""id, comment, encoding, flag"""


def algorithms(pk: bytes) -> Iterator[Wrong]:
    arcs = OIDS[ML_DSA_65]
    others = {
        "ml-dsa-44": ("id-ml-dsa-44", OIDS[ML_DSA_44]),
        "ml-dsa-87": ("id-ml-dsa-87", OIDS[ML_DSA_87]),
        "hash-ml-dsa-65": ("id-hash-ml-dsa-65-with-sha512", SIG_ALGS + bytes([33])),
        "slh-dsa": ("id-slh-dsa-sha2-128s", SIG_ALGS + bytes([20])),
        "arc-0": ("the last arc 0", SIG_ALGS + b"\0"),
        "ml-kem-768": ("id-alg-ml-kem-768", bytes.fromhex("608648016503040402")),
        "dilithium3": ("that of Dilithium3 in OQS, 1.3.6.1.4.1.2.267.7.6.5", bytes.fromhex("2b0601040102820b070605")),
        "sig-algs": ("sigAlgs, the last arc missing", SIG_ALGS),
        "one-more": ("id-ml-dsa-65 with an arc 0 behind it", arcs + b"\0"),
        "empty": ("none: its content is empty", b""),
        "first-byte": ("1.16.840.1.101.3.4.3.18, the first byte another", b"\x38" + arcs[1:]),
    }
    for name, (says, content) in others.items():
        yield f"oid-{name}", f"the object identifier is {says}", with_oid(pk, content), "WrongAlgorithm"
    padded = {
        "last": ("the last", arcs[:-1] + b"\x80" + arcs[-1:]),
        "840": ("the third", arcs[:1] + b"\x80" + arcs[1:]),
    }
    for name, (which, content) in padded.items():
        comment = f"{which} arc of the object identifier has a byte 80 in front"
        yield f"oid-padded-{name}", comment, with_oid(pk, content), "ObjectIdentifierForm"
    parameters = {
        "null": ("NULL", b"\x05\x00"),
        "empty-sequence": ("an empty SEQUENCE", b"\x30\x00"),
        "empty-octet-string": ("an empty OCTET STRING", b"\x04\x00"),
        "oid": ("the object identifier again", OID),
        "end-of-contents": ("two zero bytes", b"\0\0"),
    }
    for name, (says, what) in parameters.items():
        encoding = spki(pk, element(SEQUENCE, OID + what))
        yield f"parameters-{name}", f"the parameters of the algorithm are {says}", encoding, "Parameters"


def bit_strings(pk: bytes) -> Iterator[Wrong]:
    for count in (1, 7, 8, 128, 255):
        yield f"unused-bits-{count}", f"{count} unused bits", spki(pk, unused=bytes([count])), "UnusedBits"
    even = pk[:-1] + bytes([pk[-1] & 0xFE])
    comment = "one unused bit, which is 0 as DER wants it"
    yield "unused-bits-1-zero", comment, spki(even, unused=b"\1"), "UnusedBits"
    yield "unused-bits-absent", "the count of unused bits is missing", spki(pk, unused=b""), "UnusedBits"
    yield "unused-bits-twice", "the count of unused bits stands twice", spki(pk, unused=b"\0\0"), "UnusedBits"
    content = b"\0" + pk
    half = len(pk) // 2
    pieces = element(BIT_STRING, b"\0" + pk[:half]) + element(BIT_STRING, b"\0" + pk[half:])
    one_piece = element(BIT_STRING, content)
    parts: dict[str, tuple[str, bytes, str]] = {
        "bit-string-of-two": ("a constructed BIT STRING of two pieces", element(b"\x23", pieces), "Constructed"),
        "bit-string-of-one": ("a constructed BIT STRING of one piece", element(b"\x23", one_piece), "Constructed"),
        "bit-string-indefinite": (
            "a constructed BIT STRING of no stated length",
            indefinite(b"\x23", one_piece), "IndefiniteLength",
        ),
        "octet-string": ("an OCTET STRING", element(OCTET_STRING, content), "WrongTag"),
        "octet-string-in-bit-string": (
            "a BIT STRING around an OCTET STRING around the key",
            element(BIT_STRING, b"\0" + element(OCTET_STRING, pk)), "WrongKeySize",
        ),
        "context-tag": ("a BIT STRING under the tag [3]", element(b"\x83", content), "WrongTag"),
        "missing": ("missing", b"", "Truncated"),
    }  # fmt: skip
    for name, (says, what, flag) in parts.items():
        yield name, f"the public key is {says}", element(SEQUENCE, ALGORITHM + what), flag


def lengths(pk: bytes) -> Iterator[Wrong]:
    content = ALGORITHM + element(BIT_STRING, b"\0" + pk)

    def outer(encode: Callable[[int], bytes]) -> bytes:
        return tlv(SEQUENCE, content, encode)

    def algorithm(encode: Callable[[int], bytes]) -> bytes:
        return spki(pk, tlv(SEQUENCE, OID, encode))

    def oid(encode: Callable[[int], bytes]) -> bytes:
        return spki(pk, element(SEQUENCE, tlv(OBJECT_IDENTIFIER, OIDS[ML_DSA_65], encode)))

    def bits(encode: Callable[[int], bytes]) -> bytes:
        return element(SEQUENCE, ALGORITHM + tlv(BIT_STRING, b"\0" + pk, encode))

    elements = {
        "outer": ("the outer SEQUENCE", outer, (3, 4, 8)),
        "algorithm": ("the AlgorithmIdentifier", algorithm, (1, 2)),
        "oid": ("the object identifier", oid, (1, 2)),
        "bit-string": ("the BIT STRING", bits, (3, 4)),
    }
    for name, (which, encoded, octets) in elements.items():
        for n in octets:
            comment = f"the length of {which} in {n} octet{'s' * (n > 1)} after the first"
            yield f"{name}-length-of-{n}", comment, encoded(long_form(n)), "LongLength"
        for change, word in ((1, "long"), (-1, "short")):
            comment = f"the length of {which} is one too {word}"
            yield f"{name}-length-one-too-{word}", comment, encoded(off_by(change)), "WrongLength"
    yield (
        "outer-length-cut",
        "the length of the outer SEQUENCE in one octet, b2",
        outer(lambda n: bytes([0x81, n % 256])),
        "WrongLength",
    )
    yield (
        "outer-length-huge",
        "the length of the outer SEQUENCE is 2^32 - 1",
        outer(lambda _: b"\x84" + b"\xff" * 4),
        "WrongLength",
    )
    yield (
        "outer-length-reserved",
        "the length of the outer SEQUENCE begins with the reserved ff",
        outer(lambda _: b"\xff"),
        "WrongLength",
    )
    yield (
        "outer-length-swapped",
        "the length of the outer SEQUENCE with its octets swapped",
        outer(lambda n: b"\x82" + n.to_bytes(2, "little")),
        "WrongLength",
    )
    yield (
        "outer-indefinite",
        "the outer SEQUENCE of no stated length",
        indefinite(SEQUENCE, content),
        "IndefiniteLength",
    )
    yield (
        "algorithm-indefinite",
        "the AlgorithmIdentifier of no stated length",
        spki(pk, indefinite(SEQUENCE, OID)),
        "IndefiniteLength",
    )


def tags(pk: bytes) -> Iterator[Wrong]:
    right = spki(pk)
    for tag, says in (
        (0x31, "a SET"),
        (0x10, "a primitive SEQUENCE"),
        (0x70, "application class"),
        (0xA0, "[0]"),
        (0x00, "end-of-contents"),
    ):
        yield f"outer-tag-{tag:02x}", f"the outer tag is {tag:02x}, {says}", bytes([tag]) + right[1:], "WrongTag"
    yield "outer-tag-long", "the outer tag SEQUENCE in the form of two octets", b"\x3f\x10" + right[1:], "WrongTag"
    yield "algorithm-tag-31", "the AlgorithmIdentifier is a SET", spki(pk, element(b"\x31", OID)), "WrongTag"
    relative = element(SEQUENCE, element(b"\x0d", OIDS[ML_DSA_65]))
    yield "oid-tag-0d", "the object identifier has the tag of a relative one", spki(pk, relative), "WrongTag"
    yield "algorithm-bare", "the object identifier stands without the SEQUENCE around it", spki(pk, OID), "WrongTag"
    swapped = element(SEQUENCE, element(BIT_STRING, b"\0" + pk) + ALGORITHM)
    yield "parts-swapped", "the key stands in front of the AlgorithmIdentifier", swapped, "WrongTag"


def sizes(pk: bytes) -> Iterator[Wrong]:
    right = spki(pk)
    content = ALGORITHM + element(BIT_STRING, b"\0" + pk)
    yield "trailing-zero", "a zero byte behind the end", right + b"\0", "Trailing"
    yield "trailing-zeros", "two zero bytes, an end-of-contents, behind the end", right + b"\0\0", "Trailing"
    yield "trailing-newline", "a line feed behind the end", right + b"\n", "Trailing"
    yield "twice", "the whole stands twice", right + right, "Trailing"
    yield (
        "element-behind-key",
        "a NULL behind the BIT STRING, inside the SEQUENCE",
        element(SEQUENCE, content + b"\5\0"),
        "Trailing",
    )
    yield "wrapped", "a SEQUENCE around the whole", element(SEQUENCE, right), "Trailing"
    yield "zero-in-front", "a zero byte in front", b"\0" + right, "Trailing"
    yield "empty", "no bytes at all", b"", "Truncated"
    for size, says in ((1, "the first byte alone"), (22, "all but the key"), (1973, "all but the last byte")):
        yield f"first-{size}", says, right[:size], "Truncated"
    yield "without-first-byte", "all but the first byte", right[1:], "Truncated"
    for params in (ML_DSA_44, ML_DSA_87):
        size = params.pk_size
        resized = (pk + pk)[:size]
        comment = f"a key of {size} bytes, the size of {params.name}, under id-ml-dsa-65"
        yield f"key-of-{size}", comment, spki(resized), "WrongKeySize"
    yield "key-of-0", "a key of no bytes", spki(b""), "WrongKeySize"
    yield "key-of-1951", "the key without its last byte", spki(pk[:-1]), "WrongKeySize"
    yield "key-of-1953", "the key with a zero byte behind it", spki(pk + b"\0"), "WrongKeySize"


def formats(draw: Draw, pk: bytes) -> Iterator[Wrong]:
    right = spki(pk)
    for params in (ML_DSA_44, ML_DSA_87):
        arcs = element(SEQUENCE, element(OBJECT_IDENTIFIER, OIDS[params]))
        comment = f"the encoding of a key of {params.name}"
        yield params.name.lower(), comment, spki(draw(params.name, params.pk_size), arcs), "OtherFormat"
    yield "raw", "the key alone, 1952 bytes", pk, "OtherFormat"
    private = pkcs8(ML_DSA_65, draw("private"))
    yield "pkcs8-seed", "a private key, as PKCS#8 with the seed", private, "OtherFormat"
    point = bytes.fromhex(
        "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e16"
        "2bce33576b315ececbb6406837bf51f5"
    )
    p256 = element(SEQUENCE, bytes.fromhex("06072a8648ce3d020106082a8648ce3d030107"))
    yield "p-256", "a key of P-256, the base point", spki(point, p256), "OtherFormat"
    ed25519 = element(SEQUENCE, bytes.fromhex("06032b6570"))
    yield "ed25519", "a key of Ed25519", spki(draw("ed25519"), ed25519), "OtherFormat"
    text = b64encode(right)
    yield "base64", "the base64 text of the encoding", text, "OtherFormat"
    lines = b"\n".join(text[i : i + 64] for i in range(0, len(text), 64))
    pem = b"-----BEGIN PUBLIC KEY-----\n" + lines + b"\n-----END PUBLIC KEY-----\n"
    yield "pem", "the encoding in PEM", pem, "OtherFormat"


def fixed(draw: Draw, found: Found) -> list[Group]:
    pk = key_pair(draw("key")).pk
    right = [valid("key", "the encoding that the invalid ones differ from", {"spki": spki(pk)}, "Basic")]
    special = [
        valid(f"key-{name}", comment, {"spki": spki(key)}, "SpecialKey")
        for name, (comment, key) in special_keys(draw).items()
    ]

    def wrong(made: Iterator[Wrong]) -> tuple[Test, ...]:
        return tuple(invalid(id, comment, {"spki": encoding}, flag) for id, comment, encoding, flag in made)

    return [
        Group("right encodings", (*right, *special)),
        Group("the algorithm", wrong(algorithms(pk))),
        Group("the bit string", wrong(bit_strings(pk))),
        Group("lengths", wrong(lengths(pk))),
        Group("tags", wrong(tags(pk))),
        Group("bytes too many or too few", wrong(sizes(pk))),
        Group("other formats", wrong(formats(draw, pk))),
    ]


SUITE = VectorSuite(
    name="primitives/ml_dsa_65_spki_decode",
    title="ML-DSA-65 public keys in SubjectPublicKeyInfo, decoded",
    operation="spki.decode",
    covers=("RFC 9881, section 4", "X.690, section 10", "V1-ID-02"),
    flags=FLAGS,
    fixed=fixed,
)
