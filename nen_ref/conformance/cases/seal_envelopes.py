"""Envelopes, their contexts and their signatures: sections 1 to 3 of the specification of sealed envelopes."""

from __future__ import annotations

from typing import Any

from nen_ref.conformance.cases.seal_tools import (
    CRASH,
    FORGED,
    NOTHING_OPENS,
    OTHER_CONTEXT,
    PAYLOAD,
    Opening,
    Recipient,
    draws,
    new_signer,
    same_body,
    signed,
)
from nen_ref.conformance.harness.probe import HarnessProbe
from nen_ref.conformance.model import ACCEPTED
from nen_ref.conformance.randomness import random_bytes
from nen_ref.conformance.registry import case
from nen_ref.primitives.ml_dsa import ML_DSA_65
from nen_ref.primitives.ml_dsa_keys import encode_spki
from nen_ref.primitives.suite import REFERENCE
from nen_ref.protocol.seal import seal_to
from nen_ref.protocol.seal_signed import signed_text
from nen_ref.protocol.wire import Malformed, decode_base64, encode_base64, parse_json_object
from nen_ref.vectors.alter import with_coefficient
from nen_ref.vectors.suites.seal_tools import resized, spki, text_of, with_bit, without

SEAL, OPEN, SIGN, OPEN_SIGNED = "seal.seal", "seal.open", "seal.sign", "seal.open_signed"
CONTEXTS = (
    "x",
    "upload:passport",
    "a|b",
    "|",
    " ",
    " x ",
    "two\nlines",
    "\u00fc",
    "u\u0308",
    "\u2603",
    "\U0001f510",
    "x" * 300,
)
SIZES = (0, 1, 15, 16, 17, 63, 64, 65, 1024, 20_000)


@case(
    "seal/envelope/seal",
    "SEAL-ENV-01",
    ACCEPTED,
    why=NOTHING_OPENS,
    cause="kem, n or ct are hexadecimal, v is a text, or ctx is there without a context",
    needs=(SEAL,),
)
async def seal(probe: HarnessProbe) -> None:
    """A payload of any bytes, or of none, gives v, kem, n and ct, and nothing of a context."""
    to = Recipient()
    for size in SIZES:
        payload, drawn = random_bytes(size), draws()
        reply = await probe.call(SEAL, ek=to.ek, payload=payload, context=None, **drawn)
        same_body(probe, reply, f"{size} bytes", seal_to(to.ek, payload, context=None, **drawn))


@case(
    "seal/envelope/seal-context",
    "SEAL-CTX-01",
    ACCEPTED,
    why=NOTHING_OPENS,
    cause="the bar is left out, the context is trimmed or normalised, or not in UTF-8",
    needs=(SEAL,),
)
async def seal_context(probe: HarnessProbe) -> None:
    """The key of an envelope with a context depends on it as it stands, and ctx is the context."""
    to = Recipient()
    for context in CONTEXTS:
        drawn = draws()
        reply = await probe.call(SEAL, ek=to.ek, payload=PAYLOAD, context=context, **drawn)
        same_body(probe, reply, f"the context {context[:20]!a}", seal_to(to.ek, PAYLOAD, context=context, **drawn))


@case(
    "seal/envelope/open",
    "SEAL-ENV-02",
    ACCEPTED,
    why=NOTHING_OPENS,
    cause="the label of the key has a bar without a context, HKDF has a salt, or the payload is taken for text",
    needs=(OPEN,),
)
async def open_(probe: HarnessProbe) -> None:
    """Envelopes without a context open to their payloads, whatever their bytes and size."""
    to = Recipient()
    opening = Opening(probe, OPEN, dk=to.dk, context=None)
    for size in SIZES:
        payload = random_bytes(size)
        await opening.opens(f"{size} bytes", to.sealed(payload), {"payload": payload})


@case(
    "seal/envelope/open-context",
    "SEAL-CTX-01",
    ACCEPTED,
    why=NOTHING_OPENS,
    cause="the bar is left out, the context is trimmed or normalised, or not in UTF-8",
    needs=(OPEN,),
)
async def open_context(probe: HarnessProbe) -> None:
    """Envelopes open for the context that they were sealed for."""
    to = Recipient()
    for context in CONTEXTS:
        opening = Opening(probe, OPEN, dk=to.dk, context=context)
        await opening.opens(f"the context {context[:20]!a}", to.sealed(context=context), {"payload": PAYLOAD})


