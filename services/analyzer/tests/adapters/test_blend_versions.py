"""Scenes that Blender 3.4, 4.2 and 5.0 wrote, plain and compressed, read as the service does.

5.0 begins its files with a header of another length, counts blocks in 64 bits and keeps what
Cycles is set to in another place.
"""

import asyncio
import io
from pathlib import Path

import pytest
import zstandard

from lightmill.analyzer.adapters import sandbox
from lightmill.analyzer.adapters.probe import Probe, ProcessLimits
from lightmill.analyzer.adapters.probe_reader import BLEND, ProbeReader

WRITTEN = Path(__file__).with_name("versions")
LIMITS = ProcessLimits(seconds=60, memory=2 * 2**30, size=2**30)
HEADERS = {"3.4": b"BLENDER-v304", "4.2": b"BLENDER-v402", "5.0": b"BLENDER17-01v0500"}


def plain(content: bytes) -> bytes:
    packed = io.BytesIO(content)
    return zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True).read()


@pytest.mark.parametrize("compressed", [True, False], ids=["zstd", "plain"])
@pytest.mark.parametrize("version", HEADERS)
def test_settings_and_files_are_read_whatever_version_wrote_them(
    version: str,
    compressed: bool,  # noqa: FBT001  # a parameter
    tmp_path: Path,
) -> None:
    content = (WRITTEN / f"{version}.blend").read_bytes()
    assert plain(content).startswith(HEADERS[version])
    (tmp_path / "a.blend").write_bytes(content if compressed else plain(content))
    reader = ProbeReader(Probe(LIMITS, sandbox.bubblewrap(), BLEND), ())
    found = asyncio.run(reader.read(tmp_path, "a.blend"))
    assert [(use.path, use.name) for use in found.uses] == [("//textures/wood.png", "wood")]
    expected = {
        "renderer": "cycles",
        "start": 3,
        "end": 9,
        "width": 320,
        "height": 180,
        "samples": 16,
        "camera": "Close",
        "cameras": ["Close"],
        "format": "OPEN_EXR",
        "color_mode": "RGBA",
        "output": "//out/frame_",
        "scene": "Shot",
        "view_layers": ["ViewLayer"],
        "version": version,
    }
    assert {name: found.scene_info[name] for name in expected} == expected
    assert 280e6 < float(str(found.scene_info["memory"])) < 300e6
