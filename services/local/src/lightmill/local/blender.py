"""Blender beside the farm: it makes the demo's scene, and renders it without a farm."""

import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lightmill.render_node.engines.installation import (
    blender_home,
    bpy_version,
    environment_python,
    install_blender,
)

_HERE = Path(__file__).parent


class BlenderFailedError(Exception):
    """Blender did not do what it was asked to; the message holds its last lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Size and quality of the demo's scene."""

    width: int = 384
    height: int = 216
    samples: int = 16
    frames: int = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Blender:
    """The managed Blender; `python` runs scripts that import bpy."""

    python: Path
    version: str

    def make_scene(self, folder: Path, picture: Picture) -> tuple[Path, Path]:
        """Write the demo's scene and model; returns the .blend and the .glb."""
        numbers = (picture.width, picture.height, picture.samples, picture.frames)
        self._run("demo_scene.py", folder, *numbers)
        return folder / "scene" / "mill.blend", folder / "design" / "mill.glb"

    def render(self, scene: Path, folder: Path, frames: int, threads: int) -> float:
        """Render all frames in one process; returns seconds from its start to its last file."""
        began, clock = time.monotonic(), time.time_ns()
        self._run("plain_render.py", scene, folder, 1, frames, threads)
        written = [path.stat().st_mtime_ns for path in folder.glob("*.png")]
        late = sum(moment >= clock for moment in written)
        if late < frames:
            raise BlenderFailedError(f"Blender wrote {late} of {frames} frames to {folder}")
        return min(time.monotonic() - began, (max(written) - clock) / 1e9)

    def render_part(self, scene: Path, folder: Path, first: int, last: int, threads: int) -> None:
        """Render those frames in one process."""
        self._run("plain_render.py", scene, folder, first, last, threads)

    def _run(self, script: str, *arguments: object) -> None:
        command: Sequence[str] = [
            str(self.python),
            str(_HERE / script),
            *map(str, arguments),
        ]
        ended = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603  # our own scripts
        if ended.returncode:
            told = (ended.stdout + ended.stderr)[-2000:]
            raise BlenderFailedError(f"{script} ended with {ended.returncode}:\n{told}")


def installed_blender() -> Blender | None:
    """Return the managed Blender if it is there."""
    home = blender_home()
    version = bpy_version(home)
    return Blender(python=environment_python(home), version=version) if version else None


def install() -> Blender:
    """Return the managed Blender, downloading 373 MB when it is not there.

    Raises:
        InstallationError: system libraries are missing, or the download failed.
    """
    install_blender()
    found = installed_blender()
    if found is None:
        raise BlenderFailedError("Blender was installed and is not there")
    return found
