"""The `lightmill-node` command."""

import asyncio
import json
import sys
from enum import StrEnum
from typing import Annotated, NoReturn

import typer

from lightmill.broker.ports import LinkLostError
from lightmill.render_node import factory
from lightmill.render_node.config import NodeSettings
from lightmill.runtime import logs, parts
from lightmill.runtime.clock import SystemClock
from lightmill.runtime.settings import read
from lightmill.runtime.shutdown import stop_on_signals

app = typer.Typer(no_args_is_help=True, help="Renders for a Lightmill farm.")
engines = typer.Typer(no_args_is_help=True, help="The engines of this machine.")
app.add_typer(engines, name="engines")


class Managed(StrEnum):
    """The engines that this command can install."""

    BLENDER = "blender"


@app.command()
def run() -> None:
    """Render until SIGTERM: then take no more work, end what runs, and leave."""
    settings = read(NodeSettings)
    logs.configure("render-node", level=settings.log_level)
    try:
        asyncio.run(_run(settings))
    except (*factory.REFUSALS, parts.PartMissingError, LinkLostError) as error:
        _give_up(error)


@app.command()
def drain() -> None:
    """Tell the node that runs here to take no more work, end what runs, and leave."""
    try:
        found = factory.drain(read(NodeSettings).node_state_dir)
    except factory.REFUSALS as error:
        _give_up(error)
    typer.echo("told" if found else "no node runs here")


@app.command()
def pause(why: Annotated[str, typer.Argument(help="Shown to whoever asks.")] = "") -> None:
    """Let the node here take no work until `resume`; what it renders, it finishes."""
    factory.pause(read(NodeSettings).node_state_dir, why)
    typer.echo("paused")


@app.command()
def resume() -> None:
    """Let the node here take work again."""
    factory.resume(read(NodeSettings).node_state_dir)
    typer.echo("takes work again, unless something else hinders it: lightmill-node status")


@app.command()
def status() -> None:
    """Show who the node is, whether it runs, and what its journal holds, as JSON."""
    try:
        typer.echo(json.dumps(factory.status(read(NodeSettings)), indent=2))
    except factory.REFUSALS as error:
        _give_up(error)


@engines.command(name="list")
def list_engines() -> None:
    """Show the engines that a node would offer here, and how they are shut in, as JSON."""
    typer.echo(json.dumps(factory.offered(read(NodeSettings)), indent=2))


@engines.command()
def check() -> None:
    """Tell what the managed Blender needs of this machine; fails when something is missing."""
    found = factory.installation.check_engine()
    state = f"version {found.version}" if found.version else "not installed"
    typer.echo(f"managed Blender: {state} ({found.home})")
    if found.missing:
        typer.echo(f"missing: {', '.join(found.missing)}\ninstall: {found.remedy}")
        sys.exit(1)
    if found.version is None:
        typer.echo("install: lightmill-node engines install blender")


@engines.command()
def install(engine: Managed) -> None:
    """Download an engine into the folder that all nodes of this user share."""
    try:
        typer.echo(f"{engine} is in {factory.installation.install_blender()}")
    except factory.installation.InstallationError as error:
        _give_up(error)


async def _run(settings: NodeSettings) -> None:
    stop = stop_on_signals()
    await factory.run(settings, parts.broker(settings), SystemClock(), stop)


def _give_up(error: Exception) -> NoReturn:
    sys.stderr.write(f"lightmill-node: {error}\n")
    sys.exit(1)
