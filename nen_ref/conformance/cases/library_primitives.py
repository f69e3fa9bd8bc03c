"""Primitives of a library: section 12 of the specification."""

from __future__ import annotations

from hashlib import sha256, shake_128, shake_256

from nen_ref.conformance.cases.library_forgeries import (
    hints,
    poly1305_edges,
    room_and_pair,
    sign_attempt,
    signatures,
    signed_elsewhere,
)
from nen_ref.conformance.cases.library_tools import ends
from nen_ref.conformance.harness.driver import Reply
from nen_ref.conformance.harness.probe import HarnessProbe
from nen_ref.conformance.model import ACCEPTED
from nen_ref.conformance.randomness import random_bytes
from nen_ref.conformance.registry import case
from nen_ref.primitives.chacha20_poly1305 import aead_encrypt
from nen_ref.primitives.errors import KeyCheckError
from nen_ref.primitives.suite import REFERENCE
from nen_ref.vectors.alter import flipped, with_coefficient

KEYGEN, ENCAPS, DECAPS = "ml_kem_768.keygen", "ml_kem_768.encaps", "ml_kem_768.decaps"
NEW_KEY_PAIR, ENCAPSULATE = "ml_kem_768.new_key_pair", "ml_kem_768.encapsulate"
DSA_KEYGEN, SIGN, VERIFY = "ml_dsa_65.keygen", "ml_dsa_65.sign", "ml_dsa_65.verify"
NEW_SIGNING_KEY, SIGN_HEDGED = "ml_dsa_65.new_key_pair", "ml_dsa_65.sign_hedged"
SEAL, OPEN, HMAC = "aead.seal", "aead.open", "hmac_sha256"

DIFFERENT = "the two sides derive different secrets: no payload of the other implementation opens"
WEAK_KEY = "encapsulating to a key outside of its range can tell whoever sent it something of the secret, and no two libraries agree on the result"
ORACLE = "an attacker who can tell good ciphertexts from bad ones reads the key out of the answers"
GUESSED = "who can foresee or repeat the randomness has the key"
FORGED = "an identity could be claimed without its key"
MALLEABLE = "one signature in several forms defeats whatever remembers or compares signatures"
TAMPERED = "altered payloads would reach the application"
UNREADABLE = "no other implementation can open what this one seals"

# The matrix of the third seed needs more of SHAKE128 than three blocks of 168 bytes: 237 of 256 coefficients are found
# in them. The signing key of the other needs a third block of SHAKE256 for a secret: 240 of 256 are found in two.
KEM_SEEDS = {
    "zeros": bytes(32),
    "ones": b"\xff" * 32,
    "counting": bytes(range(32)),
    "of a matrix that needs a fourth block of SHAKE128": (60532).to_bytes(32, "big"),
}
DSA_SEEDS = {
    "zeros": bytes(32),
    "ones": b"\xff" * 32,
    "counting": bytes(range(32)),
    "of a secret that needs a third block of SHAKE256": (119868).to_bytes(32, "big"),
}
# Signatures under the seed of zeros whose z has exactly this norm: the message, and kappa of the attempt.
NORM_WITHIN, NORM_AT_BOUND, NORM_BEYOND = (b"6", 80), (b"150", 80), (b"6", 100)
# A message that takes 55 attempts under the seed of zeros, and the digest of its deterministic signature; dilithium-py
# and pycryptodome give the same.
MANY_ATTEMPTS = b"212507"
MANY_ATTEMPTS_DIGEST = "20f3a62d21a4285e3bce71f4e95719c636f8633121f5dad72f74bc1d538251c1"

EK_SIZES = {"no bytes": 0, "ML-KEM-512": 800, "one byte short": 1183, "one byte long": 1185, "ML-KEM-1024": 1568}
C_SIZES = {"no bytes": 0, "ML-KEM-512": 768, "one byte short": 1087, "one byte long": 1089, "ML-KEM-1024": 1568}


def sized(data: bytes, size: int) -> bytes:
    return data[:size].ljust(size, b"\0")


def wrong_lengths(ek: bytes) -> dict[str, bytes]:
    return {note: sized(ek, size) for note, size in EK_SIZES.items()}


def beyond_q(ek: bytes) -> dict[str, bytes]:
    """The key with one coefficient of 3329, 3330 or 4095: the first, in the middle and the last, in both halves of the
    three bytes that two of them share."""
    return {
        f"coefficient {index} is {value}": with_coefficient(ek, index, value)
        for index in (0, 1, 255, 256, 384, 385, 766, 767)
        for value in (3329, 3330, 4095)
    }


def same_secret(probe: HarnessProbe, reply: Reply, dk: bytes, note: str) -> bool:
    """Whether a fresh encapsulation holds for its key. Its values are random, so no finding shows them."""
    if not reply.ok:
        return probe.matches(reply, note, {})
    same = REFERENCE.ml_kem_768_decaps(dk, reply.octets("c")) == reply.octets("K")
    probe.ensure(same, f"{note}: K is {'' if same else 'not '}what c decapsulates to")
    return same


# ML-KEM-768


