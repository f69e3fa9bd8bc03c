"""`python -m docs.make` writes build/pages, which mkdocs reads. Exit code 1: a link or an example is wrong; 2: npm is
missing, or gives nothing."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from docs.make import assemble, npm, reference, worked_model


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m docs.make", description="Write the pages that mkdocs reads.")
    parser.add_argument("--out", type=Path, default=assemble.ROOT / "build" / "pages", help="build/pages by default")
    parser.add_argument("--no-npm", action="store_true", help="leave out diagrams and playground runtime (from npm)")
    parser.add_argument("--menu", action="store_true", help="first bring the modules in mkdocs.yml up to date")
    arguments = parser.parse_args()
    if arguments.menu:
        settings = assemble.ROOT / "mkdocs.yml"
        before = settings.read_text(encoding="utf-8").partition("  - Code:\n")[0]
        settings.write_text(before + reference.menu(), encoding="utf-8")
    try:
        made = assemble.write(arguments.out, packages=not arguments.no_npm)
    except npm.NpmError as error:
        print(f"{error}\nWithout them: python -m docs.make --no-npm", file=sys.stderr)
        return 2
    except worked_model.WorkedError as error:
        print(error, file=sys.stderr)
        return 1
    for problem in made.problems:
        print(problem, file=sys.stderr)
    print(f"{len(made.pages)} pages in {arguments.out}")
    return 1 if made.problems else 0


if __name__ == "__main__":
    sys.exit(main())
