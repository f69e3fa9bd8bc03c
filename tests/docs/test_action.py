"""action.yml and the workflows: their structure, and the script of the action as it stands, against real targets."""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.stores.redis_server import free_port

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "guides" / "github-action.md").read_text(encoding="utf-8")
ONE = "v1/auth/signature-missing"
MUTANT = f"{shlex.quote(sys.executable)} -m nen_ref.conformance.mutants.harness"


def read(name: str) -> dict[Any, Any]:
    document = yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    return document


ACTION = read("action.yml")
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]
SCRIPTS = {step["name"]: step["run"] for step in STEPS if "run" in step}
(RUN,) = (step for step in STEPS if step.get("id") == "run")
ENVIRONMENT: dict[str, str] = RUN["env"]


# Structure


def test_a_composite_action() -> None:
    assert ACTION["runs"]["using"] == "composite"
    assert {"name", "description", "inputs", "outputs", "runs"} <= set(ACTION)
    for step in STEPS:
        assert ("uses" in step) != ("run" in step)
        assert "uses" in step or step["shell"] == "bash"
    for entry in (*ACTION["inputs"].values(), *ACTION["outputs"].values()):
        assert entry["description"].endswith(".")
    assert all("default" in entry for entry in ACTION["inputs"].values())


def test_no_input_becomes_text_of_a_script() -> None:
    for script in SCRIPTS.values():
        assert "${{" not in script
        assert script.startswith("set -euo pipefail\n")
        assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0


def test_every_input_arrives() -> None:
    used = set(re.findall(r"\$\{\{ inputs\.([a-z-]+) \}\}", (ROOT / "action.yml").read_text(encoding="utf-8")))
    assert used == set(ACTION["inputs"])
    read_there = set(re.findall(r"NEN_[A-Z]+", RUN["run"]))
    assert set(ENVIRONMENT) <= read_there


def test_the_guide_names_all_inputs_and_outputs() -> None:
    inputs, _, outputs = GUIDE.partition("| output |")
    rows = [set(re.findall(r"`([a-z-]+)`", row)) for row in re.findall(r"^\| (`.*?) \|", inputs, re.MULTILINE)]
    assert set().union(*rows) == set(ACTION["inputs"])
    rows = [set(re.findall(r"`([a-z-]+)`", row)) for row in re.findall(r"^\| (`.*?) \|", outputs, re.MULTILINE)]
    assert set().union(*rows) == set(ACTION["outputs"])


def test_the_workflows_of_the_guide() -> None:
    texts = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
    assert len(texts) == 2
    assert len(texts[0].splitlines()) <= 10
    for text in texts:
        check_workflow(yaml.safe_load(text))
        for step in yaml.safe_load(text)["jobs"]["conformance"]["steps"]:
            if "/nen-ref@" in step["uses"]:
                assert set(step["with"]) <= set(ACTION["inputs"])
        for name in re.findall(r"steps\.nen\.outputs\.([a-z-]+)", text):
            assert name in ACTION["outputs"]


def check_workflow(workflow: dict[Any, Any]) -> None:
    assert True in workflow, "on, which YAML 1.1 reads as true"
    for job in workflow["jobs"].values():
        assert job["runs-on"] == "ubuntu-latest"
        for step in job["steps"]:
            assert ("uses" in step) != ("run" in step)


def test_ci_runs_everything_on_the_oldest_and_the_newest_python() -> None:
    workflow = read(".github/workflows/ci.yml")
    check_workflow(workflow)
    assert workflow["permissions"] == {"contents": "read"}
    (job,) = workflow["jobs"].values()
    assert job["strategy"]["matrix"]["python"] == ["3.11", "3"]
    script = job["steps"][-1]["run"]
    assert script.splitlines()[-1] == ".ci/run"
    assert "${{" not in script


