"""The `lightmill-node` command."""

import asyncio
import json
import sys

import typer

from lightmill.broker.ports import LinkLostError
from lightmill.render_node import factory
from lightmill.render_node.config import NodeSettings
from lightmill.runtime import logs, parts
from lightmill.runtime.clock import SystemClock
from lightmill.runtime.settings import read
from lightmill.runtime.shutdown import stop_on_signals

app = typer.Typer(no_args_is_help=True, help="Renders for a Lightmill farm.")


@app.command()
def run() -> None:
    """Render until SIGTERM: then take no more work, end what runs, and leave."""
    settings = read(NodeSettings)
    logs.configure("render-node", level=settings.log_level)
    try:
        asyncio.run(_run(settings))
    except (*factory.REFUSALS, parts.PartMissingError, LinkLostError) as error:
        sys.stderr.write(f"lightmill-node: {error}\n")
        sys.exit(1)


@app.command()
def status() -> None:
    """Show who the node is, whether it runs, and what its journal holds, as JSON."""
    typer.echo(json.dumps(factory.status(read(NodeSettings)), indent=2))


async def _run(settings: NodeSettings) -> None:
    stop = stop_on_signals()
    await factory.run(settings, parts.broker(settings), SystemClock(), stop)
