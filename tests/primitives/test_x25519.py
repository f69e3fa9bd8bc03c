"""RFC 7748, X25519: its vectors, Wycheproof, two libraries as witnesses, and the inputs that others refuse."""

from collections import Counter
from collections.abc import Iterator

import pytest
from Crypto.Protocol import DH
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from nen_ref.primitives.errors import LengthError
from nen_ref.primitives.suite import REFERENCE
from nen_ref.primitives.x25519 import (
    BASE_POINT,
    cswap,
    decode_scalar25519,
    decode_u_coordinate,
    encode_u_coordinate,
    montgomery_ladder,
    x25519,
)
from tests.primitives.vectors import Published, Walk, all_tests, c2sp_wycheproof, of_cryptography, records, wycheproof

RFC_7748 = of_cryptography("RFC", "RFC 7748", "asymmetric/X25519/rfc7748.txt")

P = 2**255 - 19
ZEROS = bytes(32)
ORDER_8 = (
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
)
LOW_ORDER = {
    "order 2": 0,
    "order 4": 1,
    "order 4 on the twist": P - 1,
    "order 8": ORDER_8[0],
    "order 8 too": ORDER_8[1],
}
"""The u-coordinates of all points of curve and twist whose order divides 8 (https://cr.yp.to/ecdh.html#validate)."""
SCALARS = [ZEROS, b"\xff" * 32, bytes(range(32)), bytes([8]) + ZEROS[1:]]


def little(number: int) -> bytes:
    return number.to_bytes(32, "little")


def encodings(u: int) -> list[bytes]:
    """Every 32 bytes that decode to u: as it is, plus p where that fits 255 bits, and both with the top bit."""
    return [little(n | top) for n in (u, u + P) if n < 2**255 for top in (0, 2**255)]


