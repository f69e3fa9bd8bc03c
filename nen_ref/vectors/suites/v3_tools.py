"""What the suites of V3 share: flags, and messages that are right in everything but what a suite changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any

from nen_ref.primitives.suite import REFERENCE
from nen_ref.protocol.handshake_v3 import BASE_POINT
from nen_ref.protocol.wire import encode_base64
from nen_ref.vectors.draw import Draw
from nen_ref.vectors.model import Flag, Test, invalid, valid
from nen_ref.vectors.suites.handshake_tools import Altered, mistyped, text_of

NOW = 1_800_000_000_000
SID = "3f8a1c52-9be4-4d07-a6d1-5f0e7c2b9a34"
SHAPE = ("ISO-1001", "ISO-6001")
NOT_BASE64 = ("ISO-6002", "ISO-1001")
UNUSABLE = ("ISO-1004",)

# RFC 7748, section 6.1: u for which every X25519 result is zero; the last two are 0 and 1 not reduced.
P = 2**255 - 19
LOW_ORDER = {
    "zero": 0,
    "one": 1,
    "order-8": 325606250916557431795983626356110631294008115727848805560023387167927233504,
    "order-8-other": 39382357235489614581723060781553021112529911719440698176882885853963445705823,
    "minus-one": P - 1,
    "zero-not-reduced": P,
    "one-not-reduced": P + 1,
}

FLAGS = {
    "Basic": Flag("basic", "values as they always are", "no other implementation can be talked to"),
    "AllBitsAlike": Flag(
        "edge case",
        "inputs all of whose bits are zero, or one",
        "zeros are taken for an absent value, and something else is used in their place",
    ),
    "LowOrder": Flag(
        "missing check",
        "an X25519 key of low order, with which every private key agrees on zero",
        "whoever sends it knows the classical half of the secret, and the hybrid rests on ML-KEM alone",
        ("RFC 7748, section 6.1", "V3-HS-11", "V3-PRIM-05"),
    ),
    "NonCanonical": Flag(
        "edge case",
        "an X25519 key with its highest bit set, or of 2^255 - 19 and more: it is reduced",
        "keys of other libraries are refused, or lead to another secret",
        ("RFC 7748, section 5", "V3-PRIM-04"),
    ),
    "Ticket": Flag(
        "missing check",
        "a ticket that is damaged, of another key, or holds something else",
        "a session is made out of a secret that an attacker chose",
        ("V3-TICKET-05",),
    ),
    "Expired": Flag(
        "missing check",
        "a ticket at and after the time at which it expires",
        "a secret that was taken from a client once opens sessions for ever",
        ("V3-TICKET-12",),
    ),
    "Rotation": Flag(
        "edge case",
        "a ticket of a key that another one has replaced",
        "each rotation of the ticket key costs every client a full handshake; or the key is never rotated",
        ("V3-TICKET-11",),
    ),
    "OtherVersion": Flag(
        "confusion",
        "an answer of V1 or V2, which sends a key",
        "a client that was told to speak V3 goes on in a version whose HMAC key everybody on the way reads",
        ("V3-HS-14", "V3-VER-05"),
    ),
}


def flags(*names: str, **own: Flag) -> dict[str, Flag]:
    """The shared flags of V3 of these names, and the suite's own."""
    return {name: FLAGS[name] for name in names} | own


def slug(name: str) -> str:
    """The name of a member or an argument as a part of an id."""
    return name.lower().replace("_", "-")


def public(x: bytes) -> bytes:
    return REFERENCE.x25519(x, BASE_POINT)


def with_both_characters(draw: Draw, label: str, of: Callable[[bytes], bytes] = bytes) -> bytes:
    """The first drawn 32 bytes of which what is made `of` them has a + and a / in its base64 text."""
    drawn = (draw(f"{label}/{i}") for i in count())
    return next(data for data in drawn if {"+", "/"} <= set(encode_base64(of(data))))


def u_text(u: int) -> str:
    """A u-coordinate, reduced or not, as base64."""
    return encode_base64(u.to_bytes(32, "little"))


def with_members(members: Mapping[str, Any], **changes: Any) -> str:
    """An object as JSON with some members replaced; LEFT_OUT leaves one out."""
    merged = {**members, **changes}
    return text_of({name: value for name, value in merged.items() if value is not LEFT_OUT})


LEFT_OUT = object()


def without(
    members: Mapping[str, Any], name: str, codes: Sequence[str], *, empty: Sequence[str] | None = None
) -> Iterator[Test]:
    """Bodies that lack a member, or have it of another type; `empty`: the codes for the empty text, if it is wrong."""
    left_out = with_members(members, **{name: LEFT_OUT})
    yield invalid(f"no-{slug(name)}", f"without {name}", {"body": left_out}, "MemberMissing", codes=codes)
    if empty is not None:
        yield invalid(f"{slug(name)}-empty", f"{name} is the empty text", {"body": with_members(members, **{name: ""})},
                      "MemberMissing", codes=empty)  # fmt: skip
    for id, comment, value in mistyped(str(members[name])):
        yield invalid(f"{slug(name)}-{id}", f"{name} is {comment}", {"body": with_members(members, **{name: value})},
                      "MemberMistyped", codes=codes)  # fmt: skip


def garbled(members: Mapping[str, Any], name: str, faults: Sequence[Altered], codes: Sequence[str]) -> Iterator[Test]:
    """Bodies whose member is not the base64 of its bytes."""
    for fault in faults:
        body = with_members(members, **{name: fault.text})
        yield invalid(f"{slug(name)}-{fault.id}", f"{name}: {fault.comment}", {"body": body}, fault.flag, codes=codes)


def alike(draw: Draw, *sizes: tuple[str, int]) -> Iterator[Test]:
    """Inputs of bytes with one of them all zeros or all ones, and with all of them so."""
    drawn = {name: draw(f"alike/{name}", size) for name, size in sizes}
    for word, byte in (("zeros", 0), ("ones", 0xFF)):
        for name, size in sizes:
            yield valid(
                f"{slug(name)}-{word}", f"{name} is {word}", drawn | {name: bytes([byte]) * size}, "AllBitsAlike"
            )
        if len(sizes) > 1:
            everything = {name: bytes([byte]) * size for name, size in sizes}
            yield valid(f"all-{word}", f"everything is {word}", everything, "AllBitsAlike")


def one_byte_at_a_time(draw: Draw, *sizes: tuple[str, int]) -> Iterator[Test]:
    """Inputs that differ from one in one byte of each argument: each has to matter."""
    drawn = {name: draw(f"each/{name}", size) for name, size in sizes}
    yield valid("each-0", "the input that the next ones alter", drawn, "Basic")
    for name, size in sizes:
        for position in (0, size // 2, size - 1):
            altered = bytearray(drawn[name])
            altered[position] ^= 1
            yield valid(f"each-{slug(name)}-{position}", f"byte {position} of {name} altered",
                        drawn | {name: bytes(altered)}, "Basic")  # fmt: skip
