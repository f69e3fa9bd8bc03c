"""FIPS 204: Wycheproof, NIST ACVP, accumulated digests, three libraries as witnesses, the parts' edges."""

import dataclasses
import multiprocessing
import struct
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from hashlib import sha256, shake_128, shake_256
from random import Random
from typing import Any

import pytest
from Crypto.PublicKey import MLDSA
from Crypto.Signature import mldsa as pycryptodome_signature
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import mldsa as pyca
from dilithium_py import ml_dsa as dilithium_py  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from nen_ref.primitives import ml_dsa
from nen_ref.primitives import ml_dsa_lanes as lanes
from nen_ref.primitives.errors import ContextError, KeyCheckError, LengthError
from nen_ref.primitives.ml_dsa import (
    DETERMINISTIC,
    ML_DSA_44,
    ML_DSA_65,
    ML_DSA_87,
    KeyPair,
    ParameterSet,
    Poly,
    q,
)
from tests.primitives.vectors import Published, Walk, acvp, all_tests, wycheproof

PARAMETER_SETS = [ML_DSA_44, ML_DSA_65, ML_DSA_87]
BY_NAME = {params.name: params for params in PARAMETER_SETS}

each_parameter_set = pytest.mark.parametrize("params", PARAMETER_SETS, ids=lambda params: params.name)

MESSAGE = b"the message"


# The parameter sets


@pytest.mark.parametrize(
    ("params", "table"),
    [
        (ML_DSA_44, (4, 4, 2, 39, 78, 131072, 95232, 80, 32, 1312, 2560, 2420)),
        (ML_DSA_65, (6, 5, 4, 49, 196, 524288, 261888, 55, 48, 1952, 4032, 3309)),
        (ML_DSA_87, (8, 7, 2, 60, 120, 524288, 261888, 75, 64, 2592, 4896, 4627)),
    ],
    ids=lambda value: value.name if isinstance(value, ParameterSet) else "",
)
def test_parameters_are_those_of_tables_1_and_2(params: ParameterSet, table: tuple[int, ...]) -> None:
    assert table == (
        params.k, params.l, params.eta, params.tau, params.beta, params.gamma1, params.gamma2, params.omega,
        params.c_tilde_size, params.pk_size, params.sk_size, params.sig_size,
    )  # fmt: skip
    pk, sk = ml_dsa.keygen(params)
    assert (len(pk), len(sk)) == (params.pk_size, params.sk_size)
    assert len(ml_dsa.sign(params, sk, MESSAGE)) == params.sig_size


# Wycheproof

WYCHEPROOF_VERIFY = [
    ML_DSA_44,
    pytest.param(ML_DSA_65, marks=pytest.mark.bulk),
    pytest.param(ML_DSA_87, marks=pytest.mark.bulk),
]
WYCHEPROOF_ERRORS: dict[str, type[Exception]] = {
    "InvalidContext": ContextError,
    "IncorrectPrivateKeyLength": LengthError,
    "IncorrectPublicKeyLength": LengthError,
    "InvalidPrivateKey": KeyCheckError,
}


def wycheproof_file(params: ParameterSet, kind: str) -> Published:
    return wycheproof("Signature", f"mldsa_{params.name.removeprefix('ML-DSA-')}_{kind}_test.json")


def label(test: dict[str, Any]) -> str:
    return f"{test['tcId']}: {test['comment']}"


def outcome(function: Callable[..., bytes | bool], *arguments: Any) -> bytes | bool | type[Exception]:
    """What the function returns, or the type of the ValueError it raises."""
    try:
        return function(*arguments)
    except ValueError as error:
        return type(error)


@pytest.mark.parametrize("params", WYCHEPROOF_VERIFY, ids=lambda params: params.name)
def test_wycheproof_verify(params: ParameterSet, walk: Walk) -> None:
    published = wycheproof_file(params, "verify")
    for group, test in walk(published, all_tests(published)):
        pk, msg, sig = (bytes.fromhex(text) for text in (group["publicKey"], test["msg"], test["sig"]))
        ctx = bytes.fromhex(test.get("ctx", ""))
        expected: bool | type[Exception] = test["result"] == "valid"
        if not expected:
            errors = [WYCHEPROOF_ERRORS[flag] for flag in test["flags"] if flag in WYCHEPROOF_ERRORS]
            expected = errors[0] if errors else False
        assert outcome(ml_dsa.verify, params, pk, msg, sig, ctx) is expected, label(test)


@pytest.mark.bulk
@pytest.mark.parametrize("kind", ["sign_noseed", "sign_seed"])
@each_parameter_set
def test_wycheproof_sign(params: ParameterSet, kind: str, walk: Walk) -> None:
    """From a seed or from an expanded key; the tests with the flag Internal have mu and no message."""
    published = wycheproof_file(params, kind)
    for group, test in walk(published, all_tests(published)):
        expected = wycheproof_signature_or_error(test)
        assert outcome(wycheproof_sign, params, group, test) == expected, label(test)


EDGES = [
    "baseline", "empty provided context", "longest context", "context too long", "randomized valid signature",
    "z_max below the limit", "z_max above the limit", "r0_max below the limit", "r0_max above the limit",
    "h_ones below the limit", "h_ones above the limit", "high_bits called on the edge case",
    "low_bits called on the edge case", "power_2_round returns a remainder of 4096",
    "power_2_round returns a remainder of -4095", "valid signature with maximum (ω) hints",
    "signing exercises all rejection paths", "signing exercises all rejection paths (external mu)",
    "signing lowBits boundary in decompose special case (skip r0 adjustment)",
    "signing lowBits boundary in decompose special case (r0 adjustment flipped)",
    "sampleNTT samples the value 0 during matrix A expansion",
    "sampleNTT samples the value q-1 during matrix A expansion",
    "sampleNTT encounters the value q (rejected) during matrix A expansion",
]  # fmt: skip


@pytest.mark.parametrize("comment", EDGES)
@pytest.mark.parametrize("params", [ML_DSA_44, ML_DSA_65], ids=lambda params: params.name)
def test_wycheproof_signs_at_the_edges(params: ParameterSet, comment: str) -> None:
    """Some of the tests of the file above, one by one, so that each is quick."""
    tests = all_tests(wycheproof_file(params, "sign_seed"))
    group, test = next(found for found in tests if found[1]["comment"] == comment)
    assert outcome(wycheproof_sign, params, group, test) == wycheproof_signature_or_error(test), label(test)


def wycheproof_signature_or_error(test: dict[str, Any]) -> bytes | type[Exception]:
    if test["result"] == "valid":
        return bytes.fromhex(test["sig"])
    [flag] = test["flags"]
    return WYCHEPROOF_ERRORS[flag]


def wycheproof_sign(params: ParameterSet, group: dict[str, Any], test: dict[str, Any]) -> bytes:
    if "privateSeed" in group:
        pk, sk = ml_dsa.keygen_internal(params, bytes.fromhex(group["privateSeed"]))
        assert pk.hex() == group["publicKey"]
    else:
        sk = bytes.fromhex(group["privateKey"])
    rnd = bytes.fromhex(test.get("rnd", "00" * 32))
    if "msg" not in test:
        return ml_dsa.sign_mu(params, sk, bytes.fromhex(test["mu"]), rnd)
    msg, ctx = bytes.fromhex(test["msg"]), bytes.fromhex(test.get("ctx", ""))
    if "mu" in test:
        M_prime = ml_dsa.format_message(msg, ctx)
        assert ml_dsa.message_representative(sk[64:128], M_prime).hex() == test["mu"]
    return ml_dsa.sign(params, sk, msg, ctx, rnd)


