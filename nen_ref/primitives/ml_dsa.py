"""FIPS 204, ML-DSA: the module-lattice-based digital signature standard (pure ML-DSA, not HashML-DSA).

Start with `keygen`, `sign` and `verify` (algorithms 1 to 3), which take and give bytes. They wrap
`keygen_internal`, `sign_internal` and `verify_internal` (algorithms 6 to 8), where the scheme is. The rest
are the auxiliary algorithms of section 7, in the order of the standard.

Every function carries the number and the name of its algorithm. Where the standard defines a function on one
integer and applies it to each coefficient, ours takes the whole polynomial. A polynomial is a list of its
256 coefficients, a vector a list of polynomials. The coefficients that `add`, `subtract` and the NTT give are
in 0 .. q-1; `mod_pm_q` gives the signed ones.

For speed, algorithms 6 to 8 do the arithmetic of section 7 on whole vectors: `lanes.ntt` is `ntt` for all
polynomials at once, `lanes.decompose` is `decompose`, and so on (see `ml_dsa_lanes`). Sampling and packing, which
take a whole polynomial at once here, stand coefficient by coefficient in `ml_dsa_plain`.

Not constant-time: signing leaks its key to anyone who can measure it.
"""

import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from hashlib import shake_128, shake_256
from itertools import pairwise
from typing import NamedTuple, TypeAlias

from nen_ref.primitives import ml_dsa_lanes as lanes
from nen_ref.primitives.errors import ContextError, KeyCheckError, LengthError

Poly: TypeAlias = list[int]
Vector: TypeAlias = list[Poly]
Matrix: TypeAlias = list[Vector]

# Section 4, table 1: common to all parameter sets.
q = lanes.q  # 8380417 = 2^23 - 2^13 + 1
d = 13  # bits dropped from t

T1_MAX = (1 << 23 - d) - 1
"""Coefficients of t1 are in 0 .. T1_MAX: 10 bits, since bitlen(q - 1) is 23."""

T0_MAX = 1 << d - 1
"""Coefficients of t0 are in -T0_MAX + 1 .. T0_MAX: 13 bits."""

T1_POLY_SIZE = 32 * (23 - d)
"""Bytes of one encoded polynomial of t1: 320."""

T0_POLY_SIZE = 32 * d
"""Bytes of one encoded polynomial of t0: 416."""

DETERMINISTIC = bytes(32)
"""The `rnd` of the deterministic variant of signing (section 3.4)."""

MAX_ATTEMPTS = 814
"""Appendix C, table 3: a sound key needs more attempts at one signature with a probability below 2^-256."""


@dataclass(frozen=True)
class ParameterSet:
    """Section 4, table 1; sizes in bytes are those of table 2."""

    name: str
    k: int  # rows of A
    l: int  # columns of A
    eta: int  # bound of the coefficients of the secrets s1 and s2
    tau: int  # number of non-zero coefficients of the challenge c
    lambda_: int  # collision strength of c_tilde, in bits
    gamma1: int  # range of the coefficients of the mask y
    gamma2: int  # range of the low part of a rounded coefficient
    omega: int  # most ones in the hint h

    @property
    def beta(self) -> int:
        """Bound of the coefficients of c * s1 and c * s2."""
        return self.tau * self.eta

    @property
    def c_tilde_size(self) -> int:
        """Bytes of the commitment hash c_tilde: lambda / 4."""
        return self.lambda_ // 4

    @property
    def z_poly_size(self) -> int:
        """Bytes of one encoded polynomial of z (and of y): 32 * (1 + bitlen(gamma1 - 1))."""
        return 32 * (1 + (self.gamma1 - 1).bit_length())

    @property
    def s_poly_size(self) -> int:
        """Bytes of one encoded polynomial of s1 or s2: 32 * bitlen(2 * eta)."""
        return 32 * (2 * self.eta).bit_length()

    @property
    def pk_size(self) -> int:
        """Bytes of a public key: rho and t1."""
        return 32 + self.k * T1_POLY_SIZE

    @property
    def sk_size(self) -> int:
        """Bytes of a private key: rho, K, tr, s1, s2 and t0."""
        return 32 + 32 + 64 + (self.l + self.k) * self.s_poly_size + self.k * T0_POLY_SIZE

    @property
    def sig_size(self) -> int:
        """Bytes of a signature: c_tilde, z and the hint."""
        return self.c_tilde_size + self.l * self.z_poly_size + self.omega + self.k


