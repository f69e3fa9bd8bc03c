"""ML-DSA in lanes against the same algorithms plain: at the edges of what they take, and for random values."""

from collections.abc import Sequence
from random import Random

import pytest

from nen_ref.primitives import ml_dsa, ml_dsa_plain
from nen_ref.primitives import ml_dsa_lanes as lanes
from nen_ref.primitives.ml_dsa import ML_DSA_44, ML_DSA_65, ML_DSA_87, ParameterSet, Poly, Vector, q

PARAMETER_SETS = [ML_DSA_44, ML_DSA_65, ML_DSA_87]
each_parameter_set = pytest.mark.parametrize("params", PARAMETER_SETS, ids=lambda params: params.name)
SIZES = [1, 4, 5, 6, 7, 8]
"""How many polynomials there are in a vector: k and l of the parameter sets, and one."""


@pytest.fixture(autouse=True)
def new_tables() -> None:
    """Tables that are kept are made anew: mutmut changes what makes them after they were first used."""
    for kept in (lanes.layers, lanes.inverse_layers, lanes.joints):
        kept.cache_clear()


def polynomials(low: int, high: int, seed: int = 0) -> Vector:
    """All at one end of the range, changing between the ends at every distance that the NTT knows, and random."""
    choices = Random(seed)
    edges = [[low] * 256, [high] * 256]
    for distance in (1, 2, 4, 8, 16, 32, 64, 128):
        edges.append([low if i & distance else high for i in range(256)])
        edges.append([high if i & distance else low for i in range(256)])
    few = [value for value in (low, low + 1, -1, 0, 1, high - 1, high) if low <= value <= high]
    edges += [[choices.choice(few) for _ in range(256)] for _ in range(4)]
    return edges + [[choices.randint(low, high) for _ in range(256)] for _ in range(20)]


def vectors(n: int, low: int, high: int) -> list[Vector]:
    """The same polynomials, n at a time; the last vector is made full with the first of them."""
    found = polynomials(low, high, n)
    found += found[: -len(found) % n]
    return [found[i : i + n] for i in range(0, len(found), n)]


def modulo_q(v: Sequence[Sequence[int]]) -> Vector:
    return [[x % q for x in f] for f in v]


def blocks(v: Vector) -> lanes.Blocks:
    return [sum(f[i] << 64 * j for j, f in enumerate(v)) for i in range(256)]


def vector(cut: lanes.Blocks, n: int) -> Vector:
    return [[block >> 64 * j & (1 << 64) - 1 for block in cut] for j in range(n)]


def within(v: Vector, bound: int) -> bool:
    return all(0 <= x < bound for f in v for x in f)


# Lanes


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("width", [8, 16, 32, 64])
def test_a_vector_is_the_sum_of_its_coefficients(n: int, width: int) -> None:
    end = 1 << width - 1
    for v in vectors(n, -end, end - 1):
        x = lanes.join(v, width)
        assert x == sum(c << width * (n * i + j) for j, f in enumerate(v) for i, c in enumerate(f))
        assert lanes.split(x, n, width) == v


def test_every_lane_has_the_value() -> None:
    assert lanes.every(3) == 1 + (1 << 64) + (1 << 128)
    assert lanes.every(2, 5, 8) == 0x0505


@pytest.mark.parametrize("n", SIZES)
def test_mod_q(n: int) -> None:
    end = 256 * q
    choices = Random(n)
    near = [m * q + e for m in range(-256, 257) for e in (-1, 0, 1) if -end <= m * q + e <= end]
    for v in [*vectors(n, -end, end), [[choices.choice(near) for _ in range(256)] for _ in range(n)]]:
        assert lanes.split(lanes.mod_q(lanes.join(v), n), n) == modulo_q(v)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("bound", [1, 2, 261692, 524092, q])
def test_norm_below(n: int, bound: int) -> None:
    for place in (0, 1, 256 * n - 1):
        for value in (bound - 1, bound, 1 - bound, -bound, 1 << 62, -(1 << 62)):
            flat = [bound - 1 if i % 2 else 1 - bound for i in range(256 * n)]
            flat[place] = value
            v = [flat[j::n] for j in range(n)]
            assert lanes.norm_below(lanes.join(v), n, bound) is (ml_dsa.infinity_norm(v) < bound), (place, value)


# NTT


