"""How engines and files are kept between attempts."""

import asyncio
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from node_twins import FakeImages, Farm, Leader, World, assignment, until
from typing_extensions import override

from lightmill.domain.failures import FailureKind
from lightmill.messages.node_report import Outcome
from lightmill.render_node.ports import CheckedImage, RenderFailedError, UploadUrl
from lightmill.render_node.use_cases.run_attempt import LET_BEGIN


class RefusesTheFirst(FakeImages):
    def __init__(self) -> None:
        self.refused = threading.Event()

    @override
    def check(self, path: Path, width: int | None, height: int | None) -> CheckedImage:
        if path.name != "0001.png":
            return super().check(path, width, height)
        self.refused.set()
        raise RenderFailedError(FailureKind.OUTPUT, "half an image")


class Timed(Farm):
    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world
        self.asked_after: list[float] = []

    @override
    async def upload_urls(self, attempt_id: str, names: Sequence[str]) -> Mapping[str, UploadUrl]:
        last = self._world.engines.opened_at
        self.asked_after.append(asyncio.get_running_loop().time() - last)
        return await super().upload_urls(attempt_id, names)


async def test_nobody_asks_where_frames_go_before_a_new_engine_is_ready(
    world: World, leader: Leader
) -> None:
    world.farm = farm = Timed(world)
    world.engines.ready.clear()
    world.engines.hold_from(1)
    async with world.node():
        await leader.order(assign=(assignment("a", 1),))
        await until(lambda: len(world.engines.opened) == 1)
        assert all(seconds >= LET_BEGIN for seconds in farm.asked_after)
        world.engines.ready.set()
        await until(lambda: len(farm.asked_after) == 1)
        assert world.engines.begun == [1]
        world.engines.release()
        assert (await leader.finish("a")).outcome is Outcome.SUCCEEDED


async def test_an_engine_that_does_not_say_that_it_is_ready_is_waited_for_a_while(
    world: World, leader: Leader
) -> None:
    world.farm = farm = Timed(world)
    world.engines.ready.clear()
    async with world.node():
        await leader.order(assign=(assignment("a", 1),))
        await until(lambda: len(farm.asked_after) == 1)
        assert farm.asked_after[0] >= LET_BEGIN
        assert world.engines.begun == []
        world.engines.ready.set()
        assert (await leader.finish("a")).outcome is Outcome.SUCCEEDED


async def test_the_second_attempt_of_a_step_uses_the_open_engine(
    world: World, leader: Leader
) -> None:
    async with world.node():
        await leader.order(assign=(assignment("a", 1),))
        await leader.finish("a")
        await leader.order(assign=(assignment("b", 2),))
        await leader.finish("b")
        assert len(world.engines.opened) == 1
    assert world.farm.objects["attempts/b/log.txt"] == b"rendered 2\n"


async def test_steps_of_a_job_share_the_open_engine(world: World, leader: Leader) -> None:
    async with world.node():
        await leader.order(assign=(assignment("a", 1, step="test"),))
        await leader.finish("a")
        await leader.order(assign=(assignment("b", 2, step="frames"),))
        await leader.finish("b")
        assert len(world.engines.opened) == 1


async def test_an_idle_engine_makes_room_for_another_job(world: World, leader: Leader) -> None:
    async with world.node():
        await leader.order(assign=(assignment("a", 1, job="j1", ram=2**32),))
        await leader.finish("a")
        assert world.engines.closed == 0
        await leader.order(assign=(assignment("b", 2, job="j2", ram=2**31),))
        await leader.finish("b")
        assert world.engines.closed == 1


async def test_an_engine_that_nobody_wants_is_closed(world: World, leader: Leader) -> None:
    async with world.node(node_idle_seconds=0.0) as node:
        await leader.order(assign=(assignment("a"),))
        await leader.finish("a")
        await node.live.warm.close_stale()
        assert world.engines.closed == 1


async def test_who_has_engines_closed_waits_for_those_that_are_closing_already(
    world: World, leader: Leader
) -> None:
    async with world.node(node_idle_seconds=0.0) as node:
        await leader.order(assign=(assignment("a"),))
        await leader.finish("a")
        world.engines.may_close.clear()
        tidying = asyncio.create_task(node.live.warm.close_stale())
        await until(lambda: node.live.warm.idle == 0)
        closing = asyncio.create_task(node.live.warm.close_idle())
        too_soon, _ = await asyncio.wait([closing], timeout=0.1)
        world.engines.may_close.set()
        await asyncio.gather(tidying, closing)
        assert not too_soon
        assert world.engines.closed == 1