@case(
    "seal/envelope/further-members",
    "SEAL-ENV-07",
    ACCEPTED,
    why="envelopes of a later version, or of a careful sealer, do not open",
    cause="a closed schema, or a signature that is looked at where nobody expects one",
    needs=(OPEN,),
)
async def further_members(probe: HarnessProbe) -> None:
    """Members beyond those of the form are ignored, and so is a signature where no signer is expected."""
    to = Recipient()
    envelope = to.sealed()
    made = signed(envelope, new_signer())
    opening = Opening(probe, OPEN, dk=to.dk, context=None)
    bodies: dict[str, dict[str, Any]] = {
        "further members": {"to": None, "frames": [1], **envelope, "x": {"ctx": 7}},
        "the other order": {name: envelope[name] for name in [*envelope][::-1]},
        "signed": made,
        "a signature that does not verify": {**made, "sig": with_bit(made["sig"], 60)},
        "half a signature": without(made, "sig"),
    }
    for note, body in bodies.items():
        await opening.opens(note, body, {"payload": PAYLOAD})


@case(
    "seal/envelope/version",
    "SEAL-ENV-03",
    "ISO-6001",
    why="an envelope of a later version is read by the rules of this one",
    cause="v is not looked at, or compared loosely",
    needs=(OPEN,),
)
async def version(probe: HarnessProbe) -> None:
    """An envelope whose v is absent or not the number 1 is refused."""
    to = Recipient()
    envelope = to.sealed()
    opening = Opening(probe, OPEN, dk=to.dk, context=None)
    await opening.first(envelope, {"payload": PAYLOAD})
    values = (0, 2, -1, "1", True, None, [1], {"v": 1})
    await opening.refuses({f"v is {text_of(v)}": {**envelope, "v": v} for v in values})
    await opening.refuses({"v is absent": without(envelope, "v")})


@case("seal/envelope/members", "SEAL-ENV-04", "ISO-6001", why=CRASH, cause="the absent member is decoded like any other",
      needs=(OPEN,))  # fmt: skip
async def members(probe: HarnessProbe) -> None:
    """An envelope without one of the texts kem, n and ct is refused."""
    to = Recipient()
    envelope = to.sealed()
    opening = Opening(probe, OPEN, dk=to.dk, context=None)
    await opening.first(envelope, {"payload": PAYLOAD})
    for name in ("kem", "n", "ct"):
        text = envelope[name]
        values = (None, 7, True, [text], {"data": text}, list(decode_base64(text)))
        await opening.refuses({f"{name} is absent": without(envelope, name)})
        await opening.refuses({f"{name} is {text_of(v)[:30]}": {**envelope, name: v} for v in values})


@case(
    "seal/envelope/base64",
    "SEAL-ENV-04",
    "ISO-6002",
    why="one envelope has many texts: what is compared, signed or remembered as text is not what is opened",
    cause="base64 is decoded leniently",
    needs=(OPEN,),
)
async def base64(probe: HarnessProbe) -> None:
    """A kem, n or ct that is not the one base64 text of its bytes is refused."""
    to = Recipient()
    envelope = to.sealed()
    opening = Opening(probe, OPEN, dk=to.dk, context=None)
    await opening.first(envelope, {"payload": PAYLOAD})
    for name in ("kem", "n", "ct"):
        text = envelope[name]
        spellings = {"a space": f"{text[:8]} {text[8:]}", "a line feed at the end": text + "\n",
                     "a character that is none": f"{text[:8]}!{text[8:]}", "padding too long": text + "===="}  # fmt: skip
        await opening.refuses({f"{name}: {note}": {**envelope, name: value} for note, value in spellings.items()})
    await opening.refuses(
        {f"{name} without padding": {**envelope, name: envelope[name].rstrip("=")} for name in ("kem", "ct")}
    )


