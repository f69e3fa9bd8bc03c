"""The suite's side of the harness protocol: a program is started, asked, and stopped.

Whatever the program does becomes a `Reply`: a crash, a hang and an answer outside of the protocol too. After one of
those it is started anew for the next question, so that one bad case costs no other.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.abc
from anyio.streams.buffered import BufferedByteReceiveStream

from nen_ref.conformance.harness.messages import complaint
from nen_ref.conformance.harness.operations import VERSION
from nen_ref.conformance.model import ACCEPTED, Implementation, Outcome

TIMEOUT = 20.0
START_TIMEOUT = 30.0
STOP_TIMEOUT = 5.0
MAX_LINE = 64 * 1024 * 1024
SAID = 2000  # bytes of standard error that are kept


class HarnessFault(Exception):
    """The harness cannot be used at all: it does not start, or does not speak the protocol."""


@dataclass(frozen=True)
class Reply:
    """The answer to one operation.

    `values` are the members of ok, or those of error beside its code; `trace` the intermediate values. `trouble` says
    what went wrong where there is no ok and no error, and `failure` of which kind it is.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    code: str = ""
    trace: Mapping[str, Any] = field(default_factory=dict)
    failure: Outcome | None = None
    trouble: str = ""

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    @property
    def ok(self) -> bool:
        return self.failure is None and not self.code

    @property
    def accepted(self) -> bool:
        return self.ok

    @property
    def refused(self) -> bool:
        return bool(self.code)

    @property
    def outcome(self) -> str:
        return self.code or (ACCEPTED if self.failure is None else "")

    def octets(self, name: str) -> bytes:
        """A value that is bytes."""
        return bytes.fromhex(self.values[name])

    def describe(self) -> str:
        if self.failure is not None:
            return self.trouble
        return self.code or ACCEPTED

    def text(self) -> str:
        """All of it, to read."""
        if self.failure is not None:
            return self.trouble
        kind = "error" if self.code else "ok"
        trace = f"\ntrace {json.dumps(self.trace, ensure_ascii=False)}" if self.trace else ""
        return f"{kind} {json.dumps(self.values, ensure_ascii=False)}{trace}"


@dataclass(frozen=True)
class Started:
    """What a harness says of itself; `offers` are its operations and the options of them that it knows."""

    implementation: Implementation
    protocols: tuple[str, ...]
    offers: frozenset[str]


