"""Renders frames in Blender as it is asked to on standard input; a script on its own.

It runs in Blender's Python (4.0 or newer), as `python blender_driver.py` where the module `bpy`
is installed or as `blender --background --python blender_driver.py`. The scene is opened once.
What follows of it is not trusted: the sandbox around the process is what holds it.
"""

import contextlib
import json
import os
import re
import runpy
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy

MARK = "@lightmill "
FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".exr": "OPEN_EXR",
    ".tif": "TIFF",
    ".webp": "WEBP",
}
WITHOUT_ALPHA = {"JPEG"}
NEEDS_GPU = {"BLENDER_EEVEE", "BLENDER_EEVEE_NEXT", "BLENDER_WORKBENCH"}
GPU_KINDS = ("OPTIX", "CUDA", "HIP", "ONEAPI", "METAL")
SAMPLE = re.compile(r"Sample (\d+)/(\d+)")
SIMULATED = {"CLOTH", "SOFT_BODY", "FLUID", "DYNAMIC_PAINT", "OCEAN", "EXPLODE"}
EVENTS_PER_SECOND = 10.0
Settings = dict[str, Any]


class SceneError(Exception):
    """The scene cannot be opened.

    Attributes:
        kind: The kind of failure.
    """

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind


class Wire:
    """Events to the node; what Blender prints goes to standard error, and so to the log."""

    def __init__(self) -> None:
        sys.stdout.flush()
        self._fd = os.dup(1)
        os.set_inheritable(self._fd, False)  # noqa: FBT003  # the standard library's signature
        os.dup2(2, 1)
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a plain stream

    def tell(self, event: str, **rest: object) -> None:
        """Write one event, on a line of its own whatever was printed before."""
        line = f"\n{MARK}{json.dumps({'event': event, **rest})}\n"
        os.write(self._fd, line.encode())


class ProgressTeller:
    """Turns what Blender says while it renders into shares of the frame."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._told_at = 0.0

    def __call__(self, stats: object, *_: object) -> None:
        """Take a line of statistics; Blender calls this."""
        found = SAMPLE.search(str(stats))
        now = time.monotonic()
        if found and now - self._told_at >= 1 / EVENTS_PER_SECOND:
            self._told_at = now
            done, of = int(found[1]), int(found[2])
            self._wire.tell("progress", share=round(done / max(1, of), 4))


# --- opening ---------------------------------------------------------------------------------


def open_scene(launch: Settings) -> None:
    """Open the scene, or build it by the script of a design, and bring it under control."""
    project = Path(launch["project"])
    if launch.get("scene"):
        open_file(project / launch["scene"])
    if launch.get("script"):
        build(project / launch["script"])
    tame(bpy.context.scene)
    apply(bpy.context.scene, launch)


def open_file(path: Path) -> None:
    """Open a Blender file without running what it holds."""
    if not path.is_file():
        raise SceneError("missing_file", f"the scene {path.name} is not in the bundle")
    try:
        bpy.ops.wm.open_mainfile(filepath=str(path), load_ui=False, use_scripts=False)
    except RuntimeError as error:
        raise SceneError(
            "missing_file", f"the scene {path.name} cannot be opened: {error}"
        ) from error


def build(script: Path) -> None:
    """Run a design's script: its `build(folder)` where it has one."""
    if not script.is_file():
        raise SceneError("missing_file", f"the script {script.name} is not in the bundle")
    os.chdir(script.parent)
    names = runpy.run_path(str(script), run_name="lightmill_design")
    if "build" in names:
        names["build"](str(script.parent))


def tame(scene: Any) -> None:  # noqa: ANN401  # bpy ships no types
    """Switch off what runs code of the file or writes elsewhere, and keep data between frames."""
    bpy.context.preferences.filepaths.use_scripts_auto_execute = False
    for one in bpy.data.scenes:
        one.render.use_freestyle = False
        one.render.use_persistent_data = True
        if hasattr(one, "cycles"):
            one.cycles.shading_system = False
    for node in compositor_nodes():
        if node.bl_idname == "CompositorNodeOutputFile":
            node.mute = True
            print(f"output node {node.name} is muted: the frame's image is what is kept")  # noqa: T201  # for the log
    render = scene.render
    render.use_overwrite, render.use_placeholder = True, False
    render.use_file_extension = False


