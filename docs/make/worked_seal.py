"""Worked examples of sealed envelopes: each ends with the answer that a vector has."""

from __future__ import annotations

import json
from collections.abc import Callable

from docs.make.worked_model import Example, Final, Make, Step, Vector, vector
from nen_ref.primitives.suite import REFERENCE
from nen_ref.protocol.errors import NenError
from nen_ref.protocol.identity import Identity
from nen_ref.protocol.messages import Headers
from nen_ref.protocol.seal import (
    Members,
    expected_info,
    new_key,
    open_sealed,
    opening_key,
    read_envelope,
    read_sealed,
    seal_to,
)
from nen_ref.protocol.seal_fields import open_fields, seal_fields
from nen_ref.protocol.seal_framed import Size, frame_key, open_framed, seal_framed
from nen_ref.protocol.seal_media import open_media, seal_media
from nen_ref.protocol.seal_signed import claimed_signer, open_signed, seal_signed, signed_text
from nen_ref.protocol.seal_webhook import open_webhook, seal_webhook
from nen_ref.protocol.wire import decode_base64, dump_json, parse_json_object

RND = bytes(32)  # of the deterministic signatures of the vectors


def sealing() -> Example:
    found = vector("seal/envelope_seal/context-purpose")
    given = found.input
    made = seal_to(given["ek"], given["payload"], context=given["context"], m=given["m"], n=given["n"])
    shared, _ = REFERENCE.ml_kem_768_encaps(given["ek"], given["m"])
    key, _ = new_key(given["ek"], given["context"], given["m"])
    steps = [
        Step("payload", given["payload"]),
        Step("context", given["context"]),
        Step("m", given["m"], "32 fresh random bytes"),
        Step("secret of ML-KEM", shared),
        Step("content key", key, f"HKDF under nen/seal v1 cek|{given['context']}"),
        Step("without a context", new_key(given["ek"], None, given["m"])[0], "another key"),
        Step("n", given["n"], "12 fresh random bytes"),
    ]
    return Example(found, steps, [_body(found, made)])


def opening() -> Example:
    found = vector("seal/envelope_open/context-purpose")
    given = found.input
    envelope = read_envelope(given["body"].encode())
    kem, sealed = read_sealed(envelope)
    key = opening_key(given["dk"], kem, expected_info(envelope, given["context"]))

    def expecting(context: str | None) -> str:
        return _code(lambda: open_sealed(given["dk"], envelope, context=context))

    steps = [
        Step("body", given["body"]),
        Step("context, of the opener", given["context"]),
        Step("content key", key),
        Step("n", sealed.n),
        Step("where another context is expected", expecting("upload:photo")),
        Step("where none is", expecting(None)),
    ]
    payload = open_sealed(given["dk"], envelope, context=given["context"])
    return Example(found, steps, [Final("payload", payload, found.output["payload"], "payload")])


def signing() -> Example:
    found = vector("seal/signed_seal/context-purpose")
    given = found.input
    identity = Identity.from_seed(given["signer_seed"])
    made = seal_signed(
        given["ek"], identity, given["payload"], context=given["context"], m=given["m"], n=given["n"], rnd=RND
    )
    steps = [
        Step("payload", given["payload"]),
        Step("key of the signer", identity.pk),
        Step("what is signed", signed_text(made).decode(), "five lines"),
        Step("sig", decode_base64(str(made["sig"])), "deterministic here"),
    ]
    return Example(found, steps, [_body(found, made)])


def signed_refused() -> Example:
    found = vector("seal/signed_open/stranger")
    given = found.input
    envelope = read_envelope(given["body"].encode())
    stranger = claimed_signer(envelope)

    def expecting(signers: set[bytes]) -> str:
        return _code(lambda: open_signed(given["dk"], envelope, context=given["context"], signer=signers))

    steps = [
        Step("keys that may sign", len(given["signers"])),
        Step("key in spk", stranger, "of a stranger, whose signature is right"),
        Step("where it is expected", expecting({stranger}) or "opens"),
        Step("where nobody is", expecting(set())),
    ]
    code = expecting(set(given["signers"])).partition(":")[0]
    return Example(found, steps, [Final("code", code, found.codes[0], "codes")])


def framing() -> Example:
    found = vector("seal/framed_seal/three")
    given = found.input
    made = seal_framed(
        given["ek"], given["payload"], context=given["context"], m=given["m"], frame_size=given["frame_size"]
    )
    key, _ = new_key(given["ek"], given["context"], given["m"])
    frames = made["frames"]
    assert isinstance(frames, list), "frames is an array"
    steps = [
        Step("size", len(given["payload"])),
        Step("frameSize", given["frame_size"], f"so there are {len(frames)} frames"),
        Step("content key", key),
        *(Step(f"key of frame {i}", frame_key(key, i)) for i in range(len(frames))),
        *(Step(f"frame {i}", frame) for i, frame in enumerate(frames)),
    ]
    return Example(found, steps, [_body(found, made)])


