"""The requirements of `spec/`, read from the specification itself: id, key word, side, sentence."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import nen_ref

# **V1-AUTH-03** (MUST, server, decision) The sentence, up to the next empty line.
_PARAGRAPH = re.compile(
    r"^\*\*(?P<id>[A-Z0-9]+-[A-Z]+-\d\d)\*\* "
    r"\((?P<key_word>MUST|SHOULD|MAY), (?P<side>server|client|both)(?P<decision>, decision)?\) "
    r"(?P<text>.+?)(?=\n\n|\Z)",
    re.MULTILINE | re.DOTALL,
)
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


@cache
def requirements(protocol: str = "v1") -> dict[str, Requirement]:
    """All requirements of one protocol version by id, in the order of the specification."""
    text = (_spec_folder() / f"{protocol}.md").read_text(encoding="utf-8")
    found: dict[str, Requirement] = {}
    for match in _PARAGRAPH.finditer(text):
        rule, *notes = _NOTE.split(" ".join(match["text"].split()))
        by_name = {name: text.strip() for name, text in zip(notes[::2], notes[1::2], strict=True)}
        if match["id"] in found:
            raise ValueError(f"{match['id']} stands twice in spec/{protocol}.md")
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


def _spec_folder() -> Path:
    """`spec/` lies inside the package in a wheel, and beside it in a checkout."""
    package = Path(nen_ref.__file__).parent
    return package / "spec" if (package / "spec").is_dir() else package.parent / "spec"
