"""Less computing: a run of all mutants makes twenty thousand sessions.

Where the library `cryptography` is installed, its AEAD and its ML-KEM do the work of the reference's in the suite's
worker and in the servers; the faults of the servers lie elsewhere, or replace these functions again. Nothing else
changes, so that without it the results are the same, and later. Clients and libraries keep the reference's primitives.
"""

from __future__ import annotations

import importlib.util
import ssl
from functools import cache, lru_cache
from typing import Any

from nen_ref.conformance.mutants.patch import bind, set_field
from nen_ref.primitives import ml_dsa
from nen_ref.primitives.ml_kem import Encapsulation
from nen_ref.primitives.suite import REFERENCE

INSTALLED = importlib.util.find_spec("cryptography") is not None


@cache
def for_the_suite() -> None:
    """What the suite computes of its seed is the same for every mutant, and is kept; AEAD and decapsulation."""
    for pure in (REFERENCE.ml_dsa_65_keygen, ml_dsa.sign_internal, REFERENCE.ml_kem_768_encaps):
        bind(pure, lru_cache(maxsize=1000)(pure))
    keygen, decaps = REFERENCE.ml_kem_768_keygen, REFERENCE.ml_kem_768_decaps
    seeds: dict[bytes, bytes] = {}

    @lru_cache(maxsize=2000)
    def kept(d: bytes, z: bytes) -> Any:
        pair = keygen(d, z)
        seeds[pair.dk] = d + z
        return pair

    def quick_decaps(dk: bytes, c: bytes) -> bytes:
        if dk not in seeds or len(c) != 1088:
            return decaps(dk, c)
        return MLKEM768PrivateKey.from_seed_bytes(seeds[dk]).decapsulate(c)

    bind(keygen, kept)
    if INSTALLED:
        from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey

        bind(decaps, quick_decaps)
        _quick_aead()


def for_a_harness() -> None:
    """No certificates: what the suite gives to a client is at http://127.0.0.1, and loading them takes as long as
    everything else that a harness starts with."""
    ssl.create_default_context = lambda *_args, **_options: ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def for_a_server() -> None:
    """AEAD, and encapsulation with randomness of its own: a server's is random anyway."""
    if not INSTALLED:
        return
    from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey

    encaps = REFERENCE.ml_kem_768_encaps

    def quick_encaps(ek: bytes, m: bytes) -> Encapsulation:
        try:
            return Encapsulation(*MLKEM768PublicKey.from_public_bytes(ek).encapsulate())
        except ValueError:  # a key that its check should have refused
            return encaps(ek, m)

    bind(encaps, quick_encaps)
    _quick_aead()


def _quick_aead() -> None:
    from nen_ref.providers import pyca

    set_field(REFERENCE, "aead_seal", pyca.aead_seal)  # the functions of chacha20_poly1305 itself have AAD, and stay
    set_field(REFERENCE, "aead_open", pyca.aead_open)
