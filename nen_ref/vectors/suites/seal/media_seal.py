"""seal/media_seal: a file as sealed media."""

from __future__ import annotations

from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Found, Group, VectorSuite, invalid, valid
from nen_ref.vectors.suites.seal.framed_seal import OWN, given
from nen_ref.vectors.suites.seal_tools import SHAPE, Recipient, flags, without


def fixed(draw: Draw, found: Found) -> list[Group]:
    to = Recipient(draw)
    files = (
        ("empty", "an empty file", 0, 32, "image/png"), ("one-frame", "a file of one frame", 15, 32, "image/png"),
        ("frames", "a file of several frames", 100, 32, "video/mp4"),
        ("default", "the default frame size", 20, 262_144, "application/octet-stream"),
        ("parameters", "a type with parameters", 20, 32, "text/plain; charset=utf-8"),
    )  # fmt: skip
    return [
        Group("files", tuple(
            valid(id, comment, {"type": type, **without(given(to, id, size, frame_size), "context")}, "Basic")
            for id, comment, size, frame_size, type in files
        ), {"ek": to.ek}),
        Group("what cannot be sealed", tuple(
            invalid(f"frame-size-{id}", f"frames of {frame_size} bytes",
                    {"type": "image/png", **without(given(to, f"size {frame_size}", 9, frame_size), "context")},
                    "FrameSize", codes=SHAPE)
            for id, frame_size in (("0", 0), ("minus-1", -1))
        ), {"ek": to.ek}),
    ]  # fmt: skip


SUITE = VectorSuite(
    name="seal/media_seal",
    title="Sealing a file",
    operation="seal.media",
    covers=("SEAL-MED-01",),
    flags=flags("Basic", FrameSize=OWN["FrameSize"]),
    fixed=fixed,
)
