"""FIPS 204 as it stands: the algorithms that `ml_dsa` does in another arrangement, for the reader and the tests.

One bit, byte or coefficient at a time, in the order of the standard. The NTT, the rounding and the hints are not
here: `ml_dsa` has them plain, and `ml_dsa_lanes` for whole vectors. The tests hold the two forms of each against
the other.
"""

from collections.abc import Sequence
from itertools import chain

from nen_ref.primitives.ml_dsa import (
    G,
    H,
    ParameterSet,
    Poly,
    Vector,
    coeff_from_half_byte,
    mod_pm_q,
    ntt,
    ntt_inverse,
    q,
    squeeze,
)

# Section 7.1: conversion between data types


def integer_to_bits(x: int, alpha: int) -> list[int]:
    """Algorithm 9, IntegerToBits: the lower `alpha` bits of x, least significant first."""
    return [x >> i & 1 for i in range(alpha)]


def bits_to_integer(y: Sequence[int]) -> int:
    """Algorithm 10, BitsToInteger: the inverse of `integer_to_bits`."""
    return sum(bit << i for i, bit in enumerate(y))


def bits_to_bytes(y: Sequence[int]) -> bytes:
    """Algorithm 12, BitsToBytes: eight bits to a byte, least significant first."""
    return bytes(bits_to_integer(y[i : i + 8]) for i in range(0, len(y), 8))


def bytes_to_bits(z: bytes) -> list[int]:
    """Algorithm 13, BytesToBits: the inverse of `bits_to_bytes`."""
    return [bit for byte in z for bit in integer_to_bits(byte, 8)]


def coeff_from_three_bytes(b0: int, b1: int, b2: int) -> int | None:
    """Algorithm 14, CoeffFromThreeBytes: a coefficient below q out of three bytes; None rejects them."""
    z = (b2 & 127) << 16 | b1 << 8 | b0
    if z < q:
        return z
    return None


def simple_bit_pack(w: Poly, b: int) -> bytes:
    """Algorithm 16, SimpleBitPack: coefficients in 0 .. b as 32 * bitlen(b) bytes."""
    return bits_to_bytes([bit for x in w for bit in integer_to_bits(x, b.bit_length())])


def bit_pack(w: Poly, a: int, b: int) -> bytes:
    """Algorithm 17, BitPack: coefficients in -a .. b as 32 * bitlen(a + b) bytes."""
    return simple_bit_pack([b - x for x in w], a + b)


def simple_bit_unpack(v: bytes, b: int) -> Poly:
    """Algorithm 18, SimpleBitUnpack: 256 coefficients out of 32 * bitlen(b) bytes."""
    bits, c = bytes_to_bits(v), b.bit_length()
    return [bits_to_integer(bits[i : i + c]) for i in range(0, len(bits), c)]


def bit_unpack(v: bytes, a: int, b: int) -> Poly:
    """Algorithm 19, BitUnpack: 256 coefficients out of 32 * bitlen(a + b) bytes."""
    return [b - x for x in simple_bit_unpack(v, a + b)]


# Section 7.3: pseudorandom sampling


def rej_ntt_poly(rho: bytes) -> Poly:
    """Algorithm 30, RejNTTPoly: a uniform element of T_q from a seed of 34 bytes."""
    stream = chain.from_iterable(squeeze(G, rho, 168, 168))
    a_hat: Poly = []
    while len(a_hat) < 256:
        z = coeff_from_three_bytes(next(stream), next(stream), next(stream))
        if z is not None:
            a_hat.append(z)
    return a_hat


def rej_bounded_poly(params: ParameterSet, rho: bytes) -> Poly:
    """Algorithm 31, RejBoundedPoly: coefficients uniform in -eta .. eta from a seed of 66 bytes."""
    stream = chain.from_iterable(squeeze(H, rho, 136, 136))
    a: Poly = []
    while len(a) < 256:
        z = next(stream)
        for half_byte in (z & 15, z >> 4):
            coefficient = coeff_from_half_byte(params.eta, half_byte)
            if coefficient is not None and len(a) < 256:
                a.append(coefficient)
    return a


# Algorithm 7, lines 2, 17 to 19 and 25: products with the challenge


def challenge_times(c: Poly, v: Vector) -> Vector:
    """c * v in R_q by NTT; for products below q / 2 in absolute value, signed."""
    c_hat = ntt(c)
    v_hat = [ntt(f) for f in v]
    products = [[a * b for a, b in zip(c_hat, f_hat, strict=True)] for f_hat in v_hat]
    return mod_pm_q([ntt_inverse(product) for product in products])