@case(
    "v1/library-primitives/kem-keygen",
    "V1-PRIM-01",
    ACCEPTED,
    why=DIFFERENT,
    cause="the byte k = 3 is missing behind d, as in the draft; sampling reads a fixed number of bytes; d and z are exchanged",
    needs=(KEYGEN,),
)
async def kem_keygen(probe: HarnessProbe) -> None:
    """Key generation from d and z gives the bytes of FIPS 203, also where sampling needs one more block of SHAKE128."""
    for note, d in KEM_SEEDS.items():
        ek, dk = REFERENCE.ml_kem_768_keygen(d, bytes(range(32, 64)))
        probe.matches(await probe.call(KEYGEN, d=d, z=bytes(range(32, 64))), f"seed {note}", {"ek": ek, "dk": dk})
    for i in range(3):
        d, z = random_bytes(32), random_bytes(32)
        ek, dk = REFERENCE.ml_kem_768_keygen(d, z)
        probe.matches(await probe.call(KEYGEN, d=d, z=z), f"random seed {i}", {"ek": ek, "dk": dk})


@case(
    "v1/library-primitives/kem-encaps",
    "V1-PRIM-01",
    ACCEPTED,
    why=DIFFERENT,
    cause="m is hashed first, or K hashed with the ciphertext, as in Kyber; the matrix is not transposed",
    needs=(ENCAPS,),
)
async def kem_encaps(probe: HarnessProbe) -> None:
    """Encapsulation with given randomness gives the secret and the ciphertext of FIPS 203."""
    for note, d in KEM_SEEDS.items():
        ek, _ = REFERENCE.ml_kem_768_keygen(d, bytes(32))
        for kind, m in (("zeros", bytes(32)), ("ones", b"\xff" * 32), ("random", random_bytes(32))):
            K, c = REFERENCE.ml_kem_768_encaps(ek, m)
            probe.matches(await probe.call(ENCAPS, ek=ek, m=m), f"key of seed {note}, m {kind}", {"c": c, "K": K})


@case(
    "v1/library-primitives/kem-decaps",
    "V1-PRIM-01",
    ACCEPTED,
    why=DIFFERENT,
    cause="the parts of dk are taken in another order, or K is hashed with the ciphertext, as in Kyber",
    needs=(DECAPS,),
)
async def kem_decaps(probe: HarnessProbe) -> None:
    """Decapsulation gives the secret that was encapsulated."""
    for note, d in KEM_SEEDS.items():
        ek, dk = REFERENCE.ml_kem_768_keygen(d, random_bytes(32))
        K, c = REFERENCE.ml_kem_768_encaps(ek, random_bytes(32))
        probe.matches(await probe.call(DECAPS, dk=dk, c=c), f"key of seed {note}", {"K": K})


@case(
    "v1/library-primitives/kem-accumulated",
    "V1-PRIM-01",
    ACCEPTED,
    why=DIFFERENT,
    cause="a rare branch: sampling that needs more bytes, a carry, or implicit rejection",
    needs=(KEYGEN, ENCAPS, DECAPS),
)
async def kem_accumulated(probe: HarnessProbe) -> None:
    """A hundred keys, ciphertexts, secrets and implicit rejections have the digest that C2SP publishes (CCTV)."""
    stream = shake_128(b"").digest(100 * 1184)
    digest = shake_128()
    for start in range(0, len(stream), 1184):
        d, z, m, other = (stream[start + a : start + b] for a, b in ((0, 32), (32, 64), (64, 96), (96, 1184)))
        key = await probe.done(KEYGEN, d=d, z=z)
        made = await probe.done(ENCAPS, ek=key.octets("ek"), m=m)
        rejected = await probe.done(DECAPS, dk=key.octets("dk"), c=other)
        for value in (key["ek"], key["dk"], made["c"], made["K"], rejected["K"]):
            digest.update(bytes.fromhex(value))
    published = "8d65b902f28edc683cebee2872962fd165a4d197c9e24ec74caa4470270df0b7"
    found = digest.hexdigest(32)
    probe.ensure(found == published, f"the digest is {found}, published is {published}")


@case(
    "v1/library-primitives/encaps-key-length",
    "V1-PRIM-02",
    "ISO-1002",
    why=WEAK_KEY,
    cause="the length is not checked before the key is taken apart",
    needs=(ENCAPS,),
)
async def encaps_key_length(probe: HarnessProbe) -> None:
    """Encapsulation with given randomness refuses keys of 0, 800, 1183, 1185 and 1568 bytes."""
    ek, _ = REFERENCE.ml_kem_768_keygen(random_bytes(32), random_bytes(32))
    m = random_bytes(32)
    K, c = REFERENCE.ml_kem_768_encaps(ek, m)
    probe.matches(await probe.call(ENCAPS, ek=ek, m=m), "1184 bytes", {"c": c, "K": K})
    for note, wrong in wrong_lengths(ek).items():
        probe.judge(await probe.call(ENCAPS, ek=wrong, m=m), note)


@case(
    "v1/library-primitives/encaps-key-modulus",
    "V1-PRIM-02",
    "ISO-1002",
    why=WEAK_KEY,
    cause="coefficients are reduced instead of checked, or only some of them are looked at",
    needs=(ENCAPS,),
)
async def encaps_key_modulus(probe: HarnessProbe) -> None:
    """Encapsulation with given randomness refuses keys with a coefficient of 3329, 3330 or 4095, wherever it stands,
    and takes 3328."""
    ek, _ = REFERENCE.ml_kem_768_keygen(random_bytes(32), random_bytes(32))
    m = random_bytes(32)
    for index in (0, 767):
        edge = with_coefficient(ek, index, 3328)
        K, c = REFERENCE.ml_kem_768_encaps(edge, m)
        probe.matches(await probe.call(ENCAPS, ek=edge, m=m), f"coefficient {index} is 3328", {"c": c, "K": K})
    for note, wrong in beyond_q(ek).items():
        probe.judge(await probe.call(ENCAPS, ek=wrong, m=m), note)


