"""Streams: section 8 of the specification."""

from __future__ import annotations

from nen_ref.conformance.model import ACCEPTED
from nen_ref.conformance.peer import now_ms
from nen_ref.conformance.probe import Probe, Stream
from nen_ref.conformance.randomness import random_bytes
from nen_ref.conformance.registry import case
from nen_ref.protocol.messages import SIGNATURE_HEADER
from nen_ref.protocol.wire import dump_json, encode_base64

TRUNCATED = "without an authenticated end, who cuts the connection cuts the answer, and nobody notices"
NONCE = "the two sides derive different nonces, or one nonce comes twice under one key, which gives away what it sealed"
OPEN = "streams hold what the model says; a stream for anyone is an answer for anyone"


def right(probe: Probe, stream: Stream, note: str) -> bool:
    """Record whether a stream is right in every respect."""
    if stream.answer.crashed:
        probe.judge(stream.answer, note)
    else:
        probe.ensure(not stream.trouble, f"{note}: {stream.trouble or f'{len(stream.chunks)} chunks, complete'}")
    return not stream.trouble


async def streamed(probe: Probe, chunks: list[str], note: str) -> Stream:
    """A stream of `chunks` whose text has to come back whole."""
    stream = await probe.stream(await probe.session(), {"chunks": chunks})
    if right(probe, stream, note):
        whole = "".join(chunks)
        probe.ensure(
            stream.text == whole,
            f"{note}: " + ("the text came back" if stream.text == whole else "another text came back"),
        )
    return stream


@case(
    "v1/stream/head",
    "V1-STR-01",
    ACCEPTED,
    why="without type and nonce no client can read the stream",
    cause="the header is missing, has another name, or holds hex",
)
async def head(probe: Probe) -> None:
    """A stream is answered 200, text/event-stream, with a base nonce of 12 bytes."""
    session = await probe.session()
    stream = await probe.stream(session, {"chunks": ["one"]})
    probe.judge(stream.answer)
    probe.ensure(len(stream.base_nonce) == 12, stream.trouble or f"a base nonce of {len(stream.base_nonce)} bytes")
    headers = " ".join(stream.answer.headers.values())
    secrets = (encode_base64(session.keys.enc), session.keys.enc.hex(), encode_base64(session.keys.mac))
    probe.ensure(not any(text in headers for text in secrets), "a key in a header of the stream")


@case(
    "v1/stream/chunks",
    "V1-STR-02",
    ACCEPTED,
    why="the text has to arrive as it was sent",
    cause="chunks are joined, split or reordered",
)
async def chunks(probe: Probe) -> None:
    """Three chunks arrive as three events, then the final one."""
    stream = await streamed(probe, ["one", "two", "three"], "three chunks")
    probe.ensure(stream.chunks == (b"one", b"two", b"three"), f"{len(stream.chunks)} chunks")


@case(
    "v1/stream/without-body",
    "V1-STR-05",
    ACCEPTED,
    "ISO-6001",
    why="a stream is often asked for with a plain GET",
    cause="only POST streams are sealed",
    level="recommended",
    cites={"v2": ("V1-STR-05", ACCEPTED)},
)
async def without_body(probe: Probe) -> None:
    """A signed GET without a body streams a, b and c, sealed and complete."""
    session = await probe.session()
    stream = await probe.stream(session, None, "GET")
    probe.judge(stream.answer)
    if stream.answer.accepted and right(probe, stream, "GET"):
        probe.ensure(stream.chunks == (b"a", b"b", b"c"), f"chunks {stream.chunks!r}")


@case(
    "v1/stream/data-is-base64",
    "V1-STR-02",
    ACCEPTED,
    why="an event that cannot be decoded ends the stream",
    cause="events hold JSON, hex or raw bytes",
)
async def data_is_base64(probe: Probe) -> None:
    """The data of every event is strict base64, and nothing of the plain chunks is visible."""
    stream = await streamed(probe, ["plain secret text", "another secret"], "two chunks")
    probe.ensure(
        b"secret" not in stream.answer.body,
        "plain text in the stream" if b"secret" in stream.answer.body else "nothing in plain",
    )


