"""The clock of a server node steps by an hour, to and fro, over each store: no replay passes, no session is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.http.live import now_ms
from tests.stores.nodes import ECHO, Member, Node, Signed, running_nodes
from tests.stores.redis_server import needs_redis, running_redis

HOUR = 3_600_000
LIFE = ("--session-life", "14400")  # longer than the steps: over memory: a life is measured by the clock of the node

# `nen-ref serve` whose wall clock is off by the milliseconds in a file.
STEPPED = """
import pathlib, time
offset, true = pathlib.Path({path!r}), time.time_ns
time.time_ns = lambda: true() + int(offset.read_text()) * 1_000_000
from nen_ref.cli import main
main()
"""


class Clock:
    """How far the clock of a node is from the true one, in ms."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.step(0)

    def step(self, offset: int) -> None:
        new = self.path.with_suffix(".new")
        new.write_text(str(offset))
        new.replace(self.path)  # at once: a node never reads half of it


@pytest.fixture(params=["memory", pytest.param("redis", marks=needs_redis)])
def stepped(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Node, Clock]]:
    clock = Clock(tmp_path / "offset")
    program = ("-c", STEPPED.format(path=str(clock.path)))
    if request.param == "memory":
        with running_nodes(1, "memory:", *LIFE, program=program) as (node,):
            yield node, clock
            assert node.log() == ""
    else:
        with running_redis() as redis, running_nodes(1, redis.url, *LIFE, program=program) as (node,):
            yield node, clock
            assert node.log() == ""


def at(member: Member, offset: int) -> Signed:
    """A request of a client whose clock is off by `offset` as well."""
    headers, body = member.sign("POST", ECHO, json.dumps(1).encode(), timestamp=now_ms() + offset)
    assert body is not None
    return Signed(ECHO, headers, body)


@pytest.mark.parametrize("offset", [-HOUR, HOUR], ids=["back", "ahead"])
def test_the_clock_of_a_node_steps_and_comes_back(stepped: tuple[Node, Clock], offset: int) -> None:
    node, clock = stepped
    member = Member(node)
    first = member.prepare()
    assert member.passes(first.to(node))
    clock.step(offset)
    for _ in range(5):
        assert member.prepare().to(node).code == "ISO-3003"
    assert first.to(node).code == "ISO-3003"
    wrong = at(member, offset)  # what its window lets through now is recorded like everything else
    assert member.passes(wrong.to(node))
    assert wrong.to(node).code == "ISO-5001"
    clock.step(0)
    assert first.to(node).code == "ISO-5001"
    assert wrong.to(node).code == "ISO-3003"
    for _ in range(5):
        fresh = member.prepare()
        assert member.passes(fresh.to(node))
        assert fresh.to(node).code == "ISO-5001"
    clock.step(offset)
    assert wrong.to(node).code == "ISO-5001"
    clock.step(0)
    assert first.to(node).code == "ISO-5001"