@case(
    "v1/library-primitives/encapsulate-key-check",
    "V1-PRIM-02",
    "ISO-1002",
    why=WEAK_KEY,
    cause="the check of FIPS 203 section 7.2 is left to a caller who does not know of it",
    needs=(ENCAPSULATE,),
)
async def encapsulate_key_check(probe: HarnessProbe) -> None:
    """Encapsulation with the library's own randomness refuses keys of another length or with a coefficient not below
    3329."""
    ek, dk = REFERENCE.ml_kem_768_keygen(random_bytes(32), random_bytes(32))
    same_secret(probe, await probe.call(ENCAPSULATE, ek=ek), dk, "the key before it was altered")
    probe.sound()
    for note, wrong in (wrong_lengths(ek) | beyond_q(ek)).items():
        probe.judge(await probe.call(ENCAPSULATE, ek=wrong), note)


@case(
    "v1/library-primitives/implicit-rejection",
    "V1-PRIM-03",
    ACCEPTED,
    why=ORACLE,
    cause="only a part of the ciphertext is compared with the one encrypted again, or the comparison is left out",
    needs=(DECAPS,),
)
async def implicit_rejection(probe: HarnessProbe) -> None:
    """A ciphertext altered in one bit, or made for another key, gives J(z || c) and no error."""
    z = random_bytes(32)
    ek, dk = REFERENCE.ml_kem_768_keygen(random_bytes(32), z)
    other, _ = REFERENCE.ml_kem_768_keygen(random_bytes(32), random_bytes(32))
    K, c = REFERENCE.ml_kem_768_encaps(ek, random_bytes(32))
    probe.matches(await probe.call(DECAPS, dk=dk, c=c), "the ciphertext before it was altered", {"K": K})
    probe.sound()
    altered = ends(c) | {
        "last byte of the first part altered": flipped(c, 959),
        "first byte of the second part altered": flipped(c, 960, 0x80),
        "for another key": REFERENCE.ml_kem_768_encaps(other, random_bytes(32)).c,
        "zeros": bytes(1088),
        "ones": b"\xff" * 1088,
        "random": random_bytes(1088),
    }
    for note, wrong in altered.items():
        rejected = shake_256(z + wrong).digest(32)
        probe.matches(await probe.call(DECAPS, dk=dk, c=wrong), note, {"K": rejected})


@case(
    "v1/library-primitives/decaps-lengths",
    "V1-PRIM-04",
    "ISO-1002",
    why="bytes beyond a buffer are read, or a ciphertext of another parameter set is taken for one of this",
    cause="the lengths are left to the caller",
    needs=(DECAPS,),
)
async def decaps_lengths(probe: HarnessProbe) -> None:
    """Ciphertexts of 0, 768, 1087, 1089 and 1568 bytes and keys of 0, 64, 1632, 2399, 2401 and 3168 are refused."""
    ek, dk = REFERENCE.ml_kem_768_keygen(random_bytes(32), random_bytes(32))
    K, c = REFERENCE.ml_kem_768_encaps(ek, random_bytes(32))
    probe.matches(await probe.call(DECAPS, dk=dk, c=c), "the right lengths", {"K": K})
    for note, size in C_SIZES.items():
        probe.judge(await probe.call(DECAPS, dk=dk, c=sized(c, size)), f"ciphertext: {note}")
    for size in (0, 64, 1632, 2399, 2401, 3168):
        probe.judge(await probe.call(DECAPS, dk=sized(dk, size), c=c), f"key of {size} bytes")


@case(
    "v1/library-primitives/decaps-key-hash",
    "V1-PRIM-04",
    "ISO-1002",
    why="a key that was damaged at rest gives secrets that nobody else has, and the fault is looked for elsewhere",
    cause="the hash in dk is used without the check of FIPS 203 section 7.3",
    needs=(DECAPS,),
)
async def decaps_key_hash(probe: HarnessProbe) -> None:
    """A decapsulation key whose hash does not belong to the encapsulation key in it is refused."""
    ek, dk = REFERENCE.ml_kem_768_keygen(random_bytes(32), random_bytes(32))
    K, c = REFERENCE.ml_kem_768_encaps(ek, random_bytes(32))
    probe.matches(await probe.call(DECAPS, dk=dk, c=c), "the key before it was altered", {"K": K})
    probe.sound()
    altered = {
        "first byte of the hash": 2336,
        "last byte of the hash": 2367,
        "first byte of rho": 2304,
        "last byte of rho": 2335,
    }
    for note, position in altered.items():
        probe.judge(await probe.call(DECAPS, dk=flipped(dk, position), c=c), note)


@case(
    "v1/library-primitives/kem-new-key-pair",
    "V1-PRIM-05",
    ACCEPTED,
    why=GUESSED,
    cause="the random source is seeded once, or not at all; z is derived from d or left zero",
    needs=(NEW_KEY_PAIR,),
)
async def kem_new_key_pair(probe: HarnessProbe) -> None:
    """Eight fresh key pairs are sound, and no part of their seeds comes twice or is zero."""
    pairs = [await probe.done(NEW_KEY_PAIR) for _ in range(8)]
    parts: list[bytes] = []
    for reply in pairs:
        ek, dk = reply.octets("ek"), reply.octets("dk")
        made = REFERENCE.ml_kem_768_encaps(ek, random_bytes(32))
        probe.ensure(dk[1152:2336] == ek, "ek is not the one inside dk")
        sound = dk[1152:2336] == ek and passes_hash_check(dk)
        probe.ensure(sound, "the hash in dk is not that of ek")
        probe.ensure(sound and REFERENCE.ml_kem_768_decaps(dk, made.c) == made.K, "dk does not open what ek seals")
        parts += [ek[-32:], dk[-32:]]
    probe.ensure(len(set(parts)) == len(parts), "two of eight key pairs share rho or z")
    probe.ensure(bytes(32) not in parts, "rho or z is zero")


