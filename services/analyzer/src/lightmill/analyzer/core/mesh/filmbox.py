"""Binary FBX: materials, cameras and triangles.

How large a model is, its transforms decide, which are left to Blender.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from lightmill.analyzer.core.broken import BrokenSceneError

_MAGIC = b"Kaydara FBX Binary  \x00\x1a\x00"
_WIDE_SINCE, _OLDEST = 7500, 7100
_SIZES = {b"Y": 2, b"C": 1, b"I": 4, b"F": 4, b"D": 8, b"L": 8, b"B": 1}
_ITEMS = {b"i": 4, b"f": 4, b"d": 8, b"l": 8, b"b": 1, b"c": 1}
_MOST_NODES = 1_000_000
_LARGEST = 2**30


@dataclass(frozen=True, slots=True)
class _Node:
    name: bytes
    first: int
    """Where its properties begin."""
    count: int
    inside: int
    """Where its children begin; they end at `end`."""
    end: int


def read_model(content: bytes) -> dict[str, object]:
    """Return what is told of an FBX model.

    Raises:
        BrokenSceneError: it is none that Blender reads, or damaged.
    """
    version = _version(content)
    reader = _Reader(content, wide=version >= _WIDE_SINCE)
    top = {node.name: node for node in reader.nodes(len(_MAGIC) + 4, len(content))}
    objects = top.get(b"Objects")
    if objects is None:
        raise BrokenSceneError("is cut off: it holds no objects")
    materials, cameras, triangles = [], [], 0
    for node in reader.nodes(objects.inside, objects.end):
        if node.name == b"Material":
            materials.append(reader.label(node))
        elif node.name == b"NodeAttribute" and reader.texts(node)[-1:] == [b"Camera"]:
            cameras.append(reader.label(node))
        elif node.name == b"Geometry":
            triangles += reader.triangles(node)
    if not triangles:
        raise BrokenSceneError("holds no triangle: there is nothing to be rendered")
    return {
        "format": "fbx",
        "version": version,
        "bounds": None,
        "triangles": triangles,
        "materials": materials,
        "cameras": cameras,
    }


def _version(content: bytes) -> int:
    if content[:1] == b";":
        raise BrokenSceneError("is FBX in text, which Blender does not read: export it as binary")
    if not content.startswith(_MAGIC) or len(content) < len(_MAGIC) + 4:
        raise BrokenSceneError("is no FBX: it begins with something else")
    (version,) = struct.unpack_from("<I", content, len(_MAGIC))
    if version < _OLDEST:
        raise BrokenSceneError(f"is FBX {version}; Blender reads {_OLDEST} and newer")
    return int(version)


class _Reader:
    """Walks the nodes of one file."""

    def __init__(self, content: bytes, *, wide: bool) -> None:
        self._content = content
        self._head = struct.Struct("<QQQB" if wide else "<IIIB")
        self._seen = 0

    def nodes(self, start: int, end: int) -> Iterator[_Node]:
        """Yield the nodes between two places."""
        place = start
        while place < end:
            try:
                stop, count, size, length = self._head.unpack_from(self._content, place)
            except struct.error as error:
                raise BrokenSceneError("is cut off") from error
            if stop == 0:
                return
            first = place + self._head.size + length
            self._seen += 1
            if not first + size <= stop <= end or stop <= place or self._seen > _MOST_NODES:
                raise BrokenSceneError("is damaged: its nodes do not lie in each other")
            name = self._content[place + self._head.size : first]
            yield _Node(name, first, count, first + size, stop)
            place = stop
        raise BrokenSceneError("is cut off: a list of nodes has no end")

    def texts(self, node: _Node) -> list[bytes]:
        """Return the texts among the properties of a node, in their order."""
        return [value for kind, value in self._properties(node) if kind == b"S"]

    def label(self, node: _Node) -> str:
        """Return the name of an object."""
        texts = self.texts(node)
        plain = texts[0].partition(b"\x00\x01")[0] if texts else b""
        return plain.decode("utf-8", "replace")

    def triangles(self, node: _Node) -> int:
        """Return how many triangles the polygons of a geometry are."""
        for child in self.nodes(node.inside, node.end) if node.inside < node.end else ():
            if child.name == b"PolygonVertexIndex":
                for kind, value in self._properties(child):
                    if kind == b"i":
                        return _triangles(value)
        return 0

    def _properties(self, node: _Node) -> Iterator[tuple[bytes, bytes]]:
        place = node.first
        for _ in range(node.count):
            kind, place = self._content[place : place + 1], place + 1
            if kind in _SIZES:
                value, place = self._take(place, _SIZES[kind])
            elif kind in {b"S", b"R"}:
                size, place = self._take(place, 4)
                value, place = self._take(place, int.from_bytes(size, "little"))
            elif kind in _ITEMS:
                value, place = self._array(place, _ITEMS[kind])
            else:
                raise BrokenSceneError("is damaged: a property is of no known kind")
            yield kind, value

    def _array(self, place: int, size: int) -> tuple[bytes, int]:
        head, place = self._take(place, 12)
        count, packed, length = struct.unpack("<III", head)
        raw, place = self._take(place, length if packed else count * size)
        if count * size > _LARGEST:
            raise BrokenSceneError("holds a larger array than this farm reads")
        if not packed:
            return raw, place
        try:
            found = zlib.decompressobj().decompress(raw, count * size + 1)
        except zlib.error as error:
            raise BrokenSceneError(f"is damaged: {error}") from error
        if len(found) != count * size:
            raise BrokenSceneError("is damaged: an array is not as long as it says")
        return found, place

    def _take(self, place: int, size: int) -> tuple[bytes, int]:
        if place + size > len(self._content):
            raise BrokenSceneError("is cut off")
        return self._content[place : place + size], place + size


def _triangles(indices: bytes) -> int:
    """Return how many triangles there are: each polygon's last index is written as -1 - index."""
    count, last = len(indices) // 4, memoryview(indices).cast("i")
    ends = sum(1 for index in last if index < 0)
    return max(count - 2 * ends, 0)
