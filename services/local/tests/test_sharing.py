"""What a keeper decides and what jobs ask of each other, on a whole farm of embedded parts."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import httpx2
import pytest

from lightmill.client import Farm, JobFailedError
from lightmill.local.config import LocalSettings
from lightmill.local.farm import LocalFarm, farm

pytestmark = pytest.mark.slow

QUICK = {"seconds": 0.1, "width": 32, "height": 18}
ONE = {"cores": 1, "ram": 2**29}


class Keeper(Farm):
    """A farm as an admin sees it, with the time to wait for what the scheduler does."""

    def __init__(self, running: LocalFarm) -> None:
        super().__init__(running.url, running.token)
        self.http = httpx2.Client(
            base_url=running.url, headers={"Authorization": f"Bearer {running.token}"}
        )

    def decide(self, path: str, body: dict[str, object]) -> None:
        answer = self.http.put(f"/api/v1/{path}", json=body)
        assert answer.is_success, answer.text

    def shot(self, frames: str, **more: object) -> str:
        asked = {"name": "shot", "engine": "simulated", "settings": QUICK, "needs": ONE, **more}
        return self.submit(frames=frames, **asked)  # type: ignore[arg-type]  # as the api has them

    def becomes(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 40
        while not condition():
            assert time.monotonic() < deadline, "it did not come to that"
            time.sleep(0.05)

    def kinds(self, job_id: str) -> set[str]:
        return {reason.kind for reason in self.waiting(job_id).reasons}


async def with_keeper(folder: Path, program: Callable[[Keeper], None]) -> None:
    """Run `program` against a farm of two nodes."""
    chosen = LocalSettings(data=folder / "farm", nodes=2, port=0, simulated=True)

    def run(running: LocalFarm) -> None:
        with keeping(running) as keeper:
            program(keeper)

    async with farm(chosen) as running:
        await asyncio.to_thread(run, running)


@contextmanager
def keeping(running: LocalFarm) -> Iterator[Keeper]:
    with Keeper(running) as keeper, keeper.http:
        yield keeper


async def test_a_limit_of_one_lets_one_task_run_on_the_whole_farm(tmp_path: Path) -> None:
    def program(keeper: Keeper) -> None:
        keeper.decide("limits/arnold", {"total": 1})
        job = keeper.shot("1-4", limits=["arnold"], chunk=1)
        keeper.wait(job, step=0.05)
        attempts = sorted(keeper.attempts(job), key=lambda one: one.assigned_at)
        assert sum(one.state == "SUCCEEDED" for one in attempts) == 4
        for one, following in pairwise(attempts):
            assert one.ended_at is not None
            assert following.assigned_at >= one.ended_at

    await with_keeper(tmp_path, program)


async def test_a_limit_that_is_taken_away_holds_the_job_back_and_says_so(tmp_path: Path) -> None:
    def program(keeper: Keeper) -> None:
        job = keeper.shot("1-2", limits=["maya"], allow_waiting=True)
        keeper.becomes(lambda: "limit" in keeper.kinds(job))
        keeper.decide("limits/maya", {"total": 2})
        assert keeper.wait(job, step=0.05).frames.succeeded == 2

    await with_keeper(tmp_path, program)


async def test_frames_wait_for_the_person_who_looks_at_the_test_frames(tmp_path: Path) -> None:
    def program(keeper: Keeper) -> None:
        job = keeper.shot("1-3", test_frames="2", approval=True)
        keeper.becomes(lambda: "approval" in keeper.kinds(job))
        assert [result.frame for result in keeper.results(job)] == [2]
        keeper.approve(job)
        assert keeper.wait(job, step=0.05).frames.succeeded == 3

    await with_keeper(tmp_path, program)


async def test_a_job_waits_for_another_to_succeed_and_fails_when_that_fails(
    tmp_path: Path,
) -> None:
    def program(keeper: Keeper) -> None:
        first = keeper.shot("1-2", settings={**QUICK, "seconds": 0.5})
        second = keeper.shot("1", after=[first])
        ended = keeper.wait(first, step=0.05).finished_at
        keeper.wait(second, step=0.05)
        assert ended is not None
        assert all(one.assigned_at >= ended for one in keeper.attempts(second))
        broken = keeper.shot("1", settings={**QUICK, "fail_frames": [1]}, retry={"retries": 0})
        third = keeper.shot("1", after=[broken])
        with pytest.raises(JobFailedError):
            keeper.wait(third, step=0.05)
        assert keeper.attempts(third) == []

    await with_keeper(tmp_path, program)


async def test_steps_of_ones_own_go_one_after_the_other_or_frame_by_frame(tmp_path: Path) -> None:
    def program(keeper: Keeper) -> None:
        steps = [
            {"name": "sim", "frames": "1-3", "chunk": 1},
            {"name": "beauty", "frames": "1-3", "after": [{"step": "sim", "each": True}]},
            {"name": "comp", "frames": "1", "after": [{"step": "beauty"}]},
        ]
        answer = keeper.http.post(
            "/api/v1/jobs",
            json={
                "name": "shot",
                "engine": "simulated",
                "settings": QUICK,
                "needs": ONE,
                "steps": steps,
            },
        )
        assert answer.status_code == 201, answer.text
        job = answer.json()["id"]
        assert keeper.wait(job, step=0.05).frames.succeeded == 7
        results = sorted(keeper.results(job), key=lambda result: result.created_at)
        assert results[0].frame in {1, 2, 3}
        assert results[-1].frame == 1

    await with_keeper(tmp_path, program)


async def test_urgent_work_ends_other_work_where_that_is_allowed(tmp_path: Path) -> None:
    def program(keeper: Keeper) -> None:
        keeper.decide("policy", {"preemption": True})
        whole = {"cores": None, "ram": None}
        slow = keeper.shot("1-2", settings={**QUICK, "seconds": 60}, needs=whole, chunk=1)
        keeper.becomes(lambda: len(keeper.attempts(slow)) == 2)
        urgent = keeper.shot("1", needs=whole, priority=90)
        keeper.becomes(lambda: keeper.job(urgent).finished)
        ended = [one for one in keeper.attempts(slow) if one.state == "CANCELLED"]
        assert [one.detail for one in ended] == ["ended for job shot, which goes first"]
        keeper.becomes(lambda: len(keeper.attempts(slow)) == 3)  # and it is begun anew

    await with_keeper(tmp_path, program)


async def test_a_drained_node_gets_nothing_until_it_is_enabled(tmp_path: Path) -> None:
    def program(keeper: Keeper) -> None:
        away, other = sorted(keeper.nodes(), key=lambda node: node.name)
        keeper.drain(away.id)
        keeper.becomes(lambda: state(keeper, away.id) == "DRAINING")
        job = keeper.shot("1-4", chunk=1)
        keeper.wait(job, step=0.05)
        assert {result.node_id for result in keeper.results(job)} == {other.id}
        keeper.enable(away.id)
        keeper.becomes(lambda: state(keeper, away.id) == "ONLINE")

    await with_keeper(tmp_path, program)


def state(keeper: Keeper, node_id: str) -> str:
    return next(node.state for node in keeper.nodes() if node.id == node_id)