def passes_hash_check(dk: bytes) -> bool:
    """Whether dk passes the hash check, as the reference has it."""
    try:
        REFERENCE.ml_kem_768_decaps(dk, bytes(1088))
    except KeyCheckError:
        return False
    return True


@case(
    "v1/library-primitives/kem-encapsulate",
    "V1-PRIM-05",
    ACCEPTED,
    why=GUESSED,
    cause="m is drawn once for the process, or derived from the key",
    needs=(ENCAPSULATE,),
)
async def kem_encapsulate(probe: HarnessProbe) -> None:
    """Eight encapsulations to one key hold, and no secret and no ciphertext comes twice."""
    ek, dk = REFERENCE.ml_kem_768_keygen(random_bytes(32), random_bytes(32))
    replies = [await probe.call(ENCAPSULATE, ek=ek) for _ in range(8)]
    held = [same_secret(probe, reply, dk, "fresh encapsulation") for reply in replies]
    if all(held):
        probe.ensure(len({reply["K"] for reply in replies}) == 8, "two of eight secrets are the same")
        probe.ensure(len({reply["c"] for reply in replies}) == 8, "two of eight ciphertexts are the same")


@case(
    "v1/library-primitives/kem-round-trip",
    "V1-PRIM-01",
    ACCEPTED,
    why=DIFFERENT,
    cause="the key pair, the encapsulation and the decapsulation are of different versions of the algorithm",
    needs=(NEW_KEY_PAIR, ENCAPSULATE, DECAPS),
)
async def kem_round_trip(probe: HarnessProbe) -> None:
    """What the library encapsulates to its own fresh keys it decapsulates to the same secret, and so does the suite."""
    for i in range(4):
        pair = await probe.done(NEW_KEY_PAIR)
        made = await probe.done(ENCAPSULATE, ek=pair.octets("ek"))
        opened = await probe.done(DECAPS, dk=pair.octets("dk"), c=made.octets("c"))
        probe.ensure(opened["K"] == made["K"], f"round {i}: the two sides have different secrets")
        if passes_hash_check(pair.octets("dk")):
            same_secret(probe, made, pair.octets("dk"), f"round {i}")
        else:
            probe.ensure(False, f"round {i}: the fresh dk fails the hash check")


# ML-DSA-65


@case(
    "v1/library-primitives/dsa-keygen",
    "V1-PRIM-06",
    ACCEPTED,
    why=FORGED,
    cause="the bytes k and l are missing behind xi, as in the draft, or sampling reads a fixed number of bytes",
    needs=(DSA_KEYGEN,),
)
async def dsa_keygen(probe: HarnessProbe) -> None:
    """Key generation from xi gives the bytes of FIPS 204, also where sampling needs one more block of SHAKE256."""
    for note, xi in (DSA_SEEDS | {"random": random_bytes(32)}).items():
        pk, sk = REFERENCE.ml_dsa_65_keygen(xi)
        probe.matches(await probe.call(DSA_KEYGEN, xi=xi), f"seed {note}", {"pk": pk, "sk": sk})


@case(
    "v1/library-primitives/dsa-sign",
    "V1-PRIM-06",
    ACCEPTED,
    why="a signature that only its own library takes proves nothing to others",
    cause="the two bytes 00 00 are missing in front of the message, or rnd is left out of the hash",
    needs=(SIGN,),
)
async def dsa_sign(probe: HarnessProbe) -> None:
    """Signing with given rnd gives the bytes of FIPS 204: deterministic and hedged, messages of 0 to 1184 bytes."""
    _, sk = REFERENCE.ml_dsa_65_keygen(DSA_SEEDS["counting"])
    for note, size, rnd in (
        ("deterministic", 0, bytes(32)),
        ("deterministic", 32, bytes(32)),
        ("hedged", 1, random_bytes(32)),
        ("hedged", 1184, random_bytes(32)),
    ):
        message = bytes(i % 251 for i in range(size))
        signature = REFERENCE.ml_dsa_65_sign(sk, message, b"", rnd)
        reply = await probe.call(SIGN, sk=sk, message=message, rnd=rnd)
        probe.matches(reply, f"{note}, {size} bytes", {"signature": signature})


@case(
    "v1/library-primitives/dsa-many-attempts",
    "V1-PRIM-06",
    ACCEPTED,
    why="one signature in a hundred thousand is wrong, or is never finished",
    cause="the counter of the mask has one byte, or the attempts are bounded too low",
    needs=(SIGN,),
)
async def dsa_many_attempts(probe: HarnessProbe) -> None:
    """A signature that takes 55 attempts, so that the counter of the mask passes 255, is that of FIPS 204."""
    _, sk = REFERENCE.ml_dsa_65_keygen(bytes(32))
    reply = await probe.done(SIGN, sk=sk, message=MANY_ATTEMPTS, rnd=bytes(32))
    found = sha256(reply.octets("signature")).hexdigest()
    probe.ensure(found == MANY_ATTEMPTS_DIGEST, f"SHA-256 of the signature is {found}, not {MANY_ATTEMPTS_DIGEST}")


