"""Handshakes that nobody uses, large bodies by the dozen: the memory of `nen-ref serve` is bounded, and comes back."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from nen_ref.protocol.messages import HANDSHAKE_PATH
from nen_ref.stores.memory import MAX_SESSIONS
from tests.http.live import Answer, connect, read_answer
from tests.http.strained import MIB, forget_peak, memory, peak, serving_with, within
from tests.stores.nodes import Member, Node, another_hello, running_nodes

# Handshakes that are never used ------------------------------------------------------------------------------

SMALL = """
from nen_ref.stores import MemoryStore
serve.open_store = lambda url: MemoryStore(max_sessions={sessions})
"""
# The store keeps what it drops: 4 KiB for each session.
KEEPS = """
from nen_ref.stores import MemoryStore
kept, drop = [], MemoryStore._drop_ended
def drop_ended(self):
    kept.append(bytearray(4096))
    drop(self)
MemoryStore._drop_ended = drop_ended
"""
LIFE = 2  # seconds of a session, in the waves
WAVE = 1500
GROWTH = 2 * MIB  # what two more waves may add; one wave of sessions takes about that much


def handshakes(node: Node, count: int) -> None:
    """`count` sessions that nobody will use: one body again and again over one connection."""
    body = another_hello()
    head = f"POST {HANDSHAKE_PATH} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    data = f"{head}content-length: {len(body)}\r\n\r\n".encode() + body
    with connect(node.url) as connection:
        for _ in range(count):
            connection.sendall(data)
            assert read_answer(connection).status == 200


def oldest_first(node: Node, bound: int, more: int) -> tuple[int, int]:
    """That of `bound` + `more` sessions the last `bound` work; bytes of memory once it was full, and at the end."""
    first = Member(node)
    handshakes(node, bound - 1)
    assert first.passes(first.prepare().to(node)), "the oldest of as many as there may be"
    full = memory(node)
    handshakes(node, more - 1)
    assert first.prepare().to(node).code == "ISO-2002"
    oldest = Member(node)
    handshakes(node, bound - 2)
    latest = Member(node)
    assert oldest.passes(oldest.prepare().to(node))
    handshakes(node, 1)
    assert oldest.prepare().to(node).code == "ISO-2002"
    assert latest.passes(latest.prepare().to(node))
    return full, memory(node)


def test_the_oldest_of_too_many_sessions_goes() -> None:
    bound = 300
    with serving_with(SMALL.format(sessions=bound)) as node:
        full, end = oldest_first(node, bound, 1500 - 2 * bound)
        print(f"\nwith {bound} sessions {full / MIB:.1f} MiB, after 1500 handshakes {end / MIB:.1f} MiB")
        assert end - full < GROWTH
        assert node.log() == ""


@pytest.mark.slow
def test_eleven_thousand_handshakes_and_the_default_bound() -> None:
    assert MAX_SESSIONS == 10_000
    with running_nodes(1, "memory:") as (node,):
        handshakes(node, 100)
        before = memory(node)
        begin = time.monotonic()
        full, end = oldest_first(node, MAX_SESSIONS, 1000)
        seconds = time.monotonic() - begin
        each = (full - before) / MAX_SESSIONS
        print(f"\n{2 * MAX_SESSIONS + 1000} handshakes in {seconds:.0f} s; {before / MIB:.1f} MiB before")
        print(f"{full / MIB:.1f} MiB with {MAX_SESSIONS} sessions ({each:.0f} bytes each), {end / MIB:.1f} at the end")
        assert full - before < 40 * MIB
        assert end - full < 4 * MIB
        assert node.log() == ""


def after_waves(node: Node, count: int) -> list[int]:
    """Bytes of memory after each of three waves of sessions whose life is over then."""
    handshakes(node, 50)
    sizes = []
    for _ in range(3):
        handshakes(node, count)
        time.sleep(LIFE + 0.1)
        handshakes(node, 1)  # it drops what has ended
        sizes.append(memory(node))
    return sizes


def figures(sizes: list[int]) -> str:
    return ", ".join(f"{size / MIB:.2f}" for size in sizes) + " MiB"


def test_sessions_that_end_give_their_memory_back() -> None:
    with running_nodes(1, "memory:", "--session-life", str(LIFE)) as (node,):
        sizes = after_waves(node, WAVE)
        print(f"\nafter waves of {WAVE} sessions: {figures(sizes)}")
        assert sizes[2] - sizes[0] < GROWTH


def test_the_waves_notice_a_store_that_keeps_what_ended() -> None:
    with serving_with(KEEPS, "--session-life", "1") as node:
        sizes = after_waves(node, WAVE)
        print(f"\nafter the same with a store that leaks: {figures(sizes)}")
        assert sizes[2] - sizes[0] >= 2 * GROWTH


@pytest.mark.slow
def test_ten_thousand_sessions_give_their_memory_back() -> None:
    with running_nodes(1, "memory:", "--session-life", str(LIFE)) as (node,):
        sizes = after_waves(node, MAX_SESSIONS)
        print(f"\nafter waves of {MAX_SESSIONS} sessions: {figures(sizes)}")
        assert sizes[2] - sizes[0] < 2 * GROWTH


# Large bodies ------------------------------------------------------------------------------------------------

MANY = 20
TEXT = "x" * (7_864_000 - 100)  # sealed and in base64 just below 10 MiB
BODIES = 64 * MIB  # for the case in which not all of them find room
ROOM = "serve.ServerConfig = partial(serve.ServerConfig, body_timeout=2.0, bodies_limit={limit})"
PEAK = 700 * MIB  # above the memory of an idle server: all bodies, and two that are worked on


def large_bodies(node: Node) -> tuple[Counter[str], int]:
    """Send MANY, half of them but for the last byte; what became of them, and the peak in bytes meanwhile."""
    member = Member(node)
    for _ in range(2):  # so that what a first large body leaves behind is not counted
        assert member.passes(member.prepare(TEXT).to(node), TEXT)
    signed = [member.prepare(TEXT) for _ in range(MANY)]
    assert all(10 * MIB - 4096 < len(one.body) <= 10 * MIB for one in signed)
    before = memory(node)
    forget_peak(node)
    outcomes: Counter[str] = Counter()
    with ExitStack() as stack, ThreadPoolExecutor(MANY) as pool:
        connections = [stack.enter_context(connect(node.url)) for _ in signed]

        def send(number: int) -> Answer:
            whole = number % 2 == 0
            data = signed[number].data
            connections[number].sendall(data if whole else data[:-1])
            return read_answer(connections[number])

        waiting = [pool.submit(send, number) for number in range(MANY)]
        good = [member.passes(member.prepare().to(node)) for _ in range(5)]
        for number, future in enumerate(waiting):
            answer = future.result()
            if answer.code is None:
                assert number % 2 == 0
                assert member.passes(answer, TEXT)
            outcomes[answer.code or "passed"] += 1
    assert all(good)
    return outcomes, peak(node) - before


@pytest.mark.parametrize(
    "limit",
    [
        pytest.param(256 * MIB, id="room for all", marks=pytest.mark.slow),
        pytest.param(BODIES, id="room for some"),
    ],
)
def test_twenty_large_bodies_half_of_them_never_finished(limit: int) -> None:
    with serving_with(ROOM.format(limit=limit)) as node:
        idle = memory(node)
        outcomes, first = large_bodies(node)
        one = memory(node)
        again, second = large_bodies(node)
        assert within(5, lambda: memory(node) < one + 64 * MIB), f"{memory(node) / MIB:.0f} MiB, {one / MIB:.0f} before"
        print(f"\nof {MANY}: {dict(outcomes)}, then {dict(again)}")
        print(f"up to {first / MIB:.0f} and {second / MIB:.0f} MiB more")
        print(f"{idle / MIB:.0f} MiB before, {one / MIB:.0f} after the first time, {memory(node) / MIB:.0f} at the end")
        for some in (outcomes, again):
            assert some.total() == MANY
            assert some.keys() <= {"passed", "ISO-6001"}
            assert some["ISO-6001"] >= MANY // 2
            if limit > MANY * 10 * MIB:
                assert some["passed"] == MANY // 2
        assert max(first, second) < PEAK
        assert "Traceback" not in node.log()
