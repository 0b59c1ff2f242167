"""Tiles, film and contact sheet: the steps they become, and what a node is given for them."""

from typing import Any

import pytest
from pydantic import TypeAdapter
from services.api.tests.conftest import Farm

from lightmill.domain.job import After, JobSpec, StepSpec
from lightmill.domain.principal import Role
from lightmill.storage.sql.schema.api import JOBS
from lightmill.storage.sql.schema.scheduler import ATTEMPTS, NODES, RESULTS, STEPS, TASKS

GIB = 2**30
SPEC = TypeAdapter(JobSpec)
ENGINES = {"simulated": ["1"], "assembly": ["1"], "blender": ["4.5"], "unreal": ["5.4"]}


async def a_machine(farm: Farm) -> None:
    now = farm.clock.now()
    offer = {"cores": 8, "ram": 16 * GIB, "engines": ENGINES}
    row = {"id": "node-1", "name": "mill", "session": "s", "state": "ONLINE", "offer": offer}
    await farm.insert(NODES, {**row, "seen_at": now, "updated_at": now})


async def asked(farm: Farm, **more: object) -> tuple[int, dict[str, Any]]:
    body = {"name": "shot", "engine": "simulated", "frames": "1-4", **more}
    async with farm.client() as client:
        answer = await client.post("/api/v1/jobs", json=body)
    return answer.status_code, answer.json()


async def steps_of(farm: Farm, **more: object) -> tuple[str, tuple[StepSpec, ...]]:
    status, made = await asked(farm, **more)
    assert status == 201, made
    (row,) = await farm.rows(JOBS)
    return made["id"], SPEC.validate_python(row.spec).steps


@pytest.mark.parametrize("tiles", ["2x3", {"columns": 2, "rows": 3}])
async def test_tiles_are_a_step_and_their_stitching_another(farm: Farm, tiles: object) -> None:
    await a_machine(farm)
    settings = {"width": 640, "format": "OPEN_EXR", "samples": 4}
    _, (cut, stitched) = await steps_of(farm, frames="5,9", tiles=tiles, settings=settings)
    assert (cut.name, list(cut.frames), cut.chunk) == (
        "tiles",
        [*range(30, 36), *range(54, 60)],
        1,
    )
    assert not cut.delivered
    assert cut.work is not None
    assert cut.work.settings == {**settings, "tiles": {"columns": 2, "rows": 3}}
    assert (stitched.name, list(stitched.frames)) == ("stitch", [5, 9])
    assert stitched.after == (After(step="tiles"),)
    assert stitched.work is not None
    assert (stitched.work.engine, stitched.work.inputs) == ("assembly", ("tiles",))
    assert stitched.work.settings["format"] == "OPEN_EXR"
    assert "samples" not in stitched.work.settings


async def test_film_and_contact_sheet_come_after_every_frame(farm: Farm) -> None:
    await a_machine(farm)
    wishes = {"film": "mp4", "fps": 12, "contact_sheet": True}
    _, steps = await steps_of(farm, test_frames="2", **wishes)
    assert [step.name for step in steps] == ["test", "frames", "film", "contact sheet"]
    for step in steps[2:]:
        assert step.after == (After(step="test"), After(step="frames"))
        assert list(step.frames) == [1]
        assert step.work is not None
        assert step.work.inputs == ("test", "frames")
    assert steps[2].work is not None
    assert steps[2].work.settings == {"assemble": "film", "format": "MP4", "fps": 12}


async def test_a_film_of_frames_in_tiles_shows_the_stitched(farm: Farm) -> None:
    await a_machine(farm)
    _, steps = await steps_of(farm, tiles="2x2", film="mp4", order="descending")
    assert [step.name for step in steps] == ["tiles", "stitch", "film"]
    assert list(steps[0].frames)[:4] == [16, 17, 18, 19]
    assert list(steps[1].frames) == [4, 3, 2, 1]
    assert steps[2].work is not None
    assert steps[2].work.inputs == ("stitch",)


@pytest.mark.parametrize(
    ("more", "field", "words"),
    [
        ({"tiles": "2by2"}, "tiles", "valid"),
        ({"tiles": "0x2"}, "tiles/columns", "greater"),
        ({"tiles": "2x2", "test_frames": "1"}, "tiles", "without test_frames"),
        ({"tiles": "2x2", "order": "bisection"}, "tiles", "as given"),
        ({"tiles": "2x2", "frames": "1-300000"}, "tiles", "1200000 tiles"),
        ({"tiles": "2x2", "frames": "999999999"}, "tiles", "too large"),
        ({"film": "avi"}, "film", "mp4"),
        ({"film": "mp4", "frames": "1-20001"}, "film", "at most 20000"),
        ({"contact_sheet": True, "frames": "1-20001"}, "contact_sheet", "at most 20000"),
        ({"fps": 0}, "fps", "greater"),
        (
            {"film": "mp4", "frames": None, "steps": [{"name": "a", "frames": "1"}]},
            "film",
            "goes with frames",
        ),
        (
            {"steps": [{"name": "a", "frames": "1", "engine": "assembly"}], "frames": None},
            "steps/0/engine",
            "is not known",
        ),
    ],
)
async def test_what_cannot_be_put_together_is_refused(
    farm: Farm, more: dict[str, object], field: str, words: str
) -> None:
    await a_machine(farm)
    status, problem = await asked(farm, **more)
    assert status == 422, problem
    assert problem["errors"][0]["pointer"] == f"#/{field}"
    assert words in problem["detail"] + problem["errors"][0]["detail"]


