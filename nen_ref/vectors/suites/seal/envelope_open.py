"""seal/envelope_open: what an envelope opens to, for the one who expects a context or none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nen_ref.primitives.suite import REFERENCE
from nen_ref.protocol.wire import encode_base64
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Found, Group, Test, VectorSuite
from nen_ref.vectors.suites.seal.envelope_seal import CONTEXTS, SIZES
from nen_ref.vectors.suites.seal_tools import (
    DECODING,
    JSON_FAULTS,
    JSON_FORMS,
    KEM_SIZE,
    NONCE_SIZE,
    OPENING,
    SHAPE,
    UNDECODABLE,
    Recipient,
    flags,
    forms,
    info_of,
    key_values,
    members,
    resized,
    right,
    signed,
    signer,
    unreadable,
    versions,
    with_bit,
    without,
    wrong,
)

CONTEXT = "upload:passport"


def fixed(draw: Draw, found: Found) -> list[Group]:
    to = Recipient(draw)
    none, expected = {"dk": to.dk, "context": None}, {"dk": to.dk, "context": CONTEXT}
    plain, named = to.sealed("plain"), to.sealed("named", context=CONTEXT)
    return [
        Group("payloads of many sizes", tuple(
            right(f"size-{size}", f"a payload of {size} bytes",
                  to.sealed(f"size-{size}", draw(f"size-{size}/payload", size)), "PayloadSize") for size in SIZES
        ), none),
        Group("contexts that are the expected ones", tuple(
            right(f"context-{id}", f"context: {comment}", to.sealed(f"context-{id}", context=context), "Context",
                  context=context) for id, comment, context in CONTEXTS
        ), {"dk": to.dk}),
        Group("envelopes written in all the ways that JSON allows", tuple(forms(plain)), none),
        Group("signatures where no signer is expected", tuple(_signatures(draw, plain)), none),
        Group("envelopes of another context", tuple(_contexts(to, named)), expected),
        Group("envelopes with a context where none is expected", tuple(_unexpected(named)), none),
        Group("contexts that are no text", tuple(_no_text(named)), expected),
        Group("texts that are no JSON object, or that parsers read differently", tuple(unreadable(plain)), none),
        Group("other versions", tuple(versions(plain)), none),
        Group("members that cannot be read", tuple(_members(to)), none),
        Group("values of other lengths", tuple(_lengths(plain)), none),
        Group("envelopes that do not open", tuple(_altered(to, draw, plain)), none),
    ]  # fmt: skip


def _signatures(draw: Draw, plain: dict[str, Any]) -> Iterator[Test]:
    made = signed(plain, signer(draw))
    forged = {**made, "sig": with_bit(made["sig"], 60)}
    yield right("signed", "a signature that verifies", made, "SignatureUnread")
    yield right("forged", "a signature that does not verify", forged, "SignatureUnread")
    yield right("half-signed", "a key without a signature", without(made, "sig"), "SignatureUnread")
    yield right("sig-number", "sig is a number", {**plain, "sig": 7}, "SignatureUnread")


def _contexts(to: Recipient, named: dict[str, Any]) -> Iterator[Test]:
    others = (
        ("none", "none", None), ("beginning", "the beginning of the expected one", "upload"),
        ("longer", "a longer one", "upload:passport:2"), ("upper-case", "in upper case", "UPLOAD:PASSPORT"),
        ("space", "with a space behind", "upload:passport "), ("field", "of a field", "field:upload:passport"),
        ("other", "another one", "upload:photo"), ("decomposed", "with a combining mark", "upload:passport\u0308"),
    )  # fmt: skip
    for id, comment, context in others:
        sealed = to.sealed(f"other-{id}", context=context)
        yield wrong(f"other-{id}", f"sealed for a context, {comment}", sealed, "ContextMissing", OPENING)
        forged = {**sealed, "ctx": CONTEXT}
        text = f"sealed for a context, {comment}, and ctx rewritten"
        yield wrong(f"rewritten-{id}", text, forged, "ContextRewritten", OPENING)
    yield wrong("stripped", "the right context, but ctx taken away", without(named, "ctx"), "ContextRewritten", OPENING)
    upper = {**without(named, "ctx"), "CTX": CONTEXT}
    yield wrong("ctx-upper-case", "CTX in place of ctx", upper, "ContextRewritten", OPENING)


def _unexpected(named: dict[str, Any]) -> Iterator[Test]:
    stripped = without(named, "ctx")
    yield wrong("unexpected", "sealed for a context", named, "ContextMissing", OPENING)
    yield wrong("unexpected-stripped", "sealed for a context, and stripped", stripped, "ContextRewritten", OPENING)


def _no_text(named: dict[str, Any]) -> Iterator[Test]:
    values: tuple[tuple[str, str, object], ...] = (
        ("empty", "the empty text", ""), ("null", "null", None), ("number", "a number", 7), ("true", "true", True),
        ("array", "an array of the right text", [CONTEXT]), ("object", "an object", {"ctx": CONTEXT}),
    )  # fmt: skip
    for id, comment, value in values:
        yield wrong(f"ctx-{id}", f"ctx is {comment}", {**named, "ctx": value}, "ContextForm", SHAPE)
    plain = without(named, "ctx")
    empty = {**plain, "ctx": ""}
    yield wrong("ctx-empty-for-none", "ctx is the empty text, none expected", empty, "ContextForm", SHAPE, context=None)


def _members(to: Recipient) -> Iterator[Test]:
    return members(to.respellable(), ("kem", "n", "ct"), SHAPE, DECODING)


def _lengths(plain: dict[str, Any]) -> Iterator[Test]:
    for size in (0, 8, 11, 13, 24):
        changed = {**plain, "n": resized(plain["n"], size)}
        yield wrong(f"n-of-{size}", f"n of {size} bytes", changed, "NonceLength", NONCE_SIZE)
    for size in (0, 32, 1056, 1087, 1089):
        changed = {**plain, "kem": resized(plain["kem"], size)}
        yield wrong(f"kem-of-{size}", f"kem of {size} bytes", changed, "KemLength", KEM_SIZE)
    for size in (0, 1, 15, 16):
        changed = {**plain, "ct": resized(plain["ct"], size)}
        yield wrong(f"ct-of-{size}", f"ct of {size} bytes", changed, "ShortCt", OPENING)


def _altered(to: Recipient, draw: Draw, plain: dict[str, Any]) -> Iterator[Test]:
    places = (
        ("kem", "first", 0), ("kem", "middle", 600), ("kem", "last", -1), ("n", "first", 0), ("n", "last", -1),
        ("ct", "first", 0), ("ct", "last-of-payload", 6), ("ct", "first-of-tag", 7), ("ct", "last", -1),
    )  # fmt: skip
    for name, place, position in places:
        changed = {**plain, name: with_bit(plain[name], position)}
        comment = f"a bit of {name} is altered: {place.replace('-', ' ')} byte"
        yield wrong(f"{name}-altered-{place}", comment, changed, "Altered", OPENING)
    other = Recipient(draw.under("other"))
    yield wrong("for-another-key", "sealed for another key", other.sealed("envelope"), "Altered", OPENING)
    kem = to.sealed("exchanged")["kem"]
    yield wrong("kem-of-another", "the kem of another envelope", {**plain, "kem": kem}, "Altered", OPENING)
    longer = {**plain, "ct": resized(plain["ct"], 24)}
    yield wrong("ct-longer", "a zero byte behind the tag", longer, "Altered", OPENING)
    yield wrong("ct-shorter", "without the last byte of the tag", {**plain, "ct": resized(plain["ct"], 22)}, "Altered",
                OPENING)  # fmt: skip
    yield wrong("ss-as-key", "sealed under the shared secret itself", _under_ss(to, draw), "Altered", OPENING)


def _under_ss(to: Recipient, draw: Draw) -> dict[str, Any]:
    """What somebody makes who leaves out the derivation of the key."""
    m, n = draw("ss-as-key/m"), draw("ss-as-key/n", 12)
    shared_secret, kem = REFERENCE.ml_kem_768_encaps(to.ek, m)
    ct = REFERENCE.aead_seal(shared_secret, n, b"payload")
    return {"v": 1, "kem": encode_base64(kem), "n": encode_base64(n), "ct": encode_base64(ct)}


def random(draw: Draw, i: int) -> Test:
    to = Recipient(draw)
    context = None if i % 3 == 0 else f"context {i}"
    envelope = to.sealed("envelope", draw("payload", 1 + draw.below("size", 80)), context)
    shared = {"dk": to.dk, "context": context}
    if i % 2:
        return right(f"random-{i}", "a drawn envelope", envelope, "Basic", **shared)
    name = ("kem", "n", "ct")[draw.below("member", 3)]
    changed = {**envelope, name: with_bit(envelope[name], draw.below("place", 12), draw.below("bit", 8))}
    return wrong(f"random-{i}", f"a drawn envelope with a bit of {name} altered", changed, "Altered", OPENING, **shared)


def intermediate(a: dict[str, Any]) -> Mapping[str, Any]:
    """The shared secret and the content key for the expected context, where the envelope gives them."""
    return key_values(a["dk"], a["body"], info_of(a["context"]))


SUITE = VectorSuite(
    name="seal/envelope_open",
    title="Opening an envelope",
    operation="seal.open",
    covers=("SEAL-ENV-01", "SEAL-ENV-02", "SEAL-ENV-06"),
    flags=flags(
        "Basic", "PayloadSize", "Context", "SignatureUnread", "ContextMissing", "ContextRewritten", "ContextForm",
        "Version", "NotAnObject", "MemberMissing", "MemberMistyped", "NumberArray", "NonceLength", "KemLength",
        "ShortCt", "Altered", *JSON_FORMS, *JSON_FAULTS, *UNDECODABLE,
    ),
    fixed=fixed,
    random=random,
    count=8,
    intermediate=intermediate,
)  # fmt: skip
