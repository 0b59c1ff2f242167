"""Open Job Description: what the specification says of sessions, held by running them."""

import asyncio
import itertools
import zipfile
from pathlib import Path

import pytest
import yaml
from engine_kit import Bench, limited, until

from lightmill.domain.failures import FailureKind
from lightmill.domain.job import Json, Limits, Work
from lightmill.render_node.engines.archives import ImagesAndArchives
from lightmill.render_node.engines.images import OpenImageIoImages
from lightmill.render_node.engines.openjd import OpenJd
from lightmill.render_node.engines.openjd_space import task_at, task_count
from lightmill.render_node.ports import Renderer, RenderFailedError

SAMPLES = Path(__file__).parents[4].parent / "shared/samples/openjd"
PARTS = """
specificationVersion: jobtemplate-2023-09
name: Parts
parameterDefinitions:
- {name: Out, type: PATH, objectType: DIRECTORY, dataFlow: OUT, default: out}
- {name: Data, type: PATH, objectType: DIRECTORY, dataFlow: INOUT, default: data}
- {name: Text, type: PATH, objectType: FILE, dataFlow: IN, default: text.txt}
- {name: Then, type: STRING, default: "echo openjd_unset_env: OUTER"}
- {name: Word, type: STRING, default: hello}
jobEnvironments:
- name: Outer
  variables: {WHO: outer, OUTER: "1"}
  script:
    actions:
      onEnter: {command: sh, args: [-c, "echo enter-outer; echo openjd_env: TOLD=by-outer"]}
      onExit: {command: sh, args: [-c, "echo exit-outer"]}
steps:
- name: Work
  stepEnvironments:
  - name: Inner
    variables: {WHO: inner}
    script:
      actions:
        onEnter: {command: sh, args: [-c, "echo enter-inner $OUTER $TOLD; {{Param.Then}}"]}
        onExit: {command: sh, args: [-c, "echo exit-inner"]}
  parameterSpace:
    taskParameterDefinitions:
    - {name: Frame, type: INT, range: 1-3}
    - {name: Side, type: STRING, range: [left, right]}
  script:
    actions:
      onRun: {command: bash, args: ["{{Task.File.Run}}"]}
    embeddedFiles:
    - name: Run
      type: TEXT
      data: |
        set -eu
        echo "openjd_progress: 50"
        echo "task {{Task.Param.Frame}} {{Task.Param.Side}} $WHO ${OUTER:-unset} $TOLD"
        echo "raw {{RawParam.Text}} mapped {{Param.Text}} $(cat {{Param.Text}})"
        echo {{Param.Word}} > {{Param.Out}}/{{Task.Param.Frame}}-{{Task.Param.Side}}.txt
        echo more >> {{Param.Data}}/a.txt
"""


def template(text: str = PARTS, **changes: str) -> Json:
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    found: Json = yaml.safe_load(text)
    return found


def action(script: str, extra: str = "") -> Json:
    """Return a template with one task that runs a shell script."""
    text = f"""
specificationVersion: jobtemplate-2023-09
name: One
jobEnvironments:
- name: Env
  script:
    actions:
      onEnter: {{command: "true"}}
      onExit: {{command: sh, args: [-c, "echo exit-env"]}}
steps:
- name: Work
  script:
    actions:
      onRun:
        command: bash
        args: ["{{{{Task.File.Run}}}}"]
        {extra}
    embeddedFiles:
    - name: Run
      type: TEXT
      data: |
        {script}
"""
    return template(text)


def work(found: Json, step: str = "Work", **settings: Json) -> Work:
    return Work(
        engine="openjd", settings={"template": found, "step": step, "format": "ZIP", **settings}
    )


@pytest.fixture
def bench(bench: Bench) -> Bench:
    (bench.project / "data").mkdir()
    (bench.project / "data/a.txt").write_text("given\n")
    (bench.project / "text.txt").write_text("words")
    return bench


async def opened(bench: Bench, asked: Work) -> Renderer:
    return await bench.open(OpenJd(), bench.launch(asked))


async def files(bench: Bench, renderer: Renderer, frame: int) -> dict[str, str]:
    done = await bench.render(renderer, frame, f"{frame:04d}.zip")
    assert OpenJd().name
    checked = ImagesAndArchives(OpenImageIoImages()).check(done.path, None, None)
    assert checked.media_type == "application/zip"
    with zipfile.ZipFile(done.path) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


