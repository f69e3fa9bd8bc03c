"""What the suites of ML-DSA-65 share: keys, attempts at signatures, and signatures to order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from nen_ref.primitives import ml_dsa
from nen_ref.primitives import ml_dsa_lanes as lanes
from nen_ref.primitives.ml_dsa import DETERMINISTIC, ML_DSA_65, Commitment, KeyPair, Poly, Rejection, Signing, Vector
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Event, Flag

Z_BOUND = ML_DSA_65.gamma1 - ML_DSA_65.beta
"""Line 23 of algorithm 7 and line 13 of algorithm 8: the norm of z is below this, 524092."""

R0_BOUND = ML_DSA_65.gamma2 - ML_DSA_65.beta
"""Line 23 of algorithm 7: the norm of r0 is below this, 261692."""

OMEGA, K, L = ML_DSA_65.omega, ML_DSA_65.k, ML_DSA_65.l


@lru_cache(maxsize=64)
def key_pair(xi: bytes) -> KeyPair:
    return ml_dsa.keygen_internal(ML_DSA_65, xi)


# Attempts


@lru_cache(maxsize=4)
def _prepared(sk: bytes) -> Signing:
    return ml_dsa.begin_signing(ML_DSA_65, sk, bytes(64), DETERMINISTIC)


def begin(sk: bytes, M: bytes, ctx: bytes = b"", rnd: bytes = DETERMINISTIC) -> Signing:
    """What the attempts at a signature start from. What depends on the key alone is computed once."""
    mu = ml_dsa.message_representative(sk[64:128], ml_dsa.format_message(M, ctx))
    return _prepared(sk)._replace(mu=mu, rho_prime_prime=ml_dsa.H(sk[32:64] + rnd + mu, 64))


class Signed(NamedTuple):
    """A signature, and why the attempts before it were dropped."""

    signature: bytes
    rejections: tuple[Rejection, ...]

    @property
    def attempts(self) -> int:
        return len(self.rejections) + 1


def sign(signing: Signing) -> Signed:
    """Algorithm 7, with an account of its attempts."""
    rejections: list[Rejection] = []
    while not isinstance(outcome := ml_dsa.attempt(ML_DSA_65, signing, L * len(rejections)), bytes):
        rejections.append(outcome)
    return Signed(outcome, tuple(rejections))


@dataclass(frozen=True)
class Looked:
    """The first attempt at a signature with all that algorithm 7 looks at, whether or not it is dropped."""

    commitment: Commitment
    z: Vector
    w_minus_cs2: Vector
    h: Vector

    @property
    def z_norm(self) -> int:
        return ml_dsa.infinity_norm(self.z)

    @property
    def r0(self) -> Vector:
        return [ml_dsa.low_bits(ML_DSA_65, f) for f in self.w_minus_cs2]

    @property
    def r0_norm(self) -> int:
        return ml_dsa.infinity_norm(self.r0)

    @property
    def ones(self) -> int:
        return ml_dsa.number_of_ones(self.h)

    @property
    def signature(self) -> bytes:
        """Line 33, as if the attempt were good; for one with at most omega ones."""
        return ml_dsa.sig_encode(ML_DSA_65, self.commitment.c_tilde, self.z, self.h)


def response(signing: Signing, commitment: Commitment) -> Vector:
    """Algorithm 7, lines 18 and 20: z, whatever its norm."""
    return lanes.split(commitment.y + lanes.challenge_times(commitment.c, signing.s1), L)


def look(signing: Signing) -> Looked:
    """Algorithm 7, lines 11 to 26 for kappa = 0, without the conditions."""
    commitment = ml_dsa.commit(ML_DSA_65, signing, 0)
    rest = lanes.mod_q(commitment.w - lanes.challenge_times(commitment.c, signing.s2), K)
    ct0 = lanes.challenge_times(commitment.c, signing.t0)
    return Looked(
        commitment,
        response(signing, commitment),
        lanes.split(rest, K),
        lanes.split(lanes.make_hint(-ct0, rest + ct0, K, ML_DSA_65.gamma2), K),
    )


def candidates_read(c_tilde: bytes) -> int:
    """The bytes of the XOF that SampleInBall looks at for a place, after the eight of the signs."""
    read = 8
    stream = ml_dsa.H(c_tilde, 8 + 128)  # more than 128 have a chance of 2^-140
    for i in range(256 - ML_DSA_65.tau, 256):
        while stream[read] > i:
            read += 1
        read += 1
    return read - 8


# Events of signing


@dataclass(frozen=True)
class Search:
    """An event of signing: `occurs` for what the attempts start from."""

    flag: Flag
    says: str
    occurs: Callable[[Signing], bool]
    tries: int


def first_rejection(why: Rejection) -> Callable[[Signing], bool]:
    return lambda signing: ml_dsa.attempt(ML_DSA_65, signing, 0) is why


def of_attempts(least: int, most: int) -> Callable[[Signing], bool]:
    """Whether the number of attempts is in this range."""

    def occurs(signing: Signing) -> bool:
        outcomes = (ml_dsa.attempt(ML_DSA_65, signing, L * n) for n in range(most))
        at = next((n for n, outcome in enumerate(outcomes, 1) if isinstance(outcome, bytes)), most + 1)
        return least <= at <= most

    return occurs


def z_norm_is(norm: int) -> Callable[[Signing], bool]:
    """Whether the first attempt has this norm of z, and nothing else that would drop it."""

    def occurs(signing: Signing) -> bool:
        if ml_dsa.infinity_norm(response(signing, ml_dsa.commit(ML_DSA_65, signing, 0))) != norm:
            return False
        looked = look(signing)
        return looked.r0_norm < R0_BOUND and looked.ones <= OMEGA

    return occurs


def r0_norm_is(norm: int) -> Callable[[Signing], bool]:
    """The same for the norm of r0."""

    def occurs(signing: Signing) -> bool:
        looked = look(signing)
        return looked.r0_norm == norm and looked.z_norm < Z_BOUND and looked.ones <= OMEGA

    return occurs


def r0_norm_wrapped(signing: Signing) -> bool:
    """Whether r0 is at the bound only where line 3 of Decompose has made it one less."""
    looked = look(signing)
    if looked.r0_norm != R0_BOUND or looked.z_norm >= Z_BOUND or looked.ones > OMEGA:
        return False
    at_bound = [
        coefficient
        for f, low in zip(looked.w_minus_cs2, looked.r0, strict=True)
        for coefficient, r0 in zip(f, low, strict=True)
        if abs(r0) == R0_BOUND
    ]
    return all(coefficient >= ml_dsa.q - ML_DSA_65.gamma2 for coefficient in at_bound)


def ones_are(number: int) -> Callable[[Signing], bool]:
    """The same for the ones of the hint."""

    def occurs(signing: Signing) -> bool:
        looked = look(signing)
        return looked.ones == number and looked.z_norm < Z_BOUND and looked.r0_norm < R0_BOUND

    return occurs


def many_candidates(signing: Signing) -> bool:
    """Whether the first attempt is good and its challenge took many candidates."""
    outcome = ml_dsa.attempt(ML_DSA_65, signing, 0)
    return isinstance(outcome, bytes) and candidates_read(outcome[:48]) >= MANY_CANDIDATES


MANY_CANDIDATES = 64
MANY_ATTEMPTS = 52

LOOP, BOUNDS = ("FIPS 204, algorithm 7, lines 10 to 32",), ("FIPS 204, algorithm 7, line 23",)
ONES = ("FIPS 204, algorithm 7, line 28",)
OTHER_SIGNATURES = "signatures differ from everybody else's, and their distribution tells something of the key"

SEARCHES: Mapping[str, Search] = {
    "OneAttempt": Search(
        Flag("edge case", "the first attempt is the signature", "the loop drops what it ought to keep", LOOP),
        "the first attempt at the signature is good",
        of_attempts(1, 1), 5),
    "TwoAttempts": Search(
        Flag("edge case", "the second attempt, with kappa = 5, is the signature",
             "a mask that is used twice gives the key away: kappa goes up by l = 5, not by 1", LOOP),
        "the second attempt is good",
        of_attempts(2, 2), 6),
    "ManyAttempts": Search(
        Flag("edge case", "52 attempts or more, so that kappa + r passes 255",
             "a loop with a low limit, or kappa in one byte, fails for one message in tens of thousands",
             ("FIPS 204, algorithm 34, line 3", "FIPS 204, appendix C")),
        "it takes 52 attempts or more",
        of_attempts(MANY_ATTEMPTS, ml_dsa.MAX_ATTEMPTS), 65_000),
    "FirstRejectionZ": Search(
        Flag("edge case", "the first attempt is dropped for the norm of z", OTHER_SIGNATURES, BOUNDS),
        "the first attempt is dropped because the norm of z is too great",
        first_rejection(Rejection.Z_NORM), 3),
    "FirstRejectionR0": Search(
        Flag("edge case", "the first attempt is dropped for the norm of r0, with a good z", OTHER_SIGNATURES, BOUNDS),
        "the first attempt is dropped because the norm of r0 is too great",
        first_rejection(Rejection.R0_NORM), 3),
    "FirstRejectionHint": Search(
        Flag("edge case", "the first attempt is dropped for a hint of more than 55 ones",
             "the encoder of the hint writes past its 55 bytes, or the signature does not verify", ONES),
        "the first attempt is dropped because its hint has more than 55 ones",
        first_rejection(Rejection.HINT), 1300),
    "ZNormMaximal": Search(
        Flag("edge case", "a z with the greatest norm that is allowed, gamma1 - beta - 1 = 524091",
             "a bound that is off by one drops good attempts, or a verifier refuses good signatures", BOUNDS),
        "the first attempt is good and z has the norm gamma1 - beta - 1",
        z_norm_is(Z_BOUND - 1), 2200),
    "ZNormAtBound": Search(
        Flag("edge case", "a z with the norm gamma1 - beta = 524092, the least that is not allowed, in an attempt that "
             "is otherwise good", "a bound that is off by one gives signatures that nobody accepts", BOUNDS),
        "the first attempt is dropped only because z has the norm gamma1 - beta",
        z_norm_is(Z_BOUND), 1900),
    "R0NormMaximal": Search(
        Flag("edge case", "an r0 with the greatest norm that is allowed, gamma2 - beta - 1 = 261691",
             OTHER_SIGNATURES, BOUNDS),
        "the first attempt is good and r0 has the norm gamma2 - beta - 1",
        r0_norm_is(R0_BOUND - 1), 800),
    "R0NormAtBound": Search(
        Flag("edge case", "an r0 with the norm gamma2 - beta = 261692, the least that is not allowed, in an attempt "
             "that is otherwise good", OTHER_SIGNATURES, BOUNDS),
        "the first attempt is dropped only because r0 has the norm gamma2 - beta",
        r0_norm_is(R0_BOUND), 900),
    "R0NormWrapped": Search(
        Flag("edge case", "an r0 with the norm gamma2 - beta, which it has only because line 3 of Decompose takes one "
             "off, in an attempt that is otherwise good", OTHER_SIGNATURES, ("FIPS 204, algorithm 36, line 3",)),
        "the first attempt is dropped only because r0 is gamma2 - beta by line 3 of Decompose",
        r0_norm_wrapped, 27_000),
    "HintMaximal": Search(
        Flag("edge case", "a hint of 55 ones, which leaves no byte of its encoding unused",
             "a bound that is off by one drops good attempts, or the ends of the hint overwrite a place", ONES),
        "the first attempt is good and its hint has 55 ones",
        ones_are(OMEGA), 3000),
    "HintBeyond": Search(
        Flag("edge case", "a hint of 56 ones, one more than is allowed, in an attempt that is otherwise good",
             "the encoder of the hint writes past its 55 bytes", ONES),
        "the first attempt is dropped only because its hint has 56 ones",
        ones_are(OMEGA + 1), 3500),
    "LongSampleInBall": Search(
        Flag("edge case", "the challenge takes 64 or more candidates to place its 49 coefficients",
             "a sampler that reads a fixed number of bytes gives another challenge now and then",
             ("FIPS 204, algorithm 29, lines 7 to 9",)),
        "the first attempt is good and SampleInBall reads 64 candidates or more",
        many_candidates, 5000),
}  # fmt: skip
"""All searches for a message, or for rnd, under one key; how many tries they take is from 160 000 of them."""


def events(names: Sequence[str], begin_try: Callable[[Draw, str, int], Signing]) -> tuple[Event, ...]:
    """Events of these names. `begin_try(draw, name, i)` is what the i-th try of an event starts from."""

    def event(name: str, search: Search) -> Event:
        return Event(name, search.says, lambda draw, i: search.occurs(begin_try(draw, name, i)), search.tries)

    return tuple(event(name, SEARCHES[name]) for name in names)


def in_order(found: Mapping[str, int], names: Iterable[str]) -> list[tuple[str, int]]:
    """The events that were found and where, in the order of the names."""
    return [(name, found[name]) for name in names if name in found]


def slug(name: str) -> str:
    """A flag's CamelCase name as a part of an id."""
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("-")


