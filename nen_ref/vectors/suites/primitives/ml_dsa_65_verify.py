"""primitives/ml_dsa_65_verify: FIPS 204, algorithm 3.

Invalid is a signature that is not valid, or a context that is too long.

What only a signer sees, such as the number of attempts, is in the files of signing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from hashlib import sha256, sha512, shake_128
from typing import Any, NamedTuple

from nen_ref.primitives import ml_dsa
from nen_ref.primitives.ml_dsa import DETERMINISTIC, ML_DSA_44, ML_DSA_65, ML_DSA_87, KeyPair, Signing
from nen_ref.vectors.alter import flipped_bit
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Found, Group, Input, Test, VectorSuite, invalid, valid
from nen_ref.vectors.suites.ml_dsa_forgeries import Made, with_edges_of_w, with_hints, with_norms
from nen_ref.vectors.suites.ml_dsa_tools import (
    OMEGA,
    FreeKey,
    K,
    assemble,
    begin,
    drawn_z,
    events,
    hint,
    hint_bytes,
    in_order,
    key_pair,
    look,
    slug,
)

HINT = ("FIPS 204, algorithm 21", "V1-PRIM-07")
HINT_PLACES = ("FIPS 204, algorithm 21, line 8", "V1-PRIM-07")
HINT_ENDS = ("FIPS 204, algorithm 21, line 4", "V1-PRIM-07")
HINT_UNUSED = ("FIPS 204, algorithm 21, line 11", "V1-PRIM-07")
SECOND_SIGNATURE = "whoever has seen a signature makes a second one of it, for the same message"
FORGERY = "signatures can be forged by anyone"
ELSEWHERE = "a signature that the key gave elsewhere, for something else, passes"
REFUSED = "good signatures are refused now and then"
NOT_PORTABLE = "signatures that everybody else accepts are refused, or the other way round"

FLAGS = {
    "Basic": Flag("basic", "signatures as they are made every day", "nothing verifies"),
    "MessageLength": Flag("edge case", "messages of 0 bytes to 64 KiB", "messages of some lengths do not verify"),
    "Context": Flag("edge case", "contexts of 1 to 255 bytes", NOT_PORTABLE, ("FIPS 204, algorithm 3",)),
    "ContextTooLong": Flag(
        "missing check",
        "contexts of more than 255 bytes, with a signature that fits once the context or its length is cut",
        ELSEWHERE,
        ("FIPS 204, algorithm 3, lines 1 to 3",),
    ),
    "WrongContext": Flag("confusion", "signatures under another context", ELSEWHERE, ("V1-PRIM-08",)),
    "ContextBorder": Flag(
        "confusion", "the signed context and message are these bytes, too, but cut in another place", ELSEWHERE
    ),
    "WrongMessage": Flag("missing check", "signatures of another message", FORGERY),
    "WrongKey": Flag("missing check", "signatures by another key", FORGERY),
    "AlteredKey": Flag(
        "missing check",
        "the public key altered in one bit: both of its parts count, and its hash is part of mu",
        "a signature is claimed for a key that did not make it",
        ("FIPS 204, algorithm 8, lines 6 and 9",),
    ),
    "OtherMu": Flag(
        "wrong computation",
        "signatures by the right key over another mu: without tr, with a short tr, with the tr of another key",
        "signatures are not bound to the key, or those of drafts pass",
        ("FIPS 204, algorithm 8, lines 6 and 7", "FIPS 204, appendix D"),
    ),
    "InternalInterface": Flag(
        "confusion",
        "signatures of Sign_internal over the message itself, or with a part of the prefix only",
        ELSEWHERE + "; drafts and Dilithium signed like this",
        ("FIPS 204, section 6", "V1-PRIM-06"),
    ),
    "HashMLDSA": Flag(
        "confusion",
        "signatures of HashML-DSA over the same message",
        ELSEWHERE,
        ("FIPS 204, section 5.4", "V1-PRIM-08"),
    ),
    "AlteredCTilde": Flag(
        "missing check", "c_tilde altered in one bit", FORGERY, ("FIPS 204, algorithm 8, line 13", "V1-PRIM-07")
    ),
    "OnlyComparison": Flag(
        "missing check",
        "c_tilde altered where the challenge does not matter (see FreeKey): its comparison alone refuses them",
        "where only a part of c_tilde is compared, such as 32 bytes, signatures can be forged with less work",
        ("FIPS 204, algorithm 8, line 13", "V1-PRIM-07"),
    ),
    "AlteredZ": Flag("missing check", "z altered a little", FORGERY, ("FIPS 204, algorithm 8, line 9",)),
    "AlteredHint": Flag("missing check", "a hint that is encoded well, but not that of this signature", FORGERY, HINT),
    "WrongLength": Flag(
        "malleability",
        "signatures with bytes too many or too few",
        SECOND_SIGNATURE,
        ("FIPS 204, section 3.6.2", "V1-PRIM-07"),
    ),
    "OtherParameterSet": Flag(
        "confusion",
        "signatures of ML-DSA-44, ML-DSA-87 and Dilithium, which have other lengths",
        "a weaker scheme passes, or memory behind the signature is read",
        ("FIPS 204, table 2",),
    ),
    "Constant": Flag("missing check", "signatures of one repeated byte", FORGERY),
    "FreeKey": Flag(
        "edge case",
        "signatures under a key with t1 = 0, for which anyone can choose z and h, and so have rare values in them; the "
        "standard has such a key used like any other, and it harms nobody but its holder",
        "none: this flag says how a vector was made",
        ("FIPS 204, algorithm 8, line 9",),
    ),
    "ZEdge": Flag("edge case", "a z of zeros alone", NOT_PORTABLE),
    "ZNormMaximal": Flag(
        "edge case",
        "a z with the greatest norm that is allowed, gamma1 - beta - 1 = 524091",
        REFUSED,
        ("FIPS 204, algorithm 8, line 13",),
    ),
    "ZNormAtBound": Flag(
        "missing check",
        "a z with the norm gamma1 - beta = 524092 in a signature that is otherwise right",
        "signatures that everybody else refuses; without any bound, anyone can forge them",
        ("FIPS 204, algorithm 8, line 13", "V1-PRIM-07"),
    ),
    "ZNormBeyond": Flag(
        "missing check",
        "a z with the extreme values of its encoding, gamma1 and 1 - gamma1, in a signature that is otherwise right",
        "anyone can forge signatures",
        ("FIPS 204, algorithm 8, line 13", "FIPS 204, algorithm 19", "V1-PRIM-07"),
    ),
    "HintMaximal": Flag("edge case", "hints of 55 ones, so that no byte is unused", REFUSED, HINT),
    "HintEdge": Flag("edge case", "hints with rare places, rows and numbers of ones", REFUSED, HINT),
    "HintOrder": Flag("malleability", "the right places, in descending order", SECOND_SIGNATURE, HINT_PLACES),
    "HintRepeat": Flag("malleability", "the right places, one of them twice", SECOND_SIGNATURE, HINT_PLACES),
    "HintPadding": Flag("malleability", "an unused byte that is not 0", SECOND_SIGNATURE, HINT_UNUSED),
    "HintEndBeyond": Flag(
        "missing check",
        "a polynomial that ends behind the 55 bytes of places, where the ends themselves are read as places",
        "memory behind the hint, or behind the signature, is read",
        HINT_ENDS,
    ),
    "HintEndsDescend": Flag(
        "malleability",
        "a polynomial that ends before it begins",
        SECOND_SIGNATURE,
        HINT_ENDS,
    ),
    "DecomposeEdge": Flag(
        "edge case",
        "coefficients at the edges of Decompose",
        REFUSED,
        ("FIPS 204, algorithm 36",),
    ),
    "UseHintEdge": Flag(
        "edge case",
        "coefficients at the edges of Decompose, with a hint that leads up, down or around",
        REFUSED,
        ("FIPS 204, algorithm 40",),
    ),
}

EVENTS = ("ZNormMaximal", "ZNormAtBound")


# Signatures under an ordinary key


def sign(keys: KeyPair, M: bytes, ctx: bytes = b"", rnd: bytes = DETERMINISTIC) -> bytes:
    return ml_dsa.sign(ML_DSA_65, keys.sk, M, ctx, rnd)


def sign_formatted(keys: KeyPair, M_prime: bytes) -> bytes:
    return ml_dsa.sign_internal(ML_DSA_65, keys.sk, M_prime, DETERMINISTIC)


def good(draw: Draw, keys: KeyPair, found: Found) -> Iterator[Test]:
    """With the group's key."""
    M = draw("message")
    yield valid("deterministic", "a deterministic signature", {"message": M, "signature": sign(keys, M)}, "Basic")
    hedged = sign(keys, M, rnd=draw("rnd"))
    yield valid("hedged", "a hedged signature of the same message", {"message": M, "signature": hedged}, "Basic")
    for size in (0, 1, 70, 71, 1000, 65536):
        message = draw(f"message/{size}", size)
        given = {"message": message, "signature": sign(keys, message)}
        yield valid(f"message-of-{size}", f"a message of {size} bytes", given, "MessageLength")
    contexts = {
        f"of-{size}": (f"a context of {size} bytes", draw(f"ctx/{size}", size)) for size in (1, 32, 128, 254, 255)
    }
    contexts["empty"] = ("the empty context, stated", b"")
    contexts["of-a-zero-byte"] = ("a context of one zero byte", b"\0")
    for name, (comment, ctx) in contexts.items():
        yield valid(f"context-{name}", comment, {"message": M, "ctx": ctx, "signature": sign(keys, M, ctx)}, "Context")
    for name, i in in_order(found, EVENTS):
        message = event_message(draw, name, i)
        given = {"message": message, "signature": look(begin(keys.sk, message)).signature}
        make = invalid if name == "ZNormAtBound" else valid
        yield make(slug(name), f"{FLAGS[name].says}, under an ordinary key", given, name)


