"""FIPS 203: published vectors, three libraries as witnesses, refusals, each auxiliary algorithm by itself."""

import gzip
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cache, partial
from hashlib import sha3_256, sha256, shake_128, shake_256
from itertools import count
from math import floor
from random import Random
from typing import Any, NamedTuple

import pytest
from Crypto.Hash import SHA3_256, SHA3_512, SHAKE256
from Crypto.PublicKey import MLKEM
from cryptography.hazmat.primitives.asymmetric.mlkem import (
    MLKEM768PrivateKey,
    MLKEM768PublicKey,
    MLKEM1024PrivateKey,
    MLKEM1024PublicKey,
)
from hypothesis import given, settings
from hypothesis import seed as seed_of_examples
from hypothesis import strategies as st
from kyber_py.ml_kem import ML_KEM_512 as KYBER_PY_512  # type: ignore[import-untyped]
from kyber_py.ml_kem import ML_KEM_768 as KYBER_PY_768
from kyber_py.ml_kem import ML_KEM_1024 as KYBER_PY_1024

from nen_ref.primitives import ml_kem
from nen_ref.primitives.errors import KeyCheckError, LengthError
from nen_ref.primitives.ml_kem import (
    ML_KEM_512,
    ML_KEM_768,
    ML_KEM_1024,
    PRF,
    Encapsulation,
    G,
    H,
    J,
    KeyPair,
    ParameterSet,
    base_case_multiply,
    binomial_bytes,
    binomial_table,
    byte_decode,
    byte_decode_vector,
    byte_encode,
    byte_encode_vector,
    check_ciphertext,
    check_decapsulation_key,
    check_encapsulation_key,
    compress,
    decaps,
    decaps_internal,
    decompress,
    encaps,
    encaps_internal,
    from_lanes,
    joins,
    k_pke_decrypt,
    k_pke_encrypt,
    k_pke_keygen,
    keygen,
    keygen_internal,
    multiply_matrix_vector,
    multiply_ntts,
    ntt,
    ntt_inverse,
    ntt_inverse_lanes,
    ntt_inverse_vector,
    ntt_lanes,
    ntt_vector,
    reduce_lanes,
    sample_lanes,
    sample_ntt,
    sample_poly_cbd,
    sample_vector,
    split_decapsulation_key,
    to_lanes,
)
from tests.primitives.vectors import EXTERNAL, Published, Walk, acvp, all_tests, wycheproof

PARAMETER_SETS = {params.name: params for params in (ML_KEM_512, ML_KEM_768, ML_KEM_1024)}
KYBER_PY = {ML_KEM_512: KYBER_PY_512, ML_KEM_768: KYBER_PY_768, ML_KEM_1024: KYBER_PY_1024}
PYCRYPTODOME = {params: MLKEM.ParamSet(params.name) for params in PARAMETER_SETS.values()}
# pyca/cryptography has no ML-KEM-512.
PYCA_FROM_SEED: dict[ParameterSet, Callable[[bytes], MLKEM768PrivateKey | MLKEM1024PrivateKey]] = {
    ML_KEM_768: MLKEM768PrivateKey.from_seed_bytes,
    ML_KEM_1024: MLKEM1024PrivateKey.from_seed_bytes,
}
PYCA_PUBLIC_KEY: dict[ParameterSet, Callable[[bytes], MLKEM768PublicKey | MLKEM1024PublicKey]] = {
    ML_KEM_768: MLKEM768PublicKey.from_public_bytes,
    ML_KEM_1024: MLKEM1024PublicKey.from_public_bytes,
}

every_parameter_set = pytest.mark.parametrize("params", PARAMETER_SETS.values(), ids=PARAMETER_SETS.keys())

ACVP_RELEASE = "FIPS203, 1.1.0.40"

q = 3329


class Case(NamedTuple):
    """A key pair of fixed seeds, and an encapsulation for it."""

    ek: bytes
    dk: bytes
    K: bytes
    c: bytes


@cache
def case(params: ParameterSet) -> Case:
    pair = keygen_internal(params, b"d" * 32, b"z" * 32)
    return Case(*pair, *encaps_internal(params, pair.ek, b"m" * 32))


def get_coefficient(encoded: bytes, index: int) -> int:
    """The 12 bits of coefficient `index` of encoded polynomials."""
    return int.from_bytes(encoded, "little") >> 12 * index & 0xFFF


def with_coefficient(encoded: bytes, index: int, value: int) -> bytes:
    """`encoded` with other 12 bits at coefficient `index`."""
    number = int.from_bytes(encoded, "little")
    number ^= (get_coefficient(encoded, index) ^ value) << 12 * index
    return number.to_bytes(len(encoded), "little")


def flip(data: bytes, index: int, bits: int = 1) -> bytes:
    """`data` with these bits of one byte inverted."""
    changed = bytearray(data)
    changed[index] ^= bits
    return bytes(changed)


def given_bytes(*answers: bytes) -> Callable[[int], bytes]:
    """A source of randomness that gives these answers, and must be asked for their lengths."""
    remaining = iter(answers)

    def random_bytes(size: int) -> bytes:
        answer = next(remaining)
        assert len(answer) == size
        return answer

    return random_bytes


# Published vectors -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "table_2", "table_3"),
    [
        ("ML-KEM-512", (2, 3, 2, 10, 4), (800, 1632, 768)),
        ("ML-KEM-768", (3, 2, 2, 10, 4), (1184, 2400, 1088)),
        ("ML-KEM-1024", (4, 2, 2, 11, 5), (1568, 3168, 1568)),
    ],
)
def test_parameter_sets(name: str, table_2: tuple[int, ...], table_3: tuple[int, ...]) -> None:
    """FIPS 203, section 8."""
    params = PARAMETER_SETS[name]
    assert (params.k, params.eta1, params.eta2, params.du, params.dv) == table_2
    assert (params.ek_size, params.dk_size, params.ct_size) == table_3
    made = case(params)
    assert (len(made.ek), len(made.dk), len(made.c), len(made.K)) == (*table_3, 32)