@case(
    "v1/stream/nonce-xor-counter",
    "V1-STR-03",
    ACCEPTED,
    why=NONCE,
    cause="the counter is added, big-endian, at another offset, or starts at one",
)
async def nonce_xor_counter(probe: Probe) -> None:
    """Eight streams of forty chunks open under the base nonce XOR a little-endian counter at offset 8, from 0."""
    session = await probe.session()
    for i in range(8):
        stream = await probe.stream(session, {"chunks": [f"{i}.{j} " for j in range(40)]})
        if not right(probe, stream, f"stream {i}"):
            return


@case(
    "v1/stream/counter-beyond-a-byte",
    "V1-STR-03",
    ACCEPTED,
    why=NONCE,
    cause="the counter is one byte wide, or big-endian",
)
async def counter_beyond_a_byte(probe: Probe) -> None:
    """A stream of 1100 chunks opens to its end: the counter passes 255, 511 and 1023."""
    await streamed(probe, [f"t{i} " for i in range(1100)], "1100 chunks")


@case(
    "v1/stream/final-event",
    "V1-STR-04",
    ACCEPTED,
    why=TRUNCATED,
    cause="the stream just ends, or its end marker is sent in plain",
)
async def final_event(probe: Probe) -> None:
    """Streams of 0, 1 and 20 chunks end with the sealed text __FIN__, and nothing follows it."""
    session = await probe.session()
    for count in (0, 1, 20):
        stream = await probe.stream(session, {"chunks": ["c"] * count})
        if right(probe, stream, f"{count} chunks"):
            probe.ensure(len(stream.events) == count + 1, f"{len(stream.events)} events for {count} chunks")
        probe.ensure(
            b"__FIN__" not in stream.answer.body,
            f"{count} chunks: " + ("__FIN__ in plain" if b"__FIN__" in stream.answer.body else "sealed end"),
        )


@case(
    "v1/stream/fresh-base-nonce",
    "V1-STR-08",
    ACCEPTED,
    why="two streams under one base nonce seal all their chunks under the same nonces",
    cause="the base nonce is made once for a session or process",
    level="required",
)
async def fresh_base_nonce(probe: Probe) -> None:
    """Twelve streams of one session have twelve base nonces, in their first eight bytes already."""
    session = await probe.session()
    seen = []
    for i in range(12):
        stream = await probe.stream(session, {"chunks": ["x"]})
        if not right(probe, stream, f"stream {i}"):
            return
        seen.append(stream.base_nonce[:8])
    probe.ensure(len(set(seen)) == len(seen), f"{len(set(seen))} base nonces in {len(seen)} streams")


@case(
    "v1/stream/base-nonce-not-of-the-request",
    "V1-STR-08",
    ACCEPTED,
    why=NONCE,
    cause="the nonce of the request is taken for the base nonce",
    level="required",
)
async def base_nonce_not_of_the_request(probe: Probe) -> None:
    """The base nonce is not the nonce of the request: nonce_0 would be used twice under one key."""
    session = await probe.session()
    n = random_bytes(12)
    draft = session.draft("POST", probe.target.stream, dump_json({"chunks": ["x"]}), n=n)
    stream = await probe.send_stream(draft, session)
    right(probe, stream, "the stream")
    probe.ensure(
        stream.base_nonce[:8] != n[:8],
        "the base nonce is the nonce of the request" if stream.base_nonce[:8] == n[:8] else "another nonce",
    )


@case(
    "v1/stream/chunk-that-is-the-marker",
    "V1-STR-06",
    ACCEPTED,
    why="a model that says __FIN__ ends the stream for every client, and the rest is lost",
    cause="chunks are sealed without a look at their text",
)
async def chunk_that_is_the_marker(probe: Probe) -> None:
    """A chunk whose text is exactly __FIN__ arrives, with what follows it."""
    await streamed(probe, ["before ", "__FIN__", " after"], "__FIN__ in the middle")
    await streamed(probe, ["__FIN__"], "__FIN__ alone")


@case(
    "v1/stream/text-near-the-marker",
    "V1-STR-02",
    ACCEPTED,
    why="texts that only look like the end are ordinary text",
    cause="the marker is searched for within chunks, or spaces are trimmed",
)
async def text_near_the_marker(probe: Probe) -> None:
    """Chunks that contain the marker, or differ from it by a space or by case, arrive as they are."""
    await streamed(probe, ["__FIN__ ", " __FIN__", "x__FIN__y", "__fin__", "__FIN__\n", "[DONE]"], "near the marker")