# NIST ACVP: the internal interface, without a context


def acvp_tests(walk: Walk, name: str) -> Iterator[tuple[ParameterSet, dict[str, Any], dict[str, Any]]]:
    published = acvp(name)
    for group, test in walk(published, all_tests(published)):
        yield BY_NAME[group["parameterSet"]], group, test


def test_acvp_keygen(walk: Walk) -> None:
    ran = 0
    for params, _group, test in acvp_tests(walk, "ML-DSA-keyGen.json"):
        pk, sk = ml_dsa.keygen_internal(params, bytes.fromhex(test["seed"]))
        assert (pk.hex().upper(), sk.hex().upper()) == (test["pk"], test["sk"]), test["tcId"]
        ran += 1
    assert ran == 75


def test_acvp_siggen(walk: Walk) -> None:
    ran = 0
    for params, group, test in acvp_tests(walk, "ML-DSA-sigGen.json"):
        sk, message = bytes.fromhex(test["sk"]), bytes.fromhex(test["message"])
        rnd = DETERMINISTIC if group["deterministic"] else bytes.fromhex(test["rnd"])
        sigma = ml_dsa.sign_internal(params, sk, message, rnd)
        assert sigma.hex().upper() == test["signature"], test["tcId"]
        ran += 1
    assert ran == 60


def test_acvp_sigver(walk: Walk) -> None:
    ran = 0
    for params, group, test in acvp_tests(walk, "ML-DSA-sigVer.json"):
        pk, message, sigma = (bytes.fromhex(text) for text in (group["pk"], test["message"], test["signature"]))
        assert ml_dsa.verify_internal(params, pk, message, sigma) is test["testPassed"], test["tcId"]
        ran += 1
    assert ran == 45


def test_acvp_rejections(walk: Walk) -> None:
    """Signatures that take each way of rejection once, and ones that take 64 to 73 rejections."""
    published = acvp("ml-dsa-65-rejection-kats.json", "the document of the ML-DSA tests")
    tables = published.json["ML-DSA-65"]
    assert {table: len(cases) for table, cases in tables.items()} == {"rejection_cases": 5, "rejection_counts": 5}
    for case in walk(published, [case for cases in tables.values() for case in cases]):
        pk, sk = ml_dsa.keygen_internal(ML_DSA_65, bytes.fromhex(case["seed"]))
        assert sha256(pk + sk).hexdigest() == case["sha256_pk_sk"]
        sigma = ml_dsa.sign_internal(ML_DSA_65, sk, bytes.fromhex(case["m_prime"]), DETERMINISTIC)
        assert sha256(sigma).hexdigest() == case["sha256_sig"]


# Accumulated digests (external-vectors/README.md)


def public_key_and_signature(xi: bytes) -> bytes:
    pk, sk = ml_dsa.keygen_internal(ML_DSA_65, xi)
    return pk + ml_dsa.sign(ML_DSA_65, sk, b"", rnd=DETERMINISTIC)


def accumulated_seeds(count: int) -> list[bytes]:
    stream = shake_128(b"").digest(32 * count)
    return [stream[i : i + 32] for i in range(0, len(stream), 32)]


ACCUMULATED = {
    100: "8358a1843220194417cadbc2651295cd8fc65125b5a5c1a239a16dc8b57ca199",
    10_000: "5ff5e196f0b830c3b10a9eb5358e7c98a3a20136cb677f3ae3b90175c3ace329",
}


@pytest.mark.bulk
def test_accumulated_100(walk: Walk) -> None:
    digest = shake_128(b"".join(map(public_key_and_signature, accumulated_seeds(100)))).hexdigest(32)
    assert digest == ACCUMULATED[100]
    walk.accumulated("C2SP CCTV", "ML-DSA-65, FIPS 204", 100, ACCUMULATED[100])
    walk.accumulated("C2SP CCTV", "ML-DSA-65, FIPS 204", 10_000, ACCUMULATED[10_000], slow=True)


@pytest.mark.slow
def test_accumulated_10000() -> None:
    digest = shake_128()
    # Spawned, not forked: pytest-xdist has threads in this process.
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        for outputs in pool.map(public_key_and_signature, accumulated_seeds(10_000), chunksize=50):
            digest.update(outputs)
    assert digest.hexdigest(32) == ACCUMULATED[10_000]


# Witnesses: dilithium-py, pycryptodome, cryptography

DILITHIUM_PY = {
    ML_DSA_44: dilithium_py.ML_DSA_44,
    ML_DSA_65: dilithium_py.ML_DSA_65,
    ML_DSA_87: dilithium_py.ML_DSA_87,
}
PYCA_PRIVATE: dict[ParameterSet, Any] = {
    ML_DSA_44: pyca.MLDSA44PrivateKey,
    ML_DSA_65: pyca.MLDSA65PrivateKey,
    ML_DSA_87: pyca.MLDSA87PrivateKey,
}
PYCA_PUBLIC: dict[ParameterSet, Any] = {
    ML_DSA_44: pyca.MLDSA44PublicKey,
    ML_DSA_65: pyca.MLDSA65PublicKey,
    ML_DSA_87: pyca.MLDSA87PublicKey,
}

parameter_sets = st.sampled_from(PARAMETER_SETS)
seeds = st.one_of(st.sampled_from([bytes(32), b"\xff" * 32]), st.binary(min_size=32, max_size=32))
messages = st.one_of(st.sampled_from([b"", b"\0", b"long" * 25_000]), st.binary(max_size=200))
contexts = st.one_of(st.sampled_from([b"", b"\0", b"c", b"\xff" * 255]), st.binary(max_size=255))


def always(value: bytes) -> Callable[[int], bytes]:
    """A source of randomness that gives this."""
    return lambda _length: value


def pycryptodome_key(params: ParameterSet, **parts: bytes) -> MLDSA.MLDSAKey:
    return MLDSA.construct(param_set=MLDSA.ParamSet(params.name), **parts)


def pycryptodome_verifies(params: ParameterSet, pk: bytes, M: bytes, sigma: bytes, ctx: bytes) -> bool:
    scheme = pycryptodome_signature.new(pycryptodome_key(params, pk=pk), ctx)
    try:
        scheme.verify(M, sigma)
    except ValueError:
        return False
    return True


def pyca_verifies(params: ParameterSet, pk: bytes, M: bytes, sigma: bytes, ctx: bytes) -> bool:
    try:
        PYCA_PUBLIC[params].from_public_bytes(pk).verify(sigma, M, ctx)
    except InvalidSignature:
        return False
    return True


