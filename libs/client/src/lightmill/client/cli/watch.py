"""Shows how a job gets on."""

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from lightmill.client.farm import Farm
from lightmill.client.models import Job


def watch_job(farm: Farm, job_id: str) -> Job:
    """Show a bar on stderr until the job is done; returns it.

    Raises:
        JobFailedError: it has FAILED or was cancelled.
    """
    with bar() as progress:
        line = progress.add_task(job_id, total=1.0, what="")
        return farm.wait(
            job_id,
            lambda job: progress.update(
                line, completed=job.progress, description=job.name or job_id, what=describe(job)
            ),
        )


def bar() -> Progress:
    """Return an empty progress display on stderr."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[what]}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    )


def describe(job: Job) -> str:
    """Return where a job stands, in a few words."""
    frames = job.frames
    failed = f", {frames.failed} failed" if frames.failed else ""
    return f"{job.state} · {frames.succeeded} of {frames.total} done, {frames.running} run{failed}"