@case(
    "v1/library-primitives/dsa-accumulated",
    "V1-PRIM-06",
    ACCEPTED,
    why="a signature that only its own library takes proves nothing to others",
    cause="a rare branch: an attempt that is dropped for its norm or its hint",
    needs=(DSA_KEYGEN, SIGN),
)
async def dsa_accumulated(probe: HarnessProbe) -> None:
    """A hundred keys and deterministic signatures of the empty message have the digest that C2SP publishes (CCTV)."""
    stream = shake_128(b"").digest(100 * 32)
    digest = shake_128()
    for start in range(0, len(stream), 32):
        key = await probe.done(DSA_KEYGEN, xi=stream[start : start + 32])
        signed = await probe.done(SIGN, sk=key.octets("sk"), message=b"", rnd=bytes(32))
        digest.update(key.octets("pk"))
        digest.update(signed.octets("signature"))
    published = "8358a1843220194417cadbc2651295cd8fc65125b5a5c1a239a16dc8b57ca199"
    found = digest.hexdigest(32)
    probe.ensure(found == published, f"the digest is {found}, published is {published}")


async def verified(probe: HarnessProbe, pk: bytes, message: bytes, signature: bytes, note: str, valid: bool) -> None:
    reply = await probe.call(VERIFY, pk=pk, message=message, signature=signature)
    probe.matches(reply, note, {"valid": valid})


@case(
    "v1/library-primitives/dsa-verify",
    "V1-PRIM-06",
    ACCEPTED,
    why="clients with a sound identity are turned away",
    cause="only the library's own kind of signing is accepted, or the norm is compared with the wrong bound",
    needs=(VERIFY,),
)
async def dsa_verify(probe: HarnessProbe) -> None:
    """Deterministic and hedged signatures are valid, also one whose z is one below its bound."""
    pk, sk = REFERENCE.ml_dsa_65_keygen(random_bytes(32))
    for size in (0, 1, 1184):
        message = random_bytes(size)
        for note, rnd in (("deterministic", bytes(32)), ("hedged", random_bytes(32))):
            signature = REFERENCE.ml_dsa_65_sign(sk, message, b"", rnd)
            await verified(probe, pk, message, signature, f"{note}, {size} bytes", True)
    await verified(probe, pk, b"", signature, "the last of them for another message", False)
    pk, sk = REFERENCE.ml_dsa_65_keygen(bytes(32))
    await verified(probe, pk, NORM_WITHIN[0], sign_attempt(sk, *NORM_WITHIN), "norm of z is 524091", True)


@case(
    "v1/library-primitives/dsa-altered",
    "V1-PRIM-06",
    ACCEPTED,
    why=FORGED,
    cause="the result of the comparison is ignored, or only a part of c_tilde is compared",
    needs=(VERIFY,),
)
async def dsa_altered(probe: HarnessProbe) -> None:
    """A signature is not valid for another message or key, nor with one bit changed anywhere."""
    pk, sk = REFERENCE.ml_dsa_65_keygen(random_bytes(32))
    other, _ = REFERENCE.ml_dsa_65_keygen(random_bytes(32))
    message = random_bytes(64)
    signature = REFERENCE.ml_dsa_65_sign(sk, message, b"", random_bytes(32))
    await verified(probe, pk, message, signature, "as signed", True)
    for note, wrong in ends(message).items():
        await verified(probe, pk, wrong, signature, f"message: {note}", False)
    await verified(probe, pk, message[:-1], signature, "message: one byte short", False)
    await verified(probe, pk, b"", signature, "message: empty", False)
    await verified(probe, other, message, signature, "another key", False)
    await verified(probe, flipped(pk, 0), message, signature, "key: first byte altered", False)
    await verified(probe, flipped(pk, -1, 0x80), message, signature, "key: last byte altered", False)
    for position in (0, 31, 32, 47):
        await verified(probe, pk, message, flipped(signature, position), f"c_tilde: byte {position}", False)
    for position in (48, 1648, 3247):
        await verified(probe, pk, message, flipped(signature, position), f"z: byte {position} altered", False)
    await verified(probe, pk, message, bytes(3309), "zeros", False)
    await verified(probe, pk, message, b"\xff" * 3309, "ones", False)


@case(
    "v1/library-primitives/dsa-signature-length",
    "V1-PRIM-07",
    ACCEPTED,
    why=MALLEABLE,
    cause="the signature is cut to its length, or filled up",
    needs=(VERIFY,),
)
async def dsa_signature_length(probe: HarnessProbe) -> None:
    """A signature with bytes missing or added, at either end, is not valid."""
    pk, sk = REFERENCE.ml_dsa_65_keygen(random_bytes(32))
    signature = REFERENCE.ml_dsa_65_sign(sk, b"nen", b"", random_bytes(32))
    await verified(probe, pk, b"nen", signature, "3309 bytes", True)
    lengths = {
        "empty": b"",
        "c_tilde alone": signature[:48],
        "one byte short": signature[:-1],
        "one byte long": signature + b"\0",
        "a byte in front": b"\0" + signature,
        "twice": signature + signature,
        "the length of ML-DSA-44": signature[:2420],
        "the length of ML-DSA-87": signature.ljust(4627, b"\0"),
    }
    for note, wrong in lengths.items():
        await verified(probe, pk, b"nen", wrong, note, False)


@case(
    "v1/library-primitives/dsa-norm-of-z",
    "V1-PRIM-07",
    ACCEPTED,
    why="without the bound on z, signatures can be forged with elementary algebra",
    cause="the norm is not checked, or compared with <= or with gamma1",
    needs=(VERIFY,),
)
async def dsa_norm_of_z(probe: HarnessProbe) -> None:
    """A signature whose z reaches its bound of 524092 is not valid though all else in it is right; 524091 is."""
    pk, sk = REFERENCE.ml_dsa_65_keygen(bytes(32))
    for note, valid, (message, kappa) in (
        ("norm of z is 524091", True, NORM_WITHIN),
        ("norm of z is 524092", False, NORM_AT_BOUND),
        ("norm of z is 524093", False, NORM_BEYOND),
    ):
        await verified(probe, pk, message, sign_attempt(sk, message, kappa), note, valid)


