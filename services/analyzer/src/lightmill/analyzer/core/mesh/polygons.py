"""PLY models, binary and in text."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from lightmill.analyzer.core.broken import BrokenSceneError
from lightmill.analyzer.core.mesh.summary import Box, summary

_KINDS = {
    **dict.fromkeys(("char", "int8"), "b"),
    **dict.fromkeys(("uchar", "uint8"), "B"),
    **dict.fromkeys(("short", "int16"), "h"),
    **dict.fromkeys(("ushort", "uint16"), "H"),
    **dict.fromkeys(("int", "int32"), "i"),
    **dict.fromkeys(("uint", "uint32"), "I"),
    **dict.fromkeys(("float", "float32"), "f"),
    **dict.fromkeys(("double", "float64"), "d"),
}
_ORDERS = {"binary_little_endian": "<", "binary_big_endian": ">", "ascii": ""}
_LONGEST_HEAD = 65536
_CORNERS = 3


@dataclass(slots=True)
class _Element:
    name: str
    count: int
    properties: list[tuple[str, str, str | None]] = field(default_factory=list)
    """Name, kind, and for a list the kind of its length."""


def read_model(content: bytes) -> dict[str, object]:
    """Return what is told of a PLY model.

    Raises:
        BrokenSceneError: it is none, or damaged.
    """
    elements, order, start = _head(content)
    box, triangles = Box(), 0
    rest = _Packed(content, start, order) if order else _Written(content[start:])
    for element in elements:
        places = [name for name, _, _ in element.properties]
        if element.name == "vertex" and not {"x", "y", "z"} <= set(places):
            raise BrokenSceneError("is damaged: its vertices have no place")
        for row in rest.rows(element):
            if element.name == "vertex":
                box.take([[float(row[places.index(axis)][0]) for axis in "xyz"]])
            elif element.name == "face":
                corners = max(map(len, row), default=0)
                triangles += max(corners - 2, 0)
    return summary("ply", box, triangles)


def _head(content: bytes) -> tuple[list[_Element], str, int]:
    head, found, _ = content[:_LONGEST_HEAD].partition(b"end_header")
    if not content.startswith(b"ply") or not found:
        raise BrokenSceneError("is no PLY: it does not begin with a PLY's header")
    elements: list[_Element] = []
    order: str | None = None
    try:
        for line in head.decode("ascii", "replace").splitlines():
            words = line.split()
            if words[:1] == ["format"]:
                order = _ORDERS[words[1]]
            elif words[:1] == ["element"]:
                elements.append(_Element(words[1], int(words[2])))
            elif words[:1] == ["property"]:
                elements[-1].properties.append(_property(words))
    except (KeyError, ValueError, IndexError) as error:
        raise BrokenSceneError(f"is damaged in its header: {error}") from error
    if order is None:
        raise BrokenSceneError("is damaged: its header does not say the format")
    start = content.index(b"\n", len(head)) + 1 if b"\n" in content[len(head) :] else len(content)
    return elements, order, start


def _property(words: list[str]) -> tuple[str, str, str | None]:
    if words[1] == "list":
        return words[4], _KINDS[words[3]], _KINDS[words[2]]
    return words[2], _KINDS[words[1]], None


class _Packed:
    """Rows of binary numbers, one behind the other."""

    def __init__(self, content: bytes, place: int, order: str) -> None:
        self._content = content
        self._place = place
        self._order = order

    def rows(self, element: _Element) -> Iterator[list[tuple[float, ...]]]:
        for _ in range(element.count):
            yield [self._one(kind, length) for _, kind, length in element.properties]

    def _one(self, kind: str, length: str | None) -> tuple[float, ...]:
        count = 1 if length is None else int(self._take(f"{length}")[0])
        return self._take(f"{count}{kind}")

    def _take(self, kinds: str) -> tuple[float, ...]:
        try:
            found = struct.unpack_from(f"{self._order}{kinds}", self._content, self._place)
        except struct.error as error:
            raise BrokenSceneError("is cut off") from error
        self._place += struct.calcsize(f"{self._order}{kinds}")
        return found


class _Written:
    """Rows of numbers in text."""

    def __init__(self, content: bytes) -> None:
        self._words = iter(content.split())

    def rows(self, element: _Element) -> Iterator[list[tuple[float, ...]]]:
        for _ in range(element.count):
            yield [self._one(length) for _, _, length in element.properties]

    def _one(self, length: str | None) -> tuple[float, ...]:
        count = 1 if length is None else int(self._take())
        return tuple(self._take() for _ in range(count))

    def _take(self) -> float:
        try:
            return float(next(self._words))
        except (StopIteration, ValueError) as error:
            raise BrokenSceneError("is cut off, or no number where one should be") from error