def signing_steps(a: dict[str, Any]) -> Mapping[str, Any]:
    """The intermediate values of a signature; none where the context is refused."""
    ctx = a.get("ctx", b"")
    if len(ctx) > 255:
        return {}
    signing = begin(a["sk"], a["message"], ctx, a["rnd"])
    signed = sign(signing)
    return {
        "mu": signing.mu,
        "rho_prime_prime": signing.rho_prime_prime,
        "rejections": [why.name for why in signed.rejections],
        "attempts": signed.attempts,
        "kappa": L * len(signed.rejections),
        "c_tilde": signed.signature[: ML_DSA_65.c_tilde_size],
    }


# Signatures to order


@dataclass(frozen=True)
class FreeKey:
    """A public key whose t1 is 0, for which everybody can make signatures with a z and an h of his choice.

    Verification computes A * z - c * t1 * 2^d. Without the second term the challenge does not matter, and c_tilde can
    be computed from z and h. The standard has such a key decoded and used like any other.
    """

    rho: bytes

    @property
    def pk(self) -> bytes:
        return self.rho + bytes(ML_DSA_65.pk_size - 32)

    def c_tilde(self, M: bytes, z: Vector, h: Vector) -> bytes:
        """The c_tilde that z and h verify with."""
        mu = ml_dsa.message_representative(ml_dsa.H(self.pk, 64), ml_dsa.format_message(M, b""))
        return ml_dsa.recommit(ML_DSA_65, ml_dsa.pk_decode(ML_DSA_65, self.pk), mu, bytes(48), z, h)

    def w(self, z: Vector) -> Vector:
        """A * z: what the hint is applied to."""
        z_hat = ml_dsa.vector_ntt(z)
        return ml_dsa.vector_ntt_inverse(ml_dsa.matrix_vector_ntt(_matrix(self.rho), z_hat))

    def z_with(self, draw: Draw, target: int) -> tuple[Vector, int, int]:
        """A z for which a coefficient of A * z is `target`, in what row and at what place.

        One coefficient of a drawn z is changed: by the difference over what it is multiplied with, if that is small
        enough, which it is for one place of eight.
        """
        z = drawn_z(draw)
        w = self.w(z)
        for row in range(K):
            column = ml_dsa.ntt_inverse(_matrix(self.rho)[row][0])
            for place, (a, have) in enumerate(zip(column, w[row], strict=True)):
                change = (target - have) * pow(a, -1, ml_dsa.q) % ml_dsa.q if a else 0
                [[value]] = ml_dsa.mod_pm_q([[z[0][0] + change]])
                if change and abs(value) < Z_BOUND:
                    return [[value, *z[0][1:]], *z[1:]], row, place
        raise ValueError("no place of w can be made the target")


