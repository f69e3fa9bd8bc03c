"""FIPS 203, ML-KEM: the module-lattice-based key-encapsulation mechanism.

Start with `keygen`, `encaps` and `decaps` (algorithms 19 to 21), which take and give bytes. They check their
input (section 7) and wrap `keygen_internal`, `encaps_internal` and `decaps_internal` (algorithms 16 to 18).
Those make the KEM out of a public-key encryption scheme, `k_pke_keygen`, `k_pke_encrypt` and `k_pke_decrypt`
(algorithms 13 to 15), where the lattice is. The rest are the auxiliary algorithms of section 4.

Every function carries the number and the name of its algorithm; what the standard writes as an index of the
name (d, eta) is the last argument. Where the standard defines a function on one integer and applies it to
each coefficient, ours takes the whole polynomial. A polynomial of R_q, or its NTT in T_q, is a list of 256
integers in 0 .. q-1; a vector is a list of polynomials. Arguments that are bytes are checked for their
length; polynomials are not checked.

K-PKE samples and transforms whole vectors in lanes of one integer (section "in lanes", below), which takes half the
time and less. Beside that stand the algorithms as the standard has them, for one polynomial: `sample_poly_cbd`, `ntt`
and `ntt_inverse`, and `inner_product` beside `multiply_matrix_vector`. Tests prove them equal.

Not constant-time: decapsulation leaks its key to anyone who can measure it.
"""

import os
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha3_256, sha3_512, shake_128, shake_256
from hmac import compare_digest
from typing import NamedTuple, TypeAlias

from nen_ref.primitives.errors import KeyCheckError, LengthError

Poly: TypeAlias = list[int]
Vector: TypeAlias = list[Poly]
Matrix: TypeAlias = list[Vector]

# Section 2.3: common to all parameter sets, and so is the degree of polynomials, 256.
q = 3329  # 2^8 * 13 + 1
zeta = 17  # a 256th root of unity modulo q

SEED_SIZE = 32
"""Bytes of d, z, m, rho, sigma, r and of the shared secret K."""


@dataclass(frozen=True)
class ParameterSet:
    """Section 8, table 2; sizes in bytes are those of table 3."""

    name: str
    k: int  # rows and columns of A
    eta1: int  # the secrets s and y are in -eta1 .. eta1, and so is the error e
    eta2: int  # the errors e1 and e2 are in -eta2 .. eta2
    du: int  # bits of a coefficient of u in the ciphertext
    dv: int  # bits of a coefficient of v in the ciphertext

    @property
    def ek_size(self) -> int:
        """Bytes of an encapsulation key: t_hat and rho."""
        return 384 * self.k + 32

    @property
    def dk_pke_size(self) -> int:
        """Bytes of a decryption key of K-PKE: s_hat."""
        return 384 * self.k

    @property
    def dk_size(self) -> int:
        """Bytes of a decapsulation key: dk of K-PKE, ek, H(ek) and z."""
        return 768 * self.k + 96

    @property
    def ct_size(self) -> int:
        """Bytes of a ciphertext: c1 (u compressed) and c2 (v compressed)."""
        return 32 * (self.du * self.k + self.dv)


ML_KEM_512 = ParameterSet("ML-KEM-512", k=2, eta1=3, eta2=2, du=10, dv=4)
ML_KEM_768 = ParameterSet("ML-KEM-768", k=3, eta1=2, eta2=2, du=10, dv=4)
ML_KEM_1024 = ParameterSet("ML-KEM-1024", k=4, eta1=2, eta2=2, du=11, dv=5)


class KeyPair(NamedTuple):
    """An encapsulation key `ek` (public) and its decapsulation key `dk`; K-PKE's keys likewise."""

    ek: bytes
    dk: bytes

    def __repr__(self) -> str:
        return f"KeyPair(ek=<{len(self.ek)} bytes>, dk=<hidden>)"


class Encapsulation(NamedTuple):
    """A shared secret `K` of 32 bytes and the ciphertext `c` of `ct_size` bytes that transports it."""

    K: bytes
    c: bytes

    def __repr__(self) -> str:
        return f"Encapsulation(K=<hidden>, c=<{len(self.c)} bytes>)"


