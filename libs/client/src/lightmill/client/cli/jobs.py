"""`lightmill job …`."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from lightmill.client.cli.session import AsJson, answer, farm_of, show, tell
from lightmill.client.cli.watch import watch_job
from lightmill.client.farm import Farm
from lightmill.client.models import Forecast

app = typer.Typer(help="Look at jobs and steer them.", no_args_is_help=True)

JobId = Annotated[str, typer.Argument(help="As `submit` and `job list` tell it.")]
_COLUMNS = {
    "id": "id",
    "name": "name",
    "state": "state",
    "progress": "progress",
    "done": "frames.succeeded",
    "failed": "frames.failed",
    "of": "frames.total",
    "error": "error",
}


@app.command("list")
def list_jobs(
    context: typer.Context,
    *,
    limit: Annotated[int, typer.Option(min=1, help="How many, the newest first.")] = 20,
    state: Annotated[str | None, typer.Option(help="Such as PROCESSING.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the newest jobs."""
    filters = {"state": state} if state else {}
    show(farm_of(context).jobs(limit=limit, **filters), _COLUMNS, as_json=as_json)


@app.command("show")
def show_job(context: typer.Context, job: JobId, *, as_json: AsJson = False) -> None:
    """Show one job."""
    found = farm_of(context).job(job)
    if as_json:
        typer.echo(found.model_dump_json())
    else:
        show([found], _COLUMNS, as_json=False)


@app.command()
def watch(context: typer.Context, job: JobId) -> None:
    """Stay until a job is done; exit code 1 when it failed."""
    watch_job(farm_of(context), job)


@app.command()
def cancel(context: typer.Context, job: JobId) -> None:
    """Stop a job; its finished frames stay."""
    farm_of(context).cancel(job)
    tell(f"{job} is being cancelled")


@app.command()
def pause(context: typer.Context, job: JobId) -> None:
    """Hand out nothing more; running frames finish."""
    farm_of(context).pause(job)
    tell(f"{job} pauses")


@app.command()
def resume(context: typer.Context, job: JobId) -> None:
    """Go on with a paused job."""
    farm_of(context).resume(job)
    tell(f"{job} goes on")


@app.command()
def approve(context: typer.Context, job: JobId) -> None:
    """Release what waits for a person: the frames after the test frames."""
    farm_of(context).approve(job)
    tell(f"{job} is approved")


@app.command()
def waiting(context: typer.Context, job: JobId, *, as_json: AsJson = False) -> None:
    """Tell why a job is not being rendered, and when it will have ended."""
    found = farm_of(context).waiting(job)
    lines = [reason.text for reason in found.reasons] or [f"{found.state}: nothing of it waits."]
    if found.forecast is not None:
        lines.append(_ending(found.forecast))
    answer("\n".join(lines), found.model_dump(mode="json"), as_json=as_json)


@app.command()
def log(
    context: typer.Context,
    job: JobId,
    *,
    attempt: Annotated[str | None, typer.Option(help="Its id; the newest when not said.")] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Stay until the attempt ends.")] = False,
) -> None:
    """Show what the engine prints in an attempt, up to some seconds ago."""
    farm = farm_of(context)
    chosen = attempt or _newest_attempt(farm, job)
    pieces = farm.follow_log(job, chosen) if follow else [farm.log(job, chosen)]
    for piece in pieces:
        typer.echo(piece, nl=False)


@app.command()
def retry(context: typer.Context, job: JobId) -> None:
    """Try the failed frames of a job again."""
    farm_of(context).retry(job)
    tell(f"the failed frames of {job} are tried again")


@app.command()
def download(
    context: typer.Context,
    job: JobId,
    folder: Annotated[Path, typer.Argument(file_okay=False, help="Made if need be.")] = Path(),
    *,
    as_json: AsJson = False,
) -> None:
    """Bring the finished images home; those there already stay."""
    paths = list(map(str, farm_of(context).download(job, folder)))
    answer("\n".join(paths), {"files": paths}, as_json=as_json)


def _newest_attempt(farm: Farm, job: str) -> str:
    attempts = farm.attempts(job)
    if not attempts:
        raise typer.BadParameter("no node has been given anything of it: lightmill waiting JOB")
    return attempts[-1].id


def _ending(forecast: Forecast) -> str:
    told = f"It will have ended at about {_local(forecast.expected)}"
    if forecast.earliest is None or forecast.latest is None:
        return f"{told}."
    return f"{told}, between {_local(forecast.earliest)} and {_local(forecast.latest)}."


def _local(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")
