"""v1/stream_sealing: the whole body of a stream out of its chunks.

The chunk that is the marker itself is not here: V1-STR-06 has it split in two and leaves the place open, so that there
is no one right body. v1/stream_opening opens it split at every place, and v1/stream_sealing_at refuses it at the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from nen_ref.protocol.stream import stream_nonce
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Found, Group, Test, VectorSuite, valid
from nen_ref.vectors.suites.stream_tools import FINAL, UNREADABLE, high_base_nonce

LOST = "text is lost, or arrives as other text"

FLAGS = {
    "Basic": Flag("basic", "a few short chunks", "no stream can be read"),
    "FinalEvent": Flag(
        "basic",
        "the last event, and no other, seals __FIN__; a stream without chunks has it too",
        "receivers report every stream as cut, or an attacker can cut it unnoticed",
        ("V1-STR-04",),
    ),
    "EmptyChunk": Flag(
        "edge case",
        "an empty chunk is an event of sixteen bytes, and takes an index",
        "every event after it is sealed under another nonce than the receiver expects",
        ("V1-STR-02",),
    ),
    "Text": Flag(
        "edge case",
        "text beyond ASCII, control characters and line ends are sealed as their UTF-8 bytes, unchanged",
        LOST,
        ("V1-STR-02",),
    ),
    "NearMarker": Flag(
        "edge case",
        "text that only resembles the marker is sealed as it is, in one event",
        "a marker that is looked for inside of chunks, trimmed or without case cuts or splits innocent text",
        ("V1-STR-02", "V1-STR-06"),
    ),
    "ChunkBorders": Flag(
        "wrong computation",
        "the same text in other chunks: each chunk is one event, whatever its size",
        "a sender that joins or cuts chunks holds text back, or seals under other indices than it counts",
        ("V1-STR-02", "V1-STR-15"),
    ),
    "ManyEvents": Flag(
        "wrong computation",
        "more than 256 events, so that the index needs its second byte",
        "an index of one byte repeats a nonce: the XOR of two texts is in the open, and tags can be forged",
        ("V1-STR-03", "V1-STR-07"),
    ),
    "LargeChunk": Flag(
        "edge case",
        "a chunk of 64 KiB, sealed whole; its base64 text has no line ends",
        "base64 that is broken into lines of 76 characters breaks the event",
        ("V1-STR-02", "V1-WIRE-01"),
    ),
    "Counter": Flag(
        "wrong computation",
        "a base nonce whose last four bytes make XOR, addition and byte orders differ at once",
        UNREADABLE,
        ("V1-STR-03",),
    ),
}

NEARLY: Mapping[str, tuple[str, str]] = {
    "marker-and-space": ("__FIN__ ", "the marker and a space"),
    "space-and-marker": (" __FIN__", "a space and the marker"),
    "marker-and-line-feed": ("__FIN__\n", "the marker and a line feed"),
    "marker-and-nul": ("__FIN__\0", "the marker and a character U+0000, where a C string would end"),
    "lower-case": ("__fin__", "the marker in lower case"),
    "text-and-marker": ("the end: __FIN__", "text that ends in the marker"),
    "marker-and-text": ("__FIN__ is the end", "text that begins with the marker"),
    "marker-twice": ("__FIN____FIN__", "the marker twice in one chunk"),
    "marker-cut": ("__FIN", "the beginning of the marker"),
    "full-width": ("\uff3f\uff3f\uff26\uff29\uff2e\uff3f\uff3f", "the marker in full-width letters"),
}


def fixed(draw: Draw, found: Found) -> list[Group]:
    keys = {"secret": draw("secret")}
    own = keys | {"base_nonce": high_base_nonce(draw)}
    words = ("one", " ", "two", ", ", "three")
    return [
        Group(
            "streams of few chunks",
            (
                sealing("no-chunks", "no chunk: the final event alone", (), "FinalEvent"),
                sealing("one-chunk", "one chunk of one byte", ("a",), "Basic", "FinalEvent"),
                sealing("two-chunks", "two chunks", ("Hello, ", "world"), "Basic"),
                sealing("five-chunks", "five chunks", words, "Basic", "Counter"),
                sealing(
                    "same-chunk-twice", "the same chunk twice: two nonces, two ciphertexts", ("again", "again"), "Basic"
                ),
                sealing("one-chunk-of-five", "the text of five chunks in one", ("".join(words),), "ChunkBorders"),
                sealing(
                    "byte-by-byte", "the same text, one character in each chunk", tuple("".join(words)), "ChunkBorders"
                ),
            ),
            own,
        ),
        Group(
            "empty chunks",
            (
                sealing("empty-chunk", "one empty chunk, and the final event at index 1", ("",), "EmptyChunk"),
                sealing("empty-chunk-first", "an empty chunk before another", ("", "a"), "EmptyChunk"),
                sealing("empty-chunk-between", "an empty chunk between two others", ("a", "", "b"), "EmptyChunk"),
                sealing("empty-chunks-last", "two empty chunks at the end", ("a", "", ""), "EmptyChunk"),
            ),
            own,
        ),
        Group(
            "text of every kind",
            (
                sealing("two-byte-characters", "characters of two bytes", ("Grüße", "é"), "Text"),
                sealing("three-byte-characters", "characters of three bytes", ("世界", "…"), "Text"),
                sealing("four-byte-characters", "characters beyond the basic plane", ("🔐", "𝔑𝔢𝔫"), "Text"),
                sealing(
                    "combining", "a letter and its accent in two chunks: nothing is normalised", ("e", "\u0301"), "Text"
                ),
                sealing(
                    "byte-order-mark",
                    "a chunk that is U+FEFF, and one that begins with it",
                    ("\ufeff", "\ufeffa"),
                    "Text",
                ),
                sealing("controls", "U+0000, U+001B, U+007F, U+0085", ("\0", "\x1b[0m", "\x7f\x85"), "Text"),
                sealing("line-ends", "LF, CR, CRLF and empty lines in chunks", ("a\nb", "\r", "\r\n", "\n\n"), "Text"),
                sealing(
                    "like-an-event", "a chunk that looks like an event", ("data: __FIN__\n\n",), "Text", "NearMarker"
                ),
                sealing("json", "a chunk that is JSON", ('{"delta":"\\u00e9\\n"}',), "Text"),
            ),
            own,
        ),
        Group(
            "chunks that are nearly the marker",
            (
                *(sealing(name, says, ("a", text, "b"), "NearMarker") for name, (text, says) in NEARLY.items()),
                sealing(
                    "marker-in-two-chunks",
                    "two chunks that the caller cut so: nothing to split",
                    ("__FI", "N__"),
                    "NearMarker",
                ),
            ),
            own,
        ),
        Group(
            "many events, and large ones",
            (
                sealing(
                    "300-chunks",
                    "300 chunks: the index passes 255 and 256",
                    [f"{i:x}" for i in range(300)],
                    "ManyEvents",
                ),
                sealing(
                    "64-kib",
                    "a chunk of 65536 bytes, and one after it",
                    ("0123456789abcdef" * 4096, "end"),
                    "LargeChunk",
                ),
            ),
            own,
        ),
        Group(
            "base nonces of every kind, three chunks each",
            tuple(
                under(f"base-nonce-{word}", draw, word)
                for word in ("00000000", "ffffffff", "feffffff", "00000080", "01000001")
            ),
            keys,
        ),
    ]


def sealing(id: str, comment: str, chunks: Iterable[str], *flags: str) -> Test:
    return valid(id, comment, {"chunks": list(chunks)}, *flags)


def under(id: str, draw: Draw, word: str) -> Test:
    given = {"base_nonce": draw(id, 8) + bytes.fromhex(word), "chunks": ["a", "b", "c"]}
    return valid(id, f"the last four bytes of the base nonce are {word}", given, "Counter")


def random(draw: Draw, i: int) -> Test:
    chunks = [draw(f"chunk/{k}", draw.below(f"size/{k}", 24)).hex() for k in range(1 + draw.below("chunks", 5))]
    given = {"secret": draw("secret"), "base_nonce": draw("base_nonce", 12), "chunks": chunks}
    return valid(f"random-{i}", "one to five chunks of up to 46 hexadecimal digits", given, "Basic")


def intermediate(a: dict[str, Any]) -> Mapping[str, Any]:
    """The nonce of each event, and its plaintext where that is short enough to be read: 4096 bytes in all."""
    plaintexts = [*(chunk.encode() for chunk in a["chunks"]), FINAL]
    nonces = [stream_nonce(a["base_nonce"], i) for i in range(len(plaintexts))]
    return {"nonces": nonces} | ({"plaintexts": plaintexts} if sum(map(len, plaintexts)) <= 4096 else {})


SUITE = VectorSuite(
    name="v1/stream_sealing",
    title="Sealing a stream",
    operation="stream.seal",
    notes="The chunk that is the marker itself is not here: V1-STR-06 leaves open where a sender splits it. All six "
    "places are in v1/stream_opening.",
    covers=("V1-STR-02", "V1-STR-03", "V1-STR-04"),
    flags=FLAGS,
    fixed=fixed,
    random=random,
    count=10,
    intermediate=intermediate,
)