def for_something_else(draw: Draw, keys: KeyPair) -> Iterator[Test]:
    """Signatures that a key really gave. The key is the group's, as is the message where none is given."""
    M = draw("message")

    def wrong(id: str, comment: str, signature: bytes, flag: str, **more: bytes) -> Test:
        return invalid(id, comment, {"message": M, "signature": signature} | more, flag)

    messages = {
        "first-byte": ("whose first bit is another", flipped_bit(M, 0)),
        "last-byte": ("whose last bit is another", flipped_bit(M, -1, 7)),
        "shorter": ("without its last byte", M[:-1]),
        "longer": ("with a zero byte behind it", M + b"\0"),
        "empty": ("that is empty", b""),
    }
    for name, (says, signed) in messages.items():
        yield wrong(f"other-message-{name}", f"a signature of the message {says}", sign(keys, signed), "WrongMessage")
    other = key_pair(draw("other-key"))
    yield wrong("other-key", "a signature of this message by another key", sign(other, M), "WrongKey")

    long = draw("long-ctx", 255)
    contexts = {
        "none-for-nen": ("the empty context, for the context nen", b"", b"nen"),
        "nen-for-none": ("the context nen, for the empty one", b"nen", b""),
        "zero-for-none": ("a context of one zero byte, for the empty one", b"\0", b""),
        "none-for-zero": ("the empty context, for one of a zero byte", b"", b"\0"),
        "last-bit": ("a context of 255 bytes whose last bit is another", flipped_bit(long, -1, 7), long),
        "shorter": ("a context of 254 bytes that lacks the last byte", long[:-1], long),
    }
    for name, (says, signed, ctx) in contexts.items():
        given = {"ctx": ctx} if ctx else {}
        yield wrong(
            f"other-context-{name}", f"a signature under {says}", sign(keys, M, signed), "WrongContext", **given
        )
    border = sign(keys, b"bc", b"a")
    for ctx, message in ((b"ab", b"c"), (b"", b"abc"), (b"abc", b"")):
        name = ctx.decode() or "none"
        says = f"the message {message.decode() or 'of no bytes'} under the context {ctx.decode() or 'of no bytes'}"
        comment = f"a signature of the message bc under the context a, for {says}"
        yield wrong(f"border-{name}", comment, border, "ContextBorder", message=message, ctx=ctx)

    for size in (256, 257, 511, 512):
        ctx = draw(f"long-ctx/{size}", size)
        length_cut = sign_formatted(keys, bytes([0, size % 256]) + ctx + M)
        comment = f"a context of {size} bytes; the signature fits if its length is encoded as {size % 256}"
        yield wrong(f"context-of-{size}", comment, length_cut, "ContextTooLong", ctx=ctx)
    ctx = draw("long-ctx/256", 256)
    comment = "a context of 256 bytes; the signature is one under the first 255"
    yield wrong("context-of-256-cut", comment, sign(keys, M, ctx[:255]), "ContextTooLong", ctx=ctx)
    comment = "a context of 256 bytes; the signature is one under the empty context"
    yield wrong("context-of-256-ignored", comment, sign(keys, M), "ContextTooLong", ctx=ctx)

    inner = {
        "no-prefix": ("over the message without a prefix", M),
        "one-zero": ("with a prefix of one zero byte", b"\0" + M),
        "three-zeros": ("with a prefix of three zero bytes", b"\0\0\0" + M),
        "prefix-behind": ("with the prefix behind the message", M + b"\0\0"),
        "byte-1": ("with the first byte of HashML-DSA, over the message itself", b"\1\0" + M),
    }
    for name, (says, M_prime) in inner.items():
        yield wrong(
            f"internal-{name}",
            f"a signature of Sign_internal {says}",
            sign_formatted(keys, M_prime),
            "InternalInterface",
        )
    comment = "a signature of Sign_internal without the length of the context"
    without_length = sign_formatted(keys, b"\0nen" + M)
    yield wrong("internal-no-length", comment, without_length, "InternalInterface", ctx=b"nen")

    for name, oid, digest in (
        ("SHA-256", "0609608648016503040201", sha256(M).digest()),
        ("SHA-512", "0609608648016503040203", sha512(M).digest()),
        ("SHAKE128", "060960864801650304020b", shake_128(M).digest(32)),
    ):
        hashed = sign_formatted(keys, b"\1\0" + bytes.fromhex(oid) + digest)
        id = "hash-" + name.lower().replace("-", "")
        yield wrong(id, f"a signature of HashML-DSA with {name}", hashed, "HashMLDSA")
    comment = "a pure signature of the SHA-512 of the message"
    yield wrong("hash-pure", comment, sign(keys, sha512(M).digest()), "HashMLDSA")

    M_prime, tr = ml_dsa.format_message(M, b""), keys.sk[64:128]
    hashed_in_mu = {
        "without-tr": ("without the hash of the key", M_prime),
        "tr-of-32": ("with 32 bytes for the hash of the key, as Dilithium had", tr[:32] + M_prime),
        "tr-of-48": ("with 48 bytes for the hash of the key, as an early Dilithium had", tr[:48] + M_prime),
        "tr-zero": ("with zeros for the hash of the key", bytes(64) + M_prime),
        "tr-of-other": ("with the hash of another key", other.sk[64:128] + M_prime),
        "pk": ("with the key itself in place of its hash", keys.pk + M_prime),
    }
    for name, (says, data) in hashed_in_mu.items():
        signature = ml_dsa.sign_mu(ML_DSA_65, keys.sk, ml_dsa.H(data, 64), DETERMINISTIC)
        yield wrong(f"mu-{name}", f"mu is computed {says}", signature, "OtherMu")


