"""The reader of server-sent events against the HTML Standard's own algorithm, written out plainly below."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nen_ref.protocol.sse import EventReader, EventTooLarge, event

NO_LIMIT = 10**9


def html_standard(stream: bytes) -> list[str]:
    """HTML Standard, 9.2.5 and 9.2.6: the data of every event that a finished stream dispatches."""
    text = stream.decode("utf-8", "replace")  # "Streams must be decoded using the UTF-8 decode algorithm",
    text = text.removeprefix("\ufeff")  # which strips one leading byte order mark.
    dispatched: list[str] = []
    data = ""
    while True:
        ends = [i for i in (text.find("\r"), text.find("\n")) if i >= 0]
        if not ends:
            return dispatched  # "Once the end of the file is reached, any pending data must be discarded."
        line, rest = text[: min(ends)], text[min(ends) :]
        text = rest[2:] if rest.startswith("\r\n") else rest[1:]
        if line == "":  # "If the line is empty: dispatch the event"
            if data != "":
                dispatched.append(data.removesuffix("\n"))
            data = ""
        elif line.startswith(":"):
            pass  # "Ignore the line."
        else:
            field, value = line, ""
            if ":" in line:
                colon = line.index(":")
                field, value = line[:colon], line[colon + 1 :]
                if value.startswith(" "):
                    value = value[1:]
            if field == "data":  # the other fields do not change what is dispatched as data
                data += value + "\n"


def read(pieces: list[bytes], limit: int = NO_LIMIT) -> list[str]:
    reader = EventReader(limit)
    return [data.decode("utf-8", "replace") for piece in pieces for data in reader.feed(piece)]


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    """The stream cut at these places; without empty pieces."""
    edges = sorted({0, len(stream), *(place % (len(stream) + 1) for place in places)})
    return [stream[start:end] for start, end in itertools.pairwise(edges)]


LINES = [
    b"data: a", b"data:a", b"data:  a", b"data:", b"data", b"data: ", b"data :a", b" data:a", b"Data:a", b"DATA: a",
    b"data:a:b", b"data\x00:a", b"dat", b"database: a", b":", b": data: a", b"::", b":data:a", b"event: x", b"id: 1",
    b"id", b"id:\x00", b"retry: 10", b"retry", b"garbage", b"a:b:c", b"data: \xc3\xa9", b"data: \xff\xfe",
    b"\xffdata: a", b"data: \xe2\x82", b"data: \xef\xbb\xbf", b"\xef\xbb\xbfdata: a", b"\xef\xbb\xbf",
    b"\xef\xbb\xbf\xef\xbb\xbfdata:a", b"data: \t", b"data: \xe2\x80\xa8", b"data: \x0b\x0c\x85", b"data:\x1e",
]  # fmt: skip
ENDS = [b"\n", b"\r", b"\r\n", b"\n\n", b"\r\r", b"\r\n\r\n", b"\n\r", b"\n\r\n", b"\r\r\n", b""]
STREAMS = st.lists(st.sampled_from(LINES) | st.sampled_from(ENDS), max_size=14).map(b"".join) | st.lists(
    st.tuples(st.sampled_from(LINES[:8]), st.sampled_from(ENDS)).map(b"".join), max_size=8
).map(b"".join)


@pytest.mark.bulk
@settings(max_examples=1000)
@given(STREAMS, st.lists(st.integers(0, 200), max_size=8))
@example(b"\xef\xbb\xbfdata: a\n\n", [1, 2])
@example(b"data: a\r\ndata: b\r\n\r\n", [8, 9])
@example(b"data: a\r\n\r\ndata: b\r\r", [8, 9, 10, 11])
def test_events_are_those_of_the_html_standard(stream: bytes, places: list[int]) -> None:
    """V1-STR-14, for whole streams and for streams cut anywhere."""
    expected = html_standard(stream)
    assert read([stream]) == expected
    assert read(cut(stream, places)) == expected
    assert read([stream[i : i + 1] for i in range(len(stream))]) == expected


@given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=5))
def test_any_bytes_are_read(stream: bytes, places: list[int]) -> None:
    assert read(cut(stream, places)) == html_standard(stream)


@settings(max_examples=300)
@given(STREAMS)
def test_an_event_is_out_as_soon_as_its_empty_line_is_in(stream: bytes) -> None:
    """After each byte there is just what a stream that ended there would have dispatched."""
    reader = EventReader(NO_LIMIT)
    out: list[str] = []
    for i in range(len(stream)):
        out += [data.decode("utf-8", "replace") for data in reader.feed(stream[i : i + 1])]
        assert out == html_standard(stream[: i + 1])


@given(STREAMS, st.lists(st.integers(0, 200), min_size=1, max_size=4))
def test_an_empty_piece_changes_nothing(stream: bytes, places: list[int]) -> None:
    """V1-STR-14: bytes may be cut anywhere, between a CR and its LF too, and twice at one place."""
    pieces = [piece for part in cut(stream, places) for piece in (part, b"")]
    assert read(pieces) == html_standard(stream)


EXAMPLES = [
    (b"data: YHOO\ndata: +2\ndata: 10\n\n", ["YHOO\n+2\n10"]),
    (b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
     ["first event", "second event", " third event"]),
    (b"data\n\ndata\ndata\n\ndata:", ["", "\n"]),
    (b"data:test\n\ndata: test\n\n", ["test", "test"]),
    (b"event: x\nid: 7\n\n", []),
    (b"data: a\n", []),
    (b"data: a", []),
    (b"data: a\n\n\n\ndata: b\n\n", ["a", "b"]),
    (b"\n\n\ndata: a\r\rdata: b\r\n\r\ndata: c\n\n", ["a", "b", "c"]),
    (b"data: a\n\r\n", ["a"]),
    (b"data: a\r\n\ndata: b\n\n", ["a", "b"]),
    (b"\xef\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\n", ["a"]),
    (b"\n\xef\xbb\xbfdata: a\n\n", []),
]  # fmt: skip


@pytest.mark.parametrize(("stream", "expected"), EXAMPLES)
def test_known_streams(stream: bytes, expected: list[str]) -> None:
    """The first four are the examples of the standard. The algorithm above is tested by them too."""
    assert html_standard(stream) == expected
    assert read([stream]) == expected


@pytest.mark.parametrize(("stream", "expected"), EXAMPLES)
def test_known_streams_cut_anywhere(stream: bytes, expected: list[str]) -> None:
    """V1-STR-14: in two pieces, or byte by byte."""
    for place in range(1, len(stream)):
        assert read([stream[:place], stream[place:]]) == expected
    assert read([bytes([byte]) for byte in stream]) == expected


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E)))
def test_an_event_that_is_written_is_read(data: str) -> None:
    assert event(data) == f"data: {data}\n\n".encode()
    assert html_standard(event(data) * 2) == [data, data] == read([event(data) * 2])


# The limit ---------------------------------------------------------------------------------------------------


def too_large(pieces: list[bytes], limit: int) -> list[bytes]:
    """Assert that reading fails by the limit, and return what was read before."""
    reader = EventReader(limit)
    out: list[bytes] = []
    with pytest.raises(EventTooLarge, match=str(limit)):
        out.extend(data for piece in pieces for data in reader.feed(piece))
    return out


@pytest.mark.parametrize("line", [b"data: " + b"x" * 94, b": " + b"x" * 98, b"x" * 100, b"data:" + b"x" * 95])
def test_a_line_may_be_as_long_as_the_limit(line: bytes) -> None:
    read([line + b"\n\n"] * 3, 100)
    read([line + b"\r\r"] * 3, 100)
    read([line[i : i + 1] for i in range(100)], 100)
    too_large([line + b"x"], 100)
    too_large([line + b"x\n"], 100)
    too_large([(line + b"x")[i : i + 1] for i in range(101)], 100)


def test_the_lines_of_one_event_are_bounded_together() -> None:
    assert read([b"data: 123\n" * 10 + b"\n"], 100) == ["\n".join(["123"] * 10)]
    assert read([b"data: 123\n" * 10 + b"\n"] * 5, 100) == ["\n".join(["123"] * 10)] * 5
    assert too_large([b"data: 0\n\n", b"data: 123\n" * 12], 100) == [b"0"]
    assert too_large([b"data\n" * 26 + b"\n"], 100) == []
    assert too_large([b"data\n"] * 26, 100) == []


def test_comments_and_other_fields_are_not_kept() -> None:
    """A server that keeps a quiet connection open with comments does not fill the memory of its client."""
    stream = (b": " + b"x" * 80 + b"\n") * 50 + (b"id: " + b"x" * 80 + b"\r\n") * 50 + b"data: a\n\n"
    assert read([stream], 100) == ["a"]
    assert read([b"data: a\n" + stream], 100) == ["a\na"]
    assert read([stream[i : i + 7] for i in range(0, len(stream), 7)], 100) == ["a"]


def test_what_was_complete_before_the_limit_was_passed_is_handed_out() -> None:
    reader = EventReader(20)
    events = reader.feed(b"data: a\n\ndata: b\n\ndata: " + b"x" * 20)
    assert [next(events), next(events)] == [b"a", b"b"]
    with pytest.raises(EventTooLarge):
        next(events)
    for piece in (b"\n", b"\n\n", b"data: a\n\n"):
        with pytest.raises(EventTooLarge):
            list(reader.feed(piece))


@pytest.mark.bulk
def test_an_event_of_five_mebibytes_in_small_pieces_is_read_in_linear_time() -> None:
    """A reader that joined its pieces anew for each of them would not come back."""
    size = 5 * 2**20
    reader = EventReader(size + 6)
    pieces = [b"data: ", *[b"x" * 64] * (size // 64)]
    assert [data for piece in pieces for data in reader.feed(piece)] == []
    assert list(reader.feed(b"\r\n\r\n")) == [b"x" * size]
    assert list(EventReader(size).feed(b"\r" * size)) == []
    assert list(EventReader(size).feed(b"data\n\n" * (size // 64))) == [b""] * (size // 64)
