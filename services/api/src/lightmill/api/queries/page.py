"""One page of a list."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Row, Select
from sqlalchemy.ext.asyncio import AsyncConnection

DEFAULT_LIMIT = 50
MOST = 500

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Which part of a list is wanted."""

    limit: int
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some items of a list, and the cursor of what follows, or None at its end."""

    items: list[dict[str, object]]
    next: str | None

    def document(self) -> dict[str, object]:
        """Return the page as JSON."""
        return {"items": self.items, "next": self.next}


async def page(
    connection: AsyncConnection,
    query: Select[Any],
    limit: int,
    item: Callable[[Row[Any]], dict[str, object]],
    mark: Callable[[Row[Any]], str],
) -> Page:
    """Return the first `limit` rows of `query`, already ordered and cut at the cursor.

    Args:
        connection: To read over.
        query: One row more than asked tells whether there is a next page.
        limit: Rows of the page.
        item: Makes JSON of a row.
        mark: Makes the cursor that stands behind a row.
    """
    rows: Sequence[Row[Any]] = (await connection.execute(query.limit(limit + 1))).all()
    shown = rows[:limit]
    return Page([item(row) for row in shown], mark(shown[-1]) if len(rows) > limit else None)