class Parts(NamedTuple):
    """Where a signature's parts begin and end."""

    c_tilde: slice = slice(0, 48)
    z: slice = slice(48, 3248)
    hint: slice = slice(3248, 3309)


PARTS = Parts()


def message_with_room(draw: Draw, keys: KeyPair) -> bytes:
    """A message whose deterministic signature has a hint with room for one more, and two ones or more in both its first
    and its last polynomial; nearly every one has."""
    i = 0
    while True:
        M = draw(f"message-with-room/{i}")
        ends = sign(keys, M)[-K:]
        if ends[-1] < OMEGA and ends[0] >= 2 and ends[-1] - ends[-2] >= 2:
            return M
        i += 1


def damaged(M: bytes, keys: KeyPair) -> Iterator[Test]:
    """One signature with one thing wrong. Key and message are the group's."""
    signature = sign(keys, M)
    c_tilde, z, encoded = signature[PARTS.c_tilde], signature[PARTS.z], signature[PARTS.hint]
    places, ends = encoded[:OMEGA], encoded[OMEGA:]
    used = ends[-1]
    h = ml_dsa.hint_bit_unpack(ML_DSA_65, encoded)
    assert h is not None

    def wrong(id: str, comment: str, altered: bytes, flag: str) -> Test:
        return invalid(id, comment, {"signature": altered}, flag)

    yield valid("undamaged", "the signature that the others were made of", {"signature": signature}, "Basic")
    for name, at, bit in (("first", 0, 0), ("byte-31", 31, 7), ("byte-32", 32, 0), ("last", 47, 7)):
        yield wrong(
            f"c-tilde-{name}",
            f"one bit of byte {at} of c_tilde is another",
            flipped_bit(signature, at, bit),
            "AlteredCTilde",
        )
    for name, at, bit, says in (
        ("first", 48, 0, "the first coefficient of z is changed by 1"),
        ("second", 50, 4, "the second coefficient of z is changed by 1"),
        ("middle", 48 + 1600, 0, "a coefficient in the middle of z is changed by 1"),
        ("last", 3247 - 2, 4, "the last coefficient of z is changed by 1"),
    ):
        yield wrong(f"z-{name}-by-1", says, flipped_bit(signature, at, bit), "AlteredZ")
    swapped = z[640:1280] + z[:640] + z[1280:]
    yield wrong("z-swapped", "the first two polynomials of z are swapped", c_tilde + swapped + encoded, "AlteredZ")
    negated = ml_dsa.sig_decode(ML_DSA_65, signature).z
    minus_z = [[-x for x in f] for f in negated]
    yield wrong("z-negated", "z with the other sign", assemble(c_tilde, minus_z, encoded), "AlteredZ")

    def with_rows(rows: list[list[int]]) -> bytes:
        return c_tilde + z + ml_dsa.hint_bit_pack(ML_DSA_65, hint(*rows))

    rows = [[place for place, one in enumerate(f) if one] for f in h]
    free = next(place for place in range(256) if place not in rows[0])
    free_last = next(place for place in range(255, -1, -1) if place not in rows[-1])
    changes: dict[str, tuple[str, list[list[int]]]] = {
        "first-missing": ("without its first one", [rows[0][1:], *rows[1:]]),
        "last-missing": ("without its last one", [*rows[:-1], rows[-1][:-1]]),
        "one-more": ("with a one more in its first polynomial", [[*rows[0], free], *rows[1:]]),
        "one-more-last": ("with a one more in its last polynomial", [*rows[:-1], [*rows[-1], free_last]]),
        "moved": ("with its first one in another place", [[*rows[0][1:], free], *rows[1:]]),
        "rows-swapped": (
            "with its first and its last polynomial swapped",
            [rows[-1], *rows[1:-1], rows[0]],
        ),
        "none": ("without any ones", [[]]),
    }
    for name, (says, changed) in changes.items():
        yield wrong(f"hint-{name}", f"the hint {says}", with_rows(changed), "AlteredHint")

    head = signature[: PARTS.hint.start]
    descending = places[1::-1] + places[2:]
    twice = places[:1] + places[: OMEGA - 1]
    yield wrong("hint-descends", "the first two places of the hint descend", head + descending + ends, "HintOrder")
    moved_ends = bytes(end + 1 for end in ends)
    yield wrong("hint-repeats", "the first place of the hint stands twice", head + twice + moved_ends, "HintRepeat")
    padded = places[:used] + b"\x01" + places[used + 1 :]
    yield wrong("hint-unused", "the first unused byte of the hint is 1", head + padded + ends, "HintPadding")

    lengths = {
        "empty": ("no bytes at all", b""),
        "one-byte": ("the first byte alone", signature[:1]),
        "without-last-byte": ("its last byte is missing", signature[:-1]),
        "without-first-byte": ("its first byte is missing", signature[1:]),
        "and-zero": ("a zero byte behind it", signature + b"\0"),
        "and-ff": ("a byte ff behind it", signature + b"\xff"),
        "zero-in-front": ("a zero byte in front of it", b"\0" + signature),
        "c-tilde-alone": ("c_tilde alone", c_tilde),
        "without-hint": ("its hint is missing", head),
        "without-ends": ("the last six bytes are missing", signature[:-K]),
        "c-tilde-of-32": ("c_tilde is cut to 32 bytes", c_tilde[:32] + signature[48:]),
        "twice": ("it stands twice", signature + signature),
    }
    for name, (comment, altered) in lengths.items():
        yield wrong(f"length-{name}", comment, altered, "WrongLength")
    yield wrong("all-zero", "all bytes are 00", bytes(len(signature)), "Constant")
    yield wrong("all-ff", "all bytes are ff", b"\xff" * len(signature), "Constant")


