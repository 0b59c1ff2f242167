"""What a job may ask beyond its frames: order, dependencies, approval, machines, limits."""

from typing import Any

import pytest
from pydantic import TypeAdapter
from services.api.tests.conftest import Farm

from lightmill.domain.job import After, AfterJob, FrameOrder, JobSpec
from lightmill.domain.principal import Role
from lightmill.storage.sql.schema.api import JOBS, LIMITS, POOLS
from lightmill.storage.sql.schema.scheduler import NODES

GIB = 2**30
SPEC = TypeAdapter(JobSpec)


async def asked(farm: Farm, **more: object) -> tuple[int, dict[str, Any]]:
    body = {"name": "shot", "bundle_id": await farm.bundle(), "scene": "scene.blend", **more}
    async with farm.client() as client:
        answer = await client.post("/api/v1/jobs", json=body)
    return answer.status_code, answer.json()


async def accepted(farm: Farm, **more: object) -> tuple[JobSpec, dict[str, Any]]:
    """Hand in a job; give its specification, and what `GET` tells of it."""
    status, made = await asked(farm, **more)
    assert status == 201, made
    async with farm.client() as client:
        told = (await client.get(f"/api/v1/jobs/{made['id']}")).json()
    row = next(row for row in await farm.rows(JOBS) if row.id == made["id"])
    return SPEC.validate_python(row.spec), told


async def refused(farm: Farm, **more: object) -> tuple[str, str]:
    """Hand in what is refused; give the pointer and the detail."""
    status, problem = await asked(farm, **more)
    assert status == 422, problem
    assert await farm.count(JOBS) == 0
    return problem["errors"][0]["pointer"].removeprefix("#/"), problem["detail"]


async def a_limit(farm: Farm, name: str) -> None:
    row = {"name": name, "total": 2, "scope": "task", "version": 1}
    await farm.insert(LIMITS, {**row, "updated_at": farm.clock.now()})


async def a_node(farm: Farm, name: str = "mill", **offer: object) -> None:
    now = farm.clock.now()
    whole = {"cores": 8, "ram": 16 * GIB, "engines": {"blender": ["4.5.1"]}, **offer}
    row = {"id": f"node-{name}", "name": name, "session": "s", "state": "ONLINE", "offer": whole}
    await farm.insert(NODES, {**row, "seen_at": now, "updated_at": now})


@pytest.mark.parametrize(
    ("order", "handed_out"),
    [
        ("given", [3, 1, 2, 5]),
        ("ascending", [1, 2, 3, 5]),
        ("descending", [5, 3, 2, 1]),
        ("bisection", [1, 5, 2, 3]),
    ],
)
async def test_frames_go_out_in_the_order_asked_for(
    farm: Farm, order: str, handed_out: list[int]
) -> None:
    spec, told = await accepted(farm, frames="3,1,2,5", order=order)
    (step,) = spec.steps
    assert [step.frame_at(ordinal) for ordinal in range(4)] == handed_out
    assert told["steps"][0]["order"] == order
    async with farm.client() as client:
        page = (await client.get(f"/api/v1/jobs/{told['id']}/frames")).json()
    assert [frame["number"] for frame in page["items"]] == handed_out


async def test_a_chunk_that_is_not_given_is_left_to_the_scheduler(farm: Farm) -> None:
    spec, told = await accepted(farm, frames="1-10", test_frames="5")
    assert [step.chunk for step in spec.steps] == [1, None]
    assert [step["chunk"] for step in told["steps"]] == [1, None]
    spec, told = await accepted(farm, frames="1-10", chunk=4)
    assert (spec.steps[0].chunk, told["steps"][0]["chunk"]) == (4, 4)


