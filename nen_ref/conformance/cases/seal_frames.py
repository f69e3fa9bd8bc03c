"""Framed envelopes and media: sections 4 and 7 of the specification of sealed envelopes."""

from __future__ import annotations

from typing import Any

from nen_ref.conformance.cases.seal_tools import (
    CRASH,
    CUT,
    FRAMED_PAYLOAD,
    NOTHING_OPENS,
    OTHER_CONTEXT,
    Opening,
    Recipient,
    same_body,
)
from nen_ref.conformance.harness.probe import HarnessProbe
from nen_ref.conformance.model import ACCEPTED
from nen_ref.conformance.randomness import random_bytes
from nen_ref.conformance.registry import case
from nen_ref.protocol.payload import seal
from nen_ref.protocol.seal import new_key
from nen_ref.protocol.seal_framed import NONCE, frame_key, seal_framed
from nen_ref.protocol.seal_media import seal_media
from nen_ref.protocol.wire import encode_base64
from nen_ref.vectors.suites.seal_tools import resized, text_of, with_bit, without

FRAMES, OPEN_FRAMES, MEDIA, OPEN_MEDIA = "seal.frames", "seal.open_frames", "seal.media", "seal.open_media"
LAYOUTS = (
    (0, 16),
    (1, 16),
    (15, 16),
    (16, 16),
    (17, 16),
    (32, 16),
    (39, 16),
    (5, 1),
    (23, 2),
    (101, 1),
    (100, 262_144),
)
COUNTED = {"payload": FRAMED_PAYLOAD}
NUMBERS = "lengths are taken from what nobody sealed"


def unproven(probe: HarnessProbe, to: Recipient) -> Opening:
    """An opening by one who knows nothing of the size."""
    return Opening(probe, OPEN_FRAMES, dk=to.dk, context="backup", size=None, size_in_context=False)


def cut(made: dict[str, Any], frames: int, **changed: object) -> dict[str, Any]:
    return {**made, "frames": made["frames"][:frames], **changed}


def of_pieces(to: Recipient, *pieces: bytes) -> dict[str, Any]:
    """An envelope of 15 bytes in frames of 5, as it says, with these pieces in it."""
    cek, kem = new_key(to.ek, "backup", random_bytes(32))
    frames = [encode_base64(seal(frame_key(cek, i), NONCE, piece).ct) for i, piece in enumerate(pieces)]
    return {"v": 1, "kem": kem, "frameSize": 5, "size": 15, "frames": frames, "ctx": "backup"}


@case("seal/framed/seal", "SEAL-FRM-01", ACCEPTED, why=NOTHING_OPENS, cause="the index is in another form, the nonce "
      "counts too, or an empty payload has no frame", needs=(FRAMES,))  # fmt: skip
async def seal_(probe: HarnessProbe) -> None:
    """Payloads of any size are sealed in frames under keys of their own, one empty frame for an empty payload."""
    to = Recipient()
    for size, frame_size in LAYOUTS:
        payload, m = random_bytes(size), random_bytes(32)
        context = None if size % 2 else "backup"
        given = {"context": context, "m": m, "frame_size": frame_size}
        reply = await probe.call(FRAMES, ek=to.ek, payload=payload, **given)
        expected = seal_framed(to.ek, payload, context=context, m=m, frame_size=frame_size)
        same_body(probe, reply, f"{size} bytes in frames of {frame_size}", expected)


@case("seal/framed/open", "SEAL-FRM-02", ACCEPTED, why=NOTHING_OPENS, cause="a payload that fills its last frame, or is "
      "empty, is expected to have another number of frames", needs=(OPEN_FRAMES,))  # fmt: skip
async def open_(probe: HarnessProbe) -> None:
    """Framed envelopes open to their payloads, whatever the layout."""
    to = Recipient()
    for size, frame_size in LAYOUTS:
        payload = random_bytes(size)
        made = to.framed(payload, frame_size, "backup")
        opening = Opening(probe, OPEN_FRAMES, dk=to.dk, context="backup", size=size, size_in_context=False)
        await opening.opens(f"{size} bytes in frames of {frame_size}", made, {"payload": payload})


@case("seal/framed/frame-size", "SEAL-FRM-03", "ISO-6001", "ISO-4001", why="a division by zero, a loop that does not end,"
      " or memory for what is not there", cause="frameSize is used as it comes", needs=(OPEN_FRAMES,))  # fmt: skip
async def frame_size(probe: HarnessProbe) -> None:
    """A frameSize that is not an integer from 1 to 16 MiB is refused."""
    to = Recipient()
    single = to.framed(b"a", 1, "backup")
    opening = unproven(probe, to)
    await opening.first(single, {"payload": b"a"})
    values = (0, -1, -16, "1", True, None, [1], 16_777_217, 2**53 - 1)
    await opening.refuses({f"frameSize is {text_of(value)}": {**single, "frameSize": value} for value in values})
    await opening.refuses({"frameSize is absent": without(single, "frameSize")})