def pyca(k: bytes, u: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(k).exchange(X25519PublicKey.from_public_bytes(u))


def pycryptodome(k: bytes, u: bytes) -> bytes:
    private, public = DH.import_x25519_private_key(k), DH.import_x25519_public_key(u)
    return DH.key_agreement(static_priv=private, static_pub=public, kdf=bytes)


# What others have published --------------------------------------------------------------------------------


def test_rfc_7748(walk: Walk) -> None:
    """5.2: the two vectors, and the first iteration. The u of the second has its top bit set."""
    for case in walk(RFC_7748, list(records(RFC_7748.text))):
        k, u, output = (bytes.fromhex(case[field]) for field in ("input_scalar", "input_u", "output_u"))
        assert x25519(k, u) == output
        assert REFERENCE.x25519(k, u) == output


def test_rfc_7748_decoded() -> None:
    """5.2 prints the first vector's scalar and u-coordinate as numbers too."""
    k = bytes.fromhex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4")
    u = bytes.fromhex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c")
    scalar = 31029842492115040904895560451863089656472772604678260265531221036453811406496
    number = 34426434033919594451155107781188821651316167215306631574996226621102155684838
    assert decode_scalar25519(k) == scalar
    assert decode_u_coordinate(u) == number
    output = bytes.fromhex("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552")
    assert encode_u_coordinate(montgomery_ladder(scalar, number)) == output


ITERATED = {
    1: "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079",
    1000: "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51",
    1_000_000: "7c3911e0ab2586fd864497297e575e6f3bc601c0883c30df5f4dd2d24f665424",
}


def iterated() -> Iterator[bytes]:
    """5.2: k and u are 9; then k is the result, and u the k before, again and again."""
    k = u = BASE_POINT
    while True:
        k, u = x25519(k, u), k
        yield k


def after(iterations: int) -> str:
    return next(k for i, k in enumerate(iterated(), 1) if i == iterations).hex()


def test_rfc_7748_iterated_once() -> None:
    assert after(1) == ITERATED[1]


@pytest.mark.bulk
def test_rfc_7748_iterated_1000_times() -> None:
    assert after(1000) == ITERATED[1000]


@pytest.mark.slow
def test_rfc_7748_iterated_a_million_times() -> None:
    """Some twenty minutes of one processor."""
    assert after(1_000_000) == ITERATED[1_000_000]


def test_rfc_7748_diffie_hellman() -> None:
    """6.1: Alice and Bob."""
    a = bytes.fromhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")
    b = bytes.fromhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb")
    public_a = bytes.fromhex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a")
    public_b = bytes.fromhex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f")
    assert (REFERENCE.x25519_public(a), REFERENCE.x25519_public(b)) == (public_a, public_b)
    K = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"
    assert x25519(a, public_b).hex() == x25519(b, public_a).hex() == K


FLAGS_OF_WYCHEPROOF = {
    "EdgeCaseMultiplication": 394,
    "EdgeCasePrivateKey": 7,
    "EdgeCaseShared": 14,
    "Ktv": 3,
    "LowOrderPublic": 31,
    "NonCanonicalPublic": 19,
    "Normal": 1,
    "SmallPublicKey": 8,
    "SpecialPublicKey": 79,
    "Twist": 221,
    "ZeroSharedSecret": 31,
}


@pytest.mark.bulk
@pytest.mark.parametrize(
    "published",
    [c2sp_wycheproof("x25519_test.json"), wycheproof("Protocol", "x25519_test.json")],
    ids=lambda published: published.name,
)
def test_wycheproof(published: Published, walk: Walk) -> None:
    """A library may refuse what is "acceptable". The raw function refuses nothing: all of it is computed."""
    flags: Counter[str] = Counter()
    for _group, test in walk(published, all_tests(published)):
        shared = x25519(bytes.fromhex(test["private"]), bytes.fromhex(test["public"]))
        assert test["result"] in ("valid", "acceptable")
        assert shared.hex() == test["shared"], test["tcId"]
        assert (shared == ZEROS) == ("ZeroSharedSecret" in test["flags"]), test["tcId"]
        flags.update(test["flags"])
    assert flags == FLAGS_OF_WYCHEPROOF


# Clamping (decodeScalar25519) ------------------------------------------------------------------------------


def test_the_clamped_range() -> None:
    assert decode_scalar25519(ZEROS) == 2**254
    assert decode_scalar25519(b"\xff" * 32) == 2**255 - 8
    assert decode_scalar25519(little(8)) == 2**254 + 8


@given(st.binary(min_size=32, max_size=32))
def test_clamping_sets_and_clears_five_bits(k: bytes) -> None:
    number = int.from_bytes(k, "little")
    clamped = decode_scalar25519(k)
    assert clamped % 8 == 0
    assert 2**254 <= clamped < 2**255
    assert (clamped ^ number) & ~(0b111 | 0b11 << 254) == 0, "all other bits stay"


@pytest.mark.parametrize("bit", [0, 1, 2, 254, 255])
def test_a_bit_that_is_clamped_does_not_count(bit: int) -> None:
    k = bytes(range(100, 132))
    other = little(int.from_bytes(k, "little") ^ 1 << bit)
    assert x25519(other, BASE_POINT) == x25519(k, BASE_POINT) == pyca(other, BASE_POINT)


@pytest.mark.parametrize("bit", [3, 4, 128, 252, 253])
def test_a_bit_that_is_not_clamped_counts(bit: int) -> None:
    k = bytes(range(100, 132))
    other = little(int.from_bytes(k, "little") ^ 1 << bit)
    assert x25519(other, BASE_POINT) != x25519(k, BASE_POINT)
    assert x25519(other, BASE_POINT) == pyca(other, BASE_POINT)


# The u-coordinate (decodeUCoordinate, encodeUCoordinate) ---------------------------------------------------


def test_the_top_bit_is_ignored() -> None:
    u = little(123456789)
    with_top_bit = little(123456789 | 2**255)
    assert decode_u_coordinate(with_top_bit) == 123456789
    assert x25519(SCALARS[2], with_top_bit) == x25519(SCALARS[2], u) == pyca(SCALARS[2], with_top_bit)


@pytest.mark.parametrize("u", range(19))
def test_all_that_is_not_canonical(u: int) -> None:
    """There are 19: p to 2^255 - 1. Section 5 asks to accept them, and to take them modulo p."""
    assert decode_u_coordinate(little(P + u)) == u
    assert x25519(SCALARS[2], little(P + u)) == x25519(SCALARS[2], little(u))
    if u > 1:
        assert x25519(SCALARS[2], little(P + u)) == pyca(SCALARS[2], little(P + u))


def test_the_largest_canonical_one() -> None:
    assert decode_u_coordinate(little(P - 1)) == P - 1
    assert encode_u_coordinate(P - 1) == little(P - 1)
    assert encode_u_coordinate(P) == ZEROS
    assert encode_u_coordinate(2 * P + 5) == little(5)


# Points of low order, and of the twist ---------------------------------------------------------------------


@pytest.mark.parametrize("u", LOW_ORDER.values(), ids=LOW_ORDER)
@pytest.mark.parametrize("k", SCALARS, ids=lambda k: k.hex()[:8])
def test_low_order_gives_zeros_whatever_the_scalar(u: int, k: bytes) -> None:
    for encoded in encodings(u):
        assert x25519(k, encoded) == ZEROS
        for library in (pyca, pycryptodome):
            with pytest.raises(ValueError):
                library(k, encoded)


def test_how_many_encodings_of_low_order_there_are() -> None:
    assert [len(encodings(u)) for u in LOW_ORDER.values()] == [4, 4, 2, 2, 2]


@pytest.mark.parametrize("u", [2, 3, 4, 5, 6, 7, 8, 9, 10, P - 2, P - 3])
def test_neighbours_of_low_order_and_small_points(u: int) -> None:
    """Some on the curve, some on the twist: nothing tells them apart."""
    for k in SCALARS:
        assert x25519(k, little(u)) == pyca(k, little(u)) == pycryptodome(k, little(u)) != ZEROS


def test_both_curve_and_twist_are_among_them() -> None:
    """u is on the curve if u^3 + 486662 u^2 + u is a square, by Euler's criterion."""
    small = range(2, 11)
    on_curve = [u for u in small if pow(u**3 + 486662 * u**2 + u, (P - 1) // 2, P) == 1]
    assert on_curve == [4, 6, 7, 8, 9, 10]


# Two libraries ---------------------------------------------------------------------------------------------

octets = st.binary(min_size=32, max_size=32)
around = st.builds(
    lambda base, offset: little((base + offset) % 2**256),
    st.sampled_from([0, 2**253, 2**254, 2**255, P, 2 * P, *ORDER_8]),
    st.integers(-40, 40),
)


@pytest.mark.bulk
@settings(max_examples=500, derandomize=True, deadline=None)
@given(octets | around, octets | around)
def test_witnesses(k: bytes, u: bytes) -> None:
    assume(decode_u_coordinate(u) not in LOW_ORDER.values())
    assert x25519(k, u) == pyca(k, u) == pycryptodome(k, u)


@settings(max_examples=20, derandomize=True, deadline=None)
@given(octets, octets)
def test_both_sides_have_one_secret(a: bytes, b: bytes) -> None:
    public_a, public_b = REFERENCE.x25519_public(a), REFERENCE.x25519_public(b)
    assert x25519(a, public_b) == x25519(b, public_a) != ZEROS
    assert public_a == X25519PrivateKey.from_private_bytes(a).public_key().public_bytes_raw()


# Arguments -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_other_lengths(size: int) -> None:
    with pytest.raises(LengthError, match=f"^k must be 32 bytes, not {size}$"):
        x25519(bytes(size), BASE_POINT)
    with pytest.raises(LengthError, match=f"^u must be 32 bytes, not {size}$"):
        x25519(bytes(32), bytes(size))


def test_cswap() -> None:
    assert cswap(0, 5, 2**255) == (5, 2**255)
    assert cswap(1, 5, 2**255) == (2**255, 5)
