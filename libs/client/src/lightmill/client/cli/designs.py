"""`lightmill design …`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from lightmill.client.cli.session import AsJson, answer, farm_of, show, tell
from lightmill.client.cli.watch import watch_job

app = typer.Typer(help="Keep 3D models and render them from any camera.", no_args_is_help=True)

Point = tuple[float, float, float]
Model = Annotated[
    Path,
    typer.Argument(exists=True, dir_okay=False, help="glTF, OBJ, FBX, STL, PLY, USD, .blend."),
]
Folder = Annotated[
    Path | None,
    typer.Option(exists=True, file_okay=False, help="Hand in all of this, for its textures."),
]
Materials = Annotated[
    list[str] | None,
    typer.Option(
        "--material", help="SLOT=ID: the tenant's material in place of the model's; *=ID."
    ),
]
Kind = Annotated[Literal["designs", "materials", "textures"], typer.Option(help="Of what.")]
Missing = Annotated[bool, typer.Option(help="Take it although files are missing.")]


@app.command()
def add(  # noqa: PLR0913  # one parameter for each option
    context: typer.Context,
    model: Model,
    *,
    design: Annotated[str | None, typer.Option("--id", help="An id of your choosing.")] = None,
    name: Annotated[str | None, typer.Option(help="For people; else the file's.")] = None,
    folder: Folder = None,
    material: Materials = None,
    allow_missing: Missing = False,
    thumbnail: Annotated[bool, typer.Option(help="Have a picture rendered.")] = True,
    as_json: AsJson = False,
) -> None:
    """Hand in a model, and print the design's id."""
    root, inside = _placed(model, folder)
    made = farm_of(context).add_design(
        root,
        inside,
        name=name or model.stem,
        design_id=design,
        materials=_slots(material),
        allow_missing=allow_missing,
        thumbnail=thumbnail,
    )
    answer(made, {"design_id": made}, as_json=as_json)


@app.command()
def update(  # noqa: PLR0913  # one parameter for each option
    context: typer.Context,
    design: str,
    model: Model,
    *,
    folder: Folder = None,
    material: Materials = None,
    allow_missing: Missing = False,
    as_json: AsJson = False,
) -> None:
    """Hand in a new version of a design, and print its number."""
    root, inside = _placed(model, folder)
    number = farm_of(context).designs.add_version(
        design, root, inside, materials=_slots(material), allow_missing=allow_missing
    )
    answer(str(number), {"design_id": design, "version": number}, as_json=as_json)


