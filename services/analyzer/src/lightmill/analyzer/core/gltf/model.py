"""What a glTF model says, and which files it names."""

import math
import posixpath
from collections.abc import Iterator
from urllib.parse import unquote

from lightmill.analyzer.core.broken import BrokenSceneError
from lightmill.analyzer.core.gltf.document import Document, Item
from lightmill.analyzer.core.gltf.geometry import bounds, placed, triangles
from lightmill.analyzer.core.reading import Use
from lightmill.domain.absolute_paths import is_absolute, slashed

_ALIGNMENT = {5120: 1, 5121: 1, 5122: 2, 5123: 2, 5125: 4, 5126: 4}
_COMPONENTS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}


def settings(document: Document) -> dict[str, object]:
    """Return what the model is: cameras, materials, size, triangles, animations.

    Raises:
        BrokenSceneError: one part of it refers to another that is not there.
    """
    require_sound(document)
    box, asset = bounds(document), document.root["asset"]
    return {
        "format": "gltf",
        "version": str(asset.get("version")),
        "generator": str(asset.get("generator", "")),
        "cameras": [_camera(document, node) for node, _ in placed(document) if "camera" in node],
        "materials": [_name(item, n) for n, item in enumerate(document.items("materials"))],
        "meshes": len(document.items("meshes")),
        "triangles": triangles(document),
        "bounds": None if box is None else {"min": box[0], "max": box[1]},
        "animations": [_name(item, n) for n, item in enumerate(document.items("animations"))],
        "extensions": _names(document.root.get("extensionsRequired")),
    }


def uses(document: Document, referrer: str) -> Iterator[Use]:
    """Yield the files that the model names; what it carries in itself is none."""
    for kind in ("buffers", "images"):
        for index, item in enumerate(document.items(kind)):
            uri = item.get("uri")
            if isinstance(uri, str) and not uri.startswith("data:"):
                yield use_of(uri, referrer, f"{kind}[{index}] {item.get('name', '')}".strip())


def require_sound(document: Document) -> None:
    """Return when every accessor lies in a view, and every view in a buffer.

    Raises:
        BrokenSceneError: one does not: a renderer would read what is not there.
    """
    for index, view in enumerate(document.items("bufferViews")):
        buffer = document.item("buffers", view.get("buffer"))
        end = _count(view.get("byteOffset", 0)) + _count(view.get("byteLength"))
        if end > _count(buffer.get("byteLength")):
            raise BrokenSceneError(f"is damaged: bufferViews[{index}] ends behind its buffer")
    for index, accessor in enumerate(document.items("accessors")):
        if "bufferView" in accessor and _end(accessor) > _count(
            document.item("bufferViews", accessor["bufferView"]).get("byteLength")
        ):
            raise BrokenSceneError(f"is damaged: accessors[{index}] ends behind its view")
    own = [item for item in document.items("buffers")[:1] if "uri" not in item]
    if own and document.embedded is not None and _count(own[0]["byteLength"]) > document.embedded:
        raise BrokenSceneError("is cut off: its buffer is shorter than it says")


def _end(accessor: Item) -> int:
    kind = accessor.get("componentType")
    size = _ALIGNMENT.get(kind) if isinstance(kind, int) else None
    parts = _COMPONENTS.get(str(accessor.get("type")))
    if size is None or parts is None:
        raise BrokenSceneError("is damaged: an accessor is of no known type")
    return _count(accessor.get("byteOffset", 0)) + size * parts * _count(accessor.get("count"))


def _count(found: object) -> int:
    if not isinstance(found, int) or isinstance(found, bool) or found < 0:
        raise BrokenSceneError("is damaged: a length is no number")
    return found


def use_of(uri: str, referrer: str, name: str) -> Use:
    """Return where a file that a model names is looked for."""
    path = slashed(unquote(uri))
    place = posixpath.normpath(posixpath.join(posixpath.dirname(referrer), path))
    inside = not is_absolute(path) and ":" not in path and place.split("/")[0] != ".."
    return Use(path=path, referrer=referrer, name=name, places=(place,) if inside else ())


def _camera(document: Document, node: Item) -> dict[str, object]:
    camera = document.item("cameras", node["camera"])
    lens = camera.get("perspective")
    fov = lens.get("yfov") if isinstance(lens, dict) else None
    degrees = math.degrees(fov) if isinstance(fov, (int, float)) and 0 < fov < math.pi else None
    name = node.get("name") or camera.get("name") or f"camera {node['camera']}"
    return {"name": str(name), "fov": degrees}


def _names(found: object) -> list[str]:
    return sorted(map(str, found)) if isinstance(found, list) else []


def _name(item: Item, index: int) -> str:
    return str(item.get("name") or index)
