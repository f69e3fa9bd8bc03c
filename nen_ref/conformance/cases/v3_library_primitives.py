"""The primitives that V3 adds, of a library: HKDF-SHA256 and X25519."""

from __future__ import annotations

from nen_ref.conformance.harness.probe import HarnessProbe
from nen_ref.conformance.model import ACCEPTED, REFUSED
from nen_ref.conformance.randomness import random_bytes
from nen_ref.conformance.registry import case
from nen_ref.primitives.suite import REFERENCE
from nen_ref.primitives.x25519 import BASE_POINT, P

HKDF, X25519 = "hkdf_sha256", "x25519"

OTHER_KEYS = "both sides have the same shared secret and different keys: nothing of the other implementation opens"
OTHER_SECRET = "the two sides compute different secrets: no handshake in hybrid leads to a session"
WRONG_RESULT = "the wrong results that a hostile public key leads to tell something of the private one"

# HKDF-SHA256

# RFC 5869, A.3, the one that has no salt; and how it goes on, out of pyca/cryptography's vectors.
RFC_5869_IKM = b"\x0b" * 22
RFC_5869_OKM = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
GOES_ON = RFC_5869_OKM + "b2fb61057244b36c6ddd287f634795e7d80d5fe26bfc"
LABELS = ("nen/v3 hybrid", "nen/v3 enc", "nen/v3 mac", "nen/v3 resume", "nen/v3 resume-ss", "nen/v3 ratchet")


@case(
    "v3/library-primitives/hkdf-published",
    "V3-PRIM-01",
    ACCEPTED,
    why=OTHER_KEYS,
    cause="the extraction is left out, or keyed with the ikm; blocks are numbered from 0",
    needs=(HKDF,),
)
async def hkdf_published(probe: HarnessProbe) -> None:
    """The test of RFC 5869 that has no salt gives its published output, cut anywhere in its first two blocks."""
    for length in (42, 1, 31, 32, 33, 64):
        reply = await probe.done(HKDF, ikm=RFC_5869_IKM, info=b"", length=length)
        expected = GOES_ON[: 2 * length]
        probe.ensure(reply["okm"] == expected, f"{length} bytes: {reply['okm']}, published is {expected}")


@case(
    "v3/library-primitives/hkdf-labels",
    "V3-PRIM-01",
    ACCEPTED,
    why=OTHER_KEYS,
    cause="the label is padded, trimmed, ended by a zero byte, or in another encoding",
    needs=(HKDF,),
)
async def hkdf_labels(probe: HarnessProbe) -> None:
    """Each label of V3 as info, with an ikm of 32, 64 and 96 bytes, gives the 32 bytes of RFC 5869."""
    for label in LABELS:
        for size in (32, 64, 96):
            ikm = random_bytes(size)
            reply = await probe.call(HKDF, ikm=ikm, info=label.encode(), length=32)
            okm = REFERENCE.hkdf_sha256(ikm, label.encode(), 32)
            probe.matches(reply, f"{label}, ikm of {size} bytes", {"okm": okm})


@case(
    "v3/library-primitives/hkdf-lengths",
    "V3-PRIM-01",
    ACCEPTED,
    why=OTHER_KEYS,
    cause="info or ikm ends at its first zero byte, or a block of SHA-256 that is just full is mistaken",
    needs=(HKDF,),
)
async def hkdf_lengths(probe: HarnessProbe) -> None:
    """Ikm and info of 0 to 200 bytes, zero bytes among them, and outputs of 0 to 8160 bytes are those of RFC 5869."""
    sizes = [(size, 10, 40) for size in (0, 1, 31, 33, 55, 56, 63, 64, 65, 200)]
    sizes += [(32, size, 80) for size in (0, 1, 22, 23, 31, 54, 55, 63, 64, 86, 87, 200)]
    sizes += [(32, 10, size) for size in (0, 1, 31, 33, 64, 65, 4064, 4097, 8128, 8129, 8159, 8160)]
    for ikm_size, info_size, length in sizes:
        ikm, info = random_bytes(ikm_size), random_bytes(info_size)
        reply = await probe.call(HKDF, ikm=ikm, info=info, length=length)
        note = f"ikm of {ikm_size} bytes, info of {info_size}, {length} bytes of output"
        probe.matches(reply, note, {"okm": REFERENCE.hkdf_sha256(ikm, info, length)})
    for note, ikm, info in (
        ("a zero byte in ikm", b"\0" + random_bytes(15) + b"\0" + random_bytes(15), b"nen"),
        ("a zero byte in info", random_bytes(32), b"nen\0v3\0"),
        ("info that is not UTF-8", random_bytes(32), b"\xc3\x28\xff\xfe"),
    ):
        reply = await probe.call(HKDF, ikm=ikm, info=info, length=32)
        probe.matches(reply, note, {"okm": REFERENCE.hkdf_sha256(ikm, info, 32)})


