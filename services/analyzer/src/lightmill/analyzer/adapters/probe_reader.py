"""Scenes, read by a program of their own."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from typing_extensions import override

from lightmill.analyzer.adapters.probe import Probe
from lightmill.analyzer.core.reading import SceneReading, Use
from lightmill.analyzer.ports import SceneReader

_HERE = Path(__file__)
BLEND = _HERE.with_name("blend_probe.py")
MAYA = _HERE.with_name("maya_probe.py")
MESH = _HERE.with_name("mesh_probe.py")
GLTF = _HERE.with_name("gltf_probe.py")
UNREAL = _HERE.with_name("unreal_probe.py")
USD = _HERE.with_name("usd_probe.py")


class ProbeReader(SceneReader):
    """Reads scenes by a program that prints what they hold.

    Args:
        probe: Runs the program.
        needs: What files the program reads, by suffix or name.
    """

    def __init__(self, probe: Probe, needs: Iterable[str]) -> None:
        self._probe = probe
        self.needs = frozenset(needs)

    @override
    async def read(self, folder: Path, scene: str) -> SceneReading:
        found = await self._probe(folder, scene)
        uses = tuple(map(_use, found["uses"]))
        return SceneReading(scene_info=found["scene_info"], uses=uses)


def _use(item: Mapping[str, Any]) -> Use:
    places = item.get("places")
    return Use(
        path=str(item["path"]),
        referrer=str(item["referrer"]),
        name=str(item["name"]),
        sequence=bool(item["sequence"]),
        places=None if places is None else tuple(map(str, places)),
    )
