"""The library cases: the reference passes, independent providers pass, and whoever is wrong fails.

The suite computes many expected values with the primitives of the reference. That a wrong one cannot hide behind them
is what the providers are here for; that a case can fail, what the wrong libraries are here for.
"""

from __future__ import annotations

import hmac
import json
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from hashlib import shake_128
from typing import Any, Self
from unittest.mock import patch

import anyio
import pytest
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey

from nen_ref.conformance.checks import Checks
from nen_ref.conformance.harness import reference
from nen_ref.conformance.harness.driver import Harness, Reply, _text
from nen_ref.conformance.harness.operations import OPERATIONS, Schema
from nen_ref.conformance.harness.probe import HarnessProbe
from nen_ref.conformance.model import ACCEPTED, Case, Implementation, Kind, Outcome, Report, Result
from nen_ref.conformance.registry import all_cases, every_case
from nen_ref.conformance.runner import run_cases
from nen_ref.conformance.targets import HarnessTarget, Target
from nen_ref.primitives import chacha20_poly1305, ml_dsa, ml_kem
from nen_ref.primitives.errors import LengthError
from nen_ref.primitives.suite import REFERENCE, Suite
from nen_ref.protocol import sse, stream, verification
from nen_ref.protocol.errors import AUTH_TIMESTAMP_OUT_OF_WINDOW, NenError
from nen_ref.providers import provider

CASES = all_cases(kinds=(Kind.LIBRARY,))
LIBRARY_OPERATIONS = frozenset(name for name, op in OPERATIONS.items() if op.kind is Kind.LIBRARY)

Answer = Callable[[dict[str, Any]], dict[str, Any]]


class LocalHarness(Harness):
    """A harness in this process: its answers go through the same messages and the same checks of them."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(["local"])
        self._answer = answer

    async def run(self, op: str, **args: Any) -> Reply:
        self._seq += 1
        command = {"cmd": "run", "seq": self._seq, "op": op, "args": _text(args)}
        answer = self._answer(json.loads(json.dumps(command)))
        return await self._read(op, json.loads(json.dumps(answer)))


class LocalTarget:
    """A library behind a local harness, with the operations that it offers."""

    def __init__(self, answer: Answer, offers: frozenset[str] = LIBRARY_OPERATIONS) -> None:
        self.implementation = Implementation("local")
        self._answer = answer
        self._offers = offers

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    def missing(self, case: Case) -> list[str]:
        return [need for need in case.needs if need not in self._offers | {"identity_seed"}]

    @asynccontextmanager
    async def probe(self, case: Case) -> AsyncIterator[Checks]:
        yield HarnessProbe(case, harness=LocalHarness(self._answer))

    async def explain(self, checks: Checks, result: Result) -> Result:
        return result


def examine(target: Target, cases: Sequence[Case] = CASES, *, jobs: int = 1) -> Report:
    async def run() -> Report:
        return await run_cases(cases, target, jobs=jobs, seed="library")

    return anyio.run(run)


def outcomes(report: Report, outcome: Outcome) -> dict[str, str]:
    return {result.case.id: result.observed for result in report.results if result.outcome is outcome}


def not_passed(report: Report) -> dict[str, str]:
    return {result.case.id: result.observed for result in report.results if result.outcome is not Outcome.PASS}


# The reference


def test_every_operation_of_libraries_is_called_by_a_case() -> None:
    called = {need for case in every_case() if case.kind is Kind.LIBRARY for need in case.needs}
    assert called == LIBRARY_OPERATIONS | {"identity_seed"}
    assert len(CASES) >= 80


def test_the_reference_passes_through_its_harness() -> None:
    report = examine(HarnessTarget([sys.executable, "-m", "nen_ref.conformance.harness.reference"]), jobs=2)
    assert not_passed(report) == {}


def test_what_a_case_says_has_nothing_of_the_randomness_of_the_library_in_it() -> None:
    own = {"ml_kem_768.new_key_pair", "ml_kem_768.encapsulate", "ml_dsa_65.new_key_pair", "ml_dsa_65.sign_hedged"}
    cases = [case for case in CASES if own & set(case.needs)]
    assert {need for case in cases for need in case.needs} >= own
    for answer in (reference.answer, lenient, garbled):
        first, second = (examine(LocalTarget(answer), cases) for _ in range(2))
        said = [(result.outcome, result.observed, result.divergence) for result in first.results]
        assert said == [(result.outcome, result.observed, result.divergence) for result in second.results]


# Independent libraries

PYCA = provider("cryptography")


def encapsulate(ek: bytes, m: bytes) -> ml_kem.Encapsulation:
    """OpenSSL draws m itself; `ml_kem_768.encapsulate` asks for just that."""
    return ml_kem.Encapsulation(*MLKEM768PublicKey.from_public_bytes(ek).encapsulate())


NOT_BY_PYCA = frozenset(
    name
    for name in LIBRARY_OPERATIONS
    if name.startswith(("ml_kem_768.", "ml_dsa_65.", "handshake."))
    and name not in ("ml_kem_768.encapsulate", "ml_dsa_65.verify")
)


@contextmanager
def standing_in(suite: Suite) -> Iterator[Answer]:
    """The reference's harness with the primitives of another library."""
    with patch.object(reference, "SUITE", suite):
        yield reference.answer


