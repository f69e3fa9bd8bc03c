"""The fuzz targets in CI: hypothesis over all of them, a short seeded run, and bugs planted for the engine to find."""

from __future__ import annotations

import base64
import json
import logging
import re
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from random import Random
from typing import Any

import httpx2 as httpx
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import nen_ref.protocol.wire
from nen_ref.http import NenClient, client, server
from nen_ref.protocol import (
    attestation,
    handshake,
    handshake_v3,
    payload,
    seal,
    seal_framed,
    sse,
    tickets,
    verification,
    wire,
)
from nen_ref.protocol.errors import CATALOGUE, NenError
from nen_ref.protocol.messages import ROTATE_PATH
from nen_ref.stores import MemoryStore
from tests.fuzz import engine, guided, messages, mutation, servers
from tests.fuzz.__main__ import main
from tests.fuzz.engine import alarms, fuzz, make_input, run_one
from tests.fuzz.material import NOW
from tests.fuzz.outcomes import Outcomes, Target, Unlawful
from tests.fuzz.targets import TARGETS

SEED = "ci"
# Enough to reach all that a target names; the rest of the time goes where an input is cheap.
INPUTS = {"http": 1200, "http_v2": 800, "http_v3": 1000, "http_all": 1500, "asgi": 1500, "asgi_all": 2000,
          "uvicorn": 150, "json": 5000, "client": 1200, "client_v3": 1000, "sse": 1200, "reference": 60,
          "reference_v3": 60, "base64": 3000, "der": 2000, "answer": 1000, "answer_v3": 1000}  # fmt: skip
OTHERS = 1500

every_target = pytest.mark.parametrize("name", sorted(TARGETS))


@pytest.fixture(autouse=True)
def in_time() -> Any:
    with alarms():
        yield


# --- hypothesis ------------------------------------------------------------------------------------------------------


def edited(data: bytes, edits: list[tuple[float, int, bytes]]) -> bytes:
    """`data` with pieces taken out and others put in; hypothesis makes these fewer and shorter when it shrinks."""
    for place, cut, put in edits:
        at = int(place * len(data))
        data = data[:at] + put + data[at + cut :]
    return data


EDITS = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 20),
    st.sampled_from(mutation.TOKENS) | st.binary(max_size=8)),
    max_size=4,
)  # fmt: skip


def inputs(target: Target) -> st.SearchStrategy[bytes]:
    return st.one_of(
        st.builds(edited, st.sampled_from(engine.seeds_of(target)), EDITS),
        st.integers(0, 2**32).map(lambda number: engine.drawn_input(target, Random(number))),
        st.binary(max_size=300),
    )


def holds(target: Target, data: bytes) -> None:
    outcome = run_one(target, data)
    assert not isinstance(outcome, str), outcome


SLOW = ("uvicorn", "reference", "reference_v3", "client", "client_v3")


@every_target
def test_any_input(name: str) -> None:
    target = TARGETS[name]

    @settings(max_examples=30 if name in SLOW else 80)
    @given(inputs(target))
    def check(data: bytes) -> None:
        holds(target, data)

    check()


SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20)
)
TEXTS = st.text(max_size=20) | st.binary(max_size=40).map(wire.encode_base64)
VALUES = st.recursive(SCALARS | TEXTS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=4)
MEMBERS = {
    "json": ("a", "b"),
    "envelope": ("ct", "n"),
    "handshake": ("pk", "sigPk", "sigOfPk"),
    "error_body": ("error", "message"),
    "stored": ("v", "sid", "enc", "mac", "created_at", "identity"),
    "answer": ("sid", "ct", "hmac"),
    "handshake_v3": ("pk_kem", "pk_x", "securityMode", "resume", "rn"),
    "answer_v3": ("sid", "ct", "pk_x_server", "ticket", "server_nonce", "server_sig", "server_id_pk", "srn", "resumed"),
    "attestation": attestation.MEMBERS,
    "seal": ("v", "kem", "n", "ct", "ctx"),
    "seal_framed": ("v", "kem", "frameSize", "size", "frames", "ctx"),
}


@pytest.mark.parametrize("name", sorted(MEMBERS))
def test_any_object_with_the_right_names(name: str) -> None:
    head = b"200\x1econtent-type\x1fapplication/json\x1d"
    one = dict.fromkeys(("attestation", "seal", "seal_framed"), b"\0")
    prefix = {"stored": b"x\x1es", "answer": head, "answer_v3": b"200\x1d", **one}.get(name, b"")

    @settings(max_examples=50)
    @given(st.fixed_dictionaries({}, optional=dict.fromkeys(MEMBERS[name], VALUES)))
    def check(members: dict[str, Any]) -> None:
        holds(TARGETS[name], prefix + json.dumps(members).encode())

    check()


