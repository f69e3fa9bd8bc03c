"""check.py fails for every difference between what mutmut finds and what survivors.toml says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutation import check
from tests.mutation.check import Change, Explained, Mutant, only_codec_name, only_zip_strict

LIST = """
pattern = [{ name = "zip strict", reason = "r" }]
explained = [
  { reason = "r", mutants = [{ in = "nen_ref.a.f", was = "x", now = "y" }] },
  { reason = "r", mutants = [{ in = "nen_ref.a.g", was = "x", now = "y", times = 2 }] },
]
"""
F, G = Change("nen_ref.a.f", "x", "y"), Change("nen_ref.a.g", "x", "y")
ZIP = Change("nen_ref.a.h", "zip(a, b, strict=True)", "zip(a, b, )")


def compared(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, found: list[Change]) -> int:
    """The exit code of a comparison of LIST with a run in which these mutants were not killed, and one was."""
    monkeypatch.setattr(check, "LIST", tmp_path / "survivors.toml")
    check.LIST.write_text(LIST)
    changes = {f"{change.function}__{i}": change for i, change in enumerate(found)}
    killed = Change("nen_ref.a.k", "x", "y", "killed")
    everything = changes | {"nen_ref.a.k__0": killed}
    monkeypatch.setattr(check, "mutants", lambda: [(name, Path(), c.outcome) for name, c in everything.items()])
    monkeypatch.setattr(check, "function_of", lambda name: name.partition("__")[0])
    monkeypatch.setattr(check, "described", lambda name, path, outcome: Mutant(name, everything[name], "the diff"))
    return check.compare(check.EVERYTHING)


def test_what_is_explained_is_no_difference(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert compared(monkeypatch, tmp_path, [F, G, G, ZIP]) == 0


@pytest.mark.parametrize(
    "found",
    [
        [F, G, G, ZIP, Change("nen_ref.a.f", "x", "z")],
        [F, F, G, G, ZIP],
        [F, G, G, ZIP, Change("nen_ref.a.f", "x", "y", "timeout")],
        [F, G, G, ZIP, Change("nen_ref.a.h", ZIP.was, ZIP.now, "suspicious")],
        [G, G, ZIP],
        [F, G, ZIP],
        [F, G, G],
        [Change("nen_ref.a.f", "x", "y", "no tests"), G, G, ZIP],
    ],
    ids=["another", "once more", "timeout", "suspicious", "stale", "stale once", "idle pattern", "no tests"],
)
def test_every_difference_fails(
    found: list[Change], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compared(monkeypatch, tmp_path, found) == 1
    assert "survivors.toml" in capsys.readouterr().out


def test_the_patterns_are_narrow() -> None:
    line = "[a for a, b in zip(f, g, strict=True)]"
    for now in ("zip(f, g, )", "zip(f, g, strict=False)", "zip(f, g, strict=None)"):
        assert only_zip_strict(Change("f", line, line.replace("zip(f, g, strict=True)", now)))
    for now in ("zip(f, g, g, strict=True)", "zip(f, strict=True)", "zip(f, )", "zip(f, None, strict=True)"):
        assert not only_zip_strict(Change("f", line, line.replace("zip(f, g, strict=True)", now)))
    assert not only_zip_strict(Change("f", "f(a, b)", "f(a, )"))
    assert not only_zip_strict(Change("f", line, line.replace("[a for", "[b for")))
    assert only_codec_name(Change("f", 't.encode("ascii")', 't.encode("ASCII")'))
    assert only_codec_name(Change("f", 't.encode("utf-8", "x")', 't.encode("UTF-8", "x")'))
    assert not only_codec_name(Change("f", 't.encode("utf-8", "x")', 't.encode("UTF-8", "X")'))
    assert not only_codec_name(Change("f", 't.encode("ascii")', 't.encode("XXasciiXX")'))


def test_the_list_is_well_formed() -> None:
    """Every line reads back as it was written, so that it can be found again."""
    for change in Explained().changes:
        assert change.function.startswith(("nen_ref.primitives.", "nen_ref.protocol."))
        assert change.was != change.now