async def test_a_person_may_have_to_approve_the_test_frames(farm: Farm) -> None:
    spec, told = await accepted(farm, frames="1-10", test_frames="5", approval=True)
    assert [step.approval for step in spec.steps] == [False, True]
    assert (told["approved"], told["version"]) == (False, 1)
    async with farm.client() as client:
        for _ in range(2):
            answer = await client.post(f"/api/v1/jobs/{told['id']}/approve")
            assert answer.status_code == 202
        seen = (await client.get(f"/api/v1/jobs/{told['id']}")).json()
    assert (seen["approved"], seen["version"]) == (True, 2)


async def test_what_asks_for_nobodys_approval_cannot_be_approved(farm: Farm) -> None:
    job = await farm.job()
    async with farm.client() as client:
        answer = await client.post(f"/api/v1/jobs/{job}/approve")
        assert (await client.post("/api/v1/jobs/none/approve")).status_code == 404
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing-to-approve")
    assert await refused_frames(farm, approval=True) == "approval"


async def refused_frames(farm: Farm, **more: object) -> str:
    status, problem = await asked(farm, frames="1-10", **more)
    assert status == 422, problem
    return str(problem["errors"][0]["pointer"]).removeprefix("#/")


async def test_needs_reach_the_scheduler_and_are_told(farm: Farm) -> None:
    gpu = {"index": 0, "name": "RTX", "vendor": "nvidia", "vram": 24 * GIB}
    await a_node(farm, gpus=[gpu], tags=["fast"], pools=["film"], sandbox="bubblewrap")
    needs = {
        "gpus": 1,
        "vram": 8 * GIB,
        "vendor": "nvidia",
        "disk": GIB,
        "version": "4.5",
        "os": "linux",
        "tags": ["fast"],
        "sandbox": "container",
    }
    spec, told = await accepted(farm, frames="1", needs=needs, pool="film")
    assert spec.needs.vendor == "nvidia"
    assert (spec.needs.tags, spec.needs.pool, spec.pool) == (("fast",), "film", "film")
    assert {**told["needs"], **needs} == told["needs"]


@pytest.mark.parametrize(
    ("needs", "named"),
    [
        ({"gpus": 1, "vram": 48 * GIB}, "48 GB"),
        ({"vendor": "amd", "gpus": 1}, "GPU of amd"),
        ({"version": "5.1"}, "engine blender 5.1"),
        ({"os": "windows"}, "operating system windows"),
        ({"tags": ["quiet"]}, "tag quiet"),
        ({"disk": 2 * 2**40}, "2048 GB of disk"),
        ({"sandbox": "bubblewrap"}, "sandbox bubblewrap"),
    ],
)
async def test_a_need_that_no_machine_meets_is_named(
    farm: Farm, needs: dict[str, object], named: str
) -> None:
    gpu = {"index": 0, "vendor": "nvidia", "vram": 24 * GIB}
    await a_node(farm, gpus=[gpu], disk=2**40)
    status, problem = await asked(farm, frames="1", needs=needs)
    assert (status, problem["code"]) == (400, "no-machine-fits")
    assert named in problem["detail"]
    assert {error["pointer"] for error in problem["errors"]} == {f"#/needs/{n}" for n in needs}
    assert (await asked(farm, frames="1", needs=needs, allow_waiting=True))[0] == 201


async def test_a_machine_that_has_just_come_counts_at_once(farm: Farm) -> None:
    await a_node(farm)
    needs = {"tags": ["quiet"]}
    assert (await asked(farm, frames="1", needs=needs))[0] == 400
    await a_node(farm, "barn", tags=["quiet"])
    assert (await asked(farm, frames="1", needs=needs))[0] == 201


async def test_hardware_profiles_say_which_machines_will_do(farm: Farm) -> None:
    await a_node(farm)
    async with farm.client() as client:
        body = {"name": "mill", "cores": 8, "ram": 16 * GIB}
        profile = (await client.post("/api/v1/hardware-configs", json=body)).json()["id"]
    spec, told = await accepted(farm, frames="1", needs={"hardware_config_ids": [profile]})
    (kind,) = spec.needs.profiles
    assert (kind.id, kind.cores, kind.ram) == (str(profile), 8, 16 * GIB)
    assert told["needs"]["hardware_config_ids"] == [profile]
    assert told["hardware_config_id"] is None
    async with farm.client(tenant=farm.two) as client:
        foreign = await client.get(f"/api/v1/hardware-configs/{profile}")
    assert foreign.status_code == 404