@pytest.mark.parametrize("name", ["pypi", "pycryptodome"])
def test_independent_libraries_pass(name: str) -> None:
    cases = CASES if name == "pycryptodome" else [case for case in CASES if not case.id.endswith("dsa-accumulated")]
    with standing_in(provider(name)) as answer:
        assert not_passed(examine(LocalTarget(answer), cases)) == {}


def test_openssl_passes_what_it_can_do() -> None:
    with standing_in(replace(PYCA, ml_kem_768_encaps=encapsulate)) as answer:
        report = examine(LocalTarget(answer, LIBRARY_OPERATIONS - NOT_BY_PYCA))
    assert set(not_passed(report)) == {case.id for case in CASES if set(case.needs) & NOT_BY_PYCA}
    assert report.count(Outcome.PASS) > 90
    assert report.findings == ()


# Libraries that are wrong in everything


def made_up(schema: Schema, byte: str) -> Any:
    """A value of the right type and the right length, and no other merit."""
    if "contentEncoding" in schema:
        size = schema["pattern"].rpartition("{")[2].partition("}")[0]
        return byte * (int(size) // 2 if size.isdigit() and "]{" in schema["pattern"] else 0)
    kind = schema["type"] if isinstance(schema["type"], str) else schema["type"][-1]
    wrong: dict[str, Any] = {"string": "x", "integer": 1, "boolean": byte == "ff", "null": None}
    return wrong[kind]


def fixed(byte: str) -> Answer:
    def answer(command: dict[str, Any]) -> dict[str, Any]:
        result = OPERATIONS[command["op"]].result
        return {"seq": command["seq"], "ok": {name: made_up(schema, byte) for name, schema in result.items()}}

    return answer


def saying(**outcome: Any) -> Answer:
    return lambda command: {"seq": command["seq"]} | outcome


def lenient(command: dict[str, Any]) -> dict[str, Any]:
    """Right, but it accepts everything."""
    answer = reference.answer(command)
    if command["op"] == "ml_dsa_65.verify":
        return answer | {"ok": {"valid": True}}
    return fixed("00")(command) if "error" in answer else answer


def garbled(command: dict[str, Any]) -> dict[str, Any]:
    """Right, but for the first byte of every value that it gives."""
    answer = reference.answer(command)
    if "ok" not in answer:
        return answer
    return answer | {"ok": {name: "5a" + value[2:] for name, value in answer["ok"].items()}}


@pytest.mark.parametrize(
    "answer",
    [
        fixed("00"),
        fixed("ff"),
        saying(errored={"message": "no"}),
        saying(skipped={"message": "no"}),
        saying(error={"code": "ISO-9000"}),
    ],
    ids=["zeros", "ones", "errored", "skipped", "ISO-9000"],
)
def test_nothing_passes_a_library_that_is_wrong_in_everything(answer: Answer) -> None:
    report = examine(LocalTarget(answer))
    assert outcomes(report, Outcome.PASS) == {}
    assert outcomes(report, Outcome.ERROR) == {}, "the suite must not break down on a wrong answer"


def test_a_library_that_refuses_everything_with_the_right_code_fails() -> None:
    """Cases of refusals have a control: the value before it was altered is accepted."""
    for case in CASES:
        code = next((entry for entry in case.acceptable if entry != ACCEPTED), "ISO-4001")
        report = examine(LocalTarget(saying(error={"code": code})), [case])
        assert outcomes(report, Outcome.PASS) == {}


def test_a_library_that_accepts_everything_fails_every_case_of_a_refusal() -> None:
    report = examine(LocalTarget(lenient), [case for case in CASES if ACCEPTED not in case.acceptable])
    assert len(report.results) > 50
    assert outcomes(report, Outcome.PASS) == {}


# Libraries that are wrong in one thing. The fault is there only while the library answers: the suite beside it, which
# shares the process, is right.


def without_reduction(self: chacha20_poly1305.Poly1305) -> bytes:
    """A last reduction modulo 2^130 that should have been modulo 2^130 - 5."""
    if self._unused:
        self._add_block(self._unused)
    self._finished = True
    a = self._accumulator + (chacha20_poly1305.P if self._accumulator < 5 else 0)
    return ((a + self._s) % 2**128).to_bytes(16, "little")


def lax_hint(params: ml_dsa.ParameterSet, y: bytes) -> ml_dsa.Vector:
    h, index = [], 0
    for end in y[params.omega :]:
        f = [0] * 256
        for place in y[index:end]:
            f[place] = 1
        h.append(f)
        index = end
    return h


def three_blocks(B: bytes) -> ml_kem.Poly:
    found = [x for x in ml_kem.twelve_bit_integers(shake_128(B).digest(504)) if x < ml_kem.q]
    return (found + [0] * 256)[:256]


def two_blocks(params: ml_dsa.ParameterSet, rho: bytes) -> ml_dsa.Poly:
    found = [x for z in ml_dsa.H(rho, 2 * 136) for x in ml_dsa.coeffs_from_byte(params.eta, z)]
    return (found + [0] * 256)[:256]


def big_endian(base_nonce: bytes, i: int) -> bytes:
    return base_nonce[:8] + (int.from_bytes(base_nonce[8:], "big") ^ i).to_bytes(4, "big")


def added(base_nonce: bytes, i: int) -> bytes:
    return base_nonce[:8] + ((int.from_bytes(base_nonce[8:], "little") + i) % 2**32).to_bytes(4, "little")


def one_sided(request: Any, now: int, policy: Any = None) -> int:
    timestamp = int(request.headers.get("x-nen-timestamp", ""))
    if now - timestamp > 30_000:
        raise NenError(AUTH_TIMESTAMP_OUT_OF_WINDOW)
    return timestamp


def length_alone(ek: bytes) -> None:
    LengthError.check("ek", ek, 1184)


def first_bytes(a: bytes, b: bytes) -> bool:
    return a[:8] == b[:8]


def silent(self: stream.StreamOpener) -> None:
    """The end of the connection is as good as the end of the stream."""


def whole_pieces(self: sse.EventReader, piece: bytes) -> Iterator[bytes]:
    """Every piece is taken for whole events."""
    for event in piece.split(b"\n\n"):
        if event.startswith(b"data: "):
            yield event[6:]


WITHOUT_MODULUS_CHECK = replace(REFERENCE, ml_kem_768_check_ek=length_alone)

FAULTS: dict[str, tuple[tuple[object, str, object], set[str]]] = {
    "no modulus check": (
        (reference, "SUITE", WITHOUT_MODULUS_CHECK),
        {
            "library-primitives/encaps-key-modulus",
            "library-primitives/encapsulate-key-check",
            "library-handshake/respond-key-check",
        },
    ),
    "no implicit rejection": (
        (ml_kem, "compare_digest", lambda a, b: True),
        {
            "library-primitives/implicit-rejection",
            "library-primitives/kem-accumulated",
            "library-handshake/finish-implicit-rejection",
        },
    ),
    "only a prefix of c is compared": (
        (ml_kem, "compare_digest", first_bytes),
        {"library-primitives/implicit-rejection", "library-handshake/finish-implicit-rejection"},
    ),
    "three blocks of SHAKE128": ((ml_kem, "sample_ntt", three_blocks), {"library-primitives/kem-keygen"}),
    "two blocks of SHAKE256": ((ml_dsa, "rej_bounded_poly", two_blocks), {"library-primitives/dsa-keygen"}),
    "no bound on z": ((ml_dsa, "infinity_norm", lambda v: 0), {"library-primitives/dsa-norm-of-z"}),
    "a lax hint": (
        (ml_dsa, "hint_bit_unpack", lax_hint),
        {"library-primitives/dsa-hint-encoding", "library-handshake/respond-identity-hint"},
    ),
    "no domain prefix": (
        (ml_dsa, "format_message", lambda M, ctx: M),
        {"library-primitives/dsa-sign", "library-primitives/dsa-verify", "library-primitives/dsa-context"},
    ),
    "no last reduction": (
        (chacha20_poly1305.Poly1305, "digest", without_reduction),
        {"library-primitives/aead-poly1305-edges"},
    ),
    "only a prefix of the tag is compared": (
        (hmac, "compare_digest", first_bytes),
        {"library-primitives/aead-tag-altered"},
    ),
    "a big-endian counter": ((stream, "stream_nonce", big_endian), {"library-stream/seal", "library-stream/open"}),
    "a counter that is added": ((stream, "stream_nonce", added), {"library-stream/seal-many", "library-stream/open"}),
    "a one-sided window": ((verification, "check_window", one_sided), {"library-verification/window-outside"}),
    "a silent end": (
        (stream.StreamOpener, "close", silent),
        {"library-stream/cut-between-events", "library-stream/cut-inside-an-event"},
    ),
    "pieces for events": (
        (sse.EventReader, "feed", whole_pieces),
        {"library-stream/open-pieces", "library-stream/open-line-ends", "library-stream/open-fields"},
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_library_with_one_fault_fails_the_cases_of_that_fault(name: str) -> None:
    (owner, attribute, wrong), caught_by = FAULTS[name]

    def answer(command: dict[str, Any]) -> dict[str, Any]:
        with ExitStack() as fault:
            fault.enter_context(patch.object(owner, attribute, wrong))
            return reference.answer(command)

    wanted = {f"v1/{id}" for id in caught_by}
    report = examine(LocalTarget(answer), [case for case in CASES if case.id in wanted])
    assert {result.case.id for result in report.findings} == wanted
    assert outcomes(report, Outcome.ERROR) == {}
