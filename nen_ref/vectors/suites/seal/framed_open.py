"""seal/framed_open: what a framed envelope opens to, for the one who states what he knows of its size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nen_ref.protocol.payload import seal
from nen_ref.protocol.seal import new_key
from nen_ref.protocol.seal_framed import NONCE, frame_key, seal_framed
from nen_ref.protocol.wire import encode_base64
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Found, Group, Test, VectorSuite
from nen_ref.vectors.suites.handshake_tools import base64_faults
from nen_ref.vectors.suites.seal.framed_seal import LAYOUTS
from nen_ref.vectors.suites.seal_tools import (
    DECODING,
    KEM_SIZE,
    OPENING,
    SHAPE,
    Recipient,
    flags,
    info_of,
    key_values,
    resized,
    right,
    unreadable,
    versions,
    with_bit,
    without,
    wrong,
)

PAYLOAD = b"abcdefghijklmno"
UNREADABLE = ("body-null", "body-empty-array", "unclosed")
NUMBERS = ("ISO-6001", "ISO-4001")  # SEAL-FRM-03, SEAL-FRM-05
OWN = {
    "Layout": Flag("edge case", "payloads that end inside of a frame, at its end, and of no bytes at all",
                   "envelopes of some sizes do not open", ("SEAL-FRM-02",)),
    "SizeUnproven": Flag("edge case", "frames are dropped at the end, and size says so: as published, it opens",
                         "none: that nothing is known of the size is what the opener says", ("SEAL-FRM-07",)),
    "SizeInContext": Flag("edge case", "an envelope whose context names its size",
                          "envelopes of careful sealers do not open", ("SEAL-FRM-08", "SEAL-FRM-09")),
    "Truncated": Flag("missing check", "frames are dropped at the end",
                      "the beginning of a payload is taken for the whole: half a list of revoked keys",
                      ("SEAL-FRM-05", "SEAL-FRM-07", "SEAL-FRM-09")),
    "Numbers": Flag("missing check", "size or frameSize that the frames do not make",
                    "lengths are taken from what nobody sealed", ("SEAL-FRM-05",)),
    "FrameSize": Flag("missing check", "a frameSize that is no number of bytes from 1 to 16 MiB",
                      "a division by zero, a loop that does not end, or memory for what is not there",
                      ("SEAL-FRM-03",)),
    "SizeForm": Flag("missing check", "a size that is no number of bytes, frames that are no array of texts",
                     "memory for what is not there, or a crash", ("SEAL-FRM-04",)),
    "Order": Flag("missing check", "frames in another order, repeated, altered, or of another envelope",
                  "whoever carries a payload puts it together anew", ("SEAL-FRM-06",)),
    "FrameLength": Flag("missing check", "frames that were sealed longer or shorter than the layout has them",
                        "two readers put different payloads together", ("SEAL-FRM-05",)),
}  # fmt: skip


def fixed(draw: Draw, found: Found) -> list[Group]:
    to = Recipient(draw)
    made, sized = framed(to, "whole"), framed(to, "sized", context="backup|size:15")
    unproven = {"dk": to.dk, "context": "backup", "size": None, "size_in_context": False}
    known = {**unproven, "size": 15}
    in_context = {**unproven, "size_in_context": True}
    return [
        Group("layouts", tuple(_layouts(to)), {"dk": to.dk, "context": None, "size_in_context": False}),
        Group("sizes that are known, and that the context names", tuple(_sizes(to, made, sized)), {"dk": to.dk}),
        Group("frames that are dropped, where nothing is known of the size", tuple(_unproven(made)), unproven),
        Group("frames that are dropped, where the size is known", tuple(_known(made)), known),
        Group("frames that are dropped, where the context names the size", tuple(_named(to, made, sized)), in_context),
        Group("numbers that the frames do not make", tuple(_numbers(made)), unproven),
        Group("numbers that are none", tuple(_forms(made, framed(to, "single", b"a", 1))), unproven),
        Group("frames in other places", tuple(_order(to, made)), unproven),
        Group("frames of other lengths", tuple(_lengths(to)), unproven),
        Group("other contexts", tuple(_contexts(to, made)), unproven),
        Group("other versions", tuple(versions(made)), unproven),
        Group("texts that are no JSON object", tuple(unreadable(made, UNREADABLE)), unproven),
    ]


def framed(
    to: Recipient, label: str, payload: bytes = PAYLOAD, frame_size: int = 5, context: str | None = "backup"
) -> dict[str, Any]:
    m = to.draw(f"{label}/m")
    return dict(seal_framed(to.ek, payload, context=context, m=m, frame_size=frame_size))


def cut(made: Mapping[str, Any], frames: int, **changed: object) -> dict[str, Any]:
    return {**made, "frames": made["frames"][:frames], **changed}


def _layouts(to: Recipient) -> Iterator[Test]:
    for id, comment, size, frame_size in LAYOUTS:
        made = framed(to, id, to.draw(f"{id}/payload", size), frame_size, None)
        yield right(id, comment, made, "Layout", size=size)
    made = framed(to, "hundred-and-one", to.draw("hundred-and-one", 101), 1, None)
    yield right("hundred-and-one", "101 frames", made, "Layout", size=None)
    yield right("further-member", "a further member", {**made, "n": 7, "ct": None}, "FurtherMembers", size=101)


def _sizes(to: Recipient, made: dict[str, Any], sized: dict[str, Any]) -> Iterator[Test]:
    alone = framed(to, "sized-alone", context="size:15")
    known = {"context": "backup", "size_in_context": False}
    yield right("size-known", "the size is known", made, "Basic", size=15, **known)
    yield right("size-unknown", "nothing is known of the size", made, "Basic", size=None, **known)
    yield right("size-in-context", "the context names the size", sized, "SizeInContext", context="backup", size=None,
                size_in_context=True)  # fmt: skip
    yield right("size-alone-in-context", "there is no context but the size", alone, "SizeInContext", context=None,
                size=None, size_in_context=True)  # fmt: skip
    yield right("size-as-context", "the context with the size is stated like any other", sized, "SizeInContext",
                context="backup|size:15", size=None, size_in_context=False)  # fmt: skip


def _unproven(made: dict[str, Any]) -> Iterator[Test]:
    for frames in (1, 2):
        shortened = cut(made, frames, size=5 * frames)
        yield right(f"cut-to-{frames}", f"{frames} of three full frames, and size to match", shortened, "SizeUnproven")
    longer = cut(made, 1, size=5, frameSize=262_144)
    yield right("cut-to-1-in-one", "the first frame, and frameSize made longer", longer, "SizeUnproven")
    yield wrong("cut-size-kept", "two of three frames, and size as it was", cut(made, 2), "Truncated", NUMBERS)
    yield wrong("cut-to-none", "no frame, and size 0", cut(made, 0, size=0), "Truncated", NUMBERS)
    yield wrong("cut-size-inside", "two of three frames, and a size inside of the second", cut(made, 2, size=8),
                "Truncated", NUMBERS)  # fmt: skip


def _known(made: dict[str, Any]) -> Iterator[Test]:
    for frames in (1, 2):
        shortened = cut(made, frames, size=5 * frames)
        yield wrong(f"known-cut-to-{frames}", f"{frames} of three frames, and size to match", shortened, "Truncated",
                    OPENING)  # fmt: skip
    yield wrong("known-cut-size-kept", "two of three frames, and size as it was", cut(made, 2), "Truncated", NUMBERS)
    for size in (14, 16, 0):
        yield wrong(f"known-is-{size}", f"the known size is {size}", made, "Truncated", OPENING, size=size)


def _named(to: Recipient, made: dict[str, Any], sized: dict[str, Any]) -> Iterator[Test]:
    shortened = cut(sized, 2, size=10)
    yield wrong("named-cut", "two of three frames, and size to match", shortened, "Truncated", OPENING)
    rewritten = {**shortened, "ctx": "backup|size:10"}
    yield wrong("named-cut-rewritten", "the same, and ctx rewritten", rewritten, "Truncated", OPENING)
    stripped = {**cut(made, 2, size=10), "ctx": "backup|size:10"}
    yield wrong("named-afterwards", "a context without size, cut, and ctx rewritten", stripped, "Truncated", OPENING)
    yield wrong("not-named", "a context that does not name the size", made, "ContextMissing", OPENING)
    for id, context in (("zero", "backup|size:015"), ("space", "backup|size: 15"), ("bar", "backup||size:15")):
        other = framed(to, f"named-{id}", context=context)
        yield wrong(f"named-with-{id}", f"a context written {context}", other, "ContextMissing", OPENING)


def _numbers(made: dict[str, Any]) -> Iterator[Test]:
    for size in (0, 1, 10, 11, 14, 16, 20, 2**53 - 1):
        yield wrong(f"size-{size}", f"size is {size}, not 15", {**made, "size": size}, "Numbers", NUMBERS)
    for frame_size in (1, 4, 6, 15, 262_144):
        changed = {**made, "frameSize": frame_size}
        yield wrong(f"frame-size-{frame_size}", f"frameSize is {frame_size}, not 5", changed, "Numbers", NUMBERS)
    more = {**made, "frames": [*made["frames"], made["frames"][2]]}
    yield wrong("frame-more", "the last frame stands twice", more, "Numbers", NUMBERS)
    empty = {**made, "frames": [*made["frames"], ""]}
    yield wrong("frame-empty", "an empty text behind the last frame", empty, "Numbers", NUMBERS)


def _forms(made: dict[str, Any], single: dict[str, Any]) -> Iterator[Test]:
    """`single` has one frame of one byte, so that nothing is wrong but the form of its numbers."""
    others: tuple[tuple[str, str, object], ...] = (
        ("null", "null", None), ("text", 'the text "1"', "1"), ("true", "true", True), ("array", "an array", [1]),
        ("minus-1", "-1", -1), ("minus-5", "-5", -5),
    )  # fmt: skip
    sizes = (("0", "0", 0), ("over-16-mib", "16777217", 16_777_217), ("huge", "2^53 - 1", 2**53 - 1))
    for id, comment, value in (*others, *sizes):
        changed = {**single, "frameSize": value}
        yield wrong(f"frame-size-is-{id}", f"frameSize is {comment}", changed, "FrameSize", NUMBERS)
    yield wrong("frame-size-absent", "frameSize is absent", without(made, "frameSize"), "FrameSize", SHAPE)
    for id, comment, value in (*others, ("2-53", "2^53", 2**53)):
        yield wrong(f"size-is-{id}", f"size is {comment}", {**single, "size": value}, "SizeForm", SHAPE)
    yield wrong("size-absent", "size is absent", without(made, "size"), "SizeForm", SHAPE)
    frames: tuple[tuple[str, str, object], ...] = (
        ("null", "null", None), ("text", "one text", made["frames"][0]), ("number", "a number", 3),
        ("object", "an object of frames by index", dict(enumerate(made["frames"]))),
    )  # fmt: skip
    for id, comment, value in frames:
        yield wrong(f"frames-{id}", f"frames is {comment}", {**made, "frames": value}, "SizeForm", SHAPE)
    yield wrong("frames-absent", "frames is absent", without(made, "frames"), "SizeForm", SHAPE)
    for id, comment, value in (("number", "a number", 7), ("null", "null", None), ("array", "an array", ["AAAA"])):
        changed = {**made, "frames": [*made["frames"][:2], value]}
        yield wrong(f"frame-{id}", f"the last frame is {comment}", changed, "SizeForm", SHAPE)
    data = b"\xfb\xff" * 12
    for fault in base64_faults(data):
        if fault.id in ("space-inside", "url-safe"):
            changed = {**made, "frames": [*made["frames"][:2], fault.text]}
            yield wrong(f"frame-{fault.id}", f"the last frame: {fault.comment}", changed, fault.flag, DECODING)


def _order(to: Recipient, made: dict[str, Any]) -> Iterator[Test]:
    first, second, third = made["frames"]
    other = framed(to, "other")
    orders: dict[str, tuple[str, list[str]]] = {
        "swapped": ("the first two are exchanged", [second, first, third]),
        "last-swapped": ("the last two are exchanged", [first, third, second]),
        "rotated": ("the first comes last", [second, third, first]),
        "repeated": ("the first comes twice, and the second is gone", [first, first, third]),
        "first-dropped": ("the first is gone, and the last comes twice", [second, third, third]),
        "of-another": ("the second is that of another envelope", [first, other["frames"][1], third]),
        "altered-first": ("a bit of the first is altered", [with_bit(first), second, third]),
        "altered-last": ("a bit of the last tag is altered", [first, second, with_bit(third, -1)]),
        "short": ("the last is shorter than a tag", [first, second, resized(third, 15)]),
        "empty": ("the last is empty", [first, second, ""]),
    }
    for id, (comment, frames) in orders.items():
        yield wrong(f"order-{id}", comment, {**made, "frames": frames}, "Order", NUMBERS)
    yield wrong("kem-of-another", "kem of another envelope", {**made, "kem": other["kem"]}, "Order", OPENING)
    yield wrong("kem-short", "kem of 1087 bytes", {**made, "kem": resized(made["kem"], 1087)}, "KemLength", KEM_SIZE)
    yield wrong("kem-absent", "kem is absent", without(made, "kem"), "MemberMissing", SHAPE)


def _lengths(to: Recipient) -> Iterator[Test]:
    pieces: dict[str, tuple[str, list[bytes]]] = {
        "second-shorter": ("the second is shorter, and the last longer", [b"abcde", b"fghi", b"jklmno"]),
        "first-longer": ("the first is longer, and the second shorter", [b"abcdef", b"ghij", b"klmno"]),
        "last-shorter": ("the last is shorter", [b"abcde", b"fghij", b"klmn"]),
        "last-longer": ("the last is longer", [b"abcde", b"fghij", b"klmnop"]),
        "last-empty": ("the last is empty", [b"abcde", b"fghij", b""]),
    }
    for id, (comment, parts) in pieces.items():
        yield wrong(f"length-{id}", comment, _of_pieces(to, id, parts), "FrameLength", NUMBERS)
    four = _of_pieces(to, "four", [b"abcde", b"fghij", b"klmno", b""])
    yield wrong("length-empty-more", "an empty frame more, sealed in its place", four, "FrameLength", NUMBERS)


def _of_pieces(to: Recipient, label: str, pieces: list[bytes]) -> dict[str, Any]:
    """An envelope of 15 bytes in frames of 5, as it says, with these pieces in it."""
    cek, kem = new_key(to.ek, "backup", to.draw(f"{label}/m"))
    frames = [encode_base64(seal(frame_key(cek, i), NONCE, piece).ct) for i, piece in enumerate(pieces)]
    return {"v": 1, "kem": kem, "frameSize": 5, "size": 15, "frames": frames, "ctx": "backup"}


def _contexts(to: Recipient, made: dict[str, Any]) -> Iterator[Test]:
    other = framed(to, "restore", context="restore")
    yield wrong("context-other", "sealed for another context", other, "ContextMissing", OPENING)
    renamed = {**other, "ctx": "backup"}
    yield wrong("context-renamed", "the same, and ctx rewritten", renamed, "ContextRewritten", OPENING)
    yield wrong("context-stripped", "ctx is taken away", without(made, "ctx"), "ContextRewritten", OPENING)
    yield wrong("context-number", "ctx is a number", {**made, "ctx": 7}, "ContextForm", SHAPE)


def random(draw: Draw, i: int) -> Test:
    to = Recipient(draw)
    size, frame_size = 1 + draw.below("size", 120), 1 + draw.below("frame size", 40)
    made = framed(to, "envelope", draw("payload", size), frame_size)
    shared = {"dk": to.dk, "context": "backup", "size": size, "size_in_context": False}
    if i % 2:
        return right(f"random-{i}", "a drawn layout", made, "Basic", **shared)
    at = draw.below("frame", len(made["frames"]))
    frames = [with_bit(text, draw.below("place", 16)) if j == at else text for j, text in enumerate(made["frames"])]
    return wrong(f"random-{i}", "a drawn layout, and a bit of one frame altered", {**made, "frames": frames}, "Order",
                 OPENING, **shared)  # fmt: skip


def intermediate(a: dict[str, Any]) -> Mapping[str, Any]:
    """The content key for the expected context, where that does not depend on the envelope."""
    return {} if a["size_in_context"] else key_values(a["dk"], a["body"], info_of(a["context"]))


SUITE = VectorSuite(
    name="seal/framed_open",
    title="Opening a framed envelope",
    operation="seal.open_frames",
    covers=("SEAL-FRM-01", "SEAL-FRM-02", "SEAL-FRM-07"),
    flags=flags(
        "Basic", "FurtherMembers", "ContextMissing", "ContextRewritten", "ContextForm", "Version", "NotAnObject",
        "NotJson", "MemberMissing", "KemLength", "Base64WhiteSpace", "Base64UrlSafe", **OWN,
    ),
    fixed=fixed,
    random=random,
    count=6,
    intermediate=intermediate,
)  # fmt: skip
