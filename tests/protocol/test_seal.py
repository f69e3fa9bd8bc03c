"""Envelopes and their contexts, against envelopes that OpenSSL made and opens."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nen_ref.primitives.ml_kem import ML_KEM_768, keygen_internal
from nen_ref.protocol.errors import NenError
from nen_ref.protocol.seal import open_sealed, read_envelope, seal_to
from tests.protocol.oracle import b64, leaks, refused, secret, texts_of, unb64
from tests.protocol.seal_oracle import OTHER, RECIPIENT, M, N, opened, sealed, signed

_, DK = keygen_internal(ML_KEM_768, RECIPIENT.d, RECIPIENT.z)
_, OTHER_DK = keygen_internal(ML_KEM_768, OTHER.d, OTHER.z)
CONTEXTS = st.none() | st.text(st.characters(codec="utf-8"), min_size=1)
GOOD = sealed(b"payload", "upload:passport")


def altered(text: str, bit: int = 0) -> str:
    data = bytearray(unb64(text))
    data[bit // 8] ^= 1 << bit % 8
    return b64(bytes(data))


@settings(max_examples=20, deadline=None)
@given(st.binary(max_size=200), CONTEXTS)
def test_what_we_seal_opens_elsewhere(payload: bytes, context: str | None) -> None:
    """SEAL-ENV-01, SEAL-ENV-02, SEAL-CTX-01."""
    envelope: dict[str, Any] = seal_to(RECIPIENT.ek, payload, context=context, m=M, n=N)
    assert list(envelope) == ["v", "kem", "n", "ct"] + ["ctx"] * (context is not None)
    assert (envelope["v"], envelope["n"], envelope.get("ctx")) == (1, b64(N), context)
    assert opened(envelope, context) == payload


@settings(max_examples=20, deadline=None)
@given(st.binary(max_size=200), CONTEXTS)
def test_what_is_sealed_elsewhere_opens_here(payload: bytes, context: str | None) -> None:
    """SEAL-ENV-02, SEAL-CTX-01."""
    assert open_sealed(DK, sealed(payload, context), context=context) == payload


def test_the_same_draws_give_the_same_envelope_and_others_another() -> None:
    """SEAL-ENV-02."""
    first, second = (seal_to(RECIPIENT.ek, b"x", context=None, m=M, n=N) for _ in range(2))
    assert first == second
    assert first["kem"] != seal_to(RECIPIENT.ek, b"x", context=None, m=secret("another m"), n=N)["kem"]


@pytest.mark.parametrize(
    "expected", [None, "upload", "upload:passport ", "upload:passport|", "Upload:passport", "upload:other"]
)
def test_an_envelope_of_another_context_is_refused(expected: str | None) -> None:
    """SEAL-CTX-02."""
    refused("ISO-4001", open_sealed, DK, GOOD, context=expected)


def test_an_envelope_without_a_context_is_refused_where_one_is_expected() -> None:
    """SEAL-CTX-02."""
    refused("ISO-4001", open_sealed, DK, sealed(b"payload"), context="upload:passport")


def test_the_key_depends_on_the_expected_context_and_not_on_the_one_that_is_named() -> None:
    """SEAL-CTX-02: who rewrites `ctx` makes an envelope that the name fits, and the key does not."""
    for context, forged in ((None, "upload:passport"), ("upload:photo", "upload:passport")):
        error = refused("ISO-4001", open_sealed, DK, {**sealed(b"x", context), "ctx": forged}, context=forged)
        assert "tag" in error.detail
    stripped = {name: value for name, value in GOOD.items() if name != "ctx"}
    assert "tag" in refused("ISO-4001", open_sealed, DK, stripped, context=None).detail
    assert "context" in refused("ISO-4001", open_sealed, DK, stripped, context="upload:passport").detail


def test_the_context_has_to_be_stated() -> None:
    """SEAL-CTX-02."""
    with pytest.raises(TypeError):
        open_sealed(DK, GOOD)  # type: ignore[call-arg]


@pytest.mark.parametrize("context", ["", "\ud800"])
def test_some_texts_are_no_context(context: str) -> None:
    """SEAL-CTX-03."""
    refused("ISO-6001", seal_to, RECIPIENT.ek, b"x", context=context, m=M, n=N)
    refused("ISO-6001", open_sealed, DK, {**sealed(b"x"), "ctx": context}, context=context)


@pytest.mark.parametrize("ctx", ["", None, 7, ["upload:passport"], {}, True])
def test_a_ctx_that_is_no_text_is_refused(ctx: object) -> None:
    """SEAL-CTX-03."""
    refused("ISO-6001", open_sealed, DK, {**GOOD, "ctx": ctx}, context="upload:passport")
    refused("ISO-6001", open_sealed, DK, {**sealed(b"x"), "ctx": ctx}, context=None)


@pytest.mark.parametrize("v", [0, 2, -1, "1", True, None, [1], 1.5])
def test_another_version_is_refused(v: object) -> None:
    """SEAL-ENV-03."""
    refused("ISO-6001", open_sealed, DK, {**GOOD, "v": v}, context="upload:passport")


@pytest.mark.parametrize("name", ["v", "kem", "n", "ct"])
def test_a_member_that_is_absent_is_refused(name: str) -> None:
    """SEAL-ENV-03, SEAL-ENV-04."""
    envelope = {key: value for key, value in GOOD.items() if key != name}
    refused("ISO-6001", open_sealed, DK, envelope, context="upload:passport")


@pytest.mark.parametrize("name", ["kem", "n", "ct"])
@pytest.mark.parametrize(
    ("value", "code"),
    [
        (7, "ISO-6001"),
        ([1, 2], "ISO-6001"),
        (None, "ISO-6001"),
        ("?", "ISO-6002"),
        ("AA", "ISO-6002"),
        (" AAA=", "ISO-6002"),
    ],
)
def test_a_member_that_is_no_base64_text_is_refused(name: str, value: object, code: str) -> None:
    """SEAL-ENV-04."""
    refused(code, open_sealed, DK, {**GOOD, name: value}, context="upload:passport")


@pytest.mark.parametrize("size", [0, 8, 11, 13, 24])
def test_a_nonce_of_another_length_is_refused(size: int) -> None:
    """SEAL-ENV-04."""
    refused("ISO-6001", open_sealed, DK, {**GOOD, "n": b64(bytes(size))}, context="upload:passport")


@pytest.mark.parametrize("size", [0, 32, 1087, 1089])
def test_a_kem_ciphertext_of_another_length_is_refused(size: int) -> None:
    """SEAL-ENV-05."""
    refused("ISO-1002", open_sealed, DK, {**GOOD, "kem": b64(bytes(size))}, context="upload:passport")


def test_a_recipient_key_that_fails_its_check_is_refused() -> None:
    """SEAL-ENV-05."""
    for ek in (b"", RECIPIENT.ek[:-1], RECIPIENT.ek + b"\x00", b"\xff" * 1184):
        refused("ISO-1002", seal_to, ek, b"x", context=None, m=M, n=N)


@pytest.mark.parametrize("name", ["kem", "n", "ct"])
@pytest.mark.parametrize("bit", [0, 41])
def test_an_altered_envelope_does_not_open(name: str, bit: int) -> None:
    """SEAL-ENV-06."""
    refused("ISO-4001", open_sealed, DK, {**GOOD, name: altered(GOOD[name], bit)}, context="upload:passport")


def test_an_envelope_for_somebody_else_does_not_open() -> None:
    """SEAL-ENV-06."""
    refused("ISO-4001", open_sealed, OTHER_DK, GOOD, context="upload:passport")
    refused(
        "ISO-4001", open_sealed, DK, {**GOOD, "kem": sealed(b"y", "upload:passport")["kem"]}, context="upload:passport"
    )


@pytest.mark.parametrize("size", [0, 1, 15, 16])
def test_a_ciphertext_without_room_for_a_tag_does_not_open(size: int) -> None:
    """SEAL-ENV-06."""
    refused("ISO-4001", open_sealed, DK, {**GOOD, "ct": b64(bytes(size))}, context="upload:passport")


def test_further_members_are_ignored_and_a_signature_is_not_looked_at() -> None:
    """SEAL-ENV-07."""
    for more in ({"to": "x", "frames": []}, {"sig": 7}, signed(GOOD)):
        assert open_sealed(DK, {**GOOD, **more}, context="upload:passport") == b"payload"


def test_the_first_fault_decides() -> None:
    """SEAL-ENV-08."""
    wrong: dict[str, object] = {"v": 2, "kem": "?", "n": 7, "ct": "?", "ctx": 7}
    right = {**GOOD, "kem": b64(bytes(7))}
    for name, code in (("v", "6001"), ("kem", "6002"), ("n", "6001"), ("ct", "6002"), ("ctx", "6001")):
        refused(f"ISO-{code}", open_sealed, DK, wrong, context="another")
        wrong[name] = right[name]
    refused("ISO-4001", open_sealed, DK, wrong, context="another")
    refused("ISO-1002", open_sealed, DK, wrong, context="upload:passport")


@pytest.mark.parametrize("text", [b"", b"[]", b"7", b"\xff", b'{"v":1,"v":1}', b"\xef\xbb\xbf{}", b"[" * 200])
def test_an_envelope_is_a_json_object(text: bytes) -> None:
    """SEAL-ENV-04."""
    refused("ISO-6001", read_envelope, text)


def test_an_envelope_survives_json() -> None:
    """SEAL-ENV-01."""
    assert open_sealed(DK, read_envelope(json.dumps(GOOD).encode()), context="upload:passport") == b"payload"


def test_no_error_holds_a_secret() -> None:
    payload = secret("a payload that nobody may see")
    envelope = sealed(payload, "upload:passport")
    key = RECIPIENT.decapsulate(unb64(envelope["kem"]))
    for forged in ({**envelope, "ct": altered(envelope["ct"])}, {**envelope, "kem": "?"}, {**envelope, "n": ""}):
        with pytest.raises(NenError) as caught:
            open_sealed(DK, forged, context="upload:passport")
        for hidden in (payload, key, DK[:64]):
            assert not leaks(texts_of(caught.value), hidden)
