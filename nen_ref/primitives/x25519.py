"""RFC 7748, X25519: Diffie-Hellman on Curve25519, computed on u-coordinates alone.

Start with `x25519`. Section numbers and names are those of the RFC. Every number is little-endian. Not
constant-time.

What comes of a point of low order is 32 zero bytes, whatever the scalar: no secret at all. `x25519` returns
them as they are; whether to refuse them is the caller's to decide (6.1).
"""

from nen_ref.primitives.errors import LengthError

KEY_LENGTH = 32
"""Bytes of a scalar, of a u-coordinate and of a shared secret."""
P = 2**255 - 19
"""The prime p of Curve25519 (4.1)."""
BITS = 255
"""The bits of a u-coordinate (5)."""
A24 = 121665
"""a24 = (486662 - 2) / 4 (5)."""
BASE_POINT = bytes([9]) + bytes(31)
"""The u-coordinate 9, encoded: X25519(k, 9) is the public key of k (6.1)."""


def x25519(k: bytes, u: bytes) -> bytes:
    """5, X25519(k, u): the u-coordinate of the point u multiplied by the scalar k, 32 bytes.

    k and u 32 bytes each (LengthError), nothing else is refused: every k is clamped, every u is taken as a
    coordinate on the curve or on its twist. All zeros if the point is of low order.
    """
    LengthError.check("k", k, KEY_LENGTH)
    LengthError.check("u", u, KEY_LENGTH)
    return encode_u_coordinate(montgomery_ladder(decode_scalar25519(k), decode_u_coordinate(u)))


def decode_scalar25519(k: bytes) -> int:
    """5, decodeScalar25519: clamp 32 bytes to 2^254 plus eight times a number from 0 to 2^251 - 1."""
    k_list = bytearray(k)
    k_list[0] &= 248
    k_list[31] &= 127
    k_list[31] |= 64
    return int.from_bytes(k_list, "little")


def decode_u_coordinate(u: bytes) -> int:
    """5, decodeUCoordinate: the field element, 0 to p - 1, of 32 bytes.

    The top bit of the last byte is ignored. 2^255 - 19 to 2^255 - 1 are not canonical, and reduced modulo p.
    """
    u_list = bytearray(u)
    u_list[31] &= (1 << BITS % 8) - 1
    return int.from_bytes(u_list, "little") % P


def encode_u_coordinate(u: int) -> bytes:
    """5, encodeUCoordinate: 32 bytes of a number, reduced modulo p."""
    return (u % P).to_bytes(KEY_LENGTH, "little")


def montgomery_ladder(k: int, u: int) -> int:
    """5, the loop over the bits of the scalar k (less than 2^255): the u-coordinate of k times the point u."""
    x_1 = u
    x_2 = 1
    z_2 = 0
    x_3 = u
    z_3 = 1
    swap = 0

    for t in range(BITS - 1, -1, -1):
        k_t = (k >> t) & 1
        swap ^= k_t
        x_2, x_3 = cswap(swap, x_2, x_3)
        z_2, z_3 = cswap(swap, z_2, z_3)
        swap = k_t

        A = (x_2 + z_2) % P
        AA = A * A % P
        B = (x_2 - z_2) % P
        BB = B * B % P
        E = (AA - BB) % P
        C = (x_3 + z_3) % P
        D = (x_3 - z_3) % P
        DA = D * A % P
        CB = C * B % P
        x_3 = (DA + CB) ** 2 % P
        z_3 = x_1 * (DA - CB) ** 2 % P
        x_2 = AA * BB % P
        z_2 = E * (AA + A24 * E) % P

    x_2, x_3 = cswap(swap, x_2, x_3)
    z_2, z_3 = cswap(swap, z_2, z_3)
    return x_2 * pow(z_2, P - 2, P) % P  # 1 / z_2, and 0 for z_2 = 0


def cswap(swap: int, a: int, b: int) -> tuple[int, int]:
    """5, cswap: (a, b) for swap = 0, (b, a) for swap = 1. As the RFC does it, with a mask of zeros or ones."""
    dummy = -swap & (a ^ b)
    return a ^ dummy, b ^ dummy
