"""STL models, binary and in text: triangles and nothing else."""

import re
import struct
from collections.abc import Iterator

from lightmill.analyzer.core.broken import BrokenSceneError
from lightmill.analyzer.core.mesh.summary import Box, summary

_HEAD, _TRIANGLE = 84, struct.Struct("<12x9fH")
_VERTEX = re.compile(rb"^\s*vertex\s+(\S+)\s+(\S+)\s+(\S+)\s*$", re.MULTILINE)
_BATCH = 10_000


def read_model(content: bytes) -> dict[str, object]:
    """Return what is told of an STL model.

    Raises:
        BrokenSceneError: it is none, or damaged.
    """
    points = _binary(content) if _is_binary(content) else _text(content)
    box, batch, count = Box(), [], 0
    for point in points:
        batch.append(point)
        count += 1
        if len(batch) == _BATCH:
            box.take(batch)
            batch = []
    if batch:
        box.take(batch)
    if count % 3:
        raise BrokenSceneError("is damaged: its last triangle has fewer than three corners")
    return summary("stl", box, count // 3)


def _is_binary(content: bytes) -> bool:
    if len(content) < _HEAD:
        return False
    return len(content) == _HEAD + _TRIANGLE.size * _count(content)


def _count(content: bytes) -> int:
    (count,) = struct.unpack_from("<I", content, _HEAD - 4)
    return int(count)


def _binary(content: bytes) -> Iterator[tuple[float, float, float]]:
    for found in _TRIANGLE.iter_unpack(memoryview(content)[_HEAD:]):
        yield found[0:3]
        yield found[3:6]
        yield found[6:9]


def _text(content: bytes) -> Iterator[tuple[float, float, float]]:
    if content.lstrip()[:5].lower() != b"solid":
        detail = f"is no STL, or cut off: its size is none of {_TRIANGLE.size} bytes a triangle"
        raise BrokenSceneError(detail)
    if b"endsolid" not in content[-4096:].lower():
        raise BrokenSceneError("is cut off: it does not end with endsolid")
    try:
        for found in _VERTEX.finditer(content):
            yield float(found[1]), float(found[2]), float(found[3])
    except ValueError as error:
        raise BrokenSceneError(f"is damaged: {error}") from error
