"""v1/response_seal: the sealed answer of a server, and the nonce that it must not have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nen_ref.primitives.chacha20_poly1305 import aead_encrypt, poly1305_key_gen
from nen_ref.vectors.alter import flipped_bit
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Found, Group, Test, VectorSuite, invalid, valid
from nen_ref.vectors.suites.body_tools import JSON_FLAGS, b64

SAME_NONCE = ("ISO-4002",)
BOTH_LAID_BARE = "request and answer are sealed under one key and nonce: their XOR is in the open, tags can be forged"

FLAGS = {
    "Basic": Flag("basic", "an answer as it is sent every day", "no client opens the answers of this server"),
    "EmptyPayload": Flag(
        "edge case",
        "the sealed empty payload, which stands for an answer without a body",
        "an answer of 204 goes out unsealed, or not at all",
        ("V1-RES-05",),
    ),
    "NonceOfTheRequest": Flag("missing check", "the nonce of the answer is that of the request", BOTH_LAID_BARE,
                              ("V1-RES-02", "RFC 8439, section 4")),
    "NonceNearTheRequest": Flag(
        "edge case",
        "the nonce of the answer differs from that of the request in one bit, in case of its text, or in order",
        "nonces are compared by a part of them, or as texts without case, and sound answers fail",
        ("V1-RES-02",),
    ),
    **{name: JSON_FLAGS[name] for name in ("JsonValue", "JsonUnicode")},
}  # fmt: skip

HELLO = '{"hello":"world"}'


def fixed(draw: Draw, found: Found) -> list[Group]:
    shared = {"secret": draw("secret")}
    n = b"\0" + draw("n", 11)
    near = (
        ("first-bit", "the nonces differ in their first bit", flipped_bit(n, 0, 7)),
        ("middle-bit", "the nonces differ in one bit of their middle", flipped_bit(n, 6, 3)),
        ("last-bit", "the nonces differ in their last bit", flipped_bit(n, -1)),
        ("reversed", "the nonce of the request in the other order", n[::-1]),
        ("zeros", "a nonce of zeros; that of the request begins with a zero, too", bytes(12)),
    )
    same = (
        ("drawn", "an ordinary nonce twice", n, HELLO),
        ("zeros", "the nonce of zeros twice", bytes(12), HELLO),
        ("ones", "the nonce of ff bytes twice", b"\xff" * 12, HELLO),
        ("one-at-the-end", "the nonce of zeros and a one at its end twice", bytes(11) + b"\1", HELLO),
        ("one-in-front", "the nonce of a one and zeros twice", b"\1" + bytes(11), HELLO),
        ("empty-payload", "the nonce of the request, though there is nothing to seal", draw("same/empty/n", 12), ""),
        ("null", "the nonce of the request for null", draw("same/null/n", 12), "null"),
        ("size-64", "the nonce of the request for a block of payload", draw("same/64/n", 12), f'"{"x" * 62}"'),
    )
    lower, upper = (bytes.fromhex(text) for text in ("69b71d79f8218a39259a7a29", "00108310518720928b30d38f"))
    assert b64(lower).upper() == b64(upper)
    return [
        Group("answers of all kinds", tuple(
            valid(id, comment, {"request_n": n, "n": draw(f"{id}/n", 12), "payload": payload}, flag)
            for id, comment, payload, flag in (
                ("object", "an object", HELLO, "Basic"),
                ("null", "null is an answer", "null", "JsonValue"),
                ("empty", "the empty payload of an answer without a body", "", "EmptyPayload"),
                ("unicode", "characters of two, three and four bytes", '"\u00fc\u4e16\U0001f510"', "JsonUnicode"),
            )
        ), shared),
        Group("nonces that are nearly that of the request", (
            *(
                valid(f"near-{id}", comment, {"request_n": n, "n": other, "payload": HELLO}, "NonceNearTheRequest")
                for id, comment, other in near
            ),
            valid("near-case", "the base64 texts of the nonces differ in case alone",
                  {"request_n": lower, "n": upper, "payload": HELLO}, "NonceNearTheRequest"),
        ), shared),
        Group("the nonce of the request", tuple(
            invalid(f"same-{id}", comment, {"request_n": nonce, "n": nonce, "payload": payload}, "NonceOfTheRequest",
                    codes=SAME_NONCE)
            for id, comment, nonce, payload in same
        ), shared),
    ]  # fmt: skip


def random(draw: Draw, i: int) -> Test:
    payload = f'{{"id":"{draw("payload", 1 + draw.below("size", 30)).hex()}"}}'
    given = {"secret": draw("secret"), "request_n": draw("request_n", 12), "n": draw("n", 12), "payload": payload}
    if i % 3 == 0:
        return valid(f"random-{i}", "a drawn answer", given, "Basic")
    given["n"] = given["request_n"]
    comment = "a drawn answer under the nonce of its request"
    return invalid(f"random-{i}", comment, given, "NonceOfTheRequest", codes=SAME_NONCE)


def intermediate(a: dict[str, Any]) -> Mapping[str, Any]:
    plain = a["payload"].encode()
    if a["n"] == a["request_n"]:
        return {"plaintext_length": len(plain)}
    return {
        "plaintext_length": len(plain),
        "poly1305_key": poly1305_key_gen(a["secret"], a["n"]),
        "tag": aead_encrypt(a["secret"], a["n"], plain)[-16:],
    }


SUITE = VectorSuite(
    name="v1/response_seal",
    title="Sealing an answer",
    operation="response.seal",
    covers=("V1-RES-01", "V1-RES-02"),
    flags=FLAGS,
    fixed=fixed,
    random=random,
    count=6,
    intermediate=intermediate,
)