@case(
    "v3/library-primitives/hkdf-limit",
    "V3-PRIM-02",
    REFUSED,
    why="the number of a block begins anew, or a length is cut: what comes out is no key that RFC 5869 defines",
    cause="the limit is left to the caller",
    needs=(HKDF,),
)
async def hkdf_limit(probe: HarnessProbe) -> None:
    """255 blocks are given, and every longer output is refused: one byte more, a 256th block, more than 16 bits hold."""
    ikm = random_bytes(32)
    reply = await probe.call(HKDF, ikm=ikm, info=b"nen", length=8160)
    probe.matches(reply, "8160 bytes", {"okm": REFERENCE.hkdf_sha256(ikm, b"nen", 8160)})
    probe.sound()
    for length in (8161, 8191, 8192, 8193, 16320, 65536, 65568):
        probe.judge(await probe.call(HKDF, ikm=ikm, info=b"nen", length=length), f"{length} bytes")


# X25519

# RFC 7748, 5.2 and 6.1: private key, public key, result.
RFC_7748 = {
    "5.2, first vector": (
        "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
        "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
        "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
    ),
    "5.2, second vector": (
        "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
        "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
        "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
    ),
    "5.2, first iteration": (
        BASE_POINT.hex(),
        BASE_POINT.hex(),
        "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079",
    ),
    "6.1, Alice's public key": (
        "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
        BASE_POINT.hex(),
        "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
    ),
    "6.1, the shared secret": (
        "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
        "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
        "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742",
    ),
}
# The u-coordinates of points whose order divides 8, on the curve and on its twist: https://cr.yp.to/ecdh.html#validate
ORDER_8 = (
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
)
LOW_ORDER = {"0": 0, "1": 1, "p - 1": P - 1, "order 8": ORDER_8[0], "the other of order 8": ORDER_8[1]}


def number(value: int) -> bytes:
    return value.to_bytes(32, "little")


async def agrees(probe: HarnessProbe, note: str, k: bytes, u: bytes) -> None:
    """The harness gives what the suite computes."""
    probe.matches(await probe.call(X25519, k=k, u=u), note, {"shared": REFERENCE.x25519(k, u)})


@case(
    "v3/library-primitives/x25519-published",
    "V3-PRIM-03",
    ACCEPTED,
    why=OTHER_SECRET,
    cause="numbers are taken as big-endian, or the function is that of another curve",
    needs=(X25519,),
)
async def x25519_published(probe: HarnessProbe) -> None:
    """The vectors of RFC 7748 give their published results."""
    for note, (k, u, published) in RFC_7748.items():
        reply = await probe.done(X25519, k=bytes.fromhex(k), u=bytes.fromhex(u))
        probe.ensure(reply["shared"] == published, f"{note}: {reply['shared']}, published is {published}")


@case(
    "v3/library-primitives/x25519-clamping",
    "V3-PRIM-03",
    ACCEPTED,
    why="a private key that was made elsewhere has another public key here; without the lowest bits cleared, a public key of low order tells something of it",
    cause="a private key is taken as it is, or clamped only where it is made",
    needs=(X25519,),
)
async def x25519_clamping(probe: HarnessProbe) -> None:
    """The five bits that clamping sets and clears do not count, alone and together; the ones beside them do."""
    k, u = int.from_bytes(random_bytes(32), "little"), REFERENCE.x25519_public(random_bytes(32))
    for bits in ((), (0,), (1,), (2,), (254,), (255,), (0, 1, 2, 254, 255), (3,), (253,)):
        changed = number(k ^ sum(1 << bit for bit in bits))
        await agrees(probe, f"bits changed: {', '.join(map(str, bits)) or 'none'}", changed, u)
    for note, key in (("zeros", bytes(32)), ("ones", b"\xff" * 32), ("the number 1", number(1))):
        await agrees(probe, f"a private key of {note}", key, u)
        await agrees(probe, f"the public key of {note}", key, BASE_POINT)