@case("seal/envelope/json", "SEAL-ENV-04", "ISO-6001", why=CRASH, cause="a lenient parser, or none of its errors caught",
      needs=(OPEN,))  # fmt: skip
async def json(probe: HarnessProbe) -> None:
    """What is no JSON object, or one that parsers read differently, is refused."""
    to = Recipient()
    body = text_of(to.sealed())
    opening = Opening(probe, OPEN, dk=to.dk, context=None)
    await opening.first(body, {"payload": PAYLOAD})
    texts = {"nothing": "", "null": "null", "an array of it": f"[{body}]", "a text": '"x"', "not closed": body[:-1],
             "text behind": body + "x", "ct twice": body[:-1] + ',"ct":"AAAA"}', "NaN": body[:-1] + ',"x":NaN}',
             "129 levels": body[:-1] + ',"x":' + "[" * 128 + "]" * 128 + "}",
             "half of a pair of surrogates": body[:-1] + ',"x":"\\ud800"}'}  # fmt: skip
    await opening.refuses(texts)


@case(
    "seal/envelope/nonce-length",
    "SEAL-ENV-04",
    "ISO-6001",
    "ISO-4001",
    why="the library fails on it, or cuts it, so that two nonces are one",
    cause="the length of n is not looked at",
    needs=(OPEN,),
)
async def nonce_length(probe: HarnessProbe) -> None:
    """An n of another length than 12 bytes is refused."""
    to = Recipient()
    envelope = to.sealed()
    opening = Opening(probe, OPEN, dk=to.dk, context=None)
    await opening.first(envelope, {"payload": PAYLOAD})
    await opening.refuses(
        {f"{size} bytes": {**envelope, "n": resized(envelope["n"], size)} for size in (0, 8, 11, 13, 24)}
    )


@case(
    "seal/envelope/kem-length",
    "SEAL-ENV-05",
    "ISO-1002",
    "ISO-4001",
    "ISO-6001",
    "ISO-6002",
    why="memory behind it is read, or a ciphertext of another algorithm is taken",
    cause="the length of kem is left to the library",
    needs=(OPEN,),
)
async def kem_length(probe: HarnessProbe) -> None:
    """A kem of another length than 1088 bytes is refused."""
    to = Recipient()
    envelope = to.sealed()
    opening = Opening(probe, OPEN, dk=to.dk, context=None)
    await opening.first(envelope, {"payload": PAYLOAD})
    sizes = (0, 32, 768, 1087, 1089, 1568)
    await opening.refuses({f"{size} bytes": {**envelope, "kem": resized(envelope["kem"], size)} for size in sizes})


@case(
    "seal/envelope/recipient-key",
    "SEAL-ENV-05",
    "ISO-1002",
    why="data is sealed to a key that nobody checked",
    cause="the check of FIPS 203, 7.2 is left out",
    needs=(SEAL,),
)
async def recipient_key(probe: HarnessProbe) -> None:
    """Nothing is sealed to a key of another length, or with a coefficient that is not reduced."""
    to, drawn = Recipient(), draws()
    reply = await probe.call(SEAL, ek=to.ek, payload=PAYLOAD, context=None, **drawn)
    same_body(probe, reply, "a right key", seal_to(to.ek, PAYLOAD, context=None, **drawn))
    probe.sound()
    keys = {"empty": b"", "short": to.ek[:-1], "long": to.ek + b"\0", "of ML-KEM-512": to.ek[:800],
            "a coefficient of 3329": with_coefficient(to.ek, 0, 3329),
            "a coefficient of 4095": with_coefficient(to.ek, 767, 4095)}  # fmt: skip
    for note, ek in keys.items():
        probe.judge(await probe.call(SEAL, ek=ek, payload=PAYLOAD, context=None, **draws()), note)