ML_DSA_44 = ParameterSet(
    "ML-DSA-44", k=4, l=4, eta=2, tau=39, lambda_=128, gamma1=1 << 17, gamma2=(q - 1) // 88, omega=80
)
ML_DSA_65 = ParameterSet(
    "ML-DSA-65", k=6, l=5, eta=4, tau=49, lambda_=192, gamma1=1 << 19, gamma2=(q - 1) // 32, omega=55
)
ML_DSA_87 = ParameterSet(
    "ML-DSA-87", k=8, l=7, eta=2, tau=60, lambda_=256, gamma1=1 << 19, gamma2=(q - 1) // 32, omega=75
)


class KeyPair(NamedTuple):
    """A public key `pk` of `pk_size` bytes and its private key `sk` of `sk_size` bytes."""

    pk: bytes
    sk: bytes

    def __repr__(self) -> str:
        return f"KeyPair(pk=<{len(self.pk)} bytes>, sk=<hidden>)"


class PublicKey(NamedTuple):
    """What a public key holds: the 32-byte seed of A, and the high part of t (k polynomials)."""

    rho: bytes
    t1: Vector


class PrivateKey(NamedTuple):
    """What a private key holds: see `sk_encode`."""

    rho: bytes
    K: bytes
    tr: bytes
    s1: Vector
    s2: Vector
    t0: Vector

    def __repr__(self) -> str:
        return "PrivateKey(<hidden>)"


class Signature(NamedTuple):
    """What a signature holds; `h` is None where the standard has the symbol for failure."""

    c_tilde: bytes
    z: Vector
    h: Vector | None


class Rounded(NamedTuple):
    """A polynomial in two parts: high (`r1`) and low (`r0`)."""

    r1: Poly
    r0: Poly


class Rejection(Enum):
    """Why an attempt at a signature is dropped: the first condition of algorithm 7 that holds, in our order."""

    Z_NORM = "line 23: the norm of z is gamma1 - beta or more"
    R0_NORM = "line 23: the norm of r0 is gamma2 - beta or more"
    CT0_NORM = "line 28: the norm of c * t0 is gamma2 or more"
    HINT = "line 28: h has more than omega ones"


class Signing(NamedTuple):
    """What all attempts at one signature start from."""

    mu: bytes
    rho_prime_prime: bytes
    A_hat: lanes.Columns
    s1: lanes.Narrow
    s2: lanes.Narrow
    t0: lanes.Narrow

    def __repr__(self) -> str:
        return "Signing(<hidden>)"


class Commitment(NamedTuple):
    """An attempt before its response: the secret mask y, w = A * y, the hash of w's high part, the challenge.

    y (l polynomials, signed) and w (k, in 0 .. q-1) are in lanes.
    """

    y: lanes.Lanes
    w: lanes.Lanes
    c_tilde: bytes
    c: Poly

    def __repr__(self) -> str:
        return "Commitment(<hidden>)"


# Section 5: ML-DSA


def keygen(params: ParameterSet, random_bytes: Callable[[int], bytes] = os.urandom) -> KeyPair:
    """Algorithm 1, ML-DSA.KeyGen. `random_bytes(32)` gives the seed xi. Raises LengthError if it does not."""
    return keygen_internal(params, random_bytes(32))


def sign(
    params: ParameterSet,
    sk: bytes,
    M: bytes,
    ctx: bytes = b"",
    rnd: bytes | None = None,
    random_bytes: Callable[[int], bytes] = os.urandom,
) -> bytes:
    """Algorithm 2, ML-DSA.Sign: a signature of `sig_size` bytes on M in the context `ctx` (0 to 255 bytes).

    Hedged: the 32 bytes `rnd` come from `random_bytes` unless given. The deterministic variant is
    `rnd=DETERMINISTIC`. Raises ContextError, LengthError (sk or rnd), KeyCheckError (see `sign_mu`).
    """
    M_prime = format_message(M, ctx)
    if rnd is None:
        rnd = random_bytes(32)
    return sign_internal(params, sk, M_prime, rnd)


def verify(params: ParameterSet, pk: bytes, M: bytes, sigma: bytes, ctx: bytes = b"") -> bool:
    """Algorithm 3, ML-DSA.Verify: whether sigma is a signature on M in the context `ctx` (0 to 255 bytes).

    A sigma of the wrong length is no signature: False. A pk of the wrong length is not accepted as an input:
    LengthError (section 3.6.2). Raises ContextError.
    """
    return verify_internal(params, pk, format_message(M, ctx), sigma)


def format_message(M: bytes, ctx: bytes) -> bytes:
    """Algorithms 2 and 3, the check of ctx and M' = 0 || |ctx| || ctx || M. Raises ContextError.

    The first byte, 0, tells pure ML-DSA from HashML-DSA, which has 1 there.
    """
    if len(ctx) > 255:
        raise ContextError(f"ctx must be at most 255 bytes, not {len(ctx)}")
    return integer_to_bytes(0, 1) + integer_to_bytes(len(ctx), 1) + ctx + M