def of_other_schemes(draw: Draw, M: bytes, keys: KeyPair) -> Iterator[Test]:
    """Signatures of this message by other schemes; by the group's key as far as they can."""
    for params in (ML_DSA_44, ML_DSA_87):
        sk = ml_dsa.keygen_internal(params, draw("key")).sk
        signature = ml_dsa.sign(params, sk, M, rnd=DETERMINISTIC)
        comment = f"a signature by the {params.name} key of the same seed, {params.sig_size} bytes"
        yield invalid(slug(params.name.lower()), comment, {"signature": signature}, "OtherParameterSet")
    for size, who in ((32, "as Dilithium3 had, 3293 bytes"), (64, "as ML-DSA-87 has, 3325 bytes")):
        params = replace(ML_DSA_65, lambda_=4 * size)
        signature = ml_dsa.sign(params, keys.sk, M, rnd=DETERMINISTIC)
        comment = f"a signature by the same key, with a c_tilde of {size} bytes, {who}"
        yield invalid(f"c-tilde-of-{size}", comment, {"signature": signature}, "OtherParameterSet")


def altered_keys(M: bytes, keys: KeyPair) -> Iterator[Test]:
    """Message and signature are the group's."""
    for name, at, bit, says in (
        ("rho-first", 0, 0, "the first bit of rho"),
        ("rho-last", 31, 7, "the last bit of rho"),
        ("t1-first", 32, 0, "the first bit of t1"),
        ("t1-middle", 992, 3, "a bit in the middle of t1"),
        ("t1-last", -1, 7, "the last bit of t1"),
    ):
        yield invalid(
            f"key-{name}", f"in the public key, {says} is another", {"pk": flipped_bit(keys.pk, at, bit)}, "AlteredKey"
        )
    no_t1 = keys.pk[:32] + bytes(len(keys.pk) - 32)
    yield invalid("key-t1-zero", "t1 of the public key is zero", {"pk": no_t1}, "AlteredKey")
    yield invalid("key-zero", "all bytes of the public key are zero", {"pk": bytes(len(keys.pk))}, "AlteredKey")


