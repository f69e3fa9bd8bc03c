"""v3/client_hello: the client's handshake body."""

from __future__ import annotations

from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Found, Group, Test, VectorSuite, valid
from nen_ref.vectors.suites.v3_tools import alike, flags

SIZES = (("d", 32), ("z", 32), ("x", 32))

FLAGS = flags(
    "Basic",
    "AllBitsAlike",
    PqcOnly=Flag("basic", "without X25519", "clients in pqc-only cannot connect", ("V3-HS-02",)),
    Clamping=Flag("edge case", "private keys that differ in the bits that X25519 sets and clears: one public key",
                  "the key is used as it is, and no other library agrees on the secret",
                  ("RFC 7748, section 5", "V3-PRIM-03")),
)  # fmt: skip


def fixed(draw: Draw, found: Found) -> list[Group]:
    d, z, x = draw("d"), draw("z"), draw("x")
    clamped = bytes([x[0] & 0xF8]) + x[1:31] + bytes([x[31] & 0x7F | 0x40])
    bits = (
        ("all-clear", "all five bits clear", bytes([x[0] & 0xF8]) + x[1:31] + bytes([x[31] & 0x3F])),
        ("all-set", "all five bits set", bytes([x[0] | 7]) + x[1:31] + bytes([x[31] | 0xC0])),
        ("clamped", "clamped before", clamped),
    )
    return [
        Group("both modes", (
            valid("hybrid", "hybrid", {"d": d, "z": z, "x": x}, "Basic"),
            valid("pqc-only", "pqc-only", {"d": d, "z": z}, "PqcOnly"),
        )),
        Group("bits that are all alike", tuple(alike(draw, *SIZES))),
        Group("the bits of the private key that do not count", tuple(
            valid(f"bits-{id}", comment, {"d": d, "z": z, "x": key}, "Clamping") for id, comment, key in bits
        )),
    ]  # fmt: skip


def random(draw: Draw, i: int) -> Test:
    names = SIZES if i % 3 else SIZES[:2]
    given = {name: draw(name, size) for name, size in names}
    return valid(f"random-{i}", "drawn keys", given, "Basic" if i % 3 else "PqcOnly")


SUITE = VectorSuite(
    name="v3/client_hello",
    title="The client's handshake",
    operation="v3.hello",
    covers=("V3-HS-01", "V3-HS-02"),
    flags=FLAGS,
    fixed=fixed,
    random=random,
    count=9,
)
