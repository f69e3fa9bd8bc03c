"""`python -m tests.fuzz`: a fuzz run over all targets, or one input of one target again."""

from __future__ import annotations

import base64
import json
import os
import sys
from pathlib import Path

import click

from tests.fuzz.engine import CPU_SECONDS, MEMORY, Failure, Report, alarms, fingerprint, fuzz, make_input, run_one
from tests.fuzz.targets import TARGETS

KEPT = Path("build/fuzz")  # inputs that failed


@click.command()
@click.option("--inputs", type=click.IntRange(min=1), default=100_000, show_default=True, help="Inputs in total.")
@click.option("--seed", default="0", show_default=True, help="Another seed, other inputs; the same one, the same.")
@click.option(
    "--target", "names", multiple=True, type=click.Choice(sorted(TARGETS)), help="Only these; all by default."
)
@click.option("--at", type=click.IntRange(min=0), help="Run the one input of this number again.")
@click.option("--file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Run the bytes of a file.")
@click.option("--engine", type=click.Choice(["plain", "atheris"]), default="plain", show_default=True)
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path), help="Write what came of it, as JSON.")
def main(
    inputs: int, seed: str, names: tuple[str, ...], at: int | None, file: Path | None, engine: str, report: Path | None
) -> None:
    """Fuzz nen_ref: every outcome is success or a code of the catalogue, within bounds of time and memory.

    Ends with 1 if an input failed; the inputs are kept in build/fuzz/, each with the command that replays it.
    """
    if at is not None or file is not None:
        sys.exit(replay(names, seed, at, file))
    if engine == "atheris":
        if len(names) != 1:
            raise click.UsageError("atheris needs one --target")
        from tests.fuzz.guided import guided

        sys.exit(guided(names[0], inputs))
    chosen = [TARGETS[name] for name in names] or list(TARGETS.values())
    shares = {target.name: max(target.share, 1) if names else target.share for target in chosen}
    whole = sum(shares.values())
    reports = []
    for target in chosen:
        part = inputs * shares[target.name] // whole or inputs // 500
        reports.append(fuzz(target, max(part, 1), seed, progress=_progress))
        show(reports[-1])
    if report is not None:
        report.write_text(json.dumps([summary(each) for each in reports], indent=1) + "\n")
    failed = sum(len(each.failures) for each in reports)
    click.echo(
        f"{sum(each.inputs for each in reports)} inputs in {sum(each.seconds for each in reports):.0f} s, "
        f"{failed} failed (bounds of one: {CPU_SECONDS} s of CPU time, {MEMORY >> 20} MiB)"
    )
    sys.exit(1 if failed else 0)


def replay(names: tuple[str, ...], seed: str, at: int | None, file: Path | None) -> int:
    if len(names) != 1 or (at is None) == (file is None):
        raise click.UsageError("to replay, give one --target, and --at (with --seed) or --file")
    target = TARGETS[names[0]]
    data = file.read_bytes() if file else make_input(target, seed, at or 0)
    click.echo(f"{len(data)} bytes: {base64.b64encode(data[:600]).decode()}{'...' if len(data) > 600 else ''}")
    with alarms():
        outcome = run_one(target, data)
    click.echo(outcome if isinstance(outcome, str) else ", ".join(outcome))
    return 1 if isinstance(outcome, str) else 0


def show(report: Report) -> None:
    outcomes = ", ".join(f"{name} {count}" for name, count in report.outcomes.most_common())
    click.echo(
        f"{report.target}: {report.inputs} inputs, {report.rate:.0f}/s, slowest {report.slowest * 1000:.0f} ms, "
        f"peak +{report.peak_rise >> 20} MiB, {len(report.failures)} failed\n    {outcomes}"
    )
    for missing in sorted(TARGETS[report.target].reached - set(report.outcomes)):
        click.echo(f"    never reached: {missing}")
    for failure in report.failures:
        click.echo(f"  FAILED {failure.what.strip().splitlines()[-1][:200]}\n    {failure.replay}\n    {keep(failure)}")


def keep(failure: Failure) -> str:
    KEPT.mkdir(parents=True, exist_ok=True)
    path = KEPT / fingerprint(failure)
    path.write_bytes(failure.data)
    path.with_suffix(".txt").write_text(failure.what)
    return f"python -m tests.fuzz --target {failure.target} --file {path}"


def summary(report: Report) -> dict[str, object]:
    return {
        "target": report.target,
        "inputs": report.inputs,
        "bytes": report.bytes,
        "seconds": round(report.seconds, 1),
        "cpu_seconds": round(report.cpu, 1),
        "inputs_per_second": round(report.rate),
        "slowest_ms": round(report.slowest * 1000, 1),
        "peak_rise_bytes": report.peak_rise,
        "outcomes": dict(report.outcomes.most_common()),
        "failures": [failure.replay for failure in report.failures],
    }


def _progress(report: Report) -> None:
    if report.inputs % 20_000 == 0 and os.isatty(2):
        click.echo(f"{report.target}: {report.inputs}", err=True)


if __name__ == "__main__":
    main(prog_name="python -m tests.fuzz")
