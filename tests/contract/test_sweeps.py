"""contract.md, "Sub-tasks and the executor": `POST /api/v1/sweeps` (seed 003)."""

from typing import Any

import pytest
from pydantic import TypeAdapter
from services.api.tests.conftest import Farm

from lightmill.api.config import ApiSettings
from lightmill.api.factory import assemble
from lightmill.domain.job import JobSpec
from lightmill.domain.sweep import Sweep
from lightmill.storage.sql.schema.api import JOBS

BODY: dict[str, Any] = {
    "name": "cats",
    "userId": "test-user-1",
    "prompts": ["a {colour} cat", "a {colour} dog"],
    "variables": {"colour": ["red", "black", "blue"], "size": [1, 2]},
    "ratio": "16:9",
    "seed": 7,
    "batchSize": 2,
    "polish": True,
}


async def posted(farm: Farm, status: int = 201, query: str = "", **changes: object) -> Any:  # noqa: ANN401  # JSON
    async with farm.client() as client:
        answer = await client.post(f"/api/v1/sweeps{query}", json={**BODY, **changes})
    assert answer.status_code == status, answer.text
    return answer.json()


async def spec_of(farm: Farm) -> JobSpec:
    (row,) = await farm.rows(JOBS)
    return TypeAdapter(JobSpec).validate_python(row.spec)


async def test_sub_tasks_are_prompts_times_the_product_of_variables(farm: Farm) -> None:
    made = await posted(farm)
    assert made["totalImages"] == 2 * 3 * 2
    assert made["first"][0] == {
        "prompt": "a red cat",
        "variables": {"colour": "red", "size": 1},
    }
    (row,) = await farm.rows(JOBS)
    assert (row.id, row.kind, row.user_label) == (made["id"], "sweep", "test-user-1")
    assert row.frame_count == 12
    spec = await spec_of(farm)
    assert spec.work.engine == "remote"
    assert len(Sweep.of(spec.work.settings)) == 12


async def test_ratio_seed_batch_size_and_polish_go_to_each_as_given(farm: Farm) -> None:
    await posted(farm)
    settings = (await spec_of(farm)).work.settings
    given = {name: settings[name] for name in ("ratio", "seed", "batchSize", "polish")}
    assert given == {"ratio": "16:9", "seed": 7, "batchSize": 2, "polish": True}


@pytest.mark.parametrize(
    ("body", "queue"),
    [
        ({"name": "cats"}, None),
        ({"name": "LUMINA cats"}, "dev"),
        ({"name": "for Lumina", "makeApiQueue": "prod"}, "prod"),
        ({"name": "for Lumina", "makeApiQueue": None}, None),
    ],
)
async def test_the_queue_goes_by_the_name(
    farm: Farm, body: dict[str, Any], queue: str | None
) -> None:
    assert (await posted(farm, **body))["makeApiQueue"] == queue
    assert (await spec_of(farm)).work.settings.get("makeApiQueue") == queue


async def test_priority_is_1_unless_given(farm: Farm) -> None:
    assert (await posted(farm))["priority"] == 1
    assert (await posted(farm, priority="high_priority"))["priority"] == 75


async def test_a_preview_counts_and_makes_nothing(farm: Farm) -> None:
    counted = await posted(farm, 200, "?preview=true")
    assert (counted["id"], counted["totalImages"]) == (None, 12)
    assert await farm.count(JOBS) == 0


async def test_a_sweep_beyond_the_cap_is_refused_with_its_count(
    farm: Farm, settings: ApiSettings
) -> None:
    farm.assembly = assemble(settings.model_copy(update={"most_sweep": 11}), farm.parts)
    for query in ("", "?preview=true"):
        refused = await posted(farm, 422, query)
        assert "make 12 images; a sweep has at most 11" in refused["detail"]
    assert await farm.count(JOBS) == 0


async def test_a_large_sweep_is_one_row(farm: Farm) -> None:
    numbers = list(range(100))
    made = await posted(farm, prompts=["x"], variables={"a": numbers, "b": numbers})
    assert made["totalImages"] == 10_000
    assert await farm.count(JOBS) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"prompts": []},
        {"prompts": [""]},
        {"variables": {"a": []}},
        {"variables": {"a": [None]}},
        {"prompts": ["x" * 20_000] * 7},
    ],
)
async def test_what_is_no_sweep_is_refused(farm: Farm, body: dict[str, Any]) -> None:
    refused = await posted(farm, 422, **body)
    assert refused["errors"]