@settings(max_examples=200)
@given(st.lists(st.sampled_from([b"data: x", b"data", b"", b"", b":c", b"id: 1", b"data:" + b"y" * 900]), max_size=12),
       st.lists(st.sampled_from([b"\r", b"\n", b"\r\n"]), min_size=12, max_size=12))  # fmt: skip
def test_any_lines_of_a_stream(lines: list[bytes], ends: list[bytes]) -> None:
    holds(TARGETS["sse"], b"".join(line + end for line, end in zip(lines, ends, strict=False)))


# --- the seeded run --------------------------------------------------------------------------------------------------


@every_target
def test_seeded(name: str) -> None:
    """No failure, and nothing unreached of what the target is there to reach."""
    report = fuzz(TARGETS[name], INPUTS.get(name, OTHERS), SEED)
    assert [f"{failure.replay}\n{failure.what}" for failure in report.failures] == []
    assert TARGETS[name].reached - set(report.outcomes) == set()


@every_target
def test_an_input_is_the_same_again(name: str) -> None:
    assert [make_input(TARGETS[name], "s", i) for i in range(30)] == [
        make_input(TARGETS[name], "s", i) for i in range(30)
    ]
    assert make_input(TARGETS[name], "s", 1) != make_input(TARGETS[name], "t", 1)


def test_every_code_that_a_request_can_cause_is_among_what_is_reached() -> None:
    """The catalogue's codes of servers; no request causes the two that are left out."""
    of_servers = {entry.code for entry in CATALOGUE.values() if entry.side in ("server", "both")}
    assert of_servers - {"ISO-4002", "ISO-9000"} <= TARGETS["http_all"].reached


def test_every_code_that_an_answer_can_cause_is_among_what_is_reached() -> None:
    """The catalogue's codes of clients; no answer causes the two that are left out."""
    of_clients = {entry.code for entry in CATALOGUE.values() if entry.side in ("client", "both")}
    reached = " ".join(name for target in ("answer", "answer_v3", "client_v3") for name in TARGETS[target].reached)
    assert of_clients - {"ISO-2001", "ISO-4002"} <= set(re.findall(r"ISO-\d{4}", reached))


# --- bugs for the engine to find -------------------------------------------------------------------------------------