@case("seal/framed/frame-size-sealed", "SEAL-FRM-03", "ISO-6001", why="a loop that does not end, in the sealer itself",
      cause="the frame size is used as it comes", needs=(FRAMES,))  # fmt: skip
async def frame_size_sealed(probe: HarnessProbe) -> None:
    """A sealer refuses a frame size that is not from 1 to 16 MiB."""
    to = Recipient()
    for size in (0, -1, -16, 16_777_217):
        given = {"context": None, "m": random_bytes(32), "frame_size": size}
        probe.judge(await probe.call(FRAMES, ek=to.ek, payload=FRAMED_PAYLOAD, **given), f"frames of {size} bytes")


@case("seal/framed/forms", "SEAL-FRM-04", "ISO-6001", why=CRASH, cause="size and frames are used as they come",
      needs=(OPEN_FRAMES,))  # fmt: skip
async def forms(probe: HarnessProbe) -> None:
    """A size that is no number of bytes, frames that are no array, and a frame that is no text are refused."""
    to = Recipient()
    single = to.framed(b"a", 1, "backup")
    opening = unproven(probe, to)
    await opening.first(single, {"payload": b"a"})
    sizes = (-1, "1", True, None, [1], 2**53)
    await opening.refuses({f"size is {text_of(value)}": {**single, "size": value} for value in sizes})
    values: tuple[object, ...] = (
        None,
        7,
        single["frames"][0],
        {"0": single["frames"][0]},
        [7],
        [None],
        [single["frames"]],
    )
    await opening.refuses({f"frames is {text_of(value)[:30]}": {**single, "frames": value} for value in values})
    await opening.refuses({f"{name} is absent": without(single, name) for name in ("size", "frames")})


@case("seal/framed/base64", "SEAL-FRM-04", "ISO-6002", why="one frame has many texts", cause="base64 is decoded leniently",
      needs=(OPEN_FRAMES,))  # fmt: skip
async def base64(probe: HarnessProbe) -> None:
    """A frame that is not the one base64 text of its bytes is refused."""
    to = Recipient()
    single = to.framed(b"a", 1, "backup")
    opening = unproven(probe, to)
    await opening.first(single, {"payload": b"a"})
    text = single["frames"][0]
    spellings = (f"{text[:8]} {text[8:]}", text + "\n", f"{text[:8]}!{text[8:]}", text.rstrip("="))
    await opening.refuses({repr(value): {**single, "frames": [value]} for value in spellings})


@case("seal/framed/count", "SEAL-FRM-05", "ISO-4001", "ISO-6001", why=CUT, cause="the number of frames is not compared "
      "with size and frameSize", needs=(OPEN_FRAMES,))  # fmt: skip
async def count(probe: HarnessProbe) -> None:
    """More or fewer frames than size and frameSize make are refused: dropped, repeated, or by other numbers."""
    to = Recipient()
    made = to.framed(context="backup")
    opening = unproven(probe, to)
    await opening.first(made, COUNTED)
    bodies: dict[str, object] = {"the last frame is gone": cut(made, 2), "no frame is left": cut(made, 0),
              "no frame is left, size 0": cut(made, 0, size=0),
              "the last frame twice": {**made, "frames": [*made["frames"], made["frames"][2]]},
              "a size inside of the second frame": cut(made, 2, size=8)}  # fmt: skip
    bodies |= {f"size {size}": {**made, "size": size} for size in (0, 10, 14, 16, 20, 2**53 - 1)}
    bodies |= {f"frameSize {size}": {**made, "frameSize": size} for size in (1, 4, 6, 15, 262_144)}
    await opening.refuses(bodies)


@case("seal/framed/lengths", "SEAL-FRM-05", "ISO-4001", "ISO-6001", why="two readers put different payloads together",
      cause="frames are joined whatever their length", needs=(OPEN_FRAMES,))  # fmt: skip
async def lengths(probe: HarnessProbe) -> None:
    """Frames that were sealed longer or shorter than the layout has them are refused."""
    to = Recipient()
    opening = unproven(probe, to)
    await opening.first(of_pieces(to, b"abcde", b"fghij", b"klmno"), COUNTED)
    bodies: dict[str, object] = {"the second shorter, the last longer": of_pieces(to, b"abcde", b"fghi", b"jklmno"),
              "the first longer, the second shorter": of_pieces(to, b"abcdef", b"ghij", b"klmno"),
              "the last shorter": of_pieces(to, b"abcde", b"fghij", b"klmn"),
              "the last empty": of_pieces(to, b"abcde", b"fghij", b""),
              "an empty one more": of_pieces(to, b"abcde", b"fghij", b"klmno", b"")}  # fmt: skip
    await opening.refuses(bodies)


