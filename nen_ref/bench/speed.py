"""The parts of `nen-ref bench` that measure computing, and their results as JSON: `nen-bench-speed/1`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass

from nen_ref.bench import memory, primitives, protocol, vectors
from nen_ref.bench.libraries import PACKAGES
from nen_ref.bench.machine import surroundings
from nen_ref.bench.measure import Effort, Result, Subject, Timing
from nen_ref.bench.memory import Peak

SCHEMA = "nen-bench-speed/1"
NOTE = "CPU time of one process, in which the contenders take turns; ratio: times as long as nen-ref takes"


@dataclass(frozen=True)
class Part:
    """What one command measures. `unit`: what the sizes of its subjects are."""

    name: str
    help: str
    unit: str
    subjects: Callable[[], Iterable[Subject]]
    peaks: Callable[[], Iterable[Peak]] | None = None


PARTS = (
    Part(
        "primitives",
        "ML-KEM-768, ML-DSA-65, ChaCha20-Poly1305, HMAC and HKDF with SHA-256, X25519.",
        "bytes",
        primitives.subjects,
    ),
    Part("sizes", "Sealing with ChaCha20-Poly1305, from 16 bytes to 256 KiB.", "bytes", primitives.curve),
    Part("handshake", "A whole V1 handshake, both sides, without and with an identity.", "", protocol.handshakes),
    Part("requests", "A request and its answer, both sides.", "bytes", protocol.requests, memory.of_requests),
    Part("streams", "A stream, sealed and opened, by number of chunks.", "chunks", protocol.streams, memory.of_streams),
    Part("vectors", "Generation of vectors: whole transcripts.", "", vectors.subjects),
)


def as_json(
    results: Sequence[Result], peaks: Sequence[Peak], effort: Effort, busy: float | None = None
) -> dict[str, object]:
    return {
        "schema": SCHEMA,
        "note": NOTE,
        **surroundings(PACKAGES, busy),
        "effort": asdict(effort),
        "results": [_result(result) for result in results],
        "peaks": [asdict(peak) for peak in peaks],
    }


def _result(result: Result) -> dict[str, object]:
    subject = result.subject
    return {
        "part": result.part,
        "name": subject.name,
        "size": subject.size,
        "statistic": "mean" if subject.mean else "median",
        "contenders": [_timing(result, timing) for timing in result.timings],
    }


def _timing(result: Result, timing: Timing) -> dict[str, object]:
    low, high = timing.quartiles
    return {
        "name": timing.name,
        "floor": timing.floor,
        "us": round(timing.us, 3),
        "quartiles_us": [round(low, 3), round(high, 3)],
        "samples": len(timing.samples),
        "ratio": round(result.ratio(timing), 4),
    }
