"""v3/resume_hello: the body that asks to resume."""

from __future__ import annotations

from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Found, Group, Test, VectorSuite, valid
from nen_ref.vectors.suites.v3_tools import alike, flags

FLAGS = flags(
    "Basic",
    "AllBitsAlike",
    Opaque=Flag("edge case", "tickets of other servers: whatever the text is, it goes back as it came",
                "tickets of other servers are altered, and never open", ("V3-TICKET-09",)),
)  # fmt: skip


def fixed(draw: Draw, found: Found) -> list[Group]:
    rn = draw("rn")
    texts = (
        ("short", "t"), ("dots", "..."), ("space", " t "), ("quote", '"\\/'), ("unicode", "\u00fc\u2603\U0001f510"),
        ("control", "\t\n\u0000\u007f"), ("url", "a-b_c~d"), ("long", "t" * 3000),
    )  # fmt: skip
    return [
        Group("bits that are all alike", tuple(alike(draw, ("rn", 32))), {"ticket": "QQ==.QQ=="}),
        Group("modes", tuple(
            valid(f"mode-{mode}", mode, {"ticket": "QQ==.QQ==", "rn": rn, "security_mode": mode}, "Basic")
            for mode in ("hybrid", "pqc-only")
        )),
        Group("texts of other servers", tuple(
            valid(f"ticket-{id}", f"a ticket: {id}", {"ticket": text, "rn": rn}, "Opaque") for id, text in texts
        )),
    ]  # fmt: skip


def random(draw: Draw, i: int) -> Test:
    return valid(f"random-{i}", "drawn values", {"ticket": draw("ticket", 40).hex(), "rn": draw("rn")}, "Basic")


SUITE = VectorSuite(
    name="v3/resume_hello",
    title="Asking to resume",
    operation="v3.resume_hello",
    covers=("V3-TICKET-09",),
    flags=FLAGS,
    fixed=fixed,
    random=random,
    count=4,
)