def test_what_the_lanes_have_to_hold() -> None:
    """The numbers of the docstrings: nothing reaches 2^64, and every quotient is estimated well enough."""
    most = (1 << 30) - 1  # of the quotient of a factor
    assert all(0 < zeta < q and lanes.factor(zeta).quotient <= most for zeta in lanes.ZETAS)
    # NTT: t < q + q * x / 2^30 is below 2 * q
    assert 18 * q < 1 << 28
    # NTT^-1: the bound before layer i is 5 * 2^i times q, and x is below twice that
    for i in range(8):
        bound = lanes.INVERSE_BOUND << i
        assert 2 * bound * q * most < 1 << 64
        assert q + q * (2 * bound * q) // (1 << 30) < 2 * bound * q
    end = lanes.INVERSE_BOUND << 8
    assert end == 1280
    assert end * q * most < 1 << 64
    assert q + q * (end * q) // (1 << 30) < 11 * q
    # MatrixVectorNTT
    assert max(params.l for params in PARAMETER_SETS) == 7
    assert 7 * (q - 1) * (18 * q - 1) < 1 << 53
    assert most * lanes.RECIPROCAL < 1 << 60


@pytest.mark.parametrize("n", SIZES)
def test_ntt(n: int) -> None:
    for v in vectors(n, 1 - q, q - 1):
        v_hat = vector(lanes.ntt(lanes.join(v), n), n)
        assert within(v_hat, 18 * q)
        assert modulo_q(v_hat) == ml_dsa.vector_ntt(v)


@pytest.mark.parametrize("n", SIZES)
def test_ntt_inverse(n: int) -> None:
    for v_hat in vectors(n, 0, 5 * q - 1):
        v = lanes.split(lanes.ntt_inverse(blocks(v_hat), n), n)
        assert within(v, 11 * q)
        assert modulo_q(v) == ml_dsa.vector_ntt_inverse(v_hat)


@pytest.mark.parametrize(("k", "l"), [(1, 1), (4, 4), (6, 5), (8, 7)])
def test_matrix_vector(k: int, l: int) -> None:
    entries = polynomials(0, q - 1, 1)
    for v_hat in vectors(l, 0, 18 * q - 1):
        M_hat = [[entries[(3 * row + 7 * s + v_hat[0][0]) % len(entries)] for s in range(l)] for row in range(k)]
        M_hat[0] = [[q - 1] * 256] * l
        columns = [blocks([row[s] for row in M_hat]) for s in range(l)]
        w_hat = vector(lanes.matrix_vector(columns, blocks(v_hat), k), k)
        assert within(w_hat, 5 * q)
        assert modulo_q(w_hat) == ml_dsa.matrix_vector_ntt(M_hat, v_hat)


@each_parameter_set
def test_multiply_by_the_matrix_of_a_key(params: ParameterSet) -> None:
    k, l = params.k, params.l
    A_hat = ml_dsa.expand_a(params, b"r" * 32)
    columns = ml_dsa.expand_a_columns(params, b"r" * 32)
    assert columns == [blocks([row[s] for row in A_hat]) for s in range(l)]
    for v in vectors(l, -params.gamma1, params.gamma1)[:6]:
        product = lanes.split(lanes.multiply(columns, lanes.join(v), k), k)
        expected = ml_dsa.vector_ntt_inverse(ml_dsa.matrix_vector_ntt(A_hat, ml_dsa.vector_ntt(v)))
        assert modulo_q(product) == expected


# The challenge


def challenges() -> list[Poly]:
    return [
        [1] * 60 + [0] * 196,
        [0] * 196 + [-1] * 60,
        [(-1) ** i if i % 5 == 0 else 0 for i in range(256)],
        *[ml_dsa.sample_in_ball(params, b"seed") for params in PARAMETER_SETS],
    ]


