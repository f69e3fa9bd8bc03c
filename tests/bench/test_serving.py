"""The suites of the two live ends, against the reference: they differ in whose randomness it is, in nothing else."""

from __future__ import annotations

import os
from dataclasses import fields

import pytest

from nen_ref.primitives.errors import KeyCheckError, LengthError
from nen_ref.primitives.suite import REFERENCE, Suite
from nen_ref.protocol.client import ClientSession
from nen_ref.protocol.handshake import client_hello, respond
from nen_ref.protocol.payload import open_envelope, parse_envelope
from nen_ref.providers import PROVIDERS, UnknownProviderError, provider
from nen_ref.providers.serving import calling_suite, serving_suite

D, Z, M = bytes(range(32)), bytes(range(32, 64)), bytes(range(64, 96))
EK, DK = REFERENCE.ml_kem_768_keygen(D, Z)
SERVING, CALLING = serving_suite("cryptography"), calling_suite("cryptography")


@pytest.mark.parametrize("name", [name for name in PROVIDERS if name != "cryptography"])
def test_a_provider_that_can_do_everything_stays_what_it_is(name: str) -> None:
    assert serving_suite(name) is calling_suite(name) is provider(name)


@pytest.mark.parametrize("choose", [serving_suite, calling_suite])
def test_an_unknown_name(choose: object) -> None:
    with pytest.raises(UnknownProviderError, match="openssl"):
        choose("openssl")  # type: ignore[operator]


def test_what_is_the_librarys() -> None:
    differing = {
        field.name for field in fields(Suite) if getattr(SERVING, field.name) != getattr(REFERENCE, field.name)
    }
    assert differing == {
        "name", "version", "ml_kem_768_encaps", "ml_dsa_65_verify", "aead_seal", "aead_open", "hmac_sha256",
        "hkdf_sha256", "x25519",
    }  # fmt: skip
    assert "cryptography" in SERVING.version
    assert SERVING.unsupported == CALLING.unsupported == {}


def test_encapsulation_is_to_the_key_and_random() -> None:
    (K1, c1), (K2, c2) = SERVING.ml_kem_768_encaps(EK, M), SERVING.ml_kem_768_encaps(EK, M)
    assert REFERENCE.ml_kem_768_decaps(DK, c1) == K1
    assert REFERENCE.ml_kem_768_decaps(DK, c2) == K2
    assert (K1, c1) != (K2, c2), "m is ignored"


def test_encapsulation_refuses_as_ours() -> None:
    with pytest.raises(LengthError):
        SERVING.ml_kem_768_encaps(EK, M[:-1])
    with pytest.raises(LengthError):
        SERVING.ml_kem_768_encaps(EK[:-1], M)
    with pytest.raises(KeyCheckError):
        SERVING.ml_kem_768_encaps(b"\xff\xff\xff" + EK[3:], M)


def test_key_pairs_of_the_caller_are_those_of_the_seed() -> None:
    ek, seed = CALLING.ml_kem_768_keygen(D, Z)
    assert ek == EK
    assert seed == D + Z
    K, c = REFERENCE.ml_kem_768_encaps(EK, M)
    assert CALLING.ml_kem_768_decaps(seed, c) == K
    damaged = c[:-1] + bytes([c[-1] ^ 1])
    assert CALLING.ml_kem_768_decaps(seed, damaged) == REFERENCE.ml_kem_768_decaps(DK, damaged) != K
    with pytest.raises(LengthError):
        CALLING.ml_kem_768_decaps(seed, c[:-1])
    with pytest.raises(LengthError):
        CALLING.ml_kem_768_keygen(D, Z[:-1])


@pytest.mark.parametrize("client", [REFERENCE, CALLING], ids=["ours", "library"])
@pytest.mark.parametrize("server", [REFERENCE, SERVING], ids=["ours", "library"])
def test_a_handshake_between_any_two(client: Suite, server: Suite) -> None:
    session = ClientSession(suite=client)
    body = session.start_handshake(client_hello(os.urandom(32), os.urandom(32), suite=client))
    accepted = respond(body, m=M, mac_key=Z, sid="s", now=0, suite=server)
    session.finish_handshake(accepted.reply)
    signed = session.request("POST", "/", b"1", n=bytes(12), timestamp=0)
    assert signed.body is not None
    assert open_envelope(accepted.session.keys.enc, parse_envelope(signed.body), suite=server) == b"1"
    assert accepted.session.keys.mac == Z
