"""A node that is killed between submission and poll: what it asked for is asked for once."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from node_twins import Leader, World, assignment
from remote_service import Handler, RemoteServer, served

from lightmill.messages.node_report import Outcome
from lightmill.messages.orders import Assignment
from lightmill.render_node.adapters.submissions import JournalSubmissions
from lightmill.render_node.engines.configured import configured
from lightmill.render_node.engines.images import OpenImageIoImages
from lightmill.render_node.engines.renderers import InstalledRenderers
from lightmill.runtime.clock import SystemClock

NODE = """
import asyncio, sys
from pathlib import Path
from node_twins import World
from test_remote_restart import order, remote_world

async def main():
    world = remote_world(World(Path(sys.argv[1])), sys.argv[2])
    async with world.leader() as leader, world.node():
        await leader.order(assign=(order("first"),))
        await asyncio.sleep(600)

asyncio.run(main())
"""


def order(name: str) -> Assignment:
    settings = {"prompts": ["a", "b"], "pollingInterval": 50, "timeout": 60_000}
    return assignment(name, 1, 2, work={"engine": "remote", "settings": settings})


def remote_world(world: World, url: str) -> World:
    settings = world.settings.model_copy(update={"node_remote_url": url})
    submissions = JournalSubmissions(settings.node_state_dir / "journal.sqlite", SystemClock())
    more = configured(settings, submissions, SystemClock())
    world.renderers = InstalledRenderers(world.folder, engines=more)
    world.images = OpenImageIoImages()
    return world


@pytest.mark.slow
@pytest.mark.timeout(150)
@pytest.mark.parametrize("moment", ["between submission and poll", "before the answer was kept"])
async def test_node_killed_between_submit_and_poll_submitted_once(
    world: World, leader: Leader, moment: str
) -> None:
    remote = RemoteServer(polls_needed=10_000)
    with served(remote):
        await kill_once(world.folder, remote, before_answer=moment.startswith("before"))
        remote.polls_needed = 1
        async with remote_world(world, remote.url).node():
            await leader.order(assign=(order("second"),))
            finish = await leader.finish("second")
    assert finish.outcome is Outcome.SUCCEEDED, finish
    assert [one.frame for one in finish.delivered] == [1, 2]
    assert len(remote.renders) == 2
    submitted = [one.headers["idempotency-key"] for one in remote.seen("submit")]
    assert len(set(submitted)) == 2


def keep_silent(handler: Handler) -> bool:
    """Take the submission, and never answer."""
    handler.remote.submit(handler.headers["idempotency-key"], {"prompt": "a"})
    handler.rfile.read(1)  # until the node is gone
    handler.close_connection = True
    return False


async def kill_once(folder: Path, remote: RemoteServer, *, before_answer: bool) -> None:
    """Run a node until it has submitted its first frame, and kill it there."""
    if before_answer:
        remote.faults["submit"] = [keep_silent]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", NODE, str(folder), remote.url),
        cwd=Path(__file__).parent,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},  # noqa: TID251  # a child like this one
    )
    try:
        seen = "submit" if before_answer else "poll"
        async with asyncio.timeout(90):  # a node of its own has to start
            while not (remote.renders and remote.seen(seen)):  # noqa: ASYNC110  # it is in threads
                await asyncio.sleep(0.01)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        await process.wait()