def wycheproof_tests(walk: Walk, name: str) -> Iterator[tuple[ParameterSet, dict[str, Any]]]:
    """Every test of the file with its parameter set."""
    published = wycheproof("Protocol", name)
    for group, test in walk(published, all_tests(published)):
        assert test["result"] in ("valid", "invalid"), test["tcId"]
        yield PARAMETER_SETS[group["parameterSet"]], test


@pytest.mark.bulk
@pytest.mark.parametrize("name", ["mlkem_512_test.json", "mlkem_768_test.json", "mlkem_1024_test.json"])
def test_wycheproof(name: str, walk: Walk) -> None:
    """Key generation from a seed, and decapsulation. What is invalid is the length of the seed or of c."""
    for params, test in wycheproof_tests(walk, name):
        seed, c = bytes.fromhex(test["seed"]), bytes.fromhex(test["c"])
        if len(seed) != 64:
            assert test["result"] == "invalid", test["tcId"]
            with pytest.raises(LengthError):
                keygen_internal(params, seed[:32], seed[32:])
            continue
        ek, dk = keygen_internal(params, seed[:32], seed[32:])
        assert ek.hex() == test["ek"], test["tcId"]
        if test["result"] == "valid":
            assert decaps(params, dk, c).hex() == test["K"], test["tcId"]
        else:
            with pytest.raises(LengthError):
                decaps(params, dk, c)


@pytest.mark.bulk
@pytest.mark.parametrize(
    "name", ["mlkem_512_encaps_test.json", "mlkem_768_encaps_test.json", "mlkem_1024_encaps_test.json"]
)
def test_wycheproof_encaps(name: str, walk: Walk) -> None:
    """Encapsulation with given randomness. What is invalid is the length of ek or a coefficient in it."""
    for params, test in wycheproof_tests(walk, name):
        ek, m = bytes.fromhex(test["ek"]), bytes.fromhex(test["m"])
        if test["result"] == "valid":
            expected = Encapsulation(bytes.fromhex(test["K"]), bytes.fromhex(test["c"]))
            assert encaps(params, ek, given_bytes(m)) == expected, test["tcId"]
        else:
            with pytest.raises(KeyCheckError if len(ek) == params.ek_size else LengthError):
                encaps(params, ek, given_bytes(m))


@pytest.mark.parametrize(
    "name",
    [
        "mlkem_512_keygen_seed_test.json",
        "mlkem_768_keygen_seed_test.json",
        "mlkem_1024_keygen_seed_test.json",
    ],
)
def test_wycheproof_keygen_seed(name: str, walk: Walk) -> None:
    for params, test in wycheproof_tests(walk, name):
        assert test["result"] == "valid", test["tcId"]
        seed = bytes.fromhex(test["seed"])
        expected = KeyPair(bytes.fromhex(test["ek"]), bytes.fromhex(test["dk"]))
        assert keygen(params, given_bytes(seed[:32], seed[32:])) == expected, test["tcId"]


WYCHEPROOF_DECAPS_ERRORS = {
    "IncorrectCiphertextLength": LengthError,
    "IncorrectDecapsulationKeyLength": LengthError,
    "InvalidDecapsulationKey": KeyCheckError,
}


@pytest.mark.parametrize(
    "name",
    [
        "mlkem_512_semi_expanded_decaps_test.json",
        "mlkem_768_semi_expanded_decaps_test.json",
        "mlkem_1024_semi_expanded_decaps_test.json",
    ],
)
def test_wycheproof_semi_expanded_decaps(name: str, walk: Walk) -> None:
    """Decapsulation by a key in the form of algorithm 16."""
    for params, test in wycheproof_tests(walk, name):
        dk, c = bytes.fromhex(test["dk"]), bytes.fromhex(test["c"])
        if test["result"] == "valid":
            assert decaps(params, dk, c).hex() == test["K"], test["tcId"]
        else:
            (flag,) = test["flags"]
            with pytest.raises(WYCHEPROOF_DECAPS_ERRORS[flag]):
                decaps(params, dk, c)


def test_acvp_keygen(walk: Walk) -> None:
    published = acvp("ML-KEM-keyGen.json", ACVP_RELEASE)
    ran: Counter[str] = Counter()
    for group, test in walk(published, all_tests(published)):
        params = PARAMETER_SETS[group["parameterSet"]]
        d, z, ek, dk = (bytes.fromhex(test[field]) for field in ("d", "z", "ek", "dk"))
        assert keygen_internal(params, d, z) == KeyPair(ek, dk), test["tcId"]
        ran[params.name] += 1
    assert ran == {"ML-KEM-512": 25, "ML-KEM-768": 25, "ML-KEM-1024": 25}


def test_acvp_encap_decap(walk: Walk) -> None:
    published = acvp("ML-KEM-encapDecap.json", ACVP_RELEASE)
    ran: Counter[tuple[str, str]] = Counter()
    for group, test in walk(published, all_tests(published)):
        params, function = PARAMETER_SETS[group["parameterSet"]], group["function"]
        check_acvp(params, function, test)
        ran[params.name, function] += 1
    for name in PARAMETER_SETS:
        assert ran.pop((name, "encapsulation")) == 25
        assert ran.pop((name, "decapsulation")) == 10
        assert ran.pop((name, "encapsulationKeyCheck")) == 10
        assert ran.pop((name, "decapsulationKeyCheck")) == 10
    assert not ran


