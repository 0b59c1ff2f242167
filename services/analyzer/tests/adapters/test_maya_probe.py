"""Maya ASCII scenes, read in the child process as the service does."""

import asyncio
import random
from pathlib import Path

import pytest

from lightmill.analyzer.adapters import sandbox
from lightmill.analyzer.adapters.probe import Probe, ProcessLimits
from lightmill.analyzer.adapters.probe_reader import MAYA, ProbeReader
from lightmill.analyzer.core.outcome import outcome
from lightmill.analyzer.core.reading import SceneReading
from lightmill.analyzer.ports import UnreadableSceneError

LIMITS = ProcessLimits(seconds=120, memory=2**30, size=2**30)
BWRAP = sandbox.bubblewrap()
SHOT = """//Maya ASCII 2024 scene
file -r -ns "den" -rfn "denRN" -typ "mayaAscii" "D:/wolf//scenes/den.ma";
file -r -ns "far" -rfn "farRN" -typ "mayaBinary" "scenes/far.mb";
createNode file -n "fur";
    setAttr ".ftn" -type "string" "D:/wolf//sourceimages/Fur.1001.tx";
    setAttr ".uvt" 3;
"""
DEN = """//Maya ASCII 2024 scene
file -r -ns "shot" -rfn "shotRN" -typ "mayaAscii" "D:/wolf//scenes/shot.ma";
createNode file -n "stone";
    setAttr ".ftn" -type "string" "sourceimages/stone.png";
"""
FILES = ("job/workspace.mel", "job/sourceimages/fur.1001.tx", "job/sourceimages/stone.png")


@pytest.fixture
def job(tmp_path: Path) -> Path:
    for path in FILES:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    (tmp_path / "job/scenes").mkdir()
    (tmp_path / "job/scenes/shot.ma").write_text(SHOT)
    (tmp_path / "job/scenes/den.ma").write_text(DEN)
    return tmp_path


def read(folder: Path, scene: str) -> SceneReading:
    return asyncio.run(ProbeReader(Probe(LIMITS, BWRAP, MAYA), ()).read(folder, scene))


def test_scenes_brought_in_are_followed_once(job: Path) -> None:
    reading = read(job, "job/scenes/shot.ma")
    assert reading.scene_info["project"] == "job"
    assert [(use.referrer.rpartition("/")[2], use.name) for use in reading.uses] == [
        ("shot.ma", "file -r denRN"),
        ("shot.ma", "file -r farRN"),
        ("shot.ma", "file fur"),
        ("den.ma", "file -r shotRN"),
        ("den.ma", "file stone"),
    ]


def test_what_is_missing_is_told_with_who_uses_it_and_what_is_near(job: Path) -> None:
    paths = [path.relative_to(job).as_posix() for path in job.rglob("*") if path.is_file()]
    found = outcome(read(job, "job/scenes/shot.ma"), paths)
    assert found["missing"] == [
        {"file1": "scenes/far.mb"},
        {"file2": "D:/wolf//sourceimages/Fur.1001.tx"},
    ]
    assert found["used_by"] == {
        "scenes/far.mb": ["job/scenes/shot.ma: file -r farRN"],
        "D:/wolf//sourceimages/Fur.1001.tx": ["job/scenes/shot.ma: file fur"],
    }
    assert found["near"] == {"D:/wolf//sourceimages/Fur.1001.tx": ["job/sourceimages/fur.1001.tx"]}


def test_a_scene_that_is_broken_is_named_where_it_is_brought_in(job: Path) -> None:
    (job / "job/scenes/den.ma").write_text(DEN[:-5])
    with pytest.raises(UnreadableSceneError, match=r"den\.ma, which breaks off"):
        read(job, "job/scenes/shot.ma")


def test_a_link_out_of_the_bundle_is_not_followed(
    job: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "den.ma"
    outside.write_text(DEN)
    den = job / "job/scenes/den.ma"
    den.unlink()
    den.symlink_to(outside)
    assert all(use.name != "file stone" for use in read(job, "job/scenes/shot.ma").uses)


@pytest.mark.parametrize("seed", range(8))
def test_a_damaged_scene_is_read_or_refused(job: Path, seed: int) -> None:
    path = job / "job/scenes/shot.ma"
    content = bytearray(path.read_bytes())
    chance = random.Random(seed)  # noqa: S311  # the same damage every time
    for _ in range(2**seed):
        content[chance.randrange(14, len(content))] = chance.randrange(256)
    path.write_bytes(content)
    try:
        read(job, "job/scenes/shot.ma")
    except UnreadableSceneError as error:
        assert "scenes/" in error.reason  # noqa: PT017  # either outcome is allowed