@case(
    "v1/stream/unicode",
    "V1-STR-02",
    ACCEPTED,
    why="model output is full of emoji and scripts",
    cause="chunks are sealed as Latin-1 or UTF-16",
)
async def unicode(probe: Probe) -> None:
    """Texts of all planes arrive."""
    await streamed(
        probe,
        ["Grüße ", "世界 ", "\U0001f510\U0001f1ea\U0001f1fa ", "e\u0301", "\u2028\u2029\ufeff", "\U0010ffff"],
        "unicode",
    )


@case(
    "v1/stream/line-ends",
    "V1-STR-02",
    ACCEPTED,
    why="model output is full of line breaks, which frame server-sent events",
    cause="the plain chunk goes through the framing of events before it is sealed",
)
async def line_ends(probe: Probe) -> None:
    """Chunks with line feeds, carriage returns, empty lines, colons and tabs arrive unchanged."""
    await streamed(
        probe,
        ["a\nb", "\n\n", "\r", "\r\n", "data: x\n\n", ": comment", "\t", " ", "  two spaces  ", "\u0000"],
        "line ends",
    )


@case(
    "v1/stream/empty-chunk",
    "V1-STR-02",
    ACCEPTED,
    why="empty tokens are common, and must not shift the counter for one side only",
    cause="an empty chunk advances the counter without being sent",
)
async def empty_chunk(probe: Probe) -> None:
    """Empty chunks between others leave the stream intact."""
    await streamed(probe, ["", "a", "", "", "b", ""], "with empty chunks")


@case(
    "v1/stream/large-chunk",
    "V1-STR-02",
    ACCEPTED,
    why="a chunk larger than a buffer must not be cut",
    cause="the base64 text is broken into lines or events",
)
async def large_chunk(probe: Probe) -> None:
    """A chunk of 50 000 characters arrives whole."""
    await streamed(probe, ["s", "L" * 50_000, "s"], "a large chunk")


@case("v1/stream/unsigned", "V1-AUTH-03", "ISO-3001", why=OPEN, cause="the stream route is not behind the verification")
async def unsigned(probe: Probe) -> None:
    """An unsigned request for a stream is refused."""
    session = await probe.session()
    draft = session.draft("POST", probe.target.stream, b'{"chunks":["x"]}').without(SIGNATURE_HEADER)
    probe.judge((await probe.send_stream(draft, session)).answer)


@case(
    "v1/stream/wrongly-signed",
    "V1-AUTH-04",
    "ISO-3002",
    why=OPEN,
    cause="the stream route is not behind the verification",
)
async def wrongly_signed(probe: Probe) -> None:
    """A request for a stream signed under another key is refused."""
    session = await probe.session()
    draft = session.draft("POST", probe.target.stream, b'{"chunks":["x"]}', key=bytes(32))
    probe.judge((await probe.send_stream(draft, session)).answer)


@case(
    "v1/stream/get-unsigned",
    "V1-STR-05",
    "ISO-3001",
    "ISO-6001",
    why=OPEN,
    cause="a GET without a body is let through: it has nothing to open",
    cites={"v2": ("V2-STR-01", "ISO-3001")},
)
async def get_unsigned(probe: Probe) -> None:
    """An unsigned GET for a stream is refused."""
    session = await probe.session()
    draft = session.draft("GET", probe.target.stream, None).without(SIGNATURE_HEADER)
    probe.judge((await probe.send_stream(draft, session)).answer)


@case(
    "v1/stream/get-wrongly-signed",
    "V1-STR-05",
    "ISO-3002",
    "ISO-6001",
    why=OPEN,
    cause="the signature of a GET without a body is not checked",
    cites={"v2": ("V2-STR-01", "ISO-3002")},
)
async def get_wrongly_signed(probe: Probe) -> None:
    """A GET for a stream signed under another key is refused."""
    session = await probe.session()
    draft = session.draft("GET", probe.target.stream, None, key=bytes(32))
    probe.judge((await probe.send_stream(draft, session)).answer)


