"""Prints what a Maya ASCII scene holds, as one JSON object.

Run as a program of its own, `maya_probe.py <folder> <scene> <memory> <seconds> <bytes>`. Scenes
that it brings in are followed as far as they are Maya ASCII and in the folder.

Prints `{"scene_info": …, "uses": […]}` or `{"error": "why the file cannot be read"}`.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from lightmill.analyzer.adapters.probing import run
from lightmill.analyzer.core.broken import BrokenSceneError
from lightmill.analyzer.core.maya.references import WORKSPACE, project_of
from lightmill.analyzer.core.maya.scene import MayaScene, read
from lightmill.analyzer.core.maya.settings import settings
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
        self._first = ""
        self.uses: list[Use] = []

    def follow(self, scene: str) -> MayaScene:
        """Return what the scene says; what it names, near and far, is in `uses` afterwards."""
        self._first = scene
        first = self._one(scene)
        for found in iter(self._next, None):
            self._one(found)
        return first

    def _one(self, scene: str) -> MayaScene:
        self._seen.add(scene)
        try:
            found = read(pieces(self._folder / scene))
        except BrokenSceneError as error:
            if scene == self._first:
                raise
            raise BrokenSceneError(f"brings in {scene}, which {error}") from error
        self.uses += uses(found, scene, self._project)
        if len(self.uses) > MOST_USES or len(self._seen) > MOST_SCENES:
            raise BrokenSceneError(f"brings in more than {MOST_USES} files")
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


def read_scene(folder: Path, scene: str) -> tuple[Mapping[str, object], Iterable[Use]]:
    """Return the scene's settings, and what it and all that it brings in names.

    Raises:
        BrokenSceneError: it is no Maya ASCII, or damaged.
    """
    home = project(folder, scene)
    follower = Follower(folder, home)
    found = follower.follow(scene)
    return settings(found, home), follower.uses


if __name__ == "__main__":
    run(read_scene)