# Signatures under a key with t1 = 0


def made(signatures: Iterator[Made], *wrong: str) -> tuple[Test, ...]:
    """Vectors of these signatures: invalid where the flag is one of `wrong`."""
    tests = []
    for id, comment, signature, flag in signatures:
        make = invalid if flag in wrong else valid
        tests.append(make(f"free-{id}", comment, {"signature": signature}, flag, "FreeKey"))
    return tuple(tests)


def compared(draw: Draw, key: FreeKey, M: bytes) -> Iterator[Test]:
    z, none = drawn_z(draw), hint_bytes([], [0] * K)
    c_tilde = key.c_tilde(M, z, hint())
    signature = assemble(c_tilde, z, none)
    yield valid("free", "the signature that the others were made of", {"signature": signature}, "FreeKey")
    for at in (0, 15, 16, 31, 32, 46, 47):
        altered = flipped_bit(signature, at, at % 8)
        comment = f"one bit of byte {at} of c_tilde is another, with a challenge that does not matter"
        yield invalid(f"compare-byte-{at}", comment, {"signature": altered}, "OnlyComparison", "FreeKey")
    others = {
        "zero": ("c_tilde is zero", bytes(48)),
        "ff": ("c_tilde is ff", b"\xff" * 48),
        "reversed": ("c_tilde is reversed", c_tilde[::-1]),
        "second-half-zero": ("c_tilde is zero behind its first 32 bytes", c_tilde[:32] + bytes(16)),
    }
    for name, (comment, value) in others.items():
        given = {"signature": assemble(value, z, none)}
        yield invalid(
            f"compare-{name}", f"{comment}, with a challenge that does not matter", given, "OnlyComparison", "FreeKey"
        )
    for name, comment, altered in (
        ("without-a-zero", "the last byte, which is zero, is missing", signature[:-1]),
        ("without-zero-hint", "the hint, which is 61 zero bytes, is missing", signature[: PARTS.hint.start]),
    ):
        yield invalid(f"length-{name}", comment, {"signature": altered}, "WrongLength", "FreeKey")


