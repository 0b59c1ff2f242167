"""What the leader reads, and what it puts aside."""

import asyncio

import pytest

from lightmill.broker.in_process import InProcessBroker
from lightmill.broker.ports import Outgoing
from lightmill.messages.leader_tick import LeaderTick
from lightmill.messages.topology import DEAD_LETTERS, REPORTS, reports_queue, tick_key
from lightmill.scheduler.core.facts import BeatPassed, NodeReported
from lightmill.scheduler.handlers.inboxes import reports

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
        async with asyncio.timeout(5):
            news = await anext(reports(inbox, 1))
            (letter,) = await dead.receive(10)
    assert [type(fact) for fact in news.facts] == [NodeReported, BeatPassed]
    assert letter.headers["reason"]


def _report(body: str) -> Outgoing:
    kind = "node.report.v1"
    return Outgoing(exchange=REPORTS, key=kind, kind=kind, body=body.encode())
