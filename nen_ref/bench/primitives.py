"""The primitives, each library that has one of its own beside ours. Sizes are bytes of plaintext or text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from random import Random
from typing import Any

from nen_ref.bench.floor import hashing_of, replay
from nen_ref.bench.libraries import own, with_peer_aead
from nen_ref.bench.measure import Contender, Subject
from nen_ref.primitives.suite import REFERENCE, Suite

AEAD_SIZES = (64, 1024, 64 * 1024)
CURVE_SIZES = (16, 64, 256, 1024, 4096, 16 * 1024, 64 * 1024, 256 * 1024)
MESSAGES = 200
FLOOR = "hashing alone"

Make = Callable[[Suite], Callable[[int], Any]]


def contenders(libraries: dict[str, Suite], make: Make) -> tuple[Contender, ...]:
    """`make` prepares the work for a suite, outside of what is timed."""
    return tuple(Contender(name, make(suite)) for name, suite in libraries.items())


def with_floor(of: tuple[Contender, ...]) -> tuple[Contender, ...]:
    """The contenders, ours first, and last the hashing that ours does in the same round."""
    ours = of[0]
    recorded = lru_cache(maxsize=1)(lambda i: hashing_of(partial(ours.call, i)))
    return (*of, Contender(FLOOR, lambda i: replay(recorded(i)), floor=True, prepare=recorded))


def subjects() -> Iterator[Subject]:
    yield from _ml_kem()
    yield from _ml_dsa()
    yield from _aead()
    yield from _keyed_hashes()
    yield _x25519()


def _ml_kem() -> Iterator[Subject]:
    random = Random("ML-KEM-768")
    d, z, m = (random.randbytes(32) for _ in range(3))
    ek, dk = REFERENCE.ml_kem_768_keygen(d, z)
    K, c = REFERENCE.ml_kem_768_encaps(ek, m)

    def keygen(suite: Suite) -> Callable[[int], Any]:
        return lambda i: suite.ml_kem_768_keygen(d, z)

    def encaps(suite: Suite) -> Callable[[int], Any]:
        return lambda i: suite.ml_kem_768_encaps(ek, m)

    def decaps(suite: Suite) -> Callable[[int], Any]:
        own_dk = suite.ml_kem_768_keygen(d, z).dk  # a library may keep it in a form of its own
        return lambda i: suite.ml_kem_768_decaps(own_dk, c)

    def opens(made: Any) -> bool:
        return bool(REFERENCE.ml_kem_768_decaps(dk, made.c) == made.K)

    for name, make, right in (
        ("keygen", keygen, lambda pair: pair.ek == ek),
        ("encaps", encaps, opens),
        ("decaps", decaps, lambda secret: secret == K),
    ):
        yield Subject(f"ML-KEM-768 {name}", with_floor(contenders(own(f"ml_kem_768_{name}"), make)), right)


def _ml_dsa() -> Iterator[Subject]:
    random = Random("ML-DSA-65")
    xi, rnd = random.randbytes(32), bytes(32)
    messages = [random.randbytes(64) for _ in range(MESSAGES)]
    pk, sk = REFERENCE.ml_dsa_65_keygen(xi)
    sigma = REFERENCE.ml_dsa_65_sign(sk, messages[0], b"", rnd)

    def keygen(suite: Suite) -> Callable[[int], Any]:
        return lambda i: suite.ml_dsa_65_keygen(xi)

    def sign(suite: Suite) -> Callable[[int], Any]:
        return lambda i: suite.ml_dsa_65_sign(sk, messages[i], b"", rnd)

    def verify(suite: Suite) -> Callable[[int], Any]:
        return lambda i: suite.ml_dsa_65_verify(pk, messages[0], sigma, b"")

    yield Subject(
        "ML-DSA-65 keygen",
        with_floor(contenders(own("ml_dsa_65_keygen"), keygen)),
        lambda pair: pair == (pk, sk),
    )
    yield Subject(
        "ML-DSA-65 sign",
        with_floor(contenders(own("ml_dsa_65_sign"), sign)),
        lambda signature: signature == sigma,
        mean=True,  # a signature takes as many attempts as its message asks for
        inputs=MESSAGES,
    )
    yield Subject(
        "ML-DSA-65 verify",
        with_floor(contenders(own("ml_dsa_65_verify"), verify)),
        lambda valid: valid is True,
    )


def _aead() -> Iterator[Subject]:
    for size in AEAD_SIZES:
        yield sealing(size)
    for size in AEAD_SIZES:
        yield _opening(size)


def curve() -> Iterator[Subject]:
    """Sealing at many sizes, for the plot of time against size."""
    return (sealing(size) for size in CURVE_SIZES)


def sealing(size: int) -> Subject:
    key, nonce, plaintext, sealed = _sealed(size)

    def seal(suite: Suite) -> Callable[[int], Any]:
        return lambda i: suite.aead_seal(key, nonce, plaintext)

    return Subject("AEAD seal", contenders(with_peer_aead(), seal), lambda made: made == sealed, size)


def _opening(size: int) -> Subject:
    key, nonce, plaintext, sealed = _sealed(size)

    def open_(suite: Suite) -> Callable[[int], Any]:
        return lambda i: suite.aead_open(key, nonce, sealed)

    return Subject("AEAD open", contenders(with_peer_aead(), open_), lambda opened: opened == plaintext, size)


def _sealed(size: int) -> tuple[bytes, bytes, bytes, bytes]:
    random = Random(f"AEAD {size}")
    key, nonce, plaintext = random.randbytes(32), random.randbytes(12), random.randbytes(size)
    return key, nonce, plaintext, REFERENCE.aead_seal(key, nonce, plaintext)


def _keyed_hashes() -> Iterator[Subject]:
    random = Random("HMAC-SHA256")
    key, text = random.randbytes(32), random.randbytes(128)
    mac, okm = REFERENCE.hmac_sha256(key, text), REFERENCE.hkdf_sha256(key, text, 32)

    def hmac(suite: Suite) -> Callable[[int], Any]:
        return lambda i: suite.hmac_sha256(key, text)

    def hkdf(suite: Suite) -> Callable[[int], Any]:
        return lambda i: suite.hkdf_sha256(key, text, 32)

    yield Subject("HMAC-SHA256", contenders(own("hmac_sha256"), hmac), lambda made: made == mac, len(text))
    yield Subject("HKDF-SHA256", contenders(own("hkdf_sha256"), hkdf), lambda made: made == okm)


def _x25519() -> Subject:
    random = Random("X25519")
    k, u = random.randbytes(32), random.randbytes(32)
    shared = REFERENCE.x25519(k, u)

    def compute(suite: Suite) -> Callable[[int], Any]:
        return lambda i: suite.x25519(k, u)

    return Subject("X25519", contenders(own("x25519"), compute), lambda made: made == shared)
