"""How large a glTF model is, and how many triangles it has."""

import math
from collections.abc import Iterator, Sequence
from itertools import product

from lightmill.analyzer.core.broken import BrokenSceneError
from lightmill.analyzer.core.gltf.document import Document, Item

_TRIANGLES = {4: lambda n: n // 3, 5: lambda n: max(n - 2, 0), 6: lambda n: max(n - 2, 0)}
_MOST_NODES = 1_000_000
_IDENTITY = (1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0)

Matrix = tuple[float, ...]
"""Sixteen numbers, column after column, as glTF writes them."""


def placed(document: Document) -> Iterator[tuple[Item, Matrix]]:
    """Yield every node of the scene with its matrix to the world.

    Raises:
        BrokenSceneError: nodes hang in a circle, or there are more than a million.
    """
    waiting: list[tuple[int, Matrix]] = [(root, _IDENTITY) for root in _roots(document)]
    seen: set[int] = set()
    while waiting:
        index, above = waiting.pop()
        node = document.item("nodes", index)
        if index in seen or len(seen) > _MOST_NODES:
            raise BrokenSceneError(
                f"is damaged: nodes[{index}] hangs in a circle or in two places"
            )
        seen.add(index)
        matrix = _times(above, _matrix(node))
        yield node, matrix
        waiting += [(child, matrix) for child in _children(node)]


def triangles(document: Document) -> int:
    """Return how many triangles are drawn, each time that a mesh stands somewhere."""
    each = [
        sum(_triangles(document, primitive) for primitive in _primitives(mesh))
        for mesh in document.items("meshes")
    ]
    uses = [node["mesh"] for node, _ in placed(document) if "mesh" in node]
    for mesh in uses:
        document.item("meshes", mesh)
    return sum(each[mesh] for mesh in uses)


def bounds(document: Document) -> tuple[list[float], list[float]] | None:
    """Return the lowest and the highest corner of what is drawn, in the model's units; or None."""
    low, high = [math.inf] * 3, [-math.inf] * 3
    for node, matrix in placed(document):
        if "mesh" not in node:
            continue
        for box in _boxes(document, document.item("meshes", node["mesh"])):
            for corner in product(*zip(*box, strict=True)):
                point = _moved(matrix, corner)
                low = [min(pair) for pair in zip(low, point, strict=True)]
                high = [max(pair) for pair in zip(high, point, strict=True)]
    return (low, high) if all(map(math.isfinite, low + high)) else None


def _roots(document: Document) -> Sequence[int]:
    scenes = document.items("scenes")
    if not scenes:
        children = {child for node in document.items("nodes") for child in _children(node)}
        return [index for index in range(len(document.items("nodes"))) if index not in children]
    return _indices(document.item("scenes", document.root.get("scene", 0)), "nodes")


def _children(node: Item) -> Sequence[int]:
    return _indices(node, "children")


def _indices(item: Item, name: str) -> Sequence[int]:
    found = item.get(name, [])
    if not isinstance(found, list) or not all(isinstance(index, int) for index in found):
        raise BrokenSceneError(f"is damaged: {name} are no numbers")
    return found


def _primitives(mesh: Item) -> Sequence[Item]:
    found = mesh.get("primitives", [])
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise BrokenSceneError("is damaged: a mesh has no list of primitives")
    return found


def _triangles(document: Document, primitive: Item) -> int:
    index = primitive.get("indices", _position(primitive))
    count = document.item("accessors", index).get("count", 0)
    if not isinstance(count, int) or count < 0:
        raise BrokenSceneError("is damaged: an accessor counts less than nothing")
    mode = primitive.get("mode", 4)
    counted = _TRIANGLES.get(mode) if isinstance(mode, int) else None
    return counted(count) if counted else 0


def _position(primitive: Item) -> object:
    attributes = primitive.get("attributes")
    return attributes.get("POSITION") if isinstance(attributes, dict) else None


def _boxes(document: Document, mesh: Item) -> Iterator[tuple[Sequence[float], Sequence[float]]]:
    for primitive in _primitives(mesh):
        accessor = document.item("accessors", _position(primitive))
        yield _numbers(accessor.get("min"), 3), _numbers(accessor.get("max"), 3)


def _numbers(found: object, count: int) -> Sequence[float]:
    if not isinstance(found, list) or len(found) != count:
        raise BrokenSceneError(f"is damaged: {count} numbers are missing")
    if not all(isinstance(number, (int, float)) for number in found):
        raise BrokenSceneError("is damaged: what should be numbers are none")
    return [float(number) for number in found]


def _matrix(node: Item) -> Matrix:
    if "matrix" in node:
        return tuple(_numbers(node["matrix"], 16))
    x, y, z, w = _numbers(node.get("rotation", [0, 0, 0, 1]), 4)
    a, b, c = _numbers(node.get("scale", [1, 1, 1]), 3)
    to = _numbers(node.get("translation", [0, 0, 0]), 3)
    return (
        *(a * (1 - 2 * (y * y + z * z)), a * 2 * (x * y + z * w), a * 2 * (x * z - y * w), 0.0),
        *(b * 2 * (x * y - z * w), b * (1 - 2 * (x * x + z * z)), b * 2 * (y * z + x * w), 0.0),
        *(c * 2 * (x * z + y * w), c * 2 * (y * z - x * w), c * (1 - 2 * (x * x + y * y)), 0.0),
        *(*to, 1.0),
    )


def _times(one: Matrix, other: Matrix) -> Matrix:
    return tuple(
        sum(one[4 * k + row] * other[4 * column + k] for k in range(4))
        for column in range(4)
        for row in range(4)
    )


def _moved(matrix: Matrix, point: Sequence[float]) -> list[float]:
    whole = (*point, 1.0)
    return [sum(matrix[4 * k + row] * whole[k] for k in range(4)) for row in range(3)]