@pytest.mark.parametrize("n", [1, 5, 6, 8])
@pytest.mark.parametrize(("width", "bound"), [(16, 4), (16, 546), (32, 4096), (32, 60_000)])
def test_challenge_times(n: int, width: int, bound: int) -> None:
    """60 * 546 is the most that 16 bits hold, and 60 * 60 000 is less than q / 2, where NTT gives the very product."""
    for c in challenges():
        for v in vectors(n, -bound, bound)[:: 6 // n + 1]:
            product = lanes.split(lanes.challenge_times(c, lanes.narrow(v, width)), n)
            assert product == ml_dsa_plain.challenge_times(c, v)


def test_narrow_lanes_hide_what_they_hold() -> None:
    """They are secrets of the signer."""
    assert repr(lanes.narrow([[4] * 256], 16)) == "Narrow(<hidden>)"


# Rounding


def rounding_vectors(params: ParameterSet, n: int) -> list[Vector]:
    """Every multiple of gamma2 and of 2^12 with its neighbours, the ends of 0 .. q-1, and random ones."""
    steps = (params.gamma2, 1 << 12)
    edges = sorted({m + e for step in steps for m in range(0, q + 1, step) for e in (-1, 0, 1) if 0 <= m + e < q})
    edges += [0] * (-len(edges) % (256 * n))
    flat = [edges[i : i + 256] for i in range(0, len(edges), 256)]
    return vectors(n, 0, q - 1) + [flat[i : i + n] for i in range(0, len(flat), n)]


@each_parameter_set
def test_power2round_and_decompose(params: ParameterSet) -> None:
    n = params.k
    for r in rounding_vectors(params, n):
        powers = [ml_dsa.power2round(f) for f in r]
        t1, t0 = lanes.power2round(lanes.join(r), n, ml_dsa.d)
        assert lanes.split(t1, n) == [f.r1 for f in powers]
        assert lanes.split(t0, n) == [f.r0 for f in powers]
        parts = [ml_dsa.decompose(params, f) for f in r]
        r1, r0 = lanes.decompose(lanes.join(r), n, params.gamma2)
        assert lanes.split(r1, n) == [f.r1 for f in parts]
        assert lanes.split(r0, n) == [f.r0 for f in parts]


@each_parameter_set
def test_make_hint_and_use_hint(params: ParameterSet) -> None:
    n, gamma2 = params.k, params.gamma2
    choices = Random(5)
    for r in rounding_vectors(params, n):
        for end in (1, gamma2):
            z = [[choices.choice([-end, end, choices.randint(-end, end)]) for _ in f] for f in r]
            h = lanes.make_hint(lanes.join(z), lanes.join(r), n, gamma2)
            assert lanes.split(h, n) == ml_dsa.make_hint(params, z, r)
            assert h.bit_count() == ml_dsa.number_of_ones(lanes.split(h, n))
        for hints in ([[1] * 256] * n, [[0] * 256] * n, [[choices.randint(0, 1) for _ in f] for f in r]):
            used = lanes.use_hint(lanes.join(hints), lanes.join(r), n, gamma2)
            assert lanes.split(used, n) == [ml_dsa.use_hint(params, h, f) for h, f in zip(hints, r, strict=True)]


# Bits


@pytest.mark.parametrize("bits", range(1, 32))
def test_bits_of_every_size(bits: int) -> None:
    b = (1 << bits) - 1
    for w in polynomials(0, b, bits):
        v = ml_dsa_plain.simple_bit_pack(w, b)
        assert ml_dsa.simple_bit_pack(w, b) == v
        assert ml_dsa.simple_bit_unpack(v, b) == w == ml_dsa_plain.simple_bit_unpack(v, b)


@pytest.mark.parametrize(("a", "b"), [(2, 2), (4, 4), (4095, 4096), (2**17 - 1, 2**17), (2**19 - 1, 2**19)])
def test_signed_bits(a: int, b: int) -> None:
    for w in polynomials(-a, b, b):
        v = ml_dsa_plain.bit_pack(w, a, b)
        assert ml_dsa.bit_pack(w, a, b) == v
        assert ml_dsa.bit_unpack(v, a, b) == w == ml_dsa_plain.bit_unpack(v, a, b)


# Sampling


@pytest.mark.parametrize("places", [[], [0], [279], [255, 256], [0, 100, 279], list(range(280))])
def test_candidates_of_q_and_more_are_left_out(places: list[int]) -> None:
    for value in (q, q + 1, (1 << 23) - 1):
        candidates = [value if i in places else (q - 1, 0, 1, 4711)[i % 4] for i in range(280)]
        # the top bit is not looked at
        block = b"".join([(x | (i & 1) << 23).to_bytes(3, "little") for i, x in enumerate(candidates)])
        taken = ml_dsa.coeffs_from_three_bytes(block)
        triples = [block[i : i + 3] for i in range(0, len(block), 3)]
        expected = [z for b in triples if (z := ml_dsa_plain.coeff_from_three_bytes(*b)) is not None]
        assert taken == b"".join([z.to_bytes(4, "little") for z in expected])
        assert len(expected) == 280 - len(places)


def test_rejection_sampling_is_the_plain_one() -> None:
    """Of 300 polynomials of the matrix, about 70 have a candidate to leave out."""
    for number in range(300):
        seed = number.to_bytes(34, "little")
        assert ml_dsa.rej_ntt_poly(seed) == ml_dsa_plain.rej_ntt_poly(seed)
        for params in (ML_DSA_44, ML_DSA_65):
            assert ml_dsa.rej_bounded_poly(params, seed) == ml_dsa_plain.rej_bounded_poly(params, seed)


# Whole algorithms out of plain parts


@each_parameter_set
def test_a_key_out_of_plain_parts(params: ParameterSet) -> None:
    for xi in (bytes(32), b"\xff" * 32):
        keys = ml_dsa.keygen_internal(params, xi)
        seed = ml_dsa.H(xi + bytes([params.k, params.l]), 128)
        A_hat = ml_dsa.expand_a(params, seed[:32])
        s1, s2 = ml_dsa.expand_s(params, seed[32:96])
        t = ml_dsa.add(ml_dsa.vector_ntt_inverse(ml_dsa.matrix_vector_ntt(A_hat, ml_dsa.vector_ntt(s1))), s2)
        assert ml_dsa.pk_decode(params, keys.pk).t1 == [ml_dsa.power2round(f).r1 for f in t]
        assert ml_dsa.sk_decode(params, keys.sk).t0 == [ml_dsa.power2round(f).r0 for f in t]


@each_parameter_set
def test_attempts_out_of_plain_parts(params: ParameterSet) -> None:
    """Algorithm 7, lines 11 to 33, one polynomial after the other; the first attempts at three signatures."""
    keys = ml_dsa.keygen_internal(params, b"k" * 32)
    key = ml_dsa.sk_decode(params, keys.sk)
    A_hat = ml_dsa.expand_a(params, key.rho)
    seen: set[object] = set()
    for number in range(12):
        signing = ml_dsa.begin_signing(params, keys.sk, bytes([number]) * 64, ml_dsa.DETERMINISTIC)
        outcome = ml_dsa.attempt(params, signing, 0)
        assert outcome == plain_attempt(params, key, A_hat, signing)
        seen.add(type(outcome) if isinstance(outcome, bytes) else outcome)
    assert {ml_dsa.Rejection.Z_NORM, ml_dsa.Rejection.R0_NORM} <= seen


def plain_attempt(
    params: ParameterSet, key: ml_dsa.PrivateKey, A_hat: ml_dsa.Matrix, signing: ml_dsa.Signing
) -> bytes | ml_dsa.Rejection:
    y = ml_dsa.expand_mask(params, signing.rho_prime_prime, 0)
    w = ml_dsa.vector_ntt_inverse(ml_dsa.matrix_vector_ntt(A_hat, ml_dsa.vector_ntt(y)))
    w1 = [ml_dsa.high_bits(params, f) for f in w]
    c_tilde = ml_dsa.H(signing.mu + ml_dsa.w1_encode(params, w1), params.c_tilde_size)
    c = ml_dsa.sample_in_ball(params, c_tilde)
    z = ml_dsa.mod_pm_q(ml_dsa.add(y, ml_dsa_plain.challenge_times(c, key.s1)))
    if ml_dsa.infinity_norm(z) >= params.gamma1 - params.beta:
        return ml_dsa.Rejection.Z_NORM
    rest = ml_dsa.subtract(w, ml_dsa_plain.challenge_times(c, key.s2))
    if ml_dsa.infinity_norm([ml_dsa.low_bits(params, f) for f in rest]) >= params.gamma2 - params.beta:
        return ml_dsa.Rejection.R0_NORM
    ct0 = ml_dsa_plain.challenge_times(c, key.t0)
    if ml_dsa.infinity_norm(ct0) >= params.gamma2:
        return ml_dsa.Rejection.CT0_NORM
    h = ml_dsa.make_hint(params, ml_dsa.negate(ct0), ml_dsa.add(rest, ct0))
    if ml_dsa.number_of_ones(h) > params.omega:
        return ml_dsa.Rejection.HINT
    return ml_dsa.sig_encode(params, c_tilde, z, h)
