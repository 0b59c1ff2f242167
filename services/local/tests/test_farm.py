"""The whole farm on embedded parts, through its public interface."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from lightmill.client import Farm, JobFailedError, RefusedError
from lightmill.local.config import LocalSettings
from lightmill.local.driving import leftovers
from lightmill.local.farm import LocalFarm, farm
from lightmill.local.folder import FolderInUseError
from lightmill.local.pictures import open_image

pytestmark = pytest.mark.slow

QUICK = {"seconds": 0.05, "width": 32, "height": 18}
SHORT_AND_LONG = {"seconds": [0.05, 12], "seed": 745}
"""Draws 0.3 s for frame 1 and 11.9 s for frame 2: long enough to look what is told of frame 1."""


def settings(folder: Path, nodes: int = 2) -> LocalSettings:
    return LocalSettings(data=folder / "farm", nodes=nodes, port=0, simulated=True)


def client(running: LocalFarm) -> Farm:
    return Farm(running.url, running.token)


async def test_a_job_is_rendered_by_two_nodes_and_its_images_come_home(tmp_path: Path) -> None:
    def program(running: LocalFarm) -> None:
        with client(running) as one:
            assert sorted(node.name for node in one.nodes()) == ["node-1", "node-2"]
            job_id = one.submit(
                name="shot",
                engine="simulated",
                frames="1-12",
                test_frames="6",
                settings={**QUICK, "seconds": 0.2},
            )
            job = one.wait(job_id, step=0.05)
            assert (job.frames.succeeded, job.frames.failed) == (12, 0)
            images = one.download(job_id, tmp_path / "images")
            assert [path.name for path in images] == [f"{n:04d}.png" for n in range(1, 13)]
            assert {open_image(path).spec().width for path in images} == {32}
            results = one.results(job_id)
            assert len({result.node_id for result in results}) == 2
            assert min(results, key=lambda result: result.created_at).frame == 6

    chosen = settings(tmp_path)
    async with farm(chosen) as running:
        await asyncio.to_thread(program, running)
    assert leftovers(chosen) == []


async def test_what_an_engine_prints_is_read_while_it_renders(tmp_path: Path) -> None:
    def program(running: LocalFarm) -> None:
        with client(running) as one:
            job_id = one.submit(
                name="shot",
                engine="simulated",
                frames="1-2",
                chunk=2,
                settings={**QUICK, **SHORT_AND_LONG},
            )
            while not (attempts := one.attempts(job_id)):
                one._pause(0.05)  # noqa: SLF001  # as `wait` does
            pieces = one.follow_log(job_id, attempts[0].id, step=0.05)
            assert next(pieces).startswith("wrote 0001.png ")
            assert not one.job(job_id).finished
            assert "".join(pieces).startswith("wrote 0002.png ")
            one.wait(job_id, step=0.05)

    chosen = replace(settings(tmp_path), node={"node_log_seconds": 0.1})
    async with farm(chosen) as running:
        await asyncio.to_thread(program, running)


async def test_a_farm_that_comes_back_on_its_folder_knows_everything(tmp_path: Path) -> None:
    scene = tmp_path / "scene"
    (scene / "textures").mkdir(parents=True)
    (scene / "shot.blend").write_bytes(b"not looked into")
    (scene / "textures" / "wood.png").write_bytes(b"wood")

    def first(running: LocalFarm) -> str:
        with client(running) as one:
            assert one.upload_folder(scene).uploaded == 2
            job_id = one.submit(name="a", engine="simulated", frames="1-2", settings=QUICK)
            one.wait(job_id, step=0.05)
            return job_id

    def second(running: LocalFarm, job_id: str) -> None:
        with client(running) as one:
            assert one.job(job_id).state == "COMPLETED"
            assert one.upload_folder(scene).uploaded == 0
            assert len(one.download(job_id, tmp_path / "images")) == 2
            again = one.submit(name="b", engine="simulated", frames="1-2", settings=QUICK)
            assert one.wait(again, step=0.05).state == "COMPLETED"
            assert len(one.nodes()) == 1

    chosen = settings(tmp_path, nodes=1)
    async with farm(chosen) as running:
        token = running.token
        job_id = await asyncio.to_thread(first, running)
    async with farm(chosen) as running:
        assert running.token == token
        await asyncio.to_thread(second, running, job_id)


async def test_a_job_is_steered(tmp_path: Path) -> None:
    def program(running: LocalFarm) -> None:
        with client(running) as one:
            slow = {**QUICK, "seconds": 30}
            job_id = one.submit(name="slow", engine="simulated", frames="1-9", settings=slow)
            one.pause(job_id)
            assert one.job(job_id).state in {"PAUSED", "PENDING", "PROCESSING"}
            one.resume(job_id)
            one.cancel(job_id)
            with pytest.raises(JobFailedError, match="CANCELLED"):
                one.wait(job_id, step=0.05)
            bad = {**QUICK, "fail_frames": [2]}
            failing = one.submit(
                name="bad",
                engine="simulated",
                frames="1-3",
                settings=bad,
                retry={"retries": 0},
            )
            with pytest.raises(JobFailedError, match=f"lightmill job retry {failing}"):
                one.wait(failing, step=0.05)
            with pytest.raises(RefusedError, match="such job"):
                one.job("nobody")

    chosen = settings(tmp_path, nodes=1)
    async with farm(chosen) as running:
        await asyncio.to_thread(program, running)
    assert leftovers(chosen) == []


async def test_an_error_in_the_block_stops_the_farm_and_is_told(tmp_path: Path) -> None:
    chosen = settings(tmp_path, nodes=1)
    with pytest.raises(ExceptionGroup) as caught:
        async with farm(chosen):
            raise RuntimeError("enough")
    assert caught.group_contains(RuntimeError, match="enough")
    assert leftovers(chosen) == []


async def test_a_second_farm_on_the_folder_is_refused(tmp_path: Path) -> None:
    chosen = settings(tmp_path, nodes=0)
    async with farm(chosen):
        with pytest.raises(FolderInUseError):
            await farm(chosen).__aenter__()