def check_acvp(params: ParameterSet, function: str, test: dict[str, Any]) -> None:
    value = {field: bytes.fromhex(test[field]) for field in ("ek", "dk", "c", "k", "m") if field in test}
    match function:
        case "encapsulation":
            made = encaps(params, value["ek"], given_bytes(value["m"]))
            assert made == Encapsulation(K=value["k"], c=value["c"]), test["tcId"]
        case "decapsulation":
            assert decaps(params, value["dk"], value["c"]) == value["k"], test["tcId"]
        case "encapsulationKeyCheck" if test["testPassed"]:
            check_encapsulation_key(params, value["ek"])
        case "encapsulationKeyCheck":
            # "Noisy linear system values too large": these keys are 416 bytes longer than a key.
            with pytest.raises(LengthError):
                check_encapsulation_key(params, value["ek"])
        case "decapsulationKeyCheck" if test["testPassed"]:
            check_decapsulation_key(params, value["dk"])
        case "decapsulationKeyCheck":
            with pytest.raises(KeyCheckError):
                check_decapsulation_key(params, value["dk"])
        case _:
            pytest.fail(f"unknown function {function}")


def test_cctv_modulus(walk: Walk) -> None:
    """Every key has one coefficient at or above q: all 768 of them, and all values up to 4095."""
    published = Published("C2SP CCTV", f"{EXTERNAL}/cctv/ML-KEM-768-modulus.txt.gz", "FIPS 203")
    lines = gzip.decompress(published.files[0].read_bytes()).split()
    for line in walk(published, lines):
        ek = bytes.fromhex(line.decode())
        with pytest.raises(KeyCheckError):
            check_encapsulation_key(ML_KEM_768, ek)
        with pytest.raises(KeyCheckError):
            encaps(ML_KEM_768, ek)
    assert len(lines) == 780


def test_cctv_strcmp(walk: Walk) -> None:
    """c and the re-encryption agree up to a zero byte."""
    published = Published("C2SP CCTV", f"{EXTERNAL}/cctv/ML-KEM-768-strcmp.txt", "FIPS 203")
    for text in walk(published, [published.text]):
        fields = dict(line.split(" = ") for line in text.splitlines())
        value = {name: bytes.fromhex(number) for name, number in fields.items()}
        assert value.keys() == {"dk", "c", "K"}
        assert decaps(ML_KEM_768, value["dk"], value["c"]) == value["K"]


def accumulated_digest(tests: int) -> str:
    """C2SP CCTV, accumulated ML-KEM vectors: one stream in, one digest of all results out."""
    stream = shake_128(b"").digest(tests * (32 + 32 + 32 + 1088))
    position = 0

    def read(size: int) -> bytes:
        nonlocal position
        position += size
        return stream[position - size : position]

    results = shake_128()
    for _ in range(tests):
        ek, dk = keygen(ML_KEM_768, read)
        K, c = encaps(ML_KEM_768, ek, read)
        results.update(ek + dk + c + K + decaps(ML_KEM_768, dk, read(1088)))
        if tests <= 100:  # of thousands of right ciphertexts, test_external.py has the known answers
            assert decaps(ML_KEM_768, dk, c) == K
    return results.digest(32).hex()


ACCUMULATED = {
    100: "8d65b902f28edc683cebee2872962fd165a4d197c9e24ec74caa4470270df0b7",
    10_000: "f959d18d3d1180121433bf0e05f11e7908cf9d03edc150b2b07cb90bef5bc1c1",
}


@pytest.mark.bulk
def test_accumulated_100(walk: Walk) -> None:
    assert accumulated_digest(100) == ACCUMULATED[100]
    walk.accumulated("C2SP CCTV", "ML-KEM-768, FIPS 203", 100, ACCUMULATED[100])
    walk.accumulated("C2SP CCTV", "ML-KEM-768, FIPS 203", 10_000, ACCUMULATED[10_000], slow=True)


@pytest.mark.slow
def test_accumulated_10_000() -> None:
    assert accumulated_digest(10_000) == ACCUMULATED[10_000]


# Witnesses -------------------------------------------------------------------------------------------------

seeds = st.one_of(st.sampled_from([bytes(32), b"\xff" * 32]), st.binary(min_size=32, max_size=32))


def examples(n: int) -> settings:
    return settings(max_examples=n, derandomize=True, deadline=None)


@st.composite
def ciphertexts(draw: st.DrawFn, params: ParameterSet, c: bytes) -> bytes:
    """c itself, c with some bits inverted, or something that has nothing to do with it."""
    bit_flips = st.tuples(st.integers(0, params.ct_size - 1), st.integers(1, 255))
    kind = draw(st.sampled_from(["right", "tampered", "one bit", "first", "last", "zero", "ff", "random"]))
    match kind:
        case "right":
            return c
        case "tampered":
            for index, bits in draw(st.lists(bit_flips, min_size=1, max_size=20, unique_by=lambda f: f[0])):
                c = flip(c, index, bits)
            return c
        case "one bit":
            return flip(c, draw(st.integers(0, params.ct_size - 1)), 1 << draw(st.integers(0, 7)))
        case "first":
            return flip(c, 0)
        case "last":
            return flip(c, -1, 0x80)
        case "zero":
            return bytes(params.ct_size)
        case "ff":
            return b"\xff" * params.ct_size
        case _:
            return shake_256(draw(st.binary(max_size=8))).digest(params.ct_size)


class Ours(NamedTuple):
    """A key pair, an encapsulation for it, and what some ciphertext decapsulates to."""

    ek: bytes
    dk: bytes
    made: Encapsulation
    c: bytes
    K: bytes


def check_against_kyber_py(params: ParameterSet, seed: bytes, m: bytes, ours: Ours) -> None:
    kyber_py = KYBER_PY[params]
    assert (ours.ek, ours.dk) == kyber_py.key_derive(seed)
    assert ours.made == kyber_py._encaps_internal(ours.ek, m)
    assert kyber_py.decaps(ours.dk, ours.c) == ours.K


def check_against_pycryptodome(params: ParameterSet, seed: bytes, m: bytes, ours: Ours) -> None:
    key = MLKEM.construct(param_set=PYCRYPTODOME[params], seed=seed)
    assert (ours.ek, ours.dk) == (key.ek, key.expanded_dk)
    assert ours.made == key._encaps(m)
    assert key._decaps(ours.c) == ours.K


