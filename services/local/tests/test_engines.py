"""Engines beside Blender, through the whole farm and its public interface."""

import asyncio
import zipfile
from pathlib import Path

import httpx2
import pytest
from remote_service import RemoteServer, served

from lightmill.client import Farm
from lightmill.local.config import LocalSettings
from lightmill.local.driving import leftovers
from lightmill.local.farm import LocalFarm, farm

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

BUNDLE = """
specificationVersion: jobtemplate-2023-09
name: Words
parameterDefinitions:
- {name: Source, type: PATH, objectType: FILE, dataFlow: IN, default: words.txt}
- {name: Out, type: PATH, objectType: DIRECTORY, dataFlow: OUT, default: out}
steps:
- name: Count
  parameterSpace:
    taskParameterDefinitions: [{name: N, type: INT, range: 1-4}]
  script:
    actions:
      onRun:
        command: sh
        args: [-c, "wc -w <{{Param.Source}} >{{Param.Out}}/{{Task.Param.N}}"]
- name: Tell
  dependencies: [{dependsOn: Count}]
  script:
    actions: {onRun: {command: sh, args: [-c, "echo done > {{Param.Out}}/told"]}}
"""


def settings(folder: Path, **node: object) -> LocalSettings:
    return LocalSettings(data=folder / "farm", nodes=2, port=0, node=node)


async def test_a_job_bundle_runs_and_its_files_come_home(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    (bundle / "template.yaml").write_text(BUNDLE)
    (bundle / "words.txt").write_text("three plain words")

    def program(running: LocalFarm) -> None:
        with Farm(running.url, running.token) as one:
            job_id = one.submit_openjd(bundle, {"Source": str(bundle / "words.txt")})
            job = one.wait(job_id, step=0.05)
            assert (job.frames.succeeded, job.frames.total) == (5, 5)
            archives = one.download(job_id, tmp_path / "made")
            assert [path.name for path in archives] == [f"{n:04d}.zip" for n in range(1, 6)]
            contents: dict[str, list[bytes]] = {}
            for path in archives:
                with zipfile.ZipFile(path) as archive:
                    contents |= {name: archive.read(name).split() for name in archive.namelist()}
            assert contents == {
                **{f"out/{n}": [b"3"] for n in range(1, 5)},
                "out/told": [b"done"],
            }
            ended = {result.frame: result.created_at for result in one.results(job_id)}
            assert max(ended[n] for n in range(1, 5)) <= ended[5]

    chosen = settings(tmp_path, node_openjd=True)
    async with farm(chosen) as running:
        await asyncio.to_thread(program, running)
    assert leftovers(chosen) == []


async def test_a_sweep_is_rendered_by_a_service_elsewhere(tmp_path: Path) -> None:
    def program(running: LocalFarm) -> None:
        headers = {"Authorization": f"Bearer {running.token}"}
        body = {"name": "cats", "prompts": ["a {x}"], "variables": {"x": [1, 2, 3], "y": [1, 2]}}
        answer = httpx2.post(f"{running.url}/api/v1/sweeps", json=body, headers=headers)
        assert answer.status_code == 201, answer.text
        with Farm(running.url, running.token) as one:
            job = one.wait(answer.json()["id"], step=0.05)
            assert job.frames.succeeded == answer.json()["totalImages"] == 6
            assert len(one.download(job.id, tmp_path / "images")) == 6

    with served(RemoteServer(polls_needed=0)) as remote:
        async with farm(settings(tmp_path, node_remote_url=remote.url)) as running:
            await asyncio.to_thread(program, running)
    assert sorted(render.body["prompt"] for render in remote.renders.values()) == sorted(
        ["a 1", "a 2", "a 3"] * 2
    )
