"""Statements that leave in one piece: a database works them off while nobody waits for each.

MySQL takes them as one text, whose answers come one after the other; so a leader that decides its
next turn does not hold up the writing of the last. SQLite lies in the same process, and gets them
one by one.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect, Engine, Select, UpdateBase, event
from sqlalchemy.engine.interfaces import DBAPICursor, ExecutionContext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

_PIECE = 8 * 2**20
"""Characters after which a piece ends; MySQL takes 64 MiB at once."""

_OPTION = "lightmill_piece"

Parameters = Mapping[str, Any]
Statement = UpdateBase | Select[Any]
Bind = tuple[str, Callable[[Any], Any] | None]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the database says to one statement.

    Attributes:
        count: Rows that it found.
        key: Of the row that it inserted, where the database numbers them.
        value: The first of what it selected.
    """

    count: int
    key: int
    value: Any = None


Expect = Callable[[Answer], None]


@dataclass(frozen=True, slots=True)
class Line:
    """One statement; `expect` raises when the answer is not as it must be."""

    statement: Statement
    parameters: Parameters
    expect: Expect | None = None


@dataclass(slots=True)
class _Piece:
    """What leaves at once, and the answers so far."""

    lines: list[Line] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)


class Script:
    """What one transaction has to say."""

    def __init__(self) -> None:
        self._lines: list[Line] = []

    def add(
        self, statement: Statement, parameters: Parameters, expect: Expect | None = None
    ) -> None:
        """Append a statement; on MySQL it may have no list that the statement itself spells out.

        Args:
            statement: The same object each time, where that can be: then it is compiled once.
            parameters: Of the statement.
            expect: Told the answer before what comes after it is believed.
        """
        self._lines.append(Line(statement, parameters, expect))

    async def run(self, connection: AsyncConnection) -> list[Answer]:
        """Execute all of it, and return the answers.

        When one fails, those behind it are not executed; `expect` of those before it comes first.
        """
        if connection.dialect.name != "mysql":
            return [await _execute(connection, line) for line in self._lines]
        return await connection.run_sync(lambda sync: list(_answers(sync, self._lines)))


def allow_scripts(engine: Engine) -> None:
    """Have `engine`, one of MySQL, take pieces of scripts."""
    event.listen(engine, "do_execute", _send)


async def _execute(connection: AsyncConnection, line: Line) -> Answer:
    done = await connection.execute(line.statement, line.parameters)
    if done.returns_rows:
        answer = Answer(0, 0, done.scalar())
    else:
        answer = Answer(done.rowcount, done.lastrowid or 0)
    if line.expect is not None:
        line.expect(answer)
    return answer


def _answers(connection: Connection, lines: Sequence[Line]) -> Iterator[Answer]:
    for piece in _pieces(connection, lines):
        said = f"a script of {len(piece.lines)} statements"  # its text may be of megabytes
        try:
            connection.exec_driver_sql(said, execution_options={_OPTION: piece})
        except DBAPIError:
            _expect(piece)
            raise
        _expect(piece)
        yield from piece.answers


def _expect(piece: _Piece) -> None:
    for line, answer in zip(piece.lines, piece.answers, strict=False):
        if line.expect is not None:
            line.expect(answer)


def _pieces(connection: Connection, lines: Sequence[Line]) -> Iterator[_Piece]:
    piece, room = _Piece(), _PIECE
    for line in lines:
        text = _text(connection, line)
        if piece.texts and len(text) > room:
            yield piece
            piece, room = _Piece(), _PIECE
        piece.lines.append(line)
        piece.texts.append(text)
        room -= len(text)
    if piece.texts:
        yield piece


def _text(connection: Connection, line: Line) -> str:
    """Return the statement as it travels, its parameters written into it by the driver."""
    statement, binds, constants = _compiled(
        line.statement, connection.dialect, tuple(line.parameters)
    )
    driver = connection.connection.driver_connection
    values = {**constants, **line.parameters}
    written = (
        driver.literal(values[name] if process is None else process(values[name]))  # type: ignore[union-attr]  # asyncmy's
        for name, process in binds
    )
    return statement % tuple(written)


@lru_cache(maxsize=512)
def _compiled(
    statement: Statement, dialect: Dialect, names: tuple[str, ...]
) -> tuple[str, Sequence[Bind], Parameters]:
    """Return the text, its parameters in order, and the values that are the statement's own."""
    compiled: Any = statement.compile(dialect=dialect, column_keys=list(names))
    own = compiled.construct_params(dict.fromkeys(names))
    binds = []
    for name in compiled.positiontup:
        kind = compiled.binds[name].type.dialect_impl(dialect)
        binds.append((name, kind.bind_processor(dialect)))
    return compiled.string, binds, own


def _send(cursor: DBAPICursor, _: str, __: object, context: ExecutionContext) -> bool | None:
    """Execute a piece in place of what else would be."""
    piece = context.execution_options.get(_OPTION)
    if piece is None:
        return None
    cursor.execute(";".join(piece.texts))
    while True:
        row = cursor.fetchone() if cursor.description else None
        piece.answers.append(Answer(cursor.rowcount, cursor.lastrowid, row[0] if row else None))
        if len(piece.answers) == len(piece.texts):
            return True
        cursor.nextset()
