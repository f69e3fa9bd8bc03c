"""Where a witness is known to be wrong: each with its reason, and the sentence of the standard that decides."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class KnownFault:
    """Vectors on which a witness is wrong: those of a file (or a beginning of file names) that have the flag.

    `by_chance`: its answer depends on its own randomness, so that it is not even heard.
    """

    witness: str
    file: str
    flag: str
    reason: str
    source: str
    by_chance: bool = False

    def covers(self, witness: str, id: str, flags: Collection[str]) -> bool:
        return witness == self.witness and id.startswith(self.file) and self.flag in flags


EXCEPTIONS: tuple[KnownFault, ...] = (
    KnownFault(
        witness="pycryptodome",
        file="primitives/ml_kem_768_",
        flag="NotFromKeygen",
        reason="it refuses a decapsulation key that does not open what its own ek seals, tried with random messages",
        source="FIPS 203, 7.3: decapsulation checks the types of c and dk and the hash in dk, and nothing else",
        by_chance=True,
    ),
    KnownFault(
        witness="pycryptodome",
        file="primitives/ml_dsa_65_spki_decode",
        flag="Parameters",
        reason="it accepts an AlgorithmIdentifier whose parameters are NULL",
        source="RFC 9881, 2: the parameters field of the AlgorithmIdentifier MUST be absent",
    ),
)