# The file


def fixed(draw: Draw, found: Found) -> list[Group]:
    keys = key_pair(draw("key"))
    M = message_with_room(draw, keys)
    free, text = FreeKey(draw("free-rho")), draw("free-message")
    of_key, of_free = {"pk": keys.pk}, {"pk": free.pk, "message": text}
    return [
        Group("good signatures under one key, and one whose z is too large", tuple(good(draw, keys, found)), of_key),
        Group("signatures that were made for something else", tuple(for_something_else(draw, keys)), of_key),
        Group("one signature, damaged", tuple(damaged(M, keys)), of_key | {"message": M}),
        Group("signatures of other schemes", tuple(of_other_schemes(draw, M, keys)), of_key | {"message": M}),
        Group("one signature, under altered keys", tuple(altered_keys(M, keys)),
              {"message": M, "signature": sign(keys, M)}),
        Group("a key with t1 = 0: hints", made(with_hints(draw.under("right"), free, text, True)), of_free),
        Group("a key with t1 = 0: hints that are encoded wrongly",
              made(with_hints(draw.under("wrong"), free, text, False), *HINT_FLAGS), of_free),
        Group("a key with t1 = 0: norms of z",
              made(with_norms(draw.under("norms"), free, text), "ZNormAtBound", "ZNormBeyond"), of_free),
        Group("a key with t1 = 0: edges of rounding", made(with_edges_of_w(draw.under("edges"), free, text)), of_free),
        Group("a key with t1 = 0: c_tilde", tuple(compared(draw.under("compare"), free, text)), of_free),
    ]  # fmt: skip


