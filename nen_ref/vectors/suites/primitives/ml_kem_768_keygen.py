"""primitives/ml_kem_768_keygen: FIPS 203, algorithm 16."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nen_ref.primitives.ml_kem import G, H, byte_encode_vector, q, sample_vector
from nen_ref.vectors.alter import flipped
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Found, Group, Test, VectorSuite, valid
from nen_ref.vectors.suites.ml_kem_tools import (
    ETA,
    INTERMEDIATE_NOTES,
    SAMPLING,
    SAMPLING_FLAGS,
    K,
    Rare,
    digest,
    extreme_at_ends,
    generation,
    is_large,
    samplings,
    shown,
)

ENCODING = ("FIPS 203, algorithm 5", "FIPS 203, section 4.2.1")

FLAGS = {
    "Basic": Flag("basic", "ordinary seeds", "no key pair is the one that the seed stands for"),
    "SeedPattern": Flag(
        "edge case",
        "seeds of one value, or that count: mixed up halves, a wrong end or a lost byte of the seed show at once",
        "a key that was stored as its seed cannot be restored elsewhere",
        ("FIPS 203, algorithm 16",),
    ),
    "ParameterSetByte": Flag(
        "confusion",
        "d, z and k: rho and sigma come out of G(d || 3); versions before August 2024 left the 3 out",
        "one seed gives related keys in two parameter sets, or those of a draft that work with nobody",
        ("FIPS 203, algorithm 13, line 1", "FIPS 203, appendix C.2"),
    ),
    "OnlyZ": Flag(
        "edge case",
        "key pairs of one d that differ in z: ek is the same, and dk differs in its last 32 bytes only",
        "if z has no part in it, or has one in ek, implicit rejection is predictable or keys are not reproducible",
        ("FIPS 203, algorithm 16, line 3",),
    ),
    **SAMPLING_FLAGS,
}


def of_noise(d: bytes) -> list[list[int]]:
    """s and e."""
    return sample_vector(G(d + bytes([K]))[1], range(2 * K), ETA)


def coefficients(d: bytes) -> list[int]:
    """Those of t_hat."""
    return [x for f in generation(d).t_hat for x in f]


def secret_coefficients(d: bytes) -> list[int]:
    """Those of s_hat."""
    return [x for f in generation(d).s_hat for x in f]


COMPUTED = (
    Rare(
        "TFirstIsQMinus1",
        "a coefficient of t_hat of even index is q-1, and none of odd index",
        12,
        lambda d: q - 1 in (t := coefficients(d))[0::2] and q - 1 not in t[1::2],
        Flag("edge case", "t_hat has q-1 = 3328 at an even index: its upper nibble shares a byte with the next",
             "a reduction that ends in -1 .. q-2, or an encoding that loses a bit, gives another key", ENCODING),
        "t-hat-even-is-3328",
    ),
    Rare(
        "TSecondIsQMinus1",
        "a coefficient of t_hat of odd index is q-1, and none of even index",
        12,
        lambda d: q - 1 in (t := coefficients(d))[1::2] and q - 1 not in t[0::2],
        Flag("edge case", "t_hat has q-1 = 3328 at an odd index: its lower nibble shares a byte with the one before",
             "a reduction that ends in -1 .. q-2, or an encoding that loses a bit, gives another key", ENCODING),
        "t-hat-odd-is-3328",
    ),
    Rare(
        "TIsZero",
        "coefficients of t_hat of even and of odd index are zero",
        100,
        lambda d: 0 in (t := coefficients(d))[0::2] and 0 in t[1::2],
        Flag("edge case", "t_hat has exactly 0 at an even and at an odd index",
             "a reduction that ends in 1 .. q writes q, which everybody else refuses", ENCODING),
        "t-hat-is-0",
    ),
    Rare(
        "SHatExtremes",
        "s_hat has both 0 and q-1 among its coefficients",
        25,
        lambda d: {0, q - 1} <= set(secret_coefficients(d)),
        Flag("edge case", "s_hat has exactly 0 and exactly q-1",
             "a secret key that is not fully reduced is refused or misread elsewhere", ENCODING),
        "s-hat-is-0-and-3328",
    ),
    Rare(
        "NoiseLarge",
        "a polynomial of s or e whose coefficients are far from zero in sum",
        1000,
        lambda d: is_large(of_noise(d)),
        Flag("edge case", "noise that is unusually large, 3.5 standard deviations above the mean of a polynomial",
             "arithmetic that delays its reductions overflows only here", ("FIPS 203, algorithm 8",)),
        "noise-large",
    ),
    Rare(
        "NoiseExtremes",
        "the first coefficient of s is 2, and the last of e is -2",
        256,
        lambda d: extreme_at_ends(of_noise(d)),
        Flag("edge case", "the first coefficient of the noise is its maximum and the last one its minimum, q-2",
             "a wrong sign, or bits in another order, at the ends of the array", ("FIPS 203, algorithm 8",)),
        "noise-extremes",
    ),
)  # fmt: skip

FLAGS |= {rare.name: rare.flag for rare in COMPUTED}


def fixed(draw: Draw, found: Found) -> list[Group]:
    return [
        Group("seeds that are patterns", tuple(patterns(draw))),
        Group("one d, several z", tuple(of_z(draw)), {"d": draw("d-of-several-z")}),
        Group("rare events in the sampling of the matrix", tuple(
            shown(SAMPLING, draw, found, lambda d: {"d": d, "z": draw("z")})
        )),
        Group("rare values of the keys", tuple(shown(COMPUTED, draw, found, lambda d: {"d": d, "z": draw("z")}))),
    ]  # fmt: skip


def patterns(draw: Draw) -> list[Test]:
    same = draw("same")
    k = draw("k", 31) + b"\3"
    return [
        valid("zeros", "d and z are zero bytes", {"d": bytes(32), "z": bytes(32)}, "SeedPattern", "ParameterSetByte"),
        valid("ones", "all bits of d and z are set", {"d": b"\xff" * 32, "z": b"\xff" * 32}, "SeedPattern"),
        valid("counting", "d and z count up", {"d": bytes(range(32)), "z": bytes(range(32, 64))}, "SeedPattern"),
        valid("same", "d and z are the same", {"d": same, "z": same}, "SeedPattern"),
        valid("first-bit", "only the lowest bit of d's first byte is set", {"d": b"\1" + bytes(31), "z": bytes(32)},
              "SeedPattern"),
        valid("last-bit", "only the highest bit of d's last byte is set", {"d": bytes(31) + b"\x80", "z": bytes(32)},
              "SeedPattern"),
        valid("d-ends-with-3", "d ends with the parameter set's byte", {"d": k, "z": bytes(32)}, "ParameterSetByte"),
    ]  # fmt: skip


def of_z(draw: Draw) -> list[Test]:
    z = draw("z-of-several")
    return [
        valid("z-random", "some z", {"z": z}, "OnlyZ"),
        valid(
            "z-last-bit", "z differs from the one before in one bit of its last byte", {"z": flipped(z, -1)}, "OnlyZ"
        ),
        valid("z-zero", "z is zero", {"z": bytes(32)}, "OnlyZ"),
    ]  # fmt: skip


def random(draw: Draw, i: int) -> Test:
    return valid(f"random-{i}", "any two seeds", {"d": draw("d"), "z": draw("z")}, "Basic")


def intermediate(a: dict[str, Any]) -> Mapping[str, Any]:
    made = generation(a["d"])
    return {
        "rho": made.rho,
        "sigma": made.sigma,
        "bytes_read": [s.size for s in samplings(made.rho)],
        "A_hat_sha3_256": digest(*(f for row in made.A_hat for f in row)),
        "A_hat_0_0_begins": made.A_hat[0][0][:8],
        "A_hat_0_1_begins": made.A_hat[0][1][:8],
        "s_sha3_256": digest(*made.s),
        "e_sha3_256": digest(*made.e),
        "s_hat_sha3_256": digest(*made.s_hat),
        "t_hat_sha3_256": digest(*made.t_hat),
        "H_ek": H(byte_encode_vector(made.t_hat, 12) + made.rho),
    }


SUITE = VectorSuite(
    name="primitives/ml_kem_768_keygen",
    title="ML-KEM-768, key generation from the seed (d, z)",
    notes=INTERMEDIATE_NOTES,
    operation="ml_kem_768.keygen",
    covers=("FIPS 203, algorithm 16", "V1-PRIM-01"),
    flags=FLAGS,
    fixed=fixed,
    random=random,
    count=16,
    events=tuple(rare.event() for rare in (*SAMPLING, *COMPUTED)),
    intermediate=intermediate,
)
