"""Renders frames in Blender as it is asked to on standard input; a script on its own.

It runs in Blender's Python (4.0 or newer), as `python driver.py FOLDER` where the module `bpy` is
installed or as `blender --background --python driver.py -- FOLDER`; the folder has
`lightmill/domain` in it. The scene is opened once. What follows
of it is not trusted: the sandbox around the process is what holds it.
"""

import json
import sys
from pathlib import Path

import bpy

_SOURCE = str(Path(__file__).resolve().parents[4])
_DOMAIN = sys.argv[-1]  # where the farm's own words lie, when that is another folder
sys.path += [_SOURCE, _DOMAIN]  # for the modules beside this one, by their names outside

from lightmill.render_node.engines.blender_inside.frame import render  # noqa: E402
from lightmill.render_node.engines.blender_inside.scene import open_scene, remembers  # noqa: E402
from lightmill.render_node.engines.blender_inside.settings import Settings  # noqa: E402
from lightmill.render_node.engines.blender_inside.wire import (  # noqa: E402
    ProgressTeller,
    SceneError,
    Wire,
)

sys.path.remove(_SOURCE)
sys.path.remove(_DOMAIN)


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
            self._progress.samples = None
            render(int(asked["frame"]), output, self._launch["settings"])
        except Exception as error:  # noqa: BLE001  # whatever it is, the node has to hear of it
            self._wire.tell("failed", kind=kind_of(error), detail=str(error))
        else:
            self._wire.tell("rendered", path=str(output), samples=self._progress.samples)


def kind_of(error: Exception) -> str:
    """Return the kind of failure of an error."""
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
        return "out_of_memory"
    if isinstance(error, SceneError):
        return error.kind
    return "output" if "cannot save" in str(error).lower() else "engine"


def main() -> None:
    """Serve frames until the input ends."""
    wire = Wire()
    driver = Driver(wire, json.loads(sys.stdin.readline()))
    try:
        driver.open()
    except Exception as error:  # noqa: BLE001  # likewise
        wire.tell("failed", kind=kind_of(error), detail=str(error))
        return
    wire.tell("ready", version=bpy.app.version_string)
    for line in iter(sys.stdin.readline, ""):
        driver.serve(json.loads(line))


if __name__ == "__main__":
    main()
