"""Parameters of a statement that MySQL's driver need not look through: a document, a list."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from asyncmy.converters import conversions


@dataclass(frozen=True, slots=True)
class Document:
    """JSON text: no control character stands in it unescaped.

    The driver escapes a string character by character, fifty times slower than this, and what a
    turn of the scheduler writes is some megabytes.
    """

    text: str


@dataclass(frozen=True, slots=True)
class Listed:
    """Names for an IN, none of them with a control character; lists of numbers beside names too.

    MySQL finds rows by a list on the way that it changes them on; joined with a document, it notes
    them all down first and looks them up again.
    """

    values: Sequence[str | tuple[str, int]]


def _literal(document: Document, _: object) -> str:
    """Return `document` as MySQL reads it, unless NO_BACKSLASH_ESCAPES is set."""
    return _quoted(document.text)


def _list(listed: Listed, _: object) -> str:
    return f"({','.join(map(_item, listed.values))})"


def _item(value: str | tuple[str, int]) -> str:
    return _quoted(value) if isinstance(value, str) else f"({_quoted(value[0])},{value[1]:d})"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


CONVERSIONS: dict[Any, Any] = {**conversions, Document: _literal, Listed: _list}
"""What the driver makes of Python's types, for its `conv`."""
