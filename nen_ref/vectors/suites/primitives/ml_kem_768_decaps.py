"""primitives/ml_kem_768_decaps: FIPS 203, algorithm 18, after the checks of section 7.3.

A ciphertext that does not fit is no error: K is then J(z || c), and the vector is valid.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from nen_ref.primitives.ml_kem import (
    ML_KEM_512,
    ML_KEM_768,
    ML_KEM_1024,
    G,
    H,
    J,
    Poly,
    byte_decode,
    byte_decode_vector,
    byte_encode,
    compress,
    decaps_internal,
    decompress,
    encaps_internal,
    inner_product,
    k_pke_encrypt,
    keygen_internal,
    ntt_inverse,
    ntt_vector,
    subtract,
)
from nen_ref.primitives.suite import REFERENCE
from nen_ref.vectors.alter import flipped
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Event, Flag, Found, Group, Test, VectorSuite, invalid, valid
from nen_ref.vectors.suites.ml_kem_tools import (
    DK_FLAGS,
    INTERMEDIATE_NOTES,
    SAMPLING,
    T_SIZE,
    U_SIZE,
    digest,
    noisy_pair,
    parts,
    shown,
    with_ek,
    with_other_coefficient,
    with_parts,
)

SIZE = ML_KEM_768.ct_size
MATRIX = tuple(rare for rare in SAMPLING if not rare.name.startswith("Candidate"))
"""What decapsulation may do otherwise than key generation: it encrypts again, and samples A once more."""

REJECTION = ("FIPS 203, algorithm 18, lines 7 to 11", "V1-PRIM-03")

FLAGS = {
    "Basic": Flag("basic", "a good ciphertext under a key of key generation", "no handshake succeeds"),
    "ImplicitRejection": Flag(
        "missing check",
        "the ciphertext is not what encryption gives for the message in it: K is J(z || c), and that is no error",
        "with the K of the message, or with an error, whoever alters ciphertexts learns the secret key bit by bit",
        REJECTION,
    ),
    "PartialComparison": Flag(
        "missing check",
        "the message is still the one that was sent, and the ciphertext differs in one place from what it has to be",
        "a comparison that skips this place accepts the ciphertext, which opens the way to a chosen-ciphertext attack",
        (*REJECTION, "https://c2sp.org/CCTV/ML-KEM"),
    ),
    "MessageAltered": Flag(
        "missing check",
        "the ciphertext is altered so far that another message comes out of it",
        "K of that message is one that the attacker can compute",
        REJECTION,
    ),
    "CancellingDifferences": Flag(
        "missing check",
        "two places differ, and by the same bits",
        "a comparison that joins the differences with XOR or a sum in place of OR accepts the ciphertext",
        REJECTION,
    ),
    "ForeignRandomness": Flag(
        "missing check",
        "the ciphertext was made with other randomness than G(m || H(ek)) gives: it decrypts well, and is rejected",
        "without the comparison, the scheme is only as strong as its encryption, which falls to chosen ciphertexts",
        REJECTION,
    ),
    "OtherKey": Flag(
        "edge case",
        "a good ciphertext for another key",
        "an answer that was meant for someone else is taken",
        REJECTION,
    ),
    "ZMatters": Flag(
        "wrong computation",
        "one rejected ciphertext under keys that differ in z only: each K is another one",
        "K of a rejection is the same for all keys, so that an attacker recognises a rejection",
        ("FIPS 203, algorithm 18, line 7", "V1-PRIM-03"),
    ),
    "HashInDk": Flag(
        "edge case",
        "K and r come out of G(m || h) with the h that stands in dk",
        "decapsulation and encapsulation use different hashes",
        ("FIPS 203, algorithm 18, line 6",),
    ),
    "CtLength": Flag(
        "missing check",
        "the ciphertext does not have 1088 bytes",
        "memory behind the ciphertext is read, or what is appended is ignored and one ciphertext has many encodings",
        ("FIPS 203, section 7.3, step 1", "V1-PRIM-04"),
    ),
    "CtConfusion": Flag(
        "confusion",
        "a good ciphertext of another parameter set, or in another form",
        "a weaker or a wrapped ciphertext passes for one of ML-KEM-768",
        ("FIPS 203, table 3", "FIPS 203, section 7.3, step 1", "V1-PRIM-04"),
    ),
    **DK_FLAGS,
    **{rare.name: rare.flag for rare in MATRIX},
}


class Pair(NamedTuple):
    ek: bytes
    dk: bytes


def pair(draw: Draw, label: str = "key") -> Pair:
    return Pair(*REFERENCE.ml_kem_768_keygen(draw(f"{label}/d"), draw(f"{label}/z")))


def sealed(ek: bytes, m: bytes) -> bytes:
    return encaps_internal(ML_KEM_768, ek, m).c


def decrypted(dk: bytes, c: bytes) -> Poly:
    """w of FIPS 203, algorithm 15: the message with its noise."""
    u = [decompress(f, ML_KEM_768.du) for f in byte_decode_vector(c[:U_SIZE], ML_KEM_768.du)]
    v = decompress(byte_decode(c[U_SIZE:], ML_KEM_768.dv), ML_KEM_768.dv)
    return subtract(v, ntt_inverse(inner_product(byte_decode_vector(dk[:T_SIZE], 12), ntt_vector(u))))


def message(dk: bytes, c: bytes) -> bytes:
    return byte_encode(compress(decrypted(dk, c), 1), 1)


# Events


@lru_cache
def noisy(rho: bytes, z: bytes) -> Pair:
    """A key with noise of 370 * y, close to q/4 = 832.25 for the largest y: one ciphertext in eight opens."""
    return Pair(*noisy_pair(rho, z, 370))


def noisy_of(draw: Draw) -> Pair:
    return noisy(draw("noisy/rho"), draw("noisy/z"))


def decodes_at(value: int) -> Callable[[Pair, bytes], bool]:
    """Whether a ciphertext opens although a coefficient of w is `value`, as far from its bit as can be."""

    def occurs(key: Pair, m: bytes) -> bool:
        w = decrypted(key.dk, sealed(key.ek, m))
        return value in w and byte_encode(compress(w, 1), 1) == m

    return occurs


def errs_in_one_bit(key: Pair, m: bytes) -> bool:
    out = message(key.dk, sealed(key.ek, m))
    return (int.from_bytes(out, "little") ^ int.from_bytes(m, "little")).bit_count() == 1


DECODING = {
    f"DecodesAt{value}": (f"decodes-at-{value}", 300, decodes_at(value), f"{value}, {what}")
    for value, what in (
        (832, "the largest of the lower ones that are bit 0"),
        (833, "the smallest that is bit 1"),
        (2496, "the largest that is bit 1"),
        (2497, "the smallest of the upper ones that are bit 0"),
    )
} | {"DecryptionFailure": ("decryption-failure", 8, errs_in_one_bit, "")}
"""Events of m under the noisy key: id, tries, whether it occurs, what is special."""

FLAGS |= {
    name: Flag(
        "edge case",
        f"a good ciphertext whose message, before Compress_1, has a coefficient of {special}",
        "rounding that is off by one gives another message, and good ciphertexts are rejected, though rarely",
        ("FIPS 203, equation 4.7", "FIPS 203, algorithm 15, line 7"),
    )
    for name, (_, _, _, special) in DECODING.items()
    if special
} | {
    "DecryptionFailure": Flag(
        "edge case",
        "a ciphertext that encapsulation made, and that decrypts to a message with one wrong bit: K is J(z || c)",
        "a failure of decryption, which tells about the secret key, shows in the answer",
        ("FIPS 203, section 3.2", *REJECTION),
    ),
    "CtBeginsWithZero": Flag(
        "missing check",
        "the ciphertext begins with a zero byte, and what differs comes after it",
        "a comparison with strcmp ends at the zero byte and accepts every ciphertext that begins with one",
        (*REJECTION, "https://c2sp.org/CCTV/ML-KEM"),
    ),
}


def searched(draw: Draw, name: str, i: int) -> bytes:
    return draw(f"search/{name}/{i}")


def decoding_event(name: str) -> Event:
    _, tries, occurs, _ = DECODING[name]
    return Event(name, FLAGS[name].says, lambda draw, i: occurs(noisy_of(draw), searched(draw, name, i)), tries)


ZERO_FIRST = "CtBeginsWithZero"

EVENTS = (
    *(rare.event() for rare in MATRIX),
    *(decoding_event(name) for name in DECODING),
    Event(
        ZERO_FIRST,
        FLAGS[ZERO_FIRST].says,
        lambda draw, i: sealed(pair(draw).ek, searched(draw, ZERO_FIRST, i))[0] == 0,
        256,
    ),
)


# Vectors


def fixed(draw: Draw, found: Found) -> list[Group]:
    key = pair(draw)
    c = sealed(key.ek, draw("m"))
    good = valid("good", "the ciphertext that the others of this group are made of", {"c": c}, "Basic")
    flipped = (good, *kept(key.dk, c))
    return [
        Group("one bit of a good ciphertext is flipped, and the message in it stays", flipped, {"dk": key.dk}),
        Group("a good ciphertext is altered, so that its message changes, or in several places",
              tuple(changed(draw, key, c, found)), {"dk": key.dk}),
        Group("ciphertexts that nobody made from this key", tuple(foreign(draw, key)), {"dk": key.dk}),
        Group("keys that differ in z, or have parts that do not belong together", tuple(of_keys(draw, key, c))),
        Group("a key with large noise, whose ciphertexts decrypt at the edge", tuple(
            valid(id, FLAGS[name].says, {"c": sealed(noisy_of(draw).ek, searched(draw, name, found[name]))}, name,
                  "NotFromKeygen", *([] if special else ["ImplicitRejection"]))
            for name, (id, _, _, special) in DECODING.items() if name in found
        ), {"dk": noisy_of(draw).dk}),
        Group("keys with rare events in the sampling of the matrix, which encryption samples again", tuple(
            shown(MATRIX, draw, found, lambda d: sealed_to(d, draw("m")))
        )),
        Group("ciphertexts of another length", tuple(ciphertext_lengths(draw, c)), {"dk": key.dk}),
        Group("decapsulation keys that are refused", tuple(refused_keys(draw, key)), {"c": c}),
    ]  # fmt: skip


def sealed_to(d: bytes, m: bytes) -> dict[str, bytes]:
    ek, dk = REFERENCE.ml_kem_768_keygen(d, bytes(32))
    return {"dk": dk, "c": sealed(ek, m)}


LOW_BIT = (0, 2, 4, 6, 0)
"""The bit of lowest value in each of five bytes of c1, which hold four coefficients of 10 bits."""

PLACES = {
    0: "the first byte", 1: "the second byte", 2: "the third byte", 3: "the fourth byte", 4: "the fifth byte",
    7: "the last byte of the first eight", 8: "the first byte of the second eight", 31: "byte 31", 32: "byte 32",
    255: "byte 255", 256: "byte 256", 319: "the last byte of the first polynomial of u",
    320: "the first byte of the second polynomial of u", 480: "a middle byte of c1", 544: "the byte in the middle of c",
    639: "the last byte of the second polynomial of u", 640: "the first byte of the third polynomial of u",
    959: "the last byte of c1", 960: "the first byte of c2", 1023: "byte 1023", 1024: "byte 1024, a middle byte of c2",
    1080: "the first byte of the last eight", 1086: "the last byte but one", 1087: "the last byte",
}  # fmt: skip


def low_bit(index: int) -> int:
    """The mask of a bit in this byte of c that weighs little."""
    return 1 << LOW_BIT[index % 5] if index < U_SIZE else 1


def kept(dk: bytes, c: bytes) -> list[Test]:
    """Each differs in one bit from what encryption gives for the message that comes out of it."""
    masks = [(at, where, low_bit(at), "") for at, where in PLACES.items()]
    masks += [(0, PLACES[0], mask, f"-bit-{mask.bit_length() - 1}") for mask in (2, 8, 32)]
    masks += [(at, PLACES[at], 0x80, "-bit-7") for at in (1, 2, 3)]
    masks += [(1087, PLACES[1087], 0x10, "-bit-4"), (960, PLACES[960], 0x10, "-bit-4")]
    tests = []
    for at, where, mask, more in masks:
        altered = flipped(c, at, mask)
        if message(dk, altered) != message(dk, c):
            raise ValueError(f"the message does not survive mask {mask} in byte {at}")
        comment = f"bit {mask.bit_length() - 1} is flipped in {where}"
        tests.append(valid(f"flip-{at}{more}", comment, {"c": altered}, "PartialComparison", "ImplicitRejection"))
    return tests


def changed(draw: Draw, key: Pair, c: bytes, found: Found) -> list[Test]:
    u, v = c[:U_SIZE], c[U_SIZE:]
    third = U_SIZE // 3
    both = ("ImplicitRejection", "CancellingDifferences")
    other = ("ImplicitRejection", "MessageAltered")
    tests = [
        valid("two-flips-first-and-last", "bit 0 is flipped in the first and in the last byte",
              {"c": flipped(flipped(c, 0), -1)}, *both),
        valid("two-flips-in-c2", "bit 0 is flipped in the first and in the last byte of c2",
              {"c": flipped(flipped(c, 960), -1)}, *both),
        valid("up-and-down", "one byte of c2 is one more and another is one less, so that the sum is the same",
              {"c": up_and_down(c)}, *both),
        valid("high-bit-last", "the highest bit of the last byte is flipped, which moves a coefficient of v by q/2",
              {"c": flipped(c, -1, 0x80)}, *other),
        valid("high-bit-c2", "bit 3 of the first byte of c2 is flipped, which moves a coefficient of v by q/2",
              {"c": flipped(c, 960, 8)}, *other),
        valid("all-of-c2-flipped", "every bit of c2 is flipped", {"c": u + bytes(x ^ 0xFF for x in v)}, *other),
        valid("all-of-c1-flipped", "every bit of c1 is flipped", {"c": bytes(x ^ 0xFF for x in u) + v}, *other),
        valid("c2-zero", "c2 is zero", {"c": u + bytes(len(v))}, *other),
        valid("c1-zero", "c1 is zero", {"c": bytes(len(u)) + v}, *other),
        valid("c2-first", "c2 stands before c1", {"c": v + u}, *other),
        valid("u-rotated", "the three polynomials of u are rotated by one", {"c": u[third:] + u[:third] + v}, *other),
    ]  # fmt: skip
    for test in tests:
        if "MessageAltered" in test.flags and message(key.dk, test.input["c"]) == message(key.dk, c):
            raise ValueError(f"the message survives {test.id}")
    if ZERO_FIRST in found:
        begins = sealed(key.ek, searched(draw, ZERO_FIRST, found[ZERO_FIRST]))
        tests += [
            valid("begins-with-zero", "a good ciphertext that begins with a zero byte", {"c": begins}, "Basic"),
            valid("begins-with-zero-last", "that ciphertext with bit 0 flipped in its last byte",
                  {"c": flipped(begins, -1)},
                  ZERO_FIRST, "PartialComparison", "ImplicitRejection"),
            valid("begins-with-zero-second", "that ciphertext with bit 2 flipped in its second byte",
                  {"c": flipped(begins, 1, 4)},
                  ZERO_FIRST, "PartialComparison", "ImplicitRejection"),
        ]  # fmt: skip
    return tests


def up_and_down(c: bytes) -> bytes:
    """c with the first byte of c2 one more that can be so without a carry into bit 4, and the next one less."""
    up = next(i for i in range(U_SIZE, SIZE) if c[i] % 16 < 15)
    down = next(i for i in range(up + 1, SIZE) if c[i] % 16 > 0)
    return bytes(x + (i == up) - (i == down) for i, x in enumerate(c))


def foreign(draw: Draw, key: Pair) -> list[Test]:
    ek, m, other = key.ek, draw("m"), pair(draw, "other")
    made = [
        ("r-random", "r is of chance", k_pke_encrypt(ML_KEM_768, ek, m, draw("r"))),
        ("r-zero", "r is zero", k_pke_encrypt(ML_KEM_768, ek, m, bytes(32))),
        ("r-of-other-m", "r belongs to another m", k_pke_encrypt(ML_KEM_768, ek, m, G(draw("m2") + H(ek))[1])),
        ("r-without-hash", "r is G(m) without the hash of ek", k_pke_encrypt(ML_KEM_768, ek, m, G(m)[1])),
        ("r-of-other-ek", "r is of the hash of another key", k_pke_encrypt(ML_KEM_768, ek, m, G(m + H(other.ek))[1])),
        ("r-is-shared-secret", "r and K are exchanged", k_pke_encrypt(ML_KEM_768, ek, m, G(m + H(ek))[0])),
        ("r-hash-first", "r is of H(ek) before m", k_pke_encrypt(ML_KEM_768, ek, m, G(H(ek) + m)[1])),
    ]  # fmt: skip
    same_rho = other.ek[:T_SIZE] + ek[T_SIZE:]
    return [
        *(valid(id, comment, {"c": c}, "ForeignRandomness", "ImplicitRejection") for id, comment, c in made),
        valid("for-other-key", "a good ciphertext for another key", {"c": sealed(other.ek, m)}, "OtherKey",
              "ImplicitRejection"),
        valid("for-key-of-same-rho", "a good ciphertext for a key that has rho in common with this one",
              {"c": sealed(same_rho, m)}, "OtherKey", "ImplicitRejection"),
        valid("zeros", "1088 zero bytes", {"c": bytes(SIZE)}, "ImplicitRejection"),
        valid("ones", "1088 bytes ff", {"c": b"\xff" * SIZE}, "ImplicitRejection"),
        valid("counting", "bytes that count up", {"c": bytes(i % 256 for i in range(SIZE))}, "ImplicitRejection"),
        *(
            valid(
                f"random-bytes-{i}",
                f"1088 bytes of chance, number {i}",
                {"c": draw(f"bytes/{i}", SIZE)},
                "ImplicitRejection",
            )
            for i in (1, 2, 3)
        ),
    ]  # fmt: skip


def of_keys(draw: Draw, key: Pair, c: bytes) -> list[Test]:
    dk, z, rejected, other = key.dk, parts(key.dk).z, flipped(c, -1), pair(draw, "other")
    of_z = [
        ("z-first-bit", "a bit of the first byte of z is flipped", flipped(z, 0)),
        ("z-last-bit", "a bit of the last byte of z is flipped", flipped(z, -1)),
        ("z-zero", "z is zero", bytes(32)),
    ]
    own_m, other_ek = draw("m"), with_ek(dk, other.ek)
    with_rehashed = with_ek(dk, with_other_coefficient(key.ek, 5))
    of_hash = ("NotFromKeygen", "HashInDk", "ImplicitRejection")
    return [
        *(valid(id, f"{comment}; the last byte of c is altered", {"dk": with_parts(dk, z=value), "c": rejected},
                "ZMatters", "ImplicitRejection") for id, comment, value in of_z),
        valid("z-other-good", "another z, and a good ciphertext: K does not depend on z",
              {"dk": with_parts(dk, z=flipped(z, 0)), "c": c}, "Basic"),
        valid("secret-of-other-key", "dk_pke is that of another key, so that what is good for ek does not open",
              {"dk": with_parts(dk, dk_pke=parts(other.dk).dk_pke), "c": c}, "NotFromKeygen", "ImplicitRejection"),
        valid("secret-zero", "s_hat is zero", {"dk": with_parts(dk, dk_pke=bytes(T_SIZE)), "c": c}, "NotFromKeygen",
              "ImplicitRejection"),
        valid("ek-of-other-key", "ek and hash are those of another key, and so is the ciphertext",
              {"dk": other_ek, "c": sealed(other.ek, own_m)}, "NotFromKeygen", "ImplicitRejection"),
        valid("ek-of-other-key-own-c", "ek and hash are those of another key; the ciphertext is good for dk_pke",
              {"dk": other_ek, "c": c}, *of_hash),
        valid("ek-coefficient-rehashed", "one coefficient of the ek in dk is another, and the hash is of that; the "
              "ciphertext is for the key before", {"dk": with_rehashed, "c": c}, *of_hash),
    ]  # fmt: skip


def ciphertext_lengths(draw: Draw, c: bytes) -> list[Test]:
    d, z, m = draw("other-set/d"), draw("other-set/z"), draw("m")
    of_512 = encaps_internal(ML_KEM_512, keygen_internal(ML_KEM_512, d, z).ek, m).c
    of_1024 = encaps_internal(ML_KEM_1024, keygen_internal(ML_KEM_1024, d, z).ek, m).c
    wrong = [
        ("c-length-0", "no bytes at all", b"", "CtLength"),
        ("c-length-1", "only the first byte", c[:1], "CtLength"),
        ("c-length-960-only-c1", "c1 without c2", c[:U_SIZE], "CtLength"),
        ("c-length-128-only-c2", "c2 without c1", c[U_SIZE:], "CtLength"),
        ("c-length-1087", "a ciphertext without its last byte", c[:-1], "CtLength"),
        ("c-length-1087-without-first", "a ciphertext without its first byte", c[1:], "CtLength"),
        ("c-length-1089-zero-behind", "a zero byte behind a good ciphertext", c + b"\0", "CtLength"),
        ("c-length-1089-zero-before", "a zero byte before a good ciphertext", b"\0" + c, "CtLength"),
        ("c-length-1120-random-behind", "32 bytes behind a good ciphertext, as in X25519MLKEM768", c + draw("x25519"),
         "CtLength"),
        ("c-of-ml-kem-512", "a good ciphertext of ML-KEM-512, 768 bytes", of_512, "CtConfusion"),
        ("c-of-ml-kem-1024", "a good ciphertext of ML-KEM-1024, 1568 bytes", of_1024, "CtConfusion"),
        ("c-octet-string", "the ciphertext as a DER OCTET STRING", bytes.fromhex("04820440") + c, "CtConfusion"),
        ("c-twice", "the ciphertext twice", c + c, "CtConfusion"),
        ("c-hexadecimal", "the ciphertext as ASCII hexadecimal", c.hex().encode(), "CtConfusion"),
    ]  # fmt: skip
    return [invalid(id, comment, {"c": form}, flag) for id, comment, form, flag in wrong]


def refused_keys(draw: Draw, key: Pair) -> list[Test]:
    dk, h, d, z = key.dk, parts(key.dk).h, draw("other-set/d"), draw("other-set/z")
    wrong = [
        ("dk-length-0", "no key at all", b"", "DkLength"),
        ("dk-length-64-seed", "the seed (d, z) in place of the key", d + z, "DkLength"),
        ("dk-length-1152", "dk_pke only", dk[:T_SIZE], "DkLength"),
        ("dk-length-2399", "a key without its last byte", dk[:-1], "DkLength"),
        ("dk-length-2401", "a zero byte behind a good key", dk + b"\0", "DkLength"),
        ("dk-of-ml-kem-512", "a key of ML-KEM-512, 1632 bytes", keygen_internal(ML_KEM_512, d, z).dk, "DkLength"),
        ("dk-of-ml-kem-1024", "a key of ML-KEM-1024, 3168 bytes", keygen_internal(ML_KEM_1024, d, z).dk, "DkLength"),
        ("dk-hash-first", "a bit of the first byte of the hash in dk is flipped", with_parts(dk, h=flipped(h, 0)),
         "HashMismatch"),
        ("dk-hash-middle", "a bit of byte 16 of the hash in dk is flipped", with_parts(dk, h=flipped(h, 16)),
         "HashMismatch"),
        ("dk-hash-last", "a bit of the last byte of the hash in dk is flipped", with_parts(dk, h=flipped(h, -1)),
         "HashMismatch"),
        ("dk-hash-two", "the same bit is flipped in two bytes of the hash in dk",
         with_parts(dk, h=flipped(flipped(h, 5), 22)),
         "HashMismatch"),
        ("dk-hash-zero", "the hash in dk is zero", with_parts(dk, h=bytes(32)), "HashMismatch"),
        ("dk-hash-and-z", "the hash and z are exchanged", with_parts(dk, h=parts(dk).z, z=h), "HashMismatch"),
        ("dk-ek-first", "a bit of the first byte of the ek in dk is flipped", with_parts(dk, ek=flipped(key.ek, 0)),
         "HashMismatch"),
        ("dk-ek-last", "a bit of the last byte of the ek in dk is flipped", with_parts(dk, ek=flipped(key.ek, -1)),
         "HashMismatch"),
        ("dk-ek-of-other", "the ek in dk is that of another key", with_parts(dk, ek=pair(draw, "other").ek),
         "HashMismatch"),
    ]  # fmt: skip
    return [invalid(id, comment, {"dk": form}, flag) for id, comment, form, flag in wrong]


def random(draw: Draw, i: int) -> Test:
    """Good ciphertexts, and every third one with one byte that is of chance."""
    key = pair(draw)
    c = sealed(key.ek, draw("m"))
    if i % 3:
        return valid(f"random-{i}", "a good ciphertext under a fresh key", {"dk": key.dk, "c": c}, "Basic")
    at, mask = draw.below("at", SIZE), 1 + draw.below("mask", 255)
    comment = f"a fresh key and ciphertext, of which byte {at} is changed by {mask:02x}"
    return valid(f"random-{i}", comment, {"dk": key.dk, "c": flipped(c, at, mask)}, "ImplicitRejection")


def intermediate(a: dict[str, Any]) -> Mapping[str, Any]:
    dk, c = a["dk"], a["c"]
    if len(dk) != ML_KEM_768.dk_size or len(c) != SIZE:
        return {}
    if parts(dk).h != H(parts(dk).ek):
        return {"h": parts(dk).h, "H_ek": H(parts(dk).ek)}
    K = decaps_internal(ML_KEM_768, dk, c)
    w = decrypted(dk, c)
    m_prime = byte_encode(compress(w, 1), 1)
    K_prime, r_prime = G(m_prime + parts(dk).h)
    K_bar = J(parts(dk).z + c)
    c_prime = k_pke_encrypt(ML_KEM_768, parts(dk).ek, m_prime, r_prime)
    return {
        "w_sha3_256": digest(w),
        "w_begins": w[:8],
        "m_prime": m_prime,
        "K_prime": K_prime,
        "r_prime": r_prime,
        "K_bar": K_bar,
        "c_prime_sha3_256": H(c_prime),
        "bytes_that_differ": sum(x != y for x, y in zip(c, c_prime, strict=True)),
        "rejected": K_bar == K,
    }


SUITE = VectorSuite(
    name="primitives/ml_kem_768_decaps",
    title="ML-KEM-768, decapsulation",
    notes=INTERMEDIATE_NOTES,
    operation="ml_kem_768.decaps",
    covers=("FIPS 203, algorithm 18", "FIPS 203, section 7.3", "V1-PRIM-01", "V1-PRIM-03", "V1-PRIM-04"),
    flags=FLAGS,
    fixed=fixed,
    random=random,
    count=9,
    events=EVENTS,
    intermediate=intermediate,
)
