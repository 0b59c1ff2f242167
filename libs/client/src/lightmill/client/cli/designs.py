"""`lightmill design …`."""

from pathlib import Path
from typing import Annotated

import typer

from lightmill.client.cli.session import AsJson, answer, farm_of, tell
from lightmill.client.cli.watch import watch_job

app = typer.Typer(help="Keep 3D models and render them from any camera.", no_args_is_help=True)

Point = tuple[float, float, float]


@app.command()
def add(
    context: typer.Context,
    model: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A .glb or .blend.")],
    *,
    design: Annotated[str | None, typer.Option("--id", help="An id of your choosing.")] = None,
    name: Annotated[str | None, typer.Option(help="For people; else the file's.")] = None,
    folder: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="Hand in all of this, for its materials."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Hand in a model, and print the design's id."""
    root = (folder or model).resolve()
    if folder and not model.resolve().is_relative_to(root):
        raise typer.BadParameter(f"{model} does not lie in {folder}")
    inside = model.resolve().relative_to(root).as_posix() if folder else model.name
    made = farm_of(context).add_design(root, inside, name=name or model.stem, design_id=design)
    answer(made, {"design_id": made}, as_json=as_json)


@app.command()
def render(  # noqa: PLR0913  # one parameter for each option
    context: typer.Context,
    design: Annotated[str, typer.Argument(help="As `design add` tells it.")],
    *,
    position: Annotated[Point, typer.Option(help="Of the camera; Y is up.")] = (0, 0, 5),
    target: Annotated[Point, typer.Option(help="What it looks at.")] = (0, 0, 0),
    fov: Annotated[float, typer.Option(min=1, max=179, help="Vertical, in degrees.")] = 45,
    width: Annotated[int, typer.Option(min=1)] = 1920,
    height: Annotated[int, typer.Option(min=1)] = 1080,
    samples: Annotated[int, typer.Option(min=1)] = 64,
    save: Annotated[Path | None, typer.Option(help="Wait, and write the image here.")] = None,
    as_json: AsJson = False,
) -> None:
    """Render a still of a design, and print the job's id."""
    farm = farm_of(context)
    camera = {"position": _point(position), "target": _point(target), "fov": fov}
    job_id = farm.render_design(design, camera=camera, width=width, height=height, samples=samples)
    answer(job_id, {"job_id": job_id}, as_json=as_json)
    if save is not None:
        watch_job(farm, job_id)
        farm.save_url(farm.design_job(job_id).result_url or "", save)
        tell(f"written to {save}")


def _point(values: Point) -> dict[str, float]:
    return dict(zip("xyz", values, strict=True))
