"""The readers of vectors/README.md, in every language that this machine has: who is right passes, and no one else."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.vectors import readers
from tests.vectors.readers import MODES, README, VECTORS, code, excerpt, right, verdict

REPOSITORY = Path(__file__).parents[2]
ANSWERS = [sys.executable, "-m", "tests.vectors.readers"]
Run = Callable[[Path, str], tuple[str, int]]

in_every_mode = pytest.mark.parametrize("mode", list(MODES))


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return excerpt(tmp_path_factory.mktemp("few"))


def of_python(folder: Path, implementation: readers.Implementation, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The lines that the Python reader prints."""
    names: dict[str, Any] = {}
    exec(code("Python"), names)
    capsys.readouterr()
    passed = names["check"](folder, implementation)
    lines = capsys.readouterr().out.splitlines()
    count, failures, absent = (int(word) for word in lines[-1].split() if word.isdigit())
    assert passed == (failures == 0 and absent < count)
    return lines


@pytest.mark.bulk
def test_python_reads_and_passes_every_vector(capsys: pytest.CaptureFixture[str]) -> None:
    count = json.loads((VECTORS / "index.json").read_bytes())["totals"]["vectors"]
    assert of_python(VECTORS, right, capsys) == [f"{count} vectors, 0 failures, 0 not offered"]