async def test_an_engine_whose_attempt_failed_renders_nothing_more(
    world: World, leader: Leader
) -> None:
    """It has been given the frame after the one that is no image, and nobody waits for that."""
    images = RefusesTheFirst()
    world.images = images
    world.engines.hold_from(2)
    async with world.node():
        await leader.order(assign=(assignment("a", 1, 2, 3),))
        await until(lambda: images.refused.is_set() and not _delivering())
        world.engines.release()
        finish = await leader.finish("a")
        assert world.engines.begun == [1, 2]
        assert finish.failure is FailureKind.OUTPUT
        assert world.engines.closed == 1
        await leader.order(assign=(assignment("b", 4),))
        assert (await leader.finish("b")).outcome is Outcome.SUCCEEDED
        assert len(world.engines.opened) == 2


async def test_as_many_run_at_once_as_fit(world: World, leader: Leader) -> None:
    world.engines.hold_from(1)
    async with world.node():
        orders = tuple(assignment(name, number, cores=2) for number, name in enumerate("abc", 1))
        await leader.order(assign=orders)
        await until(lambda: sorted(world.engines.begun) == [1, 2])
        world.engines.release()
        await leader.finish("c")
    assert len(world.engines.opened) == 2


async def test_the_next_attempt_renders_while_the_last_is_delivered(
    world: World, leader: Leader
) -> None:
    world.farm.store_reachable = False
    async with world.node():
        await leader.order(assign=(assignment("a", 1, cores=4), assignment("b", 2, cores=4)))
        await until(lambda: world.engines.begun == [1, 2])
        assert {held.attempt_id for held in (await leader.next_report()).held} == {"a", "b"}


async def test_the_second_frame_of_a_job_downloads_nothing(world: World, leader: Leader) -> None:
    files = {"scene.blend": b"scene", "textures/wood.png": b"wood", "copy.png": b"wood"}
    world.farm.bundles = {"a": files, "b": files}
    async with world.node():
        await leader.order(assign=(assignment("a", 1, bundle_id="x"),))
        await leader.finish("a")
        assert world.farm.calls["download"] == 2
        await leader.order(assign=(assignment("b", 2, bundle_id="x"),))
        await leader.finish("b")
        assert (world.farm.calls["bundle"], world.farm.calls["download"]) == (1, 2)
        project = world.engines.opened[0].project
        found = {
            str(path.relative_to(project)): path.read_bytes()
            for path in project.rglob("*")
            if path.is_file()
        }
    assert found == files


async def test_another_job_takes_its_files_from_the_store(world: World, leader: Leader) -> None:
    world.farm.bundles = {"a": {"x.png": b"x"}, "b": {"y.png": b"x"}}
    async with world.node():
        await leader.order(assign=(assignment("a", 1, job="j1", bundle_id="1"),))
        await leader.finish("a")
        await leader.order(
            assign=(assignment("b", 1, step="s2", job="j2", bundle_id="2"),),
            forget_workspaces=(("o", "j1"),),
        )
        await leader.finish("b")
        assert world.farm.calls["download"] == 1
        assert (world.folder / "workspace/o/j2/project/y.png").read_bytes() == b"x"
        await until(lambda: not (world.folder / "workspace/o/j1").exists())


async def test_a_report_tells_what_was_freed_and_telling_twice_frees_nothing_more(
    world: World, leader: Leader
) -> None:
    world.farm.bundles = {"a": {"x.png": b"x"}}
    async with world.node():
        await leader.order(assign=(assignment("a", 1, job="j1", bundle_id="1"),))
        await leader.finish("a")
        (world.folder / "workspace/o/j1/left").write_bytes(b"left behind")
        await leader.order(forget_workspaces=(("o", "j1"), ("o", "j2")))
        await until(lambda: len(leader.last.freed) == 2)
        told = {freed.job_id: freed.bytes for freed in leader.last.freed}
        assert told["j2"] == 0
        assert told["j1"] >= len(b"left behind")
        last = leader.last.freed[-1].job_id
        first = leader.last.freed[0].job_id
        await leader.order(forget_workspaces=(("o", first),))
        await until(lambda: leader.last.freed[-1].job_id != last)
        assert {freed.job_id: freed.bytes for freed in leader.last.freed} == told


async def test_a_bundle_that_would_leave_its_folder_is_refused(
    world: World, leader: Leader
) -> None:
    world.farm.bundles = {"a": {"../../evil": b"x"}}
    async with world.node():
        await leader.order(assign=(assignment("a", bundle_id="1"),))
        finish = await leader.finish("a")
    assert finish.failure is FailureKind.MISSING_FILE
    assert not list(world.folder.rglob("evil"))


async def test_content_that_does_not_match_its_hash_is_not_used(
    world: World, leader: Leader
) -> None:
    world.farm.bundles = {"a": {"x.png": b"x"}}
    world.farm.damaged.add("x.png")
    async with world.node():
        await leader.order(assign=(assignment("a", bundle_id="1"),))
        finish = await leader.finish("a")
    assert finish.failure is FailureKind.MISSING_FILE
    assert "x.png" in finish.detail
    assert world.engines.begun == []


def _delivering() -> bool:
    return any("_deliver_one" in repr(task.get_coro()) for task in asyncio.all_tasks())
