"""The node on a real RabbitMQ: sessions that end with their connection."""

import asyncio

import pytest
from node_twins import World, assignment, until

from lightmill.broker.rabbitmq import RabbitMQ, declare_topology
from lightmill.messages.node_report import Outcome
from lightmill.testing.containers import RabbitServer

pytestmark = pytest.mark.backing


@pytest.fixture
async def world(world: World, rabbitmq_server: RabbitServer) -> World:
    await declare_topology(rabbitmq_server.url, rabbitmq_server.password)
    world.broker = RabbitMQ(rabbitmq_server.url, rabbitmq_server.password)
    return world


async def test_frames_are_ordered_rendered_and_settled(world: World) -> None:
    async with world.node(), world.leader(epoch=11) as leader:
        await leader.order(assign=(assignment("a", 1, 2),))
        assert (await leader.finish("a")).outcome is Outcome.SUCCEEDED
        await leader.settle("a")
        await until(lambda: not leader.last.finishes)


async def test_a_closed_connection_is_followed_by_a_session_with_the_finish(
    world: World, rabbitmq_server: RabbitServer
) -> None:
    async with world.node():
        async with world.leader(epoch=12) as leader:
            world.engines.hold_from(1)
            await leader.order(assign=(assignment("a"),))
            await until(lambda: world.engines.begun == [1])
            former = leader.last.session
            closing = ["rabbitmqctl", "-q", "close_all_connections", "-p", "lightmill", "test"]
            code, output = await asyncio.to_thread(rabbitmq_server.container.exec, closing)
            assert code == 0, output
        async with world.leader(epoch=13) as leader:
            await until(lambda: bool(leader.reports) and leader.last.session != former)
            world.engines.release()
            assert (await leader.finish("a")).outcome is Outcome.SUCCEEDED
            assert leader.last.session != former
    assert world.engines.begun == [1]
