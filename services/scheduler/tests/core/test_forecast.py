"""When jobs will end: exact where it is simple, monotone everywhere, quick for a thousand jobs."""

import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightmill.scheduler.core.forecast import GUESSED, Backlog, forecast, pace
from lightmill.scheduler.core.timing import Timing

BACKLOGS = st.lists(
    st.builds(
        Backlog,
        job_id=st.sampled_from(["a", "b", "c", "d", "e", "f"]),
        frames_left=st.floats(0.0, 1000.0),
        seconds=st.floats(0.1, 1000.0),
        slots=st.integers(1, 50),
        priority=st.integers(0, 2),
        account=st.sampled_from(["ann", "bob", "cleo"]),
        factor=st.floats(1.0, 5.0),
        group=st.sampled_from(["cpu", "gpu"]),
    ),
    max_size=8,
)


def job(job_id: str, frames: float = 100, **more: object) -> Backlog:
    one = Backlog(job_id=job_id, frames_left=frames, seconds=10.0, slots=5)
    return replace(one, **more)  # type: ignore[arg-type]  # a test's own shorthand


def ends(*backlogs: Backlog) -> dict[str, float]:
    return {job_id: round(one.expected, 6) for job_id, one in forecast(backlogs).items()}


def test_one_job_on_an_empty_farm_takes_its_frames_by_its_slots() -> None:
    assert ends(job("a")) == {"a": 100 * 10 / 5}


def test_no_job_ends_before_one_frame_does() -> None:
    assert ends(job("a", 1)) == {"a": 10.0}
    assert ends(job("a", 0.25)) == {"a": 2.5}  # the rest of a frame that runs


def test_a_job_of_higher_priority_goes_first() -> None:
    assert ends(job("low"), job("high", priority=9)) == {"high": 200.0, "low": 400.0}


def test_accounts_share_alike_and_those_who_stay_get_the_rest() -> None:
    assert ends(job("a", account="ann"), job("b", 300, account="bob")) == {"a": 400.0, "b": 800.0}


def test_twice_the_weight_is_twice_the_share() -> None:
    heavy = job("a", account="ann", weight=2.0)
    assert ends(heavy, job("b", account="bob")) == {"a": 300.0, "b": 400.0}


def test_an_accounts_jobs_follow_one_another() -> None:
    found = ends(job("a", account="ann"), job("b", account="ann"), job("c", account="bob"))
    assert found == {"a": 400.0, "b": 600.0, "c": 400.0}


def test_machines_of_their_own_are_not_waited_for() -> None:
    assert ends(job("a", group="cpu"), job("b", group="gpu")) == {"a": 200.0, "b": 200.0}


def test_a_job_ends_with_its_last_step() -> None:
    assert ends(job("a", 50), job("a", 100)) == {"a": 300.0}


def test_what_no_machine_serves_has_no_end() -> None:
    assert ends(job("a", slots=0), job("b")) == {"b": 200.0}
    assert ends(job("a", 50), job("a", slots=0)) == {}


def test_nothing_left_ends_now() -> None:
    assert ends(job("a", 0)) == {"a": 0.0}


def test_the_range_follows_what_frames_took() -> None:
    (found,) = forecast([job("a", factor=2.0)]).values()
    assert (found.earliest, found.expected, found.latest) == (100.0, 200.0, 400.0)


def measured(seconds: float, spread: float = 0.0, count: int = 1) -> Timing:
    return Timing(count=count, mean=seconds, variance=spread**2)


def test_the_nearest_measure_counts_and_others_are_wide() -> None:
    step, other, none = measured(10.0, 3.0, 100), measured(20.0, count=9), Timing()
    near = pace(100, step, other)
    assert near is not None
    assert near[0] == 10.0
    assert near[1] == pytest.approx(1 + 2 * 0.3 * (2 / 100) ** 0.5)
    assert pace(100, none, other, measured(1.0)) == (20.0, GUESSED)
    assert pace(100, none, none, other) == (20.0, GUESSED)
    assert pace(100, none, none, none) is None


def test_more_measured_frames_narrow_the_range() -> None:
    factors = []
    for count in (1, 10, 100, 1000):
        found = pace(1e6, measured(10.0, 5.0, count))
        assert found is not None
        factors.append(found[1])
    assert factors == sorted(factors, reverse=True)


def test_work_that_fits_few_machines_holds_up_others_by_no_more_than_it_takes() -> None:
    few = job("few", slots=1, load=0.01, account="ann")
    assert ends(few, job("all", account="bob")) == {"few": 1000.0, "all": 210.0}


@given(BACKLOGS)
def test_earliest_expected_and_latest_are_in_order(backlogs: list[Backlog]) -> None:
    for found in forecast(backlogs).values():
        assert 0 <= found.earliest <= found.expected <= found.latest


@given(BACKLOGS, st.integers(0, 7), st.floats(0.1, 1000.0))
def test_more_work_never_ends_anything_earlier(
    backlogs: list[Backlog], which: int, more: float
) -> None:
    before = forecast(backlogs)
    grown = [
        replace(one, frames_left=one.frames_left + more) if place == which else one
        for place, one in enumerate(backlogs)
    ]
    after = forecast(grown)
    for job_id, found in before.items():
        assert after[job_id].expected >= found.expected * (1 - 1e-9)
        assert after[job_id].latest >= found.latest * (1 - 1e-9)


@given(BACKLOGS)
def test_all_work_is_done_when_the_machines_could_have_done_it(backlogs: list[Backlog]) -> None:
    """No end is later than all work of the group and one frame, none before its own work."""
    found = forecast(backlogs)
    work = {one.group: 0.0 for one in backlogs}
    for one in backlogs:
        work[one.group] += one.frames_left * one.seconds / one.slots
    for one in backlogs:
        end = found[one.job_id].expected
        assert end >= one.frames_left * one.seconds / one.slots * (1 - 1e-9)
    longest = max((one.seconds for one in backlogs), default=0.0)
    for each in found.values():
        assert each.expected <= (max(work.values(), default=0.0) + longest) * (1 + 1e-9)


def test_a_thousand_jobs_take_little_longer_than_sorting_them() -> None:
    backlogs = [
        job(f"{n}", 1 + n % 977, account=f"user{n % 40}", priority=n % 3, group=f"{n % 4}")
        for n in range(1000)
    ]
    times = []
    for _ in range(5):
        began = time.perf_counter()
        forecast(backlogs)
        times.append(time.perf_counter() - began)
    assert min(times) < 0.5  # some milliseconds on a machine that does nothing else
