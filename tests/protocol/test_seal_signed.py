"""Signed envelopes, against the ML-DSA of OpenSSL."""

from __future__ import annotations

from typing import Any

import pytest

from nen_ref.primitives.errors import LengthError
from nen_ref.protocol.identity import Identity
from nen_ref.protocol.seal_signed import claimed_signer, open_signed, seal_signed, signed_text
from tests.protocol.oracle import b64, leaks, refused, secret, texts_of, unb64
from tests.protocol.seal_oracle import (
    RECIPIENT,
    SIGNER,
    STRANGER,
    M,
    N,
    content_key,
    opened,
    sealed,
    signed,
)
from tests.protocol.seal_oracle import signed_text as expected_text
from tests.protocol.test_seal import DK, altered

ENVELOPE = sealed(b"payload", "order")
GOOD = signed(ENVELOPE)
FORGED = signed(ENVELOPE, STRANGER)


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in GOOD.items() if name not in names}


def open_as(envelope: dict[str, Any], code: str = "ISO-3004") -> None:
    refused(code, open_signed, DK, envelope, context="order", signer=SIGNER.pk)


@pytest.mark.parametrize("context", [None, "order", "two\nlines", "ünï|☃"])
def test_what_we_sign_verifies_and_opens_elsewhere(context: str | None) -> None:
    """SEAL-SIG-01."""
    identity = Identity.from_seed(SIGNER.seed)
    made: dict[str, Any] = seal_signed(RECIPIENT.ek, identity, b"payload", context=context, m=M, n=N, rnd=secret("rnd"))
    names = ["v", "kem", "n", "ct"] + ["ctx"] * (context is not None) + ["sig", "spk"]
    assert list(made) == names
    assert unb64(made["spk"]) == SIGNER.spki
    SIGNER.verifies(unb64(made["sig"]), expected_text(made))
    assert opened(made, context) == b"payload"


def test_what_is_signed_elsewhere_opens_here() -> None:
    """SEAL-SIG-01, SEAL-SIG-02."""
    for signer in (SIGNER.pk, {SIGNER.pk}, frozenset({STRANGER.pk, SIGNER.pk})):
        result = open_signed(DK, GOOD, context="order", signer=signer)
        assert (result.payload, result.signer) == (b"payload", SIGNER.pk)
    assert open_signed(DK, FORGED, context="order", signer={STRANGER.pk, SIGNER.pk}).signer == STRANGER.pk


def test_what_is_signed_is_what_stands_there() -> None:
    """SEAL-SIG-01."""
    assert signed_text(GOOD) == expected_text(ENVELOPE)
    assert signed_text({"v": 1, "kem": "k", "n": "n", "ct": "c", "ctx": "a\nb"}) == b"1\nk\nn\nc\na\nb"
    assert signed_text({"v": 1, "kem": "k", "n": "n", "ct": "c"}) == b"1\nk\nn\nc\n"


def test_a_signer_that_is_not_expected_is_refused() -> None:
    """SEAL-SIG-02."""
    open_as(FORGED)
    refused("ISO-3004", open_signed, DK, GOOD, context="order", signer=frozenset())
    refused("ISO-3004", open_signed, DK, GOOD, context="order", signer={STRANGER.pk})


def test_the_signer_has_to_be_stated() -> None:
    """SEAL-SIG-02."""
    with pytest.raises(TypeError):
        open_signed(DK, GOOD, context="order")  # type: ignore[call-arg]
    with pytest.raises(LengthError):
        open_signed(DK, GOOD, context="order", signer=SIGNER.spki)


@pytest.mark.parametrize("names", [("sig", "spk"), ("sig",), ("spk",)])
def test_an_envelope_that_is_not_signed_is_refused(names: tuple[str, ...]) -> None:
    """SEAL-SIG-03."""
    open_as(without(*names))


@pytest.mark.parametrize("name", ["sig", "spk"])
@pytest.mark.parametrize("value", [7, None, [1], "", "?", "AAAA", b64(bytes(1951)), b64(bytes(3308)), b64(bytes(3310))])
def test_a_signature_or_key_of_another_form_is_refused(name: str, value: object) -> None:
    """SEAL-SIG-04."""
    open_as({**GOOD, name: value})


