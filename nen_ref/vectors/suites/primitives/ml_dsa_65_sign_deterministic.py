"""primitives/ml_dsa_65_sign_deterministic: FIPS 204, algorithm 2, with 32 zero bytes for rnd (section 3.4).

Not here, because it cannot happen with ML-DSA-65: an attempt that is dropped for the norm of c * t0 (line 28), which is
at most 49 * 4096 = 200704 and thus below gamma2 = 261888. Nor, because no search finds it (chance 2^-140): a
SampleInBall that reads a second block of SHAKE256.
"""

from __future__ import annotations

from nen_ref.primitives.ml_dsa import DETERMINISTIC, Signing
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Found, Group, Input, Test, VectorSuite, invalid, valid
from nen_ref.vectors.suites.ml_dsa_tools import SEARCHES, begin, events, in_order, key_pair, signing_steps, slug

FORMAT = ("FIPS 204, algorithm 2",)

FLAGS = {
    "Basic": Flag(
        "basic",
        "a fresh key, a short message, a short context",
        "no signature verifies elsewhere, or none is reproduced",
    ),
    "SpecialKey": Flag(
        "edge case", "keys of seeds with one repeated byte", "such keys are refused, or taken for absent"
    ),
    "MessageLength": Flag(
        "edge case",
        "messages of 0 bytes to 64 KiB, and around the border of the first block of SHAKE256 in mu",
        "signatures differ for messages of some lengths only",
        ("FIPS 204, algorithm 7, line 6",),
    ),
    "Context": Flag(
        "edge case",
        "contexts of 1 to 255 bytes",
        "signatures that are meant for one purpose are made for another, or do not verify",
        FORMAT,
    ),
    "ContextBorder": Flag(
        "confusion",
        "pairs of context and message that are the same bytes when put together, cut in another place",
        "a signature for one purpose passes for one of another",
        FORMAT,
    ),
    "ContextTooLong": Flag(
        "missing check",
        "contexts of more than 255 bytes, whose length does not fit into its byte",
        "the length is cut to one byte: a signature under the long context also stands for another message",
        ("FIPS 204, algorithm 2, lines 1 to 3",),
    ),
    **{name: search.flag for name, search in SEARCHES.items()},
}


def fixed(draw: Draw, found: Found) -> list[Group]:
    sk = key_pair(draw("key")).sk
    shared = {"sk": sk, "rnd": DETERMINISTIC}
    # mu hashes tr (64 bytes), two bytes and the message: 70 bytes of message fill a block of 136.
    lengths = (0, 1, 31, 32, 33, 69, 70, 71, 206, 1000, 65536)
    special = {"zero": ("zero bytes", bytes(32)), "ff": ("bytes ff", b"\xff" * 32)}
    return [
        Group("messages of many lengths under one key", tuple(
            valid(f"message-of-{size}", f"a message of {size} bytes",
                  {"message": draw(f"message/{size}", size)}, "MessageLength")
            for size in lengths
        ), shared),
        Group("contexts under one key", context_tests(draw), shared),
        Group("messages for which signing is something rare, under one key", tuple(
            valid(slug(name), SEARCHES[name].says, {"message": message(draw, name, i)}, name)
            for name, i in in_order(found, SEARCHES)
        ), shared),
        Group("keys of special seeds", tuple(
            valid(f"key-of-{name}", f"the key of a seed of {words}",
                  {"sk": key_pair(xi).sk, "message": b"nen"}, "SpecialKey")
            for name, (words, xi) in special.items()
        ), {"rnd": DETERMINISTIC}),
    ]  # fmt: skip


def context_tests(draw: Draw) -> tuple[Test, ...]:
    """The key is the group's."""
    M = draw("message-in-context")

    def given(ctx: bytes, message: bytes = M) -> Input:
        return {"message": message, "ctx": ctx}

    return (
        valid("context-empty", "the empty context, stated", given(b""), "Context"),
        *(
            valid(f"context-of-{size}", f"a context of {size} bytes", given(draw(f"ctx/{size}", size)), "Context")
            for size in (1, 2, 127, 128, 254, 255)
        ),
        valid("context-of-a-zero-byte", "a context of one zero byte", given(b"\0"), "Context"),
        valid("border-in-front", "an empty context and the message abc", given(b"", b"abc"), "ContextBorder"),
        valid("border-after-a", "the context a and the message bc", given(b"a", b"bc"), "ContextBorder"),
        valid("border-after-ab", "the context ab and the message c", given(b"ab", b"c"), "ContextBorder"),
        valid("border-behind", "the context abc and the empty message", given(b"abc", b""), "ContextBorder"),
        *(
            invalid(
                f"context-of-{size}",
                f"a context of {size} bytes, {size % 256} modulo 256",
                given(draw(f"ctx/{size}", size)),
                "ContextTooLong",
            )
            for size in (256, 257, 288, 511, 512)
        ),
    )


def message(draw: Draw, name: str, i: int) -> bytes:
    """The message of the i-th try of an event."""
    return draw(f"{name}/message/{i}")


def begin_try(draw: Draw, name: str, i: int) -> Signing:
    return begin(key_pair(draw("key")).sk, message(draw, name, i))


def random(draw: Draw, i: int) -> Test:
    return valid(
        f"random-{i}",
        "a fresh key, a message of up to 199 bytes, a context of up to 31",
        {
            "sk": key_pair(draw("xi")).sk,
            "message": draw("message", draw.below("size", 200)),
            "ctx": draw("ctx", draw.below("ctx-size", 32)),
            "rnd": DETERMINISTIC,
        },
        "Basic",
    )


SUITE = VectorSuite(
    name="primitives/ml_dsa_65_sign_deterministic",
    title="ML-DSA-65 signing, deterministic",
    operation="ml_dsa_65.sign",
    notes="No attempt of ML-DSA-65 is rejected for the norm of c * t0: it is 49 * 4096 at most, below gamma2 = 261888.",
    covers=("FIPS 204, algorithms 2 and 7", "FIPS 204, section 3.4", "V1-PRIM-06"),
    flags=FLAGS,
    fixed=fixed,
    random=random,
    count=12,
    events=events(tuple(SEARCHES), begin_try),
    intermediate=signing_steps,
)
