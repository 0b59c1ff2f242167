"""The table of a survey: one row a scenario, and below it what its users saw."""

from collections.abc import Iterator, Sequence

from lightmill.scheduler.simulation.survey import Sum

_COLUMNS = (
    "scenario", "farms", "faults", "terms", "frames", "attempts", "lost", "decisions",
    "utilisation", "makespan/bound", "wait", "longest", "Jain", "broken",
)  # fmt: skip


def lines(one: Sum) -> Iterator[str]:
    """Yield the row of a scenario, and the lines below it."""
    yield _row(_told(one))
    for detail in _details(one):
        yield f"  {detail}"


def _told(one: Sum) -> Sequence[object]:
    counts = (one.farms, one.faults, one.terms, one.frames, one.attempts, one.lost, one.decisions)
    ratios = (f"{one.utilisation:.0%}", f"{one.over_bound:.2f}")
    wait, jain = one.wait(), "-" if one.jain is None else f"{one.jain:.3f}"
    waits = (f"{wait.median:.1f} s", f"{wait.longest:.1f} s")
    return (one.scenario, *counts, *ratios, *waits, jain, len(one.broken))


def _details(one: Sum) -> Iterator[str]:
    """Yield what each user waited, where there are several, and how frames failed."""
    for user in sorted(one.waits) if len(one.waits) > 1 else ():
        wait = one.wait(user)
        yield f"{user}: {wait.jobs} jobs waited {wait.median:.1f} s, at most {wait.longest:.1f} s"
    if one.failures:
        failed = ", ".join(f"{kind} {count}" for kind, count in sorted(one.failures.items()))
        yield f"failed: {failed}; machines quarantined: {one.quarantines}"


def _row(cells: Sequence[object]) -> str:
    first, *others = cells
    return f"{first:<16}" + "".join(
        f"{cell:>{max(9, len(name) + 2)}}" for cell, name in zip(others, _COLUMNS[1:], strict=True)
    )


HEAD = _row(_COLUMNS)
