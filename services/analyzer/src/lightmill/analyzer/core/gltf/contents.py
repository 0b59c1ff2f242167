"""Whether what lies in a glTF's buffers is what the document says of it."""

import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lightmill.analyzer.core.broken import BrokenSceneError
from lightmill.analyzer.core.gltf.document import Document, Item
from lightmill.analyzer.core.gltf.shape import COMPONENTS

PARTS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
_CODES = {5120: "b", 5121: "B", 5122: "h", 5123: "H", 5125: "I", 5126: "f"}
_FLOAT = 5126
_UNSIGNED = {5121, 5123, 5125}
_RESTARTS = {5121: 0xFF, 5123: 0xFFFF, 5125: 0xFFFFFFFF}
_LOOSE = 5e-3
_FORMS: Mapping[str, tuple[set[str], set[int]]] = {
    "POSITION": ({"VEC3"}, {5126}),
    "NORMAL": ({"VEC3"}, {5126}),
    "TANGENT": ({"VEC4"}, {5126}),
    "TEXCOORD": ({"VEC2"}, {5121, 5123, 5126}),
    "COLOR": ({"VEC3", "VEC4"}, {5121, 5123, 5126}),
    "JOINTS": ({"VEC4"}, {5121, 5123}),
    "WEIGHTS": ({"VEC4"}, {5121, 5123, 5126}),
}
Row = Sequence[float]


