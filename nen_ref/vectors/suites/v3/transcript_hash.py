"""v3/transcript_hash: what the server signs."""

from __future__ import annotations

from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Found, Group, Test, VectorSuite, valid
from nen_ref.vectors.suites.v3_tools import SID, flags, one_byte_at_a_time

SIZES = (("pk_kem", 1184), ("pk_x", 32), ("server_nonce", 32))

FLAGS = flags(
    "Basic",
    PqcOnly=Flag("edge case", "pk_x is empty: its length alone is hashed", "no identity verifies in pqc-only",
                 ("V3-ID-02",)),
    Framing=Flag("missing check", "the same bytes, parted elsewhere between two values",
                 "one signature stands for several handshakes, for values are joined without their lengths",
                 ("V3-ID-02",)),
    SessionId=Flag("edge case", "session ids of other lengths, and beyond ASCII: UTF-8 is hashed",
                   "no identity verifies with servers that name their sessions otherwise", ("V3-ID-02",)),
)  # fmt: skip


def fixed(draw: Draw, found: Found) -> list[Group]:
    ek, x, nonce = draw("pk_kem", 1184), draw("pk_x"), draw("server_nonce")
    whole = {"pk_kem": ek, "pk_x": x, "server_nonce": nonce, "sid": SID}
    ends_in_a = whole | {"server_nonce": nonce[:-1] + b"a"}
    parted = (
        ("pk-kem-longer", "the first byte of pk_x at the end of pk_kem", {"pk_kem": ek + x[:1], "pk_x": x[1:]}),
        ("pk-x-longer", "the last byte of pk_kem in front of pk_x", {"pk_kem": ek[:-1], "pk_x": ek[-1:] + x}),
        ("nonce-longer", "pk_x in front of the nonce", {"pk_x": b"", "server_nonce": x + nonce}),
        ("sid-longer", "an a of the nonce in front of the session id", {"server_nonce": nonce[:-1], "sid": "a" + SID}),
    )
    sids = (
        ("short", "of one character", "s"),
        ("empty", "of none", ""),
        ("long", "of 300 characters", "s" * 300),
        ("umlaut", "beyond ASCII", "s\u00fc\u2603\U0001f510"),
    )
    return [
        Group("each byte matters", tuple(one_byte_at_a_time(draw, *SIZES)), {"sid": SID}),
        Group("where one value ends", (
            valid("parted-0", "what the next ones part otherwise", ends_in_a, "Basic"),
            *(valid(f"parted-{id}", comment, ends_in_a | changes, "Framing")
              for id, comment, changes in parted),
        )),
        Group("in pqc-only", (valid("pqc-only", "pk_x is empty", whole | {"pk_x": b""}, "PqcOnly"),)),
        Group("session ids", tuple(
            valid(f"sid-{id}", f"a session id {comment}", whole | {"sid": sid}, "SessionId")
            for id, comment, sid in sids
        )),
    ]  # fmt: skip


def random(draw: Draw, i: int) -> Test:
    given = {name: draw(name, size) for name, size in SIZES}
    return valid(f"random-{i}", "drawn values", given | {"sid": draw("sid", 16).hex()}, "Basic")


SUITE = VectorSuite(
    name="v3/transcript_hash",
    title="What the server signs",
    operation="v3.transcript_hash",
    covers=("V3-ID-02",),
    flags=FLAGS,
    fixed=fixed,
    random=random,
    count=6,
)
