"""The suite's side of the harness protocol, against programs that keep to it and programs that do not."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import anyio
import jsonschema
import pytest
from rich.console import Console

from nen_ref.conformance.harness.check import check_harness
from nen_ref.conformance.harness.driver import Harness, HarnessFault, Reply
from nen_ref.conformance.harness.examples import examples
from nen_ref.conformance.harness.messages import complaint, run_command, schema_document, start_command
from nen_ref.conformance.harness.operations import OPERATIONS
from nen_ref.conformance.model import Case, Kind, Outcome, Report
from nen_ref.conformance.registry import all_cases
from nen_ref.conformance.runner import run_cases
from nen_ref.conformance.targets import HarnessTarget, ReferenceTarget, Unreachable

REFERENCE = (sys.executable, "-m", "nen_ref.conformance.harness.reference")

PROGRAM = """
import json, sys, time, os
START = {"version": 1, "name": "odd", "implementation_version": "1", "language": "Python", "protocols": ["v1"],
         "operations": ["hmac_sha256", "base64.encode"]}
for line in sys.stdin:
    command = json.loads(line)
    if command["cmd"] == "stop": break
    if command["cmd"] == "start":
        print(json.dumps(START), flush=True)
        continue
    seq, ok = command["seq"], {"mac": "00" * 32}
    BODY
    print(json.dumps({"seq": seq, "ok": ok}), flush=True)
