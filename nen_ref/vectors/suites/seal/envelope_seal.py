"""seal/envelope_seal: the envelope of a payload."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nen_ref.primitives.suite import REFERENCE
from nen_ref.vectors.alter import with_coefficient
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Found, Group, Test, VectorSuite, invalid, valid
from nen_ref.vectors.suites.seal_tools import KEY, SHAPE, Recipient, flags, info_of

CONTEXTS = (
    ("one-letter", "one letter", "x"),
    ("purpose", "a purpose with a colon", "upload:passport"),
    ("bar", "a vertical bar, which stands in front of a context too", "a|b"),
    ("bar-alone", "a vertical bar and nothing else", "|"),
    ("label", "the label of the key itself", "nen/seal v1 cek"),
    ("space", "a space", " "),
    ("spaces-around", "a letter between spaces", " x "),
    ("line-feed", "two lines", "two\nlines"),
    ("zero-character", "a character U+0000", "a\0b"),
    ("quotes", "quotes and a backslash, which JSON escapes", '"\\"'),
    ("composed", "a composed letter", "\u00fc"),
    ("decomposed", "the same letter decomposed: another context", "u\u0308"),
    ("three-bytes", "a character of three bytes", "\u2603"),
    ("four-bytes", "a character of four bytes, which is a pair of surrogates in JSON", "\U0001f510"),
    ("null", "the word null", "null"),
    ("long", "300 characters", "x" * 300),
)
NONCES = (
    ("nonce-of-zeros", "a nonce of zeros", bytes(12)),
    ("nonce-of-ones", "a nonce of ff bytes: its base64 text is all slashes", b"\xff" * 12),
    ("nonce-counting", "the nonce 000102 ... 0b: its order shows", bytes(range(12))),
)  # fmt: skip
SIZES = (0, 1, 15, 16, 17, 18, 63, 64, 65, 1024, 16_400)


def fixed(draw: Draw, found: Found) -> list[Group]:
    to = Recipient(draw)
    shared = {"ek": to.ek}
    return [
        Group("payloads of many sizes", tuple(_sizes(to, draw)), shared),
        Group("payloads that are no text", tuple(_bytes(to)), shared),
        Group("contexts", tuple(_contexts(to)), shared),
        Group("nonces of special bytes", tuple(
            valid(id, comment, {"payload": b"payload", "context": None, "m": draw(f"{id}/m"), "n": n}, "Basic")
            for id, comment, n in NONCES
        ), shared),
        Group("contexts that are none", (
            invalid("context-empty", "an empty context", _given(to, "context-empty", b"payload", ""), "ContextForm",
                    codes=SHAPE),
        ), shared),
        Group("keys that fail their check", tuple(_keys(to))),
    ]  # fmt: skip


def _given(to: Recipient, label: str, payload: bytes, context: str | None) -> dict[str, Any]:
    return {"payload": payload, "context": context, **to.draws(label)}


def _sizes(to: Recipient, draw: Draw) -> Iterator[Test]:
    for size in SIZES:
        given = _given(to, f"size-{size}", draw(f"size-{size}/payload", size), None)
        yield valid(f"size-{size}", f"a payload of {size} bytes", given, "PayloadSize")


def _bytes(to: Recipient) -> Iterator[Test]:
    payloads = (
        ("zeros", "zeros", bytes(20)),
        ("not-utf-8", "bytes that are no UTF-8", b"\xff\xfe\xc3("),
        ("line-end", "a line with its end, which stays", b"line\r\n"),
        ("text", "UTF-8 of two, three and four bytes", "w\u00f6rld \u2603 \U0001f510".encode()),
    )
    for id, comment, payload in payloads:
        yield valid(f"payload-{id}", comment, _given(to, f"payload-{id}", payload, None), "PayloadSize")


def _contexts(to: Recipient) -> Iterator[Test]:
    for id, comment, context in CONTEXTS:
        yield valid(f"context-{id}", f"context: {comment}", _given(to, f"context-{id}", b"payload", context), "Context")


def _keys(to: Recipient) -> Iterator[Test]:
    keys = (
        ("empty", "no bytes at all", b""),
        ("short", "without its last byte", to.ek[:-1]),
        ("long", "with a zero byte behind", to.ek + b"\0"),
        ("ml-kem-512", "the 800 bytes of a key of ML-KEM-512", to.ek[:800]),
        ("dk", "the decapsulation key in its place", to.dk),
        ("coefficient-3329", "the first coefficient is 3329", with_coefficient(to.ek, 0, 3329)),
        ("coefficient-4095", "the last coefficient is 4095", with_coefficient(to.ek, 767, 4095)),
    )
    for id, comment, ek in keys:
        given = {"ek": ek, **_given(to, f"key-{id}", b"payload", None)}
        yield invalid(f"key-{id}", f"the key: {comment}", given, "RecipientKey", codes=KEY)


def random(draw: Draw, i: int) -> Test:
    to = Recipient(draw)
    context = None if i % 3 == 0 else f"context {i}"
    given = {"ek": to.ek, **_given(to, "envelope", draw("payload", draw.below("size", 80)), context)}
    return valid(f"random-{i}", "a drawn key and payload", given, "Basic")


def intermediate(a: dict[str, Any]) -> Mapping[str, Any]:
    """What encapsulation gives, and the content key. Nothing of a key or a context that is refused."""
    if len(a["ek"]) != 1184 or a["context"] == "" or a["ek"][:2] == b"\x01\x1d":
        return {}
    shared_secret, _ = REFERENCE.ml_kem_768_encaps(a["ek"], a["m"])
    return {"ss": shared_secret, "cek": REFERENCE.hkdf_sha256(shared_secret, info_of(a["context"]), 32)}


SUITE = VectorSuite(
    name="seal/envelope_seal",
    title="Sealing an envelope",
    operation="seal.seal",
    covers=("SEAL-ENV-01", "SEAL-ENV-02"),
    flags=flags("Basic", "PayloadSize", "Context", "ContextForm", "RecipientKey"),
    fixed=fixed,
    random=random,
    count=6,
    intermediate=intermediate,
)
