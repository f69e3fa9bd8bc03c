"""Targets: sealed envelopes of every kind, opened with the right and the wrong key, context, signer, size and path.

An input is a byte that chooses what the opener expects, and a JSON text. Every envelope that opens was sealed here, and
what opens is what was sealed, for that key and in that place: whatever was changed on the way.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from random import Random
from typing import Any

from nen_ref.protocol.errors import NenError
from nen_ref.protocol.seal import open_sealed, read_envelope, seal_to
from nen_ref.protocol.seal_fields import MARK, open_fields, seal_fields
from nen_ref.protocol.seal_framed import Size, open_framed, open_frames, seal_framed, sized_context
from nen_ref.protocol.seal_media import open_media, seal_media
from nen_ref.protocol.seal_signed import open_signed, seal_signed, sign
from nen_ref.protocol.seal_webhook import EVENT_HEADER, open_webhook, seal_webhook
from nen_ref.protocol.wire import dump_json
from tests.fuzz.material import DK, EK, FAST, IDENTITY, OTHER_DK, OTHER_IDENTITY, REPEATABLE, texts
from tests.fuzz.mutation import mutate_json
from tests.fuzz.outcomes import Outcomes, Target, lawful

Members = Mapping[str, object]
PAYLOADS = (b'{"a":1}', b"", b"not json", b"0123456789" * 5, b'"\xe2\x98\x83"')
CONTEXTS = (None, "a", "ü|size:7")


@dataclass(frozen=True)
class Kind:
    """One kind of envelopes. `open` takes one of so many `choices` and an envelope, and says what came of it."""

    name: str
    published: str
    codes: frozenset[str]
    own: Callable[[], tuple[bytes, ...]]
    open: Callable[[int, Members], str]
    choices: int


# What is sealed here, and each with random bytes of its own, so that no two have a key in common.


@cache
def _draws(number: int) -> tuple[bytes, bytes]:
    rng = Random(number)
    return rng.randbytes(32), rng.randbytes(12)


@cache
def envelopes() -> tuple[bytes, ...]:
    made: list[bytes] = []
    for context in CONTEXTS:
        for payload in PAYLOADS:
            m, n = _draws(len(made))
            made.append(dump_json(seal_to(EK, payload, context=context, m=m, n=n, suite=REPEATABLE)))
    return tuple(made)


def _open_sealed(choice: int, envelope: Members) -> str:
    dk, context = OTHER_DK if choice >= 3 else DK, CONTEXTS[choice % 3]
    payload = open_sealed(dk, envelope, context=context, suite=FAST)
    lawful(dk == DK, "opened with another key")
    lawful(payload in PAYLOADS and envelope.get("ctx") == context, "opened as what nobody has sealed")
    return f"opened, {'no context' if context is None else 'in its context'}"


@cache
def signed_envelopes() -> tuple[bytes, ...]:
    made: list[Members] = []
    for identity in (IDENTITY, OTHER_IDENTITY):
        for context, payload in (*((context, PAYLOADS[0]) for context in CONTEXTS), (None, b"")):
            m, n = _draws(100 + len(made))
            made.append(seal_signed(EK, identity, payload, context=context, m=m, n=n, rnd=bytes(32), suite=REPEATABLE))
    m, n = _draws(190)
    short = seal_to(EK, PAYLOADS[0], context=None, m=m, n=n, suite=REPEATABLE) | {"kem": "AAAA"}
    made.append(sign(short, IDENTITY, bytes(32), suite=REPEATABLE))
    return tuple(map(dump_json, made))


_SIGNERS: tuple[bytes | frozenset[bytes], ...] = (
    frozenset((IDENTITY.pk, OTHER_IDENTITY.pk)), IDENTITY.pk, OTHER_IDENTITY.pk, frozenset()
)  # fmt: skip


def _open_signed(choice: int, envelope: Members) -> str:
    context, signers = CONTEXTS[choice % 3], _SIGNERS[choice // 3 % 4]
    opened = open_signed(DK, envelope, context=context, signer=signers, suite=FAST)
    expected = signers if isinstance(signers, frozenset) else {signers}
    lawful(opened.signer in expected, "signed by nobody who is expected")
    lawful(_signed_parts(envelope) in map(_signed_parts, map(json.loads, signed_envelopes())), "nobody has signed it")
    lawful(opened.payload in PAYLOADS[:2], "opened as what nobody has sealed")
    return f"opened, {'the first' if opened.signer == IDENTITY.pk else 'the second'} signed"


def _signed_parts(envelope: Members) -> tuple[object, ...]:
    return tuple(envelope.get(name) for name in ("kem", "n", "ct", "ctx"))


FRAME_SIZE = 16
FRAMED = (PAYLOADS[3], PAYLOADS[0], b"", b"x" * FRAME_SIZE)


@cache
def framed_envelopes() -> tuple[bytes, ...]:
    made: list[Members] = []
    for payload in FRAMED:
        for context in (None, "a", sized_context(None, len(payload))):
            m, _ = _draws(200 + len(made))
            made.append(seal_framed(EK, payload, context=context, m=m, frame_size=FRAME_SIZE, suite=REPEATABLE))
    return tuple(map(dump_json, made))


_SIZES: tuple[int | Size, ...] = (Size.UNPROVEN, Size.IN_CONTEXT, len(FRAMED[0]), len(FRAMED[1]))


def _open_framed(choice: int, envelope: Members) -> str:
    context, size = (None, "a")[choice % 2], _SIZES[choice // 2 % 4]
    dk = OTHER_DK if choice >= 8 else DK
    pieces: list[bytes] = []
    frames = envelope.get("frames")
    if isinstance(frames, list):
        with suppress(NenError):
            pieces.extend(open_frames(dk, envelope, iter(frames), context=context, size=size, suite=FAST))
    _check_pieces(b"".join(pieces))
    payload = open_framed(dk, envelope, context=context, size=size, suite=FAST)
    lawful(dk == DK, "opened with another key")
    lawful(payload == b"".join(pieces), "whole and in pieces differ")
    if size is Size.UNPROVEN:
        _check_pieces(payload)
        return "opened, cut or not"
    lawful(payload in FRAMED, "opened short of its end")
    return "opened, whole"


def _check_pieces(got: bytes) -> None:
    lawful(any(payload.startswith(got) for payload in FRAMED), "frames of more than one payload, or out of their place")


FIELDS: tuple[tuple[Any, tuple[str, ...]], ...] = (
    ({"user": {"ssn": "1", "name": "n"}, "list": [1, {"x": None}]}, ("user.ssn", "list.1.x")),
    ({"a": {"b": 1}}, ("a",)),
    ({"a": {"b": 1}}, ("a.b",)),
    ([[1.5, "ü"]], ("0.1",)),
)
_PATHS = tuple(frozenset(paths) for _, paths in FIELDS)


@cache
def fields() -> tuple[bytes, ...]:
    made: list[bytes] = []
    for i, (value, paths) in enumerate(FIELDS):
        draws = {path: _draws(300 + 10 * i + j) for j, path in enumerate(paths)}
        made.append(dump_json(seal_fields(EK, value, draws, suite=REPEATABLE)))
    m, n = _draws(390)
    not_json: dict[str, object] = dict(seal_to(EK, b"not json", context="field:a", m=m, n=n, suite=REPEATABLE))
    return (*made, dump_json({"a": {MARK: True, **not_json}}))


def _open_fields(choice: int, value: Any) -> str:
    paths = (*_PATHS, frozenset(("a..b",)), frozenset(("a", "a.b")), frozenset[str]())[choice % 7]
    dk = OTHER_DK if choice >= 7 else DK
    before = json.dumps(value)
    opened = open_fields(dk, value, paths=paths, suite=FAST)
    lawful(json.dumps(value) == before, "the value that was given is changed")
    if not paths:
        lawful(opened == value, "opened what nobody asked for")
        return "nothing to open"
    lawful(dk == DK and paths in _PATHS, "opened with another key, or a path that is none")
    for original, its_paths in FIELDS:
        if frozenset(its_paths) == paths:
            for path in its_paths:
                lawful(_at(opened, path) == _at(original, path), f"{path} opened as what nobody has sealed there")
    return "opened"


def _at(value: Any, path: str) -> Any:
    for step in path.split("."):
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value


EVENTS = ("order.created", "order.paid")


@cache
def webhooks() -> tuple[bytes, ...]:
    made: list[bytes] = []
    for event in EVENTS:
        for identity in (IDENTITY, OTHER_IDENTITY):
            m, n = _draws(400 + len(made))
            hook = seal_webhook(EK, identity, event, PAYLOADS[0], m=m, n=n, rnd=bytes(32), suite=REPEATABLE)
            made.append(hook.body)
    m, n = _draws(490)
    not_json = seal_to(EK, b"no", context=f"webhook:{EVENTS[0]}", m=m, n=n, suite=REPEATABLE)
    wrong = [sign(envelope, IDENTITY, bytes(32), suite=REPEATABLE) for envelope in (not_json, not_json | {"kem": ""})]
    return (*made, *map(dump_json, wrong))


def _open_webhook(choice: int, envelope: Members) -> str:
    named = (*EVENTS, "", "other")[choice % 4]
    signers = _SIGNERS[choice // 4 % 4]
    headers = {EVENT_HEADER: named}
    opened = open_webhook(DK, headers, dump_json(envelope), signer=signers, events=frozenset(EVENTS), suite=FAST)
    lawful(opened.event == named in EVENTS and opened.payload == PAYLOADS[0], "opened as what nobody has sealed")
    kems = [json.loads(text)["kem"] for text in webhooks()]
    lawful(envelope.get("kem") in kems, "opened, and nobody has sealed it")
    lawful(envelope.get("ctx") == f"webhook:{named}", "a webhook of another event")
    return f"opened, {named}"


TYPES = ("image/png", "text/html")


@cache
def media() -> tuple[bytes, ...]:
    made: list[Members] = []
    for media_type in TYPES:
        for data in (FRAMED[0], b""):
            for size_in_context in (False, True):
                m, _ = _draws(500 + len(made))
                made.append(
                    seal_media(
                        EK, data, media_type, m=m, frame_size=FRAME_SIZE, size_in_context=size_in_context,
                        suite=REPEATABLE,
                    )
                )  # fmt: skip
    return tuple(map(dump_json, made))


def _open_media(choice: int, given: Members) -> str:
    types, size = (TYPES[0], frozenset(TYPES))[choice % 2], _SIZES[choice // 2 % 4]
    dk = OTHER_DK if choice >= 8 else DK
    data = open_media(dk, given, types=types, size=size, suite=FAST)
    lawful(dk == DK, "opened with another key")
    lawful(given.get("size") == len(data), "of another size than is said")
    lawful(given.get("type") in ({types} if isinstance(types, str) else types), "of another type than is expected")
    if size is Size.UNPROVEN:
        lawful(FRAMED[0].startswith(data), "opened as what nobody has sealed")
        return "opened, cut or not"
    lawful(data in (FRAMED[0], b""), "opened short of its end")
    return "opened, whole"


# --- one target for each ---------------------------------------------------------------------------------------------

FORM = frozenset(("ISO-1002", "ISO-4001", "ISO-6001", "ISO-6002"))

KINDS = (
    Kind("seal", "envelope_open", FORM, envelopes, _open_sealed, 6),
    Kind("seal_signed", "signed_open", FORM | {"ISO-3004"}, signed_envelopes, _open_signed, 12),
    Kind("seal_framed", "framed_open", FORM, framed_envelopes, _open_framed, 16),
    Kind("seal_fields", "fields_open", FORM | {"ISO-4003"}, fields, _open_fields, 14),
    Kind("seal_webhook", "webhook_open", FORM | {"ISO-3004", "ISO-4003"}, webhooks, _open_webhook, 16),
    Kind("seal_media", "media_open", FORM, media, _open_media, 16),
)


def run_kind(data: bytes, kind: Kind) -> Outcomes:
    choice, text = (data[0] % kind.choices, data[1:]) if data else (0, b"")
    try:
        return [kind.open(choice, read_envelope(text) if kind.name != "seal_fields" else _value(text))]
    except NenError as error:
        lawful(error.code in kind.codes, f"refused with {error.code}")
        lawful(str(error).isprintable(), f"a message that is not one line: {error!r}")
        return [error.code]


def _value(text: bytes) -> Any:
    """Fields are in any JSON value, which an application has read itself, and can write."""
    try:
        return json.loads(json.dumps(json.loads(text)))
    except (ValueError, RecursionError):
        return None


def draw_kind(rng: Random, kind: Kind) -> bytes:
    own = kind.own()
    text = rng.choice(own)
    dice = rng.random()
    if dice < 0.4:
        text = mutate_json(rng, json.loads(text))
    elif dice < 0.8:
        text = _grafted(rng, json.loads(text), json.loads(rng.choice(own)))
    choices = kind.choices if rng.random() < 0.3 else (kind.choices + 1) // 2  # wrong keys are in the second half
    return bytes([rng.randrange(choices)]) + text


def _grafted(rng: Random, value: Any, other: Any) -> bytes:
    """A member of one in the place of the same member of another, at any depth; frames too."""
    if isinstance(value, dict) and isinstance(other, dict) and (shared := [name for name in value if name in other]):
        deep = [name for name in shared if isinstance(value[name], (dict, list))]
        name = rng.choice(deep if deep and rng.random() < 0.5 else shared)
        if isinstance(value[name], (dict, list)) and rng.random() < 0.7:
            return dump_json(value | {name: json.loads(_grafted(rng, value[name], other[name]))})
        return dump_json(value | {name: other[name]})
    if isinstance(value, list) and isinstance(other, list) and value and other:
        at = rng.randrange(len(value))
        match rng.randrange(4):
            case 0:
                return dump_json([*value[:at], rng.choice(other), *value[at + 1 :]])
            case 1:
                return dump_json(value[:at])
            case 2:
                return dump_json([*value, rng.choice(other)])
        rng.shuffle(value)
        return dump_json(value)
    return dump_json(other)


def kind_seeds(kind: Kind) -> tuple[bytes, ...]:
    own = [bytes([choice]) + text for text in kind.own() for choice in range(kind.choices)]
    return (*own, *(b"\0" + text for text in texts(f"seal/{kind.published}", "body")))


REACHED = {
    "seal": ("opened, no context", "opened, in its context"),
    "seal_signed": ("opened, the first signed", "opened, the second signed"),
    "seal_framed": ("opened, cut or not", "opened, whole"),
    "seal_fields": ("opened", "nothing to open"),
    "seal_webhook": tuple(f"opened, {event}" for event in EVENTS),
    "seal_media": ("opened, cut or not", "opened, whole"),
}

TARGETS = tuple(
    Target(
        kind.name,
        partial(run_kind, kind=kind),
        partial(kind_seeds, kind),
        kind.codes | frozenset(REACHED[kind.name]),
        8,
        partial(draw_kind, kind=kind),
    )
    for kind in KINDS
)
