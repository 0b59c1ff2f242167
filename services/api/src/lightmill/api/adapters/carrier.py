"""Keeps the api's outbox emptying, whatever becomes of the broker's connection."""

import asyncio

import structlog

from lightmill.broker.ports import Broker, LinkLostError
from lightmill.runtime.clock import Clock
from lightmill.storage.ports import StatusCache
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.relay import Relay
from lightmill.storage.sql.schema.api import OUTBOX

_LOG = structlog.get_logger(__name__)
_FIRST_WAIT_S = 0.2
_LONGEST_WAIT_S = 5.0


def outbox_relay(database: Database, cache: StatusCache, clock: Clock) -> Relay:
    """Return the relay of the api's outbox, which several processes may run at once."""
    return Relay(database, OUTBOX, cache, clock, shared=True)


class Carrier:
    """Runs the relay on one link after the other.

    Args:
        broker: Where the links come from.
        relay: Of the outbox.
        name: What the broker's console shows.
    """

    def __init__(self, broker: Broker, relay: Relay, *, name: str = "lightmill-api") -> None:
        self._broker = broker
        self._relay = relay
        self._name = name
        self._linked = False

    async def linked(self) -> bool:
        """Tell whether there is a connection to the broker now."""
        return self._linked

    async def run(self) -> None:
        """Carry messages until cancelled."""
        wait = _FIRST_WAIT_S
        while True:
            try:
                async with self._broker.connect(self._name) as link:
                    self._linked, wait = True, _FIRST_WAIT_S
                    await self._relay.run(link)
            except LinkLostError:
                _LOG.warning("no link to the broker", retry_in=wait)
            except Exception:  # noqa: BLE001  # see below
                # The database is away, or a row cannot be read: neither may end the api.
                _LOG.exception("the outbox is not being carried", retry_in=wait)
            finally:
                self._linked = False
            await asyncio.sleep(wait)
            wait = min(wait * 2, _LONGEST_WAIT_S)