@case(
    "v3/library-primitives/x25519-random",
    "V3-PRIM-03",
    ACCEPTED,
    why=OTHER_SECRET,
    cause="a carry is lost, or a result is not reduced before it is encoded",
    needs=(X25519,),
)
async def x25519_random(probe: HarnessProbe) -> None:
    """Random keys, and public keys at the borders of words, limbs and of the field, give the results of RFC 7748."""
    for i in range(16):
        await agrees(probe, f"random keys, round {i}", random_bytes(32), random_bytes(32))
    edges = {f"2^{bit}": 1 << bit for bit in (26, 32, 51, 64, 102, 128, 153, 192, 204, 230, 254)}
    edges |= {f"{name} - 1": value - 1 for name, value in edges.items()}
    edges |= {"p - 2": P - 2, "p - 3": P - 3, "(p - 1) / 2": (P - 1) // 2}
    for note, value in edges.items():
        await agrees(probe, f"u is {note}", random_bytes(32), number(value))


@case(
    "v3/library-primitives/x25519-non-canonical",
    "V3-PRIM-04",
    ACCEPTED,
    why="of two ends of which one refuses such a key, or takes another number for it, one cannot talk to the other",
    cause="the key is compared with p, or the highest bit is taken for a part of the number",
    needs=(X25519,),
)
async def x25519_non_canonical(probe: HarnessProbe) -> None:
    """The highest bit of a public key is ignored, and each value from 2^255 - 17 to 2^255 - 1 is taken modulo p."""
    k = random_bytes(32)
    for note, value in (("9", 9), ("a random number", int.from_bytes(random_bytes(31), "little")), ("p - 2", P - 2)):
        await agrees(probe, f"u is {note}", k, number(value))
        await agrees(probe, f"u is {note} with the highest bit", k, number(value | 1 << 255))
    for value in range(2, 19):
        await agrees(probe, f"u is p + {value}", k, number(P + value))
    await agrees(probe, "u is all ones", k, b"\xff" * 32)


@case(
    "v3/library-primitives/x25519-twist",
    "V3-PRIM-04",
    ACCEPTED,
    why=WRONG_RESULT,
    cause="the arithmetic is right on the curve alone, or points of the twist are refused",
    needs=(X25519,),
)
async def x25519_twist(probe: HarnessProbe) -> None:
    """The numbers from 2 to 20 as public keys, of which some are on the curve and some on its twist, are all computed."""
    k = random_bytes(32)
    for value in range(2, 21):
        await agrees(probe, f"u is {value}", k, number(value))


@case(
    "v3/library-primitives/x25519-low-order",
    "V3-PRIM-05",
    ACCEPTED,
    why="a result that is not zero tells bits of the private key, and a crash is an attack by one request",
    cause="the number 0 is inverted, or the function refuses the point before the handshake can",
    needs=(X25519,),
)
async def x25519_low_order(probe: HarnessProbe) -> None:
    """All 14 encodings of points of low order give 32 zero bytes, with any private key."""
    await agrees(probe, "an ordinary public key", random_bytes(32), REFERENCE.x25519_public(random_bytes(32)))
    for note, value in LOW_ORDER.items():
        for encoded in (value, value + P):
            for top in (0, 1 << 255) if encoded < 1 << 255 else ():
                how = ("" if encoded == value else ", not canonical") + (", with the highest bit" if top else "")
                for key, k in (("random", random_bytes(32)), ("zeros", bytes(32))):
                    reply = await probe.call(X25519, k=k, u=number(encoded | top))
                    probe.matches(reply, f"{note}{how}, private key {key}", {"shared": bytes(32)})


@case(
    "v3/library-primitives/x25519-lengths",
    "V3-PRIM-06",
    "ISO-1002",
    why="a short key is filled with whatever stands behind it in memory, and a long one is cut: two keys are one",
    cause="the lengths are left to the caller",
    needs=(X25519,),
)
async def x25519_lengths(probe: HarnessProbe) -> None:
    """Private and public keys of 0, 1, 31, 33 and 64 bytes are refused."""
    k, u = random_bytes(32), REFERENCE.x25519_public(random_bytes(32))
    await agrees(probe, "the right lengths", k, u)
    probe.sound()
    for size in (0, 1, 31, 33, 64):
        probe.judge(await probe.call(X25519, k=(k + k)[:size], u=u), f"private key of {size} bytes")
        probe.judge(await probe.call(X25519, k=k, u=(u + u)[:size]), f"public key of {size} bytes")
