"""Carries the rows of the outbox: at least once, in order."""

from collections.abc import Callable

from lightmill.messages.orders import Orders
from lightmill.scheduler.core.facts import OrderReturned
from lightmill.scheduler.simulation.broker import Broker, Link
from lightmill.scheduler.simulation.database import Database, Leaving
from lightmill.scheduler.simulation.kernel import Pause, Process

BATCH = 500


class MemoryRelay:
    """One term's relay; a crash between sending and deleting sends rows again."""

    def __init__(
        self,
        process: Process,
        database: Database,
        broker: Broker,
        link: Link,
        returned: Callable[[OrderReturned], None],
    ) -> None:
        self.process = process
        self.database = database
        self.broker = broker
        self.link = link
        self.returned = returned
        self._carrying = False

    def wake(self) -> None:
        """Say that there are new rows."""
        if not self._carrying:
            self._carrying = True
            self.process.start(self._carry())

    def pick(self) -> list[Leaving]:
        """Return the rows to send next."""
        return self.database.oldest(BATCH)

    def forget(self, rows: list[Leaving]) -> None:
        """Delete what has been sent."""
        self.database.forget(rows)

    async def _carry(self) -> None:
        latency = self.broker.conditions.latency
        while rows := self.pick():
            await Pause(self.process.kernel.draw(latency))
            for row in rows:
                self._send(row)
            await Pause(self.process.kernel.draw(latency))
            if not self.link.open or self.link.doomed:
                return  # never confirmed: the rows stay, and the term is about to end
            self.forget(rows)
        self._carrying = False

    def _send(self, row: Leaving) -> None:
        if row.queue is None or row.message is None or not self.link.open:
            return
        taken = self.broker.publish(self.link, row.queue, row.message)
        if not taken and row.mandatory and isinstance(row.message, Orders):
            ids = tuple(assignment.attempt_id for assignment in row.message.assign)
            session = row.queue.rsplit(".", 1)[-1]
            self.returned(OrderReturned(session=session, attempt_ids=ids))