async def test_a_profile_that_is_not_the_tenants_is_refused(farm: Farm) -> None:
    async with farm.client(tenant=farm.two) as client:
        body = {"name": "mill", "cores": 8, "ram": 16 * GIB}
        profile = (await client.post("/api/v1/hardware-configs", json=body)).json()["id"]
    field, detail = await refused(farm, frames="1", needs={"hardware_config_ids": [profile]})
    assert (field, str(profile) in detail) == ("needs/hardware_config_ids", True)


async def test_limits_deadline_and_budget_are_kept(farm: Farm) -> None:
    await a_limit(farm, "arnold")
    more = {"limits": ["arnold", "arnold"], "failure_budget": 3}
    spec, told = await accepted(farm, frames="1", deadline="2026-12-24T18:00:00+01:00", **more)
    assert (spec.limits, spec.failure_budget) == (("arnold",), 3)
    assert spec.deadline is not None
    assert told["deadline"] == "2026-12-24T17:00:00.000000Z"
    assert (told["limits"], told["failure_budget"]) == (["arnold"], 3)


async def test_a_limit_that_nobody_has_set_up_is_refused_unless_overruled(farm: Farm) -> None:
    field, detail = await refused(farm, frames="1", limits=["maya"])
    assert (field, "'maya' is not set up" in detail) == ("limits/0", True)
    assert (await asked(farm, frames="1", limits=["maya"], allow_waiting=True))[0] == 201


async def test_a_job_waits_for_others_of_its_tenant(farm: Farm) -> None:
    first, second = await farm.job(), await farm.job()
    after = [first, {"job_id": second, "must_succeed": False}]
    spec, told = await accepted(farm, frames="1", after=after)
    waits = (AfterJob(job_id=first), AfterJob(job_id=second, must_succeed=False))
    assert spec.after == waits
    assert [item["job_id"] for item in told["after"]] == [first, second]


async def test_a_job_that_is_not_there_cannot_be_waited_for(farm: Farm) -> None:
    foreign = await farm.job(tenant=farm.two)
    for job_id in ("none", foreign):
        status, problem = await asked(farm, frames="1", after=[job_id])
        assert status == 422
        assert problem["errors"][0]["pointer"] == "#/after/0/job_id"
        assert problem["detail"] == f"after/0/job_id: there is no job {job_id}"


async def test_a_job_follows_the_mode_of_its_pool(farm: Farm) -> None:
    spec, _ = await accepted(farm, frames="1", pool="designs", allow_waiting=True)
    assert (spec.fifo, spec.pool) == (True, "designs")
    row = {"name": "designs", "mode": "fair", "version": 1, "updated_at": farm.clock.now()}
    await farm.insert(POOLS, row)
    spec, _ = await accepted(farm, frames="1", pool="designs", allow_waiting=True)
    assert spec.fifo is False
    spec, _ = await accepted(farm, frames="1")
    assert (spec.fifo, spec.pool) == (False, "default")


STEPS = [
    {"name": "sim", "frames": "1-4", "chunk": 4},
    {"name": "look", "frames": "2", "after": [{"step": "sim"}], "settings": {"samples": 8}},
    {
        "name": "beauty",
        "frames": "4,1,3,2",
        "order": "ascending",
        "after": [{"step": "look", "must_succeed": False}],
        "approval": True,
        "needs": {"cores": 2},
    },
    {
        "name": "comp",
        "frames": "1-4",
        "order": "ascending",
        "after": [{"step": "beauty", "each": True}],
        "scene": "comp.blend",
    },
]


