"""primitives/aead_seal: ChaCha20-Poly1305 of RFC 8439, 2.8, with empty AAD."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nen_ref.primitives.chacha20_poly1305 import aead_encrypt, chacha20_encrypt, poly1305_key_gen
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Found, Group, Test, VectorSuite, valid
from nen_ref.vectors.suites.symmetric_tools import (
    ACCUMULATORS,
    SUNSCREEN,
    OneTimeKey,
    aead_values,
    ciphertext_for,
    octets_of,
    slug,
)

UNREADABLE = "nothing that this implementation seals can be opened elsewhere"
RARE = "the tag is wrong where the sums end here: practically never by chance, at will for whoever has the key"

FLAGS = {
    "Basic": Flag("basic", "keys, nonces and plaintexts of ordinary values", UNREADABLE, ("RFC 8439, section 2.8",)),
    "Published": Flag("basic", "inputs that RFC 8439 itself gives", UNREADABLE, ("RFC 8439, 2.4.2 and 2.8.2",)),
    "MessageLength": Flag(
        "edge case",
        "plaintexts around the borders of 16 bytes, where the tag's padding changes, and of 64, where a block ends",
        "messages of some lengths cannot be opened elsewhere",
        ("RFC 8439, sections 2.4 and 2.8",),
    ),
    "LongMessage": Flag(
        "edge case",
        "plaintexts of more than 255 and of more than 1024 blocks, under whose counter a byte or a buffer runs over",
        "key stream repeats within a message: the XOR of its parts is laid bare",
        ("RFC 8439, section 2.4",),
    ),
    "NonceBits": Flag(
        "wrong computation",
        "nonces with high bits, with bytes that all differ, or with a single byte that is not zero",
        "a part of the nonce does not count, or is read in another order: two messages share one key stream",
        ("RFC 8439, sections 2.3 and 2.8",),
    ),
    "KeyBits": Flag(
        "wrong computation",
        "keys of zeros, of ones, and with a single byte that is not zero",
        "a part of the key does not count",
        ("RFC 8439, section 2.3",),
    ),
    "KeyStream": Flag(
        "wrong computation",
        "a plaintext of zeros, so that the ciphertext is the key stream from block 1 on",
        "where the key stream begins with block 0, the ciphertext gives away the key of the tag",
        ("RFC 8439, section 2.8",),
    ),
    "PolyEdge": Flag(
        "wrong computation",
        "plaintexts made so that Poly1305's accumulator ends at an edge of its range, before s is added",
        RARE,
        ("RFC 8439, sections 2.5.1 and A.3",),
    ),
    "AllOnes": Flag("edge case", "plaintexts whose ciphertext is all ones or all zeros", RARE, ("RFC 8439, 2.5.1",)),
}

SIZES = (0, 1, 15, 16, 17, 31, 32, 33, 47, 48, 49, 63, 64, 65, 80, 127, 128, 129, 255, 256, 1023, 1024)
LONG_SIZES = {
    16320: "255 blocks",
    16321: "255 blocks and a byte of block 256",
    65536: "1024 blocks",
    65537: "1024 blocks and a byte",
}
NONCES = {
    "zeros": bytes(12),
    "ones": b"\xff" * 12,
    "bytes with their high bit alone": b"\x80" * 12,
    "7f bytes": b"\x7f" * 12,
    "bytes that ascend": bytes(range(12)),
    "bytes that descend, high bits set": bytes(range(0xFF, 0xF3, -1)),
    "a counter, big-endian": bytes(11) + b"\x01",
}


def seal(id: str, comment: str, key: bytes, nonce: bytes, plaintext: bytes, *flags: str) -> Test:
    return valid(id, comment, {"key": key, "nonce": nonce, "plaintext": plaintext}, *flags)


def published() -> list[Test]:
    return [
        seal(
            "rfc-8439-2-4-2",
            "key, nonce and plaintext of RFC 8439, 2.4.2, whose ciphertext stands there",
            bytes(range(32)),
            bytes.fromhex("000000000000004a00000000"),
            SUNSCREEN,
            "Published",
        ),
        seal(
            "rfc-8439-2-8-2",
            "key, nonce and plaintext of RFC 8439, 2.8.2, whose ciphertext stands there; its tag has an AAD",
            bytes(range(0x80, 0xA0)),
            bytes.fromhex("070000004041424344454647"),
            SUNSCREEN,
            "Published",
        ),
    ]


def lengths(draw: Draw) -> Group:
    tests = [
        valid(
            f"plaintext-of-{size}",
            f"a plaintext of {octets_of(size)}",
            {"nonce": draw(f"nonce/{size}", 12), "plaintext": draw(f"plaintext/{size}", size)},
            "MessageLength",
        )
        for size in SIZES
    ]
    tests += [
        valid(
            f"plaintext-of-{size}",
            f"a plaintext of {size} bytes: {says}",
            {"nonce": draw(f"nonce/{size}", 12), "plaintext": draw(f"plaintext/{size}", size)},
            "LongMessage",
        )
        for size, says in LONG_SIZES.items()
    ]
    return Group("plaintexts of many lengths", tuple(tests), {"key": draw("lengths/key")})


def nonces(draw: Draw) -> Group:
    named = [
        valid(f"nonce-{i}", f"a nonce of {says}", {"nonce": nonce}, "NonceBits")
        for i, (says, nonce) in enumerate(NONCES.items(), 1)
    ]
    single = [
        valid(
            f"nonce-byte-{i}",
            f"only byte {i} of the nonce is not zero",
            {"nonce": bytes(i) + b"\x84" + bytes(11 - i)},
            "NonceBits",
        )
        for i in range(12)
    ]
    return Group("nonces", (*named, *single), {"key": draw("nonces/key"), "plaintext": draw("nonces/plaintext", 70)})


def keys(draw: Draw) -> Group:
    named = {
        "zeros": ("a key of zeros", bytes(32)),
        "ones": ("a key of ff bytes", b"\xff" * 32),
        "first-byte": ("only the first byte of the key is not zero", b"\x81" + bytes(31)),
        "byte-16": ("only byte 16 of the key is not zero", bytes(16) + b"\x81" + bytes(15)),
        "last-byte": ("only the last byte of the key is not zero", bytes(31) + b"\x81"),
    }
    return Group(
        "keys",
        tuple(valid(f"key-{name}", says, {"key": key}, "KeyBits") for name, (says, key) in named.items()),
        {"nonce": draw("keys/nonce", 12), "plaintext": draw("keys/plaintext", 20)},
    )


def made_to_measure(draw: Draw) -> Group:
    """Plaintexts solved for their ciphertext."""
    key, nonce = draw("made/key"), draw("made/nonce", 12)
    one_time = OneTimeKey.of(poly1305_key_gen(key, nonce))

    def plaintext_of(ciphertext: bytes) -> bytes:
        return chacha20_encrypt(key, 1, nonce, ciphertext)

    tests = [
        valid("zeros-16", "16 zero bytes", {"plaintext": bytes(16)}, "KeyStream"),
        valid("zeros-128", "128 zero bytes: two blocks of key stream", {"plaintext": bytes(128)}, "KeyStream"),
    ]
    for size in (16, 64, 160):
        for name, byte in (("ones", b"\xff"), ("zeros", b"\0")):
            says = f"a plaintext whose ciphertext is {size} bytes of {byte.hex()}"
            given = {"plaintext": plaintext_of(byte * size)}
            tests.append(valid(f"ciphertext-{name}-{size}", says, given, "AllOnes"))
    for name, wanted in ACCUMULATORS.items():
        says = f"the accumulator ends at {name.replace('-', ' ')}"
        given = {"plaintext": plaintext_of(ciphertext_for(one_time, wanted))}
        tests.append(valid(f"accumulator-{slug(name)}", says, given, "PolyEdge"))
    return Group("plaintexts made to measure, under one key and nonce", tuple(tests), {"key": key, "nonce": nonce})


def fixed(draw: Draw, found: Found) -> list[Group]:
    return [
        Group("published in RFC 8439", tuple(published())),
        lengths(draw),
        nonces(draw),
        keys(draw),
        made_to_measure(draw),
    ]


def random(draw: Draw, i: int) -> Test:
    plaintext = draw("plaintext", draw.below("size", 200))
    return seal(f"random-{i}", "drawn", draw("key"), draw("nonce", 12), plaintext, "Basic")


def intermediate(a: dict[str, Any]) -> Mapping[str, Any]:
    return aead_values(a["key"], a["nonce"], aead_encrypt(a["key"], a["nonce"], a["plaintext"])[:-16])


SUITE = VectorSuite(
    name="primitives/aead_seal",
    title="ChaCha20-Poly1305, sealing",
    notes="The AAD is empty; the tag of 16 bytes follows the ciphertext. Of the intermediate values r (clamped), s and "
    "the accumulator (before s is added) are little-endian.",
    operation="aead.seal",
    covers=("RFC 8439, section 2.8", "V1-PRIM-09"),
    flags=FLAGS,
    fixed=fixed,
    random=random,
    count=12,
    intermediate=intermediate,
)
