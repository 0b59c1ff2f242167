"""The Open Job Description engine: one session a renderer, its environments kept open."""

import importlib.metadata
import sys
from collections.abc import Sequence
from pathlib import Path

from lightmill.domain.failures import FailureKind
from lightmill.render_node.engines import wire
from lightmill.render_node.engines.contract import Command, Event
from lightmill.render_node.engines.sandbox import python_readable
from lightmill.render_node.ports import Launch

_DRIVER = Path(__file__).with_name("openjd_driver.py")
_SPACE = Path(__file__).with_name("openjd_space.py")
_PATH = "/usr/local/bin:/usr/bin:/bin"
_PATIENCE = 180.0
"""Seconds for a task to be told and for its environments to be left; most take none of it."""


class OpenJd:
    """Runs the tasks of a step of an `openjd` job; frame n is a task of one of the steps.

    Settings: `template`, `parameters`, `step`, `firstFrame` (the frame of the step's first task),
    `pathMapping`, `format` (`ZIP` of what a task has written, or the format of its image).

    Args:
        folders: Folders of the machine with the programs that templates name.
    """

    name = "openjd"

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        self._folders = tuple(folders)

    def discover(self) -> tuple[str, ...]:
        """Return the version of the library that runs the sessions."""
        try:
            return (importlib.metadata.version("openjd-sessions"),)
        except importlib.metadata.PackageNotFoundError:
            return ()

    def command(self, launch: Launch) -> Command:
        """Return the node's own Python with the driver script."""
        python = Path(sys.executable)
        return Command(
            argv=(str(python), "-I", str(_DRIVER)),
            environment={"OMP_NUM_THREADS": str(launch.cores), "PATH": self._path()},
            readable=(*python_readable(python), _DRIVER, _SPACE, *self._folders),
            patience=_PATIENCE,
        )

    def _path(self) -> str:
        return ":".join([*map(str, self._folders), _PATH])

    def opening(self, launch: Launch) -> str:
        """Return the launch for the driver."""
        return wire.opening(launch)

    def request(self, frame: int, output: Path) -> str:
        """Return the task for the driver."""
        return wire.request(frame, output)

    def read(self, line: str) -> Event | None:
        """Return what the driver tells."""
        return wire.read(line)

    def classify_failure(self, exit_code: int, tail: str) -> FailureKind:
        """Return why the session died."""
        del exit_code
        return wire.classify(tail)
