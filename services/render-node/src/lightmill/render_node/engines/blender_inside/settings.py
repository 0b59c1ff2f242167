"""Sets what a job asks for, and holds Blender to what it was granted."""

import contextlib
from typing import Any

import bpy

from lightmill.render_node.core.tiles import tiling
from lightmill.render_node.engines.blender_inside.wire import SceneError

NEEDS_GPU = {"BLENDER_EEVEE", "BLENDER_EEVEE_NEXT", "BLENDER_WORKBENCH"}
GPU_KINDS = ("OPTIX", "CUDA", "HIP", "ONEAPI", "METAL")
Settings = dict[str, Any]


def apply(scene: Any, launch: Settings) -> None:  # noqa: ANN401  # bpy ships no types
    """Set what the job asks for, and hold Blender to what it was granted."""
    settings: Settings = launch["settings"]
    render = scene.render
    render.threads_mode, render.threads = "FIXED", max(1, launch["cores"])
    set_size(render, settings)
    if settings.get("samples"):
        set_samples(scene, int(settings["samples"]))
    if settings.get("transparent") is not None:
        render.film_transparent = bool(settings["transparent"])
    if settings.get("camera"):
        set_camera(scene, str(settings["camera"]))
    if scene.camera is None and scene.sequence_editor is None:
        raise SceneError("engine", "the scene has no camera")
    if settings.get("view_layers"):
        set_view_layers(scene, settings["view_layers"])
    if settings.get("tiles") is not None:
        prepare_tiles(scene, settings)
    set_device(scene, launch["gpus"], str(settings.get("device", "")).upper())


def set_size(render: Any, settings: Settings) -> None:  # noqa: ANN401  # bpy ships no types
    """Set the size of the image; a given width or height is in whole pixels of the result."""
    width, height = settings.get("width"), settings.get("height")
    if width or height:
        render.resolution_x = int(width or render.resolution_x)
        render.resolution_y = int(height or render.resolution_y)
        render.resolution_percentage = 100
        render.use_crop_to_border = False
    if settings.get("percentage"):
        render.resolution_percentage = int(settings["percentage"])


def set_samples(scene: Any, samples: int) -> None:  # noqa: ANN401  # bpy ships no types
    """Set the samples of whichever engine the scene has."""
    if scene.render.engine == "CYCLES":
        scene.cycles.samples = samples
    elif hasattr(scene, "eevee"):
        scene.eevee.taa_render_samples = samples


def set_camera(scene: Any, name: str) -> None:  # noqa: ANN401  # bpy ships no types
    """Look through the camera of that name, whatever the scene's markers say."""
    camera = scene.objects.get(name)
    if camera is None or camera.type != "CAMERA":
        known = ", ".join(sorted(thing.name for thing in scene.objects if thing.type == "CAMERA"))
        raise SceneError(
            "engine", f"there is no camera {name!r}; the scene has: {known or 'none'}"
        )
    for marker in scene.timeline_markers:
        marker.camera = None
    scene.camera = camera


def set_view_layers(scene: Any, names: list[str] | str) -> None:  # noqa: ANN401  # bpy ships no types
    """Render the view layers of those names alone."""
    wanted = {names} if isinstance(names, str) else set(names)
    known = [layer.name for layer in scene.view_layers]
    if absent := wanted - set(known):
        here = ", ".join(known)
        raise SceneError("engine", f"there is no view layer {min(absent)!r}; there are: {here}")
    for layer in scene.view_layers:
        layer.use = layer.name in wanted


def prepare_tiles(scene: Any, settings: Settings) -> None:  # noqa: ANN401  # bpy ships no types
    """Switch off what looks at more than a tile's pixels, or refuse what cannot be so."""
    try:
        tiling(settings)
    except ValueError as error:
        raise SceneError("engine", str(error)) from error
    tree = scene.node_tree if scene.use_nodes else None
    plain = {"CompositorNodeRLayers", "CompositorNodeComposite", "CompositorNodeViewer"}
    if tree and scene.render.use_compositing and {n.bl_idname for n in tree.nodes} - plain:
        raise SceneError("engine", "the scene is composited, and so cannot be cut into tiles")
    scene.render.dither_intensity = 0.0
    if hasattr(scene, "cycles"):
        scene.cycles.use_denoising = scene.cycles.use_adaptive_sampling = False


def show_tile(render: Any, settings: Settings, number: int) -> int:  # noqa: ANN401  # likewise
    """Render that tile alone; return the frame of the still."""
    asked = tiling(settings)
    if asked is None:
        return number
    share = render.resolution_percentage / 100
    width, height = int(render.resolution_x * share), int(render.resolution_y * share)
    box = asked.box(number, width, height)
    render.use_border = render.use_crop_to_border = True
    # A quarter of a pixel more, so that no rounding of the share leads to a neighbour.
    render.border_min_x, render.border_max_x = (
        (box.left + 0.25) / width,
        (box.right + 0.25) / width,
    )
    render.border_min_y = (height - box.bottom + 0.25) / height
    render.border_max_y = (height - box.top + 0.25) / height
    return asked.frame(number)


def set_device(scene: Any, gpus: list[int], wanted: str) -> None:  # noqa: ANN401  # bpy ships no types
    """Render on the processors, or on the graphics devices that were granted."""
    use_gpu = bool(gpus) and wanted != "CPU"
    if scene.render.engine in NEEDS_GPU and not use_gpu:
        detail = f"{scene.render.engine} needs a GPU, and the job was granted none; use Cycles"
        raise SceneError("engine", detail)
    if scene.render.engine != "CYCLES":
        return
    scene.cycles.device = "GPU" if use_gpu else "CPU"
    if use_gpu:
        choose_gpus()


def choose_gpus() -> None:
    """Use every graphics device that can be seen: the others are hidden from the process."""
    preferences = bpy.context.preferences.addons["cycles"].preferences
    for kind in GPU_KINDS:
        with contextlib.suppress(TypeError):
            preferences.compute_device_type = kind
            preferences.get_devices_for_type(kind)
            devices = [device for device in preferences.devices if device.type == kind]
            for device in preferences.devices:
                device.use = device.type == kind
            if devices:
                return
    raise SceneError("engine", "Cycles finds no graphics device")
