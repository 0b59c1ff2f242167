"""The `python -m lightmill.local` command."""

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from lightmill.client import FarmError
from lightmill.local import blender as blenders
from lightmill.local.concurrency import submit_at_once
from lightmill.local.config import DEFAULT_PORT, LocalSettings
from lightmill.local.demo import DemoFailedError, show
from lightmill.local.driving import logged
from lightmill.local.farm import StartError, farm
from lightmill.local.folder import FolderInUseError
from lightmill.local.listening import PortTakenError
from lightmill.local.pictures import PictureError
from lightmill.render_node.engines.installation import InstallationError
from lightmill.runtime.shutdown import stop_on_signals

app = typer.Typer(no_args_is_help=True, help="A whole farm in one process, for one machine.")

Data = Annotated[Path, typer.Option(file_okay=False, help="Folder of the farm; made if need be.")]
_REFUSALS = (
    blenders.BlenderFailedError,
    DemoFailedError,
    FarmError,
    FolderInUseError,
    InstallationError,
    PictureError,
    PortTakenError,
    StartError,
)


@app.command()
def up(
    data: Data = Path("farm"),
    *,
    nodes: Annotated[int, typer.Option(min=1, help="That share the machine.")] = 2,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="0 takes a free one.")
    ] = DEFAULT_PORT,
    simulated: Annotated[
        bool, typer.Option(help="Allow the engine that renders nothing.")
    ] = False,
) -> None:
    """Run a farm until it is interrupted."""
    settings = LocalSettings(data=data, nodes=nodes, port=port, simulated=simulated)
    with logged(data) as log:
        asyncio.run(_serve(settings, log))


async def _serve(settings: LocalSettings, log: Path) -> None:
    stop = stop_on_signals()
    async with farm(settings) as running:
        token = settings.data.resolve() / "secrets" / "admin.token"
        typer.echo(f"farm: {running.url} ({settings.nodes} nodes; log: {log})")
        typer.echo(f'log in: lightmill login {running.url} --token "$(cat {token})"')
        if blenders.installed_blender() is None:
            typer.echo("no Blender yet: lightmill-node engines install blender")
        await stop.wait()
        typer.echo("stopping; running frames may end …")


@app.command()
def demo(
    data: Data = Path("demo"),
    *,
    nodes: Annotated[int, typer.Option(min=1, help="That share the machine.")] = 2,
) -> None:
    """Make a scene, render it on a farm of this machine, and show what came of it."""
    if blenders.installed_blender() is None:
        typer.echo("Blender is being installed (373 MB, once for all farms of this user) …")
    engine = blenders.install()
    shown = show(LocalSettings(data=data, nodes=nodes, port=0), engine, blenders.Picture())
    typer.echo(shown.line())


@app.command()
def concurrency(
    *,
    jobs: Annotated[int, typer.Option(min=2, help="Handed in at once.")] = 20,
    shortest: Annotated[float, typer.Option(min=0, help="Seconds of a simulated render.")] = 0.5,
    longest: Annotated[float, typer.Option(min=0, help="Likewise.")] = 1.5,
) -> None:
    """Hand in designs at once; fail when they start out of order, or an image is missing."""
    with tempfile.TemporaryDirectory(prefix="lightmill-") as folder:
        settings = LocalSettings(data=Path(folder), port=0, simulated=True)
        report = submit_at_once(settings, jobs, (shortest, longest))
    for line in (*report.rows, *report.faults):
        typer.echo(line)
    if report.faults:
        raise typer.Exit(1)
    typer.echo(f"concurrency: ok · {jobs} jobs started in the order of their creation")


def main() -> None:
    """Run the command line."""
    try:
        app()
    except* _REFUSALS as errors:
        sys.stderr.write(f"{_first(errors)}\n")
        sys.exit(1)


def _first(errors: BaseException) -> BaseException:
    while isinstance(errors, BaseExceptionGroup):
        errors = errors.exceptions[0]
    return errors


if __name__ == "__main__":
    main()
