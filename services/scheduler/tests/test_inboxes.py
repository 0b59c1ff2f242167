"""What the leader reads, and what it puts aside."""

import asyncio

import pytest

from lightmill.broker.in_process import InProcessBroker
from lightmill.broker.ports import Outgoing
from lightmill.messages.job_wanted import JobWanted
from lightmill.messages.leader_tick import LeaderTick
from lightmill.messages.topology import (
    DEAD_LETTERS,
    REPORTS,
    SCHEDULER_INBOX,
    doorbells_queue,
    reports_queue,
    tick_key,
)
from lightmill.scheduler.core.facts import BeatPassed, NodeReported
from lightmill.scheduler.handlers.inboxes import Heard, commands, reports

GOOD = (
    '{"node_id":"n","name":"n","session":"s","sequence":1,'
    '"offer":{"cores":4,"ram":100},"held":[{"attempt_id":"a","state":"RUNNING","progress":0.5,'
    '"running_seconds":1.0}]}'
)


@pytest.mark.parametrize(
    ("told", "lie"),
    [
        ('"sequence":1', '"sequence":"x"'),
        ('"progress":0.5', '"progress":NaN'),
        ('"progress":0.5', '"progress":1e300'),
        ('"running_seconds":1.0', '"running_seconds":NaN'),
        ('"running_seconds":1.0', '"running_seconds":-Infinity'),
        ('"node_id":"n"', '"node_id":"%s"' % ("n" * 37)),
        ('"node_id":"n"', '"node_id":"é"'),
        ('"session":"s"', '"session":"%s"' % ("s" * 37)),
        ('"session":"s"', '"session":"a.b"'),
        ('"name":"n"', '"name":"%s"' % ("n" * 256)),
        ('"cores":4', '"cores":2147483648'),
        ('"cores":4', '"cores":-1'),
        ('"ram":100', '"ram":9223372036854775808'),
        ('"running_seconds":1.0}', '"running_seconds":1.0},{"attempt_id":"a","state":"QUEUED"}'),
    ],
)
async def test_a_report_that_no_row_could_hold_is_put_aside_with_the_reason(
    told: str, lie: str
) -> None:
    assert told in GOOD
    broker = InProcessBroker()
    tick = LeaderTick(epoch=1, number=1)
    async with broker.connect("test") as link:
        inbox = await link.subscribe(reports_queue(1))
        dead = await link.subscribe(DEAD_LETTERS)
        await link.publish([_report(GOOD.replace(told, lie)), _report(GOOD)])
        await link.publish(
            [Outgoing(exchange=REPORTS, key=tick_key(1), kind=tick.routing_key, body=tick.body())]
        )
        async with asyncio.timeout(30):
            news = await anext(reports(inbox, 1))
            (letter,) = await dead.receive(10)
    assert [type(fact) for fact in news.facts] == [NodeReported, BeatPassed]
    assert letter.headers["reason"]


async def test_a_doorbell_that_comes_on_both_queues_is_followed_once() -> None:
    """And is acknowledged on the one that keeps it."""
    broker, heard = InProcessBroker(), Heard()
    async with broker.connect("test") as link, asyncio.timeout(30):
        inboxes = [await link.subscribe(queue) for queue in (doorbells_queue(1), SCHEDULER_INBOX)]
        ringing = [commands(inbox, heard) for inbox in inboxes]
        for version in (1, 2):
            await link.publish([_doorbell("job", version)])
            at_once, kept = [await anext(news) for news in ringing]
            assert (at_once.jobs, kept.jobs) == (("job",), ())
            for news in (at_once, kept):
                assert news.acknowledge is not None
                await news.acknowledge()
    assert broker.depth("scheduler.inbox") == 0


def test_only_so_many_doorbells_are_remembered() -> None:
    heard = Heard(most=2)
    rings = [JobWanted(job_id=name, version=1) for name in ("a", "b", "c", "a")]
    assert [heard.is_new(ring) for ring in rings] == [True] * 4
    assert not heard.is_new(rings[-1])


def _doorbell(job_id: str, version: int) -> Outgoing:
    wanted = JobWanted(job_id=job_id, version=version)
    kind = wanted.routing_key
    return Outgoing(exchange=wanted.exchange, key=kind, kind=kind, body=wanted.body())


def _report(body: str) -> Outgoing:
    kind = "node.report.v1"
    return Outgoing(exchange=REPORTS, key=kind, kind=kind, body=body.encode())
