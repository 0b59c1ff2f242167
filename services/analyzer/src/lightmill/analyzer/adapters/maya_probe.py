"""Prints what a Maya ASCII scene holds, as one JSON object.

Run as a program of its own, `maya_probe.py <folder> <scene> <memory> <seconds> <bytes>`. Scenes
that it brings in are followed as far as they are Maya ASCII and in the folder.

Prints `{"scene_info": …, "uses": […]}` or `{"error": "why the file cannot be read"}`.
"""

import json
import posixpath
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from lightmill.analyzer.adapters.limits import hold_this_process_to
from lightmill.analyzer.core.maya.references import WORKSPACE, project_of
from lightmill.analyzer.core.maya.scene import MayaScene, read
from lightmill.analyzer.core.maya.settings import settings
from lightmill.analyzer.core.maya.statements import BrokenSceneError
from lightmill.analyzer.core.maya.uses import uses
from lightmill.analyzer.core.reading import Use

MOST_USES = 100_000
MOST_SCENES = 1_000
PIECE = 2**20


class Follower:
    """Reads a scene, and every scene that it brings in, each once."""

    def __init__(self, folder: Path, project: str) -> None:
        self._folder = folder
        self._project = project
        self._seen: set[str] = set()
        self._followed = 0
        self.uses: list[Use] = []

    def follow(self, scene: str) -> MayaScene:
        """Return what the scene says; what it names, near and far, is in `uses` afterwards."""
        first = self._one(scene)
        for found in iter(self._next, None):
            self._one(found)
        return first

    def _one(self, scene: str) -> MayaScene:
        self._seen.add(scene)
        try:
            found = read(pieces(self._folder / scene))
        except BrokenSceneError as error:
            raise BrokenSceneError(f"{scene} {error}") from error
        self.uses += uses(found, scene, self._project)
        if len(self.uses) > MOST_USES or len(self._seen) > MOST_SCENES:
            raise BrokenSceneError(f"{scene} brings in more than {MOST_USES} files")
        return found

    def _next(self) -> str | None:
        while self._followed < len(self.uses):
            for place in self.uses[self._followed].places or ():
                if self._is_new(place):
                    return place
            self._followed += 1
        return None

    def _is_new(self, place: str) -> bool:
        if place in self._seen or not place.lower().endswith(".ma"):
            return False
        path = self._folder / place
        return path.is_file() and not path.is_symlink()


def pieces(path: Path) -> Iterator[bytes]:
    """Yield the content of a file."""
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


def project(folder: Path, scene: str) -> str:
    """Return the folder of the project that the scene belongs to, below `folder`."""
    found = (path.parent.relative_to(folder).as_posix() for path in folder.rglob(WORKSPACE))
    return project_of(scene, frozenset("" if one == "." else one for one in found))


def probe(folder: Path, scene: str) -> dict[str, object]:
    """Return what is printed."""
    home = project(folder, scene)
    follower = Follower(folder, home)
    try:
        found = follower.follow(scene)
        info = settings(found, home)
    except BrokenSceneError as error:
        return {"error": str(error)}
    except MemoryError:
        return {"error": f"{scene} takes more memory to read than this farm gives"}
    return {"scene_info": info, "uses": [asdict(use) for use in follower.uses]}


def main() -> None:
    """Read the arguments, print the outcome."""
    folder, scene, memory, seconds, size = sys.argv[1:]
    hold_this_process_to(int(memory), int(seconds), int(size))
    json.dump(probe(Path(folder).resolve(), posixpath.normpath(scene)), sys.stdout)


if __name__ == "__main__":
    main()