# Section 7: the ML-KEM key-encapsulation mechanism


def keygen(params: ParameterSet, random_bytes: Callable[[int], bytes] = os.urandom) -> KeyPair:
    """Algorithm 19, ML-KEM.KeyGen: `ek_size` and `dk_size` bytes.

    `random_bytes(32)` is called twice, for d and for z. Raises LengthError if it gives another length.
    """
    d = random_bytes(SEED_SIZE)
    z = random_bytes(SEED_SIZE)
    return keygen_internal(params, d, z)


def encaps(params: ParameterSet, ek: bytes, random_bytes: Callable[[int], bytes] = os.urandom) -> Encapsulation:
    """Algorithm 20, ML-KEM.Encaps: a fresh shared secret for the owner of ek (`ek_size` bytes).

    `random_bytes(32)` is called once, for m. Raises LengthError and KeyCheckError as
    `check_encapsulation_key`; LengthError if random_bytes gives another length.
    """
    check_encapsulation_key(params, ek)
    m = random_bytes(SEED_SIZE)
    return encaps_internal(params, ek, m)


def decaps(params: ParameterSet, dk: bytes, c: bytes) -> bytes:
    """Algorithm 21, ML-KEM.Decaps: the shared secret (32 bytes) in c (`ct_size` bytes).

    dk is `dk_size` bytes. A ciphertext that was not made for this key is no error: see `decaps_internal`.
    Raises LengthError, and KeyCheckError as `check_decapsulation_key`.
    """
    check_ciphertext(params, c)
    check_decapsulation_key(params, dk)
    return decaps_internal(params, dk, c)


def check_encapsulation_key(params: ParameterSet, ek: bytes) -> None:
    """Section 7.2, encapsulation key check.

    1. Type check: LengthError unless ek is `ek_size` bytes.
    2. Modulus check: KeyCheckError unless every coefficient of t_hat is below q, that is, unless decoding
       (which reduces modulo q) and encoding gives the same bytes.
    """
    LengthError.check("ek", ek, params.ek_size)
    if max(twelve_bit_integers(ek[: 384 * params.k])) >= q:
        raise KeyCheckError("ek fails the modulus check: a coefficient is not below 3329")


def check_decapsulation_key(params: ParameterSet, dk: bytes) -> None:
    """Section 7.3, decapsulation input check, steps 2 and 3.

    2. Decapsulation key type check: LengthError unless dk is `dk_size` bytes.
    3. Hash check: KeyCheckError unless the hash in dk is H of the ek in dk.
    """
    LengthError.check("dk", dk, params.dk_size)
    _, ek, h, _ = split_decapsulation_key(params, dk)
    if H(ek) != h:
        raise KeyCheckError("dk fails the hash check: its encapsulation key and the hash of it do not match")


def check_ciphertext(params: ParameterSet, c: bytes) -> None:
    """Section 7.3, decapsulation input check, step 1: LengthError unless c is `ct_size` bytes."""
    LengthError.check("c", c, params.ct_size)


# Section 6: the internal functions. All randomness is an argument; they check lengths and nothing else.


def keygen_internal(params: ParameterSet, d: bytes, z: bytes) -> KeyPair:
    """Algorithm 16, ML-KEM.KeyGen_internal: the key pair of the seeds d, z (32 bytes each). LengthError."""
    LengthError.check("d", d, SEED_SIZE)
    LengthError.check("z", z, SEED_SIZE)
    ek, dk_pke = k_pke_keygen(params, d)
    return KeyPair(ek, dk_pke + ek + H(ek) + z)


def encaps_internal(params: ParameterSet, ek: bytes, m: bytes) -> Encapsulation:
    """Algorithm 17, ML-KEM.Encaps_internal: for a checked ek and the randomness m (32 bytes). LengthError."""
    LengthError.check("ek", ek, params.ek_size)
    LengthError.check("m", m, SEED_SIZE)
    K, r = G(m + H(ek))
    c = k_pke_encrypt(params, ek, m, r)
    return Encapsulation(K, c)


