"""Maya Binary scenes by a `mayapy`: a stand-in that takes the documented arguments."""

import asyncio
import shutil
import sys
from pathlib import Path

import pytest

from lightmill.analyzer.adapters import sandbox
from lightmill.analyzer.adapters.probe import ProcessLimits
from lightmill.analyzer.core.reading import SceneReading
from lightmill.analyzer.factory import readers
from lightmill.analyzer.ports import UnreadableSceneError

STANDINS = Path(__file__).with_name("standins")
LIMITS = ProcessLimits(seconds=60, memory=2**31, size=2**30)
BINARY = b"FOR8\0\0\0\0"
SHOT = b"""//Maya ASCII 2024 scene
file -r -ns "den" -rfn "denRN" -typ "mayaAscii" "scenes/den.ma";
createNode file -n "fur";
    setAttr ".ftn" -type "string" "sourceimages/fur.tx";
"""
DEN = b"""//Maya ASCII 2024 scene
createNode file -n "stone";
    setAttr ".ftn" -type "string" "sourceimages/stone.png";
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A Maya: its Python is ours, with the stand-in's modules."""
    home = tmp_path / "maya2025"
    shutil.copytree(STANDINS, home / "lib")
    python = home / "bin" / "mayapy"
    python.parent.mkdir()
    # Less `-I`, with which Python would not look for modules there.
    started = f'shift; PYTHONPATH={home}/lib exec {sys.executable} "$@"'
    python.write_text(f"#!/bin/sh\n{started}\n")
    python.chmod(0o755)
    return home


@pytest.fixture
def job(tmp_path: Path) -> Path:
    job = tmp_path / "job"
    (job / "scenes").mkdir(parents=True)
    (job / "workspace.mel").touch()
    (job / "scenes/shot.mb").write_bytes(BINARY + SHOT)
    (job / "scenes/den.ma").write_bytes(DEN)
    return job


def read(home: Path, job: Path, scene: str) -> SceneReading:
    reader = readers(LIMITS, sandbox.bubblewrap(), home)[".mb"]
    return asyncio.run(reader.read(job, scene))


def test_a_scene_is_read_with_what_it_brings_in(home: Path, job: Path) -> None:
    reading = read(home, job, "scenes/shot.mb")
    assert [(use.referrer, use.path) for use in reading.uses] == [
        ("scenes/shot.mb", "scenes/den.ma"),
        ("scenes/shot.mb", "sourceimages/fur.tx"),
        ("scenes/den.ma", "sourceimages/stone.png"),
    ]
    assert reading.scene_info["renderer"] == "mayaSoftware"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"//Maya ASCII 2024 scene\n", "no Maya Binary"),
        (b"FOR4" + bytes(4), "cannot be opened by Maya: Error reading file"),
        (BINARY + SHOT[:-9], "breaks off"),
        (b"", "no Maya Binary"),
    ],
)
def test_what_maya_cannot_open_is_refused(
    home: Path, job: Path, content: bytes, reason: str
) -> None:
    (job / "scenes/shot.mb").write_bytes(content)
    with pytest.raises(UnreadableSceneError, match=reason):
        read(home, job, "scenes/shot.mb")


def test_without_a_maya_there_is_no_reader() -> None:
    assert ".mb" not in readers(LIMITS, None)
