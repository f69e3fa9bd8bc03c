"""`nen-ref serve` with some of its bounds changed, and what such a process takes of its machine."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.stores.nodes import Node, running_nodes

MIB = 1 << 20

# The package may show the command `serve` under the name of its module: ask for the module.
PROGRAM = """
from functools import partial
from importlib import import_module
from nen_ref.cli import main
serve = import_module("nen_ref.cli.serve")
{changes}
main()
"""


@contextmanager
def serving_with(changes: str, *arguments: str, store: str = "memory:") -> Iterator[Node]:
    """`nen-ref serve` after `changes`, Python statements that see the module of the command as `serve`."""
    with running_nodes(1, store, *arguments, program=("-c", PROGRAM.format(changes=changes))) as (node,):
        yield node


def descriptors(node: Node) -> int:
    return len(os.listdir(f"/proc/{node.process.pid}/fd"))


def memory(node: Node) -> int:
    """Bytes of RAM that the process has now (RSS)."""
    return _status(node, "VmRSS")


def peak(node: Node) -> int:
    """The most bytes of RAM that it had since `forget_peak`."""
    return _status(node, "VmHWM")


def forget_peak(node: Node) -> None:
    Path(f"/proc/{node.process.pid}/clear_refs").write_text("5")


def cpu_seconds(node: Node) -> float:
    fields = Path(f"/proc/{node.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    """Whether `condition` comes true in that time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def _status(node: Node, name: str) -> int:
    for line in Path(f"/proc/{node.process.pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    raise LookupError(name)