def decaps_internal(params: ParameterSet, dk: bytes, c: bytes) -> bytes:
    """Algorithm 18, ML-KEM.Decaps_internal: the shared secret, 32 bytes. LengthError.

    If c is not what encapsulation gives for the message in it, the result is J(z || c), which only the owner
    of dk can compute, and no error: implicit rejection.
    """
    LengthError.check("dk", dk, params.dk_size)
    LengthError.check("c", c, params.ct_size)
    dk_pke, ek_pke, h, z = split_decapsulation_key(params, dk)
    m_prime = k_pke_decrypt(params, dk_pke, c)
    K_prime, r_prime = G(m_prime + h)
    K_bar = J(z + c)
    c_prime = k_pke_encrypt(params, ek_pke, m_prime, r_prime)
    return K_prime if compare_digest(c, c_prime) else K_bar


class DecapsulationKey(NamedTuple):
    """What a decapsulation key holds (algorithm 18, lines 1 to 4)."""

    dk_pke: bytes
    ek_pke: bytes
    h: bytes
    z: bytes

    def __repr__(self) -> str:
        return "DecapsulationKey(<hidden>)"


def split_decapsulation_key(params: ParameterSet, dk: bytes) -> DecapsulationKey:
    """Algorithm 18, lines 1 to 4: dk_pke (384 k bytes), ek_pke (384 k + 32), h and z (32 each)."""
    k = params.k
    return DecapsulationKey(
        dk_pke=dk[0 : 384 * k],
        ek_pke=dk[384 * k : 768 * k + 32],
        h=dk[768 * k + 32 : 768 * k + 64],
        z=dk[768 * k + 64 : 768 * k + 96],
    )


# Section 5: the K-PKE component scheme. Not secure on its own.


def k_pke_keygen(params: ParameterSet, d: bytes) -> KeyPair:
    """Algorithm 13, K-PKE.KeyGen: ek (`ek_size` bytes) and dk (`dk_pke_size` bytes) of the seed d (32 bytes).

    Raises LengthError.
    """
    LengthError.check("d", d, SEED_SIZE)
    k, eta1 = params.k, params.eta1
    rho, sigma = G(d + bytes([k]))
    A_hat = sample_matrix(rho, k)
    s = sample_lanes(sigma, range(k), eta1)
    e = sample_lanes(sigma, range(k, 2 * k), eta1)
    s_hat = from_lanes(ntt_lanes(s, k), k)
    e_hat = ntt_lanes(e, k)
    t_hat = from_lanes(to_lanes(multiply_matrix_vector(A_hat, s_hat)) + e_hat, k)
    ek = byte_encode_vector(t_hat, 12) + rho
    dk = byte_encode_vector(s_hat, 12)
    return KeyPair(ek, dk)


def k_pke_encrypt(params: ParameterSet, ek: bytes, m: bytes, r: bytes) -> bytes:
    """Algorithm 14, K-PKE.Encrypt: the ciphertext (`ct_size` bytes) of m with randomness r (32 bytes each).

    Coefficients in ek (`ek_size` bytes) that are not below q are reduced. Raises LengthError.
    """
    LengthError.check("ek", ek, params.ek_size)
    LengthError.check("m", m, SEED_SIZE)
    LengthError.check("r", r, SEED_SIZE)
    k, eta1, eta2 = params.k, params.eta1, params.eta2
    t_hat = byte_decode_vector(ek[0 : 384 * k], 12)
    rho = ek[384 * k : 384 * k + 32]
    A_hat = sample_matrix(rho, k)
    y = sample_lanes(r, range(k), eta1)
    e1_and_e2 = sample_lanes(r, range(k, 2 * k + 1), eta2)
    y_hat = from_lanes(ntt_lanes(y, k), k)
    # Lines 19 and 21 at once: t_hat is one more row below the transpose of A_hat, and e2 one more error.
    products = to_lanes(multiply_matrix_vector([*transpose(A_hat), t_hat], y_hat))
    *u, v = from_lanes(ntt_inverse_lanes(products, k + 1) + e1_and_e2, k + 1)
    mu = decompress(byte_decode(m, 1), 1)
    v = add(v, mu)
    c1 = byte_encode_vector([compress(f, params.du) for f in u], params.du)
    c2 = byte_encode(compress(v, params.dv), params.dv)
    return c1 + c2


