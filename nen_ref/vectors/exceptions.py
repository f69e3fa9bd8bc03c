"""Where a witness is known to be wrong: each with its reason, and the sentence of the standard that decides."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class KnownFault:
    """Vectors on which a library is wrong: those whose ids begin so, and that have the flag.

    `wrongly` is the one wrong thing that it does, "refuses" or "accepts": anything else is a disagreement.
    `by_chance`: it does so by its own randomness, so that it is no witness of these even where it happens to agree.
    """

    witness: str
    ids: str
    flag: str
    wrongly: str
    reason: str
    source: str
    by_chance: bool = False

    def covers(self, witness: str, id: str, flags: Collection[str]) -> bool:
        """Whether it is about this vector, answered by this library."""
        return witness == self.witness and id.startswith(self.ids) and self.flag in flags


EXCEPTIONS: tuple[KnownFault, ...] = (
    KnownFault(
        witness="pycryptodome",
        ids="primitives/ml_kem_768_",
        flag="NotFromKeygen",
        wrongly="refuses",
        reason="it refuses a decapsulation key that does not open what its own ek seals, tried with random messages",
        source="FIPS 203, 7.3: decapsulation checks the types of c and dk and the hash in dk, and nothing else",
        by_chance=True,
    ),
    KnownFault(
        witness="pycryptodome",
        ids="primitives/ml_dsa_65_spki_decode/parameters-null",
        flag="Parameters",
        wrongly="accepts",
        reason="it accepts an AlgorithmIdentifier whose parameters are NULL",
        source="RFC 9881, 2: the parameters field of the AlgorithmIdentifier MUST be absent",
    ),
)
