"""Streams of a library, both sides: section 8 of the specification."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from nen_ref.conformance.harness.driver import Reply
from nen_ref.conformance.harness.probe import HarnessProbe
from nen_ref.conformance.model import ACCEPTED
from nen_ref.conformance.randomness import random_bytes
from nen_ref.conformance.registry import case
from nen_ref.primitives.errors import AuthenticationError
from nen_ref.primitives.suite import REFERENCE
from nen_ref.protocol.sse import EventReader
from nen_ref.protocol.stream import stream_nonce
from nen_ref.protocol.wire import Malformed, decode_base64, encode_base64
from nen_ref.vectors.alter import flipped

NONCE, SEAL, SEAL_AT, OPEN = "stream.nonce", "stream.seal", "stream.seal_at", "stream.open"
FINAL = "__FIN__"

UNREADABLE = "the other side cannot open a single event after the first"
NONCE_TWICE = "two chunks under one key and nonce: their XOR is in the open, and tags can be forged"
TRUNCATED = "whoever cuts the connection turns a long answer into a short one, and nobody notices"
REORDERED = "an attacker on the way could leave out, repeat or exchange parts of an answer"
FOREIGN = "parts of one answer could be put into another"
LOST = "legal streams of other servers, or of a proxy between, are not understood"

# nonce_i by hand: the last four bytes, least significant first, XORed with i.
NONCES = (
    ("00112233445566778899aabb", 0, "00112233445566778899aabb"),
    ("00112233445566778899aabb", 1, "00112233445566778999aabb"),
    ("00112233445566778899aabb", 255, "00112233445566777799aabb"),
    ("00112233445566778899aabb", 256, "00112233445566778898aabb"),
    ("00112233445566778899aabb", 65535, "00112233445566777766aabb"),
    ("00112233445566778899aabb", 65536, "00112233445566778899abbb"),
    ("00112233445566778899aabb", 2**24, "00112233445566778899aaba"),
    ("00112233445566778899aabb", 2**31, "00112233445566778899aa3b"),
    ("00112233445566778899aabb", 2**32 - 1, "001122334455667777665544"),
    ("ffffffffffffffffffffffff", 0, "ffffffffffffffffffffffff"),
    ("ffffffffffffffffffffffff", 1, "fffffffffffffffffeffffff"),
    ("ffffffffffffffffffffffff", 256, "fffffffffffffffffffeffff"),
    ("ffffffffffffffffffffffff", 2**31, "ffffffffffffffffffffff7f"),
    ("ffffffffffffffffffffffff", 2**32 - 1, "ffffffffffffffff00000000"),
    ("000000000000000000000000", 1, "000000000000000001000000"),
    ("000000000000000000000000", 305_419_896, "000000000000000078563412"),
    ("0123456789abcdef00000080", 2**31, "0123456789abcdef00000000"),
    ("0123456789abcdefff000000", 1, "0123456789abcdeffe000000"),
)


@dataclass(frozen=True)
class Stream:
    """The suite's end of one stream."""

    secret: bytes = field(default_factory=lambda: random_bytes(32))
    base_nonce: bytes = field(default_factory=lambda: random_bytes(8) + b"\xfd\xff\xff\x80")

    def data(self, i: int, chunk: str | bytes) -> str:
        """The base64 text of event `i`."""
        plain = chunk if isinstance(chunk, bytes) else chunk.encode()
        return encode_base64(REFERENCE.aead_seal(self.secret, stream_nonce(self.base_nonce, i), plain))

    def event(self, i: int, chunk: str | bytes) -> bytes:
        return f"data: {self.data(i, chunk)}\n\n".encode()

    def events(self, *chunks: str | bytes) -> list[bytes]:
        """The events of a whole stream, the final one included."""
        return [self.event(i, chunk) for i, chunk in enumerate((*chunks, FINAL))]

    def read(self, body: str) -> list[bytes] | str:
        """The chunks of a body in order, all of them opened; or what is wrong with it, in words."""
        chunks: list[bytes] = []
        for i, data in enumerate(EventReader(2**24).feed(body.encode("utf-8", "surrogatepass"))):
            try:
                sealed = decode_base64(data.decode("ascii"))
                chunks.append(REFERENCE.aead_open(self.secret, stream_nonce(self.base_nonce, i), sealed))
            except (Malformed, UnicodeDecodeError):
                return f"event {i} is not base64"
            except AuthenticationError:
                return f"event {i} does not open under nonce_{i}"
        return chunks

    async def open(self, probe: HarnessProbe, *pieces: bytes) -> Reply:
        return await probe.call(OPEN, secret=self.secret, base_nonce=self.base_nonce, pieces=list(pieces))

    async def opens(self, probe: HarnessProbe, pieces: Sequence[bytes], note: str, text: str) -> None:
        probe.matches(await self.open(probe, *pieces), note, {"text": text})

    async def breaks(self, probe: HarnessProbe, pieces: Sequence[bytes], note: str, released: str) -> None:
        """Check that a stream is refused, and that exactly the authentic text before the fault was handed out."""
        reply = await self.open(probe, *pieces)
        probe.judge(reply, note)
        if reply.refused:
            got = reply.values.get("released")
            probe.ensure(got == released, f"{note}: released is {got!r}, expected {released!r}")

    async def control(self, probe: HarnessProbe) -> list[bytes]:
        """The events of the stream a, b, c; together they open."""
        events = self.events("a", "b", "c")
        await self.opens(probe, [b"".join(events)], "the stream before it was altered", "abc")
        probe.sound()
        return events


