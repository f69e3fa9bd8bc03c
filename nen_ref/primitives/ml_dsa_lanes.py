"""FIPS 204 on whole vectors: all coefficients of a vector of polynomials in one integer.

Python adds, multiplies and shifts one integer of thousands of words in a small part of the time that it takes for
thousands of small integers. So a vector of n polynomials is held as one integer of 256 * n lanes, each of 64 bits:
lane n * i + j has coefficient i of polynomial j. What one operation does to the integer, it does to every lane.

This is right as long as no lane reaches into its neighbour. Sums, differences and products with one number are
right even where lanes are negative: the integer is the sum of coefficient * 2^(64 * lane). But whenever bits are
looked at (shifted to the right, masked, turned into bytes), all lanes are at least 0 and below 2^64. Each function
says what bounds it needs, what bounds it gives, and why its lanes stay within.

The functions are those of section 7 for whole vectors. `ml_dsa` and `ml_dsa_plain` have each of them plain, and the
tests compare the two.
"""

import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple, TypeAlias

from nen_ref.primitives.errors import LengthError

q = 8380417
"""Section 4, table 1: 2^23 - 2^13 + 1."""

LANE = 64
"""Bits of a lane."""

Lanes: TypeAlias = int
"""A vector of n polynomials in one integer."""

Blocks: TypeAlias = list[int]
"""The same cut into 256 integers of n lanes each: integer i has coefficient i of every polynomial."""


