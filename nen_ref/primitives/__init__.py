"""The cryptographic standards that Nen stands on, one module each, standard library only.

| module | standard |
|---|---|
| `ml_kem` | FIPS 203, ML-KEM |
| `ml_dsa` | FIPS 204, ML-DSA |
| `ml_dsa_keys` | RFC 9881, ML-DSA keys as SubjectPublicKeyInfo and PKCS#8 |
| `chacha20_poly1305` | RFC 8439, ChaCha20, Poly1305 and their AEAD |
| `hmac_sha256` | FIPS 198-1, HMAC over SHA-256 |
| `hkdf_sha256` | RFC 5869, HKDF over SHA-256 |
| `x25519` | RFC 7748, Diffie-Hellman on Curve25519 |
| `suite` | the handful of these functions that Nen calls, under one name |

Every function is one algorithm of its standard and carries its number and name. None of this is
constant-time: Python's integers, lists and branches leak timing. It is for reading, testing and
generating vectors, not for guarding secrets against someone who can measure it.
"""