def _written(probe: HarnessProbe, stream: Stream, reply: Reply, note: str, expected: Sequence[bytes]) -> None:
    """Check that a sealed stream has exactly these chunks."""
    if not reply.ok:
        probe.matches(reply, note, {})
        return
    chunks = stream.read(reply["body"])
    if isinstance(chunks, str):
        probe.diverged(f"{note}: {chunks}")
        probe.ensure(False, f"{note}: {chunks}")
    else:
        shown = f"{len(chunks)} chunks {[chunk[:12] for chunk in chunks[-3:]]!r} at the end"
        probe.ensure(chunks == list(expected), f"{note}: {shown}, expected {len(expected)}")


# Sealing


@case(
    "v1/library-stream/nonces",
    "V1-STR-03",
    ACCEPTED,
    why=UNREADABLE,
    cause="a big-endian counter, a counter at another offset, added in place of XORed, counted from 1, or of one byte",
    needs=(NONCE,),
)
async def nonces(probe: HarnessProbe) -> None:
    """nonce_i for indexes of 0 to 2^32 - 1, around every byte, and base nonces whose last bytes have their high bits."""
    for base, index, nonce in NONCES:
        reply = await probe.call(NONCE, base_nonce=bytes.fromhex(base), index=index)
        probe.matches(reply, f"index {index} of {base}", {"nonce": nonce})


@case(
    "v1/library-stream/seal",
    "V1-STR-02",
    ACCEPTED,
    why=UNREADABLE,
    cause="chunks are joined or cut, an empty one is left out, or texts are not UTF-8",
    needs=(SEAL,),
)
async def seal(probe: HarnessProbe) -> None:
    """Each chunk is an event of its own, sealed under its nonce: empty, of all planes, with line ends, of 50 000 bytes."""
    texts = ("a", "b", "", "Grüße, 世界, 🔐", "line\nline\r\n\n", "data: x\n\n", "\ufeff", "x" * 50_000)
    stream = Stream()
    reply = await probe.call(SEAL, secret=stream.secret, base_nonce=stream.base_nonce, chunks=list(texts))
    _written(probe, stream, reply, "eight chunks", [*(text.encode() for text in texts), b"__FIN__"])


@case(
    "v1/library-stream/seal-many",
    "V1-STR-03",
    ACCEPTED,
    why=UNREADABLE,
    cause="the counter has one byte, or its carry goes the wrong way",
    needs=(SEAL,),
)
async def seal_many(probe: HarnessProbe) -> None:
    """The 257th event and those after it are sealed under their own nonces."""
    stream = Stream()
    texts = [str(i) for i in range(300)]
    reply = await probe.call(SEAL, secret=stream.secret, base_nonce=stream.base_nonce, chunks=texts)
    _written(probe, stream, reply, "300 chunks", [*(text.encode() for text in texts), b"__FIN__"])