class Contents:
    """Reads accessors.

    Args:
        document: Of the right shape, its views inside their buffers.
        buffers: What each buffer holds; None for one that was not sent.
    """

    def __init__(self, document: Document, buffers: Sequence[bytes | None]) -> None:
        self._document = document
        self._buffers = buffers

    def require_sound(self) -> None:
        """Return when every mesh, skin and animation can be drawn.

        Raises:
            BrokenSceneError: one cannot; it is named.
        """
        for index, accessor in enumerate(self._document.items("accessors")):
            self._require_accessor(accessor, f"accessors[{index}]")
        for index, mesh in enumerate(self._document.items("meshes")):
            for place, primitive in enumerate(mesh["primitives"]):
                self._require_primitive(primitive, f"meshes[{index}].primitives[{place}]")
        self._require_shared_strides()
        self._require_bones()
        self._require_roots()
        for index, animation in enumerate(self._document.items("animations")):
            for sampler in animation["samplers"]:
                self._require_times(sampler["input"], f"animations[{index}]")
            self._require_turns(animation, f"animations[{index}]")

    def _accessor(self, index: int) -> Item:
        return self._document.item("accessors", index)

    def _require_accessor(self, accessor: Item, where: str) -> None:
        parts, size = PARTS[accessor["type"]], COMPONENTS[accessor["componentType"]]
        for name in ("min", "max"):
            if name in accessor and len(accessor[name]) != parts:
                raise _broken(where, f"{name} has {len(accessor[name])} numbers, not {parts}")
        if "bufferView" in accessor:
            view = self._document.item("bufferViews", accessor["bufferView"])
            start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
            if start % size or accessor.get("byteOffset", 0) % size:
                raise _broken(where, f"does not begin at a multiple of {size} bytes")
            if view.get("byteStride", parts * size) < parts * size:
                raise _broken(where, "has elements that overlap")
        self._require_values(accessor, where)

    def _require_values(self, accessor: Item, where: str) -> None:
        columns: list[tuple[float, float]] | None = None
        for row in self.rows(accessor):
            if accessor["componentType"] == _FLOAT and not all(map(math.isfinite, row)):
                raise _broken(where, "holds what is no number")
            columns = (
                [(value, value) for value in row]
                if columns is None
                else [
                    (min(low, value), max(high, value))
                    for (low, high), value in zip(columns, row, strict=True)
                ]
            )
        for place, name in enumerate(("min", "max")):
            told = accessor.get(name)
            if columns is not None and told is not None:
                real = [pair[place] for pair in columns]
                if any(not _same(a, b, accessor) for a, b in zip(told, real, strict=True)):
                    raise _broken(where, f"{name} is not what its values are")

    def rows(self, accessor: Item) -> Iterator[Row]:
        """Yield the elements of an accessor; nothing where its buffer is not at hand."""
        parts, code = PARTS[accessor["type"]], _CODES[accessor["componentType"]]
        if "sparse" in accessor or "bufferView" not in accessor:
            return
        view = self._document.item("bufferViews", accessor["bufferView"])
        buffer = self._buffers[view["buffer"]]
        if buffer is None:
            return
        one = struct.Struct(f"<{parts}{code}")
        start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
        stride, count = view.get("byteStride", one.size), accessor["count"]
        if stride == one.size:
            yield from one.iter_unpack(memoryview(buffer)[start : start + count * one.size])
            return
        for place in range(start, start + count * stride, stride):
            yield one.unpack_from(buffer, place)

    def _require_primitive(self, primitive: Item, where: str) -> None:
        named: Mapping[str, int] = primitive["attributes"]
        if "POSITION" not in named:
            raise _broken(where, "has no POSITION")
        counts = set()
        for name, index in named.items():
            accessor = self._accessor(index)
            self._require_attribute(name, accessor, f"{where}.{name}")
            counts.add(accessor["count"])
        if len(counts) > 1:
            raise _broken(where, "has attributes of different lengths")
        _require_sets(named, where)
        for target in primitive.get("targets", ()):
            self._require_target(target, max(counts), where)
        if "indices" in primitive:
            self._require_indices(self._accessor(primitive["indices"]), max(counts), where)

    def _require_target(self, target: Mapping[str, int], count: int, where: str) -> None:
        for name, index in target.items():
            accessor = self._accessor(index)
            if accessor["count"] != count:
                raise _broken(where, f"has a target {name} of another length")
            if accessor["type"] != "VEC3" and name in {"POSITION", "NORMAL", "TANGENT"}:
                raise _broken(where, f"has a target {name} of a type that it cannot have")
            if name == "POSITION" and not {"min", "max"} <= accessor.keys():
                raise _broken(where, "has a target whose POSITION lacks min and max")

    def _require_attribute(self, name: str, accessor: Item, where: str) -> None:
        kind = name.partition("_")[0]
        quantized = "KHR_mesh_quantization" in self._document.root.get("extensionsUsed", ())
        if kind in _FORMS and not quantized:
            types, components = _FORMS[kind]
            if accessor["type"] not in types or accessor["componentType"] not in components:
                raise _broken(where, "is of a type that it cannot have")
            whole = accessor["componentType"] != _FLOAT and kind != "JOINTS"
            if whole and not accessor.get("normalized"):
                raise _broken(where, "is of whole numbers and not normalized")
        if name == "POSITION" and not {"min", "max"} <= accessor.keys():
            raise _broken(where, "lacks min and max")
        self._require_aligned(accessor, where)
        if not quantized:
            self._require_range(kind, accessor, where)

    def _require_range(self, kind: str, accessor: Item, where: str) -> None:
        for row in self.rows(accessor) if kind in {"NORMAL", "TANGENT", "COLOR"} else ():
            if kind != "COLOR" and abs(math.hypot(*row[:3]) - 1) > _LOOSE:
                raise _broken(where, "is not of length 1")
            if kind == "TANGENT" and abs(row[3]) != 1:
                raise _broken(where, "has a hand that is neither 1 nor -1")
            if kind == "COLOR" and accessor["componentType"] == _FLOAT and _outside(row):
                raise _broken(where, "is not from 0 to 1")

    def _require_aligned(self, accessor: Item, where: str) -> None:
        if "bufferView" not in accessor:
            return
        view = self._document.item("bufferViews", accessor["bufferView"])
        size = PARTS[accessor["type"]] * COMPONENTS[accessor["componentType"]]
        if accessor.get("byteOffset", 0) % 4 or view.get("byteOffset", 0) % 4:
            raise _broken(where, "does not begin at a multiple of 4 bytes")
        if view.get("byteStride", size) % 4:
            raise _broken(where, "has elements that do not begin at multiples of 4 bytes")

    def _require_indices(self, accessor: Item, count: int, where: str) -> None:
        if accessor["type"] != "SCALAR" or accessor["componentType"] not in _UNSIGNED:
            raise _broken(where, "has indices that are no unsigned numbers")
        if accessor.get("normalized"):
            raise _broken(where, "has normalized indices")
        view = self._document.item("bufferViews", accessor.get("bufferView", 0))
        if "bufferView" in accessor and "byteStride" in view:
            raise _broken(where, "has indices in a view with a byteStride")
        if "bufferView" in accessor and view.get("target", 34963) != 34963:  # noqa: PLR2004  # theirs
            raise _broken(where, "has indices in a view for vertices")
        restart = _RESTARTS[accessor["componentType"]]
        for (index,) in self.rows(accessor):
            if index >= count or index == restart:
                raise _broken(where, f"names vertex {index:.0f} of {count}")

    def _require_shared_strides(self) -> None:
        users: dict[int, set[int]] = {}
        for mesh in self._document.items("meshes"):
            for primitive in mesh["primitives"]:
                for index in primitive["attributes"].values():
                    accessor = self._accessor(index)
                    if "bufferView" in accessor:
                        users.setdefault(accessor["bufferView"], set()).add(index)
        for view, several in users.items():
            if len(several) > 1 and "byteStride" not in self._document.item("bufferViews", view):
                raise _broken(f"bufferViews[{view}]", "is of several attributes, without a stride")
            if self._document.item("bufferViews", view).get("target", 34962) != 34962:  # noqa: PLR2004  # theirs
                raise _broken(f"bufferViews[{view}]", "is of attributes, and says indices")

    def _require_bones(self) -> None:
        for index, skin in enumerate(self._document.items("skins")):
            if "inverseBindMatrices" in skin:
                accessor = self._accessor(skin["inverseBindMatrices"])
                form = (accessor["type"], accessor["componentType"])
                if form != ("MAT4", _FLOAT) or accessor["count"] < len(skin["joints"]):
                    raise _broken(f"skins[{index}]", "has no matrix for each of its joints")

    def _require_roots(self) -> None:
        nodes = self._document.items("nodes")
        children = [child for node in nodes for child in node.get("children", ())]
        if len(set(children)) != len(children):
            raise _broken("nodes", "has a node that hangs in two places")
        for index, scene in enumerate(self._document.items("scenes")):
            if not set(children).isdisjoint(scene.get("nodes", ())):
                raise _broken(f"scenes[{index}]", "begins with a node that hangs in another")

    def _require_times(self, index: int, where: str) -> None:
        accessor, last = self._accessor(index), -1.0
        if (accessor["type"], accessor["componentType"]) != ("SCALAR", _FLOAT):
            raise _broken(where, "has times that are no floats")
        if not {"min", "max"} <= accessor.keys():
            raise _broken(where, "has times without min and max")
        for (time,) in self.rows(accessor):
            if time < 0 or time <= last:
                raise _broken(where, "has times that do not grow")
            last = time

    def _require_turns(self, animation: Item, where: str) -> None:
        forms = {"translation": "VEC3", "rotation": "VEC4", "scale": "VEC3", "weights": "SCALAR"}
        for channel in animation["channels"]:
            sampler = animation["samplers"][channel["sampler"]]
            path, output = channel["target"]["path"], self._accessor(sampler["output"])
            if output["type"] != forms.get(path, output["type"]):
                raise _broken(where, f"has values of {output['type']} for {path}")
            times = self._accessor(sampler["input"])["count"]
            each = 3 if sampler.get("interpolation") == "CUBICSPLINE" else 1
            if path != "weights" and output["count"] != each * times:
                raise _broken(where, f"has {output['count']} values for {times} times")
            turns = path == "rotation" and each == 1 and output["componentType"] == _FLOAT
            if turns and any(abs(math.hypot(*row) - 1) > _LOOSE for row in self.rows(output)):
                raise _broken(where, "has turns that are no unit quaternions")


def _require_sets(named: Mapping[str, Any], where: str) -> None:
    """See that numbered attributes have no gap, and that joints have weights."""
    for kind in ("TEXCOORD", "COLOR", "JOINTS", "WEIGHTS"):
        numbers = sorted(
            int(name.partition("_")[2]) for name in named if name.startswith(f"{kind}_")
        )
        if numbers != list(range(len(numbers))):
            raise _broken(where, f"has {kind} with a gap")
    joints = sum(name.startswith("JOINTS_") for name in named)
    if joints != sum(name.startswith("WEIGHTS_") for name in named):
        raise _broken(where, "has joints without weights, or weights without joints")


def _outside(row: Row) -> bool:
    return any(not 0 <= value <= 1 for value in row)


def _same(told: float, real: float, accessor: Item) -> bool:
    if accessor["componentType"] != _FLOAT:
        return told == real
    try:
        (single,) = struct.unpack("<f", struct.pack("<f", told))
    except OverflowError:
        return False
    return bool(single == real)


def _broken(where: str, why: str) -> BrokenSceneError:
    return BrokenSceneError(f"is damaged: {where} {why}")
