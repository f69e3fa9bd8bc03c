"""The flags of v1/stream_opening."""

from __future__ import annotations

from nen_ref.vectors.model import Flag
from nen_ref.vectors.suites.stream_tools import UNREADABLE

LEGAL = "legal streams of other servers, or of a proxy between, are not understood"
TRUNCATED = "whoever cuts the connection turns a long answer into a short one, and nobody notices"
SHUFFLED = "an attacker on the way leaves out, repeats or exchanges parts of an answer"
FOREIGN = "an attacker puts parts of one answer into another"
FORGED = "an attacker writes into an answer"
SECOND_TEXT = "one event has many texts: two readers of one stream see two things, and neither knows which is right"
HTML = "HTML Standard, 9.2.6"

FLAGS = {
    "Basic": Flag("basic", "a right stream as any server would send it", "no stream can be read", ("V1-STR-02",)),
    "EmptyStream": Flag(
        "edge case", "the final event alone", "an answer without text is reported as cut", ("V1-STR-04", "V1-STR-09")
    ),
    "EmptyChunk": Flag(
        "edge case",
        "a chunk without text is an event like any other and takes an index",
        "it is taken for the end, or not counted, so that the events after it do not open",
        ("V1-STR-02",),
    ),
    "Text": Flag(
        "edge case",
        "chunks of any text; a character whose bytes are cut between chunks comes whole",
        "half a character becomes a question mark, or the stream breaks off in the middle",
        ("V1-STR-02", "V1-STR-18"),
    ),
    "NearMarker": Flag(
        "edge case",
        "chunks that only resemble the marker, or make it up together, are text",
        "text is lost, or the stream ends where a user wrote the wrong word",
        ("V1-STR-04", "V1-STR-06"),
    ),
    "ManyEvents": Flag(
        "wrong computation",
        "more than 256 events, so that the index needs its second byte",
        "long streams break at their 257th event",
        ("V1-STR-03",),
    ),
    "Counter": Flag(
        "wrong computation",
        "a base nonce whose last four bytes make XOR, addition and byte orders differ at once",
        UNREADABLE,
        ("V1-STR-03",),
    ),
    "Pieces": Flag(
        "edge case",
        "the bytes arrive cut in another place, which means nothing",
        "streams fail on slow networks, once in a thousand times, and in no test",
        ("V1-STR-14",),
    ),
    "LineEnds": Flag("edge case", "lines end in CR, LF or CRLF, in any mixture", LEGAL, ("V1-STR-14", HTML)),
    "OtherLineEnds": Flag(
        "confusion",
        "characters that end a line in other places, such as U+2028, and do not here",
        "a comment becomes data, or one event becomes two: the two sides see two streams",
        ("V1-STR-14", HTML),
    ),
    "Comments": Flag(
        "edge case", "lines that begin with a colon mean nothing, whatever is in them", LEGAL, ("V1-STR-14", HTML)
    ),
    "Fields": Flag(
        "edge case",
        "fields other than data, known and unknown, mean nothing, nor does an event without data",
        LEGAL,
        ("V1-STR-14", HTML),
    ),
    "FieldName": Flag(
        "confusion",
        "a field whose name is not exactly data is another field: its event has no data, and is none",
        "what one reader leaves out another one reads: an attacker hides an event from one of them",
        ("V1-STR-14", HTML),
    ),
    "SpaceAfterColon": Flag(
        "edge case",
        "one space after the colon of a field is dropped, and none has to be there",
        LEGAL,
        ("V1-STR-14", HTML),
    ),
    "ByteOrderMark": Flag(
        "edge case",
        "one byte order mark at the very beginning of the body is dropped; anywhere else it is part of a field's name",
        "the first event is lost; or, where it is dropped everywhere, two readers see two streams",
        ("V1-STR-14", HTML),
    ),
    "AfterTheEnd": Flag(
        "edge case",
        "what follows the final event is ignored, whatever it is",
        "an attacker appends to a complete answer, or makes it fail",
        ("V1-STR-11",),
    ),
    "TruncatedBetweenEvents": Flag(
        "missing check", "the stream ends after a whole event that is not the final one", TRUNCATED, ("V1-STR-09",)
    ),
    "TruncatedInsideEvent": Flag(
        "missing check",
        "the stream ends inside an event; one whose empty line is missing is no event yet",
        TRUNCATED + "; or two readers see the end in two places",
        ("V1-STR-09", "V1-STR-14"),
    ),
    "EndIsNoEvent": Flag(
        "missing check",
        "the final event stands where no event is: in a comment, or in another field",
        TRUNCATED,
        ("V1-STR-09", "V1-STR-14"),
    ),
    "ForgedEnd": Flag(
        "missing check", "an end that the server did not seal for this place", TRUNCATED, ("V1-STR-04", "V1-STR-10")
    ),
    "EndAtAnotherIndex": Flag(
        "wrong computation",
        "the final event is sealed at another index than its place",
        TRUNCATED,
        ("V1-STR-03", "V1-STR-10"),
    ),
    "Reordered": Flag("missing check", "events in another order", SHUFFLED, ("V1-STR-03", "V1-STR-10")),
    "Dropped": Flag("missing check", "an event is missing", SHUFFLED, ("V1-STR-03", "V1-STR-10")),
    "Repeated": Flag("missing check", "an event comes twice", SHUFFLED, ("V1-STR-03", "V1-STR-10")),
    "OtherStream": Flag("confusion", "an event of another stream of the session", FOREIGN, ("V1-STR-03", "V1-STR-10")),
    "OtherSession": Flag(
        "confusion", "an event of another session", "one client reads what belongs to another", ("V1-LIFE-10",)
    ),
    "AlteredCiphertext": Flag(
        "missing check", "a bit of the ciphertext is changed, the tag is as it was", FORGED, ("V1-PRIM-10", "V1-STR-10")
    ),
    "AlteredTag": Flag(
        "missing check",
        "a bit of the tag is changed, the ciphertext is as it was",
        "where only a part of the tag is compared, a forgery takes fewer attempts: 2^32 for four bytes",
        ("V1-PRIM-10", "V1-STR-10"),
    ),
    "Length": Flag(
        "missing check",
        "bytes are cut from the sealed chunk, or added to it",
        "the program fails on fewer bytes than a tag, or parts of an event count that nobody sealed",
        ("V1-PRIM-10", "V1-STR-10"),
    ),
    "ForgedEvent": Flag(
        "missing check", "an event that nobody sealed stands between right ones", FORGED, ("V1-STR-10",)
    ),
    "Skipped": Flag(
        "missing check",
        "an event that does not open is passed over, and those after it are read",
        "an attacker removes from an answer what they do not like, by changing a bit of it",
        ("V1-STR-10",),
    ),
    "Released": Flag(
        "wrong order",
        "a fault and right events arrive together, or byte by byte: what was handed out is the same",
        "text is handed out before its tag is checked, or authentic text is lost",
        ("V1-STR-10",),
    ),
    "WrongCounter": Flag(
        "wrong computation",
        "a sender that counts its events in another way",
        "the receiver has the same fault, or takes any nonce",
        ("V1-STR-03",),
    ),
    "WrongSealing": Flag(
        "wrong computation",
        "a sender that seals otherwise: with associated data, without tags, or not at all",
        "the receiver has the same fault, or takes what is not sealed",
        ("V1-STR-02", "V1-PRIM-09"),
    ),
    "Base64Padding": Flag(
        "malleability", "the right bytes, with padding left out or added", SECOND_TEXT, ("V1-WIRE-02", "V1-STR-10")
    ),
    "Base64Bits": Flag(
        "malleability",
        "the right bytes, with unused bits at the end that are not zero",
        SECOND_TEXT,
        ("V1-WIRE-02", "RFC 4648, 3.5"),
    ),
    "Base64Space": Flag(
        "malleability", "the right text with white space before, after or in it", SECOND_TEXT, ("V1-WIRE-02",)
    ),
    "Base64Alphabet": Flag(
        "malleability",
        "the right bytes in another alphabet, or with characters of none, which a lenient decoder skips",
        SECOND_TEXT,
        ("V1-WIRE-02",),
    ),
    "OtherEncoding": Flag(
        "confusion", "the right bytes, but not as base64 alone", SECOND_TEXT, ("V1-STR-02", "V1-WIRE-01", "V1-WIRE-03")
    ),
    "DataLines": Flag(
        "malleability",
        "data in several lines, which are joined by a line feed, and that is not base64",
        SECOND_TEXT,
        ("V1-STR-14", "V1-WIRE-02", HTML),
    ),
    "EmptyData": Flag(
        "missing check",
        "an event with an empty data line has data, the empty text, which does not open",
        "an attacker writes events of their own, and readers count them differently",
        ("V1-STR-10", "V1-STR-14", HTML),
    ),
}
