from datetime import UTC, datetime

import pytest
from sqlalchemy import select
from structlog.contextvars import bound_contextvars

from lightmill.domain.states import JobState
from lightmill.messages.job_changed import JobChanged
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.outbox import Effect, Publish, put, put_together
from lightmill.storage.sql.parcel import SetStatus, opened
from lightmill.storage.sql.schema import scheduler

NOW = datetime(2026, 11, 22, tzinfo=UTC)
CHANGED = JobChanged(
    tenant_id="t",
    owner_id="o",
    job_id="j",
    state=JobState.PENDING,
    paused=False,
    frames=1,
    succeeded=0,
    failed=0,
)


async def test_effects_are_written_in_order_as_one_statement(database: Database) -> None:
    effects: list[Effect] = [
        Publish(CHANGED, mandatory=True),
        SetStatus("job:j", 7, {"state": "PENDING"}),
    ]
    before = database.statements
    async with database.transaction() as connection:
        await put(connection, scheduler.OUTBOX, effects, NOW)
    assert database.statements == before + 1
    async with database.reading() as connection:
        rows = (await connection.execute(select(scheduler.OUTBOX).order_by("id"))).all()
    message, status = rows
    assert (message.effect, message.exchange, message.routing_key, message.kind) == (
        "publish",
        "lightmill.events",
        "job.changed.v1",
        "job.changed.v1",
    )
    assert (message.mandatory, message.body, message.created_at) == (1, CHANGED.body(), NOW)
    assert (status.effect, status.routing_key, status.version) == ("status", "job:j", 7)
    assert status.body == b'{"state":"PENDING"}'


async def test_a_key_of_its_own_leaves_the_kind_alone(sqlite_database: Database) -> None:
    async with sqlite_database.transaction() as connection:
        await put(connection, scheduler.OUTBOX, [Publish(CHANGED, key="node.a.b")], NOW)
        row = (await connection.execute(select(scheduler.OUTBOX))).one()
    assert (row.routing_key, row.kind) == ("node.a.b", "job.changed.v1")


async def test_the_trace_that_is_bound_travels_as_a_header(sqlite_database: Database) -> None:
    with bound_contextvars(traceparent="00-aa-bb-01", job_id="j"):
        async with sqlite_database.transaction() as connection:
            await put(connection, scheduler.OUTBOX, [Publish(CHANGED, headers={"x": "1"})], NOW)
            row = (await connection.execute(select(scheduler.OUTBOX))).one()
    assert row.headers == {"traceparent": "00-aa-bb-01", "x": "1"}


async def test_no_effects_are_no_statement(sqlite_database: Database) -> None:
    async with sqlite_database.transaction() as connection:
        before = sqlite_database.statements
        await put(connection, scheduler.OUTBOX, [], NOW)
        assert sqlite_database.statements == before


async def test_a_status_that_is_no_json_is_refused(sqlite_database: Database) -> None:
    async with sqlite_database.transaction() as connection:
        with pytest.raises(TypeError, match="not JSON serializable"):
            await put(connection, scheduler.OUTBOX, [SetStatus("k", 1, {"at": NOW})], NOW)


async def test_effects_that_share_a_row_are_read_back_in_order(database: Database) -> None:
    """Whatever a person has put into them: line breaks, quotes, backslashes, other scripts."""
    told = CHANGED.model_copy(update={"error": 'it\'s "C:\\temp\\"\n画面 %s :name'})
    effects: list[Effect] = [
        Publish(told, key="node.a.b", mandatory=True, headers={"x": "1"}),
        SetStatus("job:j", 7, {"error": told.error}),
        Publish(CHANGED),
    ]
    async with database.transaction() as connection:
        (parcel,) = await put_together(connection, scheduler.OUTBOX, effects, NOW)
    async with database.reading() as connection:
        (row,) = (await connection.execute(select(scheduler.OUTBOX))).all()
    assert opened(row) == parcel
    first, second = parcel.messages
    assert (first.key, first.kind, first.mandatory) == ("node.a.b", "job.changed.v1", True)
    assert (first.body, first.headers) == (told.body(), {"x": "1"})
    assert (second.key, second.body) == ("job.changed.v1", CHANGED.body())
    assert parcel.statuses == [SetStatus("job:j", 7, {"error": told.error})]


async def test_more_than_a_row_can_hold_goes_into_several(sqlite_database: Database) -> None:
    large = Publish(CHANGED.model_copy(update={"error": "x" * 2**20}))
    async with sqlite_database.transaction() as connection:
        parcels = await put_together(connection, scheduler.OUTBOX, [large] * 10, NOW)
    assert [len(parcel.messages) for parcel in parcels] == [4, 4, 2]
    assert sorted({parcel.id for parcel in parcels}) == [parcel.id for parcel in parcels]


async def test_nothing_together_is_no_statement(sqlite_database: Database) -> None:
    async with sqlite_database.transaction() as connection:
        before = sqlite_database.statements
        assert await put_together(connection, scheduler.OUTBOX, [], NOW) == []
        assert sqlite_database.statements == before
