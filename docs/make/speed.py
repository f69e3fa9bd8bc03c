"""Speed, from the recorded run docs/benchmarks.json: the tables of docs/benchmarks.md, and its pictures.

`make benchmarks` records the run anew; `python -m docs.make.speed FOLDER` draws the pictures alone.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

RUN = Path(__file__).parents[1] / "benchmarks.json"
OURS = "nen-ref"
PURE_PYTHON = ("kyber-py", "dilithium-py", "chacha20poly1305", "kyber-py, dilithium-py")
COLOURS = {
    OURS: "#17524f",
    "kyber-py": "#9a4b00",
    "dilithium-py": "#9a4b00",
    "kyber-py, dilithium-py": "#9a4b00",
    "chacha20poly1305": "#9a4b00",
    "pycryptodome": "#5a6b8c",
    "cryptography": "#8c5a7d",
}
_DIRECTIVE = re.compile(r"^<!-- speed: (\w+) -->$", re.MULTILINE)

Result = Mapping[str, Any]


@cache
def run() -> Mapping[str, Any]:
    """The recorded run, as `nen-ref bench all --json` wrote it."""
    found: dict[str, Any] = json.loads(RUN.read_text(encoding="utf-8"))
    return found


def results(part: str) -> list[Result]:
    return [result for result in run()["results"] if result["part"] == part]


def expand(text: str) -> str:
    """The page with a table for each `<!-- speed: PART -->`, `peaks` and `made` among the parts."""
    return _DIRECTIVE.sub(lambda found: TABLES.get(found[1], lambda: table(found[1]))(), text)


def table(part: str) -> str:
    """A line for each contender, ours first. Raises KeyError for a part that was not recorded."""
    found = results(part)
    if not found:
        raise KeyError(f"{RUN.name} has no results of {part!r}")
    lines = ["| work | by | time | middle half | times ours |", "|---|---|---:|---:|---:|"]
    for result in found:
        for i, contender in enumerate(result["contenders"]):
            low, high = contender["quartiles_us"]
            name = "" if i else title(result)
            by = f"*{contender['name']}*" if contender["floor"] else contender["name"]
            middle = f"{microseconds(low)} - {microseconds(high)}"
            lines.append(f"| {name} | {by} | {microseconds(contender['us'])} | {middle} | {contender['ratio']:.2f} |")
    return "\n".join(lines)


def peaks() -> str:
    lines = ["| work | plaintext | at most allocated |", "|---|---:|---:|"]
    for peak in run()["peaks"]:
        times = f" ({peak['peak'] / peak['size']:.1f} times)" if peak["peak"] > peak["size"] else ""
        lines.append(f"| {peak['name']} | {kibibytes(peak['size'])} | {kibibytes(peak['peak'])}{times} |")
    return "\n".join(lines)


def made() -> str:
    """What the run was made with."""
    found = run()
    packages = ", ".join(f"{name} {version}" for name, version in found["packages"].items())
    python = f"{found['python']['implementation']} {found['python']['version']}"
    return f"Recorded {found['made'][:10]} with {python} on {found['machine']['processor']}: {packages}."


TABLES: Mapping[str, Callable[[], str]] = {"peaks": peaks, "made": made}


def title(result: Result) -> str:
    units = {"streams": "chunk" if result["size"] == 1 else "chunks"}
    if result["size"] is None:
        return str(result["name"])
    return f"{result['name']}, {result['size']} {units.get(result['part'], 'bytes')}"


def microseconds(us: float) -> str:
    if us < 1000:
        return f"{us:.3g} µs"
    return f"{us / 1000:.3g} ms" if us < 1_000_000 else f"{us / 1_000_000:.3g} s"


def kibibytes(size: int) -> str:
    return f"{size / 1024:.0f} KiB" if size < 2**20 else f"{size / 2**20:.1f} MiB"


def ratios() -> list[tuple[str, str, float]]:
    """Of the first picture: the work, the package in pure Python, and how many times as long as ours it takes."""
    return [
        (title(result), contender["name"], contender["ratio"])
        for part in ("primitives", "handshake")
        for result in results(part)
        for contender in result["contenders"]
        if contender["name"] in PURE_PYTHON
    ]


def curves(part: str) -> dict[str, list[tuple[int, float]]]:
    """By contender: size and microseconds."""
    found: dict[str, list[tuple[int, float]]] = {}
    for result in results(part):
        for contender in result["contenders"]:
            found.setdefault(contender["name"], []).append((result["size"], contender["us"]))
    return found


def draw_ratios(axes: Any) -> None:
    bars = ratios()[::-1]
    names = [f"{work}\n{by}" for work, by, _ in bars]
    drawn = axes.barh(names, [ratio for *_, ratio in bars], color=[COLOURS[by] for _, by, _ in bars], height=0.6)
    axes.bar_label(drawn, labels=[f"{ratio:.1f}" for *_, ratio in bars], padding=3)
    axes.axvline(1, color=COLOURS[OURS], linewidth=1.5)
    axes.set_xscale("log", base=2)
    axes.set_xticks([1, 2, 4, 8, 16, 32], ["nen-ref", "2", "4", "8", "16", "32"])
    axes.set_xlim(0.9, 48)
    axes.set_xlabel("times as long as nen-ref")


def draw_sizes(axes: Any) -> None:
    for name, points in curves("sizes").items():
        axes.plot(*zip(*points, strict=True), marker="o", markersize=4, label=name, color=COLOURS[name])
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    sizes = [result["size"] for result in results("sizes")]
    axes.set_xticks(sizes, [str(size) if size < 1024 else f"{size // 1024} KiB" for size in sizes])
    axes.set_xlabel("bytes of plaintext")
    axes.set_ylabel("microseconds to seal")
    axes.grid(visible=True, which="major", alpha=0.3)
    axes.legend(frameon=False)


def draw_streams(times: Any, memory: Any) -> None:
    for name, points in curves("streams").items():
        times.plot(*zip(*points, strict=True), marker="o", markersize=4, label=name, color=COLOURS[name])
    chunks = [result["size"] for result in results("streams")]
    for axes in (times, memory):
        axes.set_xscale("log", base=2)
        axes.set_xticks(chunks, [str(count) for count in chunks])
        axes.set_xlabel("chunks of 16 KiB")
        axes.grid(visible=True, which="major", alpha=0.3)
    times.set_yscale("log")
    times.set_ylabel("microseconds, sealed and opened")
    times.legend(frameon=False)
    found = [peak["peak"] / 1024 for peak in run()["peaks"] if peak["name"] == "stream"]
    memory.plot(chunks, found, marker="o", markersize=4, color=COLOURS[OURS])
    memory.set_ylim(0, 2 * max(found))
    memory.set_ylabel("KiB allocated at most")


PICTURES: Mapping[str, tuple[tuple[int, int], float, Callable[..., None], str]] = {
    "ratios": ((1, 1), 6.5, draw_ratios, "How many times as long as nen-ref other packages in pure Python take"),
    "sizes": ((1, 1), 4.5, draw_sizes, "Time to seal against size"),
    "streams": ((1, 2), 4.0, draw_streams, "Time and memory of a stream against its number of chunks"),
}
"""By name: rows and columns, height in inches, what draws them, title."""


def pictures() -> list[str]:
    """Their paths in the site."""
    return [f"benchmarks/{name}.svg" for name in PICTURES]


def draw(folder: Path) -> None:
    """Write the pictures below `folder`. Needs matplotlib (the extra `docs`)."""
    import matplotlib
    from matplotlib.figure import Figure

    # The reader's own fonts; and the same run always gives the same file.
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": OURS, "font.size": 9})
    for path, (grid, height, drawing, heading) in zip(pictures(), PICTURES.values(), strict=True):
        figure = Figure(figsize=(8, height), layout="constrained")
        drawing(*figure.subplots(*grid, squeeze=False).flat)
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(folder / path, format="svg", metadata={"Title": heading, "Date": None})


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
