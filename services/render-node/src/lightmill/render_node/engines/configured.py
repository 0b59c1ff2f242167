"""The engines that a node offers because its settings say so."""

from collections.abc import Iterator

from lightmill.render_node.config import NodeSettings
from lightmill.render_node.engines.command import CommandEngine
from lightmill.render_node.engines.contract import Engine


def configured(settings: NodeSettings) -> tuple[Engine, ...]:
    """Return the engines to look for beside Blender."""
    return tuple(_configured(settings))


def _configured(settings: NodeSettings) -> Iterator[Engine]:
    if settings.node_command:
        yield CommandEngine(settings.command_folders)
