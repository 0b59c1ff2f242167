"""Look into a scene."""

import asyncio
from collections.abc import Sequence

from lightmill.api.core.bodies import SceneBody
from lightmill.api.core.manifest import Entry
from lightmill.api.ports import Analyses, Analysis
from lightmill.api.use_cases.find_scene import FindScene
from lightmill.domain.principal import Principal

PENDING = "PENDING"
_LOOK_S = 0.1
_LOOK_LONGEST_S = 1.0


class AnalyseScene:
    """Asks the analyzer, and waits a while for its answer.

    Args:
        patience: Seconds.
    """

    def __init__(self, analyses: Analyses, scenes: FindScene, patience: float) -> None:
        self._analyses = analyses
        self._scenes = scenes
        self._patience = patience

    async def __call__(self, principal: Principal, body: SceneBody) -> Analysis:
        """Return how the analysis stands: done, failed, or PENDING when patience has ended.

        Raises:
            ProblemError: there is no such scene.
        """
        scene, entries = await self._scenes(principal, body.scene_file, body.bundle)
        return await self.of(principal, scene, entries)

    async def of(self, principal: Principal, scene: str, entries: Sequence[Entry]) -> Analysis:
        """Return how the analysis of a scene among these files stands, likewise."""
        analysis_id = await self._analyses.ask(principal, scene, entries)
        return await self._await(principal.tenant_id, analysis_id)

    async def _await(self, tenant_id: str, analysis_id: str) -> Analysis:
        pause, waited = _LOOK_S, 0.0
        while True:
            found = await self._analyses.find(tenant_id, analysis_id)
            known = found or Analysis(id=analysis_id, state=PENDING)
            if known.state != PENDING or waited >= self._patience:
                return known
            await asyncio.sleep(pause)
            waited += pause
            pause = min(pause * 1.5, _LOOK_LONGEST_S)
