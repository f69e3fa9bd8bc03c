"""Known findings: a file that lets a project gate its CI while a failure is open, and tells when it no longer is.

    [[known]]
    id = "v1/auth/window-inclusive"
    reason = "the proxy strips the last digit; fixed in 2.4"
    link = "https://example.org/issues/7"   # optional
    outcome = "wrong-code"                  # as observed
    codes = ["ISO-3002"]                    # optional: the observed codes; without it any codes will do

Each entry has to behave as it says. One that no longer fails, or fails differently, fails the run, and so does a
finding of a required case without an entry. A finding of a recommended or hardening case may have an entry too. An
entry with the outcome `error` records that the suite came to no verdict: it says nothing about the implementation.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, Comment, Item, Table, Whitespace

from nen_ref.conformance.model import Outcome, Report, Result
from nen_ref.conformance.text import visible
from nen_ref.protocol.errors import CATALOGUE

MAX_SIZE = 1024 * 1024  # bytes of a baseline file
NO_REASON_YET = "TODO: say why"
OUTCOMES = tuple(outcome.value for outcome in Outcome if outcome.is_finding)

_MEMBERS = ("id", "reason", "link", "outcome", "codes")
_HEADER = """# Known findings of this implementation: `nen-ref conformance ... --baseline FILE`.
# An entry that no longer fails, or fails differently, fails the run.
"""


class BaselineError(ValueError):
    """The file cannot be used; the message names the file, the entry and what is wrong with it."""


@dataclass(frozen=True)
class Known:
    """One entry. `codes` None: whatever codes are observed."""

    id: str
    reason: str
    outcome: Outcome
    link: str = ""
    codes: tuple[str, ...] | None = None

    def matches(self, result: Result) -> bool:
        return result.outcome is self.outcome and (self.codes is None or self.codes == result.codes)

    def describe(self) -> str:
        return _behaviour(self.outcome, self.codes or ())


@dataclass(frozen=True)
class Baseline:
    """The entries of one file by case id, in its order."""

    known: Mapping[str, Known]


@dataclass(frozen=True)
class BaselineVerdict:
    """How a run compares with its baseline.

    `known`: findings that behave as recorded. `stale`: entries whose case no longer fails. `changed`: entries whose
    case fails differently. `new`: findings of required cases without an entry. `untouched`: entries whose case was not
    part of this run.
    """

    known: tuple[tuple[Known, Result], ...] = ()
    stale: tuple[tuple[Known, Result], ...] = ()
    changed: tuple[tuple[Known, Result], ...] = ()
    new: tuple[Result, ...] = ()
    untouched: tuple[Known, ...] = ()

    @property
    def ok(self) -> bool:
        return not (self.stale or self.changed or self.new)

    @property
    def known_ids(self) -> frozenset[str]:
        return frozenset(entry.id for entry, _ in self.known)

    @property
    def summary(self) -> str:
        """The figures in one line."""
        figures = {
            "new": len(self.new),
            "changed": len(self.changed),
            "stale": len(self.stale),
            "known": len(self.known),
            "not run": len(self.untouched),
        }
        said = [f"{count} {word}" for word, count in figures.items() if count]
        return f"baseline: {', '.join(said) or 'no entries'}"

    @property
    def problems(self) -> dict[str, str]:
        """Why the run fails against its baseline: a sentence by case id."""
        sentences = {
            entry.id: f"stale: recorded as {entry.describe()}, now {result.outcome.value}; remove the entry"
            for entry, result in self.stale
        }
        for entry, result in self.changed:
            now = _behaviour(result.outcome, result.codes if entry.codes is not None else ())
            sentences[entry.id] = f"fails differently: recorded as {entry.describe()}, now {now}"
        for result in self.new:
            now = _behaviour(result.outcome, result.codes)
            sentences[result.case.id] = f"new: {now}, and the baseline has no entry"
        return sentences


def read_baseline(path: Path, case_ids: Collection[str]) -> Baseline:
    """Read and check the file; `case_ids` are all ids of the catalogue, whatever the run selects. `BaselineError`."""
    known: dict[str, Known] = {}
    for position, table in enumerate(_tables(read_text(path), str(path)), start=1):
        place = f"{path}: entry {position}"
        entry = _entry(table.unwrap(), place, case_ids)
        if entry.id in known:
            raise BaselineError(f"{place}: {entry.id} has an entry already")
        known[entry.id] = entry
    return Baseline(known)


def read_text(path: Path) -> str:
    """The text of a baseline file with its line ends as they are; `BaselineError` if it cannot be read."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_SIZE + 1)
        if len(content) > MAX_SIZE:
            raise BaselineError(f"{path}: larger than {MAX_SIZE} bytes: not a baseline")
        return content.decode("utf-8")
    except OSError as fault:
        raise BaselineError(f"{path}: cannot be read: {fault.strerror}") from fault
    except UnicodeDecodeError as fault:
        raise BaselineError(f"{path}: not UTF-8, at byte {fault.start}") from fault


def judge(report: Report, baseline: Baseline) -> BaselineVerdict:
    """Compare a run with its baseline. Entries whose case is not among the results are left alone."""
    results = {result.case.id: result for result in report.results}
    pairs = [(entry, results[id]) for id, entry in baseline.known.items() if id in results]
    failing = [(entry, result) for entry, result in pairs if result.outcome.is_finding]
    return BaselineVerdict(
        known=tuple((entry, result) for entry, result in failing if entry.matches(result)),
        stale=tuple((entry, result) for entry, result in pairs if not result.outcome.is_finding),
        changed=tuple((entry, result) for entry, result in failing if not entry.matches(result)),
        new=tuple(result for result in report.results if result.gates and result.case.id not in baseline.known),
        untouched=tuple(entry for id, entry in baseline.known.items() if id not in results),
    )