def compositor_nodes() -> Iterator[Any]:
    """Yield every node of every compositor, groups included."""
    trees = [getattr(scene, "node_tree", None) for scene in bpy.data.scenes]
    for tree in [*filter(None, trees), *bpy.data.node_groups]:
        if tree.bl_idname == "CompositorNodeTree":
            yield from tree.nodes


# --- settings --------------------------------------------------------------------------------


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


# --- frames ----------------------------------------------------------------------------------


def remembers() -> bool:
    """Tell whether a frame can depend on the frames that were rendered before it."""
    if any(scene.rigidbody_world for scene in bpy.data.scenes):
        return True
    for thing in bpy.data.objects:
        if any(modifier.type in SIMULATED for modifier in thing.modifiers):
            return True
        if any(system.settings.type == "EMITTER" for system in thing.particle_systems):
            return True
    trees = (tree for tree in bpy.data.node_groups if tree.bl_idname == "GeometryNodeTree")
    return any(
        node.bl_idname == "GeometryNodeSimulationOutput" for tree in trees for node in tree.nodes
    )


def render(frame: int, output: Path) -> None:
    """Write the image of a frame."""
    scene = bpy.context.scene
    set_format(scene.render, FORMATS[output.suffix.lower()])
    scene.render.filepath = str(output)
    # The render evaluates the frame itself; frame_set would evaluate it a second time, for a view.
    scene.frame_current = frame
    bpy.ops.render.render(write_still=True)
    if not output.is_file():
        raise RuntimeError("Blender wrote no image; it may be set to render several views")


def set_format(render: Any, name: str) -> None:  # noqa: ANN401  # bpy ships no types
    """Write that format; a scene that writes it anyway keeps its depth and compression."""
    image = render.image_settings
    if hasattr(image, "media_type"):
        image.media_type = "IMAGE"
    if image.file_format not in {name, f"{name}_MULTILAYER"}:
        image.file_format = name
    if name in WITHOUT_ALPHA and image.color_mode == "RGBA":
        image.color_mode = "RGB"
    if render.film_transparent and name not in WITHOUT_ALPHA:
        image.color_mode = "RGBA"


class Driver:
    """Serves one launch."""

    def __init__(self, wire: Wire, launch: Settings) -> None:
        self._wire = wire
        self._launch = launch
        self._fresh = True
        self._remembers = False
        self._progress = ProgressTeller(wire)

    def open(self) -> None:
        """Open the scene.

        Raises:
            SceneError: it cannot be opened.
        """
        open_scene(self._launch)
        self._remembers = remembers()
        self._fresh = True
        bpy.app.handlers.render_stats.append(self._progress)

    def serve(self, asked: Settings) -> None:
        """Render one frame and tell how it went."""
        output = Path(asked["output"])
        try:
            if self._remembers and not self._fresh:
                self.open()
            self._fresh = False
            render(int(asked["frame"]), output)
        except Exception as error:  # noqa: BLE001  # whatever it is, the node has to hear of it
            self._wire.tell("failed", kind=kind_of(error), detail=str(error))
        else:
            self._wire.tell("rendered", path=str(output))


def kind_of(error: Exception) -> str:
    """Return the kind of failure of an error."""
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
        return "out_of_memory"
    return error.kind if isinstance(error, SceneError) else "engine"


def main() -> None:
    """Serve frames until the input ends."""
    wire = Wire()
    driver = Driver(wire, json.loads(sys.stdin.readline()))
    try:
        driver.open()
    except Exception as error:  # noqa: BLE001  # likewise
        wire.tell("failed", kind=kind_of(error), detail=str(error))
        return
    wire.tell("ready")
    for line in iter(sys.stdin.readline, ""):
        driver.serve(json.loads(line))


if __name__ == "__main__":
    main()
