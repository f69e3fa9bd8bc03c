"""seal/framed_seal: the framed envelope of a payload."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nen_ref.primitives.suite import REFERENCE
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Found, Group, Test, VectorSuite, invalid, valid
from nen_ref.vectors.suites.seal_tools import KEY, SHAPE, Recipient, flags, info_of

OWN = {
    "Layout": Flag("edge case", "payloads that end inside of a frame, at its end, and of no bytes at all",
                   "an empty frame too many or too few, which other implementations refuse",
                   ("SEAL-FRM-02",)),
    "ManyFrames": Flag("edge case", "more than ten frames: their index has two digits",
                       "frames from the tenth on have another key", ("SEAL-FRM-01",)),
    "FrameSize": Flag("missing check", "a frame size that is no number of bytes from 1 to 16 MiB",
                      "a loop that does not end, or a count that is no number", ("SEAL-FRM-03",)),
}  # fmt: skip
LAYOUTS = (
    ("empty", "no bytes: one empty frame", 0, 16),
    ("one-byte", "one byte", 1, 16),
    ("one-short", "one frame, a byte short of full", 15, 16),
    ("one-full", "one full frame", 16, 16),
    ("two", "a full frame and a byte", 17, 16),
    ("two-full", "two full frames", 32, 16),
    ("three", "three frames, the last of them short", 39, 16),
    ("of-one-byte", "frames of one byte each", 5, 1),
    ("of-default", "the default frame size", 100, 262_144),
    ("of-16-mib", "the largest frame size", 20, 16_777_216),
)
SIZES = (("0", 0), ("minus-1", -1), ("minus-16", -16), ("over-16-mib", 16_777_217), ("huge", 2**53 - 1))


def fixed(draw: Draw, found: Found) -> list[Group]:
    to = Recipient(draw)
    shared = {"ek": to.ek}
    return [
        Group("layouts", tuple(
            valid(id, comment, given(to, id, size, frame_size), "Layout") for id, comment, size, frame_size in LAYOUTS
        ), shared),
        Group("many frames", (
            valid("twelve", "twelve frames", given(to, "twelve", 23, 2), "ManyFrames"),
            valid("hundred-and-one", "101 frames", given(to, "hundred-and-one", 101, 1), "ManyFrames"),
        ), shared),
        Group("contexts", (
            valid("context", "a context", given(to, "context", 20, 16, "backup"), "Context"),
            valid("context-sized", "a context with the size in it", given(to, "sized", 20, 16, "backup|size:20"),
                  "Context", covers=("SEAL-FRM-08",)),
        ), shared),
        Group("what cannot be sealed", tuple(_refused(to)), shared),
    ]  # fmt: skip


def given(to: Recipient, label: str, size: int, frame_size: int, context: str | None = None) -> dict[str, Any]:
    m, payload = to.draw(f"{label}/m"), to.draw(f"{label}/payload", size)
    return {"payload": payload, "context": context, "m": m, "frame_size": frame_size}


def _refused(to: Recipient) -> Iterator[Test]:
    for id, frame_size in SIZES:
        own = given(to, f"frame-size-{id}", 20, frame_size)
        yield invalid(f"frame-size-{id}", f"frames of {frame_size} bytes", own, "FrameSize", codes=SHAPE)
    yield invalid("context-empty", "an empty context", given(to, "context-empty", 20, 16, ""), "ContextForm",
                  codes=SHAPE)  # fmt: skip
    short = {**given(to, "key-short", 20, 16), "ek": to.ek[:-1]}
    yield invalid("key-short", "a key without its last byte", short, "RecipientKey", codes=KEY)


def random(draw: Draw, i: int) -> Test:
    to = Recipient(draw)
    sizes = draw.below("size", 120), 1 + draw.below("frame size", 40)
    return valid(f"random-{i}", "a drawn layout", {"ek": to.ek, **given(to, "envelope", *sizes)}, "Basic")


def intermediate(a: dict[str, Any]) -> Mapping[str, Any]:
    """The content key, and the keys of the first and the last frame, of what can be sealed."""
    if a["context"] == "" or len(a["ek"]) != 1184 or not 1 <= a["frame_size"] <= 16_777_216:
        return {}
    cek = REFERENCE.hkdf_sha256(REFERENCE.ml_kem_768_encaps(a["ek"], a["m"])[0], info_of(a["context"]), 32)
    last = max(1, -(-len(a["payload"]) // a["frame_size"])) - 1
    keys = {i: REFERENCE.hkdf_sha256(cek, b"nen/seal v1 frame:%d" % i, 32) for i in (0, last)}
    return {"cek": cek, "frames": last + 1, "key_of_first": keys[0], "key_of_last": keys[last]}


SUITE = VectorSuite(
    name="seal/framed_seal",
    title="Sealing in frames",
    operation="seal.frames",
    covers=("SEAL-FRM-01", "SEAL-FRM-02"),
    flags=flags("Basic", "Context", "ContextForm", "RecipientKey", **OWN),
    fixed=fixed,
    random=random,
    count=4,
    intermediate=intermediate,
)