def test_no_host_is_named() -> None:
    for name in ("action.yml", ".github/workflows/ci.yml"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert re.findall(r"https?://[^\s*\"]+", text) == [], name


# The script


class Runner:
    """GitHub's part: a work folder, the file of outputs, and the inputs as environment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        home = folder / "home of the suite"
        home.mkdir()
        (home / "bin").symlink_to(Path(sys.executable).parent)
        self.home = home
        self.said = ""

    def act(self, **inputs: str) -> tuple[int, dict[str, str]]:
        """The exit code and the outputs."""
        defaults = {name: str(entry["default"]) for name, entry in ACTION["inputs"].items()}
        values = defaults | {name.replace("_", "-"): value for name, value in inputs.items()}
        environment = {
            name: re.sub(r"\$\{\{ inputs\.([a-z-]+) \}\}", lambda match: values[match[1]], value)
            for name, value in ENVIRONMENT.items()
        }
        outputs = self.folder / "outputs"
        outputs.write_text("", encoding="utf-8")
        environment |= {"NEN_HOME": str(self.home), "GITHUB_OUTPUT": str(outputs)}
        path = f"{self.home / 'bin'}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-euo", "pipefail", "-c", RUN["run"]],
            cwd=self.folder,
            env={**os.environ, **environment, "PATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.said = done.stdout + done.stderr
        assert "Traceback" not in self.said, self.said
        pairs = dict(line.split("=", 1) for line in outputs.read_text(encoding="utf-8").splitlines())
        assert pairs.pop("exit-code") == str(done.returncode), self.said
        assert set(pairs) < set(ACTION["outputs"])
        return done.returncode, pairs


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


def test_a_server_that_it_starts(runner: Runner) -> None:
    port = free_port()
    code, outputs = runner.act(
        url=f"http://127.0.0.1:{port}",
        start=f"echo starting && nen-ref serve --port {port} --log-level error",
        only=f"{ONE} v1/auth/nonce-covered",
        options="--jobs 2 --echo /api/echo",
        json="a report.json",
        junit="report.xml",
        html="report.html",
    )
    assert (code, outputs["passed"], outputs["findings"]) == (0, "true", "0"), runner.said
    for name in ("json", "junit", "html"):
        assert (runner.folder / outputs[name]).stat().st_size > 100
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0, "it is still there"


def test_a_harness_with_a_finding_and_a_baseline(runner: Runner) -> None:
    case = "v1/replay/same-request-twice"
    harness = f"{MUTANT} server/replay-not-checked"
    assert runner.act(harness=harness, only=case) == (1, {"passed": "false", "findings": "1"}), runner.said
    text = f'[[known]]\nid = "{case}"\nreason = "to be mended"\noutcome = "fail"\n'
    (runner.folder / "known.toml").write_text(text, encoding="utf-8")
    code, outputs = runner.act(harness=harness, only=case, baseline="known.toml", level="hardening")
    assert (code, outputs) == (0, {"passed": "true", "findings": "1"}), runner.said


def test_the_level_decides(runner: Runner) -> None:
    """Simultaneous copies are refused by decision of this project: a hardening case."""
    inputs = {"harness": f"{MUTANT} server/replay-not-atomic", "only": "v1/replay/simultaneous"}
    assert runner.act(**inputs) == (0, {"passed": "true", "findings": "1"}), runner.said
    assert runner.act(**inputs, level="hardening") == (1, {"passed": "false", "findings": "1"}), runner.said
    assert "v1/replay/simultaneous (hardening) fails the step" in runner.said


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, "give url or harness"),
        ({"url": "http://127.0.0.1:9", "harness": "true"}, "not both"),
        ({"harness": "true", "start": "true"}, "start goes with url"),
        ({"harness": "true", "level": "all"}, "level is"),
        ({"url": "http://127.0.0.1:9", "wait": "1; true"}, "wait is"),
        ({"url": "127.0.0.1:9"}, "url begins with"),
        ({"harness": "true", "json": "a\nb=c"}, "not the name of a file"),
        ({"harness": "true", "html": "--json=x"}, "not the name of a file"),
        ({"harness": "true", "options": "--html x"}, "an input of its own"),
        ({"url": "http://127.0.0.1:9", "wait": "1"}, "no answer within 1 s"),
        ({"url": "http://127.0.0.1:9", "start": "echo the reason; exit 3"}, "the reason"),
        ({"harness": "true", "options": "--jobs many"}, "many"),
        ({"harness": "true", "baseline": "absent.toml", "only": ONE}, "absent.toml"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_run_is_refused(runner: Runner, inputs: dict[str, str], message: str) -> None:
    assert runner.act(**inputs) == (2, {"passed": "false"}), runner.said
    assert message in runner.said


def test_inputs_that_are_no_commands_are_not_run(runner: Runner) -> None:
    evil = "$(touch pwned)\"; touch pwned; \"`touch pwned`'; touch pwned; '"
    for name in ("url", "wait", "only", "level", "baseline", "json", "junit", "html", "options"):
        inputs = {"harness": "exit 1", "only": "nothing/begins/so", name: evil}  # ends before a report is written
        if name == "url":
            inputs = {"url": f"http://{evil}", "wait": "0"}
        assert runner.act(**inputs)[0] == 2, (name, runner.said)
    assert list(runner.folder.rglob("pwned*")) == []


def test_the_installation_quotes_its_paths(tmp_path: Path) -> None:
    (script,) = (text for name, text in SCRIPTS.items() if "Install" in name)
    home = tmp_path / "a home"
    (home / "bin").mkdir(parents=True)
    for python in (tmp_path / "a python", home / "bin" / "python"):
        python.write_text(f'#!/bin/sh\nprintf "%s|" "$@" >> {shlex.quote(str(tmp_path / "said"))}\n', encoding="utf-8")
        python.chmod(0o755)
    environment = {"NEN_PYTHON": str(tmp_path / "a python"), "NEN_HOME": str(home), "NEN_ACTION": "/the action"}
    subprocess.run(["bash", "-euo", "pipefail", "-c", script], env={**os.environ, **environment}, check=True)
    said = (tmp_path / "said").read_text(encoding="utf-8")
    assert said.startswith(f"-m|venv|{home}|-m|pip|install|")
    assert said.endswith("|/the action|")
