"""Blender breaks in the middle of a frame: what the farm makes of it, seen from outside.

Every job is a chunk of three frames whose second one breaks, tried twice.
"""

import asyncio
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from lightmill.client import Farm
from lightmill.client.models import Attempt, Job, Result
from lightmill.local.config import LocalSettings
from lightmill.local.driving import leftovers
from lightmill.local.farm import LocalFarm, farm
from lightmill.local.pictures import open_image
from lightmill.render_node.engines.sandbox import Bubblewrap

pytestmark = [pytest.mark.blender, pytest.mark.slow, pytest.mark.timeout(600)]

SCENES = Path(__file__).with_name("fault_scenes.py")
EXPECTED = {
    "crash": ("engine", "blender ended by"),
    "endless": ("timeout", "frame 2 took too long"),
    "hog": ("out_of_memory", "more memory than it was granted"),
    "full": ("output", "the disk is full"),
    "unwritable": ("output", "annot save"),
    "truncated": ("output", "0002.png is damaged"),
}
"""What a job's broken frame ends as."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the farm tells of a job when it is over."""

    job: Job
    results: list[Result]
    attempts: list[Attempt]
    images: list[Path]

    def failures(self) -> set[tuple[str | None, str]]:
        """Return kind and detail of every attempt that failed."""
        return {(one.failure, one.detail or "") for one in self.attempts if one.state == "FAILED"}


def submitted(one: Farm, bundle_id: str, name: str) -> str:
    return one.submit(
        name=name,
        bundle_id=bundle_id,
        scene=f"{name}.blend",
        frames="1-3",
        chunk=3,
        needs={"cores": 1, "ram": 3 * 2**29},
        time_limits={"frame": 10.0 if name == "endless" else 120.0},
        retry={"retries": 1, "first_wait": 0.1},
    )


@pytest.fixture(scope="module")
def told(blender_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Told]:
    """Return how each job went, on a farm of one node."""
    if not Bubblewrap().works():
        pytest.skip("no scene is trusted where bubblewrap does not work")
    folder = tmp_path_factory.mktemp("faults")
    scenes = folder / "scenes"
    scenes.mkdir()
    command = [blender_python, SCENES, scenes]
    subprocess.run(command, check=True, capture_output=True, timeout=120)  # noqa: S603  # the tests' own script
    chosen = LocalSettings(
        data=folder / "farm",
        nodes=1,
        cores=1,
        ram=2**31,
        port=0,
        node={"node_trusts_scenes": True},
    )

    def program(running: LocalFarm) -> dict[str, Told]:
        with Farm(running.url, running.token) as one:
            bundle_id = one.upload_folder(scenes).bundle_id
            names = sorted(path.stem for path in scenes.glob("*.blend"))
            # One after the other: failures of several jobs in a row would quarantine the node.
            return {
                name: ended(one, submitted(one, bundle_id, name), folder / name) for name in names
            }

    async def run() -> dict[str, Told]:
        async with farm(chosen) as running:
            return await asyncio.to_thread(program, running)

    found = asyncio.run(run())
    assert leftovers(chosen) == []
    return found


def ended(one: Farm, job_id: str, folder: Path) -> Told:
    while not (job := one.job(job_id)).finished:
        one._pause(0.1)  # noqa: SLF001  # as `wait` does, which refuses failed jobs
    return Told(
        job=job,
        results=one.results(job_id),
        attempts=one.attempts(job_id),
        images=one.download(job_id, folder),
    )


@pytest.mark.parametrize("name", EXPECTED)
def test_the_fault_has_its_name_and_costs_its_frame_alone(
    told: Mapping[str, Told], name: str
) -> None:
    kind, words = EXPECTED[name]
    outcome = told[name]
    assert outcome.job.state == "FAILED"
    assert [result.frame for result in outcome.results] == [1, 3]
    failures = outcome.failures()
    assert {failure for failure, _ in failures} == {kind}, "\n---\n".join(map(str, failures))
    assert all(words in detail for _, detail in failures), failures
    assert sum(one.state == "FAILED" for one in outcome.attempts) == 2  # the first and its retry


@pytest.mark.parametrize("name", EXPECTED)
def test_no_half_frame_is_delivered(told: Mapping[str, Told], name: str) -> None:
    for image in told[name].images:
        spec = open_image(image).spec()
        assert (spec.width, spec.height) == (64, 48)


def test_a_grandchild_that_holds_the_output_delays_nothing(told: Mapping[str, Told]) -> None:
    outcome = told["grandchild"]
    assert outcome.job.state == "COMPLETED"
    assert [result.frame for result in outcome.results] == [1, 2, 3]
    assert len(outcome.attempts) == 1
