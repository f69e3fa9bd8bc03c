"""seal/media_open: the data of a file, for the one who expects its type."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Found, Group, Test, VectorSuite
from nen_ref.vectors.suites.seal.framed_open import OWN as FRAMED
from nen_ref.vectors.suites.seal.framed_open import cut, framed
from nen_ref.vectors.suites.seal_tools import (
    OPENING,
    SHAPE,
    Recipient,
    flags,
    right,
    unreadable,
    with_bit,
    without,
    wrong,
)

NUMBERS = ("ISO-4001", "ISO-6001")  # SEAL-MED-03
OWN = {
    "Truncated": FRAMED["Truncated"],
    "SizeUnproven": FRAMED["SizeUnproven"],
    "Type": Flag("missing check", "a file of another type than those expected", "an image is opened as a page",
                 ("SEAL-MED-02", "CWE-434")),
    "MediaForm": Flag("missing check", "envelope, type or size absent, or of another type",
                      "the operation ends in a crash, or goes on with what is not there", ("SEAL-MED-03",)),
    "MediaSize": Flag("missing check", "a size that is not that of the envelope", "two readers see two sizes",
                      ("SEAL-MED-03",)),
    "MediaEnvelope": Flag("missing check", "an envelope that is altered, or was sealed for something else",
                          "anything that was sealed for the recipient passes for a file", ("SEAL-MED-01",)),
}  # fmt: skip


def fixed(draw: Draw, found: Found) -> list[Group]:
    to = Recipient(draw)
    made = file(framed(to, "file", context="media"))
    shared = {"dk": to.dk, "types": ["image/png", "image/jpeg"], "size": 15}
    return [
        Group("files", tuple(_files(to, made)), shared),
        Group("types", tuple(_types(made)), shared),
        Group("forms", tuple(_forms(to, made)), shared),
        Group("envelopes", tuple(_envelopes(to, made)), shared),
        Group("texts that are no JSON object", tuple(unreadable(made, ("body-null", "unclosed"))), shared),
    ]


def file(envelope: object, type: object = "image/png", size: object = 15) -> dict[str, Any]:
    return {"envelope": envelope, "type": type, "size": size}


def _files(to: Recipient, made: dict[str, Any]) -> Iterator[Test]:
    yield right("known", "the size is known", made, "Basic")
    yield right("unknown", "nothing is known of the size", made, "Basic", size=None)
    yield right("other-type", "the other type", {**made, "type": "image/jpeg"}, "Basic")
    empty = file(framed(to, "empty", b"", context="media"), size=0)
    yield right("empty", "an empty file", empty, "Basic", size=0)
    yield right("further", "a further member", {**made, "name": "a.png"}, "FurtherMembers")
    shortened = file(cut(made["envelope"], 2, size=10), size=10)
    yield right("cut", "two of three frames, and both sizes to match", shortened, "SizeUnproven", size=None)
    yield wrong("known-cut", "the same, where the size is known", shortened, "Truncated", OPENING)


def _types(made: dict[str, Any]) -> Iterator[Test]:
    for i, type in enumerate(("text/html", "image/svg+xml", "IMAGE/PNG", "image/png;x", "image/", "")):
        yield wrong(f"type-{i}", f"the type {type!a}", {**made, "type": type}, "Type", OPENING)
    yield wrong("type-none", "no type is expected", made, "Type", OPENING, types=[])


def _forms(to: Recipient, made: dict[str, Any]) -> Iterator[Test]:
    single = file(framed(to, "single", b"a", context="media"), size=True)
    yield wrong("size-true", "size is true, of a file of one byte", single, "MediaForm", SHAPE, size=1)
    for name in ("envelope", "type", "size"):
        yield wrong(f"{name}-absent", f"{name} is absent", without(made, name), "MediaForm", SHAPE)
        yield wrong(f"{name}-null", f"{name} is null", {**made, name: None}, "MediaForm", SHAPE)
        yield wrong(f"{name}-array", f"{name} is an array of it", {**made, name: [made[name]]}, "MediaForm", SHAPE)
    yield wrong("size-text", "size is a text", {**made, "size": "15"}, "MediaForm", SHAPE)
    for id, size in (("0", 0), ("14", 14), ("16", 16), ("minus-15", -15)):
        yield wrong(f"size-{id}", f"size is {size}, not 15", {**made, "size": size}, "MediaSize", NUMBERS)


def _envelopes(to: Recipient, made: dict[str, Any]) -> Iterator[Test]:
    for id, context in (("none", None), ("backup", "backup"), ("sized", "media|size:15")):
        other = file(framed(to, f"context-{id}", context=context))
        yield wrong(f"context-{id}", f"sealed for the context {context}", other, "MediaEnvelope", OPENING)
    renamed = file({**framed(to, "renamed", context="backup"), "ctx": "media"})
    yield wrong("context-renamed", "sealed for another context, and ctx rewritten", renamed, "MediaEnvelope", OPENING)
    first, *rest = made["envelope"]["frames"]
    altered = file({**made["envelope"], "frames": [with_bit(first), *rest]})
    yield wrong("altered", "a bit of the first frame is altered", altered, "MediaEnvelope", OPENING)
    plain = file(to.sealed("plain", bytes(15), "media"))
    yield wrong("not-framed", "an envelope that is not framed", plain, "MediaEnvelope", NUMBERS)


SUITE = VectorSuite(
    name="seal/media_open",
    title="Opening a file",
    operation="seal.open_media",
    covers=("SEAL-MED-01", "SEAL-MED-02"),
    flags=flags("Basic", "FurtherMembers", "NotJson", "NotAnObject", **OWN),
    fixed=fixed,
)
