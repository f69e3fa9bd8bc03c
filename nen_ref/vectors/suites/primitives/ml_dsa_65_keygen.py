"""primitives/ml_dsa_65_keygen: FIPS 204, algorithm 6.

Not here, because no search finds it: a polynomial of A that needs a sixth block of SHAKE128 (chance below 2^-127).
Nothing can be refused: every xi of 32 bytes has a key pair.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from nen_ref.primitives import ml_dsa
from nen_ref.primitives.ml_dsa import ML_DSA_65, T0_MAX
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Event, Flag, Found, Group, Test, VectorSuite, valid
from nen_ref.vectors.suites.ml_dsa_tools import K, L, in_order, slug

REJ_NTT = ("FIPS 204, algorithm 30", "FIPS 204, algorithm 14")
REJ_BOUNDED = ("FIPS 204, algorithm 31",)
POWER2ROUND = ("FIPS 204, algorithm 35",)
OTHER_MATRIX = "both sides compute with another A: of this key no signature verifies elsewhere"
OTHER_PK = "the public key is another, though only in one bit, and nothing that it signs verifies elsewhere"

FLAGS = {
    "Basic": Flag(
        "basic",
        "seeds of no special kind; the seed is hashed together with the bytes k = 6 and l = 5",
        "keys cannot be restored from their seed elsewhere; drafts of the standard hashed the seed alone",
        ("FIPS 204, algorithm 6, line 1",),
    ),
    "SpecialSeed": Flag("edge case", "seeds of one repeated byte, or a single bit", "a seed is cut, padded or ignored"),
    "LongRejBoundedPoly": Flag(
        "edge case",
        "a polynomial of s1 or s2 that takes more than 272 bytes of SHAKE256, two blocks",
        "a sampler with a buffer of fixed size reads past it or repeats itself, for one key in ten thousand",
        REJ_BOUNDED,
    ),
    "ManyRejectedInA": Flag(
        "edge case", "a polynomial of A for which four candidates or more are rejected", OTHER_MATRIX, REJ_NTT
    ),
    "CandidateQ": Flag(
        "edge case", "a candidate for a coefficient of A is q, which is rejected", OTHER_MATRIX, REJ_NTT
    ),
    "CandidateQMinus1": Flag(
        "edge case", "a candidate for a coefficient of A is q - 1, which is taken", OTHER_MATRIX, REJ_NTT
    ),
    "CandidateZero": Flag(
        "edge case", "a candidate for a coefficient of A is 0, which is taken", OTHER_MATRIX, REJ_NTT
    ),
    "T0Max": Flag(
        "edge case", "a coefficient of t leaves the remainder 4096, the greatest of t0", OTHER_PK, POWER2ROUND
    ),
    "T0Min": Flag("edge case", "a coefficient of t leaves the remainder -4095, the least of t0", OTHER_PK, POWER2ROUND),
    "TQMinus1": Flag("edge case", "a coefficient of t is q - 1: t1 has 1023 and t0 has 0", OTHER_PK, POWER2ROUND),
}


# Events


def expanded(xi: bytes) -> tuple[bytes, bytes]:
    """Algorithm 6, line 1: rho and rho_prime."""
    seed = ml_dsa.H(xi + bytes([K, L]), 128)
    return seed[:32], seed[32:96]


def long_bounded(xi: bytes) -> bool:
    rho_prime = expanded(xi)[1]
    streams = (ml_dsa.H(rho_prime + r.to_bytes(2, "little"), 272) for r in range(K + L))
    return any(sum(stream.translate(TAKEN_OF_BYTE)) < 256 for stream in streams)


TAKEN_OF_BYTE = bytes(len(ml_dsa.coeffs_from_byte(ML_DSA_65.eta, z)) for z in range(256))
"""How many coefficients each byte gives: a table for bytes.translate."""


def candidates_of_a(xi: bytes) -> Iterator[list[int]]:
    """The candidates that RejNTTPoly looks at, for each polynomial of A."""
    rho = expanded(xi)[0]
    for r in range(K):
        for s in range(L):
            stream = ml_dsa.G(rho + bytes([s, r]), 5 * 168)
            words = [int.from_bytes(stream[i : i + 3], "little") & 0x7FFFFF for i in range(0, len(stream), 3)]
            rejected = 0
            while (more := sum(z >= ml_dsa.q for z in words[: 256 + rejected])) > rejected:
                rejected = more
            yield words[: 256 + rejected]


def candidate_is(value: int) -> Callable[[bytes], bool]:
    return lambda xi: any(value in words for words in candidates_of_a(xi))


def many_rejected(xi: bytes) -> bool:
    return any(len(words) >= 260 for words in candidates_of_a(xi))


def t0_is(value: int) -> Callable[[bytes], bool]:
    return lambda xi: any(value in f for f in secret_parts(xi).t0)


def t_is_q_minus_1(xi: bytes) -> bool:
    pk, sk = ml_dsa.keygen_internal(ML_DSA_65, xi)
    t1, t0 = ml_dsa.pk_decode(ML_DSA_65, pk).t1, ml_dsa.sk_decode(ML_DSA_65, sk).t0
    return any((1023, 0) in zip(high, low, strict=True) for high, low in zip(t1, t0, strict=True))


def secret_parts(xi: bytes) -> ml_dsa.PrivateKey:
    return ml_dsa.sk_decode(ML_DSA_65, ml_dsa.keygen_internal(ML_DSA_65, xi).sk)


SEARCHES: Mapping[str, tuple[Callable[[bytes], bool], int]] = {
    "LongRejBoundedPoly": (long_bounded, 13_000),
    "ManyRejectedInA": (many_rejected, 250),
    "CandidateQ": (candidate_is(ml_dsa.q), 1100),
    "CandidateQMinus1": (candidate_is(ml_dsa.q - 1), 1100),
    "CandidateZero": (candidate_is(0), 1100),
    "T0Max": (t0_is(T0_MAX), 6),
    "T0Min": (t0_is(1 - T0_MAX), 6),
    "TQMinus1": (t_is_q_minus_1, 5500),
}
"""What to look for in the key pair of a seed, and about how many seeds that takes."""


def seed_of(draw: Draw, name: str, i: int) -> bytes:
    return draw(f"{name}/xi/{i}")


def event(name: str) -> Event:
    occurs, tries = SEARCHES[name]
    return Event(name, FLAGS[name].says, lambda draw, i: occurs(seed_of(draw, name, i)), tries)


# Vectors


def fixed(draw: Draw, found: Found) -> list[Group]:
    special = {
        "zero": ("a seed of zero bytes", bytes(32)),
        "ff": ("a seed of bytes ff", b"\xff" * 32),
        "counting": ("a seed of the bytes 00 to 1f", bytes(range(32))),
        "first-bit": ("a seed with its first bit alone", b"\x01" + bytes(31)),
        "last-bit": ("a seed with its last bit alone", bytes(31) + b"\x80"),
    }
    return [
        Group("seeds of few different bytes", tuple(
            valid(f"seed-{name}", comment, {"xi": xi}, "SpecialSeed") for name, (comment, xi) in special.items()
        )),
        Group("seeds whose key pair has something rare", tuple(
            valid(slug(name), FLAGS[name].says, {"xi": seed_of(draw, name, i)}, name)
            for name, i in in_order(found, SEARCHES)
        )),
    ]  # fmt: skip


def random(draw: Draw, i: int) -> Test:
    return valid(f"random-{i}", "a seed of no special kind", {"xi": draw("xi")}, "Basic")


def intermediate(a: dict[str, Any]) -> Mapping[str, Any]:
    rho, rho_prime = expanded(a["xi"])
    sk = ml_dsa.keygen_internal(ML_DSA_65, a["xi"]).sk
    return {"rho": rho, "rho_prime": rho_prime, "K": sk[32:64], "tr": sk[64:128]}


SUITE = VectorSuite(
    name="primitives/ml_dsa_65_keygen",
    title="ML-DSA-65 key generation",
    operation="ml_dsa_65.keygen",
    covers=("FIPS 204, algorithm 6",),
    flags=FLAGS,
    fixed=fixed,
    random=random,
    count=20,
    events=tuple(event(name) for name in SEARCHES),
    intermediate=intermediate,
)