@case(
    "v1/library-stream/seal-final",
    "V1-STR-04",
    ACCEPTED,
    why=TRUNCATED,
    cause="the final event is left out, sent unsealed, or sent twice",
    needs=(SEAL,),
)
async def seal_final(probe: HarnessProbe) -> None:
    """The last event, of a stream without chunks too, seals __FIN__ and is the only one that does."""
    for chunks in ([], ["a"], ["a", "b", "c"]):
        stream = Stream()
        reply = await probe.call(SEAL, secret=stream.secret, base_nonce=stream.base_nonce, chunks=chunks)
        _written(probe, stream, reply, f"{len(chunks)} chunks", [*(text.encode() for text in chunks), b"__FIN__"])


@case(
    "v1/library-stream/seal-marker",
    "V1-STR-06",
    ACCEPTED,
    why="whoever can put one word into an answer ends it there",
    cause="a chunk that happens to be the marker is sealed like any other",
    needs=(SEAL,),
)
async def seal_marker(probe: HarnessProbe) -> None:
    """A chunk that is exactly __FIN__ is sent in parts: the text is whole, and only the last event is the marker."""
    for texts in (["__FIN__"], ["a", "__FIN__", "b"], ["__FIN__", "__FIN__"]):
        stream = Stream()
        reply = await probe.done(SEAL, secret=stream.secret, base_nonce=stream.base_nonce, chunks=texts)
        chunks = stream.read(reply["body"])
        if isinstance(chunks, str):
            probe.ensure(False, chunks)
            continue
        *data, final = chunks or [b""]
        probe.ensure(final == b"__FIN__", "the last event is not the marker")
        probe.ensure(b"__FIN__" not in data, "an event before the last is the marker")
        text = b"".join(data)
        probe.ensure(text == "".join(texts).encode(), f"the text is {text!r}")


@case(
    "v1/library-stream/seal-nearly-marker",
    "V1-STR-02",
    ACCEPTED,
    why="texts are lost or cut where they resemble the marker",
    cause="the marker is looked for inside of chunks, without case, or after trimming",
    needs=(SEAL,),
)
async def seal_nearly_marker(probe: HarnessProbe) -> None:
    """Chunks that only resemble the marker are sealed as they are."""
    texts = ["__FIN__ ", " __FIN__", "__fin__", "x__FIN__", "__FIN____FIN__", "__FIN", "_", "__FIN__\n"]
    stream = Stream()
    reply = await probe.call(SEAL, secret=stream.secret, base_nonce=stream.base_nonce, chunks=texts)
    _written(probe, stream, reply, "eight chunks", [*(text.encode() for text in texts), b"__FIN__"])


@case(
    "v1/library-stream/seal-at",
    "V1-STR-03",
    ACCEPTED,
    why=NONCE_TWICE,
    cause="a counter of 8, 16 or 31 bits, or one that is a floating-point number in XOR",
    needs=(SEAL_AT,),
)
async def seal_at(probe: HarnessProbe) -> None:
    """Events at the indexes 0, 1, 255, 256, 65 536, 2^31 and 2^32 - 2 are sealed under their nonces."""
    stream = Stream()
    for i in (0, 1, 255, 256, 65_535, 65_536, 2**31 - 1, 2**31, 2**32 - 2):
        reply = await probe.call(SEAL_AT, secret=stream.secret, base_nonce=stream.base_nonce, index=i, chunk="x")
        if not reply.ok:
            probe.matches(reply, f"index {i}", {})
            continue
        data = b"".join(EventReader(2**20).feed(reply["body"].encode()))
        same = data.decode("ascii", "replace") == stream.data(i, "x")
        probe.ensure(same, f"index {i}: the event is {'' if same else 'not '}sealed under nonce_{i}")


@case(
    "v1/library-stream/seal-at-the-end",
    "V1-STR-07",
    "ISO-4002",
    why=NONCE_TWICE,
    cause="the counter wraps",
    needs=(SEAL_AT,),
)
async def seal_at_the_end(probe: HarnessProbe) -> None:
    """A chunk at index 2^32 - 1, which only the final event may have, is refused; so is one that would need it."""
    stream = Stream()
    given = {"secret": stream.secret, "base_nonce": stream.base_nonce}
    last = await probe.call(SEAL_AT, **given, index=2**32 - 2, chunk="x")
    probe.matches(last, "index 2^32 - 2", {"body": stream.event(2**32 - 2, "x").decode()})
    probe.judge(await probe.call(SEAL_AT, **given, index=2**32 - 1, chunk="x"), "index 2^32 - 1")
    probe.judge(await probe.call(SEAL_AT, **given, index=2**32, chunk="x"), "index 2^32")
    probe.judge(await probe.call(SEAL_AT, **given, index=2**32 - 2, chunk=FINAL), "the marker at index 2^32 - 2")


