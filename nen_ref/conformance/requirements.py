"""The requirements of `spec/`, read from the specification itself: id, key word, side, sentence.

Each document has its own: `v1.md` those of V1, `v2.md` and `v3.md` what these versions change, `seal.md` those of
sealed envelopes. A version is its own requirements and those of the version before it that it does not replace.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import nen_ref

PROTOCOLS = ("v1", "v2", "v3")
BEFORE: Mapping[str, str] = {"v2": "v1", "v3": "v2"}  # the version that each changes
BESIDE: Mapping[str, str] = {"v3": "seal"}  # what is examined along with a version, though it changes nothing in it
_DOCUMENT: Mapping[str, str] = {"V1": "v1", "V2": "v2", "V3": "v3", "SEAL": "seal"}

# **V1-AUTH-03** (MUST, server, decision) The sentence, up to the next empty line.
_PARAGRAPH = re.compile(
    r"^\*\*(?P<id>[A-Z0-9]+(?:-[A-Z]+)?-\d\d)\*\* "
    r"\((?P<key_word>MUST|SHOULD|MAY), (?P<side>server|client|both)(?P<decision>, decision)?\) "
    r"(?P<text>.+?)(?=\n\n|\Z)",
    re.MULTILINE | re.DOTALL,
)
# | V1-REQ-03 | V2-REQ-03 |: a row of the table of what a version replaces.
_ID = re.compile(r"V\d-[A-Z]+-\d\d")
_REPLACED = re.compile(r"^\| *(?P<old>V\d-[A-Z]+-\d\d) *\|(?P<by>[^|\n]*)\|", re.MULTILINE)
_NOTE = re.compile(r"\*(Why|Not tested from outside):\*")


@dataclass(frozen=True)
class Requirement:
    """`sentence` is the rule, `why` its reason, where the specification gives one; each on one line.

    `untested` says why no conformance case can see from outside whether it is kept; empty where one does.
    """

    id: str
    key_word: str
    side: str
    decision: bool
    sentence: str
    why: str
    untested: str

    @property
    def level(self) -> str:
        """The level of the cases that test it: required, recommended or hardening (spec/README.md)."""
        if self.decision:
            return "hardening"
        return "required" if self.key_word == "MUST" else "recommended"


def rule(id: str) -> Requirement:
    """One requirement, of whatever document; KeyError if there is none."""
    return requirements(_DOCUMENT[id.partition("-")[0]])[id]


def version_of(document: str) -> str:
    """The version with which a document is examined: its own, or the one that it stands beside."""
    return next((version for version, beside in BESIDE.items() if beside == document), document)


def in_force(protocol: str) -> dict[str, Requirement]:
    """Every requirement that a version has: those it inherits, its own, and those that stand beside it."""
    inherited = in_force(BEFORE[protocol]) if protocol in BEFORE else {}
    gone = replaced(protocol)
    kept = {id: entry for id, entry in inherited.items() if id not in gone}
    beside = requirements(BESIDE[protocol]) if protocol in BESIDE else {}
    return kept | requirements(protocol) | beside


@cache
def replaced(protocol: str) -> dict[str, str]:
    """What a version replaces: the id of each such requirement of an earlier one, and that of the one in its place.

    The latter is the first that the row names; it is empty where the requirement is withdrawn.
    """
    if protocol not in BEFORE:
        return {}
    rows = ((match["old"], _ID.search(match["by"])) for match in _REPLACED.finditer(_text(protocol)))
    return {old: by[0] if by else "" for old, by in rows}


@cache
def requirements(document: str = "v1") -> dict[str, Requirement]:
    """All requirements of one document (`v1`, `v2`, `v3`, `seal`) by id, in the order of the specification."""
    text = _text(document)
    found: dict[str, Requirement] = {}
    for match in _PARAGRAPH.finditer(text):
        rule, *notes = _NOTE.split(" ".join(match["text"].split()))
        by_name = {name: text.strip() for name, text in zip(notes[::2], notes[1::2], strict=True)}
        if match["id"] in found:
            raise ValueError(f"{match['id']} stands twice in spec/{document}.md")
        found[match["id"]] = Requirement(
            match["id"],
            match["key_word"],
            match["side"],
            bool(match["decision"]),
            rule.strip(),
            by_name.get("Why", ""),
            by_name.get("Not tested from outside", ""),
        )
    return found


@cache
def _text(document: str) -> str:
    return (_spec_folder() / f"{document}.md").read_text(encoding="utf-8")


def _spec_folder() -> Path:
    """`spec/` lies inside the package in a wheel, and beside it in a checkout."""
    package = Path(nen_ref.__file__).parent
    return package / "spec" if (package / "spec").is_dir() else package.parent / "spec"
