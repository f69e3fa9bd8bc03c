"""Whatever arrives, opening gives a payload or one of the codes of the specification, and no other exception."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from nen_ref.protocol.seal import open_sealed
from nen_ref.protocol.seal_fields import open_fields
from nen_ref.protocol.seal_framed import Size, open_framed
from nen_ref.protocol.seal_media import open_media
from nen_ref.protocol.seal_signed import open_signed
from nen_ref.protocol.seal_webhook import open_webhook
from nen_ref.protocol.wire import dump_json
from tests.protocol.oracle import BASE64_TEXTS, JSON_VALUES, code_of
from tests.protocol.seal_oracle import SIGNER, field, framed, sealed, signed
from tests.protocol.test_seal import DK

CODES = {None, "ISO-1002", "ISO-3004", "ISO-4001", "ISO-4003", "ISO-6001", "ISO-6002"}
NUMBERS = st.sampled_from([-1, 0, 1, 5, 15, 2**53, 10**40, 1.0, 0.5])
ANYTHING = JSON_VALUES | BASE64_TEXTS | NUMBERS | st.lists(BASE64_TEXTS, max_size=4)
SIGNED = signed(sealed(b"7", "webhook:x"))
FRAMED = framed(b"abcdefghijklmno", 5, "media")
FIELD = field("123", "a")


def damaged(envelope: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """The envelope with any of its members, or others, replaced by anything or taken away."""
    names = st.sampled_from([*envelope, "ctx", "x"])
    changes = st.dictionaries(names, ANYTHING, max_size=3)
    gone = st.sets(names, max_size=1)
    return st.builds(
        lambda change, without: {name: value for name, value in {**envelope, **change}.items() if name not in without},
        changes,
        gone,
    )


@settings(max_examples=60, deadline=None)
@given(damaged(SIGNED), st.none() | st.just("webhook:x"))
def test_envelopes(envelope: dict[str, Any], context: str | None) -> None:
    assert code_of(open_sealed, DK, envelope, context=context) in CODES
    assert code_of(open_signed, DK, envelope, context=context, signer=SIGNER.pk) in CODES
    body, headers = dump_json(envelope), {"x-nen-event": "x"}
    assert code_of(open_webhook, DK, headers, body, signer=SIGNER.pk, events="x") in CODES


@settings(max_examples=60, deadline=None)
@given(damaged(FRAMED), st.sampled_from([15, Size.UNPROVEN, Size.IN_CONTEXT]))
def test_frames_and_media(envelope: dict[str, Any], size: Any) -> None:
    assert code_of(open_framed, DK, envelope, context="media", size=size) in CODES
    media = {"envelope": envelope, "type": "a/b", "size": envelope.get("size")}
    assert code_of(open_media, DK, media, types="a/b", size=size) in CODES


@settings(max_examples=60, deadline=None)
@given(damaged(FIELD) | JSON_VALUES, st.sets(st.sampled_from(["a", "a.b", "0", "b.0", "", "__proto__"]), max_size=3))
def test_fields(value: Any, paths: set[str]) -> None:
    for body in ({"a": value, "b": [value]}, [value], value):
        assert code_of(open_fields, DK, body, paths=paths) in CODES
