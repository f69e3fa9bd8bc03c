"""Broken libraries: the primitives that V3 adds, HKDF-SHA256 and X25519. Each function below is one fault."""

from __future__ import annotations

from typing import Any

from nen_ref.conformance.mutants.model import mutant
from nen_ref.conformance.mutants.patch import around, instead_of, set_field
from nen_ref.primitives import hkdf_sha256 as hkdf
from nen_ref.primitives import x25519 as x
from nen_ref.primitives.errors import LengthError
from nen_ref.primitives.hmac_sha256 import hmac_sha256
from nen_ref.primitives.suite import REFERENCE

V3 = ("v3/library-",)
OTHER_KEYS = "it derives other keys than everybody else"


def _expanded(PRK: bytes, info: bytes, L: int, first: int = 1) -> bytes:
    """The expansion without its limit, its blocks numbered from `first` on, modulo 256."""
    T = b""
    okm = b""
    for i in range(-(-L // 32)):
        T = hmac_sha256(PRK, T + info + bytes([(first + i) % 256]))
        okm += T
    return okm[:L]


# HKDF-SHA256


@mutant("library/hkdf-extraction-left-out", "V3-PRIM-01", *V3, gains=OTHER_KEYS)
def _() -> None:
    """An ikm of 32 bytes and more is taken for a pseudorandom key: there is no extraction."""

    @around(hkdf.hkdf_extract)
    def _(original: Any, salt: bytes, IKM: bytes) -> Any:
        return IKM if len(IKM) >= 32 else original(salt, IKM)


@mutant("library/hkdf-keyed-with-ikm", "V3-PRIM-01", *V3, gains=OTHER_KEYS)
def _() -> None:
    """The extraction takes ikm for the key of its HMAC and the salt for the text."""

    @around(hkdf.hkdf_extract)
    def _(original: Any, salt: bytes, IKM: bytes) -> Any:
        return original(IKM, salt)


@mutant("library/hkdf-blocks-from-zero", "V3-PRIM-01", *V3, gains=OTHER_KEYS)
def _() -> None:
    """The blocks of the expansion are numbered from 0."""

    @around(hkdf.hkdf_expand)
    def _(original: Any, PRK: bytes, info: bytes, L: int) -> Any:
        original(PRK, info, L)
        return _expanded(PRK, info, L, first=0)


@mutant("library/hkdf-info-to-zero-byte", "V3-PRIM-01", gains="two labels with one beginning give one key")
def _() -> None:
    """Info ends at its first zero byte, as a text of C does."""

    @around(hkdf.hkdf_expand)
    def _(original: Any, PRK: bytes, info: bytes, L: int) -> Any:
        return original(PRK, info.partition(b"\0")[0], L)


@mutant("library/hkdf-no-limit", "V3-PRIM-02", gains="what it gives beyond 255 blocks is no key that anybody defines")
def _() -> None:
    """The expansion goes on after 255 blocks, and the number of a block begins anew."""
    instead_of(hkdf.hkdf_expand)(_expanded)


@mutant("library/hkdf-length-cut", "V3-PRIM-02", gains="who asks for a long key has a short one")
def _() -> None:
    """The length is cut to 16 bits before it is compared with the limit."""

    @around(hkdf.hkdf_expand)
    def _(original: Any, PRK: bytes, info: bytes, L: int) -> Any:
        return original(PRK, info, L % 2**16)


# X25519


@mutant("library/x25519-not-clamped", "V3-PRIM-03", *V3, gains="a public key of low order tells three bits of the key")
def _() -> None:
    """The lowest three bits of a private key are not cleared."""

    @around(x.decode_scalar25519)
    def _(original: Any, k: bytes) -> Any:
        return original(k) | k[0] & 7


@mutant("library/x25519-other-a24", "V3-PRIM-03", *V3, gains=OTHER_KEYS)
def _() -> None:
    """The ladder has 121666, as other formulas for the same curve do, in place of 121665."""
    set_field(x, "A24", 121666)


@mutant(
    "library/x25519-highest-bit-counts", "V3-PRIM-04", *V3, gains="it has another secret with every second random u"
)
def _() -> None:
    """The highest bit of a public key is taken for a part of the number."""

    @instead_of(x.decode_u_coordinate)
    def _(u: bytes) -> int:
        return int.from_bytes(u, "little") % x.P


@mutant("library/x25519-canonical-alone", "V3-PRIM-04", *V3, gains="it refuses right keys")
def _() -> None:
    """A public key of 2^255 - 19 and more is refused."""

    @around(x.decode_u_coordinate)
    def _(original: Any, u: bytes) -> Any:
        if int.from_bytes(u, "little") % 2**255 >= x.P:
            raise LengthError("not canonical")
        return original(u)


@mutant(
    "library/x25519-twist-refused", "V3-PRIM-04", *V3, gains="who asks learns that it checks, and half of all u fail"
)
def _() -> None:
    """A public key that no point of the curve has, but one of the twist, is refused."""

    @around(x.decode_u_coordinate)
    def _(original: Any, u: bytes) -> Any:
        number = original(u)
        if pow(number**3 + 486662 * number**2 + number, (x.P - 1) // 2, x.P) == x.P - 1:
            raise LengthError("not on the curve")
        return number


@mutant("library/x25519-zeros-refused", "V3-PRIM-05", *V3, gains="it agrees with no other on the function")
def _() -> None:
    """The function itself refuses a result of 32 zero bytes, which is for the handshake to do."""

    @around(REFERENCE.x25519)
    def _(original: Any, k: bytes, u: bytes) -> Any:
        shared = original(k, u)
        if shared == bytes(32):
            raise LengthError("of low order")
        return shared


@mutant("library/x25519-any-length", "V3-PRIM-06", *V3, gains="a key of one byte and that byte with zeros are one key")
def _() -> None:
    """A shorter key is filled with zeros, a longer one is cut."""

    @around(REFERENCE.x25519)
    def _(original: Any, k: bytes, u: bytes) -> Any:
        return original(k.ljust(32, b"\0")[:32], u.ljust(32, b"\0")[:32])
