"""Which files of a bundle an analysis reads, and which it only looks for."""

from pathlib import PurePosixPath

ARCHIVES = frozenset({".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz"})
"""What can be unpacked; `.gz` and its kind are those of `.tar.gz`."""

READ = ARCHIVES | frozenset(
    {".blend", ".ma", ".mb", "workspace.mel"}
    | {".usd", ".usda", ".usdc", ".usdz", ".gltf", ".glb", ".bin"}
    | {".obj", ".mtl", ".stl", ".ply", ".fbx"}
    | {".uproject", "defaultengine.ini", "defaultgame.ini"}
)
"""By suffix, or by name: lower case."""


def kinds(path: str) -> frozenset[str]:
    """Return what `READ` may call a file: its suffix and its name, in lower case."""
    name = PurePosixPath(path.lower())
    return frozenset({name.suffix, name.name})


def is_read(path: str) -> bool:
    """Tell whether what is in the file can change the answer, rather than whether it is there."""
    return not kinds(path).isdisjoint(READ)
