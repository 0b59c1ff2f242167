"""`POST /api/v1/openjd-jobs`: templates become jobs, or are refused in words."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter
from services.api.tests.conftest import Farm

from lightmill.domain.job import After, JobSpec
from lightmill.domain.resources import GIB
from lightmill.storage.sql.schema.api import JOBS

SAMPLES = Path(__file__).parents[4].parent / "shared/samples/openjd"
TWO_STEPS = """
specificationVersion: jobtemplate-2023-09
name: "Shot {{Param.Shot}}"
parameterDefinitions:
- {name: Shot, type: INT}
- {name: Scene, type: PATH, default: scene.blend}
steps:
- name: Render
  parameterSpace:
    taskParameterDefinitions:
    - {name: Frame, type: INT, range: 1-10}
    - {name: Side, type: STRING, range: [left, right]}
  hostRequirements:
    amounts:
    - {name: amount.worker.vcpu, min: 4}
    - {name: amount.worker.memory, min: 8192}
    attributes:
    - {name: attr.worker.os.family, anyOf: [linux]}
  script:
    actions: {onRun: {command: "true"}}
- name: Film
  dependencies: [{dependsOn: Render}]
  script:
    actions: {onRun: {command: "true"}}
"""


async def posted(farm: Farm, status: int, **body: object) -> Any:  # noqa: ANN401  # JSON
    async with farm.client() as client:
        answer = await client.post("/api/v1/openjd-jobs", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


async def spec_of(farm: Farm) -> JobSpec:
    (row,) = await farm.rows(JOBS)
    return TypeAdapter(JobSpec).validate_python(row.spec)


async def test_steps_become_steps_and_tasks_become_frames(farm: Farm) -> None:
    made = await posted(farm, 201, template=TWO_STEPS, parameters={"Shot": 12}, priority=5)
    assert made["steps"] == [{"name": "Render", "tasks": 20}, {"name": "Film", "tasks": 1}]
    (row,) = await farm.rows(JOBS)
    assert (row.name, row.kind, row.frame_count, row.priority) == ("Shot 12", "openjd", 21, 5)
    render, film = (await spec_of(farm)).steps
    assert (str(render.frames), str(film.frames)) == ("1-20", "21")
    assert film.after == (After(step="Render"),)
    assert render.needs is not None
    assert (render.needs.cores, render.needs.ram) == (4, 8 * GIB)
    assert film.needs is None
    assert film.work is not None
    assert film.work.settings["step"] == "Film"
    assert film.work.settings["firstFrame"] == 21


async def test_a_template_may_be_what_it_says_as_well_as_text(farm: Farm) -> None:
    template = yaml.safe_load(TWO_STEPS)
    await posted(farm, 201, template=template, parameters={"Shot": "12"})


async def test_a_bundles_own_values_stand_below_those_given(farm: Farm) -> None:
    values = """
    parameterValues:
    - {name: Shot, value: 3}
    - {name: Scene, value: other.blend}
    - {name: "deadline:priority", value: 50}
    """
    await posted(farm, 201, template=TWO_STEPS, parameter_values=values, parameters={"Shot": 4})
    given = (await spec_of(farm)).work.settings["parameters"]
    assert given == {"Shot": "4", "Scene": "other.blend"}


@pytest.mark.parametrize(
    ("changes", "field", "told"),
    [
        ({"template": "a: [b"}, "template", "no YAML"),
        ({"template": "a: &x [1]\nb: *x"}, "template", "aliases"),
        ({"template": "[1]"}, "template", "mapping"),
        ({"template": {"specificationVersion": "jobtemplate-1999"}}, "template", "1999"),
        ({"template": TWO_STEPS.replace("dependsOn: Render", "dependsOn: X")}, "template", "X"),
        ({"template": TWO_STEPS.replace("1-10", "1-2000000")}, "template", "more than"),
        ({"template": TWO_STEPS.replace("worker.vcpu", "worker.teeth")}, "template", "teeth"),
        ({"parameters": {}}, "parameters", "Shot"),
        ({"parameters": {"Shot": "twelve"}}, "parameters", "Shot"),
        ({"parameters": {"Shot": 1, "Extra": 2}}, "parameters", "Extra"),
        ({"limits": ["arnold"]}, "limits", "not set up"),
        ({"needs": {"hardware_config_ids": [1]}}, "needs/hardware_config_ids", "templates"),
        ({"parameter_values": "just text"}, "parameter_values", "parameterValues"),
        ({"bundle_id": "00000000-0000-0000-0000-000000000000"}, "bundle_id", "no such bundle"),
    ],
)
async def test_what_is_wrong_is_named(
    farm: Farm, changes: dict[str, Any], field: str, told: str
) -> None:
    body = {"template": TWO_STEPS, "parameters": {"Shot": 1}, **changes}
    refused = await posted(farm, 422, **body)
    assert refused["errors"][0]["pointer"] == f"#/{field}"
    assert told in refused["detail"]
    assert await farm.count(JOBS) == 0


async def test_windows_machines_are_asked_for_where_the_template_does(farm: Farm) -> None:
    template = TWO_STEPS.replace("anyOf: [linux]", "anyOf: [windows]")
    await posted(farm, 201, template=template, parameters={"Shot": 1})
    needs = (await spec_of(farm)).steps[0].needs
    assert needs is not None
    assert needs.os == "windows"


@pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"{SAMPLES} is not here")
@pytest.mark.parametrize(
    ("name", "parameters", "tasks"),
    [
        ("simple_job", {}, 1),
        ("cli_job", {"DataDir": "."}, 1),
        ("blender_render", {"BlenderSceneFile": "a.blend", "Frames": "1-20:2"}, 10),
        (
            "gui_control_showcase",
            {"InputFilePicker": "a", "OutputFilePicker": "b", "DirectoryPicker": "c"},
            1,
        ),
    ],
)
async def test_bundles_that_nobody_here_wrote_are_accepted(
    farm: Farm, name: str, parameters: dict[str, str], tasks: int
) -> None:
    template = (SAMPLES / name / "template.yaml").read_text("utf-8")
    made = await posted(farm, 201, template=template, parameters=parameters)
    assert made["steps"][0]["tasks"] == tasks
