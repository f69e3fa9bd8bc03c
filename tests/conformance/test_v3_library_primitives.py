"""The cases of HKDF-SHA256 and X25519: independent libraries pass, and each case fails a library with one fault."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest

from nen_ref.conformance.harness import reference
from nen_ref.conformance.model import ACCEPTED, Case, Kind, Outcome
from nen_ref.conformance.registry import all_cases
from nen_ref.primitives import hkdf_sha256 as hkdf
from nen_ref.primitives import x25519 as x
from nen_ref.primitives.errors import LengthError, LimitError
from nen_ref.primitives.hmac_sha256 import hmac_sha256
from nen_ref.primitives.suite import REFERENCE
from nen_ref.providers import provider
from tests.conformance.test_library_cases import LocalTarget, examine, fixed, garbled, lenient, not_passed, outcomes

CASES = [case for case in all_cases("v3", (Kind.LIBRARY,)) if case.requirement.startswith("V3-PRIM-")]

right_expand, right_x25519 = hkdf.hkdf_expand, x.x25519
right_scalar, right_u = x.decode_scalar25519, x.decode_u_coordinate


def test_every_requirement_has_a_case() -> None:
    assert {case.requirement for case in CASES} == {f"V3-PRIM-{i:02}" for i in range(1, 7)}


@pytest.mark.parametrize("name", ["reference", "pypi", "pycryptodome", "cryptography"])
def test_independent_libraries_pass(name: str) -> None:
    with patch.object(reference, "SUITE", provider(name)):
        assert not_passed(examine(LocalTarget(reference.answer), CASES)) == {}


@pytest.mark.parametrize("answer", [fixed("00"), fixed("ff"), garbled], ids=["zeros", "ones", "garbled"])
def test_nothing_passes_a_library_that_is_wrong_in_everything(answer: Callable[..., Any]) -> None:
    report = examine(LocalTarget(answer), CASES)
    assert outcomes(report, Outcome.PASS) == {}
    assert outcomes(report, Outcome.ERROR) == {}


def test_a_library_that_accepts_everything_fails_the_refusals() -> None:
    refusals = [case for case in CASES if ACCEPTED not in case.acceptable]
    report = examine(LocalTarget(lenient), refusals)
    assert len(report.results) == 2
    assert outcomes(report, Outcome.PASS) == {}


# One fault each


def numbered(number: Callable[[int], int], limit: int = 2**20) -> Callable[[bytes, bytes, int], bytes]:
    """The expansion with other numbers of its blocks, and with another limit."""

    def expand(PRK: bytes, info: bytes, L: int) -> bytes:
        if limit < L:
            raise LimitError("too long")
        T = [b""]
        for i in range(-(-L // 32)):
            T.append(hmac_sha256(PRK, T[i] + info + bytes([number(i + 1)])))
        return b"".join(T)[:L]

    return expand


def at_most(limit: int) -> Callable[[bytes, bytes, int], bytes]:
    return numbered(lambda i: i % 256, limit)


def cut_to_16_bits(PRK: bytes, info: bytes, L: int) -> bytes:
    return right_expand(PRK, info, L % 2**16)


def up_to_zero(PRK: bytes, info: bytes, L: int) -> bytes:
    return right_expand(PRK, info.partition(b"\0")[0], L)


def as_text(PRK: bytes, info: bytes, L: int) -> bytes:
    return right_expand(PRK, info.decode("utf-8", "replace").encode(), L)


def ended_by_zero(PRK: bytes, info: bytes, L: int) -> bytes:
    return right_expand(PRK, info + b"\0", L)


def keyed_with_ikm(salt: bytes, IKM: bytes) -> bytes:
    return hmac_sha256(IKM, salt)


def left_out(salt: bytes, IKM: bytes) -> bytes:
    """An ikm that is long enough is taken for a key."""
    return IKM if len(IKM) >= 32 else hmac_sha256(salt, IKM)


def without_zeros_in_front(salt: bytes, IKM: bytes) -> bytes:
    return hmac_sha256(salt, IKM.lstrip(b"\0"))


def unclamped(*bits: int) -> Callable[[bytes], int]:
    """Clamping that leaves these bits as they come."""

    def decode(k: bytes) -> int:
        mask = sum(1 << bit for bit in bits)
        return right_scalar(k) & ~mask | int.from_bytes(k, "little") & mask

    return decode


def with_top_bit(u: bytes) -> int:
    return int.from_bytes(u, "little") % x.P


def canonical_alone(u: bytes) -> int:
    if int.from_bytes(u, "little") % 2**255 >= x.P:
        raise LengthError("not canonical")
    return right_u(u)


def curve_alone(u: bytes) -> int:
    number = right_u(u)
    if pow(number**3 + 486662 * number**2 + number, (x.P - 1) // 2, x.P) not in (0, 1):
        raise LengthError("not on the curve")
    return number


def not_zero(k: bytes, u: bytes) -> bytes:
    shared = right_x25519(k, u)
    if shared == bytes(32):
        raise LengthError("of low order")
    return shared


def listed(k: bytes, u: bytes) -> bytes:
    """The points of low order are looked up in a list that has them in one form alone."""
    if u in (bytes(32), b"\x01" + bytes(31)):
        raise LengthError("of low order")
    return right_x25519(k, u)


def fitted(k: bytes, u: bytes) -> bytes:
    return right_x25519(k.ljust(32, b"\0")[:32], u.ljust(32, b"\0")[:32])


def big_endian(k: bytes, u: bytes) -> bytes:
    return right_x25519(k[::-1], u[::-1])[::-1] if len(k) == len(u) == 32 else right_x25519(k, u)


ALL_HKDF = {"hkdf-published", "hkdf-labels", "hkdf-lengths"}
IN_SUITE: Any = object()
"""The fault takes the place of `x25519` in the suite."""

FAULTS: dict[str, tuple[Any, str, Any, set[str]]] = {
    "extraction keyed with ikm": (hkdf, "hkdf_extract", keyed_with_ikm, ALL_HKDF),
    "extraction left out": (hkdf, "hkdf_extract", left_out, {"hkdf-labels", "hkdf-lengths", "hkdf-limit"}),
    "ikm as a number": (hkdf, "hkdf_extract", without_zeros_in_front, {"hkdf-lengths"}),
    "info to its first zero byte": (hkdf, "hkdf_expand", up_to_zero, {"hkdf-lengths"}),
    "info as text": (hkdf, "hkdf_expand", as_text, {"hkdf-lengths"}),
    "info ended by zero": (hkdf, "hkdf_expand", ended_by_zero, ALL_HKDF),
    "blocks from 0": (hkdf, "hkdf_expand", numbered(lambda i: i - 1), ALL_HKDF),
    "the number of a block in 7 bits": (
        hkdf,
        "hkdf_expand",
        numbered(lambda i: i % 128),
        {"hkdf-lengths"},
    ),
    "254 blocks": (hkdf, "hkdf_expand", at_most(254 * 32), {"hkdf-lengths", "hkdf-limit"}),
    "256 blocks": (hkdf, "hkdf_expand", at_most(256 * 32), {"hkdf-limit"}),
    "no limit": (hkdf, "hkdf_expand", at_most(2**20), {"hkdf-limit"}),
    "a length of 16 bits": (hkdf, "hkdf_expand", cut_to_16_bits, {"hkdf-limit"}),
    "another a24": (x, "A24", 121666, {"x25519-published", "x25519-random", "x25519-twist"}),
    "no clamping": (x, "decode_scalar25519", unclamped(0, 1, 2, 254, 255), {"x25519-clamping"}),
    "bit 0 not clamped": (x, "decode_scalar25519", unclamped(0), {"x25519-clamping"}),
    "bit 1 not clamped": (x, "decode_scalar25519", unclamped(1), {"x25519-clamping"}),
    "bit 2 not clamped": (x, "decode_scalar25519", unclamped(2), {"x25519-clamping"}),
    "bit 254 not set": (x, "decode_scalar25519", unclamped(254), {"x25519-clamping"}),
    "the highest bit of u": (x, "decode_u_coordinate", with_top_bit, {"x25519-published", "x25519-non-canonical"}),
    "canonical u alone": (x, "decode_u_coordinate", canonical_alone, {"x25519-non-canonical", "x25519-low-order"}),
    "the curve alone": (x, "decode_u_coordinate", curve_alone, {"x25519-twist", "x25519-low-order", "x25519-random"}),
    "zero refused": (IN_SUITE, "x25519", not_zero, {"x25519-low-order"}),
    "a list of low order": (IN_SUITE, "x25519", listed, {"x25519-low-order"}),
    "any length": (IN_SUITE, "x25519", fitted, {"x25519-lengths"}),
    "big-endian": (IN_SUITE, "x25519", big_endian, {"x25519-published", "x25519-clamping", "x25519-random"}),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_library_with_one_fault_fails_the_cases_of_that_fault(name: str) -> None:
    """The fault is there only while the library answers: the suite beside it, in this process, is right."""
    owner, attribute, wrong, caught_by = FAULTS[name]
    suite = replace(REFERENCE, x25519=wrong) if owner is IN_SUITE else REFERENCE

    def answer(command: dict[str, Any]) -> dict[str, Any]:
        with patch.object(reference, "SUITE", suite), patch.object(*fault):
            return reference.answer(command)

    fault = (reference, "SUITE", suite) if owner is IN_SUITE else (owner, attribute, wrong)
    wanted = {f"v3/library-primitives/{id}" for id in caught_by}
    report = examine(LocalTarget(answer), [case for case in CASES if case.id in wanted])
    assert {result.case.id for result in report.findings} == wanted


def test_each_case_is_failed_by_a_fault() -> None:
    caught = {f"v3/library-primitives/{id}" for *_, caught_by in FAULTS.values() for id in caught_by}
    assert caught == {case.id for case in CASES}


def test_the_cases_that_are_not_about_a_fault_pass() -> None:
    """So that a finding says what is wrong: a library that cannot do HKDF fails no case of X25519."""

    def answer(command: dict[str, Any]) -> dict[str, Any]:
        return fixed("00")(command) if command["op"] == "hkdf_sha256" else reference.answer(command)

    failed: list[Case] = [result.case for result in examine(LocalTarget(answer), CASES).findings]
    assert {case.id.split("/")[2].split("-")[0] for case in failed} == {"hkdf"}
