"""v1/stream_sealing_at: one event of a stream at an index that no test would reach by counting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nen_ref.protocol.stream import MAX_EVENTS, stream_nonce
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Found, Group, Test, VectorSuite, invalid, valid
from nen_ref.vectors.suites.stream_tools import NONCE_TWICE, high_base_nonce, tells_apart

LAST = MAX_EVENTS - 1  # for the final event alone

FLAGS = {
    "Counter": Flag(
        "wrong computation",
        "an index beyond a byte, 16 bits or 31 bits",
        "an index that is cut repeats a nonce: the XOR of two texts is in the open, and tags can be forged",
        ("V1-STR-03",),
    ),
    "LastChunk": Flag(
        "edge case",
        "the last index that a chunk may have, 2^32 - 2: the final event still has one",
        "a stream that another implementation would send is refused",
        ("V1-STR-07",),
    ),
    "NearMarker": Flag(
        "edge case",
        "text that only resembles the marker takes one index, not two",
        "a chunk is refused that still has its place",
        ("V1-STR-06",),
    ),
    "NoIndexLeft": Flag(
        "missing check",
        "a chunk at the index 2^32 - 1, which only the final event may have",
        "the stream can no longer be ended, or the index wraps. " + NONCE_TWICE,
        ("V1-STR-07",),
    ),
    "MarkerNeedsTwo": Flag(
        "missing check",
        "the chunk that is the marker needs two events, and there is one index left for chunks",
        "the second half takes the index of the final event; or the chunk was not split, and ends the stream by itself",
        ("V1-STR-06", "V1-STR-07"),
    ),
    "IndexWraps": Flag(
        "missing check",
        "an index beyond 32 bits",
        "modulo 2^32 it is the index of an event that was sent long ago. " + NONCE_TWICE,
        ("V1-STR-07",),
    ),
    "Basic": Flag("basic", "any index", "events after the first cannot be opened"),
}

INDICES: Mapping[str, int] = {
    "0": 0,
    "1": 1,
    "255": 255,
    "256": 256,
    "65535": 2**16 - 1,
    "65536": 2**16,
    "2-24": 2**24,
    "2-31-less-1": 2**31 - 1,
    "2-31": 2**31,
}


def fixed(draw: Draw, found: Found) -> list[Group]:
    own = {"secret": draw("secret"), "base_nonce": high_base_nonce(draw)}
    for index in INDICES.values():
        if index:
            tells_apart(own["base_nonce"], index, "BigEndian", "CounterAtOffset4", "CounterReplaces", "CounterIgnored")
    return [
        Group(
            "indices on both sides of every byte of the counter",
            tuple(
                valid(
                    f"index-{name}",
                    f"index {index} (hexadecimal {index:08x})",
                    at(index),
                    "Counter" if index > 255 else "Basic",
                )
                for name, index in INDICES.items()
            ),
            own,
        ),
        Group(
            "the last index that a chunk may have",
            (
                valid("last-chunk", "index 2^32 - 2", at(LAST - 1), "Counter", "LastChunk"),
                valid("last-empty-chunk", "an empty chunk at index 2^32 - 2", at(LAST - 1, ""), "LastChunk"),
                valid(
                    "last-near-marker",
                    "the marker and a space at index 2^32 - 2",
                    at(LAST - 1, "__FIN__ "),
                    "NearMarker",
                ),
            ),
            own,
        ),
        Group(
            "no index is left",
            (
                refused("index-of-the-end", "a chunk at index 2^32 - 1", at(LAST), "NoIndexLeft"),
                refused("empty-chunk-at-the-end", "an empty chunk at index 2^32 - 1", at(LAST, ""), "NoIndexLeft"),
                refused(
                    "near-marker-at-the-end",
                    "the marker and a space at index 2^32 - 1",
                    at(LAST, "__FIN__ "),
                    "NoIndexLeft",
                ),
                refused(
                    "marker-at-the-end",
                    "the chunk __FIN__ at index 2^32 - 1, where the final event belongs",
                    at(LAST, "__FIN__"),
                    "NoIndexLeft",
                ),
                refused(
                    "marker-with-one-index-left",
                    "the chunk __FIN__ at index 2^32 - 2",
                    at(LAST - 1, "__FIN__"),
                    "MarkerNeedsTwo",
                ),
                refused("index-2-32", "index 2^32, which is 0 modulo 2^32", at(2**32), "IndexWraps"),
                refused("index-2-32-and-1", "index 2^32 + 1, which is 1 modulo 2^32", at(2**32 + 1), "IndexWraps"),
                refused(
                    "index-2-33-less-2", "index 2^33 - 2, which is 2^32 - 2 modulo 2^32", at(2**33 - 2), "IndexWraps"
                ),
                refused(
                    "index-2-53-less-1", "the largest integer that every JSON reader keeps", at(2**53 - 1), "IndexWraps"
                ),
            ),
            own,
        ),
    ]


def at(index: int, chunk: str = "x") -> Mapping[str, Any]:
    return {"index": index, "chunk": chunk}


def refused(id: str, comment: str, given: Mapping[str, Any], *flags: str) -> Test:
    return invalid(id, comment, given, *flags, codes=("ISO-4002",))


def random(draw: Draw, i: int) -> Test:
    keys = {"secret": draw("secret"), "base_nonce": draw("base_nonce", 12)}
    given = {**keys, **at(draw.below("index", LAST), draw("chunk", 1 + draw.below("size", 20)).hex())}
    return valid(f"random-{i}", "any index that a chunk may have", given, "Basic")


def intermediate(a: dict[str, Any]) -> Mapping[str, Any]:
    return {"nonce": stream_nonce(a["base_nonce"], a["index"])} if a["index"] < MAX_EVENTS else {}


SUITE = VectorSuite(
    name="v1/stream_sealing_at",
    title="Sealing an event at a far index",
    operation="stream.seal_at",
    covers=("V1-STR-03", "V1-STR-07"),
    flags=FLAGS,
    fixed=fixed,
    random=random,
    count=10,
    intermediate=intermediate,
)
