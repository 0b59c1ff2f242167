"""The engines that a node offers because its settings say so."""

from collections.abc import Iterator

from lightmill.render_node.config import NodeSettings
from lightmill.render_node.engines.blender import BlenderProgram, BpyModule, ScenePolicy
from lightmill.render_node.engines.command import CommandEngine
from lightmill.render_node.engines.contract import Engine
from lightmill.render_node.engines.maya import Maya
from lightmill.render_node.engines.openjd import OpenJd
from lightmill.render_node.engines.remote import Remote
from lightmill.render_node.engines.remote_renderer import RemoteAccess, RemoteService
from lightmill.render_node.engines.unreal import Unreal
from lightmill.render_node.ports import Submissions
from lightmill.runtime.clock import Clock


def blenders(settings: NodeSettings) -> tuple[Engine, ...]:
    """Return the Blenders to look for; the first that is here counts."""
    policy = ScenePolicy(
        trusting=settings.node_trusts_scenes, addons=settings.addons, moves=settings.moves
    )
    program = BlenderProgram(settings.node_blender, policy)
    return (program,) if settings.node_blender else (BpyModule(policy=policy), program)


def configured(
    settings: NodeSettings, submissions: Submissions, clock: Clock
) -> tuple[Engine, ...]:
    """Return the engines to look for beside Blender.

    Args:
        settings: What the node was told.
        submissions: Where the node remembers what remote services were asked for.
        clock: For moments that such services name.
    """
    return tuple(_configured(settings, submissions, clock))


def _configured(
    settings: NodeSettings, submissions: Submissions, clock: Clock
) -> Iterator[Engine]:
    if settings.node_maya is not None:
        yield Maya(settings.node_maya, settings.licences, moves=settings.moves)
    if settings.node_unreal is not None:
        yield Unreal(settings.node_unreal, settings.licences)
    if settings.node_remote_url is not None:
        token = settings.node_remote_token
        access = RemoteAccess(
            url=settings.node_remote_url,
            token=token.get_secret_value() if token else None,
            hosts=settings.remote_hosts,
        )
        yield RemoteService(Remote(), access, submissions, clock)
    if settings.node_openjd:
        yield OpenJd(settings.command_folders)
    if settings.node_command:
        yield CommandEngine(settings.command_folders)
