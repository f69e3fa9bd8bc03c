"""What these tests compare with: the wire of Nen V1 written once more, without nen_ref.

HMAC is of the standard library; AEAD, ML-KEM and ML-DSA are of cryptography (OpenSSL). Expected values come from here,
from the recorded transcripts, or are typed by hand; never from the code under test.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import traceback
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar

import pytest
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import strategies as st

from nen_ref.protocol.errors import NenError

T = TypeVar("T")

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
JSON_VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=8
)
BASE64_TEXTS = st.binary(max_size=64).map(lambda data: base64.b64encode(data).decode())


def secret(name: str, size: int = 32) -> bytes:
    """Bytes that look random and are the same in every run."""
    return hashlib.shake_128(name.encode()).digest(size)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def unb64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def mac(key: bytes, text: bytes) -> bytes:
    return hmac.new(key, text, hashlib.sha256).digest()


def hkdf(ikm: bytes, label: str) -> bytes:
    """32 bytes, without a salt."""
    return HKDF(SHA256(), 32, None, label.encode()).derive(ikm)


def seal(key: bytes, nonce: bytes, plaintext: bytes) -> bytes:
    return ChaCha20Poly1305(key).encrypt(nonce, plaintext, None)


def unseal(key: bytes, nonce: bytes, sealed: bytes) -> bytes:
    """Raises cryptography's InvalidTag."""
    return ChaCha20Poly1305(key).decrypt(nonce, sealed, None)


def envelope(key: bytes, nonce: bytes, plaintext: bytes, **further: object) -> bytes:
    """The body of a sealed request or answer."""
    return json.dumps({"ct": b64(seal(key, nonce, plaintext)), "n": b64(nonce), **further}).encode()


def signature(mac_key: bytes, method: str, path: str, timestamp: str, nonce_text: str) -> str:
    return b64(mac(mac_key, f"{method}\n{path}\n{timestamp}\n{nonce_text}".encode()))


def frame_nonce(base_nonce: bytes, i: int) -> bytes:
    """nonce_i of a stream, byte by byte: byte 8 + j of the base nonce XOR byte j of i, the lowest first."""
    return base_nonce[:8] + bytes(base_nonce[8 + j] ^ (i >> 8 * j & 0xFF) for j in range(4))


def frames(key: bytes, base_nonce: bytes, plaintexts: Iterable[bytes]) -> list[bytes]:
    """The events of a stream, one for each plaintext, in the form that a server sends them."""
    sealed = (seal(key, frame_nonce(base_nonce, i), plaintext) for i, plaintext in enumerate(plaintexts))
    return [b"data: " + base64.b64encode(ct) + b"\n\n" for ct in sealed]


class KemPeer:
    """An ML-KEM-768 key pair of OpenSSL."""

    def __init__(self, name: str) -> None:
        self.d, self.z = secret(name + " d"), secret(name + " z")
        self._key = MLKEM768PrivateKey.from_seed_bytes(self.d + self.z)
        self.ek = self._key.public_key().public_bytes_raw()

    def decapsulate(self, ct: bytes) -> bytes:
        return self._key.decapsulate(ct)


def encapsulate(ek: bytes) -> tuple[bytes, bytes]:
    """(shared secret, ct), with OpenSSL's own randomness."""
    return MLKEM768PublicKey.from_public_bytes(ek).encapsulate()


class Signer:
    """An ML-DSA-65 key pair of OpenSSL."""

    def __init__(self, name: str) -> None:
        self.seed = secret(name)
        self._key = MLDSA65PrivateKey.from_seed_bytes(self.seed)
        self.pk = self._key.public_key().public_bytes_raw()
        self.spki = self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def sign(self, message: bytes, context: bytes = b"") -> bytes:
        return self._key.sign(message, context or None)

    def verifies(self, signature_: bytes, message: bytes) -> None:
        """Raises cryptography's InvalidSignature."""
        self._key.public_key().verify(signature_, message)

    def members(self, ek: bytes) -> dict[str, str]:
        return {"sigPk": b64(self.spki), "sigOfPk": b64(self.sign(ek))}


def code_of(action: Callable[..., Any], *arguments: Any, **named: Any) -> str | None:
    """The code of the NenError that `action` raises, None if it raises none; any other exception goes through."""
    try:
        action(*arguments, **named)
    except NenError as error:
        return error.code
    return None


def refused(code: str, action: Callable[..., Any], *arguments: Any, **named: Any) -> NenError:
    """Assert that `action` raises a NenError of this code, and return it."""
    with pytest.raises(NenError) as caught:
        action(*arguments, **named)
    assert caught.value.code == code, f"{caught.value}, not {code}"
    return caught.value


def at_once(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that awaits nothing."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    coroutine.close()
    raise AssertionError("it awaited something")


def leaks(text: str, key: bytes) -> list[str]:
    """The forms in which eight successive bytes of `key` appear in `text`: hex, base64, repr, a list of numbers."""
    folded = text.lower()
    found = []
    for i in range(len(key) - 7):
        part = key[i : i + 8]
        forms = {
            "hex": part.hex() in folded,
            "hex with separators": part.hex(" ") in folded or part.hex(":") in folded,
            "base64": i % 3 == 0 and len(key) - i >= 9 and b64(key[i : i + 9]) in text,
            "URL-safe base64": i % 3 == 0
            and len(key) - i >= 9
            and base64.urlsafe_b64encode(key[i : i + 9]).decode() in text,
            "repr": repr(part)[2:-1] in text,
            "escapes": "".join(f"\\x{byte:02x}" for byte in part) in folded,
            "numbers": ", ".join(map(str, part)) in text,
            "latin-1": part.decode("latin-1") in text,
        }
        found += [form for form, there in forms.items() if there]
    return found


def texts_of(value: object) -> str:
    """repr and str of a value; of an exception also its arguments and what a log of its traceback holds."""
    texts = [repr(value), str(value), f"{value}"]
    if isinstance(value, BaseException):
        texts += [repr(argument) for argument in value.args]
        texts += traceback.TracebackException.from_exception(value).format_exception_only()
        inner = value.__cause__ or (None if value.__suppress_context__ else value.__context__)
        texts += [texts_of(inner)] if inner is not None else []
    return "\n".join(texts)