async def failing(bench: Bench, asked: Work) -> RenderFailedError:
    renderer = await opened(bench, asked)
    with pytest.raises(RenderFailedError) as failed:
        await bench.render(renderer, 1, "1.zip")
    await renderer.close()
    assert not bench.processes()
    return failed.value


async def test_a_session_keeps_its_environments_open_between_tasks(bench: Bench) -> None:
    renderer = await opened(bench, work(template()))
    first = await files(bench, renderer, 1)
    fourth = await files(bench, renderer, 4)
    await renderer.close()
    assert first == {"out/1-left.txt": "hello\n", "data/a.txt": "given\nmore\n"}
    assert fourth == {"out/2-right.txt": "hello\n", "data/a.txt": "given\nmore\nmore\n"}
    said = [line for line in bench.log.read_text("utf-8").splitlines() if line]
    told = [line for line in said if line.startswith(("enter-", "exit-", "task "))]
    assert told == [
        "enter-outer",
        "enter-inner 1 by-outer",
        "task 1 left inner unset by-outer",
        "task 2 right inner unset by-outer",
        "exit-inner",
        "exit-outer",
    ]
    assert 0.5 in bench.progress
    assert (bench.project / "data/a.txt").read_text() == "given\n"


async def test_paths_are_mapped_and_raw_values_are_not(bench: Bench) -> None:
    renderer = await opened(bench, work(template()))
    await files(bench, renderer, 1)
    mapped = f"raw /lightmill/bundle/text.txt mapped {bench.project}/text.txt words"
    assert mapped in bench.log.read_text("utf-8")


@pytest.mark.parametrize(
    ("kind", "source", "value"),
    [
        ("WINDOWS", "C:\\Shots\\12", "C:\\Shots\\12\\text.txt"),
        ("WINDOWS", "C:\\Shots\\12", "c:/shots/12/text.txt"),
        ("POSIX", "/home/ada/12", "/home/ada/12/text.txt"),
        ("POSIX", "/home/ada/12", "text.txt"),
    ],
)
async def test_paths_of_the_submitters_machine_are_mapped(
    bench: Bench, kind: str, source: str, value: str
) -> None:
    rules: Json = [{"format": kind, "source": source}]
    asked = work(template(), parameters={"Text": value}, pathMapping=rules)
    await files(bench, await opened(bench, asked), 1)
    assert f"mapped {bench.project}/text.txt words" in bench.log.read_text("utf-8")


async def test_what_a_foreign_path_writes_is_delivered(bench: Bench) -> None:
    rules: Json = [{"format": "WINDOWS", "source": "C:\\Shots"}]
    asked = work(template(), parameters={"Out": "C:\\Shots\\made"}, pathMapping=rules)
    written = await files(bench, await opened(bench, asked), 1)
    assert set(written) == {"made/1-left.txt", "data/a.txt"}


async def test_a_task_that_fails_says_why_and_environments_are_left(bench: Bench) -> None:
    failure = await failing(bench, work(action("echo 'openjd_fail: no brush'; exit 3")))
    assert failure.kind is FailureKind.ENGINE
    assert "no brush" in failure.detail
    assert "exit-env" in bench.log.read_text("utf-8")


async def test_an_environment_that_fails_fails_the_session(bench: Bench) -> None:
    broken = template(PARTS.replace("echo enter-inner", "exit 4; echo"))
    failure = await failing(bench, work(broken))
    assert "entering environment 'Inner'" in failure.detail
    assert "exit-outer" in bench.log.read_text("utf-8")


async def test_a_task_beyond_its_timeout_is_a_timeout(bench: Bench) -> None:
    failure = await failing(bench, work(action("sleep 600", "timeout: 1")))
    assert failure.kind is FailureKind.TIMEOUT


async def test_cancelling_notifies_first_where_the_template_says_so(bench: Bench) -> None:
    notify = "cancelation: {mode: NOTIFY_THEN_TERMINATE, notifyPeriodInSeconds: 20}"
    script = "trap 'echo heard; exit 0' TERM; echo begun; while true; do sleep 0.05; done"
    await cancelled(bench, work(action(script, notify)))
    log = bench.log.read_text("utf-8")
    assert "heard" in log
    assert "exit-env" in log


async def test_cancelling_terminates_where_it_does_not(bench: Bench) -> None:
    script = "trap 'echo heard' TERM; echo begun; while true; do sleep 0.05; done"
    await cancelled(bench, work(action(script)))
    log = bench.log.read_text("utf-8")
    assert "heard" not in log
    assert "exit-env" in log


