"""The engines that are on this machine."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from lightmill.domain.failures import FailureKind
from lightmill.render_node.engines.births import Births
from lightmill.render_node.engines.blender import BlenderProgram, BpyModule
from lightmill.render_node.engines.cold_renderer import ColdRenderer
from lightmill.render_node.engines.contract import ColdEngine, Command, Engine, Service
from lightmill.render_node.engines.farewell import Farewell
from lightmill.render_node.engines.leftovers import mark_of
from lightmill.render_node.engines.output_log import OutputLog
from lightmill.render_node.engines.process import EngineProcess, ProcessPlan
from lightmill.render_node.engines.renderer import WarmRenderer
from lightmill.render_node.engines.sandbox import Sandbox, Unconfined, find_sandbox
from lightmill.render_node.engines.simulated import Simulated
from lightmill.render_node.ports import Launch, Renderer, RenderFailedError
from lightmill.runtime.ids import new_id


class InstalledRenderers:
    """Opens renderers of the engines that are found here.

    Args:
        state_dir: The node's state folder; what an earlier run left is found by it.
        sandbox: How engines are shut in; the strongest way that works when not given.
        enable_simulated: Whether the simulated engine is offered.
        engines: Engines to look for; of several with one name, the first that is here counts.
            Blender when not given.
        nursery: Who starts engines that have no walls and serve a single frame; the node itself
            when not given.
        beds: Who starts all others; likewise.
    """

    def __init__(
        self,
        state_dir: Path,
        sandbox: Sandbox | None = None,
        *,
        enable_simulated: bool = False,
        engines: Sequence[Engine] | None = None,
        nursery: Births | None = None,
        beds: Births | None = None,
    ) -> None:
        self._mark = mark_of(state_dir)
        self._sandbox = sandbox or find_sandbox()
        self._farewell = Farewell()
        self._beds = beds
        self._nursery = nursery if isinstance(self._sandbox, Unconfined) else None
        looked_for = (BpyModule(), BlenderProgram()) if engines is None else engines
        simulated = (Simulated(),) if enable_simulated else ()
        self._found: dict[str, tuple[Engine, tuple[str, ...]]] = {}
        for engine in (*looked_for, *simulated):
            versions = () if engine.name in self._found else engine.discover()
            if versions:
                self._found[engine.name] = (engine, versions)

    def engines(self) -> Mapping[str, tuple[str, ...]]:
        """Return the engines that can be used and their versions, newest first."""
        return {name: versions for name, (_, versions) in self._found.items()}

    @property
    def sandbox(self) -> str:
        """How engines are shut in: `bubblewrap`, `container` or `none`."""
        return self._sandbox.level

    async def open(self, launch: Launch) -> Renderer:
        """Return a renderer; where its engine stays warm, the process has been started.

        Raises:
            RenderFailedError: the engine is not here, or cannot be started.
        """
        name = launch.work.engine
        if name not in self._found:
            here = ", ".join(self._found) or "none"
            detail = f"engine {name!r} is not on this node; it has: {here}"
            raise RenderFailedError(FailureKind.NODE, detail)
        engine, _ = self._found[name]
        if isinstance(engine, Service):
            return engine.open(launch)
        if isinstance(engine, ColdEngine):
            return ColdRenderer(engine, launch, partial(self._process, launch, merged=True))
        make = partial(self._process, launch, engine.command(launch))
        renderer = WarmRenderer(engine, launch, make)
        try:
            await renderer.start()
        except BaseException:
            await renderer.close()
            raise
        return renderer

    def _process(
        self, launch: Launch, command: Command, log: OutputLog, *, merged: bool = False
    ) -> EngineProcess:
        plan = ProcessPlan(
            argv=self._sandbox.wrap(command, launch),
            environment=self._sandbox.environment(command, launch),
            folder=launch.scratch,
            mark=f"{self._mark}{new_id()}",
            ram=launch.ram,
            disk=launch.disk,
            merged=merged,
            patience=command.patience,
        )
        nursery = self._nursery if merged else None  # it dies after the node: no long ones
        return EngineProcess(plan, log, self._farewell, nursery or self._beds)
