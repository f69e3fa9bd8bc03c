"""v1/handshake_hello: the client's handshake body, with and without an identity."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from nen_ref.primitives import ml_dsa, ml_kem
from nen_ref.primitives.ml_dsa import ML_DSA_65
from nen_ref.primitives.suite import REFERENCE
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Found, Group, Test, VectorSuite, valid
from nen_ref.vectors.suites.handshake_tools import flags

ZEROS, ONES = bytes(32), b"\xff" * 32

FLAGS = flags(
    "Basic",
    Identity=Flag(
        "basic",
        "sigPk is the SubjectPublicKeyInfo, sigOfPk the deterministic signature (rnd of zeros) over the raw bytes of "
        "ek; a client that signs hedged sends another signature, which has to verify",
        "servers refuse the identity of this client, or nobody is identified",
        ("V1-ID-01", "V1-ID-02", "V1-PRIM-06"),
    ),
    SeedsOfZerosOrOnes=Flag(
        "edge case",
        "seeds all of whose bits are alike",
        "a seed of zeros is taken for an absent one, and random bytes are used in its place",
        ("FIPS 203, algorithm 16",),
    ),
    SeedsConfused=Flag(
        "confusion",
        "ek follows from d alone; z is for implicit rejection only",
        "d and z are exchanged or joined in another order, and vectors of decapsulation fail without a reason in sight",
        ("FIPS 203, algorithm 16",),
    ),
)


def fixed(draw: Draw, found: Found) -> list[Group]:
    d, z, xi = draw("d"), draw("z"), draw("xi")
    return [
        Group(
            "without an identity",
            (
                valid("plain", "drawn seeds", {"d": d, "z": z}, "Basic"),
                valid("another-z", "the d of the vector plain, another z: the same body", {"d": d, "z": draw("z/2")},
                      "SeedsConfused"),
                valid("d-and-z-exchanged", "the seeds of the vector plain, exchanged: another body", {"d": z, "z": d},
                      "SeedsConfused"),
                valid("d-and-z-alike", "one value for both seeds", {"d": d, "z": d}, "SeedsConfused"),
                valid("d-of-zeros", "32 zero bytes as d", {"d": ZEROS, "z": z}, "SeedsOfZerosOrOnes"),
                valid("d-of-ones", "32 bytes of ff as d", {"d": ONES, "z": ONES}, "SeedsOfZerosOrOnes"),
            ),
        ),
        Group(
            "with an identity",
            (
                valid("identity", "drawn seeds", {"d": d, "z": z, "identity_seed": xi}, "Identity"),
                valid("identity-of-another-handshake", "the same identity in another handshake: another signature",
                      {"d": draw("d/2"), "z": z, "identity_seed": xi}, "Identity"),
                valid("identity-seed-of-zeros", "an identity whose seed is 32 zero bytes: it is there all the same",
                      {"d": d, "z": z, "identity_seed": ZEROS}, "Identity", "SeedsOfZerosOrOnes"),
                valid("identity-seed-is-d", "one value for the seeds of both algorithms",
                      {"d": d, "z": z, "identity_seed": d}, "Identity", "SeedsConfused"),
            ),
            covers=("V1-ID-01", "V1-ID-02"),
        ),
    ]  # fmt: skip


def random(draw: Draw, i: int) -> Test:
    seeds = {"d": draw("d"), "z": draw("z")}
    if i % 4:
        return valid(f"random-{i}", "drawn seeds", seeds, "Basic")
    return valid(f"random-{i}", "drawn seeds and identity", seeds | {"identity_seed": draw("xi")}, "Identity")


def intermediate(a: dict[str, Any]) -> Mapping[str, Any]:
    """`H_ek` is SHA3-256 of ek; `M_prime` the bytes that are signed, `tr` and `mu` as in FIPS 204, algorithm 7."""
    ek, _ = REFERENCE.ml_kem_768_keygen(a["d"], a["z"])
    found: dict[str, Any] = {"ek_sha256": sha256(ek).digest(), "H_ek": ml_kem.H(ek)}
    if "identity_seed" not in a:
        return found
    pk, _ = REFERENCE.ml_dsa_65_keygen(a["identity_seed"])
    M_prime, tr = ml_dsa.format_message(ek, b""), ml_dsa.H(pk, 64)
    mu = ml_dsa.message_representative(tr, M_prime)
    return found | {"pk": pk, "M_prime": M_prime, "tr": tr, "mu": mu, "sigma_bytes": ML_DSA_65.sig_size}


SUITE = VectorSuite(
    name="v1/handshake_hello",
    title="The client's handshake body",
    operation="handshake.hello",
    covers=("V1-HS-01", "V1-HS-10", "V1-WIRE-01"),
    flags=FLAGS,
    fixed=fixed,
    random=random,
    count=10,
    intermediate=intermediate,
)
