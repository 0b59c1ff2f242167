"""Scenes that want to break their reader, or to lead it elsewhere."""

import asyncio
import resource
from pathlib import Path

import pytest
from tests.hostile.archives import MIB, Case
from tests.hostile.scenes import MAYA as MAYA_HEADER
from tests.hostile.scenes import SCENES

from lightmill.analyzer.adapters import sandbox
from lightmill.analyzer.adapters.probe import ProcessLimits
from lightmill.analyzer.core.reading import SceneReading
from lightmill.analyzer.factory import readers
from lightmill.analyzer.ports import UnreadableSceneError

BWRAP = sandbox.bubblewrap()


def read(scene: Path, seconds: float = 30) -> SceneReading:
    limits = ProcessLimits(seconds=seconds, memory=1024 * MIB, size=64 * MIB)
    reader = readers(limits, BWRAP)[scene.suffix]
    return asyncio.run(reader.read(scene.parent, scene.name))


@pytest.mark.slow
@pytest.mark.parametrize("case", SCENES, ids=lambda case: case.name)
def test_a_hostile_scene_is_refused_with_its_own_reason(case: Case, tmp_path: Path) -> None:
    (tmp_path / "beside.txt").write_text("not theirs")
    (tmp_path / "work").mkdir()
    scene = tmp_path / f"work/sent{case.suffix}"
    scene.write_bytes(case.build())
    with pytest.raises(UnreadableSceneError, match=case.reason) as refused:
        read(scene, case.seconds)
    assert refused.value.reason.startswith(scene.name)
    outside = [path for path in tmp_path.rglob("*") if not path.is_relative_to(scene.parent)]
    assert outside == [tmp_path / "beside.txt"]
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 < 4 * 2**30


LOOP = MAYA_HEADER + b'file -r "scenes/../%s.ma"; file -r "../../secret.ma"; file -r "/etc/x.ma";'


def test_scenes_that_bring_in_each_other_end(tmp_path: Path) -> None:
    (tmp_path / "secret.ma").write_bytes(MAYA_HEADER + b"this would be refused")
    inside = tmp_path / "a/b"
    inside.mkdir(parents=True)
    (inside / "one.ma").write_bytes(LOOP % b"two")
    (inside / "two.ma").write_bytes(LOOP % b"one")
    referrers = {use.referrer for use in read(inside / "one.ma").uses}
    assert referrers == {"one.ma", "two.ma"}
