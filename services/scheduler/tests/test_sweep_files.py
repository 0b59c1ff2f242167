"""What becomes of the files that attempts left without owning a result."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update
from typing_extensions import override

from lightmill.domain.results import attempt_prefix
from lightmill.scheduler.adapters.ended_attempts import SqlEndedAttempts
from lightmill.scheduler.adapters.leadership import begin_epoch
from lightmill.scheduler.ports import NotLeaderError
from lightmill.scheduler.use_cases.sweep_files import SweepFiles
from lightmill.storage.objects.folder import FolderStore
from lightmill.storage.ports import StoreUnavailableError
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.schema.scheduler import ATTEMPTS, LEADERSHIP, RESULTS

DAY = timedelta(days=1)
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class StandingClock:
    def now(self) -> datetime:
        return NOON

    def monotonic(self) -> float:
        return 0.0


class FickleStore(FolderStore):
    """A folder that can be away."""

    away = False

    @override
    async def keys(self, prefix: str) -> AsyncIterator[str]:
        if self.away:
            raise StoreUnavailableError("away")
        async for key in super().keys(prefix):
            yield key


@pytest.fixture
def store(tmp_path: Path) -> FickleStore:
    return FickleStore(tmp_path / "objects", "http://none", b"secret", StandingClock())


async def sweeper(database: Database, store: FolderStore) -> SweepFiles:
    epoch = await begin_epoch(database, "test", NOON)
    return SweepFiles(
        attempts=SqlEndedAttempts(database, epoch=epoch),
        store=store,
        clock=StandingClock(),
        age=DAY,
        every=0.01,
    )


async def attempt(
    database: Database, store: FolderStore, name: str, *, ended: timedelta | None
) -> None:
    """Add an attempt that ended so long ago and left an image and a log."""
    row = {
        "id": name,
        "tenant_id": "t",
        "job_id": "j",
        "step_id": "s",
        "task_id": name,
        "node_id": "n",
        "session": "1",
        "epoch": 1,
        "state": "RUNNING" if ended is None else "FAILED",
        "cores": 1,
        "ram": 1,
        "gpus": [],
        "assigned_at": NOON - 9 * DAY,
        "ended_at": None if ended is None else NOON - ended,
    }
    async with database.transaction() as connection:
        await connection.execute(insert(ATTEMPTS).values(row))
    for file in ("0001.png", "log.txt"):
        await store.put(attempt_prefix("t", "j", name) + file, b"x", "image/png")


async def own(database: Database, name: str) -> None:
    row = {
        "step_id": "s",
        "ordinal": 0,
        "tenant_id": "t",
        "job_id": "j",
        "attempt_id": name,
        "node_id": "n",
        "frame": 1,
        "object_key": attempt_prefix("t", "j", name) + "0001.png",
        "blake3": "",
        "size": 1,
        "width": 1,
        "height": 1,
        "media_type": "image/png",
        "seconds": 1.0,
        "created_at": NOON,
    }
    async with database.transaction() as connection:
        await connection.execute(insert(RESULTS).values(row))


async def kept(store: FolderStore) -> set[str]:
    """Return the attempts of which there are files."""
    return {key.split("/")[5] async for key in store.keys("tenants/t/jobs/j/attempts/")}


async def unmarked(database: Database) -> set[str]:
    query = select(ATTEMPTS.c.id).where(ATTEMPTS.c.swept_at.is_(None))
    async with database.reading() as connection:
        return set((await connection.execute(query)).scalars())


async def test_what_became_no_result_goes_after_a_day(
    database: Database, store: FickleStore
) -> None:
    await attempt(database, store, "old", ended=2 * DAY)
    await attempt(database, store, "owner", ended=2 * DAY)
    await own(database, "owner")
    await attempt(database, store, "young", ended=DAY / 2)
    await attempt(database, store, "alive", ended=None)
    sweep = await sweeper(database, store)
    assert await sweep() == 2
    assert await kept(store) == {"owner", "young", "alive"}
    assert await unmarked(database) == {"young", "alive"}
    assert await sweep() == 0


async def test_no_other_attempts_files_go(database: Database, store: FickleStore) -> None:
    """A prefix ends in a slash: an id that begins like another one is another one."""
    await attempt(database, store, "a", ended=2 * DAY)
    await attempt(database, store, "ab", ended=None)
    assert await (await sweeper(database, store))() == 2
    assert await kept(store) == {"ab"}


async def test_a_store_that_is_away_is_tried_again(database: Database, store: FickleStore) -> None:
    await attempt(database, store, "old", ended=2 * DAY)
    sweep = await sweeper(database, store)
    store.away = True
    with pytest.raises(StoreUnavailableError):
        await sweep()
    assert await unmarked(database) == {"old"}
    going = asyncio.create_task(sweep.forever())
    store.away = False
    async with asyncio.timeout(30):
        while await unmarked(database):  # noqa: ASYNC110  # rows tell of nothing by themselves
            await asyncio.sleep(0.01)
    going.cancel()
    assert await kept(store) == set()


async def test_more_than_one_batch_is_swept(database: Database, store: FickleStore) -> None:
    row = {"tenant_id": "t", "job_id": "j", "step_id": "s", "task_id": "x", "node_id": "n"}
    row |= {"session": "1", "state": "LOST"}
    more = {"epoch": 1, "cores": 1, "ram": 1, "gpus": [], "assigned_at": NOON - 3 * DAY}
    rows = [{**row, **more, "id": f"a{n}", "ended_at": NOON - 2 * DAY} for n in range(450)]
    async with database.transaction() as connection:
        await connection.execute(insert(ATTEMPTS), rows)
    assert await (await sweeper(database, store))() == 0
    assert await unmarked(database) == set()


async def test_a_deposed_leader_marks_nothing(database: Database, store: FickleStore) -> None:
    await attempt(database, store, "old", ended=2 * DAY)
    sweep = await sweeper(database, store)
    async with database.transaction() as connection:
        await connection.execute(update(LEADERSHIP).values(epoch=41))
    with pytest.raises(NotLeaderError):
        await sweep()
    assert await unmarked(database) == {"old"}
