"""docs/external.md, made of what the fixture `walk` counted in a run of the tests; a pytest plugin.

`--external-table PATH` writes the table, `--external-check PATH` compares it and fails the run if it is another.
With pytest-xdist the counts come with the reports of the workers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.primitives.vectors import CRYPTOGRAPHY, EXTERNAL, PYCRYPTODOME, Row, fingerprint, found

COMMAND = "python -m pytest tests/primitives -n 2 --external-table docs/external.md"
SHOWN = 12  # digits of a digest
COLUMNS = ["collection", "release", "file", "digest", "cases", "passed", "`make slow`", "not applicable"]

# What could be of the standards that are implemented here. A file of these names that is not in the table is reported.
OURS = {
    f"{PYCRYPTODOME}/Protocol/wycheproof": r"(mlkem|hkdf_sha256|x25519_test).*",
    f"{PYCRYPTODOME}/Signature/wycheproof": r"mldsa.*",
    f"{PYCRYPTODOME}/Cipher/wycheproof": r".*(chacha|poly1305).*",
    f"{PYCRYPTODOME}/Hash/wycheproof": r"hmac_sha256.*",
    f"{PYCRYPTODOME}/PublicKey/MLDSA": r"(?!README).*",
    f"{PYCRYPTODOME}/PublicKey/MLKEM": r"(?!README).*",
    f"{CRYPTOGRAPHY}/asymmetric/MLDSA": r".*",
    f"{CRYPTOGRAPHY}/asymmetric/MLKEM": r".*",
    f"{CRYPTOGRAPHY}/asymmetric/X25519": r"rfc.*",
    f"{CRYPTOGRAPHY}/ciphers/ChaCha20": r".*",
    f"{CRYPTOGRAPHY}/ciphers/ChaCha20Poly1305": r".*",
    f"{CRYPTOGRAPHY}/poly1305": r".*",
    f"{CRYPTOGRAPHY}/HMAC": r".*4231-sha256.*",
    f"{CRYPTOGRAPHY}/KDF": r"(rfc-5869-HKDF-SHA256|hkdf-generated).*",
    f"{EXTERNAL}/acvp": r".*",
    f"{EXTERNAL}/cctv": r".*",
    f"{EXTERNAL}/wycheproof": r".*\.json",
}


def add_options(parser: pytest.Parser) -> None:
    parser.addoption("--external-table", metavar="PATH", help="write the table of the published files gone through")
    parser.addoption("--external-check", metavar="PATH", help="fail if the table of the published files is another")


def register(config: pytest.Config) -> None:
    """Not in the workers of pytest-xdist, whose reports all come to the process that started them."""
    if hasattr(config, "workerinput"):
        return
    write, check = config.getoption("--external-table"), config.getoption("--external-check")
    if (write or check) and config.getoption("--slow"):
        raise pytest.UsageError("the table of the published files is of a run without --slow")
    if write or check:
        config.pluginmanager.register(ExternalTable(write, check), "external-table")


class ExternalTable:
    def __init__(self, write: str | None, check: str | None) -> None:
        self._write, self._check = write, check
        self._rows: list[Row] = []
        self._failed = False
        self._said: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._failed |= report.failed
        if report.when == "call" and report.passed:
            self._rows += [Row(**row) for name, row in report.user_properties if name == "external"]  # type: ignore[arg-type]

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._failed or session.exitstatus:
            self._said = ["The table of the published files is neither written nor compared: the tests did not pass."]
            return
        if self._write:
            Path(self._write).write_text(table(self._rows), encoding="utf-8")
            self._said.append(f"{len(self._rows)} rows written to {self._write}")
        if self._check:
            faults, notices = compare(Path(self._check).read_text(encoding="utf-8"), self._rows)
            self._said += [*faults, *notices]
            if faults:
                self._said.append(f"{self._check} is not what this run gives: {COMMAND}")
                session.exitstatus = pytest.ExitCode.TESTS_FAILED
            else:
                self._said.append(f"{self._check} is what this run gives: {len(self._rows)} rows")

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        terminalreporter.section("published files")
        for line in self._said:
            terminalreporter.write_line(line)


def table(rows: Iterable[Row]) -> str:
    """The page, the same for the same rows in any order."""
    rows = sorted(rows, key=lambda row: (row.collection.lower(), row.name, row.release))
    cases, passed, slow = (sum(getattr(row, name) for row in rows) for name in ("cases", "passed", "only_slow"))
    left_out = sum(sum(row.not_applicable.values()) for row in rows)
    lines = [
        "# External truth",
        "",
        "What others have published about the primitives, and how much of it passes here. The run of the tests that "
        f"counted it has written this page (`{COMMAND}`), and `make test` compares it.",
        "",
        f"Of {cases} cases {passed} passed and none failed (a run in which one fails writes no page). {slow} are gone "
        f"through by `make slow` only, which is part of CI and fails if one of them does. {left_out} are not "
        "applicable, for the reason that is given.",
        "",
        f"Where the files are: `{PYCRYPTODOME}/` and `{CRYPTOGRAPHY}/` are the PyPI packages of these names, "
        f"`{EXTERNAL}/` is in the folder that `NEN_EXTERNAL` names. Wycheproof has no releases: its files name their "
        "schema. The digest says which state of a file it was: the beginning of the SHA-256 of the file, or of all "
        "files that the `*` stands for one after the other; of accumulated tests, what they have to come to.",
        "",
        "| " + " | ".join(COLUMNS) + " |",
        "|---|---|---|---|--:|--:|--:|---|",
        *map(line_of, rows),
    ]
    return "\n".join(lines) + "\n"


def line_of(row: Row) -> str:
    reasons = "; ".join(f"{number}: {reason}" for reason, number in sorted(row.not_applicable.items()))
    counts = [str(row.cases), str(row.passed), str(row.only_slow or "")]
    cells = [row.collection, row.release, f"`{row.name}`", f"`{row.sha256[:SHOWN]}`", *counts, reasons]
    return "|" + "|".join(f" {cell} " if cell else " " for cell in cells) + "|"


def name_and_digest(line: str) -> tuple[str, str]:
    cells = [cell.strip().strip("`") for cell in line.split("|")]
    return cells[3], cells[4]


def compare(page: str, rows: list[Row]) -> tuple[list[str], list[str]]:
    """What is wrong with the page, and what could not be compared because this machine has other files or none."""
    faults, notices = [], []
    expected = [line for line in page.splitlines() if line.startswith("| ") and not line.startswith("| collection")]
    given = [line_of(row) for row in rows]
    for line in expected:
        name, digest = name_and_digest(line)
        here = fingerprint(name) if "/" in name else digest
        if not here:
            notices.append(f"not compared, it is not on this machine: {name}")
        elif not here.startswith(digest):
            notices.append(f"not compared, this machine has another state of it: {name} ({here[:SHOWN]})")
        elif line not in given:
            faults.append(f"not given by this run: {line}")
    known = {name_and_digest(line)[0] for line in expected}
    faults += [f"not in the table: {line}" for line in given if name_and_digest(line)[0] not in known]
    if not faults and not notices and page != table(rows):
        faults.append("the text around the table is another")
    notices += [f"no test goes through {name}" for name in forgotten(known)]
    return faults, notices


def forgotten(names: Iterable[str]) -> list[str]:
    """Files of collections that look as if they were about the primitives here, and are not among the names."""
    covered = {str(entry) for name in names if "/" in name for entry in found(name)}
    return [
        f"{folder}/{entry.name}"
        for folder, pattern in OURS.items()
        for entry in found(f"{folder}/*")
        if re.fullmatch(pattern, entry.name) and str(entry) not in covered
    ]
