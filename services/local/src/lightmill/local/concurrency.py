"""Shows that design jobs start in the order in which they were created, however many at once."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Barrier

from lightmill.client import Farm, RefusedError
from lightmill.client.models import DesignJob
from lightmill.local.config import LocalSettings
from lightmill.local.driving import drive
from lightmill.local.farm import LocalFarm
from lightmill.local.pictures import PictureError, open_image

TOLERANCE = 0.1
"""Seconds by which a job may start before one that was created earlier."""

_DESIGN = "test-design-1"
_STEP = 0.2
_MOST_LOOKS = 3000


@dataclass(frozen=True, slots=True)
class Report:
    """What came of the jobs.

    Attributes:
        rows: createdAt, startedAt and delay of each, in creation order.
        faults: What is wrong; empty when all is well.
    """

    rows: tuple[str, ...]
    faults: tuple[str, ...]


def submit_at_once(settings: LocalSettings, jobs: int, seconds: tuple[float, float]) -> Report:
    """Return what comes of so many jobs handed in at one moment.

    Args:
        settings: Of the farm that is started for it; it must allow the simulated engine.
        jobs: How many.
        seconds: The shortest and the longest of the simulated renders.
    """

    def program(running: LocalFarm) -> Report:
        with Farm(running.url, running.token) as farm:
            _add_design(farm, settings.data)
            names = _submit(farm, jobs, list(seconds))
            ended = [_wait(farm, name) for name in names]
            images = settings.data / "images"
            images.mkdir(exist_ok=True)
            faults = [*out_of_order(ended), *_missing(farm, ended, images)]
        return Report(tuple(table(ended)), tuple(faults))

    return drive(settings, program)


def table(jobs: Sequence[DesignJob]) -> Iterator[str]:
    """Yield a heading, and a line for each job in the order of creation."""
    yield f"{'jobId':36}  {'createdAt':26}  {'startedAt':26}  {'delay':>7}"
    for job in created(jobs):
        started = job.started_at
        delay = f"{(started - job.created_at).total_seconds():6.2f}s" if started else "never"
        at = f"{started:%Y-%m-%dT%H:%M:%S.%f}" if started else "-"
        yield f"{job.job_id:36}  {job.created_at:%Y-%m-%dT%H:%M:%S.%f}  {at:26}  {delay:>7}"


def out_of_order(jobs: Sequence[DesignJob]) -> Iterator[str]:
    """Yield a complaint for each job that started too long before an older one."""
    ordered = created(jobs)
    latest = None
    for job in ordered:
        if job.started_at is None:
            yield f"{job.job_id} never started"
            continue
        if latest is not None and latest.started_at is not None:
            early = (latest.started_at - job.started_at).total_seconds()
            if early > TOLERANCE:
                yield f"{job.job_id} started {early:.3f} s before {latest.job_id}, which is older"
        if latest is None or latest.started_at is None or job.started_at > latest.started_at:
            latest = job


def created(jobs: Sequence[DesignJob]) -> list[DesignJob]:
    """Return the jobs in the order in which they were created."""
    return sorted(jobs, key=lambda job: (job.created_at, job.job_id))


def _add_design(farm: Farm, data: Path) -> None:
    """See that there is a design; the simulated engine never looks at its model."""
    model = data / "model.glb"
    model.write_bytes(b"glTF stand-in")
    try:
        farm.add_design(model, model.name, name="Test", design_id=_DESIGN, engine="simulated")
    except RefusedError as error:
        if error.code != "design-exists":
            raise


def _submit(farm: Farm, jobs: int, seconds: list[float]) -> list[str]:
    ready = Barrier(jobs)

    def submit(number: int) -> str:
        body: dict[str, object] = {
            "userId": f"test-user-{number}",  # else the farm answers all with the first job
            "width": 64,
            "height": 36,
            "settings": {"seconds": seconds, "seed": number},
        }
        ready.wait()
        return farm.render_design(_DESIGN, **body)

    with ThreadPoolExecutor(jobs) as threads:
        return list(threads.map(submit, range(jobs)))


def _wait(farm: Farm, job_id: str) -> DesignJob:
    looks = 0
    while not (job := farm.design_job(job_id)).finished and looks < _MOST_LOOKS:
        time.sleep(_STEP)
        looks += 1
    return job


def _missing(farm: Farm, jobs: Sequence[DesignJob], folder: Path) -> Iterator[str]:
    if len({job.job_id for job in jobs}) < len(jobs):
        yield "several requests were answered with one job"
    for job in jobs:
        try:
            _open(farm, job, folder)
        except (PictureError, RefusedError) as error:
            yield f"{job.job_id}: {error}"


def _open(farm: Farm, job: DesignJob, folder: Path) -> None:
    if job.status != "COMPLETED" or job.result_url is None:
        raise PictureError(f"{job.status}, no image: {job.error}")
    path = folder / f"{job.job_id}.png"
    farm.save_url(job.result_url, path)
    open_image(path)
