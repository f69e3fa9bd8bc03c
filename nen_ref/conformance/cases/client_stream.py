"""Streams, whole and tampered with: section 8 of the specification, on the client's side."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from nen_ref.conformance.cases.client_handshake import HANDSHAKE
from nen_ref.conformance.client_probe import Client, ClientProbe
from nen_ref.conformance.harness.driver import Reply
from nen_ref.conformance.model import ACCEPTED, REFUSED
from nen_ref.conformance.randomness import random_bytes
from nen_ref.conformance.registry import case
from nen_ref.conformance.scripted import Response, Seen, as_it_should, error_response, json_response, stream_response
from nen_ref.protocol.errors import CATALOGUE
from nen_ref.protocol.payload import seal
from nen_ref.protocol.sse import event
from nen_ref.protocol.stream import stream_nonce
from nen_ref.protocol.wire import encode_base64

STREAM = (*HANDSHAKE, "client.stream")
BOTH = (*STREAM, "client.request")

TRUNCATED = "who cuts the connection cuts the answer, and nobody notices"
FORGED = "whoever sits between the two can drop, repeat or reorder what the model says"
FRAMING = "server-sent events are written by many libraries, each in its own legal way"
CHUNKS = ("one ", "two ", "three ", "four")
WHOLE = "".join(CHUNKS)
BEGINNINGS = tuple("".join(CHUNKS[:i]) for i in range(len(CHUNKS) + 1))

Change = Callable[[Seen, list[bytes], bytes], list[bytes]]


def streaming(probe: ClientProbe, change: Change, ending: str = "complete", chunks: tuple[str, ...] = CHUNKS) -> None:
    """From now on a stream is answered with the events that `change` makes of the right ones and the base nonce."""

    def script(seen: Seen) -> Response:
        base_nonce = random_bytes(12)
        return stream_response(base_nonce, change(seen, seen.events(chunks, base_nonce), base_nonce), ending)

    probe.server.on_request = script


async def tampered(
    probe: ClientProbe, client: Client, note: str, change: Change, released: tuple[str, ...], ending: str = "complete"
) -> Reply:
    """Judge a stream with these events; `released` are the texts that may be handed out before it fails."""
    streaming(probe, change, ending)
    reply = await client.stream(payload={"chunks": list(CHUNKS)})
    probe.judge(reply, note)
    probe.released(reply, note, *released)
    return reply


def sealed_event(seen: Seen, nonce: bytes, chunk: bytes) -> bytes:
    return event(encode_base64(seal(seen.key, nonce, chunk).ct))


async def reads(probe: ClientProbe, client: Client, note: str, text: str) -> None:
    """A stream that has to be read to its end, as this text."""
    probe.gave(await client.stream(payload={"chunks": []}), note, text=text)


@case(
    "v1/client-stream/reads",
    "V1-STR-02",
    ACCEPTED,
    needs=STREAM,
    why="the text has to arrive as it was sent",
    cause="events are opened under one nonce, or joined with something between them",
)
async def whole_text(probe: ClientProbe) -> None:
    """Streams of no, one, four and three hundred chunks are read to their end."""
    client = await probe.established()
    for chunks in ((), ("one",), CHUNKS, tuple(f"t{i} " for i in range(300))):
        reply = await client.chunks(*chunks)
        probe.judge(reply, f"{len(chunks)} chunks")
        probe.gave(reply, f"{len(chunks)} chunks", text="".join(chunks))
    probe.right_requests("the requests")


@case(
    "v1/client-stream/without-body",
    "V1-AUTH-05",
    ACCEPTED,
    needs=STREAM,
    why="a stream is often asked for with a plain GET",
    cause="streams are always posted, or the GET is not signed",
)
async def without_body(probe: ClientProbe) -> None:
    """A stream asked for with a GET without a body is signed with the empty NONCE, and read."""
    client = await probe.established()
    reply = await client.stream("GET")
    probe.judge(reply)
    probe.gave(reply, "GET", text="abc")
    probe.right_requests("the request")


@case(
    "v1/client-stream/nonces",
    "V1-STR-03",
    ACCEPTED,
    needs=STREAM,
    why="the two sides derive different nonces, or one nonce comes twice under one key",
    cause="the counter is added, big-endian, at another offset, or starts at one",
)
async def nonces(probe: ClientProbe) -> None:
    """Streams under base nonces with all bits set, none, and mixed ones open, across 300 events."""
    client = await probe.established()
    chunks = [f"{i} " for i in range(300)]
    endings = ("ffffffff", "00000000", "01000000", "000000ff", "fe00ff7f", "80000001", "ff000080")
    for number, ending in enumerate(endings):
        base_nonce = random_bytes(7) + bytes([number]) + bytes.fromhex(ending)
        probe.server.on_request = lambda seen, b=base_nonce: stream_response(b, [b"".join(seen.events(chunks, b))])
        await reads(probe, client, f"...{ending}", "".join(chunks))


@case(
    "v1/client-stream/unicode",
    "V1-STR-02",
    ACCEPTED,
    needs=STREAM,
    why="text in other scripts would be lost",
    cause="chunks are turned into text as Latin-1",
)
async def unicode(probe: ClientProbe) -> None:
    """Chunks in any script, with line ends, control characters and nothing at all, come whole."""
    client = await probe.established()
    chunks = ("Gr\u00fc\u00dfe ", "\u4e16\u754c", "\U0001f98a", "", "\r\n", "\n\n", "data: x\n\n", "\u2028\u0000", ":")
    reply = await client.chunks(*chunks)
    probe.judge(reply)
    probe.gave(reply, "unicode", text="".join(chunks))


@case(
    "v1/client-stream/character-cut-between-chunks",
    "V1-STR-18",
    ACCEPTED,
    needs=STREAM,
    why="a token of a model ends in the middle of a character, and the stream is lost, or shows a replacement sign",
    cause="each chunk is turned into text on its own",
)
async def character_cut_between_chunks(probe: ClientProbe) -> None:
    """A character whose bytes are cut between chunks, in two and in four, is put together."""
    client = await probe.established()
    text = "\u00e9\U0001f98a!"
    for note, size in (("single bytes", 1), ("three bytes", 3)):
        raw = text.encode()
        pieces = [raw[i : i + size] for i in range(0, len(raw), size)]
        probe.server.on_request = lambda seen, pieces=pieces: seen.streamed(pieces)
        await reads(probe, client, note, text)


@case(
    "v1/client-stream/marker-is-not-text",
    "V1-STR-04",
    ACCEPTED,
    needs=STREAM,
    level="required",
    why="the marker would stand in what the user reads",
    cause="the marker is handed out before it is recognised",
)
async def marker_is_not_text(probe: ClientProbe) -> None:
    """The final marker is not handed out; text that only holds it is."""
    client = await probe.established()
    for chunks in (
        ("a", "b"),
        ("x__FIN__", "y"),
        ("__FIN__x",),
        ("__FI", "N__"),
        ("__fin__", " __FIN__"),
        ("__FIN__\n",),
    ):
        probe.server.on_request = lambda seen, chunks=chunks: seen.streamed(chunks)
        await reads(probe, client, repr(chunks), "".join(chunks))


@case(
    "v1/client-stream/chunk-that-is-the-marker",
    "V1-STR-11",
    ACCEPTED,
    needs=STREAM,
    why="two readers of one stream would see two texts",
    cause="the marker is only looked for at the end of the transport",
)
async def chunk_that_is_the_marker(probe: ClientProbe) -> None:
    """A chunk that is the marker ends the stream wherever it stands: what follows is not handed out."""
    client = await probe.established()
    probe.server.on_request = lambda seen: seen.streamed(["a", "b", "__FIN__", "c"])
    await reads(probe, client, "a marker in the middle", "ab")


@case(
    "v1/client-stream/after-the-end",
    "V1-STR-11",
    ACCEPTED,
    needs=STREAM,
    why="a proxy appends to what the server said",
    cause="reading goes on until the transport ends",
)
async def after_the_end(probe: ClientProbe) -> None:
    """Events after the final one, well sealed, in plain, or not base64, are ignored."""
    client = await probe.established()

    def more(seen: Seen, events: list[bytes], base_nonce: bytes) -> list[bytes]:
        late = sealed_event(seen, stream_nonce(base_nonce, len(events)), b" and more")
        return [*events, late, b"data: plain\n\n", b"data: ****\n\n", b"data: \xff\n\n"]

    streaming(probe, more)
    await reads(probe, client, "one by one", WHOLE)
    streaming(probe, lambda *args: [b"".join(more(*args))])
    await reads(probe, client, "in one piece", WHOLE)


@case(
    "v1/client-stream/cut-at-an-event-boundary",
    "V1-STR-09",
    "ISO-7002",
    needs=STREAM,
    why=TRUNCATED,
    cause="the end of the transport is taken for the end of the stream",
)
async def cut_at_an_event_boundary(probe: ClientProbe) -> None:
    """A stream that ends, by the rules of HTTP, after one, three or all chunks but before its final event is ISO-7002."""
    client = await probe.established()
    for kept in (1, 3, 4):
        await tampered(
            probe, client, f"{kept} events", lambda seen, events, b, kept=kept: events[:kept], BEGINNINGS[: kept + 1]
        )


@case(
    "v1/client-stream/cut-inside-an-event",
    "V1-STR-09",
    "ISO-7002",
    "ISO-4001",
    needs=STREAM,
    why=TRUNCATED,
    cause="half an event is dropped without a word",
)
async def cut_inside_an_event(probe: ClientProbe) -> None:
    """A stream that ends inside its third, or inside its final event is an error."""
    client = await probe.established()
    for index, size in ((2, 5), (2, 20), (4, 12), (4, -2), (4, -1)):
        await tampered(
            probe,
            client,
            f"event {index} cut at {size}",
            lambda seen, events, b, index=index, size=size: [*events[:index], events[index][:size]],
            BEGINNINGS[: index + 1],
        )


@case(
    "v1/client-stream/connection-cut",
    "V1-STR-09",
    "ISO-7002",
    "ISO-4001",
    needs=STREAM,
    why=TRUNCATED,
    cause="the exception of the HTTP library is swallowed, or reaches the caller as it is",
)
async def connection_cut(probe: ClientProbe) -> None:
    """A connection that breaks between two events, or inside one, is ISO-7002."""
    client = await probe.established()
    await tampered(probe, client, "between", lambda seen, events, b: events[:2], BEGINNINGS[:3], "cut")
    await tampered(probe, client, "inside", lambda seen, events, b: [*events[:2], events[2][:9]], BEGINNINGS[:3], "cut")


@case(
    "v1/client-stream/no-events",
    "V1-STR-09",
    "ISO-7002",
    needs=STREAM,
    why="an empty answer that nobody sent",
    cause="a stream without events counts as complete",
)
async def no_events(probe: ClientProbe) -> None:
    """A stream without a single event, or with comments only, is ISO-7002."""
    client = await probe.established()
    await tampered(probe, client, "nothing", lambda seen, events, b: [b""], ("",))
    await tampered(probe, client, "comments", lambda seen, events, b: [b": ping\n\n: ping\n\n"], ("",))


@case(
    "v1/client-stream/event-dropped",
    "V1-STR-10",
    "ISO-4001",
    needs=STREAM,
    why=FORGED,
    cause="the counter is taken from the event, or a chunk that does not open is skipped",
)
async def event_dropped(probe: ClientProbe) -> None:
    """A stream without its first, its third, or its last chunk is ISO-4001."""
    client = await probe.established()
    for index in (0, 2, 3):
        await tampered(
            probe,
            client,
            f"without event {index}",
            lambda seen, events, b, index=index: events[:index] + events[index + 1 :],
            BEGINNINGS[: index + 1],
        )


@case(
    "v1/client-stream/event-repeated",
    "V1-STR-10",
    "ISO-4001",
    needs=STREAM,
    why=FORGED,
    cause="a chunk that does not open under its own nonce is tried under the last one, or skipped",
)
async def event_repeated(probe: ClientProbe) -> None:
    """A stream in which an event comes twice in a row, or an earlier one comes again, is ISO-4001."""
    client = await probe.established()
    await tampered(probe, client, "twice", lambda seen, events, b: [*events[:2], *events[1:]], BEGINNINGS[:3])
    await tampered(probe, client, "again", lambda seen, events, b: [*events[:3], *events[:1]], BEGINNINGS[:4])


@case(
    "v1/client-stream/events-swapped",
    "V1-STR-10",
    "ISO-4001",
    needs=STREAM,
    why=FORGED,
    cause="the nonce travels with the event, or is tried until one fits",
)
async def events_swapped(probe: ClientProbe) -> None:
    """A stream in which two events are swapped is ISO-4001."""
    client = await probe.established()
    await tampered(probe, client, "1 and 2", lambda seen, e, b: [e[0], e[2], e[1], *e[3:]], BEGINNINGS[:2])
    await tampered(probe, client, "the final one first", lambda seen, e, b: [e[4], *e[:4]], BEGINNINGS[:1])


@case(
    "v1/client-stream/event-altered",
    "V1-STR-10",
    "ISO-4001",
    needs=STREAM,
    why=FORGED,
    cause="the plaintext is handed out before the tag is checked",
)
async def event_altered(probe: ClientProbe) -> None:
    """An event with one bit flipped, in its text or its tag, is ISO-4001, and nothing of it is handed out."""
    client = await probe.established()

    def flipped(index: int, at: int, seen: Seen, events: list[bytes], base_nonce: bytes) -> list[bytes]:
        sealed = bytearray(seal(seen.key, stream_nonce(base_nonce, index), [*CHUNKS, "__FIN__"][index].encode()).ct)
        sealed[at] ^= 1
        return [*events[:index], event(encode_base64(bytes(sealed))), *events[index + 1 :]]

    for index, at in ((0, 0), (1, 0), (2, -1), (3, -16), (4, 0), (4, -1)):
        await tampered(
            probe,
            client,
            f"event {index}, byte {at}",
            partial(flipped, index, at),
            BEGINNINGS[: index + 1],
        )


@case(
    "v1/client-stream/event-not-sealed",
    "V1-STR-10",
    "ISO-4001",
    needs=STREAM,
    why="a proxy writes its own events into the stream, or ends it where it likes",
    cause="what cannot be decoded is taken for plain text; the marker is looked for before opening",
)
async def event_not_sealed(probe: ClientProbe) -> None:
    """The final marker in plain, in base64 without a seal, plain text, and an empty event are ISO-4001."""
    client = await probe.established()
    for note, data in {
        "the marker in plain": b"data: __FIN__\n\n",
        "the marker in base64": b"data: " + encode_base64(b"__FIN__").encode() + b"\n\n",
        "[DONE]": b"data: [DONE]\n\n",
        "plain text": b"data: hello\n\n",
        "15 bytes": b"data: " + encode_base64(bytes(15)).encode() + b"\n\n",
        "an empty text": b"data: \n\n",
        "not UTF-8": b"data: \xff\xfe\n\n",
    }.items():
        await tampered(
            probe, client, note, lambda seen, events, b, data=data: [*events[:2], data, *events[2:]], BEGINNINGS[:3]
        )


@case(
    "v1/client-stream/of-another-stream",
    "V1-STR-10",
    "ISO-4001",
    needs=STREAM,
    why=FORGED,
    cause="the base nonce is not part of the nonce of each event",
)
async def of_another_stream(probe: ClientProbe) -> None:
    """An event of another stream of the same session, in the same place, is ISO-4001."""
    client = await probe.established()

    def exchanged(seen: Seen, events: list[bytes], base_nonce: bytes) -> list[bytes]:
        other = seen.events(("1", "2", "3", "4"), random_bytes(12))
        return [*events[:2], other[2], *events[3:]]

    await tampered(probe, client, "event 2", exchanged, BEGINNINGS[:3])


@case(
    "v1/client-stream/of-another-session",
    "V1-LIFE-10",
    "ISO-4001",
    needs=STREAM,
    why="one client would read what belongs to another",
    cause="keys are kept in a global",
)
async def of_another_session(probe: ClientProbe) -> None:
    """A stream sealed for another client is ISO-4001."""
    client = await probe.established()
    other = await probe.established()
    probe.gave(await other.chunks("x"), "the other client", text="x")
    foreign = probe.server.requests[-1]
    await tampered(probe, client, "all events", lambda seen, events, b: foreign.events(CHUNKS, b), ("",))
    await tampered(
        probe, client, "one event", lambda seen, e, b: [*e[:2], foreign.events(CHUNKS, b)[2], *e[3:]], BEGINNINGS[:3]
    )


@case(
    "v1/client-stream/line-ends",
    "V1-STR-14",
    ACCEPTED,
    needs=STREAM,
    why=FRAMING,
    cause="events are split at two line feeds",
)
async def line_ends(probe: ClientProbe) -> None:
    """Lines that end in CR, LF or CRLF, in any mixture, are read."""
    client = await probe.established()
    for note, end in {"CRLF": b"\r\n", "CR": b"\r", "LF": b"\n"}.items():
        streaming(probe, lambda seen, events, b, end=end: [e.replace(b"\n", end) for e in events])
        await reads(probe, client, note, WHOLE)
        streaming(probe, lambda seen, events, b, end=end: [b"".join(events).replace(b"\n", end)])
        await reads(probe, client, f"{note}, in one piece", WHOLE)
    mixed = (b"\n\r\n", b"\r\n\n", b"\r\n\r\n", b"\n\n", b"\n\r\n")
    streaming(probe, lambda seen, e, b: [one.rstrip(b"\n") + end for one, end in zip(e, mixed, strict=True)])
    await reads(probe, client, "mixed", WHOLE)


@case(
    "v1/client-stream/fields",
    "V1-STR-14",
    ACCEPTED,
    needs=STREAM,
    why=FRAMING,
    cause="every event is expected to begin with data and a space",
)
async def fields(probe: ClientProbe) -> None:
    """Comments, event, id, retry and unknown fields, no space after the colon and a byte order mark are read over."""
    client = await probe.established()
    ways: dict[str, Callable[[bytes], bytes]] = {
        "no space": lambda e: e.replace(b"data: ", b"data:"),
        "comments before": lambda e: b": ping\n" + e,
        "comments between": lambda e: b":\n\n" + e + b": data: no\n\n",
        "event and id": lambda e: b"event: message\nid: 7\nretry: 1000\n" + e,
        "fields after": lambda e: e[:-1] + b"event: x\nunknown: y\ndatax: no\n\n",
        "a field without a colon": lambda e: b"event\n" + e,
        "empty lines": lambda e: b"\n\n" + e + b"\n",
    }
    for note, way in ways.items():
        streaming(probe, lambda seen, events, b, way=way: [way(e) for e in events])
        await reads(probe, client, note, WHOLE)
    streaming(probe, lambda seen, events, b: [b"\xef\xbb\xbf" + events[0], *events[1:]])
    await reads(probe, client, "a byte order mark", WHOLE)


@case(
    "v1/client-stream/bytes-cut-anywhere",
    "V1-STR-14",
    ACCEPTED,
    needs=STREAM,
    why="TCP cuts where it likes: such a client fails once in a thousand streams, and never in a test",
    cause="each piece of the transport is parsed on its own",
)
async def bytes_cut_anywhere(probe: ClientProbe) -> None:
    """A stream that arrives byte by byte, cut in two at every place of an event, or all at once, is read."""
    client = await probe.established()
    streaming(probe, lambda seen, e, b: [bytes([byte]) for byte in b"".join(e).replace(b"\n", b"\r\n")])
    await reads(probe, client, "byte by byte, CRLF", WHOLE)
    streaming(probe, lambda seen, e, b: [b"".join(e)])
    await reads(probe, client, "all at once", WHOLE)
    for at in range(1, 40, 3):
        streaming(probe, lambda seen, e, b, at=at: [b"".join(e)[:at], b"".join(e)[at:]])
        await reads(probe, client, f"cut at {at}", WHOLE)


@case(
    "v1/client-stream/nonce-missing",
    "V1-STR-12",
    "ISO-7001",
    needs=STREAM,
    why="without a base nonce nothing can be opened; a default would be one nonce for all streams",
    cause="an absent header becomes a nonce of zeros",
)
async def nonce_missing(probe: ClientProbe) -> None:
    """A stream without X-Nen-Stream-Nonce is ISO-7001."""
    client = await probe.established()

    def script(seen: Seen) -> Response:
        return stream_response(bytes(12), seen.events(CHUNKS, bytes(12))).with_header("x-nen-stream-nonce", None)

    probe.server.on_request = script
    reply = await client.chunks(*CHUNKS)
    probe.judge(reply)
    probe.released(reply, "before the error", "")


@case(
    "v1/client-stream/nonce-unusable",
    "V1-STR-20",
    "ISO-7001",
    "ISO-6002",
    needs=STREAM,
    why="a nonce that is cut or filled up may come twice",
    cause="the header is decoded leniently, and padded or cut to twelve bytes",
)
async def nonce_unusable(probe: ClientProbe) -> None:
    """A header that is not base64, in hex, or of 8, 11, 13 or 24 bytes is ISO-7001 (or ISO-6002)."""
    client = await probe.established()
    good = random_bytes(12)
    for note, value in {
        "not base64": "****************",
        "hex": good.hex(),
        "11 bytes": encode_base64(good[:11]),
        "13 bytes": encode_base64(good + b"x"),
        "24 bytes": encode_base64(good + good),
        "8 bytes": encode_base64(good[:8]),
    }.items():
        probe.server.on_request = lambda seen, value=value: stream_response(
            good, seen.events(CHUNKS, good)
        ).with_header("x-nen-stream-nonce", value)
        reply = await client.chunks(*CHUNKS)
        probe.judge(reply, note)
        probe.released(reply, note, "")


@case(
    "v1/client-stream/refused",
    "V1-STR-13",
    "ISO-7002",
    needs=STREAM,
    why="an error that looks like an empty stream",
    cause="the status is not looked at",
)
async def refused(probe: ClientProbe) -> None:
    """A stream answered 400, 404, 409, 500 or 503 is ISO-7002."""
    client = await probe.established()
    for status in (400, 404, 409, 500, 503):
        probe.server.on_request = lambda seen, status=status: Response(
            status, (("content-type", "text/event-stream"), ("x-nen-stream-nonce", encode_base64(bytes(12)))), (b"",)
        )
        probe.judge(await client.chunks("x"), f"status {status}")


@case(
    "v1/client-stream/refused-with-a-code",
    "V1-STR-13",
    "ISO-7002",
    "ISO-5001",
    needs=STREAM,
    why="an error that looks like an empty stream",
    cause="the status is not looked at",
)
async def refused_with_a_code(probe: ClientProbe) -> None:
    """A stream answered with an ISO code of the server is ISO-7002, or that code."""
    client = await probe.established()
    probe.server.on_request = lambda seen: error_response(CATALOGUE["ISO-5001"])
    probe.judge(await client.chunks("x"), "409 ISO-5001")


@case(
    "v1/client-stream/other-content-type",
    "V1-STR-19",
    "ISO-7002",
    "ISO-7001",
    "ISO-6001",
    needs=STREAM,
    why="a page of a proxy read as a stream",
    cause="the content type is not looked at",
)
async def other_content_type(probe: ClientProbe) -> None:
    """A 200 that is a page, plain JSON, a sealed answer or plain text is ISO-7002 (or ISO-7001, ISO-6001)."""
    client = await probe.established()
    nonce = encode_base64(bytes(12))
    for note, answer in {
        "a page": lambda seen: Response(200, (("content-type", "text/html"),), (b"<html>",)),
        "plain JSON": lambda seen: json_response({"text": "hello"}),
        "a sealed answer": lambda seen: seen.sealed({"text": "hello"}),
        "text": lambda seen: Response(
            200, (("content-type", "text/plain"), ("x-nen-stream-nonce", nonce)), tuple(seen.events(CHUNKS, bytes(12)))
        ),
    }.items():
        probe.server.on_request = answer
        reply = await client.chunks("x")
        probe.judge(reply, note)
        probe.released(reply, note, "")


@case(
    "v1/client-stream/content-type-with-parameter",
    "V1-STR-01",
    ACCEPTED,
    needs=STREAM,
    why="many frameworks add a charset",
    cause="the content type is compared as a whole",
)
async def content_type_with_parameter(probe: ClientProbe) -> None:
    """A stream of type text/event-stream; charset=utf-8, in any case, is read."""
    client = await probe.established()
    for value in ("text/event-stream; charset=utf-8", "Text/Event-Stream"):
        probe.server.on_request = lambda seen, value=value: seen.streamed(CHUNKS).with_header("content-type", value)
        await reads(probe, client, value, WHOLE)


@case(
    "v1/client-stream/replayed",
    "V1-STR-17",
    "ISO-4001",
    needs=STREAM,
    why="a recorded stream is played again, and every event opens",
    cause="base nonces are not remembered",
)
async def replayed(probe: ClientProbe) -> None:
    """A stream that came before in the session is ISO-4001 when it comes again."""
    client = await probe.established()
    old: list[Response] = []

    def keep(seen: Seen) -> Response:
        old.append(seen.streamed(CHUNKS))
        return old[-1]

    probe.server.on_request = keep
    await reads(probe, client, "the first time", WHOLE)
    probe.server.on_request = lambda seen: old[0]
    reply = await client.chunks(*CHUNKS)
    probe.judge(reply, "again")
    probe.released(reply, "again", "")


@case(
    "v1/client-stream/replayed-in-another-order",
    "V1-STR-17",
    "ISO-4001",
    needs=STREAM,
    why="the counter is XORed: under its base nonce XOR 1 an old stream opens with its events in pairs swapped, and "
    "under others it opens shortened",
    cause="base nonces are remembered as a whole",
)
async def replayed_in_another_order(probe: ClientProbe) -> None:
    """An old stream under its base nonce XOR 1, events swapped to match, is ISO-4001."""
    client = await probe.established()
    base_nonce = random_bytes(12)
    shifted = stream_nonce(base_nonce, 1)
    chunks = ("one ", "two ", "three ")  # with the final event four: each pair swaps
    recorded: list[bytes] = []

    def first(seen: Seen) -> Response:
        recorded[:] = seen.events(chunks, base_nonce)
        return stream_response(base_nonce, recorded)

    probe.server.on_request = first
    await reads(probe, client, "the first time", "".join(chunks))
    probe.server.on_request = lambda seen: stream_response(
        shifted, [recorded[1], recorded[0], recorded[3], recorded[2]]
    )
    reply = await client.chunks(*chunks)
    probe.judge(reply, "two events swapped")
    probe.released(reply, "two events swapped", "")


@case(
    "v1/client-stream/event-as-an-answer",
    "V1-STR-17",
    "ISO-4001",
    needs=BOTH,
    why="an event of a stream opens as an answer: words of one conversation in another",
    cause="nonces of answers are compared with those of answers only",
)
async def event_as_an_answer(probe: ClientProbe) -> None:
    """An event of an earlier stream, sent as the answer to a request, is ISO-4001."""
    client = await probe.established()
    base_nonce = random_bytes(12)
    probe.server.on_request = lambda seen: stream_response(base_nonce, seen.events(('"text"', "b"), base_nonce))
    await reads(probe, client, "the stream", '"text"b')

    def as_answer(seen: Seen) -> Response:
        data = seen.events(('"text"',), base_nonce)[0].decode().removeprefix("data: ").strip()
        return json_response({"ct": data, "n": encode_base64(base_nonce)})

    probe.server.on_request = as_answer
    probe.judge(await client.echo("hello"))


@case(
    "v1/client-stream/request-as-a-stream",
    "V1-STR-17",
    "ISO-4001",
    needs=BOTH,
    why="the client's own request opens as the first event of a stream",
    cause="base nonces are compared with base nonces only",
)
async def request_as_a_stream(probe: ClientProbe) -> None:
    """A stream whose first event is the client's own request, under its nonce, is ISO-4001."""
    client = await probe.established()

    def reflected(seen: Seen) -> Response | None:
        if seen.fault:
            return None
        own = seen.envelope
        return stream_response(own.n, [event(encode_base64(own.ct)), *seen.events(["x"], own.n)[1:]])

    probe.server.on_request = reflected
    reply = await client.chunks("a")
    probe.judge(reply)
    probe.released(reply, "before the error", "")


