"""The groups of v1/stream_opening that open."""

from __future__ import annotations

from collections.abc import Iterable

from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Group, Test, valid
from nen_ref.vectors.suites.stream_tools import CHUNKS, FINAL, Sender, in_steps, joined, keys, opens


def contents(draw: Draw) -> Group:
    sender = Sender.drawn(draw)

    def stream(id: str, comment: str, chunks: Iterable[bytes | str], *flags: str) -> Test:
        return opens(id, comment, joined(*sender.events(*chunks)), *flags)

    return Group(
        "streams of all kinds of chunks, each in one piece",
        (
            stream("three-chunks", "three chunks and the final event", CHUNKS, "Basic"),
            stream("one-chunk", "one chunk of one byte", "a", "Basic"),
            stream("no-chunks", "the final event alone: the text is empty", (), "EmptyStream"),
            stream(
                "empty-chunk", "one empty chunk: the text is empty, the final event is at index 1", ("",), "EmptyChunk"
            ),
            stream(
                "empty-chunks-between",
                "empty chunks before, between and after others",
                ("", "a", "", "b", ""),
                "EmptyChunk",
            ),
            stream(
                "unicode",
                "characters of one to four bytes",
                ("Gr\u00fc\u00dfe, ", "\u4e16\u754c", "\U0001f510"),
                "Text",
            ),
            stream(
                "character-in-two-chunks",
                "a character of two bytes, one in each chunk",
                ("caf", b"\xc3", b"\xa9!"),
                "Text",
            ),
            stream(
                "character-in-four-chunks",
                "a character of four bytes, each in a chunk of its own",
                (b"\xf0", b"\x9f", b"\x94", b"\x90"),
                "Text",
            ),
            stream(
                "character-around-empty-chunk",
                "an empty chunk between the two bytes of a character",
                (b"\xc3", b"", b"\xa9"),
                "Text",
            ),
            stream(
                "byte-order-mark-in-text", "a later chunk that begins with U+FEFF: it is text", ("a", "\ufeffb"), "Text"
            ),
            stream(
                "line-ends-in-text",
                "CR, LF, CRLF, U+0000 and U+2028 in chunks are text",
                ("a\r", "\n\n", "\r\n", "\0\u2028"),
                "Text",
            ),
            stream(
                "event-in-text",
                "a chunk that looks like a final event in plain",
                ("data: __FIN__\n\n", "b"),
                "Text",
                "NearMarker",
            ),
            *(
                stream(f"near-marker-{name}", f"a chunk that is {says}", ("a", text, "b"), "NearMarker")
                for name, (text, says) in NEARLY.items()
            ),
            *(
                stream(
                    f"marker-split-at-{at}",
                    f"the text __FIN__ as a sender sends it: split after byte {at}",
                    (FINAL[:at], FINAL[at:]),
                    "NearMarker",
                )
                for at in range(1, 7)
            ),
            stream(
                "300-chunks", "300 chunks: the index passes 255 and 256", [f"{i:x} " for i in range(300)], "ManyEvents"
            ),
        ),
        keys(sender),
    )


NEARLY = {
    "space": ("__FIN__ ", "the marker and a space"),
    "space-first": (" __FIN__", "a space and the marker"),
    "line-feed": ("__FIN__\n", "the marker and a line feed"),
    "nul": ("__FIN__\0", "the marker and U+0000"),
    "lower-case": ("__fin__", "the marker in lower case"),
    "text-behind": ("__FIN__ is the end", "text that begins with the marker"),
    "text-before": ("the end: __FIN__", "text that ends in the marker"),
    "twice": ("__FIN____FIN__", "the marker twice"),
    "cut": ("__FIN", "the beginning of the marker"),
    "other-protocol": ("[DONE]", "the marker of other protocols"),
}


def base_nonces(draw: Draw) -> Group:
    secret = draw("secret")

    def stream(word: str) -> Test:
        sender = Sender(secret, draw(f"front/{word}", 8) + bytes.fromhex(word))
        given = {"base_nonce": sender.base_nonce, "pieces": [joined(*sender.events(*CHUNKS))]}
        return valid(f"base-nonce-{word}", f"the last four bytes of the base nonce are {word}", given, "Counter")

    words = ("00000000", "ffffffff", "feffffff", "01000000", "00000001", "00000080")
    return Group("base nonces of every kind", tuple(stream(word) for word in words), {"secret": secret})