# Section 6: ML-DSA internal functions


def keygen_internal(params: ParameterSet, xi: bytes) -> KeyPair:
    """Algorithm 6, ML-DSA.KeyGen_internal: the key pair of the seed xi (32 bytes). Raises LengthError."""
    LengthError.check("xi", xi, 32)
    seed = H(xi + integer_to_bytes(params.k, 1) + integer_to_bytes(params.l, 1), 128)
    rho, rho_prime, K = seed[:32], seed[32:96], seed[96:]

    A_hat = expand_a_columns(params, rho)
    s1, s2 = expand_s(params, rho_prime)
    # t = A * s1 + s2, of which the public key has the high part only
    t = lanes.mod_q(lanes.multiply(A_hat, lanes.join(s1), params.k) + lanes.join(s2), params.k)
    t1, t0 = [lanes.split(part, params.k) for part in lanes.power2round(t, params.k, d)]

    pk = pk_encode(params, rho, t1)
    tr = H(pk, 64)
    return KeyPair(pk, sk_encode(params, rho, K, tr, s1, s2, t0))


def sign_internal(params: ParameterSet, sk: bytes, M_prime: bytes, rnd: bytes) -> bytes:
    """Algorithm 7, ML-DSA.Sign_internal: line 6, then `sign_mu`.

    M_prime is the formatted message, rnd 32 bytes. Raises LengthError, KeyCheckError (see `sign_mu`).
    """
    LengthError.check("sk", sk, params.sk_size)
    tr = sk[64:128]
    return sign_mu(params, sk, message_representative(tr, M_prime), rnd)


def message_representative(tr: bytes, M_prime: bytes) -> bytes:
    """Algorithms 7, line 6, and 8, line 7: mu, 64 bytes, from tr = H(pk, 64) and the formatted message."""
    return H(tr + M_prime, 64)


def sign_mu(params: ParameterSet, sk: bytes, mu: bytes, rnd: bytes) -> bytes:
    """Algorithm 7, ML-DSA.Sign_internal, all but line 6: signs the message representative mu (64 bytes).

    Raises LengthError; KeyCheckError if `sk_decode` does, or if there is no signature within MAX_ATTEMPTS,
    which happens only with a key that `keygen` has not made.
    """
    signing = begin_signing(params, sk, mu, rnd)
    for kappa in range(0, MAX_ATTEMPTS * params.l, params.l):
        outcome = attempt(params, signing, kappa)
        if not isinstance(outcome, Rejection):
            return outcome
    raise KeyCheckError(f"sk gives no signature in {MAX_ATTEMPTS} attempts")


def begin_signing(params: ParameterSet, sk: bytes, mu: bytes, rnd: bytes) -> Signing:
    """Algorithm 7, lines 1 to 7 without 6: what the attempts start from. Errors as in `sign_mu`."""
    LengthError.check("mu", mu, 64)
    LengthError.check("rnd", rnd, 32)
    rho, K, _tr, s1, s2, t0 = sk_decode(params, sk)
    return Signing(
        mu=mu,
        rho_prime_prime=H(K + rnd + mu, 64),
        A_hat=expand_a_columns(params, rho),
        # c * s1 and c * s2 are below 2^8, c * t0 is below 2^18
        s1=lanes.narrow(s1, 16),
        s2=lanes.narrow(s2, 16),
        t0=lanes.narrow(t0, 32),
    )


def commit(params: ParameterSet, signing: Signing, kappa: int) -> Commitment:
    """Algorithm 7, lines 11 to 16: the high part of w = A * y for a fresh mask y, its hash and the challenge."""
    k = params.k
    y = lanes.join(expand_mask(params, signing.rho_prime_prime, kappa))
    w = lanes.mod_q(lanes.multiply(signing.A_hat, y, k), k)
    w1 = lanes.decompose(w, k, params.gamma2).r1
    c_tilde = H(signing.mu + w1_encode(params, lanes.split(w1, k)), params.c_tilde_size)
    return Commitment(y, w, c_tilde, sample_in_ball(params, c_tilde))


