"""Framed envelopes and media, against frames that OpenSSL sealed: what is noticed of what was cut or moved."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nen_ref.protocol.errors import NenError
from nen_ref.protocol.seal_framed import (
    MAX_FRAME_SIZE,
    MAX_SIZE,
    Size,
    open_framed,
    open_frames,
    seal_framed,
    sized_context,
)
from nen_ref.protocol.seal_media import open_media, seal_media
from tests.protocol.oracle import b64, code_of, refused, unb64
from tests.protocol.seal_oracle import RECIPIENT, M, content_key, frame, framed, opened_frames
from tests.protocol.test_seal import DK, altered

PAYLOAD = b"abcdefghijklmno"  # three frames of five
GOOD = framed(PAYLOAD, 5, "backup")
SHORT = framed(PAYLOAD[:13], 5, "backup")  # its last frame is not full
SIZED = framed(PAYLOAD, 5, "backup|size:15")


def opens(envelope: dict[str, Any], size: int | Size = Size.UNPROVEN, context: str | None = "backup") -> bytes:
    return open_framed(DK, envelope, context=context, size=size)


def fails(
    code: str, envelope: dict[str, Any], size: int | Size = Size.UNPROVEN, context: str | None = "backup"
) -> None:
    refused(code, open_framed, DK, envelope, context=context, size=size)


def cut(envelope: dict[str, Any], frames: int, **changed: object) -> dict[str, Any]:
    return {**envelope, "frames": envelope["frames"][:frames], **changed}


@settings(max_examples=20, deadline=None)
@given(st.binary(max_size=60), st.integers(1, 70), st.none() | st.text(st.characters(codec="utf-8"), min_size=1))
def test_what_we_seal_opens_elsewhere_and_the_reverse(payload: bytes, frame_size: int, context: str | None) -> None:
    """SEAL-FRM-01, SEAL-FRM-02."""
    ours: dict[str, Any] = seal_framed(RECIPIENT.ek, payload, context=context, m=M, frame_size=frame_size)
    assert list(ours) == ["v", "kem", "frameSize", "size", "frames"] + ["ctx"] * (context is not None)
    assert (ours["v"], ours["frameSize"], ours["size"], ours.get("ctx")) == (1, frame_size, len(payload), context)
    pieces = opened_frames(ours, context)
    assert b"".join(pieces) == payload
    assert [len(piece) for piece in pieces[:-1]] == [frame_size] * (len(pieces) - 1)
    assert len(pieces[-1]) <= frame_size
    assert len(pieces) == 1 or pieces[-1]
    assert opens(framed(payload, frame_size, context), len(payload), context) == payload


def test_an_empty_payload_has_one_empty_frame() -> None:
    """SEAL-FRM-02."""
    made: dict[str, Any] = seal_framed(RECIPIENT.ek, b"", context=None, m=M)
    assert (made["frameSize"], made["size"], opened_frames(made)) == (262144, 0, [b""])
    assert opens(framed(b"", 16), 0, None) == b""
    fails("ISO-4001", {**framed(b"", 16), "frames": []}, Size.UNPROVEN, None)


@pytest.mark.parametrize("value", [0, -1, -5, 1.5, "5", None, True, [5], MAX_FRAME_SIZE + 1, 2**53, 10**30])
def test_a_frame_size_is_a_number_of_bytes(value: Any) -> None:
    """SEAL-FRM-03."""
    fails("ISO-6001", {**GOOD, "frameSize": value})
    refused("ISO-6001", seal_framed, RECIPIENT.ek, PAYLOAD, context=None, m=M, frame_size=value)


@pytest.mark.parametrize("value", [-1, 1.5, "15", None, True, [15], MAX_SIZE + 1, 10**30])
def test_a_size_is_a_number_of_bytes(value: object) -> None:
    """SEAL-FRM-04."""
    fails("ISO-6001", {**GOOD, "size": value})


@pytest.mark.parametrize("value", [None, 7, "frames", {"0": "AAAA"}, True])
def test_frames_are_an_array(value: object) -> None:
    """SEAL-FRM-04."""
    fails("ISO-6001", {**GOOD, "frames": value})


@pytest.mark.parametrize(("value", "code"), [(7, "ISO-6001"), (None, "ISO-6001"), ([1], "ISO-6001"), ("?", "ISO-6002")])
def test_a_frame_is_a_base64_text(value: object, code: str) -> None:
    """SEAL-FRM-04."""
    fails(code, {**GOOD, "frames": [*GOOD["frames"][:2], value]})


@pytest.mark.parametrize("name", ["v", "kem", "frameSize", "size", "frames"])
def test_a_member_that_is_absent_is_refused(name: str) -> None:
    """SEAL-ENV-03, SEAL-FRM-03, SEAL-FRM-04."""
    fails("ISO-6001", {key: value for key, value in GOOD.items() if key != name})


@pytest.mark.parametrize(
    "envelope",
    [
        cut(GOOD, 2),
        cut(GOOD, 0),
        {**GOOD, "frames": [*GOOD["frames"], GOOD["frames"][2]]},
        {**GOOD, "size": 14},
        {**GOOD, "size": 16},
        {**GOOD, "size": 0},
        {**GOOD, "size": MAX_SIZE},
        {**GOOD, "frameSize": 4},
        {**GOOD, "frameSize": 6},
        {**GOOD, "frameSize": 1},
        cut(SHORT, 3, size=15),
        cut(SHORT, 3, size=12),
        cut(SHORT, 2, size=8),
    ],
)
def test_frames_that_size_and_frame_size_do_not_make_are_refused(envelope: dict[str, Any]) -> None:
    """SEAL-FRM-05."""
    fails("ISO-4001", envelope)


@pytest.mark.parametrize("order", [(1, 0, 2), (0, 2, 1), (0, 0, 2), (1, 2, 0), (0, 1, 1), (2, 2, 2)])
def test_frames_in_another_order_do_not_open(order: tuple[int, ...]) -> None:
    """SEAL-FRM-06."""
    fails("ISO-4001", {**GOOD, "frames": [GOOD["frames"][i] for i in order]})


def test_altered_frames_and_those_of_others_do_not_open() -> None:
    """SEAL-FRM-06."""
    other = framed(PAYLOAD, 5, "backup")
    for frames in (
        [altered(GOOD["frames"][0]), *GOOD["frames"][1:]],
        [*other["frames"][:1], *GOOD["frames"][1:]],
        [*GOOD["frames"][:2], b64(bytes(15))],
        [*GOOD["frames"][:2], ""],
    ):
        fails("ISO-4001", {**GOOD, "frames": frames})
    fails("ISO-4001", {**GOOD, "kem": other["kem"]})
    fails("ISO-1002", {**GOOD, "kem": b64(bytes(1087))})


def test_a_frame_that_is_longer_or_shorter_than_it_has_to_be_is_refused() -> None:
    """SEAL-FRM-05: only a sealer can make such frames, and one that does has another idea of the layout."""
    cek = content_key(RECIPIENT.decapsulate(unb64(GOOD["kem"])), "backup")
    for pieces in ([b"abcde", b"fghi", b"jklmno"], [b"abcdef", b"ghij", b"klmno"], [b"abcde", b"fghij", b""]):
        frames = [b64(frame(cek, i, piece)) for i, piece in enumerate(pieces)]
        fails("ISO-4001", {**GOOD, "frames": frames})


@pytest.mark.parametrize("size", [0, 14, 16, 10])
def test_a_size_that_is_not_the_known_one_is_refused(size: int) -> None:
    """SEAL-FRM-07."""
    fails("ISO-4001", GOOD, size)
    assert opens(GOOD, 15) == PAYLOAD


def test_what_is_known_of_the_size_has_to_be_stated() -> None:
    """SEAL-FRM-07."""
    with pytest.raises(TypeError):
        open_framed(DK, GOOD, context="backup")  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        open_framed(DK, GOOD, size=15)  # type: ignore[call-arg]


def test_as_published_frames_can_be_dropped_at_the_end() -> None:
    """A weakness of the published form (spec/seal.md). Who knows the size, or has it in the context, sees it."""
    for frames in (1, 2):
        shortened = cut(GOOD, frames, size=5 * frames)
        assert opens(shortened) == PAYLOAD[: 5 * frames]
        fails("ISO-4001", shortened, 15)
        fails("ISO-4001", cut(SIZED, frames, size=5 * frames), Size.IN_CONTEXT)


def test_a_size_in_the_context_is_part_of_the_key() -> None:
    """SEAL-FRM-08, SEAL-FRM-09."""
    assert sized_context("backup", 15) == "backup|size:15"
    assert sized_context(None, 15) == "size:15"
    assert opens(SIZED, Size.IN_CONTEXT) == PAYLOAD
    assert opens(framed(PAYLOAD, 5, "size:15"), Size.IN_CONTEXT, None) == PAYLOAD
    assert opens(SIZED, 15, "backup|size:15") == PAYLOAD  # a reader that knows nothing of this has just another context
    shortened = cut(SIZED, 2, size=10)
    fails("ISO-4001", shortened, Size.IN_CONTEXT)
    fails("ISO-4001", {**shortened, "ctx": "backup|size:10"}, Size.IN_CONTEXT)
    fails("ISO-4001", cut({**GOOD, "ctx": "backup|size:10"}, 2, size=10), Size.IN_CONTEXT)
    fails("ISO-4001", GOOD, Size.IN_CONTEXT)
    fails("ISO-4001", SIZED, Size.UNPROVEN)


@pytest.mark.parametrize(
    ("payload", "frame_size"), [(PAYLOAD, 5), (PAYLOAD[:13], 5), (b"abc", 5), (b"abcde", 5), (b"", 5)]
)
def test_exactly_this_can_be_changed_as_published(payload: bytes, frame_size: int) -> None:
    """SEAL-FRM-05. Every way to drop frames and rewrite both numbers, and those of them that open.

    Full frames at the end can be gone, and of what has one frame `frameSize` can be any that is not smaller. So two
    frames or more whose last is not full are the whole payload; one frame, or full frames alone, may be its beginning.
    """
    whole = framed(payload, frame_size, "backup")
    count = len(whole["frames"])
    numbers = range(21)
    opened = set()
    for frames in range(count + 1):
        for size in numbers:
            for claimed in numbers:
                envelope = cut(whole, frames, size=size, frameSize=claimed)
                if code_of(open_framed, DK, envelope, context="backup", size=Size.UNPROVEN) is None:
                    opened.add((frames, size, claimed))
    expected = {(count, len(payload), frame_size)}
    expected |= {(k, k * frame_size, frame_size) for k in range(1, count)}
    first = min(len(payload), frame_size)
    expected |= {(1, first, claimed) for claimed in numbers if claimed >= max(first, 1)}
    assert opened == expected


def test_frames_are_opened_as_they_come() -> None:
    """SEAL-FRM-10: a frame that was handed out is authentic; that it was the last, only the end says."""
    asked = []

    def arriving(frames: list[str]) -> Iterator[str]:
        for i, text in enumerate(frames):
            asked.append(i)
            yield text

    head = {name: value for name, value in GOOD.items() if name != "frames"}
    pieces = open_frames(DK, head, arriving(GOOD["frames"]), context="backup", size=15)
    assert (next(pieces), asked) == (b"abcde", [0])
    assert list(pieces) == [b"fghij", b"klmno"]

    for frames, released, code in (
        (GOOD["frames"][:2], 2, "ISO-4001"),
        ([*GOOD["frames"], GOOD["frames"][0]], 3, "ISO-4001"),
        ([GOOD["frames"][0], altered(GOOD["frames"][1]), GOOD["frames"][2]], 1, "ISO-4001"),
        ([GOOD["frames"][0], "?"], 1, "ISO-6002"),
        ([], 0, "ISO-4001"),
    ):
        pieces = open_frames(DK, head, arriving(frames), context="backup", size=15)
        assert b"".join(islice(pieces, released)) == PAYLOAD[: 5 * released]
        error = refused(code, next, pieces)
        assert ("more or fewer" in error.detail) == (len(frames) in (0, 4) or frames == GOOD["frames"][:2])


def test_an_endless_source_of_frames_ends_at_the_size() -> None:
    """SEAL-FRM-10."""

    def endless() -> Iterator[str]:
        yield from GOOD["frames"]
        while True:
            yield GOOD["frames"][0]

    with pytest.raises(NenError):
        list(open_frames(DK, GOOD, endless(), context="backup", size=15))


# Media


MEDIA = {"envelope": framed(PAYLOAD, 5, "media"), "type": "image/png", "size": 15}


def media_opens(media: dict[str, Any], types: Any = "image/png", size: int | Size = 15) -> bytes:
    return open_media(DK, media, types=types, size=size)


def test_media_are_framed_with_their_type_beside_it() -> None:
    """SEAL-MED-01."""
    made: dict[str, Any] = seal_media(RECIPIENT.ek, PAYLOAD, "image/png", m=M, frame_size=5)
    assert list(made) == ["envelope", "type", "size"]
    assert (made["type"], made["size"], made["envelope"]["ctx"]) == ("image/png", 15, "media")
    assert b"".join(opened_frames(made["envelope"], "media")) == PAYLOAD
    assert media_opens(MEDIA) == PAYLOAD
    assert media_opens(MEDIA, {"image/jpeg", "image/png"}, Size.UNPROVEN) == PAYLOAD


def test_a_type_that_is_not_expected_is_refused() -> None:
    """SEAL-MED-02."""
    for types in ("image/jpeg", {"image/jpeg"}, frozenset(), "image/png; charset=x"):
        refused("ISO-4001", open_media, DK, MEDIA, types=types, size=15)
    refused("ISO-4001", open_media, DK, {**MEDIA, "type": "text/html"}, types="image/png", size=15)
    with pytest.raises(TypeError):
        open_media(DK, MEDIA, size=15)  # type: ignore[call-arg]


def test_media_of_another_form_are_refused() -> None:
    """SEAL-MED-03."""
    for name, value in (("envelope", "x"), ("envelope", None), ("type", 7), ("size", "15"), ("size", True)):
        refused("ISO-6001", open_media, DK, {**MEDIA, name: value}, types="image/png", size=15)
    for size in (14, 16, 0):
        refused("ISO-4001", open_media, DK, {**MEDIA, "size": size}, types="image/png", size=Size.UNPROVEN)
    backup = {**MEDIA, "envelope": GOOD}
    refused("ISO-4001", open_media, DK, backup, types="image/png", size=15)


def test_media_can_have_their_size_in_the_context() -> None:
    """SEAL-FRM-08."""
    made: dict[str, Any] = seal_media(RECIPIENT.ek, PAYLOAD, "image/png", m=M, frame_size=5, size_in_context=True)
    assert media_opens(made, size=Size.IN_CONTEXT) == PAYLOAD
    shortened = {**made, "envelope": cut(made["envelope"], 2, size=10), "size": 10}
    refused("ISO-4001", open_media, DK, shortened, types="image/png", size=Size.IN_CONTEXT)
    published = {**MEDIA, "envelope": cut(MEDIA["envelope"], 2, size=10), "size": 10}  # type: ignore[arg-type]
    assert media_opens(published, size=Size.UNPROVEN) == PAYLOAD[:10]
