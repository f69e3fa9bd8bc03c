"""`nen-ref bench primitives`, `handshake`, ...: measured briefly, to see that they work. No test looks at a time."""

from __future__ import annotations

import hashlib
import json
import sys
import types
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from nen_ref import __version__
from nen_ref.bench import floor, libraries, measure, memory, primitives, protocol, speed, vectors
from nen_ref.bench.floor import Hashing, hashing_of, replay
from nen_ref.bench.measure import Contender, Effort, Subject, Timing, WrongAnswer
from nen_ref.cli import bench_speed
from nen_ref.cli.bench import bench
from nen_ref.primitives.suite import REFERENCE

BRIEF = ("--seconds", "0.001", "--rounds", "1", "--inputs", "1")
ONCE = Effort(seconds=0.0, rounds=1, inputs=1)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sizes that take no time, the package chacha20poly1305 included."""
    monkeypatch.setattr(primitives, "AEAD_SIZES", (64,))
    monkeypatch.setattr(primitives, "CURVE_SIZES", (16, 64))
    monkeypatch.setattr(protocol, "REQUEST_SIZES", (64,))
    monkeypatch.setattr(protocol, "LARGE_REQUEST", 2**16)
    monkeypatch.setattr(memory, "LARGE_REQUEST", 2**16)
    for module in (protocol, memory):
        monkeypatch.setattr(module, "CHUNKS", (1, 2))
        monkeypatch.setattr(module, "CHUNK", 1024)
    monkeypatch.setattr(measure, "SAMPLE_NS", 1)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(bench, arguments)


def last(subject: Subject, effort: Effort = ONCE) -> measure.Result:
    *_, result = measure.measure("part", subject, effort)
    return result


# Measuring -------------------------------------------------------------------------------------------------


def turns(monkeypatch: pytest.MonkeyPatch, subject_of: Any, effort: Effort) -> list[str]:
    """Who was called, after the warm-up."""
    monkeypatch.setattr(measure, "SAMPLE_NS", 0)
    calls: list[str] = []
    subject = subject_of(calls)
    steps = measure.measure("part", subject, effort)
    next(steps)
    before = len(subject.contenders) * (measure.WARM_UP + (0 if subject.mean else 1))
    list(steps)
    return calls[before:]


def three(calls: list[str], **options: Any) -> Subject:
    def contender(name: str) -> Contender:
        return Contender(name, lambda i: calls.append(name))

    return Subject("work", tuple(contender(name) for name in "abc"), lambda answer: True, **options)


def test_contenders_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "".join(turns(monkeypatch, three, Effort(0.0, rounds=4))) == "abc" + "bca" + "cab" + "abc"


def test_a_mean_is_over_each_input_once(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers: list[int] = []
    subject = Subject("work", (Contender("a", lambda i: numbers.append(i)),), lambda answer: True, mean=True, inputs=5)
    result = last(subject, Effort(0.0, rounds=1, inputs=3))
    assert numbers[measure.WARM_UP :] == [0, 1, 2]
    assert len(result.ours.samples) == 3
    assert len(last(subject, Effort(1000.0, rounds=1000, inputs=200)).ours.samples) == 5


def test_what_is_prepared_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = count(0, 1000)
    monkeypatch.setattr(measure.time, "process_time_ns", lambda: next(clock))
    prepared: list[int] = []

    def prepare(i: int) -> None:
        prepared.append(i)
        next(clock)

    subject = Subject("work", (Contender("a", lambda i: i, prepare=prepare),), lambda i: i == 0, mean=True, inputs=3)
    assert last(subject, Effort(inputs=3)).ours.samples == [1.0, 1.0, 1.0]
    assert prepared == [0, 0, 1, 2]


def test_a_wrong_answer_ends_it() -> None:
    contenders = (Contender("right", lambda i: 1), Contender("wrong", lambda i: 2))
    with pytest.raises(WrongAnswer, match=r"^work: wrong gives a wrong answer$"):
        last(Subject("work", contenders, (1).__eq__))


def test_the_floor_has_no_answer() -> None:
    contenders = (Contender("right", lambda i: 1), Contender("floor", lambda i: None, floor=True))
    assert len(last(Subject("work", contenders, (1).__eq__)).timings) == 2


def test_median_mean_and_quartiles() -> None:
    samples = [10.0, 1.0, 2.0, 4.0, 3.0]
    assert Timing("a", floor=False, mean=False, samples=samples).us == 3.0
    assert Timing("a", floor=False, mean=True, samples=samples).us == 4.0
    assert Timing("a", floor=False, mean=False, samples=samples).quartiles == (2.0, 4.0)
    assert Timing("a", floor=False, mean=False, samples=[7.0]).quartiles == (7.0, 7.0)


def test_a_ratio_is_how_many_times_as_long_as_ours() -> None:
    ours, peer = Timing("ours", False, False, [2.0]), Timing("peer", False, False, [5.0])
    assert measure.Result("part", three([]), [ours, peer]).ratio(peer) == 2.5


# The floor -------------------------------------------------------------------------------------------------


def counted(calls: list[Hashing]) -> dict[tuple[str, int, tuple[int, ...]], int]:
    """How many different texts were hashed, by function, length of the text and of the digest.

    What is rejected asks for more of SHAKE128: its lengths are not looked at.
    """
    texts: dict[tuple[str, int, tuple[int, ...]], set[bytes]] = {}
    for call in calls:
        length = () if call.name == "shake_128" else call.length
        texts.setdefault((call.name, len(call.data), length), set()).add(call.data)
    return {key: len(found) for key, found in texts.items()}


def test_the_hashing_of_ml_kem_is_that_of_fips_203() -> None:
    d, z, m = bytes(32), bytes([1]) * 32, bytes([2]) * 32
    ek, dk = REFERENCE.ml_kem_768_keygen(d, z)
    _, c = REFERENCE.ml_kem_768_encaps(ek, m)
    # Algorithm 13: G(d || k), SampleNTT of 3 x 3 seeds, PRF_2 for s and e; algorithm 16: H(ek).
    assert counted(hashing_of(lambda: REFERENCE.ml_kem_768_keygen(d, z))) == {
        ("sha3_512", 33, ()): 1,
        ("shake_128", 34, ()): 9,
        ("shake_256", 33, (128,)): 6,
        ("sha3_256", 1184, ()): 1,
    }
    # Algorithm 17: H(ek), G(m || H(ek)); algorithm 14: SampleNTT, PRF_2 for y, e1 and e2.
    encaps = {
        ("sha3_256", 1184, ()): 1,
        ("sha3_512", 64, ()): 1,
        ("shake_128", 34, ()): 9,
        ("shake_256", 33, (128,)): 7,
    }
    assert counted(hashing_of(lambda: REFERENCE.ml_kem_768_encaps(ek, m))) == encaps
    # Algorithm 18: the same again, J(z || c), and for the check of 7.3 H(ek).
    assert counted(hashing_of(lambda: REFERENCE.ml_kem_768_decaps(dk, c))) == encaps | {
        ("shake_256", 32 + 1088, (32,)): 1
    }


def test_the_hashing_of_ml_dsa_is_recorded() -> None:
    pk, sk = REFERENCE.ml_dsa_65_keygen(bytes(32))
    sigma = REFERENCE.ml_dsa_65_sign(sk, b"message", b"", bytes(32))
    found = counted(hashing_of(lambda: REFERENCE.ml_dsa_65_verify(pk, b"message", sigma, b"")))
    # FIPS 204, algorithms 3 and 8: ExpandA of 6 x 5 seeds, H(pk, 64), mu of tr, 0, 0 and M, c~ of mu and w1.
    assert found["shake_128", 34, ()] == 30
    assert found["shake_256", 1952, (64,)] == 1
    assert found["shake_256", 64 + 2 + 7, (64,)] == 1
    assert found["shake_256", 64 + 768, (48,)] == 1


def test_recording_leaves_nothing_behind_and_changes_no_answer() -> None:
    before = [vars(module).copy() for module in floor.MODULES]
    pair = REFERENCE.ml_kem_768_keygen(bytes(32), bytes(32))
    assert hashing_of(lambda: pytest.fail("wrong") if REFERENCE.ml_kem_768_keygen(bytes(32), bytes(32)) != pair else 0)
    assert [vars(module) for module in floor.MODULES] == before


def test_replayed_are_the_same_calls() -> None:
    calls: list[tuple[bytes, tuple[int, ...]]] = []

    class Digest:
        def __init__(self, data: bytes) -> None:
            self.data = data

        def digest(self, *length: int) -> None:
            calls.append((self.data, length))

    replay([Hashing("shake_128", Digest, b"a", (3,)), Hashing("sha3_256", Digest, b"b", ())])
    assert calls == [(b"a", (3,)), (b"b", ())]


def test_what_is_recorded_may_be_updated_and_copied() -> None:
    calls: list[Hashing] = []
    hashing = floor._recorder(calls, "sha3_256", hashlib.sha3_256)(b"a")
    copy = hashing.copy()
    copy.update(b"b")
    assert copy.digest() == hashlib.sha3_256(b"ab").digest()
    assert hashing.digest() == hashlib.sha3_256(b"a").digest()
    assert [call.data for call in calls] == [b"ab", b"a"]


# Who competes ----------------------------------------------------------------------------------------------


def test_a_library_competes_only_with_what_is_its_own() -> None:
    assert list(libraries.own("ml_kem_768_decaps")) == ["nen-ref", "kyber-py", "pycryptodome", "cryptography"]
    assert list(libraries.own("ml_dsa_65_sign")) == ["nen-ref", "dilithium-py", "pycryptodome"]
    assert list(libraries.own("aead_seal")) == ["nen-ref", "pycryptodome", "cryptography"]


def test_without_the_oracles_ours_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        if name == "reference":
            return REFERENCE
        raise libraries.MissingLibraryError(name)

    monkeypatch.setattr(libraries, "calling_suite", missing)
    monkeypatch.setitem(sys.modules, "chacha20poly1305", None)
    assert list(libraries.with_peer_aead()) == ["nen-ref"]
    assert last(primitives.sealing(64)).timings[0].name == "nen-ref"


def test_the_peer_of_the_aead_comes_next_to_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    class Cipher:
        def __init__(self, key: bytes) -> None:
            self.key = key

        def encrypt(self, nonce: bytes, plaintext: bytearray) -> bytearray:
            return bytearray(REFERENCE.aead_seal(self.key, nonce, bytes(plaintext)))

        def decrypt(self, nonce: bytes, sealed: bytearray) -> bytearray | None:
            return None if len(sealed) < 16 else bytearray(REFERENCE.aead_open(self.key, nonce, bytes(sealed)))

    module = types.ModuleType("chacha20poly1305")
    module.ChaCha20Poly1305 = Cipher  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "chacha20poly1305", module)
    found = libraries.with_peer_aead()
    assert list(found)[:2] == ["nen-ref", "chacha20poly1305"]
    assert [timing.name for timing in last(primitives.sealing(64)).timings] == list(found)
    assert protocol.stream(found["chacha20poly1305"], 2) == 2 * protocol.CHUNK


# Memory ----------------------------------------------------------------------------------------------------


def test_the_memory_of_a_stream_does_not_grow() -> None:
    few = memory.peak_of(lambda: protocol.stream(REFERENCE, 4))
    many = memory.peak_of(lambda: protocol.stream(REFERENCE, 24))
    assert many < few + 50_000  # of 400 KB
    assert few < 20 * protocol.CHUNK


@pytest.mark.parametrize("size", [2**18, 2**20])
def test_the_memory_of_a_request_is_a_multiple_of_its_size(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "LARGE_REQUEST", size)
    assert memory.peak_of(protocol.large_request) < 11 * size


# The command -----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("small")
def test_everything_is_measured(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    done = run("all", *BRIEF, "--json", str(file))
    assert done.exit_code == 0, done.output
    assert "\x1b" not in done.stdout
    found = json.loads(file.read_text(encoding="utf-8"))
    assert found["schema"] == "nen-bench-speed/1"
    assert found["python"]["version"] == ".".join(map(str, sys.version_info[:3]))
    assert found["packages"]["nen-ref"] == __version__
    assert set(found["packages"]) >= {"kyber-py", "dilithium-py", "pycryptodome", "cryptography"}
    assert {result["part"] for result in found["results"]} == {part.name for part in speed.PARTS}
    names = {result["name"] for result in found["results"]}
    assert names >= {"HKDF-SHA256", "X25519"}
    assert names >= {f"ML-KEM-768 {name}" for name in ("keygen", "encaps", "decaps")}
    assert names >= {f"ML-DSA-65 {name}" for name in ("keygen", "sign", "verify")}
    assert names >= {
        "AEAD seal",
        "AEAD open",
        "HMAC-SHA256",
        "V1 handshake, both sides",
        "request and answer",
        "stream",
    }
    for result in found["results"]:
        ours, *others = result["contenders"]
        assert ours["name"] == "nen-ref"
        assert ours["ratio"] == 1
        for contender in (ours, *others):
            low, high = contender["quartiles_us"]
            assert 0 <= low <= high
            assert contender["samples"] >= 1
            assert f"{contender['name']} " in done.stdout
    floors = {result["name"] for result in found["results"] for c in result["contenders"] if c["floor"]}
    assert {name for name in names if name.startswith(("ML-", "V1 "))} == floors
    assert [peak["name"] for peak in found["peaks"]] == ["request and answer", "stream", "stream"]


@pytest.mark.parametrize("part", [part.name for part in speed.PARTS if part.name != "vectors"])
@pytest.mark.usefixtures("small")
def test_a_part_by_itself(part: str) -> None:
    done = run(part, *BRIEF, "--json", "-")
    assert done.exit_code == 0, done.output
    assert {result["part"] for result in json.loads(done.stdout)["results"]} == {part}
    assert f"{part}: " in done.stderr


def test_transcripts_are_those_of_every_kit() -> None:
    for subject in vectors.subjects():
        assert len(subject.contenders) == 3
        assert {subject.right(contender.call(0)) for contender in subject.contenders} == {True}
        assert not subject.right(subject.contenders[0].call(1))


def one_part(monkeypatch: pytest.MonkeyPatch, subjects: Any) -> str:
    part = speed.Part("primitives", "help", "bytes", subjects)
    monkeypatch.setattr(bench_speed, "PARTS", (part,))
    command = next(command for command in bench_speed.commands() if command.name == "primitives")
    monkeypatch.setitem(bench.commands, "primitives", command)
    return "primitives"


def test_a_wrong_answer_is_exit_code_1(monkeypatch: pytest.MonkeyPatch) -> None:
    def subjects() -> Iterator[Subject]:
        yield three([])
        yield Subject("seal", (Contender("nen-ref", lambda i: 1), Contender("other", lambda i: 2)), (1).__eq__)

    done = run(one_part(monkeypatch, subjects), *BRIEF, "--json", "-")
    assert done.exit_code == 1
    assert "seal: other gives a wrong answer" in done.stderr
    assert [result["name"] for result in json.loads(done.stdout)["results"]] == ["work"]


def test_an_interrupted_run_keeps_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    def subjects() -> Iterator[Subject]:
        yield three([])
        raise KeyboardInterrupt

    done = run(one_part(monkeypatch, subjects), *BRIEF, "--json", "-")
    assert done.exit_code == 130
    assert len(json.loads(done.stdout)["results"]) == 1


@pytest.mark.parametrize(
    "wrong", [("--rounds", "0"), ("--seconds", "0"), ("--inputs", "201"), ("--json", "/nowhere/f")]
)
def test_wrong_usage_is_exit_code_2(wrong: tuple[str, str]) -> None:
    done = run("primitives", *wrong)
    assert done.exit_code == 2
    assert wrong[0] in done.stderr
