"""Tell how the farm gets on."""

from collections.abc import Mapping
from importlib.metadata import version

from lightmill.api.ports.system import Counts, System
from lightmill.domain.policy import LUMINA, SWEEPS
from lightmill.domain.principal import Principal
from lightmill.domain.states import NodeState
from lightmill.runtime.clock import Clock
from lightmill.runtime.health import Check, readiness

Document = dict[str, object]
_THERE = (NodeState.ONLINE, NodeState.DRAINING)


class SurveyFarm:
    """Answers seed 003's status and monitoring."""

    def __init__(self, system: System, clock: Clock, checks: Mapping[str, Check]) -> None:
        self._system = system
        self._clock = clock
        self._checks = checks
        self._began = clock.monotonic()

    async def status(self, principal: Principal) -> Document:
        """Return seed 003's status, with the tenant's own work."""
        now = self._clock.now()
        work = await self._system.work(principal.tenant_id, now)
        parts = await readiness(self._checks)
        ceilings = await self._system.ceilings()
        return {
            "status": _status(parts),
            "uptime": round(self._clock.monotonic() - self._began, 3),
            "version": version("lightmill-api"),
            "executorStatus": {
                "standardTasks": _tasks(ceilings[SWEEPS], work["standard"]),
                "luminaTasks": _tasks(ceilings[LUMINA], work["lumina"]),
            },
            "taskStats": _stats(work),
            "dbStatus": "connected" if parts["database"] else "disconnected",
        }

    async def monitoring(self, principal: Principal) -> Document:
        """Return the status, the machines, the parts, and what somebody should look at."""
        status = await self.status(principal)
        executors = await self._system.executors()
        parts = await readiness(self._checks)
        leader = await self._system.leader()
        errors = await self._system.recent_errors(self._clock.now())
        return {
            "systemStatus": status,
            "taskStats": status["taskStats"],
            "executorStats": {
                "total": len(executors),
                "online": sum(node["status"] in _THERE for node in executors),
                "executors": executors,
            },
            "dbStats": {"parts": parts, "leader": leader, "recentErrors": errors},
            "alerts": _alerts(parts, executors, errors, leading=leader is not None),
        }


def _status(parts: Mapping[str, bool]) -> str:
    if not parts["database"]:
        return "down"
    return "healthy" if all(parts.values()) else "degraded"


def _tasks(ceiling: int, counts: Counts) -> Document:
    return {
        "concurrentTasks": ceiling,
        "runningTasks": counts.processing,
        "pendingTasks": counts.pending,
    }


def _stats(work: Mapping[str, Counts]) -> Document:
    standard, lumina = work["standard"], work["lumina"]
    return {
        "pending": {
            "total": standard.pending + lumina.pending,
            "standard": standard.pending,
            "lumina": lumina.pending,
        },
        "processing": standard.processing + lumina.processing,
        "completed": standard.completed + lumina.completed,
        "failed": standard.failed + lumina.failed,
        "processingRate": standard.rate,
    }


def _alerts(
    parts: Mapping[str, bool], executors: list[Document], errors: int, *, leading: bool
) -> list[Document]:
    found = [("error", f"{name} does not answer") for name, well in parts.items() if not well]
    if not leading:
        found.append(("error", "no scheduler has led yet"))
    if not any(node["status"] in _THERE for node in executors):
        found.append(("error", "no render node is online"))
    found += [
        ("warning", f"node {node['executorName']} is {node['status']}")
        for node in executors
        if node["status"] in {NodeState.QUARANTINED, NodeState.OFFLINE}
    ]
    if errors:
        found.append(("warning", f"{errors} kinds of errors in the last hour"))
    return [{"level": level, "message": message} for level, message in found]