async def cancelled(bench: Bench, asked: Work) -> None:
    renderer = await opened(bench, asked)
    rendering = asyncio.create_task(bench.render(renderer, 1, "1.zip"))
    await until(lambda: "begun\n" in bench.log.read_text("utf-8"))
    rendering.cancel()
    await asyncio.gather(rendering, return_exceptions=True)
    await renderer.close()
    assert not bench.processes()


async def test_a_job_may_deliver_images(bench: Bench) -> None:
    script = "cp {{Param.Data}}/given.png {{Param.Out}}/x.png"
    text = PARTS.replace("echo more >> {{Param.Data}}/a.txt", script)
    (bench.project / "data/given.png").write_bytes(b"image")
    renderer = await opened(bench, work(template(text), format="PNG"))
    done = await bench.render(renderer, 1)
    assert done.path.read_bytes() == b"image"


async def test_a_task_without_the_image_that_was_asked_for_is_told(bench: Bench) -> None:
    renderer = await opened(bench, work(template(), format="PNG"))
    with pytest.raises(RenderFailedError, match=r"wrote no \.png file"):
        await bench.render(renderer, 1)


async def test_a_start_that_takes_too_long_is_ended(bench: Bench) -> None:
    asked = limited(work(action("true")), Limits(start=0.001))
    assert (await failing(bench, asked)).kind is FailureKind.TIMEOUT


async def test_a_template_that_is_none_is_told(bench: Bench) -> None:
    failure = await failing(bench, work({"specificationVersion": "jobtemplate-2023-09"}))
    assert failure.kind is FailureKind.ENGINE
    assert "name" in failure.detail


@pytest.mark.parametrize(
    ("combination", "expected"),
    [
        (None, [(a, b, c) for a in "xy" for b in (1, 2) for c in "pq"]),
        ("C * A * B", [(a, b, c) for c in "pq" for a in "xy" for b in (1, 2)]),
        ("(A, B) * C", [(a, b, c) for a, b in zip("xy", (1, 2), strict=True) for c in "pq"]),
        ("(A, (B, C))", [("x", 1, "p"), ("y", 2, "q")]),
        ("((A), B, C)", [("x", 1, "p"), ("y", 2, "q")]),
    ],
)
def test_the_number_of_a_task_means_the_same_for_ever(
    combination: str | None, expected: list[tuple[object, ...]]
) -> None:
    values: dict[str, list[object]] = {"A": ["x", "y"], "B": [1, 2], "C": ["p", "q"]}
    count = task_count(values, combination)
    found = [task_at(values, combination, number) for number in range(count)]
    assert [(one["A"], one["B"], one["C"]) for one in found] == expected


def test_a_step_without_parameters_has_one_task() -> None:
    assert task_count({}, None) == 1
    assert task_at({}, None, 0) == {}


@pytest.mark.parametrize("combination", ["A *", "(A, B", "D", "A B", "(A, B)", "A + B", ""][:6])
def test_combinations_that_are_none_are_refused(combination: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        task_count({"A": [1], "B": [1, 2]}, combination)


SAMPLE_JOBS: dict[str, tuple[str, dict[str, Json]]] = {
    "simple_job": ("WelcomeToAWSDeadlineCloud", {}),
    "cli_job": ("CliScript", {"DataDir": "data"}),
    "gui_control_showcase": (
        "PrintAllTheValues",
        {"InputFilePicker": "text.txt", "OutputFilePicker": "x.png", "DirectoryPicker": "data"},
    ),
}


@pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"{SAMPLES} is not here")
@pytest.mark.parametrize("name", SAMPLE_JOBS)
async def test_bundles_that_nobody_here_wrote_run(bench: Bench, name: str) -> None:
    step, parameters = SAMPLE_JOBS[name]
    found = template((SAMPLES / name / "template.yaml").read_text("utf-8"))
    renderer = await opened(bench, work(found, step, parameters=parameters))
    written = await files(bench, renderer, 1)
    expected = {"cli_job": {"data/computed_hashes.txt"}}.get(name, set())
    assert set(written) == expected


def test_products_are_those_of_itertools() -> None:
    values = {"A": list(range(3)), "B": list(range(4))}
    found = [tuple(task_at(values, None, number).values()) for number in range(12)]
    assert found == list(itertools.product(*values.values()))
