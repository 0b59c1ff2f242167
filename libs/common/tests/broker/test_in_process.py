"""What only the in-process broker offers: the handles that tests hold it by."""

from lightmill.broker.in_process import InProcessBroker
from lightmill.broker.ports import Outgoing
from lightmill.messages.topology import (
    COMMANDS,
    EVENTS,
    SCHEDULER_INBOX,
    Binding,
    Queue,
)

DOORBELL = Outgoing(exchange=COMMANDS, key="job.wanted.v1", kind="job.wanted.v1", body=b"{}")


async def test_purging_throws_away_what_nobody_has_received() -> None:
    broker = InProcessBroker()
    async with broker.connect("test") as link:
        inbox = await link.subscribe(SCHEDULER_INBOX)
        await link.publish([DOORBELL] * 3)
        await inbox.receive(1)
        assert broker.depth("scheduler.inbox") == 2
        assert broker.purge("scheduler.inbox") == 2
        assert broker.depth("scheduler.inbox") == 0
    assert broker.depth("scheduler.inbox") == 1  # the one received came back


async def test_its_durable_queues_are_those_that_it_is_given() -> None:
    audit = Queue("audit", (Binding(EVENTS, "#"),))
    broker = InProcessBroker([audit])
    async with broker.connect("test") as link:
        await link.publish([Outgoing(exchange=EVENTS, key="job.changed.v1", kind="k", body=b"1")])
        inbox = await link.subscribe(audit)
        assert (await inbox.receive(1))[0].body == b"1"


async def test_what_a_reader_changes_in_its_headers_changes_nothing_for_others() -> None:
    broker = InProcessBroker()
    sent = Outgoing(exchange=COMMANDS, key="job.wanted.v1", kind="k", body=b"", headers={"a": "1"})
    for _ in range(2):
        async with broker.connect("test") as link:
            await link.publish([sent])
            headers = (await (await link.subscribe(SCHEDULER_INBOX)).receive(1))[0].headers
            assert headers == {"a": "1"}
            assert isinstance(headers, dict)
            headers["a"] = "2"