def frames_refused() -> Example:
    found = vector("seal/framed_open/known-cut-to-2")
    given = found.input
    envelope = parse_json_object(given["body"].encode())

    def expecting(size: int | Size) -> str:
        return _code(lambda: open_framed(given["dk"], envelope, context=given["context"], size=size))

    steps = [
        Step("size in the envelope", str(envelope["size"]), "made to match the frames that are left"),
        Step("size that is known", given["size"]),
        Step("where nothing is known", expecting(Size.UNPROVEN) or "opens", "and lacks its end"),
        Step("where the context should name it", expecting(Size.IN_CONTEXT)),
    ]
    code = expecting(given["size"]).partition(":")[0]
    return Example(found, steps, [Final("code", code, found.codes[0], "codes")])


def fields() -> Example:
    found = vector("seal/fields_seal/path-inside")
    given = found.input
    value = json.loads(given["body"])
    draws = {path: (draw["m"], draw["n"]) for path, draw in zip(given["paths"], given["draws"], strict=True)}
    made = seal_fields(given["ek"], value, draws)

    def sealing(path: str) -> str:
        return _code(lambda: seal_fields(given["ek"], value, {path: next(iter(draws.values()))}))

    steps = [
        Step("value", given["body"]),
        Step("path", ", ".join(given["paths"])),
        Step("context", ", ".join(f"field:{path}" for path in given["paths"])),
        Step("the path user.nothing", sealing("user.nothing")),
        Step("the path user..ssn", sealing("user..ssn")),
    ]
    return Example(found, steps, [Final("value, sealed", dump_json(made).decode(), found.output["body"], "body")])


def field_refused() -> Example:
    found = vector("seal/fields_open/from-name-renamed")
    given = found.input
    value = json.loads(given["body"])
    [path] = given["paths"]
    plain = {"user": {"ssn": "123"}}
    steps = [
        Step("path that is opened", path),
        Step("ctx that stands there", value["user"]["ssn"]["ctx"], "rewritten: the key is another"),
        Step("a value in plain in its place", _code(lambda: open_fields(given["dk"], plain, paths={path}))),
    ]
    code = _code(lambda: open_fields(given["dk"], value, paths={path})).partition(":")[0]
    return Example(found, steps, [Final("code", code, found.codes[0], "codes")])


def webhook() -> Example:
    found = vector("seal/webhook_seal/event-0")
    given = found.input
    identity = Identity.from_seed(given["signer_seed"])
    made = seal_webhook(
        given["ek"], identity, given["event"], given["payload"].encode(), m=given["m"], n=given["n"], rnd=RND
    )
    received = vector("seal/webhook_open/order-created").input
    headers = Headers(received["headers"].items())

    def expecting(events: set[str], signers: set[bytes]) -> str:
        body = received["body"].encode()
        return _code(lambda: open_webhook(received["dk"], headers, body, signer=signers, events=events))

    signers = set(received["signers"])
    steps = [
        Step("event", given["event"]),
        Step("payload", given["payload"]),
        Step("headers", ", ".join(f"{name}: {value}" for name, value in made.headers.items())),
        Step("received where it is expected", expecting({"order.created"}, signers) or "opens"),
        Step("where another event is", expecting({"order.paid"}, signers)),
        Step("where another signer is", expecting({"order.created"}, {bytes(1952)})),
    ]
    return Example(found, steps, [Final("body", made.body.decode(), found.output["body"], "body")])


def media() -> Example:
    found = vector("seal/media_seal/one-frame")
    given = found.input
    made = seal_media(given["ek"], given["payload"], given["type"], m=given["m"], frame_size=given["frame_size"])
    received = vector("seal/media_open/known").input
    file = parse_json_object(received["body"].encode())

    def expecting(types: str) -> str:
        return _code(lambda: open_media(received["dk"], file, types=types, size=received["size"]))

    steps = [
        Step("type", given["type"], "outside of the seal"),
        Step("size", len(given["payload"]), "the same"),
        Step("opened where it is expected", expecting(str(file["type"])) or "opens"),
        Step("where text/html is", expecting("text/html")),
    ]
    return Example(found, steps, [_body(found, made)])


def _body(found: Vector, made: Members) -> Final:
    return Final("body", dump_json(made).decode(), found.output["body"], "body")


def _code(action: Callable[[], object]) -> str:
    """The code with which it is refused, and the detail; empty if it is not."""
    try:
        action()
    except NenError as error:
        return f"{error.code}: {error.detail}" if error.detail else error.code
    return ""


EXAMPLES: dict[str, Make] = {
    "seal.seal": sealing,
    "seal.open": opening,
    "seal.sign": signing,
    "seal.open_signed": signed_refused,
    "seal.frames": framing,
    "seal.open_frames": frames_refused,
    "seal.fields": fields,
    "seal.open_fields": field_refused,
    "seal.webhook": webhook,
    "seal.media": media,
}
