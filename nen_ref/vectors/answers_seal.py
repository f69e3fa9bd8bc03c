"""What the operations of sealed envelopes answer, as `answers` for all others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from nen_ref.protocol.errors import WIRE_INVALID_PAYLOAD_FORMAT, failure
from nen_ref.protocol.identity import Identity
from nen_ref.protocol.messages import Headers
from nen_ref.protocol.seal import open_sealed, read_envelope, seal_to
from nen_ref.protocol.seal_fields import open_fields, seal_fields
from nen_ref.protocol.seal_framed import Size, open_framed, seal_framed
from nen_ref.protocol.seal_media import open_media, seal_media
from nen_ref.protocol.seal_signed import open_signed, seal_signed
from nen_ref.protocol.seal_webhook import open_webhook, seal_webhook
from nen_ref.protocol.wire import Malformed, dump_json, parse_json

if TYPE_CHECKING:
    from nen_ref.vectors.answers import Arguments, Kit, Values

DETERMINISTIC = bytes(32)


def seal_plain(a: Arguments, kit: Kit) -> Values:
    return _text(seal_to(a["ek"], a["payload"], context=a["context"], m=a["m"], n=a["n"], suite=kit.suite))


def open_plain(a: Arguments, kit: Kit) -> Values:
    return {"payload": open_sealed(a["dk"], _envelope(a), context=a["context"], suite=kit.suite)}


def sign(a: Arguments, kit: Kit) -> Values:
    draws = {"m": a["m"], "n": a["n"], "rnd": DETERMINISTIC}
    return _text(seal_signed(a["ek"], _identity(a, kit), a["payload"], context=a["context"], suite=kit.suite, **draws))


def open_signed_(a: Arguments, kit: Kit) -> Values:
    signers = frozenset(a["signers"])
    opened = open_signed(a["dk"], _envelope(a), context=a["context"], signer=signers, suite=kit.suite)
    return {"payload": opened.payload, "signer": opened.signer}


def frames(a: Arguments, kit: Kit) -> Values:
    return _text(
        seal_framed(a["ek"], a["payload"], context=a["context"], m=a["m"], frame_size=a["frame_size"], suite=kit.suite)
    )


def open_frames(a: Arguments, kit: Kit) -> Values:
    size = Size.IN_CONTEXT if a["size_in_context"] else _size(a)
    return {"payload": open_framed(a["dk"], _envelope(a), context=a["context"], size=size, suite=kit.suite)}


def fields(a: Arguments, kit: Kit) -> Values:
    paths = _distinct(a["paths"])
    draws = {path: (draw["m"], draw["n"]) for path, draw in zip(paths, a["draws"], strict=True)}
    return _text(seal_fields(a["ek"], _value(a), draws, suite=kit.suite))


def open_fields_(a: Arguments, kit: Kit) -> Values:
    return _text(open_fields(a["dk"], _value(a), paths=frozenset(_distinct(a["paths"])), suite=kit.suite))


def webhook(a: Arguments, kit: Kit) -> Values:
    draws = {"m": a["m"], "n": a["n"], "rnd": DETERMINISTIC}
    made = seal_webhook(a["ek"], _identity(a, kit), a["event"], a["payload"].encode(), suite=kit.suite, **draws)
    return {"headers": dict(made.headers), "body": made.body.decode()}


def open_webhook_(a: Arguments, kit: Kit) -> Values:
    headers, body = Headers(a["headers"].items()), _bytes(a)
    expected = {"signer": frozenset(a["signers"]), "events": frozenset(a["events"])}
    opened = open_webhook(a["dk"], headers, body, suite=kit.suite, **expected)
    return {"event": opened.event, "payload": opened.payload.decode()}


def media(a: Arguments, kit: Kit) -> Values:
    return _text(seal_media(a["ek"], a["payload"], a["type"], m=a["m"], frame_size=a["frame_size"], suite=kit.suite))


def open_media_(a: Arguments, kit: Kit) -> Values:
    types = frozenset(a["types"])
    return {"payload": open_media(a["dk"], _envelope(a), types=types, size=_size(a), suite=kit.suite)}


def _identity(a: Arguments, kit: Kit) -> Identity:
    return Identity.from_seed(a["signer_seed"], suite=kit.suite)


def _size(a: Arguments) -> int | Size:
    return Size.UNPROVEN if a["size"] is None else int(a["size"])


def _distinct(paths: list[str]) -> list[str]:
    """SEAL-FLD-06, of which a set of paths keeps the half."""
    if len(set(paths)) < len(paths):
        raise failure(WIRE_INVALID_PAYLOAD_FORMAT, "a path stands twice")
    return paths


def _bytes(a: Arguments) -> bytes:
    body: str = a["body"]
    return body.encode("utf-8", "surrogatepass")


def _envelope(a: Arguments) -> dict[str, object]:
    return read_envelope(_bytes(a))


def _value(a: Arguments) -> object:
    try:
        return parse_json(_bytes(a))
    except Malformed as fault:
        raise failure(WIRE_INVALID_PAYLOAD_FORMAT, f"the body is {fault}") from None


def _text(value: object) -> Values:
    return {"body": dump_json(value).decode()}


SEAL_ANSWERS: Mapping[str, Callable[[Any, Any], dict[str, Any]]] = {
    "seal.seal": seal_plain,
    "seal.open": open_plain,
    "seal.sign": sign,
    "seal.open_signed": open_signed_,
    "seal.frames": frames,
    "seal.open_frames": open_frames,
    "seal.fields": fields,
    "seal.open_fields": open_fields_,
    "seal.webhook": webhook,
    "seal.open_webhook": open_webhook_,
    "seal.media": media,
    "seal.open_media": open_media_,
}
