"""What the suites of ML-KEM-768 share: keys with one thing altered, and the values on the way of FIPS 203.

The intermediate values whose names end in `_sha3_256` are SHA3-256 of ByteEncode_12 of the polynomials, one after the
other, a matrix row by row: too long to print, and enough to find the step at which two implementations part.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import shake_128
from itertools import accumulate
from typing import Any, NamedTuple

from nen_ref.primitives.ml_kem import (
    ML_KEM_512,
    ML_KEM_768,
    ML_KEM_1024,
    PRF,
    G,
    H,
    Matrix,
    Poly,
    Vector,
    add,
    add_vectors,
    byte_decode,
    byte_decode_vector,
    byte_encode,
    byte_encode_vector,
    compress,
    decompress,
    inner_product,
    keygen_internal,
    multiply_matrix_vector,
    ntt_inverse,
    ntt_inverse_vector,
    ntt_vector,
    q,
    sample_matrix,
    sample_poly_cbd,
    sample_vector,
    transpose,
    twelve_bit_integers,
)
from nen_ref.vectors.alter import with_coefficient
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Event, Flag, Found, Input, Test, invalid, valid

K, ETA = ML_KEM_768.k, ML_KEM_768.eta1
T_SIZE = ML_KEM_768.dk_pke_size
"""Bytes of t_hat in ek, and of s_hat in dk: 1152."""

U_SIZE = 32 * ML_KEM_768.du * K
"""Bytes of c1, the compressed u: 960. The compressed v follows."""

BLOCK = 168
"""Bytes of one block of SHAKE128."""


def digest(*polynomials: Poly) -> bytes:
    """SHA3-256 of ByteEncode_12 of the polynomials."""
    return H(byte_encode_vector(list(polynomials), 12))


# Sampling of the matrix

INTERMEDIATE_NOTES = (
    "Intermediate values whose names end in _sha3_256 are SHA3-256 of ByteEncode_12 of the polynomials, one after the "
    "other, a matrix row by row; c_prime_sha3_256 is that of the bytes."
)


@dataclass(frozen=True)
class Sampling:
    """What SampleNTT reads for one polynomial: the candidates of 12 bits up to the one that fills it, and those that
    stand in the same three bytes."""

    candidates: tuple[int, ...]
    last: int

    @property
    def size(self) -> int:
        """Bytes that are read from the XOF."""
        return 3 * (len(self.candidates) // 2)

    @property
    def first(self) -> tuple[int, ...]:
        """Every d1."""
        return self.candidates[0::2]

    @property
    def second(self) -> tuple[int, ...]:
        """Every d2."""
        return self.candidates[1::2]

    @property
    def drops(self) -> bool:
        """Whether d1 fills the polynomial, and a d2 that is below q is one too many."""
        return self.last % 2 == 0 and self.candidates[self.last + 1] < q


def sampling(B: bytes) -> Sampling:
    """FIPS 203, algorithm 7, for rho and two indexes. Six blocks hold 256 candidates below q but for one in 2^300."""
    candidates = twelve_bit_integers(shake_128(B).digest(6 * BLOCK))
    last = list(accumulate(int(d < q) for d in candidates)).index(256)
    return Sampling(candidates[: 2 * (last // 2) + 2], last)


def samplings(rho: bytes) -> list[Sampling]:
    """Those of all nine polynomials of A, row by row."""
    return [sampling(rho + bytes([j, i])) for i in range(K) for j in range(K)]


def need_more(rho: bytes, size: int) -> list[bool]:
    """Whether each of the nine polynomials needs more than `size` bytes of the XOF: quicker than `samplings`."""
    seeds = [rho + bytes([j, i]) for i in range(K) for j in range(K)]
    return [sum(map(q.__gt__, twelve_bit_integers(shake_128(B).digest(size)))) < 256 for B in seeds]


# The steps of K-PKE, with what is thrown away on the way


class Generation(NamedTuple):
    """FIPS 203, algorithm 13."""

    rho: bytes
    sigma: bytes
    A_hat: Matrix
    s: Vector
    e: Vector
    s_hat: Vector
    t_hat: Vector


def generation(d: bytes) -> Generation:
    rho, sigma = G(d + bytes([K]))
    A_hat = sample_matrix(rho, K)
    s, e = sample_vector(sigma, range(K), ETA), sample_vector(sigma, range(K, 2 * K), ETA)
    s_hat = ntt_vector(s)
    t_hat = add_vectors(multiply_matrix_vector(A_hat, s_hat), ntt_vector(e))
    return Generation(rho, sigma, A_hat, s, e, s_hat, t_hat)


class Encryption(NamedTuple):
    """FIPS 203, algorithm 14; u and v before they are compressed."""

    A_hat: Matrix
    y: Vector
    e1: Vector
    e2: Poly
    u: Vector
    v: Poly
    c: bytes


def encryption(ek: bytes, m: bytes, r: bytes) -> Encryption:
    t_hat, rho = byte_decode_vector(ek[:T_SIZE], 12), ek[T_SIZE:]
    A_hat = sample_matrix(rho, K)
    y, e1 = sample_vector(r, range(K), ETA), sample_vector(r, range(K, 2 * K), ETA)
    e2 = sample_poly_cbd(PRF(r, 2 * K, ETA), ETA)
    y_hat = ntt_vector(y)
    u = add_vectors(ntt_inverse_vector(multiply_matrix_vector(transpose(A_hat), y_hat)), e1)
    v = add(add(ntt_inverse(inner_product(t_hat, y_hat)), e2), decompress(byte_decode(m, 1), 1))
    c1 = byte_encode_vector([compress(f, ML_KEM_768.du) for f in u], ML_KEM_768.du)
    return Encryption(A_hat, y, e1, e2, u, v, c1 + byte_encode(compress(v, ML_KEM_768.dv), ML_KEM_768.dv))


def encryption_intermediate(ek: bytes, m: bytes, r: bytes) -> Mapping[str, Any]:
    """What one compares when a ciphertext is not the expected one."""
    made = encryption(ek, m, r)
    return {
        "A_hat_sha3_256": digest(*(f for row in made.A_hat for f in row)),
        "y_sha3_256": digest(*made.y),
        "e1_sha3_256": digest(*made.e1),
        "e2_sha3_256": digest(made.e2),
        "u_sha3_256": digest(*made.u),
        "v_sha3_256": digest(made.v),
        "u_begins": made.u[0][:8],
        "v_begins": made.v[:8],
    }


# Noise


def size_of(f: Poly) -> int:
    """The sum of the distances of the coefficients from zero."""
    return sum(min(x, q - x) for x in f)


LARGE_NOISE = 230
"""Of `size_of`; the mean of a polynomial is 192, the standard deviation 10.6."""


def is_large(noise: Vector) -> bool:
    return any(size_of(f) >= LARGE_NOISE for f in noise)


def extreme_at_ends(noise: Vector) -> bool:
    """Whether the first coefficient of all is 2, and the last -2."""
    return noise[0][0] == ETA and noise[-1][-1] == q - ETA


# Events of a key, by its seed d


@dataclass(frozen=True)
class Rare:
    """Something rare of a value of 32 bytes, such as the seed d of a key. `comment` is that of the vector."""

    name: str
    comment: str
    tries: int
    occurs: Callable[[bytes], bool]
    flag: Flag
    id: str

    def value(self, draw: Draw, i: int) -> bytes:
        """The value of the i-th try."""
        return draw(f"search/{self.name}/{i}")

    def event(self) -> Event:
        return Event(self.name, self.flag.says, lambda draw, i: self.occurs(self.value(draw, i)), self.tries)


def shown(rares: tuple[Rare, ...], draw: Draw, found: Found, input_of: Callable[[bytes], Input]) -> list[Test]:
    """A vector for each event that was found."""
    return [
        valid(rare.id, rare.comment, input_of(rare.value(draw, found[rare.name])), rare.name)
        for rare in rares
        if rare.name in found
    ]


def rho_of(d: bytes) -> bytes:
    return G(d + bytes([K]))[0]


def of_matrix(test: Callable[[list[Sampling]], bool]) -> Callable[[bytes], bool]:
    """An event of the matrix that belongs to the seed d."""
    return lambda d: test(samplings(rho_of(d)))


def two_in_one_row(d: bytes) -> bool:
    long = need_more(rho_of(d), 3 * BLOCK)
    return any(sum(long[i : i + K]) > 1 for i in range(0, K * K, K))


LONGEST = 531
"""Bytes read from the XOF for one polynomial. One key in 3300 reads as much, or more, for one of its nine."""

ALGORITHM_7 = ("FIPS 203, algorithm 7", "FIPS 203, section 4.2.2", "V1-PRIM-01")


def _candidate(value: int, name: str, position: int) -> Rare:
    where, said = ("d1", "d2")[position - 1], {q: "rejected", q - 1: "accepted", 4095: "rejected"}[value]

    def occurs(samples: list[Sampling]) -> bool:
        here, other = (s.first for s in samples), (s.second for s in samples)
        if position == 2:
            here, other = other, here
        return any(value in candidates for candidates in here) and not any(value in candidates for candidates in other)

    return Rare(
        f"Candidate{name}As{where.upper()}",
        f"SampleNTT meets {value} as {where}, and never as the other, and has to have it {said}",
        5,
        of_matrix(occurs),
        Flag(
            "edge case",
            f"a candidate of SampleNTT is exactly {value}, as {where} and nowhere else in the matrix: it is {said}",
            "one matrix in two is another one than everybody else's, and its keys work with nobody",
            ALGORITHM_7,
        ),
        f"candidate-{value}-as-{where}",
    )


SAMPLING = (
    Rare(
        "FourthBlock",
        "a polynomial of A needs a fourth block of SHAKE128",
        14,
        lambda d: any(need_more(rho_of(d), 3 * BLOCK)),
        Flag(
            "edge case",
            "three blocks of SHAKE128 hold fewer than 256 candidates below q for a polynomial of A",
            "a sampler that reads a fixed number of bytes gives zeros, crashes or reads too far, for one key in 14",
            (*ALGORITHM_7, "https://cryptojedi.org/papers/terminate-20230516.pdf"),
        ),
        "fourth-block",
    ),
    Rare(
        "LongestRead",
        f"a polynomial of A needs {LONGEST} bytes of SHAKE128 or more",
        3300,
        lambda d: any(need_more(rho_of(d), LONGEST - 3)),
        Flag(
            "edge case",
            f"SampleNTT reads {LONGEST} bytes or more, where 472 are the mean",
            "a sampler whose buffer is a little longer than usual passes every common test, and fails for rare keys",
            (*ALGORITHM_7, "FIPS 203, appendix B"),
        ),
        "longest-read",
    ),
    Rare(
        "TwoLongReads",
        "two polynomials of one row of A need a fourth block of SHAKE128",
        1600,
        two_in_one_row,
        Flag(
            "edge case",
            "more than one polynomial of a row of A needs a fourth block",
            "a sampler that works on several polynomials at once continues only one of them",
            ALGORITHM_7,
        ),
        "two-long-reads",
    ),
    Rare(
        "ExactlyThreeBlocks",
        "the last coefficient of a polynomial of A comes from the last three bytes of the third block",
        20,
        of_matrix(lambda samples: any(s.size == 3 * BLOCK for s in samples)),
        Flag(
            "edge case",
            "SampleNTT ends exactly with the third block of SHAKE128",
            "a sampler that is one off at the end of its buffer loses the last coefficient",
            ALGORITHM_7,
        ),
        "exactly-three-blocks",
    ),
    Rare(
        "ThreeBytesMore",
        "a polynomial of A needs the first three bytes of the fourth block and no more",
        30,
        of_matrix(lambda samples: any(s.size == 3 * BLOCK + 3 for s in samples)),
        Flag(
            "edge case",
            "SampleNTT needs three bytes more than three blocks of SHAKE128",
            "a sampler that does not continue where it stopped takes the wrong bytes for the last coefficient",
            ALGORITHM_7,
        ),
        "three-bytes-more",
    ),
    Rare(
        "SurplusD2",
        "in every polynomial of one row of A, d1 is the last coefficient, and the d2 beside it would be a good one too",
        6,
        of_matrix(lambda samples: any(all(s.drops for s in samples[i : i + K]) for i in (0, 3, 6))),
        Flag(
            "edge case",
            "d1 fills the polynomial and d2 is below q as well: `d2 < q and j < 256`",
            "a sampler without the second condition writes a coefficient behind the end of its array",
            ALGORITHM_7,
        ),
        "surplus-d2",
    ),
    *(
        _candidate(value, name, position)
        for value, name in ((q, "Q"), (q - 1, "QMinus1"), (4095, "4095"))
        for position in (1, 2)
    ),
)  # fmt: skip
"""Events in the sampling of A, of the seed d of a key."""

SAMPLING_FLAGS = {rare.name: rare.flag for rare in SAMPLING}


# Encapsulation keys with something altered

EK_CHECK = ("FIPS 203, section 7.2", "V1-PRIM-02")
POSITIONS = (0, 1, 127, 128, 254, 255)
"""Indexes in a polynomial that are worth a vector, even and odd: two coefficients of 12 bits share three bytes."""

EK_FLAGS = {
    "LargestCoefficient": Flag(
        "edge case",
        "a coefficient of t_hat is q-1 = 3328, the largest that is valid",
        "good keys are refused, one in five",
        EK_CHECK,
    ),
    "CoefficientQ": Flag(
        "missing check",
        "a coefficient of t_hat is exactly q = 3329, the smallest that is not valid",
        "one key has several encodings, and what was agreed on with one of them is not what the other side computes",
        EK_CHECK,
    ),
    "CoefficientAboveQ": Flag(
        "missing check",
        "a coefficient of t_hat is above q",
        "an attacker who alters a key chooses numbers for which the arithmetic was never proven to hold",
        EK_CHECK,
    ),
    "AliasOfKey": Flag(
        "malleability",
        "q is added to coefficients of a good key: it is the same modulo q, in other bytes",
        "one key has several encodings, so that a list of revoked or pinned keys is passed by",
        EK_CHECK,
    ),
    "EkLength": Flag(
        "missing check",
        "the key does not have 1184 bytes",
        "memory behind the key is read, or bytes behind it are ignored and one key has many encodings",
        ("FIPS 203, section 7.2, step 1", "V1-PRIM-02"),
    ),
    "EkConfusion": Flag(
        "confusion",
        "a good key in another form than the one of FIPS 203, or of another parameter set",
        "a wrapped, doubled or weaker key passes for an ML-KEM-768 key",
        ("FIPS 203, table 3", *EK_CHECK),
    ),
}  # fmt: skip

SPKI_HEAD = bytes.fromhex("308204b2300b0609608648016503040402038204a100")
"""What stands before an ML-KEM-768 key in a SubjectPublicKeyInfo: RFC 9935, section 3."""


def coefficient(ek: bytes, index: int) -> int:
    """The coefficient of this index in 0 .. 767, not reduced."""
    pair = int.from_bytes(ek[index // 2 * 3 :][:3], "little")
    return pair >> 12 * (index % 2) & 0xFFF


def with_other_coefficient(ek: bytes, index: int) -> bytes:
    """The key with another coefficient there, one that is below q too."""
    return with_coefficient(ek, index, (coefficient(ek, index) + 1) % q)


def coefficient_test(ek: bytes, value: int, polynomial: int, index: int, more: Mapping[str, Any]) -> Test:
    """A vector on an ek of which one coefficient is `value`: valid below q."""
    name = f"{value}-in-polynomial-{polynomial}-at-{index}"
    where = f"coefficient {index} of polynomial {polynomial}"
    given = {"ek": with_coefficient(ek, 256 * polynomial + index, value), **more}
    if value < q:
        return valid(name, f"{where} is {value}, the largest below q", given, "LargestCoefficient")
    flag = "CoefficientQ" if value == q else "CoefficientAboveQ"
    return invalid(name, f"{where} is {value}" + (", exactly q" if value == q else ""), given, flag)


def alias(ek: bytes, count: int) -> bytes:
    """The key with q added to the first `count` coefficients that then still fit into 12 bits."""
    small = [index for index in range(256 * K) if coefficient(ek, index) + q < 4096]
    for index in small[:count]:
        ek = with_coefficient(ek, index, coefficient(ek, index) + q)
    return ek


def length_tests(ek: bytes, more: Mapping[str, Any]) -> list[Test]:
    """Refusals of an ek that is cut or longer."""
    cut = [(0, "no bytes at all"), (1, "only the first byte of a key"), (1183, "a key without its last byte")]
    return [
        *(invalid(f"length-{size}", comment, {"ek": ek[:size], **more}, "EkLength") for size, comment in cut),
        invalid("length-1152-without-rho", "t_hat without rho", {"ek": ek[:T_SIZE], **more}, "EkLength"),
        invalid("length-1183-without-first", "a key without its first byte", {"ek": ek[1:], **more}, "EkLength"),
        invalid("length-1185-zero-behind", "a zero byte behind a good key", {"ek": ek + b"\0", **more}, "EkLength"),
        invalid("length-1185-zero-before", "a zero byte before a good key", {"ek": b"\0" + ek, **more}, "EkLength"),
        invalid("length-1216-random-behind", "32 bytes behind a good key", {"ek": ek + H(ek), **more}, "EkLength"),
    ]


def confusion_tests(draw: Draw, ek: bytes, more: Mapping[str, Any]) -> list[Test]:
    """Refusals of an ek that is good in another form, or elsewhere."""
    d, z = draw("other-set/d"), draw("other-set/z")
    of_512, of_1024 = keygen_internal(ML_KEM_512, d, z).ek, keygen_internal(ML_KEM_1024, d, z).ek
    forms = [
        ("key-of-ml-kem-512", "a good key of ML-KEM-512, 800 bytes", of_512),
        ("key-of-ml-kem-1024", "a good key of ML-KEM-1024, 1568 bytes", of_1024),
        ("spki", "the key inside a SubjectPublicKeyInfo (RFC 9935), 1206 bytes", SPKI_HEAD + ek),
        ("bit-string", "the key as a DER BIT STRING",
         bytes.fromhex("038204a100") + ek),
        ("tls-length", "the key behind its length in two bytes, as in TLS", (1184).to_bytes(2, "big") + ek),
        ("hybrid-share", "the key before 32 bytes of X25519, as in the share of X25519MLKEM768", ek + draw("x25519")),
        ("hexadecimal", "the key as ASCII hexadecimal, 2368 bytes", ek.hex().encode()),
        ("twice", "the key twice, 2368 bytes", ek + ek),
    ]  # fmt: skip
    return [invalid(id, comment, {"ek": form, **more}, "EkConfusion") for id, comment, form in forms]


# Decapsulation keys


class Parts(NamedTuple):
    """A decapsulation key in its parts: FIPS 203, algorithm 16."""

    dk_pke: bytes
    ek: bytes
    h: bytes
    z: bytes

    def joined(self) -> bytes:
        return b"".join(self)


def parts(dk: bytes) -> Parts:
    return Parts(dk[:T_SIZE], dk[T_SIZE:-64], dk[-64:-32], dk[-32:])


def with_parts(dk: bytes, **members: bytes) -> bytes:
    """The decapsulation key with these parts in place of its own."""
    return parts(dk)._replace(**members).joined()


def with_ek(dk: bytes, ek: bytes) -> bytes:
    """The decapsulation key with this ek and the hash that fits."""
    return with_parts(dk, ek=ek, h=H(ek))


DK_FLAGS = {
    "DkLength": Flag(
        "missing check",
        "the decapsulation key does not have 2400 bytes",
        "memory behind the key is read, or a key of another kind is taken for this one",
        ("FIPS 203, section 7.3, step 2", "V1-PRIM-04"),
    ),
    "HashMismatch": Flag(
        "missing check",
        "the hash in dk is not H of the ek in dk",
        "a key that was damaged or put together wrongly is used; nothing that is sealed for it is ever opened",
        ("FIPS 203, section 7.3, step 3", "V1-PRIM-04"),
    ),
    "NotFromKeygen": Flag(
        "edge case",
        "no key generation gives this dk, but its length and its hash are right: FIPS 203 has no other check, and its "
        "arithmetic says what comes out; a library that also tries whether dk opens what its ek seals refuses it",
        "none by itself: it shows what exactly is checked, and reaches values that good keys never have",
        ("FIPS 203, section 7.3", "FIPS 203, algorithm 18"),
    ),
}  # fmt: skip

# A key pair whose noise is large


def noisy_pair(rho: bytes, z: bytes, noise: int) -> tuple[bytes, bytes]:
    """ek and dk with s = (1, 0, 0) and e = (`noise`, 0, 0), constant polynomials, so that decryption errs often.

    For a coefficient y of the encryption, noise * y is added to what is decrypted, and |y| is at most 2.
    """
    zero, one = [0] * 256, [1] + [0] * 255
    s_hat = ntt_vector([one, zero, zero])
    e_hat = ntt_vector([[noise, *zero[1:]], zero, zero])
    t_hat = add_vectors(multiply_matrix_vector(sample_matrix(rho, K), s_hat), e_hat)
    ek = byte_encode_vector(t_hat, 12) + rho
    return ek, Parts(byte_encode_vector(s_hat, 12), ek, H(ek), z).joined()
