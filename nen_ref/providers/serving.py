"""Suites for the two ends of a live connection, where randomness need not be ours and no answer is made again.

The provider `cryptography` draws the randomness of ML-KEM itself and keeps a decapsulation key as its seed, so that its
Suite can neither encapsulate nor make a key pair (`nen_ref.providers.pyca`). A server that is not replayed does not
mind the first, a client that keeps its own keys not the second. Whoever wants such a suite asks for it by name here.
"""

from __future__ import annotations

from dataclasses import replace

from nen_ref.primitives.errors import KeyCheckError
from nen_ref.primitives.ml_kem import Encapsulation, KeyPair
from nen_ref.primitives.suite import REFERENCE, Suite
from nen_ref.providers import provider
from nen_ref.providers.arguments import check_lengths

LIBRARY = "cryptography"


def serving_suite(name: str) -> Suite:
    """What a server computes with: the suite of this provider, and for `cryptography` one that can encapsulate.

    That one is ours but for ML-KEM-768 encapsulation, the AEAD, HMAC, HKDF, X25519 and ML-DSA-65 verification. Its
    encapsulation checks the length of `m` and then ignores it: the library draws its own. Raises as `provider`.
    """
    return _library_with_encapsulation() if name == LIBRARY else provider(name)


def calling_suite(name: str) -> Suite:
    """What a client computes with: the suite of this provider, and for `cryptography` one that can make key pairs.

    That one is `serving_suite`'s, but its `dk` is the 64-byte seed d || z: good for its own decapsulation and nothing
    else. Raises as `provider`.
    """
    return _library_with_key_pairs() if name == LIBRARY else provider(name)


def _library_with_encapsulation() -> Suite:
    library = provider(LIBRARY)
    from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey

    def encaps(ek: bytes, m: bytes) -> Encapsulation:
        check_lengths(ek=ek, m=m)
        try:
            K, c = MLKEM768PublicKey.from_public_bytes(ek).encapsulate()
        except ValueError as error:
            raise KeyCheckError("ek fails a check of cryptography") from error
        return Encapsulation(K, c)

    return replace(
        REFERENCE,
        name=library.name,
        version=library.version,
        ml_kem_768_encaps=encaps,
        ml_dsa_65_verify=library.ml_dsa_65_verify,
        aead_seal=library.aead_seal,
        aead_open=library.aead_open,
        hmac_sha256=library.hmac_sha256,
        hkdf_sha256=library.hkdf_sha256,
        x25519=library.x25519,
    )


def _library_with_key_pairs() -> Suite:
    serving = _library_with_encapsulation()
    from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey

    def keygen(d: bytes, z: bytes) -> KeyPair:
        check_lengths(d=d, z=z)
        seed = d + z
        return KeyPair(MLKEM768PrivateKey.from_seed_bytes(seed).public_key().public_bytes_raw(), seed)

    def decaps(dk: bytes, c: bytes) -> bytes:
        check_lengths(c=c)
        return MLKEM768PrivateKey.from_seed_bytes(dk).decapsulate(c)

    return replace(serving, ml_kem_768_keygen=keygen, ml_kem_768_decaps=decaps)
