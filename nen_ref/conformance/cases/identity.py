"""Client identity: section 3 of the specification."""

from __future__ import annotations

import hashlib
from functools import cache

from nen_ref.conformance.model import ACCEPTED
from nen_ref.conformance.probe import Probe
from nen_ref.conformance.randomness import random_bytes
from nen_ref.conformance.registry import case
from nen_ref.primitives import ml_dsa
from nen_ref.primitives.ml_dsa import ML_DSA_44, ML_DSA_65
from nen_ref.primitives.ml_dsa_keys import encode_spki
from nen_ref.protocol.identity import Identity
from nen_ref.protocol.wire import decode_base64, encode_base64

FORGED = "anyone could claim the identity of anyone else"
HALF = "an attacker strips half of an identity, and the server takes the client for an anonymous one"


@cache
def identity() -> Identity:
    """One identity for the whole run; keys of its kind are slow to make."""
    return Identity.from_seed(random_bytes(32))


def members(
    ek: bytes, *, message: bytes | None = None, ctx: bytes = b"", who: Identity | None = None
) -> dict[str, str]:
    who = who or identity()
    signature = ml_dsa.sign(ML_DSA_65, who.sk, ek if message is None else message, ctx, bytes(32))
    return {
        "pk": encode_base64(ek),
        "sigPk": encode_base64(encode_spki(ML_DSA_65, who.pk)),
        "sigOfPk": encode_base64(signature),
    }


def flipped(text: str, position: int) -> str:
    """The base64 text with one bit of its bytes changed."""
    data = bytearray(decode_base64(text))
    data[position] ^= 1
    return encode_base64(bytes(data))


@case(
    "v1/identity/accepted",
    "V1-ID-01",
    ACCEPTED,
    why="clients with an identity could not connect",
    cause="the signature is verified over something else than the raw bytes of pk, or with a context",
    only=("v1", "v2"),
)
async def accepted(probe: Probe) -> None:
    """A handshake with a right identity makes a session that works."""
    session = await probe.session(identity())
    probe.judge(await probe.echo(session))


@case(
    "v1/identity/hedged-signature",
    "V1-ID-01",
    ACCEPTED,
    why="most libraries sign hedged: no two signatures are alike",
    cause="the server signs itself and compares, instead of verifying",
    only=("v1", "v2"),
)
async def hedged_signature(probe: Probe) -> None:
    """A hedged signature is as good as a deterministic one."""
    ek = probe.hello().ek
    signature = ml_dsa.sign(ML_DSA_65, identity().sk, ek, b"", random_bytes(32))
    probe.judge(await probe.handshake(**members(ek) | {"sigOfPk": encode_base64(signature)}))


@case(
    "v1/identity/bare-key",
    "V1-ID-04",
    ACCEPTED,
    why="clients that cannot write DER are shut out",
    cause="only SubjectPublicKeyInfo is read",
    only=("v1", "v2"),
)
async def bare_key(probe: Probe) -> None:
    """The bare 1952-byte public key is accepted as sigPk."""
    probe.judge(await probe.handshake(**members(probe.hello().ek) | {"sigPk": encode_base64(identity().pk)}))


@case(
    "v1/identity/signature-altered",
    "V1-ID-01",
    "ISO-3004",
    why=FORGED,
    cause="the signature is not verified, or its result is ignored",
    only=("v1", "v2"),
)
async def signature_altered(probe: Probe) -> None:
    """A signature with one bit changed, at its beginning, in its middle or at its end, is refused."""
    right = members(probe.hello().ek)
    for position in (0, 47, 1600, 3200, 3308):
        wrong = right | {"sigOfPk": flipped(right["sigOfPk"], position)}
        probe.judge(await probe.handshake(**wrong), f"byte {position}")


@case(
    "v1/identity/signature-of-another-key",
    "V1-ID-01",
    "ISO-3004",
    why="a recorded identity could be put before any handshake",
    cause="the signature is verified over a message that the client sends, not over the pk of this handshake",
    only=("v1", "v2"),
)
async def signature_of_another_key(probe: Probe) -> None:
    """A right signature over the pk of another handshake is refused."""
    probe.judge(await probe.handshake(**members(probe.hello().ek, message=probe.hello().ek)))


