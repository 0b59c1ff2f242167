"""Many rows in one statement, which takes them as one JSON parameter.

A driver's executemany spends more time on each value than the database does on the row; here the
database itself takes the document apart. What all rows have in common is not repeated in it.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar

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
    bindparam,
    cast,
    func,
    insert,
    literal_column,
    select,
    true,
    tuple_,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import NullType

from lightmill.storage.sql.document import Document, Listed
from lightmill.storage.sql.schema.columns import Utc
from lightmill.storage.sql.upsert import upsert

_GIVEN = "given"
_MYSQL = mysql.dialect()
_STATEMENT = 5000
"""Rows of one statement; some megabytes at the most, below what a server takes at once."""

_FEW = 50
"""Below it a statement of its own for what rows have in common costs more than it saves."""

Row = Mapping[str, Any]
T = TypeVar("T")


async def add(connection: AsyncConnection, table: Table, rows: Sequence[Row]) -> None:
    """Insert `rows`, which all have the same columns; bytes in them are UTF-8 text."""
    for statement, parameters in adding(connection.dialect.name, table, rows):
        await connection.execute(statement, parameters)


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
    for statement, parameters in putting(connection.dialect.name, table, rows, keep=keep):
        await connection.execute(statement, parameters)


def adding(dialect: str, table: Table, rows: Sequence[Row]) -> Iterator[tuple[Insert, Row]]:
    """Yield what `add` executes, with its parameters."""
    return _writing(dialect, table, rows, None)


def putting(
    dialect: str, table: Table, rows: Sequence[Row], *, keep: Collection[str] = ()
) -> Iterator[tuple[Insert, Row]]:
    """Yield what `put` executes, with its parameters."""
    return _writing(dialect, table, rows, tuple(keep))


def portions(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield `values` in parts that one statement takes."""
    for start in range(0, len(values), _STATEMENT):
        yield values[start : start + _STATEMENT]


def among(dialect: str, *columns: Column[Any]) -> ColumnElement[bool]:
    """Return whether `columns`, a name or a name and a number, are among the parameter `given`.

    The parameter is what `listed` makes of the values.
    """
    if dialect == "mysql":
        left = tuple_(*columns) if columns[1:] else columns[0]
        return left.bool_op("IN")(bindparam(_GIVEN, type_=NullType()))
    lines = func.json_each(bindparam(_GIVEN, type_=Text)).table_valued("value", name=_GIVEN)
    if not columns[1:]:
        return columns[0].in_(select(lines.c.value))
    parts = [func.json_extract(lines.c.value, f"$[{n}]") for n, _ in enumerate(columns)]
    return tuple_(*columns).in_(select(*parts))


def listed(dialect: str, values: Sequence[str] | Sequence[tuple[str, int]]) -> Row:
    """Return the parameter `given` of `among`, beside which there may be others."""
    return {_GIVEN: Listed(values) if dialect == "mysql" else to_json(values).decode()}


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


def _writing(
    dialect: str, table: Table, rows: Sequence[Row], keep: tuple[str, ...] | None
) -> Iterator[tuple[Insert, Row]]:
    for some in portions(rows):
        common = _common(some)
        own = tuple(name for name in some[0] if name not in common)
        statement = _statement(table, dialect, own, tuple(common), keep)
        parameters = {f"common_{name}": value for name, value in common.items()}
        parameters[_GIVEN] = document(dialect, some, [table.c[name] for name in own])
        yield statement, parameters


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
    names = [*own, *common]
    if keep is None:
        return insert(table).from_select(names, query)
    if dialect != "mysql":
        return upsert(table, dialect, keep=keep).from_select(names, query)
    changed = {
        name: value
        for name, value in zip(names, [*values, *same], strict=True)
        if not table.c[name].primary_key and name not in keep
    }
    # Not VALUES(): it is met with a warning, which the driver then asks for.
    return mysql.insert(table).from_select(names, query).on_duplicate_key_update(changed)


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