@lru_cache(maxsize=2)
def _matrix(rho: bytes) -> ml_dsa.Matrix:
    return ml_dsa.expand_a(ML_DSA_65, rho)


def drawn_z(draw: Draw) -> Vector:
    """A z far within its bound: coefficients of 18 bits in -2^17 + 1 .. 2^17."""
    return [ml_dsa.bit_unpack(draw(f"z/{i}", 576), (1 << 17) - 1, 1 << 17) for i in range(L)]


def hint(*rows: Sequence[int]) -> Vector:
    """h with ones at these places of each row; rows that are not given have none."""
    return [[int(place in row) for place in range(256)] for row in (*rows, *[()] * (K - len(rows)))]


def hint_bytes(places: Sequence[int], ends: Sequence[int]) -> bytes:
    """An encoding of a hint as it comes: 55 bytes of places, the unused ones 0, and six ends."""
    return bytes(places).ljust(OMEGA, b"\0") + bytes(ends)


def assemble(c_tilde: bytes, z: Vector, encoded_hint: bytes) -> bytes:
    """Algorithm 26, sigEncode, around a hint that is encoded already. z may be as large as its encoding can hold."""
    return c_tilde + b"".join(ml_dsa.bit_pack(f, ML_DSA_65.gamma1 - 1, ML_DSA_65.gamma1) for f in z) + encoded_hint


def with_value(z: Vector, row: int, place: int, value: int) -> Vector:
    """z with one coefficient replaced."""
    f: Poly = list(z[row])
    f[place] = value
    return [*z[:row], f, *z[row + 1 :]]
