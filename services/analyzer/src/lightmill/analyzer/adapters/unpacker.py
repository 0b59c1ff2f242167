"""Archives, unpacked by a program of its own."""

from collections.abc import Sequence
from pathlib import Path

from typing_extensions import override

from lightmill.analyzer.adapters.archive_probe import UNPACKED
from lightmill.analyzer.adapters.probe import Probe
from lightmill.analyzer.ports import Unpacked, Unpacker

ARCHIVE = Path(__file__).with_name("archive_probe.py")


class ProbeUnpacker(Unpacker):
    """Runs `ARCHIVE`, which writes into the folder that it is given and nowhere else."""

    def __init__(self, probe: Probe) -> None:
        self._probe = probe

    @override
    async def unpack(self, folder: Path, archive: str) -> Sequence[Unpacked]:
        found = await self._probe(folder, archive)
        return [
            Unpacked(
                path=str(item["path"]),
                file=folder / UNPACKED / str(item["path"]),
                size=int(item["size"]),
                blake3=str(item["blake3"]),
            )
            for item in found["files"]
        ]