@case(
    "v1/identity/another-signer",
    "V1-ID-01",
    "ISO-3004",
    why=FORGED,
    cause="the signature is verified under a fixed or cached key",
    only=("v1", "v2"),
)
async def another_signer(probe: Probe) -> None:
    """A signature by another key than the one in sigPk is refused."""
    other = Identity.from_seed(random_bytes(32))
    right = members(probe.hello().ek)
    probe.judge(await probe.handshake(**right | {"sigPk": encode_base64(encode_spki(ML_DSA_65, other.pk))}))


@case(
    "v1/identity/signature-over-text",
    "V1-ID-01",
    "ISO-3004",
    why="implementations that sign the text and the bytes do not understand each other",
    cause="the base64 text of pk is verified instead of its 1184 bytes",
    only=("v1", "v2"),
)
async def signature_over_text(probe: Probe) -> None:
    """A signature over the base64 or hex text of pk, its hash, its beginning or nothing is refused."""
    ek = probe.hello().ek
    messages = {
        "the base64 text": encode_base64(ek).encode(),
        "nothing": b"",
        "a hash": hashlib.sha256(ek).digest(),
        "the first 32 bytes": ek[:32],
        "the hex text": ek.hex().encode(),
    }
    for note, message in messages.items():
        probe.judge(await probe.handshake(**members(ek, message=message)), f"over {note}")


@case(
    "v1/identity/signature-with-context",
    "V1-ID-01",
    "ISO-3004",
    why="a signature made for another purpose would pass here",
    cause="the context string is not passed to the verification",
    only=("v1", "v2"),
)
async def signature_with_context(probe: Probe) -> None:
    """A signature with a context string is refused: Nen's is empty."""
    probe.judge(await probe.handshake(**members(probe.hello().ek, ctx=b"nen")))


@case(
    "v1/identity/malleable-signature",
    "V1-ID-01",
    "ISO-3004",
    why="a second valid text of one signature defeats whatever remembers signatures it has seen",
    cause="the hint is decoded without the check that its indices increase (FIPS 204, algorithm 21)",
    only=("v1", "v2"),
)
async def malleable_signature(probe: Probe) -> None:
    """A signature whose hint repeats an index, as a lenient decoder accepts, is refused."""
    right = members(probe.hello().ek)
    signature = decode_base64(right["sigOfPk"])
    probe.judge(await probe.handshake(**right | {"sigOfPk": encode_base64(_repeat_hint_index(signature))}))


def _repeat_hint_index(signature: bytes) -> bytes:
    """The same hint with the last index of its last non-empty polynomial named twice; omega is never full by chance."""
    omega, k = ML_DSA_65.omega, ML_DSA_65.k
    body, hint = signature[: -omega - k], bytearray(signature[-omega - k :])
    total = hint[omega + k - 1]
    first_full = next(i for i in range(k) if hint[omega + i] == total)  # the counts stay at the total from here on
    hint[total] = hint[total - 1]
    for i in range(first_full, k):
        hint[omega + i] = total + 1
    return body + bytes(hint)


@case(
    "v1/identity/key-without-signature",
    "V1-ID-03",
    "ISO-3004",
    why=HALF,
    cause="the identity is verified only if both members are there",
    only=("v1", "v2"),
)
async def key_without_signature(probe: Probe) -> None:
    """sigPk without sigOfPk is refused."""
    right = members(probe.hello().ek)
    probe.judge(await probe.handshake(pk=right["pk"], sigPk=right["sigPk"]))


@case(
    "v1/identity/signature-without-key",
    "V1-ID-03",
    "ISO-3004",
    why=HALF,
    cause="the identity is verified only if both members are there",
    only=("v1", "v2"),
)
async def signature_without_key(probe: Probe) -> None:
    """sigOfPk without sigPk is refused."""
    right = members(probe.hello().ek)
    probe.judge(await probe.handshake(pk=right["pk"], sigOfPk=right["sigOfPk"]))


@case(
    "v1/identity/mistyped",
    "V1-ID-05",
    "ISO-3004",
    "ISO-6001",
    "ISO-6002",
    "ISO-1001",
    why=HALF,
    cause="an identity of the wrong type is treated as none",
    only=("v1", "v2"),
)
async def mistyped(probe: Probe) -> None:
    """An identity whose members are numbers, arrays, objects or null is refused."""
    right: dict[str, object] = dict(members(probe.hello().ek))
    wrong: list[object] = [7, [1, 2, 3], {}, True, None]
    for name in ("sigPk", "sigOfPk"):
        for value in wrong:
            probe.judge(await probe.handshake(**right | {name: value}), f"{name}: {value!r}")