@in_every_mode
def test_python(few: Path, mode: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = of_python(few, MODES[mode], capsys)
    assert lines[-1] == verdict(few, mode)
    assert len(lines) == 1 + int(lines[-1].split()[2])
    assert all(line.startswith("FAIL ") for line in lines[:-1])


def test_the_excerpt_shows_the_difference_between_all_of_these(few: Path) -> None:
    """The test of the tests: each wrong mode fails on some vectors, and on others than the next one."""
    verdicts = {mode: verdict(few, mode) for mode in MODES}
    assert verdicts["right"] == verdicts["rewritten"]
    assert len(set(verdicts.values())) == len(MODES) - 1


def test_python_goes_on_after_an_implementation_that_crashes(few: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def crashing(operation: str, given: Mapping[str, Any]) -> dict[str, Any]:
        raise ZeroDivisionError("of the implementation")

    lines = of_python(few, crashing, capsys)
    count = len(list(readers.all_tests(few)))
    assert lines[-1] == f"{count} vectors, {count} failures, 0 not offered"
    assert lines[0].endswith("ZeroDivisionError('of the implementation')")


def finished(command: list[str], folder: Path, **more: Any) -> tuple[str, int]:
    """The last line of a reader, and how it ended."""
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=300, env=environment, check=False, **more
    )
    assert done.stdout, done.stderr
    return done.stdout.splitlines()[-1], done.returncode


GO = """
package main

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
)

func main() {
	python := exec.Command(os.Args[2], os.Args[3:]...)
	questions, _ := python.StdinPipe()
	answers, _ := python.StdoutPipe()
	if err := python.Start(); err != nil {
		panic(err)
	}
	lines := bufio.NewReader(answers)
	fine := check(os.Args[1], func(operation string, input Values) Values {
		if err := json.NewEncoder(questions).Encode(Values{"operation": operation, "input": input}); err != nil {
			panic(err)
		}
		var answer Values
		line, err := lines.ReadBytes('\\n')
		if err == nil {
			err = json.Unmarshal(line, &answer)
		}
		if err != nil {
			panic(err)
		}
		return answer
	})
	if !fine {
		os.Exit(1)
	}
}
"""

RUST = """
mod reader;

use std::io::{BufRead, BufReader, Write};
use std::process::{exit, Command, Stdio};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let mut command = Command::new(&arguments[2]);
    command.args(&arguments[3..]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut python = command.spawn().unwrap();
    let mut questions = python.stdin.take().unwrap();
    let mut answers = BufReader::new(python.stdout.take().unwrap());
    let fine = reader::check(&arguments[1], |operation, input| {
        writeln!(questions, "{}", serde_json::json!({"operation": operation, "input": input})).unwrap();
        let mut line = String::new();
        answers.read_line(&mut line).unwrap();
        let answer: serde_json::Value = serde_json::from_str(&line).unwrap();
        (!answer.is_null()).then_some(answer)
    });
    exit(if fine { 0 } else { 1 });
}
"""

NODE = """
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { check } from './reader.mjs';

const [folder, ...command] = process.argv.slice(2);
const python = spawn(command[0], command.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
const lines = createInterface({ input: python.stdout })[Symbol.asyncIterator]();
const fine = await check(folder, async (operation, input) => {
  python.stdin.write(`${JSON.stringify({ operation, input })}\\n`);
  return JSON.parse((await lines.next()).value);
});
process.exit(fine ? 0 : 1);
"""

CARGO = """
[package]
name = "reader"
version = "0.0.0"
edition = "2021"

[dependencies]
serde_json = "1"
"""
DEBIAN_CRATES = Path("/usr/share/cargo/registry")


@pytest.fixture(scope="module")
def go(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    if shutil.which("go") is None:
        pytest.skip("Go is not installed")
    folder = tmp_path_factory.mktemp("go")
    (folder / "reader.go").write_text(code("Go"))
    (folder / "main.go").write_text(GO)
    (folder / "go.mod").write_text("module reader\n\ngo 1.18\n")
    subprocess.run(["go", "vet", "."], cwd=folder, check=True)
    subprocess.run(["go", "build", "-o", "reader", "."], cwd=folder, check=True)
    assert subprocess.check_output(["gofmt", "-l", "reader.go"], cwd=folder) == b""
    return [str(folder / "reader")]


@pytest.fixture(scope="module")
def rust(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    if shutil.which("cargo") is None:
        pytest.skip("Rust is not installed")
    folder = tmp_path_factory.mktemp("rust")
    (folder / "src").mkdir()
    (folder / "src" / "reader.rs").write_text(code("Rust"))
    (folder / "src" / "main.rs").write_text(RUST)
    (folder / "Cargo.toml").write_text(CARGO)
    (folder / ".cargo").mkdir()
    if (DEBIAN_CRATES / "serde_json").is_dir() or list(DEBIAN_CRATES.glob("serde_json-*")):
        (folder / ".cargo" / "config.toml").write_text(
            '[source.crates-io]\nreplace-with = "debian"\n'
            f'[source.debian]\ndirectory = "{DEBIAN_CRATES}"\n[net]\noffline = true\n'
        )
    fetched = subprocess.run(["cargo", "fetch"], cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    if fetched.returncode:
        pytest.skip(f"the crate serde_json is not to be had: {fetched.stderr.strip().splitlines()[-1]}")
    environment = os.environ | {"RUSTFLAGS": "-D warnings"}
    subprocess.run(["cargo", "build", "--quiet"], cwd=folder, check=True, env=environment, timeout=600)
    return [str(folder / "target" / "debug" / "reader")]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    if shutil.which("node") is None:
        pytest.skip("Node is not installed")
    folder = tmp_path_factory.mktemp("node")
    (folder / "reader.mjs").write_text(code("TypeScript").replace(": any", ""))
    (folder / "main.mjs").write_text(NODE)
    return ["node", str(folder / "main.mjs")]


@pytest.mark.interop
@in_every_mode
@pytest.mark.parametrize("language", ["go", "rust", "node"])
def test_another_language(few: Path, language: str, mode: str, request: pytest.FixtureRequest) -> None:
    program: list[str] = request.getfixturevalue(language)
    expected = verdict(few, mode)
    passed = " 0 failures" in expected and mode != "absent"
    assert finished([*program, str(few), *ANSWERS, mode], few) == (expected, 0 if passed else 1)


@pytest.mark.interop
@pytest.mark.parametrize("language", ["go", "rust"])
def test_another_language_reads_and_passes_every_vector(
    language: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Node does so by itself: tests/interop/test_vectors_node.py."""
    program: list[str] = request.getfixturevalue(language)
    count = json.loads((VECTORS / "index.json").read_bytes())["totals"]["vectors"]
    expected = f"{count} vectors, 0 failures, 0 not offered"
    assert finished([*program, str(VECTORS), *ANSWERS, "right"], tmp_path) == (expected, 0)


def test_the_example_in_the_readme_is_a_vector() -> None:
    (block,) = re.findall(r"^```json\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL)
    example = json.loads(block)
    (test,) = example["tests"]
    file = json.loads((VECTORS / f"{test['id'].rpartition('/')[0]}.json").read_bytes())
    groups = [group | {"tests": [test]} for group in file["groups"] if test in group["tests"]]
    assert groups == [example]