async def test_an_engine_that_renders_no_tiles_is_named(farm: Farm) -> None:
    await a_machine(farm)
    bundle = await farm.bundle("shot.uproject")
    scene = {"bundle_id": bundle, "scene": "shot.uproject", "engine": "unreal"}
    status, problem = await asked(farm, tiles="2x2", **scene)
    assert (status, problem["detail"]) == (422, problem["detail"])
    assert "unreal renders no tiles" in problem["detail"]


async def rendered(farm: Farm, job: str, step: str, ordinal: int, frame: int) -> None:
    key = f"tenants/{farm.one.id}/jobs/{job}/attempts/a-{step}-{ordinal}/{frame:04d}.png"
    row: dict[str, Any] = {
        "step_id": step,
        "ordinal": ordinal,
        "tenant_id": farm.one.id,
        "job_id": job,
    }
    row |= {"attempt_id": f"a-{step}-{ordinal}", "node_id": "node-1", "frame": frame}
    row |= {"object_key": key, "blake3": f"{ordinal:064x}", "size": 7, "width": 1, "height": 1}
    row |= {"media_type": "image/png", "seconds": 0.1, "created_at": farm.clock.now()}
    await farm.insert(RESULTS, row)


async def a_step(farm: Farm, job: str, position: int, spec: StepSpec) -> None:
    row: dict[str, Any] = {"id": f"step-{position}", "job_id": job, "tenant_id": farm.one.id}
    row |= {"position": position, "name": spec.name, "state": "RUNNING"}
    row |= {"frames": len(spec.frames), "next_ordinal": 0, "succeeded": 0, "failed": 0}
    await farm.insert(STEPS, {**row, "running": 0, "updated_at": farm.clock.now()})


async def an_attempt(farm: Farm, job: str, step: str, *ordinals: int) -> None:
    now = farm.clock.now()
    task: dict[str, Any] = {
        "id": "task-1",
        "tenant_id": farm.one.id,
        "owner_id": "o",
        "job_id": job,
    }
    task |= {"step_id": step, "ordinals": list(ordinals), "frames": list(ordinals)}
    task |= {"state": "RUNNING", "node_id": farm.one.node_id, "attempt_id": "attempt-1"}
    task |= {"priority": 1, "progress": 0.0, "failures": 0, "tries": 1, "created_at": now}
    await farm.insert(TASKS, task)
    attempt: dict[str, Any] = {
        "id": "attempt-1",
        "tenant_id": farm.one.id,
        "job_id": job,
        "step_id": step,
    }
    attempt |= {"task_id": "task-1", "node_id": farm.one.node_id, "session": "s", "epoch": 1}
    attempt |= {"state": "RUNNING", "cores": 1, "ram": 1, "gpus": [], "assigned_at": now}
    await farm.insert(ATTEMPTS, attempt)


async def cut_into_four(farm: Farm) -> str:
    """Return a job of two frames, of which seven tiles of eight are rendered."""
    await a_machine(farm)
    job, steps = await steps_of(farm, frames="1,2", tiles="2x2")
    for position, spec in enumerate(steps):
        await a_step(farm, job, position, spec)
    for ordinal in range(7):
        await rendered(farm, job, "step-0", ordinal, 4 + ordinal)
    await rendered(farm, job, "step-1", 0, 1)
    return job


async def test_a_node_that_stitches_gets_the_tiles_of_its_frame_alone(farm: Farm) -> None:
    job = await cut_into_four(farm)
    await an_attempt(farm, job, "step-1", 0)
    async with farm.client(Role.NODE) as client:
        answer = (await client.get("/api/v1/attempts/attempt-1/bundle")).json()
    assert answer["bundle_id"] is None
    assert [file["path"] for file in answer["files"]] == [
        f"tiles/{number:04d}.png" for number in (4, 5, 6, 7)
    ]
    assert answer["files"][1]["blake3"] == f"{1:064x}"
    assert "/attempts/a-step-0-1/0005.png" in answer["files"][1]["url"]


async def test_a_node_that_renders_tiles_gets_the_bundle(farm: Farm) -> None:
    job = await cut_into_four(farm)
    await an_attempt(farm, job, "step-0", 7)
    async with farm.client(Role.NODE) as client:
        answer = (await client.get("/api/v1/attempts/attempt-1/bundle")).json()
    assert answer == {"bundle_id": None, "files": []}


async def test_tiles_are_no_results_unless_asked_for(farm: Farm) -> None:
    job = await cut_into_four(farm)
    async with farm.client() as client:
        results = (await client.get(f"/api/v1/jobs/{job}/results")).json()["items"]
        tiles = (await client.get(f"/api/v1/jobs/{job}/results?step=tiles")).json()["items"]
    assert [(one["step"], one["name"]) for one in results] == [("stitch", "0001.png")]
    assert [one["frame"] for one in tiles] == [4, 5, 6, 7, 8, 9, 10]