@case(
    "v1/identity/undecodable",
    "V1-ID-05",
    "ISO-3004",
    "ISO-6001",
    "ISO-6002",
    "ISO-1001",
    why=HALF,
    cause="the decoder's exception escapes, or is swallowed",
    only=("v1", "v2"),
)
async def undecodable(probe: Probe) -> None:
    """An identity whose members are empty or not base64 is refused."""
    right = members(probe.hello().ek)
    for name in ("sigPk", "sigOfPk"):
        for text in ("", "!!!!", right[name][:-2]):
            probe.judge(await probe.handshake(**right | {name: text}), f"{name}: {text[:8]!r}")


@case(
    "v1/identity/signature-wrong-length",
    "V1-ID-05",
    "ISO-3004",
    "ISO-6001",
    "ISO-6002",
    why=FORGED,
    cause="the length of the signature is left to the library",
    only=("v1", "v2"),
)
async def signature_wrong_length(probe: Probe) -> None:
    """A signature that is cut short, lengthened or empty is refused."""
    right = members(probe.hello().ek)
    signature = decode_base64(right["sigOfPk"])
    for note, wrong in (("3308 bytes", signature[:-1]), ("3310 bytes", signature + b"\0"), ("1 byte", b"\0")):
        probe.judge(await probe.handshake(**right | {"sigOfPk": encode_base64(wrong)}), note)


@case(
    "v1/identity/key-encoding",
    "V1-ID-05",
    "ISO-3004",
    "ISO-6001",
    "ISO-6002",
    why="a key with several encodings is pinned in one and presented in another",
    cause="the DER prefix is skipped rather than checked",
    only=("v1", "v2"),
)
async def key_encoding(probe: Probe) -> None:
    """A sigPk with NULL parameters, another algorithm, unused bits, bytes too many or too few is refused."""
    right = members(probe.hello().ek)
    spki = encode_spki(ML_DSA_65, identity().pk)
    prefix, key = spki[:22], spki[22:]
    other = encode_spki(ML_DSA_44, bytes(ML_DSA_44.pk_size))
    variants = {
        "another algorithm's identifier": prefix.replace(b"\x03\x12", b"\x03\x11") + key,
        "unused bits in the BIT STRING": prefix[:-1] + b"\x01" + key,
        "a byte after the structure": spki + b"\0",
        "a byte missing": spki[:-1],
        "ML-DSA-44": other,
        "NULL parameters": bytes.fromhex("308207b4300d06096086480165030403120500038207a100") + key,
        "prefix alone": prefix,
    }
    for note, wrong in variants.items():
        probe.judge(await probe.handshake(**right | {"sigPk": encode_base64(wrong)}), note)


@case(
    "v1/identity/refused-makes-no-session",
    "V1-ID-01",
    "ISO-3004",
    why="a session before the check is a session without it",
    cause="the session is made first and the identity checked afterwards",
    only=("v1", "v2"),
)
async def refused_makes_no_session(probe: Probe) -> None:
    """The refusal of an identity carries neither session id nor ciphertext."""
    right = members(probe.hello().ek)
    reply = await probe.handshake(**right | {"sigOfPk": flipped(right["sigOfPk"], 100)})
    probe.judge(reply)
    probe.ensure(
        not any(name in reply.body for name in (b'"sid"', b'"ct"', b'"hmac"')), "the refusal holds parts of a session"
    )


@case(
    "v1/identity/other-algorithm",
    "V1-ID-02",
    "ISO-3004",
    "ISO-6001",
    "ISO-6002",
    why="a weaker algorithm that is accepted too is the one an attacker chooses",
    cause="the algorithm is taken from the key instead of being ML-DSA-65 and no other",
    only=("v1", "v2"),
)
async def other_algorithm(probe: Probe) -> None:
    """An identity of ML-DSA-44, key and signature right in themselves, is refused."""
    ek = probe.hello().ek
    pk, sk = ml_dsa.keygen_internal(ML_DSA_44, random_bytes(32))
    signature = ml_dsa.sign(ML_DSA_44, sk, ek, b"", bytes(32))
    probe.judge(
        await probe.handshake(
            pk=encode_base64(ek), sigPk=encode_base64(encode_spki(ML_DSA_44, pk)), sigOfPk=encode_base64(signature)
        )
    )
