from datetime import UTC, datetime, timedelta

from lightmill.client.models import DesignJob
from lightmill.local.concurrency import out_of_order, table

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def job(name: str, created: float, started: float | None) -> DesignJob:
    return DesignJob(
        job_id=name,
        status="COMPLETED",
        created_at=BEGAN + timedelta(seconds=created),
        started_at=None if started is None else BEGAN + timedelta(seconds=started),
    )


def test_starts_in_the_order_of_creation_are_well() -> None:
    assert not list(out_of_order([job("b", 1, 6), job("a", 0, 5), job("c", 2, 6)]))


def test_a_tenth_of_a_second_is_forgiven_and_more_is_not() -> None:
    assert not list(out_of_order([job("a", 0, 5), job("b", 1, 4.95)]))
    assert list(out_of_order([job("a", 0, 5), job("b", 1, 4.8)])) == [
        "b started 0.200 s before a, which is older"
    ]


def test_an_early_start_is_seen_behind_jobs_that_started_in_time() -> None:
    found = list(out_of_order([job("a", 0, 9), job("b", 1, 9.1), job("c", 2, 8)]))
    assert found == ["c started 1.100 s before b, which is older"]


def test_a_job_that_never_started_is_told() -> None:
    assert list(out_of_order([job("a", 0, None)])) == ["a never started"]
    assert [line.split()[-1] for line in table([job("a", 0, None), job("b", 0, 1)])] == [
        "delay",
        "never",
        "1.00s",
    ]