@case(
    "seal/envelope/altered",
    "SEAL-ENV-06",
    "ISO-4001",
    why="whoever carries an envelope changes what is in it",
    cause="the tag is not compared, or decapsulation's other secret is not what the key is derived from",
    needs=(OPEN,),
)
async def altered(probe: HarnessProbe) -> None:
    """An envelope with one bit of kem, n or ct altered is refused."""
    to = Recipient()
    envelope = to.sealed()
    opening = Opening(probe, OPEN, dk=to.dk, context=None)
    await opening.first(envelope, {"payload": PAYLOAD})
    places = (("kem", 0), ("kem", 600), ("kem", -1), ("n", 0), ("n", -1), ("ct", 0), ("ct", len(PAYLOAD)), ("ct", -1))
    await opening.refuses(
        {f"byte {at} of {name}": {**envelope, name: with_bit(envelope[name], at)} for name, at in places}
    )


@case("seal/envelope/for-another", "SEAL-ENV-06", "ISO-4001", why="envelopes open that are for somebody else",
      cause="the shared secret has no part in the key", needs=(OPEN,))  # fmt: skip
async def for_another(probe: HarnessProbe) -> None:
    """An envelope for another key, or with the kem of another envelope, is refused."""
    to, other = Recipient(), Recipient()
    envelope = to.sealed()
    opening = Opening(probe, OPEN, dk=to.dk, context=None)
    await opening.first(envelope, {"payload": PAYLOAD})
    exchanged = {**envelope, "kem": to.sealed()["kem"]}
    await opening.refuses({"for another key": other.sealed(), "the kem of another envelope": exchanged})


@case("seal/envelope/short-ct", "SEAL-ENV-06", "ISO-4001", why="lengths become negative, or no tag is compared",
      cause="the tag is cut off before the length is looked at", needs=(OPEN,))  # fmt: skip
async def short_ct(probe: HarnessProbe) -> None:
    """A ct without room for a tag is refused."""
    to = Recipient()
    envelope = to.sealed()
    opening = Opening(probe, OPEN, dk=to.dk, context=None)
    await opening.first(envelope, {"payload": PAYLOAD})
    await opening.refuses(
        {f"{size} bytes": {**envelope, "ct": resized(envelope["ct"], size)} for size in (0, 1, 15, 16)}
    )


# Contexts


@case("seal/envelope/context-other", "SEAL-CTX-02", "ISO-4001", why=OTHER_CONTEXT,
      cause="the context is taken from ctx", needs=(OPEN,))  # fmt: skip
async def context_other(probe: HarnessProbe) -> None:
    """An envelope that was sealed for another context than the expected one, or for none, is refused."""
    to, expected = Recipient(), "upload:passport"
    opening = Opening(probe, OPEN, dk=to.dk, context=expected)
    await opening.first(to.sealed(context=expected), {"payload": PAYLOAD})
    others = ("upload", "upload:passport:2", "upload:photo", "UPLOAD:PASSPORT", "upload:passport ", None)
    await opening.refuses({f"sealed for {other}": to.sealed(context=other) for other in others})


@case("seal/envelope/context-rewritten", "SEAL-CTX-02", "ISO-4001", why=OTHER_CONTEXT,
      cause="ctx is compared, and the key does not depend on the context", needs=(OPEN,))  # fmt: skip
async def context_rewritten(probe: HarnessProbe) -> None:
    """An envelope that was sealed for another context is refused, also where ctx was rewritten to the expected one."""
    to, expected = Recipient(), "upload:passport"
    opening = Opening(probe, OPEN, dk=to.dk, context=expected)
    await opening.first(to.sealed(context=expected), {"payload": PAYLOAD})
    others = ("upload", "upload:photo", "UPLOAD:PASSPORT", None)
    await opening.refuses(
        {f"sealed for {other}, rewritten": {**to.sealed(context=other), "ctx": expected} for other in others}
    )


@case("seal/envelope/context-stripped", "SEAL-CTX-02", "ISO-4001", why=OTHER_CONTEXT,
      cause="ctx is not compared, or an absent one is passed over", needs=(OPEN,))  # fmt: skip
async def context_stripped(probe: HarnessProbe) -> None:
    """An envelope whose ctx was taken away is refused where a context is expected."""
    to, expected = Recipient(), "upload:passport"
    envelope = to.sealed(context=expected)
    opening = Opening(probe, OPEN, dk=to.dk, context=expected)
    await opening.first(envelope, {"payload": PAYLOAD})
    renamed = {**without(envelope, "ctx"), "CTX": expected, "context": expected}
    await opening.refuses({"without ctx": without(envelope, "ctx"), "under another name": renamed})