def pieces(draw: Draw) -> Group:
    sender = Sender.drawn(draw)
    events = sender.events("one ", "\u00e9\U0001f510")
    body = joined(*events)
    crlf = body.replace(b"\n", b"\r\n")
    comment = ": \u4e16\u754c\n".encode() + body
    marked = b"\xef\xbb\xbf" + body

    def cut(id: str, at: int, says: str, whole: bytes = body) -> Test:
        return opens(f"cut-{id}", f"two pieces, cut {says}", [whole[:at], whole[at:]], "Pieces")

    first = len(events[0])
    return Group(
        "one stream in many pieces",
        (
            opens("event-by-event", "each event in a piece of its own", events, "Pieces"),
            opens("byte-by-byte", "each byte in a piece of its own", in_steps(body, 1), "Pieces"),
            opens(
                "byte-by-byte-crlf",
                "each byte in a piece of its own, lines end in CRLF",
                in_steps(crlf, 1),
                "Pieces",
                "LineEnds",
            ),
            opens("in-sevens", "pieces of seven bytes", in_steps(body, 7), "Pieces"),
            opens(
                "empty-pieces",
                "empty pieces between the events, before and after",
                [b"", events[0], b"", b"", events[1], events[2], b""],
                "Pieces",
            ),
            cut("in-field-name", 2, "inside of the word data"),
            cut("before-colon", 4, "before the colon"),
            cut("after-colon", 5, "between the colon and the space"),
            cut("after-space", 6, "between the space and the base64 text"),
            cut("in-base64", 15, "inside of the base64 text"),
            cut("before-line-end", first - 2, "before the end of the first line"),
            cut("before-empty-line", first - 1, "between the two line feeds"),
            cut("in-final-event", len(body) - 9, "inside of the final event"),
            cut("before-last-byte", len(body) - 1, "before the last line feed"),
            cut("in-crlf", crlf.index(b"\r\n") + 1, "between the CR and the LF of the first line", crlf),
            cut(
                "in-empty-crlf", crlf.index(b"\r\n\r\n") + 3, "between the CR and the LF of the first empty line", crlf
            ),
            opens(
                "empty-piece-in-crlf",
                "an empty piece between CR and LF",
                [crlf[: crlf.index(b"\n")], b"", crlf[crlf.index(b"\n") :]],
                "Pieces",
                "LineEnds",
            ),
            cut("in-character", 4, "inside of a character of three bytes in a comment", comment),
            cut("in-byte-order-mark", 1, "inside of the byte order mark", marked),
            cut("after-byte-order-mark", 3, "after the byte order mark", marked),
        ),
        keys(sender),
    )


def line_ends(draw: Draw) -> Group:
    sender = Sender.drawn(draw)
    events = sender.events(*CHUNKS)
    body = joined(*events)

    def ending(id: str, comment: str, empty: bytes) -> Test:
        return opens(id, comment, body.replace(b"\n\n", empty), "LineEnds")

    def noted(id: str, comment: str, note: str) -> Test:
        return opens(id, comment, f": {note}data: AAAA{note}{note}\n".encode() + body, "OtherLineEnds", "Comments")

    return Group(
        "ends of lines",
        (
            ending("crlf", "all lines end in CRLF", b"\r\n\r\n"),
            ending("cr", "all lines end in CR", b"\r\r"),
            ending("lf-crlf", "a line that ends in LF, and an empty one that ends in CRLF", b"\n\r\n"),
            ending("crlf-lf", "a line that ends in CRLF, and an empty one that ends in LF", b"\r\n\n"),
            ending("crlf-cr", "a line that ends in CRLF, and an empty one that ends in CR", b"\r\n\r"),
            ending("cr-crlf", "a line that ends in CR, and an empty one that ends in CRLF", b"\r\r\n"),
            ending("lf-cr", "a line that ends in LF, and an empty one that ends in CR", b"\n\r"),
            opens(
                "by-turns",
                "LF, CRLF, CR, LF, one for each event",
                joined(events[0], events[1].replace(b"\n", b"\r\n"), events[2].replace(b"\n", b"\r"), events[3]),
                "LineEnds",
            ),
            opens(
                "crlf-last-lf-missing",
                "CRLF, and the transport ends before the last LF: the CR has ended the line",
                body.replace(b"\n", b"\r\n")[:-1],
                "LineEnds",
            ),
            opens(
                "cr-byte-by-byte",
                "all lines end in CR, a byte in each piece",
                in_steps(body.replace(b"\n", b"\r"), 1),
                "LineEnds",
                "Pieces",
            ),
            noted("u-2028-in-comment", "a comment with U+2028, line separator", "\u2028"),
            noted("u-2029-in-comment", "a comment with U+2029, paragraph separator", "\u2029"),
            noted("u-0085-in-comment", "a comment with U+0085, next line", "\u0085"),
            noted("vertical-tab-in-comment", "a comment with U+000B, vertical tab", "\v"),
            noted("form-feed-in-comment", "a comment with U+000C, form feed", "\f"),
            noted("file-separator-in-comment", "a comment with U+001C, file separator", "\x1c"),
            noted("nul-in-comment", "a comment with U+0000", "\0"),
        ),
        keys(sender),
    )