def check_against_pyca(params: ParameterSet, seed: bytes, m: bytes, ours: Ours) -> None:
    """This library takes no randomness: each side opens what the other has made."""
    private_key = PYCA_FROM_SEED[params](seed)
    assert ours.ek == private_key.public_key().public_bytes_raw()
    K, theirs = private_key.public_key().encapsulate()
    assert decaps(params, ours.dk, theirs) == K
    assert private_key.decapsulate(ours.c) == ours.K


class Witnesses(NamedTuple):
    """How many examples of a parameter set, and which of them the slower witnesses see, too."""

    examples: int
    kyber_py: int  # one in so many
    pyca: int


WITNESSES = {
    ML_KEM_512: Witnesses(300, kyber_py=3, pyca=0),
    ML_KEM_768: Witnesses(1000, kyber_py=3, pyca=2),
    ML_KEM_1024: Witnesses(300, kyber_py=3, pyca=2),
}


@pytest.mark.bulk
@pytest.mark.parametrize("part", range(2))  # so that two processes can share the work
@every_parameter_set
def test_witnesses(params: ParameterSet, part: int) -> None:
    """All see the same keys and ciphertexts, which ours computes once."""
    witnesses = WITNESSES[params]
    seen: Counter[str] = Counter()

    @examples(witnesses.examples // 2)
    @seed_of_examples(part)
    @given(seeds, seeds, seeds, st.data())
    def check(d: bytes, z: bytes, m: bytes, data: st.DataObject) -> None:
        ek, dk = keygen_internal(params, d, z)
        made = encaps(params, ek, given_bytes(m))
        c = data.draw(ciphertexts(params, made.c))
        ours = Ours(ek, dk, made, c, decaps(params, dk, c))
        assert (ours.K == made.K) == (c == made.c)
        check_against_pycryptodome(params, d + z, m, ours)
        turn = sha256(d + z + m).digest()[0] % 6  # of the example, so that one that fails does so again
        if turn % witnesses.kyber_py == 1:
            check_against_kyber_py(params, d + z, m, ours)
            seen["kyber-py"] += 1
        if witnesses.pyca and turn % witnesses.pyca == 1:
            check_against_pyca(params, d + z, m, ours)
            seen["pyca"] += 1
        seen["pycryptodome"] += 1

    check()
    assert seen["pycryptodome"] >= witnesses.examples // 2
    assert seen["kyber-py"] >= witnesses.examples // 8
    assert seen["pyca"] >= (witnesses.examples // 6 if witnesses.pyca else 0)


@pytest.mark.bulk
@every_parameter_set
@examples(60)
@given(st.data())
def test_kyber_py_decaps_by_any_coefficients(params: ParameterSet, data: st.DataObject) -> None:
    """The hash check does not cover dk_pke: whatever is there is reduced modulo q."""
    made = case(params)
    dk_pke = data.draw(
        st.one_of(
            st.sampled_from([bytes(params.dk_pke_size), b"\xff" * params.dk_pke_size]),
            st.binary(max_size=8).map(lambda seed: shake_256(seed).digest(params.dk_pke_size)),
        )
    )
    dk = dk_pke + made.dk[params.dk_pke_size :]
    c = data.draw(ciphertexts(params, made.c))
    assert decaps(params, dk, c) == KYBER_PY[params].decaps(dk, c)


@every_parameter_set
def test_decapsulation_key_is_reduced(params: ParameterSet) -> None:
    """A dk with x + q for every coefficient x that leaves room for it does what dk does."""
    made = case(params)
    dk = made.dk
    raised = 0
    for index in range(256 * params.k):
        x = get_coefficient(dk, index)
        if x + q < 4096:
            dk = with_coefficient(dk, index, x + q)
            raised += 1
    assert raised > 100
    assert decaps(params, dk, made.c) == made.K
    # This library decodes it, too.
    theirs = MLKEM.construct(param_set=PYCRYPTODOME[params], expanded_dk=dk)
    assert theirs._decaps(flip(made.c, 7)) == decaps(params, dk, flip(made.c, 7))


@pytest.mark.bulk
@every_parameter_set
@examples(200)
@given(st.data())
def test_modulus_check_agrees(params: ParameterSet, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, 256 * params.k - 1))
    value = data.draw(st.one_of(st.integers(q - 3, q + 3), st.integers(0, 4095)))
    ek = with_coefficient(case(params).ek, index, value)
    expected = value < q
    assert accepts(lambda: check_encapsulation_key(params, ek)) == expected
    assert accepts(lambda: MLKEM.construct(param_set=PYCRYPTODOME[params], ek=ek)) == expected
    if params in PYCA_PUBLIC_KEY:
        assert accepts(lambda: PYCA_PUBLIC_KEY[params](ek)) == expected


def accepts(take: Callable[[], object]) -> bool:
    try:
        take()
    except ValueError:
        return False
    return True


# Properties of the scheme ----------------------------------------------------------------------------------


@every_parameter_set
def test_fresh_randomness(params: ParameterSet) -> None:
    first, second = keygen(params), keygen(params)
    assert first.ek != second.ek
    one, two = encaps(params, first.ek), encaps(params, first.ek)
    assert one.K != two.K
    assert one.c != two.c
    assert decaps(params, first.dk, one.c) == one.K
    assert decaps(params, first.dk, two.c) == two.K
    assert decaps(params, second.dk, one.c) != one.K


@every_parameter_set
def test_implicit_rejection(params: ParameterSet) -> None:
    """Algorithm 18, lines 7 to 11: for a tampered c, K is SHAKE256(z || c)."""
    made = case(params)
    for c in (flip(made.c, 0), flip(made.c, -1, 0x80), bytes(params.ct_size), b"\xff" * params.ct_size):
        assert decaps(params, made.dk, c) == SHAKE256.new(b"z" * 32 + c).read(32)


@every_parameter_set
def test_k_pke(params: ParameterSet) -> None:
    """The component scheme by itself; algorithm 16, line 3, says where its key is in dk."""
    ek, dk = k_pke_keygen(params, b"d" * 32)
    made = case(params)
    assert ek == made.ek
    assert dk == made.dk[: params.dk_pke_size]
    for m in (bytes(32), b"\xff" * 32, bytes(range(32))):
        for r in (bytes(32), b"\xff" * 32):
            assert k_pke_decrypt(params, dk, k_pke_encrypt(params, ek, m, r)) == m


@every_parameter_set
def test_decapsulation_key_parts(params: ParameterSet) -> None:
    """Algorithm 16, line 3: dk is dk_pke || ek || H(ek) || z."""
    made = case(params)
    parts = split_decapsulation_key(params, made.dk)
    assert b"".join(parts) == made.dk
    assert parts.ek_pke == made.ek
    assert parts.h == sha3_256(made.ek).digest()
    assert parts.z == b"z" * 32


# Refusals --------------------------------------------------------------------------------------------------


WRONG_LENGTHS: list[Callable[[bytes], bytes]] = [
    lambda right: b"",
    lambda right: right[:-1],
    lambda right: right + b"\x00",
    lambda right: right + right,
]


@every_parameter_set
@pytest.mark.parametrize(
    ("function", "names"),
    [
        (keygen_internal, ("d", "z")),
        (encaps, ("ek",)),
        (encaps_internal, ("ek", "m")),
        (decaps, ("dk", "c")),
        (decaps_internal, ("dk", "c")),
        (check_encapsulation_key, ("ek",)),
        (check_decapsulation_key, ("dk",)),
        (check_ciphertext, ("c",)),
        (k_pke_keygen, ("d",)),
        (k_pke_encrypt, ("ek", "m", "r")),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_lengths(params: ParameterSet, function: Callable[..., object], names: tuple[str, ...]) -> None:
    made = case(params)
    values = {"d": b"d" * 32, "z": b"z" * 32, "m": b"m" * 32, "r": b"r" * 32, **made._asdict()}
    check_lengths(partial(function, params), {name: values[name] for name in names})


@every_parameter_set
def test_lengths_k_pke_decrypt(params: ParameterSet) -> None:
    made = case(params)
    check_lengths(partial(k_pke_decrypt, params), {"dk": made.dk[: params.dk_pke_size], "c": made.c})


@pytest.mark.parametrize("d", range(1, 13))
def test_lengths_byte_decode(d: int) -> None:
    check_lengths(partial(byte_decode, d=d), {"B": bytes(32 * d)})
    with pytest.raises(LengthError):
        byte_decode_vector(bytes(2 * 32 * d + 1), d)


@pytest.mark.parametrize("eta", [2, 3])
def test_lengths_sampling(eta: int) -> None:
    check_lengths(sample_ntt, {"B": bytes(34)})
    check_lengths(partial(sample_poly_cbd, eta=eta), {"B": bytes(64 * eta)})
    check_lengths(partial(PRF, b=0, eta=eta), {"s": bytes(32)})


def check_lengths(function: Callable[..., object], arguments: dict[str, bytes]) -> None:
    """The function takes these arguments, and none of another length; the error does not quote them."""
    function(**arguments)
    for name, right in arguments.items():
        for change in WRONG_LENGTHS:
            wrong = change(right)
            with pytest.raises(LengthError, match=f"^{name} must be {len(right)} bytes, not {len(wrong)}$"):
                function(**{**arguments, name: wrong})


@every_parameter_set
@pytest.mark.parametrize("size", [0, 31, 33])
def test_randomness_of_wrong_length(params: ParameterSet, size: int) -> None:
    with pytest.raises(LengthError, match=r"^d must be 32 bytes"):
        keygen(params, lambda _: bytes(size))
    answers = iter([bytes(32), bytes(size)])
    with pytest.raises(LengthError, match=r"^z must be 32 bytes"):
        keygen(params, lambda _: next(answers))
    with pytest.raises(LengthError, match=r"^m must be 32 bytes"):
        encaps(params, case(params).ek, lambda _: bytes(size))


@every_parameter_set
@pytest.mark.parametrize("value", [q, q + 1, 4095])
def test_modulus_check(params: ParameterSet, value: int) -> None:
    """In the first and the last coefficient of each polynomial; q - 1 is right there."""
    ek = case(params).ek
    for polynomial in range(params.k):
        for index in (256 * polynomial, 256 * polynomial + 255):
            check_encapsulation_key(params, with_coefficient(ek, index, q - 1))
            wrong = with_coefficient(ek, index, value)
            with pytest.raises(KeyCheckError):
                check_encapsulation_key(params, wrong)
            with pytest.raises(KeyCheckError):
                encaps(params, wrong, given_bytes())


@every_parameter_set
def test_hash_check(params: ParameterSet) -> None:
    made = case(params)
    start_of_ek, start_of_h, start_of_z = 384 * params.k, 768 * params.k + 32, 768 * params.k + 64
    for index in (start_of_ek, start_of_h - 1, start_of_h, start_of_z - 1):
        wrong = flip(made.dk, index)
        fault = r"^dk fails the hash check: its encapsulation key and the hash of it do not match$"
        with pytest.raises(KeyCheckError, match=fault):
            check_decapsulation_key(params, wrong)
        with pytest.raises(KeyCheckError):
            decaps(params, wrong, made.c)
    for index in (0, start_of_ek - 1, start_of_z, params.dk_size - 1):
        check_decapsulation_key(params, flip(made.dk, index))


@every_parameter_set
def test_repr_hides_secrets(params: ParameterSet) -> None:
    made = case(params)
    pair = KeyPair(made.ek, made.dk)
    assert repr(pair) == str(pair) == f"KeyPair(ek=<{params.ek_size} bytes>, dk=<hidden>)"
    encaps = Encapsulation(made.K, made.c)
    assert repr(encaps) == str(encaps) == f"Encapsulation(K=<hidden>, c=<{params.ct_size} bytes>)"
    assert repr(split_decapsulation_key(params, made.dk)) == "DecapsulationKey(<hidden>)"


# Auxiliary algorithms, against the standard's words in their slowest form ----------------------------------

EXTREMES = [[0] * 256, [1] * 256, [q - 1] * 256, [0, q - 1] * 128, [q - 1, 0] * 128]


def random_polynomials(n: int) -> list[list[int]]:
    random = Random(203)
    return EXTREMES + [[random.randrange(q) for _ in range(256)] for _ in range(n)]


def unit(index: int) -> list[int]:
    """The polynomial X^index."""
    return [int(i == index) for i in range(256)]


def bit_rev_7(r: int) -> int:
    return sum((r >> i & 1) << 6 - i for i in range(7))


@pytest.mark.parametrize("message", [b"", b"abc", bytes(range(256)) * 5])
def test_hash_functions(message: bytes) -> None:
    """Equations 4.4 and 4.5, against another implementation of FIPS 202."""
    assert H(message) == SHA3_256.new(message).digest()
    assert b"".join(G(message)) == SHA3_512.new(message).digest()
    assert [len(half) for half in G(message)] == [32, 32]
    assert J(message) == SHAKE256.new(message).read(32)


@pytest.mark.parametrize("eta", [2, 3])
@pytest.mark.parametrize("b", [0, 1, 255])
def test_prf(b: int, eta: int) -> None:
    """Equation 4.3."""
    assert PRF(b"s" * 32, b, eta) == SHAKE256.new(b"s" * 32 + bytes([b])).read(64 * eta)


@pytest.mark.parametrize("d", range(1, 13))
def test_byte_encode_and_decode(d: int) -> None:
    """Algorithms 3 to 6, bit by bit."""
    m = q if d == 12 else 1 << d
    random = Random(d)
    polynomials = [[0] * 256, [m - 1] * 256]
    polynomials += [[(m - 1) * x for x in unit(i)] for i in (0, 1, 127, 128, 254, 255)]
    polynomials += [[random.randrange(m) for _ in range(256)] for _ in range(20)]
    for F in polynomials:
        bits = [x >> j & 1 for x in F for j in range(d)]
        B = bytes(sum(bits[8 * i + j] << j for j in range(8)) for i in range(32 * d))
        assert byte_encode(F, d) == B
        assert byte_decode(B, d) == F
    assert byte_encode_vector(polynomials, d) == b"".join(byte_encode(F, d) for F in polynomials)
    assert byte_decode_vector(byte_encode_vector(polynomials, d), d) == polynomials


@pytest.mark.parametrize("d", range(1, 13))
def test_joins_are_eight_masks_and_shifts(d: int) -> None:
    """As texts of bits: in every pair of lanes the lower one is even, the upper one odd, both filled from below."""
    expected = []
    for n in range(8):
        width, used, pairs = 16 << n, d << n, 128 >> n
        lane, empty = "1" * used, "0" * (width - used)
        even, odd = empty + "0" * used + empty + lane, empty + lane + empty + "0" * used
        expected.append((int(even * pairs, 2), int(odd * pairs, 2), width - used))
    assert joins(d) == expected


def test_byte_decode_reduces_12_bits() -> None:
    """Algorithm 6: m is q if d is 12."""
    for first in range(0, 4096, 256):
        values = range(first, first + 256)
        B = sum(x << 12 * i for i, x in enumerate(values)).to_bytes(384, "little")
        assert byte_decode(B, 12) == [x % q for x in values]


def round_half_up(x: Fraction) -> int:
    """Section 2.3, the rounding of the standard."""
    return floor(x + Fraction(1, 2))


@pytest.mark.parametrize("d", range(1, 12))
def test_compress_and_decompress(d: int) -> None:
    """Equations 4.7 and 4.8 in rational numbers, for every integer there is."""
    every_x, every_y = list(range(q)), list(range(1 << d))
    assert compress(every_x, d) == [round_half_up(Fraction(1 << d, q) * x) % (1 << d) for x in every_x]
    assert decompress(every_y, d) == [round_half_up(Fraction(q, 1 << d) * y) for y in every_y]
    assert compress(decompress(every_y, d), d) == every_y


class Sampled(NamedTuple):
    a_hat: list[int]
    read: int  # bytes of the XOF


def sample_ntt_byte_by_byte(stream: bytes) -> Sampled:
    """Algorithm 7, three bytes at a time."""
    a_hat: list[int] = []
    for position in count(0, 3):
        C = stream[position : position + 3]
        for d in (C[0] + 256 * (C[1] % 16), C[1] // 16 + 16 * C[2]):
            if d < q and len(a_hat) < 256:
                a_hat.append(d)
        if len(a_hat) == 256:
            return Sampled(a_hat, position + 3)
    raise AssertionError


def test_sample_ntt() -> None:
    """Among these seeds are some that need more than three blocks of SHAKE128, 504 bytes."""
    long_reads = 0
    for number in range(1500):
        B = number.to_bytes(34, "big")
        expected = sample_ntt_byte_by_byte(shake_128(B).digest(2000))
        assert sample_ntt(B) == expected.a_hat
        long_reads += expected.read > 504
    assert long_reads >= 5


@pytest.mark.parametrize("blocks", [4, 5, 6, 100])
def test_sample_ntt_reads_on(blocks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """No seed is known that needs more than a few blocks: here the XOF begins with nothing below q."""
    stream = b"\xff" * (168 * blocks) + shake_128(b"").digest(2000)

    class Xof:
        def __init__(self, seed: bytes) -> None:
            assert seed == bytes(34)

        def digest(self, size: int) -> bytes:
            return stream[:size]

    monkeypatch.setattr(ml_kem, "shake_128", Xof)
    assert sample_ntt(bytes(34)) == sample_ntt_byte_by_byte(stream).a_hat


@pytest.mark.parametrize("eta", [2, 3])
def test_sample_poly_cbd(eta: int) -> None:
    """Algorithm 8, bit by bit."""
    size = 64 * eta
    for B in [bytes(size), b"\xff" * size, *(shake_256(bytes([i])).digest(size) for i in range(50))]:
        b = [byte >> j & 1 for byte in B for j in range(8)]
        f = []
        for i in range(256):
            x = sum(b[2 * i * eta + j] for j in range(eta))
            y = sum(b[2 * i * eta + eta + j] for j in range(eta))
            f.append((x - y) % q)
        assert sample_poly_cbd(B, eta) == f


def test_binomial_tables() -> None:
    """Algorithm 8 for two bits and two bits, by hand; for three and three, by counting ones."""
    by_hand = [0, 1, 1, 2, -1, 0, 0, 1, -1, 0, 0, 1, -2, -1, -1, 0]
    assert binomial_table(2) == [x % q for x in by_hand]
    sixes = [f"{bits:06b}" for bits in range(64)]
    assert binomial_table(3) == [(bits[3:].count("1") - bits[:3].count("1")) % q for bits in sixes]


def test_bit_rev_7_turns_seven_bits_round() -> None:
    pairs = [(0, 0), (0b1, 0b1000000), (0b11, 0b1100000), (0b1011000, 0b0001101), (0b0101011, 0b1101010)]
    for r, reverse in pairs:
        assert ml_kem.bit_rev_7(r) == reverse
        assert ml_kem.bit_rev_7(reverse) == r
    assert [ml_kem.bit_rev_7(r) for r in range(128)] == [bit_rev_7(r) for r in range(128)]


def ntt_by_definition(f: list[int]) -> list[int]:
    """Section 4.3: f modulo X^2 - gamma for each gamma = zeta^(2 BitRev_7(i) + 1)."""
    f_hat = []
    for i in range(128):
        gamma = pow(17, 2 * bit_rev_7(i) + 1, q)
        powers = [pow(gamma, j, q) for j in range(128)]
        for coefficients in (f[0::2], f[1::2]):
            f_hat.append(sum(x * power for x, power in zip(coefficients, powers, strict=True)) % q)
    return f_hat


@pytest.mark.bulk
def test_ntt() -> None:
    """Of every power of X, which determines a linear map, and of some polynomials."""
    for f in [unit(i) for i in range(256)] + random_polynomials(20):
        f_hat = ntt(f)
        assert f_hat == ntt_by_definition(f)
        assert ntt_inverse(f_hat) == f


@pytest.mark.bulk
def test_ntt_inverse() -> None:
    for f_hat in [unit(i) for i in range(256)] + random_polynomials(20):
        assert ntt_by_definition(ntt_inverse(f_hat)) == f_hat


def test_multiply_ntts() -> None:
    """The product in T_q is that in R_q = Z_q[X] / (X^256 + 1)."""
    polynomials = random_polynomials(10)
    for f, g in [*zip(polynomials, reversed(polynomials), strict=True), (polynomials[2], polynomials[2])]:
        h = [0] * 256
        for i, x in enumerate(f):
            for j, y in enumerate(g):
                if i + j < 256:
                    h[i + j] += x * y
                else:
                    h[i + j - 256] -= x * y
        assert ntt_inverse(multiply_ntts(ntt(f), ntt(g))) == [x % q for x in h]


def test_base_case_multiply() -> None:
    """(1 + 2 X) (3 + 4 X) = 3 + 10 X + 8 X^2; and with -1 for every coefficient, 1 + 2 X + X^2."""
    assert base_case_multiply([1, q - 1], [2, q - 1], [3, q - 1], [4, q - 1], [17, 3312]) == (
        [3 + 8 * 17, 1 + 3312],
        [10, 2],
    )


# In lanes: equal to the plain algorithms, and within the bounds that keep the lanes apart ----------------------

VECTORS = [
    [unit(i) for i in range(256)],
    *([f] for f in random_polynomials(5)),
    *(random_polynomials(20)[:n] for n in range(2, 8)),
    random_polynomials(20),
]
"""One polynomial, several, and more than any parameter set has; the extremes by themselves and side by side."""


@pytest.mark.parametrize("v", VECTORS, ids=lambda v: str(len(v)))
def test_lanes_there_and_back(v: list[list[int]]) -> None:
    x = to_lanes(v)
    assert lanes(x, 256 * len(v)) == [f[j] for j in range(256) for f in v]
    assert from_lanes(x, len(v)) == v


def test_from_lanes_reduces() -> None:
    random = Random(64)
    for most in (q, 1 << 32, 1 << 64):
        v = [[most - 1] * 256, [0] * 256, *([random.randrange(most) for _ in range(256)] for _ in range(3))]
        assert from_lanes(to_lanes(v), 5) == [[x % q for x in f] for f in v]


@pytest.mark.parametrize("v", VECTORS, ids=lambda v: str(len(v)))
def test_ntt_in_lanes(v: list[list[int]]) -> None:
    """All powers of X are among them, which determine a linear map; and no lane reaches the bound."""
    assert ntt_vector(v) == [ntt(f) for f in v]
    assert all(lane < 8 * q**5 < 2**62 for lane in lanes(ntt_lanes(to_lanes(v), len(v)), 256 * len(v)))


@pytest.mark.parametrize("v", VECTORS, ids=lambda v: str(len(v)))
def test_ntt_inverse_in_lanes(v: list[list[int]]) -> None:
    assert ntt_inverse_vector(v) == [ntt_inverse(f) for f in v]
    assert all(lane < 16 * q**5 < 2**63 for lane in lanes(ntt_inverse_lanes(to_lanes(v), len(v)), 256 * len(v)))


def lanes(x: int, n: int) -> list[int]:
    """The n lanes of x; fails if it is too large for them."""
    octets = x.to_bytes(8 * n, "little")
    return [int.from_bytes(octets[i : i + 8], "little") for i in range(0, len(octets), 8)]


def test_bounds_of_a_layer() -> None:
    """Both factors of a sum are positive, and together at most q: so a layer takes a bound B to q * B at most."""
    for z in ml_kem.ZETAS:
        assert 0 < z < q
        assert max(1 + z, 1 + (q - z), z + (q - z), 2) <= q
    assert 3303 * 2 * 8 * q**4 < 16 * q**5  # the lower half of the last layer of the inverse


MULTIPLES = [q * x + y for x in (0, 1, 2, 7, 8, 4095, 4096, q, q**2, q**3 - 1) for y in (0, 1, q - 1)]
POWERS = [2**i + x for i in range(1, 47) for x in (-1, 0, 1) if 2**i + x < q**4]


def test_reduce_lanes() -> None:
    """Edges of multiples of q and of powers of 2, where estimates are worst, and the greatest number there is."""
    random = Random(12)
    numbers = [*MULTIPLES, *POWERS, q**4 - 1, *(random.randrange(q**4) for _ in range(5000))]
    for neighbour in (0, q**4 - 1):
        every_number = [x for number in numbers for x in (number, neighbour)]
        x = int.from_bytes(b"".join([number.to_bytes(8, "little") for number in every_number]), "little")
        reduced = lanes(reduce_lanes(x, 64 * len(every_number)), len(every_number))
        assert all(lane < 8 * q for lane in reduced)
        assert [lane % q for lane in reduced] == [number % q for number in every_number]
        assert reduced == [number - q * ((number >> 12) * (2**40 // q) >> 28) for number in every_number]


def test_reduce_lanes_estimate() -> None:
    """The bounds in its docstring, in rational numbers."""
    m = 2**40 // q
    assert Fraction(2**12, q) + Fraction(q**4, 2**40) * (Fraction(2**40, q) - m) + 1 < 8
    assert (q**4 >> 12) * m < 2**64


@pytest.mark.parametrize("eta", [2, 3])
@pytest.mark.parametrize("counters", [range(1), range(3), range(3, 7), range(250, 256)])
def test_sample_lanes(counters: range, eta: int) -> None:
    for number in range(20):
        seed = number.to_bytes(32, "big")
        assert sample_lanes(seed, counters, eta) == to_lanes(sample_vector(seed, counters, eta))


@pytest.mark.parametrize("eta", [2, 3])
def test_binomial_bytes(eta: int) -> None:
    low, high = binomial_bytes(eta)
    assert [x + 256 * y for x, y in zip(low, high, strict=True)][: 4**eta] == binomial_table(eta)


@pytest.mark.parametrize("columns", [1, 2, 3, 4])
@pytest.mark.parametrize("rows", [1, 3, 4])
def test_multiply_matrix_vector(rows: int, columns: int) -> None:
    """Algorithm 11 for every element, summed; three columns are done in one pass."""
    polynomials = random_polynomials(30)
    random = Random(rows)
    for v in ([[q - 1] * 256] * columns, *(random.sample(polynomials, columns) for _ in range(8))):
        A = [random.sample(polynomials, columns) for _ in range(rows - 1)] + [[[q - 1] * 256] * columns]
        expected = []
        for row in A:
            products = [multiply_ntts(f, g) for f, g in zip(row, v, strict=True)]
            expected.append([sum(coefficients) % q for coefficients in zip(*products, strict=True)])
        assert multiply_matrix_vector(A, v) == expected


@pytest.mark.parametrize("index", [0, 1, 255, 256, 767])
def test_modulus_check_is_that_of_the_standard(index: int) -> None:
    """Section 7.2: test = ByteEncode_12(ByteDecode_12(ek)) and a comparison."""
    ek = case(ML_KEM_768).ek
    for value in range(4096):
        changed = with_coefficient(ek, index, value)
        i = index // 256 * 384
        assert (byte_encode(byte_decode(changed[i : i + 384], 12), 12) == changed[i : i + 384]) == (value < q)
        assert accepts(lambda ek=changed: check_encapsulation_key(ML_KEM_768, ek)) == (value < q)


SHORT, WHOLE = [1] * 255, [1] * 256

UNEQUAL: dict[str, Callable[[], object]] = {
    "ntt": lambda: ntt(SHORT),
    "ntt_inverse": lambda: ntt_inverse(SHORT),
    "ntt_vector": lambda: ntt_vector([SHORT]),
    "ntt_vector, long": lambda: ntt_vector([[1] * 258]),
    "ntt_vector, one of two": lambda: ntt_vector([WHOLE, SHORT]),
    "ntt_inverse_vector": lambda: ntt_inverse_vector([SHORT]),
    "base_case_multiply a0": lambda: base_case_multiply([1], [1, 1], [1, 1], [1, 1], [1, 1]),
    "base_case_multiply gamma": lambda: base_case_multiply([1, 1], [1, 1], [1, 1], [1, 1], [1]),
    "base_case_multiply, all but gamma": lambda: base_case_multiply([1], [1], [1], [1], [1, 1]),
    "add": lambda: ml_kem.add(SHORT, WHOLE),
    "subtract": lambda: ml_kem.subtract(WHOLE, SHORT),
    "add_vectors": lambda: ml_kem.add_vectors([WHOLE], [WHOLE, WHOLE]),
    "transpose": lambda: ml_kem.transpose([[WHOLE], [WHOLE, WHOLE]]),
    "inner_product": lambda: ml_kem.inner_product([WHOLE], [WHOLE, WHOLE]),
    "multiply_matrix_vector, columns": lambda: multiply_matrix_vector([[WHOLE, WHOLE]], [WHOLE] * 3),
    "multiply_matrix_vector, in the matrix": lambda: multiply_matrix_vector([[WHOLE, WHOLE, SHORT]], [WHOLE] * 3),
    "multiply_matrix_vector, in the vector": lambda: multiply_matrix_vector([[WHOLE] * 3], [WHOLE, SHORT, WHOLE]),
}


@pytest.mark.parametrize("function", UNEQUAL.values(), ids=UNEQUAL)
def test_what_does_not_fit_together_is_not_cut_to_fit(function: Callable[[], object]) -> None:
    """Polynomials are not checked (see the module), but no coefficient is ever dropped in silence."""
    not_to_fit = r"zip\(\) argument|index out of range|expected \d+ items|sequence of size|values to unpack"
    with pytest.raises((ValueError, IndexError, struct.error), match=not_to_fit):
        function()
