import asyncio
from collections.abc import Mapping

import aio_pika
import pytest
import urllib3
from aiormq.exceptions import ChannelAccessRefused
from yarl import URL

from lightmill.broker.ports import LinkLostError, Outgoing
from lightmill.broker.rabbitmq import RabbitMQ, declare_topology
from lightmill.messages import topology
from lightmill.runtime.installation.rabbitmq import RIGHTS, Management, ManagementError
from lightmill.testing.containers import RabbitServer

WORD = "a-long-enough-passw0rd"
READS = {
    "lightmill_api": topology.events_queue("api.1", "job.#"),
    "lightmill_scheduler": topology.reports_queue(7),
    "lightmill_analyzer": topology.ANALYZER_INBOX,
    "lightmill_node": topology.session_queue("n", "s"),
}
LEADS = (topology.SCHEDULER_INBOX, topology.doorbells_queue(7))
WRITES = {
    "lightmill_api": {topology.COMMANDS, topology.DEAD},
    "lightmill_scheduler": {topology.NODES, topology.REPORTS, topology.EVENTS, topology.DEAD},
    "lightmill_analyzer": {topology.EVENTS, topology.DEAD},
    "lightmill_node": {topology.REPORTS},
}


async def http(method: str, url: str, headers: dict[str, str]) -> urllib3.BaseHTTPResponse:
    return await asyncio.to_thread(urllib3.request, method, url, headers=headers)


@pytest.fixture
async def accounts(rabbitmq_server: RabbitServer) -> Mapping[str, RabbitMQ]:
    """Give a broker as each account sees it."""
    management = Management(
        rabbitmq_server.management, rabbitmq_server.user, rabbitmq_server.password, "lightmill"
    )
    for _ in range(2):
        await management.prepare(dict.fromkeys(RIGHTS, WORD))
    await declare_topology(rabbitmq_server.url, rabbitmq_server.password)
    url = URL(rabbitmq_server.url)
    return {account: RabbitMQ(str(url.with_user(account)), WORD) for account in RIGHTS}


@pytest.mark.backing
@pytest.mark.parametrize("account", RIGHTS)
async def test_an_account_writes_where_its_service_writes_and_nowhere_else(
    accounts: Mapping[str, RabbitMQ], account: str
) -> None:
    written = set()
    for exchange in topology.EXCHANGES:
        async with accounts[account].connect("test") as link:
            message = Outgoing(exchange=exchange.name, key="k", kind="k", body=b"{}")
            try:
                await link.publish([message])
            except LinkLostError:
                continue
            written.add(exchange.name)
    assert written == WRITES[account]


@pytest.mark.backing
@pytest.mark.parametrize("account", RIGHTS)
async def test_an_account_reads_its_queues_and_no_other(
    accounts: Mapping[str, RabbitMQ], account: str
) -> None:
    both = {queue.name for queue in LEADS}
    queues = [*READS.values(), *LEADS, topology.DEAD_LETTERS]
    readable = set()
    for queue in queues:
        async with accounts[account].connect("test") as link:
            try:
                await link.subscribe(queue)
            except LinkLostError:
                continue
            readable.add(queue.name)
    also = both if account == "lightmill_scheduler" else set()
    assert readable == {READS[account].name} | also


@pytest.mark.backing
async def test_a_node_cannot_listen_to_reports_or_events(
    rabbitmq_server: RabbitServer, accounts: Mapping[str, RabbitMQ]
) -> None:
    """Not even by a queue whose name it may choose."""
    assert accounts
    url = URL(rabbitmq_server.url).with_user("lightmill_node").with_password(WORD)
    for exchange in (topology.REPORTS, topology.EVENTS, topology.COMMANDS, topology.DEAD):
        connection = await aio_pika.connect(url)
        async with connection:
            channel = await connection.channel()
            queue = await channel.declare_queue("node.spy", exclusive=True)
            with pytest.raises(ChannelAccessRefused):
                await queue.bind(exchange, "#")


@pytest.mark.backing
async def test_durable_queues_have_no_delivery_limit(
    rabbitmq_server: RabbitServer, accounts: Mapping[str, RabbitMQ]
) -> None:
    assert accounts
    auth = f"{rabbitmq_server.user}:{rabbitmq_server.password}"
    for queue in topology.DURABLE_QUEUES:
        url = f"{rabbitmq_server.management}/api/queues/lightmill/{queue.name}"
        found = (await http("GET", url, urllib3.make_headers(basic_auth=auth))).json()
        assert (found["type"], found["durable"]) == ("quorum", True)
        assert found["arguments"]["x-delivery-limit"] == -1


@pytest.mark.backing
async def test_a_wrong_administrator_is_told(rabbitmq_server: RabbitServer) -> None:
    management = Management(rabbitmq_server.management, "lightmill_setup", "wrong", "lightmill")
    with pytest.raises(ManagementError, match="401"):
        await management.prepare({})
