"""primitives/ml_dsa_65_sign_hedged: FIPS 204, algorithm 2, with the rnd that is given.

An implementation that draws rnd itself can be tested with these if its source of randomness can be replaced: it is
asked once, for 32 bytes.
"""

from __future__ import annotations

from nen_ref.primitives.ml_dsa import DETERMINISTIC, Signing
from nen_ref.vectors.alter import flipped_bit
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Found, Group, Test, VectorSuite, invalid, valid
from nen_ref.vectors.suites.ml_dsa_tools import SEARCHES, begin, events, in_order, key_pair, signing_steps, slug

EVENTS = ("OneAttempt", "TwoAttempts", "FirstRejectionZ", "FirstRejectionR0", "FirstRejectionHint")
HEDGING = ("FIPS 204, section 3.4", "FIPS 204, algorithm 7, line 7")

FLAGS = {
    "Basic": Flag(
        "basic", "a fresh key, message, context and rnd", "no signature verifies elsewhere, or none is reproduced"
    ),
    "Randomness": Flag(
        "wrong computation",
        "one message under one key with values of rnd that differ little: every bit has to count",
        "rnd is ignored or cut: a fault while the same message is signed twice gives the key away",
        HEDGING,
    ),
    "ZeroRandomness": Flag(
        "edge case",
        "rnd of 32 zero bytes, which is the deterministic variant",
        "zero is taken for absent, and the signature cannot be reproduced",
        HEDGING,
    ),
    "RandomnessOnce": Flag(
        "edge case",
        "many attempts with one rnd: they differ in kappa alone",
        "rnd is drawn anew for every attempt, and no signature with a rejection can be reproduced",
        HEDGING,
    ),
    "MessageLength": Flag(
        "edge case", "messages of 0 bytes to 1000", "signatures differ for messages of some lengths only"
    ),
    "Context": Flag(
        "edge case",
        "contexts of 1 to 255 bytes",
        "signatures that are meant for one purpose are made for another, or do not verify",
        ("FIPS 204, algorithm 2",),
    ),
    "ContextTooLong": Flag(
        "missing check",
        "contexts of more than 255 bytes, whose length does not fit into its byte",
        "the length is cut to one byte: a signature under the long context also stands for another message",
        ("FIPS 204, algorithm 2, lines 1 to 3",),
    ),
    **{name: SEARCHES[name].flag for name in EVENTS},
}


def fixed(draw: Draw, found: Found) -> list[Group]:
    shared = {"sk": key_pair(draw("key")).sk}
    M, rnd = draw("message"), draw("rnd")
    given = {
        "zero": ("rnd of zero bytes", DETERMINISTIC, "ZeroRandomness"),
        "ff": ("rnd of bytes ff", b"\xff" * 32, "Randomness"),
        "drawn": ("the rnd that the next ones differ from in one bit", rnd, "Randomness"),
        "first-bit": ("the first bit of rnd changed", flipped_bit(rnd, 0), "Randomness"),
        "middle-bit": ("a bit of byte 16 of rnd changed", flipped_bit(rnd, 16, 3), "Randomness"),
        "last-bit": ("the last bit of rnd changed", flipped_bit(rnd, -1, 7), "Randomness"),
    }
    return [
        Group("one message with many values of rnd, under one key", tuple(
            valid(f"rnd-{name}", comment, {"rnd": value}, flag) for name, (comment, value, flag) in given.items()
        ), shared | {"message": M}),
        Group("values of rnd for which signing is something rare, with the same key and message", tuple(
            valid(slug(name), SEARCHES[name].says, {"rnd": randomness(draw, name, i)}, *flags(name))
            for name, i in in_order(found, EVENTS)
        ), shared | {"message": M}),
        Group("messages of some lengths, under the same key", tuple(
            valid(f"message-of-{size}", f"a message of {size} bytes",
                  {"message": draw(f"message/{size}", size), "rnd": draw(f"rnd/{size}")}, "MessageLength")
            for size in (0, 1, 70, 1000)
        ), shared),
        Group("contexts, with the same key and message", (
            *(
                valid(f"context-of-{size}", f"a context of {size} bytes",
                      {"ctx": draw(f"ctx/{size}", size), "rnd": draw(f"rnd-in-context/{size}")}, "Context")
                for size in (1, 255)
            ),
            *(
                invalid(f"context-of-{size}", f"a context of {size} bytes, {size % 256} modulo 256",
                        {"ctx": draw(f"ctx/{size}", size), "rnd": draw(f"rnd-in-context/{size}")}, "ContextTooLong")
                for size in (256, 300)
            ),
        ), shared | {"message": M}),
    ]  # fmt: skip


def flags(name: str) -> tuple[str, ...]:
    """Where the first attempt is dropped, others follow with the same rnd."""
    return (name,) if name == "OneAttempt" else (name, "RandomnessOnce")


def randomness(draw: Draw, name: str, i: int) -> bytes:
    """The rnd of the i-th try of an event."""
    return draw(f"{name}/rnd/{i}")


def begin_try(draw: Draw, name: str, i: int) -> Signing:
    return begin(key_pair(draw("key")).sk, draw("message"), rnd=randomness(draw, name, i))


def random(draw: Draw, i: int) -> Test:
    return valid(
        f"random-{i}",
        "a fresh key and rnd, a message of up to 199 bytes, a context of up to 31",
        {
            "sk": key_pair(draw("xi")).sk,
            "message": draw("message", draw.below("size", 200)),
            "ctx": draw("ctx", draw.below("ctx-size", 32)),
            "rnd": draw("rnd"),
        },
        "Basic",
    )


SUITE = VectorSuite(
    name="primitives/ml_dsa_65_sign_hedged",
    title="ML-DSA-65 signing, hedged with given randomness",
    operation="ml_dsa_65.sign",
    notes="No attempt of ML-DSA-65 is rejected for the norm of c * t0: it is 49 * 4096 at most, below gamma2 = 261888.",
    covers=("FIPS 204, algorithms 2 and 7", "FIPS 204, section 3.4", "V1-PRIM-06"),
    flags=FLAGS,
    fixed=fixed,
    random=random,
    count=20,
    events=events(EVENTS, begin_try),
    intermediate=signing_steps,
)
