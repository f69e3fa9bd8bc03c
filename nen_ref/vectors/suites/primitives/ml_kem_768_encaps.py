"""primitives/ml_kem_768_encaps: FIPS 203, algorithm 17, after the check of section 7.2."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nen_ref.primitives.errors import PrimitiveError
from nen_ref.primitives.ml_kem import G, H, q, sample_vector
from nen_ref.primitives.suite import REFERENCE
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Event, Flag, Found, Group, Test, VectorSuite, invalid, valid
from nen_ref.vectors.suites.ml_kem_tools import (
    EK_FLAGS,
    ETA,
    INTERMEDIATE_NOTES,
    SAMPLING,
    SAMPLING_FLAGS,
    T_SIZE,
    Encryption,
    K,
    alias,
    coefficient_test,
    confusion_tests,
    encryption,
    encryption_intermediate,
    extreme_at_ends,
    is_large,
    length_tests,
    shown,
)

COMPRESSION = ("FIPS 203, equation 4.7", "FIPS 203, section 4.2.1")
NOISE = ("FIPS 203, algorithm 8", "FIPS 203, algorithm 14, lines 9 to 17")

FLAGS = {
    "Basic": Flag("basic", "a key of key generation and any m", "no handshake succeeds"),
    "MessagePattern": Flag(
        "edge case",
        "messages of few or of nearly all bits, each of which becomes a coefficient 0 or 1665",
        "bits in another order within a byte give ciphertexts that only the same mistake decrypts",
        ("FIPS 203, algorithm 14, line 20", "FIPS 203, equation 4.8"),
    ),
    "RhoPattern": Flag(
        "edge case",
        "rho, which need not be random, is of one value",
        "none by itself: a key of another implementation is refused",
        ("FIPS 203, section 7.2",),
    ),
    "ZeroKey": Flag(
        "edge case",
        "t_hat is zero, which the check lets pass: v is noise and message only",
        "none by itself: whoever makes such a key gives away its own secret",
        ("FIPS 203, section 7.2",),
    ),
    **SAMPLING_FLAGS,
    **EK_FLAGS,
}


def key(draw: Draw, label: str = "key") -> bytes:
    return REFERENCE.ml_kem_768_keygen(draw(f"{label}/d"), draw(f"{label}/z")).ek


def noise_of(ek: bytes, m: bytes) -> list[list[int]]:
    """y, e1 and e2."""
    return sample_vector(G(m + H(ek))[1], range(2 * K + 1), ETA)


def encryption_of(ek: bytes, m: bytes) -> Encryption:
    return encryption(ek, m, G(m + H(ek))[1])


def has_u(value: int) -> Callable[[bytes, bytes], bool]:
    return lambda ek, m: any(value in f for f in encryption_of(ek, m).u)


def has_v(value: int) -> Callable[[bytes, bytes], bool]:
    return lambda ek, m: value in encryption_of(ek, m).v


ROUNDED = (
    ("UWraps", "u-is-3328", "u", q - 1, 5, "the only one that Compress_10 rounds up to 1024, which is 0"),
    ("UBelowWrap", "u-is-3327", "u", q - 2, 5, "the largest that Compress_10 does not round up to 1024"),
    ("UToZero", "u-is-1", "u", 1, 5, "Compress_10 rounds it down to 0"),
    ("UToOne", "u-is-2", "u", 2, 5, "Compress_10 rounds it up to 1"),
    ("UJustDown", "u-is-1250", "u", 1250, 5, "the closest to a half that Compress_10 rounds down: 384.4998"),
    ("UJustUp", "u-is-2079", "u", 2079, 5, "the closest to a half that Compress_10 rounds up: 639.5002"),
    ("VWraps", "v-is-3225", "v", 3225, 14, "the smallest that Compress_4 rounds up to 16, which is 0: 15.5002"),
    ("VBelowWrap", "v-is-3224", "v", 3224, 14, "the largest that Compress_4 does not round up to 16"),
    ("VToZero", "v-is-104", "v", 104, 14, "the largest that Compress_4 rounds down to 0: 0.4998"),
    ("VToOne", "v-is-105", "v", 105, 14, "the smallest that Compress_4 rounds up to 1"),
)
"""Name, id, polynomial, coefficient before compression, tries, and what is special about it."""

MESSAGES: dict[str, tuple[str, int, Callable[[bytes, bytes], bool]]] = {
    name: (id, tries, has_u(value) if where == "u" else has_v(value)) for name, id, where, value, tries, _ in ROUNDED
} | {
    "NoiseLarge": ("noise-large", 800, lambda ek, m: is_large(noise_of(ek, m))),
    "NoiseExtremes": ("noise-extremes", 256, lambda ek, m: extreme_at_ends(noise_of(ek, m))),
}
"""Events of m under the key of the suite."""

FLAGS |= {
    name: Flag(
        "edge case",
        f"a coefficient of {where}, before compression, is {value}: {special}",
        "rounding that is off by one, by division in floating point or by a multiplication in its place, gives another "
        "ciphertext, and decapsulation, which encrypts again, rejects what is good",
        COMPRESSION,
    )
    for name, _, where, value, _, special in ROUNDED
} | {
    "NoiseLarge": Flag(
        "edge case",
        "a polynomial of y, e1 or e2 that is unusually large, 3.5 standard deviations above the mean",
        "arithmetic that delays its reductions overflows only here",
        NOISE,
    ),
    "NoiseExtremes": Flag(
        "edge case",
        "the first coefficient of y is its maximum, 2, and the last of e2 its minimum, q-2",
        "a wrong sign, or bits in another order, at the ends of the array",
        NOISE,
    ),
}


def searched(draw: Draw, name: str, i: int) -> bytes:
    return draw(f"search/{name}/{i}")


def event(name: str) -> Event:
    _, tries, occurs = MESSAGES[name]
    return Event(name, FLAGS[name].says, lambda draw, i: occurs(key(draw), searched(draw, name, i)), tries)


def fixed(draw: Draw, found: Found) -> list[Group]:
    ek, m = key(draw), draw("m")
    return [
        Group("messages that are patterns", tuple(messages()), {"ek": ek}),
        Group("keys with rare events in the sampling of the matrix", tuple(
            shown(SAMPLING, draw, found, lambda d: {"ek": REFERENCE.ml_kem_768_keygen(d, bytes(32)).ek})
        ), {"m": m}),
        Group("messages that give rare noise, or coefficients at an edge of rounding", tuple(
            valid(id, FLAGS[name].says, {"m": searched(draw, name, found[name])}, name)
            for name, (id, _, _) in MESSAGES.items() if name in found
        ), {"ek": ek}),
        Group("unusual keys that pass the check", tuple(unusual(draw, ek)), {"m": m}),
        Group("keys with a coefficient that is not below q", tuple(unreduced(draw, ek)), {"m": m}),
        Group("keys of another length or form", (*length_tests(ek, {}), *confusion_tests(draw, ek, {})), {"m": m}),
    ]  # fmt: skip


def messages() -> list[Test]:
    patterns = [
        ("m-zeros", "m is zero", bytes(32)),
        ("m-ones", "all bits of m are set", b"\xff" * 32),
        ("m-first-bit", "only the lowest bit of the first byte of m is set, which is coefficient 0", b"\1" + bytes(31)),
        ("m-bit-7", "only the highest bit of the first byte of m is set, which is coefficient 7", b"\x80" + bytes(31)),
        ("m-last-bit", "only the highest bit of the last byte of m is set, coefficient 255", bytes(31) + b"\x80"),
        ("m-even-bits", "the bits of m of even index are set", b"\x55" * 32),
        ("m-odd-bits", "the bits of m of odd index are set", b"\xaa" * 32),
        ("m-counting", "m counts from 0 to 31", bytes(range(32))),
    ]
    return [valid(id, comment, {"m": m}, "MessagePattern") for id, comment, m in patterns]


def unusual(draw: Draw, ek: bytes) -> list[Test]:
    largest = [
        coefficient_test(ek, q - 1, polynomial, at, {}) for polynomial, at in ((0, 0), (0, 1), (1, 128), (2, 255))
    ]
    return [
        *largest,
        valid("all-3328", "every coefficient of t_hat is q-1", {"ek": b"\x00\x0d\xd0" * 384 + ek[T_SIZE:]},
              "LargestCoefficient"),
        valid("all-0", "t_hat is zero", {"ek": bytes(T_SIZE) + ek[T_SIZE:]}, "ZeroKey"),
        valid("rho-of-zeros", "rho is zero", {"ek": ek[:T_SIZE] + bytes(32)}, "RhoPattern"),
        valid("rho-of-ones", "all bits of rho are set", {"ek": ek[:T_SIZE] + b"\xff" * 32}, "RhoPattern"),
    ]  # fmt: skip


def unreduced(draw: Draw, ek: bytes) -> list[Test]:
    exactly_q = [coefficient_test(ek, q, polynomial, at, {}) for polynomial in range(K) for at in (0, 1, 128, 255)]
    above = [
        coefficient_test(ek, 4095, polynomial, at, {})
        for polynomial, at in ((0, 0), (0, 1), (1, 127), (2, 254), (2, 255))
    ]
    return [
        *exactly_q,
        *above,
        coefficient_test(ek, q + 1, 0, 2, {}),
        coefficient_test(ek, q + 1, 2, 253, {}),
        coefficient_test(ek, 3583, 1, 100, {}),
        coefficient_test(ek, 3584, 1, 101, {}),
        invalid("alias-one", "q is added to one coefficient, which gives the same key modulo q", {"ek": alias(ek, 1)},
                "AliasOfKey"),
        invalid("alias-all", "q is added to every coefficient that then still has 12 bits", {"ek": alias(ek, 256 * K)},
                "AliasOfKey"),
        invalid("all-bits-set", "all 1184 bytes are ff", {"ek": b"\xff" * 1184}, "CoefficientAboveQ"),
        invalid("random-bytes", "1184 bytes of chance, of which one coefficient in five is too large",
                {"ek": draw("random-bytes", 1184)}, "CoefficientAboveQ"),
        invalid("rho-first", "rho stands before t_hat", {"ek": ek[T_SIZE:] + ek[:T_SIZE]}, "EkConfusion"),
    ]  # fmt: skip


def random(draw: Draw, i: int) -> Test:
    return valid(f"random-{i}", "a key of key generation and any m", {"ek": key(draw), "m": draw("m")}, "Basic")


def intermediate(a: dict[str, Any]) -> Mapping[str, Any]:
    try:
        REFERENCE.ml_kem_768_check_ek(a["ek"])
    except PrimitiveError:
        return {}
    hash_of_ek = H(a["ek"])
    _, r = G(a["m"] + hash_of_ek)
    return {"H_ek": hash_of_ek, "r": r, **encryption_intermediate(a["ek"], a["m"], r)}


SUITE = VectorSuite(
    name="primitives/ml_kem_768_encaps",
    title="ML-KEM-768, encapsulation with given randomness m",
    notes=INTERMEDIATE_NOTES,
    operation="ml_kem_768.encaps",
    covers=("FIPS 203, algorithm 17", "FIPS 203, section 7.2", "V1-PRIM-01", "V1-PRIM-02"),
    flags=FLAGS,
    fixed=fixed,
    random=random,
    count=12,
    events=(*(rare.event() for rare in SAMPLING), *(event(name) for name in MESSAGES)),
    intermediate=intermediate,
)
