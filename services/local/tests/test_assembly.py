"""Tiles become a still, and frames a film and a contact sheet, through a whole farm."""

import asyncio
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from imageio_ffmpeg import get_ffmpeg_exe

from lightmill.client import Farm, JobFailedError
from lightmill.client.hashing import content_of
from lightmill.local.blender import Blender, Picture, installed_blender
from lightmill.local.config import LocalSettings
from lightmill.local.driving import leftovers
from lightmill.local.farm import LocalFarm, farm
from lightmill.local.pictures import open_image
from lightmill.render_node.engines.films import FilmsAndImages
from lightmill.render_node.engines.images import OpenImageIoImages

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SIZE = {"width": 97, "height": 65}
QUICK = {"seconds": 0.05, **SIZE}


async def on_a_farm(folder: Path, program: Callable[[Farm], None]) -> None:
    """Let the program use a farm of two nodes; nothing may be left of it."""

    def with_client(running: LocalFarm) -> None:
        with Farm(running.url, running.token) as client:
            program(client)

    chosen = LocalSettings(data=folder / "farm", nodes=2, port=0, simulated=True)
    async with farm(chosen) as running:
        await asyncio.to_thread(with_client, running)
    assert leftovers(chosen) == []


async def test_frames_in_tiles_become_one_image_each(tmp_path: Path) -> None:
    def program(client: Farm) -> None:
        job = client.submit(
            name="poster",
            engine="simulated",
            frames="7,9",
            tiles="3x2",
            settings={**QUICK, "seconds": 0.3},
        )
        done = client.wait(job, step=0.1)
        assert (done.frames.total, done.frames.failed) == (2 * 6 + 2, 0)
        tiles = client.results(job, step="tiles")
        assert [tile.frame for tile in tiles] == [*range(42, 48), *range(54, 60)]
        assert len({tile.node_id for tile in tiles}) == 2
        assert {(tile.width, tile.height) for tile in tiles} == {
            (wide, high) for wide in (32, 33) for high in (32, 33)
        }
        stills = client.results(job)
        assert [(one.step, one.name) for one in stills] == [
            ("stitch", "0007.png"),
            ("stitch", "0009.png"),
        ]
        images = client.download(job, tmp_path / "images")
        assert [path.name for path in images] == ["0007.png", "0009.png"]
        said = json.loads(str(open_image(images[0]).spec().getattribute("Lightmill")))
        assert (said["job"], said["frame"], said["engine"]) == (job, 7, "assembly 1")
        for image in images:
            spec = open_image(image).spec()
            assert (spec.width, spec.height) == (97, 65)

    await on_a_farm(tmp_path, program)


async def test_frames_become_a_film_and_a_contact_sheet(tmp_path: Path) -> None:
    def program(client: Farm) -> None:
        job = client.submit(
            name="shot",
            engine="simulated",
            frames="1-24",
            test_frames="12",
            film="mp4",
            contact_sheet=True,
            settings=QUICK,
        )
        client.wait(job, step=0.1)
        names = {path.name for path in client.download(job, tmp_path / "images")}
        assert names == {
            *(f"{frame:04d}.png" for frame in range(1, 25)),
            "film.mp4",
            "contact-sheet.png",
        }
        looked_into = FilmsAndImages(OpenImageIoImages())
        film = looked_into.check(tmp_path / "images/film.mp4", 98, 66)
        assert film.media_type == "video/mp4"
        open_image(tmp_path / "images/contact-sheet.png")
        made = {result.step: result for result in client.results(job)}
        assert made["film"].engine == "assembly 1"
        assert all(result.thumbnail_url for result in made.values())

    await on_a_farm(tmp_path, program)


async def test_a_tile_that_fails_leaves_no_half_a_still(tmp_path: Path) -> None:
    def program(client: Farm) -> None:
        job = client.submit(
            name="poster",
            engine="simulated",
            frames="1",
            tiles="2x2",
            settings={**QUICK, "fail_frames": [6]},
            retry={"retries": 0},
        )
        with pytest.raises(JobFailedError, match="FAILED"):
            client.wait(job, step=0.1)
        assert client.results(job) == []
        assert len(client.results(job, step="tiles")) == 3

    await on_a_farm(tmp_path, program)


def frames_of(film: Path) -> int:
    """Return how many pictures another program decodes of a film."""
    command = [get_ffmpeg_exe(), "-i", str(film), "-map", "0:v", "-f", "framemd5", "-"]
    ended = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)  # noqa: S603  # the tests' own words
    return sum(not line.startswith("#") for line in ended.stdout.splitlines())


def pixels(path: Path) -> np.ndarray:
    return np.asarray(open_image(path).get_pixels("float"))


def made_by(blender: Blender, folder: Path) -> Path:
    """Return a scene whose pixels depend on nothing but themselves."""
    scene, _ = blender.make_scene(folder, Picture(width=97, height=65, samples=8, frames=24))
    return scene


@pytest.mark.blender
async def test_four_tiles_on_two_nodes_are_the_single_render(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blender = installed_blender()
    assert blender is not None
    scene = made_by(blender, tmp_path / "made")

    def program(client: Farm) -> None:
        bundle = client.upload_folder(scene.parent).bundle_id
        images = {}
        for tiles in ("1x1", "2x2"):
            job = client.submit(
                name=tiles,
                bundle_id=bundle,
                scene=scene.name,
                frames="5",
                tiles=tiles,
                needs={"cores": 1, "ram": 2**30},
                settings={**SIZE, "format": "OPEN_EXR"},
            )
            client.wait(job, step=0.2)
            (images[tiles],) = client.download(job, tmp_path / tiles)
            nodes = {tile.node_id for tile in client.results(job, step="tiles")}
            assert len(nodes) == (2 if tiles == "2x2" else 1)
        difference = float(np.abs(pixels(images["2x2"]) - pixels(images["1x1"])).max())
        with capsys.disabled():
            print(f"\nfour tiles on two nodes against one: largest difference {difference:g}")  # noqa: T201  # for people
        assert difference <= 1e-3

    await on_a_farm(tmp_path, program)


@pytest.mark.blender
async def test_a_film_of_a_real_job_plays(tmp_path: Path) -> None:
    blender = installed_blender()
    assert blender is not None
    scene = made_by(blender, tmp_path / "made")

    def program(client: Farm) -> None:
        job = client.submit(
            name="mill",
            bundle_id=client.upload_folder(scene.parent).bundle_id,
            scene=scene.name,
            frames="1-24",
            film="mp4",
            fps=12,
            settings={"width": 96, "height": 54, "samples": 1},
        )
        client.wait(job, step=0.2)
        folder = tmp_path / "images"
        client.download(job, folder)
        assert len(list(folder.glob("*.png"))) == 24
        said = json.loads(str(open_image(folder / "0007.png").spec().getattribute("Lightmill")))
        assert (said["job"], said["frame"], said["samples"]) == (job, 7, 1)
        assert said["scene_blake3"] == content_of(scene).blake3
        FilmsAndImages(OpenImageIoImages()).check(folder / "film.mp4", 96, 54)
        assert frames_of(folder / "film.mp4") == 24

    await on_a_farm(tmp_path, program)
