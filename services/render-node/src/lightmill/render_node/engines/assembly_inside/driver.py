"""Puts images together as it is asked to on standard input; a script on its own.

It runs in the node's own Python, shut in: `driver.py` reads what to do as one line of JSON, and
then one line for each frame.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_SOURCE = str(Path(__file__).resolve().parents[4])
sys.path.append(_SOURCE)  # for the modules beside this one, by the names that they have outside

from lightmill.render_node.core.tiles import Tiling  # noqa: E402
from lightmill.render_node.engines.assembly_inside.contact_sheet import (  # noqa: E402
    write_contact_sheet,
)
from lightmill.render_node.engines.assembly_inside.film import write_film  # noqa: E402
from lightmill.render_node.engines.assembly_inside.reading import AssemblyError  # noqa: E402
from lightmill.render_node.engines.assembly_inside.stitching import stitch  # noqa: E402
from lightmill.render_node.engines.blender_inside.wire import Wire  # noqa: E402

_Asked = dict[str, Any]


def assemble(wire: Wire, launch: _Asked, frame: int, output: Path) -> None:
    """Write what the launch asks for.

    Raises:
        AssemblyError: the images do not make it.
    """
    settings: _Asked = launch["settings"]

    def tell(share: float) -> None:
        wire.tell("progress", share=share)

    images = rendered(Path(launch["project"]))
    match settings.get("assemble"):
        case "stitch":
            tiling = Tiling(int(settings["columns"]), int(settings["rows"]))
            mine = [path for path in images if tiling.frame(number(path)) == frame]
            stitch(mine, tiling, output)
            tell(1.0)
        case "film":
            write_film(
                _some(images),
                output,
                fps=int(settings.get("fps", 24)),
                ffmpeg=launch["ffmpeg"],
                threads=launch["cores"],
                on_progress=tell,
            )
        case "contact-sheet":
            write_contact_sheet(_some(images), output, tell)
        case other:
            raise AssemblyError(f"nothing is called {other!r}: stitch, film, contact-sheet")


def rendered(folder: Path) -> list[Path]:
    """Return the images of earlier steps, by frame."""
    found = (path for path in folder.glob("*/*") if path.stem.lstrip("-").isdigit())
    return sorted(found, key=number)


def number(path: Path) -> int:
    """Return the frame that an image is called by."""
    return int(path.stem)


def _some(images: Sequence[Path]) -> Sequence[Path]:
    if not images:
        raise AssemblyError("there are no images")
    return images


def main() -> None:
    """Serve frames until the input ends."""
    wire = Wire()
    launch: _Asked = json.loads(sys.stdin.readline())
    wire.tell("ready", version="1")
    for line in iter(sys.stdin.readline, ""):
        asked = json.loads(line)
        output = Path(asked["output"])
        try:
            assemble(wire, launch, int(asked["frame"]), output)
        except (AssemblyError, OSError) as error:
            wire.tell("failed", kind="output", detail=str(error))
        except MemoryError as error:
            wire.tell("failed", kind="out_of_memory", detail=str(error))
        else:
            wire.tell("rendered", path=str(output))


if __name__ == "__main__":
    main()
