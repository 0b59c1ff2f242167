"""The assembly engine: puts together what earlier steps of a job have rendered."""

import sys
from pathlib import Path

from lightmill.domain.assembly import ASSEMBLY
from lightmill.domain.failures import FailureKind
from lightmill.render_node.engines import wire
from lightmill.render_node.engines.contract import Command, Event
from lightmill.render_node.engines.sandbox import python_readable
from lightmill.render_node.ports import Launch

_INSIDE = Path(__file__).with_name("assembly_inside")
_NODE = _INSIDE.parents[1]
_READABLE = (
    _INSIDE,
    *(_NODE / part for part in ("__init__.py", "engines/__init__.py", "core/__init__.py")),
    *(_NODE / part for part in ("core/tiles.py", "engines/pixels.py")),
    *(_NODE / "engines/blender_inside" / part for part in ("__init__.py", "wire.py")),
)
"""The driver, what it uses, and the packages that those are named after."""


class AssemblyEngine:
    """Stitches tiles, makes films and contact sheets, in the node's own Python.

    Settings: `assemble` (`stitch`, `film` or `contact-sheet`), `columns` and `rows` of a still's
    tiles, `fps` of a film, `format`. The images lie in the project as `STEP/0001.png`.
    """

    name = ASSEMBLY

    def discover(self) -> tuple[str, ...]:
        """Return its one version: what it needs comes with the node."""
        return ("1",) if _ffmpeg().is_file() else ()

    def command(self, launch: Launch) -> Command:
        """Return the node's Python with the driver script."""
        python = Path(sys.executable)
        return Command(
            argv=(str(python), "-I", str(_INSIDE / "driver.py")),
            environment={
                "OMP_NUM_THREADS": str(launch.cores),
                "OPENBLAS_NUM_THREADS": str(launch.cores),
            },
            readable=(*python_readable(python), _ffmpeg(), *_READABLE),
        )

    def opening(self, launch: Launch) -> str:
        """Return the launch for the driver."""
        return wire.opening(launch, ffmpeg=str(_ffmpeg()))

    def request(self, frame: int, output: Path) -> str:
        """Return the frame for the driver."""
        return wire.request(frame, output)

    def read(self, line: str) -> Event | None:
        """Return what the driver tells."""
        return wire.read(line)

    def classify_failure(self, exit_code: int, tail: str) -> FailureKind:
        """Return why the driver died."""
        del exit_code
        return wire.classify(tail)


def _ffmpeg() -> Path:
    """Return the program that comes with the node, or the one that the machine has instead."""
    from imageio_ffmpeg import get_ffmpeg_exe  # noqa: PLC0415  # seldom asked for

    return Path(get_ffmpeg_exe())