@case("seal/envelope/context-unexpected", "SEAL-CTX-02", "ISO-4001", why=OTHER_CONTEXT,
      cause="no expected context is taken for any context", needs=(OPEN,))  # fmt: skip
async def context_unexpected(probe: HarnessProbe) -> None:
    """An envelope with a context is refused where none is expected."""
    to = Recipient()
    opening = Opening(probe, OPEN, dk=to.dk, context=None)
    await opening.first(to.sealed(), {"payload": PAYLOAD})
    named = to.sealed(context="upload:passport")
    await opening.refuses({"with a context": named, "and without ctx": without(named, "ctx")})


@case("seal/envelope/context-form", "SEAL-CTX-03", "ISO-6001", why="no context and an empty one have one signature and "
      "two keys", cause="the empty text is false in the language", needs=(SEAL, OPEN))  # fmt: skip
async def context_form(probe: HarnessProbe) -> None:
    """The empty text is no context to seal for, and a ctx that is empty or no text is refused."""
    to = Recipient()
    named, plain = to.sealed(context="x"), to.sealed()
    opening = Opening(probe, OPEN, dk=to.dk, context="x")
    await opening.first(named, {"payload": PAYLOAD})
    await opening.first(plain, {"payload": PAYLOAD}, context=None)
    values = ("", None, 7, True, ["x"], {"ctx": "x"})
    await opening.refuses({f"ctx is {text_of(value)}": {**named, "ctx": value} for value in values})
    await opening.refuses({f"ctx is {text_of(value)}, none expected": {**plain, "ctx": value} for value in ("", None)},
                          context=None)  # fmt: skip
    probe.judge(
        await probe.call(SEAL, ek=to.ek, payload=PAYLOAD, context="", **draws()), "sealed for the empty context"
    )


# Signatures


@case(
    "seal/signed/sign",
    "SEAL-SIG-01",
    ACCEPTED,
    why="nobody can verify what this library signs",
    cause="the payload or other bytes are signed in place of the text, or under a context of ML-DSA",
    needs=(SIGN,),
)
async def sign(probe: HarnessProbe) -> None:
    """A signed envelope has the SubjectPublicKeyInfo of its signer, and a signature of v, kem, n, ct and ctx."""
    to, seed = Recipient(), random_bytes(32)
    pk, _ = REFERENCE.ml_dsa_65_keygen(seed)
    for context in (None, "order", "two\nlines", "\u2603"):
        drawn, note = draws(), f"the context {context!a}"
        reply = await probe.call(SIGN, ek=to.ek, signer_seed=seed, payload=PAYLOAD, context=context, **drawn)
        envelope = seal_to(to.ek, PAYLOAD, context=context, **drawn)
        try:
            made = parse_json_object(reply["body"].encode("utf-8", "surrogatepass")) if reply.ok else {}
            sig = decode_base64(str(made.get("sig")))
        except Malformed:
            made, sig = {}, b""
        expected = {**envelope, "spk": spki(pk), "sig": made.get("sig")}
        if same_body(probe, reply, note, expected):
            valid = REFERENCE.ml_dsa_65_verify(pk, signed_text(envelope), sig, b"")
            probe.ensure(valid, f"{note}: sig is not valid over the text")


@case("seal/signed/open", "SEAL-SIG-01", ACCEPTED, why="what others sign is refused",
      cause="another text is verified, or hedged signatures are refused", needs=(OPEN_SIGNED,))  # fmt: skip
async def open_signed(probe: HarnessProbe) -> None:
    """Signed envelopes open, whether the signature is hedged or deterministic, with a context or without."""
    to, own = Recipient(), new_signer()
    for context in (None, "order", "two\nlines", "\u2603"):
        opening = Opening(probe, OPEN_SIGNED, dk=to.dk, context=context, signers=[own.pk])
        envelope = to.sealed(context=context)
        hedged = REFERENCE.ml_dsa_65_sign(own.sk, signed_text(envelope), b"", random_bytes(32))
        made = signed(envelope, own)
        expected = {"payload": PAYLOAD, "signer": own.pk}
        await opening.opens(f"deterministic, the context {context!a}", made, expected)
        await opening.opens(f"hedged, the context {context!a}", {**made, "sig": encode_base64(hedged)}, expected)


