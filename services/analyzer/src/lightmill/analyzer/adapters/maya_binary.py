"""Maya Binary scenes, written as Maya ASCII by an installed Maya, and read as that."""

from dataclasses import replace
from pathlib import Path

from typing_extensions import override

from lightmill.analyzer.adapters.probe import Probe
from lightmill.analyzer.core.maya.references import WORKSPACE
from lightmill.analyzer.core.reading import SceneReading
from lightmill.analyzer.ports import SceneReader

CONVERT = Path(__file__).with_name("mayapy_convert.py")


class MayaBinaryReader(SceneReader):
    """Reads `.mb` by way of `.ma`.

    Args:
        convert: Runs `CONVERT` by the `mayapy` of a Maya.
        ascii_reader: Reads what comes out of it.
    """

    needs = frozenset({".mb", ".ma", WORKSPACE})

    def __init__(self, convert: Probe, ascii_reader: SceneReader) -> None:
        self._convert = convert
        self._ascii = ascii_reader

    @override
    async def read(self, folder: Path, scene: str) -> SceneReading:
        written = str((await self._convert(folder, scene))["written"])
        found = await self._ascii.read(folder, written)
        uses = (
            replace(use, referrer=scene) if use.referrer == written else use for use in found.uses
        )
        return replace(found, uses=tuple(uses))


def mayapy(home: Path) -> Path:
    """Return the Python of a Maya that is installed in a folder."""
    return home / "bin" / "mayapy"
