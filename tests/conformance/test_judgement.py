"""Judgement: what a target does, and the outcome that the suite gives it."""

from __future__ import annotations

import anyio
import pytest

from nen_ref.conformance.checks import CannotBegin
from nen_ref.conformance.model import (
    ACCEPTED,
    NOT_FOUND,
    REFUSED,
    Case,
    Implementation,
    Kind,
    Outcome,
    Report,
    Result,
    Skip,
)
from nen_ref.conformance.peer import Answer, PeerSession, read_refusal
from nen_ref.conformance.probe import Probe, Routes
from nen_ref.conformance.registry import all_cases
from nen_ref.conformance.runner import run_case, run_cases
from nen_ref.conformance.targets import Unreachable, UrlTarget
from nen_ref.protocol.messages import Headers
from nen_ref.protocol.session import SessionKeys
from tests.conformance.servers import closing_server, constant_server


def error(code: str) -> bytes:
    return b'{"error":{"code":"%s","message":"m"}}' % code.encode()


def make_case(*acceptable: str, level: str = "required", run: object = None) -> Case:
    return Case(
        "v1/auth/case",
        "V1-AUTH-04",
        level,
        "T.",
        acceptable,
        "w",
        "",
        Kind.SERVER,
        (),
        run,  # type: ignore[arg-type]
    )


def judged(answer: Answer, *acceptable: str) -> Outcome:
    probe = Probe(make_case(*acceptable), target=Routes("http://x"), peer=None)  # type: ignore[arg-type]
    probe.judge(answer)
    return probe.result(0).outcome


REFUSAL = read_refusal(401, Headers(), error("ISO-3002"))
SUCCESS = Answer(200, outcome=ACCEPTED)


@pytest.mark.parametrize(
    ("answer", "acceptable", "outcome"),
    [
        (REFUSAL, ("ISO-3002",), Outcome.PASS),
        (REFUSAL, ("ISO-3001", "ISO-3002"), Outcome.PASS),
        (REFUSAL, (REFUSED,), Outcome.PASS),
        (REFUSAL, ("ISO-3001",), Outcome.WRONG_CODE),
        (REFUSAL, (ACCEPTED,), Outcome.FAIL),
        (SUCCESS, (ACCEPTED,), Outcome.PASS),
        (SUCCESS, ("ISO-3002",), Outcome.FAIL),
        (SUCCESS, (REFUSED,), Outcome.FAIL),
        (Answer(200, outcome="a success that is not sealed"), (ACCEPTED,), Outcome.FAIL),
        (read_refusal(400, Headers(), error("ISO-3002")), ("ISO-3002",), Outcome.WRONG_CODE),
        (read_refusal(401, Headers(), b"no"), ("ISO-3002",), Outcome.WRONG_CODE),
        (read_refusal(401, Headers(), error("ISO-1234")), ("ISO-3002",), Outcome.WRONG_CODE),
        (read_refusal(404, Headers(), b"no"), (NOT_FOUND,), Outcome.PASS),
        (read_refusal(404, Headers(), b"no"), ("ISO-3002",), Outcome.WRONG_CODE),
        (read_refusal(500, Headers(), error("ISO-9000")), ("ISO-3002",), Outcome.WRONG_CODE),
        (read_refusal(500, Headers(), b"Internal Server Error"), ("ISO-3002",), Outcome.CRASH),
        (read_refusal(500, Headers(), b"Internal Server Error"), (REFUSED,), Outcome.CRASH),
        (read_refusal(500, Headers(), error("ISO-1002")), ("ISO-1002",), Outcome.PASS),
        (Answer(trouble="no HTTP answer: ReadError"), ("ISO-3002",), Outcome.CRASH),
        (Answer(trouble="hang: no answer in time"), (REFUSED, ACCEPTED), Outcome.HANG),
    ],
)
def test_outcome_of_an_answer(answer: Answer, acceptable: tuple[str, ...], outcome: Outcome) -> None:
    assert judged(answer, *acceptable) is outcome


def test_the_worst_finding_is_the_outcome() -> None:
    probe = Probe(make_case("ISO-3002"), target=Routes("http://x"), peer=None)  # type: ignore[arg-type]
    probe.judge(REFUSAL)
    probe.judge(SUCCESS, "the second")
    probe.ensure(True, "fine")
    result = probe.result(0)
    assert result.outcome is Outcome.FAIL
    assert result.observed == "the second: 200, accepted"


