"""Keeps a session with the leader: reports out, orders in."""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass

import structlog
from pydantic import ValidationError

from lightmill.broker.ports import Broker, Delivery, Inbox, Link, LinkLostError, Outgoing
from lightmill.messages.attempts_settled import AttemptsSettled
from lightmill.messages.message import Message
from lightmill.messages.node_report import NodeReport
from lightmill.messages.orders import Orders
from lightmill.messages.topology import session_queue
from lightmill.render_node.core.answers import Answers
from lightmill.render_node.use_cases.insist import waits
from lightmill.render_node.use_cases.run_attempts import RunAttempts
from lightmill.runtime.clock import Clock
from lightmill.runtime.ids import new_id

_log = structlog.get_logger(__name__)
_GATHER = 0.01
"""Seconds between two reports at the least: what changes meanwhile goes into one."""
_GATHER_EACH = 0.001
"""As many more for each attempt that a report tells of: long ones cost the leader most."""
_MOST_GATHER = 0.05
_ORDERS_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class _Session:
    name: str
    link: Link
    inbox: Inbox


class KeepSession:
    """Connects, reports and obeys; a lost connection is followed by another session.

    What runs meanwhile goes on, and its ends wait for the next session.
    """

    def __init__(
        self, *, broker: Broker, clock: Clock, attempts: RunAttempts, node_id: str, name: str
    ) -> None:
        self._broker = broker
        self._clock = clock
        self._node = attempts
        self._node_id = node_id
        self._name = name
        self._sessions = 0
        self.connected = False

    async def __call__(self) -> None:
        """Hold one session after another until cancelled."""
        wait = waits()
        while True:
            seen = self._sessions
            try:
                await self._connect()
            except LinkLostError as error:
                _log.warning("no connection to the broker", error=str(error))
            if self._sessions > seen:
                wait = waits()
            await asyncio.sleep(next(wait))

    async def _connect(self) -> None:
        async with self._broker.connect(f"node {self._name}") as link:
            session = new_id()
            inbox = await link.subscribe(session_queue(self._node_id, session))
            self._sessions += 1
            _log.info("session begins", session=session)
            self.connected = True
            try:
                await _first_to_fail(
                    self._report(_Session(session, link, inbox)),
                    self._listen(inbox),
                    _watch(link),
                )
            finally:
                self.connected = False

    async def _report(self, session: _Session) -> None:
        """Say what is true, on every beat and soon after every change.

        While the leader owes the answer to ends that it has been told, what changes waits for
        that, for a while: its report would tell those ends again, and a leader that is behind
        would fall further behind, as each of its turns would bring less of each node.
        """
        sequence, answers = 0, Answers()
        while True:
            self._node.changed.clear()
            sequence += 1
            state = self._state(session.name, sequence)
            began = self._clock.monotonic()
            answers.tell((finish.attempt_id for finish in state.finishes), began)
            await session.link.publish([_outgoing(state)])
            await asyncio.sleep(gather(len(state.held) + len(state.finishes)))
            patience = min(answers.patience(self._clock.monotonic()), self._rest(began))
            await _within(patience, self._answered(state, answers))
            await _within(self._rest(began), self._node.changed.wait())

    def _rest(self, began: float) -> float:
        """Return the seconds that are left of a beat."""
        return self._node.beat - (self._clock.monotonic() - began)

    async def _answered(self, told: NodeReport, answers: Answers) -> None:
        """Return when the leader has settled the ends that `told` tells."""
        await self._node.until_settled({finish.attempt_id for finish in told.finishes})
        answers.come(self._clock.monotonic())

    def _state(self, session: str, sequence: int) -> NodeReport:
        attempts = self._node.attempts
        return NodeReport(
            node_id=self._node_id,
            name=self._name,
            session=session,
            sequence=sequence,
            offer=attempts.offer,
            draining=not attempts.takes_work,
            held=attempts.shown(self._clock.monotonic()),
            finishes=attempts.finishes,
            freed=self._node.freed,
        )

    async def _listen(self, inbox: Inbox) -> None:
        """Acknowledge orders as soon as they are held, never after the render."""
        while True:
            for delivery in await inbox.receive(_ORDERS_AT_ONCE):
                await self._take(inbox, delivery)

    async def _take(self, inbox: Inbox, delivery: Delivery) -> None:
        try:
            message = _read(delivery)
        except (ValidationError, LookupError) as error:
            # A node's account may not write to the dead letters; what it misses, its reports show.
            _log.error("message not understood", kind=delivery.kind, error=str(error))
            await inbox.settle(delivery)
            return
        settled = message.settled if isinstance(message, Orders) else message
        if settled is not None:
            await self._node.settle(settled)
        if isinstance(message, Orders):
            await self._node.obey(message)
        await inbox.settle(delivery)


def gather(told: int) -> float:
    """Return the seconds to the next report, after one that told of so many attempts."""
    return min(_MOST_GATHER, _GATHER + _GATHER_EACH * told)


def _read(delivery: Delivery) -> Orders | AttemptsSettled:
    match delivery.kind:
        case Orders.routing_key:
            return Orders.model_validate_json(delivery.body)
        case AttemptsSettled.routing_key:
            return AttemptsSettled.model_validate_json(delivery.body)
        case _:
            raise LookupError(f"no message is called {delivery.kind}")


def _outgoing(message: Message) -> Outgoing:
    key = message.routing_key
    return Outgoing(exchange=message.exchange, key=key, kind=key, body=message.body())


async def _watch(link: Link) -> None:
    await link.lost()
    raise LinkLostError("the broker went away")


async def _within(seconds: float, wait: Awaitable[object]) -> None:
    """Return when `wait` is over, or after `seconds`.

    Python 3.11's `wait_for` forgets that it was cancelled where `wait` ends at the same moment.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(max(0.0, seconds)):
            await wait


async def _first_to_fail(*parts: Awaitable[None]) -> None:
    """Run the parts until one fails; the others are cancelled, and its error is raised."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