def attempt(params: ParameterSet, signing: Signing, kappa: int) -> bytes | Rejection:
    """Algorithm 7, lines 11 to 30 and 33: one attempt at a signature. `kappa` is l times the number of those before."""
    k, l, gamma1, gamma2 = params.k, params.l, params.gamma1, params.gamma2
    y, w, c_tilde, c = commit(params, signing, kappa)

    # Response: z = y + c * s1. Line 23 drops an attempt whose z or r0 would tell something of the
    # secrets. Nothing of a dropped attempt is used, so r0 is computed only if z is good.
    z = y + lanes.challenge_times(c, signing.s1)
    if not lanes.norm_below(z, l, gamma1 - params.beta):
        return Rejection.Z_NORM
    w_minus_cs2 = lanes.mod_q(w - lanes.challenge_times(c, signing.s2), k)
    r0 = lanes.decompose(w_minus_cs2, k, gamma2).r0
    if not lanes.norm_below(r0, k, gamma2 - params.beta):
        return Rejection.R0_NORM

    # Hint: where the verifier, who lacks t0, would compute another high part.
    ct0 = lanes.challenge_times(c, signing.t0)
    if not lanes.norm_below(ct0, k, gamma2):
        return Rejection.CT0_NORM
    h = lanes.make_hint(-ct0, w_minus_cs2 + ct0, k, gamma2)
    if h.bit_count() > params.omega:
        return Rejection.HINT

    return sig_encode(params, c_tilde, lanes.split(z, l), lanes.split(h, k))


def verify_internal(params: ParameterSet, pk: bytes, M_prime: bytes, sigma: bytes) -> bool:
    """Algorithm 8, ML-DSA.Verify_internal: lines 6 and 7, then `verify_mu`. Raises LengthError for pk."""
    LengthError.check("pk", pk, params.pk_size)
    tr = H(pk, 64)
    return verify_mu(params, pk, message_representative(tr, M_prime), sigma)


def verify_mu(params: ParameterSet, pk: bytes, mu: bytes, sigma: bytes) -> bool:
    """Algorithm 8, ML-DSA.Verify_internal, all but lines 6 and 7: is sigma a signature on mu (64 bytes)?

    A sigma of the wrong length gives False. Raises LengthError for pk and mu.
    """
    LengthError.check("mu", mu, 64)
    public_key = pk_decode(params, pk)
    if len(sigma) != params.sig_size:
        return False
    c_tilde, z, h = sig_decode(params, sigma)
    if h is None:
        return False
    c_tilde_prime = recommit(params, public_key, mu, c_tilde, z, h)
    return infinity_norm(z) < params.gamma1 - params.beta and c_tilde == c_tilde_prime


def recommit(params: ParameterSet, pk: PublicKey, mu: bytes, c_tilde: bytes, z: Vector, h: Vector) -> bytes:
    """Algorithm 8, lines 5 and 8 to 12: c_tilde', the commitment hash that z and h lead to."""
    k = params.k
    A_hat = expand_a_columns(params, pk.rho)
    c = sample_in_ball(params, c_tilde)
    # Line 9: A * z - c * t1 * 2^d, where multiplying by 2^d last keeps c * t1 small: below 2^16.
    Az = lanes.multiply(A_hat, lanes.join(z), k)
    ct1 = lanes.challenge_times(c, lanes.narrow(pk.t1, 32))
    w_approx = lanes.mod_q(Az - (ct1 << d), k)
    w1_prime = lanes.use_hint(lanes.join(h), w_approx, k, params.gamma2)
    return H(mu + w1_encode(params, lanes.split(w1_prime, k)), params.c_tilde_size)


# Section 3.7: hash functions


def H(data: bytes, length: int) -> bytes:
    """Section 3.7, H: `length` bytes of SHAKE256."""
    return shake_256(data).digest(length)


def G(data: bytes, length: int) -> bytes:
    """Section 3.7, G: `length` bytes of SHAKE128."""
    return shake_128(data).digest(length)


def squeeze(xof: Callable[[bytes, int], bytes], data: bytes, first: int, more: int) -> Iterator[bytes]:
    """The output of the XOF in pieces without end: `first` bytes, then `more` at a time.

    hashlib can only start over with a longer output, so let `first` be what nearly always suffices.
    """
    done, wanted = 0, first
    while True:
        yield xof(data, wanted)[done:]
        done, wanted = wanted, wanted + more


# Section 7.1: conversion between data types


def integer_to_bytes(x: int, alpha: int) -> bytes:
    """Algorithm 11, IntegerToBytes: x in `alpha` bytes, least significant first."""
    return x.to_bytes(alpha, "little")


def simple_bit_pack(w: Poly, b: int) -> bytes:
    """Algorithm 16, SimpleBitPack: coefficients in 0 .. b as 32 * bitlen(b) bytes."""
    bits = b.bit_length()
    return lanes.pack_bits(lanes.join([w], lanes.word_width(bits)), bits)


