"""Generation: the same bytes whoever does the work, nothing written before all agree, secrets kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from click.testing import CliRunner, Result

from nen_ref.cli import main
from nen_ref.vectors import files as files_module
from nen_ref.vectors.build import Disagreement, calls
from nen_ref.vectors.draw import DEFAULT_SEED, Draw
from nen_ref.vectors.files import AnotherSet, check_target, dump, merged, write
from nen_ref.vectors.generate import Plan, first_try, generate
from nen_ref.vectors.same import differences

SEED = sha256(b"a private seed").digest()
SUITES = ("primitives/hmac_sha256", "primitives/ml_kem_768_keygen", "v1/payload_open", "v1/stream_opening")
PLAN = Plan(SEED, SUITES, count=30, providers=("pycryptodome",), transcripts=100)


class Here(Executor):
    """Runs what it is given at once, in this process."""

    def submit(self, fn: Any, /, *args: Any, **options: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **options))
        except Exception as fault:
            future.set_exception(fault)
        return future


def untold(doing: str, done: int, of: int) -> None:
    pass


def texts(files: dict[str, Any]) -> dict[str, bytes]:
    return {name: dump(file) for name, file in files.items()}


@pytest.fixture(scope="module")
def made() -> dict[str, bytes]:
    return texts(generate(PLAN, Here(), untold))


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["vectors", *map(str, arguments)])


def test_a_draw_is_what_the_readme_says() -> None:
    """By the words of vectors/README.md, with hashlib alone."""
    from hashlib import shake_256

    assert Draw(DEFAULT_SEED)("accumulated/stream/7/base nonce", 12) == shake_256(
        b"nen-ref, the public test vectors" + b"accumulated/stream/7/base nonce"
    ).digest(12)
    assert Draw(SEED).under("a").under("b")("c") == shake_256(SEED + b"a/b/c").digest(32)
    assert Draw(SEED).below("n", 1000) == int.from_bytes(shake_256(SEED + b"n").digest(16), "little") % 1000


@pytest.mark.parametrize("workers", [1, 2])
def test_the_same_bytes_with_any_number_of_workers(workers: int, made: dict[str, bytes]) -> None:
    with ProcessPoolExecutor(workers) as pool:
        assert texts(generate(PLAN, pool, untold)) == made


def test_another_seed_gives_other_vectors_and_the_same_ids(made: dict[str, bytes]) -> None:
    other = texts(generate(Plan(bytes(32), SUITES[:2], 30, ("pycryptodome",)), Here(), untold))
    for name in SUITES[:2]:
        one, two = json.loads(made[name]), json.loads(other[name])
        assert [id for id, *_ in calls(one)] == [id for id, *_ in calls(two)]
        assert one != two


def test_more_random_vectors_begin_with_the_fewer_ones() -> None:
    few, many = (
        generate(Plan(SEED, SUITES[:1], count, ()), Here(), untold)[SUITES[0]]["groups"][-1]["tests"]
        for count in (3, 60)
    )
    assert (len(few), len(many)) == (3, 60)
    assert many[:3] == few


def test_a_private_seed_stands_in_no_file(made: dict[str, bytes]) -> None:
    assert all(json.loads(text).get("seed") is None for text in made.values())
    assert not [name for name, text in made.items() if SEED.hex().encode() in text]
    assert SEED.hex() not in repr(PLAN)


def test_a_disagreement_shows_both_answers_and_writes_nothing(tmp_path: Path) -> None:
    from nen_ref.providers import pycryptodome

    def wrong(key: bytes, text: bytes) -> bytes:
        return bytes(32)

    suite = pycryptodome.SUITE
    object.__setattr__(suite, "hmac_sha256", wrong)
    try:
        with patch("nen_ref.cli.vectors._executor") as executor:
            executor.return_value.__enter__.return_value = Here()
            result = run("generate", "--suite", SUITES[0], "--out", tmp_path / "out")
    finally:
        object.__setattr__(suite, "hmac_sha256", pycryptodome.hmac_sha256)
    assert result.exit_code == 1
    assert "pycryptodome accepted mac 0000" in result.output
    assert "the vector accepted mac " in result.output
    assert "FAILED" in result.output
    assert not (tmp_path / "out").exists()


def test_a_claim_that_the_reference_does_not_keep_stops_generation() -> None:
    def opens_everything(key: bytes, nonce: bytes, sealed: bytes) -> bytes:
        return b"{}"

    from nen_ref.primitives.suite import REFERENCE

    original = REFERENCE.aead_open
    object.__setattr__(REFERENCE, "aead_open", opens_everything)
    try:
        with pytest.raises(Disagreement, match="is said to be invalid"):
            generate(Plan(SEED, ("v1/payload_open",), 1, ()), Here(), untold)
    finally:
        object.__setattr__(REFERENCE, "aead_open", original)


def test_an_interrupted_write_leaves_the_old_set_and_no_part(tmp_path: Path) -> None:
    write(tmp_path, {"index": {"a": 1}, "v1/x": {"b": 1}})
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    made: list[str] = []

    def interrupted(document: Any) -> bytes:
        if made:
            raise KeyboardInterrupt
        made.append("one")
        return b"{}"

    with patch.object(files_module, "dump", interrupted), pytest.raises(KeyboardInterrupt):
        write(tmp_path, {"index": {"a": 2}, "v1/x": {"b": 2}})
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_the_first_try_is_the_same_however_the_search_is_cut() -> None:
    seed, suite = DEFAULT_SEED, "primitives/ml_kem_768_keygen"
    from nen_ref.vectors.suites import all_suites

    event = min(all_suites()[suite].events, key=lambda event: event.tries)
    draw = Draw(seed).under(suite)
    first = next(i for i in range(10_000) if event.occurs(draw, i))
    assert first_try(seed, suite, event.name, event.tries, Here(), untold) == first
    with patch("nen_ref.vectors.generate.TRIES_AT_ONCE", 1):
        assert first_try(seed, suite, event.name, event.tries, Here(), untold) == first


def test_a_search_that_is_known_is_checked() -> None:
    suite = "primitives/ml_kem_768_keygen"
    from nen_ref.vectors.suites import all_suites

    event = max(all_suites()[suite].events, key=lambda event: event.tries)
    draw = Draw(SEED).under(suite)
    wrong = next(i for i in range(1000) if not event.occurs(draw, i))
    with pytest.raises(Disagreement, match=f"{event.name} does not occur at try {wrong}"):
        generate(Plan(SEED, (suite,), 1, (), searches={suite: {event.name: wrong}}), Here(), untold)


def test_a_part_of_a_set_joins_its_folder(tmp_path: Path) -> None:
    assert run("generate", "--suite", SUITES[0], "--out", tmp_path).exit_code == 0
    assert run("generate", "--suite", "v1/stream_nonces", "--out", tmp_path).exit_code == 0
    assert [entry["name"] for entry in json.loads((tmp_path / "index.json").read_bytes())["files"]] == [
        SUITES[0],
        "v1/stream_nonces",
    ]
    verified = run("verify", tmp_path)
    assert verified.exit_code == 0, verified.output
    assert run("generate", "--suite", SUITES[0], "--out", tmp_path, "--check").exit_code == 0


def test_a_folder_of_another_seed_is_not_joined(tmp_path: Path) -> None:
    write(tmp_path, generate(Plan(SEED, SUITES[:1], 1, ()), Here(), untold))
    for seed in (SEED, bytes(32)):
        with pytest.raises(AnotherSet):
            merged(tmp_path, generate(Plan(seed, SUITES[:1], 1, ()), Here(), untold))


@pytest.fixture(scope="module")
def of_default_seed() -> dict[str, dict[str, Any]]:
    """Files by suite, made of the public seed."""
    return {name: generate(Plan(DEFAULT_SEED, (name,), 1, ()), Here(), untold) for name in (SUITES[0], SUITES[2])}


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "index gone": (lambda folder: (folder / "index.json").unlink(), "no index.json: not a folder of vectors"),
    "index of nothing": (lambda folder: put(folder / "index.json", "[]"), "index.json, line 1: not a JSON object"),
    "file gone": (lambda folder: (folder / f"{SUITES[0]}.json").unlink(), "hmac_sha256.json is not in the folder"),
    "file changed": (lambda folder: put(folder / f"{SUITES[0]}.json", "{}"), "the member format has to be"),
    "searches gone": (lambda folder: (folder / "searches.json").unlink(), "searches.json is not in the folder"),
    "another file": (lambda folder: put(folder / "v1" / "more.json", "{}"), "more.json: not in index.json"),
    "entry without valid": (
        lambda folder: put(
            folder / "index.json", (folder / "index.json").read_text().replace('   "valid"', '   "vlaid"')
        ),
        "has no member 'vlaid'",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_part_joins_no_damaged_set(damage: str, tmp_path: Path, of_default_seed: dict[str, Any]) -> None:
    write(tmp_path, of_default_seed[SUITES[0]])
    assert merged(tmp_path, of_default_seed[SUITES[2]])["index"]["totals"]["files"] == 2
    spoil, message = DAMAGES[damage]
    spoil(tmp_path)
    for attempt in (
        lambda: merged(tmp_path, of_default_seed[SUITES[2]]),
        lambda: check_target(tmp_path, DEFAULT_SEED.hex(), whole=False),
    ):
        with pytest.raises(AnotherSet) as caught:
            attempt()
        assert message in str(caught.value)
        assert str(caught.value).endswith("; name an empty folder")


def test_what_a_set_may_be_written_over(tmp_path: Path, of_default_seed: dict[str, Any]) -> None:
    public = DEFAULT_SEED.hex()
    write(tmp_path / "public", of_default_seed[SUITES[0]])
    write(tmp_path / "private", generate(Plan(SEED, SUITES[:1], 1, ()), Here(), untold))
    (tmp_path / "empty").mkdir()
    put(tmp_path / "documents" / "README.md", "how to read them")
    put(tmp_path / "documents" / "schema" / "index-1.json", "{}")
    put(tmp_path / "mine" / "thesis.txt", "do not lose this")
    put(tmp_path / "json" / "index.json", json.dumps({"seed": public}))
    put(tmp_path / "list" / "index.json", json.dumps({"format": "nen-vectors-index/1", "seed": [public]}))
    put(tmp_path / "file", "")
    refused = {
        (folder, seed, whole): said
        for folder in ("public", "private", "empty", "documents", "mine", "json", "list", "file", "nowhere")
        for seed in (public, "ab" * 32, None)
        for whole in (True, False)
        if (said := refusal(tmp_path / folder, seed, whole))
    }
    always = {(seed, whole) for seed in (public, "ab" * 32, None) for whole in (True, False)}
    assert {of[1:] for of in refused if of[0] == "public"} == always - {(public, True), (public, False)}
    for folder in ("private", "mine", "json", "list", "file"):
        assert {of[1:] for of in refused if of[0] == folder} == always
    assert {of[0] for of in refused} == {"public", "private", "mine", "json", "list", "file"}
    assert all(said.endswith("name an empty folder") and said.startswith(str(tmp_path)) for said in refused.values())
    assert "a private one does not replace" in refused["private", None, True]


def test_a_whole_set_replaces_a_damaged_one_of_its_seed(tmp_path: Path, of_default_seed: dict[str, Any]) -> None:
    write(tmp_path, of_default_seed[SUITES[0]])
    (tmp_path / f"{SUITES[0]}.json").unlink()
    assert refusal(tmp_path, DEFAULT_SEED.hex(), whole=True) == ""
    assert refusal(tmp_path, DEFAULT_SEED.hex(), whole=False)
    put(tmp_path / "index.json", json.dumps({"format": "nen-vectors-index/2", "seed": DEFAULT_SEED.hex()}))
    assert "a newer nen-ref is needed" in refusal(tmp_path, DEFAULT_SEED.hex(), whole=True)


def refusal(folder: Path, seed: str | None, whole: bool) -> str:
    try:
        check_target(folder, seed, whole)
    except AnotherSet as fault:
        return str(fault)
    return ""


def test_check_finds_every_kind_of_difference(tmp_path: Path) -> None:
    files = generate(Plan(SEED, SUITES[:1], 1, ()), Here(), untold)
    write(tmp_path, files)
    path = tmp_path / f"{SUITES[0]}.json"
    whole = path.read_bytes()
    assert list(differences(tmp_path, files)) == []
    path.write_bytes(whole.replace(b'"comment": "a key of', b'"comment": "no key of', 1))
    assert "first at primitives/hmac_sha256/" in next(differences(tmp_path, files))
    path.write_bytes(whole.replace(b"\n ", b"\n  ", 1))
    assert "one form" in next(differences(tmp_path, files))
    path.write_bytes(whole[:-20])
    assert "cut off" in next(differences(tmp_path, files))
    path.rename(tmp_path / "primitives" / "another.json")
    assert sorted(line.split(" is ")[1] for line in differences(tmp_path, files)) == ["missing", "not part of the set"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seed", "00"], "--seed is 1 bytes, not 32"),
        (["--seed", "xyz"], "--seed is not hexadecimal"),
        (["--seed", SEED.hex()], "say with --out where a private set goes"),
        (["--suite", "v1/nothing"], "there is no such file"),
        (["--scheduler", "tcp://127.0.0.1:1", "--suite", SUITES[0]], "no Dask scheduler answers"),
        (["--harness", "false", "--suite", SUITES[0]], "exit code 1"),
    ],
)
def test_wrong_usage_is_told_plainly(arguments: list[str], message: str, tmp_path: Path) -> None:
    out = [] if SEED.hex() in arguments else ["--out", tmp_path / "out"]
    result = run("generate", *arguments, *out)
    assert result.exit_code == 2, result.output
    assert message in result.output
    assert "Traceback" not in result.output
    assert not (tmp_path / "out").exists()


def test_an_output_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run("generate", "--suite", SUITES[0], "--out", tmp_path / "file" / "below")
    assert result.exit_code == 2
    assert "Error: " in result.output
    assert "Traceback" not in result.output


@pytest.fixture
def cluster() -> Iterator[str]:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
    ) as running:
        yield running.scheduler_address


@pytest.mark.filterwarnings("ignore")
def test_a_cluster_of_two_workers_gives_the_same_bytes(cluster: str, tmp_path: Path) -> None:
    arguments = ("--suite", "v1/stream_nonces", "--suite", "accumulated", "--transcripts", 100)
    assert run("generate", *arguments, "--out", tmp_path / "here").exit_code == 0
    there = run("generate", *arguments, "--out", tmp_path / "there", "--scheduler", cluster)
    assert there.exit_code == 0, there.output
    for path in sorted((tmp_path / "here").rglob("*.json")):
        assert (tmp_path / "there" / path.relative_to(tmp_path / "here")).read_bytes() == path.read_bytes()