@case("seal/signed/one-of-several", "SEAL-SIG-02", ACCEPTED, why="an application takes one of its partners for another",
      cause="the first of the expected keys is told in place of the one that signed",
      needs=(OPEN_SIGNED,))  # fmt: skip
async def one_of_several(probe: HarnessProbe) -> None:
    """Where several keys may have signed, the one that did is told."""
    to, signers = Recipient(), [new_signer() for _ in range(3)]
    opening = Opening(probe, OPEN_SIGNED, dk=to.dk, context="order", signers=[signer.pk for signer in signers])
    for i, signer in enumerate(signers):
        made = signed(to.sealed(context="order"), signer)
        await opening.opens(f"signer {i}", made, {"payload": PAYLOAD, "signer": signer.pk})


@case("seal/signed/bare-key", "SEAL-SIG-04", ACCEPTED, why="signers that send the bare key cannot be verified",
      cause="only SubjectPublicKeyInfo is read", needs=(OPEN_SIGNED,))  # fmt: skip
async def bare_key(probe: HarnessProbe) -> None:
    """The bare 1952-byte key is accepted as spk."""
    to, own = Recipient(), new_signer()
    opening = Opening(probe, OPEN_SIGNED, dk=to.dk, context=None, signers=[own.pk])
    made = {**signed(to.sealed(), own), "spk": encode_base64(own.pk)}
    await opening.opens("the bare key", made, {"payload": PAYLOAD, "signer": own.pk})


class Signed:
    """A signed envelope, and an opening that expects its signer."""

    def __init__(self, probe: HarnessProbe) -> None:
        self.to, self.own, self.stranger = Recipient(), new_signer(), new_signer()
        self.plain = self.to.sealed(context="order")
        self.made = signed(self.plain, self.own)
        self.opening = Opening(probe, OPEN_SIGNED, dk=self.to.dk, context="order", signers=[self.own.pk])

    async def refuses(self, bodies: dict[str, object], **stated: Any) -> None:
        await self.opening.first(self.made, {"payload": PAYLOAD, "signer": self.own.pk})
        await self.opening.refuses(bodies, **stated)


@case("seal/signed/other-signer", "SEAL-SIG-02", "ISO-3004", why=FORGED,
      cause="the key that came along is believed", needs=(OPEN_SIGNED,))  # fmt: skip
async def other_signer(probe: HarnessProbe) -> None:
    """An envelope that somebody signed who is not expected is refused, also where nobody is."""
    at = Signed(probe)
    forged = signed(at.plain, at.stranger)
    await at.refuses({"a stranger": forged, "his key, our signature": {**at.made, "spk": forged["spk"]}})
    await at.opening.refuses({"nobody is expected": at.made}, signers=[])
    await at.opening.refuses({"somebody else is expected": at.made}, signers=[at.stranger.pk])


@case("seal/signed/unsigned", "SEAL-SIG-03", "ISO-3004", "ISO-6001", why="who takes the signature away is believed",
      cause="an envelope is verified only if it is signed", needs=(OPEN_SIGNED,))  # fmt: skip
async def unsigned(probe: HarnessProbe) -> None:
    """An envelope whose signature, or half of it, is gone is refused where a signer is expected."""
    at = Signed(probe)
    gone = {
        f"without {' and '.join(names)}": without(at.made, *names) for names in (("sig", "spk"), ("sig",), ("spk",))
    }
    await at.refuses(
        {**gone, "sig is null": {**at.made, "sig": None}, "both are empty": {**at.made, "sig": "", "spk": ""}}
    )


@case("seal/signed/forms", "SEAL-SIG-04", "ISO-3004", "ISO-6001", "ISO-6002", why=CRASH,
      cause="a library's error escapes, or any encoding of a key is taken", needs=(OPEN_SIGNED,))  # fmt: skip