def bit_pack(w: Poly, a: int, b: int) -> bytes:
    """Algorithm 17, BitPack: coefficients in -a .. b, as b less each, in 32 * bitlen(a + b) bytes."""
    bits = (a + b).bit_length()
    width = lanes.word_width(bits)
    return lanes.pack_bits(lanes.every(256, b, width) - lanes.join([w], width), bits)


def simple_bit_unpack(v: bytes, b: int) -> Poly:
    """Algorithm 18, SimpleBitUnpack: the inverse of `simple_bit_pack`. Raises LengthError.

    Coefficients are in 0 .. 2^bitlen(b) - 1, which is more than 0 .. b unless b + 1 is a power of two.
    """
    bits = b.bit_length()
    [w] = lanes.split(lanes.unpack_bits(v, bits), 1, lanes.word_width(bits))
    return w


def bit_unpack(v: bytes, a: int, b: int) -> Poly:
    """Algorithm 19, BitUnpack: the inverse of `bit_pack`. Raises LengthError.

    Coefficients are in b - 2^bitlen(a + b) + 1 .. b, which is more than -a .. b unless a + b + 1 is a power
    of two.
    """
    bits = (a + b).bit_length()
    width = lanes.word_width(bits)
    [w] = lanes.split(lanes.every(256, b, width) - lanes.unpack_bits(v, bits), 1, width)
    return w


def hint_bit_pack(params: ParameterSet, h: Vector) -> bytes:
    """Algorithm 20, HintBitPack: k polynomials with at most omega ones as omega + k bytes.

    First the places of the ones, polynomial after polynomial, padded with zeros to omega bytes; then for each
    polynomial where its places end.
    """
    places, ends = [], []
    for f in h:
        places += [i for i, x in enumerate(f) if x]
        ends.append(len(places))
    return bytes(places).ljust(params.omega, b"\0") + bytes(ends)


def hint_bit_unpack(params: ParameterSet, y: bytes) -> Vector | None:
    """Algorithm 21, HintBitUnpack: the inverse of `hint_bit_pack`, None if y is not its output.

    Without these checks one signature could be written in several ways: it would not be strongly unforgeable.
    Raises LengthError unless y is omega + k bytes.
    """
    LengthError.check("y", y, params.omega + params.k)
    h: Vector = []
    index = 0
    for end in y[params.omega :]:
        if not index <= end <= params.omega:
            return None
        places = y[index:end]
        if any(place >= following for place, following in pairwise(places)):
            return None
        f = [0] * 256
        for place in places:
            f[place] = 1
        h.append(f)
        index = end
    if any(y[index : params.omega]):
        return None
    return h


# Section 7.2: encodings of keys and signatures


def pk_encode(params: ParameterSet, rho: bytes, t1: Vector) -> bytes:
    """Algorithm 22, pkEncode: rho (32 bytes) and t1 as `pk_size` bytes."""
    return rho + b"".join([simple_bit_pack(f, T1_MAX) for f in t1])


def pk_decode(params: ParameterSet, pk: bytes) -> PublicKey:
    """Algorithm 23, pkDecode. Every pk of the right length is the encoding of one. Raises LengthError."""
    LengthError.check("pk", pk, params.pk_size)
    return PublicKey(pk[:32], [simple_bit_unpack(v, T1_MAX) for v in pieces(pk[32:], T1_POLY_SIZE)])


def sk_encode(params: ParameterSet, rho: bytes, K: bytes, tr: bytes, s1: Vector, s2: Vector, t0: Vector) -> bytes:
    """Algorithm 24, skEncode: rho (32 bytes), K (32), tr (64), s1, s2, t0 as `sk_size` bytes."""
    return b"".join(
        [
            rho,
            K,
            tr,
            *[bit_pack(f, params.eta, params.eta) for f in s1 + s2],
            *[bit_pack(f, T0_MAX - 1, T0_MAX) for f in t0],
        ]
    )


def sk_decode(params: ParameterSet, sk: bytes) -> PrivateKey:
    """Algorithm 25, skDecode. Raises LengthError; KeyCheckError if s1 or s2 is not within -eta .. eta.

    The standard runs this on keys from a trusted source only and leaves open what becomes of others. Whether
    tr, t0 and the secrets belong together is not checked.
    """
    LengthError.check("sk", sk, params.sk_size)
    t0_start = params.sk_size - params.k * T0_POLY_SIZE
    s = [bit_unpack(v, params.eta, params.eta) for v in pieces(sk[128:t0_start], params.s_poly_size)]
    if infinity_norm(s) > params.eta:
        raise KeyCheckError("sk has a coefficient of s1 or s2 outside -eta .. eta")
    t0 = [bit_unpack(v, T0_MAX - 1, T0_MAX) for v in pieces(sk[t0_start:], T0_POLY_SIZE)]
    return PrivateKey(sk[:32], sk[32:64], sk[64:128], s[: params.l], s[params.l :], t0)


