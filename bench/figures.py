"""Writes the table of figures in the READMEs from what the benchmarks have left in `results`.

`python bench/figures.py` rewrites both tables; with `--check` it only says whether they are true.
"""

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_TABLE = re.compile(r"(<!-- figures -->\n).*?(<!-- /figures -->)", re.DOTALL)
_HEADS = {
    "README.md": "| benchmark | figure | aim | measured |",
    "README.zh-CN.md": "| 基准 | 指标 | 目标 | 实测 |",
}


@dataclass(frozen=True, slots=True)
class Aim:
    """A figure that a benchmark leaves, and what it should be."""

    bench: str
    figure: str
    wanted: str


AIMS = (
    Aim("core", "decisions_per_second", "≥ 30,000"),
    Aim("core", "flatness", "0.9 to 1.1"),
    Aim("core", "bytes_per_waiting_frame", "0"),
    Aim("drain", "frames_per_second", "≥ 10,000"),
    Aim("drain", "cycle_per_second", "≥ 4,000"),
    Aim("drain", "over_skip_locked", "≥ 2"),
    Aim("drain", "over_celery", "≥ 2"),
    Aim("drain", "over_dramatiq", "≥ 0.9"),
    Aim("first_frame", "p50_ms", "-"),
    Aim("first_frame", "p99_ms", "≤ 50"),
    Aim("first_frame", "over_celery", "≤ 2"),
    Aim("real_processes", "jobs_per_second", "-"),
    Aim("real_processes", "over_slurm", "≥ 5"),
    Aim("real_processes", "over_htcondor", "≥ 8"),
    Aim("submission", "million_over_one", "≤ 2"),
    Aim("packing", "makespan_over_bound", "≤ 1.15"),
    Aim("packing", "over_fifo", "> 1"),
    Aim("packing", "over_best_fit", "> 1"),
    Aim("packing", "jain", "≥ 0.95"),
    Aim("sticky", "faster_than_process_per_frame", "≥ 20"),
    Aim("sticky", "faster_than_chunks_of_10", "≥ 5"),
    Aim("sticky", "over_open_process", "≤ 1.05"),
    Aim("sticky", "gap_ms", "≤ 10"),
    Aim("sticky", "identical", "100"),
    Aim("killing", "gone_max_s", "≤ 2"),
    Aim("killing", "processor_share", "≤ 0.02"),
    Aim("manifest", "cold_over_deadline", "≥ 10"),
    Aim("manifest", "warm_over_deadline", "≥ 20"),
    Aim("manifest", "large_over_deadline", "≥ 2"),
    Aim("upload", "over_bare_put", "≥ 0.9"),
    Aim("resubmit", "second_over_first", "≤ 0.05"),
    Aim("analyse", "over_bat", "≤ 1.1"),
    Aim("farm_overhead", "ratio", "≤ 1.10"),
)


def table(head: str) -> str:
    """Return the table: a line for every figure whose benchmark has been run."""
    lines = [head, "|---|---|---|---|"]
    for aim in AIMS:
        kept = _ROOT / "bench" / "results" / f"{aim.bench}.json"
        if kept.exists():
            value = json.loads(kept.read_text())["figures"][aim.figure]
            lines.append(f"| `{aim.bench}` | `{aim.figure}` | {aim.wanted} | {_text(value)} |")
    return "\n".join(lines)


def written(name: str) -> str:
    """Return a README as it should be."""
    made = table(_HEADS[name])
    return _TABLE.sub(lambda found: f"{found[1]}{made}\n{found[2]}", (_ROOT / name).read_text())


def _text(value: float | dict[str, float] | None) -> str:
    """Return a figure, or of several runs the median with the least and the most."""
    if value is None:
        return "-"
    if isinstance(value, dict):
        least, middle, most = (_text(value[name]) for name in ("min", "median", "max"))
        return f"{middle} ({least} to {most})"
    return f"{value:,}" if isinstance(value, int) else f"{value:,g}"


def main() -> None:
    """Write the tables, or say whether they are true."""
    stale = [name for name in _HEADS if written(name) != (_ROOT / name).read_text()]
    if "--check" in sys.argv:
        sys.exit(f"run `make figures`: {', '.join(stale)}" if stale else 0)
    for name in stale:
        (_ROOT / name).write_text(written(name))


if __name__ == "__main__":
    main()
