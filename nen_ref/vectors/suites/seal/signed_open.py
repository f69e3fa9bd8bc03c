"""seal/signed_open: what a signed envelope opens to, for the one who expects a signer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nen_ref.primitives.ml_dsa import ML_DSA_65
from nen_ref.primitives.ml_dsa_keys import encode_spki
from nen_ref.primitives.suite import REFERENCE
from nen_ref.protocol.identity import Identity
from nen_ref.protocol.seal_signed import signed_text
from nen_ref.protocol.wire import encode_base64
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Found, Group, Test, VectorSuite
from nen_ref.vectors.suites.handshake_tools import base64_faults
from nen_ref.vectors.suites.seal_tools import (
    DECODING,
    KEM_SIZE,
    OPENING,
    SHAPE,
    SIGNER,
    SIGNER_SHAPE,
    UNDECODABLE,
    Recipient,
    flags,
    members,
    resized,
    right,
    signed,
    signer,
    spki,
    unreadable,
    with_bit,
    without,
    wrong,
)

CONTEXT = "order"
UNREADABLE = ("body-null", "body-number", "unclosed")
OWN = {
    "Unsigned": Flag("missing check", "an envelope that nobody signed, or half of whose signature is gone",
                     "who takes the signature away is believed", ("SEAL-SIG-03",)),
    "OtherSigner": Flag("missing check", "an envelope that somebody signed who is not expected",
                        "anyone who has a key of his own is believed", ("SEAL-SIG-02",)),
    "Forged": Flag("missing check", "a signature that does not verify: of other bytes, or altered",
                   "anyone who has seen a key is believed", ("SEAL-SIG-05",)),
    "OtherText": Flag("wrong computation", "a signature of the right key over another text",
                      "envelopes of other implementations are refused, and parts of them are not signed",
                      ("SEAL-SIG-01",)),
    "SignatureForm": Flag("missing check", "sig or spk of another length or encoding, or as no text",
                          "one key or signature has several forms, or the operation ends in a crash",
                          ("SEAL-SIG-04",)),
    "BareKey": Flag("edge case", "the bare key as spk, which is accepted", "some signers cannot be verified",
                    ("SEAL-SIG-04",)),
    "ReSigned": Flag("edge case", "a second key that is allowed has put its signature in the place of the first",
                     "as published: none of the two forms can tell", ("SEAL-SIG-07",)),
    "WrongOrder": Flag("wrong order", "two things are wrong: the first check decides",
                       "what nobody vouches for reaches the key",
                       ("SEAL-SIG-06",)),
}  # fmt: skip


def fixed(draw: Draw, found: Found) -> list[Group]:
    to, own, stranger = Recipient(draw), signer(draw), signer(draw, "stranger")
    shared = {"dk": to.dk, "context": CONTEXT, "signers": [own.pk]}
    either = {"dk": to.dk, "context": CONTEXT, "signers": [stranger.pk, own.pk]}
    plain = to.sealed("plain", context=CONTEXT)
    made = signed(plain, own)
    return [
        Group("envelopes that the expected key signed", tuple(_sound(to, draw, plain, own)), shared),
        Group("one of two keys", (
            right("either-first", "the first of them signed", signed(plain, stranger), "Basic"),
            right("either-second", "the second of them signed", made, "Basic"),
            right("re-signed", "the second signed, and the first has put its own signature there",
                  signed(to.sealed("re-signed", context=CONTEXT), stranger), "ReSigned"),
        ), either),
        Group("no key at all", (
            wrong("nobody", "nobody is expected", made, "OtherSigner", SIGNER),
        ), {**shared, "signers": []}),
        Group("signatures that are gone", tuple(_gone(made)), shared),
        Group("signatures of somebody else", tuple(_others(plain, made, stranger)), shared),
        Group("signatures of something else", tuple(_texts(plain, own)), shared),
        Group("envelopes that were altered", tuple(_altered(to, draw, plain, made, own)), shared),
        Group("forms of sig and spk", tuple(_forms(made, own)), shared, ("SEAL-SIG-04",)),
        Group("other contexts, and what the signature does not heal", tuple(_contexts(to, plain, own)), shared),
        Group("texts that are no JSON object", tuple(unreadable(made, UNREADABLE)), shared),
    ]  # fmt: skip


def _sound(to: Recipient, draw: Draw, plain: dict[str, Any], own: Identity) -> Iterator[Test]:
    hedged = REFERENCE.ml_dsa_65_sign(own.sk, signed_text(plain), b"", draw("rnd"))
    made = signed(plain, own)
    yield right("deterministic", "a deterministic signature", made, "Basic")
    yield right("hedged", "a hedged signature", {**made, "sig": encode_base64(hedged)}, "Basic")
    yield right("bare-key", "the bare key as spk", {**made, "spk": encode_base64(own.pk)}, "BareKey")
    yield right("further-member", "a further member", {**made, "signedAt": 7}, "FurtherMembers")
    for id, comment, context in (("none", "no context", None), ("lines", "a context of two lines", "two\nlines")):
        envelope = signed(to.sealed(f"context-{id}", context=context), own)
        yield right(f"context-{id}", comment, envelope, "Context", context=context)


def _gone(made: dict[str, Any]) -> Iterator[Test]:
    yield wrong("unsigned", "sig and spk are gone", without(made, "sig", "spk"), "Unsigned", SIGNER_SHAPE)
    yield wrong("sig-gone", "sig is gone", without(made, "sig"), "Unsigned", SIGNER_SHAPE)
    yield wrong("spk-gone", "spk is gone", without(made, "spk"), "Unsigned", SIGNER_SHAPE)
    yield wrong("sig-null", "sig is null", {**made, "sig": None}, "Unsigned", SIGNER_SHAPE)
    yield wrong("spk-null", "spk is null", {**made, "spk": None}, "Unsigned", SIGNER_SHAPE)
    yield wrong("both-empty", "both are the empty text", {**made, "sig": "", "spk": ""}, "Unsigned", SIGNER_SHAPE)


def _others(plain: dict[str, Any], made: dict[str, Any], stranger: Identity) -> Iterator[Test]:
    forged = signed(plain, stranger)
    yield wrong("stranger", "a stranger signed", forged, "OtherSigner", SIGNER)
    mixed = {**forged, "spk": made["spk"]}
    yield wrong("stranger-as-own", "a stranger signed and names the expected key", mixed, "Forged", SIGNER)
    mixed = {**made, "spk": forged["spk"]}
    yield wrong("own-as-stranger", "the expected key signed and a stranger is named", mixed, "OtherSigner", SIGNER)


def _texts(plain: dict[str, Any], own: Identity) -> Iterator[Test]:
    kem, n, ct, ctx = (plain[name] for name in ("kem", "n", "ct", "ctx"))
    texts = (
        ("without-context", "the text without the context", f"1\n{kem}\n{n}\n{ct}\n"),
        ("without-version", "the text without the version", f"{kem}\n{n}\n{ct}\n{ctx}"),
        ("without-kem", "the text without kem", f"1\n{n}\n{ct}\n{ctx}"),
        ("line-feed-behind", "the text with a line feed behind", f"1\n{kem}\n{n}\n{ct}\n{ctx}\n"),
        ("crlf", "the text with CR and LF", f"1\r\n{kem}\r\n{n}\r\n{ct}\r\n{ctx}"),
        ("other-order", "the text in another order", f"1\n{kem}\n{ct}\n{n}\n{ctx}"),
        ("payload", "the payload", "payload"),
    )
    for id, comment, text in texts:
        sig = encode_base64(REFERENCE.ml_dsa_65_sign(own.sk, text.encode(), b"", bytes(32)))
        yield wrong(f"over-{id}", f"a signature over {comment}", _with(plain, own, sig), "OtherText", SIGNER)
    under = encode_base64(REFERENCE.ml_dsa_65_sign(own.sk, signed_text(plain), b"order", bytes(32)))
    made = _with(plain, own, under)
    yield wrong("ml-dsa-context", "a signature under a context of ML-DSA", made, "OtherText", SIGNER)


def _with(plain: dict[str, Any], own: Identity, sig: str) -> dict[str, Any]:
    return {**plain, "sig": sig, "spk": spki(own.pk)}


def _altered(to: Recipient, draw: Draw, plain: dict[str, Any], made: dict[str, Any], own: Identity) -> Iterator[Test]:
    for name, position in (("kem", 5), ("n", 3), ("ct", 2), ("sig", 0), ("sig", 60), ("sig", 3308)):
        changed = {**made, name: with_bit(made[name], position)}
        yield wrong(f"{name}-altered-{position}", f"byte {position} of {name} is altered", changed, "Forged", SIGNER)
    changed = {**made, "spk": with_bit(made["spk"], 30)}
    yield wrong("spk-altered", "a bit of the key in spk is altered", changed, "OtherSigner", SIGNER)
    other = signed(to.sealed("other", context=CONTEXT), own)
    for name in ("kem", "n", "ct", "sig"):
        changed = {**made, name: other[name]}
        yield wrong(f"{name}-of-another", f"{name} of another envelope of the signer", changed, "Forged", SIGNER)
    sigma = {**made, "sig": encode_base64(bytes(3309))}
    yield wrong("sig-of-zeros", "sig of 3309 zero bytes", sigma, "Forged", SIGNER)


def _forms(made: dict[str, Any], own: Identity) -> Iterator[Test]:
    for fault in members(made, ("sig", "spk"), SIGNER_SHAPE, SIGNER_SHAPE):
        if not any(fault.id.endswith(end) for end in ("absent", "upper-case", "null")):
            yield fault
    for name, size in (("sig", 3308), ("sig", 3310), ("spk", 1973), ("spk", 1975), ("spk", 1951)):
        changed = {**made, name: resized(made[name], size)}
        yield wrong(f"{name}-of-{size}", f"{name} of {size} bytes", changed, "SignatureForm", SIGNER_SHAPE)
    bits = next(fault for fault in base64_faults(own.pk) if fault.flag == "Base64UnusedBits")
    changed = {**made, "spk": bits.text}
    yield wrong("spk-bare-unused-bits", f"the bare key: {bits.comment}", changed, bits.flag, SIGNER_SHAPE)
    der = encode_spki(ML_DSA_65, own.pk)
    forms = (
        ("ml-dsa-44", "the right key under the identifier of ML-DSA-44", der[:16] + b"\x11" + der[17:]),
        ("unused-bit", "one unused bit in the BIT STRING", der[:21] + b"\x01" + der[22:]),
        ("zeros", "22 zero bytes and the key", bytes(22) + own.pk),
    )
    for id, comment, key in forms:
        changed = {**made, "spk": encode_base64(key)}
        yield wrong(f"spk-{id}", f"spk: {comment}", changed, "SignatureForm", SIGNER_SHAPE)


def _contexts(to: Recipient, plain: dict[str, Any], own: Identity) -> Iterator[Test]:
    refund = signed(to.sealed("refund", context="refund"), own)
    yield wrong("context-other", "sealed and signed for another context", refund, "ContextMissing", OPENING)
    renamed = {**refund, "ctx": CONTEXT}
    yield wrong("context-renamed", "the same, and ctx rewritten", renamed, "ContextRewritten", SIGNER)
    again = signed({**without(refund, "sig", "spk"), "ctx": CONTEXT}, own)
    yield wrong("context-renamed-signed", "the same, and signed again", again, "ContextRewritten", OPENING)
    no_context = signed(to.sealed("no-context"), own)
    yield wrong("context-absent", "sealed and signed without a context", no_context, "ContextMissing", OPENING)
    altered = signed({**plain, "ct": with_bit(plain["ct"])}, own)
    yield wrong("altered-signed", "ct was altered before it was signed", altered, "Altered", OPENING)
    short = signed({**plain, "kem": resized(plain["kem"], 1087)}, own)
    yield wrong("kem-short-signed", "kem of 1087 bytes, signed", short, "KemLength", KEM_SIZE)
    both = {**short, "sig": with_bit(short["sig"], 60)}
    yield wrong("kem-short-forged", "kem of 1087 bytes, and a signature that does not verify", both, "WrongOrder",
                (*SIGNER, *KEM_SIZE))  # fmt: skip
    undecodable = {**signed(plain, own), "n": "?"}
    yield wrong("n-undecodable", "n that is not base64, and so not what was signed", undecodable, "WrongOrder",
                (*DECODING, *SIGNER, *SHAPE))  # fmt: skip


def random(draw: Draw, i: int) -> Test:
    to, own = Recipient(draw), signer(draw)
    made = signed(to.sealed("envelope", draw("payload", 30), f"context {i}"), own)
    shared = {"dk": to.dk, "context": f"context {i}", "signers": [own.pk]}
    if i % 2:
        return right(f"random-{i}", "a drawn signer", made, "Basic", **shared)
    changed = {**made, "sig": with_bit(made["sig"], draw.below("place", 3309), draw.below("bit", 8))}
    return wrong(f"random-{i}", "a drawn signer, and a bit of sig altered", changed, "Forged", SIGNER, **shared)


SUITE = VectorSuite(
    name="seal/signed_open",
    title="Opening a signed envelope",
    operation="seal.open_signed",
    covers=("SEAL-SIG-01", "SEAL-SIG-02", "SEAL-SIG-05"),
    flags=flags(
        "Basic", "Context", "FurtherMembers", "ContextMissing", "ContextRewritten", "Altered", "KemLength", "NotJson",
        "NotAnObject", "MemberMistyped", "NumberArray", *UNDECODABLE, **OWN,
    ),
    fixed=fixed,
    random=random,
    count=4,
)  # fmt: skip
