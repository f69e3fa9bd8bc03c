"""v3/ticket_seal: tickets in the recorded form."""

from __future__ import annotations

from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Found, Group, Test, VectorSuite, valid
from nen_ref.vectors.suites.v3_tools import NOW, alike, flags

SIZES = (("psk", 32), ("key", 32), ("nonce", 12))

FLAGS = flags(
    "Basic",
    "AllBitsAlike",
    Expiry=Flag("edge case", "times at the ends of what a number of JSON holds exactly",
                "the time is written as 1e+21 or rounded, and the ticket expires at another time", ("V3-TICKET-01",)),
)  # fmt: skip


def fixed(draw: Draw, found: Found) -> list[Group]:
    drawn = {name: draw(name, size) for name, size in SIZES}
    times = (("zero", 0), ("one", 1), ("u32", 2**32), ("last-exact", 2**53 - 1))
    return [
        Group("bits that are all alike", tuple(alike(draw, *SIZES)), {"expires": NOW}),
        Group("times", tuple(
            valid(f"expires-{id}", f"expires at {time}", drawn | {"expires": time}, "Expiry") for id, time in times
        )),
    ]  # fmt: skip


def random(draw: Draw, i: int) -> Test:
    given = {name: draw(name, size) for name, size in SIZES}
    return valid(f"random-{i}", "drawn values", given | {"expires": NOW + draw.below("expires", 10**9)}, "Basic")


SUITE = VectorSuite(
    name="v3/ticket_seal",
    title="Sealing a ticket",
    operation="v3.ticket_seal",
    covers=("V3-TICKET-01",),
    flags=FLAGS,
    fixed=fixed,
    notes="The form of a ticket is the server's own; this is the recorded one, which servers that share tickets need.",
    random=random,
    count=6,
)