@case(
    "v1/library-primitives/dsa-hint-encoding",
    "V1-PRIM-07",
    ACCEPTED,
    why=MALLEABLE,
    cause="the hint is unpacked without the checks of FIPS 204, algorithm 21",
    needs=(VERIFY,),
)
async def dsa_hint_encoding(probe: HarnessProbe) -> None:
    """Other encodings of the very same hint are not valid: unsorted, repeated, with unused bytes, with too many ends."""
    pk, sk = REFERENCE.ml_dsa_65_keygen(random_bytes(32))
    message, signature = next(signatures(sk, room_and_pair))
    await verified(probe, pk, message, signature, "as signed", True)
    for note, wrong in hints(signature).items():
        await verified(probe, pk, message, wrong, note, False)


@case(
    "v1/library-primitives/dsa-context",
    "V1-PRIM-08",
    ACCEPTED,
    why="a signature that the key gave for another purpose would prove an identity here",
    cause="the internal interface is called in place of the one with a context",
    needs=(VERIFY,),
)
async def dsa_context(probe: HarnessProbe) -> None:
    """Signatures under a context, without the domain prefix, or over a hash are not valid for the empty context."""
    pk, sk = REFERENCE.ml_dsa_65_keygen(random_bytes(32))
    message = random_bytes(32)
    await verified(probe, pk, message, REFERENCE.ml_dsa_65_sign(sk, message, b"", bytes(32)), "empty context", True)
    for note, signature in signed_elsewhere(sk, message).items():
        await verified(probe, pk, message, signature, note, False)


@case(
    "v1/library-primitives/dsa-new-key-pair",
    "V1-PRIM-05",
    ACCEPTED,
    why=GUESSED,
    cause="the random source is seeded once, or not at all",
    needs=(NEW_SIGNING_KEY,),
)
async def dsa_new_key_pair(probe: HarnessProbe) -> None:
    """Three fresh key pairs are sound: pk verifies what sk signs, and none comes twice."""
    pairs = [await probe.done(NEW_SIGNING_KEY) for _ in range(3)]
    for reply in pairs:
        pk, sk = reply.octets("pk"), reply.octets("sk")
        sound = sk[:32] == pk[:32] and sk[64:128] == shake_256(pk).digest(64)
        probe.ensure(sound, "rho or tr in sk is not that of pk")
        if sound:
            signature = REFERENCE.ml_dsa_65_sign(sk, b"nen", b"", bytes(32))
            probe.ensure(REFERENCE.ml_dsa_65_verify(pk, b"nen", signature, b""), "pk does not verify what sk signs")
    probe.ensure(len({reply["pk"][:64] for reply in pairs}) == 3, "two of three keys share rho")
    probe.ensure(len({reply["sk"][64:128] for reply in pairs}) == 3, "two of three keys share K")


@case(
    "v1/library-primitives/dsa-sign-hedged",
    "V1-PRIM-06",
    ACCEPTED,
    why="a fault while the same value is signed twice tells the key, where signing is not hedged",
    cause="rnd is fixed, or drawn once for the process",
    needs=(SIGN_HEDGED,),
)
async def dsa_sign_hedged(probe: HarnessProbe) -> None:
    """Three hedged signatures of one message differ from each other and from the deterministic one, and are valid."""
    pk, sk = REFERENCE.ml_dsa_65_keygen(random_bytes(32))
    replies = [await probe.done(SIGN_HEDGED, sk=sk, message=b"nen") for _ in range(3)]
    for reply in replies:
        valid = REFERENCE.ml_dsa_65_verify(pk, b"nen", reply.octets("signature"), b"")
        probe.ensure(valid, "a hedged signature is not valid")
    seen = {reply.octets("signature") for reply in replies} | {REFERENCE.ml_dsa_65_sign(sk, b"nen", b"", bytes(32))}
    probe.ensure(len(seen) == 4, "hedged signatures of one message are the same, or deterministic")


# ChaCha20-Poly1305

SIZES = (0, 1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 4096, 65_537)
NONCES = {
    "zeros": bytes(12),
    "ones": b"\xff" * 12,
    "first byte": b"\x80" + bytes(11),
    "fourth byte": bytes(3) + b"\x80" + bytes(8),
    "fifth byte": bytes(4) + b"\xff" + bytes(7),
    "last byte": bytes(11) + b"\x80",
}
# RFC 8439, 2.4.2: encryption from block 1 on, which is what the AEAD does.
SUNSCREEN = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it."
SUNSCREEN_CIPHERTEXT = (
    "6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0bf91b65c5524733ab8f593dabcd62b3571639d624e65152ab8f"
    "530c359f0861d807ca0dbf500d6a6156a38e088a22b65e52bc514d16ccf806818ce91ab77937365af90bbf74a35be6b40b8eedf2785e42874d"
)


