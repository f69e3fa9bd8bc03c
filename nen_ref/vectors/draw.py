"""All chance of the vectors: bytes drawn from a seed, each by its name.

    octets(label, n) = the first n bytes of SHAKE256(seed || label)

with the seed of 32 bytes and the label in UTF-8. There is no state, so that draws may happen in any order and in any
process. Labels begin with the name of their file, and no label is used twice for different values:
`primitives/ml_kem_768_keygen/random/17/d`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import shake_256

SEED_SIZE = 32
DEFAULT_SEED = b"nen-ref, the public test vectors"
"""The seed of the published files, 32 bytes of ASCII."""


@dataclass(frozen=True)
class Draw:
    """Draws under one seed, all labels behind `prefix`."""

    seed: bytes = field(repr=False)
    prefix: str = ""

    def __call__(self, label: str, size: int = 32) -> bytes:
        """`size` bytes of this label."""
        return shake_256(self.seed + f"{self.prefix}{label}".encode()).digest(size)

    def below(self, label: str, bound: int) -> int:
        """An integer in 0 .. bound - 1: 16 bytes of this label, little-endian, modulo the bound."""
        return int.from_bytes(self(label, 16), "little") % bound

    def under(self, name: str) -> Draw:
        """The draws whose labels begin with `name/`."""
        return Draw(self.seed, f"{self.prefix}{name}/")