"""


def program(folder: Path, body: str) -> tuple[str, ...]:
    file = folder / "odd.py"
    file.write_text(PROGRAM.replace("BODY", body), encoding="utf-8")
    return sys.executable, str(file)


def ask(command: tuple[str, ...], times: int = 1, timeout: float = 3.0) -> list[Reply]:
    async def run() -> list[Reply]:
        async with Harness(command, timeout=timeout) as harness:
            await harness.start()
            return [await harness.run("hmac_sha256", key=b"k", message=b"m") for _ in range(times)]

    return anyio.run(run)


@pytest.mark.parametrize(
    ("body", "failure", "said"),
    [
        ("pass", None, ""),
        ("sys.exit(3)", Outcome.CRASH, "exit code 3"),
        ("os.kill(os.getpid(), 9)", Outcome.CRASH, "killed by signal 9"),
        ("print('Segmentation fault in libnen', file=sys.stderr, flush=True); sys.exit(139)", Outcome.CRASH, "libnen"),
        ("time.sleep(60)", Outcome.HANG, "no answer to hmac_sha256"),
        ("print('debug')", Outcome.ERROR, "not JSON"),
        ("seq += 1", Outcome.ERROR, "seq is 2, not 1"),
        ("ok = {}", Outcome.ERROR, "'mac' is a required property"),
        ("ok = {'mac': 'AB' * 32}", Outcome.ERROR, "mac"),
        ("ok = {'mac': '00' * 32, 'more': 1}", Outcome.ERROR, "more"),
        ("print(json.dumps({'seq': seq, 'error': {'code': 'ISO-1234'}}), flush=True); continue", Outcome.ERROR, ""),
        ("print('[]', flush=True); continue", Outcome.ERROR, ""),
        (
            "print(json.dumps({'seq': seq, 'errored': {'message': 'boom'}}), flush=True); continue",
            Outcome.CRASH,
            "boom",
        ),
        (
            "print(json.dumps({'seq': seq, 'skipped': {'message': 'not yet'}}), flush=True); continue",
            Outcome.SKIP,
            "not yet",
        ),
        ("os.close(1); time.sleep(60)", Outcome.CRASH, ""),
    ],
)
def test_whatever_a_program_does_becomes_a_reply(tmp_path: Path, body: str, failure: Outcome | None, said: str) -> None:
    reply = ask(program(tmp_path, body))[0]
    assert reply.failure is failure, reply
    assert said in reply.trouble
    assert not (reply.ok and failure)


def test_after_a_crash_the_program_is_started_again(tmp_path: Path) -> None:
    body = f"if not os.path.exists({str(tmp_path / 'once')!r}): open({str(tmp_path / 'once')!r}, 'w'); sys.exit(1)"
    replies = ask(program(tmp_path, body), times=2)
    assert [reply.failure for reply in replies] == [Outcome.CRASH, None]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("/no/such/program",), "No such file"),
        (("true",), "exit code 0"),
        (("sh", "-c", "read line; echo hello; read line"), "not JSON"),
        (("sh", "-c", "read line; echo {}; read line"), "not of the protocol"),
    ],
)
def test_a_program_that_is_no_harness_is_refused(command: tuple[str, ...], said: str) -> None:
    async def start() -> None:
        async with Harness(command) as harness:
            await harness.start()

    with pytest.raises(HarnessFault, match=said):
        anyio.run(start)


def test_a_harness_of_another_version_is_unreachable(tmp_path: Path) -> None:
    file = tmp_path / "odd.py"
    file.write_text(PROGRAM.replace('"protocols": ["v1"]', '"protocols": ["v3"]'), encoding="utf-8")

    async def run() -> Report:
        return await run_cases(all_cases()[:1], HarnessTarget((sys.executable, str(file))))

    with pytest.raises(Unreachable, match="speaks v3, not v1"):
        anyio.run(run)


def test_every_operation_has_a_schema_that_its_example_meets() -> None:
    jsonschema.Draft202012Validator.check_schema(schema_document())
    for name, args in examples().items():
        hexadecimal = {key: _text(value) for key, value in args.items()}
        command = {"cmd": "run", "seq": 1, "op": name, "args": hexadecimal}
        jsonschema.validate(command, run_command(OPERATIONS[name]))
    jsonschema.validate({"cmd": "start", "version": 1}, start_command())


def _text(value: object) -> object:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {name: _text(entry) for name, entry in value.items()}
    return [_text(entry) for entry in value] if isinstance(value, list) else value


def test_complaints_name_the_place() -> None:
    assert complaint("hmac_sha256", {"seq": 1, "ok": {"mac": "00" * 32}}) == ""
    assert "ok/mac" in complaint("hmac_sha256", {"seq": 1, "ok": {"mac": "00"}})
    silent = {"version": 1, "name": "x", "implementation_version": "1", "language": "C", "protocols": ["v1"]}
    assert "operations" in complaint("start", silent)


def test_check_of_the_reference_finds_nothing() -> None:
    console = Console(width=200, record=True, quiet=True)
    assert anyio.run(check_harness, REFERENCE, console) == 0


def test_check_finds_bad_manners(tmp_path: Path) -> None:
    console = Console(width=200)
    assert anyio.run(check_harness, program(tmp_path, "pass"), console) == 1
    assert anyio.run(check_harness, ("/no/such/program",), console) == 2


def library_case(id: str) -> list[Case]:
    return [case for case in all_cases() if case.id == id]


def run_against(command: tuple[str, ...], cases: list[Case]) -> Report:
    async def run() -> Report:
        return await run_cases(cases, HarnessTarget(command))

    return anyio.run(run)


def test_a_case_whose_operation_is_not_offered_is_not_run(tmp_path: Path) -> None:
    report = run_against(program(tmp_path, "pass"), all_cases("v1", (Kind.LIBRARY, Kind.CLIENT)))
    offered = [result for result in report.results if result.outcome is not Outcome.NOT_OFFERED]
    assert {need for result in offered for need in result.case.needs} <= {"hmac_sha256", "base64.encode"}
    assert offered
    assert all(result.outcome is not Outcome.PASS for result in offered if "hmac_sha256" in result.case.needs)
    assert not report.passed


def test_a_skip_of_what_is_offered_is_a_finding(tmp_path: Path) -> None:
    body = "print(json.dumps({'seq': seq, 'skipped': {'message': 'not yet'}}), flush=True); continue"
    cases = [case for case in all_cases("v1", (Kind.LIBRARY,)) if case.needs == ("hmac_sha256",)]
    report = run_against(program(tmp_path, body), cases)
    assert {result.outcome for result in report.results} == {Outcome.SKIP}
    assert not report.passed


def test_a_case_must_declare_the_operations_it_calls() -> None:
    """One that calls another is an error of the suite, never a pass."""
    from dataclasses import replace

    case = next(case for case in all_cases("v1", (Kind.LIBRARY,)) if case.needs == ("hmac_sha256",))

    async def run() -> Report:
        return await run_cases([replace(case, needs=("base64.encode",))], ReferenceTarget())

    assert anyio.run(run).results[0].outcome is Outcome.ERROR


def test_a_server_that_a_case_brought_down_is_started_again(tmp_path: Path) -> None:
    """A harness whose server ends its process on one request: one case crashes, the others are judged."""
    file = tmp_path / "fragile.py"
    file.write_text(
        "import os\n"
        "from nen_ref.conformance.harness import reference\n"
        "from nen_ref.http.server import NenServer\n"
        "endpoint = NenServer.endpoint\n"
        "async def fragile(self, request):\n"
        "    if request.method == 'DELETE': os._exit(7)\n"
        "    return await endpoint(self, request)\n"
        "NenServer.endpoint = fragile\n"
        "reference.main()\n",
        encoding="utf-8",
    )
    wanted = ("v1/auth/signature-missing", "v1/error/odd-methods-on-endpoints", "v1/error/odd-paths")
    cases = [case for case in all_cases() if case.id in wanted]

    async def run() -> Report:
        return await run_cases(cases, HarnessTarget((sys.executable, str(file))), jobs=1)

    outcomes = {result.case.id: result.outcome for result in anyio.run(run).results}
    assert outcomes["v1/auth/signature-missing"] is Outcome.PASS
    assert outcomes["v1/error/odd-methods-on-endpoints"] is Outcome.CRASH
    assert outcomes["v1/error/odd-paths"] is Outcome.PASS


DEVIATIONS = {
    # A fault, in lines that run before the harness of the reference, and the case that has to see it.
    "keeps its first timestamp": (
        "from nen_ref.conformance.harness import reference\n"
        "first = []\n"
        "def clock():\n"
        "    first.append(reference.now_ms())\n"
        "    return first[0]\n"
        "reference.clock = clock\n",
        "v1/client-request/timestamps",
        Outcome.FAIL,
    ),
    "dies when a client is closed": (
        "import os\n"
        "from nen_ref.conformance.harness import reference\n"
        "reference.OPERATION['client.close'] = lambda a: os._exit(3)\n",
        "v1/client-lifecycle/status",
        Outcome.CRASH,
    ),
    "takes true for 1": (
        "from nen_ref.conformance.harness import reference\n"
        "right = reference.client_request\n"
        "def loose(a):\n"
        "    answer = right(a)\n"
        "    body = answer.get('payload')\n"
        "    if isinstance(body, dict) and body.get('body') is True:\n"
        "        body['body'] = 1\n"
        "    return answer\n"
        "reference.OPERATION['client.request'] = loose\n",
        "v1/client-request/json-values",
        Outcome.FAIL,
    ),
    "sends its seed": (
        "import json\n"
        "from nen_ref.conformance.harness import reference\n"
        "from nen_ref.protocol import handshake\n"
        "from nen_ref.protocol.handshake import ClientHello\n"
        "right = handshake.client_hello\n"
        "def leaky(d, z, *args, **options):\n"
        "    hello = right(d, z, *args, **options)\n"
        "    body = json.loads(hello.body) | {'debug': (d + z).hex()}\n"
        "    return ClientHello(json.dumps(body).encode(), hello.ek, hello.dk)\n"
        "handshake.client_hello = leaky\n",
        "v1/client-handshake/nothing-secret-sent",
        Outcome.FAIL,
    ),
    "ends a failed stream as if it were whole": (
        "from nen_ref.conformance.harness import reference\n"
        "from nen_ref.http import asgi\n"
        "right = asgi.NenMiddleware._answer\n"
        "async def tidy(self, scope, receive, send, verified):\n"
        "    answer = asgi._Answer(self._server, verified, scope['method'], send)\n"
        "    try:\n"
        "        await self._app(asgi._application_scope(scope, verified), answer.receiving(receive), answer.send)\n"
        "        await answer.finish()\n"
        "    except Exception:\n"
        "        if answer._stream:\n"
        "            await send({'type': 'http.response.body', 'body': answer._stream.finish(), 'more_body': True})\n"
        "        raise\n"
        "asgi.NenMiddleware._answer = tidy\n",
        "v1/configured/handler-fails-in-a-stream",
        Outcome.FAIL,
    ),
    "nests its answers deeply": (
        "import sys\n"
        "from nen_ref.conformance.harness import reference\n"
        "def deep(a):\n"
        "    print('[' * 100_000, flush=True)\n"
        "    sys.exit(0)\n"
        "reference.OPERATION['base64.encode'] = deep\n",
        "v1/library-wire/base64-encode",
        Outcome.ERROR,
    ),
}


@pytest.mark.parametrize("name", DEVIATIONS)
def test_a_deviation_that_once_passed_is_seen(name: str, tmp_path: Path) -> None:
    """Found by reviewers: faults that an earlier state of the suite let through, or broke down over."""
    lines, id, outcome = DEVIATIONS[name]
    file = tmp_path / "deviant.py"
    file.write_text(lines + "reference.main()\n", encoding="utf-8")
    result = run_against((sys.executable, str(file)), library_case(id)).results[0]
    assert result.outcome is outcome, result.observed
    assert "suite itself" not in result.observed


def test_no_process_outlives_a_suite_that_is_told_to_end(tmp_path: Path) -> None:
    """A harness is a process group of its own: a signal to the suite does not reach it."""
    silent, pid = tmp_path / "silent.py", tmp_path / "pid"
    silent.write_text(
        f"import os, pathlib, time\npathlib.Path({str(pid)!r}).write_text(str(os.getpid()))\ntime.sleep(600)\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "nen_ref", "conformance", "harness", "--", sys.executable, str(silent)]
    suite = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _wait_for(lambda: pid.exists() and bool(pid.read_text()))
    suite.send_signal(signal.SIGTERM)
    assert suite.wait(timeout=20) == 128 + signal.SIGTERM
    _wait_for(lambda: not Path(f"/proc/{pid.read_text()}").exists())


def _wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(100):
        if condition():
            return
        time.sleep(0.2)
    raise AssertionError("it did not come about within 20 s")
