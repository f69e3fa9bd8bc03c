"""v3/attest: attestations and their exact text."""

from __future__ import annotations

from typing import Any

from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Found, Group, Test, VectorSuite, valid
from nen_ref.vectors.suites.v3_tools import flags

TIME = "2026-11-24T02:12:05.894Z"

FLAGS = flags(
    "Basic",
    Period=Flag("edge case", "with the period of time for which it holds, or one end of it",
                "an absent end is signed as null, and no other implementation verifies it", ("V3-ATT-01",)),
    Escapes=Flag("wrong computation", "characters that JSON has to escape, and some that it may",
                 "the text is escaped otherwise, so that the signature does not verify elsewhere", ("V3-ATT-04",)),
)  # fmt: skip


def given(draw: Draw, **changes: Any) -> dict[str, Any]:
    seed = draw("seed")
    return {"seed": seed, "endpoint": "/api/echo", "security_mode": "hybrid", "issued_at": TIME} | changes


def fixed(draw: Draw, found: Found) -> list[Group]:
    texts = (
        ("quote", '/a"b'), ("backslash", "/a\\b"), ("slash", "https://example.org/a/b"), ("line-feed", "/a\nb"),
        ("tab", "/a\tb"), ("back-space", "/a\bb"), ("form-feed", "/a\fb"), ("return", "/a\rb"), ("zero", "/a\0b"),
        ("escape", "/a\x1bb"), ("last-control", "/a\x1fb"), ("delete", "/a\x7fb"), ("umlaut", "/\u00fc\u2603"),
        ("separators", "/a\u2028\u2029b"), ("astral", "/\U0001f510"), ("angles", "/<a>&'"), ("empty", ""),
    )  # fmt: skip
    start, end = "2026-01-01T00:00:00.000Z", "2027-01-01T00:00:00.000Z"
    return [
        Group("modes", tuple(
            valid(mode, mode, given(draw, security_mode=mode), "Basic") for mode in ("hybrid", "pqc-only")
        )),
        Group("periods", (
            valid("from", "from alone", given(draw, **{"from": start}), "Period"),
            valid("to", "to alone", given(draw, to=end), "Period"),
            valid("from-to", "from and to", given(draw, **{"from": start}, to=end), "Period"),
            valid("from-empty", "from is the empty text", given(draw, **{"from": ""}), "Period"),
        )),
        Group("texts", tuple(
            valid(f"endpoint-{id}", f"the endpoint has: {id}", given(draw, endpoint=text), "Escapes")
            for id, text in texts
        )),
    ]  # fmt: skip


def random(draw: Draw, i: int) -> Test:
    return valid(f"random-{i}", "drawn values", given(draw, endpoint=f"/api/{draw('endpoint', 8).hex()}"), "Basic")


SUITE = VectorSuite(
    name="v3/attest",
    title="Signing an attestation",
    operation="v3.attest",
    covers=("V3-ATT-01", "V3-ATT-02", "V3-ATT-03"),
    flags=FLAGS,
    fixed=fixed,
    random=random,
    count=4,
)
