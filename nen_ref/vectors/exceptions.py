"""Where a witness is known to be wrong: each with its reason, and the sentence of the standard that decides."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class KnownFault:
    """Vectors on which a witness is wrong: their ids, or beginnings of these."""

    witness: str
    ids: tuple[str, ...]
    reason: str
    source: str

    def covers(self, witness: str, id: str) -> bool:
        return witness == self.witness and id.startswith(self.ids)


EXCEPTIONS: tuple[KnownFault, ...] = ()
