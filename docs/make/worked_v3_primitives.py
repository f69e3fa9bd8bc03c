"""Worked examples of the primitives that V3 adds: HKDF-SHA256 and X25519."""

from __future__ import annotations

from docs.make.worked_model import Example, Final, Make, Step, vector
from nen_ref.primitives import hkdf_sha256 as hkdf
from nen_ref.primitives import x25519 as x
from nen_ref.primitives.errors import LimitError
from nen_ref.primitives.hmac_sha256 import hmac_sha256


def hkdf_two_blocks() -> Example:
    found = vector("primitives/hkdf_sha256/rfc-5869-a-3")
    ikm, info, length = (found.input[name] for name in ("ikm", "info", "length"))
    PRK = hkdf.hkdf_extract(hkdf.NO_SALT, ikm)
    first = hmac_sha256(PRK, info + b"\x01")
    second = hmac_sha256(PRK, first + info + b"\x02")
    steps = [
        Step("IKM", ikm),
        Step("salt", hkdf.NO_SALT, "none is given: HashLen zeros"),
        Step("info", info),
        Step("L", length, "so N is 2"),
        Step("PRK", PRK, "extracted: HMAC of IKM under the salt"),
        Step("T(1)", first, "HMAC of info and 01 under PRK"),
        Step("T(2)", second, "HMAC of T(1), info and 02 under PRK"),
    ]
    okm = hkdf.hkdf_expand(PRK, info, length)
    return Example(found, steps, [Final("OKM, the first 42 bytes", okm, found.output["okm"], "okm")])


def hkdf_label() -> Example:
    found = vector("primitives/hkdf_sha256/label-enc")
    ikm, info, length = (found.input[name] for name in ("ikm", "info", "length"))
    steps = [
        Step("ikm", ikm, "where V3 has the shared secret of a handshake"),
        Step("info", info, f"'{info.decode()}'"),
        Step("PRK", hkdf.hkdf_extract(hkdf.NO_SALT, ikm)),
    ]
    return Example(found, steps, [Final("okm", hkdf.hkdf_sha256(ikm, info, length), found.output["okm"], "okm")])


def hkdf_limit() -> Example:
    found = vector("primitives/hkdf_sha256/output-of-8160")
    ikm, info, length = (found.input[name] for name in ("ikm", "info", "length"))
    okm = hkdf.hkdf_sha256(ikm, info, length)
    steps = [
        Step("L", length, "255 blocks of 32 bytes"),
        Step("the first block", okm[:32]),
        Step("the last block", okm[-32:], "its number is ff"),
        Step("one byte more is refused", _is_too_long(ikm, info, length + 1)),
    ]
    return Example(found, steps, [Final("OKM", okm, found.output["okm"], "okm")])


def _is_too_long(ikm: bytes, info: bytes, length: int) -> bool:
    try:
        hkdf.hkdf_sha256(ikm, info, length)
    except LimitError:
        return True
    return False


def x25519_first() -> Example:
    found = vector("primitives/x25519/rfc-7748-5-2-1")
    k, u = found.input["k"], found.input["u"]
    steps = [
        Step("k", k),
        Step("k decoded", str(x.decode_scalar25519(k)), "clamped: the first byte is a0, the last 44"),
        Step("u", u),
        Step("u decoded", str(x.decode_u_coordinate(u))),
    ]
    return Example(found, steps, [Final("X25519(k, u)", x.x25519(k, u), found.output["shared"], "shared")])


def x25519_decoding() -> Example:
    found = vector("primitives/x25519/non-canonical-18-top-bit")
    k, u = found.input["k"], found.input["u"]
    other = x.encode_u_coordinate(x.decode_u_coordinate(u))
    steps = [
        Step("u", u, "all ones: the highest bit is not a part of it, and the rest is p + 18"),
        Step("u decoded", x.decode_u_coordinate(u)),
        Step("encoded again", other, "the canonical form"),
    ]
    return Example(
        found, steps, [Final("X25519 of the canonical form", x.x25519(k, other), found.output["shared"], "shared")]
    )


def x25519_ladder() -> Example:
    found = vector("primitives/x25519/rfc-7748-6-1-alice")
    k, u = found.input["k"], found.input["u"]
    scalar = x.decode_scalar25519(k)
    first = [x.encode_u_coordinate(x.montgomery_ladder(scalar >> 255 - i, 9)) for i in (1, 2, 3)]
    steps = [
        Step("k", k),
        Step("u", u, "9, the base point"),
        Step("the ladder of bit 254 alone", first[0], "1 times the point: clamping has set this bit"),
        Step("of the two highest bits", first[1], f"{scalar >> 253} times the point"),
        Step("of the three highest bits", first[2], f"{scalar >> 252} times the point"),
        Step("cswap(1, 5, 7)", list(x.cswap(1, 5, 7)), "exchanged without a branch"),
    ]
    return Example(found, steps, [Final("of all 255 bits", x.x25519(k, u), found.output["shared"], "shared")])


def x25519_zeros() -> Example:
    found = vector("primitives/x25519/low-drawn-order-8")
    k, u = found.input["k"], found.input["u"]
    scalar, point = x.decode_scalar25519(k), x.decode_u_coordinate(u)
    steps = [
        Step("u", u, "one of two points of order 8"),
        Step("k modulo 8", scalar % 8, "clamping: so for every k"),
        Step("1 times the point", x.encode_u_coordinate(x.montgomery_ladder(1, point))),
        Step("8 times the point", x.encode_u_coordinate(x.montgomery_ladder(8, point)), "it is at infinity"),
    ]
    return Example(found, steps, [Final("X25519(k, u)", x.x25519(k, u), found.output["shared"], "shared")])


EXAMPLES: dict[str, Make] = {
    "hkdf_sha256": hkdf_two_blocks,
    "hkdf_sha256.label": hkdf_label,
    "hkdf_sha256.limit": hkdf_limit,
    "x25519": x25519_first,
    "x25519.decoding": x25519_decoding,
    "x25519.ladder": x25519_ladder,
    "x25519.zeros": x25519_zeros,
}
