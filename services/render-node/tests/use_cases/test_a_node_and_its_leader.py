"""What goes between a node and its leader, over the broker's twin."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from node_twins import NODE, Leader, World, assignment, until
from typing_extensions import override

from lightmill.broker.in_process import InProcessBroker
from lightmill.broker.ports import Link
from lightmill.domain.failures import FailureKind
from lightmill.domain.job import Work
from lightmill.messages.attempts_settled import AttemptsSettled, SettledAttempt, SettledFrames
from lightmill.messages.node_report import HeldState, Outcome
from lightmill.render_node.ports import RenderFailedError
from lightmill.render_node.use_cases.enrol_node import NotEnrolledError


async def test_a_new_session_says_what_the_node_offers(world: World, leader: Leader) -> None:
    async with world.node():
        await leader.online()
    first = leader.reports[0]
    assert (first.node_id, first.name, first.sequence) == (NODE, "n1", 1)
    assert (first.offer.cores, first.offer.ram) == (4, 2**32)
    assert first.offer.engines == {"simulated": ("1",)}
    assert first.offer.sandbox == "bubblewrap"


async def test_sequence_numbers_count_up_without_a_gap(world: World, leader: Leader) -> None:
    async with world.node():
        await leader.order()
        await until(lambda: len(leader.reports) > 4)
    numbers = [report.sequence for report in leader.reports]
    assert numbers == list(range(1, len(numbers) + 1))


async def test_frames_are_rendered_stored_and_reported(world: World, leader: Leader) -> None:
    async with world.node():
        await leader.order(assign=(assignment("a", 7, 8),))
        finish = await leader.finish("a")
    assert finish.outcome is Outcome.SUCCEEDED
    assert [(one.ordinal, one.frame, one.key) for one in finish.delivered] == [
        (7, 7, "attempts/a/0007.png"),
        (8, 8, "attempts/a/0008.png"),
    ]
    assert world.farm.objects["attempts/a/0008.png"] == b"image 8"
    assert world.farm.objects["attempts/a/thumbs/0008.jpg"] == b"small image 8"
    assert world.farm.objects["attempts/a/log.txt"] == b"rendered 7\nrendered 8\n"


async def test_a_frame_that_leaves_no_file_is_reported_and_not_stored(
    world: World, leader: Leader
) -> None:
    work = Work(engine="simulated", settings={"format": "NONE"})
    async with world.node():
        await leader.order(assign=(assignment("a", 1, 2, work=work),))
        finish = await leader.finish("a")
    assert finish.outcome is Outcome.SUCCEEDED
    assert [(one.ordinal, one.key, one.size) for one in finish.delivered] == [
        (1, None, 0),
        (2, None, 0),
    ]
    assert list(world.farm.objects) == ["attempts/a/log.txt"]


async def test_what_an_engine_prints_is_stored_while_it_renders(
    world: World, leader: Leader
) -> None:
    async with world.node(node_log_seconds=0.02):
        world.engines.hold_from(2)
        await leader.order(assign=(assignment("a", 1, 2),))
        await until(lambda: "attempts/a/log.txt" in world.farm.objects)
        assert world.farm.objects["attempts/a/log.txt"] == b"rendered 1\n"
        await until(lambda: world.farm.calls["upload"] == 3)  # the image, and what it looks like
        await leader.next_report()
        assert world.farm.calls["upload"] == 3  # it prints nothing more
        world.engines.release()
        await leader.finish("a")
        assert world.farm.objects["attempts/a/log.txt"] == b"rendered 1\nrendered 2\n"


async def test_a_finish_is_repeated_until_it_is_settled(world: World, leader: Leader) -> None:
    async with world.node():
        await leader.order(assign=(assignment("a"),))
        await leader.finish("a")
        again = await leader.next_report()
        assert [one.attempt_id for one in again.finishes] == ["a"]
        await leader.settle("a")
        await until(lambda: not leader.last.finishes)
        assert (await leader.next_report()).finishes == ()


async def test_ends_that_are_not_answered_are_told_again_with_the_next_long_before_a_beat(
    world: World, leader: Leader
) -> None:
    async with world.node():
        world.engines.hold_from(2)
        await leader.order(assign=(assignment("a", 1), assignment("b", 2)), beat=3600.0)
        await leader.finish("a")
        world.engines.release()
        await leader.finish("b")
    assert {one.attempt_id for one in leader.last.finishes} == {"a", "b"}


async def test_settled_frames_leave_the_reports_but_not_the_finish(
    world: World, leader: Leader
) -> None:
    async with world.node():
        world.engines.hold_from(2)
        await leader.order(assign=(assignment("a", 1, 2),))
        await leader.held("a", lambda held: [one.ordinal for one in held.delivered] == [1])
        await leader.settle(frames=(SettledFrames(attempt_id="a", ordinals=(1,)),))
        await leader.held("a", lambda held: held.delivered == ())
        world.engines.release()
        finish = await leader.finish("a")
    assert [one.ordinal for one in finish.delivered] == [1, 2]


async def test_a_running_attempt_is_killed_on_cancel(world: World, leader: Leader) -> None:
    async with world.node():
        world.engines.hold_from(1)
        await leader.order(assign=(assignment("a"),))
        await leader.held("a", lambda held: held.state is HeldState.RUNNING)
        await until(lambda: world.engines.begun == [1])
        await leader.order(cancel=("a",))
        finish = await leader.finish("a")
        assert finish.outcome is Outcome.CANCELLED
        assert world.engines.closed == 1
        assert leader.last.held == ()


async def test_an_assignment_that_comes_after_its_cancel_is_refused(
    world: World, leader: Leader
) -> None:
    async with world.node():
        await leader.order(cancel=("a",))
        await leader.finish("a")
        await leader.order(assign=(assignment("a"), assignment("b")))
        assert (await leader.finish("b")).outcome is Outcome.SUCCEEDED
        assert (await leader.finish("a")).outcome is Outcome.CANCELLED
        assert world.engines.begun == [1]


async def test_a_cancel_is_remembered_over_a_restart(world: World, leader: Leader) -> None:
    async with world.node():
        await leader.order(cancel=("a",))
        await leader.finish("a")
        await leader.settle("a")
        await until(lambda: not leader.last.finishes)
    leader.forget_session()
    async with world.node():
        await leader.order(assign=(assignment("a"),))
        assert (await leader.finish("a")).outcome is Outcome.CANCELLED
    assert world.engines.begun == []


async def test_only_what_has_not_begun_is_recalled(world: World, leader: Leader) -> None:
    async with world.node():
        world.engines.hold_from(1)
        await leader.order(assign=(assignment("a", 1, cores=4), assignment("b", 2, cores=4)))
        await leader.held("a", lambda held: held.state is HeldState.RUNNING)
        await leader.held("b", lambda held: held.state is HeldState.QUEUED)
        await leader.order(recall=("a", "b"))
        assert (await leader.finish("b")).outcome is Outcome.RECALLED
        world.engines.release()
        assert (await leader.finish("a")).outcome is Outcome.SUCCEEDED
    assert world.engines.begun == [1]


async def test_orders_of_a_former_leader_are_refused(world: World, leader: Leader) -> None:
    async with world.node():
        await leader.order(epoch=5)
        await leader.order(epoch=4, assign=(assignment("old"),))
        await leader.order(epoch=5, assign=(assignment("new"),))
        await leader.finish("new")
        assert [one.attempt_id for one in leader.last.finishes] == ["new"]
    leader.forget_session()
    async with world.node():
        await leader.order(epoch=4, assign=(assignment("older"),))
        await leader.order(epoch=5, assign=(assignment("newer"),))
        await leader.finish("newer")
    assert "older" not in {one.attempt_id for one in leader.last.finishes}


async def test_what_orders_settle_is_forgotten_though_they_are_refused(
    world: World, leader: Leader
) -> None:
    async with world.node():
        await leader.order(epoch=5, assign=(assignment("a"),))
        await leader.finish("a")
        settled = AttemptsSettled(epoch=4, attempts=(SettledAttempt("a", applied=True),))
        await leader.order(epoch=4, assign=(assignment("old"),), settled=settled)
        await until(lambda: not leader.last.finishes)
        told = await leader.next_report()
    assert (told.held, told.finishes) == ((), ())


class Door(InProcessBroker):
    """A broker that nodes connect with while it is unlocked."""

    def __init__(self) -> None:
        super().__init__()
        self.unlocked = asyncio.Event()
        self.unlocked.set()

    @override
    @asynccontextmanager
    async def connect(self, name: str) -> AsyncIterator[Link]:
        if name.startswith("node"):
            await self.unlocked.wait()
        async with super().connect(name) as link:
            yield link


async def test_a_render_goes_on_while_the_link_is_lost(world: World) -> None:
    world.broker = door = Door()
    async with world.node():
        async with world.leader() as leader:
            world.engines.hold_from(1)
            await leader.order(assign=(assignment("a"),))
            await until(lambda: world.engines.begun == [1])
            former = leader.last.session
            door.unlocked.clear()
            door.drop_links()
            world.engines.release()
        async with world.leader() as leader:
            door.unlocked.set()  # not before: whatever the new session says first is heard
            finish = await leader.finish("a")
            assert finish.outcome is Outcome.SUCCEEDED
            assert leader.last.session != former
            assert leader.reports[0].sequence == 1
    assert world.engines.begun == [1]


async def test_a_killed_node_comes_back_with_its_finishes_alone(
    world: World, leader: Leader
) -> None:
    async with world.node():
        await leader.order(assign=(assignment("done", 1),))
        finish = await leader.finish("done")
        world.engines.hold_from(2)
        await leader.order(assign=(assignment("running", 2),))
        await leader.held("running", lambda held: held.state is HeldState.RUNNING)
        after = world.crashed()
    async with after.node(), after.leader() as successor:
        await successor.online()
        assert successor.reports[0].finishes == (finish,)
        assert successor.reports[0].held == ()
        assert not list((after.folder / "workspace").iterdir())


async def test_a_frame_that_fails_ends_the_attempt_and_keeps_the_others(
    world: World, leader: Leader
) -> None:
    world.engines.failures[2] = RenderFailedError(FailureKind.OUT_OF_MEMORY, "killed by 9")
    async with world.node():
        await leader.order(assign=(assignment("a", 1, 2, 3),))
        finish = await leader.finish("a")
    assert (finish.outcome, finish.failure) == (Outcome.FAILED, FailureKind.OUT_OF_MEMORY)
    assert finish.detail == "killed by 9"
    assert [one.ordinal for one in finish.delivered] == [1]
    assert world.engines.begun == [1, 2]
    assert world.farm.objects["attempts/a/log.txt"] == b"rendered 1\nrendered 2\n"


async def test_a_file_that_is_no_image_is_not_delivered(world: World, leader: Leader) -> None:
    world.engines.write = lambda _, path: path.write_bytes(b"half an ima")
    async with world.node():
        await leader.order(assign=(assignment("a"),))
        finish = await leader.finish("a")
    assert (finish.failure, finish.delivered) == (FailureKind.OUTPUT, ())
    assert "attempts/a/0001.png" not in world.farm.objects


async def test_an_image_that_is_a_link_to_a_secret_is_not_delivered(
    world: World, leader: Leader
) -> None:
    secret = world.folder / "secret"
    secret.write_bytes(b"image of a token")
    world.engines.write = lambda _, path: path.symlink_to(secret)
    async with world.node():
        await leader.order(assign=(assignment("a"),))
        finish = await leader.finish("a")
    assert finish.failure is FailureKind.OUTPUT
    assert "attempts/a/0001.png" not in world.farm.objects


async def test_an_attempt_that_the_api_does_not_know_stops(world: World, leader: Leader) -> None:
    world.engines.hold_from(1)
    world.farm.gone.add("a")
    async with world.node():
        await leader.order(assign=(assignment("a"),))
        finish = await leader.finish("a")
    assert finish.outcome is Outcome.CANCELLED


async def test_a_store_that_is_away_delays_and_loses_nothing(world: World, leader: Leader) -> None:
    world.farm.store_reachable = False
    async with world.node():
        await leader.order(assign=(assignment("a"),))
        await until(lambda: world.farm.calls["upload"] > 2)
        world.farm.store_reachable = True
        assert (await leader.finish("a")).outcome is Outcome.SUCCEEDED
    assert world.farm.objects["attempts/a/0001.png"] == b"image 1"


async def test_a_draining_node_gives_back_what_waits_and_ends_what_runs(
    world: World, leader: Leader
) -> None:
    async with world.node() as node:
        world.engines.hold_from(1)
        await leader.order(assign=(assignment("a", 1, cores=4), assignment("b", 2, cores=4)))
        await until(lambda: world.engines.begun == [1])
        node.stop.set()
        assert (await leader.finish("b")).outcome is Outcome.RECALLED
        assert leader.last.draining
        world.engines.release()
        assert (await leader.finish("a")).outcome is Outcome.SUCCEEDED
        await leader.settle("a", "b")
        await node.task
    assert world.engines.closed == len(world.engines.opened) == 1


async def test_work_that_outlives_the_drain_ends_as_a_fault_of_the_node(
    world: World, leader: Leader
) -> None:
    async with world.node(node_drain_seconds=0.0) as node:
        world.engines.hold_from(1)
        await leader.order(assign=(assignment("a"),))
        await until(lambda: world.engines.begun == [1])
        node.stop.set()
        finish = await leader.finish("a")
        assert (finish.outcome, finish.failure) == (Outcome.FAILED, FailureKind.NODE)
        await leader.settle("a")
        await node.task


async def test_a_full_disk_starts_nothing(world: World, leader: Leader) -> None:
    async with world.node(node_disk_floor=2**62):
        await leader.order(assign=(assignment("a"),))
        finish = await leader.finish("a")
    assert finish.failure is FailureKind.NODE
    assert "disk" in finish.detail
    assert world.engines.begun == []


async def test_a_revoked_token_ends_the_node_with_the_remedy(world: World, leader: Leader) -> None:
    async with world.node() as node:
        world.farm.admitted = False
        await leader.order(assign=(assignment("a"),))
        await leader.finish("a")
        await leader.settle("a")
        with pytest.raises(NotEnrolledError, match=r"identity\.json"):
            await node.task


async def test_a_message_that_no_one_understands_is_put_aside_and_the_next_is_obeyed(
    world: World, leader: Leader
) -> None:
    async with world.node():
        await leader.online()
        await leader.raw("orders.v1", b"{}")
        await leader.raw("surprise.v9", b"{}")
        await leader.order(assign=(assignment("a"),))
        assert (await leader.finish("a")).outcome is Outcome.SUCCEEDED
        assert len({report.session for report in leader.reports}) == 1
