"""What the queues bring, as news for the leader."""

from collections.abc import AsyncIterator, Sequence
from functools import partial

import structlog
from pydantic import ValidationError

from lightmill.broker.ports import Delivery, Inbox, Outgoing
from lightmill.messages.job_wanted import JobWanted
from lightmill.messages.leader_tick import LeaderTick
from lightmill.messages.node_report import NodeReport
from lightmill.messages.orders import Orders
from lightmill.messages.policy_wanted import PolicyWanted
from lightmill.scheduler.core.claims import fault_of
from lightmill.scheduler.core.facts import BeatPassed, Fact, NodeReported, OrderReturned
from lightmill.scheduler.use_cases.decide import News

_BATCH = 500
_REPORTS = 50
"""Read at once: few enough for a turn to take in as much as it wants, and no more."""
_LOG = structlog.get_logger()


class _ImplausibleError(Exception):
    """A report that can be read and cannot be true."""


class Heard:
    """The doorbells that a leader has heard; each comes on two queues, and is followed once."""

    def __init__(self, most: int = 10_000) -> None:
        self._versions: dict[str, int] = {}
        self._most = most

    def is_new(self, wanted: JobWanted) -> bool:
        """Tell whether this version of this job is news, and remember it."""
        known = self._versions.pop(wanted.job_id, None)
        self._versions[wanted.job_id] = max(wanted.version, known or 0)
        if len(self._versions) > self._most:
            del self._versions[next(iter(self._versions))]
        return known is None or known < wanted.version


async def commands(inbox: Inbox, heard: Heard) -> AsyncIterator[News]:
    """Yield what the api's doorbells ask to be looked at.

    One that is no news has been passed on before, and is acknowledged after that was committed.
    """
    while True:
        jobs: dict[str, None] = {}
        policy, last = False, None
        for delivery in await inbox.receive(_BATCH):
            try:
                if delivery.kind == PolicyWanted.routing_key:
                    policy = True
                else:
                    wanted = JobWanted.model_validate_json(delivery.body)
                    if heard.is_new(wanted):
                        jobs[wanted.job_id] = None
            except ValidationError as error:
                await inbox.bury(delivery, f"not a {JobWanted.routing_key}: {error}")
            else:
                last = delivery
        if last is not None:
            yield News(
                jobs=tuple(jobs),
                policy=policy,
                acknowledge=partial(inbox.settle, last),
                source=inbox,
            )


async def reports(inbox: Inbox, epoch: int) -> AsyncIterator[News]:
    """Yield what nodes report, and the leader's own ticks, in the order of the queue."""
    while True:
        facts: list[Fact] = []
        last = None
        for delivery in await inbox.receive(_REPORTS):
            try:
                facts.extend(_facts(delivery, epoch))
            except (ValidationError, _ImplausibleError) as error:
                _LOG.warning("a report cannot be read", key=delivery.key, error=str(error))
                await inbox.bury(delivery, f"unreadable: {error}")
            else:
                last = delivery
        if last is not None:
            yield News(facts=tuple(facts), acknowledge=partial(inbox.settle, last), source=inbox)


def returned(messages: Sequence[Outgoing]) -> News:
    """Return the news that no queue took these orders."""
    facts = []
    for message in messages:
        orders = Orders.model_validate_json(message.body)
        ids = tuple(assignment.attempt_id for assignment in orders.assign)
        session = message.key.rsplit(".", 1)[-1]
        facts.append(OrderReturned(session=session, attempt_ids=ids))
    return News(facts=tuple(facts))


def _facts(delivery: Delivery, epoch: int) -> list[Fact]:
    if delivery.kind == LeaderTick.routing_key:
        tick = LeaderTick.model_validate_json(delivery.body)
        return [BeatPassed(tick.number)] if tick.epoch == epoch else []
    report = NodeReport.model_validate_json(delivery.body)
    if (fault := fault_of(report)) is not None:
        raise _ImplausibleError(f"{report.node_id[:80]!r} reports an impossible {fault}")
    return [NodeReported(report)]
