"""primitives/x25519: the function X25519 of RFC 7748, section 5, on any private key and any u-coordinate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from itertools import islice
from typing import Any

from nen_ref.primitives.x25519 import (
    BASE_POINT,
    P,
    decode_scalar25519,
    decode_u_coordinate,
    montgomery_ladder,
    x25519,
)
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Found, Group, Test, VectorSuite, invalid, valid
from nen_ref.vectors.suites.symmetric_tools import little, octets_of

OTHER_KEYS = "both sides have different secrets: no request of another implementation verifies"
LEAK = "half of all keys that are sent are refused or come out wrong, and a wrong result tells of the secret key"
RARE = "practically never by chance, at will for whoever sends the key: a wrong result tells of the secret key"

FLAGS = {
    "Basic": Flag("basic", "a drawn private and a drawn public key", OTHER_KEYS, ("RFC 7748, section 5",)),
    "Published": Flag("basic", "the inputs that RFC 7748 itself gives", OTHER_KEYS, ("RFC 7748, 5.2 and 6.1",)),
    "PublicKey": Flag("basic", "u is 9: the result is the public key of k", OTHER_KEYS, ("RFC 7748, 6.1",)),
    "Clamp": Flag(
        "wrong computation",
        "private keys that differ in the five bits that clamping sets or clears, and in no other: one result",
        "a key made elsewhere gives another public key; without the lower three bits cleared a public key of low order "
        "tells something of the private one",
        ("RFC 7748, section 5", "V3-PRIM-03"),
    ),
    "EdgeScalar": Flag(
        "edge case",
        "private keys at the ends of their range, with a single bit, or with bits next to the clamped ones",
        OTHER_KEYS,
        ("RFC 7748, section 5", "V3-PRIM-03"),
    ),
    "TopBit": Flag(
        "wrong computation",
        "the highest bit of the last byte of u is set: it is ignored, not a part of the number",
        OTHER_KEYS,
        ("RFC 7748, section 5", "V3-PRIM-04"),
    ),
    "NonCanonical": Flag(
        "edge case",
        "u of 2^255 - 19 and more, with and without the highest bit: accepted, and taken modulo 2^255 - 19",
        "of two ends of which one refuses, or takes the number as it is, one cannot talk to the other",
        ("RFC 7748, section 5", "V3-PRIM-04"),
    ),
    "LowOrder": Flag(
        "edge case",
        "u of a point whose order divides 8, on the curve or on its twist: the result is zero for every private key, "
        "which the function gives and the handshake refuses",
        "a result that is not zero leaks bits of the private key; a crash is an attack by one request",
        ("RFC 7748, 6.1", "V3-PRIM-05"),
    ),
    "Twist": Flag(
        "edge case",
        "u of a point on the twist: half of all numbers are; the result has to be right there too",
        LEAK,
        ("RFC 7748, section 5", "V3-PRIM-04"),
    ),
    "EdgeU": Flag(
        "edge case",
        "u that is small, near 2^255 - 19, a power of two or next to one, at a border of words of 32 and 64 bits and "
        "of the limbs of 25.5 and 51 bits that implementations split a number into, or with all bits of some limbs set",
        RARE,
        ("RFC 7748, section 5",),
    ),
    "EdgeResult": Flag(
        "wrong computation",
        "inputs found backwards from their result: small ones, ones just below 2^255 - 19, and such with zero bytes at "
        "an end. All 32 bytes are given, little-endian, and the number is reduced",
        "a result that loses its zero bytes, or is not reduced, gives other keys: seldom by chance, never in a test",
        ("RFC 7748, section 5",),
    ),
    "Related": Flag(
        "edge case",
        "k and u that have to do with each other: the same bytes, or the public key of this very private key",
        "an implementation that overwrites an argument while it still needs it is right for all others",
        ("RFC 7748, 5.2",),
    ),
    "Length": Flag(
        "missing check",
        "a private or a public key of another length than 32 bytes",
        "a shorter one is filled with what stands behind it in memory, or with zeros: two keys become one",
        ("RFC 7748, section 5", "V3-PRIM-06"),
    ),
}

A = bytes.fromhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")
B = bytes.fromhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb")
PUBLIC_A = bytes.fromhex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a")
PUBLIC_B = bytes.fromhex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f")
RFC_7748 = {
    "5-2-1": (
        "5.2, the first vector",
        bytes.fromhex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"),
        bytes.fromhex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c"),
    ),
    "5-2-2": (
        "5.2, the second vector, of which the highest bit of u is set",
        bytes.fromhex("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d"),
        bytes.fromhex("e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493"),
    ),
    "5-2-iterated": ("5.2, the first iteration: k and u are 9", BASE_POINT, BASE_POINT),
    "6-1-alice": ("6.1, Alice's public key", A, BASE_POINT),
    "6-1-bob": ("6.1, Bob's public key", B, BASE_POINT),
    "6-1-alice-secret": ("6.1, the secret as Alice has it", A, PUBLIC_B),
    "6-1-bob-secret": ("6.1, the secret as Bob has it", B, PUBLIC_A),
}

ORDER = 2**252 + 27742317777372353535851937790883648493
"""Of the subgroup of the curve (4.1)."""
TWIST_ORDER = (2 * P + 2 - 8 * ORDER) // 4
"""Of the great subgroup of the twist: curve and twist have 2 p + 2 points together, 8 ORDER and 4 TWIST_ORDER."""
ORDER_8 = (
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
)
LOW_ORDER = {
    "order-2": (0, "0, of order 2"),
    "order-4": (1, "1, of order 4"),
    "twist-order-4": (P - 1, "p - 1, of order 4 on the twist"),
    "order-8": (ORDER_8[0], "of order 8"),
    "order-8-other": (ORDER_8[1], "the other of order 8"),
}
SCALARS = {"drawn": "a drawn key", "zeros": "a key of zeros", "ones": "a key of ones"}

EDGE_SCALARS = {
    "zeros": (0, "zeros: 2^254 after clamping"),
    "ones": (2**256 - 1, "ones: 2^255 - 8 after clamping"),
    "one": (1, "1: 2^254 after clamping"),
    "eight": (8, "8, the lowest bit that is not clamped: 2^254 + 8"),
    "2-to-254": (2**254, "2^254 as it is"),
    "2-to-254-plus-8": (2**254 + 8, "2^254 + 8 as it is"),
    "2-to-254-minus-1": (2**254 - 1, "2^254 - 1: 2^255 - 8 after clamping, but for its bits 0 to 2"),
    "2-to-253": (2**253, "bit 253, the highest that is not clamped"),
    "2-to-252": (2**252, "bit 252"),
    "bit-4": (2**4, "bit 4"),
    "bit-31": (2**31, "bit 31, at the end of a word"),
    "bit-32": (2**32, "bit 32, at the beginning of a word"),
    "bit-63": (2**63, "bit 63"),
    "bit-64": (2**64, "bit 64"),
    "bit-127": (2**127, "bit 127"),
    "bit-128": (2**128, "bit 128"),
    "order": (ORDER, "the order of the base point, which clamping changes"),
    "alternating": (int.from_bytes(b"\x55" * 32, "little"), "every second bit"),
    "alternating-other": (int.from_bytes(b"\xaa" * 32, "little"), "every other second bit"),
}
BITS = (25, 26, 32, 51, 52, 64, 77, 96, 102, 127, 128, 153, 160, 179, 192, 204, 224, 230, 252, 253, 254)
EXTREME_LIMBS = {
    "even-51": (sum((2**51 - 1) << 51 * i for i in (0, 2, 4)), "limbs 0, 2 and 4 of 51 bits all ones, the others zero"),
    "odd-51": (sum((2**51 - 1) << 51 * i for i in (1, 3)), "limbs 1 and 3 of 51 bits all ones, the others zero"),
    "even-64": (sum((2**64 - 1) << 64 * i for i in (0, 2)), "words 0 and 2 of 64 bits all ones, the others zero"),
    "odd-32": (sum((2**32 - 1) << 32 * i for i in (1, 3, 5)), "words 1, 3 and 5 of 32 bits all ones, the others zero"),
    "upper-half": (2**255 - 2**128, "the upper half all ones"),
}
RESULTS = 6
"""Results of each kind that are found backwards, on the curve and on the twist together."""


def shared(id: str, comment: str, k: bytes, u: bytes, *flags: str) -> Test:
    return valid(id, comment, {"k": k, "u": u}, *flags, *side(u))


def of_u(id: str, comment: str, u: bytes, *flags: str) -> Test:
    """A vector whose k stands in its group."""
    return valid(id, comment, {"u": u}, *flags, *side(u))


def number(u: int) -> bytes:
    return little(u, 32)


@cache
def on_curve(u: int) -> bool:
    """Whether a point of the curve has this u, rather than one of the twist: RFC 7748, 4.1, and Euler's criterion."""
    return pow(u**3 + 486662 * u**2 + u, (P - 1) // 2, P) in (0, 1)


def side(u: bytes) -> tuple[str, ...]:
    """The flag of a u that only a point of the twist has."""
    return () if on_curve(decode_u_coordinate(u)) else ("Twist",)


def flip(k: bytes, *bits: int) -> bytes:
    return number(int.from_bytes(k, "little") ^ sum(1 << bit for bit in bits))


def encodings(u: int) -> Iterator[tuple[str, str, bytes]]:
    """Every 32 bytes that decode to u."""
    yield "", "", number(u)
    yield "-top-bit", ", with the highest bit", number(u | 2**255)
    if u < 19:
        yield "-non-canonical", ", as p + u", number(P + u)
        yield "-non-canonical-top-bit", ", as p + u with the highest bit", number(P + u | 2**255)


def fixed(draw: Draw, found: Found) -> list[Group]:
    return [
        Group(
            "published in RFC 7748",
            tuple(shared(f"rfc-7748-{id}", says, k, u, "Published") for id, (says, k, u) in RFC_7748.items()),
        ),
        Group("public keys", tuple(public_keys(draw)), {"u": BASE_POINT}),
        Group("private keys that clamping makes one", tuple(clamping(draw)), {"u": draw("clamp/u", 31) + b"\x2a"}),
        Group("private keys at the edges, public key", tuple(edge_scalars()), {"u": BASE_POINT}),
        Group("private keys at the edges, one shared secret each", tuple(edge_scalars_shared()), {"u": PUBLIC_B}),
        Group("the highest bit of u", tuple(top_bits(draw)), {"k": draw("top/k")}),
        Group("u that is not canonical", tuple(non_canonical()), {"k": draw("canonical/k")}),
        *(
            Group(f"points of low order, {says}", tuple(low_order(name)), {"k": key})
            for (name, says), key in zip(SCALARS.items(), (draw("low-order/k"), bytes(32), b"\xff" * 32), strict=True)
        ),
        Group("small u, on the curve and on the twist", tuple(small()), {"k": draw("small/k")}),
        Group("u at the borders of its range and of words and limbs", tuple(edge_u()), {"k": draw("edge/k")}),
        Group("results at the edges", tuple(edge_results(draw))),
        Group("k and u that have to do with each other", tuple(related(draw))),
        Group("keys of other lengths", tuple(lengths(draw))),
    ]


def public_keys(draw: Draw) -> list[Test]:
    return [
        valid(f"public-{i}", f"a drawn key, number {i}", {"k": draw(f"public/{i}")}, "PublicKey") for i in range(1, 9)
    ]


def clamping(draw: Draw) -> list[Test]:
    clamped = number(decode_scalar25519(draw("clamp/k")))
    changes = {
        "as-it-is": ((), "a private key that is clamped already"),
        "bit-0": ((0,), "bit 0 set"),
        "bit-1": ((1,), "bit 1 set"),
        "bit-2": ((2,), "bit 2 set"),
        "low-bits": ((0, 1, 2), "bits 0 to 2 set"),
        "bit-254": ((254,), "bit 254 cleared"),
        "bit-255": ((255,), "bit 255 set"),
        "high-bits": ((254, 255), "bit 254 cleared, bit 255 set"),
        "all": ((0, 1, 2, 254, 255), "all five bits otherwise"),
    }
    same = [
        valid(
            f"clamp-{name}",
            says if not bits else f"{says}: the result of `clamp-as-it-is`",
            {"k": flip(clamped, *bits)},
            "Clamp",
        )
        for name, (bits, says) in changes.items()
    ]
    other = [
        valid(
            f"clamp-not-bit-{bit}",
            f"bit {bit} changed, which clamping leaves: another result",
            {"k": flip(clamped, bit)},
            "Clamp",
        )
        for bit in (3, 7, 8, 252, 253)
    ]
    return [*same, *other]


def edge_scalars() -> list[Test]:
    return [
        valid(f"scalar-{name}", says, {"k": number(k)}, "EdgeScalar", "PublicKey")
        for name, (k, says) in EDGE_SCALARS.items()
    ]


def edge_scalars_shared() -> list[Test]:
    return [
        valid(f"scalar-{name}-secret", says, {"k": number(EDGE_SCALARS[name][0])}, "EdgeScalar")
        for name, says in (
            ("zeros", "zeros: 2^254 after clamping"),
            ("ones", "ones: 2^255 - 8 after clamping"),
            ("order", "the order of the base point, which clamping changes"),
            ("alternating", "every second bit"),
        )
    ]


def top_bits(draw: Draw) -> list[Test]:
    numbers = {
        "base-point": (9, "9"),
        "drawn": (int.from_bytes(draw("top/u", 31), "little"), "a drawn number"),
        "p-minus-2": (P - 2, "p - 2"),
        "2-to-254": (2**254, "2^254"),
        "half-of-p": ((P - 1) // 2, "(p - 1) / 2"),
    }
    tests = []
    for name, (u, says) in numbers.items():
        same = f"{says}, the highest bit set: the result of `top-bit-clear-{name}`"
        tests += [
            of_u(f"top-bit-clear-{name}", f"{says}, the highest bit clear", number(u), "TopBit"),
            of_u(f"top-bit-set-{name}", same, number(u | 2**255), "TopBit"),
        ]
    return tests


def non_canonical() -> list[Test]:
    """All there are but those of 0 and 1, which are of low order."""
    tests = []
    for u in range(2, 19):
        tests += [
            of_u(f"non-canonical-{u}", f"p + {u}: the number {u}", number(P + u), "NonCanonical"),
            of_u(
                f"non-canonical-{u}-top-bit",
                f"p + {u} with the highest bit: the number {u}",
                number(P + u | 2**255),
                "NonCanonical",
                "TopBit",
            ),
        ]
    return tests


def low_order(scalar: str) -> list[Test]:
    tests = []
    for name, (u, says) in LOW_ORDER.items():
        for ending, how, encoded in encodings(u):
            flags = [flag for part, flag in (("canonical", "NonCanonical"), ("top-bit", "TopBit")) if part in ending]
            tests.append(of_u(f"low-{scalar}-{name}{ending}", f"u is {says}{how}", encoded, "LowOrder", *flags))
    return tests


def small() -> list[Test]:
    where = {True: "curve", False: "twist"}
    return [
        of_u(f"small-{u}", f"u is {u}, on the {where[on_curve(u)]}", number(u), "EdgeU")
        for u in range(2, 21)
        if u != 9  # a public key
    ]


def edge_u() -> list[Test]:
    numbers = {
        **{f"p-minus-{i}": (P - i, f"p - {i}") for i in (2, 3, 4, 9, 19)},
        **{f"2-to-{bit}": (2**bit, f"2^{bit}") for bit in BITS},
        **{f"2-to-{bit}-minus-1": (2**bit - 1, f"2^{bit} - 1") for bit in BITS},
        **EXTREME_LIMBS,
    }
    return [of_u(f"edge-{name}", f"u: {says}", number(u), "EdgeU") for name, (u, says) in numbers.items()]


def edge_results(draw: Draw) -> list[Test]:
    kinds = {
        "small": ("31 bytes of the result are zero", range(2, 256)),
        "16-zero-bytes-behind": ("the last 16 bytes of the result are zero", range(2**127, 2**128)),
        "one-zero-byte-behind": ("the last byte of the result is zero", range(2**247, 2**248)),
        "zero-byte-first": ("the first byte of the result is zero", range(2**254, 2**255 - 256, 256)),
        "16-zero-bytes-first": ("the first 16 bytes of the result are zero", range(2**254, 2**255 - 2**128, 2**128)),
        "near-p": ("the result is a little less than p", range(P - 2, P - 2**16, -1)),
    }
    tests = []
    for kind, (says, candidates) in kinds.items():
        for i, (result, order) in enumerate(islice(reachable(candidates), RESULTS), 1):
            k = draw(f"result/{kind}/{i}")
            u = montgomery_ladder(pow(decode_scalar25519(k), -1, order), result)
            comment = f"{says}, {'on the curve' if order == ORDER else 'on the twist'}: number {i}"
            tests.append(shared(f"result-{kind}-{i}", comment, k, number(u), "EdgeResult"))
    return tests


def reachable(candidates: range) -> Iterator[tuple[int, int]]:
    """The numbers among the candidates that are the result of some u, with the order of the subgroup they are in."""
    for result in candidates:
        order = ORDER if on_curve(result) else TWIST_ORDER
        if montgomery_ladder(order, result) == 0:
            yield result, order


def related(draw: Draw) -> list[Test]:
    k = draw("related/k")
    public = x25519(k, BASE_POINT)
    negated = number(P - decode_u_coordinate(public))
    pairs = {
        "same": ("k and u are the same bytes", k, k),
        "public": ("u is the public key of k", k, public),
        "exchanged": ("k and u of `related-public` exchanged", public, k),
        "public-same": ("k and u are the public key of `related-public`", public, public),
        "negated": ("u is p less the u of `related-public`", k, negated),
        "reversed": ("u is k, byte for byte backwards", k, k[::-1]),
    }
    return [shared(f"related-{name}", says, k, u, "Related") for name, (says, k, u) in pairs.items()]


def lengths(draw: Draw) -> list[Test]:
    k, u = draw("length/k", 64), x25519(draw("length/other"), BASE_POINT) + draw("length/behind")
    keys = {
        **{f"k-{size}": (f"a private key of {octets_of(size)}", k[:size], u[:32]) for size in (0, 1, 31, 33, 64)},
        **{f"u-{size}": (f"a public key of {octets_of(size)}", k[:32], u[:size]) for size in (0, 1, 31, 33, 64)},
        "u-zero-behind": ("a public key and a zero byte", k[:32], u[:32] + b"\0"),
        "u-base-point-1": ("the single byte 09 for the base point", k[:32], b"\x09"),
        "u-two-numbers": ("a point as two numbers, here twice the same", k[:32], u[:32] * 2),
    }
    return [invalid(f"length-{name}", says, {"k": k, "u": u}, "Length") for name, (says, k, u) in keys.items()]


def random(draw: Draw, i: int) -> Test:
    return shared(f"random-{i}", "a drawn k and u", draw("k"), draw("u"), "Basic")


def intermediate(a: dict[str, Any]) -> Mapping[str, Any]:
    """RFC 7748, 5: both arguments decoded, as 32 bytes, little-endian."""
    if {len(a["k"]), len(a["u"])} != {32}:
        return {}
    return {"scalar": number(decode_scalar25519(a["k"])), "u": number(decode_u_coordinate(a["u"]))}


SUITE = VectorSuite(
    name="primitives/x25519",
    title="X25519",
    notes="`shared` of 32 zero bytes is what the function gives for a u of low order. That it is refused in a "
    "handshake is a matter of the protocol, V3-HS-11. The intermediate values are k clamped and u reduced, both "
    "little-endian.",
    operation="x25519",
    covers=("RFC 7748, section 5", "V3-PRIM-03", "V3-PRIM-04"),
    flags=FLAGS,
    fixed=fixed,
    random=random,
    count=40,
    intermediate=intermediate,
)
