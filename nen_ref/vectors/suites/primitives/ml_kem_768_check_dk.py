"""primitives/ml_kem_768_check_dk: FIPS 203, section 7.3, steps 2 and 3, the checks before every decapsulation."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha3_512, sha256, shake_256
from typing import Any

from nen_ref.primitives.ml_kem import ML_KEM_512, ML_KEM_768, ML_KEM_1024, H, keygen_internal
from nen_ref.primitives.suite import REFERENCE
from nen_ref.vectors.alter import flipped
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Found, Group, Input, Test, VectorSuite, invalid, valid
from nen_ref.vectors.suites.ml_kem_tools import (
    DK_FLAGS,
    T_SIZE,
    Rare,
    noisy_pair,
    parts,
    shown,
    with_ek,
    with_other_coefficient,
    with_parts,
)

HASH_CHECK = ("FIPS 203, section 7.3, step 3", "V1-PRIM-04")

FLAGS = {
    "Basic": Flag("basic", "keys that key generation made", "nobody can open what was sealed for it"),
    **DK_FLAGS,
    "EkInDkAltered": Flag(
        "missing check",
        "a bit of the ek inside dk is flipped, and the hash is still that of the ek before",
        "the key encrypts again to another key than the sender did, and rejects every good ciphertext",
        HASH_CHECK,
    ),
    "PartialComparison": Flag(
        "missing check",
        "the hash differs in few places, or in two that cancel out",
        "a comparison that stops early, looks at some bytes only or adds the differences up lets damaged keys through",
        HASH_CHECK,
    ),
    "WrongHash": Flag(
        "confusion",
        "the hash in dk is of something else, or by another function",
        "keys of an implementation that made the same mistake are accepted, and fail elsewhere",
        ("FIPS 203, equation 4.4", *HASH_CHECK),
    ),
    "ZAltered": Flag(
        "edge case",
        "z is another one: it is not under the hash, and any 32 bytes are good",
        "keys are refused that everybody else takes",
        ("FIPS 203, algorithm 18, line 4",),
    ),
    "DkConfusion": Flag(
        "confusion",
        "a good key in another form than the one of FIPS 203, or of another parameter set",
        "what is read as key, hash and z is something else",
        ("FIPS 203, table 3", "FIPS 203, section 7.3, step 2", "V1-PRIM-04"),
    ),
}


def key(draw: Draw) -> bytes:
    return REFERENCE.ml_kem_768_keygen(draw("d"), draw("z")).dk


def hash_of(d: bytes) -> bytes:
    return parts(REFERENCE.ml_kem_768_keygen(d, bytes(32)).dk).h


ZERO_IN_HASH = Rare(
    "HashBeginsWithZero",
    "the right hash begins with a zero byte, and the one in dk is the same there and wrong after it",
    256,
    lambda d: hash_of(d)[0] == 0,
    Flag(
        "missing check",
        "a zero byte begins the hash, and what differs comes after it",
        "a comparison with strcmp ends at the zero byte and lets a damaged key through",
        (*HASH_CHECK, "https://c2sp.org/CCTV/ML-KEM"),
    ),
    "hash-begins-with-zero",
)

FLAGS |= {ZERO_IN_HASH.name: ZERO_IN_HASH.flag}


EK_PLACES = {
    0: "the first byte",
    1: "the second byte",
    575: "a middle byte",
    1151: "the last byte of t_hat",
    1152: "the first byte of rho",
    1183: "the last byte",
}


def fixed(draw: Draw, found: Found) -> list[Group]:
    dk = key(draw)
    return [
        Group("the hash in dk is damaged", (*damaged(dk), *zero_in_hash(draw, found))),
        Group("the hash in dk is another one", tuple(other_hashes(draw, dk))),
        Group("the ek in dk is damaged", tuple(
            invalid(f"ek-flip-{at}", f"one bit is flipped in {where} of the ek inside dk",
                    {"dk": with_parts(dk, ek=flipped(parts(dk).ek, at))}, "EkInDkAltered", "HashMismatch")
            for at, where in EK_PLACES.items()
        )),
        Group("what the check does not look at", tuple(unchecked(draw, dk))),
        Group("lengths and forms", tuple(lengths(draw, dk))),
    ]  # fmt: skip


def damaged(dk: bytes) -> list[Test]:
    h = parts(dk).h

    def of(id: str, comment: str, wrong: bytes) -> Test:
        return invalid(id, comment, {"dk": with_parts(dk, h=wrong)}, "PartialComparison", "HashMismatch")

    return [
        *(of(f"hash-flip-{at}", f"the lowest bit is flipped in byte {at} of the hash", flipped(h, at))
          for at in (0, 1, 3, 4, 7, 8, 15, 16, 23, 24, 30, 31)),
        of("hash-flip-0-high", "the highest bit is flipped in the first byte of the hash", flipped(h, 0, 0x80)),
        of("hash-flip-31-high", "the highest bit is flipped in the last byte of the hash", flipped(h, 31, 0x80)),
        of("hash-flip-two", "the same bit is flipped in two bytes of the hash, so that the differences are equal",
           flipped(flipped(h, 5), 22)),
        of("hash-flip-all", "every bit of the hash is flipped", bytes(x ^ 0xFF for x in h)),
        of("hash-swapped", "the first two bytes of the hash that differ are exchanged: the sum is the same",
           exchanged(h)),
        of("hash-reversed", "the bytes of the hash stand in reverse order", h[::-1]),
    ]  # fmt: skip


def exchanged(h: bytes) -> bytes:
    """The bytes with the first and the first other one exchanged."""
    at = next(i for i, x in enumerate(h) if x != h[0])
    return bytes([h[at], *h[1:at], h[0], *h[at + 1 :]])


def zero_in_hash(draw: Draw, found: Found) -> list[Test]:
    def altered(d: bytes) -> Input:
        dk = REFERENCE.ml_kem_768_keygen(d, draw("z")).dk
        return {"dk": with_parts(dk, h=parts(dk).h[:1] + flipped(parts(dk).h[1:], -1))}

    return [
        invalid(test.id, test.comment, test.input, *test.flags, "HashMismatch")
        for test in shown((ZERO_IN_HASH,), draw, found, altered)
    ]


def other_hashes(draw: Draw, dk: bytes) -> list[Test]:
    _, ek, h, z = parts(dk)
    other = parts(key(draw.under("other")))
    hashes = [
        ("hash-zero", "the hash is zero", bytes(32)),
        ("hash-ones", "all bits of the hash are set", b"\xff" * 32),
        ("hash-of-other-key", "the hash is that of another key", other.h),
        ("hash-sha-256", "the hash is SHA-256 of ek", sha256(ek).digest()),
        ("hash-shake-256", "the hash is SHAKE256 of ek, 32 bytes", shake_256(ek).digest(32)),
        ("hash-sha3-512", "the hash is the first half of SHA3-512 of ek", sha3_512(ek).digest()[:32]),
        ("hash-of-t-hat", "the hash is of t_hat without rho", H(ek[:T_SIZE])),
        ("hash-of-secret", "the hash is of dk_pke, not of ek", H(parts(dk).dk_pke)),
        ("hash-of-hash", "the hash is H of the right hash", H(h)),
        ("hash-is-z", "z stands in place of the hash as well", z),
    ]
    made = [invalid(id, comment, {"dk": with_parts(dk, h=wrong)}, "WrongHash", "HashMismatch")
            for id, comment, wrong in hashes]  # fmt: skip
    return [
        *made,
        invalid("z-before-hash", "the hash and z are exchanged", {"dk": with_parts(dk, h=z, z=h)}, "WrongHash",
                "HashMismatch"),
        invalid("ek-of-other-key", "the ek is that of another key, the hash that of the own one",
                {"dk": with_parts(dk, ek=other.ek)}, "EkInDkAltered", "HashMismatch"),
        invalid("ek-before-secret", "ek stands before dk_pke",
                {"dk": ek + parts(dk).dk_pke + h + z}, "WrongHash", "HashMismatch"),
    ]  # fmt: skip


def unchecked(draw: Draw, dk: bytes) -> list[Test]:
    dk_pke, ek, _, z = parts(dk)
    other = parts(key(draw.under("other")))
    _, noisy = noisy_pair(draw("rho"), z, 1000)
    secret = with_other_coefficient(dk_pke, 0)
    return [
        valid("z-first-bit", "a bit of the first byte of z is flipped", {"dk": with_parts(dk, z=flipped(z, 0))},
              "ZAltered"),
        valid("z-last-bit", "a bit of the last byte of z is flipped", {"dk": with_parts(dk, z=flipped(z, -1))},
              "ZAltered"),
        valid("z-zero", "z is zero", {"dk": with_parts(dk, z=bytes(32))}, "ZAltered"),
        valid("z-ones", "all bits of z are set", {"dk": with_parts(dk, z=b"\xff" * 32)}, "ZAltered"),
        valid("z-is-hash", "z is the hash", {"dk": with_parts(dk, z=H(ek))}, "ZAltered"),
        valid("secret-coefficient", "one coefficient of s_hat is another number below q",
              {"dk": with_parts(dk, dk_pke=secret)},
              "NotFromKeygen"),
        valid("secret-of-other-key", "dk_pke is that of another key", {"dk": with_parts(dk, dk_pke=other.dk_pke)},
              "NotFromKeygen"),
        valid("secret-zero", "s_hat is zero", {"dk": with_parts(dk, dk_pke=bytes(T_SIZE))}, "NotFromKeygen"),
        valid("ek-and-hash-of-other-key", "ek and hash are both those of another key", {"dk": with_ek(dk, other.ek)},
              "NotFromKeygen"),
        valid("ek-coefficient-rehashed", "one coefficient of the ek is another number below q, and the hash is of that",
              {"dk": with_ek(dk, with_other_coefficient(ek, 767))}, "NotFromKeygen"),
        valid("noise-too-large", "the key was made with noise far beyond what key generation draws", {"dk": noisy},
              "NotFromKeygen"),
    ]  # fmt: skip


def lengths(draw: Draw, dk: bytes) -> list[Test]:
    d, z = draw("other-set/d"), draw("other-set/z")
    wrong = [
        ("length-0", "no bytes at all", b"", "DkLength"),
        ("length-1", "only the first byte of a key", dk[:1], "DkLength"),
        ("length-2399", "a key without its last byte", dk[:-1], "DkLength"),
        ("length-2399-without-first", "a key without its first byte", dk[1:], "DkLength"),
        ("length-2401-zero-behind", "a zero byte behind a good key", dk + b"\0", "DkLength"),
        ("length-2401-zero-before", "a zero byte before a good key", b"\0" + dk, "DkLength"),
        ("length-2368-without-z", "a key without z", dk[:-32], "DkLength"),
        ("length-2336-without-hash-and-z", "dk_pke and ek only", dk[:-64], "DkLength"),
        ("length-1152-secret-only", "dk_pke only", dk[:T_SIZE], "DkLength"),
        ("key-of-ml-kem-512", "a good key of ML-KEM-512, 1632 bytes", keygen_internal(ML_KEM_512, d, z).dk,
         "DkConfusion"),
        ("key-of-ml-kem-1024", "a good key of ML-KEM-1024, 3168 bytes", keygen_internal(ML_KEM_1024, d, z).dk,
         "DkConfusion"),
        ("seed", "the seed (d, z) of a key, 64 bytes, which RFC 9935 prefers as the form of storage", d + z,
         "DkConfusion"),
        ("octet-string", "a key as a DER OCTET STRING", bytes.fromhex("04820960") + dk, "DkConfusion"),
        ("ek-only", "the encapsulation key, 1184 bytes", parts(dk).ek, "DkConfusion"),
        ("twice", "the key twice", dk + dk, "DkConfusion"),
    ]  # fmt: skip
    return [invalid(id, comment, {"dk": form}, flag) for id, comment, form, flag in wrong]


def random(draw: Draw, i: int) -> Test:
    return valid(f"random-{i}", "a key of key generation", {"dk": key(draw)}, "Basic")


def intermediate(a: dict[str, Any]) -> Mapping[str, Any]:
    if len(a["dk"]) != ML_KEM_768.dk_size:
        return {"dk_size": len(a["dk"])}
    return {"dk_size": len(a["dk"]), "h": parts(a["dk"]).h, "H_ek": H(parts(a["dk"]).ek)}


SUITE = VectorSuite(
    name="primitives/ml_kem_768_check_dk",
    title="ML-KEM-768, check of a decapsulation key",
    operation="ml_kem_768.check_dk",
    covers=("FIPS 203, section 7.3, steps 2 and 3", "V1-PRIM-04"),
    flags=FLAGS,
    fixed=fixed,
    random=random,
    count=8,
    events=(ZERO_IN_HASH.event(),),
    intermediate=intermediate,
)
