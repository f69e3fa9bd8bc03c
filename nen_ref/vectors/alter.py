"""Values with one thing altered, for vectors and cases that have to be refused, or to give something else."""

from __future__ import annotations


def flipped(data: bytes, position: int = 0, mask: int = 1) -> bytes:
    """The bytes with the bits of the mask flipped in one of them; a negative position counts from the end."""
    altered = bytearray(data)
    altered[position] ^= mask
    return bytes(altered)


def flipped_bit(data: bytes, position: int, bit: int = 0) -> bytes:
    """The bytes with one bit of one of them flipped, 0 the lowest; a negative position counts from the end."""
    return flipped(data, position, 1 << bit)


def with_coefficient(ek: bytes, index: int, value: int) -> bytes:
    """An ML-KEM encapsulation key with one of its coefficients replaced; two of 12 bits share three bytes."""
    at, shift = index // 2 * 3, 12 * (index % 2)
    pair = int.from_bytes(ek[at : at + 3], "little") & ~(0xFFF << shift) | value << shift
    return ek[:at] + pair.to_bytes(3, "little") + ek[at + 3 :]
