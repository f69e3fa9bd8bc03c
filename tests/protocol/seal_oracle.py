"""Sealed envelopes written once more, without nen_ref: by cryptography (OpenSSL) and the standard library."""

from __future__ import annotations

import json
from typing import Any

from tests.protocol.oracle import KemPeer, Signer, b64, encapsulate, hkdf, seal, secret, unb64, unseal

RECIPIENT = KemPeer("recipient of envelopes")
OTHER = KemPeer("somebody else")
SIGNER = Signer("signer of envelopes")
STRANGER = Signer("another signer")
M, N = secret("m of an envelope"), secret("n of an envelope", 12)


def content_key(shared_secret: bytes, context: str | None) -> bytes:
    return hkdf(shared_secret, "nen/seal v1 cek" + ("" if context is None else f"|{context}"))


def sealed(payload: bytes, context: str | None = None, n: bytes = N, ek: bytes = RECIPIENT.ek) -> dict[str, Any]:
    shared_secret, kem = encapsulate(ek)
    ct = seal(content_key(shared_secret, context), n, payload)
    members = {"v": 1, "kem": b64(kem), "n": b64(n), "ct": b64(ct)}
    return members if context is None else {**members, "ctx": context}


def opened(envelope: dict[str, Any], context: str | None = None, peer: KemPeer = RECIPIENT) -> bytes:
    key = content_key(peer.decapsulate(unb64(envelope["kem"])), context)
    return unseal(key, unb64(envelope["n"]), unb64(envelope["ct"]))


def signed(envelope: dict[str, Any], signer: Signer = SIGNER) -> dict[str, Any]:
    return {**envelope, "sig": b64(signer.sign(signed_text(envelope))), "spk": b64(signer.spki)}


def signed_text(envelope: dict[str, Any]) -> bytes:
    return "\n".join(["1", envelope["kem"], envelope["n"], envelope["ct"], envelope.get("ctx", "")]).encode()


def framed(payload: bytes, frame_size: int, context: str | None = None) -> dict[str, Any]:
    shared_secret, kem = encapsulate(RECIPIENT.ek)
    cek = content_key(shared_secret, context)
    pieces = [payload[at : at + frame_size] for at in range(0, len(payload), frame_size)] or [b""]
    frames = [b64(frame(cek, i, piece)) for i, piece in enumerate(pieces)]
    members = {"v": 1, "kem": b64(kem), "frameSize": frame_size, "size": len(payload), "frames": frames}
    return members if context is None else {**members, "ctx": context}


def frame(cek: bytes, i: int, piece: bytes) -> bytes:
    return seal(hkdf(cek, f"nen/seal v1 frame:{i}"), bytes(12), piece)


def opened_frames(envelope: dict[str, Any], context: str | None = None) -> list[bytes]:
    cek = content_key(RECIPIENT.decapsulate(unb64(envelope["kem"])), context)
    keys = (hkdf(cek, f"nen/seal v1 frame:{i}") for i in range(len(envelope["frames"])))
    return [unseal(key, bytes(12), unb64(ct)) for key, ct in zip(keys, envelope["frames"], strict=True)]


def field(value: object, path: str) -> dict[str, Any]:
    return {"$nenSealed": True, **sealed(json.dumps(value).encode(), f"field:{path}")}
