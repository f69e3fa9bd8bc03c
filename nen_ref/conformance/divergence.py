"""Where the target and the suite part ways: the first intermediate value in which they differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nen_ref.conformance.harness.operations import TRACE
from nen_ref.protocol.errors import NenError
from nen_ref.protocol.messages import SIGNATURE_HEADER, TIMESTAMP_HEADER, Request
from nen_ref.protocol.session import SessionKeys
from nen_ref.protocol.signing import canonical_string, sign
from nen_ref.protocol.versions import Version

SHOWN = 200  # characters of a value

_KEYS = {"v1": ("secret", "hmac_key"), "v3": ("enc", "mac")}


def first_difference(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> str:
    """The first value, in the order in which they come about, that both have and that differs; empty if none does."""
    for name in TRACE:
        if name in ours and name in theirs and ours[name] != theirs[name]:
            return difference(name, ours[name], theirs[name])
    return ""


def key_values(version: Version, keys: SessionKeys) -> dict[str, str]:
    """The two keys of a session, by the names that they have in a version."""
    enc, mac = _KEYS[version.family]
    return {enc: keys.enc.hex(), mac: keys.mac.hex()}


def request_values(request: Request, version: Version, keys: SessionKeys) -> dict[str, str]:
    """The intermediate values of a request, by the specification, from what stands on the wire."""
    values = key_values(version, keys)
    if not request.headers.get(SIGNATURE_HEADER):
        return values
    try:
        nonce = version.read_request(request).nonce_text
    except NenError:
        return values
    timestamp = request.headers.get(TIMESTAMP_HEADER, "")
    canonical = canonical_string(request.method, request.path, timestamp, nonce)
    return values | {
        "timestamp": timestamp,
        "canonical_string": canonical.decode("utf-8", "replace"),
        "signature": sign(keys.mac, canonical),
    }


def difference(name: str, expected: Any, got: Any) -> str:
    """Two values that differ, in words: where, and what stands there."""
    if not isinstance(expected, str) or not isinstance(got, str):
        return f"{name} is {_cut(got)}, expected {_cut(expected)}"
    if len(expected) <= SHOWN and len(got) <= SHOWN:
        return f"{name} is {got!r}, expected {expected!r}"
    at = next((i for i, pair in enumerate(zip(expected, got, strict=False)) if len(set(pair)) > 1), None)
    if at is None:
        return f"{name} has {len(got)} characters, expected {len(expected)}"
    start = max(0, at - 8)
    return (
        f"{name} differs from character {at} on (of {len(got)}, expected {len(expected)}): "
        f"...{got[start : at + 24]}..., expected ...{expected[start : at + 24]}..."
    )


def _cut(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
