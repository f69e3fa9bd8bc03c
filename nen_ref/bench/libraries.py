"""Who competes: the reference, every provider that is installed, and pure-Python peers that are no providers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import Any

from nen_ref.primitives.errors import AuthenticationError
from nen_ref.primitives.suite import REFERENCE, Suite
from nen_ref.providers import PROVIDERS, MissingLibraryError
from nen_ref.providers.serving import calling_suite

OURS = "nen-ref"
PEER_AEAD = "chacha20poly1305"
PACKAGES = ("nen-ref", "kyber-py", "dilithium-py", PEER_AEAD, "pycryptodome", "cryptography")
"""Whose versions a result carries."""

_OF_PYPI = {"ml_kem_768": "kyber-py", "ml_dsa_65": "dilithium-py"}


def suites() -> dict[str, Suite]:
    """Of what is installed, by provider, the reference first."""
    found = {}
    for name in PROVIDERS:
        try:
            found[name] = calling_suite(name)
        except MissingLibraryError:
            continue
    return found


def own(operation: str) -> dict[str, Suite]:
    """Of the suites those that do not borrow this operation (a field of Suite), by the library that does it."""
    found: dict[str, Suite] = {}
    seen: list[Callable[..., Any]] = []
    for name, suite in suites().items():
        function = getattr(suite, operation)
        if operation not in suite.unsupported and function not in seen:
            seen.append(function)
            found[_library(name, operation)] = suite
    return found


def with_peer_aead() -> dict[str, Suite]:
    """`own("aead_seal")`, and the package chacha20poly1305 where it is installed."""
    found = own("aead_seal")
    try:
        cipher = import_module(PEER_AEAD).ChaCha20Poly1305
    except ImportError:
        return found

    def seal(key: bytes, nonce: bytes, plaintext: bytes) -> bytes:
        return bytes(cipher(key).encrypt(nonce, bytearray(plaintext)))

    def open_(key: bytes, nonce: bytes, sealed: bytes) -> bytes:
        plaintext = cipher(key).decrypt(nonce, bytearray(sealed))
        if plaintext is None:
            raise AuthenticationError("shorter than a tag")
        return bytes(plaintext)

    ours, *others = found
    peer = replace(REFERENCE, name=PEER_AEAD, aead_seal=seal, aead_open=open_)
    return {ours: found[ours], PEER_AEAD: peer} | {name: found[name] for name in others}


def _library(provider: str, operation: str) -> str:
    if provider == REFERENCE.name:
        return OURS
    if provider == "pypi":
        return next((library for start, library in _OF_PYPI.items() if operation.startswith(start)), "pycryptodome")
    return provider
