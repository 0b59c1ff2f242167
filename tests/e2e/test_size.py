"""A job of a million frames weighs as much as one of a single frame."""

import statistics
import time
from collections.abc import Callable

import pytest

from lightmill.client import Farm
from lightmill.testing.compose import ComposeFarm

pytestmark = [pytest.mark.backing, pytest.mark.e2e]
ROWS = (
    "SELECT (SELECT COUNT(*) FROM tasks WHERE job_id='{job}')"
    " + (SELECT COUNT(*) FROM attempts WHERE job_id='{job}')"
    " + (SELECT COUNT(*) FROM history WHERE job_id='{job}')"
    " + (SELECT COUNT(*) FROM results WHERE job_id='{job}')"
    " + (SELECT COUNT(*) FROM steps WHERE job_id='{job}')"
    " + (SELECT COUNT(*) FROM given_back b JOIN steps s ON s.id=b.step_id"
    " WHERE s.job_id='{job}') AS written"
)


def submitted(client: Farm, frames: str) -> tuple[str, float]:
    started = time.perf_counter()
    job = client.submit(name=frames, engine="simulated", frames=frames, settings={"seconds": 5.0})
    return job, time.perf_counter() - started


def test_a_million_frames_are_accepted_assigned_and_cancelled_like_one(
    farm: ComposeFarm, client: Farm, eventually: Callable[[Callable[[], object], float], object]
) -> None:
    one: list[float] = []
    million: list[float] = []
    for _ in range(9):  # in turns, so that whatever else the machine does hits both
        for frames, times in (("1", one), ("1-1000000", million)):
            job, seconds = submitted(client, frames)
            times.append(seconds)
            client.cancel(job)
    assert statistics.median(million) <= 2 * statistics.median(one)

    def free() -> bool:
        return not farm.sql("SELECT id FROM attempts WHERE state IN ('ASSIGNED', 'RUNNING')")

    eventually(free, 60)
    job, _ = submitted(client, "1-1000000")
    eventually(lambda: client.attempts(job), 30)
    (row,) = farm.sql(
        "SELECT TIMESTAMPDIFF(MICROSECOND, j.created_at, MIN(a.assigned_at)) AS waited"
        f" FROM jobs j JOIN attempts a ON a.job_id=j.id WHERE j.id='{job}' GROUP BY j.created_at"
    )
    assert int(row["waited"]) < 1_000_000
    client.cancel(job)
    eventually(lambda: client.job(job).state == "CANCELLED", 30)
    (row,) = farm.sql(ROWS.format(job=job))
    assert int(row["written"]) < 1000
