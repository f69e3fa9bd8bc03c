"""Values that are wrong in exactly one way, so that exactly one check stands between them and acceptance."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import sha512
from itertools import count

from nen_ref.primitives import chacha20_poly1305, ml_dsa
from nen_ref.primitives.ml_dsa import ML_DSA_65

OMEGA, ROWS = ML_DSA_65.omega, ML_DSA_65.k
P = 2**130 - 5  # the prime of Poly1305


def sign_attempt(sk: bytes, M: bytes, kappa: int) -> bytes:
    """The deterministic signature of FIPS 204, algorithm 7, at the given attempt, whether or not `z` is in its bound.

    With `kappa` of an attempt that line 23 drops for the norm of `z`, everything but that norm verifies.
    """
    rho, K, tr, s1, s2, t0 = ml_dsa.sk_decode(ML_DSA_65, sk)
    mu = ml_dsa.message_representative(tr, ml_dsa.format_message(M, b""))
    y = ml_dsa.expand_mask(ML_DSA_65, ml_dsa.H(K + ml_dsa.DETERMINISTIC + mu, 64), kappa)
    w = ml_dsa.vector_ntt_inverse(ml_dsa.matrix_vector_ntt(ml_dsa.expand_a(ML_DSA_65, rho), ml_dsa.vector_ntt(y)))
    c_tilde = ml_dsa.H(mu + ml_dsa.w1_encode(ML_DSA_65, [ml_dsa.high_bits(ML_DSA_65, f) for f in w]), 48)
    c = ml_dsa.sample_in_ball(ML_DSA_65, c_tilde)
    z = ml_dsa.mod_pm_q(ml_dsa.add(y, ml_dsa.challenge_times(c, s1)))
    rest = ml_dsa.subtract(w, ml_dsa.challenge_times(c, s2))
    ct0 = ml_dsa.challenge_times(c, t0)
    h = ml_dsa.make_hint(ML_DSA_65, ml_dsa.negate(ct0), ml_dsa.add(rest, ct0))
    return ml_dsa.sig_encode(ML_DSA_65, c_tilde, z, h)


def signed_elsewhere(sk: bytes, M: bytes) -> dict[str, bytes]:
    """Signatures that the key really gave, but not for M under pure ML-DSA with the empty context."""
    oid_sha512 = bytes.fromhex("0609608648016503040203")
    return {
        "context of one zero byte": ml_dsa.sign(ML_DSA_65, sk, M, b"\0", bytes(32)),
        "context nen": ml_dsa.sign(ML_DSA_65, sk, M, b"nen", bytes(32)),
        "internal interface, without the prefix": ml_dsa.sign_internal(ML_DSA_65, sk, M, bytes(32)),
        "HashML-DSA with SHA-512": ml_dsa.sign_internal(
            ML_DSA_65, sk, b"\x01\x00" + oid_sha512 + sha512(M).digest(), bytes(32)
        ),
    }


def signatures(sk: bytes, suited: Callable[[bytes], bool]) -> Iterator[tuple[bytes, bytes]]:
    """Messages and their deterministic signatures, of those whose hint is suited for an alteration."""
    for i in count():
        message = i.to_bytes(4, "big")
        signature = ml_dsa.sign(ML_DSA_65, sk, message, b"", bytes(32))
        if suited(signature[-OMEGA - ROWS :]):
            yield message, signature


def room_and_pair(hint: bytes) -> bool:
    """Whether a hint has places for two more entries, and two or more entries in its first polynomial."""
    return hint[OMEGA] >= 2 and hint[-1] <= OMEGA - 2


def hints(signature: bytes) -> dict[str, bytes]:
    """The signature with other encodings of its hint (FIPS 204, algorithm 21), for one that is `room_and_pair`.

    A decoder that leaves the check out reads the very same hint in all but the last three.
    """
    head, hint = signature[: -OMEGA - ROWS], signature[-OMEGA - ROWS :]
    places, tail = hint[:OMEGA], hint[OMEGA:]
    used = tail[-1]
    again = places[:1] + places[: OMEGA - 1]
    return {
        "places that descend": head + places[1::-1] + places[2:] + tail,
        "a place named twice": head + again + bytes(end + 1 for end in tail),
        "the first unused byte not zero": head + places[:used] + b"\x01" + places[used + 1 :] + tail,
        "the last unused byte not zero": head + places[:-1] + b"\xff" + tail,
        "more ends than 55": head + places + tail[:-1] + bytes([OMEGA + 1]),
        "an end of 255": head + places + tail[:-1] + b"\xff",
        "ends that descend": head + places + bytes([used]) + tail[1:-1] + bytes([used - 1]),
    }


def poly1305_edges(key: bytes, nonce: bytes, plaintext_size: int = 32) -> dict[str, bytes]:
    """Sealed bytes (two blocks and a tag) under which the accumulator of Poly1305 ends at the edges of its range.

    The blocks are solved for the wanted accumulator a, and the tag is (a + s) mod 2^128 by definition: an error in a
    carry or in the last reduction modulo 2^130 - 5 gives another tag.
    """
    otk = chacha20_poly1305.poly1305_key_gen(key, nonce)
    r, s = chacha20_poly1305.clamp(int.from_bytes(otk[:16], "little")), int.from_bytes(otk[16:], "little")
    inverse = pow(r, -1, P)
    lengths = (plaintext_size << 64) + (1 << 128)  # the last block: no AAD, and the length of the ciphertext
    wanted = {
        "0": 0,
        "1": 1,
        "4": 4,
        "5": 5,
        "2^130 - 6": P - 1,
        "2^130 - 7": P - 2,
        "2^129": 2**129,
        "2^128 - 1": 2**128 - 1,
        "2^128": 2**128,
        "2^64": 2**64,
        "what makes the sum with s 2^128": 2**128 - s,
        "what makes the sum with s 2^128 - 1": 2**128 - 1 - s,
    }
    made = {}
    for name, a in wanted.items():
        before = (a * inverse - lengths) % P
        tag = ((a + s) % 2**128).to_bytes(16, "little")
        made[name] = _two_blocks(r, inverse, before) + tag
    return made


def _two_blocks(r: int, inverse: int, wanted: int) -> bytes:
    """Two full blocks after which the accumulator is `wanted`; about one first block in four has a second."""
    for i in count():
        first = int.from_bytes(b"\xff" * 12, "little") + (i << 96)
        second = (wanted * inverse - (first + (1 << 128)) * r) % P
        if second >> 128 == 1:
            return first.to_bytes(16, "little") + (second - (1 << 128)).to_bytes(16, "little")
    raise AssertionError("count() does not end")
