"""Where Maya looks for a file that a scene names."""

import posixpath

from lightmill.domain.absolute_paths import is_absolute

WORKSPACE = "workspace.mel"


def places(path: str, project: str, *, scenes: bool = False) -> tuple[str, ...]:
    """Return where below the bundle's top Maya looks for `path`, in its order.

    A double slash divides a path into the project at the time of writing and the rest of it:
    `D:/jobs/wolf//sourceimages/fur.tx`. The rest is looked for in the project of the day.

    Args:
        path: As written in the scene, with slashes.
        project: Folder of the project below the bundle's top, "" for the top itself.
        scenes: Whether it is a scene, which the project may keep in its folder `scenes`.
    """
    _, divided, rest = path[2:].rpartition("//")
    if not divided and is_absolute(path):
        return ()
    inside = rest if divided else path
    found = [posixpath.join(project, inside)]
    if scenes:
        found.append(posixpath.join(project, "scenes", inside))
    normal = (posixpath.normpath(place) for place in found)
    return tuple(place for place in normal if place != ".." and not place.startswith(("../", "/")))


def project_of(scene: str, workspaces: frozenset[str]) -> str:
    """Return the project's folder: the nearest one above the scene with a `workspace.mel`.

    Without any, the folder above `scenes`, as Maya lays projects out; else the bundle's top.

    Args:
        scene: Path of the scene below the bundle's top.
        workspaces: The folders that hold a `workspace.mel`, "" for the top.
    """
    folder = posixpath.dirname(scene)
    above = folder
    while above:
        if above in workspaces:
            return above
        above = posixpath.dirname(above)
    parts = folder.split("/")
    if "" not in workspaces and "scenes" in parts:
        return "/".join(parts[: parts.index("scenes")])
    return ""
