"""Sealed envelopes of an independent implementation, recorded with their keys: each opens, and each is made again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from nen_ref.primitives.ml_dsa import ML_DSA_65
from nen_ref.primitives.ml_dsa_keys import decode_pkcs8_seed, decode_spki
from nen_ref.primitives.ml_kem import ML_KEM_768, decaps, k_pke_decrypt
from nen_ref.primitives.suite import REFERENCE
from nen_ref.protocol.identity import Identity
from nen_ref.protocol.messages import Headers
from nen_ref.protocol.seal import open_sealed, seal_to
from nen_ref.protocol.seal_fields import open_fields, seal_fields
from nen_ref.protocol.seal_framed import Size, open_framed, seal_framed
from nen_ref.protocol.seal_media import open_media, seal_media
from nen_ref.protocol.seal_signed import open_signed, seal_signed, signed_text
from nen_ref.protocol.seal_webhook import open_webhook, seal_webhook
from tests.primitives.vectors import external_root
from tests.protocol.oracle import unb64

FILE = external_root() / "protocol" / "transcripts" / "v3.json"
KINDS = ("seal", "sealContext", "sealSigned", "sealFramed", "sealFields", "sealWebhook", "sealMediaBytes")
DK_PKE_SIZE = 1152
DETERMINISTIC = bytes(32)

Entry = dict[str, Any]


def entries(*kinds: str) -> Iterator[Any]:
    """The recorded entries of these kinds, or one that is skipped."""
    if not FILE.is_file():
        reason = f"no recorded envelopes: there is no {FILE}; NEN_EXTERNAL names the folder that has it"
        yield pytest.param(None, id="none", marks=pytest.mark.skip(reason=reason))
        return
    recorded = json.loads(FILE.read_bytes())["seal"]
    for kind in kinds:
        assert recorded[kind], f"no entries of {kind}"
        yield from (pytest.param(entry, id=f"{kind}-{i}") for i, entry in enumerate(recorded[kind]))


def recorded(*kinds: str) -> Any:
    return pytest.mark.parametrize("entry", list(entries(*kinds)))


def keys(entry: Entry) -> tuple[bytes, bytes]:
    return unb64(entry["recipient_pk"]), unb64(entry["recipient_sk"])


def draws(entry: Entry, envelope: Entry) -> dict[str, bytes]:
    """The random bytes that the recorded envelope was made of: m is what its KEM ciphertext encrypts."""
    m = k_pke_decrypt(ML_KEM_768, unb64(entry["recipient_sk"])[:DK_PKE_SIZE], unb64(envelope["kem"]))
    return {"m": m, "n": unb64(envelope["n"])} if "n" in envelope else {"m": m}


def signer(entry: Entry) -> Identity:
    identity = Identity.from_seed(decode_pkcs8_seed(ML_DSA_65, unb64(entry["signer_sk_pkcs8"])))
    assert identity.pk == decode_spki(ML_DSA_65, unb64(entry["signer_pk_der"]))
    return identity


def same(ours: object, theirs: object) -> None:
    """The same JSON text, members in the same order."""
    assert json.dumps(ours) == json.dumps(theirs)


def test_every_kind_that_is_recorded_is_looked_at() -> None:
    if not FILE.is_file():
        pytest.skip(f"there is no {FILE}")
    assert tuple(json.loads(FILE.read_bytes())["seal"]) == KINDS


@recorded("seal", "sealContext")
def test_envelopes(entry: Entry) -> None:
    """SEAL-ENV-01, SEAL-ENV-02, SEAL-CTX-01."""
    (ek, dk), envelope, context = keys(entry), entry["envelope"], entry.get("context")
    payload = unb64(entry["plaintext_b64"])
    assert open_sealed(dk, envelope, context=context) == payload
    same(seal_to(ek, payload, context=context, **draws(entry, envelope)), envelope)


@recorded("sealSigned")
def test_signed_envelopes(entry: Entry) -> None:
    """SEAL-SIG-01."""
    (ek, dk), envelope, context, identity = keys(entry), entry["envelope"], entry["context"], signer(entry)
    payload = unb64(entry["plaintext_b64"])
    assert signed_text(envelope) == entry["signed_bytes_utf8"].encode()
    assert open_signed(dk, envelope, context=context, signer=identity.pk).payload == payload
    made = seal_signed(ek, identity, payload, context=context, rnd=DETERMINISTIC, **draws(entry, envelope))
    same({**made, "sig": ""}, {**envelope, "sig": ""})
    check_signature(made, envelope, identity)


@recorded("sealFramed")
def test_framed_envelopes(entry: Entry) -> None:
    """SEAL-FRM-01, SEAL-FRM-02."""
    (ek, dk), envelope = keys(entry), entry["envelope"]
    payload = unb64(entry["plaintext_b64"])
    for size in (len(payload), Size.UNPROVEN):
        assert open_framed(dk, envelope, context=None, size=size) == payload
    frame_size = entry["options"]["frameSize"]
    same(seal_framed(ek, payload, context=None, frame_size=frame_size, **draws(entry, envelope)), envelope)


@recorded("sealFields")
def test_sealed_fields(entry: Entry) -> None:
    """SEAL-FLD-01, SEAL-FLD-02."""
    ek, dk = keys(entry)
    by_path = {path: draws(entry, place(entry["sealed"], path)) for path in entry["paths"]}
    assert open_fields(dk, entry["sealed"], paths=set(entry["paths"])) == entry["object"]
    pairs = {path: (drawn["m"], drawn["n"]) for path, drawn in by_path.items()}
    same(seal_fields(ek, entry["object"], pairs), entry["sealed"])


@recorded("sealWebhook")
def test_webhooks(entry: Entry) -> None:
    """SEAL-HOOK-01."""
    (ek, dk), identity, webhook = keys(entry), signer(entry), entry["webhook"]
    envelope = json.loads(webhook["body"])
    assert signed_text(envelope) == entry["signed_bytes_utf8"].encode()
    headers = Headers(webhook["headers"].items())
    opened = open_webhook(dk, headers, webhook["body"].encode(), signer=identity.pk, events=entry["event"])
    assert {"event": opened.event, "payload": json.loads(opened.payload)} == entry["opened"]
    made = seal_webhook(ek, identity, entry["event"], opened.payload, rnd=DETERMINISTIC, **draws(entry, envelope))
    assert made.headers == webhook["headers"]
    ours = json.loads(made.body)
    assert made.body.decode().replace(ours["sig"], "") == webhook["body"].replace(envelope["sig"], "")
    check_signature(ours, envelope, identity)


@recorded("sealMediaBytes")
def test_media(entry: Entry) -> None:
    """SEAL-MED-01."""
    (ek, dk), media = keys(entry), entry["media"]
    payload, envelope = unb64(entry["plaintext_b64"]), media["envelope"]
    assert open_media(dk, media, types=media["type"], size=len(payload)) == payload
    made = seal_media(ek, payload, media["type"], frame_size=envelope["frameSize"], **draws(entry, envelope))
    same(made, media)


@recorded(*(kind for kind in KINDS if kind not in ("sealWebhook", "sealMediaBytes")))
def test_every_derived_key_is_the_recorded_one(entry: Entry) -> None:
    """The secret, and each call of HKDF-SHA256 that the recorded implementation made."""
    internals = entry["internals"]
    if "kem_ss" in internals:
        kem_ss = decaps(ML_KEM_768, unb64(entry["recipient_sk"]), unb64(entry["envelope"]["kem"]))
        assert kem_ss == unb64(internals["kem_ss"])
    assert internals["hkdf"]
    for call in internals["hkdf"]:
        assert REFERENCE.hkdf_sha256(unb64(call["ikm"]), call["info"].encode(), 32) == unb64(call["okm"])


def check_signature(ours: Entry, theirs: Entry, identity: Identity) -> None:
    """Ours is deterministic; theirs may be hedged, and then only verifies, which opening has shown."""
    if ours["sig"] != theirs["sig"]:
        message = signed_text(theirs)
        assert REFERENCE.ml_dsa_65_verify(identity.pk, message, unb64(theirs["sig"]), b"")
        assert REFERENCE.ml_dsa_65_verify(identity.pk, message, unb64(ours["sig"]), b"")


def place(value: Any, path: str) -> Entry:
    for step in path.split("."):
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value