@case(
    "v1/library-primitives/aead-seal",
    "V1-PRIM-09",
    ACCEPTED,
    why=UNREADABLE,
    cause="the last block is filled up, the lengths are missing from the tag, or the AAD is not empty",
    needs=(SEAL,),
)
async def aead_seal(probe: HarnessProbe) -> None:
    """Plaintexts of 0 to 65 537 bytes, around every border of a block, are sealed as RFC 8439 says."""
    for size in SIZES:
        key, nonce = random_bytes(32), random_bytes(12)
        plaintext = random_bytes(size)
        sealed = REFERENCE.aead_seal(key, nonce, plaintext)
        reply = await probe.call(SEAL, key=key, nonce=nonce, plaintext=plaintext)
        probe.matches(reply, f"{size} bytes", {"ciphertext": sealed})


@case(
    "v1/library-primitives/aead-open",
    "V1-PRIM-09",
    ACCEPTED,
    why="what other implementations seal cannot be opened here",
    cause="the tag is looked for in front of the ciphertext, or the last block is filled up",
    needs=(OPEN,),
)
async def aead_open(probe: HarnessProbe) -> None:
    """Sealed bytes of 0 to 65 537 bytes of plaintext, around every border of a block, open."""
    for size in SIZES:
        key, nonce = random_bytes(32), random_bytes(12)
        plaintext = random_bytes(size)
        sealed = REFERENCE.aead_seal(key, nonce, plaintext)
        reply = await probe.call(OPEN, key=key, nonce=nonce, ciphertext=sealed)
        probe.matches(reply, f"{size} bytes", {"plaintext": plaintext})


@case(
    "v1/library-primitives/aead-published",
    "V1-PRIM-09",
    ACCEPTED,
    why=UNREADABLE,
    cause="the key stream begins with block 0, or runs backwards",
    needs=(SEAL,),
)
async def aead_published(probe: HarnessProbe) -> None:
    """The ciphertext in front of the tag is that of RFC 8439, section 2.4.2."""
    nonce = bytes.fromhex("000000000000004a00000000")
    reply = await probe.done(SEAL, key=bytes(range(32)), nonce=nonce, plaintext=SUNSCREEN)
    found = reply["ciphertext"][:-32]
    probe.ensure(
        found == SUNSCREEN_CIPHERTEXT, f"the ciphertext is {found[:64]}..., not {SUNSCREEN_CIPHERTEXT[:64]}..."
    )


@case(
    "v1/library-primitives/aead-nonces",
    "V1-PRIM-09",
    ACCEPTED,
    why=UNREADABLE,
    cause="parts of the nonce are read as signed numbers, in another order, or not at all",
    needs=(SEAL, OPEN),
)
async def aead_nonces(probe: HarnessProbe) -> None:
    """Nonces and keys with their high bits set seal and open as they should."""
    for note, nonce in NONCES.items():
        for key in (b"\xff" * 32, b"\x80" * 32):
            plaintext = b"\xff" * 80
            sealed = REFERENCE.aead_seal(key, nonce, plaintext)
            reply = await probe.call(SEAL, key=key, nonce=nonce, plaintext=plaintext)
            probe.matches(reply, f"seal, nonce with {note}", {"ciphertext": sealed})
            reply = await probe.call(OPEN, key=key, nonce=nonce, ciphertext=sealed)
            probe.matches(reply, f"open, nonce with {note}", {"plaintext": plaintext})


@case(
    "v1/library-primitives/aead-poly1305-edges",
    "V1-PRIM-09",
    ACCEPTED,
    why="a tag that is wrong once in a million messages is a failure that nobody can find",
    cause="the last reduction modulo 2^130 - 5 or a carry of it is missing",
    needs=(OPEN,),
)
async def aead_poly1305_edges(probe: HarnessProbe) -> None:
    """Messages that leave the accumulator of Poly1305 at the edges of its range open: 0, 2^130 - 6, 2^128 and others."""
    key, nonce = random_bytes(32), random_bytes(12)
    stream = REFERENCE.aead_seal(key, nonce, bytes(32))[:32]
    for note, sealed in poly1305_edges(key, nonce).items():
        plaintext = bytes(a ^ b for a, b in zip(sealed[:32], stream, strict=True))
        reply = await probe.call(OPEN, key=key, nonce=nonce, ciphertext=sealed)
        probe.matches(reply, f"the accumulator ends at {note}", {"plaintext": plaintext})
    for blocks in (1, 2, 3, 64):
        mask = REFERENCE.aead_seal(key, nonce, bytes(16 * blocks))[:-16]
        ones = bytes(0xFF ^ byte for byte in mask)  # the plaintext whose ciphertext is all ones
        sealed = REFERENCE.aead_seal(key, nonce, ones)
        reply = await probe.call(OPEN, key=key, nonce=nonce, ciphertext=sealed)
        probe.matches(reply, f"{blocks} blocks of ones", {"plaintext": ones})


@case(
    "v1/library-primitives/aead-tag-altered",
    "V1-PRIM-10",
    "ISO-4001",
    why=TAMPERED,
    cause="only a part of the tag is compared, or none of it",
    needs=(OPEN,),
)
async def aead_tag_altered(probe: HarnessProbe) -> None:
    """Each of the sixteen bytes of the tag, and each end of the ciphertext, decides."""
    key, nonce, plaintext = random_bytes(32), random_bytes(12), random_bytes(40)
    sealed = REFERENCE.aead_seal(key, nonce, plaintext)
    reply = await probe.call(OPEN, key=key, nonce=nonce, ciphertext=sealed)
    probe.matches(reply, "before it was altered", {"plaintext": plaintext})
    probe.sound()
    for position in range(-16, 0):
        wrong = flipped(sealed, position, 1 << position % 8)
        probe.judge(await probe.call(OPEN, key=key, nonce=nonce, ciphertext=wrong), f"tag byte {position + 16}")
    for note, body in ends(sealed[:-16]).items():
        wrong = body + sealed[-16:]
        probe.judge(await probe.call(OPEN, key=key, nonce=nonce, ciphertext=wrong), f"ciphertext: {note}")
    for note, tag in (("zeros", bytes(16)), ("ones", b"\xff" * 16), ("in front", sealed[:-16][:16])):
        wrong = sealed[:-16] + tag
        probe.judge(await probe.call(OPEN, key=key, nonce=nonce, ciphertext=wrong), f"tag of {note}")


