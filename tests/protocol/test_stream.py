"""Encrypted streams: what is sent, byte for byte, and what a receiver hands out when other bytes arrive."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nen_ref.protocol.messages import Headers, Reply
from nen_ref.protocol.stream import (
    MAX_EVENT_SIZE,
    StreamOpener,
    StreamSealer,
    read_stream_head,
    stream_head,
    stream_nonce,
)
from tests.protocol.oracle import b64, code_of, frame_nonce, frames, leaks, refused, seal, secret, texts_of

KEY, OTHER_KEY = secret("enc"), secret("another enc")
BASE, OTHER_BASE = secret("base", 12), secret("another base", 12)
FIN = b"__FIN__"
CHUNKS = [b"one", b"", "drei €".encode(), bytes(range(256)), b"__FIN", b"__", b"\n\ndata: x\n\n", b"__FIN__ "]
EVENTS = frames(KEY, BASE, [*CHUNKS, FIN])
BODY = b"".join(EVENTS)


def receive(pieces: Iterable[bytes], key: bytes = KEY, base: bytes = BASE) -> tuple[list[bytes], str | None]:
    """The chunks that are handed out before the stream ends well (None) or with a code."""
    opener = StreamOpener(key, base)
    out: list[bytes] = []

    def drain() -> None:
        for piece in pieces:
            out.extend(opener.feed(piece))
        opener.close()

    code = code_of(drain)
    return out, code


# Sender ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base", "i", "nonce"),
    [
        ("000102030405060708090a0b", 0, "000102030405060708090a0b"),
        ("000102030405060708090a0b", 1, "000102030405060709090a0b"),
        ("000102030405060708090a0b", 0x100, "000102030405060708080a0b"),
        ("000102030405060708090a0b", 0x0B0A0908, "000102030405060700000000"),
        ("ffffffffffffffffffffffff", 0xFFFFFFFF, "ffffffffffffffff00000000"),
        ("000000000000000000000000", 0x01020304, "000000000000000004030201"),
        ("9303733d53096a99393e75a2", 2, "9303733d53096a993b3e75a2"),
    ],
)
def test_the_nonce_of_an_event(base: str, i: int, nonce: str) -> None:
    """V1-STR-03. The last is of a recorded stream."""
    assert stream_nonce(bytes.fromhex(base), i).hex() == nonce


@given(st.binary(min_size=12, max_size=12), st.integers(0, 2**32 - 1))
def test_the_nonce_of_any_event(base: bytes, i: int) -> None:
    assert stream_nonce(base, i) == frame_nonce(base, i)


def test_a_sealed_stream() -> None:
    """V1-STR-02, V1-STR-04: one event for a chunk, and the final event last."""
    sealer = StreamSealer(KEY, BASE)
    assert [sealer.seal(chunk) for chunk in CHUNKS] + [sealer.finish()] == EVENTS


@given(st.lists(st.binary(max_size=40) | st.just(FIN), max_size=6))
def test_what_is_sealed_is_received(chunks: list[bytes]) -> None:
    """V1-STR-06: a chunk that is the marker arrives too, in two parts; no event but the last seals the marker."""
    sealer = StreamSealer(KEY, BASE)
    body = b"".join([sealer.seal(chunk) for chunk in chunks] + [sealer.finish()])
    out, code = receive([body])
    assert code is None
    assert b"".join(out) == b"".join(chunks)
    parts = [[chunk] if chunk != FIN else [b"__FIN", b"__"] for chunk in chunks]
    assert out == list(itertools.chain.from_iterable(parts))
    assert body == b"".join(frames(KEY, BASE, [*out, FIN]))


def test_a_finished_stream_takes_no_more() -> None:
    """V1-STR-04: no event follows the final one."""
    sealer = StreamSealer(KEY, BASE)
    sealer.finish()
    for _ in range(2):
        refused("ISO-4002", sealer.seal, b"more")
        refused("ISO-4002", sealer.seal, FIN)
        refused("ISO-4002", sealer.finish)


@pytest.mark.parametrize("base", [b"", bytes(11), bytes(13), bytes(24)])
def test_a_base_nonce_is_twelve_bytes(base: bytes) -> None:
    with pytest.raises(ValueError, match="12 bytes"):
        StreamSealer(KEY, base)


class LateSealer(StreamSealer):
    """A sealer that has sealed `sent` events already."""

    def __init__(self, sent: int) -> None:
        super().__init__(KEY, BASE)
        self._next = sent


class LateOpener(StreamOpener):
    """An opener that has opened `opened` events already."""

    def __init__(self, opened: int) -> None:
        super().__init__(KEY, BASE)
        self._next = opened


def late_event(i: int, chunk: bytes) -> bytes:
    return b"data: " + base64.b64encode(seal(KEY, frame_nonce(BASE, i), chunk)) + b"\n\n"


def test_a_stream_has_no_more_than_two_to_the_32_events() -> None:
    """V1-STR-07: the last counter is kept for the final event."""
    sealer = LateSealer(2**32 - 2)
    assert sealer.seal(b"the last") == late_event(2**32 - 2, b"the last")
    for _ in range(2):
        refused("ISO-4002", sealer.seal, b"one too many")
    assert sealer.finish() == late_event(2**32 - 1, FIN)
    refused("ISO-4002", sealer.finish)


def test_the_marker_as_a_chunk_is_sent_whole_or_not_at_all() -> None:
    """V1-STR-06, V1-STR-07: where only one of its two events has a counter left, none is spent on it."""
    sealer = LateSealer(2**32 - 2)
    refused("ISO-4002", sealer.seal, FIN)
    body = sealer.finish()
    opener = LateOpener(2**32 - 2)
    assert list(opener.feed(body)) == []
    opener.close()


def test_a_receiver_takes_no_more_than_two_to_the_32_events() -> None:
    """V1-STR-07: the counter does not wrap."""
    opener = LateOpener(2**32 - 2)
    assert list(opener.feed(late_event(2**32 - 2, b"a") + late_event(2**32 - 1, b"b"))) == [b"a", b"b"]
    for piece in (late_event(0, b"c"), late_event(0, FIN)):
        refused("ISO-7002", list, opener.feed(piece))
    refused("ISO-7002", opener.close)
    ends = LateOpener(2**32 - 1)
    assert list(ends.feed(late_event(2**32 - 1, FIN))) == []
    ends.close()


@pytest.mark.bulk
def test_a_stream_of_many_chunks_is_sealed_one_by_one() -> None:
    sealer = StreamSealer(KEY, BASE)
    events = [sealer.seal(str(i).encode()) for i in range(700)]
    assert events[255:258] == [late_event(i, str(i).encode()) for i in (255, 256, 257)]


# The head ----------------------------------------------------------------------------------------------------


def test_the_head_of_a_stream() -> None:
    """V1-STR-01, V1-RES-06."""
    head = stream_head(BASE)
    assert head.status == 200
    assert dict(head.headers) == {
        "content-type": "text/event-stream",
        "x-nen-stream-nonce": b64(BASE),
        "cache-control": "no-store",
    }
    assert head.body == b""
    assert read_stream_head(head) == BASE


def head(nonce: str | None = b64(BASE), content_type: str | None = "text/event-stream", status: int = 200) -> Reply:
    pairs = [("Content-Type", content_type), ("X-Nen-Stream-Nonce", nonce)]
    return Reply(status, Headers((name, value) for name, value in pairs if value is not None))


@pytest.mark.parametrize(
    "content_type", ["text/event-stream", "Text/Event-Stream ; charset=utf-8", "TEXT/EVENT-STREAM"]
)
@pytest.mark.parametrize("status", [200, 201, 299])
def test_a_head_is_read(content_type: str, status: int) -> None:
    assert read_stream_head(head(content_type=content_type, status=status)) == BASE


@pytest.mark.parametrize(
    "nonce",
    [
        None, "", " ", "x", b64(BASE[:11]), b64(BASE + b"\0"), BASE.hex(), b64(BASE) + " ", "-" + b64(BASE)[1:],
        f"{b64(BASE)}, {b64(BASE)}", "é" * 16, b64(BASE)[:-1], b64(BASE) + "=", "\udcff", f'"{b64(BASE)}"',
    ],
)  # fmt: skip
def test_a_head_without_a_usable_nonce_is_refused(nonce: str | None) -> None:
    """V1-STR-12."""
    refused("ISO-7001", read_stream_head, head(nonce))


@pytest.mark.parametrize(
    "bad",
    [
        head(status=status) for status in (100, 199, 300, 304, 400, 401, 404, 409, 500, 502)
    ] + [
        head(content_type=kind)
        for kind in (None, "", "application/json", "text/plain", "text/event-stream2", "x; text/event-stream",
                     "text/event-stream, text/event-stream", "text/html; a=text/event-stream")
    ] + [head(None, None), head(None, "application/json"), head("x", status=500)],
)  # fmt: skip
def test_a_head_of_something_else_is_refused(bad: Reply) -> None:
    """V1-STR-13, before the nonce is looked at."""
    refused("ISO-7002", read_stream_head, bad)


# Receiver ----------------------------------------------------------------------------------------------------


def test_a_stream_is_received() -> None:
    assert receive([BODY]) == (CHUNKS, None)
    assert receive(BODY[i : i + 1] for i in range(len(BODY))) == (CHUNKS, None)
    assert receive(EVENTS) == (CHUNKS, None)
    assert receive([BODY.replace(b"\n", b"\r\n")]) == (CHUNKS, None)
    assert receive([b"\xef\xbb\xbf: hello\n\nid: 1\n" + BODY.replace(b"data: ", b"event: x\rdata:")]) == (CHUNKS, None)


@given(st.lists(st.integers(0, len(BODY)), max_size=10))
def test_a_stream_is_received_however_it_is_cut(places: list[int]) -> None:
    edges = [0, *sorted(places), len(BODY)]
    assert receive(BODY[start:end] for start, end in itertools.pairwise(edges)) == (CHUNKS, None)


def test_an_empty_stream_is_received() -> None:
    assert receive(frames(KEY, BASE, [FIN])) == ([], None)


def test_a_chunk_is_handed_out_as_soon_as_it_is_there() -> None:
    opener = StreamOpener(KEY, BASE)
    for event, chunk in zip(EVENTS, CHUNKS, strict=False):
        assert list(opener.feed(event[:-1])) == []
        assert list(opener.feed(event[-1:])) == [chunk]
    assert not opener.finished
    assert list(opener.feed(EVENTS[-1])) == []
    assert opener.finished


def test_a_stream_is_finished_by_its_final_event() -> None:
    opener = StreamOpener(KEY, BASE)
    assert opener.finished is False
    first, last = frames(KEY, BASE, [b"a", b"__FIN__"])
    assert list(opener.feed(first)) == [b"a"]
    assert opener.finished is False
    assert list(opener.feed(last)) == []
    assert opener.finished is True


@pytest.mark.bulk
def test_a_stream_cut_short_at_any_byte_is_no_success() -> None:
    """V1-STR-09: whatever was complete is handed out, and the end is ISO-7002."""
    ends = list(itertools.accumulate(len(event) for event in EVENTS))
    for length in range(len(BODY)):
        complete = sum(end <= length for end in ends)
        assert receive([BODY[:length]]) == (CHUNKS[:complete], "ISO-7002"), length


def test_what_follows_the_final_event_is_ignored() -> None:
    """V1-STR-11."""
    after = frames(KEY, BASE, [*CHUNKS, FIN, b"more"])[-1]
    for more in (after, EVENTS[0], b"data: garbage\n\n", b"\xff\r", BODY, b"x" * 100):
        assert receive([BODY + more]) == (CHUNKS, None)
        assert receive([BODY, more, more]) == (CHUNKS, None)
    opener = StreamOpener(KEY, BASE, max_event_size=400)
    assert list(opener.feed(BODY + b"data: " + b"x" * 1000)) == CHUNKS
    assert list(opener.feed(b"x" * 1000)) == []
    opener.close()


N = len(EVENTS)


@pytest.mark.parametrize("i", range(N - 1))
def test_a_lost_event_ends_the_stream(i: int) -> None:
    """V1-STR-10: exactly what precedes it is handed out. (Without the last one the stream is cut short.)"""
    assert receive(EVENTS[:i] + EVENTS[i + 1 :]) == (CHUNKS[:i], "ISO-4001")


@pytest.mark.parametrize("i", range(N - 1))
def test_a_repeated_event_ends_the_stream(i: int) -> None:
    assert receive(EVENTS[: i + 1] + EVENTS[i:]) == (CHUNKS[: i + 1], "ISO-4001")


@pytest.mark.parametrize(("i", "j"), list(itertools.combinations(range(N), 2)))
def test_two_events_in_each_others_place_end_the_stream(i: int, j: int) -> None:
    swapped = list(EVENTS)
    swapped[i], swapped[j] = swapped[j], swapped[i]
    assert receive(swapped) == (CHUNKS[:i], "ISO-4001")


@pytest.mark.parametrize("i", range(N))
def test_a_changed_event_ends_the_stream(i: int) -> None:
    sealed = base64.b64decode(EVENTS[i][6:-2])
    text = EVENTS[i][6:-2]
    flipped = [bytes([sealed[0] ^ 1]) + sealed[1:], sealed[:-1] + bytes([sealed[-1] ^ 128])]
    changes = [*flipped, sealed[:-1], sealed + b"\0"]
    datas = [base64.b64encode(change) for change in changes]
    datas += [b"", b"x", text[:-1] + b"\xc3", text + b" ", b" " + text, text + b"\ndata: " + text, text[:-1] + b"-"]
    for data in datas:
        assert receive([*EVENTS[:i], b"data: " + data + b"\n\n", *EVENTS[i + 1 :]]) == (CHUNKS[:i], "ISO-4001"), data


@pytest.mark.bulk
@settings(max_examples=300)
@given(st.integers(0, len(BODY) - 1), st.integers(0, 255), st.lists(st.integers(0, len(BODY)), max_size=3))
def test_one_changed_byte_anywhere_gives_an_authentic_prefix(place: int, byte: int, places: list[int]) -> None:
    """V1-STR-10: never anything else than the chunks in their order, and success only with all of them."""
    changed = BODY[:place] + bytes([byte]) + BODY[place + 1 :]
    edges = [0, *sorted(places), len(changed)]
    out, code = receive(changed[start:end] for start, end in itertools.pairwise(edges))
    assert out == CHUNKS[: len(out)]
    assert code in ("ISO-4001", "ISO-7002") or (code is None and out == CHUNKS)


@pytest.mark.bulk
@settings(max_examples=300)
@given(st.lists(st.sampled_from(range(N)), max_size=N + 2))
def test_events_in_any_other_order_give_an_authentic_prefix(order: list[int]) -> None:
    right = list(itertools.takewhile(lambda pair: pair[0] == pair[1], enumerate(order)))
    expected = None if len(right) == N else "ISO-7002" if len(right) == len(order) else "ISO-4001"
    assert receive(EVENTS[i] for i in order) == (CHUNKS[: len(right)], expected)


def test_events_of_another_stream_or_under_another_key_do_not_open() -> None:
    for key, base in ((KEY, OTHER_BASE), (OTHER_KEY, BASE), (OTHER_KEY, OTHER_BASE)):
        other = frames(key, base, [*CHUNKS, FIN])
        assert receive(other) == ([], "ISO-4001")
        for i in range(N):
            assert receive(EVENTS[:i] + other[i:]) == (CHUNKS[:i], "ISO-4001")
    assert receive([BODY], base=OTHER_BASE) == ([], "ISO-4001")
    assert receive([BODY], key=OTHER_KEY) == ([], "ISO-4001")


def test_a_sealed_answer_is_no_event() -> None:
    """A refusal or an answer in the place of events has no data lines: the stream is cut short."""
    body = json.dumps({"ct": b64(seal(KEY, BASE, b"{}")), "n": b64(BASE)}).encode()
    assert receive([body]) == ([], "ISO-7002")
    assert receive([b""]) == receive([]) == ([], "ISO-7002")


def test_a_broken_stream_stays_broken() -> None:
    for bad in (EVENTS[2], EVENTS[0], b"data: x\n\n", b"data:\n\n", b"data: " + b"x" * 500):
        opener = StreamOpener(KEY, BASE, max_event_size=400)
        assert list(opener.feed(EVENTS[0])) == [CHUNKS[0]]
        assert code_of(list, opener.feed(bad)) in ("ISO-4001", "ISO-7002")
        for piece in (EVENTS[1], BODY, EVENTS[-1], b"\n\n"):
            refused("ISO-7002", list, opener.feed(piece))
        refused("ISO-7002", opener.close)
        assert not opener.finished


def test_a_reader_that_skips_part_of_a_piece_hands_out_nothing_out_of_order() -> None:
    opener = StreamOpener(KEY, BASE)
    assert next(opener.feed(EVENTS[0] + EVENTS[1])) == CHUNKS[0]
    refused("ISO-4001", list, opener.feed(EVENTS[2]))
    refused("ISO-7002", opener.close)


def test_an_event_larger_than_the_limit_ends_the_stream() -> None:
    small = StreamOpener(KEY, BASE, max_event_size=100)
    chunk = b"x" * 53  # 69 bytes sealed, 92 of base64, 98 with the name of the field
    assert list(small.feed(frames(KEY, BASE, [chunk])[0])) == [chunk]
    refused("ISO-7002", list, small.feed(b"data: " + b"A" * 95))
    endless = StreamOpener(KEY, BASE)
    piece = b"x" * 2**20
    for _ in range(MAX_EVENT_SIZE // len(piece)):
        assert list(endless.feed(piece)) == []
    refused("ISO-7002", list, endless.feed(b"x"))
    refused("ISO-7002", endless.close)


def test_neither_sealer_nor_opener_shows_its_key() -> None:
    sealer, opener = StreamSealer(KEY, BASE), StreamOpener(KEY, BASE)
    sealer.seal(b"x")
    list(opener.feed(EVENTS[0]))
    shown = [sealer, opener, stream_head(BASE), opener.feed(EVENTS[1]), refused("ISO-7002", opener.close)]
    assert not leaks("\n".join(texts_of(value) for value in shown), KEY)