def test_the_bare_key_is_taken_and_another_encoding_is_not() -> None:
    """SEAL-SIG-04."""
    bare = {**GOOD, "spk": b64(SIGNER.pk)}
    assert claimed_signer(bare) == SIGNER.pk
    assert open_signed(DK, bare, context="order", signer=SIGNER.pk).payload == b"payload"
    ml_dsa_44 = bytearray(SIGNER.spki)
    ml_dsa_44[16] = 17
    open_as({**GOOD, "spk": b64(bytes(ml_dsa_44))})


@pytest.mark.parametrize("name", ["kem", "n", "ct", "sig"])
def test_an_altered_envelope_is_refused_before_anything_is_opened(name: str) -> None:
    """SEAL-SIG-05, SEAL-SIG-06."""
    open_as({**GOOD, name: altered(GOOD[name], 3)})


def test_a_signature_of_another_envelope_or_another_key_is_refused() -> None:
    """SEAL-SIG-05."""
    open_as({**GOOD, "sig": signed(sealed(b"other", "order"))["sig"]})
    open_as({**GOOD, "sig": FORGED["sig"]})
    open_as({**FORGED, "spk": GOOD["spk"]})


def test_a_context_that_has_no_bytes_is_refused() -> None:
    """SEAL-CTX-03."""
    lone = {**GOOD, "ctx": "\ud800"}
    refused("ISO-6001", open_signed, DK, lone, context="\ud800", signer=SIGNER.pk)
    open_as(lone, "ISO-4001")


def test_a_signature_under_a_context_of_ml_dsa_is_refused() -> None:
    """SEAL-SIG-01."""
    open_as({**GOOD, "sig": b64(SIGNER.sign(expected_text(GOOD), b"nen"))})


def test_the_context_is_signed() -> None:
    """SEAL-SIG-05, SEAL-CTX-02: neither the name nor the key can be exchanged."""
    moved = {**GOOD, "ctx": "refund"}
    open_as(moved, "ISO-4001")
    refused("ISO-3004", open_signed, DK, moved, context="refund", signer=SIGNER.pk)
    refused("ISO-4001", open_signed, DK, signed(moved), context="refund", signer=SIGNER.pk)


def test_the_first_fault_decides() -> None:
    """SEAL-SIG-06."""
    open_as({**GOOD, "n": 7, "sig": "?"}, "ISO-6001")
    open_as({**GOOD, "ctx": "refund", "sig": "?"}, "ISO-4001")
    open_as({**signed({**GOOD, "kem": b64(bytes(7))}), "sig": "?"})
    open_as(signed({**ENVELOPE, "kem": b64(bytes(7))}), "ISO-1002")
    open_as(signed({**ENVELOPE, "ct": altered(ENVELOPE["ct"])}), "ISO-4001")


def test_as_published_a_second_signer_can_take_the_place_of_the_first() -> None:
    """A weakness of the published form (spec/seal.md): the signature is over what is sealed, and comes off."""
    taken = signed(without("sig", "spk"), STRANGER)
    result = open_signed(DK, taken, context="order", signer={SIGNER.pk, STRANGER.pk})
    assert (result.payload, result.signer) == (b"payload", STRANGER.pk)


def test_a_context_that_names_the_signer_closes_that() -> None:
    """SEAL-SIG-07: the stranger cannot give the envelope a context that names himself."""
    envelope = signed(sealed(b"payload", "order|from:signer"))
    stripped = {name: value for name, value in envelope.items() if name not in ("sig", "spk")}
    taken = signed({**stripped, "ctx": "order|from:stranger"}, STRANGER)
    refused("ISO-4001", open_signed, DK, taken, context="order|from:stranger", signer={SIGNER.pk, STRANGER.pk})


def test_no_secret_in_a_result() -> None:
    payload = secret("a payload that nobody may see")
    identity = Identity.from_seed(SIGNER.seed)
    made: dict[str, Any] = seal_signed(RECIPIENT.ek, identity, payload, context=None, m=M, n=N, rnd=bytes(32))
    key = content_key(RECIPIENT.decapsulate(unb64(made["kem"])), None)
    result = open_signed(DK, made, context=None, signer=SIGNER.pk)
    assert result.payload == payload
    for hidden in (payload, key, identity.sk[:64]):
        assert not leaks(texts_of(result) + texts_of(made), hidden)