# Opening what is right


@case(
    "v1/library-stream/open",
    "V1-STR-04",
    ACCEPTED,
    why="streams of other implementations cannot be read",
    cause="the text of the final event is handed out, or an empty chunk is taken for the end",
    needs=(OPEN,),
)
async def opened(probe: HarnessProbe) -> None:
    """Streams of no, one and many chunks open, empty ones and long ones among them; the marker is not handed out."""
    for note, chunks in {
        "no chunk": [],
        "one": ["a"],
        "empty chunks": ["", "a", "", ""],
        "all planes": ["Grüße, ", "世界", "🔐"],
        "line ends": ["a\n", "\r\n", "\n\n", "data: x\n\n"],
        "50 000 bytes": ["x" * 50_000, "y"],
        "nearly markers": ["__FIN__ ", "__fin__", "x__FIN__", "__FIN____FIN__"],
        "a marker in parts": ["__FIN", "__"],
        "300 chunks": [str(i) for i in range(300)],
    }.items():
        stream = Stream()
        await stream.opens(probe, [b"".join(stream.events(*chunks))], note, "".join(chunks))


@case(
    "v1/library-stream/open-pieces",
    "V1-STR-14",
    ACCEPTED,
    why=LOST,
    cause="each piece that the network delivers is taken for whole events or lines",
    needs=(OPEN,),
)
async def open_pieces(probe: HarnessProbe) -> None:
    """A stream cut in two at every byte, into single bytes, or with empty pieces between, is the same stream."""
    stream = Stream()
    body = b"".join(stream.events("a", "é"))
    for at in range(1, len(body)):
        await stream.opens(probe, [body[:at], body[at:]], f"cut at byte {at}", "aé")
    await stream.opens(probe, [body[i : i + 1] for i in range(len(body))], "single bytes", "aé")
    await stream.opens(
        probe, [b"", *[part for i in range(len(body)) for part in (body[i : i + 1], b"")]], "empty pieces", "aé"
    )
    crlf = body.replace(b"\n", b"\r\n")
    for at in range(1, len(crlf)):
        await stream.opens(probe, [crlf[:at], crlf[at:]], f"CRLF, cut at byte {at}", "aé")


@case(
    "v1/library-stream/open-characters",
    "V1-STR-14",
    ACCEPTED,
    why="half a character becomes two question marks, or an error in the middle of an answer",
    cause="each piece or chunk is decoded from UTF-8 by itself",
    needs=(OPEN,),
)
async def open_characters(probe: HarnessProbe) -> None:
    """A character whose bytes are in two pieces of the body, in a chunk or in a comment, does no harm."""
    stream = Stream()
    text = "é世🔐"
    comment = ": 世界🔐\n".encode() + b"".join(stream.events(text))
    for at in range(1, 14):
        await stream.opens(probe, [comment[:at], comment[at:]], f"a comment cut at byte {at}", text)


@case(
    "v1/library-stream/open-characters-between-chunks",
    "V1-STR-18",
    ACCEPTED,
    why="a token of a model ends in the middle of a character: two question marks, or an error in the middle of an answer",
    cause="each chunk is decoded from UTF-8 by itself",
    needs=(OPEN,),
)
async def open_characters_between_chunks(probe: HarnessProbe) -> None:
    """A character whose bytes are in two chunks, or in four, arrives whole."""
    stream = Stream()
    text = "é世🔐"
    data = text.encode()
    for at in range(1, len(data)):
        body = b"".join(stream.events(data[:at], data[at:]))
        await stream.opens(probe, [body], f"chunks cut at byte {at}", text)
    single = b"".join(stream.events(*(data[i : i + 1] for i in range(len(data)))))
    await stream.opens(probe, [single], "one byte in each chunk", text)


