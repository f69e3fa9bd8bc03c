"""The harness of a mutant: `python -m nen_ref.conformance.mutants.harness ID`.

That of the reference, in a process to which the fault was applied first.
"""

from __future__ import annotations

import sys

from nen_ref.conformance.model import Kind
from nen_ref.conformance.mutants import quick
from nen_ref.conformance.mutants.model import CATALOGUE, Mutant, all_mutants


def command(mutant: Mutant, catalogue: str = CATALOGUE) -> tuple[str, ...]:
    """What starts the harness of a mutant."""
    return (sys.executable, "-m", f"{CATALOGUE}.harness", mutant.id, catalogue)


def main() -> None:
    id, catalogue, *_ = [*sys.argv[1:], CATALOGUE]
    mutants = {mutant.id: mutant for mutant in all_mutants(catalogue)}
    if id not in mutants:
        sys.exit(f"there is no mutant {id} in {catalogue}")
    quick.for_a_harness()
    if mutants[id].kind is Kind.SERVER:
        quick.for_a_server()
    mutants[id].apply()
    # Only now, so that it takes everything from modules that are broken already.
    from nen_ref.conformance.harness import reference

    reference.main()


if __name__ == "__main__":
    main()
