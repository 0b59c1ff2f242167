"""Deletes what attempts left in the object store that became no result."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

import structlog

from lightmill.domain.results import attempt_prefix
from lightmill.runtime.clock import Clock
from lightmill.scheduler.ports import EndedAttempt, EndedAttempts
from lightmill.storage.ports import ObjectStore, StoreUnavailableError

_LOG = structlog.get_logger()
_BATCH = 200
"""Attempts between two commits at the most."""


@dataclass(slots=True, kw_only=True)
class SweepFiles:
    """Looks at each attempt once, `age` after its end.

    An attempt that owns a result keeps all its files. What another one has left can become no
    result any more, so it is safe to delete it whoever leads meanwhile.

    Attributes:
        every: Seconds between two looks.
    """

    attempts: EndedAttempts
    store: ObjectStore
    clock: Clock
    age: timedelta
    every: float

    async def forever(self) -> None:
        """Look at once, then regularly; a store that is away is tried again the next time.

        Raises:
            NotLeaderError: another scheduler leads.
        """
        while True:
            try:
                deleted = await self()
            except StoreUnavailableError as error:
                _LOG.warning("the object store is away, its files wait", reason=str(error))
            else:
                if deleted:
                    _LOG.info("files without a result deleted", objects=deleted)
            await asyncio.sleep(self.every)

    async def __call__(self) -> int:
        """Return how many objects were deleted.

        Raises:
            StoreUnavailableError: what is not marked yet will be looked at again.
            NotLeaderError: another scheduler leads.
        """
        before, deleted = self.clock.now() - self.age, 0
        while attempts := await self.attempts.unswept(before, _BATCH):
            for attempt in attempts:
                if not attempt.owns_results:
                    deleted += await self._delete(attempt)
            await self.attempts.mark([attempt.id for attempt in attempts], self.clock.now())
        return deleted

    async def _delete(self, attempt: EndedAttempt) -> int:
        prefix = attempt_prefix(attempt.tenant_id, attempt.job_id, attempt.id)
        keys = [key async for key in self.store.keys(prefix)]
        if keys:
            await self.store.delete(keys)
        return len(keys)