@app.command("list")
def list_designs(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List the designs that are yours or shared with you."""
    columns = {"ID": "design_id", "NAME": "name", "VERSION": "version", "STATE": "state"}
    show(farm_of(context).designs.listed(), columns, as_json=as_json)


@app.command()
def versions(context: typer.Context, design: str, *, as_json: AsJson = False) -> None:
    """List the versions of a design."""
    columns = {"VERSION": "version", "MODEL": "model", "STATE": "state", "AT": "created_at"}
    show(farm_of(context).designs.versions(design), columns, as_json=as_json)


@app.command("show")
def show_design(
    context: typer.Context,
    design: str,
    *,
    version: Annotated[int | None, typer.Option(min=1)] = None,
    as_json: AsJson = False,
) -> None:
    """Tell what is known of a design."""
    found = farm_of(context).designs.find(design, version)
    lines = [f"{found.design_id}, version {found.version} of {found.versions}: {found.state}"]
    lines += [f"{name}: {value}" for name, value in found.metadata.items() if value]
    lines += [f"picture: {found.thumbnail_url}"] if found.thumbnail_url else []
    answer("\n".join(lines), found.model_dump(mode="json"), as_json=as_json)


@app.command()
def remove(context: typer.Context, design: str) -> None:
    """Forget a design with all its versions."""
    farm_of(context).designs.remove(design)


@app.command()
def share(context: typer.Context, name: str, user: str, *, kind: Kind = "designs") -> None:
    """Let a user use a design, a material or a texture; * is everybody of the tenant."""
    farm_of(context).designs.share(name, user, kind=kind)


@app.command()
def unshare(context: typer.Context, name: str, user: str, *, kind: Kind = "designs") -> None:
    """Take back what `share` gave."""
    farm_of(context).designs.unshare(name, user, kind=kind)


@app.command()
def shares(context: typer.Context, name: str, *, kind: Kind = "designs") -> None:
    """List who beside its owner may use it."""
    for user in farm_of(context).designs.shared_with(name, kind=kind):
        typer.echo(user)


@app.command()
def texture(
    context: typer.Context,
    picture: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    *,
    texture_id: Annotated[str | None, typer.Option("--id")] = None,
    name: Annotated[str | None, typer.Option(help="For people; else the file's.")] = None,
    data: Annotated[bool, typer.Option(help="No colour: normals, roughness …")] = False,
) -> None:
    """Hand in a picture for materials, and print the texture's id."""
    space = "Non-Color" if data else "sRGB"
    typer.echo(
        farm_of(context).designs.add_texture(
            picture, name=name or picture.stem, texture_id=texture_id, colour_space=space
        )
    )


@app.command()
def material(  # noqa: PLR0913  # one parameter for each option
    context: typer.Context,
    name: str,
    *,
    material_id: Annotated[str | None, typer.Option("--id")] = None,
    colour: Annotated[Point | None, typer.Option(help="Linear, 0 to 1.")] = None,
    roughness: Annotated[float | None, typer.Option(min=0, max=1)] = None,
    metallic: Annotated[float | None, typer.Option(min=0, max=1)] = None,
    texture: Annotated[
        list[str] | None, typer.Option(help="PLACE=ID, such as base_color=oak.")
    ] = None,
) -> None:
    """Keep a material, and print its id."""
    given = {"base_color": colour, "roughness": roughness, "metallic": metallic}
    numbers = {key: value for key, value in given.items() if value is not None}
    textures = _slots(texture)
    made = farm_of(context).designs.add_material(
        name=name, material_id=material_id, textures=textures, **numbers
    )
    typer.echo(made)


@app.command()
def script(
    context: typer.Context,
    job: str,
    target: Annotated[Path, typer.Argument(help="Beside the model.")] = Path("render.py"),
) -> None:
    """Write the script of a job: `blender -b --python render.py` renders it by hand."""
    target.write_text(farm_of(context).designs.script(job))
    tell(f"written to {target}; put it beside the design's files")


@app.command()
def render(  # noqa: PLR0913  # one parameter for each option
    context: typer.Context,
    design: Annotated[str, typer.Argument(help="As `design add` tells it.")],
    *,
    position: Annotated[Point, typer.Option(help="Of the camera; Y is up.")] = (0, 0, 5),
    target: Annotated[Point, typer.Option(help="What it looks at.")] = (0, 0, 0),
    up: Annotated[Point, typer.Option(help="What is upward in the image.")] = (0, 1, 0),
    fov: Annotated[float, typer.Option(min=1, max=179, help="Vertical, in degrees.")] = 45,
    width: Annotated[int, typer.Option(min=1)] = 1920,
    height: Annotated[int, typer.Option(min=1)] = 1080,
    samples: Annotated[int, typer.Option(min=1)] = 64,
    version: Annotated[int | None, typer.Option(min=1, help="Else the latest.")] = None,
    turntable: Annotated[int | None, typer.Option(min=2, help="Frames of one turn.")] = None,
    transparent: Annotated[bool, typer.Option(help="Nothing behind the model.")] = False,
    ground: Annotated[bool, typer.Option(help="A plane that takes its shadow.")] = False,
    lights: Annotated[Literal["auto", "studio", "own"], typer.Option()] = "auto",
    save: Annotated[Path | None, typer.Option(help="Wait, and write the image here.")] = None,
    as_json: AsJson = False,
) -> None:
    """Render a still of a design, or a turntable, and print the job's id."""
    farm = farm_of(context)
    job_id = farm.render_design(
        design,
        camera={
            "position": _point(position),
            "target": _point(target),
            "up": _point(up),
            "fov": fov,
        },
        width=width,
        height=height,
        samples=samples,
        version=version,
        turntable=turntable,
        transparent=transparent,
        ground=ground,
        lights=lights,
    )
    answer(job_id, {"job_id": job_id}, as_json=as_json)
    if save is not None:
        watch_job(farm, job_id)
        farm.save_url(farm.design_job(job_id).result_url or "", save)
        tell(f"written to {save}")


def _placed(model: Path, folder: Path | None) -> tuple[Path, str]:
    """Return what is handed in, and the model's path in it."""
    root = (folder or model).resolve()
    if folder and not model.resolve().is_relative_to(root):
        raise typer.BadParameter(f"{model} does not lie in {folder}")
    return root, model.resolve().relative_to(root).as_posix() if folder else model.name


def _slots(given: list[str] | None) -> dict[str, str]:
    pairs = [one.partition("=") for one in given or ()]
    for slot, sign, name in pairs:
        if not (slot and sign and name):
            raise typer.BadParameter(f"{slot}{sign}{name}: write NAME=ID")
    return {slot: name for slot, _, name in pairs}


def _point(values: Point) -> dict[str, float]:
    return dict(zip("xyz", values, strict=True))
