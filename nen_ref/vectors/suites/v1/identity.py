"""v1/identity: the identity of a client, as a server checks it in a handshake."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256, sha512
from itertools import count
from typing import Any

from nen_ref.primitives import ml_dsa, ml_kem
from nen_ref.primitives.ml_dsa import ML_DSA_44, ML_DSA_65, ML_DSA_87
from nen_ref.primitives.ml_dsa_keys import encode_pkcs8_seed, encode_spki
from nen_ref.primitives.suite import REFERENCE
from nen_ref.protocol.wire import encode_base64
from nen_ref.vectors.alter import flipped
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Found, Group, Test, VectorSuite, invalid, valid
from nen_ref.vectors.suites.handshake_tools import (
    BASE64_FAULTS,
    SID,
    base64_faults,
    flags,
    key_pair,
    mistyped,
    server_values,
    text_of,
)

FORGED = ("ISO-3004",)  # V1-ID-01, V1-ID-03
UNREADABLE = ("ISO-3004", "ISO-6001", "ISO-6002")  # V1-ID-05
RIGHT = object()
"""In place of a member: the right text of it."""

FLAGS = flags(
    "JsonForms", "FurtherMembers", "MemberMistyped", "NumberArray", *BASE64_FAULTS, "TextForm", "OtherParameterSet",
    "WrongLength",
    Deterministic=Flag("basic", "a signature made with rnd of zeros", "no client with an identity can connect",
                       ("FIPS 204, algorithm 2", "V1-PRIM-06")),
    Hedged=Flag("basic", "a signature made with 32 drawn bytes as rnd, as most libraries do",
                "a server that signs itself and compares refuses it", ("FIPS 204, algorithm 2", "V1-PRIM-06")),
    BareKey=Flag("edge case", "sigPk is the bare key of 1952 bytes, which is accepted and never sent",
                 "clients that cannot write DER are shut out", ("V1-ID-04",)),
    HalfAnIdentity=Flag("missing check", "sigPk, sigOfPk or both have no text in them, or one of them is absent",
                        "an attacker strips the signature, and the server takes the client for an anonymous one",
                        ("V1-ID-03", "V1-ID-05")),
    WrongSigner=Flag("missing check", "the signature is valid under another key than the one in sigPk",
                     "anyone claims the identity of anyone else", ("V1-ID-01",)),
    WrongMessage=Flag("confusion", "the signature is not over the raw 1184 bytes of this handshake's key",
                      "a signature of another handshake, or for another purpose, proves the identity here",
                      ("V1-ID-01",)),
    WrongContext=Flag("confusion", "the right bytes signed under a context that is not empty, or by another interface",
                      "a signature that the key gave for another purpose proves an identity here",
                      ("FIPS 204, algorithms 2 to 5", "V1-PRIM-08")),
    SignatureAltered=Flag("missing check", "one bit of the signature is altered",
                          "signatures are not checked as a whole, or not at all",
                          ("FIPS 204, algorithm 8", "V1-ID-01")),
    KeyAltered=Flag("missing check", "one bit of the key in sigPk is altered",
                    "the signature is verified under a key from elsewhere", ("FIPS 204, algorithm 8", "V1-ID-01")),
    HintMalleability=Flag("malleability", "the hint of a valid signature in an encoding that FIPS 204 forbids",
                          "a second signature is made of one that was seen: what remembers handshakes is defeated",
                          ("FIPS 204, algorithm 21", "V1-PRIM-07")),
    NotDer=Flag("malleability", "what a lenient parser takes for a SubjectPublicKeyInfo, and is not that of RFC 9881",
                "one identity has many encodings: a key is pinned in one and shown in another",
                ("RFC 9881, section 4", "V1-ID-02", "V1-ID-05")),
    WrongAlgorithmIdentifier=Flag("confusion", "the key is in place, under the identifier of another algorithm",
                                  "a key is used under an algorithm that its owner did not mean",
                                  ("RFC 9881, section 2", "V1-ID-02")),
)  # fmt: skip


class Signer:
    """One handshake key, one identity, and bodies that have both."""

    def __init__(self, draw: Draw, ek: bytes) -> None:
        self.ek, self.pk_text = ek, encode_base64(ek)
        self.xi = draw("xi")
        self.pk, self.sk = REFERENCE.ml_dsa_65_keygen(self.xi)
        self.spki = encode_spki(ML_DSA_65, self.pk)
        self.sigma = self.sign(ek)

    def sign(self, message: bytes, ctx: bytes = b"", rnd: bytes = bytes(32)) -> bytes:
        return REFERENCE.ml_dsa_65_sign(self.sk, message, ctx, rnd)

    def body(self, sig_pk: Any = RIGHT, signature: Any = RIGHT) -> str:
        """The handshake body. Bytes stand for their base64 text, RIGHT for the right member, `...` for none."""
        members = {"sigPk": self.spki if sig_pk is RIGHT else sig_pk,
                   "sigOfPk": self.sigma if signature is RIGHT else signature}  # fmt: skip
        texts = {name: encode_base64(value) if isinstance(value, bytes) else value for name, value in members.items()}
        return text_of({"pk": self.pk_text} | {name: value for name, value in texts.items() if value is not ...})

    def forged(self, id: str, comment: str, signature: bytes, flag: str) -> Test:
        """A vector whose signature can be read and is not valid."""
        return invalid(id, comment, {"body": self.body(signature=signature)}, flag, codes=FORGED)


def fixed(draw: Draw, found: Found) -> list[Group]:
    ek, _ = key_pair(draw)
    own = Signer(draw, ek)
    shared = {"m": draw("m"), "hmac_key": draw("hmac_key"), "sid": SID}
    return [
        Group("identities that are sound", tuple(sound(draw, own)), shared, ("V1-PRIM-06",)),
        Group("half of an identity", tuple(halves(own)), shared, ("V1-ID-03", "V1-ID-05")),
        Group("signatures of something else", (*other_messages(draw, own), *other_contexts(own)), shared,
              ("V1-ID-01", "V1-PRIM-08")),
        Group("signatures of somebody else", tuple(other_signers(draw, own)), shared, ("V1-ID-01",)),
        Group("signatures that were altered", (*altered(own), *hints(draw, own)), shared, ("V1-ID-01", "V1-PRIM-07")),
        Group("encodings of the key", (*not_der(own), *other_algorithms(draw, own), *other_forms(own)), shared,
              ("V1-ID-02", "V1-ID-05")),
        Group("members that cannot be read", (*wrong_types(own), *wrong_lengths(own), *not_base64(own)), shared,
              ("V1-ID-05",)),
    ]  # fmt: skip


def sound(draw: Draw, own: Signer) -> Iterator[Test]:
    hedged = own.sign(own.ek, rnd=draw("rnd"))
    body = own.body()
    backwards = text_of({"sigOfPk": encode_base64(own.sigma), "sigPk": encode_base64(own.spki), "pk": own.pk_text})
    yield valid("deterministic", "a deterministic signature", {"body": body}, "Deterministic")
    yield valid("hedged", "a hedged signature", {"body": own.body(signature=hedged)}, "Hedged")
    yield valid("bare-key", "the bare key", {"body": own.body(own.pk)}, "BareKey", covers=("V1-ID-04",))
    yield valid("members-backwards", "sigOfPk and sigPk before pk", {"body": backwards}, "JsonForms")
    yield valid("further-member", "a further member signPk, which is not sigPk",
                {"body": body[:-1] + ',"signPk":null}'}, "FurtherMembers")  # fmt: skip


def halves(own: Signer) -> Iterator[Test]:
    wrong: dict[str, tuple[str, str, tuple[str, ...]]] = {
        "key-alone": ("sigPk without sigOfPk", own.body(signature=...), FORGED),
        "signature-alone": ("sigOfPk without sigPk", own.body(sig_pk=...), FORGED),
        "key-null": ("sigPk is null", own.body(sig_pk=None), UNREADABLE),
        "signature-null": ("sigOfPk is null", own.body(signature=None), UNREADABLE),
        "both-null": ("both members are null", own.body(None, None), UNREADABLE),
        "key-empty": ("sigPk is the empty text", own.body(sig_pk=""), UNREADABLE),
        "signature-empty": ("sigOfPk is the empty text", own.body(signature=""), UNREADABLE),
        "both-empty": ("both members are the empty text", own.body("", ""), UNREADABLE),
    }
    for id, (comment, body, codes) in wrong.items():
        yield invalid(id, comment, {"body": body}, "HalfAnIdentity", codes=codes)


def other_messages(draw: Draw, own: Signer) -> Iterator[Test]:
    messages = {
        "over-base64": ("the base64 text of ek", own.pk_text.encode()),
        "over-body": ('the body {"pk": ...}', own.body(..., ...).encode()),
        "over-sha256": ("SHA-256 of ek", sha256(own.ek).digest()),
        "over-h-of-ek": ("H(ek), which is SHA3-256", ml_kem.H(own.ek)),
        "over-another-ek": ("the key of another handshake", key_pair(draw, "other key").ek),
        "over-ek-and-more": ("ek and a zero byte", own.ek + b"\0"),
        "over-ek-without-rho": ("the first 1152 bytes of ek", own.ek[:1152]),
        "over-prefixed-ek": ("ek with the two bytes 00 00 in front, as if there were no interface to add them",
                             b"\0\0" + own.ek),
    }  # fmt: skip
    for id, (comment, message) in messages.items():
        yield own.forged(id, f"a signature over {comment}", own.sign(message), "WrongMessage")


def other_contexts(own: Signer) -> Iterator[Test]:
    oid_sha512 = bytes.fromhex("0609608648016503040203")
    hashed = b"\x01\x00" + oid_sha512 + sha512(own.ek).digest()
    contexts = {
        "context-zero-byte": ("a context of one zero byte", b"\0"),
        "context-nen": ("the context nen", b"nen"),
    }
    for id, (comment, ctx) in contexts.items():
        yield own.forged(id, f"a signature under {comment}", own.sign(own.ek, ctx), "WrongContext")
    internal = ml_dsa.sign_internal(ML_DSA_65, own.sk, own.ek, bytes(32))
    yield own.forged("internal-interface", "a signature over ek by ML-DSA.Sign_internal, without the bytes 00 00",
                     internal, "WrongContext")  # fmt: skip
    yield own.forged("hash-ml-dsa", "a signature of HashML-DSA-65 with SHA-512",
                     ml_dsa.sign_internal(ML_DSA_65, own.sk, hashed, bytes(32)), "WrongContext")  # fmt: skip


def other_signers(draw: Draw, own: Signer) -> Iterator[Test]:
    stranger = Signer(draw.under("stranger"), own.ek)
    yield own.forged("signature-of-another", "the signature of another identity over this ek", stranger.sigma,
                     "WrongSigner")  # fmt: skip
    yield invalid("bare-key-signature-of-another", "the same under the bare key",
                  {"body": own.body(own.pk, stranger.sigma)}, "WrongSigner", codes=FORGED)  # fmt: skip
    for id, comment, position in (("rho", "the first bit of rho", 22), ("t1", "the last bit of t1", -1)):
        wrong = flipped(own.spki, position, 1 if position > 0 else 0x80)
        yield invalid(f"key-altered-in-{id}", f"{comment} in sigPk is altered", {"body": own.body(wrong)}, "KeyAltered",
                      codes=FORGED)  # fmt: skip


def altered(own: Signer) -> Iterator[Test]:
    positions = {
        "first-byte": ("the first bit of c~", 0, 1),
        "end-of-c": ("the last bit of c~", 47, 0x80),
        "first-of-z": ("the first bit of z", 48, 1),
        "last-of-z": ("the last bit of z", 3247, 0x80),
        "last-of-hint": ("the lowest bit of the last byte: another number of hints", 3308, 1),
    }
    for id, (comment, position, bits) in positions.items():
        yield own.forged(
            f"altered-{id}", f"{comment} is altered", flipped(own.sigma, position, bits), "SignatureAltered"
        )
    yield own.forged("signature-of-zeros", "3309 zero bytes", bytes(3309), "SignatureAltered")


def hints(draw: Draw, own: Signer) -> Iterator[Test]:
    """A decoder that leaves out the checks of algorithm 21 reads the very same hint."""
    sigma = next(filter(_roomy, (own.sign(own.ek, rnd=draw(f"hint/{i}")) for i in count())))
    head, places, ends = sigma[:3248], sigma[3248:3303], sigma[3303:]
    again = places[:1] + places[:-1]
    yield own.forged("hint-descends", "the first two places of the hint are exchanged",
                     head + places[1::-1] + places[2:] + ends, "HintMalleability")  # fmt: skip
    yield own.forged("hint-place-twice", "the first place of the hint is named twice",
                     head + again + bytes(end + 1 for end in ends), "HintMalleability")  # fmt: skip
    yield own.forged("hint-unused-byte", "the last unused byte of the hint is not zero",
                     head + places[:-1] + b"\x01" + ends, "HintMalleability")  # fmt: skip


def _roomy(sigma: bytes) -> bool:
    """Whether a hint has room for one place more, and two places in its first polynomial."""
    return sigma[3303] >= 2 and sigma[-1] <= 53


def not_der(own: Signer) -> Iterator[Test]:
    spki, pk = own.spki, own.pk
    oid = spki[6:17]
    wrong = {
        "null-parameters": ("NULL as parameters", "308207b4300d", oid, "0500038207a100", pk),
        "unused-bit": ("one unused bit in the BIT STRING", "308207b2300b", oid, "038207a101", pk),
        "byte-behind": ("a zero byte after the structure", "308207b2300b", oid, "038207a100", pk + b"\0"),
        "byte-behind-the-key": ("a zero byte after the key, inside of the BIT STRING", "308207b3300b", oid,
                                "038207a200", pk + b"\0"),
        "member-behind": ("an OCTET STRING after the BIT STRING, inside of the structure", "308207b4300b", oid,
                          "038207a100", pk + b"\x04\0"),
        "key-too-short": ("a key without its last byte, all lengths as they have to be", "308207b1300b", oid,
                          "038207a000", pk[:-1]),
        "cut": ("without the last byte", "308207b2300b", oid, "038207a100", pk[:-1]),
        "long-outer-length": ("the outer length in three bytes, where two do", "30830007b2300b", oid, "038207a100", pk),
        "long-inner-length": ("an inner length in two bytes, where one does", "308207b330810b", oid, "038207a100", pk),
        "indefinite-length": ("the indefinite length of BER", "3080300b", oid, "038207a100", pk + b"\0\0"),
        "octet-string": ("an OCTET STRING in place of the BIT STRING", "308207b2300b", oid, "048207a100", pk),
    }  # fmt: skip
    for id, (comment, head, identifier, middle, key) in wrong.items():
        made = bytes.fromhex(head) + identifier + bytes.fromhex(middle) + key
        yield invalid(f"spki-{id}", f"sigPk: {comment}", {"body": own.body(made)}, "NotDer", codes=UNREADABLE)


def other_algorithms(draw: Draw, own: Signer) -> Iterator[Test]:
    begin, rest = own.spki[:4], own.spki[17:]
    identifiers = {
        "id-ml-dsa-44": own.spki[4:16] + b"\x11",
        "id-ml-dsa-87": own.spki[4:16] + b"\x13",
        "id-hash-ml-dsa-65-with-sha512": own.spki[4:16] + b"\x21",
    }
    for name, identifier in identifiers.items():
        yield invalid(f"spki-{name}", f"sigPk: the right key under the identifier {name}",
                      {"body": own.body(begin + identifier + rest)}, "WrongAlgorithmIdentifier",
                      codes=UNREADABLE)  # fmt: skip
    for params in (ML_DSA_44, ML_DSA_87):
        pk, sk = ml_dsa.keygen_internal(params, draw(f"{params.name}/xi"))
        sigma = ml_dsa.sign(params, sk, own.ek, b"", bytes(32))
        yield invalid(params.name.lower(), f"a whole identity of {params.name}, valid in itself",
                      {"body": own.body(encode_spki(params, pk), sigma)}, "OtherParameterSet",
                      codes=UNREADABLE)  # fmt: skip


def other_forms(own: Signer) -> Iterator[Test]:
    wrong: dict[str, tuple[str, bytes | str]] = {
        "pkcs8": ("the seed of the identity in PKCS#8", encode_pkcs8_seed(ML_DSA_65, own.xi)),
        "pem": ("PEM", f"-----BEGIN PUBLIC KEY-----\n{encode_base64(own.spki)}\n-----END PUBLIC KEY-----\n"),
        "bare-key-in-zeros": ("22 zero bytes and the key", bytes(22) + own.pk),
    }
    for id, (comment, value) in wrong.items():
        yield invalid(f"key-{id}", f"sigPk is {comment}", {"body": own.body(value)}, "TextForm", codes=UNREADABLE)


def wrong_types(own: Signer) -> Iterator[Test]:
    for id, comment, value in mistyped(encode_base64(own.spki)):
        if id not in ("number", "array-of-text", "object"):
            continue
        yield invalid(f"key-{id}", f"sigPk is {comment}", {"body": own.body(sig_pk=value)}, "MemberMistyped",
                      codes=UNREADABLE)  # fmt: skip
    for id, comment, value in mistyped(encode_base64(own.sigma)):
        if id not in ("number", "true"):
            continue
        yield invalid(f"signature-{id}", f"sigOfPk is {comment}", {"body": own.body(signature=value)}, "MemberMistyped",
                      codes=UNREADABLE)  # fmt: skip
    yield invalid("key-array-of-numbers", "sigPk is the array of its bytes", {"body": own.body(list(own.spki))},
                  "NumberArray", codes=UNREADABLE, covers=("V1-WIRE-03",))  # fmt: skip


def wrong_lengths(own: Signer) -> Iterator[Test]:
    sizes = {
        "signature-short": ("sigOfPk without its last byte", RIGHT, own.sigma[:-1]),
        "signature-long": ("sigOfPk with a zero byte behind", RIGHT, own.sigma + b"\0"),
        "signature-byte-in-front": ("sigOfPk with a zero byte in front", RIGHT, b"\0" + own.sigma),
        "bare-key-short": ("the bare key without its last byte", own.pk[:-1], RIGHT),
        "bare-key-long": ("the bare key with a zero byte behind", own.pk + b"\0", RIGHT),
    }
    for id, (comment, sig_pk, signature) in sizes.items():
        yield invalid(id, comment, {"body": own.body(sig_pk, signature)}, "WrongLength", codes=UNREADABLE)


def not_base64(own: Signer) -> Iterator[Test]:
    """Each kind of fault in one of the members: most servers read both by one decoder, and bodies are long."""
    of_key = ("line-feed-at-end", "exclamation-mark", "padding-not-needed")
    of_signature = ("space-inside", "url-safe", "padding-inside", "zero-character")
    for fault in base64_faults(own.spki):
        if fault.id in of_key:
            yield invalid(f"key-base64-{fault.id}", f"sigPk: {fault.comment}", {"body": own.body(sig_pk=fault.text)},
                          fault.flag, codes=UNREADABLE)  # fmt: skip
    for fault in base64_faults(own.sigma):
        if fault.id in of_signature:
            yield invalid(f"signature-base64-{fault.id}", f"sigOfPk: {fault.comment}",
                          {"body": own.body(signature=fault.text)}, fault.flag, codes=UNREADABLE)  # fmt: skip
    bits = next(fault for fault in base64_faults(own.pk) if fault.flag == "Base64UnusedBits")
    yield invalid("bare-key-base64-unused-bits", f"the bare key: {bits.comment}", {"body": own.body(sig_pk=bits.text)},
                  bits.flag, codes=UNREADABLE)  # fmt: skip


def random(draw: Draw, i: int) -> Test:
    own = Signer(draw, key_pair(draw).ek)
    shared = {"m": draw("m"), "hmac_key": draw("hmac_key"), "sid": SID}
    if i % 2:
        given = shared | {"body": own.body(signature=own.sign(own.ek, rnd=draw("rnd")))}
        return valid(f"random-{i}", "a drawn identity", given, "Hedged")
    position = draw.below("position", 3309)
    sigma = flipped(own.sigma, position, 1 << draw.below("bit", 8))
    return invalid(f"random-{i}", f"one bit of byte {position} of the signature altered",
                   shared | {"body": own.body(signature=sigma)}, "SignatureAltered", codes=FORGED)  # fmt: skip


def intermediate(a: dict[str, Any]) -> Mapping[str, Any]:
    """What concerns the identity: M' is 00 00 || ek, `tr` and `mu` as in FIPS 204, algorithm 8."""
    shown = ("ek_bytes", "sigPk_bytes", "sigPk_begins", "sigOfPk_bytes", "tr", "mu")
    return {name: value for name, value in server_values(a).items() if name in shown}


SUITE = VectorSuite(
    name="v1/identity",
    title="The identity of a client",
    operation="handshake.respond",
    covers=("V1-ID-01",),
    flags=FLAGS,
    fixed=fixed,
    random=random,
    count=4,
    intermediate=intermediate,
)
