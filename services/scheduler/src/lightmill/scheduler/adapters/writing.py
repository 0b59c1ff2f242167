"""The statements of one turn: the same objects turn by turn, so that each is compiled once."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache, partial
from typing import Any

from sqlalchemy import Column, Delete, Table, Update, bindparam, delete, func, update

from lightmill.domain.states import TASK_TRANSITIONS, AttemptState, TaskState, is_final
from lightmill.scheduler.adapters import rows
from lightmill.scheduler.adapters.batch import Batch, Move, Standing
from lightmill.scheduler.adapters.error_reports import counting
from lightmill.scheduler.ports import NotLeaderError
from lightmill.storage.sql import bulk
from lightmill.storage.sql.schema.scheduler import ATTEMPTS, GIVEN_BACK, TASKS
from lightmill.storage.sql.script import Answer, Script

_MOMENT = bindparam("moment", type_=ATTEMPTS.c.ended_at.type)


def write(script: Script, dialect: str, lines: Batch, now: datetime) -> None:
    """Append to `script` what writes `lines`, all but what is to leave and what was freed.

    When it is run, it raises NotLeaderError when a row does not stand where memory has it.
    """
    for table, added in lines.added.items():
        for statement, row in bulk.adding(dialect, table, added):
            script.add(statement, row)
    _move_attempts(script, dialect, lines.moves, now)
    _move_tasks(script, dialect, lines.standings, now)
    _delete(script, dialect, lines)
    for table, put in lines.put.items():
        for statement, row in bulk.putting(dialect, table, put):
            script.add(statement, row)
    for statement, counted in counting(dialect, lines.reports, now):
        script.add(statement, counted)


def _delete(script: Script, dialect: str, lines: Batch) -> None:
    for keys in bulk.portions(lines.taken):
        statement = _deleting(dialect, GIVEN_BACK.c.step_id, GIVEN_BACK.c.ordinal)
        script.add(statement, bulk.listed(dialect, keys))
    for column, values in lines.gone.items():
        for some in bulk.portions(values):
            script.add(_deleting(dialect, column), bulk.listed(dialect, some))


@lru_cache
def _deleting(dialect: str, *columns: Column[Any]) -> Delete:
    return delete(columns[0].table).where(bulk.among(dialect, *columns))


def _move_attempts(
    script: Script, dialect: str, moves: Mapping[Move, Sequence[str]], now: datetime
) -> None:
    """Write where attempts stand, one statement for all that moved alike."""
    for (was, became, failure, detail), ids in moves.items():
        values = {"moment": now, "why": failure, "said": detail[: rows.DETAIL_LENGTH]}
        for some in bulk.portions(ids):
            stood = partial(_stood, was, len(some))
            script.add(
                _moving(dialect, was, became), {**values, **bulk.listed(dialect, some)}, stood
            )


def _stood(was: AttemptState, wanted: int, answer: Answer) -> None:
    if answer.count != wanted:
        raise NotLeaderError(f"{wanted} attempts to move from {was}, {answer.count} stood there")


@lru_cache
def _moving(dialect: str, was: AttemptState, became: AttemptState) -> Update:
    columns = ATTEMPTS.c
    values: dict[str, Any] = {"state": became}
    if became is AttemptState.RUNNING:
        values["started_at"] = _MOMENT
    else:
        values["ended_at"] = _MOMENT
        values["failure"] = bindparam("why", type_=columns.failure.type)
        values["detail"] = bindparam("said", type_=columns.detail.type)
    if became in {AttemptState.SUCCEEDED, AttemptState.FAILED}:
        values["started_at"] = func.coalesce(columns.started_at, _MOMENT)
    found = bulk.among(dialect, columns.id) & (columns.state == was)
    return _by_key(ATTEMPTS).where(found).values(values)


def _move_tasks(
    script: Script, dialect: str, standings: Mapping[Standing, Sequence[str]], now: datetime
) -> None:
    """Write where tasks stand, one statement for all that stand alike."""
    for (state, progress, error), ids in standings.items():
        said = None if error is None else error[: rows.DETAIL_LENGTH]
        values = {"moment": now, "done": progress, "said": said}
        statement = _standing(dialect, state, failed=error is not None)
        for some in bulk.portions(ids):
            script.add(statement, {**values, **bulk.listed(dialect, some)})


@lru_cache
def _standing(dialect: str, state: TaskState, *, failed: bool) -> Update:
    columns = TASKS.c
    values: dict[str, Any] = {
        "state": state,
        "progress": bindparam("done", type_=columns.progress.type),
    }
    if state is not TaskState.ASSIGNED:
        values["started_at"] = func.coalesce(columns.started_at, _MOMENT)
    if is_final(TASK_TRANSITIONS, state):
        values["finished_at"] = _MOMENT
    if failed:
        values["error"] = bindparam("said", type_=columns.error.type)
    return _by_key(TASKS).where(bulk.among(dialect, columns.id)).values(values)


def _by_key(table: Table) -> Update:
    """Return a statement for which MySQL looks up each row: states change while it goes on."""
    return update(table).prefix_with(f"/*+ INDEX({table.name} PRIMARY) */", dialect="mysql")
