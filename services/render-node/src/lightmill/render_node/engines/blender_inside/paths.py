"""Finds the files that a scene names by the absolute paths of another machine."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy

from lightmill.domain.absolute_paths import Moves, is_absolute, moved

_NAMED = ("images", "movieclips", "fonts", "sounds", "cache_files", "volumes")
_MOST_LIBRARIES = 1000


def move_paths(project: Path, moves: Moves) -> None:
    """Put what the moves say in place of absolute paths; `//` means what it says."""
    moves = list(moves)
    if not moves:
        return
    for _ in range(_MOST_LIBRARIES):
        # From the start each time: a library that was read brings in others, and drops some.
        if not any(_moved(library, project, moves) for library in bpy.data.libraries):
            break
    for owner, field in _paths():
        _move(owner, field, project, moves)


def _moved(library: Any, project: Path, moves: Moves) -> bool:  # noqa: ANN401  # bpy ships no types
    """Return whether a library is found elsewhere, and read what it holds from there."""
    if not _move(library, "filepath", project, moves):
        return False
    try:
        library.reload()
    except RuntimeError as error:
        print(f"the library {library.filepath} cannot be read: {error}", flush=True)  # noqa: T201  # the frame's log
    return True


def _move(owner: Any, field: str, project: Path, moves: Moves) -> bool:  # noqa: ANN401  # likewise
    path = getattr(owner, field)
    # Two slashes are the scene's own folder, even where they look like the name of a server.
    found = None if path.startswith("//") else moved(path, moves)
    place = found if found is None or is_absolute(found) else str(project / found)
    if place is None or place == path:
        return False
    print(f"{path} is {place} here", flush=True)  # noqa: T201  # likewise
    setattr(owner, field, place)
    return True


def _paths() -> Iterator[tuple[Any, str]]:
    """Yield everything that has a path, and the name of its field."""
    for kind in _NAMED:
        for thing in getattr(bpy.data, kind):
            yield thing, "filepath"
    for thing in bpy.data.objects:
        for modifier in thing.modifiers:
            yield from _of_modifier(modifier)
        for system in thing.particle_systems:
            yield system.point_cache, "filepath"
    for scene in bpy.data.scenes:
        yield from _of_strips(scene.sequence_editor)
    yield from _of_lamps()


def _of_modifier(modifier: Any) -> Iterator[tuple[Any, str]]:  # noqa: ANN401  # bpy ships no types
    if modifier.type == "MESH_CACHE":
        yield modifier, "filepath"
    elif modifier.type == "FLUID" and modifier.fluid_type == "DOMAIN":
        yield modifier.domain_settings, "cache_directory"
    elif getattr(modifier, "point_cache", None) is not None:
        yield modifier.point_cache, "filepath"


def _of_strips(editor: Any) -> Iterator[tuple[Any, str]]:  # noqa: ANN401  # likewise
    # Blender 5.0 calls them by another name.
    strips = getattr(editor, "strips_all", None) or getattr(editor, "sequences_all", None)
    for strip in strips or ():
        if strip.type == "IMAGE":
            yield strip, "directory"
        elif strip.type == "MOVIE":
            yield strip, "filepath"


def _of_lamps() -> Iterator[tuple[Any, str]]:
    """Yield the IES textures that lie in files."""
    owners = (*bpy.data.materials, *bpy.data.lights, *bpy.data.worlds)
    trees = (*bpy.data.node_groups, *(owner.node_tree for owner in owners if owner.node_tree))
    for tree in trees:
        for node in tree.nodes:
            if node.bl_idname == "ShaderNodeTexIES" and node.mode == "EXTERNAL":
                yield node, "filepath"
