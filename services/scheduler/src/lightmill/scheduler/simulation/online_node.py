"""An invented node on a real link: it renders nothing, and keeps the protocol."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from lightmill.broker.ports import Broker, Delivery, Inbox, Link, Outgoing
from lightmill.messages.attempts_settled import AttemptsSettled
from lightmill.messages.node_report import NodeReport, Outcome
from lightmill.messages.orders import Assignment, Orders
from lightmill.messages.topology import REPORTS, session_queue
from lightmill.runtime.ids import new_id
from lightmill.scheduler.simulation.invented_node import InventedNode

WORKSPACE = 1000
"""Bytes that the first deletion of a workspace frees."""

Renders = Callable[[Assignment], Outcome | None]


def at_once(_: Assignment) -> Outcome | None:
    """Deliver every frame without delay."""
    return Outcome.SUCCEEDED


def never(_: Assignment) -> Outcome | None:
    """Hold everything for ever."""
    return None


@dataclass
class OnlineNode:
    """Runs one session after the other.

    Attributes:
        renders: Says how an assignment ends, or None while it goes on.
        beat: Seconds between reports.
    """

    node: InventedNode
    broker: Broker
    renders: Renders = at_once
    beat: float = 0.2
    seen: list[Assignment] = field(default_factory=list)
    epoch: int = 0

    async def session(self) -> None:
        """Be online until the link is lost or the task is cancelled."""
        session = new_id()
        async with self.broker.connect(f"node {self.node.id}") as link:
            inbox = await link.subscribe(session_queue(self.node.id, session))
            self.node.sequence = 0
            await self._report(link, session)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._obey(link, inbox, session))
                tasks.create_task(self._beat(link, session))

    async def _beat(self, link: Link, session: str) -> None:
        while True:
            await asyncio.sleep(self.beat)
            self._render()
            await self._report(link, session)

    async def _obey(self, link: Link, inbox: Inbox, session: str) -> None:
        while True:
            deliveries = await inbox.receive(100)
            for delivery in deliveries:
                self._take(delivery)
            self._render()
            await inbox.settle(deliveries[-1])
            await self._report(link, session)

    def _render(self) -> None:
        for attempt_id, assignment in list(self.node.held.items()):
            outcome = self.renders(assignment)
            self.node.running.add(attempt_id)
            if outcome is not None:
                self.node.finish(attempt_id, outcome)

    def _take(self, delivery: Delivery) -> None:
        if delivery.kind == AttemptsSettled.routing_key:
            self._settle(AttemptsSettled.model_validate_json(delivery.body))
            return
        orders = Orders.model_validate_json(delivery.body)
        if orders.settled is not None:
            self._settle(orders.settled)
        if orders.epoch < self.epoch:
            return
        self.epoch = orders.epoch
        self.seen += orders.assign
        self.node.obey(orders.assign, orders.cancel, orders.recall)
        for _, job_id in orders.forget_workspaces:
            self.node.freed.setdefault(job_id, WORKSPACE)

    def _settle(self, settled: AttemptsSettled) -> None:
        for one in settled.attempts:
            self.node.finishes.pop(one.attempt_id, None)

    async def _report(self, link: Link, session: str) -> None:
        report = self.node.report().report.model_copy(update={"session": session})
        message = Outgoing(
            exchange=REPORTS,
            key=NodeReport.routing_key,
            kind=NodeReport.routing_key,
            body=report.body(),
        )
        await link.publish([message])