@case(
    "v1/library-stream/open-line-ends",
    "V1-STR-14",
    ACCEPTED,
    why=LOST,
    cause="the body is split at two line feeds",
    needs=(OPEN,),
)
async def open_line_ends(probe: HarnessProbe) -> None:
    """Lines that end in LF, CRLF or CR, or in all of them by turns, are lines."""
    stream = Stream()
    events = stream.events("a", "b", "c")
    body = b"".join(events)
    mixed = events[0] + events[1].replace(b"\n", b"\r\n") + events[2].replace(b"\n", b"\r")
    bodies = {
        "LF": body,
        "CRLF": body.replace(b"\n", b"\r\n"),
        "CR": body.replace(b"\n", b"\r"),
        "by turns": mixed + events[3],
        "CRLF and LF in one event": body.replace(b"\n\n", b"\r\n\n"),
        "LF and CRLF in one event": body.replace(b"\n\n", b"\n\r\n"),
        "CR and LF apart": body.replace(b"\n\n", b"\r\r\n"),
    }
    for note, given in bodies.items():
        await stream.opens(probe, [given], note, "abc")
        await stream.opens(probe, [given[i : i + 1] for i in range(len(given))], f"{note}, byte by byte", "abc")


@case(
    "v1/library-stream/open-fields",
    "V1-STR-14",
    ACCEPTED,
    why=LOST,
    cause="a line that does not begin with 'data: ' is an error, or part of the data",
    needs=(OPEN,),
)
async def open_fields(probe: HarnessProbe) -> None:
    """Comments, event, id, retry and unknown fields, no space after the colon, a byte order mark: all of it is legal."""
    stream = Stream()
    first, *rest = stream.events("a", "b", "c")
    body, tail = first + b"".join(rest), b"".join(rest)
    bodies = {
        "no space after the colon": body.replace(b"data: ", b"data:"),
        "a comment in front": b": hello\n" + body,
        "a comment and an empty line": b": keep alive\n\n" + body,
        "comments between": first + b":\n\n: ping\n\n" + tail,
        "a comment inside an event": b"data: " + first[6:-1] + b": x\n\n" + tail,
        "a comment that looks like data": b":data: AAAA\n" + body,
        "an event field": b"event: message\n" + first + b"event: x\n" + tail,
        "an id": b"id: 1\n" + first + b"id:2\n" + tail,
        "an id behind the data": first[:-1] + b"id: 1\n\n" + tail,
        "retry": b"retry: 3000\n\n" + body,
        "an unknown field": b"datax: AAAA\nfoo: bar\n" + body,
        "a field name in upper case": b"DATA: AAAA\n" + body,
        "a space before a field name": b" data: AAAA\n" + body,
        "a field without a colon": b"foo\n" + body,
        "more empty lines": b"\n\n" + first + b"\n\n\n" + tail,
        "an event without data": b"event: end\nid: 9\n\n" + body,
        "a byte order mark": b"\xef\xbb\xbf" + body,
    }
    for note, given in bodies.items():
        await stream.opens(probe, [given], note, "abc")


@case(
    "v1/library-stream/open-after-the-end",
    "V1-STR-11",
    ACCEPTED,
    why="text that the server did not mean to be in this answer would be shown as a part of it",
    cause="the reader goes on after the final event",
    needs=(OPEN,),
)
async def open_after_the_end(probe: HarnessProbe) -> None:
    """What follows the final event is ignored: garbage, sound events, a second end, in its piece or in another."""
    stream = Stream()
    body = b"".join(stream.events("a", "b"))
    extra = {
        "garbage": b"\xff\x00garbage\n\n",
        "an event that does not open": b"data: AAAA\n\n",
        "an event that would open": stream.event(3, "x"),
        "a second end": stream.event(3, FINAL),
        "an event of before": stream.event(1, "b"),
        "half an event": b"data: AAA",
    }
    for note, more in extra.items():
        await stream.opens(probe, [body + more], f"{note} in the same piece", "ab")
        await stream.opens(probe, [body, more, more], f"{note} in further pieces", "ab")


# Opening what is wrong


@case(
    "v1/library-stream/cut-between-events",
    "V1-STR-09",
    "ISO-7002",
    why=TRUNCATED,
    cause="the end of the connection is taken for the end of the stream",
    needs=(OPEN,),
)
async def cut_between_events(probe: HarnessProbe) -> None:
    """A stream that ends after any of its events but the final one is refused; what came was handed out."""
    stream = Stream()
    events = await stream.control(probe)
    for count in range(4):
        await stream.breaks(probe, [b"".join(events[:count])], f"after {count} events", "abc"[:count])
    await stream.breaks(probe, [], "no piece at all", "")
    await stream.breaks(probe, [b": keep alive\n\n"], "a comment alone", "")