@case("seal/framed/order", "SEAL-FRM-06", "ISO-4001", why="whoever carries a payload puts it together anew",
      cause="every frame has the same key, and its place is in the nonce or nowhere",
      needs=(OPEN_FRAMES,))  # fmt: skip
async def order(probe: HarnessProbe) -> None:
    """Frames in another order, repeated, altered or of another envelope do not open."""
    to = Recipient()
    made, other = to.framed(context="backup"), to.framed(context="backup")
    opening = unproven(probe, to)
    await opening.first(made, COUNTED)
    first, second, third = made["frames"]
    orders = {"the first two exchanged": [second, first, third], "the last two exchanged": [first, third, second],
              "the first twice": [first, first, third], "the last twice": [first, third, third],
              "the second of another envelope": [first, other["frames"][1], third],
              "a bit of the first altered": [with_bit(first), second, third],
              "a bit of the last tag altered": [first, second, with_bit(third, -1)],
              "the last without room for a tag": [first, second, resized(third, 15)]}  # fmt: skip
    await opening.refuses({note: {**made, "frames": frames} for note, frames in orders.items()})
    await opening.refuses({"kem of another envelope": {**made, "kem": other["kem"]}})


@case("seal/framed/size-known", "SEAL-FRM-07", "ISO-4001", why=CUT, cause="the size of the envelope is believed",
      needs=(OPEN_FRAMES,))  # fmt: skip
async def size_known(probe: HarnessProbe) -> None:
    """Where the size is known, an envelope that was cut off at the end, or is of another size, is refused."""
    to = Recipient()
    made = to.framed(context="backup")
    opening = Opening(probe, OPEN_FRAMES, dk=to.dk, context="backup", size=15, size_in_context=False)
    await opening.first(made, COUNTED)
    await opening.refuses({f"{k} of three frames": cut(made, k, size=5 * k) for k in (1, 2)})
    await opening.refuses({"one frame, frameSize longer": cut(made, 1, size=5, frameSize=262_144)})
    for size in (0, 14, 16):
        await opening.refuses({f"{size} bytes are expected": made}, size=size)


@case("seal/framed/size-unknown", "SEAL-FRM-07", ACCEPTED, why="envelopes whose size nobody knows beforehand do not open",
      cause="a size is demanded that not every opener has", needs=(OPEN_FRAMES,))  # fmt: skip
async def size_unknown(probe: HarnessProbe) -> None:
    """Where nothing is known of the size, the published form opens as it is."""
    to = Recipient()
    opening = unproven(probe, to)
    await opening.opens("three frames", to.framed(context="backup"), COUNTED)
    await opening.opens("no bytes", to.framed(b"", context="backup"), {"payload": b""})


@case("seal/framed/size-in-context", "SEAL-FRM-09", "ISO-4001", why=CUT, cause="the size is compared with ctx, and the "
      "key does not depend on it", needs=(OPEN_FRAMES,))  # fmt: skip
async def size_in_context(probe: HarnessProbe) -> None:
    """Where the context names the size, an envelope that was cut off, or whose context does not name it, is refused."""
    to = Recipient()
    made, unsized = to.framed(context="backup|size:15"), to.framed(context="backup")
    opening = Opening(probe, OPEN_FRAMES, dk=to.dk, context="backup", size=None, size_in_context=True)
    await opening.first(made, COUNTED)
    await opening.opens("no context but the size", to.framed(context="size:15"), COUNTED, context=None)
    shortened = cut(made, 2, size=10)
    await opening.refuses({"cut off": shortened, "cut off, and ctx rewritten": {**shortened, "ctx": "backup|size:10"},
                           "the size is not in the context": unsized,
                           "it was written there afterwards": {**unsized, "ctx": "backup|size:15"},
                           "another way to write it": to.framed(context="backup|size:015")})  # fmt: skip


@case("seal/framed/context", "SEAL-CTX-02", "ISO-4001", why=OTHER_CONTEXT, cause="framed envelopes have no context",
      needs=(OPEN_FRAMES,))  # fmt: skip
async def context(probe: HarnessProbe) -> None:
    """A framed envelope of another context is refused, also where ctx was rewritten."""
    to = Recipient()
    other = to.framed(context="restore")
    opening = unproven(probe, to)
    await opening.first(to.framed(context="backup"), COUNTED)
    await opening.refuses({"another context": other, "and ctx rewritten": {**other, "ctx": "backup"},
                           "without a context": to.framed()})  # fmt: skip


# Media