async def forms(probe: HarnessProbe) -> None:
    """A sig or spk that is no text, not base64, or of another length or encoding is refused."""
    at = Signed(probe)
    bodies: dict[str, object] = {}
    for name, sizes in (("sig", (0, 64, 3308, 3310)), ("spk", (0, 1951, 1973, 1975))):
        text = at.made[name]
        bodies |= {f"{name} of {size} bytes": {**at.made, name: resized(text, size)} for size in sizes}
        spellings = ("?", text + "\n", f"{text[:8]} {text[8:]}", 7, [text], {"data": text})
        bodies |= {f"{name} {i}": {**at.made, name: value} for i, value in enumerate(spellings)}
    der = encode_spki(ML_DSA_65, at.own.pk)
    keys = {"of ML-DSA-44 by its name": der[:16] + b"\x11" + der[17:], "an unused bit": der[:21] + b"\x01" + der[22:],
            "22 zero bytes in front": bytes(22) + at.own.pk}  # fmt: skip
    bodies |= {f"spk: {note}": {**at.made, "spk": encode_base64(key)} for note, key in keys.items()}
    await at.refuses(bodies)


@case("seal/signed/forged", "SEAL-SIG-05", "ISO-3004", why=FORGED, cause="the signature is not verified, or its result "
      "is not looked at", needs=(OPEN_SIGNED,))  # fmt: skip
async def forged(probe: HarnessProbe) -> None:
    """A signature that is altered, of a stranger, of another envelope or under a context of ML-DSA is refused."""
    at = Signed(probe)
    text = signed_text(at.plain)
    sigs = {
        "under a context of ML-DSA": REFERENCE.ml_dsa_65_sign(at.own.sk, text, b"order", bytes(32)),
        "of the payload": REFERENCE.ml_dsa_65_sign(at.own.sk, PAYLOAD, b"", bytes(32)),
        "of the text without its context": REFERENCE.ml_dsa_65_sign(at.own.sk, text[:-5], b"", bytes(32)),
        "of a stranger": REFERENCE.ml_dsa_65_sign(at.stranger.sk, text, b"", bytes(32)),
        "of zeros": bytes(3309),
    }
    bodies: dict[str, object] = {note: {**at.made, "sig": encode_base64(sig)} for note, sig in sigs.items()}
    bodies |= {f"byte {i} altered": {**at.made, "sig": with_bit(at.made["sig"], i)} for i in (0, 60, 3308)}
    bodies["of another envelope"] = {**at.made, "sig": signed(at.to.sealed(context="order"), at.own)["sig"]}
    await at.refuses(bodies)


@case("seal/signed/altered", "SEAL-SIG-05", "ISO-3004", why="a signer is made to have sealed what he has not",
      cause="a part of the envelope is not in the text that is verified", needs=(OPEN_SIGNED,))  # fmt: skip
async def altered_signed(probe: HarnessProbe) -> None:
    """A signed envelope with an altered kem, n or ct, or that of another envelope, is refused for its signature."""
    at = Signed(probe)
    other = signed(at.to.sealed(context="order"), at.own)
    bodies: dict[str, object] = {
        f"a bit of {name}": {**at.made, name: with_bit(at.made[name])} for name in ("kem", "n", "ct")
    }
    bodies |= {f"{name} of another envelope": {**at.made, name: other[name]} for name in ("kem", "n", "ct")}
    renamed = {**signed(at.to.sealed(context="refund"), at.own), "ctx": "order"}
    await at.refuses({**bodies, "ctx rewritten to the expected one": renamed})


@case("seal/signed/context", "SEAL-CTX-02", "ISO-4001", why=OTHER_CONTEXT,
      cause="who is signed is taken for expected", needs=(OPEN_SIGNED,))  # fmt: skip
async def signed_context(probe: HarnessProbe) -> None:
    """A signed envelope of another context is refused, whatever the signature says."""
    at = Signed(probe)
    refund = at.to.sealed(context="refund")
    bodies: dict[str, object] = {"signed for another context": signed(refund, at.own),
                                 "signed without one": signed(at.to.sealed(), at.own),
                                 "rewritten, and signed again": signed({**refund, "ctx": "order"}, at.own)}  # fmt: skip
    await at.refuses(bodies)