@pytest.mark.bulk
@settings(derandomize=True, deadline=None, max_examples=60)
@given(parameter_sets, seeds, messages, contexts)
def test_deterministic_signing_agrees_with_dilithium_py_and_pycryptodome(
    params: ParameterSet, xi: bytes, M: bytes, ctx: bytes
) -> None:
    pk, sk = ml_dsa.keygen_internal(params, xi)
    assert (pk, sk) == DILITHIUM_PY[params].key_derive(xi)
    key = pycryptodome_key(params, seed=xi)
    assert (pk, sk) == (key.pk, key.sk)

    sigma = ml_dsa.sign(params, sk, M, ctx, DETERMINISTIC)
    assert sigma == DILITHIUM_PY[params].sign(sk, M, ctx, deterministic=True)
    assert sigma == pycryptodome_signature.new(key, ctx, deterministic=True).sign(M)

    assert ml_dsa.verify(params, pk, M, sigma, ctx)
    assert DILITHIUM_PY[params].verify(pk, M, sigma, ctx)
    assert pyca_verifies(params, pk, M, sigma, ctx)


@pytest.mark.bulk
@settings(derandomize=True, deadline=None, max_examples=60)
@given(parameter_sets, seeds, messages, contexts, seeds)
def test_hedged_signing_agrees_with_pycryptodome(
    params: ParameterSet, xi: bytes, M: bytes, ctx: bytes, rnd: bytes
) -> None:
    pk, sk = ml_dsa.keygen_internal(params, xi)
    sigma = ml_dsa.sign(params, sk, M, ctx, rnd)
    key = pycryptodome_key(params, seed=xi)
    assert sigma == pycryptodome_signature.new(key, ctx, randfunc=always(rnd)).sign(M)
    assert sigma == ml_dsa.sign(params, sk, M, ctx, random_bytes=always(rnd))
    assert ml_dsa.verify(params, pk, M, sigma, ctx)


@pytest.mark.bulk
@settings(derandomize=True, deadline=None, max_examples=60)
@given(parameter_sets, seeds, messages, contexts)
def test_signatures_of_cryptography_verify(params: ParameterSet, xi: bytes, M: bytes, ctx: bytes) -> None:
    key = PYCA_PRIVATE[params].from_seed_bytes(xi)
    pk = key.public_key().public_bytes_raw()
    assert pk == ml_dsa.keygen_internal(params, xi).pk
    mu = ml_dsa.message_representative(ml_dsa.H(pk, 64), ml_dsa.format_message(M, ctx))
    for sigma in (key.sign(M, ctx), key.sign_mu(mu)):
        assert ml_dsa.verify(params, pk, M, sigma, ctx)
        assert ml_dsa.verify_mu(params, pk, mu, sigma)


def signed(params: ParameterSet) -> tuple[KeyPair, bytes]:
    """A key pair with its signature on MESSAGE."""
    keys = ml_dsa.keygen_internal(params, b"k" * 32)
    return keys, ml_dsa.sign(params, keys.sk, MESSAGE, rnd=DETERMINISTIC)


SIGNED = {params: signed(params) for params in PARAMETER_SETS}


