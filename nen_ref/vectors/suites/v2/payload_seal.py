"""v2/payload_seal: the body `{"ct"}` of a request, whose nonce is in a header."""

from __future__ import annotations

from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Found, Group, Test, VectorSuite, valid
from nen_ref.vectors.suites.v1.payload_seal import NONCES, PAYLOADS
from nen_ref.vectors.suites.v1.payload_seal import SUITE as V1

SHARED = ("NonceBytes", "JsonValue", "JsonWhiteSpace", "JsonUnicode", "JsonEscape")
FLAGS = {name: V1.flags[name] for name in SHARED} | {
    "Basic": Flag("basic", "a payload as it is sent every day", "no server opens what this client seals"),
    "PayloadSize": Flag("edge case", "payloads at the borders of the blocks of ChaCha20 and Poly1305",
                        "payloads of some lengths do not open", ("RFC 8439, section 2.4",)),
}  # fmt: skip

HELLO = '{"hello":"world"}'


def fixed(draw: Draw, found: Found) -> list[Group]:
    shared = {"secret": draw("secret")}
    sizes = (1, 15, 16, 17, 63, 64, 65, 1024)
    return [
        Group("payloads of many sizes", tuple(
            valid(f"size-{size}", f"a payload of {size} bytes",
                  {"n": draw(f"size-{size}/n", 12), "payload": "7" * size}, "PayloadSize")
            for size in sizes
        ), shared),
        Group("nonces", tuple(
            valid(id, comment, {"n": n, "payload": HELLO}, "NonceBytes") for id, comment, n in NONCES
        ), shared),
        Group("payloads of all kinds of JSON", tuple(
            valid(id, id, {"n": draw(f"{id}/n", 12), "payload": payload}, flag) for id, payload, flag in PAYLOADS
        ), shared),
    ]  # fmt: skip


def random(draw: Draw, i: int) -> Test:
    payload = f'{{"id":"{draw("payload", 1 + draw.below("size", 60)).hex()}"}}'
    return valid(f"random-{i}", "a drawn payload", {"secret": draw("secret"), "n": draw("n", 12), "payload": payload},
                 "Basic")  # fmt: skip


SUITE = VectorSuite(
    name="v2/payload_seal",
    title="Sealing a payload, its nonce in a header",
    operation="payload.seal_v2",
    covers=("V2-REQ-01",),
    flags=FLAGS,
    fixed=fixed,
    random=random,
    count=5,
)