def deep_nesting(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(nen_ref.protocol.wire, "MAX_DEPTH", 10**9)


def digits_of_any_script(patch: pytest.MonkeyPatch) -> None:
    def check_window(request: Any, now: int, policy: Any) -> int:
        text = request.headers.get("x-nen-timestamp", "")
        if not text.isdigit() or abs(now - int(text)) > policy.window_ms:
            raise verification.failure(verification.AUTH_TIMESTAMP_OUT_OF_WINDOW)
        return int(text)

    patch.setattr(verification, "check_window", check_window)


def base64_that_is_lenient(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("tests.fuzz.parsers.decode_base64", lambda text: base64.b64decode(text + "=="))


def half_a_line_end(patch: pytest.MonkeyPatch) -> None:
    def feed(self: Any, piece: bytes) -> Any:
        self._after_cr = False
        return read(self, piece)

    read = sse.EventReader.feed
    patch.setattr(sse.EventReader, "feed", feed)


def a_store_that_fails(patch: pytest.MonkeyPatch) -> None:
    async def get(self: Any, sid: str) -> None:
        raise OSError("gone")

    patch.setattr(MemoryStore, "get", get)


def a_key_that_is_not_checked(patch: pytest.MonkeyPatch) -> None:
    def verify_identity(members: dict[str, Any], ek: bytes, *, suite: Any) -> bytes | None:
        return base64.b64decode(members["sigPk"]) if "sigPk" in members else None

    patch.setattr(handshake, "verify_identity", verify_identity)


def header_text(patch: pytest.MonkeyPatch) -> None:
    """What NenClient did until this was found: headers as text lose their bytes."""

    def with_content(response: httpx.Response, content: bytes) -> httpx.Response:
        pairs = [(name, value) for name, value in response.headers.multi_items() if name.lower() != "content-length"]
        return httpx.Response(response.status_code, headers=pairs, content=content, request=response.request)

    patch.setattr("nen_ref.http.client._with_content", with_content)


def nonces_apart_for_each_version(patch: pytest.MonkeyPatch) -> None:
    shape, record, spoken = verification.check_shape, verification.RecordNonce, []

    def check_shape(request: Any, version: Any) -> Any:
        spoken.append(version.name)
        return shape(request, version)

    patch.setattr(verification, "check_shape", check_shape)
    patch.setattr(verification, "RecordNonce", lambda sid, *rest: record(f"{spoken[-1]} {sid}", *rest))


def nonces_forgotten_with_the_keys(patch: pytest.MonkeyPatch) -> None:
    async def replace(self: Any, old: Any, new: Any) -> bool:
        await self.set(new, 60_000)
        return True

    patch.setattr(MemoryStore, "replace", replace)


def a_ratchet_of_one_key(patch: pytest.MonkeyPatch) -> None:
    whole = server.ratchet
    patch.setattr(server, "ratchet", lambda keys, *, suite: replace(whole(keys, suite=suite), mac=keys.mac))


def a_session_before_its_answer(patch: pytest.MonkeyPatch) -> None:
    exchange = client._Flow._exchange_hello

    def early(self: Any, session: Any, *rest: Any) -> Any:
        self.session = session
        return (yield from exchange(self, session, *rest))

    patch.setattr(client._Flow, "_exchange_hello", early)


def the_old_session_dropped_first(patch: pytest.MonkeyPatch) -> None:
    async def rotate(self: Any, request: Any) -> Any:
        await self._drop(request)
        return (await self._accept(request)).reply

    made = servers._world(servers.ALL)._server
    patch.setitem(made._endpoints, ("POST", ROTATE_PATH), partial(rotate, made))


def a_ticket_for_ever(patch: pytest.MonkeyPatch) -> None:
    opened = tickets._opened
    patch.setattr(tickets, "_opened", lambda *arguments: (opened(*arguments)[0], 2**62))


def a_server_that_is_not_asked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(handshake_v3, "check", lambda *arguments, **options: None)


def a_binding_that_is_not_checked(patch: pytest.MonkeyPatch) -> None:
    check = handshake_v3.check

    def unbound(members: Any, transcript: Any, trust: Any, *, suite: Any) -> Any:
        bound = trust.bound and "server_sig" not in members
        return check(members, transcript, replace(trust, bound=bound), suite=suite)

    patch.setattr(handshake_v3, "check", unbound)


def a_context_of_the_envelope(patch: pytest.MonkeyPatch) -> None:
    expected = seal.expected_info
    of_text = (str, type(None))

    def from_envelope(envelope: Any, context: str | None) -> bytes:
        return expected(envelope, envelope.get("ctx") if isinstance(envelope.get("ctx"), of_text) else context)

    patch.setattr(seal, "expected_info", from_envelope)


def frames_that_are_not_counted(patch: pytest.MonkeyPatch) -> None:
    def open_each(cek: bytes, layout: Any, given: Any, suite: Any) -> Any:
        frames = list(given)
        if not frames:
            raise seal_framed._wrong_number(layout)
        for i, frame in enumerate(frames):
            ct = seal.member({"frame": frame}, "frame")
            key = seal_framed.frame_key(cek, i, suite=suite)
            yield payload.open_envelope(key, payload.Envelope(ct, seal_framed.NONCE), suite=suite)

    patch.setattr(seal_framed, "_open_each", open_each)


PLANTED: list[tuple[Callable[[pytest.MonkeyPatch], None], str, str]] = [
    (deep_nesting, "json", "too deep"),
    (digits_of_any_script, "verify", "ValueError"),
    (base64_that_is_lenient, "base64", ""),
    (half_a_line_end, "sse", "in one piece"),
    (a_store_that_fails, "http", "OSError: gone"),
    (a_store_that_fails, "uvicorn", "OSError: gone"),
    (a_key_that_is_not_checked, "handshake", "TypeError: argument should be"),
    (header_text, "client", "UnicodeEncodeError"),
    (nonces_apart_for_each_version, "verify_all", "had passed before"),
    (nonces_forgotten_with_the_keys, "http_v3", "a nonce was accepted twice"),
    (a_ratchet_of_one_key, "http_v3", "without new keys"),
    (a_session_before_its_answer, "client_v3", "the session is another one"),
    (the_old_session_dropped_first, "http_all", "changed the store"),
    (a_ticket_for_ever, "ticket", "never expires"),
    (a_server_that_is_not_asked, "answer_v3", "without an identity"),
    (a_binding_that_is_not_checked, "answer_v3", "nobody has bound"),
    (a_context_of_the_envelope, "seal", "nobody has sealed"),
    (frames_that_are_not_counted, "seal_framed", "short of its end"),
]


@pytest.mark.parametrize(
    ("plant", "name", "says"), PLANTED, ids=lambda value: getattr(value, "__name__", value) or "any"
)
def test_a_planted_bug_is_found_and_replays(
    plant: Callable[[pytest.MonkeyPatch], None], name: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = TARGETS[name]
    target.run(engine.seeds_of(target)[0])
    plant(monkeypatch)
    report = fuzz(target, 8000, SEED, most_failures=1)
    (failure,) = report.failures
    assert says in failure.what
    words = failure.replay.split()[3:]
    again = CliRunner().invoke(main, words)
    assert again.exit_code == 1
    assert failure.what.strip().splitlines()[-1][:60] in again.output
    monkeypatch.undo()
    assert CliRunner().invoke(main, words).exit_code == 0


def _target(run: Callable[[bytes], Outcomes]) -> Target:
    return Target("own", run, lambda: [b"seed", b"other"], frozenset(), 1)


def test_what_takes_too_long_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "CPU_SECONDS", 0.05)

    def run(data: bytes) -> Outcomes:
        while data != b"seed":
            try:
                data += b""
            except Exception:
                continue
        return ["done"]

    assert run_one(_target(run), b"seed") == ["done"]
    assert "CPU time" in str(run_one(_target(run), b"another"))


def test_what_waits_too_long_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "WALL_SECONDS", 0.05)
    assert "of waiting" in str(run_one(_target(lambda data: [str(threading.Event().wait(5))]), b"x"))


def test_what_takes_too_much_memory_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """The peak of a process never falls: so this asks for more than it ever had."""
    monkeypatch.setattr(engine, "MEMORY", 8 * 2**20)
    before = engine._peak()
    outcome = run_one(_target(lambda data: [str(len(bytearray(b"x") * (before + 2**25)))]), b"x")
    assert "peak of memory" in str(outcome)


def test_a_failure_is_kept_with_its_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    def run(data: bytes) -> Outcomes:
        if b"p" in data:
            raise Unlawful("not like this")
        return ["fine"]

    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(TARGETS, "json", Target("json", run, TARGETS["json"].seeds, frozenset(("unseen",)), 1))
    result = CliRunner().invoke(main, ["--target", "json", "--inputs", "200", "--report", "report.json"])
    assert result.exit_code == 1
    assert "never reached: unseen" in result.output
    command = next(line for line in result.output.splitlines() if "--file" in line).split()[3:]
    assert CliRunner().invoke(main, command).exit_code == 1
    (entry,) = json.loads((tmp_path / "report.json").read_text())
    assert entry["inputs"] <= 200
    assert entry["failures"]


@pytest.mark.parametrize(
    "words", [["--at", "1"], ["--at", "1", "--target", "json", "--target", "sse"], ["--engine", "atheris"]]
)
def test_a_command_that_lacks_something(words: list[str]) -> None:
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 2
    assert "--target" in result.output


def test_without_atheris(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "atheris", None)
    assert guided.guided("json", 10) == 2
    assert capsys.readouterr().err == guided.MISSING + "\n"


# --- what was found --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [b"\xff", b"caf\xc3\xa9", b"\x80\x81"])
def test_a_header_of_any_bytes_in_an_answer(value: bytes) -> None:
    """Found by the target `client`: a header that is not ASCII raised UnicodeEncodeError out of every operation."""

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(503, headers=[(b"x-reason", value)], content=b"{}")

    with (
        NenClient("http://x", transport=httpx.MockTransport(answer), clock=lambda: NOW) as client,
        pytest.raises(NenError) as caught,
    ):
        client.handshake()
    assert caught.value.code == "ISO-1004"


@pytest.mark.parametrize("status", [401, 302])
def test_a_cookie_of_any_bytes_in_an_answer(status: int) -> None:
    """Found by the target `client_v3`: after a cookie that is not ASCII, every request raised UnicodeEncodeError."""
    sent = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.headers.get("cookie"))
        cookies = [(b"set-cookie", value) for value in (b"a=\xff", b"\xff=a", b"b=c")]
        return httpx.Response(status, headers=[*cookies, (b"location", b"/x")], content=b"{}")

    def refused(client: NenClient) -> str:
        with pytest.raises(NenError) as caught:
            client.handshake()
        return caught.value.code

    with NenClient("http://x", transport=httpx.MockTransport(answer), clock=lambda: NOW) as client:
        assert [refused(client), refused(client)] == ["ISO-1004"] * 2
    assert sent == [None, "b=c"]


def test_nothing_is_left_on_the_loggers() -> None:
    TARGETS["http"].run(messages.draw_http(Random(1)))
    assert [
        handler for handler in logging.getLogger("nen_ref").handlers if type(handler).__name__ == "Complaints"
    ] == []