def k_pke_decrypt(params: ParameterSet, dk: bytes, c: bytes) -> bytes:
    """Algorithm 15, K-PKE.Decrypt: the message (32 bytes) in c (`ct_size` bytes) by dk (`dk_pke_size` bytes).

    Coefficients in dk that are not below q are reduced. Raises LengthError.
    """
    LengthError.check("dk", dk, params.dk_pke_size)
    LengthError.check("c", c, params.ct_size)
    c1_size = 32 * params.du * params.k
    c1 = c[0:c1_size]
    c2 = c[c1_size:]
    u_prime = [decompress(f, params.du) for f in byte_decode_vector(c1, params.du)]
    v_prime = decompress(byte_decode(c2, params.dv), params.dv)
    s_hat = byte_decode_vector(dk, 12)
    (product,) = ntt_inverse_vector(multiply_matrix_vector([s_hat], ntt_vector(u_prime)))
    w = subtract(v_prime, product)
    return byte_encode(compress(w, 1), 1)


# Section 4.1: cryptographic functions. The XOF (SHAKE128) is in `sample_ntt`.


def PRF(s: bytes, b: int, eta: int) -> bytes:
    """Equation 4.3: 64 * eta bytes from the seed s (32 bytes, or LengthError) and the byte b (0 .. 255)."""
    LengthError.check("s", s, SEED_SIZE)
    return shake_256(s + bytes([b])).digest(64 * eta)


def H(s: bytes) -> bytes:
    """Equation 4.4: SHA3-256, 32 bytes."""
    return sha3_256(s).digest()


def J(s: bytes) -> bytes:
    """Equation 4.4: SHAKE256, 32 bytes."""
    return shake_256(s).digest(32)


def G(c: bytes) -> tuple[bytes, bytes]:
    """Equation 4.5: SHA3-512, as two times 32 bytes."""
    digest = sha3_512(c).digest()
    return digest[:32], digest[32:]


# Section 4.2.1: conversion and compression
#
# Both conversions go through one integer in which every coefficient has a lane. Encoding begins with lanes of
# 16 bits, of which d are used, and joins neighbours: the odd lane moves down to where the even one ends. That
# makes half as many lanes of 32 bits, of which 2 * d are used, and so on, until there is one. Decoding takes
# the same eight steps backwards.


class Join(NamedTuple):
    """One step: the bits of the even lanes, those of the odd lanes, and how far the odd lanes move."""

    even: int
    odd: int
    shift: int