@lru_cache(maxsize=256)
def every(lanes: int, value: int = 1, width: int = LANE) -> Lanes:
    """`value` in each of so many lanes of `width` bits."""
    return value * (((1 << lanes * width) - 1) // ((1 << width) - 1))


CODES = {8: "b", 16: "h", 32: "i", LANE: "q"}
"""What `struct` calls a signed integer of so many bits."""


def join(v: Sequence[Sequence[int]], width: int = LANE) -> Lanes:
    """The lanes of a vector, of any sign; coefficients have to fit `width` bits with their sign."""
    n = len(v)
    flat = [0] * (256 * n)
    for j, f in enumerate(v):
        flat[j::n] = f
    packed = int.from_bytes(struct.pack(f"<{256 * n}{CODES[width]}", *flat), "little")
    # Two's complement to a signed sum: flip the sign bits, then take them off.
    sign_bits = every(256 * n, 1 << width - 1, width)
    return (packed ^ sign_bits) - sign_bits


def split(x: Lanes, n: int, width: int = LANE) -> list[list[int]]:
    """The n polynomials in these lanes: the inverse of `join`."""
    sign_bits = every(256 * n, 1 << width - 1, width)
    packed = ((x + sign_bits) ^ sign_bits).to_bytes(32 * width * n, "little")
    flat = struct.unpack(f"<{256 * n}{CODES[width]}", packed)
    return [list(flat[j::n]) for j in range(n)]


# Arithmetic modulo q


def mod_q(x: Lanes, n: int) -> Lanes:
    """The representatives in 0 .. q-1 of coefficients in -256 * q .. 256 * q.

    h * 2^23 + rest is rest + h * (2^13 - 1) modulo q, for q is 2^23 - (2^13 - 1). Here h is below 512, which
    leaves less than 2 * q. Then 2^63 - q is added, so that the top bit of the lane says where q is to be taken
    off.
    """
    lanes = 256 * n
    x += every(lanes, 256 * q)
    x -= (x >> 23 & every(lanes, 511)) * q
    too_large = x + every(lanes, (1 << 63) - q) >> 63 & every(lanes)
    return x - too_large * q


def norm_below(x: Lanes, n: int, bound: int) -> bool:
    """Section 2.3: whether the infinity norm is below the bound, for coefficients below 2^62 in absolute value.

    2^63 - bound + c reaches the top bit of its lane where c is the bound or more.
    """
    lanes = 256 * n
    room = every(lanes, (1 << 63) - bound)
    return not (room + x | room - x) & every(lanes, 1 << 63)


# Section 7.5: NTT

zeta = 1753
"""Section 4, table 1: a 512th root of unity modulo q."""


def bit_rev8(m: int) -> int:
    """Algorithm 43, BitRev8: the eight bits of m in reverse."""
    return int(f"{m:08b}"[::-1], 2)


ZETAS = [pow(zeta, bit_rev8(m), q) for m in range(256)]
"""Appendix B: zeta^BitRev8(m) mod q. Number 0 is not used."""

# Layer i of the standard, i = 0 .. 7, has 2^i blocks. Of each block, every coefficient of the upper half is
# multiplied by the same zeta: one multiplication of an integer. Every block is an integer of its own, and in the end
# there are 256 of them.
#
# A product by zeta is reduced by a multiple of q next to it, estimated from the factor floor(2^30 * zeta / q):
#
#     t = zeta * x - floor(x * floor(2^30 * zeta / q) / 2^30) * q
#
# The estimate is never more than zeta * x / q. It is less by x / 2^30 at most for the inner rounding, and by less than
# 1 for the outer one. So 0 <= t < q + q * x / 2^30.


class Factor(NamedTuple):
    """A number to multiply lanes with, and its quotient by q."""

    value: int
    quotient: int  # floor(2^30 * value / q), below 2^30


def factor(value: int) -> Factor:
    """The factor `value`, in 0 .. q-1."""
    return Factor(value, (value << 30) // q)


class Layer(NamedTuple):
    """What one layer needs; half a block has 128 * n / 2^i lanes."""

    half: int  # bits of half a block
    lower_half: int  # a mask of so many bits
    quotients: int  # the lower 34 bits of each lane, as a product shifted by 30 has them
    bias: int  # a multiple of q in each lane, added so that no difference is negative
    zetas: list[Factor]  # one for each block


def _layer(n: int, i: int, zetas: list[int], bias: int) -> Layer:
    lanes = (128 >> i) * n
    return Layer(
        half=LANE * lanes,
        lower_half=(1 << LANE * lanes) - 1,
        quotients=every(lanes, (1 << 34) - 1),
        bias=every(lanes, bias * q),
        zetas=[factor(z) for z in zetas],
    )


@lru_cache(maxsize=8)
def layers(n: int) -> list[Layer]:
    """Layers 0 to 7 for n polynomials."""
    return [_layer(n, i, ZETAS[1 << i : 2 << i], 2) for i in range(8)]


@lru_cache(maxsize=8)
def inverse_layers(n: int) -> list[Layer]:
    """Layers 7 to 0 for n polynomials: the zetas are negated and backwards, and the bias doubles."""
    zetas = [[q - z for z in reversed(ZETAS[1 << i : 2 << i])] for i in range(8)]
    return [_layer(n, i, zetas[i], INVERSE_BOUND << 7 - i) for i in reversed(range(8))]


INVERSE_BOUND = 5
"""Times q: what the coefficients that `ntt_inverse` takes are below."""


def ntt(x: Lanes, n: int) -> Blocks:
    """Algorithm 41, NTT, for coefficients above -q and below q. Gives coefficients in 0 .. 18 * q - 1.

    With q added they begin below 2 * q. Each layer adds less than 2 * q, for t is below 2 * q as long as x is below
    2^30, and 18 * q is below 2^28.
    """
    blocks = [x + every(256 * n, q)]
    for half, lower_half, quotients, bias, zetas in layers(n):
        halves = []
        for block, (z, quotient) in zip(blocks, zetas, strict=True):
            low, high = block & lower_half, block >> half
            t = high * z - (high * quotient >> 30 & quotients) * q
            halves.append(low + t)
            halves.append(low + bias - t)
        blocks = halves
    return blocks


F = factor(8347681)
"""256^-1 mod q."""


def ntt_inverse(blocks: Blocks, n: int) -> Lanes:
    """Algorithm 42, NTT^-1, for coefficients in 0 .. 5 * q - 1. Gives coefficients in 0 .. 11 * q - 1.

    Each layer doubles the bound, to 1280 * q at the end: the sum of two is below it, and so is t. As that is below
    2^33.4, a product with a quotient of 30 bits is below 2^64. The last t is below q + q * 1280 * q / 2^30, which is
    less than 11 * q.
    """
    for half, _, quotients, bias, zetas in inverse_layers(n):
        joined = []
        for low, high, (z, quotient) in zip(blocks[0::2], blocks[1::2], zetas, strict=True):
            x = low + bias - high
            t = x * z - (x * quotient >> 30 & quotients) * q
            joined.append(low + high | t << half)
        blocks = joined
    [x] = blocks
    return x * F.value - (x * F.quotient >> 30 & every(256 * n, (1 << 34) - 1)) * q


# Section 7.6: arithmetic under NTT

Columns: TypeAlias = list[Blocks]
"""A matrix of k rows as its columns, each a vector of k polynomials cut into blocks."""


def columns(polynomials: Sequence[Sequence[bytes]]) -> Columns:
    """A matrix out of its columns, whose polynomials are 256 words of 32 bits, least significant byte first."""
    found = []
    for column in polynomials:
        k = len(column)
        lanes = bytearray(2048 * k)
        # Words are moved, not read: the order of the bytes in the machine's own words does not matter.
        words = memoryview(lanes).cast("I")
        for row, polynomial in enumerate(column):
            words[2 * row :: 2 * k] = memoryview(polynomial).cast("I")
        found.append(cut(bytes(lanes), k))
    return found


def cut(lanes: bytes, n: int) -> Blocks:
    """The blocks of 256 * n lanes in bytes."""
    return [int.from_bytes(block, "little") for block in struct.unpack(f"{8 * n}s" * 256, lanes)]


RECIPROCAL = (1 << 23 + 29) // q
"""Of q, for 23 bits less and 29 bits more; below 2^30."""


def matrix_vector(matrix: Columns, v_hat: Blocks, k: int) -> Blocks:
    """Algorithm 48, MatrixVectorNTT: for a matrix below q and a vector below 18 * q. Gives less than 5 * q.

    A column times a coefficient of the vector is one multiplication. A sum of at most 7 products is below 126 * q^2,
    and so below 2^53. It is reduced by a multiple of q, which is estimated from the upper 30 bits: 2^23 * 2^29 / q,
    rounded down, times these. That is less than the quotient by 2 at most for the rounding, by less than 1.01 for the
    lower 23 bits, and by less than 1 for the end.
    """
    l = len(matrix)
    # Row i of this table are the coefficients i of the vector.
    flat = struct.unpack(f"<{256 * l}Q", b"".join([block.to_bytes(8 * l, "little") for block in v_hat]))
    sums = [0] * 256
    for s, column in enumerate(matrix):
        sums = [total + a * x for total, a, x in zip(sums, column, flat[s::l], strict=True)]
    upper = every(k, (1 << 30) - 1)
    quotients = every(k, (1 << 31) - 1)
    return [total - ((total >> 23 & upper) * RECIPROCAL >> 29 & quotients) * q for total in sums]


def multiply(matrix: Columns, x: Lanes, k: int) -> Lanes:
    """Algorithms 6, line 5, 7, line 12, and 8, line 9: NTT^-1(A_hat * NTT(x)), for coefficients as in `ntt`.

    Gives coefficients in 0 .. 11 * q - 1.
    """
    return ntt_inverse(matrix_vector(matrix, ntt(x, len(matrix)), k), k)


# The challenge times a vector. The standard does this by NTT, too; but the challenge is sparse, and in R_q x^i * f
# only moves coefficients: shifted copies are added and subtracted. As these numbers are small, so are their lanes.


class Narrow(NamedTuple):
    """A vector of n polynomials in lanes of `width` bits, 16 or 32, in the order of `Lanes`."""

    n: int
    width: int
    value: int

    def __repr__(self) -> str:
        return "Narrow(<hidden>)"


def narrow(v: Sequence[Sequence[int]], width: int) -> Narrow:
    """A vector in lanes of 16 or 32 bits."""
    return Narrow(len(v), width, join(v, width))


def challenge_times(c: Sequence[int], v: Narrow) -> Lanes:
    """c * v in R_q, for a challenge c; signed coefficients, not reduced by q.

    They have to be below 2^15 in absolute value if the lanes of v have 16 bits, and below 2^31 if 32.
    """
    n, width, value = v
    step = n * width  # bits of the coefficients of one power of x
    total = sum([value << i * step for i, sign in enumerate(c) if sign > 0])
    total -= sum([value << i * step for i, sign in enumerate(c) if sign < 0])
    # The upper 256 powers are those of x^256 = -1. With 2^(width - 1) in each no lane is negative when the
    # integer is cut, nor when it is turned into bytes.
    half, lanes = 1 << width - 1, 256 * n
    total += every(2 * lanes, half, width)
    size = lanes * width
    product = (total & (1 << size) - 1) - (total >> size) + every(lanes, half, width)
    # Into lanes of 64 bits. Words are moved, not read, as in `columns`.
    wide = bytearray(8 * lanes)
    code: Literal["h", "i"] = "h" if width == 16 else "i"
    memoryview(wide).cast(code)[:: LANE // width] = memoryview(product.to_bytes(size // 8, "little")).cast(code)
    return int.from_bytes(wide, "little") - every(lanes, half)


# Section 7.4: high-order and low-order bits and hints


class Rounded(NamedTuple):
    """A vector in two parts: high (`r1`) and low (`r0`, signed)."""

    r1: Lanes
    r0: Lanes


def power2round(r: Lanes, n: int, d: int) -> Rounded:
    """Algorithm 35, Power2Round, for coefficients in 0 .. q-1."""
    lanes = 256 * n
    r1 = r + every(lanes, (1 << d - 1) - 1) >> d & every(lanes, (1 << 23 - d) - 1)
    return Rounded(r1, r - (r1 << d))


def decompose(r: Lanes, n: int, gamma2: int) -> Rounded:
    """Algorithm 36, Decompose, for coefficients in 0 .. q-1.

    The division by 2 * gamma2 is a multiplication with floor(2^46 / (2 * gamma2)) + 1, which gives the quotient
    of numbers below 2^46 / (2 * gamma2), and that is above 2^26.
    """
    lanes, step = 256 * n, 2 * gamma2
    m = (q - 1) // step
    r1 = (r + every(lanes, gamma2 - 1)) * ((1 << 46) // step + 1) >> 46 & every(lanes, 63)
    # Line 3: where r1 is m it wraps to 0, and r0 is one less; m * step + 1 is q.
    wraps = r1 + every(lanes, 64 - m) >> 6 & every(lanes)
    r1 -= wraps * m
    return Rounded(r1, r - r1 * step - wraps * q)


def make_hint(z: Lanes, r: Lanes, n: int, gamma2: int) -> Lanes:
    """Algorithm 39, MakeHint: 1 where adding z to r changes the high bits, else 0. For r and r + z as in `mod_q`."""
    lanes = 256 * n
    r1 = decompose(mod_q(r, n), n, gamma2).r1
    v1 = decompose(mod_q(r + z, n), n, gamma2).r1
    # High bits are below 64: 63 more reach bit 6 unless they are alike.
    return (r1 ^ v1) + every(lanes, 63) >> 6 & every(lanes)


def use_hint(h: Lanes, r: Lanes, n: int, gamma2: int) -> Lanes:
    """Algorithm 40, UseHint, for a hint of ones and zeros and coefficients of r in 0 .. q-1."""
    lanes, m = 256 * n, (q - 1) // (2 * gamma2)
    r1, r0 = decompose(r, n, gamma2)
    # The top bit of 2^63 - 1 + r0 is set where r0 > 0.
    up = h & r0 + every(lanes, (1 << 63) - 1) >> 63
    # One less modulo m is m - 1 more. The sum is below 2 * m, and m at most 44.
    r1 += up + (h - up) * (m - 1)
    wraps = r1 + every(lanes, 128 - m) >> 7 & every(lanes)
    return r1 - wraps * m


# Section 7.1: conversion between data types
#
# The bits of the coefficients follow each other, least significant first, and fill the bytes in the same order:
# together they are one little-endian integer. From lanes that have room to spare to lanes without any, neighbours
# are joined: the odd lane moves down to where the even one ends. That makes half as many lanes, twice as wide
# and with twice as many bits used, and so on, until there is one.


class Joint(NamedTuple):
    """One step: the bits of the even lanes, those of the odd lanes, and how far the odd lanes move."""

    even: int
    odd: int
    shift: int


def word_width(bits: int) -> int:
    """The narrowest lanes for coefficients of so many bits, at most 31, and a sign."""
    return next(width for width in CODES if bits < width)


@lru_cache(maxsize=32)
def joints(bits: int) -> list[Joint]:
    """The eight steps from 256 lanes of `word_width(bits)` bits to one."""
    steps = []
    lanes, width, used = 256, word_width(bits), bits
    while lanes > 1:
        even = every(lanes // 2, (1 << used) - 1, 2 * width)
        steps.append(Joint(even, even << width, width - used))
        lanes, width, used = lanes // 2, 2 * width, 2 * used
    return steps


def pack_bits(x: Lanes, bits: int) -> bytes:
    """One polynomial, of coefficients of so many bits in lanes of `word_width(bits)`, as 32 * bits bytes."""
    for even, odd, shift in joints(bits):
        x = x & even | (x & odd) >> shift
    return x.to_bytes(32 * bits, "little")


def unpack_bits(v: bytes, bits: int) -> Lanes:
    """The inverse of `pack_bits`. Raises LengthError."""
    LengthError.check("v", v, 32 * bits)
    x = int.from_bytes(v, "little")
    for even, odd, shift in reversed(joints(bits)):
        x = x & even | x << shift & odd
    return x
