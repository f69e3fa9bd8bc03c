"""check.py fails for every difference between what mutmut finds and what survivors.toml says."""

from __future__ import annotations

from dataclasses import replace
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


def compared(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, found: list[Change], patterns: tuple[str, ...] = check.EVERYTHING
) -> int:
    """The exit code of a comparison of LIST with a run in which these mutants were not killed, and one was."""
    monkeypatch.setattr(check, "LIST", tmp_path / "survivors.toml")
    check.LIST.write_text(LIST)
    changes = {f"{change.function}__{i}": change for i, change in enumerate(found)}
    killed = Change("nen_ref.a.k", "x", "y", "killed")
    everything = changes | {"nen_ref.a.k__0": killed}
    monkeypatch.setattr(check, "mutants", lambda: [(name, Path(), c.outcome) for name, c in everything.items()])
    monkeypatch.setattr(check, "function_of", lambda name: name.partition("__")[0])
    monkeypatch.setattr(
        check,
        "described",
        lambda name, path, outcome: Mutant(name, replace(everything[name], outcome=outcome), "the diff"),
    )
    return check.compare(patterns)


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


def test_what_is_outside_of_the_sample_need_not_survive(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In their order the mutants are f__0, g__1, g__2, k__0; of g, 2 has no outcome."""
    outside = replace(G, outcome="not checked")
    assert compared(monkeypatch, tmp_path, [F, G, outside], ("*__[01]",)) == 0
    assert "a part of all 4 mutants" in capsys.readouterr().out
    assert compared(monkeypatch, tmp_path, [F, G, outside], ("*__[012]",)) == 1
    killed = replace(G, outcome="killed")
    assert compared(monkeypatch, tmp_path, [F, killed, outside], ("*__[01]",)) == 1


def test_the_sample_has_a_mutant_of_every_function() -> None:
    names = [f"nen_ref.protocol.sse.x_read__mutmut_{number}" for number in range(1, 31)]
    assert [name for name in names if check.matches(name, check.SAMPLE)] == [
        names[i] for i in range(30) if i % 10 in (0, 3, 6)
    ]
    assert not check.matches("nen_ref.primitives.ml_kem.x_ntt__mutmut_1", check.SAMPLE)


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