@case(
    "v1/library-stream/cut-inside-an-event",
    "V1-STR-09",
    "ISO-7002",
    why=TRUNCATED,
    cause="what is left in the buffer at the end is taken for an event, or thrown away in silence",
    needs=(OPEN,),
)
async def cut_inside_an_event(probe: HarnessProbe) -> None:
    """A stream cut inside its second or its final event is refused, even if only its empty line is missing."""
    stream = Stream()
    events = await stream.control(probe)
    for cut in (1, 4, 6, 7, 20, len(events[1]) - 2, len(events[1]) - 1):
        await stream.breaks(probe, [events[0] + events[1][:cut]], f"{cut} bytes into the second event", "a")
    whole = b"".join(events)
    final = len(events[3])
    for missing in (1, 2, 3, final - 6, final - 1):
        await stream.breaks(probe, [whole[:-missing]], f"{missing} bytes missing at the end", "abc")


@case(
    "v1/library-stream/dropped",
    "V1-STR-10",
    "ISO-4001",
    why=REORDERED,
    cause="the counter is taken from the event, or all events are under one nonce",
    needs=(OPEN,),
)
async def dropped(probe: HarnessProbe) -> None:
    """A stream without one of its events is refused at that place."""
    stream = Stream()
    a, b, c, end = await stream.control(probe)
    for note, (events, released) in {
        "the first": ([b, c, end], ""),
        "one in the middle": ([a, c, end], "a"),
        "the last chunk": ([a, b, end], "ab"),
        "all but the end": ([end], ""),
    }.items():
        await stream.breaks(probe, [b"".join(events)], note, released)


@case(
    "v1/library-stream/repeated",
    "V1-STR-10",
    "ISO-4001",
    why=REORDERED,
    cause="the counter is taken from the event, or all events are under one nonce",
    needs=(OPEN,),
)
async def repeated(probe: HarnessProbe) -> None:
    """A stream with one of its events twice, or two exchanged, is refused at that place."""
    stream = Stream()
    a, b, c, end = await stream.control(probe)
    for note, (events, released) in {
        "the first twice": ([a, a, b, c, end], "a"),
        "one in the middle twice": ([a, b, b, c, end], "ab"),
        "the first once more before the end": ([a, b, c, a, end], "abc"),
        "the first two exchanged": ([b, a, c, end], ""),
        "the last two exchanged": ([a, c, b, end], "a"),
        "the end before the last": ([a, b, end, c], "ab"),
        "backwards": ([c, b, a, end], ""),
    }.items():
        await stream.breaks(probe, [b"".join(events)], note, released)


@case(
    "v1/library-stream/altered",
    "V1-STR-10",
    "ISO-4001",
    why="altered text would be handed out as the server's",
    cause="the tag is checked at the end of the stream, or not at all; or the chunk is handed out first",
    needs=(OPEN,),
)
async def altered(probe: HarnessProbe) -> None:
    """An event with one bit changed, cut or lengthened is refused, and nothing of it or after it is handed out."""
    stream = Stream()
    events = await stream.control(probe)
    sealed = decode_base64(stream.data(1, "b"))
    wrong = {
        "first byte": flipped(sealed, 0),
        "first byte of the tag": flipped(sealed, 1),
        "last byte of the tag": flipped(sealed, -1, 0x80),
        "cut": sealed[:-1],
        "lengthened": sealed + b"\0",
        "without its tag": sealed[:-16],
        "15 bytes": sealed[:15],
        "no bytes": b"",
    }
    for note, value in wrong.items():
        event = b"data: " + encode_base64(value).encode() + b"\n\n"
        await stream.breaks(probe, [b"".join([events[0], event, *events[2:]])], f"one piece, {note}", "a")
        await stream.breaks(probe, [events[0], event, *events[2:]], f"a piece for each event, {note}", "a")
    final = b"data: " + encode_base64(flipped(decode_base64(stream.data(3, FINAL)))).encode() + b"\n\n"
    await stream.breaks(probe, [*events[:3], final], "the final event altered", "abc")


