"""The command's root: logging in, what belongs to no group, and how errors are told."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from lightmill.client.cli import designs, jobs, submission
from lightmill.client.cli.exits import exit_code
from lightmill.client.cli.openjd import openjd
from lightmill.client.cli.session import AsJson, Session, answer, farm_of, show, tell
from lightmill.client.config import Login, save_login
from lightmill.client.errors import FarmError

app = typer.Typer(
    help="Lightmill: hand scenes to a render farm. 1: the job failed, 2: wrong command line, "
    "3: not logged in or not allowed, 4: not found, 5: refused, 6: the farm does not answer.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(jobs.app, name="job")
app.add_typer(designs.app, name="design")
app.add_typer(designs.app, name="designs", hidden=True)
app.command()(submission.submit)
app.command()(jobs.approve)
app.command()(jobs.waiting)
app.command()(openjd)
nodes = typer.Typer(help="Look at render machines.", no_args_is_help=True)
app.add_typer(nodes, name="node")


@app.command()
def login(
    context: typer.Context,
    url: Annotated[str, typer.Argument(help="Such as http://localhost:3000.")],
    *,
    token: Annotated[
        str, typer.Option(prompt=True, hide_input=True, help="Asked for when left out.")
    ],
) -> None:
    """Keep a farm's address and a token for it, once the farm has accepted them."""
    session = context.find_object(Session) or Session()
    wanted = Login(url=url.rstrip("/"), token=token.strip())
    with session.open(wanted) as farm:
        farm.jobs(limit=1)
    tell(f"logged in; kept in {save_login(wanted, session.environment)}")


@nodes.command("list")
def list_nodes(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List the render machines."""
    columns = {
        "id": "id",
        "name": "name",
        "state": "state",
        "cores": "offer.cores",
        "engines": "offer.engines",
        "sandbox": "offer.sandbox",
        "because": "offer.hindrances",
    }
    show(farm_of(context).nodes(), columns, as_json=as_json)


@app.command()
def upload(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(exists=True, help="A folder, or a file.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Send what the farm lacks of a folder, and print the id of the bundle.

    What was interrupted goes on where it stopped when the same command is run again.
    """
    bundle = submission.upload(farm_of(context), source.resolve())
    answer(bundle.bundle_id, bundle.model_dump(mode="json"), as_json=as_json)


NodeId = Annotated[str, typer.Argument(help="As `node list` tells it.")]


@nodes.command()
def drain(context: typer.Context, node: NodeId) -> None:
    """Give a node nothing more; what it renders, it finishes."""
    farm_of(context).drain(node)
    tell(f"{node} is being drained")


@nodes.command()
def disable(context: typer.Context, node: NodeId) -> None:
    """Give a node nothing until it is enabled."""
    farm_of(context).disable(node)
    tell(f"{node} is disabled")


@nodes.command()
def enable(context: typer.Context, node: NodeId) -> None:
    """Give a node work again."""
    farm_of(context).enable(node)
    tell(f"{node} gets work again")


@nodes.command()
def forgive(context: typer.Context, node: NodeId) -> None:
    """Forget a node's failures: its quarantine ends."""
    farm_of(context).forgive(node)
    tell(f"the failures of {node} are forgiven")


@app.command()
def analyse(
    context: typer.Context,
    scene: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    *,
    folder: Annotated[Path | None, typer.Option(exists=True, file_okay=False)] = None,
    as_json: AsJson = False,
) -> None:
    """Tell what stands in a scene, and which files it misses."""
    farm, root = farm_of(context), (folder or scene.parent).resolve()
    if not scene.resolve().is_relative_to(root):
        raise typer.BadParameter(f"{scene} does not lie in {root}")
    bundle = farm.upload_folder(root)
    found = farm.analyse(bundle.bundle_id, scene.resolve().relative_to(root).as_posix())
    lines = [f"{key}: {value}" for key, value in found.scene_info.items()]
    lines += [f"needs {path}" for path in found.asset]
    lines += [f"MISSING {path}" for entry in found.missing for path in entry.values()]
    answer("\n".join(lines), found.model_dump(mode="json"), as_json=as_json)


def main() -> None:
    """Run the command line."""
    try:
        app()
    except FarmError as error:
        tell(str(error))
        sys.exit(exit_code(error))
    except KeyboardInterrupt:
        sys.exit(130)
