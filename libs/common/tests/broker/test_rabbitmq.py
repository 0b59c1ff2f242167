"""What only a real RabbitMQ can show: rights, names, refusals, and a server that goes away."""

import asyncio
import secrets
import socket
from collections.abc import AsyncIterator

import aio_pika
import pytest
from testcontainers.core.container import DockerContainer
from yarl import URL

from lightmill.broker.ports import LinkLostError, Outgoing
from lightmill.broker.rabbitmq import RabbitMQ, declare_topology
from lightmill.messages.topology import (
    COMMANDS,
    EVENTS,
    REPORTS,
    SCHEDULER_INBOX,
    Binding,
    Queue,
    session_queue,
)
from lightmill.testing.containers import RabbitServer

pytestmark = pytest.mark.backing

DOORBELL = Outgoing(exchange=COMMANDS, key="job.wanted.v1", kind="job.wanted.v1", body=b"{}")


@pytest.fixture
async def server(rabbitmq_server: RabbitServer) -> RabbitServer:
    await declare_topology(rabbitmq_server.url, rabbitmq_server.password)
    return rabbitmq_server


@pytest.fixture
def broker(server: RabbitServer) -> RabbitMQ:
    return RabbitMQ(server.url, server.password)


async def ctl(container: DockerContainer, *arguments: str) -> str:
    """Return what `rabbitmqctl` prints."""
    code, output = await asyncio.to_thread(container.exec, ["rabbitmqctl", "-q", *arguments])
    assert code == 0, output
    text: str = output.decode()
    return text


async def test_a_connection_has_its_name_in_the_management_console(
    server: RabbitServer, broker: RabbitMQ
) -> None:
    async with broker.connect("scheduler on host-7"):
        listed = await ctl(server.container, "list_connections", "client_properties")
    assert "scheduler on host-7" in listed


async def test_the_topology_may_be_declared_again(server: RabbitServer) -> None:
    await declare_topology(server.url, server.password)
    listed = await ctl(server.container, "list_queues", "-p", "lightmill", "name", "type")
    assert "scheduler.inbox\tquorum" in listed


async def test_a_wrong_password_is_told_without_showing_it(server: RabbitServer) -> None:
    with pytest.raises(LinkLostError, match="ACCESS_REFUSED") as caught:
        async with RabbitMQ(server.url, "not the password").connect("test"):
            pass
    assert "not the password" not in str(caught.value)


async def test_a_queue_deleted_under_its_reader_costs_the_link(
    server: RabbitServer, broker: RabbitMQ
) -> None:
    doomed = Queue("doomed", (Binding(EVENTS, "doomed"),))
    await declare_topology(server.url, server.password, exchanges=(), queues=[doomed])
    async with broker.connect("test") as link:
        inbox = await link.subscribe(doomed)
        await ctl(server.container, "delete_queue", "-p", "lightmill", "doomed")
        with pytest.raises(LinkLostError, match="doomed is gone"):
            await asyncio.wait_for(inbox.receive(1), 10)


async def test_a_queue_of_another_kind_stops_the_declaration(server: RabbitServer) -> None:
    connection = await aio_pika.connect(URL(server.url).with_password(server.password))
    async with connection, connection.channel() as channel:
        await channel.declare_queue("classic", durable=True)
    with pytest.raises(LinkLostError, match="PRECONDITION_FAILED"):
        await declare_topology(
            server.url, server.password, exchanges=(), queues=[Queue("classic", ())]
        )


async def test_a_user_without_the_right_to_declare_reads_a_durable_queue(
    server: RabbitServer,
) -> None:
    password = secrets.token_urlsafe(16)
    await ctl(server.container, "add_user", "reader", password)
    rights = ("^$", r"^lightmill\.dead$", r"^scheduler\.inbox$")  # configure, write, read
    await ctl(server.container, "set_permissions", "-p", "lightmill", "reader", *rights)
    async with RabbitMQ(server.url, server.password).connect("writer") as link:
        await link.publish([DOORBELL])
    url = str(URL(server.url).with_user("reader"))
    async with RabbitMQ(url, password).connect("reader") as link:
        inbox = await link.subscribe(SCHEDULER_INBOX)
        (delivery,) = await asyncio.wait_for(inbox.receive(1), 5)
        await inbox.bury(delivery, "a right that readers need")
    async with RabbitMQ(url, password).connect("reader") as link:
        with pytest.raises(LinkLostError, match="ACCESS_REFUSED"):
            await link.publish([DOORBELL])
    async with RabbitMQ(url, password).connect("reader") as link:
        with pytest.raises(LinkLostError, match="ACCESS_REFUSED"):
            await link.subscribe(session_queue("n1", "s1"))


@pytest.fixture
async def own_server() -> AsyncIterator[tuple[RabbitMQ, DockerContainer]]:
    """Give a server that a test may stop; its port stays when it starts again."""
    password = secrets.token_urlsafe(16)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    container = (
        DockerContainer("rabbitmq:4-management")
        .with_env("RABBITMQ_DEFAULT_USER", "setup")
        .with_env("RABBITMQ_DEFAULT_PASS", password)
        .with_env("RABBITMQ_DEFAULT_VHOST", "lightmill")
        .with_bind_ports(5672, port)
    )
    await asyncio.to_thread(container.start)
    try:
        url = f"amqp://setup@{container.get_container_host_ip()}:{port}/lightmill"
        await until_it_answers(url, password)
        yield RabbitMQ(url, password), container
    finally:
        await asyncio.to_thread(container.stop)


async def until_it_answers(url: str, password: str) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                await declare_topology(url, password)
            except LinkLostError:
                await asyncio.sleep(0.2)
            else:
                return


async def connect_again(broker: RabbitMQ) -> bytes:
    """Return the first message of the scheduler's inbox, once the broker is back."""
    async with asyncio.timeout(60):
        while True:
            try:
                async with broker.connect("second") as link:
                    inbox = await link.subscribe(SCHEDULER_INBOX)
                    return (await inbox.receive(1))[0].body
            except LinkLostError:
                await asyncio.sleep(0.2)


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("blow", ["stop", "kill"])
async def test_a_restart_is_noticed_and_loses_nothing_confirmed(
    own_server: tuple[RabbitMQ, DockerContainer], blow: str
) -> None:
    broker, started = own_server
    container = started.get_wrapped_container()
    async with broker.connect("first") as link:
        inbox = await link.subscribe(SCHEDULER_INBOX)
        waiting = asyncio.create_task(inbox.receive(1))
        await link.publish([DOORBELL])
        await waiting
        await asyncio.to_thread(getattr(container, blow))
        await asyncio.wait_for(link.lost(), 20)
        with pytest.raises(LinkLostError):
            await inbox.receive(1)
    with pytest.raises(LinkLostError):
        async with broker.connect("too early"):
            pass
    await asyncio.to_thread(container.start)
    assert await connect_again(broker) == DOORBELL.body


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_a_broker_that_stands_still_is_lost_to_who_publishes(
    own_server: tuple[RabbitMQ, DockerContainer],
) -> None:
    broker, started = own_server
    container = started.get_wrapped_container()
    report = Outgoing(exchange=REPORTS, key="node.report.v1", kind="node.report.v1", body=b"{}")
    async with broker.connect("test") as link:
        await asyncio.to_thread(container.pause)
        try:
            with pytest.raises(LinkLostError, match="did not answer"):
                await asyncio.wait_for(link.publish([report]), 20)
            await asyncio.wait_for(link.lost(), 1)
        finally:
            await asyncio.to_thread(container.unpause)