@case(
    "v1/library-stream/released-is-authentic",
    "V1-STR-10",
    "ISO-4001",
    why="text that nobody vouches for is shown, and taken back too late",
    cause="the events of one piece are opened together, so that a fault in the last loses the text of those before it, or hands out what comes after",
    needs=(OPEN,),
)
async def released_is_authentic(probe: HarnessProbe) -> None:
    """With a fault in event i, exactly the chunks before it are handed out, in one piece or in many."""
    stream = Stream()
    events = await stream.control(probe)
    bad = b"data: " + encode_base64(bytes(17)).encode() + b"\n\n"
    for i in range(4):
        body = [*events[:i], bad, *events[i:]]
        await stream.breaks(probe, [b"".join(body)], f"event {i}, one piece", "abc"[:i])
        single = b"".join(body)
        await stream.breaks(
            probe, [single[k : k + 1] for k in range(len(single))], f"event {i}, single bytes", "abc"[:i]
        )
    twice = [*events[:2], bad, bad, *events[2:]]
    await stream.breaks(probe, twice, "two faults", "ab")


@case(
    "v1/library-stream/foreign-events",
    "V1-STR-10",
    "ISO-4001",
    why=FOREIGN,
    cause="the base nonce or the key of the session does not reach the cipher",
    needs=(OPEN,),
)
async def foreign_events(probe: HarnessProbe) -> None:
    """Events of another stream of the session, or of another session, are refused; the final event too."""
    stream = Stream()
    events = await stream.control(probe)
    others = {
        "another stream": Stream(stream.secret),
        "a stream whose base nonce differs in its first byte": Stream(stream.secret, flipped(stream.base_nonce)),
        "a stream whose base nonce differs in its eighth byte": Stream(stream.secret, flipped(stream.base_nonce, 7)),
        "a stream whose base nonce differs in its last byte": Stream(stream.secret, flipped(stream.base_nonce, 11)),
        "another session": Stream(base_nonce=stream.base_nonce),
    }
    for note, other in others.items():
        await stream.breaks(probe, [events[0], other.event(1, "x"), *events[2:]], f"a chunk of {note}", "a")
        await stream.breaks(probe, [*events[:3], other.event(3, FINAL)], f"the end of {note}", "abc")
        await stream.breaks(probe, other.events("x", "y"), f"all of {note}", "")


@case(
    "v1/library-stream/unsealed-end",
    "V1-STR-10",
    "ISO-4001",
    why=TRUNCATED,
    cause="the marker is recognised before it is opened",
    needs=(OPEN,),
)
async def unsealed_end(probe: HarnessProbe) -> None:
    """An end that is not sealed, as plain text or base64 or a marker of other protocols, is refused."""
    stream = Stream()
    events = await stream.control(probe)
    for data in (
        FINAL,
        encode_base64(FINAL.encode()),
        "[DONE]",
        "",
        encode_base64(bytes(16)),
        encode_base64(bytes(23)),
    ):
        fake = f"data: {data}\n\n".encode()
        await stream.breaks(probe, [*events[:2], fake], f"data {data[:12]!r}", "ab")


@case(
    "v1/library-stream/not-base64",
    "V1-STR-10",
    "ISO-4001",
    why="a plain event would be shown as if it were authentic, or the decoder's exception escapes",
    cause="what does not decode is passed through, or skipped",
    needs=(OPEN,),
)
async def not_base64(probe: HarnessProbe) -> None:
    """Events whose data is not the one base64 text of its bytes are refused, though a lenient decoder would open them."""
    stream = Stream()
    events = await stream.control(probe)
    right = stream.data(1, "bb")  # 18 bytes: no padding
    padded = stream.data(1, "b")  # 17 bytes: one "=", two unused bits
    lines = {
        "plain text": "data: hello\n\n",
        "plain JSON": 'data: {"ct":"AAAA","n":"AAAA"}\n\n',
        "beyond ASCII": "data: \u00e9\n\n",
        "without padding": f"data: {padded.rstrip('=')}\n\n",
        "padding too much": f"data: {right}====\n\n",
        "two spaces after the colon": f"data:  {right}\n\n",
        "a space at the end": f"data: {right} \n\n",
        "a tab after the colon": f"data:\t{right}\n\n",
        "in two data lines": f"data: {right[:12]}\ndata: {right[12:]}\n\n",
        "with an empty data line": f"data: {right}\ndata\n\n",
        "an empty data field": "data\n\n",
        "in quotes": f'data: "{right}"\n\n',
    }
    for note, event in lines.items():
        await stream.breaks(probe, [events[0], event.encode(), *events[2:]], note, "a")