@case(
    "v1/client-stream/after-a-failure",
    "V1-STR-10",
    "ISO-4001",
    needs=STREAM,
    why="one broken stream would take the session with it",
    cause="the connection, or the counter, of the broken stream is used again",
)
async def after_a_failure(probe: ClientProbe) -> None:
    """After a stream that failed, the next one of the session is read."""
    client = await probe.established()
    await tampered(probe, client, "swapped", lambda seen, e, b: [e[1], e[0], *e[2:]], ("",))
    probe.server.on_request = as_it_should
    reply = await client.chunks(*CHUNKS)
    probe.gave(reply, "the next stream", text=WHOLE)


@case(
    "v1/client-stream/failed-handler",
    "V1-STR-09",
    REFUSED,
    needs=STREAM,
    why="half a stream with an apology of the framework looks like an answer",
    cause="what follows the last event is not looked at",
)
async def failed_handler(probe: ClientProbe) -> None:
    """A stream in which the server's error page follows two events is an error."""
    client = await probe.established()
    await tampered(
        probe, client, "a page", lambda seen, e, b: [*e[:2], b"<html>500 Internal Server Error</html>"], BEGINNINGS[:3]
    )
    await tampered(
        probe,
        client,
        "an error body",
        lambda seen, e, b: [*e[:2], b'{"error":{"code":"ISO-9000","message":"x"}}\n\n'],
        BEGINNINGS[:3],
    )
