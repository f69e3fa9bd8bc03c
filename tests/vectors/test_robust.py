"""`nen-ref vectors` against wrong vectors, broken harnesses, full disks, signals and texts that command a terminal."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, NoReturn
from unittest.mock import patch

import pytest
from click.testing import CliRunner, Result

from nen_ref.cli import main
from nen_ref.conformance.harness.driver import Harness
from nen_ref.vectors.accumulated import TOPICS, transcript_digests
from nen_ref.vectors.draw import DEFAULT_SEED, Draw
from nen_ref.vectors.files import ACCUMULATED_FORMAT, index_of, write
from nen_ref.vectors.generate import Plan, generate
from tests.vectors.test_generate import Here, untold

NAME = "primitives/hmac_sha256"
HARNESS = """
import hashlib, hmac, json, os, sys, time
name, does, *pid_file = sys.argv[1:]
for path in pid_file:
    open(path, "w").write(str(os.getpid()))
for line in sys.stdin:
    command = json.loads(line)
    if command["cmd"] == "stop":
        break
    if command["cmd"] == "start":
        reply = {"version": 1, "name": name, "implementation_version": "1", "language": "Python", "protocols": ["v1"],
                 "operations": ["hmac_sha256"]}
    else:
        key, message = (bytes.fromhex(command["args"][name]) for name in ("key", "message"))
        reply = {"seq": command["seq"], "ok": {"mac": hmac.new(key, message, hashlib.sha256).hexdigest()}}
        if does == "hang":
            time.sleep(1000)
        if does == "crash":
            os._exit(3)
        if does == "errored":
            reply = {"seq": command["seq"], "errored": {"message": "a fault"}}
    print(json.dumps(reply), flush=True)