@case(
    "v1/library-primitives/aead-cut",
    "V1-PRIM-10",
    "ISO-4001",
    why=TAMPERED,
    cause="a short tag is compared over its own length, or the length is subtracted below zero",
    needs=(OPEN,),
)
async def aead_cut(probe: HarnessProbe) -> None:
    """Sealed bytes that are cut, lengthened, or shorter than a tag are refused."""
    key, nonce, plaintext = random_bytes(32), random_bytes(12), random_bytes(40)
    sealed = REFERENCE.aead_seal(key, nonce, plaintext)
    empty = REFERENCE.aead_seal(key, nonce, b"")
    reply = await probe.call(OPEN, key=key, nonce=nonce, ciphertext=sealed)
    probe.matches(reply, "before it was cut", {"plaintext": plaintext})
    variants = {
        "last byte cut": sealed[:-1],
        "first byte cut": sealed[1:],
        "without its tag": sealed[:-16],
        "the tag alone": sealed[-16:],
        "one byte added": sealed + b"\0",
        "a byte in front": b"\0" + sealed,
        "the tag twice": sealed + sealed[-16:],
        "no bytes": b"",
        "1 byte of a tag": empty[:1],
        "4 bytes of a tag": empty[:4],
        "12 bytes of a tag": empty[:12],
        "15 bytes of a tag": empty[:15],
    }
    for note, wrong in variants.items():
        probe.judge(await probe.call(OPEN, key=key, nonce=nonce, ciphertext=wrong), note)


@case(
    "v1/library-primitives/aead-other-key",
    "V1-PRIM-10",
    "ISO-4001",
    why="what was sealed for one session or place would open in another",
    cause="a part of the key or the nonce does not reach the cipher",
    needs=(OPEN,),
)
async def aead_other_key(probe: HarnessProbe) -> None:
    """Under a key or a nonce that differs in one bit, or with an AAD sealed in, nothing opens."""
    key, nonce, plaintext = random_bytes(32), random_bytes(12), random_bytes(40)
    sealed = REFERENCE.aead_seal(key, nonce, plaintext)
    reply = await probe.call(OPEN, key=key, nonce=nonce, ciphertext=sealed)
    probe.matches(reply, "the right key and nonce", {"plaintext": plaintext})
    for note, wrong in ends(key).items():
        probe.judge(await probe.call(OPEN, key=wrong, nonce=nonce, ciphertext=sealed), f"key: {note}")
    for position in range(12):
        wrong = flipped(nonce, position)
        probe.judge(await probe.call(OPEN, key=key, nonce=wrong, ciphertext=sealed), f"nonce byte {position}")
    for aad in (b"\0", b"nen", SUNSCREEN):
        wrong = aead_encrypt(key, nonce, plaintext, aad)
        probe.judge(await probe.call(OPEN, key=key, nonce=nonce, ciphertext=wrong), f"AAD of {len(aad)} bytes")


# HMAC-SHA256

# RFC 4231, section 4; the fifth is published cut to 128 bits.
RFC_4231 = (
    (b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
    (b"Jefe", b"what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
    (b"\xaa" * 20, b"\xdd" * 50, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
    (bytes(range(1, 26)), b"\xcd" * 50, "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
    (b"\x0c" * 20, b"Test With Truncation", "a3b6167473100ee06e0c796c2955552b"),
    (
        b"\xaa" * 131,
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ),
    (
        b"\xaa" * 131,
        b"This is a test using a larger than block-size key and a larger than block-size data. "
        b"The key needs to be hashed before being used by the HMAC algorithm.",
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
    ),
)


@case(
    "v1/library-primitives/hmac-published",
    "V1-PRIM-11",
    ACCEPTED,
    why="no request of this implementation passes elsewhere",
    cause="inner and outer padding are exchanged, or the key is not filled up to a block",
    needs=(HMAC,),
)
async def hmac_published(probe: HarnessProbe) -> None:
    """The seven tests of RFC 4231 give the published tags."""
    for number, (key, message, published) in enumerate(RFC_4231, 1):
        reply = await probe.done(HMAC, key=key, message=message)
        found = reply["mac"][: len(published)]
        probe.ensure(found == published, f"test {number}: the tag is {found}, published is {published}")


@case(
    "v1/library-primitives/hmac-lengths",
    "V1-PRIM-11",
    ACCEPTED,
    why="no request of this implementation passes elsewhere",
    cause="keys of more than a block are cut instead of hashed, or the empty key is refused",
    needs=(HMAC,),
)
async def hmac_lengths(probe: HarnessProbe) -> None:
    """Keys and messages of 0 to 200 bytes, around the borders of a block of SHA-256, give the tag of FIPS 198-1."""
    for key_size in (0, 1, 32, 63, 64, 65, 200):
        for size in (0, 1, 55, 56, 63, 64, 65, 200):
            key, message = random_bytes(key_size), random_bytes(size)
            reply = await probe.call(HMAC, key=key, message=message)
            note = f"key of {key_size} bytes, message of {size}"
            probe.matches(reply, note, {"mac": REFERENCE.hmac_sha256(key, message)})