def fields(draw: Draw) -> Group:
    sender = Sender.drawn(draw)
    first, *rest = sender.events(*CHUNKS)
    tail = joined(*rest)
    body = first + tail
    return Group(
        "fields, comments, events without data",
        (
            opens("no-space", "no space after the colon of data", body.replace(b"data: ", b"data:"), "SpaceAfterColon"),
            opens("comment-first", "a comment in front", b": hello\n" + body, "Comments"),
            opens(
                "comment-with-empty-line",
                "a comment and an empty line in front",
                b": keep-alive\n\n" + body,
                "Comments",
            ),
            opens(
                "keep-alive", "keep-alive comments between the events", first + b":\n\n: ping\n\n:\n" + tail, "Comments"
            ),
            opens(
                "comment-before-data",
                "a comment inside of an event, before its data",
                b": x\n" + first + tail,
                "Comments",
            ),
            opens(
                "comment-after-data",
                "a comment inside of an event, after its data",
                first[:-1] + b": x\n\n" + tail,
                "Comments",
            ),
            opens("comment-like-data", "a comment that looks like data", b":data: AAAA\n\n" + body, "Comments"),
            opens("comment-not-utf-8", "a comment that is not UTF-8", b": \xff\xfe\xc3\n" + body, "Comments"),
            opens(
                "event-field",
                "an event field in front of data and after it",
                b"event: message\n" + first[:-1] + b"event: x\n\n" + tail,
                "Fields",
            ),
            opens(
                "event-field-error",
                "an event of the type error is read like any other",
                b"event: error\n" + body,
                "Fields",
            ),
            opens(
                "id-field", "ids, as servers with resumption send them", b"id: 1\n" + first + b"id:2\n" + tail, "Fields"
            ),
            opens("id-after-data", "an id after the data", first[:-1] + b"id: 1\n\n" + tail, "Fields"),
            opens("id-with-nul", "an id with U+0000 in it", b"id: a\0b\n" + body, "Fields"),
            opens("retry-field", "a retry field in an event of its own", b"retry: 3000\n\n" + body, "Fields"),
            opens("retry-not-a-number", "a retry field that is not a number", b"retry: soon\n" + body, "Fields"),
            opens("unknown-field", "unknown fields", b"foo: bar\nfoo\n" + body, "Fields"),
            opens(
                "field-without-colon",
                "lines without a colon are fields without a value",
                b"event\nid\nretry\n" + body,
                "Fields",
            ),
            opens(
                "event-without-data",
                "an event without data is no event and takes no index",
                b"event: start\nid: 0\n\n" + body,
                "Fields",
            ),
            opens(
                "empty-lines",
                "empty lines in front, between and after",
                b"\n\n" + first + b"\n\n\n" + tail + b"\n",
                "Fields",
            ),
            opens("longer-name", "a field whose name only begins with data", b"datax: AAAA\n" + body, "FieldName"),
            opens("name-in-capitals", "a field whose name is DATA", b"DATA: AAAA\n" + body, "FieldName"),
            opens("space-before-name", "a field whose name begins with a space", b" data: AAAA\n" + body, "FieldName"),
            opens("space-after-name", "a field whose name ends in a space", b"data : AAAA\n" + body, "FieldName"),
            opens("byte-order-mark", "a byte order mark at the beginning", b"\xef\xbb\xbf" + body, "ByteOrderMark"),
            opens(
                "byte-order-mark-comment",
                "a byte order mark in front of a comment",
                b"\xef\xbb\xbf: x\n" + body,
                "ByteOrderMark",
            ),
        ),
        keys(sender),
    )


def after_the_end(draw: Draw) -> Group:
    sender = Sender.drawn(draw)
    events = sender.events(*CHUNKS)
    body = joined(*events)

    def followed(id: str, comment: str, *more: bytes) -> Test:
        return opens(id, comment, [body + more[0], *more[1:]], "AfterTheEnd")

    return Group(
        "what follows the final event is ignored",
        (
            followed("then-garbage", "bytes that are no event, in the same piece", b"\xff\x00<html>\n\n"),
            followed(
                "then-garbage-later", "bytes that are no event, in a piece of their own", b"", b"\xff\x00<html>\n\n"
            ),
            followed("then-bad-event", "an event that does not open", b"data: AAAA\n\n"),
            followed(
                "then-bad-event-later", "an event that does not open, in a piece of its own", b"", b"data: AAAA\n\n"
            ),
            followed("then-good-event", "an event that opens at the next index", sender.event(4, " four")),
            followed(
                "then-good-event-later",
                "an event that opens at the next index, in a piece of its own",
                b"",
                sender.event(4, " four"),
            ),
            followed("then-second-end", "a second final event, at the next index", sender.event(4, FINAL)),
            followed("then-stream-again", "the whole stream again", body),
            followed("then-half-event", "half an event", b"data: AAA"),
            followed("then-plain-json", "an error of a proxy in JSON", b'{"error":"timeout"}'),
        ),
        keys(sender),
    )
