"""The settings of a Maya scene, in the words of all scenes."""

from collections.abc import Mapping

from lightmill.analyzer.core.maya.scene import MayaScene, Node

_RATES = {"game": 15, "film": 24, "pal": 25, "ntsc": 30, "show": 48, "palf": 50, "ntscf": 60}
_FORMATS = {0: "gif", 3: "tif", 4: "tif", 5: "sgi", 7: "iff", 8: "jpg", 19: "tga", 20: "bmp"}
_FORMATS |= {31: "psd", 32: "png", 35: "dds", 36: "psd", 40: "exr"}
_BY_PLUGIN = 51
_FIRST, _LAST, _WIDTH, _HEIGHT = 1.0, 10.0, 960, 540  # what Maya takes where the file is silent
_YES = {"yes", "on", "true", "1"}


def settings(scene: MayaScene, project: str) -> dict[str, object]:
    """Return what a render would do with the scene: renderer, frames, size, cameras, layers.

    Args:
        scene: As read.
        project: Folder of the project below the bundle's top: what `Render -proj` is to be given.
    """
    asked = _one(scene, "renderGlobals")
    size = _one(scene, "resolution")
    rate = scene.units.get("time", "film")
    return {
        "renderer": asked.get("ren", "currentRenderer") or "mayaSoftware",
        "start": _number(asked.get("fs", "startFrame"), _FIRST),
        "end": _number(asked.get("ef", "endFrame"), _LAST),
        "step": _number(asked.get("bfs", "byFrameStep", "byFrame"), 1.0),
        "animation": (asked.get("an", "animation") or "no") in _YES,
        "width": round(_number(size.get("w", "width"), _WIDTH)),
        "height": round(_number(size.get("h", "height"), _HEIGHT)),
        "fps": _RATES.get(rate) or _number(rate.removesuffix("fps"), 24.0),
        "samples": _samples(scene),
        "cameras": [_shown(camera) for camera in scene.of("camera")],
        "renderable_cameras": [
            _shown(c) for c in scene.of("camera") if _is_on(c, "rnd", "renderable")
        ],
        "layers": _layers(scene),
        "format": _format(scene, asked),
        "output": asked.get("ifp", "imageFilePrefix") or "",
        "plugins": dict(scene.requires),
        "version": scene.info.get("version") or scene.requires.get("maya", ""),
        "project": project,
    }


def _one(scene: MayaScene, kind: str) -> Node:
    return next(scene.of(kind), Node(kind, kind))


def _shown(camera: Node) -> str:
    """Return the name that `Render -cam` takes: the camera's transform, not its shape."""
    return camera.parent or camera.name


def _is_on(node: Node, *names: str) -> bool:
    return (node.get(*names) or "yes") in _YES


def _layers(scene: MayaScene) -> list[dict[str, object]]:
    """Return the render layers; those of the render setup under the names that people gave."""
    setups = {f"rs_{node.name}": node.name for node in scene.of("renderSetupLayer")}
    return [
        {
            "name": setups.get(layer.name, layer.name),
            "renderable": _is_on(layer, "rndr", "renderable"),
        }
        for layer in scene.of("renderLayer")
    ]


def _samples(scene: MayaScene) -> float | None:
    for kind, names in _SAMPLES.items():
        for node in scene.of(kind):
            found = node.get(*names)
            if found is not None:
                return _number(found, 0.0)
    return None


_SAMPLES: Mapping[str, tuple[str, ...]] = {
    "aiOptions": ("AA_samples", "AASamples"),
    "RedshiftOptions": ("unifiedMaxSamples", "UnifiedMaxSamples"),
}


def _format(scene: MayaScene, asked: Node) -> str | None:
    if asked.get("ren", "currentRenderer") == "arnold":
        for driver in scene.of("aiAOVDriver"):
            if driver.name == "defaultArnoldDriver":
                return driver.get("ai_translator", "aiTranslator") or "exr"
    code = round(_number(asked.get("outf", "imageFormat"), 7))
    if code == _BY_PLUGIN:
        return asked.get("imfkey", "imfPluginKey")
    return _FORMATS.get(code)


def _number(text: str | None, otherwise: float) -> float:
    """Return a number, whole ones as int; `otherwise` where there is none that can be counted."""
    try:
        found = float(text if text is not None else otherwise)
    except ValueError:
        found = otherwise
    if not abs(found) < 1e15:  # noqa: PLR2004  # neither a frame nor a size; not-a-number as well
        found = otherwise
    return int(found) if found.is_integer() else found