def updated_text(text: str, report: Report, name: str = "baseline") -> str:
    """The baseline file `text` brought in line with `report`.

    Entries that stay keep their reason, link, order and comments; stale ones go with theirs; one that fails
    differently gets its new outcome and codes; findings of required cases are added in the order of the catalogue,
    with a reason to be written. Entries whose case was not run stay. An empty `text` begins a new file.
    `BaselineError` if `text` has another form.
    """
    results = {result.case.id: result for result in report.results}
    lead, blocks = _blocks(text, name)
    written = [lead or ("" if blocks else _HEADER)]
    seen: set[str] = set()
    for comments, table, tail in blocks:
        id = str(table.get("id", ""))
        seen.add(id)
        result = results.get(id)
        if result is not None and not result.outcome.is_finding:
            continue
        if result is not None:
            _follow(table, result)
        written.append(comments + _render(table) + tail)
    for result in report.results:
        if result.gates and result.case.id not in seen:
            written.append(("\n" if "".join(written).strip() else "") + _new_entry(result))
    return "".join(written)


def _behaviour(outcome: Outcome, codes: Collection[str]) -> str:
    return f"{outcome.value} ({', '.join(codes)})" if codes else outcome.value


def _tables(text: str, name: str) -> list[Table]:
    try:
        document = tomlkit.parse(text)
    except (TOMLKitError, RecursionError) as fault:
        raise BaselineError(f"{name}: not TOML: {visible(str(fault)) or 'nested too deeply'}") from fault
    strangers = [str(key) for key in document if key != "known"]
    if strangers:
        raise BaselineError(f"{name}: unknown key {visible(strangers[0])}; entries are written as [[known]]")
    entries = document.get("known", [])
    if isinstance(entries, AoT):
        return list(entries.body)
    if entries:
        raise BaselineError(f"{name}: write each entry as a table of its own, under a line [[known]]")
    return []


def _entry(members: Mapping[str, Any], place: str, case_ids: Collection[str]) -> Known:
    for key in members:
        if key not in _MEMBERS:
            raise BaselineError(f"{place}: unknown key {visible(key)}; an entry has {', '.join(_MEMBERS)}")
    id = _words(members, "id", place)
    if id not in case_ids:
        raise BaselineError(f"{place}: there is no case {visible(id)}; see `nen-ref conformance list`")
    place = f"{place} ({id})"
    reason = _words(members, "reason", place)
    outcome = _words(members, "outcome", place)
    if outcome not in OUTCOMES:
        raise BaselineError(f"{place}: outcome {visible(outcome)!r} is none of {', '.join(OUTCOMES)}")
    link = _words(members, "link", place) if "link" in members else ""
    return Known(id, reason, Outcome(outcome), link, _codes(members, place))


def _words(members: Mapping[str, Any], key: str, place: str) -> str:
    if key not in members:
        raise BaselineError(f"{place}: {key} is missing")
    value = members[key]
    if not isinstance(value, str) or not value.strip():
        raise BaselineError(f"{place}: {key} is not a text, or an empty one")
    return value


def _codes(members: Mapping[str, Any], place: str) -> tuple[str, ...] | None:
    if "codes" not in members:
        return None
    codes = members["codes"]
    if not isinstance(codes, list):
        raise BaselineError(f"{place}: codes is not a list")
    for code in codes:
        if code not in CATALOGUE:
            raise BaselineError(f"{place}: {visible(str(code))} is not a code of the catalogue, such as ISO-3002")
    return tuple(sorted(set(codes)))


def _blocks(text: str, name: str) -> tuple[str, list[tuple[str, Table, str]]]:
    """The file in pieces: what stands before the first entry, and each entry with the comment lines right above it
    and what follows it.

    The parser counts the comment above an entry to the entry before; here each goes with the entry that it is about.
    """
    tables = _tables(text, name)
    before = [item for key, item in tomlkit.parse(text).body if key is None or not tables]
    rest, comments = _split("".join(item.as_string() for item in before))
    lead = rest if tables else rest + comments
    blocks = []
    for table in tables:
        trailing = _take_trailing(table)
        tail, above_next = _split(trailing) if table is not tables[-1] else (trailing, "")
        blocks.append((comments, table, tail))
        comments = above_next
    return lead, blocks


def _take_trailing(table: Table) -> str:
    """Remove the comments and empty lines after the last member, and give them as text."""
    body = table.value.body
    taken: list[Item] = []
    while body and body[-1][0] is None and isinstance(body[-1][1], (Comment, Whitespace)):
        taken.insert(0, body.pop()[1])
    return "".join(item.as_string() for item in taken)


def _split(text: str) -> tuple[str, str]:
    """What ends in an empty line, and the lines after it: those stand right above the next entry."""
    lines = text.splitlines(keepends=True)
    for index in range(len(lines), 0, -1):
        if not lines[index - 1].strip():
            return "".join(lines[:index]), "".join(lines[index:])
    return "", text


def _follow(table: Table, result: Result) -> None:
    if table.get("outcome") != result.outcome.value:
        table["outcome"] = result.outcome.value
    if "codes" in table and tuple(sorted(set(table["codes"]))) != result.codes:
        table["codes"] = list(result.codes)


def _render(table: Table) -> str:
    trivia = table.trivia
    return f"{trivia.indent}[[known]]{trivia.comment_ws}{trivia.comment}{trivia.trail}{table.as_string()}"


def _new_entry(result: Result) -> str:
    entry = tomlkit.table()
    entry["id"] = result.case.id
    entry["reason"] = NO_REASON_YET
    entry["outcome"] = result.outcome.value
    if result.codes:
        entry["codes"] = list(result.codes)
    return f"[[known]]\n{entry.as_string()}"
