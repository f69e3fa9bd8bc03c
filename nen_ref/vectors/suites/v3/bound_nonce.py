"""v3/bound_nonce: the nonce that commits to the handshake."""

from __future__ import annotations

from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Found, Group, Test, VectorSuite, valid
from nen_ref.vectors.suites.v3_tools import alike, flags, one_byte_at_a_time

SIZES = (
    ("ct", 1088),
    ("pk_x_server", 32),
)

PQC_ONLY = Flag(
    "edge case",
    "an absent key is hashed as the empty text, its length with it",
    "the two modes have one nonce, and one is taken for the other",
    ("V3-ID-07",),
)


def fixed(draw: Draw, found: Found) -> list[Group]:
    return [
        Group("each byte matters", tuple(one_byte_at_a_time(draw, *SIZES))),
        Group("bits that are all alike", tuple(alike(draw, *SIZES))),
        Group(
            "without X25519",
            (
                valid(
                    "pqc-only",
                    "in pqc-only the server has no X25519 key",
                    {"ct": draw("pqc", 1088), "pk_x_server": b""},
                    "PqcOnly",
                ),
            ),
        ),
    ]


def random(draw: Draw, i: int) -> Test:
    return valid(f"random-{i}", "drawn values", {name: draw(name, size) for name, size in SIZES}, "Basic")


SUITE = VectorSuite(
    name="v3/bound_nonce",
    title="The nonce that commits to the handshake",
    operation="v3.bound_nonce",
    covers=("V3-ID-07",),
    flags=flags("Basic", "AllBitsAlike", PqcOnly=PQC_ONLY),
    fixed=fixed,
    random=random,
    count=8,
)
