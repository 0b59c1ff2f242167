"""Prints what a USD scene holds, as one JSON object: `usd_probe.py <folder> <scene> …`.

Layers are opened one by one, and only those in the folder: no stage is composed, so nothing that a
layer names is opened behind our back.
"""

import math
import posixpath
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lightmill.analyzer.adapters.probing import run
from lightmill.analyzer.core.broken import BrokenSceneError
from lightmill.analyzer.core.pattern import is_pattern
from lightmill.analyzer.core.reading import Use
from lightmill.domain.absolute_paths import is_absolute, slashed

MOST_LAYERS, MOST_USES = 1_000, 100_000
SUFFIXES = (".usd", ".usda", ".usdc", ".usdz")
_MAGIC = {b"#usd": ".usda", b"PXR-": ".usdc", b"PK\x03\x04": ".usdz"}

Layer = Any
"""A `pxr.Sdf.Layer`: the library has no types."""


def read(folder: Path, scene: str) -> tuple[Mapping[str, object], Iterable[Use]]:
    """Return the scene's settings and the files that it and its layers name.

    Raises:
        BrokenSceneError: it is no USD, or damaged.
    """
    first = _layer(folder / scene)
    found: dict[str, Use] = {}
    layers, waiting = {scene: first}, [scene]
    while waiting:
        path = waiting.pop()
        for use in _uses(layers[path], path):
            found.setdefault(f"{use.referrer}\0{use.path}", use)
            for place in use.places or ():
                if place not in layers and _is_layer(folder, place):
                    layers[place] = _layer(folder / place)
                    waiting.append(place)
        if len(layers) > MOST_LAYERS or len(found) > MOST_USES:
            raise BrokenSceneError(f"has more than {MOST_LAYERS} layers or {MOST_USES} files")
    return _settings(first, layers.values()), found.values()


def _layer(path: Path) -> Layer:
    """Return the layer in a file.

    Raises:
        BrokenSceneError: there is none.
    """
    from pxr import Sdf, Tf  # noqa: PLC0415  # after the limits of this process are set

    with path.open("rb") as file:
        if file.read(4) not in _MAGIC:
            raise BrokenSceneError("is no USD: it begins with something else")
    try:
        layer = Sdf.Layer.OpenAsAnonymous(str(path))
    except Tf.ErrorException as error:
        raise BrokenSceneError(f"is damaged: {str(error).strip()[-200:]}") from error
    if layer is None:
        raise BrokenSceneError("is damaged: USD cannot open it")
    return layer


def _is_layer(folder: Path, place: str) -> bool:
    path = folder / place
    return place.lower().endswith(SUFFIXES) and path.is_file() and not path.is_symlink()


def _uses(layer: Layer, referrer: str) -> Iterator[Use]:
    from pxr import Sdf  # noqa: PLC0415  # likewise

    for path in layer.GetCompositionAssetDependencies():
        yield _use(path, referrer, "layer")
    names: list[tuple[str, str]] = []

    def visit(path: Any) -> None:  # noqa: ANN401  # a `pxr.Sdf.Path`
        spec = layer.GetObjectAtPath(path)
        if isinstance(spec, Sdf.AttributeSpec):
            names.extend((found, str(path)) for found in _assets(layer, spec))

    layer.Traverse(Sdf.Path.absoluteRootPath, visit)
    for name, user in names:
        yield _use(name, referrer, user)


def _assets(layer: Layer, spec: Any) -> Iterator[str]:  # noqa: ANN401  # a `pxr.Sdf.AttributeSpec`
    from pxr import Sdf  # noqa: PLC0415  # likewise

    samples = layer.ListTimeSamplesForPath(spec.path)
    values = [spec.default, *(layer.QueryTimeSample(spec.path, time) for time in samples)]
    for value in values:
        several = value if isinstance(value, Sdf.AssetPathArray) else [value]
        yield from (one.path for one in several if isinstance(one, Sdf.AssetPath) and one.path)