def joins(d: int) -> list[Join]:
    """The eight steps from 256 lanes of 16 bits, of which d are used, to one."""
    steps = []
    lanes, width, used = 256, 16, d
    while lanes > 1:
        every_other_lane = sum(1 << 2 * width * i for i in range(lanes // 2))
        even = every_other_lane * ((1 << used) - 1)
        steps.append(Join(even, even << width, width - used))
        lanes, width, used = lanes // 2, 2 * width, 2 * used
    return steps


JOINS = {d: joins(d) for d in range(1, 13)}


def byte_encode(F: Poly, d: int) -> bytes:
    """Algorithm 5, ByteEncode_d: 32 * d bytes from 256 integers of d bits, 1 <= d <= 12 (below q if d is 12).

    Algorithm 3, BitsToBytes, is little-endian: the result is the sum of F[i] * 2^(d * i) as an integer.
    """
    B = int.from_bytes(struct.pack("<256H", *F), "little")
    for even, odd, shift in JOINS[d]:
        B = B & even | (B & odd) >> shift
    return B.to_bytes(32 * d, "little")


def byte_decode(B: bytes, d: int) -> Poly:
    """Algorithm 6, ByteDecode_d: 256 integers from 32 * d bytes (LengthError), 1 <= d <= 12.

    They have d bits; if d is 12, they are reduced modulo q.
    """
    LengthError.check("B", B, 32 * d)
    integers = struct.unpack("<256H", spread(B, d))
    return [x % q for x in integers] if d == 12 else list(integers)


def spread(B: bytes, d: int) -> bytes:
    """256 integers of d bits from 32 * d bytes, each in two bytes, little-endian."""
    F = int.from_bytes(B, "little")
    for even, odd, shift in reversed(JOINS[d]):
        F = F & even | F << shift & odd
    return F.to_bytes(512, "little")


def byte_encode_vector(v: Vector, d: int) -> bytes:
    """Section 2.4.8: byte_encode of each polynomial, joined."""
    return b"".join([byte_encode(f, d) for f in v])


def byte_decode_vector(B: bytes, d: int) -> Vector:
    """Section 2.4.8: byte_decode of each 32 * d bytes. Raises LengthError unless B is whole polynomials."""
    return [byte_decode(B[i : i + 32 * d], d) for i in range(0, len(B), 32 * d)]


def compress(f: Poly, d: int) -> Poly:
    """Equation 4.7, Compress_d: round(2^d / q * x) mod 2^d for each coefficient x, 1 <= d <= 11."""
    table = compress_table(d)
    return [table[x] for x in f]


def decompress(f: Poly, d: int) -> Poly:
    """Equation 4.8, Decompress_d: round(q / 2^d * y), half up, for each integer y of d bits, 1 <= d <= 11."""
    table = decompress_table(d)
    return [table[y] for y in f]


@cache
def compress_table(d: int) -> list[int]:
    """Equation 4.7 for every x from 0 to q - 1."""
    m = 1 << d
    half = q // 2
    return [(m * x + half) // q % m for x in range(q)]


@cache
def decompress_table(d: int) -> list[int]:
    """Equation 4.8 for every y of d bits."""
    half = 1 << d - 1
    return [(q * y + half) >> d for y in range(1 << d)]


# Section 4.2.2: sampling


def sample_ntt(B: bytes) -> Poly:
    """Algorithm 7, SampleNTT: uniform in T_q, from a seed and two indexes (34 bytes, or LengthError).

    The XOF is read for as long as it takes. Three blocks of SHAKE128, 168 bytes each, nearly always suffice.
    """
    LengthError.check("B", B, SEED_SIZE + 2)
    size = 3 * 168
    while True:
        # A longer output of SHAKE128 begins with the shorter one.
        a_hat = [d for d in twelve_bit_integers(shake_128(B).digest(size)) if d < q]
        if len(a_hat) >= 256:
            return a_hat[:256]
        size += 168


def twelve_bit_integers(C: bytes) -> tuple[int, ...]:
    """Algorithm 7, lines 5 to 7, d1 and d2 of every three bytes: little-endian integers of 12 bits.

    All at once, like the conversions above: three bytes go to the lower part of a lane of 32 bits, and of
    these 24 bits the upper 12 then move up by 4.
    """
    count = len(C) // 3
    lanes = bytearray(4 * count)
    lanes[0::4], lanes[1::4], lanes[2::4] = C[0::3], C[1::3], C[2::3]
    pairs = int.from_bytes(lanes, "little")
    d1 = int.from_bytes(b"\xff\x0f\x00\x00" * count, "little")
    d2 = d1 << 12
    return struct.unpack(f"<{2 * count}H", (pairs & d1 | (pairs & d2) << 4).to_bytes(4 * count, "little"))


def binomial_table(eta: int) -> list[int]:
    """Algorithm 8, lines 3 to 5: for all 2 * eta bits, the ones in the lower half less those in the upper."""
    half = (1 << eta) - 1
    return [((bits & half).bit_count() - (bits >> eta).bit_count()) % q for bits in range(1 << 2 * eta)]


BINOMIAL = {eta: binomial_table(eta) for eta in (2, 3)}


def sample_poly_cbd(B: bytes, eta: int) -> Poly:
    """Algorithm 8, SamplePolyCBD_eta: centred binomial in -eta .. eta, from 64 * eta bytes. LengthError."""
    table = BINOMIAL[eta]
    return [table[bits] for bits in byte_decode(B, 2 * eta)]


def sample_matrix(rho: bytes, k: int) -> Matrix:
    """Algorithms 13, lines 3 to 7, and 14, lines 4 to 8: A_hat, k rows of k."""
    return [[sample_ntt(rho + bytes([j, i])) for j in range(k)] for i in range(k)]


def sample_vector(seed: bytes, counters: Sequence[int], eta: int) -> Vector:
    """Algorithms 13, lines 8 to 15, and 14, lines 9 to 16: a polynomial for each value of the counter N."""
    return [sample_poly_cbd(PRF(seed, N, eta), eta) for N in counters]


# Section 4.3: the number-theoretic transform


def bit_rev_7(r: int) -> int:
    """Section 4.3, BitRev_7: the number with the seven bits of r in reverse order."""
    return int(f"{r:07b}"[::-1], 2)


ZETAS = [pow(zeta, bit_rev_7(i), q) for i in range(128)]
"""Appendix A, first table."""

GAMMAS = [pow(zeta, 2 * bit_rev_7(i) + 1, q) for i in range(128)]
"""Appendix A, second table: T_q is the product of the rings Z_q[X] / (X^2 - gamma)."""


def ntt(f: Poly) -> Poly:
    """Algorithm 9, NTT: from R_q to T_q."""
    f_hat = list(f)
    i = 1
    for length in (128, 64, 32, 16, 8, 4, 2):
        for start in range(0, 256, 2 * length):
            for j in range(start, start + length):
                t = ZETAS[i] * f_hat[j + length] % q
                f_hat[j + length] = (f_hat[j] - t) % q
                f_hat[j] = (f_hat[j] + t) % q
            i += 1
    return f_hat


def ntt_inverse(f_hat: Poly) -> Poly:
    """Algorithm 10, NTT^-1: from T_q to R_q."""
    f = list(f_hat)
    i = 127
    for length in (2, 4, 8, 16, 32, 64, 128):
        for start in range(0, 256, 2 * length):
            for j in range(start, start + length):
                t = f[j]
                f[j] = (t + f[j + length]) % q
                f[j + length] = ZETAS[i] * (f[j + length] - t) % q
            i -= 1
    return [x * 3303 % q for x in f]  # 3303 = 128^-1 mod q


# Sections 4.2.2 and 4.3 in lanes: vectors of n polynomials as one integer
#
# Every coefficient has a lane of 64 bits: first those of index 0 of all n polynomials, then those of index 1, and
# so on. A sum of two such integers adds lane by lane, and the product with one number multiplies every lane, as
# long as no lane is negative or outgrows its 64 bits. The layers of algorithms 9 and 10 need no more than that:
#
# - A block of a layer has one zeta, so it takes a few operations on two integers, its lower and its upper half.
# - Nothing is subtracted: instead of -zeta stands q - zeta, which is the same modulo q.
# - If all lanes are below B, they are below q * B after a layer, as the two factors of each sum are 1 and at most
#   q - 1, or zeta and q - zeta. Three layers lead from q to q^4, less than 2^47; `reduce_lanes` from there to
#   8 * q; four more layers to 8 * q^5, less than 2^62, which leaves room to add another vector. `from_lanes` takes
#   the remainder modulo q.


def sample_lanes(seed: bytes, counters: Sequence[int], eta: int) -> int:
    """`sample_vector` in lanes: the 2 * eta bits of a coefficient become its two bytes by translation."""
    first, second = BINOMIAL_BYTES[eta]
    n = len(counters)
    lanes = bytearray(8 * 256 * n)
    for i, N in enumerate(counters):
        bits = spread(PRF(seed, N, eta), 2 * eta)[0::2]
        lanes[8 * i :: 8 * n] = bits.translate(first)
        lanes[8 * i + 1 :: 8 * n] = bits.translate(second)
    return int.from_bytes(lanes, "little")


def binomial_bytes(eta: int) -> tuple[bytes, bytes]:
    """The first and the second byte, little-endian, of what `binomial_table` has; 256 of each, as translate wants."""
    table = binomial_table(eta) + [0] * (256 - (1 << 2 * eta))
    return bytes([x % 256 for x in table]), bytes([x // 256 for x in table])


BINOMIAL_BYTES = {eta: binomial_bytes(eta) for eta in (2, 3)}

LAYERS = [ZETAS[1 << layer : 2 << layer] for layer in range(7)]
"""The zetas of the layers of algorithm 9, block by block: those of i = 1; of 2 and 3; ...; of 64 to 127."""


def ntt_lanes(f: int, n: int) -> int:
    """`ntt` of n polynomials: from lanes below q to lanes below 8 * q^5."""
    bits = 64 * 256 * n
    blocks = [f]
    for zetas in LAYERS:
        if len(blocks) == 8:  # after three layers
            blocks = [reduce_lanes(block, bits) for block in blocks]
        bits //= 2
        mask = (1 << bits) - 1
        halves = []
        for block, z in zip(blocks, zetas, strict=True):
            low, high = block & mask, block >> bits
            halves.append(low + z * high)
            halves.append(low + (q - z) * high)
        blocks = halves
    return int.from_bytes(b"".join([block.to_bytes(bits // 8, "little") for block in blocks]), "little")


def ntt_inverse_lanes(f_hat: int, n: int) -> int:
    """`ntt_inverse` of n polynomials: from lanes below q to lanes below 16 * q^5, less than 2^63.

    The factor 3303 is part of the last layer, whose lower half ends below 3303 * 2 * 8 * q^4.
    """
    bits = 64 * 2 * n
    lanes = f_hat.to_bytes(8 * 256 * n, "little")
    blocks = [int.from_bytes(block, "little") for (block,) in struct.iter_unpack(f"{bits // 8}s", lanes)]
    for zetas in reversed(LAYERS[1:]):
        halves, blocks = blocks, []
        for low, high, z in zip(halves[0::2], halves[1::2], reversed(zetas), strict=True):
            blocks.append(low + high | z * high + (q - z) * low << bits)
        bits *= 2
        if len(blocks) == 16:  # after three layers
            blocks = [reduce_lanes(block, bits) for block in blocks]
    low, high = blocks
    z = 3303 * ZETAS[1] % q
    return 3303 * (low + high) | z * high + (q - z) * low << bits


def reduce_lanes(x: int, bits: int) -> int:
    """In every lane of x, which has this number of bits: for a number below q^4, one below 8 * q congruent to it.

    It is less by q times an estimate of the quotient number / q: floor(floor(number / 2^12) * m / 2^28), where
    m = floor(2^40 / q). That is never too large, and too small by less than
    2^12 / q + q^4 / 2^40 * (2^40 / q - m) + 1, which is less than 8. The products are below 2^64. What a shift to
    the right brings in from the next lane is masked.
    """
    of_52_bits, of_36_bits = lane_masks(bits)
    quotients = (x >> 12 & of_52_bits) * (2**40 // q) >> 28 & of_36_bits
    return x - q * quotients


@cache
def lane_masks(bits: int) -> tuple[int, int]:
    """The lower 52 bits and the lower 36 bits of every lane."""
    every_lane = ((1 << bits) - 1) // ((1 << 64) - 1)
    return every_lane * ((1 << 52) - 1), every_lane * ((1 << 36) - 1)


def to_lanes(v: Vector) -> int:
    """A vector in lanes."""
    n = len(v)
    coefficients = [0] * (256 * n)
    for i, f in enumerate(v):
        coefficients[i::n] = f
    return int.from_bytes(struct.pack(f"<{256 * n}Q", *coefficients), "little")


def from_lanes(x: int, n: int) -> Vector:
    """The vector of n polynomials in these lanes, modulo q."""
    coefficients = struct.unpack(f"<{256 * n}Q", x.to_bytes(8 * 256 * n, "little"))
    return [[c % q for c in coefficients[i::n]] for i in range(n)]


def ntt_vector(v: Vector) -> Vector:
    """Section 2.4.8: NTT of each polynomial."""
    return from_lanes(ntt_lanes(to_lanes(v), len(v)), len(v))


def ntt_inverse_vector(v_hat: Vector) -> Vector:
    """Section 2.4.8: NTT^-1 of each polynomial."""
    return from_lanes(ntt_inverse_lanes(to_lanes(v_hat), len(v_hat)), len(v_hat))


# Section 4.3.1: multiplication in T_q


def interleave(even: Poly, odd: Poly) -> Poly:
    """The polynomial with these coefficients at the even and at the odd indexes."""
    f = [0] * 256
    f[0::2] = even
    f[1::2] = odd
    return f


def multiply_ntts(f_hat: Poly, g_hat: Poly) -> Poly:
    """Algorithm 11, MultiplyNTTs: the product in T_q."""
    return interleave(*base_case_multiply(f_hat[0::2], f_hat[1::2], g_hat[0::2], g_hat[1::2], GAMMAS))


def base_case_multiply(a0: Poly, a1: Poly, b0: Poly, b1: Poly, gamma: Poly) -> tuple[Poly, Poly]:
    """Algorithm 12, BaseCaseMultiply, for every element of these lists: c0 + c1 X modulo X^2 - gamma."""
    c0 = [(x0 * y0 + x1 * y1 % q * g) % q for x0, x1, y0, y1, g in zip(a0, a1, b0, b1, gamma, strict=True)]
    c1 = [(x0 * y1 + x1 * y0) % q for x0, x1, y0, y1 in zip(a0, a1, b0, b1, strict=True)]
    return c0, c1


# Sections 2.4.5 to 2.4.7: arithmetic of polynomials, vectors and matrices


def add(f: Poly, g: Poly) -> Poly:
    """f + g, in R_q or T_q."""
    return [(a + b) % q for a, b in zip(f, g, strict=True)]


def subtract(f: Poly, g: Poly) -> Poly:
    """f - g, in R_q or T_q."""
    return [(a - b) % q for a, b in zip(f, g, strict=True)]


def add_vectors(v: Vector, w: Vector) -> Vector:
    """v + w."""
    return [add(f, g) for f, g in zip(v, w, strict=True)]


def transpose(A: Matrix) -> Matrix:
    """A with rows and columns exchanged."""
    return [list(column) for column in zip(*A, strict=True)]


def inner_product(u_hat: Vector, v_hat: Vector) -> Poly:
    """Section 2.4.7: the sum of the products in T_q of the elements."""
    products = [multiply_ntts(f_hat, g_hat) for f_hat, g_hat in zip(u_hat, v_hat, strict=True)]
    return [sum(column) % q for column in zip(*products, strict=True)]


def multiply_matrix_vector(A_hat: Matrix, v_hat: Vector) -> Vector:
    """Section 2.4.7: `inner_product` of each row and v_hat.

    For the three columns of ML-KEM-768 in one pass over the pairs of coefficients: gamma is multiplied into v_hat
    once for all rows, and a whole sum of products is reduced at its end.
    """
    if len(v_hat) != 3:
        return [inner_product(row, v_hat) for row in A_hat]
    columns = [column for f_hat in v_hat for column in with_gamma(f_hat)]
    return [inner_product_of_three(row, columns) for row in A_hat]


def with_gamma(f_hat: Poly) -> tuple[Poly, Poly, Poly]:
    """Of each pair b0 + b1 X: all b0, all b1, and all b1 * gamma modulo q."""
    b0, b1 = f_hat[0::2], f_hat[1::2]
    return b0, b1, [x * gamma % q for x, gamma in zip(b1, GAMMAS, strict=True)]


def inner_product_of_three(row: Vector, columns: list[Poly]) -> Poly:
    """`inner_product` of a row of three polynomials and what `with_gamma` made of three others."""
    r, s, t = row
    h = []
    pairs = zip(r[0::2], r[1::2], s[0::2], s[1::2], t[0::2], t[1::2], *columns, strict=True)
    for r0, r1, s0, s1, t0, t1, x0, x1, xg, y0, y1, yg, z0, z1, zg in pairs:
        h.append((r0 * x0 + r1 * xg + s0 * y0 + s1 * yg + t0 * z0 + t1 * zg) % q)
        h.append((r0 * x1 + r1 * x0 + s0 * y1 + s1 * y0 + t0 * z1 + t1 * z0) % q)
    return h
