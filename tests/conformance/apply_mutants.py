"""Run as a program: apply each mutant in a process of its own, forked from this one; name those that do not apply."""

from __future__ import annotations

import os
import sys

from nen_ref.conformance.mutants.model import all_mutants


def main() -> None:
    for mutant in all_mutants(*sys.argv[1:]):
        child = os.fork()
        if child == 0:
            try:
                mutant.apply()
            except Exception as fault:
                print(mutant.id, repr(fault), flush=True)
            os._exit(0)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