def _use(path: str, referrer: str, name: str) -> Use:
    plain = slashed(path)
    place = posixpath.normpath(posixpath.join(posixpath.dirname(referrer), plain))
    inside = not is_absolute(plain) and "://" not in plain and place.split("/")[0] != ".."
    many = is_pattern(posixpath.basename(plain))
    places = (place,) if inside else ()
    return Use(path=plain, referrer=referrer, name=name, sequence=many, places=places)


def _settings(first: Layer, layers: Iterable[Layer]) -> dict[str, object]:
    cameras = sorted({name for layer in layers for name in _cameras(layer)})
    timed = first.HasStartTimeCode() and first.HasEndTimeCode()
    return {
        "format": "usd",
        "start": first.startTimeCode if timed else None,
        "end": first.endTimeCode if timed else None,
        "fps": first.framesPerSecond,
        "up_axis": str(first.pseudoRoot.GetInfo("upAxis") or "Y"),
        "default_prim": str(first.defaultPrim),
        "cameras": cameras,
        **_geometry(first),
    }


def _geometry(layer: Layer) -> dict[str, object]:
    """Return size (Y up, the own units), triangles and materials of a layer that needs no other.

    Of one that names others nothing is known: a stage would open them by itself.
    """
    from pxr import Usd, UsdGeom, UsdShade  # noqa: PLC0415  # likewise

    if list(layer.GetCompositionAssetDependencies()):
        return {}
    stage = Usd.Stage.Open(layer)
    prims = list(stage.Traverse(Usd.TraverseInstanceProxies()))
    meshes = [UsdGeom.Mesh(prim) for prim in prims if prim.IsA(UsdGeom.Mesh)]
    counts = [mesh.GetFaceVertexCountsAttr().Get(Usd.TimeCode.EarliestTime()) for mesh in meshes]
    cache = UsdGeom.BBoxCache(Usd.TimeCode.EarliestTime(), ["default", "render"])
    box = cache.ComputeWorldBound(stage.GetPseudoRoot()).ComputeAlignedRange()
    z_up = str(UsdGeom.GetStageUpAxis(stage)) == "Z"
    return {
        "bounds": None if box.IsEmpty() else _upright(box.GetMin(), box.GetMax(), z_up=z_up),
        "triangles": sum(max(count - 2, 0) for each in counts for count in each or ()),
        "materials": [str(prim.GetName()) for prim in prims if prim.IsA(UsdShade.Material)],
    }


def _upright(
    low: Sequence[float], high: Sequence[float], *, z_up: bool
) -> dict[str, list[float]] | None:
    if not all(map(math.isfinite, (*low, *high))):
        return None
    if not z_up:
        return {"min": list(low), "max": list(high)}
    return {"min": [low[0], low[2], -high[1]], "max": [high[0], high[2], -low[1]]}


def _cameras(layer: Layer) -> Iterator[str]:
    from pxr import Sdf  # noqa: PLC0415  # likewise

    found: list[str] = []

    def visit(path: Any) -> None:  # noqa: ANN401  # a `pxr.Sdf.Path`
        spec = layer.GetObjectAtPath(path)
        if isinstance(spec, Sdf.PrimSpec) and spec.typeName == "Camera":
            found.append(str(path))

    layer.Traverse(Sdf.Path.absoluteRootPath, visit)
    yield from found


def read_any(folder: Path, scene: str) -> tuple[Mapping[str, object], Iterable[Use]]:
    """Return what `read` does; of a `.usdz` what it holds beside the scene counts as there."""
    info, uses = read(folder, scene)
    if not scene.lower().endswith(".usdz"):
        return info, uses
    try:
        with zipfile.ZipFile(folder / scene) as package:
            inside = set(package.namelist())
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise BrokenSceneError(f"is damaged ({error}); pack it again") from error
    return info, [use for use in uses if posixpath.normpath(use.path) not in inside]


if __name__ == "__main__":
    run(read_any)
