"""Opens a scene, or builds a design's, and brings it under control."""

import os
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy

from lightmill.render_node.engines.blender_inside.paths import move_paths
from lightmill.render_node.engines.blender_inside.settings import Settings, apply
from lightmill.render_node.engines.blender_inside.wire import SceneError

SIMULATED = {"CLOTH", "SOFT_BODY", "FLUID", "DYNAMIC_PAINT", "OCEAN", "EXPLODE"}


def open_scene(launch: Settings) -> None:
    """Open the scene, or build it by the script of a design, and bring it under control."""
    trusting = bool(launch.get("trusting"))
    enable_addons(launch)
    project = Path(launch["project"])
    if launch.get("scene"):
        open_file(project / launch["scene"], trusting=trusting)
    if launch.get("script"):
        build(project / launch["script"])
    if not trusting:
        take_code()
    tame(bpy.context.scene)
    moves = launch.get("moves", [])
    move_paths(project, moves)
    tell_missing(project, [Path(target) for _, target in moves if Path(target).is_absolute()])
    apply(bpy.context.scene, launch)


def enable_addons(launch: Settings) -> None:
    """Enable the add-ons that the work asks for, each of which the node has to allow."""
    import addon_utils  # noqa: PLC0415  # it comes with bpy, once that is loaded

    allowed = launch.get("addons", [])
    wanted = launch["settings"].get("addons", [])
    for name in [wanted] if isinstance(wanted, str) else wanted:
        if name not in allowed:
            known = ", ".join(allowed) or "none"
            detail = f"the add-on {name!r} is not allowed here; allowed are: {known}"
            raise SceneError("engine", detail)
        if addon_utils.enable(name, default_set=True) is None:
            raise SceneError("node", f"the add-on {name!r} is allowed here, but not installed")


def open_file(path: Path, *, trusting: bool) -> None:
    """Open a Blender file; without running what it holds, unless it is trusted."""
    if not path.is_file():
        raise SceneError("missing_file", f"the scene {path.name} is not in the bundle")
    bpy.context.preferences.filepaths.use_scripts_auto_execute = trusting
    try:
        bpy.ops.wm.open_mainfile(filepath=str(path), load_ui=False, use_scripts=trusting)
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


def take_code() -> None:
    """Switch off what runs code of the file although scripts are off."""
    bpy.context.preferences.filepaths.use_scripts_auto_execute = False
    for text in bpy.data.texts:
        if text.use_module:
            say(f"text {text.name} is registered to run with the scene, and is not run")
    for one in bpy.data.scenes:
        if one.render.use_freestyle:
            one.render.use_freestyle = False
            say("Freestyle is off: its scripts run whatever the file's other scripts may")
        if hasattr(one, "cycles"):
            one.cycles.shading_system = False


def tame(scene: Any) -> None:  # noqa: ANN401  # bpy ships no types
    """Switch off what writes elsewhere, and keep data between frames."""
    for one in bpy.data.scenes:
        one.render.use_persistent_data = True
    for node in compositor_nodes():
        if node.bl_idname == "CompositorNodeOutputFile":
            node.mute = True
            say(f"output node {node.name} is muted: the frame's image is what is kept")
    render = scene.render
    render.use_overwrite, render.use_placeholder = True, False
    render.use_file_extension = False


def compositor_nodes() -> Iterator[Any]:
    """Yield every node of every compositor, groups included."""
    trees = [getattr(scene, "node_tree", None) for scene in bpy.data.scenes]
    for tree in [*filter(None, trees), *bpy.data.node_groups]:
        if tree.bl_idname == "CompositorNodeTree":
            yield from tree.nodes


def tell_missing(project: Path, others: list[Path]) -> None:
    """Say of each image that is in none of these folders; what its path leads to is not shown."""
    homes = [folder.resolve() for folder in (project, *others)]
    for image in bpy.data.images:
        if image.source not in {"FILE", "SEQUENCE", "MOVIE"} or image.packed_file:
            continue
        path = Path(bpy.path.abspath(image.filepath, library=image.library))
        if not any(path.resolve().is_relative_to(home) for home in homes):
            say(f"texture {image.name} is outside the bundle, and not read: {image.filepath}")
            image.filepath = "//outside-the-bundle"
        elif image.source == "FILE" and not path.exists():
            say(f"texture {image.name} is not in the bundle: {image.filepath}")


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


def say(line: str) -> None:
    """Write a line to the frame's log."""
    print(line, flush=True)  # noqa: T201  # that is where standard output goes