def sig_encode(params: ParameterSet, c_tilde: bytes, z: Vector, h: Vector) -> bytes:
    """Algorithm 26, sigEncode: c_tilde (lambda / 4 bytes), z and h as `sig_size` bytes."""
    z_packed = [bit_pack(f, params.gamma1 - 1, params.gamma1) for f in z]
    return c_tilde + b"".join(z_packed) + hint_bit_pack(params, h)


def sig_decode(params: ParameterSet, sigma: bytes) -> Signature:
    """Algorithm 27, sigDecode: `h` is None if the hint is malformed. Raises LengthError."""
    LengthError.check("sigma", sigma, params.sig_size)
    h_start = params.sig_size - params.omega - params.k
    z_packed = pieces(sigma[params.c_tilde_size : h_start], params.z_poly_size)
    return Signature(
        c_tilde=sigma[: params.c_tilde_size],
        z=[bit_unpack(v, params.gamma1 - 1, params.gamma1) for v in z_packed],
        h=hint_bit_unpack(params, sigma[h_start:]),
    )


def w1_encode(params: ParameterSet, w1: Vector) -> bytes:
    """Algorithm 28, w1Encode: w1 (k polynomials) as the bytes that are hashed."""
    return b"".join([simple_bit_pack(f, (q - 1) // (2 * params.gamma2) - 1) for f in w1])


def pieces(data: bytes, size: int) -> list[bytes]:
    """`data` cut every `size` bytes."""
    return [data[i : i + size] for i in range(0, len(data), size)]


# Section 7.3: pseudorandom sampling


def sample_in_ball(params: ParameterSet, rho: bytes) -> Poly:
    """Algorithm 29, SampleInBall: the challenge, tau coefficients of 1 or -1 and the others 0."""
    stream = squeeze(H, rho, 136, 136)
    block = next(stream)
    signs = int.from_bytes(block[:8], "little")
    candidates = iter(block[8:])
    c = [0] * 256
    for i in range(256 - params.tau, 256):
        while (j := next((x for x in candidates if x <= i), None)) is None:
            candidates = iter(next(stream))
        c[i] = c[j]
        c[j] = 1 - 2 * (signs & 1)
        signs >>= 1
    return c


def rej_ntt_poly(rho: bytes) -> Poly:
    """Algorithm 30, RejNTTPoly: a uniform element of T_q, by rejection, from a seed of 34 bytes."""
    return list(struct.unpack("<256I", rej_ntt_words(rho)))


def rej_ntt_words(rho: bytes) -> bytes:
    """Algorithm 30, RejNTTPoly, as 256 words of 32 bits, least significant byte first."""
    a_hat = b""
    for block in squeeze(G, rho, 5 * 168, 168):
        a_hat += coeffs_from_three_bytes(block)
        if len(a_hat) >= 4 * 256:
            break
    return a_hat[: 4 * 256]


def coeffs_from_three_bytes(block: bytes) -> bytes:
    """Algorithm 14, CoeffFromThreeBytes, for a whole block: words of 32 bits.

    Three bytes without their top bit make a candidate, which is taken if below q. All are looked at together:
    2^31 - q more reach the top bit of a word where it is not. That is one word in a thousand.
    """
    count = len(block) // 3
    words = bytearray(4 * count)
    words[0::4], words[1::4], words[2::4] = block[0::3], block[1::3], block[2::3].translate(CLEAR_TOP_BIT)
    sums = int.from_bytes(words, "little") + lanes.every(count, (1 << 31) - q, 32)
    rejected = sums & lanes.every(count, 1 << 31, 32)
    while rejected:
        last = rejected.bit_length() // 32 - 1
        del words[4 * last : 4 * last + 4]
        rejected -= 1 << 32 * last + 31
    return bytes(words)


CLEAR_TOP_BIT = bytes(b & 127 for b in range(256))
"""A table for bytes.translate."""


def coeff_from_half_byte(eta: int, b: int) -> int | None:
    """Algorithm 15, CoeffFromHalfByte: a coefficient in -eta .. eta from b in 0 .. 15; None rejects b."""
    if eta == 2 and b < 15:
        return 2 - b % 5
    if eta == 4 and b < 9:
        return 4 - b
    return None


def coeffs_from_byte(eta: int, z: int) -> list[int]:
    """Algorithm 31, the inside of the loop: the coefficients, none to two, of a byte; lower half first."""
    candidates = [coeff_from_half_byte(eta, z & 15), coeff_from_half_byte(eta, z >> 4)]
    return [x for x in candidates if x is not None]


LOWER_HALF, UPPER_HALF = bytes(b & 15 for b in range(256)), bytes(b >> 4 for b in range(256))
"""Tables for bytes.translate: a half of every byte."""

REJECTED = {eta: bytes(b for b in range(16) if coeff_from_half_byte(eta, b) is None) for eta in (2, 4)}
"""The half bytes that give no coefficient."""

COEFFS = {eta: bytes((coeff_from_half_byte(eta, b & 15) or 0) & 255 for b in range(256)) for eta in (2, 4)}
"""Tables for bytes.translate: the coefficient of every half byte, a negative one as a signed byte."""


def rej_bounded_poly(params: ParameterSet, rho: bytes) -> Poly:
    """Algorithm 31, RejBoundedPoly: coefficients uniform in -eta .. eta, by rejection; a 66-byte seed.

    The whole block at once: its half bytes are looked up, those that are rejected left out.
    """
    a = b""
    for block in squeeze(H, rho, 2 * 136, 136):
        half_bytes = bytearray(2 * len(block))
        half_bytes[0::2], half_bytes[1::2] = block.translate(LOWER_HALF), block.translate(UPPER_HALF)
        a += half_bytes.translate(COEFFS[params.eta], REJECTED[params.eta])
        if len(a) >= 256:
            break
    return list(struct.unpack("256b", a[:256]))


def expand_a(params: ParameterSet, rho: bytes) -> Matrix:
    """Algorithm 32, ExpandA: the k x l matrix A_hat, in the NTT domain, from the 32-byte seed rho."""
    return [
        [rej_ntt_poly(rho + integer_to_bytes(s, 1) + integer_to_bytes(r, 1)) for s in range(params.l)]
        for r in range(params.k)
    ]


def expand_a_columns(params: ParameterSet, rho: bytes) -> lanes.Columns:
    """Algorithm 32, ExpandA, for products in lanes: `expand_a`, column after column."""
    seeds = [[rho + integer_to_bytes(s, 1) + integer_to_bytes(r, 1) for r in range(params.k)] for s in range(params.l)]
    return lanes.columns([[rej_ntt_words(seed) for seed in column] for column in seeds])


def expand_s(params: ParameterSet, rho: bytes) -> tuple[Vector, Vector]:
    """Algorithm 33, ExpandS: the secrets s1 (l polynomials) and s2 (k) from a 64-byte seed."""
    s = [rej_bounded_poly(params, rho + integer_to_bytes(r, 2)) for r in range(params.l + params.k)]
    return s[: params.l], s[params.l :]


def expand_mask(params: ParameterSet, rho: bytes, mu: int) -> Vector:
    """Algorithm 34, ExpandMask: the mask y, l polynomials in -gamma1 + 1 .. gamma1, from a 64-byte seed."""
    return [
        bit_unpack(H(rho + integer_to_bytes(mu + r, 2), params.z_poly_size), params.gamma1 - 1, params.gamma1)
        for r in range(params.l)
    ]


# Section 7.4: high-order and low-order bits and hints


def power2round(r: Poly) -> Rounded:
    """Algorithm 35, Power2Round: r = r1 * 2^d + r0 with r0 in -2^(d-1) + 1 .. 2^(d-1), for r in 0 .. q-1."""
    r1 = [x + T0_MAX - 1 >> d for x in r]
    return Rounded(r1, [x - (high << d) for x, high in zip(r, r1, strict=True)])


def decompose(params: ParameterSet, r: Poly) -> Rounded:
    """Algorithm 36, Decompose: r = r1 * 2 * gamma2 + r0 modulo q, for r in 0 .. q-1.

    r1 is in 0 .. (q-1) / (2 * gamma2) - 1, and r0 in -gamma2 .. gamma2.
    """
    gamma2, step = params.gamma2, 2 * params.gamma2
    # Rounded to the nearest multiple of the step, half a step down: r0 = r mod+- (2 * gamma2).
    r1 = [(x + gamma2 - 1) // step for x in r]
    r0 = [x - high * step for x, high in zip(r, r1, strict=True)]
    # Line 3: above the last step there is half a step left, up to q - 1 = top * step. There r1 wraps to 0.
    top = (q - 1) // step
    if top in r1:
        r0 = [low - 1 if high == top else low for low, high in zip(r0, r1, strict=True)]
        r1 = [0 if high == top else high for high in r1]
    return Rounded(r1, r0)


def high_bits(params: ParameterSet, r: Poly) -> Poly:
    """Algorithm 37, HighBits: r1 of `decompose`."""
    return decompose(params, r).r1


def low_bits(params: ParameterSet, r: Poly) -> Poly:
    """Algorithm 38, LowBits: r0 of `decompose`."""
    return decompose(params, r).r0


def make_hint(params: ParameterSet, z: Vector, r: Vector) -> Vector:
    """Algorithm 39, MakeHint, for vectors: 1 where adding z to r changes the high bits, else 0."""
    r1 = [high_bits(params, f) for f in r]
    v1 = [high_bits(params, f) for f in add(r, z)]
    return [[int(a != b) for a, b in zip(f, g, strict=True)] for f, g in zip(r1, v1, strict=True)]


def use_hint(params: ParameterSet, h: Poly, r: Poly) -> Poly:
    """Algorithm 40, UseHint: the high bits of r, where h is 1 those of the neighbour that r0 leans to."""
    m = (q - 1) // (2 * params.gamma2)
    r1, r0 = decompose(params, r)
    return [(high + (1 if low > 0 else -1)) % m if hint else high for hint, high, low in zip(h, r1, r0, strict=True)]


# Section 7.5: NTT


def ntt(w: Poly) -> Poly:
    """Algorithm 41, NTT: from R_q to T_q. Coefficients may be any integers."""
    w_hat = list(w)
    m = 0
    for length in (128, 64, 32, 16, 8, 4, 2, 1):
        for start in range(0, 256, 2 * length):
            m += 1
            z = lanes.ZETAS[m]
            for j in range(start, start + length):
                t = z * w_hat[j + length] % q
                w_hat[j + length] = (w_hat[j] - t) % q
                w_hat[j] = (w_hat[j] + t) % q
    return w_hat


def ntt_inverse(w_hat: Poly) -> Poly:
    """Algorithm 42, NTT^-1: from T_q to R_q. Coefficients may be any integers."""
    w = list(w_hat)
    m = 256
    for length in (1, 2, 4, 8, 16, 32, 64, 128):
        for start in range(0, 256, 2 * length):
            m -= 1
            z = -lanes.ZETAS[m]
            for j in range(start, start + length):
                t = w[j]
                w[j] = (t + w[j + length]) % q
                w[j + length] = z * (t - w[j + length]) % q
    f = 8347681  # 256^-1 mod q
    return [f * x % q for x in w]


# Section 7.6: arithmetic under NTT, and in R_q what is alike


def add(v: Vector, w: Vector) -> Vector:
    """Algorithm 46, AddVectorNTT, and v + w in R_q."""
    return [[(a + b) % q for a, b in zip(f, g, strict=True)] for f, g in zip(v, w, strict=True)]


def subtract(v: Vector, w: Vector) -> Vector:
    """v - w, in T_q or in R_q."""
    return [[(a - b) % q for a, b in zip(f, g, strict=True)] for f, g in zip(v, w, strict=True)]


def negate(v: Vector) -> Vector:
    """-v, in T_q or in R_q."""
    return [[-a % q for a in f] for f in v]


def matrix_vector_ntt(M_hat: Matrix, v_hat: Vector) -> Vector:
    """Algorithms 44, 45 and 48, AddNTT, MultiplyNTT, MatrixVectorNTT: each sum of products reduced once."""
    w_hat = []
    for row in M_hat:
        total = [0] * 256
        for a_hat, f in zip(row, v_hat, strict=True):
            total = [x + a * b for x, a, b in zip(total, a_hat, f, strict=True)]
        w_hat.append([x % q for x in total])
    return w_hat


def vector_ntt(v: Vector) -> Vector:
    """Section 2.5: NTT of each polynomial."""
    return [ntt(f) for f in v]


def vector_ntt_inverse(v_hat: Vector) -> Vector:
    """Section 2.5: NTT^-1 of each polynomial."""
    return [ntt_inverse(f) for f in v_hat]


def challenge_times(c: Poly, v: Vector) -> Vector:
    """c * v in R_q, for a challenge c; signed coefficients, not reduced by q, below 2^31 in absolute value."""
    return lanes.split(lanes.challenge_times(c, lanes.narrow(v, 32)), len(v))


# Section 2.3: notation


def mod_pm_q(v: Vector) -> Vector:
    """Section 2.3, mod+-: the representatives of the coefficients in -(q-1)/2 .. (q-1)/2."""
    half = q // 2
    return [[(x + half) % q - half for x in f] for f in v]


def infinity_norm(v: Vector) -> int:
    """Section 2.3: the greatest absolute value of a coefficient, for coefficients that are signed already."""
    return max(max(max(f), -min(f)) for f in v)


def number_of_ones(h: Vector) -> int:
    """Algorithm 7, line 28: the ones in a hint."""
    return sum(map(sum, h))
