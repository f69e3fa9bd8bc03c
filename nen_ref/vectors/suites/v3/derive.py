"""v3/derive: the keys out of a shared secret."""

from __future__ import annotations

from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Found, Group, Test, VectorSuite, valid
from nen_ref.vectors.suites.v3_tools import alike, flags, one_byte_at_a_time

SIZES = (("ss", 32),)


def fixed(draw: Draw, found: Found) -> list[Group]:
    return [
        Group("each byte matters", tuple(one_byte_at_a_time(draw, *SIZES))),
        Group("bits that are all alike", tuple(alike(draw, *SIZES))),
    ]


def random(draw: Draw, i: int) -> Test:
    return valid(f"random-{i}", "drawn values", {name: draw(name, size) for name, size in SIZES}, "Basic")


SUITE = VectorSuite(
    name="v3/derive",
    title="The keys out of a shared secret",
    operation="v3.derive",
    covers=("V3-KEY-03",),
    flags=flags("Basic", "AllBitsAlike"),
    fixed=fixed,
    random=random,
    count=8,
)