@case(
    "v1/stream/get-stale",
    "V1-STR-05",
    "ISO-3003",
    "ISO-6001",
    why=OPEN,
    cause="the window is not checked for a GET without a body",
    cites={"v2": ("V1-STR-05", "ISO-3003")},
)
async def get_stale(probe: Probe) -> None:
    """A GET for a stream with a stale timestamp is refused."""
    session = await probe.session()
    draft = session.draft("GET", probe.target.stream, None, timestamp=now_ms() - 3_600_000)
    probe.judge((await probe.send_stream(draft, session)).answer)


@case(
    "v1/stream/without-session",
    "V1-AUTH-01",
    "ISO-2003",
    why=OPEN,
    cause="the stream route is not behind the verification",
)
async def without_session(probe: Probe) -> None:
    """A request for a stream without a session is refused."""
    session = await probe.session()
    draft = session.draft("POST", probe.target.stream, b'{"chunks":["x"]}')
    bare = draft.without("x-nen-session")
    probe.judge((await probe.send_stream(bare, session)).answer)


@case(
    "v1/stream/replayed",
    "V1-REPLAY-01",
    "ISO-5001",
    why="a recorded request would have the whole stream produced again",
    cause="nonces are not remembered on the stream route",
)
async def replayed(probe: Probe) -> None:
    """The same signed request for a stream is refused the second time."""
    session = await probe.session()
    draft = session.draft("POST", probe.target.stream, b'{"chunks":["x"]}')
    right(probe, await probe.send_stream(draft, session), "the first time")
    probe.judge((await probe.send_stream(draft, session)).answer, "the second time")


@case(
    "v1/stream/payload-altered",
    "V1-REQ-07",
    "ISO-4001",
    why="altered requests would reach the handler",
    cause="the payload of the stream route is opened without checking the tag",
)
async def payload_altered(probe: Probe) -> None:
    """A request for a stream whose ct does not open is refused, and no stream begins."""
    session = await probe.session()
    draft = session.draft("POST", probe.target.stream, b'{"chunks":["x"]}')
    stream = await probe.send_stream(draft.with_members(ct=encode_base64(random_bytes(40))), session)
    probe.judge(stream.answer)


@case(
    "v1/stream/error-is-json",
    "V1-ERR-01",
    "ISO-2002",
    why="clients read the code from the body; an event stream has none",
    cause="errors of the stream route are sent as events",
)
async def error_is_json(probe: Probe) -> None:
    """A refusal on the stream route is a JSON error body like any other."""
    session = await probe.session()
    draft = session.draft("POST", probe.target.stream, b"{}").with_header("x-nen-session", "unknown")
    stream = await probe.send_stream(draft, session)
    probe.judge(stream.answer)
    kind = stream.answer.headers.get("content-type", "absent")
    probe.ensure(kind.startswith("application/json"), f"content-type {kind}")


@case(
    "v1/stream/request-afterwards",
    "V1-STR-01",
    ACCEPTED,
    why="a stream must leave the session as it was",
    cause="the session or the connection is used up by a stream",
)
async def request_afterwards(probe: Probe) -> None:
    """The session serves requests and further streams after a stream."""
    session = await probe.session()
    right(probe, await probe.stream(session, {"chunks": ["x"]}), "the first stream")
    probe.judge(await probe.echo(session), "a request after it")
    right(probe, await probe.stream(session, {"chunks": ["y"]}), "the second stream")


@case(
    "v1/stream/base-nonces-random",
    "V1-STR-08",
    ACCEPTED,
    why="base nonces that can be foreseen, or differ in a few bits, come again after a restart or on a second node",
    cause="the base nonce is a counter or a time stamp, padded to 12 bytes",
    level="recommended",
)
async def base_nonces_random(probe: Probe) -> None:
    """Each of the first eight bytes of the base nonce varies over sixteen streams."""
    session = await probe.session()
    seen = []
    for i in range(16):
        stream = await probe.stream(session, {"chunks": []})
        if not right(probe, stream, f"stream {i}"):
            return
        seen.append(stream.base_nonce)
    for position in range(8):
        values = {nonce[position] for nonce in seen}
        probe.ensure(
            len(values) >= 6,
            f"byte {position} of 16 base nonces: {'varies' if len(values) >= 6 else f'{len(values)} values'}",
        )
