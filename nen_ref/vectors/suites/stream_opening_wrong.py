"""The groups of v1/stream_opening that are refused: a right stream with one thing changed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from nen_ref.primitives.chacha20_poly1305 import aead_encrypt, chacha20_encrypt
from nen_ref.primitives.suite import REFERENCE
from nen_ref.protocol.stream import stream_nonce
from nen_ref.protocol.wire import decode_base64, encode_base64
from nen_ref.vectors.alter import flipped_bit
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Group, Test
from nen_ref.vectors.suites.stream_tools import (
    BROKEN,
    CHUNKS,
    CUT,
    FINAL,
    WRONG_NONCES,
    Sender,
    data_event,
    event_of,
    high_base_nonce,
    in_steps,
    joined,
    keys,
    refused,
)

ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


# What is cut


def truncated(draw: Draw) -> Group:
    sender = Sender.drawn(draw)
    one, two, three, end = events = sender.events(*CHUNKS)
    crlf = joined(*events).replace(b"\n", b"\r\n")

    def after(id: str, comment: str, *body: bytes) -> Test:
        return refused(f"cut-{id}", comment, CUT, body, "TruncatedBetweenEvents")

    def inside(id: str, comment: str, *body: bytes) -> Test:
        return refused(f"cut-{id}", comment, CUT, body, "TruncatedInsideEvent")

    places = {
        "in-name": (2, "two bytes of the word data"),
        "before-colon": (4, "the word data"),
        "after-colon": (5, "the word data and its colon"),
        "before-base64": (6, "the word data, its colon and the space"),
        "in-base64": (6 + 12, "twelve characters of its base64 text, which are base64"),
        "before-padding": (-4, "all but the end of its base64 text"),
        "before-line-end": (-2, "its whole base64 text, and no line end"),
        "before-empty-line": (-1, "its whole line, and no empty line"),
    }
    return Group(
        "streams that end without their final event",
        (
            after("at-once", "no piece at all"),
            after("empty-piece", "one empty piece", b""),
            after("byte-order-mark", "a byte order mark alone", b"\xef\xbb\xbf"),
            after("comments", "keep-alive comments alone", b": ping\n\n: ping\n\n"),
            after("after-one", "one event of four", one),
            after("after-two", "two events of four", one + two),
            after("after-three", "all but the final event", one + two + three),
            after("after-three-in-pieces", "all but the final event, each in a piece", one, two, three),
            after("after-three-byte-by-byte", "all but the final event, byte by byte", *in_steps(one + two + three, 1)),
            after("then-comment", "all but the final event, and a comment", one + two + three + b": bye\n\n"),
            after(
                "crlf", "all but the final event, lines end in CRLF", joined(one, two, three).replace(b"\n", b"\r\n")
            ),
            after("empty-chunk-last", "an empty chunk is not the end", one + sender.event(1, "")),
            after(
                "marker-in-parts",
                "the two parts of a chunk that was the marker are not the end",
                sender.event(0, "__FIN") + sender.event(1, "__"),
            ),
            after(
                "near-marker-last",
                "a chunk that only begins with the marker is not the end",
                sender.event(0, "__FIN__ "),
            ),
            *(
                inside(f"second-{name}", f"the last that arrives is a part of the second event: {says}", one + two[:at])
                for name, (at, says) in places.items()
            ),
            *(
                inside(
                    f"final-{name}",
                    f"the last that arrives is a part of the final event: {says}",
                    one + two + three + end[:at],
                )
                for name, (at, says) in places.items()
            ),
            inside(
                "final-before-empty-line-in-pieces",
                "the empty line of the final event is missing; a piece for each event",
                one,
                two,
                three,
                end[:-1],
            ),
            inside(
                "final-crlf-one-line-end", "the final event and one CRLF, which is one line end and not two", crlf[:-2]
            ),
            inside("final-crlf-cut", "the final event and the CR of its CRLF", crlf[:-3]),
            inside(
                "final-crlf-in-pieces",
                "the final event and one CRLF, its CR and its LF in two pieces: one line end and not two",
                crlf[:-3],
                b"\n",
            ),
            inside(
                "final-crlf-around-empty-piece",
                "the final event and one CRLF, an empty piece between its CR and its LF",
                crlf[:-3],
                b"",
                b"\n",
            ),
            inside(
                "final-then-comment",
                "the line of the final event, then a comment in place of its empty line",
                one + two + three + end[:-1] + b": bye\n",
            ),
        ),
        keys(sender),
    )


def end_is_no_event(draw: Draw) -> Group:
    sender = Sender.drawn(draw)
    *events, end = sender.events(*CHUNKS)
    before = joined(*events)
    line = end[len(b"data: ") :]

    def hidden(id: str, comment: str, last: bytes, flag: str = "FieldName") -> Test:
        return refused(f"end-{id}", comment, CUT, before + last, "EndIsNoEvent", flag)

    return Group(
        "a final event that is none, for it has no data",
        (
            hidden("in-comment", "in a comment", b": " + end, "Comments"),
            hidden("in-capitals", "in a field Data", b"Data: " + line),
            hidden("space-before-name", "in a field whose name begins with a space", b" " + end),
            hidden("tab-before-name", "in a field whose name begins with a tab", b"\t" + end),
            hidden("space-after-name", "in a field whose name ends in a space", b"data : " + line),
            hidden("other-separator", "with an equals sign in place of the colon", b"data=" + line),
            hidden("in-event-field", "in a field event", b"event: " + line),
            hidden("bare", "without the name of its field", line),
            hidden("byte-order-mark", "behind a byte order mark", b"\xef\xbb\xbf" + end, "ByteOrderMark"),
            hidden("event-done", "an event field that says done, without data", b"event: done\n\n", "Fields"),
            hidden("error-page", "an error page of a server", b"<html>500 Internal Server Error</html>\n\n", "Fields"),
            hidden(
                "error-body", "an error body of a server", b'{"error":{"code":"ISO-9000","message":"x"}}\n\n', "Fields"
            ),
        ),
        keys(sender),
    )


# What does not open


def shuffled(draw: Draw) -> Group:
    sender = Sender.drawn(draw)
    one, two, three, end = sender.events(*CHUNKS)

    def made(id: str, comment: str, flag: str, *events: bytes) -> Test:
        return refused(id, comment, BROKEN, joined(*events), flag)

    return Group(
        "events of the stream, not all of them, or not in their order",
        (
            made("first-two-exchanged", "the first two events exchanged", "Reordered", two, one, three, end),
            made("last-two-exchanged", "the last two chunks exchanged", "Reordered", one, three, two, end),
            made("backwards", "the chunks backwards", "Reordered", three, two, one, end),
            made("rotated", "the first chunk after the others", "Reordered", two, three, one, end),
            made("first-dropped", "without the first event", "Dropped", two, three, end),
            made("middle-dropped", "without the second event", "Dropped", one, three, end),
            made("last-dropped", "without the last chunk: the final event of another place", "Dropped", one, two, end),
            made("two-dropped", "without the two events in the middle", "Dropped", one, end),
            made("all-dropped", "the final event alone, which was sealed at index 3", "Dropped", end),
            made("first-twice", "the first event twice", "Repeated", one, one, two, three, end),
            made("middle-twice", "the second event twice", "Repeated", one, two, two, three, end),
            made("last-twice", "the last chunk twice", "Repeated", one, two, three, three, end),
            made(
                "first-again-at-end",
                "the first event once more before the final one",
                "Repeated",
                one,
                two,
                three,
                one,
                end,
            ),
            made(
                "first-in-place-of-second", "the first event in place of the second", "Repeated", one, one, three, end
            ),
            made("end-first", "the final event before all others", "EndAtAnotherIndex", end, one, two, three),
            made("end-moved-up", "the final event before the last chunk", "EndAtAnotherIndex", one, two, end, three),
            made(
                "end-sealed-at-0",
                "the final event sealed at index 0",
                "EndAtAnotherIndex",
                one,
                two,
                three,
                sender.event(0, FINAL),
            ),
            made(
                "end-sealed-one-before",
                "the final event sealed at index 2, its place is 3",
                "EndAtAnotherIndex",
                one,
                two,
                three,
                sender.event(2, FINAL),
            ),
            made(
                "end-sealed-one-after",
                "the final event sealed at index 4, its place is 3",
                "EndAtAnotherIndex",
                one,
                two,
                three,
                sender.event(4, FINAL),
            ),
            made(
                "end-sealed-at-the-limit",
                "the final event sealed at index 2^32 - 1",
                "EndAtAnotherIndex",
                one,
                two,
                three,
                sender.event(2**32 - 1, FINAL),
            ),
            made(
                "index-skipped",
                "a sender that leaves out the index 1",
                "WrongCounter",
                one,
                sender.event(2, "two "),
                sender.event(3, "three"),
                sender.event(4, FINAL),
            ),
        ),
        keys(sender),
    )


def foreign(draw: Draw) -> Group:
    sender = Sender.drawn(draw)
    one, two, three, end = sender.events(*CHUNKS)
    base, secret = sender.base_nonce, sender.secret
    other = Sender(secret, high_base_nonce(draw, "other"))
    stranger = Sender(draw("stranger"), base)

    def made(id: str, comment: str, flag: str, *events: bytes) -> Test:
        return refused(id, comment, BROKEN, joined(*events), flag)

    def near(place: int) -> Test:
        twin = Sender(secret, flipped_bit(base, place))
        comment = f"a chunk of a stream whose base nonce differs in one bit of byte {place}"
        return made(f"base-nonce-byte-{place}", comment, "OtherStream", one, twin.event(1, "two "), three, end)

    return Group(
        "events of other streams and of other sessions, sealed at the right index",
        (
            made(
                "other-stream-chunk",
                "a chunk of another stream of the session",
                "OtherStream",
                one,
                other.event(1, "two "),
                three,
                end,
            ),
            made(
                "other-stream-end",
                "the final event of another stream of the session",
                "OtherStream",
                one,
                two,
                three,
                other.event(3, FINAL),
            ),
            made("other-stream-whole", "another stream of the session", "OtherStream", *other.events(*CHUNKS)),
            made(
                "other-stream-tail",
                "a stream that goes on as another of the session",
                "OtherStream",
                one,
                *other.events(*CHUNKS)[1:],
            ),
            *(near(place) for place in (0, 3, 4, 7, 8, 11)),
            made(
                "other-session-chunk",
                "a chunk of another session, under the same base nonce",
                "OtherSession",
                one,
                stranger.event(1, "two "),
                three,
                end,
            ),
            made(
                "other-session-end",
                "the final event of another session, under the same base nonce",
                "OtherSession",
                one,
                two,
                three,
                stranger.event(3, FINAL),
            ),
            made(
                "other-session-whole",
                "a stream of another session, under the same base nonce",
                "OtherSession",
                *stranger.events(*CHUNKS),
            ),
            made(
                "key-of-zeros",
                "a chunk under a key of zeros",
                "OtherSession",
                one,
                Sender(bytes(32), base).event(1, "two "),
                three,
                end,
            ),
        ),
        keys(sender),
    )


NAMES = ("first", "second", "third", "final")


def altered(draw: Draw) -> Group:
    sender = Sender.drawn(draw)
    events = sender.events(*CHUNKS)
    two, final = sender.sealed(1, "two "), sender.sealed(3, FINAL)  # 4 and 7 bytes, and 16 of the tag

    def changed(id: str, comment: str, sealed: bytes, *flags: str, i: int = 1) -> Test:
        return refused(
            id,
            f"the {NAMES[i]} event: {comment}",
            BROKEN,
            joined(*events[:i], event_of(sealed), *events[i + 1 :]),
            *flags,
        )

    def fault(i: int) -> Sequence[bytes]:
        bad = event_of(flipped_bit(sender.sealed(i, (*CHUNKS, FINAL)[i]), 0))
        return (*events[:i], bad, *events[i + 1 :])

    return Group(
        "one event altered",
        (
            changed(
                "ciphertext-first-bit",
                "the lowest bit of the first byte of the ciphertext changed",
                flipped_bit(two, 0),
                "AlteredCiphertext",
            ),
            changed(
                "ciphertext-last-bit",
                "the highest bit of the last byte of the ciphertext changed",
                flipped_bit(two, 3, 7),
                "AlteredCiphertext",
            ),
            changed("tag-first-byte", "a bit of the first byte of the tag changed", flipped_bit(two, 4), "AlteredTag"),
            changed(
                "tag-fourth-byte", "a bit of the fourth byte of the tag changed", flipped_bit(two, 7), "AlteredTag"
            ),
            changed("tag-fifth-byte", "a bit of the fifth byte of the tag changed", flipped_bit(two, 8), "AlteredTag"),
            changed("tag-ninth-byte", "a bit of the ninth byte of the tag changed", flipped_bit(two, 12), "AlteredTag"),
            changed(
                "tag-last-byte",
                "the highest bit of the last byte of the tag changed",
                flipped_bit(two, -1, 7),
                "AlteredTag",
            ),
            changed("tag-zero", "a tag of zeros", two[:4] + bytes(16), "AlteredTag"),
            changed(
                "end-ciphertext",
                "a bit of the ciphertext changed",
                flipped_bit(final, 0),
                "AlteredCiphertext",
                "ForgedEnd",
                i=3,
            ),
            changed(
                "end-tag",
                "a bit of the last byte of the tag changed",
                flipped_bit(final, -1),
                "AlteredTag",
                "ForgedEnd",
                i=3,
            ),
            changed("cut-last-byte", "without the last byte", two[:-1], "Length"),
            changed("cut-first-byte", "without the first byte", two[1:], "Length"),
            changed("one-more-byte", "a byte after the tag", two + b"\0", "Length"),
            changed("one-more-byte-first", "a byte before the ciphertext", b"\0" + two, "Length"),
            changed("without-tag", "the ciphertext without its tag", two[:4], "Length"),
            changed("tag-alone", "the tag without its ciphertext", two[4:], "Length"),
            changed("15-bytes", "fifteen bytes, fewer than a tag", two[:15], "Length"),
            changed("one-byte", "one byte", two[:1], "Length"),
            changed("tag-first", "the tag before the ciphertext", two[4:] + two[:4], "WrongSealing"),
            *(
                refused(
                    f"fault-in-{NAMES[i]}-one-piece",
                    f"a bit of the {NAMES[i]} event changed, all events in one piece",
                    BROKEN,
                    joined(*fault(i)),
                    "Released",
                    "Skipped",
                )
                for i in (0, 2)
            ),
            *(
                refused(
                    f"fault-in-{NAMES[i]}-in-pieces",
                    f"a bit of the {NAMES[i]} event changed, a piece for each event",
                    BROKEN,
                    fault(i),
                    "Released",
                    "Skipped",
                )
                for i in (1, 3)
            ),
            refused(
                "fault-byte-by-byte",
                "a bit of the second event changed, a byte in each piece",
                BROKEN,
                in_steps(joined(*fault(1)), 1),
                "Released",
                "Skipped",
            ),
        ),
        keys(sender),
    )


def forged(draw: Draw) -> Group:
    sender = Sender.drawn(draw)
    events = sender.events(*CHUNKS)
    junk = draw("junk", 24)

    def inserted(id: str, comment: str, data: bytes, flag: str = "ForgedEvent") -> Test:
        body = joined(*events[:2], data_event(data), *events[2:])
        return refused(f"inserted-{id}", f"after the second event: {comment}", BROKEN, body, flag, "Skipped")

    def end(id: str, comment: str, data: bytes) -> Test:
        return refused(
            f"forged-end-{id}",
            f"in place of the final event: {comment}",
            BROKEN,
            joined(*events[:3], data_event(data)),
            "ForgedEnd",
        )

    return Group(
        "events that nobody sealed",
        (
            inserted("plain-text", "an event in plain text", b"hello"),
            inserted("plain-json", "an event in plain JSON, as other protocols have it", b'{"text":"hello"}'),
            inserted(
                "plain-base64", "an event in plain text as base64", encode_base64(b"hello, this is not sealed").encode()
            ),
            inserted("random", "random bytes", encode_base64(junk).encode()),
            inserted("zeros", "bytes of zero", encode_base64(bytes(20)).encode()),
            inserted("short", "fewer bytes than a tag", encode_base64(junk[:3]).encode()),
            inserted(
                "sealed-for-index-0",
                "a chunk sealed by the server at another index",
                sender.event(0, "two ")[6:-2],
                "Repeated",
            ),
            inserted("plain-end", "the marker in plain text", FINAL, "ForgedEnd"),
            end("plain", "the marker in plain text", FINAL),
            end("base64", "the marker as base64", encode_base64(FINAL).encode()),
            end(
                "base64-and-zeros",
                "the marker and sixteen bytes of zero as base64",
                encode_base64(FINAL + bytes(16)).encode(),
            ),
            end("done", "the marker of other protocols, [DONE]", b"[DONE]"),
            end("zeros", "as many bytes as a final event has, all zero", encode_base64(bytes(23)).encode()),
            end("tag-of-zeros", "a tag of zeros alone", encode_base64(bytes(16)).encode()),
            end("json", "an error in JSON", b'{"error":{"code":"ISO-9000","message":"x"}}'),
        ),
        keys(sender),
    )


def telling_sender(draw: Draw) -> Sender:
    """One whose base nonce makes every wrong counter another one: a sum carries at offset 4, an index is not contained
    in the byte at offset 8."""
    drawn = Sender.drawn(draw)
    base = bytearray(drawn.base_nonce)
    base[4] |= 1
    base[8] &= ~2 & 0xFF
    return Sender(drawn.secret, bytes(base))


def wrong_senders(draw: Draw) -> Group:
    sender = telling_sender(draw)
    key, base = sender.secret, sender.base_nonce
    plain = [chunk.encode() for chunk in CHUNKS] + [FINAL]
    nonces = [stream_nonce(base, i) for i in range(4)]

    def counted(name: str) -> Test:
        wrong = Sender(key, base, WRONG_NONCES[name])
        return refused(
            f"sender-{hyphens(name)}",
            f"a sender with the fault {name} of v1/stream_nonces",
            BROKEN,
            joined(*wrong.events(*CHUNKS)),
            "WrongCounter",
        )

    def made(id: str, comment: str, sealed: Iterable[bytes]) -> Test:
        return refused(f"sender-{id}", comment, BROKEN, joined(*map(event_of, sealed)), "WrongSealing")

    # Three events and the final one do not tell these from the right counter.
    alike = {"CounterOf8Bits", "CounterOf16Bits", "CounterOf31Bits"}
    both = list(zip(nonces, plain, strict=True))
    return Group(
        "whole streams of senders that compute otherwise",
        (
            *(counted(name) for name in WRONG_NONCES if name not in alike),
            made(
                "aad-nonce", "a sender with the nonce as associated data", (aead_encrypt(key, n, p, n) for n, p in both)
            ),
            made(
                "aad-index",
                "a sender with the index as associated data",
                (aead_encrypt(key, n, p, bytes([i])) for i, (n, p) in enumerate(both)),
            ),
            made(
                "aad-final-flag",
                "a sender whose associated data says which event is the final one",
                (aead_encrypt(key, n, p, bytes([p == FINAL])) for n, p in both),
            ),
            made(
                "without-tags",
                "a sender that encrypts and makes no tags",
                (chacha20_encrypt(key, 1, n, p) for n, p in both),
            ),
            made("plain", "a sender that does not seal at all", plain),
            made(
                "nonce-in-front",
                "a sender that puts the nonce before the ciphertext",
                (n + REFERENCE.aead_seal(key, n, p) for n, p in both),
            ),
        ),
        keys(sender),
    )


def hyphens(name: str) -> str:
    """CounterOf8Bits: counter-of-8-bits."""
    return re.sub(r"(?<=[a-z])(?=[A-Z0-9])|(?<=\d)(?=[A-Z])", "-", name).lower()


# Texts of the right bytes that are not their base64


def not_the_base64(draw: Draw) -> Group:
    sender = Sender.drawn(draw)
    chunks = ("one ", slashed(sender), "three")
    one, two, three, end = sender.events(*chunks)
    text = two[len(b"data: ") : -2]  # 18 bytes: 24 characters, no padding
    padded = sender.event(1, "a")[6:-2]  # 17 bytes: one "=", two unused bits
    twice_padded = sender.event(1, "abc")[6:-2]  # 19 bytes: two "=", four unused bits
    last = end[6:-2]  # 23 bytes: one "="

    def second(id: str, comment: str, data: bytes, flag: str) -> Test:
        return refused(
            f"text-{id}", f"the second event: {comment}", BROKEN, joined(one, data_event(data), three, end), flag
        )

    def final(id: str, comment: str, data: bytes, flag: str) -> Test:
        return refused(
            f"text-{id}", f"the final event: {comment}", BROKEN, joined(one, two, three, data_event(data)), flag
        )

    half = len(text) // 2
    middle = (text[:half], text[half:])
    return Group(
        "an event of the right bytes, written otherwise",
        (
            second("no-padding", "its padding left out", padded.rstrip(b"="), "Base64Padding"),
            second(
                "no-padding-of-two",
                "both characters of its padding left out",
                twice_padded.rstrip(b"="),
                "Base64Padding",
            ),
            second(
                "half-the-padding", "one of its two characters of padding left out", twice_padded[:-1], "Base64Padding"
            ),
            second("more-padding", "one character of padding too many", padded + b"=", "Base64Padding"),
            second(
                "padding-not-needed", "four characters of padding where none is needed", text + b"====", "Base64Padding"
            ),
            second("unused-bit", "the lowest unused bit is set", unused_bits(padded, 1), "Base64Bits"),
            second("unused-bits", "both unused bits are set", unused_bits(padded, 3), "Base64Bits"),
            second(
                "unused-bit-of-four",
                "the highest of four unused bits is set",
                unused_bits(twice_padded, 8),
                "Base64Bits",
            ),
            second("two-spaces", "two spaces after the colon, of which one is dropped", b" " + text, "Base64Space"),
            second("tab", "a tab after the space", b"\t" + text, "Base64Space"),
            second("space-behind", "a space at its end", text + b" ", "Base64Space"),
            second("tab-behind", "a tab at its end", text + b"\t", "Base64Space"),
            second("space-inside", "a space in its middle", b" ".join(middle), "Base64Space"),
            second("form-feed", "a form feed at its end", text + b"\f", "Base64Space"),
            second("no-break-space", "a no-break space at its end", text + "\u00a0".encode(), "Base64Space"),
            second(
                "url-safe", "the URL-safe alphabet", text.translate(bytes.maketrans(b"+/", b"-_")), "Base64Alphabet"
            ),
            second("nul", "a byte 00 at its end", text + b"\0", "Base64Alphabet"),
            second("not-utf-8", "a byte ff in its middle", b"\xff".join(middle), "Base64Alphabet"),
            second(
                "not-ascii", "a letter beyond ASCII in its middle", "\u00e9".encode().join(middle), "Base64Alphabet"
            ),
            second("byte-order-mark", "U+FEFF before it", "\ufeff".encode() + text, "Base64Alphabet"),
            second("asterisk", "a character of no alphabet in its middle", b"*".join(middle), "Base64Alphabet"),
            second(
                "full-width", "its first character in its full-width form", wide(text[:1]) + text[1:], "Base64Alphabet"
            ),
            second("quoted", "in quotation marks", b'"' + text + b'"', "OtherEncoding"),
            second("hex", "hexadecimal", decode_base64(text.decode()).hex().encode(), "OtherEncoding"),
            second("numbers", "an array of numbers", str(list(decode_base64(text.decode()))).encode(), "OtherEncoding"),
            second(
                "json",
                "an object with ct and n, as answers have it",
                b'{"ct":"' + text + b'","n":"' + encode_base64(stream_nonce(sender.base_nonce, 1)).encode() + b'"}',
                "OtherEncoding",
            ),
            second("twice-base64", "the base64 of its base64", encode_base64(text).encode(), "OtherEncoding"),
            second("name-twice", "the name of the field twice", b"data: " + text, "OtherEncoding"),
            final("final-no-padding", "its padding left out", last.rstrip(b"="), "Base64Padding"),
            final("final-more-padding", "one character of padding too many", last + b"=", "Base64Padding"),
            final("final-unused-bits", "its unused bits are set", unused_bits(last, 3), "Base64Bits"),
            final("final-space-behind", "a space at its end", last + b" ", "Base64Space"),
            final("final-two-spaces", "two spaces after the colon", b" " + last, "Base64Space"),
        ),
        keys(sender),
    )


def slashed(sender: Sender) -> str:
    """Two letters whose event, at index 1, has a character in its base64 text that the URL-safe alphabet has not."""
    texts = ((chunk, encode_base64(sender.sealed(1, chunk))) for chunk in (f"{i:02x}" for i in range(256)))
    return next(chunk for chunk, text in texts if "+" in text or "/" in text)


def unused_bits(text: bytes, bits: int) -> bytes:
    """A padded text with these of its unused bits set: two beside one character of padding, four beside two."""
    letters = text.rstrip(b"=")
    last = ALPHABET[ALPHABET.index(letters[-1]) | bits]
    return letters[:-1] + bytes([last]) + text[len(letters) :]


def wide(letter: bytes) -> bytes:
    """The full-width form of an ASCII character, which compatibility normalisation takes back."""
    return chr(letter[0] + 0xFEE0).encode()


def empty_data(draw: Draw) -> Group:
    sender = Sender.drawn(draw)
    one, two, three, end = sender.events(*CHUNKS)
    text = two[len(b"data: ") : -2]

    def between(id: str, comment: str, event: bytes) -> Test:
        return refused(f"empty-{id}", comment, BROKEN, joined(one, event, two, three, end), "EmptyData", "Skipped")

    def lines(id: str, comment: str, event: bytes) -> Test:
        return refused(f"lines-{id}", comment, BROKEN, joined(one, event, three, end), "DataLines")

    half = len(text) // 2
    return Group(
        "data lines that are empty, or several in one event",
        (
            between("data", "an event with a data line without a colon", b"data\n\n"),
            between("data-colon", "an event with a data line without a value", b"data:\n\n"),
            between("data-space", "an event with a data line and its space", b"data: \n\n"),
            refused(
                "empty-data-at-end",
                "an event with an empty data line in place of the final event",
                BROKEN,
                joined(one, two, three, b"data: \n\n"),
                "EmptyData",
                "ForgedEnd",
            ),
            lines(
                "split",
                "the base64 text of an event in two data lines",
                data_event(text[:half])[:-1] + data_event(text[half:]),
            ),
            lines(
                "split-in-lines-of-four",
                "the base64 text of an event in data lines of four characters",
                joined(*(b"data: " + part + b"\n" for part in in_steps(text, 4)), b"\n"),
            ),
            lines("empty-after", "an empty data line after the one of an event", two[:-1] + b"data:\n\n"),
            lines(
                "empty-after-without-colon",
                "a data line without a colon after the one of an event",
                two[:-1] + b"data\n\n",
            ),
            lines("empty-before", "an empty data line before the one of an event", b"data:\n" + two),
            lines("twice", "the data line of an event twice", two[:-1] + two),
            refused(
                "lines-two-events-crlf-cut",
                "two events with one CRLF between them, its CR and its LF in two pieces: one event",
                BROKEN,
                [one[:-2] + b"\r", joined(b"\n", two, three, end)],
                "DataLines",
                "Pieces",
            ),
            refused(
                "lines-two-events",
                "two events with one line feed between them: one event",
                BROKEN,
                joined(one[:-1], two, three, end),
                "DataLines",
            ),
        ),
        keys(sender),
    )


def framing(draw: Draw) -> Group:
    """Each of these would open for a reader that is more lenient than the HTML Standard."""
    sender = Sender.drawn(draw)
    one, two, three, end = sender.events(*CHUNKS)

    def hidden(id: str, comment: str, event: bytes, flag: str = "FieldName") -> Test:
        return refused(f"hidden-{id}", comment, BROKEN, joined(one, event, three, end), flag)

    def separated(id: str, comment: str, between: str) -> Test:
        body = joined(one[:-2], between.encode(), two, three, end)
        return refused(f"separated-{id}", comment, BROKEN, body, "OtherLineEnds")

    return Group(
        "events that are none, and line ends that are none",
        (
            hidden("in-comment", "the second event in a comment", b":" + two, "Comments"),
            hidden("capitals", "the second event in a field DATA", b"DATA" + two[4:]),
            hidden("space-before-name", "the second event in a field whose name begins with a space", b" " + two),
            hidden("space-after-name", "the second event in a field whose name ends in a space", b"data " + two[4:]),
            hidden("other-field", "the second event in a field datas", b"datas" + two[4:]),
            hidden(
                "byte-order-mark", "the second event behind a byte order mark", b"\xef\xbb\xbf" + two, "ByteOrderMark"
            ),
            refused(
                "two-byte-order-marks",
                "two byte order marks at the beginning: the first event has no data",
                BROKEN,
                joined(b"\xef\xbb\xbf" * 2, one, two, three, end),
                "ByteOrderMark",
            ),
            refused(
                "late-byte-order-mark",
                "a byte order mark after an empty line: the first event has no data",
                BROKEN,
                joined(b"\n\xef\xbb\xbf", one, two, three, end),
                "ByteOrderMark",
            ),
            separated("u-2028", "two events with U+2028 between them, twice", "\u2028\u2028"),
            separated("u-0085", "two events with U+0085 between them, twice", "\u0085\u0085"),
            separated("vertical-tab", "two events with vertical tabs between them", "\v\v"),
            separated("form-feed", "two events with form feeds between them", "\f\f"),
            separated("escaped", "two events with backslashes and the letter n between them", "\\n\\n"),
            separated("space-line", "a line with a space is not empty: two events are one", "\n \n"),
            separated("tab-line", "a line with a tab is not empty: two events are one", "\n\t\n"),
        ),
        keys(sender),
    )