"""


@pytest.fixture(scope="module")
def files() -> dict[str, Any]:
    return generate(Plan(DEFAULT_SEED, (NAME,), 2, ("pycryptodome",)), Here(), untold)


@pytest.fixture
def folder(tmp_path: Path, files: dict[str, Any]) -> Path:
    write(tmp_path / "set", files)
    return tmp_path / "set"


@pytest.fixture
def harness(tmp_path: Path) -> Callable[..., str]:
    """A command that answers HMAC, by its own name, and with its own faults."""
    script = tmp_path / "harness.py"
    script.write_text(HARNESS)
    return lambda name, does="answer", *more: shlex.join([sys.executable, str(script), name, does, *map(str, more)])


def run(*arguments: object, **variables: str) -> Result:
    return CliRunner().invoke(main, ["vectors", *map(str, arguments)], env=variables)


def refused(result: Result, message: str) -> None:
    """Exit code 2 and one line."""
    assert result.exit_code == 2, result.output
    assert result.stderr.startswith("Error: ")
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def wrong_usage(result: Result, message: str) -> None:
    assert result.exit_code == 2, result.output
    assert "Usage: " in result.stderr
    assert message in result.stderr
    assert "Traceback" not in result.output


def changed(folder: Path, files: dict[str, Any], change: Callable[[dict[str, Any]], None]) -> Path:
    """The set with a change to its file, and an index that fits."""
    whole: dict[str, Any] = json.loads(json.dumps(files))
    change(whole)
    del whole["index"]
    write(folder, whole | {"index": index_of(whole)})
    return folder


def first_vector(files: dict[str, Any]) -> dict[str, Any]:
    test: dict[str, Any] = files[NAME]["groups"][0]["tests"][0]
    return test


def unwanted(*arguments: object, **options: object) -> NoReturn:
    raise AssertionError("nothing was to be computed")


def started(*arguments: object) -> subprocess.Popen[str]:
    """The command as a process, in a session of its own so that a signal reaches it like that of a terminal."""
    command = [sys.executable, "-m", "nen_ref", "vectors", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


# Broken libraries


def test_a_wrong_vector_kills_nobody(folder: Path, files: dict[str, Any]) -> None:
    changed(folder, files, lambda whole: first_vector(whole).update(output={"mac": "00" * 32}))
    id = first_vector(files)["id"]
    for options in ((), ("--first",)):
        result = run("mutants", folder, "--only", "library/stream-counter-added", *options)
        refused(result, f"the reference itself answers {id} wrongly: run nen-ref vectors verify")
        assert "PASSED" not in result.output


def test_bad_files_kill_nobody(folder: Path) -> None:
    path = folder / f"{NAME}.json"
    path.write_bytes(path.read_bytes()[:-100])
    refused(run("mutants", folder, "--only", "library/hmac-long-key-cut"), "hmac_sha256.json, line")


def test_an_excused_mutant_without_a_result_is_a_finding() -> None:
    from nen_ref.conformance.mutants.vector_matrix import UNSEEN, unkilled
    from nen_ref.conformance.mutants.vectors import Kills, library_mutants

    excused = next(mutant for mutant in library_mutants() if mutant.id in UNSEEN)
    assert unkilled([Kills(excused, {})]) == []
    assert len(unkilled([Kills(excused, {}, "no end after 900 s")])) == 1


# Accumulated transcripts


@pytest.fixture
def accumulated(tmp_path: Path, files: dict[str, Any]) -> Path:
    """Digests over 2 transcripts, a right one, and over 4, a wrong one."""
    (topic,) = (topic for topic in TOPICS if topic.name == "stream")
    right = sha256(transcript_digests(Draw(DEFAULT_SEED), topic, range(2))).hexdigest()
    digests = [{"transcripts": 2, "sha256": right}, {"transcripts": 4, "sha256": "00" * 32}]
    entry = {"name": "stream", "covers": ["V1-STR-02"], "transcript": ["x"], "digests": digests, "witnesses": []}
    whole = {"format": ACCUMULATED_FORMAT, "seed": DEFAULT_SEED.hex(), "topics": [entry]}
    return changed(tmp_path / "accumulated", files, lambda files: files.update(accumulated=whole))


def test_the_largest_published_digest_within_the_number_is_computed(accumulated: Path) -> None:
    right = run("verify", accumulated, "--transcripts", 3, "--provider", "reference")
    assert right.exit_code == 0, right.output
    assert "accumulated/stream: 2 transcripts by reference agree" in right.output
    wrong = run("verify", accumulated, "--transcripts", 5, "--provider", "reference")
    assert wrong.exit_code == 1, wrong.output
    assert "accumulated/stream: 4 transcripts by reference: " in wrong.output


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--transcripts", 0), "none asked for"),
        (("--only", "primitives"), "none asked for"),
        (("--transcripts", 1), "its least digest is over 2 transcripts, 1 were asked for"),
        (("--provider", "cryptography"), "of the providers only reference and pycryptodome can"),
    ],
)
def test_what_of_accumulated_is_not_computed_is_told(
    options: tuple[object, ...], why: str, accumulated: Path, tmp_path: Path
) -> None:
    result = run("verify", accumulated, *options, "--json", tmp_path / "out.json")
    assert result.exit_code == 0, result.output
    assert why in result.output
    (line,) = json.loads((tmp_path / "out.json").read_text())["accumulated_not_computed"]
    assert why in line


def test_a_private_set_and_one_without_digests_tell_so(accumulated: Path, folder: Path) -> None:
    def private(whole: dict[str, Any]) -> None:
        for file in whole.values():
            if "seed" in file:
                file["seed"] = None

    whole = {
        str(path.relative_to(accumulated).with_suffix("")): json.loads(path.read_bytes())
        for path in accumulated.rglob("*.json")
    }
    changed(accumulated, whole, private)
    assert "the set is a private one" in run("verify", accumulated, "--provider", "reference").output
    assert "the set has none" in run("verify", folder, "--provider", "reference").output


def test_nobody_who_can_answer_is_no_pass(folder: Path) -> None:
    refused(run("verify", folder, "--provider", "pypi"), "nothing was verified: pypi can answer none of these vectors")


# Texts of others


def test_a_title_is_shown_as_it_is_and_commands_nothing(folder: Path, files: dict[str, Any]) -> None:
    title = "[red]title[/red] [/nothing] \x1b[31m and\nPASSED"
    changed(folder, files, lambda whole: whole[NAME].update(title=title))
    result = run("list", folder)
    assert result.exit_code == 0, result.output
    assert "[red]title[/red] [/nothing] \\x1b[31m and\\nPASSED" in result.output


def test_the_name_of_a_harness_commands_nothing(folder: Path, harness: Callable[..., str]) -> None:
    result = run("verify", folder, "--provider", "reference", "--harness", harness("[/b]\x1b[2Jx\nPASSED", "errored"))
    assert result.exit_code == 1, result.output
    assert "[/b]\\x1b[2Jx\\nPASSED" in result.output
    assert "\x1b" not in result.output
    assert "\nPASSED" not in result.output


def test_a_path_is_shown_as_it_is(tmp_path: Path) -> None:
    result = run("generate", "--suite", "v1/stream_nonces", "--out", tmp_path / "a[bold]b[/x]")
    assert result.exit_code == 0, result.output
    assert f"in {tmp_path}/a[bold]b[/x]" in result.output
    again = run("generate", "--suite", "v1/stream_nonces", "--out", tmp_path / "a[bold]b[/x]", "--check")
    assert f"{tmp_path}/a[bold]b[/x] is what this seed gives" in again.output


def test_the_extra_to_install_is_named(folder: Path) -> None:
    with patch("nen_ref.cli.vectors._installed", lambda name: name == "reference"):
        result = run("verify", folder)
    assert "not asked: pypi, pycryptodome, cryptography (pip install nen-ref[oracles])" in result.output


# Usage


@pytest.mark.parametrize("command", ["verify", "generate"])
@pytest.mark.parametrize(("text", "message"), [("a 'b", "No closing quotation"), ("", "empty"), ("''", "empty")])
def test_a_harness_that_is_no_command(command: str, text: str, message: str, tmp_path: Path) -> None:
    where = ("--out", tmp_path / "out") if command == "generate" else ()
    wrong_usage(run(command, "--harness", text, *where), message)


@pytest.mark.parametrize(
    "arguments",
    [("verify", "--json"), ("mutants", "--json"), ("mutants", "--docs")],
)
def test_a_report_without_a_folder_is_refused_before_the_work(arguments: tuple[str, ...], tmp_path: Path) -> None:
    with (
        patch("nen_ref.cli.vectors.verify_folder", unwanted),
        patch("nen_ref.cli.vector_mutants.run", unwanted),
    ):
        wrong_usage(run(*arguments, tmp_path / "none" / "file"), f"there is no folder {tmp_path}/none")


def test_an_empty_seed_of_the_environment_is_not_the_public_one(tmp_path: Path) -> None:
    with patch("nen_ref.cli.vectors.generate", unwanted):
        result = run("generate", "--out", tmp_path / "out", NEN_VECTORS_SEED="")
        wrong_usage(result, "NEN_VECTORS_SEED is empty")
        wrong_usage(run("generate", "--seed", ""), "--seed is 0 bytes")


def test_check_asks_no_harness(harness: Callable[..., str]) -> None:
    wrong_usage(run("generate", "--check", "--harness", harness("other")), "--check asks no witness")


def test_show_prints_one_document(folder: Path, files: dict[str, Any]) -> None:
    test = first_vector(files)
    shown = json.loads(run("show", test["id"], "--from", folder).output)
    group = files[NAME]["groups"][0]
    assert list(shown) == ["file", "group", "flags", "test"]
    assert (shown["file"], shown["group"]) == (NAME, group["comment"])
    assert shown["test"] == test | {"input": group["input"] | test["input"]}
    assert set(shown["flags"]) == set(test["flags"])


def test_a_folder_that_may_not_be_written_is_refused_before_the_work(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    private = sha256(b"private").hexdigest()
    with patch("nen_ref.cli.vectors.generate", unwanted):
        refused(run("generate", "--out", tmp_path / "file" / "below"), f"{tmp_path}/file is not a folder")
        refused(run("generate", "--seed", private, "--out", folder), "name an empty folder")
        with patch("os.access", lambda path, mode: Path(path) != tmp_path):
            refused(run("generate", "--out", tmp_path / "new" / "er"), f"no permission in {tmp_path}")


# What goes wrong on the way


def die(*arguments: object) -> NoReturn:
    os._exit(1)


def test_a_killed_worker_is_told(folder: Path) -> None:
    with patch.dict("nen_ref.vectors.tasks.TASKS", {"attest": die}):
        refused(run("verify", folder, "--jobs", 1), "a worker was killed")


def test_a_folder_that_cannot_be_listed_is_told(tmp_path: Path) -> None:
    with patch.object(Path, "iterdir", side_effect=PermissionError(13, "Permission denied", "there")):
        refused(run("export", tmp_path), "there: Permission denied")


def test_a_full_disk_is_told(folder: Path) -> None:
    for arguments in (("list", folder), ("show", "primitives/hmac_sha256/random-1", "--from", folder)):
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [sys.executable, "-m", "nen_ref", "vectors", *map(str, arguments)],
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
            )
        assert done.returncode == 2, done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert "No space left on device" in done.stderr


def test_interrupted_generation_is_quick_and_leaves_nobody(tmp_path: Path) -> None:
    process = started("generate", "--out", tmp_path / "out", "--jobs", 2)
    until(lambda: len(children(process.pid)) >= 2)
    workers = children(process.pid)
    time.sleep(1)
    began = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert time.monotonic() - began < 10
    assert process.returncode == 2
    assert errors == "Error: interrupted; nothing was written\n"
    until(lambda: not any(map(alive, workers)), 5)
    assert not (tmp_path / "out").exists()


def test_interrupted_mutants_leave_nobody(folder: Path) -> None:
    process = started("mutants", folder, "--jobs", 2)
    until(lambda: len(children(process.pid)) >= 2)
    running = children(process.pid)
    began = time.monotonic()
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert time.monotonic() - began < 10
    assert process.returncode == 2
    assert errors == "Error: interrupted; nothing was written\n"
    until(lambda: not any(map(alive, running)), 5)


def test_a_terminated_run_ends_its_harness(folder: Path, harness: Callable[..., str], tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    process = started("verify", folder, "--harness", harness("other", "hang", pid_file))
    until(lambda: pid_file.exists() and pid_file.read_text() != "")
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert errors == ""
    until(lambda: not alive(int(pid_file.read_text())), 5)


# Harnesses


@pytest.mark.parametrize(("does", "trouble"), [("hang", "hang: no answer"), ("crash", "exit code 3")])
def test_a_harness_that_fails_time_after_time_is_given_up(
    does: str, trouble: str, folder: Path, harness: Callable[..., str]
) -> None:
    with patch("nen_ref.conformance.witness.Harness", partial(Harness, timeout=0.5)):
        began = time.monotonic()
        result = run("verify", folder, "--harness", harness("other", does))
    refused(result, "unusable: 3 hangs or crashes in a row, the last at primitives/hmac_sha256/")
    assert trouble in result.output
    assert time.monotonic() - began < 30


def test_a_harness_that_tells_its_faults_is_heard_to_the_end(folder: Path, harness: Callable[..., str]) -> None:
    result = run("verify", folder, "--provider", "reference", "--harness", harness("other", "errored"))
    assert result.exit_code == 1
    assert "other failed: crash: hmac_sha256 errored: a fault" in result.output


@pytest.mark.parametrize(
    ("name", "independent"),
    [
        ("other", True),
        ("nen-interop-node", True),
        ("nen-ref", False),
        ("Nen_Ref", False),
        ("kyber-py", False),
        ("dilithium_py", False),
        ("pycryptodome", False),
        ("cryptography", False),
        ("reference", False),
    ],
)
def test_a_harness_of_ours_is_not_independent(
    name: str, independent: bool, folder: Path, harness: Callable[..., str], tmp_path: Path
) -> None:
    result = run("verify", folder, "--provider", "reference", "--harness", harness(name), "--json", tmp_path / "out")
    assert result.exit_code == 0, result.output
    entry = json.loads((tmp_path / "out").read_text())["files"][NAME][-1]
    assert (entry["witness"], entry["independent"]) == (name, independent)
    assert entry["agreed"]


def test_the_same_harness_counts_once(folder: Path, harness: Callable[..., str]) -> None:
    same = ("--harness", harness("other"))
    wrong_usage(run("verify", folder, *same, *same), "is given twice")
    another = run("verify", folder, *same, "--harness", harness("Other", "crash"))
    wrong_usage(another, "two harnesses name themselves Other")


# Clusters


@pytest.mark.parametrize("address", ["127.0.0.1:8786", "foo://127.0.0.1:8786", "tcp://", "tcp://127.0.0.1:99999"])
def test_an_address_that_is_none(address: str, tmp_path: Path) -> None:
    with patch("nen_ref.cli.vectors.generate", unwanted):
        refused(run("generate", "--scheduler", address, "--out", tmp_path / "out"), f"--scheduler {address}: the ")


def test_a_cluster_that_cannot_be_reached_is_told_in_one_line(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    process = started("generate", "--scheduler", "tls://127.0.0.1:1", "--out", tmp_path / "out")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert errors.startswith("Error: tls://127.0.0.1:1: no Dask scheduler answers there")
    assert len(errors.splitlines()) == 1


@pytest.fixture(params=[0, 1])
def cluster(request: pytest.FixtureRequest) -> Iterator[tuple[str, int]]:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=request.param, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
    ) as running:
        yield running.scheduler_address, request.param


@pytest.mark.filterwarnings("ignore")
def test_a_cluster_that_cannot_do_the_work_is_told(cluster: tuple[str, int], tmp_path: Path) -> None:
    address, workers = cluster
    arguments = ("generate", "--suite", "v1/stream_nonces", "--scheduler", address, "--out", tmp_path / "out")
    if not workers:
        with patch("nen_ref.cli.scheduler.CONNECT_SECONDS", 1):
            refused(run(*arguments), "the scheduler has no workers")
        return
    with patch("nen_ref.cli.scheduler.__version__", "99"):
        refused(run(*arguments), "it needs nen-ref[oracles] 99")
    distributed = pytest.importorskip("distributed")
    assert run(*arguments).exit_code == 0
    with distributed.Client(address, set_as_default=False) as client:
        client.run(exec, "import sys; sys.modules['nen_ref'] = None")
    refused(run(*arguments), "has no nen-ref (ModuleNotFoundError")


def test_the_help_says_that_the_seed_travels() -> None:
    help = " ".join(run("generate", "--help").output.split())
    assert "The seed travels to them: for a secret one use tls://." in help