def test_a_case_without_a_check_is_an_error() -> None:
    async def nothing(probe: Probe) -> None:
        """Check nothing."""

    assert run_alone(make_case("ISO-3002", run=nothing)).outcome is Outcome.ERROR


def test_a_hang_a_crash_of_the_case_and_a_skip_are_told_apart() -> None:
    async def hang(probe: Probe) -> None:
        await anyio.sleep(60)

    async def broken(probe: Probe) -> None:
        raise KeyError("x")

    async def skipped(probe: Probe) -> None:
        raise Skip("no stream route")

    async def cannot(probe: Probe) -> None:
        raise CannotBegin(Outcome.FAIL, "the handshake before it was refused")

    assert "hang" in run_alone(make_case(ACCEPTED, run=hang), timeout=0.05).observed
    assert run_alone(make_case(ACCEPTED, run=hang), timeout=0.05).outcome is Outcome.HANG
    assert run_alone(make_case(ACCEPTED, run=broken)).outcome is Outcome.ERROR
    assert run_alone(make_case(ACCEPTED, run=skipped)) == Result(
        make_case(ACCEPTED, run=skipped), Outcome.SKIP, "no stream route", pytest.approx(0, abs=5)
    )
    assert run_alone(make_case(ACCEPTED, run=cannot)).outcome is Outcome.FAIL


def run_alone(case: Case, timeout: float = 5) -> Result:
    async def run() -> Result:
        return await run_case(case, UrlTarget(Routes("http://127.0.0.1:1")), timeout)

    return anyio.run(run)


@pytest.mark.parametrize(("level", "passed"), [("required", False), ("recommended", True), ("hardening", True)])
def test_only_required_cases_gate(level: str, passed: bool) -> None:
    result = Result(make_case("ISO-3002", level=level), Outcome.WRONG_CODE, "x")
    assert Report("v1", Implementation("http://x"), (result,), 0).passed is passed


SERVER_CASES = all_cases("v1", (Kind.SERVER,))


def examine(url: str) -> Report:
    async def run() -> Report:
        return await run_cases(SERVER_CASES, UrlTarget(Routes(url)), jobs=4)

    return anyio.run(run)


HANDSHAKE = b'{"sid":"s","ct":"AAAA","hmac":"AAAA"}'


@pytest.mark.parametrize(
    ("status", "body", "content_type"),
    [
        (200, b"{}", "application/json"),
        (200, b"", "text/plain"),
        (200, b"[[[", "application/json"),
        (200, HANDSHAKE, "application/json"),
        (200, b'{"ct":"' + b"A" * 1452 + b'","n":"AAAAAAAAAAAAAAAA","sid":7,"hmac":null}', "application/json"),
        (200, b"data: AAAA\n\n" * 50, "text/event-stream"),
        (204, b"", "application/json"),
        (302, b"", "text/html"),
        (401, error("ISO-2002"), "application/json"),
        (404, b"<html>", "text/html"),
        (500, b"Internal Server Error", "text/plain"),
        (500, error("ISO-9000"), "application/json"),
        (503, b"\xff" * 1000, "application/octet-stream"),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_no_answer_confuses_the_suite(status: int, body: bytes, content_type: str) -> None:
    """A server that is wrong in everything: all cases report, none breaks down, and the run fails."""
    with constant_server(status, body, content_type) as url:
        report = examine(url)
    assert [result.case for result in report.results] == SERVER_CASES
    assert not [result.observed for result in report.results if "suite itself" in result.observed]
    assert not report.passed
    passed = {result.case.id for result in report.results if result.outcome is Outcome.PASS}
    assert len(passed) < 30, passed


def test_a_server_that_closes_connections_gives_errors() -> None:
    with closing_server() as url:
        report = examine(url)
    outcomes = {result.outcome for result in report.results}
    assert Outcome.CRASH in outcomes
    assert not report.passed
    assert not [result.observed for result in report.results if "suite itself" in result.observed]


def test_nobody_there_is_unreachable() -> None:
    with pytest.raises(Unreachable):
        examine("http://127.0.0.1:1")


def test_secrets_of_a_session_are_not_shown() -> None:
    session = PeerSession("sid", SessionKeys(b"E" * 32, b"M" * 32))
    assert "EEEE" not in repr(session)
    assert "MMMM" not in repr(session)
