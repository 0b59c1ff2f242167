"""What a node does when its machine had better be left alone, or is taken away."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from node_twins import Leader, World, assignment, until

from lightmill.messages.node_report import Outcome
from lightmill.render_node.adapters.notices import FileNotices
from lightmill.render_node.core.hindrances import Conditions


class Surroundings:
    def __init__(self) -> None:
        self.paused: str | None = None
        self.told: list[tuple[str, ...]] = []

    def look(self) -> Conditions:
        return Conditions(at=datetime(2026, 11, 22, tzinfo=UTC), paused=self.paused)

    def tell(self, hindrances: tuple[str, ...]) -> None:
        self.told.append(hindrances)


async def test_a_paused_node_says_why_ends_what_runs_and_takes_work_again(
    world: World, leader: Leader
) -> None:
    around = world.surroundings = Surroundings()
    async with world.node():
        world.engines.hold_from(1)
        await leader.order(assign=(assignment("a", 1, cores=4), assignment("b", 2, cores=4)))
        await until(lambda: world.engines.begun == [1])
        around.paused = "I am at it"
        assert (await leader.finish("b")).outcome is Outcome.RECALLED
        await until(lambda: leader.last.draining)
        assert leader.last.offer.hindrances == ("paused: I am at it",)
        await leader.order(assign=(assignment("c"),))
        assert (await leader.finish("c")).outcome is Outcome.RECALLED
        world.engines.release()
        assert (await leader.finish("a")).outcome is Outcome.SUCCEEDED
        around.paused = None
        await until(lambda: not leader.last.draining)
        await leader.order(assign=(assignment("d"),))
        assert (await leader.finish("d")).outcome is Outcome.SUCCEEDED
        await until(lambda: len(around.told) == 2)
    assert around.told == [("paused: I am at it",), ()]


async def test_a_machine_that_is_taken_away_ends_what_it_can_and_leaves(
    world: World, leader: Leader, tmp_path: Path
) -> None:
    notice = tmp_path / "leaving"
    world.surroundings, world.notices = Surroundings(), FileNotices(notice)
    async with world.node() as node:
        world.engines.hold_from(1)
        await leader.order(assign=(assignment("a", 1, cores=4), assignment("b", 2, cores=4)))
        await until(lambda: world.engines.begun == [1])
        await asyncio.to_thread(notice.write_text, "60")
        assert (await leader.finish("b")).outcome is Outcome.RECALLED
        world.engines.release()
        assert (await leader.finish("a")).outcome is Outcome.SUCCEEDED
        await leader.settle("a", "b")
        await node.task


async def test_what_does_not_end_in_time_is_given_up_without_blame(
    world: World, leader: Leader, tmp_path: Path
) -> None:
    notice = tmp_path / "leaving"
    world.surroundings, world.notices = Surroundings(), FileNotices(notice)
    async with world.node() as node:
        world.engines.hold_from(1)
        await leader.order(assign=(assignment("a"),))
        await until(lambda: world.engines.begun == [1])
        await asyncio.to_thread(notice.write_text, "5")
        assert (await leader.finish("a")).outcome is Outcome.RECALLED
        await leader.settle("a")
        await node.task