HINT_FLAGS = ("HintOrder", "HintRepeat", "HintPadding", "HintEndBeyond", "HintEndsDescend")


def event_message(draw: Draw, name: str, i: int) -> bytes:
    """The message of the i-th try of an event."""
    return draw(f"{name}/message/{i}")


def begin_try(draw: Draw, name: str, i: int) -> Signing:
    return begin(key_pair(draw("key")).sk, event_message(draw, name, i))


def random(draw: Draw, i: int) -> Test:
    """Every other one has a bit of c_tilde or of the message changed."""
    keys, ctx = key_pair(draw("xi")), draw("ctx", draw.below("ctx-size", 32))
    M = draw("message", 1 + draw.below("size", 199))
    signature = sign(keys, M, ctx, draw("rnd"))
    given: Input = {"pk": keys.pk, "message": M, "ctx": ctx, "signature": signature}
    comment = "a fresh key, a message of 1 to 199 bytes, a context of up to 31"
    if i % 2:
        return valid(f"random-{i}", comment, given, "Basic")
    bit = draw.below("bit", 8)
    if i % 4:
        at = draw.below("place", 48)
        return invalid(
            f"random-{i}", f"{comment}; bit {bit} of byte {at} of c_tilde is another",
            {**given, "signature": flipped_bit(signature, at, bit)}, "AlteredCTilde",
        )  # fmt: skip
    at = draw.below("place", len(M))
    return invalid(
        f"random-{i}", f"{comment}; bit {bit} of byte {at} of the message is another",
        {**given, "message": flipped_bit(M, at, bit)}, "WrongMessage",
    )  # fmt: skip


def intermediate(a: dict[str, Any]) -> Mapping[str, Any]:
    """What algorithm 8 computes, as far as it gets without an error."""
    ctx, signature = a.get("ctx", b""), a["signature"]
    if len(ctx) > 255:
        return {}
    mu = ml_dsa.message_representative(ml_dsa.H(a["pk"], 64), ml_dsa.format_message(a["message"], ctx))
    if len(signature) != ML_DSA_65.sig_size:
        return {"mu": mu}
    c_tilde, z, h = ml_dsa.sig_decode(ML_DSA_65, signature)
    read: dict[str, Any] = {"mu": mu, "z_norm": ml_dsa.infinity_norm(z)}
    if h is None:
        return read
    pk = ml_dsa.pk_decode(ML_DSA_65, a["pk"])
    return read | {
        "hint_ones": ml_dsa.number_of_ones(h),
        "c_tilde_prime": ml_dsa.recommit(ML_DSA_65, pk, mu, c_tilde, z, h),
    }


SUITE = VectorSuite(
    name="primitives/ml_dsa_65_verify",
    title="ML-DSA-65 verification",
    operation="ml_dsa_65.verify",
    covers=("FIPS 204, algorithms 3 and 8", "V1-PRIM-06", "V1-PRIM-07", "V1-PRIM-08"),
    flags=FLAGS,
    fixed=fixed,
    random=random,
    count=16,
    events=events(EVENTS, begin_try),
    intermediate=intermediate,
)