def flip(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@pytest.mark.bulk
@settings(derandomize=True, deadline=None, max_examples=150)
@given(parameter_sets, st.sampled_from(["pk", "sigma", "M", "ctx"]), st.floats(0, 1, exclude_max=True))
def test_a_flipped_bit_is_refused_by_all(params: ParameterSet, part: str, place: float) -> None:
    keys, sigma = SIGNED[params]
    parts = {"pk": keys.pk, "sigma": sigma, "M": MESSAGE, "ctx": b""}
    if part == "ctx":
        parts["ctx"] = bytes([int(256 * place)])
    else:
        parts[part] = flip(parts[part], int(8 * len(parts[part]) * place))
    verdicts = [
        ml_dsa.verify(params, **parts),
        pycryptodome_verifies(params, **parts),
        pyca_verifies(params, **parts),
        DILITHIUM_PY[params].verify(parts["pk"], parts["M"], parts["sigma"], parts["ctx"]),
    ]
    assert verdicts == [False] * 4


@pytest.mark.bulk
@each_parameter_set
def test_every_byte_of_the_signature_and_of_the_hint_part_counts(params: ParameterSet) -> None:
    """A byte in 97 of the whole, each byte of the hint, and of each of these another bit."""
    keys, sigma = SIGNED[params]
    h_start = params.sig_size - params.omega - params.k
    for place in [*range(0, h_start, 97), *range(h_start, params.sig_size)]:
        assert not ml_dsa.verify(params, keys.pk, MESSAGE, flip(sigma, 8 * place + place % 8)), place


# Hints that FIPS 204 forbids


def with_hint(params: ParameterSet, sigma: bytes, places: list[list[int]]) -> bytes:
    """The signature with another hint: the places of the ones of each polynomial, as given, in any order."""
    flat = bytes(place for f in places for place in f)
    ends = bytes(len([place for f in places[: i + 1] for place in f]) for i in range(params.k))
    return with_hint_bytes(params, sigma, flat.ljust(params.omega, b"\0"), ends)


def with_hint_bytes(params: ParameterSet, sigma: bytes, places: bytes, ends: bytes) -> bytes:
    assert len(places) == params.omega
    assert len(ends) == params.k
    return sigma[: -params.omega - params.k] + places + ends


def hint_places(params: ParameterSet, sigma: bytes) -> list[list[int]]:
    h = ml_dsa.sig_decode(params, sigma).h
    assert h is not None
    return [[i for i, x in enumerate(f) if x] for f in h]


def signature_with_room_in_its_hint(params: ParameterSet) -> tuple[KeyPair, bytes, list[list[int]], int]:
    """A valid signature, the places of its hint, less than omega, and a polynomial that has two of them."""
    keys, sigma = SIGNED[params]
    places = hint_places(params, sigma)
    assert sum(map(len, places)) < params.omega
    j = next(j for j, f in enumerate(places) if len(f) >= 2)
    assert with_hint(params, sigma, places) == sigma
    assert ml_dsa.verify(params, keys.pk, MESSAGE, sigma)
    return keys, sigma, places, j


@each_parameter_set
def test_a_repeated_hint_index_is_refused(params: ParameterSet) -> None:
    """The hint says the same with an index twice, but algorithm 21 wants each above the last.

    dilithium-py up to 1.4.0 compares with < where it must be <= and takes this signature for valid, so that
    who has a signature can make another for the same message. The version that this test was written with,
    1.5.1, refuses it, as do pycryptodome and cryptography.
    """
    keys, sigma, places, j = signature_with_room_in_its_hint(params)
    places[j].insert(0, places[j][0])
    forged = with_hint(params, sigma, places)
    assert forged != sigma
    assert ml_dsa.sig_decode(params, forged).h is None
    assert not ml_dsa.verify(params, keys.pk, MESSAGE, forged)
    assert not pycryptodome_verifies(params, keys.pk, MESSAGE, forged, b"")
    assert not pyca_verifies(params, keys.pk, MESSAGE, forged, b"")


@each_parameter_set
def test_decreasing_hint_indices_are_refused(params: ParameterSet) -> None:
    keys, sigma, places, j = signature_with_room_in_its_hint(params)
    places[j].reverse()
    forged = with_hint(params, sigma, places)
    assert ml_dsa.sig_decode(params, forged).h is None
    assert not ml_dsa.verify(params, keys.pk, MESSAGE, forged)


@each_parameter_set
def test_non_zero_padding_of_the_hint_is_refused(params: ParameterSet) -> None:
    keys, sigma, places, _j = signature_with_room_in_its_hint(params)
    used = sum(map(len, places))
    for place in range(used, params.omega):
        forged = flip(sigma, 8 * (params.sig_size - params.omega - params.k + place))
        assert ml_dsa.sig_decode(params, forged).h is None
        assert not ml_dsa.verify(params, keys.pk, MESSAGE, forged)


@each_parameter_set
def test_counts_of_the_hint_beyond_omega_or_decreasing_are_refused(params: ParameterSet) -> None:
    keys, sigma, _places, _j = signature_with_room_in_its_hint(params)
    flat, ends = sigma[-params.omega - params.k : -params.k], sigma[-params.k :]
    increasing = bytes(range(params.omega))
    forgeries = {
        "last count above omega": (increasing, ends[:-1] + bytes([params.omega + 1])),
        "last count 255": (increasing, ends[:-1] + b"\xff"),
        "first count above omega, so the next one decreases": (flat, bytes([params.omega + 1]) + ends[1:]),
        "last count less than the one before": (flat, ends[:-1] + bytes([ends[-2] - 1])),
        "last count 0": (flat, ends[:-1] + b"\0"),
    }
    for name, (places, counts) in forgeries.items():
        forged = with_hint_bytes(params, sigma, places, counts)
        assert ml_dsa.sig_decode(params, forged).h is None, name
        assert not ml_dsa.verify(params, keys.pk, MESSAGE, forged), name
    # Counts that decrease, with nothing else wrong: what follows the last count is zero, each run increases.
    decreasing = {
        "down and up again": (b"\x01\x02", [2, 1] + [2] * (params.k - 2)),
        "down over the index 0": (b"\x00", [1] * (params.k - 1) + [0]),
    }
    for name, (start, counts_list) in decreasing.items():
        y = start.ljust(params.omega, b"\0") + bytes(counts_list)
        assert ml_dsa.hint_bit_unpack(params, y) is None, name
    # omega ones in increasing order are allowed as such
    full = ml_dsa.hint_bit_unpack(params, increasing + bytes([params.omega] * params.k))
    assert full is not None
    assert ml_dsa.number_of_ones(full) == params.omega


@settings(derandomize=True, deadline=None)
@given(st.data())
def test_every_hint_has_one_encoding(data: st.DataObject) -> None:
    """Whatever bytes hint_bit_unpack takes are those that hint_bit_pack gives."""
    params = data.draw(parameter_sets)
    each_count = st.integers(0, params.omega // params.k)
    counts = data.draw(st.lists(each_count, min_size=params.k, max_size=params.k))
    h = []
    for count in counts:
        places = data.draw(st.sets(st.integers(0, 255), min_size=count, max_size=count))
        h.append([int(i in places) for i in range(256)])
    y = ml_dsa.hint_bit_pack(params, h)
    assert ml_dsa.hint_bit_unpack(params, y) == h
    changed = bytearray(y)
    changed[data.draw(st.integers(0, len(y) - 1))] = data.draw(st.integers(0, 255))
    other = ml_dsa.hint_bit_unpack(params, bytes(changed))
    assert other is None or ml_dsa.hint_bit_pack(params, other) == changed


# The norm bound


@each_parameter_set
@pytest.mark.parametrize("sign", [1, -1])
def test_norm_bound_of_z_is_exact(params: ParameterSet, sign: int) -> None:
    """For the public key with t1 = 0 anyone can sign: any short z will do, with c_tilde to match.

    So a signature can be made that has nothing wrong but one coefficient of z at the bound gamma1 - beta.
    """
    pk = bytes(params.pk_size)
    M_prime = ml_dsa.format_message(MESSAGE, b"")
    mu = ml_dsa.message_representative(ml_dsa.H(pk, 64), M_prime)
    A_hat = ml_dsa.expand_a(params, bytes(32))
    no_hint = [[0] * 256 for _ in range(params.k)]
    verdicts = []
    for coefficient in (params.gamma1 - params.beta - 1, params.gamma1 - params.beta):
        z = [[0] * 256 for _ in range(params.l)]
        z[-1][-1] = sign * coefficient
        w = ml_dsa.vector_ntt_inverse(ml_dsa.matrix_vector_ntt(A_hat, ml_dsa.vector_ntt(z)))
        w1 = [ml_dsa.high_bits(params, f) for f in w]
        c_tilde = ml_dsa.H(mu + ml_dsa.w1_encode(params, w1), params.c_tilde_size)
        verdicts.append(ml_dsa.verify(params, pk, MESSAGE, ml_dsa.sig_encode(params, c_tilde, z, no_hint)))
    assert verdicts == [True, False]


@pytest.mark.parametrize("norm", [95231, 95232])
def test_norm_bound_of_ct0_is_exact(norm: int) -> None:
    """Algorithm 7, line 28: below gamma2 an attempt is good, at gamma2 it is not. The witness is dilithium-py.

    t0 plays no part before that line, so that one can be made for the challenge of the first attempt.
    """
    keys, _sigma = SIGNED[ML_DSA_44]
    good = ml_dsa.sk_decode(ML_DSA_44, keys.sk)
    zero = [[0] * 256 for _ in range(ML_DSA_44.k)]
    M = next(M for M in (b"%d" % i for i in range(100)) if len(attempts(good, zero, M)) == 1)
    [c] = attempts(good, zero, M)
    # The coefficient of x^255 in c * f is the sum of c[i] * f[255 - i]: here all 39 terms are positive.
    share, more = divmod(norm, ML_DSA_44.tau)
    places = [i for i, x in enumerate(c) if x]
    t0 = [list(f) for f in zero]
    for number, i in enumerate(places):
        t0[0][255 - i] = c[i] * (share + (number < more))
    assert ml_dsa.infinity_norm(ml_dsa.challenge_times(c, t0)) == norm
    sk = ml_dsa.sk_encode(ML_DSA_44, good.rho, good.K, good.tr, good.s1, good.s2, t0)
    sigma = ml_dsa.sign(ML_DSA_44, sk, M, rnd=DETERMINISTIC)
    assert sigma == DILITHIUM_PY[ML_DSA_44].sign(sk, M, deterministic=True)
    challenge = ml_dsa.sample_in_ball(ML_DSA_44, sigma[: ML_DSA_44.c_tilde_size])
    assert (challenge == c) is (norm < 95232)


def attempts(good: ml_dsa.PrivateKey, t0: list[Poly], M: bytes) -> list[Poly]:
    """The challenges of the attempts at a signature by a key with this t0."""
    challenges = []

    def sample_in_ball(params: ParameterSet, rho: bytes) -> Poly:
        challenges.append(original(params, rho))
        return challenges[-1]

    original = ml_dsa.sample_in_ball
    sk = ml_dsa.sk_encode(ML_DSA_44, good.rho, good.K, good.tr, good.s1, good.s2, t0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ml_dsa, "sample_in_ball", sample_in_ball)
        ml_dsa.sign(ML_DSA_44, sk, M, rnd=DETERMINISTIC)
    return challenges


# Bad input


@each_parameter_set
def test_signature_of_wrong_length_is_false(params: ParameterSet) -> None:
    keys, sigma = SIGNED[params]
    for wrong in (b"", sigma[:-1], sigma + b"\0", sigma * 2):
        assert not ml_dsa.verify(params, keys.pk, MESSAGE, wrong)
        assert not ml_dsa.verify_mu(params, keys.pk, bytes(64), wrong)


@each_parameter_set
def test_wrong_lengths_raise(params: ParameterSet) -> None:
    keys, sigma = SIGNED[params]
    for wrong in (keys.pk[:-1], keys.pk + b"\0", b""):
        with pytest.raises(LengthError, match=f"pk must be {params.pk_size} bytes"):
            ml_dsa.verify(params, wrong, MESSAGE, sigma)
        with pytest.raises(LengthError):
            ml_dsa.verify_mu(params, wrong, bytes(64), sigma)
    for wrong in (keys.sk[:-1], keys.sk + b"\0", b""):
        with pytest.raises(LengthError, match=f"sk must be {params.sk_size} bytes"):
            ml_dsa.sign(params, wrong, MESSAGE)
        with pytest.raises(LengthError):
            ml_dsa.sign_mu(params, wrong, bytes(64), DETERMINISTIC)
    for wrong in (b"", bytes(31), bytes(33)):
        with pytest.raises(LengthError, match="rnd must be 32 bytes"):
            ml_dsa.sign(params, keys.sk, MESSAGE, rnd=wrong)
        with pytest.raises(LengthError, match="rnd must be 32 bytes"):
            ml_dsa.sign(params, keys.sk, MESSAGE, random_bytes=always(wrong))
        with pytest.raises(LengthError, match="xi must be 32 bytes"):
            ml_dsa.keygen_internal(params, wrong)
        with pytest.raises(LengthError, match="xi must be 32 bytes"):
            ml_dsa.keygen(params, always(wrong))
    for wrong in (b"", bytes(63), bytes(65)):
        with pytest.raises(LengthError, match="mu must be 64 bytes"):
            ml_dsa.sign_mu(params, keys.sk, wrong, DETERMINISTIC)
        with pytest.raises(LengthError, match="mu must be 64 bytes"):
            ml_dsa.verify_mu(params, keys.pk, wrong, sigma)
    with pytest.raises(LengthError, match=f"^sigma must be {params.sig_size} bytes, not {params.sig_size - 1}$"):
        ml_dsa.sig_decode(params, sigma[1:])
    with pytest.raises(LengthError, match=f"^y must be {params.omega + params.k} bytes, not 7$"):
        ml_dsa.hint_bit_unpack(params, bytes(7))
    with pytest.raises(LengthError, match=r"^v must be 320 bytes, not 319$"):
        ml_dsa.simple_bit_unpack(bytes(319), 1023)
    with pytest.raises(LengthError, match=f"^pk must be {params.pk_size} bytes, not 1$"):
        ml_dsa.pk_decode(params, b"1")
    with pytest.raises(LengthError, match=f"^sk must be {params.sk_size} bytes, not 1$"):
        ml_dsa.sk_decode(params, b"1")


@each_parameter_set
def test_context_of_256_bytes_is_refused(params: ParameterSet) -> None:
    keys, sigma = SIGNED[params]
    with pytest.raises(ContextError, match=r"^ctx must be at most 255 bytes, not 256$"):
        ml_dsa.sign(params, keys.sk, MESSAGE, ctx=bytes(256))
    with pytest.raises(ContextError, match=r"^ctx must be at most 255 bytes, not 256$"):
        ml_dsa.verify(params, keys.pk, MESSAGE, sigma, ctx=bytes(256))


def test_keys_of_another_parameter_set_are_refused() -> None:
    keys, sigma = SIGNED[ML_DSA_65]
    with pytest.raises(LengthError):
        ml_dsa.verify(ML_DSA_87, keys.pk, MESSAGE, sigma)
    with pytest.raises(LengthError):
        ml_dsa.sign(ML_DSA_44, keys.sk, MESSAGE)


@each_parameter_set
@pytest.mark.parametrize("polynomial", ["first of s1", "last of s2"])
def test_secret_out_of_range_is_refused(params: ParameterSet, polynomial: str) -> None:
    keys, _sigma = SIGNED[params]
    start = 128 if polynomial == "first of s1" else 128 + (params.l + params.k - 1) * params.s_poly_size
    # The first coefficient encoded as 2 * eta + 1, which stands for -eta - 1.
    bits = (2 * params.eta).bit_length()
    first = keys.sk[start] >> bits << bits | 2 * params.eta + 1
    sk = keys.sk[:start] + bytes([first]) + keys.sk[start + 1 :]
    with pytest.raises(KeyCheckError, match=r"^sk has a coefficient of s1 or s2 outside -eta \.\. eta$"):
        ml_dsa.sign(params, sk, MESSAGE)


def key_that_never_signs() -> bytes:
    """With every coefficient of t0 at a bound nearly all hints of ML-DSA-44 have more than omega ones."""
    keys, _sigma = SIGNED[ML_DSA_44]
    good = ml_dsa.sk_decode(ML_DSA_44, keys.sk)
    choices = Random(1)
    t0 = [[choices.choice([-4095, 4096]) for _ in range(256)] for _ in range(ML_DSA_44.k)]
    return ml_dsa.sk_encode(ML_DSA_44, good.rho, good.K, good.tr, good.s1, good.s2, t0)


@pytest.mark.bulk
def test_key_that_never_signs_is_given_up() -> None:
    with pytest.raises(KeyCheckError, match="no signature in 814 attempts"):
        ml_dsa.sign(ML_DSA_44, key_that_never_signs(), MESSAGE, rnd=DETERMINISTIC)


def test_every_attempt_has_masks_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Algorithm 7, lines 5, 11 and 32: kappa is 0 at first and l more in the next attempt; here after three of them."""
    kappas = []

    def expand_mask(params: ParameterSet, rho: bytes, mu: int) -> list[Poly]:
        kappas.append(mu)
        return original(params, rho, mu)

    original = ml_dsa.expand_mask
    monkeypatch.setattr(ml_dsa, "expand_mask", expand_mask)
    monkeypatch.setattr(ml_dsa, "MAX_ATTEMPTS", 3)
    with pytest.raises(KeyCheckError, match=r"^sk gives no signature in 3 attempts$"):
        ml_dsa.sign(ML_DSA_44, key_that_never_signs(), MESSAGE, rnd=DETERMINISTIC)
    assert kappas == [0, 4, 8]


@each_parameter_set
def test_repr_hides_the_private_key(params: ParameterSet) -> None:
    keys, _sigma = SIGNED[params]
    decoded = ml_dsa.sk_decode(params, keys.sk)
    shown = f"{keys!r} {keys} {[keys]} {decoded!r} {decoded} {[decoded]}"
    assert len(shown) < 400
    assert repr(keys) == f"KeyPair(pk=<{params.pk_size} bytes>, sk=<hidden>)"
    assert repr(decoded) == "PrivateKey(<hidden>)"
    for secret in (decoded.K, decoded.tr, keys.sk[128:140]):
        assert repr(secret)[2:-1] not in shown
        assert secret.hex() not in shown


@each_parameter_set
def test_randomness_comes_from_the_caller_and_is_used(params: ParameterSet) -> None:
    asked: list[int] = []

    def random_bytes(length: int) -> bytes:
        asked.append(length)
        return bytes([len(asked)]) * length

    keys = ml_dsa.keygen(params, random_bytes)
    assert keys == ml_dsa.keygen_internal(params, b"\x01" * 32)
    first = ml_dsa.sign(params, keys.sk, MESSAGE, random_bytes=random_bytes)
    second = ml_dsa.sign(params, keys.sk, MESSAGE, random_bytes=random_bytes)
    assert asked == [32, 32, 32]
    assert first == ml_dsa.sign(params, keys.sk, MESSAGE, rnd=b"\x02" * 32)
    assert first != second
    # by default hedged with the system's randomness
    assert ml_dsa.sign(params, keys.sk, MESSAGE) != ml_dsa.sign(params, keys.sk, MESSAGE)
    assert ml_dsa.keygen(params) != ml_dsa.keygen(params)


@each_parameter_set
def test_no_context_is_the_empty_one(params: ParameterSet) -> None:
    keys, _sigma = SIGNED[params]
    sigma = ml_dsa.sign(params, keys.sk, MESSAGE, rnd=DETERMINISTIC)
    assert pyca_verifies(params, keys.pk, MESSAGE, sigma, b"")
    assert ml_dsa.verify(params, keys.pk, MESSAGE, sigma)
    assert not ml_dsa.verify(params, keys.pk, MESSAGE, sigma, b"\0")


def test_parameter_sets_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        ML_DSA_65.omega = 256  # type: ignore[misc]


# Auxiliary algorithms against their definitions


def naive_product(f: Poly, g: Poly) -> Poly:
    """f * g modulo x^256 + 1, by the definition; signed and not reduced by q."""
    product = [0] * 256
    for i, a in enumerate(f):
        for j, b in enumerate(g):
            if i + j < 256:
                product[i + j] += a * b
            else:
                product[i + j - 256] -= a * b
    return product


def random_poly(seed: int, low: int = 0, high: int = q - 1) -> Poly:
    choices = Random(seed)
    return [choices.randint(low, high) for _ in range(256)]


EDGE_POLYS = [[0] * 256, [1] + [0] * 255, [0] * 255 + [1], [q - 1] * 256, random_poly(1), random_poly(2)]


@pytest.mark.parametrize("w", EDGE_POLYS)
def test_ntt_evaluates_at_the_roots(w: Poly) -> None:
    """Section 2.5: w_hat[i] = w(zeta^(2 * BitRev8(i) + 1))."""
    roots = [pow(1753, 2 * int(f"{i:08b}"[::-1], 2) + 1, q) for i in range(256)]
    assert ml_dsa.ntt(w) == [sum(x * pow(root, i, q) for i, x in enumerate(w)) % q for root in roots]
    assert ml_dsa.ntt_inverse(ml_dsa.ntt(w)) == w


def test_ntt_takes_any_integers_and_keeps_its_argument() -> None:
    w = random_poly(3, -(2**40), 2**40)
    before = list(w)
    w_hat = ml_dsa.ntt(w)
    assert w == before
    assert w_hat == ml_dsa.ntt([x % q for x in w])
    assert ml_dsa.ntt_inverse([x - 5 * q for x in w_hat]) == [x % q for x in w]


def test_bit_rev8_turns_eight_bits_round() -> None:
    pairs = [(0, 0), (0b1, 0b10000000), (0b11, 0b11000000), (0b10110000, 0b00001101), (0b01010111, 0b11101010)]
    for m, reverse in pairs:
        assert lanes.bit_rev8(m) == reverse
        assert lanes.bit_rev8(reverse) == m
    assert sorted(map(lanes.bit_rev8, range(256))) == list(range(256))


def test_zetas_are_those_of_appendix_b() -> None:
    assert lanes.ZETAS[1:9] == [4808194, 3765607, 3761513, 5178923, 5496691, 5234739, 5178987, 7778734]


def test_matrix_vector_ntt_against_naive_negacyclic_products() -> None:
    M = [[random_poly(10 * i + j) for j in range(3)] for i in range(2)]
    v = [random_poly(100), [q - 1] * 256, random_poly(101, -4, 4)]
    M_hat = [ml_dsa.vector_ntt(row) for row in M]
    expected = []
    for row in M:
        products = [naive_product(f, g) for f, g in zip(row, v, strict=True)]
        expected.append([sum(column) % q for column in zip(*products, strict=True)])
    assert ml_dsa.vector_ntt_inverse(ml_dsa.matrix_vector_ntt(M_hat, ml_dsa.vector_ntt(v))) == expected


def test_challenge_times_against_naive_negacyclic_products() -> None:
    """At the bounds of what 32 bits hold, the 60 ones of the challenge side by side or spread."""
    bound = 2**25 - 1
    challenges = [
        [1] * 60 + [0] * 196,
        [0] * 196 + [-1] * 60,
        [(-1) ** i if i % 5 == 0 else 0 for i in range(256)],
        ml_dsa.sample_in_ball(ML_DSA_87, b"seed"),
    ]
    v = [[bound] * 256, [-bound] * 256, [(-1) ** i * bound for i in range(256)], random_poly(5, -4095, 4096)]
    for c in challenges:
        assert ml_dsa.challenge_times(c, v) == [naive_product(c, f) for f in v]


def test_addition_and_signed_representatives() -> None:
    half = (q - 1) // 2
    v = [[0, 1, half, half + 1, q - 1] + [0] * 251]
    w = [[0, q - 1, half, half, 1] + [0] * 251]
    assert ml_dsa.add(v, w)[0][:5] == [0, 0, q - 1, 0, 0]
    assert ml_dsa.subtract(v, w)[0][:5] == [0, 2, 0, 1, q - 2]
    assert ml_dsa.negate(v)[0][:5] == [0, q - 1, half + 1, half, 1]
    assert ml_dsa.mod_pm_q(v)[0][:5] == [0, 1, half, -half, -1]
    assert ml_dsa.infinity_norm([[0, 3], [-4, 1]]) == 4
    assert ml_dsa.infinity_norm([[0, 3], [2, 1]]) == 3


def mod_pm(x: int, alpha: int) -> int:
    """Section 2.3: the representative in (-alpha/2, alpha/2]."""
    x %= alpha
    return x - alpha if x > alpha // 2 else x


def decompose_one(params: ParameterSet, r: int) -> tuple[int, int]:
    """Algorithm 36 as it stands, for one integer."""
    r_plus = r % q
    r0 = mod_pm(r_plus, 2 * params.gamma2)
    if r_plus - r0 == q - 1:
        return 0, r0 - 1
    return (r_plus - r0) // (2 * params.gamma2), r0


def rounding_edges(params: ParameterSet) -> list[int]:
    """Every multiple of gamma2 with its neighbours, both ends of 0 .. q-1, and random ones."""
    edges = {m + e for m in range(0, q + 1, params.gamma2) for e in (-2, -1, 0, 1, 2)}
    return sorted(edge for edge in edges if 0 <= edge < q) + random_poly(6)


@each_parameter_set
def test_decompose_against_its_definition(params: ParameterSet) -> None:
    r = rounding_edges(params)
    r1, r0 = ml_dsa.decompose(params, r)
    assert list(zip(r1, r0, strict=True)) == [decompose_one(params, x) for x in r]
    assert ml_dsa.high_bits(params, r) == r1
    assert ml_dsa.low_bits(params, r) == r0
    # The wrap: q - 1 is 0 of the next round, less one.
    assert ml_dsa.decompose(params, [q - 1, q - 1 - params.gamma2, 0]) == (
        [0, (q - 1) // (2 * params.gamma2) - 1, 0], [-1, params.gamma2, 0]
    )  # fmt: skip


@each_parameter_set
def test_make_hint_and_use_hint_against_their_definitions(params: ParameterSet) -> None:
    """MakeHint by the definition; UseHint gives the high bits of r + z for |z| up to gamma2."""
    r = rounding_edges(params)
    choices = Random(7)
    random_z = [choices.randint(-params.gamma2, params.gamma2) for _ in r]
    for z in (random_z, [params.gamma2] * len(r), [0] * len(r)):
        [h] = ml_dsa.make_hint(params, [z], [r])
        high = [decompose_one(params, x + y)[0] for x, y in zip(r, z, strict=True)]
        assert h == [int(decompose_one(params, x)[0] != b) for x, b in zip(r, high, strict=True)]
        assert ml_dsa.use_hint(params, h, r) == high


@each_parameter_set
def test_use_hint_against_its_definition(params: ParameterSet) -> None:
    r = rounding_edges(params)
    m = (q - 1) // (2 * params.gamma2)
    expected = []
    for x in r:
        r1, r0 = decompose_one(params, x)
        expected.append((r1 + 1) % m if r0 > 0 else (r1 - 1) % m)
    assert ml_dsa.use_hint(params, [1] * len(r), r) == expected
    assert ml_dsa.use_hint(params, [0] * len(r), r) == [decompose_one(params, x)[0] for x in r]


def test_power2round_against_its_definition() -> None:
    r = [0, 1, 4095, 4096, 4097, 8191, 8192, 12288, 12289, q - 4097, q - 4096, q - 1, *random_poly(8)]
    r1, r0 = ml_dsa.power2round(r)
    assert r0 == [mod_pm(x, 8192) for x in r]
    assert r1 == [(x - mod_pm(x, 8192)) // 8192 for x in r]


def pack_bit_by_bit(w: Poly, bits: int) -> bytes:
    """Algorithms 9, 12 and 16 as they stand: the bits of all coefficients, eight to a byte."""
    stream = [x >> i & 1 for x in w for i in range(bits)]
    return bytes(sum(bit << i for i, bit in enumerate(stream[j : j + 8])) for j in range(0, len(stream), 8))


@pytest.mark.parametrize("b", [1, 15, 43, 1023, 8191, (1 << 20) - 1])
def test_simple_bit_pack(b: int) -> None:
    for w in ([0] * 256, [b] * 256, [b, 0] * 128, random_poly(b, 0, b)):
        v = ml_dsa.simple_bit_pack(w, b)
        assert v == pack_bit_by_bit(w, b.bit_length())
        assert ml_dsa.simple_bit_unpack(v, b) == w


@pytest.mark.parametrize(("a", "b"), [(2, 2), (4, 4), (4095, 4096), (2**17 - 1, 2**17), (2**19 - 1, 2**19)])
def test_bit_pack(a: int, b: int) -> None:
    for w in ([0] * 256, [-a] * 256, [b] * 256, [-a, b] * 128, random_poly(a, -a, b)):
        v = ml_dsa.bit_pack(w, a, b)
        assert v == pack_bit_by_bit([b - x for x in w], (a + b).bit_length())
        assert ml_dsa.bit_unpack(v, a, b) == w


def test_bit_unpack_of_values_that_bit_pack_does_not_give() -> None:
    assert ml_dsa.bit_unpack(b"\xff" * 96, 2, 2) == [2 - 7] * 256
    assert ml_dsa.bit_unpack(b"\xff" * 128, 4, 4) == [4 - 15] * 256


@each_parameter_set
def test_keys_and_signatures_decode_and_encode_to_themselves(params: ParameterSet) -> None:
    keys, sigma = SIGNED[params]
    assert ml_dsa.pk_encode(params, *ml_dsa.pk_decode(params, keys.pk)) == keys.pk
    assert ml_dsa.sk_encode(params, *ml_dsa.sk_decode(params, keys.sk)) == keys.sk
    c_tilde, z, h = ml_dsa.sig_decode(params, sigma)
    assert h is not None
    assert ml_dsa.sig_encode(params, c_tilde, z, h) == sigma


@each_parameter_set
def test_private_key_holds_what_the_standard_says(params: ParameterSet) -> None:
    """tr = H(pk), and t1 * 2^d + t0 = A * s1 + s2."""
    keys, _sigma = SIGNED[params]
    rho, _K, tr, s1, s2, t0 = ml_dsa.sk_decode(params, keys.sk)
    pk_rho, t1 = ml_dsa.pk_decode(params, keys.pk)
    assert rho == pk_rho
    assert tr == shake_256(keys.pk).digest(64)
    assert (len(s1), len(s2), len(t0), len(t1)) == (params.l, params.k, params.k, params.k)
    # one row of A, by the definition of the product
    row = [ml_dsa.ntt_inverse(f) for f in ml_dsa.expand_a(params, rho)[-1]]
    products = [naive_product(f, g) for f, g in zip(row, s1, strict=True)]
    t = [(sum(column) + e) % q for *column, e in zip(*products, s2[-1], strict=True)]
    assert t == [((high << 13) + low) % q for high, low in zip(t1[-1], t0[-1], strict=True)]


# Sampling, against plain loops over the bytes of the XOF


def sample_in_ball_bytewise(params: ParameterSet, seed: bytes) -> Poly:
    stream = iter(shake_256(seed).digest(2000))
    sign_bytes = [next(stream) for _ in range(8)]
    signs = [byte >> i & 1 for byte in sign_bytes for i in range(8)]
    c = [0] * 256
    for i in range(256 - params.tau, 256):
        j = next(stream)
        while j > i:
            j = next(stream)
        c[i] = c[j]
        c[j] = (-1) ** signs[i + params.tau - 256]
    return c


def rej_ntt_poly_bytewise(seed: bytes) -> Poly:
    stream = iter(shake_128(seed).digest(3000))
    a_hat: Poly = []
    while len(a_hat) < 256:
        b0, b1, b2 = next(stream), next(stream), next(stream)
        z = 65536 * (b2 - 128 if b2 > 127 else b2) + 256 * b1 + b0
        if z < q:
            a_hat.append(z)
    return a_hat


def rej_bounded_poly_bytewise(params: ParameterSet, seed: bytes) -> Poly:
    a: Poly = []
    for byte in shake_256(seed).digest(2000):
        for half in (byte % 16, byte // 16):
            if params.eta == 2 and half < 15:
                a.append(2 - half % 5)
            if params.eta == 4 and half < 9:
                a.append(4 - half)
    return a[:256]


@each_parameter_set
def test_sampling_is_the_same_in_small_pieces(params: ParameterSet, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first output of the XOF nearly always suffices; here it never does. The result is the same."""
    sampling: list[tuple[Callable[[bytes], Poly], Callable[[bytes], Poly], int]] = [
        (lambda s: ml_dsa.sample_in_ball(params, s), lambda s: sample_in_ball_bytewise(params, s), 8),
        (ml_dsa.rej_ntt_poly, rej_ntt_poly_bytewise, 3),
        (lambda s: ml_dsa.rej_bounded_poly(params, s), lambda s: rej_bounded_poly_bytewise(params, s), 1),
    ]
    squeeze = ml_dsa.squeeze
    for sample, bytewise, size in sampling:
        for number in range(20):
            seed = b"seed %d" % number
            expected = bytewise(seed)
            assert sample(seed) == expected
            with monkeypatch.context() as patch:
                patch.setattr(
                    ml_dsa,
                    "squeeze",
                    lambda xof, data, _first, _more, size=size: squeeze(xof, data, size, size),
                )
                assert sample(seed) == expected


class BadBeginning:
    """An XOF whose first 1344 bytes, 8 or 9 blocks, are all rejected: as 2^23 - 1, as 255 and as 15 and 15."""

    def __init__(self, xof: Callable[[bytes], Any], seed: bytes) -> None:
        self._rest = xof(seed).digest(3000)

    def digest(self, size: int) -> bytes:
        return (b"\xff" * 1344 + self._rest)[:size]


@each_parameter_set
def test_sampling_reads_on(params: ParameterSet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Algorithms 29 to 31 read the XOF for as long as it takes. No seed is known that needs more than a few blocks."""
    for module in (ml_dsa, sys.modules[__name__]):
        monkeypatch.setattr(module, "shake_128", partial(BadBeginning, shake_128))
        monkeypatch.setattr(module, "shake_256", partial(BadBeginning, shake_256))
    assert ml_dsa.rej_ntt_poly(b"seed") == rej_ntt_poly_bytewise(b"seed")
    assert ml_dsa.rej_bounded_poly(params, b"seed") == rej_bounded_poly_bytewise(params, b"seed")
    assert ml_dsa.sample_in_ball(params, b"seed") == sample_in_ball_bytewise(params, b"seed")


def test_squeeze_goes_on_without_end() -> None:
    pieces = ml_dsa.squeeze(ml_dsa.H, b"seed", 5, 3)
    joined = b"".join(next(pieces) for _ in range(100))
    assert joined == shake_256(b"seed").digest(5 + 99 * 3)


@each_parameter_set
def test_sample_in_ball_has_tau_coefficients_of_1_or_minus_1(params: ParameterSet) -> None:
    seen = set()
    for number in range(50):
        c = ml_dsa.sample_in_ball(params, b"%d" % number)
        assert len(c) == 256
        assert [abs(x) for x in c].count(1) == params.tau
        assert [abs(x) for x in c].count(0) == 256 - params.tau
        seen |= {i for i, x in enumerate(c) if x}
    assert seen == set(range(256))


def test_coeff_from_half_byte_is_the_table_of_the_standard() -> None:
    twos = [2, 1, 0, -1, -2]
    assert [ml_dsa.coeff_from_half_byte(2, b) for b in range(16)] == [*twos, *twos, *twos, None]
    fours = [4, 3, 2, 1, 0, -1, -2, -3, -4]
    assert [ml_dsa.coeff_from_half_byte(4, b) for b in range(16)] == fours + [None] * 7


def test_coeffs_from_byte_takes_the_lower_half_first() -> None:
    """Algorithm 31, lines 4 to 11; 15 is rejected if eta is 2, and 9 to 15 are if it is 4."""
    assert ml_dsa.coeffs_from_byte(2, 0x10) == [2, 1]
    assert ml_dsa.coeffs_from_byte(2, 0x3F) == [-1]
    assert ml_dsa.coeffs_from_byte(2, 0xF4) == [-2]
    assert ml_dsa.coeffs_from_byte(2, 0xFF) == []
    assert ml_dsa.coeffs_from_byte(4, 0x80) == [4, -4]
    assert ml_dsa.coeffs_from_byte(4, 0x69) == [-2]
    assert ml_dsa.coeffs_from_byte(4, 0x96) == [-2]
    assert ml_dsa.coeffs_from_byte(4, 0x99) == []


@each_parameter_set
def test_expansions_have_their_shapes_and_ranges(params: ParameterSet) -> None:
    A_hat = ml_dsa.expand_a(params, b"r" * 32)
    assert [len(row) for row in A_hat] == [params.l] * params.k
    # row r, column s from rho || s || r
    assert A_hat[1][2] == rej_ntt_poly_bytewise(b"r" * 32 + bytes([2, 1]))
    s1, s2 = ml_dsa.expand_s(params, b"s" * 64)
    assert (len(s1), len(s2)) == (params.l, params.k)
    assert s2[0] == rej_bounded_poly_bytewise(params, b"s" * 64 + bytes([params.l, 0]))
    assert {x for f in s1 + s2 for x in f} == set(range(-params.eta, params.eta + 1))
    y = ml_dsa.expand_mask(params, b"y" * 64, 0x1FF)
    assert len(y) == params.l
    bits = 18 if params is ML_DSA_44 else 20
    # nonce 0x1ff + 1, in two bytes, least significant first
    packed = pack_bit_by_bit([params.gamma1 - x for x in y[1]], bits)
    assert packed == shake_256(b"y" * 64 + b"\0\x02").digest(32 * bits)


SHORT, WHOLE = [1] * 255, [1] * 256

UNEQUAL: dict[str, Callable[[], object]] = {
    "simple_bit_pack": lambda: ml_dsa.simple_bit_pack(SHORT, 1),
    "make_hint": lambda: ml_dsa.make_hint(ML_DSA_44, [WHOLE], [WHOLE, WHOLE]),
    "use_hint, hints": lambda: ml_dsa.use_hint(ML_DSA_44, SHORT, WHOLE),
    "use_hint, polynomial": lambda: ml_dsa.use_hint(ML_DSA_44, WHOLE, SHORT),
    "lanes": lambda: lanes.join([SHORT, WHOLE]),
    "lanes, one polynomial": lambda: lanes.join([SHORT]),
    "lanes, long": lambda: lanes.join([[1] * 258]),
    "add, polynomials": lambda: ml_dsa.add([WHOLE], [SHORT]),
    "add, vectors": lambda: ml_dsa.add([WHOLE], [WHOLE, WHOLE]),
    "subtract, polynomials": lambda: ml_dsa.subtract([WHOLE], [SHORT]),
    "subtract, vectors": lambda: ml_dsa.subtract([WHOLE], [WHOLE, WHOLE]),
    "matrix_vector_ntt, vectors": lambda: ml_dsa.matrix_vector_ntt([[WHOLE, WHOLE]], [WHOLE]),
    "matrix_vector_ntt, polynomials": lambda: ml_dsa.matrix_vector_ntt([[WHOLE]], [SHORT]),
}


@pytest.mark.parametrize("function", UNEQUAL.values(), ids=UNEQUAL)
def test_what_does_not_fit_together_is_not_cut_to_fit(function: Callable[[], object]) -> None:
    """No coefficient is ever dropped in silence."""
    with pytest.raises((ValueError, struct.error), match=r"zip\(\) argument|pack expected|attempt to assign"):
        function()
