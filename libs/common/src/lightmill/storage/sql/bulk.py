"""Many rows in one statement, which takes them as one JSON parameter.

A driver's executemany spends more time on each value than the database does on the row; here the
database itself takes the document apart. What all rows have in common is not repeated in it.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from pydantic_core import to_json
from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    FromClause,
    Insert,
    LargeBinary,
    Table,
    Text,
    Update,
    bindparam,
    cast,
    func,
    insert,
    literal_column,
    select,
    true,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.ext.asyncio import AsyncConnection

from lightmill.storage.sql.document import Document
from lightmill.storage.sql.schema.columns import Utc
from lightmill.storage.sql.upsert import upsert

_GIVEN = "given"
_MYSQL = mysql.dialect()
_STATEMENT = 5000
"""Rows of one statement; some megabytes at the most, below what a server takes at once."""

_FEW = 50
"""Below it a statement of its own for what rows have in common costs more than it saves."""

Row = Mapping[str, Any]


async def add(connection: AsyncConnection, table: Table, rows: Sequence[Row]) -> None:
    """Insert `rows`, which all have the same columns; bytes in them are UTF-8 text."""
    await _write(connection, table, rows, None)


async def put(
    connection: AsyncConnection, table: Table, rows: Sequence[Row], *, keep: Collection[str] = ()
) -> None:
    """Insert `rows`, or bring those that are there to the same values.

    Args:
        connection: In a transaction.
        table: Where.
        rows: All with the same columns; bytes in them are UTF-8 text.
        keep: Columns that an existing row keeps.
    """
    await _write(connection, table, rows, tuple(keep))


async def change(
    connection: AsyncConnection, statement: Update, column: Column[Any], values: Sequence[str]
) -> int:
    """Update the rows whose `column` is one of `values`; return how many were found."""
    _, (wanted,) = given(connection.dialect.name, [column])
    rows = [{column.name: value} for value in values]
    # Told nothing, MySQL may look through the document once for each row of an index.
    hinted = statement.prefix_with(f"/*+ JOIN_PREFIX({_GIVEN}) */", dialect="mysql")
    done = await connection.execute(
        hinted.where(column == wanted),
        {_GIVEN: document(connection.dialect.name, rows, [column])},
    )
    return done.rowcount


def given(dialect: str, columns: Sequence[Column[Any]]) -> tuple[FromClause, list[Any]]:
    """Return what the parameter `given`, a JSON list of lists, holds: a table and its columns."""
    document = bindparam(_GIVEN, type_=Text)
    if dialect == "mysql":
        names = [f"c{position}" for position, _ in enumerate(columns)]
        kinds = ", ".join(
            f"c{position} {_mysql_type(column)} PATH '$[{position}]' ERROR ON ERROR"
            for position, column in enumerate(columns)
        )
        path: ColumnElement[str] = literal_column(f"'$[*]' COLUMNS ({kinds})")
        table = func.json_table(document, path).table_valued(*names, name=_GIVEN)
        return table, [table.c[name] for name in names]
    lines = func.json_each(document).table_valued("value", name=_GIVEN)
    return lines, [_sqlite_value(lines, *item) for item in enumerate(columns)]


def document(dialect: str, rows: Sequence[Row], columns: Sequence[Column[Any]]) -> Document | str:
    """Return the parameter `given`: these columns of `rows`."""
    names = [column.name for column in columns]
    lines = [[row[name] for name in names] for row in rows]
    for position, column in enumerate(columns):
        if isinstance(column.type, Utc):
            for line in lines:
                line[position] = _spelt(line[position])
    text = to_json(lines).decode()
    return Document(text) if dialect == "mysql" else text


async def _write(
    connection: AsyncConnection, table: Table, rows: Sequence[Row], keep: tuple[str, ...] | None
) -> None:
    for start in range(0, len(rows), _STATEMENT):
        some = rows[start : start + _STATEMENT]
        common = _common(some)
        own = tuple(name for name in some[0] if name not in common)
        statement = _statement(table, connection.dialect.name, own, tuple(common), keep)
        parameters = {f"common_{name}": value for name, value in common.items()}
        parameters[_GIVEN] = document(
            connection.dialect.name, some, [table.c[name] for name in own]
        )
        await connection.execute(statement, parameters)


def _common(rows: Sequence[Row]) -> Row:
    """Return what all `rows` have in common, where they are enough for that to pay."""
    first, *others = rows
    if len(others) < _FEW:
        return {}
    return {
        name: value
        for position, (name, value) in enumerate(first.items())
        if position and all(row[name] == value for row in others)
    }


@lru_cache(maxsize=256)
def _statement(
    table: Table,
    dialect: str,
    own: tuple[str, ...],
    common: tuple[str, ...],
    keep: tuple[str, ...] | None,
) -> Insert:
    source, values = given(dialect, [table.c[name] for name in own])
    same = [bindparam(f"common_{name}", type_=table.c[name].type) for name in common]
    # SQLite would take the ON of an upsert for that of a join, but for the WHERE.
    query = select(*values, *same).select_from(source).where(true())
    statement = insert(table) if keep is None else upsert(table, dialect, keep=keep)
    return statement.from_select([*own, *common], query)


def _mysql_type(column: Column[Any]) -> str:
    if isinstance(column.type, LargeBinary):
        return "LONGTEXT"
    if isinstance(column.type, Boolean):
        return "TINYINT"
    return column.type.compile(_MYSQL).partition(" COLLATE ")[0]


def _sqlite_value(lines: FromClause, position: int, column: Column[Any]) -> ColumnElement[Any]:
    value = func.json_extract(lines.c.value, f"$[{position}]")
    return cast(value, LargeBinary) if isinstance(column.type, LargeBinary) else value


def _spelt(moment: datetime | None) -> str | None:
    """Return `moment` as both databases keep it."""
    plain = Utc().process_bind_param(moment, _MYSQL)
    return None if plain is None else plain.isoformat(sep=" ", timespec="microseconds")