class Harness:
    """One process of the harness `command`; use as an async context manager."""

    def __init__(self, command: Sequence[str], *, timeout: float = TIMEOUT) -> None:
        self.command = tuple(command)
        self._timeout = timeout
        self._process: anyio.abc.Process | None = None
        self._lines: BufferedByteReceiveStream | None = None
        self._errors: _Errors | None = None
        self._seq = 0
        self._turn = anyio.Lock()  # one operation at a time, whoever asks

    async def __aenter__(self) -> Harness:
        return self

    async def __aexit__(self, *_: object) -> None:
        with anyio.CancelScope(shield=True):
            await self.stop()

    @property
    def alive(self) -> bool:
        """Whether its process runs, as far as is known."""
        return self._process is not None and self._process.returncode is None

    async def settle(self) -> None:
        """Give a process that is about to end, as it seems, a moment to do so."""
        if self._process is not None:
            with anyio.move_on_after(0.5):
                await self._process.wait()

    async def start(self) -> Started:
        """Start the program and hear what it can do; HarnessFault if it does not say so by the protocol."""
        try:
            await self._launch()
            with anyio.fail_after(START_TIMEOUT):
                answer = await self._exchange({"cmd": "start", "version": VERSION})
        except TimeoutError:
            trouble = f"no answer to start after {START_TIMEOUT:.0f} s{await self._end()}"
            raise HarnessFault(f"{trouble}; does it flush its output after each line?") from None
        except (OSError, _Gone, _NotProtocol) as fault:
            raise HarnessFault(f"{shlex.join(self.command)}: {fault}{await self._end()}") from None
        except BaseException:
            await self._abandon()
            raise
        fault_text = complaint("start", answer)
        if fault_text:
            raise HarnessFault(f"the answer to start is not of the protocol: {fault_text}{await self._end()}")
        named = Implementation(
            shlex.join(self.command), answer["name"], answer["implementation_version"], answer["language"]
        )
        offers = frozenset(answer["operations"]) | frozenset(answer.get("options", ()))
        return Started(named, tuple(answer["protocols"]), offers)

    async def run(self, op: str, **args: Any) -> Reply:
        """Ask for one operation, bytes in hexadecimal. Never raises for what the program does."""
        async with self._turn:
            return await self._run(op, args)

    async def _run(self, op: str, args: Mapping[str, Any]) -> Reply:
        if self._process is None:
            try:
                await self.start()
            except HarnessFault as fault:
                return Reply(failure=Outcome.CRASH, trouble=f"crash: the harness does not start again: {fault}")
        self._seq += 1
        command = {"cmd": "run", "seq": self._seq, "op": op, "args": _text(args)}
        try:
            with anyio.fail_after(self._timeout):
                answer = await self._exchange(command)
        except TimeoutError:
            trouble = f"hang: no answer to {op} after {self._timeout:.0f} s{await self._end()}"
            return Reply(failure=Outcome.HANG, trouble=trouble)
        except _Gone as fault:
            trouble = f"crash: the harness went away in {op}: {fault}{await self._end()}"
            return Reply(failure=Outcome.CRASH, trouble=trouble)
        except _NotProtocol as fault:
            return await self._foreign(op, str(fault))
        except BaseException:
            await self._abandon()
            raise
        return await self._read(op, answer)

    async def raw(self, command: dict[str, Any]) -> Any:
        """The answer to any message, unchecked; a text that says what went wrong where none came."""
        try:
            if self._process is None:
                await self.start()
            with anyio.fail_after(self._timeout):
                return await self._exchange(command)
        except TimeoutError:
            trouble = f"no answer after {self._timeout:.0f} s"
        except (_Gone, _NotProtocol, HarnessFault) as fault:
            trouble = str(fault)
        await self._kill()
        return trouble

    async def stop(self) -> int | None:
        """Ask the program to end; its exit code, None if it had to be killed or was not running."""
        if self._process is None:
            return None
        code: int | None = None
        with anyio.move_on_after(STOP_TIMEOUT), suppress(_Gone):
            await self._send({"cmd": "stop"})
            code = await self._process.wait()
        await self._kill()
        return code

    async def _read(self, op: str, answer: Any) -> Reply:
        fault = complaint(op, answer)
        if not fault and answer["seq"] != self._seq:
            fault = f"seq is {answer['seq']}, not {self._seq}; was a second line written for the operation before?"
        if fault:
            return await self._foreign(op, fault)
        trace = answer.get("trace", {})
        if "ok" in answer:
            return Reply(answer["ok"], trace=trace)
        if "error" in answer:
            return Reply(answer["error"], answer["error"]["code"], trace)
        if "skipped" in answer:
            skipped = answer["skipped"]
            link = f" ({skipped['issue_url']})" if "issue_url" in skipped else ""
            return Reply(failure=Outcome.SKIP, trouble=f"skipped by the harness: {skipped['message']}{link}")
        errored = answer["errored"]
        context = f" {json.dumps(errored['context'])[:400]}" if errored.get("context") else ""
        return Reply(failure=Outcome.CRASH, trouble=f"crash: {op} errored: {errored['message'].strip()[:400]}{context}")

    async def _foreign(self, op: str, fault: str) -> Reply:
        trouble = f"the answer to {op} is not of the harness protocol: {fault}{await self._end()}"
        return Reply(failure=Outcome.ERROR, trouble=trouble)

    async def _abandon(self) -> None:
        """Kill the program where nobody waits for its answer any more, which may be on its way."""
        with anyio.CancelScope(shield=True):
            await self._kill()

    async def _end(self) -> str:
        """Kill the program; what it had to say, an unfinished line and the end of its standard error."""
        unfinished = self._lines.buffer if self._lines is not None else b""
        await self._kill()
        partial = f"; it had written {len(unfinished)} bytes without a line end" if unfinished else ""
        return partial + self._said()

    async def _launch(self) -> None:
        self._errors = _Errors()
        with self._errors.writing() as end:
            self._process = await anyio.open_process(self.command, stderr=end, start_new_session=True)
        assert self._process.stdout is not None
        self._lines = BufferedByteReceiveStream(self._process.stdout)

    async def _exchange(self, command: dict[str, Any]) -> Any:
        await self._send(command)
        assert self._lines is not None
        try:
            line = await self._lines.receive_until(b"\n", MAX_LINE)
        except (anyio.EndOfStream, anyio.IncompleteRead):
            raise _Gone(await self._ending()) from None
        except anyio.DelimiterNotFound:
            raise _NotProtocol(f"a line of more than {MAX_LINE} bytes") from None
        try:
            return json.loads(line)
        except (ValueError, RecursionError):
            shown = repr(line[:120].decode("utf-8", "replace"))
            raise _NotProtocol(f"not JSON: {shown} (standard output is for answers alone)") from None

    async def _send(self, command: dict[str, Any]) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            await self._process.stdin.send(json.dumps(command).encode("ascii") + b"\n")
        except (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
            raise _Gone(await self._ending()) from None

    async def _ending(self) -> str:
        assert self._process is not None
        with anyio.move_on_after(1):
            code = await self._process.wait()
            return f"killed by signal {-code}" if code < 0 else f"exit code {code}"
        return "it closed its output"

    def _said(self) -> str:
        """The end of what the program wrote to its standard error."""
        lines = self._errors.end().decode("utf-8", "replace").strip().splitlines() if self._errors else []
        return f"; it said: {' | '.join(lines[-3:])}" if lines else ""

    async def _kill(self) -> None:
        process, self._process, self._lines = self._process, None, None
        if process is None:
            return
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        with suppress(Exception):
            await process.aclose()


class _Errors:
    """The standard error of a program, read in a thread as it comes; only its end is kept."""

    def __init__(self) -> None:
        self._source, self._end = os.pipe()
        self._kept = b""
        self._thread = threading.Thread(target=self._drain, daemon=True)
        self._thread.start()

    @contextmanager
    def writing(self) -> Iterator[int]:
        """The file descriptor for the program; ours is closed afterwards, so that reading ends with the program."""
        try:
            yield self._end
        finally:
            os.close(self._end)

    def end(self) -> bytes:
        self._thread.join(timeout=0.2)
        return self._kept

    def _drain(self) -> None:
        with open(self._source, "rb", buffering=0) as source:
            while piece := source.read(65536):
                self._kept = (self._kept + piece)[-SAID:]


class _Gone(Exception):
    """The program has ended, or closed its output."""


class _NotProtocol(Exception):
    """A line that is no message."""


def _text(value: Any) -> Any:
    """Bytes as hexadecimal, wherever they stand."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {name: _text(entry) for name, entry in value.items()}
    return [_text(entry) for entry in value] if isinstance(value, list) else value
