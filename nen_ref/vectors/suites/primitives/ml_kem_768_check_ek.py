"""primitives/ml_kem_768_check_ek: FIPS 203, section 7.2, the two checks before every encapsulation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nen_ref.primitives.ml_kem import ML_KEM_768, q
from nen_ref.primitives.suite import REFERENCE
from nen_ref.vectors.alter import with_coefficient
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Found, Group, Test, VectorSuite, invalid, valid
from nen_ref.vectors.suites.ml_kem_tools import (
    EK_CHECK,
    EK_FLAGS,
    POSITIONS,
    T_SIZE,
    K,
    alias,
    coefficient,
    coefficient_test,
    confusion_tests,
    length_tests,
)

FLAGS = {
    "Basic": Flag("basic", "keys that key generation made", "no handshake succeeds"),
    **EK_FLAGS,
    "BitOrder": Flag(
        "confusion",
        "two coefficients in three bytes that are in range in one order of the bits, and not in the other",
        "a check that reads other numbers than the arithmetic does lets coefficients above q through",
        ("FIPS 203, algorithm 3", "FIPS 203, algorithm 6", "FIPS 203, section 7.2, step 2"),
    ),
    "OnlyTHat": Flag(
        "edge case",
        "the last 32 bytes are rho: whatever they are, they are no coefficients and are not checked",
        "good keys are refused",
        EK_CHECK,
    ),
    "ExtremeKey": Flag(
        "edge case",
        "keys all of whose coefficients are one number; FIPS 203 has no check for weak keys",
        "none by itself: whoever makes such a key gives away its own secret",
        EK_CHECK,
    ),
}

VALUES_ABOVE = (3330, 3331, 3583, 3584, 3839, 3840, 4094)
"""Above q, on both sides of where the upper nibble changes; 4095 has its own vectors."""


def key(draw: Draw) -> bytes:
    return REFERENCE.ml_kem_768_keygen(draw("d"), draw("z")).ek


def fixed(draw: Draw, found: Found) -> list[Group]:
    ek = key(draw)
    return [
        Group("one coefficient is q-1, in every position", everywhere(ek, q - 1, POSITIONS)),
        Group("one coefficient is q, in every position", everywhere(ek, q, POSITIONS)),
        Group("one coefficient is 4095, in every position", everywhere(ek, 4095, (0, 127, 128, 255))),
        Group("one coefficient is another number above q", tuple(
            [coefficient_test(ek, q + 1, polynomial, index, {}) for polynomial, index in ((0, 0), (1, 127), (2, 255))]
            + [coefficient_test(ek, value, 1, 40 + at, {}) for at, value in enumerate(VALUES_ABOVE[1:])]
        )),
        Group("several coefficients are out of range, or all are the same", tuple(many(draw, ek))),
        Group("packing and bounds", tuple(packings(draw, ek))),
        Group("lengths", tuple(length_tests(ek, {}))),
        Group("other forms of a good key", tuple(confusion_tests(draw, ek, {}))),
    ]  # fmt: skip


def everywhere(ek: bytes, value: int, indices: tuple[int, ...]) -> tuple[Test, ...]:
    return tuple(coefficient_test(ek, value, polynomial, index, {}) for polynomial in range(K) for index in indices)


def many(draw: Draw, ek: bytes) -> list[Test]:
    rho = draw("rho")
    return [
        invalid("alias-one", "q is added to one coefficient, which gives the same key modulo q", {"ek": alias(ek, 1)},
                "AliasOfKey"),
        invalid("alias-all", "q is added to every coefficient that then still has 12 bits", {"ek": alias(ek, 256 * K)},
                "AliasOfKey"),
        invalid("two-out-of-range", "two coefficients of one pair are 4095 and 4095, the rest of the key is good",
                {"ek": ek[:3] + b"\xff" * 3 + ek[6:]}, "CoefficientAboveQ"),
        invalid("all-bits-set", "all 1184 bytes are ff", {"ek": b"\xff" * 1184}, "CoefficientAboveQ"),
        invalid("all-q", "every coefficient is q: the zero vector modulo q", {"ek": filled(q) + rho}, "AliasOfKey"),
        invalid("random-bytes", "1184 bytes of chance, of which one coefficient in five is too large",
                {"ek": draw("random-bytes", 1184)}, "CoefficientAboveQ"),
        valid("all-0", "every coefficient is 0", {"ek": filled(0) + rho}, "ExtremeKey"),
        valid("all-3328", "every coefficient is q-1", {"ek": filled(q - 1) + rho}, "ExtremeKey", "LargestCoefficient"),
        valid("all-zero-bytes", "all 1184 bytes are zero", {"ek": bytes(1184)}, "ExtremeKey"),
    ]  # fmt: skip


def filled(value: int) -> bytes:
    """A t_hat of this coefficient only."""
    pair = (value | value << 12).to_bytes(3, "little")
    return pair * (T_SIZE // 3)


def packings(draw: Draw, ek: bytes) -> list[Test]:
    rho = draw("rho")
    zero = bytes(T_SIZE - 3) + rho
    return [
        invalid("only-little-endian-3329", "bytes 01 0d 00 are 3329 and 0; in the other order of nibbles, 16 and 3328",
                {"ek": b"\x01\x0d\x00" + zero}, "BitOrder"),
        invalid("only-little-endian-4095-second", "bytes 00 f0 ff are 0 and 4095; in the other order, 15 and 255",
                {"ek": b"\x00\xf0\xff" + zero}, "BitOrder"),
        valid("only-big-endian-4080", "bytes ff 00 00 are 255 and 0; in the other order of nibbles, 4080 and 0",
              {"ek": b"\xff\x00\x00" + zero}, "BitOrder"),
        valid("only-big-endian-3536-second",
              "bytes 00 0d d0 are 3328 and 3328; in the other order of nibbles, 0 and 3536",
              {"ek": b"\x00\x0d\xd0" + zero}, "BitOrder"),
        invalid("rho-first", "rho stands before t_hat", {"ek": ek[T_SIZE:] + ek[:T_SIZE]}, "EkConfusion"),
        valid("rho-of-ones", "all bits of rho are set", {"ek": ek[:T_SIZE] + b"\xff" * 32}, "OnlyTHat"),
        valid("rho-of-zeros", "rho is zero", {"ek": ek[:T_SIZE] + bytes(32)}, "OnlyTHat"),
        valid("rho-begins-above-q", "rho begins with bytes that were 4095 if they were a coefficient",
              {"ek": ek[:T_SIZE] + b"\xff\x0f" + ek[T_SIZE + 2:]}, "OnlyTHat"),
    ]  # fmt: skip


def random(draw: Draw, i: int) -> Test:
    """Good keys, and every second one with one coefficient that is not."""
    ek = key(draw)
    if i % 2:
        return valid(f"random-{i}", "a key of key generation", {"ek": ek}, "Basic")
    index, value = draw.below("index", 256 * K), q + draw.below("value", 4096 - q)
    flag = "CoefficientQ" if value == q else "CoefficientAboveQ"
    comment = f"coefficient {index % 256} of polynomial {index // 256} is {value}"
    return invalid(f"random-{i}", comment, {"ek": with_coefficient(ek, index, value)}, flag)


def intermediate(a: dict[str, Any]) -> Mapping[str, Any]:
    if len(a["ek"]) != ML_KEM_768.ek_size:
        return {"ek_size": len(a["ek"])}
    wrong = [index for index in range(256 * K) if coefficient(a["ek"], index) >= q]
    first = {"first_at": wrong[0], "first_is": coefficient(a["ek"], wrong[0])} if wrong else {}
    return {"ek_size": len(a["ek"]), "coefficients_not_below_q": len(wrong)} | first


SUITE = VectorSuite(
    name="primitives/ml_kem_768_check_ek",
    title="ML-KEM-768, check of an encapsulation key",
    operation="ml_kem_768.check_ek",
    covers=("FIPS 203, section 7.2", "V1-PRIM-02"),
    flags=FLAGS,
    fixed=fixed,
    random=random,
    count=20,
    intermediate=intermediate,
)