def media(to: Recipient, **changed: object) -> dict[str, Any]:
    return {"envelope": to.framed(context="media"), "type": "image/png", "size": 15, **changed}


@case("seal/media/seal", "SEAL-MED-01", ACCEPTED, why=NOTHING_OPENS, cause="another context, or the size of the sealed "
      "bytes", needs=(MEDIA,))  # fmt: skip
async def seal_file(probe: HarnessProbe) -> None:
    """A file is a framed envelope with the context media, its type and its size."""
    to = Recipient()
    for size, frame_size in LAYOUTS[:5]:
        payload, m = random_bytes(size), random_bytes(32)
        reply = await probe.call(MEDIA, ek=to.ek, payload=payload, type="image/png", m=m, frame_size=frame_size)
        expected = seal_media(to.ek, payload, "image/png", m=m, frame_size=frame_size)
        same_body(probe, reply, f"{size} bytes in frames of {frame_size}", expected)


@case("seal/media/open", "SEAL-MED-01", ACCEPTED, why=NOTHING_OPENS, cause="another context", needs=(OPEN_MEDIA,))
async def open_file(probe: HarnessProbe) -> None:
    """A file of an expected type opens."""
    to = Recipient()
    opening = Opening(probe, OPEN_MEDIA, dk=to.dk, types=["image/png", "image/jpeg"], size=15)
    await opening.opens("the first type", media(to), COUNTED)
    await opening.opens("the second type", media(to, type="image/jpeg"), COUNTED)
    await opening.opens("nothing is known of the size", media(to), COUNTED, size=None)


@case("seal/media/type", "SEAL-MED-02", "ISO-4001", why="an image is opened as a page, with its scripts",
      cause="the type is believed", needs=(OPEN_MEDIA,))  # fmt: skip
async def media_type(probe: HarnessProbe) -> None:
    """A file of another type than those expected is refused."""
    to = Recipient()
    opening = Opening(probe, OPEN_MEDIA, dk=to.dk, types=["image/png", "image/jpeg"], size=15)
    await opening.first(media(to), COUNTED)
    types = ("text/html", "image/svg+xml", "IMAGE/PNG", "image/png; x", "image/", "")
    await opening.refuses({f"the type {name!r}": media(to, type=name) for name in types})
    await opening.refuses({"no type is expected": media(to)}, types=[])


@case("seal/media/cut", "SEAL-MED-02", "ISO-4001", why=CUT, cause="the size beside the envelope is compared with that in "
      "it, and both are the sender's", needs=(OPEN_MEDIA,))  # fmt: skip
async def media_cut(probe: HarnessProbe) -> None:
    """A file that was cut off at the end is refused where its size is known."""
    to = Recipient()
    made = media(to)
    opening = Opening(probe, OPEN_MEDIA, dk=to.dk, types=["image/png"], size=15)
    await opening.first(made, COUNTED)
    await opening.refuses({f"{k} of three frames": {**made, "envelope": cut(made["envelope"], k, size=5 * k), "size": 5 * k}
                           for k in (1, 2)})  # fmt: skip


@case("seal/media/forms", "SEAL-MED-03", "ISO-6001", "ISO-4001", why=CRASH, cause="what is absent is used",
      needs=(OPEN_MEDIA,))  # fmt: skip
async def media_forms(probe: HarnessProbe) -> None:
    """A file without an envelope, a type or a size of their kinds, or with another size than the envelope, is refused."""
    to = Recipient()
    made = media(to)
    opening = Opening(probe, OPEN_MEDIA, dk=to.dk, types=["image/png"], size=None)
    await opening.first(made, COUNTED)
    bodies: dict[str, object] = {}
    for name in ("envelope", "type", "size"):
        bodies[f"{name} is absent"] = without(made, name)
        bodies |= {f"{name} is {text_of(value)[:30]}": {**made, name: value} for value in (None, [made[name]], True)}
    bodies |= {f"size is {text_of(size)}": {**made, "size": size} for size in (0, 14, 16, -15, "15")}
    await opening.refuses(bodies)


@case("seal/media/context", "SEAL-CTX-02", "ISO-4001", why="anything that was sealed for the recipient passes for a file",
      cause="the context is not looked at", needs=(OPEN_MEDIA,))  # fmt: skip
async def media_context(probe: HarnessProbe) -> None:
    """A framed envelope of another context is no file, also where ctx was rewritten."""
    to = Recipient()
    other = to.framed(context="backup")
    opening = Opening(probe, OPEN_MEDIA, dk=to.dk, types=["image/png"], size=15)
    await opening.first(media(to), COUNTED)
    await opening.refuses({"another context": media(to, envelope=other), "no context": media(to, envelope=to.framed()),
                           "ctx rewritten": media(to, envelope={**other, "ctx": "media"})})  # fmt: skip
