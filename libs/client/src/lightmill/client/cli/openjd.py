"""`lightmill openjd`: job bundles of Open Job Description."""

from pathlib import Path
from typing import Annotated

import typer

from lightmill.client.cli.session import AsJson, answer, farm_of
from lightmill.client.cli.watch import watch_job


def openjd(  # noqa: PLR0913  # one parameter for each option
    context: typer.Context,
    bundle: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="Folder with a template.yaml.")
    ],
    *,
    parameter: Annotated[
        list[str] | None,
        typer.Option("--parameter", "-p", help="Of the job, as Frames=1-10; may be repeated."),
    ] = None,
    image: Annotated[
        str | None, typer.Option(help="Tasks write an image: PNG, JPEG, OPEN_EXR or TIFF.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="For people; else the template's.")] = None,
    priority: Annotated[int, typer.Option(min=0, max=100, help="Higher goes first.")] = 1,
    pool: Annotated[str | None, typer.Option(help="Of machines.")] = None,
    watch: Annotated[bool, typer.Option(help="Stay until it is done.")] = False,
    as_json: AsJson = False,
) -> None:
    """Hand in an Open Job Description job bundle, and print the job's id."""
    farm = farm_of(context)
    values = dict(map(_pair, parameter or []))
    job_id = farm.submit_openjd(
        bundle, values, name=name, priority=priority, pool=pool, format=image or "ZIP"
    )
    answer(job_id, {"id": job_id}, as_json=as_json)
    if watch:
        watch_job(farm, job_id)


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise typer.BadParameter(f"{text!r} is no parameter; write Frames=1-10")
    return name, value