async def test_steps_of_ones_own_become_steps(farm: Farm) -> None:
    await a_node(farm)
    bundle = await farm.bundle("scene.blend", "comp.blend")
    more = {"steps": STEPS, "bundle_id": bundle, "settings": {"samples": 64}}
    spec, told = await accepted(farm, **more)
    sim, look, beauty, comp = spec.steps
    assert (sim.chunk, sim.work, sim.after) == (4, None, ())
    assert look.work is not None
    assert (look.work.settings, look.work.scene) == ({"samples": 8}, "scene.blend")
    assert look.after == (After(step="sim"),)
    assert (beauty.order, list(beauty.frames)) == (FrameOrder.ASCENDING, [1, 2, 3, 4])
    assert beauty.needs is not None
    assert (beauty.approval, beauty.needs.cores) == (True, 2)
    assert comp.after == (After(step="beauty", each=True),)
    assert comp.work is not None
    assert comp.work.scene == "comp.blend"
    assert [step["name"] for step in told["steps"]] == ["sim", "look", "beauty", "comp"]
    assert told["steps"][2]["after"] == [{"step": "look", "must_succeed": False, "each": False}]
    assert told["frames"]["total"] == 13


def two(**more: object) -> list[dict[str, object]]:
    return [{"name": "a", "frames": "1-4"}, {"name": "b", "frames": "1-4", **more}]


@pytest.mark.parametrize(
    ("more", "field", "told"),
    [
        ({"steps": two(name="a")}, "steps/1/name", "two steps named 'a'"),
        ({"steps": two(after=[{"step": "c"}])}, "steps/1/after/0/step", "there are a, b"),
        ({"steps": two(after=[{"step": "b"}])}, "steps", "'b' after 'b'"),
        (
            {"steps": two(frames="1-3", after=[{"step": "a", "each": True}])},
            "steps/1/after/0/each",
            "other frames",
        ),
        (
            {"steps": two(order="bisection", after=[{"step": "a", "each": True}])},
            "steps/1/after/0/each",
            "other frames, or in another order",
        ),
        ({"steps": two(after=[{"step": "a"}, {"step": "a"}])}, "steps/1/after", "twice"),
        ({"steps": two(), "frames": "1"}, "frames", "either frames or steps"),
        ({}, "frames", "either frames or steps"),
        ({"steps": two(), "test_frames": "1"}, "test_frames", "goes with frames"),
        ({"steps": two(), "chunk": 2}, "chunk", "each step says so itself"),
        ({"steps": two(scene="x.blend")}, "steps/1/scene", "not a path of the bundle"),
        ({"steps": two(engine="povray")}, "steps/1/engine", "is not known"),
        ({"steps": two(frames="1-999999")}, "steps", "1000003 frames"),
        (
            {"steps": two(needs={"hardware_config_ids": [7]})},
            "steps/1/needs/hardware_config_ids",
            "no hardware profile 7",
        ),
    ],
)
async def test_steps_that_make_no_sense_are_refused_by_name(
    farm: Farm, more: dict[str, object], field: str, told: str
) -> None:
    where, detail = await refused(farm, **more)
    assert (where, told in detail) == (field, True), detail


async def test_steps_that_wait_in_a_circle_are_told_as_one(farm: Farm) -> None:
    steps = [
        {"name": name, "frames": "1", "after": [{"step": other}]}
        for name, other in (("a", "b"), ("b", "c"), ("c", "a"))
    ]
    field, detail = await refused(farm, steps=steps)
    assert field == "steps"
    assert all(f"'{name}' after '{other}'" in detail for name, other in ("ab", "bc", "ca"))


async def test_a_viewer_approves_nothing(farm: Farm) -> None:
    job = await farm.job(frames="1-3", test_frames="2", approval=True)
    async with farm.client(Role.VIEWER) as client:
        assert (await client.post(f"/api/v1/jobs/{job}/approve")).status_code == 403
    async with farm.client(Role.ADMIN) as client:
        assert (await client.post(f"/api/v1/jobs/{job}/approve")).status_code == 202
