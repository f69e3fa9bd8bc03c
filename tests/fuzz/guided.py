"""The same targets under atheris: libFuzzer, led by which lines of nen_ref an input reaches. Optional.

It mutates with our own mutations too, so that it gets behind signatures; see `Target.draw`.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
from pathlib import Path
from random import Random

MISSING = "atheris is not installed: pip install 'nen-ref[fuzz]'. The plain engine needs nothing more."


def guided(name: str, inputs: int) -> int:
    """Run `inputs` inputs of a target; the status is libFuzzer's, whose report goes to stderr. Does not return then."""
    try:
        import atheris
    except ImportError:
        print(MISSING, file=sys.stderr)
        return 2
    for module in [loaded for loaded in sys.modules if loaded.startswith(("nen_ref", "tests.fuzz"))]:
        del sys.modules[module]
    with atheris.instrument_imports(
        include=["nen_ref.protocol", "nen_ref.http", "nen_ref.stores", "nen_ref.primitives.ml_dsa_keys"]
    ):
        targets = importlib.import_module("tests.fuzz.targets").TARGETS
    engine = importlib.import_module("tests.fuzz.engine")
    target = targets[name]

    def one(data: bytes) -> None:
        target.run(data)

    def change(data: bytes, most: int, seed: int) -> bytes:
        rng = Random(seed)
        if rng.random() < 0.5:
            return bytes(atheris.Mutate(data, len(data)))[:most] if data else b"\n"
        if rng.random() < 0.3:
            return bytes(engine.drawn_input(target, rng)[:most])
        return bytes(engine.mutate(rng, data, engine.seeds_of(target))[:most])

    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(engine.seeds_of(target)[:500]):
            (Path(corpus) / str(number)).write_bytes(seed)
        arguments = [
            sys.argv[0],
            f"-runs={inputs}",
            "-max_len=65536",
            "-timeout=20",
            "-rss_limit_mb=1024",
            "-print_final_stats=1",
        ]
        kept = Path("build/fuzz")
        kept.mkdir(parents=True, exist_ok=True)
        atheris.Setup([*arguments, f"-artifact_prefix={kept}/{name}-", corpus], one, custom_mutator=change)
        atheris.Fuzz()
    return 0
