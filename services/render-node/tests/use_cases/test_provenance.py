"""What an image says of where it comes from."""

import json
from pathlib import Path

from blake3 import blake3
from node_twins import assignment

from lightmill.domain.job import Work
from lightmill.messages.orders import Frame
from lightmill.render_node.ports import RenderedImage
from lightmill.render_node.use_cases.provenance import provenance

FRAME = Frame(ordinal=0, frame=7)


def told(project: Path, work: Work, samples: int | None = None) -> dict[str, object]:
    rendered = RenderedImage(
        path=project, seconds=1.23456, samples=samples, engine="blender 4.5.15 LTS"
    )
    held = assignment("attempt-1", 7, job="job-1", work=work)
    text = provenance("mill", held, FRAME, rendered, project)
    assert text.isascii()
    found: dict[str, object] = json.loads(text)
    return found


def test_an_image_says_what_made_it_of_what(tmp_path: Path) -> None:
    (tmp_path / "mühle.blend").write_bytes(b"scene")
    assert told(tmp_path, Work(engine="blender", scene="mühle.blend"), samples=64) == {
        "job": "job-1",
        "frame": 7,
        "attempt": "attempt-1",
        "engine": "blender 4.5.15 LTS",
        "node": "mill",
        "samples": 64,
        "seconds": 1.235,
        "scene": "mühle.blend",
        "scene_blake3": blake3(b"scene").hexdigest(),
    }


def test_a_scene_that_has_changed_is_told_as_what_it_is(tmp_path: Path) -> None:
    scene = tmp_path / "a.blend"
    for content in (b"one", b"other"):
        scene.write_bytes(content)
        found = told(tmp_path, Work(engine="blender", scene="a.blend"))
        assert found["scene_blake3"] == blake3(content).hexdigest()


def test_what_there_is_not_is_left_out(tmp_path: Path) -> None:
    found = told(tmp_path, Work(engine="simulated"))
    assert not {"samples", "scene", "scene_blake3"} & found.keys()
    assert "scene_blake3" not in told(tmp_path, Work(engine="blender", scene="absent.blend"))
